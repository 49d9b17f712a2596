"""Straight-line programs: each step computes one value from earlier ones, and no value is computed twice.

A scalar has rank 0, a column or a row rank 1, a matrix rank 2; a factorization is a value of rank -1 that only
solves use. Shapes are those of the language, with sizes as SymPy expressions. A sum over an index is one step,
which has the steps that its terms take among its data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Integer, Symbol

from matcalc.errors import MatcalcError
from matcalc.expressions import ONE, SCALAR, Expression, Shape, Variable
from matcalc.flop_counts import FLOPS, simplified_count

FACTOR = -1
FEW_TERMS = 6  # a longer sum is added up in one place, each term as soon as it is known
INDEXED_SUM = "indexed_sum"
SPREAD = frozenset({"as_column", "as_row"})
WITHOUT_WORK = SPREAD | {"input", "number", "constant", "transpose"}
ENTRYWISE = frozenset({"add", "sub", "mul", "div", "neg", "pow", "reciprocal", "apply", "sqrt", "sigmoid", "softplus"})


class Value:
    """One step of a program: an operation on earlier values."""

    __slots__ = ("args", "data", "index", "is_full", "is_symmetric", "op", "origin", "rank", "shape")

    def __init__(
        self, op: str, args: tuple[Value, ...], data: tuple[Any, ...], shape: Shape, rank: int, index: int
    ) -> None:
        self.op = op
        self.args = args
        self.data = data
        self.shape = shape
        self.rank = rank
        self.index = index
        self.origin: Expression | None = None
        # whether it is a matrix that is known to equal its transpose
        self.is_symmetric: bool = op == "inverse" and args[0].args[0].is_symmetric
        # whether the array has its shape, and is not one column or row that is spread out when it meets a matrix
        self.is_full = op not in SPREAD
        if rank == 2 and op in ENTRYWISE:
            matrices = [a for a in args if a.rank == 2]
            self.is_full = any(a.is_full for a in matrices) or {a.op for a in matrices} >= SPREAD

    def __repr__(self) -> str:
        words = [*(f"v{a.index}" for a in self.args), *map(str, self.data)]
        return f"v{self.index} = {self.op}({', '.join(words)})"

    @property
    def flops(self) -> Expr:
        """The number of arithmetic operations, as a formula in the sizes."""
        count = FLOPS.get(self.op)
        return Integer(0) if count is None else count(self)

    @property
    def terms(self) -> Sequence[Value]:
        """The steps that are done again for each index of a sum; none for other operations."""
        steps: Sequence[Value] = self.data[-1] if self.op == INDEXED_SUM else ()
        return steps

    @property
    def repetitions(self) -> Expr:
        """How often the steps of a sum are done, as a formula in the sizes and the names of numbers."""
        lower, upper = self.args[:2]
        if not all(a.op in ("number", "input") for a in (lower, upper)):
            return Symbol("terms")
        first, last = (a.data[0] if a.op == "number" else Symbol(a.data[0].name) for a in (lower, upper))
        return last - first + 1


def every_value(values: Iterable[Value]) -> Iterator[Value]:
    """The values and those of which the terms of their sums are made, each once."""
    seen: set[Value] = set()
    stack = [iter(values)]
    while stack:
        v = next(stack[-1], None)
        if v is None:
            stack.pop()
        elif v not in seen:
            seen.add(v)
            yield v
            stack.append(iter(v.terms))


def rank_of(shape: Shape) -> int:
    """0 for a scalar, 1 for a column or a row, 2 for a matrix."""
    return (shape[0] is not ONE) + (shape[1] is not ONE)


@dataclass
class Program:
    """The steps that compute some expressions, the values of the outputs among them.

    >>> from matcalc.lowering import lower
    >>> from matcalc.reading import parse
    >>> program = lower([parse("x'*A*x", where="A: matrix(n,n), x: vector(n)")])
    >>> program.flops
    2*n**2 + 2*n
    """

    values: Sequence[Value]
    outputs: Sequence[Value]
    expressions: Sequence[Expression]
    inputs: Sequence[Variable]
    names: Mapping[Value, str] = field(default_factory=dict)
    """What parts of the question are called."""

    @property
    def flops(self) -> Expr:
        """The number of arithmetic operations of the whole, as a formula in the sizes."""
        total = Integer(0)
        stack = [(v, ONE) for v in self.values]
        while stack:
            v, times = stack.pop()
            if v.op == INDEXED_SUM:
                times = times * v.repetitions
                stack += [(step, times) for step in v.terms]
            total += times * v.flops
        return simplified_count(total)

    def uses(self) -> dict[Value, int]:
        """How often each value is used, as an operand or as an output."""
        steps = list(every_value(self.values))
        used = [a for v in steps for a in v.args] + [v.data[1] for v in steps if v.op == INDEXED_SUM]
        return {**dict.fromkeys(steps, 0), **Counter([*used, *self.outputs])}

    def split(self, late: Variable) -> tuple[Program, Program]:
        """What does not need an input, and the rest: the outputs of the first are what the second uses of it.

        >>> from matcalc.lowering import lower
        >>> from matcalc.reading import parse
        >>> Hv = parse("2*kron(V'*V, eye(m))*vec(Z)", where="V: matrix(n,k), Z: matrix(m,k)")
        >>> before, after = lower([Hv]).split(Hv.variables["Z"])
        >>> before.flops, after.flops
        (2*k**2*n, 2*k**2*m + k*m)
        """
        needs: set[Value] = set()
        for v in self.values:
            if (v.op == "input" and v.data[0] is late) or any(a in needs for a in v.args):
                needs.add(v)
        wanted = {*self.outputs, *(a for v in needs for a in v.args)}
        again: set[Value] = set()  # what is only another view is written where it is used
        for v in reversed(self.values):
            if v in wanted and v not in needs and v.op in WITHOUT_WORK:
                again.add(v)
                wanted.update(v.args)
        handed = [v for v in self.values if v in wanted and v not in needs and v not in again]
        made = set(handed)
        for v in reversed(self.values):
            if v in made:
                made.update(v.args)
        before = Program([v for v in self.values if v in made], handed, (), self.inputs)
        rest = [v for v in self.values if v in needs or v in again]
        after = Program(rest, self.outputs, self.expressions, self.inputs)
        return before, after


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
        return self.emit("neg", a, shape=a.shape, rank=a.rank)

    def added(self, a: Value, b: Value, shape: Shape) -> Value:
        """a + b."""
        if b.op == "neg":
            return self.emit("sub", a, b.args[0], shape=shape)
        if a.op == "neg":
            return self.emit("sub", b, a.args[0], shape=shape)
        for one, other in ((a, b), (b, a)):
            if other.op == "number" and other.data[0].is_negative and one.op != "number":
                return self.emit("sub", one, self.number(-other.data[0]), shape=shape)
        return self.emit("add", a, b, shape=shape)

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

    def multiplied(self, a: Value, b: Value, shape: Shape, inner: Expr) -> Value:
        """The product of values whose common size is `inner`, of this shape."""
        rows, columns = shape
        if inner is ONE:
            if a.rank == 0 or b.rank == 0:
                return self.scaled(a, b) if a.rank == 0 else self.scaled(b, a)
            return self.emit("outer", a, b, shape=shape)
        if rows is ONE and columns is ONE:
            return self.emit("square", a, shape=SCALAR) if a is b else self.emit("dot", a, b, shape=SCALAR)
        if a.op == "neg":
            return self.negated(self.multiplied(a.args[0], b, shape, inner))
        if b.op == "neg":
            return self.negated(self.multiplied(a, b.args[0], shape, inner))
        if rows is ONE:
            return self.emit("matvec", self.transposed(b), a, shape=(columns, ONE))
        if columns is ONE:
            return self.emit("matvec", a, b, shape=(rows, ONE))
        for one, other in ((a, b), (b, a)):
            if (part := self._inverse_times_part(one, other)) is not None:
                return part
        turned = self.made.get(("matmul", self.transposed(b), self.transposed(a), ()))
        return self.emit("matmul", a, b, shape=shape) if turned is None else self.transposed(turned)

    def _inverse_times_part(self, inverse: Value, part: Value) -> Value | None:
        """S⁻¹·A for S = c·A + t·I, where no product is needed: (I − t·S⁻¹)/c, which commutes."""
        if inverse.op != "inverse" or "inverse_times_part" not in self.known:
            return None
        S = inverse.args[0].args[0]
        if S.op != "add_diagonal" or S.args[1].rank:
            return None
        c, A = S.args[0].args if S.args[0].op == "mul" else (self.number(ONE), S.args[0])
        if A is not part or c.rank:
            return None
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

    def shifted_rows(self, X: Value) -> tuple[Value, Value]:
        """exp(X − the largest entries of the rows), and these entries."""
        top = self.emit("row_max", X, shape=(X.shape[0], ONE))
        shifted = self.emit("sub", X, self.emit("as_column", top, shape=X.shape, rank=2), shape=X.shape)
        return self.emit("apply", shifted, shape=X.shape, data=("exp",)), top

    def softmax_of_rows(self, exponentials: Value) -> Value:
        """exp(X) with every row divided by its sum."""
        shape = exponentials.shape
        X = exponentials.args[0]
        is_shifted = X.op == "sub" and X.args[1].op == "as_column" and X.args[1].args[0].op == "row_max"
        E = exponentials if is_shifted else self.shifted_rows(X)[0]
        sums = self.emit("row_sums", E, shape=(shape[0], ONE))
        return self.emit("div", E, self.emit("as_column", sums, shape=shape, rank=2), shape=shape)

    def inner(self, a: Value, b: Value) -> Value:
        """The sum of the entries of a ⊙ b."""
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


SHAPED = frozenset({"eye", "ones", "zeros", "unit", "scaled_eye", "commutation", "as_column", "as_row", "unvec"})
"""Operations whose shape does not follow from their operands."""
COMMUTATIVE = frozenset({"add", "mul", "dot"})


def refuse(what: str, hint: str = "") -> MatcalcError:
    """The error for an operation that no code is written for."""
    return MatcalcError(f"no code is written for {what}", hint=hint)
