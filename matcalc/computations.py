"""One point in one arithmetic: the values of the expressions under test there, and slopes along curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from matcalc.cancellations import largest_cancelling
from matcalc.curves import CURVED, moved, restored, tangent
from matcalc.differences import JITTER, Slope, fine_slope, magnitude, slope
from matcalc.evaluation import Evaluator
from matcalc.expressions import Expression, Variable
from matcalc.high_precision import PRECISE, precise
from matcalc.operations import FLOAT, Arithmetic, shape_value
from matcalc.points import Point


class Place(Protocol):
    """A point in some arithmetic, as tests see it: values of inputs and expressions, and slopes."""

    values: dict[str, Any]

    def value(self, expression: Expression) -> Any:
        """The value of one of the expressions under test."""

    def value_at(self, expression: Expression, values: Mapping[str, Any]) -> Any:
        """The value of an expression where some inputs are replaced."""

    def slope(
        self,
        expression: Expression,
        moves: Mapping[Variable, str],
        *,
        carried: Mapping[Variable, str] = ...,
        **fixed: Any,
    ) -> Slope:
        """The derivative of an expression along curves in the domains of variables."""

    def scale(self, *factors: Any, over: float = 1.0) -> float:
        """The size of a sum of products of such factors, beside which a difference may be rounding."""


@dataclass
class Computer:
    """The expressions under test, made ready to be computed in several arithmetics."""

    roots: tuple[Expression, ...]
    perturbations: Mapping[str, Variable]
    _evaluators: dict[tuple[tuple[Expression, ...], Arithmetic], Evaluator] = field(default_factory=dict)

    def evaluator(self, expressions: tuple[Expression, ...], arithmetic: Arithmetic = FLOAT) -> Evaluator:
        """The evaluator of these expressions; raises NoKernel where the arithmetic lacks a function."""
        key = (expressions, arithmetic)
        if key not in self._evaluators:
            self._evaluators[key] = Evaluator(expressions, arithmetic)
        return self._evaluators[key]

    def extent(self, sizes: Mapping[str, int]) -> tuple[int, int]:
        """The number of entries of the largest matrix on the way, and the number of nodes."""
        nodes = self.evaluator(self.roots).nodes
        by_shape = {node.shape: node for node in nodes}
        return max(int(np.prod(shape_value(node, sizes))) for node in by_shape.values()), len(nodes)


@dataclass
class State:
    """One point in one arithmetic: the inputs, the values of expressions, and slopes along curves."""

    computer: Computer
    variables: Sequence[Variable]
    point: Point
    precise: bool
    deadline: float
    values: dict[str, Any] = field(init=False)
    _slopes: dict[Any, Slope] = field(init=False, default_factory=dict)
    _memory: list[Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.values = dict(self.point.values)
        if self.precise:
            self.values = {name: precise(value) for name, value in self.point.values.items()}
            for v in self.variables:
                self.values[v.name] = restored(v, self.values[v.name])
            for name, v in self.computer.perturbations.items():
                self.values[name] = tangent(v, self.values[v.name], self.values[name])

    @property
    def arithmetic(self) -> Arithmetic:
        """Double precision or sixty digits."""
        return PRECISE if self.precise else FLOAT

    def jittered(self, k: int) -> State:
        """The same point moved so little, in the k-th way, that a value changes only if it is made of rounding."""
        other = replace(self)
        curved = {v.name for v in self.variables if v.properties & CURVED}
        names = sorted(name for name in self.values if name not in curved)
        steps = {name: (i + k * len(names)) * JITTER for i, name in enumerate(names, 1)}
        other.values |= {name: self.values[name] * (1 + step) for name, step in steps.items()}
        return other

    def scale(self, *factors: Any, over: float = 1.0) -> float:
        """The size of a sum of products of such factors, beside which a difference may be rounding."""
        return float(np.prod([magnitude(factor) for factor in factors])) / over

    def value(self, expression: Expression) -> Any:
        """The value of one of the expressions under test."""
        evaluator = self.computer.evaluator(self.computer.roots, self.arithmetic)
        return self.memory[evaluator.roots[self.computer.roots.index(expression)]]

    @property
    def memory(self) -> list[Any]:
        """The value of every node of the expressions under test."""
        if self._memory is None:
            evaluator = self.computer.evaluator(self.computer.roots, self.arithmetic)
            self._memory = evaluator.memory(self.values, self.point.sizes, self.deadline)
        return self._memory

    @property
    def largest_cancelling(self) -> float:
        """The size of the largest value beside which a small one may be rounding."""
        return largest_cancelling(self.computer.evaluator(self.computer.roots, self.arithmetic).nodes, self.memory)

    def value_at(self, expression: Expression, values: Mapping[str, Any]) -> Any:
        """The value of an expression where some inputs are replaced."""
        evaluator = self.computer.evaluator((expression,), self.arithmetic)
        return evaluator({**self.values, **values}, self.point.sizes, self.deadline)[0]

    def slope(
        self,
        expression: Expression,
        moves: Mapping[Variable, str],
        *,
        carried: Mapping[Variable, str] = MappingProxyType({}),
        **fixed: Any,
    ) -> Slope:
        """The derivative of an expression along curves in the domains of variables.

        ``moves`` maps a variable to the name of its velocity, ``carried`` to the name of a tangent that is
        projected onto the tangent space along the curve; other inputs may be ``fixed`` at other values.
        """
        key = (expression, *moves.items(), *carried.items(), *fixed)
        if key not in self._slopes:
            curve = self.curve(expression, moves, carried, fixed)
            self._slopes[key] = fine_slope(curve) if self.precise else slope(curve)
        return self._slopes[key]

    def curve(
        self,
        expression: Expression,
        moves: Mapping[Variable, str],
        carried: Mapping[Variable, str],
        fixed: Mapping[str, Any],
    ) -> Callable[[Any], Any]:
        """The values of an expression along the curves whose slope at 0 is asked for."""

        def value(t: Any) -> Any:
            at = dict(fixed)
            for v, name in moves.items():
                at[v.name] = moved(v, self.values[v.name], self.values[name], t)
            for v, name in carried.items():
                at[name] = tangent(v, at.get(v.name, self.values[v.name]), self.values[name])
            return self.value_at(expression, at)

        return value
