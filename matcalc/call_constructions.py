"""Expressions of function calls: a table of those that are not the application of a function of that name."""

from __future__ import annotations

from matcalc.applications import along, apply
from matcalc.comparisons import are_equal
from matcalc.constructions import Construction, Constructor, index_variable
from matcalc.errors import ShapeError
from matcalc.expressions import ONE, Expression, Number, variables_of
from matcalc.function_table import AXIS_CALLS
from matcalc.leaves import commutation, duplication, elimination, identity, number, ones, perturbation_of, zero
from matcalc.powers import indexed_sum, is_integer_valued
from matcalc.products import multiply
from matcalc.registries import method
from matcalc.sizes import size_value
from matcalc.sums import add, negate
from matcalc.syntax_trees import Tree
from matcalc.walks import EXTREMES, extreme

# Functions whose name a matrix function bears elsewhere.
_MATRIX_FUNCTIONS = {"exp": "expm", "log": "logm", "sqrt": "sqrtm", "sin": "sinm", "cos": "cosm"}

_BARS = {
    "norm2": ("2", "the Frobenius norm", "normspec({})"),
    "norm1": ("1", "the sum of the absolute values", "max(sum(abs({}), 1))"),
    "norminf": ("∞", "the largest absolute value", "max(sum(abs({}), 2))"),
}
"""The norms of a matrix below bars: ‖A‖_2 by its subscript, what it is, and what it may be elsewhere."""


def call(made: Construction, tree: Tree) -> Expression:
    """The value of a function at its arguments."""
    name = str(tree.value)
    special = _CALLS.get(name)
    if special is not None:
        return special(made, tree)
    arguments = made.operands(tree)
    if name in _MATRIX_FUNCTIONS and are_equal(*arguments[0].shape) and not arguments[0].is_scalar:
        other = _MATRIX_FUNCTIONS[name]
        made.notes.append(f"{name} of a matrix acts entry by entry; the matrix function is {other}")
    if (name in _BARS or name == "abs") and made.text[tree.start] in "|‖\\" and ONE not in arguments[0].shape:
        _note_bars(made, tree, arguments[0])
    return apply(name, *arguments)


def _note_bars(made: Construction, tree: Tree, matrix: Expression) -> None:
    """Say what |A| and ‖A‖_2 are, where A is a matrix and they are the determinant and the spectral norm elsewhere."""
    inner, name = made.inference.bare(tree.children[0]), str(tree.value)
    closing = made.text[tree.children[0].end : tree.end]
    if name == "abs" and are_equal(*matrix.shape):
        meant = f"the determinant is det({inner}), its logarithm logdet({inner})"
        made.notes.append(f"|{inner}| has the absolute values of the entries; {meant}")
    elif name in _BARS and any(mark in closing for mark in "_₁₂") and "F" not in closing and "fro" not in closing:
        kind, what, induced = _BARS[name]
        made.notes.append(f"‖{inner}‖_{kind} is {what}; the norm that vectors induce is {induced.format(inner)}")


def _eye(made: Construction, tree: Tree) -> Expression:
    return identity(made.shape(tree)[0])


def _ones(made: Construction, tree: Tree) -> Expression:
    return ones(*made.shape(tree))


def _zeros(made: Construction, tree: Tree) -> Expression:
    return zero(*made.shape(tree))


def _filled(made: Construction, tree: Tree) -> Expression:
    return made.filled(made.values[tree.children[0]], made.shape(tree))


def _commutation(made: Construction, tree: Tree) -> Expression:
    m, n = (size_value(child, made.text) for child in tree.children)
    return commutation(m, n)


def _duplication(made: Construction, tree: Tree) -> Expression:
    return duplication(size_value(tree.children[0], made.text))


def _elimination(made: Construction, tree: Tree) -> Expression:
    return elimination(size_value(tree.children[0], made.text))


def _perturbation(made: Construction, tree: Tree) -> Expression:
    return perturbation_of(made.values[tree.children[0]])


def _diag(made: Construction, tree: Tree) -> Expression:
    operand = made.values[tree.children[0]]
    return apply("diag" if operand.columns is ONE else "diagonal", operand)


def _sum(made: Construction, tree: Tree) -> Expression:
    if len(tree.children) == 4:
        return _indexed_sum(made, tree)
    operand = made.values[tree.children[0]]
    axis = tree.children[1].value if len(tree.children) == 2 else 0
    left = [ones(ONE, operand.rows)] if axis in (0, 1) else []
    right = [ones(operand.columns, ONE)] if axis in (0, 2) else []
    return multiply(*left, operand, *right)


def _along_axis(made: Construction, tree: Tree) -> Expression:
    """A function of a vector, or of every column or row of a matrix."""
    name, operand = str(tree.value), made.values[tree.children[0]]
    if len(tree.children) == 1:
        return apply(name, operand)
    return along(name, operand, 1 if tree.children[1].value == 1 else 2)


def _indexed_sum(made: Construction, tree: Tree) -> Expression:
    index, *bounds, body = tree.children
    for bound in bounds:
        value = made.values[bound]
        if not is_integer_valued(value):
            names = [v.name for v in variables_of(value) if "integer" not in v.properties]
            hint = f"declare {names[0]}: scalar integer" if names else "write integers, such as sum(i, 1, 3, x[i])"
            message = f"the bounds of a sum are integers, and {made.inference.quote(bound)} is none"
            raise ShapeError(message, hint=hint).located(made.text, bound.start, bound.end)
    lower, upper = (made.values[bound] for bound in bounds)
    if isinstance(lower, Number) and isinstance(upper, Number) and (upper.value - lower.value).is_negative:
        start, end = bounds[0].start, bounds[1].end
        message = f"the sum from {lower.value} to {upper.value} is empty"
        hint = f"write sum({index.value}, {upper.value}, {lower.value}, …)"
        raise ShapeError(message, hint=hint).located(made.text, start, end)
    return indexed_sum(index_variable(str(index.value)), lower, upper, made.values[body])


def _reshape(made: Construction, tree: Tree) -> Expression:
    return apply("unvec", apply("vec", made.values[tree.children[0]]), *map(number, made.shape(tree)))


def _sized(made: Construction, tree: Tree) -> Expression:
    operand, *sizes = tree.children
    return apply(str(tree.value), made.values[operand], *(number(size_value(s, made.text)) for s in sizes))


def _extreme(made: Construction, tree: Tree) -> Expression:
    if len(tree.children) == 1:
        return apply(extreme(tree), made.values[tree.children[0]])
    shape = made.shape(tree)
    return apply(extreme(tree), *(made.filled(value, shape) for value in made.operands(tree)))


def _solve(made: Construction, tree: Tree) -> Expression:
    equation, name = tree.children
    left, right = (made.filled(made.values[side], made.shape(name)) for side in equation.children)
    solved: Expression = method("solve")(add(left, negate(right)), made.values[name])
    return solved


_CALLS: dict[str, Constructor] = {
    "eye": _eye,
    "ones": _ones,
    "zeros": _zeros,
    **dict.fromkeys(("vector", "matrix"), _filled),
    **dict.fromkeys(("K", "commutation"), _commutation),
    "duplication": _duplication,
    "elimination": _elimination,
    "d": _perturbation,
    "diag": _diag,
    "sum": _sum,
    **dict.fromkeys(AXIS_CALLS, _along_axis),
    "reshape": _reshape,
    **dict.fromkeys(("unvec", "rearrange", "unrearrange"), _sized),
    **dict.fromkeys(EXTREMES, _extreme),
    "solve": _solve,
}
