"""Why a text could not be read, in the user's words: from the place where reading stopped to a ParseError."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from matcalc.errors import ParseError
from matcalc.grammars import END
from matcalc.mistakes import DECLARATION_MISTAKES, MISTAKES, Mistake

_OPERATORS = frozenset({"SIGN", "DOTTED_SIGN", "PRODUCT", "POWER", "EQUALS", "TIMES"})
_OPENERS = frozenset({"LPAR", "LSQB", "INDEX", "BAR", "NORM"})
_CLOSERS = frozenset({"RPAR", "RSQB", "BAR_CLOSE", "NORM_CLOSE"})
_SEPARATORS = frozenset({"COMMA", "SEMICOLON", "COLON", "NEWLINE", "IN"})
_POSTFIXES = frozenset({"TRANSPOSE", "INVERSE", "INVERSE_TRANSPOSE", "SUPERSCRIPT"})
_OPERAND_ENDS = _CLOSERS | _POSTFIXES | {"NAME", "NUMBER"}
_SHOWN_KINDS = {
    "NAME": "a name", "NUMBER": "a number", "STRING": 'text in "quotes"',
    "LPAR": "(", "LSQB": "[", "RPAR": ")", "RSQB": "]",
    "SIGN": "+ or -", "PRODUCT": "*", "EQUALS": "=", "COLON": ":", "COMMA": "a comma", "SEMICOLON": ";",
    "RULE_NAME": "a rule", "FOR": "for", "WHERE": "where", "FROM": "from",
    "NEWLINE": "the end of the line", END: "the end",
}  # fmt: skip

_CYRILLIC = dict(zip("авеиіјкмнорсԛѕтухАВЕІЈКМНОРЅТХУ", "aBeuijkMHopcqsTyxABEIJKMHOPSTXY", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_LETTER_HINT = "names are made of Latin and Greek letters, digits and _"


class Word(Protocol):
    """What a diagnosis needs to know of a token."""

    kind: str
    value: str
    start: int
    end: int


def impossible_character(text: str, place: int, start: str = "expression") -> ParseError:
    """The error for a character with which no token begins."""
    found = _by_example(text, place, start)
    if found is not None:
        return found
    character = text[place]
    message, hint = _about_character(character)
    return ParseError(message, text=text, start=place, end=place + 1, hint=hint)


def _about_character(character: str) -> tuple[str, str]:
    code = f"U+{ord(character):04X}"
    described = f"{unicodedata.name(character, 'a character without a name').lower()}, {code}"
    latin = _CYRILLIC.get(character) or _GREEK.get(character)
    plain = unicodedata.normalize("NFKC", character).replace("⁄", "/")  # ½ is 1⁄2
    if character == "_":
        return "_ stands in names only", "write x_1; the norms are norm1, norm2, normspec, normnuc"
    if latin is not None:
        return f"{character} ({described}) looks like the Latin {latin} and is not", f"write {latin}"
    if character == "ς":
        return f"{character} ({described}) is not used in names", "write sigma or σ"
    if unicodedata.category(character)[0] == "M":
        return f"accents ({described}) are not part of names", "write x_hat, x_bar or x_tilde"
    if not character.isprintable():
        return f"an invisible character ({code}) stands here", "leave it out"
    if plain != character and plain.isascii() and not plain.isspace():
        return f"{character} ({described}) is not accepted", f"write {plain}"
    if character.isalpha():
        return f"{character} ({described}) cannot be part of a name", _LETTER_HINT
    return f"{character} ({described}) is not part of the language", "leave it out"


def misplaced_number(text: str, previous: Word, number: Word) -> ParseError:
    """The error for a number right after an operand: x 2, (a + b)2, 1 2."""
    hint = "write a * between them, or ^ for a power"
    if previous.kind == "NAME" and number.value.isdigit():
        hint = f"write a * between them for a product, {previous.value}{number.value} for a name"
    if previous.kind == "NORM_CLOSE":
        hint = f"write {previous.value}…{previous.value}_{number.value} for the norm, or a * between them"
    if previous.kind == "NUMBER":
        message = f"{previous.value} and {number.value} are two numbers side by side"
        if not number.value.isascii():
            hint = f"write ({previous.value} + {number.value}) for their sum, or a * between them"
    else:
        message = f"the number {number.value} cannot follow {previous.value}"
    return ParseError(message, text=text, start=number.start, end=number.end, hint=hint)


def spaced_transpose(text: str, mark: Word) -> ParseError:
    """The error for a ' after a blank inside [ ], where it may be meant to open a text."""
    return ParseError(
        "' after a blank inside [ ] is unclear",
        text=text, start=mark.start, end=mark.end, hint="write A' for the transpose, without the blank",
    )  # fmt: skip


class _Stop(NamedTuple):
    """Where reading stopped: at tokens[place], which cannot follow the tokens before it."""

    tokens: Sequence[Word]
    place: int
    expected: frozenset[str]

    @property
    def token(self) -> Word:
        return self.tokens[self.place]

    @property
    def previous(self) -> Word | None:
        return self.tokens[self.place - 1] if self.place else None

    @property
    def depth(self) -> int:
        """How many brackets are open before the token."""
        before = [word.kind for word in self.tokens[: self.place]]
        return sum(kind in _OPENERS for kind in before) - sum(kind in _CLOSERS for kind in before)


# What is wrong, what to write instead, and the token to point at.
_Finding = tuple[str, str, Word]


def unexpected_token(text: str, tokens: Sequence[Word], index: int, expected: frozenset[str], start: str) -> ParseError:
    """The error for tokens[index], which cannot follow the tokens before it."""
    stop = _Stop(tokens, index, expected)
    found = _by_example(text, stop.token.start, start)
    if found is not None:
        return found
    message, hint, place = next(finding for diagnose in _DIAGNOSES if (finding := diagnose(stop)))
    return ParseError(message, text=text, start=place.start, end=place.end, hint=hint)


def _by_example(text: str, place: int, start: str) -> ParseError | None:
    """The error of the first mistake of the tables that was made at that place."""
    rows: Sequence[Mistake] = MISTAKES if start != "declarations" else (*DECLARATION_MISTAKES, *MISTAKES)
    for row in rows:
        matched = row.matched(text, place)
        if matched is not None:
            begin, end, words = matched
            zeroth = words.pop("0")
            return ParseError(
                row.message.format(zeroth, **words), text=text, start=begin, end=end,
                hint=row.hint.format(zeroth, **words),
            )  # fmt: skip
    return None


def _missing_operand(stop: _Stop) -> _Finding | None:
    """An operand was due, and an end, an operator or a closing bracket came."""
    token, previous = stop.token, stop.previous
    if previous is None:
        if token.kind == END:
            return "there is no expression", "write one, such as x'*A*x", token
        return f"{_shown(token)} needs something before it", "write a name, a number or ( before it", token
    if previous.kind in _OPERAND_ENDS or previous.kind not in _OPERATORS | _OPENERS | _SEPARATORS:
        return None
    if previous.kind == "IN":
        return (
            "in needs an expression after it",
            "write the one that the definitions are for: let r = A*x - b in sum(r)",
            previous,
        )
    if previous.kind in _OPENERS and token.kind in _CLOSERS:
        called = stop.place > 1 and stop.tokens[stop.place - 2].kind == "CALL"
        what = "a function needs an argument" if called else "nothing is in the brackets"
        return what, f"write an expression between {previous.value} and {token.value}", token
    if previous.kind not in _OPERATORS and token.kind in _SEPARATORS | _CLOSERS:
        between = f"between {_shown(previous)} and {_shown(token)}"
        return f"something is missing {between}", f"write an expression {between}", token
    if token.kind in _OPERATORS | _POSTFIXES and previous.kind in _OPERATORS:
        return (
            f"{previous.value} and {token.value} stand side by side",
            "leave one out, or write what is missing between them",
            token,
        )
    if token.kind in _OPERATORS | _POSTFIXES:
        return (
            f"{token.value} needs something before it",
            f"write a name, a number or ) before {token.value}",
            token,
        )
    return (
        f"{_shown(previous)} needs something after it",
        "leave it out, or write an expression after it",
        previous,
    )


def _definition_without_use(stop: _Stop) -> _Finding | None:
    """y = A*x, with nothing after it."""
    if stop.token.kind != END or "NEWLINE" not in stop.expected or stop.depth:
        return None
    equals = [at for at, word in enumerate(stop.tokens) if word.kind == "EQUALS"]
    if not equals:
        return None
    begin = max([at for at in range(equals[-1]) if stop.tokens[at].kind == "NEWLINE"], default=-1) + 1
    name = stop.tokens[begin]
    left = "".join(word.value for word in stop.tokens[begin : equals[-1]])
    if len(equals) > 1:
        return "the last line is to be an expression, not a definition", f"leave out {left} =", name
    return (
        "an equation is not an expression",
        f"leave out {left} =, or add a line with an expression that uses {left}",
        stop.tokens[equals[0]],
    )


def _unfinished_range(stop: _Stop) -> _Finding | None:
    """h[k] = … for k, or a range for a part without an index."""
    before = stop.tokens[: stop.place]
    begin = max([at for at, word in enumerate(before) if word.kind in ("LET", "SEMICOLON", "NEWLINE")], default=-1)
    for word in before[begin + 1 :]:
        if word.kind == "OVER":
            return "the range of the index is not complete", "write h[k] = tanh(W*h[k-1]) for k = 1..10", word
        if word.kind == "NAME" and word.value == "for" and stop.token.kind == "EQUALS":
            message = "for gives the range of an index, and this definition has no index"
            return message, "write h[k] = tanh(W*h[k-1]) for k = 1..10", word
    return None


def _misplaced_equals(stop: _Stop) -> _Finding | None:
    if stop.token.kind != "EQUALS":
        return None
    if "RULE_NAME" in stop.expected:
        return "a rule has one =", "write the second rule on a line of its own, with its own name", stop.token
    if stop.depth:
        return (
            "an equation cannot stand here",
            "write one side alone, or the difference of both sides",
            stop.token,
        )
    if stop.tokens[0].kind == "CALL":
        return (
            "an equation is not an expression: functions cannot be defined",
            "write the right side alone, or name a part: r = A*x - b, and use it in the next line",
            stop.token,
        )
    return (
        "an equation is not an expression",
        "write one side alone, or the difference of both sides",
        stop.token,
    )


def _misplaced_separator(stop: _Stop) -> _Finding | None:
    token = stop.token
    if token.kind == "NEWLINE":
        return (
            "this line ends before the expression does, and it defines nothing",
            "end a line with its operator to go on in the next; a line before the last is name = …",
            stop.tokens[stop.place - 1],
        )
    if token.kind == "SEMICOLON":
        last = stop.tokens[stop.place + 1].kind == END
        hint = "leave it out" if last else "write one definition a line, or let r = …; s = … in …"
        return "; separates rows in [ ] and definitions after let, nothing else", hint, token
    if token.kind == "COMMA":
        if stop.depth:
            return (
                "a comma separates arguments and entries, and neither is written here",
                "write f(a, b), [a, b] or A[i, j]",
                token,
            )
        last = stop.tokens[stop.place + 1].kind == END
        hint = "leave it out" if last else "write one expression, or a column [a; b] of both"
        return "one expression is expected, and the comma begins another", hint, token
    if token.kind == "COLON" and stop.depth:
        return "a range has a lowest and a highest index, no step", "write A[1:3,:]", token
    if token.kind == "COLON":
        return (
            ": stands in indices and declarations",
            "write A[1:3,:] for rows, x: vector(n) among the declarations",
            token,
        )
    return None


def _unclear_postfix(stop: _Stop) -> _Finding | None:
    """A^2', where the quote may mean the 2 or the power."""
    if stop.token.kind not in _POSTFIXES:
        return None
    mark = stop.token.value
    return (
        f"{mark} after an exponent is unclear",
        f"write (A^2){mark} for the whole, or A^2 without {mark}",
        stop.token,
    )


def _nameless_rule(stop: _Stop) -> _Finding | None:
    if stop.previous is None and "RULE_NAME" in stop.expected:
        return (
            "a rule begins in the first column with its name and a colon",
            "write name: left = right",
            stop.token,
        )
    return None


def _unfinished_let(stop: _Stop) -> _Finding | None:
    before = stop.tokens[: stop.place]
    lets = [word for word in before if word.kind == "LET"]
    if len(lets) <= sum(word.kind == "IN" for word in before):
        return None
    if stop.token.kind == "COMMA":
        return "a comma does not separate definitions", "write let r = A*x - b; s = sum(r) in s^2", stop.token
    missing = ": there is no in after the definitions" if stop.token.kind == END else ""
    return f"let is not complete{missing}", "write let r = A*x - b; s = sum(r) in s^2", lets[-1]


def _anything(stop: _Stop) -> _Finding:
    after = f" after {_shown(stop.previous)}" if stop.previous else ""
    return f"{_shown(stop.token)} cannot stand here{after}", _what_may_stand(stop.expected), stop.token


def _what_may_stand(expected: frozenset[str]) -> str:
    possible = [name for kind, name in _SHOWN_KINDS.items() if kind in expected]
    return f"possible here: {', '.join(possible)}" if possible else "leave it out"


def _shown(word: Word) -> str:
    if word.kind == "COMMA" and word.value == " ":
        return "a blank inside [ ]"
    return _SHOWN_KINDS[word.kind] if word.kind in ("NEWLINE", END) else word.value


_DIAGNOSES = (
    _nameless_rule,
    _unfinished_range,
    _missing_operand,
    _unfinished_let,
    _definition_without_use,
    _misplaced_equals,
    _misplaced_separator,
    _unclear_postfix,
    _anything,
)
