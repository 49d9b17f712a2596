"""From expressions to the straight-line program that an expert would have written.

Every common subexpression is computed once for all outputs together. A rule for each kind of node asks for the
values it needs, so that what a rule finds a better way around (an inverse, a diagonal matrix, an outer product)
is never formed. Rules are generators that a loop runs: nothing recurses over the depth of an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Expr, Integer

from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Commutation,
    Constant,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    IndexedSum,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
    Variable,
    Zero,
)
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import Duplication, Elimination
from matcalc.low_rank_forms import low_rank_forms
from matcalc.lowered_entries import (
    column_shape,
    lower_entrywise_function,
    lower_entrywise_power,
    lower_hadamard,
    lower_scalar_power,
    lower_sum,
    opaque,
)
from matcalc.lowered_functions import APPLICATIONS
from matcalc.lowered_products import Lowered, ProductLowering
from matcalc.operations import is_minus_one
from matcalc.product_orders import GUESS, MOST_COPIES, ProductOrders
from matcalc.programs import Program, Value
from matcalc.scale_invariance import scalable_exponentials
from matcalc.stable_forms import stable_forms
from matcalc.transposes import transpose
from matcalc.written_orders import WrittenOrder

WORTHWHILE = 0.8


def lower(
    expressions: Sequence[Expression],
    sizes: Mapping[str, int] | None = None,
    *,
    known: Collection[str] = (),
    names: Mapping[Expression, str] | None = None,
    is_complex: bool = False,
) -> Program:
    """The program that computes the expressions; `sizes` helps to choose between orders of multiplication.

    The operations weighted_gram, symmetric, inverse_times_part, symmetric_product and squared_distances are used where
    they are known. A program with `names` is to be read: the values of named expressions keep the names, and terms the
    order in which they are written. One for complex numbers keeps what their norms are.

    >>> from matcalc.reading import parse
    >>> lower([parse("A*B*x", where="A, B: matrix(n,n), x: vector(n)")]).flops
    4*n**2
    """
    choices = formulations(expressions, known, is_complex=is_complex)
    return lowered(choices, sizes or {}, known, names)[0]


class Formulation(NamedTuple):
    """Expressions, and the formulas that are computed in their place, whatever the sizes are."""

    expressions: Sequence[Expression]
    roots: Sequence[Expression]
    forms: Mapping[Expression, Expression]
    scalable: Collection[Expression]


def formulations(
    expressions: Sequence[Expression], known: Collection[str] = (), *, is_complex: bool = False
) -> list[Formulation]:
    """The expressions in stable forms, and where inverses of narrow updates may be by the small matrix, with these."""

    def formulation(others: Mapping[Expression, Expression]) -> Formulation:
        keeps = "squared_distances" in known
        stable = stable_forms([others.get(e, e) for e in expressions], is_complex=is_complex, keeps_distances=keeps)
        forms = {**stable, **{e: stable.get(other, other) for e, other in others.items()}}
        roots = [forms.get(e, e) for e in expressions]
        return Formulation(expressions, roots, forms, scalable_exponentials(roots))

    narrow = low_rank_forms(expressions)
    return [formulation(others) for others in ([{}, narrow] if narrow else [{}])]


def lowered(
    choices: Sequence[Formulation],
    sizes: Mapping[str, int],
    known: Collection[str] = (),
    names: Mapping[Expression, str] | None = None,
) -> tuple[Program, ProductOrders]:
    """The program of the formulation that takes the least work, and the orders of products of the first."""
    (program, orders), *others = [_as_it_stands(choice, sizes, known, names) for choice in choices]
    for other, _ in others:
        if estimated_effort(other, sizes) < WORTHWHILE * estimated_effort(program, sizes):
            program = other
    return program, orders


def _as_it_stands(
    choice: Formulation,
    sizes: Mapping[str, int],
    known: Collection[str],
    names: Mapping[Expression, str] | None,
) -> tuple[Program, ProductOrders]:
    lowering = Lowering(choice, sizes, known)
    if names is not None:
        lowering.written = WrittenOrder(choice.roots)
    program = lowering.program()
    named = {choice.forms.get(e, e): name for e, name in (names or {}).items()}
    program.names = {lowering.values[e]: name for e, name in named.items() if e in lowering.values}
    return program, lowering.orders


def estimated_effort(program: Program, sizes: Mapping[str, int]) -> float:
    """The effort for these sizes, and typical ones where they are not given."""
    count: Expr = program.effort
    return float(count.xreplace({s: Integer(sizes.get(s.name, GUESS)) for s in count.free_symbols}))


class Lowering(ProductLowering):
    """The values of nodes made so far."""

    def __init__(self, formulation: Formulation, sizes: Mapping[str, int], known: Collection[str]) -> None:
        super().__init__(sizes, known)
        self.formulation = formulation
        self.orders.survey(formulation.roots)
        self.scalable = formulation.scalable
        self.values: dict[Expression, Value] = {}

    def program(self) -> Program:
        """The program that computes the expressions."""
        outputs = [self.value(e) for e in self.formulation.roots]
        inputs = [v for v in self.values if isinstance(v, Variable) and not v.is_index]
        return self.builder.program(outputs, self.formulation.expressions, inputs)

    def value(self, root: Expression) -> Value:
        """The value of a node."""
        stack: list[tuple[Expression, Lowered]] = [(root, self._rule(root))]
        sent: Any = None
        while stack and root not in self.values:
            node, rule = stack[-1]
            self.builder.origin = node
            try:
                wanted = rule.send(sent)
            except StopIteration as stop:
                sent = self.values[node] = stop.value
                self.orders.ready.add(node)
                if sent.rank == 2 and transpose(node) is node:
                    sent.is_symmetric = True
                stack.pop()
                continue
            sent = self.values.get(wanted)
            if sent is None:
                stack.append((wanted, self._rule(wanted)))
        return self.values[root]

    def _rule(self, node: Expression) -> Lowered:
        return RULES.get(type(node), opaque)(self, node)


def _leaf(
    op: str, data: Callable[[Any], tuple[Any, ...]] = lambda node: ()
) -> Callable[[ProductLowering, Any], Lowered]:
    def rule(self: ProductLowering, node: Any) -> Lowered:
        yield from ()
        return self.builder.emit(op, shape=column_shape(node), data=data(node))

    return rule


def _unit(self: ProductLowering, node: Unit) -> Lowered:
    index = yield node.args[0]
    return self.builder.emit("unit", index, shape=node.shape)


def _transpose(self: ProductLowering, node: Transpose) -> Lowered:
    return self.builder.transposed((yield node.args[0]))


def _product(self: ProductLowering, node: Product) -> Lowered:
    if not node.chain:
        return (yield from self.scaled(node.coefficient, node.scalars, None))
    return (yield from self.product(node.coefficient, node.scalars, node.chain))


def _power(self: ProductLowering, node: Power) -> Lowered:
    base, exponent = node.args
    if node.is_scalar:
        return (yield from lower_scalar_power(self, node))
    if is_minus_one(exponent):
        factor, is_turned = yield from self.factorization(base)
        return self.turned_if(is_turned, self.builder.emit("inverse", factor, shape=node.shape))
    if isinstance(exponent, Number) and exponent.value.is_Integer:
        k = int(exponent.value)
        value = yield (base if k > 0 else self.inverse_node(base))
        if 0 < abs(k) <= MOST_COPIES:
            return self.builder.raised(value, abs(k))
        return self.builder.emit("matrix_power", value, shape=node.shape, data=(abs(k),))
    return (yield from opaque(self, node))


def _block(self: ProductLowering, node: Block) -> Lowered:
    parts: list[Value] = []
    for o in node.operands:
        parts.append((yield o))
    width = len(node.operands) // int(node.args[0])
    shapes = tuple(o.shape for o in node.operands)
    return self.builder.emit("block", *parts, shape=column_shape(node), data=(width, shapes))


def _indexed_sum(self: ProductLowering, node: IndexedSum) -> Lowered:
    index, lower, upper, body = node.args
    bounds = [(yield lower), (yield upper)]
    place = yield index
    term = yield body
    return self.builder.indexed_sum(bounds, place, term, column_shape(node))


def _squared_distances(self: ProductLowering, node: Apply) -> Lowered:
    X, Y = node.operands
    if "squared_distances" not in self.known or ONE in (*X.shape, Y.rows):
        return (yield from opaque(self, node))
    first = yield X
    return self.builder.emit("squared_distances", first, (yield Y), shape=node.shape)


def _apply(self: ProductLowering, node: Apply) -> Lowered:
    if node.function == "sqdist":
        return (yield from _squared_distances(self, node))
    if node.function in APPLICATIONS:
        return (yield from APPLICATIONS[node.function](self, node))
    if FUNCTIONS[node.function].is_entrywise and len(node.operands) == 1:
        return (yield from lower_entrywise_function(self, node))
    return (yield from opaque(self, node))


RULES: dict[type[Expression], Callable[[ProductLowering, Any], Lowered]] = {
    Variable: _leaf("input", lambda node: (node,)),
    Number: _leaf("number", lambda node: (node.value,)),
    Constant: _leaf("constant", lambda node: (node.name,)),
    Identity: _leaf("eye"),
    Ones: _leaf("ones"),
    Zero: _leaf("zeros"),
    Commutation: _leaf("commutation", lambda node: node.args),
    Duplication: _leaf("duplication", lambda node: node.args),
    Elimination: _leaf("elimination", lambda node: node.args),
    Unit: _unit,
    Transpose: _transpose,
    Sum: lower_sum,
    Hadamard: lower_hadamard,
    EntrywisePower: lower_entrywise_power,
    Product: _product,
    Power: _power,
    Block: _block,
    IndexedSum: _indexed_sum,
    Apply: _apply,
}
