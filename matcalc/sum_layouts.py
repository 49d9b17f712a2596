"""How sums are written: the order of their terms, and constants whose size follows from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from matcalc.expressions import (
    Apply,
    Commutation,
    Expression,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Variable,
)
from matcalc.leaves import Duplication, Elimination
from matcalc.notations import (
    Notation,
)
from matcalc.sheets import Both, Sheet
from matcalc.sums import split_coefficient

Row: TypeAlias = tuple[tuple[str, Notation], Expression]  # a term: its sign, its notation, and what it is


def sum_layout(sheet: Sheet, node: Sum) -> Both:
    return sum_of(sheet, node._args, False), sum_of(sheet, node._args, True)


def terms_in_order(sheet: Sheet, node: Sum) -> list[Expression]:
    """The terms of a sum in the order in which they are written."""
    return [term for _, term in _rows(sheet, node._args, False)]


def _rows(sheet: Sheet, terms: Sequence[Expression], turn: bool) -> list[Row]:
    """The terms in order, each with its sign and its notation."""
    laid = [_term(sheet, t, turn) for t in terms]
    signed = [("-", n.parts[0]) if n.kind == "negative" else ("+", n) for n in laid]
    return in_order(sheet, list(zip(signed, terms, strict=True)))


def in_order(sheet: Sheet, rows: list[Row]) -> list[Row]:
    """The terms by degree, as in x^2 - 2*x + 1; where that would begin with a minus, positive terms come first."""
    keyed = [(_key(sheet, *row), row) for row in rows]
    by_degree = sorted(keyed, key=lambda pair: pair[0])
    if by_degree[0][1][0][0] == "-":
        by_degree.sort(key=lambda pair: pair[1][0][0] == "-")
    return [row for _, row in by_degree]


def sum_of(sheet: Sheet, terms: Sequence[Expression], turn: bool) -> Notation:
    rows = _rows(sheet, terms, turn)
    bare = [_without_sizes(sheet, t) for _, t in rows]
    if all(bare):
        bare = [None] * len(rows)
    parts = [_bare(sheet, b, n) if b else n for ((_, n), _), b in zip(rows, bare, strict=True)]
    return Notation("sum", parts, tuple(sign for (sign, _), _ in rows))


def _term(sheet: Sheet, term: Expression, turn: bool) -> Notation:
    return sheet.turned(term) if turn else sheet.plain(term)


def _key(sheet: Sheet, signed: tuple[str, Notation], term: Expression) -> tuple[object, ...]:
    """Those with more factors first, identities and ones last; then positive terms; then by name."""
    sign, notation = signed
    chain = split_coefficient(term)[1]
    factors = (chain.chain or chain.scalars) if isinstance(chain, Product) else (chain,)
    constant = all(isinstance(f, (Identity, Ones, Number, Commutation, Duplication, Elimination)) for f in factors)
    place = _place(sheet, factors)
    return (
        constant,
        -sum(map(_rank, factors)) if place < 0 else 0,
        place,
        _left_degree(factors),
        sign == "-",
        _head(notation),
    )


def _head(n: Notation) -> str:
    """The names of a term as they are written, without a number in front."""
    if n.kind == "quotient":
        n = n.parts[0]
    if n.kind == "product" and n.parts[0].kind == "number":
        return "".join(p.head for p in n.parts[1:])
    return n.head


def _place(sheet: Sheet, factors: Sequence[Expression]) -> float:
    """How many factors, counted with their powers, stand before the perturbed one; -1 without one."""
    place = 0.0
    for f in factors:
        if f in sheet.perturbed:
            later = isinstance(f, Apply) and f.operands[0] not in sheet.perturbed
            return place + 0.5 * later
        place += _degree(f)
    return -1


def _without_sizes(sheet: Sheet, term: Expression) -> Expression | None:
    """The constant matrix of a term whose size follows from the other terms of its sum."""
    _, rest = split_coefficient(term)
    inner = rest.chain[0] if isinstance(rest, Product) and len(rest.chain) == 1 else rest
    return inner if isinstance(inner, (Identity, Ones)) else None


def _bare(sheet: Sheet, constant: Expression, notation: Notation) -> Notation:
    """The notation with the constant matrix written without its sizes."""
    kinds = ("eye", "ones")
    if notation.kind in kinds:
        return Notation(notation.kind)
    if notation.kind == "transpose" and notation.parts[0].kind in kinds:
        return Notation(notation.parts[0].kind)
    if notation.kind in ("product", "quotient"):
        parts = [_bare(sheet, constant, p) if i in (0, len(notation.parts) - 1) or p.kind in kinds else p
                 for i, p in enumerate(notation.parts)]  # fmt: skip
        if notation.kind == "quotient":
            parts = [_bare(sheet, constant, notation.parts[0]), notation.parts[1]]
        return Notation(notation.kind, parts)
    return notation


def _degree(node: Expression) -> int:
    """How many factors a factor stands for."""
    exponent = node._args[1] if isinstance(node, Power) else None
    return abs(int(exponent.value)) if isinstance(exponent, Number) and exponent.value.is_Integer else 1


def _rank(node: Expression) -> int:
    """What a factor counts for the order of terms: 1, and a power of a number its exponent."""
    if not (isinstance(node, Power) and node.is_scalar and isinstance(node._args[0], Variable)):
        return 1
    exponent = node._args[1]
    return max(1, int(exponent.value)) if isinstance(exponent, Number) and exponent.value.is_Integer else 1


def _left_degree(factors: Sequence[Expression]) -> int:
    """The degree of the left factor of a Kronecker product: I ⊗ A² before A' ⊗ A before (A²)' ⊗ I."""
    first = factors[0]
    if not (isinstance(first, Apply) and first.function == "kron"):
        return 0
    left = first.operands[0]
    if isinstance(left, Identity):
        return 0
    return sum(map(_degree, left.chain)) if isinstance(left, Product) else _degree(left)
