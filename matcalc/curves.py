"""Where a declared variable may move, in numbers: tangents at a value, and curves that stay in the domain.

All of it is sums and products, so that it serves arrays of any numbers. Orthogonality and unit columns are
restored by Newton's iteration for the polar factor, which squares the error at each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from matcalc.expressions import Variable
from matcalc.operations import Array

CURVED = frozenset({"orthogonal", "unit"})
CONSTRAINED = CURVED | {"symmetric", "spd", "skew", "diagonal", "lower", "upper"}
NEWTON_STEPS = 7


_LINEAR: dict[str, Callable[[Array], Array]] = {
    "symmetric": lambda V: (V + V.T) / 2,
    "spd": lambda V: (V + V.T) / 2,
    "skew": lambda V: (V - V.T) / 2,
    "diagonal": lambda V: V * np.eye(len(V), dtype=int),
    "lower": lambda V: V * np.tri(len(V), dtype=int),
    "upper": lambda V: V * np.tri(len(V), dtype=int).T,
}


def structured(v: Variable, V: Array) -> Array:
    """The orthogonal projection onto the matrices with the linear properties that v has.

    >>> from matcalc.leaves import variable
    >>> structured(variable("S", "n", "n", "symmetric"), np.array([[1.0, 2.0], [0.0, 1.0]]))
    array([[1., 1.],
           [1., 1.]])
    """
    words = sorted(v.properties & _LINEAR.keys())
    if len(words) > 1 and words != ["spd", "symmetric"]:
        words = ["diagonal"]
    for word in words[:1]:
        V = _LINEAR[word](V)
    return V


def free_entries(v: Variable, V: Array) -> Array:
    """The free entries of a perturbation of v, as a column: vech of what is symmetric, lower or skew.

    >>> from matcalc.leaves import variable
    >>> free_entries(variable("S", "n", "n", "symmetric"), np.array([[1, 2], [2, 3]])).T
    array([[1, 2, 3]])
    """
    V = np.atleast_2d(V)
    words = v.properties & _LINEAR.keys()
    if v.is_scalar or not words:
        return V.reshape(-1, 1, order="F")
    if "diagonal" in words or len(words - {"spd"}) > 1:
        return np.diag(V).reshape(-1, 1)
    columns, rows = np.triu_indices(len(V))
    return (V.T if "upper" in words else V)[rows, columns].reshape(-1, 1)


def tangent(v: Variable, X: Any, V: Any) -> Any:
    """The orthogonal projection of V onto the tangent space of v's domain at X; Absil, Mahony & Sepulchre.

    >>> from matcalc.leaves import variable
    >>> tangent(variable("x", "n", 1, "unit"), np.array([[1.0], [0.0]]), np.array([[3.0], [4.0]]))
    array([[0.],
           [4.]])
    """
    if v.is_scalar:
        return V
    V = structured(v, V)
    if "orthogonal" in v.properties:
        if v.properties & _LINEAR.keys():
            return (V - X @ V @ X) / 2
        return V - X @ _LINEAR["symmetric"](X.T @ V)
    return V - X * (X * V).sum(axis=0) if "unit" in v.properties else V


def moved(v: Variable, X: Any, V: Any, t: Any) -> Any:
    """The point at t of a curve in v's domain that leaves X with velocity V, a tangent.

    >>> from matcalc.leaves import variable
    >>> x, V = np.array([[0.6], [0.8]]), np.array([[0.8], [-0.6]])
    >>> moved(variable("x", "n", 1, "unit"), x, V, 0.75).round(12)
    array([[0.96],
           [0.28]])
    """
    return restored(v, X + t * V)


def restored(v: Variable, X: Any) -> Any:
    """The nearest member of v's domain to a value close to it."""
    if v.is_scalar or not v.properties & CURVED:
        return X
    orthogonal = "orthogonal" in v.properties
    for _ in range(NEWTON_STEPS):
        X = (3 * X - X @ (X.T @ X) if orthogonal else X * (3 - (X * X).sum(axis=0))) / 2
    return X
