"""Formulas one after the other: an expression a line, after the lines that define its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_DEFINITION = re.compile(r"\s*[^\W\d]\w*\s*=(?!=)")
_LET = re.compile(r"\s*let\b(?!\s*[^\w\s])")
_IN = re.compile(r"\bin\b")


def formulas(lines: Iterable[str]) -> Iterator[str]:
    """Each expression with the definitions before it, comments and empty lines left out.

    A line ``r = …`` defines a part of the expression that follows, and so does what stands between ``let`` and
    ``in``; every other line ends a formula.

    >>> list(formulas(["x'*x", "r = A*x - b  # the residual", "", "norm2(r)^2", "let", "q = A*x", "in sum(q)"]))
    ["x'*x", 'r = A*x - b\\nnorm2(r)^2', 'let\\nq = A*x\\nin sum(q)']
    """
    block: list[str] = []
    lets = 0
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        block.append(text)
        lets += bool(_LET.match(text))
        if lets:
            lets -= bool(_IN.search(text))
        goes_on = lets > 0 or _DEFINITION.match(text) or text.endswith(" in") or text == "in"
        if not goes_on:
            yield "\n".join(block)
            block, lets = [], 0
    if block:
        yield "\n".join(block)
