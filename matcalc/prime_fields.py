"""Arithmetic modulo a prime of 61 bits, with roots, signs, and opaque values for transcendental functions.

The primes p of the pool are 7 modulo 8, and 2, 3, 5, … 31 are squares modulo p. Then every positive rational
number with small factors is a square and every negative one is none, and the squares play the part of the
positive numbers:

* sign(u) is 1 for squares and −1 for others: multiplicative, and sign(−u) = −sign(u).
* The root of a square is the one that is a square itself, so that √(uv) = √u √v and √(u²) = |u|. Since the
  squares form a group of odd order, uʳ exists for every rational r whose denominator is prime to the order, and
  the laws of powers hold.

exp, log, sin, … cannot be computed modulo p. They are *opaque*: their values are random, the same for the same
argument, and related as far as rational identities go (sin² + cos² = 1, tanh = (e²ˣ − 1)/(e²ˣ + 1), …).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import numpy as np

from matcalc.primes import PRIMES


class NoResidue(Exception):
    """Something has no value modulo the prime at this point, such as the inverse of 0 or the root of no square."""


class Field:
    """The numbers modulo a prime p, which is 3 modulo 4; ``seed`` chooses the opaque values.

    >>> field = Field(103)
    >>> field.residue(Fraction(1, 2)), field.sign(2), field.sign(-2), field.power(2, Fraction(1, 2))
    (52, 1, 102, 38)
    """

    def __init__(self, p: int = PRIMES[0], seed: int = 0) -> None:
        self.p = p
        self._order = (p - 1) // 2
        self._key = f"{seed} {p}".encode()
        self._opaque: dict[tuple[str, int], int] = {}
        self.half = (p + 1) // 2
        self.pi = self.draw("pi", 0) ** 2 % p

    def map(self, f: Callable[[Any], Any], value: Any) -> Any:
        """A function of one number, of a number or of every entry of an array."""
        return np.frompyfunc(f, 1, 1)(value) if isinstance(value, np.ndarray) else f(value)

    # ---- arithmetic

    def residue(self, value: Fraction) -> int:
        """The residue of a rational number; raises NoResidue where p divides its denominator."""
        return value.numerator * self.inverse(value.denominator % self.p) % self.p

    def inverse(self, u: int) -> int:
        """1/u; raises NoResidue for 0."""
        if not u:
            raise NoResidue("division by zero")
        return pow(u, -1, self.p)

    def is_square(self, u: int) -> bool:
        """Whether u is a square other than 0."""
        return pow(u, self._order, self.p) == 1

    def sign(self, u: int) -> int:
        """1 for squares, −1 for others, 0 for 0: the Legendre symbol, as a residue."""
        return pow(u % self.p, self._order, self.p)

    def root(self, u: int) -> int:
        """The root of a square that is a square itself; raises NoResidue where there is none."""
        r = pow(u, (self.p + 1) // 4, self.p)
        if r * r % self.p != u:
            raise NoResidue("a root of what is no square")
        return r

    def power(self, u: int, exponent: Fraction | int) -> int:
        """uᵉ for a rational exponent, of a square unless the exponent is whole."""
        if exponent.denominator == 1:
            e = int(exponent)
            if e < 0:
                return pow(self.inverse(u), -e, self.p)
            return pow(u, e, self.p)
        if exponent.denominator == 2:
            return self.power(self.root(u), exponent.numerator)
        if not self.is_square(u):
            raise NoResidue("a power of what is no square")
        try:
            e = exponent.numerator * pow(exponent.denominator, -1, self._order)
        except ValueError:
            raise NoResidue("a root that is not unique") from None
        return pow(u, e % self._order, self.p)

    def cube_root(self, u: int) -> int:
        """The cube root, which is unique; raises NoResidue where p is 1 modulo 3."""
        if self.p % 3 == 1:
            raise NoResidue("a root that is not unique")
        return pow(u, (2 * self.p - 1) // 3, self.p)

    # ---- opaque values

    def opaque(self, name: str, u: int) -> int:
        """A random number that depends on the name and on u alone, with the symmetry that the function has."""
        found = self._opaque.get((name, u))
        if found is None:
            found = self._opaque[name, u] = _SYMMETRIES.get(name, _plain)(self, name, u)
        return found

    def draw(self, name: str, u: int) -> int:
        """A random number other than 0, the same for the same name and u."""
        digest = blake2b(f"{name} {u}".encode(), digest_size=16, key=self._key).digest()
        return int.from_bytes(digest, "big") % (self.p - 1) + 1


def _plain(field: Field, name: str, u: int) -> int:
    return field.draw(name, u)


def _odd(field: Field, name: str, u: int) -> int:
    """f(−u) = −f(u)."""
    if 2 * u > field.p:
        return -field.draw(name, field.p - u) % field.p
    return field.draw(name, u) if u else 0


def _exponential(field: Field, name: str, u: int) -> int:
    """f(−u) = 1/f(u), and all values are squares."""
    if not u:
        return 1
    if 2 * u > field.p:
        return field.inverse(field.opaque(name, field.p - u))
    return field.draw(name, u) ** 2 % field.p


def _logarithm(field: Field, name: str, u: int) -> int:
    """f(1/u) = −f(u)."""
    v = field.inverse(u)
    if v < u:
        return -field.opaque(name, v) % field.p
    return field.draw(name, u) if u != 1 else 0


_SYMMETRIES: dict[str, Callable[[Field, str, int], int]] = {
    "exp": _exponential,
    "log": _logarithm,
    **dict.fromkeys(("tan of half", "arcsin", "arctan", "arcsinh", "arctanh", "erf"), _odd),
}
