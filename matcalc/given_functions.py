"""Functions that are given as Python callables: called on copies, with what they return and raise made plain.

A point is a tuple of float arrays, one for each argument; a 0-dimensional one is handed over as a float.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from matcalc.errors import MatcalcError
from matcalc.operations import Array

Point: TypeAlias = tuple[Array, ...]


class Undecided(Exception):
    """What makes a check inconclusive, in words."""


@dataclass(frozen=True)
class GivenFunction:
    """A callable and the name it has in messages.

    >>> GivenFunction("f", lambda x: 2 * x).values((np.ones(2),))
    (array([2., 2.]),)
    """

    name: str
    function: Callable[..., Any]

    def values(self, arguments: Point, parts: int | None = None) -> Point:
        """What it returns, as one float array, or a tuple of so many ``parts``.

        Raises MatcalcError, with its cause, where the function raises or returns no real numbers, and Undecided
        where it changes its arguments.
        """
        copies = tuple(handed(a) for a in arguments)
        try:
            with np.errstate(all="ignore"):
                result = self.function(*copies)
        except Exception as error:
            where = ", ".join(_shape_in_words(a) for a in arguments)
            message = f"{self.name} raised {in_words(error)}"
            raise MatcalcError(message, hint=f"it was called with {where}") from error
        for i, (copy, a) in enumerate(zip(copies, arguments, strict=True), 1):
            if np.shape(copy) != a.shape or not np.array_equal(copy, a):
                raise Undecided(f"{self.name} changes its argument{f' {i}' if len(copies) > 1 else ''}")
        if parts is None:
            return (self._array(result),)
        if not isinstance(result, (tuple, list)) or len(result) != parts:
            found = f"{len(result)} parts" if isinstance(result, (tuple, list)) else type(result).__name__
            message = f"{self.name} must return a tuple of {parts} arrays, one for each argument, but returns {found}"
            raise MatcalcError(message)
        return tuple(self._array(part) for part in result)

    def _array(self, result: Any) -> Array:
        """A float array that is nobody else's."""
        try:
            entries = np.asarray(result)
        except ValueError:
            entries = np.asarray(None)
        if entries.dtype.kind not in "fiub":
            words = "complex numbers" if entries.dtype.kind == "c" else type(result).__name__
            raise MatcalcError(f"{self.name} must return a real number or an array of them, but returns {words}")
        return np.array(entries, dtype=float)

    def parameters(self) -> list[str] | None:
        """The names of the positional parameters without a default, None where they cannot be told."""
        if isinstance(self.function, np.ufunc):
            return ["x", "y", "z"][: self.function.nin]
        try:
            found = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):
            return None
        if any(p.kind is p.VAR_POSITIONAL for p in found):
            return None
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return [p.name for p in found if p.kind in positional and p.default is p.empty]


def handed(a: Array) -> Any:
    """An argument as a function gets it: a float, or an array of its own."""
    return float(a) if a.ndim == 0 else a.copy()


def in_words(error: BaseException) -> str:
    """The first line of an exception, with its kind.

    >>> in_words(ValueError("not square"))
    'ValueError: not square'
    """
    message = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _shape_in_words(a: Array) -> str:
    return f"{float(a):g}" if a.ndim == 0 else f"an array of shape {a.shape}"


def point_of(value: Any) -> Point:
    """A point from what was given: a tuple is one of several arguments.

    Raises MatcalcError for what is not made of finite real numbers.

    >>> point_of((2, [1, 2]))
    (array(2.), array([1., 2.]))
    """
    arguments = value if isinstance(value, tuple) else (value,)
    return tuple(_finite(a) for a in arguments)


def _finite(value: Any) -> Array:
    try:
        entries = np.asarray(value)
    except ValueError:
        entries = np.asarray(None)
    if entries.dtype.kind not in "fiub" or entries.size == 0:
        words = "an array without entries" if entries.size == 0 else f"{type(value).__name__} {value!r}"[:60]
        raise MatcalcError(f"at must be made of real numbers, but is {words}", hint="give an array, or a callable")
    if not np.all(np.isfinite(entries)):
        raise MatcalcError("at must be made of finite numbers", hint="nan or inf was found in it")
    return np.array(entries, dtype=float)


def argument_names(f: GivenFunction, count: int) -> list[str]:
    """The names of f's arguments, for the inputs of a counterexample."""
    names = f.parameters() or []
    return names if len(names) == count else ["x"] if count == 1 else [f"x{i}" for i in range(1, count + 1)]


def same(first: Sequence[Array], second: Sequence[Array]) -> float:
    """The largest difference between two results, relative to the first; 0 where they are the same."""
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape:
            return float("inf")
        if not np.array_equal(a, b, equal_nan=True):
            with np.errstate(all="ignore"):
                worst = max(worst, float(np.nanmax(np.abs(a - b), initial=0) / max(np.nanmax(np.abs(a)), 1e-300)))
            worst = worst if np.array_equal(np.isfinite(a), np.isfinite(b)) else float("inf")
    return worst
