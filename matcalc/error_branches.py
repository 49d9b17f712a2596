"""Where the error of a finite difference falls with the step, where it rises again, and where it stays.

On log–log axes the error of a difference quotient has two straight branches: truncation, of slope 1 (forward
differences) or 2 (central), and rounding, of slope −1. MIT Matrix Calculus, §6; Nocedal & Wright, §8.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

# Truncation is what is so many times above rounding; its slope is that of the last steps before rounding,
# if there are enough, if it is the same between all of them, and if the next error lies on the line, too.
CLEAR_OF_ROUNDING = 30.0
MOST_STEPS, FEWEST_STEPS = 8, 4
LARGEST_SPREAD, LEAST_SLOPE = 0.3, 0.3
NEXT_WITHIN = 2.0
# Rounding is erratic: one error is often several times another. An error near 1 has no digit right.
FEWEST_ERRATIC_STEPS = 8
NO_DIGIT_RIGHT = 0.3
# A plateau: so many quotients in a row change by no more than this part of their distance from the formula …
STEPS_OF_PLATEAU = 4
SETTLED = 0.05
# … and rounding is less than this part of it. Below the least level rounding of the formula looks the same.
ROUNDING_ON_PLATEAU = 0.1
LEAST_PLATEAU = 1e-10
# Two quotients in a row that are so many times closer have left a plateau: |1 - h| is small for one h by chance.
MUCH_CLOSER = 10.0


@dataclass(frozen=True)
class Branch:
    """A straight part of the picture: error ≈ coefficient · h^slope, for steps h from smallest to largest."""

    slope: float
    coefficient: float
    smallest: float
    largest: float

    def error(self, step: float) -> float:
        """The error on the line."""
        return float(self.coefficient * step**self.slope)


@dataclass(frozen=True)
class Quotients:
    """Difference quotients for falling steps, in numbers: nan where the function has no value.

    ``errors`` are distances from the formula's value, ``changes`` distances from the quotient before (nan for
    the first), ``noise`` the least rounding to expect; all of them relative.
    """

    steps: Floats
    errors: Floats
    changes: Floats
    noise: Floats

    def plateau(self) -> float | None:
        """The error at which the quotients settle, where that is not rounding and they do not come closer.

        >>> h = 0.5 ** np.arange(30)
        >>> noise = 1e-16 / h
        >>> right = Quotients(h, h + noise, np.append(np.nan, h[1:]), noise)
        >>> wrong = Quotients(h, 0.25 + h, np.append(np.nan, h[1:]), noise)
        >>> right.plateau(), round(wrong.plateau(), 4)
        (None, 0.25)
        """
        with np.errstate(invalid="ignore"):
            settled = (self.changes < SETTLED * self.errors) & (self.noise < ROUNDING_ON_PLATEAU * self.errors)
        runs = [k for k in range(len(settled)) if settled[k : k + STEPS_OF_PLATEAU].sum() == STEPS_OF_PLATEAU]
        if not runs:
            return None
        level = float(np.min(self.errors[runs[0] :][settled[runs[0] :]]))
        below = self.errors < level / MUCH_CLOSER
        closer = any(a and b for a, b in pairwise(below))
        return level if level > LEAST_PLATEAU and not closer else None

    def branches(self, plateau: float | None) -> tuple[Branch | None, Branch | None]:
        """The truncation and the rounding branch; None where there is none, or none that is straight."""
        floor = plateau or 0.0
        least = self._least()
        rounding = self._rounding(least, floor)
        noise = self.noise if rounding is None else np.fmax(self.noise, self._coefficient(rounding) / self.steps)
        return self._truncation(least, np.fmax(noise, floor)), rounding

    def _least(self) -> int:
        """The place of the smallest error, but for one that is small by chance."""
        padded = np.concatenate([[np.inf], np.where(np.isfinite(self.errors), self.errors, np.inf), [np.inf]])
        return int(np.argmin(np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)))

    def _rounding(self, least: int, floor: float) -> Branch | None:
        """The branch on which the errors rise while the steps fall."""
        errors = self.errors[least:]
        with np.errstate(invalid="ignore"):
            ends = np.flatnonzero(~(errors < NO_DIGIT_RIGHT))
            stop = least + int(ends[0]) if len(ends) else len(self.errors)
            above = (self.errors > 10 * floor) & (self.errors > 0)
        places = [k for k in range(least + 2, stop) if above[k]]
        line = self._line(places) if len(places) >= FEWEST_ERRATIC_STEPS else None
        return line if line and line.slope < -LEAST_SLOPE else None

    def _coefficient(self, rounding: Branch) -> float:
        """The c with which c/h is the error of rounding."""
        on_branch = (self.steps >= rounding.smallest) & (self.steps <= rounding.largest)
        return float(np.median((self.errors * self.steps)[on_branch]))

    def _truncation(self, least: int, below: Floats) -> Branch | None:
        """The branch on which the errors fall with the steps until they reach what is below."""
        with np.errstate(invalid="ignore"):
            clear = self.errors > CLEAR_OF_ROUNDING * below
        clear[least + 1 :] = False
        last = int(np.flatnonzero(clear)[-1]) if clear.any() else -1
        first = last
        while first > 0 and clear[first - 1] and last - first + 1 < MOST_STEPS:
            first -= 1
        for begin in range(first, last - FEWEST_STEPS + 2):
            places = list(range(begin, last + 1))
            if self._is_straight(places):
                return self._line(places)
        return None

    def _is_straight(self, places: Sequence[int]) -> bool:
        """Whether the errors halve alike at all steps, and the next one goes on like that."""
        slopes = -np.diff(np.log2(self.errors[places]))
        if np.ptp(slopes) > LARGEST_SPREAD or np.mean(slopes) < LEAST_SLOPE or places[-1] + 1 == len(self.errors):
            return False
        foretold = self.errors[places[-1]] / 2 ** np.mean(slopes)
        return bool(1 / NEXT_WITHIN <= self.errors[places[-1] + 1] / foretold <= NEXT_WITHIN)

    def _line(self, places: Sequence[int]) -> Branch:
        """The line through log h and log error with the median of the slopes of all pairs; Theil 1950, Sen 1968."""
        h, e = self.steps[places], self.errors[places]
        x, y = np.log(h), np.log(e)
        i, j = np.triu_indices(len(places), 1)
        slope = float(np.median((y[i] - y[j]) / (x[i] - x[j])))
        return Branch(slope, float(np.exp(np.median(y - slope * x))), float(h[-1]), float(h[0]))
