"""The squared distances of points from others, one point in each row: kernels for floats and for other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_DIFFERENCES = 2**20


def squared_distances(X: Any, Y: Any) -> Any:
    """|xᵢ − yⱼ|² for all rows; from products where an array of all differences would be large.

    >>> squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]])).tolist()
    [[0.0], [25.0]]
    """
    if len(X) * len(Y) * X.shape[1] <= MOST_DIFFERENCES:
        return from_differences(X, Y)
    center = Y.mean(axis=0)
    X, Y = X - center, Y - center
    found = (X * X).sum(axis=1)[:, None] + (Y * Y).sum(axis=1) - 2 * X @ Y.T
    return found if np.iscomplexobj(found) else np.maximum(found, 0)


def from_differences(X: Any, Y: Any) -> Any:
    """The same for any numbers that can be subtracted and multiplied."""
    return ((X[:, None, :] - Y[None, :, :]) ** 2).sum(axis=2)
