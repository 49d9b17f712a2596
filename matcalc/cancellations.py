"""Where large numbers cancel: whether the digits of a small value mean something, or are rounding.

A value that is small because its factors are small has all its digits; one that is left over by numbers a million
million times as large may have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import mul
from typing import Any, TypeAlias

import numpy as np

from matcalc.expressions import Apply, Expression, IndexedSum, Product, Sum

DEEP = 1e12
Values: TypeAlias = Mapping[Expression, Any]


def largest_cancelling(nodes: Sequence[Expression], memory: Sequence[Any]) -> float:
    """The largest number on the way, beside which a small one may be rounding; 0 where none cancels.

    >>> from matcalc.evaluation import Evaluator
    >>> from matcalc.reading import parse
    >>> evaluator = Evaluator([parse("s - t*s", "s, t: scalar")])
    >>> [
    ...     float(largest_cancelling(evaluator.nodes, evaluator.memory({"s": 1e-20, "t": t}, {})))
    ...     for t in (0.5, 1.0)
    ... ]
    [0.0, 1.0]
    """
    values = dict(zip(nodes, memory, strict=True))
    with np.errstate(all="ignore"):
        largest = max((float(np.max(np.abs(v))) for v in memory if v is not None), default=0.0)
        if not np.isfinite(largest):
            return np.inf
        cancelling = max((_cancelling(node, values) for node in nodes), default=0.0)
        return max(largest, cancelling) if cancelling else 0.0


def _cancelling(node: Expression, values: Values) -> float:
    """The largest number that an entry was added up from, if it is a million million times smaller, else 0."""
    summands = _SUMMANDS.get(type(node))
    if summands is None or values[node] is None:
        return 0.0
    found = summands(node, values)
    return float(np.max(found)) if np.any(found > DEEP * np.abs(values[node])) else 0.0


def _of_sum(node: Sum, values: Values) -> Any:
    return reduce(np.maximum, (np.abs(values[term]) for term in node.operands))


def _of_product(node: Product, values: Values) -> Any:
    """The product of absolute values; a factor that was solved with has no value, and is well conditioned."""
    chain = [values.get(factor) for factor in node.chain]
    if not chain or any(value is None for value in chain):
        return 0.0
    matrix: Any = reduce(np.matmul, [np.abs(factor) for factor in chain])  # type: ignore[arg-type]
    scalars = [abs(values[s]) for s in node.operands if s.is_scalar]
    return reduce(mul, scalars, matrix[0, 0] if node.is_scalar else matrix)


def _of_application(node: Apply, values: Values) -> Any:
    if node.function in _NEAR_ONE:
        return 1.0
    if node.function not in _DEGREES:
        return 0.0
    A = np.atleast_2d(values[node.operands[-1]])
    return np.float64(np.linalg.norm(A)) ** _DEGREES[node.function](len(A))


def _of_indexed_sum(node: IndexedSum, values: Values) -> Any:
    """Its terms are not seen; they are taken to be of order one, or as large as the largest value."""
    return 1.0


# The functions that are small where their argument is close to 1, and those that add products of so many entries.
_NEAR_ONE = frozenset({"log", "logdet", "logabsdet", "loggamma", "arccos", "arccosh"})
_DEGREES: dict[str, Callable[[int], int]] = {"tr": lambda n: 1, "det": lambda n: n, "adj": lambda n: n - 1}

_SUMMANDS: dict[type[Expression], Callable[[Any, Values], Any]] = {
    Sum: _of_sum,
    Product: _of_product,
    Apply: _of_application,
    IndexedSum: _of_indexed_sum,
}
