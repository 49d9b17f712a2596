"""Entries written with a subscript, as on paper: x_i in a sum over i is x[i], where x is declared and x_i is not.

In LaTeX x_i is the row i of a data matrix X as a column, where X is declared, and no x.

What is not declared stays a name, which is refused where it could be taken for an entry: x_i in a sum over i, whose
value would be the same for each i, or x_i after the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from matcalc.declarations import Declared
from matcalc.errors import ParseError
from matcalc.expressions import ONE
from matcalc.latex_source import is_latex
from matcalc.recurrences import whole
from matcalc.syntax_trees import Tree, postorder
from matcalc.walks import is_indexed_sum

_SIGNS = ("sum", "∑", "Σ")


def entries_below(tree: Tree, declared: Mapping[str, Declared], text: str, notes: list[str] | None = None) -> Tree:
    """The tree with the names that are entries in a sum over their subscripts replaced; what is said of it, in notes.

    >>> from matcalc.declarations import declarations
    >>> from matcalc.syntax import parse_expression
    >>> tree = parse_expression("sum(i, 1, n, x_i^2)")
    >>> [p.kind for p in postorder(entries_below(tree, declarations("x: vector(n)")[0], "sum"))][-4:]
    ['index', 'number', 'power', 'call']
    """
    sums = _sums(tree) if any(sign in text for sign in _SIGNS) else []
    if sums:
        tree = _with_entries(tree, sums, declared, text, notes if is_latex(text) else None)
        _refuse_before_the_first(_sums(tree), text)
    return tree


def _sums(tree: Tree) -> list[Tree]:
    return [part for part in postorder(tree) if part.kind == "call" and is_indexed_sum(part)]


def _with_entries(
    tree: Tree, sums: Sequence[Tree], declared: Mapping[str, Declared], text: str, notes: list[str] | None
) -> Tree:
    walk = postorder(tree)
    letters = {str(one.children[0].value) for one in sums}
    names = [part for part in walk if part.kind == "name" and part.value not in declared]
    subscripted = [name for name in names if _may_be_entry(name, letters, declared)]
    if not subscripted:
        return tree
    made: dict[Tree, Tree] = {}
    whole_names = {str(name.value) for name in names} - {str(name.value) for name in subscripted}
    for part in subscripted:
        taken = None if notes is None else _row_or_column(part, sums, declared, whole_names)
        if notes is not None and taken is not None:
            made[part], note = taken
            notes += [note] if note not in notes else []
            continue
        bound = {str(one.children[0].value) for one in sums if _is_in(part, one.children[3])}
        made[part] = _entry(part, letters, bound, declared, text)
    for part in walk:
        if any(child in made for child in part.children):
            children = tuple([made.get(child, child) for child in part.children])
            made[part] = Tree(part.kind, children, part.value, part.start, part.end)
    return made.get(tree, tree)


def _refuse_before_the_first(sums: Sequence[Tree], text: str) -> None:
    """Refuse sum(i, 0, n-1, x[i]), whose first entry would be x[0]."""
    for one in sums:
        letter, lower = str(one.children[0].value), whole(one.children[1], {})
        if lower is None or lower > 1:
            continue
        for part in postorder(one.children[3]):
            for item in part.children[1:] if part.kind == "index" else ():
                first = whole(item, {letter: lower})
                if first is not None and first < 1 and whole(item, {}) is None:
                    message = f"this index is {first} for {letter} = {lower}, and indices count from 1"
                    hint = f"write sum({letter}, 1, n, x[{letter}]), or begin where the first index is 1"
                    raise ParseError(message, text=text, start=item.start, end=item.end, hint=hint)


def _subscripts(name: Tree, letters: Set[str]) -> list[str]:
    """The indices below a name, of which one at least is that of a sum: i and j of A_ij, i and 1 of A_i1."""
    stem, _, below = str(name.value).rpartition("_")
    if not stem:
        return []
    if below in letters:
        return [below]
    indices = list(below) if len(below) == 2 else []
    return [] if letters.isdisjoint(indices) else indices


def _may_be_entry(name: Tree, letters: Set[str], declared: Mapping[str, Declared]) -> bool:
    """Whether all subscripts are indices or numbers, or one is, below a declared name: A_ij, not W_in."""
    indices = _subscripts(name, letters)
    stem = str(name.value).rpartition("_")[0]
    return bool(indices) and (stem in declared or all(i in letters or i in "123456789" for i in indices))


def _is_in(part: Tree, whole: Tree) -> bool:
    return whole.start <= part.start and part.end <= whole.end


def _entry(name: Tree, letters: set[str], bound: set[str], declared: Mapping[str, Declared], text: str) -> Tree:
    stem = str(name.value).rpartition("_")[0]
    indices = _subscripts(name, letters)
    entry = f"{stem}[{','.join(indices)}]"
    free = [index for index in indices if index in letters - bound]
    if free:
        message = f"{name.value} stands outside of the sum over {free[0]}"
        hint = f"write the whole summand in brackets, or give the index of the sum another name than {free[0]}"
        raise ParseError(message, text=text, start=name.start, end=name.end, hint=hint)
    if any(index not in letters and not index.isdigit() for index in indices):
        message = f"{name.value} is one name here, and {' and '.join(indices)} are not both indices of sums"
        raise ParseError(message, text=text, start=name.start, end=name.end, hint=f"write {entry} for an entry")
    shape = declared[stem].shape if stem in declared else ()
    if len(indices) != (2 if ONE not in shape else 1) or not shape:
        index = next(index for index in indices if index in letters)
        kind = "vector(n)" if len(indices) == 1 else "matrix(m,n)"
        message = f"{name.value} is one name here, and has no values for {index} = 1, 2, …"
        hint = f"write {entry} for an entry, or declare {stem}: {kind}"
        for matrix in (stem, stem.upper()):
            if len(indices) == 1 and matrix in declared and ONE not in declared[matrix].shape:
                hint = f"write {matrix}[{index},:]' for a row of {matrix}, {matrix}[:,{index}] for a column"
                hint += f", {entry} for an entry of {stem}" if matrix != stem else ""
        raise ParseError(message, text=text, start=name.start, end=name.end, hint=hint)
    base = Tree("name", (), stem, name.start, name.end)
    items = [_item(index, name) for index in indices]
    return Tree("index", (base, *items), None, name.start, name.end)


def _row_or_column(
    name: Tree, sums: Sequence[Tree], declared: Mapping[str, Declared], others: Set[str]
) -> tuple[Tree, str] | None:
    """The row or column of X that x_i is in a sum over all of them, with a note; X is declared, and x is not.

    Nothing where the bound of the sum is not the number of one of the two alone, or another name begins with x_ too.
    """
    stem, _, letter = str(name.value).rpartition("_")
    matrix = stem.upper()
    over = [one for one in sums if one.children[0].value == letter and _is_in(name, one.children[3])]
    if matrix == stem or stem in declared or matrix not in declared or len(over) != 1:
        return None
    if any(other == stem or other.startswith(f"{stem}_") for other in others):
        return None
    shape, upper = declared[matrix].shape, str(over[0].children[2].value)
    axes = [axis for axis, size in enumerate(shape) if str(size) == upper]
    if ONE in shape or len(axes) != 1:
        return None
    base, index = Tree("name", (), matrix, name.start, name.end), _item(letter, name)
    every = Tree("all", (), None, name.start, name.end)
    if axes == [1]:
        column = Tree("index", (base, every, index), None, name.start, name.end)
        return column, f"{name.value}: the column {letter} of {matrix}, {matrix}[:,{letter}]"
    row = Tree("index", (base, index, every), None, name.start, name.end)
    turned = Tree("transpose", (row,), None, name.start, name.end)
    return turned, f"{name.value}: the row {letter} of {matrix} as a column, {matrix}[{letter},:]'"


def _item(index: str, place: Tree) -> Tree:
    if index.isdigit():
        return Tree("number", (), int(index), place.start, place.end)
    return Tree("name", (), index, place.start, place.end)
