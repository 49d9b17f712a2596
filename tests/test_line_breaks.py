"""Long formulas in several lines: where the lines end, and that they read back as they stand."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SHAPES, expressions

from matcalc.errors import MatcalcError
from matcalc.expressions import Expression
from matcalc.line_breaks import formula_lines
from matcalc.reading import parse
from matcalc.unicode import unicode_text
from matcalc.writing import text, where, written


@pytest.mark.parametrize(
    ("formula", "width", "lines"),
    [
        ("A*x + B*y - b", 20, ["A*x + B*y - b"]),
        ("A*x + B*y - b", 10, ["A*x +", "B*y - b"]),
        ("2*A'*(A*x - b)*(c + d)", 20, ["2*A'*(A*x - b)*(c +", "  d)"]),
        ("2*A'*B'*(C*D)", 10, ["2*A'*B'*", "(C*D)"]),
        ("f(x, y) - g(x, y)", 12, ["f(x, y) -", "g(x, y)"]),
        ("[A - B, C + D; E, F]", 16, ["[A - B, C + D;", "  E, F]"]),
        ("let r = A*x - b; s = B*r in s'*s + r'*r", 27, ["let r = A*x - b; s = B*r in", "s'*s + r'*r"]),
        ("2 Aᵀ B C D", 8, ["2 Aᵀ B ·", "C D"]),
        ("x + ‖A x − b‖²", 8, ["x +", "‖A x −", "  b‖²"]),
        ("[A·x, y]", 5, ["[A·x,", "  y]"]),
        ("M x  where M = A + B", 15, ["M x", "where M = A + B"]),
        ("verylongname", 5, ["verylongname"]),
    ],
)
def test_lines_end_at_signs_before_products_and_outside_of_brackets(formula: str, width: int, lines: list[str]) -> None:
    assert formula_lines(formula, width) == lines


def test_the_first_line_has_its_own_room() -> None:
    assert formula_lines("A*x + B*y", 9, room=5) == ["A*x +", "B*y"]


def reads_back(expression: Expression, width: int) -> None:
    declared = where(expression)
    formulas = [text(expression)]
    if not written(expression).parts:
        formulas.append(unicode_text(expression))
    for formula in formulas:
        lines = formula_lines(formula, width)
        try:
            expected = parse(formula, declared)
        except MatcalcError:
            continue
        assert parse(("\n" + " " * 7).join(lines), declared) is expected
        assert parse(" ".join(lines), declared) is expected


CORPUS = json.loads((Path(__file__).parent / "data" / "corpus" / "public.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CORPUS if c["id"] != "cookbook-067"])
def test_the_questions_of_the_corpus_read_back_from_narrow_lines(case: dict[str, str]) -> None:
    reads_back(parse(case["expr"], case["where"]), 1)


@settings(max_examples=300)
@given(st.sampled_from(SHAPES).flatmap(expressions), st.integers(1, 40))
def test_a_formula_in_lines_is_the_same_formula(expression: Expression, width: int) -> None:
    reads_back(expression, width)
