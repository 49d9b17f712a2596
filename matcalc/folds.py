"""Lines folded to the width of the terminal; a pipe gets every line whole, unless COLUMNS says how wide it is."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import click

from matcalc.errors import MatcalcError
from matcalc.line_breaks import formula_lines
from matcalc.reports import Report

Breaks = Callable[[str], Iterator[int]]
NARROWEST = 40
COLOURS = {"verified": "green", "refuted": "red", "inconclusive": "yellow"}
IN_WORDS = ("where", "note", "for", "at", "minimum", "maximum", "saddle", "undecided", "not stationary")

_OPERATORS = frozenset("+-−*·/\\^=⊙⊘⊗|") | {".*", "./", ".^", ".+", ".-"}
_HEAD = re.compile(r"\s*(where )?\S+( in \S+)?(: | = )")  # what a formula stands for
_NAMED = re.compile(r"[^\W\d]\w*:$")  # x: of a declaration, which is not parted from vector(n)


def prose(text: str) -> Iterator[int]:
    """The blanks between words: not those in brackets, beside an operator or after the colon of a declaration."""
    for place in _outside(text):
        before, after = text[:place].rsplit(" ", 1)[-1], text[place + 1 :].split(" ", 1)[0]
        if not ({before, after} & _OPERATORS or _NAMED.match(before)):
            yield place


def commas(text: str) -> Iterator[int]:
    """The blanks between declarations."""
    yield from (place for place in _outside(text) if text[place - 1] in ",;")


def sides(text: str) -> Iterator[int]:
    """The blank before the first =, and those from a double blank on, after which there is prose."""
    end = text.find("  (")
    end = len(text) if end < 0 else end
    equals = [place for place in _outside(text[:end]) if text.startswith("= ", place + 1)]
    yield from equals[:1]
    yield from (place for place in range(end, len(text)) if text[place] == " ")


def _outside(text: str) -> Iterator[int]:
    """The blanks outside of all brackets; all blanks of a text whose brackets were cut off."""
    depth = 0
    if sum(map(text.count, "([")) != sum(map(text.count, ")]")):
        yield from (place for place, letter in enumerate(text) if letter == " " and place > 0)
        return
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == " " and depth == 0 and place > 0:
            yield place


def folded(text: str, width: int, indent: int = 2, breaks: Breaks = prose, column: int = 0) -> str:
    """The text, which begins at a column, in lines of at most that width wherever a break is allowed.

    >>> print(folded("cannot add A*x (vector of length m) and y (vector of length n)", 40))
    cannot add A*x (vector of length m)
      and y (vector of length n)
    """
    places = [*breaks(text), len(text)]
    lines, start, room = [], 0, width - column
    while len(text) - start > room and len(places) > 1:
        fitting = [place for place in places[:-1] if place - start <= room]
        place = fitting[-1] if fitting else places[0]
        lines.append(text[start:place].rstrip())
        start = place + len(text[place:]) - len(text[place:].lstrip())
        places = [p for p in places if p > start]
        room = width - indent
    return ("\n" + " " * indent).join([*lines, text[start:]])


def terminal_width(*, err: bool = False) -> int | None:
    """The columns of the terminal, 80 where they are not known; None where there is none and COLUMNS is not set."""
    if not (sys.stderr if err else sys.stdout).isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def fit(text: str, indent: int = 2, breaks: Breaks = prose, *, column: int = 0, err: bool = False) -> str:
    """The text folded to the terminal, or whole where there is none."""
    width = terminal_width(err=err)
    return text if width is None else folded(text, width, indent, breaks, column)


def fit_formula(text: str, column: int = 0) -> str:
    """A formula that begins at a column, its later lines under the sign after its = or its colon."""
    width = terminal_width()
    if width is None or len(text) <= width - column:
        return text
    head = _HEAD.match(text)
    begin = head.end() if head else 0
    indent = column + begin
    return text[:begin] + ("\n" + " " * indent).join(formula_lines(text[begin:], width - indent))


def fit_step(left: str, right: str, words: str, column: int = 2, indent: int = 6) -> str:
    """``left = right  (words)``, each side on lines of its own where both together are too long."""
    width = terminal_width()
    text = f"{left} = {right}  {words}"
    if width is None or len(text) <= width - column:
        return text
    equation = f"{left} = {right}"
    if len(equation) > width - column:
        equation = _in_lines(left, width, column, column + 2) + "\n" + " " * indent
        equation += "= " + _in_lines(right, width, indent + 2, indent + 2)
    last = equation.rsplit("\n", 1)[-1]
    end = len(last) + (column if last is equation else 0)
    fitting = end + 2 + len(words) <= width
    return equation + ("  " + words if fitting else "\n" + " " * indent + folded(words, width, indent, _blanks, indent))


def _in_lines(text: str, width: int, column: int, indent: int) -> str:
    return ("\n" + " " * indent).join(formula_lines(text, width - indent, width - column))


def _blanks(text: str) -> Iterator[int]:
    return (place for place, letter in enumerate(text) if letter == " ")


def print_error(error: MatcalcError) -> None:
    """One message on standard error: the place in the text as it is, the words folded."""
    for line in error.shown_place:
        click.echo(line, err=True)
    for line in error.words.split("\n"):
        click.echo(fit(line, err=True), err=True)


def print_rows(
    rows: Sequence[tuple[str, str]], signs: Mapping[str, str] = MappingProxyType({}), style: str = "ascii"
) -> None:
    """Labels to the left of what they stand for, and between them = or another sign."""
    width = max(len(label) for label, _ in rows)
    for label, content in rows:
        in_words = label in IN_WORDS
        joiner = f" {signs.get(label, '=')} " if label and not in_words else "   "
        if in_words:
            content = fit(content, width + 3, commas if label == "where" else prose, column=width + 3)
        elif style != "latex":
            content = fit_formula(content, width + 3)
        click.echo(click.style(label.rjust(width), dim=True) + joiner + content)


def print_steps(steps: Iterable[tuple[str, str, str]], style: str = "ascii") -> None:
    """The steps of a derivation, each with both sides and its rule."""
    for left, right, words in steps:
        click.echo("  " + (rf"{left} = {right} \quad {words}" if style == "latex" else fit_step(left, right, words)))


def print_report(report: Report) -> None:
    """The verdict in colour, and what it rests on."""
    first, *rest = str(report).split("\n")
    verdict = report.verdict
    click.echo(click.style(verdict, fg=COLOURS[verdict], bold=True) + fit(first)[len(verdict) :])
    for line in rest:
        click.echo(fit(line))
