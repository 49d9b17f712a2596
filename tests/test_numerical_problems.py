"""Formulas handed to numerical methods: SciPy's optimizers, and Newton's method."""

import re
from itertools import pairwise
from pathlib import Path
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
        ("x'*y", (), None, {}, "a problem has an unknown, and none is named"),
        ("x'*y", ("x", "y"), None, {"y": [1.0]}, "y is the unknown"),
        ("norm2(A*x - b)^2", "x", None, {"A": A, "b": B, "a": 1.0}, "a has data, and the formula has no a"),
        ("norm2(A*x - b)^2", "x", None, {"A": A, "b": np.ones(3)}, "b must be a vector of length m, where m = 8"),
        ("norm2(A*x - b)^2", "x", None, {"A": B, "b": B}, "A must be a matrix of shape m×n"),
        ("norm2(A*x - b)^2", "x", None, {"A": [[1.0], [2.0, 3.0]], "b": B}, "the rows of A differ in length"),
        ("norm2(A*x - b)^2", "x", None, {"A": A, "b": ["u", "v"]}, "the entries of b are of type"),
        ("x'*S*x", "x", "S: matrix(n,n) symmetric", {"S": np.triu(np.ones((3, 3)))}, "S is declared symmetric"),
        ("x'*M*x", "x", "M: matrix(2*n,2*n), x: vector(2*n)", {"M": np.eye(3)}, "M must be a matrix of shape 2"),
    ],
)
def test_what_is_no_problem_is_refused(formula: str, unknown: Any, where: Any, data: Any, message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message):
        mc.problem(formula, unknown, where=where, data=data)


def test_a_hessian_needs_one_number() -> None:
    p = mc.problem("A*x - b", "x", data={"A": A, "b": B})
    with pytest.raises(mc.NotScalar):
        p.hess(np.zeros(3))


def test_names_that_drop_out_or_are_declared_may_be_given() -> None:
    p = mc.problem("x'*x + 0*c'*x", "x", where="c, d: vector(n)", data={"c": [1.0, 2.0], "d": [1.0, 2.0]})
    assert p.fun([3.0, 4.0]) == 25


def test_a_size_may_be_given_with_the_data() -> None:
    p = mc.problem("norm2(X)^2", "X", where="X: matrix(m,n)", data={"m": 2})
    assert p.point(np.arange(6.0)).shape == (2, 3)
    with pytest.raises(mc.ShapeError, match="b must be a vector of length m, where m = 2"):
        mc.problem("norm2(X*y - b)^2", "X", where="X: matrix(m,n), y: vector(n)", data={"m": 2, "y": [1.0], "b": B})


# ---- several unknowns --------------------------------------------------------------------------------------

T = RNG.standard_normal((4, 5))
U, V = RNG.standard_normal((4, 2)), RNG.standard_normal((5, 2))
SHAPES = "U: matrix(m,k), V: matrix(n,k), mu: scalar"
FACTORED = "norm2(U*V' - T)^2 + mu*(norm2(U)^2 + norm2(V)^2)"
RIDGE = "norm2(X*w + b*vector(1) - y)^2 + mu*norm2(w)^2"


def factorization(T: np.ndarray = T, mu: float = 0.5) -> mc.Problem:
    return mc.problem(FACTORED, ("U", "V"), where=SHAPES, data={"T": T, "mu": mu})


def ridge() -> mc.Problem:
    return mc.problem(RIDGE, ("w", "b"), where="b, mu: scalar", data={"X": A, "y": B, "mu": 0.3})


def solution_of_ridge() -> np.ndarray:
    M = np.column_stack([A, np.ones(8)])
    solution: np.ndarray = np.linalg.solve(M.T @ M + 0.3 * np.diag([1, 1, 1, 0]), M.T @ B)
    return solution


def test_several_unknowns_stand_one_after_the_other_in_the_order_given() -> None:
    p, q = factorization(), mc.problem(FACTORED, ("V", "U"), where=SHAPES, data={"T": T, "mu": 0.5})
    R = U @ V.T - T
    slopes = {"U": 2 * R @ V + U, "V": 2 * R.T @ U + V}
    for problem, names in ((p, "UV"), (q, "VU")):
        z = problem.flat(U=U, V=V)
        assert z.tolist() == np.concatenate([{"U": U, "V": V}[n].ravel(order="F") for n in names]).tolist()
        assert problem.fun(z) == pytest.approx(np.sum(R**2) + 0.5 * (np.sum(U**2) + np.sum(V**2)))
        assert np.allclose(problem.jac(z), np.concatenate([slopes[n].ravel(order="F") for n in names]))
        assert list(problem.point(z)) == list(names)


STRUCTURED = "S: matrix(n,n) spd, x: vector(n), u: vector(n) unit, Q: matrix(n,n) orthogonal, C: matrix(n,n)"


@pytest.mark.parametrize(
    ("formula", "unknowns", "where", "data", "size"),
    [
        (FACTORED, ("U", "V"), SHAPES, {"T": T, "mu": 0.5}, 18),
        (RIDGE, ("b", "w"), "b, mu: scalar", {"X": A, "y": B, "mu": 0.3}, 4),
        ("X*w + b*vector(1) - y", ("w", "b"), "b: scalar", {"X": A, "y": B}, 4),
        ("A*X*b + Y*c", ("X", "Y"), "b: vector(k), c: vector(p)", {"A": T.T @ T, "b": [1, 2], "c": [3]}, 15),
        ("r*A*c", ("r", "c"), "r: row(n), A: matrix(n,k), c: vector(k)", {"A": T}, 9),
        ("t*tr(X) + log(s)*sum(X)^2", ("X", "t", "s"), "X: matrix(n,n), s, t: scalar", {}, 6),
        ("x + 2*y", ("x", "y"), "x, y: scalar", {}, 2),
        ("sum(exp(u + x))*tr(Q*C)", ("x", "u", "Q"), STRUCTURED, {"C": T[:3, :3]}, 15),
        ("exp(k*t) - y", "k", "k: scalar, t, y: vector(n)", {"t": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}, 1),
        ("(x - 3)^2", "x", "x: scalar", {}, 1),
    ],
)
def test_slopes_and_curvatures_agree_with_differences(
    formula: str, unknowns: Any, where: str, data: Any, size: int
) -> None:
    p = mc.problem(formula, unknowns, where=where, data=data)
    z, v, h = 1 + RNG.random(size), RNG.standard_normal(size), 1e-6
    value, slope = p.fun(z), p.jac(z)
    assert slope.shape == (size,) if p.expression.is_scalar else (value.size, size)
    assert np.allclose(slope @ v, (p.fun(z + h * v) - p.fun(z - h * v)) / (2 * h), rtol=1e-5, atol=1e-6)
    if p.expression.is_scalar:
        curvature = (p.jac(z + h * v) - p.jac(z - h * v)) / (2 * h)
        assert p.hess(z).shape == (size, size)
        assert p.hess(z).dtype == slope.dtype == float
        assert np.allclose(p.hess(z) @ v, curvature, rtol=1e-5, atol=1e-5)
        assert np.allclose(p.hessp(z, v), curvature, rtol=1e-5, atol=1e-5)
        assert np.allclose(p.hess_operator(z).full(), p.hess(z))


def test_each_unknown_keeps_its_constraint() -> None:
    formula = "logdet(S) + x'*S*x + norm2(u - x)^2 + tr(Q*C)"
    C = np.array([[1.0, 2.0], [0.0, 3.0]])
    p = mc.problem(formula, ("S", "x", "u", "Q"), where=STRUCTURED, data={"C": C})
    z = p.flat(S=2 * np.eye(2), x=[1.0, 2.0], u=[3.0, 4.0], Q=[[1.0, 2.0], [3.0, 1.0]])
    at = p.point(z)
    assert at["u"].tolist() == [0.6, 0.8]
    assert np.allclose(at["Q"].T @ at["Q"], np.eye(2))
    assert p.fun(z) == pytest.approx(mc.parse(formula, where=STRUCTURED).evaluate({**at, "C": C}))
    v, h = np.concatenate([[1, 0.5, 0.5, 2], RNG.standard_normal(8)]), 1e-6
    assert p.jac(z) @ v == pytest.approx((p.fun(z + h * v) - p.fun(z - h * v)) / (2 * h), rel=1e-6)
    assert np.allclose(p.hessp(z, v), (p.jac(z + h * v) - p.jac(z - h * v)) / (2 * h), rtol=1e-5, atol=1e-6)
    assert np.allclose(p.hess(z) @ v, p.hessp(z, v))
    with pytest.raises(mc.EvaluationError, match="S is declared spd"):
        p.flat(**{**at, "S": np.triu(np.ones((2, 2)))})


def test_the_flat_vector_of_arrays_is_checked() -> None:
    p = factorization()
    z = p.flat(U, V)
    assert np.array_equal(p.flat(p.point(z)), z)
    assert least_squares().flat([1, 2, 3]).tolist() == [1, 2, 3]
    for values, message in (
        ({"U": U, "V": V.T}, "V must be a matrix of shape n×k, where k = 2 and n = 5"),
        ({"U": U}, "V has no value"),
        ({"U": U, "V": V, "W": V}, "there is no argument W"),
        ({"U": U[:3], "V": V}, "U must be a matrix of shape m×k, where k = 2 and m = 4"),
        ({"U": U + 1j, "V": V}, "U has complex entries"),
    ):
        with pytest.raises(mc.MatcalcError, match=message):
            p.flat(**values)
    for call in (p.fun, p.jac, p.hess, p.hess_operator, p.point):
        with pytest.raises(mc.ShapeError, match=r"17 entries do not make U, .* and V, .*, where m = 4 and n = 5"):
            call(np.ones(17))
    with pytest.raises(mc.ShapeError, match="do not make X") as caught:
        mc.problem("norm2(X)^2", "X", where="X: matrix(m,n)").fun(np.ones(6))
    assert "sizes={'m'" in caught.value.hint
    known = mc.problem("norm2(X)^2", "X", where="X: matrix(m,n)", sizes={"m": 2})
    assert known.point(np.arange(6.0)).tolist() == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(mc.ShapeError, match="an array of shape"):
        known.fun(np.ones((3, 2)))


def test_the_point_of_a_flat_vector_may_be_changed() -> None:
    p = factorization()
    z = p.flat(U, V)
    p.point(z)["U"][:] = 0
    assert np.array_equal(p.point(z)["U"], U)


def test_products_with_the_hessian_do_not_form_it() -> None:
    """The Hessian would have 10¹⁰ entries."""
    p = factorization(RNG.standard_normal((9000, 1000)))
    z = p.flat(U=RNG.standard_normal((9000, 10)), V=RNG.standard_normal((1000, 10)))
    v = RNG.standard_normal(100_000)
    h = 1e-4
    slope = (p.jac(z + h * v) - p.jac(z - h * v)) / (2 * h)
    assert np.allclose(p.hessp(z, v), slope, rtol=1e-4, atol=1e-3)
    m, n, k = 9000, 1000, 10
    work = p.hess_operator(z).formula.flops[1]
    assert float(work.subs({s: {"m": m, "n": n, "k": k}[s.name] for s in work.free_symbols})) < 4.2 * m * n * k


def test_one_step_of_newton_solves_ridge_regression() -> None:
    p = ridge()
    z = p.flat(w=np.zeros(3), b=1.0)
    best = z - p.hess_operator(z).solve(p.jac(z))
    assert np.allclose(best, solution_of_ridge())
    assert np.allclose(z - np.linalg.solve(p.hess(z), p.jac(z)), best)
    assert p.point(best)["b"] == pytest.approx(best[3])


def test_scipy_minimizes_in_several_unknowns() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    p = ridge()
    start = p.flat(w=np.zeros(3), b=0.0)
    for more in ({"method": "BFGS"}, {"method": "trust-ncg", "hessp": p.hessp}, {"method": "dogleg", "hess": p.hess}):
        found = optimize.minimize(p.fun, start, jac=p.jac, **more)
        assert np.allclose(found.x, solution_of_ridge(), atol=1e-5)
    q = factorization()
    found = optimize.minimize(q.fun, q.flat(U, V), jac=q.jac, hessp=q.hessp, method="trust-ncg")
    left, s, right = np.linalg.svd(T)
    kept = np.maximum(s[:2] - 0.5, 0)  # the singular values of the best product, less by mu
    at = q.point(found.x)
    assert np.allclose(at["U"] @ at["V"].T, (left[:, :2] * kept) @ right[:2], atol=1e-5)


def test_scipy_fits_residuals_of_several_unknowns_and_of_a_number() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    t = np.linspace(0, 1, 9)
    p = mc.problem("a*exp(k*t) - y", ("a", "k"), where="a, k: scalar", data={"t": t, "y": 2 * np.exp(-t)})
    found = optimize.least_squares(p.fun, p.flat(a=1.0, k=0.0), jac=p.jac)
    assert np.allclose(found.x, [2, -1])
    one = mc.problem("exp(k*t) - y", "k", where="k: scalar, t: vector(n)", data={"t": t, "y": np.exp(-t)})
    assert np.allclose(optimize.least_squares(one.fun, [0.0], jac=one.jac).x, [-1])


def test_the_example_of_the_documentation_runs_with_scipy() -> None:
    pytest.importorskip("scipy.optimize")
    page = (Path(__file__).parent.parent / "docs" / "code.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (source,) = [block for block in shown if "import minimize" in block]
    with_data = [block for block in shown if "ridge = mc.problem" in block and block is not source]
    lines = "".join(re.findall(r"^(?:>>>|\.\.\.) ?(.*\n)", "import matcalc as mc\n".join(with_data), re.MULTILINE))
    namespace: dict[str, Any] = {"mc": mc, "np": np}
    exec(compile(lines + source, "docs/code.md", "exec"), namespace)
    assert np.allclose(namespace["w"], namespace["best"]["w"], atol=1e-4)
    assert np.linalg.norm(namespace["U"] @ namespace["V"].T - namespace["T"]) < 0.2


def test_newton_in_several_unknowns() -> None:
    found = mc.newton("[x^2 + y^2 - 5; x*y - 2]", ("x", "y"), {"x": 2.5, "y": 0.5}, where="x, y: scalar")
    assert found.x == pytest.approx({"x": 2, "y": 1})
    M = np.array([[2.0, 1.0], [1.0, 5.0]])
    start = {"v": [1.0, 0.1], "z": 1.5}
    pair = mc.newton("[A*v - z*v; v'*v - 1]", ("v", "z"), start, where="v: vector(n), z: scalar", data={"A": M})
    assert pair.converged
    assert pair.x["z"] == pytest.approx(np.linalg.eigvalsh(M)[0])
    assert np.allclose(M @ pair.x["v"], pair.x["z"] * pair.x["v"])
    assert mc.newton("X - 2*ones(m,n)", "X", np.eye(2, 3), where="X: matrix(m,n)").x.tolist() == [[2, 2, 2]] * 2


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


def test_newton_for_one_number_points_to_the_gradient() -> None:
    f, where, data = "x'*A*x/2 - sum(log(x))", "A: matrix(n,n), x: vector(n)", {"A": np.diag([1.0, 2.0, 4.0])}
    with pytest.raises(mc.ShapeError, match="not 1 and 3") as caught:
        mc.newton(f, "x", np.ones(3), where=where, data=data)
    assert "mc.newton(mc.gradient(f, 'x', where), 'x', …)" in caught.value.hint
    found = mc.newton(mc.gradient(f, "x", where), "x", np.ones(3), data=data)
    assert np.allclose(found.x, [1, 0.5**0.5, 0.5])
    with pytest.raises(mc.ShapeError, match="not 2 and 3") as caught:
        mc.newton("x[1:2]", "x", np.ones(3), where="x: vector(3)")
    assert caught.value.hint == ""
