"""Where there is no derivative or no value: what the user is told, and that no number is given.

The rows are those of the course's list of answers that must be refusals.
"""

import re
from typing import Any

import numpy as np
import pytest

import matcalc as mc

ONES = np.ones((3, 3))
S = "S: matrix(n,n) symmetric"

# The expression, its declarations, the error, and what it says.
REFUSED_TEXTS = [
    ("x*x", "x: vector(n)", mc.ShapeError, "x \\(vector of length n\\) by x.*x'\\*x for the inner product"),
    ("A*B", "A: matrix(m,n), B: matrix(p,q)", mc.ShapeError, "A \\(m×n matrix\\) by B \\(p×q matrix\\)"),
    ("Re(z)", "z: scalar", mc.UnknownName, "complex numbers are not supported.*two variables"),
    ("conj(z)*z", "z: scalar", mc.UnknownName, "complex numbers are not supported"),
    ("abs(z)", "z: complex", mc.ParseError, "all numbers are real.*the real and the imaginary part"),
    ("norm2(z)^2", "z: C^n", mc.ParseError, "all numbers are real"),
    ("norm2(z)^2", "z: vector(n) complex", mc.ParseError, "all numbers are real"),
    ("H", "H: matrix(n,n) hermitian", mc.ParseError, "did you mean symmetric"),
    ("E[bernoulli(p)]", "", mc.UnknownName, "random variables are not supported.*fixed sample"),
    ("E(x^2)", "x: scalar", mc.UnknownName, "random variables are not supported"),
    ("integral(sin(u), x, 0, 1)", "", mc.UnknownName, "integrals are not supported"),
    ("lambda_max(A)", "A: matrix(n,n)", mc.ShapeError, "not known to be one.*symmetric"),
    ("chol(A)", "A: matrix(n,n)", mc.ShapeError, "not known to be one.*spd"),
]


@pytest.mark.parametrize(("text", "where", "error", "says"), REFUSED_TEXTS)
def test_a_text_without_a_meaning_is_refused_with_what_to_write(text: str, where: str, error: Any, says: str) -> None:
    with pytest.raises(error, match=re.compile(says, re.DOTALL)) as caught:
        mc.parse(text, where=where or None)
    assert caught.value.line == 1
    assert caught.value.hint


@pytest.mark.parametrize("ask", [mc.gradient, mc.hessian])
def test_only_a_scalar_has_a_gradient(ask: Any) -> None:
    with pytest.raises(mc.NotScalar, match="vector of length m") as caught:
        ask("A*x", "x")
    assert "jacobian" in str(caught.value)
    assert "differential" in str(caught.value)


# The function, its declarations, the variable, a point without a derivative, and what is said there.
NOT_DIFFERENTIABLE = [
    ("norm2(x)", "x: vector(n)", "x", np.zeros(3), "norm2\\(x\\) is 0, where a norm has no derivative"),
    ("norm2(A)", "A: matrix(m,n)", "A", np.zeros((3, 2)), "norm2\\(A\\) is 0, where a norm has no derivative"),
    ("lambda_max(S)", S, "S", np.eye(3), "not simple, and has no derivative here.*U'\\*dS\\*U"),
    ("lambda_min(S)", S, "S", np.eye(3), "not simple, and has no derivative here.*U'\\*dS\\*U"),
    ("eigvals(S)[2]", S, "S", np.eye(3), "eigenvalues coincide"),
    ("sigma1(A)", "A: matrix(m,n)", "A", np.eye(3), "not simple, and has no derivative here.*U'\\*dA\\*V"),
    ("svdvals(A)[2]", "A: matrix(m,n)", "A", np.eye(3), "singular values coincide"),
    ("normnuc(A)", "A: matrix(m,n)", "A", ONES, "columns are not independent"),
    ("spectral_abscissa(A)", "A: matrix(n,n)", "A", [[2.0, 1.0], [0.0, 2.0]], "no derivative here.*square root"),
    ("tr(inv(A))", "A: matrix(n,n)", "A", [[1, 2], [2, 4]], "inv of a singular matrix"),
    ("logdet(A)", "A: matrix(n,n)", "A", [[1, 2], [2, 4]], "inv of a singular matrix"),
    ("tr(chol(S))", S, "S", np.diag([1.0, 0.0]), "chol of a matrix that is not positive definite"),
    ("tr(chol(S))", S, "S", np.diag([1.0, -1.0]), "chol of a matrix that is not positive definite"),
    ("tr(lu_u(A))", "A: matrix(n,n)", "A", [[0, 1], [1, 1]], "zero pivot"),
    ("tr(qr_r(A))", "A: matrix(m,n)", "A", ONES, "columns are not independent"),
    ("sum(qr_q(A))", "A: matrix(m,n)", "A", np.ones((3, 2)), "columns are not independent"),
    ("tr(sqrtm(A))", "A: matrix(n,n)", "A", np.diag([1.0, -1.0]), "an eigenvalue that is 0 or negative"),
    ("log(a)", "a: scalar", "a", 0, "division by zero"),
    ("sqrt(a)", "a: scalar", "a", 0, "division by zero"),
]


@pytest.mark.parametrize(("f", "where", "x", "point", "says"), NOT_DIFFERENTIABLE)
def test_at_a_point_without_a_derivative_there_is_no_number(f: str, where: str, x: str, point: Any, says: str) -> None:
    with pytest.raises(mc.EvaluationError, match=says):
        mc.gradient(f, x, where=where).evaluate({x: point})


# The expression and a point outside its domain.
NO_VALUE = [
    ("inv(A)", [[1, 2], [2, 4]], "inv of a singular matrix"),
    ("inv(A)", np.outer([0.1, 0.7, 0.3], [0.3, 0.9, 0.2]), "inv of a matrix that is singular but for rounding"),
    ("A\\b", np.outer([0.1, 0.7, 0.3], [0.3, 0.9, 0.2]), "inv of a matrix that is singular but for rounding"),
    ("logdet(A)", np.outer([0.1, 0.7, 0.3], [0.3, 0.9, 0.2]), "logdet of a"),
    ("logdet(A)", [[1, 2], [2, 4]], "logdet of a singular matrix"),
    ("logdet(A)", [[1, 0], [0, -1]], "logdet of a matrix with a negative determinant"),
    ("lu_l(A)", [[0, 1], [1, 1]], "zero pivot"),
    ("logm(A)", [[-1, 0], [0, 1]], "an eigenvalue that is 0 or negative"),
    ("spectral_abscissa(A)", [[0, 1], [-1, 0]], "not real"),
]


@pytest.mark.parametrize(("text", "point", "says"), NO_VALUE)
def test_outside_the_domain_there_is_no_number(text: str, point: Any, says: str) -> None:
    e = mc.parse(text, where="A: matrix(n,n), b: vector(n)")
    values = {"A": point, "b": np.ones(len(point))} if "b" in text.split("\\") else {"A": point}
    with pytest.raises(mc.EvaluationError, match=says):
        e.evaluate(values)


def test_an_inverse_is_computed_whatever_the_units() -> None:
    values = np.diag([1e-20, 1.0, 1e20])
    assert np.array_equal(mc.parse("inv(A)").evaluate({"A": values}), np.diag([1e20, 1.0, 1e-20]))
    stiff = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-10]])
    assert np.allclose(mc.parse("inv(A)").evaluate({"A": stiff}) @ stiff, np.eye(2), atol=1e-5)


def test_the_gradient_of_a_determinant_is_answered_at_a_singular_matrix() -> None:
    found = mc.gradient("det(A)", "A").evaluate({"A": [[1, 2], [2, 4]]})
    assert np.allclose(found, [[4, -2], [-2, 1]], rtol=1e-14)


def test_the_sum_of_coinciding_eigenvalues_has_a_gradient() -> None:
    found = mc.gradient("sum(eigvals(S))", "S", where=S).evaluate({"S": np.eye(3)})
    assert np.array_equal(found, np.eye(3))


def test_what_differences_cannot_resolve_is_inconclusive_with_the_reason() -> None:
    report = mc.verify("log(a - exp(exp(exp(exp(exp(a^2 + 2))))))", "a", where="a: scalar", seed=1)
    assert report.verdict == "inconclusive"
    assert len(str(report).splitlines()) > 1
