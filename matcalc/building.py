"""Building expressions without text: variables, and every function of the language by its name.

>>> import matcalc as mc
>>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
>>> str(mc.functions.tanh(A @ x))
'tanh(A*x)'
>>> str(mc.functions.logdet(A))
'logdet(A)'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matcalc.applications import along, apply
from matcalc.declarations import declarations, variables_among
from matcalc.errors import ShapeError
from matcalc.expressions import ONE, Expression, Variable, dimension
from matcalc.function_table import ALIASES, FUNCTIONS, function_names
from matcalc.leaves import commutation, duplication, elimination, expression, identity, ones, zero
from matcalc.powers import block as _block
from matcalc.powers import entrywise_power, hadamard
from matcalc.products import multiply

Size = int | str | Any


def variables(where: str) -> tuple[Variable, ...]:
    """The declared variables, in order; always a tuple.

    >>> (A,) = variables("A: matrix(m,n)")
    >>> A.shape
    (m, n)
    """
    declared, _ = declarations(where)
    return tuple(variables_among(declared).values())


def eye(n: Size) -> Expression:
    """The identity matrix of size n."""
    return identity(dimension(n))


def ones_like(rows: Size, columns: Size = 1) -> Expression:
    """The matrix of ones."""
    return ones(dimension(rows), dimension(columns))


def zeros(rows: Size, columns: Size = 1) -> Expression:
    """The matrix of zeros."""
    return zero(dimension(rows), dimension(columns))


def K(m: Size, n: Size) -> Expression:
    """The commutation matrix: K vec(A) = vec(A′) for A of shape (m, n)."""
    return commutation(dimension(m), dimension(n))


def duplication_matrix(n: Size) -> Expression:
    """The duplication matrix: D vech(S) = vec(S) for S symmetric, of size n."""
    return duplication(dimension(n))


def elimination_matrix(n: Size) -> Expression:
    """The elimination matrix: L vec(A) = vech(A) for A of size n."""
    return elimination(dimension(n))


def total(X: Any, axis: int = 0) -> Expression:
    """The sum of all entries, or over the rows (axis 1) or columns (axis 2)."""
    X = expression(X)
    left = [ones(ONE, X.rows)] if axis in (0, 1) else []
    right = [ones(X.columns, ONE)] if axis in (0, 2) else []
    return multiply(*left, X, *right)


def diag(X: Any) -> Expression:
    """The diagonal matrix of a vector, or the vector of a matrix's diagonal."""
    X = expression(X)
    return apply("diag" if X.columns is ONE else "diagonal", X)


def softmax(X: Any, axis: int = 0) -> Expression:
    """The softmax of a vector, or of every column (axis 1) or row (axis 2) of a matrix."""
    return along("softmax", expression(X), axis) if axis else apply("softmax", expression(X))


def logsumexp(X: Any, axis: int = 0) -> Expression:
    """The logarithm of the sum of the exponentials of a vector, or of every column (axis 1) or row (axis 2)."""
    return along("logsumexp", expression(X), axis) if axis else apply("logsumexp", expression(X))


def times(X: Any, Y: Any) -> Expression:
    """The entrywise product X ⊙ Y."""
    return hadamard(expression(X), expression(Y))


def power(X: Any, Y: Any) -> Expression:
    """The entrywise power X.^Y."""
    return entrywise_power(expression(X), expression(Y))


def block(rows: list[list[Any]]) -> Expression:
    """The block matrix of a list of rows."""
    if len({len(r) for r in rows}) != 1:
        raise ShapeError("the rows of a block matrix have different numbers of blocks")
    return _block(len(rows), *(expression(b) for row in rows for b in row))


_OWN: dict[str, Callable[..., Expression]] = {
    "sum": total,
    "ones": ones_like,
    "commutation": K,
    "duplication": duplication_matrix,
    "elimination": elimination_matrix,
    "diagv": diag,
    "lse": logsumexp,
}


def __getattr__(name: str) -> Callable[..., Expression]:
    if name in _OWN:
        return _OWN[name]
    if name not in FUNCTIONS and name not in ALIASES:
        raise AttributeError(f"the language has no function {name}")

    def function(*arguments: Any) -> Expression:
        return apply(name, *map(expression, arguments))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}: {FUNCTIONS[ALIASES.get(name, name)].signature}"
    return function


def __dir__() -> list[str]:
    return sorted({*function_names(), *globals()})
