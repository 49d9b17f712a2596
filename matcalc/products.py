"""The normal form of products: flattened into ``coefficient · scalars · chain``, neighbours joined.

Inverses are cancelled; a row times a column is split off as a scalar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sympy import Expr, S

from matcalc.comparisons import are_equal, is_odd
from matcalc.errors import ShapeError
from matcalc.expressions import (
    ONE,
    SCALAR,
    Apply,
    Commutation,
    EntrywisePower,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Shape,
    Sum,
    Transpose,
    Unit,
    Variable,
    Zero,
    intern,
)
from matcalc.leaves import (
    ONE_NODE,
    ZERO_NODE,
    identity,
    number,
    ones,
    zero,
)
from matcalc.registries import CONSTRUCTORS
from matcalc.structures import DIAGONAL, triangles
from matcalc.sums import (
    ZERO_VALUE,
    add,
    describe,
    product_of,
    scale,
    split_coefficient,
    unsigned,
    unsigned_power,
)
from matcalc.transposes import transpose


def multiply(*factors: Expression) -> Expression:
    """The matrix product of the factors, scalars standing anywhere."""
    factors = tuple([f for f in factors if f is not ONE_NODE])
    if len(factors) < 2:
        return factors[0] if factors else ONE_NODE
    coefficient: Expr = ONE
    powers: dict[Expression, list[Expression]] = {}
    chain: list[Expression] = []
    plain = True  # whether no factor in the chain may join one that comes later, but an equal or transposed one
    todo = list(reversed(factors))
    while todo:
        f = todo.pop()
        kind = type(f)
        if kind is Product and not (f.is_scalar and f.chain):
            coefficient = f.coefficient if coefficient is ONE else coefficient * f.coefficient
            todo.extend(reversed(f.chain))
            todo.extend(f.scalars)
        elif kind is Number:
            coefficient = f.value if coefficient is ONE else coefficient * f.value
        elif f.is_scalar:
            if kind is Sum or kind is Power:
                flipped, f = unsigned_power(f)
                coefficient = -coefficient if flipped else coefficient
            powers.setdefault(f._args[0] if kind is Power else f, []).append(f)
        else:
            if kind is Sum:
                flipped, f = unsigned(f)
                coefficient = -coefficient if flipped else coefficient
            elif kind is Identity and chain and chain[-1].shape[1] is f.shape[0]:
                continue
            plain = plain and (kind in _PLAIN or _is_plain(f))
            if plain and (not chain or _are_apart(chain[-1], f)):
                chain.append(f)
                if f.shape[1] is ONE:
                    _take_scalar(chain, todo)
            else:
                coefficient = _push(chain, f, todo, coefficient)
    if coefficient is ZERO_VALUE:
        return zero(*_outer_shape(factors))
    if plain and chain and not powers:
        return product_of(coefficient, (), tuple(chain), (chain[0].shape[0], chain[-1].shape[1]))
    return _assemble(coefficient, powers, chain, plain)


_PLAIN = frozenset((Variable, Transpose, Sum, Hadamard, EntrywisePower, Identity))


def _is_plain(f: Expression) -> bool:
    """Whether a matrix factor can only join a neighbour of the same base, its own transpose or an identity."""
    if isinstance(f, Power):
        return type(f._args[0]) is not Product
    return type(f) in _PLAIN or (isinstance(f, Apply) and f.function != "diag")


def _are_apart(top: Expression, f: Expression) -> bool:
    """Whether two plain neighbours fit together and surely do not make something simpler."""
    base, other = top._args[0] if type(top) is Power else top, f._args[0] if type(f) is Power else f
    if top.shape[1] is not f.shape[0] or base is other:
        return False
    kind, other_kind = type(base), type(other)
    if kind is Variable and other_kind is Transpose:
        return other._args[0] is not base or not base.properties
    if kind is Transpose and other_kind is Variable:
        return base._args[0] is not other or not other.properties
    if kind is Identity or other_kind is Identity or _are_exchanged(top, f):
        return False
    return kind is not Sum or other_kind is not Sum


def _outer_shape(factors: Sequence[Expression]) -> Shape:
    matrices = [f for f in factors if not f.is_scalar]
    return (matrices[0].rows, matrices[-1].columns) if matrices else SCALAR


def _push(chain: list[Expression], f: Expression, todo: list[Expression], coefficient: Expr) -> Expr:
    """Put a matrix factor on the chain, or what it makes of its left neighbour back on the list."""
    kind = type(f)
    if kind is Zero:
        coefficient = ZERO_VALUE
    elif kind is Ones and (chain or todo) and _is_full(f):
        todo += [ones(ONE, f.columns), ones(f.rows, ONE)]
        return coefficient
    if chain:
        top = chain[-1]
        if not are_equal(top.columns, f.rows):
            raise ShapeError(f"cannot multiply {describe(top)} by {describe(f)}")
        joined = _join(top, f)
        if joined is not None:
            chain.pop()
            todo.append(joined)
            return coefficient
        shortened = _complete_product(chain, f)
        if shortened is not None:
            todo.append(shortened)
            return coefficient
        if _are_exchanged(top, f):
            todo += [chain.pop(), f]
            return coefficient
    if _take_diagonal(chain, f, todo):
        return coefficient
    chain.append(f)
    if f.columns is ONE:
        _take_scalar(chain, todo)
    return coefficient


def _are_exchanged(top: Expression, f: Expression) -> bool:
    """Whether two diagonal matrices, which commute, stand against their order."""
    if (type(top) is Variable and not top.properties) or triangles(f) != DIAGONAL or triangles(top) != DIAGONAL:
        return False
    return base_and_exponent(f)[0].key < base_and_exponent(top)[0].key


def _take_diagonal(chain: list[Expression], f: Expression, todo: list[Expression]) -> bool:
    """A diagonal matrix times a column, or a row times one, is an entrywise product."""
    if f.columns is ONE:
        for i in range(len(chain) - 1, -1, -1):
            x = _diagonal_of(chain[i])
            if x is not None:
                column = multiply(*chain[i + 1 :], f)
                del chain[i:]
                todo.append(CONSTRUCTORS["Hadamard"](x, column))
                return True
    y = _diagonal_of(f)
    if y is not None:
        for i in range(len(chain) - 1, -1, -1):
            if chain[i].rows is ONE:
                row = multiply(*chain[i:])
                del chain[i:]
                todo.append(transpose(CONSTRUCTORS["Hadamard"](transpose(row), y)))
                return True
    return False


def _is_full(f: Expression) -> bool:
    """Whether the factor is a matrix of ones with more than one row and column."""
    return isinstance(f, Ones) and f.rows is not ONE and f.columns is not ONE


def _is_square(f: Expression) -> bool:
    return are_equal(*f.shape)


def _take_scalar(chain: list[Expression], todo: list[Expression]) -> None:
    """Move a row times … times a column from the end of the chain to the scalars."""
    for start in range(len(chain) - 1, -1, -1):
        if chain[start].rows is ONE:
            todo.extend([_inner_product(piece) for piece in _pieces(chain[start:])])
            del chain[start:]
            return


def base_and_exponent(node: Expression) -> tuple[Expression, Expression]:
    """``(b, k)`` with node = b^k."""
    return node._args if isinstance(node, Power) else (node, ONE_NODE)


def _join(top: Expression, f: Expression) -> Expression | None:
    """``top*f`` where the two neighbours make something simpler, else None."""
    kind, other_kind = type(top), type(f)
    if kind is Identity or other_kind is Identity:
        return f if kind is Identity else top
    if _is_square(top) and _is_square(f):
        (base, p), (other, q) = base_and_exponent(top), base_and_exponent(f)
        if base is other:
            return CONSTRUCTORS["Power"](base, add(p, q))
        if isinstance(base, Sum) and isinstance(other, Sum) and len(base._args) == len(other._args):
            return _join_opposites(base, p, other, q)
    if kind is Apply or other_kind is Apply:
        return _join_diagonal(top, f)
    if kind is Transpose and isinstance(f, Variable) and top._args[0] is f:
        if "orthogonal" in f.properties or ("unit" in f.properties and f.columns is ONE):
            return identity(f.columns)
    elif kind is Variable and other_kind is Transpose and f._args[0] is top:
        if "orthogonal" in top.properties and _is_square(top):
            return identity(top.rows)
    elif kind is Commutation and other_kind is Commutation and top._args == f._args[::-1]:
        return identity(top.rows)
    elif kind is Transpose and other_kind is Unit and isinstance(top._args[0], Unit):
        i, j = top._args[0]._args[0], f._args[0]
        if (isinstance(i, Number) and isinstance(j, Number)) or i is j:
            return number(int(i is j))
    elif kind is Ones and other_kind is Ones and top.rows is ONE and f.columns is ONE:
        return number(f.rows)
    elif (kind is Ones and top.rows is ONE and other_kind is Unit) or (
        kind is Transpose and isinstance(top._args[0], Unit) and other_kind is Ones and f.columns is ONE
    ):
        return ONE_NODE
    return None


def _join_opposites(base: Expression, p: Expression, other: Expression, q: Expression) -> Expression | None:
    """``base^p * other^q`` where other is -base, for integers p and q."""
    if not (isinstance(p, Number) and isinstance(q, Number)) or unsigned(base)[1] is not unsigned(other)[1]:
        return None
    joined: Expression = CONSTRUCTORS["Power"](base, add(p, q))
    return scale(S.NegativeOne, joined) if is_odd(q.value) else joined


def _diagonal_of(node: Expression) -> Expression | None:
    """x where the node is diag(x)."""
    return node._args[1] if isinstance(node, Apply) and node.function == "diag" else None


def _join_diagonal(top: Expression, f: Expression) -> Expression | None:
    x, y = _diagonal_of(top), _diagonal_of(f)
    if x is not None and y is not None:
        return CONSTRUCTORS["Apply"]("diag", CONSTRUCTORS["Hadamard"](x, y))
    if x is not None and f.columns is ONE:
        return CONSTRUCTORS["Hadamard"](x, f)
    if y is not None and top.rows is ONE:
        return transpose(CONSTRUCTORS["Hadamard"](transpose(top), y))
    return None


def _complete_product(chain: list[Expression], f: Expression) -> Expression | None:
    """Cancel against the inverse (or raise the power) of a whole product, such as inv(X'X)*X'*X."""
    if isinstance(f, Power) and isinstance(f._args[0], Product):
        factors = f._args[0].chain
        if tuple(chain[-len(factors) :]) == factors:
            del chain[-len(factors) :]
            return CONSTRUCTORS["Power"](f._args[0], add(f._args[1], ONE_NODE))
    for k in range(2, min(len(chain), 12) + 1):
        power = chain[-k]
        if isinstance(power, Power) and isinstance(power._args[0], Product):
            if power._args[0].chain == (*chain[len(chain) - k + 1 :], f):
                del chain[-k:]
                return CONSTRUCTORS["Power"](power._args[0], add(power._args[1], ONE_NODE))
    return None


def _assemble(
    coefficient: Expr,
    powers: dict[Expression, list[Expression]],
    chain: list[Expression],
    plain: bool,
) -> Expression:
    shape = (chain[0].rows, chain[-1].columns) if chain else SCALAR
    kept: list[Expression] = chain if plain else []
    for piece in _pieces(chain) if not plain else ():
        scalar = piece[0].rows is ONE and piece[-1].columns is ONE
        if scalar:
            inner = _inner_product(piece)
            powers.setdefault(inner, []).append(inner)
        else:
            kept.extend(piece)
    if len(kept) > 1 and isinstance(kept[0], Ones) and all(isinstance(k, Ones) for k in kept):
        kept = [ones(kept[0].rows, kept[-1].columns)]
    scalars: list[Expression] = []
    for base, same in powers.items():
        merged = same[0] if len(same) == 1 else _power_sum(base, same)
        c, rest = split_coefficient(merged)
        coefficient = coefficient if c is ONE else coefficient * c
        scalars.extend(rest.scalars if isinstance(rest, Product) and not rest.chain else (rest,))
    if coefficient is ZERO_VALUE:
        return zero(*(shape if kept else SCALAR))
    scalars = [s for s in scalars if s is not ONE_NODE]
    if len(scalars) > 1:
        scalars.sort(key=lambda s: s.key)
    if not kept and coefficient is ONE and len(scalars) == 1:
        return scalars[0]
    return product_of(coefficient, tuple(scalars), tuple(kept), shape if kept else SCALAR)


def _power_sum(base: Expression, same: Iterable[Expression]) -> Expression:
    exponents = [base_and_exponent(f)[1] if f is not base else ONE_NODE for f in same]
    result: Expression = CONSTRUCTORS["Power"](base, add(*exponents))
    return result


def _pieces(chain: list[Expression]) -> list[list[Expression]]:
    """The chain cut wherever the inner dimension is one."""
    pieces: list[list[Expression]] = []
    for i, f in enumerate(chain):
        if i == 0 or f.rows is ONE:
            pieces.append([])
        pieces[-1].append(f)
    return pieces


def _inner_product(piece: list[Expression]) -> Expression:
    """The scalar product of a chain, in the one of its two orders that has the smaller key."""
    if len(piece) == 1:
        return piece[0]
    c, forward = _unsigned_chain(piece)
    first, last = transpose(forward[0]), forward[-1]
    if first.key > last.key or (first is last and len(piece) > 2):
        d, backward = _unsigned_chain([transpose(f) for f in reversed(forward)])
        if d == -1 and backward == forward:
            return ZERO_NODE  # x'Kx with K skew
        if first is not last or [f.key for f in backward] < [f.key for f in forward]:
            c, forward = c if d is ONE else c * d, backward
    chain = tuple(forward)
    return scale(c, intern(Product, chain, SCALAR, True, coefficient=ONE, scalars=(), chain=chain, bare=None))


def _unsigned_chain(piece: list[Expression]) -> tuple[Expr, list[Expression]]:
    """The factors without their signs; a row takes its sign from the column it is the transpose of."""
    c: Expr = ONE
    bare: list[Expression] = []
    for i, f in enumerate(piece):
        if type(f) is Variable or type(f) is Transpose:
            bare.append(f)
            continue
        own, rest = split_coefficient(f)
        flipped, rest = unsigned(transpose(rest) if i == 0 else rest)
        bare.append(transpose(rest) if i == 0 else rest)
        c = c if own is ONE else own * c
        c = -c if flipped else c
    return c, bare


CONSTRUCTORS.update({"Sum": add, "Product": multiply})
