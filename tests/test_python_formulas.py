"""Formulas for NumPy and the like, as a message proposes to write them: NumPy itself says what they mean."""

import math
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.declarations import declarations
from matcalc.python_formulas import LONGEST, in_the_language

RANDOM = np.random.default_rng(5)
VALUES = {
    **{name: RANDOM.uniform(0.5, 1.5, (3, 3)) for name in "AB"},
    "X": RANDOM.uniform(0.5, 1.5, (4, 3)),
    **{name: RANDOM.uniform(0.5, 1.5, 3) for name in "xyzbw"},
    "v": RANDOM.uniform(0.5, 1.5, 4),
    "a": 0.7,
    "lam": 0.3,
}
WHERE = "A, B: matrix(3,3), X: matrix(4,3), x, y, z, b, w: vector(3), v: vector(4), a, lam: scalar"

# A formula, and what is written for it.
FORMULAS = [
    ("np.dot(A,x)", "A*x"),
    ("np.dot(x, A)", "A'*x"),
    ("A.T.dot(x)", "A'*x"),
    ("x.dot(y)", "x'*y"),
    ("x.T.dot(A).dot(x)", "x'*A*x"),
    ("np.linalg.inv(A) @ b", "inv(A)*b"),
    ("np.linalg.solve(A, b)", "A\\b"),
    ("np.linalg.norm(x)**2", "norm2(x)^2"),
    ("np.linalg.norm(A, 'fro')**2", "norm2(A)^2"),
    ("np.linalg.norm(A, 'nuc')", "normnuc(A)"),
    ("np.linalg.norm(A, 2)", "normspec(A)"),
    ("np.linalg.norm(A, ord=1)", "max(sum(abs(A),1))"),
    ("np.linalg.norm(A, np.inf)", "max(sum(abs(A),2))"),
    ("np.linalg.norm(x, ord=1)", "norm1(x)"),
    ("np.linalg.norm(x, np.inf)", "norminf(x)"),
    ("np.log(np.linalg.det(A @ A.T))", "log(det(A*A'))"),
    ("np.linalg.slogdet(A)[1]", "logabsdet(A)"),
    ("np.linalg.slogdet(A).logabsdet", "logabsdet(A)"),
    ("np.sum(x**2)", "sum(x.^2)"),
    ("np.sum(A, axis=0)", "sum(A, 1)"),
    ("A.sum(axis=1)", "sum(A, 2)"),
    ("A.sum(1)", "sum(A, 2)"),
    ("np.sum((X@w - v)**2) + lam*np.sum(w**2)", "sum((X*w - v).^2) + lam*sum(w.^2)"),
    ("np.exp(x) + 1", "exp(x) .+ 1"),
    ("1/(1 + np.exp(-x))", "1./(1 .+ exp(-x))"),
    ("np.exp(x)/np.sum(np.exp(x))", "exp(x)/sum(exp(x))"),
    ("np.multiply(x, y)", "x.*y"),
    ("np.maximum(x, 1)", "max(x, 1)"),
    ("x.max()", "max(x)"),
    ("np.trace(A@B) - A.trace()", "tr(A*B) - tr(A)"),
    ("np.outer(x, y) - A*B", "outer(x, y) - A.*B"),
    ("A.transpose() @ np.diag(x)", "A'*diag(x)"),
    ("np.diag(A)", "diag(A)"),
    ("np.kron(x, y)", "kron(x, y)"),
    ("np.linalg.cholesky(A @ A.T + np.eye(3))", "chol(A*A' + eye(3))"),
    ("A[0,1]*np.sin(x[0])", "A[1,2]*sin(x[1])"),
    ("np.sum(A[:,1])", "sum(A[:,2])"),
    ("np.sqrt(x @ x)", "sqrt(x'*x)"),
    ("np.power(x, 3)", "x.^3"),
    ("-(np.pi*x)**2", "-(pi*x).^2"),
    ("math.exp(-a)*x.mean()", "exp(-a)*mean(x)"),
]


@pytest.mark.parametrize(("python", "written"), FORMULAS)
def test_a_formula_means_what_it_means_in_numpy(python: str, written: str) -> None:
    found, vectors = in_the_language(python, declarations(WHERE)[0])
    assert (found, vectors) == (written, ())
    meant = np.asarray(eval(python, {"np": np, "math": math}, VALUES))  # a text of this file
    value: Any = np.asarray(mc.parse(found, WHERE).evaluate(VALUES))
    assert np.allclose(value.reshape(meant.shape), meant)


# What has several meanings, or none here: a norm that is another in PyTorch, an axis, what is broadcast, …
UNCLEAR = [
    *("x @ x.T + np.exp(x)", "np.max(A, 0)", "np.inner(A, B)", "np.vdot(A, B)", "torch.norm(A, 2)", "A.norm(1)"),
    *("scipy.linalg.cholesky(A)", "np.einsum('ij,j->i', A, x)", "np.exp(A)*x", "np.exp(A) + x", "x.t()*A*x"),
    *("np.sum(x, axis=3)", "np.sum(A, axis=(0,1))", "x[-1].sum()", "np.foo(x)", "np.exp(x", "np.exp(x) if a else x"),
    *("np.exp('x')", "np.exp(x, out=y)", "f(x).dot(x)", "np.array([1, 2]).dot(x)", "x.shape", "np.exp()", "x**2"),
    *("__import__('os').system('x')", "x.__class__.mro()", "np.dot(2, x)", "np.log(x)[0:2]", "np.exp(x)\\"),
]


@pytest.mark.parametrize("python", UNCLEAR)
def test_what_is_unclear_is_not_translated(python: str) -> None:
    assert in_the_language(python, declarations(WHERE)[0]) == ("", ())


def test_long_and_deep_formulas_are_left_alone() -> None:
    assert in_the_language(f"np.exp({'x + ' * LONGEST}x)", {}) == ("", ())
    assert in_the_language(f"np.exp({'-' * 200}x)", {}) == ("", ())
    assert in_the_language(f"{'np.exp(' * 60}x{')' * 60}", {}) == ("", ())


@pytest.mark.parametrize(
    ("python", "where", "hint"),
    [
        ("np.linalg.norm(A @ x - b)**2", "", "write norm2(A*x - b)^2"),
        ("np.linalg.inv(A) @ b", "", "write inv(A)*b; declare b: vector(n)"),
        ("np.linalg.inv(A) @ b", "b: vector(n)", "write inv(A)*b"),
        ("x.dot(y)", "x, y: matrix(n,n)", "write x*y"),
        ("F.softmax(x)", "", "write softmax(x)"),
        ("torch.linalg.eigvalsh(A)", "A: matrix(n,n) symmetric", "write eigvals(A)"),
        ("tf.reduce_sum(x**2)", "", "write sum(x.^2)"),
        # what cannot be worked out: the piece
        ("np.dot(A, x) + x^2", "", "write A*B for a product, x'*y for the inner product of vectors"),
        ("np.einsum('ij,j->i', A, x)", "", "write products, traces and sums: A*B, tr(A*B), sum(A.*B)"),
        ("np.linalg.solve(A, b) + x^2", "", "write A\\b for the solution of A*x = b"),
        ("np.pi^x", "", "write pi"),
        ("torch.linalg.eigvalsh(A)", "A: matrix(n,n)", "write eigvalsh(…) without the module"),
    ],
)
def test_the_hint_has_the_whole_formula_where_that_is_clear(python: str, where: str, hint: str) -> None:
    with pytest.raises(mc.ParseError) as caught:
        mc.parse(python, where)
    assert caught.value.hint == hint
    assert caught.value.text == python
