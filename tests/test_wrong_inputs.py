"""What is said of wrong inputs: one message with its place, and what to write instead."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcalc import errors
from matcalc.errors import MatcalcError
from matcalc.reading import read

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
