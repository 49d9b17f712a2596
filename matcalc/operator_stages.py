"""What is linear in some variables, in two stages: what does not depend on them once, the rest at each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from matcalc.compilation import FUSED, Routine, staged_routines
from matcalc.expressions import Expression, Variable
from matcalc.flat_vectors import FlatVectors
from matcalc.lowering import lower

Linear: TypeAlias = tuple[list[Expression], list[Variable]]
"""Expressions, and the variables in which they are linear."""


class Stages:
    """Values that are linear in some variables, in two functions: what is done once, and at every value of these."""

    def __init__(
        self,
        formulas: Sequence[Expression],
        arguments: Sequence[Variable],
        directions: Sequence[Variable],
        sizes: Mapping[str, int],
        guesses: Mapping[str, int],
        is_complex: bool,
    ) -> None:
        self.formulas, self.directions = formulas, directions
        self.before, self.after = lower(formulas, guesses, known=FUSED, is_complex=is_complex).split(*directions)
        self.routines: tuple[Routine, Routine] = staged_routines(
            self.before, self.after, [*arguments, *directions], sizes, is_complex=is_complex
        )
        self.is_constant = any(v in self.before.outputs for v in self.after.outputs)


class Prepared(NamedTuple):
    """Stages at numbers: the flat vectors of their variables, and the values of what is done once."""

    stages: Stages
    vectors: FlatVectors
    values: tuple[Any, ...]
