"""What the MIT course states that is no single derivative: identities, iterations, errors of differences, many steps.

Names of tests end in the number of the statement; the derivatives are in `test_course.py`.
"""

from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest

import matcalc as mc

RNG = np.random.default_rng(18)


def rank(e: mc.Expression, values: dict[str, np.ndarray]) -> int:
    return int(np.linalg.matrix_rank(e.evaluate(values)))


def steps(count: int, step: str, start: str, result: str) -> str:
    """A text in which `step`, a formula in x, is applied several times.

    >>> steps(2, "(x + a/x)/2", "1", "x")
    'let x0 = 1; x1 = (x0 + a/x0)/2; x2 = (x1 + a/x1)/2 in x2'
    """
    parts = [f"x0 = {start}"]
    parts += [f"x{k + 1} = {step}".replace("x", f"x{k}").replace(f"x{k}{k + 1} =", f"x{k + 1} =") for k in range(count)]
    return f"let {'; '.join(parts)} in {result.replace('x', f'x{count}')}"


EQUAL = [
    ("N5.9", "kron(P,Q)'*kron(P,Q)", "eye(m*n)", "P: matrix(m,m) orthogonal, Q: matrix(n,n) orthogonal"),
    # a matrix with the eigenvector u for s, and one with v for t
    (
        "N5.10",
        "let X = v*u'; A = s*u*u'/(u'*u) + C*(eye - u*u'/(u'*u)); B = t*v*v'/(v'*v) + D*(eye - v*v'/(v'*v)) in B*X*A'",
        "s*t*v*u'",
        "u: vector(m), v: vector(n), C: matrix(m,m), D: matrix(n,n), s, t: scalar",
    ),
    ("N6.6 the trap", "A*(c*A) + (c*A)*A", "2*A*(c*A)", "A: matrix(n,n), c: scalar"),
    ("N7.5 unit", "let d = inv(W)*g/sqrt(g'*inv(W)*g) in d'*W*d", "1", "W: matrix(n,n) spd, g: vector(n)"),
    (
        "N7.5 ascent",
        "let d = inv(W)*g/sqrt(g'*inv(W)*g) in g'*d",
        "sqrt(g'*inv(W)*g)",
        "W: matrix(n,n) spd, g: vector(n)",
    ),
    (
        "N10.4 first",
        "inv(eye(5) - [0 0 0 0 0; 0 0 0 0 0; a b 0 0 0; 0 0 c 0 0; 0 0 0 d 0])[5,1]",
        "a*c*d",
        "a, b, c, d: scalar",
    ),
    (
        "N10.4 second",
        "inv(eye(5) - [0 0 0 0 0; 0 0 0 0 0; a b 0 0 0; 0 0 c 0 0; 0 0 0 d 0])[5,2]",
        "b*c*d",
        "a, b, c, d: scalar",
    ),
    ("N15.9", "let v = leading_eigvec(S) in S*v - v'*S*v*v", "zeros(n)", "S: matrix(n,n) symmetric"),
    ("N15.9 multiplier", "let v = leading_eigvec(S) in v'*S*v", "lambda_max(S)", "S: matrix(n,n) symmetric"),
    ("P26-1.3", "kron(A,B)*vec(C)", "vec(B*C*A')", "A: matrix(m,n), B: matrix(p,q), C: matrix(q,n)"),
]


@pytest.mark.parametrize(
    ("first", "second", "where"), [pytest.param(a, b, where, id=name) for name, a, b, where in EQUAL]
)
def test_the_two_sides_are_equal(first: str, second: str, where: str) -> None:
    report = mc.equal(first, second, where=where, seed=1)
    assert report.verdict == "verified", str(report)


def test_an_operator_is_shown_without_its_kronecker_product_p26_1_3() -> None:
    where = "A: matrix(m,n), B: matrix(p,q), C: matrix(q,n)"
    assert str(mc.simplify(mc.parse("kron(A,B)*vec(C)", where=where))) == "vec(B*C*A')"


def test_what_is_no_kronecker_product_p22_2_4a() -> None:
    M = np.array([[1, 2, 0, 0], [3, 4, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]])
    rearranged = mc.parse("rearrange(M, 2, 2)", where="M: matrix(4,4)")
    assert rank(rearranged, {"M": M}) == 2
    assert rank(rearranged, {"M": np.kron([[1, 2], [3, 4]], [[0, 1], [5, 2]])}) == 1


def test_how_many_dimensions_the_linear_maps_have_p23_1_3() -> None:
    L = mc.jacobian("A*X", "X", where="A, X: matrix(n,n)")
    assert [str(size) for size in L.shape] == ["n**2", "n**2"]
    parameters = mc.jacobian(L, "A")
    assert rank(parameters, {"A": RNG.normal(size=(2, 2))}) == 4


def test_the_error_of_forward_differences_n6_2() -> None:
    curve = mc.error_curve("A^2", "A", seed=1)
    assert curve.forward.truncation is not None
    assert curve.forward.truncation.slope == pytest.approx(1, abs=0.05)
    assert 1e-10 < curve.forward.best_step < 1e-6


def test_central_differences_are_exact_for_quadratics_n6_4() -> None:
    curve = mc.error_curve("A^2", "A", seed=1)
    assert curve.central.truncation is None
    assert curve.central.errors[0] < 1e-14


def test_the_weights_of_a_stencil_p24_2_2() -> None:
    def weights(*points: float) -> np.ndarray:
        A = np.array([[x**k / max(k, 1) for x in points] for k in range(len(points))])
        A[3:] *= 3 / 6  # 1/k!, for k up to 3
        e = np.eye(len(points))[1]
        return mc.parse("A\\e", where="A: matrix(n,n), e: vector(n)").evaluate({"A": A, "e": e})

    assert weights(0, 1) == pytest.approx([-1, 1])
    assert weights(-1, 0, 1) == pytest.approx([-1 / 2, 0, 1 / 2])
    assert weights(0, 1, 2, 3) == pytest.approx([-11 / 6, 3, -3 / 2, 1 / 3])


def test_the_order_of_a_one_sided_rule_p24_2_2c() -> None:
    rule = mc.parse("(-11*sin(1)/6 + 3*sin(1 + s) - 3*sin(1 + 2*s)/2 + sin(1 + 3*s)/3)/s - cos(1)", where="s: scalar")
    errors = [abs(rule.evaluate({"s": s})) for s in (0.02, 0.01)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.05)


def test_the_complex_step_n6_5() -> None:
    f = mc.parse("exp(sin(x)*x)/(x^2 + 1)", where="x: scalar")
    slope = mc.gradient(f, "x").evaluate({"x": 0.7})
    assert f.evaluate({"x": 0.7 + 1e-30j}).imag / 1e-30 == pytest.approx(slope, rel=1e-15)


def test_a_direction_that_commutes_hides_the_mistake_n6_6() -> None:
    """The directions of a check are drawn on their own, so that the wrong claim is refuted every time."""
    for seed in range(5):
        assert mc.verify("A^2", "A", claim="2*A*dA", seed=seed).verdict == "refuted"
        assert mc.verify("A^2", "A", claim="A*dA + dA*A", seed=seed).verdict == "verified"


def test_newtons_method_for_a_number_n8_1() -> None:
    f = mc.parse("2*cos(x) - x + x^2/10", where="x: scalar")
    step = mc.parse(f"x - ({f})/({mc.gradient(f, 'x')})", where="x: scalar")
    x = 2.3
    iterates = [x := step.evaluate({"x": x}) for _ in range(8)]
    assert iterates[0] == pytest.approx(0.772218, abs=1e-6)
    assert iterates[-1] == pytest.approx(1.0718647206, abs=1e-10)


def test_steepest_descent_zigzags_n8_5() -> None:
    f = mc.parse("x'*H*x/2", where="x: vector(2), H: matrix(2,2) symmetric")
    gradient, hessian = mc.gradient(f, "x"), mc.hessian(f, "x")
    values = {"x": np.array([25.0, 1.0]), "H": np.diag([1.0, 25.0])}
    for _ in range(3):
        g, H = gradient.evaluate(values), hessian.evaluate(values)
        following = values["x"] - (g @ g) / (g @ H @ g) * g
        assert f.evaluate({**values, "x": following}) / f.evaluate(values) == pytest.approx((24 / 26) ** 2)
        values["x"] = following
    newton = values["x"] - np.linalg.solve(hessian.evaluate(values), gradient.evaluate(values))
    assert newton == pytest.approx([0, 0], abs=1e-14)


@pytest.mark.parametrize(("a", "root"), [(49, 7.0), (2, sqrt(2)), (pi, sqrt(pi))])
def test_the_babylonian_square_root_n10_2(a: float, root: float) -> None:
    f = mc.parse(steps(10, "(x + a/x)/2", "1", "x"), where="a: scalar")
    assert f.evaluate({"a": a}) == pytest.approx(root, rel=1e-15)
    assert mc.gradient(f, "a").evaluate({"a": a}) == pytest.approx(1 / (2 * root), rel=1e-14)


def test_a_quotient_of_dual_numbers_n10_3() -> None:
    D = mc.differentiate("x/y", ("x", "y"), where="x, y: scalar")
    assert D.differential.evaluate({"x": 2, "y": 3, "dx": 3, "dy": 4}) == pytest.approx(1 / 9)


def test_the_cube_root_by_newtons_method_n10_5() -> None:
    f = mc.parse(steps(8, "x - (x^3 - a)/(3*x^2)", "1", "x"), where="a: scalar")
    assert f.evaluate({"a": 2}) == pytest.approx(1.2599210498948732, rel=1e-15)
    assert mc.gradient(f, "a").evaluate({"a": 2}) == pytest.approx(0.20998684164914552, rel=1e-14)


def test_the_derivative_of_an_inverse_function_p22_2_1() -> None:
    slope = mc.gradient("solve(exp(x) + x = y, x)", "y", where="x, y: scalar")
    y = 2.0
    x = mc.parse("solve(exp(x) + x = y, x)", where="x, y: scalar").evaluate({"y": y})
    assert slope.evaluate({"y": y}) == pytest.approx(1 / (np.exp(x) + 1))


@pytest.mark.parametrize(("f", "determinant"), [("expm(M)", 939.059), ("M^2", 4096), ("sinm(M)", 8.41346e-06)])
def test_the_determinant_of_the_jacobian_p23_2_4b(f: str, determinant: float) -> None:
    M = np.array([[(i - j) ** 2 for j in range(3)] for i in range(3)], dtype=float)
    J = mc.jacobian(f, "M", where="M: matrix(n,n)").evaluate({"M": M})
    assert np.linalg.det(J) == pytest.approx(determinant, rel=1e-6)


def test_perturbations_of_orthogonal_matrices_n15_2() -> None:
    where = "A, dA: matrix(n,n)"
    Q, dQ = mc.parse("qr_q(A)", where=where), mc.differential("qr_q(A)", "A", where="A: matrix(n,n)")
    report = mc.equal(Q.T @ dQ, -(dQ.T @ Q), where=where, seed=1)
    assert report.verdict == "verified", str(report)


def test_the_orthogonal_group_has_n_n_minus_1_over_2_dimensions_n15_2() -> None:
    tangent = mc.gradient("tr(B'*Q)", "Q", where="Q: matrix(n,n) orthogonal, B: matrix(n,n)")
    values = {"Q": np.linalg.qr(RNG.normal(size=(4, 4)))[0], "B": RNG.normal(size=(4, 4))}
    assert rank(mc.jacobian(tangent, "B"), values) == 6


def test_perturbations_on_the_sphere_n15_6() -> None:
    where = "x: vector(n) unit, A: matrix(n,n)"
    gradient = mc.gradient("x'*A*x/2", "x", where=where)
    assert mc.equal(f"x'*({gradient})", "0", where=where, seed=1).verdict == "verified"
    circle = mc.parse("[cos(t); sin(t)]", where="t: scalar")
    movement = circle.T @ mc.differential(circle, "t")
    assert mc.equal(movement, "0", where="t, dt: scalar", seed=1).verdict == "verified"


def test_a_double_eigenvalue_splits_n17_3() -> None:
    Q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    S, U = Q @ np.diag([1.0, 2.0, 2.0, 5.0]) @ Q.T, Q[:, 1:3]
    E = RNG.normal(size=(4, 4))
    E, h = E + E.T, 1e-6
    eigvals = mc.parse("eigvals(S)", where="S: matrix(n,n) symmetric")
    moved = (eigvals.evaluate({"S": S + h * E}) - eigvals.evaluate({"S": S}))[1:3] / h
    assert moved == pytest.approx(eigvals.evaluate({"S": U.T @ E @ U}), rel=1e-4)
    with pytest.raises(mc.EvaluationError, match="eigenvalues coincide"):
        mc.gradient("eigvals(S)[2]", "S", where="S: matrix(n,n) symmetric").evaluate({"S": S})


def test_a_defective_matrix_n17_4() -> None:
    slope = mc.gradient("spectral_abscissa([2 1; t 2])", "t", where="t: scalar")
    assert [slope.evaluate({"t": t}) for t in (0.01, 1e-4)] == pytest.approx([5, 50], rel=1e-8)
    with pytest.raises(mc.EvaluationError, match="square root"):
        slope.evaluate({"t": 0})


def test_the_exterior_derivative_of_a_differential_is_zero_n17_7() -> None:
    where = "x: vector(n), A: matrix(n,n), c: vector(n)"
    H = mc.hessian("sin(x'*A*x)*exp(c'*x)", "x", where=where)
    assert mc.equal(H, H.T, where=where, seed=1).verdict == "verified"


@pytest.mark.parametrize("part", ["x", "y"])
def test_a_complex_gradient_by_its_parts_n17_2_n17_6(part: str) -> None:
    """f(z) = ‖A z − b‖² for complex A, b and z = x + iy: its gradient in x and y is that of 2 Aᴴ(A z − b)."""
    where = "A, B: matrix(m,n), x, y: vector(n), b, c: vector(m)"
    f = "norm2(A*x - B*y - b)^2 + norm2(A*y + B*x - c)^2"
    values = {name: RNG.normal(size=(3, 2)) for name in "AB"}
    values |= {name: RNG.normal(size=2) for name in "xy"} | {name: RNG.normal(size=3) for name in "bc"}
    A, z, b = (values[re] + 1j * values[im] for re, im in ("AB", "xy", "bc"))
    expected = 2 * A.conj().T @ (A @ z - b)
    found = mc.gradient(f, part, where=where).evaluate(values)
    assert found == pytest.approx(expected.real if part == "x" else expected.imag)


def test_forward_sensitivity_of_a_linear_equation_n11_1b() -> None:
    where = "A: matrix(n,n), t: scalar, u: vector(n)"
    found = mc.directional("expm(A*t)*u", "A", "E", where=f"{where}, E: matrix(n,n)")
    A, E, u, t = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3), 0.8
    nodes, weights = np.polynomial.legendre.leggauss(20)
    flow = mc.parse("expm(A*t)", where="A: matrix(n,n), t: scalar")
    pieces = [
        w * t / 2 * flow.evaluate({"A": A, "t": t - s}) @ E @ flow.evaluate({"A": A, "t": s}) @ u
        for w, s in zip(weights, t * (nodes + 1) / 2, strict=True)
    ]
    assert found.evaluate({"A": A, "E": E, "u": u, "t": t}) == pytest.approx(sum(pieces), rel=1e-12)


def euler(count: int) -> str:
    """The course's integral of (u - t^3)^2 over [0, 1] along u' = p + q u + r u^2, by Euler's method with step s."""
    parts = ["u0 = 0", "g0 = 0"]
    for k in range(count):
        parts.append(f"g{k + 1} = g{k} + s*(u{k} - ({k}*s)^3)^2")
        parts.append(f"u{k + 1} = u{k} + s*(p + q*u{k} + r*u{k}^2)")
    return f"let {'; '.join(parts)} in g{count}"


def test_discretize_then_differentiate_n11_2_n11_3_n11_5() -> None:
    """Differentiated exactly, Euler's sums tend to the gradient of the adjoint equation, as the step does to 0."""
    found = []
    for count in (6, 12, 24):
        D = mc.differentiate(euler(count), ("p", "q", "r"), where="p, q, r, s: scalar")
        values = {"p": 0.7, "q": -0.4, "r": 0.3, "s": 1 / count}
        found.append(np.array([D.gradient[name].evaluate(values) for name in "pqr"]))
    once = [2 * finer - coarse for coarse, finer in pairwise(found)]
    assert (4 * once[1] - once[0]) / 3 == pytest.approx([0.018100303, -0.006037087, -0.004567409], rel=0.02)


def test_the_pathwise_derivative_of_a_sample_n13_1_n13_2() -> None:
    where = "p: scalar, w: scalar"
    X = "-p*log(1 - w)"
    assert mc.equal(mc.gradient(X, "p", where=where), f"({X})/p", where=where, seed=1).verdict == "verified"
    w = 1 - np.exp(-sqrt(153.7496) / 10)
    slope = mc.gradient(f"({X})^2", "p", where=where)
    assert slope.evaluate({"p": 10, "w": w}) == pytest.approx(30.7499, abs=1e-4)
