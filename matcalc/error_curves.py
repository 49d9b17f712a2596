"""The error of finite differences against their step: what a derivative that is right looks like, and a wrong one.

The quotients (f(x + h dx) - f(x))/h and (f(x + h dx) - f(x - h dx))/(2h) are compared with the value that a formula
for the derivative gives, for h = 1, 1/2, 1/4, … in double precision. MIT Matrix Calculus, §6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from secrets import randbits
from time import monotonic
from typing import Any, Literal, TypeAlias

import numpy as np

from matcalc.agreements import Sides
from matcalc.claims import Reading, claim_text, names_defined, readings_of
from matcalc.computations import Computer, State
from matcalc.declarations import Where
from matcalc.derivative_tests import TESTS, Case, Claim, vec
from matcalc.derivatives import Derivative
from matcalc.differences import EPSILON, magnitude
from matcalc.differentiation import Formula, Names, differentiate
from matcalc.error_branches import Branch, Floats, Quotients
from matcalc.errors import MatcalcError, ShapeError
from matcalc.evaluation import TimeIsUp
from matcalc.expressions import Variable
from matcalc.log_plots import Plot, Series
from matcalc.points import Point, PointSource
from matcalc.sampling import NoPoint, Sampler
from matcalc.verdicts import forms_of
from matcalc.writing import text

HALVINGS = 50
SEED_BITS, TIME_LIMIT = 32, 10.0
# At so many points a claim is tried; in the order of a PointSource every third point is of order one.
POINTS, POINTS_WITH_KINKS, TRIALS_BETWEEN = 3, 24, 3
SMALL_SCALE = 1 / 64
# A value so small beside the numbers that cancel in it is zero.
ZERO = 100 * EPSILON
# An error as small as this somewhere says that the quotients tend to the formula; rounding may hide it.
SMALL_ERROR = 1e-3

Outcome: TypeAlias = Literal["falls", "plateau", "hidden"]
"""Whether the error falls with the step, stays at a plateau, or rounding hides which."""


@dataclass(frozen=True)
class Scheme:
    """One kind of difference: an error for each step, None where f has no value, and the branches found in them.

    A branch is None where there is none: central differences of a quadratic function have no truncation.
    """

    errors: tuple[float | None, ...]
    truncation: Branch | None
    rounding: Branch | None
    plateau: float | None
    best_step: float | None
    best_error: float | None

    @property
    def truncation_slope(self) -> float | None:
        """The slope where truncation dominates, 1 or 2 as a rule."""
        return None if self.truncation is None else self.truncation.slope

    @property
    def rounding_slope(self) -> float | None:
        """The slope where rounding dominates, about -1."""
        return None if self.rounding is None else self.rounding.slope

    def to_json(self) -> dict[str, Any]:
        """The scheme as a dictionary of plain values."""
        names = ("truncation_slope", "rounding_slope", "plateau", "best_step", "best_error")
        return {"errors": list(self.errors)} | {name: getattr(self, name) for name in names}

    def words(self) -> str:
        """The slopes and the best step: "slopes 1.00 (truncation), -1.01 (rounding); best h = 1.5e-08"."""
        first, then = ("n/a" if s is None else f"{s:.2f}" for s in (self.truncation_slope, self.rounding_slope))
        best = "n/a" if self.best_step is None or self.plateau is not None else f"{self.best_step:.1e}"
        return f"slopes {first} (truncation), {then} (rounding); best h = {best}"

    def falls(self) -> bool:
        """Whether errors become small, and not one of them by chance."""
        small = [e is not None and e <= SMALL_ERROR for e in self.errors]
        return any(a and b for a, b in pairwise(small))


@dataclass(frozen=True)
class ErrorCurve:
    """Relative errors of forward and central differences for falling steps, at one random point.

    ``str(curve)`` is the picture on log–log axes. `form` names the formula that is taken for right, `outcome` says
    whether the differences tend to it, `plateau` the error at which they stay if not. The errors are absolute ones
    where the derivative is 0.

    >>> curve = error_curve("A^2", "A", seed=1)
    >>> round(curve.forward.truncation_slope, 2), curve.central.truncation_slope
    (1.0, None)
    """

    function: str
    form: str
    formula: str
    steps: tuple[float, ...]
    forward: Scheme
    central: Scheme
    seed: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    relative: bool = True

    @property
    def plateau(self) -> float | None:
        """The error that does not fall; None where it does."""
        return self.central.plateau

    @property
    def outcome(self) -> Outcome:
        """Whether the error falls with the step."""
        if self.plateau is not None:
            return "plateau"
        return "falls" if self.forward.falls() or self.central.falls() else "hidden"

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<errors of differences of {self.function} against its {self.form}: {self.outcome}>"

    def text(self, style: str = "unicode") -> str:
        """The picture in letters, "unicode" or "ascii", 78 columns wide."""
        return self._plot().text(style)

    def save(self, path: str | Path) -> None:
        """Write the picture to a file that ends in .svg or .png.

        Raises MatcalcError for other files, where matplotlib is missing, and where the file cannot be written.
        """
        self._plot().save(path)

    def to_json(self) -> dict[str, Any]:
        """The curve as a dictionary of plain values, for JSON."""
        return {
            "function": self.function,
            "form": self.form,
            "formula": self.formula,
            "outcome": self.outcome,
            "plateau": self.plateau,
            "relative": self.relative,
            "steps": list(self.steps),
            "forward": self.forward.to_json(),
            "central": self.central.to_json(),
            "seed": self.seed,
            "sizes": dict(self.sizes),
            "assumptions": list(self.assumptions),
        }

    def _plot(self) -> Plot:
        series = (self._series("forward", self.forward), self._series("central", self.central))
        where = ", ".join([*(f"{name} = {n}" for name, n in sorted(self.sizes.items())), f"seed {self.seed}"])
        notes = (*self._conclusion(), f"at one random point: {', '.join([where, *self.assumptions])}")
        title = f"f = {self.function}, {self.form}: {self.formula}"
        error = "relative error" if self.relative else "absolute error"
        return Plot(title, series, "step h", error, notes, span=self.steps)

    def _series(self, name: str, scheme: Scheme) -> Series:
        points = tuple((h, e) for h, e in zip(self.steps, scheme.errors, strict=True) if e)
        branches = [b for b in (scheme.truncation, scheme.rounding) if b is not None]
        lines = tuple(((b.smallest, b.error(b.smallest)), (b.largest, b.error(b.largest))) for b in branches)
        return Series(f"{name}: {scheme.words()}", points, lines)

    def _conclusion(self) -> tuple[str, ...]:
        if self.plateau is not None:
            return (f"plateau at {self.plateau:.1g}, the error does not fall: the differences tend elsewhere",)
        if self.outcome == "hidden":
            return ("rounding hides whether the error falls with h",)
        if not any((*self.forward.errors, *self.central.errors)):
            return (f"there is no error: the differences are equal to the {self.form}",)
        return (f"the error falls: the differences tend to the {self.form}",)


def error_curve(
    f: Formula, wrt: Names, claim: str | None = None, *, where: Where = None, seed: int | None = None
) -> ErrorCurve:
    """The error of finite differences of f beside its derivative, or beside a claim about it, as ``verify`` takes it.

    The point and the direction are random, and the same for the same seed, which is fresh unless given. A claim is
    tried at a few points (more where there are kinks), and shown at the first where the error does not fall. Of
    what a claim may mean, that is shown which the differences tend to.

    Raises ShapeError for a claim that has not the shape of a derivative, NoPoint where f or the claim is defined
    nowhere, and what ``parse`` raises for a text that does not read.

    >>> error_curve("A^2", "A", "A*dA + dA*A", seed=1).outcome
    'falls'
    >>> wrong = error_curve("A^2", "A", "2*A*dA", seed=1)
    >>> wrong.outcome, wrong.plateau > 0.1
    ('plateau', True)
    """
    claim = None if claim is None else claim_text(claim)
    D = differentiate(f, wrt, where, avoiding=() if claim is None else names_defined(claim))
    seed = randbits(SEED_BITS) if seed is None else seed
    if claim is None:
        return next(_curves(D, forms_of(D, ("differential",))["differential"], "differential", seed))
    readings = readings_of(D, claim)
    readings = [reading for reading in readings if not reading.transposed] or readings
    found = [_most_telling(_curves(D, reading.claim, _name(reading), seed)) for reading in readings]
    return next((curve for curve in found if curve.outcome == "falls"), found[0])


def _name(reading: Reading) -> str:
    """What a claim is said to be: "claimed Jacobian"."""
    name = reading.claim.kind.replace("_", " ").replace("jacobian", "Jacobian").replace("hessian", "Hessian")
    return f"transpose of the claimed {name}" if reading.transposed else f"claimed {name}"


def _most_telling(curves: Iterator[ErrorCurve]) -> ErrorCurve:
    """The first curve with a plateau, since a wrong claim may be right at some points; else the first one."""
    first = next(curves)
    return next((curve for curve in (first, *curves) if curve.outcome == "plateau"), first)


# ---- at a point --------------------------------------------------------------------------------------------


@dataclass
class Tracer(State):
    """A point that remembers the curve along which a test asks for a slope."""

    path: Callable[[Any], Any] | None = field(init=False, default=None)

    def curve(self, *arguments: Any) -> Callable[[Any], Any]:
        """The curve of an expression that is asked for."""
        self.path = super().curve(*arguments)
        return self.path


def _curves(D: Derivative, claim: Claim, form: str, seed: int) -> Iterator[ErrorCurve]:
    """The errors at random points, one after the other."""
    linear = claim.expression if claim.kind == "differential" else D.differential
    bilinear = D.second_differential if claim.kind == "third_differential" else None
    directions = (D.perturbations, D.second_perturbations, D.third_perturbations)
    first, second, third = directions
    case = Case(D.expression, D.variables, first, second, linear, third, bilinear)
    test = next(iter(TESTS[claim.kind](case, form, claim)))
    moving = {names[v].name: v for v in D.variables for names in directions[: 2 if bilinear is None else 3]}
    roots = [case.f, linear, claim.expression, *([] if bilinear is None else [bilinear])]
    computer = Computer(tuple(dict.fromkeys(roots)), moving)
    names = (text(D.expression), form, text(claim.expression))
    deadline = monotonic() + TIME_LIMIT
    for point, source in _points(computer, D.variables, seed):
        with np.errstate(all="ignore"):
            tracer = Tracer(computer, source.variables, point, precise=False, deadline=deadline)
            try:
                forward, central, relative = _schemes(tracer, test.sides(tracer), form)
            except TimeIsUp:
                raise MatcalcError(f"the error curve takes more than {TIME_LIMIT:.0f} seconds") from None
        steps = tuple(_steps().tolist())
        yield ErrorCurve(*names, steps, forward, central, seed, point.sizes, point.assumptions, relative)


def _points(computer: Computer, variables: Sequence[Variable], seed: int) -> Iterator[tuple[Point, PointSource]]:
    """Random points of order one, or small ones where there are no others."""
    sampler, evaluator = Sampler(seed), computer.evaluator(computer.roots)
    others = [v for v in (*variables, *evaluator.inputs) if v.name not in computer.perturbations]
    source = PointSource(sampler, evaluator, computer.perturbations, others)
    try:
        with np.errstate(all="ignore"):
            point = source.draw()
    except NoPoint:
        source = PointSource(sampler, evaluator, computer.perturbations, others, scale=SMALL_SCALE)
        with np.errstate(all="ignore"):
            point = source.draw()
    yield point, source
    for trial in range(1, POINTS_WITH_KINKS if source.kinks else POINTS):
        with np.errstate(all="ignore"):
            point = source.draw(trial * TRIALS_BETWEEN)
        yield point, source


def _steps() -> Floats:
    """1, 1/2, 1/4, …"""
    return np.ldexp(1.0, -np.arange(HALVINGS + 1))


def _schemes(tracer: Tracer, sides: Sides, form: str) -> tuple[Scheme, Scheme, bool]:
    """Forward and central differences beside the formula's value, and whether their errors are relative."""
    path, right = tracer.path, sides.found
    assert path is not None
    here, found = (np.atleast_2d(value) for value in (sides.expected.value, right))
    if here.shape != found.shape:
        (m, n), (p, q) = here.shape, found.shape
        raise ShapeError(f"the {form} must be {m}×{n}, but the formula is {p}×{q}")
    start, right = vec(path(0.0)), vec(right)
    largest = tracer.largest_cancelling
    scale = magnitude(right)
    if scale <= ZERO * largest:
        reference = magnitude(sides.expected.value)
        scale = reference if reference > max(sides.expected.error, ZERO * largest) else 0.0
    values = [(vec(path(h)), vec(path(-h))) for h in _steps()]
    forward = _scheme([(a, start) for a, _ in values], _steps(), right, scale or 1.0, largest)
    central = _scheme(values, 2 * _steps(), right, scale or 1.0, largest)
    return forward, central, scale > 0


def _scheme(pairs: Sequence[tuple[Any, Any]], widths: Floats, right: Any, scale: float, largest: float) -> Scheme:
    """The errors of quotients whose numerators are the differences of pairs of values."""
    quotients = [(a - b) / width for (a, b), width in zip(pairs, widths, strict=True)]
    errors = np.array([magnitude(q - right) for q in quotients]) / scale
    changes = np.array([np.nan, *(magnitude(q - p) for p, q in pairwise(quotients))]) / scale
    size = np.array([max(magnitude(a), magnitude(b), largest) for a, b in pairs])
    evidence = Quotients(_steps(), errors, changes, EPSILON * size / widths / scale)
    plateau = evidence.plateau()
    truncation, rounding = evidence.branches(plateau)
    finite = np.isfinite(errors)
    best = int(np.argmin(np.where(finite, errors, np.inf))) if finite.any() else None
    return Scheme(
        tuple(float(e) if ok else None for e, ok in zip(errors, finite, strict=True)),
        truncation,
        rounding,
        plateau,
        None if best is None else float(_steps()[best]),
        None if best is None else float(errors[best]),
    )
