"""In which order the factors of a product are multiplied: the matrix chain order by cost, structure included.

A cost is an estimate of time, not a count of operations: an entry of a matrix that is written costs more than one
that is read, and a product of two matrices runs many times faster per operation than one with a vector. A part
that several products share costs each of them a share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from sympy import Expr

from matcalc.expressions import (
    ONE,
    Apply,
    Commutation,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
)
from matcalc.leaves import MINUS_ONE, is_zero
from matcalc.operations import evaluation_order, is_minus_one, operands_of
from matcalc.registries import CONSTRUCTORS
from matcalc.transposes import transpose

GUESS = 1000
LONGEST_CHAIN = 30
MOST_COPIES = 8
MOST_TERMS = 4
MOST_SUMS = 3
DEEPEST_SUMS = 50
WRITTEN, READ, MULTIPLIED, SOLVED, INVERTED = 1.0, 0.5, 0.06, 0.1, 0.08

Term: TypeAlias = tuple[Expr, Sequence[Expression], Sequence[Expression]]
Mode = Literal["dense", "left", "right"]
Order = dict[tuple[int, int], tuple[int, Mode]]


class Chain(NamedTuple):
    """The cheapest way to multiply: its cost, and where each segment is split."""

    cost: float
    order: Order


@dataclass
class ProductOrders:
    """What is known of all products that are to be computed together."""

    sizes: Mapping[str, int]
    dense: set[Expression] = field(default_factory=set)
    shared: dict[tuple[Expression, ...], int] = field(default_factory=dict)
    inverted: set[Expression] = field(default_factory=set)
    uses: dict[Expression, int] = field(default_factory=dict)
    within: set[Expression] = field(default_factory=set)
    ready: set[Expression] = field(default_factory=set)
    made: set[tuple[Expression, ...]] = field(default_factory=set)
    traces: dict[tuple[Expression, ...], tuple[float, Sequence[Term]]] = field(default_factory=dict)
    forms_left: int = 0
    chains: dict[tuple[Expression, ...], Chain] = field(default_factory=dict)
    _lengths: dict[Expr, float] = field(default_factory=dict)

    def survey(self, roots: Iterable[Expression]) -> None:
        """Note which nodes are needed as arrays, what is inverted, and which parts of products occur repeatedly."""
        roots = list(roots)
        self.dense.update(roots)
        entrywise: set[Expression] = set()
        formed: dict[Expression, list[Expression]] = {}
        nodes = list(evaluation_order(roots))
        for node in nodes:
            in_chain = set(node.chain) if isinstance(node, Product) else set()
            if len(in_chain) > 1:
                self._note_parts(written_out(node.chain))
                formed[node] = [f for f in in_chain if isinstance(f, Hadamard)]
            if isinstance(node, Apply) and node.function == "tr":
                entrywise.update(f for f in chain_of(node) if isinstance(f, Hadamard))
                formed.pop(node.operands[0], None)
            for o in operands_of(node):
                self.uses[o] = self.uses.get(o, 0) + 1
                if o not in in_chain and not (is_few_copies(node) and node.args[1].value.is_positive):
                    self.dense.add(o)
            if isinstance(node, Power) and not node.is_scalar and is_minus_one(node.args[1]):
                self.inverted.add(node.args[0])
        self.dense.update(*formed.values())
        factors = [o for f in entrywise - self.dense for o in f.operands if isinstance(o, (Product, Sum))]
        self.within.update(o for o in factors if self.uses[o] == 1 and not o.is_scalar)
        self.dense -= self.within
        depths: dict[Expression, int] = {}
        for node in nodes:
            if isinstance(node, Sum) and node not in self.dense:
                inner = [depths.get(f, 0) for term in node.operands for f in chain_of(term)]
                depths[node] = 1 + max(inner, default=0)
                if depths[node] > DEEPEST_SUMS:  # what is nested deeper is formed, so that nothing recurses over it
                    self.dense |= {node, transpose(node)}
                    depths[node] = 0
        self.shared = {part: count for part, count in self.shared.items() if count > 1}

    def _note_parts(self, chain: Sequence[Expression]) -> None:
        if len(chain) > LONGEST_CHAIN:
            return
        parts = {part_key(chain[i : j + 1]) for i in range(len(chain)) for j in range(i + 1, len(chain))}
        for part in parts:
            self.shared[part] = self.shared.get(part, 0) + 1

    def length(self, dimension: Expr) -> float:
        """The number that a dimension is taken for."""
        found = self._lengths.get(dimension)
        if found is None:
            symbols = {s: self.sizes.get(s.name, GUESS) for s in dimension.free_symbols}
            found = self._lengths[dimension] = float(dimension.xreplace(symbols) if symbols else dimension)
        return found

    def area(self, node: Expression) -> float:
        """The number of entries."""
        return self.length(node.rows) * self.length(node.columns)

    # ---- costs ----

    def multiplying(self, rows: float, inner: float, columns: float) -> float:
        """The cost of a product of arrays."""
        if inner == 1:
            return WRITTEN * rows * columns
        if rows == 1 or columns == 1:
            return READ * rows * inner * columns
        return MULTIPLIED * rows * inner * columns

    def forming(self, node: Expression) -> float:
        """The cost of having a factor as an array."""
        if node in self.dense or node in self.ready:
            return 0.0
        kind = type(node)
        if kind is Power:
            exponent = node.args[1]
            n = self.length(node.rows)
            return (INVERTED if is_minus_one(exponent) else 2 * MULTIPLIED) * n**3
        if kind is Sum:
            return self.forming_sum(node.operands)
        if kind is Hadamard:
            inner = [t for o in node.operands if o in self.within for t in terms_of(o)]
            return WRITTEN * self.area(node) + sum(map(self.forming_term, inner))
        return WRITTEN * self.area(node) if is_structured(node) else 0.0

    def forming_sum(self, terms: Sequence[Expression]) -> float:
        """The cost of a sum; of two products that are each other's transposes one is computed."""
        found: dict[tuple[Expression, ...], float] = {}
        again = 0.0
        for term in terms:
            key = part_key(chain_of(term))
            again += WRITTEN * self.area(term) if key in found else 0.0
            found.setdefault(key, self.forming_term(term))
        return sum(found.values()) + again

    def forming_term(self, term: Expression) -> float:
        """The cost of adding a term to an array."""
        if isinstance(term, Identity) or is_diagonal(term):
            return WRITTEN * self.length(term.rows)
        cost = (WRITTEN + READ if isinstance(term, Transpose) else WRITTEN) * self.area(term)
        chain = chain_of(term)
        return cost + (self.chain(chain).cost if len(chain) > 1 else 0.0)

    def applying(self, node: Expression, columns: float) -> float | None:
        """The cost of a factor times an array of this many columns, or None where it is not applied as it stands."""
        kind = type(node)
        rows, inner = self.length(node.rows), self.length(node.columns)
        if kind is Power and is_minus_one(node.args[1]):
            return 0.4 * rows**2 if columns == 1 else SOLVED * rows**2 * columns
        if is_diagonal(node):
            return WRITTEN * rows * columns
        if kind is Transpose and isinstance(node.args[0], Unit):
            return columns
        if kind is Ones and node.rows is ONE:
            return READ * inner * columns
        if kind is Commutation:
            return WRITTEN * rows * columns
        if is_kron(node):
            A, B = node.operands
            first = (
                0.0 if isinstance(A, Identity) else self.length(A.rows) * self.length(A.columns) * self.length(B.rows)
            )
            second = 0.0 if isinstance(B, Identity) else self.area(B) * self.length(A.columns)
            return (MULTIPLIED * (first + second) + WRITTEN * rows) * columns
        if kind is Sum and node not in self.dense:
            total = 0.0
            for term in node.operands:
                chain = chain_of(term)
                total += WRITTEN * rows * columns
                for f in chain:
                    if isinstance(f, Identity):
                        continue
                    applied = self.applying(f, columns) if not isinstance(f, Sum) else None
                    total += (
                        self.multiplying(self.length(f.rows), self.length(f.columns), columns)
                        if applied is None
                        else applied
                    )
            return total
        return None

    # ---- the order ----

    def chain(self, factors: Sequence[Expression]) -> Chain:
        """The cheapest order for some factors."""
        key = tuple(factors)
        found = self.chains.get(key)
        if found is None:
            found = self.chains[key] = self._cheapest(key)
        return found

    def again(self, factors: Sequence[Expression]) -> float:
        """The cost of a product, nothing where it was computed before."""
        if len(factors) == 1:
            return self.forming(factors[0])
        return 0.0 if part_key(factors) in self.made else self.chain(factors).cost

    def multiplied_out(self, factors: Sequence[Expression]) -> int | None:
        """The place of a sum that is better multiplied out, as in (U*V' - T)*V = U*(V'*V) - T*V with a narrow V."""
        places = [i for i, f in enumerate(factors) if isinstance(f, Sum) and f not in self.dense]
        if not 0 < len(places) <= MOST_SUMS:
            return None
        least, found = self.chain(factors).cost, None
        for i in places:
            if len(factors[i].operands) > MOST_TERMS or factors[i].is_scalar:
                continue
            cost = self.cost_multiplied_out(factors, i)
            if cost < least:
                least, found = cost, i
        return found

    def cost_multiplied_out(self, factors: Sequence[Expression], i: int) -> float:
        """The cost of a product whose factor of that number is a sum, computed term by term."""
        cost = 0.0
        for term in factors[i].operands:
            middle = [f for f in parts_of(term)[2] if not isinstance(f, Identity)]
            cost += self.chain(written_out([*factors[:i], *middle, *factors[i + 1 :]])).cost
            cost += WRITTEN * self.length(factors[0].rows) * self.length(factors[-1].columns)
        return cost

    def _cheapest(self, factors: tuple[Expression, ...]) -> Chain:
        count = len(factors)
        if count > LONGEST_CHAIN:
            return Chain(float("inf"), in_turn(factors))
        lengths = [self.length(factors[0].rows), *(self.length(f.columns) for f in factors)]
        cost: dict[tuple[int, int], float] = {(i, i): self.forming(f) for i, f in enumerate(factors)}
        order: Order = {}
        turned = [transpose(f) for f in factors]
        for width in range(2, count + 1):
            for i in range(count - width + 1):
                j = i + width - 1
                best, choice = float("inf"), (i, "dense")
                for k in range(i, j):
                    rows, inner, columns = lengths[i], lengths[k + 1], lengths[j + 1]
                    left, right = cost[i, k], cost[k + 1, j]
                    options: list[tuple[float, Mode]] = [
                        (left + right + self.multiplying(rows, inner, columns), "dense")
                    ]
                    if k == i and (applied := self.applying(factors[i], columns)) is not None:
                        options.append((right + applied, "left"))
                    if k + 1 == j and (applied := self.applying(turned[j], rows)) is not None:
                        options.append((left + applied, "right"))
                    for total, mode in options:
                        if total < best:
                            best, choice = total, (k, mode)
                order[i, j] = choice  # type: ignore[assignment]
                cost[i, j] = best / self.shared.get(part_key(factors[i : j + 1]), 1) if self.shared else best
        return Chain(cost[0, count - 1], order)


def written_out(factors: Sequence[Expression], shortest: int = 2) -> tuple[Expression, ...]:
    """A*X^3 as A*X*X*X, so that parts can be shared and vectors be multiplied first."""
    if len(factors) < shortest or not any(isinstance(f, Power) for f in factors):
        return tuple(factors)
    found: list[Expression] = []
    for f in factors:
        if is_few_copies(f):
            base, exponent = f.args[0], int(f.args[1].value)
            found += [base if exponent > 0 else CONSTRUCTORS["Power"](base, MINUS_ONE)] * abs(exponent)
        else:
            found.append(f)
    return tuple(found)


def is_few_copies(node: Expression) -> bool:
    """Whether the node is X^3, or X^-3, or the like."""
    exponent = node.args[1] if isinstance(node, Power) else None
    return isinstance(exponent, Number) and bool(exponent.value.is_Integer and abs(exponent.value) <= MOST_COPIES)


def in_turn(factors: Sequence[Expression]) -> Order:
    """One after the other, from the end with the shorter side."""
    last = len(factors) - 1
    if factors[-1].columns is ONE:
        return {(i, last): (i, "dense") for i in range(last)}
    return {(0, j): (j - 1, "dense") for j in range(1, last + 1)}


def chain_of(node: Expression) -> tuple[Expression, ...]:
    """The matrix factors of a product, or of the product in a trace or on a diagonal; else the node itself."""
    if isinstance(node, Apply) and node.function in ("tr", "diagonal"):
        node = node.operands[0]
    if isinstance(node, Product):
        return tuple(node.chain)
    return (node,)


def terms_of(node: Expression) -> Sequence[Expression]:
    """The terms of a sum; else the node itself."""
    return node.operands if isinstance(node, Sum) else (node,)


def part_key(part: Sequence[Expression]) -> tuple[Expression, ...]:
    """A part of a product; the same for its transpose."""
    forward = tuple(part)
    backward = tuple(transpose(f) for f in reversed(part))
    return min(forward, backward, key=lambda t: [f.key for f in t])


def is_palindrome(part: Sequence[Expression]) -> bool:
    """Whether a product is its own transpose, factor by factor."""
    return all(transpose(f) is g for f, g in zip(part, reversed(part), strict=True))


def spliced(before: Sequence[Expression], term: Expression, after: Sequence[Expression]) -> Term:
    """A product with one of the terms of a sum in its place."""
    coefficient, scalars, middle = parts_of(term)
    factors = tuple(f for f in (*before, *middle, *after) if not isinstance(f, Identity))
    return coefficient, scalars, factors or middle[:1]


def is_diagonal(node: Expression) -> bool:
    """Whether the node is diag(x)."""
    return isinstance(node, Apply) and node.function == "diag"


def is_kron(node: Expression) -> bool:
    """Whether the node is a Kronecker product."""
    return isinstance(node, Apply) and node.function == "kron"


def is_structured(node: Expression) -> bool:
    """Whether the node is known by fewer numbers than it has entries."""
    found = isinstance(node, (Identity, Ones, Unit, Commutation)) or is_diagonal(node) or is_kron(node)
    return found or (isinstance(node, Transpose) and isinstance(node.args[0], Unit))


def are_ones(*factors: Expression) -> bool:
    return all(isinstance(f, Ones) for f in factors)


def gram_half(factors: Sequence[Expression]) -> Sequence[Expression] | None:
    """F where the factors are F'*F."""
    count = len(factors)
    if count % 2 or count == 2:
        return None
    return factors[count // 2 :] if is_palindrome(factors) else None


def gram_weights(factors: Sequence[Expression]) -> Expression | None:
    """w where the factors are F'*diag(w)*F, and F is a matrix."""
    middle = len(factors) // 2
    if len(factors) % 2 == 0 or not is_diagonal(factors[middle]) or factors[0].rows is ONE:
        return None
    weights: Expression = factors[middle].operands[0]
    return weights if is_palindrome(factors) and not is_zero(weights) else None


def parts_of(term: Expression) -> tuple[Expr, tuple[Expression, ...], tuple[Expression, ...]]:
    """The coefficient, the scalars and the matrix factors of a term."""
    if isinstance(term, Product):
        return term.coefficient, term.scalars, term.chain
    return ONE, (), (term,)
