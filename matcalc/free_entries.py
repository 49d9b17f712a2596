"""Derivatives on the free entries of a structured variable: those that its property leaves to choose.

| declared | free entries p | M with vec(dX) = M dp |
|---|---|---|
| symmetric, spd | vech(X) | D(n), the duplication matrix |
| lower | vech(X) | L(n)′, the elimination matrix transposed |
| upper | vech(X′) | K(n,n) L(n)′ |
| skew | vech(X), with 0 for the diagonal | (I − K(n,n)) L(n)′ |
| diagonal | diag(X) | diag(vec(I)) (1 ⊗ I) |
| none | vec(X) | I |

A Jacobian on p is JM, a Hessian M′HM, and the gradient M′vec(G): the partial derivatives by the free entries.
Source: Magnus & Neudecker 1980, The elimination matrix: some lemmas and applications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matcalc.applications import apply
from matcalc.differentials import differential_of
from matcalc.errors import NotDifferentiable
from matcalc.expressions import ONE, Dimension, Expression, Variable
from matcalc.leaves import commutation, duplication, elimination, half_size, identity, ones, variable
from matcalc.lengths import length
from matcalc.operator_matrices import operator_matrix
from matcalc.products import multiply
from matcalc.simplification import simplify
from matcalc.sums import add, negate
from matcalc.tangents import CURVED
from matcalc.transposes import transpose

HALVED = frozenset({"symmetric", "spd", "lower", "upper", "skew"})


def count(x: Variable) -> Dimension:
    """How many free entries the variable has, with the diagonal of a skew one."""
    if x.is_scalar or not x.properties & {*HALVED, "diagonal"}:
        return x.rows * x.columns
    return x.rows if _is_diagonal(x) else half_size(x.rows)


def _is_diagonal(x: Variable) -> bool:
    words = x.properties
    return "diagonal" in words or ("symmetric" in words and bool(words & {"lower", "upper"}))


def described(x: Variable) -> str:
    """The free entries in words: vech(S)."""
    if x.is_scalar or count(x) is ONE or not x.properties & {*HALVED, "diagonal"}:
        return x.name if x.columns is ONE else f"vec({x.name})"
    if _is_diagonal(x):
        return f"diag({x.name})"
    return f"vech({x.name}')" if "upper" in x.properties else f"vech({x.name})"


def refuse_without_entries(variables: Iterable[Variable], weighted: bool = False) -> None:
    """Raise NotDifferentiable for a variable that is not made of free entries, or where weights are given too."""
    if weighted:
        message = "a gradient is for an inner product or on the free entries, not both"
        raise NotDifferentiable(message, hint="leave out one of inner and free")
    for x in variables:
        for word in CURVED:
            if word in x.properties:
                message = f"the {word} variable {x.name} has no free entries: its entries depend on each other"
                raise NotDifferentiable(message, hint="ask for the gradient in its tangent space, without free entries")


def entries_matrix(x: Variable) -> Expression:
    """M with vec(dX) = M dp for the free entries p.

    >>> import matcalc as mc
    >>> S, L = mc.variables("S: matrix(n,n) symmetric, L: matrix(n,n) lower")
    >>> str(entries_matrix(S)), str(entries_matrix(L))
    ('duplication(n)', "elimination(n)'")
    """
    n = x.rows
    if x.is_scalar or not x.properties & {*HALVED, "diagonal"}:
        return identity(x.rows * x.columns)
    if _is_diagonal(x):
        return multiply(apply("diag", apply("vec", identity(n))), apply("kron", ones(n, ONE), identity(n)))
    if x.properties & {"symmetric", "spd"}:
        return duplication(n)
    spread = transpose(elimination(n))
    if "lower" in x.properties:
        return spread
    if "upper" in x.properties:
        return multiply(commutation(n, n), spread)
    return multiply(add(identity(n * n), negate(commutation(n, n))), spread)


def gradient_on_entries(x: Variable, G: Expression) -> Expression:
    """M′vec(G): the partial derivatives by the free entries, where G is the gradient of a variable without property."""
    if x.is_scalar or not x.properties & {*HALVED, "diagonal"}:
        return apply("vec", G)
    if _is_diagonal(x):
        return apply("diagonal", G)
    if x.properties & {"symmetric", "spd"}:
        return multiply(transpose(duplication(x.rows)), apply("vec", G))
    if "skew" in x.properties:
        return apply("vech", add(G, negate(transpose(G))))
    return apply("vech", transpose(G) if "upper" in x.properties else G)


def matrix_on_entries(
    e: Expression, x: Variable, dx: Variable, differential: Callable[..., Expression] = differential_of
) -> Expression:
    """The matrix of the derivative of e in x, on the free entries of dx.

    >>> import matcalc as mc
    >>> S, dS = mc.variables("S, dS: matrix(n,n) symmetric")
    >>> str(matrix_on_entries(S**-1, S, dS))
    '-kron(inv(S), inv(S))*duplication(n)'
    """
    if _is_diagonal(x) and not x.is_scalar:
        p = variable(dx.name, x.rows)
        return _shortest(differential(e, {x: apply("diag", p)}), p, identity(x.rows))
    return _shortest(differential(e, {x: dx}), dx, entries_matrix(x))


def _shortest(linear: Expression, dx: Variable, spread: Expression) -> Expression:
    forms = dict.fromkeys((simplify(linear), linear))
    return min((simplify(multiply(operator_matrix(form, dx), spread)) for form in forms), key=length)
