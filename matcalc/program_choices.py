"""Several programs for the same formulas, where the best order of products depends on the sizes.

A(BC) is better than (AB)C for some sizes and worse for others. The programs are made beforehand, for sizes that are
alike and for sizes one of which is much smaller or larger; each call takes the one that takes the least effort.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import islice

from matcalc.expressions import ONE, Expression, Variable
from matcalc.low_rank_forms import narrow_sizes
from matcalc.lowering import WORTHWHILE, estimated_effort, formulations, lowered
from matcalc.product_orders import GUESS, ProductOrders
from matcalc.programs import Program
from matcalc.typical_sizes import MUCH, SMALL, TypicalSizes

MOST_UNDECIDED = 4
MOST_WORK = 4_000  # of looking for orders, so that compiling takes a few milliseconds
LONGEST_PROGRAM = 200


def programs_for_sizes(
    expressions: Sequence[Expression], sizes: TypicalSizes, *, known: Collection[str] = ()
) -> list[Program]:
    """The program for the sizes that are typical, and others for other sizes, where these are much better.

    >>> from matcalc.reading import parse
    >>> from matcalc.typical_sizes import typical_sizes
    >>> e = parse("A*B*C", where="A: matrix(m,n), B: matrix(n,k), C: matrix(k,p)")
    >>> [p.flops for p in programs_for_sizes([e], typical_sizes(None))]
    [2*k*n*p + 2*m*n*p, 2*k*m*n + 2*k*m*p]
    >>> len(programs_for_sizes([e], typical_sizes("k >> p")))
    1
    """
    choices = formulations(expressions, known)
    program, orders = lowered(choices, sizes.guesses, known)
    found = [program]
    undecided = (_undecided(orders) | narrow_sizes(expressions)) - sizes.guesses.keys()
    if sizes.guesses or not 2 <= len(undecided) <= MOST_UNDECIDED or len(found[0].values) > LONGEST_PROGRAM:
        return found
    known_steps = {_steps(found[0])}
    work = sum(len(factors) ** 3 for factors in orders.chains) or 1
    for guesses in islice(_other_sizes(sorted(undecided)), MOST_WORK // work):
        other, _ = lowered(choices, guesses, known)
        steps = _steps(other)
        if steps not in known_steps:
            known_steps.add(steps)
            if estimated_effort(other, guesses) < WORTHWHILE * min(estimated_effort(p, guesses) for p in found):
                found.append(other)
    return found


def _steps(program: Program) -> tuple[Hashable, ...]:
    """What a program does, for comparison with others of the same expressions."""
    return tuple((v.index, v.op, v.data, *(a.index for a in v.args)) for v in program.values)


def _undecided(orders: ProductOrders) -> set[str]:
    """The names of sizes that the order of some product of matrices depends on."""
    found: set[str] = set()
    for factors in orders.chains:
        if factors[0].rows is not ONE and factors[-1].columns is not ONE:
            dimensions = {factors[0].rows, *(f.columns for f in factors)} - {ONE}
            if len(dimensions) > 1 and (len(factors) > 2 or not all(isinstance(f, Variable) for f in factors)):
                found.update(s.name for d in dimensions for s in d.free_symbols)
    return found


def _other_sizes(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """One of the sizes much smaller than the others, or much larger."""
    for name in names:
        yield {name: SMALL}
    for name in names if len(names) > 2 else ():
        yield {name: MUCH * GUESS}
