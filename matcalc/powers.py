"""The normal form of powers and entrywise products, of blocks and of indexed sums."""

from __future__ import annotations

from typing import Any

from sympy import Expr, Integer, Rational

from matcalc.comparisons import are_equal, is_even
from matcalc.errors import DomainError, ShapeError
from matcalc.expressions import (
    ONE,
    Apply,
    Block,
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
    Variable,
    Zero,
    depends_on,
    intern,
    postorder,
)
from matcalc.leaves import (
    MINUS_ONE,
    ONE_NODE,
    ZERO_NODE,
    expression,
    identity,
    is_zero,
    number,
    ones,
    variable,
    zero,
)
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.sums import add, describe, negate, product_of, scale, split_coefficient, unsigned
from matcalc.transposes import is_turned, transpose

LARGEST_FOLDED_EXPONENT = 64
LARGEST_FOLDED_BITS = 2000
MOST_WRITTEN_TERMS = 8
MOST_WRITTEN_NODES = 400


def is_integer_valued(node: Expression) -> bool:
    """Whether the scalar is known to take integer values only."""
    if isinstance(node, Number):
        return bool(node.value.is_integer)
    if isinstance(node, Variable):
        return "integer" in node.properties
    if isinstance(node, (Sum, Product)):
        return all(is_integer_valued(a) for a in node.operands)
    if isinstance(node, Power) and isinstance(node._args[1], Number):
        return is_integer_valued(node._args[0]) and bool(node._args[1].value.is_nonnegative)
    return False


def power(base: Expression, exponent: Expression) -> Expression:
    """``base^exponent`` for a scalar base, or a square matrix; with a fraction it is the principal power.

    Raises ShapeError if the base is neither, or the exponent is not a scalar.
    """
    if not exponent.is_scalar:
        raise ShapeError(f"the exponent {describe(exponent)} is not a scalar")
    if exponent is ONE_NODE:
        return base
    if base.is_scalar:
        return _scalar_power(base, exponent)
    if not are_equal(*base.shape):
        raise ShapeError(f"{describe(base)} is not square and has no power", hint="entrywise powers are x.^2")
    return _matrix_power(base, exponent) if is_integer_valued(exponent) else _fractional_power(base, exponent)


def _fractional_power(base: Expression, exponent: Expression) -> Expression:
    """The principal power of a matrix: of its square root, or by its logarithm; Higham 2008, chapter 7."""
    apply = CONSTRUCTORS["Apply"]
    if isinstance(exponent, Number) and (2 * exponent.value).is_integer:
        return power(apply("sqrtm", base), number(2 * exponent.value))
    root: Expression = apply("expm", multiply(exponent, apply("logm", base)))
    return root


def _scalar_power(base: Expression, exponent: Expression) -> Expression:
    if exponent is ZERO_NODE:
        return ONE_NODE
    value = exponent.value if isinstance(exponent, Number) else None
    if isinstance(base, Number):
        if base is ONE_NODE:
            return base
        folded = _folded(base.value, value)
        if folded is not None:
            return folded
    if isinstance(base, Power) and value is not None and (value.is_integer or _is_norm(base._args[0])):
        return power(base._args[0], multiply(base._args[1], exponent))
    if isinstance(base, Product) and value is not None and not base.chain:
        if value.is_integer:
            factors = [power(s, exponent) for s in base.scalars]
            return multiply(power(number(base.coefficient), exponent), *factors)
        c = base.coefficient
        root = _folded(c, value) if c is not ONE and c.is_positive else None
        if root is not None:
            return multiply(root, power(product_of(ONE, base.scalars, (), base.shape), exponent))
    if value is not None and is_even(value):
        if _is_absolute(base):
            return power(base._args[1], exponent)
        _, base = unsigned(base)
    return intern(Power, (base, exponent), base.shape)


def _is_absolute(node: Expression) -> bool:
    """Whether the node is |A|, entry by entry, whose even powers are those of A."""
    return isinstance(node, Apply) and node.function == "abs"


def _is_norm(node: Expression) -> bool:
    """Whether the scalar is known to be nonnegative, so that its powers of powers multiply."""
    return isinstance(node, Apply) and node.function in ("norm2", "exp")


def _folded(base: Expr, exponent: Expr | None) -> Expression | None:
    """A power of numbers as a number where it is rational and small."""
    if not isinstance(exponent, Rational) or abs(exponent) > LARGEST_FOLDED_EXPONENT or exponent.q > 8:
        return None
    if not isinstance(base, Rational):
        return number(base**exponent) if exponent.is_integer else None
    if base == 0:
        if exponent < 0:
            raise DomainError("division by zero", hint="0 has no reciprocal")
        return number(0)
    if max(base.p.bit_length(), base.q.bit_length()) * abs(exponent.p) > LARGEST_FOLDED_BITS:
        return None
    if base < 0 and not exponent.is_integer:
        return None
    folded = base**exponent
    return number(folded) if isinstance(folded, Rational) else None


def _matrix_power(base: Expression, exponent: Expression) -> Expression:
    if exponent is ZERO_NODE:
        return identity(base.rows)
    if isinstance(base, Identity):
        return base
    if isinstance(base, Power):
        return power(base._args[0], multiply(base._args[1], exponent))
    if isinstance(base, Product) and (base.coefficient is not ONE or base.scalars):
        bare = product_of(ONE, (), base.chain, base.shape)
        outer = product_of(base.coefficient, base.scalars, (), ONE_NODE.shape)
        return multiply(power(outer, exponent), power(bare, exponent))
    if isinstance(base, Zero) and isinstance(exponent, Number) and exponent.value > 0:
        return base
    if exponent is MINUS_ONE:
        inverse = _inverse(base)
        if inverse is not None:
            return inverse
    if isinstance(base, Apply) and base.function == "diag":
        return CONSTRUCTORS["Apply"]("diag", entrywise_power(base._args[1], exponent))
    if isinstance(base, Apply) and base.function == "kron" and all(are_equal(*f.shape) for f in base.operands):
        return CONSTRUCTORS["Apply"]("kron", *(power(f, exponent) for f in base.operands))
    if isinstance(exponent, Number) and is_even(exponent.value):
        _, base = unsigned(base)
    return intern(Power, (base, exponent), base.shape)


def _inverse(base: Expression) -> Expression | None:
    """The inverse where the normal form knows it: of orthogonal matrices and of products of square ones."""
    inner = base._args[0] if isinstance(base, Transpose) else base
    if isinstance(inner, Variable) and "orthogonal" in inner.properties:
        return transpose(base)
    if isinstance(base, Product) and all(are_equal(*f.shape) for f in base.chain):
        return multiply(*(power(f, MINUS_ONE) for f in reversed(base.chain)))
    return None


# ---- entrywise ----------------------------------------------------------------------------------------------------


def hadamard(*factors: Expression) -> Expression:
    """The entrywise product of factors of one shape; scalars multiply."""
    outer: list[Expression] = []
    matrices: dict[Expression, list[Expression]] = {}
    shape = None
    todo = list(reversed(factors))
    while todo:
        f = todo.pop()
        if f.is_scalar:
            outer.append(f)
            continue
        if shape is not None and f.shape != shape:
            raise ShapeError(f"cannot multiply entrywise {describe(factors[0])} and {describe(f)}")
        shape = f.shape
        if isinstance(f, Product) and (f.coefficient is not ONE or f.scalars):
            outer += [number(f.coefficient), *f.scalars]
            f = product_of(ONE, (), f.chain, f.shape)
        flipped, f = unsigned(f)
        if flipped:
            outer.append(MINUS_ONE)
        if isinstance(f, Hadamard):
            todo.extend(reversed(f._args))
        elif not isinstance(f, Ones):
            base = f._args[0] if isinstance(f, EntrywisePower) and f._args[1].is_scalar else f
            matrices.setdefault(base if not base.is_scalar else f, []).append(f)
    if shape is None:
        return multiply(*outer)
    if any(isinstance(b, Zero) for b in matrices):
        return zero(*shape)
    merged = [fs[0] if len(fs) == 1 else _merge(base, fs) for base, fs in matrices.items()]
    if any(len(fs) > 1 for fs in matrices.values()):
        return multiply(*outer, hadamard(ones(*shape), *merged))
    return multiply(*outer, _hadamard_of(merged, shape))


def _merge(base: Expression, factors: list[Expression]) -> Expression:
    return entrywise_power(base, add(*(ONE_NODE if f is base else f._args[1] for f in factors)))


def _hadamard_of(factors: list[Expression], shape: tuple[Expr, Expr]) -> Expression:
    if not factors:
        return ones(*shape)
    if len(factors) == 1:
        return factors[0]
    for i, f in enumerate(factors):
        if isinstance(f, (Apply, Identity, Product)):
            joined = _join_entrywise(f, [*factors[:i], *factors[i + 1 :]])
            if joined is not None:
                return joined
    if all(map(is_turned, factors)):
        return transpose(hadamard(*map(transpose, factors)))
    factors.sort(key=lambda f: f.key)
    return intern(Hadamard, tuple(factors), shape, True)


def _join_entrywise(f: Expression, others: list[Expression]) -> Expression | None:
    """A diagonal matrix, or the outer product of a vector and ones, times other factors entrywise."""
    if isinstance(f, Apply) and f.function == "diag":
        diagonals = [CONSTRUCTORS["Apply"]("diagonal", o) for o in others]
        return CONSTRUCTORS["Apply"]("diag", hadamard(f._args[1], *diagonals))
    if isinstance(f, Identity):
        return CONSTRUCTORS["Apply"]("diag", CONSTRUCTORS["Apply"]("diagonal", hadamard(*others)))
    if isinstance(f, Product) and len(f.chain) > 1:
        if isinstance(f.chain[-1], Ones) and f.chain[-1].rows is ONE:
            column = multiply(*f.chain[:-1])
            return multiply(CONSTRUCTORS["Apply"]("diag", column), hadamard(*others))
        if isinstance(f.chain[0], Ones) and f.chain[0].columns is ONE:
            row = transpose(multiply(*f.chain[1:]))
            return multiply(hadamard(*others), CONSTRUCTORS["Apply"]("diag", row))
    return None


def of_ones(node: Expression) -> Expression | None:
    """s where the node is s times a matrix of ones."""
    if isinstance(node, Product) and len(node.chain) == 1 and isinstance(node.chain[0], Ones):
        return product_of(node.coefficient, node.scalars, (), ONE_NODE.shape)
    if isinstance(node, Product) and not node.scalars and node.coefficient is ONE and len(node.chain) == 2:
        return ONE_NODE if all(isinstance(f, Ones) for f in node.chain) else None
    return None


def entrywise_power(base: Expression, exponent: Expression) -> Expression:
    """``base.^exponent``; where both are matrices their shapes agree."""
    if base.is_scalar and exponent.is_scalar:
        return power(base, exponent)
    if not base.is_scalar and not exponent.is_scalar and base.shape != exponent.shape:
        raise ShapeError(f"cannot raise {describe(base)} entrywise to {describe(exponent)}")
    if exponent is ONE_NODE or isinstance(base, Ones):
        return base
    if is_zero(exponent):
        return ones(*(base.shape if exponent.is_scalar else exponent.shape))
    integral = is_integer_valued(exponent)
    shape = base.shape if exponent.is_scalar else exponent.shape
    if base.is_scalar:
        return intern(EntrywisePower, (base, exponent), shape)
    scalar = of_ones(base)
    if scalar is not None and exponent.is_scalar:
        return multiply(power(scalar, exponent), ones(*shape))
    if isinstance(base, EntrywisePower) and integral and base._args[1].is_scalar and not base._args[0].is_scalar:
        return entrywise_power(base._args[0], multiply(base._args[1], exponent))
    if isinstance(base, Product) and (base.coefficient is not ONE or base.scalars) and integral:
        outer = product_of(base.coefficient, base.scalars, (), ONE_NODE.shape)
        bare = product_of(ONE, (), base.chain, base.shape)
        return multiply(power(outer, exponent), entrywise_power(bare, exponent))
    if isinstance(base, Hadamard) and integral:
        return hadamard(*(entrywise_power(f, exponent) for f in base._args))
    if exponent.is_scalar and is_turned(base):
        return transpose(entrywise_power(transpose(base), exponent))
    if isinstance(exponent, Number) and is_even(exponent.value):
        if _is_absolute(base):
            return entrywise_power(base._args[1], exponent)
        _, base = unsigned(base)
    return intern(EntrywisePower, (base, exponent), shape)


# ---- collections --------------------------------------------------------------------------------------------------


def block(count: int | Integer, *blocks: Expression) -> Expression:
    """The block matrix with ``count`` block rows, the blocks given row by row."""
    width = len(blocks) // int(count)
    rows = [blocks[i * width : (i + 1) * width] for i in range(int(count))]
    for row in rows:
        for b in row:
            if b.rows != row[0].rows:
                raise ShapeError(f"{describe(row[0])} and {describe(b)} in one block row differ in their rows")
    for j in range(width):
        for row in rows:
            if row[j].columns != rows[0][j].columns:
                raise ShapeError(
                    f"{describe(rows[0][j])} and {describe(row[j])} in one block column differ in their columns"
                )
    shape = (sum((r[0].rows for r in rows), Integer(0)), sum((b.columns for b in rows[0]), Integer(0)))
    if len(blocks) == 1:
        return blocks[0]
    if all(is_zero(b) for b in blocks):
        return zero(*shape)
    return intern(Block, (Integer(count), *blocks), shape)


def indexed_sum(index: Expression, lower: Expression, upper: Expression, body: Expression) -> Expression:
    """``Σ body`` over the integer index from lower to upper, both inclusive."""
    if is_zero(body):
        return body
    if not _occurs(index, body):
        return multiply(_count(lower, upper), body)
    ends = [bound.value for bound in (lower, upper) if isinstance(bound, Number) and bound.value.is_Integer]
    count = ends[1] - ends[0] + 1 if len(ends) == 2 else MOST_WRITTEN_TERMS + 1
    if count <= MOST_WRITTEN_TERMS and count * len(postorder(body)) <= MOST_WRITTEN_NODES:
        values = range(int(ends[0]), int(ends[1]) + 1)
        terms = [CONSTRUCTORS["substitute"](body, {index: number(i)}) for i in values]
        return add(zero(*body.shape), *terms)
    c, rest = split_coefficient(body)
    if c is not ONE and not isinstance(body, Power):
        return scale(c, indexed_sum(index, lower, upper, rest))
    bound = _bound_index(index, body)
    if bound is not index:
        return indexed_sum(bound, lower, upper, CONSTRUCTORS["substitute"](body, {index: bound}))
    return intern(IndexedSum, (bound, lower, upper, body), body.shape)


def _count(lower: Expression, upper: Expression) -> Expression:
    """How many integers there are from lower to upper: none where upper is less. A variable alone is a count itself."""
    count = add(upper, negate(lower), ONE_NODE)
    is_count = count.value.is_nonnegative if isinstance(count, Number) else isinstance(count, Variable)
    found: Expression = count if is_count else CONSTRUCTORS["Apply"]("relu", count)
    return found


def _bound_index(index: Expression, body: Expression) -> Variable:
    """The variable #h that the sum binds: h is one more than for any sum inside, unless that is another's index."""
    parts = postorder(body)
    inside = [e._args[0] for e in parts if isinstance(e, IndexedSum)]
    level = 1 + max((int(v.name[1:]) for v in inside), default=0)
    others = {e.name for e in parts if isinstance(e, Variable) and e is not index and e not in inside}
    while f"#{level}" in others:
        level += 1
    return variable(f"#{level}", ONE, ONE, "integer")


def _occurs(index: Expression, body: Expression) -> bool:
    return body in depends_on(postorder(body), [index])


def _python_power(base: Any, exponent: Any) -> Expression:
    return power(expression(base), expression(exponent))


CONSTRUCTORS.update(Power=power, Hadamard=hadamard, EntrywisePower=entrywise_power)
CONSTRUCTORS.update(Block=block, IndexedSum=indexed_sum)
CONSTRUCTORS["**"] = _python_power
