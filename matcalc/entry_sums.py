"""Sums over an index written as products of matrices: Σ x[i]² eᵢ is x.^2, and Σ f(X[i,:]') a function of X.

A scalar that depends on the index stands for the vector of its values, and a vector for the matrix whose columns
are its values, as if the data points of the sum were handled all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from sympy import Rational

from matcalc.applications import along, apply, is_entrywise
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    IndexedSum,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    depends_on,
    postorder,
)
from matcalc.leaves import ONE_NODE, identity, number, ones, unit
from matcalc.powers import entrywise_power, hadamard
from matcalc.products import multiply
from matcalc.substitutions import rebuilt
from matcalc.sums import add, negate
from matcalc.transposes import transpose

HALF = Rational(1, 2)
MOST_EXPANDED = 32


def without_index(node: IndexedSum, *, is_complex: bool = False) -> Expression | None:
    """The sum over i = 1, …, n as products of matrices, else None; norms of complex numbers are left as they are.

    >>> import matcalc as mc
    >>> str(without_index(mc.parse("sum(i, 1, n, x[i]*A[:,i])", where="A: matrix(m,n), x: vector(n)")))
    'A*x'
    """
    index, lower, upper, body = node._args
    if lower is not ONE_NODE or not isinstance(upper, Number) or upper.value is ONE:
        return None
    return _Entries(index, upper, body, is_complex).total(body)


def sums_at_once(order: Sequence[Expression], *, is_complex: bool = False) -> dict[Expression, Expression]:
    """The nodes with sums over data points in them, and what they are with all points handled at once."""
    found: dict[Expression, Expression] = {}
    for node in order:
        new = node if found.keys().isdisjoint(node.operands) else rebuilt(node, [found.get(a, a) for a in node._args])
        if isinstance(new, IndexedSum):
            new = without_index(new, is_complex=is_complex) or new
        if new is not node:
            found[node] = new
    return found


def with_distances(e: Expression) -> Expression:
    """The expression with sums over pairs of points at once, where that shows distances of points.

    >>> import matcalc as mc
    >>> str(with_distances(mc.parse("sum(i, 1, n, sum(j, 1, n, norm2(X[i,:] - X[j,:])))", where="X: matrix(n,d)")))
    'sum(sqrt(sqdist(X, X)))'
    """
    order = postorder(e)
    if not any(isinstance(node, IndexedSum) for node in order):
        return e
    found = sums_at_once(order).get(e, e)
    return found if any(isinstance(n, Apply) and n.function == "sqdist" for n in postorder(found)) else e


class _Entries:
    """What depends on the index, and the unit vector eᵢ."""

    def __init__(self, index: Expression, upper: Number, body: Expression, is_complex: bool) -> None:
        self.is_complex = is_complex
        self.dependent = depends_on(postorder(body), [index])
        indices = {e for e in postorder(body) if isinstance(e, Variable) and e.is_index}
        self.others = indices - {index}
        self.size = upper.value
        self.column = unit(index, self.size)
        self.row = transpose(self.column)
        self.each = ones(self.size, ONE)
        self.known: dict[Expression, bool] = {}

    def depends(self, *nodes: Expression) -> bool:
        """Whether any of the nodes changes with the index; products of parts of the body are looked through."""
        return any(self._depends(n) for n in nodes)

    def _depends(self, node: Expression) -> bool:
        if node not in self.known:
            self.known[node] = node in self.dependent or not self.dependent.isdisjoint(postorder(node))
        return self.known[node]

    # ---- sums

    def total(self, body: Expression) -> Expression | None:
        """The sum of the body."""
        if isinstance(body, Sum):
            return _all(add, [self.total(t) for t in body._args])
        if not self.depends(body):
            return multiply(number(self.size), body)
        if body.is_scalar:
            values = self.values(body)
            return None if values is None else multiply(transpose(self.each), values)
        if body.columns is ONE:
            columns = self.columns(body)
            return None if columns is None else multiply(columns, self.each)
        if body.rows is ONE:
            return _turned(self.total(transpose(body)))
        return self._of_matrices(body) if isinstance(body, Product) else None

    def _of_matrices(self, body: Product) -> Expression | None:
        """The sum of a product of matrices: of column times row, of one factor alone, or multiplied out."""
        for i in range(1, len(body.chain)):
            if body.chain[i].rows is ONE:
                found = self._of_outer(body, body.chain[:i], body.chain[i:])
                if found is not None:
                    return found
        found = self._of_one_factor(body)
        terms = self._multiplied_out(body) if found is None else None
        return found if terms is None else _all(add, [self.total(t) for t in terms])

    def _of_one_factor(self, body: Product) -> Expression | None:
        """The sum of a product in which numbers and one diagonal matrix change, or numbers alone."""
        factors = [f for f in body.chain if self.depends(f)]
        scalars = multiply(number(body.coefficient), *body.scalars)
        if not factors:
            total = self.total(scalars)
            return None if total is None else multiply(total, *body.chain)
        if len(factors) > 1 or not (isinstance(factors[0], Apply) and factors[0].function == "diag"):
            return None
        total = self.total(multiply(scalars, factors[0].operands[0]))
        return None if total is None else _replaced(body.chain, factors[0], apply("diag", total))

    def _of_outer(self, body: Product, left: Sequence[Expression], right: Sequence[Expression]) -> Expression | None:
        c = number(body.coefficient)
        if not self.depends(*left):
            inside = _turned(self.total(transpose(multiply(*body.scalars, *right))))
            return None if inside is None else multiply(c, *left, inside)
        if not self.depends(*right):
            inside = self.total(multiply(*body.scalars, *left))
            return None if inside is None else multiply(c, inside, *right)
        V, W = self.columns(multiply(*left)), self.columns(transpose(multiply(*right)))
        values = self._product_of_values(body.scalars)
        if V is None or W is None or values is None:
            return None
        weights = [] if values is self.each else [apply("diag", values)]
        return multiply(c, V, *weights, transpose(W))

    def _multiplied_out(self, body: Product) -> list[Expression] | None:
        """The terms of a product with sums among its factors that depend on the index."""
        factors = [f for f in body.chain if isinstance(f, Sum) and self.depends(f)]
        if not factors or prod(len(f._args) for f in factors) > MOST_EXPANDED:
            return None
        outer = [number(body.coefficient), *body.scalars]
        return [multiply(*outer, _replaced(body.chain, factors[0], t)) for t in factors[0]._args]

    # ---- the values of a scalar, as a vector

    def values(self, node: Expression) -> Expression | None:
        """The vector of the values of a scalar, for i = 1, …, n."""
        if not self.depends(node):
            return multiply(node, self.each)
        if isinstance(node, Sum):
            return _all(add, [self.values(t) for t in node._args])
        if isinstance(node, Product):
            return self._values_of_product(node)
        if isinstance(node, Power) and not self.depends(node._args[1]):
            base, exponent = node._args
            distances = self._distances(base)
            if distances is not None:
                return entrywise_power(distances, multiply(number(HALF), exponent))
            values = self.values(base)
            return None if values is None else entrywise_power(values, exponent)
        if isinstance(node, Apply) and is_entrywise(node.function) and len(node.operands) == 1:
            argument = self.values(node.operands[0])
            return None if argument is None else apply(node.function, argument)
        if self._is_norm(node) and node.operands[0].columns is ONE:
            distances = self._distances(node)
            if distances is not None:
                return apply("sqrt", distances)
            columns = self.columns(node.operands[0])
            return None if columns is None else apply("sqrt", self._column_sums(hadamard(columns, columns)))
        if isinstance(node, Apply) and node.function == "logsumexp":
            columns = self.columns(node.operands[0])
            return None if columns is None else transpose(along("logsumexp", columns, 1))
        return None

    def _values_of_product(self, node: Product) -> Expression | None:
        if node.chain and self.depends(*node.chain[1:-1]):
            terms = self._multiplied_out(node)
            return None if terms is None else _all(add, [self.values(t) for t in terms])
        values = self._product_of_values(node.scalars)
        inner = self._of_inner(node.chain) if node.chain else self.each
        if values is None or inner is None:
            return None
        return multiply(number(node.coefficient), hadamard(values, inner))

    def _is_norm(self, node: Expression) -> bool:
        """Whether a node is a norm that the squares of numbers add up to."""
        return isinstance(node, Apply) and node.function == "norm2" and not self.is_complex

    def _distances(self, norm: Expression) -> Expression | None:
        """The values of the square of a norm, where its parts have different indices: distances of x[i] from y[j]."""
        if not (self.others and self._is_norm(norm)):
            return None
        v = norm.operands[0]
        terms = v._args if isinstance(v, Sum) else self._multiplied_out(v) if isinstance(v, Product) else None
        own = [t for t in terms or () if self.depends(t)]
        rest = [t for t in terms or () if not self.depends(t)]
        if not own or not rest or any(not self.others.isdisjoint(postorder(t)) for t in own):
            return None
        columns = self.columns(add(*own))
        return None if columns is None else apply("sqdist", transpose(columns), transpose(negate(add(*rest))))

    def _product_of_values(self, scalars: Sequence[Expression]) -> Expression | None:
        """The values of a product; the vector of ones for none."""
        return _all(hadamard, [self.each, *(self.values(s) for s in scalars)])

    def _of_inner(self, chain: Sequence[Expression]) -> Expression | None:
        """The values of a row times matrices times a column."""
        first, last = chain[0], multiply(*chain[1:])
        if not self.depends(last):
            rows = self.columns(transpose(first))
            return None if rows is None else multiply(transpose(rows), last)
        columns = self.columns(last)
        if columns is None or not self.depends(first):
            return None if columns is None else transpose(multiply(first, columns))
        if first is self.row:
            return apply("diagonal", columns)
        rows = self.columns(transpose(first))
        return None if rows is None else self._column_sums(hadamard(rows, columns))

    def _column_sums(self, M: Expression) -> Expression:
        return multiply(transpose(M), ones(M.rows, ONE))

    # ---- the values of a vector, as columns

    def columns(self, node: Expression) -> Expression | None:
        """The matrix whose columns are the values of a vector."""
        if node is self.column:
            return identity(self.size)
        if not self.depends(node):
            return multiply(node, transpose(self.each))
        if isinstance(node, Sum):
            return _all(add, [self.columns(t) for t in node._args])
        if isinstance(node, Hadamard):
            return _all(hadamard, [self.columns(f) for f in node._args])
        if isinstance(node, Product):
            return self._columns_of_product(node)
        if isinstance(node, EntrywisePower) and not self.depends(node._args[1]) and node._args[1].is_scalar:
            base = self.columns(node._args[0])
            return None if base is None else entrywise_power(base, node._args[1])
        if isinstance(node, Apply) and is_entrywise(node.function) and len(node.operands) == 1:
            argument = self.columns(node.operands[0])
            return None if argument is None else apply(node.function, argument)
        if isinstance(node, Apply) and node.function == "sqdist" and not self.depends(node.operands[0]):
            points = self.columns(transpose(node.operands[1])) if node.columns is ONE else None
            return None if points is None else apply("sqdist", node.operands[0], transpose(points))
        if isinstance(node, Apply) and node.function == "softmax":
            argument = self.columns(node.operands[0])
            return None if argument is None else along("softmax", argument, 1)
        return None

    def _columns_of_product(self, node: Product) -> Expression | None:
        *left, last = node.chain
        scalars = node.scalars
        if self.depends(*left):
            places = [i for i in range(1, len(node.chain)) if node.chain[i].rows is ONE]
            first = node.chain[0]
            if not places and isinstance(first, Apply) and first.function == "diag":
                inner = multiply(number(node.coefficient), *scalars, *node.chain[1:])
                return self.columns(hadamard(first.operands[0], inner))
            if not places:
                terms = self._multiplied_out(node)
                return None if terms is None else _all(add, [self.columns(t) for t in terms])
            # a column times an inner product
            left, last = [], multiply(*node.chain[: places[0]])
            scalars = (*scalars, multiply(*node.chain[places[0] :]))
        columns, values = self.columns(last), self._product_of_values(scalars)
        if columns is None or values is None:
            return None
        weights = [] if values is self.each else [apply("diag", values)]
        return multiply(number(node.coefficient), *left, columns, *weights)


def _replaced(chain: Sequence[Expression], factor: Expression, other: Expression) -> Expression:
    """A product with another factor in the place of the first such."""
    i = chain.index(factor)
    return multiply(*chain[:i], other, *chain[i + 1 :])


def _turned(node: Expression | None) -> Expression | None:
    return None if node is None else transpose(node)


def _all(join: Callable[..., Expression], parts: Sequence[Expression | None]) -> Expression | None:
    found = [p for p in parts if p is not None]
    return join(*found) if len(found) == len(parts) else None
