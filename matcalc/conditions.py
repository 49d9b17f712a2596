"""The conditions under which a derivative holds: those of the rules that were used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matcalc.applications import is_wide
from matcalc.equations import Implicit
from matcalc.errors import NotDifferentiable
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Number,
    Power,
    Product,
    Variable,
    depends_on,
    postorder,
)
from matcalc.foldings import Folding
from matcalc.function_table import FUNCTIONS
from matcalc.local_differentials import partial_formula, partial_rules
from matcalc.parts import Part
from matcalc.rule_book import match_operands
from matcalc.rule_conditions import CONDITIONS
from matcalc.signs import POSITIVE, definiteness, sign_of
from matcalc.structures import is_orthogonal
from matcalc.sums import split_coefficient, unsigned
from matcalc.transposes import is_turned, transpose
from matcalc.writing import text


def conditions_of(f: Expression, variables: Iterable[Variable], parts: Iterable[Part] = ()) -> tuple[str, ...]:
    """The conditions in words, such as "X'*X invertible"; what is a part goes by its name.

    >>> import matcalc as mc
    >>> f = mc.parse("logdet(X'*X)")
    >>> conditions_of(f, f.variables.values())
    ("X'*X invertible",)
    """
    found = dict.fromkeys(_simplest(e, word) for e, word in _conditions(f, list(variables)))
    named = Folding(parts).folded
    with_det = {e for e, word in found if word == DET_POSITIVE}
    return tuple(
        f"det({text(named(e))}) positive" if word == DET_POSITIVE else CONDITIONS[word].format(text(named(e)))
        for e, word in found
        if not (word == "invertible" and e in with_det)
    )


DET_POSITIVE = "det positive"


def _simplest(e: Expression, word: str) -> tuple[Expression, str]:
    """What the condition says the same of: x for -2*x nonzero, A for A' invertible, A of full row rank for A'."""
    if word in ("nonzero", "entries_nonzero", "invertible"):
        e = unsigned(split_coefficient(e)[1])[1]
    if word in ("invertible", DET_POSITIVE) and is_turned(e):
        return transpose(e), word
    if word == "full_column_rank" and is_turned(e):
        return transpose(e), "full_row_rank"
    return e, "full_row_rank" if word == "full_column_rank" and is_wide(e) else word


def _no_zero(e: Expression) -> str:
    return "nonzero" if e.is_scalar else "entries_nonzero"


def _conditions(f: Expression, variables: list[Variable]) -> Iterator[tuple[Expression, str]]:
    order = postorder(f)
    active = depends_on(order, variables)
    smooth = _squared_norms(f) | _compared_sizes(f)
    for node in order:
        if node in active and isinstance(node, Implicit):
            yield node, "regular"
        if node not in active or node in smooth or not isinstance(node, (Apply, Power, EntrywisePower)):
            continue
        if isinstance(node, Apply) and FUNCTIONS[node.function].is_entrywise:
            if FUNCTIONS[node.function].kinked:
                yield node.operands[-1], _no_zero(node.operands[-1])
            if node.function == "log" and sign_of(node.operands[-1]) != POSITIVE:
                yield node.operands[-1], "positive"
            continue
        if isinstance(node, Apply) and node.function == "logdet" and not _is_gram(node.operands[0]):
            if definiteness(node.operands[0]) != POSITIVE:
                yield node.operands[0], DET_POSITIVE
            continue
        yield from _of_rules(node, active)
        if isinstance(node, EntrywisePower) and isinstance(node._args[1], Number):
            value = node._args[1].value
            plain = value.is_integer and value.is_positive
            if value.is_number and not plain and sign_of(node._args[0]) != POSITIVE:
                yield node._args[0], _no_zero(node._args[0]) if value.is_integer else "positive"
        if isinstance(node, Power) and isinstance(node._args[1], Number):
            exponent = node._args[1].value
            if node.is_scalar and exponent.is_number and (exponent < 1 or not exponent.is_integer):
                base = node._args[0]
                word = "nonzero" if exponent.is_integer else "positive"
                norm = isinstance(base, Apply) and base.function == "norm2"
                if not norm and sign_of(base) != POSITIVE:
                    yield base, word


def _of_rules(node: Expression, active: set[Expression]) -> Iterator[tuple[Expression, str]]:
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
            operand = matched[0].get(rule.parameters[name])
            if operand is not None and not _is_known(operand, word):
                yield operand, word


def _is_gram(A: Expression) -> bool:
    """Whether the matrix is X'X, which has no negative determinant."""
    return isinstance(A, Product) and len(A.chain) == 2 and A.chain[0] is A.chain[1].T


def _is_known(operand: Expression, word: str) -> bool:
    """Whether a condition holds by what the operand is."""
    if isinstance(operand, Number):
        return True
    if isinstance(operand, Variable) and word in operand.properties:
        return True
    return word == "invertible" and (is_orthogonal(operand) or definiteness(operand) == POSITIVE)


def _squared_norms(f: Expression) -> set[Expression]:
    """The norms that occur only in even powers, which are differentiable where the norm is 0."""
    inside: set[Expression] = set()
    outside: set[Expression] = set()
    for node in postorder(f):
        even = isinstance(node, Power) and isinstance(node._args[1], Number) and bool(node._args[1].value.is_even)
        (inside if even and node._args[1].value.is_positive else outside).update(node.operands)
    return {e for e in inside - outside if isinstance(e, Apply) and e.function == "norm2" and e is not f}


def _compared_sizes(f: Expression) -> set[Expression]:
    """The absolute values of which only a largest one is taken, which is not 0 where all others are smaller."""
    inside: set[Expression] = set()
    outside: set[Expression] = {f}
    for node in postorder(f):
        is_max = isinstance(node, Apply) and node.function == "max"
        (inside if is_max else outside).update(node.operands)
    return {e for e in inside - outside if isinstance(e, Apply) and e.function == "abs"}
