"""What is seen of the signs of entries, and of the definiteness of symmetric matrices."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr, S

from matcalc.expressions import (
    Apply,
    Constant,
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
    postorder,
)
from matcalc.leaves import ONE_NODE
from matcalc.powers import of_ones
from matcalc.structures import is_orthogonal, is_skew, is_symmetric
from matcalc.sums import split_coefficient
from matcalc.transposes import transpose

POSITIVE, NONNEGATIVE = 2, 1
ZERO = S.Zero


def sign_of(node: Expression) -> int:
    """What is seen of the sign of all entries: POSITIVE, NONNEGATIVE or 0 for nothing.

    >>> import matcalc as mc
    >>> sign_of(mc.parse("exp(x) + x.^2", where="x: vector(n)")) == POSITIVE
    True
    """
    signs: dict[Expression, int] = {}
    for e in postorder(node):
        signs[e] = _own_sign(e, [signs[o] for o in e.operands])
    return signs[node]


def _own_sign(e: Expression, inside: list[int]) -> int:
    if isinstance(e, Number):
        return POSITIVE if e.value.is_positive else NONNEGATIVE if e.value.is_nonnegative else 0
    if isinstance(e, (Ones, Constant)) or (isinstance(e, Variable) and "positive" in e.properties):
        return POSITIVE
    if isinstance(e, Apply):
        return _SIGNS.get(e.function, 0)
    if isinstance(e, (Power, EntrywisePower)) and isinstance(e._args[1], Number) and e._args[1].value.is_even:
        return max(NONNEGATIVE, inside[0])
    if isinstance(e, (Power, EntrywisePower)):
        return inside[0] if e.is_scalar or isinstance(e, EntrywisePower) else 0
    if isinstance(e, Sum) and _is_above_bounded(e):
        return POSITIVE
    if isinstance(e, Sum):
        return (max(inside) if min(inside) else 0) if inside else 0
    if isinstance(e, Product) and e.is_scalar and len(e.chain) == 2 and e.chain[0] is e.chain[1].T:
        return max(NONNEGATIVE, min(inside))
    if isinstance(e, (Product, Hadamard, Transpose)):
        return min(inside)
    return 0


_SIGNS = {
    **dict.fromkeys(("exp", "cosh", "sigmoid", "softplus", "softmax", "softmax_columns", "softmax_rows"), POSITIVE),
    **dict.fromkeys(("norm2", "abs", "relu", "sqdist"), NONNEGATIVE),
}


_BELOW_ONE = ("sigmoid", "tanh", "erf")


def _is_above_bounded(e: Sum) -> bool:
    """Whether the sum is of positive numbers and functions whose absolute values, below 1, do not outweigh them."""
    total: Expr = ZERO
    for term in e._args:
        c, rest = split_coefficient(term)
        if isinstance(rest, (Ones, Number)) or of_ones(rest) is ONE_NODE:
            total = total + c
        elif isinstance(rest, Apply) and rest.function in _BELOW_ONE:
            total = total - abs(c)
        else:
            return False
    return bool(total.is_nonnegative)


# ---- definiteness -------------------------------------------------------------------------------------------------


def definiteness(node: Expression) -> int:
    """What is seen of a symmetric matrix: POSITIVE for definite, NONNEGATIVE for semidefinite, or 0 for nothing.

    >>> import matcalc as mc
    >>> W = mc.parse("D'*D + S", where="S: matrix(n,n) spd, D: matrix(m,n)")
    >>> definiteness(W) == POSITIVE, definiteness(mc.parse("D'*D")) == NONNEGATIVE
    (True, True)
    """
    found: dict[Expression, int] = {}
    for e in postorder(node):
        found[e] = sign_of(e) if e.is_scalar else _own_definiteness(e, found) if is_symmetric(e) else 0
    return found[node]


def _own_definiteness(e: Expression, found: dict[Expression, int]) -> int:
    inside = [found[o] for o in e.operands]
    if isinstance(e, Identity):
        return POSITIVE
    if isinstance(e, Variable):
        is_positive = "spd" in e.properties or e.properties >= {"diagonal", "positive"}
        return POSITIVE if is_positive else 0
    if isinstance(e, Sum):
        return max(inside) if min(inside) else 0
    if isinstance(e, Hadamard):
        return min(inside)
    if isinstance(e, Product):
        factor = min([POSITIVE, *(found[s] for s in e.scalars)])
        if e.coefficient.is_negative and len(e.chain) == 1 and _is_skew_square(e.chain[0]):
            return min(factor, NONNEGATIVE)  # K'K is -K²
        return min(factor, _congruence(e.chain, found)) if e.coefficient.is_positive else 0
    if isinstance(e, Power) and isinstance(e._args[1], Number):
        whole = e._args[1].value
        square = whole.is_even and whole.is_positive and is_symmetric(e._args[0])
        return POSITIVE if inside[0] == POSITIVE else NONNEGATIVE if square else 0
    if isinstance(e, EntrywisePower) and isinstance(e._args[1], Number) and e._args[1].value.is_Integer:
        return inside[0] if e._args[1].value > 0 and not e._args[0].is_scalar else 0
    return _of_function(e, inside) if isinstance(e, Apply) else 0


def _is_skew_square(e: Expression) -> bool:
    return isinstance(e, Power) and isinstance(e._args[1], Number) and e._args[1].value == 2 and is_skew(e._args[0])


def _congruence(chain: Sequence[Expression], found: dict[Expression, int]) -> int:
    """X'MX is semidefinite where M is, and definite where X has full column rank as well."""
    last, full = len(chain) - 1, True
    i = 0
    while i < last - i and transpose(chain[i]) is chain[last - i]:
        X = chain[last - i]
        full = full and (is_orthogonal(X) or found[X] == POSITIVE)
        i += 1
    middle = chain[i : last - i + 1]
    inner = POSITIVE if not middle else found[middle[0]] if len(middle) == 1 else 0
    return inner if full else min(inner, NONNEGATIVE)


def _of_function(e: Apply, inside: Sequence[int]) -> int:
    if e.function == "diag":
        return sign_of(e.operands[0])
    if e.function in ("kron", "sqrtm"):
        return min(inside)
    return POSITIVE if e.function == "expm" or (e.function == "adj" and inside[0] == POSITIVE) else 0
