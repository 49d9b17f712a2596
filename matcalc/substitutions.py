"""Putting expressions in place of variables, and sizes in place of dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sympy import Basic, Expr

from matcalc.expressions import CONSTRUCTORS, Apply, Dimension, Expression, Variable, postorder


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
    for node in _order(tuple(roots)):
        if node in done:
            continue
        changed = False
        args: list[Any] = []
        for a in node._args:
            new = a
            if isinstance(a, Expression):
                new = done[a]
            elif sizes and isinstance(a, Expr) and a.free_symbols:
                new = sizes.get(a) or a.xreplace(sizes)
            changed = changed or new is not a
            args.append(new)
        done[node] = _rebuilt(node, args) if changed else node
    return [done[root] for root in roots]


@lru_cache(maxsize=1024)
def _order(roots: tuple[Expression, ...]) -> list[Expression]:
    return postorder(*roots)


def _rebuilt(node: Expression, args: list[Any]) -> Expression:
    name = type(node).__name__
    if isinstance(node, Variable) and not all(isinstance(a, Basic) for a in args):
        raise TypeError(name)
    if isinstance(node, Apply):
        return CONSTRUCTORS["Apply"](node.function, *args[1:])
    return CONSTRUCTORS[name](*args)


CONSTRUCTORS["substitute"] = substitute
