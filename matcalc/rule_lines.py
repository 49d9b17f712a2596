"""The rule book as lines of text, for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from matcalc.adjoints import derived_adjoints
from matcalc.errors import UnknownName
from matcalc.function_table import nearest_names
from matcalc.rule_book import ADJOINT, DIFFERENTIAL, Book, Rule


def all_rules() -> Iterator[str]:
    """Each rule of the book on a line: its name and its statement."""
    for rule in Book.get():
        yield f"{rule.name:24} {rule.statement}"


def about_rule(name: str) -> Iterator[str]:
    """What there is to know of the rules with that name, or about that function.

    Raises UnknownName where there is none.

    >>> for line in about_rule("logdet"): print(line)
    rules/determinant.rules:7: logdet
      differential d(logdet(A)) = tr(inv(A)*d(A))
      domain       A invertible
      source       Course notes, section 9.2.2
      adjoint      dot(G, d(logdet(A))) = dot(G*inv(A)', d(A))
    """
    found = Book.get().named(name) or Book.get().about(DIFFERENTIAL, name)
    if not found:
        near = nearest_names(name, [r.name for r in Book.get()])
        hint = f"did you mean {' or '.join(near)}?" if near else "`matcalc rules` lists them"
        raise UnknownName(f"there is no rule named {name}", hint=hint)
    for rule in found:
        yield from _lines(rule)


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.place}: {rule.name}"
    yield f"  {rule.kind:12} {rule.statement}"
    if rule.domain:
        yield f"  {'domain':12} {rule.domain}"
    if rule.source:
        yield f"  {'source':12} {rule.source}"
    if rule.kind == DIFFERENTIAL:
        for line in derived_adjoints(rule):
            yield f"  {ADJOINT:12} {line}"
