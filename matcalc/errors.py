"""The errors a user sees: one message, the place it is about, and the way out.

Every refusal of the calculator is a `MatcalcError`. Printed, it shows the line that was typed, a caret under
the place, what is wrong, and what to write instead:

>>> print(ParseError("+ needs something after it", text="A*x +", start=4, end=5, hint="write A*x + b"))
A*x +
    ^
+ needs something after it
write A*x + b
"""

from __future__ import annotations

from typing import Any, Self

WINDOW = 76


class MatcalcError(Exception):
    """What is wrong in the user's words, with the place in the text and what to write instead.

    `start` and `end` are offsets into `text`; `line` and `column` count from 1, and `end_column` is the
    column just after the place, on the same line. A text that is part of a file is given with the file's
    name and with `line_offset`, the number of the file's lines before it.

    >>> error = MatcalcError("unknown name", text="a +\\n bb", start=5, end=7)
    >>> error.line, error.column, error.end_column
    (2, 2, 4)
    """

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        start: int | None = None,
        end: int | None = None,
        hint: str = "",
        file: str | None = None,
        line_offset: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.start = start
        self.end = start if end is None else end
        self.hint = hint
        self.file = file
        self.line_offset = line_offset

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__

    @property
    def input_line(self) -> str:
        """The line of the text that holds the place."""
        begin = self._line_begin
        stop = self.text.find("\n", begin)
        return self.text[begin:] if stop < 0 else self.text[begin:stop]

    @property
    def line(self) -> int:
        """The line of the place, from 1."""
        return self.line_offset + 1 + self.text.count("\n", 0, self.start or 0)

    @property
    def column(self) -> int:
        """The column of the place, from 1."""
        return (self.start or 0) - self._line_begin + 1

    @property
    def end_column(self) -> int:
        """The column after the place, on the line where the place begins."""
        last = len(self.input_line) + 1
        return max(self.column + 1, min(last, (self.end or 0) - self._line_begin + 1))

    @property
    def _line_begin(self) -> int:
        return self.text.rfind("\n", 0, self.start or 0) + 1

    def located(self, text: str, start: int, end: int) -> Self:
        """A copy that has a place: its own where it has one, else text[start:end].

        >>> ShapeError("not square").located("det(A*B)", 4, 7).column
        5
        """
        copy = type(self)(self.message)
        copy.__dict__.update(self.__dict__)
        copy.text = self.text or text
        if self.start is None:
            copy.start, copy.end = start, end
        return copy

    def __str__(self) -> str:
        return "\n".join([*self.shown_place, self.words])

    @property
    def words(self) -> str:
        """The message, with the file and line where it is about a file, and the hint on a line of its own."""
        source = f"{self.file}:{self.line}: " if self.file else ""
        return "\n".join([source + self.message, *([self.hint] if self.hint else [])])

    @property
    def shown_place(self) -> list[str]:
        """The line, cut to a window around the place if it is long, and the carets under the place."""
        if not self.text or self.start is None:
            return []
        # What cannot be printed must not reach a terminal: it may be an escape sequence.
        line = "".join(letter if letter.isprintable() else _replaced(letter) for letter in self.input_line)
        if not line.strip():
            return []
        first, last = self.column - 1, self.end_column - 1
        if len(line) > WINDOW:
            line, first, last = _window(line, first, last)
        return [line.rstrip(), " " * first + "^" * (last - first)]


def _replaced(letter: str) -> str:
    return " " if letter.isspace() else "\ufffd"


def _window(line: str, first: int, last: int) -> tuple[str, int, int]:
    """The part of a long line around [first, last), with … where it was cut, and the place in it."""
    begin = max(0, min(first - WINDOW // 3, len(line) - WINDOW))
    stop = min(len(line), begin + WINDOW)
    head = "…" if begin > 0 else ""
    tail = "…" if stop < len(line) else ""
    shown = head + line[begin + len(head) : stop - len(tail)] + tail
    return shown, first - begin, max(first - begin + 1, min(last - begin, len(shown)))


class ParseError(MatcalcError):
    """The text is not a sentence of the language."""


class ShapeError(MatcalcError):
    """The shapes of the parts of an expression do not fit together."""


class UnknownName(MatcalcError):
    """A name that is neither declared nor a function."""


class NotScalar(MatcalcError):
    """A scalar was required, a vector or matrix was found."""


class NotDifferentiable(MatcalcError):
    """The expression has no derivative where it was asked for."""


class DomainError(MatcalcError):
    """A value lies outside the domain of a function."""


class EvaluationError(MatcalcError):
    """The expression has no finite value at the given numbers."""


class RuleError(MatcalcError):
    """A rule of the rule book is wrong, or cannot be read."""
