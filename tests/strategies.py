"""Random well-shaped expressions, over every operation and function of the language."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

import matcalc as mc
from matcalc.applications import along, apply
from matcalc.expressions import ONE, Expression, Shape, dimension
from matcalc.function_table import FUNCTIONS
from matcalc.leaves import commutation, identity, number, ones, unit
from matcalc.powers import block, entrywise_power, hadamard, indexed_sum, power
from matcalc.products import multiply
from matcalc.sums import add
from matcalc.transposes import transpose

WHERE = (
    "a, t: scalar, x, y: vector(n), z: vector(m), A: matrix(n,n), B: matrix(n,n), C: matrix(m,n), "
    "S: matrix(n,n) symmetric, P: matrix(n,n) spd, k: scalar integer"
)
VARIABLES = mc.variables(WHERE)
k = VARIABLES[-1]
DIFFERENTIABLE = [v for v in VARIABLES if v is not k]
N, M = dimension("n"), dimension("m")
SHAPES: list[Shape] = [(ONE, ONE), (N, ONE), (M, ONE), (N, N), (M, N), (N, M), (ONE, N)]
ENTRYWISE = sorted(name for name, row in FUNCTIONS.items() if row.is_entrywise and name != "polygamma")
SAFE = ("sin", "cos", "tanh", "exp", "sigmoid", "softplus", "arctan", "arcsinh", "erf", "relu", "abs", "cosh")

Draw = Callable[[st.SearchStrategy[object]], object]


@st.composite
def expressions(draw: Draw, shape: Shape = (ONE, ONE), depth: int = 4) -> Expression:
    """A random expression of the given shape, nested at most ``depth`` deep."""
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        return draw(leaves(shape))  # type: ignore[return-value]
    choices = _scalar_nodes if shape == (ONE, ONE) else _matrix_nodes
    make = draw(st.sampled_from(choices))
    result = make(draw, shape, depth - 1)  # type: ignore[operator]
    return result if result is not None else draw(leaves(shape))  # type: ignore[return-value]


@st.composite
def leaves(draw: Draw, shape: Shape) -> Expression:
    """A variable of the shape where there is one, or a constant."""
    found: list[Expression] = [v for v in DIFFERENTIABLE if v.shape == shape]
    found += [transpose(v) for v in DIFFERENTIABLE if v.shape == shape[::-1] and not v.is_scalar]
    if shape == (ONE, ONE):
        found += [number(2), number(1), number(-3)]
    elif shape[0] == shape[1]:
        found.append(identity(shape[0]))
    found.append(ones(*shape))
    return draw(st.sampled_from(found))  # type: ignore[return-value]


def _part(draw: Draw, shape: Shape, depth: int) -> Expression:
    return draw(expressions(shape, depth))  # type: ignore[return-value]


def _sum(draw: Draw, shape: Shape, depth: int) -> Expression:
    return add(_part(draw, shape, depth), _part(draw, shape, depth))


def _difference(draw: Draw, shape: Shape, depth: int) -> Expression:
    return add(_part(draw, shape, depth), multiply(number(-2), _part(draw, shape, depth)))


def _scaled(draw: Draw, shape: Shape, depth: int) -> Expression:
    return multiply(_part(draw, (ONE, ONE), depth), _part(draw, shape, depth))


def _product(draw: Draw, shape: Shape, depth: int) -> Expression:
    inner = draw(st.sampled_from([N, M, ONE]))
    return multiply(_part(draw, (shape[0], inner), depth), _part(draw, (inner, shape[1]), depth))  # type: ignore[arg-type]


def _entrywise_product(draw: Draw, shape: Shape, depth: int) -> Expression:
    return hadamard(_part(draw, shape, depth), _part(draw, shape, depth))


def _transposed(draw: Draw, shape: Shape, depth: int) -> Expression:
    return transpose(_part(draw, shape[::-1], depth))


def _function(draw: Draw, shape: Shape, depth: int) -> Expression:
    name = draw(st.sampled_from([*SAFE, *ENTRYWISE]))
    return apply(name, _part(draw, shape, depth))


def _powers(draw: Draw, shape: Shape, depth: int) -> Expression:
    exponent = number(draw(st.sampled_from([2, 3, -1])))  # type: ignore[arg-type]
    return entrywise_power(_part(draw, shape, depth), exponent)


def _root(draw: Draw, shape: Shape, depth: int) -> Expression:
    inside = add(ones(*shape), entrywise_power(_part(draw, shape, depth), number(2)))
    return entrywise_power(inside, number(0.5))


def _square_only(
    make: Callable[[Draw, Shape, int], Expression],
) -> Callable[[Draw, Shape, int], Expression | None]:
    def build(draw: Draw, shape: Shape, depth: int) -> Expression | None:
        return make(draw, shape, depth) if shape[0] == shape[1] else None

    return build


def _inverse(draw: Draw, shape: Shape, depth: int) -> Expression:
    inside = multiply(number(draw(st.sampled_from([1, 3]))), identity(shape[0]))  # type: ignore[arg-type]
    return power(add(inside, _part(draw, shape, depth)), number(-1))


def _matrix_power(draw: Draw, shape: Shape, depth: int) -> Expression:
    exponent = draw(st.sampled_from([number(2), number(3), number(-2), k, number(0)]))
    return power(_part(draw, shape, depth), exponent)  # type: ignore[arg-type]


def _diagonal_matrix(draw: Draw, shape: Shape, depth: int) -> Expression:
    return apply("diag", _part(draw, (shape[0], ONE), depth))


def _square_function(draw: Draw, shape: Shape, depth: int) -> Expression:
    return apply(draw(st.sampled_from(["adj", "tril", "triu"])), _part(draw, shape, depth))


def _column(draw: Draw, shape: Shape, depth: int) -> Expression | None:
    if shape[1] is not ONE:
        return None
    which = draw(st.integers(0, 4))
    if which == 0:
        return apply("diagonal", _part(draw, (shape[0], shape[0]), depth))
    if which == 1:
        return apply("softmax", _part(draw, shape, depth))
    if which == 2:
        return multiply(_part(draw, (shape[0], N), depth), ones(N, ONE))
    if which == 3:
        return multiply(_part(draw, (shape[0], N), depth), unit(number(1), N))
    return apply("cumsum", _part(draw, shape, depth))


def _along_axis(draw: Draw, shape: Shape, depth: int) -> Expression:
    return along("softmax", _part(draw, shape, depth), draw(st.sampled_from([1, 2])))


def _vectorized(draw: Draw, shape: Shape, depth: int) -> Expression:
    """vec, unvec, kron and commutation together, brought back to the shape."""
    m, n = shape
    X = _part(draw, shape, depth)
    which = draw(st.integers(0, 2))
    if which == 0:
        turned = multiply(commutation(m, n), apply("vec", X))
        return transpose(apply("unvec", turned, number(n), number(m)))
    if which == 1:
        return apply("unvec", apply("vec", X), number(m), number(n))
    big = apply("kron", X, _part(draw, (N, N), depth))
    corner = apply("kron", identity(m), unit(number(1), N))
    return multiply(transpose(corner), big, apply("kron", identity(n), unit(number(2), N)))


def _blocks(draw: Draw, shape: Shape, depth: int) -> Expression:
    """[X, Y] times [Z; W]."""
    top = block(1, _part(draw, (shape[0], N), depth), _part(draw, (shape[0], M), depth))
    return multiply(top, block(2, _part(draw, (N, shape[1]), depth), _part(draw, (M, shape[1]), depth)))


def _indexed(draw: Draw, shape: Shape, depth: int) -> Expression:
    index = mc.variables("i: scalar integer")[0]
    body = multiply(power(_part(draw, (ONE, ONE), depth), index), _part(draw, shape, depth))
    return indexed_sum(index, number(1), k, body)


def _scalar_of_matrix(draw: Draw, shape: Shape, depth: int) -> Expression:
    name = draw(st.sampled_from(["tr", "det", "logabsdet"]))
    return apply(name, _part(draw, (N, N), depth))  # type: ignore[arg-type]


def _scalar_of_any(draw: Draw, shape: Shape, depth: int) -> Expression:
    inner = draw(st.sampled_from(SHAPES))
    name = draw(st.sampled_from(["norm2", "norm1", "mean"]))
    return apply(name, _part(draw, inner, depth))  # type: ignore[arg-type]


def _scalar_of_vector(draw: Draw, shape: Shape, depth: int) -> Expression:
    return apply("logsumexp", _part(draw, (N, ONE), depth))


def _inner(draw: Draw, shape: Shape, depth: int) -> Expression:
    inner = draw(st.sampled_from(SHAPES))
    return apply("dot", _part(draw, inner, depth), _part(draw, inner, depth))  # type: ignore[arg-type]


def _quotient(draw: Draw, shape: Shape, depth: int) -> Expression:
    return multiply(_part(draw, shape, depth), power(_part(draw, (ONE, ONE), depth), number(-1)))


def _sum_of_entries(draw: Draw, shape: Shape, depth: int) -> Expression:
    inner: Shape = draw(st.sampled_from(SHAPES))  # type: ignore[assignment]
    return multiply(ones(ONE, inner[0]), _part(draw, inner, depth), ones(inner[1], ONE))


_matrix_nodes = [
    *(
        _sum,
        _difference,
        _scaled,
        _product,
        _product,
        _entrywise_product,
        _transposed,
        _function,
        _powers,
        _root,
    ),
    *(_square_only(f) for f in (_inverse, _matrix_power, _diagonal_matrix, _square_function)),
    *(_column, _along_axis, _vectorized, _blocks, _indexed),
]
_scalar_nodes = [
    *(_sum, _difference, _scaled, _product, _function, _powers, _root, _quotient),
    *(_scalar_of_matrix, _scalar_of_any, _scalar_of_vector, _inner, _inner, _sum_of_entries),
]


# ---- programs of named parts

STEPS = ("A*{p}", "sin({p})", "{p}.*{q}", "{p} + {q}", "{p}'*{q}*{p}", "2*{p} - x", "{p}*{q}'*{p}", "A'*({p} - {q})")
BODIES = ("sum({p}.*{q})", "norm2({p} - {q})^2", "{p}", "exp({p}'*{q}/9)")


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program of vectors: each part is a step from parts before it."""
    names = ["x", "y"]
    lines = []
    for k in range(draw(st.integers(1, 5))):
        step = draw(st.sampled_from(STEPS))
        lines.append(f"p{k} = " + step.format(p=draw(st.sampled_from(names)), q=draw(st.sampled_from(names))))
        names.append(f"p{k}")
    body = draw(st.sampled_from(BODIES))
    return "\n".join([*lines, body.format(p=names[-1], q=draw(st.sampled_from(names)))])


def program_values(rng: np.random.Generator, n: int = 3) -> dict[str, np.ndarray]:
    """Values of the variables of a program."""
    return {"A": rng.uniform(-0.5, 0.5, (n, n)), "x": rng.uniform(-1, 1, n), "y": rng.uniform(-1, 1, n)}
