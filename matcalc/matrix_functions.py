"""Functions of square matrices in any arithmetic: exponential, logarithm, square root, sine and cosine.

The algorithms need products and inverses only, so that one text serves double precision and sixty digits. The
derivative L(A, E) of a function f at A along E is a block of a value: f([A E; 0 A]) = [f(A) L(A, E); 0 f(A)].

Sources: Higham 2008, Functions of Matrices, algorithms 6.3 and 10.20 and section 11.5; Mathias 1996 for the block.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Overflow
from typing import Any, TypeAlias

import numpy as np

Inverse: TypeAlias = Callable[[Any], Any]
MatrixFunction: TypeAlias = Callable[[Any, Inverse], Any]

MOST_STEPS = 100
MOST_DOUBLINGS = 64


def _unit_roundoff(A: Any) -> float:
    """The rounding of the numbers in an array: of doubles, or of numbers with sixty digits."""
    return 1e-62 if A.dtype == object else float(np.finfo(float).eps) / 4


def identity_like(A: Any) -> Any:
    """The identity of the size of A, of numbers of its kind."""
    return np.eye(len(A), dtype=int) + 0 * A


def _size(A: Any) -> float:
    """The largest sum of absolute values of a row."""
    found = float(np.max(np.sum(np.abs(A), axis=1)))
    if not np.isfinite(found):
        raise ValueError("a matrix is too large, or not defined")
    return found


def expm(A: Any, inverse: Inverse) -> Any:
    """The exponential: the Taylor series of A/2ˢ, squared s times.

    >>> expm(np.zeros((2, 2)), np.linalg.inv)
    array([[1., 0.],
           [0., 1.]])
    """
    doublings = max(0, int(np.ceil(np.log2(max(_size(A), 1e-300)))) + 1)
    if doublings > MOST_DOUBLINGS:
        raise ValueError("a matrix is too large for its exponential")
    X = A / 2**doublings
    term = result = identity_like(A)
    for k in range(1, MOST_STEPS):
        term = term @ X / k
        result = result + term
        if _size(term) <= _unit_roundoff(A):
            break
    for _ in range(doublings):
        result = result @ result
    return result


def sqrtm(A: Any, inverse: Inverse) -> Any:
    """The principal square root, by the iteration of Denman & Beavers.

    Raises ValueError where it does not converge, as for a matrix with a negative eigenvalue.

    >>> sqrtm(np.diag([4.0, 9.0]), np.linalg.inv).round(12)
    array([[2., 0.],
           [0., 3.]])
    """
    X, Y, before = A, identity_like(A), np.inf
    roundoff = _unit_roundoff(A)
    for _ in range(MOST_STEPS):
        following = (X + inverse(Y)) / 2
        Y = (Y + inverse(X)) / 2
        change, X = _size(following - X), following
        settled = change >= before and change <= roundoff**0.75 * _size(X)  # as near as an ill-conditioned A allows
        if settled or change <= 100 * len(A) * roundoff * _size(X):
            return X
        before = change
    raise _not_found(A, "the square root of a matrix was not found")


def _not_found(A: Any, message: str) -> ArithmeticError | ValueError:
    """To sixty digits nothing is known then, which is not to say that there is no value."""
    return Overflow(message) if A.dtype == object else ValueError(message)


def logm(A: Any, inverse: Inverse) -> Any:
    """The principal logarithm: roots are taken until A is near the identity, then the series of artanh.

    >>> logm(np.eye(2), np.linalg.inv)
    array([[0., 0.],
           [0., 0.]])
    """
    eye, roots = identity_like(A), 0
    while _size(A - eye) > 0.25:
        A, roots = sqrtm(A, inverse), roots + 1
        if roots > MOST_DOUBLINGS:
            raise _not_found(A, "the logarithm of a matrix was not found")
    Z = (A - eye) @ inverse(A + eye)
    square, power, result = Z @ Z, Z, Z
    for k in range(3, 2 * MOST_STEPS, 2):
        power = power @ square
        result = result + power / k
        if _size(power) <= _unit_roundoff(A) * max(_size(result), 1e-300):
            break
    return 2 ** (roots + 1) * result


def _cosine_and_sine(A: Any) -> tuple[Any, Any]:
    """The Taylor series of both at A/2ˢ, doubled s times: cos 2X = 2cos²X − 1, sin 2X = 2 sin X cos X."""
    doublings = max(0, int(np.ceil(np.log2(max(_size(A), 1e-300)))) + 1)
    if doublings > MOST_DOUBLINGS:
        raise ValueError("a matrix is too large for its cosine")
    X, eye = A / 2**doublings, identity_like(A)
    square = X @ X
    cosine = even = eye
    sine = odd = X
    for k in range(2, 2 * MOST_STEPS, 2):
        even, odd = -even @ square / (k * (k - 1)), -odd @ square / (k * (k + 1))
        cosine, sine = cosine + even, sine + odd
        if _size(even) <= _unit_roundoff(A):
            break
    for _ in range(doublings):
        cosine, sine = 2 * cosine @ cosine - eye, 2 * sine @ cosine
    return cosine, sine


def cosm(A: Any, inverse: Inverse) -> Any:
    """The cosine."""
    return _cosine_and_sine(A)[0]


def sinm(A: Any, inverse: Inverse) -> Any:
    """The sine."""
    return _cosine_and_sine(A)[1]


MATRIX_FUNCTIONS: dict[str, MatrixFunction] = {"expm": expm, "logm": logm, "sqrtm": sqrtm, "cosm": cosm, "sinm": sinm}


def in_arithmetic(f: MatrixFunction, inverse: Inverse) -> Callable[[Any], Any]:
    """The function with the inverse of an arithmetic."""
    return lambda A: f(A, inverse)


def derivative_of(f: MatrixFunction, inverse: Inverse) -> Callable[[Any, Any], Any]:
    """L(A, E), the derivative of f at A along E.

    >>> A, E = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> bool(np.allclose(derivative_of(lambda X, inverse: X @ X, np.linalg.inv)(A, E), A @ E + E @ A))
    True
    """

    def derivative(A: Any, E: Any) -> Any:
        n = len(A)
        return f(np.block([[A, E], [0 * A, A]]), inverse)[:n, n:]

    return derivative
