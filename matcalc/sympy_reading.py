"""From SymPy: its matrix expressions as expressions of the calculator.

Nothing is sympified from text and SymPy's matrix derivatives are never called.  Everything is real, so that
an adjoint is a transpose.  SymPy counts entries from 0, the calculator from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from matcalc.applications import apply
from matcalc.declarations import Where, declarations
from matcalc.errors import MatcalcError, ShapeError
from matcalc.expressions import (
    ONE,
    Dimension,
    Expression,
    dimension,
    variables_of,
)
from matcalc.function_table import ALIASES, FROM_SYMPY, FUNCTIONS
from matcalc.leaves import ONE_NODE, PI, identity, number, ones, unit, variable, zero
from matcalc.powers import block, entrywise_power, hadamard, indexed_sum, power
from matcalc.products import multiply
from matcalc.sums import add
from matcalc.tokens import spelled
from matcalc.transposes import transpose


def from_sympy(expr: Any, where: Where = None) -> Expression:
    """The expression that a SymPy matrix or scalar expression stands for.

    A vector is an n×1 MatrixSymbol; a scalar symbol that is the size of a matrix is that size.  ``where``
    declares properties, which SymPy's matrices do not have.  Raises MatcalcError for what has no counterpart.

    >>> import sympy
    >>> n = sympy.Symbol("n")
    >>> A, x = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("x", n, 1)
    >>> from_sympy(2 * sympy.Trace(A) * A * x)
    2*tr(A)*A*x
    """
    if isinstance(expr, Expression):
        return expr
    if isinstance(expr, (int, float, sp.MatrixBase)):
        expr = sp.ImmutableDenseMatrix(expr) if isinstance(expr, sp.MatrixBase) else sp.Number(expr)
    if not isinstance(expr, sp.Basic):
        raise MatcalcError(f"{type(expr).__name__} {expr!r} is not a SymPy expression")
    return _Reader(expr, where).read(expr)


class _Reader:
    """Reads one SymPy expression; ``values`` holds what is read already."""

    def __init__(self, root: Any, where: Where) -> None:
        self.declared = declarations(where)[0]
        self.values: dict[Any, Expression] = {}
        nodes = list(_nodes(root))
        sizes = [size for e in nodes if isinstance(e, _LEAVES) for size in e.shape]
        self.sizes = {s.name for size in sizes for s in size.free_symbols}
        exponents = [e.exp for e in nodes if isinstance(e, sp.MatPow)]
        indices = [limits[0] for e in nodes if isinstance(e, sp.Sum) for limits in e.limits]
        self.integers = {s for e in (*exponents, *indices) for s in e.free_symbols}
        plain = (e.name for e in nodes if isinstance(e, _NAMED) and not isinstance(e, sp.Dummy))
        self.taken = {*self.sizes, *map(spelled, plain)}
        self.names: dict[Any, str] = {}

    def read(self, root: Any) -> Expression:
        """The expression of a SymPy node, operands first."""
        stack = [root]
        while stack:
            top = stack[-1]
            waiting = [o for o in _operands(top) if o not in self.values]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            if top not in self.values:
                self.values[top] = self.build(top)
        return self.values[root]

    def build(self, e: Any) -> Expression:
        operands = [self.values[o] for o in _operands(e)]
        simple = _FROM.get(_class_of(e))
        return simple(*operands) if simple else _FROM_NODES[_class_of(e)](self, e, operands)

    def size(self, size: Any) -> Dimension:
        return size.xreplace({s: dimension(s.name) for s in size.free_symbols})

    def sizes_of(self, e: Any) -> list[Dimension]:
        return [self.size(s) for s in e.shape]

    def name(self, symbol: Any) -> str:
        """A name in the language; different dummies get different names."""
        name = self.names.get(symbol)
        if name is None:
            name = spelled(symbol.name)
            while isinstance(symbol, sp.Dummy) and name in self.taken:
                name = f"{spelled(symbol.name)}_{len(self.taken)}"
            if not name.isidentifier() or name.startswith("_"):
                hint = "a name is a letter, then letters and digits"
                raise MatcalcError(f"{symbol.name!r} is not a name here", hint=hint)
            self.names[symbol] = name
            self.taken.add(name)
        return name

    def symbol(self, e: Any, operands: list[Expression]) -> Expression:
        if isinstance(e, sp.Symbol) and e.name in self.sizes:
            return number(dimension(e.name))
        name = self.name(e)
        shape = self.sizes_of(e) if isinstance(e, sp.MatrixSymbol) else [ONE, ONE]
        declared = self.declared.get(name)
        if declared is not None and list(declared.shape) != shape:
            found = "×".join(map(str, shape))
            raise ShapeError(f"{name} is {found} in SymPy but declared {'×'.join(map(str, declared.shape))}")
        words = set(declared.properties) if declared is not None else set()
        if isinstance(e, sp.Symbol):
            words |= {"integer"} if e.is_integer or e in self.integers else set()
            words |= {"positive"} if e.is_positive else {"nonzero"} if e.is_nonzero else set()
        return variable(name, *shape, *words)

    def number(self, e: Any, operands: list[Expression]) -> Expression:
        if not e.is_finite:
            raise MatcalcError(f"{e} is not a number here")
        return number(e if e.is_Rational else sp.Rational(str(e)))

    def entry(self, e: Any, operands: list[Expression]) -> Expression:
        A, i, j = operands
        if A.is_scalar:
            return A
        return multiply(transpose(unit(add(i, ONE_NODE), A.rows)), A, unit(add(j, ONE_NODE), A.columns))

    def slice(self, e: Any, operands: list[Expression]) -> Expression:
        A, first, second = operands
        left = self.selected(e.rowslice, first, A.rows)
        right = self.selected(e.colslice, second, A.columns)
        return multiply(transpose(left), A, right)

    def selected(self, part: Any, start: Expression, size: Dimension) -> Expression:
        """The columns of the identity that pick out a range."""
        lower, upper, step = part
        if lower == 0 and step == 1 and self.size(upper) == size:
            return identity(size)
        if upper - lower == 1:
            return unit(add(start, ONE_NODE), size)
        if not (lower.is_Integer and upper.is_Integer and step.is_Integer):
            hint = "slice with integers, or take all"
            raise MatcalcError(f"the range {lower}:{upper} has no fixed length", hint=hint)
        return block(1, *(unit(number(i + 1), size) for i in range(int(lower), int(upper), int(step))))

    def blocks(self, e: Any, operands: list[Expression]) -> Expression:
        rows = (e if isinstance(e, sp.MatrixBase) else e.blocks).rows
        if not operands:
            raise MatcalcError("a matrix without entries has no counterpart here")
        return block(int(rows), *operands)

    def sum(self, e: Any, operands: list[Expression]) -> Expression:
        body, *limits = operands
        for index, lower, upper in zip(limits[::3], limits[1::3], limits[2::3], strict=True):
            body = indexed_sum(index, lower, upper, body)
        return body

    def entrywise(self, e: Any, operands: list[Expression]) -> Expression:
        """A function of one symbol, entry by entry: its body read with the matrix in the symbol's place."""
        (argument,) = operands
        (symbol,) = e.function.variables
        result = self.each(e.function.expr, symbol, argument)
        return result if result.shape == argument.shape else multiply(result, ones(*argument.shape))

    def each(self, formula: Any, symbol: Any, X: Expression) -> Expression:
        if formula == symbol:
            return X
        if symbol not in formula.free_symbols:
            return self.read(formula)
        parts = [self.each(a, symbol, X) for a in _operands(formula)]
        if formula.is_Add or isinstance(formula, (sp.Max, sp.Min)):
            parts = [multiply(p, ones(*X.shape)) if p.is_scalar else p for p in parts]
        build = _ENTRYWISE.get(type(formula))
        return build(*parts) if build else self.function(formula, parts)

    def applied(self, e: Any, operands: list[Expression]) -> Expression:
        name = self.function_name(e)
        matrix = next((o for o in operands if not o.is_scalar), None)
        if matrix is not None and FUNCTIONS[name].is_entrywise:
            raise MatcalcError(
                f"SymPy's {name} of a matrix is a function of matrices, which has no counterpart here: {e}",
                hint=f"for {name} entry by entry write X.applyfunc({name})",
            )
        return self.function(e, operands)

    def function(self, e: Any, operands: list[Expression]) -> Expression:
        return apply(self.function_name(e), *operands)

    def function_name(self, e: Any) -> str:
        name = _NAMES.get(type(e)) or FROM_SYMPY.get(type(e)) or type(e).__name__
        row = FUNCTIONS.get(ALIASES.get(name, name))
        if row is None or row.named:
            raise _unknown(e)
        return ALIASES.get(name, name)


def _class_of(e: Any) -> Any:
    """The class of SymPy that decides how a node is read; raises MatcalcError where there is none."""
    found = next((c for c in type(e).__mro__ if c in _FROM or c in _FROM_NODES), None)
    if found is None:
        raise _unknown(e)
    return found


def _unknown(e: Any) -> MatcalcError:
    return MatcalcError(f"SymPy's {type(e).__name__} has no counterpart here: {e}")


_NAMED = (sp.Symbol, sp.MatrixSymbol)
_LEAVES = (sp.MatrixSymbol, sp.Identity, sp.ZeroMatrix, sp.OneMatrix)


def _operands(e: Any) -> tuple[Any, ...]:
    """The parts of a SymPy expression that are expressions of the calculator too."""
    if isinstance(e, (sp.Atom, *_LEAVES)):
        return ()
    if isinstance(e, (sp.MatrixBase, sp.BlockMatrix)):
        return tuple((e if isinstance(e, sp.MatrixBase) else e.blocks).flat())
    if isinstance(e, sp.MatrixSlice):
        return (e.parent, e.rowslice[0], e.colslice[0])
    if isinstance(e, sp.Sum):
        return (e.function, *(part for limits in e.limits for part in limits))
    if isinstance(e, ElementwiseApplyFunction):
        return (e.expr,)
    if isinstance(e, sp.Heaviside):
        return tuple(e.args[:1])
    return tuple(e.args)


def _nodes(root: Any) -> Any:
    """Every distinct part of a SymPy expression, each of a class that can be read."""
    todo, seen = [root], set()
    while todo:
        e = todo.pop()
        if e not in seen:
            _class_of(e)
            seen.add(e)
            yield e
            todo.extend(_operands(e))


def _extreme(name: str) -> Callable[..., Expression]:
    """max or min of its operands, constants last: max(0, x) is max(x, 0)."""

    def build(*operands: Expression) -> Expression:
        return reduce(partial(apply, name), sorted(operands, key=lambda o: not any(variables_of(o))))

    return build


_NAMES = {sp.Abs: "abs", sp.sign: "sign", sp.Heaviside: "heaviside"}

_FROM: Mapping[Any, Callable[..., Expression]] = {
    **dict.fromkeys((sp.Add, sp.MatAdd), add),
    **dict.fromkeys((sp.Mul, sp.MatMul), multiply),
    **dict.fromkeys((sp.Pow, sp.MatPow), power),
    **dict.fromkeys((sp.Transpose, sp.Adjoint), transpose),
    sp.HadamardPower: entrywise_power,
    sp.HadamardProduct: hadamard,
    sp.KroneckerProduct: lambda *operands: reduce(partial(apply, "kron"), operands),
    sp.Trace: partial(apply, "tr"),
    sp.Determinant: partial(apply, "det"),
    sp.DotProduct: partial(apply, "dot"),
    DiagMatrix: partial(apply, "diag"),
    DiagonalOf: partial(apply, "diagonal"),
    DiagonalMatrix: lambda A: apply("diag", apply("diagonal", A)),
    sp.Max: _extreme("maximum"),
    sp.Min: _extreme("minimum"),
}

_FROM_NODES: Mapping[Any, Callable[[_Reader, Any, list[Expression]], Expression]] = {
    sp.Symbol: _Reader.symbol,
    sp.MatrixSymbol: _Reader.symbol,
    sp.Number: _Reader.number,
    sp.Identity: lambda reader, e, _: identity(reader.sizes_of(e)[0]),
    sp.ZeroMatrix: lambda reader, e, _: zero(*reader.sizes_of(e)),
    sp.OneMatrix: lambda reader, e, _: ones(*reader.sizes_of(e)),
    type(sp.pi): lambda reader, e, _: PI,
    type(sp.E): lambda reader, e, _: apply("exp", ONE_NODE),
    MatrixElement: _Reader.entry,
    sp.MatrixSlice: _Reader.slice,
    sp.BlockMatrix: _Reader.blocks,
    sp.ImmutableDenseMatrix: _Reader.blocks,
    sp.ImmutableSparseMatrix: _Reader.blocks,
    sp.Sum: _Reader.sum,
    ElementwiseApplyFunction: _Reader.entrywise,
    sp.Function: _Reader.applied,
}

_ENTRYWISE: Mapping[Any, Callable[..., Expression]] = {
    sp.Add: add,
    sp.Mul: hadamard,
    sp.Pow: entrywise_power,
    sp.Max: _extreme("maximum"),
    sp.Min: _extreme("minimum"),
}
