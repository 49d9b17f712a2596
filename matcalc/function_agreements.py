"""Whether a claim about a NumPy function and its slope agree: to sixty digits where both run, else in double precision.

Functions hold rounded constants (0.1, np.pi, a matrix of floats), so that even to sixty digits a right derivative
differs from the slope by about 1e-16 of itself. Between agreement and disagreement there is room for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from matcalc.differences import Slope, magnitude
from matcalc.function_kinds import Comparison
from matcalc.operations import Array

# Sixty digits: differences that rounded constants make, and those that they do not; an entry that is so small
# beside the largest may be made of them.
CONSTANTS, FINE_MISTAKE = 1e-12, 1e-9
NEGLIGIBLE, SMALLEST_SEEN = 1e-13, 1e-14
FINE_BARS_AGREED, FINE_BARS_REFUSED = 1e3, 1e6
LARGEST_FINE_BAR, FINE_ZERO = 1e-10, 1e-35
# Double precision: agreement within so many error bars, or so small a part, where an error of 1e-6 would show …
BARS_AGREED, ROUNDING, LARGEST_BAR = 10, 1e-9, 3e-8
# … and disagreement, which must be beyond so many, and as large as that.
BARS_REFUSED, MISTAKE = 100, 1e-6
# Both precisions compute the same where they agree to this part of the value, or of what changes nearby.
SAME, SAME_NEARBY = 1e-6, 1e-10
ZERO_IN_FLOATS = "both sides are zero as far as double precision shows, rounding may hide the answer"

Agreement: TypeAlias = Literal["agree", "zero", "disagree", "unknown"]
"""What a comparison shows; "zero" is agreement that both sides are zero, which shows less."""


@dataclass(frozen=True)
class Finding:
    """What one direction at one point showed: `error` is relative, `entry` the index of the worst entry."""

    agreement: Agreement
    comparison: Comparison
    error: float
    reason: str = ""
    order: float | None = None
    fine: bool = False

    @property
    def entry(self) -> tuple[int, ...]:
        """Where the two sides differ most; beside the sizes there, if that is a mistake in a small entry only."""
        ratios = _ratios(self.comparison)
        apart = np.where(np.isfinite(ratios), ratios * self.comparison.sizes, np.inf)
        visible = FINE_MISTAKE if self.fine else MISTAKE
        worst = int(np.argmax(np.where(ratios > visible, apart, 0.0)))
        return tuple(int(i) for i in np.unravel_index(worst, np.shape(ratios)))

    @property
    def suspicious(self) -> list[tuple[int, ...]]:
        """The entries that differ by more than a mistake of double precision, beside their own size."""
        if not self.comparison.sizes.ndim:
            return []
        return [tuple(int(i) for i in place) for place in np.argwhere(_ratios(self.comparison) > MISTAKE)]


def compared(found: Any, expected: Any, scale: Any) -> Comparison:
    """The two sides, each entry beside the larger of the two and of the scale."""
    sizes = np.maximum(np.maximum(_floats(np.abs(found)), _floats(np.abs(expected))), scale)
    return Comparison(np.asarray(found), np.asarray(expected), np.asarray(sizes))


def _floats(values: Any) -> Array:
    return np.asarray(values, dtype=float)


def _ratios(comparison: Comparison) -> Array:
    """The difference of each entry beside its size; infinite where the claim is not defined."""
    with np.errstate(all="ignore"):
        apart = _floats(np.abs(comparison.found - comparison.expected))
        ratios = np.where(apart > 0, apart / comparison.sizes, 0.0)
    return np.where(np.isnan(apart), np.inf, ratios)


def whole_error(comparison: Comparison) -> float:
    """The relative error, in norms."""
    with np.errstate(all="ignore"):
        apart = magnitude(_floats(comparison.found - comparison.expected))
    size = magnitude(comparison.sizes)
    return apart / size if size else apart


def fine_finding(comparison: Comparison, slope: Slope, resolved: Array, value_size: float) -> Finding:
    """What sixty digits show, entry by entry.

    ``resolved`` says of which entries double precision shows the same values: others may be rounding of constants.
    """
    error, sizes, ratios = whole_error(comparison), comparison.sizes, _ratios(comparison)
    bar, largest = slope.error, float(np.max(sizes))
    if not np.isfinite(bar):
        return Finding("unknown", comparison, error, "f has no finite values near the point", fine=True)
    apart = ratios * sizes
    undefined = ~np.isfinite(_floats(comparison.found))
    mistaken = (ratios > FINE_MISTAKE) & (apart > FINE_BARS_REFUSED * bar) & (apart > SMALLEST_SEEN * largest)
    if np.any(undefined | (mistaken & resolved)):
        return Finding("disagree", comparison, error, fine=True)
    if bar > max(LARGEST_FINE_BAR * largest, FINE_ZERO * value_size):
        return Finding("unknown", comparison, error, "f varies too fast near the point", fine=True)
    fits = (apart <= CONSTANTS * sizes) | (apart <= FINE_BARS_AGREED * bar) | (apart <= NEGLIGIBLE * largest)
    if np.all(fits):
        shown = largest > FINE_BARS_AGREED * bar
        return Finding("agree" if shown else "zero", comparison, error if shown else 0.0, fine=True)
    words = "double precision and sixty digits give different values, rounding hides the answer"
    if np.all(resolved | fits):
        words = f"the two sides differ by {error:.1g} of their size, which rounded constants may explain"
    return Finding("unknown", comparison, error, words, fine=True)


def float_finding(comparison: Comparison, bar: float, order: float | None = None) -> Finding:
    """What double precision shows, in norms; ``bar`` holds the errors of both sides."""
    error, size = whole_error(comparison), magnitude(comparison.sizes)
    finite = bool(np.all(np.isfinite(_floats(comparison.expected)))) and np.isfinite(bar)
    if not finite:
        return Finding("unknown", comparison, error, "f has no finite values near the point")
    if not np.all(np.isfinite(_floats(comparison.found))):
        return Finding("disagree", comparison, np.inf, order=order)
    apart = magnitude(_floats(comparison.found - comparison.expected))
    if not size:
        return Finding("unknown" if bar else "zero", comparison, 0.0, ZERO_IN_FLOATS, order)
    if bar <= LARGEST_BAR * size and apart <= max(BARS_AGREED * bar, ROUNDING * size):
        return Finding("agree", comparison, error, order=order)
    if apart > max(BARS_REFUSED * bar, MISTAKE * size):
        return Finding("disagree", comparison, error, order=order)
    return Finding("unknown", comparison, error, _too_coarse(apart, bar, size), order)


def _too_coarse(apart: float, bar: float, size: float) -> str:
    return (
        f"rounding hides the answer: the two sides differ by {apart / size:.1g}, with an error bar of {bar / size:.1g}"
    )
