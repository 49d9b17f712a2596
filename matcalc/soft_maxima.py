"""NumPy kernels of softmax, logsumexp and hardmax, of a vector or of every row of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np


def softmax(x: Any) -> Any:
    """exp(x)/sum(exp(x)), the largest entry taken off first."""
    e = np.exp(x - np.max(x))
    return e / e.sum()


def logsumexp(x: Any) -> Any:
    """log(sum(exp(x))), the largest entry, or real part, taken off first."""
    top = np.max(np.real(x))
    return top + np.log(np.exp(x - top).sum())


def softmax_of_rows(X: Any) -> Any:
    """The softmax of every row."""
    E = np.exp(X - np.max(X, axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def logsumexp_of_rows(X: Any) -> Any:
    """log(sum(exp(x))) of every row x, as a column."""
    top = np.max(np.real(X), axis=1, keepdims=True)
    return top + np.log(np.exp(X - top).sum(axis=1, keepdims=True))


def hardmax(X: Any) -> Any:
    """1 at the largest entry and 0 elsewhere; entries that are equally large share the 1."""
    largest = np.asarray(np.max(X) == X, dtype=float)
    return largest / largest.sum()
