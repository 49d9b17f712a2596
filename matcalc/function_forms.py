"""The normal forms of single functions: traces turned cyclically, determinants of products, diag both ways, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Integer

from matcalc.analytic_forms import ANALYTIC_FORMS
from matcalc.applications import NORMAL_FORMS, apply, raw
from matcalc.errors import DomainError
from matcalc.expressions import (
    ONE,
    SCALAR,
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
from matcalc.leaves import ONE_NODE, ZERO_NODE, identity, is_zero, number, ones, zero
from matcalc.powers import entrywise_power, hadamard, of_ones, power
from matcalc.products import multiply
from matcalc.spectral_forms import SPECTRAL_FORMS
from matcalc.sums import add, product_of, scale, split_coefficient, unsigned
from matcalc.transposes import is_turned, transpose

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
    if isinstance(argument, Product) and argument.coefficient.is_negative and (name in _ODD or name in _EVEN):
        value = apply(name, *arguments[:-1], scale(Integer(-1), argument))
        return scale(Integer(-1 if name in _ODD else 1), value)
    if is_turned(argument):
        return transpose(apply(name, *arguments[:-1], transpose(argument)))
    return None


def _log_of_det(argument: Expression) -> Expression | None:
    """log det(A)^k = k logdet(A) for odd k, defined for the same A."""
    base, exponent = _base(argument)
    if isinstance(base, Apply) and base.function == "det" and isinstance(exponent, Number):
        if exponent.value.is_odd:
            return multiply(exponent, apply("logdet", base.operands[0]))
    return None


def _tr(A: Expression) -> Expression | None:
    if A.is_scalar:
        return A
    if isinstance(A, Identity):
        return number(A.rows)
    if isinstance(A, Zero):
        return ZERO_NODE
    if isinstance(A, Ones):
        return number(A.rows)
    if isinstance(A, Apply) and A.function == "diag":
        return multiply(ones(ONE, A.rows), A.operands[0])
    if isinstance(A, Apply) and A.function == "kron" and all(o.rows == o.columns for o in A.operands):
        return multiply(*(apply("tr", o) for o in A.operands))
    if isinstance(A, Transpose):
        return apply("tr", A.operands[0])
    if isinstance(A, Product):
        if A.coefficient is not ONE or A.scalars:
            bare = product_of(ONE, (), A.chain, A.shape)
            return multiply(number(A.coefficient), *A.scalars, apply("tr", bare))
        return _cyclic_trace(A.chain)
    if isinstance(A, Variable) and "skew" in A.properties:
        return ZERO_NODE
    if isinstance(A, Sum):
        return add(*(apply("tr", t) for t in A._args))
    return _turned("tr", A)


def _turned(name: str, A: Expression) -> Expression | None:
    """The function of the transpose, where that is simpler, for functions that do not tell them apart."""
    turned = transpose(A)
    own, bare = split_coefficient(turned)
    if bare is A:
        return ZERO_NODE if name == "tr" and own == -1 else None  # the trace of what is skew
    if isinstance(turned, Transpose) or (turned.ticks, turned.key) >= (A.ticks, A.key):
        return None
    return apply(name, turned)


def _cyclic_trace(chain: Sequence[Expression]) -> Expression | None:
    """The trace of a product: cut at a column of length one, else rotated and turned to the least key."""
    if len(chain) == 1:
        return None
    for i, f in enumerate(chain):
        if f.rows is ONE:
            return multiply(*chain[i:], *chain[:i])
    if chain[0] is not chain[-1] and chain[0].rows == chain[0].columns:
        (b, _), (c, _) = _base(chain[0]), _base(chain[-1])
        if b is c:
            return apply("tr", multiply(chain[-1], *chain[:-1]))
    if chain[0] is chain[-1]:
        return apply("tr", multiply(chain[0], chain[0], *chain[1:-1]))
    candidates = [_unsigned(chain), _unsigned([transpose(f) for f in reversed(chain)])]
    rotated = [(c, fs[i:] + fs[:i]) for c, fs in candidates for i in (_rotation(fs),)]
    c, best = min(rotated, key=lambda pair: (sum(f.ticks for f in pair[1]), [f.key for f in pair[1]]))
    product = multiply(number(c), *best)
    own, bare = split_coefficient(product)
    if not (isinstance(bare, Product) and len(bare.chain) > 1):
        return apply("tr", product)
    return scale(own, raw("tr", [bare], SCALAR))


def _unsigned(chain: Sequence[Expression]) -> tuple[Expr, list[Expression]]:
    """The factors without their signs."""
    c: Expr = ONE
    bare = []
    for f in chain:
        own, rest = split_coefficient(f)
        flipped, rest = unsigned(rest)
        c = -c * own if flipped else c * own
        bare.append(rest)
    return c, bare


def _base(node: Expression) -> tuple[Expression, Expression]:
    return node._args if isinstance(node, Power) else (node, ONE_NODE)


def _rotation(chain: Sequence[Expression]) -> int:
    keys = [f.key for f in chain]
    return min(range(len(keys)), key=lambda i: keys[i:] + keys[:i])


def _is_order(k: Expression) -> bool:
    """Whether k is an order of a derivative of the digamma function."""
    return isinstance(k, Number) and bool(k.value.is_Integer) and 0 <= k.value <= 100


def _det(A: Expression) -> Expression | None:
    if A.is_scalar:
        return A
    if isinstance(A, Identity):
        return ONE_NODE
    if isinstance(A, Transpose):
        return apply("det", A.operands[0])
    if isinstance(A, Power):
        return power(apply("det", A._args[0]), A._args[1])
    if isinstance(A, Product) and A.coefficient is ONE and not A.scalars:
        if all(f.rows == f.columns for f in A.chain):
            return multiply(*(apply("det", f) for f in A.chain))
    if isinstance(A, Apply) and A.function == "kron":
        (left, right), (m, n) = A.operands, (number(o.rows) for o in A.operands)
        if left.rows == left.columns and right.rows == right.columns:
            return multiply(power(apply("det", left), n), power(apply("det", right), m))
    return _turned("det", A)


def _logdet(A: Expression) -> Expression | None:
    if A.is_scalar:
        return apply("log", A)
    if isinstance(A, Identity):
        return ZERO_NODE
    if isinstance(A, Transpose):
        return apply("logdet", A.operands[0])
    if isinstance(A, Power) and isinstance(A._args[1], Number) and A._args[1].value == -1:
        return scale(Integer(-1), apply("logdet", A._args[0]))
    return _turned("logdet", A)


def _logabsdet(A: Expression) -> Expression | None:
    if isinstance(A, Transpose):
        return apply("logabsdet", A.operands[0])
    return _turned("logabsdet", A)


def _diag(x: Expression) -> Expression | None:
    if isinstance(x, Zero):
        return zero(x.rows, x.rows)
    if isinstance(x, Ones):
        return identity(x.rows)
    if isinstance(x, Product) and (x.coefficient is not ONE or x.scalars):
        bare = product_of(ONE, (), x.chain, x.shape)
        return multiply(number(x.coefficient), *x.scalars, apply("diag", bare))
    if isinstance(x, Apply) and x.function == "diagonal":
        A = x.operands[0]
        if isinstance(A, Variable) and "diagonal" in A.properties:
            return A
    return None


def _diagonal(A: Expression) -> Expression | None:
    if isinstance(A, Zero):
        return zero(A.rows, ONE)
    if isinstance(A, Identity):
        return ones(A.rows, ONE)
    if isinstance(A, Ones):
        return ones(A.rows, ONE)
    if isinstance(A, Transpose):
        return apply("diagonal", A.operands[0])
    if isinstance(A, Apply) and A.function == "diag":
        return A.operands[0]
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
    """diag(x*y') = x.*y, and a diagonal factor at either end comes out."""
    for i in range(1, len(chain)):
        if chain[i].rows is ONE:
            return hadamard(multiply(*chain[:i]), transpose(multiply(*chain[i:])))
    for end, rest in ((chain[0], chain[1:]), (chain[-1], chain[:-1])):
        if isinstance(end, Apply) and end.function == "diag":
            return hadamard(end.operands[0], apply("diagonal", multiply(*rest)))
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
    if isinstance(A, Product) and (A.coefficient is not ONE or A.scalars):
        bare = product_of(ONE, (), A.chain, A.shape)
        return multiply(number(A.coefficient), *A.scalars, apply("vec", bare))
    return None


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
    if isinstance(A, Variable) and "unit" in A.properties and A.columns is ONE:
        return ONE_NODE
    if isinstance(A, Product) and A.coefficient.is_negative:
        return apply("norm2", scale(Integer(-1), A))
    if is_turned(A):
        return apply("norm2", transpose(A))
    return None


def _triangle(name: str) -> Any:
    def normal(A: Expression) -> Expression | None:
        if isinstance(A, (Zero, Identity)) or (isinstance(A, Apply) and A.function in ("diag", name)):
            return A
        if isinstance(A, Product) and (A.coefficient is not ONE or A.scalars):
            bare = product_of(ONE, (), A.chain, A.shape)
            return multiply(number(A.coefficient), *A.scalars, apply(name, bare))
        return None

    return normal


def _adj(A: Expression) -> Expression | None:
    if A.is_scalar:
        return ONE_NODE
    return A if isinstance(A, Identity) else None


_FORMS: dict[str, Any] = {
    **ANALYTIC_FORMS,
    **SPECTRAL_FORMS,
    "tr": _tr,
    "det": _det,
    "logdet": _logdet,
    "logabsdet": _logabsdet,
    "diag": _diag,
    "diagonal": _diagonal,
    "vec": _vec,
    "unvec": _unvec,
    "kron": _kron,
    "norm2": _norm2,
    "adj": _adj,
    "tril": _triangle("tril"),
    "triu": _triangle("triu"),
}


def _of_arguments(form: Any) -> Any:
    def normal(name: str, arguments: Sequence[Expression]) -> Expression | None:
        result: Expression | None = form(*arguments)
        return result

    return normal


NORMAL_FORMS.update({name: _of_arguments(form) for name, form in _FORMS.items()}, entrywise=_entrywise)
