"""What to write in place of LaTeX that is not read, by the command or sign."""

from __future__ import annotations

import re

from matcalc.mistakes import RANDOM

HINTS = {
    "sum": r"write \sum_{i=1}^n or sum(i, 1, n, x[i]^2) for a sum over i, sum(x) for the sum of all entries",
    "sums": r"write \sum_{i,j=1}^n, a sum for each index where their bounds differ, sum(A) for the sum of all entries",
    "int": "write a sum over an index: sum(i, 1, n, x[i])",
    "prod": "write exp(sum(log(x))) for the product of positive entries",
    **dict.fromkeys(("partial", "nabla"), "write the function alone: what is asked of it is chosen by the command"),
    **dict.fromkeys(("dagger", "ddagger", "†", "‡"), "write pinv(A) for the pseudoinverse, A' for the transpose"),
    **dict.fromkeys(("ast", "star", "*"), "write A' for the transpose, x_star for another name"),
    "+": "write pinv(A) for the pseudoinverse, relu(x) for the positive part",
    "pm": "write one sign",
    **dict.fromkeys(("ge", "geq", "le", "leq"), "nothing is compared: write max(x, c) or min(x, c) for a bound"),
    **dict.fromkeys(("mathbb{E}", "𝔼"), f"random variables are not supported: {RANDOM}"),
    **dict.fromkeys(
        ("arg", "argmin", "argmax", "underset"), "write the function alone: its gradient is 0 at an optimum"
    ),
}


def of_all_entries(over: re.Match[str], word: str) -> str:
    """What to write for the largest or smallest entry, where it is sought over an index."""
    extreme = {"max": "largest", "min": "smallest"}[word]
    if over["base"] is None:
        return f"write {word}(x) for the {extreme} entry of a vector x"
    if over["bar"]:
        return f"write {word}(abs({over['base']})) for the {extreme} absolute value of an entry of {over['base']}"
    return f"write {word}({over['base']}) for the {extreme} entry of {over['base']}"
