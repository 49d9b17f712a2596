"""Which matrices are symmetric and positive semidefinite at sight: declared so, Gram matrices, sums and multiples.

An invertible one of them has a Cholesky factorization.
"""

from __future__ import annotations

from functools import lru_cache

from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
)
from matcalc.transposes import transpose

MOST_LEVELS = 12
POSITIVE_FUNCTIONS = frozenset(
    {"exp", "sigmoid", "softplus", "softmax", "softmax_columns", "softmax_rows", "abs", "relu", "norm2", "cosh"}
)


@lru_cache(maxsize=4096)
def is_positive(node: Expression, levels: int = MOST_LEVELS) -> bool:
    """Whether every entry is visibly at least zero, or a scalar is.

    >>> from matcalc.reading import parse
    >>> is_positive(parse("exp(x) + y.^2", where="x, y: vector(n)"))
    True
    """
    if isinstance(node, Number):
        return bool(node.value.is_nonnegative)
    if isinstance(node, Ones) or (isinstance(node, Variable) and "positive" in node.properties):
        return True
    if isinstance(node, Apply) and node.function in POSITIVE_FUNCTIONS:
        return True
    if levels == 0:
        return False
    if isinstance(node, (Power, EntrywisePower)) and (node.is_scalar or isinstance(node, EntrywisePower)):
        base, exponent = node.args
        even = isinstance(exponent, Number) and exponent.value.is_even is True
        return even or is_positive(base, levels - 1)
    if isinstance(node, Product) and node.is_scalar and node.chain:
        return bool(node.coefficient.is_nonnegative) and (
            _is_gram(node.chain, levels) or all(is_positive(f, levels - 1) for f in node.chain)
        )
    if isinstance(node, Product) and not node.is_scalar:
        return bool(node.coefficient.is_nonnegative) and all(
            is_positive(f, levels - 1) for f in (*node.scalars, *node.chain)
        )
    return isinstance(node, (Sum, Hadamard, Product, Transpose)) and all(
        is_positive(o, levels - 1) for o in node.operands
    )


@lru_cache(maxsize=4096)
def is_semidefinite(node: Expression, levels: int = MOST_LEVELS) -> bool:
    """Whether the matrix is visibly symmetric positive semidefinite.

    >>> from matcalc.reading import parse
    >>> is_semidefinite(parse("X'*X + exp(t)*eye(n)", where="X: matrix(m,n), t: scalar"))
    True
    """
    if isinstance(node, Variable):
        return "spd" in node.properties
    if isinstance(node, Identity):
        return True
    if levels == 0:
        return False
    if isinstance(node, Apply):
        return node.function == "diag" and is_positive(node.operands[0])
    if isinstance(node, Sum):
        return all(is_semidefinite(o, levels - 1) for o in node.operands)
    if isinstance(node, Power):
        return is_semidefinite(node.args[0], levels - 1)
    if isinstance(node, Product) and not node.is_scalar:
        scalars = bool(node.coefficient.is_nonnegative) and all(is_positive(s) for s in node.scalars)
        return scalars and _is_gram(node.chain, levels)
    return False


def _is_gram(chain: tuple[Expression, ...], levels: int) -> bool:
    """Whether a chain of matrices reads F₁…Fₖ M Fₖ'…F₁' with M semidefinite or absent."""
    first, last = 0, len(chain) - 1
    while first < last:
        if transpose(chain[first]) is not chain[last]:
            return False
        first, last = first + 1, last - 1
    return first > last or is_semidefinite(chain[first], levels - 1)
