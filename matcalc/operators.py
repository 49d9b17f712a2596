"""The operators of expressions in Python: + - * / with numbers on either side."""

from __future__ import annotations

from typing import Any

from matcalc.errors import ShapeError
from matcalc.expressions import Expression
from matcalc.leaves import MINUS_ONE, expression
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.sums import add, describe, negate


def plus(a: Any, b: Any) -> Expression:
    """a + b."""
    return add(expression(a), expression(b))


def minus(a: Any, *b: Any) -> Expression:
    """a - b, or -a."""
    return add(expression(a), negate(expression(b[0]))) if b else negate(expression(a))


def times(a: Any, b: Any) -> Expression:
    """a*b."""
    return multiply(expression(a), expression(b))


def divide(a: Any, b: Any) -> Expression:
    """a/b for a scalar b; raises ShapeError for any other."""
    a, b = expression(a), expression(b)
    if not b.is_scalar:
        raise ShapeError(f"cannot divide by {describe(b)}", hint="multiply by its inverse, B**-1, instead")
    return multiply(a, CONSTRUCTORS["Power"](b, MINUS_ONE))


CONSTRUCTORS.update({"+": plus, "-": minus, "*": times, "/": divide})
