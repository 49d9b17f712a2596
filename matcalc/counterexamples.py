"""The smallest counterexample that can be found: small sizes and small whole numbers, to sixty digits.

A reader can follow by hand what goes wrong at A = [0 1; 0 0]; at six random numbers nobody can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from time import monotonic
from typing import Any

import numpy as np

from matcalc.agreements import JITTERED_CHANGE, Sides, fine_agreement
from matcalc.computations import Computer, State
from matcalc.curves import CURVED, restored, tangent
from matcalc.differences import magnitude
from matcalc.evaluation import TimeIsUp
from matcalc.expressions import Variable
from matcalc.high_precision import NoKernel, sixty_digits
from matcalc.judgements import Test
from matcalc.kinks import Kinks
from matcalc.operations import Array, dimension_value, shape_value
from matcalc.points import Point, PointSource
from matcalc.tangents import perturbation

# What bounds a search is the number of points, so that it finds the same again; time only where points are slow.
MOST_POINTS, TIME = 300, 5.0
LARGEST_SMALL_SIZE, MOST_SIZES = 3, 24
MOST_ENTRIES = 400
DRAWS = 4
# Rounding makes less than this part of the numbers on the way, or of 1, as the values of slopes near 0 are;
# and a reader sees a difference beyond this part of what is compared.
ROUNDING, PLAIN = 1e-30, 1e-6
# The numbers that entries are taken from, simplest first.
LEVELS = ((0, 1), (-1, 0, 1, 2), (-3, -2, -1, 1, 2, 3))


@dataclass(frozen=True)
class Counterexample:
    """A point at which a test fails, and both sides there."""

    point: Point
    sides: Sides

    @property
    def is_plain(self) -> bool:
        """Whether the two sides differ visibly."""
        return self.sides.difference > PLAIN * self.sides.size


def smallest_counterexample(test: Test, computer: Computer, source: PointSource) -> Counterexample | None:
    """The first point found at which the test fails, small sizes and numbers first, as many entries 0 as can be."""
    kinks = Kinks(computer.evaluator(computer.roots).nodes)
    search = _Search(test, computer, source, monotonic() + TIME, kinks)
    try:
        with sixty_digits(), np.errstate(all="ignore"):
            found = search.first()
            return None if found is None else search.with_zeros(found)
    except NoKernel:
        return None


@dataclass
class _Search:
    test: Test
    computer: Computer
    source: PointSource
    deadline: float
    kinks: Kinks
    points: int = 0

    @property
    def is_over(self) -> bool:
        """Whether no further point may be tried."""
        return self.points >= MOST_POINTS or monotonic() > self.deadline

    def first(self) -> Counterexample | None:
        """The first point at which both sides differ visibly; where there is none, the first at which they differ."""
        rng = np.random.default_rng(self.source.sampler.seed)
        faint: Counterexample | None = None
        for sizes, level, _ in product(self._sizes(), LEVELS, range(DRAWS)):
            found = self._tried(self._point(sizes, level, rng))
            if found is not None and found.is_plain:
                return found
            faint = faint or found
            if self.is_over:
                break
        return faint

    def _sizes(self) -> Iterator[dict[str, int]]:
        """All sizes up to 3 that fit, small ones first."""
        dimensions = sorted({d for shape in self.source.shapes for d in shape}, key=str)
        names = sorted({s.name for d in dimensions for s in d.free_symbols})
        choices = (
            product(range(1, LARGEST_SMALL_SIZE + 1), repeat=len(names)) if len(names) < 6 else [(2,) * len(names)]
        )
        count = 0
        for numbers in sorted(choices, key=lambda ns: (max(ns, default=0), sum(ns))):
            sizes = dict(zip(names, numbers, strict=True))
            if self._fit(sizes) and count < MOST_SIZES and self.computer.extent(sizes)[0] <= MOST_ENTRIES:
                count += 1
                yield sizes

    def _fit(self, sizes: Mapping[str, int]) -> bool:
        shapes = [[int(dimension_value(d, sizes)) for d in shape] for shape in self.source.shapes]
        tall = [[int(dimension_value(d, sizes)) for d in shape] for shape in self.source.tall]
        return min(n for shape in shapes for n in shape) >= 1 and all(m >= n for m, n in tall)

    def _point(self, sizes: Mapping[str, int], level: Sequence[int], rng: np.random.Generator) -> Point:
        positive = self.source.start.positive
        values = {v.name: _value(v, sizes, level, rng, v.name in positive) for v in self.source.variables}
        for name, v in self.source.perturbations.items():
            values[name] = _direction(v, values[v.name], level, rng)
        return Point(sizes, values)

    def _tried(self, point: Point) -> Counterexample | None:
        """The sides at a point, if the test fails there."""
        self.points += 1
        state = State(self.computer, self.source.variables, point, True, self.deadline)
        try:
            if self.kinks.touched(state.memory):
                return None
            sides = self._sides(state)
            if not np.all(np.isfinite(np.asarray(sides.found, dtype=float))):
                return None
            fails = fine_agreement(sides, _rounding(state)) == "disagree" and self._persists(state, sides)
        except (ArithmeticError, ValueError, TypeError, TimeIsUp):
            return None
        return Counterexample(point, sides.as_floats()) if fails else None

    def _sides(self, state: State) -> Sides:
        return (self.test.detail or self.test.sides)(state)

    def _persists(self, state: State, sides: Sides) -> bool:
        """Whether the difference stays when the last digits of the inputs change, as none does that rounding made."""
        jittered = self._sides(state.jittered(0))
        change = (jittered.found - jittered.expected.value) - (sides.found - sides.expected.value)
        return magnitude(change) <= JITTERED_CHANGE * sides.difference

    def with_zeros(self, found: Counterexample) -> Counterexample:
        """The same with every entry 0 that may be, while the test still fails."""
        for v in self._free():
            for place in np.ndindex(np.shape(found.point.values[v.name])):
                entry = found.point.values[v.name][place]
                if entry == 0 or self.is_over:
                    continue
                X = np.array(found.point.values[v.name])
                X[place] = 0.0
                if "symmetric" in v.properties:
                    X[place[::-1]] = 0.0
                values = {**found.point.values, v.name: X if X.ndim else X[()]}
                other = self._tried(Point(found.point.sizes, values))
                if other is not None and (other.is_plain or not found.is_plain):
                    found = other
        return found

    def _free(self) -> list[Variable]:
        """The variables whose entries may be made 0: those without a property that a 0 might break."""
        kept = {"positive", "nonzero", "spd", "skew", "integer", *CURVED}
        positive = self.source.start.positive
        return [v for v in self.source.variables if not v.properties & kept and v.name not in positive]


def _rounding(state: State) -> float:
    """More than the difference that rounding makes at a point."""
    return ROUNDING * max(1.0, *(magnitude(value) for value in state.memory if value is not None))


def _value(
    v: Variable, sizes: Mapping[str, int], level: Sequence[int], rng: np.random.Generator, positive: bool
) -> Any:
    shape = shape_value(v, sizes)
    if "integer" in v.properties or "positive" in v.properties or positive:
        X = rng.integers(1, len(level) + 1, shape).astype(float)
    else:
        X = rng.choice(level, shape).astype(float)
    if "nonzero" in v.properties:
        X[X == 0] = 1.0
    X = _orthonormal(v, X, rng) if v.properties & CURVED and not v.is_scalar else _structured(v, X)
    return X[0, 0] if v.is_scalar else X


def _orthonormal(v: Variable, X: Array, rng: np.random.Generator) -> Array:
    """Columns of an identity, turned by the angle of the triangle 3, 4, 5 where there is room."""
    m, n = X.shape
    Q = np.eye(m)
    if m > 1 and not v.properties & {"diagonal", "lower", "upper"}:
        Q[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    Q = Q[:, rng.permutation(m)[:n]] if n <= m else np.repeat(Q[:, :1], n, axis=1)
    restored_Q: Array = restored(v, Q)
    return restored_Q


def _structured(v: Variable, X: Array) -> Array:
    """A matrix of whole numbers with the linear properties of v."""
    words = v.properties
    if "spd" in words:
        X = np.tril(X, -1) @ np.tril(X, -1).T + np.diag(1 + np.abs(np.diag(X)))
        return np.diag(np.diag(X)) if words & {"diagonal", "lower", "upper"} else X
    if "diagonal" in words or len(words & {"lower", "upper", "symmetric"}) > 1:
        return np.diag(np.diag(X))
    if "symmetric" in words:
        return np.tril(X) + np.tril(X, -1).T
    if "skew" in words:
        return np.tril(X, -1) - np.tril(X, -1).T
    return np.tril(X) if "lower" in words else np.triu(X) if "upper" in words else X


def _direction(v: Variable, X: Any, level: Sequence[int], rng: np.random.Generator) -> Any:
    shape = np.shape(X)
    V: Any = rng.choice(level, shape or (1, 1)).astype(float)
    if v.is_scalar:
        return V[0, 0] or 1.0
    return tangent(v, X, V) if v.properties & CURVED else _structured(perturbation(v, f"d{v.name}"), V)
