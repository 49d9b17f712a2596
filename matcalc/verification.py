"""Checks of derivatives, as printed, against values of the function; and of expressions for equality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from secrets import randbits
from time import monotonic
from typing import Any

import numpy as np

from matcalc.agreements import Sides
from matcalc.computations import Computer
from matcalc.counterexamples import smallest_counterexample
from matcalc.derivative_tests import (
    COTANGENT,
    MOST_ENTRIES_SHOWN,
    TESTS,
    Case,
    Claim,
    Names,
    adjoint_test,
    adjoints_of,
    differential_tests,
    second_differential_tests,
)
from matcalc.differences import Slope
from matcalc.differentials import differential_of
from matcalc.errors import ShapeError
from matcalc.exact_tier import examine
from matcalc.expressions import ONE, Expression, Variable, variables_of
from matcalc.findings import Finding
from matcalc.free_entries import count
from matcalc.judgements import Jury, Test, counterexample_of
from matcalc.leaves import variable
from matcalc.points import PointSource
from matcalc.reports import Check, Report
from matcalc.sampling import DECLARED, Domain, Sampler

TRIALS = 3
TIME_LIMIT = 10.0
SEED_BITS = 32
SMALL_SCALE = 1 / 64
SECOND_ORDER = frozenset({"hessian", "hessian_operator", "second_differential", "third_differential"})


def verify_forms(
    f: Expression,
    variables: Sequence[Variable],
    forms: Mapping[str, Claim],
    *,
    perturbations: Names | None = None,
    second_perturbations: Names | None = None,
    third_perturbations: Names | None = None,
    trials: int = TRIALS,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
    domain: Domain = DECLARED,
    adjoint: bool = True,
    explain: bool = True,
) -> Report:
    """Check formulas for derivatives of f with respect to variables; ``forms`` gives each claim its name.

    ``perturbations`` says which variables of the claims stand for dx, ``second_perturbations`` for dx′; by
    default they are named dx and dx_, and dx__ the third. The seed is fresh unless given, and always in the
    report. With a differential comes the adjoint test of the engine's pullback against it, unless ``adjoint``
    is False.

    >>> from matcalc.reading import parse
    >>> where = "A: matrix(n,n), dA: matrix(n,n)"
    >>> f, claim = parse("A^2", where), parse("2*A*dA", where)
    >>> A = next(variables_of(f))
    >>> verify_forms(f, [A], {"differential": Claim("differential", claim)}, seed=1).verdict
    'refuted'
    """
    first = _perturbations(f, variables, perturbations, "")
    second = _perturbations(f, variables, second_perturbations, "_")
    third = _perturbations(f, variables, third_perturbations, "__")
    misshapen = [_shape_check(f, name, claim) for name, claim in forms.items()]
    refuted = tuple(check for check in misshapen if check is not None)
    if refuted:
        return Report("refuted", seed=seed, reason=refuted[0].reason, checks=refuted)
    linear = _differential(f, first, forms)
    bilinear = _bilinear(linear, second, forms)
    case = Case(f, tuple(variables), first, second, linear, third, bilinear)
    tests = [test for name, claim in forms.items() for test in TESTS[claim.kind](case, name, claim)]
    roots = [f, linear, *([bilinear] if bilinear is not None else [])]
    roots += [e for claim in forms.values() for e in claim.expressions]
    others = list(variables)
    kinds = {claim.kind for claim in forms.values()}
    if "differential" in kinds and adjoint:
        adjoints = adjoints_of(case)
        roots += adjoints.values()
        others.append(case.cotangent)
        tests += [adjoint_test(case, adjoints)] if adjoints else []
    if bilinear is not None and "second_differential" not in kinds:
        tests += second_differential_tests(case, "second differential", Claim("second_differential", bilinear))
    if "differential" not in kinds and kinds & SECOND_ORDER:
        tests += differential_tests(case, "differential", Claim("differential", case.linear))
    directions = (first, second) if bilinear is None else (first, second, third)
    moving = {names[v].name: v for v in variables for names in directions}
    known = [f] if "differential" in kinds else [f, case.linear]
    return verify_tests(
        tests,
        roots,
        known,
        others,
        moving=moving,
        trials=trials,
        seed=seed,
        time_limit=time_limit,
        domain=domain,
        explain=explain,
    )


def verify_equal(
    e1: Expression,
    e2: Expression,
    *,
    trials: int = TRIALS,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
    domain: Domain = DECLARED,
    explain: bool = True,
) -> Report:
    """Check whether two expressions are the same function of their variables.

    Raises ShapeError where one name stands for different things in the two.

    >>> from matcalc.reading import parse
    >>> where = "A: matrix(n,n), B: matrix(n,n)"
    >>> verify_equal(parse("tr(A*B)", where), parse("tr(A)*tr(B)", where), seed=1).verdict
    'refuted'
    """
    by_name: dict[str, Variable] = {}
    for v in variables_of(e1, e2):
        known = by_name.setdefault(v.name, v)
        if known.shape != v.shape:
            shapes = f"{known.rows}×{known.columns} in one and {v.rows}×{v.columns} in the other"
            raise ShapeError(f"{v.name} is {shapes}", hint="declare it")
    if e1.shape != e2.shape:
        words = f"the shapes differ: {e1.rows}×{e1.columns} and {e2.rows}×{e2.columns}"
        return Report("refuted", seed=seed, reason=words, checks=(Check("shape", "refuted", None, words),))
    test = Test(
        "equality",
        lambda state: Sides(state.value(e1), Slope(state.value(e2), 0.0)),
        statement="the first gives",
        contrast="the second {}",
    )
    options = {"trials": trials, "seed": seed, "time_limit": time_limit, "domain": domain, "explain": explain}
    return verify_tests([test], [e1, e2], [e2], **options)  # type: ignore[arg-type]


def verify_tests(
    tests: Sequence[Test],
    roots: Sequence[Expression],
    known: Sequence[Expression],
    others: Iterable[Variable] = (),
    *,
    moving: Mapping[str, Variable] | None = None,
    trials: int = TRIALS,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
    domain: Domain = DECLARED,
    explain: bool = True,
) -> Report:
    """Make tests that use the values of the roots, at points where all roots are defined.

    Where that is inconclusive the points are those where the ``known`` roots are defined, since the others
    are wrong there; and then small ones, where functions are not saturated. ``others`` are variables that
    need values besides those in the roots, ``moving`` maps the names of perturbations to what they perturb.
    """
    moving = moving or {}
    sampler = Sampler(randbits(SEED_BITS) if seed is None else seed)
    computer = Computer(tuple(dict.fromkeys(roots)), moving)
    free = [v for v in (*others, *computer.evaluator(computer.roots).inputs) if v.name not in moving]
    deadline = monotonic() + time_limit
    exact: Finding | None = None
    for defined, scale in ((computer.roots, 1.0), (tuple(known), 1.0), (computer.roots, SMALL_SCALE)):
        source = PointSource(sampler, computer.evaluator(defined), moving, free, domain, scale)
        if exact is None:
            exact = examine(tests, computer, source, sampler.seed, deadline)
            if exact.refutes:
                return _refuted_exactly(tests, computer, source, exact, explain)
        jury = Jury(tests, computer, source, trials, deadline, exact)
        report = jury.hear()
        decided = report.verdict != "inconclusive" or (jury.has_objection and not jury.stopped)
        if decided or monotonic() > deadline:
            break
    return _with_small_counterexample(report, tests, computer, source) if explain else report


def _refuted_exactly(
    tests: Sequence[Test], computer: Computer, source: PointSource, exact: Finding, explain: bool
) -> Report:
    """The report where rational functions differ modulo a prime, which they then do at nearly all points."""
    checks = tuple(
        Check(t.form, "refuted", reason="it differs in exact arithmetic") for t in tests if t.form in exact.objections
    )
    report = Report(
        "refuted",
        "exact",
        seed=source.sampler.seed,
        reason=f"the {checks[0].form} differs from what is right in exact arithmetic",
        checks=checks,
        exact_sizes=exact.sizes,
    )
    return _with_small_counterexample(report, tests, computer, source) if explain else report


def _with_small_counterexample(
    report: Report, tests: Sequence[Test], computer: Computer, source: PointSource
) -> Report:
    """A refutation with the smallest counterexample in place of a random one, where one is found."""
    wrong = {check.form for check in report.checks if check.verdict == "refuted"}
    test = next((test for test in tests if test.form in wrong), None)
    found = None if test is None else smallest_counterexample(test, computer, source)
    if test is None or found is None:
        return report
    words, counterexample = counterexample_of(test, found.point, found.sides)
    shown = (*(v.name for v in source.variables if v.name != COTANGENT), *test.directions)
    values = ", ".join(f"{name} = {numbers_in_words(found.point.values[name])}" for name in shown)
    reason = f"at {values}: {words}" if values else words
    return replace(report, reason=reason, counterexample=counterexample)


def numbers_in_words(value: Any) -> str:
    """A number or an array as it is typed: "2", "[1; 0]", "[1 2; 3 4]".

    >>> numbers_in_words([[1.0, 2.0], [0.5, -1.0]])
    '[1 2; 0.5 -1]'
    """
    if np.size(value) > MOST_ENTRIES_SHOWN:
        return f"({'×'.join(map(str, np.shape(value)))} numbers)"
    rows = [" ".join(f"{x:.6g}" for x in row) for row in np.atleast_2d(value)]
    return rows[0] if np.ndim(value) == 0 else f"[{'; '.join(rows)}]"


# ---- claims ------------------------------------------------------------------------------------------------


def _differential(f: Expression, first: Names, forms: Mapping[str, Claim]) -> Expression:
    """The differential: as claimed, else the engine's."""
    claimed = [claim.expression for claim in forms.values() if claim.kind == "differential"]
    needed = any(claim.kind in SECOND_ORDER for claim in forms.values())
    return claimed[0] if claimed else differential_of(f, dict(first)) if needed else f


def _bilinear(linear: Expression, second: Names, forms: Mapping[str, Claim]) -> Expression | None:
    """The second differential, where a third one is checked: as claimed, else the engine's."""
    if not any(claim.kind == "third_differential" for claim in forms.values()):
        return None
    claimed = [claim.expression for claim in forms.values() if claim.kind == "second_differential"]
    return claimed[0] if claimed else differential_of(linear, dict(second))


def _perturbations(
    f: Expression, variables: Sequence[Variable], given: Names | None, mark: str
) -> dict[Variable, Variable]:
    """The perturbation of each variable: as given, else named d + its name."""
    taken = {v.name for v in variables_of(f)}
    found = {}
    for v in variables:
        name = f"d{v.name}{mark}"
        while name in taken:
            name += "_"
        found[v] = given[v] if given is not None and v in given else variable(name, *v.shape)
    return found


def _size(v: Expression, claim: Claim | None = None) -> Any:
    return count(v) if claim and claim.free and isinstance(v, Variable) else v.rows * v.columns


def _shape_check(f: Expression, name: str, claim: Claim) -> Check | None:
    """A refutation where the claim does not have the shape of such a derivative."""
    x = claim.variable or f
    wanted = {
        "differential": f.shape,
        "second_differential": f.shape,
        "third_differential": f.shape,
        "gradient": (_size(x, claim), ONE) if claim.free else x.shape,
        "hessian_operator": x.shape,
        "jacobian": (_size(f), _size(x, claim)),
        "hessian": (_size(x, claim), _size(claim.other or x, claim)),
    }[claim.kind]
    found = claim.expression.shape
    if all(a == b or (a - b).expand() == 0 for a, b in zip(wanted, found, strict=True)):
        return None
    words = f"the {name} must be {wanted[0]}×{wanted[1]}, but the formula is {found[0]}×{found[1]}"
    return Check("shape", "refuted", None, words)
