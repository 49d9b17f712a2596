"""The bridge to SymPy: its matrix expressions as expressions of the calculator, and back.

Nothing is sympified from text and SymPy's matrix derivatives are never called.  Everything is real, so that
an adjoint is a transpose.  SymPy counts entries from 0, the calculator from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from matcalc.applications import apply
from matcalc.declarations import declarations
from matcalc.errors import MatcalcError, ShapeError
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Commutation,
    Constant,
    Dimension,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    IndexedSum,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
    Variable,
    Zero,
    dimension,
    postorder,
    variables_of,
)
from matcalc.function_table import ALIASES, FROM_SYMPY, FUNCTIONS
from matcalc.leaves import CONSTANTS, MINUS_ONE, ONE_NODE, PI, identity, number, ones, unit, variable, zero
from matcalc.powers import block, entrywise_power, hadamard, indexed_sum, power
from matcalc.products import multiply
from matcalc.sums import add
from matcalc.tokens import spelled
from matcalc.transposes import transpose


def from_sympy(expr: Any, where: str | None = None) -> Expression:
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
        expr = sp.ImmutableDenseMatrix(expr) if isinstance(expr, sp.MatrixBase) else sp.sympify(expr)
    if not isinstance(expr, sp.Basic):
        raise MatcalcError(f"{type(expr).__name__} {expr!r} is not a SymPy expression")
    return _Reader(expr, where).read(expr)


def to_sympy(expression: Expression) -> Any:
    """The expression in SymPy, nothing evaluated: a scalar is an Expr, anything else a MatrixExpr.

    Vectors are n×1 MatrixSymbols; properties of matrices are lost.  Some functions are written out, such as
    norm2 and softmax; ``adj(A)`` is det(A)·A⁻¹, so that it needs an invertible A.  Raises MatcalcError for a
    function that SymPy lacks.

    >>> from matcalc.reading import parse
    >>> to_sympy(parse("tr(A*x*x') + a", where="A: matrix(n,n), x: vector(n), a: scalar"))
    a + (x.T*A*x)[0, 0]
    """
    return _convert(expression, _indices(expression))


# ---- from SymPy


class _Reader:
    """Reads one SymPy expression; ``values`` holds what is read already."""

    def __init__(self, root: Any, where: str | None) -> None:
        self.declared = declarations(where or "")[0]
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
        if ALIASES.get(name, name) not in FUNCTIONS:
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
    sp.Max: _extreme("max"),
    sp.Min: _extreme("min"),
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
    sp.Max: _extreme("max"),
    sp.Min: _extreme("min"),
}


# ---- to SymPy

_Values = dict[Expression, Any]


def _convert(root: Expression, values: _Values) -> Any:
    """The SymPy expression of a node; ``values`` holds what is converted already."""
    for node in postorder(root):
        if node not in values:
            values[node] = _TO[type(node)](node, values)
    return values[root]


def _indices(root: Expression) -> _Values:
    """A symbol for the index of every sum."""
    nodes = postorder(root)
    taken = {str(s) for e in nodes for size in e.shape for s in size.free_symbols}
    variables = [e for e in nodes if isinstance(e, Variable)]
    taken |= {v.name for v in variables}
    letters = (name for name in chain("ijkl", (f"i_{k}" for k in count(1))) if name not in taken)
    return {v: sp.Symbol(next(letters), integer=True) for v in variables if v.is_index}


_SCALAR_PROPERTIES = ("integer", "positive", "nonzero")


def _variable(node: Variable, values: _Values) -> Any:
    if node.is_scalar:
        return sp.Symbol(node.name, **{p: True for p in _SCALAR_PROPERTIES if p in node.properties})
    return sp.MatrixSymbol(node.name, *node.shape)


def _unit(node: Unit, values: _Values) -> Any:
    index, size = node._args
    i = values[index]
    return sp.MatrixSlice(sp.Identity(size), (0, size), (i - 1, i))


def _sum(node: Sum, values: _Values) -> Any:
    terms = [values[t] for t in node._args]
    return sp.Add(*terms) if node.is_scalar else sp.MatAdd(*terms)


def _product(node: Product, values: _Values) -> Any:
    outer = sp.Mul(node.coefficient, *(values[s] for s in node.scalars))
    if not node.chain:
        return outer
    chain = _chain(node, values)
    if node.is_scalar:
        return sp.Mul(outer, chain)
    factors = chain.args if isinstance(chain, sp.MatMul) else (chain,)
    return chain if outer == 1 else sp.MatMul(outer, *factors)


def _chain(node: Product, values: _Values) -> Any:
    """The matrix factors; unit vectors at the ends take out a row, a column or an entry."""
    factors = _untransposed(node.chain) if node.is_scalar else list(node.chain)
    row = column = None
    if len(factors) > 1 and isinstance(factors[0], Transpose) and isinstance(factors[0]._args[0], Unit):
        row = _convert(factors.pop(0)._args[0]._args[0], values) - 1
    if len(factors) > 1 and isinstance(factors[-1], Unit):
        column = _convert(factors.pop()._args[0], values) - 1
    inner = _matrix_product(factors, values)
    if node.is_scalar:
        entry = [sp.S.Zero if i is None else i for i in (row, column)]
        turned = isinstance(inner, sp.Transpose)
        return MatrixElement(inner.arg, *reversed(entry)) if turned else MatrixElement(inner, *entry)
    if row is None and column is None:
        return inner
    ranges = zip((row, column), (factors[0].rows, factors[-1].columns), strict=True)
    return sp.MatrixSlice(inner, *((0, size) if i is None else (i, i + 1) for i, size in ranges))


def _untransposed(chain: Sequence[Expression]) -> list[Expression]:
    """The factors of a scalar product, or of a trace, in the direction that has fewer transposes."""
    turned = [transpose(f) for f in reversed(chain)]
    return min(list(chain), turned, key=lambda factors: sum(isinstance(f, Transpose) for f in factors))


def _matrix_product(factors: Sequence[Expression], values: _Values) -> Any:
    each = [_convert(f, values) for f in factors]
    return sp.MatMul(*each) if len(each) > 1 else each[0]


def _power(node: Power, values: _Values) -> Any:
    base, exponent = node._args
    if node.is_scalar:
        return sp.Pow(values[base], values[exponent])
    return sp.Inverse(values[base]) if exponent is MINUS_ONE else sp.MatPow(values[base], values[exponent])


def _entrywise_power(node: EntrywisePower, values: _Values) -> Any:
    base, exponent = node._args
    if base.is_scalar:
        return _each(sp.Pow, values[base], values[exponent])
    return sp.HadamardPower(values[base], values[exponent])


def _block(node: Block, values: _Values) -> Any:
    count, *blocks = node._args
    width = len(blocks) // int(count)
    if all(b.is_scalar for b in blocks):
        return sp.ImmutableDenseMatrix(int(count), width, [values[b] for b in blocks])
    wrapped = [sp.ImmutableDenseMatrix([[values[b]]]) if b.is_scalar else values[b] for b in blocks]
    return sp.BlockMatrix([wrapped[i : i + width] for i in range(0, len(wrapped), width)])


def _indexed_sum(node: IndexedSum, values: _Values) -> Any:
    index, lower, upper, body = (values[a] for a in node._args)
    if not node.is_scalar:
        raise MatcalcError(f"SymPy has no sum of matrices over an index: {node}")
    return sp.Sum(body, (index, lower, upper))


def _commutation(node: Commutation, values: _Values) -> Any:
    raise MatcalcError(f"SymPy has no commutation matrix: {node}")


def _apply(node: Apply, values: _Values) -> Any:
    function, operands = node.function, node.operands
    if function == "tr":
        factors = operands[0].chain if isinstance(operands[0], Product) else operands
        return sp.Trace(_matrix_product(_untransposed(factors), values))
    arguments = [values[o] for o in operands]
    if function in _MATRIX_FUNCTIONS:
        return _MATRIX_FUNCTIONS[function](*arguments)
    scalar = _SCALARS.get(function) or FUNCTIONS[function].scalar
    if scalar is not None and not node.is_scalar:
        return _each(scalar, *arguments)
    if not all(o.is_scalar for o in operands) or not node.is_scalar:
        raise MatcalcError(f"SymPy has no {function} of a matrix: {node}")
    return (scalar or sp.Function(function))(*arguments)


_SCALARS: Mapping[str, Callable[..., Any]] = {
    "abs": partial(sp.Abs, evaluate=False),  # evaluating walks into matrices and fails
    "sign": sp.sign,
    "heaviside": sp.Heaviside,
    "relu": lambda t: sp.Max(t, 0),
}


def _each(function: Callable[..., Any], *operands: Any) -> Any:
    """A scalar function entry by entry; what stands before the matrix are its parameters."""
    *parameters, matrix = operands
    d = sp.Dummy("d")
    return ElementwiseApplyFunction(sp.Lambda(d, function(*parameters, d)), matrix)


def _total(x: Any) -> Any:
    return MatrixElement(sp.MatMul(sp.OneMatrix(1, x.rows), x), 0, 0)


def _norm(X: Any) -> Any:
    squares = sp.MatMul(sp.Transpose(X), X)
    return sp.sqrt(MatrixElement(squares, 0, 0) if X.shape[1] == 1 else sp.Trace(squares))


_MATRIX_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "det": sp.Determinant,
    "kron": sp.KroneckerProduct,
    "diag": DiagMatrix,
    "diagonal": DiagonalOf,
    "norm2": _norm,
    "logdet": lambda A: sp.log(sp.Determinant(A)),
    "logabsdet": lambda A: sp.log(sp.Abs(sp.Determinant(A), evaluate=False)),
    "adj": lambda A: sp.MatMul(sp.Determinant(A), sp.Inverse(A)),
    "logsumexp": lambda x: sp.log(_total(_each(sp.exp, x))),
    "softmax": lambda x: sp.MatMul(1 / _total(_each(sp.exp, x)), _each(sp.exp, x)),
}

_TO: Mapping[type[Expression], Callable[..., Any]] = {
    Variable: _variable,
    Number: lambda node, _: node.value,
    Constant: lambda node, _: CONSTANTS[node.name][1],
    Identity: lambda node, _: sp.Identity(node.rows),
    Ones: lambda node, _: sp.OneMatrix(*node.shape),
    Zero: lambda node, _: sp.ZeroMatrix(*node.shape),
    Unit: _unit,
    Commutation: _commutation,
    Transpose: lambda node, values: sp.Transpose(values[node._args[0]]),
    Sum: _sum,
    Product: _product,
    Hadamard: lambda node, values: sp.HadamardProduct(*(values[f] for f in node._args)),
    Power: _power,
    EntrywisePower: _entrywise_power,
    Apply: _apply,
    Block: _block,
    IndexedSum: _indexed_sum,
}
