"""Checks of NumPy functions: right derivatives are verified or left open, never refuted; wrong ones never verified."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import matcalc as mc
from matcalc.function_slopes import steady_slope
from matcalc.precise_numbers import allowance, decimals, precise_array

RNG = np.random.default_rng(20_230_101)
A, B, C = (RNG.standard_normal((3, 3)) for _ in range(3))
W = RNG.standard_normal((4, 3))
S = A @ A.T + np.eye(3)
x, y = np.array([1.0, -2.0, 3.0]), np.array([0.4, 0.3, -0.2])
BIG = RNG.standard_normal((30, 30))
inv, log, exp = np.linalg.inv, np.log, np.exp
kron, eye = np.kron, np.eye(3)


def symmetric(X: Any, V: Any) -> Any:
    """The projection onto symmetric matrices."""
    return (V + V.T) / 2


def on_sphere(u: Any, v: Any) -> Any:
    """The projection onto the tangents of the unit sphere."""
    return v - u * (u @ v)


def rounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which takes floats only: sixty digits cannot be had."""
    return lambda *arguments: np.asarray(function(*(np.asarray(a, dtype=float) for a in arguments)), dtype=float)


# name: f, df, point, kind
RIGHT: dict[str, tuple[Any, Any, Any, str]] = {
    "d(x'x) = 2x'dx": (lambda x: x @ x, lambda x, dx: 2 * x @ dx, x, "differential"),
    "∇(x'x) = 2x": (lambda x: x @ x, lambda x: 2 * x, x, "gradient"),
    "∇(1e8 + x'x) = 2x": (lambda x: 1e8 + x @ x, lambda x: 2 * x, x, "gradient"),
    "∇(1e-9 x'x) = 2e-9 x": (lambda x: 1e-9 * (x @ x), lambda x: 2e-9 * x, x, "gradient"),
    "∇(x'Ax) = (A + A')x": (lambda x: x @ A @ x, lambda x: (A + A.T) @ x, x, "gradient"),
    "sin(1000 s)' = 1000 cos(1000 s)": (lambda s: np.sin(1000 * s), lambda s: 1000 * np.cos(1000 * s), 1.3, "gradient"),
    "exp(-1000 s²)'": (lambda s: exp(-1000 * s**2), lambda s: -2000 * s * exp(-1000 * s**2), 0.03, "gradient"),
    "(0.1·s·3)' = 0.3": (lambda s: 0.1 * s * 3, lambda s: 0.3, 1.7, "gradient"),
    "d(A²) = A dA + dA A": (lambda A: A @ A, lambda A, D: A @ D + D @ A, A, "jvp"),
    "d(inv A), entries 1e-6": (inv, lambda A, D: -inv(A) @ D @ inv(A), 1e-6 * A, "jvp"),
    "∇ log det A = inv(A)'": (lambda A: np.linalg.slogdet(A)[1], lambda A: inv(A).T, A, "gradient"),
    "∇ det A = det(A) inv(A)'": (np.linalg.det, lambda A: np.linalg.det(A) * inv(A).T, A, "gradient"),
    "∇ b'inv(A)b": (lambda A: y @ np.linalg.solve(A, y), lambda A: -np.outer(inv(A).T @ y, inv(A) @ y), A, "gradient"),
    "J(A X B) = B' ⊗ A": (lambda X: A @ X @ B, lambda X: kron(B.T, A), C, "jacobian"),
    "J(Wx) = W": (lambda x: W @ x, lambda x: W, x, "jacobian"),
    "J(x'x) = 2x', one row": (lambda x: x @ x, lambda x: 2 * x, x, "jacobian"),
    "vjp of Wx is W'w": (lambda x: W @ x, lambda x, w: W.T @ w, x, "vjp"),
    "vjp of xx' is (w + w')x": (lambda x: np.outer(x, x), lambda x, w: (w + w.T) @ x, x, "vjp"),
    "∇ logsumexp = softmax": (lambda x: log(exp(x).sum()), lambda x: exp(x) / exp(x).sum(), x, "gradient"),
    "∇ ‖x‖ = x/‖x‖": (np.linalg.norm, lambda x: x / np.linalg.norm(x), x, "gradient"),
    "∇ ‖x‖₁ = sign(x)": (lambda x: np.abs(x).sum(), np.sign, x, "gradient"),
    "relu": (lambda x: np.maximum(x, 0).sum(), lambda x: np.where(x > 0, 1.0, 0.0), x, "gradient"),
    "a column, f of shape (1, 1)": (lambda c: c.T @ c, lambda c: 2 * c, x[:, None], "gradient"),
    "30×30: d(A³)": (lambda A: A @ A @ A, lambda A, D: D @ A @ A + A @ D @ A + A @ A @ D, BIG, "jvp"),
    "at a minimum, ∇ = 2A'(Ax - b)": (
        lambda x: ((A @ x - y) ** 2).sum(),
        lambda x: 2 * A.T @ (A @ x - y),
        np.linalg.solve(A, y),
        "gradient",
    ),
    "entries of sizes 1e8 and 1e-8": (
        lambda x: log(x[0]) + log(x[1]),
        lambda x: 1 / x,
        np.array([1e8, 1e-8]),
        "gradient",
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_derivative_is_verified(name: str, seed: int) -> None:
    f, df, at, kind = RIGHT[name]
    report = mc.verify_function(f, df, at, kind=kind, seed=seed)  # type: ignore[arg-type]
    assert report.passed, str(report)
    assert report.reason.endswith("to sixty digits")


# In double precision 1e8 hides the last eight digits of x'x, a minimum all digits of the gradient.
OPEN_IN_FLOATS = {"∇(1e8 + x'x) = 2x", "at a minimum, ∇ = 2A'(Ax - b)"}


@pytest.mark.parametrize("name", RIGHT)
def test_double_precision_alone_does_not_refute_a_right_derivative(name: str) -> None:
    f, df, at, kind = RIGHT[name]
    for seed in range(3):
        report = mc.verify_function(rounded(f), rounded(df), at, kind=kind, seed=seed)  # type: ignore[arg-type]
        assert report.verdict == ("inconclusive" if name in OPEN_IN_FLOATS else "verified"), str(report)
        assert report.passed or "rounding hides the answer" in report.reason


# name: f, wrong df, point, kind, whether double precision alone can tell
WRONG: dict[str, tuple[Any, Any, Any, str, bool]] = {
    "d(A²) ≠ 2A dA": (lambda A: A @ A, lambda A, D: 2 * A @ D, A, "jvp", True),
    "∇(x'x) ≠ 2.00001x": (lambda x: x @ x, lambda x: 2.00001 * x, x, "gradient", True),
    "∇(x'x) ≠ 2.0000001x": (lambda x: x @ x, lambda x: 2.0000001 * x, x, "gradient", False),
    "∇(1e-9 x'x) ≠ 0": (lambda x: 1e-9 * (x @ x), lambda x: 0 * x, x, "gradient", True),
    "∇(1e8 + 1e-9 x'x) ≠ 0": (lambda x: 1e8 + 1e-9 * (x @ x), lambda x: 0 * x, x, "gradient", False),
    "∇(1e8 + x'x) ≠ 2.00002x": (lambda x: 1e8 + x @ x, lambda x: 2.00002 * x, x, "gradient", False),
    "30×30: d(A³) off by 0.5 %": (
        lambda A: A @ A @ A,
        lambda A, D: 1.005 * (D @ A @ A + A @ D @ A + A @ A @ D),
        BIG,
        "jvp",
        True,
    ),
    "d(inv A) without its sign": (inv, lambda A, D: inv(A) @ D @ inv(A), 1e-6 * A, "jvp", True),
    "∇ log det A ≠ inv(A)": (lambda A: np.linalg.slogdet(A)[1], inv, A, "gradient", True),
    "J(A X B) ≠ A ⊗ B'": (lambda X: A @ X @ B, lambda X: kron(A, B.T), C, "jacobian", True),
    "one entry of a Jacobian": (
        lambda x: W @ x,
        lambda x: W + 1e-4 * (np.arange(12) == 7).reshape(4, 3),
        x,
        "jacobian",
        True,
    ),
    "vjp of Wx is not W'w/2": (lambda x: W @ x, lambda x, w: W.T @ w / 2, x, "vjp", True),
    "sin(1000 s)' ≠ cos(1000 s)": (lambda s: np.sin(1000 * s), lambda s: np.cos(1000 * s), 1.3, "gradient", True),
    "the small one of two outputs": (
        lambda x: np.stack([1e10 * x[0] ** 2, 1e-3 * x[1] ** 2]),
        lambda x, dx: np.stack([2e10 * x[0] * dx[0], 1e-3 * x[1] * dx[1]]),
        x,
        "jvp",
        True,
    ),
    "not defined where f is smooth": (lambda x: x @ x, lambda x: 2 * x * log(x) / log(x), x, "gradient", True),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_derivative_is_refuted(name: str, seed: int) -> None:
    f, df, at, kind, in_floats = WRONG[name]
    report = mc.verify_function(f, df, at, kind=kind, seed=seed)  # type: ignore[arg-type]
    assert report.verdict == "refuted", str(report)
    floats = mc.verify_function(rounded(f), rounded(df), at, kind=kind, seed=seed)  # type: ignore[arg-type]
    assert floats.verdict == ("refuted" if in_floats else "inconclusive"), str(floats)


def test_a_drawn_point_shows_what_one_point_hides() -> None:
    # at S = S' the gradient of x'Sx is 2Sx, elsewhere it is (S + S')x
    f, df = (lambda S: x @ S @ S @ x), (lambda S: 2 * S @ np.outer(x, x))
    assert mc.verify_function(f, df, lambda rng: rng.standard_normal((3, 3)), kind="gradient", seed=1).trials == 2
    assert mc.verify_function(lambda s: abs(s), lambda s: 1.0, 2.0, seed=1).passed
    drawn = mc.verify_function(lambda s: abs(s), lambda s: 1.0, lambda rng: rng.standard_normal(), trials=24, seed=1)
    assert drawn.verdict == "refuted"


# ---- constrained variables and several arguments


def test_a_gradient_in_a_symmetric_variable_is_symmetric() -> None:
    # df = tr(A dS) = ⟨(A + A')/2, dS⟩; A' gives the same along every symmetric direction
    def check(df: Any) -> mc.Report:
        return mc.verify_function(lambda S: np.trace(A @ S), df, S, kind="gradient", tangent=symmetric, seed=1)

    assert check(lambda S: (A + A.T) / 2).passed
    report = check(lambda S: A.T)
    assert report.verdict == "refuted"
    assert "leaves the tangent space" in report.reason
    assert report.counterexample is not None
    i, j = report.counterexample["entry"]
    assert report.counterexample["expected"] == pytest.approx((A + A.T)[i, j] / 2, rel=1e-12)  # one rounding


def test_partial_derivatives_of_a_symmetric_variable_are_no_gradient() -> None:
    f = lambda S: np.linalg.slogdet(S)[1]  # noqa: E731
    wrong = mc.verify_function(f, lambda S: 2 * inv(S) - np.diag(np.diag(inv(S))), S, tangent=symmetric, seed=1)
    assert wrong.verdict == "refuted"
    assert mc.verify_function(f, inv, S, tangent=symmetric, seed=1).passed


def test_a_gradient_on_the_sphere_is_tangent() -> None:
    # ∇(u'Au) = (A + A')u - 2u(u'Au) on ‖u‖ = 1
    u, f = x / np.linalg.norm(x), lambda u: u @ A @ u
    right = lambda u: on_sphere(u, (A + A.T) @ u)  # noqa: E731
    assert mc.verify_function(f, right, u, tangent=on_sphere, seed=1).passed
    assert mc.verify_function(f, lambda u: (A + A.T) @ u, u, tangent=on_sphere, seed=1).verdict == "refuted"


@pytest.mark.parametrize(
    ("kind", "df", "wrong"),
    [
        ("differential", lambda A, x, dA, dx: x @ dA @ x + (A + A.T) @ x @ dx, lambda A, x, dA, dx: x @ dA @ x),
        ("gradient", lambda A, x: (np.outer(x, x), (A + A.T) @ x), lambda A, x: (np.outer(x, x), 2 * A @ x)),
        (
            "vjp",
            lambda A, x, w: (w * np.outer(x, x), w * (A + A.T) @ x),
            lambda A, x, w: (np.outer(x, x), (A + A.T) @ x),
        ),
        (
            "jacobian",
            lambda A, x: (np.outer(x, x).reshape(1, -1, order="F"), (A + A.T) @ x),
            lambda A, x: (A.reshape(1, -1, order="F"), (A + A.T) @ x),
        ),
    ],
)
def test_several_arguments_are_a_tuple(kind: Any, df: Any, wrong: Any) -> None:
    # f = x'Ax: df = x'dA x + x'(A + A')dx
    f = lambda A, x: x @ A @ x  # noqa: E731
    assert mc.verify_function(f, df, (A, x), kind=kind, seed=1).passed
    report = mc.verify_function(f, wrong, (A, x), kind=kind, seed=1)
    assert report.verdict == "refuted"
    assert report.counterexample is not None
    assert set(report.counterexample["inputs"]) >= {"A", "x", "dA", "dx"}


# ---- recognition


@pytest.mark.parametrize(
    ("kind", "f", "df", "at"),
    [
        ("gradient", lambda x: x @ x, lambda x: 2 * x, x),
        ("gradient", np.sin, np.cos, 0.3),
        ("differential", lambda x: x @ x, lambda x, dx: 2 * x @ dx, x),
        ("vjp", lambda x: W @ x, lambda x, w: W.T @ w, x),
        ("Jacobian", lambda x: W @ x, lambda x: W, x),
        ("differential", lambda A, x: A @ x, lambda A, x, dA, dx: dA @ x + A @ dx, (A, x)),
        ("vjp", lambda A, x: A @ x, lambda A, x, w: (np.outer(w, x), A.T @ w), (A, x)),
        ("gradient", lambda A, x: x @ A @ x, lambda A, x: (np.outer(x, x), (A + A.T) @ x), (A, x)),
    ],
)
def test_the_kind_is_recognised(kind: str, f: Any, df: Any, at: Any) -> None:
    report = mc.verify_function(f, df, at, seed=1)
    assert report.passed, str(report)
    assert [check.form for check in report.checks] == [kind]


def test_a_kind_that_cannot_be_told_is_asked_for() -> None:
    with pytest.raises(mc.MatcalcError, match=r"a differential df\(x, dx\) or a vjp df\(x, w\)") as refused:
        mc.verify_function(lambda x: eye @ x, lambda x, v: eye @ v, x)
    assert 'kind= is one of "differential"' in refused.value.hint
    with pytest.raises(mc.MatcalcError, match="from its signature"):
        mc.verify_function(lambda x: x @ x, lambda *a: 2 * a[0], x)
    with pytest.raises(mc.MatcalcError, match="one or two arguments, but takes 3: a, b, c"):
        mc.verify_function(lambda x: x @ x, lambda a, b, c: a, x)
    with pytest.raises(mc.MatcalcError, match="no kind 'grad'"):
        mc.verify_function(lambda x: x @ x, lambda x: 2 * x, x, kind="grad")  # type: ignore[arg-type]


def test_shapes_are_told() -> None:
    report = mc.verify_function(lambda x: x @ x, lambda x: 2 * x[:, None], x, kind="gradient")
    assert (report.verdict, report.reason) == (
        "refuted",
        "the gradient must have shape (3,), but df returns shape (3, 1)",
    )
    with pytest.raises(mc.ShapeError, match=r"the Jacobian must have shape \(3, 3\), but df returns shape \(3,\)"):
        mc.verify_function(np.tanh, lambda x: 1 - np.tanh(x) ** 2, x)
    with pytest.raises(mc.NotScalar, match=r"f returns shape \(4,\)"):
        mc.verify_function(lambda x: W @ x, lambda x: W, x, kind="gradient")
    with pytest.raises(mc.MatcalcError, match="a tuple of 2 arrays"):
        mc.verify_function(lambda A, x: x @ A @ x, lambda A, x: x, (A, x), kind="gradient")


# ---- what cannot be decided, and what is refused


def changing(x: Any) -> Any:
    x *= 2
    return x.sum()


@pytest.mark.parametrize(
    ("reason", "f", "df", "at"),
    [
        ("f is not finite at the point", lambda x: np.log(x).sum(), lambda x: 1 / x, -np.abs(x)),
        ("f is not finite at any of 11 points", lambda x: np.log(x).sum(), lambda x: 1 / x, lambda rng: -np.ones(2)),
        ("f changes its argument", changing, lambda x: 2 + 0 * x, x),
        ("df changes its argument", lambda x: x @ x, lambda x: np.multiply(x, 2, out=x), x),
        ("f is not deterministic", lambda x: x @ x + RNG.standard_normal(), lambda x: 2 * x, x),
        ("df is not deterministic", lambda x: x @ x, lambda x: 2 * x + RNG.standard_normal(), x),
        ("f has a kink or a jump at the point", lambda x: np.abs(x).sum(), np.sign, np.array([1.0, 0.0])),
        ("f has a kink or a jump", rounded(lambda x: np.abs(x).sum()), np.sign, np.array([1.0, 0.0])),
        ("f has a kink or a jump", lambda x: np.maximum(x, 0).sum(), lambda x: (x > 0) + 0.0, np.zeros(2)),
        ("f has a kink or a jump", rounded(lambda x: np.maximum(x, 0).sum()), lambda x: (x > 0) + 0.0, np.zeros(2)),
        (
            "f has no finite values near",
            lambda x: np.where(x == 2, 1.0, np.nan).sum(),
            lambda x: 0 * x,
            np.full(1, 2.0),
        ),
        # in double precision 1 - cos(1e-9) is 0
        ("f has different values in double", lambda s: (1 - np.cos(s)) / s**2, lambda s: -s / 12, 1e-9),
        # exp(s) - 1 has seven digits at 1e-9, but the slope of f is found from points further away
        (
            "df has different values in double",
            rounded(lambda x: (np.expm1(x) / x).sum()),
            lambda x: exp(x) / x - (exp(x) - 1) / x**2,
            np.array([1e-9, 1.0]),
        ),
        # below 5e-8 of the point exp(s) - 1 does not change, and f looks like 1/s
        ("rounding hides the answer", rounded(lambda s: (exp(s) - 1) / s), lambda s: 0.5, 4.5e-9),
        ("rounding hides the answer", rounded(lambda x: 1e16 + x @ x), lambda x: 2 * x, x),
    ],
)
def test_what_cannot_be_decided_is_said(reason: str, f: Any, df: Any, at: Any) -> None:
    given = np.copy(at) if isinstance(at, np.ndarray) else at
    report = mc.verify_function(f, df, at, kind="gradient", seed=1)
    assert report.verdict == "inconclusive", str(report)
    assert reason in report.reason
    assert np.array_equal(given, at)


def test_a_single_disagreement_does_not_refute() -> None:
    # the claim is wrong in one half of the plane, which one point of these is in
    points = iter([1.0, -1.0, *[1.0] * 20])
    report = mc.verify_function(lambda s: abs(s), lambda s: 1.0, lambda rng: next(points), kind="gradient", seed=1)
    assert (report.verdict, report.reason) == ("inconclusive", "the gradient disagreed along one direction only")


def failing(*arguments: Any) -> Any:
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("message", "f", "df", "at", "options"),
    [
        ("f raised ZeroDivisionError: by nothing", failing, lambda x: x, x, {}),
        ("df raised ZeroDivisionError: by nothing", lambda x: x @ x, failing, x, {"kind": "gradient"}),
        ("df raised ZeroDivisionError: by nothing", lambda x: x @ x, lambda x: failing(), x, {}),
        ("at raised ZeroDivisionError: by nothing", lambda x: x @ x, lambda x: x, failing, {}),
        ("tangent raised ZeroDivisionError", lambda x: x @ x, lambda x: x, x, {"tangent": failing}),
        ("tangent is no projection", lambda x: x @ x, lambda x: x, x, {"tangent": lambda x, v: 2 * v}),
        ("tangent gives 0 for every", lambda x: x @ x, lambda x: x, x, {"tangent": lambda x, v: 0 * v}),
        ("f must return a real number or an array of them, but returns complex", lambda x: 1j, lambda x: x, x, {}),
        ("f must return a real number or an array of them, but returns NoneType", lambda x: None, lambda x: x, x, {}),
        ("f must return a real number or an array of them, but returns str", lambda x: "1", lambda x: x, x, {}),
        ("at must be made of real numbers, but is str", lambda x: x, lambda x: x, "1", {}),
        ("at must be made of real numbers, but is an array without", lambda x: x, lambda x: x, np.zeros(0), {}),
        ("at must be made of finite numbers", lambda x: x, lambda x: x, np.array([np.nan]), {}),
        ("trials must be a number from 1", lambda x: x, lambda x: x, x, {"trials": 0}),
        ("seed must be a number from 0", lambda x: x, lambda x: x, x, {"seed": -1}),
        ("df must be callable, but is ndarray", lambda x: x, x, x, {}),
    ],
)
def test_what_is_no_check_is_refused(message: str, f: Any, df: Any, at: Any, options: Any) -> None:
    with pytest.raises(mc.MatcalcError) as refused:
        mc.verify_function(f, df, at, **options)
    assert message in refused.value.message
    assert ("raised" in message) == isinstance(refused.value.__cause__, ZeroDivisionError)


# ---- reports


def test_a_seed_replays_the_check() -> None:
    def check(seed: int | None) -> mc.Report:
        return mc.verify_function(np.sin, lambda s: 1.01 * np.cos(s), lambda rng: rng.standard_normal(), seed=seed)

    first = check(None)
    assert first.seed is not None
    assert f"seed {first.seed}" in str(first)
    assert first == check(first.seed)
    assert first != check(first.seed + 1)


def test_a_counterexample_refutes_by_itself() -> None:
    report = mc.verify_function(lambda v: v @ A @ v, lambda v: 2 * A @ v, x, seed=1)
    found = json.loads(json.dumps(report.counterexample))
    v = np.array(found["inputs"]["v"])
    (i,) = found["entry"]
    assert found["found"] == (2 * A @ v)[i]
    assert found["expected"] == pytest.approx(((A + A.T) @ v)[i], rel=1e-14)  # both are rounded from sixty digits
    assert f"the gradient gives {found['found']:.10g} at [{i}], where {found['expected']:.10g} is right" in str(report)


def test_a_counterexample_of_a_jacobian_is_an_entry_of_it() -> None:
    wrong = W + 0.5 * (np.arange(12) == 7).reshape(4, 3)
    report = mc.verify_function(lambda x: W @ x, lambda x: wrong, x, seed=1)
    assert report.counterexample is not None
    assert report.counterexample["entry"] == [2, 1]
    assert report.counterexample["found"] == wrong[2, 1]


def test_a_large_function_is_decided_in_double_precision() -> None:
    # 300×300 matrices: three products have 8e7 operations
    M = RNG.standard_normal((300, 300))
    report = mc.verify_function(lambda A: A @ A, lambda A, D: A @ D + D @ A, M, kind="jvp", seed=1)
    assert report.passed
    assert "in double precision: sixty digits would take too long" in report.reason


def test_importing_the_package_does_not_import_the_checks() -> None:
    code = "import sys, matcalc; assert not {'matcalc.function_checks', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- numbers of sixty digits, slopes

UFUNCS = [
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "fabs", "absolute", "square", "reciprocal"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh", "negative"),
]
IN_MPMATH = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arctanh": "atanh"}
OF_OTHER_NAME: dict[str, Callable[[Any], Any]] = {
    "log2": lambda x: mpmath.log(x, 2),
    "cbrt": lambda x: mpmath.cbrt(x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "negative": lambda x: -x,
    "absolute": abs,
    "fabs": abs,
}


@pytest.mark.parametrize("name", UFUNCS)
def test_a_ufunc_computes_fifty_digits(name: str) -> None:
    points = np.array([0.3, 0.7])
    with allowance(10_000):
        found = decimals(getattr(np, name)(precise_array(points)))
    with mpmath.workdps(70):
        exact = OF_OTHER_NAME.get(name) or getattr(mpmath, IN_MPMATH.get(name, name))
        for p, value in zip(points, found, strict=True):
            assert abs(mpmath.mpf(str(value)) / exact(mpmath.mpf(p)) - 1) < mpmath.mpf("1e-50")


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "solve", "cholesky"])
def test_matrix_functions_agree_with_floats(name: str) -> None:
    function, others = getattr(np.linalg, name), [x] if name == "solve" else []
    with allowance(10_000):
        found = function(precise_array(S), *others)
    exact = function(S, *others)
    pairs = zip(found, exact, strict=True) if name == "slogdet" else [(found, exact)]
    for ours, theirs in pairs:
        # floats are right to about 1e-16 times the condition number, which is below 100
        assert decimals(ours).astype(float) == pytest.approx(theirs, rel=1e-13)


@pytest.mark.parametrize(
    "rounding",
    [
        float,
        lambda p: np.zeros(2).__setitem__(0, p),
        lambda p: np.array([p]).astype(float),
        lambda p: np.array([p], dtype=np.float32),
        lambda p: np.round(np.array([p]), 3),
        lambda p: np.linalg.eigvalsh(np.array([[p]])),
        round,
    ],
)
def test_what_would_round_raises(rounding: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError), allowance(100):
        rounding(precise_array(0.5))


@pytest.mark.parametrize(
    ("curve", "derivative", "kinked"),
    [
        (lambda t: np.sin(3 + t), np.cos(3), False),
        (lambda t: np.sin(1e6 * (1 + t)), 1e6 * np.cos(1e6), False),
        (lambda t: 1e4 + t * t, 0.0, False),
        (lambda t: abs(t), 0.0, True),
        (lambda t: max(t, 0.0) + 3, 0.5, True),
        (lambda t: float(t > 0), None, True),
        (lambda t: max(t + 0.01, 0.0), 1.0, False),
    ],
)
def test_a_steady_slope_is_within_its_error_bar(curve: Any, derivative: float | None, kinked: bool) -> None:
    found = steady_slope(curve)
    assert found.kinked == kinked
    if derivative is not None:
        # the slope's bar, ten times; and the last digit of the argument of sin(1e6 …)
        assert abs(found.slope.value - derivative) <= 10 * found.slope.error + 1e-9 * abs(derivative)
