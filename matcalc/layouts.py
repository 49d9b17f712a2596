"""Layout: the notation an expert would write for an expression in normal form.

All choices made here are undone by the normal form, so that what is printed reads back to the same expression:
the order of terms and factors, signs and numeric factors, which of a product and its transpose to write out,
fractions, sums and entries in place of products with ones and unit vectors, and names for shared parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Integer, Rational

from matcalc.equations import Implicit
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
    Variable,
    Zero,
    postorder,
)
from matcalc.function_table import ALONG_AXES
from matcalc.leaves import Duplication, Elimination, variable
from matcalc.notations import (
    Notation,
    call,
    cheapest,
    name,
    negative,
    number,
    product,
    quotient,
    transposed,
)
from matcalc.product_layouts import entries_to, entrywise_layout, power_of, product_layout
from matcalc.sheets import Both, Sheet, size_notation
from matcalc.substitutions import substitute
from matcalc.sum_layouts import sum_layout
from matcalc.sums import negate
from matcalc.transposes import transpose


def _variable(sheet: Sheet, node: Variable) -> Both:
    if node.is_index:
        index = name(sheet.indices[(int(node.name[1:]) - 1) % len(sheet.indices)])
        return index, index
    plain = name(node.name)
    other = transpose(node)
    return plain, plain if other is node else negative(plain) if other is negate(node) else transposed(plain)


def _number(sheet: Sheet, node: Number) -> Both:
    value = node.value
    plain = size_notation(value)
    return plain, plain


def _constant(sheet: Sheet, node: Constant) -> Both:
    return name(node.name), name(node.name)


def _identity(sheet: Sheet, node: Identity) -> Both:
    plain = Notation("eye", (), node._args)
    return plain, plain


def _sized(sheet: Sheet, node: Expression) -> Both:
    kind = "ones" if isinstance(node, Ones) else "zeros"
    rows, columns = node.shape
    column = Notation(kind, (), (rows,) if columns is ONE else (rows, columns))
    if columns is ONE:
        return column, transposed(column)
    if rows is ONE:
        other = Notation(kind, (), (columns,))
        return transposed(other), other
    return column, Notation(kind, (), (columns, rows))


def _unit(sheet: Sheet, node: Unit) -> Both:
    plain = Notation("unit", (), (node._args[1], sheet.plain(node._args[0])))
    return plain, transposed(plain)


def _commutation(sheet: Sheet, node: Commutation) -> Both:
    m, n = node._args
    return Notation("commutation", (sheet.commutation,), (m, n)), Notation("commutation", (sheet.commutation,), (n, m))


def _half(sheet: Sheet, node: Duplication | Elimination) -> Both:
    plain = call(type(node).__name__.lower(), number(node._args[0]))
    return plain, transposed(plain)


def _transpose(sheet: Sheet, node: Transpose) -> Both:
    inner = node._args[0]
    return sheet.turned(inner), sheet.plain(inner)


def _power(sheet: Sheet, node: Power) -> Both:
    base, exponent = node._args
    if isinstance(exponent, Number) and node.is_scalar and exponent.value.is_negative:
        plain = quotient(number(ONE), power_of(sheet, base, -exponent.value))
        return plain, plain
    plain = _powered(sheet, sheet.plain(base), exponent)
    if node.is_scalar or node._transposed is node:
        return plain, plain
    if isinstance(base, Transpose) or sheet.turned(base).cost < sheet.plain(base).cost:
        turned = _powered(sheet, sheet.turned(base), exponent)
        return transposed(turned), turned
    return plain, transposed(plain)


def _powered(sheet: Sheet, base: Notation, exponent: Expression) -> Notation:
    if isinstance(exponent, Number):
        value = exponent.value
        if value == -1:
            return call("inv", base)
        if value == Rational(1, 2):
            return call("sqrt", base)
        return Notation("power", (base, number(value)))
    return Notation("power", (base, sheet.plain(exponent)))


def _entrywise_power(sheet: Sheet, node: EntrywisePower) -> Both:
    base, exponent = node._args
    if isinstance(exponent, Number) and exponent.value.is_negative:
        plain = Notation("entrywise_quotient", (number(ONE), entries_to(sheet, base, -exponent.value)))
    elif isinstance(exponent, Number):
        plain = entries_to(sheet, base, exponent.value)
    else:
        plain = Notation("entrywise_power", (sheet.plain(base), sheet.plain(exponent)))
    return plain, transposed(plain)


def _apply(sheet: Sheet, node: Apply) -> Both:
    function, operands = node.function, node.operands
    special = _SPECIAL_CALLS.get(function)
    plain = special(sheet, node) if special else call(function, *map(sheet.plain, operands))
    if node.is_scalar or node._transposed is node:
        return plain, plain
    if function == "kron":
        return plain, call("kron", *map(sheet.turned, operands))
    if function == "adj":
        other = cheapest(call("cof", sheet.plain(operands[0])), call("adj", sheet.turned(operands[0])))
        return plain, other
    return plain, transposed(plain)


def _adj(sheet: Sheet, node: Apply) -> Notation:
    argument = node.operands[0]
    return cheapest(call("adj", sheet.plain(argument)), call("cof", sheet.turned(argument)))


def _trace(sheet: Sheet, node: Apply) -> Notation:
    """A trace turned so that a perturbation stands last and untransposed."""
    argument = node.operands[0]
    if not (isinstance(argument, Product) and len(argument.chain) > 1) or argument in sheet.names:
        return _either_way(sheet, node)
    options = []
    for turn in (False, True):
        chain = list(reversed(argument.chain)) if turn else list(argument.chain)
        notations = [sheet.turned(f) if turn else sheet.plain(f) for f in chain]
        for i in range(len(chain)):
            rotated = product(notations[i:] + notations[:i])
            last = chain[i - 1]
            marked = last not in sheet.perturbed if sheet.perturbed else False
            turned = marked + (notations[i - 1].kind == "transpose")
            options.append((rotated.cost, turned, rotated.head, rotated))
    return call("tr", min(options, key=lambda o: o[:3])[3])


def _either_way(sheet: Sheet, node: Apply) -> Notation:
    """A function that does not tell a matrix from its transpose."""
    argument = node.operands[0]
    both = (sheet.plain(argument), sheet.turned(argument))
    return call(node.function, min(both, key=lambda n: (n.cost, n.head)))


def _polygamma(sheet: Sheet, node: Apply) -> Notation:
    order, argument = node.operands
    if isinstance(order, Number) and order.value == 0:
        return call("digamma", sheet.plain(argument))
    return call("polygamma", sheet.plain(order), sheet.plain(argument))


def _diagonal(sheet: Sheet, node: Apply) -> Notation:
    return call("diag", sheet.plain(node.operands[0]))


def _along_axis(sheet: Sheet, node: Apply) -> Notation:
    called, axis = ALONG_AXES[node.function]
    return call(called, sheet.plain(node.operands[0]), number(Integer(axis)))


def _block(sheet: Sheet, node: Block) -> Both:
    count = int(node._args[0])
    blocks = node._args[1:]
    width = len(blocks) // count
    plain = Notation("block", [sheet.plain(b) for b in blocks], count)
    turned = [sheet.turned(blocks[i * width + j]) for j in range(width) for i in range(count)]
    return plain, Notation("block", turned, width)


def _indexed_sum(sheet: Sheet, node: IndexedSum) -> Both:
    *bounds, body = node._args
    head = [sheet.plain(b) for b in bounds]
    return (
        Notation("indexed_sum", [*head, sheet.plain(body)]),
        Notation("indexed_sum", [*head, sheet.turned(body)]),
    )


def _implicit(sheet: Sheet, node: Implicit) -> Both:
    """The equation with the operands in place; its unknown under another name where they have that of its own."""
    equation = node.equation
    label = equation.unknown.name
    while label in sheet.names_taken:
        label += "_"
    unknown = variable(label, *equation.unknown.shape)
    values: dict[Expression, Expression] = dict(zip(equation.parameters, node.operands, strict=True))
    residual = substitute(equation.residual, {**values, equation.unknown: unknown})
    for part in postorder(residual):
        sheet.plain(part)
    plain = call("solve", Notation("equation", [sheet.plain(residual)]), name(label))
    return plain, plain if node.is_scalar else transposed(plain)


_SPECIAL_CALLS: dict[str, Callable[[Sheet, Apply], Notation]] = {
    "tr": _trace,
    **dict.fromkeys(("det", "logdet", "logabsdet"), _either_way),
    "adj": _adj,
    "polygamma": _polygamma,
    "diagonal": _diagonal,
    **dict.fromkeys(ALONG_AXES, _along_axis),
}

_RULES: dict[type[Expression], Callable[[Any, Any], Both]] = {
    Variable: _variable,
    Number: _number,
    Constant: _constant,
    Identity: _identity,
    Ones: _sized,
    Zero: _sized,
    Unit: _unit,
    Commutation: _commutation,
    Duplication: _half,
    Elimination: _half,
    Transpose: _transpose,
    Sum: sum_layout,
    Product: product_layout,
    Power: _power,
    EntrywisePower: _entrywise_power,
    Hadamard: entrywise_layout,
    Apply: _apply,
    Block: _block,
    IndexedSum: _indexed_sum,
    Implicit: _implicit,
}


class Layout(Sheet):
    """Lays out the parts of expressions from the leaves up."""

    rules = _RULES
