"""Kinks: where abs, sign and relu bend, so that a formula may be right in one region and wrong in the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from matcalc.expressions import Apply, Expression
from matcalc.function_table import FUNCTIONS

MARGIN = 0.05
# A pair of arguments should differ at two points, which refute; it is given up after so many where it does not.
POINTS_APART, PATIENCE = 2, 8


class Kinks:
    """The arguments of the functions with kinks among some nodes, and how well points tell them apart.

    A good point is away from all kinks, on both sides of each, and has arguments of opposite sign for any two
    functions with a kink: sign(A*x - y) and sign(2*A*x - y) differ at few points.
    """

    def __init__(self, nodes: Sequence[Expression]) -> None:
        slots = {node: i for i, node in enumerate(nodes)}
        arguments = [node.operands[-1] for node in nodes if _is_kinked(node)]
        self._slots = [slots[a] for a in dict.fromkeys(arguments)]
        pairs = combinations(dict.fromkeys(arguments), 2)
        self._open = {(slots[a], slots[b]): (POINTS_APART, PATIENCE) for a, b in pairs if a.shape == b.shape}

    def __bool__(self) -> bool:
        return bool(self._slots)

    def flaws(self, memory: Sequence[Any], trial: int) -> tuple[int, int, int]:
        """How many pairs do not differ that should; how many kinks are too close, and have one side only.

        ``trial`` alternates the side that a scalar should be on.
        """
        close = sum(_is_close(np.asarray(memory[slot])) for slot in self._slots)
        one_sided = sum(
            _is_one_sided(np.asarray(memory[slot]), (trial + j) % 2 == 0) for j, slot in enumerate(self._slots)
        )
        return sum(not _differ(memory[p], memory[q]) for p, q in self._open), close, one_sided

    def touched(self, memory: Sequence[Any]) -> bool:
        """Whether a point lies on a kink, where there is no derivative."""
        return any(np.any(np.asarray(memory[slot]) == 0) for slot in self._slots)

    def seen(self, memory: Sequence[Any]) -> None:
        """A point was drawn: count where pairs differ, and give up those that do not at the best candidates."""
        for pair, (wanted, patience) in list(self._open.items()):
            differ = _differ(memory[pair[0]], memory[pair[1]])
            left = (wanted - differ, patience - (not differ))
            if all(left):
                self._open[pair] = left
            else:
                del self._open[pair]


def _is_kinked(node: Expression) -> bool:
    return isinstance(node, Apply) and FUNCTIONS[node.function].kinked


def _is_close(entries: Any) -> bool:
    sizes = np.abs(entries[entries != 0])
    scale = 1.0 if entries.ndim == 0 else np.max(sizes, initial=0)
    return bool(np.any(sizes <= MARGIN * scale))


def _is_one_sided(entries: Any, positive: bool) -> bool:
    if entries.ndim == 0:
        return bool((entries > 0) != positive)
    return bool(np.all(entries > 0) or np.all(entries < 0))


def _differ(a: Any, b: Any) -> bool:
    """Whether some entries have opposite signs."""
    return bool(np.any(np.sign(a) * np.sign(b) < 0))
