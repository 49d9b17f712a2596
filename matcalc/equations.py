"""Functions defined by an equation: the node ``solve(g(x, p) = 0, x)``.

The equation is kept in variables of its own, its parameters, for which the operands of the node stand, so that the
unknown is nowhere free and no pass over a graph needs to know of it.
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
        found.parameters = tuple(sorted((v for v in variables_of(residual) if v is not unknown), key=lambda v: v.name))
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
    """The solution of an equation at operands that stand for its parameters."""
    node: Expression = intern(Implicit, (equation, *operands), equation.unknown.shape, equation=equation)
    return node


CONSTRUCTORS["Implicit"] = implicit
