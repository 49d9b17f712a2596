"""Operations on stacks of arrays, for compiled functions of batches: the first axis counts the items.

A stack of numbers has one axis, of vectors two, of matrices three. What is not a stack is shared by all items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from matcalc.dense_kernels import Array
from matcalc.linear_solves import NOT_DEFINITE, SINGULAR, LinAlgError


def item_by_item(operation: Callable[..., Any], batch: int, *operands: tuple[Any, bool]) -> Array:
    """The stack of what an operation gives for each item; an operand comes with whether it is a stack.

    >>> item_by_item(np.outer, 2, (np.eye(2), True), (np.ones(2), False)).tolist()
    [[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]]
    """
    return np.stack([operation(*(x[i] if is_stack else x for x, is_stack in operands)) for i in range(batch)])


def repeated(value: Any, batch: int) -> Array:
    """One value as a stack of equal items.

    >>> repeated(np.ones(2), 3).shape
    (3, 2)
    """
    return np.repeat(np.asarray(value)[None], batch, axis=0)


def diagonal_matrices(entries: Array) -> Array:
    """The diagonal matrices with these entries.

    >>> diagonal_matrices(np.array([[1.0, 2.0]])).tolist()
    [[[1.0, 0.0], [0.0, 2.0]]]
    """
    batch, n = entries.shape
    found = np.zeros((batch, n, n), entries.dtype)
    found[:, range(n), range(n)] = entries
    return found


def scaled_eyes(entries: Array, n: int) -> Array:
    """A multiple of the identity of size n for each entry."""
    return diagonal_matrices(np.broadcast_to(entries[:, None], (len(entries), n)))


def add_diagonals(A: Array, entries: Any, batch: int) -> Array:
    """A, a matrix or a stack, with entries added to its diagonals: a number, a column or a row that spreads.

    >>> add_diagonals(np.zeros((2, 2)), np.array([[1.0], [2.0]]), 2).tolist()
    [[[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 2.0]]]
    """
    n = A.shape[-1]
    found = np.array(np.broadcast_to(A, (batch, n, n)), dtype=np.result_type(A, entries))
    found[:, range(n), range(n)] += entries
    return found


def weighted_grams(F: Array, weights: Array) -> Array:
    """F'·diag(weights)·F, exactly symmetric, where one at least is a stack.

    >>> weighted_grams(np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]])).tolist()
    [[[1.0, 2.0], [2.0, 4.0]], [[2.0, 4.0], [4.0, 8.0]]]
    """
    found: Array = F.swapaxes(-1, -2) @ (weights[..., None] * F)
    return (found + found.swapaxes(-1, -2)) / 2


def kron_products(A: Any, B: Any) -> Array:
    """The Kronecker products of matrices, of which one at least is a stack.

    >>> kron_products(np.ones((1, 1, 2)), np.eye(2)).tolist()
    [[[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]]
    """
    A, B = np.atleast_2d(A), np.atleast_2d(B)
    (m, n), (p, q) = A.shape[-2:], B.shape[-2:]
    found: Array = (A[..., :, None, :, None] * B[..., None, :, None, :]).reshape(-1, m * p, n * q)
    return found


def kron_times_each(A: Any, B: Any, X: Array, columns: int, batch: int) -> Array:
    """kron(A, B)·X as `kron_times` computes it, where any of them may be a stack.

    >>> kron_times_each(np.array([[1.0, 2.0]]), None, np.ones((3, 4, 1)), 2, 3)[0].tolist()
    [[3.0], [3.0]]
    """
    k = X.shape[-1]
    A, B = (None if F is None else np.atleast_2d(F) for F in (A, B))
    X = np.broadcast_to(X, (batch, *X.shape[-2:]))
    Y = X.reshape(batch, columns, -1, k)
    if B is not None:
        Y = (B if B.ndim == 2 else B[:, None]) @ Y
    if A is not None:
        rows = Y.shape[2]
        Y = (A @ Y.reshape(batch, columns, -1)).reshape(batch, -1, rows, k)
    return Y.reshape(batch, -1, k)


def blocks(rows: Sequence[Sequence[Any]], batch: int) -> Array:
    """The stack of the matrices that are put together from blocks, which are numbers, matrices and stacks of them.

    >>> blocks([[np.ones((1, 1)), np.zeros((2, 1, 1))]], 2).tolist()
    [[[1.0, 0.0]], [[1.0, 0.0]]]
    """
    parts = [[np.atleast_2d(part) for part in row] for row in rows]
    return np.block([[np.broadcast_to(p, (batch, *p.shape[-2:])) for p in row] for row in parts])


def log_determinants(A: Array) -> Array:
    """log det of each matrix, nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(A)
    return value if np.iscomplexobj(A) else np.where(sign >= 0, value, np.nan)


def solved_columns(factor: Any, B: Array, transposed: bool = False) -> Array:
    """The solutions for a stack of vectors or matrices, with the factorization that all of them share."""
    n = B.shape[1]
    columns = np.moveaxis(B, 1, 0)
    found: Array = factor.solve(columns.reshape(n, -1), transposed)
    return np.moveaxis(found.reshape(columns.shape), 0, 1)


# ---- factorizations ----------------------------------------------------------------------------------------


class Stack:
    """A stack of square matrices that systems are solved with; singular ones are an error where one is solved.

    >>> Stack(np.array([np.eye(2), 2 * np.eye(2)])).solve(np.ones((2, 1)))[..., 0].tolist()
    [[1.0, 1.0], [0.5, 0.5]]
    """

    def __init__(self, matrices: Array) -> None:
        self.matrices = matrices

    def solve(self, B: Array, transposed: bool = False) -> Array:
        """The X with A·X = B, or A'·X = B, for matrices B: a stack, or one for all."""
        A = self.matrices.swapaxes(-1, -2) if transposed else self.matrices
        try:
            # NumPy 1 takes two axes beside three for a stack of vectors
            return np.linalg.solve(A, B if B.ndim == 3 else B[None])
        except LinAlgError:
            raise LinAlgError(SINGULAR) from None

    def inverse(self) -> Array:
        """A⁻¹."""
        try:
            return np.linalg.inv(self.matrices)
        except LinAlgError:
            raise LinAlgError(SINGULAR) from None

    def det(self) -> Array:
        """det A."""
        return np.linalg.det(self.matrices)

    def logabsdet(self) -> Array:
        """log |det A|."""
        return np.linalg.slogdet(self.matrices)[1]

    def logdet(self) -> Array:
        """log det A, nan where the determinant is negative."""
        return log_determinants(self.matrices)


class DefiniteStack(Stack):
    """A stack of symmetric positive definite matrices.

    >>> float(DefiniteStack(np.array([np.diag([1.0, 4.0])])).det()[0])
    4.0
    """

    def __init__(self, matrices: Array) -> None:
        super().__init__(matrices)
        try:
            self.L = np.linalg.cholesky(matrices)
        except LinAlgError:
            raise LinAlgError(NOT_DEFINITE) from None

    def inverse(self) -> Array:
        """S⁻¹."""
        Y = np.linalg.solve(self.L.swapaxes(-1, -2), np.eye(self.L.shape[-1], dtype=self.L.dtype)[None])
        found: Array = Y @ Y.swapaxes(-1, -2)
        return found

    @property
    def diagonals(self) -> Array:
        """The diagonals of the factors."""
        return np.diagonal(self.L, axis1=-2, axis2=-1)

    def det(self) -> Array:
        """det S."""
        found: Array = self.diagonals.prod(axis=-1) ** 2
        return found

    def logdet(self) -> Array:
        """log det S."""
        found: Array = 2 * np.log(self.diagonals).sum(axis=-1)
        return found

    logabsdet = logdet


class TriangularStack(Stack):
    """A stack of triangular matrices, which are singular where there is a zero on a diagonal."""

    def __init__(self, matrices: Array) -> None:
        super().__init__(matrices)
        if not np.all(np.diagonal(matrices, axis1=-2, axis2=-1)):
            raise LinAlgError(SINGULAR)
