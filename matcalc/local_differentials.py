"""The partial differentials of one node, from the rule book or from SymPy's derivative of an entrywise function."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sympy import Expr, Symbol, diff
from sympy.core.function import ArgumentIndexError

from matcalc.applications import entrywise_value
from matcalc.equations import Implicit
from matcalc.errors import MatcalcError, NotDifferentiable
from matcalc.expressions import (
    Apply,
    Dimension,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Product,
    Sum,
    Variable,
)
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import identity, is_zero, perturbation_of, variable, zero
from matcalc.powers import hadamard
from matcalc.products import multiply
from matcalc.registries import method
from matcalc.rule_book import DIFFERENTIAL, Book, Rule, head, match_operands
from matcalc.substitutions import substitute
from matcalc.sums import add

Template = tuple[Variable, Expression, dict[Expression, Expression], dict[Any, Dimension], Any]
Instance = tuple[dict[Expression, Expression], dict[Any, Dimension]]
ARGUMENT = Symbol("t", real=True)
SHORT_PRODUCT = 20
MOST_FACTORS = 100_000


def refuse_long_products(order: Iterable[Expression], active: set[Expression]) -> None:
    """Raise MatcalcError where the product rule would write too much: a product of k factors makes k of them."""
    written = 0
    for node in order:
        if len(node.operands) > SHORT_PRODUCT and isinstance(node, (Product, Hadamard)):
            written += len(node.operands) * sum(o in active for o in node.operands)
    if written > MOST_FACTORS:
        message = f"this derivative has products of {written:,} factors altogether; more than {MOST_FACTORS:,}"
        hint = "take the derivatives of smaller parts; for numbers alone use automatic differentiation"
        raise MatcalcError(f"{message} are not written out", hint=hint)


@lru_cache(maxsize=256)
def derivative_formula(name: str, parameter: Expr | None) -> Expr:
    """SymPy's derivative of an entrywise function, as a formula in one symbol."""
    function = FUNCTIONS[name].scalar
    value = function(ARGUMENT) if parameter is None else function(parameter, ARGUMENT)
    try:
        return diff(value, ARGUMENT)
    except ArgumentIndexError:
        raise NotDifferentiable(f"SymPy has no derivative of {name}") from None


def entrywise_derivative(node: Apply) -> Expression:
    """f′(X) for a node f(X) with f entrywise."""
    *parameters, argument = node.operands
    parameter = parameters[0].value if parameters else None
    return entrywise_value(derivative_formula(node.function, parameter), ARGUMENT, argument)


def partial_rules(node: Expression) -> list[Rule]:
    """The rules that together make the differential of a node."""
    return [rule for rule, _ in _matching_rules(node)]


def _matching_rules(node: Expression) -> list[tuple[Rule, Instance]]:
    """These rules, and what their parameters and dimensions stand for in the node."""
    matching: list[tuple[Rule, Instance]] = []
    if isinstance(node, Implicit):
        rules = [method("implicit rule")(node.equation)]
    else:
        rules = Book.get().about(DIFFERENTIAL, head(node))
    for rule in rules:
        if not matching or rule.left is matching[0][0].left:
            matched = match_operands(rule, node)
            if matched is not None:
                matching.append((rule, matched))
    if not matching:
        raise NotDifferentiable(f"there is no rule for the derivative of {head(node)} here")
    return matching


_PARTIALS: dict[tuple[Rule, int], Expression | None] = {}


def partial_formula(rule: Rule, i: int) -> Expression | None:
    """The right side of a rule with only the i-th operand perturbed."""
    if (rule, i) not in _PARTIALS:
        _PARTIALS[rule, i] = _only_perturbed(rule, i)
    return _PARTIALS[rule, i]


@lru_cache(maxsize=1024)
def _operand_variables(rule: Rule) -> list[Variable | None]:
    found: list[Variable | None] = []
    for o in rule.left.operands:
        inside = [v for v in rule.parameters.values() if o is v or v in o._args]
        found.append(inside[0] if inside else None)
    return found


def _only_perturbed(rule: Rule, i: int) -> Expression | None:
    operands = _operand_variables(rule)
    if operands[i] is None:
        return None
    others: dict[Expression, Expression] = {
        perturbation_of(v): zero(*v.shape) for j, v in enumerate(operands) if v is not None and j != i
    }
    result = substitute(rule.right, others)
    return None if is_zero(result) else result


def differential_template(node: Expression, i: int) -> Template:
    """``(D, formula, values, sizes, key)``: the partial differential in the i-th operand, linear in D.

    For an entrywise function the formula is the derivative by which D is multiplied, and the key is None.
    """
    if isinstance(node, Apply) and FUNCTIONS[node.function].is_entrywise:
        return variable("D()"), entrywise_derivative(node), {}, {}, None
    for rule, matched in _matching_rules(node):
        formula = partial_formula(rule, i)
        if formula is not None:
            parameter = _operand_variables(rule)[i]
            assert parameter is not None
            values, sizes = matched
            if i == 0 and isinstance(node, EntrywisePower):
                values = {**values, parameter: _off_the_diagonal(node)}
            return perturbation_of(parameter), formula, values, sizes, (rule, i)
        if is_zero(rule.right):
            return variable("D()"), rule.right, *matched, (rule, i)
    raise NotDifferentiable(f"there is no rule for the derivative of {head(node)} in its argument {i + 1}")


def _off_the_diagonal(node: EntrywisePower) -> Expression:
    """What a power is taken of; 1 in place of 0 on the diagonal where the derivative would divide by 0.

    Points have the distance 0 from themselves whatever they are. Their perturbations have a diagonal of zeros, too,
    by which any number may be multiplied.
    """
    base, exponent = node.operands
    if isinstance(exponent, Number) and (exponent.value - 1).is_negative:
        distances = own_distances(base) if not isinstance(base, Sum) else None
        if distances is not None:
            return substitute(base, {distances: add(distances, identity(distances.rows))})
    return base


def own_distances(e: Expression) -> Expression | None:
    """sqdist(X, X), distances of points from themselves, from a multiple of it, with or without one of eye."""
    terms = e.operands if isinstance(e, Sum) else [e]
    factors = [f for f in map(_only_factor, terms) if not isinstance(f, Identity)]
    if len(factors) != 1 or not isinstance(factors[0], Apply) or factors[0].function != "sqdist":
        return None
    X, Y = factors[0].operands
    return factors[0] if X is Y else None


def _only_factor(term: Expression) -> Expression:
    return term.chain[0] if isinstance(term, Product) and len(term.chain) == 1 else term


def partial_differential(node: Expression, i: int, D: Expression) -> Expression:
    """The differential of a node when only its i-th operand is perturbed, by D."""
    parameter, formula, values, sizes, key = differential_template(node, i)
    if key is None:
        return multiply(formula, D) if node.is_scalar else hadamard(formula, D)
    return substitute(formula, {**values, parameter: D}, sizes)
