"""The nuclear norm and the polar factor of tall, square and wide matrices."""

from __future__ import annotations

import numpy as np
import pytest

import matcalc as mc
from matcalc.applications import apply
from matcalc.conditions import conditions_of
from matcalc.verdicts import verify_derivative

SHAPES = [(5, 3), (4, 4), (3, 5)]
RANK = {(5, 3): "X of full column rank", (4, 4): "X of full column rank", (3, 5): "X of full row rank"}
shapes = pytest.mark.parametrize("shape", SHAPES)


def polar_factor(X: np.ndarray) -> np.ndarray:
    U, _, Vt = np.linalg.svd(X, full_matrices=False)
    factor: np.ndarray = U @ Vt
    return factor


@shapes
def test_the_gradient_of_the_nuclear_norm_is_the_polar_factor(shape: tuple[int, int]) -> None:
    where = f"X: matrix({shape[0]},{shape[1]})"
    D = mc.differentiate("normnuc(X)", "X", where)
    X = np.random.default_rng(1).standard_normal(shape)
    assert str(D.gradient) == ("polar(X')'" if shape[0] < shape[1] else "polar(X)")
    np.testing.assert_allclose(D.gradient.evaluate({"X": X}), polar_factor(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(mc.compile(D.gradient)(X=X), polar_factor(X), rtol=1e-12, atol=1e-13)
    assert conditions_of(D.expression, D.variables) == (RANK[shape],)
    assert mc.parse(str(D.gradient), where=where) is D.gradient


@shapes
def test_derivatives_of_the_nuclear_norm_and_the_polar_factor_are_verified(shape: tuple[int, int]) -> None:
    m, n = shape
    where = f"X: matrix({m},{n}), A: matrix({n},{m})"
    D = mc.differentiate("normnuc(X)", "X", where)
    assert verify_derivative(D, ("gradient", "hessian_operator"), seed=1).passed
    assert mc.differentiate("tr(A*polar(X))", "X", where).verify(seed=1).passed


def test_the_polar_factor_of_a_transpose_is_the_transpose_where_sizes_are_known() -> None:
    (X,) = mc.variables("X: matrix(n,n + 2)")
    assert apply("polar", X) is apply("polar", X.T).T
    with pytest.raises(mc.EvaluationError, match="wider than tall, declare its sizes"):
        mc.gradient("normnuc(X)", "X", where="X: matrix(m,n)").evaluate({"X": np.eye(3, 5)})
