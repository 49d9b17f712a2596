"""What each node computes: its operands, and the operation on their values, in any arithmetic.

A scalar's value is a number, any other value a 2-D array. The one table of operations serves double precision
and `high_precision`; what NumPy cannot do for an array of other numbers is in the `Arithmetic`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add, mul
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr, Integer

from matcalc.equations import Implicit
from matcalc.errors import EvaluationError
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Commutation,
    Constant,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    IndexedSum,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
    Zero,
)
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import Duplication, Elimination, ones, zero
from matcalc.registries import method

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Operation: TypeAlias = Callable[..., Any]
Sizes: TypeAlias = Mapping[str, int]

MOST_TERMS = 100_000


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """The numbers that an evaluator computes with, and what an array of them needs other means for."""

    number: Callable[[Expr], Any]
    array: Callable[[Array], Any]
    pi: Any
    kernel: Callable[[str], Operation]
    inverse: Callable[[Any], Any]
    solve: Callable[[Any, Any], Any]
    power: Operation


FLOAT = Arithmetic(
    number=lambda value: np.float64(value),
    array=lambda array: array,
    pi=np.float64(np.pi),
    kernel=lambda name: FUNCTIONS[name].kernel,  # type: ignore[arg-type, return-value]
    inverse=np.linalg.inv,
    solve=np.linalg.solve,
    power=np.power,
)


def dimension_value(dimension: Expr, sizes: Sizes) -> Expr:
    """The number that a dimension, or a formula in dimensions, stands for.

    Raises EvaluationError where the size of a symbol is not known.

    >>> from sympy import Symbol
    >>> dimension_value(Symbol("n") + 1, {"n": 4})
    5
    """
    if dimension.is_Number:
        return dimension
    symbols = dimension.free_symbols
    for s in symbols:
        if s.name not in sizes:
            hint = f"give it as sizes={{'{s.name}': 4}}"
            raise EvaluationError(f"no value shows the size {s.name}", hint=hint)
    return dimension.xreplace({s: Integer(sizes[s.name]) for s in symbols})


def shape_value(node: Expression, sizes: Sizes) -> tuple[int, int]:
    """The shape of a node in numbers."""
    return int(dimension_value(node.rows, sizes)), int(dimension_value(node.columns, sizes))


# ---- order -------------------------------------------------------------------------------------------------


def operands_of(node: Expression) -> Sequence[Expression]:
    """What must be known before a node, its bound parts left out; iterated by `evaluation_order`."""
    if isinstance(node, IndexedSum):
        return _free_operands(node)
    if isinstance(node, Implicit):
        return (*node.operands, *(ones(size, ONE) for size in node.equation.sizes))
    return (node.args[0], ones(node.rows, ONE)) if isinstance(node, Unit) else node.operands


def evaluation_order(roots: Iterable[Expression]) -> list[Expression]:
    """Every node that is computed once, operands first: all but the changing parts of indexed sums."""
    order: list[Expression] = []
    seen: set[Expression] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((o, False) for o in reversed(operands_of(node)) if o not in seen)
    return order


def indexed_parts(node: IndexedSum) -> list[Expression]:
    """The nodes of the body that change with the index, operands first."""
    changing = {node.args[0]}
    parts = []
    for part in evaluation_order([node.args[-1]]):
        if part not in changing and any(o in changing for o in operands_of(part)):
            changing.add(part)
            parts.append(part)
    return parts


@lru_cache(maxsize=256)
def _free_operands(node: IndexedSum) -> tuple[Expression, ...]:
    """The bounds, a zero of the sum's shape, and the parts of the body that the index leaves alone."""
    index, lower, upper, body = node.args
    parts = indexed_parts(node)
    inner = {index, *parts}
    outer = [o for part in parts for o in operands_of(part)] + [body]
    return (lower, upper, zero(*node.shape), *dict.fromkeys(o for o in outer if o not in inner))


def solved_inverses(nodes: Sequence[Expression], roots: Collection[Expression]) -> set[Expression]:
    """The inverses that occur once, as a factor of a product: systems are solved in their place."""
    uses: dict[Expression, int] = {}
    for node in nodes:
        weight = 1 if isinstance(node, Product) else 2
        for o in operands_of(node):
            if isinstance(o, Power) and not o.is_scalar and is_minus_one(o.args[1]):
                uses[o] = uses.get(o, 0) + weight
    present = set(nodes)
    return {o for o, count in uses.items() if count == 1 and o in present and o not in roots}


def is_minus_one(node: Expression) -> bool:
    """Whether the node is the number -1."""
    return isinstance(node, Number) and bool(node.value == -1)


# ---- constants ---------------------------------------------------------------------------------------------

Leaf: TypeAlias = Callable[[Any, Arithmetic, Sizes], Any]


def _constant_matrix(make: Callable[[int, int], Array]) -> Leaf:
    return lambda node, arithmetic, sizes: arithmetic.array(make(*shape_value(node, sizes)))


def _commutation(node: Commutation, arithmetic: Arithmetic, sizes: Sizes) -> Array:
    m, n = (int(dimension_value(d, sizes)) for d in node.args)
    order = np.arange(m * n).reshape(m, n, order="F").reshape(-1)
    return arithmetic.array(np.eye(m * n)[order])


def _duplication(node: Duplication, arithmetic: Arithmetic, sizes: Sizes) -> Array:
    n = int(dimension_value(node.args[0], sizes))
    place = np.zeros((n, n), dtype=int)
    columns, rows = np.triu_indices(n)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    return arithmetic.array(np.eye(len(rows))[place.reshape(-1)])


def _elimination(node: Elimination, arithmetic: Arithmetic, sizes: Sizes) -> Array:
    n = int(dimension_value(node.args[0], sizes))
    columns, rows = np.triu_indices(n)
    return arithmetic.array(np.eye(n * n)[columns * n + rows])


CONSTANTS: dict[type[Expression], Leaf] = {
    Number: lambda node, arithmetic, sizes: arithmetic.number(dimension_value(node.value, sizes)),
    Constant: lambda node, arithmetic, sizes: arithmetic.pi,
    Identity: _constant_matrix(np.eye),
    Ones: _constant_matrix(lambda m, n: np.ones((m, n))),
    Zero: _constant_matrix(lambda m, n: np.zeros((m, n))),
    Commutation: _commutation,
    Duplication: _duplication,
    Elimination: _elimination,
}


# ---- operations --------------------------------------------------------------------------------------------

Compiled: TypeAlias = tuple[Operation, Sequence[Expression]]


def compiled(node: Expression, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    """The operation of a node and the operands it takes, in order."""
    return OPERATIONS[type(node)](node, arithmetic, solved)


def _product(node: Product, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    coefficient = [] if node.coefficient is ONE else [node.operands[0]]
    scalars = [*coefficient, *node.scalars]
    inverted = [f in solved for f in node.chain]
    chain = [f.args[0] if f in solved else f for f in node.chain]
    count = len(scalars)
    if not chain:
        return lambda *factors: reduce(mul, factors), scalars

    def product(*factors: Any) -> Any:
        matrix = _chain(arithmetic, factors[count:], inverted)
        result = matrix[0, 0] if node.is_scalar else matrix
        return reduce(mul, factors[:count]) * result if count else result

    return product, [*scalars, *chain]


def _chain(arithmetic: Arithmetic, factors: Sequence[Array], inverted: Sequence[bool]) -> Array:
    """The product of matrices, begun at the end that has the shorter side."""
    pairs = list(zip(factors, inverted, strict=True))
    if factors[-1].shape[1] <= factors[0].shape[0]:
        A, inverse = pairs.pop()
        result = arithmetic.inverse(A) if inverse else A
        for A, inverse in reversed(pairs):
            result = arithmetic.solve(A, result) if inverse else A @ result
        return result
    A, inverse = pairs[0]
    result = arithmetic.inverse(A) if inverse else A
    for A, inverse in pairs[1:]:
        result = arithmetic.solve(A.T, result.T).T if inverse else result @ A
    return result


def _power(node: Power, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    base, exponent = node.args
    if is_minus_one(exponent):
        return (lambda s: 1 / s) if node.is_scalar else arithmetic.inverse, [base]
    if node.is_scalar:
        return arithmetic.power, node.args

    def matrix_power(A: Array, k: Any) -> Array:
        whole = int(k)
        if whole != k:
            raise ValueError
        B = arithmetic.inverse(A) if whole < 0 else A
        return np.linalg.matrix_power(B, abs(whole)) if whole else arithmetic.array(np.eye(len(A)))

    return matrix_power, node.args


def _unit(node: Unit, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    def unit(index: Any, column: Array) -> Array:
        i = int(index)
        if i != index or not 1 <= i <= len(column):
            raise ValueError
        return arithmetic.array(np.eye(len(column))[:, i - 1 : i])

    return unit, operands_of(node)


def _apply(node: Apply, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    """The kernel; a scalar where the signature has a matrix is a 1×1 matrix to it."""
    kernel = arithmetic.kernel(node.function)
    row = FUNCTIONS[node.function]
    if not node.is_scalar and row.is_entrywise:
        return kernel, node.operands
    words = row.signature.split("->")[0].split()
    widened = [o.is_scalar and word not in ("(1,1)", "size") for o, word in zip(node.operands, words, strict=True)]

    def apply(*operands: Any) -> Any:
        value = kernel(*(np.atleast_2d(o) if w else o for o, w in zip(operands, widened, strict=True)))
        return value.reshape(-1)[0] if node.is_scalar and getattr(value, "ndim", None) else value

    return apply, node.operands


def _block(node: Block, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    width = len(node.operands) // int(node.args[0])

    def block(*parts: Any) -> Array:
        matrices = [np.atleast_2d(p) for p in parts]
        return np.block([matrices[i : i + width] for i in range(0, len(parts), width)])

    return block, node.operands


def _indexed_sum(node: IndexedSum, arithmetic: Arithmetic, solved: Collection[Expression]) -> Compiled:
    """The free parts are operands; what changes with the index is computed again for each of its values."""
    index, body = node.args[0], node.args[-1]
    free = _free_operands(node)
    parts = indexed_parts(node)
    inner = solved_inverses(parts, {body})
    slots = {o: i for i, o in enumerate([index, *free, *parts])}
    steps = []
    for part in parts:
        if part not in inner:
            operation, operands = compiled(part, arithmetic, inner)
            steps.append((slots[part], operation, [slots[o] for o in operands]))

    def indexed_sum(*values: Any) -> Any:
        lower, upper, total = int(values[0]), int(values[1]), values[2]
        if upper - lower > MOST_TERMS:
            raise EvaluationError(f"a sum has more than {MOST_TERMS:,} terms")
        memory = [None, *values, *[None] * len(parts)]
        for i in range(lower, upper + 1):
            memory[0] = arithmetic.number(Integer(i))
            for slot, operation, operands in steps:
                memory[slot] = operation(*[memory[o] for o in operands])
            total = total + memory[slots[body]]
        return total

    return indexed_sum, free


OPERATIONS: dict[type[Expression], Callable[[Any, Arithmetic, Collection[Expression]], Compiled]] = {
    Sum: lambda node, arithmetic, solved: (lambda *terms: reduce(add, terms), node.operands),
    Hadamard: lambda node, arithmetic, solved: (lambda *factors: reduce(mul, factors), node.operands),
    Transpose: lambda node, arithmetic, solved: (lambda A: A.T, node.operands),
    EntrywisePower: lambda node, arithmetic, solved: (arithmetic.power, node.operands),
    Product: _product,
    Power: _power,
    Unit: _unit,
    Apply: _apply,
    Block: _block,
    IndexedSum: _indexed_sum,
    Implicit: lambda node, arithmetic, solved: (method("solving")(node, arithmetic), operands_of(node)),
}
