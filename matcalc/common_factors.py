"""Common factors of sums: taken out where that makes the sum shorter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

from sympy import Expr, Rational, igcd, ilcm

from matcalc.applications import apply
from matcalc.comparisons import is_negative
from matcalc.denominators import joined_quotients
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Power,
    Product,
    Sum,
)
from matcalc.leaves import MINUS_ONE, identity, number
from matcalc.lengths import length
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.products import multiply
from matcalc.sums import add, scale, split_coefficient
from matcalc.transposes import transpose

MOST_TERMS = 60
MOST_FACTORS = 1_000
DEEPEST = 60
DEEPEST_QUOTIENTS = 2  # each level tries several denominators
Joiner: TypeAlias = Callable[[Expression, Sequence[Expression], int], Expression | None]
ENDS = ("first", "last")


@lru_cache(maxsize=2048)
def factor(node: Expression, slack: int = 0, depth: int = 0) -> Expression:
    """A sum with common factors taken out, as long as that shortens it, or makes it longer by less than the slack.

    So does the sum of what is left, to a depth that nothing recurses over.
    """
    if depth > DEEPEST:
        return node
    c, inner = split_coefficient(node)
    if not isinstance(inner, Sum) or len(inner._args) > MOST_TERMS:
        return node
    if sum(len(t.operands) for t in inner._args) > MOST_FACTORS:
        return node
    terms: list[Expression] = list(inner._args)
    found = False
    shared = _common_number([t.coefficient if isinstance(t, Product) else ONE for t in terms])
    if shared is not ONE:
        found, c, terms = True, c * shared, [scale(1 / shared, t) for t in terms]
    for _ in range(len(terms) - 1):
        quotients = _over_one_denominator(terms, depth) if depth <= DEEPEST_QUOTIENTS else None
        groups = (_best_group(terms, slack, depth), quotients)
        best = max((g for g in groups if g is not None), key=lambda g: g.saved, default=None)
        if best is None:
            break
        found = True
        members, joined, _ = best
        terms = [t for i, t in enumerate(terms) if i not in members]
        terms.append(joined)
        if len(terms) > 1:
            total = add(*terms)
            terms = list(total._args) if isinstance(total, Sum) else [total]
    return multiply(number(c), add(*terms)) if found else node


def _common_number(coefficients: Sequence[Expr]) -> Expr:
    """The number that all terms share, where sizes such as 1/n occur in them: the sums have taken out the others."""
    if all(isinstance(c, Rational) for c in coefficients):
        return ONE
    numbers, sizes = zip(*(c.as_coeff_Mul() for c in coefficients), strict=True)
    powers = [s.as_powers_dict() for s in sizes]
    shared: Expr = Rational(igcd(*(r.p for r in numbers)), ilcm(*(r.q for r in numbers)))
    for size, k in powers[0].items():
        found = [p.get(size, 0) for p in powers]
        if all(k * other > 0 for other in found):
            shared = shared * size ** min(found, key=abs)
    return shared


class Group(NamedTuple):
    """Terms of a sum, by their places, what they become together, and how much shorter that is."""

    members: frozenset[int]
    joined: Expression
    saved: int


def _best_group(terms: list[Expression], slack: int, depth: int) -> Group | None:
    """The terms with the most valuable common factor, and what they become.

    A symmetric sum is not made (I - A*B)*A from A - A*B*A, which is as short.
    """
    groups: dict[tuple[str, Expression], list[int]] = {}
    for i, t in enumerate(terms):
        for key in _factors_of(t):
            members = groups.setdefault(key, [])
            if not members or members[-1] != i:
                members.append(i)
    shared = [(key, members) for key, members in groups.items() if len(members) > 1]
    if len(shared) > 1:
        shared.sort(key=_value)
    for key, members in reversed(shared):
        joined = _JOINERS[key[0]](key[1], [terms[i] for i in members], depth + 1)
        if joined is not None:
            before = sum(_length_in_sum(terms[i]) for i in members) + len(members) - 1
            saved = before - _length_in_sum(joined) + slack
            if saved > 1 or (saved == 1 and not (key[0] in ENDS and _is_symmetric(terms))):
                return Group(frozenset(members), joined, saved)
    return None


def _over_one_denominator(terms: list[Expression], depth: int) -> Group | None:
    """The terms that are shortest over one denominator, and what they become; what collapses may be as long.

    Terms that are matrices are not multiplied out: (eye - x*x'/s)/s has few products.
    """
    best: Group | None = None
    for members, above, below in joined_quotients(terms):
        summands = len(above.operands) if isinstance(above, Sum) else 1
        is_entrywise = below.shape == above.shape
        if not is_entrywise and summands > len(members):
            continue
        joined = (hadamard if is_entrywise and not below.is_scalar else multiply)(below, factor(above, 0, depth + 1))
        before = sum(_length_in_sum(terms[i]) for i in members) + len(members) - 1
        saved = before - _length_in_sum(joined)
        if saved >= (summands > 1) and (best is None or saved > best.saved):
            best = Group(members, joined, saved)
    return best


def _value(shared: tuple[tuple[str, Expression], list[int]]) -> tuple[int, str, bytes]:
    """How much is saved at most by taking out a factor of so many terms."""
    (kind, common), members = shared
    return (len(members) - 1) * (length(common) + 1), kind, common.key


def _is_symmetric(terms: Sequence[Expression]) -> bool:
    rows, columns = terms[0].shape
    return rows is columns and rows is not ONE and {transpose(t) for t in terms} == set(terms)


def _length_in_sum(term: Expression) -> int:
    """The length without the minus sign, which is the operator before the term."""
    return length(term) - (isinstance(term, Product) and term._args[0] is MINUS_ONE)


def _factors_of(term: Expression) -> list[tuple[str, Expression]]:
    """What could be taken out of a term: its first or last factor, a scalar, an entrywise factor, a function."""
    _, rest = split_coefficient(term)
    scalars, chain = _parts(rest)
    found = []
    for s in scalars:
        base, exponent = s._args if isinstance(s, Power) else (s, None)
        down = isinstance(exponent, Number) and is_negative(exponent.value)
        found.append(("below" if down else "scalar", base))
    if chain:
        found += [("first", chain[0]), ("last", chain[-1])]
    if len(chain) == 1:
        only = chain[0]
        if isinstance(only, (Hadamard, EntrywisePower)):
            powers = map(_entrywise_base, only._args if isinstance(only, Hadamard) else (only,))
            found += [("entrywise below" if is_negative(k) else "entrywise", base) for base, k in powers]
        if isinstance(only, Apply) and only.function == "kron":
            found += [("kron-left", only.operands[0]), ("kron-right", only.operands[1])]
        if isinstance(only, Apply) and only.function in ("diag", "vec") and only.operands:
            found.append((only.function, identity(ONE)))
    if rest.is_scalar and isinstance(rest, Apply) and rest.function == "tr":
        found.append(("tr", identity(ONE)))
    return found


def _parts(rest: Expression) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    if isinstance(rest, Product):
        if rest.is_scalar and rest.chain:
            return (rest,), rest.chain
        return rest.scalars, rest.chain
    return ((rest,), ()) if rest.is_scalar else ((), (rest,))


def _join_end(f: Expression, terms: Sequence[Expression], depth: int, first: bool) -> Expression | None:
    rests = []
    for t in terms:
        c, rest = split_coefficient(t)
        scalars, chain = _parts(rest)
        outer = () if rest.is_scalar and isinstance(rest, Product) and rest.chain else scalars
        remaining = chain[1:] if first else chain[:-1]
        if not remaining:
            if isinstance(f, Identity):
                rests.append(multiply(number(c), *outer))
                continue
            if f.is_scalar or (f.columns if first else f.rows) is ONE:
                rests.append(multiply(number(c), *outer))
                continue
            remaining = (identity(f.columns if first else f.rows),)
        rests.append(multiply(number(c), *outer, *remaining))
    if len({r.shape for r in rests}) != 1:
        return None
    inner = factor(add(*rests), 0, depth)
    return multiply(f, inner) if first else multiply(inner, f)


def _join_scalar(base: Expression, terms: Sequence[Expression], depth: int, down: bool) -> Expression | None:
    """The smallest power of a scalar that all terms share, taken out."""
    exponents = []
    for t in terms:
        for s in _parts(split_coefficient(t)[1])[0]:
            b, e = s._args if isinstance(s, Power) else (s, number(1))
            if b is base and (isinstance(e, Number) and is_negative(e.value)) == down:
                exponents.append(e)
                break
    if len(exponents) != len(terms) or not all(isinstance(e, Number) and e.value.is_number for e in exponents):
        return None
    least = min((e.value for e in exponents), key=abs)
    inverse = power(base, number(-least))
    return multiply(power(base, number(least)), factor(add(*(multiply(inverse, t) for t in terms)), 0, depth))


def _join_entrywise(base: Expression, terms: Sequence[Expression], depth: int, down: bool) -> Expression | None:
    """The smallest power of an entrywise factor that all terms share, taken out."""
    exponents = []
    for t in terms:
        (only,) = _parts(split_coefficient(t)[1])[1]
        powers = map(_entrywise_base, only._args if isinstance(only, Hadamard) else (only,))
        exponents += [e for b, e in powers if b is base and is_negative(e) == down]
    if len(exponents) != len(terms):
        return None
    least = min(exponents, key=abs)
    inverse = entrywise_power(base, number(-least))
    quotients = [hadamard(inverse, t) for t in terms]
    if any(length(q) >= length(t) for q, t in zip(quotients, terms, strict=True)):
        return None  # eye and other structured factors do not cancel
    inner = factor(add(*quotients), 0, depth)
    return hadamard(entrywise_power(base, number(least)), inner)


def _entrywise_base(node: Expression) -> tuple[Expression, Expr]:
    """``(B, k)`` with node = B.^k."""
    if isinstance(node, EntrywisePower) and isinstance(node._args[1], Number) and not node._args[0].is_scalar:
        if node._args[1].value.is_number:
            return node._args[0], node._args[1].value
    return node, ONE


def _join_kron(left: bool) -> Joiner:
    def join(f: Expression, terms: Sequence[Expression], depth: int) -> Expression | None:
        rests = []
        for t in terms:
            c, rest = split_coefficient(t)
            scalars, chain = _parts(rest)
            rests.append(multiply(number(c), *scalars, chain[0].operands[1 if left else 0]))
        if len({r.shape for r in rests}) != 1:
            return None
        inner = factor(add(*rests), 0, depth)
        return apply("kron", f, inner) if left else apply("kron", inner, f)

    return join


def _join_linear(function: str) -> Joiner:
    def join(_: Expression, terms: Sequence[Expression], depth: int) -> Expression | None:
        rests = []
        for t in terms:
            c, rest = split_coefficient(t)
            scalars, chain = _parts(rest)
            applied = chain[0] if chain else rest
            rests.append(multiply(number(c), *(scalars if chain else ()), applied.operands[0]))
        if len({r.shape for r in rests}) != 1:
            return None
        return apply(function, factor(add(*rests), 0, depth))

    return join


_JOINERS: dict[str, Joiner] = {
    "first": partial(_join_end, first=True),
    "last": partial(_join_end, first=False),
    "scalar": partial(_join_scalar, down=False),
    "below": partial(_join_scalar, down=True),
    "entrywise": partial(_join_entrywise, down=False),
    "entrywise below": partial(_join_entrywise, down=True),
    "kron-left": _join_kron(True),
    "kron-right": _join_kron(False),
    "diag": _join_linear("diag"),
    "vec": _join_linear("vec"),
    "tr": _join_linear("tr"),
}
