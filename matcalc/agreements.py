"""When two numbers agree: in double precision, which never says the contrary, and to sixty digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from matcalc.differences import Slope, magnitude

# Double precision agrees if the difference is within so many error bars, or so small beside the values …
ERROR_BARS = 30
ROUNDING = 1e-10
# (less where two values are compared without a difference quotient)
ROUNDING_OF_VALUES = 1e-12
# … and the error bars are small enough to show an error of 1e-6.
LARGEST_BAR = 1e-8
# Where there are no sixty digits: agreement needs this much, and disagreement is not found.
LOOSE_ROUNDING, LOOSE_BAR = 1e-8, 1e-5
# Sixty digits: what is between agreement and disagreement is not decided.
FINE_ROUNDING, FINE_DISAGREEMENT = 1e-35, 1e-30
LARGEST_FINE_BAR = 1e-10
FINE_BARS_AGREED, FINE_BARS_REFUSED = 1e3, 1e6
# What is made of rounding changes by more than this part of itself with the last digits of the inputs.
JITTERED_CHANGE = 1e-3

Agreement: TypeAlias = Literal["agree", "zero", "disagree", "unknown"]
"""Whether two sides agree; "zero" is agreement that both are zero, which shows less."""


@dataclass(frozen=True)
class Sides:
    """A formula's value, the reference, and the size of numbers beside which a difference is small."""

    found: Any
    expected: Slope
    scale: float = 0.0
    apart: float | None = None

    @property
    def size(self) -> float:
        """The largest magnitude in the comparison."""
        return max(magnitude(self.found), magnitude(self.expected.value), self.scale)

    @property
    def difference(self) -> float:
        """How far the two sides are apart: as measured before rounding, where that is known."""
        return magnitude(self.found - self.expected.value) if self.apart is None else self.apart

    def brought_into_range(self) -> Sides:
        """The same over the largest entry, where that is too large for a float, as exp(1000) is."""
        entries = [abs(e) for side in (self.found, self.expected.value) for e in np.asarray(side, dtype=object).flat]
        largest = max((e for e in entries if e == e), default=0)
        if np.isfinite(float(largest)) and np.isfinite(self.scale):
            return self
        return Sides(
            self.found / largest, Slope(self.expected.value / largest, float(self.expected.error / float(largest)))
        )

    def as_floats(self) -> Sides:
        """The same in double precision."""
        found, expected = (np.asarray(side, dtype=float)[()] for side in (self.found, self.expected.value))
        return Sides(found, Slope(expected, self.expected.error), self.scale, self.difference)


def float_agreement(sides: Sides) -> Agreement:
    """Whether double precision shows agreement; it never shows disagreement."""
    return _agreement(sides, LARGEST_BAR, ROUNDING if sides.expected.error else ROUNDING_OF_VALUES)


def loose_agreement(sides: Sides) -> Agreement:
    """The same with wider bounds, for where there is no better arithmetic."""
    return _agreement(sides, LOOSE_BAR, LOOSE_ROUNDING)


def _agreement(sides: Sides, largest_bar: float, rounding: float) -> Agreement:
    bar, size = sides.expected.error, sides.size
    if not np.isfinite(size):
        return "unknown"
    if bar > largest_bar * size or not sides.difference <= max(ERROR_BARS * bar, rounding * size):
        return "unknown"
    return "agree" if size else "zero"


def fine_agreement(sides: Sides, rounding: float = 0.0) -> Agreement:
    """What sixty digits show: they tell agreement from disagreement by many orders of magnitude.

    A difference up to ``rounding`` may be rounding alone. An error bar as large as the values shows nothing,
    unless the formula says that the derivative is zero.
    """
    sides = sides.brought_into_range()
    difference, bar, size = sides.difference, sides.expected.error, sides.size
    if np.isnan(magnitude(sides.expected.value)):
        return "unknown"
    if np.isnan(magnitude(sides.found)) and np.isfinite(bar):
        return "disagree"
    if not size:
        return "zero"
    close = max(FINE_BARS_AGREED * bar, FINE_ROUNDING * size)
    if difference <= max(close, min(rounding, LARGEST_FINE_BAR * size)):
        resolved = bar <= LARGEST_FINE_BAR * size
        return "agree" if resolved else "unknown" if magnitude(sides.found) else "zero"
    far = max(FINE_BARS_REFUSED * bar, FINE_DISAGREEMENT * size, rounding)
    return "disagree" if difference > far else "unknown"


def agreement_of_small_numbers(sides: Sides, jittered: Sequence[Sides]) -> Agreement:
    """The agreement where both sides are so small that they may be rounding alone: they cannot disagree.

    What is made of rounding changes with the last digits of the inputs, and is zero.
    """
    found_is_zero = _is_rounding(sides.found, [j.found for j in jittered])
    expected_is_zero = _is_rounding(sides.expected.value, [j.expected.value for j in jittered])
    unresolved = magnitude(sides.expected.value) <= sides.expected.error
    return "zero" if found_is_zero and (expected_is_zero or unresolved) else "unknown"


def _is_rounding(value: Any, jittered: Sequence[Any]) -> bool:
    size = magnitude(value)
    return not size or any(magnitude(other - value) > JITTERED_CHANGE * size for other in jittered)
