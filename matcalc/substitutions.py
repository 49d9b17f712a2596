"""Putting expressions in place of variables, and sizes in place of dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import is_
from typing import Any

from sympy import Basic, Expr

from matcalc.expressions import ONE, Apply, Dimension, Expression, IndexedSum, Variable, postorder
from matcalc.registries import CONSTRUCTORS


def substitute(
    root: Expression, values: Mapping[Expression, Expression], sizes: Mapping[Expr, Dimension] | None = None
) -> Expression:
    """The expression with variables replaced by values and dimension symbols by sizes; iterative.

    >>> import matcalc as mc
    >>> f = mc.parse("x'*A*x", where="A: matrix(n,n), x: vector(n)")
    >>> str(substitute(f, {f.variables["x"]: mc.parse("y", where="y: vector(n)")}))
    "y'*A*y"
    """
    return substitute_all([root], values, sizes)[0]


def substitute_all(
    roots: list[Expression],
    values: Mapping[Expression, Expression],
    sizes: Mapping[Expr, Dimension] | None = None,
) -> list[Expression]:
    """``substitute`` for several expressions that share parts."""
    done: dict[Expression, Expression] = dict(values)
    order, sums = _order(tuple(roots))
    taken = _free_indices(values.values()) if sums else set()
    for node in order:
        if node in done:
            continue
        if taken and isinstance(node, IndexedSum) and node._args[0] in taken:
            done[node] = _without_capture(node, values, sizes, taken)
            continue
        if len(node.operands) == len(node._args):
            args: list[Any] = [done.get(a, a) for a in node.operands]
        else:
            args = [done.get(a, a) if isinstance(a, Expression) else _resized(a, sizes) for a in node._args]
        if not all(map(is_, args, node._args)):
            done[node] = rebuilt(node, args)
    return [done.get(root, root) for root in roots]


def _resized(argument: Any, sizes: Mapping[Expr, Dimension] | None) -> Any:
    """A dimension with sizes put in; any other argument as it is."""
    if not sizes or not isinstance(argument, Expr):
        return argument
    if argument.is_Symbol:
        return sizes.get(argument, argument)
    return argument if argument.is_Number or not argument.free_symbols else argument.xreplace(sizes)


def _free_indices(values: Iterable[Expression]) -> set[Expression]:
    """The indices of sums around, which occur in the values and must not be bound by a sum inside."""
    return {e for v in values for e in postorder(v) if isinstance(e, Variable) and e.is_index}


def _without_capture(
    node: IndexedSum,
    values: Mapping[Expression, Expression],
    sizes: Mapping[Expr, Dimension] | None,
    taken: set[Expression],
) -> Expression:
    """A sum whose index occurs in the values, under another index."""
    index, lower, upper, body = node._args
    level = 1 + max(int(v.name[1:]) for v in taken)
    fresh = CONSTRUCTORS["Variable"](f"#{level}", ONE, ONE, "integer")
    lower, upper = substitute_all([lower, upper], values, sizes)
    (inside,) = substitute_all([body], {**values, index: fresh}, sizes)
    return CONSTRUCTORS["IndexedSum"](fresh, lower, upper, inside)


@lru_cache(maxsize=1024)
def _order(roots: tuple[Expression, ...]) -> tuple[list[Expression], bool]:
    """The nodes that may change, in postorder, and whether a sum over an index is among them."""
    order = [e for e in postorder(*roots) if e.operands or any(a.free_symbols for a in e._args)]
    return order, any(isinstance(e, IndexedSum) for e in order)


def rebuilt(node: Expression, args: list[Any]) -> Expression:
    """A node with other arguments, in normal form."""
    name = type(node).__name__
    if isinstance(node, Variable) and not all(isinstance(a, Basic) for a in args):
        raise TypeError(name)
    if isinstance(node, Apply):
        return CONSTRUCTORS["Apply"](node.function, *args[1:])
    return CONSTRUCTORS[name](*args)


CONSTRUCTORS["substitute"] = substitute
