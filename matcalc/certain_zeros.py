"""Where an expression is 0 whatever its variables are: A - A' on its diagonal, x[i] - x[j] at i = j."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from matcalc.expansions import multiplied_out
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Number,
    Ones,
    Product,
    Sum,
    Transpose,
    Unit,
    postorder,
)
from matcalc.index_ranges import Range, free_indices
from matcalc.leaves import ONE_NODE, is_zero, unit, variable
from matcalc.products import multiply
from matcalc.substitutions import substitute
from matcalc.sums import add, negate
from matcalc.transposes import transpose
from matcalc.writing import text

# What is 0 where its argument is.
_THROUGH_ZERO = frozenset({"sqrt", "cbrt", "abs", "sin", "sinh", "tan", "tanh", "arctan", "arcsinh", "expm1", "log1p"})
_ANY = variable("#0", 1, 1, "integer")


class Zero(NamedTuple):
    """Where an expression is 0, and what is left out where it may be anything else, both in words."""

    at: str
    besides: str = ""
    inner: Range | None = None
    """The range that must end before the other index, where it is 0 at equal indices."""
    outer: Range | None = None


def certain_zero(e: Expression, ranges: Sequence[Range], letters: Mapping[Expression, Expression]) -> Zero | None:
    """A place at which e is certainly 0, its indices running through the ranges.

    >>> import matcalc as mc
    >>> certain_zero(mc.parse("sqdist(X, X)"), (), {}).at
    'on its diagonal'
    >>> certain_zero(mc.parse("sqdist(X, X) + eye"), (), {})
    """
    if e.is_scalar or not free_indices(e).isdisjoint(bound.index for bound in ranges):
        for index, value, inner, outer in _coincidences(ranges):
            if _is_zero_entry(substitute(e, {index: value})):
                name, other = (text(substitute(s, letters)) for s in (index, value))
                return Zero(f"at {name} = {other}", "" if inner else f" except {name} = {other}", inner, outer)
    if e.is_scalar:
        return None
    if e.rows == e.columns and _is_zero_at(e, unit(_ANY, e.rows), unit(_ANY, e.rows)):
        return Zero("on its diagonal", " off the diagonal")
    if ONE in e.shape:
        length = e.rows if e.columns is ONE else e.columns
        full = [bound.index for bound in ranges if isinstance(bound.upper, Number) and bound.upper.value == length]
        units = [u._args[0] for u in postorder(e) if isinstance(u, Unit) and u.rows == length]
        fixed = [index for index in units if isinstance(index, Number)]
        for index in (*full, *fixed):
            place = unit(index, length)
            if _is_zero_at(e, *((place, ONE_NODE) if e.columns is ONE else (ONE_NODE, place))):
                name = text(substitute(index, letters))
                return Zero(f"in entry {name}", f" except in entry {name}")
    return None


def _coincidences(
    ranges: Sequence[Range],
) -> Iterator[tuple[Expression, Expression, Range | None, Range | None]]:
    """Values that an index certainly takes: that of another with its range, and its first where that is a number."""
    fixed = [bound for bound in ranges if not free_indices(bound.lower) | free_indices(bound.upper)]
    for k, outer in enumerate(fixed):
        for inner in fixed[k + 1 :]:
            if inner[1:] == outer[1:] and inner.index is not outer.index:
                yield inner.index, outer.index, inner, outer
    for bound in fixed:
        if isinstance(bound.lower, Number) and bound.lower.value.is_Integer:
            yield bound.index, bound.lower, None, None


def _is_zero_entry(e: Expression) -> bool:
    """Whether an expression, which may be an entry of a matrix, is 0."""
    if isinstance(e, Product) and len(e.chain) == 3 and e.is_scalar:
        left, A, right = e.chain
        row = transpose(left)
        if isinstance(row, Unit) and isinstance(right, Unit):
            return _is_zero_at(A, row, right)
    return is_zero(e)


def _is_zero_at(e: Expression, row: Expression, column: Expression) -> bool:
    """Whether the entry of a matrix that two columns of identities select is 0."""
    if isinstance(e, Transpose):
        return _is_zero_at(e.operands[0], column, row)
    if isinstance(e, Sum):
        return all(_is_zero_at(term, row, column) for term in e.operands) or _is_zero_product(e, row, column)
    if isinstance(e, Product) and len(e.chain) == 1:
        return _is_zero_at(e.chain[0], row, column)
    if isinstance(e, Product) and len(e.chain) == 2 and isinstance(e.chain[1], Ones):
        return _is_zero_row(e.chain[0], row)
    if isinstance(e, Hadamard):
        return any(_is_zero_at(factor, row, column) for factor in e.operands)
    if isinstance(e, EntrywisePower) and isinstance(e._args[1], Number) and e._args[1].value.is_positive:
        return _is_zero_at(e._args[0], row, column)
    if isinstance(e, Apply) and e.function in _THROUGH_ZERO:
        return _is_zero_at(e.operands[-1], row, column)
    if isinstance(e, Apply) and e.function == "sqdist":
        A, B = (multiply(transpose(X), place) for X, place in zip(e.operands, (row, column), strict=True))
        return is_zero(add(A, negate(B)))
    return _is_zero_product(e, row, column)


def _is_zero_row(e: Expression, row: Expression) -> bool:
    """Whether a row of a matrix, or of one of which it is a power, is 0."""
    turned = isinstance(e, Transpose)
    inner = e.operands[0] if turned else e
    if isinstance(inner, EntrywisePower) and isinstance(inner._args[1], Number) and inner._args[1].value.is_positive:
        inner = inner.operands[0]
    return is_zero(multiplied_out(multiply(transpose(row), transpose(inner) if turned else inner)))


def _is_zero_product(e: Expression, row: Expression, column: Expression) -> bool:
    return is_zero(multiply(transpose(row), e, column))
