"""NumPy code for batches: what depends on a batched argument has a leading axis, anything else is computed once.

An operation for which there is nothing in `OPERATIONS` here is done for each item as `numpy_code` writes it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from matcalc.code_sheets import ATOM, MATMUL, PLUS, POSTFIX, POWER, TIMES, Language, Sheet, Template, Text
from matcalc.expressions import ONE
from matcalc.numpy_code import NUMPY, SOMETIMES_VIEWS, VIEWS, result, shares_memory
from matcalc.numpy_formulas import call, index_formula, is_complex, range_loop, real_part, spread
from matcalc.programs import ENTRYWISE, INDEXED_SUM, Program, Value, every_value, refuse


@dataclass(frozen=True)
class Layout:
    """The values of a program that have a leading axis, and the number of axes that an item of each value has."""

    batched: Collection[Value]
    axes: dict[Value, int]


def layout_of(program: Program, names: Collection[str]) -> Layout:
    """The layout where the arguments of these names are batched.

    >>> from matcalc.lowering import lower
    >>> from matcalc.reading import parse
    >>> program = lower([parse("x'*A*x", where="A: matrix(n,n), x: vector(n)")])
    >>> [v.op for v in program.values if v in layout_of(program, {"x"}).batched]
    ['input', 'matvec', 'dot']
    """
    batched: set[Value] = set()
    axes: dict[Value, int] = {}
    for v in every_value(program.values):
        if v.op == INDEXED_SUM:
            axes[v.data[0]] = 0
        if v.data[0].name in names if v.op == "input" else any(a in batched for a in v.args):
            batched.add(v)
        # a sum of numbers may stand for a matrix whose entries are all the same
        axes[v] = max((axes[a] for a in v.args), default=0) if v.op in ENTRYWISE else v.rank
    return Layout(batched, axes)


def has_items(sheet: Sheet, v: Value) -> bool:
    """Whether a value has a leading axis."""
    return v in sheet.options["layout"].batched


def _axes(sheet: Sheet, v: Value) -> int:
    axes: int = sheet.options["layout"].axes[v]
    return axes


def _spread(sheet: Sheet, v: Value, axes: int, binding: int) -> str:
    """An operand that meets items of so many axes."""
    missing = axes - _axes(sheet, v)
    if not has_items(sheet, v) or not missing:
        return sheet.formula(v, binding)
    return f"{sheet.formula(v, POSTFIX)}[:{', None' * missing}]"


def _entrywise(pattern: str, binding: int, *levels: int) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        axes = _axes(sheet, v)
        operands = [_spread(sheet, a, axes, level) for a, level in zip(v.args, levels, strict=True)]
        return Text(pattern.format(*operands), binding)

    return write


def _with_axis(sheet: Sheet, v: Value, place: str) -> str:
    """An operand with a new axis: `column` at its end, `row` before its last."""
    first = ":, " if has_items(sheet, v) else ""
    return f"{sheet.formula(v, POSTFIX)}[{first}{ {'column': ':, None', 'row': 'None, :'}[place] }]"


def _as_matrix(sheet: Sheet, v: Value, shape: Any) -> str:
    """An operand as a matrix of its shape, or a stack of such matrices."""
    if not has_items(sheet, v):
        return spread(sheet, v, shape)
    if v.rank == 1:
        return _with_axis(sheet, v, "column" if shape[1] is ONE else "row")
    return sheet.formula(v, POSTFIX) + "[:, None, None]" if v.rank == 0 else sheet.formula(v)


def _reduction(
    function: str, vector: str = ", axis=1", matrix: str = ", axis=(1, 2)", is_real: bool = False
) -> Template:
    """A call over the axes of an item; what is done to a number is done for each item."""

    def write(sheet: Sheet, v: Value) -> Text:
        axes = _axes(sheet, v.args[0])
        if axes == 0:
            return each_item(sheet, v)
        operand = real_part(sheet, v.args[0]) if is_real else sheet.formula(v.args[0])
        return Text(f"{function}({operand}{vector if axes == 1 else matrix})")

    return write


def each_item(sheet: Sheet, v: Value) -> Text:
    """The operation done for one item after the other."""
    operands = [f"({sheet.formula(a)}, {has_items(sheet, a)})" for a in v.args]
    inner = replace(
        sheet,
        names=dict.fromkeys(v.args, "items"),
        texts={a: Text(f"items[{i}]", POSTFIX) for i, a in enumerate(v.args)},
    )
    operation = NUMPY.operations[v.op](inner, v).text
    return Text(f"{sheet.helper('item_by_item')}(lambda *items: {operation}, batch, {', '.join(operands)})")


# ---- products ----------------------------------------------------------------------------------------------


def _matvec(sheet: Sheet, v: Value) -> Text:
    A, x = v.args
    if not has_items(sheet, x):
        return Text(f"{sheet.formula(A, TIMES + 1)} @ {sheet.formula(x, TIMES + 1)}", MATMUL)
    if not has_items(sheet, A):
        is_turned = A.op == "transpose" and A not in sheet.names
        turned = sheet.formula(A.args[0], TIMES + 1) if is_turned else sheet.formula(A, POSTFIX) + ".T"
        return Text(f"{sheet.formula(x, TIMES + 1)} @ {turned}", MATMUL)
    return Text(f"({sheet.formula(A, TIMES + 1)} @ {sheet.formula(x, POSTFIX)}[:, :, None])[:, :, 0]", POSTFIX)


def _dot(sheet: Sheet, v: Value) -> Text:
    a, b = v.args if len(v.args) == 2 else v.args * 2
    letters = "ij"[: _axes(sheet, a)]
    if len(letters) == 1 and not (has_items(sheet, a) and has_items(sheet, b)):
        first, second = (a, b) if has_items(sheet, a) else (b, a)
        return Text(f"{sheet.formula(first, TIMES + 1)} @ {sheet.formula(second, TIMES + 1)}", MATMUL)
    places = [("b" if has_items(sheet, x) else "") + letters for x in (a, b)]
    return Text(f'np.einsum("{places[0]},{places[1]}->b", {sheet.formula(a)}, {sheet.formula(b)})')


def _squared_norm(sheet: Sheet, v: Value) -> Text:
    if not is_complex(sheet):
        return _dot(sheet, v)
    return Text(f"{_NORM(sheet, v).text} ** 2", POWER)


_NORM = _reduction("np.linalg.norm")


def _outer(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    return Text(f"{_with_axis(sheet, a, 'column')} * {_with_axis(sheet, b, 'row')}", TIMES)


def _scale_rows(sheet: Sheet, v: Value) -> Text:
    weights, X = v.args
    return Text(f"{_with_axis(sheet, weights, 'column')} * {sheet.formula(X, TIMES + 1)}", TIMES)


def _scale_columns(sheet: Sheet, v: Value) -> Text:
    X, weights = v.args
    return Text(f"{sheet.formula(X, TIMES)} * {_with_axis(sheet, weights, 'row')}", TIMES)


def _kron(sheet: Sheet, v: Value) -> Text:
    parts = [_as_matrix(sheet, a, shape) for a, shape in zip(v.args, v.data, strict=True)]
    return Text(f"{sheet.helper('kron_products')}({', '.join(parts)})")


def _kron_times(sheet: Sheet, v: Value) -> Text:
    is_eye, *shapes = v.data
    operands = list(v.args)
    parts = [
        "None" if eye else _as_matrix(sheet, operands.pop(0), shape) for eye, shape in zip(is_eye, shapes, strict=True)
    ]
    columns = sheet.size(shapes[0][1])
    X = sheet.formula(operands[-1])
    return Text(f"{sheet.helper('kron_times_each')}({', '.join(parts)}, {X}, {columns}, batch)")


# ---- places ------------------------------------------------------------------------------------------------


def _part(place: str, axis: int) -> Template:
    """An entry, a row or a column whose index all items share."""

    def write(sheet: Sheet, v: Value) -> Text:
        x, index = v.args
        if has_items(sheet, index):
            return each_item(sheet, v)
        position = index_formula(sheet, index, x.shape[axis])
        return Text(f"{sheet.formula(x, POSTFIX)}[{place.format(position)}]", POSTFIX)

    return write


def _add_diagonal(sheet: Sheet, v: Value) -> Text:
    A, entries = v.args
    added = sheet.formula(entries)
    if has_items(sheet, entries) and _axes(sheet, entries) == 0:
        added = f"{sheet.formula(entries, POSTFIX)}[:, None]"
    return Text(f"{sheet.helper('add_diagonals')}({sheet.formula(A)}, {added}, batch)")


def _vec(sheet: Sheet, v: Value) -> Text:
    return Text(f"{sheet.formula(v.args[0], POSTFIX)}.swapaxes(1, 2).reshape(batch, -1)", POSTFIX)


def _unvec(sheet: Sheet, v: Value) -> Text:
    m, n = map(sheet.size, v.shape)
    return Text(f"{sheet.formula(v.args[0], POSTFIX)}.reshape(batch, {n}, {m}).swapaxes(1, 2)", POSTFIX)


def _commute(sheet: Sheet, v: Value) -> Text:
    m, n = (sheet.size(d) for d in v.data)
    X = sheet.formula(v.args[0], POSTFIX)
    return Text(f"{X}.reshape(batch, {n}, {m}, -1).swapaxes(1, 2).reshape({X}.shape)", POSTFIX)


def _block(sheet: Sheet, v: Value) -> Text:
    width, shapes = v.data
    if v.rank < 2:
        return each_item(sheet, v)
    parts = [_as_matrix(sheet, a, shape) for a, shape in zip(v.args, shapes, strict=True)]
    rows = [f"[{', '.join(parts[i : i + width])}]" for i in range(0, len(parts), width)]
    return Text(f"{sheet.helper('blocks')}([{', '.join(rows)}], batch)")


# ---- factorizations ----------------------------------------------------------------------------------------


def _factor(name: str, of_complex: str = "") -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        return Text(f"{of_complex if of_complex and is_complex(sheet) else name}({sheet.formula(v.args[0])})")

    return write


def _solve(sheet: Sheet, v: Value) -> Text:
    factor, B = v.args
    turned = ", True" if v.data[0] else ""
    if not has_items(sheet, factor):
        return Text(f"{sheet.helper('solved_columns')}({sheet.formula(factor)}, {sheet.formula(B)}{turned})")
    F = sheet.formula(factor, POSTFIX)
    if B.rank == 2:
        return Text(f"{F}.solve({sheet.formula(B)}{turned})", POSTFIX)
    return Text(f"{F}.solve({_with_axis(sheet, B, 'column')}{turned})[:, :, 0]", POSTFIX)


def _called(pattern: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        return Text(pattern.format(sheet.formula(v.args[0], POSTFIX)))

    return write


# What is the same for a stack as for one array, or is written for it.
AS_FOR_ONE = (
    *("neg", "reciprocal", "sqrt", "apply", "sigmoid", "softplus", "tril", "triu", "matrix_power"),
    *("determinant", "log_abs_determinant", "inverse", "logdet", "logabsdet", "det"),
)


def _inverse_times_part(sheet: Sheet, v: Value) -> Text:
    inverse, A, *_ = v.args
    return Text(f"{sheet.formula(inverse, MATMUL)} @ {sheet.formula(A, MATMUL + 1)}", MATMUL)


OPERATIONS: dict[str, Template] = {
    **{name: NUMPY.operations[name] for name in AS_FOR_ONE},
    "add": _entrywise("{} + {}", PLUS, PLUS, PLUS),
    "sub": _entrywise("{} - {}", PLUS, PLUS, PLUS + 1),
    "mul": _entrywise("{} * {}", TIMES, TIMES, TIMES + 1),
    "div": _entrywise("{} / {}", TIMES, TIMES, TIMES + 1),
    "pow": _entrywise("{}**{}", POWER, POWER + 1, POWER),
    "scaled_eye": lambda sheet, v: Text(f"scaled_eyes({sheet.formula(v.args[0])}, {sheet.size(v.shape[0])})"),
    "scale_rows": _scale_rows,
    "scale_columns": _scale_columns,
    "as_column": lambda sheet, v: Text(_with_axis(sheet, v.args[0], "column"), POSTFIX),
    "as_row": lambda sheet, v: Text(_with_axis(sheet, v.args[0], "row"), POSTFIX),
    "outer": _outer,
    "squared_distances": NUMPY.operations["squared_distances"],
    "matvec": _matvec,
    "matmul": NUMPY.operations["matmul"],
    "symmetric_product": NUMPY.operations["matmul"],
    "dot": _dot,
    "square": _dot,
    "squared_norm": _squared_norm,
    "norm": _NORM,
    "sum": _reduction("np.sum"),
    "row_sums": _called("{}.sum(axis=2)"),
    "column_sums": _called("{}.sum(axis=1)"),
    "equals": _entrywise("({} == {}).astype(dtype)", POSTFIX, PLUS, PLUS),
    "max": _reduction("np.max", is_real=True),
    "row_max": lambda sheet, v: Text(f"np.max({real_part(sheet, v.args[0])}, axis=2)"),
    "column_max": lambda sheet, v: Text(f"np.max({real_part(sheet, v.args[0])}, axis=1)"),
    "trace": _reduction("np.trace", matrix=", axis1=1, axis2=2"),
    "diagonal": _called("np.diagonal({}, axis1=1, axis2=2)"),
    "diag": _called("diagonal_matrices({})"),
    "row_dots": _entrywise('np.einsum("...ij,...ij->...i", {}, {})', ATOM, 0, 0),
    "weighted_gram": call("weighted_grams", 2),
    "inverse_times_part": _inverse_times_part,
    "add_diagonal": _add_diagonal,
    "transpose": _called("{}.swapaxes(1, 2)"),
    "vec": _vec,
    "unvec": _unvec,
    "kron": _kron,
    "kron_times": _kron_times,
    "commute": _commute,
    "entry": _part("..., {}", 0),
    "row": _part(":, {}", 0),
    "column": _part(":, :, {}", 1),
    "block": _block,
    "cholesky": _factor("DefiniteStack", "Stack"),
    "lu": _factor("Stack"),
    "symmetric": _factor("Stack"),
    "lower": _factor("TriangularStack"),
    "upper": _factor("TriangularStack"),
    "solve": _solve,
    "log_determinant": _called("log_determinants({})"),
}


def _written(name: str) -> Template:
    """The operation as it is written for one array where no operand has items."""
    of_one, of_items = NUMPY.operations[name], OPERATIONS.get(name, each_item)
    return lambda sheet, v: (of_items if has_items(sheet, v) else of_one)(sheet, v)


def _start(sheet: Sheet, v: Value) -> Text:
    """What the terms of a sum over an index are added to: an item for each item of the batch."""
    shape = ", ".join([*(["batch"] if has_items(sheet, v) else []), *map(sheet.size, v.shape[: v.rank])])
    return Text(f"np.zeros(({shape},), dtype=dtype)" if shape else "0")


def _loop(sheet: Sheet, index: str, lower: Value, upper: Value) -> str:
    if has_items(sheet, lower) or has_items(sheet, upper):
        raise refuse("a batch whose items are sums of different lengths", "compute them one by one")
    return range_loop(sheet, index, lower, upper)


BATCHED = Language(
    operations={name: _written(name) for name in NUMPY.operations},
    repeats=NUMPY.repeats,
    reserved={*NUMPY.reserved, "batch", "items", "DefiniteStack", "Stack", "TriangularStack"},
    loop=_loop,
    start=_start,
)


def batched_result(sheet: Sheet, v: Value, is_row: bool, returned: Collection[Value] = ()) -> str:
    """What is returned for an output: an item for each item of the batch, a row as a 1×n array."""
    if not has_items(sheet, v):
        return f"repeated({result(sheet, v, is_row)}, batch)"
    text = sheet.formula(v, POSTFIX) + "[:, None, :]" if is_row else sheet.texts[v].text
    is_view = shares_memory(v, {*VIEWS, *SOMETIMES_VIEWS, "entry"}, least_rank=0, returned=returned)
    # a view may not be one that can be written to
    return f"np.array({text})" if is_view or v.op in VIEWS else text
