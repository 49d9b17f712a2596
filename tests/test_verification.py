"""Verification: right derivatives are verified, however hard; wrong ones are refuted, however close."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcalc.adjoints import pullback
from matcalc.applications import apply
from matcalc.derivative_tests import Claim
from matcalc.differences import slope
from matcalc.differentials import differential_of
from matcalc.errors import ShapeError
from matcalc.evaluation import evaluate
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.function_table import FUNCTIONS, Function
from matcalc.leaves import number, variable
from matcalc.mutants import mutants
from matcalc.products import multiply
from matcalc.reading import parse, read
from matcalc.reports import Report
from matcalc.tangents import perturbation, projection
from matcalc.verification import verify_equal, verify_forms

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "corpus" / "public.json").read_text(encoding="utf-8")
)
WHERE = (
    "A: matrix(n,n), B: matrix(m,n), S: matrix(n,n) symmetric, P: matrix(n,n) spd, K: matrix(n,n) skew, "
    "D: matrix(n,n) diagonal, L: matrix(n,n) lower, Q: matrix(n,p) orthogonal, C: matrix(n,p), "
    "u: vector(n) unit, x: vector(n), y: vector(m), s: scalar, k: scalar integer"
)


def check(f: str, kind: str, wrt: str, claim: str, seed: int | None = 1, **options: Any) -> Report:
    """The verdict on a claim in text about the derivative of f."""
    function = parse(f, WHERE)
    x = next(v for v in variables_of(function) if v.name == wrt)
    first, second = perturbation(x, f"d{wrt}"), perturbation(x, f"d{wrt}_")
    declared = [f"{v.name}: matrix({v.rows},{v.columns})" if not v.is_scalar else v.name for v in (first, second)]
    e = parse(claim, ", ".join([WHERE, *(d if ":" in d else f"{d}: scalar" for d in declared)]))
    claims = {kind: Claim(kind, e, x)}  # type: ignore[arg-type]
    names = {"perturbations": {x: first}, "second_perturbations": {x: second}}
    return verify_forms(function, [x], claims, seed=seed, **names, **options)


_ROWS = "softmax(1000*A, 2)"
RIGHT = [
    ("x'*A*x", "differential", "x", "x'*(A + A')*dx"),
    ("x'*A*x", "gradient", "x", "(A + A')*x"),
    ("x'*A*x", "hessian", "x", "A + A'"),
    ("A^2", "jacobian", "A", "kron(eye(n), A) + kron(A', eye(n))"),
    ("B'", "jacobian", "B", "commutation(m,n)"),
    ("A^2", "second_differential", "A", "dA*dA_ + dA_*dA"),
    ("tr(A^k)", "gradient", "A", "k*(A')^(k - 1)"),
    ("logdet(S)", "gradient", "S", "inv(S)"),
    ("tr(A*S)", "gradient", "S", "(A + A')/2"),
    ("tr(A*P*P)", "gradient", "P", "(A*P + P*A + P*A' + A'*P)/2"),
    ("tr(A*K)", "gradient", "K", "(A' - A)/2"),
    ("tr(A*D*D)", "gradient", "D", "2*D*diag(diag(A))"),
    ("tr(A*L)", "gradient", "L", "tril(A')"),
    ("u'*A*u", "gradient", "u", "(A + A')*u - 2*u*(u'*A*u)"),
    ("tr(C'*Q)", "gradient", "Q", "C - Q*(Q'*C + C'*Q)/2"),
    ("norm1(y)", "gradient", "y", "sign(y)"),
    ("sum(relu(B*x))", "gradient", "x", "B'*heaviside(B*x)"),
    ("norminf(y)", "gradient", "y", "sign(y).*hardmax(y.^2)"),
    ("max(B*x)", "differential", "x", "hardmax(3*B*x)'*B*dx"),
    ("max(S)", "gradient", "S", "hardmax(S)"),
    ("sum(hardmax(y))", "gradient", "y", "zeros(m)"),
    # numbers at which a fixed step and a fixed tolerance fail
    ("inv(1e-6*A)", "differential", "A", "-1e6*inv(A)*dA*inv(A)"),
    ("1e8 + x'*x", "gradient", "x", "2*x"),
    ("1e-9*x'*x", "gradient", "x", "2e-9*x"),
    ("sin(1000*s)", "gradient", "s", "1000*cos(1000*s)"),
    ("exp(-1000*s^2)", "gradient", "s", "-2000*s*exp(-1000*s^2)"),
    ("(x'*x)^20", "gradient", "x", "40*(x'*x)^19*x"),
    # functions that are saturated at generic points
    ("softmax(1000*x)", "differential", "x", "1000*(diag(softmax(1000*x)) - softmax(1000*x)*softmax(1000*x)')*dx"),
    ("logsumexp(1000*x)", "gradient", "x", "1000*softmax(1000*x)"),
    ("softmax(1000*A, 2)", "differential", "A", f"1000*({_ROWS}.*dA - diag(sum({_ROWS}.*dA, 2))*{_ROWS})"),
    ("sum(logsumexp(1000*A, 1))", "gradient", "A", "1000*softmax(1000*A, 1)"),
    # on a curved domain the Hessian is the covariant one
    ("u'*A*u", "hessian", "u", "A + A' - (u'*(A + A')*u)*eye(n)"),
    # a derivative that is zero
    ("sum(sign(y))", "gradient", "y", "zeros(m)"),
]


@pytest.mark.parametrize(("f", "kind", "wrt", "claim"), RIGHT)
def test_a_right_claim_is_verified(f: str, kind: str, wrt: str, claim: str) -> None:
    report = check(f, kind, wrt, claim, seed=None)
    assert report.passed, str(report)


WRONG = [
    ("A^2", "differential", "A", "2*A*dA"),
    ("x'*A*x", "gradient", "x", "2*A*x"),
    ("x'*A*x", "gradient", "x", "1.00001*(A + A')*x"),
    ("x'*A*x", "hessian", "x", "2*A"),
    ("x'*A*x", "hessian", "x", "A"),
    ("A^2", "jacobian", "A", "kron(A, eye(n)) + kron(eye(n), A')"),
    ("A^2", "second_differential", "A", "2*dA*dA_"),
    ("A^3", "differential", "A", "3*A^2*dA"),
    ("det(A)", "gradient", "A", "det(A)*inv(A)"),
    ("inv(A)", "differential", "A", "inv(A)*dA*inv(A)"),
    ("1e-9*x'*x", "gradient", "x", "zeros(n)"),
    ("1e8 + x'*x", "gradient", "x", "2.00002*x"),
    ("1e8 + x'*x", "gradient", "x", "2*x + 1e-9*ones(n)"),
    ("x'*x + 1e-15*sum(x)", "gradient", "x", "2*x"),
    # right along every symmetric, tangent … direction, but not in the tangent space
    ("tr(A*S)", "gradient", "S", "A'"),
    ("tr(A*S)", "gradient", "S", "A + A' - diag(diag(A))"),
    ("u'*A*u", "gradient", "u", "(A + A')*u"),
    ("u'*A*u", "hessian", "u", "A + A'"),
    ("tr(C'*Q)", "gradient", "Q", "C"),
    # right on one side of a kink
    ("norm1(y)", "gradient", "y", "ones(m)"),
    ("abs(s)", "gradient", "s", "1"),
    ("norm1(B*x - y)", "gradient", "x", "B'*sign(B*x - 2*y)"),
    ("norm1(B*x - y)", "gradient", "x", "B'*sign(2*B*x - y)"),
    ("norminf(y)", "gradient", "y", "hardmax(abs(y))"),
    ("norminf(y)", "gradient", "y", "sign(y).*softmax(abs(y))"),
    ("min(y)", "gradient", "y", "hardmax(y)"),
    ("max(A)", "gradient", "A", "hardmax(A')"),
    ("max(A)", "gradient", "A", "hardmax(abs(A))"),
    ("norminf(B*x - y)", "gradient", "x", "B'*(sign(B*x - y).*hardmax(abs(B*x - 2*y)))"),
    ("norminf(B*x - y)", "gradient", "x", "B'*(sign(B*x - 2*y).*hardmax(abs(B*x - y)))"),
    # right where the function is saturated
    ("logsumexp(1000*x)", "gradient", "x", "1000*softmax(2000*x)"),
    ("sum(logsumexp(1000*A, 1))", "gradient", "A", "1000*softmax(1000*A, 2)"),
    ("sum(logsumexp(A, 2))", "gradient", "A", "softmax(A, 1)"),
    ("softmax(A, 2)", "differential", "A", "softmax(A, 2).*dA - softmax(A, 2)*diag(sum((softmax(A, 2).*dA)', 2))"),
    # right for odd sizes
    ("det(A)", "gradient", "A", "cof(-A)"),
    # not defined where the function is
    ("x'*x", "gradient", "x", "2*x*sqrt(-x'*x)"),
    ("x'*x", "gradient", "x", "inv(x*x')*x"),
]


@pytest.mark.parametrize(("f", "kind", "wrt", "claim"), WRONG)
def test_a_wrong_claim_is_refuted(f: str, kind: str, wrt: str, claim: str) -> None:
    report = check(f, kind, wrt, claim, seed=None)
    assert report.verdict == "refuted", str(report)


def forms_of(case: dict[str, Any]) -> tuple[Expression, Variable, Variable, dict[str, Claim]] | None:
    """What the engine derives for a case of the corpus; None where a function is not there yet."""
    if "lambda_max" in case["expr"]:
        return None
    reading = read(case["expr"], case["where"])
    f, x = reading.expression, {v.name: v for v in reading.variables}[case["wrt"]]
    dx = perturbation(x, f"d{x.name}")
    claims = {"differential": Claim("differential", differential_of(f, {x: dx}))}
    if f.is_scalar:
        claims["gradient"] = Claim("gradient", projection(x, pullback(f, number(1), [x])[x]), x)
    return f, x, dx, claims


FORMS = {case["id"]: found for case in CASES if (found := forms_of(case)) is not None}


@pytest.mark.parametrize("name", FORMS)
def test_the_engines_answers_are_verified(name: str) -> None:
    f, x, dx, claims = FORMS[name]
    report = verify_forms(f, [x], claims, perturbations={x: dx})
    assert report.passed, str(report)
    assert report.adjoint_error is not None
    assert report.adjoint_error < 1e-12


@pytest.mark.parametrize("name", FORMS)
def test_an_error_of_one_in_a_hundred_thousand_is_refuted(name: str) -> None:
    f, x, dx, claims = FORMS[name]
    for form, claim in claims.items():
        wrong = Claim(claim.kind, multiply(number(1.00001), claim.expression), x)
        report = verify_forms(f, [x], {form: wrong}, perturbations={x: dx}, adjoint=False)
        assert report.verdict == "refuted", str(report)


# Every eighth case: all of them take half a minute.
@pytest.mark.parametrize("name", list(FORMS)[::8])
def test_planted_mistakes_are_refuted(name: str) -> None:
    f, x, dx, claims = FORMS[name]
    for form, claim in claims.items():
        for mistake, mutant in mutants(claim.expression):
            wrong = Claim(claim.kind, mutant, x)
            report = verify_forms(f, [x], {form: wrong}, perturbations={x: dx}, adjoint=False)
            same = report.verdict != "refuted" and verify_equal(mutant, claim.expression).passed
            assert same or report.verdict == "refuted", f"{mistake} in the {form}: {mutant}\n{report}"


def test_several_variables_move_together() -> None:
    f = parse("x'*A*x", WHERE)
    A, x = (next(v for v in variables_of(f) if v.name == name) for name in "Ax")
    differential = parse("x'*(A + A')*dx + x'*dA*x", f"{WHERE}, dA: matrix(n,n), dx: vector(n)")
    claims = {
        "differential": Claim("differential", differential),
        "gradient in A": Claim("gradient", parse("x*x'", WHERE), A),
        "gradient in x": Claim("gradient", parse("(A + A')*x", WHERE), x),
        "hessian in x and A": Claim("hessian", parse("kron(eye(n), x') + kron(x', eye(n))", WHERE), x, A),
    }
    report = verify_forms(f, [A, x], claims)
    assert report.passed, str(report)
    assert [c.form for c in report.checks] == [
        *("differential", "gradient in A", "gradient in x", "hessian in x and A", "adjoint"),
    ]


def test_a_claim_of_the_wrong_shape_is_refuted_by_its_shape() -> None:
    report = check("x'*A*x", "gradient", "x", "x'*(A + A')")
    assert report.verdict == "refuted"
    assert report.reason == "the gradient must be n×1, but the formula is 1×n"


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = (check("det(A)", "gradient", "A", "cof(A)", seed=5) for _ in range(2))
    assert first == second
    assert first != check("det(A)", "gradient", "A", "cof(A)", seed=6)


def test_a_seed_is_drawn_and_reported() -> None:
    seeds = {check("x'*x", "gradient", "x", "2*x", seed=None).seed for _ in range(2)}
    assert len(seeds) == 2


def test_a_counterexample_shows_the_mistake() -> None:
    report = check("x'*A*x", "gradient", "x", "2*A*x", seed=3)
    shown = report.counterexample
    assert shown is not None
    values = {name: np.array(value) for name, value in shown["inputs"].items()}
    entry = shown["entry"][0] - 1
    assert evaluate(parse("2*A*x", WHERE), values)[entry] == pytest.approx(shown["found"])
    assert evaluate(parse("(A + A')*x", WHERE), values)[entry] == pytest.approx(shown["expected"])


def test_a_report_says_what_was_done() -> None:
    verified = check("tr(A^3)", "gradient", "A", "3*(A')^2", seed=3)
    assert str(verified).startswith("verified (exact): error probability below ")
    assert "modulo a prime: 4 points, n = " in str(verified)
    assert "order 2.0" in str(verified)
    assert str(verified).endswith("seed 3")
    refuted = check("tr(A^3)", "gradient", "A", "3*A^2", seed=3)
    assert "the gradient gives" in str(refuted)
    assert "is right" in str(refuted)
    assert "refuted</b>" in refuted._repr_html_()
    assert json.loads(json.dumps(refuted.to_json(), allow_nan=False))["verdict"] == "refuted"


def test_what_was_assumed_is_said() -> None:
    report = check("sum(log(x))", "gradient", "x", "1./x")
    assert report.passed
    assert report.assumptions == ("x positive",)


def test_what_is_too_large_is_inconclusive() -> None:
    x = variable("x", 1_000_000)
    report = verify_forms(x.T @ x, [x], {"gradient": Claim("gradient", 2 * x, x)})
    assert report.verdict == "inconclusive"
    assert report.reason == "x is 1000000×1, which is too large to check"


def test_what_takes_too_long_is_inconclusive() -> None:
    report = check("x'*A*x", "gradient", "x", "(A + A')*x", time_limit=0.0)
    assert report.verdict == "inconclusive"
    assert report.reason == "the time limit was reached"


def test_double_precision_alone_refutes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = Function("coarse", "(n,n) -> (n,n)", lambda A: A @ A)
    monkeypatch.setitem(FUNCTIONS, "coarse", coarse)
    A, dA = variable("A", "n", "n"), variable("dA", "n", "n")
    f = apply("coarse", A)
    right = verify_forms(f, [A], {"differential": Claim("differential", A @ dA + dA @ A)}, adjoint=False)
    wrong = verify_forms(f, [A], {"differential": Claim("differential", 2 * A @ dA)}, adjoint=False)
    assert right.passed
    assert wrong.verdict == "inconclusive"
    assert "coarse cannot be computed to sixty digits" in wrong.reason


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("det(A*A)", "det(A)^2", "verified"),
        ("log(x.^2)", "2*log(x)", "verified"),
        ("tr(inv(A)*A)", "1 + tr(eye(n)) - 1", "verified"),
        ("sqrt(x.^2)", "x", "refuted"),
        ("tr(A*A)", "tr(A*A')", "refuted"),
        ("x", "x + 1e-20*ones(n)", "refuted"),
        ("x", "x'", "refuted"),
    ],
)
def test_equality(first: str, second: str, verdict: str) -> None:
    report = verify_equal(parse(first, WHERE), parse(second, WHERE))
    assert report.verdict == verdict, str(report)


def test_a_name_with_two_shapes_is_an_error() -> None:
    with pytest.raises(ShapeError, match="x is n×1 in one and n×n in the other"):
        verify_equal(parse("x", "x: vector(n)"), parse("x", "x: matrix(n,n)"))


@pytest.mark.parametrize(
    ("curve", "derivative", "order"),
    [
        (lambda t: np.sin(1 + t), np.cos(1), 2),
        (lambda t: np.exp(50 * t), 50, 2),
        (lambda t: (1 + t) ** 3, 3, 2),
        (lambda t: (1 + t) ** 2, 2, None),
        (lambda t: np.array([[np.sin(t), t]]), np.array([[1.0, 1.0]]), 2),
        (lambda t: np.log(0.01 + t), 100, 2),
    ],
)
def test_the_error_bar_of_a_slope_holds(curve: Any, derivative: Any, order: int | None) -> None:
    with np.errstate(invalid="ignore"):
        found = slope(curve)
    assert np.linalg.norm(found.value - derivative) <= found.error
    assert found.error <= 1e-9 * np.linalg.norm(derivative)
    assert (found.order is None) if order is None else found.order == pytest.approx(order, abs=0.1)
