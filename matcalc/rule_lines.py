"""The rule book as lines of text, for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from matcalc.adjoints import derived_adjoints
from matcalc.differentiation import differential
from matcalc.errors import UnknownName
from matcalc.function_table import ALIASES, ALONG_AXES, FUNCTIONS, LATER, Function, nearest_names
from matcalc.names import BARE_NAMES
from matcalc.rule_book import ADJOINT, DEFINITION, DIFFERENTIAL, Book, Rule

DEFINITIONS: dict[str, Rule] = {}
"""The functions that the user's rule files define, by name; they are no rules of the book."""

_CONSTANT = {*BARE_NAMES, "K", "commutation", "duplication", "elimination"}
_SHORT_FOR = {
    "vector": "vector(c, n) = c*ones(n)",
    "matrix": "matrix(c, m, n) = c*ones(m,n)",
    "reshape": "reshape(A, m, n) = unvec(vec(A), m, n)",
}


def all_rules() -> Iterator[str]:
    """Each rule of the book, and each definition of the user's, on a line: its name and its statement."""
    for rule in (*Book.get(), *DEFINITIONS.values()):
        yield f"{rule.name:24} {rule.statement}"


def about_rule(name: str) -> Iterator[str]:
    """What there is to know of the rules with that name, or about that function, which may have no rule of its own.

    Raises UnknownName where there is none.

    >>> for line in about_rule("logdet"): print(line)
    rules/determinant.rules:7: logdet
      differential d(logdet(A)) = tr(inv(A)*d(A))
      domain       A invertible
      source       Course notes, section 9.2.2
      adjoint      dot(G, d(logdet(A))) = dot(G*inv(A)', d(A))
    >>> for line in about_rule("sqrt"): print(line)
    sqrt: a function of the language
      abbreviation sqrt(X) = X.^(1/2)
      shape        (m,n) -> (m,n)
    """
    row = FUNCTIONS.get(ALIASES.get(name, name))
    found = [r for defined, r in DEFINITIONS.items() if name in (r.name, defined)]
    found = found or Book.get().named(name) or Book.get().about(DIFFERENTIAL, row.name if row else name)
    along = [node for node, (called, _) in ALONG_AXES.items() if row is not None and called == row.name]
    found = [*found, *(rule for node in along for rule in Book.get().about(DIFFERENTIAL, node))]
    if not found:
        yield from _about_function(name, row)
    if not found and row is not None:
        found = [r for alias in row.aliases for r in Book.get().named(alias) if r.kind == DIFFERENTIAL]
    for rule in found:
        yield from _lines(rule)


def _about_function(name: str, row: Function | None) -> Iterator[str]:
    """What a function without a rule is: entrywise, an abbreviation, or a constant."""
    if row is None and name in _CONSTANT:
        yield f"{name}: a constant of the language"
        yield f"  {DIFFERENTIAL:12} 0"
        return
    if row is None and name in _SHORT_FOR:
        yield f"{name}: a function of the language"
        yield f"  {'abbreviation':12} {_SHORT_FOR[name]}"
        return
    if row is None:
        if name in LATER:
            raise UnknownName(f"{name} is not supported yet", hint="`matcalc rules` lists what there is")
        near = nearest_names(name, [*(r.name for r in Book.get()), *DEFINITIONS])
        hint = f"did you mean {' or '.join(near)}?" if near else "`matcalc rules` lists them"
        raise UnknownName(f"there is no rule named {name}", hint=hint)
    same = "" if name == row.name else f", another name of {row.name}"
    yield f"{name}: a function of the language{same}"
    if row.definition:
        letters = ", ".join("XYZW"[: len(row.signature.split("->")[0].split())])
        yield f"  {'abbreviation':12} {row.name}({letters}) = {row.definition}"
    elif row.is_entrywise:
        call = f"{row.name}(1,x)" if row.signature.startswith("(1,1)") else f"{row.name}(x)"
        slope = differential(call, "x", "x: scalar")
        yield f"  {'entrywise':12} d({call}) = {str(slope).replace('dx', 'd(x)')}  (the derivative of SymPy)"
    yield f"  {'shape':12} {row.signature}"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.place}: {rule.name}"
    yield f"  {rule.kind:12} {rule.statement.removeprefix(f'{DEFINITION} ')}"
    if rule.domain:
        yield f"  {'domain':12} {rule.domain}"
    if rule.source:
        yield f"  {'source':12} {rule.source}"
    if rule.kind == DIFFERENTIAL:
        for line in derived_adjoints(rule):
            yield f"  {ADJOINT:12} {line}"
