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


def test_one_number_is_fitted_and_minimized() -> None:
    where, data = "t: scalar, x, y: vector(n)", {"x": A[:, 0], "y": np.exp(0.3 * A[:, 0])}
    p = mc.problem("exp(t*x) - y", "t", where=where, data=data)
    assert p.jac([0.1]).shape == (8, 1)
    assert np.allclose(p.jac([0.1])[:, 0], A[:, 0] * np.exp(0.1 * A[:, 0]))
    q = mc.problem("norm2(exp(t*x) - y)^2", "t", where=where, data=data)
    assert q.jac([0.1]).shape == q.hessp([0.1], [1.0]).shape == (1,)
    assert isinstance(q.jac(0.1), float)
    optimize = pytest.importorskip("scipy.optimize")
    assert optimize.least_squares(p.fun, [0.0], jac=p.jac).x == pytest.approx([0.3])
    assert optimize.minimize(q.fun, [0.0], jac=q.jac, hessp=q.hessp, method="trust-ncg").x == pytest.approx([0.3])


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


# ---- unknowns on curved domains ----------------------------------------------------------------------------


def descended(p: mc.Problem, x: np.ndarray) -> np.ndarray:
    """A minimum, found by steepest descent with halved steps: the bridge needs no optimizer of its own."""
    for _ in range(2000):
        value, slope = p.fun_and_jac(x)
        step = 1.0
        while p.fun(x - step * slope) > value - 0.25 * step * (slope @ slope) and step > 1e-12:
            step /= 2
        x = x - step * slope
    return x


def test_a_unit_vector_is_moved_freely_and_drawn_back() -> None:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 4))
    p = mc.problem("-x'*A*x", "x", where="A: matrix(n,n), x: vector(n) unit", data={"A": A})
    x = rng.standard_normal(4)
    assert p.fun(x) == pytest.approx(-x @ A @ x / (x @ x))
    assert abs(p.jac(x) @ x) < 1e-12
    h = 1e-6 * rng.standard_normal(4)
    assert p.fun(x + h) - p.fun(x - h) == pytest.approx(2 * p.jac(x) @ h, rel=1e-6)
    assert np.allclose(p.hess(x) @ h, p.hessp(x, h))
    found = p.point(descended(p, x))
    assert np.linalg.norm(found) == pytest.approx(1)
    assert p.fun(found) == pytest.approx(-np.linalg.eigvalsh((A + A.T) / 2)[-1])


def test_an_orthogonal_matrix_is_moved_freely_and_drawn_back() -> None:
    """The orthogonal Procrustes problem, whose solution is the polar factor of A'B (Schönemann 1966)."""
    rng = np.random.default_rng(1)
    A, B = rng.standard_normal((6, 3)), rng.standard_normal((6, 3))
    p = mc.problem("norm2(A*Q - B)^2", "Q", where="A, B: matrix(m,n), Q: matrix(n,n) orthogonal", data={"A": A, "B": B})
    U, _, Vt = np.linalg.svd(A.T @ B)
    start = (U @ Vt + 0.3 * rng.standard_normal((3, 3))).ravel(order="F")
    found = p.point(descended(p, start))
    assert np.allclose(found.T @ found, np.eye(3))
    assert np.allclose(found, U @ Vt, atol=1e-5)


def test_columns_of_norm_one_are_drawn_back() -> None:
    rng = np.random.default_rng(2)
    p = mc.problem("norm2(X - C)^2", "X", where="X: matrix(m,n) unit, C: matrix(m,n)", data={"C": np.ones((3, 2))})
    X = p.point(rng.standard_normal(6))
    assert np.allclose(np.linalg.norm(X, axis=0), 1)
    assert np.allclose(p.point(descended(p, rng.standard_normal(6))), 3**-0.5)


def test_what_is_returned_may_be_changed() -> None:
    p = mc.problem("x.^2", "x", where="x: vector(n)")
    for part in (p.fun, p.jac, lambda x: p.fun_and_jac(x)[0], lambda x: p.fun_and_jac(x)[1]):
        first = part([1.0, 3.0])
        expected = first.copy()
        first *= 0
        assert np.array_equal(part([1.0, 3.0]), expected)


def test_data_for_a_name_that_the_formula_does_not_have_are_refused() -> None:
    with pytest.raises(mc.UnknownName, match="c has data, and the formula has no c") as caught:
        mc.problem("norm2(A*x - b)^2", "x", data={"A": np.eye(2), "b": np.ones(2), "c": 3})
    assert caught.value.hint == "it has A, x, b"
