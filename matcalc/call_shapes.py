"""The shapes of function calls: a table of those that have their own form, and the signatures of all others."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr

from matcalc import call_mistakes as mistakes
from matcalc.applications import signature
from matcalc.dimensions import Clash, expanded, product
from matcalc.expressions import ONE, SCALAR, Dimension, Shape
from matcalc.function_table import ALIASES, FUNCTIONS
from matcalc.inferences import Inference
from matcalc.sizes import exact, with_article
from matcalc.syntax_trees import Tree
from matcalc.walks import EXTREMES, extreme, is_called, is_indexed_sum


def call_shape(found: Inference, tree: Tree) -> Shape:
    """The shape of a function's value; raises UnknownName for a name that is no function."""
    name = str(tree.value)
    named = FUNCTIONS[name].named if name in FUNCTIONS else ""
    is_declared = not named or named in found.functions
    if name in found.names or (name in found.declared - found.functions) or found.bound.get(name):
        raise mistakes.variable_called(found, tree)
    if not is_called(name) or not is_declared:
        raise mistakes.unknown_function(found, tree)
    for argument in tree.children:
        if argument.kind == "equation" and name != "solve":
            raise mistakes.equation_given(found, argument, tree)
    special = _CALLS.get(name)
    if special is not None:
        return special(found, tree)
    return function_shape(found, tree, ALIASES.get(name, name))


def function_shape(found: Inference, tree: Tree, name: str) -> Shape:
    """The shape that the signature of a function gives."""
    row = FUNCTIONS.get(name)
    if row is None:
        raise mistakes.unknown_function(found, tree)
    inputs, output = signature(row.signature)
    mistakes.check_count(found, tree, len(inputs))
    if row.template is not None:
        value, parameters = row.template
        inputs, output = tuple(p.shape for p in parameters), value.shape
    known: dict[Expr, Dimension] = {ONE: ONE}
    for child, pattern in zip(tree.children, inputs, strict=True):
        for size, letter in zip(found.shapes[child], pattern or (), strict=False):
            try:
                found.unifier.unify(known.setdefault(letter, letter if letter.is_Integer else size), size)
            except Clash:
                raise mistakes.misfit(found, tree, child, row.signature) from None
    rows, columns = (_output_size(found, letter, known) for letter in output)
    return rows, columns


def _output_size(found: Inference, letter: Expr, known: dict[Expr, Dimension]) -> Dimension:
    if letter in known or letter.is_Integer:
        return known.get(letter, letter)
    if not letter.is_Mul:
        return expanded(letter.xreplace({part: found.unifier.resolve(size) for part, size in known.items()}))
    total: Dimension = ONE
    for factor in letter.args:
        total = found.unifier.product(total, _output_size(found, factor, known))
    return total


def _eye(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1)
    n = _size(found, tree, 0)
    return n, n


def _filled(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1, 2)
    return _size(found, tree, 0), (_size(found, tree, 1) if len(tree.children) == 2 else ONE)


def _size(found: Inference, tree: Tree, i: int) -> Dimension:
    return mistakes.checked_size(found, tree, tree.children[i])


def _vector(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1, 2)
    _check_scalar(found, tree)
    return (_size(found, tree, 1) if len(tree.children) == 2 else found.unifier.size()), ONE


def _matrix(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1, 3)
    _check_scalar(found, tree)
    if len(tree.children) == 3:
        return _size(found, tree, 1), _size(found, tree, 2)
    return found.unifier.any(), found.unifier.any()


def _check_scalar(found: Inference, tree: Tree) -> None:
    if not found.is_scalar(tree.children[0]):
        raise mistakes.not_an_entry(found, tree)


def _commutation(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 2)
    m, n = _size(found, tree, 0), _size(found, tree, 1)
    size = found.unifier.product(n, m)
    return size, size


def _halved(found: Inference, n: Dimension) -> Dimension:
    n = found.unifier.resolve(n)
    half = expanded(n * (n + 1) / 2)
    if not half.is_Integer:
        found.unifier.factors[half] = (n, n + 1)
    return half


def _duplication(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1)
    n = _size(found, tree, 0)
    return found.unifier.product(n, n), _halved(found, n)


def _elimination(found: Inference, tree: Tree) -> Shape:
    return _duplication(found, tree)[::-1]


def _perturbation(found: Inference, tree: Tree) -> Shape:
    if not found.perturbations:
        return function_shape(found, tree, "d")
    mistakes.check_count(found, tree, 1)
    return found.shapes[tree.children[0]]


def _sum(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1, 2, 4)
    if len(tree.children) == 1:
        return SCALAR
    if len(tree.children) == 4:
        return _indexed_sum(found, tree)
    rows, columns = found.shapes[tree.children[0]]
    return (ONE, columns) if _axis(found, tree) == 1 else (rows, ONE)


def _axis(found: Inference, tree: Tree) -> object:
    axis = tree.children[1].value
    if axis not in (1, 2):
        raise mistakes.wrong_axis(found, tree)
    return axis


def _softmax(found: Inference, tree: Tree) -> Shape:
    """Of a vector, or of every row or column of a matrix."""
    mistakes.check_count(found, tree, 1, 2)
    if len(tree.children) == 1:
        return function_shape(found, tree, "softmax")
    _axis(found, tree)
    return found.shapes[tree.children[0]]


def _logsumexp(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1, 2)
    return function_shape(found, tree, "logsumexp") if len(tree.children) == 1 else _sum(found, tree)


def _indexed_sum(found: Inference, tree: Tree) -> Shape:
    if not is_indexed_sum(tree):
        raise mistakes.no_index_name(found, tree)
    for bound in tree.children[1:3]:
        if not found.is_scalar(bound):
            raise mistakes.wrong_bound(found, bound)
    return found.shapes[tree.children[3]]


def _vech(found: Inference, tree: Tree) -> Shape:
    function_shape(found, tree, "vech")
    return _halved(found, found.shapes[tree.children[0]][0]), ONE


def _vec(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1)
    rows, columns = found.shapes[tree.children[0]]
    return found.unifier.product(columns, rows), ONE


def _reshape(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 3)
    m, n = _size(found, tree, 1), _size(found, tree, 2)
    operand = tree.children[0]
    rows, columns = found.shapes[operand]
    try:
        found.unifier.unify(found.unifier.product(columns, rows), found.unifier.product(n, m))
    except Clash:
        raise mistakes.wrong_count_of_entries(found, tree, m, n) from None
    return m, n


def _unvec(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 3)
    m, n = _size(found, tree, 1), _size(found, tree, 2)
    try:
        found.unifier.unify_shapes(found.shapes[tree.children[0]], (found.unifier.product(n, m), ONE))
    except Clash:
        raise mistakes.wrong_count_of_entries(found, tree, m, n) from None
    return m, n


def _rearrange(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 3)
    m, n = _size(found, tree, 1), _size(found, tree, 2)
    p, q = found.unifier.any(), found.unifier.any()
    _unify(found, tree, (product(m, p), product(n, q)))
    return product(m, n), product(found.unifier.resolve(p), found.unifier.resolve(q))


def _unrearrange(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 5)
    m, n, p, q = (_size(found, tree, i) for i in (1, 2, 3, 4))
    _unify(found, tree, (product(m, n), product(p, q)))
    return product(m, p), product(n, q)


def _unify(found: Inference, tree: Tree, shape: Shape) -> None:
    try:
        found.unifier.unify_shapes(found.shapes[tree.children[0]], shape)
    except Clash:
        raise mistakes.wrong_count_of_entries(found, tree, *shape) from None


def _diag(found: Inference, tree: Tree) -> Shape:
    mistakes.check_count(found, tree, 1)
    rows, columns = found.shape(tree.children[0])
    if columns is ONE:
        return rows, rows
    try:
        found.unifier.unify(rows, columns)
    except Clash:
        raise mistakes.misfit(found, tree, tree.children[0], "") from None
    return rows, ONE


def _extreme(found: Inference, tree: Tree) -> Shape:
    """The largest entry of one argument, or the larger of two, entry by entry."""
    mistakes.check_count(found, tree, 1, 2)
    if len(tree.children) == 1:
        return SCALAR
    left, right = (found.shapes[child] for child in tree.children)
    if found.unifier.is_scalar(left) or found.unifier.is_scalar(right):
        return right if found.unifier.is_scalar(left) else left
    return function_shape(found, tree, extreme(tree))


def _solve(found: Inference, tree: Tree) -> Shape:
    """An equation and its unknown, which have one shape."""
    equation, *others = tree.children
    if len(others) != 1 or equation.kind != "equation" or others[0].kind != "name":
        texts = [found.factor(child) for child in tree.children]
        linear = {1: "inv({})", 2: "{}\\{} for the solution of a linear system"}.get(len(texts), "").format(*texts)
        hint = f"write {linear}, solve(g = 0, x) for an equation" if linear else "write solve(g = 0, x)"
        raise found.refusal("solve takes an equation and the name of its unknown", tree, hint)
    unknown = found.shapes[others[0]]
    for side in equation.children:
        if not (side.kind == "number" and exact(side.value) == 0):
            try:
                found.unifier.unify_shapes(found.shapes[side], unknown)
            except Clash:
                found.settle_letters()
                message = f"{found.quote(side)} is {with_article(found.words(side))}, and the unknown"
                message += f" {found.quote(others[0])} is {with_article(found.words(others[0]))}"
                hint = "an equation determines an unknown of its own shape"
                raise found.mistake(message, side, hint=hint) from None
    return unknown


_CALLS: dict[str, Callable[[Inference, Tree], Shape]] = {
    "eye": _eye,
    **dict.fromkeys(("ones", "zeros"), _filled),
    "vector": _vector,
    "matrix": _matrix,
    **dict.fromkeys(("K", "commutation"), _commutation),
    "duplication": _duplication,
    "elimination": _elimination,
    "d": _perturbation,
    "sum": _sum,
    "softmax": _softmax,
    **dict.fromkeys(("logsumexp", "lse"), _logsumexp),
    "vec": _vec,
    "vech": _vech,
    "reshape": _reshape,
    "unvec": _unvec,
    "rearrange": _rearrange,
    "unrearrange": _unrearrange,
    "diag": _diag,
    **dict.fromkeys(EXTREMES, _extreme),
    "solve": _solve,
}
