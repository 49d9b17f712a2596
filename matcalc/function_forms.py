"""The normal forms of single functions: traces turned cyclically, determinants of products, diag both ways, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Integer, Rational

from matcalc.analytic_forms import ANALYTIC_FORMS
from matcalc.applications import NORMAL_FORMS, along, apply, of_arguments
from matcalc.comparisons import is_negative, is_odd
from matcalc.errors import DomainError
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    Zero,
)
from matcalc.function_table import ALONG_AXES
from matcalc.leaves import ONE_NODE, ZERO_NODE, half_size, identity, is_zero, number, ones, zero
from matcalc.powers import entrywise_power, hadamard, of_ones, power
from matcalc.products import base_and_exponent, multiply
from matcalc.spectral_forms import SPECTRAL_FORMS
from matcalc.structures import DIAGONAL, LOWER, UPPER, is_orthogonal, is_skew, triangles
from matcalc.sums import add, negate, product_of, scale
from matcalc.trace_forms import TRACE_FORMS
from matcalc.transposes import is_turned, transpose

HALF = Rational(1, 2)
_VALUE_AT_ZERO = {
    **dict.fromkeys(("sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "log1p", "expm1"), 0),
    **dict.fromkeys(("cbrt", "abs", "sign", "relu", "erf"), 0),
    **dict.fromkeys(("cos", "sec", "exp", "cosh"), 1),
}
_ODD = {
    *("sin", "tan", "csc", "cot", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh"),
    *("cbrt", "sign", "erf"),
}
_EVEN = {"cos", "cosh", "sec", "abs"}
_HOMOGENEOUS = {"abs": 1, "relu": 1, "sign": 0, "heaviside": 0}
"""The functions with f(cx) = cᵏ f(x) for positive c, and their k."""
_INVERSE = {"exp": "log", "log": "exp", "log1p": "expm1", "expm1": "log1p", "tan": "arctan", "sin": "arcsin"}


def _entrywise(name: str, arguments: Sequence[Expression]) -> Expression | None:
    argument = arguments[-1]
    if name == "polygamma" and not _is_order(arguments[0]):
        raise DomainError("polygamma(k, x) needs an order k that is a number 0, 1, … up to 100")
    if is_zero(argument) and name in _VALUE_AT_ZERO:
        return scale(Integer(_VALUE_AT_ZERO[name]), ones(*argument.shape))
    if name == "log" and isinstance(argument, (Ones, Number)) and argument in (ONE_NODE, ones(*argument.shape)):
        return zero(*argument.shape)
    scalar = of_ones(argument)
    if scalar is not None:
        return multiply(apply(name, *arguments[:-1], scalar), ones(*argument.shape))
    if name == "log" and argument.is_scalar:
        found = _log_of_det(argument)
        if found is not None:
            return found
    if isinstance(argument, Apply) and _INVERSE.get(name) == argument.function:
        return argument.operands[0]
    if isinstance(argument, Product) and is_negative(argument.coefficient) and (name in _ODD or name in _EVEN):
        value = apply(name, *arguments[:-1], scale(Integer(-1), argument))
        return scale(Integer(-1 if name in _ODD else 1), value)
    if name in _HOMOGENEOUS and isinstance(argument, Product):
        positive, rest = _positive_factor(argument)
        if positive is not ONE:
            return scale(positive ** _HOMOGENEOUS[name], apply(name, rest))
    if is_turned(argument):
        return transpose(apply(name, *arguments[:-1], transpose(argument)))
    return None


def _log_of_det(argument: Expression) -> Expression | None:
    """log det(A)^k = k logdet(A) for odd k, defined for the same A."""
    base, exponent = base_and_exponent(argument)
    if isinstance(base, Apply) and base.function == "det" and isinstance(exponent, Number):
        if is_odd(exponent.value):
            return multiply(exponent, apply("logdet", base.operands[0]))
    return None


def _is_order(k: Expression) -> bool:
    """Whether k is an order of a derivative of the digamma function."""
    return isinstance(k, Number) and bool(k.value.is_Integer) and 0 <= k.value <= 100


def _diag(x: Expression) -> Expression | None:
    if x.is_scalar:
        return x
    if isinstance(x, Zero):
        return zero(x.rows, x.rows)
    if isinstance(x, Ones):
        return identity(x.rows)
    if isinstance(x, Apply) and x.function == "diagonal":
        A = x.operands[0]
        if triangles(A) == DIAGONAL:
            return A
    return _without_factors("diag", x)


def _diagonal(A: Expression) -> Expression | None:
    if A.is_scalar:
        return A
    if isinstance(A, Zero):
        return zero(A.rows, ONE)
    if isinstance(A, Identity):
        return ones(A.rows, ONE)
    if isinstance(A, Ones):
        return ones(A.rows, ONE)
    if isinstance(A, Transpose):
        return apply("diagonal", A.operands[0])
    if isinstance(A, Apply) and A.function in ("diag", "tril", "triu"):
        return A.operands[0] if A.function == "diag" else apply("diagonal", A.operands[0])
    if is_skew(A):
        return zero(A.rows, ONE)
    if isinstance(A, Power) and triangles(A) in (LOWER, UPPER):
        return entrywise_power(apply("diagonal", A._args[0]), A._args[1])
    if isinstance(A, Sum):
        return add(*(apply("diagonal", t) for t in A._args))
    if isinstance(A, Hadamard):
        return hadamard(*(apply("diagonal", f) for f in A._args))
    if isinstance(A, EntrywisePower) and A._args[1].is_scalar and not A._args[0].is_scalar:
        return entrywise_power(apply("diagonal", A._args[0]), A._args[1])
    if isinstance(A, Product):
        if A.coefficient is not ONE or A.scalars:
            bare = product_of(ONE, (), A.chain, A.shape)
            return multiply(number(A.coefficient), *A.scalars, apply("diagonal", bare))
        return _diagonal_of_chain(A.chain)
    return None


def _diagonal_of_chain(chain: Sequence[Expression]) -> Expression | None:
    """diag(x*y') = x.*y; diagonal factors at the ends come out, and triangular ones that are alike."""
    for i in range(1, len(chain)):
        if chain[i].rows is ONE:
            return hadamard(multiply(*chain[:i]), transpose(multiply(*chain[i:])))
    for end, rest in ((chain[0], chain[1:]), (chain[-1], chain[:-1])):
        if triangles(end) == DIAGONAL:
            return hadamard(apply("diagonal", end), apply("diagonal", multiply(*rest)))
    if triangles(chain[0]) and all(triangles(f) & triangles(chain[0]) for f in chain):
        return hadamard(*(apply("diagonal", f) for f in chain))
    return None


def _vec(A: Expression) -> Expression | None:
    if A.columns is ONE:
        return A
    if A.rows is ONE:
        return transpose(A)
    if isinstance(A, Zero):
        return zero(A.rows * A.columns, ONE)
    if isinstance(A, Ones):
        return ones(A.rows * A.columns, ONE)
    if isinstance(A, Apply) and A.function == "unvec":
        return A.operands[0]
    return _without_factors("vec", A)


def _without_factors(name: str, A: Expression) -> Expression | None:
    """A linear function of a product with numbers and scalars before it, taken out."""
    if isinstance(A, Product) and (A.coefficient is not ONE or A.scalars):
        bare = product_of(ONE, (), A.chain, A.shape)
        return multiply(number(A.coefficient), *A.scalars, apply(name, bare))
    return None


def _vech(A: Expression) -> Expression | None:
    if A.is_scalar:
        return A
    if isinstance(A, Zero):
        return zero(half_size(A.rows), ONE)
    if isinstance(A, Ones):
        return ones(half_size(A.rows), ONE)
    return _without_factors("vech", A)


def _unvec(x: Expression, m: Expression, n: Expression) -> Expression | None:
    if isinstance(x, Zero):
        return zero(m.value, n.value)
    if isinstance(n, Number) and n.value is ONE:
        return x
    if isinstance(m, Number) and m.value is ONE:
        return transpose(x)
    if isinstance(x, Apply) and x.function == "vec":
        A = x.operands[0]
        if (number(A.rows), number(A.columns)) == (m, n):
            return A
    if isinstance(x, Product) and (x.coefficient is not ONE or x.scalars):
        bare = product_of(ONE, (), x.chain, x.shape)
        return multiply(number(x.coefficient), *x.scalars, apply("unvec", bare, m, n))
    return None


def _kron(A: Expression, B: Expression) -> Expression | None:
    if A.is_scalar or B.is_scalar:
        return multiply(A, B)
    if is_zero(A) or is_zero(B):
        return zero(A.rows * B.rows, A.columns * B.columns)
    if isinstance(A, Identity) and isinstance(B, Identity):
        return identity(A.rows * B.rows)
    if isinstance(A, Ones) and isinstance(B, Ones):
        return ones(A.rows * B.rows, A.columns * B.columns)
    if isinstance(A, Apply) and A.function == "kron":
        return apply("kron", A.operands[0], apply("kron", A.operands[1], B))
    outer: list[Expression] = []
    bare: list[Expression] = []
    for f in (A, B):
        if isinstance(f, Product) and (f.coefficient is not ONE or f.scalars):
            outer += [number(f.coefficient), *f.scalars]
            f = product_of(ONE, (), f.chain, f.shape)
        bare.append(f)
    if outer:
        return multiply(*outer, apply("kron", *bare))
    if A.columns is ONE and B.rows is ONE:
        return multiply(A, B)
    if A.rows is ONE and B.columns is ONE:
        return multiply(B, A)
    return None


def _norm2(A: Expression) -> Expression | None:
    if is_zero(A):
        return ZERO_NODE
    if A.is_scalar:
        return apply("abs", A)
    if isinstance(A, Variable) and A.properties & {"unit", "orthogonal"}:
        return power(number(A.columns), number(HALF))
    if isinstance(A, Product) and is_negative(A.coefficient):
        return apply("norm2", scale(Integer(-1), A))
    if is_turned(A):
        return apply("norm2", transpose(A))
    return _unrotated_norm(A) if isinstance(A, Product) else None


def _unrotated_norm(A: Product) -> Expression | None:
    """‖QX‖ and ‖XQ'‖ are ‖X‖ where the columns of Q are orthonormal."""
    chain = list(A.chain)
    while len(chain) > 1 and is_orthogonal(chain[0]):
        del chain[0]
    while len(chain) > 1 and is_orthogonal(transpose(chain[-1])):
        del chain[-1]
    if len(chain) == len(A.chain):
        return None
    return apply("norm2", multiply(number(A.coefficient), *A.scalars, *chain))


def _max(X: Expression) -> Expression | None:
    """max(2*x) is 2*max(x), and max(X') is max(X)."""
    if X.is_scalar:
        return X
    scalar = of_ones(X)
    if scalar is not None or isinstance(X, Zero):
        return ZERO_NODE if scalar is None else scalar
    positive, rest = _positive_factor(X)
    if positive is not ONE:
        return scale(positive, apply("max", rest))
    return apply("max", transpose(X)) if is_turned(X) else None


def _hardmax(X: Expression) -> Expression | None:
    if X.is_scalar:
        return ONE_NODE
    if isinstance(X, Zero) or of_ones(X) is not None:
        return scale(1 / (X.rows * X.columns), ones(*X.shape))
    positive, rest = _positive_factor(X)
    if positive is not ONE:
        return apply("hardmax", rest)
    return transpose(apply("hardmax", transpose(X))) if is_turned(X) else None


def _along_axis(name: str, arguments: Sequence[Expression]) -> Expression | None:
    """softmax and logsumexp of every column or row; where there is one, that of the vector."""
    X = arguments[0]
    called, axis = ALONG_AXES[name]
    if axis == 1 and X.columns is ONE:
        return apply(called, X)
    if axis == 2 and X.rows is ONE:
        return transpose(apply(called, transpose(X)))
    if ONE in X.shape:
        return X if called == "logsumexp" else ones(*X.shape)
    turned = transpose(X)
    return transpose(along(called, turned, 3 - axis)) if turned.ticks < X.ticks else None


def _positive_factor(X: Expression) -> tuple[Expr, Expression]:
    """The absolute value of the number before a product, and the product without it."""
    if not isinstance(X, Product) or not X.coefficient.is_number:
        return ONE, X
    size = abs(X.coefficient)
    return size, X if size is ONE else scale(1 / size, X)


def _triangle(name: str, kept: int) -> Any:
    def normal(A: Expression) -> Expression | None:
        found = triangles(A)
        if found & kept or A.is_scalar:
            return A
        if found:
            return apply("diag", apply("diagonal", A))
        return _without_factors(name, A)

    return normal


def _adj(A: Expression) -> Expression | None:
    if A.is_scalar:
        return ONE_NODE
    if is_orthogonal(A):
        return multiply(apply("det", A), transpose(A))
    return A if isinstance(A, Identity) else None


def _sqdist(X: Expression, Y: Expression) -> Expression | None:
    if X.rows is Y.rows is ONE:
        return power(apply("norm2", add(X, negate(Y))), number(Integer(2)))
    terms = X._args if isinstance(X, Sum) else (X,)
    if all(isinstance(t, Product) and is_negative(t.coefficient) for t in terms):
        return apply("sqdist", negate(X), negate(Y))
    return None


_FORMS: dict[str, Any] = {
    **ANALYTIC_FORMS,
    **SPECTRAL_FORMS,
    **TRACE_FORMS,
    "diag": _diag,
    "diagonal": _diagonal,
    "vec": _vec,
    "vech": _vech,
    "unvec": _unvec,
    "kron": _kron,
    "norm2": _norm2,
    "sqdist": _sqdist,
    "adj": _adj,
    "max": _max,
    "hardmax": _hardmax,
    "tril": _triangle("tril", LOWER),
    "triu": _triangle("triu", UPPER),
}


NORMAL_FORMS.update({name: of_arguments(form) for name, form in _FORMS.items()}, entrywise=_entrywise)
NORMAL_FORMS.update(dict.fromkeys(ALONG_AXES, _along_axis))
