"""Typical sizes, which decide between orders of multiplication: {"n": 1000, "k": 5}, or the text "n >> k, p = 3"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from operator import index
from typing import TypeAlias

from matcalc.errors import MatcalcError, ParseError

MUCH = 100
SMALL = 10
LARGEST = 10**18
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

    Raises ParseError for a text that says something else, or that contradicts itself, MatcalcError for sizes that
    are no positive integers.

    >>> found = typical_sizes("m >> n >> k, p = 3")
    >>> dict(found), found.guesses
    ({'p': 3}, {'p': 3, 'k': 10, 'n': 1000, 'm': 100000})
    """
    if isinstance(sizes, TypicalSizes):
        return sizes
    if not isinstance(sizes, str):
        found = TypicalSizes(_checked(sizes or {}))
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


def _checked(sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes of a mapping."""
    hint = "sizes are a text, or the numbers of names: {'n': 1000, 'k': 5}"
    if not isinstance(sizes, Mapping) or not all(isinstance(name, str) for name in sizes):
        raise MatcalcError(f"sizes={sizes!r} are no sizes", hint=hint)
    for name, value in sizes.items():
        if not hasattr(value, "__index__") or not 0 < index(value) <= LARGEST:
            raise MatcalcError(f"the size {name} is {value!r}", hint=hint)
    return {name: index(value) for name, value in sizes.items()}


def _read(clause: str, start: int, text: str, found: TypicalSizes, smaller: dict[str, list[str]]) -> None:
    """Note one clause: a number, or names each of which is much larger, or smaller, than the next."""
    if number := _NUMBER.fullmatch(clause):
        name, value = number[1], int(number[2])
        if not value or found.setdefault(name, value) != value:
            known = f", and before {found[name]}" if value else ""
            raise _refused(f"the size {name} is {value}{known}", text, start, clause)
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
    """Give every name a number, after those that are much smaller; and less than what is given as a number."""
    given = set(guesses)
    left = [name for name in smaller if name not in guesses]
    order = [name for name in smaller if name in guesses]
    while left:
        ready = [name for name in left if all(less in guesses for less in smaller[name])]
        if not ready:
            raise _refused(f"{', '.join(left)} are each much larger than another of them", text, 0, text)
        for name in ready:
            guesses[name] = max((MUCH * guesses[less] for less in smaller[name]), default=SMALL)
            if guesses[name] > LARGEST:
                raise _refused(f"{name} would be larger than any array", text, 0, text)
        order += ready
        left = [name for name in left if name not in guesses]
    for name in reversed(order):
        for less in smaller[name]:
            if less not in given:
                guesses[less] = min(guesses[less], max(guesses[name] // MUCH, 1))
    for name in smaller:
        for less in smaller[name]:
            if guesses[name] <= guesses[less]:
                raise _refused(f"{name} is {guesses[name]}, which is not much larger than {less}", text, 0, text)


def _refused(message: str, text: str, start: int, clause: str) -> ParseError:
    begin = start + len(clause) - len(clause.lstrip())
    return ParseError(message, text=text, start=begin, end=begin + len(clause.strip()), hint=_HINT)
