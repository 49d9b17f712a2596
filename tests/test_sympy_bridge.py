"""SymPy's expressions as the calculator's, and back."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf

from matcalc.errors import MatcalcError, ShapeError
from matcalc.reading import parse
from matcalc.sympy_reading import from_sympy
from matcalc.sympy_writing import to_sympy

n, m, a, c, k = sp.symbols("n m a c k")
i = sp.Symbol("i", integer=True)
A, B = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, n)
C, D = sp.MatrixSymbol("C", m, n), sp.MatrixSymbol("D", 3, 4)
x, y, z = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", n, 1), sp.MatrixSymbol("z", m, 1)

WHERE = (
    "A, B: matrix(n,n), C: matrix(m,n), D: matrix(3,4), x, y: vector(n), z: vector(m), a, c: scalar, "
    "k, i: scalar integer"
)


def each(f: Callable[[Any], Any], X: Any) -> Any:
    d = sp.Dummy("d")
    return ElementwiseApplyFunction(sp.Lambda(d, f(d)), X)


FROM = [
    # matrices
    (A * x + 2 * x, "A*x + 2*x"),
    (A - 3 * B.T, "A - 3*B'"),
    (sp.Trace(A) * A, "tr(A)*A"),
    (A**k, "A^k"),
    (A**-2, "A^-2"),
    ((A * B).inv(), "inv(A*B)"),
    (sp.Adjoint(C), "C'"),
    (sp.Determinant(A + B), "det(A + B)"),
    (sp.HadamardProduct(A, B, A), "A.*B.*A"),
    (sp.HadamardPower(A, 2), "A.^2"),
    (sp.HadamardPower(A, B), "A.^B"),
    (sp.KroneckerProduct(A, B, C), "kron(A, kron(B, C))"),
    (A + sp.Identity(n), "A + eye"),
    (C + sp.OneMatrix(m, n), "C + ones(m,n)"),
    (sp.ZeroMatrix(m, n), "zeros(m,n)"),
    (DiagMatrix(x) + DiagonalMatrix(A), "diag(x) + diag(diag(A))"),
    (DiagonalOf(A), "diag(A)"),
    (sp.BlockMatrix([[A, x], [x.T, sp.Matrix([[a]])]]), "[A, x; x', a]"),
    (sp.BlockDiagMatrix(A, D), "[A, zeros(n,4); zeros(3,n), D]"),
    (sp.Matrix([[a, c], [1, 2]]), "[a, c; 1, 2]"),
    (sp.SparseMatrix([[a, c], [1, 2]]), "[a, c; 1, 2]"),
    (sp.Matrix([[a]]), "a"),
    # scalar products
    (x.T * A * y, "x'*A*y"),
    ((x.T * y) ** 2, "(x'*y)^2"),
    (sp.Inverse(x.T * x), "1/(x'*x)"),
    (sp.DotProduct(x, y), "x'*y"),
    (sp.OneMatrix(1, n) * x, "sum(x)"),
    # entries count from 0
    (A[0, 1], "A[1,2]"),
    (A[i, i + 1], "A[i + 1, i + 2]"),
    (x[0, 0], "x[1]"),
    (A[i, :], "A[i + 1, :]"),
    (A[:, 0], "A[:, 1]"),
    (D[1:3, :], "D[2:3, :]"),
    (D[::2, :], "[eye(3)[:,1]'; eye(3)[:,3]']*D"),
    ((A * x)[i, 0], "sum(j, 0, n - 1, A[i + 1, j + 1]*x[j + 1])"),
    (sp.Sum(A[i, i], (i, 0, n - 1)), "sum(i, 0, n - 1, A[i + 1, i + 1])"),
    # scalars
    (a * sp.sin(c) ** 2 + sp.exp(a) / c, "a*sin(c)^2 + exp(a)/c"),
    (sp.sqrt(a) + a**c + sp.Rational(1, 3), "sqrt(a) + a^c + 1/3"),
    (sp.Float("0.1") * sp.pi * a, "0.1*pi*a"),
    (sp.E * a, "exp(1)*a"),
    (sp.Abs(a) + sp.sign(c) + sp.Heaviside(a), "abs(a) + sign(c) + heaviside(a)"),
    (sp.Max(a, c) + sp.Min(a, 1), "max(a, c) + min(a, 1)"),
    (sp.atan(a) + sp.asinh(a) + sp.erf(a) + sp.gamma(a), "arctan(a) + arcsinh(a) + erf(a) + gamma(a)"),
    (sp.polygamma(2, a) + sp.digamma(a), "polygamma(2, a) + digamma(a)"),
    (sp.Function("softplus")(a), "softplus(a)"),
    (sp.log(sp.Determinant(A)), "log(det(A))"),
    # a size used as a number
    (n * A + (n + 1) * B, "n*A + (n + 1)*B"),
    # functions of entries
    (A.applyfunc(sp.sin), "sin(A)"),
    (x.applyfunc(lambda t: a * sp.tanh(t) ** 2 + t * sp.exp(-t) + 1), "a*tanh(x).^2 + x.*exp(-x) + ones"),
    (x.applyfunc(lambda t: sp.Max(0, t)), "relu(x)"),
    (x.applyfunc(lambda t: a**t), "a.^x"),
    (each(lambda t: sp.Abs(t) + sp.Heaviside(t), x), "abs(x) + heaviside(x)"),
    (each(lambda t: a, x), "a*ones(n)"),
]


@pytest.mark.parametrize(("expr", "text"), FROM, ids=[row[1] for row in FROM])
def test_sympy_expressions_are_read(expr: Any, text: str) -> None:
    assert from_sympy(expr) is parse(text, WHERE)


BACK = [
    "a",
    "x'*A*y",
    "2*tr(A)*A*x",
    "inv(A)*B - 3*A'",
    "A^k + A^-2",
    "det(A)*logdet(B)",
    "(x'*A*x)^2/(x'*x)",
    "A.*B.^2 + a*ones(n,n)",
    "x./y + 1./exp(x)",
    "x.^a + a.^x + x.^y",
    "sqrt(x.*y)",
    "kron(A, B)*kron(x, y)",
    "diag(x)*A + diag(diag(A))",
    "sum(x)*sum(A*x)",
    "sum(C, 1)*x",
    "A[1,2] + x[k]*A[k,i]",
    "A[i,:] + A[:,2]'",
    "eye(n)[:,i]*x'",
    "[A, x; y', 1]",
    "[a, c; 1, 2]",
    "sum(j, 1, k, x[j]*a^j)",
    "A + 2*eye + n*B",
    "zeros(m,n)*x",
    "relu(x) + abs(y) + sign(x) + heaviside(y)",
    "sigmoid(A*x) + softplus(x) + cbrt(x) + log1p(x)",
    "polygamma(2, x) + digamma(y) + loggamma(x)",
    "sin(a)*cosh(c)/pi + arctan(a)",
    "relu(a)*abs(c)",
    "exp(A*x)'*log(y)",
]


@pytest.mark.parametrize("text", BACK)
def test_what_sympy_can_hold_comes_back(text: str) -> None:
    expression = parse(text, WHERE)
    assert from_sympy(to_sympy(expression)) is expression


def test_properties_come_back_from_a_declaration() -> None:
    where = "S: matrix(n,n) symmetric, x: vector(n)"
    expression = parse("x'*S*x", where)
    assert from_sympy(to_sympy(expression), where) is expression


def test_properties_of_scalars_come_back() -> None:
    expression = parse("A^k*t", "A: matrix(n,n), k: scalar integer, t: scalar positive")
    assert from_sympy(to_sympy(expression)) is expression


# What SymPy has no word for is written out; compared at random numbers.
WRITTEN_OUT = [
    "norm2(A*x)",
    "norm2(A)",
    "logdet(A*A')",
    "logabsdet(A)",
    "logsumexp(x)",
    "softmax(x)'*y",
    "x'*adj(A)*y",
    "x'*softmax(A, 1)*y",
    "x'*softmax(A, 2)*y",
    "logsumexp(A, 1)*x",
    "logsumexp(A, 2)'*x",
]


@pytest.mark.parametrize("text", WRITTEN_OUT)
def test_functions_that_sympy_lacks_are_written_out(text: str) -> None:
    where = "A: matrix(3,3), x, y: vector(3)"
    expression = parse(text, where)
    again = from_sympy(to_sympy(expression), where)
    assert again is not expression or "logdet" in text
    random = np.random.default_rng(7)
    values = {"A": random.normal(size=(3, 3)), "x": random.normal(size=3), "y": random.normal(size=3)}
    inputs = {v: values[v] for v in expression.variables}
    assert again.evaluate(inputs) == pytest.approx(expression.evaluate(inputs), rel=1e-12)


def test_a_scalar_is_an_expr_and_a_matrix_a_matrix_expr() -> None:
    assert isinstance(to_sympy(parse("x'*A*x", WHERE)), sp.Expr)
    assert to_sympy(parse("C*x", WHERE)).shape == parse("C*x", WHERE).shape


def test_scalar_products_have_few_transposes() -> None:
    assert str(to_sympy(parse("y'*A'*x", WHERE))) == "(x.T*A*y)[0, 0]"
    assert str(to_sympy(parse("tr(A*B*A)", WHERE))).count(".T") == 0


def test_expressions_and_numbers_pass_through() -> None:
    e = parse("A*x", WHERE)
    assert from_sympy(e) is e
    assert from_sympy(3) is parse("3")


def test_dummies_of_one_name_stay_apart() -> None:
    first, second = sp.Dummy("t"), sp.Dummy("t")
    e = from_sympy(first * second + sp.Symbol("t"))
    assert len(e.variables) == 3


REFUSED = [
    (sp.I * A, "ImaginaryUnit"),
    (sp.Derivative(sp.sin(a), a), "Derivative"),
    (sp.Integral(a, a), "Integral"),
    (sp.Eq(a, c), "Equality"),
    (sp.Function("f")(a), "SymPy's f has no counterpart"),
    (sp.exp(A), "exp of a matrix"),
    (sp.oo * a, "not a number"),
    (A[0:k, :], "no fixed length"),
    (sp.Symbol("x y") * A, "not a name"),
    ("A*x", "not a SymPy expression"),
]


@pytest.mark.parametrize(("expr", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_has_no_counterpart_is_named(expr: Any, message: str) -> None:
    with pytest.raises(MatcalcError, match=message):
        from_sympy(expr)


def test_a_declaration_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match="declared n×m"):
        from_sympy(C, where="C: matrix(n,m)")


@pytest.mark.parametrize("text", ["vec(A)", "tril(A)", "commutation(m,n)*vec(C)", "sum(j, 0, k, A^j)"])
def test_what_sympy_lacks_is_named(text: str) -> None:
    with pytest.raises(MatcalcError, match="SymPy has no"):
        to_sympy(parse(text, WHERE))
