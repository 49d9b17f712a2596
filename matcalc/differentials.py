"""One forward pass: the differential df = f′(x)[dx] as an expression linear in the perturbations."""

from __future__ import annotations

from collections.abc import Mapping

from matcalc.expressions import (
    Block,
    Expression,
    Hadamard,
    IndexedSum,
    Product,
    Sum,
    Transpose,
    depends_on,
    postorder,
)
from matcalc.leaves import is_zero, number, zero
from matcalc.local_differentials import partial_differential, refuse_long_products
from matcalc.powers import block, hadamard, indexed_sum
from matcalc.products import multiply
from matcalc.sums import add
from matcalc.transposes import transpose


def differential_of(root: Expression, perturbations: Mapping[Expression, Expression]) -> Expression:
    """f′(x)[dx] for given perturbations of variables (or of any other parts), linear in them.

    >>> import matcalc as mc
    >>> A, dA = mc.variables("A: matrix(n,n), dA: matrix(n,n)")
    >>> str(differential_of(A**-1, {A: dA}))
    '-inv(A)*dA*inv(A)'
    """
    order = postorder(root)
    active = depends_on(order, perturbations)
    refuse_long_products(order, active)
    tangents: dict[Expression, Expression] = dict(perturbations)
    for node in order:
        if node in active and node not in tangents:
            tangents[node] = node_differential(node, tangents)
    return tangents.get(root, zero(*root.shape))


def node_differential(node: Expression, tangents: Mapping[Expression, Expression]) -> Expression:
    """The differential of one node, given those of its operands."""
    if isinstance(node, Sum):
        return add(*(tangents[t] for t in node._args if t in tangents))
    if isinstance(node, Product):
        return _product_differential(node, tangents)
    if isinstance(node, Hadamard):
        fs = node._args
        terms = [hadamard(*fs[:i], tangents[f], *fs[i + 1 :]) for i, f in enumerate(fs) if f in tangents]
        return add(*terms)
    if isinstance(node, Transpose):
        return transpose(tangents[node._args[0]])
    if isinstance(node, Block):
        return block(node._args[0], *(tangents.get(b, zero(*b.shape)) for b in node._args[1:]))
    if isinstance(node, IndexedSum):
        index, lower, upper, body = node._args
        return indexed_sum(index, lower, upper, tangents[body])
    operands = node.operands
    terms = [
        partial_differential(node, i, tangents[o])
        for i, o in enumerate(operands)
        if o in tangents and not is_zero(tangents[o])
    ]
    return add(*terms) if terms else zero(*node.shape)


def _product_differential(node: Product, tangents: Mapping[Expression, Expression]) -> Expression:
    c, scalars, chain = number(node.coefficient), node.scalars, node.chain
    terms = [
        multiply(c, *scalars[:i], tangents[s], *scalars[i + 1 :], *chain)
        for i, s in enumerate(scalars)
        if s in tangents
    ]
    terms += [
        multiply(c, *scalars, multiply(*chain[:i], tangents[f], *chain[i + 1 :]))
        for i, f in enumerate(chain)
        if f in tangents
    ]
    return add(*terms)
