"""Random well-shaped expressions over the whole language: printed, read back, differentiated, checked."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import DIFFERENTIABLE, SHAPES, VARIABLES, expressions

import matcalc as mc
from matcalc.derivatives import Derivative
from matcalc.reading import read
from matcalc.taylor_polynomials import TaylorPolynomial
from matcalc.verdicts import verify_derivative
from matcalc.writing import declarations_of, text

WITHOUT_LIMITS = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=120)
ANY_SHAPE = st.sampled_from([*SHAPES, *SHAPES[:1] * 6]).flatmap(lambda shape: expressions(shape, 6))


@WITHOUT_LIMITS
@given(ANY_SHAPE)
def test_what_is_printed_reads_back(f: mc.Expression) -> None:
    assert read(text(f), declarations_of(VARIABLES, [f]), limits=False).expression is f


@WITHOUT_LIMITS
@given(ANY_SHAPE, st.sampled_from(DIFFERENTIABLE))
def test_the_derivative_is_not_refuted(f: mc.Expression, x: mc.Variable) -> None:
    D = Derivative(f, (x,))
    try:
        report = verify_derivative(D, seed=1)
    except mc.NotDifferentiable:
        return
    assert report.verdict != "refuted", f"{f} in {x}: {D.differential}\n{report}"


@WITHOUT_LIMITS
@given(expressions(SHAPES[0], 5), st.sampled_from(DIFFERENTIABLE))
def test_gradient_and_differential_are_one_operator(f: mc.Expression, x: mc.Variable) -> None:
    """⟨∇f, dx⟩ = f′(x)[dx] for an unconstrained x."""
    D = Derivative(f, (x,))
    inner = mc.functions.dot(D.gradients[x], D.perturbations[x])
    assert mc.equal(inner, D.differential, seed=1).verdict != "refuted"


@settings(WITHOUT_LIMITS, max_examples=60)
@given(
    st.sampled_from([*SHAPES, *SHAPES[:1] * 6]).flatmap(lambda shape: expressions(shape, 4)),
    st.sampled_from(DIFFERENTIABLE),
)
def test_second_derivatives_and_taylor_polynomials_are_not_refuted(f: mc.Expression, x: mc.Variable) -> None:
    D = Derivative(f, (x,))
    forms = ("second_differential", *(("hessian", "hessian_operator") if f.is_scalar else ()))
    try:
        report = verify_derivative(D, forms, seed=1)
        remainder = TaylorPolynomial(D, 2).verify(seed=1)
    except mc.NotDifferentiable:
        return
    assert report.verdict != "refuted", f"{f} in {x}: {D.second_differential}\n{report}"
    assert remainder.verdict != "refuted", f"{f} in {x}: {D.second_differential}\n{remainder}"
