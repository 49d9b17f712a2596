"""The normal form of transposes: pushed to the leaves."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from sympy import Integer

from matcalc.comparisons import are_equal
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Commutation,
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
    if isinstance(node, Apply) and node.function in _MIRRORED:
        return node.operands
    if isinstance(node, (Apply, Hadamard, EntrywisePower)) and _is_square(node):
        return tuple(o for o in node.operands if _is_square(o))
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
    elif isinstance(node, (Hadamard, EntrywisePower)):
        return _transpose_entrywise(node)
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
    if name == "sqdist":
        return _applied_to(name, *reversed(operands))
    if name in _MIRRORED:
        return _applied(_MIRRORED[name], operands)
    if _is_square(node):
        if (name == "hardmax" or CONSTRUCTORS["is_entrywise"](name)) and all(_of(o) is o for o in operands):
            return node
        if CONSTRUCTORS["is_analytic"](name) and _of(operands[0]) in (operands[0], negate(operands[0])):
            return _applied(name, operands)  # f(A)' is f(A'), which is simpler where A' is A or -A
    return intern(Transpose, (node,), (node.columns, node.rows))


_MIRRORED = {"kron": "kron", "adj": "adj", "tril": "triu", "triu": "tril"}
"""The functions of transposes that a function's transpose is."""


def _is_square(node: Expression) -> bool:
    return are_equal(*node.shape)


def _applied(name: str, operands: Sequence[Expression]) -> Expression:
    return _applied_to(name, *map(_of, operands))


def _applied_to(name: str, *operands: Expression) -> Expression:
    result: Expression = CONSTRUCTORS["Apply"](name, *operands)
    return result


def _transpose_entrywise(node: Expression) -> Expression:
    """Of square factors each of which is symmetric or skew the transpose is the product, or its negative."""
    if _is_square(node):
        signs = [_symmetry(o) for o in node.operands]
        if isinstance(node, EntrywisePower) and signs[0] < 0:
            signs = [signs[0] ** int(e.value) if _is_integer(e) else 0 for e in node.operands[1:]]
        if all(signs):
            return node if prod(signs) > 0 else negate(node)
    return intern(Transpose, (node,), (node.columns, node.rows))


def _symmetry(node: Expression) -> int:
    """1 for what is its own transpose, scalars too, -1 for its negative, else 0."""
    turned = _of(node)
    return 1 if turned is node else -1 if turned is negate(node) else 0


def _is_integer(node: Expression) -> bool:
    return isinstance(node, Number) and bool(node.value.is_Integer)


CONSTRUCTORS.update(Transpose=transpose, transpose=transpose)
