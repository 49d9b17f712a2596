"""The sheet on which an expression is laid out: the notation of each part, as it is and transposed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr

from matcalc.expressions import Expression, Variable, depends_on, postorder
from matcalc.notations import Notation, name, negative, number, product, quotient, transposed

PERTURBATION = re.compile(r"^d[A-Za-z]\w*$")
INDICES = ("i", "j", "l", *(f"i{k}" for k in range(1, 100)))
Both = tuple[Notation, Notation]


@dataclass(frozen=True)
class Written:
    """An expression as written: definitions of named parts, in order, and the answer that uses them."""

    parts: tuple[tuple[str, Notation], ...]
    answer: Notation

    @property
    def cost(self) -> int:
        """The length in tokens; a named part costs its definition plus 2."""
        return self.answer.cost + sum(n.cost + 2 for _, n in self.parts)


class Sheet:
    """Lays out the parts of expressions from the leaves up: each as it is, and transposed."""

    rules: ClassVar[dict[type[Expression], Callable[[Any, Any], Both]]] = {}

    def __init__(self, roots: Sequence[Expression], names: dict[Expression, str] | None = None) -> None:
        self.both: dict[Expression, Both] = {}
        self.names = names or {}
        self.definitions: dict[str, Notation] = {}
        self.own_cost: dict[Expression, int] = {}
        order = postorder(*roots)
        taken = any(isinstance(e, Variable) and e.name == "K" for e in order)
        self.commutation = name("commutation" if taken else "K")
        names_taken = {e.name for e in order if isinstance(e, Variable)} | {str(s) for e in order for s in _sizes(e)}
        self.names_taken = names_taken
        self.indices = [letter for letter in INDICES if letter not in names_taken]
        perturbed = _perturbations([e for e in order if isinstance(e, Variable)])
        self.perturbed = depends_on(postorder(*roots), perturbed) if perturbed else set()
        for node in order:
            self.both[node] = self._named(node, self._lay_out(node))

    def plain(self, node: Expression) -> Notation:
        """The notation of a node."""
        found = self.both.get(node)
        if found is None:
            found = self.both[node] = self._lay_out(node)
        return found[0]

    def turned(self, node: Expression) -> Notation:
        """The notation of a node's transpose."""
        self.plain(node)
        return self.both[node][1]

    def definitions_cost(self, node: Expression) -> int:
        """The length of a named node's definition."""
        return self.own_cost.get(node, 0)

    def _named(self, node: Expression, both: Both) -> Both:
        if node in self.names:
            self.own_cost[node] = min(n.cost for n in both)
        given = self.names.get(node)
        if given is None:
            return both
        if given.endswith("'"):
            label = name(given[:-1])
            self.definitions.setdefault(given[:-1], both[1])
            return transposed(label), label
        self.definitions[given] = both[0]
        return name(given), transposed(name(given)) if not node.is_scalar else name(given)

    def _lay_out(self, node: Expression) -> Both:
        plain, turned = self.rules[type(node)](self, node)
        if node.is_scalar:
            return plain, plain
        # write the transpose of the other one where that is clearly shorter
        if _is_clearly_shorter(turned, plain):
            plain = transposed(turned)
        elif _is_clearly_shorter(plain, turned):
            turned = transposed(plain)
        return plain, turned


def _perturbations(variables: Sequence[Variable]) -> list[Variable]:
    """The variables that look like perturbations: delta_x, or else dx."""
    renamed = [v for v in variables if v.name.startswith("delta_")]
    return renamed or [v for v in variables if PERTURBATION.match(v.name)]


def _is_clearly_shorter(n: Notation, other: Notation) -> bool:
    """Whether the transpose of n is a better notation than the other one: (x - y)' than x' - y'."""
    plain = all(p.kind in ("name", "transpose", "product") and not p.has_call for p in other.parts)
    throughout = all(p.kind == "transpose" for p in other.parts)
    if other.kind == "sum" and (throughout or (n.transposes == 0 and plain)):
        return n.cost + 1 < other.cost
    return n.cost + 2 < other.cost


def _sizes(node: Expression) -> set[Expr]:
    """The dimension symbols of a constant matrix or a number."""
    return {s for a in node._args if isinstance(a, Expr) for s in a.free_symbols}


def size_notation(value: Expr) -> Notation:
    """A number, or a formula in dimensions such as 1/(m*n)."""
    if value.could_extract_minus_sign():
        return negative(size_notation(-value))
    if value.is_Symbol:
        return name(str(value))
    if value.is_Rational:
        return number(value)
    numerator, denominator = value.as_numer_denom()
    if denominator != 1:
        return quotient(size_notation(numerator), size_notation(denominator))
    if value.is_Mul:
        factors = sorted(value.args, key=lambda f: (not f.is_number, f.is_Add, str(f)))
        return product([size_notation(f) for f in factors])
    if value.is_Pow:
        return Notation("power", (size_notation(value.base), size_notation(value.exp)))
    in_order = sorted(value.args, key=lambda t: (t.could_extract_minus_sign(), t.is_number, str(t)))
    terms = [size_notation(t) for t in in_order]
    signs = tuple("-" if t.kind == "negative" else "+" for t in terms)
    return Notation("sum", [t.parts[0] if t.kind == "negative" else t for t in terms], signs)
