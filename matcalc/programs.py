"""Straight-line programs: each step computes one value from earlier ones, and no value is computed twice.

A scalar has rank 0, a column or a row rank 1, a matrix rank 2; a factorization is a value of rank -1 that only
solves use. Shapes are those of the language, with sizes as SymPy expressions. A sum over an index is one step,
which has the steps that its terms take among its data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, Integer, Symbol

from matcalc.errors import MatcalcError
from matcalc.expressions import ONE, Expression, Shape, Variable
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
        return self._total(lambda v: v.flops)

    @property
    def effort(self) -> Expr:
        """What the time is in proportion to: as `flops`, with triangular solves for matrices at half the speed."""
        return self._total(lambda v: 2 * v.flops if v.op == "solve" and v.rank == 2 else v.flops)

    def _total(self, count: Callable[[Value], Expr]) -> Expr:
        total = Integer(0)
        stack = [(v, ONE) for v in self.values]
        while stack:
            v, times = stack.pop()
            if v.op == INDEXED_SUM:
                times = times * v.repetitions
                stack += [(step, times) for step in v.terms]
            total += times * count(v)
        return simplified_count(total)

    def uses(self) -> dict[Value, int]:
        """How often each value is used, as an operand or as an output."""
        steps = list(every_value(self.values))
        used = [a for v in steps for a in v.args] + [v.data[1] for v in steps if v.op == INDEXED_SUM]
        return {**dict.fromkeys(steps, 0), **Counter([*used, *self.outputs])}

    def split(self, *late: Variable) -> tuple[Program, Program]:
        """What needs none of these inputs, and the rest: the outputs of the first are what the second uses of it.

        >>> from matcalc.lowering import lower
        >>> from matcalc.reading import parse
        >>> Hv = parse("2*kron(V'*V, eye(m))*vec(Z)", where="V: matrix(n,k), Z: matrix(m,k)")
        >>> before, after = lower([Hv]).split(Hv.variables["Z"])
        >>> before.flops, after.flops
        (2*k**2*n, 2*k**2*m + k*m)
        """
        needs: set[Value] = set()
        for v in self.values:
            if (v.op == "input" and v.data[0] in late) or any(a in needs for a in v.args):
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


def refuse(what: str, hint: str = "") -> MatcalcError:
    """The error for an operation that no code is written for."""
    return MatcalcError(f"no code is written for {what}", hint=hint)
