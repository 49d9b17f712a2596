"""What Julia and MATLAB write alike: matrix products, powers, Kronecker and commutation products by columns."""

from __future__ import annotations

from typing import Any

from matcalc.code_sheets import MATMUL, NEGATIVE, POSTFIX, POWER, TIMES, Sheet, Template, Text
from matcalc.expressions import ONE
from matcalc.programs import Value


def reciprocal(sheet: Sheet, v: Value) -> Text:
    """1 over a number, or over each entry."""
    return Text(f"1 {'.' if v.rank else ''}/ {sheet.formula(v.args[0], TIMES + 1)}", TIMES)


def negative(sheet: Sheet, v: Value) -> str:
    """The negative of a value; two signs one after the other would be an operator."""
    if v.op == "neg" and v not in sheet.names:
        return sheet.formula(v.args[0])
    return f"-{sheet.formula(v, NEGATIVE + 1)}"


def power(sheet: Sheet, v: Value) -> Text:
    """A power of a number, or of each entry."""
    base, exponent = v.args
    dot = "." if base.rank or exponent.rank else ""
    return Text(f"{sheet.formula(base, POWER + 1)} {dot}^ {sheet.formula(exponent, POWER + 1)}", POWER)


def matrix_product(sheet: Sheet, v: Value) -> Text:
    """A product, in brackets where it is not read from left to right."""
    a, b = v.args
    left = sheet.texts[a]
    first = left.text if left.binding == MATMUL else sheet.formula(a, TIMES + 1)
    return Text(f"{first} * {sheet.formula(b, TIMES + 1)}", MATMUL)


def spread(sheet: Sheet, v: Value, shape: Any, mark: str) -> str:
    """An operand as a matrix: a row, which is kept as a column, with the mark of the transpose."""
    is_row = v.rank == 1 and shape[0] is ONE
    return sheet.formula(v, POSTFIX) + mark if is_row else sheet.formula(v)


def kron(mark: str) -> Template:
    """The Kronecker product of two operands."""

    def write(sheet: Sheet, v: Value) -> Text:
        parts = [spread(sheet, a, shape, mark) for a, shape in zip(v.args, v.data, strict=True)]
        return Text(f"kron({', '.join(parts)})")

    return write


def kron_times(mark: str, eye: str) -> Template:
    """A Kronecker product times a matrix, which a helper computes without it; ``eye`` stands for an identity."""

    def write(sheet: Sheet, v: Value) -> Text:
        is_eye, *shapes = v.data
        rest = list(v.args)
        parts = [
            eye if one else spread(sheet, rest.pop(0), shape, mark) for one, shape in zip(is_eye, shapes, strict=True)
        ]
        X, n = sheet.formula(rest[-1]), sheet.size(shapes[0][1])
        return Text(f"{sheet.helper('kron_times')}({', '.join(parts)}, {X}, {n})")

    return write


def commuted(sheet: Sheet, v: Value, X: str) -> Text:
    """K(m,n) times X, which a helper computes by moving rows."""
    m, n = map(sheet.size, v.data)
    return Text(f"{sheet.helper('commuted')}({X}, {m}, {n})")


def half(sheet: Sheet, v: Value) -> Text:
    """A duplication or elimination matrix."""
    return Text(f"{sheet.helper(v.op)}({sheet.size(v.data[0])})")
