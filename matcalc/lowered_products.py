"""Products of matrices as an expert computes them: brackets by cost, and structure used instead of formed.

inv(A)*b is a solve with a factorization that all who need A share; diag(v)*A scales rows; a product with a column
of the identity is an entry, a row or a column, one with ones a sum; kron(A, B)*vec(X) is vec(B*X*A').
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import TypeAlias

from sympy import Expr

from matcalc.expressions import (
    ONE,
    SCALAR,
    Apply,
    Commutation,
    Expression,
    Identity,
    Number,
    Ones,
    Power,
    Shape,
    Sum,
    Transpose,
    Unit,
    Variable,
)
from matcalc.leaves import MINUS_ONE
from matcalc.operations import is_minus_one
from matcalc.positivity import is_positive, is_semidefinite
from matcalc.product_orders import (
    LONGEST_CHAIN,
    Order,
    ProductOrders,
    are_ones,
    gram_half,
    gram_weights,
    is_diagonal,
    is_kron,
    is_palindrome,
    part_key,
    parts_of,
    spliced,
    written_out,
)
from matcalc.program_building import Builder
from matcalc.programs import FACTOR, Value
from matcalc.registries import CONSTRUCTORS
from matcalc.regroupings import regrouped
from matcalc.transposes import transpose
from matcalc.written_orders import WrittenOrder

Lowered: TypeAlias = Generator[Expression, Value, Value]
MOST_APPLICATIONS = 8


class ProductLowering:
    """Makes the values of products; a node whose value is needed is yielded, its value sent back."""

    def __init__(self, sizes: Mapping[str, int], known: Collection[str] = ()) -> None:
        self.known = known
        self.scalable: Collection[Expression] = ()
        self.products: dict[tuple[Expression, ...], tuple[tuple[Expression, ...], Value]] = {}
        self.applications: Counter[Expression] = Counter()
        self.builder = Builder(known=known)
        self.orders = ProductOrders(sizes)
        self.written = WrittenOrder(())

    # ---- scalars in front ----

    def product(self, coefficient: Expr, scalars: Sequence[Expression], chain: Sequence[Expression]) -> Lowered:
        """``coefficient · scalars · chain``, the scalars multiplied with the smallest array."""
        value = yield from self.chain(chain)
        if value.op == "eye" and (coefficient is not ONE or scalars):
            entry = yield from self.scaled(coefficient, scalars, None)
            return self.builder.emit("scaled_eye", entry, shape=value.shape)
        if value.op == "outer" and (coefficient is not ONE or scalars):
            first, second = value.args
            smaller = self.orders.length(first.shape[0]) <= self.orders.length(second.shape[0])
            scaled = yield from self.scaled(coefficient, scalars, first if smaller else second)
            a, b = (scaled, second) if smaller else (first, scaled)
            if a.op == "neg":
                return self.builder.negated(self.builder.emit("outer", a.args[0], b, shape=value.shape))
            return self.builder.emit("outer", a, b, shape=value.shape)
        return (yield from self.scaled(coefficient, scalars, value))

    def scaled(self, coefficient: Expr, scalars: Sequence[Expression], value: Value | None) -> Lowered:
        """A value, or one, times a number and scalars: first the scalars with each other."""
        b = self.builder
        above: Value | None = None
        below: Value | None = None
        for s in scalars:
            if isinstance(s, Power) and isinstance(s.args[1], Number) and s.args[1].value.is_negative is True:
                v = yield CONSTRUCTORS["Power"](s.args[0], CONSTRUCTORS["-"](s.args[1]))
                below = v if below is None else b.emit("mul", below, v, shape=SCALAR)
            else:
                v = yield s
                above = v if above is None else b.emit("mul", above, v, shape=SCALAR)
        negative = coefficient.could_extract_minus_sign()
        numerator, denominator = (-coefficient if negative else coefficient).as_numer_denom()
        if numerator is not ONE:
            above = b.number(numerator) if above is None else b.scaled(b.number(numerator), above)
        if denominator is not ONE:
            divisor = b.number(denominator)
            below = divisor if below is None else b.scaled(divisor, below)
        if above is not None and below is not None and value is not None and value.rank:
            above, below = b.emit("div", above, below, shape=SCALAR), None
        result = value if value is not None else (above or b.number(ONE))
        if above is not None and value is not None:
            result = b.scaled(above, value)
        if below is not None:
            result = b.emit("div", result, below, shape=result.shape, rank=result.rank)
        return b.negated(result) if negative else result

    def added_up(self, values: Sequence[Value], shape: Shape) -> Value:
        """The sum of values, one after the other."""
        total = values[0]
        for v in values[1:]:
            total = self.builder.added(total, v, shape)
        return total

    # ---- the chain ----

    def chain(self, factors: Sequence[Expression]) -> Lowered:
        """The product of matrix factors."""
        if len(factors) == 1:
            return (yield factors[0])
        factors = written_out(factors)
        if len(factors) > LONGEST_CHAIN:
            return (yield from self._in_turn(factors))
        if (half := gram_half(factors)) is not None and factors[0].rows is ONE:
            root = yield from self.chain(half)
            return self.builder.inner(root, root)
        if factors[0].rows is ONE and len(factors) == 3 and are_ones(factors[0], factors[2]):
            return self.sum_of_entries((yield factors[1]))
        weights = gram_weights(factors)
        if weights is not None and (is_positive(weights) or ("weighted_gram" in self.known and len(factors) == 3)):
            return (yield from self._weighted_gram(weights, factors))
        key = part_key(factors)
        known = self.products.get(key)
        if known is not None:
            return known[1] if known[0] == factors else self.builder.transposed(known[1])
        other = regrouped(self.orders, factors)
        if other is not None:
            return (yield other)
        place = self.orders.multiplied_out(factors)
        if place is not None:
            value = yield from self._multiplied_out(factors, place)
        else:
            value = yield from self._segment(factors, self.orders.chain(factors).order, 0, len(factors) - 1)
        self.products[key] = factors, value
        return value

    def _weighted_gram(self, weights: Expression, factors: Sequence[Expression]) -> Lowered:
        """F'*diag(w)*F: half of its entries, or Z'*Z with Z = diag(sqrt(w))*F."""
        shape = (factors[0].rows, factors[-1].columns)
        half = factors[len(factors) // 2 + 1 :]
        if "weighted_gram" in self.known:
            F = yield from self.chain(half)
            found = self.builder.emit("weighted_gram", F, (yield weights), shape=shape)
            found.is_symmetric = True
            return found
        root = self.builder.emit("sqrt", (yield weights), shape=weights.shape)
        scaled = self.rows_scaled(root, (yield from self.chain(half)))
        return self.builder.multiplied(self.builder.transposed(scaled), scaled, shape, weights.rows)

    def _multiplied_out(self, factors: Sequence[Expression], place: int) -> Lowered:
        """The product, a sum among its factors multiplied out."""
        terms: list[Value] = []
        for term in self.written.terms(factors[place]):
            terms.append((yield from self.product(*spliced(factors[:place], term, factors[place + 1 :]))))
        terms.sort(key=lambda v: v.op == "neg")
        rows, columns = factors[0].rows, factors[-1].columns
        return self.added_up(terms, (rows, columns) if rows is not ONE else (columns, ONE))

    def inverse_node(self, base: Expression) -> Expression:
        """The inverse of a matrix as a node."""
        node: Expression = CONSTRUCTORS["Power"](base, MINUS_ONE)
        return node

    def _segment(self, factors: Sequence[Expression], order: Order, i: int, j: int) -> Lowered:
        if i == j:
            return (yield factors[i])
        k, mode = order[i, j]
        shape = (factors[i].rows, factors[j].columns)
        b = self.builder
        self.orders.made.add(part_key(factors[i : j + 1]))
        is_symmetric = is_palindrome(factors[i : j + 1])
        if mode == "left":
            right = yield from self._segment(factors, order, k + 1, j)
            return (yield from self.applied(factors[i], right, shape, is_symmetric))
        left = yield from self._segment(factors, order, i, k)
        if mode == "right":
            turned = yield from self.applied(
                transpose(factors[j]), b.transposed(left), (shape[1], shape[0]), is_symmetric
            )
            return b.transposed(turned)
        right = yield from self._segment(factors, order, k + 1, j)
        return b.multiplied(left, right, shape, factors[k].columns, is_symmetric)

    def _in_turn(self, factors: Sequence[Expression]) -> Lowered:
        """A very long chain, from the end that has the shorter side."""
        b = self.builder
        if factors[-1].columns is ONE or factors[0].rows is not ONE:
            value = yield factors[-1]
            for f in reversed(factors[:-1]):
                value = yield from self.applied(f, value, (f.rows, factors[-1].columns))
            return value
        value = yield factors[0]
        for f in factors[1:]:
            value = b.transposed((yield from self.applied(transpose(f), b.transposed(value), (f.columns, ONE))))
        return value

    # ---- one factor at a time ----

    def applied(self, node: Expression, value: Value, shape: Shape, is_symmetric: bool = False) -> Lowered:
        """A factor times an array, without forming the factor where it has structure."""
        b = self.builder
        rows, columns = shape
        if isinstance(node, Power) and is_minus_one(node.args[1]):
            factor, is_turned = yield from self.factorization(node.args[0])
            if not is_turned and (part := b.inverse_times_part(factor, value)) is not None:
                return part
            inverse = b.made.get(("inverse", factor, ()))
            if inverse is not None and value.rank == 2:
                return b.multiplied(self.turned_if(is_turned, inverse), value, shape, node.columns, is_symmetric)
            return b.emit("solve", factor, value, shape=(rows, columns), data=(is_turned,))
        if isinstance(node, Identity):
            return value
        if is_diagonal(node):
            weights = yield node.operands[0]
            return self.rows_scaled(weights, value)
        if isinstance(node, Transpose) and isinstance(node.args[0], Unit):
            return self._selected((yield node.args[0].args[0]), value, columns)
        if isinstance(node, Ones) and node.rows is ONE:
            return self.sum_of_entries(value) if value.rank == 1 else self.column_sums(value)
        if isinstance(node, Commutation):
            return self._commuted(node, value, columns)
        if is_kron(node):
            return (yield from self._kron_applied(node, value, shape))
        if isinstance(node, Sum) and node not in self.orders.dense:
            return (yield from self._sum_applied(node, value, shape))
        return b.multiplied((yield node), value, shape, node.columns, is_symmetric)

    def rows_scaled(self, weights: Value, value: Value) -> Value:
        """diag(weights) times an array."""
        b = self.builder
        if value.rank == 1:
            return b.emit("mul", weights, value, shape=value.shape)
        if value.op == "neg":
            return b.negated(self.rows_scaled(weights, value.args[0]))
        if value.op == "apply" and value.data == ("exp",) and weights.op == "reciprocal":
            if weights.args[0].op == "row_sums" and weights.args[0].args[0] is value:
                return b.softmax_of_rows(value)
        if value.op == "transpose":
            inner = value.args[0]
            return b.transposed(b.emit("scale_columns", inner, weights, shape=inner.shape))
        return b.emit("scale_rows", weights, value, shape=value.shape)

    def _selected(self, index: Value, value: Value, columns: Expr) -> Value:
        b = self.builder
        if value.rank == 1:
            return b.emit("entry", value, index, shape=SCALAR)
        if value.op == "transpose":
            return b.emit("column", value.args[0], index, shape=(columns, ONE))
        return b.emit("row", value, index, shape=(columns, ONE))

    def column_sums(self, value: Value) -> Value:
        """The sum of the rows of a matrix."""
        b = self.builder
        shape = (value.shape[1], ONE)
        if value.op == "transpose":
            return b.emit("row_sums", value.args[0], shape=shape)
        if value.op == "mul" and all(a.rank == 2 and a.is_full for a in value.args):
            A, B = value.args
            return b.emit("row_dots", b.transposed(A), b.transposed(B), shape=shape)
        return b.emit("column_sums", value, shape=shape)

    def sum_of_entries(self, value: Value) -> Value:
        """The sum of all entries of an array."""
        b = self.builder
        if value.op == "transpose":
            return self.sum_of_entries(value.args[0])
        if value.op == "neg":
            return b.negated(self.sum_of_entries(value.args[0]))
        if value.op == "pow" and value.args[0].is_full and value.args[1].op == "number" and value.args[1].data[0] == 2:
            return b.emit("square", value.args[0], shape=SCALAR)
        if value.op == "mul":
            first, second = value.args
            if first.rank == 0:
                return b.scaled(first, self.sum_of_entries(second))
            if first.rank == second.rank and first.is_full and second.is_full:
                return b.inner(first, second)
        return b.emit("sum", value, shape=SCALAR)

    def _commuted(self, node: Commutation, value: Value, columns: Expr) -> Value:
        b = self.builder
        m, n = node.args
        if columns is ONE:
            return self.builder.vec(b.transposed(self.builder.unvec(value, m, n)))
        return b.emit("commute", value, shape=value.shape, data=(m, n))

    def _kron_applied(self, node: Apply, value: Value, shape: Shape) -> Lowered:
        """kron(A, B) times a vector is vec(B*X*A'), times a matrix the same for all columns at once."""
        b = self.builder
        A, B = node.operands
        (m, n), (p, q) = A.shape, B.shape
        is_eye = isinstance(A, Identity), isinstance(B, Identity)
        factors: list[Value] = []
        for f, is_identity in zip((A, B), is_eye, strict=True):
            if not is_identity:
                factors.append((yield f))
        if shape[1] is not ONE:
            return b.emit("kron_times", *factors, value, shape=shape, data=(is_eye, A.shape, B.shape))
        X = self.builder.unvec(value, q, n)
        left = None if is_eye[1] else factors[-1]
        right = None if is_eye[0] else b.transposed(factors[0])
        size = self.orders.length
        if left is not None and size(p) * size(n) <= size(q) * size(m):
            X = b.multiplied(left, X, (p, n), q)
            left, q = None, p
        if right is not None:
            X = b.multiplied(X, right, (q, m), n)
        if left is not None:
            X = b.multiplied(left, X, (p, m), q)
        return self.builder.vec(X)

    def _sum_applied(self, node: Sum, value: Value, shape: Shape) -> Lowered:
        """(A + B)*x as A*x + B*x."""
        terms: list[Value] = []
        for term in self.written.terms(node):
            coefficient, scalars, chain = parts_of(term)
            result = yield from self._chain_applied(chain, value, shape)
            terms.append((yield from self.scaled(coefficient, scalars, result)))
        terms.sort(key=lambda v: v.op == "neg")
        return self.added_up(terms, shape if shape[0] is not ONE else (shape[1], ONE))

    def _chain_applied(self, chain: Sequence[Expression], value: Value, shape: Shape) -> Lowered:
        """Factors times an array: where there is a vector among them, what stands before it is multiplied first."""
        b = self.builder
        cut = next((i + 1 for i, f in enumerate(chain) if f.columns is ONE), 0)
        result = value
        for f in reversed(chain[cut:]):
            self.applications[f] += 1
            # a sum within sums that are used twice is applied twice as often at every level
            if isinstance(f, Sum) and self.applications[f] > MOST_APPLICATIONS:
                self.orders.dense.add(f)
            result = yield from self.applied(f, result, (f.rows, shape[1]))
        if cut:
            column = yield from self.chain(chain[:cut])
            result = b.multiplied(column, result, shape, ONE)
        return result

    # ---- factorizations ----

    def factorization(self, base: Expression) -> Generator[Expression, Value, tuple[Value, bool]]:
        """The factorization that serves a matrix, and whether it is that of its transpose."""
        turned = transpose(base)
        is_known = turned in self.orders.inverted and (turned.ticks, turned.key) < (base.ticks, base.key)
        is_turned = turned is not base and (turned.ticks < base.ticks or is_known)
        matrix = turned if is_turned else base
        if is_semidefinite(matrix):
            op = "cholesky"
        elif isinstance(matrix, Variable) and matrix.properties & {"lower", "upper"}:
            op = "lower" if "lower" in matrix.properties else "upper"
        elif turned is base and "symmetric" in self.known:
            op = "symmetric"
        else:
            op = "lu"
        value = yield matrix
        return self.builder.emit(op, value, shape=matrix.shape, rank=FACTOR), is_turned

    def turned_if(self, is_turned: bool, value: Value) -> Value:
        """The value, or its transpose."""
        return self.builder.transposed(value) if is_turned else value
