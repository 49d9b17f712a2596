"""Random expressions and their derivatives, compiled and as code, compute what `evaluate` computes."""

import warnings
from inspect import signature
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from strategies import DIFFERENTIABLE, SHAPES, VARIABLES, expressions

import matcalc as mc
from matcalc.derivatives import Derivative
from matcalc.evaluation import evaluate

SIZES = {"n": 3, "m": 4}
CLOSE = 1e-9
WITHOUT_LIMITS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), max_examples=60, phases=[Phase.explicit, Phase.generate]
)
ANY_SHAPE = st.sampled_from([*SHAPES, *SHAPES[:1] * 4]).flatmap(lambda shape: expressions(shape, 5))


def point(seed: int) -> dict[str, Any]:
    """A random value for every variable, with its properties."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for v in VARIABLES:
        shape = [SIZES.get(str(d), 1) for d in v.shape]
        value = rng.uniform(0.2, 1.2, shape)
        if "symmetric" in v.properties:
            value = value + value.T
        if "spd" in v.properties:
            value = value @ value.T + np.eye(len(value))
        found[v.name] = 2.0 if "integer" in v.properties else value.item() if v.is_scalar else value
        if 1 in v.shape and not v.is_scalar:
            found[v.name] = value.reshape(-1)
    return found


def moved(values: dict[str, Any]) -> dict[str, Any]:
    """The point moved by as much as rounding moves it."""
    return {name: value * (1 + 1e-13) if name != "k" else value for name, value in values.items()}


def distance(found: Any, expected: Any) -> float:
    difference = np.abs(np.asarray(found) - np.asarray(expected))
    return float(np.max(difference, initial=0) / max(np.max(np.abs(expected), initial=0), 1e-6))


def evaluated(f: mc.Expression, values: dict[str, Any]) -> Any:
    """The value, None where there is none."""
    try:
        return evaluate(f, values, sizes=SIZES, declared=VARIABLES)
    except mc.EvaluationError:
        return None


def compare(f: mc.Expression, found: Any, values: dict[str, Any]) -> None:
    expected, nearby = evaluated(f, values), evaluated(f, moved(values))
    assume(expected is not None and nearby is not None)
    assert np.shape(found) == np.shape(expected), f
    # where the formula is ill-conditioned, two right ways to compute it differ by as much as rounding the data
    assert distance(found, expected) < CLOSE + 1e3 * distance(nearby, expected), (str(f), found, expected)


def compiled_value(f: Any, values: dict[str, Any]) -> Any:
    """The value of one formula or of several, None where a matrix is singular."""
    function = mc.compile(f, sizes=SIZES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return function(**{name: values[name] for name in function.names})
        except mc.EvaluationError:
            return None


@WITHOUT_LIMITS
@given(ANY_SHAPE, st.integers(0, 1000))
def test_compiled_functions_compute_the_same(f: mc.Expression, seed: int) -> None:
    values = point(seed)
    found = compiled_value(f, values)
    assume(found is not None)
    compare(f, found, values)


@WITHOUT_LIMITS
@given(expressions(SHAPES[0], 4), st.sampled_from(DIFFERENTIABLE), st.integers(0, 1000))
def test_values_and_gradients_compiled_together_are_the_same(f: mc.Expression, x: mc.Variable, seed: int) -> None:
    values = point(seed)
    try:
        gradient = Derivative(f, (x,)).gradients[x]
    except mc.NotDifferentiable:
        return
    found = compiled_value([f, gradient], values)
    assume(found is not None)
    compare(f, found[0], values)
    compare(gradient, found[1], values)


@WITHOUT_LIMITS
@given(ANY_SHAPE, st.integers(0, 1000), st.sets(st.sampled_from([v.name for v in VARIABLES if v.name != "k"])))
def test_batches_compute_the_same(f: mc.Expression, seed: int, batched: set[str]) -> None:
    points = [point(seed), point(seed + 1)]
    function = mc.compile(f, sizes=SIZES, batch=batched & set(mc.compile(f, sizes=SIZES).names))
    values = {n: np.stack([p[n] for p in points]) if n in batched else points[0][n] for n in function.names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            found = function(**values)
        except mc.EvaluationError:
            return
    is_batch = not batched.isdisjoint(function.names)
    for i, p in enumerate(points if is_batch else points[:1]):
        item = {n: p[n] if n in batched else points[0][n] for n in p}
        compare(f, found[i] if is_batch else found, item)


@WITHOUT_LIMITS
@given(ANY_SHAPE, st.integers(0, 1000))
def test_code_computes_the_same(f: mc.Expression, seed: int) -> None:
    values = point(seed)
    try:
        source = mc.code(f, name="generated", scipy=False, sizes=SIZES)
    except mc.MatcalcError as error:
        assert "no code is written for" in error.message or "no argument shows the size" in error.message
        return
    assume("from scipy" not in source)
    namespace: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), namespace)
    function = namespace["generated"]
    with np.errstate(all="ignore"):
        try:
            found = function(**{name: values[name] for name in signature(function).parameters})
        except (np.linalg.LinAlgError, ZeroDivisionError):
            return
    compare(f, found, values)
