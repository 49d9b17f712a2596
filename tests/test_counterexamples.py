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


# What is claimed for each is right where all sizes are 1, but for rounding.
RIGHT_AT_SIZE_ONE = [
    ("sum(logsumexp(X*W,2)) - sum(Y.*(X*W))", "W", "X'*(softmax(X*W,1)-Y)"),
    ("sum(logsumexp(X,1))", "X", "softmax(X,2)"),
    ("sum(logsumexp(X,2))", "X", "softmax(X,1)"),
    ("logsumexp(x) - z'*x", "x", "softmax(x) - ones(n)*sum(z)"),
    ("sum(log(softmax(x)).*z)", "x", "z - softmax(x).*z"),
    ("sum(exp(A*x))", "x", "A*exp(A*x)"),
    ("tr(A*B)", "A", "B"),
    ("tr(A^2)", "A", "2*A"),
    ("A*x", "x", "A'"),
    ("sum(inv(A))", "A", "-inv(A)'*inv(A)'"),
    ("tr(A)", "A", "ones(n,n)"),
    ("sum(A)", "A", "eye(n)"),
    ("sum(X)^2", "X", "2*X"),
    ("norm2(sum(X,1))^2", "X", "2*sum(X,2)*ones(1,n)"),
    ("norm2(X*x - y)^2", "x", "2*sum(X*x - y)*sum(X,1)'"),
    ("tr(diag(x)*A)", "x", "A*ones(n)"),
    ("det(A)", "A", "det(A)*(inv(A)'.*eye(n))"),
    ("logdet(P)", "P", "inv(P).*eye(n)"),
]
SIZED = (
    "A, B: matrix(n,n), X: matrix(m,n), W: matrix(n,p), Y: matrix(m,p), P: matrix(n,n) spd, x, z: vector(n), "
    "y: vector(m)"
)


@pytest.mark.parametrize(("f", "wrt", "claim"), RIGHT_AT_SIZE_ONE)
def test_it_shows_no_rounding_where_the_claim_is_right(f: str, wrt: str, claim: str) -> None:
    for seed in range(1, 5):
        found = mc.verify(f, wrt, claim, where=SIZED, seed=seed)
        assert found.verdict == "refuted"
        shown = found.counterexample
        assert shown is not None
        assert max(shown["sizes"].values()) > 1
        assert abs(shown["found"] - shown["expected"]) > 1e-6 * max(abs(shown["found"]), abs(shown["expected"]))


def test_a_faint_difference_that_is_real_is_shown() -> None:
    found = mc.verify("sum(exp(x))", "x", "(1 + 1e-12)*exp(x)", seed=2)
    assert found.verdict == "refuted"
    assert "they differ by 1e-12" in found.reason


def test_inverses_of_singular_matrices_show_nothing() -> None:
    """They are rounding over rounding, which differs in every digit."""
    for seed in range(1, 7):
        shown = mc.verify("sum(inv(A))", "A", "-inv(A')*ones(n,n)*inv(A)", where=SIZED, seed=seed).counterexample
        assert shown is not None
        assert abs(np.linalg.det(np.array(shown["inputs"]["A"]))) > 0.5
