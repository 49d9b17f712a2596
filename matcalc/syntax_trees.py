"""What the parser gives: syntax trees, declarations and the texts of rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

TreeValue = str | int | Fraction | tuple[str, ...] | None


class Tree:
    """One node of a syntax tree: its kind, its children, what it says itself, and its place in the text.

    | kind | children | value |
    |---|---|---|
    | name | | the name, Greek letters spelled out |
    | number | | int or Fraction, exact |
    | sum | two or more terms | an operator for each child after the first: + - .+ .- |
    | product | two or more factors | an operator for each child after the first: * / \\ .* ./ kron |
    | negate, transpose, inverse, inverse_transpose | the operand | |
    | power | base, exponent | ^ or .^ |
    | call | the arguments | the function's name |
    | block | its rows, of kind row, whose children are the entries | |
    | index | base, then one or two of: any tree, all, range(lowest, highest) | |
    | let | the definitions, then the body | the defined names |
    | equation | left, right; only as an argument of a call | |

    Trees are not to be changed. A sum, product or power of any length is read without recursion, so a reader
    of trees must not recurse either: see `postorder`.
    """

    __slots__ = ("children", "end", "kind", "start", "value")

    def __init__(self, kind: str, children: tuple[Tree, ...], value: TreeValue, start: int, end: int) -> None:
        self.kind = kind
        self.children = children
        self.value = value
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"<{self.kind} {self.value!r} with {len(self.children)} children, {self.start}:{self.end}>"

    def spanning(self, start: int, end: int) -> Tree:
        """The same tree with another place in the text."""
        return Tree(self.kind, self.children, self.value, start, end)


class Unrolled(Tree):
    """A let whose indexed definitions are written out: ``families`` are the names that end in an index, such as W_k,
    with those that they stand for, and ``indices`` the letters of the indices with their places.
    """

    __slots__ = ("families", "indices")

    def __init__(
        self,
        names: tuple[str, ...],
        children: tuple[Tree, ...],
        start: int,
        end: int,
        families: Mapping[str, Sequence[str]],
        indices: Mapping[str, Any],
    ) -> None:
        super().__init__("let", children, names, start, end)
        self.families = families
        self.indices = indices


def postorder(tree: Tree) -> list[Tree]:
    """All nodes of a tree, children before their parent, left to right, without recursion.

    >>> leaf = Tree("name", (), "x", 0, 1)
    >>> [node.kind for node in postorder(Tree("transpose", (leaf,), None, 0, 2))]
    ['name', 'transpose']
    """
    pending, found = [tree], []
    while pending:
        node = pending.pop()
        found.append(node)
        pending.extend(node.children)
    found.reverse()
    return found


def body_of(tree: Tree) -> Tree:
    """What stands after the definitions of a tree; a tree without definitions itself."""
    while tree.kind == "let":
        tree = tree.children[-1]
    return tree


def with_body(tree: Tree, body: Tree) -> Tree:
    """The definitions of a tree before another body."""
    lets = []
    while tree.kind == "let":
        lets.append(tree)
        tree = tree.children[-1]
    for let in reversed(lets):
        body = Tree("let", (*let.children[:-1], body), let.value, let.start, let.end)
    return body


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared name: `A: matrix(m,n) symmetric`; the sizes are trees, and absent where not given."""

    name: str
    kind: str
    dims: tuple[Tree, ...]
    properties: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule of the rule book as read: its two sides, its variables, conditions and source."""

    name: str
    family: str
    left: Tree
    right: Tree | None
    declarations: tuple[Declaration, ...]
    conditions: tuple[tuple[str, str], ...]
    source: str
    file: str
    line: int
    text: str
