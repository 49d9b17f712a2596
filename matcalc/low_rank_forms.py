"""Inverses and determinants of a diagonal matrix plus a product of narrow ones, from those of a small matrix.

(sI + UV)⁻¹ = (I − U(sI + VU)⁻¹V)/s, and det(sI + UV) = sⁿ⁻ᵏ det(sI + VU) for U with k columns. Which of the two sides
takes less work depends on the sizes; programs are made of either.
Source: Henderson & Searle 1981, On deriving the inverse of a sum of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sympy import Expr, Integer

from matcalc.applications import apply
from matcalc.expressions import ONE, Apply, Expression, Identity, Number, Power, Product, Sum, postorder
from matcalc.leaves import MINUS_ONE, identity, number, ones
from matcalc.operations import is_minus_one
from matcalc.positivity import is_positive
from matcalc.powers import entrywise_power, power
from matcalc.products import multiply
from matcalc.substitutions import rebuilt
from matcalc.sums import add, negate
from matcalc.transposes import transpose

MOST_PUSHED = 8
_DETERMINANTS = frozenset({"logdet", "logabsdet", "det"})


def low_rank_forms(roots: Sequence[Expression]) -> dict[Expression, Expression]:
    """The parts of expressions that a small matrix can give, and how.

    >>> import matcalc as mc
    >>> e = mc.parse("inv(s*eye(n) + U*U')*y", where="U: matrix(n,k), y: vector(n), s: scalar")
    >>> str(low_rank_forms([e])[e])
    "(eye - U*inv(U'*U + s*eye)*U')*y/s"
    """
    order = postorder(*roots)
    if not any(_base(e) is not None for e in order):
        return {}
    rewriting = _Rewriting()
    rewriting.rewrite(order)
    return rewriting.forms


def narrow_sizes(roots: Sequence[Expression]) -> set[str]:
    """The names of the sizes that decide whether low-rank forms are worthwhile.

    >>> import matcalc as mc
    >>> sorted(narrow_sizes([mc.parse("inv(s*eye(n) + U*U')", where="U: matrix(n,k), s: scalar")]))
    ['k', 'n']
    """
    bases = [base for base in map(_base, postorder(*roots)) if base is not None]
    found = [parts for parts in map(_Parts.of, bases) if parts is not None]
    return {s.name for p in found for size in (p.inner, p.left.rows) for s in size.free_symbols}


def _base(node: Expression) -> Sum | None:
    """The sum of matrices whose inverse, or whose determinant, the node is."""
    if isinstance(node, Power) and not node.is_scalar and isinstance(node._args[1], Number):
        base = node._args[0] if node._args[1].value.is_negative and node._args[1].value.is_Integer else None
    else:
        base = node.operands[0] if isinstance(node, Apply) and node.function in _DETERMINANTS else None
    return base if isinstance(base, Sum) else None


class _Rewriting:
    """The forms found so far, and the inverses of small matrices that they are made of."""

    def __init__(self) -> None:
        self.forms: dict[Expression, Expression] = {}
        self.made: set[Expression] = set()

    def rewrite(self, order: Sequence[Expression], depth: int = 0) -> None:
        """Find the forms of nodes, operands first."""
        for node in order:
            new = self._pushed_through(node) if isinstance(node, Product) and depth < MOST_PUSHED else node
            if new is not node:
                self.rewrite([e for e in postorder(new) if e not in self.made and e not in self.forms], depth + 1)
                self.forms[node] = self.forms.get(new, new)
                continue
            if not self.forms.keys().isdisjoint(node.operands):
                new = rebuilt(node, [self.forms.get(a, a) for a in node._args])
            base = _base(new)
            parts = None if base is None else _Parts.of(base)
            if parts is not None:
                new = parts.inverse(new) if isinstance(new, Power) else parts.determinant(new) or new
            if new is not node:
                self.forms[node] = new

    def _pushed_through(self, node: Product) -> Expression:
        """(sI + UV)⁻¹U as U(sI + VU)⁻¹, and V(sI + UV)⁻¹ as (sI + VU)⁻¹V, wherever they stand in a product."""
        forward = self._pushed_right(node.chain)
        backward = self._pushed_right([transpose(f) for f in reversed(forward)])
        chain = tuple(transpose(f) for f in reversed(backward))
        return node if chain == node.chain else multiply(number(node.coefficient), *node.scalars, *chain)

    def _pushed_right(self, factors: Sequence[Expression]) -> list[Expression]:
        """The factors of a product with inverses, but for those made here, on the other side of what follows them."""
        chain = list(factors)
        i = 0
        while i < len(chain) - 1:
            before, inverse = _split(chain[i])
            base = None if inverse is None or inverse in self.made else _base(inverse)
            parts = None if base is None else _Parts.of(base)
            if inverse is not None and parts is not None and parts.diagonal.is_scalar:
                left = _chain(parts.left)
                if tuple(chain[i + 1 : i + 1 + len(left)]) == left:
                    small = power(parts.small(), inverse._args[1])
                    self.made |= {small, transpose(small)}
                    chain[i : i + 1 + len(left)] = [multiply(before, *left), small]
            i += 1
        return chain


def _split(node: Expression) -> tuple[Expression, Power | None]:
    """X and P where the node, maybe a sum, is X·P with a negative power P; else P is None."""
    if isinstance(node, Power):
        return identity(node.rows), node
    if isinstance(node, Product) and isinstance(node.chain[-1], Power):
        before = node.chain[:-1] or [identity(node.rows)]
        return multiply(number(node.coefficient), *node.scalars, *before), node.chain[-1]
    if isinstance(node, Sum):
        found = [_split(t) for t in node._args if not isinstance(t, Sum)]
        first = found[0][1]
        if len(found) == len(node._args) and first is not None and all(p is first for _, p in found):
            return add(*(before for before, _ in found)), first
    return node, None


def _chain(node: Expression) -> tuple[Expression, ...]:
    """The factors of a product of matrices."""
    return node.chain if isinstance(node, Product) else (node,)


class _Parts(NamedTuple):
    """D + left·right, where D is s·I or diag(w), and the length of the side where left and right meet."""

    diagonal: Expression
    left: Expression
    right: Expression
    inner: Expr

    @classmethod
    def of(cls, base: Sum) -> _Parts | None:
        """The parts of a sum, or None."""
        diagonals = [_diagonal(t) for t in base._args]
        known = [d for d in diagonals if d is not None]
        products = [t for t, d in zip(base._args, diagonals, strict=True) if d is None]
        if not known or len(products) != 1 or not isinstance(products[0], Product):
            return None
        chain = products[0].chain
        places = [i for i in range(1, len(chain)) if chain[i].rows is not base.rows]
        if not places:
            return None
        i = min(places, key=lambda i: chain[i].rows is not ONE)
        if not all(d.is_scalar for d in known):
            known = [multiply(d, ones(base.rows, ONE)) if d.is_scalar else d for d in known]
        right = multiply(number(products[0].coefficient), *products[0].scalars, *chain[i:])
        return cls(add(*known), multiply(*chain[:i]), right, chain[i].rows)

    @property
    def _reciprocals(self) -> Expression:
        """D⁻¹ where D is diag(w)."""
        return apply("diag", entrywise_power(self.diagonal, MINUS_ONE))

    def small(self) -> Expression:
        """sI + right·left, or I + right·D⁻¹·left."""
        eye = identity(self.inner)
        if self.diagonal.is_scalar:
            return add(multiply(self.diagonal, eye), multiply(self.right, self.left))
        return add(eye, multiply(self.right, self._reciprocals, self.left))

    def inverse(self, node: Power) -> Expression:
        """The power of the inverse that the node is."""
        small = power(self.small(), MINUS_ONE)
        if self.diagonal.is_scalar:
            difference = add(identity(self.left.rows), negate(multiply(self.left, small, self.right)))
            found = multiply(power(self.diagonal, MINUS_ONE), difference)
        else:
            D = self._reciprocals
            found = add(D, negate(multiply(D, self.left, small, self.right, D)))
        exponent = node._args[1]
        return found if is_minus_one(exponent) else power(found, number(-exponent.value))

    def determinant(self, node: Apply) -> Expression | None:
        """The determinant, or its logarithm, where D is known to be positive; else None."""
        if not is_positive(self.diagonal):
            return None
        small = apply(node.function, self.small())
        if self.diagonal.is_scalar:
            count = number(self.left.rows - self.inner)
            if node.function == "det":
                return multiply(power(self.diagonal, count), small)
            return add(small, multiply(count, apply("log", self.diagonal)))
        if node.function == "det":
            return None
        return add(small, multiply(ones(ONE, self.left.rows), apply("log", self.diagonal)))


def _diagonal(term: Expression) -> Expression | None:
    """s for s·I, w for diag(w), None for any other term."""
    if isinstance(term, Identity):
        return number(Integer(1))
    scalars: tuple[Expression, ...] = ()
    factor = term
    if isinstance(term, Product) and len(term.chain) == 1:
        scalars, factor = (number(term.coefficient), *term.scalars), term.chain[0]
    if isinstance(factor, Identity):
        return multiply(*scalars)
    if isinstance(factor, Apply) and factor.function == "diag":
        return multiply(*scalars, factor.operands[0])
    return None
