"""The steps of derivations: an equation, the rule that gives it, and what is used besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from matcalc.expressions import ONE, Apply, Expression, Identity, Variable, variables_of
from matcalc.layouts import Layout
from matcalc.leaves import number, variable
from matcalc.notations import Notation, call, differential, joined_product, joined_sum, replaced, transposed
from matcalc.parts import NO_PARTS
from matcalc.sheets import Written
from matcalc.sums import split_coefficient
from matcalc.text import text_of
from matcalc.unicode import names_in
from matcalc.writing import Naming, definitions_used, whole, writer, written

LONG = 40
Reason: TypeAlias = tuple["Notation | str", ...]
"""What is used besides a rule, formulas and words: ``A`` "constant"."""


@dataclass(frozen=True)
class Step:
    """One step: ``before = after`` by a rule.

    ``rule`` names it in the rule book, where it is one of the book, and ``title`` is what it is usually called.
    """

    left: Written = field(repr=False)
    right: Written = field(repr=False)
    rule: str
    title: str
    statement: str = ""
    source: str = ""
    reasons: tuple[Reason, ...] = ()

    @property
    def before(self) -> str:
        """The left side as text."""
        return _as_text(self.left)

    @property
    def after(self) -> str:
        """The right side as text."""
        return _as_text(self.right)

    def sides(self, style: str) -> tuple[str, str]:
        """Both sides in unicode, ascii or latex, the parts that they name after the second."""
        write = writer(style)
        parts = dict(self.left.parts) | dict(self.right.parts)
        separator = r",\; " if style == "latex" else ", "
        used = definitions_used([self.left.answer, self.right.answer], parts)
        right = whole(Written(used, self.right.answer), write, separator)
        return write(self.left.answer), right.replace(
            "  where ", r" \quad\text{where } "
        ) if style == "latex" else right

    def words(self, style: str, *, with_source: bool = True) -> str:
        """The rule, what is used besides and the source; in latex with the words as text."""
        said: list[Notation | str] = [self.title]
        for i, reason in enumerate(self.reasons):
            said += ["; " if i == 0 else ", ", *reason]
        if self.source and with_source:
            said.append(f"; {self.source}")
        write = writer(style)
        if style != "latex":
            return f"({''.join(p if isinstance(p, str) else write(p) for p in said)})"
        pieces = [_latex_words(p) if isinstance(p, str) else write(p) for p in ("(", *said, ")")]
        return "".join(pieces).replace(r"}\text{", "")

    def document(self) -> dict[str, Any]:
        """The step as JSON data."""
        return {
            "before": self.before,
            "after": self.after,
            "rule": self.rule,
            "title": self.title,
            "statement": self.statement,
            "source": self.source,
            "unicode": " = ".join(self.sides("unicode")),
            "latex": " = ".join(self.sides("latex")),
        }

    def __str__(self) -> str:
        return f"{self.before} = {self.after}    [{self.words('ascii')[1:-1]}]"

    __repr__ = __str__


def _latex_words(words: str) -> str:
    return rf"\text{{{words.replace('&', 'and')}}}"


def _as_text(side: Written) -> str:
    definitions = "; ".join(f"{n} = {text_of(d)}" for n, d in side.parts)
    answer = text_of(side.answer)
    return f"let {definitions} in {answer}" if definitions else answer


class Sides:
    """Writes the sides of steps; variables may stand for what is no expression, such as a differential.

    >>> from matcalc.reading import parse
    >>> sides = Sides(Naming([]))
    >>> x = parse("x'*A*x")
    >>> d = sides.standing_for(sides.differential(x, 0), x.shape)
    >>> text_of(sides.written(2 * d).answer)
    "2*d(x'*A*x)"
    """

    def __init__(self, naming: Naming, taken: Iterable[str] = ()) -> None:
        self.naming = naming
        self.taken = set(taken)
        self.meanings: dict[str, Written] = {}
        self.layouts: dict[Expression, Notation] = {}

    def standing_for(self, meaning: Written, shape: Sequence[Any]) -> Variable:
        """A variable that is written as a notation; its name is that of a perturbation, which stands last."""
        names = (f"dq{i}" for i in range(len(self.meanings), len(self.meanings) + len(self.taken) + 1))
        name = next(n for n in names if n not in self.taken)
        self.meanings[name] = meaning
        return variable(name, *shape)

    def laid_out(self, e: Expression) -> Notation:
        """An expression without named parts, with the variables that stand for something."""
        found = self.layouts.get(e)
        if found is None:
            found = self.layouts[e] = Layout([e]).plain(e)
        return found

    def plain(self, e: Expression) -> Notation:
        """An expression without named parts; a trace of what it is the trace of, as that is written."""
        if isinstance(e, Apply) and e.function == "tr":
            return call("tr", self.plain(e.operands[0]))
        return self._told(self.laid_out(e))

    def _told(self, n: Notation) -> Notation:
        def meaning(part: Notation) -> Notation | None:
            found = self.meanings.get(str(part.value)) if part.kind == "name" else None
            return None if found is None else found.answer

        return replaced(n, meaning)

    def written(self, e: Expression) -> Written:
        """An expression; the parts of a long one have the names they have elsewhere in the answer."""
        plain = self.laid_out(e)
        found = Written((), plain) if plain.cost <= LONG else written(e, NO_PARTS, self.naming)
        used = names_in([found.answer, *(d for _, d in found.parts)])
        parts = {n: d for name in used & self.meanings.keys() for n, d in self.meanings[name].parts}
        return with_parts(self._told(found.answer), parts | {n: self._told(d) for n, d in found.parts})

    def put_in(self, n: Notation, found: dict[str, Notation]) -> Notation | None:
        """A differential with what those in it were found to be, the outermost first; None where that is long."""
        known: dict[str, Notation] = {}
        missing = False

        def change(part: Notation) -> Notation | None:
            nonlocal missing
            if part.kind != "differential":
                return None
            missing = missing or text_of(part) not in known
            return known.get(text_of(part))

        for left in reversed(found):
            missing = False
            value = replaced(found[left], change)
            if not missing and value.cost <= 2 * LONG:
                known[left] = value
        return known.get(text_of(n))

    def of(self, e: Expression, make: Callable[[Notation], Notation]) -> Written:
        """Something made of an expression: its differential, its vec."""
        if self.laid_out(e).cost <= LONG:
            return Written((), make(self.plain(e)))
        found = self.written(e)
        return Written(found.parts, make(found.answer))

    def differential(self, e: Expression, direction: int) -> Written:
        """``d(e)`` along dx, dx_ or dx__."""
        return self.of(e, lambda n: differential(n, direction))

    def combination(self, terms: Iterable[tuple[Expression, Written]]) -> Written:
        """The sum of matrices times what they apply to."""
        parts: dict[str, Notation] = {}
        products = []
        for M, side in terms:
            found = self.written(M)
            parts.update((*found.parts, *side.parts))
            c, rest = split_coefficient(M)
            plain = [side.answer] if c == 1 else [self.laid_out(number(c)), side.answer]
            factors = plain if isinstance(rest, Identity) else [found.answer, side.answer]
            products.append(joined_product(factors))
        return with_parts(joined_sum(products, "+" * len(products)), parts)

    def vec(self, e: Expression) -> Written:
        """The columns below each other: what is a column is that itself, and a row transposed."""
        return self.of(e, vec_of(e))


def with_parts(answer: Notation, parts: dict[str, Notation]) -> Written:
    """A notation with the named parts that it uses, in order."""
    return Written(definitions_used([answer], parts), answer)


def vec_of(e: Expression) -> Callable[[Notation], Notation]:
    """How vec of what has the shape of an expression is written."""
    if e.columns is ONE:
        return lambda n: n
    return transposed if e.rows is ONE else lambda n: call("vec", n)


def written_name(n: Notation) -> str:
    """The name that a function has in print: diag for the diagonal of a matrix too."""
    return str(n.value) if n.kind == "call" else n.kind.replace("_", " ")


def names_of(roots: Iterable[Expression], perturbations: Mapping[Variable, Variable]) -> set[str]:
    """The names that a variable standing for something must not have."""
    return {v.name for v in (*variables_of(*roots), *perturbations, *perturbations.values())}
