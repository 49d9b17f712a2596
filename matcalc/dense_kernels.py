"""Kernels of dense linear algebra: what compiled functions do faster than one call of NumPy or LAPACK would.

Those with `is_ours` may write into their first argument, which nothing else holds then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
STRIP = 64
LEAF = 64
LEAST_PART = 1e-2
ABOVE = ~np.tri(STRIP, dtype=bool)

_routines: dict[tuple[str, str], Any] = {}


def has_scipy() -> bool:
    """Whether SciPy is installed."""
    return find_spec("scipy") is not None


def routine(name: str, dtype: np.dtype[Any], library: str = "lapack") -> Any:
    """The routine of LAPACK or BLAS for numbers of this type, None without SciPy."""
    key = name, dtype.char
    if key not in _routines:
        lapack: Any = import_module(f"scipy.linalg.{library}") if has_scipy() and dtype.char in "fdFD" else None
        _routines[key] = (
            getattr(lapack, {"f": "s", "d": "d", "F": "c", "D": "z"}[dtype.char] + name) if lapack else None
        )
    return _routines[key]


@cache
def keep_freed_pages() -> None:
    """Let the C library keep the memory of arrays that are let go for those that follow.

    glibc gives it back to the system where more than twice the largest block is free that was ever freed; a page
    that is asked for again costs more than the arithmetic on its 512 numbers. A block of just below 32 MB, the
    largest that counts, is asked for and freed here; nothing is written to it. Elsewhere this has no effect.
    """
    np.empty((1 << 22) - (1 << 10))


# ---- inverses ----------------------------------------------------------------------------------------------


def definite_inverse(L: Array, is_ours: bool = False) -> Array:
    """(L·L')⁻¹ from L, in the lower triangle of an array in Fortran's order; symmetric to the last bit.

    >>> bool(np.allclose(definite_inverse(np.array([[2.0, 0.0], [1.0, 1.0]], order="F")), [[0.5, -0.5], [-0.5, 1.0]]))
    True
    """
    invert = routine("trtri", L.dtype)
    if invert is None:
        # the mean of an inverse and its transpose would be far from an inverse where the matrix is ill-conditioned
        Y = np.linalg.solve(np.tril(L).T, np.eye(len(L), dtype=L.dtype))
        inverse: Array = Y @ Y.T
        return inverse
    X = L if is_ours else L.copy(order="F")
    _invert_triangle(X, invert, routine("trmm", L.dtype, "blas"), routine("trsm", L.dtype, "blas"))
    X = routine("lauum", L.dtype)(X, lower=1, overwrite_c=1)[0]
    return mirrored(X).T


def _invert_triangle(L: Array, invert: Any, multiply: Any, solve: Any) -> None:
    """L := L⁻¹ by halves, in which nearly all the work is products and solves of large blocks.

    One of the factors of the block below the diagonal is a solve: with products alone X·L would be far from I
    where L is ill-conditioned (Higham, Accuracy and Stability of Numerical Algorithms, 14.2).
    """
    n = len(L)
    if n <= LEAF:
        L[:] = invert(L, lower=1)[0]
        return
    h = n // 2
    _invert_triangle(L[h:, h:], invert, multiply, solve)
    L[h:, :h] = solve(1, L[:h, :h], multiply(-1, L[h:, h:], L[h:, :h], lower=1), side=1, lower=1)
    _invert_triangle(L[:h, :h], invert, multiply, solve)


def inverse_times_part(inverse: Array, A: Array, c: Any, t: Any) -> Array:
    """S⁻¹·A for S = c·A + t·I from S⁻¹: (I − t·S⁻¹)/c, without a product where no digits cancel.

    The product is multiplied out where (I − t·S⁻¹) is below a hundredth of I, its error else a hundred roundings.

    >>> A = np.array([[1.0, 2.0], [2.0, 5.0]])
    >>> S = 2 * A + 3 * np.eye(2)
    >>> bool(np.allclose(inverse_times_part(np.linalg.inv(S), A, 2.0, 3.0), np.linalg.solve(S, A)))
    True
    """
    if c:
        P: Array = inverse * (-t / c)
        P.ravel(order="K")[:: len(P) + 1] += 1 / c
        size = np.linalg.norm(P) * abs(c)  # infinite where a square is
        if LEAST_PART * len(P) ** 0.5 < size < np.inf:
            return P
    return inverse @ A


# ---- products ----------------------------------------------------------------------------------------------


def weighted_gram(F: Array, weights: Array) -> Array:
    """F'·diag(weights)·F, symmetric to the last bit: half of the products, and no array of the size of F.

    >>> weighted_gram(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0])).tolist()
    [[-8.0, -10.0], [-10.0, -12.0]]
    """
    m, n = F.shape
    dtype = np.result_type(F, weights)
    syrk = routine("syrk", dtype, "blas") if dtype.kind == "f" and np.all(weights >= 0) else None
    if syrk is None:
        return _in_strips(lambda i, j: (weights[:, None] * F[:, i:j]).T, F, dtype)
    G = np.zeros((n, n), dtype, order="F")
    roots = np.sqrt(weights)
    rows = max(STRIP, m // 32)
    for i in range(0, m, rows):
        scaled = roots[i : i + rows, None] * F[i : i + rows]
        G = syrk(1, scaled.T, beta=1, c=G, overwrite_c=1, lower=1)
    return mirrored(G)


def symmetric_product(A: Array, B: Array) -> Array:
    """A·B where that is symmetric: half of the products, and symmetric to the last bit.

    >>> symmetric_product(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [[3.0, 2.0], [2.0, 1.0]]
    """
    return _in_strips(lambda i, j: A[i:j], B, np.result_type(A, B))


def _in_strips(rows: Callable[[int, int], Array], B: Array, dtype: np.dtype[Any]) -> Array:
    """A·B where that is symmetric, from the rows of A between two numbers."""
    n = B.shape[1]
    G = np.empty((n, n), dtype)
    for i in range(0, n, STRIP):
        j = min(i + STRIP, n)
        np.matmul(rows(i, j), B[:, i:], out=G[i:j, i:])
    return mirrored(G.T).T


def mirrored(G: Array) -> Array:
    """A matrix with what is below its diagonal above it, too; in G itself.

    >>> mirrored(np.array([[1.0, 9.0], [2.0, 3.0]])).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    n = len(G)
    for i in range(0, n, STRIP):
        j = min(i + STRIP, n)
        block = G[i:j, i:j]
        np.copyto(block, block.T, where=ABOVE[: j - i, : j - i])
        G[i:j, j:] = G[j:, i:j].T
    return G


# ---- arithmetic in place -----------------------------------------------------------------------------------


def add_diagonal(A: Array, entries: Any, is_ours: bool = False) -> Array:
    """A with numbers added to its diagonal; in A itself where it is ours.

    >>> add_diagonal(np.ones((2, 2)), 1.0).tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """
    B = A if is_ours and (A.flags.c_contiguous or A.flags.f_contiguous) else A.copy(order="K")
    diagonal = B.ravel(order="K")[:: len(B) + 1]
    if np.result_type(diagonal, entries) != diagonal.dtype:
        return A + np.diag(np.broadcast_to(entries, len(A)))
    diagonal += entries
    return B


def times(A: Array, factor: Any) -> Array:
    """A times a number, in A itself.

    >>> times(np.ones((1, 2)), 3.0).tolist()
    [[3.0, 3.0]]
    """
    A *= factor
    return A


def overwritten(function: Any, *operands: Any, place: int = 0) -> Array:
    """A function of every entry, in the operand of that place where it has numbers of the right type.

    >>> overwritten(np.sqrt, np.array([[4.0, 9.0]])).tolist()
    [[2.0, 3.0]]
    >>> overwritten(np.subtract, 1.0, np.array([[4.0, 9.0]]), place=1).tolist()
    [[-3.0, -8.0]]
    """
    A: Array = operands[place]
    fits = len(operands) == 1 or np.result_type(*operands) == A.dtype
    result: Array = function(*operands, out=A) if fits else function(*operands)
    return result


def outer(u: Array, v: Array) -> Array:
    """u·v', in half the time of `np.outer`.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    product: Array = np.einsum("i,j->ij", u, v)
    return product


def rank_one_update(A: Array, u: Array, v: Array, is_ours: bool = False) -> Array:
    """A + u·v' in one pass.

    >>> rank_one_update(np.eye(2), np.array([1.0, 2.0]), np.array([1.0, 0.0])).tolist()
    [[2.0, 0.0], [2.0, 1.0]]
    """
    ger = routine("ger", A.dtype, "blas") if A.dtype.char in "fd" and A.size else None
    if ger is None or not A.dtype == u.dtype == v.dtype or not (A.flags.c_contiguous or A.flags.f_contiguous):
        return A + np.outer(u, v)
    if A.flags.c_contiguous:
        updated: Array = ger(1, v, u, a=A.T, overwrite_a=is_ours).T
    else:
        updated = ger(1, u, v, a=A, overwrite_a=is_ours)
    return updated
