"""From a differential to its matrix, step by step: vec(A dX B) = (B' kron A) vec(dX), and the like for other nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from matcalc.derivation_steps import Sides, Step, vec_shape
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
from matcalc.operator_matrices import local_matrices
from matcalc.products import multiply
from matcalc.sums import add
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
    >>> e = parse("A*(X*dX + dX')", where)
    >>> dX = next(v for v in parse("dX", where).variables.values())
    >>> for step in operator_steps(e, dX, Sides(Naming([e]))): print(step.before, "=", step.after)
    vec(A*(X*dX + dX')) = kron(eye, A)*vec(X*dX + dX')
    vec(X*dX + dX') = vec(X*dX) + vec(dX')
    vec(dX') = K(n,n)*vec(dX)
    vec(X*dX) = kron(eye(n), X)*vec(dX)
    """
    vecs: dict[Expression, Expression] = {}
    for node, matrices in local_matrices(linear, D):
        terms = [multiply(M, _vec(operand, sides, vecs)) for operand, M in matrices.items()]
        right, left = sides.written(add(*terms)), sides.vec(node)
        if text_of(right.answer) != text_of(left.answer):
            rule = _SCALED if not matrices.keys() <= {D, *node.operands} else _rule_of(node)
            yield Step(left, right, "", rule.title, rule.statement, rule.source)


def vec_of_perturbation(D: Variable, sides: Sides) -> Expression:
    """vec(D) as a factor of a product."""
    return _vec(D, sides, {})


def _vec(e: Expression, sides: Sides, known: dict[Expression, Expression]) -> Expression:
    """What stands for vec(e); what is a column, for itself."""
    if e not in known:
        is_variable = isinstance(e, Variable) and e.columns is ONE
        known[e] = e if is_variable else sides.standing_for(sides.vec(e), vec_shape(e))
    return known[e]


def _rule_of(node: Expression) -> _Rule:
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
        return _PRODUCT if len(node.chain) > 1 else _MULTIPLE
    source = "Higham 2008, section 3.2" if isinstance(node, Apply) and node.function.startswith("d") else ""
    name = node.function if isinstance(node, Apply) else type(node).__name__.lower()
    return _Rule(f"the matrix of {name}", "", source)
