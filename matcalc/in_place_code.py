"""NumPy's arithmetic in place, where an array is our own and nothing else needs it: for code that is run."""

from __future__ import annotations

from matcalc.code_sheets import PLUS, TIMES, Sheet, Template, Text
from matcalc.numpy_formulas import FUNCTIONS, PLAIN, form, is_runtime, write_add_diagonal, write_apply, write_mul
from matcalc.programs import Value

FRESH = frozenset(
    {"add", "sub", "mul", "div", "neg", "outer", "matmul", "weighted_gram", "inverse", "scale_rows", "scale_columns"}
    | {"inverse_times_part", "symmetric_product", "add_diagonal", "apply"}
)
_QUOTIENT = form("{} / {}", TIMES, TIMES, TIMES + 1)


def is_ours(sheet: Sheet, v: Value) -> bool:
    """Whether an array may be written into: it is new, and has its last use here."""
    is_fresh = v.op in FRESH and (v.op != "apply" or v.data[0] in FUNCTIONS)
    is_last_use = sheet.uses[v] == 1 and not (v in sheet.names and sheet.loops) and v not in sheet.given
    return is_fresh and v.rank == 2 and v.is_full and is_last_use


def write_product(sheet: Sheet, v: Value) -> Text:
    """A product; of a number and a matrix of our own in place."""
    number, matrix = v.args
    if sheet.options.get("in_place") and number.rank == 0 and is_ours(sheet, matrix):
        return Text(f"{sheet.helper('times')}({sheet.formula(matrix)}, {sheet.formula(number)})")
    return write_mul(sheet, v)


def write_entrywise(sheet: Sheet, v: Value) -> Text:
    """A function of every entry; of a matrix of our own in place."""
    argument = v.args[0]
    if sheet.options.get("in_place") and v.data[0] in PLAIN and is_ours(sheet, argument):
        return Text(f"{sheet.helper('overwritten')}(np.{v.data[0]}, {sheet.formula(argument)})")
    return write_apply(sheet, v)


def write_with_diagonal(sheet: Sheet, v: Value) -> Text:
    """A matrix with more on its diagonal."""
    if not is_runtime(sheet):
        return write_add_diagonal(sheet, v)
    A, entries = v.args
    more = ", is_ours=True" if sheet.options.get("in_place") and is_ours(sheet, A) else ""
    return Text(f"{sheet.helper('add_diagonal')}({sheet.formula(A)}, {sheet.formula(entries)}{more})")


def write_quotient(sheet: Sheet, v: Value) -> Text:
    """A quotient; of a matrix of our own by a power of two in place, since products are faster."""
    matrix, number = v.args
    if sheet.options.get("in_place") and number.op == "number" and is_ours(sheet, matrix):
        value = number.data[0]
        if value.is_Integer and 0 < value < 2**31 and not int(value) & (int(value) - 1):
            return Text(f"{sheet.helper('times')}({sheet.formula(matrix)}, {1 / float(value)!r})")
    return _QUOTIENT(sheet, v)


def write_sum(sign: str) -> Template:
    """A sum or difference; with an outer product of vectors in one pass."""
    plain = form(f"{{}} {sign} {{}}", PLUS, PLUS, PLUS + (sign == "-"))

    def write(sheet: Sheet, v: Value) -> Text:
        matrix, product = v.args if sign == "-" or v.args[1].op == "outer" else v.args[::-1]
        is_update = product.op == "outer" and sheet.uses[product] == 1 and product not in sheet.names
        if not (sheet.options.get("in_place") and is_update and matrix.shape == v.shape and matrix.is_full):
            return plain(sheet, v)
        first, second = (sheet.formula(a) for a in product.args)
        first = first if sign == "+" else f"-{sheet.formula(product.args[0], TIMES)}"
        more = ", is_ours=True" if is_ours(sheet, matrix) else ""
        return Text(f"{sheet.helper('rank_one_update')}({sheet.formula(matrix)}, {first}, {second}{more})")

    return write
