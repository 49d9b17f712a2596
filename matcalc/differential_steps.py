"""The forward pass told step by step: the differential of each node by the rule that is used there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matcalc.derivation_steps import LONG, Reason, Sides, Step, written_name
from matcalc.differentials import differential_of, node_differential
from matcalc.expressions import (
    Apply,
    Block,
    Expression,
    Hadamard,
    IndexedSum,
    Product,
    Sum,
    Transpose,
    Variable,
    depends_on,
    postorder,
    variables_of,
)
from matcalc.foldings import Folding
from matcalc.function_table import FUNCTIONS
from matcalc.local_differentials import differential_template
from matcalc.notations import Notation, differential
from matcalc.parts import Part
from matcalc.rule_book import DIFFERENTIAL, Book, Rule
from matcalc.sheets import Written
from matcalc.sweeps import active_parts
from matcalc.transposes import transpose

MOST_CONSTANTS = 3
TITLES = {
    "sum": "sum rule",
    "product": "product rule",
    "scalar-multiple": "product rule",
    "entrywise-product": "product rule, entry by entry",
    "scalar-power": "power rule",
    "entrywise-power": "power rule, entry by entry",
    "scalar-exponent": "exponential",
    "entrywise-exponent": "exponential, entry by entry",
    "matrix-power": "product rule for a power",
    "euclidean-norm": "derivative of the norm",
    "inverse": "derivative of the inverse",
    "inverse-power": "product rule for a power",
    "kronecker": "product rule for Kronecker products",
    "logdet": "derivative of log det",
    "logabsdet": "derivative of log det",
    "det": "Jacobi's formula",
}


def differential_steps(
    parts: Sequence[Part],
    root: Expression,
    perturbations: Mapping[Variable, Variable],
    direction: int,
    sides: Sides,
) -> Iterator[Step]:
    """The differential of each node that depends on the variables, from the outside in, each a step.

    A named part comes after what uses it. What has its transpose beside it goes with that.
    """
    told = active_parts(parts, perturbations)
    nodes = postorder(*(p.definition for p in told), root)
    active = depends_on(nodes, [*perturbations, *(p.variable for p in told)])
    named = {p.definition: p.variable for p in told}
    inner: dict[Expression, Expression] = dict(perturbations)

    def stand_in(node: Expression) -> Expression:
        """What stands for the differential of a node."""
        if node not in inner:
            inner[node] = sides.standing_for(sides.differential(named.get(node, node), direction), node.shape)
        return inner[node]

    for p in told:
        inner[p.variable] = stand_in(p.definition)
    order: dict[Expression, Expression] = {}
    for node in nodes:
        if node in active and node not in perturbations and node not in named.values():
            twin = node if node in named else simpler(node, sides)
            if twin is node:
                stand_in(node)
            else:
                inner[node] = transpose(stand_in(twin))
            if not isinstance(node, Transpose):
                order.pop(twin, None)
                order[twin] = node
    folding = Folding(parts)
    for twin, node in reversed(order.items()):
        after = folding.folded(node_differential(node, {o: inner[o] for o in node.operands if o in inner}))
        left = sides.differential(named.get(twin, twin), direction)
        right = sides.written(transpose(after) if twin is not node else after)
        if isinstance(node, IndexedSum):
            right = _of_each_term(node, direction, sides) or sides.written(differential_of(node, perturbations))
        yield _step(node, left, right, inner, sides)


def simpler(node: Expression, sides: Sides) -> Expression:
    """The node or its transpose, whichever is written more simply."""
    if isinstance(node, Transpose):
        return node._args[0]
    if node.is_scalar:
        return node
    twin = transpose(node)
    return min(node, twin, key=lambda e: (sides.laid_out(e).cost, e is not node))


def _of_each_term(node: IndexedSum, direction: int, sides: Sides) -> Written | None:
    """The sum of the differentials of the terms, where it is written as a sum."""
    n = sides.plain(node)
    if n.kind != "indexed_sum" or n.cost > LONG:
        return None
    return Written((), Notation("indexed_sum", (*n.parts[:3], differential(n.parts[3], direction)), n.value))


def _step(
    node: Expression, left: Written, right: Written, inner: Mapping[Expression, Expression], sides: Sides
) -> Step:
    reasons = _constants(node, inner, sides)
    if isinstance(node, Apply) and FUNCTIONS[node.function].is_entrywise:
        title = f"chain rule; derivative of {node.function}"
        return Step(left, right, node.function, title)
    if isinstance(node, (Block, IndexedSum)):
        title = "block by block" if isinstance(node, Block) else "term by term"
        return Step(left, right, title, title, "", "", reasons)
    rules = _rules_of(node, inner)
    first = rules[0]
    names = " and ".join(r.name for r in rules)
    shown = sides.laid_out(node)
    title = " and ".join(dict.fromkeys(TITLES.get(r.name, _title(r, shown)) for r in rules))
    if isinstance(node, Product) and shown.kind in ("call", "index"):  # sum(X) is ones'*X, and x[i] is e_i'*x
        title, reasons = f"{shown.value} is linear" if shown.kind == "call" else "entry of the differential", ()
    elif isinstance(node, Product) and _is_multiple(node):
        title, reasons = "constant factor", ()
    statement = "; ".join(r.statement for r in rules)
    return Step(left, right, names, title, statement, first.source, reasons)


def _title(rule: Rule, shown: Notation) -> str:
    is_linear = rule.statement.split(":")[-1].strip().startswith("linear")
    return f"{written_name(shown)} is linear" if is_linear else rule.name.replace("-", " ")


def _is_multiple(node: Product) -> bool:
    """Whether a product is a number times one factor."""
    return len(node.scalars) + len(node.chain) == 1


def _constants(node: Expression, inner: Mapping[Expression, Expression], sides: Sides) -> tuple[Reason, ...]:
    """The variables of the operands that are constant, where they are few: A, b constant."""
    if not isinstance(node, (Sum, Product, Hadamard)):
        return ()
    found = list(dict.fromkeys(v for o in node.operands if o not in inner for v in variables_of(o)))
    if not 0 < len(found) <= MOST_CONSTANTS:
        return ()
    reason: list[Notation | str] = []
    for v in found:
        reason += [", ", sides.plain(v)] if reason else [sides.plain(v)]
    return ((*reason, " constant"),)


def _rules_of(node: Expression, inner: Mapping[Expression, Expression]) -> list[Rule]:
    """The rules of the book by which the differentials of the operands make that of the node."""
    book = Book.get()
    if isinstance(node, Sum):
        return [book.one(DIFFERENTIAL, "sum")]
    if isinstance(node, Product):
        matrices = len(node.chain) > 1
        return [book.one(DIFFERENTIAL, "product" if matrices or len(node.scalars) > 1 else "scalar-multiple")]
    if isinstance(node, Hadamard):
        return [book.one(DIFFERENTIAL, "entrywise-product")]
    if isinstance(node, Transpose):
        return [book.one(DIFFERENTIAL, "transpose")]
    keys = [differential_template(node, i)[4] for i, o in enumerate(node.operands) if o in inner]
    return list(dict.fromkeys(rule for rule, _ in keys))
