"""Logarithms of exponentials, of sums and of quotients of them, without the exponentials.

log(1 − sigmoid(z)) is −softplus(z), log(exp(s) + exp(t)) is s + softplus(t − s), log(exp(z)/s) is z − log(s).
As typed they are nan or infinite where |z| is a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Expr, Integer, Rational

from matcalc.applications import apply, raw
from matcalc.expressions import (
    ONE,
    SCALAR,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
)
from matcalc.leaves import number, ones
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.product_orders import is_diagonal
from matcalc.products import multiply
from matcalc.sums import add, negate, product_of, scale, split_coefficient
from matcalc.transposes import transpose

MOST_TERMS = 8
MOST_LEVELS = 8
SOFTMAX = {"softmax": 0, "softmax_columns": 1, "softmax_rows": 2}
"""The functions that divide by sums: of all entries, of each column, of each row."""
FAR = Integer(20)
"""log(cosh(x)) is x − log(2) to the last digit from here on."""


def logarithm_of(node: Expression, levels: int = MOST_LEVELS) -> Expression | None:
    """The logarithm, entry by entry, without the exponentials in the node; None where there are none.

    >>> import matcalc as mc
    >>> str(logarithm_of(mc.parse("a*exp(s)/cosh(t)^2", where="a, s, t: scalar")).variables["a"])
    'a'
    """
    total = _log_of_total(node)
    if total is not None or levels == 0:
        return total
    if isinstance(node, Apply):
        return _of_rearrangement(node, levels) if node.function in ("vec", "unvec") else _of_function(node)
    if isinstance(node, Sum):
        return _of_complement(node) or _of_sum(node, levels)
    if isinstance(node, (Power, EntrywisePower)) and node._args[0].shape == node.shape:
        base, exponent = node._args
        found = logarithm_of(base, levels - 1) if isinstance(exponent, Number) else None
        is_a_power = node.is_scalar or isinstance(node, EntrywisePower)
        return None if found is None or not is_a_power else multiply(exponent, found)
    if isinstance(node, Transpose):
        found = logarithm_of(node._args[0], levels - 1)
        return None if found is None else transpose(found)
    if isinstance(node, Hadamard):
        return _of_factors(node._args, ONE, node, levels)
    return _of_product(node, levels) if isinstance(node, Product) else None


def _of_function(node: Apply) -> Expression | None:
    a = node.operands[0] if node.operands else node
    if node.function == "exp":
        return a
    if node.function == "sigmoid":
        return negate(apply("softplus", negate(a)))
    if node.function in SOFTMAX:
        return raw("log", (node,), node.shape)  # which has a program of its own
    return _log_of_cosh(a) if node.function == "cosh" else None


def _of_rearrangement(node: Apply, levels: int) -> Expression | None:
    found = logarithm_of(node.operands[0], levels - 1)
    sizes = map(number, node.shape) if node.function == "unvec" else ()
    return None if found is None else apply(node.function, found, *sizes)


def _log_of_cosh(a: Expression) -> Expression:
    """log(1 + 2 sinh²(t/2)) with t = |a|, and |a| less what is beyond t = 20, where it grows like |a|."""
    size = apply("abs", a)
    beyond = apply("relu", add(size, negate(constant(FAR, a))))
    half = scale(Rational(1, 2), add(size, negate(beyond)))
    sinh = apply("sinh", half)
    return add(apply("log1p", scale(Integer(2), raised(sinh, Integer(2)))), beyond)


def _of_complement(node: Sum) -> Expression | None:
    """log(1 − sigmoid(a)) and log(1 − tanh(a)²)."""
    if len(node._args) != 2:
        return None
    for one, other in (node._args, node._args[::-1]):
        c, rest = split_coefficient(other)
        if c != -1 or one is not constant(ONE, node):
            continue
        if isinstance(rest, Apply) and rest.function == "sigmoid":
            return negate(apply("softplus", rest.operands[0]))
        if isinstance(rest, (Power, EntrywisePower)) and rest._args[1] is number(2):
            base = rest._args[0]
            if isinstance(base, Apply) and base.function == "tanh":
                return scale(Integer(-2), _log_of_cosh(base.operands[0]))
    return None


def _of_sum(node: Sum, levels: int) -> Expression | None:
    """log(exp(a) + exp(b) + …) as a + softplus(b − a), and so on; constants come first."""
    if len(node._args) > MOST_TERMS:
        return None
    logarithms = [_log_of_term(t, levels) for t in node._args]
    if all(is_constant(t) for t in node._args):
        return None
    total: Expression | None = None
    for _, found in sorted(zip(node._args, logarithms, strict=True), key=lambda pair: not is_constant(pair[0])):
        if found is None:
            return None
        total = found if total is None else add(total, apply("softplus", add(found, negate(total))))
    return total


def _log_of_term(term: Expression, levels: int) -> Expression | None:
    """The logarithm of a term that is positive at sight: a constant, or a product of exponentials and their sums."""
    c, rest = split_coefficient(term)
    if not c.is_positive:
        return None
    if is_constant(term):
        return constant_log(c, term)
    found = _only_exponentials(rest, levels)
    return None if found is None else add(found, constant_log(c, term)) if c is not ONE else found


def _only_exponentials(node: Expression, levels: int) -> Expression | None:
    if isinstance(node, Apply) and node.function == "exp":
        return node.operands[0]
    total = _log_of_total(node)
    if total is not None or levels == 0:
        return total
    factors = node._args if isinstance(node, Hadamard) else node.scalars if isinstance(node, Product) else ()
    if isinstance(node, Product) and (node.chain or node.coefficient is not ONE):
        return None
    found = [_only_exponentials(f, levels - 1) for f in factors]
    parts = [f for f in found if f is not None]
    return add(*parts) if parts and len(parts) == len(found) else None


def _log_of_total(node: Expression) -> Expression | None:
    """logsumexp where the node is the sum of exponentials, or the sums of their rows or columns."""
    if not isinstance(node, Product) or node.coefficient is not ONE or (node.scalars and not node.is_scalar):
        return None
    exponential = summed_exponential(node)
    if exponential is None:
        return None
    X = exponential.operands[0]
    if node.is_scalar:
        return apply("logsumexp", X if X.columns is ONE else apply("vec", X))
    if len(node.chain) > 2 or (node.rows is not ONE and node.columns is not ONE):
        return None
    X = X if exponential in node.chain else transpose(X)
    return apply("logsumexp_rows" if node.columns is ONE else "logsumexp_columns", X)


def summed_exponential(node: Product) -> Expression | None:
    """exp(X) where the node is the sum of its entries or of its rows."""
    inner = [f for f in node.chain if not isinstance(f, Ones)]
    if len(inner) != 1 or len(node.chain) < 2:
        return None
    only = inner[0].operands[0] if isinstance(inner[0], Transpose) else inner[0]
    return only if isinstance(only, Apply) and only.function == "exp" else None


def _of_product(node: Product, levels: int) -> Expression | None:
    if node.is_scalar and node.chain:
        return _of_entry(node, levels)
    if not node.chain:
        return _of_factors(node.scalars, node.coefficient, node, levels)
    inner = [f for f in node.chain if not is_diagonal(f)]
    if len(inner) != 1:
        return None
    found = logarithm_of(inner[0], levels - 1)
    if found is None:
        return None
    terms = [found]
    place = node.chain.index(inner[0])
    unknown = 0  # of the factors without exponentials only the product is known to be positive
    for i, f in enumerate(node.chain):
        if i != place:
            column = logarithm_of(f.operands[0], levels - 1)
            unknown += column is None
            column = column or apply("log", f.operands[0])
            flat = ones(node.columns if i < place else node.rows, ONE)
            terms.append(multiply(column, transpose(flat)) if i < place else multiply(flat, transpose(column)))
    if node.scalars or node.coefficient is not ONE:
        scalar = product_of(node.coefficient, node.scalars, (), SCALAR)
        found = logarithm_of(scalar, levels - 1)
        unknown += found is None and not (isinstance(scalar, Number) and scalar.value.is_positive)
        terms.append(multiply(found or apply("log", scalar), ones(*node.shape)))
    return None if unknown > 1 else add(*terms)


def _of_entry(node: Product, levels: int) -> Expression | None:
    """log of an entry of what has a logarithm: eᵢᵀ·log(v)."""
    inner = [f for f in node.chain if not isinstance(f, Unit) and not _is_unit_row(f)]
    if len(inner) != 1 or len(node.chain) < 2:
        return None
    found = logarithm_of(inner[0], levels - 1)
    return None if found is None else multiply(*(found if f is inner[0] else f for f in node.chain))


def _is_unit_row(f: Expression) -> bool:
    return isinstance(f, Transpose) and isinstance(f._args[0], Unit)


def _of_factors(factors: Iterable[Expression], c: Expr, node: Expression, levels: int) -> Expression | None:
    """The logarithm of a product as a sum: of positive factors that have one, and of the rest, positive as well."""
    found: list[Expression] = []
    rest: list[Expression] = []
    for f in factors:
        own = logarithm_of(f, levels - 1)
        (rest if own is None else found).append(f if own is None else own)
    if not found:
        return None
    if rest:
        whole = hadamard(*rest) if isinstance(node, Hadamard) else multiply(number(c), *rest)
        found.append(apply("log", whole))
    elif c is not ONE:
        if not c.is_positive:
            return None
        found.append(constant_log(c, node))
    return add(*found)


def is_constant(node: Expression) -> bool:
    return isinstance(node, Number) or split_coefficient(node)[1] is constant(ONE, node)


def constant(c: Expr, like: Expression) -> Expression:
    return number(c) if like.is_scalar else scale(c, ones(*like.shape))


def constant_log(c: Expr, like: Expression) -> Expression:
    logarithm = apply("log", number(c))
    return logarithm if like.is_scalar else multiply(logarithm, ones(*like.shape))


def raised(node: Expression, exponent: Expr) -> Expression:
    return (power if node.is_scalar else entrywise_power)(node, number(exponent))
