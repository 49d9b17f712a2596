"""The language NumPy: how every operation of a program is written, and what is returned."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterator

from matcalc.code_sheets import ATOM, POSTFIX, TIMES, Language, Sheet, Template, Text
from matcalc.in_place_code import (
    write_entrywise,
    write_neg,
    write_product,
    write_quotient,
    write_scaled_columns,
    write_scaled_rows,
    write_sqrt,
    write_sum,
    write_with_diagonal,
)
from matcalc.matrix_function_code import NUMPY_ALONE, NUMPY_FUNCTIONS, opaque
from matcalc.numpy_factorizations import factor, inverse, of_factor, solve, symmetric, triangular
from matcalc.numpy_formulas import (
    call,
    form,
    is_runtime,
    matrix_product,
    range_loop,
    write_as_row,
    write_block,
    write_column,
    write_commutation,
    write_commute,
    write_constant_matrix,
    write_dot,
    write_entry,
    write_equals,
    write_half,
    write_kron,
    write_kron_times,
    write_max,
    write_outer,
    write_pow,
    write_row,
    write_scaled_eye,
    write_sigmoid,
    write_softplus,
    write_square,
    write_squared_norm,
    write_unit,
    write_unvec,
)
from matcalc.programs import Value

OPERATIONS: dict[str, Template] = {
    "number": lambda sheet, v: sheet.number(v.data[0]),
    "constant": lambda sheet, v: Text(f"np.{v.data[0]}"),
    **{name: write_constant_matrix(name) for name in ("eye", "ones", "zeros")},
    "scaled_eye": write_scaled_eye,
    "commutation": write_commutation,
    "duplication": write_half,
    "elimination": write_half,
    "unit": write_unit,
    "add": write_sum("+"),
    "sub": write_sum("-"),
    "mul": write_product,
    "div": write_quotient,
    "neg": write_neg,
    "reciprocal": form("1 / {}", TIMES, TIMES + 1),
    "sqrt": write_sqrt,
    "pow": write_pow,
    "apply": write_entrywise,
    "sigmoid": write_sigmoid,
    "softplus": write_softplus,
    "scale_rows": write_scaled_rows,
    "scale_columns": write_scaled_columns,
    "as_column": form("{}[:, None]", POSTFIX, POSTFIX),
    "as_row": write_as_row,
    "outer": write_outer,
    "matvec": matrix_product,
    "matmul": matrix_product,
    "dot": write_dot,
    "square": write_square,
    "squared_norm": write_squared_norm,
    "norm": call("np.linalg.norm"),
    "sum": call("np.sum"),
    "row_sums": call("np.sum", 1, ", axis=1"),
    "column_sums": call("np.sum", 1, ", axis=0"),
    "equals": write_equals,
    "max": write_max(),
    "row_max": write_max(", axis=1"),
    "column_max": write_max(", axis=0"),
    "trace": call("np.trace"),
    "diagonal": call("np.diag"),
    "diag": call("np.diag"),
    "row_dots": form('np.einsum("ij,ij->i", {}, {})', ATOM, 0, 0),
    "add_diagonal": write_with_diagonal,
    "transpose": form("{}.T", POSTFIX, POSTFIX),
    "vec": form('{}.ravel(order="F")', POSTFIX, POSTFIX),
    "unvec": write_unvec,
    "kron": write_kron,
    "kron_times": write_kron_times,
    "commute": write_commute,
    "entry": write_entry,
    "row": write_row,
    "column": write_column,
    "block": write_block,
    "tril": call("np.tril"),
    "triu": call("np.triu"),
    "cholesky": factor("Cholesky", "cho_factor"),
    "lu": factor("LU", "lu_factor"),
    "symmetric": symmetric,
    "lower": triangular(True),
    "upper": triangular(False),
    "solve": solve,
    "inverse": inverse,
    "logdet": of_factor("logdet"),
    "logabsdet": of_factor("logabsdet"),
    "det": of_factor("det"),
    "determinant": call("np.linalg.det"),
    "log_determinant": lambda sheet, v: Text(f"{sheet.helper('log_determinant')}({sheet.formula(v.args[0])})"),
    "log_abs_determinant": form("np.linalg.slogdet({})[1]", POSTFIX, 0),
    "adjugate": lambda sheet, v: Text(f"{sheet.helper('adjugate')}({sheet.formula(v.args[0])})"),
    "matrix_power": lambda sheet, v: Text(f"np.linalg.matrix_power({sheet.formula(v.args[0])}, {v.data[0]})"),
    "opaque": opaque(NUMPY_FUNCTIONS, NUMPY_ALONE),
    "weighted_gram": call("weighted_gram", 2),
    "inverse_times_part": call("inverse_times_part", 4),
    "symmetric_product": call("symmetric_product", 2),
    "squared_distances": call("squared_distances", 2),
}

NUMPY = Language(
    operations=OPERATIONS,
    repeats=frozenset({"square", "squared_norm", "commute"}),
    reserved=frozenset(
        {*keyword.kwlist, "np", "dtype", "Cholesky", "LU", "Triangular", "indices", "print", "range", "len", "int"}
    ),
    loop=range_loop,
)

VIEWS = frozenset({"input", "transpose", "diagonal", "row", "column", "vec", "unvec"})
SOMETIMES_VIEWS = frozenset({"commute", "opaque"})


def result(sheet: Sheet, v: Value, is_row: bool, returned: Collection[Value] = ()) -> str:
    """What is returned for an output: a row as a 1×n array, and nothing that shares memory with an argument.

    Nor with what is `returned` before it.
    """
    text = sheet.formula(v, POSTFIX) + "[None, :]" if is_row else sheet.texts[v].text
    views = VIEWS | SOMETIMES_VIEWS if is_runtime(sheet) else VIEWS
    is_view = shares_memory(v, views, returned=returned) or (is_runtime(sheet) and v.op == "diagonal")
    # NumPy's diagonal is a view that may not be written to
    return f"np.array({text})" if is_view else text


def shares_memory(v: Value, views: Collection[str], least_rank: int = 1, returned: Collection[Value] = ()) -> bool:
    """Whether a value may be a view of an argument of that rank or more, or of what is returned beside it."""
    arrays = [a for a in seen_through(v, views) if a.rank >= least_rank]
    return any(a.op == "input" or a in returned for a in arrays)


def seen_through(v: Value, views: Collection[str] = VIEWS | SOMETIMES_VIEWS) -> Iterator[Value]:
    """A value, and those that it may be a view of."""
    stack = [v]
    while stack:
        v = stack.pop()
        yield v
        if v.op in views:
            stack.extend(v.args)
