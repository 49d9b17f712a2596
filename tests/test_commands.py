"""The command line: what it prints, and how it ends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from matcalc.commands import main
from matcalc.function_table import FUNCTIONS
from matcalc.rule_lines import DEFINITIONS

LOGISTIC = "sum(log(exp(-y.*(X*w)) + vector(1)))"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


def test_diff_prints_the_shapes_the_differential_the_gradient_and_the_verdict() -> None:
    result = run("diff", LOGISTIC, "w")
    assert result.exit_code == 0
    assert "X: matrix(" in result.output
    assert "df = -(y.*sigmoid(-y.*(X*w)))'*X*dw" in result.output
    assert "gradient = -X'*(y.*sigmoid(-y.*(X*w)))" in result.output
    assert "verified (exact)" in result.output


def test_one_document_holds_everything_as_json() -> None:
    result = run("diff", "x'*A*x", "x", "--order", "2", "--format", "json", "--steps")
    document = json.loads(result.output)
    assert document["forms"]["gradient"]["text"] == "(A + A')*x"
    assert document["forms"]["hessian"]["text"] == "A + A'"
    assert document["variables"]["A"] == {"rows": "n", "columns": "n", "properties": []}
    assert document["report"]["verdict"] == "verified"
    assert document["derivation"]


@pytest.mark.parametrize(
    ("style", "shown"),
    [("unicode", "∇f = (A + Aᵀ)x"), ("ascii", "(A + A')*x"), ("latex", r"(A + A^\top) x")],
)
def test_the_answer_comes_in_three_notations(style: str, shown: str) -> None:
    assert shown in run("diff", "x'*A*x", "x", "--format", style, "--no-verify").output


def test_the_steps_name_their_rules() -> None:
    output = run("diff", "tr(inv(A))", "A", "--steps").output
    assert "d(inv(A)) = -inv(A)*dA*inv(A)  (derivative of the inverse; Course notes" in output
    assert output.count("Course notes, section 7.1") == 1


def test_the_denominator_layout_turns_the_jacobian() -> None:
    arguments = ("diff", "A*x", "x", "--form", "jacobian", "--no-verify")
    assert "jacobian = A\n" in run(*arguments).output
    assert "jacobian = A'\n" in run(*arguments, "--layout", "denominator").output


def test_several_variables_have_a_gradient_each() -> None:
    output = run("diff", "tr(A'*B*A)", "A", "B", "-w", "A, B: matrix(n,n)").output
    assert "gradient in A = (B + B')*A" in output
    assert "gradient in B = A*A'" in output


def test_standard_input_is_read_line_by_line() -> None:
    result = run("-", stdin="x'*A*x wrt x\n# a comment\n\nnorm2(x)^2 wrt x\n")
    assert result.exit_code == 0
    assert result.output.count("verified (exact)") == 2


def test_a_bad_line_of_standard_input_does_not_stop_the_others() -> None:
    result = run("-", stdin="A*x +\nx'*x wrt x\n")
    assert result.exit_code == 2
    assert "gradient = 2*x" in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "shown"),
    [
        (("verify", "x'*A*x", "x"), 0, "verified"),
        (("verify", "x'*A*x", "x", "--claim", "(A + A')*x"), 0, "verified"),
        (("verify", "x'*A*x", "x", "--claim", "x'*(A + A')*dx"), 0, "verified"),
        (("verify", "x'*A*x", "x", "--claim", "A + A'"), 0, "verified"),
        (("verify", "x'*A*x", "x", "--claim", "2*A*x"), 1, "refuted"),
        (("verify", "A^2", "A", "--claim", "2*A*dA"), 1, "refuted"),
        (("verify", "tr(X)", "X", "--claim", "eye"), 0, "verified"),
        (("verify", "x'*A*x", "x", "--claim", "A"), 1, "refuted"),
        (("verify", "x'*A*x", "x", "--claim", "x*x'*y"), 2, "y"),
        (("verify", "A*B", "A", "B", "--claim", "dA*B + A*dB"), 0, "the claim is the differential"),
        (("verify", "A*B", "A, B", "--claim", "dA*B + A*dB"), 0, "the claim is the differential"),
        (("verify", "A*B", "--claim", "dA*B + A*dB"), 0, "the claim is the differential"),
        (("verify", "A*B", "A", "B", "--claim", "dA*B"), 1, "the term A*dB is missing"),
        (("verify", "A*B", "--claim", "dA*B"), 2, "name the variable that the claim is about"),
        (("verify", "tr(A*B)", "A", "B", "--claim", "B'"), 2, "name the variable that the claim is about"),
        (("verify", "tr(A*B)", "A", "B", "--claim", "dA*B"), 2, "a differential of tr(A*B) is 1×1"),
        (("equal", "inv(A*B)", "inv(B)*inv(A)", "-w", "A, B: matrix(n,n)"), 0, "verified"),
        (("equal", "A*B", "B*A", "-w", "A, B: matrix(n,n)"), 1, "refuted"),
        (("diff", "A*x + y", "x", "-w", "A: matrix(m,n), x: vector(n), y: vector(n)"), 2, "cannot add"),
        (("diff", "chol(X)", "X"), 2, "chol"),
        (("diff", "A*x", "x", "--form", "gradient"), 2, "only a scalar has a gradient"),
        (("diff", "x'*x", "z"), 2, "there is no variable z"),
        (("rules", "logdet"), 0, "dot(G, d(logdet(A))) = dot(G*inv(A)', d(A))"),
        (("rules",), 0, "d(inv(A)) = -inv(A)*d(A)*inv(A)"),
        (("rules", "inverze"), 2, "did you mean inverse"),
        (("rules", "sigmoid"), 0, "entrywise    d(sigmoid(x)) = sigmoid(-x)*sigmoid(x)*d(x)"),
        (("rules", "polygamma"), 0, "d(polygamma(1,x)) = polygamma(2, x)*d(x)"),
        (("rules", "sqrt"), 0, "abbreviation sqrt(X) = X.^(1/2)"),
        (("rules", "norm"), 0, "d(norm2(X)) = tr(X'*d(X))/norm2(X)"),
        (("rules", "inv"), 0, "d(inv(A)) = -inv(A)*d(A)*inv(A)"),
        (("rules", "eye"), 0, "eye: a constant of the language"),
        (("rules", "reshape"), 0, "abbreviation reshape(A, m, n) = unvec(vec(A), m, n)"),
        (("rules", "norminf"), 0, "abbreviation norminf(X) = max(abs(X))"),
        (("rules", "max"), 0, "d(max(X)) = tr(hardmax(X)'*d(X))"),
        (("rules", "rank"), 2, "rank is not supported yet"),
    ],
)
def test_the_exit_status_says_how_it_went(arguments: tuple[str, ...], status: int, shown: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, shown in result.output) == (status, True), result.output


@pytest.mark.parametrize(
    ("expression", "variable", "claim", "proposed"),
    [
        ("norm(X*w-y)^2", "w", "2*X*(X*w-y)", "did you mean 2*X'*(X*w-y)?"),
        ("norm(X*w-y)^2", "w", "2*(X*w-y)*X", "did you mean 2*X'*(X*w-y)?"),
        ("norm(X*w-y)^2", "w", "2*X'*X*w - 2*X*y", "did you mean 2*X'*y?"),
        ("tr(A*X*B)", "X", "A*B", "did you mean A'*B'?"),
        ("A*X*B", "X", "A*dX'*B", "did you mean A*dX*B?"),
    ],
)
def test_a_claim_that_does_not_fit_is_rearranged(expression: str, variable: str, claim: str, proposed: str) -> None:
    result = run("verify", expression, variable, "--claim", claim)
    assert (result.exit_code, proposed in result.output) == (2, True), result.output
    assert "declared" not in result.output


def test_a_seed_repeats_a_check() -> None:
    first, second = (run("verify", "logdet(X'*X)", "X", "--seed", "7").output for _ in range(2))
    assert first == second
    assert "seed 7" in first


def test_a_wrong_rule_is_refused_with_its_place_and_a_counterexample(tmp_path: Path) -> None:
    file = tmp_path / "wrong.rules"
    file.write_text("hyperbolic: cosh(X).^2 + sinh(X).^2 = ones\n    for X: matrix(m,n)\n", encoding="utf-8")
    result = run("diff", "x'*x", "x", "--rules", str(file))
    assert result.exit_code == 2
    assert "wrong.rules:1: hyperbolic is wrong" in result.output
    assert "the first gives" in result.output


@pytest.fixture
def own_rules(tmp_path: Path) -> Iterator[str]:
    """A file with a definition; what it defines is forgotten after the test."""
    file = tmp_path / "own.rules"
    text = 'mine: definition mish(X) = X.*tanh(softplus(X))\n    for X: matrix(m,n)\n    from "Misra 2019"\n'
    file.write_text(text, encoding="utf-8")
    yield str(file)
    del FUNCTIONS["mish"], DEFINITIONS["mish"]


def test_a_function_of_ones_own_can_be_used(own_rules: str) -> None:
    result = run("diff", "sum(mish(x))", "x", "--rules", own_rules)
    assert result.exit_code == 0, result.output


def test_a_name_declared_for_neither_expression_is_noted() -> None:
    output = run("equal", "(A*B)'", "B'*A'", "-w", "A, B, C: matrix(n,n)").output
    assert "note: declared, and not in the formula: C" in output


def test_two_expressions_with_a_function_of_ones_own_can_be_compared(own_rules: str) -> None:
    result = run("equal", "mish(x)", "x.*tanh(log(1 .+ exp(x)))", "--rules", own_rules)
    assert (result.exit_code, "verified" in result.output) == (0, True), result.output


@pytest.mark.parametrize("name", ["mish", "mine"])
def test_the_rules_show_a_definition_of_ones_own(name: str, own_rules: str) -> None:
    output = run("rules", name, "--rules", own_rules).output
    assert "own.rules:1: mine" in output
    assert "definition   mish(X) = X.*tanh(softplus(X))" in output
    assert "Misra 2019" in output


def test_the_list_of_rules_ends_with_ones_own(own_rules: str) -> None:
    assert run("rules", "--rules", own_rules).output.splitlines()[-1].split()[0] == "mine"


@pytest.mark.parametrize("text", ["-w'*x", "-sum(y.*log(softmax(X*w)))", "-x'*h"])
def test_a_formula_may_begin_with_a_minus(text: str) -> None:
    name = "h" if "h" in text else "w"
    result = run("diff", text, name)
    assert (result.exit_code, "gradient = " in result.output) == (0, True), result.output


def test_the_variable_may_be_named_in_the_argument() -> None:
    assert "gradient = (A + A')*x" in run("diff", "x'*A*x wrt x").output


@pytest.mark.parametrize("names", [("x,A",), ("x, A",), ("x,", "A"), ("x", "A")], ids=" ".join)
def test_commas_may_stand_between_variables(names: tuple[str, ...]) -> None:
    output = run("diff", "x'*A*x", *names, "--no-verify").output
    assert "gradient in x = (A + A')*x" in output
    assert "gradient in A = x*x'" in output


def test_a_product_that_is_read_as_one_name_is_taken_apart() -> None:
    result = run("diff", "norm(Xw-y)^2", "w")
    assert result.exit_code == 2
    assert "Xw is one name: write X*w for the product" in result.output


@pytest.mark.parametrize(
    ("formula", "variable", "where", "unused"),
    [
        ("X*w", "w", "x: matrix(m,n), w: vector(n)", "declared, and not in the formula: x"),
        ("X*w", "w", "X: matrix(m,n), dw: vector(n)", ""),
        ("X*w", "v", "X: matrix(m,n), v: vector(n)", ""),
        ("X*w", "w", "n: size, X: matrix(n,n)", ""),
        ("X*w + X*h - X*h", "w", "h, w: vector(n), X: matrix(m,n)", ""),
    ],
)
def test_a_declared_name_that_does_not_occur_is_noted(formula: str, variable: str, where: str, unused: str) -> None:
    output = run("diff", formula, variable, "-w", where, "--no-verify").output
    assert ("note" in output, unused in output) == (bool(unused), True), output


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> int:
    """A terminal of 60 columns."""
    monkeypatch.setattr("matcalc.folds.terminal_width", lambda **_: 60)
    return 60


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", LOGISTIC, "w", "--seed", "1", "-w", "X: matrix(m,n), y: vector(m) constant, w: vector(n) positive"),
        ("diff", "A*x + y", "x", "-w", "A: matrix(m,n), x: vector(n), y: vector(n)"),
        ("diff", "(sum((y - X*w).^2) + lambda*norm2(w)^2)/N", "w"),
        ("verify", "norm(X*w-y)^2", "w", "--claim", "2*X'*X*w - 2*X*y"),
        ("verify", "x'*A*x", "x", "--claim", "2*A*x", "--seed", "1"),
        ("rules", "euclidean-norm"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_lines_are_folded_to_the_terminal(arguments: tuple[str, ...], narrow: int) -> None:
    folded = run(*arguments).output
    assert max(map(len, folded.splitlines())) <= narrow, folded


def test_a_fold_changes_blanks_alone(narrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("diff", LOGISTIC, "w", "--steps", "--seed", "1")
    folded = run(*arguments).output
    monkeypatch.undo()
    whole = run(*arguments).output
    assert "".join(folded.split()) == "".join(whole.split())
    assert folded.count("\n") > whole.count("\n")


def test_each_side_of_a_step_begins_a_line(narrow: int) -> None:
    output = run("diff", LOGISTIC, "w", "--steps", "--no-verify").output
    assert "d(log(exp(-y.*(X*w)) + ones))\n      = d(exp(-y.*(X*w)) + ones)./(exp(-y.*(X*w)) + ones)\n" in output
    place = run("diff", "norm2(A*x - b)^2 + norm2(B*x - c)^2 + norm2(C*x - h)^2 + alpha +", "x").output.splitlines()[:2]
    assert len(place[0]) > narrow
    assert set(place[1]) <= {" ", "^"}


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    output = run("diff", "A*x + y", "x", "-w", "A: matrix(m,n), x: vector(n), y: vector(n)").output
    assert "y (vector of length n): declared y: vector(n), A: matrix(m,n)\n" in output


WIDE = (
    "let r = A*x - b; s = tanh(B*r) in norm2(C*s)^2 + lambda*norm2(x)^2 + mu*sum(log(1 .+ exp(-y.*(D*x))))",
    "A: matrix(m,n), b: vector(m), x: vector(n), B: matrix(k,m), C: matrix(l,k), D: matrix(q,n), y: vector(q)",
)


def test_columns_gives_a_pipe_a_width() -> None:
    arguments = ("diff", WIDE[0], "x", "-w", WIDE[1], "--no-verify", "--format", "ascii")
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": "80"})
    assert (
        """
gradient = 2*A'*B'*((C'*C*s).*(ones - s.^2)) - mu*D'*(y.*sigmoid(-y.*(D*x))) +
           2*lambda*x
"""
        in result.output
    )


@pytest.mark.parametrize("style", ["unicode", "ascii"])
@pytest.mark.parametrize("width", [40, 57, 80])
def test_no_line_is_wider_than_asked(style: str, width: int) -> None:
    options = ("--order", "2", "--steps", "--graph", "--seed", "1", "--format", style)
    result = CliRunner().invoke(main, ("diff", WIDE[0], "x", "-w", WIDE[1], *options), env={"COLUMNS": str(width)})
    assert max(map(len, result.output.splitlines())) <= width, result.output


def test_a_logarithm_of_a_determinant_needs_a_positive_one() -> None:
    assert "for   det(X) positive" in run("diff", "log(det(X))", "X").output


def test_a_condition_of_the_second_order_alone_is_shown_with_it() -> None:
    assert "invertible" not in run("diff", "det(A)", "A", "--no-verify").output
    assert "for   A invertible" in run("diff", "det(A)", "A", "--order", "2", "--no-verify").output
    document = json.loads(run("diff", "det(A)", "A", "--order", "3", "--format", "json", "--no-verify").output)
    assert document["conditions"] == ["A invertible"]


def test_an_index_is_no_variable_to_differentiate_in() -> None:
    output = run("diff", "x[i]^2", "--no-verify").output
    assert "gradient = 2*x[i]*eye(n)[:,i]" in output
    assert "in i" not in output
    assert "there is no variable" in run("diff", "2^k", "-w", "k: scalar integer").stderr
