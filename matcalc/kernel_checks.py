"""The check of kernels: what NumPy computes for a function against sixty digits, at random points.

A kernel is written twice, for double precision and for sixty digits. Functions that only move entries, or add and
multiply them, have one kernel for both, and are checked by the identities of the rule book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcalc.applications import apply, signature
from matcalc.differences import magnitude
from matcalc.evaluation import Evaluator
from matcalc.expressions import Expression, dimension
from matcalc.function_table import DEFINITE, FUNCTIONS, SYMMETRIC, Function
from matcalc.high_precision import PRECISE, REARRANGEMENTS, NoKernel, precise, sixty_digits
from matcalc.leaves import number, variable
from matcalc.points import Point, PointSource
from matcalc.reports import Report
from matcalc.sampling import NoPoint, Sampler

POINTS = 6
# Rounding of a kernel, which for the determinant of a matrix of condition 1e6 is 1e6 units in the last place.
TOLERANCE = 1e-9
PARAMETERS: dict[str, tuple[int, ...]] = {"polygamma": (0, 1, 3)}

MISTAKES: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("a wrong sign", lambda value: -value),
    ("a wrong factor", lambda value: 2 * value),
    ("off by 1e-7", lambda value: value * (1 + 1e-7)),
    ("a transpose added", lambda value: value.T if np.ndim(value) else -value),
)


@dataclass(frozen=True)
class KernelSubject:
    """A function whose values are under check."""

    name: str
    expression: Expression
    kind: str = "kernel"
    place: str = "functions"

    def report(self, seed: int) -> Report:
        """The report on the kernel itself."""
        try:
            pairs = self._pairs(seed)
        except (NoPoint, NoKernel) as error:
            return Report("inconclusive", seed=seed, reason=f"{self.name} cannot be compared: {error}")
        worst = max(_relative_error(found, right) for _, found, right in pairs)
        refuted = not worst <= TOLERANCE
        return Report(
            "refuted" if refuted else "verified",
            trials=len(pairs),
            max_relative_error=worst,
            seed=seed,
            reason=f"{self.name} differs from its value to sixty digits" if refuted else "",
            sizes=tuple(point.sizes for point, _, _ in pairs),
        )

    def planted(self, seed: int) -> Iterator[tuple[str, bool]]:
        """Every mistake planted in its values, and whether it was refused; what changes nothing is none."""
        try:
            pairs = self._pairs(seed)
        except (NoPoint, NoKernel):
            return
        for mistake, change in MISTAKES:
            changed = [(found, np.asarray(change(found)), right) for _, found, right in pairs]
            if any(a.shape != b.shape or magnitude(a - b) > 0 for a, b, _ in changed):
                yield mistake, any(not _relative_error(b, right) <= TOLERANCE for _, b, right in changed)

    def _pairs(self, seed: int) -> list[tuple[Point, Any, Any]]:
        """Points, the values there in double precision, and to sixty digits."""
        coarse, fine = Evaluator([self.expression]), Evaluator([self.expression], PRECISE)
        source = PointSource(Sampler(seed), coarse, {})
        found = []
        for trial in range(POINTS):
            with np.errstate(all="ignore"):
                point = source.draw(trial)
                value = np.asarray(coarse(point.values, point.sizes)[0])
            with sixty_digits():
                values = {name: precise(v) for name, v in point.values.items()}
                right = np.asarray(fine(values, point.sizes)[0], dtype=float)
            found.append((point, value, right))
        return found


def _relative_error(found: Any, right: Any) -> float:
    if found.shape != right.shape:
        return np.inf
    return float(magnitude(found - right) / max(magnitude(right), np.finfo(float).tiny))


def kernel_subjects() -> list[KernelSubject]:
    """Every function that has a kernel of its own in both arithmetics.

    >>> [s.expression for s in kernel_subjects() if s.name == "det"]
    [det(X0)]
    """
    rows = [
        row for row in FUNCTIONS.values() if row.kernel is not None and row.name not in REARRANGEMENTS and not row.named
    ]
    return [KernelSubject(_label(row, k), _applied(row, k)) for row in rows for k in PARAMETERS.get(row.name, (None,))]


def _label(row: Function, k: int | None) -> str:
    return row.name if k is None else f"{row.name}({k}, x)"


def _applied(row: Function, k: int | None) -> Expression:
    """The function of variables of its shapes."""
    inputs, _ = signature(row.signature)
    shapes = [shape for shape in inputs if shape is not None][0 if k is None else 1 :]
    variables = [
        variable(f"X{i}", *(dimension(d.name) if d.is_Symbol else d for d in shape), *_properties(row, i))
        for i, shape in enumerate(shapes)
    ]
    return apply(row.name, *(() if k is None else (number(k),)), *variables)


def _properties(row: Function, i: int) -> tuple[str, ...]:
    return (row.takes,) if i == 0 and row.takes in (SYMMETRIC, DEFINITE) else ()
