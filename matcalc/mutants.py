"""Formulas with one planted mistake: what a check must refuse.

The mistakes are those of hand derivations: a sign, a term or factor lost, a transpose lost or added, a wrong
number, two factors in the wrong order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from matcalc.errors import MatcalcError
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    postorder,
)
from matcalc.leaves import number, ones
from matcalc.powers import hadamard
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.substitutions import substitute
from matcalc.sums import add, negate
from matcalc.transposes import transpose


def mutants(formula: Expression) -> Iterator[tuple[str, Expression]]:
    """Every formula of the same shape with one mistake, and what the mistake is; each formula once.

    >>> from matcalc.reading import parse
    >>> f = parse("A*x", "A: matrix(n,n), x: vector(n)")
    >>> sorted(mistake for mistake, _ in mutants(f))
    ['a lost factor', 'a transpose added or lost', 'a wrong factor', 'a wrong sign']
    """
    seen = {formula}
    for node in reversed(postorder(formula)):
        for mistake, other in _mistakes(node):
            try:
                mutant = substitute(formula, {node: other()})
            except (MatcalcError, ArithmeticError, ValueError):
                continue
            if mutant.shape == formula.shape and mutant not in seen:
                seen.add(mutant)
                yield mistake, mutant


Mistake: TypeAlias = tuple[str, Callable[[], Expression]]


def _mistakes(node: Expression) -> Iterator[Mistake]:
    """What may be written in the place of a node, made only when it is asked for."""
    if type(node) in _BY_TYPE:
        yield from _BY_TYPE[type(node)](node)
    if not isinstance(node, Number):
        yield "a wrong sign", lambda: negate(node)
        yield "a wrong factor", lambda: multiply(number(2), node)


def _of_sum(node: Sum) -> Iterator[Mistake]:
    terms = node.operands
    for i, term in enumerate(terms):
        others = [*terms[:i], *terms[i + 1 :]]
        yield "a lost term", partial(add, *others)
        yield "a wrong sign", partial(_with_negated, term, others)


def _with_negated(term: Expression, others: list[Expression]) -> Expression:
    return add(negate(term), *others)


def _of_product(node: Product) -> Iterator[Mistake]:
    scalars, chain = node.scalars, node.chain
    coefficient = number(node.coefficient)
    outer = [coefficient, *scalars]
    if node.coefficient.is_Rational and node.coefficient not in (1, -1):
        yield "a wrong number", partial(multiply, number(node.coefficient + 1), *scalars, *chain)
    for i in range(len(scalars)):
        yield "a lost factor", partial(multiply, coefficient, *scalars[:i], *scalars[i + 1 :], *chain)
    for i, factor in enumerate(chain):
        yield "a transpose added or lost", partial(_with_transposed, outer, chain, i)
        yield "a lost factor", partial(multiply, *outer, *chain[:i], *chain[i + 1 :])
        if i + 1 < len(chain):
            swapped = [*chain[:i], chain[i + 1], factor, *chain[i + 2 :]]
            yield "factors in the wrong order", partial(multiply, *outer, *swapped)


def _with_transposed(outer: list[Expression], chain: Sequence[Expression], i: int) -> Expression:
    return multiply(*outer, *chain[:i], transpose(chain[i]), *chain[i + 1 :])


def _of_hadamard(node: Hadamard) -> Iterator[Mistake]:
    factors = node.operands
    for i in range(len(factors)):
        yield "a lost factor", partial(hadamard, *factors[:i], *factors[i + 1 :])


def _of_transpose(node: Transpose) -> Iterator[Mistake]:
    yield "a transpose added or lost", lambda: node.operands[0]


def _of_power(node: Expression) -> Iterator[Mistake]:
    base, exponent = node.args
    for step in (1, -1):
        other = add(exponent, multiply(number(step), ones(*exponent.shape)))
        yield "a wrong exponent", partial(CONSTRUCTORS[type(node).__name__], base, other)


def _of_application(node: Apply) -> Iterator[Mistake]:
    """A lost function where the argument has the same shape, and transposed arguments."""
    for i, operand in enumerate(node.operands):
        if operand.shape == node.shape and not isinstance(operand, Number):
            yield "a lost function", partial(_itself, operand)
        if not operand.is_scalar:
            yield "a transpose added or lost", partial(_with_argument, node, i, operand)


def _itself(operand: Expression) -> Expression:
    return operand


def _with_argument(node: Apply, i: int, operand: Expression) -> Expression:
    operands = [*node.operands[:i], transpose(operand), *node.operands[i + 1 :]]
    result: Expression = CONSTRUCTORS["Apply"](node.function, *operands)
    return result


_BY_TYPE: dict[type[Expression], Callable[[Any], Iterator[Mistake]]] = {
    Sum: _of_sum,
    Product: _of_product,
    Hadamard: _of_hadamard,
    Transpose: _of_transpose,
    Power: _of_power,
    EntrywisePower: _of_power,
    Apply: _of_application,
}
