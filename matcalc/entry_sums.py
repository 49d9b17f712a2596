"""Sums over the entries of vectors, written without the index: Σ x[i]² eᵢ is x.^2."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcalc.applications import apply, is_entrywise
from matcalc.expressions import (
    ONE,
    Apply,
    Expression,
    IndexedSum,
    Number,
    Power,
    Product,
    Sum,
    depends_on,
    postorder,
)
from matcalc.leaves import ONE_NODE, number, ones, unit
from matcalc.powers import entrywise_power, hadamard
from matcalc.products import multiply
from matcalc.sums import add, split_coefficient
from matcalc.transposes import transpose


def without_index(node: IndexedSum) -> Expression | None:
    """The sum over i = 1, …, n of entries v[i], rows and columns i as products, else None.

    >>> import matcalc as mc
    >>> str(without_index(mc.parse("sum(i, 1, n, x[i]*A[:,i])", where="A: matrix(m,n), x: vector(n)")))
    'A*x'
    """
    index, lower, upper, body = node._args
    if lower is not ONE_NODE or not isinstance(upper, Number) or upper.value is ONE:
        return None
    return _Entries(index, upper, body).total(body)


class _Entries:
    """What depends on the index, and the unit vector eᵢ."""

    def __init__(self, index: Expression, upper: Number, body: Expression) -> None:
        self.dependent = depends_on(postorder(body), [index])
        self.size = upper.value
        self.column = unit(index, self.size)
        self.row = transpose(self.column)

    def total(self, body: Expression) -> Expression | None:
        """The sum of the body."""
        if isinstance(body, Sum):
            return _all(add, [self.total(t) for t in body._args])
        if body.is_scalar:
            values = self.values(body)
            return None if values is None else multiply(ones(ONE, self.size), values)
        if not isinstance(body, Product):
            return ones(self.size, ONE) if body is self.column else ones(ONE, self.size) if body is self.row else None
        values = _all(hadamard, [ones(self.size, ONE), *(self.values(s) for s in body.scalars)])
        chain = body.chain
        places = [i for i, f in enumerate(chain) if f in self.dependent]
        apart = len(places) > 2 or places[-1:] > [p + 1 for p in places[:1]]
        if values is None or apart or any(chain[i] not in (self.column, self.row) for i in places):
            return None
        return multiply(number(body.coefficient), *self._with_values(chain, places, values))

    def _with_values(self, chain: Sequence[Expression], places: list[int], values: Expression) -> list[Expression]:
        """The factors with the values in place of the unit vectors."""
        if not places:
            return [multiply(ones(ONE, self.size), values), *chain]
        first, last = places[0], places[-1]
        inside = values if chain[first] is self.column else transpose(values)
        return [*chain[:first], inside if first == last else apply("diag", values), *chain[last + 1 :]]

    def values(self, node: Expression) -> Expression | None:
        """The vector of the values of a scalar, for i = 1, …, n."""
        if node not in self.dependent:
            return multiply(node, ones(self.size, ONE))
        if isinstance(node, Sum):
            return _all(add, [self.values(t) for t in node._args])
        if isinstance(node, Product):
            if node.chain:
                return self._entries(node.chain)
            c, _ = split_coefficient(node)
            return _all(hadamard, [number(c), *(self.values(s) for s in node.scalars)])
        if isinstance(node, Power) and node._args[1] not in self.dependent:
            base = self.values(node._args[0])
            return None if base is None else entrywise_power(base, node._args[1])
        if isinstance(node, Apply) and is_entrywise(node.function) and len(node.operands) == 1:
            argument = self.values(node.operands[0])
            return None if argument is None else apply(node.function, argument)
        return None

    def _entries(self, chain: Sequence[Expression]) -> Expression | None:
        """v for eᵢ'*v or v'*eᵢ, the diagonal of A for eᵢ'*A*eᵢ."""
        first, last = chain[0] is self.row, chain[-1] is self.column
        middle = chain[first : len(chain) - last]
        if not middle or any(f in self.dependent for f in middle):
            return None
        product = multiply(*middle)
        if first and last:
            return apply("diagonal", product)
        return product if first else transpose(product)


def _all(join: Callable[..., Expression], parts: Sequence[Expression | None]) -> Expression | None:
    found = [p for p in parts if p is not None]
    return join(*found) if len(found) == len(parts) else None
