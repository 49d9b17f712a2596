"""Named parts: what ``let r = A*x - b in …`` defines, kept beside the expression and never on its nodes.

A node is the same object whoever wrote it, so that a name cannot live there: two users may call one node by two
names. The names belong to the question. A program has its parts in order, each defined over the variables and
the parts before it, and a body; a part is a variable of its own in the definitions after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from matcalc.expressions import Expression, Variable, variables_of
from matcalc.lazy_properties import lazy_property
from matcalc.leaves import number, variable
from matcalc.powers import is_integer_valued
from matcalc.substitutions import substitute
from matcalc.sums import negate
from matcalc.transposes import transpose


class Part(NamedTuple):
    """A named part: the variable that stands for it, its definition over earlier parts, and its value without them."""

    variable: Variable
    definition: Expression
    value: Expression

    @property
    def name(self) -> str:
        """The name that the user gave it."""
        return self.variable.name


@dataclass(frozen=True, init=False)
class Program:
    """Parts in order and the body that uses them; without parts the body is the expression itself.

    >>> from matcalc.reading import read
    >>> program = read("let r = A*x - b; s = sigmoid(r) in sum(s.*r)").program
    >>> [f"{p.name} = {p.definition}" for p in program.parts], str(program.body)
    (['r = A*x - b', 's = sigmoid(r)'], 'sum(r.*s)')
    """

    parts: tuple[Part, ...]
    body: Expression
    reserved: frozenset[str]
    """Names of the question that no part may be given when an answer is printed."""

    def __init__(self, parts: tuple[Part, ...], body: Expression, reserved: frozenset[str] = frozenset()) -> None:
        self.__dict__.update(parts=parts, body=body, reserved=reserved)

    @lazy_property
    def names(self) -> frozenset[str]:
        """The names of the parts."""
        return frozenset(p.name for p in self.parts)

    def unfolded(self, e: Expression) -> Expression:
        """An expression with the values of the parts put in."""
        return substitute(e, {p.variable: p.value for p in self.parts}) if self.parts else e

    def needed(self, roots: Iterable[Expression]) -> list[Part]:
        """The parts that occur in expressions, or in the definition of one that does, in order."""
        if not self.parts:
            return []
        used = set(variables_of(*roots))
        found = []
        for part in reversed(self.parts):
            if part.variable in used:
                found.append(part)
                used.update(variables_of(part.definition))
        return found[::-1]


NO_PARTS = Program((), number(0))
"""What is written without the names of a program."""


def part_of(name: str, definition: Expression, value: Expression) -> Part:
    """The part of that name, its variable with the properties that the normal form knows of the value."""
    words = []
    if not value.is_scalar and value.rows == value.columns:
        turned = transpose(value)
        words = ["symmetric"] if turned is value else ["skew"] if turned is negate(value) else []
    elif is_integer_valued(value):
        words = ["integer"]
    return Part(variable(name, *value.shape, *words), definition, value)
