"""Quotients: their derivatives over one denominator, as an expert writes them, and without cancellation."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import matcalc as mc

GRADIENTS = [
    ("s/(1 + s)", "s", "s: scalar", "1/(s + 1)^2"),
    ("1/(1 + s)", "s", "s: scalar", "-1/(s + 1)^2"),
    ("(s - 1)/(s + 1)", "s", "s: scalar", "2/(s + 1)^2"),
    ("(1 - s^2)/(1 + s^2)", "s", "s: scalar", "-4*s/(s^2 + 1)^2"),
    ("s/sqrt(1 + s^2)", "s", "s: scalar", "1/(s^2 + 1)^(3/2)"),
    ("s*t/(s + t)", "s", "s, t: scalar", "t^2/(s + t)^2"),
    ("s - log(1 + s)", "s", "s: scalar", "s/(s + 1)"),
    ("log(s/(1 + s))", "s", "s: scalar", "1/(s*(s + 1))"),
    ("x'*x/(1 + x'*x)", "x", "x: vector(n)", "2*x/(x'*x + 1)^2"),
    ("norm2(x)/(1 + norm2(x))", "x", "x: vector(n)", "x/(norm2(x)*(norm2(x) + 1)^2)"),
    ("sum(x.^2./(x.^2 .+ 1))", "x", "x: vector(n)", "2*(x./(x.^2 + ones).^2)"),
    ("sum(x./sqrt(x.^2 .+ 1))", "x", "x: vector(n)", "1./(x.^2 + ones).^(3/2)"),
    ("sum((x - y)./(x + y))", "x", "x, y: vector(n)", "2*(y./(x + y).^2)"),
    ("sum(X.^2./(X.^2 + Y.^2))", "X", "X, Y: matrix(m,n)", "2*((X.*Y.^2)./(X.^2 + Y.^2).^2)"),
    ("sum(x./(1 .+ abs(x)))", "x", "x: vector(n)", "1./(abs(x) + ones).^2"),
]
table = pytest.mark.parametrize(("f", "x", "where", "expected"), GRADIENTS, ids=[g[0] for g in GRADIENTS])


@table
def test_the_gradient_of_a_quotient_has_one_denominator(f: str, x: str, where: str, expected: str) -> None:
    D = mc.differentiate(f, x, where)
    assert str(D.gradient) == expected
    assert D.verify(seed=1).passed
    assert mc.parse(str(D.gradient), where=where) is D.gradient


@pytest.mark.parametrize("t", [1e-6, 1.0, 1e4, 1e8])
def test_quotients_that_nearly_cancel_lose_no_digits(t: float) -> None:
    gradient = mc.gradient("sum(x.^2./(x.^2 .+ 1))", "x", where="x: vector(n)")
    with mpmath.workdps(40):
        exact = float(2 * mpmath.mpf(t) / (1 + mpmath.mpf(t) ** 2) ** 2)
    for value in (gradient.evaluate({"x": [t]}), mc.compile(gradient)(x=np.array([t]))):
        np.testing.assert_allclose(np.ravel(value), [exact], rtol=1e-14)


def test_a_sum_of_quotients_stays_one_where_that_is_shorter() -> None:
    for text in ("1/sqrt(s) + 1/(s + 1)", "t/(s + 1) + u/(t + 1)", "x./(y + ones) - y./(x + ones)"):
        where = "s, t, u: scalar, x, y: vector(n)"
        assert mc.simplify(mc.parse(text, where=where)) is mc.parse(text, where=where)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t - 1/(s + 1)", "t - 1/(s + 1)"),
        ("2/(-s - 1)^3", "-2/(s + 1)^3"),
        ("exp(1/(-s - t))", "exp(-1/(s + t))"),
        ("1/(-s - 1)^2", "1/(s + 1)^2"),
    ],
)
def test_the_minus_sign_of_a_quotient_stands_before_it(text: str, expected: str) -> None:
    where = "s, t: scalar"
    assert str(mc.parse(text, where=where)) == expected
    assert mc.parse(expected, where=where) is mc.parse(text, where=where)


@pytest.mark.parametrize(
    "text",
    [
        "1/(b + 1) - 1/(b + 1)",
        "2/(b + 1) + 2/(-b - 1)",
        "(a - b)^3 + (b - a)^3",
        "(1/(b + 1) - a)^2 - (a - 1/(b + 1))^2",
        "a*(b - 1/(a + 1))^3 + a*(1/(a + 1) - b)^3",
        "log((a - 1/(b + 1))^2) - log((1/(b + 1) - a)^2)",
    ],
)
def test_a_quotient_and_its_opposite_cancel(text: str) -> None:
    assert str(mc.parse(text, where="a, b: scalar")) == "0"


@pytest.mark.parametrize("text", ["(1/(i + 1) - a)^2", "log(1 + (1/(i + 1) - a)^2)", "(x[i] - a)^3"])
def test_sums_of_powers_of_differences_read_back(text: str) -> None:
    f = mc.parse(f"sum(i, 1, n, {text})", where="a: scalar, x: vector(n)")
    for e in (f, mc.gradient(f, "a")):
        assert mc.parse(str(e), where=e.where) is e


@pytest.mark.parametrize("k", [0, 1, 2])
def test_towers_of_quotients_need_no_recursion(k: int) -> None:
    (b,) = mc.variables("b: scalar")
    e = b
    for i in range(1500):
        e = 1 / (b * b - e) if k == 2 else 1 / (1 + e) if k == 1 else 1 / (e - 3) if i % 2 else 1 / (5 - e)
    assert e.is_scalar
