"""The check of the rule book: each rule on random data from its weakest domain, and mistakes planted in each.

A rule is trusted because it passes, and the check because the mistakes do not: a wrong sign, a lost term or
factor or transpose, a wrong number, factors in the wrong order. A mistake that leaves the same function, such
as the transpose of a symmetric matrix, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from secrets import randbits
from typing import Any

from sympy import Expr

from matcalc.adjoints import pullback
from matcalc.agreements import Sides
from matcalc.applications import apply, signature
from matcalc.check_outcomes import SelfCheck
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
from matcalc.function_table import FUNCTIONS, SLOW_TO_CHECK, Function
from matcalc.judgements import Test
from matcalc.kernel_checks import KernelSubject, kernel_subjects
from matcalc.leaves import is_zero, number, perturbation_of, variable
from matcalc.local_differentials import entrywise_derivative
from matcalc.mutants import mutants
from matcalc.named_functions import DECLARED_BY_USERS
from matcalc.powers import hadamard, is_integer_valued
from matcalc.registries import method
from matcalc.reports import Report
from matcalc.rule_book import ADJOINT, DIFFERENTIAL, IDENTITY, Book, Rule
from matcalc.sampling import DECLARED, Domain
from matcalc.substitutions import substitute
from matcalc.sums import add
from matcalc.transposes import transpose
from matcalc.verification import SEED_BITS, TRIALS, verify_equal, verify_forms, verify_tests

PARAMETRIC = {"polygamma": (0, 1, 2)}


@dataclass(frozen=True)
class Subject:
    """A statement under check: its kind, the formula that may be wrong, and the check of such a formula.

    One that `is_copy` has the text of another with a different function in it: mistakes are planted in the other.
    ``seen`` is what the statement says of the formula: only its symmetric part, where a perturbation is symmetric.
    """

    name: str
    place: str
    kind: str
    formula: Expression
    check: Callable[[Expression, int], Report]
    domain: Domain = DECLARED
    is_copy: bool = False
    seen: Callable[[Expression], Expression] = lambda formula: formula

    def report(self, seed: int) -> Report:
        """The report on the statement itself."""
        return self.check(self.formula, seed)

    def planted(self, seed: int) -> Iterator[tuple[str, bool]]:
        """Every mistake planted in it, and whether it was refused; what leaves the same function is none."""
        for mistake, mutant in () if self.is_copy else mutants(self.formula):
            refused = self.check(mutant, seed).verdict == "refuted"
            if not refused and self.is_same(mutant, seed):
                continue
            yield f"{mistake}: {mutant}", refused

    def is_same(self, mutant: Expression, seed: int) -> bool:
        """Whether the statement says the same of another formula, which is then no mistake."""
        found, right = self.seen(mutant), self.seen(self.formula)
        return verify_equal(found, right, seed=seed, domain=self.domain, explain=False).passed


def check_rule(rule: Rule, *, seed: int | None = None, trials: int = TRIALS) -> Report:
    """Check one rule on random data: a differential against differences, an adjoint by ⟨G, L X⟩ = ⟨L* G, X⟩.

    >>> det = Book.get().one(DIFFERENTIAL, "det")
    >>> check_rule(det, seed=1).verdict
    'verified'
    >>> check_rule(replace(det, right=2 * det.right), seed=1).verdict
    'refuted'
    """
    subject = _rule_subject(rule, trials, explain=True)
    return subject.report(randbits(SEED_BITS) if seed is None else seed)


def check_book(*, seed: int | None = None, jobs: int = 1, rule_files: Sequence[str] = ()) -> Iterator[SelfCheck]:
    """Check every rule, function, definition and kernel, and the check itself by planted mistakes.

    Yields as it goes, in the order of ``subjects()``. With several ``jobs`` the work is done in that many
    processes, each of which loads the ``rule_files`` first.
    """
    seed = randbits(SEED_BITS) if seed is None else seed
    book = subjects()
    if jobs == 1:
        yield from (check_subject(subject, seed) for subject in book)
        return
    with ProcessPoolExecutor(jobs, initializer=_prepare, initargs=(tuple(rule_files),)) as pool:
        yield from pool.map(partial(_check_number, seed=seed), range(len(book)))


_prepared: list[Subject | KernelSubject] = []
"""What a process of several checks, made once."""


def _prepare(rule_files: Iterable[str]) -> None:
    """Load a user's rules, unless this process has inherited them, and list what is checked."""
    known = {rule.place.rpartition(":")[0] for rule in Book.get()}
    for file in rule_files:
        if file not in known:
            method("load rules")(file)
    _prepared[:] = subjects()


def _check_number(i: int, seed: int) -> SelfCheck:
    return check_subject(_prepared[i], seed)


def subjects(trials: int = TRIALS) -> list[Subject | KernelSubject]:
    """Everything that is checked, in the order of the book and of the table of functions."""
    rules = [rule for rule in Book.get() if rule.file != DECLARED_BY_USERS]
    derived = [
        _derived_subject(rule, trials) for rule in rules if rule.kind == DIFFERENTIAL and not is_zero(rule.right)
    ]
    rows = [row for row in FUNCTIONS.values() if row.is_entrywise]
    entrywise = [_entrywise_subject(row, k, trials) for row in rows for k in PARAMETRIC.get(row.name, (None,))]
    definitions = [_definition_subject(r, trials) for r in FUNCTIONS.values() if r.definition]
    return [*(_rule_subject(rule, trials) for rule in rules), *derived, *entrywise, *definitions, *kernel_subjects()]


def check_subject(subject: Subject | KernelSubject, seed: int) -> SelfCheck:
    """Check a statement, then every mistake planted in it."""
    report = subject.report(seed)
    outcomes = list(subject.planted(seed))
    missed = tuple(mistake for mistake, refused in outcomes if not refused)
    return SelfCheck(subject.name, subject.place, subject.kind, report, len(outcomes), missed)


# ---- rules -------------------------------------------------------------------------------------------------


def _rule_subject(rule: Rule, trials: int, *, explain: bool = False) -> Subject:
    domain = _domain(rule)
    moved = _moved(rule)
    settings = _Settings(domain, trials, explain)

    def check(right: Expression, seed: int) -> Report:
        if right.shape != _expected_shape(rule):
            return Report("refuted", seed=seed, reason="the two sides differ in shape")
        report = _CHECKS.get(rule.kind, _check_identity)(replace(rule, right=right), moved, seed, settings)
        gap = _gap(rule, moved) if report.passed and right is rule.right else ""
        return replace(report, verdict="refuted", reason=gap) if gap else report

    return Subject(rule.name, rule.place, rule.kind, rule.right, check, domain, _is_copy(rule))


def _is_copy(rule: Rule) -> bool:
    """Whether the rule is one of a family of analytic functions, whose first member stands for all."""
    analytic = rule.head in FUNCTIONS and FUNCTIONS[rule.head].analytic
    return analytic and rule.kind != IDENTITY and rule.head not in ("expm", "dexpm")


@dataclass(frozen=True)
class _Settings:
    domain: Domain
    trials: int
    explain: bool = False

    def options(self, seed: int) -> dict[str, Any]:
        """The options of a verification."""
        return {"seed": seed, "trials": self.trials, "domain": self.domain, "explain": self.explain}


def _domain(rule: Rule) -> Domain:
    """The domain that the conditions of a rule leave; generic matrices are invertible and not zero."""
    # the derivative of a derivative is a block of four times the size
    functions = {n.function for n in postorder(rule.left) if isinstance(n, Apply)}
    sizes = (2, 3) if any(FUNCTIONS[f].analytic or f in SLOW_TO_CHECK for f in functions) else None
    words = {word: frozenset(n for n, w in rule.conditions if w == word) for _, word in rule.conditions}
    positive, nonnegative = words.get("positive", frozenset()), words.get("nonnegative", frozenset())
    return Domain(positive=positive, nonnegative=nonnegative, sizes=sizes)


def _moved(rule: Rule) -> list[Variable]:
    """The parameters whose perturbations occur on the right side; all where that is 0."""
    if is_zero(rule.right):
        return list(rule.parameters.values())
    present = set(variables_of(rule.right))
    return [p for p in rule.parameters.values() if perturbation_of(p) in present]


def _expected_shape(rule: Rule) -> tuple[object, object]:
    return rule.left.shape if rule.slot is None else rule.slot.shape


def _check_differential(rule: Rule, moved: list[Variable], seed: int, settings: _Settings) -> Report:
    names = {p: perturbation_of(p) for p in moved}
    claims = {"differential": Claim("differential", rule.right)}
    report = verify_forms(rule.left, moved, claims, perturbations=names, adjoint=False, **settings.options(seed))
    whole = _with_whole_exponent(rule)
    if whole is None or not report.passed:
        return report
    again = _check_differential(whole, [p for p in moved if p in variables_of(whole.left)], seed, settings)
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


def _check_adjoint(rule: Rule, moved: list[Variable], seed: int, settings: _Settings) -> Report:
    cotangent = next(p for name, p in rule.parameters.items() if name in ("G", "g"))
    assert rule.slot is not None
    return _check_inner_products(cotangent, rule.left, {rule.slot: rule.right}, seed, settings)


def _check_inner_products(
    cotangent: Variable, value: Expression, adjoints: Mapping[Expression, Expression], seed: int, settings: _Settings
) -> Report:
    """Check ⟨G, value⟩ against the sum of ⟨adjoint, slot⟩."""

    def sides(s: Place) -> Sides:
        G, LX = s.values[cotangent.name], s.value(value)
        found = [dot(s.value(adjoint), s.value(slot)) for slot, adjoint in adjoints.items()]
        return Sides(sum(found[1:], found[0]), Slope(dot(G, LX), 0.0), s.scale(G, LX))

    known = [value, *adjoints]
    return verify_tests(
        [Test("adjoint", sides)], [*known, *adjoints.values()], known, [cotangent], **settings.options(seed)
    )


def _derived_subject(rule: Rule, trials: int) -> Subject:
    """The adjoint that follows from a differential, as one column of the adjoints of all its parameters."""
    G = variable("G()", *rule.right.shape)
    slots = [perturbation_of(p) for p in _moved(rule)]
    adjoints = pullback(rule.right, G, slots)
    settings = _Settings(_domain(rule), trials)
    chosen = max(slots, key=lambda slot: len(postorder(adjoints[slot])))

    def check(formula: Expression, seed: int) -> Report:
        if formula.shape != chosen.shape:
            return Report("refuted", seed=seed, reason="the two sides differ in shape")
        return _check_inner_products(G, rule.right, {**adjoints, chosen: formula}, seed, settings)

    subject = Subject(
        rule.name, rule.place, "derived adjoint", adjoints[chosen], check, settings.domain, _is_copy(rule)
    )
    return replace(subject, seen=_twice_symmetric_part) if "symmetric" in chosen.properties else subject


def _twice_symmetric_part(formula: Expression) -> Expression:
    return add(formula, transpose(formula))


def _check_identity(rule: Rule, moved: list[Variable], seed: int, settings: _Settings) -> Report:
    return verify_equal(rule.right, rule.left, **settings.options(seed))


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
        return verify_forms(f, [x], {"differential": claim}, adjoint=False, seed=seed, trials=trials, explain=False)

    name = row.name if k is None else f"{row.name}({k}, x)"
    return Subject(name, "functions", "derivative", derivative, check)


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
        return verify_forms(
            f, variables, claims, perturbations=names, adjoint=False, seed=seed, trials=trials, explain=False
        )

    return Subject(row.name, "functions", "definition", formula, check)
