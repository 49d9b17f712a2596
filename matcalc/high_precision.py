"""Sixty digits: the arithmetic that decides where double precision cannot.

Sums and products are Python's `decimal`, ten times as fast as other multiple precision in Python; functions
of one number are mpmath's. Arrays are NumPy arrays of such numbers. Where a value is not defined an
ArithmeticError or a ValueError is raised, which an evaluator turns into nan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import MPContext
from sympy import Expr, Float

from matcalc import factorizations, precise_spectra
from matcalc.distances import from_differences
from matcalc.function_table import FUNCTIONS
from matcalc.matrix_functions import MATRIX_FUNCTIONS, derivative_of, in_arithmetic
from matcalc.operations import Arithmetic, Array, Operation

DIGITS, NEWTON_STEPS = 60, 4
# exp(1e7) is a number, and sigmoid(-1e7), which is made with it, no reason to call a formula undefined.
_CONTEXT = Context(prec=DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation, DivisionByZero, Overflow])

_mp = MPContext()
_mp.dps = DIGITS + 5


class NoKernel(Exception):
    """A function that cannot be computed to sixty digits."""


@contextmanager
def sixty_digits() -> Iterator[None]:
    """Within it, `decimal` computes to sixty digits."""
    with localcontext(_CONTEXT):
        yield


class DecimalArray(np.ndarray[Any, np.dtype[Any]]):
    """An array of `decimal` numbers whose products end where one of their operations raises an error.

    NumPy's `matmul` (2.4) goes on after the error of an entry, such as 0·∞, and the process may crash; `dot` does not.
    """

    def __matmul__(self, other: Any) -> Any:
        return np.dot(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.dot(other, self)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if array.ndim == 0 else array.view(DecimalArray)


def precise(value: Any) -> Any:
    """A float, or an array of them, as exactly the same numbers with sixty digits.

    >>> precise(0.5)
    Decimal('0.5')
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return _ARRAY(value).view(DecimalArray)
    return Decimal(float(value))


def _entry(value: Any) -> Decimal:
    return Decimal(float(value))


_ARRAY = np.frompyfunc(_entry, 1, 1)


def _number(value: Expr) -> Decimal:
    if value.is_Rational:
        return Decimal(int(value.p)) / Decimal(int(value.q))
    return Decimal(str(value.evalf(DIGITS + 5)))


def _to_mp(x: Any) -> Any:
    return _mp.mpf(str(x))


def _from_mp(x: Any) -> Decimal:
    if isinstance(x, _mp.mpc):
        raise InvalidOperation("not a real number")
    return +Decimal(_mp.nstr(x, DIGITS + 3))


# ---- functions of one number -------------------------------------------------------------------------------


def _relu(x: Decimal) -> Decimal:
    return max(x, Decimal(0))


def _sign(x: Decimal) -> Decimal:
    return Decimal((x > 0) - (x < 0))


def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


def _softplus(x: Decimal) -> Decimal:
    return _relu(x) + (1 + (-abs(x)).exp()).ln()


def _cbrt(x: Decimal) -> Decimal:
    return _sign(x) * abs(x) ** (Decimal(1) / 3) if x else Decimal(0)


def _loggamma(x: Decimal) -> Decimal:
    return _from_mp(_mp.log(abs(_mp.gamma(_to_mp(x)))))


_OF_DECIMAL: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": Decimal.exp,
    "log": Decimal.ln,
    "log1p": lambda x: (1 + x).ln(),
    "expm1": lambda x: x.exp() - 1,
    "abs": abs,
    "sign": _sign,
    "relu": _relu,
    "heaviside": lambda x: (1 + _sign(x)) / 2,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "cbrt": _cbrt,
    "loggamma": _loggamma,
}

_MPMATH_NAMES = {
    **{name: name for name in ("sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "erf", "gamma")},
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
}


def _of_one_number(name: str) -> Callable[[Any], Decimal]:
    if name in _OF_DECIMAL:
        return _OF_DECIMAL[name]
    if name in _MPMATH_NAMES:
        function = getattr(_mp, _MPMATH_NAMES[name])
        return lambda x: _from_mp(function(_to_mp(x)))
    scalar = FUNCTIONS[name].scalar

    def by_sympy(x: Decimal) -> Decimal:
        value = scalar(Float(str(x), DIGITS)).evalf(DIGITS)
        if not value.is_Float and not value.is_Integer:
            raise NoKernel(name)
        return Decimal(str(value))

    return by_sympy


def _polygamma(k: Any, x: Any) -> Any:
    def one(t: Any) -> Decimal:
        return _from_mp(_mp.psi(int(k), _to_mp(t)))

    return np.frompyfunc(one, 1, 1)(x)


# ---- functions of matrices ---------------------------------------------------------------------------------


def _eliminated(A: Array, B: Array) -> tuple[Array, Array, Decimal]:
    """Gaussian elimination with pivots: A triangular, B transformed alike, and the determinant of A."""
    A, B = A.copy(), B.copy()
    determinant = Decimal(1)
    for k in range(len(A)):
        p = max(range(k, len(A)), key=lambda i: abs(A[i, k]))
        if p != k:
            A[[k, p]], B[[k, p]] = A[[p, k]], B[[p, k]]
            determinant = -determinant
        determinant *= A[k, k]
        if A[k, k] == 0:
            return A, B, Decimal(0)
        for i in range(k + 1, len(A)):
            ratio = A[i, k] / A[k, k]
            if ratio:
                A[i, k:] = A[i, k:] - ratio * A[k, k:]
                B[i] = B[i] - ratio * B[k]
    return A, B, determinant


def _solve(A: Array, B: Array) -> Array:
    """The X with AX = B; raises ZeroDivisionError for a singular A."""
    R, Y, _ = _eliminated(A, B)
    X = Y.copy()
    for k in reversed(range(len(R))):
        X[k] = (Y[k] - R[k, k + 1 :] @ X[k + 1 :]) / R[k, k] if k + 1 < len(R) else Y[k] / R[k, k]
    return X


def _inverse(A: Array) -> Array:
    return _solve(A, precise(np.eye(len(A))))


def _det(A: Array) -> Decimal:
    return _eliminated(A, A[:, :0])[2]


def _log_of_absolute_det(A: Array) -> Decimal:
    return abs(_det(A)).ln()


def _adj(A: Array) -> Array:
    """The adjugate from the minors: right where the determinant is 0."""
    n = len(A)
    result = np.empty((n, n), dtype=object)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(A, i, 0), j, 1)
            result[j, i] = (-1) ** (i + j) * _det(minor)
    return result


def _softmax(x: Array) -> Any:
    e = _exp(x)
    return e / e.sum()


def _softmax_of_rows(X: Array) -> Any:
    E = _exp(X)
    return E / E.sum(axis=1)[:, None]


def _hardmax(X: Array) -> Array:
    largest = precise(np.asarray(np.max(X) == X, dtype=float))
    return largest / largest.sum()


def _refined(system: Callable[[Any], list[Any]], start: Any) -> Any:
    """A solution in double precision refined by Newton's method, which doubles the digits at each step."""
    x = precise(np.atleast_2d(start))
    for _ in range(NEWTON_STEPS):
        g, J = system(x if np.ndim(start) else x[0, 0])
        step = _solve(np.atleast_2d(J), np.atleast_2d(g).reshape(-1, 1, order="F"))
        x = x - step.reshape(x.shape, order="F")
    return x if np.ndim(start) else x[0, 0]


_exp: Operation = np.frompyfunc(Decimal.exp, 1, 1)
_ln: Operation = np.frompyfunc(Decimal.ln, 1, 1)
_sqrt: Operation = np.frompyfunc(Decimal.sqrt, 1, 1)

_OF_MATRICES: dict[str, Operation] = {
    "polygamma": _polygamma,
    "det": _det,
    "logdet": lambda A: _det(A).ln(),
    "logabsdet": _log_of_absolute_det,
    "adj": _adj,
    "norm2": lambda A: (A * A).sum().sqrt(),
    "softmax": _softmax,
    **{name: in_arithmetic(f, _inverse) for name, f in MATRIX_FUNCTIONS.items()},
    **{f"d{name}": derivative_of(f, _inverse) for name, f in MATRIX_FUNCTIONS.items()},
    "logsumexp": lambda x: _exp(x).sum().ln(),
    "softmax_columns": lambda X: _softmax_of_rows(X.T).T,
    "softmax_rows": _softmax_of_rows,
    "logsumexp_columns": lambda X: _ln(_exp(X).sum(axis=0))[None, :],
    "logsumexp_rows": lambda X: _ln(_exp(X).sum(axis=1))[:, None],
    "max": np.max,
    "hardmax": _hardmax,
    "chol": lambda A: factorizations.chol(A, _sqrt),
    "qr_q": lambda A: factorizations.qr(A, _sqrt, _inverse)[0],
    "qr_r": lambda A: factorizations.qr(A, _sqrt, _inverse)[1],
    "lu_l": lambda A: factorizations.lu(A)[0],
    "lu_u": lambda A: factorizations.lu(A)[1],
    "pinv": precise_spectra.pinv,
    "sqdist": from_differences,
    "sylvester": lambda A, B, C: factorizations.sylvester(A, B, C, _solve),
    "solve": _refined,
    **factorizations.spectral_kernels(precise_spectra.eigen, precise_spectra.singular),
    **factorizations.general_kernels(lambda A: precise_spectra.leading(A, _solve)),
}

# These only move entries, or add them: NumPy's own kernels serve any numbers.
REARRANGEMENTS = frozenset(
    {
        *("tr", "diag", "diagonal", "vec", "vech", "unvec", "kron", "rearrange", "unrearrange", "tril", "triu"),
        "inverse_gaps",
    }
)


@lru_cache(maxsize=256)
def _kernel(name: str) -> Operation:
    """The kernel of a function; raises NoKernel where there is none."""
    if name in _OF_MATRICES:
        return _OF_MATRICES[name]
    if name in FUNCTIONS and FUNCTIONS[name].named:
        stand_in = FUNCTIONS[name].kernel
        assert stand_in is not None
        return stand_in
    if name in REARRANGEMENTS:
        return FUNCTIONS[name].kernel  # type: ignore[return-value]
    if name in FUNCTIONS and FUNCTIONS[name].is_entrywise:
        return np.frompyfunc(_of_one_number(name), 1, 1)
    raise NoKernel(name)


PRECISE = Arithmetic(
    number=_number,
    array=precise,
    pi=Decimal(_mp.nstr(+_mp.pi, DIGITS + 3)),
    kernel=_kernel,
    inverse=_inverse,
    solve=_solve,
    power=lambda base, exponent: base**exponent,
)
