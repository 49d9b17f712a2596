"""Formulas as problems for numerical methods: minimization and equations with SciPy, and Newton's method.

The unknowns are handed over as a flat vector: the columns of a matrix below each other, one unknown after the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from matcalc.bindings import size_names
from matcalc.compiled_functions import CompiledFunction, arguments_of, compile_formulas
from matcalc.declarations import declarations
from matcalc.dense_kernels import Array
from matcalc.derivatives import Derivative
from matcalc.differentiation import Names, differentiate
from matcalc.errors import EvaluationError, MatcalcError, NotScalar, ShapeError, UnknownName
from matcalc.expressions import Expression, Variable
from matcalc.flat_vectors import FlatVectors, flattened, sizes_shown
from matcalc.function_table import nearest_names
from matcalc.leaves import variable
from matcalc.linear_operators import CompiledOperator, LinearOperator
from matcalc.reading import Where, read
from matcalc.signatures import Signature
from matcalc.substitutions import substitute
from matcalc.tangents import is_curved, retraction
from matcalc.typical_sizes import Sizes, TypicalSizes, typical_sizes

MOST_STEPS = 50
MOST_HALVINGS = 30


class Problem:
    """A formula with data, as functions of its unknowns: what `scipy.optimize` calls fun, jac, hess and hessp.

    >>> import numpy as np
    >>> p = Problem(differentiate("norm2(A*x - b)^2", "x"), {"A": np.eye(2), "b": [1.0, 2.0]})
    >>> p.fun(np.zeros(2)), p.jac(np.zeros(2)), p.hessp(np.zeros(2), np.ones(2))
    (5.0, array([-2., -4.]), array([2., 2.]))
    """

    def __init__(self, derivative: Derivative, data: Mapping[str, Any], sizes: Sizes = None) -> None:
        constrained = derivative.variables
        if not constrained:
            raise MatcalcError("a problem has an unknown, and none is named", hint='name it: mc.problem(f, "x", …)')
        curved = {x: variable(x.name, *x.shape) for x in constrained if is_curved(x)}
        self.unknowns: tuple[Variable, ...] = tuple(curved.get(x, x) for x in constrained)
        self._retractions = {x.name: retraction(x, free) for x, free in curved.items()}
        if curved:
            moved = substitute(derivative.expression, {x: self._retractions[x.name] for x in curved})
            derivative = differentiate(moved, self.unknowns)
        self.derivative = derivative
        self.expression: Expression = derivative.expression
        self._sizes = typical_sizes(sizes)
        known = self._checked_data(data)
        self.vectors = FlatVectors(self.unknowns, known)
        self._last: tuple[bytes, tuple[Any, Any]] | None = None
        self._operator: CompiledOperator | None = None
        self._last_operator: tuple[bytes, LinearOperator] | None = None

    def _checked_data(self, data: Mapping[str, Any]) -> dict[str, int]:
        """Keep the data as arrays, and return the sizes that they show."""
        names = [v.name for v in self.unknowns]
        variables = arguments_of([self.expression], self._sizes, [self.derivative.contexts])
        given = [v for v in variables if v.name not in names]
        expected = [v.name for v in given]
        symbols = size_names((*given, *self.unknowns)) - {*expected}
        sizes = {name: int(n) for name, n in data.items() if name in symbols and isinstance(n, (int, np.integer))}
        for name in data:
            if name in names:
                raise MatcalcError(f"{name} is the unknown, and the data give it a value")
            if name not in expected and name not in sizes:
                near = nearest_names(str(name), [n for n in expected if n not in data])
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(v.name for v in variables)}"
                raise UnknownName(f"{name} has data, and the formula has no {name}", hint=hint)
        for v in given:
            if v.name not in data:
                raise EvaluationError(f"{v.name} has no value", hint=f"give it in data={{{v.name!r}: …}}")
        known = {**self._sizes, **sizes_shown(given, data, sizes)}
        sizes_shown(given, data, known)
        self.data = {name: data[name] if np.ndim(data[name]) == 0 else np.asarray(data[name]) for name in expected}
        return known

    @cached_property
    def _value_and_slope(self) -> CompiledFunction:
        return self._compiled(self.derivative)

    @cached_property
    def _hessian(self) -> CompiledFunction:
        return self._compiled(self._scalar("a Hessian").hessian)

    def _operator_for(self, length: int) -> CompiledOperator:
        """The Hessian as an operator, its products in the order that is best for the sizes of the first vector."""
        if self._operator is None:
            sizes = TypicalSizes(self._sizes)
            sizes.guesses = {**self.vectors.sizes_for(length), **self._sizes.guesses}
            self._operator = CompiledOperator(self._scalar("a Hessian"), sizes)
        return self._operator

    def _compiled(self, formulas: Any) -> CompiledFunction:
        return compile_formulas(formulas, sizes=self._sizes, batch=False)

    def _scalar(self, what: str) -> Derivative:
        if not self.expression.is_scalar:
            raise NotScalar(f"{what} is that of one number, and {self.expression} is not one")
        return self.derivative

    def _called(self, function: CompiledFunction, x: Any) -> Any:
        values = {**self.data, **self.vectors.split(x)}
        if len(values) != len(function.names):
            values = {name: values[name] for name in function.names}
        return function(**values)

    def flat(self, *values: Any, **named: Any) -> Array:
        """The flat vector of arrays, to start from: by name, in the order of the unknowns, or in a dict as of `point`.

        >>> p = problem("norm2(U*V' - T)^2", ("U", "V"), where="U: matrix(m,k), V: matrix(n,k)", data={"T": [[1, 2]]})
        >>> p.flat(U=[[1, 2]], V=[[3, 4], [5, 6]])
        array([1., 2., 3., 5., 4., 6.])
        """
        if len(values) == 1 and isinstance(values[0], Mapping):
            return self.flat(**values[0], **named)
        return self.vectors.join(Signature(self.unknowns, {}, batch=False).named(values, named))

    def shaped(self, x: Any) -> Any:
        """The value of the unknown from a flat vector; of several a dict by name."""
        found = self.vectors.split(x)
        return found if len(self.unknowns) > 1 else found[self.unknowns[0].name]

    def point(self, x: Any) -> Any:
        """The unknown of a flat vector: of a unit or orthogonal unknown the retraction, which has the property.

        Of several unknowns a dict by name.
        """
        found = {name: np.array(value) if np.ndim(value) else value for name, value in self.vectors.split(x).items()}
        if self._retractions:
            retracted = self._retraction
            found |= retracted(**{name: found[name] for name in retracted.names})
        return found if len(self.unknowns) > 1 else found[self.unknowns[0].name]

    @cached_property
    def _retraction(self) -> CompiledFunction:
        return self._compiled(self._retractions)

    def fun_and_jac(self, x: Any) -> tuple[Any, Any]:
        """The value and the slope, computed together: for `scipy.optimize.minimize(…, jac=True)`."""
        key = np.asarray(x, dtype=float).tobytes()
        last = self._last
        if last is None or last[0] != key:
            value, slope = self._called(self._value_and_slope, x)
            slopes = [slope[v.name] for v in self.unknowns] if isinstance(slope, dict) else [slope]
            last = key, (_flat(value), self._joined(slopes, np.size(value)))
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

    def _joined(self, slopes: Sequence[Any], rows: int) -> Array:
        """The gradients below each other, or the Jacobians side by side."""
        if self.expression.is_scalar:
            return _real_or_complex(flattened(slopes))
        matrices = [np.reshape(J, (rows, -1)) for J in slopes]
        return _real_or_complex(np.hstack(matrices) if len(matrices) > 1 else matrices[0])

    def hess(self, x: Any) -> Array:
        """The Hessian, on the flat vector."""
        found = self._called(self._hessian, x)
        layout = self.vectors.layout(np.size(x))
        blocks = list(found.values()) if isinstance(found, dict) else [found]
        shapes = [[(a.size, b.size) for b in layout] for a in layout]
        rows = [[np.reshape(blocks.pop(0), shape) for shape in row] for row in shapes]
        return _real_or_complex(np.block(rows) if len(rows) > 1 else rows[0][0])

    def hess_operator(self, x: Any) -> LinearOperator:
        """The Hessian as a linear operator, made once for each x: its parts are kept, its entries not written out."""
        key = np.asarray(x, dtype=float).tobytes()
        last = self._last_operator
        if last is None or last[0] != key:
            values = {**self.data, **{name: np.array(value) for name, value in self.vectors.split(x).items()}}
            operator = self._operator_for(np.size(x))
            last = key, operator(**{name: values[name] for name in operator.names})
            self._last_operator = last
        return last[1]

    def hessp(self, x: Any, v: Any) -> Any:
        """The Hessian times a vector, without the Hessian."""
        return _like(v, self.hess_operator(x) @ np.asarray(v, dtype=float).ravel(order="F"))


def _real_or_complex(A: Array) -> Array:
    return A if A.dtype.kind in "fc" else A.astype(float)


def _flat(value: Any) -> Any:
    return value if np.ndim(value) == 0 else flattened([value])


def _like(x: Any, slope: Array) -> Any:
    """A slope in one number as a number, where the number was not given as a vector."""
    return slope.item() if np.ndim(x) == 0 and slope.size == 1 else slope


def problem(
    formula: Any,
    unknowns: Names,
    *,
    data: Mapping[str, Any] | None = None,
    where: Where = None,
    sizes: Sizes = None,
) -> Problem:
    """The formula as a problem in one unknown or several, the other variables given as data.

    `fun`, `jac` and the rest take a flat vector: the columns of each unknown below each other, one unknown after the
    other in the order given. `flat(U=…, V=…)` makes one, and `point` has its arrays, by name for several unknowns.

    A unit or orthogonal unknown is moved freely and drawn back: `fun`, `jac` and the rest are those of f(R(x)), R
    the division by the norm or the polar factor, and `point(x)` is R(x).

    A scalar formula is one to minimize: hand `fun`, `jac`, `hess` or `hessp` to `scipy.optimize.minimize`. Any
    other is one to solve or fit: `fun` and `jac` are for `scipy.optimize.root` and `least_squares`.

    >>> p = problem("x'*A*x - 2*b'*x", "x", data={"A": [[2.0, 0.0], [0.0, 1.0]], "b": [1.0, 1.0]})
    >>> p.hess([0.0, 0.0]).tolist()
    [[4.0, 0.0], [0.0, 2.0]]
    """
    derivative = differentiate(formula, unknowns, where)
    known = {v.name for v in derivative.known_variables}
    if data and not data.keys() <= known:
        # what is declared, or drops out of the formula, may be given
        written = {v.name for v in read(formula, where).variables} if isinstance(formula, str) else set()
        spare = {*declarations(where)[0], *written} - known
        data = {name: value for name, value in data.items() if name not in spare}
    return Problem(derivative, data or {}, sizes)


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
    unknowns: Names,
    start: Any,
    *,
    data: Mapping[str, Any] | None = None,
    where: Where = None,
    tolerance: float = 1e-12,
    steps: int = MOST_STEPS,
) -> NewtonResult:
    """A root of the formula in its unknown by Newton's method; steps that do not help are halved.

    With several unknowns the start is a dict of their values by name, and so is what is found.
    Raises EvaluationError where the Jacobian is singular, and where the formula has no value at the start.

    >>> found = newton("2*cos(x) - x + x^2/10", "x", 2.3, where="x: scalar")
    >>> round(found.x, 10), found.converged
    (1.0718647206, True)
    """
    p = problem(formula, unknowns, data=data, where=where)
    named = start if isinstance(start, Mapping) else {p.unknowns[0].name: start}
    flat = p.flat(named)
    p.vectors = p.vectors.showing(named)
    value, slope = _system(p, flat)
    if slope.shape[0] != slope.shape[1]:
        x, declared = p.unknowns[0].name, "" if where is None else ", where"
        is_slope = p.expression.is_scalar and len(p.unknowns) == 1
        raise ShapeError(
            f"Newton's method needs as many equations as unknowns, not {slope.shape[0]} and {slope.shape[1]}",
            hint=f"where f is least its gradient is 0: mc.newton(mc.gradient(f, {x!r}{declared}), {x!r}, …)"
            if is_slope
            else "",
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
    found = [p.shaped(f) for f in iterates]
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
