"""Functions modulo a prime: determinants and systems by elimination, derivatives of functions of one number."""

from fractions import Fraction
from random import Random
from time import monotonic

import numpy as np
import pytest
from sympy import Matrix

from matcalc.applications import apply
from matcalc.computations import Computer
from matcalc.derivative_tests import Case, Claim, differential_tests
from matcalc.dual_numbers import Dual
from matcalc.exact_tier import examine
from matcalc.expressions import Apply
from matcalc.field_arithmetic import adj, det, inverse, kernel, solve
from matcalc.function_table import FUNCTIONS
from matcalc.high_precision import NoKernel
from matcalc.leaves import number, variable
from matcalc.local_differentials import entrywise_derivative
from matcalc.points import PointSource
from matcalc.powers import hadamard
from matcalc.prime_fields import Field, NoResidue
from matcalc.sampling import Sampler

F = Field()
P = F.p
RNG = Random(11)
EYE = np.eye(4, dtype=int)


def dual(m: int, n: int) -> Dual:
    parts = [np.array([[RNG.randrange(P) for _ in range(n)] for _ in range(m)], dtype=object) for _ in "ab"]
    return Dual(F, *parts)


def is_zero(x: Dual) -> bool:
    return x.is_zero and x.tangent.is_zero


def test_a_system_is_solved_with_its_derivative() -> None:
    A, B = dual(4, 4), dual(4, 2)
    assert is_zero(A @ solve(A, B) - B)
    assert is_zero(A @ inverse(A) - EYE)


def test_rows_are_exchanged_where_a_pivot_is_zero() -> None:
    A = dual(3, 3)
    A.a[0, 0] = 0
    assert is_zero(A @ inverse(A) - np.eye(3, dtype=int))
    B = Dual.of(F, np.array([[0, 1, 0], [0, 0, 2], [3, 0, 0]]))
    assert det(B).a == 6


def test_a_singular_matrix_has_no_inverse_but_an_adjugate() -> None:
    x, y = dual(4, 1), dual(1, 4)
    singular = x @ y
    with pytest.raises(NoResidue, match="singular"):
        inverse(singular)
    assert is_zero(adj(singular))  # rank one: all minors vanish, and so do their derivatives
    rank_three = np.array([[1, 2, 3, 0], [0, 1, 4, 0], [5, 6, 0, 0], [6, 9, 7, 0]])
    assert (adj(Dual.of(F, rank_three)).a == np.array(Matrix(rank_three).adjugate().tolist(), dtype=object) % P).all()


def test_the_determinant_and_the_adjugate_agree_with_integers() -> None:
    entries = np.array([[2, -1, 0, 3], [1, 4, -2, 0], [0, 5, 1, 1], [3, 0, 2, -2]])
    A = Dual.of(F, entries)
    assert det(A).a == Matrix(entries).det() % P
    assert (adj(A).a == np.array(Matrix(entries).adjugate().tolist(), dtype=object) % P).all()
    B = dual(4, 4)
    assert is_zero(adj(B) @ B - det(B) * EYE)


def test_norms_are_roots_of_sums_of_squares() -> None:
    assert kernel("norm2")(Dual.of(F, np.array([[3], [4]]))).a == 5


def test_what_has_no_kernel_is_named() -> None:
    with pytest.raises(NoKernel, match="nothing"):
        kernel("nothing")


ENTRYWISE = [
    (name, k)
    for name, row in FUNCTIONS.items()
    if row.is_entrywise
    for k in ((0, 1) if name == "polygamma" else (None,))
]


@pytest.mark.parametrize(("name", "k"), ENTRYWISE)
def test_the_derivative_of_a_function_is_that_of_its_row(name: str, k: int | None) -> None:
    """f′ as the table of exact arithmetic has it is f′ as SymPy has it."""
    x, dx = variable("x", "n"), variable("dx", "n")
    f = apply(name, *(() if k is None else (number(k),)), x)
    assert isinstance(f, Apply)
    claim = hadamard(entrywise_derivative(f), dx)
    assert finding_of(f, claim, x, dx).agreed is True
    assert finding_of(f, hadamard(number(Fraction(1, 2)) * entrywise_derivative(f) + f, dx), x, dx).agreed is False


def finding_of(f: object, claim: object, x: object, dx: object) -> object:
    case = Case(f, (x,), {x: dx}, {x: dx}, claim)  # type: ignore[arg-type, dict-item]
    tests = list(differential_tests(case, "differential", Claim("differential", claim)))  # type: ignore[arg-type]
    computer = Computer((f, claim), {"dx": x})  # type: ignore[arg-type, dict-item]
    source = PointSource(Sampler(1), computer.evaluator(computer.roots), {"dx": x}, [x])  # type: ignore[list-item, dict-item]
    return examine(tests, computer, source, 3, monotonic() + 10)
