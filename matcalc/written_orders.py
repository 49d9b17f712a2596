"""The order in which the terms of sums are written, for code that adds them up in that order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from matcalc.expressions import Expression, Sum
from matcalc.layouts import Layout
from matcalc.sum_layouts import terms_in_order


class WrittenOrder:
    """The order of terms in some expressions as they are written; a sum that is not among their parts has any order.

    >>> from matcalc.reading import parse
    >>> f = parse("B*A + A", where="A, B: matrix(n,n)")
    >>> WrittenOrder([f]).terms(f)
    [B*A, A]
    """

    def __init__(self, roots: Sequence[Expression]) -> None:
        self.roots = roots

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.roots)

    def terms(self, node: Expression) -> Sequence[Expression]:
        """The terms of a sum."""
        known = isinstance(node, Sum) and node in self._layout.both
        return terms_in_order(self._layout, node) if known else node.operands
