"""NumPy's arithmetic in place, where an array is our own and nothing else needs it: for code that is run."""

from __future__ import annotations

from matcalc.array_reuse import is_fresh
from matcalc.code_sheets import PLUS, POSTFIX, TIMES, Sheet, Template, Text
from matcalc.numpy_formulas import (
    FUNCTIONS,
    PLAIN,
    call,
    form,
    is_runtime,
    write_add_diagonal,
    write_apply,
    write_mul,
    write_plain_neg,
)
from matcalc.programs import Value

_QUOTIENT = form("{} / {}", TIMES, TIMES, TIMES + 1)


def is_ours(sheet: Sheet, a: Value, v: Value) -> bool:
    """Whether a step may write into an operand: it is new, and has its last use there."""
    if not sheet.options.get("in_place") or (a.op == "apply" and a.data[0] not in FUNCTIONS):
        return False
    is_only_use = sheet.uses[a] == 1 and not (a in sheet.names and sheet.loops) and a not in sheet.given
    return (is_only_use and is_fresh(a)) or sheet.overwritten.get(v) is a


def overwriting(function: str, plain: Template, first: str = "{}") -> Template:
    """A function of one or two operands, in place of a named one that is ours.

    Those without a name are found by NumPy itself.
    """

    def write(sheet: Sheet, v: Value) -> Text:
        for i, a in enumerate(v.args):
            if a.rank == 2 and a.shape == v.shape and a.is_full and a in sheet.names and is_ours(sheet, a, v):
                operands = [sheet.formula(b) for b in v.args]
                if first != "{}":
                    operands[0] = first.format(sheet.formula(v.args[0], POSTFIX))
                place = f", place={i}" if i else ""
                return Text(f"{sheet.helper('overwritten')}(np.{function}, {', '.join(operands)}{place})")
        return plain(sheet, v)

    return write


def write_product(sheet: Sheet, v: Value) -> Text:
    """A product; of a number and a matrix of our own in place."""
    number, matrix = v.args
    if number.rank == 0 and is_ours(sheet, matrix, v):
        return Text(f"{sheet.helper('times')}({sheet.formula(matrix)}, {sheet.formula(number)})")
    if any(a.op == "sigmoid" and a not in sheet.names for a in v.args):
        return write_mul(sheet, v)
    return _write_entrywise_product(sheet, v)


def write_entrywise(sheet: Sheet, v: Value) -> Text:
    """A function of every entry; of a matrix of our own in place."""
    argument = v.args[0]
    if v.rank == 2 and v.data[0] in PLAIN and is_ours(sheet, argument, v):
        return Text(f"{sheet.helper('overwritten')}(np.{v.data[0]}, {sheet.formula(argument)})")
    return write_apply(sheet, v)


def write_with_diagonal(sheet: Sheet, v: Value) -> Text:
    """A matrix with more on its diagonal."""
    if not is_runtime(sheet):
        return write_add_diagonal(sheet, v)
    A, entries = v.args
    more = ", is_ours=True" if is_ours(sheet, A, v) else ""
    return Text(f"{sheet.helper('add_diagonal')}({sheet.formula(A)}, {sheet.formula(entries)}{more})")


def write_quotient(sheet: Sheet, v: Value) -> Text:
    """A quotient; of a matrix of our own by a power of two in place, since products are faster."""
    matrix, number = v.args
    if number.op == "number" and matrix.rank == 2 and is_ours(sheet, matrix, v):
        value = number.data[0]
        if value.is_Integer and 0 < value < 2**31 and not int(value) & (int(value) - 1):
            return Text(f"{sheet.helper('times')}({sheet.formula(matrix)}, {1 / float(value)!r})")
    return _write_entrywise_quotient(sheet, v)


def write_sum(sign: str) -> Template:
    """A sum or difference; with an outer product of vectors in one pass."""
    function = "add" if sign == "+" else "subtract"
    plain = overwriting(function, form(f"{{}} {sign} {{}}", PLUS, PLUS, PLUS + (sign == "-")))

    def write(sheet: Sheet, v: Value) -> Text:
        matrix, product = v.args if sign == "-" or v.args[1].op == "outer" else v.args[::-1]
        is_update = product.op == "outer" and sheet.uses[product] == 1 and product not in sheet.names
        if not (sheet.options.get("in_place") and is_update and matrix.shape == v.shape and matrix.is_full):
            return plain(sheet, v)
        first, second = (sheet.formula(a) for a in product.args)
        first = first if sign == "+" else f"-{sheet.formula(product.args[0], TIMES)}"
        more = ", is_ours=True" if is_ours(sheet, matrix, v) else ""
        return Text(f"{sheet.helper('rank_one_update')}({sheet.formula(matrix)}, {first}, {second}{more})")

    return write


write_neg = overwriting("negative", write_plain_neg)
write_sqrt = overwriting("sqrt", call("np.sqrt"))
write_scaled_rows = overwriting("multiply", form("{}[:, None] * {}", TIMES, POSTFIX, TIMES + 1), "{}[:, None]")
write_scaled_columns = overwriting("multiply", form("{} * {}", TIMES, TIMES, TIMES + 1))
_write_entrywise_product = overwriting("multiply", write_mul)
_write_entrywise_quotient = overwriting("divide", _QUOTIENT)
