"""What a text defines with ``let``, or one definition a line: the parts, and those that nothing uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matcalc.constructions import Construction, Constructor, construct
from matcalc.expressions import Expression
from matcalc.foldings import Folding
from matcalc.parts import Part, Program, part_of
from matcalc.syntax_trees import Tree, body_of, postorder
from matcalc.walks import Step


def definitions_of(tree: Tree) -> dict[Tree, str]:
    """The definitions of the whole text with their names, in order; those in brackets are not among them.

    >>> from matcalc.syntax import parse_expression
    >>> definitions = definitions_of(parse_expression("let r = A*x; s = sum(r) in s^2"))
    >>> [(name, meaning.kind) for meaning, name in definitions.items()]
    [('r', 'product'), ('s', 'call')]
    """
    found: dict[Tree, str] = {}
    while tree.kind == "let":
        *meanings, body = tree.children
        names: tuple[str, ...] = tree.value  # type: ignore[assignment]
        found |= dict(zip(meanings, names, strict=True))
        tree = body
    return found


def unused_names(tree: Tree) -> list[str]:
    """The names that are defined for the whole text, and of which nothing that the body needs makes use."""
    if tree.kind != "let":
        return []
    used = _names_in(body_of(tree))
    unused = []
    for meaning, name in reversed(definitions_of(tree).items()):
        if name in used:
            used |= _names_in(meaning)
        else:
            unused.append(name)
    return unused[::-1]


def _names_in(tree: Tree) -> set[str]:
    return {str(t.value) for t in postorder(tree) if t.kind == "name"}


@dataclass
class _Naming(Construction):
    """A construction in which the parts are variables; ``plain`` is the one in which they have their values."""

    plain: Mapping[Tree, Expression] = field(default_factory=dict)
    definitions: Mapping[Tree, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    folding: Folding = field(default_factory=Folding)

    def bind(self, tree: Tree) -> Expression:
        """A variable for a part; a number, a variable and a constant matrix need no name."""
        definition = self.folding.folded(self.values[tree])
        if tree not in self.definitions or not definition.operands:
            return definition
        part = part_of(self.definitions[tree], definition, self.plain[tree])
        self.parts.append(part)
        self.folding.add(part)
        return part.variable


def program_of(tree: Tree, walk: list[Step], made: Construction, constructors: Mapping[str, Constructor]) -> Program:
    """The program of a text that was read, with the parts that its body needs."""
    if tree.kind != "let":
        return Program((), made.values[tree])
    unused = unused_names(tree)
    definitions = {meaning: name for meaning, name in definitions_of(tree).items() if name not in unused}
    naming = _Naming(made.inference, made.names, plain=made.values, definitions=definitions)
    body = naming.folding.folded(construct(naming, walk, constructors))
    program = Program(tuple(naming.parts), body)
    return Program(tuple(program.needed([body])), body)
