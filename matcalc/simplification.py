"""Simplification: of the equal forms of a result, one with few operations.

Bottom up over the graph, each node once: the identities of the rule book where they shorten it, sums factored,
products multiplied out where something cancels.  Deterministic, and bounded in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sympy import Integer, Rational

from matcalc.applications import apply
from matcalc.common_factors import factor
from matcalc.entry_sums import without_index
from matcalc.expansions import complemented, expanded, is_promising
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    IndexedSum,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    postorder,
)
from matcalc.leaves import number, ones
from matcalc.lengths import HALF, length
from matcalc.matching import rewrite_at
from matcalc.powers import entrywise_power, power
from matcalc.registries import CONSTRUCTORS
from matcalc.rule_book import Book, Record, Rule, head
from matcalc.substitutions import substitute
from matcalc.sums import add, negate, split_coefficient

MOST_ROUNDS = 8
MOST_NESTED = 4


def simplify(root: Expression) -> Expression:
    """An equal expression, shorter where the identities and common factors make it so.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> str(simplify(A @ x + A.T @ x))
    "(A + A')*x"
    """
    order = postorder(root)
    _collect_identities(order)
    return _Search().settled(root, order)


def collected(root: Expression) -> Expression:
    """An equal expression, shortened by identities and common factors only, with nothing multiplied out.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> str(collected(A @ x + A.T @ x))
    "(A + A')*x"
    """
    order = postorder(root)
    _collect_identities(order)
    return _Search().settled(root, order, MOST_NESTED)


class _Search:
    """One simplification: what has become shorter, and what has been seen to."""

    def __init__(self) -> None:
        self.has_complements = False
        self.counts: dict[Expression, int] = {}
        self.shorter: dict[Expression, Expression] = {}
        self.seen: set[Expression] = set()
        self.tried: set[Expression] = set()

    def settled(self, root: Expression, order: Sequence[Expression], nested: int = 0) -> Expression:
        """The shortest form found; nested searches are those for parts that a step has made."""
        shorter, seen = self.shorter, self.seen
        for node in order:
            if node.operands:  # a leaf cannot be shorter
                changed = bool(shorter) and not shorter.keys().isdisjoint(node.operands)
                better = self._improved(_rebuilt(node, shorter) if changed else node, nested)
                seen.add(node)
                if better is not node:
                    shorter[node] = better
                    seen.add(better)
        return shorter.get(root, root)

    def _improved(self, node: Expression, nested: int) -> Expression:
        for _ in range(MOST_ROUNDS):
            better = self._step(node, nested)
            if better is node:
                break
            node = self._with_settled_parts(better, nested)
        return node

    def _with_settled_parts(self, node: Expression, nested: int) -> Expression:
        if nested == MOST_NESTED or self.seen.issuperset(node.operands):
            return node
        for part in node.operands:
            self.settled(part, _unseen(part, self.seen), nested + 1)
        return node if self.shorter.keys().isdisjoint(node.operands) else _rebuilt(node, self.shorter)

    def _step(self, node: Expression, nested: int) -> Expression:
        better = _apply_identities(node)
        if isinstance(better, Sum) or (isinstance(better, Product) and _is_scaled_sum(better)):
            better = factor(better)
        if better is not node or nested == MOST_NESTED:
            return better
        kind = type(node)
        if kind is Product or kind is Sum or kind is Hadamard:
            return self._cancelled(node, nested) if self.has_complements or is_promising(node) else node
        if kind is IndexedSum:
            return without_index(node) or node
        if kind is Apply and node.function in _complements:
            self.has_complements = True
        return node

    def _cancelled(self, node: Expression, nested: int) -> Expression:
        """The node multiplied out where that is shorter in the end."""
        others = [expanded(node, self.counts)] if is_promising(node) else []
        if self.has_complements:
            others += [complemented(node, _complements, self.counts), factor(node, slack=2)]
        for other in others:
            if other is not None and other is not node and other not in self.tried:
                self.tried.add(other)
                other = self.settled(other, _unseen(other, self.seen), nested + 1)
                if length(other) < length(node):
                    return other
        return node


def _unseen(root: Expression, seen: set[Expression]) -> list[Expression]:
    """The parts that have not been seen, operands before the nodes that use them."""
    order: dict[Expression, None] = {}
    stack = [root]
    while stack:
        waiting = [o for o in stack[-1].operands if o.operands and o not in seen and o not in order]
        if waiting:
            stack += waiting
        else:
            order.setdefault(stack.pop())
    return [node for node in order if node not in seen]


def _rebuilt(node: Expression, shorter: Mapping[Expression, Expression]) -> Expression:
    args = [shorter.get(a, a) if isinstance(a, Expression) else a for a in node._args]
    if isinstance(node, Apply):
        return apply(node.function, *args[1:])
    return CONSTRUCTORS[type(node).__name__](*args)


def _is_scaled_sum(node: Product) -> bool:
    factors = node.chain or node.scalars
    return len(factors) == 1 and type(factors[0]) is Sum and not (node.chain and node.scalars)


# ---- identities ---------------------------------------------------------------------------------------------------


Pair = tuple[Expression, Expression, frozenset[str]]
_identities: dict[str, list[Pair]] = {}
_waiting: list[Record] | None = None
_words: set[str] = set()
_complements: set[str] = set()
"""The functions with f(-X) = 1 - f(X)."""


def _collect_identities(nodes: Sequence[Expression]) -> None:
    """Read the identities of the book that may be of use for an expression with these functions."""
    global _waiting
    present = {e.function for e in nodes if isinstance(e, Apply)}
    if any(type(e) is Power and not e.is_scalar for e in nodes):
        present.add("inv")
    if _waiting is None:
        _waiting = Book.get().identity_records()
    elif present <= _words:
        return
    _words.update(present)
    found = [r for r in _waiting if r.left_words <= _words]
    while found:
        for record in found:
            _waiting.remove(record)
            _words.update(record.words)
            _add_identity(record.rule)
        found = [r for r in _waiting if r.left_words <= _words]


def _add_identity(rule: Rule) -> None:
    pairs = [(rule.left, rule.right)]
    scalar = _for_scalars(rule.left, rule.right)
    if scalar is not None and scalar[0] is not scalar[1]:
        pairs.append(scalar)
    if isinstance(rule.right, Apply) and len(rule.right.operands) == 1 and rule.left is _complement_of(rule.right):
        _complements.add(rule.right.function)
    for left, right in pairs:
        _identities.setdefault(head(left), []).append((left, right, frozenset(_heads(left))))


def _complement_of(node: Apply) -> Expression:
    """1 - f(-X) for f(X)."""
    return add(ones(*node.shape), negate(apply(node.function, negate(node.operands[0]))))


def _heads(node: Expression) -> set[str]:
    """The kinds of the operands and of what is inverted in them, and inner products: a quick sieve before matching.

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
        found.add(head(o))
        if kind is Power or kind is EntrywisePower:
            found.add(head(o._args[0]))
        elif kind is Product or kind is Sum:
            found.update(_inverted(o))
    if isinstance(node, Product) and (_is_inner(node) or any(map(_is_inner, node.scalars))):
        found.add("inner product")
    return found


def _inverted(node: Product | Sum) -> Iterator[str]:
    """What kinds of matrices are inverted among the factors of a product, or of the terms of a sum."""
    for term in node.operands if isinstance(node, Sum) else (node,):
        for f in term.chain if isinstance(term, Product) else (term,):
            if type(f) is Power and not f.is_scalar and type(f._args[0]) is not Variable:
                yield f"inv {head(f._args[0])}"


def _is_inner(node: Expression) -> bool:
    return isinstance(node, Product) and node.is_scalar and bool(node.chain)


def forget_identities() -> None:
    """Forget what was collected, when the rule book has changed."""
    global _waiting
    _waiting = None
    _words.clear()
    _complements.clear()
    _identities.clear()


def _for_scalars(left: Expression, right: Expression) -> tuple[Expression, Expression] | None:
    """The same identity for 1×1 matrices, where it is an entrywise one."""
    parameters = [e for e in postorder(left) if isinstance(e, Variable)]
    if len(parameters) != 1 or parameters[0].shape != left.shape or left.is_scalar:
        return None
    if any(isinstance(e, Apply) and not CONSTRUCTORS["is_entrywise"](e.function) for e in postorder(left, right)):
        return None
    p = parameters[0]
    one = {s: Integer(1) for d in p.shape for s in d.free_symbols}
    scalar = CONSTRUCTORS["Variable"](p.name)
    return substitute(left, {p: scalar}, one), substitute(right, {p: scalar}, one)


def _apply_identities(node: Expression) -> Expression:
    candidates = _identities.get(head(node), ())
    present = _heads(node) if candidates else set()
    for left, right, needed in candidates:
        if not needed <= present:
            continue
        for result in rewrite_at(left, right, node):
            if length(result) < length(node):
                return result
            break
    kind = type(node)
    return _improved_power(node) if kind is Power or kind is EntrywisePower else node


def _improved_power(node: Expression) -> Expression:
    """A power of what the root or the reciprocal of its base becomes: 1/(1 + exp(t))^2 is sigmoid(-t)^2."""
    base, exponent = node._args
    if not isinstance(exponent, Number) or not isinstance(exponent.value, Rational) or base.is_scalar != node.is_scalar:
        return node
    value = exponent.value
    if value.q > 2 or (value.p >= -1 if value.q == 1 else value.p == 1):
        return node
    if isinstance(node, Power) and not node.is_scalar:
        return node
    raised, simple = power if isinstance(node, Power) else entrywise_power, HALF if value.q == 2 else Integer(-1)
    root = raised(base, number(simple))
    better = _apply_identities(root)
    return node if better is root else raised(better, number(value / simple))
