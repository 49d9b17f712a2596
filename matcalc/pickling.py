"""Pickling: a graph as a flat table, so that its depth does not matter."""

from __future__ import annotations

from typing import Any

from matcalc.expressions import Expression, postorder

Table = list[tuple[type[Expression], tuple[Any, ...]]]


def table(root: Expression) -> Table:
    """The nodes below the root in postorder, children as indices."""
    order = postorder(root)
    index = {node: i for i, node in enumerate(order)}
    return [(type(node), tuple((index[a],) if isinstance(a, Expression) else a for a in node._args)) for node in order]


def restored(rows: Table) -> Expression:
    """The expression of a table, in normal form."""
    nodes: list[Expression] = []
    for cls, args in rows:
        nodes.append(cls(*(nodes[a[0]] if isinstance(a, tuple) else a for a in args)))
    return nodes[-1]
