"""Typical sizes, which decide between orders of multiplication: {"n": 1000, "k": 5}, or the text "n >> k, p = 3"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import TypeAlias

from matcalc.errors import ParseError

MUCH = 100
SMALL = 10
_HINT = "sizes are relations and numbers: n >> k, m >> n >> k, p = 3"
_MUCH_LARGER = re.compile(r"\s*(>>|≫)\s*")
_MUCH_SMALLER = re.compile(r"\s*(?:<<|≪)\s*")
_NUMBER = re.compile(r"\s*([^\W\d]\w*)\s*=\s*(\d{1,9})\s*")
_NAME = re.compile(r"[^\W\d]\w*")

Sizes: TypeAlias = Mapping[str, int] | str | None


class TypicalSizes(dict[str, int]):
    """The sizes that are given as numbers; and in `guesses` what all those that are spoken of are taken for."""

    guesses: dict[str, int]


def typical_sizes(sizes: Sizes) -> TypicalSizes:
    """The sizes of a mapping or of a text. Much larger is a hundred times as large.

    Raises ParseError for a text that says something else, or that contradicts itself.

    >>> found = typical_sizes("m >> n >> k, p = 3")
    >>> dict(found), found.guesses
    ({'p': 3}, {'p': 3, 'k': 10, 'n': 1000, 'm': 100000})
    """
    if isinstance(sizes, TypicalSizes):
        return sizes
    if not isinstance(sizes, str):
        found = TypicalSizes(sizes or {})
        found.guesses = dict(found)
        return found
    found = TypicalSizes()
    smaller: dict[str, list[str]] = {}
    start = 0
    for clause in re.split(r"([,;\n])", sizes):
        if clause.strip() and clause not in ",;":
            _read(clause, start, sizes, found, smaller)
        start += len(clause)
    found.guesses = dict(found)
    _place(smaller, found.guesses, sizes)
    return found


def _read(clause: str, start: int, text: str, found: TypicalSizes, smaller: dict[str, list[str]]) -> None:
    """Note one clause: a number, or names each of which is much larger, or smaller, than the next."""
    if number := _NUMBER.fullmatch(clause):
        found[number[1]] = int(number[2])
        if not found[number[1]]:
            raise _refused(f"the size {number[1]} is 0", text, start, clause)
        return
    names = [name.strip() for name in _MUCH_LARGER.split(clause)[::2]]
    if len(names) == 1:
        names = [name.strip() for name in _MUCH_SMALLER.split(clause)][::-1]
    if len(names) == 1 or not all(map(_NAME.fullmatch, names)):
        raise _refused("this says nothing of sizes", text, start, clause)
    for larger, less in pairwise(names):
        smaller.setdefault(larger, []).append(less)
        smaller.setdefault(less, [])


def _place(smaller: Mapping[str, list[str]], guesses: dict[str, int], text: str) -> None:
    """Give every name a number, after those that are much smaller."""
    left = [name for name in smaller if name not in guesses]
    while left:
        ready = [name for name in left if all(less in guesses for less in smaller[name])]
        if not ready:
            raise _refused(f"{', '.join(left)} are each much larger than another of them", text, 0, text)
        for name in ready:
            guesses[name] = max((MUCH * guesses[less] for less in smaller[name]), default=SMALL)
        left = [name for name in left if name not in guesses]


def _refused(message: str, text: str, start: int, clause: str) -> ParseError:
    begin = start + len(clause) - len(clause.lstrip())
    return ParseError(message, text=text, start=begin, end=begin + len(clause.strip()), hint=_HINT)
