"""``mc.compile``: expressions as one fast function, whose arguments are checked and whose errors have names."""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np
from sympy import Expr

from matcalc.bindings import Array, declared_shape, size_names, size_value
from matcalc.compilation import FUSED, Routine, chooser, quick_check, routine_of
from matcalc.contexts import Contexts
from matcalc.errors import EvaluationError, MatcalcError
from matcalc.evaluation import evaluate_all
from matcalc.expressions import Expression, Variable, postorder, variables_of
from matcalc.lowering import lower
from matcalc.nested_formulas import Formula, Formulas, arranged, formulas_of
from matcalc.program_choices import programs_for_sizes
from matcalc.programs import FACTOR, Program, Value
from matcalc.reading import Where
from matcalc.signatures import BatchNames, Bound, Signature, has_properties
from matcalc.typical_sizes import Sizes, typical_sizes

BACKENDS = ("numpy",)
DOUBLE = np.dtype(float)
ERRORS = (np.linalg.LinAlgError, ArithmeticError, IndexError, TypeError, ValueError)


class FactorizationError(EvaluationError, np.linalg.LinAlgError):
    """A matrix is singular, or not positive definite, where a factorization needs it to be."""


def compile_formulas(
    formulas: Formula | Sequence[Formula] | Mapping[Any, Formula],
    *others: Formula,
    where: Where = None,
    sizes: Sizes = None,
    backend: str = "numpy",
    batch: BatchNames = None,
) -> CompiledFunction:
    """A fast function of the variables, by name or in order of appearance; several formulas share all work.

    Of a list of formulas it returns a tuple, of a dict, such as the gradients in several variables or the blocks of
    a Hessian, a dict by the same keys; of what `differentiate` returns the value and the gradient (or the Jacobian).

    Vectors are taken as (n,) or (n, 1) and returned as (n,). ``sizes`` are typical sizes, which decide between
    orders of multiplication, and the values of sizes that no argument shows: {"n": 1000, "k": 5}, or "n >> k".
    Without them, where the best order depends on the sizes, each call takes the order that is best for its arrays.

    An argument with one leading axis more than declared is a batch: numbers as (B,), vectors as (B, n), matrices
    as (B, m, n). The other arguments are shared by its items, and every output has the leading axis. What may be
    read as one value is one value: an (n, 1) array is a vector, an array of one number is that number. ``batch``
    names the arguments that are batches whatever their shapes (or is True for all), and then no other is one.

    >>> import matcalc as mc
    >>> f = mc.parse("norm2(A*x - b)^2", where="A: matrix(m,n), x: vector(n), b: vector(m)")
    >>> value_and_gradient = compile_formulas([f, mc.gradient(f, "x")])
    >>> value_and_gradient(A=[[1, 0], [0, 2]], x=[1, 1], b=[0, 0])
    (5.0, array([2., 8.]))
    >>> value_and_gradient(A=[[1, 0], [0, 2]], x=[[1, 1], [0, 1], [1, 0]], b=[0, 0])
    (array([5., 4., 1.]), array([[2., 8.],
           [0., 8.],
           [2., 0.]]))
    >>> compile_formulas(mc.differentiate("x'*A*y", ("x", "y")))(A=[[1, 2], [3, 4]], x=[1, 0], y=[0, 1])
    (2.0, {'x': array([2., 4.]), 'y': array([1., 2.])})
    """
    if others:
        raise MatcalcError("several formulas are given as a list", hint="write mc.compile([f, g]), where=… by its name")
    if backend not in BACKENDS:
        raise MatcalcError(f"there is no backend {backend!r}", hint=f"backends: {', '.join(BACKENDS)}")
    return CompiledFunction(formulas_of(formulas, where), sizes, batch)


def arguments_of(
    expressions: Sequence[Expression], sizes: Mapping[str, int] | None = None, contexts: Sequence[Contexts] = ()
) -> list[Variable]:
    """The variables in the order in which they are written, and those of the contexts that show sizes not given.

    There are contexts for each expression; the questions that it remembers where none are said.
    """
    found = formula_variables(expressions)
    shown = size_names(found.values()) | (sizes or {}).keys()
    for e, own in zip(expressions, contexts or [e._contexts for e in expressions], strict=True):
        missing = _named_sizes(e) - shown
        for context in own:
            for v in variables_of(*context):
                if missing & size_names([v]) and v.name not in found:
                    found[v.name] = v
                    shown |= size_names([v])
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

    def __init__(self, formulas: Formulas, sizes: Sizes, batch: BatchNames = None) -> None:
        self.formulas = formulas
        expressions, structure = formulas.expressions, formulas.structure
        self.expressions = tuple(expressions)
        self._arranged: Callable[[list[Any]], Any] = (
            itemgetter(0)
            if structure is None
            else tuple
            if structure == len(expressions) * (None,)
            else self._by_structure
        )
        self.sizes = typical_sizes(sizes)
        self.batch = batch if batch is None or isinstance(batch, (bool, str)) else tuple(batch)
        programs = programs_for_sizes(expressions, self.sizes, known=FUSED)
        self.program: Program = programs[0]
        self.arguments = arguments_of(expressions, self.sizes, formulas.contexts)
        shown = size_names(self.arguments)
        self.fixed = {name: size for name, size in self.sizes.items() if name not in shown}
        self._signature = Signature(self.arguments, self.fixed, self.batch)
        self.names = self._signature.names
        self._fits = None if self._signature.has_batches else quick_check(self.arguments)
        self._checked = self._signature.checked
        self._choose = chooser(programs, self.arguments)
        self._programs = programs if self._choose is not None else programs[:1]
        self._reals = [routine_of(p, self.arguments, self.fixed, is_complex=False) for p in self._programs]
        self._routines: dict[tuple[int, bool, frozenset[str]], Routine] = {}

    @property
    def flops(self) -> Expr:
        """The number of arithmetic operations, as a formula in the sizes; of one item of a batch."""
        return self.program.flops

    @property
    def source(self) -> str:
        """The code that is run; where several orders of multiplication are for different sizes, all of them."""
        return "\n".join(routine.source for routine in self._reals)

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledFunction, (self.formulas, self.sizes, self.batch)

    def __repr__(self) -> str:
        return f"<compiled ({', '.join(self.names)}) -> {'; '.join(map(str, self.expressions))}>"

    def __call__(self, *values: Any, **named: Any) -> Any:
        if values or len(named) != len(self.names):
            named = self._signature.named(values, named)
        try:
            arrays = [named[name] for name in self.names]
        except KeyError:
            self._signature.named(values, named)
            raise
        with np.errstate(all="ignore"):
            return self._called(arrays)

    def _called(self, arrays: list[Any]) -> Any:
        fits = self._fits
        if fits is not None and fits(*arrays) and all(has_properties(v, arrays[i]) for i, v in self._checked):
            dtype = DOUBLE
        else:
            bound = self._signature.bound(arrays)
            if bound.batched:
                return self._of_batch(bound)
            arrays, dtype = bound.arrays, bound.dtype
        choice = 0 if self._choose is None else self._choose(*arrays)
        routine = self._reals[choice] if dtype.kind == "f" else self._routine(True, choice=choice)
        try:
            found = routine.run(real_type(dtype), *arrays)
        except ERRORS as error:
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
        if not is_finite and are_finite(arrays):
            warnings.warn(self._reason(arrays, dtype), RuntimeWarning, stacklevel=3)
        return self._arranged(finished)

    def _by_structure(self, values: list[Any]) -> Any:
        return arranged(self.formulas.structure, iter(values))

    @cached_property
    def _complex(self) -> Program:
        """The program for complex numbers, whose norms have other formulas."""
        return lower(self.expressions, self.sizes.guesses, known=FUSED, is_complex=True)

    def _routine(self, is_complex: bool, batched: frozenset[str] = frozenset(), choice: int = 0) -> Routine:
        """The routine for these arguments, made when it is first needed; made twice, it is the same."""
        if not (is_complex or batched):
            return self._reals[choice]
        choice = 0 if is_complex else choice
        key = choice, is_complex, batched
        found = self._routines.get(key)
        if found is None:
            program = self._complex if is_complex else self._programs[choice]
            found = routine_of(program, self.arguments, self.fixed, is_complex=is_complex, batched=batched)
            self._routines[key] = found
        return found

    def bound(self, *values: Any, **named: Any) -> Bound:
        """The arguments in order, checked, vectors as flat arrays, of one type of number, and the sizes they show."""
        found = self._signature.named(values, named)
        return self._signature.bound([found[name] for name in self.names])

    # ---- batches ----

    def _of_batch(self, bound: Bound) -> Any:
        """The outputs for all items at once, each with the items along its first axis."""
        dtype = bound.dtype
        if bound.length:
            routine = self._routine(dtype.kind == "c", bound.batched)
            try:
                found = routine.run(real_type(dtype), *bound.arrays)
            except ERRORS as error:
                raise self._explained_of_item(error, routine, bound) from None
        else:
            found = tuple(np.zeros((0, *_lengths(e, bound.sizes)), dtype) for e in self.expressions)
        finished = [value if value.dtype is dtype else value.astype(dtype) for value in found]
        if not all(map(_is_finite, finished)):
            self._warn_of_items(finished, bound)
        return self._arranged(finished)

    def _warn_of_items(self, finished: Sequence[Array], bound: Bound) -> None:
        """Warn of the first item whose values are not finite where its arguments are."""
        is_finite = [np.isfinite(value).reshape(bound.length, -1).all(axis=1) for value in finished]
        for index in np.flatnonzero(~np.all(is_finite, axis=0)):
            arrays = bound.item(self.names, index)
            if are_finite(arrays):
                warnings.warn(
                    f"{self._reason(arrays, bound.dtype)}, at index {index} of the batch", RuntimeWarning, stacklevel=5
                )
                return

    def _explained_of_item(self, error: Exception, routine: Routine, bound: Bound) -> MatcalcError:
        """The error as one item of the batch raises it when it is computed alone."""
        step = _step_of(error, routine)
        causes: Sequence[Value | None] = (_factors_of(step) if isinstance(error, np.linalg.LinAlgError) else []) or [
            step
        ]
        alone = self._routine(bound.dtype.kind == "c")
        for index in range(bound.length if any(v in routine.batched for v in causes) else 0):
            try:
                alone.run(real_type(bound.dtype), *bound.item(self.names, index))
            except ERRORS as found:
                own = explained(found, alone)
                return type(own)(f"{own.message}, at index {index} of the batch", hint=own.hint)
        return explained(error, routine)

    def _reason(self, arrays: Sequence[Any], dtype: np.dtype[Any]) -> str:
        """Why a value is not finite where all arguments are: the operation that it comes from."""
        values = dict(zip(self.names, arrays, strict=True))
        try:
            evaluate_all(self.expressions, values, sizes=self.fixed, declared=self.arguments)
        except MatcalcError as error:
            return error.message
        # in other arithmetic, or another order, it is finite
        is_complex = dtype.kind == "c"
        program = self._complex if is_complex else self.program
        routine = routine_of(program, self.arguments, self.fixed, is_complex=is_complex, traced=True)
        found = routine.run(real_type(dtype), *arrays)
        for value, step in zip(found, routine.returned, strict=True):
            if not np.all(np.isfinite(np.asarray(value, dtype))):
                return f"{step.origin} is not finite" + (f" in {dtype} arithmetic" if dtype != DOUBLE else "")
        return "the value is not finite"


def real_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the constants beside numbers of a type."""
    return dtype if dtype.kind == "f" else np.dtype(f"f{dtype.itemsize // 2}")


def _lengths(e: Expression, sizes: Mapping[str, int]) -> list[int]:
    """The shape of the array that is returned for an expression."""
    kept = [] if e.is_scalar else [e.rows] if e.columns == 1 else e.shape
    return [size_value(d, sizes) for d in kept]


def explained(error: Exception, routine: Routine) -> MatcalcError:
    """The error with the name of the matrix or the operation that it is about."""
    step = _step_of(error, routine)
    if isinstance(error, np.linalg.LinAlgError):
        factors = _factors_of(step)
        name = " or ".join(dict.fromkeys(str(f.args[0].origin) for f in factors)) or "a matrix"
        place = f", in {step.origin}" if step is not None else ""
        return FactorizationError(f"{name} is {error}" if factors else f"{error}{place}")
    reasons = {ZeroDivisionError: "division by zero", OverflowError: "a number is too large"}
    reason = next((words for kind, words in reasons.items() if isinstance(error, kind)), f"{error}")
    return EvaluationError(f"{reason}, in {step.origin if step is not None else 'the formula'}")


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


def are_finite(values: Iterable[Any]) -> bool:
    """Whether all entries of numbers and arrays are finite."""
    return all(np.all(np.isfinite(x)) for x in values)


def _is_finite(value: Array) -> bool:
    """Whether all entries are finite: the sum of their squares shows it, unless it overflows."""
    flat = value.ravel(order="K")
    return cmath.isfinite(flat.dot(flat)) or bool(np.all(np.isfinite(value)))
