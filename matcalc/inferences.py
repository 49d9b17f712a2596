"""The state of an attempt to give every part of a text a shape, and the words in which it reports a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from matcalc.dimensions import Unifier, fresh_names, name_unknowns
from matcalc.errors import ParseError, ShapeError
from matcalc.expressions import ONE, Dimension, Shape
from matcalc.sizes import declaration_text, shape_words, size_value
from matcalc.syntax_trees import Tree, postorder

LONGEST_QUOTE = 36
MOST_DECLARATIONS = 3
MOST_SEARCHED = 200
_WORDS = re.compile(r"\w+|[^\w\s]")
_BLANKS = re.compile(r"(?:\s|#[^\n]*\n)+")


@dataclass
class Inference:
    """One attempt, for one reading of the undeclared names.

    ``names`` are the shapes of the free names, ``sizes`` the names of dimensions, ``declared`` all that stands in the
    declarations, ``functions`` the functions among them, ``reserved`` further names that are no sizes; ``wanted`` is
    the shape that a text about known variables should have, whose names nobody needs to declare. After a failure
    ``place`` is the number of the step that failed and ``conflict`` the trees that do not fit together.
    """

    text: str
    names: Mapping[str, Shape]
    sizes: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    perturbations: bool = False
    quiet: bool = False
    wanted: Shape | None = None
    unifier: Unifier = field(default_factory=Unifier)
    shapes: dict[Tree, Shape] = field(default_factory=dict)
    bound: dict[str, list[Shape]] = field(default_factory=dict)
    place: int = 0
    conflict: tuple[Tree, ...] = ()
    functions: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()

    @property
    def names_taken(self) -> set[str]:
        """The names that no size can be given."""
        return {*self.names, *self.sizes, *self.declared, *self.reserved}

    def shape(self, tree: Tree) -> Shape:
        """The shape of a part that was visited, with everything known put in."""
        return self.unifier.shape(self.shapes[tree])

    def is_scalar(self, tree: Tree) -> bool:
        """Whether a part that was visited is known to be 1×1."""
        return self.unifier.is_scalar(self.shapes[tree])

    def size(self, tree: Tree) -> Dimension:
        """The size that an argument such as n or 2n stands for."""
        return size_value(tree, self.text)

    # ---- the words of a failure

    def mistake(self, message: str, *trees: Tree, hint: str = "", at: Tree | None = None) -> ShapeError:
        """The error that some trees do not fit together; the place is theirs, or another."""
        self.conflict = trees
        first, last = (at, at) if at is not None else (trees[0], trees[-1])
        return ShapeError(message, text=self.text, start=first.start, end=last.end, hint=hint)

    def refusal(self, message: str, tree: Tree, hint: str = "") -> ParseError:
        """The error that a part of the text cannot be right, whatever the names stand for."""
        return ParseError(message, text=self.text, start=tree.start, end=tree.end, hint=hint)

    def quote(self, first: Tree, last: Tree | None = None) -> str:
        """The text of a part, or from one part to another, cut in the middle if it is long."""
        return shortened(self.text[first.start : (last or first).end])

    def bare(self, tree: Tree) -> str:
        """The text of a part without brackets around the whole of it."""
        text = self.quote(tree)
        return text[1:-1].strip() if text.startswith("(") and _closes_at_end(text) else text

    def transposed(self, tree: Tree) -> str:
        """The text of the transpose of a part."""
        if tree.kind == "transpose":
            return self.quote(tree.children[0])
        return f"{self.factor(tree)}'"

    def factor(self, tree: Tree) -> str:
        """The text of a part, in brackets where it is more than a factor."""
        text = self.quote(tree)
        simple = tree.kind in ("name", "number", "call", "block", "index") or text.startswith("(")
        return text if simple else f"({text})"

    def words(self, tree: Tree) -> str:
        """The shape of a part in words."""
        return shape_words(self.shape(tree))

    def described(self, tree: Tree) -> str:
        """A part and its shape: A*x (vector of length m)."""
        return f"{self.quote(tree)} ({self.words(tree)})"

    def settle_letters(self) -> None:
        """Give the unknown sizes letters, for the words of a failure; not where nobody will read them."""
        if self.quiet:
            return
        name_unknowns(self.unifier, self.names.values(), fresh_names(self.names_taken))

    def because(self, *trees: Tree) -> str:
        """The names to which some parts owe their shapes: ": declared x: vector(n)", the last part's first."""
        if self.quiet:
            return ""
        names = dict.fromkeys(name for tree in reversed(trees[-MOST_SEARCHED:]) for name in self._sources(tree))
        words = []
        for prefix, is_declared in (("declared", True), ("by convention", False)):
            found = [n for n in names if (n in self.declared) is is_declared]
            shown = [f"{n}: {declaration_text(self.unifier.shape(self.names[n]))}" for n in found]
            if shown:
                more = ", …" if len(shown) > MOST_DECLARATIONS else ""
                known = f"{prefix} " if self.wanted is None else ""
                words.append(f"{known}{', '.join(shown[:MOST_DECLARATIONS])}{more}")
        return f": {'; '.join(words)}" if words else ""

    def redeclared(self, tree: Tree, shape: Shape) -> str:
        """The proposal to declare a name with another shape, or nothing for what is not a declared name."""
        if tree.kind != "name" or tree.value not in self.names or tree.value not in self.declared:
            return ""
        if self.wanted is not None:
            return ""
        return f"{tree.value} would fit if declared {tree.value}: {declaration_text(shape)}"

    def _sources(self, tree: Tree) -> list[str]:
        """The names below a tree, those with a size in common with it if there are any."""
        names = [str(t.value) for t in postorder(tree)[:MOST_SEARCHED] if t.kind == "name" and t.value in self.names]
        sizes = set(self.shape(tree)) - {ONE}
        common = [n for n in names if sizes & set(self.unifier.shape(self.names[n]))]
        return common or names


def shortened(text: str) -> str:
    """A text in one line, cut between two words in the middle if it is long.

    >>> shortened("A*x  # the model\\n + b")
    'A*x + b'
    >>> shortened("sum((y - X*w).^2) + lambda*norm2(w)^2")
    'sum((y - X*w).^2) … lambda*norm2(w)^2'
    """
    text = _BLANKS.sub(" ", text).strip()
    if len(text) <= LONGEST_QUOTE:
        return text
    half = LONGEST_QUOTE // 2 - 1
    words = [m.span() for m in _WORDS.finditer(text)]
    head = max((end for _, end in words if end <= half), default=half)
    tail = min((start for start, _ in words if start >= len(text) - half), default=len(text) - half)
    return f"{text[:head]} … {text[tail:]}"


def _closes_at_end(text: str) -> bool:
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return place == len(text) - 1
    return False
