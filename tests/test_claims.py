"""Claims as they are typed or pasted: left sides, definitions after the formula, bare identities, unknown names."""

from typing import Any

import pytest
from click.testing import CliRunner, Result

import matcalc as mc
from matcalc.claims import labelled
from matcalc.commands import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


QUADRATIC = ("x'*A*x", "x")
LABELLED = [
    (*QUADRATIC, "∇f = (A + A')*x", "gradient"),
    (*QUADRATIC, "gradient = (A + A')*x", "gradient"),
    (*QUADRATIC, "df = x'*(A + A')*dx", "differential"),
    (*QUADRATIC, "J = x'*(A + A')", "Jacobian"),
    (*QUADRATIC, "H = A + A'", "Hessian"),
    (*QUADRATIC, "d²f = dx'*(A + A')*dx_", "second differential"),
    ("logdet(A)", "A", "H[dA] = -(inv(A)*dA*inv(A))'", "Hessian operator"),
    ("x'*A*x", "A x", "∇f in x = (A + A')*x", "gradient"),
    ("x'*A*y", "x y", "hessian in x and y = A", "Hessian"),
    ("x'*A*x", "A x", r"\nabla_{x} f = (A + A')*x", "gradient"),
    ("x'*A*y", "x y", "H_{x, y} = A", "Hessian"),
    (*QUADRATIC, r"\mathrm{d}^2 f = dx'*(A + A')*dx_", "second differential"),
    ("x^3", "x", "H = 6*x", "Hessian"),
    (*QUADRATIC, "H = A + A'\nH*x", "gradient"),
]


@pytest.mark.parametrize(("f", "variables", "claim", "kind"), LABELLED)
def test_a_left_side_says_what_is_claimed(f: str, variables: str, claim: str, kind: str) -> None:
    where = "x: scalar" if f == "x^3" else None
    report = mc.verify(f, variables.split(), claim, where=where, seed=1)
    assert report.diagnosis == f"the claim is the {kind}"


WRONG = [
    (*QUADRATIC, "∇f = A + A'", "A + A'", "is no gradient", "it may be the Hessian: leave out ∇f ="),
    (*QUADRATIC, "df = A", "A", "is no differential", "leave out df ="),
    (*QUADRATIC, "∇f = 2*(A*x", "(", "( is never closed", "write )"),
    (*QUADRATIC, "∇f in y = A*x", "∇f in y", "no derivative in y", "differentiated in x"),
    (*QUADRATIC, "∇f in x and y = A*x", "∇f in x and y", "no derivative in y", ""),
    ("x'*H*x", "x", "H = H + H'", "H", "H is a name of the question", "leave out H ="),
    ("A*x", "x", "∇f = A'", "∇f", "only a scalar has a gradient", "its Jacobian or its differential"),
    ("x'*A*y", "x y", "H in x and y = A'", "A'", "A' is n×m, and H in x and y is an m×n matrix", ""),
    (*QUADRATIC, "q = 2*A*x", "=", "an equation is not an expression", "leave out q ="),
    (*QUADRATIC, "2*A*x + 3*z", "z", "there is no variable z in the question", "the variables are x, A, dx"),
    (*QUADRATIC, "∇f = 2*A*x + 3*z", "z", "there is no variable z in the question", "the variables are x, A, dx"),
]


@pytest.mark.parametrize(("f", "variables", "claim", "place", "message", "hint"), WRONG)
def test_a_claim_that_cannot_be_is_refused_at_its_place(
    f: str, variables: str, claim: str, place: str, message: str, hint: str
) -> None:
    with pytest.raises(mc.MatcalcError) as found:
        mc.verify(f, variables.split(), claim)
    error = found.value
    assert error.text == claim
    assert claim[error.start : error.end] == place
    assert message in error.message
    assert hint in error.hint


def test_a_left_side_stands_only_where_the_text_does_not_read_without_it() -> None:
    assert labelled("H = A'*A\n2*H*x") == ("H = A'*A\n2*H*x", None)
    assert labelled("dfx = 2") == ("dfx = 2", None)
    assert labelled("H == A") == ("H == A", None)


PRINTED = [
    ("logdet(X'*X + eye)*tr(inv(X'*X + eye))", ["X"], ""),
    ("let r = A*x - b; s = sigmoid(r) in sum(s.*r)", ["x"], ""),
    ("x'*inv(A*B + C)*y*tr(inv(A*B + C)*D*inv(A*B + C))", ["A", "B"], "A, B, C, D: matrix(n,n)"),
]


@pytest.mark.parametrize("style", ["ascii", "unicode"])
@pytest.mark.parametrize(("f", "variables", "where"), PRINTED)
def test_what_is_printed_can_be_pasted_as_a_claim(f: str, variables: list[str], where: str, style: str) -> None:
    asked = ["--order", "2", "--no-verify", "--format", style, "-w", where]
    blocks: list[str] = []
    for line in run("diff", f, *variables, *asked).output.splitlines():
        if " = " in line and not line.strip().startswith("where"):
            blocks.append(line)
        elif line.strip().startswith("where") and " = " in line:
            blocks[-1] += "\n" + line
    claims = [block for block in blocks if not block.strip().startswith("f =")]
    assert len(claims) >= 4
    assert any("\n" in claim for claim in claims) or "let" in f
    for claim in claims:
        report = mc.verify(f, variables, claim, where=where, seed=1)
        assert report.passed, (claim, str(report))


def test_definitions_may_follow_the_expression() -> None:
    where = "X: matrix(n,n)"
    right = mc.parse("let M = X'*X; N = inv(M) in X*M*N", where)
    for text in (
        "X*M*N where M = X'*X, N = inv(M)",
        "X*M*N\n  where M = X'*X; N = inv(M)",
        "X M N where M = XᵀX\nwhere N = M⁻¹",
    ):
        assert mc.parse(text, where) is right
    assert [v.name for v in mc.parse("where*x", "where: scalar").variables.values()] == ["where", "x"]
    assert mc.parse("x*where", "where: scalar, x: scalar") is mc.parse("where*x", "where: scalar, x: scalar")


BARE = [
    ("A*x", "A", "kron(x', eye)"),
    ("A*x", "A", "kron(x', I)"),
    ("A*x", "A", "J = kron(x', eye)"),
    ("A*B", "A", "kron(B', I)"),
    ("A^2", "A", "kron(I, A) + kron(A', I)"),
    ("A'*A", "A", "kron(I, A') + kron(A', I)*K(m,n)"),
    ("tr(X)", "X", "∇f = I"),
]


@pytest.mark.parametrize(("f", "variable", "claim"), BARE)
def test_a_bare_identity_has_the_size_that_the_form_needs(f: str, variable: str, claim: str) -> None:
    assert mc.verify(f, variable, claim, seed=1).passed


def test_a_wrong_claim_with_a_bare_identity_is_refuted_and_not_refused() -> None:
    assert mc.verify("A'*A", "A", "kron(A', I) + kron(I, A')", seed=1).verdict == "refuted"


CASES_OF_EQUALITY = [
    ("det(A*B)", "det(B*A)", "they are equal for square A and B, but not in general"),
    ("A*B", "B*A", "they are equal for diagonal A and B, but not in general"),
    ("(A*x)'*y", "x'*A*y", "they are equal for symmetric A, but not in general"),
    ("tr(A*B)", "tr(A)*tr(B)", "they are equal for n = 1, but not in general"),
    ("x'*x", "2*x'*x", ""),
]


@pytest.mark.parametrize(("first", "second", "words"), CASES_OF_EQUALITY)
def test_a_case_in_which_two_expressions_are_equal_is_named(first: str, second: str, words: str) -> None:
    report = mc.equal(first, second, seed=1)
    assert (report.verdict, report.diagnosis) == ("refuted", words)


@pytest.mark.parametrize(
    ("f", "wrt", "claim"),
    [
        ("x'*x", "x", lambda x: 2 * x),
        (lambda x: x @ x, "x", None),
        (lambda x: x @ x, lambda x: 2 * x, None),
        ("x'*x", lambda x: 2 * x, None),
    ],
)
def test_a_python_function_is_no_claim_and_no_formula(f: Any, wrt: Any, claim: Any) -> None:
    with pytest.raises(mc.MatcalcError, match="function") as caught:
        mc.verify(f, wrt, claim=claim)
    assert caught.value.hint == "for functions there is mc.verify_function(f, df, at)"
    assert callable(mc.verify_function)


def test_an_error_curve_takes_no_python_function() -> None:
    with pytest.raises(mc.MatcalcError, match="a claim is a text or an expression, and a function is neither"):
        mc.error_curve("x'*x", "x", lambda x: 2 * x)  # type: ignore[arg-type]


def test_a_number_is_no_claim() -> None:
    with pytest.raises(mc.MatcalcError, match="and 3 is neither") as caught:
        mc.verify("x'*x", "x", 3)  # type: ignore[arg-type]
    assert "in quotes" in caught.value.hint
