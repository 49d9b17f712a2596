"""Unification of dimensions: which sizes are equal, given where the parts of an expression meet.

A dimension is a SymPy integer expression.  Declared dimensions are rigid; unknown ones are dummies, bound as
they meet others.  A dummy named ``size`` stands for a size other than 1 (the dimensions of a vector or matrix
that was not declared), one named ``any`` may be 1 as well (those of ``ones`` or ``zeros``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sympy import Dummy, Expr, S, expand
from sympy.core.function import count_ops

from matcalc.expressions import ONE, Dimension, Shape, dimension


class Clash(Exception):
    """Two dimensions that cannot be equal."""


def unknown_size() -> Dimension:
    """A dimension other than 1 that is not known yet."""
    return Dummy("size", integer=True, positive=True)


def unknown_any() -> Dimension:
    """A dimension that is not known yet."""
    return Dummy("any", integer=True, positive=True)


class Unifier:
    """What is known so far of the unknown dimensions.

    >>> u, n = Unifier(), dimension("n")
    >>> d = unknown_size()
    >>> u.unify(d, n); u.resolve(d)
    n
    """

    def __init__(self) -> None:
        self.bindings: dict[Expr, Dimension] = {}
        self.deferred: list[tuple[Dimension, Dimension]] = []

    def resolve(self, d: Dimension) -> Dimension:
        """The dimension with everything known put in."""
        while d in self.bindings:
            d = self.bindings[d]
        if d.is_Atom or not self.bindings:
            return d
        previous = None
        while previous is not d:
            previous, d = d, d.xreplace(self.bindings)
        return expand(d)

    def shape(self, shape: Shape) -> Shape:
        """The shape with everything known put in."""
        return self.resolve(shape[0]), self.resolve(shape[1])

    def unify(self, a: Dimension, b: Dimension) -> None:
        """Make two dimensions equal; raises Clash where that cannot be."""
        a, b = self.resolve(a), self.resolve(b)
        if a is b or a == b:
            return
        if isinstance(b, Dummy) and not (isinstance(a, Dummy) and a.name == "any"):
            a, b = b, a
        if isinstance(a, Dummy):
            if a in b.free_symbols:
                raise Clash
            if b is ONE and a.name == "size":
                raise Clash
            self.bindings[a] = b
            return
        self._unify_compound(a, b)

    def _unify_compound(self, a: Dimension, b: Dimension) -> None:
        difference = expand(a - b)
        if difference == 0:
            return
        unknown = [s for s in difference.free_symbols if isinstance(s, Dummy)]
        if not unknown:
            raise Clash
        for d in unknown:
            slope = difference.coeff(d, 1)
            rest = expand(difference - slope * d)
            if slope in (S.One, S.NegativeOne) and d not in rest.free_symbols:
                value = expand(-rest / slope)
                if value.is_Integer and (value < 1 or (value == 1 and d.name == "size")):
                    raise Clash
                self.bindings[d] = value
                return
        if len(unknown) == 1 and count_ops(difference) < 50:
            quotient = _solve_product(difference, unknown[0])
            if quotient is not None:
                self.bindings[unknown[0]] = quotient
                return
        self.deferred.append((a, b))

    def unify_shapes(self, a: Shape, b: Shape) -> None:
        """Make two shapes equal."""
        self.unify(a[0], b[0])
        self.unify(a[1], b[1])

    def settle(self) -> None:
        """Try again what could not be decided on the way; raises Clash if it still cannot."""
        for _ in range(3):
            again, self.deferred = self.deferred, []
            for a, b in again:
                self.unify(a, b)
        if self.deferred:
            raise Clash


def _solve_product(difference: Expr, d: Expr) -> Dimension | None:
    """The unknown factor d in c·d = e, where e is a multiple of c."""
    slope = difference.coeff(d, 1)
    quotient = (-(difference - slope * d) / slope).cancel() if slope != 0 else None
    if quotient is None or d in quotient.free_symbols or quotient.as_numer_denom()[1] != 1:
        return None
    return quotient


LETTERS = ("n", "m", "p", "q", "r", "s", "k", "l")


def fresh_names(taken: Iterable[str]) -> Iterator[Dimension]:
    """Dimension symbols n, m, p, … that are not taken."""
    used = set(taken)
    for suffix in ("", *map(str, range(1, 1000))):
        for letter in LETTERS:
            if letter + suffix not in used:
                yield dimension(letter + suffix)
