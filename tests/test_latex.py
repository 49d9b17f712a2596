"""LaTeX: what an expression looks like, and that every answer of the corpus compiles."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matcalc.adjoints import pullback
from matcalc.differentials import differential_of
from matcalc.differentiation import differentiate
from matcalc.expressions import Expression, variables_of
from matcalc.latex import latex_name, latex_of, latex_text
from matcalc.leaves import ONE_NODE, variable
from matcalc.notations import Notation, call, name, product
from matcalc.reading import parse

WHERE = (
    "A, B, X, Sigma_1, dX: matrix(n,n), C: matrix(m,n), D: matrix(m,m), b: vector(m), z: vector(m*n), "
    "x, y, x1, mu, dx: vector(n), a, c, t, lambda, loss: scalar, k, i, j: scalar integer"
)

GOLDEN = [
    # products: side by side, thin spaces beside differentials, upright names and functions
    ("2*A*x", r"2 A x"),
    ("2*C'*(C*x - b)", r"2 C^\top (C x - b)"),
    ("x'*A*dx", r"x^\top A \,\mathrm{d}x"),
    ("A*dX*B", r"A \,\mathrm{d}X \,B"),
    ("loss*A*x", r"\mathrm{loss} \,A x"),
    ("tr(A)*det(B)*X", r"\det(B) \operatorname{tr}(A) \,X"),
    ("sigmoid(t)*X", r"\sigma(t) \,X"),
    ("3*2^t*x", r"3 \cdot 2^t x"),
    ("2*sqrt(a)*x", r"2 \sqrt{a} \,x"),
    # transposes, inverses, powers
    ("inv(A)*x", r"A^{-1} x"),
    ("inv(A)'*x", r"A^{-\top} x"),
    ("inv(C'*C)*x", r"(C^\top C)^{-1} x"),
    ("(X^2)'", r"(X^2)^\top"),
    ("X^-3", r"X^{-3}"),
    ("A^(k + 1)", r"A^{k + 1}"),
    ("a^(1/3)", r"a^{1/3}"),
    ("a^(-t/2)", r"a^{-t/2}"),
    ("det(A)^2", r"\det(A)^2"),
    # fractions; a number below is a coefficient
    ("x/norm2(x)", r"\frac{x}{\|x\|}"),
    ("(A + A')/2", r"\frac{1}{2} (A + A^\top)"),
    ("3*x/2", r"\frac{3}{2} x"),
    ("a/(2*sqrt(c))", r"\frac{a}{2 \sqrt{c}}"),
    ("0.001*a", r"0.001 a"),
    ("(a/c)^t", r"\left(\frac{a}{c}\right)^t"),
    ("-a/c", r"-\frac{a}{c}"),
    # brackets grow around what is tall
    ("exp(a/c)", r"\exp\!\left(\frac{a}{c}\right)"),
    ("2*(C*x/a - b)", r"2 \left(\frac{C x}{a} - b\right)"),
    # entrywise and Kronecker products
    ("x.*exp(y)", r"x \odot \exp(y)"),
    ("x./y", r"x \oslash y"),
    ("1./x", r"x^{\odot -1}"),
    ("1./exp(x).^2", r"\exp(x)^{\odot -2}"),
    ("x.^2", r"x^{\odot 2}"),
    ("x.^(a + c)", r"x^{\odot (a + c)}"),
    ("(A*x).*(B*y)", r"(A x) \odot (B y)"),
    ("kron(A, B + X)", r"A \otimes (B + X)"),
    # norms, absolute values, roots, determinants
    ("norm2(C*x - b)^2", r"\|C x - b\|^2"),
    ("norm2(x)*norm2(y)", r"\|x\| \,\|y\|"),
    ("norm2(x/a)", r"\left\|\frac{x}{a}\right\|"),
    ("abs(x)'*y", r"|x|^\top \,y"),
    ("max(A*x)", r"\max(A x)"),
    ("softmax(C, 2)*x", r"\operatorname{softmax}_{\mathrm{rows}}(C) \,x"),
    ("softmax(C, 1)'*b", r"\operatorname{softmax}_{\mathrm{columns}}(C)^\top \,b"),
    ("logsumexp(C/a, 2)", r"\operatorname{logsumexp}_{\mathrm{rows}}\!\left(\frac{C}{a}\right)"),
    ("softmax(x)", r"\operatorname{softmax}(x)"),
    ("hardmax(abs(x)).*sign(x)", r"\operatorname{hardmax}(|x|) \odot \operatorname{sign}(x)"),
    ("logdet(A)", r"\log\det(A)"),
    ("logabsdet(A)", r"\log\left|\det(A)\right|"),
    ("cbrt(a)", r"\sqrt[3]{a}"),
    ("polygamma(2, a)", r"\psi^{(2)}(a)"),
    ("digamma(a)", r"\psi(a)"),
    # constants
    ("tr(A)*eye(n)", r"\operatorname{tr}(A) \,I_n"),
    ("A + 2*eye", r"A + 2 I"),
    ("x + a*ones", r"x + a \,\mathbf{1}"),
    ("ones(m)*x'", r"\mathbf{1}_m \,x^\top"),
    ("zeros(m,n)", r"\mathbf{0}_{m \times n}"),
    ("commutation(m,n)*z", r"K_{m,n} z"),
    ("unvec(z, m, n)", r"\operatorname{unvec}_{m,n}(z)"),
    ("sum(x)", r"\operatorname{sum}(x)"),
    ("sum(C, 1)", r"\mathbf{1}^\top C"),
    ("sum(C, 2)", r"C \mathbf{1}"),
    ("pi*x", r"\pi x"),
    # entries, rows, blocks, sums over an index
    ("A[i,j]", r"A_{ij}"),
    ("A[1,2]", r"A_{1,2}"),
    ("A[i,:]", r"A_{i,:}"),
    ("Sigma_1[:,j]", r"(\Sigma_1)_{:,j}"),
    ("x*eye(n)[:,i]'", r"x \mathbf{e}_i^\top"),
    ("[A, x; y', a]", r"\begin{bmatrix} A & x \\ y^\top & a \end{bmatrix}"),
    ("sum(p, 0, k - 1, A^p*B*A^(k - 1 - p))", r"\sum_{i=0}^{k - 1} A^i B A^{k - i - 1}"),
]


@pytest.mark.parametrize(("text", "latex"), GOLDEN)
def test_expressions_look_as_in_print(text: str, latex: str) -> None:
    assert latex_text(parse(text, WHERE)) == latex


def test_named_parts_follow_the_answer() -> None:
    e = parse("C*inv(C'*D*C)*A*inv(C'*D*C)", WHERE)
    assert latex_text(e) == r"C M A M \quad\text{where } M = (C^\top D C)^{-1}"


def test_a_sign_after_a_bar_is_no_difference() -> None:
    assert latex_of(call("norm2", Notation("negative", [name("x")]))) == r"\|{-x}\|"


def test_a_variable_named_like_the_identity_keeps_its_name() -> None:
    assert latex_text(parse("I + eye", "I: matrix(n,n)")) == r"I + \mathbf{I}"


def test_a_variable_named_like_the_commutation_matrix_keeps_its_name() -> None:
    assert latex_text(parse("commutation(m,n)*K", "K: matrix(m*n,p)")) == r"\mathbf{K}_{m,n} K"


def test_no_two_names_look_alike() -> None:
    assert latex_of(product([name("x1"), name("x_1")])) == r"\mathrm{x1} \,x_1"


NAMES = [
    ("x", r"x"),
    ("alpha", r"\alpha"),
    ("x1", r"x_1"),
    ("Sigma_12", r"\Sigma_{12}"),
    ("A_i_j", r"A_{i,j}"),
    ("W_in", r"W_{\mathrm{in}}"),
    ("loss2", r"\mathrm{loss}_2"),
    ("dX", r"\mathrm{d}X"),
    ("dSigma_1", r"\mathrm{d}\Sigma_1"),
    ("dx_", r"\mathrm{d}\tilde{x}"),
    ("dx_1_", r"\mathrm{d}\tilde{x}_1"),
    ("dx__", r"\mathrm{d}\hat{x}"),
    ("y_", r"\mathrm{y\_}"),
    ("dSigma_", r"\mathrm{d}\tilde{\Sigma}"),
    ("d(X)", r"\mathrm{d}X"),
    ("data", r"\mathrm{data}"),
    ("delta", r"\delta"),
    ("d", r"d"),
    ("d1", r"d_1"),
]


@pytest.mark.parametrize(("name", "latex"), NAMES)
def test_names_are_letters_with_subscripts_or_upright(name: str, latex: str) -> None:
    assert latex_name(name) == latex


def test_a_long_name_has_its_perturbation_beside_it() -> None:
    assert latex_name("dloss", ["loss"]) == r"\mathrm{d}\mathrm{loss}"


CORPUS = Path(__file__).parent / "data" / "corpus"
CASES = json.loads((CORPUS / "public.json").read_text(encoding="utf-8"))
OTHERS = [
    case
    for file in ("course", "other_tools")
    for case in json.loads((CORPUS.parent / f"{file}.json").read_text(encoding="utf-8"))
    if "refused" not in case
]


def answers(case: dict[str, str]) -> Iterator[Expression]:
    """The expression of a corpus case, its differential, and its gradient where it has one."""
    f = parse(case["expr"], case["where"])
    yield f
    (x,) = (v for v in variables_of(f) if v.name == case["wrt"])
    yield differential_of(f, {x: variable(f"d{x.name}", *x.shape)})
    if f.is_scalar:
        yield pullback(f, ONE_NODE, [x])[x]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES])
def test_the_answers_of_the_corpus_compile_in_mathtext(case: dict[str, str]) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    for answer in answers(case):
        parser.parse(f"${latex_text(answer)}$")


def without_environments(latex: str) -> str:
    """The same with matrices in one line of brackets, since mathtext has no environments."""
    for matrix, plain in (
        (r"\begin{bmatrix}", r"\left["),
        (r"\end{bmatrix}", r"\right]"),
        (r" \\ ", r" \; "),
        ("&", r"\quad"),
    ):
        latex = latex.replace(matrix, plain)
    return latex


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['id']}{c.get('part', '')}") for c in OTHERS])
def test_the_answers_of_the_course_and_of_other_tools_compile_in_mathtext(case: dict[str, Any]) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    D = differentiate(case["expr"], case["wrt"], where=case["where"])
    for wanted in (D.differential, getattr(D, case["want"])):
        for answer in wanted.values() if isinstance(wanted, dict) else [wanted]:
            parser.parse(f"${without_environments(latex_text(answer))}$")


@pytest.mark.parametrize("text", [row[0] for row in GOLDEN if "[A, x" not in row[0]])
def test_every_construct_compiles_in_mathtext(text: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    mathtext.MathTextParser("path").parse(f"${latex_text(parse(text, WHERE))}$")
