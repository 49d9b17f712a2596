"""The check of the rule book: each rule on random data from its weakest domain, and mistakes planted in each.

A rule is trusted because it passes, and the check because the mistakes do not: a wrong sign, a lost term or
factor or transpose, a wrong number, factors in the wrong order. A mistake that leaves the same function, such
as the transpose of a symmetric matrix, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from secrets import randbits

from sympy import Expr

from matcalc.adjoints import pullback
from matcalc.agreements import Sides
from matcalc.applications import apply, signature
from matcalc.computations import Place
from matcalc.derivative_tests import Claim, dot
from matcalc.differences import Slope
from matcalc.differentials import differential_of
from matcalc.errors import MatcalcError
from matcalc.expressions import (
    Apply,
    Dimension,
    EntrywisePower,
    Expression,
    Power,
    Variable,
    dimension,
    postorder,
    variables_of,
)
from matcalc.function_table import FUNCTIONS, Function
from matcalc.judgements import Test
from matcalc.leaves import number, variable
from matcalc.local_differentials import entrywise_derivative
from matcalc.mutants import mutants
from matcalc.powers import hadamard, is_integer_valued
from matcalc.reports import Report
from matcalc.rule_book import ADJOINT, DIFFERENTIAL, IDENTITY, Book, Rule, perturbation_of
from matcalc.sampling import DECLARED, Domain
from matcalc.substitutions import substitute
from matcalc.verification import SEED_BITS, TRIALS, verify_equal, verify_forms, verify_tests

PARAMETRIC = {"polygamma": (0, 1, 2)}


@dataclass(frozen=True)
class Subject:
    """A statement under check: what it is, the formula that may be wrong, and the check of such a formula."""

    name: str
    place: str
    formula: Expression
    check: Callable[[Expression, int], Report]
    domain: Domain = DECLARED


@dataclass(frozen=True)
class SelfCheck:
    """The outcome for one statement: its report, the number of mistakes planted, and those not refuted."""

    name: str
    place: str
    report: Report
    planted: int
    missed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the statement is verified and every planted mistake refuted."""
        return self.report.passed and not self.missed


def check_rule(rule: Rule, *, seed: int | None = None, trials: int = TRIALS) -> Report:
    """Check one rule on random data: a differential against differences, an adjoint by ⟨G, L X⟩ = ⟨L* G, X⟩.

    >>> det = Book.get().one(DIFFERENTIAL, "det")
    >>> check_rule(det, seed=1).verdict
    'verified'
    >>> check_rule(replace(det, right=2 * det.right), seed=1).verdict
    'refuted'
    """
    subject = _rule_subject(rule, trials)
    return subject.check(rule.right, randbits(SEED_BITS) if seed is None else seed)


def check_book(*, seed: int | None = None, trials: int = TRIALS) -> Iterator[SelfCheck]:
    """Check every rule, entrywise function and definition, and the check itself by planted mistakes.

    Yields as it goes; there are ``len(subjects())`` outcomes.
    """
    seed = randbits(SEED_BITS) if seed is None else seed
    for subject in subjects(trials):
        yield check_subject(subject, seed)


def subjects(trials: int = TRIALS) -> list[Subject]:
    """Everything that is checked, in the order of the book and of the table of functions."""
    rules = [_rule_subject(rule, trials) for rule in Book.get()]
    rows = [row for row in FUNCTIONS.values() if row.is_entrywise]
    entrywise = [_entrywise_subject(row, k, trials) for row in rows for k in PARAMETRIC.get(row.name, (None,))]
    return [*rules, *entrywise, *(_definition_subject(r, trials) for r in FUNCTIONS.values() if r.definition)]


def check_subject(subject: Subject, seed: int) -> SelfCheck:
    """Check a statement, then every mistake planted in it."""
    report = subject.check(subject.formula, seed)
    planted, missed = 0, []
    for mistake, mutant in mutants(subject.formula):
        verdict = subject.check(mutant, seed).verdict
        if verdict != "refuted":
            if verify_equal(mutant, subject.formula, seed=seed, domain=subject.domain).passed:
                continue
            missed.append(f"{mistake}: {mutant}")
        planted += 1
    return SelfCheck(subject.name, subject.place, report, planted, tuple(missed))


# ---- rules -------------------------------------------------------------------------------------------------


def _rule_subject(rule: Rule, trials: int) -> Subject:
    domain = _domain(rule)
    moved = _moved(rule)

    def check(right: Expression, seed: int) -> Report:
        if right.shape != _expected_shape(rule):
            return Report("refuted", seed=seed, reason="the two sides differ in shape")
        report = _CHECKS.get(rule.kind, _check_identity)(replace(rule, right=right), moved, domain, seed, trials)
        gap = _gap(rule, moved) if report.passed and right is rule.right else ""
        return replace(report, verdict="refuted", reason=gap) if gap else report

    return Subject(rule.name, rule.place, rule.right, check, domain)


def _domain(rule: Rule) -> Domain:
    """The domain that the conditions of a rule leave; generic matrices are invertible and not zero."""
    words = {word: frozenset(n for n, w in rule.conditions if w == word) for _, word in rule.conditions}
    return Domain(positive=words.get("positive", frozenset()), nonnegative=words.get("nonnegative", frozenset()))


def _moved(rule: Rule) -> list[Variable]:
    """The parameters whose perturbations occur on the right side."""
    present = set(variables_of(rule.right))
    return [p for p in rule.parameters.values() if perturbation_of(p) in present]


def _expected_shape(rule: Rule) -> tuple[object, object]:
    return rule.left.shape if rule.slot is None else rule.slot.shape


def _check_differential(rule: Rule, moved: list[Variable], domain: Domain, seed: int, trials: int) -> Report:
    names = {p: perturbation_of(p) for p in moved}
    claims = {"differential": Claim("differential", rule.right)}
    options = {"seed": seed, "trials": trials, "domain": domain, "explain": False}
    report = verify_forms(rule.left, moved, claims, perturbations=names, adjoint=False, **options)  # type: ignore[arg-type]
    whole = _with_whole_exponent(rule)
    if whole is None or not report.passed:
        return report
    again = _check_differential(whole, [p for p in moved if p in variables_of(whole.left)], domain, seed, trials)
    return report if again.passed else again


def _with_whole_exponent(rule: Rule) -> Rule | None:
    """The rule for a power with an integer exponent, whose base need not be positive."""
    if not isinstance(rule.left, (Power, EntrywisePower)) or any(w == "positive" for _, w in rule.conditions):
        return None
    exponent = rule.left.args[1]
    if not isinstance(exponent, Variable) or is_integer_valued(exponent):
        return None
    whole = variable(exponent.name, *exponent.shape, *exponent.properties, "integer")
    values: dict[Expression, Expression] = {exponent: whole}
    return replace(rule, left=substitute(rule.left, values), right=substitute(rule.right, values))


def _check_adjoint(rule: Rule, moved: list[Variable], domain: Domain, seed: int, trials: int) -> Report:
    cotangent = next(p for name, p in rule.parameters.items() if name in ("G", "g"))
    slot = rule.slot
    assert slot is not None

    def sides(s: Place) -> Sides:
        G, LX = s.values[cotangent.name], s.value(rule.left)
        found = dot(s.value(rule.right), s.value(slot))
        return Sides(found, Slope(dot(G, LX), 0.0), s.scale(G, LX))

    roots = [rule.left, slot, rule.right]
    return verify_tests(
        [Test("adjoint", sides)], roots, roots[:2], [cotangent], seed=seed, trials=trials, domain=domain
    )


def _check_identity(rule: Rule, moved: list[Variable], domain: Domain, seed: int, trials: int) -> Report:
    return verify_equal(rule.right, rule.left, seed=seed, trials=trials, domain=domain)


_CHECKS = {DIFFERENTIAL: _check_differential, ADJOINT: _check_adjoint, IDENTITY: _check_identity}


def _gap(rule: Rule, moved: list[Variable]) -> str:
    """What the book lacks for the rule: one for a function on its right side, or for another argument."""
    book = Book.get()
    for node in postorder(rule.right):
        if isinstance(node, Apply) and not FUNCTIONS[node.function].is_entrywise:
            known = book.about(DIFFERENTIAL, node.function) or node.function == rule.head
            if not known:
                return f"its right side uses {node.function}, which has no rule"
    if rule.kind != DIFFERENTIAL:
        return ""
    siblings = [r for r in [*book.about(DIFFERENTIAL, rule.head), rule] if r.left is rule.left]
    covered = {p for r in siblings for p in _moved(r)}
    for p in rule.parameters.values():
        if p not in covered and "integer" not in p.properties and p in variables_of(rule.left):
            return f"no rule says how the value changes with {p.name}"
    try:
        pullback(rule.right, variable("G()", *rule.right.shape), [perturbation_of(p) for p in moved])
    except MatcalcError as error:
        return f"its right side has no adjoint: {error.message}"
    return ""


# ---- rows of the table of functions ------------------------------------------------------------------------


def _entrywise_subject(row: Function, k: int | None, trials: int) -> Subject:
    x, dx = variable("x", "n"), variable("dx", "n")
    f = apply(row.name, *(() if k is None else (number(k),)), x)
    derivative = entrywise_derivative(f) if isinstance(f, Apply) else differential_of(f, {x: dx})

    def check(formula: Expression, seed: int) -> Report:
        claim = Claim("differential", hadamard(formula, dx))
        return verify_forms(f, [x], {"differential": claim}, adjoint=False, seed=seed, trials=trials)

    name = row.name if k is None else f"{row.name}({k}, x)"
    return Subject(name, "functions", derivative, check)


def _declared_size(letter: Expr) -> Dimension:
    return dimension(letter.name) if letter.is_Symbol else letter


def _definition_subject(row: Function, trials: int) -> Subject:
    """An abbreviation: that the shapes fit, and that what it stands for is differentiated rightly."""
    inputs, _ = signature(row.signature)
    variables = [variable(f"X{i}", *map(_declared_size, shape)) for i, shape in enumerate(inputs) if shape]
    f = apply(row.name, *variables)
    names = {v: variable(f"d{v.name}", *v.shape) for v in variables}
    formula = differential_of(f, dict(names))

    def check(formula: Expression, seed: int) -> Report:
        claims = {"differential": Claim("differential", formula)}
        return verify_forms(f, variables, claims, perturbations=names, adjoint=False, seed=seed, trials=trials)

    return Subject(row.name, "functions", formula, check)
