"""Plain text: the notation of the input language, so that what is printed can be read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Rational, sstr

from matcalc.dimensions import in_factors
from matcalc.notations import NEGATIVE, PRODUCT, Notation, decimal, form_label


def text_of(n: Notation) -> str:
    """The text of a notation tree.

    >>> from matcalc.notations import name, transposed, product
    >>> text_of(product([transposed(name("A")), name("x")]))
    "A'*x"
    """
    return _WRITERS[n.kind](n)


def _in(n: Notation, level: int) -> str:
    """The text, in brackets where it binds less tightly than ``level``."""
    text = text_of(n)
    return f"({text})" if n.level < level else text


def number_text(value: object) -> str:
    """A number as the shorter of fraction and decimal."""
    if isinstance(value, Rational) and value.q != 1:
        short = decimal(abs(value))
        return ("-" if value.is_negative and short else "") + short if short else f"{value.p}/{value.q}"
    return sstr(value).replace("**", "^")


def size_text(value: Expr) -> str:
    """A dimension."""
    return sstr(in_factors(value)).replace("**", "^")


def _sizes(word: str) -> Callable[[Notation], str]:
    def write(n: Notation) -> str:
        if n.value is None:
            return word
        sizes = [size_text(s) for s in n.value]  # type: ignore[attr-defined]
        return f"{word}({','.join(sizes)})"

    return write


def _commutation(n: Notation) -> str:
    return f"{n.parts[0].value}({','.join(size_text(s) for s in n.value)})"  # type: ignore[attr-defined]


def _sum(n: Notation) -> str:
    signs: tuple[str, ...] = n.value  # type: ignore[assignment]
    pieces = [("-" if signs[0] == "-" else "") + _in(n.parts[0], PRODUCT)]
    for sign, part in zip(signs[1:], n.parts[1:], strict=True):
        pieces.append(f" {sign} {_in(part, PRODUCT)}")
    return "".join(pieces)


def _joined(operator: str) -> Callable[[Notation], str]:
    def write(n: Notation) -> str:
        # what stands at the left of a product needs no brackets if it is a product of the same kind itself
        first = n.parts[0]
        same = first.kind == n.kind or (operator in "*/" and first.kind in ("product", "quotient"))
        left = text_of(first) if same else _in(first, NEGATIVE)
        return left + "".join(operator + _right(p, operator) for p in n.parts[1:])

    return write


def _right(n: Notation, operator: str) -> str:
    """A factor that is not the first; an inner product needs no brackets, since products are read from the left."""
    return text_of(n) if n.kind == "product" and operator == "*" else _in(n, NEGATIVE + 1)


def _power(operator: str) -> Callable[[Notation], str]:
    def write(n: Notation) -> str:
        base, exponent = n.parts
        tight = exponent.kind in ("name", "call") or (
            exponent.kind == "number" and isinstance(exponent.value, Rational) and exponent.value.q == 1
        )
        right = text_of(exponent) if tight else f"({text_of(exponent)})"
        if exponent.value == "T":  # ^T and ^(T) are transposes
            right = "((T))"
        return f"{_in(base, 5)}{operator}{right}"

    return write


def _index(n: Notation) -> str:
    base, *items = n.parts
    return f"{_in(base, 5)}[{','.join(text_of(i) for i in items)}]"


def _block(n: Notation) -> str:
    count = int(n.value)  # type: ignore[call-overload]
    width = len(n.parts) // count
    rows = [n.parts[i * width : (i + 1) * width] for i in range(count)]
    return "[" + "; ".join(", ".join(text_of(e) for e in row) for row in rows) + "]"


def _unit(n: Notation) -> str:
    pair: Any = n.value
    size, index = pair
    return f"eye({size_text(size)})[:,{text_of(index)}]"


_WRITERS: dict[str, Callable[[Notation], str]] = {
    "name": lambda n: str(n.value),
    "number": lambda n: number_text(n.value),
    "eye": _sizes("eye"),
    "ones": _sizes("ones"),
    "zeros": _sizes("zeros"),
    "commutation": _commutation,
    "unit": _unit,
    "equation": lambda n: f"{text_of(n.parts[0])} = 0",
    "differential": lambda n: f"d{'_' * int(n.value)}({text_of(n.parts[0])})",  # type: ignore[call-overload]
    "form": lambda n: form_label(n, text_of, 0),
    "inner_product": lambda n: f"dot({', '.join(map(text_of, n.parts))})",
    "call": lambda n: f"{n.value}({', '.join(text_of(p) for p in n.parts)})",
    "sum": _sum,
    "product": _joined("*"),
    "quotient": _joined("/"),
    "entrywise_product": _joined(".*"),
    "entrywise_quotient": _joined("./"),
    "power": _power("^"),
    "entrywise_power": _power(".^"),
    "negative": lambda n: "-" + _in(n.parts[0], PRODUCT),
    "transpose": lambda n: _in(n.parts[0], 5) + "'",
    "index": _index,
    "all": lambda n: ":",
    "block": _block,
    "indexed_sum": lambda n: f"sum({', '.join(text_of(p) for p in n.parts)})",
}
