"""The exact tier: formulas compared modulo a prime, where equality is equality and nothing is rounded.

The function is evaluated on dual numbers, entry by entry, and its exact derivative compared with the formula. A
wrong rational formula agrees at a random point with a probability of at most its degree over the prime. Where
roots, signs or opaque functions occur agreement is as strong, up to the laws that those functions obey modulo
the prime; disagreement may come from a law that they do not obey, such as exp(x + y) = exp(x) exp(y), and is then
left to numbers to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil, log
from random import Random
from types import MappingProxyType
from typing import Any

import numpy as np

from matcalc.computations import Computer
from matcalc.curves import tangent
from matcalc.degrees import DEGREES
from matcalc.differences import Slope
from matcalc.evaluation import TimeIsUp
from matcalc.expressions import Expression, Variable
from matcalc.field_arithmetic import arithmetic_of
from matcalc.findings import Finding
from matcalc.high_precision import NoKernel
from matcalc.judgements import Test
from matcalc.kinks import Kinks
from matcalc.operations import Arithmetic, dimension_value
from matcalc.points import PointSource
from matcalc.prime_fields import Field, NoResidue
from matcalc.primes import PRIMES
from matcalc.residue_points import (
    WHOLE_NUMBERS,
    ResidueSampler,
    degree_of,
    degree_of_direction,
    exponent_variables,
    one_by_one,
)
from matcalc.sampling import NoPoint, Sampler, distinct_pairs

POINTS = 3
# Agreement that may be chance with a greater probability shows nothing.
LARGEST_BOUND = 1e-5
MOST_POINTS = 64
TRIES, TRIES_WITH_THE_SAME_SIZES = 96, 3
# The largest size as a rule, and smaller ones for what would grow too large, or has no value at most points.
LARGEST_SIZES, SMALLEST_SIZE = (8, 6, 5, 4, 3), 3
COMFORTABLE_ENTRIES, MOST_ENTRIES = 700, 4_000
# After so many tries the sizes are drawn from a smaller range: (tries, smallest, largest).
SMALL_DRAWS = 60
SMALLER_SIZES = ((30, 2, 2), (12, 2, 3))


@dataclass
class RingPlace:
    """A point in an arithmetic of residues or of degrees, as tests see it."""

    computer: Computer
    arithmetic: Arithmetic
    sizes: Mapping[str, int]
    values: dict[str, Any]
    deadline: float | None = None
    _memory: list[Any] | None = field(init=False, default=None)

    def value(self, expression: Expression) -> Any:
        """The value of one of the expressions under test."""
        roots = self.computer.roots
        evaluator = self.computer.evaluator(roots, self.arithmetic)
        if self._memory is None:
            self._memory = evaluator(self.values, self.sizes, self.deadline)
        return self._memory[roots.index(expression)]

    def value_at(self, expression: Expression, values: Mapping[str, Any]) -> Any:
        """The value of an expression where some inputs are replaced."""
        evaluator = self.computer.evaluator((expression,), self.arithmetic)
        return evaluator({**self.values, **values}, self.sizes, self.deadline)[0]

    def slope(
        self,
        expression: Expression,
        moves: Mapping[Variable, str],
        *,
        carried: Mapping[Variable, str] = MappingProxyType({}),
        **fixed: Any,
    ) -> Slope:
        """The exact derivative along curves in the domains of variables."""
        at = dict(fixed)
        for v, name in moves.items():
            at[v.name] = self.values[v.name].along(self.values[name])
        for v, name in carried.items():
            at[name] = tangent(v, at.get(v.name, self.values[v.name]), self.values[name])
        return Slope(self.value_at(expression, at).tangent, 0.0)

    def scale(self, *factors: Any, over: float = 1.0) -> float:
        """Nothing is rounded."""
        return 0.0


@dataclass
class ExactTier:
    """Draws points modulo a prime and makes the tests there."""

    tests: Sequence[Test]
    computer: Computer
    source: PointSource
    seed: int
    deadline: float
    prime: int | None = None

    def __post_init__(self) -> None:
        rng = Random(self.seed)
        self.field = Field(self.prime or rng.choice(PRIMES), self.seed)
        self._arithmetic = arithmetic_of(self.field)
        nodes = self.computer.evaluator(self.computer.roots, self._arithmetic).nodes
        self._exponents = exponent_variables(nodes)
        self._kinks = Kinks(nodes)
        positive = self.source.start.positive
        self._sampler = ResidueSampler(self.field, rng.getrandbits(64), self._exponents, positive)
        self._sampler.whole = [v.name for v in self.source.variables if v.is_scalar and "integer" in v.properties]
        self._sizes = Sampler(rng.getrandbits(32))

    def number_of_points(self) -> int:
        """So many that regions behind kinks, and pairs of whole numbers from 1 to 4, are likely to be visited."""
        regions = 1.0 - 2.0 ** -len(self._kinks)
        behind_kinks = ceil(log(LARGEST_BOUND / 10) / log(regions)) if regions else 0
        return min(MOST_POINTS, max(POINTS, behind_kinks, WHOLE_NUMBERS ** len(self._sampler.whole)))

    def examine(self, points: int | None = None) -> Finding:
        """Make all tests at some points of different sizes and at one of 1×1 matrices, or until one fails."""
        points = self.number_of_points() if points is None else points
        found: list[tuple[Mapping[str, int], int, Collection[str]]] = []
        for i in range(points + 1):
            before = [sizes for sizes, _, _ in found]
            outcome = self._at_point(self.sizes_of_ones if i == points else partial(self.draw_sizes, before))
            if outcome is not None:
                found.append(outcome)
                if outcome[2]:
                    break  # one disagreement decides
            elif i == 0:
                return Finding(None, reason="no point was found modulo a prime", prime=self.field.p)
        return self._finding(found)

    def at_one_point(self, sizes: Mapping[str, int] | None = None) -> Finding:
        """The finding at a single point, of the sizes given if any; undecided where none has values."""
        outcome = self._at_point(lambda tries: self.draw_sizes((), tries) if sizes is None else sizes)
        return self._finding([outcome]) if outcome is not None else Finding(None, prime=self.field.p)

    def _finding(self, found: Sequence[tuple[Mapping[str, int], int, Collection[str]]]) -> Finding:
        objections = {
            test.form: tuple(sizes for sizes, _, forms in found if test.form in forms)
            for test in self.tests
            if any(test.form in forms for _, _, forms in found)
        }
        degrees = [self._degree(sizes) for sizes, _, _ in found[:POINTS]]
        bounds = [tries * degree / self.field.p for (_, tries, _), (degree, _) in zip(found, degrees, strict=False)]
        # a formula may be wrong in one of 2ᵏ regions between k kinks
        bounds.append((1.0 - 2.0 ** -len(self._kinks)) ** len(found))
        bound = min(1.0, max(bounds))
        return Finding(
            None if bound > LARGEST_BOUND and not self.prime and not objections else not objections,
            tuple(sizes for sizes, _, _ in found),
            bound,
            tuple(sorted(frozenset[str]().union(*(why for _, why in degrees)))),
            objections,
            prime=self.field.p,
        )

    def _at_point(
        self, sizes_at: Callable[[int], Mapping[str, int] | None]
    ) -> tuple[Mapping[str, int], int, Collection[str]] | None:
        """The sizes, the number of tries, and the forms that disagree; None where no point has values."""
        sizes = None
        for tries in range(1, TRIES + 1):
            if tries % TRIES_WITH_THE_SAME_SIZES == 1:
                sizes = sizes_at(tries)
            if sizes is None:
                return None
            try:
                place = self.place(sizes)
                return sizes, tries, [test.form for test in self.tests if not self._agrees(test, place)]
            except NoResidue:
                continue
        return None

    @staticmethod
    def _agrees(test: Test, place: RingPlace) -> bool:
        sides = test.sides(place)
        return bool((sides.found - sides.expected.value).is_zero)

    def place(self, sizes: Mapping[str, int]) -> RingPlace:
        """A random point of these sizes; raises NoResidue where there is none."""
        values: dict[str, Any] = {v.name: self._sampler.value(v, sizes) for v in self.source.variables}
        values |= self._sampler.whole_numbers()
        for name, v in self.source.perturbations.items():
            values[name] = self._sampler.direction(v, values[v.name])
        return RingPlace(self.computer, self._arithmetic, sizes, values, self.deadline)

    def sizes_of_ones(self, tries: int = 1) -> dict[str, int] | None:
        """The size 1 for every symbol, or None where that does not fit."""
        return one_by_one(list(self.source.shapes))

    def draw_sizes(self, before: Collection[Mapping[str, int]] = (), tries: int = 1) -> dict[str, int]:
        """Sizes from 3 to 8, smaller where roots are many, and small ones that need not differ for large matrices."""
        source = self.source
        most = max(source.start.sizes[1], LARGEST_SIZES[-1]) if source.start.sizes else LARGEST_SIZES[0]
        ranges = [(min(largest - 1, SMALLEST_SIZE), largest) for largest in LARGEST_SIZES if largest <= most]
        for smallest, largest in next(([r[1:]] for r in SMALLER_SIZES if tries > r[0]), ranges):
            sizes = self._sizes.sizes(source.shapes, source.tall, before, largest, smallest)
            if self.entries(sizes) <= COMFORTABLE_ENTRIES:
                return sizes
        # a transpose is seen where two sizes differ and are above 1: every pair is to do so at some point
        seen = {pair for s in before for pair in distinct_pairs(s)}
        drawn = [sizes, *(self._sizes.small_sizes(source.shapes, source.tall) for _ in range(SMALL_DRAWS))]
        drawn.sort(key=lambda s: (-len(distinct_pairs(s) - seen), -len(distinct_pairs(s))))
        for sizes in drawn:
            if self.entries(sizes) <= MOST_ENTRIES:
                return sizes
        raise NoPoint("the matrices are too large for exact arithmetic")

    def entries(self, sizes: Mapping[str, int]) -> int:
        """The number of entries of the largest matrix."""
        return max(int(np.prod([int(dimension_value(d, sizes)) for d in shape])) for shape in self.source.shapes)

    def _degree(self, sizes: Mapping[str, int]) -> tuple[int, frozenset[str]]:
        """The largest degree of a test, and what makes it an estimate."""
        values: dict[str, Any] = {v.name: degree_of(v, sizes, self._exponents) for v in self.source.variables}
        for name, v in self.source.perturbations.items():
            values[name] = degree_of_direction(v, values[v.name])
        place = RingPlace(self.computer, DEGREES, sizes, values, self.deadline)
        largest, why = 1, frozenset[str]()
        for test in self.tests:
            sides = test.sides(place)
            found, expected = sides.found, sides.expected.value
            largest, why = max(largest, found.apart(expected)), why | found.why | expected.why
        return largest, why


def examine(
    tests: Sequence[Test],
    computer: Computer,
    source: PointSource,
    seed: int,
    deadline: float,
    *,
    prime: int | None = None,
    points: int | None = None,
) -> Finding:
    """What exact arithmetic shows about tests; undecided, with the reason, where it has no means."""
    try:
        return ExactTier(tests, computer, source, seed, deadline, prime).examine(points)
    except NoKernel as error:
        return Finding(None, reason=f"{error} has no exact arithmetic")
    except TimeIsUp:
        return Finding(None, reason="the time for exact arithmetic was over")
    except NoPoint as error:
        return Finding(None, reason=error.message)
