"""Gradients for weighted inner products ⟨U, V⟩ = tr(U′LVR), with L and R symmetric positive definite.

The gradient is the tangent Γ with df = ⟨Γ, dX⟩: for a free variable L⁻¹GR⁻¹, where G is the plain gradient.

| declared | gradient | weights |
|---|---|---|
| symmetric, spd, skew | L⁻¹ P(G) R⁻¹ with P(G) = (G ± G′)/2 | L = R |
| | 2P(G) ⊘ (l r′ + r l′) | L = diag(l), R = diag(r) |
| | Γ with LΓR + RΓL = 2P(G) | any |
| lower, upper | L⁻¹ tril(G) R⁻¹ | L, R diagonal |
| diagonal | diag((L ⊙ R)⁻¹ diag(G)) | any |
| unit vector | L⁻¹(g − x x′L⁻¹g/x′L⁻¹x) | any |
| unit columns | the same for each column, times R⁻¹ | R diagonal |
| orthogonal | L⁻¹(G − XS)R⁻¹ with RMS + SMR = R(N + N′)R, M = X′L⁻¹X, N = X′L⁻¹GR⁻¹ | any |

The equations are Sylvester's. Elsewhere the gradient has no closed form, and is refused by name.
Source: Absil, Mahony & Sepulchre 2008, Optimization Algorithms on Matrix Manifolds, section 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Integer

from matcalc.applications import apply
from matcalc.declarations import Where, declarations, variables_among
from matcalc.dimensions import is_unknown
from matcalc.errors import MatcalcError, NotDifferentiable, NotScalar, ShapeError, UnknownName
from matcalc.expressions import ONE, Dimension, Expression, Identity, Sum, Variable, variables_of
from matcalc.leaves import MINUS_ONE, identity, variable
from matcalc.names import BARE_NAMES
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.products import multiply
from matcalc.reading import Reading, read
from matcalc.signs import NONNEGATIVE, definiteness
from matcalc.sizes import declaration_text, shape_words, with_article
from matcalc.structures import DIAGONAL, triangles
from matcalc.sums import add, negate, scale, split_coefficient
from matcalc.tangents import HALF, is_constrained, is_curved, projection, without_normal
from matcalc.tokens import spelled
from matcalc.transposes import transpose
from matcalc.writing import declarations_of, text

TWO = Integer(2)
Weights: TypeAlias = "str | Expression | Sequence[str | Expression]"


@dataclass(frozen=True)
class InnerProduct:
    """⟨U, V⟩ = tr(U′ left V right), for arguments of the shape of a variable.

    >>> import matcalc as mc
    >>> D = mc.differentiate("x'*A*x", "x", where="A: matrix(n,n), x: vector(n)", inner="W")
    >>> str(D.inner), str(D.gradient)
    ("⟨u, v⟩ = u'*W*v", "inv(W)*(A + A')*x")
    """

    left: Expression
    right: Expression
    taken: frozenset[str] = frozenset()
    """The names of the question, which the arguments do not bear."""

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in the weights."""
        return tuple(variables_of(self.left, self.right))

    def conditions(self) -> tuple[str, ...]:
        """What must hold for the weights to be definite, in words."""
        weights = dict.fromkeys((self.left, self.right))
        return tuple(f"{text(W)} invertible" for W in weights if definiteness(W) == NONNEGATIVE)

    def __str__(self) -> str:
        L, R = (_as_factor(W) for W in (self.left, self.right))
        taken = self.taken | {v.name for v in self.variables}
        if ONE in (self.left.rows, self.right.rows):
            u, v = next((p for p in ("uv", "xy", "ab", "pq") if taken.isdisjoint(p)), ("u_", "v_"))
            form = f"{u}*{R}*{v}'" if self.left.is_scalar and not self.right.is_scalar else f"{u}'*{L}*{v}"
            return f"⟨{u}, {v}⟩ = {form}"
        U, V = next((p for p in ("UV", "MN", "XY", "PQ") if taken.isdisjoint(p)), ("U_", "V_"))
        factors = [f"{U}'", *([] if isinstance(self.left, Identity) else [L]), V]
        return f"⟨{U}, {V}⟩ = tr({'*'.join([*factors, *([] if isinstance(self.right, Identity) else [R])])})"

    def gradient(self, x: Variable, G: Expression) -> Expression:
        """The gradient in x, where G is the plain one of a free variable.

        Raises NotDifferentiable where there is no closed form for it on the tangent space of x.
        """
        L, R = (power(W, MINUS_ONE) for W in (self.left, self.right))
        if not is_constrained(x) or x.is_scalar:
            return multiply(L, G, R)
        G = without_normal(x, G) if is_curved(x) else G
        if all(isinstance(split_coefficient(W)[1], Identity) or W.is_scalar for W in (self.left, self.right)):
            return multiply(L, projection(x, G), R)
        for word, form in _FORMS.items():
            if word in x.properties:
                found = form(self, x, G)
                if found is not None:
                    return found
                raise _no_closed_form(self, x, word)
        raise _no_closed_form(self, x, " ".join(sorted(x.properties)))

    def weighted(self, M: Expression) -> Expression:
        """L⁻¹MR⁻¹."""
        return multiply(power(self.left, MINUS_ONE), M, power(self.right, MINUS_ONE))

    @property
    def is_diagonal(self) -> bool:
        """Whether the weights are seen to be diagonal."""
        return triangles(self.left) == triangles(self.right) == DIAGONAL


def _as_factor(W: Expression) -> str:
    plain = type(W) is not Sum and split_coefficient(W)[0] is ONE
    return text(W) if plain else f"({text(W)})"


def _no_closed_form(inner: InnerProduct, x: Variable, word: str) -> NotDifferentiable:
    message = f"the gradient in the {word} variable {x.name} for {inner} has no closed form"
    hint = f"take diagonal weights, or declare {x.name} without {word} for the gradient in all directions"
    return NotDifferentiable(message, hint=hint)


# ---- closed forms -------------------------------------------------------------------------------------------------


def _symmetric(inner: InnerProduct, x: Variable, G: Expression) -> Expression | None:
    projected = projection(x, G)
    if split_coefficient(inner.left)[1] is split_coefficient(inner.right)[1]:
        return inner.weighted(projected)
    L, R = inner.left, inner.right
    if not inner.is_diagonal:
        inverse = power(R, MINUS_ONE)
        right = scale(TWO, multiply(inverse, projected, inverse))
        return apply("sylvester", multiply(inverse, L), multiply(L, inverse), right)
    weights = multiply(apply("diagonal", L), transpose(apply("diagonal", R)))
    both = scale(HALF, add(weights, transpose(weights)))
    return hadamard(projected, entrywise_power(both, MINUS_ONE))


def _triangular(inner: InnerProduct, x: Variable, G: Expression) -> Expression | None:
    return inner.weighted(projection(x, G)) if inner.is_diagonal else None


def _diagonal(inner: InnerProduct, x: Variable, G: Expression) -> Expression | None:
    g, weights = apply("diagonal", G), hadamard(inner.left, inner.right)
    if DIAGONAL in (triangles(inner.left), triangles(inner.right)):
        g = hadamard(g, entrywise_power(apply("diagonal", weights), MINUS_ONE))
    else:
        g = multiply(power(weights, MINUS_ONE), g)
    return apply("diag", g)


def _unit(inner: InnerProduct, x: Variable, G: Expression) -> Expression | None:
    inverse = power(inner.left, MINUS_ONE)
    along, across = multiply(transpose(x), inverse, G), multiply(transpose(x), inverse, x)
    if x.columns is ONE:
        return multiply(inverse, add(G, negate(multiply(along, power(across, MINUS_ONE), x))))
    if triangles(inner.right) != DIAGONAL:
        return None
    factors = hadamard(apply("diagonal", along), entrywise_power(apply("diagonal", across), MINUS_ONE))
    return inner.weighted(add(G, negate(multiply(x, apply("diag", factors)))))


def _orthogonal(inner: InnerProduct, x: Variable, G: Expression) -> Expression | None:
    R, inverse = inner.right, power(inner.left, MINUS_ONE)
    M, N = multiply(transpose(x), inverse, x), multiply(transpose(x), inner.weighted(G))
    right = multiply(R, add(N, transpose(N)), R)
    return inner.weighted(add(G, negate(multiply(x, apply("sylvester", multiply(R, M), multiply(M, R), right)))))


_FORMS: dict[str, Callable[[InnerProduct, Variable, Expression], Expression | None]] = {
    "diagonal": _diagonal,
    **dict.fromkeys(("symmetric", "spd", "skew"), _symmetric),
    **dict.fromkeys(("lower", "upper"), _triangular),
    "unit": _unit,
    "orthogonal": _orthogonal,
}
"""By property, the gradient where it has a closed form."""


# ---- reading ------------------------------------------------------------------------------------------------------


def read_together(f: str, weights: Weights, name: str, where: Where) -> Reading | None:
    """The text with its sizes as they are beside the weights, or None where the two do not read together.

    A name alone that is not declared is that of a positive definite matrix.
    """
    given = [weights] if isinstance(weights, (str, Expression)) else list(weights)
    if not all(isinstance(W, str) for W in given) or not 1 <= len(given) <= 2:
        return None
    try:
        reading = read(f, where)
        if any(v.name == name and v.is_scalar for v in reading.variables):
            return None
        taken = {*declarations(where)[0], *(v.name for v in reading.variables), *BARE_NAMES}
        names = [W for W in map(str.strip, map(str, given)) if W.isidentifier() and spelled(W) not in taken]
        declared = [", ".join(map(": ".join, where.items())) if isinstance(where, Mapping) else where or ""]
        weighted = "*".join(f"({factor})" for factor in (f"{name}'", given[0], name, *given[1:]))
        everything = ", ".join(filter(None, [*declared, *(f"{W}: matrix spd" for W in names)]))
        together = read(f"({f}) + 0*tr({weighted})", everything)
    except MatcalcError:
        return None
    weights_found = [v for v in together.variables if v.name in {*map(spelled, names)}]
    notes = tuple(note for note in together.notes if note in reading.notes)
    return together._replace(notes=(*notes, *map(_assumed, weights_found)))


def _assumed(W: Variable) -> str:
    words = "positive" if W.is_scalar else "spd"
    return f"{W.name}: {declaration_text(W.shape)} {words}, since it is the weight of an inner product"


def read_inner_product(
    weights: Weights, f: Expression, variables: Sequence[Variable], where: Where, known: Mapping[str, Variable]
) -> tuple[InnerProduct, tuple[str, ...]]:
    """The inner product that one weight or two define for the variable, and notes on how they were read.

    A name that is not declared is that of a positive definite matrix.  Raises NotScalar where f has no gradient,
    ShapeError for a weight of another size, or one that is not seen to be positive definite.
    """
    if not f.is_scalar:
        words = f"{text(f)} is {with_article(shape_words(f.shape))}"
        hint = "leave it out, or take sum(…), norm2(…)^2 or another scalar of it"
        raise NotScalar(f"an inner product is for a gradient, which only a scalar has, and {words}", hint=hint)
    if len(variables) > 1:
        names = ", ".join(x.name for x in variables)
        raise UnknownName("name the variable that the inner product is for", hint=f"one of {names}")
    x = variables[0]
    given = [weights] if isinstance(weights, (str, Expression)) else list(weights)
    sides = (x.rows, x.columns)
    is_matrix = ONE not in sides
    if not 1 <= len(given) <= 1 + is_matrix:
        allowed = "one weight or two" if is_matrix else "one weight"
        hint = "⟨u, v⟩ = u'*W*v has one weight, ⟨U, V⟩ = tr(U'*L*V*R) two"
        raise ShapeError(f"an inner product for {x.name} has {allowed}, not {len(given)}", hint=hint)
    places = [0, 1][: len(given)] if is_matrix else [0 if x.columns is ONE else 1]
    found: list[Expression] = [identity(x.rows), identity(x.columns)]
    notes: list[str] = []
    for place, W in zip(places, given, strict=True):
        found[place], more = _read_weight(W, sides[place], where, known)
        notes += more
    inner = InnerProduct(found[0], found[1], frozenset(known))
    return inner, (*dict.fromkeys(notes), f"the gradient is for {inner}: df = ⟨∇f, d{x.name}⟩")


def _read_weight(
    given: str | Expression, n: Dimension, where: Where, known: Mapping[str, Variable]
) -> tuple[Expression, list[str]]:
    notes: list[str] = []
    W = given
    if isinstance(W, str):
        names = dict(known)
        for name, v in variables_among(declarations(where)[0]).items():
            if not any(map(is_unknown, v.shape)):
                names.setdefault(name, v)
        name = spelled(W.strip())
        if name.isidentifier() and name not in {*names, *declarations(where)[0], *BARE_NAMES}:
            names[name] = variable(name, n, n, "positive" if n is ONE else "spd")
            notes.append(_assumed(names[name]))
        W = read(W, declarations_of(names.values(), []), shape=(n, n)).expression
    label = given if isinstance(given, str) else text(W)
    if W.shape != (n, n):
        message = f"the weight {label} is {shape_words(W.shape)}, and it needs to be {shape_words((n, n))}"
        raise _refused(message, given, f"a weight W has ⟨u, v⟩ = u'*W*v, so it is {shape_words((n, n))}")
    if not definiteness(W):
        message = f"a weight is symmetric and positive definite, and that is not seen of {label}"
        raise _refused(message, given, _way_out(W))
    return W, notes


def _way_out(W: Expression) -> str:
    if isinstance(W, Variable):
        shape = declaration_text(W.shape)
        return f"declare {W.name}: {shape} {'positive' if W.is_scalar else 'spd'}" + (
            "" if W.is_scalar else f", or write {W.name}'*{W.name}"
        )
    return "declare its variables spd, positive in diag(w), or write it as D'*D or D'*S*D with S spd"


def _refused(message: str, given: str | Expression, hint: str) -> ShapeError:
    if isinstance(given, str):
        return ShapeError(message, text=given, start=0, end=len(given), hint=hint)
    return ShapeError(message, hint=hint)
