"""Random points modulo a prime: generic members of declared domains, and tangents there.

| declared | drawn as |
|---|---|
| symmetric, skew, diagonal, triangular | the projection of random residues |
| spd | L Lᵀ |
| orthogonal | the Cayley transform (I − K)(I + K)⁻¹ of a skew K, or its first columns |
| unit | residues over the root of the sum of their squares |
| positive | squares |
| integer | whole numbers from 1 to 4 |

A variable in an exponent is a whole number of twice the length, since an exponent counts modulo (p − 1)/2 and a
factor modulo p.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from fractions import Fraction
from random import Random

import numpy as np
from sympy import Expr

from matcalc.curves import structured, tangent
from matcalc.degrees import Degree
from matcalc.dual_numbers import Dual
from matcalc.expressions import EntrywisePower, Expression, Number, Power, Variable, variables_of
from matcalc.field_arithmetic import inverse
from matcalc.operations import dimension_value, shape_value
from matcalc.prime_fields import Field, NoResidue

MOST_TRIES = 40
WHOLE_NUMBERS = 4
HALF = Fraction(1, 2)
LINEAR = frozenset({"symmetric", "skew", "diagonal", "lower", "upper"})


def exponent_variables(nodes: Collection[Expression]) -> set[str]:
    """The names of the variables that occur in exponents.

    >>> from matcalc.reading import parse
    >>> sorted(exponent_variables([parse("s^(2*t)", "s, t: scalar")]))
    ['t']
    """
    exponents = [e.args[1] for e in nodes if isinstance(e, (Power, EntrywisePower))]
    return {v.name for v in variables_of(*(e for e in exponents if not isinstance(e, Number)))}


@dataclass
class ResidueSampler:
    """Draws values and directions in a field; the same seed draws the same.

    >>> from matcalc.leaves import variable
    >>> Q = ResidueSampler(Field(103), 1).value(variable("Q", "m", "n", "orthogonal"), {"m": 4, "n": 3})
    >>> (Q.T @ Q - np.eye(3, dtype=int)).is_zero
    True
    """

    field: Field
    seed: int
    exponents: Collection[str] = ()
    positive: Collection[str] = ()
    rng: Random = attribute(init=False, repr=False)
    whole: list[str] = attribute(default_factory=list)
    _visited: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)

    def residues(self, shape: tuple[int, ...]) -> Dual:
        """Uniform residues."""
        p = self.field.p
        entries = np.array([self.rng.randrange(p) for _ in range(int(np.prod(shape)))], dtype=object)
        return Dual(self.field, entries.reshape(shape))

    def value(self, v: Variable, sizes: Mapping[str, int]) -> Dual:
        """A generic member of the declared domain of v; raises NoResidue where none was found."""
        shape = shape_value(v, sizes)
        if "integer" in v.properties or v.name in self.exponents:
            X = self._whole_numbers(shape, "integer" in v.properties)
        else:
            X = self._generic(v, shape)
        return X[0, 0] if v.is_scalar else X

    def whole_numbers(self) -> dict[str, Dual]:
        """Values from 1 to 4 for the scalars in `whole`, all pairs, triples, … of values in turn."""
        values, number = {}, self._visited
        for name in self.whole:
            number, digit = divmod(number, WHOLE_NUMBERS)
            values[name] = Dual.of(self.field, digit + 1)
        self._visited += 1
        return values

    def _whole_numbers(self, shape: tuple[int, int], small: bool) -> Dual:
        most = WHOLE_NUMBERS if small else self.field.p * (self.field.p - 1) // 2
        entries = [self.rng.randrange(1, most + 1) for _ in range(shape[0] * shape[1])]
        return Dual.of(self.field, np.array(entries, dtype=object).reshape(shape))

    def _generic(self, v: Variable, shape: tuple[int, int]) -> Dual:
        words = v.properties
        X = self.residues(shape)
        if "orthogonal" in words:
            return self._orthogonal(v, shape)
        if "spd" in words:
            if words & {"diagonal", "lower", "upper"}:
                return structured(v, X * X)  # type: ignore[arg-type, return-value]
            return X @ X.T
        if "positive" in words or v.name in self.positive:
            X = X * X
        X = structured(v, X)  # type: ignore[arg-type, assignment]
        return self._unit(v, X) if "unit" in words else X

    def _unit(self, v: Variable, X: Dual) -> Dual:
        columns = []
        for j in range(X.shape[1]):
            for _ in range(MOST_TRIES):
                x = self.residues((X.shape[0], 1))
                if "positive" in v.properties:
                    x = x * x
                if self.field.is_square((x * x).sum().a):
                    columns.append((x / (x * x).sum() ** HALF).a)
                    break
            else:
                raise NoResidue(f"no column of length 1 for column {j + 1} of {v.name}")
        return Dual(self.field, np.hstack(columns))

    def _orthogonal(self, v: Variable, shape: tuple[int, int]) -> Dual:
        n = shape[0]
        signs = Dual(self.field, np.diag([self.rng.choice((1, self.field.p - 1)) for _ in range(n)]).astype(object))
        if v.properties & {"diagonal", "lower", "upper"}:
            return signs
        R = self.residues((n, n))
        K, eye = R - R.T, np.eye(n, dtype=int)
        Q = inverse(K + eye) @ (eye - K) @ signs  # the determinant may be -1
        return Q @ signs @ Q.T if v.properties & {"symmetric", "spd"} else Q[:, : shape[1]]

    def direction(self, v: Variable, X: Dual) -> Dual:
        """A random tangent at X."""
        if v.is_scalar:
            return Dual(self.field, self.rng.randrange(self.field.p))
        V: Dual = tangent(v, X, self.residues(X.shape))
        return V


def degree_of(v: Variable, sizes: Mapping[str, int], exponents: Collection[str]) -> Degree:
    """The degree of a value that `ResidueSampler` draws, as a function of uniform residues."""
    form = np.zeros(()) if v.is_scalar else np.zeros(shape_value(v, sizes))
    if "integer" in v.properties:
        return Degree(0, 0, form, 4 if v.is_scalar else None, frozenset({f"the whole number {v.name}"}))
    if v.name in exponents:
        return Degree(1, 0, form, None, frozenset({f"the exponent {v.name}"}))
    if "orthogonal" in v.properties and not v.is_scalar:
        n = len(form)
        return Degree(2 * n, 2 * n, form)
    if "unit" in v.properties:
        return Degree(1, 1, form, None, frozenset({"a root"}))
    return Degree(2 if v.properties & {"spd", "positive"} else 1, 0, form)


def degree_of_direction(v: Variable, X: Degree) -> Degree:
    """The degree of a random tangent."""
    V: Degree = tangent(v, X, Degree(1, 0, X.form))
    return V


def one_by_one(shapes: Sequence[tuple[Expr, Expr]]) -> dict[str, int] | None:
    """The size 1 for every symbol, or None where a dimension would not be positive."""
    dimensions = {d for shape in shapes for d in shape}
    sizes = {s.name: 1 for d in dimensions for s in d.free_symbols}
    numbers = [int(dimension_value(d, sizes)) for d in dimensions]
    return sizes if sizes and all(n >= 1 for n in numbers) else None
