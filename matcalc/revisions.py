"""When the convention cannot be right: the other readings of the undeclared names that fit, nearest first.

At the first place that does not fit, the kinds of as few names as possible are changed among those that meet
there, such that the text fits further than before; and so on from the next place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

from matcalc.errors import ShapeError
from matcalc.inferences import Inference
from matcalc.kinds import Kind
from matcalc.syntax_trees import Tree, postorder
from matcalc.walks import BIND, VISIT, Step, arguments_taken, first_size

_KIND_WORDS = {"scalar": "scalar", "vector": "vector(n)", "matrix": "matrix(m,n)"}

MOST_CANDIDATES = 12
MOST_READINGS = 8
MOST_STEPS = 60_000

# How many names are changed at one place, and what each change may cost; in the order in which they are tried.
CHANGES = ((1, 1), (1, 2), (2, 1), (3, 1))

Costs = Mapping[str, Mapping[Kind, int]]


class Outcome(NamedTuple):
    """One attempt: its state, and the error if it failed."""

    found: Inference
    error: ShapeError | None


class Revision(NamedTuple):
    """A reading that fits: all kinds, the changed names with the place that needs the change, the state."""

    kinds: Mapping[str, Kind]
    reasons: Mapping[str, Tree]
    found: Inference


class Revisions:
    """The search for readings, within a limit of work."""

    def __init__(self, walk: list[Step], costs: Costs, attempt: Callable[[Mapping[str, Kind]], Outcome]) -> None:
        self.walk = walk
        self.costs = costs
        self.attempt = attempt
        self.steps_left = MOST_STEPS
        self.convention: Mapping[str, Kind] = {}
        # how far a reading comes whose only changes make more of what the convention takes for numbers
        self.furthest: tuple[tuple[int, int], Mapping[str, Kind]] = ((-1, 0), {})
        self.definitions = {name: tree for action, tree, name in walk if action == BIND}

    def nearest(self, kinds: Mapping[str, Kind], outcome: Outcome) -> list[Revision]:
        """The readings with the fewest and smallest changes; several if they are equally near."""
        self.convention = kinds
        found = self._from(kinds, outcome, {})
        cost = {id(r): sum(self.costs[n][r.kinds[n]] for n in r.reasons) for r in found}
        least = min(cost.values(), default=0)
        distinct = {tuple(r.kinds.items()): r for r in found if cost[id(r)] == least}
        return list(distinct.values())

    def _from(self, kinds: Mapping[str, Kind], outcome: Outcome, reasons: Mapping[str, Tree]) -> list[Revision]:
        if outcome.error is None:
            return [] if self._is_idle(outcome.found, reasons) else [Revision(kinds, reasons, outcome.found)]
        progress = _progress(outcome.found)
        if progress > self.furthest[0] and all(self.convention[n] == "scalar" for n in reasons):
            self.furthest = progress, kinds
        cause = self._cause(outcome.found)
        names = [n for n in self._names(outcome.found.conflict) if n not in reasons]
        for count, cost in CHANGES:
            found: list[Revision] = []
            for change in self._changes(names, count, cost):
                self.steps_left -= len(self.walk) + 20
                if self.steps_left < 0 or len(found) >= MOST_READINGS:
                    return found
                trial = {**kinds, **change}
                after = self.attempt(trial)
                if after.error is None or _progress(after.found) > progress:
                    found += self._from(trial, after, {**reasons, **dict.fromkeys(change, cause)})
            if found:
                return found
        return []

    def _changes(self, names: list[str], count: int, cost: int) -> Iterator[dict[str, Kind]]:
        """The ways to change so many of the names, each at that cost."""
        others = {n: [k for k, c in self.costs[n].items() if c == cost] for n in names}
        for chosen in combinations(names, count):
            for kinds in product(*(others[n] for n in chosen)):
                yield dict(zip(chosen, kinds, strict=True))

    def _is_idle(self, found: Inference, changed: Collection[str]) -> bool:
        """Whether a change makes a scalar of what is transposed, summed or normed, which nobody would write."""
        for action, tree, _ in self.walk:
            if action == VISIT and (tree.kind == "transpose" or (tree.kind == "call" and any(arguments_taken(tree)))):
                operands = tree.children[: first_size(tree)]
                if all(map(found.is_scalar, operands)) and any(name in changed for name in self._names((tree,))):
                    return True
        return False

    def _cause(self, found: Inference) -> Tree:
        """The part of the text that needs a change."""
        (_, tree, _), conflict = self.walk[found.place], found.conflict
        if tree.kind not in ("sum", "product") or not conflict:
            return tree
        return conflict[0].spanning(conflict[0].start, conflict[-1].end)

    def _names(self, trees: tuple[Tree, ...]) -> list[str]:
        """The undeclared names below trees and in the definitions used there; the last ones of too many."""
        names: dict[str, None] = {}
        pending, seen = list(trees), set(trees)
        while pending and len(names) < MOST_CANDIDATES:
            for tree in postorder(pending.pop()):
                if tree.kind != "name":
                    continue
                if tree.value in self.costs:
                    names[str(tree.value)] = None
                definition = self.definitions.get(str(tree.value))
                if definition is not None and definition not in seen:
                    seen.add(definition)
                    pending.append(definition)
        chosen = set(list(names)[:MOST_CANDIDATES])
        return [name for name in self.costs if name in chosen]


def _progress(found: Inference) -> tuple[int, int]:
    """How far an attempt came: the step, and in a sum or product the number of operands that fit."""
    return found.place, len(found.conflict)


def several(first: ShapeError, readings: Sequence[Revision]) -> ShapeError:
    """The error that lists the readings that are equally near to the convention."""
    ways = [", ".join(f"{n}: {_KIND_WORDS[k]}" for n, k in r.kinds.items() if n in r.reasons) for r in readings]
    listed = f"declare {' or '.join(ways) if len(readings[0].reasons) == 1 else '; or '.join(ways)}"
    if first.hint.endswith("?"):
        listed = f"{first.hint} Or {listed}"
    elif first.hint.startswith("write"):
        listed = f"{first.hint}, or {listed}"
    return ShapeError(first.message, text=first.text, start=first.start, end=first.end, hint=listed)
