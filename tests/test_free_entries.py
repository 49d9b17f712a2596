"""Derivatives on the free entries of structured variables, held to differences in those entries by NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matcalc as mc

RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((2, 3, 3))
ROWS, COLUMNS = np.triu_indices(3)[::-1]
STEP = 1e-5
TOLERANCE = 1e-7  # central differences of smooth functions near one: STEP² and 1e-16/STEP


def _half(p: Any) -> Any:
    X = np.zeros((3, 3))
    X[ROWS, COLUMNS] = p
    return X


# From the free entries to the matrix.
MATRICES: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "symmetric": (6, lambda p: _half(p) + np.tril(_half(p), -1).T),
    "spd": (6, lambda p: _half(p) + np.tril(_half(p), -1).T),
    "skew": (6, lambda p: np.tril(_half(p), -1) - np.tril(_half(p), -1).T),
    "lower": (6, _half),
    "upper": (6, lambda p: _half(p).T),
    "diagonal": (3, np.diag),
    "": (9, lambda p: p.reshape(3, 3, order="F")),
}


def _inverse(X: Any) -> Any:
    """inv(X + 4I), which all these properties allow."""
    return np.linalg.inv(X + 4 * np.eye(3))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tr(A*X) + tr(B*X*A*X)": lambda X: np.trace(A @ X) + np.trace(B @ X @ A @ X),
    "inv(X + 4*eye)": _inverse,
    "vech(X*A*X)": lambda X: (X @ A @ X)[ROWS, COLUMNS],
}


def _differences(f: Callable[[Any], Any], p: Any) -> Any:
    columns = []
    for e in np.eye(len(p)) * STEP:
        columns.append((np.ravel(f(p + e), order="F") - np.ravel(f(p - e), order="F")) / (2 * STEP))
    return np.array(columns).T


@pytest.mark.parametrize("word", MATRICES)
@pytest.mark.parametrize("text", FUNCTIONS)
def test_jacobians_are_by_the_free_entries(word: str, text: str) -> None:
    count, matrix = MATRICES[word]
    p = 0.5 * RNG.standard_normal(count) + (3 * np.eye(3)[ROWS, COLUMNS] if word == "spd" else 0)
    D = mc.differentiate(text, "X", where=f"A, B: matrix(n,n), X: matrix(n,n) {word}", free=True)
    values = {"A": A, "B": B, "X": matrix(p)}
    J = np.atleast_2d(D.jacobian.evaluate(values))
    assert np.abs(J - _differences(lambda q: FUNCTIONS[text](matrix(q)), p)).max() <= TOLERANCE * max(
        1, np.abs(J).max()
    )
    if D.expression.is_scalar:
        assert np.allclose(D.gradient.evaluate(values), J.ravel(), rtol=1e-12)
        slope = _differences(lambda q: D.gradient.evaluate({"A": A, "B": B, "X": matrix(q)}), p)
        assert np.abs(D.hessian.evaluate(values) - slope).max() <= TOLERANCE * max(1, np.abs(slope).max())


@pytest.mark.parametrize("word", MATRICES)
def test_they_are_verified(word: str) -> None:
    where = f"A: matrix(n,n), X: matrix(n,n) {word}"
    D = mc.differentiate("tr(A*X*X)", "X", where=where, free=True)
    report = mc.verify("tr(A*X*X)", "X", where=where, free=True, seed=1)
    assert report.passed, str(report)
    for claim in (D.gradient, D.jacobian, D.hessian):
        assert mc.verify("tr(A*X*X)", "X", str(claim), where=where, free=True, seed=1).passed


@pytest.mark.parametrize(
    ("f", "form", "wanted"),
    [
        ("logdet(S)", "gradient", "duplication(n)'*vec(inv(S))"),
        ("inv(S)", "jacobian", "-kron(inv(S), inv(S))*duplication(n)"),
        ("vech(inv(S))", "jacobian", "-elimination(n)*kron(inv(S), inv(S))*duplication(n)"),
        ("logdet(S)", "hessian", "-duplication(n)'*kron(inv(S), inv(S))*duplication(n)"),
        ("vech(S)", "jacobian", "eye(n*(n + 1)/2)"),
    ],
)
def test_the_forms_are_those_of_the_book(f: str, form: str, wanted: str) -> None:
    """Magnus & Neudecker, Matrix Differential Calculus, chapter 9."""
    assert str(getattr(mc.differentiate(f, "S", where="S: matrix(n,n) symmetric", free=True), form)) == wanted


def test_both_conventions_of_a_symmetric_gradient_are_told_apart() -> None:
    where, listed = "S: matrix(n,n) symmetric", "2*inv(S) - diag(diag(inv(S)))"
    assert mc.verify("logdet(S)", "S", f"vech({listed})", where=where, free=True, seed=1).passed
    assert mc.verify("logdet(S)", "S", "vech(inv(S))", where=where, free=True, seed=1).verdict == "refuted"
    report = mc.verify("logdet(S)", "S", listed, where=where, seed=1)
    assert report.verdict == "refuted"
    assert report.diagnosis.startswith("the claim is 2*G - diag(diag(G)), the derivatives by the free entries of S")


def test_several_variables_have_blocks_on_their_own_entries() -> None:
    D = mc.differentiate("x'*S*x", ("S", "x"), where="S: matrix(n,n) symmetric", free=True)
    assert str(D.hessian["S", "x"]) == "duplication(n)'*(kron(eye(n), x) + kron(x, eye(n)))"
    assert D.verify(seed=1).passed


@pytest.mark.parametrize("word", ["orthogonal", "unit"])
def test_curved_domains_have_no_free_entries(word: str) -> None:
    with pytest.raises(mc.NotDifferentiable, match="has no free entries"):
        mc.differentiate("tr(X)", "X", where=f"X: matrix(n,n) {word}", free=True)


def test_free_entries_have_no_weights() -> None:
    with pytest.raises(mc.NotDifferentiable, match="not both"):
        mc.differentiate("x'*x", "x", where="x: vector(n)", inner="W", free=True)


def test_half_vectors_are_read_back() -> None:
    for text in ("vech(A)'", "duplication(n)'*vec(A)", "K(n,n)*elimination(n)'*s", "eye(n*(n+1)/2)*s"):
        e = mc.parse(text, where="A: matrix(n,n), s: vector(n*(n+1)/2)")
        assert mc.parse(str(e), where=e.where) is e
        assert mc.parse(e.unicode(), where=e.where) is e


def test_the_sizes_of_half_vectors_are_found() -> None:
    assert mc.parse("duplication(k)*vech(A)").where == "A: matrix(k,k)"
    assert mc.parse("duplication(3)*s").where == "s: vector(6)"


def test_half_vectors_in_latex() -> None:
    e = mc.parse("duplication(n)*vech(S) + D", where="S: matrix(n,n), D: vector(n^2)")
    assert e.latex() == r"\mathbf{D}_n \operatorname{vech}(S) + D"
