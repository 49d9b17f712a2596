"""Structured matrices: what is seen of expressions, held to NumPy's values of the text; contradicting declarations."""

from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.sampling import Sampler
from matcalc.signs import NONNEGATIVE, POSITIVE, definiteness
from matcalc.structures import DIAGONAL, LOWER, UPPER, has_property, triangles

WHERE = (
    "S, T: matrix(n,n) symmetric, K, J: matrix(n,n) skew, L, M: matrix(n,n) lower, U: matrix(n,n) upper,"
    " D, E: matrix(n,n) diagonal, P: matrix(n,n) spd, Q, R: matrix(n,n) orthogonal, V: matrix(m,n) orthogonal,"
    " X: matrix(m,n) unit, x: vector(n) unit, y, z: vector(n), A, B: matrix(n,n), C: matrix(n,p)"
)
NAMES = {v.name: v for v in mc.variables(WHERE)}
SIZES = {"m": 5, "n": 3, "p": 2}
VALUES = {name: Sampler(7).value(v, SIZES) for name, v in NAMES.items()}
VALUES |= {name: Sampler(8).value(NAMES[name], SIZES) for name in "TJMERBz"}
TOLERANCE = 1e-12  # products of some ten numbers near one, in double precision

# What is typed, what it is simplified to, and its value with NumPy alone, where no normal form can hide a mistake.
SIMPLER: list[tuple[str, str, Any]] = [
    ("(S*T*S)'", "S*T*S", lambda v: (v["S"] @ v["T"] @ v["S"]).T),
    ("(S.*T)'", "S.*T", lambda v: (v["S"] * v["T"]).T),
    ("(K.*S)'", "-K.*S", lambda v: (v["K"] * v["S"]).T),
    ("(K.*J)'", "J.*K", lambda v: (v["K"] * v["J"]).T),
    ("exp(S)'", "exp(S)", lambda v: np.exp(v["S"]).T),
    ("tril(A)'", "triu(A')", lambda v: np.tril(v["A"]).T),
    ("y'*K*y", "0", lambda v: v["y"].T @ v["K"] @ v["y"]),
    ("tr(K*S)", "0", lambda v: np.trace(v["K"] @ v["S"])),
    ("sum(K)", "0", lambda v: v["K"].sum()),
    ("diag(K)", "zeros(n)", lambda v: np.diag(v["K"])[:, None]),
    ("y'*K*S*K*z - z'*K*S*K*y", "0", lambda v: v["y"].T @ v["K"] @ v["S"] @ v["K"] @ v["z"] * 0),
    ("tril(L*M)", "L*M", lambda v: np.tril(v["L"] @ v["M"])),
    ("tril(inv(L))", "inv(L)", lambda v: np.tril(np.linalg.inv(v["L"]))),
    ("triu(L')", "L'", lambda v: np.triu(v["L"].T)),
    ("triu(L)", "diag(diag(L))", lambda v: np.triu(v["L"])),
    ("diag(L*M)", "diag(L).*diag(M)", lambda v: np.diag(v["L"] @ v["M"])[:, None]),
    ("diag(inv(U))", "1./diag(U)", lambda v: np.diag(np.linalg.inv(v["U"]))[:, None]),
    ("diag(tril(A))", "diag(A)", lambda v: np.diag(np.tril(v["A"]))[:, None]),
    ("D*E*inv(D)", "E", lambda v: v["D"] @ v["E"] @ np.linalg.inv(v["D"])),
    ("D*E*A*D*E", "E*D*A*E*D", lambda v: v["E"] @ v["D"] @ v["A"] @ v["E"] @ v["D"]),
    ("diag(D*A*E)", "diag(A).*diag(D).*diag(E)", lambda v: np.diag(v["D"] @ v["A"] @ v["E"])[:, None]),
    ("norm2(V*C)", "norm2(C)", lambda v: np.linalg.norm(v["V"] @ v["C"])),
    ("norm2(2*Q*A*R')", "norm2(2*A)", lambda v: np.linalg.norm(2 * v["Q"] @ v["A"] @ v["R"].T)),
    ("norm2(V)", "sqrt(n)", lambda v: np.linalg.norm(v["V"])),
    ("norm2(X)^2", "n", lambda v: np.linalg.norm(v["X"]) ** 2),
    ("diag(X'*X)", "ones(n)", lambda v: np.diag(v["X"].T @ v["X"])[:, None]),
    ("det(Q'*A*Q)", "det(A)", lambda v: np.linalg.det(v["Q"].T @ v["A"] @ v["Q"])),
    ("det(inv(B)*A*B)", "det(A)", lambda v: np.linalg.det(np.linalg.inv(v["B"]) @ v["A"] @ v["B"])),
    ("det(Q)^2", "1", lambda v: np.linalg.det(v["Q"]) ** 2),
    ("adj(Q)", "det(Q)*Q'", lambda v: np.linalg.det(v["Q"]) * np.linalg.inv(v["Q"])),
    ("logdet(Q'*P*Q)", "logdet(P)", lambda v: np.linalg.slogdet(v["Q"].T @ v["P"] @ v["Q"])[1]),
    ("vech(A)", "vech(A)", lambda v: np.concatenate([v["A"][j:, j] for j in range(3)])[:, None]),
    ("elimination(n)*vec(A)", "vech(A)", lambda v: np.concatenate([v["A"][j:, j] for j in range(3)])[:, None]),
    ("duplication(n)*vech(S)", "vec(S)", lambda v: v["S"].reshape(-1, 1, order="F")),
    ("K(n,n)*duplication(n)*vech(A)", "duplication(n)*vech(A)", lambda v: _doubled(v["A"])),
    (
        "elimination(n)*duplication(n)*vech(A)",
        "vech(A)",
        lambda v: np.concatenate([v["A"][j:, j] for j in range(3)])[:, None],
    ),
]


def _doubled(A: Any) -> Any:
    """vec of the symmetric matrix with the lower triangle of A."""
    return (np.tril(A) + np.tril(A, -1).T).reshape(-1, 1, order="F")


@pytest.mark.parametrize(("typed", "wanted", "value"), SIMPLER, ids=[row[0] for row in SIMPLER])
def test_a_structured_expression_is_simplified_to_the_same_value(typed: str, wanted: str, value: Any) -> None:
    where = WHERE.replace("K, J: matrix(n,n) skew,", "") if typed.startswith("K(") else WHERE
    found = mc.simplify(mc.parse(typed, where=where))
    assert str(found) == wanted
    right = np.asarray(value(VALUES))
    shown = np.asarray(found.evaluate(VALUES, sizes=SIZES)).reshape(right.shape)
    assert np.abs(shown - right).max() <= TOLERANCE * max(1, np.abs(right).max())


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("L*M + inv(L)", LOWER),
        ("L'*U", UPPER),
        ("L*U", 0),
        ("D*diag(y) + eye", DIAGONAL),
        ("A.*D", DIAGONAL),
        ("L.*U", DIAGONAL),
        ("kron(L, M)", LOWER),
        ("expm(U)", UPPER),
        ("exp(U)", 0),
        ("L.^2", LOWER),
        ("L.^-1", 0),
        ("chol(P)'", UPPER),
        ("qr_r(A)", UPPER),
    ],
)
def test_the_triangles_of_an_expression_are_seen(typed: str, wanted: int) -> None:
    assert triangles(mc.parse(typed, where=WHERE)) == wanted


@pytest.mark.parametrize(
    ("typed", "word", "wanted"),
    [
        ("A + A'", "symmetric", True),
        ("A*S*A'", "symmetric", True),
        ("A*S", "symmetric", False),
        ("A - A'", "skew", True),
        ("S*K + K*S", "skew", True),
        ("expm(S)", "symmetric", True),
        ("Q*R'", "orthogonal", True),
        ("V'", "orthogonal", False),
        ("2*Q", "orthogonal", False),
        ("eigvecs(S)", "orthogonal", True),
        ("inv(D)", "diagonal", True),
    ],
)
def test_the_properties_of_an_expression_are_seen(typed: str, word: str, wanted: bool) -> None:
    assert has_property(mc.parse(typed, where=WHERE), word) is wanted


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("P + A'*A", POSITIVE),
        ("A'*P*A", NONNEGATIVE),
        ("Q'*P*Q", POSITIVE),
        ("V*P*V'", NONNEGATIVE),
        ("inv(P)", POSITIVE),
        ("P.*P", POSITIVE),
        ("S^2", NONNEGATIVE),
        ("K^2", 0),
        ("K'*K", NONNEGATIVE),
        ("-P", 0),
        ("P - eye", 0),
        ("S", 0),
        ("expm(S)", POSITIVE),
        ("diag(exp(y))", POSITIVE),
        ("diag(y)", 0),
        ("norm2(y)*eye(n)", NONNEGATIVE),
    ],
)
def test_definite_matrices_are_seen(typed: str, wanted: int) -> None:
    A = mc.parse(typed, where=WHERE)
    assert definiteness(A) == wanted
    if wanted:
        smallest = np.linalg.eigvalsh(A.evaluate(VALUES, sizes=SIZES)).min()
        assert smallest > (0.0 if wanted == POSITIVE else -TOLERANCE)


@pytest.mark.parametrize(
    ("f", "x", "where", "differential"),
    [
        ("x'*x*a", "x", "x: vector(n) unit, a: scalar", "0"),
        ("norm2(x - c)^2", "x", "x: vector(n) unit, c: vector(n)", "-2*c'*dx"),
        ("x'*(x + c)", "x", "x: vector(n) unit, c: vector(n)", "c'*dx"),
        ("norm2(X - B)^2", "X", "X: matrix(m,n) unit, B: matrix(m,n)", "-2*tr(B'*dX)"),
        ("diag(X'*X)", "X", "X: matrix(m,n) unit", "zeros(n)"),
        ("norm2(Q - B)^2", "Q", "Q: matrix(m,n) orthogonal, B: matrix(m,n)", "-2*tr(B'*dQ)"),
        ("norm2(Q*A - B)^2", "Q", "Q: matrix(m,n) orthogonal, A: matrix(n,p), B: matrix(m,p)", "-2*tr(A*B'*dQ)"),
        ("det(Q)", "Q", "Q: matrix(n,n) orthogonal", "0"),
    ],
)
def test_what_is_zero_for_tangents_is_left_out(f: str, x: str, where: str, differential: str) -> None:
    D = mc.differentiate(f, x, where=where)
    assert str(D.differential) == differential
    assert D.verify(seed=1).passed


def test_the_differential_on_a_curved_domain_is_refuted_where_it_is_wrong() -> None:
    where = "x: vector(n) unit, c: vector(n)"
    assert mc.verify("norm2(x - c)^2", "x", claim="-2*c'*dx", where=where, seed=1).passed
    assert mc.verify("norm2(x - c)^2", "x", claim="2*c'*dx", where=where, seed=1).verdict == "refuted"
    assert mc.verify("norm2(x - c)^2", "x", claim="-2*c", where=where, seed=1).verdict == "refuted"  # not tangent


def test_x_dx_is_zero_on_the_sphere_and_not_elsewhere() -> None:
    for word, verdict in (("unit", "verified"), ("", "refuted")):
        where = f"x: vector(n) {word}, c: vector(n)"
        assert mc.verify("c'*x", "x", claim="c'*dx + 3*x'*dx", where=where, seed=1).verdict == verdict


def test_q_dq_is_skew_for_orthogonal_matrices() -> None:
    where = "Q: matrix(m,n) orthogonal, B: matrix(m,n)"
    symmetric = "tr(B'*dQ) + tr((B'*Q + Q'*B)*Q'*dQ)"
    assert mc.verify("tr(B'*Q)", "Q", claim=symmetric, where=where, seed=1).passed
    assert mc.verify("tr(B'*Q)", "Q", claim=symmetric.replace("+ Q'*B", ""), where=where, seed=1).verdict == "refuted"


def test_the_stationary_points_on_the_sphere_are_eigenvectors() -> None:
    where = "x: vector(n) unit, A: matrix(n,n) symmetric"
    g = mc.gradient("x'*A*x/2", "x", where=where)
    A = VALUES["S"]
    for q in np.linalg.eigh(A)[1].T:
        assert np.abs(g.evaluate({"A": A, "x": q})).max() < TOLERANCE
    assert np.abs(g.evaluate({"A": A, "x": VALUES["x"][:, 0]})).max() > 1e-3


def test_the_derivation_ends_with_what_is_zero_for_tangents() -> None:
    D = mc.differentiate("norm2(x - c)^2", "x", where="x: vector(n) unit, c: vector(n)")
    lines = [str(step) for step in D.derivation]
    assert lines[-5].startswith("d(norm2(x - c)^2) = 2*(x - c)'*dx ")
    assert lines[-4] == "d(norm2(x - c)^2) = -2*c'*dx    [tangents; x'*dx is 0]"
    assert lines[-2].startswith("d(norm2(x - c)^2) = dot(2*(c'*x*x - c), dx)    [projection")
