"""Names in LaTeX: Greek letters, subscripts, upright words, and dX as a differential."""

from __future__ import annotations

import re
from collections.abc import Iterable

from matcalc.tokens import GREEK_LETTERS

_GREEK = frozenset(GREEK_LETTERS.values()) | {"varepsilon", "vartheta", "varphi", "varsigma", "varrho"}
_ACCENTS = frozenset(("bar", "hat", "tilde"))
_NAME = re.compile(r"(?P<stem>[^\W\d_]+)(?P<digits>\d*)(?P<below>\w*?)(?P<primes>_*)")
_PERTURBATION = re.compile(r"d\((.+)\)|d(.+)")


def latex_name(name: str, names: Iterable[str] = ()) -> str:
    r"""A name as a letter with subscripts, or upright; the perturbation dX of X as a differential.

    ``names`` are the names it stands beside: beside ``loss``, ``dloss`` is its perturbation.

    >>> print(*map(latex_name, ("x1", "Sigma_1", "dX", "dx_", "loss", "W_in", "data", "r_bar")))
    x_1 \Sigma_1 \mathrm{d}X \mathrm{d}\tilde{x} \mathrm{loss} W_{\mathrm{in}} \mathrm{data} \bar{r}
    """
    letter, _, accent = name.rpartition("_")
    if letter and accent in _ACCENTS:
        return rf"\{accent}{{{latex_name(letter, names)}}}"
    perturbed = _PERTURBATION.fullmatch(name)
    if perturbed:
        inner = perturbed[1] or perturbed[2]
        stem = re.match(r"[^\W\d_]*", inner)
        short = stem is not None and _is_one_letter(stem[0])
        if (perturbed[1] or short or inner in names) and name not in _GREEK:
            return r"\mathrm{d}" + _letters(inner, names)
    return _upright(name) if name.endswith("_") else _letters(name, names)


def _letters(name: str, names: Iterable[str]) -> str:
    """A name as a letter with subscripts; what a direction is of may have marks, which primes would be no good for."""
    letter, _, accent = name.rpartition("_")
    if letter and accent in _ACCENTS:
        return latex_name(name, names)
    found = _NAME.fullmatch(name)
    if not found or len(found["primes"]) > (2 if _is_one_letter(found["stem"]) else 0):
        return _upright(name)
    below = [part for part in (found["digits"], *found["below"].split("_")) if part]
    subscript = ",".join(map(_letter, below))
    letter, marks = _letter(found["stem"]), len(found["primes"])
    if marks:  # a tilde above a second direction, a hat above a third one: primes would look like transposes
        letter = rf"\{'tilde' if marks == 1 else 'hat'}{{{letter}}}"
    return letter + script("_", subscript)


def _is_one_letter(word: str) -> bool:
    return len(word) == 1 or word in _GREEK


def _letter(word: str) -> str:
    """A letter, a Greek letter, digits, or an upright word."""
    if word in _GREEK:
        return "\\" + word
    return word if word.isdigit() or (len(word) == 1 and word.isascii()) else _upright(word)


def _upright(word: str) -> str:
    return rf"\mathrm{{{word.replace('_', chr(92) + '_')}}}"


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """The LaTeX of every name, no two alike: beside x_1, x1 is upright."""
    names = sorted(names, key=lambda n: ("_" not in n, n))
    labels: dict[str, str] = {}
    for name in names:
        label = latex_name(name, names)
        labels[name] = label if label not in labels.values() else _upright(name)
    return labels


def script(mark: str, text: str) -> str:
    r"""A subscript or superscript: braces only where there are several signs."""
    if not text:
        return ""
    return mark + (text if len(text) == 1 or re.fullmatch(r"\\[A-Za-z]+", text) else f"{{{text}}}")
