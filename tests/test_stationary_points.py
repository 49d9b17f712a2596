"""Minimum, maximum, saddle or undecided; and how numbers are typed."""

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import matcalc as mc
from matcalc.commands import main
from matcalc.typed_numbers import in_words, typed_numbers

SCALARS = "x, y: scalar"
ORIGIN = {"x": 0, "y": 0}
SPHERE = "u: vector(n) unit, A: matrix(n,n)"
DIAGONAL = np.diag([1.0, 3.0, 5.0])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def kind(f: str, wrt: Any, at: Any, where: str | None = None) -> str:
    return mc.classify(f, wrt, at, where, check=False).kind


@pytest.mark.parametrize(
    ("f", "expected", "eigenvalues"),
    [
        ("x^2 + 3*y^2", "minimum", (2, 6)),
        ("-(x^2) - y^2", "maximum", (-2, -2)),
        ("x^2 - y^2", "saddle", (-2, 2)),
        ("x^2 + y^4", "undecided", (0, 2)),
        ("x^2 - y^4", "undecided", (0, 2)),
        ("x^2 + y^3", "undecided", (0, 2)),
        ("-x^2", "undecided", (-2, 0)),
        ("x^4 + y^4", "undecided", (0, 0)),
    ],
)
def test_the_four_answers(f: str, expected: str, eigenvalues: tuple[float, ...]) -> None:
    point = mc.classify(f, ("x", "y"), ORIGIN, SCALARS, seed=1)
    assert point.kind == expected
    assert point.eigenvalues == eigenvalues
    assert point.report is not None
    assert point.report.passed


def test_in_one_vector_variable() -> None:
    for f, expected in (
        ("x[1]^2 + 3*x[2]^2", "minimum"),
        ("x[1]^2 - x[2]^2", "saddle"),
        ("x[1]^2 + x[2]^4", "undecided"),
    ):
        assert kind(f, "x", {"x": [0, 0]}, "x: vector(2)") == expected


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        # near a degenerate point nothing is claimed, whatever the size of the second eigenvalue
        ("x^2 + (y - 0.3)^3", "x = 0, y = 0.3000000001", "undecided"),
        ("x^2 + (y - 0.3)^4", "x = 0, y = 0.301", "undecided"),
        ("x^2 + y^4", "x = 0, y = 1e-9", "undecided"),
        ("x^2 + (y - 0.3)^2", "x = 0, y = 0.30000001", "minimum"),
        ("x^2 + 1e-3*(y - 0.3)^2", "x = 1e-12, y = 0.3000000001", "minimum"),
        ("x^2 + (y - 0.3)^2", "x = 0, y = 0.31", "not stationary"),
        ("x^2 - 1e-30*y^2", "x = 0, y = 0", "undecided"),
    ],
)
def test_rounded_numbers(f: str, at: str, expected: str) -> None:
    assert kind(f, ("x", "y"), at, SCALARS) == expected


@pytest.mark.parametrize(("i", "expected"), [(0, "minimum"), (1, "saddle"), (2, "maximum")])
def test_eigenvectors_are_the_stationary_points_on_the_sphere(i: int, expected: str) -> None:
    u = np.eye(3)[i]
    point = mc.classify("u'*A*u", "u", {"u": u, "A": DIAGONAL}, SPHERE, check=False)
    assert point.kind == expected
    assert point.dimension == 2
    others = np.delete(np.diag(DIAGONAL), i)
    assert np.allclose(point.eigenvalues, 2 * (others - DIAGONAL[i, i]))
    assert kind("u'*A*u", "u", {"u": [0.6, 0.8, 0], "A": DIAGONAL}, SPHERE) == "not stationary"


def test_the_eigenvalues_on_the_sphere_are_second_differences_along_great_circles() -> None:
    rng = np.random.default_rng(3)
    A = rng.standard_normal((4, 4))
    A = A + A.T
    u = np.linalg.eigh(A)[1][:, 1]
    point = mc.classify("u'*A*u", "u", {"u": u, "A": A}, SPHERE, check=False)
    assert point.kind == "saddle"
    h, found = 1e-3, []
    for v in np.linalg.svd(u.reshape(1, -1))[2][1:]:
        values = [c @ A @ c for c in (np.cos(t) * u + np.sin(t) * v for t in (-h, 0.0, h))]
        found.append((values[0] - 2 * values[1] + values[2]) / h**2)
    assert np.isclose(sum(found), sum(point.eigenvalues), rtol=1e-5)


def test_on_other_constrained_variables() -> None:
    spd = mc.classify("tr(S*A) - logdet(S)", "S", "S = eye(2); A = eye(2)", "S: matrix(n,n) spd", check=False)
    assert (spd.kind, spd.dimension) == ("minimum", 3)
    weights = "Q = eye(3); A = [1 0 0; 0 2 0; 0 0 3]; B = [1 0 0; 0 2 0; 0 0 3]"
    orthogonal = mc.classify("tr(Q'*A*Q*B)", "Q", weights, "Q: matrix(n,n) orthogonal", check=False)
    assert orthogonal.kind == "maximum"
    assert np.allclose(orthogonal.eigenvalues, [-4, -1, -1])


def test_a_factorization_has_a_saddle_at_zero_and_a_valley_at_its_factors() -> None:
    f, T = "norm2(U*V' - T)^2", [[1, 0], [0, 0]]
    zero = mc.classify(f, ("U", "V"), {"U": [[0], [0]], "V": [[0], [0]], "T": T}, check=False)
    assert zero.kind == "saddle"
    factors = mc.classify(f, ("U", "V"), {"U": [[1], [0]], "V": [[1], [0]], "T": T}, check=False)
    assert factors.kind == "undecided"
    assert np.allclose(factors.eigenvalues, [0, 2, 2, 4])


def test_the_minimum_of_least_squares() -> None:
    rng = np.random.default_rng(5)
    A, b = rng.standard_normal((7, 3)), rng.standard_normal(7)
    x = np.linalg.lstsq(A, b, rcond=None)[0]
    point = mc.classify("norm2(A*x - b)^2", "x", {"A": A, "b": b, "x": x}, seed=2)
    assert point.kind == "minimum"
    assert np.allclose(point.eigenvalues, np.linalg.eigvalsh(2 * A.T @ A))
    assert point.relative_gradient < 1e-12


@pytest.mark.parametrize(
    ("f", "at", "said"),
    [
        ("abs(x) - x^2", "x = 0", "kink"),
        ("max(x, 0)", "x = 0", "kink"),
        ("sqrt(x^2)*x", "x = 0", "kink|not defined"),
        ("log(x)", "x = -1", "log of a negative number"),
        ("1/x", "x = 0", "division by zero"),
    ],
)
def test_where_there_is_no_hessian_the_question_is_refused(f: str, at: str, said: str) -> None:
    with pytest.raises(mc.NotDifferentiable, match=said):
        mc.classify(f, "x", at, "x: scalar")


def test_questions_that_make_no_sense() -> None:
    with pytest.raises(mc.NotDifferentiable, match="the gradient is not defined at this point: division by zero"):
        mc.classify("norm2(x)", "x", {"x": [0, 0]})
    with pytest.raises(mc.NotScalar):
        mc.classify("A*x", "x", "x = [1]; A = [1]")
    with pytest.raises(mc.EvaluationError, match="y has no value"):
        mc.classify("x^2 - y^2", ("x", "y"), "x = 0", SCALARS)
    with pytest.raises(mc.EvaluationError, match="declared unit, but the value given is not"):
        mc.classify("u'*A*u", "u", {"u": [1, 1, 1], "A": DIAGONAL}, SPHERE)
    with pytest.raises(mc.MatcalcError, match="500 unknowns are too many"):
        mc.classify("x'*x", "x", {"x": np.zeros(500)})


TYPED = [
    ("x = [1, 2]", {"x": [1.0, 2.0]}),
    ("x=[1; 2]", {"x": [1.0, 2.0]}),
    ("x = [1 -2]", {"x": [1.0, -2.0]}),
    ("x = 2*ones(3)", {"x": [2.0, 2.0, 2.0]}),
    ("x = [3]", {"x": [3.0]}),
    ("A = [1 2; 3 4]", {"A": [[1.0, 2.0], [3.0, 4.0]]}),
    ("A = [[1, 2], [3, 4]]", {"A": [[1.0, 2.0], [3.0, 4.0]]}),
    ("A = [1; 2]*[1, 0]", {"A": [[1.0, 0.0], [2.0, 0.0]]}),
    ("A = 3", {"A": [[3.0]]}),
    ("A = [1; 2]", {"A": [[1.0], [2.0]]}),
    ("alpha = 1/4, x = [0]", {"alpha": 0.25, "x": [0.0]}),
    ("α = 1e-3\nx = [0]", {"alpha": 0.001, "x": [0.0]}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "expected"), TYPED, ids=[case[0] for case in TYPED])
def test_numbers_as_they_are_typed(text: str, expected: dict[str, Any]) -> None:
    assert typed_numbers(text, mc.variables("x: vector(n), A: matrix(m,n), alpha: scalar")) == expected


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("x", mc.ParseError, "gives no value"),
        ("x =", mc.ParseError, "gives no value"),
        ("= 3", mc.ParseError, "gives no value"),
        ("x = [1, 2", mc.ParseError, "never closed"),
        ("x = [1, 2; 3]", mc.ParseError, "this row has 1 entry"),
        ("x = [1], x = [2]", mc.ParseError, "given a value twice"),
        ("z = 1", mc.UnknownName, "there is no variable z"),
        ("x = [1, q]", mc.EvaluationError, "there is q in it"),
        ("x = [1/0]", mc.DomainError, "0 has no reciprocal"),
        ("x = ones(n)", mc.EvaluationError, "value of x"),
        ("A = eye(100000)", mc.EvaluationError, "at most 100000 can be typed"),
        ("A = __import__('os')", mc.MatcalcError, ""),
    ],
)
def test_what_is_no_number_is_refused(text: str, error: type[mc.MatcalcError], said: str) -> None:
    with pytest.raises(error) as caught:
        typed_numbers(text, mc.variables("x: vector(n), A: matrix(n,n)"))
    assert said in str(caught.value)


def test_numbers_in_words_are_typed_numbers() -> None:
    values = {"x": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 0.5]], "alpha": -0.25}
    assert in_words(values) == "x = [1; 2], A = [1 2; 3 0.5], alpha = -0.25"
    assert typed_numbers(in_words(values), mc.variables("x: vector(n), A: matrix(n,n), alpha: scalar")) == values
    assert in_words({"x": [0.0] * 100}) == "x = (100 numbers)"


def test_on_the_command_line() -> None:
    result = run("classify", "x^2 - y^2", "x", "y", "--at", "x = 0", "--at", "y = 0", "-w", SCALARS)
    assert result.exit_code == 0
    assert "eigenvalues = -2, 2\n" in result.output
    assert "saddle   the Hessian has eigenvalues of both signs\n" in result.output
    assert "verified (exact)" in result.output
    silent = run("classify", "x^2", "x", "--at", "x = 1", "-w", "x: scalar", "--no-verify")
    assert "not stationary   the gradient is not zero\n" in silent.output
    assert silent.output.count("verified") == 0
    loose = run("classify", "x^2", "x", "--at", "x = 1", "-w", "x: scalar", "--no-verify", "--tolerance", "2")
    assert "minimum   the Hessian is positive definite\n" in loose.output
    assert r"\text{eigenvalues: -2, 2}" in run(
        "classify", "x^2 - y^2", "x", "y", "--at", "x = 0, y = 0", "-w", SCALARS, "--format", "latex", "--no-verify"
    ).output  # fmt: skip


def test_as_one_document() -> None:
    arguments = ("classify", "x'*A*x", "x", "--at", "x = [0, 0]; A = [2 0; 0 1]", "--format", "json", "--seed", "3")
    document = json.loads(run(*arguments).output)
    assert document["kind"] == "minimum"
    assert document["eigenvalues"] == [2.0, 4.0]
    assert document["at"] == {"x": [0.0, 0.0], "A": [[2.0, 0.0], [0.0, 1.0]]}
    assert document["report"]["verdict"] == "verified"


def test_a_point_is_needed_and_must_be_one() -> None:
    missing = run("classify", "x^2", "x")
    assert missing.exit_code == 2
    assert "a point is needed" in missing.output
    wrong = run("classify", "x'*x", "x", "--at", "y = 2")
    assert wrong.exit_code == 2
    assert "there is no variable y to give a value to" in wrong.output
