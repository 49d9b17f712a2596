"""Eigenvalues and singular values to sixty digits, by mpmath."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import MPContext

DIGITS = 60
_mp = MPContext()
_mp.dps = DIGITS + 10
_SMALLEST_RELATIVE_SINGULAR_VALUE = _mp.mpf(10) ** -40


def _to_matrix(A: Any) -> Any:
    return _mp.matrix([[_mp.mpf(str(x)) for x in row] for row in A])


def _entries(M: Any, number: Any) -> Any:
    found = np.empty((M.rows, M.cols), dtype=object)
    for i in range(M.rows):
        for j in range(M.cols):
            found[i, j] = number(_mp.nstr(M[i, j], DIGITS + 3))
    return found


def eigen(S: Any) -> tuple[Any, Any]:
    """Ascending eigenvalues of a symmetric matrix of `decimal` numbers, and eigenvectors as columns."""
    number = type(S[0, 0])
    values, vectors = _mp.eigsy((_to_matrix(S) + _to_matrix(S.T)) / 2)
    order = np.argsort([float(x) for x in values], kind="stable")
    found = _entries(values, number).reshape(-1)
    return found[order], _entries(vectors, number)[:, order]


def singular(A: Any) -> tuple[Any, Any, Any]:
    """U, descending singular values and V with A = U diag(s) V′, thin."""
    number = type(A[0, 0])
    m, n = A.shape
    if m < n:
        V, s, U = singular(A.T)
        return U, s, V
    U, s, Vt = _mp.svd_r(_to_matrix(A), full_matrices=False)
    return _entries(U, number), _entries(s, number).reshape(-1), _entries(Vt, number).T


def pinv(A: Any) -> Any:
    """The pseudo-inverse; much smaller singular values than the largest are taken for 0."""
    U, s, V = singular(A)
    zero, one = type(s[0])(0), type(s[0])(1)
    least = s[0] * type(s[0])(_mp.nstr(_SMALLEST_RELATIVE_SINGULAR_VALUE, 5))
    reciprocal = np.array([one / x if x > least else zero for x in s], dtype=object)
    return V * reciprocal @ U.T
