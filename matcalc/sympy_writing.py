"""To SymPy: expressions of the calculator as its matrix expressions.

Nothing is sympified from text and SymPy's matrix derivatives are never called.  Everything is real, so that
an adjoint is a transpose.  SymPy counts entries from 0, the calculator from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from matcalc.errors import MatcalcError
from matcalc.expressions import (
    Apply,
    Block,
    Commutation,
    Constant,
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
    postorder,
)
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import CONSTANTS, MINUS_ONE, Duplication, Elimination
from matcalc.transposes import transpose

_Values = dict[Expression, Any]


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


def _unknown(node: Expression, values: _Values) -> Any:
    raise MatcalcError(f"SymPy has no {type(node).__name__.lower()} matrix: {node}")


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


def _over(E: Any, *factors: Any) -> Any:
    """E divided, entry by entry, by a product."""
    return sp.HadamardProduct(E, sp.HadamardPower(sp.MatMul(*factors), -1))


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
    "logsumexp_columns": lambda X: _each(sp.log, sp.MatMul(sp.OneMatrix(1, X.rows), _each(sp.exp, X))),
    "logsumexp_rows": lambda X: _each(sp.log, sp.MatMul(_each(sp.exp, X), sp.OneMatrix(X.cols, 1))),
    "softmax_columns": lambda X: _over(_each(sp.exp, X), sp.OneMatrix(X.rows, X.rows), _each(sp.exp, X)),
    "softmax_rows": lambda X: _over(_each(sp.exp, X), _each(sp.exp, X), sp.OneMatrix(X.cols, X.cols)),
    "sqdist": lambda X, Y: sp.MatAdd(
        sp.MatMul(sp.HadamardPower(X, 2), sp.OneMatrix(X.cols, Y.rows)),
        sp.MatMul(sp.OneMatrix(X.rows, Y.cols), sp.HadamardPower(Y, 2).T),
        sp.MatMul(-2, X, Y.T),
    ),
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
    **dict.fromkeys((Commutation, Duplication, Elimination), _unknown),
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
