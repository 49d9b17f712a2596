"""Arrays that compiled functions write into: never an argument, an output, or what is needed once more."""

import random
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.array_reuse import reuse_of
from matcalc.evaluation import evaluate
from matcalc.lowering import lower
from matcalc.reading import parse

WHERE = "A, B: matrix(n,n), x, y: vector(n), t: scalar"


def matrices_of(X: Any, Y: Any, u: Any, v: Any, s: Any) -> list[Any]:
    """Matrices of matrices, vectors and a number."""
    f, n = mc.functions, X.shape[0]
    inverse = f.inv(X @ X.T + f.eye(n))
    sums = [X + Y, X - Y, X - u @ v.T, X + s * f.eye(n), -X]
    products = [s * X, X / 2, X @ Y, inverse @ X, f.diag(u) @ X, X @ f.diag(v), f.times(X, Y)]
    return [*sums, *products, f.exp(-X), f.tanh(X), f.sigmoid(X), f.sqrt(f.exp(X)), X.T, inverse]


def random_questions(rng: random.Random) -> list[Any]:
    """Some outputs over matrices that are used many times."""
    A, B, x, y, t = mc.variables(WHERE)
    f, n = mc.functions, A.shape[0]
    matrices, vectors, scalars = [A, B], [x, y], [t]
    for _ in range(rng.randint(4, 12)):
        X, Y = rng.choice(matrices), rng.choice(matrices)
        u, v = rng.choice(vectors), rng.choice(vectors)
        matrices.append(rng.choice(matrices_of(X, Y, u, v, rng.choice(scalars))))
        vectors.append(f.tanh(rng.choice(matrices) @ rng.choice(vectors)))
        reduced = [f.tr(X), f.sum(f.tanh(X)), f.logdet(X @ X.T + f.eye(n)), u.T @ X @ v]
        scalars.append(f.tanh(rng.choice(reduced)))
    return [A @ x, *rng.sample([*matrices[2:], *vectors[2:], *scalars[1:]], rng.randint(1, 5))]


@pytest.mark.parametrize("seed", range(200))
def test_no_array_is_overwritten_that_is_needed(seed: int) -> None:
    outputs = random_questions(random.Random(seed))
    function = mc.compile(outputs)
    rng = np.random.default_rng(seed)
    for n in (1, 5):
        data: dict[str, Any] = {"A": rng.standard_normal((n, n)), "B": rng.standard_normal((n, n)), "t": 0.5}
        data |= {"x": rng.standard_normal(n), "y": rng.standard_normal(n)}
        given = {name: data[name] for name in function.names}
        kept = {name: np.copy(value) for name, value in given.items()}
        found = function(**given)
        first = [np.copy(value) for value in found]
        again = function(**given)
        for name, value in given.items():
            assert np.array_equal(value, kept[name]), f"the argument {name} was written into"
        for one, copy, other, e in zip(found, first, again, outputs, strict=True):
            assert np.array_equal(one, copy), "an output was written into by the next call"
            assert np.array_equal(one, other)
            expected = np.reshape(evaluate(e, data, sizes={"n": n}), np.shape(one))
            assert np.allclose(one, expected, rtol=1e-9, atol=1e-9)
        arrays = [a for a in found if isinstance(a, np.ndarray) and a.size > 1]
        for i, one in enumerate(arrays):
            assert not any(np.shares_memory(one, other) for other in arrays[:i])
            assert not any(np.shares_memory(one, np.asarray(value)) for value in given.values())


def reused(*texts: str, where: str = WHERE) -> list[tuple[str, str]]:
    """The operations that overwrite an operand, and those that made it."""
    reuse = reuse_of(lower([parse(text, where=where) for text in texts]))
    places = {v: i for i, v in enumerate(reuse.program.values)}
    assert all(places[a] < places[v] for v in reuse.program.values for a in v.args)
    for last, a in reuse.overwritten.items():
        assert all(places[v] < places[last] for v in reuse.program.values if a in v.args and v is not last)
    return [(v.op, a.op) for v, a in reuse.overwritten.items()]


def test_a_trace_is_taken_before_the_inverse_is_overwritten() -> None:
    assert reused("inv(A) - B", "tr(inv(A))") == [("sub", "inverse")]
    assert reused("tr(inv(A))", "inv(A) - B") == [("sub", "inverse")]


def test_what_is_an_output_or_seen_through_a_view_is_kept() -> None:
    assert reused("inv(A) - B", "inv(A)") == []
    assert reused("exp(A)'*B", "exp(A) - B") == []


def test_what_makes_a_matrix_later_is_not_moved() -> None:
    assert reused("exp(A) - B", "exp(A)*B") == []
    assert reused("exp(A)*B", "exp(A) - B") == [("sub", "apply")]
