"""The conditions under which a derivative holds: those of the rules that were used, and of the formulas printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from matcalc.applications import is_wide
from matcalc.certain_zeros import Zero, certain_zero
from matcalc.entry_sums import with_distances
from matcalc.equations import Implicit
from matcalc.errors import NotDifferentiable
from matcalc.expansions import multiplied_out
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Variable,
    depends_on,
    postorder,
)
from matcalc.foldings import Folding
from matcalc.function_table import FUNCTIONS
from matcalc.index_ranges import Range, for_all, in_range, lettered, ranges_of
from matcalc.leaves import ONE_NODE, number
from matcalc.local_differentials import own_distances, partial_formula, partial_rules
from matcalc.parts import Part
from matcalc.powers import is_integer_valued, of_ones
from matcalc.rule_book import match_operands
from matcalc.rule_conditions import CONDITIONS
from matcalc.signs import POSITIVE, definiteness, sign_of
from matcalc.structures import is_orthogonal
from matcalc.substitutions import substitute
from matcalc.sums import add, split_coefficient, unsigned
from matcalc.transposes import is_turned, transpose
from matcalc.writing import text

Letters: TypeAlias = Mapping[Expression, Expression]


def conditions_of(
    f: Expression, variables: Iterable[Variable], parts: Iterable[Part] = (), formulas: Iterable[Expression] = ()
) -> tuple[str, ...]:
    """The conditions in words, such as "X'*X invertible"; what is a part goes by its name.

    With formulas for derivatives of f, those under which they have a value are among them.

    >>> import matcalc as mc
    >>> f = mc.parse("logdet(X'*X)")
    >>> conditions_of(f, f.variables.values())
    ("X'*X invertible",)
    >>> D = mc.differentiate("det(A)", "A")
    >>> conditions_of(D.expression, D.variables, formulas=[D.gradient])
    ()
    >>> conditions_of(D.expression, D.variables, formulas=[D.hessian])
    ('A invertible',)
    """
    known, formulas, f = list(variables), list(formulas), with_distances(f)
    letters = lettered(f, *formulas)
    found = dict.fromkeys(_bounded(_conditions(f, known), f))
    stated = {one.plain for one in found}
    zeros = [one for one in found if one.zero(letters)]
    divisors = []
    for formula in formulas:
        poles = _poles(formula)
        for one in _bounded(_of_values(formula, known), formula):
            if one.e in poles and one.zero(letters):
                divisors.append(one)
            elif one.plain not in stated and (transpose(one.plain[0]), one.word) not in stated:
                found[one] = None
                stated.add(one.plain)
    named = Folding(parts).folded
    poles = _poles(f) if zeros else set()
    for one in zeros:
        if one.e in poles:
            return (_nowhere("f has no value", one, known, letters, named),)
    if divisors:
        first = (zeros or divisors)[0]
        return (_nowhere("the formulas are 0/0", first, known, letters, named) + _way_out(first, letters),)
    pairs = {(one.e, one.word) for one in found}
    kept = (one for one in found if not any((one.e, word) in pairs for word in _IMPLIED_BY.get(one.word, ())))
    return tuple(dict.fromkeys(_in_words(one, letters, named) for one in kept))


class _Condition(NamedTuple):
    """What is said of an expression, for all values of the indices in it."""

    e: Expression
    word: str
    ranges: tuple[Range, ...]

    @property
    def plain(self) -> tuple[Expression, str]:
        """The condition multiplied out, without a sign where that does not matter."""
        e = multiplied_out(self.e)
        return unsigned(e)[1] if self.word in ("nonzero", "entries_nonzero") else e, self.word

    def zero(self, letters: Letters) -> Zero | None:
        """Where it never holds, since the expression is 0 there."""
        is_against_zero = self.word in ("nonzero", "entries_nonzero", "positive")
        return certain_zero(self.e, self.ranges, letters) if is_against_zero else None


def _bounded(conditions: Iterable[tuple[Expression, str]], root: Expression) -> Iterator[_Condition]:
    """The conditions on parts of a root in plainer words, with the ranges of their indices."""
    for e, word in conditions:
        yield _Condition(*_simplest(e, word), ranges_of(e, root))


def _in_words(one: _Condition, letters: Letters, named: Callable[[Expression], Expression]) -> str:
    """The condition where it may hold: where an argument is 0 in any case, f does not change with it."""
    if one.word in ("positive", "entries_nonzero") and (distances := own_distances(one.e)) is not None:
        one = _Condition(distances.operands[0], "distinct_rows", one.ranges)
    zero = one.zero(letters)
    words = _WORDS[one.word].format(text(named(substitute(one.e, letters))))
    ranges = for_all(one.ranges, letters, different=bool(zero and zero.inner))
    besides = zero.besides if zero else ""
    return words + (ranges + besides if one.e.is_scalar or not zero or "=" in zero.at else besides + ranges)


def _nowhere(
    what: str, one: _Condition, known: list[Variable], letters: Letters, named: Callable[[Expression], Expression]
) -> str:
    """That a condition holds for no variables, and the sum to take instead."""
    zero = one.zero(letters)
    e = text(named(substitute(one.e, letters)))
    words = f"no {' and '.join(v.name for v in known)}: {what}, as {e} is 0 {zero.at if zero else ''}"
    if zero and zero.inner and zero.outer:
        before = zero.inner._replace(upper=add(zero.outer.index, number(-1)))
        words += f"; take each pair once, {in_range([before], letters)}"
    elif zero and zero.at.startswith("at "):
        words += f"; leave {zero.at[3:]} out of the sum"
    return words


def _way_out(one: _Condition, letters: Letters) -> str:
    """What to differentiate in place of distances that are 0."""
    zero = one.zero(letters)
    if zero and zero.inner and one.word == "nonzero" and not one.e.is_scalar:
        return ", or norm2(…)^2"
    return ""


DET_POSITIVE = "det positive"
_WORDS = {**CONDITIONS, DET_POSITIVE: "det({}) positive", "below_one": "|{}| < 1"}
_IMPLIED_BY = {
    "nonzero": ("positive",),
    "entries_nonzero": ("positive",),
    "invertible": (DET_POSITIVE, "spd", "full_rank", "distinct_singular"),
}


def _simplest(e: Expression, word: str) -> tuple[Expression, str]:
    """The same condition in plainer words.

    x nonzero for -2*x and norm2(x), A invertible for A' and det(A) nonzero, A of full row rank for A'.
    """
    if word in ("nonzero", "entries_nonzero", "invertible"):
        e = unsigned(split_coefficient(e)[1])[1]
    if word in ("nonzero", "entries_nonzero") and isinstance(e, Apply) and e.function in ("norm2", "cbrt"):
        return _simplest(e.operands[0], word)
    if word == "nonzero" and isinstance(e, Apply) and e.function == "det":
        e, word = e.operands[0], "invertible"
    if word in ("nonzero", "positive") and (vector := _square_root(e)) is not None:
        e, word = vector, "nonzero"
    if word == "positive" and (inside := _below_one(e)) is not None:
        e, word = inside, "below_one"
    if word in ("invertible", DET_POSITIVE) and is_turned(e):
        return transpose(e), word
    if word == "full_column_rank" and is_turned(e):
        return transpose(e), "full_row_rank"
    return e, "full_row_rank" if word == "full_column_rank" and is_wide(e) else word


def _square_root(e: Expression) -> Expression | None:
    """x for x'*x, and X for tr(X'*X): what is 0 where they are."""
    inside = e.operands[0] if isinstance(e, Apply) and e.function == "tr" else e
    return inside.operands[-1] if e.is_scalar and _is_gram(inside) else None


def _below_one(e: Expression) -> Expression | None:
    """x for 1 - x^2."""
    if not isinstance(e, Sum) or len(e.operands) != 2:
        return None
    for one, square in (e.operands, e.operands[::-1]):
        c, rest = split_coefficient(square)
        is_one = one is ONE_NODE or isinstance(one, Ones) or of_ones(one) is ONE_NODE
        if is_one and c == -1 and isinstance(rest, (Power, EntrywisePower)) and isinstance(rest._args[1], Number):
            return rest.operands[0] if rest._args[1].value == 2 else None
    return None


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


def _poles(f: Expression) -> set[Expression]:
    """What f divides by or takes the logarithm of."""
    found: set[Expression] = set()
    for node in postorder(f):
        has_pole = isinstance(node, Apply) and node.function == "log"
        if isinstance(node, (Power, EntrywisePower)):
            has_pole = isinstance(node._args[1], Number) and bool(node._args[1].value.is_negative)
        if has_pole:
            base = node.operands[-1] if isinstance(node, Apply) else node.operands[0]
            found |= {_simplest(base, word)[0] for word in ("positive", _no_zero(base))}
    return found


# The rules say of what they factor when these are invertible.
_FACTORS = frozenset(("chol", "lu_l", "lu_u", "polar", "qr_q", "qr_r", "svdvals", "svd_u", "svd_v"))


def _of_values(formula: Expression, variables: list[Variable]) -> Iterator[tuple[Expression, str]]:
    """The conditions under which a formula has a value where the variables have: none divides by 0."""
    order = postorder(formula)
    active = depends_on(order, variables)
    factors = depends_on(order, [e for e in order if isinstance(e, Apply) and e.function in _FACTORS])
    for node in order:
        if not isinstance(node, (Power, EntrywisePower)):
            continue
        base, exponent = node._args
        if not isinstance(base, Expression) or base not in active or base in factors:
            continue
        if not isinstance(exponent, Number):
            if base.is_scalar or isinstance(node, EntrywisePower):
                if not is_integer_valued(exponent) and sign_of(base) != POSITIVE:
                    yield base, "positive"
            continue
        value = exponent.value
        if isinstance(node, Power) and not node.is_scalar:
            if value.is_negative and not _is_known(base, "invertible"):
                yield base, "invertible"
        elif not value.is_nonnegative and sign_of(base) != POSITIVE:
            yield base, _no_zero(base) if value.is_integer else "positive"


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
