"""The verdict of a check, and what it rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["verified", "refuted", "inconclusive"]
SIZES_SHOWN = 4
COLOURS = {"verified": "#1a7f37", "refuted": "#cf222e", "inconclusive": "#9a6700"}


@dataclass(frozen=True)
class Check:
    """The outcome for one form: a differential, a gradient, the adjoint identity, …"""

    form: str
    verdict: Verdict
    relative_error: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What was checked, how, and what came of it; ``str(report)`` says it in a line or two.

    What was not measured is None. `error_probability` is a proved bound on the chance that a formula passes that is
    wrong at the sizes in `exact_sizes`; where roots or the functions in `opaque` enter it is an `error_estimate`.
    `declarations` and `notes` say how the question was read, `diagnosis` what is wrong with a claim, or which
    derivative it is. `counterexample` holds the inputs that refute, as nested lists by name, with the entry, the
    number that the formula gives there (None if it is not defined) and the right one.

    >>> print(Report("verified", trials=3, sizes=({"n": 4},), max_relative_error=2e-13, seed=7))
    verified (numeric): 3 points, n = 4, relative error 2e-13, seed 7
    """

    verdict: Verdict
    method: str = "numeric"
    trials: int = 0
    max_relative_error: float | None = None
    observed_order: float | None = None
    adjoint_error: float | None = None
    counterexample: Mapping[str, Any] | None = None
    seed: int | None = None
    error_probability: float | None = None
    error_estimate: float | None = None
    opaque: tuple[str, ...] = ()
    exact_sizes: tuple[Mapping[str, int], ...] = ()
    reason: str = ""
    diagnosis: str = ""
    checks: tuple[Check, ...] = ()
    sizes: tuple[Mapping[str, int], ...] = ()
    assumptions: tuple[str, ...] = ()
    declarations: str = ""
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the verdict is "verified"."""
        return self.verdict == "verified"

    def __str__(self) -> str:
        lines = self._first_lines()
        if self.reason:
            lines.append(self.reason)
        if self.diagnosis:
            lines.append(self.diagnosis)
        if self.assumptions:
            lines.append(f"sampled with {', '.join(self.assumptions)}")
        return "\n".join(lines)

    __repr__ = __str__

    def _first_lines(self) -> list[str]:
        """The verdict and what it rests on."""
        head = f"{self.verdict} ({self.method}): "
        if self.method != "exact":
            return [head + ", ".join(self._evidence())]
        sizes = _sizes_in_words(self.exact_sizes)
        if self.verdict == "refuted":
            return [head + ", ".join([" at ".join(["modulo a prime", *sizes]), f"seed {self.seed}"])]
        return [
            head + self._chance_of_error(),
            "modulo a prime: " + ", ".join([_points(len(self.exact_sizes)), *sizes]),
            "in numbers: " + ", ".join(self._evidence()),
        ]

    def _chance_of_error(self) -> str:
        if self.error_probability is not None:
            return f"error probability below {_rounded_up(self.error_probability)}"
        return f"error probability about {_rounded_up(self.error_estimate or 0.0)}, estimated: {', '.join(self.opaque)}"

    def _evidence(self) -> list[str]:
        found = [_points(self.trials)]
        if self.method != "exact":
            found += _sizes_in_words(self.sizes)
        if self.max_relative_error is not None:
            found.append(f"relative error {self.max_relative_error:.1g}")
        if self.observed_order is not None:
            found.append(f"order {self.observed_order:.1f}")
        if self.adjoint_error is not None:
            found.append(f"adjoint {self.adjoint_error:.0e}")
        if self.seed is not None:
            found.append(f"seed {self.seed}")
        return found

    def latex(self) -> str:
        """The report as text for a LaTeX document, powers of ten set as mathematics.

        >>> print(Report("verified", trials=3, sizes=({"n": 4},), max_relative_error=2e-13, seed=7).latex())
        \\textbf{verified} (numeric): 3 points, n = 4, relative error $2 \\cdot 10^{-13}$, seed 7
        """
        first, *rest = [_set_in_latex(line) for line in str(self).split("\n")]
        lines = [rf"\textbf{{{self.verdict}}}" + first[len(self.verdict) :], *rest]
        return " \\\\\n".join(lines)

    def html(self) -> str:
        """The report as a piece of HTML."""
        return self._repr_html_()

    def _repr_html_(self) -> str:
        """The report as Jupyter shows it."""
        first, *rest = str(self).split("\n")
        head = f'<b style="color:{COLOURS[self.verdict]}">{self.verdict}</b>' + escape(first[len(self.verdict) :])
        return "<div>" + "<br>".join([head, *map(escape, rest)]) + "</div>"

    def to_json(self) -> dict[str, Any]:
        """The report as a dictionary of plain values, for JSON."""
        return {
            "verdict": self.verdict,
            "passed": self.passed,
            "method": self.method,
            "trials": self.trials,
            "max_relative_error": self.max_relative_error,
            "observed_order": self.observed_order,
            "adjoint_error": self.adjoint_error,
            "counterexample": dict(self.counterexample) if self.counterexample else None,
            "seed": self.seed,
            "error_probability": self.error_probability,
            "error_estimate": self.error_estimate,
            "opaque": list(self.opaque),
            "exact_sizes": [dict(s) for s in self.exact_sizes],
            "reason": self.reason,
            "diagnosis": self.diagnosis,
            "checks": [
                {"form": c.form, "verdict": c.verdict, "relative_error": c.relative_error, "reason": c.reason}
                for c in self.checks
            ],
            "sizes": [dict(s) for s in self.sizes],
            "assumptions": list(self.assumptions),
            "declarations": self.declarations,
            "notes": list(self.notes),
        }


_SPECIAL = str.maketrans({c: rf"\{c}" for c in "_&%#{}$"} | {"^": r"\^{}", "~": r"\~{}", "\\": r"\textbackslash{}"})


def _set_in_latex(line: str) -> str:
    escaped = line.translate(_SPECIAL)
    return re.sub(r"(\d[\d.]*)e([+-])0*(\d+)", lambda m: rf"${m[1]} \cdot 10^{{{m[2].strip('+')}{m[3]}}}$", escaped)


def _rounded_up(value: float) -> str:
    """A bound with one digit, which is not below the value."""
    digits = f"{value:.0e}"
    return digits if float(digits) >= value else f"{value + 0.5 * 10.0 ** floor(log10(value)):.0e}"


def _points(count: int) -> str:
    return f"{count} point{'s' * (count != 1)}"


def _sizes_in_words(sizes: Sequence[Mapping[str, int]]) -> list[str]:
    """The sizes of the points: "n = 4", "n = 4, 2, 5" or "(m, n) = (4, 3) (2, 6)"; nothing where there are none."""
    if not sizes or not sizes[0]:
        return []
    names = sorted(sizes[0])
    points = list(dict.fromkeys(tuple(s[name] for name in names) for s in sizes))
    shown, more = points[:SIZES_SHOWN], " …" if len(points) > SIZES_SHOWN else ""
    if len(names) == 1:
        return [f"{names[0]} = {', '.join(str(p[0]) for p in shown)}{more}"]
    if len(points) == 1:
        return [", ".join(f"{name} = {n}" for name, n in zip(names, points[0], strict=True))]
    return [f"({', '.join(names)}) = " + " ".join(f"({', '.join(map(str, p))})" for p in shown) + more]
