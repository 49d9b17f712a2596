"""The verdict rule: tests at random points, in double precision first, then in sixty digits.

A test compares a formula's value with a reference that has an error bar. Double precision can find agreement;
it never finds disagreement, and where it is in doubt the test is made again with sixty digits, at the same
point. A formula is refuted by two independent points.

What exact arithmetic has found before weighs in: where it agreed, numbers need only not contradict it; where it
disagreed, and a law of exp, log or roots may be the reason, many more points are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from matcalc.agreements import (
    FINE_BARS_AGREED,
    Agreement,
    Sides,
    agreement_of_small_numbers,
    fine_agreement,
    float_agreement,
    loose_agreement,
)
from matcalc.computations import Computer, Place, State
from matcalc.differences import magnitude
from matcalc.evaluation import TimeIsUp
from matcalc.findings import UNDECIDED, Finding
from matcalc.high_precision import NoKernel, sixty_digits
from matcalc.points import Point, PointSource
from matcalc.reports import Check, Report, Verdict
from matcalc.sampling import NoPoint

# What is so small beside the largest number on the way may be rounding alone.
FINE_ZERO = 1e-44
JITTERS = 8
SUSPECT_ERROR = 1e-3
EXTRA_POINTS, NEARBY_POINTS = 8, 3
# Where exact arithmetic agrees, so small a difference is the rounding of an ill-conditioned value.
ROUNDING_WHERE_EXACT = 1e-20
# A formula with kinks may be right in some regions only: so many points are likely to find another.
POINTS_WITH_KINKS = 24
# Where exact arithmetic objects, so many times as many points are drawn.
MORE_WHERE_DOUBTED = 4
# Beyond these sizes sixty digits are used only where double precision is in doubt, or not at all.
CHEAP_NODES, CHEAP_ENTRIES, AFFORDABLE_ENTRIES = 300, 400, 5000


@dataclass(frozen=True)
class Test:
    """A comparison to make at every point: the form it is about, and what it compares.

    `detail` compares entry by entry, for a counterexample, where `sides` does so along one direction only;
    `directions` are the names of the perturbations that a counterexample must show;
    `statement` and `contrast` make the sentence about it.
    """

    __test__ = False

    form: str
    sides: Callable[[Place], Sides]
    detail: Callable[[Place], Sides] | None = None
    directions: tuple[str, ...] = ()
    statement: str = ""
    contrast: str = "where {} is right"


@dataclass
class Tally:
    """What a test has found so far; `suspect` points look like disagreement that may be rounding."""

    agreed: int = 0
    zero: int = 0
    unknown: int = 0
    suspect: int = 0
    worst: float | None = None
    order: float | None = None
    against: list[tuple[Point, Sides]] = field(default_factory=list)
    reason: str = ""

    def count(self, agreement: Agreement, sides: Sides, point: Point) -> None:
        """Add what was found at a point."""
        error = sides.difference / sides.size if sides.size > 0 else 0.0
        if agreement == "zero":
            self.zero += 1
            self.worst = self.worst or 0.0
        elif agreement == "unknown":
            self.unknown += 1
            self.suspect += not error <= SUSPECT_ERROR
        else:
            self.worst = max(self.worst or 0.0, error) if np.isfinite(error) else self.worst
            if agreement == "agree":
                self.agreed += 1
            else:
                self.against.append((point, sides))
        self.order = sides.expected.order if self.order is None else self.order

    @property
    def plainest(self) -> tuple[Point, Sides]:
        """The point at which the two sides are furthest apart; nan is further than any number."""
        apart = [sides.difference / sides.size for _, sides in self.against]
        return self.against[int(np.argmax(apart))]

    @property
    def verdict(self) -> Verdict:
        """Refuted by two points; verified by more points than are open, or by zeros alone if none is open."""
        if len(self.against) > 1:
            return "refuted"
        shown = self.agreed > self.unknown or (self.zero > 0 and self.unknown == 0)
        return "verified" if shown and not self.against and not self.suspect else "inconclusive"

    @property
    def needs_more(self) -> bool:
        """Whether a further point may change the verdict: one point is against, or none shows more than zeros."""
        return len(self.against) == 1 or not self.agreed or bool(self.suspect)


@dataclass
class Jury:
    """Makes tests at random points, keeps count, and reports."""

    tests: Sequence[Test]
    computer: Computer
    source: PointSource
    trials: int
    deadline: float
    exact: Finding = UNDECIDED
    tallies: dict[str, Tally] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    stopped: str = ""

    def hear(self) -> Report:
        """Draw points until every test has its verdict or time is up, and report."""
        self.tallies = {test.form: Tally() for test in self.tests}
        trials = self._number_of_points()
        try:
            for trial in range(trials + EXTRA_POINTS):
                doubted = [test for test in self.tests if self.tallies[test.form].needs_more]
                settled = any(len(t.against) > 1 for t in self.tallies.values())
                if settled or (trial >= trials and not doubted):
                    break
                with np.errstate(all="ignore"):
                    point = self.source.draw(trial, coordinate=trial == 1 and trials > 2)
                    self._hear_at(point, self.tests if trial < trials else doubted)
                self.points.append(point)
            self._hear_near_an_objection()
        except NoPoint as error:
            self.stopped = error.message
        except TimeIsUp:
            self.stopped = "the time limit was reached"
        return self._report()

    @property
    def has_objection(self) -> bool:
        """Whether a test failed at some point."""
        return any(tally.against for tally in self.tallies.values())

    def _hear_near_an_objection(self) -> None:
        """Where a test failed at one point only, as it may in a small region, try again near it."""
        for test in self.tests:
            tally = self.tallies[test.form]
            for _ in range(NEARBY_POINTS):
                if len(tally.against) == 1:
                    with np.errstate(all="ignore"):
                        point = self.source.near(tally.against[0][0])
                        self._hear_at(point, [test])
                    self.points.append(point)

    def _number_of_points(self) -> int:
        """More where a formula may be right in some regions only, or where exact arithmetic does not agree."""
        trials = max(self.trials, POINTS_WITH_KINKS) if self.source.kinks else self.trials
        return trials if self.exact.agreed else MORE_WHERE_DOUBTED * trials

    def _wants_sixty_digits(self, point: Point) -> bool:
        """Whether a point is worth them though double precision agrees: they are cheap, and nothing is shown yet."""
        entries, nodes = self.computer.extent(point.sizes)
        wanted = len(self.points) < self.trials
        if self.exact.agreed:
            wanted = bool(self.exact.why) and not self.points
        return wanted and entries <= CHEAP_ENTRIES and nodes <= CHEAP_NODES

    def _hear_at(self, point: Point, tests: Sequence[Test]) -> None:
        state = State(self.computer, self.source.variables, point, False, self.deadline)
        cheap = self._wants_sixty_digits(point)
        fine = None
        if self.computer.extent(point.sizes)[0] <= AFFORDABLE_ENTRIES:
            with sixty_digits():
                fine = State(self.computer, self.source.variables, point, True, self.deadline)
        for test in tests:
            tally = self.tallies[test.form]
            sides = test.sides(state)
            agreement = float_agreement(sides)
            if agreement != "agree" or cheap:
                agreement, sides = self._second_opinion(test, fine, state.largest_cancelling, sides, tally)
            tally.count(agreement, sides, point)

    def _second_opinion(
        self, test: Test, fine: State | None, largest: float, sides: Sides, tally: Tally
    ) -> tuple[Agreement, Sides]:
        """What sixty digits say; where there are none, what double precision may say."""
        if fine is None:
            tally.reason = "the matrices are too large for sixty digits"
            return loose_agreement(sides), sides
        try:
            with sixty_digits():
                found, fine_sides = _in_sixty_digits(test, fine, largest)
        except (NoKernel, ArithmeticError, ValueError, TypeError) as error:
            name = f"{error} cannot" if isinstance(error, NoKernel) else "this cannot"
            tally.reason = f"{name} be computed to sixty digits"
            return loose_agreement(sides), sides
        undefined = bool(np.isnan(magnitude(fine_sides.found)))
        if self.exact.agreed and fine_sides.difference <= ROUNDING_WHERE_EXACT * fine_sides.size:
            found = "agree" if found == "agree" else "unknown"
        if float_agreement(sides) == "agree" and (found != "disagree" or undefined):
            return "agree", sides
        return found, fine_sides

    # ---- the report

    def _report(self) -> Report:
        checks = tuple(self._check(test) for test in self.tests)
        refuted = next((t for t in self.tests if self.tallies[t.form].verdict == "refuted"), None)
        heard = len(self.points) >= (self._number_of_points() if self.exact.agreed is False else 1)
        all_verified = heard and all(c.verdict == "verified" for c in checks)
        exact = bool(self.exact.agreed) and all_verified
        verdict: Verdict = "refuted" if refuted else "verified" if all_verified else "inconclusive"
        errors = [t.worst for form, t in self.tallies.items() if t.worst is not None and form != "adjoint"]
        reason, counterexample = self.stopped, None
        if refuted:
            reason, counterexample = counterexample_of(refuted, *self.tallies[refuted.form].plainest)
        elif verdict == "inconclusive" and not reason:
            reason = next((c.reason for c in checks if c.verdict != "verified"), "too few points were found")
        return Report(
            verdict,
            "exact" if exact else "numeric",
            trials=len(self.points),
            max_relative_error=max(errors, default=None),
            observed_order=next((t.order for t in self.tallies.values() if t.order is not None), None),
            adjoint_error=self.tallies["adjoint"].worst if "adjoint" in self.tallies else None,
            counterexample=counterexample,
            seed=self.source.sampler.seed,
            reason=reason,
            checks=checks,
            sizes=tuple(dict(p.sizes) for p in self.points),
            assumptions=tuple(dict.fromkeys(a for p in self.points for a in p.assumptions)),
            error_probability=self.exact.bound if exact and not self.exact.why else None,
            error_estimate=self.exact.bound if exact and self.exact.why else None,
            opaque=self.exact.why if exact else (),
            exact_sizes=self.exact.sizes if exact else (),
        )

    def _check(self, test: Test) -> Check:
        tally = self.tallies[test.form]
        reason, verdict = "", tally.verdict
        # exact arithmetic decides, unless numbers differ at every point, which rounding hardly does
        is_doubtful = 0 < tally.suspect == len(self.points)
        if self.exact.agreed and verdict == "inconclusive" and not tally.against and not is_doubtful:
            verdict = "verified"
        if verdict == "refuted":
            reason = counterexample_of(test, *tally.plainest)[0]
        elif verdict == "inconclusive":
            reason = f"the {test.form} could not be decided: {tally.reason or 'rounding hides the answer'}"
            if tally.against:
                reason = f"the {test.form} disagreed at one point only"
        return Check(test.form, verdict, tally.worst, reason)


def _in_sixty_digits(test: Test, fine: State, largest: float) -> tuple[Agreement, Sides]:
    """The agreement in sixty digits, and the sides, rounded, entry by entry where they disagree."""
    sides = test.sides(fine)
    rounding = FINE_ZERO * largest if np.isfinite(largest) else 0.0
    agreement = fine_agreement(sides, rounding)
    if agreement == "unknown" and sides.size <= max(rounding, FINE_BARS_AGREED * sides.expected.error):
        agreement = agreement_of_small_numbers(sides, [test.sides(fine.jittered(k)) for k in range(JITTERS)])
    if agreement == "disagree" and test.detail is not None:
        sides = test.detail(fine)
    return agreement, sides.as_floats()


def counterexample_of(test: Test, point: Point, sides: Sides) -> tuple[str, dict[str, Any]]:
    """The worst entry in words, and the inputs that show it."""
    found, expected = np.atleast_2d(sides.found), np.atleast_2d(sides.expected.value)
    worst = np.unravel_index(np.argmax(np.abs(found - expected)), found.shape)  # nan is the largest
    entry = tuple(int(i) + 1 for i in worst)
    given, right = float(found[worst]) + 0.0, float(expected[worst]) + 0.0  # 0, not -0
    place = "" if found.size == 1 else f" in entry {entry}" if found.shape[1] > 1 else f" in entry {entry[0]}"
    statement = test.statement or f"the {test.form} gives"
    words = f"{statement} {given:.10g}{place}, {test.contrast.format(f'{right:.10g}')}"
    if f"{given:.10g}" == f"{right:.10g}":
        words += f"; they differ by {sides.difference:.1g}"
    return words, {
        "inputs": {name: np.asarray(value).tolist() for name, value in point.values.items()},
        "sizes": dict(point.sizes),
        "entry": None if found.size == 1 else list(entry),
        "expected": right,
        "found": given if np.isfinite(given) else None,
    }
