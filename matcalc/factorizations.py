"""Triangular factors, pseudo-inverses and linear matrix equations in any arithmetic, spectra in double precision.

The first part needs products, inverses and square roots of numbers only, so that one text serves double precision,
sixty digits and residues modulo a prime. What has no value raises an error or is nan.

Sources: Golub & Van Loan 2013, Matrix Computations, sections 3.2, 4.2, 5.2, 5.5; Horn & Johnson 1991, section 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from matcalc.matrix_functions import identity_like

OfArray: TypeAlias = Callable[[Any], Any]
Solver: TypeAlias = Callable[[Any, Any], Any]

# Eigenvalues and singular values that differ by less, relative to the largest, are not told apart.
SMALLEST_GAP = 1e-11


class Degenerate(ValueError):
    """Eigenvalues or singular values coincide, or columns depend on each other: vectors are not determined."""


# ---- in any arithmetic -------------------------------------------------------------------------------------


def lu(A: Any) -> tuple[Any, Any]:
    """The factors of A = L U without exchanges, the diagonal of L being 1.

    >>> L, U = lu(np.array([[2.0, 1.0], [4.0, 5.0]]))
    >>> L.tolist(), U.tolist()
    ([[1.0, 0.0], [2.0, 1.0]], [[2.0, 1.0], [0.0, 3.0]])
    """
    n, rest = len(A), A
    columns, rows = [], []
    for k in range(n):
        column, row = rest[:, :1] / rest[:1, :1], rest[:1, :]
        above = 0 * A[:k, :1]
        columns.append([above, column] if k else [column])
        rows.append([above.T, row] if k else [row])
        rest = rest[1:, 1:] - column[1:, :] @ row[:, 1:]
    L = np.block([[np.block([[part] for part in parts]) for parts in columns]])
    return L, np.block([[np.block([parts])] for parts in rows])


def chol(A: Any, root: OfArray) -> Any:
    """The lower triangular L with A = L L′ and a positive diagonal.

    >>> chol(np.array([[4.0, 2.0], [2.0, 5.0]]), np.sqrt).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    L, U = lu(A)
    pivots = np.diag(U)
    return L @ np.diag(root(pivots))


def qr(A: Any, root: OfArray, inverse: OfArray) -> tuple[Any, Any]:
    """The factors of A = Q R, the columns of Q orthonormal and the diagonal of R positive."""
    R = chol(A.T @ A, root).T
    return A @ inverse(R), R


def pinv(A: Any, inverse: OfArray) -> Any:
    """The pseudo-inverse of a matrix of full rank."""
    m, n = A.shape
    return inverse(A.T @ A) @ A.T if m >= n else A.T @ inverse(A @ A.T)


def sylvester(A: Any, B: Any, C: Any, solve: Solver) -> Any:
    """The X with A X + X B = C, as one linear system for vec(X).

    >>> A, B, C = np.array([[2.0]]), np.array([[1.0]]), np.array([[6.0]])
    >>> sylvester(A, B, C, np.linalg.solve).tolist()
    [[2.0]]
    """
    m, n = len(A), len(B)
    whole = np.kron(identity_like(B), A) + np.kron(B.T, identity_like(A))
    return solve(whole, C.reshape(-1, 1, order="F")).reshape(m, n, order="F")


def inverse_gaps(x: Any) -> Any:
    """The matrix of 1/(x_j − x_i) with 0 on the diagonal; a gap of 0 has no inverse.

    >>> inverse_gaps(np.array([[1.0], [3.0]])).tolist()
    [[0.0, 0.5], [-0.5, 0.0]]
    """
    eye = np.eye(len(x), dtype=int)
    ones = np.ones((1, len(x)), dtype=int)
    return 1 / ((x @ ones).T - x @ ones + eye) - eye


# ---- spectra in double precision ---------------------------------------------------------------------------


def oriented(V: Any) -> Any:
    """The columns with signs such that the entry of largest absolute value is positive."""
    largest = np.argmax(np.abs(V), axis=0)
    signs = [1 if V[i, j] > 0 else -1 for j, i in enumerate(largest)]
    return V * np.array(signs, dtype=V.dtype)


def refuse_small_gaps(values: Any, which: str = "all") -> None:
    """Raise Degenerate where neighbouring values, or the first or last two, coincide but for rounding."""
    gaps = np.abs(np.diff(np.asarray(values, dtype=float)))
    gaps = {"all": gaps, "first": gaps[:1], "last": gaps[-1:]}[which]
    largest = float(np.max(np.abs(np.asarray(values, dtype=float)), initial=0.0))
    if np.any(gaps <= SMALLEST_GAP * largest):
        raise Degenerate


def eigen(S: Any) -> tuple[Any, Any]:
    """Ascending eigenvalues of a symmetric matrix, and eigenvectors as columns."""
    values, vectors = np.linalg.eigh(S)
    return values, vectors


def singular(A: Any) -> tuple[Any, Any, Any]:
    """U, descending singular values and V with A = U diag(s) V′, thin."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    return U, s, Vt.T


def leading(A: Any) -> tuple[Any, Any]:
    """The eigenvalue with the largest real part, which must be real and simple, and its projection x y′/(y′x)."""
    values, right = np.linalg.eig(A)
    k = int(np.argmax(values.real))
    distances = np.abs(np.delete(values, k) - values[k])
    if values[k].imag or np.any(distances <= SMALLEST_GAP * np.max(np.abs(values))):
        raise Degenerate
    left = np.linalg.inv(right)
    return values[k].real, np.outer(right[:, k], left[k, :]).real


def general_kernels(leading: OfArray) -> dict[str, OfArray]:
    """The functions of the leading eigenvalue of a general matrix."""
    return {
        "spectral_abscissa": lambda A: leading(A)[0],
        "eigenprojection": lambda A: leading(A)[1],
    }


def spectral_kernels(eigen: OfArray, singular: OfArray) -> dict[str, OfArray]:
    """The functions of spectra, made of the two decompositions."""

    def eigvecs(S: Any) -> Any:
        values, vectors = eigen(S)
        refuse_small_gaps(values)
        return oriented(vectors)

    def extreme_vector(which: str, column: slice) -> OfArray:
        def vector(S: Any) -> Any:
            values, vectors = eigen(S)
            refuse_small_gaps(values, which)
            return oriented(vectors)[:, column]

        return vector

    def tall(A: Any) -> Any:
        if A.shape[0] < A.shape[1]:
            raise ValueError("fewer rows than columns")
        return A

    def singular_vectors(A: Any) -> tuple[Any, Any]:
        U, s, V = singular(A)
        refuse_small_gaps(s)
        W = oriented(V)
        return U * (V * W).sum(axis=0), W

    def leading_singular(A: Any, which: int) -> Any:
        U, s, V = singular(A)
        refuse_small_gaps(s, "first")
        v = oriented(V[:, :1])
        return v if which else U[:, :1] * (V[:, :1] * v).sum()

    return {
        "eigvals": lambda S: eigen(S)[0].reshape(-1, 1),
        "eigvecs": eigvecs,
        "lambda_max": lambda S: eigen(S)[0][-1],
        "lambda_min": lambda S: eigen(S)[0][0],
        "leading_eigvec": extreme_vector("last", slice(-1, None)),
        "trailing_eigvec": extreme_vector("first", slice(0, 1)),
        "svdvals": lambda A: singular(tall(A))[1].reshape(-1, 1),
        "svd_u": lambda A: singular_vectors(tall(A))[0],
        "svd_v": lambda A: singular_vectors(tall(A))[1],
        "sigma_max": lambda A: singular(A)[1][0],
        "leading_svd_u": lambda A: leading_singular(A, 0),
        "leading_svd_v": lambda A: leading_singular(A, 1),
        "normnuc": lambda A: singular(A)[1].sum(),
        "polar": lambda A: _polar(*singular(tall(A))),
    }


def _polar(U: Any, s: Any, V: Any) -> Any:
    if float(s[-1]) <= SMALLEST_GAP * float(s[0]):
        raise Degenerate
    return U @ V.T
