"""Counterexamples are small: few dimensions, small whole numbers, zeros where they do; and never at a kink."""

import numpy as np
import pytest

import matcalc as mc

WHERE = (
    "A, B: matrix(n,n), C: matrix(m,n), S: matrix(n,n) symmetric, P: matrix(n,n) spd, u: vector(n) unit, "
    "Q: matrix(n,n) orthogonal, x: vector(n), y: vector(m), p: vector(n) positive, s: scalar"
)


def report(f: str, wrt: str, claim: str) -> mc.Report:
    found = mc.verify(f, wrt, claim, where=WHERE, seed=4)
    assert found.verdict == "refuted", str(found)
    assert found.counterexample is not None
    return found


@pytest.mark.parametrize(
    ("f", "wrt", "claim"),
    [
        ("x'*A*x", "x", "2*A*x"),
        ("A^2", "A", "2*A*dA"),
        ("det(A)", "A", "det(A)*inv(A)"),
        ("sum(exp(x))", "x", "exp(2*x)"),
        ("C*x", "x", "2*C"),
        ("tr(A*S)", "S", "A + A' - diag(diag(A))"),
        ("sum(log(p))", "p", "p"),
    ],
)
def test_sizes_and_numbers_are_small(f: str, wrt: str, claim: str) -> None:
    shown = report(f, wrt, claim).counterexample
    assert shown is not None
    assert all(n <= 2 for n in shown["sizes"].values())
    for value in shown["inputs"].values():
        assert np.array_equal(value, np.round(value))
        assert np.max(np.abs(value)) <= 3


@pytest.mark.parametrize(
    ("f", "wrt", "claim", "right"),
    [
        ("x'*A*x", "x", "2*A*x", "(A + A')*x"),
        ("tr(A*B)", "A", "B", "B'"),
        ("sum(abs(C*x - y))", "x", "C'*sign(2*C*x - y)", "C'*sign(C*x - y)"),
        ("tr(inv(P)*A)", "P", "-inv(P)*A*inv(P)", "-inv(P)*(A + A')*inv(P)/2"),
    ],
)
def test_both_numbers_are_what_the_formulas_give_there(f: str, wrt: str, claim: str, right: str) -> None:
    shown = report(f, wrt, claim).counterexample
    assert shown is not None
    for text, number in ((claim, shown["found"]), (right, shown["expected"])):
        value = np.atleast_2d(np.asarray(mc.parse(text, where=WHERE).evaluate(shown["inputs"])).T).T
        place = tuple(i - 1 for i in shown["entry"]) if shown["entry"] else (0, 0)
        assert value[place if len(place) == 2 else (*place, 0)] == pytest.approx(number, rel=1e-12, abs=1e-12)


def test_it_is_not_at_a_kink() -> None:
    """Where an argument of sign is 0 there is no derivative to disagree with."""
    for seed in range(10):
        found = mc.verify("sum(abs(C*x - y))", "x", "C'*sign(2*C*x - y)", where=WHERE, seed=seed).counterexample
        assert found is not None
        values = {name: np.array(value) for name, value in found["inputs"].items()}
        assert np.all(values["C"] @ values["x"] != values["y"])
        assert np.all(2 * values["C"] @ values["x"] != values["y"])


def test_declared_properties_hold() -> None:
    found = report("tr(A*Q)", "Q", "A").counterexample
    assert found is not None
    Q = np.array(found["inputs"]["Q"])
    assert pytest.approx(np.eye(len(Q)), abs=1e-15) == Q.T @ Q
    unit = report("u'*A*u", "u", "(A + A')*u").counterexample
    assert unit is not None
    assert np.linalg.norm(unit["inputs"]["u"]) == pytest.approx(1, abs=1e-15)


def test_the_sentence_names_the_point() -> None:
    words = str(report("x'*A*x", "x", "2*A*x"))
    assert "at A = [" in words
    assert "the claimed gradient gives" in words
