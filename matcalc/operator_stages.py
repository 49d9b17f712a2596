"""What is linear in some variables, computed in two stages: what does not depend on them once, the rest at each value.

Flat vectors stand for several matrices: the columns of each below each other, one matrix after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from matcalc.compilation import FUSED, Routine, staged_routines
from matcalc.dense_kernels import Array
from matcalc.expressions import ONE, Expression, Variable
from matcalc.lowering import lower

Shapes: TypeAlias = tuple[tuple[int, int], ...]
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


def size_of(shapes: Shapes) -> int:
    """The number of entries of arrays of these shapes."""
    return sum(rows * columns for rows, columns in shapes)


def parts_of(v: Array, shapes: Shapes) -> Sequence[Array]:
    """The parts of a flat vector that are of these shapes."""
    if len(shapes) == 1:
        return [v]
    return np.split(v, np.cumsum([rows * columns for rows, columns in shapes])[:-1])


def as_declared(v: Array, direction: Variable) -> Any:
    """A matrix of one row or column as what routines take: a number, a flat vector or the matrix."""
    if direction.is_scalar:
        return v.item()
    return v.reshape(-1) if direction.rows is ONE or direction.columns is ONE else v
