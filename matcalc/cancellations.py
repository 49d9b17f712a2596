"""Where large numbers cancel: whether the digits of a small value mean something, or are rounding.

A value that is small because its factors are small has all its digits; one that is left over by numbers a million
million times as large may have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, prod
from typing import Any

from matcalc.differences import magnitude
from matcalc.expressions import Apply, Expression, IndexedSum, Product, Sum

DEEP = 1e12


def cancels_deeply(nodes: Sequence[Expression], memory: Sequence[Any]) -> bool:
    """Whether some value is a million million times smaller than what it was added up from.

    >>> import numpy as np
    >>> from matcalc.evaluation import Evaluator
    >>> from matcalc.reading import parse
    >>> evaluator = Evaluator([parse("s + t - s*t", "s, t: scalar")])
    >>> values = [{"s": np.float64(s), "t": np.float64(1e-9)} for s in (1e-9, 1.0)]
    >>> [cancels_deeply(evaluator.nodes, evaluator.memory(v, {})) for v in values]
    [False, False]
    """
    values = dict(zip(nodes, memory, strict=True))
    return any(
        type(node) in _SUMMANDS and _exceeds(_SUMMANDS[type(node)](node, values), values[node]) for node in nodes
    )


def largest_cancelling(nodes: Sequence[Expression], memory: Sequence[Any]) -> float:
    """The size of the largest value on the way, beside which a small one may be rounding; 0 where none cancels."""
    if not cancels_deeply(nodes, memory):
        return 0.0
    sizes = [magnitude(value) for value in memory if value is not None]
    return max(size for size in sizes if isfinite(size))


def _exceeds(summand: float, value: Any) -> bool:
    return value is not None and summand > DEEP * magnitude(value)


def _of_sum(node: Sum, values: dict[Expression, Any]) -> float:
    return max(magnitude(values[term]) for term in node.operands)


def _of_product(node: Product, values: dict[Expression, Any]) -> float:
    """The product of norms; a factor that was solved with has no value, and is well conditioned."""
    found = [values.get(factor) for factor in node.operands]
    return 0.0 if any(value is None for value in found) else prod(map(magnitude, found))


def _of_application(node: Apply, values: dict[Expression, Any]) -> float:
    if node.function in _NEAR_ONE:
        return 1.0
    size = magnitude(values[node.operands[-1]])
    n = len(values[node.operands[-1]]) if node.function in _DEGREES else 1
    return size ** _DEGREES[node.function](n) if node.function in _DEGREES else 0.0


def _of_indexed_sum(node: IndexedSum, values: dict[Expression, Any]) -> float:
    return float("inf")


# The functions that are small where their argument is close to 1, and those that add products of so many entries.
_NEAR_ONE = frozenset({"log", "logdet", "logabsdet", "loggamma", "arccos", "arccosh"})
_DEGREES: dict[str, Callable[[int], int]] = {"tr": lambda n: 1, "det": lambda n: n, "adj": lambda n: n - 1}

_SUMMANDS: dict[type[Expression], Callable[[Any, dict[Expression, Any]], float]] = {
    Sum: _of_sum,
    Product: _of_product,
    Apply: _of_application,
    IndexedSum: _of_indexed_sum,
}
