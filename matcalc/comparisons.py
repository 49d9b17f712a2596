"""Questions about numbers and dimensions whose answers are seen at once.

SymPy deduces all that can be known of a number before it says whether that is negative, and looks into what two
symbols are made of before it says that they differ.
"""

from __future__ import annotations

from sympy import Expr, Integer, Rational


def are_equal(a: Expr, b: Expr) -> bool:
    """Whether two dimensions are the same.

    >>> from sympy import Symbol
    >>> are_equal(Symbol("n"), Symbol("m")), are_equal(Symbol("n"), Symbol("n"))
    (False, True)
    """
    if a is b:
        return True
    if a.is_Symbol or b.is_Symbol:
        return bool(a.is_Symbol and b.is_Symbol and a.name == b.name and a == b)
    return bool(a == b)


def is_negative(value: Expr) -> bool:
    """Whether a number is negative, or a rational function of dimensions is known to be."""
    return value.p < 0 if isinstance(value, Rational) else bool(value.is_negative)


def is_even(value: Expr) -> bool:
    """Whether a number is even, or a rational function of dimensions is known to be."""
    return value.p % 2 == 0 if isinstance(value, Integer) else bool(value.is_even)


def is_odd(value: Expr) -> bool:
    """Whether a number is odd, or a rational function of dimensions is known to be."""
    return value.p % 2 == 1 if isinstance(value, Integer) else bool(value.is_odd)
