"""Dual numbers a + bε, ε² = 0, with entries modulo a prime: exact values and exact first derivatives.

A `Dual` is a number or a 2-D array of them, and behaves as a NumPy array does, so that the one table of
operations serves it. Nothing here knows a rule for matrices: products are sums of products of entries, and
systems are solved by elimination on entries (`field_arithmetic`). What has no value modulo the prime, such as
the inverse of 0, raises `NoResidue`: another point is drawn then.

Source: Wengert 1964 (dual numbers); Schwartz 1980, Zippel 1979 (identities tested modulo a prime).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from matcalc.prime_fields import Field, NoResidue


class Dual:
    """The numbers a + bε of a field; ``b`` is None where no derivative is carried.

    ``lift`` is the rational number, or array of them, that the residues stand for, where it is known: exponents
    and indices are taken from it.

    >>> field = Field(103)
    >>> x = Dual(field, 5, 1)
    >>> square = x * x
    >>> square.a, square.b
    (25, 10)
    """

    __slots__ = ("a", "b", "field", "lift")
    # NumPy arrays must not multiply by the entries of a Dual
    __array_ufunc__ = None

    def __init__(self, field: Field, a: Any, b: Any = None, lift: Any = None) -> None:
        self.field, self.a, self.b, self.lift = field, a, b, lift

    @classmethod
    def of(cls, field: Field, value: Any) -> Dual:
        """A rational number, or an array of whole numbers, as a constant that remembers its value."""
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
                raise NoResidue("a value that is not defined")
            whole = np.frompyfunc(int, 1, 1)(value)
            return cls(field, whole % field.p, None, whole)
        exact = Fraction(value)
        return cls(field, field.residue(exact), None, exact)

    # ---- shape

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, () for a number."""
        return self.a.shape if isinstance(self.a, np.ndarray) else ()

    @property
    def ndim(self) -> int:
        """2 for an array, 0 for a number."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.a.size if isinstance(self.a, np.ndarray) else 1

    def __len__(self) -> int:
        return len(self.a)

    def _moved(self, move: Callable[[Any], Any]) -> Dual:
        """The same entries in other places."""
        parts = (move(part) if part is not None else None for part in (self.a, self.b, self.lift))
        return Dual(self.field, *parts)

    @property
    def T(self) -> Dual:
        """The transpose."""
        return self._moved(np.transpose) if self.ndim else self

    def reshape(self, *shape: Any, order: Any = "C") -> Dual:
        """The entries in another shape, as NumPy has it."""
        return self._moved(lambda part: part.reshape(*shape, order=order))

    def transpose(self, *axes: Any) -> Dual:
        """The axes in another order, as NumPy has it."""
        return self._moved(lambda part: part.transpose(*axes))

    def __getitem__(self, place: Any) -> Dual:
        return self._moved(lambda part: part[place])

    def sum(self, axis: int | None = None) -> Dual:
        """The sum of the entries, along an axis where one is given."""
        p = self.field.p
        return Dual(self.field, self.a.sum(axis=axis) % p, None if self.b is None else self.b.sum(axis=axis) % p)

    # ---- arithmetic

    def _same(self, other: Any) -> Dual:
        return other if isinstance(other, Dual) else Dual.of(self.field, other)

    def _lift(self, other: Dual, operation: Callable[[Any, Any], Any]) -> Any:
        if self.lift is None or other.lift is None:
            return None
        lift = operation(self.lift, other.lift)
        return lift if _is_short(lift) else None

    def __add__(self, other: Any) -> Dual:
        other, p = self._same(other), self.field.p
        b = other.b if self.b is None else self.b if other.b is None else (self.b + other.b) % p
        return Dual(self.field, (self.a + other.a) % p, b, self._lift(other, lambda x, y: x + y))

    __radd__ = __add__

    def __neg__(self) -> Dual:
        p = self.field.p
        return Dual(
            self.field,
            -self.a % p,
            None if self.b is None else -self.b % p,
            None if self.lift is None else -self.lift,
        )

    def __sub__(self, other: Any) -> Dual:
        return self + -self._same(other)

    def __rsub__(self, other: Any) -> Dual:
        return self._same(other) - self

    def _bilinear(self, other: Any, product: Callable[[Any, Any], Any]) -> Dual:
        """A product that is linear in both factors: (A + A′ε)(B + B′ε) = AB + (A′B + AB′)ε."""
        other, p = self._same(other), self.field.p
        b = None if self.b is None else product(self.b, other.a)
        if other.b is not None:
            right = product(self.a, other.b)
            b = right if b is None else b + right
        return Dual(
            self.field,
            product(self.a, other.a) % p,
            None if b is None else b % p,
            self._lift(other, product),
        )

    def __mul__(self, other: Any) -> Dual:
        return self._bilinear(other, lambda x, y: x * y)

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Dual:
        return self._bilinear(other, lambda x, y: x @ y)

    def __rmatmul__(self, other: Any) -> Dual:
        return self._same(other) @ self

    def reciprocal(self) -> Dual:
        """1/(a + bε) = 1/a − b/a² ε, entry by entry; raises NoResidue where an entry is 0."""
        p = self.field.p
        a = self.field.map(self.field.inverse, self.a)
        lift = None if self.lift is None else self.field.map(lambda x: 1 / Fraction(x), self.lift)
        return Dual(self.field, a, None if self.b is None else -self.b * a % p * a % p, lift)

    def __truediv__(self, other: Any) -> Dual:
        return self * self._same(other).reciprocal()

    def __rtruediv__(self, other: Any) -> Dual:
        return self._same(other) * self.reciprocal()

    def __pow__(self, exponent: Any) -> Dual:
        """Entry by entry, by an exponent whose value is known: (a + bε)ᵉ = aᵉ + e aᵉ⁻¹(b + a log(a) e′)ε."""
        exponent, field = self._same(exponent), self.field
        p = field.p
        if exponent.lift is None:
            raise NoResidue("an exponent without a known value")
        power = np.frompyfunc(field.power, 2, 1)
        a, b = power(self.a, exponent.lift), None
        if self.b is not None:
            b = exponent.a * power(self.a, exponent.lift - 1) % p * self.b % p
        if exponent.b is not None:
            moved = field.map(lambda u: field.opaque("log", u), self.a) * a % p * exponent.b % p
            b = moved if b is None else (b + moved) % p
        return Dual(field, a, b, self._power_lift(exponent))

    def _power_lift(self, exponent: Dual) -> Any:
        """The value of a small power of a number whose value is known."""
        numbers = self.ndim == exponent.ndim == 0 and self.lift is not None
        if not numbers or exponent.lift.denominator != 1 or abs(exponent.lift) > SMALL_EXPONENT:
            return None
        found = Fraction(self.lift) ** int(exponent.lift) if self.lift or exponent.lift > 0 else None
        return found if found is None or _is_short(found) else None

    # ---- values

    def __int__(self) -> int:
        if self.lift is None or self.ndim or Fraction(self.lift).denominator != 1:
            raise NoResidue("a whole number is needed")
        return int(self.lift)

    def __eq__(self, other: object) -> bool:
        return self.lift is not None and bool(self.lift == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    @property
    def is_zero(self) -> bool:
        """Whether all entries are 0, the derivatives left aside."""
        return not np.any(np.asarray(self.a, dtype=object) != 0)

    @property
    def tangent(self) -> Dual:
        """The coefficient of ε."""
        return Dual(self.field, self.a * 0 if self.b is None else self.b)

    def along(self, direction: Dual) -> Dual:
        """The point a + vε of a curve that leaves a with velocity v."""
        return Dual(self.field, self.a, direction.a, self.lift)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's own functions on the parts, for those that only move entries, or add or multiply them."""
        if function in _MOVES:
            return self._moved(lambda part: function(part, *args[1:], **kwargs))
        if function in _OTHERS:
            return _OTHERS[function](*args, **kwargs)
        return NotImplemented


SMALL_EXPONENT, MOST_BITS = 64, 4096


def _is_short(lift: Any) -> bool:
    """Whether known values have stayed of moderate length."""
    entries = lift.flat if isinstance(lift, np.ndarray) else (lift,)
    return all(max(x.numerator.bit_length(), x.denominator.bit_length()) <= MOST_BITS for x in entries)


def _widened(x: Dual) -> Dual:
    return x if x.ndim else x._moved(lambda part: np.array([[part]], dtype=object))


def trace(A: Dual) -> Dual:
    """The sum of the diagonal."""
    return A._moved(np.diagonal).sum()


def _kron(A: Dual, B: Dual) -> Dual:
    return A._bilinear(B, np.kron)


def _block(rows: list[list[Dual]]) -> Dual:
    field = next(part.field for row in rows for part in row)
    a = np.block([[part.a for part in row] for row in rows])
    if all(part.b is None for row in rows for part in row):
        return Dual(field, a)
    return Dual(field, a, np.block([[part.tangent.a for part in row] for row in rows]))


def _matrix_power(A: Dual, k: int) -> Dual:
    result, square = None, A
    while k:
        if k & 1:
            result = square if result is None else result @ square
        k >>= 1
        square = square @ square if k else square
    assert result is not None
    return result


_MOVES = frozenset({np.diag, np.diagonal, np.tril, np.triu, np.reshape, np.transpose})
_OTHERS: dict[Any, Callable[..., Any]] = {
    np.atleast_2d: _widened,
    np.trace: trace,
    np.kron: _kron,
    np.block: _block,
    np.size: lambda x: x.size,
    np.shape: lambda x: x.shape,
    np.linalg.matrix_power: _matrix_power,
}
