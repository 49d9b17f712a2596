"""``mc.compile``: expressions as one fast function, whose arguments are checked and whose errors have names."""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr, Integer

from matcalc.bindings import PROPERTY_TOLERANCE, bind, declared_shape
from matcalc.compilation import FUSED, Routine, quick_check, routine_of
from matcalc.errors import EvaluationError, MatcalcError, ShapeError
from matcalc.evaluation import evaluate_all
from matcalc.expressions import Expression, Variable, postorder, variables_of
from matcalc.lowering import lower
from matcalc.programs import FACTOR, Program, Value
from matcalc.reading import Where, parse
from matcalc.registries import method

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Formula: TypeAlias = Any
BACKENDS = ("numpy",)
DOUBLE = np.dtype(float)


class FactorizationError(EvaluationError, np.linalg.LinAlgError):
    """A matrix is singular, or not positive definite, where a factorization needs it to be."""


def compile_formulas(
    formulas: Formula | Sequence[Formula],
    *,
    where: Where = None,
    sizes: Mapping[str, int] | None = None,
    backend: str = "numpy",
) -> CompiledFunction:
    """A fast function of the variables, by name or in order of appearance; several formulas share all work.

    Vectors are taken as (n,) or (n, 1) and returned as (n,). ``sizes`` are typical sizes, which decide between
    orders of multiplication, and the values of sizes that no argument shows.

    >>> import matcalc as mc
    >>> f = mc.parse("norm2(A*x - b)^2", where="A: matrix(m,n), x: vector(n), b: vector(m)")
    >>> value_and_gradient = compile_formulas([f, mc.gradient(f, "x")])
    >>> value_and_gradient(A=[[1, 0], [0, 2]], x=[1, 1], b=[0, 0])
    (5.0, array([2., 8.]))
    """
    if backend not in BACKENDS:
        raise MatcalcError(f"there is no backend {backend!r}", hint=f"backends: {', '.join(BACKENDS)}")
    is_single = not isinstance(formulas, (list, tuple))
    found = [expression_of(f, where) for f in ([formulas] if is_single else formulas)]
    if not found:
        raise MatcalcError("there is nothing to compile", hint="give an expression, or a list of them")
    return CompiledFunction(found, is_single, sizes)


def expression_of(formula: Formula, where: Where) -> Expression:
    """The expression of text, of an expression or of a SymPy matrix expression."""
    if isinstance(formula, str):
        return parse(formula, where=where)
    if isinstance(formula, Expression):
        return formula
    found: Expression = method("from_sympy")(formula)
    return found


def arguments_of(expressions: Iterable[Expression], sizes: Mapping[str, int] | None = None) -> list[Variable]:
    """The variables in the order in which they are written, and those of the questions that show sizes not given."""
    expressions = list(expressions)
    found = formula_variables(expressions)
    shown = _symbols(found.values()) | (sizes or {}).keys()
    for e in expressions:
        missing = _named_sizes(e) - shown
        for context in e._contexts:
            for v in variables_of(*context):
                if missing & _symbols([v]) and v.name not in found:
                    found[v.name] = v
                    shown |= _symbols([v])
                    missing -= shown
    return list(found.values())


def formula_variables(expressions: Iterable[Expression]) -> dict[str, Variable]:
    """The variables of formulas by name, in the order in which they are written."""
    found: dict[str, Variable] = {}
    for e in expressions:
        variables = {v.name: v for v in variables_of(e)}
        # the order of appearance is known only when the formula is written, which takes time
        for name, v in (variables if variables.keys() <= found.keys() else e.variables).items():
            known = found.setdefault(name, v)
            if known is not v:
                raise MatcalcError(
                    f"{name} is {declared_shape(known)} in one formula and {declared_shape(v)} in another",
                    hint="declare it alike in all of them",
                )
    return found


def _symbols(variables: Iterable[Variable]) -> set[str]:
    return {s.name for v in variables for d in v.shape for s in d.free_symbols}


def _named_sizes(e: Expression) -> set[str]:
    arguments = [a for node in postorder(e) for a in (*node.args, *node.shape) if isinstance(a, Expr)]
    return {s.name for a in arguments if not isinstance(a, Expression) for s in a.free_symbols}


class CompiledFunction:
    """A function of arrays by name, or in the order in which the names appear.

    >>> import numpy as np
    >>> f = compile_formulas("x'*A*x", where="A: matrix(n,n), x: vector(n)")
    >>> f(A=np.eye(2), x=np.array([3.0, 4.0])), f.names
    (25.0, ('x', 'A'))
    """

    def __init__(self, expressions: Sequence[Expression], is_single: bool, sizes: Mapping[str, int] | None) -> None:
        self.expressions = tuple(expressions)
        self.is_single = is_single
        self.sizes = dict(sizes or {})
        self.program: Program = lower(expressions, self.sizes, known=FUSED)
        self.arguments = arguments_of(expressions, self.sizes)
        self.names = tuple(v.name for v in self.arguments)
        shown = _symbols(self.arguments)
        self.fixed = {name: size for name, size in self.sizes.items() if name not in shown}
        self._plan = [(v, (v.rows != 1) + (v.columns != 1), _axes(v), _spot_check(v)) for v in self.arguments]
        self._fits = quick_check(self.arguments)
        self._checked = [(i, check) for i, (*_, check) in enumerate(self._plan) if check is not None]
        self._real = routine_of(self.program, self.arguments, self.fixed, is_complex=False)
        self._complex: Routine | None = None

    @property
    def flops(self) -> Expr:
        """The number of arithmetic operations, as a formula in the sizes."""
        return self.program.flops

    @property
    def source(self) -> str:
        """The code that is run."""
        return self._real.source

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledFunction, (self.expressions, self.is_single, self.sizes)

    def __repr__(self) -> str:
        return f"<compiled ({', '.join(self.names)}) -> {'; '.join(map(str, self.expressions))}>"

    def __call__(self, *values: Any, **named: Any) -> Any:
        if values or len(named) != len(self.names):
            named = self._named(values, named)
        try:
            arrays = [named[name] for name in self.names]
        except KeyError:
            self._named(values, named)
            raise
        if self._fits is not None and self._fits(*arrays) and all(check(arrays[i]) for i, check in self._checked):
            dtype, routine = DOUBLE, self._real
        else:
            arrays, dtype = self._bound(arrays)
            routine = self._real if dtype.kind == "f" else self._complex_routine()
        try:
            with np.errstate(all="ignore"):
                found = routine.run(_real_type(dtype), *arrays)
        except (np.linalg.LinAlgError, ArithmeticError, IndexError, TypeError, ValueError) as error:
            raise explained(error, routine) from None
        finished = []
        is_finite = True
        for value, e in zip(found, self.expressions, strict=True):
            if e.is_scalar:
                value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
                is_finite = is_finite and cmath.isfinite(value)
            else:
                value = value if value.dtype is dtype else value.astype(dtype)
                is_finite = is_finite and _is_finite(value)
            finished.append(value)
        if not is_finite:
            self._warn(arrays)
        return finished[0] if self.is_single else tuple(finished)

    def _complex_routine(self) -> Routine:
        if self._complex is None:
            self._complex = routine_of(self.program, self.arguments, self.fixed, is_complex=True)
        return self._complex

    # ---- arguments ----

    def arrays(self, *values: Any, **named: Any) -> tuple[list[Any], np.dtype[Any]]:
        """The arguments in order, checked, vectors as flat arrays, all of the type of number that is returned too."""
        found = self._named(values, named)
        return self._bound([found[name] for name in self.names])

    def _named(self, values: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; raises EvaluationError for one that is missing, unknown or given twice."""
        known = ", ".join(self.names) or "none"
        if len(values) > len(self.names):
            raise EvaluationError(f"{len(values)} arguments are given for {len(self.names)}", hint=f"they are {known}")
        found = dict(zip(self.names, values, strict=False))
        for name, value in named.items():
            if name in found:
                raise EvaluationError(f"{name} is given twice")
            if name not in self.names:
                hint = f"the arguments are {known}"
                raise EvaluationError(f"there is no argument {name}", hint=hint)
            found[name] = value
        for v in self.arguments:
            if v.name not in found:
                raise EvaluationError(f"{v.name} has no value", hint=f"give {declared_shape(v)} as {v.name}=…")
        return found

    def _bound(self, values: Sequence[Any]) -> tuple[list[Any], np.dtype[Any]]:
        """The values as numbers, flat arrays and matrices of one type, their shapes checked."""
        found: list[Any] = []
        sizes: dict[str, int] = dict(self.fixed)
        dtypes = set()
        late: list[tuple[Expr, int]] = []
        fits = True
        for (_, rank, axes, check), value in zip(self._plan, values, strict=True):
            if rank == 0 and isinstance(value, (float, int, complex)):
                found.append(value + 0.0)
                fits = fits and value == value
                continue
            array = value if type(value) is np.ndarray else _as_array(value)
            if array is None or array.dtype.kind not in "biufc":
                fits = False
                break
            if rank == 0:
                fits = fits and array.size == 1
                found.append(array.reshape(-1)[0].item() + 0.0 if array.size == 1 else array)
                continue
            if rank == 1 and array.ndim == 2 and 1 in array.shape:
                array = array.reshape(-1) if array.shape[axes[0][0] - 1] == 1 else array
            fits = fits and array.ndim == rank
            if not fits:
                break
            for length, (_, symbol, dimension) in zip(array.shape, axes, strict=True):
                if symbol is None:
                    late.append((dimension, length))
                elif sizes.setdefault(symbol, length) != length:
                    fits = False
            fits = fits and (check is None or check(array))
            dtypes.add(array.dtype if array.dtype.kind in "fc" else np.dtype(float))
            found.append(array)
        if fits and any(s.name not in sizes for dimension, _ in late for s in dimension.free_symbols):
            sizes = bind(self.arguments, dict(zip(self.names, values, strict=True)), self.fixed)[1]
        fits = fits and all(_value(dimension, sizes) == length for dimension, length in late)
        if not fits or 0 in sizes.values():
            raise self._misfit(values)
        is_complex = any(isinstance(x, complex) for x in found)
        dtype = (
            np.result_type(*dtypes, *([np.complex64] if is_complex else []))
            if dtypes
            else np.dtype(complex if is_complex else float)
        )
        if len(dtypes) > 1 or is_complex or any(isinstance(x, np.ndarray) and x.dtype != dtype for x in found):
            found = [x.astype(dtype) if isinstance(x, np.ndarray) else x for x in found]
        return found, dtype

    def _misfit(self, values: Sequence[Any]) -> MatcalcError:
        """What is wrong with the arguments, as `evaluate` says it."""
        try:
            bind(self.arguments, dict(zip(self.names, values, strict=True)), self.fixed)
        except MatcalcError as error:
            return error
        return ShapeError(
            "the shapes of the arguments do not fit",
            hint="; ".join(f"{v.name}: {declared_shape(v)}" for v in self.arguments),
        )

    # ---- errors ----

    def _warn(self, arrays: Sequence[Any]) -> None:
        """Warn of a value that is not finite where all arguments are, with the operation that it comes from."""
        if not all(np.all(np.isfinite(x)) for x in arrays):
            return
        message = "the value is not finite"
        try:
            evaluate_all(
                self.expressions, dict(zip(self.names, arrays, strict=True)), sizes=self.fixed, declared=self.arguments
            )
        except MatcalcError as error:
            message = error.message
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def _real_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the constants beside numbers of a type."""
    return dtype if dtype.kind == "f" else np.dtype(f"f{dtype.itemsize // 2}")


def _as_array(value: Any) -> Array | None:
    try:
        return np.asarray(value)
    except ValueError:
        return None


def _axes(v: Variable) -> list[tuple[int, str | None, Expr]]:
    """The axes of an argument's array: the axis, and the symbol or the formula of its length."""
    kept = [(axis, d) for axis, d in enumerate(v.shape) if d != 1]
    return [(axis, d.name if d.is_Symbol else None, d) for axis, d in kept]


def _value(dimension: Expr, sizes: Mapping[str, int]) -> int:
    found = dimension.xreplace({s: Integer(sizes[s.name]) for s in dimension.free_symbols if s.name in sizes})
    return int(found) if found.is_Integer else -1


def _spot_check(v: Variable) -> Any:
    """A check of a declared property on three rows, which a value without it hardly passes; None without one."""
    words = v.properties & {"symmetric", "spd", "skew", "diagonal", "lower", "upper"}
    if not words or v.is_scalar:
        return None

    def check(A: Array) -> bool:
        n = len(A)
        if A.ndim != 2 or A.shape[1] != n:
            return False
        for i in {0, n // 2, n - 1}:
            row, column = A[i], A[:, i]
            if "skew" in words:
                deviation = row + column
            elif "lower" in words:
                deviation = row[i + 1 :]
            elif "upper" in words:
                deviation = row[:i]
            elif "diagonal" in words:
                deviation = np.concatenate([row[:i], row[i + 1 :]])
            else:
                deviation = row - column
            largest = max(1.0, float(np.abs(row).max()))
            if deviation.size and not np.abs(deviation).max() <= 1e3 * PROPERTY_TOLERANCE * largest:
                return False
        return True

    return check


def explained(error: Exception, routine: Routine) -> MatcalcError:
    """The error with the name of the matrix or the operation that it is about."""
    step = _step_of(error, routine)
    if isinstance(error, np.linalg.LinAlgError):
        factors = _factors_of(step)
        name = " or ".join(dict.fromkeys(str(f.args[0].origin) for f in factors)) or "a matrix"
        return FactorizationError(f"{name} is {error}" if factors else f"{error}")
    if isinstance(error, ZeroDivisionError):
        return EvaluationError(f"division by zero, in {step.origin if step is not None else 'the formula'}")
    return EvaluationError(f"{error}, in {step.origin if step is not None else 'the formula'}")


def _step_of(error: Exception, routine: Routine) -> Value | None:
    """The step of the program at which the error was raised."""
    trace = error.__traceback__
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == routine.filename:
            found = routine.steps.get(trace.tb_lineno)
        trace = trace.tb_next
    return found


def _factors_of(step: Value | None) -> list[Value]:
    """The factorizations that a step makes or uses."""
    found: list[Value] = []
    stack = [step] if step is not None else []
    while stack:
        v = stack.pop()
        if v.rank == FACTOR:
            found.append(v)
        else:
            stack.extend(v.args)
    return found


def _is_finite(value: Array) -> bool:
    """Whether all entries are finite: the sum of their squares shows it, unless it overflows."""
    flat = value.ravel(order="K")
    return cmath.isfinite(flat.dot(flat)) or bool(np.all(np.isfinite(value)))
