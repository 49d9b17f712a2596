"""Degrees of rational functions: how likely it is that a wrong formula agrees modulo a prime at a random point.

A value is N/Q with polynomials N and Q in the random residues, Q common to all entries. `Degree` goes through the
same table of operations as numbers do. Two rational functions that differ agree at a random point with a
probability of at most the degree of N₁Q₂ − N₂Q₁ over p (Schwartz 1980, Zippel 1979). Values of roots and opaque
functions count as further residues, and the bound is then an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from matcalc.applications import signature
from matcalc.function_table import ALONG_AXES, FUNCTIONS
from matcalc.high_precision import REARRANGEMENTS
from matcalc.operations import Arithmetic, Operation


class Degree:
    """The degrees of numerator and denominator of a number or array, and its shape.

    ``why`` says what makes them estimates, such as "exp"; ``lift`` is the value of a constant.

    >>> x = Degree(1, 0)
    >>> y = x / (1 + x * x)
    >>> y.numerator, y.denominator
    (1, 2)
    """

    __slots__ = ("denominator", "form", "lift", "numerator", "why")
    __array_ufunc__ = None

    def __init__(
        self,
        numerator: int,
        denominator: int,
        form: Any = None,
        lift: Any = None,
        why: frozenset[str] = frozenset(),
    ) -> None:
        self.numerator, self.denominator = numerator, denominator
        self.form = np.zeros(()) if form is None else form
        self.lift, self.why = lift, why

    @classmethod
    def of(cls, value: Any) -> Degree:
        """A constant."""
        form = np.zeros(np.shape(value))
        return cls(0, 0, form, None if form.ndim else Fraction(value))

    # ---- shape

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, () for a number."""
        return self.form.shape

    @property
    def ndim(self) -> int:
        """2 for an array, 0 for a number."""
        return self.form.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.form.size

    def __len__(self) -> int:
        return len(self.form)

    def moved(self, move: Callable[[Any], Any]) -> Degree:
        """The same entries in other places."""
        return Degree(self.numerator, self.denominator, np.asarray(move(self.form)), self.lift, self.why)

    @property
    def T(self) -> Degree:
        """The transpose."""
        return self.moved(np.transpose)

    def reshape(self, *shape: Any, order: Any = "C") -> Degree:
        """The entries in another shape."""
        return self.moved(lambda form: form.reshape(*shape, order=order))

    def transpose(self, *axes: Any) -> Degree:
        """The axes in another order."""
        return self.moved(lambda form: form.transpose(*axes))

    def __getitem__(self, place: Any) -> Degree:
        return self.moved(lambda form: form[place])

    def sum(self, axis: int | None = None) -> Degree:
        """The sum of entries, which have one denominator."""
        return self.moved(lambda form: form.sum(axis=axis))

    # ---- arithmetic

    def _with(self, other: Any, numerator: Any, operation: Callable[[Any, Any], Any]) -> Degree:
        other = other if isinstance(other, Degree) else Degree.of(other)
        return Degree(
            numerator(self, other),
            self.denominator + other.denominator,
            np.asarray(operation(self.form, other.form)),
            None,
            self.why | other.why,
        )

    def __add__(self, other: Any) -> Degree:
        found = self._with(other, _numerator_of_sum, np.add)
        if isinstance(other, Degree) and self.lift is not None and other.lift is not None:
            found.lift = self.lift + other.lift
        return found

    __radd__ = __sub__ = __rsub__ = __add__

    def __neg__(self) -> Degree:
        return self if self.lift is None else Degree(0, 0, self.form, -self.lift, self.why)

    def __mul__(self, other: Any) -> Degree:
        found = self._with(other, _numerator_of_product, np.multiply)
        if isinstance(other, Degree) and self.lift is not None and other.lift is not None:
            found.lift = self.lift * other.lift
        return found

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Degree:
        return self._with(other, _numerator_of_product, np.matmul)

    def __rmatmul__(self, other: Any) -> Degree:
        return Degree.of(other) @ self

    def reciprocal(self) -> Degree:
        """The reciprocals of k entries Nᵢ/Q: their common denominator is the product of all Nᵢ."""
        k = self.size
        n, d = self.numerator, self.denominator
        return Degree(d + (k - 1) * n, k * n, self.form, None, self.why)

    def __truediv__(self, other: Any) -> Degree:
        return self * (other.reciprocal() if isinstance(other, Degree) else 1)

    def __rtruediv__(self, other: Any) -> Degree:
        return self.reciprocal() * other

    def __pow__(self, exponent: Any) -> Degree:
        exponent = exponent if isinstance(exponent, Degree) else Degree.of(exponent)
        e = exponent.lift
        if e is None or e.denominator != 1:
            form = self.form + exponent.form
            words = {"a root"} if e is not None else {"an exponent"}
            return Degree(1, 0, form, None, self.why | exponent.why | words)
        base = self if e >= 0 else self.reciprocal()
        k = abs(int(e))
        return Degree(k * base.numerator, k * base.denominator, self.form, None, self.why | exponent.why)

    def __int__(self) -> int:
        return int(self.lift)

    def __eq__(self, other: object) -> bool:
        return self.lift is not None and bool(self.lift == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    @property
    def tangent(self) -> Degree:
        """The derivative along a direction: (N′Q − NQ′)/Q², where a factor of N is replaced by one of the direction."""
        return Degree(self.numerator + self.denominator, 2 * self.denominator, self.form, None, self.why)

    def along(self, direction: Degree) -> Degree:
        """A point moved in a direction."""
        return self + direction

    def apart(self, other: Degree) -> int:
        """The degree of what vanishes where the two agree."""
        return _numerator_of_sum(self, other)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.size, np.shape):
            return function(self.form)
        if function is np.kron:
            return args[0]._with(args[1], _numerator_of_product, np.kron)
        if function is np.block:
            return _block(args[0])
        if function is np.linalg.matrix_power:
            k = args[1]
            return Degree(k * args[0].numerator, k * args[0].denominator, args[0].form, None, args[0].why)
        return args[0].moved(lambda form: function(form, *args[1:], **kwargs))


def _numerator_of_sum(a: Degree, b: Degree) -> int:
    return max(a.numerator + b.denominator, b.numerator + a.denominator)


def _numerator_of_product(a: Degree, b: Degree) -> int:
    return a.numerator + b.numerator


def _block(rows: list[list[Degree]]) -> Degree:
    parts = [part for row in rows for part in row]
    denominator = sum(part.denominator for part in parts)
    numerator = max(part.numerator + denominator - part.denominator for part in parts)
    return Degree(
        numerator, denominator, np.block([[part.form for part in row] for row in rows]), None, _all_why(parts)
    )


def _all_why(parts: Iterable[Degree]) -> frozenset[str]:
    return frozenset[str]().union(*(part.why for part in parts))


def _inverse(A: Degree) -> Degree:
    """(N/Q)⁻¹ = Q adj(N)/det(N)."""
    k = len(A)
    return Degree(A.denominator + (k - 1) * A.numerator, k * A.numerator, A.form, None, A.why)


def _det(A: Degree) -> Degree:
    k = len(A)
    return Degree(k * A.numerator, k * A.denominator, None, None, A.why)


def _adj(A: Degree) -> Degree:
    k = len(A) - 1
    return Degree(k * A.numerator, k * A.denominator, A.form, None, A.why)


def _kernel(name: str) -> Operation:
    if name in _OF_MATRICES:
        return _OF_MATRICES[name]
    if name in REARRANGEMENTS:
        return FUNCTIONS[name].kernel  # type: ignore[return-value]

    def opaque(*operands: Degree) -> Degree:
        form = np.zeros(_shape(name, operands)) if any(o.ndim for o in operands) else None
        called, _ = ALONG_AXES.get(name, (name, 0))
        return Degree(1, 0, form, None, _all_why(operands) | {called})

    return opaque


def _shape(name: str, operands: Iterable[Degree]) -> tuple[int, ...]:
    """The shape that the signature gives; a number has none."""
    inputs, result = signature(FUNCTIONS[name].signature)
    sizes: dict[Any, int] = {}
    for pattern, operand in zip(inputs, operands, strict=True):
        sizes |= dict(zip(pattern or (), operand.shape, strict=False))
    shape = tuple(int(dimension.xreplace(sizes)) for dimension in result)
    return () if shape == (1, 1) and result == (1, 1) else shape


_OF_MATRICES: dict[str, Operation] = {"det": _det, "adj": _adj}

DEGREES = Arithmetic(
    number=lambda value: Degree.of(Fraction(int(value.p), int(value.q))),
    array=Degree.of,
    pi=Degree(1, 0, why=frozenset({"pi"})),
    kernel=_kernel,
    inverse=_inverse,
    solve=lambda A, B: _inverse(A) @ B,
    power=lambda base, exponent: base**exponent,
)
