"""Parts of formulas for NumPy and the like, as they are written in the language, and what joins them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import NamedTuple

from matcalc.function_table import ALIASES, FUNCTIONS

SUM, PRODUCT, POWER, ATOM = range(4)
_LIKE_SCALARS = ("scalar", "letter")


class Term(NamedTuple):
    """A part in the language: its text, how tightly it binds, and its kind.

    A letter is a name that may be a scalar or a vector: b, lam, theta.
    """

    text: str
    level: int
    kind: str


class Unclear(Exception):
    """There is no translation that is sure."""


def within(term: Term, level: int) -> str:
    return term.text if term.level >= level else f"({term.text})"


def transposed(term: Term) -> Term:
    kind = {"vector": "row", "row": "vector", "letter": "row"}.get(term.kind, term.kind)
    if term.text.endswith("'") and term.level == ATOM:
        return Term(term.text[:-1], ATOM, kind)
    return Term(f"{within(term, ATOM)}'" if term.kind != "scalar" else term.text, ATOM, kind)


def _joined(left: Term, operator: str, right: Term, kind: str) -> Term:
    return Term(f"{within(left, PRODUCT)}{operator}{within(right, POWER)}", PRODUCT, kind)


def _wider(left: Term, right: Term) -> str:
    """The kind of what is done entry by entry to both; a vector and a matrix would be broadcast."""
    if left.kind != right.kind and not {left.kind, right.kind} & set(_LIKE_SCALARS):
        raise Unclear
    kinds = ("scalar", "letter", "row", "vector", "matrix")
    return max(left.kind, right.kind, key=kinds.index)


def _added(sign: str) -> Callable[[Term, Term], Term]:
    def write(left: Term, right: Term) -> Term:
        alike = (left.kind == "scalar") == (right.kind == "scalar") or "letter" in (left.kind, right.kind)
        operator = sign if alike else f".{sign}"
        return Term(f"{left.text} {operator} {within(right, PRODUCT)}", SUM, _wider(left, right))

    return write


def _multiplied(left: Term, right: Term) -> Term:
    operator = "*" if "scalar" in (left.kind, right.kind) else ".*"
    return _joined(left, operator, right, _wider(left, right))


def _divided(left: Term, right: Term) -> Term:
    return _joined(left, "/" if right.kind in _LIKE_SCALARS else "./", right, _wider(left, right))


def product(left: Term, right: Term) -> Term:
    """The matrix product, in which a vector at the left stands for a row."""
    first, second = ("vector" if term.kind == "letter" else term.kind for term in (left, right))
    if "scalar" in (first, second):
        raise Unclear
    if first == "vector":
        if second == "row":
            raise Unclear
        if second == "matrix":
            return _joined(transposed(right), "*", left, "vector")
        left, first = transposed(left), "row"
    kind = {("row", "vector"): "scalar", ("row", "matrix"): "row", ("matrix", "vector"): "vector"}
    if (first, second) in (("row", "row"), ("matrix", "row")):
        raise Unclear
    return _joined(left, "*", right, kind.get((first, second), "matrix"))


def inner(left: Term, right: Term) -> Term:
    """inner and vdot, which are another product for matrices."""
    if not {left.kind, right.kind} <= {"vector", "letter"}:
        raise Unclear
    return product(left, right)


def _raised(base: Term, exponent: Term) -> Term:
    if exponent.kind not in _LIKE_SCALARS:
        raise Unclear
    operator = "^" if base.kind == "scalar" else ".^"
    return Term(f"{within(base, ATOM)}{operator}{within(exponent, ATOM)}", POWER, base.kind)


OPERATORS: Mapping[type[ast.operator], Callable[[Term, Term], Term]] = {
    ast.Add: _added("+"),
    ast.Sub: _added("-"),
    ast.Mult: _multiplied,
    ast.Div: _divided,
    ast.MatMult: product,
    ast.Pow: _raised,
}
OF_TWO: Mapping[str, Callable[[Term, Term], Term]] = {
    **dict.fromkeys(("dot", "matmul", "mm", "mv"), product),
    **dict.fromkeys(("inner", "vdot"), inner),
    **dict.fromkeys(("multiply", "mul"), _multiplied),
    **dict.fromkeys(("divide", "div", "true_divide"), _divided),
    **dict.fromkeys(("power", "pow", "float_power"), _raised),
    "add": _added("+"),
    **dict.fromkeys(("subtract", "sub"), _added("-")),
    "solve": lambda left, right: _joined(left, "\\", right, right.kind),
}
_NAMES = {
    "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min", "negative": "-", "cholesky": "chol",
    "gammaln": "loggamma", "expit": "sigmoid", "eigvalsh": "eigvals", "diagonal": "diag", "trace": "tr",
    "inverse": "inv", "matrix_exp": "expm", "fmax": "max", "fmin": "min", "maximum": "max", "minimum": "min",
    "lgamma": "loggamma",
}  # fmt: skip
WITH_OPTIONS = {
    "norm": "ord",
    "vector_norm": "ord",
    "matrix_norm": "ord",
    "sum": "axis",
    "mean": "axis",
    "softmax": "axis",
    "logsumexp": "axis",
}
_NORMS = {None: "norm2", "fro": "norm2", "nuc": "normnuc"}
_OF_VECTORS = {2: "norm2", 1: "norm1", "inf": "norminf"}
_OF_MATRICES = {2: "normspec({})", 1: "max(sum(abs({}),1))", "inf": "max(sum(abs({}),2))"}


def called(name: str, arguments: list[Term], kind: str, more: str = "") -> Term:
    return Term(f"{name}({', '.join(term.text for term in arguments)}{more})", ATOM, kind)


def function(name: str, arguments: list[Term], options: Mapping[str, object]) -> Term:
    """A call of a library's function."""
    if not arguments:
        raise Unclear
    first = arguments[0]
    if name in ("transpose", "t", "adjoint") and len(arguments) == 1 and not options:
        return transposed(first)
    if name in ("norm", "vector_norm", "matrix_norm") and options.keys() <= {"ord", "p"}:
        return _norm(first, options.get("ord", options.get("p")))
    if name in OF_TWO and len(arguments) == 2 and not options:
        return OF_TWO[name](*arguments)
    name = _NAMES.get(name, name)
    axis = options.get("axis", options.get("dim"))
    if options.keys() - {"axis", "dim", "keepdims", "keepdim"} or (
        options and name not in ("sum", "softmax", "logsumexp")
    ):
        raise Unclear
    if axis is not None and first.kind == "matrix" and name in ("sum", "softmax", "logsumexp"):
        along = {0: 1, 1: 2, -1: 2, -2: 1}.get(axis) if isinstance(axis, int) else None
        if along is None:
            raise Unclear
        kind = "matrix" if name == "softmax" else "row" if along == 1 else "vector"
        return called(name, [first], kind, f", {along}")
    if axis not in (None, 0, -1):
        raise Unclear
    row = FUNCTIONS.get(ALIASES.get(name, name))
    if name == "-" and len(arguments) == 1:
        return Term(f"-{within(first, POWER)}", PRODUCT, first.kind)
    if (row is None or row.named) and name not in ("sum", "max", "min", "diag"):
        raise Unclear
    return called(name, arguments, _kind(name, row.signature if row else "", arguments))


def _kind(name: str, signature: str, arguments: list[Term]) -> str:
    """The kind of a function's value."""
    first = arguments[0].kind
    if name == "diag":
        return "vector" if first == "matrix" else "matrix"
    if name in ("sum", "max", "min"):
        return "scalar" if len(arguments) == 1 else _wider(*arguments[:2])
    output = signature.split("->")[1].strip()
    if output == "(1,1)":
        return "scalar"
    return first if output in signature.split("->")[0] else "vector" if output.endswith(",1)") else "matrix"


def _norm(argument: Term, kind: object) -> Term:
    if kind in _NORMS:
        return called(_NORMS[kind], [argument], "scalar")
    if argument.kind == "matrix":
        form = _OF_MATRICES.get(kind)
    else:
        form = f"{_OF_VECTORS[kind]}({{}})" if kind in _OF_VECTORS else None
    if form is None:
        raise Unclear
    return Term(form.format(argument.text), ATOM, "scalar")
