"""The normal form of transposes: pushed to the leaves."""

from __future__ import annotations

from sympy import Integer

from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Commutation,
    Expression,
    Identity,
    IndexedSum,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    Zero,
    intern,
)
from matcalc.leaves import (
    commutation,
    number,
    ones,
    zero,
)
from matcalc.registries import CONSTRUCTORS
from matcalc.sums import add, negate


def is_turned(node: Expression) -> bool:
    """Whether what acts entry by entry is better written of the transpose: rows, and transposes but for columns."""
    if node.columns is ONE:
        return False
    return node.rows is ONE or isinstance(node, Transpose)


def _transposable_operands(node: Expression) -> tuple[Expression, ...]:
    """The operands whose transposes make the node's transpose."""
    if isinstance(node, (Sum, Block)):
        return node.operands
    if isinstance(node, Product):
        return node.chain
    if isinstance(node, Power):
        return node._args[:1]
    if isinstance(node, Apply) and node.function in ("kron", "adj"):
        return node.operands
    return node._args[-1:] if isinstance(node, IndexedSum) else ()


def transpose(node: Expression) -> Expression:
    """The transpose, pushed to the leaves; iterative, and remembered on the node."""
    if node.is_scalar:
        return node
    found = node._transposed
    if found is not None:
        return found
    stack = [node]
    while stack:
        top = stack[-1]
        if top._transposed is not None or top.is_scalar:
            stack.pop()
            continue
        waiting = [o for o in _transposable_operands(top) if o._transposed is None and not o.is_scalar]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        result = _transpose_once(top)
        top._transposed = result
        if result._transposed is None:
            result._transposed = top
    result = node._transposed
    return result


def _of(node: Expression) -> Expression:
    return node if node.is_scalar else node._transposed


def _transpose_once(node: Expression) -> Expression:
    if isinstance(node, Variable):
        if node.properties & {"symmetric", "spd", "diagonal"}:
            return node
        if "skew" in node.properties:
            return negate(node)
    elif isinstance(node, Transpose):
        inner: Expression = node._args[0]
        return inner
    elif isinstance(node, Identity):
        return node
    elif isinstance(node, Ones):
        return ones(node.columns, node.rows)
    elif isinstance(node, Zero):
        return zero(node.columns, node.rows)
    elif isinstance(node, Commutation):
        return commutation(node._args[1], node._args[0])
    elif isinstance(node, Sum):
        return add(*map(_of, node._args))
    elif isinstance(node, Product):
        return CONSTRUCTORS["Product"](number(node.coefficient), *node.scalars, *map(_of, reversed(node.chain)))
    elif isinstance(node, Power):
        result: Expression = CONSTRUCTORS["Power"](_of(node._args[0]), node._args[1])
        return result
    elif isinstance(node, (Block, IndexedSum)):
        return _transpose_collection(node)
    elif isinstance(node, Apply):
        return _transpose_application(node)
    return intern(Transpose, (node,), (node.columns, node.rows))


def _transpose_collection(node: Expression) -> Expression:
    if isinstance(node, IndexedSum):
        result: Expression = CONSTRUCTORS["IndexedSum"](*node._args[:-1], _of(node._args[-1]))
        return result
    count = int(node._args[0])
    blocks = node._args[1:]
    width = len(blocks) // count
    turned = [_of(blocks[i * width + j]) for j in range(width) for i in range(count)]
    block: Expression = CONSTRUCTORS["Block"](Integer(width), *turned)
    return block


def _transpose_application(node: Apply) -> Expression:
    name, operands = node.function, node.operands
    if name == "diag":
        return node
    if name in ("kron", "adj"):
        result: Expression = CONSTRUCTORS["Apply"](name, *map(_of, operands))
        return result
    symmetric = {"symmetric", "spd", "diagonal"}
    if node.shape == operands[0].shape and all(isinstance(o, Variable) and o.properties & symmetric for o in operands):
        if CONSTRUCTORS["is_entrywise"](name):
            return node
    return intern(Transpose, (node,), (node.columns, node.rows))


CONSTRUCTORS.update(Transpose=transpose, transpose=transpose)
