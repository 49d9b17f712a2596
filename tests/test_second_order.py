"""Second and third derivatives: right, by differences of the function alone, and written symmetrically."""

import json
import zlib
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.curves import moved, restored, tangent
from matcalc.evaluation import Evaluator
from matcalc.expressions import variables_of
from matcalc.high_precision import PRECISE, NoKernel, precise, sixty_digits
from matcalc.multilinear_forms import is_symmetric
from matcalc.verdicts import verify_derivative

CORPUS = Path(__file__).parent / "data" / "corpus"
CASES = json.loads((CORPUS / "public.json").read_text(encoding="utf-8"))
FROZEN = np.load(CORPUS / "public.npz")

UNIT = "u: vector(n) unit"
ORTHOGONAL = "Q: matrix(n,n) orthogonal, A, B: matrix(n,n)"
CURVED = [
    ("u'*A*u", "u", UNIT),
    ("sum(exp(A*u))", "u", UNIT),
    ("log(u'*B*u) + c'*u", "u", f"{UNIT}, c: vector(n), B: matrix(n,n) spd"),
    ("tr(Q'*A*Q*B)", "Q", ORTHOGONAL),
    ("tr(B'*Q) + tr(A*Q*A*Q)", "Q", ORTHOGONAL),
    ("tr(Q'*A*Q*B)", "Q", "Q: matrix(m,n) orthogonal"),
    ("norm2(X'*A*X - B)^2", "X", "X: matrix(m,n) unit, A: matrix(m,m), B: matrix(n,n)"),
    ("u'*A*v", ("u", "v"), "u: vector(m) unit, v: vector(n) unit"),
    ("u'*A*y + y'*y", ("u", "y"), "u: vector(m) unit, y: vector(n)"),
]
COUPLED = [
    ("norm2(U*V' - T)^2", ("U", "V"), None),
    ("x'*A*x", ("x", "A"), None),
    ("sum(tanh(W*x + b))", ("W", "x", "b"), None),
    ("logdet(S + x*x')", ("S", "x"), "S: matrix(n,n) spd, x: vector(n)"),
    ("-y'*log(softmax(W*x))", ("W", "x"), None),
    ("a*x'*inv(A)*x", ("a", "A", "x"), None),
]


def names(wrt: str | tuple[str, ...]) -> str:
    return wrt if isinstance(wrt, str) else " and ".join(wrt)


class Function:
    """A function to sixty digits, near a point."""

    def __init__(self, D: mc.Derivative, values: dict[str, Any], seed: int) -> None:
        rng = np.random.default_rng(seed)
        inputs = list(dict.fromkeys((*variables_of(D.expression), *D.variables)))
        self.D = D
        self.f = Evaluator((D.expression,), PRECISE)
        self.point = {v.name: restored(v, precise(self._shaped(v, values[v.name]))) for v in inputs}
        self.sizes: dict[str, int] = {}
        for v in inputs:
            for d, size in zip(v.shape, np.shape(self.point[v.name]) or (1, 1), strict=True):
                if d.is_Symbol:
                    self.sizes[d.name] = size
        self.directions = [
            {x.name: tangent(x, self.point[x.name], self._random(rng, x)) for x in D.variables} for _ in range(3)
        ]

    @staticmethod
    def _shaped(v: mc.Variable, value: Any) -> Any:
        array = np.asarray(value, dtype=float)
        if v.is_scalar:
            return float(array)
        return array.reshape((-1, 1) if v.columns == 1 else (1, -1) if v.rows == 1 else array.shape)

    def _random(self, rng: np.random.Generator, x: mc.Variable) -> Any:
        return precise(rng.standard_normal(np.shape(self.point[x.name])) if not x.is_scalar else rng.standard_normal())

    def at(self, steps: tuple[Decimal, ...]) -> Any:
        """The value after a step along each direction."""
        values = dict(self.point)
        for x in self.D.variables:
            move = sum(t * d[x.name] for t, d in zip(steps, self.directions, strict=False))
            values[x.name] = moved(x, self.point[x.name], move, Decimal(1))
        return self.f(values, self.sizes)[0]

    def mixed_difference(self, order: int, h: Decimal) -> Any:
        """The mixed derivative along as many directions, from values of the function only."""
        total: Any = 0
        for signs in product((1, -1), repeat=order):
            total = total + int(np.prod(signs)) * self.at(tuple(s * h for s in signs))
        return total / (2 * h) ** order

    def value(self, e: mc.Expression, *perturbations: dict[mc.Variable, mc.Variable]) -> Any:
        """A formula in the directions, to sixty digits."""
        along = {
            dx.name: self.directions[i][x.name] for i, group in enumerate(perturbations) for x, dx in group.items()
        }
        return Evaluator((e,), PRECISE)(self.point | along, self.sizes)[0]

    def hessian_form(self) -> Any:
        """vec(u)'H vec(v) with the blocks of the Hessian."""
        H = self.D.hessian if isinstance(self.D.hessian, dict) else {(self.D.variables[0].name,) * 2: self.D.hessian}
        total: Any = 0
        for (x, y), block in H.items():
            u, v = (np.atleast_2d(self.directions[i][n]).reshape(-1, 1, order="F") for i, n in enumerate((x, y)))
            total = total + (u.T @ np.atleast_2d(self.value(block)) @ v)[0, 0]
        return total

    def operator_form(self) -> Any:
        """⟨u, H[v]⟩ with the Hessian as an operator."""
        found = self.D.hessian_operator
        parts = found if isinstance(found, dict) else {self.D.variables[0].name: found}
        names_of = {x.name: dx for x, dx in self.D.perturbations.items()}
        total: Any = 0
        for x, e in parts.items():
            along = {dx.name: self.directions[1][name] for name, dx in names_of.items()}
            total = total + np.sum(Evaluator((e,), PRECISE)(self.point | along, self.sizes)[0] * self.directions[0][x])
        return total


def close(found: Any, expected: Any, tolerance: str) -> bool:
    size = max(float(np.max(np.abs(np.asarray(e, dtype=float)))) for e in (found, expected))
    difference = max(float(abs(e)) for e in np.ravel(np.asarray(found - expected, dtype=object)))
    return difference <= float(tolerance) * max(size, 1.0)


def check_second_order(D: mc.Derivative, values: dict[str, Any], seed: int) -> None:
    with sixty_digits():
        try:
            f = Function(D, values, seed)
            expected = f.mixed_difference(2, Decimal("1e-15"))
        except NoKernel as error:
            pytest.skip(f"{error} is not computed to sixty digits")
        assert close(f.value(D.second_differential, D.perturbations, D.second_perturbations), expected, "1e-20")
        if D.expression.is_scalar:
            assert close(f.hessian_form(), expected, "1e-20")
            assert close(f.operator_form(), expected, "1e-20")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_second_derivatives_are_differences_of_the_function(case: dict[str, Any]) -> None:
    prefix = f"{case['id']}|0|in|"
    values = {key.removeprefix(prefix): FROZEN[key] for key in FROZEN.files if key.startswith(prefix)}
    try:
        D = mc.differentiate(case["expr"], case["wrt"], where=case["where"])
    except mc.MatcalcError as error:
        pytest.skip(str(error))
    check_second_order(D, values, zlib.crc32(case["id"].encode()))


def sampled(D: mc.Derivative, seed: int) -> dict[str, Any]:
    """Numbers for all variables, of the domains they are declared to have."""
    from matcalc.sampling import Sampler

    sampler = Sampler(seed)
    known = list(dict.fromkeys((*variables_of(D.expression), *D.variables)))
    sizes = {"m": 5, "n": 3, "p": 4, "k": 2}
    return {v.name: sampler.value(v, sizes) for v in known}


@pytest.mark.parametrize(("f", "wrt", "where"), [*CURVED, *COUPLED], ids=lambda x: x if isinstance(x, str) else None)
def test_on_curved_domains_and_in_several_variables_too(f: str, wrt: Any, where: str | None) -> None:
    D = mc.differentiate(f, wrt, where)
    check_second_order(D, sampled(D, 5), 7)


@pytest.mark.parametrize(("f", "wrt", "where"), [*CURVED, *COUPLED], ids=lambda x: x if isinstance(x, str) else None)
def test_the_check_verifies_them_as_printed(f: str, wrt: Any, where: str | None) -> None:
    D = mc.differentiate(f, wrt, where)
    report = verify_derivative(D, ("second_differential", "hessian", "hessian_operator"), seed=3)
    assert report.passed, str(report)


@pytest.mark.parametrize(
    ("f", "wrt", "where", "claim"),
    [
        ("u'*A*u", "u", UNIT, "du'*(A + A')*du_"),
        ("u'*A*u", "u", UNIT, "(A + A')*du - u'*(A + A')*du*u"),
        ("u'*A*u", "u", UNIT, "(A + A')*du - 2*u'*A*u*du"),
        ("tr(B'*Q)", "Q", ORTHOGONAL, "zeros(n,n)*dQ"),
        ("logdet(A)", "A", None, "-inv(A)*dA*inv(A)"),
        ("logdet(A)", "A", None, "tr(inv(A)*dA*inv(A)*dA_)"),
        ("tr(X^3)", "X", None, "6*tr(dX*dX_*dX__)"),
        ("a^4", "a", None, "12*a*da*da_*da__"),
    ],
)
def test_wrong_claims_of_second_and_third_order_are_refuted(f: str, wrt: str, where: str | None, claim: str) -> None:
    assert mc.verify(f, wrt, claim, where=where, seed=2).verdict == "refuted"


@pytest.mark.parametrize(
    ("f", "wrt", "where", "claim", "said"),
    [
        ("u'*A*u", "u", UNIT, "(A + A')*du - u'*(A + A')*du*u - 2*u'*A*u*du", "Hessian operator"),
        ("logdet(A)", "A", None, "-(inv(A)*dA*inv(A))'", "Hessian operator"),
        ("logdet(A)", "A", None, "-tr(inv(A)*dA_*inv(A)*dA)", "second differential"),
        ("a^4", "a", None, "24*a*da*da_*da__", "third differential"),
        ("tr(X^3)", "X", None, "3*tr((dX_*dX__ + dX__*dX_)*dX)", "third differential"),
    ],
)
def test_a_claim_is_told_what_it_is(f: str, wrt: str, where: str | None, claim: str, said: str) -> None:
    report = mc.verify(f, wrt, claim, where=where, seed=2)
    assert report.passed
    assert report.diagnosis == f"the claim is the {said}"


_OF_ROWS = "sum(softmax(X, 2).*dX.*dX_, 2) - sum(softmax(X, 2).*dX, 2).*sum(softmax(X, 2).*dX_, 2)"

WRITTEN = [
    ("logdet(A)", "A", "-tr(inv(A)*dA*inv(A)*dA_)"),
    ("det(A)", "A", "det(A)*(tr(inv(A)*dA)*tr(inv(A)*dA_) - tr(inv(A)*dA*inv(A)*dA_))"),
    ("inv(A)", "A", "inv(A)*(dA*inv(A)*dA_ + dA_*inv(A)*dA)*inv(A)"),
    ("x'*A*x", "x", "dx'*(A + A')*dx_"),
    ("norm2(A*x - b)^2", "x", "2*dx'*A'*A*dx_"),
    ("norm2(x)", "x", "dx'*dx_/norm2(x) - x'*dx*x'*dx_/norm2(x)^3"),
    ("tr(A*X*B*X')", "X", "tr(A*(dX*B*dX_' + dX_*B*dX'))"),
    ("tr(X^3)", "X", "3*(tr(dX*X*dX_) + tr(dX_*X*dX))"),
    ("X^2", "X", "dX*dX_ + dX_*dX"),
    ("logsumexp(x)", "x", "sum(softmax(x).*dx.*dx_) - softmax(x)'*dx*softmax(x)'*dx_"),
    ("logsumexp(X, 2)", "X", _OF_ROWS),
    ("sum((X*w - y).^4)", "w", "12*sum((X*w - y).^2.*(X*dw).*(X*dw_))"),
    ("a^3", "a", "6*a*da*da_"),
    ("A*x", "x", "zeros(m)"),
]


@pytest.mark.parametrize(("f", "wrt", "expected"), WRITTEN, ids=[case[0] for case in WRITTEN])
def test_a_second_differential_is_written_symmetrically(f: str, wrt: str, expected: str) -> None:
    D = mc.differentiate(f, wrt)
    assert str(D.second_differential) == expected
    assert is_symmetric(D.second_differential, (D.perturbations, D.second_perturbations))


def test_most_of_the_corpus_is_written_symmetrically() -> None:
    derivatives = [mc.differentiate(case["expr"], case["wrt"], where=case["where"]) for case in CASES]
    asymmetric = [
        str(D.expression)
        for D in derivatives
        if not is_symmetric(D.second_differential, (D.perturbations, D.second_perturbations))
    ]
    assert len(asymmetric) <= len(derivatives) // 12, asymmetric


THIRD = [
    ("a^4", "a", None),
    ("tr(X^4)", "X", None),
    ("logdet(A)", "A", "A: matrix(n,n) spd"),
    ("inv(A)", "A", None),
    ("det(A)", "A", None),
    ("sum(exp(A*x))", "x", None),
    ("log(sum(exp(x)))", "x", None),
    ("norm2(x)", "x", None),
    ("softmax(x)", "x", None),
    ("softmax(X, 2)", "X", None),
    ("logsumexp(X, 1)", "X", None),
    ("x'*A*x", ("x", "A"), None),
    ("norm2(U*V' - T)^2", ("U", "V"), None),
    ("tr(inv(S)*M)", "S", "S: matrix(n,n) spd, M: matrix(n,n)"),
]


@pytest.mark.parametrize(("f", "wrt", "where"), THIRD, ids=[f"{case[0]} in {names(case[1])}" for case in THIRD])
def test_third_differentials(f: str, wrt: Any, where: str | None) -> None:
    D = mc.differentiate(f, wrt, where)
    with sixty_digits():
        function = Function(D, sampled(D, 11), 13)
        expected = function.mixed_difference(3, Decimal("1e-11"))
        directions = (D.perturbations, D.second_perturbations, D.third_perturbations)
        assert close(function.value(D.third_differential, *directions), expected, "1e-15")
    assert verify_derivative(D, ("third_differential",), seed=1).passed


def test_differentials_by_order() -> None:
    assert str(mc.differential("a^3", "a", order=1)) == "3*a^2*da"
    assert str(mc.differential("a^3", "a", order=3)) == "6*da*da_*da__"
    with pytest.raises(mc.NotDifferentiable, match="order 1, 2 or 3, not 4"):
        mc.differential("a^3", "a", order=4)


def test_a_hessian_in_several_variables_is_a_matrix_of_blocks() -> None:
    H = mc.hessian("x'*A*y + x'*x", ("x", "y"))
    assert {key: str(e) for key, e in H.items()} == {
        ("x", "x"): "2*eye(m)",
        ("x", "y"): "A",
        ("y", "x"): "A'",
        ("y", "y"): "zeros(n,n)",
    }
    assert str(H.matrix) == "[2*eye(m), A; A', zeros(n,n)]"
    assert str(H).splitlines()[1] == "x, y: A"
    A = np.arange(6.0).reshape(2, 3)
    whole = H.matrix.evaluate({"A": A})
    assert np.allclose(whole, np.block([[2 * np.eye(2), A], [A.T, np.zeros((3, 3))]]))


def test_products_with_a_hessian() -> None:
    assert str(mc.hvp("logdet(A)", "A", "V")) == "-(inv(A)*V*inv(A))'"
    found = mc.hvp("x'*A*y", ("x", "y"), ("u", "v"))
    assert {name: str(e) for name, e in found.items()} == {"x": "A*v", "y": "A'*u"}
    with pytest.raises(mc.ShapeError, match="1 directions are given for 2 variables"):
        mc.hvp("x'*A*y", ("x", "y"), "u")
    with pytest.raises(mc.NotScalar):
        mc.hvp("A*x", "x", "v")
    with pytest.raises(mc.NotScalar):
        mc.hessian_operator("A*x", "x")
    on_sphere = str(mc.hvp("u'*A*u", "u", "v", f"{UNIT}, A: matrix(n,n) symmetric"))
    assert on_sphere == "2*(A*v - u'*A*u*v - u'*A*v*u)"


def test_what_is_curved_in_two_ways_or_to_third_order_is_refused() -> None:
    with pytest.raises(mc.NotDifferentiable, match="third differential for the unit variable u"):
        mc.differential("u'*A*u", "u", UNIT, order=3)
    (Q,) = mc.variables("Q: matrix(n,n) orthogonal symmetric")
    for asked, where in (("Q", "Q: matrix(n,n) orthogonal symmetric"), (Q, None)):
        with pytest.raises(mc.NotDifferentiable, match="orthogonal and symmetric"):
            mc.hessian("tr(Q)" if where else mc.functions.tr(Q), asked, where)
