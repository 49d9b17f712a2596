"""The normal forms of analytic functions of matrices, f(A), and of their derivatives, L(A, E)."""

from __future__ import annotations

from typing import Any

from sympy import Integer, Rational

from matcalc.applications import apply
from matcalc.expressions import ONE, Expression, Identity, Product, Zero
from matcalc.leaves import ONE_NODE, identity, is_zero, number, zero
from matcalc.powers import power
from matcalc.products import multiply
from matcalc.sums import product_of, scale
from matcalc.transposes import transpose

HALF = Rational(1, 2)

_OF_NUMBERS = {"expm": "exp", "logm": "log", "cosm": "cos", "sinm": "sin"}


def form_of_named(name: str) -> Any:
    """f(A'), which is f(A)', and f of a number."""

    def normal(A: Expression) -> Expression | None:
        if A.is_scalar:
            if name == "sqrtm":
                return power(A, number(HALF))
            return apply(_OF_NUMBERS[name], A) if name in _OF_NUMBERS else None
        if is_zero(A) or isinstance(A, Identity):
            return _AT_SIMPLE.get((name, type(A)), lambda n: None)(A.rows)
        turned = transpose(A)
        return transpose(apply(name, turned)) if turned.ticks < A.ticks else None

    return normal


_AT_SIMPLE: dict[Any, Any] = {
    ("expm", Zero): identity,
    ("cosm", Zero): identity,
    ("sinm", Zero): lambda n: zero(n, n),
    ("logm", Identity): lambda n: zero(n, n),
    ("sqrtm", Identity): identity,
}


def form_of_derivative(name: str) -> Any:
    """L(A, E), which is linear in E, and f'(a)·e for numbers."""

    def normal(A: Expression, E: Expression) -> Expression | None:
        if is_zero(E):
            return E
        if A.is_scalar:
            if name in _SLOPES:
                return multiply(_SLOPES[name](A), E)
            return None if E is ONE_NODE else multiply(apply(f"d{name}", A, ONE_NODE), E)
        if isinstance(E, Product) and (E.coefficient is not ONE or E.scalars):
            bare = product_of(ONE, (), E.chain, E.shape)
            return multiply(number(E.coefficient), *E.scalars, apply(f"d{name}", A, bare))
        return None

    return normal


_SLOPES: dict[str, Any] = {
    "expm": lambda a: apply("exp", a),
    "logm": lambda a: power(a, number(-1)),
    "sqrtm": lambda a: scale(HALF, power(a, number(-HALF))),
    "cosm": lambda a: scale(Integer(-1), apply("sin", a)),
    "sinm": lambda a: apply("cos", a),
}


ANALYTIC_FORMS: dict[str, Any] = {
    **{name: form_of_named(name) for name in _SLOPES},
    **{f"d{name}": form_of_derivative(name) for name in _SLOPES},
}
"""By name, the form of the arguments, or None where the application stays as it is."""
