"""A quick sieve before matching: which kinds of nodes an identity needs, and which there are in an expression.

Each kind of node, and each function, is one bit of a number that a node remembers: those of itself and of all below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    variables_of,
)
from matcalc.leaves import number
from matcalc.lengths import HALF
from matcalc.sums import split_coefficient

_BITS: dict[str | type[Expression], int] = {}


def _bit(word: str | type[Expression]) -> int:
    return _BITS.get(word) or _BITS.setdefault(word, 1 << len(_BITS))


_MIRRORED = _bit("tril") | _bit("triu")  # the transpose of one is the other
_INNER, _MATRIX_POWER = _bit("inner product at the top"), _bit("power of a matrix")
_EXPONENTS = {number(k): _bit(f"power {k}") for k in (-1, HALF, 2)}


def kinds(node: Expression) -> int:
    """The kinds of the node and of all below it, a bit for each."""
    known: int | None = node._kinds
    if known is not None:
        return known
    stack = [node]
    while stack:
        top = stack[-1]
        waiting = [o for o in top.operands if o._kinds is None]
        if waiting:
            stack += waiting
        else:
            stack.pop()
            found = _own_kind(top)
            for o in top.operands:
                found |= o._kinds
            top._kinds = found
    return found


def _own_kind(node: Expression) -> int:
    kind = type(node)
    if kind is Apply:
        return _bit(node.function)
    if kind is Power:
        return _bit(Power) | (0 if node.is_scalar else _MATRIX_POWER) | _EXPONENTS.get(node._args[1], 0)
    return _bit(kind)


def kinds_and_place(node: Expression) -> int:
    """The kinds, and whether the node is an inner product or has one among its factors."""
    found = node._kinds or kinds(node)
    if type(node) is Product:
        if node.is_scalar and node.chain:
            return found | _INNER
        for s in node.scalars:
            if type(s) is Product:
                return found | _INNER
    return found


def function_kinds(names: Iterable[str]) -> int:
    """The kinds of functions, and that of the power of a matrix for `inv`."""
    found = 0
    for name in names:
        found |= _MATRIX_POWER if name == "inv" else _bit(name)
    return found


def heads(node: Expression) -> set[str]:
    """The kinds of the operands and of what is inverted in them.

    Variables and numbers are left out: they match anything, or are looked for by value.
    """
    found = set()
    for o in node.operands:
        kind = type(o)
        if kind is Product and type(node) is Sum:
            o = split_coefficient(o)[1]
            kind = type(o)
        if kind is Variable or kind is Number or kind is Transpose:
            continue
        found.add(o.function if kind is Apply else kind.__name__)
        if kind is Power or kind is EntrywisePower:
            base = o._args[0]
            found.add(base.function if type(base) is Apply else type(base).__name__)
        elif kind is Product or kind is Sum:
            found.update(_inverted(o))
    return found


def _inverted(node: Expression) -> Iterator[str]:
    """What kinds of matrices are inverted among the factors of a product, or of the terms of a sum."""
    for term in node.operands if isinstance(node, Sum) else (node,):
        for f in term.chain if isinstance(term, Product) else (term,):
            if type(f) is Power and not f.is_scalar and type(f._args[0]) is not Variable:
                base = f._args[0]
                yield f"inv {base.function if type(base) is Apply else type(base).__name__}"


def needs(left: Expression) -> int:
    """The kinds without which there is no instance of a pattern at the top of a node, as matching looks for it.

    >>> import matcalc as mc
    >>> pattern, node = mc.parse("A*inv(A + B)"), mc.parse("C*(A + inv(B))")
    >>> needs(pattern) & ~kinds(node), needs(pattern) & ~kinds(mc.parse("x'*inv(S + D)*y")) == 0
    (0, True)
    """
    found = kinds_and_place(left) & _INNER
    bound: set[Expression] = set()
    if isinstance(left, Sum):
        found |= _bit(Sum)
        for term in left._args:
            found |= _needs(split_coefficient(term)[1], bound)
    else:
        found |= _needs(left, bound)
    return found & ~_MIRRORED


def _needs(pattern: Expression, bound: set[Expression]) -> int:
    """The kinds in all instances of a part of a pattern, whose parameters are bound when it is matched."""
    if isinstance(pattern, Transpose):
        pattern = pattern._args[0]  # what is transposed contains the same kinds
    kind = type(pattern)
    if kind is Variable or kind is Number:
        bound.update(variables_of(pattern))
        return 0
    if isinstance(pattern, (Sum, Hadamard)):
        return _bit(type(pattern)) | _needs_of_any(pattern._args, bound)
    if isinstance(pattern, Product):
        # -X may be anything, and the sign of a factor may be that of the whole
        found = _bit(Product) if len(pattern.scalars) + len(pattern.chain) > 1 else 0
        for factor in pattern.chain:
            found |= _needs(factor, bound)
            if isinstance(factor, Sum) and any(isinstance(t, Identity) for t in factor._args):
                found |= _bit(Identity)
        return found | _needs_of_any(pattern.scalars, bound)
    found = _bit(pattern.function) if isinstance(pattern, Apply) else _bit(type(pattern))
    if isinstance(pattern, Power):
        found |= _EXPONENTS.get(pattern._args[1], 0)
    for operand in pattern.operands:
        found |= _needs(operand, bound)
    return found


def _needs_of_any(patterns: Sequence[Expression], bound: set[Expression]) -> int:
    """The kinds in all instances of parts in any order; a part that is bound is matched by value, of whatever kind."""
    found, waiting = 0, list(patterns)
    while waiting:
        first = min(waiting, key=lambda p: (isinstance(p, Variable), not bound.issuperset(variables_of(p))))
        waiting.remove(first)
        if not bound.issuperset(variables_of(first)):
            found |= _needs(first, bound)
    return found
