"""What is said of wrong inputs: one message with its place, and what to write instead."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcalc import errors
from matcalc.call_mistakes import offered_names
from matcalc.declarations import Where
from matcalc.errors import MatcalcError
from matcalc.function_table import FUNCTIONS, LATER
from matcalc.reading import read
from matcalc.rule_lines import DEFINITIONS
from matcalc.user_rules import load_rules

Row = dict[str, Any]

ROWS: list[Row] = json.loads((Path(__file__).parent / "data" / "wrong_inputs.json").read_text(encoding="utf-8"))
LONGEST_MESSAGE, LONGEST_HINT = 140, 150

LIMITS = {
    "10,001 characters": ("x" * 10_001, "10,000"),
    "201 brackets": ("(" * 201 + "x" + ")" * 201, "200"),
    "201 calls": ("sin(" * 201 + "x" + ")" * 201, "200"),
    "a number of 1,001 digits": ("1" * 1_001, "1,000 digits"),
    "7 sums": ("".join(f"sum(i{k}, 1, 9, " for k in range(7)) + "x[i0]" + ")" * 7, "deeper than 6"),
    "2^64 rows": (
        "let x0 = [1; 2]; " + "".join(f"x{k + 1} = kron(x{k}, x{k}); " for k in range(6)) + "y = 1 in x6",
        "rows",
    ),
    "a size of 200 factors": ("eye(" + "(n + 1)*" * 199 + "n)", "beyond all use"),
}

# What is said of a wrong rule in a file of one's own: the rule, its clauses, the message, the hint.
WRONG_RULES = [
    ("definition mse(x,y) = norm(x-y)^2", "", "x and y are not declared", "write for x: vector(n), y: vector(n)"),
    ("definition act(A,x) = A*x", "for x: vector(n)", "the parameter A is not declared", "write for A: matrix(m,n)"),
    ("definition mse(x,x) = sum(x)", "for x: vector(n)", "x is a parameter twice", "its own name"),
    ("definition mse() = 1", "", "a function needs an argument", "write an expression"),
    ("definition mse = 1", "", "begins with a function and the names of its parameters", "write mse(x) = …"),
    ("definition mse(2*x) = sum(x)", "for x: vector(n)", "the names of its parameters", "write mse(x) = …"),
    ("definition mse(x) = sum(x)", "for x: vector(n) shiny", "shiny is not a property", "write one of: symmetric"),
    ("definition mse(x) = sum(x)", "for x: vector(n), y: vector(n)", "y is declared, and is no", "write mse(x, y)"),
    ("definition mse(x,y) = sum(x)", "for x, y: vector(n)", "y does not occur on the right side", "leave it out"),
    ("definition mse(x) = norm(x-y)", "for x: vector(n)", "y is no parameter of mse", "write mse(x, y), and for …"),
    ("definition mse(x) = mse(2*x)", "for x: vector(n)", "mse is defined by itself", "other functions"),
    ("definition mse(x) = d(x)", "for x: vector(n)", "no differential in a definition", "the value alone"),
    ("definition mse(x) = ones(k)*sum(x)", "for x: vector(n)", "the size k does not follow", "parameters: n"),
    ("definition mse(x) = sum(x)", "for x: vector(2n)", "the sizes of the parameter x are no letters", "vector(n)"),
    ("definition mse(x) = sum(x)", "for x: vector", "the sizes of the parameter x are no letters", "vector(n)"),
    ("definition x(x) = sum(x)", "for x: vector(n)", "x is the function and its own parameter", "another name"),
    ("definition trace(X) = sum(X)", "for X: matrix(n,n)", "trace is a function already", "another name"),
    ("definition eye(x) = sum(x)", "for x: vector(n)", "eye is a function already", "another name"),
    ("definition I(x) = sum(x)", "for x: vector(n)", "I has a meaning already", "another name"),
    ("norm2(x) = sqrt(x'*x)", "", "x is not declared in a rule", "write for x: vector(n)"),
    ("linear x", "for x: vector(n)", "needs a function of a declared variable", "write linear f(X)"),
    ("dot(x, d(x)) = dot(d(x), x)", "for x: vector(n)", "an adjoint has a cotangent G", "declare G"),
]
# A definition is called with its arguments in the order of its head, and has the shape of its right side.
RIGHT_RULES = [
    ("act(A,x) = A*x", "for x: vector(n), A: matrix(m,n)", "act(B, z).*v", "(m, 1)"),
    ("twice(x) = [x; x]", "for x: vector(n)", "twice(z).*v", "(2*n, 1)"),
    ("stack(x,y) = [x; y]", "for x: vector(n), y: vector(m)", "stack(z, 2*y).*v", "(m + n, 1)"),
    ("square_of(A) = kron(A,A)", "for A: matrix(m,n)", "square_of(z).*v", "(n**2, 1)"),
    ("silu(X) = X.*sigmoid(X)", "for X: matrix(m,n)", "sigmoid(z).*(1 .- silu(z))", "(n, 1)"),
    ("first(x) = x[1:2]", "for x: vector(3)", "first(z).*v", "(2, 1)"),
]

TOKENS = [
    "x",
    "y",
    "z",
    "a",
    "b",
    "A",
    "B",
    "K",
    "n",
    "i",
    "I",
    "e",
    "pi",
    "eye",
    "ones",
    "zeros",
    "1",
    "2",
    "0.5",
    "-1",
    "0",
    "+",
    "-",
    "*",
    "/",
    "\\",
    ".*",
    "./",
    ".^",
    "^",
    "'",
    ".+",
    "=",
    ";",
    ",",
    "(",
    ")",
    "[",
    "]",
    ":",
    "|",
    "‖",
    "ᵀ",
    "⁻¹",
    "²",
    "⊗",
    "let",
    "in",
    "sin(",
    "tr(",
    "det(",
    "inv(",
    "sum(",
    "diag(",
    "vec(",
    "kron(",
    "dot(",
    "max(",
    "norm2(",
    "K(",
    "unvec(",
    "eye(",
    "ones(",
    "vector(",
    "sum(i,1,n,",
    "foo(",
    "expm(",
    "d(",
    "x[1]",
    "A[i,j]",
    "A[1,:]",
    "[1,2]",
    "eye(n)",
    "^-1",
    "^k",
    "np.",
    "**",
    "==",
    "\\alpha",
    "#",
    "\n",
    "\t",
]
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=14).flatmap(
    lambda words: st.sampled_from(["".join(words), " ".join(words)])
)
WHERES = st.sampled_from(
    ["", "x: vector(n)", "A: matrix(m,n), x: vector(n), a: scalar", "A: matrix, x: vector, K: matrix(2,2)", "n: size"]
)


def label(row: Row) -> str:
    return f"{row['kind']}: {row['text']}"[:60]


def refusal(text: str, where: str) -> MatcalcError:
    with pytest.raises(MatcalcError) as caught:
        read(text, where)
    return caught.value


@pytest.mark.parametrize("row", [pytest.param(row, id=label(row)) for row in ROWS])
def test_the_message_says_what_is_wrong_and_what_to_write(row: Row) -> None:
    error = refusal(row["text"], row["where"])
    assert type(error) is getattr(errors, row["error"])
    assert (error.line, error.column) == (row["line"], row["column"])
    assert row["message"] in error.message
    assert row["hint"] in error.hint


@pytest.mark.parametrize("row", [pytest.param(row, id=label(row)) for row in ROWS])
def test_a_refusal_is_one_short_message_with_its_place(row: Row) -> None:
    error = refusal(row["text"], row["where"])
    assert error.text in (row["text"], row["where"])
    assert "\n" not in error.message + error.hint
    assert len(error.message) <= LONGEST_MESSAGE
    assert len(error.hint) <= LONGEST_HINT
    assert error.hint


@pytest.mark.parametrize(("text", "words"), LIMITS.values(), ids=LIMITS)
def test_what_is_too_large_is_refused_by_name(text: str, words: str) -> None:
    error = refusal(text, "")
    assert words in error.message
    assert error.hint


def test_only_documented_functions_are_offered() -> None:
    page = (Path(__file__).parent.parent / "docs" / "language.md").read_text(encoding="utf-8")
    documented = {word for span in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"\w+", span)}
    own = {name for name, row in FUNCTIONS.items() if row.template is not None}
    assert set(offered_names()) - own <= documented
    assert not set(offered_names()) & set(LATER)


@pytest.mark.parametrize("where", ["A: matrix(n,n), x: vector(n)", {"A": "matrix(n,n)", "x": "vector(n)"}], ids=str)
def test_names_are_declared_by_a_text_or_a_mapping(where: Where) -> None:
    assert read("A*x", where).expression is read("A*x", "A: matrix(n,n), x: vector(n)").expression


@pytest.mark.parametrize("where", [3, ["A: matrix(n,n)"], {"A": 3}], ids=str)
def test_other_declarations_are_refused(where: Any) -> None:
    with pytest.raises(MatcalcError, match="a text or a mapping of texts"):
        read("A*x", where)


@pytest.mark.parametrize(("statement", "clauses", "message", "hint"), WRONG_RULES, ids=[r[0] for r in WRONG_RULES])
def test_a_wrong_rule_is_refused_when_its_file_is_loaded(
    statement: str, clauses: str, message: str, hint: str, tmp_path: Path
) -> None:
    known = set(FUNCTIONS)
    file = tmp_path / "mine.rules"
    file.write_text(f"mine: {statement}\n    {clauses}\n", encoding="utf-8")
    with pytest.raises(MatcalcError) as caught:
        load_rules(file)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert (caught.value.file, caught.value.start is not None) == (str(file), True)
    assert set(FUNCTIONS) == known


@pytest.mark.parametrize(("definition", "clauses", "text", "shape"), RIGHT_RULES, ids=[r[0] for r in RIGHT_RULES])
def test_a_definition_has_the_parameters_of_its_head(
    definition: str, clauses: str, text: str, shape: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.rules"
    file.write_text(f"mine: definition {definition}\n    {clauses}\n", encoding="utf-8")
    load_rules(file)
    try:
        assert str(read(text).expression.shape) == shape
    finally:
        name = definition.split("(")[0]
        del FUNCTIONS[name], DEFINITIONS[name]


@given(TEXTS, WHERES)
@example("x[m]", "x: vector(3), A: matrix(m,m)")
@example("sum(i,1,n,x[i])", "x: vector(n)")
@example("sin(x = y)", "")
@example("kron(A, kron(B, C))*x + K(n,m)*x", "")
def test_a_text_is_read_or_refused_with_a_place(text: str, where: str) -> None:
    try:
        reading = read(text, where)
    except MatcalcError as error:
        assert error.start is not None
        assert 0 <= error.start <= len(error.text)
        assert error.message
        assert error.hint
    else:
        assert reading.text == text
