"""Programs for logarithms and quotients of exponentials: right to the last digits, far out and near 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp

import matcalc as mc
from matcalc.bindings import bind
from matcalc.evaluation import Evaluator
from matcalc.lowering import lower
from matcalc.stable_forms import evaluated_forms, stable_forms

FAR = [-800.0, -50.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 50.0, 800.0]


def as_written(e: mc.Expression, values: Mapping[str, Any]) -> Any:
    """The value of a formula, every part of it computed as it is written."""
    evaluator = Evaluator([e])
    (found,) = evaluator(*bind(evaluator.inputs, values, {}))
    return found


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + mp.exp(-z))


def _tanh(z: Any) -> Any:
    return mp.tanh(z)


# The formula in z, entry by entry or of a scalar, and its value.
OF_ONE: list[tuple[str, Callable[[Any], Any]]] = [
    ("log(sigmoid(z))", lambda z: mp.log(_sigmoid(z))),
    ("log(ONE - sigmoid(z))", lambda z: mp.log(_sigmoid(-z))),
    ("log(cosh(z))", lambda z: mp.log(mp.cosh(z))),
    ("log(cosh(2*z)./cosh(z))", lambda z: mp.log(mp.cosh(2 * z) / mp.cosh(z))),
    ("log(ONE - tanh(z).^2)", lambda z: -2 * mp.log(mp.cosh(z))),
    ("log(3*ONE + exp(z))", lambda z: mp.log(3 + mp.exp(z))),
    ("log(exp(z) + exp(-z) + 2*ONE)", lambda z: mp.log(mp.exp(z) + mp.exp(-z) + 2)),
    ("log(ONE./(ONE + exp(-z)))", lambda z: mp.log(_sigmoid(z))),
    ("log(ONE - ONE./(ONE + exp(-z)))", lambda z: mp.log(_sigmoid(-z))),
    ("exp(z)./(ONE + exp(z))", _sigmoid),
    ("ONE./(ONE + exp(-z))", _sigmoid),
    ("exp(z)./(2*ONE + 3*exp(z))", lambda z: 1 / (2 * mp.exp(-z) + 3)),
    ("exp(-z)./(ONE + exp(-z)).^2", lambda z: _sigmoid(z) * _sigmoid(-z)),
    ("exp(z)./(exp(z) + exp(-z))", lambda z: _sigmoid(2 * z)),
    ("exp(z)./(exp(z) + exp(-z) + ONE)", lambda z: 1 / (1 + mp.exp(-2 * z) + mp.exp(-z))),
    ("(exp(z) - exp(-z))./(exp(z) + exp(-z))", _tanh),
    ("(ONE - exp(-2*z))./(ONE + exp(-2*z))", _tanh),
    ("(exp(z) + 2*exp(-z))./(exp(z) + exp(-z))", lambda z: 1 + _sigmoid(-2 * z)),
]


@pytest.mark.parametrize("is_scalar", [False, True], ids=["entrywise", "scalar"])
@pytest.mark.parametrize(("f", "value"), OF_ONE, ids=[f for f, _ in OF_ONE])
def test_functions_of_one_number_are_right_far_out_and_near_zero(
    f: str, value: Callable[[Any], Any], is_scalar: bool
) -> None:
    text = f.replace("ONE", "1" if is_scalar else "ones(n)")
    e = mc.parse(text, where="z: scalar" if is_scalar else "z: vector(n)")
    compiled = mc.compile(e)
    with mpmath.workdps(800):  # exp(-1600) beside 1
        exact = [float(value(mp.mpf(z))) for z in FAR]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = [float(compiled(z=z)) for z in FAR] if is_scalar else compiled(z=np.array(FAR))
    np.testing.assert_allclose(found, exact, rtol=4e-14, atol=1e-300)
    evaluated = [e.evaluate({"z": z}) for z in FAR] if is_scalar else e.evaluate({"z": FAR})
    np.testing.assert_allclose(evaluated, exact, rtol=4e-14, atol=1e-300)


@pytest.mark.parametrize(("s", "t", "u"), [(800.0, 799.0, -3.0), (-800.0, -801.0, -900.0), (1e-9, -1e-9, 700.0)])
def test_the_logarithm_of_a_sum_of_exponentials_of_numbers(s: float, t: float, u: float) -> None:
    where = "s, t, u: scalar"
    two, three = (
        mc.compile(mc.parse(f"log({f})", where=where)) for f in ("exp(s) + exp(t)", "exp(s) + 2*exp(t) + exp(u)")
    )
    share = mc.compile(mc.parse("log(exp(s)/(exp(s) + exp(t)))", where=where))
    assert two(s=s, t=t) == pytest.approx(np.logaddexp(s, t), rel=1e-14)
    assert three(s=s, t=t, u=u) == pytest.approx(np.logaddexp(np.logaddexp(s, t + np.log(2)), u), rel=1e-14)
    assert share(s=s, t=t) == pytest.approx(-np.logaddexp(0, t - s), rel=1e-14)


z = np.array([800.0, -800.0, 1e-9, 3.0])
LOG_SOFTMAX = z - 800
OF_VECTORS = [
    ("log(softmax(z))", LOG_SOFTMAX),
    ("log(exp(z)/sum(exp(z)))", LOG_SOFTMAX),
    ("log(softmax(z)[2])", LOG_SOFTMAX[1]),
    ("-y'*log(softmax(z))", -LOG_SOFTMAX.sum()),
    ("exp(z)/sum(exp(z))", np.array([1.0, 0, 0, 0])),
    ("y'*exp(z)/sum(exp(z))", 1.0),
    ("log(1 + sum(exp(z)))", 800.0),
    ("log(mean(exp(z)))", 800 - np.log(4)),
    ("log(diag(1./sum(exp(y*z'), 2))*exp(y*z'))", np.tile(LOG_SOFTMAX, (4, 1))),
]


@pytest.mark.parametrize(("f", "expected"), OF_VECTORS, ids=[f for f, _ in OF_VECTORS])
def test_functions_of_vectors_do_not_overflow(f: str, expected: Any) -> None:
    e = mc.parse(f, where="y, z: vector(n)")
    arguments = {"z": z, "y": np.ones(4)} if "y" in f else {"z": z}
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(mc.compile(e)(**arguments), expected, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(e.evaluate(arguments), expected, rtol=1e-14, atol=1e-300)


X = np.array([[800.0, -800.0, 799.0], [0.0, 1.0, 2.0]])
LOG_SHARES = X - 800 - np.log1p(np.exp(-1))
SHARES = np.exp(X - 800) / (1 + np.exp(-1))
OF_MATRICES = [
    ("log(sum(exp(X)))", np.logaddexp(800.0, 799.0)),
    ("exp(X)/sum(exp(X))", SHARES),
    ("exp(X')/sum(exp(X))", SHARES.T),
    ("y'*exp(X)/sum(exp(X))", SHARES.sum(axis=0, keepdims=True)),
    ("log(exp(X)/sum(exp(X)))", LOG_SHARES),
    ("log(exp(X)*ones(n))", np.array([np.logaddexp(800.0, 799.0), np.logaddexp(np.logaddexp(0, 1), 2)])),
    ("log(exp(X)'*ones(m))", np.array([800.0, np.logaddexp(-800, 1), 799.0])),
    ("log(ones(m)'*exp(X))", np.array([[800.0, np.logaddexp(-800, 1), 799.0]])),
]


@pytest.mark.parametrize(("f", "expected"), OF_MATRICES, ids=[f for f, _ in OF_MATRICES])
def test_functions_of_matrices_do_not_overflow(f: str, expected: Any) -> None:
    e = mc.parse(f, where="X: matrix(m,n), y: vector(m)")
    arguments = {"X": X, "y": np.ones(2)} if "y" in f else {"X": X}
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(mc.compile(e)(**arguments), expected, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(e.evaluate(arguments), expected, rtol=1e-14, atol=1e-300)


def test_the_value_and_gradient_of_a_sum_over_a_matrix_share_its_exponentials() -> None:
    f = mc.parse("log(sum(exp(X)))", where="X: matrix(m,n)")
    found = lower([f, mc.gradient(f, "X")])
    assert [v.op for v in found.values] == ["input", "max", "sub", "apply", "sum", "apply", "add", "div"]


def test_the_logarithm_of_the_softmax_shares_its_exponentials() -> None:
    where = "y, z: vector(n)"
    found = lower([mc.parse("-y'*log(softmax(z))", where=where), mc.parse("softmax(z)", where=where)])
    assert [v.data for v in found.values if v.op == "apply"].count(("exp",)) == 1


@pytest.mark.parametrize(
    "f", ["log(t*exp(s))", "log(t*u*exp(s))", "log(-t*exp(s))", "log(t*exp(s)/(u*(1 + exp(s))))", "log(t^3*exp(s))"]
)
def test_factors_of_unknown_sign_stay_together(f: str) -> None:
    """log(t*u*exp(s)) is log(t*u) + s where both t and u are negative."""
    at = {"s": 2.0, "t": -3.0, "u": -1.5} if f != "log(t*exp(s))" and "t^3" not in f else {"s": 2.0, "t": 3.0}
    e = mc.parse(f, where="s, t, u: scalar")
    at = {name: value for name, value in at.items() if name in e.variables}
    assert float(mc.compile(e)(**at)) == pytest.approx(float(as_written(e, at)), rel=1e-14)


def test_factors_of_unknown_sign_beside_a_matrix_stay_together() -> None:
    e = mc.parse("log(t*diag(u)*exp(Z))", where="t: scalar, u: vector(m), Z: matrix(m,n)")
    at = {"t": -2.0, "u": np.array([-1.0, -3.0]), "Z": np.eye(2, 3)}
    np.testing.assert_allclose(mc.compile(e)(**at), as_written(e, at), rtol=1e-14)


def test_what_has_no_exponentials_is_left_alone() -> None:
    texts = ["log(s + t)", "s/(1 + t)", "exp(s)/(1 + t)", "log(1 - exp(s))", "1/(exp(s) - exp(t))", "log(exp(s) - t)"]
    assert stable_forms([mc.parse(text, where="s, t: scalar") for text in texts]) == {}


def test_the_logarithm_of_the_softmax_has_an_error_that_does_not_grow_with_its_argument() -> None:
    compiled = mc.compile(mc.parse("-y'*log(softmax(z))", where="y, z: vector(n)"))
    found = compiled(y=np.array([1.0, 0.0]), z=np.array([1e6, 1e6 - 10]))
    assert found == pytest.approx(np.log1p(np.exp(-10.0)), abs=1e-15)


WRITTEN = [f.replace("ONE", "ones(n)") for f, _ in OF_ONE] + [f for f, _ in (*OF_VECTORS, *OF_MATRICES)]


@pytest.mark.parametrize("f", WRITTEN)
def test_formulas_and_gradients_have_the_values_of_what_is_written(f: str) -> None:
    """What is evaluated from another formula; checks compute formulas as they are printed."""
    where = "y: vector(m), X: matrix(m,n), " if "X" in f else "y: vector(n), "
    where += "z: vector(n)"
    e, squares = (mc.parse(text, where=where) for text in (f, f"sum(({f}).^2)"))
    rng = np.random.default_rng(0)
    shapes = {"y": 3 if "X" in f else 4, "z": 4, "X": (3, 4)}
    at = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    assert evaluated_forms([e]) != [e]
    for formula in (e, squares, *(mc.gradient(squares, name) for name in e.variables)):
        np.testing.assert_allclose(np.ravel(formula.evaluate(at)), np.ravel(as_written(formula, at)), rtol=1e-12)


@pytest.mark.parametrize("f", ["log(exp(s)*t)", "log(exp(s) + exp(t))", "log(sigmoid(s))", "1/(1 + exp(s))"])
def test_complex_values_are_those_of_what_is_written(f: str) -> None:
    """The logarithm of exp(9i) is (9 − 2π)i."""
    e = mc.parse(f, where="s, t: scalar")
    at = {name: value for name, value in {"s": 0.5 + 9j, "t": 2.0 - 7j}.items() if name in e.variables}
    assert e.evaluate(at) == as_written(e, at)


def test_the_logarithm_of_the_softmax_is_evaluated_without_the_rounding_of_its_argument() -> None:
    z = np.array([1e6, 1e6 - 10, 1e6 - 40])
    for f, value in (("log(softmax(z))", z), ("log(softmax(Z, 1))", z[:, None]), ("log(softmax(Z, 2))", z[None])):
        found = np.ravel(mc.parse(f, where="z: vector(n), Z: matrix(m,n)").evaluate({f[12]: value}))
        np.testing.assert_allclose(found, z - 1e6 - np.log1p(np.exp(-10) + np.exp(-40)), rtol=1e-14, atol=1e-15)
