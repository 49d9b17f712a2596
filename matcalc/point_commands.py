"""``matcalc taylor`` and ``matcalc classify``: the model of a function at a point, and what kind of point it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from matcalc.answers import Answer
from matcalc.commands import (
    FORMATS,
    STATUS,
    check_options,
    load_files,
    main,
    names_in,
    only_variables,
    reports_errors,
    rules_option,
    where_option,
    with_options,
)
from matcalc.differentiation import differentiate
from matcalc.errors import MatcalcError
from matcalc.folds import print_report, print_rows
from matcalc.formulas import FormulaCommand
from matcalc.notations import name
from matcalc.stationary_points import TOLERANCE, classify, words_of
from matcalc.taylor_polynomials import InOrder, TaylorPolynomial
from matcalc.writing import text, writer

POINT_FORMATS = ("text", "json", "latex")
at_option = click.option("--at", "at", multiple=True, metavar="NUMBERS", help="Such as 'x = [1, 2]; A = [1 2; 3 4]'.")
formula_options = with_options(
    click.argument("expression"),
    click.argument("variables", nargs=-1),
    where_option,
    at_option,
    click.option("--no-verify", is_flag=True, help="Skip the check."),
    check_options,
    rules_option,
)


def _asked_for(expression: str, variables: tuple[str, ...], where: str | None) -> tuple[str, tuple[str, ...]]:
    """The expression and the variables that are named, or else all of it."""
    formula, _, names = expression.partition(" wrt ")
    found = names_in(names) or names_in(",".join(variables))
    return formula, found or only_variables(formula, where)


@main.command("taylor", cls=FormulaCommand)
@formula_options
@click.option("--order", type=click.IntRange(1, 3), default=2, help="Default: 2, the quadratic model.")
@click.option("--format", "style", type=click.Choice(FORMATS), help="Default: unicode on a terminal, else ascii.")
@reports_errors
def taylor_command(
    expression: str,
    variables: tuple[str, ...],
    where: str | None,
    at: tuple[str, ...],
    order: int,
    style: str | None,
    no_verify: bool,
    trials: int | None,
    seed: int | None,
    rule_files: tuple[str, ...],
) -> int:
    """The Taylor polynomial of EXPRESSION in the perturbations of VARIABLES, and the order of its remainder."""
    load_files(rule_files)
    formula, names = _asked_for(expression, variables, where)
    polynomial = TaylorPolynomial(differentiate(formula, names, where), order)
    report = None if no_verify else polynomial.verify(trials=trials, seed=seed)
    style = style or ("unicode" if sys.stdout.isatty() else "ascii")
    if style == "json":
        document = Answer(polynomial.derivative, ()).document()
        del document["layout"], document["forms"]
        document |= {
            "order": order,
            "conditions": list(polynomial.conditions),
            "terms": [text(t) for t in polynomial.terms],
            "taylor": {"text": str(polynomial), "unicode": polynomial.unicode(), "latex": polynomial.latex()},
            "at": {"numbers": "; ".join(at), "text": str(polynomial.at("; ".join(at)))} if at else None,
            "report": report.to_json() if report else None,
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        rows = _taylor_rows(polynomial, style, "; ".join(at))
        sign = {"unicode": "≈", "ascii": "~", "latex": r"\approx"}[style]
        print_rows(rows, {_moved(polynomial, style): sign}, style)
        if report is not None:
            click.echo()
            print_report(report)
    return STATUS[report.verdict] if report else 0


def _taylor_rows(polynomial: TaylorPolynomial, style: str, at: str) -> list[tuple[str, str]]:
    """The lines about a polynomial: the question, the polynomial, with numbers, and its conditions."""
    writers: dict[str, Callable[[InOrder], str]] = {
        "unicode": lambda p: p.unicode(),
        "ascii": str,
        "latex": lambda p: p.latex(),
    }
    asked = list(Answer(polynomial.derivative, ()).lines(style))
    rows = [row for row in asked if row[0] != "for"]
    rows.append((_moved(polynomial, style), writers[style](polynomial)))
    if at:
        rows += [("at", at), ("", writers[style](polynomial.at(at)))]
    conditions = polynomial.conditions
    return rows + ([("for", ", ".join(conditions))] if conditions else [])


def _moved(polynomial: TaylorPolynomial, style: str) -> str:
    """f(x + dx)."""
    write = writer(style)
    sums = [[write(name(v.name)) for v in pair] for pair in polynomial.derivative.perturbations.items()]
    return f"f({', '.join(' + '.join(pair) for pair in sums)})"


@main.command("classify", cls=FormulaCommand)
@formula_options
@click.option("--tolerance", type=click.FloatRange(0), default=TOLERANCE, help="Of the gradient, relative.")
@click.option("--format", "style", type=click.Choice(POINT_FORMATS), default="text")
@reports_errors
def classify_command(
    expression: str,
    variables: tuple[str, ...],
    where: str | None,
    at: tuple[str, ...],
    tolerance: float,
    style: str,
    no_verify: bool,
    trials: int | None,
    seed: int | None,
    rule_files: tuple[str, ...],
) -> int:
    """Is a point a minimum, a maximum or a saddle of EXPRESSION in VARIABLES?  --at gives numbers for all variables."""
    load_files(rule_files)
    formula, names = _asked_for(expression, variables, where)
    if not at:
        raise MatcalcError("a point is needed: numbers for all variables", hint='--at "x = [1, 2]; A = [1 2; 3 4]"')
    options: dict[str, Any] = {"tolerance": tolerance, "check": not no_verify, "trials": trials, "seed": seed}
    point = classify(formula, names, "; ".join(at), where, **options)
    if style == "json":
        click.echo(json.dumps(point.to_json(), ensure_ascii=False))
    elif style == "latex":
        click.echo(point.latex())
    else:
        question = [row for row in Answer(differentiate(formula, names, where), ()).lines("ascii") if row[0] != "for"]
        print_rows([*question, ("at", words_of(point)), *point.lines()])
        if point.report is not None:
            click.echo()
            print_report(point.report)
    return STATUS[point.report.verdict] if point.report else 0
