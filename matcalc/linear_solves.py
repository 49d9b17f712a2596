"""Factorizations for compiled functions: LAPACK through SciPy where it is installed, else NumPy.

A factorization is made once and solves any number of systems, transposed ones too.
"""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np

from matcalc.dense_kernels import Array, definite_inverse, routine
from matcalc.errors import EvaluationError
from matcalc.operations import MOST_TERMS

LinAlgError = np.linalg.LinAlgError
LARGEST_CONDITION = 1e6
NOT_DEFINITE = "not positive definite"
SINGULAR = "singular"


class Cholesky:
    """S = L·L' for a symmetric positive definite matrix.

    >>> float(Cholesky(np.diag([4.0, 9.0])).solve(np.array([4.0, 9.0])).sum())
    2.0
    """

    def __init__(self, S: Array, is_ours: bool = False) -> None:
        potrf = routine("potrf", S.dtype)
        self.given: Array | None = None if is_ours and potrf is not None else S
        if potrf is None:
            try:
                self.L = np.linalg.cholesky(S)
            except LinAlgError:
                raise LinAlgError(NOT_DEFINITE) from None
        else:
            # the transpose of an array in C order is in the order that LAPACK wants
            self.L, info = potrf(S.T if S.flags.c_contiguous else S, lower=1, clean=0, overwrite_a=is_ours)
            if info:
                raise LinAlgError(NOT_DEFINITE)

    @property
    def matrix(self) -> Array:
        """S, multiplied out where its memory has been used."""
        if self.given is None:
            L = np.tril(self.L)
            self.given = L @ L.T
        return self.given

    def solve(self, B: Array, transposed: bool = False) -> Array:
        """The X with S·X = B."""
        potrs = routine("potrs", self.L.dtype)
        if potrs is None or B.dtype != self.L.dtype or not B.size:
            return _solved(self.matrix, B)
        X: Array = potrs(self.L, B, lower=1)[0]
        return X

    def inverse(self, is_ours: bool = False) -> Array:
        """S⁻¹; where the factor is ours, in its place."""
        return definite_inverse(self.L, is_ours)

    def logdet(self) -> Any:
        """log det S."""
        return 2 * np.log(self.L.diagonal()).sum()

    def det(self) -> Any:
        """det S."""
        return self.L.diagonal().prod() ** 2

    logabsdet = logdet


class LU:
    """P·A = L·U for a square matrix.

    >>> float(LU(np.array([[0.0, 2.0], [1.0, 0.0]])).det())
    -2.0
    """

    def __init__(self, A: Array) -> None:
        getrf = routine("getrf", A.dtype)
        self.matrix = A
        self.turned = bool(A.flags.c_contiguous)
        self.packed: Array | None = None
        if getrf is not None and A.size:
            self.packed, self.pivots, info = getrf(A.T if self.turned else A)
            if info:
                raise LinAlgError(SINGULAR)

    def solve(self, B: Array, transposed: bool = False) -> Array:
        """The X with A·X = B, or A'·X = B."""
        if self.packed is None or B.dtype != self.packed.dtype:
            return _solved(self.matrix.T if transposed else self.matrix, B)
        X: Array = routine("getrs", self.packed.dtype)(
            self.packed, self.pivots, B, trans=int(transposed != self.turned)
        )[0]
        return X

    def inverse(self, is_ours: bool = False) -> Array:
        """A⁻¹; where the factor is ours, in its place."""
        if self.packed is None:
            return _inverse(self.matrix)
        inverse: Array = routine("getri", self.packed.dtype)(self.packed, self.pivots, overwrite_lu=is_ours)[0]
        return inverse.T if self.turned else inverse

    def det(self) -> Any:
        """det A."""
        if self.packed is None:
            return np.linalg.det(self.matrix)
        swaps = np.count_nonzero(self.pivots != np.arange(len(self.pivots)))
        return self.packed.diagonal().prod() * (-1) ** swaps

    def logabsdet(self) -> Any:
        """log |det A|."""
        if self.packed is None:
            return np.linalg.slogdet(self.matrix)[1]
        return np.log(np.abs(self.packed.diagonal())).sum()

    def logdet(self) -> Any:
        """log det A, nan where the determinant is negative."""
        if self.packed is None:
            return log_determinant(self.matrix)
        diagonal = self.packed.diagonal()
        if np.iscomplexobj(diagonal):
            return log_determinant(self.matrix)
        swaps = np.count_nonzero(self.pivots != np.arange(len(self.pivots)))
        is_negative = (np.count_nonzero(diagonal < 0) + swaps) % 2
        return np.nan if is_negative else np.log(np.abs(diagonal)).sum()


def symmetric_factor(S: Array, is_ours: bool = False) -> Cholesky | LU:
    """The factorization of a symmetric matrix: Cholesky's where it is positive definite.

    >>> [type(symmetric_factor(np.diag([1.0, d]))).__name__ for d in (2.0, -2.0)]
    ['Cholesky', 'LU']
    """
    diagonal = S.diagonal().copy()
    if np.all(diagonal > 0):
        try:
            return Cholesky(S, is_ours)
        except LinAlgError:
            if is_ours:  # one triangle has been written into, the other has not
                rest = np.tril(S, -1) if S.flags.c_contiguous else np.triu(S, 1)
                S = rest + rest.T
                np.fill_diagonal(S, diagonal)
    return LU(S)


class Triangular:
    """A triangular matrix, which needs no factorization.

    >>> Triangular(np.array([[2.0, 0.0], [1.0, 1.0]]), lower=True).solve(np.array([2.0, 2.0]))
    array([1., 1.])
    """

    def __init__(self, A: Array, *, lower: bool) -> None:
        if not np.all(A.diagonal()):
            raise LinAlgError(SINGULAR)
        self.matrix, self.lower = A, lower

    def solve(self, B: Array, transposed: bool = False) -> Array:
        """The X with A·X = B, or A'·X = B."""
        trtrs = routine("trtrs", self.matrix.dtype)
        if trtrs is None or B.dtype != self.matrix.dtype or not B.size:
            return _solved(self.matrix.T if transposed else self.matrix, B)
        if self.matrix.flags.c_contiguous:
            X: Array = trtrs(self.matrix.T, B, lower=int(not self.lower), trans=int(not transposed))[0]
            return X
        X = trtrs(self.matrix, B, lower=int(self.lower), trans=int(transposed))[0]
        return X

    def inverse(self, is_ours: bool = False) -> Array:
        """A⁻¹."""
        return self.solve(np.eye(len(self.matrix), dtype=self.matrix.dtype))


def _solved(A: Array, B: Array) -> Array:
    try:
        X: Array = np.linalg.solve(A, B)
    except LinAlgError:
        raise LinAlgError(SINGULAR) from None
    return X


def _inverse(A: Array) -> Array:
    try:
        return np.linalg.inv(A)
    except LinAlgError:
        raise LinAlgError(SINGULAR) from None


def log_determinant(A: Array) -> Any:
    """log det A, nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(A)
    return value if np.iscomplexobj(A) or sign >= 0 else np.nan


def adjugate(A: Array) -> Array:
    """The adjugate det(A)·A⁻¹; from the singular values where A is close to singular.

    >>> adjugate(np.array([[1.0, 2.0], [2.0, 4.0]])).round(12).tolist()
    [[4.0, -2.0], [-2.0, 1.0]]
    """
    if len(A) == 1:
        return np.ones_like(A)
    try:
        factor = LU(A)
        inverse = factor.inverse()
        if np.linalg.norm(A) * np.linalg.norm(inverse) < LARGEST_CONDITION:
            adjugate: Array = factor.det() * inverse
            return adjugate
    except LinAlgError:
        pass
    U, s, Vt = np.linalg.svd(A)
    others = np.array([np.prod(np.delete(s, i)) for i in range(len(s))])
    found: Array = np.linalg.det(U) * np.linalg.det(Vt) * (Vt.T.conj() * others) @ U.T.conj()
    return found


def kron_times(A: Array | None, B: Array | None, X: Array, columns: int) -> Array:
    """kron(A, B)·X without the Kronecker product; None stands for an identity; A has that many columns.

    >>> A, X = np.array([[1.0, 2.0]]), np.eye(4)
    >>> bool(np.all(kron_times(A, None, X, 2) == np.kron(A, np.eye(2)) @ X))
    True
    """
    Y = X.reshape(columns, -1, X.shape[1])
    if B is not None:
        Y = B @ Y
    if A is not None:
        Y = np.tensordot(A, Y, axes=1)
    return Y.reshape(-1, X.shape[1])


def position(index: Any, length: int) -> int:
    """Where the entry of that number stands, counting from 0.

    >>> position(1, 3)
    0
    """
    i = int(index.real) if cmath.isfinite(index) else 0
    if i != index or not 1 <= i <= length:
        raise IndexError(f"{index:g} is no index from 1 to {length}")
    return i - 1


def indices(lower: float, upper: float, dtype: Any) -> Array:
    """The indices of a sum, as numbers of a type.

    >>> indices(1, 3, float).tolist()
    [1.0, 2.0, 3.0]
    """
    first, last = int(lower.real), int(upper.real)
    if last - first > MOST_TERMS:
        raise EvaluationError(f"a sum has more than {MOST_TERMS:,} terms")
    return np.arange(first, last + 1).astype(dtype).real


def duplication(n: int, dtype: Any = float) -> Array:
    """The D with vec(S) = D·vech(S) for a symmetric n×n matrix S.

    >>> duplication(2).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    i, j = np.indices((n, n))
    i, j = np.maximum(i, j), np.minimum(i, j)
    D: Array = np.eye(n * (n + 1) // 2, dtype=dtype)[(j * (2 * n - j - 1) // 2 + i).ravel()]
    return D


def elimination(n: int, dtype: Any = float) -> Array:
    """The L with vech(A) = L·vec(A) for an n×n matrix A.

    >>> elimination(2).tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    i, j = np.triu_indices(n)
    L: Array = np.eye(n * n, dtype=dtype)[i * n + j]
    return L
