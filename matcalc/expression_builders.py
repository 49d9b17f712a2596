"""What each rule of the grammar builds from the tokens and trees of its parts: expressions.

A builder takes the parts in order, punctuation included, and gives a tree. Repeated parts come as one list.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from matcalc.errors import ParseError
from matcalc.recurrences import Indexed, unrolled
from matcalc.syntax_trees import Tree
from matcalc.tokens import Token, spelled

LARGEST_EXPONENT = 400
MOST_DIGITS = 1_000

_SIGNS = {"+": "+", "-": "-", "−": "-", ".+": ".+", ".-": ".-", ".−": ".-"}
_PRODUCTS = {"@": "*", "·": "*", "⋅": "*", "⊙": ".*", "⊘": "./", "⊗": "kron"}
_NORMS = {
    **dict.fromkeys(("", "_2", "_F", "_fro"), "norm2"),
    "_1": "norm1", **dict.fromkeys(("_inf", "_∞"), "norminf"), "_*": "normnuc", "_op": "normspec",
}  # fmt: skip
_AFTER_BARS = re.compile(r"(?:\|\||‖)(?:\s*\^?\s*(?P<exponent>[0-9²³⁴])(?=[_₀-₉]))?(?P<kind>.*)", re.DOTALL)
_FRACTIONS = {sign: Fraction(unicodedata.normalize("NFKC", sign).replace("⁄", "/")) for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ⁱᵏᵐⁿᵖˣ", "0123456789ikmnpx")
_SUBSCRIPT_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def flattened(parts: list[Any]) -> list[Any]:
    """The parts with the lists of repeated parts put in their place."""
    flat = []
    for part in parts:
        if type(part) is list:
            flat.extend(part)
        else:
            flat.append(part)
    return flat


def trees_among(parts: list[Any]) -> tuple[Tree, ...]:
    """The trees among the parts, repeated ones included: what is left without the punctuation."""
    return tuple([part for part in flattened(parts) if type(part) is Tree])


def name(parts: list[Any]) -> Tree:
    """A name, Greek letters spelled out."""
    (word,) = parts
    return Tree("name", (), spelled(word.value), word.start, word.end)


def number(parts: list[Any]) -> Tree:
    """A number, exact; refused when too large to be written out."""
    (word,) = parts
    return Tree("number", (), exact_number(word), word.start, word.end)


def exact_number(word: Token) -> int | Fraction:
    """The value of a number as typed; an int where it is one."""
    if word.value in _FRACTIONS:
        return _FRACTIONS[word.value]
    digits, _, exponent = word.value.lower().partition("e")
    if len(digits) > MOST_DIGITS:
        raise ParseError(
            f"the number has more than {MOST_DIGITS:,} digits",
            start=word.start, end=word.end, hint="give it a name and its value when evaluating",
        )  # fmt: skip
    if exponent and (len(exponent.lstrip("+-0")) > 3 or abs(int(exponent)) > LARGEST_EXPONENT):
        raise ParseError(
            f"the exponent of the number is beyond {LARGEST_EXPONENT}",
            start=word.start, end=word.end, hint="give it a name and its value when evaluating",
        )  # fmt: skip
    if digits.isdigit() and not exponent:
        return int(digits)
    value = Fraction(word.value)
    return value.numerator if value.denominator == 1 else value


def sum_of(parts: list[Any]) -> Tree:
    """Terms with the operators between them, in one flat node."""
    first, rest = parts
    terms = (first, *rest[1::2])
    return Tree("sum", terms, tuple([_SIGNS[sign.value] for sign in rest[::2]]), first.start, terms[-1].end)


def product(parts: list[Any]) -> Tree:
    """Factors with the operators between them, in one flat node; factors side by side have a * there."""
    first, rest = parts
    factors, operators, operator = [first], [], "*"
    for part in rest:
        if type(part) is Tree:
            factors.append(part)
            operators.append(operator)
            operator = "*"
        else:
            operator = _PRODUCTS.get(part.value, part.value)
    return Tree("product", tuple(factors), tuple(operators), first.start, factors[-1].end)


def negate(parts: list[Any]) -> Tree:
    """The operand with its sign changed; a plus changes nothing."""
    sign, operand = parts
    if sign.value == "+":
        return operand.spanning(sign.start, operand.end)
    return Tree("negate", (operand,), None, sign.start, operand.end)


def signed_exponent(parts: list[Any]) -> Tree:
    """An exponent with a sign; a plus may be that of a pseudoinverse, A^+ b, and is taken before numbers only."""
    sign, operand = parts
    if sign.value == "+" and operand.kind != "number":
        raise ParseError(
            "^+ is not an operator here",
            start=sign.start, end=sign.end,
            hint="write pinv(A) for the pseudoinverse, relu(x) for the positive part; an exponent has no plus",
        )  # fmt: skip
    return negate(parts)


def power(parts: list[Any]) -> Tree:
    """A power, matrix or entrywise."""
    base, operator, exponent = parts
    return Tree("power", (base, exponent), operator.value, base.start, exponent.end)


def superscript(parts: list[Any]) -> Tree:
    """A power written x² or A⁻³."""
    base, word = parts
    return Tree("power", (base, superscripts(word)[0]), "^", base.start, word.end)


def superscripts(word: Token, most: int = 1) -> tuple[Tree, ...]:
    """The sizes or the exponent that a superscript spells: ⁻², ⁿ, ᵐˣⁿ."""
    letters = word.value.translate(_SUPERSCRIPTS).lstrip("⁻")
    pieces = letters.split("x")
    if len(pieces) > most:
        raise ParseError(f"{word.value} is not an exponent", start=word.start, end=word.end, hint="write ^(...)")
    trees = tuple(_superscript_tree(piece, word) for piece in pieces)
    if word.value.startswith("⁻"):
        return (Tree("negate", trees, None, word.start, word.end),)
    return trees


def _superscript_tree(piece: str, word: Token) -> Tree:
    if piece.isdigit():
        return number([Token("NUMBER", piece, word.start, word.end)])
    return Tree("name", (), piece, word.start, word.end)


def postfix(kind: str) -> Callable[[list[Any]], Tree]:
    """The builder of A', A⁻¹ and A⁻ᵀ."""

    def build(parts: list[Any]) -> Tree:
        operand, mark = parts
        if kind == "transpose" and operand.kind == "number" and operand.value == 1:
            raise ParseError(
                "1 is a number here, and its transpose too",
                start=operand.start, end=mark.end, hint="write ones(n)' for a row of ones, sum(x) for a sum",
            )  # fmt: skip
        return Tree(kind, (operand,), None, operand.start, mark.end)

    return build


def group(parts: list[Any]) -> Tree:
    """An expression in parentheses: itself, with the parentheses in its place."""
    opener, inner, closer = parts
    return inner.spanning(opener.start, closer.end)


def call(parts: list[Any]) -> Tree:
    """A function of its arguments."""
    return Tree("call", trees_among(parts), spelled(parts[0].value), parts[0].start, parts[-1].end)


def absolute(parts: list[Any]) -> Tree:
    """|a|, the absolute values of the entries."""
    return Tree("call", trees_among(parts), "abs", parts[0].start, parts[-1].end)


def norm(parts: list[Any]) -> Tree:
    """‖x‖, or ‖x‖₁, ‖A‖_F, ‖x‖_∞ with the norm named below, before an exponent or after it: ‖A‖²_F."""
    opener, inner, closer = parts
    after = _AFTER_BARS.fullmatch(closer.value)
    which = after["kind"].translate(_SUBSCRIPT_DIGITS) if after else closer.value
    function = _NORMS.get(which if which[:1] in ("_", "") else "_" + which)
    if function is None or opener.value not in ("||", "‖"):
        word = closer if function is None else opener
        raise ParseError(
            f"{word.value} names no norm",
            start=word.start, end=word.end,
            hint="write ‖x‖, ‖x‖_1, ‖x‖_inf, norm1(x), norm2(x), norminf(x), normnuc(A) or normspec(A)",
        )  # fmt: skip
    tree = Tree("call", (inner,), function, opener.start, closer.end)
    if after is None or after["exponent"] is None:
        return tree
    digit = unicodedata.normalize("NFKC", after["exponent"])
    exponent = number([Token("NUMBER", digit, closer.start, closer.end)])
    return Tree("power", (tree, exponent), "^", opener.start, closer.end)


def block(parts: list[Any]) -> Tree:
    """A matrix of blocks, row by row."""
    rows = trees_among(parts)
    entries = rows[0].children
    start, end = parts[0].start, parts[-1].end
    if len(rows) == 1 and len(entries) > 1 and all(_is_list(entry) for entry in entries):
        raise ParseError(
            "rows in brackets of their own are not a matrix here",
            start=start, end=end, hint="separate the rows by semicolons: [1, 2; 3, 4]",
        )  # fmt: skip
    return Tree("block", rows, None, start, end)


def _is_list(entry: Tree) -> bool:
    return entry.kind == "block" and len(entry.children) == 1


def row(parts: list[Any]) -> Tree:
    """One row of a matrix of blocks."""
    entries = trees_among(parts)
    return Tree("row", entries, None, entries[0].start, entries[-1].end)


def index(parts: list[Any]) -> Tree:
    """A[i,j], x[i]: the base, then its one or two indices."""
    items = trees_among(parts)
    if len(items) > 3:
        raise ParseError(
            "there are at most two indices: row and column",
            start=items[3].start, end=items[-1].end, hint="write A[i,j], A[i,:] or x[i]",
        )  # fmt: skip
    return Tree("index", items, None, items[0].start, parts[-1].end)


def all_of_it(parts: list[Any]) -> Tree:
    """The index `:`, every row or column."""
    return Tree("all", (), None, parts[0].start, parts[0].end)


def range_of(parts: list[Any]) -> Tree:
    """The index lo:hi, both included."""
    return Tree("range", trees_among(parts), None, parts[0].start, parts[-1].end)


def equation(parts: list[Any]) -> Tree:
    """An argument left = right."""
    return Tree("equation", trees_among(parts), None, parts[0].start, parts[-1].end)


def definition(parts: list[Any]) -> tuple[Token, Tree]:
    """A defined name and what it stands for."""
    word, _, meaning = parts
    return word, meaning


def indexed_definition(parts: list[Any]) -> Indexed:
    """An indexed name and what it stands for, with the range of its index if one follows."""
    word, _, place, _, _, meaning, *over = parts
    return Indexed(word, place, meaning, over[1] if over else None, trees_among(over))


def let(parts: list[Any]) -> Tree:
    """Definitions and the expression that uses them."""
    flat = flattened(parts)
    first = flat[0][0] if isinstance(flat[0], tuple) else flat[0]
    definitions = [part for part in flat if isinstance(part, tuple)]
    if any(type(part) is Indexed for part in definitions):
        return unrolled(definitions, flat[-1], first.start, flat[-1].end)
    names: list[str] = []
    for word, _ in definitions:
        if spelled(word.value) in names:
            raise ParseError(
                f"{word.value} is defined twice",
                start=word.start,
                end=word.end,
                hint="give each part its own name",
            )
        names.append(spelled(word.value))
    children = (*(meaning for _, meaning in definitions), flat[-1])
    return Tree("let", children, tuple(names), first.start, flat[-1].end)


def where(parts: list[Any]) -> Tree:
    """An expression, and after it the definitions that it uses: what ``let`` has before it."""
    body, *rest = flattened(parts)
    definitions = [part for part in flattened(rest) if isinstance(part, tuple)]
    return let([*definitions, body]).spanning(body.start, definitions[-1][1].end)


def expression(parts: list[Any]) -> Tree:
    """The whole text."""
    return parts[0]


EXPRESSION_BUILDERS: Mapping[str, Callable[[list[Any]], Any]] = {
    "expression": expression,
    "let": let,
    "where": where,
    "definition": definition,
    "indexed_definition": indexed_definition,
    "sum": sum_of,
    "product": product,
    "negate": negate,
    "signed_exponent": signed_exponent,
    "power": power,
    "exponent": power,
    "superscript": superscript,
    "transpose": postfix("transpose"),
    "inverse": postfix("inverse"),
    "inverse_transpose": postfix("inverse_transpose"),
    "name": name,
    "number": number,
    "group": group,
    "call": call,
    "absolute": absolute,
    "norm": norm,
    "block": block,
    "row": row,
    "index": index,
    "all": all_of_it,
    "range": range_of,
    "equation": equation,
}
