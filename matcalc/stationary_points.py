"""Stationary points: a minimum, a maximum or a saddle, told from the eigenvalues of the Hessian at given numbers.

Nothing is guessed. An eigenvalue counts only if it is clear of rounding, and if it stays what it is when the point is
moved to where Newton's method says the gradient vanishes: in x^2 + y^3 near 0 the second one does not. On the tangent
space of constrained variables, the Hessian is that of the domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from matcalc.bindings import bind
from matcalc.cancellations import largest_cancelling
from matcalc.curves import moved, restored, tangent
from matcalc.declarations import Where
from matcalc.derivatives import Derivative
from matcalc.differences import EPSILON, magnitude
from matcalc.differentiation import Formula, Names, differentiate
from matcalc.errors import MatcalcError, NotDifferentiable
from matcalc.evaluation import Evaluator, complaint
from matcalc.expressions import Variable, variables_of
from matcalc.kinks import Kinks
from matcalc.reports import Report
from matcalc.tangents import is_constrained
from matcalc.typed_numbers import in_words, typed_numbers
from matcalc.verdicts import verify_derivative

Kind: TypeAlias = Literal["minimum", "maximum", "saddle", "undecided", "not stationary"]
FORMS = ("gradient", "hessian_operator")
# A gradient counts as zero if it is so small beside the Hessian times the point, or the numbers it is made of.
TOLERANCE = 1e-6
# Eigenvalues count as zero if they are within so many roundings of the largest.
ROUNDINGS = 100
# They must not change by more than this part of themselves in a Newton step.
LARGEST_CHANGE = 0.1
MOST_DIMENSIONS = 400
MOST_EIGENVALUES_SHOWN = 12


@dataclass(frozen=True)
class StationaryPoint:
    """What kind of point it is; ``str`` says it in three lines.

    `gradient_norm` is that of the gradient in the tangent space, `relative_gradient` beside the size at which it would
    be seen, infinite at the origin. `eigenvalues` are those of the Hessian on the tangent space, in increasing order.
    `report` is that of the check of the gradient and the Hessian, as formulas.
    """

    kind: Kind
    value: float
    gradient_norm: float
    relative_gradient: float
    eigenvalues: tuple[float, ...]
    reason: str
    at: Mapping[str, Any]
    report: Report | None = None

    @property
    def dimension(self) -> int:
        """The dimension of the tangent space."""
        return len(self.eigenvalues)

    def __str__(self) -> str:
        return "\n".join(f"{label}: {content}" for label, content in self.lines())

    __repr__ = __str__

    def lines(self) -> list[tuple[str, str]]:
        """What is said of the point, each with its label."""
        relative = f", relative {self.relative_gradient:.1g}" if 0 < self.relative_gradient < np.inf else ""
        shown = [f"{e:.6g}" for e in self.eigenvalues]
        if len(shown) > MOST_EIGENVALUES_SHOWN:
            half = MOST_EIGENVALUES_SHOWN // 2
            shown = [*shown[:half], "…", *shown[-half:]]
        return [
            ("gradient norm", f"{self.gradient_norm:.3g}{relative}"),
            ("eigenvalues", ", ".join(shown) or "none"),
            (self.kind, self.reason),
        ]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        finite = np.isfinite(self.relative_gradient)
        return {
            "kind": self.kind,
            "value": self.value,
            "gradient_norm": self.gradient_norm,
            "relative_gradient": self.relative_gradient if finite else None,
            "eigenvalues": list(self.eigenvalues),
            "dimension": self.dimension,
            "reason": self.reason,
            "at": {name: np.asarray(value).tolist() for name, value in self.at.items()},
            "report": self.report.to_json() if self.report else None,
        }

    def latex(self) -> str:
        """The same lines for a LaTeX document."""
        words = {label: content.replace("…", r"\dots").replace("²", "^2") for label, content in self.lines()}
        return " \\\\\n".join(rf"\text{{{label}: {content}}}" for label, content in words.items())


def classify(
    f: Formula,
    wrt: Names,
    at: str | Mapping[str, Any],
    where: Where = None,
    *,
    tolerance: float = TOLERANCE,
    check: bool = True,
    trials: int | None = None,
    seed: int | None = None,
) -> StationaryPoint:
    """What kind of stationary point f has in the variables at given numbers for all of its variables.

    The numbers are a mapping by name, or a text such as "x = [1, 2]; A = [1 2; 3 4]". A minimum or maximum is a
    strict local one; "undecided" is what the Hessian does not decide. ``check`` verifies the formulas used as well.

    Raises NotScalar, NotDifferentiable on a kink or where the Hessian is not defined, EvaluationError for improper
    numbers.

    >>> print(classify("x^2 - 3*y^2", ("x", "y"), {"x": 0, "y": 0}, "x, y: scalar"))
    gradient norm: 0
    eigenvalues: -6, 2
    saddle: the Hessian has eigenvalues of both signs
    >>> classify("u'*A*u", "u", "u = [0, 1]; A = [1 0; 0 3]", "u: vector(n) unit, A: matrix(n,n)").kind
    'maximum'
    """
    D = differentiate(f, wrt, where)
    known = list(dict.fromkeys((*variables_of(D.expression), *D.variables)))
    values = typed_numbers(at, known) if isinstance(at, str) else dict(at)
    arrays, sizes = bind(known, values, {})
    surface = _Surface(D, sizes)
    point = {v.name: restored(v, arrays[v.name]) for v in known}
    here = surface.at(point)
    kind, reason, relative = _judged(surface, here, tolerance)
    report = verify_derivative(D, FORMS, trials=trials, seed=seed) if check else None
    given = {name: value for name, value in values.items() if name in arrays}
    eigenvalues = tuple(float(e) for e in here.eigenvalues)
    norm = float(np.linalg.norm(here.gradient))
    return StationaryPoint(kind, here.value, norm, relative, eigenvalues, reason, given, report)


@dataclass(frozen=True)
class _Local:
    """A function at a point, in an orthonormal basis of the tangent space; rounding is that of the eigenvalues."""

    values: Mapping[str, Any]
    value: float
    basis: Sequence[Mapping[str, Any]]
    gradient: Any
    eigenvalues: Any
    eigenvectors: Any
    rounding: float
    gradient_rounding: float


class _Surface:
    """A function of some variables, its gradient and its Hessian operator made ready to be computed."""

    def __init__(self, D: Derivative, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.variables = D.variables
        self.directions = D.perturbations
        self.function = Evaluator((D.expression,))
        self.kinks = Kinks(self.function.nodes)
        self.gradient = Evaluator(tuple(D.gradients.values()))
        operators = D.hessian_operator
        self.operator = Evaluator(tuple(operators.values()) if isinstance(operators, dict) else (operators,))

    def at(self, values: Mapping[str, Any]) -> _Local:
        """Everything at a point; raises NotDifferentiable where the second derivatives are not defined."""
        memory = self._memory(self.function, values, "f")
        if self.kinks.touched(memory):
            message = "f is not differentiable there: the point lies on a kink, of abs, sign, relu, max or the like"
            raise NotDifferentiable(message, hint="ask at a point beside it")
        value = float(memory[self.function.roots[0]])
        basis = self._basis(values)
        memory = self._memory(self.gradient, values, "the gradient")
        parts = [memory[slot] for slot in self.gradient.roots]
        gradient = np.array([self._dot(parts, e) for e in basis])
        gradient_rounding = ROUNDINGS * EPSILON * largest_cancelling(self.gradient.nodes, memory)
        columns, largest = [], 0.0
        for e in basis:
            along = {**values, **{self.directions[v].name: e[v.name] for v in self.variables}}
            memory = self._memory(self.operator, along, "the Hessian")
            moved_gradient = [memory[slot] for slot in self.operator.roots]
            columns.append([self._dot(moved_gradient, other) for other in basis])
            largest = max(largest, largest_cancelling(self.operator.nodes, memory))
        H = np.array(columns).reshape(len(basis), len(basis))
        eigenvalues, eigenvectors = np.linalg.eigh((H + H.T) / 2)
        size = max(float(np.max(np.abs(eigenvalues), initial=0.0)), largest)
        rounding = ROUNDINGS * EPSILON * max(len(basis), 1) * size
        return _Local(values, value, basis, gradient, eigenvalues, eigenvectors, rounding, gradient_rounding)

    def _memory(self, evaluator: Evaluator, values: Mapping[str, Any], what: str) -> list[Any]:
        memory = evaluator.memory(values, self.sizes)
        if not all(np.all(np.isfinite(memory[slot])) for slot in evaluator.roots):
            reason = complaint(*evaluator.first_undefined(memory))
            raise NotDifferentiable(f"{what} is not defined at this point: {reason}", hint="ask at another point")
        return memory

    def _dot(self, parts: Sequence[Any], e: Mapping[str, Any]) -> float:
        return float(sum(np.sum(part * e[v.name]) for v, part in zip(self.variables, parts, strict=True)))

    def _basis(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """An orthonormal basis of the tangent space, each vector by the names of the variables."""
        entries = sum(np.size(values[v.name]) for v in self.variables)
        if entries > MOST_DIMENSIONS:
            message = f"{entries} unknowns are too many for the eigenvalues of a Hessian"
            raise MatcalcError(message, hint=f"at most {MOST_DIMENSIONS}; hvp gives products with it")
        found = []
        for v in self.variables:
            zeros = {u.name: 0.0 * values[u.name] for u in self.variables}
            found += [{**zeros, v.name: E} for E in _tangents(v, values[v.name])]
        return found

    def newton_step(self, here: _Local, clear: Any) -> Mapping[str, Any]:
        """The point where the quadratic model has its stationary point, along the clear eigenvalues."""
        steps = np.where(clear, -(here.eigenvectors.T @ here.gradient) / np.where(clear, here.eigenvalues, 1.0), 0.0)
        coefficients = here.eigenvectors @ steps
        values = dict(here.values)
        for v in self.variables:
            move = sum((c * e[v.name] for c, e in zip(coefficients, here.basis, strict=True)), 0.0 * values[v.name])
            values[v.name] = moved(v, values[v.name], move, 1.0)
        return values

    def scale(self, here: _Local) -> float:
        """The size of gradients that would be seen: the Hessian times the point, or rounding over EPSILON."""
        point = float(np.sqrt(sum(magnitude(here.values[v.name]) ** 2 for v in self.variables)))
        largest = float(np.max(np.abs(here.eigenvalues), initial=0.0))
        return max(largest * point, here.gradient_rounding / (ROUNDINGS * EPSILON))


def _tangents(v: Variable, X: Any) -> list[Any]:
    """An orthonormal basis of the tangent space at X."""
    if v.is_scalar:
        return [1.0]
    units = np.eye(X.size).reshape(X.size, *X.shape)
    if not is_constrained(v):
        return list(units)
    projected = np.array([tangent(v, X, E).ravel() for E in units])
    U, sizes, _ = np.linalg.svd(projected)
    return [U[:, i].reshape(X.shape) for i in range(len(sizes)) if sizes[i] > 0.5]


def _judged(surface: _Surface, here: _Local, tolerance: float) -> tuple[Kind, str, float]:
    """The kind of point, why, and the relative size of the gradient."""
    norm, scale = float(np.linalg.norm(here.gradient)), surface.scale(here)
    relative = norm / scale if scale else np.inf if norm else 0.0
    if norm > here.gradient_rounding and relative > tolerance:
        return "not stationary", "the gradient is not zero", relative
    eigenvalues = here.eigenvalues
    if not len(eigenvalues):
        return "undecided", "the tangent space has no directions", relative
    clear = np.abs(eigenvalues) > here.rounding
    if norm > 0:
        clear &= _steady(surface, here, clear)
    return *_of_signs(eigenvalues, clear), relative


def _steady(surface: _Surface, here: _Local, clear: Any) -> Any:
    """Which eigenvalues are still there at the point that Newton's method moves to."""
    try:
        there = surface.at(surface.newton_step(here, clear))
    except NotDifferentiable:
        return np.zeros(len(clear), dtype=bool)
    change = np.abs(there.eigenvalues - here.eigenvalues)
    return change <= LARGEST_CHANGE * np.abs(here.eigenvalues)


def _of_signs(eigenvalues: Any, clear: Any) -> tuple[Kind, str]:
    positive, negative = bool(np.any(eigenvalues[clear] > 0)), bool(np.any(eigenvalues[clear] < 0))
    open_ones = int(np.sum(~clear))
    if positive and negative:
        return "saddle", "the Hessian has eigenvalues of both signs"
    if not open_ones:
        return (
            ("minimum", "the Hessian is positive definite")
            if positive
            else ("maximum", "the Hessian is negative definite")
        )
    count = f"{open_ones} eigenvalue{'s' * (open_ones > 1)} of the Hessian cannot be told from zero"
    others = "the others are positive" if positive else "the others are negative" if negative else "there are no others"
    return "undecided", f"{count}, {others}: derivatives of higher order decide"


def words_of(point: StationaryPoint) -> str:
    """The numbers at which it was asked."""
    return in_words(point.at)
