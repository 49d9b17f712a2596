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

Source: Edelman, Arias & Smith 1998, "The geometry of algorithms with orthogonality constraints".
"""

from __future__ import annotations

from sympy import Rational

from matcalc.applications import apply
from matcalc.expressions import ONE, Expression, Variable
from matcalc.leaves import variable
from matcalc.products import multiply
from matcalc.sums import add, negate, scale
from matcalc.transposes import transpose

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
    if "orthogonal" in words:
        inner = multiply(transpose(x), G)
        return add(G, scale(-HALF, multiply(x, add(inner, transpose(inner)))))
    if "unit" in words:
        if x.columns is ONE:
            return add(G, negate(multiply(x, multiply(transpose(x), G))))
        diagonal = apply("diag", apply("diagonal", multiply(transpose(x), G)))
        return add(G, negate(multiply(x, diagonal)))
    return G
