"""The leaves of expressions: numbers, variables, and the constant matrices."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import Expr, Integer, Rational, cancel, expand, pi
from sympy.core.symbol import Str

from matcalc.errors import MatcalcError, ShapeError
from matcalc.expressions import (
    ONE,
    SCALAR,
    Commutation,
    Constant,
    Dimension,
    Expression,
    Identity,
    Number,
    Ones,
    Unit,
    Variable,
    Zero,
    dimension,
    intern,
)
from matcalc.registries import CONSTRUCTORS
from matcalc.sizes import shape_words, size_text, with_article


class Duplication(Expression):
    """The duplication matrix D(n): D vech(S) = vec(S) for S of shape (n, n), symmetric."""

    __slots__ = ()


class Elimination(Expression):
    """The elimination matrix L(n): L vec(A) = vech(A) for A of shape (n, n)."""

    __slots__ = ()


PROPERTIES = (
    *("symmetric", "skew", "diagonal", "spd", "orthogonal", "lower", "upper"),
    *("unit", "positive", "nonzero", "integer", "constant"),
)
SQUARE_PROPERTIES = frozenset({"symmetric", "skew", "diagonal", "spd", "lower", "upper"})


MOST_BITS = 10_000


@lru_cache(maxsize=4096)
def name_argument(name: str) -> Str:
    """A name as an argument that SymPy can walk over."""
    return Str(name)


def number(value: int | float | Fraction | Expr) -> Number:
    """The constant scalar ``value``, kept exact; a float is read as the decimal it prints as.

    >>> number(0.1).value
    1/10
    """
    if value is ONE:
        return ONE_NODE
    small = _SMALL.get(value if type(value) is int else value.p if isinstance(value, Integer) else None)
    if small is not None:
        return small
    if isinstance(value, float):
        value = Rational(repr(value))
    elif isinstance(value, (int, Fraction)):
        value = Rational(value)
    elif not isinstance(value, Rational):
        value = normal_size(value)
    if isinstance(value, Rational) and max(value.p.bit_length(), value.q.bit_length()) > MOST_BITS:
        raise MatcalcError("a number of more than 3,000 digits is not kept exact", hint="write it as a power")
    return _number_of(value)


def _number_of(value: Expr) -> Number:
    node: Number = intern(Number, (value,), SCALAR, value=value)
    return node


def normal_size(value: Expr) -> Expr:
    """The normal form of a rational function of dimensions."""
    return value if value.is_Atom else cancel(value)


_SMALL: dict[int | None, Number] = {}  # they are asked for all the time
_SMALL.update({n: number(n) for n in range(-64, 65) if n != 1})
ONE_NODE = _SMALL[1] = _number_of(ONE)
ZERO_NODE, MINUS_ONE = _SMALL[0], _SMALL[-1]
PI: Constant = intern(Constant, (name_argument("pi"),), SCALAR, name="pi")
CONSTANTS = {"pi": (PI, pi)}


def constant(name: str | Str) -> Constant:
    """The named constant."""
    return CONSTANTS[str(name)][0]


@lru_cache(maxsize=1024)
def variable(
    name: str | Str, rows: int | str | Expr = 1, columns: int | str | Expr = 1, *properties: str | Str
) -> Variable:
    """A variable of the given shape; dimensions are integers, names or SymPy expressions.

    Raises ShapeError if a property contradicts the shape or another property.

    >>> variable("A", "n", "n", "symmetric").shape
    (n, n)
    """
    name = str(name)
    shape = (
        rows if isinstance(rows, Expr) else dimension(rows),
        columns if isinstance(columns, Expr) else dimension(columns),
    )
    words = tuple(sorted({str(p) for p in properties})) if properties else ()
    if words:
        _check_properties(name, shape, words)
    args = (name_argument(name), *shape, *map(name_argument, words))
    node: Variable = intern(Variable, args, shape, name=name, properties=frozenset(words))
    return node


def _check_properties(name: str, shape: tuple[Dimension, Dimension], words: tuple[str, ...]) -> None:
    for word in words:
        if word not in PROPERTIES:
            raise MatcalcError(f"unknown property {word!r} of {name}", hint=f"properties: {', '.join(PROPERTIES)}")
        found = f"but it is {with_article(shape_words(shape))}"
        if word in SQUARE_PROPERTIES and shape[0] != shape[1]:
            raise ShapeError(f"{name} is declared {word}, which needs a square matrix, {found}")
        if word in ("skew", "orthogonal") and shape == SCALAR:
            raise ShapeError(f"{name} is declared {word}, which is for matrices, {found}")
        if word == "orthogonal" and (shape[0] is ONE or (shape[1] - shape[0]).is_positive):
            rows, columns = map(size_text, shape)
            message = f"{name} has {columns} columns of length {rows}, which cannot be orthonormal"
            raise ShapeError(message, hint=f"declare its transpose: matrix({columns},{rows}) orthogonal")
        if word == "unit" and shape == SCALAR:
            raise ShapeError(f"{name} is declared unit, which is for vectors, {found}")
        if word == "unit" and shape[0] is ONE:
            message = f"{name} is declared unit, which is for columns of norm 1, {found}"
            raise ShapeError(message, hint=f"declare {name}: vector({size_text(shape[1])}) unit, and write {name}'")
    for clash, remedy in _CLASHES:
        if clash <= set(words):
            raise ShapeError(f"{name} cannot be both {' and '.join(sorted(clash))}", hint=remedy)


_ONE_OF_TWO = "declare one of the two"
_ONLY_ZERO = "only the zero matrix is both: declare one of the two"
_CLASHES = (
    *(({"symmetric", word}, "a matrix that is both is diagonal: declare that") for word in ("lower", "upper")),
    *(({"skew", word}, _ONLY_ZERO) for word in ("symmetric", "diagonal", "lower", "upper")),
    ({"spd", "skew"}, _ONE_OF_TWO),
    ({"skew", "orthogonal"}, _ONE_OF_TWO),
    ({"lower", "upper"}, "a matrix that is both is diagonal: declare that"),
    # the others have no members, or no direction to move in
    *(({"spd", word}, "a matrix that is both is diagonal: declare it spd diagonal") for word in ("lower", "upper")),
    ({"spd", "orthogonal"}, "only the identity is both: write eye"),
    *(({"positive", word}, _ONE_OF_TWO) for word in ("skew", "orthogonal")),
    *(({"unit", word}, _ONE_OF_TWO) for word in ("symmetric", "skew", "diagonal", "spd", "lower", "upper")),
    ({"unit", "orthogonal"}, "orthonormal columns have norm 1: declare it orthogonal"),
    *(({"orthogonal", word}, _ONE_OF_TWO) for word in ("diagonal", "lower", "upper")),
)
"""Properties that contradict each other, with the way out."""


def _plain(n: Dimension) -> Dimension:
    """n² + n for n (n + 1): one size has one form."""
    return expand(n) if n.is_Mul and any(f.is_Add for f in n.args) else n


def identity(n: Dimension) -> Expression:
    """The identity matrix of size n."""
    n = _plain(n)
    return ONE_NODE if n is ONE else intern(Identity, (n,), (n, n))


def ones(rows: Dimension, columns: Dimension) -> Expression:
    """The matrix of ones."""
    rows, columns = _plain(rows), _plain(columns)
    return ONE_NODE if rows is ONE and columns is ONE else intern(Ones, (rows, columns), (rows, columns))


def zero(rows: Dimension, columns: Dimension) -> Expression:
    """The matrix of zeros."""
    rows, columns = _plain(rows), _plain(columns)
    return ZERO_NODE if rows is ONE and columns is ONE else intern(Zero, (rows, columns), (rows, columns))


def unit(index: Expression, n: Dimension) -> Expression:
    """The vector eᵢ of length n, counting from 1."""
    if isinstance(index, Number) and n.is_Integer and not 1 <= index.value <= n:
        raise ShapeError(f"index {index.value} is out of range 1..{n}", hint="indices count from 1")
    if isinstance(index, Number) and not (index.value.is_Integer and index.value >= 1):
        raise ShapeError(f"{index.value} is not an index", hint="indices are the integers 1, 2, …")
    return ONE_NODE if n is ONE else intern(Unit, (index, n), (n, ONE))


def commutation(m: Dimension, n: Dimension) -> Expression:
    """K(m,n), with K vec(A) = vec(Aᵀ) for A of shape (m, n); Magnus & Neudecker 1979."""
    return identity(m * n) if m is ONE or n is ONE else intern(Commutation, (m, n), (expand(m * n), expand(m * n)))


def half_size(n: Dimension) -> Dimension:
    """n(n + 1)/2, the length of vech(A) for A of shape (n, n)."""
    return expand(n * (n + 1) / 2)


def duplication(n: Dimension) -> Expression:
    """D(n), with D vech(S) = vec(S) for S symmetric; Magnus & Neudecker 1980, The elimination matrix."""
    return ONE_NODE if n is ONE else intern(Duplication, (n,), (expand(n**2), half_size(n)))


def elimination(n: Dimension) -> Expression:
    """L(n), with L vec(A) = vech(A), the entries on and below the diagonal column by column; *ibid.*"""
    return ONE_NODE if n is ONE else intern(Elimination, (n,), (half_size(n), expand(n**2)))


def expression(value: Any) -> Expression:
    """An expression for a Python value: an expression itself, or a number."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, (int, float, Fraction, Rational)):
        return number(value)
    raise MatcalcError(f"cannot use {type(value).__name__} {value!r} in a matrix expression", hint="use mc.variables")


def is_zero(node: Expression) -> bool:
    """Whether the node is a zero of any shape."""
    return node is ZERO_NODE or isinstance(node, Zero)


CONSTRUCTORS.update(
    Number=number,
    Constant=constant,
    Variable=variable,
    Identity=identity,
    Ones=ones,
    Zero=zero,
    Unit=unit,
    Commutation=commutation,
    Duplication=duplication,
    Elimination=elimination,
)


def perturbation_of(parameter: Expression) -> Variable:
    """The variable that stands for d(A) in a rule, symmetric where A is."""
    assert isinstance(parameter, Variable)
    symmetric = ("symmetric",) if parameter.properties & {"symmetric", "spd"} else ()
    return variable(f"d({parameter.name})", *parameter.shape, *symmetric)
