"""Unification of dimensions: which sizes are equal, given where the parts of an expression meet.

A dimension is a SymPy integer expression.  Declared dimensions are rigid; unknown ones are dummies, bound as
they meet others.  A dummy named ``size`` stands for a size other than 1 (the dimensions of a vector or matrix
that was not declared), one named ``any`` may be 1 as well (those of ``ones`` or ``zeros``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count
from math import prod

from sympy import Add, Dummy, Expr, S, Symbol, expand, factor

from matcalc.comparisons import are_equal
from matcalc.expressions import ONE, Dimension, Shape, dimension

LARGEST_SIZE = 10**12
MOST_TERMS = 100
MOST_FACTORS = 40


class Clash(Exception):
    """Two dimensions that cannot be equal."""


class Undecided(Exception):
    """Equations between dimensions that have more than one solution."""


class TooLarge(Exception):
    """A dimension beyond all use."""


def unknown_size() -> Dimension:
    """A dimension other than 1 that is not known yet."""
    return Dummy("size", integer=True, positive=True)


def is_unknown(d: Dimension) -> bool:
    """Whether something in the dimension is not known."""
    return type(d) is Dummy or (not d.is_Atom and any(type(s) is Dummy for s in d.free_symbols))


def any_unknown(shapes: Iterable[Shape]) -> bool:
    """Whether something in one of the shapes is not known."""
    for shape in shapes:
        for d in shape:
            if type(d) is not Symbol and is_unknown(d):
                return True
    return False


class Unifier:
    """What is known so far of the unknown dimensions.

    >>> u, n = Unifier(), dimension("n")
    >>> d = u.size()
    >>> u.unify(d, n); u.resolve(d)
    n
    """

    def __init__(self) -> None:
        self.bindings: dict[Expr, Dimension] = {}
        self.deferred: list[tuple[Dimension, Dimension]] = []
        self.factors: dict[Dimension, Shape] = {}  # of the sizes that are products: the outer one first
        self._used = 0

    def size(self) -> Dimension:
        """A new unknown dimension other than 1."""
        return self._next(_SIZES, "size")

    def any(self) -> Dimension:
        """A new unknown dimension, 1 included."""
        return self._next(_ANY, "any")

    def _next(self, pool: list[Dimension], name: str) -> Dimension:
        # The same dummies serve every unifier: SymPy remembers what it has computed with them.
        while len(pool) <= self._used:
            pool.append(Dummy(name, integer=True, positive=True))
        self._used += 1
        return pool[self._used - 1]

    def resolve(self, d: Dimension) -> Dimension:
        """The dimension with everything known put in."""
        bindings = self.bindings
        while type(d) is Dummy:
            known = bindings.get(d)
            if known is None:
                return d
            d = known
        if d.is_Atom:
            return d
        while known := {s: bindings[s] for s in d.free_symbols if s in bindings}:
            d = expanded(d.xreplace(known))
        return d

    def shape(self, shape: Shape) -> Shape:
        """The shape with everything known put in."""
        return self.resolve(shape[0]), self.resolve(shape[1])

    def is_scalar(self, shape: Shape) -> bool:
        """Whether the shape is known to be 1×1."""
        rows, columns = shape
        if type(rows) is Symbol or type(columns) is Symbol:
            return False
        return self.resolve(rows) is ONE and self.resolve(columns) is ONE

    def unify(self, a: Dimension, b: Dimension) -> None:
        """Make two dimensions equal; raises Clash where that cannot be."""
        if a is b:
            return
        a, b = self.resolve(a), self.resolve(b)
        if are_equal(a, b):
            return
        if type(b) is Dummy and not (type(a) is Dummy and a.name == "any"):
            a, b = b, a
        if type(a) is not Dummy:
            self._unify_compound(a, b)
        elif b is ONE and a.name == "size":
            raise Clash
        elif not b.is_Atom and a in b.free_symbols:
            self._unify_compound(a, b)
        else:
            self.bindings[a] = b

    def _unify_compound(self, a: Dimension, b: Dimension) -> None:
        if a.is_Atom and b.is_Atom:
            raise Clash
        difference = expand(a - b)
        if difference == 0:
            return
        unknown = sorted((s for s in difference.free_symbols if type(s) is Dummy), key=lambda s: s.dummy_index)
        if not unknown:
            raise Clash
        if not any(self._solved(difference, d) for d in unknown):
            self.deferred.append((a, b))

    def _solved(self, difference: Expr, d: Dimension) -> bool:
        """Bind an unknown in which the difference is linear, if that makes it a polynomial."""
        slope = difference.coeff(d, 1)
        if slope == 0 or any(type(s) is Dummy for s in slope.free_symbols):
            return False
        rest = expand(difference - slope * d)
        if d in rest.free_symbols:
            return False
        value = (-rest / slope).cancel() if slope not in (S.One, S.NegativeOne) else expand(-rest / slope)
        if value.as_numer_denom()[1] != 1:
            return False
        if value.is_nonpositive or (value is ONE and d.name == "size"):
            raise Clash
        self.bindings[d] = expand(value)
        return True

    def unify_shapes(self, a: Shape, b: Shape) -> None:
        """Make two shapes equal."""
        self.unify(a[0], b[0])
        self.unify(a[1], b[1])

    def settle(self) -> None:
        """Try again what could not be decided on the way.

        Two products of sizes, from kron, vec, unvec or K(m,n), are taken to agree factor by factor where nothing
        else decides, so that in kron(A,B)*vec(X) the size of X is that of B*X*A'.
        Raises Clash where two sizes differ, Undecided where several sizes would do.
        """
        while self.deferred:
            self._retry()
            if self.deferred and not self._matched_factors():
                raise Undecided

    def product(self, outer: Dimension, inner: Dimension) -> Dimension:
        """The size of what has ``outer`` parts of size ``inner``; its factors are remembered."""
        outer, inner = self.resolve(outer), self.resolve(inner)
        total = product(outer, inner)
        if not total.is_Integer:
            self.factors[total] = (outer, inner)
        return total

    def _retry(self) -> None:
        count = 0
        while self.deferred and count != len(self.deferred):
            count = len(self.deferred)
            again, self.deferred = self.deferred, []
            for a, b in again:
                self.unify(a, b)

    def _matched_factors(self) -> bool:
        known = {self.resolve(d): shape for d, shape in self.factors.items()}
        for i, (a, b) in enumerate(self.deferred):
            one, other = known.get(self.resolve(a)), known.get(self.resolve(b))
            if one is not None and other is not None:
                del self.deferred[i]
                self.unify_shapes(one, other)
                return True
        return False


_SIZES: list[Dimension] = []
_ANY: list[Dimension] = []


def expanded(d: Expr) -> Dimension:
    """The dimension multiplied out; raises TooLarge for a huge number or a polynomial with very many terms.

    >>> n = dimension("n")
    >>> expanded(n * (n + 1))
    n**2 + n
    """
    if not d.is_Atom:
        if _terms(d) > MOST_TERMS or (d.is_Mul and len(d.args) > MOST_FACTORS):
            raise TooLarge
        d = expand(d)
    if d.is_Integer and d > LARGEST_SIZE:
        raise TooLarge
    return d


def in_factors(d: Expr) -> Expr:
    """A dimension as it is written: in factors where that takes a fraction from its terms.

    >>> n = dimension("n")
    >>> in_factors(n**2 / 2 + n / 2), in_factors(n**2 + n)
    (n*(n + 1)/2, n**2 + n)
    """
    if d.is_Add and any(term.as_coeff_Mul()[0].is_Integer is False for term in d.args):
        return factor(d)
    return d


def _terms(d: Expr) -> int:
    """At least as many terms as the dimension has when it is multiplied out; large powers count too."""
    if d.is_Add:
        return sum(map(_terms, d.args))
    if d.is_Mul:
        return min(prod(map(_terms, d.args)), 2 * MOST_TERMS)
    if d.is_Pow:
        return _terms(d.base) ** min(int(d.exp), MOST_TERMS) if d.exp <= MOST_TERMS else 2 * MOST_TERMS
    return 1 if d.is_Symbol or d.is_Rational else 2 * MOST_TERMS


def total(sizes: Iterable[Dimension]) -> Dimension:
    """The sum of dimensions, multiplied out; raises TooLarge."""
    return expanded(Add(*sizes))


def product(a: Dimension, b: Dimension) -> Dimension:
    """The product of two dimensions, multiplied out; raises TooLarge."""
    if a is ONE:
        return b
    return a if b is ONE else expanded(a * b)


LETTERS = ("n", "m", "p", "q", "r", "s", "k", "l")


def fresh_names(taken: Iterable[str]) -> Iterator[Dimension]:
    """Dimension symbols n, m, p, … that are not taken."""
    used = set(taken)
    for suffix in chain([""], map(str, count(1))):
        for letter in LETTERS:
            if letter + suffix not in used:
                yield dimension(letter + suffix)


def name_unknowns(unifier: Unifier, shapes: Iterable[Shape], fresh: Iterator[Dimension]) -> None:
    """Give the sizes that are still unknown their letters, in square matrices first and in vectors last."""
    ordered = sorted((unifier.shape(shape) for shape in shapes), key=lambda shape: (ONE in shape, shape[0] != shape[1]))
    for rows, columns in ordered:
        for d in (columns, rows):
            unknown = [s for s in unifier.resolve(d).free_symbols if type(s) is Dummy]
            for symbol in sorted(unknown, key=lambda s: s.dummy_index):
                unifier.bindings[symbol] = next(fresh)
