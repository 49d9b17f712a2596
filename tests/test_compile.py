"""Compiled functions: right on the corpus, checked, and clear about what goes wrong."""

import pickle
import threading
import time
import warnings
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from test_corpus import CASES, Case, derivative, draws, relative_error

import matcalc as mc

TOLERANCE = 1e-8
CLOSE = 1e-10

every_case = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])


@every_case
def test_the_corpus_is_computed_as_evaluate_does(case: Case) -> None:
    f = mc.parse(case["expr"], where=case["where"])
    answer = derivative(case)
    alone, together = mc.compile(answer), mc.compile([f, answer])
    for inputs, expected in draws(case):
        before = {name: value.copy() for name, value in inputs.items()}
        found = alone(**{name: inputs[name] for name in alone.names})
        _, shared = together(**{name: inputs[name] for name in together.names})
        evaluated = answer.evaluate(inputs)
        assert np.shape(found) == np.shape(shared) == np.shape(evaluated)
        assert max(relative_error(found, expected), relative_error(shared, expected)) < TOLERANCE
        assert relative_error(found, np.asarray(evaluated)) < CLOSE
        assert all(np.array_equal(before[name], inputs[name]) for name in inputs)


def test_compiling_takes_little_time() -> None:
    times = []
    for case in CASES:
        answer = derivative(case)
        own = []
        for _ in range(3):
            begin = time.process_time()
            mc.compile(answer)
            own.append(time.process_time() - begin)
        times.append(min(own))
    assert max(times) < 0.02


# ---- arguments ---------------------------------------------------------------------------------------------

WHERE = "A: matrix(m,n), x: vector(n), b: vector(m), t: scalar"


class Unreadable:
    """What tensors of other libraries may answer when their array is asked for."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("it is on another device")


def residual() -> mc.CompiledFunction:
    found = mc.compile("t*norm2(A*x - b)^2", where=WHERE)
    assert isinstance(found, mc.CompiledFunction)
    return found


A, X, B = np.arange(6.0).reshape(3, 2), np.array([1.0, -1.0]), np.ones(3)


def test_arguments_are_taken_by_name_and_by_order() -> None:
    f = residual()
    assert f.names == ("t", "A", "x", "b")
    assert f(2.0, A, X, B) == f(b=B, x=X, A=A, t=2.0) == f(2.0, A, b=B, x=X) == 24


@pytest.mark.parametrize("column", [X, X[:, None], X.tolist(), X.astype(int)])
def test_vectors_are_taken_in_any_form(column: Any) -> None:
    assert residual()(t=2, A=A, x=column, b=B[:, None]) == 24
    gradient = mc.compile(mc.gradient("norm2(A*x - b)^2", "x", where=WHERE))
    assert gradient(A=A, x=column, b=B).shape == (2,)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"x": None}, mc.EvaluationError, "x has no value"),
        ({"z": 1}, mc.EvaluationError, "there is no argument z"),
        ({"x": np.ones(3)}, mc.ShapeError, "x must be a vector of length n"),
        ({"A": np.ones(3)}, mc.ShapeError, "A must be a matrix of shape m×n"),
        ({"b": np.ones((3, 2))}, mc.ShapeError, "b must be a vector of length m"),
        ({"t": np.ones((2, 2))}, mc.ShapeError, "t must be a scalar"),
        ({"A": [[1, 2], [3]]}, mc.EvaluationError, "the rows of A differ in length"),
        ({"A": [["a", "b"]]}, mc.EvaluationError, "the entries of A are of type"),
        ({"A": np.full((3, 2), None)}, mc.EvaluationError, "the entries of A are numbers of a kind"),
        ({"t": "2"}, mc.EvaluationError, "the entries of t are of type"),
        ({"t": Fraction(2)}, mc.EvaluationError, "the entries of t are numbers of a kind .* of type Fraction"),
        ({"x": {1, -1}}, mc.EvaluationError, "the entries of x are numbers of a kind .* of type set"),
        ({"t": 10**400}, mc.EvaluationError, "t is too large a number"),
        ({"x": [10**400, 1]}, mc.EvaluationError, "the entries of x are integers of more than 64 bits"),
        ({"x": np.array([0.5, 1], dtype=object)}, mc.EvaluationError, r"the entries of x are objects of Python"),
        ({"x": np.ma.array([1, -1], mask=[0, 1])}, mc.EvaluationError, "x has masked entries"),
        ({"x": Unreadable()}, mc.EvaluationError, "x is not read as an array: it is on another device"),
        ({"x": []}, mc.ShapeError, "x must be a vector of length n"),
        ({"A": np.zeros((0, 2))}, mc.ShapeError, "A must be a matrix of shape m×n"),
    ],
)
def test_wrong_arguments_are_named(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    values = {"t": 1.0, "A": A, "x": X, "b": B} | changed
    with pytest.raises(error, match=message):
        residual()(**{name: value for name, value in values.items() if value is not None})


def test_entries_that_are_equally_large_share_the_subgradient() -> None:
    gradient = mc.compile(mc.gradient("norminf(x)", "x"))
    assert gradient(np.array([3.0, -4.0, 1.0])).tolist() == [0, -1, 0]
    assert gradient(np.array([4.0, -4.0])).tolist() == [0.5, -0.5]
    assert mc.parse("max(X) - min(X)").evaluate({"X": np.array([[1.0, 5.0], [-2.0, 0.0]])}) == 7


def test_too_many_arguments_and_repeated_ones_are_refused() -> None:
    with pytest.raises(mc.EvaluationError, match="5 arguments are given for 4"):
        residual()(1.0, A, X, B, B)
    with pytest.raises(mc.EvaluationError, match="t is given twice"):
        residual()(1.0, A, X, t=2.0)


def test_a_value_without_its_declared_property_is_refused() -> None:
    f = mc.compile("x'*S*x", where="S: matrix(n,n) symmetric, x: vector(n)")
    with pytest.raises(mc.EvaluationError, match="S is declared symmetric"):
        f(S=np.array([[1.0, 2.0], [3.0, 4.0]]), x=X)
    with pytest.raises(mc.EvaluationError, match="L is declared lower"):
        mc.compile("L*x", where="L: matrix(n,n) lower, x: vector(n)")(L=np.ones((2, 2)), x=X)


@pytest.mark.parametrize("word", ["orthogonal", "unit"])
def test_columns_without_their_declared_lengths_are_refused(word: str) -> None:
    f = mc.compile("Q*x", where=f"Q: matrix(m,n) {word}, x: vector(n)")
    Q = np.linalg.qr(np.arange(12.0).reshape(4, 3) ** 2)[0]
    assert f(Q=Q, x=np.ones(3)) == pytest.approx(Q.sum(axis=1))
    assert f(Q=np.stack([Q, -Q]), x=np.ones(3)).shape == (2, 4)
    for changed in (2 * Q, np.stack([Q, 2 * Q])):
        with pytest.raises(mc.EvaluationError, match=f"Q is declared {word}"):
            f(Q=changed, x=np.ones(3))
    g = mc.compile("2*u", where="u: vector(n) unit")
    assert g(u=[[1, 0], [0, 1]]).tolist() == [[2, 0], [0, 2]]
    with pytest.raises(mc.EvaluationError, match="u is declared unit"):
        g(u=[1, 1])


def test_an_empty_matrix_with_a_property_is_refused() -> None:
    with pytest.raises(mc.ShapeError, match="x must be a vector of length n"):
        mc.compile("x'*S*x", where="S: matrix(n,n) symmetric, x: vector(n)")(S=np.zeros((0, 0)), x=[])


def test_any_layout_of_an_array_and_any_kind_of_number_is_taken() -> None:
    f = mc.compile("A*x", where="A: matrix(m,n), x: vector(n)")
    M = np.arange(6.0).reshape(3, 2)
    padded = np.zeros((6, 4))
    padded[::2, ::2] = M
    frozen = M.copy()
    frozen.flags.writeable = False
    layouts = [np.asfortranarray(M), padded[::2, ::2], M[::-1][::-1], frozen, M.astype(">f8"), np.ma.array(M), list(M)]
    kinds = [M.astype(kind) for kind in (np.float16, np.longdouble, np.uint8, np.int64)]
    for value in layouts + kinds:
        found = f(A=value, x=X)
        assert found.tolist() == [-1, -1, -1]
        assert found.dtype == np.float64


def test_one_name_has_one_shape() -> None:
    first, second = mc.parse("x'*x", where="x: vector(n)"), mc.parse("tr(x)", where="x: matrix(n,n)")
    with pytest.raises(mc.MatcalcError, match="x is a vector of length n in one formula"):
        mc.compile([first, second])


def test_sizes_that_no_argument_shows_come_from_the_question() -> None:
    gradient = mc.compile(mc.gradient("tr(X)", "X", where="X: matrix(n,n)"))
    assert gradient(X=np.ones((3, 3))).tolist() == np.eye(3).tolist()
    fixed = mc.compile("eye(n)*2", sizes={"n": 2})
    assert fixed().tolist() == [[2, 0], [0, 2]]
    with pytest.raises(mc.EvaluationError, match="no argument shows the size n"):
        mc.compile("eye(n)*2")


def test_a_text_takes_sizes_from_no_earlier_question() -> None:
    """eye(n), which is the gradient of tr(X), too, is a text of its own where it is typed."""
    gradient = mc.gradient("tr(X)", "X", "X: matrix(n,n)")
    assert mc.compile(gradient).names == ("X",)
    for where in (None, "n: size", "A: matrix(m,m)"):
        for refused in (mc.compile, mc.code):
            with pytest.raises(mc.EvaluationError, match="no argument shows the size n"):
                refused("eye(n)", where=where)
        assert mc.compile("eye(n)", where=where, sizes={"n": 2})().tolist() == [[1, 0], [0, 1]]
    for name, where, value in (("Y", "Y: matrix(n,n)", np.ones((3, 3))), ("x", "x: vector(n)", np.ones(3))):
        f = mc.compile("eye(n)", where=where)
        for function in (f, pickle.loads(pickle.dumps(f))):
            assert function.names == (name,)
            assert function(value).tolist() == np.eye(3).tolist()
        found = mc.parse("eye(n)", where=where).evaluate({name: value, "X": np.ones((4, 4))})
        assert found.tolist() == np.eye(3).tolist()
        assert mc.code("eye(n)", where=where).startswith(f"import numpy as np\n\n\ndef f({name}):")
    with pytest.raises(mc.EvaluationError, match="no value shows the size n"):
        mc.parse("eye(n)").evaluate({})


def test_a_derivative_takes_sizes_from_its_own_question_first() -> None:
    D, other = (mc.differentiate(f"tr({name})", name, where=f"{name}: matrix(q,q)") for name in ("X", "Y"))
    for _ in range(2):
        assert mc.compile(D).names == ("X",)
        assert mc.compile(other).names == ("Y",)
    D, other = (mc.differentiate("2*q*t", "t", where=f"t: scalar, {name}: vector(q)") for name in ("x", "y"))
    for asked, name in ((D, "x"), (other, "y"), (D, "x")):
        assert mc.compile(asked).names == ("t", name)
    for name in ("x", "y", "x"):
        assert mc.linear_operator("2*q*t", "t", where=f"t: scalar, {name}: vector(q)").names == ("t", name)


def test_sizes_come_from_the_question_that_was_asked_last() -> None:
    for name, question in 2 * [("X", "tr(X)"), ("Y", "tr(Y)")]:
        gradient = mc.compile(mc.gradient(question, name, where=f"{name}: matrix(p,p)"))
        assert gradient.names == (name,)


def test_sizes_in_formulas_are_solved_for() -> None:
    f = mc.compile("sum(x)/n", where="x: vector(2*n + 1)")
    assert f(x=np.ones(7)) == pytest.approx(7 / 3)
    with pytest.raises(mc.ShapeError):
        f(x=np.ones(4))


# ---- several formulas ---------------------------------------------------------------------------------------

FACTORS = {"U": np.arange(1.0, 5).reshape(4, 1), "V": np.ones((3, 1)), "T": np.zeros((4, 3))}


def factorization() -> mc.Derivative:
    return mc.differentiate("norm2(U*V' - T)^2", ("U", "V"), "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)")


def test_what_differentiate_returns_is_compiled_in_its_structure() -> None:
    D = factorization()
    expected = {name: e.evaluate(FACTORS) for name, e in D.gradient.items()}
    for formulas in (D, [D.expression, D.gradient], (D.expression, D.gradient)):
        value, gradients = mc.compile(formulas)(**FACTORS)
        assert value == D.expression.evaluate(FACTORS)
        assert list(gradients) == ["U", "V"]
        assert all(np.allclose(gradients[name], expected[name]) for name in expected)
    blocks = mc.compile(D.hessian)(**FACTORS)
    assert list(blocks) == list(D.hessian)
    assert all(np.allclose(blocks[pair], e.evaluate(FACTORS)) for pair, e in D.hessian.items())


def test_the_derivative_of_a_vector_is_compiled_with_its_jacobian() -> None:
    one = mc.compile(mc.differentiate("A*x - b", "x", WHERE))
    value, jacobian = one(A=A, x=X, b=B)
    assert value.tolist() == (A @ X - B).tolist()
    assert jacobian.tolist() == A.tolist()
    value, slopes = mc.compile(mc.differentiate("A*x - b", ("x", "b"), WHERE))(A=A, x=X, b=B)
    assert slopes["x"].tolist() == A.tolist()
    assert slopes["b"].tolist() == (-np.eye(3)).tolist()


def test_collections_may_hold_collections_and_take_batches() -> None:
    D = factorization()
    f = mc.compile({"loss": D, "parts": [D.expression, ["tr(S)"]]}, where="S: matrix(p,p)")
    found = f(**FACTORS, S=np.eye(2))
    assert found["parts"] == (found["loss"][0], (2.0,))
    assert set(pickle.loads(pickle.dumps(f))(**FACTORS, S=np.eye(2))["loss"][1]) == {"U", "V"}
    stacks = {name: np.stack([value, 2 * value]) for name, value in FACTORS.items()}
    values, gradients = mc.compile(D, batch=True)(**stacks)
    assert values.shape == (2,)
    assert {name: g.shape for name, g in gradients.items()} == {"U": (2, 4, 1), "V": (2, 3, 1)}


def test_what_is_no_collection_of_formulas_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(mc.MatcalcError, match="at most 20 deep"):
        mc.compile(endless)
    for empty in ({}, [[]], ["x'*x", {}]):
        with pytest.raises(mc.MatcalcError, match="nothing to compile"):
            mc.compile(empty)


# ---- types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize(
    ("formula", "where"),
    [
        ("inv(A)*x + 2*x", "A: matrix(n,n), x: vector(n)"),
        ("A + eye(n)", "A: matrix(n,n)"),
        ("exp(A)*x./3", "A: matrix(n,n), x: vector(n)"),
        ("inv(A)", "A: matrix(n,n)"),
        ("tr(A*A)*x", "A: matrix(n,n), x: vector(n)"),
    ],
)
def test_the_type_of_the_numbers_is_kept(formula: str, where: str, dtype: type[Any]) -> None:
    rng = np.random.default_rng(0)
    values = {"A": rng.uniform(1, 2, (4, 4)) + 4 * np.eye(4), "x": rng.uniform(1, 2, 4)}
    if np.dtype(dtype).kind == "c":
        values = {name: value + 0.5j * value.T for name, value in values.items()}
    f = mc.compile(formula, where=where)
    found = f(**{name: values[name].astype(dtype) for name in f.names})
    assert found.dtype == dtype
    expected = np.asarray(mc.parse(formula, where=where).evaluate(values))
    assert relative_error(found, expected) < (1e-4 if found.dtype.itemsize < 16 and dtype != np.float64 else 1e-12)


def test_a_complex_spd_declaration_does_not_use_cholesky() -> None:
    S = np.array([[2.0, 1j], [1j, 3.0]])
    f = mc.compile("inv(S)*x", where="S: matrix(n,n) spd, x: vector(n)")
    assert np.allclose(S @ f(S=S, x=X), X)


def test_a_function_of_real_numbers_refuses_complex_ones() -> None:
    with pytest.raises(mc.EvaluationError, match="cbrt"):
        mc.compile("cbrt(x)", where="x: vector(n)")(x=X + 1j)


# ---- what goes wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "where", "matrix", "message"),
    [
        ("inv(A)*x", "A: matrix(n,n), x: vector(n)", np.ones((2, 2)), "A is singular"),
        ("inv(A)*x", "A: matrix(n,n) spd, x: vector(n)", np.diag([1.0, -1.0]), "A is not positive definite"),
        ("inv(A + A')*x", "A: matrix(n,n), x: vector(n)", np.zeros((2, 2)), "A \\+ A' is singular"),
        ("inv(A'*A)*x", "A: matrix(m,n), x: vector(n)", np.zeros((3, 2)), "A'\\*A is not positive definite"),
        ("inv(A)*x", "A: matrix(n,n) upper, x: vector(n)", np.diag([1.0, 0.0]), "A is singular"),
        ("inv(A) + x*x'", "A: matrix(n,n), x: vector(n)", np.ones((2, 2)), "A is singular"),
    ],
)
def test_a_factorization_that_fails_names_the_matrix(formula: str, where: str, matrix: Any, message: str) -> None:
    with pytest.raises(mc.FactorizationError, match=message):
        mc.compile(formula, where=where)(A=matrix, x=X)
    with pytest.raises(np.linalg.LinAlgError, match=message):
        mc.compile(formula, where=where)(A=matrix, x=X)


@pytest.mark.parametrize(
    ("formula", "value", "message"),
    [
        ("sum(log(x))", -X, "log of a negative number"),
        ("log(x)", X * 0, "log of 0"),
        ("1 ./ x", X * 0, "division by zero"),
        ("exp(1000*x)", X, "exp is not defined, or too large"),
        ("norm2(1e200*x)", X, "norm2 is not defined, or too large"),
        ("norm2(x)^2", np.array([3e38, 1.0], dtype=np.float32), r"norm2\(x\)\^2 is not finite in float32 arithmetic"),
    ],
)
def test_a_value_that_is_not_finite_is_warned_of(formula: str, value: Any, message: str) -> None:
    f = mc.compile(formula, where="x: vector(n)")
    with pytest.warns(RuntimeWarning, match=message) as caught:
        f(x=value)
    assert [w.filename for w in caught] == [__file__]


def test_a_large_power_of_a_matrix_is_not_called_singular() -> None:
    with pytest.warns(RuntimeWarning, match="a power is too large"):
        mc.compile("A^3", where="A: matrix(n,n)")(A=1e150 * np.eye(2))


def test_a_number_that_is_too_large_for_double_precision_is_refused() -> None:
    with pytest.raises(mc.MatcalcError, match="no code is written for numbers as large as 10"):
        mc.compile("(1e200*x)*(x'*x)^2*1e200", where="x: vector(n)")


def test_a_value_that_is_too_large_for_float32_is_named() -> None:
    f = mc.compile("exp(t)*A", where="A: matrix(n,n), t: scalar")
    with pytest.warns(RuntimeWarning, match=r"exp\(t\) is not finite in float32 arithmetic"):
        f(A=np.eye(2, dtype=np.float32), t=100.0)


def test_a_large_value_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mc.compile("2*x", where="x: vector(n)")(x=1e200 * X).tolist() == [2e200, -2e200]


def test_an_operation_of_numbers_that_fails_is_named() -> None:
    with pytest.raises(mc.EvaluationError, match="division by zero, in 1/t"):
        mc.compile("1/t", where="t: scalar")(t=0.0)
    with pytest.raises(mc.EvaluationError, match=r"a number is too large, in t\^1000"):
        mc.compile("t^1000", where="t: scalar")(t=1e10)
    with pytest.raises(mc.FactorizationError, match=r"SVD did not converge, in pinv\(A\)"):
        mc.compile("pinv(A)", where="A: matrix(m,n)")(A=np.full((2, 2), np.nan))


def test_an_infinite_argument_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mc.compile("sum(x)", where="x: vector(n)")(x=np.array([np.nan, 1.0])))
        assert np.isnan(mc.compile("t^2", where="t: scalar")(t=np.nan))
        assert np.isnan(mc.compile("t^2", where="t: scalar")(t=np.array(np.nan)))


def test_a_function_that_is_not_found_is_an_error() -> None:
    with pytest.raises(mc.EvaluationError, match=r"the square root of a matrix was not found, in sqrtm\(A\)"):
        mc.compile("sqrtm(A)", where="A: matrix(n,n)")(A=np.diag([1.0, -4.0]))


def test_an_index_out_of_range_is_refused() -> None:
    f = mc.compile("x[k]", where="x: vector(n), k: scalar integer")
    assert f(x=np.array([5.0, 7.0]), k=2) == 7
    with pytest.raises(mc.EvaluationError, match="k is declared integer"):
        f(x=np.array([5.0, 7.0]), k=1.5)
    for k in (0, 3):
        with pytest.raises(mc.EvaluationError, match="is no index from 1 to 2"):
            f(x=np.array([5.0, 7.0]), k=k)


# ---- the function as an object -----------------------------------------------------------------------------


def test_it_is_pickled() -> None:
    f = residual()
    again = pickle.loads(pickle.dumps(f))
    assert again.names == f.names
    assert again(2.0, A, X, B) == 24


def test_it_is_run_by_several_threads() -> None:
    f = mc.compile("inv(A)*x", where="A: matrix(n,n), x: vector(n)")
    rng = np.random.default_rng(0)
    errors: list[float] = []

    def work(seed: int) -> None:
        own = np.random.default_rng(seed)
        for _ in range(50):
            M, v = own.standard_normal((20, 20)), own.standard_normal(20)
            errors.append(float(np.linalg.norm(M @ f(A=M, x=v) - v)))

    threads = [threading.Thread(target=work, args=(int(rng.integers(1000)),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 400
    assert max(errors) < 1e-6


def test_nothing_is_compiled_again_for_new_sizes() -> None:
    f = residual()
    source = f.source
    for n in (1, 2, 5):
        assert f(t=1.0, A=np.ones((3, n)), x=np.ones(n), b=np.zeros(3)) == 3 * n**2
    assert f.source == source


def test_the_multiple_of_an_identity_may_be_complex() -> None:
    f = mc.compile("t*eye(n)", where="t: scalar", sizes={"n": 2})
    assert f(t=1 + 2j).tolist() == [[1 + 2j, 0], [0, 1 + 2j]]


@pytest.mark.parametrize(
    ("formula", "size"),
    [
        *(("A'", 3), ("A", 3), ("vec(A)", 3), ("diagonal(A)", 3), ("A[1,:]'", 3), ("A[:,1]", 3)),
        *(("rearrange(A,1,1)", 1), ("K(1,n)*A", 3), ("diagonal(inv(A + eye(n)))", 3)),
    ],
)
def test_results_do_not_share_memory_with_arguments(formula: str, size: int) -> None:
    M = np.arange(float(size**2)).reshape(size, size)
    found = mc.compile(formula, where="A: matrix(n,n)")(A=M)
    assert not np.shares_memory(found, M)
    found[...] = -1
    assert M[0, 0] == 0


@pytest.mark.parametrize("batch", [None, "A", "B"])
def test_results_do_not_share_memory_with_each_other(batch: str | None) -> None:
    where = "A, B: matrix(n,n), x: vector(n)"
    formulas = ["A*B", "B'*A'", "A*B", "vec(A*B)", "A*x", "x'*A'", "diagonal(A.*B)", "A.*B", "B'", "B"]
    shape = (3, 3)
    arrays = {name: np.ones(shape if name != batch else (2, *shape)) for name in "AB"}
    found = mc.compile(formulas, where=where, batch=batch)(**arrays, x=np.ones(3))
    assert not any(np.shares_memory(a, b) for a, b in combinations([*found, *arrays.values()], 2))
    assert all(a.flags.writeable for a in found)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(mc.MatcalcError, match="there is no backend 'fortran'"):
        mc.compile("x'*x", backend="fortran")
    with pytest.raises(mc.MatcalcError, match="nothing to compile"):
        mc.compile([])


@pytest.mark.parametrize(
    "text", ["duplication(n)*vech(S)", "elimination(n)*vec(S)", "duplication(n)'*kron(S,S)*duplication(n)"]
)
def test_duplication_and_elimination(text: str) -> None:
    e = mc.parse(text, where="S: matrix(n,n) symmetric")
    S = np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 5.0], [4.0, 5.0, 6.0]])
    found = mc.compile(e)(S=S)
    assert np.allclose(found, np.reshape(e.evaluate({"S": S}), found.shape))


# ---- sums over an index ------------------------------------------------------------------------------------

SUMS = "A, B: matrix(n,n), x: vector(n), p: scalar integer"


@pytest.mark.parametrize(
    "text",
    [
        "sum(i, 1, n, x[i]*logdet(A + x[i]*B))",
        "sum(i, 1, n, sum(j, 1, i, 2^(-j)*exp(x[i]*x[j])*inv(A + i*B)*x))",
        "sum(i, 0, p, tr(A^i*B))",
        "sum(i, 1, p - 4, inv(A + i*B))",
    ],
)
def test_sums_over_an_index_are_computed_as_evaluate_does(text: str) -> None:
    f = mc.parse(text, where=SUMS)
    rng = np.random.default_rng(0)
    point = {"A": rng.random((4, 4)) + 4 * np.eye(4), "B": rng.random((4, 4)), "x": rng.random(4), "p": 3.0}
    for answer in (f, mc.gradient(f, "A") if f.is_scalar else mc.jacobian(f, "A")):
        values = {name: point[name] for name in answer.variables}
        assert relative_error(mc.compile(answer)(**values) + 1, np.asarray(answer.evaluate(values)) + 1) < CLOSE


def test_the_terms_of_a_sum_are_counted_and_bounded() -> None:
    f = mc.compile("sum(i, 1, p, logdet(A + i*B))", where=SUMS)
    assert isinstance(f, mc.CompiledFunction)
    assert {s.name for s in f.flops.free_symbols} == {"n", "p"}
    with pytest.raises(mc.EvaluationError, match="more than 100,000 terms"):
        f(A=np.eye(2), B=np.eye(2), p=1e6)


@pytest.mark.parametrize("p", [0, 1, 3])
def test_what_a_sum_without_terms_does_not_make_is_not_let_go_of(p: int) -> None:
    formulas = [
        "sum(i, 1, p, inv(A + i*B)*x + sum(j, 1, i - 1, inv(A + i*B)*inv(B + j*A)*A*inv(B + j*A)*x))",
        "kron(A*B*A, A)*vec(A*B*A)",
    ]
    point = {"A": np.array([[4.0, 1.0], [2.0, 5.0]]), "B": np.eye(2), "x": np.array([1.0, 2.0]), "p": p}
    compiled = mc.compile(formulas, where=SUMS)
    assert compiled.source.count("        del ") == 2  # once for each pass through the loops
    for found, text in zip(compiled(**point), formulas, strict=True):
        e = mc.parse(text, where=SUMS)
        expected = np.asarray(e.evaluate({name: point[name] for name in e.variables})).reshape(-1)
        assert relative_error(found + 1, expected + 1) < CLOSE


def test_sums_over_an_index_are_computed_for_batches() -> None:
    f = mc.parse("sum(i, 1, n, x[i]*logdet(A + x[i]*B))", where=SUMS)
    rng = np.random.default_rng(1)
    A, B, x = rng.random((4, 4)) + 4 * np.eye(4), rng.random((4, 4)), rng.random((5, 4))
    for answer in (f, mc.gradient(f, "A"), mc.gradient(f, "x")):
        one = mc.compile(answer)
        found = mc.compile(answer, batch="x")(A=A, B=B, x=x)
        assert relative_error(found, np.array([one(A=A, B=B, x=item) for item in x])) < CLOSE


def test_several_formulas_are_a_list() -> None:
    with pytest.raises(mc.MatcalcError, match="several formulas are given as a list") as caught:
        mc.compile("x'*x", "norm2(x)")
    assert "mc.compile([f, g])" in caught.value.hint
