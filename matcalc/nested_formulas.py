"""Formulas one by one, in lists, in dicts by name, and as derivatives; and values of the same structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from matcalc.derivatives import Derivative
from matcalc.errors import MatcalcError
from matcalc.expressions import Expression
from matcalc.reading import Where, parse
from matcalc.registries import method
from matcalc.second_derivatives import Blocks

Formula: TypeAlias = Any
Structure: TypeAlias = Any
"""None for one formula, else a tuple of structures or a dict of them."""
DEEPEST = 20


class Formulas(NamedTuple):
    """Formulas in order, a label for each, and the structure in which they were given."""

    expressions: list[Expression]
    labels: list[str]
    structure: Structure


def expression_of(formula: Formula, where: Where) -> Expression:
    """The expression of text, of an expression or of a SymPy matrix expression."""
    if isinstance(formula, str):
        return parse(formula, where=where)
    if isinstance(formula, Expression):
        return formula
    found: Expression = method("from_sympy")(formula)
    return found


def is_one(formula: Formula) -> bool:
    """Whether it is one formula, and no collection of several."""
    return not isinstance(formula, (list, tuple, Mapping, Derivative))


def formulas_of(formulas: Formula, where: Where = None) -> Formulas:
    """The formulas of a collection; a derivative is its value and its gradient, or its Jacobian.

    Raises MatcalcError for a collection that is empty, or that holds itself.

    >>> import matcalc as mc
    >>> D = mc.differentiate("x'*A*y", ("x", "y"))
    >>> formulas_of([D.expression, D.gradient])
    Formulas(expressions=[x'*A*y, A*y, A'*x], labels=['f1', 'f2_x', 'f2_y'], structure=(None, {'x': None, 'y': None}))
    """
    found = Formulas([], [], None)
    return found._replace(structure=_gathered(formulas, where, "f", found, DEEPEST))


def _gathered(formulas: Formula, where: Where, label: str, found: Formulas, depth: int) -> Structure:
    """The structure of a collection whose formulas are put at the end of those found."""
    if is_one(formulas):
        found.expressions.append(expression_of(formulas, where))
        found.labels.append(label)
        return None
    if not depth:
        raise MatcalcError(f"lists and dicts of formulas are at most {DEEPEST} deep")
    if isinstance(formulas, Derivative):
        slope = "gradient" if formulas.expression.is_scalar else "jacobian"
        parts = ((label, formulas.expression), (f"{label}_{slope}", getattr(formulas, slope)))
        return tuple([_gathered(part, where, name, found, depth - 1) for name, part in parts])
    if not formulas:
        raise MatcalcError("there is nothing to compile", hint="give an expression, or a list or a dict of them")
    if isinstance(formulas, Mapping):
        if isinstance(formulas, Blocks):
            label = "hessian" if label == "f" else f"{label}_hessian"
        names = {key: "_".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in formulas}
        return {k: _gathered(e, where, f"{label}_{names[k]}", found, depth - 1) for k, e in formulas.items()}
    stem = label if label == "f" else f"{label}_"
    return tuple([_gathered(e, where, f"{stem}{i}", found, depth - 1) for i, e in enumerate(formulas, 1)])


def arranged(structure: Structure, values: Iterator[Any]) -> Any:
    """Values, one for each formula, in the structure of the formulas.

    >>> arranged((None, {"x": None, "y": None}), iter([1, 2, 3]))
    (1, {'x': 2, 'y': 3})
    """
    if structure is None:
        return next(values)
    if isinstance(structure, dict):
        return {key: arranged(part, values) for key, part in structure.items()}
    return tuple([arranged(part, values) for part in structure])
