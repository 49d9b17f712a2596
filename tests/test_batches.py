"""Batches of compiled functions: the same as one call per item, for every operation and the whole corpus."""

import pickle
import threading
import warnings
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from test_corpus import CASES, Case, derivative, draws, relative_error

import matcalc as mc
from matcalc.numpy_code import OPERATIONS

every_case = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])

CLOSE = 1e-12
ITEMS = 3


def subsets(names: Iterable[str]) -> list[set[str]]:
    names = list(names)
    return [set(c) for k in range(1, len(names) + 1) for c in combinations(names, k)]


def each(f: mc.CompiledFunction, values: dict[str, Any], names: set[str]) -> list[np.ndarray]:
    """The outputs of one call per item, stacked."""
    calls = [f(**{n: v[i] if n in names else v for n, v in values.items()}) for i in range(ITEMS)]
    return [np.stack(found) for found in zip(*calls, strict=True)]


# ---- the same as one call per item ---------------------------------------------------------------------------


@every_case
def test_the_corpus_is_computed_as_item_by_item(case: Case) -> None:
    f = mc.compile([mc.parse(case["expr"], where=case["where"]), derivative(case)])
    for inputs, _ in draws(case):
        one = {name: inputs[name] for name in f.names}
        for names in ({*f.names}, {case["wrt"]} & {*f.names}):
            if not names:
                continue
            # scaled, the values keep the properties that are declared; those of norm one are repeated
            scales = [1.0, 1.0625, 0.9375] if "orthogonal" not in case["where"] else [1.0] * ITEMS
            values = {n: np.stack([s * v for s in scales]) if n in names else v for n, v in one.items()}
            for found, expected in zip(f(**values), each(f, values, names), strict=True):
                assert found.shape == expected.shape
                assert relative_error(found.reshape(ITEMS, -1), expected.reshape(ITEMS, -1)) < CLOSE


WHERE = (
    "A, B: matrix(n,n), S, Q: matrix(n,n) spd, L: matrix(n,n) lower, U: matrix(n,n) upper, x, y: vector(n), t: scalar"
)
WHERE += ", z: vector(n*n)"
FORMULAS = [
    "pi*x .+ t",
    "-A",
    "1 ./ A",
    "sqrt(x)",
    "t*ones(n,n)",
    "eye(n) + A*eye(n) + 0*B",
    "kron(A,B)*z",
    "sqdist(A, B)",
    "exp(-sqdist(A, A)) + sqdist(B, x')*x'",
    "K(n,n)*z + kron(x,y)",
    "K(n,n) + kron(A,B)",
    "[A, zeros(n,1); x', t]",
    "t*eye(n)",
    "B*inv(2*Q + t*eye(n))*Q",
    "A*S*A'",
    "A + t*eye(n) - B",
    "A + diag(x)",
    "diag(x)",
    "-t*A/3 + B./A",
    "t*ones(n,n) + A",
    "2^t*x.^3 + x.^t",
    "1/t*x",
    "A + x*ones(n)'",
    "A .* (ones(n)*x')",
    "x*ones(n)' + ones(n)*y'",
    "diag(x)*A + A*diag(y)",
    "A'*diag(x)*A",
    "A'*diag(x)*A*t + B",
    "3*A*B",
    "duplication(n)*vech(A)",
    "elimination(n)*vec(A)",
    "A*B*x",
    "A'*x + y",
    "x'*A",
    "x*y'",
    "x'*y + x'*x",
    "tr(A*B) + tr(A'*A)",
    "tr(A)*x",
    "sum(A .* B .* A)",
    "norm2(x) + norm2(A)",
    "norm2(x)^2 + norm2(A - B)^2",
    "A*ones(n) + A'*ones(n)",
    "softmax(x)",
    "logsumexp(x)",
    "log(exp(A)*ones(n))",
    "softmax(A, 1)",
    "softmax(A, 2)*B",
    "logsumexp(A, 1)",
    "logsumexp(A, 2)",
    "log(softmax(A, 1)) + log(softmax(A, 2))",
    "log(softmax(x))",
    "sigmoid(A*x)",
    "log(1 .+ exp(A))",
    "diagonal(inv(A))",
    "diagonal(A)",
    "diagonal(A*B)",
    "unvec(kron(x,y), n, n)",
    "vec(A)",
    "vec(A')",
    "A'",
    "kron(A,B)",
    "kron(A,x)",
    "kron(eye(n),A)",
    "kron(A,B)*kron(B,A)",
    "kron(eye(n),B)*kron(A,A)",
    "kron(A,eye(n))*kron(A,A)",
    "K(n,n)*kron(A,B)",
    "x[2]*y",
    "x[1]",
    "A[1,:]",
    "A[:,2]",
    "[A, B; B, A]",
    "[A, x; y', t]",
    "[x; y]",
    "tril(A) + triu(B)",
    "inv(L)*x",
    "inv(U)'*A",
    "inv(L)",
    "inv(A)*x",
    "inv(A)'*x",
    "inv(A)*B",
    "inv(S)*x",
    "inv(S)*A",
    "inv(S)",
    "inv(A)",
    "inv(S + Q)*x + A*inv(S + Q)*y",
    "logdet(S) + x'*inv(S)*x",
    "det(S) + y'*inv(S)*x",
    "logabsdet(A)*x",
    "logabsdet(A) + x'*inv(A)*x",
    "logdet(A'*A)",
    "inv(S - 3*Q)*x + inv(S - 3*Q)*y",
    "inv(A + A')*x",
    "logdet(A + A') + x'*inv(A + A')*x",
    "logdet(A)",
    "logdet(A) + x'*inv(A)*x",
    "det(A) + x'*inv(A)*x",
    "det(A)",
    "adj(A)*x",
    "A^3*x",
    "A^3",
    "A^9",
    "inv(A)^2",
    "expm(A)*x",
    "eigvals(S)",
    "polygamma(1, x)",
    "sum(i, 1, 3, t^i*A)",
    "erf(x) + abs(y) + relu(x)",
    "max(A)*x + hardmax(y)",
    "hardmax(A)*x + min(x)*y",
]


def drawn(dtype: Any = float) -> dict[str, np.ndarray]:
    """Three values of each argument, well conditioned."""
    rng = np.random.default_rng(5)
    M = rng.uniform(0.2, 1.0, (4, ITEMS, 3, 3)) + 3 * np.eye(3)
    values = {"A": M[0], "B": M[1], "L": np.tril(M[2]), "U": np.triu(M[3])}
    values |= {"S": M[2] @ M[2].swapaxes(1, 2), "Q": M[3] @ M[3].swapaxes(1, 2)}
    values |= {name: rng.uniform(0.5, 1.5, (ITEMS, 3)) for name in "xy"}
    values |= {"t": rng.uniform(0.5, 1.5, ITEMS), "z": rng.uniform(0.5, 1.5, (ITEMS, 9))}
    if np.dtype(dtype).kind == "c":
        values |= {name: values[name] * (1 + 0.25j) for name in "ABxyzt"}
    return {name: value.astype(dtype) for name, value in values.items()}


OF_REAL_NUMBERS = ("polygamma", "erf", "eigvals", "max", "softmax", "logsumexp", "log(exp", "log(1", "relu", "norm2")


@pytest.mark.parametrize(
    ("formula", "dtype"),
    [
        pytest.param(formula, dtype, id=f"{formula}-{dtype.__name__}")
        for formula in FORMULAS
        for dtype in (np.float64, np.float32, np.complex128, np.complex64)
        if np.dtype(dtype).kind == "f" or not any(word in formula for word in OF_REAL_NUMBERS)
    ],
)
def test_every_choice_of_batched_arguments_is_computed_as_item_by_item(formula: str, dtype: type[Any]) -> None:
    f = mc.compile([formula], where=WHERE)
    drawn_values = drawn(dtype)
    for names in subsets(f.names):
        values = {n: drawn_values[n] if n in names else drawn_values[n][0] for n in f.names}
        before = {n: v.copy() for n, v in values.items()}
        (found,) = f(**values)
        (expected,) = each(f, values, names)
        assert found.shape == expected.shape
        close = CLOSE if found.dtype in (np.float64, np.complex128) else 1e-5
        assert relative_error(found.reshape(ITEMS, -1), expected.reshape(ITEMS, -1)) < close, names
        assert found.dtype == dtype or (found.dtype.itemsize > np.dtype(dtype).itemsize and not set(f.names) - {"t"})
        assert found.flags.writeable
        assert not any(np.shares_memory(found, v) for v in values.values())
        assert all(np.array_equal(before[n], values[n]) for n in f.names)


def test_every_operation_is_among_the_formulas() -> None:
    of_a_gradient = mc.compile(mc.gradient("x[k]", "x", where="x: vector(n), k: scalar integer"))
    programs = [mc.compile(formula, where=WHERE).program for formula in FORMULAS] + [of_a_gradient.program]
    assert {v.op for p in programs for v in p.values} >= OPERATIONS.keys()


def test_what_no_batched_argument_touches_is_computed_once() -> None:
    f = mc.compile("expm(A)*inv(B)*x", where=WHERE)
    values = {name: v if name == "x" else v[0] for name, v in drawn().items()}
    f(**{name: values[name] for name in f.names})
    assert f(A=values["A"], B=values["B"], x=values["x"]).shape == (ITEMS, 3)
    source = f._routine(False, frozenset({"x"})).source
    assert "LU(a1)" in source
    assert "item_by_item" not in source


# ---- what is a batch ---------------------------------------------------------------------------------------

LINEAR = "A: matrix(m,n), x: vector(n), r: row(n), t: scalar"


@pytest.mark.parametrize(
    ("formula", "values", "shape"),
    [
        ("A*x", {"A": np.ones((2, 3)), "x": np.ones((3, 1))}, (2,)),
        ("A*x", {"A": np.ones((2, 3)), "x": np.ones((1, 3))}, (1, 2)),
        ("A*x", {"A": np.ones((2, 3)), "x": np.ones((4, 3))}, (4, 2)),
        ("A*x", {"A": np.ones((2, 3)), "x": np.ones((3, 3))}, (3, 2)),
        ("A*x", {"A": np.ones((2, 3)), "x": np.ones((4, 3, 1))}, (4, 2)),
        ("A*x", {"A": np.ones((4, 2, 3)), "x": [1, 1, 1]}, (4, 2)),
        ("r*x", {"r": np.ones((1, 3)), "x": np.ones(3)}, ()),
        ("r*x", {"r": np.ones((4, 1, 3)), "x": np.ones((4, 3))}, (4,)),
        ("t*r", {"r": np.ones((4, 3)), "t": 2}, (4, 1, 3)),
        ("t*r", {"r": np.ones(3), "t": [1, 2]}, (2, 1, 3)),
        ("t*x", {"t": np.ones((4, 1, 1)), "x": np.ones(3)}, (4, 3)),
        ("t*x", {"t": np.ones((4, 1)), "x": np.ones(3)}, (4, 3)),
        ("t*x", {"t": np.ones((1, 1)), "x": np.ones(3)}, (3,)),
        ("t^2", {"t": np.ones(1)}, ()),
        ("t^2", {"t": np.ones(3)}, (3,)),
        ("A", {"A": np.ones((1, 2, 3))}, (1, 2, 3)),
    ],
)
def test_an_array_with_one_axis_more_is_a_batch(formula: str, values: dict[str, Any], shape: tuple[int, ...]) -> None:
    f = mc.compile(formula, where=LINEAR)
    assert np.shape(f(**values)) == shape


def test_arguments_that_are_declared_batches_are_read_as_such() -> None:
    x, y = np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [5.0], [6.0]])
    where = "x, y: vector(n), t: scalar"
    assert mc.compile("x'*y", where=where)(x=x, y=y) == 32
    for batch in (True, ("x", "y"), ["y", "x"], iter("xy")):
        assert mc.compile("x'*y", where=where, batch=batch)(x=x, y=y).tolist() == [4, 10, 18]
    assert mc.compile("x'*y", where=where, batch="x")(x=x, y=[2.0]).tolist() == [2, 4, 6]
    assert mc.compile("t^2", where=where, batch=True)(t=[3]).tolist() == [9]
    assert mc.compile("t^2", where=where, batch=False)(t=[3]) == 9


@pytest.mark.parametrize(
    ("batch", "changed", "message"),
    [
        ("x", {"x": np.ones(3)}, "x is declared a batch, but the array given is of length 3"),
        ("x", {"x": np.ones((2, 3, 3))}, "x is declared a batch, but the array given is 2×3×3"),
        ("t", {"t": 2.0}, "t is declared a batch, but the number given is one"),
        ("x", {"x": np.ones((4, 3)), "A": np.ones((4, 2, 3))}, "A must be a matrix of shape m×n.* 4×2×3"),
        ((), {"x": np.ones((4, 3))}, "x must be a vector of length n, .* 4×3"),
        (False, {"t": np.ones(4)}, "t must be a scalar, but the value given is of length 4"),
    ],
)
def test_what_is_not_as_declared_is_refused(batch: Any, changed: dict[str, Any], message: str) -> None:
    f = mc.compile("t*A*x", where=LINEAR, batch=batch)
    with pytest.raises(mc.ShapeError, match=message):
        f(**({"A": np.ones((2, 3)), "x": np.ones(3), "t": 1.0} | changed))


def test_a_batch_of_an_unknown_argument_is_refused() -> None:
    with pytest.raises(mc.MatcalcError, match="there is no argument z to be a batch"):
        mc.compile("t*A*x", where=LINEAR, batch=("x", "z"))


# ---- what goes wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": np.ones((4, 3)), "t": np.ones(5)}, "t holds a batch of 5 and x a batch of 4"),
        ({"x": np.ones((4, 3)), "A": np.ones((3, 2, 3))}, "A holds a batch of 3 and x a batch of 4"),
        ({"x": np.ones((4, 5))}, "x must be a vector of length n, where n = 3, but .* of length 5, at index 0"),
        ({"A": np.ones((4, 2, 5))}, "x must be a vector of length n, where n = 5, but the value given is of length 3"),
        ({"x": np.ones((2, 4, 3))}, "x must be a vector of length n, but the value given is 2×4×3"),
        ({"A": np.ones((2, 2, 2, 3))}, "A must be a matrix of shape m×n, but the value given is 2×2×2×3"),
        ({"t": np.ones((2, 3))}, "t must be a scalar, but the value given is 2×3"),
        ({"x": np.ones((4, 0))}, "x must be a vector of length n"),
    ],
)
def test_batches_that_do_not_fit_are_named(changed: dict[str, Any], message: str) -> None:
    f = mc.compile("t*A*x", where=LINEAR)
    with pytest.raises(mc.ShapeError, match=message):
        f(**({"A": np.ones((2, 3)), "x": np.ones(3), "t": 1.0} | changed))


def test_the_other_reading_of_a_thin_matrix_is_told() -> None:
    with pytest.raises(mc.ShapeError, match="where n = 1, but the value given is 3×1") as caught:
        mc.compile("A*x", where=LINEAR)(A=np.ones((2, 1)), x=np.ones((3, 1)))
    assert caught.value.hint == "x is read as one vector; with batch='x' it holds 3"
    assert mc.compile("A*x", where=LINEAR, batch="x")(A=np.ones((2, 1)), x=np.ones((3, 1))).shape == (3, 2)


def test_rows_of_a_batch_that_differ_in_length_are_named() -> None:
    with pytest.raises(mc.EvaluationError, match="the rows of x differ in length"):
        mc.compile("2*x", where="x: vector(n)")(x=[[1, 2], [3]])


def test_an_item_without_a_declared_property_is_named() -> None:
    stack = np.stack([np.eye(4), np.eye(4), np.triu(np.ones((4, 4)))])
    for word in ("symmetric", "spd", "lower", "diagonal"):
        f = mc.compile("S*x", where=f"S: matrix(n,n) {word}, x: vector(n)")
        assert f(S=stack[:2], x=np.ones(4)).shape == (2, 4)
        with pytest.raises(mc.EvaluationError, match=f"S is declared {word}.*, at index 2 of the batch"):
            f(S=stack, x=np.ones(4))


@pytest.mark.parametrize(
    ("formula", "where", "bad", "message"),
    [
        ("inv(A)*x", "A: matrix(n,n)", np.ones((2, 2)), "A is singular, at index 1 of the batch"),
        ("inv(A)", "A: matrix(n,n)", np.ones((2, 2)), "A is singular, at index 1 of the batch"),
        ("inv(A)*x", "A: matrix(n,n) spd", np.diag([1.0, -1.0]), "A is not positive definite, at index 1"),
        ("inv(A + A')*x", "A: matrix(n,n)", np.zeros((2, 2)), "A \\+ A' is singular, at index 1"),
        ("inv(A)*x", "A: matrix(n,n) upper", np.diag([1.0, 0.0]), "A is singular, at index 1"),
    ],
)
def test_a_factorization_that_fails_names_the_matrix_and_the_item(
    formula: str, where: str, bad: np.ndarray, message: str
) -> None:
    f = mc.compile(formula, where=f"{where}, x: vector(n)")
    values = {"A": np.stack([np.eye(2), bad, bad]), "x": np.ones(2)}
    with pytest.raises(mc.FactorizationError, match=message):
        f(**{name: values[name] for name in f.names})


def test_an_error_of_what_the_items_share_names_no_item() -> None:
    f = mc.compile("inv(A)*x", where="A: matrix(n,n), x: vector(n)")
    with pytest.raises(mc.FactorizationError, match=r"A is singular$"):
        f(A=np.ones((2, 2)), x=np.ones((4, 2)))


def test_an_error_of_one_operation_names_the_item() -> None:
    f = mc.compile("x[k]", where="x: vector(n), k: scalar integer")
    assert f(x=np.array([5.0, 7.0]), k=[1, 2, 2]).tolist() == [5, 7, 7]
    with pytest.raises(mc.EvaluationError, match=r"3 is no index from 1 to 2, .*, at index 2 of the batch"):
        f(x=np.array([5.0, 7.0]), k=[1, 2, 3])
    with pytest.raises(mc.EvaluationError, match=r"the square root of a matrix was not found, .*, at index 1"):
        mc.compile("sqrtm(A)", where="A: matrix(n,n)")(A=np.stack([np.eye(2), np.diag([1.0, -4.0])]))


def test_a_value_that_is_not_finite_is_warned_of_with_its_item() -> None:
    f = mc.compile("log(x)", where="x: vector(n)")
    with pytest.warns(RuntimeWarning, match="log of a negative number.*, at index 1 of the batch") as caught:
        found = f(x=np.array([[1.0, 2.0], [-1.0, 1.0], [1.0, 1.0]]))
    assert caught[0].filename == __file__
    assert np.isnan(found).tolist() == [[False, False], [True, False], [False, False]]
    with pytest.warns(RuntimeWarning, match="division by zero.*, at index 2"):
        assert mc.compile("1/t", where="t: scalar")(t=[1, 2, 0]).tolist() == [1, 0.5, np.inf]


def test_items_that_are_not_finite_are_passed_on() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mc.compile("sum(x)", where="x: vector(n)")(x=np.array([[np.nan, 1.0], [2.0, 1.0]]))
    assert np.isnan(found[0])
    assert found[1] == 3


def test_an_empty_batch_gives_empty_arrays() -> None:
    f = mc.compile(["t*r*x", "A*x", "t*A", "t*r", "inv(A'*A)"], where=LINEAR)
    values = {"A": np.zeros((2, 3)), "x": np.zeros(3), "r": np.zeros(3), "t": np.zeros(0)}
    found = f(**{name: values[name] for name in f.names})
    assert [v.shape for v in found] == [(0,), (0, 2), (0, 2, 3), (0, 1, 3), (0, 3, 3)]
    assert mc.compile("A*x", where=LINEAR)(A=np.zeros((2, 3)), x=np.zeros((0, 3), np.float32)).dtype == np.float64
    with pytest.raises(mc.ShapeError, match="x must be a vector of length n, where n = 3, but"):
        mc.compile("A*x", where=LINEAR)(A=np.zeros((2, 3)), x=np.zeros((0, 4)))


# ---- the function as an object -----------------------------------------------------------------------------


def test_it_is_pickled_with_its_batches() -> None:
    for batch in (None, ("x",), "x", True, False):
        f = mc.compile("x'*y", where="x, y: vector(n)", batch=batch)
        assert pickle.loads(pickle.dumps(f)).batch == batch
    again = pickle.loads(pickle.dumps(mc.compile("x'*y", where="x, y: vector(n)", batch="x")))
    assert again(x=[[1], [2]], y=[3]).tolist() == [3, 6]


def test_it_is_run_by_several_threads() -> None:
    f = mc.compile("inv(A)*x", where="A: matrix(n,n), x: vector(n)")
    failures: list[object] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(20):
            M = rng.standard_normal((ITEMS, 5, 5)) + 5 * np.eye(5)
            x = rng.standard_normal((ITEMS, 5))
            for A, b in ((M, x), (M[0], x), (M, x[0]), (M[0], x[0])):
                found = f(A=A, x=b)
                if not np.allclose((A @ found[..., None])[..., 0], b):
                    failures.append((A, b))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_nothing_is_compiled_again_for_new_sizes() -> None:
    f = mc.compile("x'*A*x", where="A: matrix(n,n), x: vector(n)")
    for n, batch in ((2, 3), (3, 3), (4, 7)):
        f(A=np.eye(n), x=np.ones((batch, n)))
    routine = f._routine(False, frozenset({"x"}))
    assert f(A=np.eye(5), x=np.ones((2, 5))).tolist() == [5, 5]
    assert f._routine(False, frozenset({"x"})) is routine
    assert len(f._routines) == 1


@pytest.mark.parametrize("n", [1, 3, 40, 130])
def test_inverses_of_definite_matrices_are_symmetric_and_have_small_residuals(n: int) -> None:
    x = np.linspace(0, 1, n)
    S = np.exp(-20 * (x[:, None] - x) ** 2) + np.array([1e-4, 1e-8])[:, None, None] * np.eye(n)
    X = mc.compile("inv(S)", where="S: matrix(n,n) spd")(S)
    assert np.array_equal(X, X.swapaxes(1, 2))
    assert np.all(np.abs(S @ X - np.eye(n)).max(axis=(1, 2)) < [1e-9, 1e-5])
