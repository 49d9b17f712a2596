"""Functions defined by an equation: their derivatives, values, printing and refusals."""

import pickle

import numpy as np
import pytest

import matcalc as mc

# expression, variable, declarations
SOLVED = [
    ("norm2(solve(x + tanh(W*x) = b, x))^2", "W", "b: vector(n)"),
    ("norm2(solve(x + tanh(W*x) = b, x))^2", "b", "b: vector(n)"),
    ("solve(t^3 + t = a, t)^2", "a", "t: scalar"),
    ("sum(solve(x + x.^3 = A*y, x))", "y", ""),
    ("tr(solve(X*X + A*X = B'*B + 3*eye, X))", "A", "A: matrix(n,n) spd"),
    ("solve(exp(t) + t = y'*y, t)", "y", "t: scalar"),
]


@pytest.mark.parametrize(("expr", "x", "where"), SOLVED, ids=[f"{e}-{x}" for e, x, _ in SOLVED])
def test_the_derivative_of_a_solution_is_verified(expr: str, x: str, where: str) -> None:
    report = mc.differentiate(expr, x, where=where).verify(seed=1)
    assert report.verdict == "verified"


@pytest.mark.parametrize(("expr", "x", "where"), SOLVED, ids=[f"{e}-{x}" for e, x, _ in SOLVED])
def test_a_mistake_is_refuted(expr: str, x: str, where: str) -> None:
    wrong = -1 * mc.gradient(expr, x, where=where)
    assert mc.verify(expr, x, where=where, claim=wrong, seed=1).verdict == "refuted"


@pytest.mark.parametrize(("expr", "x", "where"), SOLVED, ids=[f"{e}-{x}" for e, x, _ in SOLVED])
def test_what_is_printed_reads_back(expr: str, x: str, where: str) -> None:
    for e in (mc.parse(expr, where=where), mc.gradient(expr, x, where=where)):
        assert mc.parse(str(e), where=e.where) is e
        assert pickle.loads(pickle.dumps(e)) is e
        assert e.func(*e.args) == e


def test_the_nonlinear_adjoint_of_the_course() -> None:
    """Problem set 2 of 2024, 3: the gradient of the length of the solution at p = (1, 2, 1)."""
    equations = "[p[1]*x[1]^2 - x[2]; x[1]*x[2] - p[2]*x[2] + p[3]]"
    g = mc.gradient(f"norm2(solve({equations} = 0, x))", "p", where="p: vector(3), x: vector(2)")
    assert np.allclose(g.evaluate({"p": [1, 2, 1]}), np.array([-2, -3, 3]) / np.sqrt(2), rtol=1e-12)


def test_the_inverse_of_a_function() -> None:
    """Homework 2 of 2022, 1: g′(y) = f′(g(y))⁻¹ for the inverse g of f."""
    g = mc.parse("solve(x + x.^3 = y, x)", where="y: vector(n)")
    expected = "inv(eye + 3*diag(solve(x + x.^3 = y, x).^2))"
    assert mc.equal(mc.jacobian(g, "y"), expected, where="y: vector(n)", seed=1).verdict == "verified"


@pytest.mark.parametrize(
    ("text", "solved"),
    [
        ("solve(A*x = b, x)", "inv(A)*b"),
        ("solve(A*x + s*x = b, x)", "inv(A + s*eye)*b"),
        ("solve(A*X + X*B = C, X)", "sylvester(A, B, C)"),
        ("solve(A*X = C, X)", "inv(A)*C"),
        ("solve(2*t + a = 0, t)", "-a/2"),
    ],
)
def test_a_linear_equation_is_solved_in_closed_form(text: str, solved: str) -> None:
    e = mc.parse(text, where="A: matrix(n,n), b: vector(n), s, t: scalar")
    assert str(e) == solved


def test_the_value_solves_the_equation() -> None:
    W, b = np.array([[0.3, -2.0], [1.0, 0.5]]), np.array([1.0, -3.0])
    x = mc.parse("solve(x + tanh(W*x) = b, x)", where="b: vector(n)").evaluate({"W": W, "b": b})
    assert np.allclose(x + np.tanh(W @ x), b, rtol=0, atol=1e-12)


def test_an_equation_without_a_solution_has_no_value() -> None:
    with pytest.raises(mc.MatcalcError, match="no solution"):
        mc.parse("solve(t^2 + a = 0, t)", where="a: scalar").evaluate({"a": 1.0})


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("solve(A*x = b, y)", "", "y does not occur in the equation"),
        ("solve(A*x)", "", "solve takes an equation and the name of its unknown"),
        ("solve(A*x = b, 2*x)", "", "solve takes an equation and the name of its unknown"),
        ("solve(x'*x = 1, x)", "", "x'\\*x is a scalar, and the unknown x is a vector"),
        ("x + solve(x.^3 + x = b, x)", "b: vector(n)", "x is the unknown of solve, and used outside of it"),
        ("solve([x[1] + x[2]; 2*x[1] + 2*x[2]].^3 = b, x)", "x: vector(2)", "does not determine x"),
        ("solve(x = x, x)", "", "x does not occur"),
    ],
)
def test_an_improper_equation_is_refused(text: str, where: str, message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message) as caught:
        mc.parse(text, where=where)
    assert caught.value.hint
    assert caught.value.column


def test_an_unknown_is_renamed_where_its_name_is_taken() -> None:
    f = mc.parse("solve(x + x.^3 = b, x)", where="b: vector(n)")
    y = mc.parse("x", where="x: vector(n)")
    from matcalc.substitutions import substitute

    g = substitute(f, {f.variables["b"]: y})
    assert mc.parse(str(g), where=g.where).evaluate({"x": [2.0]}) == pytest.approx([1.0])


def test_solutions_may_be_nested_and_stand_in_sums() -> None:
    nested = "sum(solve(x + tanh(solve(y + tanh(x + y) = b, y)) = b, x))"
    g = mc.gradient(nested, "b", where="b: vector(n)")
    assert mc.parse(str(g), where=g.where) is g
    for expr in (nested, "sum(i, 1, n, solve(s^3 + s = b[i], s))"):
        assert mc.differentiate(expr, "b", where="b: vector(n), s: scalar").verify(seed=1).verdict == "verified"


def test_sizes_in_any_order_do_not_make_an_equation_singular() -> None:
    f = mc.parse("sum(solve(A'*(tanh(A*x) - b) = zeros(n), x))", where="A: matrix(m,n), b: vector(m)")
    assert f.is_scalar


def test_an_unknown_with_properties_is_refused() -> None:
    with pytest.raises(mc.MatcalcError, match="X is declared symmetric, which an equation does not see to"):
        mc.parse("solve(X'*X = A, X)", where="X: matrix(n,n) symmetric")


def test_an_equation_that_is_singular_for_every_size_is_refused() -> None:
    with pytest.raises(mc.MatcalcError, match="does not determine X"):
        mc.parse("solve(X' + X = C, X)", where="C: matrix(n,n)")
