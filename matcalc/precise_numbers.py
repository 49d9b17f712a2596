"""Numbers of sixty digits that pass through other people's NumPy functions.

A ufunc on an array of objects calls their operators and methods: np.exp(x) calls x[0].exp(). So a function
that was written for arrays of floats runs unchanged on arrays of these numbers, as long as it asks for no
floats; where it does a TypeError is raised, never a silent rounding. Functions of np.linalg know no objects;
the arrays made here answer for some of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np

from matcalc.high_precision import DIGITS, PRECISE
from matcalc.operations import Array

# As in floating point, what is not defined is nan and goes on: np.where computes both of its branches.
_CONTEXT = Context(prec=DIGITS, Emin=-99999, Emax=99999, traps=[])
COST_OF_FUNCTION = 40
_NAN = Decimal("nan")
_left = [0]


class TooLong(Exception):
    """More operations than were allowed."""


@contextmanager
def allowance(operations: int) -> Iterator[None]:
    """Within it, numbers compute to sixty digits; raises TooLong after so many operations.

    >>> with allowance(10):
    ...     np.tanh(precise_array(np.array([0.5])))[0]
    Traceback (most recent call last):
      ...
    matcalc.precise_numbers.TooLong
    """
    before = _left[0]
    _left[0] = operations
    try:
        with localcontext(_CONTEXT):
            yield
    finally:
        _left[0] = before


def operations_left() -> int:
    """How many operations are still allowed."""
    return max(_left[0], 0)


def _spend(operations: int) -> None:
    _left[0] -= operations
    if _left[0] < 0:
        raise TooLong


def _decimal(value: Any) -> Decimal | None:
    """The exact value of a real number of any kind, None for anything else."""
    if isinstance(value, PreciseNumber):
        return value.decimal
    if isinstance(value, (int, float, np.bool_)):
        return Decimal(value) if not isinstance(value, np.bool_) else Decimal(int(value))
    if isinstance(value, np.integer):
        return Decimal(int(value))
    if isinstance(value, np.floating):
        return Decimal(float(value))
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _decimal(value.item())
    return value if isinstance(value, Decimal) else None


def _binary(operation: Callable[[Decimal, Decimal], Any], swapped: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: PreciseNumber, other: Any) -> Any:
        right = other.decimal if type(other) is PreciseNumber else _decimal(other)
        if right is None:
            return NotImplemented
        _spend(1)
        left = self.decimal
        return PreciseNumber(operation(right, left) if swapped else operation(left, right))

    return method


def _comparison(operation: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Any], Any]:
    def method(self: PreciseNumber, other: Any) -> Any:
        right = _decimal(other)
        return NotImplemented if right is None else operation(self.decimal, right)

    return method


def _unary(function: Callable[[Decimal], Decimal]) -> Callable[[Any], Any]:
    def method(self: PreciseNumber) -> PreciseNumber:
        _spend(COST_OF_FUNCTION)
        try:
            return PreciseNumber(function(self.decimal))
        except (ArithmeticError, ValueError):
            return PreciseNumber(_NAN)

    return method


def _of_one(name: str) -> Callable[[Any], Any]:
    return _unary(lambda x: _kernel(name)(x))


def _kernel(name: str) -> Callable[..., Any]:
    kernel: Any = PRECISE.kernel(name)
    return kernel


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    return base**exponent if exponent else Decimal(1)


def _arctan2(y: Decimal, x: Decimal) -> Decimal:
    if x > 0:
        return _kernel("arctan")(y / x)
    if y:
        right: Any = _kernel("arctan")(x / y)
        return PRECISE.pi / 2 * (1 if y > 0 else -1) - right
    return PRECISE.pi if x else Decimal(0)


class PreciseNumber:
    """A real number of sixty digits with the operators of a float and a method for each common ufunc.

    Arithmetic with a float takes the float as the exact number that it is. There is no way back to a float but
    by `decimal`: what would round (float(x), math.exp(x), assignment to an array of floats) raises TypeError.

    >>> with allowance(1000):
    ...     x = precise_array(np.array([1.0, 2.0]))
    ...     str((np.exp(x) / 4 + x**2)[0].decimal)[:35]
    '1.679570457114761308840071867838165'
    """

    __slots__ = ("decimal",)

    def __init__(self, decimal: Decimal) -> None:
        self.decimal = decimal

    def __repr__(self) -> str:
        return f"PreciseNumber('{self.decimal}')"

    def __hash__(self) -> int:
        return hash(self.decimal)

    def __bool__(self) -> bool:
        return bool(self.decimal)

    def __floor__(self) -> int:
        return math.floor(self.decimal)

    def __ceil__(self) -> int:
        return math.ceil(self.decimal)

    def __neg__(self) -> PreciseNumber:
        return PreciseNumber(-self.decimal)

    def __pos__(self) -> PreciseNumber:
        return self

    def __abs__(self) -> PreciseNumber:
        return PreciseNumber(abs(self.decimal))

    def conjugate(self) -> PreciseNumber:
        """The number itself, which is real."""
        return self

    fabs = __abs__

    __add__ = _binary(Decimal.__add__)
    __radd__ = _binary(Decimal.__add__, swapped=True)
    __sub__ = _binary(Decimal.__sub__)
    __rsub__ = _binary(Decimal.__sub__, swapped=True)
    __mul__ = _binary(Decimal.__mul__)
    __rmul__ = _binary(Decimal.__mul__, swapped=True)
    __truediv__ = _binary(Decimal.__truediv__)
    __rtruediv__ = _binary(Decimal.__truediv__, swapped=True)
    __pow__ = _binary(_power)
    __rpow__ = _binary(_power, swapped=True)

    __lt__ = _comparison(Decimal.__lt__)
    __le__ = _comparison(Decimal.__le__)
    __gt__ = _comparison(Decimal.__gt__)
    __ge__ = _comparison(Decimal.__ge__)
    __eq__ = _comparison(Decimal.__eq__)
    __ne__ = _comparison(Decimal.__ne__)

    exp = _unary(Decimal.exp)
    exp2 = _unary(lambda x: Decimal(2) ** x)
    log = _unary(Decimal.ln)
    log2 = _unary(lambda x: x.ln() / Decimal(2).ln())
    log10 = _unary(Decimal.log10)
    sqrt = _unary(Decimal.sqrt)
    deg2rad = radians = _unary(lambda x: x * PRECISE.pi / 180)
    rad2deg = degrees = _unary(lambda x: x * 180 / PRECISE.pi)
    arctan2 = _binary(_arctan2)
    hypot = _binary(lambda x, y: (x * x + y * y).sqrt())

    sin, cos, tan = _of_one("sin"), _of_one("cos"), _of_one("tan")
    arcsin, arccos, arctan = _of_one("arcsin"), _of_one("arccos"), _of_one("arctan")
    sinh, cosh, tanh = _of_one("sinh"), _of_one("cosh"), _of_one("tanh")
    arcsinh, arccosh, arctanh = _of_one("arcsinh"), _of_one("arccosh"), _of_one("arctanh")
    log1p, expm1, cbrt = _of_one("log1p"), _of_one("expm1"), _of_one("cbrt")


# ---- arrays ------------------------------------------------------------------------------------------------


class PreciseArray(np.ndarray[Any, np.dtype[Any]]):
    """An array of numbers of sixty digits that np.linalg.inv, solve, det, slogdet and cholesky accept.

    What NumPy makes of it holds such numbers again: the 0 that np.maximum(x, 0) takes over has no logarithm.
    """

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _OF_MATRICES and not kwargs:
            return _OF_MATRICES[func](*(decimals(a) for a in args))
        return _with_numbers(super().__array_function__(func, types, args, kwargs))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """A number, not an array without dimensions, as for floats."""
        return array[()] if array.ndim == 0 else _with_numbers(array)


def _with_numbers(found: Any) -> Any:
    if not isinstance(found, np.ndarray) or found.dtype != object or found.ndim == 0:
        return found
    if any(type(entry) is not PreciseNumber for entry in found.flat):
        if any(_decimal(entry) is None for entry in found.flat):
            return found
        found = _as_numbers(np.asarray(found))
    return found.view(PreciseArray)


_as_numbers = np.frompyfunc(lambda value: PreciseNumber(_exact(value)), 1, 1)


def _exact(value: Any) -> Decimal:
    exact = _decimal(value)
    if exact is None:
        raise TypeError(f"{type(value).__name__} is not a real number")
    return exact


_as_decimals = np.frompyfunc(_exact, 1, 1)


def precise_array(values: Any) -> Any:
    """Numbers of any real kind as exactly the same numbers of sixty digits: an array, or one number for a number."""
    found = _as_numbers(np.asarray(values))
    return found.view(PreciseArray) if isinstance(found, np.ndarray) else found


def decimals(values: Any) -> Any:
    """An array of `decimal` numbers, 0-dimensional for one number; raises TypeError for what is not real.

    >>> decimals([1, 0.5]).tolist()
    [Decimal('1'), Decimal('0.5')]
    """
    entries = np.asarray(values)
    found = np.empty(entries.shape, dtype=object)
    found[...] = _as_decimals(np.asarray(entries))
    return found


def _matrix_function(function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(A: Array, *others: Array) -> Any:
        if A.ndim != 2 or A.shape[0] != A.shape[1]:
            raise TypeError("one square matrix is needed")
        _spend(len(A) ** 3)
        try:
            return function(A, *others)
        except ZeroDivisionError as error:
            raise np.linalg.LinAlgError("Singular matrix") from error

    return counted


def _slogdet(A: Array) -> tuple[Any, Any]:
    determinant: Any = _kernel("det")(A)
    return precise_array(Decimal(1).copy_sign(determinant)), precise_array(abs(determinant).ln())


def _cholesky(A: Array) -> Any:
    L = np.full(A.shape, Decimal(0), dtype=object)
    for k in range(len(A)):
        pivot = A[k, k] - L[k, :k] @ L[k, :k]
        if not pivot > 0:
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        L[k, k] = pivot.sqrt()
        for i in range(k + 1, len(A)):
            L[i, k] = (A[i, k] - L[i, :k] @ L[k, :k]) / L[k, k]
    return precise_array(L)


_OF_MATRICES: dict[Any, Callable[..., Any]] = {
    np.linalg.inv: _matrix_function(lambda A: precise_array(PRECISE.inverse(A))),
    np.linalg.solve: _matrix_function(lambda A, B: precise_array(PRECISE.solve(A, B))),
    np.linalg.det: _matrix_function(lambda A: precise_array(_kernel("det")(A))),
    np.linalg.slogdet: _matrix_function(_slogdet),
    np.linalg.cholesky: _matrix_function(_cholesky),
}
