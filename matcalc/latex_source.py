r"""LaTeX as it is pasted, rewritten in the language, with the place in the LaTeX of every character.

A text is LaTeX where it has braces, or a command that cannot be a division: in ``A\b`` the sign \ solves a system,
while ``x^\top A x`` and ``A \cdot x`` can mean one thing only. There letters side by side are factors, as in TeX.

>>> as_plain(r"\frac{1}{2} \|Ax - \mathbf{b}\|_2^2").text
'((1)/(2)) ‖A x - b‖_2^2'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from matcalc.errors import ParseError
from matcalc.latex_norms import NORM, below, exponent_of, instead
from matcalc.latex_patterns import (
    ACCENTS,
    ALL,
    ARGUMENT,
    BRACKETS,
    COMMENT,
    DIRECTIONS,
    END,
    ENTRIES,
    EXTREME,
    FUNCTIONS,
    GREEK,
    INDICES,
    MARKS,
    NESTED,
    OF_SUM,
    OPENED,
    PERTURBED,
    SIZES,
    SPECTRAL,
    STYLES,
    SUBSCRIPT,
    SURE,
    TRANSPOSED,
)
from matcalc.latex_refusals import HINTS, of_all_entries
from matcalc.latex_sums import UNBOUNDED, end_of_summand, range_at

LONGEST = 10_000


@dataclass
class Plain:
    """A text in the language, and for each character the stretch of the LaTeX that it stands for."""

    source: str
    text: str
    starts: list[int]
    ends: list[int]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the LaTeX for a stretch of the text."""
        if start >= len(self.starts):
            return len(self.source), len(self.source)
        return self.starts[start], self.ends[max(start, end - 1)]


def is_latex(text: str) -> bool:
    r"""Whether a text has a mark that only LaTeX has.

    >>> is_latex(r"x^\top A x"), is_latex(r"A\b"), is_latex("x^{-1}")
    (True, False, True)
    """
    if len(text) > LONGEST:
        return False
    has_mark = "\\" in text or "{" in text or "}" in text or "$" in text or "∑" in text
    return has_mark and re.search(SURE, re.sub(COMMENT, "", text)) is not None


def as_plain(source: str) -> Plain:
    """The text in the language; raises ParseError for what is not read."""
    return _Rewriting(source).plain()


@dataclass
class _Rewriting:
    """The pieces written so far, what ends the open braces, and what is to be written at later places."""

    source: str
    place: int = 0
    text: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    braces: list[tuple[int, str, bool]] = field(default_factory=list)
    later: dict[int, int] = field(default_factory=dict)
    indices: set[str] = field(default_factory=set)

    def plain(self) -> Plain:
        while self.place < len(self.source):
            self._close_arguments()
            for pattern, write in _rules():
                found = pattern.match(self.source, self.place)
                if found is not None:
                    before, self.place = self.place, found.end()
                    write(self, found)
                    if self.place > before:
                        break
        self._close_arguments()
        if self.braces:
            begin = self.braces[-1][0]
            self._refuse("{ is never closed", "write } where that part ends", begin, begin + 1)
        return Plain(self.source, "".join(self.text), self.starts, self.ends)

    def _close_arguments(self) -> None:
        for _ in range(self.later.pop(self.place, 0)):
            self.write(")", self.place, self.place)

    def _refuse(self, message: str, hint: str, start: int, end: int) -> None:
        raise ParseError(message, text=self.source, start=start, end=end, hint=hint)

    def at(self, pattern: str, place: int) -> re.Match[str] | None:
        return re.compile(pattern).match(self.source, place)

    def write(self, piece: str, start: int, end: int) -> None:
        """A piece for a stretch of the source, after a blank where two words would be one."""
        if piece and self.text and _is_in_word(piece[0]) and _is_in_word(self.text[-1]):
            piece = " " + piece
        self.text.extend(piece)
        self.starts.extend([start] * len(piece))
        self.ends.extend([end] * len(piece))

    # ---- rules

    def copied(self, found: re.Match[str]) -> None:
        for place in range(found.start(), found.end()):
            self.text.append(self.source[place])
            self.starts.append(place)
            self.ends.append(place + 1)

    def name(self, found: re.Match[str], word: str, called: bool = False, marks: str = "") -> None:
        """A name with what stands below it and its marks, and a * before a bracket that does not belong to a call."""
        end = found.end()
        if (script := self.at(SUBSCRIPT, end)) is not None:
            word, end = f"{word}_{script['letter'] or script['word'] or script['extreme']}", script.end()
            called = called or word in SPECTRAL
            if word[:2] == "I_" and word[2:].isalpha() and len(word) == 3:
                word = f"eye({word[2:]})"
        elif (entry := self.at(INDICES, end)) and ("," in entry[1] or not self.indices.isdisjoint(entry[1])):
            word, end = f"{word}[{entry[1].replace(ALL, ':')}]", entry.end()
        elif self.source[end : end + 1] == "_":
            self._refuse(
                "only a letter, a number or a word stands below a name",
                "write x[i] or A[i,j] for an entry, h[k-1] for the step before",
                found.start(), end + 1,
            )  # fmt: skip
        self.write(word + marks, found.start(), end)
        opening = self.at(OPENED, end)
        if opening is not None and not called and (opening["blank"] or (word[0].isupper() and word != "Gamma")):
            self.write("*", end, end)
        self.place = end

    def entry(self, found: re.Match[str]) -> None:
        """An entry of what stands in brackets: (A x)_i, (A B)_{ij}."""
        letters = re.sub(r"\s", "", found["letters"] or found["more"]).replace(ALL, ":")
        indices = letters if "," in letters or len(letters) != 2 else ",".join(letters)
        self.write(f"[{indices}]", found.start(), found.end())

    def function(self, found: re.Match[str], word: str) -> None:
        """A function; without brackets it takes the one letter after it, where nothing else follows."""
        self.write({"ln": "log", "Tr": "tr"}.get(word, word), found.start(), found.end())
        if self.at(OPENED, found.end()):
            return
        if word in ("min", "max") and self.at(r"\s*_", found.end()):
            self._refuse_extreme(found, word)
        argument = self.at(ARGUMENT, found.end())
        nested = self.at(NESTED, found.end())
        end = argument.end() if argument else self._end_of_bracket(nested.end()) if nested else None
        if (of_sum := self.at(OF_SUM, found.end())) and (over := range_at(self.source, of_sum.end())):
            end = end_of_summand(self.source, over.end)
        if end is not None:
            self.write("(", found.end(), found.end())
            self.later[end] = self.later.get(end, 0) + 1

    def _refuse_extreme(self, found: re.Match[str], word: str) -> None:
        r"""Refuse \max_i x_i and \min_x f."""
        over = self.at(EXTREME, found.end())
        if over is None:
            self._refuse(f"{found[0]}_ is not read: no optimum is sought", HINTS["arg"], *found.span())
        else:
            message = f"{found[0]} over the index {over['index'] or over['braced']} is not read"
            self._refuse(message, of_all_entries(over, word), found.start(), over.end("below"))

    def _end_of_bracket(self, place: int) -> int | None:
        """The place after the bracket that closes the one before the place."""
        depth = 1
        for found in re.compile(BRACKETS).finditer(self.source, place):
            depth += 1 if found[0][-1] in "({" else -1
            if depth == 0:
                return found.end()
        return None

    def styled(self, found: re.Match[str]) -> None:
        r"""\mathbf{x}, \operatorname{tr}: the word; a bold 1 is a vector of ones, a bold I the identity."""
        style, word = found["style"], found["word"].replace("\\", "")
        following = self.at(PERTURBED, found.end())
        if style == "mathrm" and word == "d" and following is not None:
            self.perturbation(found, following)
        elif style in ("mathbf", "mathbb", "boldsymbol", "bm") and word in _BOLD:
            self.write(_BOLD[word], found.start(), found.end())
            self._size_below(found.end())
        elif re.fullmatch(FUNCTIONS, word) or (self.at(OPENED, found.end()) and (word[1:] or style[:2] == "op")):
            self.function(found, word)
        else:
            self.name(found, word)

    def perturbation(self, found: re.Match[str], following: re.Match[str]) -> None:
        r"""\mathrm{d}x, and the further directions \mathrm{d}\tilde{x} and \mathrm{d}\hat{x}."""
        self.place = following.end()
        letters = following["word"] or following["greek"] or following["letter"]
        marks = DIRECTIONS.get(following["mark"] or "", "")
        self.name(_moved(self.source, found.start(), self.place), f"d{letters}", marks=marks)

    def _size_below(self, end: int) -> None:
        sized = self.at(r"_(?:(\w)|\{\s*(\w+)\s*(?:\\times\s*(\w+)\s*)?\})", end)
        if sized is not None:
            sizes = ",".join(size for size in sized.groups() if size)
            self.write(f"({sizes})", end, sized.end())
            self.place = sized.end()

    def word(self, found: re.Match[str]) -> None:
        """Letters: a function before a bracket, a perturbation or a long word as they are, else one factor each."""
        letters = found[0]
        called = self.at(OPENED, found.end()) if len(letters) > 1 else None
        if letters in ("let", "for") or (letters == "in" and "let" in self.source):
            self.write(letters, found.start(), found.end())
        elif re.fullmatch(FUNCTIONS, letters):
            self.function(found, letters)
        elif called or len(letters) > 3 or re.fullmatch(rf"d[A-Za-z]|[A-Za-z]\d+|eye|{GREEK}", letters):
            self.name(found, letters, called=called is not None)
        else:
            self.place = found.start() + 1
            self.name(_moved(self.source, found.start(), self.place), letters[0])

    def norm(self, found: re.Match[str]) -> None:
        r"""\|x\|_2^2, with the subscript first."""
        if hint := instead(found):
            self._refuse("this norm is not read", hint, found.start(), found.end())
        kind = below(found)
        self.write("‖" + (f"_{kind}" if kind else ""), found.start(), found.end())
        self.write(exponent_of(found), found.start(), found.end())

    def summed(self, found: re.Match[str]) -> None:
        """A sum over an index with its bounds, and the bracket that is to close after the summand."""
        over = range_at(self.source, found.end())
        if over is None:
            letters = self.at(UNBOUNDED, found.end())
            if letters is not None and "," in letters[0]:
                message = f"{found[0]} over {letters[1]} without bounds is not read"
                self._refuse(message, HINTS["sums"].replace("i,j", letters[1]), found.start(), letters.end())
            self._refuse(f"{found[0]} without both bounds is not read", HINTS["sum"], found.start(), found.end())
        else:
            self.place, end = over.end, end_of_summand(self.source, over.end)
            for letter in over.letters:
                self.write(f"sum({letter}, {over.lower}, {over.upper}, ", found.start(), over.end)
                self.later[end] = self.later.get(end, 0) + 1
                self.indices.add(letter)

    def open(self, found: re.Match[str], text: str, closing: str, is_top: bool = False) -> None:
        """A brace that opens, and what is written where it closes."""
        self.write(text, found.start(), found.end())
        self.braces.append((found.end() - 1, closing, is_top))

    def close(self, found: re.Match[str]) -> None:
        if not self.braces:
            self._refuse("} closes a brace that was never opened", "leave it out", found.start(), found.end())
        _, closing, is_top = self.braces.pop()
        self.write(closing, found.start(), found.end())
        if is_top:
            lower = self.at(r"\s*(?:\{|(\w))", self.place)
            if lower is None:
                self._refuse(r"\frac needs two parts", r"write \frac{a}{b}, or a/b", found.start(), found.end())
            elif lower[1]:
                self.place = lower.end()
                self.write(f"{lower[1]}))", lower.start(), lower.end())
            else:
                self.place = lower.end()
                self.open(lower, "", "))")

    def subscript_last(self, found: re.Match[str]) -> None:
        self._refuse("the subscript comes after the exponent", "write x_i^2", found.start(), found.end())

    def marked(self, found: re.Match[str]) -> None:
        """An exponent that is a sign: A^*, A^{\\dagger}."""
        mark = found["mark"] or found["braced"]
        self._refuse(f"^{mark} is not read", HINTS[mark.lstrip("\\")], found.start(), found.end())

    def refused(self, found: re.Match[str]) -> None:
        if found[0] == "$":
            self._refuse("$ is not part of the language", "write the formula without $", found.start(), found.end())
        hint = HINTS.get(found[0].lstrip("\\"), "write the formula as for a calculator: a/b, sqrt(x), x'*A*x")
        self._refuse(f"{found[0]} is not read", hint, found.start(), found.end())


_Write: TypeAlias = Callable[[_Rewriting, re.Match[str]], None]
_BOLD = {"1": "ones", "0": "zeros", "I": "eye"}


def _is_in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _moved(source: str, start: int, end: int) -> re.Match[str]:
    found = re.compile(f".{{{end - start}}}", re.DOTALL).match(source, start)
    assert found is not None
    return found


def _text(piece: str) -> _Write:
    return lambda page, found: page.write(piece, found.start(), found.end())


def _opened(text: str, closing: str, is_top: bool = False) -> _Write:
    return lambda page, found: page.open(found, text, closing, is_top)


_WRITERS: Mapping[str, _Write] = {
    r"\s*\\\\\s*(?=\\end)": _text(""),
    rf"[ \t\n]+|{COMMENT}": _Rewriting.copied,
    rf"~|\\[,;:! ]|\\q?quad{END}|\\(?:displaystyle|textstyle|limits|nolimits){END}": _text(" "),
    rf"\\(?:left|[bB]igg?l?){END}\s*\[": _text("("),
    rf"\\(?:right|[bB]igg?r?){END}\s*\]": _text(")"),
    rf"\\{SIZES}\s*\.?": _text(""),
    r"\A\s*(?:\$\$?|\\[\[(])|(?:\$\$?|\\[\])])\s*\Z": _text(" "),
    rf"\^\s*\{{\s*{TRANSPOSED}\s*\}}|\^\s*{TRANSPOSED}": _text("'"),
    rf"\^\s*\{{\s*-\s*{TRANSPOSED}\s*\}}": _text("^(-T)"),
    rf"\^\s*(?:(?P<mark>{MARKS})|\{{\s*(?P<braced>{MARKS}|\+)\s*\}})": _Rewriting.marked,
    r"\^\s*\{\s*\\odot\s*": _opened(".^(", ")"),
    r"\^\s*\{": _opened("^(", ")"),
    r"e\s*\^\s*\{(?!\s*-?\s*\d+\s*\})": _opened("exp(", ")"),
    r"(?P<exponent>\^\s*(?:[A-Za-z]|\d+))\s*_": _Rewriting.subscript_last,
    r"\^\s*(?:\d+|[A-Za-z])": _Rewriting.copied,
    rf"\\sum{END}|∑|Σ(?=\s*_\s*\{{\s*\w\s*=)|\b[sS]um(?=\s*_)": _Rewriting.summed,
    r"\\mathbb\s*\{\s*[A-Z]\s*\}|𝔼": _Rewriting.refused,
    r"\\[dt]?frac\s*(\w)\s*(\w)(?!\w)": lambda page, found: page.write(
        f"({found[1]}/{found[2]})", found.start(), found.end()
    ),
    r"\\[dt]?frac\s*(\w)\s*\{": lambda page, found: page.open(found, f"(({found[1]})/(", "))"),
    r"\\[dt]?frac\s*\{": _opened("((", ")/(", True),
    r"\\sqrt\s*\{": _opened("sqrt(", ")"),
    NORM: _Rewriting.norm,
    rf"(?<=\))\s*_\s*(?:(?P<letters>[a-z0-9])(?!\w)|\{{\s*(?P<more>{ENTRIES})\s*\}})": _Rewriting.entry,
    rf"\\[lr]?vert{END}": _text("|"),
    rf"\\langle{END}": _text("dot("),
    rf"\\rangle{END}": _text(")"),
    rf"\\(?:cdot|times){END}": _text("*"),
    rf"\\(?:odot|circ){END}": _text(".*"),
    rf"\\oslash{END}": _text("./"),
    rf"\\otimes{END}": _text("⊗"),
    r"\\begin\s*\{[pbB]?matrix\}": _text("[("),
    r"\\end\s*\{[pbB]?matrix\}": _text(")]"),
    r"&": _text("), ("),
    r"\\\\": _text("); ("),
    r"\\\{": _text("("),
    r"\\\}": _text(")"),
    rf"\\(?P<style>{STYLES})\s*\{{\s*(?P<word>\\(?:{GREEK})|[A-Za-z](?:\w|\\_)*|[01])\s*\}}": _Rewriting.styled,
    rf"\\(?P<accent>{'|'.join(ACCENTS)})\s*(?:\{{\s*)?\\?(?P<word>{GREEK}|[A-Za-z])\s*\}}?": lambda page, found: (
        page.name(found, f"{found['word']}_{ACCENTS[found['accent']]}")
    ),
    rf"\\(?P<word>{FUNCTIONS}){END}": lambda page, found: page.function(found, found["word"]),
    rf"\\(?P<word>{GREEK}){END}": lambda page, found: page.name(found, found["word"]),
    r"\{": _opened("(", ")"),
    r"\}": _Rewriting.close,
    r"[A-Za-z]\d+|[A-Za-z]+": _Rewriting.word,
    r"\\(?:[A-Za-z]+|.|\Z)|\$": _Rewriting.refused,
    r".": _Rewriting.copied,
}


@cache
def _rules() -> Sequence[tuple[re.Pattern[str], _Write]]:
    return [(re.compile(pattern, re.DOTALL), write) for pattern, write in _WRITERS.items()]
