"""Notation trees: how an expression is to be written, before it is text, Unicode or LaTeX.

A notation knows its length in tokens (names, numbers and operators count one each, brackets and commas nothing)
and how tightly it binds; the three printers only turn it into characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from sympy import Expr, Rational, sstr

SUM, PRODUCT, NEGATIVE, POWER, POSTFIX, ATOM = 1, 2, 3, 4, 5, 6
LEVELS = {
    "sum": SUM,
    "product": PRODUCT,
    "quotient": PRODUCT,
    "entrywise_product": PRODUCT,
    "entrywise_quotient": PRODUCT,
    "negative": NEGATIVE,
    "power": POWER,
    "entrywise_power": POWER,
    "transpose": POSTFIX,
    "index": POSTFIX,
}
HEAD = 60
FORMS = {
    "differential": ("df", "df", r"\mathrm{d}f"),
    "gradient": ("gradient", "∇f", r"\nabla f"),
    "jacobian": ("jacobian", "J", "J"),
    "hessian": ("hessian", "H", "H"),
    "hessian_operator": ("hessian operator", "H[{dx}]", "H[{dx}]"),
    "second_differential": ("d2f", "d²f", r"\mathrm{d}^2 f"),
    "third_differential": ("d3f", "d³f", r"\mathrm{d}^3 f"),
}
"""What the forms of a derivative are called in text, Unicode and LaTeX."""
LAST = "\x7f"  # after all characters of names


class Notation:
    """One node of a notation tree.

    | kind | parts | value |
    |---|---|---|
    | name | | the name |
    | number | | a SymPy number, or a formula in dimensions |
    | eye, ones, zeros | | its sizes, or None where they follow from the place |
    | commutation | its name | its sizes |
    | unit | | the size and the index |
    | call | the arguments | the function |
    | sum | the terms | their signs, "+" or "-" |
    | product, entrywise_product | the factors | |
    | quotient, entrywise_quotient | numerator, denominator | |
    | power, entrywise_power | base, exponent | |
    | negative, transpose | the operand | |
    | index | the base, then one or two items | |
    | block | the entries | the number of block rows |
    | indexed_sum | index, lower, upper, body | |
    | equation | what is 0 | |
    | differential | what it is of | the direction: 0 for dx, 1 for dx_, 2 for dx__ |
    | inner_product | both factors | |
    | form | the directions, then the variables it is in | which form of a derivative, and how many directions |
    """

    __slots__ = ("cost", "head", "kind", "level", "parts", "transposes", "value")
    cost: int
    head: str
    level: int
    transposes: int
    value: object

    @property
    def has_call(self) -> bool:
        """Whether a function stands among the parts."""
        return any(p.kind == "call" for p in self.parts)

    def __init__(self, kind: str, parts: Sequence[Notation] = (), value: object = None) -> None:
        self.kind = kind
        self.parts = tuple(parts)
        self.value = value
        self.level = LEVELS.get(kind, ATOM)
        self.cost = _COSTS.get(kind, _own_cost)(self) + sum(p.cost for p in self.parts)
        self.transposes = (kind == "transpose") + sum(p.transposes for p in self.parts)
        label = value if isinstance(value, str) else _LABELS.get(kind, "")
        if label.endswith("_"):  # a second direction dx_, after dx and dx'
            label = label.rstrip("_").ljust(len(label), LAST)
        mark = "~" if kind == "transpose" else ""  # after all letters
        self.head = (label + "".join(p.head for p in self.parts)).casefold()[:HEAD] + mark
        if kind == "number":
            self.level = _number_level(self)
            self.head = sstr(value)


_LABELS = {"eye": "eye", "ones": "ones", "zeros": "zeros", "commutation": "K", "unit": "eye"}


def _own_cost(n: Notation) -> int:
    return 1


def _number_cost(n: Notation) -> int:
    value = n.value
    if isinstance(value, Rational):
        sign = int(bool(value.is_negative))
        return sign + (1 if value.q == 1 or decimal(value) else 3)
    return len(sstr(value).replace("**", "^").replace("*", " * ").split())


def _number_level(n: Notation) -> int:
    value = n.value
    if isinstance(value, Rational):
        if value.is_negative:
            return NEGATIVE
        return ATOM if value.q == 1 or decimal(value) else PRODUCT
    if isinstance(value, Expr) and not value.is_Atom:
        return SUM if value.is_Add else PRODUCT if value.is_Mul else POWER
    return ATOM


def _separators(n: Notation) -> int:
    return len(n.parts) - 1


_COSTS = {
    "number": _number_cost,
    "eye": lambda n: 1 + (n.value is not None),
    "ones": lambda n: 1 + len(n.value or ()),
    "zeros": lambda n: 1 + len(n.value or ()),
    "commutation": lambda n: 2,
    "unit": lambda n: 2,
    "sum": lambda n: len(n.parts) - (n.value[0] == "+"),
    **dict.fromkeys(("product", "entrywise_product", "quotient", "entrywise_quotient"), _separators),
    **dict.fromkeys(("power", "entrywise_power", "negative", "transpose"), _own_cost),
    **dict.fromkeys(("index", "block"), lambda n: 0),
}


def decimal(value: Rational) -> str:
    """The decimal of a positive rational where it is finite and shorter than the fraction, else ''.

    >>> decimal(Rational(1, 1000)), decimal(Rational(1, 2)), decimal(Rational(1, 3))
    ('0.001', '', '')
    """
    q = value.q
    for prime in (2, 5):
        while q % prime == 0:
            q //= prime
    if q != 1 or value.q == 1:
        return ""
    text = format(Fraction(value.p, value.q).__float__(), ".12g")
    if "e" in text or Rational(text) != value:
        return ""
    return text if len(text) < len(f"{value.p}/{value.q}") else ""


def name(value: str) -> Notation:
    """A name."""
    return Notation("name", (), value)


def number(value: Expr) -> Notation:
    """A number."""
    return Notation("number", (), value)


def transposed(n: Notation) -> Notation:
    """The transpose of a notation, with double transposes undone and signs kept outside."""
    if n.kind == "transpose":
        return n.parts[0]
    if n.kind == "negative":
        return negative(transposed(n.parts[0]))
    return Notation("transpose", (n,))


def negative(n: Notation) -> Notation:
    """The negative of a notation, with double signs undone."""
    if n.kind == "negative":
        return n.parts[0]
    return Notation("negative", (n,))


def product(factors: Sequence[Notation]) -> Notation:
    """A product, with products at its left end taken in and the sign of the first factor taken out."""
    flat: list[Notation] = []
    sign = False
    for f in factors:
        if f.kind == "negative" and not flat:
            sign = not sign
            f = f.parts[0]
        flat.extend(f.parts if f.kind == "product" and not flat else (f,))
    result = flat[0] if len(flat) == 1 else Notation("product", flat)
    return negative(result) if sign else result


def quotient(numerator: Notation, denominator: Notation) -> Notation:
    """``numerator/denominator``, the sign outside."""
    if numerator.kind == "negative":
        return negative(quotient(numerator.parts[0], denominator))
    if denominator.kind == "negative":
        return negative(quotient(numerator, denominator.parts[0]))
    return Notation("quotient", (numerator, denominator))


def call(function: str, *arguments: Notation) -> Notation:
    """``function(arguments)``."""
    return Notation("call", arguments, function)


def differential(n: Notation, direction: int = 0) -> Notation:
    """``d(n)``, along the second direction ``d_(n)``."""
    return Notation("differential", (n,), direction)


def replaced(n: Notation, change: Callable[[Notation], Notation | None]) -> Notation:
    """The notation with others for some in it; products in products and sums in sums lose their brackets."""
    other = change(n)
    if other is not None:
        return other
    parts = [replaced(p, change) for p in n.parts]
    if all(p is q for p, q in zip(parts, n.parts, strict=True)):
        return n
    if n.kind in ("negative", "transpose"):
        return (negative if n.kind == "negative" else transposed)(parts[0])
    if n.kind == "product":
        return joined_product(parts)
    return joined_sum(parts, n.value) if n.kind == "sum" else Notation(n.kind, parts, n.value)


def joined_product(factors: Sequence[Notation]) -> Notation:
    """The product of factors, products and negatives among them without brackets."""
    signs = [f.kind == "negative" for f in factors]
    bare = [f.parts[0] if sign else f for f, sign in zip(factors, signs, strict=True)]
    flat = product([g for f in bare for g in (f.parts if f.kind == "product" else (f,))])
    return negative(flat) if sum(signs) % 2 else flat


def joined_sum(terms: Sequence[Notation], signs: Any) -> Notation:
    """The sum of terms with signs, sums and negatives among them without brackets where these are of no use."""
    flat: list[tuple[str, Notation]] = []
    for sign, term in zip(signs, terms, strict=True):
        while term.kind == "negative":
            sign, term = ("+" if sign == "-" else "-"), term.parts[0]
        inner: Any = term.value
        flat += zip(inner, term.parts, strict=True) if term.kind == "sum" and sign == "+" else [(sign, term)]
    if len(flat) == 1:
        sign, term = flat[0]
        return negative(term) if sign == "-" else term
    return Notation("sum", [t for _, t in flat], [s for s, _ in flat])


def form_label(n: Notation, write: Callable[[Notation], str], style: int) -> str:
    r"""The label of a form in text (0), Unicode (1) or LaTeX (2): "gradient in x", "∇f in x", "\nabla_{x} f".

    >>> form_label(Notation("form", [name("x"), name("y")], ("hessian", 0)), lambda n: n.value, 0)
    'hessian in x and y'
    """
    value: Any = n.value
    form, count = value
    directions, variables = ([write(p) for p in parts] for parts in (n.parts[:count], n.parts[count:]))
    label = FORMS[form][style].replace("{dx}", ", ".join(directions))
    if style < 2 or not variables:
        return label + in_words(variables)
    letter, space, rest = label.partition(" ")
    return f"{letter}_{{{', '.join(variables)}}}{space}{rest}"


def in_words(names: Sequence[str]) -> str:
    """The variables that a form is in: " in x", " in x and y"; nothing where there is one only."""
    return f" in {' and '.join(names)}" if names else ""


def cheapest(*candidates: Notation) -> Notation:
    """The shortest candidate, the first of equally short ones."""
    return min(candidates, key=lambda n: n.cost)
