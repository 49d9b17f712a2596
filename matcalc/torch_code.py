"""How PyTorch writes the operations of a program, where it differs from NumPy. Every argument is a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matcalc.code_sheets import ATOM, POSTFIX, POWER, TIMES, Language, Sheet, Template, Text
from matcalc.expressions import ONE
from matcalc.matrix_function_code import TORCH_FUNCTIONS, TORCH_HELPERS, opaque
from matcalc.numpy_code import NUMPY
from matcalc.numpy_factorizations import HELPERS as NUMPY_HELPERS
from matcalc.numpy_formulas import FUNCTIONS, form, index_formula, matrix_product, range_loop, spread, unwritten
from matcalc.programs import Value, every_value

HELPERS: Mapping[str, str] = {
    **{name: text.replace("np.", "torch.") for name, text in TORCH_HELPERS.items()},
    "lu_logdet": '''
def lu_logdet(factor):
    """log det A from torch.linalg.lu_factor(A), nan where the determinant is negative."""
    return torch.log(lu_det(factor, signs=True)) + torch.log(torch.abs(torch.diag(factor[0]))).sum()
''',
    "lu_det": '''
def lu_det(factor, signs=False):
    """det A, or its sign, from torch.linalg.lu_factor(A)."""
    LU, pivots = factor
    swaps = torch.count_nonzero(pivots != torch.arange(1, len(pivots) + 1, device=pivots.device))
    diagonal = torch.diag(LU)
    return (torch.sign(diagonal) if signs else diagonal).prod() * (1 - 2 * (swaps % 2))
''',
    "adjugate": '''
def adjugate(A):
    """The adjugate of A from its singular values, right at singular matrices, too."""
    U, s, Vh = torch.linalg.svd(A)
    others = torch.where(torch.eye(len(s), dtype=bool, device=A.device), torch.ones_like(s), s).prod(dim=1)
    return torch.linalg.det(U) * torch.linalg.det(Vh) * (Vh.T * others) @ U.T
''',
    "kron_times": NUMPY_HELPERS["kron_times"].replace("np.tensordot(A, Y, axes=1)", "torch.tensordot(A, Y, dims=1)"),
    "position": NUMPY_HELPERS["position"],
    "duplication": '''
def duplication(n, dtype, device=None):
    """The D with vec(S) = D @ vech(S) for a symmetric n by n matrix S."""
    i, j = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    i, j = torch.maximum(i, j), torch.minimum(i, j)
    return torch.eye(n * (n + 1) // 2, dtype=dtype, device=device)[(j * (2 * n - j - 1) // 2 + i).reshape(-1)]
''',
    "elimination": '''
def elimination(n, dtype, device=None):
    """The L with vech(A) = L @ vec(A) for an n by n matrix A."""
    i, j = torch.triu_indices(n, n)
    return torch.eye(n * n, dtype=dtype, device=device)[i * n + j]
''',
}

OWN_FUNCTIONS = {
    **{name: pattern.replace("np.", "torch.") for name, pattern in FUNCTIONS.items()},
    "cbrt": "(torch.sign({0}) * torch.abs({0}) ** (1 / 3))",
    "relu": "torch.relu({})",
    "heaviside": "((torch.sign({}) + 1) / 2)",
    "erf": "torch.special.erf({})",
    "loggamma": "torch.special.gammaln({})",
}


def _apply(sheet: Sheet, v: Value) -> Text:
    if v.data[0] == "gamma":
        return Text(f"{sheet.helper('gamma_function')}({_tensor(sheet, v.args[0])})")
    if v.data[0] not in OWN_FUNCTIONS:
        raise unwritten(v.data[0])
    return Text(OWN_FUNCTIONS[v.data[0]].format(_tensor(sheet, v.args[0])))


def _tensor(sheet: Sheet, v: Value) -> str:
    """The formula of an operand; of a number that no argument shows, as a tensor."""
    written = sheet.formula(v)
    return f"torch.tensor({written}{like(sheet)})" if v in sheet.numbers else written


def like(sheet: Sheet) -> str:
    """The type and the device of the first array among the arguments, else of the first number."""
    inputs = [v for v in every_value(sheet.program.values) if v.op == "input" and v in sheet.texts]
    inputs = [v for v in inputs if not v.data[0].is_index]
    inputs.sort(key=lambda v: (v.rank == 0, "integer" in v.data[0].properties))
    if not inputs:
        return ", dtype=torch.float64"
    name = sheet.texts[inputs[0]].text
    return f", dtype={name}.dtype, device={name}.device"


def _constant_matrix(name: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        rank = 1 if name == "eye" else v.rank
        return Text(f"torch.{name}({', '.join(map(sheet.size, v.shape[:rank]))}{like(sheet)})")

    return write


def _eye(sheet: Sheet, v: Value) -> str:
    return f"torch.eye({sheet.size(v.shape[0])}{like(sheet)})"


def _add_diagonal(sheet: Sheet, v: Value) -> Text:
    A, entries = v.args
    diagonal = f"torch.diag({sheet.formula(entries)})"
    if entries.op == "number" and entries.data[0] == 1:
        diagonal = _eye(sheet, v)
    elif not entries.rank:
        diagonal = f"{sheet.formula(entries, TIMES)} * {_eye(sheet, v)}"
    return Text(f"{sheet.formula(A, 60)} + {diagonal}", 60)


def _commutation(sheet: Sheet, v: Value) -> Text:
    m, n = map(sheet.size, v.data)
    size = sheet.size(v.shape[0])
    return Text(f"{_eye(sheet, v)}[torch.arange({size}).reshape({n}, {m}).T.reshape(-1)]", POSTFIX)


def _half(sheet: Sheet, v: Value) -> Text:
    return Text(f"{sheet.helper(v.op)}({sheet.size(v.data[0])}{like(sheet)})")


def _unit(sheet: Sheet, v: Value) -> Text:
    return Text(f"{_eye(sheet, v)}[{index_formula(sheet, v.args[0], v.shape[0])}]", POSTFIX)


def _dot(sheet: Sheet, v: Value) -> Text:
    a, b = v.args
    if a.rank == 1:
        return matrix_product(sheet, v)
    return Text(f"torch.sum({sheet.formula(a, TIMES)} * {sheet.formula(b, TIMES + 1)})")


def _square(sheet: Sheet, v: Value) -> Text:
    a = sheet.formula(v.args[0])
    return Text(f"{a} @ {a}", 69) if v.args[0].rank == 1 else Text(f"torch.sum({a} * {a})")


def _equals(sheet: Sheet, v: Value) -> Text:
    x, y = (sheet.formula(a) for a in v.args)
    return Text(f"torch.eq({x}, {y}).to({sheet.formula(v.args[0], POSTFIX)}.dtype)", POSTFIX)


def _sqrt(sheet: Sheet, v: Value) -> Text:
    if v.args[0] in sheet.numbers:
        return Text(f"{sheet.formula(v.args[0], POWER + 1)} ** 0.5", POWER)
    return Text(f"torch.sqrt({sheet.formula(v.args[0])})")


def _pow(sheet: Sheet, v: Value) -> Text:
    base, exponent = v.args
    return Text(f"{sheet.formula(base, POWER + 1)}**{sheet.formula(exponent, POWER)}", POWER)


def _kron(sheet: Sheet, v: Value) -> Text:
    """torch.kron takes no operands whose strides are ordered differently."""
    parts = []
    for a, shape in zip(v.args, v.data, strict=True):
        part = spread(sheet, a, shape)
        parts.append(part if a.op == "eye" else f"{part if a.rank == 1 else sheet.formula(a, POSTFIX)}.contiguous()")
    return Text(f"torch.kron({', '.join(parts)})")


def _block(sheet: Sheet, v: Value) -> Text:
    width, shapes = v.data
    if v.rank == 1:
        return Text(f"torch.hstack([{', '.join(sheet.formula(a) for a in v.args)}])")
    parts = [
        f"{sheet.formula(a, POSTFIX)}.reshape(1, 1)" if a.rank == 0 else spread(sheet, a, shape)
        for a, shape in zip(v.args, shapes, strict=True)
    ]
    rows = [f"torch.hstack([{', '.join(parts[i : i + width])}])" for i in range(0, len(parts), width)]
    return Text(f"torch.vstack([{', '.join(rows)}])")


def _solve(sheet: Sheet, v: Value) -> Text:
    factor, B = v.args
    is_turned, is_vector = bool(v.data[0]), B.rank == 1
    F = sheet.formula(factor, POSTFIX)
    right = sheet.formula(B, POSTFIX) + "[:, None]" if is_vector else sheet.formula(B)
    if factor.op == "cholesky":
        text = f"torch.cholesky_solve({right}, {F})"
    elif factor.op == "lu":
        text = f"torch.linalg.lu_solve(*{F}, {right}{', adjoint=True' if is_turned else ''})"
    else:
        is_upper = (factor.op == "upper") != is_turned
        text = f"torch.linalg.solve_triangular({F}{'.T' if is_turned else ''}, {right}, upper={is_upper})"
    return Text(f"{text}[:, 0]" if is_vector else text, POSTFIX)


def _inverse(sheet: Sheet, v: Value) -> Text:
    factor = v.args[0]
    F = sheet.formula(factor, POSTFIX)
    if factor.op == "cholesky":
        return Text(f"torch.cholesky_inverse({F})")
    if factor.op == "lu":
        return Text(f"torch.linalg.lu_solve(*{F}, {_eye(sheet, v)})")
    return Text(f"torch.linalg.inv({F})")


def _of_factor(name: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        factor = v.args[0]
        F = sheet.formula(factor, POSTFIX)
        if factor.op == "cholesky":
            diagonal = f"torch.diag({F})"
            return (
                Text(f"{diagonal}.prod() ** 2", POWER)
                if name == "det"
                else Text(f"2 * torch.log({diagonal}).sum()", TIMES)
            )
        if name == "logabsdet":
            return Text(f"torch.log(torch.abs(torch.diag({F}[0]))).sum()")
        sheet.helper("lu_det")
        return Text(f"{sheet.helper('lu_' + name)}({F})")

    return write


OPERATIONS: dict[str, Template] = {
    **NUMPY.operations,
    **{name: _constant_matrix(name) for name in ("eye", "ones", "zeros")},
    "scaled_eye": lambda sheet, v: Text(f"{sheet.formula(v.args[0], TIMES)} * {_eye(sheet, v)}", TIMES),
    "commutation": _commutation,
    **dict.fromkeys(("duplication", "elimination"), _half),
    "unit": _unit,
    "apply": _apply,
    "sqrt": _sqrt,
    "pow": _pow,
    "softplus": form("torch.nn.functional.softplus({}, threshold=40)", ATOM, 0),
    "dot": _dot,
    "square": _square,
    "squared_norm": _square,
    "row_sums": form("torch.sum({}, dim=1)", ATOM, 0),
    "column_sums": form("torch.sum({}, dim=0)", ATOM, 0),
    "equals": _equals,
    "row_max": form("torch.amax({}, dim=1)", ATOM, 0),
    "column_max": form("torch.amax({}, dim=0)", ATOM, 0),
    "add_diagonal": _add_diagonal,
    "vec": form("{}.T.reshape(-1)", POSTFIX, POSTFIX),
    "unvec": lambda sheet, v: Text(
        f"{sheet.formula(v.args[0], POSTFIX)}.reshape({sheet.size(v.shape[1])}, {sheet.size(v.shape[0])}).T", POSTFIX
    ),
    "kron": _kron,
    "block": _block,
    "cholesky": form("torch.linalg.cholesky({})", ATOM, 0),
    "lu": form("torch.linalg.lu_factor({})", ATOM, 0),
    "lower": lambda sheet, v: sheet.texts[v.args[0]],
    "upper": lambda sheet, v: sheet.texts[v.args[0]],
    "solve": _solve,
    "inverse": _inverse,
    "logdet": _of_factor("logdet"),
    "logabsdet": _of_factor("logabsdet"),
    "det": _of_factor("det"),
    "log_determinant": form("torch.logdet({})", ATOM, 0),
    "opaque": opaque(TORCH_FUNCTIONS),
}

TORCH = Language(OPERATIONS, NUMPY.assignment, NUMPY.repeats, frozenset({*NUMPY.reserved, "torch"}), loop=range_loop)


def torch_result(sheet: Sheet, v: Value, is_row: bool) -> str:
    """What is returned: a row as a 1×n tensor, and a copy of what shares memory with an argument."""
    text = sheet.formula(v, POSTFIX) + "[None, :]" if is_row else sheet.texts[v].text
    shares: Any = v
    while shares.op in ("transpose", "row", "column", "vec", "unvec"):
        shares = shares.args[0]
    if shares.op == "input" and shares.shape != (ONE, ONE):
        return f"{text if is_row else sheet.formula(v, POSTFIX)}.clone()"
    return text
