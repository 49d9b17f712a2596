"""Degrees of rational functions, as the bound on the chance of error needs them."""

import numpy as np
import pytest

from matcalc.degrees import DEGREES, Degree
from matcalc.evaluation import Evaluator
from matcalc.reading import parse

WHERE = "A, B: matrix(n,n), x, y: vector(n), s: scalar"
N = 4


def degree(text: str) -> Degree:
    matrix, vector = np.zeros((N, N)), np.zeros((N, 1))
    values = {"A": matrix, "B": matrix, "x": vector, "y": vector, "s": None}
    inputs = {name: Degree(1, 0, form) for name, form in values.items()}
    found: Degree = Evaluator([parse(text, WHERE)], DEGREES)(inputs, {"n": N})[0]
    return found


# numerators and denominators in the entries, with n = 4
@pytest.mark.parametrize(
    ("text", "numerator", "denominator"),
    [
        ("x'*A*x", 3, 0),
        ("A^3", 3, 0),
        ("3*s^2 + s", 2, 0),
        ("det(A)", N, 0),
        ("adj(A)", N - 1, 0),
        ("inv(A)", N - 1, N),
        ("tr(inv(A)*B)", N, N),
        ("A\\x", N, N),
        ("s/(1 + s^2)", 1, 2),
        ("1 ./ x", N - 1, N),
        ("kron(A, B)*vec(A)", 3, 0),
        ("[A B; B A]", 1, 0),
        ("inv(A) + inv(B)", 2 * N - 1, 2 * N),
        ("sum(i, 1, 3, x[i])", 1, 0),
    ],
)
def test_degrees_of_expressions(text: str, numerator: int, denominator: int) -> None:
    found = degree(text)
    assert (found.numerator, found.denominator) == (numerator, denominator)
    assert not found.why


@pytest.mark.parametrize(
    ("text", "why"),
    [("exp(x)", {"exp"}), ("norm2(x)", {"norm2"}), ("s^(1/2)", {"a root"}), ("s*pi", {"pi"}), ("abs(s)", {"abs"})],
)
def test_what_makes_a_bound_an_estimate(text: str, why: set[str]) -> None:
    assert degree(text).why == why


def test_the_derivative_of_a_quotient() -> None:
    """(N/Q)' is (N'Q - NQ')/Q²."""
    found = degree("inv(A)").tangent
    assert (found.numerator, found.denominator) == (2 * N - 1, 2 * N)


def test_what_vanishes_where_two_agree() -> None:
    assert degree("inv(A)").apart(degree("B")) == N + 1
