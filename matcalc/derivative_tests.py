"""What a derivative of each kind is tested for, against values of the function alone.

Nothing here knows a rule of differentiation but one: a derivative is the slope of the function along a curve.
Adjoints are held to ⟨w, Lv⟩ = ⟨L*w, v⟩, gradients of constrained variables to lie in their tangent space,
second derivatives to be symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from matcalc.adjoints import pullback
from matcalc.agreements import Sides
from matcalc.computations import Place
from matcalc.curves import CONSTRAINED, CURVED, free_entries, tangent
from matcalc.differences import Slope
from matcalc.entry_sums import with_distances
from matcalc.errors import MatcalcError
from matcalc.expressions import Expression, Variable
from matcalc.free_entries import described
from matcalc.judgements import Test
from matcalc.leaves import variable

Kind: TypeAlias = Literal[
    "differential", "gradient", "jacobian", "hessian", "hessian_operator", "second_differential", "third_differential"
]
Names: TypeAlias = Mapping[Variable, Variable]
MOST_ENTRIES_SHOWN = 100
COTANGENT = "the cotangent"


@dataclass(frozen=True)
class Claim:
    """A formula that is said to be a derivative of the given kind.

    `variable` is the one that a gradient, Jacobian or Hessian is in; `other` the second one of a mixed
    Hessian, whose rows belong to `variable` and whose columns to `other`; `weights` are L and R of the inner
    product ⟨U, V⟩ = tr(U'LVR) that a gradient is for. It is on the free entries of the variables if `free`.
    """

    kind: Kind
    expression: Expression
    variable: Variable | None = None
    other: Variable | None = None
    weights: tuple[Expression, Expression] | None = None
    free: bool = False

    def coordinates(self, x: Variable, V: Any) -> Any:
        """A perturbation of x as a column: of all its entries, or of the free ones."""
        return free_entries(x, V) if self.free else vec(V)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """What of the claim has a value."""
        return (self.expression, *(self.weights or ()))


@dataclass(frozen=True)
class Case:
    """A function, its variables, what stands for their perturbations, and its first and second differential."""

    f: Expression
    variables: tuple[Variable, ...]
    first: Names
    second: Names
    linear: Expression
    third: Names = field(default_factory=dict)
    bilinear: Expression | None = None

    @property
    def cotangent(self) -> Variable:
        """A variable with the shape of f."""
        return variable(COTANGENT, *self.f.shape)

    def others_at_rest(self, s: Place, x: Variable) -> dict[str, Any]:
        """Zero for the perturbation of every variable but x."""
        names = [self.first[v].name for v in self.variables if v is not x]
        return {name: 0 * s.values[name] for name in names}


def dot(A: Any, B: Any) -> Any:
    """⟨A, B⟩, the sum of the products of entries."""
    product = A * B
    return product.sum() if getattr(product, "ndim", 0) else product


def vec(A: Any) -> Any:
    """The columns one under the other; a scalar is a 1×1 matrix."""
    return np.atleast_2d(A).reshape(-1, 1, order="F")


def _variable(claim: Claim) -> Variable:
    if claim.variable is None:
        raise MatcalcError(f"a claim about a {claim.kind} needs its variable")
    return claim.variable


def differential_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    moves = {v: case.first[v].name for v in case.variables}
    directions = tuple(moves.values())
    yield Test(name, lambda s: Sides(s.value(claim.expression), s.slope(case.f, moves)), directions=directions)


def _gradient_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    x = _variable(claim)
    dx = case.first[x].name

    def sides(s: Place) -> Sides:
        g, v = _weighted(s, claim), s.values[dx]
        v = free_entries(x, v) if claim.free else v
        scale = s.scale(g, v, over=float(np.sqrt(np.size(v))))
        return Sides(dot(g, v), s.slope(case.f, {x: dx}), scale)

    def entries(s: Place) -> Sides:
        g = s.value(claim.expression)
        if x.is_scalar:
            s.values["the unit"] = 1 + 0 * s.values[x.name]
            return Sides(g, s.slope(case.f, {x: "the unit"}))
        if np.size(g) > MOST_ENTRIES_SHOWN:
            return sides(s)
        right = np.empty(g.shape, dtype=object)
        error = 0.0
        for place, partial in _partial_derivatives(s, case.f, x):
            right[place] = partial.value
            error = max(error, partial.error)
        return Sides(g, Slope(right, error))

    if claim.free:
        yield Test(name, sides, directions=(dx,), statement=f"with g the {name}, g'*{described(case.first[x])} gives")
        return
    if claim.weights is None:
        yield Test(name, sides, entries)
    else:
        yield Test(name, sides, directions=(dx,), statement=f"with g the {name}, ⟨g, {dx}⟩ gives")
    if x.properties & CONSTRAINED and not x.is_scalar:
        words = " ".join(sorted(x.properties & CONSTRAINED))
        statement = f"the {name} leaves the tangent space of {words} matrices: it gives"
        yield Test(f"{name} (tangency)", lambda s: _tangency(s, claim.expression, x), statement=statement)


def _weighted(s: Place, claim: Claim) -> Any:
    """LGR, whose plain product with a perturbation is that of the gradient G for the weights."""
    g = s.value(claim.expression)
    if claim.weights is None:
        return g
    L, R = (s.value(W) for W in claim.weights)
    left, right = claim.weights
    g = L * g if left.is_scalar else L @ g
    return g * R if right.is_scalar else g @ R


def _partial_derivatives(s: Place, f: Expression, x: Variable) -> Iterator[tuple[tuple[int, ...], Slope]]:
    """The derivative along each coordinate, or what of it is tangent, column by column."""
    X = s.values[x.name]
    rows, columns = X.shape
    for place in [(i, j) for j in range(columns) for i in range(rows)]:
        E = np.zeros(X.shape, dtype=int)
        E[place] = 1
        s.values[f"the coordinate {place}"] = tangent(x, X, E + 0 * X)
        yield place, s.slope(f, {x: f"the coordinate {place}"})


def _tangency(s: Place, gradient: Expression, x: Variable) -> Sides:
    """A gradient lies in the tangent space; what does not is invisible along tangents."""
    g = s.value(gradient)
    return Sides(g, Slope(tangent(x, s.values[x.name], g), 0.0))


def _jacobian_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    x = _variable(claim)
    dx = case.first[x].name

    def sides(s: Place) -> Sides:
        reference = s.slope(case.f, {x: dx})
        J = s.value(claim.expression)
        found = np.atleast_2d(J) @ claim.coordinates(x, s.values[dx])
        return Sides(found, Slope(vec(reference.value), reference.error, reference.order))

    def entries(s: Place) -> Sides:
        J = np.atleast_2d(s.value(claim.expression))
        partials = [partial for _, partial in _partial_derivatives(s, case.f, x)]
        columns = [vec(partial.value) for partial in partials]
        return Sides(J, Slope(np.hstack(columns), max(partial.error for partial in partials)))

    if x.is_scalar or x.properties & CONSTRAINED:
        entries_of = described(case.first[x]) if claim.free else f"vec({dx})"
        yield Test(name, sides, directions=(dx,), statement=f"the {name} times {entries_of} gives")
    else:
        yield Test(name, sides, entries)


def _hessian_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    x = _variable(claim)
    y = claim.other or x
    u, v = case.first[x].name, case.second[y].name

    def sides(s: Place) -> Sides:
        H = np.atleast_2d(s.value(claim.expression))
        du, dv = claim.coordinates(x, s.values[u]), claim.coordinates(y, s.values[v])
        scale = s.scale(H, du, dv, over=H.shape[0])
        # on a curved domain, the second derivative along geodesics: the covariant one
        carried = {x: u} if x.properties & CURVED else {}
        reference = s.slope(case.linear, {y: v}, carried=carried, **case.others_at_rest(s, x))
        return Sides(dot(du, H @ dv), reference, scale)

    statement = f"with H the {name}, vec({u})'*H*vec({v}) gives"
    yield Test(name, sides, directions=(u, v), statement=statement)
    if x is y and not x.is_scalar:
        statement = f"the {name} is not symmetric: vec({u})'*H*vec({v}) gives"
        symmetry = f"{name} (symmetry)"
        yield Test(symmetry, lambda s: _symmetry(s, claim, u, v), directions=(u, v), statement=statement)


def _symmetry(s: Place, claim: Claim, u: str, v: str) -> Sides:
    H = s.value(claim.expression)
    du, dv = (claim.coordinates(_variable(claim), s.values[name]) for name in (u, v))
    return Sides(dot(du, H @ dv), Slope(dot(dv, H @ du), 0.0), s.scale(H, du, dv, over=len(H)))


def _hessian_operator_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    """⟨u, H[v]⟩ is the slope along u of the differential in the direction v."""
    x = _variable(claim)
    u = case.second[x].name
    carried = {x: case.first[x].name} if x.properties & CURVED else {}

    def sides(s: Place) -> Sides:
        Hv, du = s.value(claim.expression), s.values[u]
        return Sides(dot(Hv, du), s.slope(case.linear, {x: u}, carried=carried), s.scale(Hv, du))

    directions = (*(case.first[v].name for v in case.variables), u)
    yield Test(name, sides, directions=directions, statement=f"the {name}, times {u}, gives")
    if x.properties & CONSTRAINED and not x.is_scalar:
        words = " ".join(sorted(x.properties & CONSTRAINED))
        statement = f"the {name} leaves the tangent space of {words} matrices: it gives"
        yield Test(f"{name} (tangency)", lambda s: _tangency(s, claim.expression, x), statement=statement)


def second_differential_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    moves = {v: case.second[v].name for v in case.variables}
    carried = {v: case.first[v].name for v in case.variables if v.properties & CURVED}

    def sides(s: Place) -> Sides:
        return Sides(s.value(claim.expression), s.slope(case.linear, moves, carried=carried))

    yield Test(name, sides, directions=_all_names(case, case.first, case.second))
    yield _exchange_test(case, name, claim, case.first, case.second)


def _third_differential_tests(case: Case, name: str, claim: Claim) -> Iterator[Test]:
    moves = {v: case.third[v].name for v in case.variables}
    bilinear = case.bilinear
    if bilinear is None:
        raise MatcalcError("a claim about a third differential needs the second one")

    def sides(s: Place) -> Sides:
        return Sides(s.value(claim.expression), s.slope(bilinear, moves))

    yield Test(name, sides, directions=_all_names(case, case.first, case.second, case.third))
    yield _exchange_test(case, name, claim, case.first, case.third)


def _all_names(case: Case, *directions: Names) -> tuple[str, ...]:
    return tuple(names[v].name for v in case.variables for names in directions)


def _exchange_test(case: Case, name: str, claim: Claim, first: Names, second: Names) -> Test:
    """The symmetry of a multilinear form in two of its directions."""

    def exchanged(s: Place) -> Sides:
        pairs = [(first[v].name, second[v].name) for v in case.variables]
        values = {a: s.values[b] for a, b in pairs} | {b: s.values[a] for a, b in pairs}
        return Sides(s.value(claim.expression), Slope(s.value_at(claim.expression, values), 0.0))

    statement = f"the {name} changes when its directions are exchanged: it gives"
    directions = _all_names(case, first, second)
    return Test(f"{name} (symmetry)", exchanged, directions=directions, statement=statement)


TESTS: dict[str, Callable[[Case, str, Claim], Iterator[Test]]] = {
    "differential": differential_tests,
    "gradient": _gradient_tests,
    "jacobian": _jacobian_tests,
    "hessian": _hessian_tests,
    "hessian_operator": _hessian_operator_tests,
    "second_differential": second_differential_tests,
    "third_differential": _third_differential_tests,
}


# ---- the adjoint -------------------------------------------------------------------------------------------


def adjoints_of(case: Case) -> dict[Variable, Expression]:
    """The adjoint of the derivative at a cotangent, for each variable; empty where the engine has none."""
    try:
        found = pullback(with_distances(case.f), case.cotangent, case.variables)
    except MatcalcError:
        return {}
    return {v: found[v] for v in case.variables}


def adjoint_test(case: Case, adjoints: Mapping[Variable, Expression]) -> Test:
    def sides(s: Place) -> Sides:
        w, Lv = s.values[COTANGENT], s.value(case.linear)
        pairs = [(v, s.value(g), s.values[case.first[v].name]) for v, g in adjoints.items()]
        right = [dot(g, dv) for _, g, dv in pairs]
        # on a curved domain x'dx is rounding, where an answer has 0
        curved = [s.scale(g, dv) for v, g, dv in pairs if v.properties & CURVED]
        return Sides(dot(w, Lv), Slope(sum(right[1:], right[0]), 0.0), max(s.scale(w, Lv), *curved, 0.0))

    return Test("adjoint", sides, statement="⟨w, L v⟩ and ⟨L* w, v⟩ differ: the first gives")
