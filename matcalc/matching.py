"""Matching a pattern of the rule book against an expression in normal form.

Commutativity and associativity are the normal form's: terms, scalar factors and entrywise factors match in any
order, matrix factors as a run of neighbours.  At the top of a pattern a remainder may be left over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sympy import Expr, expand

from matcalc.comparisons import are_equal
from matcalc.expressions import (
    ONE,
    Dimension,
    EntrywisePower,
    Expression,
    Hadamard,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    variables_of,
)
from matcalc.leaves import MINUS_ONE, number
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.products import multiply
from matcalc.structures import has_property
from matcalc.substitutions import substitute
from matcalc.sums import add, negate, split_coefficient
from matcalc.transposes import transpose


@dataclass
class Match:
    """What the parameters and dimensions of a pattern stand for."""

    values: dict[Expression, Expression] = field(default_factory=dict)
    sizes: dict[Any, Dimension] = field(default_factory=dict)

    def copy(self) -> Match:
        """A copy to extend."""
        return Match(dict(self.values), dict(self.sizes))

    def value(self, template: Expression) -> Expression:
        """The template with everything put in."""
        return substitute(template, self.values, self.sizes)


def match_size(pattern: Dimension, size: Dimension, found: Match) -> bool:
    """Match one dimension."""
    if pattern.is_Symbol:
        return are_equal(found.sizes.setdefault(pattern, size), size)
    return bool(expand(pattern.xreplace(found.sizes)) == size)


def match(pattern: Expression, node: Expression, found: Match) -> Iterator[Match]:
    """All ways in which the whole node is an instance of the pattern."""
    if isinstance(pattern, Variable):
        yield from _match_parameter(pattern, node, found)
    elif isinstance(pattern, Transpose):
        yield from match(pattern._args[0], transpose(node), found)
    elif pattern._args[0] is MINUS_ONE and len(pattern._args) == 2 and isinstance(pattern._args[1], Variable):
        yield from _match_parameter(pattern._args[1], negate(node), found)
    elif type(pattern) is not type(node):
        return
    elif isinstance(pattern, (Sum, Hadamard)):
        if len(pattern._args) == len(node._args):
            yield from _match_all(list(pattern._args), list(node._args), found)
    elif isinstance(pattern, Product):
        same = pattern.coefficient == node.coefficient and len(pattern.chain) == len(node.chain)
        if same and len(pattern.scalars) == len(node.scalars):
            for m in _match_sequence(pattern.chain, node.chain, found):
                yield from _match_all(list(pattern.scalars), list(node.scalars), m)
    else:
        yield from _match_arguments(pattern, node, found)


def _match_parameter(pattern: Variable, node: Expression, found: Match) -> Iterator[Match]:
    if pattern in found.values:
        if found.values[pattern] is node:
            yield found
        return
    if pattern.is_scalar != node.is_scalar:
        return
    if pattern.properties and not all(has_property(node, word) for word in pattern.properties):
        return
    m = found.copy()
    m.values[pattern] = node
    if all(match_size(p, d, m) for p, d in zip(pattern.shape, node.shape, strict=True)):
        yield m


def _match_arguments(pattern: Expression, node: Expression, found: Match) -> Iterator[Match]:
    if isinstance(pattern, Number) or isinstance(node, Number):
        if pattern is node:
            yield found
        elif isinstance(pattern, Number) and isinstance(node, Number) and pattern.value.is_Symbol:
            m = found.copy()
            if match_size(pattern.value, node.value, m):
                yield m
        return
    if len(pattern._args) != len(node._args):
        return
    m = found.copy()
    pairs: list[tuple[Expression, Expression]] = []
    for p, a in zip(pattern._args, node._args, strict=True):
        if isinstance(p, Expression):
            pairs.append((p, a))
        elif isinstance(p, Expr):
            if not match_size(p, a, m):
                return
        elif p != a:
            return
    yield from _match_sequence([p for p, _ in pairs], [a for _, a in pairs], m)


def _match_sequence(patterns: Sequence[Expression], nodes: Sequence[Expression], found: Match) -> Iterator[Match]:
    if not patterns:
        yield found
        return
    for m in match(patterns[0], nodes[0], found):
        yield from _match_sequence(patterns[1:], nodes[1:], m)


def _match_all(patterns: list[Expression], nodes: list[Expression], found: Match) -> Iterator[Match]:
    for m, rest in _match_some(patterns, nodes, found):
        if not rest:
            yield m


def _match_some(
    patterns: list[Expression], nodes: list[Expression], found: Match
) -> Iterator[tuple[Match, list[Expression]]]:
    """Each pattern matched with another node; the nodes left over come with the match."""
    if not patterns:
        yield found, nodes
        return
    # what is bound already is looked for by value, so that it may stand in another normal form
    first = min(patterns, key=lambda p: (isinstance(p, Variable), not _is_bound(p, found)))
    others = [p for p in patterns if p is not first]
    if _is_bound(first, found):
        wanted = found.value(first)
        for i, node in enumerate(nodes):
            rest = _without(node, wanted)
            if rest is not None:
                yield from _match_some(others, nodes[:i] + rest + nodes[i + 1 :], found)
                return
        return
    for i, node in enumerate(nodes):
        for m in match(first, node, found):
            yield from _match_some(others, nodes[:i] + nodes[i + 1 :], m)
        base, _ = _base_and_exponent(node)
        rest = _without(node, base) if base is not node and type(first) is type(base) else None
        if rest:
            for m in match(first, base, found):
                yield from _match_some(others, nodes[:i] + rest + nodes[i + 1 :], m)


def _is_bound(pattern: Expression, found: Match) -> bool:
    parameters = _parameters(pattern)
    if not parameters:  # ones(m,n), whose sizes may be open yet
        return all(s in found.sizes for d in pattern.shape for s in d.free_symbols)
    return all(p in found.values for p in parameters)


@lru_cache(maxsize=4096)
def _parameters(pattern: Expression) -> tuple[Variable, ...]:
    return tuple(variables_of(pattern))


def _without(node: Expression, wanted: Expression) -> list[Expression] | None:
    """What is left of a factor when ``wanted`` is taken from it: nothing, or a lower power."""
    if node is wanted:
        return []
    (base, have), (other, take) = _base_and_exponent(node), _base_and_exponent(wanted)
    if base is other and have.is_number and have * take > 0 and abs(have) > abs(take):
        raised = power if base.is_scalar else entrywise_power
        return [raised(base, number(have - take))]
    return None


def _base_and_exponent(node: Expression) -> tuple[Expression, Expr]:
    """``(b, k)`` with node = b^k for a number k, entry by entry."""
    if isinstance(node, EntrywisePower) or (isinstance(node, Power) and node.is_scalar):
        base, exponent = node._args
        if isinstance(exponent, Number) and base.shape == node.shape:
            return base, exponent.value
    return node, ONE


def rewrite_at(left: Expression, right: Expression, node: Expression) -> Iterator[Expression]:
    """The results of replacing an instance of ``left`` at the top of a node, a remainder kept, by ``right``."""
    if isinstance(node, Sum) and isinstance(left, Sum):
        yield from _rewrite_sum(left, right, node)
    elif isinstance(node, Hadamard) and isinstance(left, Hadamard):
        for m, rest in _match_some(list(left._args), list(node._args), Match()):
            yield hadamard(m.value(right), *rest)
    elif isinstance(node, Product) and isinstance(left, Product):
        yield from _rewrite_product(left, right, node)
    else:
        for m in match(left, node, Match()):
            yield m.value(right)


def _rewrite_sum(left: Sum, right: Expression, node: Sum) -> Iterator[Expression]:
    """Some terms of a sum; the common factor of the terms that match may be any number."""
    if len(node._args) > 40:
        return
    (c0, first), *others = (split_coefficient(t) for t in left._args)
    for i, term in enumerate(node._args):
        c, rest = split_coefficient(term)
        factor = c / c0
        for m in match(first, rest, Match()):
            yield from _extend_sum(others, factor, node._args[:i] + node._args[i + 1 :], m, right)


def _extend_sum(
    patterns: list[tuple[Expr, Expression]],
    factor: Expr,
    terms: tuple[Expression, ...],
    found: Match,
    right: Expression,
) -> Iterator[Expression]:
    if not patterns:
        yield add(multiply(number(factor), found.value(right)), *terms)
        return
    c0, first = patterns[0]
    for i, term in enumerate(terms):
        c, rest = split_coefficient(term)
        if c == factor * c0:
            for m in match(first, rest, found):
                yield from _extend_sum(patterns[1:], factor, terms[:i] + terms[i + 1 :], m, right)


def _rewrite_product(left: Product, right: Expression, node: Product) -> Iterator[Expression]:
    if node.is_scalar and node.chain:
        if left.is_scalar and len(left.chain) == len(node.chain):
            # an inner product is stored in one of its two orders
            for chain in (node.chain, tuple(transpose(f) for f in reversed(node.chain))):
                for m in _match_sequence(left.chain, chain, Match()):
                    yield m.value(right)
        return
    pattern_chain = () if left.is_scalar and left.chain else left.chain
    scalars = [left] if left.is_scalar and left.chain else list(left.scalars)
    width = len(pattern_chain)
    if scalars and not node.scalars:
        return
    factor = number(node.coefficient / left.coefficient)
    for start in range(len(node.chain) - width + 1 if width else 1):
        before, after = node.chain[:start], node.chain[start + width :]
        for run, sign in _up_to_sign(pattern_chain, node.chain[start : start + width]):
            for m in _match_sequence(pattern_chain, run, Match()):
                for found, rest in _match_some(scalars, list(node.scalars), m):
                    yield multiply(sign, factor, *rest, multiply(*before, found.value(right), *after))


def _up_to_sign(
    patterns: Sequence[Expression], run: Sequence[Expression]
) -> Iterator[tuple[Sequence[Expression], Number]]:
    """The factors, and those with the opposite of a sum among them: the normal form may have taken out a sign."""
    yield run, number(ONE)
    for i, (pattern, factor) in enumerate(zip(patterns, run, strict=True)):
        if type(pattern) is Sum and type(factor) is Sum:
            yield (*run[:i], negate(factor), *run[i + 1 :]), MINUS_ONE
