"""Long formulas in several lines, which read back as they stand.

A line ends after an operator, a comma or a semicolon, where reading goes on in the next line; inside of round brackets
it may end at any blank. Of all such places those are taken that lie outside of brackets, and at plus and minus signs
before products.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

PER_BRACKET, PER_LINE, PER_COLUMN_TOO_MANY = 6, 3, 1000
BEFORE_BODY = -PER_LINE - 1  # a new line is better there
BETWEEN_PARTS, AT_SIGN, AT_COMMA, AT_PRODUCT, AT_BLANK, AT_QUOTIENT = 0, 1, 0, 8, 8, 16
INDENT = 2

_SIGNS, _PRODUCTS, _SPACED_PRODUCTS, _QUOTIENTS = "+-−", "*·", "⊗⊙⊘", "/"
_NO_FACTORS = frozenset([*_SIGNS, *_SPACED_PRODUCTS, "=", "↦", "→", "->", "let", "in", "where", ""])
_PAIRS = {"(": ")", "[": "]", "‖": "‖", "|": "|"}


class Break(NamedTuple):
    """A place where a line may end, in how many brackets, what that costs, and the sign written there."""

    place: int
    depth: int
    own_cost: int
    sign: str = ""

    @property
    def cost(self) -> int:
        return PER_LINE + PER_BRACKET * self.depth + self.own_cost


def formula_lines(text: str, width: int, room: int | None = None) -> list[str]:
    """The formula in lines of at most that width, the first one of at most ``room``, cut where it is read best.

    What goes on inside of brackets is indented.

    >>> formula_lines("2*A'*(A*x - b) + lambda*x + mu*(C*x - d)", 24)
    ["2*A'*(A*x - b) +", 'lambda*x + mu*(C*x - d)']
    >>> formula_lines("Aᵀ B⁻¹ Cᵀ(D x − b)", 12)
    ['Aᵀ B⁻¹ ·', 'Cᵀ(D x − b)']
    """
    if len(text) <= (width if room is None else room):
        return [text]
    ends = [*_breaks(text), Break(len(text), 0, 0)]
    starts = [0, *(_after_blanks(text, end.place) for end in ends[:-1])]
    indents = [0, *(INDENT * end.depth for end in ends)]
    rooms = [width if room is None else room, *(width - indent for indent in indents[1:])]
    best = [0] * (len(ends) + 1)
    last = [0] * len(ends)
    for i in reversed(range(len(ends))):
        found = []
        for j in range(i, len(ends)):
            excess = max(0, len(_line(text, starts[i], ends[j])) - rooms[i])
            found.append((ends[j].cost + PER_COLUMN_TOO_MANY * excess + best[j + 1], -j))
            if excess:
                break
        best[i], negated = min(found)
        last[i] = -negated
    lines, i = [], 0
    while i < len(ends):
        lines.append(" " * indents[i] + _line(text, starts[i], ends[last[i]]))
        i = last[i] + 1
    return lines


def _line(text: str, start: int, end: Break) -> str:
    return text[start : end.place].rstrip() + end.sign


def _after_blanks(text: str, place: int) -> int:
    while text[place : place + 1] == " ":
        place += 1
    return place


def _breaks(text: str) -> Iterator[Break]:
    """The places where a line may end, in order."""
    opened: list[str] = []
    word = ""
    for place, letter in enumerate(text):
        if opened and letter == _PAIRS[opened[-1]]:
            opened.pop()
        elif letter in _PAIRS:
            opened.append(letter)
        depth = len(opened)
        if letter == " ":
            found = _at_blank(text, place, word, opened)
            if found is not None:
                yield Break(place, depth, found)
            elif _is_between_factors(text, place, word):
                if not opened:
                    yield Break(place, 0, AT_BLANK, " ·")
                elif "[" not in opened[-1]:
                    yield Break(place, depth, AT_BLANK)
            word = ""
        else:
            word += letter
            if letter in _PRODUCTS + _QUOTIENTS and text[place + 1 : place + 2].strip():
                yield Break(place + 1, depth, AT_QUOTIENT if letter in _QUOTIENTS else AT_PRODUCT)


def _at_blank(text: str, place: int, word: str, opened: list[str]) -> int | None:
    """The cost of a line end at a blank after a sign, or before or after the definitions of parts."""
    if word in ("+", "-", "−"):
        return AT_SIGN
    if word in _SPACED_PRODUCTS:
        return AT_PRODUCT if word else None
    if word[-1:] in (",", ";"):
        return AT_COMMA if opened or word[-1:] == "," else BETWEEN_PARTS
    if not opened and word == "in":
        return BEFORE_BODY
    if not opened and text.startswith("  where ", place):
        return BETWEEN_PARTS
    return None


def _is_between_factors(text: str, place: int, word: str) -> bool:
    return not {word, text[place + 1 : place + 8].split(" ", 1)[0]} & _NO_FACTORS
