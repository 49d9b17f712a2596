"""Formulas handed to numerical methods: SciPy's optimizers, and Newton's method."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import matcalc as mc

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((8, 3)), RNG.standard_normal(8)
BEST = np.linalg.lstsq(A, B, rcond=None)[0]


def least_squares() -> mc.Problem:
    return mc.problem("norm2(A*x - b)^2", "x", data={"A": A, "b": B})


def test_the_functions_of_a_problem_agree_with_differences() -> None:
    p = mc.problem("sum(exp(X*w)) + norm2(w)^2", "w", where="X: matrix(m,n), w: vector(n)", data={"X": A})
    w, v, h = RNG.standard_normal(3), RNG.standard_normal(3), 1e-6
    assert p.jac(w) @ v == pytest.approx((p.fun(w + h * v) - p.fun(w - h * v)) / (2 * h), rel=1e-7)
    slope = (p.jac(w + h * v) - p.jac(w - h * v)) / (2 * h)
    assert np.allclose(p.hess(w) @ v, slope, rtol=1e-6)
    assert np.allclose(p.hessp(w, v), slope, rtol=1e-6)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-ncg"])
def test_scipy_minimizes_it(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    p = least_squares()
    more = {} if method == "BFGS" else {"hessp": p.hessp}
    found = optimize.minimize(p.fun, np.zeros(3), jac=p.jac, method=method, **more)
    assert np.allclose(found.x, BEST, atol=1e-5)


def test_scipy_fits_residuals_and_solves_equations() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    p = mc.problem("A*x - b", "x", data={"A": A, "b": B})
    assert np.allclose(optimize.least_squares(p.fun, np.zeros(3), jac=p.jac).x, BEST)
    q = mc.problem("x.^3 - b", "x", where="x, b: vector(n)", data={"b": [1.0, 8.0]})
    assert np.allclose(optimize.root(q.fun, [2.0, 3.0], jac=q.jac).x, [1, 2])


def test_a_matrix_is_handed_over_column_by_column() -> None:
    T = RNG.standard_normal((4, 3))
    p = mc.problem("norm2(U - T)^2", "U", where="U, T: matrix(m,n)", data={"T": T})
    start = np.arange(12.0)
    assert p.fun(start) == pytest.approx(np.linalg.norm(start.reshape(4, 3, order="F") - T) ** 2)
    assert np.allclose(p.jac(start), 2 * (start - T.ravel(order="F")))
    assert np.allclose(p.hess(start), 2 * np.eye(12))
    assert np.allclose(p.hessp(start, start), 2 * start)
    with pytest.raises(mc.ShapeError, match="11 entries do not make U"):
        p.fun(np.arange(11.0))


@pytest.mark.parametrize(
    ("formula", "unknown", "where", "data", "message"),
    [
        ("norm2(A*x - b)^2", "x", None, {"A": A}, "b has no value"),
        ("x'*x", "x", None, {"x": [1.0]}, "x is the unknown"),
        ("x'*y", ("x", "y"), None, {}, "a problem has one unknown"),
        ("a'*u", "u", "u: vector(n) unit, a: vector(n)", {"a": [1.0]}, "u is declared unit"),
    ],
)
def test_what_is_no_problem_is_refused(formula: str, unknown: Any, where: Any, data: Any, message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message):
        mc.problem(formula, unknown, where=where, data=data)


def test_a_hessian_needs_one_number() -> None:
    p = mc.problem("A*x - b", "x", data={"A": A, "b": B})
    with pytest.raises(mc.NotScalar):
        p.hess(np.zeros(3))


# ---- Newton's method ---------------------------------------------------------------------------------------


def test_newton_converges_quadratically() -> None:
    # Notes on matrix calculus, section 8.1: the first step leads to 0.772218
    found = mc.newton("2*cos(x) - x + x^2/10", "x", 2.3, where="x: scalar")
    assert found.converged
    assert found.iterates[1] == pytest.approx(0.772218, abs=1e-6)
    assert found.x == pytest.approx(1.0718647206, abs=1e-10)
    r = found.residuals
    assert all(after < 2 * before**2 + 1e-15 for before, after in pairwise(r[2:]))


def test_newton_finds_an_eigenvalue_as_a_root_of_the_determinant() -> None:
    M = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    found = mc.newton("det(z*eye(n) - A)", "z", 15.0, where="z: scalar, A: matrix(n,n)", data={"A": M})
    assert found.x == pytest.approx(max(np.linalg.eigvals(M).real))


def test_newton_solves_systems_and_matrix_equations() -> None:
    found = mc.newton("x.^2 - b", "x", [1.0, 1.0], where="x, b: vector(n)", data={"b": [2.0, 9.0]})
    assert np.allclose(found.x, [2**0.5, 3])
    S = np.array([[4.0, 1.0], [1.0, 3.0]])
    found = mc.newton("X^2 - S", "X", np.eye(2), where="X, S: matrix(n,n)", data={"S": S})
    assert np.allclose(found.x @ found.x, S)
    assert str(found).endswith("converged")


def test_newton_halves_a_step_that_leads_too_far() -> None:
    found = mc.newton("arctan(x)", "x", 3.0, where="x: scalar")
    assert found.converged
    assert abs(found.x) < 1e-10


def test_newton_says_why_it_cannot_go_on() -> None:
    with pytest.raises(mc.EvaluationError, match=r"the Jacobian of .* is singular at step 0"):
        mc.newton("x^2 - 1", "x", 0.0, where="x: scalar")
    with pytest.raises(mc.ShapeError, match="as many equations as unknowns"):
        mc.newton("A*x", "x", [1.0, 1.0], where="A: matrix(m,n), x: vector(n)", data={"A": np.ones((3, 2))})
    assert not mc.newton("x^2 + 1", "x", 0.3, where="x: scalar").converged
