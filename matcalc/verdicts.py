"""Verdicts on derivatives as printed: every form is written out, read back, and checked on random data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from matcalc.claims import WORDS, claim_of, claim_text, names_defined, readings_of, refuse_functions
from matcalc.declarations import ANALYTIC, Where, declarations, unused
from matcalc.derivative_tests import Claim
from matcalc.derivatives import Derivative
from matcalc.differentiation import Formula, Names, differentiate
from matcalc.errors import MatcalcError, ShapeError
from matcalc.explanations import Question, case_of_equality, explanation, same
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.inner_products import Weights
from matcalc.parts import NO_PARTS, Program
from matcalc.reading import read
from matcalc.reports import Report
from matcalc.verification import verify_equal, verify_forms
from matcalc.writing import Naming, declarations_of, naming_of, text

MULTILINEAR = ("differential", "second_differential", "third_differential")
FORMS = (*MULTILINEAR, "gradient", "jacobian", "hessian", "hessian_operator")


def as_printed(
    e: Expression, variables: Iterable[Variable] = (), program: Program = NO_PARTS, naming: Naming | None = None
) -> Expression:
    """The expression that the printed text of e reads back to, the parts of a program under their names."""
    needed = program.needed([e])
    roots = [e, *(p.definition for p in needed)]
    known = [v for v in (*variables, *variables_of(*roots)) if v.name not in program.names]
    return read(text(e, program, naming), declarations_of(known, roots), limits=False).expression


def forms_of(D: Derivative, asked: Iterable[str]) -> dict[str, Claim]:
    """The claims that the printed forms of a derivative make."""
    program = D.named.printed
    by_name = {v.name: v for v in D.variables}
    found: dict[str, tuple[str, Expression, list[Variable]]] = {}
    for form in asked:
        blocks = getattr(D.named, form)
        if not isinstance(blocks, dict):
            found[form] = form, blocks, [] if form in MULTILINEAR else list(D.variables[:1])
            continue
        for key, e in blocks.items():
            names = (key,) if isinstance(key, str) else key
            found[f"{form} in {' and '.join(names)}"] = form, e, [by_name[name] for name in names]
    naming = naming_of(program, [e for _, e, _ in found.values()])
    claims: dict[str, Claim] = {}
    for label, (form, e, variables) in found.items():
        shown = as_printed(e, D.known_variables, program, naming)
        claims[label] = claim_of(D, form, shown, *variables) if variables else Claim(form, shown)  # type: ignore[arg-type]
    return claims


def default_forms(D: Derivative) -> tuple[str, ...]:
    """The forms that are asked for when none is named: the differential, and the gradient of a scalar."""
    return ("differential", "gradient") if D.expression.is_scalar else ("differential", "jacobian")


def verify_derivative(
    D: Derivative, forms: Iterable[str] | None = None, *, trials: int | None = None, seed: int | None = None
) -> Report:
    """Check the printed forms of a derivative on random data."""
    claims = forms_of(D, default_forms(D) if forms is None else forms)
    return _verify(D, claims, trials, seed)


def _verify(D: Derivative, claims: Mapping[str, Claim], trials: int | None, seed: int | None) -> Report:
    options: dict[str, Any] = {} if trials is None else {"trials": trials}
    return verify_forms(
        D.expression,
        D.variables,
        claims,
        perturbations=D.perturbations,
        second_perturbations=D.second_perturbations,
        third_perturbations=D.third_perturbations,
        seed=seed,
        **options,
    )


def verify(
    f: Formula,
    wrt: Names,
    claim: str | Expression | None = None,
    *,
    where: Where = None,
    trials: int | None = None,
    seed: int | None = None,
    layout: str = "numerator",
    inner: Weights | None = None,
    free: bool = False,
) -> Report:
    """Is the derivative right, or is your hand derivation?  A claim is a differential (it contains dx), a
    gradient (it has the shape of x), a Jacobian or a Hessian; with ``layout="denominator"`` a Jacobian's
    transpose, with ``inner="W"`` a gradient for ⟨u, v⟩ = u′Wv, with ``free=True`` forms on the free entries.
    A refuted claim is explained where something simple is wrong with it.

    Raises ShapeError for a claim of no such shape, and what ``parse`` raises for one that does not read.

    >>> verify("x'*A*x", "x", claim="2*A*x", where="A: matrix(n,n), x: vector(n)", seed=1).verdict
    'refuted'
    >>> verify("x'*A*x", "x", claim="(A + A')*x", where="A: matrix(n,n), x: vector(n)", seed=1).verdict
    'verified'
    """
    refuse_functions(f, wrt)
    claimed = None if claim is None else claim_text(claim)
    avoiding = names_defined(claim) if isinstance(claim, str) else ()
    D = differentiate(f, wrt, where, inner=inner, free=free, avoiding=avoiding)
    if claimed is None:
        report = verify_derivative(D, trials=trials, seed=seed)
    else:
        report = _of_claim(D, claimed, trials, seed, layout)
    return replace(report, declarations=declarations_of(D.known_variables, [D.expression]), notes=D.notes)


def _of_claim(D: Derivative, claim: str, trials: int | None, seed: int | None, layout: str) -> Report:
    """The report on the likeliest reading of a claim that is right, or else on the likeliest."""
    reports = []
    for reading in readings_of(D, claim):
        right_way = reading.transposed == (layout == "denominator" and reading.claim.kind == "jacobian")
        report = verify_claim(D, reading.claim, trials, seed)
        if report.passed and not right_way:
            report = replace(report, verdict="refuted", diagnosis=_of_layout(reading.claim.kind, layout))
        if report.passed:
            return report
        reports.append(report)
    return reports[0]


def verify_claim(D: Derivative, claim: Claim, trials: int | None = None, seed: int | None = None) -> Report:
    """Check a claim, and say what is wrong with one that is refuted."""
    name = f"claimed {WORDS[claim.kind]}"
    report = _verify(D, {name: claim}, trials, seed)
    if report.passed:
        return replace(report, diagnosis=f"the claim is the {WORDS[claim.kind]}")
    if report.verdict != "refuted" or report.seed is None:
        return report
    diagnosis = _diagnosis(D, claim, report.seed)
    if claim.kind == "hessian_operator":
        read_as = f"read as a Hessian operator, by its shape: a differential of {text(D.expression)} is 1×1"
        diagnosis = "\n".join(filter(None, (diagnosis, read_as)))
    return replace(report, diagnosis=diagnosis)


def _diagnosis(D: Derivative, claim: Claim, seed: int) -> str:
    """What is wrong with a refuted claim, where something simple is."""
    try:
        right = getattr(D, claim.kind)
    except MatcalcError:
        return ""
    x = claim.variable or D.variables[0]
    if isinstance(right, dict):
        right = right.get(x.name) or right.get((x.name, (claim.other or x).name))
    if D.inner is not None and claim.kind == "gradient" and same(claim.expression, D.gradients[x], seed):
        return f"the claim is the gradient for the plain inner product; for {D.inner} it is {text(right)}"
    return explanation(Question(claim.expression, right, claim.kind, x), seed) if right is not None else ""


def _of_layout(kind: str, layout: str) -> str:
    """What is said of a claim that is right once it is transposed."""
    if kind != "jacobian":
        return f"the claim is the transpose of the {WORDS[kind]}"
    other = "numerator" if layout == "denominator" else "denominator"
    return f"the claim is the transpose of the Jacobian: it is right in the {other} layout"


def equal(
    e1: Formula,
    e2: Formula,
    *,
    where: Where = None,
    trials: int | None = None,
    seed: int | None = None,
) -> Report:
    """Are two expressions the same function?  Decided on random data.

    >>> equal("inv(A*B)", "inv(B)*inv(A)", where="A, B: matrix(n,n)").verdict
    'verified'
    """
    notes: tuple[str, ...] = ()
    first, second = e1, e2
    if isinstance(e1, str) and isinstance(e2, str):
        first, second, notes = _read_both(e1, e2, where)
    else:
        first, second = (read(e, where).expression if isinstance(e, str) else e for e in (e1, e2))
    if not isinstance(first, Expression) or not isinstance(second, Expression):
        raise ShapeError("equal compares two texts or two expressions", hint="use from_sympy first")
    options: dict[str, Any] = {} if trials is None else {"trials": trials}
    report = verify_equal(first, second, seed=seed, **options)
    if report.verdict == "refuted" and report.seed is not None and first.shape == second.shape:
        report = replace(report, diagnosis=case_of_equality(first, second, report.seed))
    known = dict.fromkeys(variables_of(first, second))
    return replace(report, declarations=declarations_of(known, [first, second]), notes=notes)


def _others(where: Where, variables: Iterable[Variable]) -> list[str]:
    """The declarations of functions, and of sizes that no variable shows."""
    names, sizes = declarations(where)
    shown = {str(s) for v in variables for d in v.shape for s in d.free_symbols}
    functions = [f"{name}: {ANALYTIC}" for name, d in names.items() if ANALYTIC in d.properties]
    return [*(f"{s}: size" for s in sorted(sizes - shown)), *functions]


def _read_both(e1: str, e2: str, where: Where) -> tuple[Expression, Expression, tuple[str, ...]]:
    """Two texts with the sizes that both of them together need, and notes; they may still differ in shape."""
    try:
        together = read(f"({e1}) - ({e2})", where)
    except MatcalcError:
        readings = read(e1, where), read(e2, where)
        others = unused(where, {v.name for r in readings for v in r.variables})
        return readings[0].expression, readings[1].expression, (*readings[0].notes, *readings[1].notes, *others)
    declared = ", ".join(filter(None, (declarations_of(together.variables, []), *_others(where, together.variables))))
    notes = (*together.notes, *unused(where, {v.name for v in together.variables}))
    return read(e1, declared).expression, read(e2, declared).expression, notes
