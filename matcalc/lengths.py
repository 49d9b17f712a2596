"""How long expressions are to write, before their layout is known."""

from __future__ import annotations

from sympy import Rational, S

from matcalc.expressions import (
    Apply,
    Constant,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Unit,
    Variable,
)
from matcalc.function_table import ALONG_AXES
from matcalc.leaves import MINUS_ONE, Duplication, Elimination

HALF = Rational(1, 2)
MINUS = S.NegativeOne


def length(node: Expression) -> int:
    """About how many tokens the expression takes to write."""
    known: int | None = node._mark
    if known is not None:
        return known
    stack = [node]
    while stack:
        part = stack[-1]
        waiting = [] if part._mark is not None else [o for o in part.operands if o._mark is None]
        if waiting:
            stack.extend(waiting)
        else:
            part._mark = _own_length(part)
            stack.pop()
    found: int = node._mark
    return found


def _own_length(node: Expression) -> int:
    inner = sum(o._mark for o in node.operands)
    kind = type(node)
    if kind in (Variable, Constant, Number):
        return 1 + (isinstance(node, Number) and isinstance(node.value, Rational) and node.value.q != 1)
    if kind in (Identity, Ones, Unit, Duplication, Elimination):
        return 2
    if kind is Sum:
        # the sign of a term is the operator before it
        negative = sum(1 for t in node.operands if isinstance(t, Product) and t.coefficient is MINUS)
        return inner + len(node.operands) - 1 - (negative if negative < len(node.operands) else negative - 1)
    if kind is Product:
        return inner + len(node.operands) - 1 - (node._args[0] is MINUS_ONE)
    if kind is Hadamard:
        return inner + len(node.operands) - 1
    if kind is Power and isinstance(node._args[1], Number) and node._args[1].value in (-1, HALF):
        return inner - node._args[1]._mark + 1
    if kind is Apply:
        if node.function == "kron":
            return inner + 3  # the largest of matrices: what has fewer of them is better
        if node.function in ALONG_AXES:
            return 1  # all terms of its derivative have it as a factor, so that it gets a name
    return inner + 1
