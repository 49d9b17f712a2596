"""How far a verdict can be trusted: false alarms, missed mistakes, and the bound on the chance of error.

    python benchmarks/trust.py alarms 20000    right derivatives, sizes 1 to 8, scales 1e-6 to 1e6: any refuted?
    python benchmarks/trust.py power 20000     wrong ones: how many are verified?
    python benchmarks/trust.py bound 20000     wrong ones modulo small primes: do more pass than the bound allows?
    python benchmarks/trust.py speed           the time of a check, and of a point modulo a prime

Right derivatives are the printed answers for the cases of the public corpus and the course. Wrong ones are planted
in them and in the rule book: signs, factors, terms, transposes, exponents, orders, and subtle ones (see
`matcalc.mutants`). A planted mistake that leaves the same function, such as a transpose of a symmetric matrix, is
none: it is set aside before the count if sixty digits and exact arithmetic find it equal to what is right.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import matcalc as mc
from matcalc.computations import Computer
from matcalc.derivative_tests import TESTS, Case, Claim
from matcalc.exact_tier import ExactTier, examine
from matcalc.expressions import variables_of
from matcalc.mutants import mutants, subtle_mutants
from matcalc.points import PointSource
from matcalc.sampling import Domain, Sampler
from matcalc.self_check import Subject, subjects
from matcalc.verdicts import default_forms, forms_of
from matcalc.verification import verify_equal, verify_forms

DATA = Path(__file__).parent.parent / "tests" / "data"
SMALL_PRIMES = (103, 1019)
JOBS = 2


def derivatives() -> list[tuple[str, Any]]:
    """The derivative of every case of the corpus and the course that the calculator answers."""
    cases = json.loads((DATA / "corpus" / "public.json").read_text(encoding="utf-8"))
    cases += json.loads((DATA / "course.json").read_text(encoding="utf-8"))
    found = []
    for case in cases:
        wrt = case["wrt"] if isinstance(case["wrt"], str) else tuple(case["wrt"])
        try:
            D = mc.differentiate(case["expr"], wrt, case["where"])
            claims = forms_of(D, default_forms(D))
        except mc.MatcalcError:
            continue
        found.append((case["id"], (D, claims)))
    return found


def check(D: Any, claims: Any, seed: int, domain: Domain, **options: Any) -> Any:
    """The report on some claims about a derivative."""
    return verify_forms(
        D.expression,
        D.variables,
        claims,
        perturbations=D.perturbations,
        second_perturbations=D.second_perturbations,
        seed=seed,
        domain=domain,
        explain=False,
        **options,
    )


# ---- false alarms ------------------------------------------------------------------------------------------


def alarms(job: int, checks: int) -> tuple[Counter[str], list[str]]:
    """Verdicts on right derivatives at sizes from 1 to 8 and scales from 1e-6 to 1e6."""
    rng = random.Random(job)
    cases = derivatives()
    counts: Counter[str] = Counter()
    refuted = []
    for _ in range(checks):
        name, (D, claims) = rng.choice(cases)
        seed = rng.getrandbits(32)
        report = check(D, claims, seed, Domain(scale=10.0 ** rng.uniform(-6, 6), sizes=(1, 8)))
        counts[f"{report.verdict} ({report.method})"] += 1
        if report.verdict == "refuted":
            refuted.append(f"{name}, seed {seed}: {report}")
    return counts, refuted


# ---- power -------------------------------------------------------------------------------------------------


def planted() -> list[tuple[str, str, Any]]:
    """Every mistake planted in the rule book, the corpus and the course: where, what, and its check by seed."""
    found: list[tuple[str, str, Any]] = []
    for subject in (s for s in subjects() if isinstance(s, Subject)):
        for mistake, mutant in (*mutants(subject.formula), *subtle_mutants(subject.formula)):
            if not subject.is_same(mutant, 1):  # in a symmetric perturbation only symmetric parts are seen
                found.append((subject.name, mistake, _of_subject(subject, mutant)))
    for name, (D, claims) in derivatives():
        for form, claim in claims.items():
            for mistake, mutant in (*mutants(claim.expression), *subtle_mutants(claim.expression)):
                wrong = replace(claim, expression=mutant)
                if not verify_equal(mutant, claim.expression, seed=1, explain=False).passed:
                    found.append((name, mistake, _of_claim(D, form, wrong)))
    return found


def _of_subject(subject: Any, mutant: Any) -> Any:
    return lambda seed: subject.check(mutant, seed)


def _of_claim(D: Any, form: str, wrong: Claim) -> Any:
    return lambda seed: check(D, {form: wrong}, seed, Domain(), adjoint=False)


def power(job: int, checks: int) -> tuple[Counter[str], list[str]]:
    """Verdicts on wrong formulas, each with a fresh seed; the list names those that passed."""
    rng = random.Random(job)
    mistakes = planted()
    kinds = Counter(mistake for _, mistake, _ in mistakes)
    counts: Counter[str] = Counter({f"planted: {kind}": n for kind, n in kinds.items()} if job == 0 else {})
    passed = []
    order = list(range(len(mistakes)))
    rng.shuffle(order)
    for i in range(checks):
        name, mistake, run = mistakes[order[(i * JOBS + job) % len(order)]]
        seed = rng.getrandbits(32)
        report = run(seed)
        counts[f"{report.verdict} ({report.method})"] += 1
        if report.verdict == "inconclusive":
            counts[f"inconclusive: {mistake}"] += 1
        if report.verdict == "verified":
            passed.append(f"{name}: {mistake}, seed {seed}: {report}")
    return counts, passed


# ---- the bound ---------------------------------------------------------------------------------------------


def wrong_tiers() -> Iterator[tuple[Any, ...]]:
    """Rational formulas with a mistake: the tests and what they are about."""
    for _, (D, claims) in derivatives():
        f = D.expression
        for name, claim in claims.items():
            if claim.kind not in ("differential", "gradient"):
                continue
            for _, mutant in mutants(claim.expression):
                wrong = replace(claim, expression=mutant)
                case = Case(f, D.variables, D.perturbations, D.second_perturbations, mutant)
                moving = {D.perturbations[v].name: v for v in D.variables}
                tests = list(TESTS[claim.kind](case, name, wrong))[:1]
                yield tests, (f, mutant), moving, [*D.variables, *variables_of(f, mutant)]


def bound(job: int, checks: int) -> tuple[Counter[str], list[str]]:
    """How many wrong rational formulas pass one point modulo a small prime, and how many the bound allows."""
    rng = random.Random(job)
    wrong = []
    for tests, roots, moving, variables in wrong_tiers():
        computer = Computer(tuple(dict.fromkeys(roots)), moving)
        free = [v for v in variables if v.name not in moving]
        try:
            source = PointSource(Sampler(1), computer.evaluator(computer.roots), moving, free)
            finding = examine(tests, computer, source, 1, monotonic() + 5)
        except mc.MatcalcError:
            continue
        if finding.refutes:
            wrong.append((tests, computer, source))
    counts: Counter[str] = Counter({"wrong rational formulas": len(wrong)} if job == 0 else {})
    allowed: dict[int, float] = dict.fromkeys(SMALL_PRIMES, 0.0)
    for _ in range(checks):
        tests, computer, source = rng.choice(wrong)
        large = ExactTier(tests, computer, source, rng.getrandbits(32), monotonic() + 5).at_one_point()
        if large.agreed is not False:
            counts["right at the sizes that were drawn"] += 1
            continue
        for p in SMALL_PRIMES:
            tier = ExactTier(tests, computer, source, rng.getrandbits(32), monotonic() + 5, p)
            finding = tier.at_one_point(large.sizes[0])
            if finding.agreed is None:
                continue
            counts[f"p = {p}: points"] += 1
            counts[f"p = {p}: passed"] += bool(finding.agreed)
            allowed[p] += finding.bound or 0.0
    for p, total in allowed.items():
        counts[f"p = {p}: allowed by the bound"] += int(total)
    return counts, []


# ---- speed -------------------------------------------------------------------------------------------------


def speed() -> None:
    """Medians over the corpus and the course: a whole check in process, and a point modulo a prime."""
    whole, point = [], []
    for _, (D, claims) in derivatives():
        for seed in range(3):
            begin = time.perf_counter()
            report = check(D, claims, seed, Domain())
            whole.append(1e3 * (time.perf_counter() - begin))
            assert report.verdict != "refuted", report
        begin = time.perf_counter()
        finding = examine(*_exact_parts(D, claims), 1, monotonic() + 5)
        if finding.sizes:
            point.append(1e3 * (time.perf_counter() - begin) / len(finding.sizes))
    for what, times in (("a check, all tiers", whole), ("a point modulo a prime", point)):
        p90 = sorted(times)[9 * len(times) // 10]
        print(f"{what}: median {statistics.median(times):.2f} ms, 90 % {p90:.2f} ms, most {max(times):.1f} ms")


def _exact_parts(D: Any, claims: Any) -> tuple[Any, ...]:
    differential = next(c.expression for c in claims.values() if c.kind == "differential")
    case = Case(D.expression, D.variables, D.perturbations, D.second_perturbations, differential)
    tests = [test for name, claim in claims.items() for test in TESTS[claim.kind](case, name, claim)]
    roots = (D.expression, *(claim.expression for claim in claims.values()))
    moving = {D.perturbations[v].name: v for v in D.variables}
    computer = Computer(tuple(dict.fromkeys(roots)), moving)
    free = [v for v in (*D.variables, *variables_of(*roots)) if v.name not in moving]
    return tests, computer, PointSource(Sampler(1), computer.evaluator(computer.roots), moving, free)


EXPERIMENTS = {"alarms": alarms, "power": power, "bound": bound}


def main() -> int:
    """Run one experiment and print what it counted; status 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "speed"])
    parser.add_argument("checks", type=int, nargs="?", default=20_000)
    arguments = parser.parse_args()
    if arguments.experiment == "speed":
        speed()
        return 0
    run = EXPERIMENTS[arguments.experiment]
    begin = time.monotonic()
    share = [arguments.checks // JOBS + (job < arguments.checks % JOBS) for job in range(JOBS)]
    counts: Counter[str] = Counter()
    listed: list[str] = []
    with ProcessPoolExecutor(JOBS) as pool:
        for found, names in pool.map(run, range(JOBS), share):
            counts += found
            listed += names
    for what, number in sorted(counts.items()):
        print(f"{number:8,}  {what}")
    print(f"{time.monotonic() - begin:8.0f}  seconds")
    for line in listed:
        print(line)
    broken = any(counts[f"p = {p}: passed"] > counts[f"p = {p}: allowed by the bound"] for p in SMALL_PRIMES)
    return 1 if listed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
