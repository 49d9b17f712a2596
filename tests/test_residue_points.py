"""Random points modulo a prime: values have their declared properties, directions are tangent."""

import numpy as np
import pytest

from matcalc.dual_numbers import Dual
from matcalc.expressions import Variable, dimension
from matcalc.leaves import variable
from matcalc.prime_fields import Field
from matcalc.residue_points import ResidueSampler, degree_of, one_by_one

SIZES = {"m": 5, "n": 4}
F = Field(seed=3)

# What vanishes for a value with the property.
DEFINING = {
    "symmetric": lambda X: X - X.T,
    "skew": lambda X: X + X.T,
    "diagonal": lambda X: X * (1 - np.eye(4, dtype=int)),
    "lower": lambda X: X * np.triu(np.ones((4, 4), dtype=int), 1),
    "upper": lambda X: X * np.tril(np.ones((4, 4), dtype=int), -1),
    "spd": lambda X: X - X.T,
    "orthogonal": lambda X: X.T @ X - np.eye(4, dtype=int),
    "unit": lambda X: (X * X).sum(axis=0) - 1,
}
SQUARE = {"symmetric", "skew", "diagonal", "lower", "upper", "spd"}

each_property = pytest.mark.parametrize("word", DEFINING)


def declared(*words: str) -> Variable:
    return variable("X", "n" if set(words) & SQUARE else "m", "n", *words)


@each_property
def test_a_value_has_its_property(word: str) -> None:
    X = ResidueSampler(F, 1).value(declared(word), SIZES)
    assert DEFINING[word](X).is_zero
    assert not X.is_zero


@each_property
def test_a_direction_keeps_the_property_to_first_order(word: str) -> None:
    sampler, v = ResidueSampler(F, 2), declared(word)
    X = sampler.value(v, SIZES)
    V = sampler.direction(v, X)
    assert DEFINING[word](X.along(V)).tangent.is_zero
    assert not V.is_zero


def test_combined_properties() -> None:
    sampler = ResidueSampler(F, 3)
    Q = sampler.value(variable("Q", "n", "n", "orthogonal", "symmetric"), SIZES)
    assert (Q - Q.T).is_zero
    assert (Q @ Q - np.eye(4, dtype=int)).is_zero


def test_positive_values_are_squares_and_whole_numbers_are_known() -> None:
    sampler = ResidueSampler(F, 4, positive={"y"})
    for v in (variable("x", "n", 1, "positive"), variable("y", "n")):
        assert all(F.is_square(entry) for entry in sampler.value(v, SIZES).a.flat)
    assert int(sampler.value(variable("k", 1, 1, "integer"), SIZES)) in {1, 2, 3, 4}


def test_an_exponent_counts_modulo_both_orders() -> None:
    e = ResidueSampler(F, 5, exponents={"t"}).value(variable("t"), SIZES)
    assert e.a == e.lift % F.p
    u, v = Dual(F, 4), Dual(F, 9)
    assert ((u * v) ** e - u**e * v**e).is_zero


def test_the_same_seed_draws_the_same() -> None:
    first, second = (ResidueSampler(F, 6).value(declared(), SIZES) for _ in range(2))
    assert (first.a == second.a).all()


@pytest.mark.parametrize(("words", "degrees"), [((), (1, 0)), (("spd",), (2, 0)), (("orthogonal",), (10, 10))])
def test_degrees_of_values(words: tuple[str, ...], degrees: tuple[int, int]) -> None:
    """A Cayley transform of size 5 has entries of degree 5 over a determinant of degree 5; twice that is safe."""
    found = degree_of(declared(*words), SIZES, ())
    assert (found.numerator, found.denominator) == degrees


def test_one_by_one() -> None:
    n = dimension("n")
    assert one_by_one([(n, dimension(1))]) == {"n": 1}
    assert one_by_one([(n - 1, dimension(1))]) is None
    assert one_by_one([(dimension(3), dimension(1))]) is None
