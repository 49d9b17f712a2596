"""Derivatives of curves from their values alone, with an error bar: what a formula is checked against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from matcalc.high_precision import DIGITS

FIRST_STEP = 0.125
MOST_ROWS = 18
MOST_COLUMNS = 6
EPSILON = float(np.finfo(float).eps)
TARGET = 1e-12
FINE_STEP = Decimal("1e-14")
FINE_EPSILON = 10.0 ** (2 - DIGITS)
JITTER = Decimal("1e-40")


@dataclass(frozen=True)
class Slope:
    """The derivative of a curve at 0, a likely bound on its error, and the order at which it converged.

    `order` is None where truncation is below rounding, as for a polynomial of degree two.
    """

    value: Any
    error: float
    order: float | None = None


def magnitude(value: Any) -> float:
    """The Euclidean norm of a number or an array, of any kind of number.

    >>> magnitude(np.array([[3.0, 4.0]])), magnitude(Decimal(-2))
    (5.0, 2.0)
    """
    entries = np.asarray(value)
    if entries.dtype != object:
        return float(np.sqrt(np.vdot(entries, entries).real))
    if any(e != e for e in entries.flat):
        return float("nan")
    # the squares of numbers such as 1e-200 are no floats
    largest = max((abs(e) for e in entries.flat), default=0)
    if not largest:
        return 0.0
    return float(largest) * float(np.linalg.norm(np.array([float(e / largest) for e in entries.flat])))


def slope(curve: Callable[[float], Any]) -> Slope:
    """The derivative at 0 from central differences at halved steps, extrapolated (Richardson; Ridders 1982).

    Steps at which the curve has no finite value are left out.

    >>> found = slope(lambda t: np.sin(1 + t))
    >>> bool(abs(found.value - np.cos(1)) < 1e-11), round(found.order)
    (True, 2)
    """
    best: Slope | None = None
    raw: list[tuple[Any, float]] = []
    row: list[Any] = []
    step = FIRST_STEP
    for _ in range(MOST_ROWS):
        ahead, behind = curve(step), curve(-step)
        with np.errstate(all="ignore"):
            difference = (ahead - behind) / (2 * step)
        size = magnitude(difference)
        if not np.isfinite(size):
            row = []
        else:
            noise = EPSILON * (magnitude(ahead) + magnitude(behind)) / step
            raw.append((difference, noise))
            row, best = _extended(row, difference, noise, best)
            if best is not None and best.error <= max(TARGET * magnitude(best.value), 2 * noise):
                break
        step /= 2
    if best is None:
        return Slope(np.nan, np.inf)
    return Slope(best.value, best.error, _order(raw, best.value))


def _extended(previous: list[Any], difference: Any, noise: float, best: Slope | None) -> tuple[list[Any], Slope | None]:
    """The next row of the extrapolation table, and the best estimate so far."""
    row = [difference]
    factor = 1.0
    for j in range(min(len(previous), MOST_COLUMNS)):
        factor *= 4
        row.append(row[j] + (row[j] - previous[j]) / (factor - 1))
        error = max(magnitude(row[j + 1] - row[j]), magnitude(row[j + 1] - previous[j]), noise)
        if best is None or error < best.error:
            best = Slope(row[j + 1], error)
    return row, best


def _order(raw: list[tuple[Any, float]], value: Any) -> float | None:
    """The slope of the error against the step where truncation is well above rounding."""
    errors = [(magnitude(d - value), noise) for d, noise in raw]
    scale = magnitude(value)
    clear = [e for e, noise in errors if e > 1000 * noise and e > 1e-10 * scale]
    orders = [np.log2(a / b) for a, b in pairwise(clear)]
    settled = len(orders) >= 2 and abs(orders[-1] - orders[-2]) < 0.5
    return float(orders[-1]) if settled else None


def fine_slope(curve: Callable[[Decimal], Any]) -> Slope:
    """The derivative at 0 of a curve that is computed to sixty digits; the error bar is about 1e-28.

    >>> from matcalc.high_precision import sixty_digits
    >>> with sixty_digits():
    ...     found = fine_slope(lambda t: (1 + t).exp())
    ...     abs(found.value - Decimal(1).exp()) < Decimal("1e-40"), found.error < 1e-25
    (True, True)
    """
    steps = (FINE_STEP, FINE_STEP / 2)
    values = [(curve(h), curve(-h)) for h in steps]
    wide, narrow = ((a - b) / (2 * h) for (a, b), h in zip(values, steps, strict=True))
    size = max(magnitude(a) for pair in values for a in pair)
    # so small a move shows only how the value rounds, which may be much where large numbers cancel
    rounding = magnitude(curve(FINE_STEP * (1 + JITTER)) - values[0][0])
    noise = (FINE_EPSILON * size + rounding) / float(FINE_STEP)
    return Slope(narrow + (narrow - wide) / 3, magnitude(narrow - wide) + noise)
