"""Kernels of dense linear algebra, beside NumPy's plain formulas."""

from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.dense_kernels import (
    definite_inverse,
    has_scipy,
    inverse_times_part,
    rank_one_update,
    symmetric_product,
    weighted_gram,
)
from matcalc.evaluation import evaluate
from matcalc.linear_solves import Cholesky

SIZES = (1, 2, 3, 63, 64, 65, 129, 200, 300)


def random(n: int, *shape: int, dtype: Any = float) -> Any:
    return np.random.default_rng(n).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", SIZES)
def test_the_inverse_of_a_definite_matrix(n: int, dtype: Any) -> None:
    X = random(n, n, n, dtype=dtype)
    S = X @ X.T + n * np.eye(n, dtype=dtype)
    factor = Cholesky(S)
    L = factor.L.copy()
    inverse = factor.inverse()
    assert inverse.dtype == dtype
    assert np.array_equal(inverse, inverse.T)
    assert np.abs(inverse @ S - np.eye(n)).max() < 100 * n * np.finfo(dtype).eps
    assert np.array_equal(factor.L, L)


@pytest.mark.parametrize("shift", [1e-4, 1e-8])
def test_the_inverse_of_an_ill_conditioned_matrix_has_a_small_residual(shift: float) -> None:
    x = np.linspace(0, 1, 260)
    S = np.exp(-20 * (x[:, None] - x) ** 2) + shift * np.eye(260)
    assert np.abs(S @ Cholesky(S).inverse() - np.eye(260)).max() < 1e-13 / shift


def test_the_upper_triangle_of_a_factor_is_not_read() -> None:
    L = np.asfortranarray(np.tril(random(0, 150, 150)) + 20 * np.eye(150))
    with_rest = np.asfortranarray(L + np.triu(random(1, 150, 150), 1))
    assert np.array_equal(definite_inverse(with_rest), definite_inverse(L))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("is_ours", [False, True])
def test_rank_one_updates(order: Any, is_ours: bool) -> None:
    A = np.array(random(0, 5, 7), order=order)
    given, u, v = A.copy(), random(1, 5), random(2, 14)[::2]
    assert np.allclose(rank_one_update(A, u, v, is_ours), given + np.outer(u, v), rtol=1e-15)
    assert is_ours or np.array_equal(A, given)
    strided = random(3, 10, 14)[::2, ::2]
    assert np.array_equal(rank_one_update(strided, u, v), strided + np.outer(u, v))
    mixed = rank_one_update(np.float32(given), u, v)
    assert mixed.dtype == np.float64


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", [1, 64, 130, 300])
def test_weighted_grams(n: int, sign: int) -> None:
    F, w = random(n, 2 * n, n), np.abs(random(n, 2 * n))
    w[0] *= sign
    G = weighted_gram(F, w)
    assert np.array_equal(G, G.T)
    assert np.allclose(G, F.T @ (w[:, None] * F), atol=1e-12 * n)


CASES = [
    ("inv(K) - u*v'", "K: matrix(n,n) spd, u, v: vector(n)"),
    ("(inv(K) + u*v')/2 + A*B", "K: matrix(n,n) spd, u, v: vector(n), A, B: matrix(n,n)"),
    ("u*v' - A*B", "A, B: matrix(n,n), u, v: vector(n)"),
    ("A - u*v'", "A: matrix(m,n), u: vector(m), v: vector(n)"),
    ("A/4 + u*v'/3", "A: matrix(m,n), u: vector(m), v: vector(n)"),
    ("sum(i, 1, 3, (A*B - i*u*v')/2)", "A, B: matrix(n,n), u, v: vector(n)"),
    ("(A*B + C)/2 - (A*B + C)*C/2", "A, B, C: matrix(n,n)"),
    ("s*(A + u*v') + 2*A", "A: matrix(m,n), u: vector(m), v: vector(n), s: scalar"),
]


@pytest.mark.parametrize(("formula", "where"), CASES)
def test_arguments_are_never_written_into(formula: str, where: str) -> None:
    e = mc.parse(formula, where=where)
    f = mc.compile(e)
    rng = np.random.default_rng(0)
    data = {}
    for name in f.names:
        shape = {"K": (4, 4), "s": (), "u": (4,), "v": (4,)}.get(name, (4, 4))
        data[name] = rng.standard_normal(shape) if name != "K" else np.diag([1.0, 2.0, 3.0, 4.0])
    for array in data.values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    before = {name: np.copy(x) for name, x in data.items()}
    first, second = f(**data), f(**data)
    assert np.array_equal(first, second)
    assert np.allclose(first, evaluate(e, data), rtol=1e-13, atol=1e-13)
    assert all(np.array_equal(data[name], before[name]) for name in data)


INDEFINITE = "A: matrix(n,n) symmetric, y: vector(n), t: scalar"


@pytest.mark.parametrize("t", [3.0, -3.0, 0.0])
def test_a_factorization_that_is_tried_in_place_gives_way_to_another(t: float) -> None:
    f = mc.parse("y'*inv(2*A + t*eye(n))*y + tr(inv(2*A + t*eye(n))*A)", where=INDEFINITE)
    A = random(0, 70, 70)
    data = {"A": A + A.T, "y": random(1, 70), "t": t}
    assert abs(mc.compile(f)(**data) / evaluate(f, data) - 1) < 1e-9


@pytest.mark.skipif(not has_scipy(), reason="needs SciPy")
def test_a_factor_in_place_is_multiplied_out_where_the_matrix_is_needed() -> None:
    S = np.diag([2.0, 3.0]) + 1
    factor = Cholesky(S.copy(), is_ours=True)
    assert np.allclose(factor.matrix, S)
    assert np.allclose(S @ factor.solve(np.array([1j, 2])), [1j, 2])


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e3, 1e12])
@pytest.mark.parametrize("c", [2.0, -0.5, 0.0])
def test_an_inverse_times_a_part_of_what_is_inverted(scale: float, c: float) -> None:
    """(I − t·S⁻¹)/c loses digits where t·I is nearly all of S."""
    X = random(0, 40, 60)
    A, t = scale * X @ X.T / 60, 1.5
    S = c * A + t * np.eye(40)
    found = inverse_times_part(np.linalg.inv(S), A, c, t)
    expected = np.linalg.solve(S, A)
    assert np.linalg.norm(found - expected) < 1e-12 * max(1, np.linalg.cond(S)) * np.linalg.norm(expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_inverse_times_a_tiny_part_whose_norm_overflows(dtype: Any) -> None:
    A = random(0, 4, 4, dtype=dtype)
    c, t = float(np.finfo(dtype).tiny) ** 0.7, 3.0
    found = inverse_times_part(np.linalg.inv(c * A + t * np.eye(4, dtype=dtype)), A, c, t)
    assert np.allclose(found, A / t, rtol=1e-5)


def test_inverses_times_parts_in_formulas() -> None:
    where = "A: matrix(n,n) symmetric, B: matrix(n,n), a, t: scalar"
    f = mc.parse("tr(inv(a*A + t*eye(n))*A*inv(a*A + t*eye(n))*B)", where=where)
    compiled = mc.compile(f)
    assert "inverse_times_part" in compiled.source
    for a, t in ((1.0, 2.0), (1e-9, 1.0), (0.0, 1.0), (1.0, 1e-9), (1j, 2.0)):
        A = random(0, 9, 9)
        data = {"A": A + A.T + 10 * np.eye(9), "B": random(1, 9, 9), "a": a, "t": t}
        assert abs(compiled(**data) / evaluate(f, data) - 1) < 1e-10
    stack = np.stack([data["A"], 2 * data["A"]])
    many = mc.compile(f, batch="A")(**{**data, "A": stack, "a": 0.5})
    one = [compiled(**{**data, "A": A, "a": 0.5}) for A in stack]
    assert np.allclose(many, one)


@pytest.mark.parametrize("n", [1, 64, 65, 300])
def test_symmetric_products(n: int) -> None:
    A, C = random(n, n, 7), random(n + 1, 7, 7)
    left, right = A @ (C + C.T), A.T
    G = symmetric_product(left, right)
    assert np.array_equal(G, G.T)
    assert np.allclose(G, left @ right, atol=1e-10)


def test_half_of_a_symmetric_product_is_multiplied() -> None:
    where = "S: matrix(n,n) spd, C: matrix(n,n) symmetric, A: matrix(m,n)"
    for text in ("inv(S) - inv(S)*C*inv(S)", "A*C*A'", "A*inv(S)*A'", "C*S*C - A'*A*C*A'*A"):
        f = mc.compile(text, where=where)
        C, X = random(0, 5, 5), random(1, 5, 9)
        data = {"C": C + C.T, "S": X @ X.T, "A": random(2, 4, 5)}
        data = {name: data[name] for name in f.names}
        assert "symmetric_product" in f.source
        assert np.allclose(f(**data), evaluate(mc.parse(text, where=where), data), rtol=1e-9)
