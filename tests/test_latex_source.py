r"""LaTeX as it is pasted: what it is read as, what is refused, and that our own LaTeX reads back."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, expressions

import matcalc as mc
from matcalc.expressions import Expression
from matcalc.latex import latex_text
from matcalc.latex_source import as_plain, is_latex
from matcalc.writing import where, written

READ = [
    # transposes, powers and inverses
    (r"x^\top A x", "x'*A*x"),
    (r"x^{\top} A x", "x'*A*x"),
    (r"$x^T A x$", "x'*A*x"),
    (r"\mathbf{x}^\mathsf{T} \mathbf{A} \mathbf{x}", "x'*A*x"),
    (r"\(b^\intercal C x\)", "b'*C*x"),
    (r"A^{-1} x", "inv(A)*x"),
    (r"A^{-\top} x", "inv(A)'*x"),
    (r"t^{2} + t^3x'x", "t^2 + t^3*x'*x"),
    # letters side by side are factors
    (r"\frac{1}{2}x^TAx", "x'*A*x/2"),
    (r"\|Cx-b\|_2^2", "norm2(C*x - b)^2"),
    (r"A(A + \lambda I) x", "A*(A + lambda*eye)*x"),
    (r"2 \, t \left( A x - x \right)", "2*t*(A*x - x)"),
    # norms, products, fractions
    (r"\lVert x \rVert_F^2", "norm2(x)^2"),
    (r"\|x\|^2_2 + \left\|x\right\|_1", "norm2(x)^2 + norm1(x)"),
    (r"\|x\|_{\infty}", "norminf(x)"),
    (r"\langle x, A x \rangle", "x'*A*x"),
    (r"A \cdot x", "A*x"),
    (r"x \odot x", "x.*x"),
    (r"A \otimes C", "kron(A, C)"),
    (r"\frac12 t + \tfrac{t}2", "t"),
    (r"\frac{\frac{t}{2}}{\sqrt{t}}", "t/2/sqrt(t)"),
    # functions, with brackets and without
    (r"\operatorname{tr}(A^{-1} A A)", "tr(A)"),
    (r"\log\det A", "logdet(A)"),
    (r"\log \det(A + \lambda I) t", "logdet(A + lambda*eye)*t"),
    (r"\ln t - \exp(t)", "log(t) - exp(t)"),
    (r"\mathrm{tr}\left(A\right)", "tr(A)"),
    (r"t e^{-t^2}", "t*exp(-t^2)"),
    (r"let r = Cx - b in \|r\|^2 + mu x^{T}x", "let r = C*x - b in norm2(r)^2 + mu*x'*x"),
    # names
    (r"\alpha_1 + \beta_{2}", "alpha_1 + beta_2"),
    (r"W_{\text{in}} x", "W_in*x"),
    (r"\hat{y}^\top \hat y", "y_hat'*y_hat"),
    # matrices
    (r"\begin{pmatrix} A x & x \\ b & b \\ \end{pmatrix}", "[A*x, x; b, b]"),
]
WHERE = (
    "A: matrix(n,n), x, y_hat: vector(n), b: vector(m), C: matrix(m,n), t, alpha_1, beta_2, lambda, mu: scalar, "
    "W_in: matrix(k,n)"
)


@pytest.mark.parametrize(("latex", "plain"), READ)
def test_what_is_pasted_is_read(latex: str, plain: str) -> None:
    declared = WHERE if "[" not in plain else WHERE.replace("vector(m)", "vector(n)")
    assert mc.parse(latex, declared) is mc.parse(plain, declared)


@pytest.mark.parametrize(
    ("latex", "place", "hint"),
    [
        (r"x^\top \foo x", r"\foo", "as for a calculator"),
        (r"\sum_i x_i^2", r"\sum", "sum(i, 1, n, x[i]^2)"),
        (r"\sum_{i \in S} x_i^2", r"\sum", "sum(i, 1, n, x[i]^2)"),
        (r"\sum_{i=1}^n z_i^2", "z_i", "write z[i] for an entry, or declare z: vector(n)"),
        (r"\|h_{k-1}\|^2", "h_", "h[k-1] for the step before"),
        (r"A^{\dagger} b", r"^{\dagger}", "pinv(A)"),
        (r"A^{+} b", "^{+}", "pinv(A)"),
        (r"A^{*} b", "^{*}", "A' for the transpose"),
        (r"A^\ast b", r"^\ast", "A' for the transpose"),
        (r"A^{H} b", "A^{H}", "write A' for the transpose"),
        (r"\|A\|_{\max} + \|x\|^2", r"\|_{\max}", "normspec"),
        (r"x_i + a^2_i + \|x\|", "^2_", "write x_i^2"),
        (r"\mathbb{E}[x]", r"\mathbb{E}", "of a fixed sample"),
        (r"\operatorname{H}(x)", r"\operatorname{H}", "for a product write H*(x)"),
        (r"\mathbb{P}(x)", r"\mathbb{P}", "as for a calculator"),
        (r"\frac{1}{2", "{2", "write } where that part ends"),
        (r"x^{2} + y}", "}", "leave it out"),
        (r"\frac{a} + {b}", "}", r"\frac{a}{b}"),
        (r"\sqrt[3]{x}", r"\sqrt", "write sqrt("),
        (r"\det A B + \|x\|", r"\det", "write det(A)"),
        (r"t + \|\mathbf{x} + 1\|", r"\mathbf{x} + 1", "ones(m)"),
        (r"\|x", r"\|", "where that part ends"),
    ],
)
def test_what_is_not_read_is_refused_at_its_place(latex: str, place: str, hint: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.parse(latex)
    error = caught.value
    assert error.text == latex
    assert error.start is not None
    assert latex[error.start :].startswith(place[:1])
    assert latex[error.start : error.end] in (place, place[:1])
    assert hint in error.hint


@pytest.mark.parametrize(
    "text", [r"A\b", r"A\(b + c)", r"A\[b; c]", r"(A + B)\b", r"A\lambda", r"A \ b", "x'*A*x", r"A\exp(b)"]
)
def test_a_division_from_the_left_is_no_latex(text: str) -> None:
    assert not is_latex(text)


def test_every_character_has_its_place() -> None:
    source = r"\frac{1}{2}\|Ax\|_2^2"
    plain = as_plain(source)
    assert len(plain.text) == len(plain.starts) == len(plain.ends)
    start = plain.text.index("A")
    assert source[slice(*plain.place(start, start + 1))] == "A"
    assert plain.place(len(plain.text), len(plain.text)) == (len(source), len(source))


def outcome(expression: Expression) -> str:
    if written(expression).parts:
        return "named"
    latex = latex_text(expression)
    if not is_latex(latex):
        return "plain"
    try:
        found = mc.parse(latex, where(expression))
    except mc.MatcalcError:
        return "refused"
    assert found is expression, latex
    return "read"


CORPUS = json.loads((Path(__file__).parent / "data" / "corpus" / "public.json").read_text(encoding="utf-8"))


def test_our_own_answers_read_back() -> None:
    found = []
    for case in CORPUS:
        if case["id"] != "cookbook-067":
            D = mc.differentiate(case["expr"], case["wrt"], case["where"])
            found += [outcome(D.expression), outcome(D.differential)]
    assert found.count("read") > 15 * found.count("refused") > 0


@settings(max_examples=200)
@given(st.sampled_from(SHAPES).flatmap(expressions))
def test_what_is_read_of_our_latex_is_what_was_written(expression: Expression) -> None:
    outcome(expression)
