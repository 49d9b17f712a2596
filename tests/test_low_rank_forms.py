"""A diagonal matrix plus a product of narrow ones: the small matrix is factorized where that is less work."""

from typing import Any

import numpy as np
import pytest
from sympy import Symbol

import matcalc as mc
from matcalc.evaluation import evaluate
from matcalc.low_rank_forms import low_rank_forms
from matcalc.lowering import lower
from matcalc.reading import parse

WHERE = "U: matrix(n,k), V: matrix(k,n), C: matrix(k,k), y: vector(n), u, v: vector(n), s, t: scalar, d: vector(n)"
NOISE = "exp(t)*eye(n) + U*U'"
LINEAR = f"let K = {NOISE} in (y'*inv(K)*y + logdet(K))/2"

FORMULAS = [
    "y'*inv(s*eye(n) + U*U')*y",
    "inv(s*eye(n) + U*V)*y",
    "inv(s*eye(n) - 3*U*C*V)'*y",
    "y'*inv(diag(exp(d)) + U*U')^2*y",
    "inv(diag(d) + s*eye(n) + t*U*V)",
    "tr(inv(s*eye(n) + U*U'))",
    "inv(eye(n) + u*u')*y",
    "inv(diag(exp(d)) - u*v')*y",
    "logdet(exp(t)*eye(n) + U*U')",
    "logdet(diag(exp(d)) + U*U')",
    "logabsdet(exp(t)*eye(n) - U*V)",
    "det(s^2*eye(n) + U*V)",
    LINEAR,
]


def data(n: int, k: int) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    found = {"U": rng.standard_normal((n, k)), "V": rng.standard_normal((k, n)), "C": rng.standard_normal((k, k))}
    return found | {name: rng.standard_normal(n) for name in "yuvd"} | {"s": 0.7, "t": 0.3}


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize(("n", "k"), [(30, 3), (4, 9), (6, 6), (1, 2), (5, 1)])
def test_each_side_gives_the_same(text: str, n: int, k: int) -> None:
    question = parse(text, where=WHERE)
    values = data(n, k)
    forms = low_rank_forms([question])
    assert question in forms
    expected = evaluate(question, values)
    assert np.allclose(evaluate(forms[question], values), expected, rtol=1e-9)
    function = mc.compile(question)
    found = function(**{name: values[name] for name in function.names})
    assert np.allclose(found, np.reshape(expected, np.shape(found)), rtol=1e-9)


@pytest.mark.parametrize("text", FORMULAS)
def test_with_few_columns_the_work_grows_with_the_length_and_not_its_cube(text: str) -> None:
    count = lower([parse(text, where=WHERE)], {"n": 10_000, "k": 5}).flops
    n, k = Symbol("n"), Symbol("k")
    size = 1 if text != "inv(diag(d) + s*eye(n) + t*U*V)" else 10_000  # its result has n^2 entries
    sizes = {s: {"n": 10_000, "k": 5}[s.name] for s in count.free_symbols}
    assert {s.name for s in count.free_symbols} <= {n.name, k.name}
    assert count.subs(sizes) < 10_000 * 300 * size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inv(s*eye(n) + U*U')*U", "U*inv(U'*U + s*eye)"),
        ("U'*inv(s*eye(n) + U*U')^2*y", "(U'*U + s*eye)^-2*U'*y"),
        ("y'*inv(s*eye(n) + u*u')*u", "u'*y/(u'*u + s)"),
        ("V*inv(eye(n) + U*C*V)*U", "V*U*inv(C*V*U + eye)"),
    ],
)
def test_beside_its_parts_the_inverse_is_pushed_through(text: str, expected: str) -> None:
    question = parse(text, where=WHERE)
    assert str(low_rank_forms([question])[question]) == expected


def test_pushed_through_no_digits_cancel() -> None:
    values = data(8, 2) | {"s": 1e-10}
    U = values["U"]
    function = mc.compile(parse("inv(s*eye(n) + U*U')*U", where=WHERE), sizes="n >> k")
    expected = U @ np.linalg.inv(1e-10 * np.eye(2) + U.T @ U)
    assert np.allclose(function(U=U, s=1e-10), expected, rtol=1e-13)


def test_the_sizes_of_a_call_choose() -> None:
    f = parse(LINEAR, where=WHERE)
    function = mc.compile([f, mc.gradient(f, "U"), mc.gradient(f, "t")])
    assert function.source.count("def run") == 2
    narrow = mc.compile(f, sizes="n >> k").source
    assert "a0.T @ a0" in narrow or "a1.T @ a1" in narrow
    assert "np.eye" not in narrow
    assert mc.compile(f, sizes="k >> n").source.count("def run") == 1


def test_gradients_of_low_rank_models_are_cheap() -> None:
    f = parse(LINEAR, where=WHERE)
    sizes = {"n": 10_000, "k": 5}
    counts = [lower(e, sizes).flops for e in ([f], [f, mc.gradient(f, "U"), mc.gradient(f, "t")])]
    value, both = (float(c.subs({s: sizes[s.name] for s in c.free_symbols})) for c in counts)
    assert both < 5 * value


@pytest.mark.parametrize(
    "text",
    [
        "logdet(s*eye(n) + U*U')",  # for negative s the parts have no logarithms, though the whole may have one
        "inv(s*eye(n) + U*U' + V'*V)",
        "inv(U*V)",
        "inv(s*eye(n) + C2*C2)",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert low_rank_forms([parse(text, where=WHERE + ", C2: matrix(n,n)")]) == {}


def test_a_negative_shift_keeps_its_logarithm() -> None:
    values = {"s": -0.1, "U": np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])}
    found = mc.compile(parse("logdet(s*eye(n) + U*U')", where=WHERE))(**values)
    assert np.isclose(found, np.log(np.linalg.det(-0.1 * np.eye(4) + values["U"] @ values["U"].T)))
