"""Derivatives at numbers as linear operators: applied, solved and, where it is wanted, written out as a matrix.

The Hessian of ‖UV′ − T‖² in U is 2V′V ⊗ I: as an operator it is the k×k matrix V′V, as a matrix it has (mk)²
entries. What does not depend on the direction, such as V′V or a factorization, is computed once.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr

from matcalc.applications import apply
from matcalc.compilation import FUSED, Routine, routine_of, staged_routines
from matcalc.compiled_functions import (
    ERRORS,
    CompiledFunction,
    FactorizationError,
    compile_formulas,
    explained,
    real_type,
)
from matcalc.dense_kernels import Array
from matcalc.derivatives import Derivative
from matcalc.differentiation import differentiate, pullback_of
from matcalc.errors import EvaluationError, MatcalcError, NotDifferentiable, ShapeError
from matcalc.expressions import ONE, Expression, Shape, Variable
from matcalc.free_entries import entries_matrix
from matcalc.leaves import is_zero, number, variable
from matcalc.lowering import lower
from matcalc.powers import power
from matcalc.products import multiply
from matcalc.reading import Where
from matcalc.signatures import Bound, size_value
from matcalc.tangents import CURVED
from matcalc.transposes import transpose
from matcalc.typical_sizes import Sizes, typical_sizes

LINEAR = frozenset({"symmetric", "spd", "diagonal", "lower", "upper"})
WITHOUT_INVERSE = frozenset({*CURVED, "skew"})


def linear_operator(
    formula: Any, variable: str | Variable, *, where: Where = None, sizes: Sizes = None
) -> CompiledOperator:
    """The Hessian of a scalar formula, or the derivative f′(x) of any other, as a linear operator at numbers.

    Call it with the values of all variables; see `LinearOperator` for what it gives.

    >>> import numpy as np
    >>> U, V, T = np.ones((300, 5)), np.eye(200, 5), np.zeros((300, 200))
    >>> H = linear_operator("norm2(U*V' - T)^2", "U", where="U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)")
    >>> at = H(U=U, V=V, T=T)
    >>> at
    <2*kron(V'*V, eye(m)) of shape (1500, 1500)>
    >>> np.allclose(at @ U, 2 * U), np.allclose(at.solve(2 * U), U)
    (True, True)
    """
    return CompiledOperator(differentiate(formula, variable, where), sizes)


class CompiledOperator:
    """A Hessian, or a derivative f′(x), as a function from the values of all variables to a linear operator."""

    def __init__(self, derivative: Derivative, sizes: Sizes = None) -> None:
        if len(derivative.variables) != 1:
            raise MatcalcError("a linear operator is the derivative in one variable", hint="ask for one at a time")
        (self.variable,) = derivative.variables
        self.derivative = derivative
        self.sizes = typical_sizes(sizes)
        self.is_hessian = derivative.expression.is_scalar
        formulas = [derivative.expression, self.variable]  # whose value shows the sizes of directions
        self.question: CompiledFunction = compile_formulas(formulas, sizes=self.sizes, batch=False)
        self._stages: dict[tuple[str, bool], Stages] = {}
        self._full: dict[bool, Routine] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables, in the order in which values may be given."""
        return self.question.names

    @cached_property
    def matrix(self) -> Expression:
        """The matrix of the operator on column-major vec: the Hessian, or the Jacobian."""
        found: Expression = self.derivative.hessian if self.is_hessian else self.derivative.jacobian
        return found

    @property
    def flops(self) -> tuple[Expr, Expr]:
        """The arithmetic operations of what is done once, and of each product."""
        stages = self.stages("product", False)
        return stages.before.flops, stages.after.flops

    def __call__(self, *values: Any, **named: Any) -> LinearOperator:
        return LinearOperator(self, self.question.bound(*values, **named))

    def __repr__(self) -> str:
        return f"<({', '.join(self.names)}) -> {self.matrix}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledOperator, (self.derivative, self.sizes)

    def stages(self, part: str, is_complex: bool) -> Stages:
        """The functions of a part: product, adjoint or solution."""
        key = part, is_complex
        found = self._stages.get(key)
        if found is None:
            e, direction = getattr(self, f"_{part}")
            arguments = [*self.question.arguments, direction]
            found = self._stages[key] = Stages(e, arguments, self.question.fixed, is_complex)
        return found

    def full(self, is_complex: bool) -> Routine:
        """The function that computes the matrix."""
        found = self._full.get(is_complex)
        if found is None:
            program, question = lower([self.matrix], self.sizes.guesses, known=FUSED), self.question
            found = routine_of(program, question.arguments, question.fixed, is_complex=is_complex)
            self._full[is_complex] = found
        return found

    @property
    def _product(self) -> tuple[Expression, Variable]:
        D = self.derivative
        e: Expression = D.hessian_operator if self.is_hessian else D.differential
        return e, D.perturbations[self.variable]

    @property
    def _adjoint(self) -> tuple[Expression, Variable]:
        if self.is_hessian:
            return self._product
        f, name = self.derivative.expression, "y"
        while name in self.names:
            name += "_"
        return pullback_of(f, self.variable, name), variable(name, *f.shape)

    @property
    def _solution(self) -> tuple[Expression, Variable]:
        return self._solution_of(is_turned=False)

    @property
    def _adjoint_solution(self) -> tuple[Expression, Variable]:
        return self._solution_of(is_turned=True)

    def _solution_of(self, is_turned: bool) -> tuple[Expression, Variable]:
        x, f, matrix = self.variable, self.derivative.expression, self.matrix
        words = frozenset() if x.is_scalar else x.properties
        if words & WITHOUT_INVERSE:
            message = f"the matrix of the operator is singular: {x.name} is {min(words & WITHOUT_INVERSE)}"
            raise NotDifferentiable(message, hint="solve in coordinates of the space that it moves in")
        if matrix.rows != matrix.columns:
            raise ShapeError(f"{matrix} is not square", hint="for least squares use full(), or products")
        if is_zero(matrix):
            raise FactorizationError(f"{matrix} is singular")
        shape = x.shape if self.is_hessian or is_turned else f.shape
        b = variable(self.derivative.perturbations[x].name, *shape)
        right = b if b.columns is ONE else apply("vec", b)
        if not words & LINEAR:
            inverse = power(matrix, number(-1))
            return multiply(transpose(inverse) if is_turned else inverse, right), b
        if not self.is_hessian:
            message = f"{x.name} is {min(words & LINEAR)}, and the values of {f} need not be"
            raise NotDifferentiable(message, hint="solve on the free entries, with the Jacobian of free=True")
        M = entries_matrix(x)
        inverse = power(multiply(transpose(M), matrix, M), number(-1))
        return multiply(M, inverse, transpose(M), right), b


class Stages:
    """The value of an expression linear in one variable, in two functions: what is done once, and at every value."""

    def __init__(
        self, e: Expression, arguments: Sequence[Variable], sizes: Mapping[str, int], is_complex: bool
    ) -> None:
        self.expression, self.direction = e, arguments[-1]
        self.before, self.after = lower([e], sizes, known=FUSED).split(self.direction)
        self.routines: tuple[Routine, Routine] = staged_routines(
            self.before, self.after, arguments, sizes, is_complex=is_complex
        )
        self.is_constant = self.after.outputs[0] in self.before.outputs


class LinearOperator:
    """A derivative at numbers: `A @ v`, `A.solve(b)`, `A.T`, `A.full()`.

    Directions are flat vectors (of a matrix the columns below each other), or have the shape of the variable; what
    is returned is of the same kind. Where the variable is not a matrix, a matrix of directions is one of columns.
    The operator serves SciPy's iterative solvers through `scipy.sparse.linalg.aslinearoperator`. The arrays that it
    was made with are not copied: do not change them in place while it is used.

    >>> import numpy as np
    >>> J = linear_operator("sin(A*x)", "x", where="A: matrix(m,n), x: vector(n)")(A=np.eye(3, 2), x=np.zeros(2))
    >>> J.shape, J @ [1.0, 2.0], J.T @ [1.0, 2.0, 3.0]
    ((3, 2), array([1., 2., 0.]), array([1., 2.]))
    >>> J.full().tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, formula: CompiledOperator, at: Bound, is_turned: bool = False) -> None:
        self.formula = formula
        self.dtype = at.dtype
        self.is_turned = is_turned
        self._at = at
        self._prepared: dict[str, tuple[Any, ...]] = {}

    # ---- what it is ----

    @cached_property
    def _ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The shapes of what it takes and of what it gives."""
        x, f = self.formula.variable, self.formula.derivative.expression
        domain = self._numbers(x.shape)
        codomain = domain if self.formula.is_hessian else self._numbers(f.shape)
        return (codomain, domain) if self.is_turned else (domain, codomain)

    def _numbers(self, shape: Shape) -> tuple[int, int]:
        missing = {s.name for d in shape for s in d.free_symbols} - self._at.sizes.keys()
        if missing:
            name = min(missing)
            raise EvaluationError(f"no argument shows the size {name}", hint=f"give it: sizes={{{name!r}: 3}}")
        rows, columns = (size_value(d, self._at.sizes) for d in shape)
        return rows, columns

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns of its matrix."""
        (m, n), (p, q) = self._ends
        return p * q, m * n

    @property
    def T(self) -> LinearOperator:
        """The adjoint."""
        if self.formula.is_hessian:
            return self
        found = LinearOperator(self.formula, self._at, not self.is_turned)
        found._prepared = self._prepared
        return found

    def __repr__(self) -> str:
        return f"<{self.formula.matrix}{' transposed' if self.is_turned else ''} of shape {self.shape}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return LinearOperator, (self.formula, self._at, self.is_turned)

    # ---- what it does ----

    def prepared(self) -> LinearOperator:
        """Itself, with all that its products need computed now."""
        self._before("adjoint" if self.is_turned else "product")
        return self

    def __matmul__(self, v: Any) -> Any:
        return self._applied("adjoint" if self.is_turned else "product", v, *self._ends)

    matvec = matmat = __matmul__

    def rmatvec(self, v: Any) -> Any:
        """The adjoint applied to a vector."""
        return self.T @ v

    def solve(self, b: Any) -> Any:
        """The v with A @ v = b: through a factorization of parts where the matrix is a Kronecker product.

        Raises FactorizationError where the matrix is singular, ShapeError where it is not square.
        """
        domain, codomain = self._ends
        return self._applied("adjoint_solution" if self.is_turned else "solution", b, codomain, domain)

    def full(self) -> Array:
        """The matrix, all its entries written out."""
        (found,) = self._run(self.formula.full(self.dtype.kind == "c"))
        found = self._finished(found, self.formula.matrix, all(np.all(np.isfinite(x)) for x in self._at.arrays), 3)
        return found.reshape(self.shape[::-1]).T if self.is_turned else found.reshape(self.shape)

    def _applied(self, part: str, v: Any, start: tuple[int, int], end: tuple[int, int]) -> Any:
        v = np.asarray(v)
        if v.dtype.kind not in "biufc":
            raise EvaluationError(f"a direction is an array of numbers, not of {v.dtype}")
        if v.dtype.kind == "c" and self.dtype.kind != "c":
            return self._applied(part, v.real, start, end) + 1j * self._applied(part, v.imag, start, end)
        v = v.astype(self.dtype, copy=False)
        size = start[0] * start[1]
        if v.ndim == 1 and len(v) == size:
            return self._of_one(part, v.reshape(start, order="F"), end).reshape(-1, order="F")
        if v.shape == start or (v.ndim == 0 and size == 1):
            found = self._of_one(part, v.reshape(start), end)
            if v.ndim:
                return found
            return found.item() if found.size == 1 else found.reshape(-1) if 1 in end else found
        if v.ndim == 2 and len(v) == size:
            columns = [self._of_one(part, c.reshape(start, order="F"), end).reshape(-1, order="F") for c in v.T]
            return np.column_stack(columns) if columns else np.empty((end[0] * end[1], 0), self.dtype)
        raise ShapeError(
            f"a direction of shape {v.shape} is given to an operator of shape {self.shape}",
            hint=f"give a vector of length {size}" + (f" or a matrix of shape {start}" if 1 not in start else ""),
        )

    def _of_one(self, part: str, v: Array, end: tuple[int, int]) -> Array:
        """The value at one direction, given and returned in its own shape."""
        stages = self.formula.stages(part, self.dtype.kind == "c")
        prepared = self._before(part)
        (found,) = self._run(stages.routines[1], _as_declared(v, stages.direction), *prepared)
        found = np.array(found, self.dtype) if stages.is_constant else found
        return self._finished(found, stages.expression, np.all(np.isfinite(v))).reshape(end, order="F")

    def _finished(self, found: Any, e: Expression, is_expected_finite: Any, stacklevel: int = 5) -> Array:
        found = np.asarray(found, self.dtype)
        if is_expected_finite and not np.all(np.isfinite(found)):
            warnings.warn(f"the value of {e} is not finite", RuntimeWarning, stacklevel=stacklevel)
        return found

    def _before(self, part: str) -> tuple[Any, ...]:
        """What a part needs that does not depend on the direction."""
        found = self._prepared.get(part)
        if found is None:
            stages = self.formula.stages(part, self.dtype.kind == "c")
            late = _as_declared(np.empty(self._numbers(stages.direction.shape), self.dtype), stages.direction)
            found = self._prepared[part] = self._run(stages.routines[0], late)
        return found

    def _run(self, routine: Routine, *values: Any) -> tuple[Any, ...]:
        try:
            with np.errstate(all="ignore"):
                return routine.run(real_type(self.dtype), *self._at.arrays, *values)
        except ERRORS as error:
            raise explained(error, routine) from None
        except MemoryError:
            raise EvaluationError(
                f"the matrix {self.formula.matrix} of shape {self.shape} does not fit into memory",
                hint="use products A @ v, in scipy.sparse.linalg.cg for instance",
            ) from None


def _as_declared(v: Array, direction: Variable) -> Any:
    """A matrix of one row or column as what routines take: a number, a flat vector or the matrix."""
    if direction.is_scalar:
        return v.item()
    return v.reshape(-1) if direction.rows is ONE or direction.columns is ONE else v
