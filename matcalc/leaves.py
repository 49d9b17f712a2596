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
        if word in SQUARE_PROPERTIES and shape[0] != shape[1]:
            raise ShapeError(f"{name} is declared {word}, which needs a square matrix, but it is {shape[0]}×{shape[1]}")
        if word in ("skew", "orthogonal") and shape == SCALAR:
            raise ShapeError(f"{name} is declared {word}, which is for matrices, but it is 1×1")
        if word == "orthogonal" and all(d.is_Integer for d in shape) and shape[0] < shape[1]:
            raise ShapeError(f"{name} has {shape[1]} columns of length {shape[0]}, which cannot be orthonormal")
        if word == "unit" and shape == SCALAR:
            raise ShapeError(f"{name} is declared unit, which is for vectors, but it is a scalar")
    clashes = (
        {"symmetric", "skew"},
        {"spd", "skew"},
        {"skew", "diagonal"},
        {"skew", "orthogonal"},
        {"lower", "upper"},
        # a triangular spd matrix is diagonal; the others have no members, or no direction to move in
        *({"spd", word} for word in ("lower", "upper", "orthogonal")),
        *({"positive", word} for word in ("skew", "orthogonal")),
        *({"unit", word} for word in ("symmetric", "skew", "diagonal", "spd", "lower", "upper", "orthogonal")),
        *({"orthogonal", word} for word in ("diagonal", "lower", "upper")),
    )
    for clash in clashes:
        if clash <= set(words):
            raise ShapeError(f"{name} cannot be both {' and '.join(sorted(clash))}", hint="declare one of the two")


def identity(n: Dimension) -> Expression:
    """The identity matrix of size n."""
    return ONE_NODE if n is ONE else intern(Identity, (n,), (n, n))


def ones(rows: Dimension, columns: Dimension) -> Expression:
    """The matrix of ones."""
    return ONE_NODE if rows is ONE and columns is ONE else intern(Ones, (rows, columns), (rows, columns))


def zero(rows: Dimension, columns: Dimension) -> Expression:
    """The matrix of zeros."""
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
)


def perturbation_of(parameter: Expression) -> Variable:
    """The variable that stands for d(A) in a rule, symmetric where A is."""
    assert isinstance(parameter, Variable)
    symmetric = ("symmetric",) if parameter.properties & {"symmetric", "spd"} else ()
    return variable(f"d({parameter.name})", *parameter.shape, *symmetric)
