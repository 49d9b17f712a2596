"""Texts as tokens, with what only the neighbours of a token can tell.

The grammar's patterns find the words; here is decided what depends on context: whether a name before ( is
called, whether [ begins a block or an index, which | opens and which closes, what blanks and line ends inside
[ ] separate, and where `let`, `in` and `where` are keywords.

>>> [token.kind for token in tokens_of("[A -b']", "expression")]
['LSQB', 'NAME', 'COMMA', 'SIGN', 'NAME', 'TRANSPOSE', 'RSQB', '$END']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from matcalc.diagnoses import impossible_character, misplaced_number, spaced_transpose
from matcalc.errors import ParseError
from matcalc.grammars import END, grammar, scanner

LONGEST_TEXT = 10_000
LONGEST_PROGRAM = 200_000
"""The most characters of all definitions together with their expression; each of them has at most LONGEST_TEXT."""
DEEPEST_NESTING = 200

# The Greek letters that names may contain, and their spelled names. Those that look like Latin letters are
# not among them: a name written with them could not be told from another.
GREEK_LETTERS = {
    letter: name
    for letters, names in (
        ("αβγδεζηθ", "alpha beta gamma delta epsilon zeta eta theta"),
        ("ικλμνξπρ", "iota kappa lambda mu nu xi pi rho"),
        ("στυφχψω", "sigma tau upsilon phi chi psi omega"),
        ("ΓΔΘΛΞΠΣΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"),
    )
    for letter, name in zip(letters, names.split(), strict=True)
}
_VARIANTS = {
    "ϑ": "theta",
    "ϕ": "phi",
    "ϵ": "epsilon",
    "ϖ": "pi",
    "ϱ": "rho",
    "ϰ": "kappa",
    "µ": "mu",
    "Ω": "Omega",
}
SECOND, THIRD = "\N{COMBINING TILDE}", "\N{COMBINING CIRCUMFLEX ACCENT}"
_MARKS = {SECOND: "_", THIRD: "__"}  # above a second and a third direction
_PERTURBED = re.compile(r"d[^\W\d_][\d_₀-ₜ]*")
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", "0123456789aeoxhklmnpstijruv", strict=True))

_CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "INDEX": "RSQB", "BAR": "BAR_CLOSE", "NORM": "NORM_CLOSE"}
_OPERATORS = frozenset({"SIGN", "DOTTED_SIGN", "PRODUCT", "POWER", "EQUALS", "COLON", "ELEMENT", "TIMES"})
_POSTFIXES = frozenset({"TRANSPOSE", "INVERSE", "INVERSE_TRANSPOSE", "SUPERSCRIPT"})
_OPERAND_ENDS = _POSTFIXES | {"NAME", "INDEXED", "NUMBER", "RPAR", "RSQB", "BAR_CLOSE", "NORM_CLOSE"}
_OPERAND_STARTS = frozenset({"NAME", "NUMBER", "LPAR", "LSQB", "BAR", "NORM"})
# After and before these a line end separates nothing.
_LINE_GOES_ON_AFTER = _OPERATORS | {"COMMA", "SEMICOLON", "NEWLINE", "LET", "IN", "LSQB", "OVER", "DOTS"}
_LINE_GOES_ON_BEFORE = (_OPERATORS - {"SIGN"}) | {"DOTS", "COMMA", "SEMICOLON", "IN", "RSQB", "RPAR", END}

_DEFINITION_BEGINS_AFTER = ("", "NEWLINE", "LET", "SEMICOLON")
_DEFINITION = re.compile(r"\s+[^\W\d]\w*\s*=(?!=)")
_INDEXED = re.compile(r"[ \t]*\[[^][=,\n]*\][ \t]*=")


class Token:
    """A word of the text: its kind as the grammar names it, its text, and its place."""

    __slots__ = ("end", "kind", "start", "value")

    def __init__(self, kind: str, value: str, start: int, end: int) -> None:
        self.kind = kind
        self.value = value
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"<{self.kind} {self.value!r}>"


def tokens_of(text: str, start: str, *, limits: bool = True) -> list[Token]:
    """The tokens of a text, ending with one of kind END; `start` is the grammar's symbol for the whole text.

    Raises ParseError for a character that begins no token, for brackets that do not match and, with limits,
    for a text too long or too deeply nested.
    """
    long = limits and len(text) > LONGEST_TEXT
    if long:
        several = start == "expression" and "\n" in text
        _refuse_longer(text, 0, len(text), LONGEST_PROGRAM if several else LONGEST_TEXT)
    reader = _Reader(text, start, DEEPEST_NESTING if limits else len(text))
    read, append, place = reader.read, reader.tokens.append, 0
    for found in scanner(start).finditer(text):
        if found.start() != place:
            break
        kind = found.lastgroup or END
        if kind == "END":
            tokens = reader.finished()
            if long:
                _refuse_long_lines(text, tokens)
            return tokens
        begin, place = found.span(kind)
        token = Token(kind, found[kind], begin, place)
        special = _READERS.get(kind)
        if reader.separating or reader.line_end is not None:
            read(token)
        elif special is not None:
            special(reader, token)
        else:
            append(token)
            reader.previous = token
    raise impossible_character(text, grammar().skip_blanks(text, place), start)


def _refuse_long_lines(text: str, tokens: list[Token]) -> None:
    """Refuse a definition, or the expression after the definitions, that is as long as no single input may be."""
    begin = 0
    for token in tokens:
        if token.kind in ("NEWLINE", "IN", END):
            _refuse_longer(text, begin, token.start, LONGEST_TEXT)
            begin = token.end


def _refuse_longer(text: str, start: int, end: int, most: int) -> None:
    if end - start > most:
        what = "the input" if end - start == len(text) else "this definition"
        raise ParseError(
            f"{what} has {end - start:,} characters; more than {most:,} are not accepted",
            text=text, start=start + most, hint="give parts a name, or build the expression in Python",
        )  # fmt: skip


def spelled(name: str) -> str:
    """A name in ASCII where it can be: Greek letters by their names, subscripts after `_`, a mark above as `_` last.

    >>> spelled("Σ₁"), spelled("dλ"), spelled("x_1"), spelled("dx\N{COMBINING TILDE}")
    ('Sigma_1', 'dlambda', 'x_1', 'dx_')
    """
    if name.isascii():
        return name
    parts: list[str] = []
    subscript = False
    marks = ""
    for letter in unicodedata.normalize("NFD", name) if _PERTURBED.fullmatch(name) else name:
        if letter in _MARKS:
            marks += _MARKS[letter]
            continue
        if letter in _SUBSCRIPTS and not subscript and parts[-1:] != ["_"]:
            parts.append("_")
        subscript = letter in _SUBSCRIPTS
        parts.append(GREEK_LETTERS.get(letter) or _VARIANTS.get(letter) or _SUBSCRIPTS.get(letter) or letter)
    return unicodedata.normalize("NFC", "".join(parts) + marks)


class _Opened(NamedTuple):
    """An open bracket, and whether blanks separate entries directly inside it."""

    token: Token
    separating: bool


class _Reader:
    """The tokens read so far, the open brackets, and the line end that may yet mean something."""

    def __init__(self, text: str, start: str, deepest: int) -> None:
        self.text = text
        self.start = start
        self.deepest = deepest
        self.tokens: list[Token] = []
        self.open: list[_Opened] = []
        self.line_end: Token | None = None
        self.lets = 0
        self.is_indexed = False
        self.separating = False
        self.previous = Token("", "", 0, 0)

    def read(self, token: Token) -> None:
        """Take the next word of the text."""
        if self.line_end is not None and token.kind != "NEWLINE":
            self._end_line(self.line_end, token)
        if self.separating and token.start > self.previous.end:
            self._separate(token)
        special = _READERS.get(token.kind)
        if special is not None:
            special(self, token)
        else:
            self.tokens.append(token)
            self.previous = token

    def finished(self) -> list[Token]:
        """All tokens, once the text is over."""
        if self.open:
            self._refuse_unclosed(self.open[-1].token)
        end = len(self.text.rstrip())
        self._add(Token(END, "", end, end))
        return self.tokens

    def _add(self, token: Token) -> None:
        self.tokens.append(token)
        self.previous = token

    def _separate(self, token: Token) -> None:
        """A blank inside [ ] ends an entry where one is complete and another begins: [A -B], not [A - B]."""
        if self.previous.kind not in _OPERAND_ENDS:
            return
        if token.value == "'":
            raise spaced_transpose(self.text, token)
        following = self.text[token.end : token.end + 1]
        signed = token.kind == "SIGN" and following != "" and not following.isspace()
        if signed or token.kind in _OPERAND_STARTS:
            self._add(Token("COMMA", " ", self.previous.end, token.start))

    def _end_line(self, line_end: Token, following: Token) -> None:
        """A line end separates rows in [ ] and definitions outside of brackets, unless the line goes on."""
        self.line_end = None
        goes_on = self.previous.kind in _LINE_GOES_ON_AFTER or following.kind in _LINE_GOES_ON_BEFORE
        goes_on = goes_on or (self.is_indexed and following.kind == "NAME" and following.value == "for")
        goes_on = goes_on or self._is_let(self.previous) or self._is_in(following) or self._is_where(following)
        if not goes_on:
            kind = "SEMICOLON" if self.separating else "NEWLINE"
            self._add(Token(kind, "\n", line_end.start, line_end.end))

    def _is_let(self, token: Token) -> bool:
        """Whether the last token is the word `let` where an expression begins."""
        return token.kind == "NAME" and token.value == "let" and self._begins_expression()

    def _is_in(self, token: Token) -> bool:
        return token.kind == "NAME" and token.value == "in" and self.lets > 0

    def _is_where(self, token: Token) -> bool:
        """Whether the word `where` has definitions after it: M*x where M = A + B."""
        outside = self.start == "expression" and not self.open and self.lets == 0
        follows = token.value == "where" and self.previous.kind in _OPERAND_ENDS
        return outside and follows and _DEFINITION.match(self.text, token.end) is not None

    # -- what single kinds of words need

    def _newline(self, token: Token) -> None:
        matters = (not self.open and self.start != "rulebook") or self.separating
        if self.tokens and matters and self.line_end is None:
            self.line_end = token

    def _name(self, token: Token) -> None:
        value = token.value
        if not value.isascii():
            self._refuse_ambiguous_letters(token)
        if self.previous.value == "let" and self._is_let(self.previous):
            self.previous.kind = "LET"
            self.lets += 1
        elif value == "in" and len(self.tokens) > 1 and self.tokens[-2].kind == "OVER":
            token.kind = "EQUALS"
        elif value == "in" and self._is_in(token):
            token.kind = "IN"
            self.lets -= 1
        elif value == "where" and self._is_where(token):
            token.kind = "WITH"
        elif value == "for" and self.is_indexed and self.previous.kind in _OPERAND_ENDS:
            token.kind = "OVER"
            self.is_indexed = False
        if self.previous.kind in _DEFINITION_BEGINS_AFTER and self.start == "expression":
            if _INDEXED.match(self.text, token.end):
                token.kind = "INDEXED"
                self.is_indexed = True
        self.tokens.append(token)
        self.previous = token

    def _element(self, token: Token) -> None:
        """The word `in` before R, which may end definitions as well: let Q = qr_q(A); R = qr_r(A) in R*Q."""
        if token.value == "in" and self.lets > 0:
            token.kind = "IN"
            self.lets -= 1
        self._add(token)

    def _refuse_ambiguous_letters(self, token: Token) -> None:
        # Python reads such letters as their plain form: two names of ours would be one in generated code.
        for place, letter in enumerate(token.value, token.start):
            if unicodedata.normalize("NFKC", spelled(letter)) != spelled(letter):
                raise impossible_character(self.text, place, self.start)

    def _begins_expression(self) -> bool:
        """Whether the last token is the first of an expression."""
        if len(self.tokens) < 2:
            return self.start == "expression"
        before = ("LPAR", "IN", "NEWLINE") if self.start == "expression" else ("LPAR", "IN", "EQUALS")
        return self.tokens[-2].kind in before

    def _number(self, token: Token) -> None:
        if self.previous.kind in _OPERAND_ENDS:
            raise misplaced_number(self.text, self.previous, token)
        self._add(token)

    def _round(self, token: Token) -> None:
        previous = self.previous
        if previous.kind == "NAME":
            previous.kind = "CALL"
        self._open(token, separating=False)

    def _broadcast(self, token: Token) -> None:
        if self.previous.kind == "NAME" and self.previous.end == token.start:
            token.kind = "LPAR"
            self._round(token)
        else:
            raise impossible_character(self.text, token.start, self.start)

    def _square(self, token: Token) -> None:
        if self.previous.kind in _OPERAND_ENDS and self.previous.end == token.start:
            token.kind = "INDEX"
        self._open(token, separating=token.kind == "LSQB")

    def _bar(self, token: Token) -> None:
        """A bar after an operand closes the innermost bracket if that is such a bar; otherwise it opens."""
        innermost = self.open[-1].token if self.open else None
        complete = innermost is not None and self.previous.kind in _OPERAND_ENDS
        if complete and innermost is not None and innermost.kind == token.kind:
            token.kind = _CLOSERS[token.kind]
            self._close(token)
        elif complete and innermost is not None and innermost.kind == "BAR" and token.value == "||":
            middle = token.start + 1
            self._bar(Token("BAR", "|", token.start, middle))
            self._bar(Token("BAR", "|", middle, token.end))
        else:
            self._open(token, separating=False)

    def _open(self, token: Token, *, separating: bool) -> None:
        if len(self.open) >= self.deepest:
            raise ParseError(
                f"the brackets are nested deeper than {self.deepest}",
                text=self.text, start=token.start, end=token.end, hint="give the inner parts a name",
            )  # fmt: skip
        self.open.append(_Opened(token, separating))
        self.separating = separating
        self._add(token)

    def _close(self, token: Token) -> None:
        if not self.open:
            raise ParseError(
                f"{token.value} closes a bracket that was never opened",
                text=self.text, start=token.start, end=token.end,
                hint=f"leave out {token.value}, or open it where the part begins",
            )  # fmt: skip
        opener = self.open.pop().token
        if token.kind != _CLOSERS[opener.kind]:
            self._refuse_unclosed(opener, token)
        self.separating = bool(self.open) and self.open[-1].separating
        self._add(token)

    def _refuse_unclosed(self, opener: Token, closer: Token | None = None) -> None:
        if opener.kind == "BAR" and self.text[opener.start - 1 : opener.start] == "\\":
            raise ParseError(
                r"\| is the sign of a norm in LaTeX only",
                text=self.text, start=opener.start - 1, end=opener.end, hint="write ‖x‖, ||x|| or norm2(x)",
            )  # fmt: skip
        found = f"; {closer.value} closes another kind of bracket" if closer else ""
        raise ParseError(
            f"{opener.value} is never closed{found}",
            text=self.text, start=opener.start, end=opener.end,
            hint=f"write {_closing_text(opener)} where that part ends",
        )  # fmt: skip


def _closing_text(opener: Token) -> str:
    return {"LPAR": ")", "LSQB": "]", "INDEX": "]"}.get(opener.kind, opener.value)


_READERS: Mapping[str, Callable[[_Reader, Token], None]] = {
    "NEWLINE": _Reader._newline,
    "NAME": _Reader._name,
    "ELEMENT": _Reader._element,
    "NUMBER": _Reader._number,
    "LPAR": _Reader._round,
    "BROADCAST": _Reader._broadcast,
    "LSQB": _Reader._square,
    "BAR": _Reader._bar,
    "NORM": _Reader._bar,
    "RPAR": _Reader._close,
    "RSQB": _Reader._close,
}
