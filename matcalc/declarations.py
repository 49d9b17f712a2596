"""Declared names: ``A: matrix(n,n) symmetric, x: vector(n), t: scalar``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from matcalc.dimensions import is_unknown, unknown_size
from matcalc.errors import MatcalcError, ParseError
from matcalc.expressions import ONE, SCALAR, Dimension, Shape, Variable, dimension
from matcalc.leaves import CONSTANTS, SQUARE_PROPERTIES, variable
from matcalc.registries import method
from matcalc.sizes import size_value
from matcalc.syntax import parse_declarations
from matcalc.syntax_trees import Declaration, Unrolled
from matcalc.tokens import LONGEST_TEXT

Where: TypeAlias = "str | Mapping[str, str] | None"
ANALYTIC = "analytic"
RESERVED_SIZES = frozenset(("eye", "ones", "zeros", *CONSTANTS))

# The common forms, which need no grammar: A, B: matrix(m,3) symmetric
_COMMON = re.compile(
    r" *(NAME(?: *, *NAME)*) *: *(?:scalar|(vector|row)\( *(SIZE) *\)|matrix\( *(SIZE) *, *(SIZE) *\))"
    r"((?: +[a-z]+)*) *(?:[,;] *|\Z)".replace("SIZE", "NAME|[1-9][0-9]{0,4}").replace("NAME", "[A-Za-z][A-Za-z0-9_]*")
)


class Declared(NamedTuple):
    """The shape and properties of a declared name."""

    shape: Shape
    properties: tuple[str, ...]


def declarations(where: Where) -> tuple[Mapping[str, Declared], frozenset[str]]:
    """The declared names and the names of the dimensions in a declaration text; raises ParseError, ShapeError.

    A mapping has what is declared by name.

    >>> names, sizes = declarations("A: matrix(m,n), x: vector(n)")
    >>> names["x"].shape, sorted(sizes)
    ((n, 1), ['m', 'n'])
    >>> declarations({"x": "vector(n)"})[0]["x"].shape
    (n, 1)
    """
    if type(where) is str:
        return _declarations(where)
    parts = [*where, *where.values()] if isinstance(where, Mapping) else [where or ""]
    for part in parts:
        if not isinstance(part, str):
            message = f"declarations are a text or a mapping of texts, and {part!r} is neither"
            raise MatcalcError(message, hint='write where="A: matrix(m,n), x: vector(n)"')
    if isinstance(where, Mapping):
        where = ", ".join(f"{name}: {words}" for name, words in where.items())
    return _declarations(where or "")


def variables_among(declared: Mapping[str, Declared]) -> dict[str, Variable]:
    """The variables that declarations make, functions left out."""
    return {n: variable(n, *d.shape, *d.properties) for n, d in declared.items() if ANALYTIC not in d.properties}


def unused(where: Where, names: Collection[str]) -> tuple[str, ...]:
    """A note on the declared names that are none of those: they may be misspelt, or meant for a claim.

    >>> unused("x: vector(n), y: vector(n)", ["X", "y"])
    ('declared, and not in the formula: x',)
    """
    others = [
        name
        for name, d in declarations(where)[0].items()
        if name not in names and ANALYTIC not in d.properties and not _is_family(name, names)
    ]
    return (f"declared, and not in the formula: {', '.join(others)}",) if others else ()


def _is_family(name: str, names: Collection[str]) -> bool:
    """Whether W_k stands for some of the names, such as W_1."""
    stem, _, _ = name.rpartition("_")
    return bool(stem) and any(n.startswith(f"{stem}_") and n[len(stem) + 1 :].isdigit() for n in names)


def of_families(declared: Mapping[str, Declared], tree: Unrolled, text: str) -> dict[str, Declared]:
    """The declarations of a text with indexed definitions: W_k stands for W_1, W_2, …, each declared alike.

    Raises ParseError for an index that is declared.
    """
    found: dict[str, Declared] = {}
    for name, one in declared.items():
        if name in tree.indices:
            message = f"{name} is declared, and it is the index of a definition"
            place = tree.indices[name]
            hint = "give the index another name"
            raise ParseError(message, text=text, start=place.start, end=place.end, hint=hint)
        for member in tree.families.get(name, (name,)):
            shape = tuple([unknown_size() if is_unknown(d) else d for d in one.shape])
            found.setdefault(member, Declared((shape[0], shape[1]), one.properties) if shape != one.shape else one)
    return found


@lru_cache(maxsize=512)
def _declarations(where: str) -> tuple[Mapping[str, Declared], frozenset[str]]:
    return common_declarations(where) or declared_names(parse_declarations(where), where)


def common_declarations(text: str) -> tuple[Mapping[str, Declared], frozenset[str]] | None:
    """What ``declared_names`` makes of a text all of which has the common forms; None for any other, right or wrong.

    >>> common_declarations("A: matrix(m,3), x, y: vector(n)")[0]["y"].shape
    (n, 1)
    >>> common_declarations("A: R^(m×n)")
    """
    if len(text) > LONGEST_TEXT:
        return None
    names: dict[str, Declared] = {}
    sizes: set[str] = set()
    place, text = 0, text.rstrip(" ")
    while place < len(text):
        found = _COMMON.match(text, place)
        if found is None:
            return None
        words, kind, *dims, more = found.groups()
        shape = tuple([_common_size(d, sizes) for d in dims if d is not None]) or SCALAR
        if kind is not None:
            shape = (*shape, ONE) if kind == "vector" else (ONE, *shape)
        properties = tuple(dict.fromkeys(more.split())) if more else ()
        for word in words.split(",") if "," in words else (words,):
            name = word.strip(" ")
            if name in names or (properties and not _fits(name, shape, properties)):
                return None
            names[name] = Declared(shape, properties)
        place = found.end()
    if not sizes.isdisjoint(names) or not sizes.isdisjoint(RESERVED_SIZES):
        return None
    return names, frozenset(sizes)


def _common_size(word: str, sizes: set[str]) -> Dimension:
    if word.isdigit():
        return dimension(int(word))
    sizes.add(word)
    return dimension(word)


def _fits(name: str, shape: Shape, properties: tuple[str, ...]) -> bool:
    try:
        variable(name, *shape, *properties)
    except MatcalcError:
        return False
    return True


def declared_names(found: Iterable[Declaration], text: str) -> tuple[Mapping[str, Declared], frozenset[str]]:
    """The shapes and properties of parsed declarations, and the names of their dimensions.

    A size that no shape shows is declared by itself: ``n: size``.
    """
    names: dict[str, Declared] = {}
    places: dict[str, Declaration] = {}
    sizes: dict[str, Declaration] = {}
    for declaration in found:
        name = declaration.name
        if declaration.kind == "size":
            sizes.setdefault(name, declaration)
            continue
        try:
            if declaration.kind == ANALYTIC:
                method("declare function")(name)
                names[name], places[name] = Declared(SCALAR, (ANALYTIC,)), declaration
                continue
            shape = _shape(declaration, text)
            variable(name, *shape, *declaration.properties)
        except MatcalcError as error:
            error.hint = error.hint or _hint(declaration)
            raise error.located(text, declaration.start, declaration.end) from None
        names[name] = Declared(shape, declaration.properties)
        places[name] = declaration
        for size in shape:
            for symbol in (size,) if size.is_Symbol else size.free_symbols:
                if not symbol.is_Dummy:
                    sizes.setdefault(symbol.name, declaration)
    for word, declaration in sizes.items():
        if word in names:
            raise _both(word, places[word], declaration, text)
        if word in RESERVED_SIZES:
            raise _refused(f"{word} is not the name of a size", declaration, text, "write n, m or another name")
    return names, frozenset(sizes)


def _shape(declaration: Declaration, text: str) -> Shape:
    dims = [size_value(tree, text) for tree in declaration.dims]
    if declaration.kind == "scalar":
        return SCALAR
    if declaration.kind in ("vector", "row"):
        length = dims[0] if dims else unknown_size()
        return (length, ONE) if declaration.kind == "vector" else (ONE, length)
    rows = dims[0] if dims else unknown_size()
    if len(dims) == 2:
        return rows, dims[1]
    return rows, rows if dims or SQUARE_PROPERTIES & set(declaration.properties) else unknown_size()


def _hint(declaration: Declaration) -> str:
    squares = [word for word in declaration.properties if word in SQUARE_PROPERTIES]
    if squares:
        return f"write {declaration.name}: matrix(n,n) {squares[0]}"
    return f"leave out {' '.join(declaration.properties)}" if declaration.properties else ""


def _both(word: str, place: Declaration, user: Declaration, text: str) -> ParseError:
    message = f"{word} is declared as a variable, and it is a size of {user.name} too"
    hint = f"a size needs no declaration and can be used as a number: leave out {word}, or rename one of them"
    return _refused(message, place, text, hint)


def _refused(message: str, declaration: Declaration, text: str, hint: str) -> ParseError:
    return ParseError(message, text=text, start=declaration.start, end=declaration.end, hint=hint)
