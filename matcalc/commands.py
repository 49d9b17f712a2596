"""The command line: ``matcalc diff``, ``verify``, ``equal`` and ``rules``.

Exit status: 0 verified or nothing to verify, 1 refuted, 2 bad input, 3 inconclusive.
"""

from __future__ import annotations

import gc

gc.disable()  # while SymPy and NumPy are imported: the collector would look at all they make and find nothing

import json
import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from secrets import randbits
from typing import Any

import click

from matcalc.answers import Answer
from matcalc.claims import refuse_without_variable
from matcalc.derivatives import Derivative
from matcalc.differentiation import differentiate
from matcalc.errors import MatcalcError, UnknownName
from matcalc.folds import fit, fit_formula, print_error, print_report, print_rows, print_steps, sides
from matcalc.formulas import FormulaCommand, formulas
from matcalc.reading import read
from matcalc.reports import Report
from matcalc.rule_lines import about_rule, all_rules
from matcalc.verdicts import default_forms, equal, verify, verify_derivative

gc.freeze()  # what was imported stays for good and need not be looked at again
gc.enable()

REFUTED, BAD_INPUT, INCONCLUSIVE = 1, 2, 3
MOST_JOBS = 8
STATUS = {"verified": 0, "refuted": REFUTED, "inconclusive": INCONCLUSIVE}
SECOND_ORDER = ("hessian", "hessian-operator", "second-differential", "third-differential")
FORMS = ("differential", "gradient", "jacobian", *SECOND_ORDER, "all")
FORMATS = ("unicode", "ascii", "latex", "json")
GRAPHS = ("text", "dot")
ELSEWHERE = {**dict.fromkeys(("taylor", "classify"), "matcalc.point_commands"), "code": "matcalc.code_commands"}
REPORT_FORMATS = ("text", "json", "latex", "html")


class Commands(click.Group):
    """The group; ``matcalc -`` reads expressions from standard input. Some commands are imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            import_module(ELSEWHERE[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] == "-":
            return "diff", self.commands["diff"], args
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "ignore_unknown_options": True})
@click.version_option(import_module("matcalc").__version__, prog_name="matcalc")
def main() -> None:
    """A symbolic matrix-differential calculator.

    \b
    matcalc diff "x'*A*x" x                   differential, gradient, and a check
    matcalc verify "x'*A*x" x --claim "2*A*x" is your own answer right?
    matcalc equal "inv(A*B)" "inv(B)*inv(A)"  are two expressions the same?
    matcalc code "norm2(A*x-b)^2" x           the function and its gradient in NumPy
    matcalc taylor "logdet(A)" A              the quadratic model
    matcalc classify "x^2 - y^2" x y --at "x = 0, y = 0"
    matcalc rules                             the rule book
    """


def reports_errors(command: Callable[..., int]) -> Callable[..., None]:
    """A command whose errors are one message on standard error, and whose result is the exit status."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            status = command(*args, **options)
        except MatcalcError as error:
            print_error(error)
            status = BAD_INPUT
        sys.exit(status)

    return run


def with_options(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Several options as one decorator."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


where_option = click.option("-w", "--where", metavar="DECLARATIONS", help="Such as 'A: matrix(n,n), x: vector(n)'.")
rules_option = click.option("--rules", "rule_files", multiple=True, type=click.Path(), help="A file of your own rules.")
form_options = with_options(
    click.option(
        *("--inner", "inner"),
        multiple=True,
        metavar="W",
        callback=lambda context, option, value: value or None,
        help="The gradient for ⟨u, v⟩ = u'*W*v; twice for tr(U'*L*V*R).",
    ),
    click.option("--free", is_flag=True, help="On the free entries of structured variables: vech(S)."),
    click.option("--layout", type=click.Choice(["numerator", "denominator"]), default="numerator"),
)
check_options = with_options(
    click.option("--trials", type=click.IntRange(1, 1000), help="How many random points."),
    click.option("--seed", type=click.IntRange(0), help="Repeat a check exactly."),
)


@main.command("diff", cls=FormulaCommand)
@click.argument("expression")
@click.argument("variables", nargs=-1)
@where_option
@click.option("--order", type=click.IntRange(1, 3), default=1, help="2 adds the second derivative, 3 the third.")
@click.option("--form", type=click.Choice(FORMS), multiple=True, help="Only this form; may be repeated.")
@click.option("--format", "style", type=click.Choice(FORMATS), help="Default: unicode on a terminal, else ascii.")
@click.option("--steps", is_flag=True, help="Show the derivation.")
@click.option("--graph", is_flag=False, flag_value="text", type=click.Choice(GRAPHS), help="The computational graph.")
@click.option("--no-verify", is_flag=True, help="Skip the check.")
@form_options
@check_options
@rules_option
@reports_errors
def diff(expression: str, variables: tuple[str, ...], rule_files: tuple[str, ...], **options: Any) -> int:
    """Everything about the derivative of EXPRESSION with respect to VARIABLES.

    EXPRESSION - reads one from each line of standard input; a line may end in "wrt x, y", and lines such as
    r = A*x - b define parts of the expression after them.
    """
    load_files(rule_files)
    if expression != "-":
        text, _, names = expression.partition(" wrt ")
        return _diff_one(text, names_in(names) or names_in(",".join(variables)), **options)
    status = 0
    for formula in formulas(sys.stdin):
        status = max(status, _diff_formula(formula, variables, **options))
    return status


def _diff_formula(formula: str, variables: tuple[str, ...], **options: Any) -> int:
    text, _, names = formula.partition(" wrt ")
    try:
        return _diff_one(text, names_in(names) or names_in(",".join(variables)), **options)
    except MatcalcError as error:
        print_error(error)
        return BAD_INPUT


def names_in(text: str) -> tuple[str, ...]:
    """The names in "x, y"."""
    return tuple(n.strip() for n in text.split(",") if n.strip())


def _diff_one(
    expression: str,
    variables: tuple[str, ...],
    *,
    where: str | None,
    order: int,
    form: tuple[str, ...],
    style: str | None,
    steps: bool,
    graph: str | None,
    no_verify: bool,
    layout: str,
    inner: tuple[str, ...] | None,
    free: bool,
    trials: int | None,
    seed: int | None,
) -> int:
    names = variables or only_variables(expression, where)
    D = differentiate(expression, names, where, inner=inner, free=free)
    if graph == "dot":
        click.echo(D.graph.dot("ascii" if style in (None, "json") else style))
        return 0
    forms = _forms(D, order, form)
    report = None if no_verify else verify_derivative(D, forms, trials=trials, seed=seed)
    answer = Answer(D, forms, report, layout)
    style = style or ("unicode" if sys.stdout.isatty() else "ascii")
    if style == "json":
        document = answer.document()
        if steps:
            document["derivation"] = [step.document() for step in answer.derivation]
        if graph:
            document["graph"] = D.graph.document(answer.naming)
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        _print_answer(answer, style, steps, graph is not None)
    return STATUS[report.verdict] if report else 0


def only_variables(expression: str, where: str | None) -> tuple[str, ...]:
    """All variables of the expression that can be differentiated, when none is named: not the i of x[i]."""
    names = tuple(v.name for v in read(expression, where).variables if "integer" not in v.properties)
    if not names:
        raise UnknownName("there is no variable to differentiate with respect to", text=expression, start=0, end=1)
    return names


def _forms(D: Derivative, order: int, asked: tuple[str, ...]) -> tuple[str, ...]:
    forms = [f.replace("-", "_") for f in asked if f != "all"]
    if not asked:
        forms = list(default_forms(D))
        if not D.expression.is_scalar and D.variables[0].columns != 1:
            forms = ["differential", "jacobian"]
    if "all" in asked:
        forms = ["differential", *(["gradient"] if D.expression.is_scalar else []), "jacobian"]
        forms += ["second_differential", *(["hessian"] if D.expression.is_scalar else [])]
    if order >= 2:
        forms += ["second_differential", *(["hessian"] if D.expression.is_scalar else [])]
    if order == 3:
        forms += ["third_differential"]
    return tuple(dict.fromkeys(forms))


def _print_answer(answer: Answer, style: str, steps: bool, graph: bool) -> None:
    print_rows(list(answer.lines(style)), style=style)
    if steps:
        click.echo()
        print_steps(answer.steps(style), style)
    if graph:
        click.echo()
        for line in answer.derivative.graph.lines(style, answer.naming):
            click.echo(line if style == "latex" else fit_formula(line))
    if answer.report is not None:
        click.echo()
        print_report(answer.report)


def load_files(files: Iterable[str]) -> None:
    """Load files of rules; what verifies them is imported only for that."""
    for file in files:
        import_module("matcalc.user_rules").load_rules(file)


@main.command("verify", cls=FormulaCommand)
@click.argument("expression", required=False)
@click.argument("variables", nargs=-1)
@click.option("--claim", help="Your own answer: a differential, gradient, Jacobian or Hessian.")
@where_option
@check_options
@rules_option
@click.option("--format", "style", type=click.Choice(REPORT_FORMATS), default="text")
@form_options
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes for the check of the rule book.")
@click.option("--plot", is_flag=True, help="Draw the error of finite differences against their step.")
@click.option("--plot-file", type=click.Path(), metavar="FILE", help="Write that plot to a .svg or .png file.")
@reports_errors
def verify_command(
    expression: str | None,
    variables: tuple[str, ...],
    claim: str | None,
    rule_files: tuple[str, ...],
    style: str,
    plot: bool,
    plot_file: str | None,
    jobs: int | None,
    **question: Any,
) -> int:
    """Check one derivative, or your own answer to it; without arguments, every rule of the book.

    A claim in several VARIABLES is a differential, with the perturbation of each.
    """
    load_files(rule_files)
    if expression is None:
        if plot or plot_file:
            raise MatcalcError("--plot needs an expression", hint='matcalc verify "sum(exp(x))" x --plot')
        return _self_check(question["seed"], style, jobs, rule_files)
    where = question["where"]
    names = names_in(",".join(variables)) or only_variables(expression, where)
    if claim is not None and not variables:
        refuse_without_variable(differentiate(expression, names, where), claim)
    report = verify(expression, names, claim, **question)
    if (plot or plot_file) and (question["inner"] or question["free"]):
        raise MatcalcError("--plot is for derivatives without --inner and --free", hint="leave it out")
    curve = _error_curve(expression, names, claim, where, report.seed) if plot or plot_file else None
    _show(report, style, curve if plot else None)
    if curve is not None and plot_file:
        curve.save(plot_file)
    return STATUS[report.verdict]


def _error_curve(
    expression: str, names: tuple[str, ...], claim: str | None, where: str | None, seed: int | None
) -> Any:
    """The error of finite differences against their step; None, and a message, where there is none."""
    try:
        return import_module("matcalc.error_curves").error_curve(expression, names, claim, where=where, seed=seed)
    except MatcalcError as error:
        click.echo(f"no plot: {error}", err=True)
        return None


def _self_check(seed: int | None, style: str, jobs: int | None, rule_files: tuple[str, ...]) -> int:
    """Check every rule, identity, function and kernel, and that planted mistakes are refused."""
    self_check = import_module("matcalc.self_check")
    seed = randbits(32) if seed is None else seed
    count = len(self_check.subjects())
    running = self_check.check_book(seed=seed, jobs=jobs or min(os.cpu_count() or 1, MOST_JOBS), rule_files=rule_files)
    hidden = not sys.stderr.isatty()
    with click.progressbar(running, length=count, label="checking", file=sys.stderr, hidden=hidden) as bar:
        outcomes = list(bar)
    passed = all(o.passed for o in outcomes)
    if style == "json":
        document = {"seed": seed, "passed": passed, "rules": [o.to_json() for o in outcomes]}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        for o in outcomes:
            if not o.passed:
                click.echo(f"{o.place}: {o.name}")
                print_report(o.report)
                for mistake in o.missed:
                    click.echo(f"  a planted mistake was not refused: {mistake}")
        for line in import_module("matcalc.check_outcomes").table(outcomes):
            click.echo(line)
        click.echo(f"seed {seed}")
    return 0 if passed else REFUTED


def _show(report: Report, style: str, curve: Any = None) -> None:
    """The report, and the error curve where there is one."""
    if style == "json":
        document = report.to_json() | ({"error_curve": curve.to_json()} if curve is not None else {})
        click.echo(json.dumps(document, ensure_ascii=False))
    elif style == "text":
        print_report(report)
        if report.declarations:
            click.echo(f"where {report.declarations}")
        for note in report.notes:
            click.echo(f"note: {note}")
    else:
        click.echo(report.latex() if style == "latex" else report.html())
    if curve is not None and style == "text":
        click.echo("\n" + curve.text("unicode" if sys.stdout.isatty() else "ascii"))


@main.command("equal", cls=FormulaCommand)
@click.argument("first")
@click.argument("second")
@where_option
@check_options
@rules_option
@click.option("--format", "style", type=click.Choice(REPORT_FORMATS), default="text")
@reports_errors
def equal_command(first: str, second: str, rule_files: tuple[str, ...], style: str, **question: Any) -> int:
    """Are two expressions the same function?"""
    load_files(rule_files)
    report = equal(first, second, **question)
    _show(report, style)
    return STATUS[report.verdict]


@main.command("rules")
@click.argument("name", required=False)
@rules_option
@reports_errors
def rules_command(name: str | None, rule_files: tuple[str, ...]) -> int:
    """The rule book, or one rule with its source and derived adjoint."""
    load_files(rule_files)
    for line in all_rules() if name is None else about_rule(name):
        click.echo(fit(line, 15 if name else 25, sides))
    return 0
