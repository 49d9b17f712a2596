"""Texts as syntax trees: expressions, declarations of variables, and rule books.

>>> parse_expression("x' A x")
<product ('*', '*') with 3 children, 0:6>
>>> parse_declarations("A: matrix(m,n), x: R^n")[1].kind
'vector'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from matcalc.declaration_builders import DECLARATION_BUILDERS, rule
from matcalc.diagnoses import unexpected_token
from matcalc.errors import ParseError
from matcalc.expression_builders import EXPRESSION_BUILDERS
from matcalc.grammars import END, Unexpected, grammar, parse
from matcalc.latex_source import as_plain, is_latex
from matcalc.syntax_trees import Declaration, RuleText, Tree, postorder
from matcalc.tokens import GREEK_LETTERS, Token, spelled, tokens_of

__all__ = [
    "Declaration",
    "RuleText",
    "Tree",
    "parse_declarations",
    "parse_expression",
    "parse_rulebook",
    "postorder",
]


Builder = Callable[[list[Any]], Any]
IsVariable = Callable[[str], bool | None]
_GREEK = frozenset(GREEK_LETTERS.values()) | {"varepsilon", "vartheta", "varphi", "varsigma", "varrho"}
_CALLED = frozenset(["Gamma", "sigma", "phi", "varphi", "psi", "rho", "zeta", "delta", "kappa", "chi"])
_UNIT_VECTOR = re.compile(r"\\(?:mathbf|boldsymbol|bm)\s*\{\s*e\s*\}\s*_\s*\{?\s*(\d+)\s*\}?")
_BUILDERS: Mapping[str, Builder] = {**EXPRESSION_BUILDERS, **DECLARATION_BUILDERS}


def parse_expression(text: str, limits: bool = True, is_variable: IsVariable | None = None) -> Tree:
    r"""The tree of an expression, or of definitions with an expression last; raises only ParseError.

    Without limits the text may be of any length and its brackets nested to any depth. In LaTeX a Greek letter that is
    a variable has a factor in the brackets after it, no argument: it is declared as one, stands without brackets
    elsewhere, or is none of those that functions are called by.

    >>> tree = parse_expression("2A*x + b")
    >>> tree.kind, [child.kind for child in tree.children]
    ('sum', ['product', 'name'])
    >>> parse_expression(r"x^\top A x").kind, parse_expression(r"\lambda(1-\lambda)").kind
    ('product', 'product')
    """
    tokens = (
        _tokens_of_latex(text, limits, is_variable) if is_latex(text) else tokens_of(text, "expression", limits=limits)
    )
    tree: Tree = _parsed(text, "expression", tokens)
    return tree


def _tokens_of_latex(text: str, limits: bool, is_variable: IsVariable | None) -> list[Token]:
    """The tokens of a text in LaTeX, with their places in it."""
    plain = as_plain(text)
    try:
        tokens = tokens_of(plain.text, "expression", limits=limits)
    except ParseError as error:
        if error.start is not None:
            error.start, error.end = plain.place(error.start, error.end or error.start)
        error.text = text
        raise
    for token in tokens:
        token.start, token.end = plain.place(token.start, token.end)
    bare = {spelled(token.value) for token in tokens if token.kind == "NAME"}
    for place, token in enumerate(tokens):
        if is_variable is not None and token.kind == "NAME" and is_variable(token.value) is is_variable("e") is None:
            _refuse_unit_vector(token, text)
        if token.kind == "CALL" and (name := spelled(token.value)).partition("_")[0] in _GREEK:
            known = is_variable(name) if is_variable is not None else None
            if known or name in bare or (known is None and name.partition("_")[0] not in _CALLED):
                token.kind = "NAME" if _is_factor(tokens[place + 1 :]) else token.kind
    return tokens


def _refuse_unit_vector(token: Token, text: str) -> None:
    r"""Refuse \mathbf{e}_1, which is a column of the identity where we write it, and may be any vector elsewhere."""
    found = _UNIT_VECTOR.match(text, token.start, token.end)
    if found is not None:
        message = f"{found[0]} may be a column of the identity, or a vector of its own"
        hint = f"write eye[:,{found[1]}] for the column, or declare {token.value}: vector(n)"
        raise ParseError(message, text=text, start=token.start, end=token.end, hint=hint)


def _is_factor(tokens: Sequence[Token]) -> bool:
    """Whether a bracket has one expression in it, and not the number of an entry alone."""
    depth = 0
    for token in tokens:
        depth += (token.kind in ("LPAR", "LSQB", "INDEX")) - (token.kind in ("RPAR", "RSQB"))
        if depth == 0:
            break
        if depth == 1 and token.kind in ("COMMA", "EQUALS"):
            return False
    return [token.kind for token in tokens[1:3]] != ["NUMBER", "RPAR"]


def parse_declarations(text: str) -> tuple[Declaration, ...]:
    """The declared names in order; raises ParseError.

    >>> [(one.name, one.kind, one.properties) for one in parse_declarations("S: matrix(n,n) spd, a, b: R")]
    [('S', 'matrix', ('spd',)), ('a', 'scalar', ()), ('b', 'scalar', ())]
    """
    tokens = tokens_of(text, "declarations")
    if tokens[0].kind == END:
        return ()
    declarations: tuple[Declaration, ...] = _parsed(text, "declarations", tokens)
    return declarations


def parse_rulebook(text: str, file: str) -> tuple[RuleText, ...]:
    """The rules of a rule book; raises ParseError that names the file and the line.

    >>> parse_rulebook("trace: linear tr(X)\\n    for X: matrix(n,n)", "trace.rules")[0].family
    'linear'
    """
    builders: dict[str, Builder] = {**_BUILDERS, "rule": partial(rule, text=text, file=file)}
    try:
        tokens = tokens_of(text, "rulebook", limits=False)
        rules: tuple[RuleText, ...] = _parsed(text, "rulebook", tokens, builders)
    except ParseError as error:
        error.file = file
        raise
    return rules


def _parsed(
    text: str,
    start: str,
    tokens: list[Token],
    builders: Mapping[str, Builder] = _BUILDERS,
) -> Any:
    try:
        return parse(grammar(), start, tokens, builders)
    except Unexpected as found:
        error = unexpected_token(text, tokens, found.index, found.expected, start)
    except ParseError as refused:
        error = refused.located(text, 0, len(text))
    raise error
