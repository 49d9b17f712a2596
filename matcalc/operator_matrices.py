"""The matrix of a linear operator on vec: L·dX·R ↦ Rᵀ ⊗ L, dXᵀ ↦ K, C ⊙ dX ↦ diag(vec C), …

Every linear primitive has a matrix, so that the Jacobian of anything can be written down.
Source: Magnus & Neudecker, Matrix Differential Calculus, chapters 2, 3 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Integer

from matcalc.adjoints import corners, cut, pullback, window
from matcalc.applications import apply
from matcalc.errors import NotDifferentiable
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
    Dimension,
    Expression,
    Hadamard,
    IndexedSum,
    Number,
    Product,
    Sum,
    Transpose,
    depends_on,
    postorder,
)
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import commutation, elimination, identity, number, ones, zero
from matcalc.matrix_functions import MATRIX_FUNCTIONS
from matcalc.powers import hadamard, indexed_sum
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.sums import add
from matcalc.transposes import transpose


def operator_matrix(linear: Expression, D: Expression) -> Expression:
    """M with vec(L(D)) = M vec(D), for an expression L(D) that is linear in the variable D.

    >>> import matcalc as mc
    >>> X, dX = mc.variables("X: matrix(n,n), dX: matrix(n,n)")
    >>> str(operator_matrix(dX @ X + X @ dX, dX))
    "kron(eye(n), X) + kron(X', eye(n))"
    """
    order = postorder(linear)
    active = depends_on(order, [D])
    if linear not in active:
        return zero(linear.rows * linear.columns, D.rows * D.columns)
    needed = {linear}
    for node in reversed(order):
        if node in needed and not node.is_scalar:
            needed.update(node.operands)
    found: dict[Expression, Expression] = {D: identity(D.rows * D.columns)}
    for node in order:
        if node in needed and node in active and node not in found:
            found[node] = _matrix_of(node, D, found)
    return found[linear]


def local_matrices(linear: Expression, D: Expression) -> Iterator[tuple[Expression, dict[Expression, Expression]]]:
    """Each node of L(D) from the outside in, with the M of its operands: vec(node) is the sum of M vec(operand).

    >>> import matcalc as mc
    >>> X, dX = mc.variables("X: matrix(n,n), dX: matrix(n,n)")
    >>> for node, matrices in local_matrices(dX @ X + X @ dX, dX):
    ...     print(node, {str(operand): str(M) for operand, M in matrices.items()})
    dX*X + X*dX {'X*dX': 'eye(n^2)', 'dX*X': 'eye(n^2)'}
    dX*X {'dX': "kron(X', eye(n))"}
    X*dX {'dX': 'kron(eye(n), X)'}
    """
    order = postorder(linear)
    active = depends_on(order, [D])
    reached = {linear}
    for node in reversed(order):
        if node in reached and node in active and node is not D:
            found = _local_matrices(node, D, active)
            reached.update(found)
            yield node, found


def _local_matrices(node: Expression, D: Expression, active: set[Expression]) -> dict[Expression, Expression]:
    if node.is_scalar or isinstance(node, IndexedSum):  # the index of a sum stays inside of it
        return {D: operator_matrix(node, D)}
    operands = [o for o in dict.fromkeys(node.operands) if o in active]
    if isinstance(node, Product) and len(node.chain) == 2 and isinstance(operands[0], Apply):
        if operands[0].function == "diag":  # diag(w)*A, which is taken as one operation
            w = operands[0].operands[0]
            same = identity(w.rows)
            return {w: _matrix_of(node, D, {operands[0]: same, w: same})}
    return {o: _matrix_of(node, D, {o: identity(o.rows * o.columns)}) for o in operands}


def _matrix_of(node: Expression, D: Expression, found: dict[Expression, Expression]) -> Expression:
    if node.is_scalar:  # by one reverse pass, which needs no matrix of what is inside
        return transpose(apply("vec", pullback(node, number(1), [D])[D]))
    if isinstance(node, Sum):
        return add(*(found[t] for t in node._args if t in found))
    if isinstance(node, Product):
        return _matrix_of_product(node, found)
    if isinstance(node, Transpose):
        X = node._args[0]
        return multiply(commutation(*X.shape), found[X])
    if isinstance(node, Hadamard):
        X = next(f for f in node._args if f in found)
        others = [f for f in node._args if f is not X]
        return multiply(apply("diag", apply("vec", hadamard(*others))), found[X])
    if isinstance(node, IndexedSum):
        index, lower, upper, body = node._args
        return indexed_sum(index, lower, upper, found[body])
    if isinstance(node, Block):
        return _matrix_of_block(node, found)
    if isinstance(node, Apply) and FUNCTIONS[node.function].named:
        return _of_analytic(node, found)
    if isinstance(node, Apply) and node.function in _FUNCTIONS:
        return _FUNCTIONS[node.function](node, found)
    raise NotDifferentiable(f"there is no matrix for {type(node).__name__}")


def _matrix_of_product(node: Product, found: dict[Expression, Expression]) -> Expression:
    outer = number(node.coefficient)
    for i, s in enumerate(node.scalars):
        if s in found:
            others = multiply(outer, *node.scalars[:i], *node.scalars[i + 1 :], *node.chain)
            return multiply(apply("vec", others), found[s])
    i = next(i for i, f in enumerate(node.chain) if f in found)
    X = node.chain[i]
    if isinstance(X, Apply) and X.function == "diag" and len(node.chain) == 2:
        return multiply(outer, *node.scalars, _of_scaled(node.chain[1 - i], i == 0), found[X.operands[0]])
    left = multiply(*node.chain[:i]) if i else identity(X.rows)
    right = multiply(*node.chain[i + 1 :]) if i + 1 < len(node.chain) else identity(X.columns)
    return multiply(outer, *node.scalars, apply("kron", transpose(right), left), found[X])


def _matrix_of_block(node: Block, found: dict[Expression, Expression]) -> Expression:
    count, blocks = int(node._args[0]), node._args[1:]
    width = len(blocks) // count
    above, before = corners(node)
    terms = []
    for k, b in enumerate(blocks):
        if b in found:
            left = window(before[k % width], b.columns, node.columns)
            place = apply("kron", left, window(above[k // width], b.rows, node.rows))
            terms.append(multiply(place, found[b]))
    return add(*terms)


def _diag(node: Apply, found: dict[Expression, Expression]) -> Expression:
    x = node.operands[0]
    spread = apply("kron", ones(x.rows, ONE), identity(x.rows))
    return multiply(_on_diagonal(x.rows), spread, found[x])


def _of_scaled(A: Expression, by_rows: bool) -> Expression:
    """The matrix of w ↦ diag(w)*A, which is A ⊙ w*ones', or of w ↦ A*diag(w)."""
    m, n = A.shape
    spread = (ones(n, ONE), identity(m)) if by_rows else (identity(n), ones(m, ONE))
    return multiply(apply("diag", apply("vec", A)), apply("kron", *spread))


def _diagonal(node: Apply, found: dict[Expression, Expression]) -> Expression:
    X = node.operands[0]
    gather = apply("kron", ones(ONE, X.rows), identity(X.rows))
    return multiply(gather, _on_diagonal(X.rows), found[X])


def _on_diagonal(n: Dimension) -> Expression:
    return apply("diag", apply("vec", identity(n)))


def _triangle(node: Apply, found: dict[Expression, Expression]) -> Expression:
    X = node.operands[0]
    mask = apply(node.function, ones(*X.shape))
    return multiply(apply("diag", apply("vec", mask)), found[X])


def _vech(node: Apply, found: dict[Expression, Expression]) -> Expression:
    X = node.operands[0]
    return multiply(elimination(X.rows), found[X])


def _same(node: Apply, found: dict[Expression, Expression]) -> Expression:
    return found[node.operands[0]]


def _kron(node: Apply, found: dict[Expression, Expression]) -> Expression:
    """vec(A ⊗ B) = (I ⊗ K ⊗ I)(vec A ⊗ vec B); Magnus & Neudecker, chapter 3, theorem 10."""
    A, B = node.operands
    terms = []
    if A in found:
        column = apply("kron", identity(A.rows * A.columns), apply("vec", B))
        terms.append(multiply(_shuffle(A.shape, B.shape), column, found[A]))
    if B in found:
        column = apply("kron", apply("vec", A), identity(B.rows * B.columns))
        terms.append(multiply(_shuffle(A.shape, B.shape), column, found[B]))
    return add(*terms)


def _shuffle(a: tuple[Dimension, Dimension], b: tuple[Dimension, Dimension]) -> Expression:
    (m, n), (p, q) = a, b
    return apply("kron", identity(n), apply("kron", commutation(q, m), identity(p)))


def _rearrange(node: Apply, found: dict[Expression, Expression]) -> Expression:
    X, *sizes = node.operands
    m, n = (s.value for s in sizes if isinstance(s, Number))
    p, q = (X.rows / m).cancel(), (X.columns / n).cancel()
    return multiply(commutation(p * q, m * n), transpose(_shuffle((m, n), (p, q))), found[X])


def _unrearrange(node: Apply, found: dict[Expression, Expression]) -> Expression:
    X, *sizes = node.operands
    m, n, p, q = (s.value for s in sizes if isinstance(s, Number))
    return multiply(_shuffle((m, n), (p, q)), commutation(m * n, p * q), found[X])


def _of_analytic(node: Apply, found: dict[Expression, Expression]) -> Expression:
    """The matrix of L(A, ·) is the last block of f([I⊗A I; 0 A'⊗I]); Higham 2008, section 3.2."""
    A, E = node.operands
    eye, size = identity(A.rows), A.rows**2
    blocks = (apply("kron", eye, A), identity(size), zero(size, size), apply("kron", transpose(A), eye))
    value = apply(node.function.removeprefix("d"), CONSTRUCTORS["Block"](Integer(2), *blocks))
    return multiply(cut(value, Integer(0), size, size, size), found[E])


def _sylvester(node: Apply, found: dict[Expression, Expression]) -> Expression:
    A, B, C = node.operands
    return multiply(_inverse_of_kronecker_sum(A, B), found[C])


def _of_root(node: Apply, found: dict[Expression, Expression]) -> Expression:
    """R dR + dR R = dA for R = sqrtm(A)."""
    R = apply("sqrtm", node.operands[0])
    return multiply(_inverse_of_kronecker_sum(R, R), found[node.operands[1]])


def _inverse_of_kronecker_sum(A: Expression, B: Expression) -> Expression:
    """The matrix of the X with A X + X B = C."""
    left, right = apply("kron", identity(B.rows), A), apply("kron", transpose(B), identity(A.rows))
    return apply("inv", add(left, right))


_FUNCTIONS: dict[str, Callable[[Apply, dict[Expression, Expression]], Expression]] = {
    "diag": _diag,
    "diagonal": _diagonal,
    "tril": _triangle,
    "triu": _triangle,
    "vec": _same,
    "vech": _vech,
    "unvec": _same,
    "kron": _kron,
    **{f"d{name}": _of_analytic for name in MATRIX_FUNCTIONS},
    "dsqrtm": _of_root,
    "sylvester": _sylvester,
    "rearrange": _rearrange,
    "unrearrange": _unrearrange,
}
