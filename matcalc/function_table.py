"""The functions of the language, one row each: signature, NumPy kernel, LaTeX.

A row and a rule in ``rules/`` are all that a function owes.  An entrywise function names its SymPy function
instead of a rule, and its derivative is SymPy's.  A row with a ``definition`` is an abbreviation for an
expression in the language.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from matcalc import distances, factorizations, soft_maxima
from matcalc.matrix_functions import MATRIX_FUNCTIONS, MatrixFunction, derivative_of, in_arithmetic

Kernel = Callable[..., Any]
SYMMETRIC, DEFINITE, TALL = "symmetric", "spd", "tall"
# Smaller singular values are rounding, as those of λI − S where λ is an eigenvalue of S.
SMALLEST_RELATIVE_SINGULAR_VALUE = 1e-12


class sigmoid(sp.Function):
    """1/(1 + e⁻ˣ), with its derivative in terms of itself."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0]) * (1 - sigmoid(self.args[0]))


class softplus(sp.Function):
    """log(1 + eˣ)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0])


class log1p(sp.Function):
    """log(1 + x), accurate near 0."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / (1 + self.args[0])


class expm1(sp.Function):
    """eˣ − 1, accurate near 0."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.exp(self.args[0])


class cbrt(sp.Function):
    """The real cube root."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / (3 * cbrt(self.args[0]) ** 2)


class relu(sp.Function):
    """max(x, 0)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return heaviside(self.args[0])


class absolute(sp.Function):
    """|x| of a real number, whose derivative is sign(x)."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sign(self.args[0])


class sign(sp.Function):
    """The sign, a step: its derivative is 0 wherever it has one."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.S.Zero


class heaviside(sp.Function):
    """The unit step: its derivative is 0 wherever it has one."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.S.Zero


@dataclass(frozen=True)
class Function:
    """One function of the language.

    ``signature`` gives the shapes, such as ``"(m,n) (n,p) -> (m,p)"``; ``scalar`` the SymPy function of an
    entrywise one; ``kinked`` says that it has no derivative where its argument is 0, ``analytic`` that it is an
    analytic function of a square matrix or the derivative of one, ``takes`` what its first argument must be,
    ``named`` the name that a user declared it by, where it is any analytic function.
    """

    name: str
    signature: str
    kernel: Kernel | None = None
    latex: str = ""
    aliases: tuple[str, ...] = ()
    scalar: Any = None
    definition: str = ""
    template: Any = None
    kinked: bool = False
    analytic: bool = False
    takes: str = ""
    named: str = ""
    note: str = ""

    @property
    def is_defined(self) -> bool:
        """Whether the function is an abbreviation for an expression."""
        return bool(self.definition) or self.template is not None

    @property
    def is_entrywise(self) -> bool:
        """Whether the function acts entry by entry."""
        return self.scalar is not None


def _each(f: Callable[[float], float]) -> Kernel:
    """A NumPy kernel from a function of one number; nan outside its domain."""

    def one(value: float) -> float:
        try:
            return float(f(value))
        except (ValueError, OverflowError, ZeroDivisionError, TypeError):
            return math.nan

    return np.vectorize(one, otypes=[float])


def _sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x)))


def _of_columns(kernel: Kernel) -> Kernel:
    """The kernel for every column of one for every row."""
    return lambda X: kernel(X.T).T


def _logdet(A: Any) -> Any:
    s, value = np.linalg.slogdet(A)
    return value if s > 0 else np.nan


def _cofactor(A: Any) -> Any:
    """The cofactor matrix from the singular value decomposition: right at singular A too."""
    n = A.shape[0]
    if n == 1:
        return np.ones((1, 1))
    U, s, Vt = np.linalg.svd(A)
    others = np.array([np.prod(np.delete(s, i)) for i in range(n)])
    sign = np.linalg.det(U) * np.linalg.det(Vt)
    return (sign if np.iscomplexobj(A) else round(sign)) * (U.conj() * others) @ Vt.conj()


def _vech(A: Any) -> Any:
    """The entries on and below the diagonal, column by column."""
    columns, rows = np.triu_indices(len(A))
    return A[rows, columns].reshape(-1, 1)


def _rearrange(G: Any, m: Any, n: Any) -> Any:
    """Van Loan's rearrangement: of kron(A, B), with A of size m×n, it is vec(A) vec(B)'."""
    m, n = int(m), int(n)
    p, q = G.shape[0] // m, G.shape[1] // n
    return G.reshape(m, p, n, q).transpose(2, 0, 3, 1).reshape(m * n, p * q)


def _unrearrange(R: Any, m: Any, n: Any, p: Any, q: Any) -> Any:
    m, n, p, q = int(m), int(n), int(p), int(q)
    return R.reshape(n, m, q, p).transpose(1, 3, 0, 2).reshape(m * p, n * q)


def _trace(A: Any) -> Any:
    return np.trace(A)


def _entrywise(name: str, scalar: Any, kernel: Kernel, latex: str = "", *aliases: str, **more: Any) -> Function:
    return Function(name, "(m,n) -> (m,n)", kernel, latex or rf"\{name}", aliases, scalar, **more)


def of_matrices(name: str, f: MatrixFunction, named: str = "") -> tuple[Function, Function]:
    """An analytic function of a square matrix, and its derivative L(A, E), which is linear in E."""
    value = in_arithmetic(f, np.linalg.inv)
    slope = derivative_of(f, np.linalg.inv)
    letter = rf"\operatorname{{{name}}}" if len(name) > 1 else name
    return (
        Function(name, "(n,n) -> (n,n)", value, letter, analytic=True, named=named),
        Function(f"d{name}", "(n,n) (n,n) -> (n,n)", slope, f"L_{{{letter}}}", analytic=True, named=named),
    )


def _factor(name: str, signature: str, kernel: Kernel, latex: str = "", *aliases: str, takes: str = "") -> Function:
    return Function(name, signature, kernel, latex or rf"\operatorname{{{name}}}", aliases, takes=takes)


def _of_spectrum(name: str, signature: str, latex: str = "", *aliases: str, takes: str = "") -> Function:
    return _factor(name, signature, _SPECTRAL[name], latex, *aliases, takes=takes)


_SPECTRAL = {
    **factorizations.spectral_kernels(factorizations.eigen, factorizations.singular),
    **factorizations.general_kernels(factorizations.leading),
}


def _pinv(A: Any) -> Any:
    return np.linalg.pinv(A, rcond=SMALLEST_RELATIVE_SINGULAR_VALUE)


def _qr(A: Any) -> Any:
    Q, R = np.linalg.qr(A)
    if np.any(np.abs(np.diag(R)) <= SMALLEST_RELATIVE_SINGULAR_VALUE * np.linalg.norm(R, axis=0)):
        raise factorizations.Degenerate
    signs = np.copysign(1.0, np.diag(R))
    return Q * signs, signs[:, None] * R


def _sylvester(A: Any, B: Any, C: Any) -> Any:
    return factorizations.sylvester(A, B, C, np.linalg.solve)


def _defined(name: str, signature: str, definition: str, *aliases: str) -> Function:
    return Function(name, signature, definition=definition, aliases=aliases)


_ROWS = (
    _entrywise("sin", sp.sin, np.sin),
    _entrywise("cos", sp.cos, np.cos),
    _entrywise("tan", sp.tan, np.tan),
    _entrywise("sec", sp.sec, lambda x: 1 / np.cos(x)),
    _entrywise("csc", sp.csc, lambda x: 1 / np.sin(x)),
    _entrywise("cot", sp.cot, lambda x: 1 / np.tan(x)),
    _entrywise("arcsin", sp.asin, np.arcsin, "", "asin"),
    _entrywise("arccos", sp.acos, np.arccos, "", "acos"),
    _entrywise("arctan", sp.atan, np.arctan, "", "atan"),
    _entrywise("sinh", sp.sinh, np.sinh),
    _entrywise("cosh", sp.cosh, np.cosh),
    _entrywise("tanh", sp.tanh, np.tanh),
    _entrywise("arcsinh", sp.asinh, np.arcsinh, r"\operatorname{arsinh}", "asinh", "arsinh"),
    _entrywise("arccosh", sp.acosh, np.arccosh, r"\operatorname{arcosh}", "acosh", "arcosh"),
    _entrywise("arctanh", sp.atanh, np.arctanh, r"\operatorname{artanh}", "atanh", "artanh"),
    _entrywise("exp", sp.exp, np.exp),
    _entrywise("log", sp.log, np.log, "", "ln"),
    _entrywise("log1p", log1p, np.log1p, r"\operatorname{log1p}"),
    _entrywise("expm1", expm1, np.expm1, r"\operatorname{expm1}"),
    _entrywise("cbrt", cbrt, np.cbrt, r"\operatorname{cbrt}"),
    _entrywise("abs", absolute, np.abs, r"\operatorname{abs}", kinked=True),
    _entrywise("sign", sign, np.sign, r"\operatorname{sign}", "sgn", kinked=True),
    _entrywise("relu", relu, lambda x: np.maximum(x, 0), r"\operatorname{relu}", kinked=True),
    _entrywise("heaviside", heaviside, lambda x: np.heaviside(x, 0.5), r"\operatorname{H}", "step", kinked=True),
    _entrywise("sigmoid", sigmoid, _sigmoid, r"\sigma", "logistic", "expit"),
    _entrywise(
        "softplus",
        softplus,
        lambda x: np.log1p(np.exp(x)) if np.iscomplexobj(x) else np.logaddexp(0, x),
        r"\operatorname{softplus}",
    ),
    _entrywise("erf", sp.erf, _each(math.erf), r"\operatorname{erf}"),
    _entrywise("gamma", sp.gamma, _each(math.gamma), r"\Gamma"),
    _entrywise("loggamma", sp.loggamma, _each(math.lgamma), r"\ln\Gamma", "gammaln", "lgamma"),
    Function(
        *("polygamma", "(1,1) (m,n) -> (m,n)", lambda k, x: _each(lambda t: mpmath.psi(int(k), t))(x)),
        *(r"\psi^{({0})}", (), sp.polygamma),
    ),
    Function("tr", "(n,n) -> (1,1)", _trace, r"\operatorname{tr}", ("trace", "Tr")),
    Function("det", "(n,n) -> (1,1)", np.linalg.det, r"\det", ("determinant",)),
    Function("logdet", "(n,n) -> (1,1)", _logdet, r"\log\det"),
    Function("logabsdet", "(n,n) -> (1,1)", lambda A: np.linalg.slogdet(A)[1], r"\log|\det"),
    Function("norm2", "(m,n) -> (1,1)", np.linalg.norm, r"\|", ("norm", "fro", "normF", "norm_fro")),
    Function("sqdist", "(m,k) (n,k) -> (m,n)", distances.squared_distances, r"\operatorname{sqdist}"),
    Function("adj", "(n,n) -> (n,n)", lambda A: _cofactor(A).T, r"\operatorname{adj}", ("adjugate",)),
    Function("diag", "(n,1) -> (n,n)", lambda x: np.diag(x[:, 0]), r"\operatorname{diag}"),
    Function("diagonal", "(n,n) -> (n,1)", lambda A: np.diag(A)[:, None], r"\operatorname{diag}", ("diagv",)),
    Function("vec", "(m,n) -> (m*n,1)", lambda A: A.reshape(-1, 1, order="F"), r"\operatorname{vec}"),
    Function(
        *("unvec", "(m*n,1) size size -> (m,n)", lambda x, m, n: x.reshape((int(m), int(n)), order="F")),
        r"\operatorname{unvec}",
    ),
    Function("vech", "(n,n) -> (n*(n+1)/2,1)", _vech, r"\operatorname{vech}"),
    Function("kron", "(m,n) (p,q) -> (m*p,n*q)", np.kron, r"\otimes"),
    Function("rearrange", "(m*p,n*q) size size -> (m*n,p*q)", _rearrange, r"\mathcal{R}"),
    Function("unrearrange", "(m*n,p*q) size size size size -> (m*p,n*q)", _unrearrange, r"\mathcal{R}^{-1}"),
    Function("softmax", "(n,1) -> (n,1)", soft_maxima.softmax, r"\operatorname{softmax}"),
    Function("logsumexp", "(n,1) -> (1,1)", soft_maxima.logsumexp, r"\operatorname{logsumexp}", ("lse",)),
    Function("softmax_columns", "(m,n) -> (m,n)", _of_columns(soft_maxima.softmax_of_rows)),
    Function("softmax_rows", "(m,n) -> (m,n)", soft_maxima.softmax_of_rows),
    Function("logsumexp_columns", "(m,n) -> (1,n)", _of_columns(soft_maxima.logsumexp_of_rows)),
    Function("logsumexp_rows", "(m,n) -> (m,1)", soft_maxima.logsumexp_of_rows),
    Function("max", "(m,n) -> (1,1)", np.max, r"\max"),
    Function("hardmax", "(m,n) -> (m,n)", soft_maxima.hardmax, r"\operatorname{hardmax}"),
    Function("tril", "(n,n) -> (n,n)", np.tril, r"\operatorname{tril}"),
    Function("triu", "(n,n) -> (n,n)", np.triu, r"\operatorname{triu}"),
    *(row for name, f in MATRIX_FUNCTIONS.items() for row in of_matrices(name, f)),
    _factor("chol", "(n,n) -> (n,n)", lambda A: factorizations.chol(A, np.sqrt), "", "cholesky", takes=DEFINITE),
    _factor("qr_q", "(m,n) -> (m,n)", lambda A: _qr(A)[0], r"\operatorname{Q}", takes=TALL),
    _factor("qr_r", "(m,n) -> (n,n)", lambda A: _qr(A)[1], r"\operatorname{R}", takes=TALL),
    _factor("lu_l", "(n,n) -> (n,n)", lambda A: factorizations.lu(A)[0], r"\operatorname{L}"),
    _factor("lu_u", "(n,n) -> (n,n)", lambda A: factorizations.lu(A)[1], r"\operatorname{U}"),
    _factor("pinv", "(m,n) -> (n,m)", _pinv, "+", "pseudoinverse"),
    _factor("sylvester", "(m,m) (n,n) (m,n) -> (m,n)", _sylvester),
    _of_spectrum("eigvals", "(n,n) -> (n,1)", r"\lambda", takes=SYMMETRIC),
    _of_spectrum("eigvecs", "(n,n) -> (n,n)", takes=SYMMETRIC),
    _of_spectrum("lambda_max", "(n,n) -> (1,1)", r"\lambda_{\max}", "eigmax", takes=SYMMETRIC),
    _of_spectrum("lambda_min", "(n,n) -> (1,1)", r"\lambda_{\min}", "eigmin", takes=SYMMETRIC),
    _of_spectrum("leading_eigvec", "(n,n) -> (n,1)", r"q_{\max}", takes=SYMMETRIC),
    _of_spectrum("trailing_eigvec", "(n,n) -> (n,1)", r"q_{\min}", takes=SYMMETRIC),
    _of_spectrum("spectral_abscissa", "(n,n) -> (1,1)", r"\alpha"),
    _of_spectrum("eigenprojection", "(n,n) -> (n,n)", r"\Pi"),
    _of_spectrum("svdvals", "(m,n) -> (n,1)", r"\sigma", takes=TALL),
    _of_spectrum("svd_u", "(m,n) -> (m,n)", takes=TALL),
    _of_spectrum("svd_v", "(m,n) -> (n,n)", takes=TALL),
    _of_spectrum("sigma_max", "(m,n) -> (1,1)", r"\sigma_{\max}", "normspec", "norm_spec", "sigma1"),
    _of_spectrum("leading_svd_u", "(m,n) -> (m,1)", "u_1"),
    _of_spectrum("leading_svd_v", "(m,n) -> (n,1)", "v_1"),
    _of_spectrum("normnuc", "(m,n) -> (1,1)", r"\|", "norm_nuc", "nuc"),
    _of_spectrum("polar", "(m,n) -> (m,n)", takes=TALL),
    _factor("inverse_gaps", "(n,1) -> (n,n)", factorizations.inverse_gaps),
    _defined("lyapunov", "(n,n) (n,n) -> (n,n)", "sylvester(X, X', Y)"),
    _defined("cof", "(n,n) -> (n,n)", "adj(X)'", "cofactor"),
    _defined("inv", "(n,n) -> (n,n)", "X^-1", "inverse"),
    _defined("transpose", "(m,n) -> (n,m)", "X'"),
    _defined("sqrt", "(m,n) -> (m,n)", "X.^(1/2)"),
    _defined("square", "(m,n) -> (m,n)", "X.^2"),
    _defined("reciprocal", "(m,n) -> (m,n)", "X.^-1"),
    _defined("digamma", "(m,n) -> (m,n)", "polygamma(0,X)", "psi"),
    _defined("mean", "(m,n) -> (1,1)", "sum(X)/(m*n)"),
    _defined("norm1", "(m,n) -> (1,1)", "sum(abs(X))"),
    _defined("dot", "(m,n) (m,n) -> (1,1)", "tr(X'*Y)", "inner"),
    _defined("outer", "(m,1) (n,1) -> (m,n)", "X*Y'"),
    _defined("cumsum", "(n,1) -> (n,1)", "tril(ones(n,n))*X"),
    _defined("norminf", "(m,n) -> (1,1)", "max(abs(X))", "norm_inf", "normInf"),
    _defined("min", "(m,n) -> (1,1)", "-max(-X)"),
    _defined("maximum", "(m,n) (m,n) -> (m,n)", "Y + relu(X - Y)"),
    _defined("minimum", "(m,n) (m,n) -> (m,n)", "Y - relu(Y - X)"),
)

FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}
ALIASES: dict[str, str] = {alias: row.name for row in _ROWS for alias in row.aliases}
FROM_SYMPY: dict[Any, str] = {row.scalar: row.name for row in _ROWS if row.scalar is not None}

ALONG_AXES = {
    f"{name}_{lines}": (name, i) for name in ("softmax", "logsumexp") for i, lines in ((1, "columns"), (2, "rows"))
}
"""Functions of every column or row of a matrix: the function of a vector that each is called as, and the axis."""
AXIS_CALLS = frozenset({"softmax", "logsumexp", "lse"})

SPECTRA = frozenset(_SPECTRAL)
SLOW_TO_CHECK = frozenset({*_SPECTRAL, "pinv", "sylvester"})
"""Functions whose exact or long kernels take milliseconds, so that they are checked at small sizes."""

LATER = {
    **dict.fromkeys(("rank",), "this function"),
}
"""Names of the language that this version refuses, with what they belong to."""


def function_names() -> list[str]:
    """Every name that can stand before a bracket, aliases included."""
    matrices = ("K", "commutation", "duplication", "elimination")
    builders = ("eye", "ones", "zeros", "vector", "matrix", "sum", *matrices, "reshape", "solve")
    known = [name for name, row in FUNCTIONS.items() if not row.named]
    return sorted({*known, *ALIASES, *LATER, *builders} - {"rearrange", "unrearrange", *ALONG_AXES})


def nearest_names(name: str, names: list[str]) -> list[str]:
    """The names closest to a misspelt one, best first."""
    folded = {n.lower(): n for n in names}
    return [folded[m] for m in get_close_matches(name.lower(), list(folded), n=3, cutoff=0.6)]
