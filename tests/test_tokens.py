"""What tokens a text has, where only the neighbours of a word can tell."""

import pickle
import unicodedata

import pytest

from matcalc import grammars
from matcalc.errors import WINDOW, MatcalcError, ParseError
from matcalc.grammars import END, STARTS, grammar, scanner, tables_text
from matcalc.resources import resource, resource_names
from matcalc.tokens import DEEPEST_NESTING, GREEK_LETTERS, LONGEST_TEXT, spelled, tokens_of


def kinds(text: str, start: str = "expression") -> str:
    return " ".join(token.kind for token in tokens_of(text, start)[:-1])


CONTEXT = [
    # a name before ( is called
    ("f(x)", "CALL LPAR NAME RPAR"),
    ("f (x)", "CALL LPAR NAME RPAR"),
    ("f.(x)", "CALL LPAR NAME RPAR"),
    ("[f (x)]", "LSQB NAME COMMA LPAR NAME RPAR RSQB"),
    ("[f(x)]", "LSQB CALL LPAR NAME RPAR RSQB"),
    # [ after an operand without a blank is an index
    ("A[1]", "NAME INDEX NUMBER RSQB"),
    ("A [1]", "NAME LSQB NUMBER RSQB"),
    ("A'[1]", "NAME TRANSPOSE INDEX NUMBER RSQB"),
    # blanks and line ends in [ ]
    ("[A -B]", "LSQB NAME COMMA SIGN NAME RSQB"),
    ("[A - B]", "LSQB NAME SIGN NAME RSQB"),
    ("[A -  B]", "LSQB NAME SIGN NAME RSQB"),
    ("[A- B]", "LSQB NAME SIGN NAME RSQB"),
    ("[ A ]", "LSQB NAME RSQB"),
    ("[A' B]", "LSQB NAME TRANSPOSE COMMA NAME RSQB"),
    ("[(A B) C]", "LSQB LPAR NAME NAME RPAR COMMA NAME RSQB"),
    ("[A[1, 2] B]", "LSQB NAME INDEX NUMBER COMMA NUMBER RSQB COMMA NAME RSQB"),
    ("[A\nB]", "LSQB NAME SEMICOLON NAME RSQB"),
    ("[A;\nB]", "LSQB NAME SEMICOLON NAME RSQB"),
    ("[\n A\n\n B\n]", "LSQB NAME SEMICOLON NAME RSQB"),
    ("[A,\n B]", "LSQB NAME COMMA NAME RSQB"),
    ("[A ...\n B]", "LSQB NAME COMMA NAME RSQB"),
    # line ends elsewhere
    ("(A\nB)", "LPAR NAME NAME RPAR"),
    ("A +\nB", "NAME SIGN NAME"),
    ("A\n* B", "NAME PRODUCT NAME"),
    ("A\nB\n", "NAME NEWLINE NAME"),
    ("\n\nA # why\n", "NAME"),
    # bars
    ("|x|", "BAR NAME BAR_CLOSE"),
    ("|x| |y|", "BAR NAME BAR_CLOSE BAR NAME BAR_CLOSE"),
    ("|x||y|", "BAR NAME BAR_CLOSE BAR NAME BAR_CLOSE"),
    ("2|x|", "NUMBER BAR NAME BAR_CLOSE"),
    ("||x||", "NORM NAME NORM_CLOSE"),
    ("‖x‖_F", "NORM NAME NORM_CLOSE"),
    ("|-|x||", "BAR SIGN BAR NAME BAR_CLOSE BAR_CLOSE"),
    ("[|x| |y|]", "LSQB BAR NAME BAR_CLOSE COMMA BAR NAME BAR_CLOSE RSQB"),
    # keywords
    ("let x = 1 in x", "LET NAME EQUALS NUMBER IN NAME"),
    ("let*in", "NAME PRODUCT NAME"),
    ("let", "NAME"),
    # numbers
    ("3.*x", "NUMBER PRODUCT NAME"),
    ("3./x", "NUMBER PRODUCT NAME"),
    ("3.^x", "NUMBER POWER NAME"),
    ("3.'", "NUMBER TRANSPOSE"),
    ("3.+x", "NUMBER DOTTED_SIGN NAME"),
    ("2e", "NUMBER NAME"),
    ("2e3", "NUMBER"),
    ("2e-3x", "NUMBER NAME"),
    (".5x", "NUMBER NAME"),
    # transposes
    ("x.T", "NAME TRANSPOSE"),
    ("x.'", "NAME TRANSPOSE"),
    ("x^T y", "NAME TRANSPOSE NAME"),
    ("x^(T)", "NAME TRANSPOSE"),
    ("x^Ty", "NAME POWER NAME"),
    ("x^ -T", "NAME INVERSE_TRANSPOSE"),
    ("x⁻¹²", "NAME SUPERSCRIPT"),
    ("x⁻¹", "NAME INVERSE"),
]


@pytest.mark.parametrize(("text", "expected"), CONTEXT)
def test_words_depend_on_their_neighbours(text: str, expected: str) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("x in R^n", "declarations", "NAME ELEMENT NAME POWER NAME"),
        ("for: scalar", "declarations", "NAME COLON NAME"),
        ("a-b: linear f\n  for x: R", "rulebook", "RULE_NAME COLON FAMILY NAME FOR NAME COLON NAME"),
        ("a: linear + f", "rulebook", "RULE_NAME COLON NAME SIGN NAME"),
    ],
)
def test_words_depend_on_what_is_read(text: str, start: str, expected: str) -> None:
    assert kinds(text, start) == expected


def test_every_token_says_where_it_stands() -> None:
    text = " A.T  @ [x\t-y] # note"
    assert [text[token.start : token.end] for token in tokens_of(text, "expression")] == [
        "A", ".T", "@", "[", "x", "\t", "-", "y", "]", "",
    ]  # fmt: skip


def test_the_last_token_is_the_end() -> None:
    last = tokens_of("x  \n", "expression")[-1]
    assert (last.kind, last.start) == (END, 1)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("α", "alpha"),
        ("Σ₁", "Sigma_1"),
        ("λᵢⱼ", "lambda_ij"),
        ("dϕ", "dphi"),
        ("µ", "mu"),
        ("é", "é"),
        ("x_1", "x_1"),
    ],
)
def test_names_have_one_spelling(typed: str, name: str) -> None:
    assert spelled(typed) == name


def test_a_decomposed_accent_is_refused_not_confused() -> None:
    with pytest.raises(ParseError, match="accents"):
        tokens_of(unicodedata.normalize("NFD", "é"), "expression")


@pytest.mark.parametrize("letter", GREEK_LETTERS)
def test_greek_letters_are_names(letter: str) -> None:
    assert kinds(letter) == "NAME"


@pytest.mark.parametrize("blank", ["\u00a0", "\u2009", "\u200b", "\u3000", "\t", "\r", "\ufeff"])
def test_every_blank_is_a_blank(blank: str) -> None:
    assert kinds(f"a{blank}+{blank}b{blank}") == "NAME SIGN NAME"


class TestLimits:
    def test_the_longest_text_is_read(self) -> None:
        assert len(tokens_of("a" * LONGEST_TEXT, "expression")) == 2

    def test_a_longer_text_is_refused(self) -> None:
        with pytest.raises(ParseError, match="10,001 characters"):
            tokens_of("a" * (LONGEST_TEXT + 1), "expression")

    def test_the_deepest_nesting_is_read(self) -> None:
        assert tokens_of("(" * DEEPEST_NESTING + "x" + ")" * DEEPEST_NESTING, "expression")

    @pytest.mark.parametrize(("opener", "closer"), ["()", "[]", "‖‖"])
    def test_deeper_nesting_is_refused(self, opener: str, closer: str) -> None:
        deep = DEEPEST_NESTING + 1
        with pytest.raises(ParseError, match="nested deeper than 200"):
            tokens_of(opener * deep + "x" + closer * deep, "expression")

    def test_without_limits_both_are_read(self) -> None:
        deep = "(" * 20_000 + "x" + ")" * 20_000
        assert len(tokens_of(deep, "expression", limits=False)) == 40_002


class TestGrammar:
    def test_the_tables_belong_to_the_grammar(self) -> None:
        assert resource("grammar", "matcalc.tables.json") == tables_text(), "run python -m matcalc.grammars"

    @pytest.mark.parametrize("tables", ["", "{}", '{"grammar": "of another day"}'])
    def test_the_grammar_alone_is_enough(self, tables: str, monkeypatch: pytest.MonkeyPatch) -> None:
        texts = {"matcalc.lark": resource("grammar", "matcalc.lark"), "matcalc.tables.json": tables}
        monkeypatch.setattr(grammars, "resource", lambda kind, name: texts[name])
        built = grammar.__wrapped__()
        assert built.states == grammar().states
        assert [tuple(rule) for rule in built.rules] == [tuple(rule) for rule in grammar().rules]

    @pytest.mark.parametrize("start", STARTS)
    def test_a_pattern_for_each_start(self, start: str) -> None:
        assert "NAME" in scanner(start).groupindex

    def test_the_data_is_found(self) -> None:
        assert resource_names("grammar", ".lark") == ("matcalc.lark",)
        with pytest.raises(FileNotFoundError, match="not installed completely"):
            resource("nothing", "nothing.txt")


class TestErrors:
    def test_the_place_is_under_the_line(self) -> None:
        error = MatcalcError("wrong", text="a\nb + cc\nd", start=6, end=8, hint="right")
        assert str(error) == "b + cc\n    ^^\nwrong\nright"
        assert (error.line, error.column, error.end_column) == (2, 5, 7)

    def test_a_place_over_several_lines_ends_with_the_first(self) -> None:
        assert str(MatcalcError("wrong", text="ab\ncd", start=1, end=5)) == "ab\n ^\nwrong"

    def test_the_end_of_the_text_is_a_place(self) -> None:
        assert str(MatcalcError("wrong", text="ab", start=2)) == "ab\n  ^\nwrong"

    def test_file_and_line(self) -> None:
        error = MatcalcError("wrong", text="a\nb", start=2, end=3, file="x.rules", line_offset=10)
        assert str(error).splitlines()[-1] == "x.rules:12: wrong"

    @pytest.mark.parametrize("start", [0, 40, 500, 990])
    def test_long_lines_are_cut_around_the_place(self, start: int) -> None:
        text = "".join(chr(97 + place % 26) for place in range(1000))
        line, carets, _ = str(MatcalcError("wrong", text=text, start=start, end=start + 5)).splitlines()
        assert len(line) <= WINDOW
        assert line[carets.index("^") : len(carets)] == text[start : start + 5]

    def test_what_controls_a_terminal_is_not_printed(self) -> None:
        assert "\x1b" not in str(MatcalcError("wrong", text="a\x1b[31mb", start=0, end=1))

    def test_a_place_is_given_once(self) -> None:
        bare = MatcalcError("wrong", hint="right")
        placed = bare.located("a + b", 4, 5)
        assert (bare.start, placed.start, placed.text, placed.hint) == (None, 4, "a + b", "right")
        assert placed.located("other", 0, 1).start == 4

    def test_errors_survive_pickling(self) -> None:
        error = ParseError("wrong", text="a", start=0, end=1, hint="right", file="f", line_offset=2)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.line) == (ParseError, str(error), 3)
