r"""Sums as they are written on paper, ``\sum_{i=1}^n x_i^2``: the index, its bounds, and where the summand ends.

A summand is one term: it ends before a + or -, a bracket that closes or a sign that separates, all outside of brackets.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BOUND = r"-?\w+(?:\s*[-+]\s*\w+)?"
_BELOW = rf"_\s*\{{\s*(?P<index>[A-Za-z](?:\s*,\s*[A-Za-z])*)\s*=\s*(?P<lower>{_BOUND})\s*\}}"
_ABOVE = rf"\^\s*(?:\{{\s*(?P<upper>{_BOUND})\s*\}}|(?P<single>\w))"
_RANGES = tuple(
    re.compile(rf"\s*(?:\\(?:no)?limits\s*)?{first}\s*{second}")
    for first, second in ((_BELOW, _ABOVE), (_ABOVE, _BELOW))
)
UNBOUNDED = r"\s*_\s*\{?\s*([A-Za-z](?:\s*,\s*[A-Za-z])*)\s*\}?"
_RAISED = re.compile(r"(?P<index>[ᵢⱼₖₗₘₙ])₌(?P<lower>[₀-₉]+)(?P<upper>[ⁿᵐᵏᵖ]|[⁰¹²³⁴-⁹]+)")
_PLAIN = str.maketrans("ᵢⱼₖₗₘₙ₀₁₂₃₄₅₆₇₈₉ⁿᵐᵏᵖ⁰¹²³⁴⁵⁶⁷⁸⁹", "ijklmn0123456789nmkp0123456789")

_WORDS = re.compile(
    r"(?P<blank>[ \t~]+|\\[,;:! ]|\\q?quad(?![A-Za-z])|\\(?:left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])\.?|#[^\n]*)"
    r"|(?P<bar>\\\||\\[lr]?[vV]ert(?![A-Za-z])|‖|\|\|?)"
    r"|(?P<opener>\\langle(?![A-Za-z])|\\\{|[({\[]|\\begin(?![A-Za-z]))"
    r"|(?P<closer>\\rangle(?![A-Za-z])|\\\}|[)}\]]|\\end(?![A-Za-z]))"
    r"|(?P<sign>[-+−])"
    r"|(?P<end>[,;=&$<>]|\\\\|\n|\bin\b|\bwhere\b)"
    r"|(?P<operator>[*/·^_]|\.[*/]|\\(?:cdot|times|odot|oslash|otimes|circ)(?![A-Za-z]))"
    r"|(?P<operand>\\[A-Za-z]+|\\?.)",
    re.DOTALL,
)


class Range(NamedTuple):
    """The index of a sum, or several with the same bounds, the bounds, and the place after them."""

    letters: tuple[str, ...]
    lower: str
    upper: str
    end: int


def range_at(source: str, place: int) -> Range | None:
    r"""The range of a sum that stands at a place, or None where it is incomplete.

    >>> range_at(r"\sum_{i=1}^{n} x_i", 4)
    Range(letters=('i',), lower='1', upper='n', end=14)
    """
    for pattern in (*_RANGES, _RAISED):
        found = pattern.match(source, place)
        if found is not None:
            words = found.groupdict()
            bounds = [words["index"], words["lower"], words["upper"] or words["single"]]
            index, lower, upper = (re.sub(r"\s", "", word.translate(_PLAIN)) for word in bounds)
            return Range(tuple(index.split(",")), lower, upper, found.end())
    return None


def end_of_summand(source: str, place: int) -> int:
    r"""The place after the term that begins at a place.

    >>> source = r"(x_i - y_i)^2 \cdot -3 + c"
    >>> source[:end_of_summand(source, 0)]
    '(x_i - y_i)^2 \\cdot -3'
    """
    depth, end, due, bars = 0, place, True, 0
    encloses = _count_of_bars(source[:place]) % 2 == 1
    for found in _WORDS.finditer(source, place):
        kind, word = found.lastgroup, found[0]
        if kind == "blank":
            continue
        ends = (kind == "sign" and not due) or (kind == "end" and not (due and word == "\n"))
        if not depth and not bars and (ends or (kind == "bar" and encloses and not due)):
            break
        if kind == "bar":
            bars, due = (bars - 1, False) if bars else (bars + 1, True)
        elif kind == "opener":
            depth, due = depth + 1, True
        elif kind == "closer":
            depth, due = depth - 1, False
            if depth < 0:
                break
        else:
            due = kind in ("sign", "operator", "end")
        end = found.end()
    return end


def _count_of_bars(source: str) -> int:
    return sum(found.lastgroup == "bar" for found in _WORDS.finditer(source))
