"""What is said of a wrong claim, and of a right one: which derivative it is."""

import pytest

import matcalc as mc
from matcalc.errors import ShapeError

WHERE = "A, B: matrix(n,n), C: matrix(m,n), S: matrix(n,n) symmetric, u: vector(n) unit, x: vector(n), s: scalar"

OUTSIDE = "the claim is right up to what leaves the tangent space of {} matrices: project it"

EXPLAINED = [
    ("x'*x", "x", "-2*x", "the claim has the wrong sign"),
    ("x'*x", "x", "x", "the claim is 1/2 times what is right"),
    ("mean(x)", "x", "ones(n)", "the claim is n times what is right"),
    ("sum(x)", "x", "ones(n)/n", "the claim is 1/n times what is right"),
    ("tr(A*B)", "A", "B", "the claim is transposed: its transpose is right"),
    ("logdet(A)", "A", "inv(A)", "the claim is transposed: its transpose is right"),
    ("x'*A*x", "x", "A*x", "the term A'*x is missing"),
    ("A^2", "A", "dA*A", "the term A*dA is missing"),
    ("x'*A*x + s*x'*x", "x", "(A + A')*x - 2*s*x", "the term 2*s*x has the wrong sign"),
    ("x'*A*x", "x", "(A + A')*x + x", "the term x is too much"),
    ("x'*A*x", "x", "2*A*x", "the claim is right for symmetric A, but not in general"),
    ("A^2", "A", "2*A*dA", "the claim is right for diagonal A and dA, but not in general"),
    ("tr(A*S)", "S", "A", "the claim is right up to what leaves the tangent space of symmetric matrices: project it"),
    (
        "u'*A*u",
        "u",
        "(A + A')*u",
        "the claim is right up to what leaves the tangent space of unit matrices: project it",
    ),
    ("C*x", "x", "C'", "the claim is the transpose of the Jacobian: it is right in the denominator layout"),
    ("A*x", "x", "A'", "the claim is the transpose of the Jacobian: it is right in the denominator layout"),
    ("sum(exp(x))", "x", "exp(-x)", "a wrong sign: exp(x) is right"),
]


@pytest.mark.parametrize(("f", "wrt", "claim", "words"), EXPLAINED)
def test_what_is_wrong_is_said(f: str, wrt: str, claim: str, words: str) -> None:
    for seed in (1, 2):
        report = mc.verify(f, wrt, claim, where=WHERE, seed=seed)
        assert report.verdict == "refuted"
        assert report.diagnosis == words


@pytest.mark.parametrize(
    ("f", "wrt", "claim"),
    [("x'*A*x", "x", "(A*A + 3*A')*x"), ("det(A)", "A", "A*A*A"), ("norm2(x)", "x", "x.^2")],
)
def test_where_nothing_simple_is_wrong_nothing_is_said(f: str, wrt: str, claim: str) -> None:
    report = mc.verify(f, wrt, claim, where=WHERE, seed=1)
    assert report.verdict == "refuted"
    assert report.diagnosis == ""


@pytest.mark.parametrize(
    ("f", "wrt", "claim", "kind"),
    [
        ("x'*A*x", "x", "(A + A')*x", "gradient"),
        ("x'*A*x", "x", "x'*(A + A')", "Jacobian"),
        ("x'*A*x", "x", "A + A'", "Hessian"),
        ("x'*A*x", "x", "x'*(A + A')*dx", "differential"),
        ("x'*A*x", "x", "dx_'*(A + A')*dx", "second differential"),
        ("s^3", "s", "3*s^2", "gradient"),
        ("s^3", "s", "6*s", "Hessian"),
        ("C*x", "x", "C", "Jacobian"),
    ],
)
def test_a_right_claim_is_named(f: str, wrt: str, claim: str, kind: str) -> None:
    report = mc.verify(f, wrt, claim, where=WHERE, seed=1)
    assert report.passed
    assert report.diagnosis == f"the claim is the {kind}"


def test_in_the_denominator_layout_a_jacobian_is_transposed() -> None:
    assert mc.verify("C*x", "x", "C'", where=WHERE, layout="denominator").passed
    numerator = mc.verify("C*x", "x", "C", where=WHERE, layout="denominator")
    assert numerator.verdict == "refuted"
    assert numerator.diagnosis.endswith("it is right in the numerator layout")


def test_a_shape_that_fits_nothing_is_an_error() -> None:
    with pytest.raises(ShapeError, match="it is no derivative of"):
        mc.verify("C*x", "x", "C*C'", where=WHERE)
