"""What is seen of the structure of a matrix: triangular, diagonal, symmetric, skew, orthogonal.

Symmetry is what the normal form of the transpose shows: A is symmetric where A' is the same node. The
triangles in which the entries lie are found from the leaves up, and remembered on the node.
"""

from __future__ import annotations

from matcalc.comparisons import are_equal
from matcalc.expressions import (
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Power,
    Product,
    Sum,
    Transpose,
    Variable,
    Zero,
)
from matcalc.matrix_functions import MATRIX_FUNCTIONS
from matcalc.sums import negate
from matcalc.transposes import transpose

LOWER, UPPER = 1, 2
DIAGONAL = LOWER | UPPER
_TRIANGULAR = {"lower": LOWER, "upper": UPPER, "diagonal": DIAGONAL}
_AS_OPERANDS = frozenset({"adj", "kron", *MATRIX_FUNCTIONS})
_FACTORS = {"chol": LOWER, "lu_l": LOWER, "lu_u": UPPER, "qr_r": UPPER}
_ORTHONORMAL = frozenset({"eigvecs", "qr_q", "svd_u", "svd_v", "polar"})


def is_square(node: Expression) -> bool:
    """Whether the node is a matrix with as many rows as columns."""
    return are_equal(*node.shape)


def triangles(node: Expression) -> int:
    """LOWER where all entries above the diagonal are seen to be 0, UPPER for those below, DIAGONAL for both.

    >>> import matcalc as mc
    >>> L, M = mc.variables("L, M: matrix(n,n) lower")
    >>> triangles(L @ M + L**-1) == LOWER, triangles(L @ M.T) == 0
    (True, True)
    """
    if hasattr(node, "_triangles"):
        return node._triangles
    stack = [node]
    while stack:
        part = stack[-1]
        waiting = [] if hasattr(part, "_triangles") else [o for o in part.operands if not hasattr(o, "_triangles")]
        if waiting:
            stack.extend(waiting)
        else:
            if not hasattr(part, "_triangles"):
                part._triangles = _own_triangles(part)
            stack.pop()
    return node._triangles


def _own_triangles(node: Expression) -> int:
    if node.is_scalar or not is_square(node):
        return 0
    if isinstance(node, Variable):
        found = 0
        for word in node.properties & _TRIANGULAR.keys():
            found |= _TRIANGULAR[word]
        return DIAGONAL if found and "symmetric" in node.properties else found
    if isinstance(node, (Identity, Zero)):
        return DIAGONAL
    if isinstance(node, (Sum, Product)):
        return _common(node.chain if isinstance(node, Product) else node.operands)
    if isinstance(node, Hadamard):
        found = 0
        for f in node.operands:
            found |= f._triangles
        return found
    if isinstance(node, Power):
        return node.operands[0]._triangles
    if isinstance(node, Transpose):
        turned = node.operands[0]._triangles
        return turned if turned in (0, DIAGONAL) else DIAGONAL - turned
    if isinstance(node, EntrywisePower):
        base, exponent = node._args
        positive = isinstance(exponent, Number) and bool(exponent.value.is_positive)
        return base._triangles if positive and not base.is_scalar else 0
    return _of_function(node) if isinstance(node, Apply) else 0


def _common(parts: tuple[Expression, ...]) -> int:
    found = DIAGONAL
    for part in parts:
        found &= part._triangles
    return found


def _of_function(node: Apply) -> int:
    if node.function == "diag":
        return DIAGONAL
    if node.function in ("tril", "triu"):
        return node.operands[0]._triangles | (LOWER if node.function == "tril" else UPPER)
    return _common(node.operands) if node.function in _AS_OPERANDS else _FACTORS.get(node.function, 0)


def is_symmetric(node: Expression) -> bool:
    """Whether the matrix is seen to be its own transpose."""
    return is_square(node) and transpose(node) is node


def is_skew(node: Expression) -> bool:
    """Whether the matrix is seen to be the negative of its transpose."""
    return not node.is_scalar and is_square(node) and transpose(node) is negate(node)


def is_orthogonal(node: Expression) -> bool:
    """Whether the columns are seen to be orthonormal: Q, Q' for square Q, and products of such."""
    if isinstance(node, Variable):
        return "orthogonal" in node.properties
    if isinstance(node, Transpose):
        return is_square(node) and is_orthogonal(node._args[0])
    if isinstance(node, Product):
        return not node.scalars and abs(node.coefficient) == 1 and all(map(is_orthogonal, node.chain))
    return isinstance(node, Identity) or (isinstance(node, Apply) and node.function in _ORTHONORMAL)


def has_property(node: Expression, word: str) -> bool:
    """Whether a node is seen to have a property, declared or not.

    >>> import matcalc as mc
    >>> A = mc.parse("A", where="A: matrix(n,n)")
    >>> has_property(A + A.T, "symmetric"), has_property(A, "symmetric")
    (True, False)
    """
    if isinstance(node, Variable) and word in node.properties:
        return True
    if word in _TRIANGULAR:
        wanted = _TRIANGULAR[word]
        return triangles(node) & wanted == wanted
    seen = _SEEN.get(word)
    return seen is not None and not node.is_scalar and seen(node)


_SEEN = {"symmetric": is_symmetric, "skew": is_skew, "orthogonal": is_orthogonal}
