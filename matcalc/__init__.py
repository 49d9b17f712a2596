"""matcalc: a symbolic matrix-differential calculator.

A derivative is a linear operator with an adjoint.  Type an expression as mathematics is written, get its
differential, gradient, Jacobian and Hessian in their simplest form, and a check you can trust.

>>> import matcalc as mc
>>> D = mc.differentiate("x'*A*x", "x")
>>> print(D.differential)
x'*(A + A')*dx
>>> print(D.gradient)
(A + A')*x
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matcalc import building as functions
    from matcalc.building import variables
    from matcalc.compiled_functions import CompiledFunction, FactorizationError
    from matcalc.compiled_functions import compile_formulas as compile
    from matcalc.derivatives import Derivative
    from matcalc.differentiation import (
        differential,
        differentiate,
        directional,
        gradient,
        hessian,
        hessian_operator,
        hvp,
        jacobian,
    )
    from matcalc.differentiation import pullback_of as pullback
    from matcalc.error_curves import ErrorCurve, error_curve
    from matcalc.errors import (
        DomainError,
        EvaluationError,
        MatcalcError,
        NotDifferentiable,
        NotScalar,
        ParseError,
        RuleError,
        ShapeError,
        UnknownName,
    )
    from matcalc.expressions import Expression, Variable
    from matcalc.function_checks import verify_function
    from matcalc.linear_operators import CompiledOperator, LinearOperator, linear_operator
    from matcalc.numerical_problems import NewtonResult, Problem, newton, problem
    from matcalc.reading import parse
    from matcalc.reports import Report
    from matcalc.rule_book import Rule
    from matcalc.simplification import simplify
    from matcalc.source_code import code
    from matcalc.stationary_points import StationaryPoint, classify
    from matcalc.sympy_reading import from_sympy
    from matcalc.sympy_writing import to_sympy
    from matcalc.taylor_polynomials import TaylorPolynomial, taylor
    from matcalc.user_rules import load_rules, rules
    from matcalc.verdicts import equal, verify

__version__ = "0.1.0"

_HOMES = {
    "building": ("variables",),
    "compiled_functions": ("CompiledFunction", "FactorizationError", "compile"),
    "derivatives": ("Derivative",),
    "differentiation": (
        *("differential", "differentiate", "directional", "gradient", "hessian"),
        *("hessian_operator", "hvp", "jacobian", "pullback"),
    ),
    "error_curves": ("ErrorCurve", "error_curve"),
    "errors": (
        *("DomainError", "EvaluationError", "MatcalcError", "NotDifferentiable", "NotScalar", "ParseError"),
        *("RuleError", "ShapeError", "UnknownName"),
    ),
    "expressions": ("Expression", "Variable"),
    "function_checks": ("verify_function",),
    "linear_operators": ("CompiledOperator", "LinearOperator", "linear_operator"),
    "numerical_problems": ("NewtonResult", "Problem", "newton", "problem"),
    "reading": ("parse",),
    "reports": ("Report",),
    "rule_book": ("Rule",),
    "simplification": ("simplify",),
    "source_code": ("code",),
    "stationary_points": ("StationaryPoint", "classify"),
    "sympy_reading": ("from_sympy",),
    "sympy_writing": ("to_sympy",),
    "taylor_polynomials": ("TaylorPolynomial", "taylor"),
    "user_rules": ("load_rules", "rules"),
    "verdicts": ("equal", "verify"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_NAMES_AT_HOME = {"pullback": "pullback_of", "compile": "compile_formulas"}
__all__ = [
    "CompiledFunction",
    "CompiledOperator",
    "Derivative",
    "DomainError",
    "ErrorCurve",
    "EvaluationError",
    "Expression",
    "FactorizationError",
    "LinearOperator",
    "MatcalcError",
    "NewtonResult",
    "NotDifferentiable",
    "NotScalar",
    "ParseError",
    "Problem",
    "Report",
    "Rule",
    "RuleError",
    "ShapeError",
    "StationaryPoint",
    "TaylorPolynomial",
    "UnknownName",
    "Variable",
    "classify",
    "code",
    "compile",
    "differential",
    "differentiate",
    "directional",
    "equal",
    "error_curve",
    "from_sympy",
    "functions",
    "gradient",
    "hessian",
    "hessian_operator",
    "hvp",
    "jacobian",
    "linear_operator",
    "load_rules",
    "newton",
    "parse",
    "problem",
    "pullback",
    "rules",
    "simplify",
    "taylor",
    "to_sympy",
    "variables",
    "verify",
    "verify_function",
]


def __getattr__(name: str) -> Any:
    """What the table above offers, imported when it is first asked for, so that starting is quick."""
    if name == "functions":
        value: Any = import_module("matcalc.building")
    elif name in _HOME:
        module = import_module(f"matcalc.{_HOME[name]}")
        value = getattr(module, _NAMES_AT_HOME.get(name, name))
    else:
        raise AttributeError(f"module 'matcalc' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
