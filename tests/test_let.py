"""Named parts: what may be defined, where the names are kept, and what is said of definitions that cannot be."""

import json

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from strategies import program_values, programs

import matcalc as mc
from matcalc.commands import main
from matcalc.expressions import Expression
from matcalc.foldings import Folding
from matcalc.formulas import formulas
from matcalc.reading import read
from matcalc.rule_book import records, rule_of
from matcalc.self_check import check_rule
from matcalc.syntax import parse_rulebook
from matcalc.tokens import LONGEST_PROGRAM, LONGEST_TEXT
from matcalc.writing import declarations_of, text

LOSS = "let r = A*x - b; s = sigmoid(r) in sum(s.*r)"
LINES = "r = A*x - b\ns = sigmoid(r)  # the activation\n\nsum(s.*r)"
WHERE = "A: matrix(m,n), x: vector(n), b: vector(m)"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


# ---- reading


@pytest.mark.parametrize("source", [LOSS, LINES, LOSS.replace("; ", "\n"), LOSS.replace(" in", ";\nin\n")])
def test_definitions_are_read_with_let_or_one_a_line(source: str) -> None:
    reading = read(source)
    assert [p.name for p in reading.program.parts] == ["r", "s"]
    assert reading.expression is mc.parse("sum(sigmoid(A*x - b).*(A*x - b))")
    assert [str(v) for v in reading.variables] == ["A", "x", "b"]


def test_a_part_has_the_shape_of_its_definition_and_the_whole_text_decides_on_the_others() -> None:
    reading = read("let q = A*z; p = q - b in p'*S*p")
    assert {v.name: v.shape for v in reading.variables} == {
        v.name: v.shape for v in read("(A*z - b)'*S*(A*z - b)").variables
    }
    assert reading.notes == ("b: vector(n), since q - b needs it",)


@pytest.mark.parametrize("name", ["m", "n"])
def test_a_size_that_is_inferred_has_the_name_of_no_part(name: str) -> None:
    result = run("diff", f"let {name} = A*x in {name}'*{name}", "x", "--seed", "1")
    assert result.exit_code == 0
    assert f"gradient = 2*A'*{name}" in result.output
    claim = f"let {name} = A*x in 2*A'*{name}"
    assert mc.verify("norm2(A*x)^2", "x", claim=claim, seed=1).diagnosis == "the claim is the gradient"


def test_a_size_that_is_inferred_has_the_name_of_no_direction() -> None:
    for found in (mc.directional("A*x", "x", "m"), mc.hvp("norm2(A*x)^3", "x", "n"), mc.pullback("A*x", "x", "m")):
        assert mc.parse(str(found), where=found.where) is found


def test_definitions_are_written_with_the_names_before_them() -> None:
    program = read("let q = A*x; p = A*x + b; t = 3*x'*A'; g = exp(A*x) in g'*p + sum(t) + q[1]", WHERE).program
    assert {p.name: str(p.definition) for p in program.parts} == {
        "q": "A*x",
        "p": "b + q",
        "t": "3*q'",
        "g": "exp(q)",
    }
    assert str(program.body) == "g'*p + q[1] + sum(t)"


def test_numbers_variables_and_other_names_of_a_part_are_put_in() -> None:
    program = read("let k = 2; y = x; q = A*y; p = q in k*p'*p").program
    assert [p.name for p in program.parts] == ["q"]
    assert str(program.body) == "2*q'*q"


def test_a_part_keeps_what_the_normal_form_knows_of_it() -> None:
    program = read("let S = A + A'; R = A - A'; k = p + 1 in tr(S'*B^k*R')", "A, B: matrix(n,n), p: scalar integer")
    assert [sorted(p.variable.properties) for p in program.program.parts] == [["symmetric"], ["skew"], ["integer"]]


def test_what_is_not_used_is_noted() -> None:
    reading = read("let r = A*x; q = r - b; p = 2*q in sum(r)")
    assert [p.name for p in reading.program.parts] == ["r"]
    assert reading.notes[-2:] == ("q is defined, and not used", "p is defined, and not used")


def test_names_in_brackets_are_put_in() -> None:
    assert not read("(let r = A*x in r'*r) + 1").program.parts
    assert [p.name for p in read("(let r = A*x in r'*r)").program.parts] == ["r"]


# ---- what is said of definitions that cannot be

WRONG = [
    # text, declarations, the place, the message, the hint
    ("let r = A*r in sum(r)", "", "r in", "r is defined by itself", "earlier ones only"),
    ("let r = r in r", "", "r in r", "r is defined by itself", "earlier ones only"),
    ("let r = s*x; s = sum(y) in sum(r)", "", "s*x", "s is used before it is defined", "put s = … before r = …"),
    ("r = s*x\ns = sum(y)\nsum(r)", "", "s*x", "s is used before it is defined", "put s = … before r = …"),
    ("let r = s*x; s = sum(r) in s", "", "s*x", "r and s are defined by each other", "write r without s"),
    ("let r = s*x; q = r; s = sum(q) in s", "", "s*x", "r and s are defined by each other", "write r without s"),
    ("let r = A*x in sum(r)", "r: vector(m)", "r =", "r is declared, and the text defines it", "leave r out"),
    ("let sum = A*x in sum", "", "sum =", "sum is a function", "sum_1"),
    ("let norm = x in norm", "", "norm =", "norm is a function", "norm_1"),
    ("let sigmoid = x in x", "", "sigmoid =", "sigmoid is a function", "another name"),
    ("let r = x; r = y in r", "", "r = y", "r is defined twice", "its own name"),
    ("r = x\nr = y\nr", "", "r = y", "r is defined twice", "its own name"),
    ("let n = x in eye(n)*n", "", "n)*n", "n is a size, and the text defines it as well", "another name"),
    ("let r = A*x in (let r = x in r)", "", "x in r)", "r is defined again", "another name"),
    ("(let r = A*x in r) + r", "", "r", "r is defined by let, and used outside", "another name"),
    ("let r = A*x - b", "", "let", "there is no in after the definitions", "let r = A*x - b; s = sum(r) in s^2"),
    ("let r = A*x sum(r)", "", "let", "there is no in after the definitions", "in s^2"),
    ("let r = A*x in", "", "in", "in needs an expression after it", "in sum(r)"),
    ("let r = A*x; in", "", "in", "in needs an expression after it", "in sum(r)"),
    ("let r = A*x, s = r in s", "", ", s", "a comma does not separate definitions", "; s ="),
    ("let in x", "", "let", "let is not complete", ""),
    ("let r(x) = x in r", "", "let", "let is not complete", ""),
    ("let r = in r", "", "= in", "= needs something after it", ""),
    ("r = A*x\ns = r", "", "s = r", "the last line is to be an expression", "leave out s ="),
    ("r = A*x\nsum(r)\nr", "", ")\nr", "this line ends before the expression does", "name = …"),
]


@pytest.mark.parametrize(("source", "where", "place", "message", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_definitions_are_explained(source: str, where: str, place: str, message: str, hint: str) -> None:
    with pytest.raises(mc.ParseError) as caught:
        read(source, where)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert error.text == source
    assert error.start is not None
    assert source[error.start :].startswith(place) or source.endswith(place)
    assert "^" in str(error)


def test_a_part_is_no_variable_to_differentiate_by() -> None:
    with pytest.raises(mc.UnknownName, match="r is a part that the text defines") as caught:
        mc.differentiate(LOSS, "r")
    assert "A, x, b" in caught.value.hint


def test_a_program_may_be_longer_than_one_input_but_none_of_its_definitions() -> None:
    count = LONGEST_PROGRAM // 20
    lines = [f"h{k} = tanh(W*h{k - 1})" for k in range(1, count)]
    short = "\n".join(["h0 = x", *lines[: LONGEST_PROGRAM // 60], "sum(h0)"])
    assert LONGEST_TEXT < len(short) < LONGEST_PROGRAM
    assert len(read(short).variables) == 2
    with pytest.raises(mc.ParseError, match="more than 200,000 are not accepted"):
        read("\n".join([*lines, "sum(x)"]))
    long = " + ".join(["x"] * (LONGEST_TEXT // 4 + 1))
    for source in (f"r = {long}\nsum(r)", f"r = x\n{long}", "r = x\n" + long.replace("+ x", "+\nx")):
        with pytest.raises(mc.ParseError, match=r"this definition has .* more than 10,000 are not accepted"):
            read(source)


@pytest.mark.parametrize(("step", "what"), [("a{i} + b{k}", "terms"), ("a{i}*b{k}", "factors")])
def test_short_definitions_do_not_grow_without_end(step: str, what: str) -> None:
    lines = [f"a{k} = {step.format(i=k - 1, k=k)}" for k in range(1, 1200)]
    with pytest.raises(mc.ParseError, match=f"written out, this part has 1,001 {what}"):
        read("\n".join([*lines, "a1199"]))


# ---- the names in every output


def test_names_live_with_the_question_and_not_on_the_node() -> None:
    one, other = mc.differentiate(LOSS, "x"), mc.differentiate("let q = A*x - b; t = sigmoid(q) in sum(t.*q)", "x")
    assert one.expression is other.expression is mc.parse(LOSS)
    assert str(one.named.gradient) == "A'*(r.*s.*(ones - s) + s)"
    assert str(other.named.gradient) == "A'*(q.*t.*(ones - t) + t)"
    assert one.gradient is other.gradient
    plain = mc.differentiate("sum(sigmoid(A*x - b).*(A*x - b))", "x")
    assert not plain.parts
    assert mc.parse(str(one.expression), where=one.expression.where) is one.expression


def test_every_notation_of_a_derivative_has_the_names() -> None:
    D = mc.differentiate(LOSS, "x")
    parts = "let r = A*x - b; s = sigmoid(r) in "
    assert str(D) == f"d({parts}sum(r.*s)) = {parts}(r.*s.*(ones - s) + s)'*A*dx"
    assert D.unicode().endswith("∇f = Aᵀ(r ⊙ s ⊙ (ones − s) + s) where r = A x − b, s = sigmoid(r)")
    assert r"\text{where } r = A x - b,\; s = \sigma(r)" in D.latex()
    assert {n: str(e) for n, e in D.parts.items()} == {"r": "A*x - b", "s": "sigmoid(A*x - b)"}
    assert {n: str(e) for n, e in D.named.parts.items()} == {"r": "A*x - b", "s": "sigmoid(r)"}


@pytest.mark.parametrize(
    ("style", "lines"),
    [
        ("ascii", ["f = sum(r.*s)", "where r = A*x - b", "where s = sigmoid(r)", "A'*(r.*s.*(ones - s) + s)"]),
        ("unicode", ["f = sum(r ⊙ s)", "where r = A x − b", "where s = sigmoid(r)", "∇f = Aᵀ(r ⊙ s ⊙ (ones − s) + s)"]),
        ("latex", [r"where r = A x - b", r"where s = \sigma(r)", r"\nabla f = A^\top (r \odot s"]),
    ],
)
def test_the_command_shows_each_named_part_once(style: str, lines: list[str]) -> None:
    output = run("diff", LOSS, "x", "--format", style, "--no-verify").output
    assert [line for line in lines if output.count(line) != 1] == []


def test_the_document_keeps_the_parts() -> None:
    document = json.loads(run("diff", LOSS, "x", "--format", "json", "--seed", "1").output)
    assert document["expression"] == "let r = A*x - b; s = sigmoid(r) in sum(r.*s)"
    assert document["parts"]["s"]["text"] == "sigmoid(r)"
    assert document["parts"]["r"] == {
        "text": "A*x - b", "unicode": "A x − b", "latex": "A x - b", "rows": "m", "columns": "1",
    }  # fmt: skip
    assert document["forms"]["gradient"]["text"].startswith("let r = A*x - b; s = sigmoid(r) in A'*")
    assert document["report"]["verdict"] == "verified"


def test_conditions_and_steps_speak_of_the_parts() -> None:
    output = run("diff", "let G = X'*X; h = G\\y in log(y'*h)", "X", "--steps", "--no-verify").output
    assert "for   G invertible, h'*y positive" in output
    assert "  d(G) = dX'*X + X'*dX  (product" in output


KERNEL = "let K = exp(a)*exp(-exp(-s)*D) + exp(t)*eye(n) in y'*inv(K)*y/2 + logdet(K)/2"
SEVERAL_FORMULAS = [
    ("logdet(X'*X + eye)*tr(inv(X'*X + eye))", ["X"], ""),
    (KERNEL, ["a", "s", "t"], "D: matrix(n,n) symmetric, a, s, t: scalar, y: vector(n)"),
    ("x'*inv(A*B + C)*y*tr(inv(A*B + C)*D*inv(A*B + C))", ["A", "B", "C"], "A, B, C, D: matrix(n,n)"),
    ("x'*inv(A*B + C)'*y*tr(inv(A*B + C)*D)*log(tr(inv(A*B + C)))", ["B", "C", "D"], "A, B, C, D, M: matrix(n,n)"),
]


@pytest.mark.parametrize(("source", "variables", "where"), SEVERAL_FORMULAS)
def test_a_letter_has_one_meaning_in_an_answer(source: str, variables: list[str], where: str) -> None:
    asked = ["diff", source, *variables, "-w", where, "--order", "2", "--format", "json", "--no-verify"]
    answer = json.loads(run(*asked).output)
    D = mc.differentiate(source, variables, where)
    directions = [*D.perturbations.values(), *D.second_perturbations.values()]
    declared = declarations_of([*D.known_variables, *directions], [D.expression])
    meanings: dict[str, Expression] = {}
    for shown in [answer["expression"], *(form["text"] for form in answer["forms"].values())]:
        for part in read(shown, declared).program.parts:
            assert meanings.setdefault(part.name, part.value) is part.value
            assert list(meanings.values()).count(part.value) == 1
    assert len(meanings) > 1
    assert {p.name: p.value for p in D.program.parts}.items() <= meanings.items()


def test_letters_for_other_shared_parts_are_none_of_the_question() -> None:
    D = mc.differentiate("let r = A*x in exp(exp(r) + exp(exp(r)))'*r + sum(u) + sum(exp(w))", "x")
    output = text(D.named.gradient, D.named.printed)
    letters = output.partition(" in ")[0].removeprefix("let ").split("; ")
    assert [d.partition(" = ")[0] for d in letters if d.partition(" = ")[0] in ("u", "w")] == []
    assert D.verify(seed=1).passed


CASES = [
    # the text, the variable, the answer over the names (from the course map where it has a label)
    ("let a = sin(x); b = a/y; z = b + x in z", "x", "x, y: scalar", "cos(x)/y + 1"),  # N10.1
    ("let a = sin(x); b = a/y; z = b + x in z", "y", "x, y: scalar", "-a/y^2"),  # N10.1
    ("let p = a*x; q = b*y; r = c*(p + q); z = d*r in z", "x", "x, y: scalar", "a*c*d"),  # N10.4: the path acd
    ("let p = a*x; q = b*y; r = c*(p + q); z = d*r in z", "y", "x, y: scalar", "b*c*d"),  # N10.4: the path bcd
    ("let x = A\\b in (c'*x)^2", "b", "", "2*c'*x*inv(A)'*c"),  # the adjoint of a linear system
    ("let x = A\\b in (c'*x)^2", "A", "", "-2*c'*x*inv(A)'*c*x'"),
    (
        "let M = A0 + p1*A1 + p2*A2; x = M\\b in c'*x",
        "p2",
        "p1, p2: scalar, c, b: vector(n)",
        "-c'*inv(M)*A2*x",
    ),  # N8.3
    ("let S = A + A' in x'*S*x", "x", "", "2*S*x"),
    ("let G = X'*X in logdet(G)", "X", "", "2*X*inv(G)"),
    ("let p = softmax(W*x) in -y'*log(p)", "x", "", "W'*(sum(y)*p - y)"),
]


@pytest.mark.parametrize(("source", "variable", "where", "answer"), CASES)
def test_answers_over_the_names(source: str, variable: str, where: str, answer: str) -> None:
    D = mc.differentiate(source, variable, where)
    assert str(D.named.gradient) == answer
    assert D.verify(seed=1).verdict == "verified"


def test_a_claim_may_use_the_names() -> None:
    # P22-2.3: two linear systems, one after the other
    source = "let A = A0 + diag(p); x = A\\a; B = B0 + diag(x.*x); y = B\\b in y'*F*y"
    where = "F: matrix(n,n) symmetric, a, b, p: vector(n), A0, B0: matrix(n,n)"
    claim = "let g = 2*F*y; u = -B'\\g; w = 2*u.*x.*y; z = -A'\\w in z.*x"
    assert mc.verify(source, "p", claim, where=where, seed=1).verdict == "verified"
    assert mc.verify(source, "p", claim.replace("-A'", "A'"), where=where, seed=1).verdict == "refuted"
    assert mc.verify(LOSS, "x", "let r = A*x - b in A'*(sigmoid(r) + r.*s.*(ones - s))", seed=1).passed


# ---- folding


@pytest.mark.parametrize(
    ("source", "other", "folded"),
    [
        ("let r = A*x - b in r'*r", "b - A*x", "-r"),
        ("let r = A*x - b in r'*r", "x'*A' - b'", "r'"),
        ("let r = A*x - b in r'*r", "2*A*x - 2*b + c", "2*r + c"),
        ("let r = A*x - b in r'*r", "A*x + b", "A*x + b"),
        ("let q = A*x in q'*q", "c'*A*x", "c'*q"),
        ("let q = A*x in q'*q", "3*A*x*x'*A'", "3*q*q'"),
        ("let q = 2*A*x in q'*q", "3*A*x", "3*A*x"),
        ("let q = b.*c in q'*q", "exp(b.*c).*c.*(A*x).*b", "exp(q).*q.*(A*x)"),
        ("let t = b'*c in t^2", "b'*c*A*x", "t*A*x"),
        ("let x1 = inv(S)*x in x1'*x1", "c'*A*inv(S)*x", "c'*A*x1"),
        ("let s = sigmoid(x) in s'*s", "sigmoid(x)'*x", "s'*x"),
    ],
)
def test_names_are_found_where_their_definitions_stand(source: str, other: str, folded: str) -> None:
    where = f"{WHERE}, c: vector(m), S: matrix(n,n)"
    program = read(source, where).program
    e = mc.parse(other, where)
    names = where + "".join(f", {p.name}: matrix({p.variable.rows},{p.variable.columns})" for p in program.parts)
    found = Folding(program.parts).folded(e)
    assert found is mc.parse(folded, names) or str(found) == folded
    assert program.unfolded(found) is e


@given(programs())
def test_a_program_is_printed_read_back_and_differentiated(source: str) -> None:
    where = "A: matrix(n,n), x, y: vector(n)"
    reading = read(source, where)
    program = reading.program
    point = program_values(np.random.default_rng(0))
    assert np.allclose(program.unfolded(program.body).evaluate(point), reading.expression.evaluate(point))
    again = read(text(program.body, program), where)
    assert again.expression is reading.expression
    assert [p.name for p in again.program.parts] == [p.name for p in program.parts]
    D = mc.differentiate(source, "x", where)
    plain = mc.differentiate(reading.expression, D.variables)
    point["dx"] = np.array([0.3, -0.2, 0.5])
    assert np.allclose(D.differential.evaluate(point), plain.differential.evaluate(point), rtol=1e-9, atol=1e-12)
    if reading.expression.is_scalar:
        assert np.allclose(D.gradient.evaluate(point), plain.gradient.evaluate(point), rtol=1e-9, atol=1e-12)
        assert np.allclose(D.hessian.evaluate(point), plain.hessian.evaluate(point), rtol=1e-8, atol=1e-10)


# ---- files


def test_a_file_has_an_expression_a_line_after_its_definitions() -> None:
    lines = ["# losses", "x'*x", "r = A*x - b  # residual", "", "norm2(r)^2", "let", " q = A*x", "in", "sum(q)"]
    assert list(formulas(lines)) == ["x'*x", "r = A*x - b\nnorm2(r)^2", "let\nq = A*x\nin\nsum(q)"]
    assert list(formulas(["r = x"])) == ["r = x"]  # which the reader will refuse


def test_definitions_on_standard_input_belong_to_the_expression_after_them() -> None:
    source = f"{LINES} wrt x\nr = 2*y\nA*y +\nr'*r wrt r\n{LOSS}\n"
    result = run("-", "x", "--format", "ascii", "--no-verify", stdin=source)
    assert result.exit_code == 2
    assert result.output.count("gradient = A'*(r.*s.*(ones - s) + s)") == 2
    assert "+ needs something after it" in result.output
    assert "f = r'*r" in result.output  # the definition of r went with the line that does not read


def test_two_thousand_layers_have_a_gradient_under_their_names() -> None:
    layers = 2000
    lines = ["h0 = x", *(f"h{k} = tanh(W*h{k - 1} + b)" for k in range(1, layers + 1)), f"norm2(h{layers} - y)^2"]
    D = mc.differentiate("\n".join(lines), "W", "W: matrix(n,n), b, x, y: vector(n)")
    printed = text(D.named.gradient, D.named.printed)
    assert printed.startswith("let h1 = tanh(W*x + b); h2 = tanh(W*h1 + b);")
    assert len(printed) < 100 * layers


# ---- rules

RULES = """again: d(inv(A)) = let B = inv(A);
        M = B*d(A)
    in -M*B
    for A: matrix(n,n)
    where A invertible

left: dot(G, A*X) = let L = A' in dot(L*G, X)
    for G: matrix(m,p), A: matrix(m,n), X: matrix(n,p)

factors: d(det(R)) = let C = adj(R) in tr(C*d(R))
    for R: matrix(n,n)

turned: A'*B' = let R = B*A in R'
    for A: matrix(m,n), B: matrix(p,m)
"""


def test_a_rule_may_name_parts_over_several_lines() -> None:
    found = [rule_of(statement, RULES) for statement in parse_rulebook(RULES, "let.rules")]
    assert [(r.name, r.kind) for r in found[:3]] == [
        ("again", "differential"),
        ("left", "adjoint"),
        ("factors", "differential"),
    ]
    assert str(found[0].right) == "-inv(A)*d(A)*inv(A)"
    assert str(found[1].right) == "A'*G"
    assert [check_rule(r).verdict for r in found] == ["verified"] * 4
    assert [sorted(record.words) for record in records(RULES, "let.rules")] == [["inv"], [], ["adj", "det", "tr"], []]


def test_a_definition_in_a_rule_file_may_name_parts(tmp_path: object) -> None:
    file = f"{tmp_path}/my.rules"
    with open(file, "w", encoding="utf-8") as out:
        out.write("ridge: definition ridge(A, b) =\n  let G = A'*A + eye(n);\n      R = A'*b\n  in R'*(G\\R)\n"
                  "    for A: matrix(m,n), b: vector(m)\n")  # fmt: skip
    output = run("diff", "ridge(A, b)", "b", "--rules", file, "--seed", "1").output
    assert "gradient = 2*A*inv(A'*A + eye)*A'*b" in output
    assert "verified" in output
