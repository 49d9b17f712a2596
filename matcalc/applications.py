"""Applying a named function: its shape from its signature, and the normal form of its value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import sympy as sp
from sympy import Expr, Integer, Symbol

from matcalc.errors import ShapeError, UnknownName
from matcalc.expressions import ONE, Apply, Dimension, Expression, Number, Shape, Variable, intern, variables_of
from matcalc.function_table import (
    ALIASES,
    AXIS_CALLS,
    FROM_SYMPY,
    FUNCTIONS,
    LATER,
    TALL,
    function_names,
    nearest_names,
)
from matcalc.leaves import PI, name_argument, number, ones
from matcalc.powers import entrywise_power, hadamard
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.sizes import size_value
from matcalc.structures import is_symmetric
from matcalc.sums import add, describe, scale
from matcalc.syntax import parse_expression
from matcalc.transposes import transpose

NormalForm = Callable[[str, Sequence[Expression]], Expression | None]
NORMAL_FORMS: dict[str, NormalForm] = {}
"""The normal forms of single functions, from function_forms: None where there is nothing to simplify."""


def of_arguments(form: Any) -> NormalForm:
    """The normal form of a function whose form is one of its arguments alone."""

    def normal(name: str, arguments: Sequence[Expression]) -> Expression | None:
        result: Expression | None = form(*arguments)
        return result

    return normal


def registered_forms() -> dict[str, NormalForm]:
    """The normal forms of all functions."""
    import_module("matcalc.function_forms")
    return NORMAL_FORMS


@lru_cache(maxsize=512)
def signature(text: str) -> tuple[tuple[tuple[Expr, Expr] | None, ...], tuple[Expr, Expr]]:
    """The parsed signature: a pair of dimension patterns per argument (None for a size), and the result's.

    >>> signature("(m,n) size -> (m*n,1)")
    (((m, n), None), (m*n, 1))
    """
    left, right = text.split("->")
    inputs = tuple(None if word == "size" else _dimensions(word) for word in left.split())
    return inputs, _dimensions(right.strip())


def _dimensions(word: str) -> tuple[Expr, Expr]:
    first, second = word.strip("()").split(",")
    return _dimension(first), _dimension(second)


def _dimension(word: str) -> Expr:
    if "(" in word:
        size = size_value(parse_expression(word), word)
        return size.xreplace({s: Symbol(s.name) for s in size.free_symbols})
    result: Expr = ONE
    for factor in word.split("*"):
        result = result * (Integer(int(factor)) if factor.isdigit() else Symbol(factor))
    return result


def result_shape(name: str, arguments: Sequence[Expression]) -> Shape:
    """The shape of ``name(arguments)``; raises ShapeError where they do not fit the signature."""
    text = FUNCTIONS[name].signature
    inputs, _ = signature(text)
    if len(arguments) != len(inputs):
        count = f"{len(inputs)} argument{'s' if len(inputs) > 1 else ''}"
        raise ShapeError(f"{name} takes {count}, not {len(arguments)}", hint=f"{name}: {text}")
    found = _shape_or_misfit(text, tuple([a.shape for a in arguments]))
    if isinstance(found, int):
        raise ShapeError(f"{name} does not take {describe(arguments[found])}", hint=_expected(name))
    if name in _SIZED:
        sizes = [
            a.value if isinstance(a, Number) else None for a, p in zip(arguments, inputs, strict=True) if p is None
        ]
        return _SIZED[name](arguments, sizes)
    return found


@lru_cache(maxsize=4096)
def _shape_or_misfit(text: str, shapes: tuple[Shape, ...]) -> Shape | int:
    """The shape that a signature gives for arguments of these shapes, or the number of the first that does not fit."""
    inputs, output = signature(text)
    bound: dict[Any, Dimension] = {ONE: ONE}
    for i, (shape, pattern) in enumerate(zip(shapes, inputs, strict=True)):
        for size, letter in zip(shape, pattern or (), strict=False):
            if (letter.is_Symbol or letter is ONE) and bound.setdefault(letter, size) != size:
                return i
    return _resolve(output[0], bound), _resolve(output[1], bound)


def _expected(name: str) -> str:
    words = {"(n,n)": "a square matrix", "(n,1)": "a vector", "(1,1)": "a scalar"}
    inputs = FUNCTIONS[name].signature.split("->")[0].split()
    if name in AXIS_CALLS:
        return f"{name} takes a vector, or a matrix and an axis: 1 for every column, 2 for every row"
    return f"{name} takes " + " and ".join(words.get(w, "a matrix") for w in inputs)


def _resolve(pattern: Expr, bound: dict[Any, Dimension]) -> Dimension:
    if pattern in bound:
        return bound[pattern]
    result: Dimension = pattern if pattern.is_Atom else pattern.xreplace(bound)
    return sp.expand(result) if pattern.is_Add or any(factor.is_Add for factor in result.args) else result


def _unvec_shape(arguments: Sequence[Expression], sizes: Sequence[Any]) -> Shape:
    m, n = sizes
    if m is None or n is None:
        raise ShapeError("unvec needs its two sizes as dimensions", hint="write unvec(x, m, n)")
    if arguments[0].shape != (sp.expand(m * n), ONE):
        raise ShapeError(f"unvec(…, {m}, {n}) needs a vector of length {m * n}, not {describe(arguments[0])}")
    return (m, n)


def _rearrange_shape(arguments: Sequence[Expression], sizes: Sequence[Any]) -> Shape:
    m, n = sizes
    p, q = (sp.cancel(d / s) for d, s in zip(arguments[0].shape, sizes, strict=True))
    return (m * n, p * q)


_SIZED = {
    "unvec": _unvec_shape,
    "rearrange": _rearrange_shape,
    "unrearrange": lambda arguments, s: (s[0] * s[2], s[1] * s[3]),
}


def apply(name: Any, *arguments: Expression) -> Expression:
    """``name(arguments)`` in normal form.

    Raises ShapeError where the arguments do not fit, UnknownName for a name that is no function.

    >>> import matcalc as mc
    >>> str(apply("tr", mc.parse("A*B", where="A: matrix(m,n), B: matrix(n,m)")))
    'tr(A*B)'
    """
    name = ALIASES.get(str(name), str(name))
    row = FUNCTIONS.get(name)
    if row is None:
        raise UnknownName(f"there is no function {name}", hint=_suggestion(name))
    if row.is_defined:
        if name in _COMMUTATIVE:
            arguments = tuple(sorted(arguments, key=_constants_last))
        defined: Expression = CONSTRUCTORS["definition"](row, arguments)
        return defined
    shape = result_shape(name, arguments)
    if name in _TURNED and is_wide(arguments[0]):
        return transpose(apply(name, transpose(arguments[0])))
    if row.takes:
        _refuse_unfit(name, row.takes, arguments[0])
    forms = NORMAL_FORMS or registered_forms()
    normal = forms.get(name) or (forms["entrywise"] if row.is_entrywise else None)
    simpler = normal(name, arguments) if normal else None
    return raw(name, arguments, shape) if simpler is None else simpler


def along(name: str, X: Expression, axis: int) -> Expression:
    """A function of a vector applied to every column (axis 1) or every row (axis 2) of a matrix.

    >>> import matcalc as mc
    >>> str(along("softmax", mc.parse("A*B"), 2))
    'softmax(A*B, 2)'
    """
    if axis not in (1, 2):
        raise ShapeError(f"the axis of {name} is 1 or 2, not {axis}", hint="1 is down the columns, 2 along the rows")
    return apply(node_along(name, axis), X)


def node_along(name: str, axis: int) -> str:
    """The name of the node of a function along an axis."""
    return f"{ALIASES.get(name, name)}_{'columns' if axis == 1 else 'rows'}"


_WORD = re.compile(r"[A-Za-z]\w*(?=\()")
_AXIS = re.compile(r",\s*([12])\s*$")


def words_called(text: str) -> list[str]:
    """The words before brackets; what takes an axis too, by the name of its node where one is given.

    >>> words_called("softmax(exp(X), 2)*softmax(x)")
    ['softmax_rows', 'exp', 'softmax']
    """
    found = _WORD.findall(text)
    if AXIS_CALLS.isdisjoint(found):
        return found
    found = []
    for m in _WORD.finditer(text):
        word = m[0]
        axis = _AXIS.search(_inside(text[m.end() :])) if word in AXIS_CALLS else None
        found.append(word if axis is None else node_along(word, int(axis[1])))
    return found


def _inside(text: str) -> str:
    """What stands in the bracket that opens a text."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:i]
    return text[1:]


def _refuse_unfit(name: str, takes: str, argument: Expression) -> None:
    """Raise ShapeError where the argument is not known to be symmetric, or has more columns than rows."""
    if takes == TALL:
        if is_wide(argument):
            message = f"{name} takes a matrix with no more columns than rows, not {describe(argument)}"
            raise ShapeError(message, hint=f"take {name} of the transpose")
    elif not is_symmetric(argument):
        shown, size = str(argument), argument.rows
        if len(shown) > LONGEST_SHOWN:
            shown, which = "A", "its argument"
        else:
            which = shown
        declared = f"declare {shown}: matrix({size},{size}) {takes}, or " if isinstance(argument, Variable) else ""
        turned = f"{shown}'" if shown.isidentifier() else f"({shown})'"
        message = f"{name} takes a symmetric matrix, and {which} is not known to be one"
        raise ShapeError(message, hint=f"{declared}write {name}(({shown} + {turned})/2)")


_TURNED = frozenset({"polar"})
"""The functions with f(A') = f(A)', which take a wide matrix as the transpose of a tall one."""


def is_wide(A: Expression) -> bool:
    """Whether a matrix is known to have more columns than rows.

    >>> import matcalc as mc
    >>> [is_wide(A) for A in mc.variables("A: matrix(3,5), B: matrix(m,n)")]
    [True, False]
    """
    return bool((A.columns - A.rows).is_positive)


LONGEST_SHOWN = 24


_COMMUTATIVE = ("maximum", "minimum")


def _constants_last(argument: Expression) -> tuple[bool, bytes]:
    """The order of arguments that may change places: max(0, x) is max(x, 0), which is relu(x)."""
    return next(variables_of(argument), None) is None, argument.key


def _suggestion(name: str) -> str:
    near = nearest_names(name, [n for n in function_names() if n not in LATER])
    return f"did you mean {' or '.join(near)}?" if near else ""


def raw(name: str, arguments: Sequence[Expression], shape: Shape) -> Expression:
    """The node itself."""
    node: Expression = intern(Apply, (name_argument(name), *arguments), shape, function=name)
    return node


def is_entrywise(name: str) -> bool:
    """Whether the function of that name acts entry by entry."""
    return FUNCTIONS[name].is_entrywise


def entrywise_value(formula: Expr, symbol: Symbol, argument: Expression) -> Expression:
    """A SymPy formula in one symbol, applied entry by entry to the argument.

    >>> import matcalc as mc, sympy
    >>> t = sympy.Symbol("t")
    >>> str(entrywise_value(1 - sympy.tanh(t)**2, t, mc.parse("x", where="x: vector(n)")))
    'ones - tanh(x).^2'
    """
    if formula == symbol:
        return argument
    if formula.is_Rational:
        return scale(formula, ones(*argument.shape))
    if formula is sp.pi:
        return multiply(PI, ones(*argument.shape))
    parts = [entrywise_value(a, symbol, argument) for a in formula.args]
    if formula.is_Add:
        return add(*parts)
    if formula.is_Mul:
        return hadamard(*parts) if not argument.is_scalar else multiply(*parts)
    if formula.is_Pow and formula.exp.is_Rational:
        return entrywise_power(parts[0], number(formula.exp))
    if isinstance(formula, sp.exp):
        return apply("exp", *parts)
    if isinstance(formula, sp.polygamma):
        return apply("polygamma", number(formula.args[0]), parts[1])
    return apply(FROM_SYMPY[formula.func], *parts)


def is_analytic(name: str) -> bool:
    """Whether the function of that name is an analytic function of matrices or the derivative of one."""
    return FUNCTIONS[name].analytic


CONSTRUCTORS.update(Apply=apply, is_entrywise=is_entrywise, is_analytic=is_analytic)
