"""The normal form of sums: flattened, ordered by key, like terms collected, numeric content taken out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sympy import Expr, Integer, Rational, S, igcd, ilcm

from matcalc.comparisons import is_negative, is_odd
from matcalc.errors import ShapeError
from matcalc.expressions import ONE, SCALAR, Expression, Number, Power, Product, Shape, Sum, Zero, intern
from matcalc.leaves import (
    ONE_NODE,
    normal_size,
    number,
    zero,
)
from matcalc.registries import CONSTRUCTORS, method

ZERO_VALUE: Integer = S.Zero
MINUS = S.NegativeOne
MOST_LEVELS = 4


def describe(node: Expression) -> str:
    """The node's text and shape, for messages."""
    return f"{method('text')(node)} ({node.rows}×{node.columns})"


def split_coefficient(term: Expression) -> tuple[Expr, Expression]:
    """``(c, rest)`` with term = c·rest and rest free of a numeric coefficient."""
    kind = type(term)
    if kind is Product:
        c: Expr = term.coefficient
        if c is ONE:
            return ONE, term
        if term.bare is None:
            term.bare = product_of(ONE, term.scalars, term.chain, term.shape)
        if type(term.bare) is not Power:
            return c, term.bare
        sign, rest = split_coefficient(term.bare)
        return c * sign, rest
    if kind is Number:
        return term.value, ONE_NODE
    if kind is Power and _has_minus(term):
        return MINUS, _opposite_power(term)
    return ONE, term


def add(*terms: Expression) -> Expression:
    """The sum of terms of one shape."""
    if len(terms) == 1:
        return terms[0]
    coefficients: dict[Expression, Expr] = {}
    shape = terms[0].shape
    for term in terms:
        if term.shape != shape:
            raise ShapeError(f"cannot add {describe(terms[0])} and {describe(term)}")
        kind = type(term)
        if kind is Zero:
            continue
        outer, rest = (ONE, term) if kind is Sum else split_coefficient(term)
        if type(rest) is Sum:
            for inner_term in rest._args:
                c, inner = split_coefficient(inner_term)
                c = c if outer is ONE else outer * c
                coefficients[inner] = coefficients[inner] + c if inner in coefficients else c
        else:
            coefficients[rest] = coefficients[rest] + outer if rest in coefficients else outer
    present = [(rest, c) for rest, c in coefficients.items() if c is not ZERO_VALUE]
    if not present:
        return zero(*shape)
    if len(present) == 1:
        return scale(present[0][1], present[0][0])
    present.sort(key=lambda pair: pair[0].key)
    content = _content([c for _, c in present])
    if content is not ONE:
        present = [(rest, c / content) for rest, c in present]
    node = intern(Sum, tuple([rest if c is ONE else scale(c, rest) for rest, c in present]), shape, True)
    return node if content is ONE else scale(content, node)


def _content(coefficients: Sequence[Expr]) -> Expr:
    """The positive rational with which all coefficients become integers without a common factor."""
    for c in coefficients:
        if c is not ONE and c is not MINUS:
            break
    else:
        return ONE
    if not all(isinstance(c, Rational) for c in coefficients):
        return ONE
    numerators = [c.p for c in coefficients]
    denominators = [c.q for c in coefficients]
    return Rational(igcd(*numerators), ilcm(*denominators)) if len(coefficients) > 1 else ONE


def scale(c: Expr, node: Expression) -> Expression:
    """A number times an expression."""
    if c is ONE:
        return node
    if c is ZERO_VALUE:
        return zero(*node.shape)
    kind = type(node)
    if kind is Number:
        return number(c * node.value)
    if kind is Product and not (node.is_scalar and node.chain):
        coefficient = c if node.coefficient is ONE else c * node.coefficient
        return product_of(coefficient, node.scalars, node.chain, node.shape)
    if kind is Zero:
        return node
    return product_of(c, (node,), (), SCALAR) if node.is_scalar else product_of(c, (), (node,), node.shape)


def negate(node: Expression) -> Expression:
    """``-node``."""
    return scale(MINUS, node)


def product_of(c: Expr, scalars: tuple[Expression, ...], chain: tuple[Expression, ...], shape: Shape) -> Expression:
    """The product of parts that are already in normal form."""
    if c is not ONE and not isinstance(c, Rational):
        c = normal_size(c)
    factors = scalars + chain
    if not factors:
        return number(c)
    if len(factors) == 1:
        only = factors[0]
        if c is ONE:
            return only
        if type(only) is Sum and is_negative(c):
            return product_of(-c, *_sorted_into(_negated_sum(only)), shape)
        if type(only) is Power and scalars and is_negative(c) and _is_odd_power_of_sum(only):
            return product_of(-c, (_opposite_power(only),), (), shape)
    args = factors if c is ONE else (number(c), *factors)
    node: Expression = intern(Product, args, shape, True, coefficient=c, scalars=scalars, chain=chain, bare=None)
    return node


def _is_odd_power_of_sum(node: Expression) -> bool:
    if not isinstance(node, Power) or not isinstance(node._args[0], Sum):
        return False
    return isinstance(node._args[1], Number) and is_odd(node._args[1].value)


def _sorted_into(node: Expression) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    return ((node,), ()) if node.is_scalar else ((), (node,))


@lru_cache(maxsize=4096)  # so that in a tower of quotients only the last one is looked at
def _negated_sum(node: Sum) -> Expression:
    return intern(Sum, tuple([negate(t) for t in node._args]), node.shape, True)


def _has_minus(term: Expression, levels: int = MOST_LEVELS) -> bool:
    """Whether a term has a negative coefficient, or one hidden in an odd power of a sum: 1/(-x - 1) is -1/(x + 1).

    Signs that are deeper than a few levels are left where they are, so that towers of quotients take no time.
    """
    kind = type(term)
    if kind is Product:
        return is_negative(term.coefficient)
    if kind is Number:
        return is_negative(term.value)
    if kind is Power and levels and term.is_scalar and _is_odd_power_of_sum(term):
        return _has_minus(term._args[0]._args[0], levels - 1)
    return False


def _opposite_power(node: Expression) -> Expression:
    found: Expression = CONSTRUCTORS["Power"](_negated_sum(node._args[0]), node._args[1])
    return found


def unsigned(node: Expression) -> tuple[bool, Expression]:
    """``(flipped, node or -node)``: a sum with the sign that makes its first term positive."""
    if type(node) is Sum and _has_minus(node._args[0]):
        return True, _negated_sum(node)
    return False, node


def unsigned_power(node: Expression) -> tuple[bool, Expression]:
    """``unsigned`` for a sum or an odd power of a sum."""
    if isinstance(node, Power) and isinstance(node._args[1], Number) and is_odd(node._args[1].value):
        flipped, base = unsigned(node._args[0])
        if flipped:
            return True, CONSTRUCTORS["Power"](base, node._args[1])
    return unsigned(node)
