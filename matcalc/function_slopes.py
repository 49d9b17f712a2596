"""Slopes of functions that are known by their values only, with error bars that can be trusted.

In double precision the error bar of one extrapolation can be small by luck. Steps that are not multiples of
each other, and smaller ones, show how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from matcalc.differences import EPSILON, FINE_STEP, Slope, fine_slope, magnitude, slope

SCALES = (1.0, 1e-2, 1e-4, 1e-7)
# where f ends close to the point
LAST_SCALES = (1e-9, 1e-11)
RATIO = 0.61803
RESOLVED = 1e-9
BARS_APART = 100
FIRST_HALVING, LAST_HALVING = 10, 50
STEPS_LOOKED_AT, FEWEST_STEPS = 8, 4
# A smooth function bends half as much at half the step, one with a kink as much, one with a jump twice.
KINK_RATIO, FINE_KINK_RATIO = 0.5, 0.75
KINK_SIZE = 1e-3
BEND_OVER_NOISE = 400
FINE_ROUNDING = 1e-40


@dataclass(frozen=True)
class Steady:
    """A slope in double precision, the scale of the steps that showed it, and whether the curve bends there."""

    slope: Slope
    scale: float
    kinked: bool


def steady_slope(curve: Callable[[float], Any]) -> Steady:
    """The derivative at 0 in double precision, from two sequences of steps, smaller ones where they differ.

    >>> found = steady_slope(lambda t: np.sin(1e5 * (1 + t)))
    >>> bool(abs(found.slope.value / 1e5 - np.cos(1e5)) < 1e-8), found.kinked
    (True, False)
    >>> steady_slope(lambda t: np.abs(t)).kinked
    True
    """
    estimates: list[tuple[Slope, float]] = []
    for scale in (*SCALES, *LAST_SCALES):
        if scale in LAST_SCALES and any(np.isfinite(found.error) for found, _ in estimates):
            break
        estimates.append((_of_two_sequences(curve, scale), scale))
        if estimates[-1][0].error <= RESOLVED * magnitude(estimates[-1][0].value):
            break
    best, scale = min(estimates, key=lambda estimate: estimate[0].error)
    # between two roundings of f, as in log(1 + x) for x = 1e-12, small steps see a smooth function that is not f
    gaps = [_gap(best, other) for other, _ in estimates if np.isfinite(other.error)]
    best = Slope(best.value, max([best.error, *gaps]), best.order)
    return Steady(best, scale, _bends(curve, best, scale))


def _of_two_sequences(curve: Callable[[float], Any], scale: float) -> Slope:
    """The better of two slopes from different steps; its error is at least their difference."""
    first, second = (_scaled(curve, s) for s in (scale, RATIO * scale))
    better = first if first.error <= second.error else second
    with np.errstate(all="ignore"):
        spread = magnitude(first.value - second.value)
    return Slope(better.value, max(better.error, spread) if np.isfinite(spread) else np.inf, first.order)


def _gap(best: Slope, other: Slope) -> float:
    """How far apart two slopes are, 0 if their error bars explain it."""
    apart = magnitude(best.value - other.value)
    return apart if apart > BARS_APART * (best.error + other.error) else 0.0


def _scaled(curve: Callable[[float], Any], scale: float) -> Slope:
    found = slope(lambda t: curve(scale * t))
    return Slope(found.value / scale, found.error / scale, found.order)


def _bends(curve: Callable[[float], Any], found: Slope, scale: float) -> bool:
    """Whether the curve has a kink or a jump at 0: it bends as much at every smaller step, until rounding hides it."""
    middle = curve(0.0)
    size = magnitude(found.value) if np.all(np.isfinite(found.value)) else 0.0
    bends: list[float] = []
    for k in range(FIRST_HALVING, LAST_HALVING, 3):
        step = scale * 2.0**-k
        if bends and BEND_OVER_NOISE * EPSILON * magnitude(middle) / step > bends[-1]:
            break
        bend = magnitude(curve(step) - 2 * middle + curve(-step)) / step
        if not bend > max(KINK_SIZE * size, KINK_RATIO * bends[-1] if bends else 0.0):
            return False
        bends.append(bend)
    return len(bends) > 2


def persists(curve: Callable[[float], Any], steady: Steady, found: Any) -> bool:
    """Whether the differences stay with the slope rather than with what a claim says, at all small steps.

    A ripple that is finer than the first steps would show here; below the last step rounding hides the answer.

    >>> ripple = lambda t: 2 * t + 1e-9 * np.sin(1e9 * t)
    >>> steady = steady_slope(ripple)
    >>> persists(ripple, steady, 3.0), persists(ripple, steady, 1.0)
    (False, True)
    """
    expected = steady.slope.value
    apart = magnitude(found - expected)
    nearer: list[bool] = []
    for k in range(FIRST_HALVING, LAST_HALVING):
        step = steady.scale * 2.0**-k
        ahead, behind = curve(step), curve(-step)
        noise = 8 * EPSILON * ((magnitude(ahead) + magnitude(behind)) / step + magnitude(expected) / step)
        if not noise < 0.1 * apart:
            break
        difference = (ahead - behind) / (2 * step)
        nearer.append(magnitude(difference - expected) < magnitude(difference - found))
    return len(nearer) >= FEWEST_STEPS and all(nearer[-STEPS_LOOKED_AT:])


def fine_slope_and_kink(curve: Callable[[Decimal], Any]) -> tuple[Slope, bool]:
    """The derivative at 0 of a curve computed to sixty digits, and whether it has a kink or a jump there.

    >>> from matcalc.high_precision import sixty_digits
    >>> with sixty_digits():
    ...     fine_slope_and_kink(abs)[1], fine_slope_and_kink(lambda t: t * t)[1]
    (True, False)
    """
    known: dict[Decimal, Any] = {}

    def remembered(t: Decimal) -> Any:
        if t not in known:
            known[t] = curve(t)
        return known[t]

    found = fine_slope(remembered)
    middle = curve(Decimal(0))
    wide, narrow = (
        magnitude(remembered(h) - 2 * middle + remembered(-h)) / float(h) for h in (FINE_STEP, FINE_STEP / 2)
    )
    noise = FINE_ROUNDING * magnitude(middle)
    return found, bool(narrow > FINE_KINK_RATIO * wide and narrow > max(noise, KINK_SIZE * magnitude(found.value)))
