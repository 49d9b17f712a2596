"""The rule book as users see it, and rules of their own, which are verified before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matcalc.errors import MatcalcError, RuleError
from matcalc.expressions import Expression
from matcalc.function_table import FUNCTIONS, Function
from matcalc.rule_book import ADJOINT, DEFINITION, DIFFERENTIAL, IDENTITY, Book, Rule, rule_of
from matcalc.rule_lines import DEFINITIONS
from matcalc.rule_mistakes import RuleMistakes
from matcalc.self_check import check_rule
from matcalc.simplification import forget_identities
from matcalc.sizes import size_text
from matcalc.syntax import parse_rulebook
from matcalc.syntax_trees import RuleText


def rules() -> list[Rule]:
    """The rule book: each rule with its statement, source and domain.

    >>> next(r.statement for r in rules() if r.name == "inverse")
    'd(inv(A)) = -inv(A)*d(A)*inv(A)'
    """
    return [*Book.get(), *DEFINITIONS.values()]


def load_rules(path: str | Path) -> list[Rule]:
    """Read a file of rules, verify each on random data, and add them to the book; all or none.

    A new function is a ``definition``; identities and differentials are stated as in the book.  Raises
    RuleError with file, line and counterexample where a rule cannot be read or is wrong.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"cannot read the rule file {file}: {error}") from None
    found = parse_rulebook(text, file)
    defined: list[str] = []
    added: list[Rule] = []
    try:
        for statement in found:
            added.append(_checked(statement, text, defined))
    except MatcalcError:
        for name in defined:
            del FUNCTIONS[name]
        raise
    Book.get().add([r for r in added if r.kind != DEFINITION])
    DEFINITIONS.update(zip(defined, (r for r in added if r.kind == DEFINITION), strict=True))
    forget_identities()
    return added


def _checked(text: RuleText, whole: str, defined: list[str]) -> Rule:
    mistakes = RuleMistakes(text, whole)
    if text.family == DEFINITION:
        parameters = mistakes.parameters()
        rule = rule_of(text, whole)
        _refuse_unsound(rule, text, whole)
        defined.append(_define(text, rule, parameters))
        return rule
    mistakes.refuse_undeclared()
    try:
        rule = rule_of(text, whole)
    except StopIteration:  # no variable stands where the rule is about one
        message = f"{text.family or 'a rule'} needs a function of a declared variable"
        raise mistakes.error(message, "write linear f(X), and for X: matrix(m,n)") from None
    if rule.kind == ADJOINT and not {"G", "g"} & set(rule.parameters):
        raise mistakes.error("an adjoint has a cotangent G", "write dot(G, f(X)) = dot(…, X), and declare G")
    _refuse_unsound(rule, text, whole)
    where = {"file": text.file, "text": whole, "start": text.left.start, "end": text.left.end}
    report = check_rule(rule)
    if report.verdict == "refuted":
        raise RuleError(f"{rule.name} is wrong: {report}", **where)  # type: ignore[arg-type]
    if rule.kind == DIFFERENTIAL and Book.get().about(DIFFERENTIAL, rule.head):
        known = Book.get().about(DIFFERENTIAL, rule.head)[0]
        raise RuleError(f"{rule.name}: {rule.head} has a rule already: {known.place} {known.name}", **where)  # type: ignore[arg-type]
    if rule.kind == IDENTITY and any(a.startswith(tuple(rule.parameters)) for a in report.assumptions):
        message = f"{rule.name} could only be sampled with {', '.join(report.assumptions)}"
        raise RuleError(message, hint="declare the property: for x: vector(n) positive", **where)  # type: ignore[arg-type]
    if report.verdict == "inconclusive":
        hint = "state the domain in `for` and `where` so that it can be sampled"
        raise RuleError(f"{rule.name} could not be verified: {report}", hint=hint, **where)  # type: ignore[arg-type]
    return rule


def _refuse_unsound(rule: Rule, text: RuleText, whole: str) -> None:
    """A definition holds for every argument, and an identity for every matrix with the declared properties."""
    where: dict[str, Any] = {"file": text.file, "text": whole, "start": text.left.start, "end": text.left.end}
    declared = [f"{v.name} {p}" for v in rule.parameters.values() for p in sorted(v.properties)]
    if rule.kind == DEFINITION and declared:
        message = f"{rule.name}: a definition holds for every argument, and {declared[0]} is declared"
        raise RuleError(message, hint="leave the property out", **where)
    conditions = [f"{name} {word}" for name, word in rule.conditions if word != "invertible"]
    if rule.kind == IDENTITY and conditions:
        name, word = conditions[0].split()
        message = f"{rule.name}: an identity is used wherever it fits, and cannot depend on {conditions[0]}"
        raise RuleError(message, hint=f"declare the property instead: for {name}: vector(n) {word}", **where)


def _define(text: RuleText, rule: Rule, names: tuple[str, ...]) -> str:
    """Make a new function of a definition; its value is the right side with the arguments put in."""
    name = str(text.left.value)
    parameters = tuple(rule.parameters[n] for n in names)
    FUNCTIONS[name] = Function(
        name, f"{' '.join(map(_pattern, parameters))} -> {_pattern(rule.right)}", template=(rule.right, parameters)
    )
    return name


def _pattern(e: Expression) -> str:
    """The shape of an expression in a signature: "(m,n)"."""
    return f"({size_text(e.rows)},{size_text(e.columns)})".replace(" ", "")
