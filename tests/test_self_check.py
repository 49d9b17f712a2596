"""The self-check: rules, entrywise functions and definitions are verified, planted mistakes refuted."""

from dataclasses import replace

import pytest

from matcalc.applications import apply
from matcalc.check_outcomes import table
from matcalc.expressions import Expression
from matcalc.function_table import FUNCTIONS
from matcalc.kernel_checks import KernelSubject, kernel_subjects
from matcalc.leaves import variable
from matcalc.mutants import mutants, subtle_mutants
from matcalc.reading import parse
from matcalc.reports import Report
from matcalc.rule_book import ADJOINT, DIFFERENTIAL, Book, perturbation_of
from matcalc.self_check import Subject, check_book, check_rule, check_subject, subjects
from matcalc.verification import verify_equal

SEED = 20_230_101


@pytest.mark.parametrize("subject", [pytest.param(s, id=f"{s.place}-{s.kind}-{s.name}") for s in subjects()])
def test_a_statement_holds_and_mistakes_in_it_do_not(subject: Subject | KernelSubject) -> None:
    outcome = check_subject(subject, SEED)
    assert outcome.report.passed, str(outcome.report)
    assert outcome.missed == ()


def test_the_check_of_the_book_goes_through_all_subjects() -> None:
    outcomes = check_book(seed=SEED)
    assert [next(outcomes).name for _ in range(2)] == [s.name for s in subjects()[:2]]


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        # a sign; right for symmetric A only; right where det A = 1; a shape; a factor
        (DIFFERENTIAL, "inverse", lambda rule: -rule.right),
        (DIFFERENTIAL, "logdet", lambda rule: parse("tr(inv(A)'*D)", "A: matrix(n,n), D: matrix(n,n)")),
        (DIFFERENTIAL, "det", lambda rule: rule.right * parse("det(A)", "A: matrix(n,n)")),
        (DIFFERENTIAL, "transpose", lambda rule: rule.right.T),
        (ADJOINT, "transpose", lambda rule: rule.right.T),
        (ADJOINT, "trace", lambda rule: 2 * rule.right),
    ],
)
def test_a_wrong_rule_is_refuted(kind: str, name: str, wrong: object) -> None:
    rule = Book.get().one(kind, name)
    assert check_rule(rule).passed
    assert check_rule(replace(rule, right=wrong(rule))).verdict == "refuted"  # type: ignore[operator]


def test_a_rule_that_forgets_an_argument_is_refuted() -> None:
    U, V = variable("U", "m", "n"), variable("V", "p", "q")
    half = replace(
        Book.get().one(DIFFERENTIAL, "kronecker"),
        left=apply("kron", U, V),
        right=apply("kron", perturbation_of(U), V),
        parameters={"U": U, "V": V},
    )
    report = check_rule(half)
    assert report.verdict == "refuted"
    assert report.reason == "no rule says how the value changes with V"


def test_mutants_are_of_the_same_shape_and_differ() -> None:
    f = parse("x'*(A + A')*inv(B)*y + 3", "A: matrix(n,n), B: matrix(n,n), x: vector(n), y: vector(n)")
    found = [m for _, m in mutants(f)]
    assert len(found) == len(set(found)) > 10
    assert f not in found
    assert all(m.shape == f.shape for m in found)


def test_a_mistake_that_changes_nothing_is_not_counted() -> None:
    Q, A = variable("Q", "n", "n", "orthogonal", "symmetric"), variable("A", "n", "n")

    def check(formula: Expression, seed: int) -> Report:
        return verify_equal(formula, Q @ A, seed=seed)

    assert verify_equal(Q.T @ A, Q @ A).passed
    assert check_subject(Subject("product", "here", "identity", Q @ A, check), SEED).passed


def test_several_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    few = subjects()[:4]
    monkeypatch.setattr("matcalc.self_check.subjects", lambda: few)
    outcomes = [list(check_book(seed=SEED, jobs=jobs)) for jobs in (1, 2)]
    assert outcomes[0] == outcomes[1]
    assert [o.name for o in outcomes[0]] == [s.name for s in few]


def test_the_table_counts_by_kind() -> None:
    outcomes = [check_subject(s, SEED) for s in subjects()[:3]]
    lines = list(table(outcomes))
    assert lines[-1].split() == ["all", "3", "3", "3", str(sum(o.planted for o in outcomes)), "0"]
    assert all(len(line) == len(lines[0]) for line in lines)


def test_a_wrong_kernel_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A determinant that is wrong by one part in a million, as no rule would show that uses it on both sides."""
    (det,) = [s for s in kernel_subjects() if s.name == "det"]
    assert det.report(SEED).passed
    row = FUNCTIONS["det"]
    monkeypatch.setitem(FUNCTIONS, "det", replace(row, kernel=lambda A: (1 + 1e-6) * row.kernel(A)))  # type: ignore[misc]
    report = det.report(SEED)
    assert report.verdict == "refuted"
    assert report.reason == "det differs from its value to sixty digits"


@pytest.mark.parametrize(
    ("formula", "mistakes"),
    [
        (
            "A*x",
            [
                "off by 1e-7 in a coefficient",
                "right where a variable adds up to 0",
                "right for symmetric matrices only",
            ],
        ),
        ("A'", ["right on the diagonal only", "right off the diagonal only", "right for sizes up to 2 only"]),
    ],
)
def test_subtle_mistakes_are_nearly_right_and_refused(formula: str, mistakes: list[str]) -> None:
    f = parse(formula, "A: matrix(n,n), x: vector(n)")
    planted = dict(subtle_mutants(f))
    assert set(mistakes) <= set(planted)
    for wrong in planted.values():
        assert verify_equal(wrong, f, seed=SEED).verdict == "refuted"
