"""Traces, determinants, norms and rearrangements without the arrays that their formulas name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from matcalc.expressions import ONE, SCALAR, Apply, Expression, Hadamard, Product, Sum
from matcalc.lowered_entries import column_shape
from matcalc.lowered_products import Lowered, ProductLowering
from matcalc.positivity import is_semidefinite
from matcalc.product_orders import (
    LONGEST_CHAIN,
    MOST_TERMS,
    WRITTEN,
    ProductOrders,
    Term,
    is_diagonal,
    part_key,
    parts_of,
    spliced,
    written_out,
)
from matcalc.programs import Value
from matcalc.registries import CONSTRUCTORS
from matcalc.stable_logarithms import SOFTMAX
from matcalc.transposes import transpose

Rule = Callable[[ProductLowering, Apply], Lowered]
LONGEST_TURNED = 8
MOST_LEVELS = 6
MOST_TRACES = 12
MOST_FORMS = 100


def _trace(self: ProductLowering, node: Apply) -> Lowered:
    """tr(A*B) as the sum of the entries of A ⊙ B', at the cheapest place of the cycle; sums may be multiplied out."""
    coefficient, scalars, chain = parts_of(node.operands[0])
    return (yield from self.scaled(coefficient, scalars, (yield from _trace_of_chain(self, chain))))


def _trace_of_chain(self: ProductLowering, chain: Sequence[Expression]) -> Lowered:
    chain = written_out(chain, shortest=1)
    if not 2 <= len(chain) <= LONGEST_CHAIN:
        return self.builder.emit("trace", (yield from self.chain(chain)), shape=SCALAR)
    self.orders.traces.clear()  # costs change with what is ready
    self.orders.forms_left = MOST_FORMS
    _, terms = _cheapest_terms(self, tuple(chain), _levels(self.orders, chain))
    values: list[Value] = []
    for coefficient, scalars, factors in terms:
        if len(factors) == 1:
            trace = self.builder.emit("trace", (yield factors[0]), shape=SCALAR)
        else:
            _, first, second = _cheapest_cut(self, factors, turning=True)
            trace = yield from _entries_of_both(self, first, second)
        values.append((yield from self.scaled(coefficient, scalars, trace)))
    values.sort(key=lambda v: v.op == "neg")
    return self.added_up(values, SCALAR)


def _levels(orders: ProductOrders, chain: Sequence[Expression]) -> int:
    """How many sums may be multiplied out, one in the other: products of the terms of that many are not too many."""
    counts = [len(f.operands) for f in chain if _is_opened(orders, f)]
    products = [1]  # of the terms of 0, 1, 2, … of the sums
    for count in counts:
        products = [a + count * b for a, b in zip([*products, 0], [0, *products], strict=True)]
    levels = 1
    while levels < MOST_LEVELS and sum(products[: levels + 2]) <= MOST_FORMS:
        levels += 1
    return levels


def _is_opened(orders: ProductOrders, node: Expression) -> bool:
    return (
        isinstance(node, Sum) and node not in orders.dense and not node.is_scalar and len(node.operands) <= MOST_TERMS
    )


def _cheapest_terms(self: ProductLowering, chain: tuple[Expression, ...], levels: int) -> tuple[float, Sequence[Term]]:
    """The traces of products that a trace is best computed as the sum of, and what they cost."""
    orders = self.orders
    if len(chain) == 1:
        return orders.forming(chain[0]) + orders.length(chain[0].rows), [(ONE, (), chain)]
    known = orders.traces.get(chain)
    if known is not None:
        return known
    best: tuple[float, Sequence[Term]] = (_cheapest_cut(self, chain, turning=True)[0], [(ONE, (), chain)])
    for split in _other_forms(orders, chain) if levels and len(chain) <= LONGEST_TURNED else ():
        orders.forms_left -= len(split)
        if orders.forms_left < 0:
            break
        cost = 0.0
        terms: list[Term] = []
        for coefficient, scalars, factors in split:
            part, own = _cheapest_terms(self, tuple(factors), levels - 1)
            cost += part
            terms += [(coefficient * c, (*scalars, *s), f) for c, s, f in own]
        if cost < best[0] and len(terms) <= MOST_TRACES:
            best = (cost, terms)
    orders.traces[chain] = best
    return best


def _other_forms(orders: ProductOrders, chain: Sequence[Expression]) -> Iterator[Sequence[Term]]:
    """A trace with a sum among its factors multiplied out; tr(A*(B.*C)) as tr((A.*B')*C)."""
    for i, f in enumerate(chain):
        if _is_opened(orders, f):
            yield [_between(chain[:i], term, chain[i + 1 :]) for term in f.operands]
        elif isinstance(f, Hadamard) and len(chain) == 2 and f not in orders.dense:
            other = chain[1 - i]
            for C in f.operands:
                rest = CONSTRUCTORS["Hadamard"](other, *(transpose(g) for g in f.operands if g is not C))
                if C in orders.within or rest in orders.ready or rest in orders.dense:
                    yield [_between((rest,), C, ())]


def _between(before: Sequence[Expression], term: Expression, after: Sequence[Expression]) -> Term:
    coefficient, scalars, factors = spliced(before, term, after)
    return coefficient, scalars, written_out(factors)


def _entries_of_both(self: ProductLowering, first: Sequence[Expression], second: Sequence[Expression]) -> Lowered:
    b = self.builder
    for one, other in ((first, second), (second, first)):
        if len(one) == 1 and is_diagonal(one[0]):
            weights = yield one[0].operands[0]
            return b.multiplied(weights, (yield from _diagonal_of_chain(self, other)), SCALAR, weights.shape[0])
        if not other:
            whole = yield from self.chain(one)
            if whole.rank == 0:  # tr(u'*v), the cycle turned
                return whole
            return b.emit("trace", whole.args[0] if whole.op == "transpose" else whole, shape=SCALAR)
    left = yield from self.chain(first)
    right = yield from self.chain([transpose(f) for f in reversed(second)])
    if left.rank == 1:
        return b.multiplied(left, right, SCALAR, left.shape[0])
    return b.inner(left, right)


def _cheapest_cut(
    self: ProductLowering, chain: Sequence[Expression], turning: bool
) -> tuple[float, Sequence[Expression], Sequence[Expression]]:
    """The cost of a trace or a diagonal, and the two parts of a product that it comes from; one may be empty."""
    orders = self.orders
    best: tuple[float, Sequence[Expression], Sequence[Expression]] = (float("inf"), chain, ())
    turns = range(len(chain)) if turning and len(chain) <= LONGEST_TURNED else range(1)
    for turn in turns:
        turned = [*chain[turn:], *chain[:turn]]
        whole = orders.chain(turned).cost + orders.length(turned[0].rows) if len(turned) > 1 else 0.0
        if whole < best[0]:
            best = (whole, turned, ())
        for cut in range(1, len(turned)):
            first, second = turned[:cut], turned[cut:]
            rows, inner = orders.length(first[0].rows), orders.length(first[-1].columns)
            cost = WRITTEN * rows * inner / 2
            if len(first) == 1 and is_diagonal(first[0]):
                cost = rows + _cheapest_cut(self, second, turning=False)[0]
            else:
                cost += orders.again(first)
                cost += 0.0 if part_key(first) == part_key(second) else orders.again(second)
            # of two that cost the same, the one with fewer transposes
            cost += sum(f.ticks for f in first) + sum(transpose(f).ticks for f in second)
            if cost < best[0]:
                best = (cost, first, second)
    return best


def _diagonal(self: ProductLowering, node: Apply) -> Lowered:
    """The diagonal of a product from the products of its rows and columns."""
    argument = node.operands[0]
    if not isinstance(argument, Product):
        return self.builder.emit("diagonal", (yield argument), shape=node.shape)
    value = yield from _diagonal_of_chain(self, argument.chain)
    return (yield from self.scaled(argument.coefficient, argument.scalars, value))


def _diagonal_of_chain(self: ProductLowering, chain: Sequence[Expression]) -> Lowered:
    b = self.builder
    shape = (chain[0].rows, ONE)
    if 2 <= len(chain) <= LONGEST_CHAIN:
        _, first, second = _cheapest_cut(self, chain, turning=False)
        if second:
            left = yield from self.chain(first)
            right = yield from self.chain([transpose(f) for f in reversed(second)])
            if left.rank == 1:
                return b.emit("mul", left, right, shape=shape)
            return b.emit("row_dots", left, right, shape=shape)
    return b.emit("diagonal", (yield from self.chain(chain)), shape=shape)


def _determinant(op: str, alone: str) -> Rule:
    def rule(self: ProductLowering, node: Apply) -> Lowered:
        base = node.operands[0]
        is_inverted = base in self.orders.inverted or transpose(base) in self.orders.inverted
        if is_inverted or (op == "logdet" and is_semidefinite(base)):
            factor, _ = yield from self.factorization(base)
            if factor.op in ("cholesky", "lu") or (factor.op == "symmetric" and op == "logdet"):
                return self.builder.emit(op, factor, shape=SCALAR)
        return self.builder.emit(alone, (yield base), shape=SCALAR)

    return rule


def _norm(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.emit("norm", (yield node.operands[0]), shape=SCALAR)


def _softmax(axis: int) -> Rule:
    def rule(self: ProductLowering, node: Apply) -> Lowered:
        return self.builder.softmax((yield node.operands[0]), axis)

    return rule


def _logsumexp(axis: int) -> Rule:
    def rule(self: ProductLowering, node: Apply) -> Lowered:
        return self.builder.logsumexp((yield node.operands[0]), axis)

    return rule


def _max(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.emit("max", (yield node.operands[0]), shape=SCALAR)


def _hardmax(self: ProductLowering, node: Apply) -> Lowered:
    """Which entries are the largest, shared where there are several."""
    b = self.builder
    entries = yield node.operands[0]
    largest = b.emit("equals", entries, b.emit("max", entries, shape=SCALAR), shape=column_shape(node))
    return b.emit("div", largest, b.emit("sum", largest, shape=SCALAR), shape=column_shape(node))


def _vec(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.vec((yield node.operands[0]))


def _unvec(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.unvec((yield node.operands[0]), *node.shape)


def _diag(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.emit("diag", (yield node.operands[0]), shape=node.shape)


def _kron(self: ProductLowering, node: Apply) -> Lowered:
    """Formed only where it stands alone; kron of two columns is a vector."""
    A, B = node.operands
    first = yield A
    second = yield B
    if node.rows is ONE or node.columns is ONE:
        return self.builder.vec(self.builder.emit("outer", second, first, shape=(second.shape[0], first.shape[0])))
    return self.builder.emit("kron", first, second, shape=node.shape, data=(A.shape, B.shape))


def _adjugate(self: ProductLowering, node: Apply) -> Lowered:
    return self.builder.emit("adjugate", (yield node.operands[0]), shape=node.shape)


def _triangle(op: str) -> Rule:
    def rule(self: ProductLowering, node: Apply) -> Lowered:
        return self.builder.emit(op, (yield node.operands[0]), shape=node.shape)

    return rule


APPLICATIONS: dict[str, Rule] = {
    "tr": _trace,
    "diagonal": _diagonal,
    "det": _determinant("det", "determinant"),
    "logdet": _determinant("logdet", "log_determinant"),
    "logabsdet": _determinant("logabsdet", "log_abs_determinant"),
    "norm2": _norm,
    **{name: _softmax(axis) for name, axis in SOFTMAX.items()},
    "logsumexp": _logsumexp(0),
    "logsumexp_columns": _logsumexp(1),
    "logsumexp_rows": _logsumexp(2),
    "max": _max,
    "hardmax": _hardmax,
    "vec": _vec,
    "unvec": _unvec,
    "diag": _diag,
    "kron": _kron,
    "adj": _adjugate,
    "tril": _triangle("tril"),
    "triu": _triangle("triu"),
}
"""The rules of functions that are not computed entry by entry, by name."""
