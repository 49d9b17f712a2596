"""Sums, entrywise products, powers and functions of one number, with the stable form where a formula has one.

A matrix of equal columns, v*ones', is spread out only when it meets another matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Integer, Rational

from matcalc.expressions import (
    ONE,
    SCALAR,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Shape,
    Sum,
    Transpose,
)
from matcalc.lowered_products import Lowered, ProductLowering
from matcalc.operations import operands_of
from matcalc.product_orders import is_diagonal, parts_of
from matcalc.programs import FEW_TERMS, Value
from matcalc.stable_logarithms import SOFTMAX

LARGEST_WRITTEN_OUT = 64


def column_shape(node: Expression) -> Shape:
    """The shape of a node's value: a row is kept as a column."""
    return (node.columns, ONE) if node.rows is ONE else node.shape


def entrywise_operand(self: ProductLowering, node: Expression) -> Lowered:
    """The value; of a matrix of equal columns or rows, one of them, to be spread out."""
    if isinstance(node, Product) and len(node.chain) > 1 and node.rows is not ONE and node.columns is not ONE:
        if isinstance(node.chain[-1], Ones) and node.chain[-1].rows is ONE:
            column = yield from self.product(node.coefficient, node.scalars, node.chain[:-1])
            return self.builder.emit("as_column", column, shape=node.shape, rank=2)
        if isinstance(node.chain[0], Ones) and node.chain[0].columns is ONE:
            row = yield from self.product(node.coefficient, node.scalars, node.chain[1:])
            return self.builder.emit("as_row", row, shape=node.shape, rank=2)
    return (yield node)


def filled(self: ProductLowering, value: Value, node: Expression) -> Value:
    """The value as an array of its full shape."""
    if value.rank == 2 and not value.is_full:
        return self.builder.emit("mul", value, self.builder.emit("ones", shape=node.shape), shape=node.shape)
    return value


# ---- sums --------------------------------------------------------------------------------------------------


def lower_sum(self: ProductLowering, node: Sum) -> Lowered:
    """The terms, positive ones first; multiples of the identity and diagonal matrices are added to the diagonal."""
    b = self.builder
    shape = column_shape(node)
    diagonal: list[Value] = []
    terms: list[Value] = []
    operands = self.written.terms(node)
    for term in operands:
        entry = _diagonal_of(term)
        if entry is not None:
            column = None if entry[2] is None else (yield entry[2])
            diagonal.append((yield from self.scaled(entry[0], entry[1], column)))
        elif not node.is_scalar and _is_constant(term):
            # a number is added to every entry without an array of its own
            terms.append((yield from self.scaled(*parts_of(term)[:2], None)))
        else:
            terms.append((yield from entrywise_operand(self, term)))
    if terms and not node.is_scalar and not any(t.rank for t in terms):
        terms = [b.emit("mul", self.added_up(terms, SCALAR), b.emit("ones", shape=shape), shape=shape)]
    stable = _without_cancellation(self, operands, terms)
    if stable is not None:
        return stable
    if len(terms) > FEW_TERMS:
        # each term is added as soon as it can be computed, while its operands are at hand
        terms.sort(key=lambda v: (not v.is_full, _last_needed(v)))
    else:
        terms.sort(key=lambda v: (v.op == "neg", not v.is_full))
    total = self.added_up(terms, shape) if terms else None
    if diagonal:
        diagonal.sort(key=lambda v: (-v.rank, v.op == "neg"))
        entries = self.added_up(diagonal, diagonal[0].shape)
        if total is None and entries.rank:
            return b.emit("diag", entries, shape=shape)
        if total is None:
            return b.emit("scaled_eye", entries, shape=shape)
        return b.emit("add_diagonal", filled(self, total, node), entries, shape=shape)
    assert total is not None
    return filled(self, total, node)


def _last_needed(v: Value) -> int:
    """The number of the operand that is computed last."""
    v = v.args[0] if v.op == "neg" else v
    return max((a.index for a in v.args), default=v.index)


def _diagonal_of(term: Expression) -> tuple[Expr, Sequence[Expression], Expression | None] | None:
    """The multiple of the identity (column None) or of diag(column) that a term of a sum is."""
    coefficient, scalars, chain = parts_of(term)
    if len(chain) != 1:
        return None
    node = chain[0]
    if isinstance(node, Identity):
        return coefficient, scalars, None
    if is_diagonal(node):
        return coefficient, scalars, node.operands[0]
    return None


def _is_constant(term: Expression) -> bool:
    """Whether all entries of a term are one number."""
    return all(isinstance(f, Ones) for f in parts_of(term)[2])


def _without_cancellation(
    self: ProductLowering, operands: Sequence[Expression], terms: Sequence[Value]
) -> Value | None:
    """exp(x) − 1 as expm1(x)."""
    if len(terms) != 2 or len(operands) != 2:
        return None
    for one, other in ((0, 1), (1, 0)):
        if entry_of(operands[one]) == -1 and terms[other].op == "apply" and terms[other].data == ("exp",):
            inner = terms[other]
            return self.builder.emit("apply", *inner.args, shape=inner.shape, rank=inner.rank, data=("expm1",))
    return None


def entry_of(node: Expression) -> Any:
    """c where every entry of the node is the number c, else None."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Ones):
        return ONE
    if isinstance(node, Product) and not node.scalars and all(isinstance(f, Ones) for f in node.chain):
        return node.coefficient
    return None


# ---- products and powers -----------------------------------------------------------------------------------


def lower_hadamard(self: ProductLowering, node: Hadamard) -> Lowered:
    """The product of the numerators over that of the denominators."""
    b = self.builder
    above: list[Value] = []
    below: list[Value] = []
    for factor in node.operands:
        is_turned = isinstance(factor, Transpose)
        inner = factor.args[0] if is_turned else factor
        if isinstance(inner, EntrywisePower) and _is_negative(inner.args[1]):
            base = yield from entrywise_operand(self, inner.args[0])
            divisor = powered(self, base, -inner.args[1].value)
            below.append(b.transposed(divisor) if is_turned else divisor)
        else:
            above.append((yield from entrywise_operand(self, factor)))
    above.sort(key=lambda v: not v.is_full)
    shape = column_shape(node)
    value = _multiplied(self, above, shape)
    divisor_of_all = _multiplied(self, below, shape)
    if divisor_of_all is not None:
        if value is None:
            value = b.emit("reciprocal", divisor_of_all, shape=shape)
        else:
            value = b.emit("div", value, divisor_of_all, shape=shape)
    assert value is not None
    return filled(self, value, node)


def _multiplied(self: ProductLowering, values: Sequence[Value], shape: Shape) -> Value | None:
    result = values[0] if values else None
    for v in values[1:]:
        assert result is not None
        is_negative = (result.op == "neg") != (v.op == "neg")
        first, second = (x.args[0] if x.op == "neg" else x for x in (result, v))
        result = self.builder.emit("mul", first, second, shape=shape)
        result = self.builder.negated(result) if is_negative else result
    return result


def _is_negative(exponent: Expression) -> bool:
    return isinstance(exponent, Number) and exponent.value.is_negative is True


def powered(self: ProductLowering, base: Value, exponent: Any) -> Value:
    """A base to the power of a number, entry by entry; x^3 as x*x*x."""
    b = self.builder
    rank, shape = base.rank, base.shape
    if exponent == 1:
        return base
    if exponent.is_negative:
        return b.emit("reciprocal", powered(self, base, -exponent), shape=shape, rank=rank)
    if exponent == Rational(1, 2):
        return b.emit("sqrt", base, shape=shape, rank=rank)
    if exponent.is_Integer and 2 < exponent <= LARGEST_WRITTEN_OUT:
        half = powered(self, base, exponent // 2)
        squared = b.emit("pow", half, b.number(Integer(2)), shape=shape, rank=rank)
        return squared if exponent % 2 == 0 else b.emit("mul", squared, base, shape=shape, rank=rank)
    if exponent.is_Rational and exponent.q == 2 and 1 < exponent < LARGEST_WRITTEN_OUT:
        whole = powered(self, base, exponent - Rational(1, 2))
        return b.emit("mul", whole, powered(self, base, Rational(1, 2)), shape=shape, rank=rank)
    return b.emit("pow", base, b.number(exponent), shape=shape, rank=rank)


def lower_entrywise_power(self: ProductLowering, node: EntrywisePower) -> Lowered:
    """A power, entry by entry."""
    base, exponent = node.args
    below = yield from entrywise_operand(self, base)
    if isinstance(exponent, Number):
        return filled(self, powered(self, below, exponent.value), node)
    above = yield from entrywise_operand(self, exponent)
    return filled(self, self.builder.emit("pow", below, above, shape=column_shape(node)), node)


def lower_scalar_power(self: ProductLowering, node: Power) -> Lowered:
    """A power of a number; an even power of a norm needs no square root."""
    base, exponent = node.args
    if isinstance(exponent, Number):
        is_norm = isinstance(base, Apply) and base.function == "norm2" and exponent.value.is_even
        if is_norm and exponent.value.is_positive:
            value = yield base.operands[0]
            square = self.builder.emit("squared_norm", value, shape=SCALAR)
            return powered(self, square, exponent.value / 2)
        return powered(self, (yield base), exponent.value)
    below = yield base
    return self.builder.emit("pow", below, (yield exponent), shape=SCALAR)


# ---- functions of one number -------------------------------------------------------------------------------


def lower_entrywise_function(self: ProductLowering, node: Apply) -> Lowered:
    """A function applied to every entry: log(1 + exp(x)) as softplus(x), log(1 + x) as log1p(x)."""
    b = self.builder
    name, argument = node.function, node.operands[0]
    shape = column_shape(node)
    if name == "log":
        if isinstance(argument, Apply) and argument.function in SOFTMAX:
            return b.log_softmax((yield argument.operands[0]), SOFTMAX[argument.function])
        other = _other_than_one(argument)
        if other is not None:
            if isinstance(other, Apply) and other.function == "exp":
                inner = yield from entrywise_operand(self, other.operands[0])
                return filled(self, b.emit("softplus", inner, shape=shape), node)
            inner = yield from entrywise_operand(self, other)
            return filled(self, b.emit("apply", inner, shape=shape, data=("log1p",)), node)
    if node in self.scalable:
        return self.builder.shifted((yield argument), 2)[0]
    value = yield from entrywise_operand(self, argument)
    if name in ("sigmoid", "softplus"):
        return filled(self, b.emit(name, value, shape=shape), node)
    return filled(self, b.emit("apply", value, shape=shape, data=(name,)), node)


def _other_than_one(node: Expression) -> Expression | None:
    """x where the node is 1 + x, entry by entry."""
    if isinstance(node, Sum) and len(node.operands) == 2:
        first, second = node.operands
        if entry_of(first) == 1:
            return second
        if entry_of(second) == 1:
            return first
    return None


def opaque(self: ProductLowering, node: Expression) -> Lowered:
    """What has no operation of its own is computed as `evaluate` computes it."""
    values: list[Value] = []
    for o in list(operands_of(node)):
        values.append((yield o))
    return self.builder.emit("opaque", *values, shape=column_shape(node), data=(node,))
