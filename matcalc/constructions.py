"""Expressions of syntax trees whose shapes are known: each kind of tree has its constructor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from matcalc.applications import apply
from matcalc.errors import MatcalcError, ShapeError
from matcalc.expressions import (
    ONE,
    SCALAR,
    Expression,
    Hadamard,
    Number,
    Product,
    Shape,
    Sum,
    Variable,
    variables_of,
)
from matcalc.inferences import Inference
from matcalc.leaves import CONSTANTS, MINUS_ONE, identity, number, ones, unit, variable, zero
from matcalc.names import BARE_NAMES
from matcalc.powers import block, entrywise_power, hadamard, is_integer_valued, power
from matcalc.products import multiply
from matcalc.sizes import exact, size_value
from matcalc.sums import add, negate
from matcalc.syntax_trees import Tree
from matcalc.transposes import transpose
from matcalc.walks import INDEX, RELEASE, VISIT, Step

MOST_OPERANDS = 1_000


@dataclass
class Construction:
    """The expressions made so far, of the parts of a text and of the names that it defines."""

    inference: Inference
    names: Mapping[str, Variable]
    values: dict[Tree, Expression] = field(default_factory=dict)
    bound: dict[str, list[Expression]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text that is read."""
        return self.inference.text

    def shape(self, tree: Tree) -> Shape:
        """The shape that was inferred for a tree."""
        return self.inference.shape(tree)

    def bind(self, tree: Tree) -> Expression:
        """What a name that is defined by a tree stands for from there on.

        Sums and products are flat, so that a chain of short definitions could grow one without end.
        """
        value = self.values[tree]
        many = len(value.operands) > max(MOST_OPERANDS, tree.end - tree.start)
        if many and isinstance(value, (Sum, Product, Hadamard)):
            what = "terms" if isinstance(value, Sum) else "factors"
            message = f"written out, this part has {len(value.operands):,} {what}; more than {MOST_OPERANDS:,} are not"
            raise self.inference.refusal(
                f"{message} accepted", tree, "write many of them as one sum or product of matrices"
            )
        return value

    def operands(self, tree: Tree) -> list[Expression]:
        """The expressions of a tree's children."""
        return [self.values[child] for child in tree.children]

    def filled(self, value: Expression, shape: Shape) -> Expression:
        """A scalar as a matrix with that entry everywhere, anything else as it is."""
        return multiply(value, ones(*shape)) if value.is_scalar and shape != SCALAR else value


Constructor = Callable[[Construction, Tree], Expression]


def construct(made: Construction, walk: list[Step], constructors: Mapping[str, Constructor]) -> Expression:
    """The expression of the last tree of a walk; an error gets the place of the part in which it was raised."""
    for action, tree, name in walk:
        if action == VISIT:
            try:
                made.values[tree] = constructors[tree.kind](made, tree)
            except MatcalcError as error:
                raise error.located(made.text, tree.start, tree.end) from None
        elif action == RELEASE:
            made.bound[name].pop()
        else:
            value = index_variable(name) if action == INDEX else made.bind(tree)
            made.bound.setdefault(name, []).append(value)
    return made.values[tree]


def index_variable(name: str) -> Variable:
    """The index of a sum."""
    return variable(name, 1, 1, "integer")


def _number(made: Construction, tree: Tree) -> Expression:
    return number(exact(tree.value))


def _name(made: Construction, tree: Tree) -> Expression:
    name = str(tree.value)
    bound = made.bound.get(name)
    if bound:
        return bound[-1]
    if name in made.names:
        return made.names[name]
    if name in made.inference.sizes:
        return number(size_value(tree, made.text))
    if name in CONSTANTS:
        return CONSTANTS[name][0]
    shape = made.shape(tree)
    bare = BARE_NAMES[name]
    return identity(shape[0]) if bare == "eye" else ones(*shape) if bare == "ones" else zero(*shape)


def _sum(made: Construction, tree: Tree) -> Expression:
    operators: tuple[str, ...] = tree.value  # type: ignore[assignment]
    terms = made.operands(tree)
    shape = next((t.shape for t in terms if not t.is_scalar), SCALAR)
    signed = [negate(t) if o[-1] == "-" else t for o, t in zip(("+", *operators), terms, strict=True)]
    return add(*(made.filled(t, shape) for t in signed))


def _product(made: Construction, tree: Tree) -> Expression:
    """From left to right; factors with one operator between them are multiplied at once."""
    operators: tuple[str, ...] = tree.value  # type: ignore[assignment]
    first, *factors = made.operands(tree)
    if operators.count("*") == len(operators):
        return multiply(first, *factors)
    pairs = zip(operators, factors, tree.children[1:], strict=True)
    for operator, run in groupby(pairs, key=lambda pair: pair[0]):
        group = [(factor, part) for _, factor, part in run]
        first = _BINARY[operator](made, first, group)
    return first


_Factors = list[tuple[Expression, Tree]]


def _times(made: Construction, left: Expression, factors: _Factors) -> Expression:
    return multiply(left, *(factor for factor, _ in factors))


def _divided(made: Construction, left: Expression, factors: _Factors) -> Expression:
    return multiply(left, *(_reciprocal(made, factor, part) for factor, part in factors))


def _entrywise(made: Construction, left: Expression, factors: _Factors) -> Expression:
    return hadamard(left, *(factor for factor, _ in factors))


def _entrywise_divided(made: Construction, left: Expression, factors: _Factors) -> Expression:
    return hadamard(left, *(_reciprocal(made, factor, part) for factor, part in factors))


def _reciprocal(made: Construction, value: Expression, part: Tree) -> Expression:
    try:
        return entrywise_power(value, MINUS_ONE)
    except MatcalcError as error:
        raise error.located(made.text, part.start, part.end) from None


def _solved(made: Construction, left: Expression, factors: _Factors) -> Expression:
    """A\\B\\C, where each \\ inverts all that stands at its left, (A\\B)\\C being inv(B)*A*C."""
    parts, sign = deque([(left, 1)]), 1
    for factor, _ in factors:
        sign = -sign
        if sign > 0:
            parts.append((factor, sign))
        else:
            parts.appendleft((factor, sign))
    ordered = parts if sign > 0 else reversed(parts)
    return multiply(*(part if own == sign else power(part, MINUS_ONE) for part, own in ordered))


def _kronecker(made: Construction, left: Expression, factors: _Factors) -> Expression:
    for factor, _ in factors:
        left = apply("kron", left, factor)
    return left


_BINARY: Mapping[str, Callable[[Construction, Expression, _Factors], Expression]] = {
    "*": _times,
    "/": _divided,
    ".*": _entrywise,
    "./": _entrywise_divided,
    "\\": _solved,
    "kron": _kronecker,
}


def _power(made: Construction, tree: Tree) -> Expression:
    base, exponent = made.operands(tree)
    if tree.value == ".^":
        return entrywise_power(base, exponent)
    if not base.is_scalar and not is_integer_valued(exponent):
        names = [v.name for v in variables_of(exponent) if "integer" not in v.properties]
        if names:
            power_text = made.inference.quote(tree)
            made.notes.append(
                f"{power_text} is the principal power; for whole numbers declare {names[0]}: scalar integer"
            )
    return power(base, exponent)


def _negate(made: Construction, tree: Tree) -> Expression:
    return negate(made.values[tree.children[0]])


def _transpose(made: Construction, tree: Tree) -> Expression:
    return transpose(made.values[tree.children[0]])


def _inverse(made: Construction, tree: Tree) -> Expression:
    return power(made.values[tree.children[0]], MINUS_ONE)


def _inverse_transpose(made: Construction, tree: Tree) -> Expression:
    return transpose(_inverse(made, tree))


def _last(made: Construction, tree: Tree) -> Expression:
    return made.values[tree.children[-1]]


def _block(made: Construction, tree: Tree) -> Expression:
    entries = [made.values[entry] for row in tree.children for entry in row.children]
    return block(len(tree.children), *entries)


def _none(made: Construction, tree: Tree) -> Expression:
    """A row, a colon or a range: the tree that it is a part of makes something of it."""
    return number(0)


def _index(made: Construction, tree: Tree) -> Expression:
    base, *items = tree.children
    value = made.values[base]
    selected = [value]
    row_item = items[0] if len(items) == 2 or value.columns is ONE else None
    column_item = items[-1] if row_item is not items[-1] else None
    if row_item is not None and row_item.kind != "all":
        selected.insert(0, transpose(_selection(made, row_item, value.rows)))
    if column_item is not None and column_item.kind != "all":
        selected.append(_selection(made, column_item, value.columns))
    return multiply(*selected)


def _selection(made: Construction, item: Tree, size: object) -> Expression:
    """The columns of the identity that pick out an item."""
    if item.kind == "range":
        low, high = (int(end.value) for end in item.children)  # type: ignore[arg-type]
        return block(1, *(unit(number(i), size) for i in range(low, high + 1)))
    value = made.values[item]
    try:
        if isinstance(value, Number) and not value.value.is_number:
            message = f"{made.inference.quote(item)} is a size, and an index is an integer or a variable"
            raise ShapeError(message, hint="write the integer, or declare k: scalar integer and write k")
        return unit(value, size)
    except MatcalcError as error:
        raise error.located(made.text, item.start, item.end) from None


CONSTRUCTIONS: dict[str, Constructor] = {
    "number": _number,
    "name": _name,
    "sum": _sum,
    "product": _product,
    "power": _power,
    "negate": _negate,
    "transpose": _transpose,
    "inverse": _inverse,
    "inverse_transpose": _inverse_transpose,
    "let": _last,
    "block": _block,
    "index": _index,
    **dict.fromkeys(("row", "all", "range", "equation"), _none),
}
