"""Unicode: expressions as one writes them by hand, in signs that the language reads.

Factors stand side by side, as in ``2Aᵀ(A x − b)``.  A dot stands where side by side would read otherwise: a
name before a bracket would be called, and a number cannot follow a factor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, starmap
from typing import Any, cast

from sympy import Expr, Rational, sstr

from matcalc.dimensions import in_factors
from matcalc.expressions import Expression
from matcalc.notations import ATOM, NEGATIVE, POSTFIX, POWER, PRODUCT, Notation, form_label
from matcalc.parts import NO_PARTS, Program
from matcalc.text import number_text
from matcalc.tokens import GREEK_LETTERS, SECOND, THIRD, spelled
from matcalc.writing import Naming, written

_LETTERS = {name: letter for letter, name in GREEK_LETTERS.items()}
_SUBSCRIPTS = dict(zip("0123456789aeoxhklmnpstijruv", "₀₁₂₃₄₅₆₇₈₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ", strict=True))
_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENTS = dict(zip("ikmnp", "ⁱᵏᵐⁿᵖ", strict=True))

_LETTER = "A-Za-zÀ-ɏΑ-ω"
_BELOW = rf"₀-ₜᵢ-ᵥⱼ{SECOND}{THIRD}"
_DIRECTION = re.compile(r"(?P<letter>d[^\W\d_])(?P<below>[\d_₀-ₜᵢ-ᵥⱼ]*?)(?P<marks>_{1,2})")
_NAME_AT_END = re.compile(rf"[{_LETTER}][{_LETTER}0-9_{_BELOW}]*$")
_WORD_AT_END = re.compile(rf"[{_LETTER}0-9_{_BELOW}]$")
_WORD_AT_START = re.compile(rf"[{_LETTER}]")
_NUMBER = re.compile(r"[0-9.]+$")
# One letter, a bracket or a norm, with marks: beside these no blank is missed.
_COMPACT = re.compile(rf"([{_LETTER}][{_BELOW}]*|\(.*\)|‖.*‖|\|.*\|)[ᵀ⁻⁰¹²³⁴-⁹ⁱᵏᵐⁿᵖ]*$")


def unicode_text(expression: Expression, program: Program = NO_PARTS, naming: Naming | None = None) -> str:
    """The expression in Unicode, its named parts after ``where``.

    Without named parts the text reads back to the expression.

    >>> from matcalc.reading import parse
    >>> unicode_text(parse("2*A'*(A*x - b)", where="A: matrix(m,n), x: vector(n), b: vector(m)"))
    '2Aᵀ(A x − b)'
    >>> unicode_text(parse("X*inv(X'*A*X)*B*inv(X'*A*X)"))
    'X M B M where M = (Xᵀ A X)⁻¹'
    """
    found = written(expression, program, naming)
    notations = [found.answer, *(definition for _, definition in found.parts)]
    hand = _Hand(names_in(notations))
    definitions = ", ".join(f"{unicode_name(n)} = {hand.write(d)}" for n, d in found.parts)
    answer = hand.write(found.answer)
    return f"{answer} where {definitions}" if definitions else answer


def unicode_of(notation: Notation) -> str:
    """The Unicode of a notation tree.

    >>> from matcalc.notations import call, name, product, transposed
    >>> unicode_of(product([transposed(call("inv", name("Sigma"))), name("dx_1")]))
    'Σ⁻ᵀ dx₁'
    """
    return _Hand(names_in([notation])).write(notation)


def unicode_name(name: str) -> str:
    """A name with its Greek letter and its subscript as signs, where they spell the same name.

    The second direction dx_ has a tilde, and the third one a hat.

    >>> [unicode_name(name) for name in ("Sigma_1", "dlambda", "x1", "x_i", "loss_max", "omicron")]
    ['Σ₁', 'dλ', 'x1', 'xᵢ', 'loss_max', 'omicron']
    >>> unicode_name("dx_1_") == "dx\N{COMBINING TILDE}₁"
    True
    """
    if name.endswith("_"):
        plain = name.rstrip("_")
        marked = _DIRECTION.fullmatch(unicode_name(plain) + name[len(plain) :])
        if marked:
            candidate = marked["letter"] + (SECOND if marked["marks"] == "_" else THIRD) + marked["below"]
            if spelled(candidate) == name:
                return candidate
        return name
    word, mark, below = name.partition("_")
    digits = word[len(word.rstrip("0123456789")) :]
    stem = word.removesuffix(digits)
    perturbed = "d" if stem not in _LETTERS and stem[:1] == "d" and stem[1:] in _LETTERS else ""
    letter = _LETTERS.get(stem[len(perturbed) :], stem[len(perturbed) :])
    if mark and (below.isdigit() or len(below) == 1) and all(c in _SUBSCRIPTS for c in below):
        candidate = perturbed + letter + digits + "".join(_SUBSCRIPTS[c] for c in below)
        if spelled(candidate) == name:
            return candidate
    candidate = perturbed + letter + digits + mark + below
    return candidate if spelled(candidate) == name else name


def names_in(notations: Iterable[Notation]) -> frozenset[str]:
    """The names of variables and named parts in the notations."""
    todo, names = list(notations), set()
    seen: set[Notation] = set()
    while todo:
        n = todo.pop()
        if n not in seen:
            seen.add(n)
            todo.extend(n.parts if n.kind != "commutation" else ())
            if n.kind == "unit":
                todo.append(cast("tuple[Expr, Notation]", n.value)[1])
            elif n.kind == "name":
                names.add(str(n.value))
    return frozenset(names)


def _level(n: Notation) -> int:
    """How tightly a notation binds in Unicode, where some functions are signs."""
    if n.kind == "call":
        return {"kron": PRODUCT, "inv": POSTFIX}.get(str(n.value), ATOM)
    return n.level


def _size(value: Expr) -> str:
    """A dimension or a formula in dimensions: 2n, n·(n + 1)/2."""
    text = re.sub(r"(\w+)\*\*(\d+)", lambda m: "*".join([m[1]] * int(m[2])), sstr(in_factors(value)))
    text = re.sub(r"\b(\d+)\*(?=[A-Za-z])(?![eE]\d)", r"\1", text)
    for sign, printed in (("**", "^"), ("*", "·"), ("-", "−")):
        text = text.replace(sign, printed)
    return re.sub(r"[^\W\d]\w*", lambda m: unicode_name(m[0]), text)


def _number(value: Any) -> str:
    return number_text(value).replace("-", "−") if isinstance(value, Rational) else _size(value)


@dataclass
class _Hand:
    """Writes notations; ``names`` are those already taken, ``blank`` is what separates factors."""

    names: frozenset[str]
    blank: str = " "
    known: dict[Notation, str] = field(default_factory=dict)

    def write(self, n: Notation) -> str:
        """The Unicode of a notation."""
        text = self.known.get(n)
        if text is None:
            text = self.known[n] = _WRITERS[n.kind](self, n)
        return text

    def within(self, n: Notation, level: int) -> str:
        """The Unicode, in brackets where it binds less tightly than ``level``."""
        text = self.write(n)
        return f"({text})" if _level(n) < level else text

    def base(self, n: Notation) -> str:
        """What a superscript is written on, in brackets where it ends with one itself."""
        bare = _level(n) == ATOM or n.kind == "index"
        return self.write(n) if bare else f"({self.write(n)})"

    # ---- sums and products

    def sum(self, n: Notation) -> str:
        signs: Sequence[str] = n.value  # type: ignore[assignment]
        # terms side by side are spaced alike
        tight = all(self.is_tight(p) for p in n.parts)
        terms = [self.term(p, tight) for p in n.parts]
        first = "−" if signs[0] == "-" else ""
        rest = (f" {'−' if s == '-' else '+'} {t}" for s, t in zip(signs[1:], terms[1:], strict=True))
        return first + terms[0] + "".join(rest)

    def term(self, n: Notation, tight: bool) -> str:
        """A term of a sum; a product in it is spaced as the whole sum is."""
        if n.kind == "product":
            return self.joined(n, tight)
        if n.kind == "quotient" and n.parts[0].kind == "product":
            return f"{self.joined(n.parts[0], tight)}/{self.within(n.parts[1], POWER)}"
        return self.within(n, PRODUCT)

    def is_tight(self, n: Notation) -> bool:
        """Whether the factors of a product can stand together without blanks; true of all but products."""
        if n.kind == "quotient":
            return self.is_tight(n.parts[0])
        if n.kind != "product":
            return True
        factors = self.factors(n)
        rest = factors[1:] if _NUMBER.match(factors[0]) else factors
        return all(map(_COMPACT.match, rest)) and not any(starmap(_run_together, pairwise(factors)))

    def factors(self, n: Notation) -> list[str]:
        first, *rest = n.parts
        left = self.write(first) if first.kind == "negative" else self.within(first, POWER)
        return [left, *(self.within(p, POWER) for p in rest)]

    def product(self, n: Notation) -> str:
        return self.joined(n, self.is_tight(n))

    def joined(self, n: Notation, tight: bool) -> str:
        """The factors side by side, with dots where they would be read otherwise."""
        factors = self.factors(n)
        dots = list(starmap(_needs_dot, pairwise(factors)))
        several = sum(dots) > 1
        blank = "" if tight and not several else "·" if any(dots) else self.blank
        blanks = ["·" if dot else blank for dot in dots]
        if blank == "·" and _NUMBER.match(factors[0]) and not dots[0]:
            blanks[0] = "" if _COMPACT.match(factors[1]) and not _run_together(*factors[:2]) else self.blank
        return factors[0] + "".join(b + f for b, f in zip(blanks, factors[1:], strict=True))

    def operator(self, sign: str, n: Notation) -> str:
        """Operands with a sign between them; what stands at the left may be of the same kind."""
        first, *rest = n.parts
        left = self.write(first) if first.kind == n.kind else self.within(first, NEGATIVE)
        return left + "".join(sign + self.within(p, POWER) for p in rest)

    def quotient(self, n: Notation) -> str:
        top, below = n.parts
        left = self.write(top) if top.kind in ("product", "quotient") else self.within(top, NEGATIVE)
        return f"{left}/{self.within(below, POWER)}"

    def negative(self, n: Notation) -> str:
        return "−" + self.within(n.parts[0], PRODUCT)

    # ---- powers

    def power(self, n: Notation) -> str:
        base, exponent = n.parts
        value = exponent.value
        if exponent.kind == "number" and isinstance(value, Rational) and value.q == 1:
            return self.base(base) + str(value).translate(_DIGITS)
        if exponent.kind == "name" and value in _EXPONENTS:
            return self.base(base) + _EXPONENTS[str(value)]
        return f"{self.within(base, POSTFIX)}^{self.exponent(exponent)}"

    def exponent(self, n: Notation) -> str:
        if n.kind == "name" and n.value == "T":
            return "((T))"  # ^T and ^(T) are transposes
        whole = n.kind == "number" and isinstance(n.value, Rational) and n.value.is_Integer and n.value >= 0
        plain = whole or n.kind == "name" or (n.kind == "call" and _level(n) == ATOM)
        return self.write(n) if plain else f"({self.write(n)})"

    def entrywise_power(self, n: Notation) -> str:
        return f"{self.within(n.parts[0], POSTFIX)}.^{self.exponent(n.parts[1])}"

    def transpose(self, n: Notation) -> str:
        inner = n.parts[0]
        if inner.kind == "call" and inner.value == "inv":
            return self.base(inner.parts[0]) + "⁻ᵀ"
        return self.base(inner) + "ᵀ"

    # ---- functions and constants

    def call(self, n: Notation) -> str:
        function, arguments = str(n.value), [self.write(p) for p in n.parts]
        inner = arguments[0]
        if function == "inv":
            return self.base(n.parts[0]) + "⁻¹"
        if function == "kron":
            return self.operator(" ⊗ ", n)
        # bars inside of bars are hard to match, for readers
        if function in ("norm2", "abs") and "‖" not in inner and "|" not in inner:
            return f"‖{inner}‖" if function == "norm2" else f"|{inner}|"
        return f"{function}({', '.join(arguments)})"

    def sized(self, word: str, n: Notation) -> str:
        sizes: Iterable[Expr] | None = n.value  # type: ignore[assignment]
        if sizes is None:
            return "I" if word == "eye" and "I" not in self.names else word
        return f"{word}({','.join(map(_size, sizes))})"

    def commutation(self, n: Notation) -> str:
        return self.sized(str(n.parts[0].value), n)

    def unit(self, n: Notation) -> str:
        size, index = cast("tuple[Expr, Notation]", n.value)
        return f"eye({_size(size)})[:,{self.write(index)}]"

    # ---- parts and collections

    def index(self, n: Notation) -> str:
        base, *items = n.parts
        return f"{self.within(base, POSTFIX)}[{','.join(map(self.write, items))}]"

    def block(self, n: Notation) -> str:
        # a blank would separate entries
        dotted = self if self.blank == "·" else _Hand(self.names, "·")
        entries = [dotted.write(p) for p in n.parts]
        width = len(entries) // int(n.value)  # type: ignore[call-overload]
        return "[" + "; ".join(", ".join(entries[i : i + width]) for i in range(0, len(entries), width)) + "]"

    def indexed_sum(self, n: Notation) -> str:
        return f"sum({', '.join(map(self.write, n.parts))})"


def _needs_dot(left: str, right: str) -> bool:
    """Whether two factors side by side would be a call, an index or two numbers."""
    return right[0].isdigit() or right[0] == "[" or (right[0] == "(" and bool(_NAME_AT_END.search(left)))


def _run_together(left: str, right: str) -> bool:
    """Whether two factors without a blank are one word, as 2e1 is, or bars that are hard to match."""
    if _NUMBER.match(left):
        return right[0] in "eE"
    if right[0] in "|‖" and ("|" in left or "‖" in left):
        return True
    return bool(_WORD_AT_END.search(left) and _WORD_AT_START.match(right))


_WRITERS: dict[str, Callable[[_Hand, Notation], str]] = {
    "name": lambda _, n: unicode_name(str(n.value)),
    "number": lambda _, n: _number(n.value),
    "eye": lambda hand, n: hand.sized("eye", n),
    "ones": lambda hand, n: hand.sized("ones", n),
    "zeros": lambda hand, n: hand.sized("zeros", n),
    "commutation": _Hand.commutation,
    "unit": _Hand.unit,
    "equation": lambda page, n: f"{page.write(n.parts[0])} = 0",
    "differential": lambda hand, n: f"d{('', SECOND, THIRD)[cast(int, n.value)]}({hand.write(n.parts[0])})",
    "form": lambda hand, n: form_label(n, hand.write, 1),
    "inner_product": lambda hand, n: f"⟨{', '.join(map(hand.write, n.parts))}⟩",
    "call": _Hand.call,
    "sum": _Hand.sum,
    "product": _Hand.product,
    "quotient": _Hand.quotient,
    "entrywise_product": lambda hand, n: hand.operator(" ⊙ ", n),
    "entrywise_quotient": lambda hand, n: hand.operator(" ⊘ ", n),
    "power": _Hand.power,
    "entrywise_power": _Hand.entrywise_power,
    "negative": _Hand.negative,
    "transpose": _Hand.transpose,
    "index": _Hand.index,
    "all": lambda _, n: ":",
    "block": _Hand.block,
    "indexed_sum": _Hand.indexed_sum,
}
