"""The squared distances of points from others, one point in each row: kernels for floats and for other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_DIFFERENCES = 2**20
MOST_PAIRS = 2**16


def squared_distances(X: Any, Y: Any) -> Any:
    """|xᵢ − yⱼ|² for all rows; from products where an array of all differences would be large.

    >>> squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]])).tolist()
    [[0.0], [25.0]]
    """
    if len(X) * len(Y) * X.shape[1] <= MOST_DIFFERENCES or not np.issubdtype(np.result_type(X, Y), np.inexact):
        return from_differences(X, Y)
    return from_products(X, Y)


def from_differences(X: Any, Y: Any) -> Any:
    """The same for any numbers that can be subtracted and multiplied."""
    return _squares(X[:, None, :] - Y[None, :, :])


def from_products(X: Any, Y: Any) -> Any:
    """The same as x'·x − 2·x'·y + y'·y, for stacks of arrays, too; where digits cancel, from the differences.

    >>> X = np.array([[0.0, 1.0], [1e9, 1.0]])
    >>> from_products(X, X + [[0.0, 0.5]]).tolist()
    [[0.25, 1e+18], [1e+18, 0.25]]
    """
    is_one = X is Y
    center = Y.mean(axis=-2, keepdims=True)
    V = Y - center
    U = V if is_one else X - center
    x, y = _squares(U)[..., None], _squares(V)[..., None]
    # in one product, as the sums by themselves take longer
    left, right = np.concatenate([-2 * U, x, np.ones_like(x)], -1), np.concatenate([V, np.ones_like(y), y], -1)
    products = left @ right.conj().swapaxes(-1, -2)
    found = products.real.copy() if np.iscomplexobj(products) else products
    least = 1e-2 if found.dtype.itemsize < 8 else 1e-4
    # a pair that is near by its own measure is near by the largest
    near = found < least * (x.max(initial=0) + y.max(initial=0))
    if is_one:
        for matrix, value in ((found, 0.0), (near, False)):
            np.einsum("...ii->...i", matrix)[...] = value
    if not near.any():
        return found
    if np.count_nonzero(near) > near.size // 8:
        near = found < least * (x + y.swapaxes(-1, -2))
    X, Y = (np.broadcast_to(Z, (*found.shape[:-2], *Z.shape[-2:])) for Z in (X, Y))
    near = np.nonzero(near)
    for start in range(0, near[0].size, MOST_PAIRS):
        *items, i, j = (part[start : start + MOST_PAIRS] for part in near)
        found[(*items, i, j)] = _squares(X[(*items, i)] - Y[(*items, j)])
    return found


def _squares(differences: Any) -> Any:
    """The sums of squares along the last axis."""
    if np.iscomplexobj(differences):
        return _squares(differences.real) + _squares(differences.imag)
    return (differences**2).sum(axis=-1)
