"""Products multiplied out over sums, where terms then cancel or join: u.*v.*(x./u - y./v) is v.*x - u.*y.

Whether that is to be expected is seen from the factors of the terms, without building the terms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import TypeAlias

from matcalc.comparisons import is_negative
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
)
from matcalc.leaves import number, ones
from matcalc.powers import entrywise_power, hadamard, power
from matcalc.products import multiply
from matcalc.sums import add, negate, product_of, split_coefficient
from matcalc.transposes import transpose

MOST_TERMS = 20
MOST_FACTORS = 40
MOST_VISITS = 2_000
Counts: TypeAlias = dict[Expression, tuple[int, int]]
Bag = dict[Expression, tuple[int, int]]  # how often a base is a factor, and how often it divides


def expanded(node: Expression, counts: Counts) -> Expression | None:
    """The node multiplied out, where terms or factors may cancel, else None.

    >>> import matcalc as mc
    >>> where = "u, x, y: vector(n)"
    >>> str(expanded(mc.parse("u.*(x./u - y)", where=where), {}))
    'x - u.*y'
    >>> expanded(mc.parse("u.*(x - y)", where=where), {})
    """
    if isinstance(node, Product) and node.scalars and node.chain:
        return _either_part(node, counts)
    if _count(node, counts) > MOST_TERMS:
        return None
    whole = _denominators(node)
    return add(*_terms(node, whole)) if _may_cancel(_bags(node, whole)) else None


def multiplied_out(node: Expression) -> Expression:
    """The node as a sum of products, or as it is where these would be many.

    >>> import matcalc as mc
    >>> str(multiplied_out(mc.parse("A*(x - y)", where="A: matrix(m,n), x, y: vector(n)")))
    'A*x - A*y'
    """
    return node if _count(node, {}) > MOST_TERMS else add(*_terms(node, set()))


def _either_part(node: Product, counts: Counts) -> Expression | None:
    """The scalar factors multiplied out, or the matrix factors."""
    scalar = product_of(ONE, node.scalars, (), SCALAR)
    matrix = product_of(ONE, (), node.chain, node.shape)
    s, m = (expanded(e, counts) if is_promising(e) else None for e in (scalar, matrix))
    if s is None and m is None:
        return None
    return multiply(number(node.coefficient), s or scalar, m or matrix)


def complemented(node: Expression, complements: Collection[str], counts: Counts) -> Expression | None:
    """The sum multiplied out with f(-X) as 1 - f(X) for such functions f, where both occur in it, else None."""
    if not isinstance(node, Sum) or len(node._args) > MOST_TERMS:
        return None
    if _count(node, counts) > MOST_TERMS:
        return None
    found = {b for bag in _bags(node, set()) for b in bag if isinstance(b, Apply) and b.function in complements}
    if len(found) < 2:
        return None
    values: dict[Expression, Expression] = {}
    for f in sorted(found, key=lambda f: (is_negative(split_coefficient(f.operands[0])[0]), f.key)):
        other = next((g for g in found if g.operands[0] is negate(f.operands[0])), None)
        if other is not None and f not in values:
            values[other] = add(ones(*f.shape), negate(f))
    return add(*_terms(add(*(_replaced(t, values) for t in node._args)), set())) if values else None


def _replaced(node: Expression, values: Mapping[Expression, Expression]) -> Expression:
    """The node with factors, terms and their bases replaced."""
    if node in values:
        return values[node]
    if isinstance(node, Sum):
        return add(*(_replaced(t, values) for t in node._args))
    if isinstance(node, Hadamard):
        return hadamard(*(_replaced(f, values) for f in node._args))
    if isinstance(node, Product) and not (node.is_scalar and node.chain):
        factors = (_replaced(f, values) for f in (*node.scalars, *node.chain))
        return multiply(number(node.coefficient), *factors)
    if isinstance(node, Power) and node.is_scalar and node._args[0] in values:
        return power(values[node._args[0]], node._args[1])
    if isinstance(node, EntrywisePower) and node._args[0] in values:
        return entrywise_power(values[node._args[0]], node._args[1])
    return node


def is_promising(node: Expression) -> bool:
    """Whether a factor of the node, or of one of its terms, is a sum; quickly, and not where nothing can cancel."""
    if not isinstance(node, Sum):
        sums = _sums_among(node)
        if len(sums) != 1:
            return bool(sums)
        (only,) = sums
        parts = [f for t in only.operands for f in (t.operands if isinstance(t, (Product, Hadamard)) else (t,))]
        return any(map(_may_join, (*node.operands, *parts)))
    return len(node._args) <= MOST_TERMS and any(_sums_among(t) for t in node._args)


def _sums_among(node: Expression) -> list[Expression]:
    """The factors of a product that are sums, those of an entrywise product in it among them."""
    kind = type(node)
    if kind is not Product and kind is not Hadamard:
        return []
    found = []
    for f in node.operands:
        inner = type(f)
        if inner is Sum:
            found.append(f)
        elif inner is Product or inner is Hadamard:
            found += [g for g in f.operands if type(g) is Sum]
    return found


def _may_join(factor: Expression) -> bool:
    """Whether a factor may cancel another one, or is more than a name."""
    if isinstance(factor, Transpose):
        factor = factor._args[0]
    return bool(factor.properties) if isinstance(factor, Variable) else not isinstance(factor, (Number, Identity, Sum))


def _denominators(node: Expression) -> set[Expression]:
    """The sums by which factors of the node and of its terms divide; they are kept whole."""
    found: set[Expression] = set()
    waiting, count = [node], 0
    while waiting and count < MOST_FACTORS:
        part = waiting.pop()
        count += 1
        if isinstance(part, (Sum, Product, Hadamard)):
            waiting += part.operands
        elif isinstance(part, (Power, EntrywisePower)) and isinstance(part._args[0], Sum):
            if isinstance(part._args[1], Number) and is_negative(part._args[1].value):
                found |= {part._args[0], negate(part._args[0])}
    return found


def _factors(node: Expression) -> tuple[Expression, ...] | None:
    """The factors over which a node may be multiplied out; None where it is no product."""
    if isinstance(node, Hadamard):
        return node._args
    if isinstance(node, Product):
        return (*node.scalars, *node.chain)
    return None


def _count(node: Expression, counts: Counts) -> int:
    """The number of terms of the node multiplied out, or one more than are made; those of parts are kept."""
    count, visits = _work(node, counts)
    return count if visits <= MOST_VISITS else MOST_TERMS + 1


def _work(node: Expression, counts: Counts) -> tuple[int, int]:
    """The number of terms of the node multiplied out, and how many factors are looked at; both up to their limits."""
    kind = type(node)
    if kind is not Sum and kind is not Product and kind is not Hadamard:
        return 1, 1
    found = counts.get(node)
    if found is None:
        if len(node.operands) > MOST_FACTORS:
            inside = [(MOST_TERMS + 1, MOST_VISITS + 1)]
        else:
            inside = [_work(o, counts) for o in node.operands]
        terms = [count for count, _ in inside]
        count = min(sum(terms) if kind is Sum else prod(terms), MOST_TERMS + 1)
        found = counts[node] = count, min(1 + sum(visits for _, visits in inside), MOST_VISITS + 1)
    return found


def _bags(node: Expression, whole: set[Expression]) -> list[Bag]:
    """The factors of each term of the node multiplied out."""
    if isinstance(node, Sum) and node not in whole:
        return [bag for t in node._args for bag in _bags(t, whole)]
    factors = _factors(node)
    if factors is None:
        return [_own_bag(node)]
    result: list[Bag] = [{}]
    for f in factors:
        inside = _bags(f, whole) if type(f) in (Sum, Product, Hadamard) else [_own_bag(f)]
        result = [_joined(a, b) for a in result for b in inside]
    return result


def _joined(a: Bag, b: Bag) -> Bag:
    result = dict(a)
    for base, (above, below) in b.items():
        p, q = result.get(base, (0, 0))
        result[base] = (p + above, q + below)
    return result


def _own_bag(node: Expression) -> Bag:
    kind = type(node)
    if kind is Number or kind is Identity:
        return {}
    if kind is Power or kind is EntrywisePower:
        base, exponent = node._args
        if isinstance(exponent, Number) and exponent.value.is_Integer:
            k = int(exponent.value)
            return {base: (k, 0) if k > 0 else (0, -k)}
    return {node: (1, 0)}


def _may_cancel(bags: Sequence[Bag]) -> bool:
    """Whether two terms have the same factors, or a term has factors that cancel."""
    seen = set()
    for bag in bags:
        if any(_cancels(base, *counts, bag) for base, counts in bag.items()):
            return True
        key = frozenset((b, p - q) for b, (p, q) in bag.items())
        if key in seen:
            return True
        seen.add(key)
    return False


def _cancels(base: Expression, above: int, below: int, bag: Bag) -> bool:
    if above and below:
        return True
    if isinstance(base, Ones):
        return above > 1 or transpose(base) in bag
    if isinstance(base, Apply) and base.function == "kron":
        return sum(k for b, (k, _) in bag.items() if isinstance(b, Apply) and b.function == "kron") > 1
    if isinstance(base, Variable) and base.properties:
        return not base.properties.isdisjoint(("orthogonal", "unit")) and transpose(base) in bag
    return False


def _terms(node: Expression, whole: set[Expression]) -> list[Expression]:
    """The terms of the node multiplied out."""
    if isinstance(node, Sum) and node not in whole:
        return [t for part in node._args for t in _terms(part, whole)]
    factors = _factors(node)
    if factors is None:
        return [node]
    options = [_terms(f, whole) for f in factors]
    if all(len(o) == 1 and o[0] is f for o, f in zip(options, factors, strict=True)):
        return [node]
    join = hadamard if isinstance(node, Hadamard) else multiply
    results: list[list[Expression]] = [[number(node.coefficient)] if isinstance(node, Product) else []]
    for option in options:
        results = [[*r, o] for r in results for o in option]
    return [join(*r) for r in results]
