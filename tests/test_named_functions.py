"""Analytic functions that a user names, of which nothing else is known."""

import pytest

import matcalc as mc

WHERE = "f: analytic, A, B: matrix(n,n), x: vector(n), t: scalar"
GRADIENTS = [
    ("tr(f(A)*B)", "A", "df(A', B')"),
    ("det(f(A) + B)", "A", "df(A', cof(B + f(A)))"),
    ("f(x'*A*x)", "x", "df(x'*A*x, 1)*(A + A')*x"),
    ("x'*f(t*A)*x", "t", "tr(A'*df(t*A', x*x'))"),
]


@pytest.mark.parametrize(("expr", "x", "expected"), GRADIENTS, ids=[e for e, _, _ in GRADIENTS])
def test_the_gradient_is_the_derivative_at_the_transpose(expr: str, x: str, expected: str) -> None:
    D = mc.differentiate(expr, x, where=WHERE)
    assert str(D.gradient) == expected
    assert D.verify(seed=1).verdict == "verified"
    assert mc.parse(str(D.gradient), where=D.gradient.where) is D.gradient


def test_a_lost_transpose_is_refuted() -> None:
    assert mc.verify("tr(f(A)*B)", "A", claim="df(A, B')", where=WHERE, seed=1).verdict == "refuted"


def test_the_second_derivative_and_the_jacobian_are_verified() -> None:
    assert mc.differentiate("f(A*A')", "A", where=WHERE).verify(seed=1).verdict == "verified"
    second = mc.differentiate("tr(f(A))", "A", where=WHERE).second_differential
    assert "df(" in str(second)


def test_a_name_is_known_only_where_it_is_declared() -> None:
    mc.parse("f(A)", where=WHERE)
    with pytest.raises(mc.UnknownName, match="f is neither declared nor a function"):
        mc.parse("f(A)")
    assert mc.parse("f*x").shape != (1, 1)  # a scalar by convention, as ever


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("f*x", "f: analytic", "f is declared as a function, and here it has no argument"),
        ("f(A,B)", "f: analytic", "f takes 1 argument"),
        ("det(A)", "det: analytic", "det is a function already"),
        ("f(x)", "f: analytic, x: vector(n)", "f takes a square matrix"),
    ],
)
def test_an_improper_use_is_refused(text: str, where: str, message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message) as caught:
        mc.parse(text, where=where)
    assert caught.value.hint


def test_it_has_no_values() -> None:
    with pytest.raises(mc.MatcalcError, match="f has no values"):
        mc.parse("tr(f(A))", where=WHERE).evaluate({"A": [[1.0]]})


def test_a_number_has_a_second_derivative() -> None:
    h = mc.hessian("f(s)", "s", where="f: analytic, s: scalar")
    assert "df(" in str(h)


def test_two_expressions_may_share_a_declared_function() -> None:
    assert mc.equal("tr(f(A)*B)", "tr(B*f(A))", where=WHERE, seed=1).verdict == "verified"
    assert mc.equal("f(A)*B", "B*f(A)", where=WHERE, seed=1).verdict == "refuted"


def test_a_declaration_does_not_outlive_its_text() -> None:
    mc.parse("f(t)", where=WHERE)
    with pytest.raises(mc.MatcalcError, match="f is declared as a variable"):
        mc.parse("f(t + 1)", where="f, t: scalar")
