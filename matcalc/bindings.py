"""The values a user gives for the variables, checked against their declarations, and the sizes they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr, Integer, Poly, Symbol

from matcalc.errors import EvaluationError, ShapeError
from matcalc.expressions import Variable

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# A value may miss a declared property by this much, relative to its size: data are rounded.
PROPERTY_TOLERANCE = 1e-6


def bind(
    variables: Iterable[Variable], values: Mapping[str, Any], sizes: Mapping[str, int]
) -> tuple[dict[str, Any], dict[str, int]]:
    """The values as scalars and 2-D arrays, and the size of every dimension they show.

    Raises EvaluationError for a value that is missing, not numeric or not finite, or that lacks a declared
    property, ShapeError for one without its declared shape.

    >>> from matcalc.leaves import variable
    >>> bind([variable("x", "n")], {"x": [1, 2, 3]}, {})[1]
    {'n': 3}
    """
    variables = list(variables)
    arrays = {v.name: _numbers(v, values) for v in variables}
    shapes = {v: _shape(v, arrays[v.name]) for v in variables}
    known = known_sizes(shapes, sizes)
    for v, found in shapes.items():
        if tuple(size_value(d, known) for d in v.shape) != found:
            raise _misshapen(v, arrays[v.name].shape, known)
        arrays[v.name] = arrays[v.name].reshape(found) if not v.is_scalar else arrays[v.name].reshape(())[()]
        _check_properties(v, arrays[v.name])
    return arrays, known


def declared_shape(v: Variable) -> str:
    """The declared shape in words: "a matrix of shape n×m".

    >>> from matcalc.leaves import variable
    >>> declared_shape(variable("x", "n"))
    'a vector of length n'
    """
    if v.is_scalar:
        return "a scalar"
    if v.columns == 1:
        return f"a vector of length {v.rows}"
    return f"a row of length {v.columns}" if v.rows == 1 else f"a matrix of shape {v.rows}×{v.columns}"


def as_array(v: Variable, value: Any) -> Array:
    """The value as an array, of numbers or not; raises EvaluationError where it is none, or has masked entries."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise EvaluationError(f"{v.name} has masked entries", hint="fill them, or leave them out")
    try:
        return np.asarray(value)
    except ValueError:
        raise EvaluationError(f"the rows of {v.name} differ in length", hint=_wanted(v)) from None
    except Exception as error:  # whatever an object raises that is asked for its array
        raise EvaluationError(f"{v.name} is not read as an array: {error}", hint=f"give {declared_shape(v)}") from error


def _array(v: Variable, values: Mapping[str, Any]) -> Array:
    """The value as an array of numbers."""
    if v.name not in values:
        raise EvaluationError(f"{v.name} has no value", hint=f"give {declared_shape(v)} under the name {v.name!r}")
    array = as_array(v, values[v.name])
    if array.dtype.kind not in "biufc":
        kind = _unknown_kind(array) if array.dtype.kind == "O" else f"of type {array.dtype}"
        raise EvaluationError(f"the entries of {v.name} are {kind}", hint="give real or complex numbers")
    return array


def _numbers(v: Variable, values: Mapping[str, Any]) -> Array:
    array = _array(v, values)
    if not np.all(np.isfinite(array)):
        raise EvaluationError(f"{v.name} has an entry that is nan or infinite")
    return array.astype(complex if array.dtype.kind == "c" else float)


def shown_shape(v: Variable, values: Mapping[str, Any]) -> tuple[int, int]:
    """The rows and columns of the value of a variable; raises an error with its name where it cannot be one."""
    return _shape(v, _array(v, values))


def _unknown_kind(array: Array) -> str:
    for entry in array.flat:
        if not isinstance(entry, (int, float, complex)):
            return f"numbers of a kind NumPy does not know, of type {type(entry).__name__}"
    is_exact = all(isinstance(entry, int) for entry in array.flat)
    return "integers of more than 64 bits" if is_exact else "objects of Python, to which astype(float) may help"


def _wanted(v: Variable) -> str:
    return f"{v.name} is declared {declared_shape(v)}"


def _shape(v: Variable, array: Array) -> tuple[int, int]:
    """The shape as rows and columns; a plain sequence is a column, or a row where one is declared."""
    if array.ndim == 2:
        return array.shape[0], array.shape[1]
    if array.ndim == 0 or (v.is_scalar and array.shape == (1,)):
        if v.is_scalar:
            return 1, 1
    elif array.ndim == 1 and not v.is_scalar:
        if v.columns == 1:
            return len(array), 1
        if v.rows == 1:
            return 1, len(array)
    raise _misshapen(v, array.shape, {})


def known_sizes(shapes: Mapping[Variable, tuple[int, int]], sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes given, and those that follow: plain dimensions first, then compound ones such as 2n + 1."""
    known = dict(sizes)
    pairs = [(d, found, v) for v, shape in shapes.items() for d, found in zip(v.shape, shape, strict=True)]
    for d, found, _ in pairs:
        if d.is_Symbol and found > 0:
            known.setdefault(d.name, found)
    for _ in range(len(pairs)):
        for d, found, _v in pairs:
            unknown = [s for s in d.free_symbols if s.name not in known]
            if len(unknown) == 1:
                value = solved_size(_with_sizes(d, known) - found, unknown[0])
                if value is not None:
                    known[unknown[0].name] = value
    return known


def size_names(variables: Iterable[Variable]) -> set[str]:
    """The names of the sizes in the shapes of variables."""
    return {s.name for v in variables for d in v.shape for s in d.free_symbols}


def size_value(dimension: Expr, sizes: Mapping[str, int]) -> int:
    """The number that a dimension stands for, -1 where it is not a natural one."""
    if dimension.is_Symbol and dimension.name in sizes:
        return sizes[dimension.name]
    found = _with_sizes(dimension, sizes)
    return int(found) if found.is_Integer else -1


def _with_sizes(dimension: Expr, sizes: Mapping[str, int]) -> Expr:
    return dimension.xreplace({s: Integer(sizes[s.name]) for s in dimension.free_symbols if s.name in sizes})


def solved_size(difference: Expr, symbol: Symbol) -> int | None:
    """The size that makes a polynomial 0: the only natural number that does.

    >>> n = Symbol("n")
    >>> solved_size(n * (n + 1) / 2 - 6, n)
    3
    """
    if not difference.is_polynomial(symbol):
        return None
    coefficients = [float(c) for c in Poly(difference, symbol).all_coeffs()]
    near = {round(z.real) for z in np.roots(coefficients) if z.real > 0.5}
    found = [n for n in near if n > 0 and difference.xreplace({symbol: Integer(n)}) == 0]
    return found[0] if len(found) == 1 else None


def _misshapen(v: Variable, found: tuple[int, ...], known: Mapping[str, int]) -> ShapeError:
    symbols = sorted({s.name for d in v.shape for s in d.free_symbols if s.name in known})
    where = ", where " + " and ".join(f"{s} = {known[s]}" for s in symbols) if symbols else ""
    shown = "×".join(map(str, found)) if len(found) > 1 else f"of length {found[0]}" if found else "a number"
    return ShapeError(f"{v.name} must be {declared_shape(v)}{where}, but the value given is {shown}")


# ---- properties --------------------------------------------------------------------------------------------


def _columns_of_norm_one(X: Array) -> Array:
    lengths: Array = np.linalg.norm(X, axis=0)
    return lengths - 1


OF_ENTRIES = frozenset({"positive", "nonzero", "integer"})

# What must vanish for a value to have the property.
_DEVIATIONS = {
    "symmetric": lambda X: X - X.T,
    "spd": lambda X: X - X.T,
    "skew": lambda X: X + X.T,
    "diagonal": lambda X: X - np.diag(np.diag(X)),
    "lower": lambda X: np.triu(X, 1),
    "upper": lambda X: np.tril(X, -1),
    "orthogonal": lambda X: X.T @ X - np.eye(X.shape[1]),
    "unit": _columns_of_norm_one,
}


def entries_have(words: frozenset[str], X: Any) -> bool:
    """Whether no entry contradicts what is declared of every entry: positive, nonzero or integer.

    >>> entries_have(frozenset({"positive"}), -2.0), entries_have(frozenset({"integer"}), np.array([1.0, 2.0]))
    (False, True)
    """
    real = np.real(X)
    if "positive" in words and np.any(real < 0):
        return False
    if "nonzero" in words and np.any(np.equal(X, 0)):
        return False
    return "integer" not in words or bool(np.all(real == np.round(real)))


def _check_properties(v: Variable, X: Any) -> None:
    """Refuse a value without a property that the normal form may have used."""
    words = v.properties & OF_ENTRIES
    if words and not entries_have(words, X):
        raise EvaluationError(
            f"{v.name} is declared {' and '.join(sorted(words))}, but the value given is not",
            hint=f"give one that is, or declare {v.name} without it",
        )
    if v.is_scalar:
        return
    tolerance = PROPERTY_TOLERANCE * max(1.0, float(np.linalg.norm(X)))
    for word in sorted(v.properties & _DEVIATIONS.keys()):
        if np.linalg.norm(_DEVIATIONS[word](X)) > tolerance:
            raise EvaluationError(
                f"{v.name} is declared {word}, but the value given is not",
                hint=f"give one that is, or declare {v.name} without it",
            )
