"""What each rule of the grammar builds from its parts: declarations and rules of the rule book."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from matcalc.errors import ParseError
from matcalc.expression_builders import flattened, superscripts, trees_among
from matcalc.syntax_trees import Declaration, RuleText, Tree, postorder
from matcalc.tokens import Token, spelled

KINDS = {"scalar": (0,), "size": (0,), "vector": (0, 1), "row": (0, 1), "matrix": (0, 2), "analytic": (0,)}
PROPERTIES = (
    "symmetric", "skew", "diagonal", "spd", "orthogonal", "lower", "upper",
    "unit", "positive", "nonzero", "integer", "constant",
)  # fmt: skip
# Families that say everything with a left side alone.
_ONE_SIDED = ("linear", "entrywise")

_OTHER_WORDS = {
    "real": "scalar", "number": "scalar", "float": "scalar", "column": "vector", "array": "vector or matrix",
    "antisymmetric": "skew", "psd": "spd", "pd": "spd", "diag": "diagonal", "orthonormal": "orthogonal",
    "triangular": "lower or upper", "int": "integer", "const": "constant", "normalized": "unit",
    "hermitian": "symmetric", "unitary": "orthogonal",
}  # fmt: skip
_COMPLEX = ("complex", "c", "ℂ")
_SIZE_KINDS = {"name", "number", "sum", "product", "power", "negate"}


class _Kind(NamedTuple):
    name: str
    dims: tuple[Tree, ...]
    end: int


def kind(parts: list[Any]) -> _Kind:
    """scalar, vector(n), matrix(m,n); R alone is a scalar too."""
    word, dims = parts[0], trees_among(parts)
    if word.value == "R" and len(parts) == 1:
        return _Kind("scalar", (), word.end)
    if word.value not in KINDS:
        raise _unknown("kind of variable", word, KINDS)
    if len(parts) > 1 and (len(dims) not in KINDS[word.value] or not dims):
        raise ParseError(
            f"{word.value} does not take {len(dims)} size{'s' * (len(dims) != 1)}",
            start=word.start, end=parts[-1].end,
            hint="write scalar, vector(n), row(n) or matrix(m,n)",
        )  # fmt: skip
    return _Kind(word.value, tuple(_size(tree) for tree in dims), parts[-1].end)


def real_space(parts: list[Any]) -> _Kind:
    """R, R^n, R^(m×n)."""
    space, dims = parts[0], trees_among(parts)
    _refuse_other_space(space)
    if len(dims) == 1:
        dims = _written_with_x(dims[0])
    names = ("scalar", "vector", "matrix")
    return _Kind(names[len(dims)], tuple(_size(tree) for tree in dims), parts[-1].end)


def real_space_superscript(parts: list[Any]) -> _Kind:
    """Rⁿ, Rᵐˣⁿ."""
    space, word = parts
    _refuse_other_space(space)
    dims = superscripts(word, most=2)
    return _Kind(("vector", "matrix")[len(dims) - 1], tuple(_size(tree) for tree in dims), word.end)


def _refuse_other_space(space: Token) -> None:
    if space.kind == "NAME" and space.value != "R":
        raise _unknown("kind of variable", space, KINDS)


def _written_with_x(size: Tree) -> tuple[Tree, ...]:
    """The two sizes of R^(m x n), where x was typed for ×."""
    factors = size.children
    if size.kind == "product" and len(factors) == 3 and factors[1].value == "x":
        return factors[0], factors[2]
    if size.kind == "name" and re.fullmatch(r"[a-z0-9]+x[a-z0-9]+", str(size.value)):
        raise ParseError(
            f"{size.value} is one name", start=size.start, end=size.end,
            hint="write R^({}×{})".format(*str(size.value).split("x", 1)),
        )  # fmt: skip
    return (size,)


def _size(tree: Tree) -> Tree:
    """The tree, if it can be a number of rows or columns."""
    if tree.kind == "name":
        return tree
    for node in postorder(tree):
        if node.kind not in _SIZE_KINDS or (node.kind == "product" and not set(node.value or ()) <= {"*", "/"}):  # type: ignore[arg-type]
            raise ParseError(
                "this cannot be a size", start=node.start, end=node.end, hint="a size is like 3, n, 2n or n+1"
            )
    if tree.kind == "negate" or (tree.kind == "number" and (not isinstance(tree.value, int) or tree.value < 1)):
        raise ParseError("a size is a positive integer", start=tree.start, end=tree.end, hint="write 3, n, 2n or n+1")
    return tree


def declared(parts: list[Any]) -> tuple[Declaration, ...]:
    """The names before the colon, each with the kind and the properties after it."""
    flat = flattened(parts)
    colon = next(place for place, part in enumerate(flat) if type(part) is _Kind)
    names = [word for word in flat[: colon - 1] if word.kind == "NAME"]
    found: _Kind = flat[colon]
    properties = flat[colon + 1 :]
    for word in properties:
        if word.value not in PROPERTIES:
            raise _unknown("property", word, PROPERTIES)
    end = properties[-1].end if properties else found.end
    words = tuple(dict.fromkeys(word.value for word in properties))
    return tuple(Declaration(spelled(word.value), found.name, found.dims, words, word.start, end) for word in names)


def _unknown(what: str, word: Token, known: Iterable[str]) -> ParseError:
    """The error for a word that is not one of the known ones, with the nearest of them."""
    names = list(known)
    near = difflib.get_close_matches(word.value.lower(), names, 2, 0.5)
    if word.value.lower() in _OTHER_WORDS:
        near = [_OTHER_WORDS[word.value.lower()]]
    if what != "property" and word.value in PROPERTIES:
        near = [f"matrix(n,n) {word.value} or scalar {word.value}"]
    hint = "write scalar, vector(n), row(n) or matrix(m,n)" if known is KINDS else f"write one of: {', '.join(names)}"
    if word.value.lower() in _COMPLEX:
        hint = "all numbers are real: declare the real and the imaginary part as two variables"
    elif near:
        hint = f"did you mean {' or '.join(near)}?"
    return ParseError(f"{word.value} is not a {what}", start=word.start, end=word.end, hint=hint)


def declarations(parts: list[Any]) -> tuple[Declaration, ...]:
    """All declared names; a name declared twice is refused."""
    groups = (part for part in flattened(parts) if type(part) is tuple)
    found = tuple(declaration for group in groups for declaration in group)
    refuse_twice(found)
    return found


def refuse_twice(found: tuple[Declaration, ...]) -> None:
    """Raise ParseError if a name is declared twice."""
    seen: set[str] = set()
    for declaration in found:
        if declaration.name in seen:
            raise ParseError(
                f"{declaration.name} is declared twice", start=declaration.start, end=declaration.end,
                hint="declare each name once, with all its properties",
            )  # fmt: skip
        seen.add(declaration.name)


def condition(parts: list[Any]) -> tuple[str, str]:
    """A condition on a variable: A invertible."""
    return spelled(parts[0].value), parts[1].value


class _Clause(NamedTuple):
    kind: str
    parts: tuple[Any, ...]


def clause(word: str) -> Callable[[list[Any]], _Clause]:
    """The builder of the clauses that begin with `for`, `where` or `from`."""

    def build(parts: list[Any]) -> _Clause:
        return _Clause(word, tuple(part for part in flattened(parts)[1:] if getattr(part, "kind", "") != "COMMA"))

    return build


def rule(parts: list[Any], text: str, file: str) -> RuleText:
    """One rule with its clauses; `text` is the text of the whole file."""
    flat = flattened(parts)
    label, sides = flat[0], trees_among(flat)
    family = next((part.value for part in flat if type(part) is Token and part.kind == "FAMILY"), "")
    left, right = sides[0], sides[1] if len(sides) > 1 else None
    if (right is None) != (family in _ONE_SIDED):
        need = "is left = right" if right is None else "has a left side only"
        raise ParseError(
            f"rule {label.value}: a rule{' ' * bool(family)}{family} {need}",
            start=left.start,
            end=sides[-1].end,
        )
    clauses = [part for part in flat if type(part) is _Clause]
    names = tuple(one for part in clauses if part.kind == "for" for one in part.parts[0])
    refuse_twice(names)
    return RuleText(
        name=label.value,
        family=family,
        left=left,
        right=right,
        declarations=names,
        conditions=tuple(one for part in clauses if part.kind == "where" for one in part.parts),
        source=" ".join(word.value[1:-1] for part in clauses if part.kind == "from" for word in part.parts),
        file=file,
        line=text.count("\n", 0, label.start) + 1,
        text=_lines_of_rule(text, label.start),
    )


def _lines_of_rule(text: str, start: int) -> str:
    """The text of a rule: its first line and the indented or empty lines after it."""
    following = re.compile(r"^[^\s#]", re.MULTILINE).search(text, text.find("\n", start) + 1 or len(text))
    return text[start : following.start() if following else len(text)].rstrip()


def rulebook(parts: list[Any]) -> tuple[RuleText, ...]:
    """All rules of a file; two rules of one name are refused."""
    rules = flattened(parts)
    lines: dict[str, int] = {}
    for one in rules:
        if one.name in lines:
            raise ParseError(
                f"rule {one.name} stands in line {lines[one.name]} already",
                start=one.left.start, end=one.left.end, hint="give each rule its own name",
            )  # fmt: skip
        lines[one.name] = one.line
    return tuple(rules)


DECLARATION_BUILDERS: Mapping[str, Callable[[list[Any]], Any]] = {
    "declarations": declarations,
    "declared": declared,
    "kind": kind,
    "real_space": real_space,
    "real_space_superscript": real_space_superscript,
    "condition": condition,
    "variables": clause("for"),
    "conditions": clause("where"),
    "source": clause("from"),
    "rulebook": rulebook,
}
