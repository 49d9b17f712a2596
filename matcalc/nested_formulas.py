"""Formulas one by one, in lists, in dicts by name, and as derivatives; and values of the same structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from matcalc.contexts import Contexts
from matcalc.derivatives import Derivative
from matcalc.errors import MatcalcError
from matcalc.expressions import Expression
from matcalc.reading import Where, read
from matcalc.registries import method
from matcalc.second_derivatives import Blocks

Formula: TypeAlias = Any
Structure: TypeAlias = Any
"""None for one formula, else a tuple of structures or a dict of them."""
DEEPEST = 20


class Formulas(NamedTuple):
    """Formulas in order, for each a label and the contexts that show its sizes, and the structure of them all."""

    expressions: list[Expression]
    labels: list[str]
    contexts: list[Contexts]
    structure: Structure


def expression_of(formula: Formula, where: Where) -> tuple[Expression, Contexts]:
    """The expression of text, of an expression or of a SymPy matrix expression, and what may show its sizes."""
    if isinstance(formula, str):
        reading = read(formula, where)
        return reading.expression, reading.contexts
    if isinstance(formula, Expression):
        return formula, formula._contexts
    return method("from_sympy")(formula), ()


def is_one(formula: Formula) -> bool:
    """Whether it is one formula, and no collection of several."""
    return not isinstance(formula, (list, tuple, Mapping, Derivative))


def formulas_of(formulas: Formula, where: Where = None) -> Formulas:
    """The formulas of a collection; a derivative is its value and its gradient, or its Jacobian.

    Raises MatcalcError for a collection that is empty, or that holds itself.

    >>> import matcalc as mc
    >>> D = mc.differentiate("x'*A*y", ("x", "y"))
    >>> found = formulas_of([D.expression, D.gradient])
    >>> found.expressions, found.labels, found.structure
    ([x'*A*y, A*y, A'*x], ['f1', 'f2_x', 'f2_y'], (None, {'x': None, 'y': None}))
    """
    found = Formulas([], [], [], None)
    return found._replace(structure=_gathered(formulas, where, "f", found, DEEPEST))


def _gathered(formulas: Formula, where: Where, label: str, found: Formulas, depth: int) -> Structure:
    """The structure of a collection whose formulas are put at the end of those found."""
    if is_one(formulas):
        expression, contexts = expression_of(formulas, where)
        found.expressions.append(expression)
        found.contexts.append(contexts)
        found.labels.append(label)
        return None
    if not depth:
        raise MatcalcError(f"lists and dicts of formulas are at most {DEEPEST} deep")
    if isinstance(formulas, Derivative):
        slope = "gradient" if formulas.expression.is_scalar else "jacobian"
        parts = ((label, formulas.expression), (f"{label}_{slope}", getattr(formulas, slope)))
        start = len(found.contexts)
        structure = tuple([_gathered(part, where, name, found, depth - 1) for name, part in parts])
        found.contexts[start:] = [formulas.contexts] * (len(found.contexts) - start)
        return structure
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
