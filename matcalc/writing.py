"""Writing an expression out: which shared parts get names, and the text of the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from sympy import Expr

from matcalc.equations import Implicit
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    IndexedSum,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    postorder,
    variables_of,
)
from matcalc.function_table import FUNCTIONS
from matcalc.layouts import Layout
from matcalc.lazy_properties import lazy_property
from matcalc.notations import Notation
from matcalc.parts import NO_PARTS, Program
from matcalc.registries import method
from matcalc.sheets import Written
from matcalc.text import size_text, text_of
from matcalc.transposes import transpose

NAMEABLE = (Sum, Product, Power, Hadamard, EntrywisePower, Apply, IndexedSum, Implicit)
LEAST_COST, LEAST_SAVING, GREATEST_HEIGHT = 4, 2, 24
LETTERS = {"scalar": "stcg", "vector": "ruvwzh", "matrix": "MNPQRS"}


class Naming:
    """The names that shared parts have in all formulas of an answer: one part has one name, whichever formula it is in.

    >>> import matcalc as mc
    >>> e = mc.parse("inv(A*B + C)*A*inv(A*B + C)")
    >>> other = mc.parse("inv(B*C + A)*C*inv(B*C + A)*inv(A*B + C)*A*inv(A*B + C)")
    >>> naming = Naming([e, other])
    >>> [[n for n, definition in written(root, naming=naming).parts] for root in (e, other)]
    [['M'], ['N', 'M']]
    """

    def __init__(self, roots: Iterable[Expression], program: Program = NO_PARTS) -> None:
        self.roots = (*roots, *(p.definition for p in program.parts))
        self.reserved = program.names | program.reserved
        self.given: dict[Expression, str] = {p.value: p.name for p in program.parts}
        self.written: dict[tuple[Expression, Program], Written] = {}

    @lazy_property
    def letters(self) -> _Letters:
        """Names that nothing in the formulas has."""
        order = postorder(*self.roots)
        unknowns = {e.equation.unknown.name for e in order if isinstance(e, Implicit)}
        variables = {e.name for e in order if isinstance(e, Variable)}
        return _Letters(variables | unknowns | _size_names(order) | self.reserved)

    def name(self, part: Expression) -> str:
        """The name of a part: M, or M' for the transpose of what is named M."""
        found = self.given.get(part)
        if found is None:
            found = self.given[part] = self.letters.next(part)
            if not part.is_scalar:
                self.given.setdefault(transpose(part), found + "'")
        return found


def naming_of(program: Program, formulas: Sequence[Expression]) -> Naming:
    """The names of the parts of a program's body and of formulas about it, in the order of their first use."""
    roots = [program.body, *formulas]
    naming = Naming(roots, program)
    for root in roots:
        written(root, program, naming)
    return naming


def written(root: Expression, program: Program = NO_PARTS, naming: Naming | None = None) -> Written:
    """The expression as an expert would write it, shared parts named; those of a program by the names they have.

    With a naming the names are those that the parts have in other formulas as well; it remembers what was written.

    >>> import matcalc as mc
    >>> e = mc.parse("inv(A*B + C)*x*x'*inv(A*B + C)", where="A, B, C: matrix(n,n), x: vector(n)")
    >>> [(n, text_of(d)) for n, d in written(e).parts]
    [('M', 'inv(A*B + C)')]
    """
    if naming is not None:
        if (root, program) not in naming.written:
            naming.written[root, program] = _written(root, program, naming)
        return naming.written[root, program]
    return _written(root, program, Naming([root], program))


def _written(root: Expression, program: Program, naming: Naming) -> Written:
    needed = program.needed([root])
    roots = [*(p.definition for p in needed), root]
    layout = Layout(roots)
    names = _names(roots, layout, naming)
    if names:
        layout = Layout(roots, names)
    answer = layout.plain(root)
    definitions = layout.definitions | {p.name: layout.plain(p.definition) for p in needed}
    in_order = [Notation("name", (), p.name) for p in needed]
    return Written(definitions_used([*in_order, answer], definitions) if definitions else (), answer)


def definitions_used(roots: Sequence[Notation], definitions: dict[str, Notation]) -> tuple[tuple[str, Notation], ...]:
    """The definitions that some notations need, each after those it uses itself."""
    in_order: dict[str, Notation] = {}
    opened: set[str] = set()
    stack = [(label, False) for root in reversed(roots) for label in _labels(root, definitions)]
    while stack:
        label, ready = stack.pop()
        if ready:
            in_order[label] = definitions[label]
        elif label not in opened:
            opened.add(label)
            stack.append((label, True))
            stack.extend((other, False) for other in _labels(definitions[label], definitions))
    return tuple(in_order.items())


def _labels(root: Notation, definitions: dict[str, Notation]) -> list[str]:
    """The named parts that a notation uses, last first."""
    found: dict[str, None] = {}
    todo = [root]
    while todo:
        n = todo.pop()
        if n.kind == "name" and n.value in definitions:
            found[str(n.value)] = None
        todo.extend(reversed(n.parts))
    return list(reversed(found))


def _names(roots: Sequence[Expression], layout: Layout, naming: Naming) -> dict[Expression, str]:
    order = postorder(*roots)
    shared = _Sharing(roots, order, layout)
    chosen = shared.worth_naming()
    chosen |= set(_deep(order, chosen, shared))
    if not chosen:
        return {}
    names: dict[Expression, str] = {}
    for node in order:
        if node in chosen:
            label = names[node] = naming.name(node)
            for twin in shared.twins_of(node):
                names[twin] = label[:-1] if label.endswith("'") else label + "'"
    return names


def _size_names(order: Sequence[Expression]) -> set[str]:
    return {str(s) for e in order for d in e.shape for s in d.free_symbols} | {"e", "pi", "I", "K"}


class _Sharing:
    """How often each part is written, a matrix and its transpose counted as one part."""

    def __init__(self, roots: Sequence[Expression], order: list[Expression], layout: Layout) -> None:
        self.roots = frozenset(roots)
        self.layout = layout
        self.part: dict[Expression, Expression] = {}
        self.height: dict[Expression, int] = {}
        self.open = _open_nodes(order)
        present = set(order)
        for node in order:
            self.part[node] = self._part_of(node, present)
            self.height[node] = 1 + max((self.height[o] for o in node.operands), default=0)

    def _part_of(self, node: Expression, present: set[Expression]) -> Expression:
        inner = node._args[0] if isinstance(node, Transpose) else node
        twin = transpose(inner) if isinstance(inner, NAMEABLE) and not inner.is_scalar else None
        if twin is None or twin not in present or isinstance(twin, Transpose):
            return inner
        return min(inner, twin, key=lambda e: (self.layout.plain(e).cost, e.key))

    def twins_of(self, node: Expression) -> Iterator[Expression]:
        """The transpose of a part, where it is a node of its own."""
        twin = node._transposed
        if twin is not None and twin is not node and self.part.get(twin) is node and not isinstance(twin, Transpose):
            yield twin

    def worth_naming(self) -> set[Expression]:
        """The parts whose naming shortens the whole; the larger ones are decided first."""
        uses = dict.fromkeys(self.part.values(), 0)
        uses |= dict.fromkeys((self.part[root] for root in self.roots), 1)
        chosen: set[Expression] = set()
        for node in sorted(uses, key=lambda e: (-self.height[e], e.key)):
            weight = uses[node]
            nameable = isinstance(node, NAMEABLE) and node not in self.roots and node not in self.open
            if nameable and weight >= 2:
                cost = self.layout.plain(node).cost
                if cost >= LEAST_COST and weight * cost - (cost + 2 + weight) >= LEAST_SAVING:
                    chosen.add(node)
                    weight = 1
            for o in node.operands:
                uses[self.part[o]] += weight
        return chosen


def _deep(order: list[Expression], chosen: set[Expression], shared: _Sharing) -> Iterator[Expression]:
    """Parts at which the nesting since the last name becomes too deep to read."""
    height: dict[Expression, int] = {}
    for node in order:
        inner = max((height[o] for o in node.operands), default=0)
        height[node] = 0 if shared.part[node] in chosen else inner + 1
        if height[node] > GREATEST_HEIGHT and isinstance(node, NAMEABLE) and not isinstance(node, Product):
            if node not in shared.open:
                height[node] = 0
                yield shared.part[node]


def _open_nodes(order: list[Expression]) -> set[Expression]:
    """The nodes with the index of a sum around them, which cannot be defined outside of that sum."""
    free: dict[Expression, frozenset[Expression]] = {}
    for node in order:
        inner = frozenset().union(*(free[o] for o in node.operands))
        if isinstance(node, Variable) and node.is_index:
            inner = frozenset([node])
        free[node] = inner - {node._args[0]} if isinstance(node, IndexedSum) else inner
    return {node for node, indices in free.items() if indices}


class _Letters:
    """Fresh names by kind: M, N, … for matrices, r, u, … for vectors, s, t, … for scalars."""

    def __init__(self, taken: set[str]) -> None:
        self.fresh = {kind: _fresh(letters, taken) for kind, letters in LETTERS.items()}

    def next(self, node: Expression) -> str:
        kind = "scalar" if node.is_scalar else "vector" if ONE in node.shape else "matrix"
        return next(self.fresh[kind])


def _fresh(letters: str, taken: set[str]) -> Iterator[str]:
    """The letters, then the letters with 1, 2, …, without those that are taken."""
    for suffix in _suffixes():
        yield from (letter + suffix for letter in letters if letter + suffix not in taken)


def _suffixes() -> Iterator[str]:
    yield ""
    yield from map(str, count(1))


def text(root: Expression, program: Program = NO_PARTS, naming: Naming | None = None) -> str:
    """The expression as text that reads back to it: ``let r = A*x - b in 2*A'*r``.

    >>> import matcalc as mc
    >>> text(mc.parse("A'x + A x", where="A: matrix(n,n), x: vector(n)"))
    "A*x + A'*x"
    """
    found = written(root, program, naming)
    answer = text_of(found.answer)
    if not found.parts:
        return answer
    definitions = "; ".join(f"{n} = {text_of(d)}" for n, d in found.parts)
    return f"let {definitions} in {answer}"


def writer(style: str) -> Callable[[Notation], str]:
    """The printer of notations in unicode, ascii or latex, imported on first use."""
    return text_of if style == "ascii" else method(f"notation in {style}")


def whole(found: Written, write: Callable[[Notation], str], separator: str) -> str:
    """An expression in one line, its named parts after it."""
    parts = separator.join(f"{write(Notation('name', (), n))} = {write(d)}" for n, d in found.parts)
    return write(found.answer) + (f"  where {parts}" if parts else "")


def variables_in_order(root: Expression) -> dict[str, Variable]:
    """The free variables by name, in the order in which they are written."""
    known = {v.name: v for v in variables_of(root)}
    words = [w for w in _WORD.findall(text(root)) if w in known]
    return {w: known[w] for w in dict.fromkeys(words)} | known


def declaration(v: Variable) -> str:
    """The declaration of a variable: ``A: matrix(n,n) symmetric``."""
    rows, columns = size_text(v.rows), size_text(v.columns)
    if v.is_scalar:
        shape = "scalar"
    elif v.columns is ONE:
        shape = f"vector({rows})"
    else:
        shape = f"matrix({rows},{columns})"
    return " ".join([f"{v.name}: {shape}", *sorted(v.properties)])


def where(root: Expression) -> str:
    """The declarations of the variables, as ``parse`` takes them; sizes that no shape shows included.

    >>> import matcalc as mc
    >>> where(mc.parse("sum(A)/n + a", where="A: matrix(m,m), a: scalar, n: size"))
    'A: matrix(m,m), a: scalar, n: size'
    """
    return declarations_of(variables_in_order(root).values(), [root])


def declarations_of(variables: Iterable[Variable], roots: Sequence[Expression]) -> str:
    """The declarations of variables, and of the sizes in expressions that none of them shows."""
    unknowns = [e.equation.unknown for e in postorder(*roots) if isinstance(e, Implicit)]
    known = list(dict.fromkeys([*variables, *unknowns]))
    shown = {s for v in known for d in v.shape for s in d.free_symbols}
    sizes = {s for e in postorder(*roots) for a in e._args if isinstance(a, Expr) for s in _symbols(a)}
    functions = {FUNCTIONS[e.function].named for e in postorder(*roots) if isinstance(e, Apply)} - {""}
    extra = sorted(str(s) for s in sizes - shown)
    return ", ".join(
        [*map(declaration, known), *(f"{s}: size" for s in extra), *(f"{f}: analytic" for f in sorted(functions))]
    )


def _symbols(argument: Expr) -> set[Expr]:
    return set() if isinstance(argument, Expression) else argument.free_symbols


_WORD = re.compile(r"[^\W\d]\w*")
