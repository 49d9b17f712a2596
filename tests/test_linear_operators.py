"""Derivatives at numbers as linear operators, against the matrices and products that `evaluate` computes."""

import pickle
from typing import Any

import numpy as np
import pytest
from test_corpus import CASES, Case, draws

import matcalc as mc
from matcalc.linear_operators import LinearOperator

every_case = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])

CLOSE = 1e-9


def operator_of(case: Case) -> tuple[mc.Derivative, LinearOperator, dict[str, Any]]:
    D = mc.differentiate(case["expr"], case["wrt"], case["where"])
    inputs, _ = next(draws(case))
    compiled = mc.linear_operator(case["expr"], case["wrt"], where=case["where"])
    values = {name: inputs[name] for name in compiled.names}
    return D, compiled(**values), values


def direction_like(D: mc.Derivative, shape: tuple[int, ...]) -> Any:
    v = np.random.default_rng(7).standard_normal(shape)
    words = D.variables[0].properties
    if words & {"symmetric", "spd"}:
        v = v + v.T
    if "skew" in words:
        v = v - v.T
    for word, part in {"diagonal": lambda v: np.diag(np.diag(v)), "lower": np.tril, "upper": np.triu}.items():
        v = part(v) if word in words and v.ndim == 2 else v
    return v


def close(found: Any, expected: Any) -> bool:
    found, expected = np.ravel(found, order="F"), np.ravel(expected, order="F")
    return bool(np.linalg.norm(found - expected) <= CLOSE * (np.linalg.norm(expected) + 1e-12))


@every_case
def test_products_are_those_of_the_matrix(case: Case) -> None:
    D, A, values = operator_of(case)
    x = D.variables[0]
    if x.properties & {"unit", "orthogonal"}:
        pytest.skip("the matrix acts on the tangent space only")
    v = direction_like(D, np.shape(values[x.name]) if not x.is_scalar else ())
    matrix = A.full()
    assert matrix.shape == A.shape
    assert close(A @ v, matrix @ np.ravel(v, order="F"))
    assert close(A @ np.ravel(v, order="F"), A @ v)
    w = np.random.default_rng(8).standard_normal(A.shape[0])
    if not x.properties & {"symmetric", "spd", "skew", "diagonal", "lower", "upper"}:
        assert close(A.T @ w, matrix.T @ w)


@every_case
def test_solve_undoes_the_product(case: Case) -> None:
    D, A, values = operator_of(case)
    x = D.variables[0]
    if A.shape[0] != A.shape[1] or np.linalg.cond(A.full()) > 1e6:
        pytest.skip("there is no inverse to speak of")
    if x.properties & {"symmetric", "spd", "diagonal", "lower", "upper"} and not D.expression.is_scalar:
        with pytest.raises(mc.NotDifferentiable, match="need not be"):
            A.solve(np.zeros(A.shape[0]))
        return
    v = direction_like(D, np.shape(values[x.name]) if not x.is_scalar else ())
    found = A.solve(A @ v)
    assert np.linalg.norm(np.ravel(found, order="F") - np.ravel(v, order="F")) <= 1e-7 * np.linalg.norm(v)


FACTORS = "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)"


def factorization(m: int = 4, n: int = 5, k: int = 2) -> tuple[LinearOperator, dict[str, Any]]:
    rng = np.random.default_rng(0)
    values = {"U": rng.standard_normal((m, k)), "V": rng.standard_normal((n, k)), "T": rng.standard_normal((m, n))}
    return mc.linear_operator("norm2(U*V' - T)^2", "U", where=FACTORS)(**values), values


def test_the_structure_is_kept() -> None:
    """A matrix of 4·10¹⁰ entries is applied and solved without one of its size."""
    H, values = factorization(10_000, 40, 20)
    assert H.shape == (200_000, 200_000)
    V = values["V"]
    v = np.random.default_rng(1).standard_normal((10_000, 20))
    assert np.allclose(H @ v, 2 * v @ (V.T @ V))
    assert np.allclose(H.solve(H @ v), v)


def test_what_does_not_depend_on_the_direction_is_done_once() -> None:
    H = mc.linear_operator("norm2(U*V' - T)^2", "U", where=FACTORS)
    once, always = (str(f) for f in H.flops)
    assert (once, always) == ("2*k**2*n", "2*k**2*m + k*m")
    inverse = mc.linear_operator("y'*inv(K)*y", "K", where="K: matrix(n,n) spd, y: vector(n)")
    assert "n**3/3" in str(inverse.flops[0])


def test_the_solution_in_a_space_of_structured_matrices() -> None:
    rng = np.random.default_rng(2)
    A = rng.standard_normal((4, 4))
    S = A @ A.T + 4 * np.eye(4)
    H = mc.linear_operator("-logdet(S)", "S", where="S: matrix(n,n) spd")(S=S)
    B = A + A.T
    assert np.allclose(H.solve(B), S @ B @ S)
    assert np.allclose(H @ H.solve(B), B)


def test_directions_of_every_kind() -> None:
    H, _ = factorization()
    v = np.random.default_rng(3).standard_normal((4, 2))
    flat = v.ravel(order="F")
    assert (H @ v).shape == (4, 2)
    assert (H @ flat).shape == (8,)
    columns = H @ np.column_stack([flat, 2 * flat])
    assert np.allclose(columns, np.column_stack([H @ flat, 2 * (H @ flat)]))
    assert np.allclose(H @ (v + 2j * v), (1 + 2j) * (H @ v))
    assert np.allclose(np.column_stack([H @ e for e in np.eye(8)]), H.full())
    assert H.T is H
    with pytest.raises(mc.ShapeError, match=r"a direction of shape \(3,\) is given to an operator of shape \(8, 8\)"):
        H @ np.zeros(3)
    with pytest.raises(mc.EvaluationError, match="array of numbers"):
        H @ ["a"] * 8


def test_functions_of_a_scalar() -> None:
    J = mc.linear_operator("expm(t*A)*x", "t", where="A: matrix(n,n), x: vector(n), t: scalar")
    A, x = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 0.0])
    at = J(A=A, x=x, t=0.0)
    assert at.shape == (2, 1)
    assert np.allclose(at @ 2.0, 2 * A @ x)
    H = mc.linear_operator("exp(2*s)", "s", where="s: scalar")(s=0.0)
    assert pytest.approx(12) == H @ 3.0
    assert H.solve(12.0) == pytest.approx(3)
    assert H.full().tolist() == [[4.0]]


def test_types_of_numbers_are_kept() -> None:
    H = mc.linear_operator("norm2(A*x - b)^2", "x", where="A: matrix(m,n), x: vector(n), b: vector(m)")
    rng = np.random.default_rng(4)
    for dtype in (np.float32, np.float64, np.complex64, np.complex128):
        at = H(A=rng.standard_normal((4, 3)).astype(dtype), x=np.ones(3, dtype), b=np.ones(4, dtype))
        assert at.dtype == dtype
        assert (at @ np.ones(3)).dtype == dtype


def test_what_is_returned_may_be_changed() -> None:
    for formula, x in (("x'*A*x", "x"), ("A*x", "x"), ("c'*x", "x")):
        operator = mc.linear_operator(formula, x, where="A: matrix(n,n), c: vector(n)")
        values = {"A": np.eye(3), "x": np.ones(3), "c": np.ones(3)}
        at = operator(**{name: values[name] for name in operator.names})
        for _ in range(2):
            found = at @ np.array([1.0, 2.0, 3.0]) if len(operator.names) == 2 else None
            if isinstance(found, np.ndarray):
                kept = found.copy()
                found += 100
                assert np.array_equal(at @ np.array([1.0, 2.0, 3.0]), kept)


def test_refusals() -> None:
    with pytest.raises(mc.ShapeError, match="is not square"):
        mc.linear_operator("A*x", "x", where="A: matrix(m,n), x: vector(n)")(np.ones((3, 2)), np.ones(2)).solve(
            np.ones(3)
        )
    with pytest.raises(mc.NotDifferentiable, match="x is unit"):
        mc.linear_operator("x'*A*x", "x", where="A: matrix(n,n), x: vector(n) unit")(
            x=np.array([1.0, 0.0]), A=np.eye(2)
        ).solve(np.ones(2))
    with pytest.raises(mc.FactorizationError, match="singular"):
        mc.linear_operator("x'*A*x", "x", where="A: matrix(n,n), x: vector(n)")(x=np.ones(2), A=np.zeros((2, 2))).solve(
            np.ones(2)
        )
    with pytest.raises(mc.EvaluationError, match="A has no value"):
        mc.linear_operator("x'*A*x", "x", where="A: matrix(n,n), x: vector(n)")(x=np.ones(2))


def test_operators_are_pickled() -> None:
    H, values = factorization()
    again = pickle.loads(pickle.dumps(H))
    assert np.array_equal(again @ values["U"], H @ values["U"])
    assert repr(again) == "<2*kron(V'*V, eye(m)) of shape (8, 8)>"
    J = mc.linear_operator("A*x", "x", where="A: matrix(m,n), x: vector(n)")(A=np.ones((3, 2)), x=np.ones(2)).T
    assert np.array_equal(pickle.loads(pickle.dumps(J)) @ np.ones(3), J @ np.ones(3))


def test_scipy_takes_operators() -> None:
    linalg = pytest.importorskip("scipy.sparse.linalg")
    H, values = factorization()
    operator = linalg.aslinearoperator(H)
    b = H @ values["U"].ravel(order="F")
    found, status = linalg.cg(operator, b, rtol=1e-12)
    assert status == 0
    assert np.allclose(found, values["U"].ravel(order="F"))
    J = mc.linear_operator("A*x", "x", where="A: matrix(m,n), x: vector(n)")(
        A=np.arange(6.0).reshape(3, 2), x=np.ones(2)
    )
    assert np.allclose(linalg.aslinearoperator(J).rmatvec(np.ones(3)), np.arange(6.0).reshape(3, 2).sum(0))
    optimize = pytest.importorskip("scipy.optimize")
    p = mc.problem("norm2(U*V' - T)^2", "U", where=FACTORS, data={"V": values["V"], "T": values["T"]})
    start = np.random.default_rng(5).standard_normal(8)
    least = optimize.minimize(
        p.fun, start, jac=p.jac, hess=lambda x: linalg.aslinearoperator(p.hess_operator(x)), method="trust-constr"
    )
    assert np.linalg.norm(p.jac(least.x)) < 1e-4


@pytest.mark.parametrize(
    ("formula", "variable", "shape"),
    [("A*X*B", "X", (1, 3)), ("A*X*B", "X", (2, 1)), ("u*u'", "X", (1, 1)), ("norm2(A*X)^2", "X", (1, 3))],
)
def test_matrices_of_one_row_or_column_are_matrices(formula: str, variable: str, shape: tuple[int, int]) -> None:
    m, n = shape
    rng = np.random.default_rng(0)
    values = {"A": rng.standard_normal((2, m)), "B": rng.standard_normal((n, 2)), "X": rng.standard_normal(shape)}
    values["u"] = np.ones(1)
    H = mc.linear_operator(formula, variable, where="A: matrix(2,m), B: matrix(n,2), X: matrix(m,n), u: vector(k)")
    at = H(**{name: values[name] for name in H.names})
    v, w = rng.standard_normal(shape), rng.standard_normal(at.shape[0])
    assert close(at @ v, at.full() @ np.ravel(v, order="F"))
    assert close(at.T @ w, at.full().T @ w)


def test_the_adjoint_of_a_derivative_in_a_number_is_a_row() -> None:
    at = mc.linear_operator("s^2*x", "s", where="s: scalar, x: vector(n)")(s=2.0, x=[1.0, 2.0])
    assert at.full().tolist() == [[4.0], [8.0]]
    assert at.T.full().tolist() == [[4.0, 8.0]]


def test_sizes_that_only_the_declarations_show() -> None:
    A = np.eye(3)
    at = mc.linear_operator("s*eye(n)", "s", where="s: scalar, A: matrix(n,n)")(s=2.0, A=A)
    assert (at @ 1.0).tolist() == A.tolist()
    assert at.full().shape == (9, 1)
    without = mc.linear_operator("x'*x", "y", where="x: vector(m), y: vector(n)")(x=[1.0], y=[1.0, 2.0])
    assert without.full().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert (without @ [1.0, 2.0]).tolist() == [0.0, 0.0]
    with pytest.raises(mc.FactorizationError, match="singular"):
        mc.linear_operator("x'*x", "s", where="x: vector(m), s: scalar")(x=[1.0], s=1.0).solve(1.0)


# ---- several variables -------------------------------------------------------------------------------------


def joint(m: int = 4, n: int = 5, k: int = 2, **options: Any) -> tuple[LinearOperator, dict[str, Any]]:
    _, values = factorization(m, n, k)
    f = "norm2(U*V' - T)^2 + norm2(U)^2 + norm2(V)^2"
    return mc.linear_operator(f, ("U", "V"), where=FACTORS, **options)(**values), values


def test_the_hessian_in_several_variables_acts_on_the_joined_space() -> None:
    H, values = joint()
    blocks = mc.hessian("norm2(U*V' - T)^2 + norm2(U)^2 + norm2(V)^2", ("U", "V"), FACTORS)
    matrix = np.block([[blocks[x, y].evaluate(values) for y in "UV"] for x in "UV"])
    z = np.random.default_rng(1).standard_normal(18)
    assert H.shape == (18, 18)
    assert close(H.full(), matrix)
    assert close(H @ z, matrix @ z)
    assert close(H.T @ z, matrix @ z)
    assert close(H @ (z + 1j * z), (1 + 1j) * (matrix @ z))
    assert close(H @ np.column_stack([z, 2 * z]), np.column_stack([matrix @ z, 2 * (matrix @ z)]))
    assert close(H.solve(H @ z), z)
    assert close(pickle.loads(pickle.dumps(H)) @ z, matrix @ z)


def test_directions_by_name_give_values_by_name() -> None:
    H, values = joint()
    z = np.concatenate([values[name].ravel(order="F") for name in "UV"])
    found = H @ {"V": values["V"], "U": values["U"]}
    assert list(found) == ["U", "V"]
    assert found["V"].shape == (5, 2)
    assert close(np.concatenate([found[name].ravel(order="F") for name in "UV"]), H @ z)
    solved = H.solve(found)
    assert all(np.allclose(solved[name], values[name]) for name in "UV")
    for parts, message in (
        ({"U": values["U"]}, "directions are given for U"),
        ({"U": values["U"], "V": values["V"].T}, "a direction for V is of shape"),
        ({"U": values["U"], "W": values["V"]}, "directions are given for U, W"),
        ({"U": values["U"], "V": [[1.0], [1.0, 2.0]]}, "the rows of V differ in length"),
    ):
        with pytest.raises(mc.MatcalcError, match=message):
            H @ parts
    with pytest.raises(mc.ShapeError, match=r"a direction of shape \(4, 2\)"):
        H @ values["U"]


def test_matrices_of_one_row_are_matrices_as_they_are_declared() -> None:
    X, A = np.ones((1, 3)), np.array([[2.0]])
    at = mc.linear_operator("A*X", "X", where="A: matrix(m,m), X: matrix(m,n)")(A=A, X=X)
    both = mc.linear_operator("norm2(A*X)^2*t", ("X", "t"), where="A: matrix(m,m), X: matrix(m,n), t: scalar")(
        A=A, X=X, t=1
    )
    for found in (at @ {"X": X}, at.T @ {"X": X}, at.solve({"X": 4 * X}), (both @ {"X": X / 4, "t": 0.0})["X"]):
        assert found.tolist() == [[2.0, 2.0, 2.0]]
    assert (at @ np.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_the_product_takes_the_order_that_is_best_for_typical_sizes() -> None:
    H, _ = joint(sizes="m >> k, n >> k")
    plain, _ = joint()
    m, n, k = (next(s for s in H.formula.flops[1].free_symbols if s.name == name) for name in "mnk")
    assert H.formula.flops[1].coeff(m * n * k) == 4
    assert plain.formula.flops[1].coeff(m * n * k) == 12
    z = np.random.default_rng(1).standard_normal(18)
    assert close(H @ z, plain @ z)


def test_jacobians_in_several_variables_stand_side_by_side() -> None:
    rng = np.random.default_rng(5)
    values = {"A": rng.standard_normal((4, 3)), "x": rng.standard_normal(3), "b": rng.standard_normal(4), "t": 2.0}
    where = "A: matrix(m,n), x: vector(n), b: vector(m), t: scalar"
    J = mc.linear_operator("A*x + t^2*b", ("x", "t"), where=where)(**values)
    matrix = np.column_stack([values["A"], 4 * values["b"]])
    z = rng.standard_normal(4)
    assert close(J.full(), matrix)
    assert close(J @ z, matrix @ z)
    assert close(J.T @ z, matrix.T @ z)
    assert close(J @ {"x": z[:3], "t": z[3]}, matrix @ z)
    square = mc.linear_operator("S*x + 2*y", ("x", "y"), where="S: matrix(n,2*n), x: vector(2*n), y: vector(n)")
    assert square(S=np.ones((1, 2)), x=np.ones(2), y=np.ones(1)).shape == (1, 3)


def test_a_variable_that_is_named_twice_is_one() -> None:
    H = mc.linear_operator("x'*A*x", ["x", "x"])(A=np.eye(2), x=[1, 2])
    assert (H @ [1.0, 2.0]).tolist() == [2, 4]


def test_the_joint_solution_keeps_the_structure_of_each_part() -> None:
    where = "S: matrix(n,n) spd, x: vector(n)"
    H = mc.linear_operator("-logdet(S) + x'*S*x/9 + x'*x", ("S", "x"), where=where)(S=2 * np.eye(2), x=[0.1, 0.2])
    b = {"S": np.array([[1.0, 2.0], [2.0, 3.0]]), "x": np.array([4.0, 5.0])}
    v = H.solve(b)
    assert np.allclose(v["S"], v["S"].T)
    again = H @ v
    assert np.allclose(again["S"], b["S"])
    assert np.allclose(again["x"], b["x"])
    with pytest.raises(mc.NotDifferentiable, match="u is unit"):
        mc.linear_operator("u'*v", ("u", "v"), where="u: vector(n) unit")(u=[1, 0], v=[1, 1]).solve(np.ones(4))
