"""How products are written: fractions, signs, sums and entries, and which way round an inner product is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr, Rational, S

from matcalc.expressions import (
    ONE,
    EntrywisePower,
    Expression,
    Hadamard,
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
    PRODUCT,
    Notation,
    call,
    cheapest,
    negative,
    number,
    product,
    quotient,
    transposed,
)
from matcalc.sheets import PERTURBATION, Both, Sheet, size_notation
from matcalc.sum_layouts import in_order
from matcalc.sums import negate, split_coefficient

NOTHING: Mapping[Expression, Notation] = {}


def product_layout(sheet: Sheet, node: Product) -> Both:
    if node.is_scalar and node.chain:
        inner = _inner_product(sheet, node.chain)
        return inner, inner
    options = [_product_of(sheet, node.coefficient, node.scalars, node.chain, turn) for turn in (False, True)]
    flipped = _flipped(sheet, node)
    if flipped is not None:
        for i, turn in enumerate((False, True)):
            scalars, chain, instead = flipped
            other = _product_of(sheet, -node.coefficient, scalars, chain, turn, instead)
            options[i] = cheapest(options[i], other)
    if node.chain and len(node.chain) == 1 and isinstance(node.chain[0], Sum) and not node.scalars:
        for i, turn in enumerate((False, True)):
            options[i] = cheapest(options[i], _distributed(sheet, node.coefficient, node.chain[0], turn))
    if not node.chain and len(node.scalars) == 1 and isinstance(node.scalars[0], Sum):
        shared = cheapest(options[0], _distributed(sheet, node.coefficient, node.scalars[0], False))
        return shared, shared
    return options[0], options[1]


def _flipped(
    sheet: Sheet, node: Product
) -> tuple[tuple[Expression, ...], tuple[Expression, ...], dict[Expression, Notation]] | None:
    """The factors with one difference turned round, where a minus sign can be saved by it; some by their notation."""
    if not node.coefficient.is_negative:
        return None
    scalars, chain = list(node.scalars), list(node.chain)
    for group in (chain, scalars):
        for i, f in enumerate(group):
            if isinstance(f, Sum) and f not in sheet.names and _is_mixed(f):
                group[i] = negate(f)
                return tuple(scalars), tuple(chain), {}
            other = _flipped_factor(sheet, f)
            if other is not None:
                return tuple(scalars), tuple(chain), {f: other}
    return None


def _flipped_factor(sheet: Sheet, node: Expression) -> Notation | None:
    """An entrywise product with one difference turned round, of which the normal form has the sign outside."""
    inner = node._args[0] if isinstance(node, Transpose) else node
    if not isinstance(inner, Hadamard) or inner in sheet.names:
        return None
    for j, g in enumerate(inner._args):
        if isinstance(g, Sum) and g not in sheet.names and _is_mixed(g):
            other = _entrywise_product(sheet, (*inner._args[:j], negate(g), *inner._args[j + 1 :]))
            return other if inner is node else transposed(other)
    return None


def _is_mixed(node: Sum) -> bool:
    """Whether there are terms of both signs."""
    return len({split_coefficient(t)[0].is_negative for t in node._args}) == 2


def _distributed(sheet: Sheet, c: Expr, node: Sum, turn: bool) -> Notation:
    """c·(s + t) written as c·s + c·t."""
    terms = []
    for t in node._args:
        own, rest = split_coefficient(t)
        parts = (rest.scalars, rest.chain) if isinstance(rest, Product) and not (
            rest.is_scalar and rest.chain) else ((rest,), ()) if rest.is_scalar else ((), (rest,))  # fmt: skip
        terms.append((_product_of(sheet, c * own, *parts, turn), t))
    signed = [(("-", n.parts[0]) if n.kind == "negative" else ("+", n), t) for n, t in terms]
    rows = in_order(sheet, signed)
    return Notation("sum", [n for (_, n), _ in rows], tuple(sign for (sign, _), _ in rows))


def _product_of(
    sheet: Sheet,
    c: Expr,
    scalars: Sequence[Expression],
    chain: Sequence[Expression],
    turn: bool,
    instead: Mapping[Expression, Notation] = NOTHING,
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
    above += _chain(sheet, chain, turn, instead)
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


def _chain(
    sheet: Sheet, chain: Sequence[Expression], turn: bool, instead: Mapping[Expression, Notation] = NOTHING
) -> list[Notation]:
    """The matrix factors, as sums and entries where ones and unit vectors stand at the ends."""
    if not chain:
        return []
    for i in range(1, len(chain)) if len(chain) > 2 else ():
        if isinstance(chain[i - 1], Ones) and isinstance(chain[i], Ones) and chain[i].rows is ONE:
            # A*ones*ones'*B as sum(A, 2)*sum(B, 1)
            parts = (chain[i:], chain[:i]) if turn else (chain[:i], chain[i:])
            return [n for part in parts for n in _chain(sheet, part, turn, instead)]
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
    if instead:
        others = [instead.get(f) for f in (reversed(chain) if turn else chain)]
        plain = [p if o is None else transposed(o) if turn else o for p, o in zip(plain, others, strict=True)]
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


# ---- entry by entry ----


def entries_to(sheet: Sheet, base: Expression, exponent: Expr) -> Notation:
    notation = sheet.plain(base)
    if exponent is ONE:
        return notation
    if exponent == Rational(1, 2):
        return call("sqrt", notation)
    return Notation("entrywise_power", (notation, number(exponent)))


def entrywise_layout(sheet: Sheet, node: Hadamard) -> Both:
    plain = _entrywise_product(sheet, node._args)
    return plain, transposed(plain)


def _entrywise_product(sheet: Sheet, factors: Sequence[Expression]) -> Notation:
    above: list[Notation] = []
    below: list[Notation] = []
    for f in factors:
        if isinstance(f, EntrywisePower) and isinstance(f._args[1], Number) and f._args[1].value.is_negative:
            below.append(entries_to(sheet, f._args[0], -f._args[1].value))
        else:
            above.append(sheet.plain(f))
    above.sort(key=_factor_keys(above))
    below.sort(key=_factor_keys(below))
    top = _entrywise(above) if above else number(ONE)
    return Notation("entrywise_quotient", (top, _entrywise(below))) if below else top


def _entrywise(factors: list[Notation]) -> Notation:
    if len(factors) == 1:
        return factors[0]
    return Notation("entrywise_product", factors)


def _factor_keys(factors: list[Notation]) -> Callable[[Notation], tuple[int, str]]:
    """Names first, then functions, then sums; a perturbation in its variable's place, or last beside functions."""
    plain = all(n.kind == "name" for n in factors)

    def key(n: Notation) -> tuple[int, str]:
        if n.kind == "name" and PERTURBATION.match(str(n.value)):
            return (0, n.head[1:] + "~") if plain else (3, n.head)
        simple = n.kind == "name" or (n.kind == "transpose" and n.parts[0].kind == "name")
        return (0 if simple else 1 if n.level > PRODUCT else 2, n.head)

    return key
