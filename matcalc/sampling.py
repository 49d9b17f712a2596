"""Random sizes that all differ, and generic members of declared domains with directions of their own.

A wrong formula that is right for special inputs must not pass: no symmetric matrix stands for a general one,
and no direction is a multiple of the point.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from sympy import Expr

from matcalc.curves import CURVED, restored, structured, tangent
from matcalc.errors import MatcalcError
from matcalc.expressions import Variable
from matcalc.operations import Array, dimension_value

SMALLEST_SIZE = 2
SMALLEST_TANGENT = 0.1
# The largest size as a rule, and smaller ones for what would grow too large, such as kron(X, kron(X, X)).
LARGEST_SIZES = (6, 4, 3)


class NoPoint(MatcalcError):
    """No point was found at which everything is defined and well conditioned, or it would be too large."""


@dataclass(frozen=True)
class Domain:
    """How the declared domain is narrowed; `scale` and `sizes`, smallest and largest, are for experiments."""

    positive: frozenset[str] = frozenset()
    near_identity: frozenset[str] = frozenset()
    small: frozenset[str] = frozenset()
    above_one: frozenset[str] = frozenset()
    nonnegative: frozenset[str] = frozenset()
    definite: frozenset[str] = frozenset()
    scale: float | None = None
    sizes: tuple[int, int] | None = None

    def assumptions(self, names: Collection[str]) -> tuple[str, ...]:
        """What is assumed of the named variables, in words."""
        words = {
            "positive": self.positive - self.above_one,
            "near the identity": self.near_identity,
            "small": self.small,
            "above 1": self.above_one,
            "positive definite": self.definite,
        }
        return tuple(f"{n} {word}" for word, found in words.items() for n in names if n in found)


DECLARED = Domain()


@dataclass
class Sampler:
    """Draws points; the same seed draws the same points.

    >>> from matcalc.leaves import variable
    >>> S = variable("S", "n", "n", "symmetric")
    >>> value = Sampler(1).value(S, {"n": 3})
    >>> bool((value == value.T).all())
    True
    """

    seed: int
    rng: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    # ---- single values

    def value(self, v: Variable, sizes: Mapping[str, int], domain: Domain = DECLARED, scale: float = 1.0) -> Any:
        """A generic member of the declared domain of v, narrowed as the domain says, of that scale if it can be."""
        shape = tuple(int(dimension_value(d, sizes)) for d in v.shape)
        if "integer" in v.properties:
            X = self.rng.integers(1, 5, shape).astype(float)
        elif "positive" in v.properties or v.name in domain.positive:
            X = self.rng.uniform(0.4, 2.0, shape)
        else:
            X = self.rng.standard_normal(shape)
        if v.name in domain.above_one:
            X = 1.2 + np.abs(X)
        X = self._with_properties(v, X, v.name in domain.near_identity, v.name in domain.definite)
        if not v.properties & (CURVED | {"integer"}):
            X = X * (scale / 8 if v.name in domain.small else scale)
        return X[0, 0] if v.is_scalar else X

    def _with_properties(self, v: Variable, X: Array, near_identity: bool, definite: bool = False) -> Array:
        n = len(X)
        if "orthogonal" in v.properties:
            return self._orthogonal(v, X)
        if definite or "spd" in v.properties:
            bent = (
                structured(v, X @ X.T / n) if not v.properties & {"diagonal", "lower", "upper"} else np.diag(X[0] ** 2)
            )
            return bent / (2 if near_identity else 1) + np.eye(n) / 2
        if near_identity:
            X = np.eye(n) + 0.3 * X / np.sqrt(n)
        X = structured(v, X)
        if "nonzero" in v.properties and v.is_scalar:
            X = X + np.copysign(0.1, X)
        return X / np.linalg.norm(X, axis=0) if "unit" in v.properties else X

    def _orthogonal(self, v: Variable, X: Array) -> Array:
        if v.properties & {"diagonal", "lower", "upper"}:
            return np.diag(np.copysign(1.0, X[0]))
        Q = np.linalg.qr(X)[0] * np.copysign(1.0, X[0])
        if v.properties & {"symmetric", "spd"}:
            signs = np.where(np.arange(len(X)) % 2, -1.0, 1.0)
            return structured(v, Q * signs @ Q.T)
        return restored(v, Q)

    def direction(self, v: Variable, X: Any, scale: float = 1.0, *, coordinate: bool = False) -> Any:
        """A tangent at X, independent of X; made from one entry alone if `coordinate`."""
        shape = np.shape(X) or (1, 1)
        V = self.rng.standard_normal(shape)
        if v.is_scalar:
            return scale * V[0, 0]
        if coordinate:
            entries = [tangent(v, X, E.reshape(shape)) for E in np.eye(V.size)]
            possible = [E for E in entries if np.linalg.norm(E) > SMALLEST_TANGENT]
            V = possible[self.rng.integers(len(possible))] * (1 + abs(V.flat[0])) if possible else V
        V = scale * tangent(v, X, V)
        return V / max(1.0, float(np.linalg.norm(V, 2))) if v.properties & CURVED else V

    # ---- sizes

    def sizes(
        self,
        shapes: Collection[tuple[Expr, Expr]],
        tall: Collection[tuple[Expr, Expr]] = (),
        before: Collection[Mapping[str, int]] = (),
        largest: int = LARGEST_SIZES[0],
        smallest: int = SMALLEST_SIZE,
    ) -> dict[str, int]:
        """A size for every symbol: all dimensions different where that is possible, and other than `before`.

        The shapes that are `tall` have no fewer rows than columns.
        """
        dimensions = sorted({d for shape in shapes for d in shape}, key=str)
        names = sorted({s.name for d in dimensions for s in d.free_symbols})
        pool = np.arange(smallest, max(largest, len(names) + smallest - 1) + 1)
        best: tuple[tuple[int, ...], dict[str, int]] | None = None
        for _ in range(60):
            drawn = dict(zip(names, self.rng.permutation(pool)[: len(names)].tolist(), strict=True))
            numbers = {d: int(dimension_value(d, drawn)) for d in dimensions}
            if any(n < 1 for n in numbers.values()) or any(numbers[m] < numbers[n] for m, n in tall):
                continue
            flaws = (len(numbers) - len(set(numbers.values())), *_repetitions(drawn, before))
            if best is None or flaws < best[0]:
                best = (flaws, drawn)
            if not any(best[0]) or not names:
                break
        if best is None:
            raise NoPoint("no sizes fit the declared dimensions")
        return best[1]

    def small_sizes(
        self, shapes: Collection[tuple[Expr, Expr]], tall: Collection[tuple[Expr, Expr]] = ()
    ) -> dict[str, int]:
        """Sizes from 1 to 3 that need not differ, one or more of them above 1."""
        names = sorted({s.name for shape in shapes for d in shape for s in d.free_symbols})
        for _ in range(60):
            drawn = {name: int(self.rng.integers(1, 4)) for name in names}
            numbers = [[int(dimension_value(d, drawn)) for d in shape] for shape in (*shapes, *tall)]
            fits = min(n for shape in numbers for n in shape) >= 1
            if fits and all(m >= n for m, n in numbers[len(shapes) :]) and max(drawn.values(), default=2) > 1:
                return drawn
        raise NoPoint("no sizes fit the declared dimensions")


def distinct_pairs(sizes: Mapping[str, int]) -> frozenset[tuple[str, str]]:
    """The pairs of symbols whose sizes are different and above 1.

    >>> sorted(distinct_pairs({"m": 2, "n": 3, "p": 1, "q": 3}))
    [('m', 'n'), ('m', 'q')]
    """
    above = sorted((name, n) for name, n in sizes.items() if n > 1)
    return frozenset((a, b) for (a, m), (b, n) in combinations(above, 2) if m != n)


def _repetitions(drawn: Mapping[str, int], before: Collection[Mapping[str, int]]) -> tuple[int, int, int]:
    """How little new the sizes bring: always even or always odd ones, parities seen together, the same sizes.

    The adjugate of -A is that of A where n is odd: mistakes may hide in one parity.
    """
    stuck = sum(all(n % 2 == sizes[name] % 2 for sizes in before) for name, n in drawn.items()) if before else 0
    alike = sum(all(n % 2 == sizes[name] % 2 for name, n in drawn.items()) for sizes in before)
    return stuck, alike, sum(drawn == sizes for sizes in before)
