"""Mistakes that hide: behind kinks, between whole numbers, beyond the range of doubles, modulo a prime."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.exact_tier import ExactTier

KINKS = "a, b, s: scalar, x, y: vector(n)"

HIDDEN = [
    # larger than a double
    ("x'*x", "x", "exp(1000)*x", "x: vector(n)"),
    ("x'*x", "x", "2*x + exp(1000)*x", "x: vector(n)"),
    ("x'*x", "x", "gamma(200)*x", "x: vector(n)"),
    # in one of the regions between kinks
    ("min(max(s, 0), 6)", "s", "heaviside(s)", KINKS),
    ("relu(a)*relu(b)*s^2", "s", "0*s", KINKS),
    ("relu(a)*relu(b)*y'*y", "y", "2*relu(a*b)*y", KINKS),
    ("relu(x[1])*relu(x[2])*relu(x[3])*y'*x", "y", "0*x", KINKS),
    # at one whole number from 1 to 4
    ("s^k", "s", "k*s^(k - 1) + (k - 1)*(k - 2)*(k - 3)*s", "k: scalar integer, s: scalar"),
    # where xᵖ = x modulo the prime p, one of the pool
    ("s^2", "s", "2*s + 1e-20*(s^1166578377647518079 - s)", "s: scalar"),
]


@pytest.mark.parametrize(("f", "wrt", "claim", "where"), HIDDEN)
def test_a_hidden_mistake_is_refuted(f: str, wrt: str, claim: str, where: str) -> None:
    for seed in range(3):
        report = mc.verify(f, wrt, claim, where=where, seed=seed)
        assert report.verdict == "refuted", str(report)


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("s", "s + heaviside(a)*heaviside(b)", "a, b, s: scalar"),
        ("s", "s + relu(s - 50)", "s: scalar"),
        ("s", "s + (k - 1)*(k - 2)*(j - 1)*(j - 2)*s", "s: scalar, k, j: scalar integer"),
        ("exp(s + t)", "exp(s)*exp(t)*(1 + 1e-25)", "s, t: scalar"),
    ],
)
def test_expressions_that_differ_somewhere_are_told_apart(first: str, second: str, where: str) -> None:
    for seed in range(3):
        report = mc.equal(first, second, where=where, seed=seed)
        assert report.verdict == "refuted", str(report)


def test_the_chance_of_missing_a_region_enters_the_bound() -> None:
    """Of 2ᵏ regions between k kinks each point visits one: (1 − 2⁻ᵏ)ᴺ for N points."""
    one = mc.verify("sum(abs(x))", "x", where="x: vector(n)", seed=1)
    assert one.method == "exact"
    assert one.error_estimate == pytest.approx(0.5 ** len(one.exact_sizes))
    two = mc.verify("relu(a)*relu(b)*y'*y", "y", where=KINKS, seed=1)
    assert two.error_estimate == pytest.approx(0.75 ** len(two.exact_sizes))


def test_what_holds_by_signs_is_verified_in_numbers() -> None:
    assert mc.equal("abs(x'*x)", "x'*x", where="x: vector(n)").verdict == "verified"


def test_the_numbers_for_a_scalar_are_those_of_the_derivative() -> None:
    for seed in range(5):
        shown = mc.verify("s*t", "t", "s^2", where="s, t: scalar", seed=seed).counterexample
        assert shown is not None
        s = shown["inputs"]["s"]
        assert (shown["found"], shown["expected"]) == (pytest.approx(s**2), pytest.approx(s))


@pytest.mark.parametrize(
    "words",
    ["orthogonal spd", "orthogonal positive", "skew positive", "unit symmetric", "orthogonal diagonal", "spd lower"],
)
def test_properties_that_leave_nothing_are_refused(words: str) -> None:
    with pytest.raises(mc.ShapeError, match="cannot be both"):
        mc.parse("tr(A)", where=f"A: matrix(n,n) {words}")


def test_a_derivative_in_reflections_is_refused_by_name() -> None:
    with pytest.raises(mc.NotDifferentiable, match="orthogonal and symmetric, as Q, are not supported"):
        mc.gradient("tr(A*Q)", "Q", where="A: matrix(n,n), Q: matrix(n,n) orthogonal symmetric")


def test_the_determinant_of_an_orthogonal_matrix_may_be_negative() -> None:
    report = mc.verify("det(Q)*x'*x", "x", "2*x", where="Q: matrix(n,n) orthogonal, x: vector(n)", seed=1)
    assert report.verdict == "refuted"


@pytest.mark.parametrize("text", ["tr(inv(B))", "tr(inv(2*B))", "tr(B^3)"])
def test_the_trace_of_what_is_skew_is_zero(text: str) -> None:
    assert mc.equal(text, "0", where="B: matrix(n,n) skew").passed


@pytest.mark.parametrize("claim", ["dx_", "x + dx_", "dx_*dx'", "x*dx'"])
def test_a_differential_of_the_wrong_shape_is_an_error(claim: str) -> None:
    with pytest.raises(mc.ShapeError, match="a differential of x'\\*x is 1×1"):
        mc.verify("x'*x", "x", claim, where="x: vector(n)")


def test_what_has_the_shape_of_a_hessian_operator_is_said_to_be_read_as_one() -> None:
    report = mc.verify("x'*x", "x", "x'*x*dx", where="x: vector(n)", seed=1)
    assert report.verdict == "refuted"
    assert "read as a Hessian operator, by its shape: a differential of x'*x is 1×1" in report.diagnosis
    assert mc.verify("x'*x", "x", "2*dx", where="x: vector(n)", seed=1).diagnosis == "the claim is the Hessian operator"


def test_what_cannot_be_computed_is_no_traceback() -> None:
    assert mc.verify("gamma(gamma(gamma(s)))", "s", "s", where="s: scalar", seed=1).verdict != "verified"
    large = mc.verify("det(A)", "A", "2*det(A)*inv(A)'", where="A: matrix(60,60)", seed=1)
    assert large.verdict != "verified"


def test_large_values_make_no_false_alarm() -> None:
    """sigmoid(−10¹⁸) needs exp(10¹⁸), which is beyond sixty digits' range: not known, rather than undefined."""
    f = "sum(log(exp(-y.*(X*w)) + vector(1)))"
    D = mc.differentiate(f, "w", "y: vector(m), X: matrix(m,n), w: vector(n)")
    scaled = mc.verify(f"{f} + 0*sum(X)", "w", str(D.gradient), where="y: vector(m), X: matrix(m,n), w: vector(n)")
    assert scaled.passed
    value = mc.parse("sigmoid(s)", "s: scalar").evaluate({"s": -1e18})
    assert np.isfinite(value)


TURNED = "kron(eye(m), kron(K(n,p), eye(q)))*kron(vec(A'), eye(p*q))*K(p,q)"
OF_FOUR_SIZES = "A: matrix(m,n), B: matrix(p,q)"


def test_a_transpose_in_a_large_jacobian_is_seen() -> None:
    """Matrices of four sizes are checked at small ones: every two sizes must differ and be above 1 at some point."""
    for seed in range(40):
        report = mc.verify("kron(A, B)'", "B", claim=TURNED, where=OF_FOUR_SIZES, seed=seed)
        assert report.verdict == "refuted", report


def test_numbers_that_differ_everywhere_are_not_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where exact arithmetic saw only sizes that hide a mistake, and sixty digits are too slow, nothing is verified."""
    monkeypatch.setattr(ExactTier, "draw_sizes", lambda self, before=(), tries=1: {"m": 1, "n": 3, "p": 3, "q": 1})
    for seed in range(5):
        report = mc.verify("kron(A, B)'", "B", claim=TURNED, where=OF_FOUR_SIZES, seed=seed)
        assert report.verdict != "verified", report
