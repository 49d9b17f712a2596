"""Unicode: what an expression looks like, and that what is printed reads back."""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, expressions

from matcalc.adjoints import pullback
from matcalc.differentials import differential_of
from matcalc.differentiation import differentiate
from matcalc.errors import MatcalcError
from matcalc.expressions import Expression, variables_of
from matcalc.leaves import ONE_NODE, variable
from matcalc.reading import parse
from matcalc.unicode import unicode_name, unicode_text
from matcalc.writing import text, where, written

WHERE = (
    "A, B, X, Sigma_1, Lambda, dX: matrix(n,n), C: matrix(m,n), D: matrix(m,m), b: vector(m), "
    "x, y, x1, x_1, mu, dx: vector(n), a, c, t, e1, lambda, loss: scalar, k: scalar integer"
)

GOLDEN = [
    # products: side by side; closed up where every factor is one letter or a bracket
    ("2*A*x", "2 A x"),
    ("2*X'*X", "2XᵀX"),
    ("2*C'*(C*x - b)", "2Cᵀ(C x − b)"),
    ("x'*A*x", "xᵀ A x"),
    ("(A + A')*x", "(A + Aᵀ)x"),
    ("A*x + (A + B)*dx", "A x + (A + B) dx"),
    ("A*dX*B", "A dX B"),
    ("tr(A)*tr(B)*X", "tr(A) tr(B) X"),
    ("loss*c*x", "c loss x"),
    # a dot where a name would be called, or two numbers would meet
    ("X*(A + B)", "X·(A + B)"),
    ("2*C*inv(C'*C)*A*x", "2C·(CᵀC)⁻¹·A·x"),
    ("3*a*2^t*x", "3a·2^t·x"),
    # 2e1 is a number
    ("2*e1", "2 e1"),
    # transposes, inverses, powers
    ("inv(A)*x", "A⁻¹x"),
    ("inv(A)'*x", "A⁻ᵀx"),
    ("(X^2)'", "(X²)ᵀ"),
    ("X^-3", "X⁻³"),
    ("inv(C'*C)^2*x", "(CᵀC)⁻²x"),
    ("A^k", "Aᵏ"),
    ("A^(k + 1)", "A^(k + 1)"),
    ("a^(1/3) + c^t", "a^(1/3) + c^t"),
    ("(A + B)^2", "(A + B)²"),
    ("det(A)^2", "det(A)²"),
    # entrywise and Kronecker products
    ("x.*y./exp(x)", "(x ⊙ y) ⊘ exp(x)"),
    ("x.^2", "x.^2"),
    ("1./x", "1 ⊘ x"),
    ("(A*x).*(B*y)", "(A x) ⊙ (B y)"),
    ("kron(A, B + X)", "A ⊗ (B + X)"),
    ("kron(A, B)*kron(X, A)", "(A ⊗ B)(X ⊗ A)"),
    # norms and absolute values, not one inside of another
    ("norm2(C*x - b)^2*x", "‖C x − b‖²x"),
    ("norm2(x/norm2(y))", "norm2(x/‖y‖)"),
    ("abs(x)'*y", "|x|ᵀy"),
    # sums, signs and numbers
    ("-a - 2*c", "−a − 2c"),
    ("a - x'*y + x'*A*x/2", "xᵀ A x/2 − xᵀ y + a"),
    ("c^2 - 5 + 3*a + a^2 - 2*a*c", "a² + c² − 2 a c + 3 a − 5"),
    ("1 - a^2 + a", "a + 1 − a²"),
    ("0.001*a", "0.001a"),
    ("a/3", "a/3"),
    ("x/(2*norm2(x))", "x/(2‖x‖)"),
    # constants: bare where the place gives the size
    ("A + 2*eye", "A + 2I"),
    ("tr(A)*eye(n)", "tr(A) eye(n)"),
    ("x + ones", "x + ones"),
    ("commutation(m,n)*vec(C)", "K(m,n) vec(C)"),
    # entries, blocks and sums over an index
    ("A[1,2]*x[k]", "A[1,2] x[k]"),
    ("A[k,:]*x", "(A x)[k]"),
    ("(A*B)[:,k]", "(A B)[:,k]"),
    ("[A*x, -y; C*x, b]", "[A·x, −y; C·x, b]"),
    ("sum(j, 1, k, a^j*X)", "sum(i, 1, k, aⁱX)"),
    # names
    ("Sigma_1*x_1", "Σ₁ x₁"),
    ("lambda*x1", "λ x1"),
    ("mu'*Lambda", "μᵀΛ"),
]


@pytest.mark.parametrize(("written_as", "printed"), GOLDEN)
def test_expressions_look_as_written_by_hand(written_as: str, printed: str) -> None:
    assert unicode_text(parse(written_as, WHERE)) == printed


@pytest.mark.parametrize("written_as", [row[0] for row in GOLDEN])
def test_what_is_printed_reads_back(written_as: str) -> None:
    expression = parse(written_as, WHERE)
    assert parse(unicode_text(expression), WHERE) is expression


def test_named_parts_follow_the_answer() -> None:
    e = parse("C*inv(C'*D*C)*A*inv(C'*D*C)", WHERE)
    assert unicode_text(e) == "C M A M where M = (Cᵀ D C)⁻¹"


def test_several_named_parts_are_separated_by_commas() -> None:
    e = parse("C*inv(C'*D*C)*sin(A*X*x)*sin(A*X*x)'*inv(C'*D*C)", WHERE)
    assert unicode_text(e) == "C M r rᵀ M where M = (Cᵀ D C)⁻¹, r = sin(A X x)"


def test_a_variable_named_like_the_identity_keeps_its_name() -> None:
    assert unicode_text(parse("I + eye", "I: matrix(n,n)")) == "I + eye"


def test_a_variable_named_like_the_commutation_matrix_keeps_its_name() -> None:
    declared = "K: matrix(m*n,p)"
    e = parse("commutation(m,n)*K", declared)
    assert unicode_text(e) == "commutation(m,n) K"
    assert parse(unicode_text(e), declared) is e


def test_an_exponent_named_t_is_no_transpose() -> None:
    e = parse("a^((T))", "a, T: scalar")
    assert parse(unicode_text(e), "a, T: scalar") is e


NAMES = [
    ("x", "x"),
    ("alpha", "α"),
    ("Sigma_1", "Σ₁"),
    ("x_i", "xᵢ"),
    ("x_12", "x₁₂"),
    ("beta2", "β2"),
    ("dSigma", "dΣ"),
    ("dx_", "dx\N{COMBINING TILDE}"),
    ("dx_12_", "dx\N{COMBINING TILDE}₁₂"),
    ("dlambda__", "dλ\N{COMBINING CIRCUMFLEX ACCENT}"),
    ("dloss_", "dloss_"),
    ("W_in", "W_in"),
    ("x_q", "x_q"),
    ("omicron", "omicron"),
    ("pink", "pink"),
    ("a_1_2", "a_1_2"),
    ("pi", "π"),
]


@pytest.mark.parametrize(("name", "printed"), NAMES)
def test_names_have_greek_letters_and_subscripts(name: str, printed: str) -> None:
    assert unicode_name(name) == printed


CORPUS = json.loads((Path(__file__).parent / "data" / "corpus" / "public.json").read_text(encoding="utf-8"))
UNSUPPORTED = {"cookbook-067"}  # lambda_max


def answers(case: dict[str, str]) -> Iterator[Expression]:
    """The expression of a corpus case, its differential, and its gradient where it has one."""
    f = parse(case["expr"], case["where"])
    yield f
    (x,) = (v for v in variables_of(f) if v.name == case["wrt"])
    yield differential_of(f, {x: variable(f"d{x.name}", *x.shape)})
    if f.is_scalar:
        yield pullback(f, ONE_NODE, [x])[x]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CORPUS if c["id"] not in UNSUPPORTED])
def test_the_answers_of_the_corpus_read_back(case: dict[str, str]) -> None:
    for answer in answers(case):
        if not written(answer).parts:
            assert parse(unicode_text(answer), where(answer)) is answer


@settings(max_examples=200)
@given(st.sampled_from(SHAPES).flatmap(expressions))
def test_unicode_reads_as_the_plain_text_does(expression: Expression) -> None:
    if written(expression).parts:
        return
    declared = where(expression)
    try:
        expected = parse(text(expression), declared)
    except MatcalcError:
        return
    assert parse(unicode_text(expression), declared) is expected


def test_further_directions_have_marks_above_and_read_back() -> None:
    second = differentiate("det(A)", "A").second_differential
    assert "dA\N{COMBINING TILDE}" in second.unicode()
    for printed in (second.unicode(), unicodedata.normalize("NFC", second.unicode()), second.latex()):
        assert parse(printed, second.where) is second
    third = differentiate("tr(X^3)", "X").third_differential
    assert parse(third.latex(), third.where) is parse(third.unicode(), third.where) is third


def test_a_direction_has_no_name_of_the_question() -> None:
    D = differentiate("x'*x + dx_'*x", "x", "x, dx_: vector(n)")
    assert str(D.second_differential) == "2*delta_x'*delta_x_"
