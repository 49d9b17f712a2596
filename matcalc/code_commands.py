"""``matcalc code``: a function in a programming language that computes a formula and its derivatives."""

from __future__ import annotations

from pathlib import Path

import click

from matcalc.commands import load_files, main, names_in, reports_errors, rules_option, where_option
from matcalc.dense_kernels import has_scipy
from matcalc.errors import MatcalcError
from matcalc.formulas import FormulaCommand
from matcalc.source_code import code
from matcalc.target_languages import TARGETS


@main.command("code", cls=FormulaCommand)
@click.argument("expression")
@click.argument("variables", nargs=-1)
@where_option
@click.option("--target", type=click.Choice(list(TARGETS)), default="numpy", help="The language. Default: numpy.")
@click.option(
    "--with", "parts", metavar="PARTS", help="f, gradient, jacobian, hessian, hvp, differential: any of them."
)
@click.option("--name", help="The name of the function.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to a file.")
@click.option("--check", is_flag=True, help="Append a self-test that is run when the file is.")
@click.option("--sizes", metavar="SIZES", help='Which sizes are large: "n >> k", or "n = 1000, k = 5".')
@click.option("--scipy/--no-scipy", default=True, help="Whether NumPy code may use SciPy.")
@rules_option
@reports_errors
def code_command(
    expression: str,
    variables: tuple[str, ...],
    where: str | None,
    target: str,
    parts: str | None,
    name: str | None,
    output: str | None,
    check: bool,
    sizes: str | None,
    scipy: bool,
    rule_files: tuple[str, ...],
) -> int:
    """Code that computes EXPRESSION and its derivatives in VARIABLES, as an expert would write it."""
    load_files(rule_files)
    formula, _, names = expression.partition(" wrt ")
    wrt = names_in(names) or names_in(",".join(variables))
    source = code(
        formula,
        wrt or None,
        target=target,
        with_=names_in(parts) if parts else None,
        where=where,
        name=name,
        check=check,
        scipy=scipy,
        sizes=sizes,
    )
    if output is None:
        click.echo(source, nl=False)
        return 0
    if target == "numpy" and "from scipy" in source and not has_scipy():
        click.echo("note: this needs SciPy, which is not installed here; --no-scipy writes it without", err=True)
    try:
        Path(output).write_text(source, encoding="utf-8")
    except OSError as error:
        raise MatcalcError(f"cannot write {output}: {error.strerror}") from None
    return 0
