"""Gradients for weighted inner products: their forms, tangency, verdicts, and what is refused."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.sampling import Sampler

FORMS = [
    ("x'*A*x", "x", "", "W", "inv(W)*(A + A')*x"),
    ("x'*A*x", "x", "A: matrix(n,n) symmetric", "W", "2*inv(W)*A*x"),
    ("x'*A*x", "x", "W: matrix(n,n) spd", "2*W", "inv(W)*(A + A')*x/2"),
    ("norm2(A*x - b)^2", "x", "", "W", "2*inv(W)*A'*(A*x - b)"),
    ("r*A*r'", "r", "r: row(n)", "W", "r*(A + A')*inv(W)"),
    ("t^2", "t", "t: scalar", "w", "2*t/w"),
    ("tr(A'*X)", "X", "", "W", "inv(W)*A"),
    ("tr(A'*X)", "X", "", ("W", "V"), "inv(W)*A*inv(V)"),
    ("tr(A*S)", "S", "S: matrix(n,n) symmetric", ("W", "W"), "inv(W)*(A + A')*inv(W)/2"),
    ("tr(A*S)", "S", "S: matrix(n,n) symmetric", "W", "sylvester(W, W, A + A')"),
    ("tr(A*S)", "S", "S: matrix(n,n) skew", "W", "sylvester(W, W, A' - A)"),
    ("tr(A*S)", "S", "S: matrix(n,n) symmetric, w: vector(n) positive", "diag(w)", None),
    ("tr(A*S)", "S", "S: matrix(n,n) symmetric", ("W", "V"), None),
    ("logdet(S) - tr(A*S)", "S", "S: matrix(n,n) spd, A: matrix(n,n) symmetric", ("inv(S)", "inv(S)"), "S - S*A*S"),
    ("tr(A*S)", "S", "S: matrix(n,n) diagonal", "W", "diag(diag(A)./diag(W))"),
    ("tr(A*S)", "S", "S: matrix(n,n) diagonal", ("W", "V"), "diag(inv(V.*W)*diag(A))"),
    ("tr(A*S)", "S", "S: matrix(n,n) lower, w: vector(n) positive", "diag(w)", None),
    ("tr(A*S)", "S", "S: matrix(n,n) upper, W, V: matrix(n,n) spd diagonal", ("W", "V"), "inv(W)*triu(A')*inv(V)"),
    ("c'*x", "x", "x: vector(n) unit, c: vector(n)", "W", "inv(W)*(c - c'*inv(W)*x*x/(x'*inv(W)*x))"),
    ("norm2(x - c)^2", "x", "x: vector(n) unit, c: vector(n)", "W", None),
    ("tr(A'*X)", "X", "X: matrix(m,n) unit", "W", None),
    ("tr(A'*X)", "X", "X: matrix(m,n) unit, v: vector(n) positive", ("W", "diag(v)"), None),
    ("tr(A'*Q)", "Q", "Q: matrix(m,n) orthogonal", "W", None),
    ("tr(A'*Q)", "Q", "Q: matrix(m,n) orthogonal", ("W", "V"), None),
    ("tr(A'*Q)", "Q", "Q: matrix(m,n) orthogonal", "4*eye", None),
    ("x'*A*x", "x", "", "D'*D", "inv(D'*D)*(A + A')*x"),
]


@pytest.mark.parametrize(("f", "x", "where", "inner", "wanted"), FORMS, ids=[f"{r[0]}-{r[2]}-{r[3]}" for r in FORMS])
def test_the_gradient_has_the_closed_form_and_is_verified(
    f: str, x: str, where: str, inner: str, wanted: str | None
) -> None:
    D = mc.differentiate(f, x, where, inner=inner)
    assert wanted is None or str(D.gradient) == wanted
    report = D.verify(seed=1)
    assert report.passed, str(report)


def test_the_gradient_is_the_one_with_df_as_its_inner_product() -> None:
    """df = g'W dx by NumPy alone, at one point."""
    D = mc.differentiate("x'*A*x", "x", inner="W")
    values = {v.name: Sampler(3).value(v, {"n": 4}) for v in D.known_variables}
    dx = np.array([1.0, -2.0, 0.5, 3.0])
    g = D.gradient.evaluate(values)
    df = values["x"].T @ (values["A"] + values["A"].T) @ dx
    assert np.allclose(g @ values["W"] @ dx, df, rtol=1e-12)


def test_a_change_of_units_is_an_inner_product() -> None:
    """Steepest ascent in y = M x, mapped back to x, is inv(M)*grad_y = inv(M'M)*grad_x; course, L3."""
    where = "M: matrix(n,n), A: matrix(n,n), x: vector(n)"
    back = "inv(M)*(inv(M)'*(A + A')*inv(M)*(M*x))"
    found = mc.gradient("x'*A*x", "x", where, inner="M'*M")
    assert mc.equal(str(found), back, where=where, seed=1).passed


def test_the_gradient_is_the_steepest_ascent() -> None:
    """Over the unit ball of W, df is largest along the gradient, where it is sqrt(g'inv(W)g); course, L3 and L4."""
    D = mc.differentiate("x'*A*x", "x", inner="W")
    values = {v.name: Sampler(3).value(v, {"n": 4}) for v in D.known_variables}
    plain, W = mc.gradient("x'*A*x", "x").evaluate({"A": values["A"], "x": values["x"]}), values["W"]
    steepest = D.gradient.evaluate(values)
    steepest /= np.sqrt(steepest @ W @ steepest)
    largest = np.sqrt(plain @ np.linalg.solve(W, plain))
    assert np.isclose(plain @ steepest, largest, rtol=1e-12)
    others = np.random.default_rng(1).standard_normal((100, 4))
    assert all(plain @ v / np.sqrt(v @ W @ v) < largest for v in others)


@pytest.mark.parametrize(
    ("f", "x", "where", "inner", "claim", "verdict"),
    [
        ("x'*A*x", "x", "", "W", "inv(W)*(A + A')*x", "verified"),
        ("x'*A*x", "x", "", "W", "(A + A')*x", "refuted"),
        ("x'*A*x", "x", "", "W", "W*(A + A')*x", "refuted"),
        ("tr(A*S)", "S", "S: matrix(n,n) symmetric", ("W", "W"), "inv(W)*(A + A')*inv(W)/2", "verified"),
        # right along all symmetric directions, and not symmetric
        ("tr(A*S)", "S", "S: matrix(n,n) symmetric", ("W", "W"), "inv(W)*A*inv(W)", "refuted"),
        # right along all tangents, and not tangent
        ("c'*x", "x", "x: vector(n) unit, c: vector(n)", "W", "inv(W)*c", "refuted"),
    ],
)
def test_claims_are_for_the_inner_product(f: str, x: str, where: str, inner: str, claim: str, verdict: str) -> None:
    assert mc.verify(f, x, claim, where=where, inner=inner, seed=1).verdict == verdict


def test_a_claim_for_the_plain_inner_product_is_recognised() -> None:
    report = mc.verify("x'*A*x", "x", "(A + A')*x", inner="W", seed=1)
    assert "the gradient for the plain inner product" in report.diagnosis


def test_the_sizes_of_weights_are_those_of_the_variable() -> None:
    D = mc.differentiate("x'*A*x", "x", "W: matrix(k,k) spd", inner="W")
    assert D.gradient.where == "W: matrix(k,k) spd, A: matrix(k,k), x: vector(k)"


def test_the_weight_is_no_matter_for_the_hessian() -> None:
    D = mc.differentiate("x'*A*x", "x", inner="W")
    assert str(D.hessian) == "A + A'"
    assert D.second_differential.variables.keys() == {"A", "dx", "dx_"}


REFUSED = [
    ("x'*A*x", "x", "A: matrix(n,n), x: vector(n)", "A", mc.ShapeError, "not seen of A", "declare A: matrix(n,n) spd"),
    ("x'*A*x", "x", "W: matrix(n,n) spd, x: vector(n)", "-W", mc.ShapeError, "not seen of -W", "D'*D"),
    ("x'*A*x", "x", "w, x: vector(n)", "diag(w)", mc.ShapeError, "not seen of diag(w)", "positive in diag(w)"),
    ("x'*A*x", "x", "W: matrix(3,3) spd, x: vector(4)", "W", mc.ShapeError, "4×4 matrix is expected", "4×4"),
    ("x'*A*x", "x", "", ("W", "V"), mc.ShapeError, "has one weight, not 2", "tr(U'*L*V*R) two"),
    ("x'*A*x", "x", "", "W*", mc.ParseError, "* needs something after it", "leave it out"),
    ("A*x", "x", "", "W", mc.NotScalar, "which only a scalar has", "take sum"),
    ("x'*A*x", ("x", "A"), "", "W", mc.UnknownName, "name the variable", "one of x, A"),
    ("tr(A*L)", "L", "L: matrix(n,n) lower", "W", mc.NotDifferentiable, "no closed form", "take diagonal weights"),
    ("tr(A'*X)", "X", "X: matrix(m,n) unit", ("W", "V"), mc.NotDifferentiable, "no closed form", "without unit"),
]


@pytest.mark.parametrize(
    ("f", "x", "where", "inner", "error", "message", "hint"), REFUSED, ids=[str(r[3]) for r in REFUSED]
)
def test_what_is_no_inner_product_is_refused_by_name(
    f: str, x: str, where: str, inner: str, error: type[mc.MatcalcError], message: str, hint: str
) -> None:
    with pytest.raises(error) as caught:
        assert mc.gradient(f, x, where, inner=inner) is not None
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")
