"""The conditions under which a derivative holds: those of the rules that were used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matcalc.errors import NotDifferentiable
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Number,
    Power,
    Variable,
    depends_on,
    postorder,
)
from matcalc.function_table import FUNCTIONS
from matcalc.local_differentials import partial_formula, partial_rules
from matcalc.rule_book import match_operands
from matcalc.writing import text


def conditions_of(f: Expression, variables: Iterable[Variable]) -> tuple[str, ...]:
    """The conditions in words, such as "X'*X invertible".

    >>> import matcalc as mc
    >>> f = mc.parse("logdet(X'*X)")
    >>> conditions_of(f, f.variables.values())
    ("X'*X invertible",)
    """
    return tuple(dict.fromkeys(_conditions(f, list(variables))))


def _conditions(f: Expression, variables: list[Variable]) -> Iterator[str]:
    active = depends_on([f], variables)
    for node in postorder(f):
        if node not in active or not isinstance(node, (Apply, Power, EntrywisePower)):
            continue
        if isinstance(node, Apply) and FUNCTIONS[node.function].is_entrywise:
            if FUNCTIONS[node.function].kinked:
                yield f"{text(node.operands[-1])} nonzero"
            continue
        yield from _of_rules(node, active)
        if isinstance(node, Power) and isinstance(node._args[1], Number):
            exponent = node._args[1].value
            if node.is_scalar and exponent.is_number and (exponent < 1 or not exponent.is_integer):
                base = node._args[0]
                word = "nonzero" if exponent.is_integer else "positive"
                if not (isinstance(base, Apply) and base.function == "norm2"):
                    yield f"{text(base)} {word}"


def _of_rules(node: Expression, active: set[Expression]) -> Iterator[str]:
    try:
        rules = partial_rules(node)
    except NotDifferentiable:
        return
    for rule in rules:
        matched = match_operands(rule, node)
        perturbed = any(o in active and partial_formula(rule, i) is not None for i, o in enumerate(node.operands))
        if matched is None or not perturbed:
            continue
        for name, word in rule.conditions:
            yield _condition(matched[0].get(rule.parameters[name]), word)


def _condition(operand: Expression | None, word: str) -> str:
    return f"{text(operand)} {word}" if operand is not None else word
