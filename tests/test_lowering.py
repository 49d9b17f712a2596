"""Programs: what an expert would compute, each part once, and how many operations it takes."""

import math
import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import Symbol
from test_corpus import CASES, Case, derivative

import matcalc as mc
from matcalc.compilation import routine_of
from matcalc.compiled_functions import arguments_of
from matcalc.errors import ParseError
from matcalc.evaluation import evaluate
from matcalc.lowering import formulations, lower
from matcalc.programs import INDEXED_SUM, Program
from matcalc.reading import parse
from matcalc.typical_sizes import typical_sizes


def program(*formulas: str, where: str | None = None, sizes: dict[str, int] | None = None) -> Program:
    return lower([mc.parse(f, where=where) for f in formulas], sizes)


def operations(found: Program) -> list[str]:
    return [v.op for v in found.values if v.op not in ("input", "transpose", "number")]


# ---- what an expert would write ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "where", "expected"),
    [
        ("A*B*x", "A, B: matrix(n,n), x: vector(n)", ["matvec", "matvec"]),
        ("x'*A*B", "A, B: matrix(n,n), x: vector(n)", ["matvec", "matvec"]),
        ("X'*X*w", "X: matrix(m,n), w: vector(n)", ["matvec", "matvec"]),
        ("A^3*x", "A: matrix(n,n), x: vector(n)", ["matvec"] * 3),
        ("u*v'*w", "u, v, w: vector(n)", ["dot", "mul"]),
        ("u*v'*A", "u, v: vector(n), A: matrix(n,n)", ["matvec", "outer"]),
        ("(A + u*v')*x", "u, v, x: vector(n), A: matrix(n,n)", ["matvec", "dot", "mul", "add"]),
        ("inv(A)*x", "A: matrix(n,n), x: vector(n)", ["lu", "solve"]),
        ("inv(A)*x", "A: matrix(n,n) spd, x: vector(n)", ["cholesky", "solve"]),
        ("inv(X'*X + exp(t)*eye(n))*x", "X: matrix(m,n), x: vector(n), t: scalar", None),
        ("inv(A)*x", "A: matrix(n,n) lower, x: vector(n)", ["lower", "solve"]),
        ("x'*inv(A)", "A: matrix(n,n), x: vector(n)", ["lu", "solve"]),
        ("inv(A)*B*x", "A, B: matrix(n,n), x: vector(n)", ["matvec", "lu", "solve"]),
        ("tr(A*B)", "A, B: matrix(n,n)", ["dot"]),
        ("tr(A'*B)", "A, B: matrix(n,n)", ["dot"]),
        ("tr(A*B*C)", "A, B, C: matrix(n,n)", ["matmul", "dot"]),
        ("tr(diag(x)*A*B)", "A, B: matrix(n,n), x: vector(n)", ["row_dots", "dot"]),
        ("diagonal(A*B)", "A, B: matrix(n,n)", ["row_dots"]),
        ("sum(A.^2)", "A: matrix(m,n)", ["pow", "square"][1:]),
        ("sum(A.*B)", "A, B: matrix(m,n)", ["dot"]),
        ("norm2(A)^2", "A: matrix(m,n)", ["squared_norm"]),
        ("diag(x)*A", "A: matrix(n,n), x: vector(n)", ["scale_rows"]),
        ("A*diag(x)", "A: matrix(m,n), x: vector(n)", ["scale_columns"]),
        ("X'*diag(s)*X*v", "X: matrix(m,n), s: vector(m), v: vector(n)", ["matvec", "mul", "matvec"]),
        ("X'*diag(exp(s))*X", "X: matrix(m,n), s: vector(m)", ["apply", "sqrt", "scale_rows", "matmul"]),
        ("A*ones(n)", "A: matrix(m,n)", ["row_sums"]),
        ("sum(A)", "A: matrix(m,n)", ["sum"]),
        ("A[1,:]'", "A: matrix(m,n)", ["row"]),
        ("A[2,1]", "A: matrix(m,n)", None),
        ("kron(A,B)*vec(X)", "A: matrix(m,n), B: matrix(p,q), X: matrix(q,n)", ["matmul", "matmul", "vec"]),
        ("kron(A,B)*x", "A: matrix(m,n), B: matrix(p,q), x: vector(n*q)", ["unvec", "matmul", "matmul", "vec"]),
        ("K(m,n)*vec(A)", "A: matrix(m,n)", ["vec"]),
        ("log(1 + exp(t))", "t: scalar", ["softplus"]),
        ("log(1 + t)", "t: scalar", ["apply"]),
        ("log(sum(exp(x)))", "x: vector(n)", ["max", "sub", "apply", "sum", "apply", "add"]),
        ("log(softmax(x))", "x: vector(n)", ["max", "sub", "apply", "sum", "apply", "sub"]),
        ("softmax(A, 1)", "A: matrix(m,n)", ["column_max", "as_row", "sub", "apply", "column_sums", "as_row", "div"]),
        ("softmax(A, 2)", "A: matrix(m,n)", ["row_max", "as_column", "sub", "apply", "row_sums", "as_column", "div"]),
        ("logsumexp(A, 1)", "A: matrix(m,n)", ["column_max", "as_row", "sub", "apply", "column_sums", "apply", "add"]),
        ("x.^2 - 1", "x: scalar", ["pow", "sub"]),
        ("tanh(x).^2 - ones(n)", "x: vector(n)", ["apply", "pow", "sub"]),
        ("A + t*eye(n)", "A: matrix(n,n), t: scalar", ["add_diagonal"]),
        ("A + diag(x)", "A: matrix(n,n), x: vector(n)", ["add_diagonal"]),
        ("A + 2*A'", "A: matrix(n,n) symmetric", ["mul"]),
        ("x.^3", "x: vector(n)", ["pow", "mul"]),
        ("logdet(K)", "K: matrix(n,n) spd", ["cholesky", "logdet"]),
        ("logdet(A)", "A: matrix(n,n)", ["log_determinant"]),
        ("x./(A*x)", "A: matrix(n,n), x: vector(n)", ["matvec", "div"]),
    ],
)
def test_the_operations_are_those_of_an_expert(formula: str, where: str, expected: list[str] | None) -> None:
    found = operations(program(formula, where=where))
    if expected is not None:
        assert sorted(found) == sorted(expected)
    assert not {"inverse", "kron", "diag", "ones", "eye", "unit", "commutation"} & set(found)


def test_a_ridge_is_factored_by_cholesky() -> None:
    found = operations(program("inv(X'*X + exp(t)*eye(n))*x", where="X: matrix(m,n), x: vector(n), t: scalar"))
    assert sorted(found) == sorted(["matmul", "apply", "add_diagonal", "cholesky", "solve"])


def test_a_matrix_that_may_be_indefinite_is_factored_by_lu() -> None:
    found = operations(program("inv(X'*X + t*eye(n))*x", where="X: matrix(m,n), x: vector(n), t: scalar"))
    assert "lu" in found
    assert "cholesky" not in found


def test_outputs_share_their_work() -> None:
    where = "A: matrix(m,n), x: vector(n), b: vector(m)"
    f = mc.parse("norm2(A*x - b)^2", where=where)
    both = lower([f, mc.gradient(f, "x")])
    assert sorted(operations(both)) == sorted(["matvec", "sub", "squared_norm", "matvec", "mul"])


def test_one_factorization_serves_value_gradient_and_hessian_product() -> None:
    f = mc.parse("y'*inv(K)*y + logdet(K)", where="K: matrix(n,n) spd, y: vector(n)")
    found = operations(lower([f, mc.gradient(f, "K"), mc.hvp(f, "K", "V")]))
    assert found.count("cholesky") == 1
    assert "lu" not in found
    f = mc.parse("c'*inv(A)*b", where="A: matrix(n,n), b, c: vector(n)")
    found = operations(lower([f, mc.gradient(f, "A")]))
    assert (found.count("lu"), found.count("solve"), found.count("inverse")) == (1, 2, 0)


def test_sizes_decide_between_orders() -> None:
    where = "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)"
    formula = "(U*V' - T)*V"
    n, k = Symbol("n", integer=True, positive=True), Symbol("k", integer=True, positive=True)
    narrow = program(formula, where=where, sizes={"m": 1000, "n": 1000, "k": 3})
    assert narrow.flops.coeff(Symbol("m", integer=True, positive=True)).coeff(n).subs(k, 3) == 2 * 3
    wide = program(formula, where=where)
    assert operations(wide) == ["matmul", "sub", "matmul"]
    first = program("A*B*C", where="A: matrix(m,n), B: matrix(n,p), C: matrix(p,q)", sizes={"m": 2, "q": 900})
    last = program("A*B*C", where="A: matrix(m,n), B: matrix(n,p), C: matrix(p,q)", sizes={"m": 900, "q": 2})
    assert first.flops != last.flops


def test_a_deep_network_is_lowered_without_recursion() -> None:
    x = mc.parse("x", where="x: vector(n)")
    W = mc.parse("W", where="W: matrix(n,n)")
    for _ in range(3000):
        x = mc.functions.tanh(W @ x)
    assert len(lower([x]).values) == 6002


def test_a_stable_form_does_not_overflow() -> None:
    x = np.array([1000.0, -1000.0])
    assert mc.compile("log(sum(exp(x)))")(x=x) == 1000
    assert mc.compile("sum(log(1 .+ exp(x)))", where="x: vector(n)")(x=x) == 1000
    assert mc.compile("log(1 + t)")(t=1e-20) == 1e-20
    assert mc.compile("exp(t) - 1")(t=1e-20) == 1e-20
    X = np.array([[1000.0, 0.0], [0.0, -1000.0]])
    rows = mc.compile("log(exp(X)*ones(n))", where="X: matrix(m,n)")(X=X)
    assert rows.tolist() == [1000, 0]


def test_constants_of_different_shapes_are_different() -> None:
    f = mc.compile("norm2(ones(n,m))*x + norm2(ones(m,m))*x", where="x: vector(n), z: vector(m)", sizes={"m": 4})
    assert f(x=np.ones(9)).tolist() == [10] * 9


def test_rows_that_are_all_alike_are_spread_out_before_they_are_summed() -> None:
    f = mc.compile("sum((ones(m)*x').^2)", where="x: vector(n)", sizes={"m": 5})
    assert f(x=np.array([1.0, 2.0])) == 25
    columns = mc.compile("sum((ones(m)*x').^2, 1)", where="x: vector(n)", sizes={"m": 5})
    assert columns(x=np.array([1.0, 2.0])).tolist() == [[5, 20]]


# ---- counts ------------------------------------------------------------------------------------------------


class Tally:
    """A number that counts what is done with numbers of its kind."""

    count = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def _binary(self, other: Any, operation: Callable[[float, float], float]) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        Tally.count += 1
        return Tally(operation(self.value, other.value if isinstance(other, Tally) else other))

    def __add__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: b / a)

    def __pow__(self, other: Any) -> "Tally":
        return self._binary(other, lambda a, b: abs(a) ** b)

    def __neg__(self) -> "Tally":
        return self._binary(0, lambda a, b: -a)

    def __gt__(self, other: Any) -> bool:
        Tally.count += 1
        return self.value > other.value

    def __lt__(self, other: Any) -> bool:
        return self.value < other.value

    def __ge__(self, other: Any) -> bool:
        Tally.count += 1
        return self.value >= other.value

    def __float__(self) -> float:
        return self.value

    def conjugate(self) -> "Tally":
        return self

    __radd__, __rmul__ = __add__, __mul__


def _function(f: Callable[[float], float]) -> Callable[[Tally], Tally]:
    return lambda number: number._binary(0, lambda a, b: f(a))


for _name in ("exp", "tanh", "sin", "cos", "sqrt", "log", "log1p", "expm1", "arctan", "sinh", "cosh"):
    setattr(Tally, _name, _function({"arctan": math.atan}.get(_name, lambda a: a)))


def tallies(array: Any) -> Any:
    return np.vectorize(Tally, otypes=[object])(array) if np.ndim(array) else Tally(float(array))


class Elimination:
    """Textbook factorizations of arrays of numbers that count, in place of LAPACK's."""

    def __init__(self, A: Any, *, lower: bool = False, is_ours: bool = False) -> None:
        self.L = np.array(A)
        n = len(self.L)
        for k in range(n if self.symmetric is not None else 0):
            for i in range(k + 1, n):
                self.L[i, k] = self.L[i, k] / self.L[k, k]
                end = i + 1 if self.symmetric else n
                self.L[i, k + 1 : end] = self.L[i, k + 1 : end] - self.L[i, k] * self.L[k, k + 1 : end]

    symmetric: bool | None = False

    def solve(self, B: Any, transposed: bool = False) -> Any:
        X = np.array(B)
        n = len(self.L)
        for i in range(n):
            for j in range(i):
                X[i] = X[i] - self.L[i, j] * X[j]
        for i in reversed(range(n)):
            for j in range(i + 1, n):
                X[i] = X[i] - self.L[i, j] * X[j]
            X[i] = X[i] / self.L[i, i]
        return X

    def inverse(self, is_ours: bool = False) -> Any:
        n = len(self.L)
        Tally.count += round(4 * n**3 / 3)
        return tallies(np.eye(n))

    def logdet(self) -> Any:
        Tally.count += 2 * len(self.L)
        return Tally(1.0)

    logabsdet = logdet

    def det(self) -> Any:
        Tally.count += len(self.L)
        return Tally(1.0)


class EliminationOfSymmetric(Elimination):
    symmetric = True


class NoElimination(Elimination):
    symmetric = None


UNCOUNTED = {"opaque", "softplus", "determinant", "log_determinant", "log_abs_determinant", "adjugate", "matrix_power"}
UNCOUNTED |= {"norm", "kron_times"}


def counted(case: Case) -> tuple[float, float] | None:
    """The operations that the program of an answer takes: as its formula says, and as they are counted."""
    answer = derivative(case)
    found = lower([answer])
    if any(v.op in UNCOUNTED for v in found.values):
        return None
    if any(v.op == "apply" and not hasattr(Tally, v.data[0]) for v in found.values):
        return None
    arguments = arguments_of([answer])
    source = routine_of(found, arguments, {}, is_complex=False).source
    sizes: dict[Any, int] = {}
    for v in arguments:
        for d in v.shape:
            if d.is_Symbol:
                sizes.setdefault(d, 7 + 2 * len(sizes))
    rng = np.random.default_rng(0)
    arrays = []
    for v in arguments:
        shape = [int(d.subs(sizes)) for d in v.shape]
        array = rng.uniform(0.5, 1.5, shape) + (10 * np.eye(*shape) if shape[0] == shape[1] else 0)
        flat = array.reshape(-1) if 1 in shape else array
        arrays.append(tallies(flat) if shape != [1, 1] else Tally(1.5))
    namespace: dict[str, Any] = {"np": np, "Cholesky": EliminationOfSymmetric, "LU": Elimination}
    namespace |= {"Triangular": NoElimination, "symmetric_factor": EliminationOfSymmetric}
    namespace["times"] = lambda A, factor: A * factor
    namespace["overwritten"] = lambda function, *operands, place=0: function(*operands)
    namespace["outer"] = np.outer
    namespace["rank_one_update"] = lambda A, u, v, is_ours=False: A + np.outer(u, v)
    namespace["add_diagonal"] = lambda A, d, is_ours=False: _with_diagonal(A, d)
    exec(compile(source, "counted", "exec"), namespace)
    Tally.count = 0
    namespace["run"](object, *arrays)
    return float(found.flops.subs(sizes)), Tally.count


def _with_diagonal(A: Any, d: Any) -> Any:
    B = np.array(A)
    for i in range(len(B)):
        B[i, i] = B[i, i] + (d[i] if np.ndim(d) else d)
    return B


def test_the_counts_are_those_of_the_operations_done() -> None:
    compared = 0
    for case in CASES:
        found = counted(case)
        if found is not None:
            predicted, done = found
            assert abs(predicted - done) <= 0.2 * max(predicted, done) + 6, (case["id"], predicted, done)
            compared += 1
    assert compared >= 90


SCALARS = [case for case in CASES if mc.parse(case["expr"], where=case["where"]).is_scalar]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in SCALARS])
def test_gradients_are_cheap(case: Case) -> None:
    """A gradient takes at most four times the operations of the function (Baur & Strassen 1983; Griewank 1989)."""
    f = mc.parse(case["expr"], where=case["where"])
    gradient = mc.gradient(case["expr"], case["wrt"], where=case["where"])

    def flops(*expressions: mc.Expression) -> float:
        count = lower(expressions).flops
        return float(count.subs(dict.fromkeys(count.free_symbols, 1000)))

    assert flops(gradient) <= 4.01 * flops(f) + 4


# ---- traces, exponentials, transposes ----------------------------------------------------------------------

EVIDENCE = "let K = exp(a)*exp(-exp(-s)*D) + exp(t)*eye(n) in y'*inv(K)*y/2 + logdet(K)/2"
IN_SCALARS = "D: matrix(n,n) symmetric, y: vector(n), a, s, t: scalar"


def test_a_hessian_in_scalars_takes_three_products() -> None:
    """Two products K⁻¹·dK and one inverse serve all nine entries: 4n³ for products, 2n³ for the inverse."""
    D = mc.differentiate(EVIDENCE, ["a", "s", "t"], IN_SCALARS)
    flops = lower(list(D.hessian.values())).flops
    assert flops.coeff(Symbol("n", integer=True, positive=True), 3) == 6


@pytest.mark.parametrize(
    ("formula", "where", "products"),
    [
        ("tr(A*(B*C + D))", "A, B, C, D: matrix(n,n)", 1),
        ("tr(A*B*A*B)", "A, B: matrix(n,n)", 1),
        ("tr(A*(x*y' + B)*A*B)", "A, B: matrix(n,n), x, y: vector(n)", 1),
        ("tr(A*(B.*(C*D + x*y')))", "A, B, C, D: matrix(n,n), x, y: vector(n)", 1),
        ("A*B*C + C'*B'*A'", "A, B, C: matrix(n,n)", 2),
        ("tr(S^2)", "S: matrix(n,n) symmetric", 0),
    ],
)
def test_how_many_products_are_computed(formula: str, where: str, products: int) -> None:
    e = mc.parse(formula, where=where)
    assert operations(lower([e])).count("matmul") == products
    rng = np.random.default_rng(0)
    values = {v.name: rng.standard_normal((4, 4) if v.columns != 1 else 4) for v in e.variables.values()}
    values = {k: v + v.T if k == "S" else v for k, v in values.items()}
    assert np.allclose(mc.compile(e)(**values), e.evaluate(values))


CROSS_ENTROPY = ("sum(log(sum(exp(X*W), 2))) - tr(Y'*X*W)", "W", "X: matrix(m,n), W: matrix(n,k), Y: matrix(m,k)")


def test_exponentials_whose_rows_may_be_scaled_do_not_overflow() -> None:
    formula, variable, where = CROSS_ENTROPY
    D = mc.differentiate(formula, variable, where)
    compiled = mc.compile([D.expression, D.gradient, mc.hvp(formula, variable, "V", where)])
    rng = np.random.default_rng(0)
    data = {"X": rng.standard_normal((5, 3)), "W": rng.standard_normal((3, 4)), "Y": rng.uniform(size=(5, 4))}
    data["V"] = rng.standard_normal((3, 4))
    value, _, product = compiled(**data)
    large = compiled(**{**data, "X": 1e3 * data["X"]})
    assert all(np.all(np.isfinite(part)) for part in large)
    assert value == pytest.approx(D.expression.evaluate(data))
    E = np.exp(data["X"] @ data["W"])
    P = E / E.sum(axis=1)[:, None]
    PV = P * (data["X"] @ data["V"])
    assert np.allclose(product, data["X"].T @ (PV - P * PV.sum(axis=1)[:, None]))


ATTENTION = (
    "norm2(softmax(Q*K'/sqrt(d), 2)*V - Y)^2",
    "Q: matrix(m,d), K: matrix(n,d), V: matrix(n,p), Y: matrix(m,p)",
)


def test_softmax_along_an_axis_does_not_overflow() -> None:
    formula, where = ATTENTION
    rng = np.random.default_rng(0)
    shapes = {"Q": (5, 3), "K": (4, 3), "V": (4, 2), "Y": (5, 2)}
    data = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    gradient = mc.gradient(formula, tuple("QKV"), where)
    parts = [mc.parse(formula, where), *gradient.values(), mc.hvp(formula, "Q", "E", where)]
    compiled = mc.compile(parts)
    large = compiled(**{**data, "Q": 1e4 * data["Q"], "E": data["Q"]})
    assert all(np.all(np.isfinite(part)) for part in large)
    S = data["Q"] @ data["K"].T / np.sqrt(3)
    P = np.exp(S) / np.exp(S).sum(axis=1)[:, None]
    assert compiled(**data, E=data["Q"])[0] == pytest.approx(np.linalg.norm(P @ data["V"] - data["Y"]) ** 2)
    assert np.isfinite(mc.parse(formula, where).evaluate({**data, "Q": 1e4 * data["Q"]}))


@pytest.mark.parametrize("axis", [1, 2])
def test_the_logarithm_of_a_softmax_does_not_underflow(axis: int) -> None:
    X = 1e3 * np.random.default_rng(0).standard_normal((4, 3))
    wanted = X - np.max(X, axis=axis - 1, keepdims=True)
    assert np.allclose(mc.compile(f"log(softmax(X, {axis}))", where="X: matrix(m,n)")(X=X), wanted)
    x = np.array([1000.0, -1000.0])
    assert mc.compile("log(softmax(x))")(x=x).tolist() == [0, -2000]


def test_cross_entropy_of_rows_and_its_gradient_share_their_exponentials() -> None:
    D = mc.differentiate("sum(logsumexp(X*W, 2)) - tr(Y'*X*W)", "W")
    found = operations(lower([D.expression, D.gradient]))
    assert (found.count("row_max"), found.count("row_sums"), found.count("apply")) == (1, 1, 2)


@pytest.mark.parametrize(
    ("formula", "is_scalable"),
    [
        ("diag(1./sum(exp(Z), 2))*exp(Z)", True),
        ("exp(Z)'*diag(1./sum(exp(Z), 2))", True),
        ("sum(log(sum(exp(Z), 2))) + tr(B'*diag(1./sum(exp(Z), 2))*exp(Z))", True),
        ("diag(1./sum(exp(Z), 2))*(exp(Z).*Z)", True),
        ("diag(1./sum(exp(Z), 2).^2)*(exp(Z).*exp(Z))", True),
        ("diag(1./sum(exp(Z), 2).^2)*exp(Z)", False),
        ("exp(Z)*diag(1./sum(exp(Z)', 2))", False),
        ("diag(1./sum(exp(Z), 2))*Z", False),
        ("diag(1./sum(exp(Z), 2))*sin(exp(Z))", False),
        ("diag(1./sum(exp(Z), 2))*(exp(Z) + Z)", False),
        ("sum(exp(Z)) + tr(B'*diag(1./sum(exp(Z), 2))*exp(Z))", False),
        ("B'*exp(Z)*exp(Z)'*diag(1./sum(exp(Z), 2))", False),
    ],
)
def test_which_exponentials_may_be_scaled(formula: str, is_scalable: bool) -> None:
    e = mc.parse(formula, where="Z, B: matrix(m,n)")
    assert bool(formulations([e])[0].scalable) is is_scalable
    Z = np.random.default_rng(1).standard_normal((3, 4))
    values = {"Z": Z, "B": np.ones((3, 4))}
    values = {name: values[name] for name in e.variables}
    assert np.allclose(mc.compile(e)(**values), e.evaluate(values))


def test_nested_sums_are_lowered_without_recursion() -> None:
    A, B, x = mc.variables("A, B: matrix(n,n), x: vector(n)")
    H = A
    for _ in range(40):
        H = A + B @ H
    assert operations(lower([H @ x])).count("matmul") == 0
    for _ in range(1000):
        H = A + B @ H
    value = mc.compile(H @ x)(A=np.eye(2), B=np.zeros((2, 2)), x=np.ones(2))
    assert value.tolist() == [1, 1]


def test_terms_of_a_long_sum_are_added_as_soon_as_they_are_known() -> None:
    W, X = mc.variables("W: matrix(n,n), X: matrix(n,m)")
    H = X
    for _ in range(10):
        H = mc.functions.tanh(W @ H)
    source = mc.compile(mc.gradient(mc.functions.norm2(H) ** 2, "W")).source
    lines = [line.strip() for line in source.splitlines()]
    sums = [i for i, line in enumerate(lines) if " += " in line or " -= " in line]
    assert len(sums) >= 4
    assert sums[-1] - sums[0] > len(sums)  # products with what is computed between them


@pytest.mark.parametrize(
    "formula", ["tanh(diag(1./sum(exp(S), 2))*exp(S))", "tr(B*(B.*(diag(1./sum(exp(S), 2))*exp(S))))"]
)
def test_symmetric_exponentials_stay_symmetric(formula: str) -> None:
    e = mc.parse(formula, where="S: matrix(n,n) symmetric, B: matrix(n,n)")
    rng = np.random.default_rng(0)
    S, B = rng.standard_normal((2, 4, 4))
    values = {name: value for name, value in {"S": S + S.T, "B": B}.items() if name in e.variables}
    assert np.allclose(mc.compile(e)(**values), e.evaluate(values))


@pytest.mark.parametrize(
    ("formula", "batch"), [("log(sum(exp(x)))", None), ("log(sum(exp(x)))", "x"), ("log(sum(exp(x*y'), 2))", None)]
)
def test_logarithms_of_sums_of_complex_exponentials_are_principal_values(formula: str, batch: str | None) -> None:
    e = mc.parse(formula, where="x, y: vector(n)")
    x = np.array([3.0 + 9j, 2.0 - 7j, 1.0 + 4j])
    values = dict.fromkeys(e.variables, x)
    found = mc.compile(e, batch=batch)(**({"x": x[None]} if batch else values))
    assert np.allclose(np.ravel(found), np.ravel(e.evaluate(values)))


def doubled(depth: int) -> mc.Expression:
    A, B, C, x = (mc.parse(name, where="A, B, C: matrix(n,n), x: vector(n)") for name in "ABCx")
    found = A
    for _ in range(depth):
        found = B * (found * A + C * found + found) * C
    return found * x


def traced(sums: int) -> mc.Expression:
    text = "*".join(f"(A{i} + A{i + 1}*A{i + 2})" for i in range(0, 3 * sums, 3))
    return mc.parse(f"tr({text})", where=f"{', '.join(f'A{i}' for i in range(3 * sums))}: matrix(n,n)")


def test_a_trace_that_is_turned_to_begin_with_a_row_is_a_number() -> None:
    where = "A: matrix(m,n), D, E: matrix(m,m), x: vector(n), p: vector(m)"
    e = mc.parse("tr(((E + eye(m)).*(A*diag(x)*A'))*((D - D').*(p*p')))", where=where)
    rng = np.random.default_rng(0)
    shapes = {"A": (3, 2), "D": (3, 3), "E": (3, 3), "x": 2, "p": 3}
    values = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    assert mc.compile(e)(**values) == pytest.approx(e.evaluate(values))


@pytest.mark.parametrize("e", [doubled(30), traced(8)], ids=["used twice", "trace"])
def test_sums_in_products_are_lowered_in_bounded_time(e: mc.Expression) -> None:
    rng = np.random.default_rng(0)
    values = {v.name: 0.3 * rng.standard_normal((3, 3) if v.columns != 1 else 3) for v in e.variables.values()}
    start = time.process_time()
    compiled = mc.compile(e)
    assert time.process_time() - start < 5
    assert np.allclose(np.ravel(compiled(**values)), np.ravel(e.evaluate(values)), rtol=1e-9)


# ---- typical sizes -----------------------------------------------------------------------------------------

THREE = "A: matrix(m,n), B: matrix(n,k), C: matrix(k,p)"


@pytest.mark.parametrize(
    ("sizes", "guesses"),
    [
        ("n >> k", {"k": 10, "n": 1000}),
        ("m >> n >> k", {"k": 10, "n": 1000, "m": 100_000}),
        ("k << n, p = 3", {"k": 10, "n": 1000, "p": 3}),
        ("k≪n≪m; n ≫ p", {"k": 10, "p": 10, "n": 1000, "m": 100_000}),
        ("k = 4\nn >> k", {"k": 4, "n": 400}),
        ("β_1 >> k", {"k": 10, "β_1": 1000}),
        ("n >> k, n = 200", {"k": 2, "n": 200}),
        ("m >> n >> k, n = 7", {"k": 1, "n": 7, "m": 700}),
        ("k = 2, k = 2, n >> k", {"k": 2, "n": 200}),
        ("", {}),
        (None, {}),
        ({"n": 7}, {"n": 7}),
    ],
)
def test_typical_sizes(sizes: Any, guesses: dict[str, int]) -> None:
    found = typical_sizes(sizes)
    assert found.guesses == guesses
    assert typical_sizes(found) is found
    assert pickle.loads(pickle.dumps(found)).guesses == guesses


@pytest.mark.parametrize(
    ("sizes", "message", "place"),
    [
        ("n > k", "this says nothing of sizes", "n > k"),
        ("m = 2, n >> ", "this says nothing of sizes", "n >>"),
        ("n, k", "this says nothing of sizes", "n"),
        ("n >> k << m", "this says nothing of sizes", "n >> k << m"),
        ("k = 0", "the size k is 0", "k = 0"),
        ("n >> k, k >> n", "n, k are each much larger than another of them", "n >> k, k >> n"),
        ("n >> n", "n are each much larger than another of them", "n >> n"),
        ("n = 2, k = 5, n >> k", "n is 2, which is not much larger than k", "n = 2, k = 5, n >> k"),
        ("n = 2, n = 3", "the size n is 3, and before 2", "n = 3"),
        (" >> ".join("abcdefghij"), "a would be larger than any array", " >> ".join("abcdefghij")),
    ],
)
def test_sizes_that_cannot_be_read(sizes: str, message: str, place: str) -> None:
    with pytest.raises(ParseError) as refused:
        mc.compile("A*B*C", where=THREE, sizes=sizes)
    assert refused.value.message == message
    assert sizes[refused.value.start : refused.value.end] == place
    assert "n >> k" in refused.value.hint


@pytest.mark.parametrize("sizes", [5, ["n"], {5: 3}, {"n": 2.5}, {"n": 0}, {"n": -2}, {"n": "x"}, {"n": 10**400}])
def test_sizes_that_are_no_positive_integers(sizes: Any) -> None:
    with pytest.raises(mc.MatcalcError, match="size"):
        mc.compile("A*B*C", where=THREE, sizes=sizes)
    assert typical_sizes({"n": np.int64(3)}) == {"n": 3}


@pytest.mark.parametrize(
    ("sizes", "last"), [("k >> p, n >> p", "return A @ (B @ C)"), ("n >> m, k >> m", "return A @ B @ C")]
)
def test_relations_of_sizes_decide_the_order(sizes: str, last: str) -> None:
    assert mc.code("A*B*C", where=THREE, sizes=sizes).splitlines()[-1].strip() == last


def test_the_arrays_decide_the_order_where_nothing_is_said() -> None:
    f = mc.compile("A*B*C", where=THREE)
    assert f.source.count("def run") == 2
    rng = np.random.default_rng(0)
    for m, n, k, p in ((50, 40, 30, 2), (2, 40, 30, 50), (7, 7, 7, 7), (1, 1, 1, 1)):
        A, B, C = rng.standard_normal((m, n)), rng.standard_normal((n, k)), rng.standard_normal((k, p))
        for turn in (1, 1j):
            assert np.allclose(f(A=turn * A, B=B, C=C), turn * (A @ B @ C))
    assert f._choose is not None
    assert [
        f._choose(*(np.empty(s) for s in shapes)) for shapes in ([(9, 9), (9, 9), (9, 2)], [(2, 9), (9, 9), (9, 9)])
    ] == [0, 1]
    stack = rng.standard_normal((4, 2, 9))
    B, C = rng.standard_normal((9, 9)), rng.standard_normal((9, 9))
    assert np.allclose(f(A=stack, B=B, C=C), stack @ B @ C)
    assert pickle.loads(pickle.dumps(f)).source == f.source


def test_a_residual_is_multiplied_out_where_its_factors_are_narrow() -> None:
    where = "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)"
    g = mc.compile(mc.gradient("norm2(U*V' - T)^2", "U", where=where))
    rng = np.random.default_rng(0)
    for m, n, k in ((60, 50, 3), (30, 30, 30), (4, 5, 60)):
        U, V, T = rng.standard_normal((m, k)), rng.standard_normal((n, k)), rng.standard_normal((m, n))
        assert np.allclose(g(U=U, V=V, T=T), 2 * (U @ V.T - T) @ V)
    assert g.source.count("def run") == 2


@pytest.mark.parametrize(
    "formula", ["x'*A*x", "norm2(A*x - b)^2", "sum(softplus(-y.*(X*w)))", "A*x*y'*B", "inv(S)*A*B*x"]
)
def test_where_sizes_do_not_matter_there_is_one_program(formula: str) -> None:
    f = mc.compile(formula)
    assert f.source.count("def run") == 1


DATA = "X: matrix(m,n), y: vector(m), w: vector(n), A: matrix(m,m)"


@pytest.mark.parametrize(
    "text",
    [
        "sum(i, 1, m, log(1 + exp(-y[i]*(X[i,:]*w))))",
        "sum(i, 1, m, (X[i,:]*w - y[i])^2)/m + norm2(w)^2",
        "sum(i, 1, m, norm2(X[i,:]' - w))",
        "sum(i, 1, m, sum(j, 1, m, A[i,j]*(y[i] - y[j])^2))",
        "sum(i, 1, m, logsumexp(y[i]*w))*w",
    ],
)
def test_a_sum_over_data_points_is_no_loop(text: str) -> None:
    question = parse(text, where=DATA)
    assert not any(v.op == INDEXED_SUM for v in lower([question]).values)
    rng = np.random.default_rng(3)
    data = {"X": rng.standard_normal((6, 4)), "y": rng.standard_normal(6), "w": rng.standard_normal(4)}
    data["A"] = rng.standard_normal((6, 6))
    function = mc.compile(question)
    found = function(**{name: data[name] for name in function.names})
    assert np.allclose(found, evaluate(question, data), rtol=1e-12)


def test_the_square_of_a_sum_of_products_of_numbers_is_lowered() -> None:
    f = mc.compile(mc.parse("(s*t + t*u)^2", where="s, t, u: scalar"))
    assert f(s=1.0, t=2.0, u=3.0) == 64
