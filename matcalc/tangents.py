"""Tangent spaces of constrained variables: what their perturbations are, and the projection onto them.

| declared | tangent space at X | projection of G |
|---|---|---|
| symmetric, spd | symmetric | (G + G′)/2 |
| skew | skew | (G − G′)/2 |
| diagonal | diagonal | diag(diag(G)) |
| lower, upper | triangular | tril(G), triu(G) |
| unit vector | x′dx = 0 | G − x x′G |
| unit columns | diag(X′dX) = 0 | G − X diag(diag(X′G)) |
| orthogonal | Q′dQ skew | G − Q(Q′G + G′Q)/2 |

What is orthogonal to all tangents drops out of a differential: x in ⟨x, dx⟩, and QS with S symmetric in ⟨QS, dQ⟩.

Source: Edelman, Arias & Smith 1998, "The geometry of algorithms with orthogonality constraints".
"""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Rational

from matcalc.applications import apply
from matcalc.expansions import multiplied_out
from matcalc.expressions import ONE, Expression, Product, Sum, Variable
from matcalc.leaves import identity, number, variable, zero
from matcalc.powers import entrywise_power, power
from matcalc.products import multiply
from matcalc.structures import DIAGONAL, is_symmetric, triangles
from matcalc.substitutions import substitute
from matcalc.sums import add, negate, scale, split_coefficient
from matcalc.transposes import transpose

CURVED = ("unit", "orthogonal")
LINEAR = ("symmetric", "skew", "diagonal", "lower", "upper")
CONSTRAINTS = frozenset({*LINEAR, "spd", "unit", "orthogonal"})
HALF = Rational(1, 2)


def tangent_properties(x: Variable) -> tuple[str, ...]:
    """The properties of a perturbation of x that hold in its tangent space."""
    found = [p for p in LINEAR if p in x.properties]
    return ("symmetric",) if "spd" in x.properties and not found else tuple(found)


def perturbation(x: Variable, name: str) -> Variable:
    """The variable for a perturbation of x, in its tangent space where that is a space of matrices."""
    return variable(name, *x.shape, *(tangent_properties(x) if x.properties else ()))


def is_constrained(x: Variable) -> bool:
    """Whether the perturbations of x do not fill the whole space."""
    return not CONSTRAINTS.isdisjoint(x.properties)


def projection(x: Variable, G: Expression) -> Expression:
    """The orthogonal projection of G onto the tangent space at x.

    >>> import matcalc as mc
    >>> S, A = mc.variables("S: matrix(n,n) symmetric, A: matrix(n,n)")
    >>> str(projection(S, A))
    "(A + A')/2"
    """
    words = x.properties
    if "diagonal" in words:
        return apply("diag", apply("diagonal", G))
    if words & {"symmetric", "spd"}:
        return scale(HALF, add(G, transpose(G)))
    if "skew" in words:
        return scale(HALF, add(G, negate(transpose(G))))
    if "lower" in words:
        G = apply("tril", G)
    if "upper" in words:
        G = apply("triu", G)
    if words & {*CURVED}:
        G = without_normal(x, G)
    if "orthogonal" in words:
        inner = multiply(transpose(x), G)
        return add(G, scale(-HALF, multiply(x, add(inner, transpose(inner)))))
    if "unit" in words:
        if x.columns is ONE:
            return add(G, negate(multiply(x, multiply(transpose(x), G))))
        diagonal = apply("diag", apply("diagonal", multiply(transpose(x), G)))
        return add(G, negate(multiply(x, diagonal)))
    return G


def retraction(x: Variable, Y: Expression) -> Expression:
    """The point of a curved domain that Y is drawn to: Y/‖Y‖, its columns divided by their norms, or its polar factor.

    The derivative at Y = x is the identity on tangents.  Source: Absil, Mahony & Sepulchre 2008, section 4.1.

    >>> import matcalc as mc
    >>> x, y, Q, Y = mc.variables("x: vector(n) unit, y: vector(n), Q: matrix(m,n) orthogonal, Y: matrix(m,n)")
    >>> str(retraction(x, y)), str(retraction(Q, Y))
    ('y/norm2(y)', 'polar(Y)')
    """
    if "orthogonal" in x.properties:
        return apply("polar", Y)
    if "unit" not in x.properties:
        return Y
    if x.columns is ONE:
        return multiply(Y, power(apply("norm2", Y), number(-1)))
    squares = apply("diagonal", multiply(transpose(Y), Y))
    return multiply(Y, apply("diag", entrywise_power(squares, number(Rational(-1, 2)))))


def is_curved(x: Variable) -> bool:
    """Whether the tangent space changes with x."""
    return not x.properties.isdisjoint(CURVED)


def tangency(x: Variable, dx: str) -> str:
    """What is so for the perturbations of x on a curved domain, in words; nothing elsewhere.

    >>> import matcalc as mc
    >>> tangency(*mc.variables("Q: matrix(m,n) orthogonal"), "dQ")
    "Q'*dQ is skew"
    """
    if "orthogonal" in x.properties:
        return f"{x.name}'*{dx} is skew"
    if "unit" in x.properties:
        return f"{x.name}'*{dx} is 0" if x.columns is ONE else f"diag({x.name}'*{dx}) is 0"
    return ""


def without_normal(x: Variable, G: Expression) -> Expression:
    """G without terms that are seen to be orthogonal to all tangents at x.

    >>> import matcalc as mc
    >>> x, c = mc.variables("x: vector(n) unit, c: vector(n)")
    >>> str(without_normal(x, 2 * (x - c)))
    '-2*c'
    """
    c, rest = split_coefficient(multiplied_out(G))
    terms = rest._args if isinstance(rest, Sum) else (rest,)
    factors = {term: after for term in terms if (after := _after(x, term)) is not None}
    if not factors:
        return G
    others = [scale(c, term) for term in terms if term not in factors]
    normal = scale(c, add(*factors.values()))
    if "orthogonal" in x.properties:
        kept = zero(*x.shape) if is_symmetric(normal) else multiply(x, normal)
    else:
        tangent = [scale(c, f) for f in factors.values() if not f.is_scalar and triangles(f) != DIAGONAL]
        kept = multiply(x, add(zero(*normal.shape), *tangent))
    return add(kept, *others)


def _after(x: Variable, term: Expression) -> Expression | None:
    """M where the term is xM, else None."""
    c, rest = split_coefficient(term)
    if rest is x:
        return scale(c, identity(x.columns))
    if not isinstance(rest, Product) or not rest.chain or rest.is_scalar or rest.chain[0] is not x:
        return None
    return multiply(number(c), *rest.scalars, *(rest.chain[1:] or (identity(x.columns),)))


def on_tangents(e: Expression, perturbations: Mapping[Variable, Variable]) -> Expression:
    """The expression with what is 0 for tangents left out: x′dx, and the diagonal of X′dX for unit columns."""
    zeros: dict[Expression, Expression] = {}
    for x, dx in perturbations.items():
        inner = multiply(transpose(x), dx)
        if "unit" in x.properties and x.columns is ONE:
            zeros[inner] = number(0)
        elif is_curved(x):
            for turned in (inner, transpose(inner)):
                zeros[apply("diagonal", turned)] = zero(x.columns, ONE)
            zeros[apply("tr", inner)] = number(0)
    return substitute(e, zeros) if zeros else e
