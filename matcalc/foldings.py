"""Folding: writing the names of parts where their definitions stand in an expression.

A derivative says again what a part says: the differential of sigmoid(r) has sigmoid(r) in it. In normal form a
definition need not be a node of its own there, since sums and products are flat: A*x - b is found among the terms
of A*x - b + c, and inv(A)*b as neighbours in c'*inv(A)*b. Folding is undone by putting the definitions in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sympy import Expr

from matcalc.expressions import Apply, Expression, Hadamard, Product, Sum, postorder
from matcalc.leaves import number
from matcalc.parts import Part
from matcalc.powers import hadamard
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.sums import add, scale, split_coefficient
from matcalc.transposes import transpose

MOST_ROUNDS = 8


class _Pattern(NamedTuple):
    """A definition, or its transpose, and the name that is written for it."""

    definition: Expression
    name: Expression


class Folding:
    """The definitions of parts, found by what occurs in them.

    >>> from matcalc.reading import read, parse
    >>> where = "A: matrix(m,n), x: vector(n), b, c: vector(m)"
    >>> program = read("let r = A*x - b in norm2(r)^2", where).program
    >>> str(Folding(program.parts).folded(parse("A'*(b - A*x) + 2*A'*(A*x - b + c)", where)))
    "2*A'*(c + r) - A'*r"
    """

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self.exact: dict[Expression, Expression] = {}
        self.patterns: list[_Pattern] = []
        self.counts: Counter[Expression] = Counter()
        self.by_anchor: dict[Expression, list[_Pattern]] = {}
        self.done: dict[Expression, Expression] = {}
        for part in parts:
            self.add(part)

    def add(self, part: Part) -> None:
        """Look for the definition of one more part."""
        self.done.clear()
        definition, name = part.definition, part.variable
        patterns = [_Pattern(definition, name)]
        if not definition.is_scalar and transpose(definition) is not definition:
            patterns.append(_Pattern(transpose(definition), transpose(name)))
        for pattern in patterns:
            if pattern.definition.operands and pattern.definition not in self.exact:
                self.exact[pattern.definition] = pattern.name
                anchors = list(dict.fromkeys(_anchors(pattern.definition)))
                self.counts.update(anchors)
                if anchors:
                    rarest = min(anchors, key=lambda a: (self.counts[a], not a.operands, a.key))
                    self.by_anchor.setdefault(rarest, []).append(pattern)

    def folded(self, root: Expression) -> Expression:
        """The expression with the names of the parts wherever their definitions are seen."""
        if not self.exact:
            return root
        done = self.done
        for node in postorder(root):
            if node not in done:
                done[node] = self._named(node if all(done[o] is o for o in node.operands) else _rebuilt(node, done))
        return done[root]

    def _named(self, node: Expression) -> Expression:
        for _ in range(MOST_ROUNDS):
            found = self.exact.get(node)
            if found is not None:
                return found
            after = next(self._replaced(node), node)
            if after is node:
                break
            node = after
        return node

    def _replaced(self, node: Expression) -> Iterator[Expression]:
        """The node with a name in it where a definition is a part of a sum or product."""
        if isinstance(node, (Sum, Product, Hadamard)):
            for anchor in dict.fromkeys(_anchors(node)):
                for pattern in self.by_anchor.get(anchor, ()):
                    if type(pattern.definition) is type(node):
                        after = _REPLACEMENTS[type(node)](pattern, node)
                        if after is not None:
                            yield after


def _rebuilt(node: Expression, done: dict[Expression, Expression]) -> Expression:
    args = [done[a] if isinstance(a, Expression) else a for a in node._args]
    if isinstance(node, Apply):
        return CONSTRUCTORS["Apply"](node.function, *args[1:])
    return CONSTRUCTORS[type(node).__name__](*args)


def _anchors(node: Expression) -> Iterator[Expression]:
    """What an expression that contains this one as a part has to have among its own terms or factors."""
    if isinstance(node, Sum):
        yield from (split_coefficient(t)[1] for t in node._args)
    elif isinstance(node, Product):
        yield from (*node.chain, *node.scalars)
    elif isinstance(node, Hadamard):
        yield from node._args


def _in_sum(pattern: _Pattern, node: Expression) -> Expression | None:
    """Some terms of a sum are a multiple of the definition."""
    terms = {rest: c for c, rest in map(split_coefficient, node._args)}
    wanted = {rest: c for c, rest in map(split_coefficient, pattern.definition._args)}
    if len(wanted) > len(terms) or not terms.keys() >= wanted.keys():
        return None
    first = next(iter(wanted))
    ratio = terms[first] / wanted[first]
    if any(terms[rest] != ratio * c for rest, c in wanted.items()):
        return None
    return add(scale(ratio, pattern.name), *(scale(c, rest) for rest, c in terms.items() if rest not in wanted))


def _in_product(pattern: _Pattern, node: Expression) -> Expression | None:
    """Some neighbours in a chain and some scalar factors are the definition, up to a number."""
    definition = pattern.definition
    assert isinstance(definition, Product) and isinstance(node, Product)
    ratio: Expr = node.coefficient / definition.coefficient
    if abs(definition.coefficient) != 1 and abs(ratio) != 1:
        return None
    if definition.is_scalar and definition.chain:
        return None  # an inner product is an operand of its own, and found there
    scalars = _without(node.scalars, definition.scalars)
    start = _run(definition.chain, node.chain)
    if scalars is None or start is None:
        return None
    if not definition.chain:
        return multiply(number(ratio), *scalars, pattern.name, multiply(*node.chain))
    after = node.chain[start + len(definition.chain) :]
    return multiply(number(ratio), *scalars, multiply(*node.chain[:start], pattern.name, *after))


def _in_hadamard(pattern: _Pattern, node: Expression) -> Expression | None:
    """Some entrywise factors are the definition."""
    others = _without(node._args, pattern.definition._args)
    return None if others is None else hadamard(pattern.name, *others)


def _run(wanted: tuple[Expression, ...], chain: tuple[Expression, ...]) -> int | None:
    """Where some factors stand side by side in a chain."""
    width = len(wanted)
    return next((i for i in range(len(chain) - width + 1) if chain[i : i + width] == wanted), None)


def _without(factors: tuple[Expression, ...], wanted: tuple[Expression, ...]) -> list[Expression] | None:
    """The factors that are left when some are taken out, or None where one of those is missing."""
    rest = list(factors)
    for factor in wanted:
        if factor not in rest:
            return None
        rest.remove(factor)
    return rest


_REPLACEMENTS = {Sum: _in_sum, Product: _in_product, Hadamard: _in_hadamard}
