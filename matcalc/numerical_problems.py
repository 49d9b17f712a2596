"""Formulas as problems for numerical methods: minimization and equations with SciPy, and Newton's method.

A problem has one unknown, handed over as a flat vector: the columns of a matrix below each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr, Integer

from matcalc.compiled_functions import CompiledFunction, compile_formulas, formula_variables
from matcalc.dense_kernels import Array
from matcalc.derivatives import Derivative
from matcalc.differentiation import differentiate
from matcalc.errors import EvaluationError, MatcalcError, NotScalar, ShapeError, UnknownName
from matcalc.expressions import Expression, Variable
from matcalc.leaves import variable
from matcalc.linear_operators import CompiledOperator, LinearOperator
from matcalc.reading import Where
from matcalc.substitutions import substitute
from matcalc.tangents import is_curved, retraction
from matcalc.typical_sizes import Sizes, typical_sizes

MOST_STEPS = 50
MOST_HALVINGS = 30


class Problem:
    """A formula with data, as functions of its unknown: what `scipy.optimize` calls fun, jac, hess and hessp.

    >>> import numpy as np
    >>> p = Problem(differentiate("norm2(A*x - b)^2", "x"), {"A": np.eye(2), "b": [1.0, 2.0]})
    >>> p.fun(np.zeros(2)), p.jac(np.zeros(2)), p.hessp(np.zeros(2), np.ones(2))
    (5.0, array([-2., -4.]), array([2., 2.]))
    """

    def __init__(self, derivative: Derivative, data: Mapping[str, Any], sizes: Sizes = None) -> None:
        if len(derivative.variables) != 1:
            raise MatcalcError("a problem has one unknown", hint="join several in a block vector, or fix the others")
        (self.unknown,) = derivative.variables
        self._constrained = self.unknown
        if is_curved(self.unknown):
            free = variable(self.unknown.name, *self.unknown.shape)
            moved = substitute(derivative.expression, {self.unknown: retraction(self.unknown, free)})
            derivative = differentiate(moved, free)
            self.unknown = free
        self.derivative = derivative
        self.expression: Expression = derivative.expression
        self.data = dict(data)
        self._sizes = typical_sizes(sizes)
        if self.unknown.name in self.data:
            raise MatcalcError(f"{self.unknown.name} is the unknown, and the data give it a value")
        missing = [n for n in formula_variables([self.expression]) if n != self.unknown.name and n not in self.data]
        if missing:
            raise EvaluationError(f"{missing[0]} has no value", hint=f"give it in data={{{missing[0]!r}: …}}")
        variables = formula_variables([self.expression])
        known = {*variables, *(str(s) for v in variables.values() for d in v.shape for s in d.free_symbols)}
        for name in sorted(self.data.keys() - known - {v.name for v in derivative.known_variables}):
            raise UnknownName(f"{name} has data, and the formula has no {name}", hint=f"it has {', '.join(variables)}")
        self._last: tuple[bytes, tuple[Any, Any]] | None = None
        self._last_operator: tuple[bytes, LinearOperator] | None = None

    @cached_property
    def _value_and_slope(self) -> CompiledFunction:
        slope = self.derivative.gradient if self.expression.is_scalar else self.derivative.jacobian
        return self._compiled([self.expression, slope])

    @cached_property
    def _hessian(self) -> CompiledFunction:
        return self._compiled(self._scalar("a Hessian").hessian)

    @cached_property
    def _operator(self) -> CompiledOperator:
        return CompiledOperator(self._scalar("a Hessian"), self._sizes)

    def _compiled(self, formulas: Any) -> CompiledFunction:
        return compile_formulas(formulas, sizes=self._sizes, batch=False)

    def _scalar(self, what: str) -> Derivative:
        if not self.expression.is_scalar:
            raise NotScalar(f"{what} is that of one number, and {self.expression} is not one")
        return self.derivative

    def _called(self, function: CompiledFunction, x: Any, **more: Any) -> Any:
        values = {**self.data, **more, self.unknown.name: self.shaped(x)}
        return function(**{name: values[name] for name in function.names})

    def shaped(self, x: Any) -> Any:
        """The value of the unknown from a flat vector."""
        x = np.asarray(x, dtype=float)
        if self.unknown.is_scalar:
            return float(x.reshape(()) if x.ndim == 0 else x.reshape(-1)[0])
        if 1 in self.unknown.shape or x.ndim == 2:
            return x
        return x.reshape(self._shape_of(x.size), order="F")

    def _shape_of(self, size: int) -> tuple[int, int]:
        """The shape of a matrix of that many entries: one of its sizes is known from the data, or it is square."""
        rows, columns = (_length(d, self._known) for d in self.unknown.shape)
        if rows is None and columns is None and self.unknown.rows == self.unknown.columns:
            rows = round(size**0.5)
        rows = size // columns if rows is None and columns else rows
        columns = size // rows if columns is None and rows else columns
        if not rows or not columns or rows * columns != size:
            raise ShapeError(f"{size} entries do not make {self.unknown.name}, of shape {self.unknown.shape}")
        return rows, columns

    @cached_property
    def _known(self) -> dict[str, int]:
        """The sizes that the data show."""
        known = dict(self._sizes)
        for name, v in formula_variables([self.expression]).items():
            if name in self.data:
                lengths = np.shape(self.data[name])
                dimensions = [d for d in v.shape if d != 1]
                known |= {d.name: n for d, n in zip(dimensions, lengths, strict=False) if d.is_Symbol}
        return known

    def point(self, x: Any) -> Any:
        """The unknown of a flat vector: of a unit or orthogonal unknown the retraction, which has the property."""
        Y = self.shaped(x)
        return Y if self._retraction is None else self._retraction(**{self.unknown.name: Y})

    @cached_property
    def _retraction(self) -> CompiledFunction | None:
        moved = retraction(self._constrained, self.unknown)
        return None if moved is self.unknown else self._compiled(moved)

    def fun_and_jac(self, x: Any) -> tuple[Any, Any]:
        """The value and the slope, computed together: for `scipy.optimize.minimize(…, jac=True)`."""
        key = np.asarray(x, dtype=float).tobytes()
        last = self._last
        if last is None or last[0] != key:
            value, slope = self._called(self._value_and_slope, x)
            slope = _flat(slope) if self.expression.is_scalar else np.reshape(slope, (np.size(value), -1))
            last = key, (_flat(value), slope)
            self._last = last
        # what is kept is not handed out: it might be changed
        value, slope = (part.copy() if isinstance(part, np.ndarray) else part for part in last[1])
        return value, _like(x, slope)

    def fun(self, x: Any) -> Any:
        """The value: a number, or the flat vector of residuals."""
        return self.fun_and_jac(x)[0]

    def jac(self, x: Any) -> Array:
        """The gradient of a number, as a flat vector, or the Jacobian of residuals."""
        slope: Array = self.fun_and_jac(x)[1]
        return slope

    def hess(self, x: Any) -> Array:
        """The Hessian, on the flat vector."""
        return np.atleast_2d(self._called(self._hessian, x))

    def hess_operator(self, x: Any) -> LinearOperator:
        """The Hessian as a linear operator, made once for each x: its parts are kept, its entries not written out."""
        key = np.asarray(x, dtype=float).tobytes()
        last = self._last_operator
        if last is None or last[0] != key:
            values = {**self.data, self.unknown.name: np.array(self.shaped(x))}
            last = key, self._operator(**{name: values[name] for name in self._operator.names})
            self._last_operator = last
        return last[1]

    def hessp(self, x: Any, v: Any) -> Any:
        """The Hessian times a vector, without the Hessian."""
        return _like(v, _flat(self.hess_operator(x) @ self.shaped(v)))


def _flat(value: Any) -> Any:
    return value if np.ndim(value) == 0 else np.ravel(value, order="F")


def _like(x: Any, slope: Any) -> Any:
    """A slope in one number as a number, or as a vector where the number was given as one."""
    return slope if np.ndim(x) == 0 else np.atleast_1d(slope)


def _length(dimension: Expr, known: Mapping[str, int]) -> int | None:
    value = dimension.xreplace({s: Integer(known[s.name]) for s in dimension.free_symbols if s.name in known})
    return int(value) if value.is_Integer else None


def problem(
    formula: Any,
    unknown: str | Variable,
    *,
    data: Mapping[str, Any] | None = None,
    where: Where = None,
    sizes: Sizes = None,
) -> Problem:
    """The formula as a problem in one unknown, the other variables given as data.

    A unit or orthogonal unknown is moved freely and drawn back: `fun`, `jac` and the rest are those of f(R(x)), R
    the division by the norm or the polar factor, and `point(x)` is R(x).

    A scalar formula is one to minimize: hand `fun`, `jac`, `hess` or `hessp` to `scipy.optimize.minimize`. Any
    other is one to solve or fit: `fun` and `jac` are for `scipy.optimize.root` and `least_squares`.

    >>> p = problem("x'*A*x - 2*b'*x", "x", data={"A": [[2.0, 0.0], [0.0, 1.0]], "b": [1.0, 1.0]})
    >>> p.hess([0.0, 0.0]).tolist()
    [[4.0, 0.0], [0.0, 2.0]]
    """
    return Problem(differentiate(formula, unknown, where), data or {}, sizes)


# ---- Newton's method ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewtonResult:
    """The last iterate, the norm of the residual at every one, and whether it vanished to the tolerance."""

    x: Any
    residuals: tuple[float, ...]
    iterates: tuple[Any, ...]
    converged: bool

    def __str__(self) -> str:
        lines = [f"{i:3}  residual {r:.3e}" for i, r in enumerate(self.residuals)]
        return "\n".join([*lines, "converged" if self.converged else "not converged"])

    __repr__ = __str__


def newton(
    formula: Any,
    unknown: str | Variable,
    start: Any,
    *,
    data: Mapping[str, Any] | None = None,
    where: Where = None,
    tolerance: float = 1e-12,
    steps: int = MOST_STEPS,
) -> NewtonResult:
    """A root of the formula in its unknown by Newton's method; steps that do not help are halved.

    Raises EvaluationError where the Jacobian is singular, and where the formula has no value at the start.

    >>> found = newton("2*cos(x) - x + x^2/10", "x", 2.3, where="x: scalar")
    >>> round(found.x, 10), found.converged
    (1.0718647206, True)
    """
    p = problem(formula, unknown, data=data, where=where)
    x = np.array(start, dtype=float)
    shape = x.shape
    flat = np.atleast_1d(_flat(x)).astype(float)
    value, slope = _system(p, flat)
    if slope.shape[0] != slope.shape[1]:
        raise ShapeError(
            f"Newton's method needs as many equations as unknowns, not {slope.shape[0]} and {slope.shape[1]}"
        )
    if not np.all(np.isfinite(value)):
        raise EvaluationError(f"{p.expression} has no finite value at the start")
    residuals, iterates = [float(np.linalg.norm(value))], [flat]
    for _ in range(steps):
        if residuals[-1] <= tolerance * max(1.0, residuals[0]):
            break
        try:
            step = np.linalg.solve(slope, value)
        except np.linalg.LinAlgError:
            raise EvaluationError(f"the Jacobian of {p.expression} is singular at step {len(residuals) - 1}") from None
        moved = _moved(p, flat, step, residuals[-1])
        if moved is None:
            break
        flat, value, slope = moved
        residuals.append(float(np.linalg.norm(value)))
        iterates.append(flat)
    found = [f.reshape(shape, order="F") if shape else float(f[0]) for f in iterates]
    return NewtonResult(found[-1], tuple(residuals), tuple(found), residuals[-1] <= tolerance * max(1.0, residuals[0]))


def _system(p: Problem, x: Array) -> tuple[Array, Array]:
    value, slope = p.fun_and_jac(x)
    return np.atleast_1d(value), np.atleast_2d(slope)


def _moved(p: Problem, x: Array, step: Array, residual: float) -> tuple[Array, Array, Array] | None:
    """The next iterate, the step halved until the residual is smaller; None where none is found."""
    length = 1.0
    for _ in range(MOST_HALVINGS):
        trial = x - length * step
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a step too far is halved
                value, slope = _system(p, trial)
        except EvaluationError:
            value = slope = np.array([np.nan])
        if np.linalg.norm(value) < residual:
            return trial, value, slope
        length /= 2
    return None
