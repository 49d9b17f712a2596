"""Random points at which some expressions are defined and well conditioned.

Both sides of every kink are visited. Where an expression is not defined at generic points the domain is
narrowed step by step, and the point says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Expr

from matcalc.cancellations import largest_cancelling
from matcalc.curves import CURVED, structured
from matcalc.differences import magnitude
from matcalc.evaluation import Evaluator
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Number,
    Power,
    Transpose,
    Variable,
    postorder,
    variables_of,
)
from matcalc.function_table import DEFINITE, FUNCTIONS, SLOW_TO_CHECK, TALL
from matcalc.kinks import Kinks
from matcalc.operations import dimension_value
from matcalc.powers import is_integer_valued
from matcalc.sampling import DECLARED, LARGEST_SIZES, SMALLEST_SIZE, Domain, NoPoint, Sampler

LARGEST_SIZE = 200
COMFORTABLE_ENTRIES, MOST_ENTRIES = 20_000, 1_000_000
LARGEST_CONDITION = 1e6
SIZES_FOR_SPECTRA = (2, 4)
CANDIDATES, MOST_CANDIDATES = 12, 96
# Successive points are of order one, of any order of magnitude, and small: mistakes may hide where a function is
# saturated. With kinks the candidates for a point are of many scales, and one in a new region is taken.
SMALL_SCALE, ORDERS_OF_MAGNITUDE = 1 / 64, (-6.0, 6.0)
# Inverse functions agree with what they invert in the middle only: arcsin(sin(x)) is x up to π/2.
FAR_SCALES = (2.0, 6.0)
ORDERS_WITH_KINKS = (-6.0, 2.0)
# exp, gamma, … are too large, too small or too slow at a million.
ORDERS_WITH_FUNCTIONS = (-6.0, 1.0)
NEARBY = 0.01
STEP_FOR_SENSITIVITY = 1e-9
LARGEST_CHANGE = 1e-3


@dataclass(frozen=True)
class Point:
    """The sizes, the values of variables and perturbations by name, and what was assumed to find them."""

    sizes: Mapping[str, int]
    values: Mapping[str, Any]
    assumptions: tuple[str, ...] = ()


@dataclass
class PointSource:
    """Draws points at which the expressions of an evaluator are defined and well conditioned.

    ``perturbations`` maps the names of perturbations to the variables that they move; ``others`` are
    variables that need values besides those in the expressions; ``scale`` multiplies values where it can.
    """

    sampler: Sampler
    evaluator: Evaluator
    perturbations: Mapping[str, Variable]
    others: Sequence[Variable] = ()
    start: Domain = DECLARED
    scale: float = 1.0

    def __post_init__(self) -> None:
        free = [*self.evaluator.inputs, *self.others, *self.perturbations.values()]
        by_name = {v.name: v for v in reversed(free) if v.name not in self.perturbations}
        self.variables = [by_name[name] for name in sorted(by_name)]
        nodes = self.evaluator.nodes
        self._sizes_before: list[Mapping[str, int]] = []
        self.shapes = {node.shape for node in (*nodes, *self.variables)}
        self.shapes |= {(size, ONE) for node in nodes for size in _own_sizes(node)}
        applied = [n for n in nodes if isinstance(n, Apply)]
        self.shapes |= {(n.rows * n.columns,) * 2 for n in applied if n.function == "sylvester"}
        self.tall = [v.shape for v in self.variables if "orthogonal" in v.properties]
        self.tall += [n.operands[0].shape for n in applied if FUNCTIONS[n.function].takes == TALL]
        slots = {node: i for i, node in enumerate(nodes)}
        self._inverted = [slots[o] for o in _inverted(nodes)]
        self.kinks = Kinks(nodes)
        transcendental = any(isinstance(n, Apply) and _is_transcendental(n.function) for n in nodes)
        self._has_branches = any(map(_has_branches, applied))
        self._orders = ORDERS_WITH_FUNCTIONS if transcendental else ORDERS_OF_MAGNITUDE
        self.start = _narrowed(self.start, nodes)
        if self.start.sizes is None and any(n.function in SLOW_TO_CHECK for n in applied):
            self.start = replace(self.start, sizes=SIZES_FOR_SPECTRA)

    def draw(self, trial: int = 0, *, coordinate: bool = False) -> Point:
        """The next point; `trial` chooses its order of magnitude and the whole numbers in it. Raises NoPoint."""
        point = self._draw(trial, coordinate)
        self._sizes_before.append(point.sizes)
        return point

    def near(self, point: Point) -> Point:
        """A point close to another, of the same sizes, with new directions; on curved surfaces the same values."""
        rng = self.sampler.rng
        values = dict(point.values)
        for v in self.variables:
            if "integer" not in v.properties and not v.properties & CURVED:
                X = np.asarray(point.values[v.name])
                X = X * (1 + NEARBY * rng.standard_normal(X.shape))
                values[v.name] = X[()] if v.is_scalar else structured(v, X)
        for name, v in self.perturbations.items():
            values[name] = self.sampler.direction(v, values[v.name])
        return Point(point.sizes, values, point.assumptions)

    def _draw(self, trial: int, coordinate: bool) -> Point:
        culprits: set[str] = set()
        best: tuple[tuple[int, ...], Point, list[Any]] | None = None
        left = count = MOST_CANDIDATES if self.kinks.is_narrow else CANDIDATES
        for i, domain in enumerate(self._ladder(culprits, count)):
            scale = self.scale
            if self.kinks:
                scale *= self._scale_with_kinks(i)
            elif i < count // 2:
                scale *= self._scale(trial)
            if i % (count // CANDIDATES) == 0:
                sizes = self._sizes(self._sizes_before if i < count // 2 else [])
            point, memory = self._candidate(domain, trial, scale, coordinate, sizes)
            if not self._is_defined(memory, culprits):
                continue
            made_of_rounding = self._made_of_rounding(point, memory)
            if made_of_rounding is None:
                continue
            flaws = (made_of_rounding, *self.kinks.flaws(memory))
            if best is None or flaws < best[0]:
                best = (flaws, point, memory)
            left -= 1
            if not any(best[0]) or left == 0:
                break
        if best is None:
            raise NoPoint("no point was found at which all is defined and well conditioned")
        self.kinks.seen(best[2])
        return best[1]

    def _scale(self, trial: int) -> float:
        """The scale of the values at a point."""
        if self.start.scale is not None:
            return self.start.scale
        if trial % 3 == 1:
            return float(10.0 ** self.sampler.rng.uniform(*self._orders))
        if trial > 2 and self._has_branches and trial % 3:
            return float(self.sampler.rng.uniform(*FAR_SCALES))
        return SMALL_SCALE if trial % 3 else 1.0

    def _scale_with_kinks(self, i: int) -> float:
        """Half of the candidates are of order one: a constant in a kink, as in min(x, 6), has regions far out."""
        if self.start.scale is not None:
            return self.start.scale
        return float(10.0 ** self.sampler.rng.uniform(*ORDERS_WITH_KINKS)) if i % 2 else 1.0

    def _ladder(self, culprits: set[str], count: int) -> Iterator[Domain]:
        """The domains to try, wide ones first; `culprits` grows while they fail."""
        square = {v.name for v in self.variables if not v.is_scalar and v.rows == v.columns}
        everything = {v.name for v in self.variables}
        start = self.start
        for _ in range(count):
            yield start
        for names in (culprits, everything):
            for squares, positive, small, above in _STEPS:
                for _ in range(6):
                    yield replace(
                        start,
                        positive=start.positive | (names - square if squares else names if positive else set()),
                        near_identity=start.near_identity | (names & square if squares else set()),
                        small=start.small | (names if small else set()),
                        above_one=start.above_one | (names if above else set()),
                    )

    def _candidate(
        self, domain: Domain, trial: int, scale: float, coordinate: bool, sizes: Mapping[str, int]
    ) -> tuple[Point, list[Any]]:
        sampler = self.sampler
        values = {v.name: sampler.value(v, sizes, domain, scale) for v in self.variables}
        values |= self._whole_numbers(domain, trial)
        for name, v in self.perturbations.items():
            length = scale / 8 if v.name in domain.small else scale
            values[name] = sampler.direction(v, values[v.name], length, coordinate=coordinate)
        memory = self.evaluator.memory(values, sizes)
        assumptions = domain.assumptions([v.name for v in self.variables])
        if self.scale < 1:
            assumptions = ("all values small", *assumptions)
        return Point(sizes, values, assumptions), memory

    def _whole_numbers(self, domain: Domain, trial: int) -> dict[str, float]:
        """The integers, from 1 to 4, or 0 where allowed: two have all pairs of parities in four points."""
        found = {}
        for i, v in enumerate(v for v in self.variables if v.is_scalar and "integer" in v.properties):
            odd = trial >> i % 2 & 1
            zero = v.name in domain.nonnegative and trial % 4 == 2
            found[v.name] = 0.0 if zero else float(2 * self.sampler.rng.integers(1, 3) - odd)
        return found

    def _sizes(self, before: Sequence[Mapping[str, int]]) -> dict[str, int]:
        """Sizes with which nothing grows too large, others than before."""
        for v in self.variables:
            if any(d.is_Integer and d > LARGEST_SIZE for d in v.shape):
                raise NoPoint(f"{v.name} is {v.rows}×{v.columns}, which is too large to check")
        smallest, most = self.start.sizes or (SMALLEST_SIZE, LARGEST_SIZES[0])
        for largest in (most, *LARGEST_SIZES[1:]):
            sizes = self.sampler.sizes(self.shapes, self.tall, before, largest, smallest)
            shapes = [[int(dimension_value(d, sizes)) for d in shape] for shape in self.shapes]
            m, n = max(shapes, key=lambda shape: shape[0] * shape[1])
            if m * n <= COMFORTABLE_ENTRIES:
                return sizes
        if m * n <= MOST_ENTRIES:
            return sizes
        raise NoPoint(f"a {m:,}×{n:,} matrix is too large to check")

    def _is_defined(self, memory: Sequence[Any], culprits: set[str]) -> bool:
        """Whether all is finite, and well conditioned where inverted; else adds to the culprits."""
        nodes = self.evaluator.nodes
        for node, value in zip(nodes, memory, strict=True):
            if value is not None and not np.all(np.isfinite(value)):
                culprits |= {v.name for v in variables_of(node)} & {v.name for v in self.variables}
                return False
        return all(np.linalg.cond(memory[slot]) < LARGEST_CONDITION for slot in self._inverted)

    def _made_of_rounding(self, point: Point, memory: Sequence[Any]) -> int | None:
        """How many expressions are zero but for rounding, such as det(X'X) with a wide X.

        None where rounding is large: log(det(X'X)) is made of nothing else.
        """
        shaken = self.evaluator(self._shaken(point), point.sizes)
        largest = largest_cancelling(self.evaluator.nodes, memory)
        count = 0
        for slot, value in zip(self.evaluator.roots, shaken, strict=True):
            change, size = magnitude(value - memory[slot]), magnitude(memory[slot])
            if not change <= LARGEST_CHANGE * max(size, STEP_FOR_SENSITIVITY * largest):
                return None
            count += change > LARGEST_CHANGE * size
        return count

    def _shaken(self, point: Point) -> dict[str, Any]:
        """The values with a small change in what need not stay on a curved surface."""
        rng = np.random.default_rng(0)
        shaken = dict(point.values)
        for v in self.variables:
            if "integer" not in v.properties and not v.properties & CURVED:
                X = point.values[v.name]
                V = rng.standard_normal(np.shape(X))
                shaken[v.name] = X + STEP_FOR_SENSITIVITY * (V if v.is_scalar else structured(v, V))
        return shaken


# Who is narrowed how: (squares near the identity, positive, small, above one).
_STEPS = (
    (False, True, False, False),
    (True, False, False, False),
    (False, False, True, False),
    (False, True, True, False),
    (False, False, False, True),
)


def _is_transcendental(name: str) -> bool:
    return FUNCTIONS[name].is_entrywise or FUNCTIONS[name].analytic


def _has_branches(node: Apply) -> bool:
    """Whether the node is an inverse function of what is made with other functions."""
    inside = postorder(*node.operands) if node.function in _INVERSES else []
    return any(isinstance(e, (Apply, Power)) for e in inside)


_INVERSES = frozenset({"arcsin", "arccos", "arctan", "arccosh", "logm", "sqrtm"})


def _inverted(nodes: Sequence[Expression]) -> Iterator[Expression]:
    """The matrices that are inverted, or whose log det is taken."""
    for node in nodes:
        if isinstance(node, Power) and not node.is_scalar:
            exponent = node.args[1]
            if not isinstance(exponent, Number) or exponent.value.is_negative:
                yield node.args[0]
        elif isinstance(node, Apply) and node.function in ("logdet", "logabsdet"):
            yield node.operands[0]


def _own_sizes(node: Expression) -> Iterator[Expr]:
    """The dimension symbols in a node's own arguments, such as the n of the number 1/n."""
    for argument in node.args:
        if not isinstance(argument, Expression):
            yield from argument.free_symbols


def _narrowed(start: Domain, nodes: Sequence[Expression]) -> Domain:
    """The domain that functions applied to bare variables need: x positive for log(x) and x^(1/2)."""
    needs: dict[str, set[str]] = {"positive": set(), "above_one": set(), "small": set(), "definite": set()}
    for node in nodes:
        need, argument = _need(node)
        inner = argument.operands[0] if isinstance(argument, Transpose) else argument
        if need and isinstance(inner, Variable) and not inner.properties & {"integer", "skew", "orthogonal"}:
            needs[need].add(inner.name)
    return replace(start, **{need: getattr(start, need) | names for need, names in needs.items()})


def _need(node: Expression) -> tuple[str, Expression]:
    """How the first argument of a node must be narrowed, or "", and the argument."""
    if isinstance(node, Apply):
        need = "definite" if FUNCTIONS[node.function].takes == DEFINITE else _NEEDS.get(node.function, "")
        return need, node.operands[0]
    if isinstance(node, (Power, EntrywisePower)) and not is_integer_valued(node.args[1]):
        return "positive", node.operands[0]
    return "", node


_NEEDS = {"log": "positive", "arccosh": "above_one", "arcsin": "small", "arccos": "small", "arctanh": "small"}
