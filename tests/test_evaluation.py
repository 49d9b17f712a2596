"""Evaluation: the value of every kind of node against NumPy's own, and what is said of improper values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.applications import apply
from matcalc.errors import EvaluationError, MatcalcError, ShapeError
from matcalc.evaluation import Evaluator, evaluate, evaluate_all
from matcalc.expressions import Expression
from matcalc.function_table import FUNCTIONS
from matcalc.high_precision import PRECISE, NoKernel, precise, sixty_digits
from matcalc.leaves import number, variable
from matcalc.reading import parse

WHERE = (
    "A: matrix(m,n), B: matrix(m,n), M: matrix(n,n), S: matrix(n,n) symmetric, x: vector(n), y: vector(n), "
    "r: row(n), s: scalar, t: scalar, k: scalar integer"
)
rng = np.random.default_rng(7)
VALUES: dict[str, Any] = {
    "A": rng.standard_normal((3, 4)),
    "B": rng.uniform(0.5, 2, (3, 4)),
    "M": rng.standard_normal((4, 4)),
    "x": rng.standard_normal(4),
    "y": rng.uniform(0.5, 2, 4),
    "r": rng.standard_normal((1, 4)),
    "s": 0.7,
    "t": 1.3,
    "k": 3,
}
A, B, M, x, y, r, s, t = (VALUES[name] for name in "ABMxyrst")
S = VALUES["S"] = M + M.T

# Rounding of a few dozen operations on numbers of order one.
TOLERANCE = 1e-12

EXPECTED = {
    "x'*M*y": x @ M @ y,
    "A*x": A @ x,
    "x'*M": (x @ M)[None, :],
    "A'": A.T,
    "A*inv(M)*x": A @ np.linalg.inv(M) @ x,
    "inv(M)*x + inv(M)*y": np.linalg.inv(M) @ (x + y),
    "r*inv(M)": r @ np.linalg.inv(M),
    "s*A + t*B": s * A + t * B,
    "-2*s*x'*y*A/3": -2 * s * (x @ y) * A / 3,
    "A.*B.*A": A * B * A,
    "B.^t": B**t,
    "s.^A": s**A,
    "B.^A": B**A,
    "s^t": s**t,
    "M^3": M @ M @ M,
    "M^k": M @ M @ M,
    "M^(-k)": np.linalg.matrix_power(np.linalg.inv(M), 3),
    "M^(k - 3)": np.eye(4),
    "exp(A)": np.exp(A),
    "tr(M)*x": np.trace(M) * x,
    "det(M)": np.linalg.det(M),
    "cof(M)": np.linalg.det(M) * np.linalg.inv(M).T,
    "logdet(M*M')": np.linalg.slogdet(M @ M.T)[1],
    "norm2(A)": np.linalg.norm(A),
    "diag(x)": np.diag(x),
    "diag(M)": np.diag(M),
    "vec(A)": A.reshape(-1, order="F"),
    "unvec(vec(A), m, n)": A,
    "kron(A, x)": np.kron(A, x[:, None]),
    "commutation(m,n)*vec(A)": A.T.reshape(-1, order="F"),
    "sum(A)": A.sum(),
    "sum(A,1)": A.sum(axis=0)[None, :],
    "mean(x)": x.mean(),
    "M + eye(n) + ones(n,n)": M + np.eye(4) + 1,
    "A[2,3]": A[1, 2],
    "x[k]": x[2],
    "A[:,2]": A[:, 1],
    "[A; x']": np.vstack([A, x]),
    "[s t; t s]": np.array([[s, t], [t, s]]),
    "pi*s": np.pi * s,
    "sum(i, 1, n, x[i]*i)": x @ [1, 2, 3, 4],
    "sum(i, 0, k - 1, M^i*S*M^(k - 1 - i))": M @ M @ S + M @ S @ M + S @ M @ M,
    "sum(i, 0, k, tr(M^i))": sum(np.trace(np.linalg.matrix_power(M, i)) for i in range(4)),
    "sum(i, 1, k - 3, M^i)": np.zeros((4, 4)),
    "sum(i, 1, n, sum(j, 1, i, x[i]*y[j]))": x @ np.cumsum(y),
    "softmax(x)": np.exp(x) / np.exp(x).sum(),
    "max(x, y)": np.maximum(x, y),
    "cumsum(x)": np.cumsum(x),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_the_value_is_numpys(text: str) -> None:
    found = evaluate(parse(text, WHERE), VALUES)
    assert np.shape(found) == np.shape(EXPECTED[text])
    assert found == pytest.approx(EXPECTED[text], rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("text", EXPECTED)
def test_sixty_digits_agree_with_double_precision(text: str) -> None:
    f = parse(text, WHERE)
    values = {name: np.reshape(v, (-1, 1)) if np.ndim(v) == 1 else np.asarray(v) for name, v in VALUES.items()}
    sizes = {"m": 3, "n": 4}
    found = Evaluator([f])({n: v if v.ndim else v[()] for n, v in values.items()}, sizes)[0]
    with sixty_digits():
        fine = Evaluator([f], PRECISE)({n: precise(v if v.ndim else v[()]) for n, v in values.items()}, sizes)[0]
        fine = np.asarray(fine, dtype=float)
    assert fine == pytest.approx(np.asarray(found), rel=TOLERANCE, abs=TOLERANCE)


def test_scalars_are_floats_and_columns_have_one_axis() -> None:
    f, g = parse("x'*y", WHERE), parse("A*x", WHERE)
    assert type(evaluate(f, VALUES)) is float
    assert evaluate(g, VALUES).shape == (3,)
    assert evaluate(g, {"A": A, "x": x[:, None]}).shape == (3,)


def test_a_value_is_no_view_of_an_argument() -> None:
    given = x.copy()
    evaluate(parse("x", WHERE), {"x": given})[0] = 99
    assert given[0] == x[0]


def test_several_expressions_at_once() -> None:
    f, g = parse("x'*y", WHERE), parse("x", WHERE)
    assert evaluate_all([f, g], VALUES)[0] == evaluate(f, VALUES)


def test_a_tower_of_two_thousand_layers() -> None:
    W, h = variable("W", "n", "n"), variable("x", "n")
    tower: Expression = h
    for _ in range(2000):
        tower = apply("tanh", W @ tower)
    expected = x
    for _ in range(2000):
        expected = np.tanh(M @ expected)
    assert evaluate(tower, {"W": M, "x": x}) == pytest.approx(expected, rel=1e-6)


def test_complex_values() -> None:
    z = x + 1j * y
    assert evaluate(parse("x'*M*x", WHERE), {"x": z, "M": M}) == pytest.approx(z @ M @ z)
    assert evaluate(parse("exp(x)", WHERE), {"x": z}) == pytest.approx(np.exp(z))


def test_masked_entries_are_no_numbers() -> None:
    e = mc.parse("2*x", where="x: vector(n)")
    assert np.allclose(np.ravel(e.evaluate({"x": np.ma.array([1.0, 2.0])})), [2, 4])
    with pytest.raises(EvaluationError, match="x has masked entries"):
        e.evaluate({"x": np.ma.array([1.0, 2.0], mask=[0, 1])})


def test_softplus_of_complex_numbers() -> None:
    found = mc.parse("softplus(x)", where="x: vector(n)").evaluate({"x": np.array([0.3 + 0.2j, -1.0])})
    assert np.allclose(np.ravel(found), np.log(1 + np.exp([0.3 + 0.2j, -1.0])))


def test_the_adjugate_of_a_complex_matrix() -> None:
    A = np.array([[1 + 2j, 3.0, 1j], [2.0, 1 - 1j, 0.5], [1j, 2.0, 3.0]])
    for Z in (A, A[:, [0, 0, 1]]):
        found = mc.parse("adj(A)", where="A: matrix(n,n)").evaluate({"A": Z})
        assert np.allclose(found @ Z, np.linalg.det(Z) * np.eye(3))
        assert np.allclose(found, mc.compile("adj(A)", where="A: matrix(n,n)")(Z))
    assert np.abs(found).max() > 1


def test_complex_steps_give_derivatives() -> None:
    f = parse("tr(inv(M)*S)", "M: matrix(n,n), S: matrix(n,n)")
    slope = evaluate(f, {"M": M + 1e-30j * S, "S": S}).imag / 1e-30
    assert slope == pytest.approx(-np.trace(np.linalg.inv(M) @ S @ np.linalg.inv(M) @ S))


def test_sizes_come_from_values_and_are_else_given() -> None:
    assert evaluate(parse("eye(n)", "x: vector(n)"), {}, sizes={"n": 2}).shape == (2, 2)
    X = variable("X", "n", "n")
    assert evaluate(parse("eye(n)", "x: vector(n)"), {"X": M}, declared=[X]).shape == (4, 4)
    compound = variable("z", parse("ones(2n + 1)", "x: vector(n)").rows)
    assert evaluate(parse("eye(n)", "x: vector(n)"), {"z": np.ones(7)}, declared=[compound]).shape == (3, 3)


MISTAKES: list[tuple[str, Mapping[str, Any], type[MatcalcError], str]] = [
    ("A*x", {"A": A}, EvaluationError, "x has no value"),
    (
        "A*x",
        {"A": A, "x": x[:2]},
        ShapeError,
        "x must be a vector of length n, where n = 4, but .* of length 2",
    ),
    ("A*x", {"A": A, "x": A}, ShapeError, "x must be a vector of length n"),
    ("A*x", {"A": x, "x": x}, ShapeError, "A must be a matrix of shape m×n"),
    ("s*x", {"s": [1, 2], "x": x}, ShapeError, "s must be a scalar"),
    ("x", {"x": ["a", "b"]}, EvaluationError, "the entries of x are of type"),
    ("x", {"x": [1, None]}, EvaluationError, "the entries of x are numbers of a kind NumPy does not know"),
    ("A", {"A": [[1, 2], [3]]}, EvaluationError, "the rows of A differ in length"),
    ("x", {"x": [1, np.nan]}, EvaluationError, "x has an entry that is nan or infinite"),
    ("S", {"S": np.triu(M)}, EvaluationError, "S is declared symmetric, but the value given is not"),
    ("eye(n)*s", {"s": 1}, EvaluationError, "no value shows the size n"),
    ("log(x)", {"x": [1, -1]}, EvaluationError, "log of a negative number"),
    ("log(x)", {"x": [1, 0]}, EvaluationError, "log of 0"),
    ("logdet(M)", {"M": np.diag([1, -1])}, EvaluationError, "logdet of a matrix with a negative determinant"),
    ("inv(M)", {"M": np.zeros((2, 2))}, EvaluationError, "inv of a singular matrix"),
    ("inv(M)*x", {"M": np.zeros((2, 2)), "x": [1, 2]}, EvaluationError, "inv of a singular matrix"),
    ("1/s", {"s": 0}, EvaluationError, "division by zero"),
    ("sqrt(x)", {"x": [1, -1]}, EvaluationError, "a power of a negative number"),
    ("M^k", {"M": M, "k": 1.5}, EvaluationError, "k is declared integer, but the value given is not"),
    ("x[k]", {"x": x, "k": 5}, EvaluationError, "an index is out of range"),
    ("exp(s)", {"s": 1000}, EvaluationError, "exp is not defined, or too large, at 1000"),
]


@pytest.mark.parametrize(("text", "values", "error", "message"), MISTAKES)
def test_an_improper_value_is_named(
    text: str, values: Mapping[str, Any], error: type[MatcalcError], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate(parse(text, WHERE), values)


# Where each function is defined on all of a vector.
INTERVALS = {"arccosh": (1.1, 3.0), "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9), "arctanh": (-0.9, 0.9)}


@pytest.mark.parametrize("name", [row.name for row in FUNCTIONS.values() if row.is_entrywise])
def test_the_kernels_of_both_arithmetics_agree(name: str) -> None:
    low, high = INTERVALS.get(name, (0.2, 3.0))
    column = np.linspace(low, high, 7)[:, None]
    f = apply(name, *([number(1)] if name == "polygamma" else []), variable("x", "n"))
    found = Evaluator([f])({"x": column}, {"n": 7})[0]
    with sixty_digits():
        fine = Evaluator([f], PRECISE)({"x": precise(column)}, {"n": 7})[0].astype(float)
    assert found == pytest.approx(fine, rel=1e-13)


def test_a_function_without_sixty_digits_is_said_to_have_none() -> None:
    with pytest.raises(NoKernel, match="no such function"):
        PRECISE.kernel("no such function")


@pytest.mark.parametrize(
    ("formula", "where", "values", "word"),
    [
        ("sqrt(t^2)", "t: scalar positive", {"t": -2.0}, "positive"),
        ("log(x)", "x: vector(n) positive", {"x": [1.0, -1.0]}, "positive"),
        ("exp(x)./x", "x: vector(n) nonzero", {"x": [1.0, 0.0]}, "nonzero"),
        ("cos(2*pi*k)", "k: scalar integer", {"k": 0.5}, "integer"),
    ],
)
def test_a_value_that_contradicts_its_declaration_is_refused(formula: str, where: str, values: Any, word: str) -> None:
    e = mc.parse(formula, where=where)
    name = next(iter(values))
    for compute in (e.evaluate, lambda v: mc.compile(e)(**v)):
        with pytest.raises(mc.EvaluationError, match=f"{name} is declared {word}, but the value given is not"):
            compute(values)


@pytest.mark.parametrize(("length", "n"), [("n^2", 3), ("n*(n+1)/2", 3), ("n^2 + n", 2)])
def test_sizes_are_found_from_lengths_that_are_polynomials(length: str, n: int) -> None:
    e = parse("n*sum(x)", f"x: vector({length})")
    entries = {"n^2": 9, "n*(n+1)/2": 6, "n^2 + n": 6}[length]
    assert evaluate(e, {"x": np.ones(entries)}) == n * entries
    with pytest.raises(ShapeError, match="but the value given is of length 7"):
        evaluate(e, {"x": np.ones(7)})


@pytest.mark.parametrize(("lower", "upper"), [("5", "k"), ("0", "k"), ("k", "1 - k"), ("k + 2", "n")])
@pytest.mark.parametrize("k", [-3, 0, 1, 3, 7])
def test_sums_of_what_does_not_change_are_empty_where_the_bounds_cross(lower: str, upper: str, k: int) -> None:
    values = {"x": np.array([2.0, 3.0, 5.0, 7.0]), "k": k}
    constant, changing = (
        mc.parse(f"sum(i, {lower}, {upper}, {term})", where="x: vector(n), k: scalar integer")
        for term in ("x[2]", "x[2] + 0*i + (i - i)*x[1] + i*x[2] - x[2]*i")
    )
    ends = {"5": 5, "0": 0, "k": k, "1 - k": 1 - k, "k + 2": k + 2, "n": 4}
    count = max(0, ends[upper] - ends[lower] + 1)
    for f in (constant, changing):
        assert f.evaluate(values) == 3 * count
        assert mc.compile(f, sizes={"n": 4})(**{name: values[name] for name in f.variables}) == 3 * count
