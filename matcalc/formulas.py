"""Formulas as they come in: as arguments of a command, and one after the other from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

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


class FormulaCommand(click.Command):
    """A command whose arguments are formulas: one that begins with a minus is not taken for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {name: p for p in self.get_params(ctx) for name in (*p.opts, *p.secondary_opts)}
        found: list[str] = []
        for place, arg in enumerate(args):
            if arg == "--graph" and args[place + 1 : place + 2] not in (["text"], ["dot"]):
                arg = "--graph=text"
            previous = options.get(found[-1]) if found else None
            is_value = isinstance(previous, click.Option) and not previous.is_flag
            is_option = arg.split("=")[0] in options or arg.startswith("--")
            formula = arg.startswith("-") and len(arg) > 1 and not is_option and not is_value
            found.append(" " + arg if formula else arg)
        return super().parse_args(ctx, found)
