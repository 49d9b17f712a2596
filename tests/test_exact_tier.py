"""The exact tier: right formulas agree, wrong ones disagree, and the chance of error is bounded."""

from time import monotonic

import pytest

from matcalc.computations import Computer
from matcalc.derivative_tests import TESTS, Case, Claim
from matcalc.exact_tier import ExactTier, examine
from matcalc.expressions import variables_of
from matcalc.findings import Finding
from matcalc.function_table import FUNCTIONS, Function
from matcalc.judgements import Test
from matcalc.leaves import variable
from matcalc.points import PointSource
from matcalc.reading import read
from matcalc.sampling import Sampler

WHERE = (
    "A, B: matrix(n,n), C: matrix(m,n), S: matrix(n,n) symmetric, P: matrix(n,n) spd, Q: matrix(m,n) orthogonal, "
    "u: vector(n) unit, x, y: vector(n), s, t: scalar, k: scalar integer"
)


def parts(f: str, kind: str, wrt: str, claim: str) -> tuple[list[Test], Computer, PointSource]:
    declared = read(f, WHERE).variables
    x = {v.name: v for v in declared}[wrt]
    dx = variable(f"d{wrt}", *x.shape)
    where = f"{WHERE}, d{wrt}: matrix({x.rows},{x.columns})".replace("matrix(1,1)", "scalar")
    expression, formula = read(f, WHERE).expression, read(claim, where).expression
    case = Case(expression, (x,), {x: dx}, {x: variable(f"d{wrt}_", *x.shape)}, formula)
    stated = Claim(kind, formula, x)  # type: ignore[arg-type]
    computer = Computer(tuple(dict.fromkeys((expression, formula))), {dx.name: x})
    free = [v for v in (x, *variables_of(expression, formula)) if v.name != dx.name]
    source = PointSource(Sampler(1), computer.evaluator(computer.roots), {dx.name: x}, free)
    return list(TESTS[kind](case, kind, stated)), computer, source


def tier(f: str, kind: str, wrt: str, claim: str, seed: int, prime: int | None = None) -> ExactTier:
    return ExactTier(*parts(f, kind, wrt, claim), seed, monotonic() + 10, prime)


def finding(f: str, kind: str, wrt: str, claim: str) -> Finding:
    return examine(*parts(f, kind, wrt, claim), 5, monotonic() + 10)


RIGHT = [
    # rational functions: agreement is proved up to the bound
    ("x'*A*x", "gradient", "x", "(A + A')*x", ()),
    ("inv(A)", "differential", "A", "-inv(A)*dA*inv(A)", ()),
    ("det(A)", "gradient", "A", "cof(A)", ()),
    ("tr(A^3*B)", "gradient", "A", "(A^2*B + A*B*A + B*A^2)'", ()),
    ("C*x", "jacobian", "x", "C", ()),
    ("x'*inv(A)*x", "gradient", "A", "-inv(A)'*x*x'*inv(A)'", ()),
    ("tr(A*S)", "gradient", "S", "(A + A')/2", ()),
    ("tr(inv(P)*A)", "differential", "P", "-tr(inv(P)*A*inv(P)*dP)", ()),
    ("tr(B*Q'*Q)", "differential", "Q", "0", ()),
    # signs, roots and opaque functions: an estimate
    ("u'*A*u", "gradient", "u", "(A + A')*u - 2*u*(u'*A*u)", ("a root",)),
    ("norm2(x)", "gradient", "x", "x/norm2(x)", ("norm2",)),
    ("sum(sqrt(x))", "gradient", "x", "x.^(-1/2)/2", ("a root",)),
    ("sum(abs(A*x))", "gradient", "x", "A'*sign(A*x)", ("abs", "sign")),
    ("sum(exp(A*x))", "gradient", "x", "A'*exp(A*x)", ("exp",)),
    ("logdet(A)", "gradient", "A", "inv(A)'", ("logdet",)),
    ("s^t", "gradient", "t", "s^t*log(s)", ("an exponent", "log", "the exponent t")),
    ("s^t", "gradient", "s", "t*s^(t - 1)", ("an exponent", "the exponent t")),
]


@pytest.mark.parametrize(("f", "kind", "wrt", "claim", "why"), RIGHT)
def test_what_is_right_agrees(f: str, kind: str, wrt: str, claim: str, why: tuple[str, ...]) -> None:
    found = finding(f, kind, wrt, claim)
    assert found.agreed is True, found
    assert found.why == why
    assert len(found.sizes) >= 3
    assert found.bound is not None
    # behind k kinks a formula may be wrong in one of 2ᵏ regions, which so many points are likely to visit
    assert 0 < found.bound < (1e-5 if {"abs", "sign"} & set(why) else 1e-14)


WRONG = [
    ("A^2", "differential", "A", "2*A*dA"),
    ("x'*A*x", "gradient", "x", "2*A*x"),
    ("x'*x", "gradient", "x", "(2 + 1e-30)*x"),
    ("tr(A*S)", "gradient", "S", "A"),
    ("det(A)", "gradient", "A", "det(A)*inv(A)"),
    # right at matrices of size 1 and 2 only (Hall's identity)
    ("tr(A*B)", "gradient", "A", "B' + (A*B - B*A)^2*A - A*(A*B - B*A)^2"),
    # right at matrices of size 1 only
    ("A^2", "differential", "A", "A*dA + dA'*A"),
]


@pytest.mark.parametrize(("f", "kind", "wrt", "claim"), WRONG)
def test_what_is_wrong_is_refuted_for_certain(f: str, kind: str, wrt: str, claim: str) -> None:
    found = finding(f, kind, wrt, claim)
    assert found.refutes, found


@pytest.mark.parametrize(
    ("f", "kind", "wrt", "claim"),
    [
        # right, by a law that opaque values do not obey
        ("sum(exp(2*x))", "gradient", "x", "2*exp(x).^2"),
        # wrong, but only numbers can be sure
        ("sum(exp(x))", "gradient", "x", "exp(-x)"),
    ],
)
def test_an_objection_about_opaque_functions_is_not_certain(f: str, kind: str, wrt: str, claim: str) -> None:
    found = finding(f, kind, wrt, claim)
    assert found.agreed is False
    assert not found.refutes


@pytest.mark.parametrize(
    ("f", "claim", "holds"),
    [
        ("sum(tan(x))", "ones(n) + sin(x).^2 ./ cos(x).^2", True),
        ("sum(softplus(x))", "ones(n) - sigmoid(-x)", True),
        ("sum(sigmoid(x))", "exp(-x) ./ (ones(n) + exp(-x)).^2", True),
        ("sum(abs(x).^2)", "2*x", True),
        ("sum(arccos(x))", "-1 ./ sqrt(ones(n) - x.^2)", True),
        # exp(2x) and exp(x) are not related
        ("sum(log(cosh(x)))", "(exp(2*x) - ones(n)) ./ (exp(2*x) + ones(n))", False),
    ],
)
def test_laws_that_hold_modulo_a_prime(f: str, claim: str, holds: bool) -> None:
    assert finding(f, "gradient", "x", claim).agreed is holds


def test_functions_without_exact_arithmetic_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "coarse", Function("coarse", "(n,n) -> (n,n)", lambda A: A @ A))
    found = finding("tr(coarse(A))", "gradient", "A", "2*A'")
    assert found.agreed is None
    assert found.reason == "coarse has no exact arithmetic"


def test_the_same_seed_finds_the_same() -> None:
    first, again = (tier("x'*A*x", "gradient", "x", "2*A*x", seed=9).examine() for _ in range(2))
    assert first == again


@pytest.mark.parametrize("p", [103, 1019])
def test_few_wrong_formulas_pass_modulo_small_primes(p: int) -> None:
    """d(x'Ax) = 2x'A dx is wrong where x'(A − A')dx ≠ 0: it passes with probability 1/p about."""
    trials = 400
    outcomes = [
        tier("x'*A*x", "differential", "x", "2*x'*A*dx", seed, p).at_one_point({"n": 3}) for seed in range(trials)
    ]
    passed = sum(bool(o.agreed) for o in outcomes)
    allowed = sum(o.bound or 0.0 for o in outcomes)
    # the expected number plus four standard deviations of a binomial
    assert passed <= trials / p + 4 * (trials / p) ** 0.5
    assert passed <= allowed
    assert {o.bound for o in outcomes} == {3 / p}
