"""Functions defined by an equation: the node ``solve(g(x, p) = 0, x)``.

The operands of the node are the variables of the equation but for the unknown, which is nowhere free, so that no pass
over a graph needs to know of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Basic, Expr, Symbol

from matcalc.expressions import Expression, Variable, intern, postorder, variables_of
from matcalc.registries import CONSTRUCTORS


class Equation(Basic):
    """``residual = 0`` for an unknown; the other variables of the residual are the parameters."""

    residual: Expression
    unknown: Variable
    parameters: tuple[Variable, ...]
    sizes: tuple[Expr, ...]

    def __new__(cls, residual: Expression, unknown: Variable) -> Equation:
        found: Equation = Basic.__new__(cls, residual, unknown)
        found.residual, found.unknown = residual, unknown
        # the index of a sum around the equation is a parameter too
        variables = [e for e in postorder(residual) if isinstance(e, Variable) and e is not unknown]
        found.parameters = tuple(sorted(variables, key=lambda v: v.name))
        found.sizes = tuple(sorted(_symbols([residual, unknown, *found.parameters]), key=str))
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Equation):
            return False
        return self.residual is other.residual and self.unknown is other.unknown

    def __hash__(self) -> int:
        return hash((id(self.residual), id(self.unknown)))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.residual.key.hex()} {self.unknown.key.hex()}"


def _symbols(roots: Sequence[Expression]) -> set[Expr]:
    arguments = [a for e in postorder(*roots) for a in (*e.shape, *e._args) if not isinstance(a, Expression)]
    return {s for a in arguments if isinstance(a, Expr) for s in a.free_symbols if type(s) is Symbol}


class Implicit(Expression):
    """The x that solves an equation; ``args`` are the equation and the operands for its parameters."""

    __slots__ = ("equation",)
    equation: Equation


def implicit(equation: Equation, *operands: Expression) -> Expression:
    """The solution of an equation at operands for its parameters, which are put into it: the node has its variables."""
    if operands != equation.parameters:
        unknown = equation.unknown
        taken, label = {v.name for v in variables_of(*operands)}, unknown.name
        while label in taken:
            label += "_"
        own = CONSTRUCTORS["Variable"](label, *unknown.shape)
        values = {unknown: own, **dict(zip(equation.parameters, operands, strict=True))}
        equation = Equation(CONSTRUCTORS["substitute"](equation.residual, values), own)
        operands = equation.parameters
    node: Expression = intern(Implicit, (equation, *operands), equation.unknown.shape, equation=equation)
    return node


CONSTRUCTORS["Implicit"] = implicit
