"""The shape that every expression has, and the shapes that the names in it get."""

import pytest

from matcalc.errors import ShapeError
from matcalc.reading import read
from matcalc.sizes import declaration_text, shape_words, with_article

WHERE = "x: vector(n), y: vector(m), r: row(n), A: matrix(m,n), S: matrix(n,n), a: scalar, B: matrix(2n,n+1)"

SHAPES = [
    ("a", "scalar"),
    ("2", "scalar"),
    ("pi", "scalar"),
    ("n", "scalar"),
    ("sum(x)/n", "scalar"),
    ("x'", "row(n)"),
    ("r'", "vector(n)"),
    ("x'*x", "scalar"),
    ("x*y'", "matrix(n,m)"),
    ("A*x + y", "vector(m)"),
    ("a*A", "matrix(m,n)"),
    ("A*a", "matrix(m,n)"),
    ("x .+ a", "vector(n)"),
    ("1 .- S", "matrix(n,n)"),
    ("a.^x", "vector(n)"),
    ("x.^a", "vector(n)"),
    ("x.*x", "vector(n)"),
    ("1 ./ A", "matrix(m,n)"),
    ("S^2", "matrix(n,n)"),
    ("S\\x", "vector(n)"),
    ("2\\x", "vector(n)"),
    ("S⁻ᵀ", "matrix(n,n)"),
    ("A ⊗ S", "matrix(m*n,n^2)"),
    ("kron(x, y)", "vector(m*n)"),
    ("vec(A)", "vector(m*n)"),
    ("vec(A')", "vector(m*n)"),
    ("unvec(vec(A), n, m)", "matrix(n,m)"),
    ("reshape(A, m*n, 1)", "vector(m*n)"),
    ("K(m,n)", "matrix(m*n,m*n)"),
    ("commutation(m, 2)", "matrix(2*m,2*m)"),
    ("diag(x)", "matrix(n,n)"),
    ("diag(S)", "vector(n)"),
    ("outer(x, y)", "matrix(n,m)"),
    ("dot(A, A)", "scalar"),
    ("tr(S)", "scalar"),
    ("sin(A)", "matrix(m,n)"),
    ("max(A, 0)", "matrix(m,n)"),
    ("min(a, x)", "vector(n)"),
    ("softmax(x)", "vector(n)"),
    ("softmax(A, 1)", "matrix(m,n)"),
    ("softmax(A, 2)", "matrix(m,n)"),
    ("logsumexp(A, 1)", "row(n)"),
    ("lse(A, 2)", "vector(m)"),
    ("sum(A, 1)", "row(n)"),
    ("sum(A, 2)", "vector(m)"),
    ("sum(i, 1, n, x[i]*S)", "matrix(n,n)"),
    ("[A; S]", "matrix(m + n,n)"),
    ("[x, S]", "matrix(n,n + 1)"),
    ("[1, 2; 3, 4]", "matrix(2,2)"),
    ("[S x; x' a]", "matrix(n + 1,n + 1)"),
    ("A[1,2]", "scalar"),
    ("A[1,:]", "row(n)"),
    ("A[:,2]", "vector(m)"),
    ("A[1:3,:]", "matrix(3,n)"),
    ("A[2:2,1:2]", "row(2)"),
    ("x[2]", "scalar"),
    ("x[2:4]", "vector(3)"),
    ("r[2]", "scalar"),
    ("x'[1:2]", "row(2)"),
    ("eye(n + 1)", "matrix(n + 1,n + 1)"),
    ("ones(2n)", "vector(2*n)"),
    ("zeros(n, 3)", "matrix(n,3)"),
    ("vector(a, 3)", "vector(3)"),
    ("matrix(0, n, m)", "matrix(n,m)"),
    ("B", "matrix(2*n,n + 1)"),
    ("S - eye", "matrix(n,n)"),
    ("A.*ones", "matrix(m,n)"),
    ("x + vector(1)", "vector(n)"),
    ("let q = A*x; s = sum(q) in s*q", "vector(m)"),
]

INFERRED = [
    ("x'*A*x", "x: vector(n), A: matrix(n,n)"),
    ("A*x", "A: matrix(m,n), x: vector(n)"),
    ("A\\x", "A: matrix(n,n), x: vector(n)"),
    ("S*A", "S: matrix(m,n), A: matrix(n,p)"),
    ("tr(A*B)", "A: matrix(m,n), B: matrix(n,m)"),
    ("A + eye", "A: matrix(n,n)"),
    ("X*X'", "X: matrix(m,n)"),
    ("X*X", "X: matrix(n,n)"),
    ("[A B; C D]*x", "A: matrix(m,n), B: matrix(m,p), C: matrix(q,n), D: matrix(q,p), x: vector(n + p)"),
    ("[A; B]*x - y", "A: matrix(m,n), B: matrix(p,n), x: vector(n), y: vector(m + p)"),
    ("[A x; x' 1]", "A: matrix(n,n), x: vector(n)"),
    ("kron(A, B)*vec(C)", "A: matrix(m,n), B: matrix(q,p), C: matrix(p,n)"),
    ("kron(A, B)*kron(C, D)", "A: matrix(m,n), B: matrix(q,p), C: matrix(n,r), D: matrix(p,s)"),
    ("tr(kron(A, X))", "A: matrix(n,n), X: matrix(m,m)"),
    ("K(m,n)*vec(A)", "A: matrix(m,n)"),
    ("K(p,m)*vec(A)", "A: matrix(p,m)"),
    ("vec(A) + vec(B)", "A: matrix(m,n), B: matrix(m,n)"),
    ("unvec(x, 2, n)*y", "x: vector(2*n), y: vector(n)"),
    ("eye(3)*x", "x: vector(3)"),
    ("tr(eye(n))*x", "x: vector(m)"),
    ("n*ones(n)'*x", "x: vector(n)"),
]


@pytest.mark.parametrize(("text", "shape"), SHAPES, ids=[text for text, _ in SHAPES])
def test_the_shape_that_is_inferred_is_the_shape_that_the_expression_has(text: str, shape: str) -> None:
    assert declaration_text(read(text, WHERE).expression.shape) == shape


@pytest.mark.parametrize(("text", "declared"), INFERRED, ids=[text for text, _ in INFERRED])
def test_sizes_follow_from_the_whole_expression(text: str, declared: str) -> None:
    found = read(text)
    assert ", ".join(f"{v.name}: {declaration_text(v.shape)}" for v in found.variables) == declared
    assert read(text, declared).expression is found.expression


@pytest.mark.parametrize(
    ("text", "where", "declared"),
    [
        ("A*x + y", "x: vector(n)", "A: matrix(m,n), x: vector(n), y: vector(m)"),
        ("A*x + y", "A: matrix(3,4)", "A: matrix(3,4), x: vector(4), y: vector(3)"),
        ("A*x", "A: matrix, x: vector", "A: matrix(m,n), x: vector(n)"),
        ("x'*S*x", "S: matrix symmetric", "x: vector(n), S: matrix(n,n)"),
        ("r*x", "r: row, m: size, z: vector(n)", "r: row(p), x: vector(p)"),
    ],
)
def test_declared_and_undeclared_names_agree(text: str, where: str, declared: str) -> None:
    found = read(text, where).variables
    assert ", ".join(f"{v.name}: {declaration_text(v.shape)}" for v in found) == declared


def test_a_bare_constant_takes_its_size_from_the_shape_of_the_whole() -> None:
    shape = read("A", "A: matrix(m,n)").expression.shape
    assert read("2*sum(B)*matrix(1)", shape=shape).expression is read("2*sum(B)*ones(m,n)").expression
    with pytest.raises(ShapeError, match="a vector of length n, and an m×n matrix is expected"):
        read("x", "x: vector(n)", shape=shape)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("scalar", "a scalar"),
        ("vector(n)", "a vector of length n"),
        ("row(3)", "a row of length 3"),
        ("matrix(m,n)", "an m×n matrix"),
        ("matrix(3,4)", "a 3×4 matrix"),
        ("matrix(n + 1,2n)", "an (n + 1)×2*n matrix"),
    ],
)
def test_shapes_in_words(shape: str, words: str) -> None:
    assert with_article(shape_words(read("X", f"X: {shape}").expression.shape)) == words
