"""Functions defined by equations: their differential, by the implicit function theorem, and their values.

For g(x, p) = 0 it is dx = −gₓ⁻¹ g_p[dp]; the adjoint, with a solve by gₓ′, follows from it as for every rule.

Source: course notes, section 8.3; Krantz & Parks 2002, The Implicit Function Theorem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr

from matcalc.applications import apply
from matcalc.differentials import differential_of
from matcalc.equations import Equation, Implicit
from matcalc.errors import MatcalcError
from matcalc.evaluation import Evaluator
from matcalc.expressions import Expression, Variable, postorder, variables_of
from matcalc.leaves import is_zero, number, perturbation_of, variable, zero
from matcalc.operations import FLOAT, Arithmetic, shape_value
from matcalc.operator_matrices import operator_matrix
from matcalc.powers import power
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.rule_book import DIFFERENTIAL, Rule
from matcalc.simplification import simplify
from matcalc.substitutions import substitute

STEPS, HALVINGS, STARTS = 60, 12, 12
CONVERGED = 1e-13
TRIES, SINGULAR = 3, 1e-9


def solve(residual: Expression, unknown: Expression) -> Expression:
    """The x with ``residual = 0``; in closed form where the residual is affine in x.

    Raises MatcalcError where x is no variable of the residual's shape, does not occur, or is nowhere determined.

    >>> import matcalc as mc
    >>> A, b, x = mc.variables("A: matrix(n,n), b: vector(n), x: vector(n)")
    >>> str(solve(A @ x - b, x))
    'inv(A)*b'
    """
    if not isinstance(unknown, Variable):
        raise MatcalcError("the unknown of solve is a name", hint="write solve(g = 0, x)")
    if unknown.properties:
        words = " ".join(sorted(unknown.properties))
        message = f"the unknown {unknown.name} is declared {words}, which an equation does not see to"
        raise MatcalcError(message, hint=f"declare {unknown.name} without it; what solves the equation may have it")
    if residual.shape != unknown.shape:
        message = f"the equation has the shape {_shape(residual)}, and {unknown.name} the shape {_shape(unknown)}"
        raise MatcalcError(message, hint="an equation determines an unknown of its own shape")
    J = _slope(residual, unknown)
    if is_zero(J):
        raise MatcalcError(f"{unknown.name} does not occur in the equation", hint=f"write solve(g = 0, {unknown.name})")
    if unknown not in set(variables_of(J)):
        _refuse_singular(J, unknown)
        value = substitute(residual, {unknown: zero(*unknown.shape)})
        return simplify(_divided(J, multiply(number(-1), value)))
    _refuse_singular(J, unknown)
    equation = Equation(residual, unknown)
    found: Expression = CONSTRUCTORS["Implicit"](equation, *equation.parameters)
    return found


def _shape(e: Expression) -> str:
    return f"{e.rows}×{e.columns}"


def _slope(residual: Expression, unknown: Expression) -> Expression:
    """The derivative of the residual in the unknown: a number, or its matrix on vec."""
    D = variable("D()", *unknown.shape)
    linear = differential_of(residual, {unknown: D})
    return operator_matrix(linear, D) if not unknown.is_scalar else substitute(linear, {D: number(1)})


def _divided(J: Expression, value: Expression) -> Expression:
    """J⁻¹ value, of the shape of the value."""
    if value.is_scalar:
        return multiply(power(J, number(-1)), value)
    if value.columns == 1:
        return multiply(apply("inv", J), value)
    solved = multiply(apply("inv", J), apply("vec", value))
    return apply("unvec", solved, number(value.rows), number(value.columns))


@lru_cache(maxsize=256)
def implicit_rule(equation: Equation) -> Rule:
    """The differential of a solution, as the rule book would state it."""
    parameters = equation.parameters
    solution: Expression = CONSTRUCTORS["Implicit"](equation, *parameters)
    moving = [p for p in parameters if "integer" not in p.properties]
    moved = differential_of(equation.residual, {p: perturbation_of(p) for p in moving})
    right = _divided(_slope(equation.residual, equation.unknown), multiply(number(-1), moved))
    return Rule(
        "implicit-function",
        DIFFERENTIAL,
        "d(solve(g(x, p) = 0, x)) = -inv(g_x)*g_p*d(p)",
        (),
        "Course notes, section 8.3",
        "equations",
        0,
        solution,
        substitute(right, {equation.unknown: solution}),
        {p.name: p for p in parameters},
    )


# ---- values ------------------------------------------------------------------------------------------------


def solving(node: Implicit, arithmetic: Arithmetic) -> Callable[..., Any]:
    """The operation that finds the solution from the values of the operands, and an array for each size.

    Newton's method in double precision, with steps halved while the residual grows, from 1, from 0 and then from
    random numbers, the same in each run; other arithmetics refine what it finds.
    """
    equation = node.equation
    x = equation.unknown
    system = [equation.residual, _slope(equation.residual, x)]
    coarse = Evaluator(system)
    refined = None if arithmetic is FLOAT else arithmetic.kernel("solve")
    fine = None if refined is None else Evaluator(system, arithmetic)

    def solution(*values: Any) -> Any:
        count = len(equation.parameters)
        sizes = {s.name: len(array) for s, array in zip(equation.sizes, values[count:], strict=True)}
        at = dict(zip((p.name for p in equation.parameters), values[:count], strict=True))
        floats = {name: np.asarray(value, dtype=float)[()] for name, value in at.items()}
        found = _newton(lambda value: coarse({**floats, x.name: _own(x, value)}, sizes), shape_value(x, sizes))
        start = _own(x, found)
        if refined is None or fine is None:
            return start
        return refined(lambda value: fine({**at, x.name: value}, sizes), start)

    return solution


def _own(x: Variable, value: Any) -> Any:
    return value[0, 0] if x.is_scalar else value


def _newton(system: Callable[[Any], list[Any]], shape: tuple[int, int]) -> Any:
    for start in _starts(shape):
        x = start
        g, J = _values(system, x)
        for _ in range(STEPS):
            if not np.all(np.isfinite(J)) or not np.all(np.isfinite(g)):
                break
            try:
                step = -np.linalg.solve(J, g.reshape(-1, 1, order="F")).reshape(shape, order="F")
            except np.linalg.LinAlgError:
                break
            if np.linalg.norm(step) <= CONVERGED * (1 + np.linalg.norm(x)):
                return x + step
            for halving in range(HALVINGS):
                following = x + step / 2**halving
                g_there, J_there = _values(system, following)
                if np.linalg.norm(g_there) < np.linalg.norm(g) or halving == HALVINGS - 1:
                    break
            x, g, J = following, g_there, J_there
    raise ValueError("no solution was found")


def _values(system: Callable[[Any], list[Any]], x: Any) -> tuple[Any, Any]:
    g, J = system(x)
    return np.atleast_2d(g), np.atleast_2d(J)


def _starts(shape: tuple[int, int]) -> Iterator[Any]:
    yield np.ones(shape)
    yield np.zeros(shape)
    rng = np.random.default_rng(0)
    for _ in range(STARTS):
        yield 2 * rng.standard_normal(shape)


def _refuse_singular(J: Expression, unknown: Variable) -> None:
    """Raise MatcalcError where the derivative in the unknown is singular at all of some random points."""
    evaluator = Evaluator([J])
    inputs = evaluator.inputs
    if any(not v.properties.isdisjoint(("orthogonal", "unit")) for v in inputs):
        return
    symbols = {s for e in postorder(J) for a in (*e.shape, *e._args) if isinstance(a, Expr) for s in a.free_symbols}
    names = sorted(map(str, symbols))
    rng = np.random.default_rng(0)
    worst = 0.0
    for trial in range(TRIES):
        sizes = {name: 2 + (i if trial % 2 else len(names) - i) % 4 for i, name in enumerate(names)}
        values = {v.name: rng.uniform(0.5, 2.0, shape_value(v, sizes)) for v in inputs}
        try:
            at = {v.name: values[v.name][0, 0] if v.is_scalar else values[v.name] for v in inputs}
            (found,) = evaluator(at, sizes)
        except (MatcalcError, ValueError):
            return
        if not np.all(np.isfinite(found)):
            return
        values_of_slope = np.linalg.svd(np.atleast_2d(found), compute_uv=False)
        worst = max(worst, float(values_of_slope[-1] / values_of_slope[0]) if values_of_slope[0] else 0.0)
    if worst < SINGULAR:
        message = f"the equation does not determine {unknown.name}: its derivative in {unknown.name} is singular"
        raise MatcalcError(message, hint="give as many independent equations as there are unknowns")
