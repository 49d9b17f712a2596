"""How Julia writes the operations of a program: vectors have one axis, and the factorizations are LinearAlgebra's."""

from __future__ import annotations

from collections.abc import Mapping

from matcalc.code_sheets import (
    ATOM,
    MATMUL,
    NEGATIVE,
    PLUS,
    POSTFIX,
    POWER,
    TIMES,
    Language,
    Sheet,
    Template,
    Text,
    called,
)
from matcalc.column_major_code import (
    commuted,
    half,
    kron,
    kron_times,
    matrix_product,
    negative,
    power,
    reciprocal,
    spread,
)
from matcalc.julia_functions import HELPERS
from matcalc.matrix_function_code import Written, opaque
from matcalc.numpy_formulas import call, form, unwritten
from matcalc.programs import Value

SAME = ("sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "exp", "log", "log1p", "expm1", "cbrt", "abs")
FUNCTIONS: Mapping[str, str] = {
    **{name: name for name in (*SAME, "sign")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
SPECIAL = ("erf", "gamma", "loggamma")
SPREAD = ("as_column", "as_row")


def _is_plain(v: Value) -> bool:
    """Whether the operands have one shape, so that + and - need no dot."""
    first, second = v.args
    return first.rank == second.rank and first.op not in SPREAD and second.op not in SPREAD


def _sum(sign: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        a, b = v.args
        dot = "" if _is_plain(v) else "."
        return Text(f"{sheet.formula(a, PLUS)} {dot}{sign} {sheet.formula(b, PLUS + (sign == '-'))}", PLUS)

    return write


def _mul(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    dot = "." if a.rank and b.rank else ""
    return Text(f"{sheet.formula(a, TIMES)} {dot}* {sheet.formula(b, TIMES + 1)}", TIMES)


def _div(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    dot = "." if b.rank else ""
    return Text(f"{sheet.formula(a, TIMES)} {dot}/ {sheet.formula(b, TIMES + 1)}", TIMES)


def _each(function: str, sheet: Sheet, a: Value) -> str:
    return f"{function}{'.' if a.rank else ''}({sheet.formula(a)})"


def _apply(sheet: Sheet, v: Value) -> Text:
    name, a = v.data[0], v.args[0]
    dot = "." if a.rank else ""
    if name in FUNCTIONS:
        return Text(_each(FUNCTIONS[name], sheet, a))
    if name in SPECIAL:
        return Text(_each(sheet.imported("SpecialFunctions", name), sheet, a))
    if name == "relu":
        return Text(f"max{dot}({sheet.formula(a)}, 0)")
    if name == "heaviside":
        return Text(f"({_each('sign', sheet, a)} {dot}+ 1) / 2", TIMES)
    raise unwritten(name)


def _sigmoid(sheet: Sheet, v: Value) -> Text:
    a = v.args[0]
    dot = "." if a.rank else ""
    return Text(f"1 {dot}/ (1 {dot}+ exp{dot}({negative(sheet, a)}))", TIMES)


def _softplus(sheet: Sheet, v: Value) -> Text:
    a = v.args[0]
    dot, x = "." if a.rank else "", sheet.formula(a)
    return Text(f"max{dot}({x}, 0) {dot}+ log1p{dot}(exp{dot}(-abs{dot}({x})))", PLUS)


def _square(sheet: Sheet, v: Value) -> Text:
    a = sheet.formula(v.args[0])
    return Text(f"dot({a}, {a})")


def _add_diagonal(sheet: Sheet, v: Value) -> Text:
    A, entries = v.args
    diagonal = f"Diagonal({sheet.formula(entries)})" if entries.rank else f"{sheet.formula(entries, TIMES)} * I"
    return Text(f"{sheet.formula(A, PLUS)} + {diagonal}", PLUS)


def _constant_matrix(name: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        return Text(f"{name}({', '.join(sheet.size(d) for d in v.shape[: v.rank])})")

    return write


def _eye(sheet: Sheet, v: Value) -> Text:
    n = sheet.size(v.shape[0])
    return Text(f"Matrix(1.0I, {n}, {n})")


def _scaled_eye(sheet: Sheet, v: Value) -> Text:
    n = sheet.size(v.shape[0])
    return Text(f"Matrix({sheet.formula(v.args[0], TIMES)} * I, {n}, {n})")


def _commute(sheet: Sheet, v: Value) -> Text:
    return commuted(sheet, v, sheet.formula(v.args[0]))


def _commutation(sheet: Sheet, v: Value) -> Text:
    return commuted(sheet, v, _eye(sheet, v).text)


def _index(sheet: Sheet, index: Value) -> str:
    return sheet.formula(index) if index in sheet.numbers else f"Int({sheet.formula(index)})"


def _pow(sheet: Sheet, v: Value) -> Text:
    """A power; that of an integer is one of a floating-point number."""
    base, exponent = v.args
    if base in sheet.numbers and base.op != "constant":
        dot = "." if exponent.rank else ""
        return Text(f"float({sheet.formula(base)}) {dot}^ {sheet.formula(exponent, POWER + 1)}", POWER)
    return power(sheet, v)


def _loop(sheet: Sheet, index: str, lower: Value, upper: Value) -> str:
    return f"for {index} in {_index(sheet, lower)}:{_index(sheet, upper)}"


def _selection(pattern: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        a, index = v.args
        return Text(f"{sheet.formula(a, POSTFIX)}[{pattern.format(_index(sheet, index))}]", POSTFIX)

    return write


def _unit(sheet: Sheet, v: Value) -> Text:
    return Text(f"{_eye(sheet, v).text}[:, {_index(sheet, v.args[0])}]", POSTFIX)


def _block(sheet: Sheet, v: Value) -> Text:
    width, shapes = v.data
    if v.rank == 1:
        return Text(f"vcat({', '.join(sheet.formula(a) for a in v.args)})")
    parts = [spread(sheet, a, shape, "'") for a, shape in zip(v.args, shapes, strict=True)]
    parts = [p if p.isidentifier() else f"({p})" for p in parts]
    return Text("[" + "; ".join(" ".join(parts[i : i + width]) for i in range(0, len(parts), width)) + "]")


def _solve(sheet: Sheet, v: Value) -> Text:
    factor, B = v.args
    turned = "'" if v.data[0] else ""
    return Text(f"{sheet.formula(factor, POSTFIX)}{turned} \\ {sheet.formula(B, TIMES + 1)}", TIMES)


_DERIVATIVE = ("matrix_derivative",)
_SINGULAR = ("singular_vectors",)

MATRIX_FUNCTIONS: dict[str, Written | str] = {
    "expm": "exp({0})",
    "sqrtm": "sqrt({0})",
    "logm": "log({0})",
    "cosm": "cos({0})",
    "sinm": "sin({0})",
    **{
        f"d{name}m": Written(f"matrix_derivative({name}, {{0}}, {{1}})", _DERIVATIVE)
        for name in ("exp", "sqrt", "log", "cos", "sin")
    },
    "pinv": "pinv({0})",
    "chol": "Matrix(cholesky(Symmetric({0})).L)",
    "qr_q": Written("positive_qr({0})[1]", ("positive_qr",)),
    "qr_r": Written("positive_qr({0})[2]", ("positive_qr",)),
    "lu_l": "Matrix(lu({0}, NoPivot()).L)",
    "lu_u": "Matrix(lu({0}, NoPivot()).U)",
    "vech": Written("vech({0})", ("vech",)),
    "sylvester": "sylvester({0}, {1}, -({2}))",
    "eigvals": "eigvals(Symmetric({0}))",
    "lambda_max": "eigmax(Symmetric({0}))",
    "lambda_min": "eigmin(Symmetric({0}))",
    "eigvecs": Written("eigenvectors({0})", ("eigenvectors",)),
    "leading_eigvec": Written("eigenvectors({0})[:, end]", ("eigenvectors",)),
    "trailing_eigvec": Written("eigenvectors({0})[:, 1]", ("eigenvectors",)),
    "spectral_abscissa": "maximum(real(eigvals({0})))",
    "eigenprojection": Written("eigenprojection({0})", ("eigenprojection",)),
    "svdvals": "svdvals({0})",
    "svd_u": Written("singular_vectors({0})[1]", _SINGULAR),
    "svd_v": Written("singular_vectors({0})[2]", _SINGULAR),
    "leading_svd_u": Written("singular_vectors({0})[1][:, 1]", _SINGULAR),
    "leading_svd_v": Written("singular_vectors({0})[2][:, 1]", _SINGULAR),
    "sigma_max": "opnorm({0})",
    "normnuc": "sum(svdvals({0}))",
    "polar": Written("polar({0})", ("polar",)),
    "inverse_gaps": Written("inverse_gaps({0})", ("inverse_gaps",)),
    "polygamma": Written("polygamma.({0}, {1})", (), (("SpecialFunctions", "polygamma"),), "Int({})"),
    "Power": Written("{0}^{1}", (), (), "Int({})"),
}

OPERATIONS: dict[str, Template] = {
    "number": lambda sheet, v: sheet.number(v.data[0]),
    "constant": lambda sheet, v: Text(v.data[0]),
    "eye": _eye,
    "scaled_eye": _scaled_eye,
    "ones": _constant_matrix("ones"),
    "zeros": _constant_matrix("zeros"),
    "commutation": _commutation,
    "unit": _unit,
    "add": _sum("+"),
    "sub": _sum("-"),
    "mul": _mul,
    "div": _div,
    "neg": form("-{}", NEGATIVE, NEGATIVE + 1),
    "reciprocal": reciprocal,
    "sqrt": lambda sheet, v: Text(_each("sqrt", sheet, v.args[0])),
    "pow": _pow,
    "apply": _apply,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "scale_rows": form("{} .* {}", TIMES, TIMES, TIMES + 1),
    "scale_columns": lambda sheet, v: Text(
        f"{sheet.formula(v.args[0], TIMES)} .* {sheet.formula(v.args[1], POSTFIX)}'", TIMES
    ),
    "as_column": lambda sheet, v: sheet.texts[v.args[0]],
    "as_row": form("{}'", POSTFIX, POSTFIX),
    "outer": form("{} * {}'", MATMUL, TIMES + 1, POSTFIX),
    "matvec": matrix_product,
    "matmul": matrix_product,
    "dot": call("dot", 2),
    "square": _square,
    "squared_norm": _square,
    "norm": call("norm"),
    "sum": call("sum"),
    "row_sums": form("vec(sum({}, dims=2))", ATOM, 0),
    "column_sums": form("vec(sum({}, dims=1))", ATOM, 0),
    "max": call("maximum"),
    "equals": lambda sheet, v: Text(
        f"({sheet.formula(v.args[0], PLUS)} {'.' if v.args[0].rank else ''}== {sheet.formula(v.args[1], PLUS)})", ATOM
    ),
    "row_max": form("vec(maximum({}, dims=2))", ATOM, 0),
    "column_max": form("vec(maximum({}, dims=1))", ATOM, 0),
    "trace": call("tr"),
    "diagonal": call("diag"),
    "diag": call("diagm"),
    "row_dots": form("vec(sum({} .* {}, dims=2))", ATOM, TIMES, TIMES + 1),
    "add_diagonal": _add_diagonal,
    "transpose": form("{}'", POSTFIX, POSTFIX),
    "vec": call("vec"),
    "unvec": lambda sheet, v: Text(f"reshape({sheet.formula(v.args[0])}, {', '.join(map(sheet.size, v.shape))})"),
    "kron": kron("'"),
    "kron_times": kron_times("'", "I"),
    "commute": _commute,
    "entry": _selection("{}"),
    "row": _selection("{}, :"),
    "column": _selection(":, {}"),
    "block": _block,
    "tril": call("tril"),
    "triu": call("triu"),
    "cholesky": form("cholesky(Symmetric({}))", ATOM, 0),
    "lu": call("lu"),
    "lower": call("LowerTriangular"),
    "upper": call("UpperTriangular"),
    "solve": _solve,
    "inverse": form("Matrix(inv({}))", ATOM, 0),
    "logdet": call("logdet"),
    "logabsdet": form("logabsdet({})[1]", POSTFIX, 0),
    "det": call("det"),
    "determinant": call("det"),
    "log_determinant": call("logdet"),
    "log_abs_determinant": form("logabsdet({})[1]", POSTFIX, 0),
    "matrix_power": lambda sheet, v: Text(f"{sheet.formula(v.args[0], POSTFIX)}^{v.data[0]}", POWER),
    "adjugate": lambda sheet, v: Text(f"{sheet.helper('adjugate')}({sheet.formula(v.args[0])})"),
    **dict.fromkeys(("duplication", "elimination"), half),
    "opaque": opaque(MATRIX_FUNCTIONS),
}

RESERVED = (
    *("begin", "while", "if", "for", "try", "return", "break", "continue", "function", "macro", "quote", "let"),
    *("local", "global", "const", "do", "struct", "module", "using", "import", "export", "end", "else", "true"),
    *(
        "false",
        "in",
        "I",
        "dot",
        "diag",
        "diagm",
        "tr",
        "det",
        "vec",
        "sum",
        "lu",
        "inv",
        "norm",
        "kron",
        "size",
        "ones",
    ),
    *("zeros", "pi", "maximum", "Matrix", "Diagonal", "reshape", "permutedims", "copy", "tril", "triu", "cholesky"),
    *("Symmetric", "LowerTriangular", "UpperTriangular", "sqrt", "float", "Int", "div", "logdet", "logabsdet"),
    *("hcat", "vcat", "length", "rand", "randn", "println"),
)

JULIA = Language(
    operations=OPERATIONS,
    repeats=frozenset({"square", "squared_norm", "softplus"}),
    reserved=frozenset({*RESERVED, *FUNCTIONS.values(), *HELPERS, *called(*MATRIX_FUNCTIONS.values())}),
    loop=_loop,
    loop_end="end",
    zero="0.0",
)
