"""Checks of any NumPy function against any callable that is said to be its derivative: no formula is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from secrets import randbits
from typing import Any

import numpy as np

from matcalc.errors import MatcalcError
from matcalc.function_agreements import Finding
from matcalc.function_directions import Directions, Tangent, coordinates
from matcalc.function_kinds import Claim, Kind, claim_of
from matcalc.function_trials import KINK, Laboratory, Setting
from matcalc.given_functions import GivenFunction, Undecided, argument_names, same
from matcalc.reports import Check, Report, Verdict

TRIALS, EXTRA_TRIALS, SEED_BITS = 3, 8, 32
# Repeated calls may differ by what threads and alignment change in a sum.
REPEATABLE = 1e-12
SUSPECT_ERROR = 1e-3
MOST_ENTRIES_SHOWN = 100
TANGENCY = "tangency"


def verify_function(
    f: Callable[..., Any],
    df: Callable[..., Any],
    at: Any,
    *,
    kind: Kind | None = None,
    tangent: Tangent | None = None,
    trials: int = TRIALS,
    seed: int | None = None,
) -> Report:
    """Is ``df`` the derivative of the NumPy function ``f`` at a point?

    ``at`` is the point: an array, a number, or a tuple of them for a function of several arguments; or a callable
    ``at(rng)`` that draws one with a numpy.random.Generator, anew for each trial. ``kind`` says what df is:

    * "differential" or "jvp": df(x, dx), in the shape of f(x); df(x, y, dx, dy) for two arguments
    * "gradient": df(x), in the shape of x, for f of one number; a tuple for several arguments
    * "vjp": df(x, w), in the shape of x, for a cotangent w in the shape of f(x)
    * "jacobian": df(x), the matrix with vec(df) = J vec(dx), where vec stacks columns

    It may be left out where the signature and the shape tell. ``tangent(x, v)`` projects onto the tangent space
    of a constrained variable. Directions depend on ``seed`` alone, which is fresh where it is not given.

    The verdict rests on sixty digits where f and df run on arrays of such numbers, and on double precision where
    they do not; ``reason`` says which. A counterexample holds the inputs by name, the index of an entry, and the
    number that is expected and found there.

    Raises MatcalcError where f or df raises (its cause), or returns no real numbers, or where the kind cannot be
    told; NotScalar for the gradient of an f that is not one number.

    >>> x = np.array([1.0, 2.0, 3.0])
    >>> print(verify_function(lambda x: np.sum(x**3), lambda x: 3 * x**2, x, seed=1))
    verified (numeric): 1 point, relative error ..., order 2.0, seed 1
    the gradient, along 3 directions, to sixty digits
    >>> print(verify_function(lambda x: np.sum(x**3), lambda x: 3.00001 * x**2, x, seed=1))
    refuted (numeric): 1 point, relative error ..., order 2.0, seed 1
    the gradient gives 27.00009 at [2], where 27 is right
    to sixty digits
    """
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise MatcalcError(f"trials must be a number from 1, but is {trials!r}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise MatcalcError(f"seed must be a number from 0, but is {seed!r}")
    for name, given in (("f", f), ("df", df)):
        if not callable(given):
            raise MatcalcError(f"{name} must be callable, but is {type(given).__name__}", hint=f"{name}=lambda x: …")
    directions = Directions(at, tangent, randbits(SEED_BITS) if seed is None else seed)
    return Examination(GivenFunction("f", f), GivenFunction("df", df), kind, directions, trials).report()


@dataclass
class Evidence:
    """What a form has shown so far."""

    findings: list[tuple[Setting, Finding]] = field(default_factory=list)

    def of(self, agreement: str) -> list[tuple[Setting, Finding]]:
        """The findings of one kind."""
        return [(s, found) for s, found in self.findings if found.agreement == agreement]

    @property
    def suspect(self) -> bool:
        """Whether something looks like disagreement that may be rounding."""
        return any(found.error > SUSPECT_ERROR for _, found in self.of("unknown"))

    @property
    def verdict(self) -> Verdict:
        """Refuted by two directions; verified by more than are open, or by zeros alone if none is open."""
        against, agreed, open_ = (len(self.of(a)) for a in ("disagree", "agree", "unknown"))
        if against > 1:
            return "refuted"
        shown = agreed > open_ or (bool(self.findings) and not open_)
        return "verified" if shown and not against and not self.suspect else "inconclusive"

    @property
    def needs_more(self) -> bool:
        """Whether a further trial may change the verdict."""
        return len(self.of("disagree")) == 1 or not self.of("agree") or self.suspect


@dataclass
class Examination:
    """A function, what is said of its derivative, and the trials that decide."""

    f: GivenFunction
    df: GivenFunction
    kind: Kind | None
    directions: Directions
    trials: int
    laboratory: Laboratory | None = None
    order: float | None = None
    undefined: int = 0
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def report(self) -> Report:
        """Make trials until there is a verdict, and say it."""
        try:
            mistake = self._hear()
        except Undecided as reason:
            return self._inconclusive(str(reason))
        if mistake:
            check = Check("shape", "refuted", None, mistake)
            return Report("refuted", seed=self.directions.seed, reason=mistake, checks=(check,))
        if not self.evidence:
            points = "the point" if self.directions.is_fixed else f"any of {self.undefined} points"
            return self._inconclusive(f"f is not finite at {points}")
        return self._judged()

    def _hear(self) -> str:
        """Make the trials; a mistake in the shapes ends them, and is returned."""
        for trial in range(self.trials + EXTRA_TRIALS):
            forms = list(self.evidence.values())
            if any(e.verdict == "refuted" for e in forms):
                break
            heard = len(forms[0].findings) if forms else 0
            if heard >= self.trials and not any(e.needs_more for e in forms):
                break
            setting, mistake = self._setting(trial)
            if mistake:
                return mistake
            if setting is not None:
                self._try(setting)
            elif self.directions.is_fixed:
                break
        return ""

    def _setting(self, trial: int) -> tuple[Setting | None, str]:
        """A point at which f is finite, with the claim there; or what is wrong with its shape."""
        xs = self.directions.point(trial)
        (value,) = self.f.values(xs)
        if not np.all(np.isfinite(value)):
            self.undefined += 1
            return None, ""
        vs = self.directions.direction(trial, xs)
        w = self.directions.cotangent(trial, value.shape)
        if self.laboratory is None:
            claim = claim_of(self.kind, self.df, xs, value, vs, w)
            self.laboratory = Laboratory(self.f, claim, self.directions)
        claim = self._lab.claim
        if (tuple(x.shape for x in xs), value.shape) != (claim.x_shapes, claim.f_shape):
            claim = Claim(claim.kind, claim.df, tuple(x.shape for x in xs), value.shape)
            self._lab.claim = claim
        claimed = self.df.values(claim.arguments(xs, vs, w), claim.parts)
        mistake = claim.shape_mistake(claimed)
        setting = Setting(trial, xs, vs, w, value, claimed)
        if not self.evidence and not mistake:
            self._repeat(setting)
        return setting, mistake

    @property
    def _lab(self) -> Laboratory:
        assert self.laboratory is not None
        return self.laboratory

    def _repeat(self, s: Setting) -> None:
        """Raise Undecided where a second call gives something else."""
        again = self.df.values(self._lab.claim.arguments(s.xs, s.vs, s.w), self._lab.claim.parts)
        for name, first, second in (("f", (s.value,), self.f.values(s.xs)), ("df", s.claimed, again)):
            if same(first, second) > REPEATABLE:
                raise Undecided(f"{name} is not deterministic: called twice at the same point it returns two values")

    def _try(self, s: Setting) -> None:
        claim = self._lab.claim
        if not self.evidence:
            self.order = self._lab.order(s)
        self.evidence.setdefault(claim.words, Evidence()).findings.append((s, self._lab.finding(s)))
        if self.directions.tangent is not None and claim.kind in ("gradient", "vjp"):
            self.evidence.setdefault(TANGENCY, Evidence()).findings.append((s, self._lab.tangency(s)))

    # ---- the report

    def _inconclusive(self, reason: str) -> Report:
        return Report("inconclusive", seed=self.directions.seed, reason=reason)

    def _judged(self) -> Report:
        verdicts = {form: self._verdict(e) for form, e in self.evidence.items()}
        checks = tuple(
            Check(form, verdict, self._worst(form), self._why(form, verdict)) for form, verdict in verdicts.items()
        )
        refuted = next((form for form, verdict in verdicts.items() if verdict == "refuted"), None)
        doubted = next((c for c in checks if c.verdict == "inconclusive"), None)
        reason, counterexample = (doubted or checks[0]).reason, None
        if refuted:
            reason, counterexample = self._counterexample(refuted)
        count = len(self.evidence[checks[0].form].findings)
        errors = [e for e in map(self._worst, verdicts) if e is not None]
        return Report(
            "refuted" if refuted else "inconclusive" if doubted else "verified",
            trials=1 if self.directions.is_fixed else count,
            max_relative_error=max(errors, default=None),
            observed_order=self.order,
            counterexample=counterexample,
            seed=self.directions.seed,
            reason=reason,
            checks=checks,
        )

    def _verdict(self, evidence: Evidence) -> Verdict:
        """The verdict of a form; at a point with a kink there is no derivative."""
        if self.directions.is_fixed and any(found.reason == KINK for _, found in evidence.findings):
            return "inconclusive"
        return evidence.verdict

    def _worst(self, form: str) -> float | None:
        errors = [f.error for _, f in self.evidence[form].findings if f.agreement != "unknown" and np.isfinite(f.error)]
        return max(errors, default=None)

    def _why(self, form: str, verdict: Verdict) -> str:
        """The reason of an open form; else how often it was tried, and how it was decided."""
        evidence = self.evidence[form]
        if verdict == "inconclusive":
            open_ = [found.reason for _, found in evidence.of("unknown")]
            kinks = [reason for reason in open_ if reason == KINK]
            return (kinks or open_ or [f"the {form} disagreed along one direction only"])[0]
        if form == TANGENCY:
            return f"the {self._lab.claim.words} is tangent"
        count = len(evidence.findings)
        return f"the {form}, along {count} direction{'s' * (count != 1)}, {self._how(evidence.findings)}"

    def _how(self, findings: list[tuple[Setting, Finding]]) -> str:
        if all(found.fine for _, found in findings):
            return "to sixty digits"
        return f"in double precision: {self._lab.not_fine}"

    def _counterexample(self, form: str) -> tuple[str, dict[str, Any]]:
        s, finding = self.evidence[form].of("disagree")[0]
        names = argument_names(self.f, len(s.xs))
        inputs = dict(zip(names, s.xs, strict=True)) | {f"d{n}": v for n, v in zip(names, s.vs, strict=True)}
        if self._lab.claim.kind == "vjp":
            inputs["w"] = s.w
        statement, entry, found, expected = self._entry(form, s, finding)
        place = f" at {list(entry)}" if entry else ""
        words = f"{statement} {found:.10g}{place}, where {expected:.10g} is right"
        if f"{found:.10g}" == f"{expected:.10g}":
            words += f"; they differ by {abs(found - expected):.1g}"
        how = self._how([(s, finding)]) if form != TANGENCY else ""
        return words + (f"\n{how}" if how else ""), {
            "inputs": {name: value.tolist() for name, value in inputs.items()},
            "entry": list(entry) if entry else None,
            "expected": expected,
            "found": found if np.isfinite(found) else None,
        }

    def _entry(self, form: str, s: Setting, finding: Finding) -> tuple[str, tuple[int, ...], float, float]:
        """A sentence's beginning, the worst entry, and the numbers there."""
        claim = self._lab.claim
        size = sum(x.size for x in s.xs)
        if form != TANGENCY and not claim.is_forward and size <= MOST_ENTRIES_SHOWN and np.isfinite(finding.error):
            return self._worst_entry(s, finding)
        place = finding.entry
        found, expected = (float(np.asarray(side, dtype=float)[place]) for side in _sides(finding))
        if form == TANGENCY:
            i, index, _ = next(islice(coordinates(s.xs), place[0], None))
            part = f" in argument {i + 1}" if len(s.xs) > 1 else ""
            return f"the {claim.words} leaves the tangent space: it gives{part}", index, found, expected
        statements = {"gradient": "⟨∇f, dx⟩ is", "vjp": "⟨df(x, w), dx⟩ is", "jacobian": "J vec(dx) gives"}
        if claim.kind in ("gradient", "vjp"):
            place = ()
        return statements.get(claim.kind, f"the {claim.words} gives"), place, found, expected

    def _worst_entry(self, s: Setting, finding: Finding) -> tuple[str, tuple[int, ...], float, float]:
        """The entry of a gradient, vjp or Jacobian that is furthest from the slope along its coordinate."""
        claim = self._lab.claim
        best: tuple[float, int, tuple[int, ...], float, float] | None = None
        for i, index, unit in coordinates(s.xs):
            expected = np.ravel(self._lab.slope_along(s, self.directions.projected(s.xs, unit), finding.fine))
            if claim.kind == "jacobian":
                column = int(np.ravel_multi_index(index, s.xs[i].shape, order="F")) if index else 0
                found = s.claimed[i].reshape(expected.size, -1)[:, column]
                row = int(np.argmax(np.abs(found - expected)))
                place: tuple[int, ...] = (row, column)
            else:
                found, row, place = np.ravel(s.claimed[i].reshape(s.xs[i].shape)[index]), 0, index
            apart = float(abs(found[row] - expected[row]))
            if best is None or apart > best[0]:
                best = apart, i, place, float(found[row]), float(expected[row])
        assert best is not None
        _, i, place, given, right = best
        part = f" in argument {i + 1}" if len(s.xs) > 1 else ""
        return f"the {claim.words}{part} gives", place, given, right


def _sides(finding: Finding) -> tuple[Any, Any]:
    return finding.comparison.found, finding.comparison.expected
