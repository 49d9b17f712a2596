"""Sums of quotients over one denominator: 1/(1 + s) - s/(1 + s)^2 is 1/(1 + s)^2, and x./v - x is x.*(ones - v)./v.

Written so it is shorter where the numerators collapse, and loses no digits where the quotients nearly cancel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sympy import Expr, Integer, Rational

from matcalc.comparisons import is_negative, is_odd
from matcalc.expansions import multiplied_out
from matcalc.expressions import EntrywisePower, Expression, Hadamard, Number, Power, Product, Sum
from matcalc.leaves import number, ones
from matcalc.lengths import length
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.products import multiply
from matcalc.sums import add, split_coefficient, unsigned

MOST_TERMS = 8
HIGHEST = 3
LONGEST = 60


class Fraction(NamedTuple):
    """A term as a numerator over powers of denominators."""

    above: Expression
    below: Mapping[Expression, Expr]


def joined_quotients(terms: Sequence[Expression]) -> Iterator[tuple[frozenset[int], Expression, Expression]]:
    """Some of the terms over one denominator: which ones, the sum of their numerators, 1 over the denominator.

    >>> import matcalc as mc
    >>> for terms, above, below in joined_quotients(mc.parse("1/(s + 1) - s/(s + 1)^2", where="s: scalar").operands):
    ...     print(len(terms), above, below)
    2 1 1/(s + 1)^2
    """
    for entrywise in (False, True):
        if not any(_divides(t, entrywise) for t in terms):
            continue
        fractions = [_fraction(t, entrywise) for t in terms]
        tried = set()
        for members in _groups(fractions):
            if members not in tried:
                tried.add(members)
                joined = _joined([fractions[i] for i in sorted(members)], entrywise)
                if joined is not None:
                    yield (members, *joined)


def _divides(term: Expression, entrywise: bool) -> bool:
    """Whether a term is divided by a sum."""
    kind = type(term)
    if kind is Product:
        if not entrywise:
            return any(map(_is_quotient, term.scalars))
        if len(term.chain) != 1:
            return False
        term = term.chain[0]
        kind = type(term)
    if entrywise and kind is Hadamard:
        return any(type(f) is EntrywisePower and _is_quotient(f) for f in term._args)
    return kind is (EntrywisePower if entrywise else Power) and term.is_scalar != entrywise and _is_quotient(term)


def _is_quotient(node: Expression) -> bool:
    """Whether a node is a power of a sum with a negative number as its exponent."""
    kind = type(node)
    if (kind is not Power and kind is not EntrywisePower) or type(node._args[0]) is not Sum:
        return False
    exponent = node._args[1]
    return type(exponent) is Number and is_negative(exponent.value) and node._args[0].shape == node.shape


def _fraction(term: Expression, entrywise: bool) -> Fraction:
    c, rest = split_coefficient(term)
    scalars, chain = (rest.scalars, rest.chain) if type(rest) is Product else ((), (rest,))
    if entrywise:
        if len(chain) != 1 or rest.is_scalar:
            return Fraction(term, {})
        factors: Sequence[Expression] = chain[0]._args if type(chain[0]) is Hadamard else chain
    else:
        factors = scalars or (chain if rest.is_scalar and len(chain) == 1 else ())
    below: dict[Expression, Expr] = {}
    others: list[Expression] = []
    for f in factors:
        divisor = _divisor(f)
        if divisor is None:
            others.append(f)
        else:
            flipped, base, exponent = divisor
            c = -c if flipped else c
            below[base] = below.get(base, Integer(0)) + exponent
    if not below:
        return Fraction(term, below)
    if entrywise:
        return Fraction(multiply(number(c), *scalars, hadamard(*others) if others else ones(*term.shape)), below)
    return Fraction(multiply(number(c), *others, *(chain if scalars else ())), below)


def _divisor(f: Expression) -> tuple[bool, Expression, Expr] | None:
    """Whether the sign changes, the base and k where a factor is base^(-k)."""
    if type(f) is not Power and type(f) is not EntrywisePower:
        return None
    base, exponent = f._args
    if type(exponent) is not Number or not isinstance(exponent.value, Rational) or base.shape != f.shape:
        return None
    if not is_negative(exponent.value):
        return None
    if exponent.value.q != 1:
        return False, base, -exponent.value
    flipped, positive = unsigned(base)
    return flipped and is_odd(exponent.value), positive, -exponent.value


def _groups(fractions: Sequence[Fraction]) -> Iterator[frozenset[int]]:
    """All terms, and those that are divided by the same sum."""
    if 1 < len(fractions) <= MOST_TERMS:
        yield frozenset(range(len(fractions)))
    bases = dict.fromkeys(base for fraction in fractions for base in fraction.below if type(base) is Sum)
    for base in bases:
        members = frozenset(i for i, fraction in enumerate(fractions) if base in fraction.below)
        if 1 < len(members) <= MOST_TERMS:
            yield members


def _joined(fractions: Sequence[Fraction], entrywise: bool) -> tuple[Expression, Expression] | None:
    highest: dict[Expression, Expr] = {}
    for fraction in fractions:
        for base, exponent in fraction.below.items():
            highest[base] = max(highest.get(base, exponent), exponent)
    numerators = []
    for fraction in fractions:
        numerator: Expression | None = fraction.above
        for base, exponent in highest.items():
            if numerator is not None:
                numerator = _times(numerator, base, exponent - fraction.below.get(base, Integer(0)), entrywise)
        if numerator is None:
            return None
        numerators.append(numerator)
    raised = entrywise_power if entrywise else power
    divisors = [raised(base, number(-exponent)) for base, exponent in highest.items()]
    return add(*numerators), hadamard(*divisors) if entrywise else multiply(*divisors)


def _times(node: Expression, base: Expression, count: Expr, entrywise: bool) -> Expression | None:
    """The node times a power of a base, multiplied out; None where that is long."""
    if not count.is_Integer or count > HIGHEST:
        return None
    join = hadamard if entrywise else multiply
    if type(base) is not Sum:
        return join(node, (entrywise_power if entrywise else power)(base, number(count)))
    for _ in range(int(count)):
        if length(node) > LONGEST:
            return None
        node = multiplied_out(join(base, node))
    return node
