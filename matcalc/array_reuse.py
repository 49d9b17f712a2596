"""Which arrays a program may write into, and the order of its steps in which it may.

An array that the program makes itself can be overwritten by the last step that needs it. Where a number or a vector
is all that a later step takes from it (the trace of an inverse), that step is done before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from matcalc.programs import FACTOR, INDEXED_SUM, Program, Value

FRESH = frozenset(
    {"add", "sub", "mul", "div", "neg", "pow", "sqrt", "reciprocal", "sigmoid", "softplus", "apply", "outer"}
    | {"matmul", "weighted_gram", "symmetric_product", "inverse", "inverse_times_part", "solve", "add_diagonal"}
    | {"scale_rows", "scale_columns", "cholesky", "symmetric", "lu", "squared_distances"}
)
"""Operations whose array is new."""
OVERWRITERS = frozenset(
    {"add", "sub", "mul", "div", "neg", "sqrt", "apply", "scale_rows", "scale_columns", "add_diagonal"}
    | {"cholesky", "symmetric", "inverse"}
)
"""Operations that can put their result in the place of an operand."""
KEEPERS = frozenset(
    {"transpose", "diagonal", "row", "column", "vec", "unvec", "commute", "opaque", "as_column", "as_row"}
    | {"lower", "upper", "lu", "cholesky", "symmetric"}
)
"""Operations whose result may be a view of an operand, or hold it."""


@dataclass(frozen=True)
class Reuse:
    """A program in the order in which arrays can be used again."""

    program: Program
    overwritten: Mapping[Value, Value] = field(default_factory=dict)
    """The operand in whose place a step puts its result."""
    early: Collection[Value] = frozenset()
    """The steps that are to be done where they stand, before an operand of theirs is overwritten."""


def reuse_of(program: Program) -> Reuse:
    """What may be overwritten in a program; not its arguments or its outputs.

    >>> from matcalc.lowering import lower
    >>> from matcalc.reading import parse
    >>> A = "A, B, C: matrix(n,n)"
    >>> reuse = reuse_of(lower([parse(text, where=A) for text in ("(inv(A) - B)*C", "tr(inv(A))")]))
    >>> [v.op for v in reuse.program.values if v.op != "input"]
    ['lu', 'inverse', 'trace', 'sub', 'matmul', 'neg']
    >>> [(v.op, a.op) for v, a in reuse.overwritten.items()]
    [('sub', 'inverse')]
    """
    users: dict[Value, list[Value]] = {}
    for v in program.values:
        for a in v.args:
            users.setdefault(a, []).append(v)
    kept = set(program.outputs)
    places = {v: i for i, v in enumerate(program.values)}
    overwritten: dict[Value, Value] = {}
    early: set[Value] = set()
    moved: dict[Value, int] = {}
    for v in program.values:
        if not is_fresh(v) or v in kept or len(users.get(v, ())) < 2:
            continue
        last = _last_user(v, users[v])
        if last is None or last in overwritten:
            continue
        others = [u for u in users[v] if u is not last]
        late = [u for u in others if places[u] > places[last]]
        if not all(_may_be_done_before(u, places[last], places) for u in late):
            continue
        overwritten[last] = v
        early.update(u for u in others if not _is_done(u, last, users, places))
        for u in late:
            moved[u] = min(places[last], moved.get(u, places[last]))
    values: Sequence[Value] = program.values
    if moved:
        values = sorted(values, key=lambda v: (moved.get(v, places[v]), v not in moved, places[v]))
    return Reuse(replace(program, values=values), overwritten, early)


def is_fresh(v: Value) -> bool:
    """Whether a value is a new array of the shape of the value, or a factorization that holds one."""
    return v.op in FRESH and (v.rank == FACTOR or (v.rank == 2 and v.is_full))


def _last_user(v: Value, users: Sequence[Value]) -> Value | None:
    """The step that may overwrite a value after all others that use it."""
    found = None
    for u in users:
        if u.op in OVERWRITERS and u.args.count(v) == 1 and (v.rank == FACTOR or _is_alike(u, v)):
            found = u
    return None if any(u.op in KEEPERS and u is not found for u in users) else found


def _is_alike(u: Value, v: Value) -> bool:
    return u.rank == FACTOR or (u.rank == 2 and u.is_full and u.shape == v.shape)


def _may_be_done_before(u: Value, place: int, places: Mapping[Value, int]) -> bool:
    """Whether a step makes no matrix, and needs nothing from that place on."""
    return u.rank in (0, 1) and u.op != INDEXED_SUM and all(places[a] < place for a in u.args)


def _is_done(u: Value, last: Value, users: Mapping[Value, Sequence[Value]], places: Mapping[Value, int]) -> bool:
    """Whether a step is done before another, or for it, wherever it is written."""
    while u.op != INDEXED_SUM and u.rank != FACTOR:
        after = users.get(u, ())
        if len(after) != 1:
            return len(after) > 1 and places[u] < places[last]
        u = after[0]
        if places[u] >= places[last]:
            return False
    return places[u] < places[last]
