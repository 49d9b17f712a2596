"""Where a NumPy function is tested: points given or drawn, directions and cotangents independent of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from matcalc.differences import magnitude
from matcalc.errors import MatcalcError, ShapeError
from matcalc.given_functions import GivenFunction, Point, in_words, point_of
from matcalc.operations import Array

Tangent: TypeAlias = Callable[..., Any]
POINT, DIRECTION, COTANGENT, ROUNDING = range(4)
COORDINATE_TRIAL, ENTRYWISE_TRIAL, PERIOD = 1, 2, 4
ATTEMPTS = 20
IDEMPOTENT = 1e-8


@dataclass(frozen=True)
class Directions:
    """Everything that is random in a check: it depends on the seed and the number of the trial alone."""

    at: Any
    tangent: Tangent | None
    seed: int

    @property
    def is_fixed(self) -> bool:
        """Whether all trials are made at one point."""
        return not callable(self.at)

    def point(self, trial: int) -> Point:
        """The point of a trial; raises MatcalcError where it cannot be drawn."""
        if self.is_fixed:
            return point_of(self.at)
        try:
            drawn = self.at(self._rng(trial, POINT))
        except Exception as error:
            hint = "it is called as at(rng) with a numpy.random.Generator"
            raise MatcalcError(f"at raised {in_words(error)}", hint=hint) from error
        return point_of(drawn)

    def direction(self, trial: int, xs: Point) -> Point:
        """A direction as large as the point, or as each of its entries; in the second trial along one coordinate.

        Only its size is taken from the point: dA = c·A would take 2·A·dA for the differential of A².
        """
        rng = self._rng(trial, DIRECTION)
        for _ in range(ATTEMPTS):
            vs = self.projected(xs, _free_direction(trial, rng, xs))
            if any(np.any(v) for v in vs):
                return vs
        raise MatcalcError("tangent gives 0 for every direction", hint="it is called as tangent(x, v)")

    def cotangent(self, trial: int, shape: tuple[int, ...]) -> Array:
        """A Gaussian array of the shape of f."""
        return np.asarray(self._rng(trial, COTANGENT).standard_normal(shape))

    def rounded(self, k: int, xs: Point, size: float) -> Point:
        """The point with its entries changed by so small a part of them, in the k-th way."""
        rng = self._rng(k, ROUNDING)
        return tuple(np.asarray(x * (1 + size * rng.choice([-1.0, 1.0], x.shape))) for x in xs)

    def projected(self, xs: Point, vs: Point) -> Point:
        """The projection onto the tangent space at a point; raises MatcalcError where it is none."""
        if self.tangent is None:
            return vs
        once = self._tangent(xs, vs)
        twice = self._tangent(xs, once)
        for a, b in zip(once, twice, strict=True):
            if not magnitude(a - b) <= IDEMPOTENT * magnitude(a):
                raise MatcalcError("tangent is no projection: applied twice it differs from once")
        return once

    def _tangent(self, xs: Point, vs: Point) -> Point:
        assert self.tangent is not None
        found = GivenFunction("tangent", self.tangent).values((*xs, *vs), len(xs) if len(xs) > 1 else None)
        for x, v in zip(xs, found, strict=True):
            if x.shape != v.shape:
                raise ShapeError(f"tangent must return shape {x.shape}, that of the point, but returns {v.shape}")
        return found

    def _rng(self, trial: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, trial, purpose))


def coordinates(xs: Point) -> Iterator[tuple[int, tuple[int, ...], Point]]:
    """Every argument, index and unit direction, with the index running over rows first.

    >>> [(i, index) for i, index, _ in coordinates((np.zeros(()), np.zeros(2)))]
    [(0, ()), (1, (0,)), (1, (1,))]
    """
    for i, x in enumerate(xs):
        for index in np.ndindex(x.shape):
            vs = [np.zeros(other.shape) for other in xs]
            vs[i][index] = 1.0
            yield i, index, tuple(vs)


def _size(x: Array) -> float:
    """The root mean square of the entries, 1 where all are 0."""
    return float(np.sqrt(np.mean(x * x))) or 1.0


def _entry_sizes(x: Array) -> Array:
    return np.where(x != 0, np.abs(x), _size(x))


def _free_direction(trial: int, rng: np.random.Generator, xs: Point) -> Point:
    """Gaussian entries of one size, or one coordinate, or Gaussian entries of the sizes of the point's."""
    if trial % PERIOD == COORDINATE_TRIAL:
        i = int(rng.choice(len(xs), p=np.array([x.size for x in xs]) / sum(x.size for x in xs)))
        vs = [np.zeros(x.shape) for x in xs]
        place = int(rng.integers(xs[i].size))
        vs[i].flat[place] = _entry_sizes(xs[i]).flat[place]
        return tuple(vs)
    if trial % PERIOD == ENTRYWISE_TRIAL:
        return tuple(rng.standard_normal(x.shape) * _entry_sizes(x) for x in xs)
    return tuple(np.asarray(rng.standard_normal(x.shape) * _size(x)) for x in xs)
