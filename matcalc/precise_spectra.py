"""Eigenvalues and singular values to sixty digits, by mpmath."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import MPContext

from matcalc import factorizations
from matcalc.factorizations import Solver

DIGITS, NEWTON_STEPS, REMEMBERED = 60, 4, 8
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


def _remembered(decomposition: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The decomposition, which is asked for again at once by each function that is made of it."""

    @lru_cache(maxsize=REMEMBERED)
    def of_entries(entries: tuple[Any, ...], rows: int) -> Any:
        return decomposition(np.array(entries, dtype=object).reshape(rows, -1))

    return lambda A: of_entries(tuple(A.flat), len(A))


@_remembered
def eigen(S: Any) -> tuple[Any, Any]:
    """Ascending eigenvalues of a symmetric matrix of `decimal` numbers, and eigenvectors as columns."""
    number = type(S[0, 0])
    values, vectors = _mp.eigsy((_to_matrix(S) + _to_matrix(S.T)) / 2)
    order = np.argsort([float(x) for x in values], kind="stable")
    found = _entries(values, number).reshape(-1)
    return found[order], _entries(vectors, number)[:, order]


def leading(A: Any, solve: Solver) -> tuple[Any, Any]:
    """The eigenvalue with the largest real part and its projection: those of doubles, refined by Newton's iteration.

    It is applied to A x = λ x with c′x fixed, and squares the error at each step.
    """
    coarse, projection = factorizations.leading(A.astype(float))
    k = int(np.argmax(np.abs(np.diag(projection))))
    value, right = _refined(A, coarse, projection[:, k : k + 1], solve)
    _, left = _refined(A.T, coarse, projection[k : k + 1, :].T, solve)
    return value, right @ left.T / (left.T @ right)[0, 0]


def _refined(A: Any, value: float, vector: Any, solve: Solver) -> tuple[Any, Any]:
    number, n = type(A[0, 0]), len(A)
    as_numbers = np.frompyfunc(lambda entry: number(float(entry)), 1, 1)
    x, eye = as_numbers(vector / np.linalg.norm(vector)), as_numbers(np.eye(n))
    c, found, zero = x, number(value), as_numbers(np.zeros((1, 1)))
    for _ in range(NEWTON_STEPS):
        step = solve(np.block([[A - found * eye, -x], [c.T, zero]]), np.block([[found * x - A @ x], [zero]]))
        x, found = x + step[:n], found + step[n, 0]
    return found, x


@_remembered
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
