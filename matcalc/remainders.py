"""The remainder of a Taylor polynomial: f(x + t dx) - T(t dx) falls as t to the order plus one, or T is wrong.

It is computed to sixty digits, where the order of a small step shows as a whole number; in double precision, where
a function is not known to sixty digits, over a range of steps. A polynomial is refuted by two points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from secrets import randbits
from time import monotonic
from typing import Any

import numpy as np

from matcalc.computations import Computer, State
from matcalc.curves import moved
from matcalc.derivative_tests import Names
from matcalc.differences import EPSILON, magnitude
from matcalc.evaluation import TimeIsUp
from matcalc.expressions import Expression, Variable
from matcalc.high_precision import NoKernel, sixty_digits
from matcalc.points import Point, PointSource
from matcalc.reports import Check, Report, Verdict
from matcalc.sampling import NoPoint, Sampler
from matcalc.verification import SEED_BITS, TIME_LIMIT, TRIALS

FORM = "Taylor polynomial"
EXTRA_POINTS = 6
# Steps to sixty digits, and what of the values is then rounding.
FINE_STEPS = (Decimal("1e-9"), Decimal("5e-10"))
FINE_ROUNDING = 1e-55
# Steps in double precision, and how far above rounding a remainder must be.
STEPS = tuple(2.0**-k for k in range(2, 14))
CLEAR, FEWEST = 1e3, 3
# An order is a whole number, up to these.
FINE_TOLERANCE, LOOSE_TOLERANCE = 0.05, 0.35
EXACT = np.inf


def verify_remainder(
    f: Expression,
    polynomial: Expression,
    order: int,
    perturbations: Names,
    *,
    trials: int | None = None,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
) -> Report:
    """Check that a polynomial in the perturbations approximates f(x + dx) to the given order.

    On a curved domain x + dx is the member closest to it. `observed_order` of the report is the smallest seen, that of
    the remainder; None where no remainder is left, as for a polynomial f.

    >>> import matcalc as mc
    >>> a, da = mc.variables("a, da: scalar")
    >>> f, right, wrong = mc.functions.exp(a), mc.functions.exp(a) * (1 + da), mc.functions.exp(a) * (1 - da)
    >>> [verify_remainder(f, T, 1, {a: da}, seed=1).verdict for T in (right, wrong)]
    ['verified', 'refuted']
    """
    moving = {dx.name: x for x, dx in perturbations.items()}
    computer = Computer((f, polynomial), moving)
    sampler = Sampler(randbits(SEED_BITS) if seed is None else seed)
    evaluator = computer.evaluator(computer.roots)
    free = [v for v in (*perturbations, *evaluator.inputs) if v.name not in moving]
    source = PointSource(sampler, evaluator, moving, free)
    count = TRIALS if trials is None else trials
    points: list[Point] = []
    orders: list[float] = []
    reason = ""
    deadline = monotonic() + time_limit
    try:
        for trial in range(count + EXTRA_POINTS):
            wrong = sum(o < order + 0.5 for o in orders)
            if wrong > 1 or (trial >= count and not wrong and orders):
                break
            with np.errstate(all="ignore"):
                point = source.draw(trial)
                found = _order_at(computer, source.variables, point, perturbations, deadline)
            points.append(point)
            orders += [found] if found is not None else []
    except NoPoint as error:
        reason = error.message
    except TimeIsUp:
        reason = "the time limit was reached"
    return _report(order, orders, points, sampler.seed, reason)


def _report(order: int, orders: Sequence[float], points: Sequence[Point], seed: int, stopped: str) -> Report:
    wrong = [o for o in orders if o < order + 0.5]
    verdict: Verdict = "refuted" if len(wrong) > 1 else "inconclusive" if wrong or not orders else "verified"
    reason = stopped if verdict == "inconclusive" else ""
    if verdict == "refuted":
        reason = f"the remainder falls as the power {min(wrong):.1f} of the step, where {order + 1} is right"
    elif verdict == "inconclusive" and not reason:
        reason = "the remainder cannot be told from rounding" if not orders else "the remainder is large at one point"
    seen = [o for o in orders if o != EXACT]
    if verdict == "verified" and not seen:
        reason = "no remainder is left"
    return Report(
        verdict,
        trials=len(points),
        observed_order=min(seen, default=None),
        seed=seed,
        reason=reason,
        checks=(Check(FORM, verdict, None, reason),),
        sizes=tuple(p.sizes for p in points),
        assumptions=tuple(dict.fromkeys(a for p in points for a in p.assumptions)),
    )


def _order_at(
    computer: Computer, variables: Sequence[Variable], point: Point, perturbations: Names, deadline: float
) -> float | None:
    """The order of the remainder at a point; infinite where none is left, None where that cannot be seen."""
    try:
        with sixty_digits():
            fine = State(computer, variables, point, True, deadline)
            return _fine_order(_remainder(fine, perturbations))
    except (NoKernel, ArithmeticError, ValueError, TypeError):
        return _loose_order(_remainder(State(computer, variables, point, False, deadline), perturbations))


def _remainder(state: State, perturbations: Names) -> Callable[[Any], tuple[float, float]]:
    """The size of the remainder after a step, and that of the numbers that it is made of."""
    f, polynomial = state.computer.roots
    sizes = [magnitude(value) for value in state.memory if value is not None]
    largest = max((size for size in sizes if np.isfinite(size)), default=0.0)

    def at(t: Any) -> tuple[float, float]:
        ahead = {x.name: moved(x, state.values[x.name], state.values[dx.name], t) for x, dx in perturbations.items()}
        value = state.value_at(f, ahead)
        model = state.value_at(polynomial, {dx.name: t * state.values[dx.name] for dx in perturbations.values()})
        return magnitude(value - model), max(magnitude(value), magnitude(model), largest)

    return at


def _fine_order(remainder: Callable[[Any], tuple[float, float]]) -> float | None:
    (wide, size), (narrow, _) = map(remainder, FINE_STEPS)
    if np.isnan(wide) or np.isnan(narrow):
        return None
    if max(wide, narrow) <= FINE_ROUNDING * size:
        return EXACT
    order = float(np.log2(wide / narrow)) if narrow else EXACT
    return order if abs(order - round(order)) <= FINE_TOLERANCE else None


def _loose_order(remainder: Callable[[Any], tuple[float, float]]) -> float | None:
    found = [remainder(t) for t in STEPS]
    if all(r <= CLEAR * EPSILON * size for r, size in found):
        return EXACT
    clear = [r for r, size in found if r > CLEAR * EPSILON * size]
    if len(clear) < FEWEST:
        return None
    *_, last = (float(np.log2(a / b)) for a, b in pairwise(clear))
    return last if abs(last - round(last)) <= LOOSE_TOLERANCE else None
