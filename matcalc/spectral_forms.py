"""The normal forms of spectra and pseudo-inverses: transposes and signs go outside, simple matrices have a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Integer

from matcalc.applications import apply
from matcalc.expressions import ONE, Expression, Identity, Product
from matcalc.leaves import MINUS_ONE, ONE_NODE, is_zero, number, ones
from matcalc.powers import power
from matcalc.products import multiply
from matcalc.sums import add, scale
from matcalc.transposes import is_turned, transpose

Form = Callable[[Expression], Expression | None]


def _sign_of(A: Expression) -> int:
    """-1 for a multiple by a negative number."""
    return -1 if isinstance(A, Product) and A.coefficient.is_negative else 1


def _negated(A: Expression) -> Expression:
    return scale(Integer(-1), A)


def _norm(name: str) -> Form:
    """A norm of singular values: the same of the transpose and of the negative, the absolute value of a number."""

    def normal(A: Expression) -> Expression | None:
        if A.is_scalar:
            return apply("abs", A)
        if ONE in A.shape:
            return apply("norm2", A)
        if is_turned(A):
            return apply(name, transpose(A))
        return apply(name, _negated(A)) if _sign_of(A) < 0 else None

    return normal


def _of_column(of_length: Callable[[Expression, Expression], Expression]) -> Form:
    """A factor of a single column x, made of x and its length."""

    def normal(A: Expression) -> Expression | None:
        return of_length(A, apply("norm2", A)) if A.columns is ONE and not is_zero(A) else None

    return normal


def _direction(x: Expression, length: Expression) -> Expression:
    return multiply(power(length, MINUS_ONE), x)


def _of_number(value: Callable[[Expression], Expression]) -> Form:
    return lambda s: value(s) if s.is_scalar else None


def _sylvester(A: Expression, B: Expression, C: Expression) -> Expression | None:
    if is_zero(C):
        return C
    return multiply(power(add(A, B), MINUS_ONE), C) if A.is_scalar and B.is_scalar else None


def _pinv(A: Expression) -> Expression | None:
    if A.is_scalar:
        return power(A, MINUS_ONE)
    if A.columns is ONE:
        return multiply(power(apply("norm2", A), number(-2)), transpose(A))
    if is_zero(A) or isinstance(A, Identity):
        return transpose(A)
    if is_turned(A):
        return transpose(apply("pinv", transpose(A)))
    return scale(Integer(-1), apply("pinv", _negated(A))) if _sign_of(A) < 0 else None


def _extreme(name: str, opposite: str) -> Form:
    """The largest eigenvalue of −S is the negative of the smallest of S."""

    def normal(S: Expression) -> Expression | None:
        if S.is_scalar:
            return S
        if isinstance(S, Identity):
            return ONE_NODE
        return scale(Integer(-1), apply(opposite, _negated(S))) if _sign_of(S) < 0 else None

    return normal


def _extreme_vector(opposite: str) -> Form:
    def normal(S: Expression) -> Expression | None:
        if S.is_scalar:
            return ONE_NODE
        return apply(opposite, _negated(S)) if _sign_of(S) < 0 else None

    return normal


def _eigvals(S: Expression) -> Expression | None:
    if S.is_scalar:
        return S
    return ones(S.rows, Integer(1)) if isinstance(S, Identity) else None


SPECTRAL_FORMS: dict[str, Any] = {
    "pinv": _pinv,
    "sigma_max": _norm("sigma_max"),
    "normnuc": _norm("normnuc"),
    "lambda_max": _extreme("lambda_max", "lambda_min"),
    "lambda_min": _extreme("lambda_min", "lambda_max"),
    "leading_eigvec": _extreme_vector("trailing_eigvec"),
    "trailing_eigvec": _extreme_vector("leading_eigvec"),
    "eigvals": _eigvals,
    "chol": _of_number(lambda s: apply("sqrt", s)),
    "lu_l": _of_number(lambda s: ONE_NODE),
    "lu_u": _of_number(lambda s: s),
    "spectral_abscissa": _of_number(lambda s: s),
    **dict.fromkeys(("eigvecs", "eigenprojection"), _of_number(lambda s: ONE_NODE)),
    **dict.fromkeys(("qr_q", "svd_u", "polar", "leading_svd_u"), _of_column(_direction)),
    **dict.fromkeys(("qr_r", "svdvals"), _of_column(lambda x, length: length)),
    **dict.fromkeys(("svd_v", "leading_svd_v"), _of_column(lambda x, length: ONE_NODE)),
    "sylvester": _sylvester,
}
"""By name, the form of the argument, or None where the application stays as it is."""
