"""The rule book: every rule verified, mistakes refused, and rules of one's own."""

from pathlib import Path

import pytest

import matcalc as mc
from matcalc.function_table import FUNCTIONS
from matcalc.rule_book import ADJOINT, DIFFERENTIAL, Book, Rule
from matcalc.self_check import check_rule

SEED = 20261120


@pytest.mark.parametrize("rule", list(Book.get()), ids=lambda r: f"{r.place}-{r.name}".replace("/", ":"))
def test_the_rule_holds_on_random_data(rule: Rule) -> None:
    assert check_rule(rule, seed=SEED).passed


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_a_derivative(name: str) -> None:
    row = FUNCTIONS[name]
    assert row.is_defined or row.is_entrywise or Book.get().about(DIFFERENTIAL, name)


def test_every_linear_function_has_an_adjoint() -> None:
    linear = [r.head for r in Book.get() if r.statement.startswith("linear ")]
    assert linear
    assert all(Book.get().about(ADJOINT, head) for head in linear)


def test_no_rule_is_written_backwards() -> None:
    """Adjoints are given for linear primitives only: none of their functions has a differential of its own."""
    heads = {r.head for r in Book.get() if r.kind == ADJOINT and r.head in FUNCTIONS}
    in_last_argument = {"sylvester", *(name for name in heads if FUNCTIONS[name].analytic)}
    adjoints = heads - in_last_argument
    nonlinear = {r.head for r in Book.get() if r.kind == DIFFERENTIAL and "d(A)" in r.statement and r.conditions}
    assert not adjoints & nonlinear


def test_nothing_of_a_bad_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "half.rules"
    good = "gelu-like: definition gelulike(X) = X.*sigmoid(2*X)\n    for X: matrix(m,n)\n"
    bad = "bad: sinh(X) = cosh(X)\n    for X: matrix(m,n)\n"
    file.write_text(good + bad, encoding="utf-8")
    before = len(mc.rules())
    with pytest.raises(mc.RuleError, match="bad is wrong") as caught:
        mc.load_rules(file)
    assert caught.value.line == 3
    assert len(mc.rules()) == before
    assert "gelulike" not in FUNCTIONS


def test_a_wrong_differential_is_refused_before_anything_else(tmp_path: Path) -> None:
    file = tmp_path / "wrong.rules"
    file.write_text("wrong: d(inv(A)) = inv(A)*d(A)*inv(A)\n    for A: matrix(n,n)\n", encoding="utf-8")
    with pytest.raises(mc.RuleError, match="refuted"):
        mc.load_rules(file)
