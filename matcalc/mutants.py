"""Formulas with one planted mistake: what a check must refuse.

The mistakes are those of hand derivations: a sign, a term or factor lost, a transpose lost or added, a wrong
number, two factors in the wrong order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from sympy import Rational

from matcalc.applications import apply
from matcalc.errors import MatcalcError
from matcalc.expressions import (
    ONE,
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
    variables_of,
)
from matcalc.leaves import ONE_NODE, number, ones
from matcalc.powers import hadamard
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.substitutions import substitute
from matcalc.sums import add, negate, scale
from matcalc.transposes import transpose

HALF = Rational(1, 2)


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


def subtle_mutants(formula: Expression) -> Iterator[tuple[str, Expression]]:
    """Formulas that are nearly right: invisible at small sizes, at symmetric matrices, on the diagonal, …

    >>> from matcalc.reading import parse
    >>> f = parse("A*x", "A: matrix(n,n), x: vector(n)")
    >>> [mistake for mistake, _ in subtle_mutants(f)][:3]
    ['off by 1e-7 in a coefficient', 'right where a variable adds up to 0', 'right for symmetric matrices only']
    """
    yield "off by 1e-7 in a coefficient", multiply(number(1 + Fraction(1, 10**7)), formula)
    square = formula.rows == formula.columns and not formula.is_scalar
    if square:
        diagonal = apply("diag", apply("diagonal", formula))
        yield "right on the diagonal only", add(multiply(number(2), formula), negate(diagonal))
        yield "right off the diagonal only", add(formula, diagonal)
        yield "right for symmetric values only", scale(HALF, add(formula, transpose(formula)))
    for v in variables_of(formula):
        if v.is_scalar or v.properties:
            continue
        yield "right where a variable adds up to 0", multiply(add(ONE_NODE, _total(v)), formula)
        if v.rows == v.columns:
            symmetric = scale(HALF, add(v, transpose(v)))
            yield "right for symmetric matrices only", substitute(formula, {v: symmetric})
            if square and v.rows == formula.rows:
                yield "right for sizes up to 2 only", add(formula, _hall(v))


def _total(v: Expression) -> Expression:
    """The sum of all entries."""
    return multiply(ones(ONE, v.rows), v, ones(v.columns, ONE))


def _hall(A: Expression) -> Expression:
    """[[A, A′]², A²A′], which is zero for matrices of size 1 and 2 (Hall's identity), and not for larger ones."""
    B = transpose(A)
    commutator = add(multiply(A, B), negate(multiply(B, A)))
    squared, C = multiply(commutator, commutator), multiply(A, A, B)
    return add(multiply(squared, C), negate(multiply(C, squared)))


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
