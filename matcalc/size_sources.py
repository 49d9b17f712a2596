"""Which argument of a function shows a size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sympy import Expr, Integer

from matcalc.errors import EvaluationError
from matcalc.expressions import ONE, Variable


def size_sources(sizes: Iterable[str], variables: Sequence[Variable]) -> dict[str, tuple[Variable, int, Expr]]:
    """For each size the variable, the axis and the dimension that show it.

    Raises EvaluationError for a size that no variable shows.

    >>> from matcalc.leaves import variable
    >>> size_sources(["n"], [variable("x", "n")])
    {'n': (x, 0, n)}
    """
    found: dict[str, tuple[Variable, int, Expr]] = {}
    for size in sizes:
        candidates = [
            (v, axis, d)
            for v in variables
            for axis, d in enumerate(v.shape)
            if {s.name for s in d.free_symbols} == {size}
        ]
        candidates.sort(key=lambda c: (not c[2].is_Symbol, c[0].columns is not ONE))
        linear = [c for c in candidates if _slope(c[2])]
        if not linear:
            raise EvaluationError(f"no argument shows the size {size}", hint=f"{size} is declared in no shape alone")
        found[size] = linear[0]
    return found


def _slope(d: Expr) -> Expr:
    """The slope of a dimension that is linear in its one size, 0 for any other."""
    (symbol,) = d.free_symbols
    first, second = (d.subs(symbol, k + 1) - d.subs(symbol, k) for k in (0, 1))
    return first if first == second else Integer(0)


def size_formula(array: str, v: Variable, axis: int, dimension: Expr, leading: int = 0) -> str:
    """The size as a formula in the length of an axis of an argument."""
    is_flat = v.rows == 1 or v.columns == 1
    length = f"{array}.shape[{leading + (0 if is_flat else axis)}]"
    if dimension.is_Symbol:
        return length
    (symbol,) = dimension.free_symbols
    return f"({length} - {dimension.subs(symbol, 0)}) // {_slope(dimension)}"
