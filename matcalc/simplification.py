"""Simplification: of the equal forms of a result, one with few operations.

Bottom up over the graph, each node once: the identities of the rule book where they shorten it, sums factored,
products multiplied out where something cancels.  Deterministic, and bounded in time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from sympy import Integer, Rational

from matcalc.applications import apply
from matcalc.common_factors import factor
from matcalc.entry_sums import without_index
from matcalc.expansions import Counts, complemented, expanded, is_promising
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
    Variable,
    postorder,
)
from matcalc.leaves import number, ones
from matcalc.lengths import HALF, length
from matcalc.matching import rewrite_at
from matcalc.powers import entrywise_power, power
from matcalc.registries import CONSTRUCTORS
from matcalc.rule_book import Book, Record, Rule, head
from matcalc.sieves import function_kinds, heads, kinds_and_place, needs
from matcalc.substitutions import substitute
from matcalc.sums import add, negate

MOST_ROUNDS = 8
MOST_NESTED = 4
# What is so much longer multiplied out, and not short, is not shorter in the end: of 1,900 tries in all corpora 2 were.
SHORT, MOST_GROWTH = 80, 2
MOST_SIEVED = 10_000


def simplify(root: Expression) -> Expression:
    """An equal expression, shorter where the identities and common factors make it so.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> str(simplify(A @ x + A.T @ x))
    "(A + A')*x"
    """
    return _Search().settled(root, postorder(root))


def simplify_all(roots: Iterable[Expression]) -> list[Expression]:
    """Equal expressions for each of several, shorter where they can be; what they share is simplified once.

    >>> import matcalc as mc
    >>> A, x, y = mc.variables("A: matrix(n,n), x, y: vector(n)")
    >>> simplify_all([A @ x + A @ y, x.T @ (A @ x + A @ y)])
    [A*(x + y), x'*A*(x + y)]
    """
    search = _Search()
    return [search.settled(root, [n for n in postorder(root) if n not in search.settled_fully]) for root in roots]


def collected(root: Expression) -> Expression:
    """An equal expression, shortened by identities and common factors only, with nothing multiplied out.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> str(collected(A @ x + A.T @ x))
    "(A + A')*x"
    """
    return _Search().settled(root, postorder(root), MOST_NESTED)


class _Search:
    """One simplification: what has become shorter, and what has been seen to."""

    def __init__(self) -> None:
        self.has_complements = False
        self.counts: Counts = {}
        self.shorter: dict[Expression, Expression] = {}
        self.seen: set[Expression] = set()
        self.tried: set[Expression] = set()
        self.settled_fully: set[Expression] = set()

    def settled(self, root: Expression, order: Sequence[Expression], nested: int = 0) -> Expression:
        """The shortest form found; nested searches are those for parts that a step has made."""
        shorter, seen = self.shorter, self.seen
        for node in order:
            if node.operands:  # a leaf cannot be shorter
                better = node
                if shorter and not shorter.keys().isdisjoint(node.operands):
                    better = self._with_settled_parts(_rebuilt(node, shorter), nested)
                better = self._improved(better, nested)
                seen.add(node)
                if not nested:
                    self.settled_fully.add(node)
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
        kind = type(better)
        if kind is Sum or (kind is Product and _is_scaled_sum(better)):
            better = factor(better)
        if better is not node or nested == MOST_NESTED:
            return better
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
        if others and others[0] is not None and length(others[0]) > max(SHORT, MOST_GROWTH * length(node)):
            others = []
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


def _is_scaled_sum(node: Expression) -> bool:
    factors = node.chain or node.scalars
    return len(factors) == 1 and type(factors[0]) is Sum and not (node.chain and node.scalars)


# ---- identities ---------------------------------------------------------------------------------------------------


class Identity(NamedTuple):
    """An identity, its place in the book, and what its left side needs: in all, and among the operands."""

    place: int
    left: Expression
    right: Expression
    needed: int
    needed_heads: frozenset[str]


_identities: dict[str, list[Identity]] = {}
_sieved: dict[tuple[str, int], list[Identity]] = {}
"""Those for a head and for the relevant kinds of nodes that there are."""

_waiting: list[tuple[int, int, Record]] | None = None
"""The identities that were not read yet, each after its functions and its place."""

_functions = -1
"""The kinds of the functions of identities, as soon as it is known which there are."""

_met: set[int] = set()
"""Which of them were present together when identities were read."""

_relevant: dict[str, int] = {}
"""All kinds of nodes that the identities with one head need."""

_NONE: list[Identity] = []

_complements: set[str] = set()
"""The functions with f(-X) = 1 - f(X)."""


def _read_identities(present: int) -> None:
    """Read the identities of the book whose functions are all present."""
    global _waiting, _functions
    if _waiting is None:
        _waiting = [(function_kinds(r.left_words), i, r) for i, r in enumerate(Book.get().identity_records())]
        _functions = 0
        for functions, _, _ in _waiting:
            _functions |= functions
    if len(_met) > MOST_SIEVED:
        _met.clear()
    _met.add(present & _functions)
    ready = [w for w in _waiting if not w[0] & ~present]
    if ready:
        _waiting = [w for w in _waiting if w[0] & ~present]
        for _, place, record in ready:
            _add_identity(place, record.rule)
        _sieved.clear()


def _add_identity(place: int, rule: Rule) -> None:
    pairs = [(rule.left, rule.right)]
    scalar = _for_scalars(rule.left, rule.right)
    if scalar is not None and scalar[0] is not scalar[1]:
        pairs.append(scalar)
    if isinstance(rule.right, Apply) and len(rule.right.operands) == 1 and rule.left is _complement_of(rule.right):
        _complements.add(rule.right.function)
    for left, right in pairs:
        name, needed = head(left), needs(left)
        identity = Identity(place, left, right, needed, frozenset(heads(left)))
        insort(_identities.setdefault(name, []), identity, key=itemgetter(0))
        _relevant[name] = _relevant.get(name, 0) | needed


def _complement_of(node: Apply) -> Expression:
    """1 - f(-X) for f(X)."""
    return add(ones(*node.shape), negate(apply(node.function, negate(node.operands[0]))))


def forget_identities() -> None:
    """Forget what was collected, when the rule book has changed."""
    global _waiting, _functions
    _waiting, _functions = None, -1
    for table in (_complements, _identities, _met, _relevant, _sieved):
        table.clear()


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


def _candidates(node: Expression) -> list[Identity]:
    """The identities of which there may be an instance at the top of the node."""
    present = kinds_and_place(node)
    if present & _functions not in _met:
        _read_identities(present)
    name = head(node)
    relevant = _relevant.get(name)
    if relevant is None:
        return _NONE
    found = _sieved.get((name, present & relevant))
    if found is None:
        if len(_sieved) > MOST_SIEVED:
            _sieved.clear()
        found = _sieved[name, present & relevant] = [i for i in _identities[name] if not i.needed & ~present]
    return found


def _apply_identities(node: Expression) -> Expression:
    present = None
    for _, left, right, _, needed_heads in _candidates(node):
        if needed_heads:
            present = present or heads(node)
            if not needed_heads <= present:
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
