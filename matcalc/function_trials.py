"""One trial of a claim about a NumPy function: one point, one direction, to sixty digits if both run so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from matcalc.differences import EPSILON, Slope, magnitude, slope
from matcalc.errors import MatcalcError
from matcalc.function_agreements import (
    SAME,
    SAME_NEARBY,
    Finding,
    compared,
    fine_finding,
    float_finding,
)
from matcalc.function_directions import Directions
from matcalc.function_kinds import Claim, Comparison
from matcalc.function_slopes import fine_slope_and_kink, persists, steady_slope
from matcalc.given_functions import GivenFunction, Point, Undecided, in_words
from matcalc.operations import Array
from matcalc.precise_numbers import TooLong, allowance, decimals, operations_left, precise_array

OPERATIONS = 4_000_000
JITTERS, JITTER = 3, 4 * EPSILON
NEARBY = 0.01
MOST_LETTERS = 72
MOST_SUSPICIOUS = 10
SHRINKINGS = (Decimal(1), Decimal("1e-10"))
TWO_CLAIMS = "df has different values in double precision and to sixty digits"
KINK = "f has a kink or a jump at the point"


class NotFine(Exception):
    """Why something cannot be computed to sixty digits."""


@dataclass(frozen=True)
class Setting:
    """A point, its number, a direction and a cotangent, with the values of f and df there."""

    trial: int
    xs: Point
    vs: Point
    w: Array
    value: Array
    claimed: Point


@dataclass
class Laboratory:
    """A function and a claim about it, and what is left of the operations with sixty digits."""

    f: GivenFunction
    claim: Claim
    directions: Directions
    operations: int = OPERATIONS
    not_fine: str = ""

    def finding(self, s: Setting) -> Finding:
        """Whether the claim agrees with the slope of f; sixty digits decide where they can be had."""
        with np.errstate(all="ignore"):
            try:
                return self._within_allowance(lambda: self._fine_finding(s))
            except NotFine as error:
                self.not_fine = str(error)
            finding = self._float_finding(s)
            if finding.agreement == "disagree" and self._rounds_badly(s, finding):
                return replace(finding, agreement="unknown", error=np.nan, reason=TWO_CLAIMS)
            return finding

    def tangency(self, s: Setting) -> Finding:
        """Whether a gradient lies in the tangent space: what sticks out of it is invisible along tangents."""
        flat, projected = (
            np.concatenate([g.ravel() for g in gs]) for gs in (s.claimed, self.directions.projected(s.xs, s.claimed))
        )
        noise = self._noise(s, lambda values: np.concatenate([g.ravel() for g in values]))
        comparison = compared(flat, projected, 0.0)
        finding = float_finding(comparison, noise)
        # a gradient that is made of rounding points anywhere
        unresolved = finding.agreement == "unknown" and magnitude(flat - projected) <= 10 * noise
        return replace(finding, agreement="zero", error=0.0) if unresolved else finding

    def slope_along(self, s: Setting, vs: Point, fine: bool) -> Any:
        """The slope of f along other directions, as floats, for a counterexample."""
        with np.errstate(all="ignore"):
            if fine:
                try:
                    found, _ = self._within_allowance(lambda: self._fine_slope(replace(s, vs=vs)))
                    return _floats(found.value)
                except NotFine:
                    pass
            return _floats(steady_slope(self._curve(replace(s, vs=vs))).slope.value)

    def order(self, s: Setting) -> float | None:
        """The order at which differences in double precision converged."""
        with np.errstate(all="ignore"):
            return slope(self._curve(s)).order

    # ---- sixty digits

    def _within_allowance(self, computation: Callable[[], Any]) -> Any:
        with allowance(self.operations):
            try:
                return computation()
            except TooLong:
                raise NotFine("sixty digits would take too long") from None
            finally:
                self.operations = operations_left()

    def _fine_finding(self, s: Setting) -> Finding:
        reference, kinked = self._fine_slope(s)
        value = self._fine_view(s, Decimal(0))
        found = self.claim.found(s.claimed, s.vs)
        if not self._same_value(s, value, reference):
            words = "f has different values in double precision and to sixty digits"
            return Finding("unknown", compared(found, found, 0.0), np.nan, words, fine=True)
        if kinked:
            return Finding("unknown", compared(found, found, 0.0), np.nan, KINK, fine=True)
        scale = self.claim.scale(s.claimed, s.vs, reference.value, s.w)
        try:
            fine_found = self._fine_found(s)
        except NotFine as error:
            self.not_fine = str(error)
            return self._mixed_finding(s, compared(found, _floats(reference.value), scale), reference)
        comparison = compared(fine_found, reference.value, scale)
        with np.errstate(all="ignore"):
            drift = np.abs(_floats(fine_found) - found)
        near = drift <= SAME * comparison.sizes
        view = self.claim.view(s.value, s.w)
        finding = fine_finding(comparison, reference, near, magnitude(view))
        if finding.agreement == "agree" and not self._same_claim(s, drift, comparison.sizes):
            return replace(finding, agreement="unknown", error=np.nan, reason=TWO_CLAIMS)
        return finding

    def _mixed_finding(self, s: Setting, whole: Comparison, reference: Slope) -> Finding:
        """What df in double precision shows beside a slope to sixty digits, in all and in suspicious entries."""

        def of(place: Any) -> Finding:
            part = Comparison(*(np.asarray(side[place]) for side in (whole.found, whole.expected, whole.sizes)))
            noise = self._noise(s, lambda values: self.claim.found(values, s.vs)[place])
            return float_finding(part, float(reference.error) + noise)

        finding = of(...)
        entries = [of(place) for place in finding.suspicious[:MOST_SUSPICIOUS]] if finding.agreement == "agree" else []
        worst = next((entry for entry in entries if entry.agreement == "disagree"), None)
        return replace(finding, agreement="disagree", error=worst.error) if worst else finding

    def _fine_slope(self, s: Setting) -> tuple[Slope, bool]:
        """The slope, and whether there is a kink; along a shorter direction if f ends close to the point."""
        for shrinking in SHRINKINGS:
            found, kinked = fine_slope_and_kink(lambda t, c=shrinking: self._fine_view(s, t * c))  # type: ignore[misc]
            if np.isfinite(found.error):
                break
        return Slope(found.value / shrinking, found.error / float(shrinking)), kinked

    def _fine_view(self, s: Setting, t: Decimal) -> Any:
        point = [precise_array(x) + t * precise_array(v) for x, v in zip(s.xs, s.vs, strict=True)]
        value = _precisely(self.f, point)
        if value.shape != s.value.shape:
            raise NotFine("f returns another shape for numbers of sixty digits")
        return self.claim.view(value, decimals(s.w))

    def _fine_found(self, s: Setting) -> Any:
        arguments = [precise_array(a) for a in self.claim.arguments(s.xs, s.vs, s.w)]
        values = _precisely(self.claim.df, arguments, self.claim.parts)
        parts = values if self.claim.parts else (values,)
        if self.claim.shape_mistake(parts):
            raise NotFine("df returns another shape for numbers of sixty digits")
        return self.claim.found(parts, [decimals(v) for v in s.vs])

    def _same_value(self, s: Setting, fine: Any, reference: Slope) -> bool:
        """Whether f is the same in both precisions, beside its value and what a move to another point changes."""
        view = _floats(fine)
        size = magnitude(view) + magnitude(_floats(reference.value))
        drift = magnitude(view - self.claim.view(s.value, s.w))
        return not (np.isfinite(size) and drift > SAME * size)

    def _same_claim(self, s: Setting, drift: Array, sizes: Array) -> bool:
        """Whether df is the same in both precisions; near a stationary point, beside its values nearby."""
        if magnitude(drift) <= SAME * magnitude(sizes):
            return True
        nearby = tuple(np.asarray(x + NEARBY * v) for x, v in zip(s.xs, s.vs, strict=True))
        try:
            values = self.claim.df.values(self.claim.arguments(nearby, s.vs, s.w), self.claim.parts)
        except (MatcalcError, Undecided):
            return False
        return bool(magnitude(drift) <= SAME_NEARBY * magnitude(self.claim.found(values, s.vs)))

    # ---- double precision

    def _float_finding(self, s: Setting) -> Finding:
        known: dict[float, Any] = {}
        curve = self._curve(s)

        def remembered(t: float) -> Any:
            if t not in known:
                known[t] = curve(t)
            return known[t]

        finding = self._float_finding_of(s, remembered, ...)
        if finding.agreement == "agree":
            # an entry that is small beside the others is looked at by itself
            for place in finding.suspicious[:MOST_SUSPICIOUS]:
                of_entry = self._float_finding_of(s, lambda t, i=place: remembered(t)[i], place)  # type: ignore[misc]
                if of_entry.agreement == "disagree":
                    return replace(finding, agreement="disagree", error=of_entry.error)
        return finding

    def _float_finding_of(self, s: Setting, curve: Callable[[float], Any], place: Any) -> Finding:
        """What double precision shows of one entry, or of all."""
        steady = steady_slope(curve)
        found = self.claim.found(s.claimed, s.vs)[place]
        expected = np.asarray(steady.slope.value) + np.zeros(np.shape(found))
        scale = self.claim.scale(s.claimed, s.vs, expected, s.w)[place]
        comparison = compared(found, expected, scale)
        if steady.kinked:
            return Finding("unknown", comparison, np.nan, KINK)
        noise = self._noise(s, lambda values: self.claim.found(values, s.vs)[place])
        finding = float_finding(comparison, steady.slope.error + noise, steady.slope.order)
        if finding.agreement == "disagree" and not np.any(expected):
            # log(1 + x) does not change where x is below 1e-16
            words = "rounding hides the answer: f does not change in double precision"
            return replace(finding, agreement="unknown", error=np.nan, reason=words)
        if finding.agreement == "disagree" and np.isfinite(finding.error) and not persists(curve, steady, found):
            words = "rounding hides the answer: small steps do not bear out what larger ones show"
            return replace(finding, agreement="unknown", reason=words)
        return finding

    def _rounds_badly(self, s: Setting, finding: Finding) -> bool:
        """Whether df alone runs to sixty digits, and has another value there than what disagrees."""
        try:
            fine = _floats(self._within_allowance(lambda: self._fine_found(s)))
        except NotFine:
            return False
        drift = magnitude(fine - self.claim.found(s.claimed, s.vs))
        return bool(drift > SAME * magnitude(finding.comparison.sizes))

    def _curve(self, s: Setting) -> Callable[[float], Any]:
        undefined = np.full(np.shape(self.claim.view(s.value, s.w)), np.nan)

        def curve(t: float) -> Any:
            point = tuple(np.asarray(x + t * v) for x, v in zip(s.xs, s.vs, strict=True))
            try:
                value = self.f.values(point)[0]
            except (MatcalcError, Undecided):
                return undefined
            return self.claim.view(value, s.w) if value.shape == s.value.shape else undefined

        return curve

    def _noise(self, s: Setting, of: Callable[[Point], Any]) -> float:
        """How much something made of df's values changes with the last digits of the point."""
        middle, worst = of(s.claimed), 0.0
        for k in range(JITTERS):
            point = self.directions.rounded(k, s.xs, JITTER)
            try:
                values = self.claim.df.values(self.claim.arguments(point, s.vs, s.w), self.claim.parts)
            except (MatcalcError, Undecided):
                continue
            with np.errstate(all="ignore"):
                change = magnitude(of(values) - middle)
            worst = max(worst, change) if np.isfinite(change) else worst
        return worst


def _precisely(function: GivenFunction, arguments: list[Any], parts: int | None = None) -> Any:
    """What a function returns for numbers of sixty digits; raises NotFine where it does not take them."""
    try:
        result = function.function(*arguments)
        if parts is None:
            return decimals(result)
        return tuple(decimals(part) for part in result)
    except TooLong:
        raise
    except Exception as error:
        raise NotFine(f"{function.name} does not run to sixty digits ({_shortened(in_words(error))})") from error


def _floats(values: Any) -> Array:
    return np.asarray(values, dtype=float)


def _shortened(words: str) -> str:
    return words if len(words) <= MOST_LETTERS else words[: MOST_LETTERS - 1] + "…"
