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

from matcalc.adjoints import pullback
from matcalc.applications import apply
from matcalc.bindings import as_array
from matcalc.compilation import FUSED, Routine, routine_of
from matcalc.compiled_functions import (
    ERRORS,
    CompiledFunction,
    FactorizationError,
    are_finite,
    explained,
    real_type,
)
from matcalc.dense_kernels import Array
from matcalc.derivatives import Derivative
from matcalc.differentiation import Names, differentiate
from matcalc.entry_sums import with_distances
from matcalc.errors import EvaluationError, NotDifferentiable, ShapeError
from matcalc.expressions import ONE, Expression
from matcalc.flat_vectors import FlatVectors, flattened
from matcalc.free_entries import entries_matrix
from matcalc.leaves import identity, is_zero, number, variable, zero
from matcalc.lowering import lower
from matcalc.nested_formulas import formulas_of
from matcalc.operator_stages import Linear, Prepared, Stages
from matcalc.powers import block, power
from matcalc.products import multiply
from matcalc.reading import Where
from matcalc.second_derivatives import Blocks
from matcalc.signatures import Bound
from matcalc.simplification import simplify
from matcalc.tangents import CURVED, projection
from matcalc.transposes import transpose
from matcalc.typical_sizes import Sizes, typical_sizes

LINEAR = frozenset({"symmetric", "spd", "diagonal", "lower", "upper"})
WITHOUT_INVERSE = frozenset({*CURVED, "skew"})


def linear_operator(formula: Any, variable: Names, *, where: Where = None, sizes: Sizes = None) -> CompiledOperator:
    """The Hessian of a scalar formula, or the derivative f′(x) of any other, as a linear operator at numbers.

    Call it with the values of all variables; see `LinearOperator` for what it gives. With several variables it is
    the whole Hessian, or the Jacobians side by side.

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
        self.variables = derivative.variables
        self.derivative = derivative
        self.sizes = typical_sizes(sizes)
        self.is_hessian = derivative.expression.is_scalar
        asked = formulas_of([derivative.expression, *self.variables])  # whose values show the sizes of directions
        asked.contexts[0] = derivative.contexts
        self.question = CompiledFunction(asked, self.sizes, batch=False)
        self._stages: dict[tuple[str, bool], Stages] = {}
        self._full: dict[bool, Routine] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables, in the order in which values may be given."""
        return self.question.names

    @cached_property
    def matrix(self) -> Expression:
        """The matrix of the operator on column-major vec: the Hessian, or the Jacobian."""
        found: Any = self.derivative.hessian if self.is_hessian else self.derivative.jacobian
        if isinstance(found, Blocks):
            return found.matrix
        whole: Expression = block(1, *found.values()) if isinstance(found, dict) else found
        return whole

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
            formulas, directions = getattr(self, f"_{part}")
            sizes = self.question.fixed, self.sizes.guesses
            found = self._stages[key] = Stages(formulas, self.question.arguments, directions, *sizes, is_complex)
        return found

    def full(self, is_complex: bool) -> Routine:
        """The function that computes the matrix."""
        found = self._full.get(is_complex)
        if found is None:
            question = self.question
            program = lower([self.matrix], self.sizes.guesses, known=FUSED, is_complex=is_complex)
            found = routine_of(program, question.arguments, question.fixed, is_complex=is_complex)
            self._full[is_complex] = found
        return found

    @property
    def _product(self) -> Linear:
        D = self.derivative
        found = D.hessian_operator if self.is_hessian else D.differential
        return list(found.values()) if isinstance(found, dict) else [found], list(D.perturbations.values())

    @property
    def _adjoint(self) -> Linear:
        if self.is_hessian:
            return self._product
        f, name = self.derivative.expression, "y"
        while name in self.names:
            name += "_"
        y = variable(name, *f.shape)
        found = pullback(with_distances(f), y, self.variables)
        return [simplify(projection(x, found[x])) for x in self.variables], [y]

    @property
    def _solution(self) -> Linear:
        return self._solution_of(is_turned=False)

    @property
    def _adjoint_solution(self) -> Linear:
        return self._solution_of(is_turned=True)

    def _solution_of(self, is_turned: bool) -> Linear:
        f, matrix = self.derivative.expression, self.matrix
        words = {x: frozenset() if x.is_scalar else x.properties for x in self.variables}
        for x, own in words.items():
            if own & WITHOUT_INVERSE:
                message = f"the matrix of the operator is singular: {x.name} is {min(own & WITHOUT_INVERSE)}"
                raise NotDifferentiable(message, hint="solve in coordinates of the space that it moves in")
        if matrix.rows != matrix.columns:
            raise ShapeError(f"{matrix} is not square", hint="for least squares use full(), or products")
        if is_zero(matrix):
            raise FactorizationError(f"{matrix} is singular")
        dx = self.derivative.perturbations
        if self.is_hessian or is_turned:
            given = [variable(dx[x].name, *x.shape) for x in self.variables]
        else:
            given = [variable(dx[self.variables[0]].name, *f.shape)]
        columns = [b if b.columns is ONE else apply("vec", b) for b in given]
        right = block(len(columns), *columns) if len(columns) > 1 else columns[0]
        structured = [x for x in self.variables if words[x] & LINEAR]
        if not structured:
            inverse = power(matrix, number(-1))
            return [multiply(transpose(inverse) if is_turned else inverse, right)], given
        if not self.is_hessian:
            x = structured[0]
            message = f"{x.name} is {min(words[x] & LINEAR)}, and the values of {f} need not be"
            raise NotDifferentiable(message, hint="solve on the free entries, with the Jacobian of free=True")
        M = _diagonal([entries_matrix(x) if x in structured else identity(x.rows * x.columns) for x in words])
        inverse = power(multiply(transpose(M), matrix, M), number(-1))
        return [multiply(M, inverse, transpose(M), right)], given


def _diagonal(blocks: Sequence[Expression]) -> Expression:
    """The matrix with these blocks on its diagonal."""
    if len(blocks) == 1:
        return blocks[0]
    rows = [[M if M is N else zero(M.rows, N.columns) for N in blocks] for M in blocks]
    return block(len(blocks), *(M for row in rows for M in row))


class LinearOperator:
    """A derivative at numbers: `A @ v`, `A.solve(b)`, `A.T`, `A.full()`.

    Directions are flat vectors (of a matrix the columns below each other), or have the shape of the variable; what
    is returned is of the same kind. Where the variable is not a matrix, a matrix of directions is one of columns.
    Of several variables the flat vectors stand below each other, and what is not flat is a dict by name.
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
        self._prepared: dict[str, Prepared] = {}

    # ---- what it is ----

    @cached_property
    def _ends(self) -> tuple[FlatVectors, FlatVectors]:
        """The flat vectors of what it takes and of what it gives."""
        domain = FlatVectors(self.formula.variables, self._at.sizes)
        value = self.formula.derivative.expression
        codomain = domain if self.formula.is_hessian else FlatVectors([variable("f", *value.shape)], self._at.sizes)
        return (codomain, domain) if self.is_turned else (domain, codomain)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns of its matrix."""
        domain, codomain = self._ends
        return codomain.size, domain.size

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
        found = self._finished(found, [self.formula.matrix], are_finite(self._at.arrays), 3)
        return found.reshape(self.shape[::-1]).T if self.is_turned else found.reshape(self.shape)

    def _applied(self, part: str, v: Any, start: FlatVectors, end: FlatVectors) -> Any:
        if isinstance(v, Mapping):
            return self._kept(self._applied(part, self._flat(v, start), start, end), end)
        v = np.asarray(v)
        if v.dtype.kind not in "biufc":
            raise EvaluationError(f"a direction is an array of numbers, not of {v.dtype}")
        if v.dtype.kind == "c" and self.dtype.kind != "c":
            real, imaginary = (self._applied(part, x, start, end) for x in (v.real, v.imag))
            if isinstance(real, dict):
                return {name: real[name] + 1j * imaginary[name] for name in real}
            return real + 1j * imaginary
        v = v.astype(self.dtype, copy=False)
        size = start.size
        if v.ndim == 1 and len(v) == size:
            return self._of_one(part, v)
        shapes, ends = ([p.dimensions for p in vectors.layout(vectors.size)] for vectors in (start, end))
        if len(shapes) == 1 and (v.shape == shapes[0] or (v.ndim == 0 and size == 1)):
            found = self._kept(self._of_one(part, v.reshape(-1, order="F")), end)
            is_column = v.ndim and len(ends) == 1
            return np.reshape(found, ends[0]) if is_column else found
        if v.ndim == 2 and len(v) == size:
            columns = [self._of_one(part, c) for c in v.T]
            return np.column_stack(columns) if columns else np.empty((end.size, 0), self.dtype)
        shape = f" or a matrix of shape {shapes[0]}" if len(shapes) == 1 and 1 not in shapes[0] else ""
        raise ShapeError(
            f"a direction of shape {v.shape} is given to an operator of shape {self.shape}",
            hint=f"give a vector of length {size}{shape}",
        )

    def _flat(self, given: Mapping[str, Any], vectors: FlatVectors) -> Array:
        """The flat vector of directions by name."""
        parts = vectors.layout(vectors.size)
        names = [x.name for x in self.formula.variables]
        if len(parts) != len(names) or given.keys() != set(names):
            known = f"one each for {', '.join(names)}" if len(parts) == len(names) else "an array"
            raise EvaluationError(f"directions are given for {', '.join(map(str, given))}", hint=f"give {known}")
        arrays = [as_array(x, given[x.name]) for x in self.formula.variables]
        for name, v, (_, _, shape, _) in zip(names, arrays, parts, strict=True):
            if v.shape != shape and not (v.ndim < 2 and 1 in shape and v.size == shape[0] * shape[1]):
                raise ShapeError(f"a direction for {name} is of shape {shape}, not {v.shape}")
        return flattened(arrays)

    def _kept(self, v: Array, vectors: FlatVectors) -> Any:
        """A flat vector as numbers, vectors and matrices: by name where it is one of several variables."""
        parts = vectors.parts(v)
        if len(parts) > 1:
            return {x.name: part for x, part in zip(self.formula.variables, parts, strict=True)}
        return parts[0].item() if np.ndim(parts[0]) and parts[0].size == 1 else parts[0]

    def _of_one(self, part: str, v: Array) -> Array:
        """The value at one direction, flat as it is."""
        stages, vectors, prepared = self._before(part)
        whole = flattened(self._run(stages.routines[1], *vectors.parts(v), *prepared))
        whole = np.array(whole, self.dtype) if stages.is_constant else whole
        return self._finished(whole, stages.formulas, np.all(np.isfinite(v)))

    def _finished(
        self, found: Any, formulas: Sequence[Expression], is_expected_finite: Any, stacklevel: int = 5
    ) -> Array:
        found = np.asarray(found, self.dtype)
        if is_expected_finite and not np.all(np.isfinite(found)):
            warnings.warn(
                f"the value of {', '.join(map(str, formulas))} is not finite", RuntimeWarning, stacklevel=stacklevel
            )
        return found

    def _before(self, part: str) -> Prepared:
        """A part, with what it needs that does not depend on the direction."""
        found = self._prepared.get(part)
        if found is None:
            stages = self.formula.stages(part, self.dtype.kind == "c")
            vectors = FlatVectors(stages.directions, self._at.sizes)
            late = vectors.parts(np.empty(vectors.size, self.dtype))
            found = self._prepared[part] = Prepared(stages, vectors, self._run(stages.routines[0], *late))
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
