"""The values that the indices in an expression run through: those of the sums around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from matcalc.expressions import Expression, IndexedSum, Number, Variable, postorder
from matcalc.leaves import variable
from matcalc.sheets import INDICES
from matcalc.substitutions import substitute
from matcalc.writing import text


class Range(NamedTuple):
    """An index, and its first and last value."""

    index: Variable
    lower: Expression
    upper: Expression


def ranges_of(e: Expression, root: Expression) -> tuple[Range, ...]:
    """The ranges of the indices that e, a part of the root, has free, and of those that these depend on; outer first.

    >>> import matcalc as mc
    >>> f = mc.parse("sum(i,1,n,sum(j,1,i,A[i,j]^3))", where="A: matrix(n,n)")
    >>> entry = next(e for e in postorder(f) if str(e) == "A[j,i]")
    >>> [(str(low), str(high)) for _, low, high in ranges_of(entry, f)]
    [('1', 'n'), ('1', 'j')]
    """
    todo = list(free_indices(e))
    if not todo:
        return ()
    around = [s for s in postorder(root) if isinstance(s, IndexedSum) and e in postorder(s._args[-1])]
    found: dict[Range, None] = {}
    while todo:
        index = todo.pop()
        for one in around:
            bound = Range(*one._args[:3])
            if bound.index is index and bound not in found:
                found[bound] = None
                todo += [i for end in bound[1:] for i in free_indices(end)]
    return tuple(sorted(found, key=lambda bound: (-_level(bound.index), text(bound.lower), text(bound.upper))))


def free_indices(e: Expression) -> set[Variable]:
    """The indices in an expression that no sum in it binds."""
    order = postorder(e)
    indices = {v for v in order if isinstance(v, Variable) and v.is_index}
    return indices - {s._args[0] for s in order if isinstance(s, IndexedSum)} if indices else indices


def lettered(*roots: Expression) -> dict[Expression, Expression]:
    """A variable for each index in expressions, with the letter that it is written with."""
    order = postorder(*roots)
    taken = {v.name for v in order if isinstance(v, Variable)} | {str(s) for v in order for s in _symbols(v)}
    letters = [letter for letter in INDICES if letter not in taken]
    indices = [v for v in order if isinstance(v, Variable) and v.is_index]
    return {v: variable(letters[(_level(v) - 1) % len(letters)], 1, 1, "integer") for v in indices}


def for_all(ranges: Sequence[Range], letters: Mapping[Expression, Expression], different: bool = False) -> str:
    """ " for all i, j from 1 to n" with a space before it, or "" where there are no ranges."""
    return f" for all {'different ' if different else ''}{in_range(ranges, letters)}" if ranges else ""


def in_range(ranges: Iterable[Range], letters: Mapping[Expression, Expression]) -> str:
    """The ranges in words, those that are alike together: "i, j from 1 to n"."""
    groups = []
    for ends, group in groupby(ranges, lambda bound: bound[1:]):
        names = ", ".join(sorted(text(substitute(bound.index, letters)) for bound in group))
        first, last = (text(substitute(end, letters)) for end in ends)
        groups.append(f"{names} from {first} to {last}")
    return " and ".join(groups)


def _level(index: Variable) -> int:
    return int(index.name[1:])


def _symbols(e: Expression) -> set[object]:
    sizes = [*e.shape, *([e.value] if isinstance(e, Number) else [])]
    return {s for size in sizes for s in size.free_symbols}
