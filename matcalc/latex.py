"""LaTeX: expressions as printed mathematics, in commands that KaTeX, MathJax and Matplotlib's mathtext know.

Mathtext has no matrix environment, so it cannot set a block matrix; everything else compiles in all three.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from sympy import Expr, Rational, latex

from matcalc.dimensions import in_factors
from matcalc.expressions import Expression
from matcalc.function_table import AXIS_CALLS, FUNCTIONS
from matcalc.latex_names import labels_of, latex_name, script
from matcalc.notations import ATOM, NEGATIVE, POSTFIX, POWER, PRODUCT, SUM, Notation, form_label
from matcalc.parts import NO_PARTS, Program
from matcalc.text import number_text
from matcalc.unicode import names_in
from matcalc.writing import Naming, written

_TALL = re.compile(r"\\frac|\\sum|\\begin|\\left\(|\\sqrt\[")
_SPACED_BY_TEX = re.compile(r"\\(operatorname|log|ln|exp|det|sin|cos|tan|sec|csc|cot|arc|sinh|cosh|tanh)")


def latex_text(expression: Expression, program: Program = NO_PARTS, naming: Naming | None = None) -> str:
    r"""The expression in LaTeX, its named parts after "where".

    >>> from matcalc.reading import parse
    >>> print(latex_text(parse("2*A'*(A*x - b)/norm2(x)", "A: matrix(m,n), x: vector(n), b: vector(m)")))
    \frac{2 A^\top (A x - b)}{\|x\|}
    >>> print(latex_text(parse("X*inv(X'*A*X)*B*inv(X'*A*X)")))
    X M B M \quad\text{where } M = (X^\top A X)^{-1}
    """
    found = written(expression, program, naming)
    notations = [found.answer, *(definition for _, definition in found.parts)]
    page = _Page(labels_of(names_in(notations) | {n for n, _ in found.parts}))
    definitions = r",\; ".join(f"{page.labels[n]} = {page.write(d)}" for n, d in found.parts)
    answer = page.write(found.answer)
    return rf"{answer} \quad\text{{where }} {definitions}" if definitions else answer


def latex_of(notation: Notation) -> str:
    r"""The LaTeX of a notation tree.

    >>> from matcalc.notations import call, name, product, transposed
    >>> print(latex_of(product([transposed(call("inv", name("Sigma"))), name("dx_1")])))
    \Sigma^{-\top} \,\mathrm{d}x_1
    """
    return _Page(labels_of(names_in([notation]))).write(notation)


def _bracketed(text: str) -> str:
    """The text in brackets, which grow around what is tall."""
    return rf"\left({text}\right)" if _TALL.search(text) else f"({text})"


def _is_fraction(n: Notation) -> bool:
    """Whether a quotient is a coefficient before the rest: ½(A + Aᵀ) and not (A + Aᵀ)/2."""
    below = n.parts[1]
    return below.kind == "number" and isinstance(below.value, Rational)


def _level(n: Notation) -> int:
    """How tightly a notation binds as it is set in LaTeX."""
    if n.kind == "call":
        return _CALL_LEVELS.get((str(n.value), len(n.parts)), ATOM)
    if n.kind == "quotient":
        return PRODUCT if _is_fraction(n) and n.parts[0].kind != "number" else POWER
    if n.kind == "entrywise_quotient" and _is_one(n.parts[0]):
        return POWER
    if n.kind == "number" and n.level == PRODUCT:
        return POWER  # a fraction, or letters side by side
    return SUM if n.kind == "indexed_sum" else n.level


_CALL_LEVELS = {
    ("kron", 2): PRODUCT,
    ("sum", 2): PRODUCT,
    ("inv", 1): POSTFIX,
    ("pinv", 1): POSTFIX,
    ("sqrt", 1): POSTFIX,
}


def _is_one(n: Notation) -> bool:
    return n.kind == "number" and n.value == 1


@dataclass
class _Page:
    """Sets notations; ``labels`` holds the LaTeX of all names."""

    labels: dict[str, str]
    known: dict[Notation, str] = field(default_factory=dict)

    def write(self, n: Notation) -> str:
        """The LaTeX of a notation."""
        text = self.known.get(n)
        if text is None:
            text = self.known[n] = _WRITERS[n.kind](self, n)
        return text

    def within(self, n: Notation, level: int) -> str:
        """The LaTeX, in brackets where it binds less tightly than ``level``."""
        text = self.write(n)
        return _bracketed(text) if _level(n) < level else text

    def raised(self, n: Notation, exponent: str) -> str:
        """A notation with a superscript, in brackets where it has one itself."""
        base = self.write(n) if n.kind == "index" else self.within(n, ATOM)
        return base + script("^", exponent)

    # ---- sums and products

    def sum(self, n: Notation) -> str:
        signs: Sequence[str] = n.value  # type: ignore[assignment]
        terms = [self.within(p, PRODUCT) for p in n.parts]
        first = "-" if signs[0] == "-" else ""
        return first + terms[0] + "".join(f" {s} {t}" for s, t in zip(signs[1:], terms[1:], strict=True))

    def product(self, n: Notation) -> str:
        return self.joined(n.parts)

    def joined(self, factors: Sequence[Notation]) -> str:
        """The factors side by side, thin spaces where two would run together."""
        first, *rest = factors
        bare = first.kind in ("product", "quotient", "negative")
        text = self.write(first) if bare else self.within(first, POWER)
        for left, right in zip(factors, rest, strict=False):
            following = self.within(right, POWER)
            text += self.space(left, right, following) + following
        return text

    def space(self, left: Notation, right: Notation, following: str) -> str:
        """What separates two factors."""
        if following[0].isdigit():
            return r" \cdot "
        snug = left.kind == "number" and following.startswith((r"\sqrt", r"\|", "|", r"\left"))
        if snug or _SPACED_BY_TEX.match(following):
            return " "
        return r" \," if self.is_airy(left) or self.is_airy(right) else " "

    def is_airy(self, n: Notation) -> bool:
        """Whether a thin space belongs beside it: applied functions, upright and bold letters, fractions."""
        while n.kind in ("transpose", "power", "entrywise_power", "index"):
            n = n.parts[0]
        if n.kind == "call":
            return n.value not in ("inv", "kron")
        if n.kind == "quotient":
            return not _is_fraction(n)
        return n.kind in ("ones", "zeros", "differential") or (
            n.kind == "name" and self.write(n).startswith(r"\mathrm")
        )

    def operator(self, sign: str, n: Notation) -> str:
        """Operands with a sign between them; what stands at the left may be of the same kind."""
        first, *rest = n.parts
        left = self.write(first) if first.kind == n.kind else self.within(first, NEGATIVE)
        return left + "".join(f" {sign} {self.within(p, POWER)}" for p in rest)

    def quotient(self, n: Notation) -> str:
        top, below = n.parts
        if not _is_fraction(n) or top.kind == "number":
            return rf"\frac{{{self.write(top)}}}{{{self.write(below)}}}"
        factors = top.parts if top.kind == "product" else (top,)
        count, rest = ("1", factors) if factors[0].kind != "number" else (self.write(factors[0]), factors[1:])
        return rf"\frac{{{count}}}{{{self.write(below)}}} {self.joined(rest)}"

    def entrywise_quotient(self, n: Notation) -> str:
        top, below = n.parts
        if not _is_one(top):
            return self.operator(r"\oslash", n)
        if below.kind == "entrywise_power" and below.parts[1].kind == "number":
            return self.raised(below.parts[0], rf"\odot -{self.exponent(below.parts[1])}")
        return self.raised(below, r"\odot -1")

    def negative(self, n: Notation) -> str:
        return "-" + self.within(n.parts[0], PRODUCT)

    # ---- powers

    def power(self, n: Notation) -> str:
        return self.raised(n.parts[0], self.exponent(n.parts[1]))

    def exponent(self, n: Notation) -> str:
        """An exponent; fractions on one line."""
        if n.kind == "number" and isinstance(n.value, Rational):
            return number_text(n.value)
        if n.kind == "negative" and n.parts[0].kind == "quotient":
            return "-" + self.exponent(n.parts[0])
        if n.kind == "quotient":
            top, below = n.parts
            return f"{self.within(top, PRODUCT)}/{self.within(below, POWER)}"
        return self.write(n)

    def entrywise_power(self, n: Notation) -> str:
        base, exponent = n.parts
        text = self.exponent(exponent)
        simple = exponent.kind == "number" or _level(exponent) > PRODUCT
        return self.raised(base, rf"\odot {text if simple else _bracketed(text)}")

    def transpose(self, n: Notation) -> str:
        inner = n.parts[0]
        if inner.kind == "call" and inner.value == "inv":
            return self.raised(inner.parts[0], r"-\top")
        return self.raised(inner, r"\top")

    # ---- functions and constants

    def call(self, n: Notation) -> str:
        function = str(n.value)
        special = _CALLS.get(function)
        return special(self, n) if special else self.applied(_command(function), n.parts)

    def applied(self, command: str, arguments: Sequence[Notation]) -> str:
        """A function before its arguments in brackets."""
        inner = _bracketed(", ".join(map(self.write, arguments)))
        return command + (r"\!" if inner.startswith(r"\left") else "") + inner

    def total(self, n: Notation) -> str:
        """A sum of entries; along an axis it is a product with ones."""
        body, *axis = n.parts
        if not axis:
            return self.applied(r"\operatorname{sum}", n.parts)
        if axis[0].value == 1:
            return rf"\mathbf{{1}}^\top {self.within(body, POWER)}"
        text = self.write(body) if body.kind == "product" else self.within(body, POWER)
        return rf"{text} \mathbf{{1}}"

    def along(self, n: Notation) -> str:
        """A function of every row or column, which its subscript says."""
        body, *axis = n.parts
        which = {1: "columns", 2: "rows"}[int(cast(Expr, axis[0].value))] if axis else ""
        name = _command(str(n.value))
        return self.applied(rf"{name}_{{\mathrm{{{which}}}}}" if which else name, (body,))

    def between(self, bar: str, n: Notation) -> str:
        text = self.write(n)
        if _TALL.search(text):
            return rf"\left{bar}{text}\right{bar}"
        if "|" in text:
            text = rf"\,{text}\,"
        # in braces a sign after the bar is not taken for a difference
        return bar + (f"{{{text}}}" if text.startswith("-") else text) + bar

    def polygamma(self, n: Notation) -> str:
        return self.applied(rf"\psi^{{({self.write(n.parts[0])})}}", n.parts[1:])

    def with_sizes(self, n: Notation) -> str:
        """A function whose sizes are its subscript: unvec(x, m, n)."""
        sizes = ",".join(map(self.write, n.parts[1:]))
        name = _command(str(n.value))
        if name.endswith("^{-1}"):
            return self.applied(name.removesuffix("^{-1}") + f"_{{{sizes}}}^{{-1}}", n.parts[:1])
        return self.applied(f"{name}_{{{sizes}}}", n.parts[:1])

    def size(self, value: Expr) -> str:
        """A dimension or a formula in dimensions."""
        text = str(latex(in_factors(value), symbol_names={s: latex_name(str(s)) for s in value.free_symbols}))
        return re.sub(r"\^\{(\w)\}", r"^\1", re.sub(r"\\left(\([^()\\]*)\\right\)", r"\1)", text))

    def number(self, n: Notation) -> str:
        value = n.value
        if not isinstance(value, Rational):
            return self.size(cast(Expr, value))
        sign, size = "-" if value.is_negative else "", number_text(abs(value))
        return sign + (rf"\frac{{{abs(value.p)}}}{{{value.q}}}" if "/" in size else size)

    def sized(self, letter: str, joiner: str, n: Notation) -> str:
        sizes: Iterable[Expr] = n.value or ()  # type: ignore[assignment]
        return letter + script("_", joiner.join(map(self.size, sizes)))

    def eye(self, n: Notation) -> str:
        return self.sized(r"\mathbf{I}" if "I" in self.labels else "I", "", n)

    def commutation(self, n: Notation) -> str:
        return self.sized("K" if n.parts[0].value == "K" else r"\mathbf{K}", ",", n)

    def sized_letter(self, letter: str, n: Notation) -> str:
        """A constant matrix, in bold where a variable has its letter, with its size below."""
        name = rf"\mathbf{{{letter}}}" if letter in self.labels else letter
        return name + script("_", self.write(n.parts[0]))

    def unit(self, n: Notation) -> str:
        _, index = cast("tuple[Expr, Notation]", n.value)
        return r"\mathbf{e}" + script("_", self.write(index))

    # ---- parts and collections

    def index(self, n: Notation) -> str:
        base, *items = n.parts
        texts = [self.write(i) for i in items]
        letters = all(len(t) == 1 and t.isalpha() for t in texts)
        text = self.write(base)
        if _level(base) < ATOM or "_" in text.rpartition(")")[2]:
            text = _bracketed(text)
        return text + script("_", ("" if letters else ",").join(texts))

    def block(self, n: Notation) -> str:
        entries = [self.write(p) for p in n.parts]
        width = len(entries) // int(n.value)  # type: ignore[call-overload]
        rows = (" & ".join(entries[i : i + width]) for i in range(0, len(entries), width))
        return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"

    def indexed_sum(self, n: Notation) -> str:
        index, lower, upper = map(self.write, n.parts[:3])
        body = n.parts[3]
        text = self.write(body) if body.kind == "indexed_sum" else self.within(body, PRODUCT)
        return rf"\sum_{{{index}={lower}}}{script('^', upper)} {text}"


def _command(function: str) -> str:
    r"""The LaTeX command of a function: its own, or its name upright."""
    row = FUNCTIONS.get(function)
    escaped = function.replace("_", r"\_")
    return row.latex if row is not None and row.latex else rf"\operatorname{{{escaped}}}"


_CALLS: dict[str, Callable[[_Page, Notation], str]] = {
    "inv": lambda page, n: page.raised(n.parts[0], "-1"),
    "pinv": lambda page, n: page.raised(n.parts[0], "+"),
    "normnuc": lambda page, n: page.between(r"\|", n.parts[0]) + "_*",
    "kron": lambda page, n: page.operator(r"\otimes", n),
    "norm2": lambda page, n: page.between(r"\|", n.parts[0]),
    "abs": lambda page, n: page.between("|", n.parts[0]),
    "logabsdet": lambda page, n: rf"\log\left|{page.applied(_command('det'), n.parts)}\right|",
    "sqrt": lambda page, n: rf"\sqrt{{{page.write(n.parts[0])}}}",
    "cbrt": lambda page, n: rf"\sqrt[3]{{{page.write(n.parts[0])}}}",
    "digamma": lambda page, n: page.applied(r"\psi", n.parts),
    "polygamma": _Page.polygamma,
    "sum": _Page.total,
    **dict.fromkeys(AXIS_CALLS, _Page.along),
    "duplication": lambda page, n: page.sized_letter("D", n),
    "elimination": lambda page, n: page.sized_letter("L", n),
    **dict.fromkeys(("unvec", "rearrange", "unrearrange"), _Page.with_sizes),
}

_DIFFERENTIALS = (r"\mathrm{d}", r"\tilde{\mathrm{d}}", r"\hat{\mathrm{d}}")

_WRITERS: dict[str, Callable[[_Page, Notation], str]] = {
    "name": lambda page, n: page.labels[str(n.value)],
    "number": _Page.number,
    "eye": _Page.eye,
    "ones": lambda page, n: page.sized(r"\mathbf{1}", r" \times ", n),
    "zeros": lambda page, n: page.sized(r"\mathbf{0}", r" \times ", n),
    "commutation": _Page.commutation,
    "unit": _Page.unit,
    "equation": lambda page, n: f"{page.write(n.parts[0])} = 0",
    "differential": lambda page, n: page.applied(_DIFFERENTIALS[cast(int, n.value)], n.parts),
    "form": lambda page, n: form_label(n, page.write, 2),
    "inner_product": lambda page, n: rf"\langle {', '.join(map(page.write, n.parts))} \rangle",
    "call": _Page.call,
    "sum": _Page.sum,
    "product": _Page.product,
    "quotient": _Page.quotient,
    "entrywise_product": lambda page, n: page.operator(r"\odot", n),
    "entrywise_quotient": _Page.entrywise_quotient,
    "power": _Page.power,
    "entrywise_power": _Page.entrywise_power,
    "negative": _Page.negative,
    "transpose": _Page.transpose,
    "index": _Page.index,
    "all": lambda page, n: ":",
    "block": _Page.block,
    "indexed_sum": _Page.indexed_sum,
}
