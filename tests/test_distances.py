"""Squared distances of points: values, sums over pairs, and what is lost to rounding."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.distances import from_differences, from_products, squared_distances
from matcalc.errors import ShapeError
from matcalc.evaluation import evaluate
from matcalc.high_precision import precise, sixty_digits
from matcalc.verdicts import verify_derivative

POINTS = "X: matrix(n,d), Y: matrix(m,d), A: matrix(n,n), s: scalar"
PAIRS = "sum(i, 1, n, sum(j, 1, n, exp(-norm2(X[i,:] - X[j,:])^2/s)))"


def direct(X: Any, Y: Any) -> Any:
    return np.array([[sum((x - y) ** 2) for y in Y] for x in X])


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_far_from_the_origin_no_digits_are_lost(shift: float) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((7, 3)) + shift, rng.standard_normal((4, 3)) + shift
    function = mc.compile(mc.parse("sqdist(X, Y)", where=POINTS))
    for found in (squared_distances(X, Y), function(X=X, Y=Y), evaluate(mc.parse("sqdist(X, Y)"), {"X": X, "Y": Y})):
        assert np.allclose(found, direct(X, Y), rtol=1e-12, atol=1e-13 * max(shift, 1))
    large = np.vstack([X] * 2000)
    assert large.size * len(Y) > 2**14
    assert np.allclose(function(X=large, Y=Y)[:7], direct(X, Y), rtol=1e-12, atol=1e-13 * max(shift, 1))


@pytest.mark.parametrize(("points", "tolerance"), [(np.float64, 1e-11), (np.float32, 1e-4)])
def test_near_points_among_distant_ones_lose_no_digits(points: Any, tolerance: float) -> None:
    rng = np.random.default_rng(3)
    X = np.vstack([rng.standard_normal((5, 3)) + center for center in (0, 1e4, -1e8)]).astype(points)
    Y = (X + rng.standard_normal(X.shape) / 4).astype(points)
    true = direct(X.astype(float), Y.astype(float))
    function = mc.compile(mc.parse("sqdist(X, Y)", where=POINTS))
    assert np.allclose(function(X=X, Y=Y), true, rtol=tolerance, atol=0)
    assert np.allclose(function(X=[X, Y], Y=Y)[0], true, rtol=tolerance, atol=0)
    assert np.allclose(from_products(np.vstack([X] * 200), Y), np.vstack([true] * 200), rtol=tolerance, atol=0)
    kernel = "sum(i, 1, n, sum(j, 1, m, exp(-norm2(X[i,:] - Y[j,:])^2)))"
    assert np.isclose(mc.compile(kernel, where=POINTS)(X=X, Y=Y), np.exp(-true).sum(), rtol=tolerance)


@pytest.mark.parametrize("text", ["sqdist(X, Y[1,:])", "sqdist(X[1,:], Y)", "sqdist(X[:,1], Y[:,1])"])
def test_one_point_or_column_loses_no_digits_in_written_code(text: str) -> None:
    rng = np.random.default_rng(4)
    X, Y = (np.vstack([rng.standard_normal((3, 2)), 1e9 + rng.standard_normal((2, 2))]) for _ in "XY")
    where = "X: matrix(n,d), Y: matrix(m,d)"
    namespace: dict[str, Any] = {}
    exec(mc.code(text, target="numpy", name="f", where=where), namespace)
    points = {"X[1,:]": X[:1], "Y[1,:]": Y[:1], "X[:,1]": X[:, :1], "Y[:,1]": Y[:, :1], "X": X, "Y": Y}
    first, second = (points[name] for name in text[len("sqdist(") : -1].split(", "))
    found = namespace["f"](X, Y)
    assert np.allclose(np.ravel(found), direct(first, second).ravel(), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "text",
    [
        "sqdist(X, Y)",
        "sum(i, 1, n, norm2(X[i,:]))",
        "sum(i, 1, n, tanh(norm2(X[i,:] - Y[1,:])^2))",
        "sum(i, 1, n, sum(j, 1, m, norm2(X[i,:] - Y[j,:])^3))",
    ],
)
def test_distances_of_complex_points_are_those_of_norms(text: str) -> None:
    rng = np.random.default_rng(5)
    X, Y = (rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2)) for _ in "XY")
    f = mc.parse(text, where="X: matrix(n,d), Y: matrix(m,d)")
    values = {name: {"X": X, "Y": Y}[name] for name in f.variables}
    assert np.allclose(mc.compile(f)(**values), f.evaluate(values), rtol=1e-13)
    if text == "sqdist(X, Y)":
        assert np.allclose(f.evaluate(values), np.linalg.norm(X[:, None] - Y, axis=2) ** 2, rtol=1e-13)
    batch = {name: np.stack([value, 2 * value]) for name, value in values.items()}
    assert np.allclose(mc.compile(f)(**batch)[0], f.evaluate(values), rtol=1e-13)


def test_distances_are_never_negative() -> None:
    X = np.full((50, 3), 0.1) + 1e-17
    found = mc.compile(mc.parse("sqrt(sqdist(X, X))", where=POINTS))(X=X)
    assert np.all(found >= 0)
    assert np.all(found < 1e-7)


def test_large_and_small_arrays_have_the_same_distances() -> None:
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((700, 3)), rng.standard_normal((600, 3))
    assert np.allclose(squared_distances(X, Y), from_differences(X, Y), atol=1e-13)


def test_single_points_and_turned_distances() -> None:
    assert str(mc.parse("sqdist(x', y')", where="x, y: vector(n)")) == "norm2(x - y)^2"
    X, Y = mc.variables("X: matrix(m,k), Y: matrix(n,k)")
    sqdist = mc.functions.sqdist
    assert sqdist(X, Y).T is sqdist(Y, X)
    assert sqdist(-X, -Y) is sqdist(X, Y)
    assert str(mc.simplify(mc.parse("diag(sqdist(X, X))", where="X: matrix(n,k)"))) == "zeros(n)"
    with pytest.raises(ShapeError):
        mc.parse("sqdist(X, Y)", where="X: matrix(m,k), Y: matrix(n,p)")


def test_values_and_gradients_of_sums_over_pairs_share_their_work() -> None:
    f = mc.parse(PAIRS, where=POINTS)
    function = mc.compile([f, mc.gradient(f, "X")])
    assert function.source.count("exp") == 1
    X = np.random.default_rng(2).standard_normal((9, 2))
    value, gradient = function(X=X, s=0.5)
    K = np.exp(-direct(X, X) / 0.5)
    assert np.isclose(value, K.sum(), rtol=1e-13)
    assert np.allclose(gradient, 4 * (K - np.diag(K.sum(1))) @ X / 0.5, atol=1e-13)


@pytest.mark.parametrize("text", ["sum(A.*exp(-sqdist(X, X)/s))", "logdet(exp(-sqdist(X, X)/s) + eye(n))", PAIRS])
@pytest.mark.parametrize("x", ["X", "s"])
def test_derivatives_are_verified(text: str, x: str) -> None:
    assert mc.verify(text, x, where=POINTS, claim=str(mc.gradient(text, x, POINTS)), seed=1).verdict == "verified"


def test_products_of_decimal_arrays_survive_an_error() -> None:
    """NumPy's own product of such arrays crashed the process here."""
    column, row = precise(np.array([[1.0], [0.0], [0.0]])), precise(np.ones((1, 3)))
    row[0, 0] = Decimal("Infinity")
    with sixty_digits():
        for _ in range(200):
            for left, right in ((column, row), (column, np.asarray(row)), (np.asarray(column), row)):
                with pytest.raises(ArithmeticError):
                    left @ right


APART = "X: matrix(n,d), D: matrix(n,n), c: scalar"
DISTANCES = [
    ("sum(sqrt(sqdist(X, X)))", "let M = 1./sqrt(sqdist(X, X) + eye) in 2*(diag(sum(M, 2)) - M)*X"),
    (
        "sum((sqrt(sqdist(X, X)) - D).^2)",
        "let M = (D - sqrt(sqdist(X, X)))./sqrt(sqdist(X, X) + eye) in 2*(M + M' - diag(sum(M + M', 2)))*X",
    ),
    (
        "sum(i, 1, n, sum(j, 1, n, D[i,j]*norm2(X[i,:] - X[j,:])))",
        "let M = D'./sqrt(sqdist(X, X) + eye) in (diag(sum(M + M', 2)) - M - M')*X",
    ),
    (
        "sum(i, 1, n, sum(j, 1, n, max(0, c - norm2(X[i,:] - X[j,:]))^2))",
        "let M = relu(c*ones - sqrt(sqdist(X, X)))./sqrt(sqdist(X, X) + eye) in 4*(M - diag(sum(M, 2)))*X",
    ),
]


@pytest.mark.parametrize(("text", "expected"), DISTANCES)
def test_a_point_has_a_constant_distance_from_itself(text: str, expected: str) -> None:
    """0/0 on the diagonal would make every gradient nan."""
    D = mc.differentiate(text, "X", APART)
    assert str(D.gradient) == expected
    assert D.conditions[0] == "rows of X distinct"
    assert D.verify(seed=1).verdict == "verified"
    rng = np.random.default_rng(4)
    data = {"X": rng.standard_normal((5, 3)), "D": rng.standard_normal((5, 5)), "c": 1.5}
    function = mc.compile([D.expression, D.gradient])

    def value(X: Any) -> float:
        given = {**data, "X": X}
        found: float = function(**{name: given[name] for name in function.names})[0]
        return found

    V = rng.standard_normal((5, 3))
    slope = (value(data["X"] + 1e-6 * V) - value(data["X"] - 1e-6 * V)) / 2e-6
    _, gradient = function(**{name: data[name] for name in function.names})
    assert np.isclose(np.vdot(gradient, V), slope, rtol=1e-6)


def test_second_derivatives_of_distances() -> None:
    D = mc.differentiate("sum(D.*sqrt(sqdist(X, X)))", "X", APART)
    assert verify_derivative(D, ["hessian"], seed=1).verdict == "verified"
