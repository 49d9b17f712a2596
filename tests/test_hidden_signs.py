"""What is easily missed: signs and branches that a function does not see, sizes of two sides, and rounding."""

import pytest

import matcalc as mc
from matcalc.sampling import Domain
from matcalc.verdicts import default_forms, forms_of
from matcalc.verification import verify_forms

SEEDS = range(6)
WRONG_CLAIMS = [
    ("norm2(s*x)", "s", "norm2(x)", "x: vector(n), s: scalar"),
    ("sigma_max(s*A)", "s", "sigma_max(A)", "s: scalar"),
    ("normnuc(s*A)", "s", "normnuc(A)", "s: scalar"),
    ("lambda_max(s*S)", "s", "lambda_max(S)", "s: scalar, S: matrix(n,n) symmetric"),
]
UNEQUAL = [
    ("sigma_max(S)", "lambda_max(S)", "S: matrix(n,n) symmetric"),
    ("svdvals(s*A)", "s*svdvals(A)", "s: scalar"),
    ("logm(expm(A))", "A", "A: matrix(n,n)"),
    ("arcsin(sin(x))", "x", "x: vector(n)"),
    ("arctan(tan(s))", "s", "s: scalar"),
    ("sqrtm(A^2)", "A", "A: matrix(n,n)"),
]
EQUAL = [
    ("logm(expm(S))", "S", "S: matrix(n,n) symmetric"),
    ("expm(logm(A))", "A", "A: matrix(n,n)"),
    ("norm2(s*x)", "abs(s)*norm2(x)", "x: vector(n), s: scalar"),
    ("sqrtm(P^2)", "P", "P: matrix(n,n) spd"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("f", "x", "claim", "where"), WRONG_CLAIMS, ids=[c[0] for c in WRONG_CLAIMS])
def test_a_claim_without_the_sign_is_refuted(f: str, x: str, claim: str, where: str, seed: int) -> None:
    assert mc.verify(f, x, claim=claim, where=where, seed=seed).verdict == "refuted"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("one", "other", "where"), UNEQUAL, ids=[f"{a}={b}" for a, b, _ in UNEQUAL])
def test_what_agrees_in_one_region_only_is_refuted(one: str, other: str, where: str, seed: int) -> None:
    assert mc.equal(one, other, where=where, seed=seed).verdict == "refuted"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("one", "other", "where"), EQUAL, ids=[f"{a}={b}" for a, b, _ in EQUAL])
def test_what_agrees_everywhere_is_not(one: str, other: str, where: str, seed: int) -> None:
    assert mc.equal(one, other, where=where, seed=seed).verdict == "verified"


@pytest.mark.parametrize(
    ("one", "other"),
    [("det(2*eye(n))", "2^n"), ("tr(eye(n))", "n"), ("n*(n + 1)/2", "sum(i, 1, n, i)"), ("norm2(ones(n))^2", "n")],
)
def test_a_declared_size_is_the_same_on_both_sides(one: str, other: str) -> None:
    assert mc.equal(one, other, where="n: size", seed=1).verdict == "verified"
    assert mc.equal(one, f"{other} + 1", where="n: size", seed=1).verdict == "refuted"


@pytest.mark.parametrize("seed", [4012162402, 3063426513, 2444712010, 3277894583])
@pytest.mark.parametrize("scale", [65.61000208341001, 106.5489656259226, 183.71266072292877])
def test_a_tiny_derivative_left_over_by_rounding_is_no_mistake(seed: int, scale: float) -> None:
    """log(1 + t) of a t of 1e-35 has 25 of sixty digits, and its differences fewer."""
    D = mc.differentiate("log(1 + sum(exp(x)))", "x", where="x: vector(n)")
    report = verify_forms(
        D.expression,
        D.variables,
        forms_of(D, default_forms(D)),
        perturbations=D.perturbations,
        second_perturbations=D.second_perturbations,
        seed=seed,
        domain=Domain(scale=scale, sizes=(1, 8)),
        explain=False,
    )
    assert report.verdict != "refuted"
