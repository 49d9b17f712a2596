"""The normal forms of traces, turned cyclically, and of determinants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Integer

from matcalc.applications import apply, raw
from matcalc.comparisons import are_equal
from matcalc.expressions import (
    ONE,
    SCALAR,
    Apply,
    Expression,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Zero,
)
from matcalc.leaves import ONE_NODE, ZERO_NODE, number, ones
from matcalc.powers import power
from matcalc.products import base_and_exponent, multiply
from matcalc.sums import add, product_of, scale, split_coefficient, unsigned
from matcalc.transposes import transpose


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
    if isinstance(A, Apply) and A.function == "kron" and all(are_equal(*o.shape) for o in A.operands):
        return multiply(*(apply("tr", o) for o in A.operands))
    if isinstance(A, Transpose):
        return apply("tr", A.operands[0])
    if isinstance(A, Product):
        if A.coefficient is not ONE or A.scalars:
            bare = product_of(ONE, (), A.chain, A.shape)
            return multiply(number(A.coefficient), *A.scalars, apply("tr", bare))
        return _cyclic_trace(A)
    if isinstance(A, Apply) and A.function in ("tril", "triu"):
        return apply("tr", A.operands[0])
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


def _cyclic_trace(A: Product) -> Expression | None:
    """The trace of a product: cut at a column of length one, else rotated and turned to the least key."""
    chain = A.chain
    if len(chain) == 1:
        return None
    for i, f in enumerate(chain):
        if f.shape[0] is ONE:
            return multiply(*chain[i:], *chain[:i])
    if chain[0] is not chain[-1] and are_equal(*chain[0].shape):
        (b, _), (c, _) = base_and_exponent(chain[0]), base_and_exponent(chain[-1])
        if b is c:
            return apply("tr", multiply(chain[-1], *chain[:-1]))
    if chain[0] is chain[-1]:
        return apply("tr", multiply(chain[0], chain[0], *chain[1:-1]))
    candidates = [_unsigned(chain), _unsigned([transpose(f) for f in reversed(chain)])]
    rotated = [(c, fs[i:] + fs[:i]) for c, fs in candidates for i in (_rotation(fs),)]
    (c, forward), (d, backward) = rotated
    if forward == backward and c == -d:
        return ZERO_NODE  # tr(SK), S symmetric and K skew
    c, best = min(rotated, key=lambda pair: (sum(f.ticks for f in pair[1]), [f.key for f in pair[1]]))
    if c is ONE and best == list(chain):
        return raw("tr", [A], SCALAR)
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
        c = c if own is ONE else c * own
        c = -c if flipped else c
        bare.append(rest)
    return c, bare


def _rotation(chain: Sequence[Expression]) -> int:
    keys = [f.key for f in chain]
    return min(range(len(keys)), key=lambda i: keys[i:] + keys[:i])


def _det(A: Expression) -> Expression | None:
    if A.is_scalar:
        return A
    if isinstance(A, Identity):
        return ONE_NODE
    if isinstance(A, Transpose):
        return apply("det", A.operands[0])
    if isinstance(A, Power):
        return power(apply("det", A._args[0]), A._args[1])
    similar = _similar("det", A)
    if similar is not None:
        return similar
    if isinstance(A, Product) and A.coefficient is ONE and not A.scalars:
        if all(are_equal(*f.shape) for f in A.chain):
            return multiply(*(apply("det", f) for f in A.chain))
    if isinstance(A, Apply) and A.function == "kron":
        (left, right), (m, n) = A.operands, (number(o.rows) for o in A.operands)
        if are_equal(*left.shape) and are_equal(*right.shape):
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
    return _similar("logdet", A) or _turned("logdet", A)


def _similar(name: str, A: Expression) -> Expression | None:
    """The function of B for A = P⁻¹BP, for functions that do not tell similar matrices apart."""
    if not isinstance(A, Product) or len(A.chain) < 3 or not are_equal(*A.chain[0].shape):
        return None
    if not isinstance(multiply(A.chain[-1], A.chain[0]), Identity):
        return None
    return apply(name, multiply(number(A.coefficient), *A.scalars, *A.chain[1:-1]))


def _logabsdet(A: Expression) -> Expression | None:
    if isinstance(A, Transpose):
        return apply("logabsdet", A.operands[0])
    return _similar("logabsdet", A) or _turned("logabsdet", A)


TRACE_FORMS: dict[str, Any] = {"tr": _tr, "det": _det, "logdet": _logdet, "logabsdet": _logabsdet}
"""By name, the form of the argument, or None where the application stays as it is."""
