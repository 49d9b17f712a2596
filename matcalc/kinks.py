"""Kinks: where abs, sign, relu and max bend, so that a formula may be right in one region and wrong in the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from matcalc.expressions import Apply, Expression, Number, Power, Product, Variable, postorder
from matcalc.function_table import FUNCTIONS, SPECTRA
from matcalc.structures import is_symmetric

MARGIN = 0.05
# A pair of arguments should differ at two points, which refute; it is given up after so many where it does not.
POINTS_APART, PATIENCE = 2, 8


class Kinks:
    """The arguments of the functions with kinks among some nodes, and how well points tell them apart.

    A good point is away from all kinks, on both sides of each, and has arguments of opposite sign for any two
    functions with a kink: sign(A*x - y) and sign(2*A*x - y) differ at few points. The kinks of max(x) are where two
    entries are the largest; what it is the largest of may have kinks itself, as in max(abs(x)).
    """

    def __init__(self, nodes: Sequence[Expression]) -> None:
        slots = {node: i for i, node in enumerate(nodes)}
        arguments = list(dict.fromkeys(a for node in nodes for a in _arguments(node)))
        self._slots = [slots[a] for a in arguments]
        compared = {node.operands[0] for node in nodes if isinstance(node, Apply) and node.function in OF_LARGEST}
        self._compared = sorted((slots[a], not a.is_scalar and is_symmetric(a)) for a in compared)
        at_largest = [(a, e) for a in compared for e in arguments if e.shape == a.shape]
        self._at_largest = sorted((slots[a], slots[e]) for a, e in at_largest if e in set(postorder(a)))
        pairs = [(a, b) for a, b in combinations(arguments, 2) if a.shape == b.shape]
        places: list[tuple[int, ...]] = [(slots[a], slots[b]) for a, b in pairs]
        places += [(slots[a], slots[b], slots[c]) for a, b in pairs for c in compared if a.shape == c.shape]
        self._seen: set[bytes] = set()
        self._open = dict.fromkeys(places, (POINTS_APART, PATIENCE))

    def __bool__(self) -> bool:
        return bool(self._slots or self._compared)

    def __len__(self) -> int:
        """The number of arguments, each of which divides the space in two."""
        return len(self._slots) + len(self._compared)

    @property
    def is_narrow(self) -> bool:
        """Whether a pair should differ at the largest of some entries, which few points do."""
        return any(len(pair) > 2 for pair in self._open)

    def flaws(self, memory: Sequence[Any]) -> tuple[int, int, int, int]:
        """How many pairs do not differ that should, and how many arrays are on one side of their kinks; whether the
        scalars have signs that were seen before; how many kinks are too close.
        """
        arguments = [np.asarray(memory[slot]) for slot in self._slots]
        alike = sum(not _differ(*(memory[slot] for slot in pair)) for pair in self._open)
        one_sided = sum(_is_one_sided(entries) for entries in arguments)
        signs = self._signs(memory)
        seen = signs in self._seen and len(self._seen) < 2 ** len(signs)
        behind = [np.ravel(np.max(entries) - entries) for entries in self._entries_compared(memory)]
        close = sum(_is_close(entries) for entries in (*arguments, *behind))
        return alike, one_sided, seen, close

    def _signs(self, memory: Sequence[Any]) -> bytes:
        """The signs of the arguments that are scalars, and of what has a kink at the largest entries: which of the
        regions between their kinks a point is in.
        """
        scalars = [memory[slot] for slot in self._slots if np.ndim(memory[slot]) == 0]
        scalars += [np.ravel(memory[inside])[np.argmax(memory[slot])] for slot, inside in self._at_largest]
        return bytes(int(np.sign(s)) + 1 for s in scalars)

    def touched(self, memory: Sequence[Any]) -> bool:
        """Whether a point lies on a kink, where there is no derivative."""
        tied = any(np.count_nonzero(entries == np.max(entries)) > 1 for entries in self._entries_compared(memory))
        return tied or any(np.any(np.asarray(memory[slot]) == 0) for slot in self._slots)

    def _entries_compared(self, memory: Sequence[Any]) -> Iterator[Any]:
        """The entries of which a largest one is found, those once that are the same in a symmetric matrix."""
        for slot, symmetric in self._compared:
            entries = np.asarray(memory[slot])
            yield entries[np.tril_indices(len(entries))] if symmetric else entries

    def seen(self, memory: Sequence[Any]) -> None:
        """A point was drawn: count where pairs differ, and give up those that do not at the best candidates."""
        self._seen.add(self._signs(memory))
        for pair, (wanted, patience) in list(self._open.items()):
            differ = _differ(*(memory[slot] for slot in pair))
            left = (wanted - differ, patience - (not differ))
            if all(left):
                self._open[pair] = left
            else:
                del self._open[pair]


def _arguments(node: Expression) -> Iterator[Expression]:
    """What bends at 0 in a node: the argument of abs, and scalar factors whose signs norms and spectra do not see."""
    if isinstance(node, Apply) and FUNCTIONS[node.function].kinked:
        yield node.operands[-1]
    if isinstance(node, Apply) and node.function in BLIND_TO_SIGNS and isinstance(node.operands[0], Product):
        for s in node.operands[0].scalars:
            base, exponent = s._args if isinstance(s, Power) else (s, None)
            even = isinstance(exponent, Number) and exponent.value.is_even
            if not even and not (isinstance(base, Variable) and "positive" in base.properties):
                yield base


OF_LARGEST = frozenset({"max", "hardmax"})
BLIND_TO_SIGNS = SPECTRA | {"norm2"}


def _is_close(entries: Any) -> bool:
    sizes = np.abs(entries[entries != 0])
    scale = 1.0 if entries.ndim == 0 else np.max(sizes, initial=0)
    return bool(np.any(sizes <= MARGIN * scale))


def _is_one_sided(entries: Any) -> bool:
    return bool(entries.ndim and (np.all(entries > 0) or np.all(entries < 0)))


def _differ(a: Any, b: Any, compared: Any = None) -> bool:
    """Whether some entries have opposite signs; where others are compared, those at the largest of them."""
    opposite = np.sign(a) * np.sign(b) < 0
    return bool(np.any(opposite) if compared is None else np.ravel(opposite)[np.argmax(compared)])
