"""Functions of matrices in NumPy, JAX and PyTorch: what a line writes, and the helpers that stand beside the code.

The helpers are written in what the three have in common; the `np.` is exchanged where a document is put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from matcalc.code_sheets import POSTFIX, Sheet, Template, Text
from matcalc.expressions import Apply, Expression
from matcalc.numpy_formulas import is_runtime, unwritten
from matcalc.programs import Value


class Written(NamedTuple):
    """How a function is written: a pattern with a place for each operand, and what the pattern needs."""

    pattern: str
    helpers: tuple[str, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    whole: str = "{}"
    """How a number that must be an integer is written."""


WORDS = {"IndexedSum": "sums over an index", "Implicit": "solve(… = 0, …)", "Power": "powers of a matrix"}
"""What is refused, in words, where a node is no function."""
OF_NUMBERS = frozenset({"polygamma", "inverse_gaps"})
"""What is no function of a matrix."""


def opaque(functions: Mapping[str, Written | str], alone: Mapping[str, Written | str] | None = None) -> Template:
    """The functions that have a name or a helper in the language; others are refused.

    ``alone`` has those of NumPy without SciPy.
    """

    def write(sheet: Sheet, v: Value) -> Text:
        node: Expression = v.data[0]
        if is_runtime(sheet):
            arguments = ", ".join(sheet.formula(a) for a in v.args)
            return Text(f"{sheet.helper(f'operation_{v.index}')}({arguments})")
        name = node.function if isinstance(node, Apply) else type(node).__name__
        is_alone = alone is not None and not sheet.options.get("scipy")
        known = alone if alone is not None and is_alone else functions
        if name not in known or (name not in OF_NUMBERS and v.args[0].rank != 2):
            raise unwritten(WORDS.get(name, name) + (" in NumPy alone" if name in functions else ""))
        found = known[name]
        written = Written(found) if isinstance(found, str) else found
        for helper in written.helpers:
            sheet.helper(helper)
        for module, function in written.imports:
            sheet.imported(module, function)
        level = POSTFIX if written.pattern.startswith("{0}") else 0
        operands = [
            written.whole.format(sheet.formula(a))
            if a.rank == 0 and a not in sheet.numbers
            else sheet.formula(a, level)
            for a in v.args
        ]
        return Text(written.pattern.format(*operands), POSTFIX)

    return write


def _scipy(name: str) -> tuple[tuple[str, str], ...]:
    return (("scipy.linalg", name),)


_DERIVATIVE = ("matrix_derivative",)
_ORIENTED = ("oriented",)
_SINGULAR = ("oriented", "singular_vectors")

COMMON: dict[str, Written | str] = {
    "pinv": "np.linalg.pinv({0})",
    "chol": "np.linalg.cholesky({0})",
    "qr_q": Written("positive_qr({0})[0]", ("positive_qr",)),
    "qr_r": Written("positive_qr({0})[1]", ("positive_qr",)),
    "lu_l": Written("plain_lu({0})[0]", ("plain_lu",)),
    "lu_u": Written("plain_lu({0})[1]", ("plain_lu",)),
    "vech": Written("vech({0})", ("vech",)),
    "sylvester": Written("sylvester({0}, {1}, {2})", ("sylvester",)),
    "eigvals": "np.linalg.eigvalsh({0})",
    "lambda_max": "np.linalg.eigvalsh({0})[-1]",
    "lambda_min": "np.linalg.eigvalsh({0})[0]",
    "eigvecs": Written("oriented(np.linalg.eigh({0})[1])", _ORIENTED),
    "leading_eigvec": Written("oriented(np.linalg.eigh({0})[1])[:, -1]", _ORIENTED),
    "trailing_eigvec": Written("oriented(np.linalg.eigh({0})[1])[:, 0]", _ORIENTED),
    "spectral_abscissa": "np.linalg.eigvals({0}).real.max()",
    "eigenprojection": Written("eigenprojection({0})", ("eigenprojection",)),
    "svdvals": "np.linalg.svd({0}, compute_uv=False)",
    "svd_u": Written("singular_vectors({0})[0]", _SINGULAR),
    "svd_v": Written("singular_vectors({0})[1]", _SINGULAR),
    "leading_svd_u": Written("singular_vectors({0})[0][:, 0]", _SINGULAR),
    "leading_svd_v": Written("singular_vectors({0})[1][:, 0]", _SINGULAR),
    "sigma_max": "np.linalg.norm({0}, 2)",
    "normnuc": 'np.linalg.norm({0}, "nuc")',
    "polar": Written("polar({0})", ("polar",)),
    "inverse_gaps": Written("inverse_gaps({0})", ("inverse_gaps",)),
    "Power": Written("np.linalg.matrix_power({0}, {1})", ("whole",), (), "whole({})"),
}

_OF_EXPONENTIALS: dict[str, Written] = {
    **{name: Written(name + "({0})", (name, "expm")) for name in ("cosm", "sinm")},
    **{
        f"d{name}": Written(f"matrix_derivative({name}, {{0}}, {{1}})", (name, "expm", *_DERIVATIVE))
        for name in ("cosm", "sinm")
    },
}
"""The cosine and the sine where only the exponential has a name."""

NUMPY_ALONE: dict[str, Written | str] = {
    **COMMON,
    **_OF_EXPONENTIALS,
    "expm": Written("expm({0})", ("expm",)),
    "dexpm": Written("matrix_derivative(expm, {0}, {1})", ("expm", *_DERIVATIVE)),
}

NUMPY_FUNCTIONS: dict[str, Written | str] = {
    **COMMON,
    **{name: Written(name + "({0})", (), _scipy(name)) for name in ("expm", "logm", "sqrtm", "cosm", "sinm")},
    **{
        f"d{name}": Written(f"matrix_derivative({name}, {{0}}, {{1}})", _DERIVATIVE, _scipy(name))
        for name in ("expm", "logm", "sqrtm", "cosm", "sinm")
    },
    "polygamma": Written("polygamma({0}, {1})", (), (("scipy.special", "polygamma"),)),
}

JAX_FUNCTIONS: dict[str, Written | str] = {
    **{
        name: found._replace(helpers=tuple(h for h in found.helpers if h != "expm"), imports=_scipy("expm"))
        for name, found in _OF_EXPONENTIALS.items()
    },
    **{name: NUMPY_FUNCTIONS[name] for name in (*COMMON, "expm", "dexpm", "sqrtm", "dsqrtm", "polygamma")},
}

TORCH_FUNCTIONS: dict[str, Written | str] = {
    **COMMON,
    **_OF_EXPONENTIALS,
    "expm": "torch.linalg.matrix_exp({0})",
    "dexpm": Written("matrix_derivative(torch.linalg.matrix_exp, {0}, {1})", _DERIVATIVE),
    "svdvals": "torch.linalg.svdvals({0})",
    "sigma_max": "torch.linalg.matrix_norm({0}, 2)",
    "normnuc": 'torch.linalg.matrix_norm({0}, "nuc")',
    "polygamma": Written("torch.special.polygamma({0}, {1})", ("whole",), (), "whole({})"),
}

HELPERS: Mapping[str, str] = {
    "oriented": '''
def oriented(V):
    """The columns of V, each with its entry of largest absolute value positive."""
    largest = np.argmax(np.abs(V), axis=0)
    return V * np.sign(V[largest, np.arange(V.shape[1])])
''',
    "singular_vectors": '''
def singular_vectors(A):
    """U and V of the thin singular value decomposition, the largest entries of V's columns positive."""
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    V = oriented(Vt.T)
    return U * np.sum(Vt.T * V, axis=0), V
''',
    "polar": '''
def polar(A):
    """The factor with orthonormal columns in the polar decomposition."""
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "eigenprojection": '''
def eigenprojection(A):
    """The projection x y' / (y' x) of the eigenvalue with the largest real part."""
    values, right = np.linalg.eig(A)
    k = np.argmax(values.real)
    return np.outer(right[:, k], np.linalg.inv(right)[k]).real
''',
    "positive_qr": '''
def positive_qr(A):
    """The factors of A = Q R, the diagonal of R positive."""
    Q, R = np.linalg.qr(A)
    signs = np.sign(np.diag(R))
    return Q * signs, signs[:, None] * R
''',
    "plain_lu": '''
def plain_lu(A):
    """The factors of A = L U, the diagonal of L being 1; no rows are exchanged."""
    n, columns = A.shape[0], []
    for k in range(n):
        columns.append(np.where(np.arange(n) > k, A[:, k] / A[k, k], 0))
        A = A - np.outer(columns[k], A[k])
    return np.stack(columns).T + np.diag(np.ones_like(A[0])), np.triu(A)
''',
    "vech": '''
def vech(A):
    """The columns of the lower triangle, one below the other."""
    rows, columns = np.triu_indices(A.shape[0])
    return A.T[rows, columns]
''',
    "sylvester": '''
def sylvester(A, B, C):
    """The X with A X + X B = C, from the equations of all its entries."""
    m, n = C.shape
    whole = np.kron(np.diag(np.ones_like(B[0])), A) + np.kron(B.T, np.diag(np.ones_like(A[0])))
    return np.linalg.solve(whole, C.T.reshape(-1)).reshape(n, m).T
''',
    "inverse_gaps": '''
def inverse_gaps(x):
    """The matrix of 1 / (x_j - x_i), with 0 on the diagonal."""
    eye = np.diag(np.ones_like(x))
    return (1 - eye) / (x - x[:, None] + eye)
''',
    "matrix_derivative": '''
def matrix_derivative(f, A, E):
    """The derivative of a function of matrices at A along E."""
    n = A.shape[0]
    whole = np.vstack([np.hstack([A, E]), np.hstack([np.zeros_like(A), A])])
    return f(whole)[:n, n:]
''',
    "expm": '''
def expm(A):
    """The exponential of a matrix: a Taylor polynomial at A / 2^k, squared k times."""
    k = max(0, int(np.ceil(np.log2(max(np.linalg.norm(A, 1), 1e-300)))) + 2)
    E = term = np.eye(len(A))
    for j in range(1, 16):
        term = term @ A / (j * 2**k)
        E = E + term
    return np.linalg.matrix_power(E, 2**k)
''',
    "cosm": '''
def cosm(A):
    """The cosine of a matrix."""
    return expm(1j * A).real
''',
    "sinm": '''
def sinm(A):
    """The sine of a matrix."""
    return expm(1j * A).imag
''',
    "whole": '''
def whole(k):
    """The integer k."""
    if int(k) != k:
        raise ValueError(f"{k:g} is not an integer")
    return int(k)
''',
}
"""The text of each helper, in NumPy."""

TORCH_HELPERS: Mapping[str, str] = {
    **HELPERS,
    "vech": HELPERS["vech"].replace("triu_indices(A.shape[0])", "triu_indices(*A.shape)"),
    "sylvester": HELPERS["sylvester"].replace(", A) +", ", A.contiguous()) +").replace("(B.T,", "(B.T.contiguous(),"),
    "expm": '''
def expm(A):
    """The exponential of a matrix."""
    return torch.linalg.matrix_exp(A)
''',
    "gamma_function": '''
def gamma_function(x):
    """The gamma function, from the logarithm of its absolute value."""
    is_negative = (x < 0) & (torch.floor(x) % 2 == 1)
    return torch.where(is_negative, -1, 1) * torch.exp(torch.special.gammaln(x))
''',
}
"""The text of each helper in PyTorch, but for the names that NumPy has, too."""
