"""The verdict of a check, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["verified", "refuted", "inconclusive"]
SIZES_SHOWN = 3
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

    What was not measured is None. `counterexample` holds the inputs that refute, as nested lists by name,
    with the entry, the number that the formula gives there (None if it is not defined) and the right one.

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
    reason: str = ""
    checks: tuple[Check, ...] = ()
    sizes: tuple[Mapping[str, int], ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the verdict is "verified"."""
        return self.verdict == "verified"

    def __str__(self) -> str:
        lines = [f"{self.verdict} ({self.method}): " + ", ".join(self._evidence())]
        if self.reason:
            lines.append(self.reason)
        if self.assumptions:
            lines.append(f"sampled with {', '.join(self.assumptions)}")
        return "\n".join(lines)

    def _evidence(self) -> list[str]:
        found = [f"{self.trials} point{'s' * (self.trials != 1)}"]
        if self.sizes and self.sizes[0]:
            found.append(_sizes_in_words(self.sizes))
        if self.max_relative_error is not None:
            found.append(f"relative error {self.max_relative_error:.1g}")
        if self.observed_order is not None:
            found.append(f"order {self.observed_order:.1f}")
        if self.adjoint_error is not None:
            found.append(f"adjoint {self.adjoint_error:.0e}")
        if self.seed is not None:
            found.append(f"seed {self.seed}")
        return found

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
            "reason": self.reason,
            "checks": [
                {"form": c.form, "verdict": c.verdict, "relative_error": c.relative_error, "reason": c.reason}
                for c in self.checks
            ],
            "sizes": [dict(s) for s in self.sizes],
            "assumptions": list(self.assumptions),
        }


def _sizes_in_words(sizes: Sequence[Mapping[str, int]]) -> str:
    """The sizes of the points: "n = 4", "n = 4, 2, 5" or "(m, n) = (4, 3) (2, 6)"."""
    names = sorted(sizes[0])
    points = list(dict.fromkeys(tuple(s[name] for name in names) for s in sizes))
    shown, more = points[:SIZES_SHOWN], " …" if len(points) > SIZES_SHOWN else ""
    if len(names) == 1:
        return f"{names[0]} = {', '.join(str(p[0]) for p in shown)}{more}"
    if len(points) == 1:
        return ", ".join(f"{name} = {n}" for name, n in zip(names, points[0], strict=True))
    return f"({', '.join(names)}) = " + " ".join(f"({', '.join(map(str, p))})" for p in shown) + more
