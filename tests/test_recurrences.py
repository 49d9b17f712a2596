"""Indexed definitions: layers and time steps, written out as one part for each value of the index."""

import gc
from time import process_time

import numpy as np
import pytest

import matcalc as mc
from matcalc.reading import read

RANGES = ["for k = 1..3", "for k = 1:3", "for k in 1..3", "for k = 1 .. 2 + 1"]
WRITTEN_OUT = "let h_1 = tanh(W*x + b); h_2 = tanh(W*h_1 + b); h_3 = tanh(W*h_2 + b) in norm2(h_3 - y)^2"
LETTERS = "W: matrix(n,n), x, b, y: vector(n)"


@pytest.mark.parametrize("over", RANGES)
def test_layers_are_the_parts_of_a_text_that_is_written_out(over: str) -> None:
    expected = mc.differentiate(WRITTEN_OUT, "W", LETTERS)
    one_a_line = f"h[0] = x\nh[k] = tanh(W*h[k-1] + b) {over}\nnorm2(h[3] - y)^2"
    for source in (one_a_line, "let " + one_a_line.replace("\n", "; ", 1).replace("\n", " in ")):
        D = mc.differentiate(source, "W", LETTERS)
        assert [p.name for p in D.program.parts] == ["h_1", "h_2", "h_3"]
        assert (D.program, D.gradient) == (expected.program, expected.gradient)


def test_the_range_may_stand_on_a_line_of_its_own() -> None:
    program = read("h[0] = x\nh[k] = tanh(W*h[k-1])\n  for k = 1..2\nsum(h[2])").program
    assert [p.name for p in program.parts] == ["h_1", "h_2"]


@pytest.mark.parametrize(
    ("source", "where", "plain"),
    [
        ("let h[0] = x; h[k+1] = A*h[k] for k = 0..1 in h[2]", "A: matrix(n,n)", "A*A*x"),
        ("let v[2] = x; v[k] = A*v[k+1] for k = 1..0 in v[0]", "A: matrix(n,n)", "A*A*x"),
        ("let h[0] = x; h[1] = A*h[0]; h[2] = B*h[1] in h[2]", "A, B: matrix(n,n)", "B*A*x"),
        ("let h[0] = x; h[k] = W_k*h[k-1] for k = 1..2 in h[2]", "W_k: matrix(n,n)", "W_2*W_1*x"),
        ("let h[0] = x; h[k] = Wₖ*h[k-1] for k = 1..2 in h[2]", "W_k: matrix(n,n)", "W_2*W_1*x"),
        ("let h[0] = x; h[k] = c[k]*h[k-1] for k = 1..2 in h[2]", "c: vector(2)", "c[2]*c[1]*x"),
        ("let h[0] = x; h[k] = k*h[k-1] + ones(n) for k = 1..2 in h[2]", "x: vector(n)", "2*(x + ones(n)) + ones(n)"),
        ("let h[0] = x; h[k] = A*h[k-1] for k = 1..2 in sum(k, 1, 2, y_k'*h[k])", "A: matrix(n,n), y_k: vector(n)",
         "y_1'*A*x + y_2'*A*A*x"),
        ("let h[0] = x; h[k] = A*h[k-1] for k = 1..2 in sum(i, 1, n, h[2][i])", "x: vector(n)",
         "sum(i, 1, n, (A*A*x)[i])"),
        # states that need each other are taken in turn
        ("let p[0] = x; q[0] = y; p[k] = A*q[k-1] for k = 1..2; q[k] = B*p[k] for k = 1..2 in q[2]",
         "A, B: matrix(n,n), x, y: vector(n)", "B*A*B*A*y"),
        # and those that need a later layer of another, one after the other
        ("let p[0] = x; p[k] = A*p[k-1] for k = 1..2; q[0] = x; q[k] = p[3-k] + q[k-1] for k = 1..2 in q[2]",
         "A: matrix(n,n), x: vector(n)", "x + A*x + A*A*x"),
    ],
)  # fmt: skip
def test_an_index_counts_layers(source: str, where: str, plain: str) -> None:
    reading = read(source, where)
    names = {v.name: v for v in reading.variables}
    same = {n: f"matrix({v.rows},{v.columns})" for n, v in names.items()}
    assert reading.expression is mc.parse(plain, same)


def test_the_gradient_of_a_layer_is_verified_and_computed() -> None:
    D = mc.differentiate(
        "let h[0] = x; h[k] = tanh(W_k*h[k-1] + b_k) for k = 1..4 in norm2(h[4] - y)^2", ["W_2", "b_3"]
    )
    assert D.verify(seed=1).passed
    rng = np.random.default_rng(0)
    values = {v.name: rng.normal(size=3 if v.columns == 1 else (3, 3)) for v in D.expression.variables.values()}
    f = mc.compile([D.expression, D.gradient["W_2"]])
    value, gradient = f(**values)
    direction = rng.normal(size=(3, 3))
    moved = f(**{**values, "W_2": values["W_2"] + 1e-6 * direction})[0]
    assert (moved - value) / 1e-6 == pytest.approx(np.sum(gradient * direction), rel=1e-4)


WRONG = [
    # text, the place, the message, the hint
    ("let h[k] = A*h[k-1] for k = 1..3 in h[3]", "h[k-1]", "this is h[0] for k = 1, which is not defined", "h[0] = …"),
    ("let h[0] = x; h[k] = A*h[k+1] for k = 1..3 in h[3]", "h[k+1]", "this is h[2] for k = 1", "earlier ones only"),
    ("let h[0] = x; h[k] = A*h[k-2] for k = 1..3 in h[3]", "h[k-2]", "this is h[-1] for k = 1", "earlier ones only"),
    ("let h[0] = x; h[k] = A*h[k] for k = 1..3 in h[3]", "h[k] for", "h[1] is defined by itself", "such as h[0]"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..N in h[3]", "N in", "in whole numbers, and N is none", "write a number"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..10001 in h[3]", "10001", "more than 10,000 are not accepted", "fewer"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in h[4]", "h[4]", "h goes from 0 to 3", "write h[3]"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in sum(h)", "h)", "here it has no index", "write h[3]"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in h[3,:]", "h[3,:]", "one whole number", "h[10][2,:]"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in k*h[3]", "k*h", "k is the index of a definition", "another name"),
    ("let h[0] = x; h[k] = A*h[k-1] in h[3]", "k] = A", "k has no values here", "for k = 1..10"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 0..3 in h[3]", "k] = A", "h[0] is defined twice", "one definition"),
    ("let h[0] = x; h = y in h[0]", "h = y", "h is defined twice", "its own name"),
    ("let h[0] = x; h[k] = A*h[k-1] for k in h[3]", "for k", "the range of the index is not complete", "1..10"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1 in h[3]", "for k", "the range of the index is not complete", "1..10"),
    ("let r = A*x for k = 1..3 in r", "for k", "this definition has no index", "h[k] ="),
    ("let h[0] = x; h[k] = sum(k,1,2,h[k-1]) for k = 1..3 in h[3]", "k,1", "k has a meaning already", "another name"),
    ("let h[0] = x; h[k] = (let k = 2 in h[k-1]) for k = 1..3 in h[3]", "(let", "k has a meaning", "another name"),
    ("let h[0] = x; k[k] = h[k-1] for k = 1..3 in h[3]", "k = 1", "k is the index of a definition", "rename"),
    ("let h[0] = x; h[k/2] = A*h[k-1] for k = 1..3 in h[0]", "k/2", "an index is a whole number", "h[0] = …"),
    ("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in sum(k, 3, 1, h[k])", "sum(k", "and this has 0", "in order"),
    ("h[0] = x", "= x", "an equation is not an expression", "leave out h[0] ="),
    ("h[0] = x\nh[1] = A*h[0]", "h[1]", "the last line is to be an expression", "leave out h[1] ="),
]  # fmt: skip


@pytest.mark.parametrize(("source", "place", "message", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_layers_are_explained(source: str, place: str, message: str, hint: str) -> None:
    with pytest.raises(mc.ParseError) as caught:
        read(source, "A: matrix(n,n), x: vector(n)")
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert error.start is not None
    assert source[error.start :].startswith(place)


def test_a_declared_index_is_refused() -> None:
    with pytest.raises(mc.ParseError, match="k is declared, and it is the index of a definition"):
        read("let h[0] = x; h[k] = A*h[k-1] for k = 1..3 in h[3]", "k: scalar")


def test_a_family_is_declared_by_the_name_with_the_index() -> None:
    source = "let h[0] = x; h[k] = W_k*h[k-1] for k = 1..2 in sum(h[2])"
    assert (
        mc.differentiate(source, "W_1", "W_k: matrix(n,n) symmetric").notes
        == mc.differentiate("sum(W_2*W_1*x)", "W_1", "W_1, W_2: matrix(n,n) symmetric").notes
    )
    shapes = {v.name: v.shape for v in read(source, "W_k: matrix").variables}
    assert shapes["W_1"] != shapes["W_2"]


def test_what_is_written_out_is_bounded() -> None:
    body = "+".join(["A*h[k-1]"] * 100)
    with pytest.raises(mc.ParseError, match=r"more than 400,000 parts"):
        read(f"let h[0] = x; h[k] = {body} for k = 1..9999 in h[1]")


def test_the_gradient_of_two_thousand_layers_takes_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        source = f"let h[0] = x; h[k] = tanh(W*h[k-1] + b) for k = 1..{count} in norm2(h[{count}] - y)^2"
        gc.collect()
        begin = process_time()
        str(mc.differentiate(source, "W", LETTERS).gradient)
        return process_time() - begin

    seconds(100)
    assert seconds(2000) < 3 * 4 * seconds(500)
