r"""Norms as they are written on paper, ``\|x\|_2^2``: which one is named below the bars, and how others are written."""

from __future__ import annotations

import re

from matcalc.latex_patterns import END, GREEK, SIZES

_BRACES = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_BELOW = rf"[₁₂]|_\s*(?:\w|\\infty{END}|\*|\\ast{END}|\\(?:{GREEK}){END}|{_BRACES})"
_EXPONENT = r"[²³⁴]|\^\s*(?:\d+|\w|\{\s*\w+\s*\})"
_BARS = rf"\\\||\\[lr]?Vert{END}|‖|\|\|"
NORM = rf"(?:{_BARS})(?P<kind>\s*(?:{_BELOW}))?(?P<exponent>\s*(?:{_EXPONENT}))?(?P<last>\s*(?:{_BELOW}))?"

_STYLES = re.compile(r"\\(?:mathrm|text|textrm|mathbf|boldsymbol|bm|operatorname\*?)\s*\{\s*(\w+|\\[A-Za-z]+)\s*\}")
_NAMES = {
    "₁": "1", "₂": "2", r"\infty": "∞", r"\ast": "*",
    **dict.fromkeys(("nuc", "nuclear"), "*"), **dict.fromkeys(("spec", "sp"), "op"),
}  # fmt: skip
_READ = frozenset(["", "1", "2", "F", "fro", "inf", "∞", "*", "op"])
_WEIGHT = re.compile(rf"(?P<letter>\\(?:{GREEK}){END}|[A-Z])(?P<inverse>\^\{{-1\}})?")
_BAR = re.compile(_BARS)
_NAMED = "write norm1, norm2, norminf, normspec (the spectral norm) or normnuc (the nuclear norm)"


def below(found: re.Match[str]) -> str:
    """What stands below the bars, without braces: F, ∞, * for the nuclear norm, op for the spectral one."""
    written = re.sub(r"\s", "", _STYLES.sub(r"\1", found["kind"] or found["last"] or ""))
    name = re.sub(r"\A_?\{?(.*?)\}?\Z", r"\1", written) if written.count("{") <= 1 else written[2:-1]
    return _NAMES.get(name, name)


def exponent_of(found: re.Match[str]) -> str:
    return re.sub(r"[{}\s]", "", found["exponent"] or "")


def instead(found: re.Match[str]) -> str:
    r"""What to write for a norm that is not read; nothing where it is read.

    >>> source = r"\|A x\|_M^2"
    >>> instead(re.compile(NORM).match(source, 5))
    'write (A x)^\\top M (A x)'
    """
    name, exponent = below(found), exponent_of(found).lstrip("^")
    if name in _READ:
        return ""
    inner = _inside(found)
    weight = _WEIGHT.fullmatch(name)
    if weight is not None and (weight["letter"].isalpha() or weight["letter"][1].isupper()):
        factor = inner if re.fullmatch(r"[A-Za-z]", inner) else f"({inner})"
        form = f"{factor}^\\top {name} {factor}"
        return f"write {form}" if exponent in ("2", "²") else f"write sqrt({form})"
    if re.fullmatch(r"[a-z]|\d+", name):
        form = f"sum(abs({inner}).^{name})"
        return f"write {form}" if exponent == name else f"write {form}^(1/{name})"
    if name == "2,1":
        base = inner if re.fullmatch(r"[A-Za-z]", inner) else f"({inner})"
        columns, rows = (f"sum(sqrt(sum({base}.^2, {axis})))" for axis in (1, 2))
        return f"write {columns} for the norms of the columns, {rows} for those of the rows"
    return _NAMED


def _inside(found: re.Match[str]) -> str:
    """What stands between the bars, where that is plain to see."""
    before = found.string[: found.start()]
    bars = list(_BAR.finditer(before))
    inner = re.sub(rf"\\{SIZES}\s*\Z", "", before[bars[-1].end() :]).strip() if bars else ""
    is_whole = all(inner.count(opener) == inner.count(closer) for opener, closer in ("()", "[]", "{}"))
    return inner if inner and is_whole and len(inner) <= 30 else "x"
