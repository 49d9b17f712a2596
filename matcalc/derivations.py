"""Derivations: the forward pass told step by step, each step with the rule it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcalc.differentials import node_differential
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
)
from matcalc.foldings import Folding
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import variable
from matcalc.local_differentials import partial_rules
from matcalc.parts import Program
from matcalc.rule_book import DIFFERENTIAL, Book, Rule
from matcalc.sweeps import active_parts
from matcalc.tangents import tangency
from matcalc.writing import text


@dataclass(frozen=True)
class Step:
    """One step: ``before = after`` by a rule of the book."""

    before: str
    after: str
    rule: str
    statement: str
    source: str

    def __str__(self) -> str:
        source = f", {self.source}" if self.source else ""
        return f"{self.before} = {self.after}    [{self.rule}{source}]"

    __repr__ = __str__


def derivation_of(
    program: Program,
    perturbations: Mapping[Variable, Variable],
    result: Expression,
    on_tangents: Expression | None = None,
    gradients: Mapping[Variable, Expression] | None = None,
) -> tuple[Step, ...]:
    """The steps from d(f) to the differential: each function once, from the outside in, then the result.

    A named part comes after what uses it.  Then come what is the same for tangents of curved domains, where that is
    given and is shorter, and the inner product with the gradient.

    >>> import matcalc as mc
    >>> for step in mc.differentiate("tr(A^2)", "A").derivation: print(step)
    d(tr(A^2)) = tr(d(A^2))    [trace, Course notes, example 14]
    d(A^2) = dA*A + A*dA    [matrix-power, Course notes, example 15]
    d(tr(A^2)) = 2*tr(A*dA)    [collect]
    d(tr(A^2)) = dot(2*A', dA)    [gradient, Course notes, section 7.1]
    """
    parts = active_parts(program.parts, perturbations)
    nodes = postorder(*(p.definition for p in parts), program.body)
    active = depends_on(nodes, [*perturbations, *(p.variable for p in parts)])
    shown = {p.definition: p.name for p in parts}
    inner: dict[Expression, Expression] = dict(perturbations)
    folding = Folding(program.parts)
    inner |= {p.variable: variable(f"d({p.name})", *p.variable.shape) for p in parts}
    order = [e for e in nodes if e in active and e not in inner]
    for node in order:
        inner[node] = variable(f"d({text(node)})", *node.shape)
    steps = []
    for node in reversed(order):
        if isinstance(node, Transpose) and node not in shown:
            continue
        rules = _rules_of(node)
        after = node_differential(node, {o: _inner(o, inner) for o in node.operands if o in inner})
        after = folding.folded(after)
        steps.append(_step(f"d({shown.get(node) or text(node)})", after, rules))
    final = text(result)
    if not steps or steps[-1].after != final or len(steps) > 1:
        steps.append(Step(f"d({text(program.body)})", final, "collect", "", ""))
    if on_tangents is not None and on_tangents is not result:
        zeros = ", ".join(statement for x, dx in perturbations.items() if (statement := tangency(x, dx.name)))
        steps.append(Step(f"d({text(program.body)})", text(on_tangents), "tangents", zeros, zeros))
    if gradients:
        steps.append(_to_gradient(program, perturbations, gradients))
    return tuple(steps)


def _to_gradient(
    program: Program, perturbations: Mapping[Variable, Variable], gradients: Mapping[Variable, Expression]
) -> Step:
    """The differential as the inner product with the gradient, which is what the gradient is."""
    products = [f"dot({_in_call(g)}, {perturbations[x].name})" for x, g in gradients.items()]
    return Step(f"d({text(program.body)})", " + ".join(products), "gradient", "df = dot(gradient, dx)", GRADIENT_SOURCE)


def _in_call(e: Expression) -> str:
    found = text(e)
    return f"({found})" if found.startswith("let ") else found


GRADIENT_SOURCE = "Course notes, section 7.1"


def _inner(operand: Expression, inner: Mapping[Expression, Expression]) -> Expression:
    """The perturbation of an operand; a transpose's is the transpose of its operand's."""
    if isinstance(operand, Transpose):
        return inner[operand._args[0]].T
    return inner[operand]


def _step(before: str, after: Expression, rules: list[Rule] | str) -> Step:
    if isinstance(rules, str):
        return Step(before, text(after), rules, "", "SymPy's derivative" if rules in FUNCTIONS else "")
    names = " and ".join(r.name for r in rules)
    statement = "; ".join(r.statement for r in rules)
    return Step(before, text(after), names, statement, next((r.source for r in rules if r.source), ""))


def _rules_of(node: Expression) -> list[Rule] | str:
    book = Book.get()
    if isinstance(node, Sum):
        return [book.one(DIFFERENTIAL, "sum")]
    if isinstance(node, Product):
        matrices = len(node.chain) > 1
        name = "product" if matrices or len(node.scalars) > 1 else "scalar-multiple"
        return [book.one(DIFFERENTIAL, name)]
    if isinstance(node, Hadamard):
        return [book.one(DIFFERENTIAL, "entrywise-product")]
    if isinstance(node, Transpose):
        return [book.one(DIFFERENTIAL, "transpose")]
    if isinstance(node, (Block, IndexedSum)):
        return "block by block" if isinstance(node, Block) else "term by term"
    if isinstance(node, Apply) and FUNCTIONS[node.function].is_entrywise:
        return node.function
    return partial_rules(node)
