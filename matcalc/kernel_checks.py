"""The check of kernels: what NumPy computes for a function against sixty digits, at random points.

A kernel is written twice, for double precision and for sixty digits. Functions that only move entries, or add and
multiply them, have one kernel for both, and are checked by the identities of the rule book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from matcalc.applications import apply, signature
from matcalc.differences import magnitude
from matcalc.evaluation import Evaluator
from matcalc.expressions import Expression, dimension
from matcalc.function_table import FUNCTIONS, Function
from matcalc.high_precision import PRECISE, REARRANGEMENTS, NoKernel, precise, sixty_digits
from matcalc.leaves import number, variable
from matcalc.points import Point, PointSource
from matcalc.reports import Report
from matcalc.sampling import NoPoint, Sampler

POINTS = 6
# Rounding of a kernel, which for the determinant of a matrix of condition 1e6 is 1e6 units in the last place.
TOLERANCE = 1e-9
PARAMETERS: dict[str, tuple[int, ...]] = {"polygamma": (0, 1, 3)}

Values: TypeAlias = list[tuple[Point, Any]]

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
        return self._compared(seed, lambda value: value)

    def planted(self, seed: int) -> Iterator[tuple[str, bool]]:
        """Every mistake planted in its values, and whether it was refused."""
        for mistake, change in MISTAKES:
            changed = self._changes(seed, change)
            if changed:
                yield mistake, self._compared(seed, change).verdict == "refuted"

    def _changes(self, seed: int, change: Callable[[Any], Any]) -> bool:
        """Whether a mistake is one: a function that is zero, or symmetric, has none of some kinds."""
        try:
            pairs = [(value, change(value)) for _, value in self._values(seed)]
        except NoPoint:
            return False
        return any(
            a.shape != b.shape or magnitude(a - b) > 0 for a, b in ((np.asarray(a), np.asarray(b)) for a, b in pairs)
        )

    def _values(self, seed: int) -> Values:
        evaluator = Evaluator([self.expression])
        source = PointSource(Sampler(seed), evaluator, {})
        with np.errstate(all="ignore"):
            points = [source.draw(trial) for trial in range(POINTS)]
            return [(point, evaluator(point.values, point.sizes)[0]) for point in points]

    def _compared(self, seed: int, change: Callable[[Any], Any]) -> Report:
        """Values in double precision, changed or not, against sixty digits."""
        worst, sizes = 0.0, []
        try:
            fine = Evaluator([self.expression], PRECISE)
            for point, value in self._values(seed):
                with sixty_digits():
                    values = {name: precise(v) for name, v in point.values.items()}
                    right = np.asarray(fine(values, point.sizes)[0], dtype=float)
                found = np.asarray(change(value))
                sizes.append(dict(point.sizes))
                if found.shape != right.shape:
                    worst = np.inf
                    break
                worst = max(worst, magnitude(found - right) / max(magnitude(right), np.finfo(float).tiny))
        except (NoPoint, NoKernel) as error:
            return Report("inconclusive", seed=seed, reason=f"{self.name} cannot be compared: {error}")
        verdict = "verified" if worst <= TOLERANCE else "refuted"
        reason = "" if verdict == "verified" else f"{self.name} differs from its value to sixty digits"
        return Report(
            verdict,  # type: ignore[arg-type]
            trials=len(sizes),
            max_relative_error=float(worst),
            seed=seed,
            reason=reason,
            sizes=tuple(sizes),
        )


def kernel_subjects() -> list[KernelSubject]:
    """Every function that has a kernel of its own in both arithmetics.

    >>> [s.expression for s in kernel_subjects() if s.name == "det"]
    [det(X0)]
    """
    rows = [row for row in FUNCTIONS.values() if row.kernel is not None and row.name not in REARRANGEMENTS]
    return [KernelSubject(_label(row, k), _applied(row, k)) for row in rows for k in PARAMETERS.get(row.name, (None,))]


def _label(row: Function, k: int | None) -> str:
    return row.name if k is None else f"{row.name}({k}, x)"


def _applied(row: Function, k: int | None) -> Expression:
    """The function of variables of its shapes."""
    inputs, _ = signature(row.signature)
    shapes = [shape for shape in inputs if shape is not None][0 if k is None else 1 :]
    variables = [
        variable(f"X{i}", *(dimension(d.name) if d.is_Symbol else d for d in shape)) for i, shape in enumerate(shapes)
    ]
    return apply(row.name, *(() if k is None else (number(k),)), *variables)
