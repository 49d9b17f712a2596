"""Sampling: values in the declared domain, directions in its tangent space, points away from trouble."""

import numpy as np
import pytest

from matcalc.curves import moved, tangent
from matcalc.evaluation import Evaluator
from matcalc.expressions import Variable, dimension, variables_of
from matcalc.leaves import variable
from matcalc.points import PointSource
from matcalc.reading import parse
from matcalc.sampling import Domain, NoPoint, Sampler

SIZES = {"m": 5, "n": 3}

# What vanishes for a value with the property, and the derivative of that along a direction.
DEFINING = {
    "symmetric": (lambda X: X - X.T, lambda X, V: V - V.T),
    "skew": (lambda X: X + X.T, lambda X, V: V + V.T),
    "diagonal": (lambda X: X - np.diag(np.diag(X)), lambda X, V: V - np.diag(np.diag(V))),
    "lower": (lambda X: np.triu(X, 1), lambda X, V: np.triu(V, 1)),
    "upper": (lambda X: np.tril(X, -1), lambda X, V: np.tril(V, -1)),
    "spd": (lambda X: X - X.T, lambda X, V: V - V.T),
    "orthogonal": (lambda X: X.T @ X - np.eye(X.shape[1]), lambda X, V: X.T @ V + V.T @ X),
    "unit": (lambda X: (X * X).sum(axis=0) - 1, lambda X, V: (X * V).sum(axis=0)),
}
SQUARE = {"symmetric", "skew", "diagonal", "lower", "upper", "spd"}

# Rounding of a few operations on numbers of order one.
TOLERANCE = 1e-13


def declared(*words: str) -> Variable:
    return variable("X", "n" if set(words) & SQUARE else "m", "n", *words)


each_property = pytest.mark.parametrize("word", DEFINING)


@each_property
def test_a_value_has_its_property(word: str) -> None:
    X = Sampler(1).value(declared(word), SIZES)
    assert np.abs(DEFINING[word][0](X)).max() < TOLERANCE
    assert np.linalg.norm(X) > 0.5


@each_property
@pytest.mark.parametrize("coordinate", [False, True])
def test_a_direction_is_tangent_and_not_zero(word: str, coordinate: bool) -> None:
    sampler, v = Sampler(2), declared(word)
    X = sampler.value(v, SIZES)
    V = sampler.direction(v, X, coordinate=coordinate)
    assert np.abs(DEFINING[word][1](X, V)).max() < TOLERANCE
    assert np.linalg.norm(V) > 0.01


@each_property
def test_a_curve_stays_in_the_domain_and_has_its_velocity(word: str) -> None:
    sampler, v = Sampler(3), declared(word)
    X = sampler.value(v, SIZES)
    V = sampler.direction(v, X)
    assert np.abs(DEFINING[word][0](moved(v, X, V, 0.1))).max() < TOLERANCE
    h = 1e-6
    velocity = (moved(v, X, V, h) - moved(v, X, V, -h)) / (2 * h)
    assert velocity == pytest.approx(V, abs=1e-9)  # differences at step 1e-6


@each_property
def test_the_tangent_is_an_orthogonal_projection(word: str) -> None:
    v, rng = declared(word), np.random.default_rng(4)
    X = Sampler(4).value(v, SIZES)
    V, W = rng.standard_normal((2, *X.shape))
    P = tangent(v, X, V)
    assert tangent(v, X, P) == pytest.approx(P, abs=TOLERANCE)
    assert np.sum(P * W) == pytest.approx(np.sum(V * tangent(v, X, W)))


def test_combined_properties() -> None:
    sampler = Sampler(5)
    Q = sampler.value(variable("Q", "n", "n", "orthogonal", "symmetric"), SIZES)
    assert pytest.approx(Q, abs=TOLERANCE) == Q.T
    assert pytest.approx(np.eye(3), abs=TOLERANCE) == Q @ Q
    assert np.all(np.diag(sampler.value(variable("P", "n", "n", "spd", "diagonal"), SIZES)) > 0)
    assert np.all(sampler.value(variable("A", "m", "n", "positive"), SIZES) > 0)
    assert sampler.value(variable("k", 1, 1, "integer"), SIZES) in {1, 2, 3, 4}


def test_a_generic_value_is_not_special() -> None:
    X = Sampler(6).value(variable("X", "n", "n"), SIZES)
    assert np.linalg.norm(X - X.T) > 0.1
    assert X.min() < 0 < X.max()


def test_a_direction_does_not_follow_from_the_point() -> None:
    sampler, v = Sampler(7), variable("X", "n", "n")
    X = sampler.value(v, SIZES)
    V = sampler.direction(v, X)
    assert abs(np.sum(X * V)) < 0.9 * np.linalg.norm(X) * np.linalg.norm(V)


def test_sizes_differ_and_fit_compound_dimensions() -> None:
    n, m = dimension("n"), dimension("m")
    for seed in range(20):
        sizes = Sampler(seed).sizes([(n, m), (2 * n, n - 1), (dimension(3), dimension(3))])
        numbers = [sizes["n"], sizes["m"], 2 * sizes["n"], sizes["n"] - 1, 3]
        assert len(set(numbers)) == 5
        assert min(numbers) >= 1


def source(text: str, where: str, seed: int = 1, domain: Domain | None = None) -> PointSource:
    f = parse(text, where)
    others = list(variables_of(f))
    moving = {f"d{v.name}": v for v in others}
    return PointSource(Sampler(seed), Evaluator([f]), moving, others, domain or Domain())


def test_the_same_seed_draws_the_same_points() -> None:
    first, second = (source("x'*A*x", "A: matrix(n,n), x: vector(n)", seed=9).draw() for _ in range(2))
    assert first.sizes == second.sizes
    assert all(np.array_equal(first.values[name], second.values[name]) for name in first.values)


def test_both_parities_of_every_size_are_drawn() -> None:
    points = source("A*x", "A: matrix(m,n), x: vector(n)")
    drawn = [points.draw(trial).sizes for trial in range(3)]
    assert all({sizes[name] % 2 for sizes in drawn} == {0, 1} for name in ("m", "n"))


def test_both_parities_of_an_integer_are_drawn() -> None:
    points = source("A^k", "A: matrix(n,n), k: scalar integer")
    assert {points.draw(trial).values["k"] % 2 for trial in range(3)} == {0, 1}


@pytest.mark.parametrize(
    ("text", "where", "assumptions"),
    [
        ("x'*x", "x: vector(n)", ()),
        ("log(x)", "x: vector(n)", ("x positive",)),
        ("sum(sqrt(A*x))", "A: matrix(6,5), x: vector(5)", ("A positive", "x positive")),
        ("logdet(A + A')", "A: matrix(4,4)", None),
        ("arccosh(x)", "x: vector(n)", ("x above 1",)),
        ("arcsin(x)", "x: vector(n)", ("x small",)),
        ("log(det(A'*A))", "A: matrix(m,n)", ()),
    ],
)
def test_the_domain_is_narrowed_only_as_needed(text: str, where: str, assumptions: tuple[str, ...] | None) -> None:
    point = source(text, where).draw()
    assert Evaluator([parse(text, where)])(point.values, point.sizes) is not None
    if assumptions is not None:
        assert point.assumptions == assumptions


def test_a_gram_matrix_is_drawn_invertible() -> None:
    points = source("inv(A'*A)", "A: matrix(m,n)")
    assert all(p.sizes["m"] >= p.sizes["n"] for p in (points.draw(trial) for trial in range(5)))


def test_both_sides_of_a_kink_are_visited() -> None:
    points = source("norm1(A*x)", "A: matrix(m,n), x: vector(n)")
    for trial in range(4):
        values = points.draw(trial).values
        arguments = values["A"] @ values["x"]
        assert arguments.min() < 0 < arguments.max()
        assert np.abs(arguments).min() > 0.05 * np.abs(arguments).max()
    scalars = source("abs(s)", "s: scalar")
    assert {np.sign(scalars.draw(trial).values["s"]) for trial in range(2)} == {-1, 1}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("log(-x'*x)", "x: vector(n)", "no point was found"),
        ("x'*x", "x: vector(1000000)", "x is 1000000×1, which is too large to check"),
        ("logdet(A'*A)", "A: matrix(3,5)", "no point was found"),
    ],
)
def test_where_there_is_no_point(text: str, where: str, message: str) -> None:
    with pytest.raises(NoPoint, match=message):
        source(text, where).draw()
