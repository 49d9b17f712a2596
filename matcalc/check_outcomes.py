"""What came out of the check of the rule book: the outcome for each statement, and the table of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matcalc.reports import Report


@dataclass(frozen=True)
class SelfCheck:
    """The outcome for one statement: its report, the number of mistakes planted, and those not refuted."""

    name: str
    place: str
    kind: str
    report: Report
    planted: int
    missed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the statement is verified and every planted mistake refuted."""
        return self.report.passed and not self.missed

    def to_json(self) -> dict[str, Any]:
        """The outcome as a dictionary of plain values."""
        about = {"name": self.name, "place": self.place, "kind": self.kind}
        return about | {"planted": self.planted, "missed": list(self.missed)} | self.report.to_json()


def table(outcomes: Sequence[SelfCheck]) -> Iterator[str]:
    """The summary, a line for each kind of statement and one for all."""
    yield f"{'':18}{'checked':>9}{'verified':>10}{'exactly':>9}{'mistakes':>10}{'missed':>8}"
    kinds = dict.fromkeys(o.kind for o in outcomes)
    for kind in kinds:
        yield _row(_PLURALS[kind], [o for o in outcomes if o.kind == kind])
    yield _row("all", outcomes)


_PLURALS = {
    "differential": "differentials",
    "derived adjoint": "derived adjoints",
    "derivative": "scalar derivatives",
    "identity": "identities",
    "adjoint": "adjoints",
    "definition": "definitions",
    "kernel": "kernels",
}


def _row(label: str, outcomes: Sequence[SelfCheck]) -> str:
    verified = sum(o.report.passed for o in outcomes)
    exactly = sum(o.report.passed and o.report.method == "exact" for o in outcomes)
    planted, missed = sum(o.planted for o in outcomes), sum(len(o.missed) for o in outcomes)
    return f"{label:18}{len(outcomes):>9,}{verified:>10,}{exactly:>9,}{planted:>10,}{missed:>8,}"
