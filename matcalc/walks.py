"""The order in which a syntax tree is read, and where the names of the text stand in it.

A walk is a flat list of steps, children before their parent, so that no input can exhaust the stack. A definition
of ``let`` is bound before the body that uses it, and the index of a sum before the summand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from matcalc.function_table import ALIASES, AXIS_CALLS, FUNCTIONS
from matcalc.syntax_trees import Tree

VISIT, BIND, INDEX, RELEASE = "visit", "bind", "index", "release"
DEEPEST_SUMS = 6
MATRIX, NOT_SCALAR = "matrix", "not a scalar"

# The first argument that is a size and not an expression; all those after it are sizes too.
_FIRST_SIZE = {
    **dict.fromkeys(("eye", "ones", "zeros", "K", "commutation", "duplication", "elimination"), 0),
    **dict.fromkeys(("vector", "matrix", "unvec", "reshape", "rearrange", "unrearrange"), 1),
}
EXTREMES = ("max", "min", "maximum", "minimum")
_ARITHMETIC = ("sum", "product", "negate", "power")


Step: TypeAlias = tuple[str, Tree, str]
"""An action, a tree and a name: visit the tree, bind the name to a definition or to a sum's index, or release it."""


def walk_of(root: Tree) -> list[Step]:
    """The steps that read a tree.

    >>> from matcalc.syntax import parse_expression
    >>> [name or tree.value for _, tree, name in walk_of(parse_expression("let r = A*x in sum(r)"))]
    ['A', 'x', ('*',), 'r', 'r', 'sum', 'r', ('r',)]
    """
    found: list[Step] = []
    pending: list[Step] = [("", root, "")]
    while pending:
        step = pending.pop()
        action, tree, _ = step
        if action:
            found.append(step)
        elif not tree.children:
            found.append((VISIT, tree, ""))
        elif tree.kind == "let":
            _open_let(tree, pending)
        elif tree.kind == "call":
            _open_call(tree, pending)
        else:
            pending.append((VISIT, tree, ""))
            pending.extend([("", child, "") for child in reversed(tree.children)])
    return found


def _open_let(tree: Tree, pending: list[Step]) -> None:
    names: tuple[str, ...] = tree.value  # type: ignore[assignment]
    *definitions, body = tree.children
    pending.append((VISIT, tree, ""))
    pending.extend((RELEASE, tree, name) for name in names)
    pending.append(("", body, ""))
    for name, definition in zip(reversed(names), reversed(definitions), strict=True):
        pending += [(BIND, definition, name), ("", definition, "")]


def _open_call(tree: Tree, pending: list[Step]) -> None:
    pending.append((VISIT, tree, ""))
    if is_indexed_sum(tree):
        index, lower, upper, body = tree.children
        name = str(index.value)
        pending += [
            (RELEASE, tree, name),
            ("", body, ""),
            (INDEX, index, name),
            ("", upper, ""),
            ("", lower, ""),
        ]
    elif is_called(str(tree.value)):
        pending.extend(("", child, "") for child in reversed(tree.children[: first_size(tree)]))


def is_called(name: str) -> bool:
    """Whether the name is one that stands before ( in this language, d(X) of the rule books included."""
    return name in FUNCTIONS or name in ALIASES or name in _FIRST_SIZE or name in ("sum", "d", "solve")


def is_indexed_sum(tree: Tree) -> bool:
    """Whether the tree is ``sum(i, 1, n, x[i])``."""
    return tree.value == "sum" and len(tree.children) == 4 and tree.children[0].kind == "name"


def extreme(tree: Tree) -> str:
    """The function that max, min, maximum or minimum is: max(x) of one argument, maximum(x, y) of two.

    >>> from matcalc.syntax import parse_expression
    >>> extreme(parse_expression("max(x, 0)")), extreme(parse_expression("minimum(x)"))
    ('maximum', 'min')
    """
    return f"{tree.value}"[:3] + ("imum" if len(tree.children) == 2 else "")


def first_size(tree: Tree) -> int:
    """How many arguments of a call come before those that are sizes: one in unvec(x,m,n), none in eye(n)."""
    count = len(tree.children)
    if tree.value == "sum" or tree.value in AXIS_CALLS:
        return 1 if count == 2 else count
    return _FIRST_SIZE.get(str(tree.value), count)


def arguments_taken(tree: Tree) -> tuple[str, ...]:
    """For each argument of a call whether a name that stands there alone is a matrix, or at least not a scalar.

    So it is where the function is of no use for a scalar: tr(X), norm2(x), dot(x, y), but not exp(x).
    """
    name = str(tree.value)
    if name in ("sum", "reshape"):
        return (NOT_SCALAR,) if len(tree.children) != 4 else ()
    if name in EXTREMES:
        name = extreme(tree)
    row = FUNCTIONS.get(ALIASES.get(name, name))
    return _taken(row.signature) if row is not None else ()


@lru_cache(maxsize=256)
def _taken(signature: str) -> tuple[str, ...]:
    inputs, output = (part.split() for part in signature.split("->"))
    return tuple(_taken_as(word, output[0]) for word in inputs)


def _taken_as(word: str, output: str) -> str:
    if word == "(n,n)":
        return MATRIX
    entrywise = word == output and not word.endswith(",1)")
    return "" if entrywise or word in ("(1,1)", "size") else NOT_SCALAR


class Survey:
    """What a text says of its names before any shape is known.

    ``names`` are the free names with their first places, ``sizes`` the names inside sizes, ``bound`` those that the
    text itself defines, ``defined`` those of them that stand for a part, ``rebound`` those that it defines where they
    are defined already, ``sums`` the index of a sum that is nested too deep, ``unknowns`` the unknowns of the
    ``equations`` that stand outside of them too.  The others are the names that stand where only such a thing fits,
    with the place.
    """

    def __init__(self) -> None:
        self.names: dict[str, Tree] = {}
        self.sizes: dict[str, Tree] = {}
        self.bound: dict[str, Tree] = {}
        self.defined: dict[str, Tree] = {}
        self.rebound: dict[str, Tree] = {}
        self.sums: list[Tree] = []
        self.scalars: dict[str, Tree] = {}
        self.integers: dict[str, Tree] = {}
        self.exponents: dict[str, list[Tree]] = {}
        self.not_scalars: dict[str, Tree] = {}
        self.matrices: dict[str, Tree] = {}
        self.unknowns: dict[str, Tree] = {}
        self.equations: list[Tree] = []


def survey(walk: list[Step]) -> Survey:
    """Where the names of a walk stand."""
    found = Survey()
    bound: dict[str, int] = {}
    depth = 0
    for action, tree, name in walk:
        if action == RELEASE:
            bound[name] -= 1
            depth -= tree.kind == "call"
        elif action != VISIT:
            depth += action == INDEX
            if depth > DEEPEST_SUMS:
                found.sums.append(tree)
            if action == BIND:
                found.defined.setdefault(name, tree)
            (found.rebound if bound.get(name) else found.bound).setdefault(name, tree)
            bound[name] = bound.get(name, 0) + 1
        elif tree.kind == "name":
            if not bound.get(tree.value):  # type: ignore[arg-type]
                found.names.setdefault(tree.value, tree)  # type: ignore[arg-type]
        elif tree.kind in _PLACES:
            _PLACES[tree.kind](found, tree)
    if found.equations:
        _find_outside(found, walk)
    return found


def _find_outside(found: Survey, walk: list[Step]) -> None:
    """Where the unknown of an equation stands outside of it."""
    visited = [tree for action, tree, _ in walk if action == VISIT]
    for solve in found.equations:
        unknown = solve.children[-1]
        own = [s for s in found.equations if s.children and s.children[-1].value == unknown.value]
        for tree in visited:
            alike = tree.kind == "name" and tree.value == unknown.value
            if alike and not any(s.start <= tree.start < s.end for s in own):
                found.unknowns.setdefault(str(unknown.value), tree)


def _note(place: Mapping[str, Tree], tree: Tree, where: Tree) -> None:
    if tree.kind == "name":
        place.setdefault(tree.value, where)  # type: ignore[attr-defined]


def names_in_size(tree: Tree) -> Iterator[Tree]:
    """The names of which a number, size or exponent is made by sums, products and powers."""
    pending = [tree]
    while pending:
        part = pending.pop()
        if part.kind == "name":
            yield part
        elif part.kind in _ARITHMETIC:
            pending.extend(reversed(part.children))


def _transpose(found: Survey, tree: Tree) -> None:
    _note(found.not_scalars, tree.children[0], tree)


def _call(found: Survey, tree: Tree) -> None:
    count = first_size(tree)
    if tree.value == "solve":
        found.equations.append(tree)
    if count < len(tree.children):
        for argument in tree.children[count:]:
            for name in names_in_size(argument):
                _note(found.sizes, name, name)
    for argument, taken in zip(tree.children[:count], arguments_taken(tree), strict=False):
        if taken:
            _note(found.matrices if taken == MATRIX else found.not_scalars, argument, tree)
    if is_indexed_sum(tree):
        for bound in tree.children[1:3]:
            for name in names_in_size(bound):
                _note(found.scalars, name, tree)
                _note(found.integers, name, tree)


def _power(found: Survey, tree: Tree) -> None:
    base, exponent = tree.children
    if tree.value == "^" and base.kind != "number" and exponent.kind != "number":
        for name in names_in_size(exponent):
            found.exponents.setdefault(str(name.value), []).append(tree)


def _index(found: Survey, tree: Tree) -> None:
    base, *items = tree.children
    _note(found.matrices if len(items) == 2 else found.not_scalars, base, tree)
    for item in items:
        for name in names_in_size(item):
            _note(found.scalars, name, tree)
            _note(found.integers, name, tree)


_PLACES = {"transpose": _transpose, "call": _call, "power": _power, "index": _index}
