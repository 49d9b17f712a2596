"""How NumPy writes sums, products, functions and places: formulas with brackets where they are needed.

There are two hands: code that is read, and code that is run by `mc.compile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Expr

from matcalc.code_sheets import (
    ATOM,
    MATMUL,
    NEGATIVE,
    PLUS,
    POSTFIX,
    POWER,
    TIMES,
    Sheet,
    Template,
    Text,
)
from matcalc.errors import MatcalcError
from matcalc.expressions import ONE
from matcalc.programs import Value

PLAIN = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("exp", "log", "log1p", "expm1", "cbrt", "abs", "sign"),
)
FUNCTIONS: Mapping[str, str] = {
    **{name: f"np.{name}({{}})" for name in PLAIN},
    "relu": "np.maximum({}, 0)",
    "heaviside": "np.heaviside({}, 0.5)",
    "sec": "(1 / np.cos({}))",
    "csc": "(1 / np.sin({}))",
    "cot": "(1 / np.tan({}))",
}
SPECIAL = {"erf": "erf", "gamma": "gamma", "loggamma": "gammaln"}


def form(pattern: str, binding: int, *levels: int) -> Template:
    """A template: a pattern with a place for each operand, and what an operand must bind at least."""

    def write(sheet: Sheet, v: Value) -> Text:
        return Text(
            pattern.format(*(sheet.formula(a, level) for a, level in zip(v.args, levels, strict=True))), binding
        )

    return write


def call(function: str, count: int = 1, more: str = "") -> Template:
    """A call of a function with the operands."""
    places = ", ".join(["{}"] * count)
    return form(f"{function}({places}{more})", ATOM, *[0] * count)


def is_runtime(sheet: Sheet) -> bool:
    """Whether the code is for mc.compile."""
    return bool(sheet.options.get("runtime"))


def is_complex(sheet: Sheet) -> bool:
    """Whether arguments are complex numbers."""
    return bool(sheet.options.get("complex"))


def write_max(more: str = "") -> Template:
    """The largest entries, which exponentials are shifted by; of complex numbers the largest real parts."""

    def write(sheet: Sheet, v: Value) -> Text:
        return Text(f"np.max({real_part(sheet, v.args[0])}{more})")

    return write


def real_part(sheet: Sheet, v: Value) -> str:
    """The real part of an operand."""
    return f"{sheet.formula(v, POSTFIX)}.real" if is_complex(sheet) else sheet.formula(v)


def matrix_product(sheet: Sheet, v: Value) -> Text:
    """a @ b; other products stand in brackets, as @ and * bind alike."""
    a, b = v.args
    left = sheet.texts[a]
    first = left.text if left.binding == MATMUL else sheet.formula(a, TIMES + 1)
    return Text(f"{first} @ {sheet.formula(b, TIMES + 1)}", MATMUL)


# ---- entries -----------------------------------------------------------------------------------------------


def write_apply(sheet: Sheet, v: Value) -> Text:
    name, argument = v.data[0], sheet.formula(v.args[0])
    if name in FUNCTIONS:
        return Text(FUNCTIONS[name].format(argument))
    if is_runtime(sheet):
        return Text(f"{sheet.helper(f'kernel_{v.index}')}({argument})")
    if name in SPECIAL and not sheet.options.get("scipy"):
        raise unwritten(f"{name} in NumPy alone")
    if name in SPECIAL:
        return Text(f"{sheet.imported('scipy.special', SPECIAL[name])}({argument})")
    raise unwritten(name)


def unwritten(name: str) -> MatcalcError:
    """The error for a function that has no code of its own."""
    return MatcalcError(f"no code is written for {name}", hint="mc.compile computes it")


def write_pow(sheet: Sheet, v: Value) -> Text:
    base, exponent = v.args
    is_integer = exponent.op == "number" and exponent.data[0].is_Integer
    if base in sheet.numbers and not is_integer and not is_runtime(sheet):
        return Text(f"np.float_power({sheet.formula(base)}, {sheet.formula(exponent)})")
    if base.rank == 0 and not is_integer:
        return Text(f"np.power({sheet.formula(base)}, {sheet.formula(exponent)})")
    return Text(f"{sheet.formula(base, POWER + 1)}**{sheet.formula(exponent, POWER)}", POWER)


def write_equals(sheet: Sheet, v: Value) -> Text:
    x, y = v.args
    of_type = "dtype" if is_runtime(sheet) else "float"
    return Text(f"({sheet.formula(x, PLUS)} == {sheet.formula(y, PLUS)}).astype({of_type})", POSTFIX)


def write_softplus(sheet: Sheet, v: Value) -> Text:
    argument = sheet.formula(v.args[0])
    return Text(f"np.log1p(np.exp({argument}))" if is_complex(sheet) else f"np.logaddexp(0, {argument})")


def write_sigmoid(sheet: Sheet, v: Value) -> Text:
    return Text(f"1 / {_logistic(sheet, v)}", TIMES)


def _logistic(sheet: Sheet, v: Value) -> str:
    """1 + exp(-x) for sigmoid(x)."""
    inner = v.args[0]
    if inner.op == "neg" and inner not in sheet.names:
        return f"(1 + np.exp({sheet.formula(inner.args[0])}))"
    return f"(1 + np.exp(-{sheet.formula(inner, NEGATIVE)}))"


def write_mul(sheet: Sheet, v: Value) -> Text:
    """A product; with a sigmoid a quotient."""
    for a, b in (v.args, v.args[::-1]):
        if b.op == "sigmoid" and b not in sheet.names:
            return Text(f"{sheet.formula(a, TIMES)} / {_logistic(sheet, b)}", TIMES)
    return _PRODUCT(sheet, v)


def write_plain_neg(sheet: Sheet, v: Value) -> Text:
    """A negative; of a number times an array, the negative number times the array."""
    a = v.args[0]
    if a not in sheet.names and a.op in ("mul", "div"):
        first, second = a.args
        if first.rank == 0:
            return Text(f"-{sheet.texts[a].text}", TIMES)
        if second.op == "number" and a.op == "div":
            return Text(f"{sheet.formula(first, TIMES)} / -{sheet.formula(second, NEGATIVE)}", TIMES)
    return Text(f"-{sheet.formula(a, NEGATIVE)}", NEGATIVE)


_PRODUCT = form("{} * {}", TIMES, TIMES, TIMES + 1)


def write_as_row(sheet: Sheet, v: Value) -> Text:
    return sheet.texts[v.args[0]]


# ---- products ----------------------------------------------------------------------------------------------


def write_outer(sheet: Sheet, v: Value) -> Text:
    """An outer product."""
    a, b = (sheet.formula(x) for x in v.args)
    return Text(f"{sheet.helper('outer') if is_runtime(sheet) else 'np.outer'}({a}, {b})")


def write_dot(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    if a.rank == 1:
        return matrix_product(sheet, v)
    if is_complex(sheet):
        return Text(f"np.sum({sheet.formula(a, TIMES)} * {sheet.formula(b, TIMES + 1)})")
    return Text(f"np.vdot({sheet.formula(a)}, {sheet.formula(b)})")


def write_square(sheet: Sheet, v: Value) -> Text:
    a = sheet.formula(v.args[0])
    if v.args[0].rank == 1:
        return Text(f"{a} @ {a}", MATMUL)
    return Text(f"np.sum({a} * {a})" if is_complex(sheet) else f"np.vdot({a}, {a})")


def write_squared_norm(sheet: Sheet, v: Value) -> Text:
    if is_complex(sheet):
        return Text(f"np.linalg.norm({sheet.formula(v.args[0])}) ** 2", POWER)
    return write_square(sheet, v)


def write_kron(sheet: Sheet, v: Value) -> Text:
    parts = [spread(sheet, a, shape) for a, shape in zip(v.args, v.data, strict=True)]
    return Text(f"np.kron({', '.join(parts)})")


def spread(sheet: Sheet, v: Value, shape: Any) -> str:
    """An operand as a matrix of its shape."""
    if v.rank == 1:
        place = "[:, None]" if shape[1] is ONE else "[None, :]"
        return sheet.formula(v, POSTFIX) + place
    return sheet.formula(v)


def write_kron_times(sheet: Sheet, v: Value) -> Text:
    is_eye, *shapes = v.data
    operands = list(v.args)
    parts = [
        "None" if eye else spread(sheet, operands.pop(0), shape) for eye, shape in zip(is_eye, shapes, strict=True)
    ]
    columns = sheet.size(shapes[0][1])
    return Text(f"{sheet.helper('kron_times')}({', '.join(parts)}, {sheet.formula(operands[-1])}, {columns})")


# ---- constants and places ----------------------------------------------------------------------------------


def write_constant_matrix(name: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        dtype = ", dtype=dtype" if is_runtime(sheet) else ""
        if name == "eye":
            return Text(f"np.eye({sheet.size(v.shape[0])}{dtype})")
        shape = f"({sheet.size(v.shape[0])}, {sheet.size(v.shape[1])})" if v.rank == 2 else sheet.size(v.shape[0])
        return Text(f"np.{name}({shape}{dtype})")

    return write


def write_scaled_eye(sheet: Sheet, v: Value) -> Text:
    # dtype is that of real numbers
    dtype = ", dtype=dtype" if is_runtime(sheet) and not is_complex(sheet) else ""
    return Text(f"np.diag(np.full({sheet.size(v.shape[0])}, {sheet.formula(v.args[0])}{dtype}))")


def write_commutation(sheet: Sheet, v: Value) -> Text:
    m, n = (sheet.size(d) for d in v.data)
    size = sheet.size(v.shape[0])
    dtype = ", dtype=dtype" if is_runtime(sheet) else ""
    return Text(f'np.eye({size}{dtype})[np.arange({size}).reshape({m}, {n}, order="F").ravel()]', POSTFIX)


def write_half(sheet: Sheet, v: Value) -> Text:
    """A duplication or elimination matrix."""
    dtype = ", dtype" if is_runtime(sheet) else ""
    return Text(f"{sheet.helper(v.op)}({sheet.size(v.data[0])}{dtype})")


def write_commute(sheet: Sheet, v: Value) -> Text:
    m, n = (sheet.size(d) for d in v.data)
    X = sheet.formula(v.args[0], POSTFIX)
    return Text(f"{X}.reshape({n}, {m}, -1).swapaxes(0, 1).reshape({X}.shape)", POSTFIX)


def index_formula(sheet: Sheet, index: Value, length: Expr) -> str:
    """Where the entry of that number stands, counting from 0."""
    if index.op == "number" and index.data[0].is_Integer:
        return str(int(index.data[0]) - 1)
    if not is_runtime(sheet) and sheet.is_within(index, length):
        return f"{sheet.formula(index)} - 1"
    return f"{sheet.helper('position')}({sheet.formula(index)}, {sheet.size(length)})"


def range_loop(sheet: Sheet, index: str, lower: Value, upper: Value) -> str:
    """The first line of a loop over an index."""
    if is_runtime(sheet):
        return f"for {index} in indices({sheet.formula(lower)}, {sheet.formula(upper)}, dtype):"
    first = sheet.formula(lower) if lower in sheet.numbers else f"int({sheet.formula(lower)})"
    last = sheet.formula(upper, PLUS) if upper in sheet.numbers else f"int({sheet.formula(upper)})"
    stop = sheet.number(upper.data[0] + 1).text if upper.op == "number" else f"{last} + 1"
    return f"for {index} in range({first}, {stop}):"


def write_unit(sheet: Sheet, v: Value) -> Text:
    n = sheet.size(v.shape[0])
    dtype = ", dtype=dtype" if is_runtime(sheet) else ""
    return Text(f"np.eye({n}{dtype})[{index_formula(sheet, v.args[0], v.shape[0])}]", POSTFIX)


def write_entry(sheet: Sheet, v: Value) -> Text:
    x, index = v.args
    return Text(f"{sheet.formula(x, POSTFIX)}[{index_formula(sheet, index, x.shape[0])}]", POSTFIX)


def write_row(sheet: Sheet, v: Value) -> Text:
    A, index = v.args
    return Text(f"{sheet.formula(A, POSTFIX)}[{index_formula(sheet, index, A.shape[0])}]", POSTFIX)


def write_column(sheet: Sheet, v: Value) -> Text:
    A, index = v.args
    return Text(f"{sheet.formula(A, POSTFIX)}[:, {index_formula(sheet, index, A.shape[1])}]", POSTFIX)


def write_unvec(sheet: Sheet, v: Value) -> Text:
    m, n = map(sheet.size, v.shape)
    return Text(f'{sheet.formula(v.args[0], POSTFIX)}.reshape({m}, {n}, order="F")', POSTFIX)


def write_add_diagonal(sheet: Sheet, v: Value) -> Text:
    A, entries = v.args
    if entries.rank:
        diagonal = Text(f"np.diag({sheet.formula(entries)})")
    else:
        eye = f"np.eye({sheet.size(v.shape[0])})"
        is_one = entries.op == "number" and entries.data[0] == 1
        diagonal = Text(eye) if is_one else Text(f"{sheet.formula(entries, TIMES)} * {eye}", TIMES)
    if A.op == "neg" and A not in sheet.names:
        return Text(f"{diagonal.text} - {sheet.formula(A.args[0], PLUS + 1)}", PLUS)
    return Text(f"{sheet.formula(A, PLUS)} + {diagonal.text}", PLUS)


def write_block(sheet: Sheet, v: Value) -> Text:
    width, shapes = v.data
    if v.rank == 1:
        return Text(f"np.hstack([{', '.join(sheet.formula(a) for a in v.args)}])")
    parts = [spread(sheet, a, shape) for a, shape in zip(v.args, shapes, strict=True)]
    rows = [f"[{', '.join(parts[i : i + width])}]" for i in range(0, len(parts), width)]
    return Text(f"np.block([{', '.join(rows)}])")
