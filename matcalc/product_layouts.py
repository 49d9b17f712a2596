"""How products are written: fractions, signs, sums and entries, and which way round an inner product is read."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, Rational, S

from matcalc.expressions import (
    ONE,
    Expression,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
    Variable,
)
from matcalc.notations import (
    Notation,
    call,
    cheapest,
    negative,
    number,
    product,
    quotient,
)
from matcalc.sheets import Both, Sheet, size_notation
from matcalc.sum_layouts import term_key
from matcalc.sums import negate, split_coefficient


def product_layout(sheet: Sheet, node: Product) -> Both:
    if node.is_scalar and node.chain:
        inner = _inner_product(sheet, node.chain)
        return inner, inner
    options = [_product_of(sheet, node.coefficient, node.scalars, node.chain, turn) for turn in (False, True)]
    flipped = _flipped(sheet, node)
    if flipped is not None:
        for i, turn in enumerate((False, True)):
            other = _product_of(sheet, -node.coefficient, *flipped, turn)
            options[i] = cheapest(options[i], other)
    if node.chain and len(node.chain) == 1 and isinstance(node.chain[0], Sum) and not node.scalars:
        for i, turn in enumerate((False, True)):
            options[i] = cheapest(options[i], _distributed(sheet, node.coefficient, node.chain[0], turn))
    if not node.chain and len(node.scalars) == 1 and isinstance(node.scalars[0], Sum):
        shared = cheapest(options[0], _distributed(sheet, node.coefficient, node.scalars[0], False))
        return shared, shared
    return options[0], options[1]


def _flipped(sheet: Sheet, node: Product) -> tuple[tuple[Expression, ...], tuple[Expression, ...]] | None:
    """The factors with one difference turned round, where a minus sign can be saved by it."""
    if not node.coefficient.is_negative:
        return None
    scalars, chain = list(node.scalars), list(node.chain)
    for group in (chain, scalars):
        for i, f in enumerate(group):
            if isinstance(f, Sum) and f not in sheet.names:
                signs = {split_coefficient(t)[0].is_negative for t in f._args}
                if len(signs) == 2:
                    group[i] = negate(f)
                    return tuple(scalars), tuple(chain)
    return None


def _distributed(sheet: Sheet, c: Expr, node: Sum, turn: bool) -> Notation:
    """c·(s + t) written as c·s + c·t."""
    terms = []
    for t in node._args:
        own, rest = split_coefficient(t)
        parts = (rest.scalars, rest.chain) if isinstance(rest, Product) and not (
            rest.is_scalar and rest.chain) else ((rest,), ()) if rest.is_scalar else ((), (rest,))  # fmt: skip
        terms.append((_product_of(sheet, c * own, *parts, turn), t))
    signed = [(("-", n.parts[0]) if n.kind == "negative" else ("+", n), t) for n, t in terms]
    signed.sort(key=lambda row: term_key(sheet, *row))
    return Notation("sum", [n for (_, n), _ in signed], tuple(sign for (sign, _), _ in signed))


def _product_of(
    sheet: Sheet, c: Expr, scalars: Sequence[Expression], chain: Sequence[Expression], turn: bool
) -> Notation:
    above: list[Notation] = []
    below: list[Notation] = []
    sign = c.is_negative
    size = -c if sign else c
    numerator, denominator = (size.p, size.q) if isinstance(size, Rational) else size.as_numer_denom()
    if isinstance(size, Rational) and denominator != 1 and number(size).cost == 1:
        numerator, denominator = size, 1
    for s in sorted(scalars, key=lambda s: (s in sheet.perturbed, *_scalar_key(s, sheet.plain(s)))):
        base, exponent = s._args if isinstance(s, Power) else (s, None)
        if isinstance(exponent, Number) and exponent.value.is_negative:
            divisor = power_of(sheet, base, -exponent.value)
            if divisor.kind == "negative":
                sign, divisor = not sign, divisor.parts[0]
            below.append(divisor)
        else:
            above.append(sheet.plain(s))
    if numerator != 1:
        above.insert(0, size_notation(S(numerator)))
    if denominator != 1:
        below.insert(0, size_notation(S(denominator)))
    above += _chain(sheet, chain, turn)
    top = _joined(sheet, above) if above else number(ONE)
    result = quotient(top, _joined(sheet, below)) if below else top
    return negative(result) if sign else result


def _joined(sheet: Sheet, factors: list[Notation]) -> Notation:
    """The factors as one product; an inner product stays together unless it is the last factor."""
    sign = False
    flat: list[Notation] = []
    for i, f in enumerate(factors):
        if f.kind == "negative" and i == 0:
            sign, f = True, f.parts[0]
        flat.extend(f.parts if f.kind == "product" and i == len(factors) - 1 else (f,))
    result = flat[0] if len(flat) == 1 else Notation("product", flat)
    return negative(result) if sign else result


def _chain(sheet: Sheet, chain: Sequence[Expression], turn: bool) -> list[Notation]:
    """The matrix factors, as sums and entries where ones and unit vectors stand at the ends."""
    if not chain:
        return []
    if turn:
        plain = [sheet.turned(f) for f in reversed(chain)]
        ends = (chain[-1], chain[0])
        first_one = isinstance(ends[0], Ones) and ends[0].columns is ONE
        last_one = isinstance(ends[1], Ones) and ends[1].rows is ONE
        first_unit = isinstance(ends[0], Unit)
        last_unit = _unit_of(ends[1]) is not None and isinstance(ends[1], Transpose)
    else:
        plain = [sheet.plain(f) for f in chain]
        ends = (chain[0], chain[-1])
        first_one = isinstance(ends[0], Ones) and ends[0].rows is ONE
        last_one = isinstance(ends[1], Ones) and ends[1].columns is ONE
        first_unit = isinstance(ends[0], Transpose) and _unit_of(ends[0]) is not None
        last_unit = isinstance(ends[1], Unit)
    if len(chain) == 1:
        return plain
    if first_one and last_one and len(chain) > 2:
        return [call("sum", product(plain[1:-1]))]
    inner_is_column = (chain[0].rows if turn else chain[-1].columns) is ONE
    if first_one:
        body = product(plain[1:])
        return [call("sum", body)] if inner_is_column else [call("sum", body, number(ONE))]
    if last_one:
        body = product(plain[:-1])
        if (chain[-1].columns if turn else chain[0].rows) is ONE:
            return [call("sum", body)]
        return [call("sum", body, number(S(2)))]
    if first_unit or last_unit:
        return [_entry(sheet, plain, ends, first_unit, last_unit, inner_is_column)]
    return plain


def _entry(
    sheet: Sheet,
    plain: list[Notation],
    ends: tuple[Expression, Expression],
    first: bool,
    last: bool,
    column: bool,
) -> Notation:
    body = product(plain[first : len(plain) - last])
    every = Notation("all")
    row = sheet.plain(_index_of(ends[0])) if first else every
    if first and not last and column:
        return Notation("index", (body, row))
    return Notation("index", (body, row, sheet.plain(_index_of(ends[1])) if last else every))


def _inner_product(sheet: Sheet, chain: Sequence[Expression]) -> Notation:
    """A row times a column, read in the shorter direction, perturbations last."""
    options = []
    for turn in (False, True):
        factors = _chain(sheet, chain, turn)
        order = list(reversed(chain)) if turn else list(chain)
        place = max((i for i, f in enumerate(order) if f in sheet.perturbed), default=0)
        notation = product(factors)
        options.append((notation.cost - (notation.kind == "call"), -place, notation.head, turn, notation))
    return min(options, key=lambda o: o[:4])[4]


def _scalar_key(node: Expression, notation: Notation) -> tuple[object, ...]:
    return (not isinstance(node, Variable), isinstance(node, Sum), notation.head)


def _unit_of(node: Expression) -> Unit | None:
    inner = node._args[0] if isinstance(node, Transpose) else node
    return inner if isinstance(inner, Unit) else None


def _index_of(node: Expression) -> Expression:
    found = _unit_of(node)
    assert found is not None
    index: Expression = found._args[0]
    return index


def power_of(sheet: Sheet, base: Expression, exponent: Expr) -> Notation:
    """A power of a scalar; of -s - 1 to an odd power the minus sign stands before it."""
    notation = sheet.plain(base)
    count = len(notation.parts)
    if notation.kind == "sum" and exponent.is_odd and notation.value == ("-",) * count:
        opposite = Notation("sum", notation.parts, ("+",) * count)
        return negative(opposite if exponent is ONE else Notation("power", (opposite, number(exponent))))
    if exponent is ONE:
        return notation
    if exponent == Rational(1, 2):
        return call("sqrt", notation)
    return Notation("power", (notation, number(exponent)))
