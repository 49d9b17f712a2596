"""Makes the values of programs: the same operation on the same operands is the same value.

What an operation simplifies to is found here, as far as it can be seen from the operands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Integer

from matcalc.expressions import ONE, SCALAR, Expression, Shape, Variable
from matcalc.programs import FACTOR, INDEXED_SUM, Program, Value, rank_of

SHAPED = frozenset({"eye", "ones", "zeros", "unit", "scaled_eye", "commutation", "as_column", "as_row", "unvec"})
"""Operations whose shape does not follow from their operands."""
COMMUTATIVE = frozenset({"add", "mul", "dot"})
# What is done along the columns (1) and along the rows (2) of a matrix.
SUMS = {1: "column_sums", 2: "row_sums"}
_LARGEST = {1: "column_max", 2: "row_max"}
_SPREAD = {1: "as_row", 2: "as_column"}


@dataclass
class Builder:
    """Makes values; the same operation on the same operands is the same value."""

    made: dict[tuple[Any, ...], Value] = field(default_factory=dict)
    origin: Expression | None = None
    known: Collection[str] = ()
    """The operations that only some languages have, which are used here."""

    def emit(self, op: str, *args: Value, shape: Shape, data: tuple[Any, ...] = (), rank: int | None = None) -> Value:
        """The value of an operation."""
        if op in COMMUTATIVE and args[0].index > args[1].index:
            key: tuple[Any, ...] = (op, args[1], args[0], data)
        elif op in SHAPED:
            key = (op, *args, data, shape)
        else:
            key = (op, *args, data)
        found = self.made.get(key)
        if found is None:
            found = Value(op, args, data, shape, rank_of(shape) if rank is None else rank, len(self.made))
            found.origin = self.origin
            self.made[key] = found
        return found

    # ---- leaves ----

    def number(self, value: Expr) -> Value:
        """A constant scalar, a number or a formula in sizes."""
        return self.emit("number", shape=SCALAR, data=(value,))

    # ---- sums over an index ----

    def indexed_sum(self, bounds: Sequence[Value], index: Value, term: Value, shape: Shape) -> Value:
        """The sum of a term over an index: what changes with the index is done again, the rest is an operand."""
        changing: dict[Value, None] = {}
        free: dict[Value, None] = {}
        depends = {index: True}
        stack = [(term, False)]
        while stack:
            v, is_ready = stack.pop()
            if is_ready:
                depends[v] = any(depends[a] for a in v.args)
                if depends[v]:
                    changing[v] = None
            elif v not in depends:
                depends[v] = False
                stack.append((v, True))
                stack.extend((a, False) for a in reversed(v.args))
        for v in (*changing, term):
            free.update(dict.fromkeys(a for a in (*v.args, term) if not depends[a]))
        steps = tuple(changing)
        return self.emit(INDEXED_SUM, *bounds, *free, shape=shape, data=(index, term, steps))

    # ---- entrywise ----

    def negated(self, a: Value) -> Value:
        """-a."""
        if a.op == "number":
            return self.number(-a.data[0])
        if a.op == "neg":
            return a.args[0]
        if a.op == "sub":
            return self.emit("sub", a.args[1], a.args[0], shape=a.shape, rank=a.rank)
        if a.op in ("mul", "div") and a.rank:  # a difference is turned at no cost
            number, value = a.args if a.op == "mul" else a.args[::-1]
            if number.rank == 0 and value.op == "sub":
                turned = self.negated(value)
                operands = (number, turned) if a.op == "mul" else (turned, number)
                return self.emit(a.op, *operands, shape=a.shape, rank=a.rank)
        return self.emit("neg", a, shape=a.shape, rank=a.rank)

    def added(self, a: Value, b: Value, shape: Shape) -> Value:
        """a + b."""
        for one, other in ((a, b), (b, a)):
            if other.op == "neg":
                return self._difference(one, other.args[0], shape)
            if other.op in _SPREAD.values() and other.args[0].op == "neg":
                spread = self.emit(other.op, other.args[0].args[0], shape=other.shape, rank=2)
                return self._difference(one, spread, shape)
        for one, other in ((a, b), (b, a)):
            if other.op == "number" and other.data[0].is_negative and one.op != "number":
                return self.emit("sub", one, self.number(-other.data[0]), shape=shape)
        return self.emit("add", a, b, shape=shape)

    def _difference(self, a: Value, b: Value, shape: Shape) -> Value:
        """a − b; from the transpose or the negative where that has been computed."""
        if a.rank == b.rank == 2 and ("sub", a, b, ()) not in self.made:
            turned = [self._known_transpose(v) for v in (a, b)]
            for is_turned, first, second in ((False, b, a), (True, *turned), (True, *reversed(turned))):
                known = self.made.get(("sub", first, second, ()))
                if known is not None:
                    found = self.transposed(known) if is_turned else known
                    is_negative = first is not (turned[0] if is_turned else a)
                    return self.emit("neg", found, shape=shape) if is_negative else found
        return self.emit("sub", a, b, shape=shape)

    def _known_transpose(self, a: Value) -> Value | None:
        if a.is_symmetric:
            return a
        return a.args[0] if a.op == "transpose" else self.made.get(("transpose", a, ()))

    def scaled(self, coefficient: Value, a: Value) -> Value:
        """A scalar times a value."""
        if coefficient.op == "number":
            c = coefficient.data[0]
            if c == 1:
                return a
            if c == -1:
                return self.negated(a)
            if a.op == "number":
                return self.number(c * a.data[0])
            if c.is_Rational and c.p in (1, -1) and c.q != 1:
                quotient = self.emit("div", a, self.number(Integer(c.q)), shape=a.shape, rank=a.rank)
                return quotient if c.p == 1 else self.negated(quotient)
            if c.is_Rational and c < 0:
                return self.negated(self.scaled(self.number(-c), a))
        if coefficient.op == "neg":
            return self.negated(self.scaled(coefficient.args[0], a))
        if a.op == "neg":
            return self.negated(self.scaled(coefficient, a.args[0]))
        return self.emit("mul", coefficient, a, shape=a.shape, rank=a.rank)

    # ---- matrices ----

    def transposed(self, a: Value) -> Value:
        """The transpose of a matrix; a column and a row are one thing."""
        if a.rank < 2:
            return a
        if a.op == "transpose":
            return a.args[0]
        if a.is_symmetric:
            return a
        if a.op == "neg":
            return self.negated(self.transposed(a.args[0]))
        if a.op in ("add", "mul") and a.args[1] is self.made.get(("transpose", a.args[0], ())):
            return a
        if a.op in ("inverse", "cholesky") and a.args[0].op == "cholesky":
            return a
        return self.emit("transpose", a, shape=(a.shape[1], a.shape[0]))

    def multiplied(self, a: Value, b: Value, shape: Shape, inner: Expr, is_symmetric: bool = False) -> Value:
        """The product of values whose common size is `inner`, of this shape; it may be known to be symmetric."""
        rows, columns = shape
        if inner is ONE:
            if a.rank == 0 or b.rank == 0:
                return self.scaled(a, b) if a.rank == 0 else self.scaled(b, a)
            return self.emit("outer", a, b, shape=shape)
        if rows is ONE and columns is ONE:
            return self.emit("square", a, shape=SCALAR) if a is b else self.emit("dot", a, b, shape=SCALAR)
        if a.op == "neg":
            return self.negated(self.multiplied(a.args[0], b, shape, inner, is_symmetric))
        if b.op == "neg":
            return self.negated(self.multiplied(a, b.args[0], shape, inner, is_symmetric))
        if rows is ONE:
            return self.emit("matvec", self.transposed(b), a, shape=(columns, ONE))
        if columns is ONE:
            return self.emit("matvec", a, b, shape=(rows, ONE))
        for one, other in ((a, b), (b, a)):
            if one.op == "inverse" and (part := self.inverse_times_part(one.args[0], other)) is not None:
                return part
        is_gram = (a.op == "transpose" and a.args[0] is b) or (b.op == "transpose" and b.args[0] is a)
        if is_symmetric and not is_gram and "symmetric_product" in self.known:
            found = self.emit("symmetric_product", a, b, shape=shape)
            found.is_symmetric = True
            return found
        turned = self.made.get(("matmul", self.transposed(b), self.transposed(a), ()))
        return self.emit("matmul", a, b, shape=shape) if turned is None else self.transposed(turned)

    def inverse_times_part(self, factor: Value, part: Value) -> Value | None:
        """S⁻¹·A from a factorization of S = c·A + t·I: (I − t·S⁻¹)/c, which commutes, needs no product."""
        if "inverse_times_part" not in self.known or factor.rank != FACTOR:
            return None
        S = factor.args[0]
        if S.op != "add_diagonal" or S.args[1].rank:
            return None
        c, A = S.args[0].args if S.args[0].op == "mul" else (self.number(ONE), S.args[0])
        if A is not part or c.rank:
            return None
        inverse = self.emit("inverse", factor, shape=S.shape)
        found = self.emit("inverse_times_part", inverse, A, c, S.args[1], shape=S.shape)
        found.is_symmetric = inverse.is_symmetric
        return found

    def raised(self, a: Value, exponent: int) -> Value:
        """A square matrix to the power of a positive integer, by squaring."""
        if exponent == 1:
            return a
        half = self.raised(a, exponent // 2)
        square = self.multiplied(half, half, a.shape, a.shape[0])
        return square if exponent % 2 == 0 else self.multiplied(square, a, a.shape, a.shape[0])

    def shifted(self, X: Value, axis: int) -> tuple[Value, Value]:
        """exp(X − the largest entries of the columns, or for axis 2 of the rows), and these entries."""
        top = self.emit(_LARGEST[axis], X, shape=(X.shape[2 - axis], ONE))
        shifted = self.emit("sub", X, self.spread(top, X.shape, axis), shape=X.shape)
        return self.emit("apply", shifted, shape=X.shape, data=("exp",)), top

    def softmax(self, X: Value, axis: int) -> Value:
        """exp(X) with every column, or for axis 2 every row, divided by its sum."""
        return self._divided_by_sums(self.shifted(X, axis)[0], axis)

    def softmax_of_rows(self, exponentials: Value) -> Value:
        """exp(X) with every row divided by its sum."""
        X = exponentials.args[0]
        is_shifted = X.op == "sub" and X.args[1].op == "as_column" and X.args[1].args[0].op == "row_max"
        return self._divided_by_sums(exponentials, 2) if is_shifted else self.softmax(X, 2)

    def _divided_by_sums(self, E: Value, axis: int) -> Value:
        sums = self.emit(SUMS[axis], E, shape=(E.shape[2 - axis], ONE))
        return self.emit("div", E, self.spread(sums, E.shape, axis), shape=E.shape)

    def spread(self, values: Value, shape: Shape, axis: int) -> Value:
        """One value for every column, or for axis 2 for every row, at each of its entries."""
        return self.emit(_SPREAD[axis], values, shape=shape, rank=2)

    def inner(self, a: Value, b: Value) -> Value:
        """The sum of the entries of a ⊙ b."""
        if a.rank == b.rank == 0:
            return self.emit("mul", a, b, shape=SCALAR)
        if a is b:
            return self.emit("square", a, shape=SCALAR)
        if a.op == "transpose" and (b.op == "transpose" or b.is_symmetric):
            a, b = a.args[0], b.args[0] if b.op == "transpose" else b
        elif b.op == "transpose" and a.is_symmetric:
            b = b.args[0]
        return self.emit("dot", a, b, shape=SCALAR)

    def vec(self, value: Value) -> Value:
        """The columns of an array below each other."""
        if value.rank < 2:
            return value
        if value.op == "unvec":
            return value.args[0]
        return self.emit("vec", value, shape=(value.shape[0] * value.shape[1], ONE))

    def unvec(self, value: Value, rows: Expr, columns: Expr) -> Value:
        """The matrix whose columns below each other are a vector."""
        if rows is ONE or columns is ONE:
            return value
        if value.op == "vec" and value.args[0].shape == (rows, columns):
            return value.args[0]
        return self.emit("unvec", value, shape=(rows, columns))

    def program(
        self, outputs: Sequence[Value], expressions: Sequence[Expression], inputs: Iterable[Variable]
    ) -> Program:
        """The program of the values that the outputs need, each computed where it is first needed."""
        values: list[Value] = []
        seen: set[Value] = set()
        stack = [(v, False) for v in reversed(outputs)]
        while stack:
            v, is_ready = stack.pop()
            if is_ready:
                values.append(v)
            elif v not in seen:
                seen.add(v)
                stack.append((v, True))
                stack.extend((a, False) for a in reversed(v.args))
        return Program(values, outputs, expressions, list(inputs))
