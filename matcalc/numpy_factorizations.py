"""How factorizations and solves are written: SciPy's, NumPy's, or those of `linear_solves`, for code that is run.

What a line of code is too short for is a function beside it, in `HELPERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matcalc.code_sheets import (
    POSTFIX,
    POWER,
    TIMES,
    Sheet,
    Template,
    Text,
)
from matcalc.in_place_code import is_ours
from matcalc.numpy_formulas import is_complex, is_runtime
from matcalc.programs import Value

HELPERS: Mapping[str, str] = {
    "symmetric_factor": '''
def symmetric_factor(S):
    """A factorization of a symmetric matrix and what solves with it: Cholesky's where S is positive definite."""
    try:
        return cho_factor(S, lower=True), cho_solve
    except np.linalg.LinAlgError:
        return lu_factor(S), lu_solve
''',
    "symmetric_solve": '''
def symmetric_solve(factor, B):
    """The X with S X = B, from symmetric_factor(S)."""
    parts, solve = factor
    return solve(parts, B)
''',
    "symmetric_logdet": '''
def symmetric_logdet(factor):
    """log det S from symmetric_factor(S), nan where the determinant is negative."""
    (matrix, pivots), solve = factor
    diagonal = np.diag(matrix)
    if solve is cho_solve:
        return 2 * np.log(diagonal).sum()
    swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
    negative = (np.count_nonzero(diagonal < 0) + swaps) % 2
    return np.nan if negative else np.log(np.abs(diagonal)).sum()
''',
    "lu_logdet": '''
def lu_logdet(factor):
    """log det A from lu_factor(A), nan where the determinant is negative."""
    lu, pivots = factor
    diagonal = np.diag(lu)
    swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
    negative = (np.count_nonzero(diagonal < 0) + swaps) % 2
    return np.nan if negative else np.log(np.abs(diagonal)).sum()
''',
    "lu_det": '''
def lu_det(factor):
    """det A from lu_factor(A)."""
    lu, pivots = factor
    return np.diag(lu).prod() * (-1) ** np.count_nonzero(pivots != np.arange(len(pivots)))
''',
    "log_determinant": '''
def log_determinant(A):
    """log det A, nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(A)
    return value if sign >= 0 else np.nan
''',
    "adjugate": '''
def adjugate(A):
    """The adjugate det(A) inv(A); from the singular values where A is close to singular."""
    if np.linalg.cond(A, 1) < 1e6:
        return np.linalg.det(A) * np.linalg.inv(A)
    U, s, Vt = np.linalg.svd(A)
    others = np.array([np.prod(np.delete(s, i)) for i in range(len(s))])
    return np.linalg.det(U) * np.linalg.det(Vt) * (Vt.T * others) @ U.T
''',
    "kron_times": '''
def kron_times(A, B, X, columns):
    """kron(A, B) @ X without the Kronecker product; None stands for an identity; A has that many columns."""
    Y = X.reshape(columns, -1, X.shape[1])
    if B is not None:
        Y = B @ Y
    if A is not None:
        Y = np.tensordot(A, Y, axes=1)
    return Y.reshape(-1, X.shape[1])
''',
    "duplication": '''
def duplication(n):
    """The D with vec(S) = D @ vech(S) for a symmetric n by n matrix S."""
    i, j = np.indices((n, n))
    i, j = np.maximum(i, j), np.minimum(i, j)
    return np.eye(n * (n + 1) // 2)[(j * (2 * n - j - 1) // 2 + i).ravel()]
''',
    "elimination": '''
def elimination(n):
    """The L with vech(A) = L @ vec(A) for an n by n matrix A."""
    i, j = np.triu_indices(n)
    return np.eye(n * n)[i * n + j]
''',
    "position": '''
def position(index, length):
    """Where the entry of that number stands, counting from 0."""
    i = int(index)
    if i != index or not 1 <= i <= length:
        raise IndexError(f"{index:g} is no index from 1 to {length}")
    return i - 1
''',
}


# ---- factorizations ----------------------------------------------------------------------------------------


def factor(runtime: str, scipy: str) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        matrix = sheet.formula(v.args[0])
        if is_runtime(sheet):
            return _factorization(sheet, v, runtime)
        if not has_scipy(sheet) or not scipy:
            return Text(matrix, sheet.texts[v.args[0]].binding)
        return Text(
            f"{sheet.imported('scipy.linalg', scipy)}({matrix}{', lower=True' if scipy == 'cho_factor' else ''})"
        )

    return write


def _factorization(sheet: Sheet, v: Value, kind: str) -> Text:
    """A factorization that is made when the code runs."""
    kind = "LU" if is_complex(sheet) else kind
    matrix = v.args[0]
    ours = kind != "LU" and is_ours(sheet, matrix, v)
    return Text(f"{kind}({sheet.formula(matrix)}{', is_ours=True' if ours else ''})")


def symmetric(sheet: Sheet, v: Value) -> Text:
    matrix = sheet.formula(v.args[0])
    if is_runtime(sheet):
        return _factorization(sheet, v, "symmetric_factor")
    for name in ("cho_factor", "cho_solve", "lu_factor", "lu_solve"):
        sheet.imported("scipy.linalg", name)
    return Text(f"{sheet.helper('symmetric_factor')}({matrix})")


def has_scipy(sheet: Sheet) -> bool:
    """Whether the code may use SciPy."""
    return bool(sheet.options.get("scipy"))


def triangular(lower: bool) -> Template:
    def write(sheet: Sheet, v: Value) -> Text:
        if is_runtime(sheet):
            return Text(f"Triangular({sheet.formula(v.args[0])}, lower={lower})")
        return sheet.texts[v.args[0]]

    return write


def solve(sheet: Sheet, v: Value) -> Text:
    factor, B = v.args
    is_turned = bool(v.data[0])
    F, right = sheet.formula(factor, POSTFIX), sheet.formula(B)
    if is_runtime(sheet):
        return Text(f"{F}.solve({right}{', True' if is_turned else ''})")
    if not has_scipy(sheet):
        return Text(f"np.linalg.solve({F + '.T' if is_turned else sheet.formula(factor)}, {right})")
    if factor.op == "symmetric":
        return Text(f"{sheet.helper('symmetric_solve')}({F}, {right})")
    trans = ", trans=1" if is_turned else ""
    if factor.op in ("lower", "upper"):
        triangle = ", lower=True" if factor.op == "lower" else ""
        return Text(f"{sheet.imported('scipy.linalg', 'solve_triangular')}({F}, {right}{triangle}{trans})")
    name = "cho_solve" if factor.op == "cholesky" else "lu_solve"
    return Text(f"{sheet.imported('scipy.linalg', name)}({F}, {right}{trans})")


def inverse(sheet: Sheet, v: Value) -> Text:
    factor = v.args[0]
    F = sheet.formula(factor, POSTFIX)
    if is_runtime(sheet):
        return Text(f"{F}.inverse({'is_ours=True' if is_ours(sheet, factor, v) else ''})")
    if not has_scipy(sheet) or factor.op in ("lower", "upper"):
        return Text(f"np.linalg.inv({F})")
    if factor.op == "symmetric":
        return Text(f"{sheet.helper('symmetric_solve')}({F}, np.eye({sheet.size(v.shape[0])}))")
    name = "cho_solve" if factor.op == "cholesky" else "lu_solve"
    return Text(f"{sheet.imported('scipy.linalg', name)}({F}, np.eye({sheet.size(v.shape[0])}))")


def of_factor(name: str) -> Callable[[Sheet, Value], Text]:
    """logdet, logabsdet or det from a factorization."""

    def write(sheet: Sheet, v: Value) -> Text:
        factor = v.args[0]
        F = sheet.formula(factor, POSTFIX)
        if is_runtime(sheet):
            return Text(f"{F}.{name}()")
        if not has_scipy(sheet):
            return Text(
                {"logdet": f"{sheet.helper('log_determinant')}({F})", "det": f"np.linalg.det({F})"}.get(
                    name, f"np.linalg.slogdet({F})[1]"
                )
            )
        if factor.op == "symmetric":
            return Text(f"{sheet.helper('symmetric_' + name)}({F})")
        if factor.op == "cholesky":
            diagonal = f"np.diag({F}[0])"
            return (
                Text(f"{diagonal}.prod() ** 2", POWER)
                if name == "det"
                else Text(f"2 * np.log({diagonal}).sum()", TIMES)
            )
        if name == "logabsdet":
            return Text(f"np.log(np.abs(np.diag({F}[0]))).sum()")
        return Text(f"{sheet.helper('lu_' + name)}({F})")

    return write
