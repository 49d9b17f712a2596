"""Numbers as they are typed: "x = [1, 2]; A = [1 2; 3 4]; t = 1/3", read by the grammar of the language.

A row of numbers is taken for a vector where a vector is declared, and [[1, 2], [3, 4]], as NumPy writes it, for the
matrix [1 2; 3 4].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from matcalc.errors import EvaluationError, MatcalcError, ParseError, UnknownName
from matcalc.evaluation import evaluate
from matcalc.expressions import ONE, Expression, Variable, postorder, variables_of
from matcalc.reading import read
from matcalc.tokens import spelled

MOST_ENTRIES = 100_000
MOST_SHOWN = 60
OPENING, CLOSING = "([{", ")]}"


def typed_numbers(text: str, variables: Iterable[Variable]) -> dict[str, Any]:
    """The value of each name in the text, with the shape that its variable is declared to have.

    Raises UnknownName for a name that is no variable, ParseError for what does not read, EvaluationError for what
    is not a number.

    >>> from matcalc.leaves import variable
    >>> typed_numbers("x = [1, 2]; t = 1/4", [variable("x", "n"), variable("t", 1)])
    {'x': [1.0, 2.0], 't': 0.25}
    """
    known = {v.name: v for v in variables}
    found: dict[str, Any] = {}
    for start, part in _parts(text, ",;\n"):
        name, equals, value = part.partition("=")
        name = spelled(name.strip())
        if not equals or not name or not value.strip():
            hint = "write x = [1, 2]; A = [1 2; 3 4]"
            raise ParseError(f"{part.strip()} gives no value to a name", text=text, start=start, hint=hint)
        if name not in known:
            hint = f"the variables are {', '.join(known)}"
            raise UnknownName(f"there is no variable {name} to give a value to", text=text, start=start, hint=hint)
        if name in found:
            raise ParseError(f"{name} is given a value twice", text=text, start=start)
        found[name] = _value(value.strip(), known[name])
    return found


def _value(text: str, v: Variable) -> Any:
    """The number, list of numbers, or list of rows that a text says."""
    expression = read(_with_semicolons(text)).expression
    names = sorted({u.name for u in variables_of(expression)})
    if names:
        message = f"the value of {v.name} must be made of numbers: there is {names[0]} in it"
        raise EvaluationError(message, hint=f"write {v.name} = [1, 2] or {v.name} = 1/3")
    entries = max(_entries(node) for node in postorder(expression))
    if entries > MOST_ENTRIES:
        raise EvaluationError(
            f"the value of {v.name} has {entries} entries", hint=f"at most {MOST_ENTRIES} can be typed"
        )
    try:
        value = np.asarray(evaluate(expression, {}))
    except MatcalcError as error:
        raise EvaluationError(
            f"the value of {v.name} has no size of its own, or none at all: {error.message}"
        ) from None
    if v.columns is ONE and not v.is_scalar and value.ndim == 2 and value.shape[0] == 1:
        value = value[0]
    if value.ndim == 1 and v.columns is not ONE and v.rows is not ONE:
        value = value.reshape(-1, 1)
    if value.size == 1 and not v.is_scalar and value.ndim == 0:
        value = value.reshape((1,) if v.columns is ONE or v.rows is ONE else (1, 1))
    return value.tolist()


def _entries(node: Expression) -> int:
    size = node.rows * node.columns
    return int(size) if size.is_Integer else 0


def _with_semicolons(text: str) -> str:
    """[[1, 2], [3, 4]] as [1, 2; 3, 4]."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    rows = [part.strip() for _, part in _parts(text[1:-1], ",\n")]
    inner = [row[1:-1] for row in rows if row.startswith("[") and row.endswith("]")]
    return f"[{'; '.join(inner)}]" if inner and len(inner) == len(rows) else text


def _parts(text: str, separators: str) -> Iterator[tuple[int, str]]:
    """The parts between separators that are in no brackets, with their places."""
    depth = start = 0
    for i, c in enumerate(text):
        depth += (c in OPENING) - (c in CLOSING)
        if c in separators and depth == 0:
            if text[start:i].strip():
                yield start, text[start:i]
            start = i + 1
    if text[start:].strip():
        yield start, text[start:]


def in_words(values: Mapping[str, Any]) -> str:
    """The values as they are typed: "x = [1; 2], t = 0.25".

    >>> in_words({"x": [1.0, 2.0], "t": 0.25})
    'x = [1; 2], t = 0.25'
    """
    return ", ".join(f"{name} = {_number_words(np.asarray(value, dtype=float))}" for name, value in values.items())


def _number_words(value: Any) -> str:
    if value.size > MOST_SHOWN:
        return f"({'×'.join(map(str, value.shape))} numbers)"
    if value.ndim == 0:
        return f"{value:.6g}"
    rows = value.reshape(len(value), -1)
    return "[" + "; ".join(" ".join(f"{entry:.6g}" for entry in row) for row in rows) + "]"
