"""Dual numbers: (a + bε)(c + dε) = ac + (ad + bc)ε, entry by entry, in NumPy's shapes."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from matcalc.dual_numbers import Dual
from matcalc.prime_fields import Field, NoResidue

F = Field()
P = F.p
RNG = Random(7)


def dual(*shape: int) -> Dual:
    entries = [np.array([RNG.randrange(P) for _ in range(int(np.prod(shape)))], dtype=object) for _ in "ab"]
    return Dual(F, *(e.reshape(shape) for e in entries))


def number() -> Dual:
    return Dual(F, RNG.randrange(1, P), RNG.randrange(P))


def same(x: Dual, y: Dual) -> bool:
    return (x - y).is_zero and (x.tangent - y.tangent).is_zero


def test_products_of_matrices_are_sums_of_products_of_entries() -> None:
    A, B = dual(2, 3), dual(3, 4)
    for i in range(2):
        for j in range(4):
            entry = A[i, 0] * B[0, j] + A[i, 1] * B[1, j] + A[i, 2] * B[2, j]
            assert same((A @ B)[i, j], entry)


def test_the_ring_laws() -> None:
    x, y, z = number(), number(), number()
    assert same((x + y) * z, x * z + y * z)
    assert same(x / y * y, x)
    assert same(x - y, -(y - x))
    assert same(2 / x, 1 / x + 1 / x)
    epsilon = Dual(F, 0, 1)
    assert same(epsilon * epsilon, Dual(F, 0, 0))


def test_the_derivative_of_a_power() -> None:
    x = Dual(F, 4, 1)
    assert (x**3).tangent.a == 48
    assert (x ** Fraction(1, 2)).a == 2
    assert (x ** Fraction(1, 2)).tangent.a == F.residue(Fraction(1, 4))
    assert (x**-1).tangent.a == F.residue(Fraction(-1, 16))


def test_a_moving_exponent() -> None:
    base, e = Dual(F, 9), Dual(F, 2, 1, Fraction(2))
    assert (base**e).tangent.a == 81 * F.opaque("log", 9) % P


def test_an_exponent_needs_its_value() -> None:
    with pytest.raises(NoResidue, match="exponent"):
        number() ** number()


def test_zero_has_no_inverse() -> None:
    with pytest.raises(NoResidue, match="division by zero"):
        1 / Dual(F, 0, 1)


def test_known_values_are_kept_while_they_are_short() -> None:
    x = Dual.of(F, Fraction(1, 3))
    assert int(3 * x + 1) == 2
    huge = Dual.of(F, 3)
    for _ in range(40):
        huge = huge * huge
    assert huge.lift is None
    assert huge.a == pow(3, 2**40, P)


def test_numpy_moves_both_parts() -> None:
    A, B = dual(3, 3), dual(2, 2)
    assert same(np.trace(A), A[0, 0] + A[1, 1] + A[2, 2])  # type: ignore[call-overload]
    assert same(np.kron(A, B)[2:4, 4:6], A[1, 2] * B)  # type: ignore[call-overload]
    assert same(np.tril(A) + np.triu(A) - np.diag(np.diag(A)), A)  # type: ignore[call-overload]
    blocks = np.block([[A, A], [A, A]])  # type: ignore[list-item]
    assert same(blocks[3:, :3], A)  # type: ignore[arg-type]
    assert same(np.linalg.matrix_power(A, 5), A @ A @ A @ A @ A)  # type: ignore[call-overload]
    assert same(A.T.T, A)
    assert same(A.reshape(9, 1, order="F")[3:4, 0], A[0:1, 1])


def test_integer_arrays_are_taken_as_they_are() -> None:
    A = dual(2, 2)
    assert same(np.array([[1, 0], [0, 2**40]]) @ A, Dual.of(F, np.array([[1, 0], [0, 2**40]])) @ A)
    assert all(type(entry) is int for entry in (A * np.eye(2, dtype=int)).a.flat)
