"""Exponentials whose rows may be scaled: exp(Z) in formulas that only use its rows divided by their sums.

Where nothing changes when row i of E = exp(Z) is multiplied by cᵢ, E may be computed as exp(Z − the largest
entries of the rows), which does not overflow. Degrees tell: an entry (i, j) of a node is multiplied by cᵢʳ·cⱼˢ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sympy import Expr, Integer

from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Number,
    Ones,
    Product,
    Sum,
    Transpose,
)
from matcalc.operations import evaluation_order, operands_of
from matcalc.product_orders import is_diagonal
from matcalc.transposes import transpose

Degree: TypeAlias = tuple[Expr, Expr]
ZERO: Degree = (Integer(0), Integer(0))
MOST_EXPONENTIALS = 8


def scalable_exponentials(roots: Sequence[Expression]) -> frozenset[Expression]:
    """The matrices exp(Z) whose rows may be multiplied by any positive numbers without a change of the roots.

    >>> import matcalc as mc
    >>> Z = "Z: matrix(m,n)"
    >>> [str(e) for e in scalable_exponentials([mc.parse("diag(1./sum(exp(Z), 2))*exp(Z)", where=Z)])]
    ['exp(Z)']
    >>> scalable_exponentials([mc.parse("diag(1./sum(exp(Z), 2))*Z + exp(Z)", where=Z)])
    frozenset()
    """
    nodes = list(evaluation_order(roots))
    sums = {e for node in nodes if (e := _divided_by_rows(node)) is not None}
    if not sums or len(sums) > MOST_EXPONENTIALS:
        return frozenset()
    return frozenset(e for e in sums if _is_scalable(e, nodes, roots))


def _divided_by_rows(node: Expression) -> Expression | None:
    """E where the node is a negative power of E*ones, and E = exp(Z) is a matrix."""
    if isinstance(node, EntrywisePower) and isinstance(node.args[1], Number) and node.args[1].value.is_negative:
        return _summed_by_rows(node.args[0])
    return None


def _summed_by_rows(node: Expression) -> Expression | None:
    """E where the node is E*ones, the sums of the rows of a matrix E = exp(Z)."""
    if isinstance(node, Product) and len(node.chain) == 2 and node.coefficient is ONE and not node.scalars:
        E, other = node.chain
        if isinstance(other, Ones) and isinstance(E, Apply) and E.function == "exp" and E.rows is not ONE:
            return E
    return None


def _is_scalable(E: Expression, nodes: Sequence[Expression], roots: Sequence[Expression]) -> bool:
    if transpose(E) is E:  # rows multiplied by different numbers are no longer symmetric
        return False
    degrees: dict[Expression, Degree] = {E: (Integer(1), Integer(0))}
    for node in nodes:
        if node is E:
            continue
        found = _degree(node, degrees)
        if found is None:
            return False
        if found != ZERO:
            degrees[node] = found
    return not any(root in degrees for root in roots)


def _degree(node: Expression, degrees: Mapping[Expression, Degree]) -> Degree | None:
    """The degree of a node whose operands have degrees; None where it is not homogeneous."""
    operands = list(operands_of(node))
    own = [degrees.get(o, ZERO) for o in operands]
    if all(d == ZERO for d in own):
        return ZERO
    if isinstance(node, Transpose):
        return own[0][1], own[0][0]
    if isinstance(node, Sum):
        return own[0] if all(d == own[0] for d in own) else None
    if isinstance(node, Hadamard):
        return sum((d[0] for d in own), Integer(0)), sum((d[1] for d in own), Integer(0))
    if isinstance(node, EntrywisePower):
        exponent = node.args[1]
        base = degrees.get(node.args[0], ZERO)
        return (base[0] * exponent.value, base[1] * exponent.value) if isinstance(exponent, Number) else None
    if isinstance(node, Product):
        return _degree_of_product(node, degrees)
    if isinstance(node, Apply) and node.function in ("diag", "diagonal", "tr"):
        total = own[0][0] + own[0][1]
        if node.function == "tr":
            return ZERO if total == 0 else None
        return total, Integer(0)
    return None


def _degree_of_product(node: Product, degrees: Mapping[Expression, Degree]) -> Degree | None:
    if any(s in degrees for s in node.scalars):
        return None
    row, column = Integer(0), Integer(0)
    is_first = True
    for f in node.chain:
        r, c = degrees.get(f, ZERO)
        if is_diagonal(f):
            row, column = (row + r, column) if is_first else (row, column + r)
        elif is_first:
            row, column = row + r, c
            is_first = False
        elif column + r != 0:
            return None
        else:
            column = c
    if is_first:
        return row, Integer(0)
    return row, column
