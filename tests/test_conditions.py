"""Conditions say for which indices they hold, and what no values meet is told as a failure of the formulas."""

import numpy as np
import pytest
from click.testing import CliRunner

import matcalc as mc
from matcalc.commands import main

WHERE = (
    "X: matrix(n,d), Y: matrix(m,d), W: matrix(n,n), A: matrix(n,n), x: vector(n), y: vector(m), a: vector(d), "
    "i: scalar"
)


def conditions(f: str, wrt: str = "X") -> tuple[str, ...]:
    return mc.differentiate(f, wrt, where=WHERE).conditions


@pytest.mark.parametrize(
    ("f", "wrt", "expected"),
    [
        ("sum(j,1,n,abs(x[j]))", "x", "x[i] nonzero for all i from 1 to n"),
        ("sum(j,1,n,norm2(X[j,:]-a'))", "X", "a - X'[:,i] nonzero for all i from 1 to n"),
        ("sum(j,2,n,norm2(X[j,:]-X[j-1,:]))", "X", "X'[:,i - 1] - X'[:,i] nonzero for all i from 2 to n"),
        (
            "sum(j,1,n,sum(k,1,j-1,norm2(X[j,:]-X[k,:])))",
            "X",
            "X'[:,i] - X'[:,j] nonzero for all j from 1 to n and i from 1 to j - 1",
        ),
        ("sum(j,1,n,sum(k,1,n,log(A[j,k])))", "A", "A[j,i] positive for all i, j from 1 to n"),
        (
            "sum(j,1,n,sum(k,1,m,norm2(X[j,:]-Y[k,:])*x[j]^k))",
            "X",
            "Y'[:,i] - X'[:,j] nonzero for all j from 1 to n and i from 1 to m",
        ),
    ],
)
def test_indices_have_their_ranges(f: str, wrt: str, expected: str) -> None:
    found = conditions(f, wrt)
    assert expected in found


def test_letters_are_those_of_the_question() -> None:
    """i is a scalar here, so that the sum is written over j."""
    D = mc.differentiate("sum(h,1,n,abs(x[h] + i))", "x", where=WHERE)
    assert str(D.expression) == "sum(j, 1, n, abs(x[j] + i))"
    assert D.conditions == ("x[j] + i nonzero for all j from 1 to n",)


@pytest.mark.parametrize(
    ("f", "wrt", "expected"),
    [
        (
            "sum(j,1,n,sum(k,1,n,abs(x[j]-x[k])))",
            "x",
            "x[i] - x[j] nonzero for all different i, j from 1 to n",
        ),
        ("sum(abs(A-A'))", "A", "entries of A' - A nonzero off the diagonal"),
        (
            "sum(j,1,n,abs(x[j]-x[1]))",
            "x",
            "x[1] - x[i] nonzero for all i from 1 to n except i = 1",
        ),
    ],
)
def test_a_kink_where_nothing_moves_is_left_out(f: str, wrt: str, expected: str) -> None:
    assert conditions(f, wrt)[0] == expected


@pytest.mark.parametrize(
    ("f", "wrt", "expected"),
    [
        (
            "sum(j,1,n,sum(k,1,n,log(x[j]-x[k])))",
            "x",
            "no x: f has no value, as x[j] - x[i] is 0 at i = j; take each pair once, i from 1 to j - 1",
        ),
        (
            "sum(j,1,n,log(x[j]-x[1]))",
            "x",
            "no x: f has no value, as x[i] - x[1] is 0 at i = 1; leave i = 1 out of the sum",
        ),
        ("sum(1./sqdist(X,X))", "X", "no X: f has no value, as sqdist(X, X) is 0 on its diagonal"),
        (
            "sum(log(x*ones(n)'-ones(n)*x'))",
            "x",
            "no x: f has no value, as x*ones(n)' - ones(n)*x' is 0 on its diagonal",
        ),
    ],
)
def test_a_function_without_values_is_told(f: str, wrt: str, expected: str) -> None:
    assert conditions(f, wrt) == (expected,)


def has_value(D: mc.Derivative, n: int = 3, d: int = 2) -> bool:
    rng = np.random.default_rng(5)
    values = {"X": rng.normal(size=(n, d)), "W": rng.normal(size=(n, n)), "Y": rng.normal(size=(4, d))}
    used = {name: values[name] for name in D.gradient.variables}
    try:
        D.gradient.evaluate(used)
    except mc.EvaluationError:
        return False
    return True


@pytest.mark.parametrize(
    "f",
    [
        "sum(j,1,n,sum(k,1,n,W[j,k]*norm2(X[j,:]-X[k,:])))",
        "sum(j,1,n,sum(k,1,n,norm2(X[j,:]-X[k,:])))",
        "sum(j,1,n,sum(k,1,n,norm2(X[j,:]-X[k,:])^3))",
        "sum(j,1,n,sum(k,1,n,W[j,k]*norm2(X[j,:]-X[k,:])^2))",
        "sum(j,1,n,sum(k,1,j-1,W[j,k]*norm2(X[j,:]-X[k,:])))",
        "sum(j,1,n,sum(k,1,n,norm2(X[j,:]-X[k,:])*2^(j*k)))",
        "sum(j,1,n,j*norm2(X[j,:]-X[1,:]))",
        "sum(j,1,n,norm2(X[j,:]-X[1,:]))",
        "sum(j,2,n,norm2(X[j,:]-X[1,:]))",
        "sum(sqrt(sqdist(X,Y)))",
        "sum(sqrt(sqdist(X,X)))",
        "sum(W.*(sqrt(sqdist(X,X) + eye(n)) - eye(n)))",
    ],
)
def test_formulas_are_said_to_fail_where_they_do(f: str) -> None:
    """Said of a formula if and only if it has no value at random points."""
    D = mc.differentiate(f, "X", where=WHERE)
    assert any("0/0" in condition for condition in D.conditions) is not has_value(D)


def test_an_exponent_without_a_value_is_not_said_to_be_negative() -> None:
    D = mc.differentiate("sum(sqdist(X,X).^p)", "X", where="X: matrix(n,d), p: scalar")
    assert D.conditions == ("rows of X distinct",)


@pytest.mark.parametrize("style", ["ascii", "unicode", "latex"])
def test_the_command_line_tells_it_in_place_of_the_condition(style: str) -> None:
    f = "sum(j,1,n,sum(k,1,n,norm2(X[j,:]-X[k,:])^3/norm2(X[j,:]-X[k,:])^2))"
    asked = ["diff", f, "X", "-w", "X: matrix(n,d)", "--format", style, "--no-verify"]
    printed = CliRunner().invoke(main, asked).output
    line = next(line for line in printed.splitlines() if line.strip().startswith("for "))
    D = mc.differentiate(f, "X", where="X: matrix(n,d)")
    assert line.split("for ", 1)[1].strip() == ", ".join(D.conditions)
