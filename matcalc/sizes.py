"""Sizes as typed, n, 3, 2n or n + 1, and shapes in words."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import prod

from sympy import Expr, Integer, Rational, degree

from matcalc.dimensions import TooLarge, expanded, in_factors, is_unknown
from matcalc.errors import ParseError
from matcalc.expressions import Dimension, Shape, dimension
from matcalc.syntax_trees import Tree

LARGEST_TYPED_SIZE = 10**6
LARGEST_POWER = 8
MOST_PLACES = 1000
_HINT = "sizes are integers, names, and their sums and products: n, 3, 2n, n + 1, n*(n+1)/2"


def exact(value: object) -> Rational:
    """A number of a tree as a SymPy rational."""
    return Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else Rational(value)


def size_value(tree: Tree, text: str) -> Dimension:
    """The dimension that a tree such as ``n``, ``2n`` or ``n + 1`` stands for; raises ParseError if it is none.

    >>> from matcalc.syntax import parse_expression
    >>> size_value(parse_expression("2n + 1"), "2n + 1")
    2*n + 1
    """
    if tree.kind == "name":
        return dimension(str(tree.value))
    values: list[Expr] = []
    pending = [(tree, False)]
    try:
        while pending:
            part, ready = pending.pop()
            if not ready and part.children and part.kind in _OPERATIONS:
                pending.append((part, True))
                pending.extend((child, False) for child in reversed(part.children))
            elif ready:
                operands = [values.pop() for _ in part.children][::-1]
                values.append(expanded(_OPERATIONS[part.kind](part, operands, text)))
            elif part.kind == "name":
                values.append(dimension(str(part.value)))
            elif part.kind == "number":
                values.append(exact(part.value))
            else:
                raise _not_a_size(part, text)
    except TooLarge:
        raise _refused("this size is beyond all use", tree, text) from None
    return _checked(values[0], tree, text)


def _checked(size: Expr, tree: Tree, text: str) -> Dimension:
    if size.is_number and not (size.is_Integer and 1 <= size <= LARGEST_TYPED_SIZE):
        typed = text[tree.start : tree.end] if tree.kind == "number" else size
        raise _refused(f"a size is a positive integer up to a million, not {typed}", tree, text)
    if not is_whole(size):
        raise _refused(f"{size_text(size)} is not an integer for every size", tree, text)
    if size.is_nonpositive:
        raise _refused(f"a size is positive, and this is {size_text(size)}", tree, text)
    return size


def is_whole(size: Expr) -> bool:
    """Whether a polynomial in sizes is an integer wherever they are: at as many of them as decide it.

    >>> n = dimension("n")
    >>> is_whole(n * (n + 1) / 2), is_whole(n / 2)
    (True, False)
    """
    if size.is_integer:
        return True
    symbols = sorted(size.free_symbols, key=str)
    places = [range(1, int(degree(size, s)) + 2) for s in symbols]
    if prod(map(len, places)) > MOST_PLACES:
        return False
    values = (size.xreplace(dict(zip(symbols, map(Integer, p), strict=True))) for p in product(*places))
    return all(value.is_Integer for value in values)


def _refused(message: str, tree: Tree, text: str) -> ParseError:
    return ParseError(message, text=text, start=tree.start, end=tree.end, hint=_HINT)


def _not_a_size(tree: Tree, text: str) -> ParseError:
    return _refused("this is not a size", tree, text)


def _sum(tree: Tree, operands: list[Expr], text: str) -> Expr:
    total = operands[0]
    for operator, operand in zip(tree.value or (), operands[1:], strict=True):  # type: ignore[arg-type]
        if operator not in ("+", "-"):
            raise _not_a_size(tree, text)
        total = total + operand if operator == "+" else total - operand
    return total


def _product(tree: Tree, operands: list[Expr], text: str) -> Expr:
    total = operands[0]
    for operator, operand in zip(tree.value or (), operands[1:], strict=True):  # type: ignore[arg-type]
        if operator not in ("*", "/") or (operator == "/" and not operand.is_Integer):
            raise _not_a_size(tree, text)
        total = expanded(total * operand if operator == "*" else total / operand)
    return total


def _power(tree: Tree, operands: list[Expr], text: str) -> Expr:
    base, exponent = operands
    if tree.value != "^" or not exponent.is_Integer or not 1 <= exponent <= LARGEST_POWER:
        raise _not_a_size(tree, text)
    return base**exponent


def _negate(tree: Tree, operands: list[Expr], text: str) -> Expr:
    return -operands[0]


_OPERATIONS: dict[str, Callable[[Tree, list[Expr], str], Expr]] = {
    "sum": _sum,
    "product": _product,
    "power": _power,
    "negate": _negate,
}


def size_text(d: Dimension) -> str:
    """A dimension as typed; ? where it is not known."""
    return "?" if is_unknown(d) else str(in_factors(d)).replace("**", "^")


def _factor_text(d: Dimension) -> str:
    text = size_text(d)
    return f"({text})" if (in_factors(d).is_Add and not is_unknown(d)) or "/" in text else text


def shape_words(shape: Shape) -> str:
    """A shape in words.

    >>> shape_words((dimension("n"), dimension(1))), shape_words((dimension(3), dimension(4)))
    ('vector of length n', '3×4 matrix')
    """
    rows, columns = map(size_text, shape)
    if rows == columns == "1":
        return "scalar"
    if columns == "1":
        return "vector" if rows == "?" else f"vector of length {rows}"
    if rows == "1":
        return "row" if columns == "?" else f"row of length {columns}"
    return "matrix" if "?" in (rows, columns) else f"{_factor_text(shape[0])}×{_factor_text(shape[1])} matrix"


def with_article(words: str) -> str:
    """The words with "a" or "an": an n×n matrix, a 3×4 matrix, a vector."""
    first = words.lstrip("(")
    sounds_like_vowel = first[:1] in tuple("aefhilmnorsx8") and not first[1:2].isalpha()
    return f"an {words}" if sounds_like_vowel or first.startswith(("11", "18")) else f"a {words}"


def declaration_text(shape: Shape) -> str:
    """The shape as it is declared: scalar, vector(n), row(n), matrix(m,n)."""
    rows, columns = map(size_text, shape)
    if rows == columns == "1":
        return "scalar"
    if columns == "1":
        return "vector" if rows == "?" else f"vector({rows})"
    if rows == "1":
        return "row" if columns == "?" else f"row({columns})"
    return "matrix" if "?" in (rows, columns) else f"matrix({rows},{columns})"
