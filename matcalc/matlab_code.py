"""How MATLAB and Octave write the operations of a program: every value is a matrix, vectors are columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from matcalc.matlab_functions import HELPERS
from matcalc.matrix_function_code import Written, opaque
from matcalc.numpy_formulas import call, form, unwritten
from matcalc.programs import Value

SAME = ("sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "exp", "log", "log1p", "expm1", "abs", "sign")
FUNCTIONS: Mapping[str, str] = {
    **{name: name for name in (*SAME, "erf", "gamma")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "loggamma": "gammaln",
}


def _entrywise(sign: str) -> Template:
    """`.*` or `./`, and without the dot where one of the two is a number."""

    def write(sheet: Sheet, v: Value) -> Text:
        a, b = v.args
        dot = "." if b.rank and (a.rank or sign == "/") else ""
        return Text(f"{sheet.formula(a, TIMES)} {dot}{sign} {sheet.formula(b, TIMES + 1)}", TIMES)

    return write


def _apply(sheet: Sheet, v: Value) -> Text:
    name, x = v.data[0], sheet.formula(v.args[0])
    if name in FUNCTIONS:
        return Text(f"{FUNCTIONS[name]}({x})")
    patterns = {"relu": "max({}, 0)", "cbrt": "nthroot({}, 3)", "heaviside": "((sign({}) + 1) / 2)"}
    if name in patterns:
        return Text(patterns[name].format(x))
    raise unwritten(name)


def _sigmoid(sheet: Sheet, v: Value) -> Text:
    return Text(f"1 ./ (1 + exp({negative(sheet, v.args[0])}))", TIMES)


def _softplus(sheet: Sheet, v: Value) -> Text:
    x = sheet.formula(v.args[0])
    return Text(f"max({x}, 0) + log1p(exp(-abs({x})))", PLUS)


def _dot(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    if a.rank == 1:
        return Text(f"{sheet.formula(a, POSTFIX)}.' * {sheet.formula(b, TIMES + 1)}", MATMUL)
    return Text(f"sum(sum({sheet.formula(a, TIMES)} .* {sheet.formula(b, TIMES + 1)}))")


def _square(sheet: Sheet, v: Value) -> Text:
    a = v.args[0]
    if a.rank == 1:
        return Text(f"{sheet.formula(a)}.' * {sheet.formula(a)}", MATMUL)
    return Text(f"sum(sum({sheet.formula(a)} .^ 2))")


def _norm(sheet: Sheet, v: Value) -> Text:
    return Text(f"norm({sheet.formula(v.args[0])}{', ' + chr(39) + 'fro' + chr(39) if v.args[0].rank == 2 else ''})")


def _of_all(function: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        x = sheet.formula(v.args[0])
        return Text(f"{function}({function}({x}))" if v.args[0].rank == 2 else f"{function}({x})")

    return write


def _add_diagonal(sheet: Sheet, v: Value) -> Text:
    A, entries = v.args
    if entries.rank:
        return Text(f"{sheet.formula(A, PLUS)} + diag({sheet.formula(entries)})", PLUS)
    eye = f"eye({sheet.size(v.shape[0])})"
    return Text(f"{sheet.formula(A, PLUS)} + {sheet.formula(entries, TIMES)} * {eye}", PLUS)


def _constant_matrix(name: str) -> Template:
    return lambda sheet, v: Text(f"{name}({', '.join(map(sheet.size, v.shape))})")


def _scaled_eye(sheet: Sheet, v: Value) -> Text:
    return Text(f"{sheet.formula(v.args[0], TIMES)} * eye({sheet.size(v.shape[0])})", TIMES)


def _commute(sheet: Sheet, v: Value) -> Text:
    return commuted(sheet, v, sheet.formula(v.args[0]) if v.args else f"eye({sheet.size(v.shape[0])})")


def _unit(sheet: Sheet, v: Value) -> Text:
    return Text(f"double((1:{sheet.size(v.shape[0])}).' == {sheet.formula(v.args[0], PLUS)})")


def _named(write: Callable[[str, str], str]) -> Template:
    """An entry, a row or a column of what has a name."""

    def selection(sheet: Sheet, v: Value) -> Text:
        return Text(write(sheet.formula(v.args[0]), sheet.formula(v.args[1])), POSTFIX)

    return selection


def _block(sheet: Sheet, v: Value) -> Text:
    width, shapes = v.data
    if v.rank == 1:
        return Text(f"[{'; '.join(sheet.formula(a) for a in v.args)}]")
    parts = [spread(sheet, a, shape, ".'") for a, shape in zip(v.args, shapes, strict=True)]
    return Text("[" + "; ".join(", ".join(parts[i : i + width]) for i in range(0, len(parts), width)) + "]")


def _solve(sheet: Sheet, v: Value) -> Text:
    factor, B = v.args
    return _solved(sheet, factor, sheet.formula(B, TIMES + 1), sheet.formula(B), bool(v.data[0]))


def _solved(sheet: Sheet, factor: Value, right: str, argument: str, is_turned: bool) -> Text:
    F = sheet.formula(factor, POSTFIX)
    if factor.op == "cholesky":
        return Text(f"{F} \\ ({F}.' \\ {right})", TIMES)
    if factor.op == "lu":
        return Text(f"{sheet.helper('lu_solve_transposed' if is_turned else 'lu_solve')}({F}, {argument})")
    turned = ".'" if is_turned else ""
    return Text(f"{F}{turned} \\ {right}", TIMES)


def _inverse(sheet: Sheet, v: Value) -> Text:
    eye = f"eye({sheet.size(v.shape[0])})"
    return _solved(sheet, v.args[0], eye, eye, False)


def _of_factor(name: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        factor = v.args[0]
        F = sheet.formula(factor, POSTFIX)
        if factor.op == "cholesky":
            return Text(f"prod(diag({F})) ^ 2", POWER) if name == "det" else Text(f"2 * sum(log(diag({F})))", TIMES)
        if name == "logabsdet":
            return Text(f"sum(log(abs(diag({F}.U))))")
        return Text(f"{sheet.helper('lu_' + name)}({F})")

    return write


_DERIVATIVE = ("matrix_derivative",)

MATRIX_FUNCTIONS: dict[str, Written | str] = {
    **{name: f"{name}({{0}})" for name in ("expm", "sqrtm", "logm", "pinv")},
    "cosm": "real(expm(1i * ({0})))",
    "sinm": "imag(expm(1i * ({0})))",
    **{f"d{f}": Written(f"matrix_derivative(@{f}, {{0}}, {{1}})", _DERIVATIVE) for f in ("expm", "sqrtm", "logm")},
    "dcosm": Written("matrix_derivative(@(X) real(expm(1i * X)), {0}, {1})", _DERIVATIVE),
    "dsinm": Written("matrix_derivative(@(X) imag(expm(1i * X)), {0}, {1})", _DERIVATIVE),
    "chol": "chol({0}, 'lower')",
    "qr_q": Written("positive_qr({0})", ("positive_qr",)),
    "qr_r": Written("qr_r({0})", ("qr_r", "positive_qr")),
    "lu_l": Written("plain_lu({0})", ("plain_lu",)),
    "lu_u": Written("lu_u({0})", ("lu_u", "plain_lu")),
    "sylvester": "sylvester({0}, {1}, {2})",
    "eigvals": "sort(eig({0}))",
    "lambda_max": "max(eig({0}))",
    "lambda_min": "min(eig({0}))",
    "eigvecs": Written("eigenvectors({0})", ("eigenvectors",)),
    **{f: Written(f + "({0})", (f, "eigenvectors")) for f in ("leading_eigvec", "trailing_eigvec")},
    "spectral_abscissa": "max(real(eig({0})))",
    "svdvals": "svd({0})",
    "svd_u": Written("singular_vectors({0})", ("singular_vectors",)),
    **{f: Written(f + "({0})", (f, "singular_vectors")) for f in ("svd_v", "leading_svd_u", "leading_svd_v")},
    "sigma_max": "norm({0})",
    "normnuc": "sum(svd({0}))",
    **{name: Written(name + "({0})", (name,)) for name in ("vech", "eigenprojection", "polar", "inverse_gaps")},
    "polygamma": "psi({0}, {1})",
    "Power": "{0} ^ {1}",
}

OPERATIONS: dict[str, Template] = {
    "number": lambda sheet, v: sheet.number(v.data[0]),
    "constant": lambda sheet, v: Text(v.data[0]),
    "eye": lambda sheet, v: Text(f"eye({sheet.size(v.shape[0])})"),
    "scaled_eye": _scaled_eye,
    "ones": _constant_matrix("ones"),
    "zeros": _constant_matrix("zeros"),
    "commutation": _commute,
    "unit": _unit,
    "add": form("{} + {}", PLUS, PLUS, PLUS),
    "sub": form("{} - {}", PLUS, PLUS, PLUS + 1),
    "mul": _entrywise("*"),
    "div": _entrywise("/"),
    "neg": form("-{}", NEGATIVE, NEGATIVE + 1),
    "reciprocal": reciprocal,
    "sqrt": call("sqrt"),
    "pow": power,
    "apply": _apply,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "scale_rows": form("{} .* {}", TIMES, TIMES, TIMES + 1),
    "scale_columns": form("{} .* {}.'", TIMES, TIMES, POSTFIX),
    "as_column": lambda sheet, v: sheet.texts[v.args[0]],
    "as_row": form("{}.'", POSTFIX, POSTFIX),
    "outer": form("{} * {}.'", MATMUL, TIMES + 1, POSTFIX),
    "matvec": matrix_product,
    "matmul": matrix_product,
    "dot": _dot,
    "square": _square,
    "squared_norm": _square,
    "norm": _norm,
    "sum": _of_all("sum"),
    "row_sums": form("sum({}, 2)", ATOM, 0),
    "column_sums": form("sum({}, 1).'", POSTFIX, 0),
    "max": _of_all("max"),
    "equals": form("({} == {})", ATOM, PLUS, PLUS),
    "row_max": form("max({}, [], 2)", ATOM, 0),
    "column_max": form("max({}, [], 1).'", POSTFIX, 0),
    "trace": call("trace"),
    "diagonal": call("diag"),
    "diag": call("diag"),
    "row_dots": form("sum({} .* {}, 2)", ATOM, TIMES, TIMES + 1),
    "add_diagonal": _add_diagonal,
    "transpose": form("{}.'", POSTFIX, POSTFIX),
    "vec": form("reshape({}, [], 1)", ATOM, 0),
    "unvec": lambda sheet, v: Text(f"reshape({sheet.formula(v.args[0])}, {', '.join(map(sheet.size, v.shape))})"),
    "kron": kron(".'"),
    "kron_times": kron_times(".'", "[]"),
    "commute": _commute,
    "entry": _named("{}({})".format),
    "row": _named("{}({}, :).'".format),
    "column": _named("{}(:, {})".format),
    "block": _block,
    "tril": call("tril"),
    "triu": call("triu"),
    "cholesky": call("chol"),
    "lu": lambda sheet, v: Text(f"{sheet.helper('lu_factor')}({sheet.formula(v.args[0])})"),
    "lower": lambda sheet, v: sheet.texts[v.args[0]],
    "upper": lambda sheet, v: sheet.texts[v.args[0]],
    "solve": _solve,
    "inverse": _inverse,
    "logdet": _of_factor("logdet"),
    "logabsdet": _of_factor("logabsdet"),
    "det": _of_factor("det"),
    "determinant": call("det"),
    "log_determinant": lambda sheet, v: Text(f"{sheet.helper('log_determinant')}({sheet.formula(v.args[0])})"),
    "log_abs_determinant": form("log(abs(det({})))", ATOM, 0),
    "matrix_power": lambda sheet, v: Text(f"{sheet.formula(v.args[0], POSTFIX)} ^ {v.data[0]}", POWER),
    "adjugate": lambda sheet, v: Text(f"{sheet.helper('adjugate')}({sheet.formula(v.args[0])})"),
    **dict.fromkeys(("duplication", "elimination"), half),
    "opaque": opaque(MATRIX_FUNCTIONS),
}

RESERVED = (
    *("break", "case", "catch", "classdef", "continue", "else", "elseif", "end", "for", "function", "global", "if"),
    *("otherwise", "parfor", "persistent", "return", "spmd", "switch", "try", "while", "eye", "ones", "zeros", "sum"),
    *("diag", "det", "inv", "lu", "chol", "norm", "trace", "size", "max", "min", "kron", "log", "exp", "pi", "do"),
    *("reshape", "double", "nthroot", "tril", "triu", "sqrt", "numel", "rng", "randn", "printf", "fprintf", "disp"),
)


def _loop(sheet: Sheet, index: str, lower: Value, upper: Value) -> str:
    return f"for {index} = {sheet.formula(lower)}:{sheet.formula(upper)}"


MATLAB = Language(
    operations=OPERATIONS,
    assignment="{} = {};",
    repeats=frozenset({"square", "softplus", "squared_norm", "entry", "row", "column"}),
    reserved=frozenset({*RESERVED, *FUNCTIONS.values(), *HELPERS, *called(*MATRIX_FUNCTIONS.values())}),
    loop=_loop,
    loop_end="end",
)
