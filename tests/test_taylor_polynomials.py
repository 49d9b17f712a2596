"""Taylor polynomials: their terms, their remainders, and numbers put into them."""

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import matcalc as mc
from matcalc.commands import main
from matcalc.remainders import verify_remainder

SPHERE = "u: vector(n) unit"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


WRITTEN = [
    ("x'*A*x", "x", 2, "x'*A*x + x'*(A + A')*dx + dx'*(A + A')*dx/2"),
    ("logdet(A)", "A", 2, "logdet(A) + tr(inv(A)*dA) - tr(inv(A)*dA*inv(A)*dA)/2"),
    ("inv(A)", "A", 2, "inv(A) - inv(A)*dA*inv(A) + inv(A)*dA*inv(A)*dA*inv(A)"),
    ("a^3", "a", 3, "a^3 + 3*a^2*da + 3*a*da^2 + da^3"),
    ("A*x", "x", 2, "A*x + A*dx"),
    ("exp(a)", "a", 1, "exp(a) + exp(a)*da"),
]


@pytest.mark.parametrize(("f", "x", "order", "expected"), WRITTEN, ids=[f"{case[0]}-{case[2]}" for case in WRITTEN])
def test_the_terms_come_in_order(f: str, x: str, order: int, expected: str) -> None:
    assert str(mc.taylor(f, x, order=order)) == expected


CASES: list[tuple[str, Any, str | None, int]] = [
    ("log(1 + sum(exp(x)))", "x", None, 2),
    ("norm2(x)", "x", None, 2),
    ("logdet(S)", "S", "S: matrix(n,n) spd", 3),
    ("sqrt(x)*y", ("x", "y"), "x, y: scalar", 3),
    ("norm2(U*V' - T)^2", ("U", "V"), None, 2),
    ("softmax(x)", "x", None, 3),
    ("sum(gamma(x))", "x", None, 2),
    ("u'*A*u", "u", SPHERE, 2),
    ("sum(exp(A*u))", "u", SPHERE, 2),
    ("tr(Q'*A*Q*B)", "Q", "Q: matrix(n,n) orthogonal", 2),
    ("norm2(X'*A*X - B)^2", "X", "X: matrix(m,n) unit, A: matrix(m,m), B: matrix(n,n)", 2),
    ("expm(A)*x", "A", None, 2),
]


@pytest.mark.parametrize(("f", "x", "where", "order"), CASES, ids=[f"{case[0]}-{case[3]}" for case in CASES])
def test_the_remainder_is_of_the_next_order(f: str, x: Any, where: str | None, order: int) -> None:
    report = mc.taylor(f, x, where, order=order).verify(seed=1)
    assert report.passed
    assert report.observed_order is not None
    assert abs(report.observed_order - (order + 1)) < 1e-3


def test_a_polynomial_leaves_no_remainder() -> None:
    report = mc.taylor("x'*A*x", "x").verify(seed=1)
    assert report.passed
    assert report.observed_order is None
    assert report.reason == "no remainder is left"


def test_what_is_made_of_rounding_is_no_remainder() -> None:
    assert mc.taylor("sum(S.*S.*S)", "S", "S: matrix(n,n) skew").verify(seed=1).passed


WRONG = [
    ("logdet(A)", "logdet(A) + tr(inv(A)*dA) - tr(inv(A)*dA*inv(A)*dA)", 2),
    ("logdet(A)", "logdet(A) + tr(inv(A)*dA)", 2),
    ("logdet(A)", "logdet(A) + tr(inv(A)'*dA)", 1),
    ("logdet(A)", "logdet(A)", 1),
    ("logdet(A)", "tr(A)", 1),
    ("tr(A^3)", "tr(A^3) + 3*tr(A^2*dA) + 3*tr(A*dA*dA)", 3),
]


@pytest.mark.parametrize(("f", "claim", "order"), WRONG, ids=[case[1] for case in WRONG])
def test_a_wrong_polynomial_is_refuted(f: str, claim: str, order: int) -> None:
    where = "A, dA: matrix(n,n)"
    D = mc.differentiate(f, "A", where="A: matrix(n,n)")
    report = verify_remainder(D.expression, mc.parse(claim, where), order, D.perturbations, seed=4)
    assert report.verdict == "refuted"
    assert f"where {order + 1} is right" in report.reason


def test_without_the_curvature_a_model_on_the_sphere_is_refuted() -> None:
    D = mc.differentiate("u'*A*u", "u", SPHERE)
    flat = mc.parse("u'*A*u + u'*(A + A')*du + du'*A*du", "u: vector(n) unit, du: vector(n), A: matrix(n,n)")
    assert verify_remainder(D.expression, flat, 2, D.perturbations, seed=1).verdict == "refuted"


def test_numbers_are_put_in() -> None:
    T = mc.taylor("x'*A*x + exp(a)", ("x", "a"), "a: scalar")
    found = T.at({"x": [1, 2], "A": [[1, 2], [3, 4]], "a": 0})
    assert str(found) == "28 + [12, 21]*dx + da + dx'*[2, 5; 5, 8]*dx/2 + da^2/2"
    assert str(T.at("x = [1, 2]; A = [1 2; 3 4]; a = 0")) == str(found)
    assert found.unicode().startswith("28 + [12, 21] dx")
    assert r"\begin{bmatrix}" in found.latex()


def test_the_model_with_numbers_has_the_value_of_the_model() -> None:
    rng = np.random.default_rng(1)
    values = {"X": rng.standard_normal((2, 3)), "A": rng.standard_normal((2, 2))}
    dX = rng.standard_normal((2, 3))
    T = mc.taylor("tr(X'*A*X)", "X")
    whole = T.polynomial.evaluate(values | {"dX": dX})
    assert T.at(values).polynomial.evaluate({"dX": dX}) == pytest.approx(whole, rel=1e-4)


def test_what_has_no_model_is_refused() -> None:
    with pytest.raises(mc.NotDifferentiable, match="of order 1, 2 or 3, not 4"):
        mc.taylor("a^5", "a", order=4)
    with pytest.raises(mc.NotDifferentiable, match="third differential for the unit variable u"):
        str(mc.taylor("u'*A*u", "u", SPHERE, order=3))
    with pytest.raises(mc.NotDifferentiable, match="order 1 and 2 only"):
        mc.taylor("a^5", "a", order=3).at("a = 1")
    with pytest.raises(mc.NotScalar):
        mc.taylor("A*x", "x").at("x = [1]; A = [1]")
    with pytest.raises(mc.EvaluationError, match="too many numbers"):
        mc.taylor("x'*x", "x").at({"x": np.zeros(50)})


def test_on_the_command_line() -> None:
    result = run("taylor", "logdet(A)", "A", "--order", "3")
    assert result.exit_code == 0
    assert "f(A + dA) ~ logdet(A) + tr(inv(A)*dA) - tr(inv(A)*dA*inv(A)*dA)/2 + " in result.output
    assert "for   det(A) positive" in result.output
    assert "order 4.0" in result.output
    assert "f(x + dx, y + dy) ≈ " in run("taylor", "x'*y", "x", "y", "--format", "unicode").output
    assert r"f(x + \mathrm{d}x) \approx " in run("taylor", "x'*x", "x", "--format", "latex").output
    numbers = run("taylor", "x'*A*x", "x", "--at", "x = [1, 2]", "--at", "A = [1 2; 3 4]", "--no-verify")
    assert "27 + [12, 21]*dx + dx'*[2, 5; 5, 8]*dx/2" in numbers.output
    assert "verified" not in numbers.output
    assert run("taylor", "-a^2 wrt a", "--no-verify").output.endswith("~ -a^2 - 2*a*da - da^2\n")


def test_as_one_document() -> None:
    document = json.loads(run("taylor", "a^3", "a", "--at", "a = 2", "--format", "json").output)
    assert document["order"] == 2
    assert document["terms"] == ["a^3", "3*a^2*da", "3*a*da^2"]
    assert document["taylor"]["text"] == "a^3 + 3*a^2*da + 3*a*da^2"
    assert document["at"]["text"] == "8 + 12*da + 6*da^2"
    assert document["report"]["verdict"] == "verified"


def test_the_conditions_are_those_of_all_its_differentials() -> None:
    assert mc.taylor("det(A)", "A", order=1).conditions == ()
    assert mc.taylor("det(A)", "A").conditions == ("A invertible",)
    shown = CliRunner().invoke(main, ["taylor", "det(A)", "A", "--no-verify"]).output
    assert "for   A invertible" in shown


@pytest.mark.parametrize("part", ["", "let N = X'*X + eye in "])
def test_shared_parts_have_the_names_that_they_have_below_f(part: str) -> None:
    name = part[4:5] or "M"
    f = "logdet(N)*tr(inv(N))" if part else "logdet(X'*X + eye)*tr(inv(X'*X + eye))"
    shown = CliRunner().invoke(main, ["taylor", part + f, "X", "--order", "1", "--no-verify"]).output
    assert shown.count(f"{name} = X'*X + eye") == 2
