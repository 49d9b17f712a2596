"""Indexed definitions, ``h[0] = x; h[k] = tanh(W*h[k-1]) for k = 1..10``: one part for each value of the index.

They are written out as trees, before a text is read: the parts are h_0, h_1, …, and a name that ends in the index,
such as W_k, is a variable of its own for each of its values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from matcalc.errors import ParseError
from matcalc.syntax_trees import Tree, Unrolled, postorder
from matcalc.tokens import Token, spelled

MOST_LAYERS, MOST_NODES = 10_000, 400_000
EARLIER = "a definition uses earlier ones only"


class Indexed(NamedTuple):
    """An indexed definition as typed: h, the index in brackets, the meaning, and the index with its bounds if any."""

    word: Token
    place: Tree
    meaning: Tree
    letter: Token | None
    bounds: tuple[Tree, ...]


Definition = tuple[Token, Tree] | Indexed


def unrolled(definitions: Sequence[Definition], body: Tree, start: int, end: int) -> Unrolled:
    """The plain definitions that indexed ones stand for, before their body; raises ParseError.

    >>> from matcalc.syntax import parse_expression
    >>> tree = parse_expression("let h[0] = x; h[k] = tanh(W_k*h[k-1]) for k = 1..3 in sum(h[3])")
    >>> tree.value, tree.families
    (('h_0', 'h_1', 'h_2', 'h_3'), {'W_k': ['W_1', 'W_2', 'W_3']})
    """
    return _Unrolling().of(definitions, body, start, end)


def _refused(message: str, place: Tree | Token, hint: str) -> ParseError:
    return ParseError(message, start=place.start, end=place.end, hint=hint)


@dataclass
class _Unrolling:
    """The layers that are defined so far, and what was found on the way."""

    layers: dict[str, set[int]] = field(default_factory=dict)
    made: dict[str, Tree] = field(default_factory=dict)
    families: dict[str, list[str]] = field(default_factory=dict)
    indices: dict[str, Token] = field(default_factory=dict)
    nodes: int = 0

    def of(self, definitions: Sequence[Definition], body: Tree, start: int, end: int) -> Unrolled:
        indexed = [d for d in definitions if isinstance(d, Indexed)]
        self.layers = {spelled(d.word.value): set() for d in indexed}
        self.indices = {spelled(d.letter.value): d.letter for d in indexed if d.letter is not None}
        for name, word in self.indices.items():
            if name in self.layers:
                raise _refused(
                    f"{name} is the index of a definition, and defined itself", word, "rename one of the two"
                )
        for group in _groups(definitions):
            if isinstance(group[0], Indexed):
                self._define_layers([d for d in group if isinstance(d, Indexed)])
            else:
                word, meaning = group[0]
                self._define(spelled(word.value), word, self._written(meaning, {}))
        last = self._written(body, {})
        return Unrolled(tuple(self.made), (*self.made.values(), last), start, end, self.families, self.indices)

    def _define(self, name: str, word: Token | Tree, meaning: Tree) -> None:
        if name in self.made or name in self.layers:
            raise _refused(f"{spelled(_shown(word, name))} is defined twice", word, "give each part its own name")
        self.made[name] = meaning

    def _define_layers(self, group: Sequence[Indexed]) -> None:
        """The layers of definitions that have one range: one after the other, or in turn where they need each other."""
        names = [spelled(one.word.value) for one in group]
        together = any(_names_in(one.meaning).intersection(names[i + 1 :]) for i, one in enumerate(group))
        runs = [group] if together else [[one] for one in group]
        for run in runs:
            for value in self._values(run[0]):
                for one in run:
                    self._define_layer(one, value)

    def _define_layer(self, one: Indexed, value: int | None) -> None:
        name, known = spelled(one.word.value), {}
        if one.letter is not None and value is not None:
            known = {spelled(one.letter.value): value}
        i = whole(one.place, known)
        if i is None or i < 0:
            if not known and _names_in(one.place):
                letter = min(_names_in(one.place))
                message, hint = f"{letter} has no values here", f"write {name}[{letter}] = … for {letter} = 1..10"
            else:
                message, hint = "an index is a whole number: 0, 1, 2, …", f"write {name}[0] = … or {name}[k] = …"
            raise _refused(message, one.place, hint)
        if i in self.layers[name]:
            raise _refused(f"{name}[{i}] is defined twice", one.place, "give each layer one definition")
        meaning = self._written(one.meaning, known, (name, i))
        self.layers[name].add(i)
        self._define(f"{name}_{i}", one.place, meaning)

    def _values(self, one: Indexed) -> Sequence[int | None]:
        if one.letter is None:
            return [None]
        first, last = (self._bound(bound) for bound in one.bounds)
        step = 1 if last >= first else -1
        values = range(first, last + step, step)
        if len(values) > MOST_LAYERS:
            message = f"{one.word.value} has {len(values):,} layers; more than {MOST_LAYERS:,} are not accepted"
            raise _refused(message, one.bounds[1], "write fewer, or build the expression in Python")
        return values

    def _bound(self, bound: Tree) -> int:
        value = whole(bound, {})
        if value is None:
            names = ", ".join(sorted(_names_in(bound))) or "this"
            message = f"the range of an index is given in whole numbers, and {names} is none"
            raise _refused(message, bound, "write a number, such as for k = 1..10: the layers are written out")
        return value

    # ---- trees with the index replaced

    def _written(self, root: Tree, known: Mapping[str, int], own: tuple[str, int] | None = None) -> Tree:
        """A copy of a tree in which the indices have their values and the layers their names."""
        made: dict[int, Tree] = {}
        kept = [t for t in postorder(root) if _is_sum(t) and not self._is_over_layers(t)]
        pending = [(root, False)]
        while pending:
            tree, ready = pending.pop()
            if ready:
                children = tuple([made[id(child)] for child in tree.children])
                made[id(tree)] = Tree(tree.kind, children, tree.value, tree.start, tree.end)
            elif tree.kind == "index" and tree.children[0].kind == "name" and tree.children[0].value in self.layers:
                made[id(tree)] = self._layer(tree, known, own)
            elif tree.kind == "name":
                made[id(tree)] = self._name(tree, known, kept)
            elif _is_sum(tree) and self._is_over_layers(tree):
                made[id(tree)] = self._terms(tree, known, own)
            else:
                self._refuse_clash(tree, known)
                pending.append((tree, True))
                pending.extend((child, False) for child in tree.children)
        self.nodes += len(made)
        if self.nodes > MOST_NODES:
            message = f"written out, the definitions have more than {MOST_NODES:,} parts"
            raise _refused(message, root, "write fewer layers, or build the expression in Python")
        return made[id(root)]

    def _layer(self, tree: Tree, known: Mapping[str, int], own: tuple[str, int] | None) -> Tree:
        """The name of the layer that h[k-1] is."""
        base, *items = tree.children
        name = str(base.value)
        i = whole(items[0], known) if len(items) == 1 else None
        if i is None:
            hint = f"write {name}[10] for a layer, {name}[10][2,:] for a row of it"
            raise _refused(f"{name} is a sequence of parts, and its index is one whole number", tree, hint)
        if i not in self.layers[name]:
            raise self._missing(tree, name, i, known, own)
        return Tree("name", (), f"{name}_{i}", tree.start, tree.end)

    def _missing(
        self, tree: Tree, name: str, i: int, known: Mapping[str, int], own: tuple[str, int] | None
    ) -> ParseError:
        defined = self.layers[name]
        where = "".join(f" for {letter} = {value}" for letter, value in known.items())
        if own == (name, i):
            return _refused(f"{name}[{i}] is defined by itself", tree, f"{EARLIER}, such as {name}[{max(i - 1, 0)}]")
        if own is None and defined:
            extent = f"{name} goes from {min(defined)} to {max(defined)}"
            return _refused(f"{name}[{i}] is not defined{where}: {extent}", tree, f"write {name}[{max(defined)}]")
        if i < 0 or (defined and i > max(defined)) or (own and own[0] == name and i > own[1]):
            return _refused(f"this is {name}[{i}]{where}, which is not defined before it is used", tree, EARLIER)
        return _refused(f"this is {name}[{i}]{where}, which is not defined", tree, f"write {name}[{i}] = … before it")

    def _name(self, tree: Tree, known: Mapping[str, int], kept: Sequence[Tree]) -> Tree:
        name = str(tree.value)
        if name in known:
            return _number(known[name], tree)
        if name in self.layers:
            defined = self.layers[name]
            hint = f"write {name}[{max(defined)}]" if defined else f"write {name}[0] = … before it"
            raise _refused(f"{name} is a sequence of parts, and here it has no index", tree, hint)
        if name in self.indices and not any(_binds(one, name, tree) for one in kept):
            message = f"{name} is the index of a definition, and used outside of it"
            raise _refused(message, tree, "give one of the two another name")
        stem, _, letter = name.rpartition("_")
        if stem and known.get(letter, -1) >= 0:
            member = f"{stem}_{known[letter]}"
            members = self.families.setdefault(name, [])
            if member not in members[-1:] and stem not in self.layers:
                members.append(member)
            return Tree("name", (), member, tree.start, tree.end)
        return tree.spanning(tree.start, tree.end)

    def _terms(self, tree: Tree, known: Mapping[str, int], own: tuple[str, int] | None) -> Tree:
        """sum(k, 1, 10, f(h[k])) as the sum of its terms."""
        index, *bounds, summand = tree.children
        self._refuse_clash(tree, known)
        first, last = (self._bound(bound) for bound in bounds)
        if not 0 <= last - first < MOST_LAYERS:
            message = (
                f"a sum over layers has from 1 to {MOST_LAYERS:,} terms, and this has {max(last - first + 1, 0):,}"
            )
            raise _refused(message, tree, "write the bounds in order, such as sum(k, 1, 10, h[k])")
        letter = str(index.value)
        terms = tuple([self._written(summand, {**known, letter: i}, own) for i in range(first, last + 1)])
        return Tree("sum", terms, ("+",) * (len(terms) - 1), tree.start, tree.end) if len(terms) > 1 else terms[0]

    def _is_over_layers(self, tree: Tree) -> bool:
        """Whether the index of a sum chooses layers, or variables that belong to layers: W_k beside h[k]."""
        index, summand = tree.children[0].value, tree.children[-1]
        chosen = [t for t in postorder(summand) if t.kind == "index" and t.children[0].value in self.layers]
        if any(index in _names_in(item) for t in chosen for item in t.children[1:]):
            return True
        return any(str(index) == name.rpartition("_")[2] and name in self.families for name in _names_in(summand))

    def _refuse_clash(self, tree: Tree, known: Mapping[str, int]) -> None:
        """Raise ParseError for a sum or a let inside that gives the index another meaning."""
        place, names = tree, set[str]()
        if _is_sum(tree):
            place = tree.children[0]
            names = {str(place.value)}
        elif tree.kind == "let" and isinstance(tree.value, tuple):
            names = set(tree.value)
        for name in sorted(names & (known.keys() | self.layers.keys())):
            message = f"{name} has a meaning already where it is defined again"
            raise _refused(message, place, "give one of the two another name")


def _groups(definitions: Sequence[Definition]) -> Iterator[list[Definition]]:
    """Single definitions, and runs of indexed ones that have one range."""
    group: list[Definition] = []
    for one in definitions:
        if group and not (_range_of(one) is not None and _range_of(one) == _range_of(group[-1])):
            yield group
            group = []
        group.append(one)
    yield group


def _range_of(one: Definition) -> tuple[object, ...] | None:
    if not isinstance(one, Indexed) or one.letter is None:
        return None
    return (one.letter.value, *(whole(bound, {}) for bound in one.bounds))


def _shown(word: Token | Tree, name: str) -> str:
    return word.value if isinstance(word, Token) else name


def _is_sum(tree: Tree) -> bool:
    return tree.kind == "call" and tree.value == "sum" and len(tree.children) == 4 and tree.children[0].kind == "name"


def _binds(one: Tree, name: str, place: Tree) -> bool:
    return one.children[0].value == name and one.start <= place.start < one.end


def _names_in(tree: Tree) -> set[str]:
    return {str(t.value) for t in postorder(tree) if t.kind == "name"}


def _number(value: int, place: Tree) -> Tree:
    number = Tree("number", (), abs(value), place.start, place.end)
    return number if value >= 0 else Tree("negate", (number,), None, place.start, place.end)


def whole(root: Tree, known: Mapping[str, int]) -> int | None:
    """The whole number that sums and products of numbers and indices make; None for anything else.

    >>> from matcalc.syntax import parse_expression
    >>> whole(parse_expression("2*k - 1"), {"k": 3})
    5
    """
    values: dict[int, int] = {}
    for tree in postorder(root):
        inside = [values.get(id(child)) for child in tree.children]
        numbers = [value for value in inside if value is not None]
        if len(numbers) < len(inside):
            return None
        if tree.kind == "number" and isinstance(tree.value, int):
            value = tree.value
        elif tree.kind == "name" and tree.value in known:
            value = known[str(tree.value)]
        elif tree.kind == "negate":
            value = -numbers[0]
        elif tree.kind in ("sum", "product") and isinstance(tree.value, tuple):
            value = numbers[0]
            for operator, number in zip(tree.value, numbers[1:], strict=True):
                if operator not in ("+", "-", "*"):
                    return None
                value = value + number if operator == "+" else value - number if operator == "-" else value * number
        else:
            return None
        if abs(value) > 10**9:
            return None
        values[id(tree)] = value
    return values[id(root)]
