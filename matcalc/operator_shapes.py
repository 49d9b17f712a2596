"""The shapes of sums, products, powers and transposes."""

from __future__ import annotations

from sympy import Symbol

from matcalc import shape_mistakes as mistakes
from matcalc.dimensions import Clash
from matcalc.expressions import ONE, SCALAR, Shape
from matcalc.inferences import Inference
from matcalc.syntax_trees import Tree


def sum_shape(found: Inference, tree: Tree) -> Shape:
    """One shape for all terms; beside a dotted operator a scalar stands for a matrix of that entry."""
    unifier, shapes = found.unifier, found.shapes
    total = shapes[tree.children[0]]
    operators: tuple[str, ...] = tree.value  # type: ignore[assignment]
    for i, operator in enumerate(operators):
        shape = shapes[tree.children[i + 1]]
        if operator[0] == "." and (unifier.is_scalar(total) or unifier.is_scalar(shape)):
            total = shape if unifier.is_scalar(total) else total
            continue
        try:
            unifier.unify_shapes(total, shape)
        except Clash:
            raise mistakes.cannot_add(found, tree, i, total, operator) from None
    return total


def product_shape(found: Inference, tree: Tree) -> Shape:
    """From left to right; a scalar may stand anywhere."""
    total = found.shapes[tree.children[0]]
    operators: tuple[str, ...] = tree.value  # type: ignore[assignment]
    for i, operator in enumerate(operators):
        total = _binary(found, tree, i, operator, total)
    return total


def _binary(found: Inference, tree: Tree, i: int, operator: str, left: Shape) -> Shape:
    unifier, right = found.unifier, found.shapes[tree.children[i + 1]]
    if operator == "*" and left[1] is right[0] and type(left[1]) is Symbol:
        return left[0], right[1]
    if operator == "kron":
        return unifier.product(left[0], right[0]), unifier.product(left[1], right[1])
    one, other = unifier.is_scalar(left), unifier.is_scalar(right)
    if operator == "/" and not other:
        raise mistakes.cannot_divide(found, tree, i, left)
    if operator == "\\" and not one:
        return _solution(found, tree, i, left, right)
    if one or other:
        return right if one else left
    try:
        if operator != "*":
            unifier.unify_shapes(left, right)
            return left
        unifier.unify(left[1], right[0])
    except Clash:
        raise mistakes.cannot_multiply(found, tree, i, operator, left) from None
    return left[0], right[1]


def _solution(found: Inference, tree: Tree, i: int, left: Shape, right: Shape) -> Shape:
    try:
        found.unifier.unify(left[0], left[1])
        found.unifier.unify(left[1], right[0])
    except Clash:
        raise mistakes.cannot_solve(found, tree, i) from None
    return left[1], right[1]


def power_shape(found: Inference, tree: Tree) -> Shape:
    """A scalar or square matrix to a scalar power; with .^ any shape."""
    base, exponent = tree.children
    if tree.value == ".^":
        return _entrywise_power(found, tree)
    if not found.is_scalar(exponent):
        raise mistakes.not_an_exponent(found, tree)
    shape = found.shapes[base]
    try:
        found.unifier.unify(*shape)
    except Clash:
        raise mistakes.no_power(found, tree) from None
    return shape


def _entrywise_power(found: Inference, tree: Tree) -> Shape:
    base, exponent = tree.children
    left, right = found.shapes[base], found.shapes[exponent]
    if found.unifier.is_scalar(left) or found.unifier.is_scalar(right):
        return right if found.unifier.is_scalar(left) else left
    try:
        found.unifier.unify_shapes(left, right)
    except Clash:
        found.settle_letters()
        message = f"cannot raise {found.described(base)} entry by entry to {found.described(exponent)}"
        hint = "both have one shape, or one of them is a scalar"
        raise found.mistake(message + found.because(base, exponent), base, exponent, hint=hint) from None
    return left


def inverse_shape(found: Inference, tree: Tree) -> Shape:
    """A square matrix; a scalar is one too."""
    (operand,) = tree.children
    shape = found.shapes[operand]
    try:
        found.unifier.unify(*shape)
    except Clash:
        raise mistakes.no_inverse(found, tree, operand) from None
    return shape


def transpose_shape(found: Inference, tree: Tree) -> Shape:
    """Rows and columns exchanged."""
    rows, columns = found.shapes[tree.children[0]]
    return columns, rows


def same_shape(found: Inference, tree: Tree) -> Shape:
    """The shape of the last part: of the operand of a minus, of the expression after ``let``."""
    return found.shapes[tree.children[-1]]


def number_shape(found: Inference, tree: Tree) -> Shape:
    """1×1."""
    return SCALAR


def name_shape(found: Inference, tree: Tree) -> Shape:
    """What the name is defined, declared or taken to be; the sizes of eye, ones and zeros follow from their place."""
    name = str(tree.value)
    bound = found.bound.get(name)
    if bound:
        return bound[-1]
    if name in found.names:
        return found.names[name]
    if name in ("eye", "I") and name not in found.sizes:
        n = found.unifier.size()
        return n, n
    if name in ("ones", "zeros") and name not in found.sizes:
        return found.unifier.any(), found.unifier.any()
    return ONE, ONE  # π, or a size used as a number
