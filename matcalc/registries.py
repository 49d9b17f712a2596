"""What is built on top of expressions but reached from them: constructors by class, and methods.

A node's constructor makes its normal form, and its methods print and evaluate it; both live in modules that
import expressions, and are therefore looked up by name.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class _Constructors(dict[str, Callable[..., Any]]):
    """The constructors, all loaded when the first one is missed."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        if name not in self:
            import_module("matcalc.constructors")
        return self.get(name) or _no_constructor(name)


def _no_constructor(name: str) -> Callable[..., Any]:
    raise KeyError(name)


CONSTRUCTORS = _Constructors()
"""Normal-form constructors by node class name, and the operators of Python by their symbol."""

METHODS = {
    "variables": ("matcalc.writing", "variables_in_order"),
    "where": ("matcalc.writing", "where"),
    "evaluate": ("matcalc.contexts", "evaluate_answer"),
    "latex": ("matcalc.latex", "latex_text"),
    "unicode": ("matcalc.unicode", "unicode_text"),
    "from_sympy": ("matcalc.sympy_reading", "from_sympy"),
    "to_sympy": ("matcalc.sympy_writing", "to_sympy"),
    "notation in latex": ("matcalc.latex", "latex_of"),
    "notation in unicode": ("matcalc.unicode", "unicode_of"),
    "table": ("matcalc.pickling", "table"),
    "restored": ("matcalc.pickling", "restored"),
    "verify": ("matcalc.verdicts", "verify_derivative"),
    "graph": ("matcalc.graphs", "Graph"),
    "load rules": ("matcalc.user_rules", "load_rules"),
    "text": ("matcalc.writing", "text"),
    "declare function": ("matcalc.named_functions", "declare_function"),
    "solve": ("matcalc.implicit_functions", "solve"),
    "stable forms": ("matcalc.stable_forms", "evaluated_forms"),
    "implicit rule": ("matcalc.implicit_functions", "implicit_rule"),
    "solving": ("matcalc.implicit_functions", "solving"),
}
"""What is built on top of expressions and offered as their methods, with its home."""


def method(name: str) -> Callable[..., Any]:
    """The function behind a method of expressions, its module imported on first use."""
    module, function = METHODS[name]
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
