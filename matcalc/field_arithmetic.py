"""The arithmetic of dual numbers modulo a prime for the table of operations: functions of numbers and matrices.

Systems, inverses and determinants are found by elimination on entries, adjugates by the method of Faddeev and
LeVerrier: no rule for matrices that a derivative might rest on is used. The value of a function of one number,
and how it changes, are written down here a second time, so that a mistake in its row does not agree with itself.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr

from matcalc import factorizations
from matcalc.dual_numbers import Dual, trace
from matcalc.function_table import FUNCTIONS
from matcalc.high_precision import REARRANGEMENTS, NoKernel
from matcalc.matrix_functions import MATRIX_FUNCTIONS
from matcalc.operations import Arithmetic, Operation
from matcalc.prime_fields import Field, NoResidue

OfNumber: TypeAlias = Callable[[Field, int], int]

# ---- functions of one number: the value, and its derivative ------------------------------------------------


def _exp(F: Field, u: int) -> int:
    return F.opaque("exp", u)


def _log(F: Field, u: int) -> int:
    return F.opaque("log", u)


def _sigmoid(F: Field, u: int) -> int:
    e = _exp(F, u)
    return e * F.inverse((1 + e) % F.p)


def _cosh(F: Field, u: int) -> int:
    e = _exp(F, u)
    return (e + F.inverse(e)) * F.half


def _sinh(F: Field, u: int) -> int:
    e = _exp(F, u)
    return (e - F.inverse(e)) * F.half


def _tanh(F: Field, u: int) -> int:
    return _sinh(F, u) * F.inverse(_cosh(F, u) % F.p)


def _sin(F: Field, u: int) -> int:
    t = F.opaque("tan of half", u)
    return 2 * t * F.inverse((1 + t * t) % F.p)


def _cos(F: Field, u: int) -> int:
    t = F.opaque("tan of half", u)
    return (1 - t * t) * F.inverse((1 + t * t) % F.p)


def _one_over(f: OfNumber) -> OfNumber:
    return lambda F, u: F.inverse(f(F, u) % F.p)


def _ratio(f: OfNumber, g: OfNumber) -> OfNumber:
    return lambda F, u: f(F, u) * F.inverse(g(F, u) % F.p)


def _opaque(name: str) -> OfNumber:
    return lambda F, u: F.opaque(name, u)


def _one_over_root(of: Callable[[int], int]) -> OfNumber:
    return lambda F, u: F.inverse(F.root(of(u) % F.p))


def _step(F: Field, u: int) -> int:
    return (1 + F.sign(u)) * F.half


def _psi(k: int) -> OfNumber:
    return lambda F, u: F.draw(f"polygamma {k}", u)


_tan, _cot, _sec, _csc = _ratio(_sin, _cos), _ratio(_cos, _sin), _one_over(_cos), _one_over(_sin)


def _zero(F: Field, u: int) -> int:
    return 0


_OF_NUMBERS: dict[str, tuple[OfNumber, OfNumber]] = {
    "exp": (_exp, _exp),
    "expm1": (lambda F, u: _exp(F, u) - 1, _exp),
    "log": (_log, lambda F, u: F.inverse(u)),
    "log1p": (lambda F, u: _log(F, (1 + u) % F.p), lambda F, u: F.inverse((1 + u) % F.p)),
    "sigmoid": (_sigmoid, lambda F, u: _sigmoid(F, u) * (1 - _sigmoid(F, u))),
    "softplus": (lambda F, u: _log(F, (1 + _exp(F, u)) % F.p), _sigmoid),
    "sinh": (_sinh, _cosh),
    "cosh": (_cosh, _sinh),
    "tanh": (_tanh, lambda F, u: 1 - _tanh(F, u) ** 2),
    "sin": (_sin, _cos),
    "cos": (_cos, lambda F, u: -_sin(F, u)),
    "tan": (_tan, lambda F, u: 1 + _tan(F, u) ** 2),
    "cot": (_cot, lambda F, u: -1 - _cot(F, u) ** 2),
    "sec": (_sec, lambda F, u: _sec(F, u) * _tan(F, u)),
    "csc": (_csc, lambda F, u: -_csc(F, u) * _cot(F, u)),
    "arcsin": (_opaque("arcsin"), _one_over_root(lambda u: 1 - u * u)),
    "arccos": (
        lambda F, u: F.pi * F.half - F.opaque("arcsin", u),
        lambda F, u: -F.inverse(F.root((1 - u * u) % F.p)),
    ),
    "arctan": (_opaque("arctan"), lambda F, u: F.inverse((1 + u * u) % F.p)),
    "arcsinh": (_opaque("arcsinh"), _one_over_root(lambda u: 1 + u * u)),
    "arccosh": (_opaque("arccosh"), _one_over_root(lambda u: u * u - 1)),
    "arctanh": (_opaque("arctanh"), lambda F, u: F.inverse((1 - u * u) % F.p)),
    "erf": (_opaque("erf"), lambda F, u: 2 * F.inverse(F.root(F.pi)) * _exp(F, -u * u % F.p)),
    "gamma": (_opaque("gamma"), lambda F, u: F.opaque("gamma", u) * _psi(0)(F, u)),
    "loggamma": (_opaque("loggamma"), _psi(0)),
    "cbrt": (Field.cube_root, lambda F, u: F.inverse(3 * F.cube_root(u) ** 2 % F.p)),
    "abs": (lambda F, u: u * F.sign(u), Field.sign),
    "sign": (Field.sign, _zero),
    "heaviside": (_step, _zero),
    "relu": (lambda F, u: u * _step(F, u), _step),
}


def applied(value: OfNumber, derivative: OfNumber, x: Dual) -> Dual:
    """f(a + bε) = f(a) + f′(a) b ε, entry by entry."""
    F = x.field
    a = F.map(lambda u: value(F, u) % F.p, x.a)
    return Dual(F, a, None if x.b is None else F.map(lambda u: derivative(F, u), x.a) * x.b % F.p)


def _of_number(name: str) -> Operation:
    value, derivative = _OF_NUMBERS[name]
    return lambda x: applied(value, derivative, x)


def _polygamma(k: Dual, x: Dual) -> Dual:
    return applied(_psi(int(k)), _psi(int(k) + 1), x)


# ---- functions of matrices ---------------------------------------------------------------------------------


def _row_below(a: Any, k: int) -> int:
    """The first row from the k-th on with an entry in column k that is not 0."""
    for i in range(k, len(a)):
        if a[i, k]:
            return i
    raise NoResidue("the inverse of a singular matrix")


def _with_pivot(parts: list[Any], k: int) -> bool:
    """Exchange rows so that the k-th entry of the diagonal is not 0; whether any were exchanged."""
    i = _row_below(parts[0], k)
    if i != k:
        for part in parts:
            part[[k, i]] = part[[i, k]]
    return i != k


def solve(A: Dual, B: Dual) -> Dual:
    """The X with AX = B, by elimination on the entries (Gauss & Jordan); raises NoResidue for a singular A.

    >>> F = Field(103)
    >>> A = Dual.of(F, np.array([[1, 2], [3, 4]]))
    >>> (A @ solve(A, A[:, :1]) - A[:, :1]).is_zero
    True
    """
    F, n = A.field, len(A)
    p = F.p
    parts = [np.hstack([A.a, B.a])]
    if A.b is not None or B.b is not None:
        parts.append(np.hstack([A.tangent.a, B.tangent.a]))
    for k in range(n):
        _with_pivot(parts, k)
        a = parts[0]
        pivot = F.inverse(a[k, k])
        row, column = a[k, k + 1 :] * pivot % p, a[:, k].copy()
        column[k] = 0
        if len(parts) > 1:
            b = parts[1]
            slope, moved = (b[k, k + 1 :] - row * b[k, k]) * pivot % p, b[:, k].copy()
            moved[k] = 0
            b[:, k + 1 :] = (b[:, k + 1 :] - np.outer(column, slope) - np.outer(moved, row)) % p
            b[k, k + 1 :] = slope
        a[:, k + 1 :] = (a[:, k + 1 :] - np.outer(column, row)) % p
        a[k, k + 1 :] = row
    return Dual(F, parts[0][:, n:], parts[1][:, n:] if len(parts) > 1 else None)


def inverse(A: Dual) -> Dual:
    """A⁻¹ by elimination."""
    return solve(A, Dual(A.field, _eye(len(A))))


def _eye(n: int) -> Any:
    return np.eye(n, dtype=int).astype(object)


def det(A: Dual) -> Dual:
    """The determinant by elimination, or where that finds no pivot by the method for adjugates."""
    F, p = A.field, A.field.p
    parts = [A.a.copy()] + ([] if A.b is None else [A.b.copy()])
    result = Dual(F, 1)
    for k in range(len(A)):
        try:
            exchanged = _with_pivot(parts, k)
        except NoResidue:
            return _adjugate_and_det(A)[1]
        a = parts[0]
        pivot = Dual(F, a[k, k], parts[1][k, k] if len(parts) > 1 else None)
        result = -result * pivot if exchanged else result * pivot
        ratio = a[k + 1 :, k] * F.inverse(a[k, k]) % p
        if len(parts) > 1:
            b = parts[1]
            moved = (b[k + 1 :, k] - ratio * b[k, k]) * F.inverse(a[k, k]) % p
            b[k + 1 :, k + 1 :] -= np.outer(ratio, b[k, k + 1 :]) + np.outer(moved, a[k, k + 1 :])
            b %= p
        a[k + 1 :, k + 1 :] = (a[k + 1 :, k + 1 :] - np.outer(ratio, a[k, k + 1 :])) % p
    return result


def _adjugate_and_det(A: Dual) -> tuple[Dual, Dual]:
    """By products and traces alone, so at singular matrices too; Faddeev & LeVerrier."""
    n = len(A)
    eye = Dual(A.field, _eye(n))
    M = eye
    for k in range(1, n):
        AM = A @ M
        M = AM - eye * (trace(AM) / k)
    determinant = trace(A @ M) / n
    return (M, determinant) if n % 2 else (-M, -determinant)


def adj(A: Dual) -> Dual:
    """The adjugate."""
    return _adjugate_and_det(A)[0]


_HALF = Fraction(1, 2)

DEGREE = 9
"""An analytic function of a matrix is opaque: a random polynomial of this degree, the same for the same function."""


def _polynomial(name: str) -> Operation:
    """f(A) for the polynomial that stands for f, by Horner's scheme."""

    def value(A: Dual) -> Dual:
        F, eye = A.field, Dual(A.field, _eye(len(A)))
        result = eye * F.draw(name, DEGREE)
        for k in reversed(range(DEGREE)):
            result = result @ A + eye * F.draw(name, k)
        return result

    return value


def _derivative_of_polynomial(name: str) -> Operation:
    """L(A, E) for it: the derivative of Aᵏ along E is D(k) = D(k−1) A + Aᵏ⁻¹E."""

    def slope(A: Dual, E: Dual) -> Dual:
        F, power = A.field, Dual(A.field, _eye(len(A)))
        D = E * 0
        result = D
        for k in range(1, DEGREE + 1):
            D, power = D @ A + power @ E, power @ A
            result = result + D * F.draw(name, k)
        return result

    return slope


def _hardmax(X: Dual) -> Dual:
    """1 at the entry that is the largest in an order of the residues drawn at random, shared where several are."""
    F = X.field
    ranks = F.map(lambda u: F.draw("order", u), X.a)
    largest = F.map(int, ranks == np.max(ranks))
    return Dual(F, largest * F.inverse(largest.sum()) % F.p)


_OF_MATRICES: dict[str, Operation] = {
    "polygamma": _polygamma,
    "det": det,
    "adj": adj,
    "logdet": lambda A: _of_number("log")(det(A)),
    "logabsdet": lambda A: _of_number("log")(_of_number("abs")(det(A))),
    "norm2": lambda A: (A * A).sum() ** _HALF,
    **{name: _polynomial(name) for name in MATRIX_FUNCTIONS},
    **{f"d{name}": _derivative_of_polynomial(name) for name in MATRIX_FUNCTIONS},
    "sqdist": lambda X, Y: _squared_distances(X, Y),
    "softmax": lambda x: _softmax(_of_number("exp")(x)),
    "logsumexp": lambda x: _of_number("log")(_of_number("exp")(x).sum()),
    "softmax_columns": lambda X: _softmax_of_rows(X.T).T,
    "softmax_rows": lambda X: _softmax_of_rows(X),
    "logsumexp_columns": lambda X: _logsumexp_of_rows(X.T).T,
    "logsumexp_rows": lambda X: _logsumexp_of_rows(X),
    "max": lambda X: (X * _hardmax(X)).sum(),
    "hardmax": _hardmax,
    "chol": lambda A: factorizations.chol(A, _root),
    "qr_q": lambda A: factorizations.qr(A, _root, inverse)[0],
    "qr_r": lambda A: factorizations.qr(A, _root, inverse)[1],
    "lu_l": lambda A: factorizations.lu(A)[0],
    "lu_u": lambda A: factorizations.lu(A)[1],
    "pinv": lambda A: factorizations.pinv(A, inverse),
    "sylvester": lambda A, B, C: factorizations.sylvester(A, B, C, solve),
}


def _squared_distances(X: Dual, Y: Dual) -> Dual:
    squares = [(A * A).sum(axis=1) for A in (X, Y)]
    return squares[0].reshape(-1, 1) + squares[1].reshape(1, -1) - X @ Y.T - X @ Y.T


def _root(x: Dual) -> Dual:
    return x**_HALF


def _softmax(e: Dual) -> Dual:
    return e / e.sum()


def _softmax_of_rows(X: Dual) -> Dual:
    E = _of_number("exp")(X)
    return E / E.sum(axis=1).reshape(-1, 1)


def _logsumexp_of_rows(X: Dual) -> Dual:
    return _of_number("log")(_of_number("exp")(X).sum(axis=1).reshape(-1, 1))


def kernel(name: str) -> Operation:
    """The kernel of a function; raises NoKernel where there is none."""
    if name in _OF_MATRICES:
        return _OF_MATRICES[name]
    if name in FUNCTIONS and FUNCTIONS[name].named:
        named = FUNCTIONS[name].named
        return _polynomial(named) if name == named else _derivative_of_polynomial(named)
    if name in _OF_NUMBERS:
        return _of_number(name)
    if name in REARRANGEMENTS:
        return FUNCTIONS[name].kernel  # type: ignore[return-value]
    raise NoKernel(name)


def _number(field: Field, value: Expr) -> Dual:
    if not value.is_Rational:
        raise NoKernel(str(value))
    return Dual.of(field, Fraction(int(value.p), int(value.q)))


def arithmetic_of(field: Field) -> Arithmetic:
    """The arithmetic of dual numbers over the field.

    >>> from matcalc.evaluation import Evaluator
    >>> from matcalc.reading import parse
    >>> field = Field(103)
    >>> f = Evaluator([parse("s^3", "s: scalar")], arithmetic_of(field))
    >>> value = f({"s": Dual(field, 2, 1)}, {})[0]
    >>> value.a, value.b
    (8, 12)
    """
    return Arithmetic(
        number=lambda value: _number(field, value),
        array=lambda array: Dual.of(field, array),
        pi=Dual(field, field.pi),
        kernel=kernel,
        inverse=inverse,
        solve=solve,
        power=lambda base, exponent: base**exponent,
    )
