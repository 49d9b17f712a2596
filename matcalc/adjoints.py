"""One reverse pass: the cotangent of every operand, from the adjoints of the linear primitives.

Nobody writes a reverse rule.  A nonlinear function has its differential in the rule book; its local adjoint is
this same pass run once over that differential, which is linear in the perturbation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from sympy import Integer

from matcalc.applications import apply
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Dimension,
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
from matcalc.leaves import identity, is_zero, number, perturbation_of, unit, variable, zero
from matcalc.local_differentials import differential_template, refuse_long_products
from matcalc.powers import block, hadamard, indexed_sum
from matcalc.products import multiply
from matcalc.registries import method
from matcalc.rule_book import ADJOINT, Book, Rule, match_operands
from matcalc.substitutions import substitute
from matcalc.sums import add
from matcalc.transposes import transpose


def pullback(root: Expression, cotangent: Expression, targets: Iterable[Expression]) -> dict[Expression, Expression]:
    """The adjoint of the derivative at a cotangent: ⟨cotangent, f′(x)[dx]⟩ = ⟨pullback, dx⟩ for each target.

    A target is a variable or any other part of the expression; one that does not occur gets a zero.
    """
    targets = dict.fromkeys(targets)
    order = postorder(root)
    active = depends_on(order, targets)
    refuse_long_products(order, active)
    received: dict[Expression, list[Expression]] = {root: [cotangent]}
    result: dict[Expression, Expression] = {}
    for node in reversed(order):
        pieces = received.pop(node, None)
        if pieces is None or node not in active:
            continue
        total = add(*pieces) if len(pieces) > 1 else pieces[0]
        if node in targets:
            result[node] = total
            continue
        if not is_zero(total):
            for operand, piece in local_adjoints(node, total, active):
                received.setdefault(operand, []).append(piece)
    return {t: result[t] if t in result else zero(*t.shape) for t in targets}


def local_adjoints(node: Expression, G: Expression, active: set[Expression]) -> list[tuple[Expression, Expression]]:
    """The cotangent that each active operand receives from a node whose cotangent is G."""
    if isinstance(node, Product):
        return _product_adjoints(node, G, active)
    if isinstance(node, Sum):
        return [(t, G) for t in node._args if t in active]
    if isinstance(node, Hadamard):
        factors = node._args
        return [(f, hadamard(*factors[:i], *factors[i + 1 :], G)) for i, f in enumerate(factors) if f in active]
    if isinstance(node, Transpose):
        return [(node._args[0], transpose(G))]
    if isinstance(node, Block):
        return _block_adjoints(node, G, active)
    if isinstance(node, IndexedSum):
        return _indexed_sum_adjoints(node, G, active)
    return [(o, _function_adjoint(node, i, G)) for i, o in enumerate(node.operands) if o in active]


def _product_adjoints(node: Product, G: Expression, active: set[Expression]) -> list[tuple[Expression, Expression]]:
    found = []
    outer = [number(node.coefficient)]
    for i, s in enumerate(node.scalars):
        if s in active:
            others = multiply(*outer, *node.scalars[:i], *node.scalars[i + 1 :], *node.chain)
            found.append((s, inner_product(G, others)))
    chain = node.chain
    whole = node.coefficient is ONE and not node.scalars
    for i, X in enumerate(chain):
        if X in active:
            left = [transpose(f) for f in reversed(chain[:i])]
            right = [transpose(f) for f in reversed(chain[i + 1 :])]
            product = multiply(*left, G, *right)
            found.append((X, product if whole else multiply(*outer, *node.scalars, product)))
    return found


def inner_product(G: Expression, M: Expression) -> Expression:
    """⟨G, M⟩ = tr(G′M)."""
    if G.is_scalar:
        return multiply(G, M)
    return apply("tr", multiply(transpose(G), M))


def _block_adjoints(node: Block, G: Expression, active: set[Expression]) -> list[tuple[Expression, Expression]]:
    """Each block receives its part of G, cut out by columns of the identity."""
    count = int(node._args[0])
    blocks = node._args[1:]
    width = len(blocks) // count
    above, before = corners(node)
    return [
        (b, cut(G, above[k // width], b.rows, before[k % width], b.columns))
        for k, b in enumerate(blocks)
        if b in active
    ]


def corners(node: Block) -> tuple[list[Dimension], list[Dimension]]:
    """How many rows stand above each block row, and how many columns before each block column."""
    count, blocks = int(node._args[0]), node._args[1:]
    width = len(blocks) // count
    rows, columns = [b.rows for b in blocks[::width]], [b.columns for b in blocks[:width]]
    above, before = (list(accumulate(sizes[:-1], initial=Integer(0))) for sizes in (rows, columns))
    return above, before


def cut(G: Expression, top: Any, rows: Dimension, left: Any, columns: Dimension) -> Expression:
    """The block of G with its first corner after ``top`` rows and ``left`` columns."""
    return multiply(transpose(window(top, rows, G.rows)), G, window(left, columns, G.columns))


def window(before: Any, size: Dimension, total: Dimension) -> Expression:
    """The columns of the identity from ``before + 1`` on: [0; I; 0]."""
    if size == total:
        return identity(total)
    if size.is_Integer and total.is_Integer and size == 1:
        return unit(number(before + 1), total)
    after = total - before - size
    parts = [zero(before, size)] if before != 0 else []
    parts.append(identity(size))
    parts += [zero(after, size)] if after != 0 else []
    return block(len(parts), *parts)


def _indexed_sum_adjoints(
    node: IndexedSum, G: Expression, active: set[Expression]
) -> list[tuple[Expression, Expression]]:
    """⟨G, Σ body⟩ pulled back term by term to the parts of the body that do not depend on the index."""
    index, lower, upper, body = node._args
    order = postorder(body)
    if body not in depends_on(order, [index]):
        return [(body, multiply(add(upper, multiply(number(-1), lower), number(1)), G))]
    # what changes with the index of a sum inside is not outside either
    indexed = depends_on(order, [index, *(e._args[0] for e in order if isinstance(e, IndexedSum))])
    outside = {o for part in order if part in indexed for o in part.operands if o in active and o not in indexed}
    pulled = pullback(body, G, sorted(outside, key=lambda o: o.key))
    return [(o, indexed_sum(index, lower, upper, g)) for o, g in pulled.items()]


# ---- functions ----------------------------------------------------------------------------------------------------

_TEMPLATES: dict[tuple[Rule, int], tuple[Expression, Variable] | None] = {}


def _function_adjoint(node: Expression, i: int, G: Expression) -> Expression:
    """The adjoint of the i-th partial differential of a function application."""
    direct = _linear_adjoint(node, i, G)
    if direct is not None:
        return direct
    D, formula, values, sizes, key = differential_template(node, i)
    if key is None:  # an entrywise function: its differential is multiplication by the derivative
        return formula if node.is_scalar and G.is_scalar and G is number(1) else hadamard(formula, G)
    pulled = _adjoint_template(key, D, formula)
    assert pulled is not None
    template, cotangent = pulled
    return substitute(template, {**values, cotangent: G}, sizes)


def _adjoint_template(key: Any, D: Expression, formula: Expression) -> tuple[Expression, Variable]:
    found = _TEMPLATES.get(key)
    if found is None:
        cotangent = variable("G()", *formula.shape)
        found = (pullback(formula, cotangent, [D])[D], cotangent)
        _TEMPLATES[key] = found
    return found


def derived_adjoints(rule: Rule) -> Iterator[str]:
    """The adjoint that follows from a differential, in each operand: ``dot(G, d(f(A))) = dot(…, d(A))``."""
    text = method("text")
    cotangent = variable("G" if "G" not in rule.parameters else "G_", *rule.left.shape)
    for parameter in rule.parameters.values():
        D = perturbation_of(parameter)
        if D not in set(variables_of(rule.right)):
            continue
        others = {perturbation_of(p): zero(*p.shape) for p in rule.parameters.values() if p is not parameter}
        pulled = pullback(substitute(rule.right, others), cotangent, [D])[D]
        yield f"dot({cotangent.name}, d({text(rule.left)})) = dot({text(pulled)}, {D.name})"


def _linear_adjoint(node: Expression, i: int, G: Expression) -> Expression | None:
    """The adjoint of a linear primitive, from the rule book."""
    if not isinstance(node, Apply):
        return None
    for rule in Book.get().about(ADJOINT, node.function):
        operand = rule.left.operands[i]
        if operand is rule.slot:
            matched = match_operands(rule, node)
            if matched is not None:
                values, sizes = matched
                parameter = rule.parameters.get("G") or rule.parameters["g"]
                return substitute(rule.right, {**values, parameter: G}, _all_sizes(rule, node, sizes))
    return None


def _all_sizes(rule: Rule, node: Expression, sizes: Mapping[Any, Dimension]) -> dict[Any, Dimension]:
    """The sizes of a rule's dimensions, those that occur in no plain shape included."""
    found = dict(sizes)
    for pattern, operand in zip(rule.left.operands, node.operands, strict=True):
        for p, d in zip(pattern.shape, operand.shape, strict=True):
            unknown = [s for s in p.free_symbols if s not in found] if p.is_Mul else []
            if len(unknown) == 1:
                found[unknown[0]] = (d / (p / unknown[0]).xreplace(found)).cancel()
    return found
