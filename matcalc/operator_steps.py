"""From a differential to its matrix, step by step: vec(A dX B) = (B' kron A) vec(dX), and the like for other nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from matcalc.derivation_steps import Sides, Step, written_name
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Expression,
    Hadamard,
    IndexedSum,
    Product,
    Sum,
    Transpose,
    Variable,
)
from matcalc.matrix_functions import MATRIX_FUNCTIONS
from matcalc.operator_matrices import local_matrices
from matcalc.text import text_of


class _Rule(NamedTuple):
    """A rule for the matrix of an operation."""

    title: str
    statement: str
    source: str


_MAGNUS = "Magnus & Neudecker, ch. 2 and 3"
_SUM = _Rule("vec is linear", "vec(A + B) = vec(A) + vec(B)", "Course notes, definition 20")
_PRODUCT = _Rule("vec of a product", "vec(A*X*B) = kron(B', A)*vec(X)", "Course notes, proposition 21")
_MULTIPLE = _Rule("the scalar last", "vec(s*A) = vec(A)*s", "")
_TRANSPOSE = _Rule("commutation matrix", "vec(X') = K(m,n)*vec(X)", "Magnus & Neudecker 1979")
_ENTRYWISE = _Rule("entrywise product as a diagonal matrix", "vec(A.*X) = diag(vec(A))*vec(X)", _MAGNUS)
_SCALED = _Rule("vec of a scaled matrix", "vec(diag(w)*A) = diag(vec(A))*kron(ones, eye)*w", _MAGNUS)
_INNER = _Rule("trace as an inner product of vecs", "tr(A'*X) = vec(A)'*vec(X)", "Course notes, section 7.1")
_FUNCTIONS = {
    "kron": _Rule("vec of a Kronecker product", "", "Magnus & Neudecker, ch. 3, theorem 10"),
    "sylvester": _Rule("Kronecker sum", "A*X + X*B = C", "Horn & Johnson 1991, section 4.4"),
    "dsqrtm": _Rule("Kronecker sum", "R*X + X*R = E", "Higham 2008, chapter 6"),
}


def operator_steps(linear: Expression, D: Variable, sides: Sides) -> Iterator[Step]:
    """Each node of L(D) from the outside in, with the matrix that takes the vec of its operands to its vec.

    >>> from matcalc.reading import parse
    >>> from matcalc.writing import Naming
    >>> where = "A: matrix(m,n), X, dX: matrix(n,n)"
    >>> e = parse("A*(dX' + X*dX)", where)
    >>> dX = next(v for v in parse("dX", where).variables.values())
    >>> for step in operator_steps(e, dX, Sides(Naming([e]))): print(step.before, "=", step.after)
    vec(A*(dX' + X*dX)) = kron(eye(n), A)*vec(dX' + X*dX)
    vec(dX' + X*dX) = vec(dX') + vec(X*dX)
    vec(dX') = K(n,n)*vec(dX)
    vec(X*dX) = kron(eye(n), X)*vec(dX)
    """
    for node, matrices in local_matrices(linear, D):
        is_scaled = not matrices.keys() <= {D, *node.operands}
        if not is_scaled and _is_plain(node, matrices):
            continue
        left = sides.vec(node)
        right = sides.combination((M, sides.vec(operand)) for operand, M in _as_written(node, matrices, sides))
        if text_of(right.answer) != text_of(left.answer):
            rule = _SCALED if is_scaled else _rule_of(node, sides)
            yield Step(left, right, "", rule.title, rule.statement, rule.source)


def _as_written(
    node: Expression, matrices: Mapping[Expression, Expression], sides: Sides
) -> list[tuple[Expression, Expression]]:
    """The operands with their matrices, the terms of a sum in the order in which they are written."""
    terms = [text_of(n) for n in sides.laid_out(node).parts] if isinstance(node, Sum) else []

    def place(pair: tuple[Expression, Expression]) -> int:
        term = text_of(sides.laid_out(pair[0])).removeprefix("-")
        return terms.index(term) if term in terms else len(terms)

    return sorted(matrices.items(), key=place)


def _is_plain(node: Expression, operands: Iterable[Expression]) -> bool:
    """Whether a column is a sum of columns or a matrix times a column, which is the product with that matrix."""
    return (
        node.columns is ONE
        and isinstance(node, (Sum, Product))
        and all(o.columns is ONE and o.rows is not ONE for o in operands)
    )


def _rule_of(node: Expression, sides: Sides) -> _Rule:
    """What the matrix of a node rests on."""
    if isinstance(node, Apply) and node.function in _FUNCTIONS:
        return _FUNCTIONS[node.function]
    if isinstance(node, Block):
        return _Rule("block by block", "", "")
    if isinstance(node, IndexedSum):
        return _Rule("term by term", "", "")
    if node.is_scalar:
        return _INNER
    if isinstance(node, Sum):
        return _SUM
    if isinstance(node, Transpose):
        return _TRANSPOSE
    if isinstance(node, Hadamard):
        return _ENTRYWISE
    if isinstance(node, Product):
        return _PRODUCT if len(node.chain) > 1 else _MULTIPLE if node.scalars else _SUM
    if isinstance(node, Apply) and node.function[1:] in MATRIX_FUNCTIONS:
        return _Rule("derivative as a block of a value", "", "Higham 2008, section 3.2")
    return _Rule(f"the matrix of {written_name(sides.laid_out(node))}", "", "")
