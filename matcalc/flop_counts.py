"""What each operation of a program costs in arithmetic operations, as a formula in the sizes.

An addition, a multiplication and a function of one number each count as one; what only moves numbers counts as
none. The figures of factorizations are the usual leading terms (Golub & Van Loan).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sympy import Expr, Integer, Rational, expand

Count = Callable[[Any], Expr]


def simplified_count(total: Expr) -> Expr:
    """A count as a polynomial in the sizes."""
    return _expanded(total)


@lru_cache(maxsize=1024)
def _expanded(total: Expr) -> Expr:
    return expand(total)


def _size(v: Any) -> Expr:
    return v.shape[0] * v.shape[1]


def _per_entry(each: int = 1) -> Count:
    return lambda v: each * _size(v)


def _of_operand(each: int = 1) -> Count:
    return lambda v: each * _size(v.args[0])


def _product(v: Any) -> Expr:
    a = v.args[0]
    return 2 * v.shape[0] * v.shape[1] * a.shape[1]


def _cube(factor: Expr, operand: int = 0) -> Count:
    return lambda v: factor * v.args[operand].shape[0] ** 3


def _power(v: Any) -> Expr:
    k = abs(int(v.data[0]))
    return 2 * max(k.bit_length() - 1 + k.bit_count() - 1, 0) * v.shape[0] ** 3


def _kron_times(v: Any) -> Expr:
    (left_is_eye, right_is_eye), (m, n), (p, q) = v.data
    first = 0 if right_is_eye else 2 * p * q * n
    second = 0 if left_is_eye else 2 * m * n * p
    return (first + second) * v.shape[1]


FLOPS: dict[str, Count] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "neg", "pow", "reciprocal", "apply", "scale_rows"), _per_entry()),
    **dict.fromkeys(("scale_columns", "outer", "sqrt", "indexed_sum", "equals"), _per_entry()),
    "sigmoid": _per_entry(3),
    "softplus": _per_entry(3),
    "matmul": _product,
    "matvec": _product,
    **dict.fromkeys(("dot", "square", "squared_norm", "norm"), _of_operand(2)),
    **dict.fromkeys(("sum", "row_sums", "column_sums", "max", "row_max", "column_max"), _of_operand()),
    "trace": lambda v: v.args[0].shape[0],
    "row_dots": _of_operand(2),
    "add_diagonal": lambda v: v.shape[0],
    "weighted_gram": lambda v: v.args[0].shape[0] * v.shape[0] * (v.shape[0] + 2),
    "inverse_times_part": _per_entry(4),
    "symmetric_product": lambda v: v.shape[0] * (v.shape[0] + 1) * v.args[0].shape[1],
    "squared_distances": lambda v: 2 * _size(v) * v.args[0].shape[1],
    "kron": _per_entry(),
    "kron_times": _kron_times,
    "cholesky": _cube(Rational(1, 3)),
    "lu": _cube(Rational(2, 3)),
    "symmetric": _cube(Rational(1, 3)),
    "solve": lambda v: 2 * v.args[0].shape[0] ** 2 * v.args[1].shape[1],
    "inverse": _cube(Rational(4, 3)),
    "logdet": lambda v: 2 * v.args[0].shape[0],
    "logabsdet": lambda v: 2 * v.args[0].shape[0],
    "det": lambda v: v.args[0].shape[0],
    **dict.fromkeys(("determinant", "log_determinant", "log_abs_determinant"), _cube(Rational(2, 3))),
    "matrix_power": _power,
    "adjugate": _cube(Integer(2)),
    "opaque": lambda v: 10 * _size(v.args[0]) * v.args[0].shape[1] if v.args and v.args[0].rank == 2 else _size(v),
}
"""Flops by operation; what is not here costs nothing."""
