"""Several arrays as one flat vector: the columns of each below each other, one array after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sympy import Add, Integer

from matcalc.bindings import Array, declared_shape, known_sizes, shown_shape, size_names, size_value, solved_size
from matcalc.errors import EvaluationError, ShapeError
from matcalc.expressions import Variable
from matcalc.lazy_properties import lazy_property
from matcalc.signatures import Signature


class Part(NamedTuple):
    """A variable, where its entries stand in the flat vector, its rows and columns, and the shape of its array."""

    variable: Variable
    place: slice
    dimensions: tuple[int, int]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of its entries."""
        return self.place.stop - self.place.start


def flattened(arrays: Iterable[Any]) -> Array:
    """The flat vector of some arrays.

    >>> flattened([[[1, 2], [3, 4]], 5]).tolist()
    [1, 3, 2, 4, 5]
    """
    flat = [np.ravel(np.asarray(x), order="F") for x in arrays]
    return np.concatenate(flat) if len(flat) > 1 else flat[0]


def sizes_shown(variables: Sequence[Variable], values: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes that values show, beside those that are known; the values are checked as far as the sizes tell.

    Raises ShapeError or EvaluationError with the name of what does not fit.

    >>> from matcalc.leaves import variable
    >>> sizes_shown([variable("A", "m", "n")], {"A": [[1, 2, 3]]}, {})
    {'m': 1, 'n': 3}
    """
    known = known_sizes({v: shown_shape(v, values) for v in variables}, sizes)
    # a dimension with one unknown size would have shown it
    told = [v for v in variables if all(sum(s.name not in known for s in d.free_symbols) < 2 for d in v.shape)]
    Signature(told, known, batch=False).bound([values[v.name] for v in told])
    return known


class FlatVectors:
    """The flat vectors of the values of variables, whose sizes are known, or shown by the length of the vector.

    >>> from matcalc.leaves import variable
    >>> vectors = FlatVectors([variable("U", "m", "k"), variable("b", "k")], {"m": 2})
    >>> vectors.join({"U": [[1, 2], [3, 4]], "b": [5, 6]})
    array([1., 3., 2., 4., 5., 6.])
    >>> vectors.split([1, 2, 3])["U"].tolist()
    [[1.0], [2.0]]
    """

    def __init__(self, variables: Sequence[Variable], sizes: Mapping[str, int]) -> None:
        self.variables = tuple(variables)
        self.sizes = dict(sizes)
        self._last: tuple[int, tuple[Part, ...]] | None = None

    @lazy_property
    def size(self) -> int:
        """The number of entries; raises EvaluationError where a size is not known."""
        missing = size_names(self.variables) - self.sizes.keys()
        if missing:
            name = min(missing)
            raise EvaluationError(f"no argument shows the size {name}", hint=f"give it: sizes={{{name!r}: 3}}")
        return sum(size_value(v.rows, self.sizes) * size_value(v.columns, self.sizes) for v in self.variables)

    def layout(self, length: int) -> tuple[Part, ...]:
        """What stands where in a flat vector of that length."""
        last = self._last
        if last is None or last[0] != length:
            last = self._last = length, self._layout(length)
        return last[1]

    def sizes_for(self, length: int) -> dict[str, int]:
        """The sizes that are known, and the one that the length of a flat vector shows."""
        total = Add(*(v.rows * v.columns for v in self.variables))
        total = total.xreplace({s: Integer(self.sizes[s.name]) for s in total.free_symbols if s.name in self.sizes})
        missing = total.free_symbols
        if len(missing) != 1:
            return self.sizes
        (symbol,) = missing
        found = solved_size(total - length, symbol)
        return self.sizes if found is None else {**self.sizes, symbol.name: found}

    def _layout(self, length: int) -> tuple[Part, ...]:
        sizes = self.sizes_for(length)
        parts = []
        start = 0
        for v in self.variables:
            rows, columns = (size_value(d, sizes) for d in v.shape)
            if rows < 1 or columns < 1:
                raise self._misfit(length, sizes)
            shape = () if v.is_scalar else tuple(n for n, d in zip((rows, columns), v.shape, strict=True) if d != 1)
            parts.append(Part(v, slice(start, start + rows * columns), (rows, columns), shape))
            start += rows * columns
        if start != length:
            raise self._misfit(length, sizes)
        return tuple(parts)

    def _misfit(self, length: int, sizes: Mapping[str, int]) -> ShapeError:
        names = " and ".join(f"{v.name}, {declared_shape(v)}" for v in self.variables)
        symbols = sorted(size_names(self.variables))
        known = " and ".join(f"{s} = {sizes[s]}" for s in symbols if s in sizes)
        missing = [s for s in symbols if s not in sizes]
        return ShapeError(
            f"{length} entries do not make {names}{', where ' if known else ''}{known}",
            hint=f"nothing shows the size {missing[0]}: sizes={{{missing[0]!r}: …}} gives it"
            if len(missing) > 1
            else "",
        )

    def split(self, z: Any) -> dict[str, Any]:
        """The arrays by name."""
        z = np.asarray(z, dtype=float)
        if z.ndim != 1:
            z = self._only_column(z)
        return dict(zip([v.name for v in self.variables], self.parts(z), strict=True))

    def parts(self, z: Array) -> list[Any]:
        """The numbers and arrays, views of a flat vector, which may be of any type of numbers."""
        return [
            z[place] if len(shape) == 1 else z[place].reshape(shape, order="F") if shape else z.item(place.start)
            for _, place, _, shape in self.layout(len(z))
        ]

    def _only_column(self, z: Array) -> Array:
        """The flat vector of one column, or of the value of the one variable."""
        flat = z.ravel(order="F")
        if z.shape[1:] in ((), (1,)):
            return flat
        layout = self.layout(z.size)
        if len(layout) > 1 or layout[0].shape != z.shape:
            raise ShapeError(f"an array of shape {z.shape} stands where a flat vector is wanted")
        return flat

    def join(self, values: Mapping[str, Any]) -> Array:
        """The flat vector of arrays by name, their shapes checked."""
        sizes_shown(self.variables, values, self.sizes)
        for v in self.variables:
            if np.iscomplexobj(values[v.name]):
                raise EvaluationError(
                    f"{v.name} has complex entries", hint="an unknown is real: take its parts for two"
                )
        return flattened(values[v.name] for v in self.variables).astype(float)

    def showing(self, values: Mapping[str, Any]) -> FlatVectors:
        """The same, with the sizes that values show."""
        return FlatVectors(self.variables, sizes_shown(self.variables, values, self.sizes))
