"""The self-test that ``--check`` appends to generated Python: derivatives against differences of the values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from sympy import sstr

from matcalc.errors import MatcalcError
from matcalc.expressions import ONE, Expression, Variable
from matcalc.operations import shape_value

CURVED = frozenset({"orthogonal", "unit"})
FEWEST_COLUMNS, FEWEST_ROWS = 3, 5
SIGNED_TRIALS = 5
INDENT = "    "
LARGEST_ERROR = 1e-4


class Asked(Protocol):
    """What the function returns, as far as a self-test needs to know."""

    @property
    def question(self) -> Expression | None:
        """The function that is differentiated."""

    @property
    def outputs(self) -> Sequence[Any]:
        """The outputs."""

    @property
    def arguments(self) -> Sequence[Variable]:
        """The arguments."""


def self_test(
    request: Asked,
    asked: Sequence[Variable],
    function: str,
    value: str,
    names: Mapping[str, str],
    output_names: Sequence[str],
    setting: Sequence[str] = (),
    run: str = "",
) -> str:
    """The text of a test that compares every derivative with differences of the function named ``value``.

    ``asked`` are the arguments of that function; ``run`` is the name of a function in the ``setting`` that calls
    another with arrays. Raises MatcalcError where a variable moves on a curved domain, and where there is no
    derivative to test.
    """
    derivatives = tested(request, output_names)
    directions = list(dict.fromkeys(d for o in request.outputs for d in o.directions))
    arguments = [v for v in dict.fromkeys([*asked, *request.arguments]) if v not in directions]
    sizes = small_sizes(arguments)
    signed = has_values_of_both_signs(request, arguments)
    calls = f"{run}({{}}, {{}})" if run else "{}({})"
    body = [*setting, "rng = np.random.default_rng(seed)"]
    body += [f"{', '.join(sizes)} = {', '.join(map(str, sizes.values()))}"] if sizes else []
    body += ["point = {", *(f"{INDENT}{names[v.name]!r}: {_sample(v, signed)}," for v in arguments), "}", "errors = {}"]
    used = [names[v.name] for v in request.arguments if v not in directions]
    for variables in dict.fromkeys(tuple(o.variables) for o, _ in derivatives):
        own = [(o, n) for o, n in derivatives if tuple(o.variables) == variables]
        body += ["step = {", *(f"{INDENT}{names[v.name]!r}: {_direction(v)}," for v in variables), "}"]
        along = {names[d.name]: names[v.name] for o, _ in own for d, v in zip(o.directions, o.variables, strict=False)}
        given = [f"{n}=point[{n!r}]" for n in used]
        given += [f"{names[d.name]}=step[{along[names[d.name]]!r}]" for d in directions if names[d.name] in along]
        given += [f"{names[d.name]}={_sample(d, signed)}" for d in directions if names[d.name] not in along]
        body += ["found = " + calls.format(function, ", ".join(given))]
        found = (
            f"dict(zip({list(output_names)!r}, found))"
            if len(request.outputs) > 1
            else f"{{{output_names[0]!r}: found}}"
        )
        body += [f"found = {found}", "", "def moved(t, step=step):"]
        moving = [f"{names[v.name]}=point[{names[v.name]!r}]{_step(v, variables, names)}" for v in asked]
        body += [f"{INDENT}return " + calls.format(value, ", ".join(moving)), ""]
        body += _comparisons(own, names)
    body += [
        "for name, error in errors.items():",
        f'{INDENT}print(f"{{name}}: relative error {{error:.1e}}")',
        f"passed = max(errors.values()) < {LARGEST_ERROR}",
        'print("verified" if passed else "REFUTED")',
        "return passed",
    ]
    lines = ["def self_test(seed=0):", f'{INDENT}"""Compare derivatives with central differences at a random point."""']
    lines += [f"{INDENT}{line}" if line else "" for line in body]
    lines += ["", "", 'if __name__ == "__main__":', f"{INDENT}raise SystemExit(0 if self_test() else 1)"]
    return "\n".join(lines).replace("'", '"')


def tested(request: Asked, output_names: Sequence[str]) -> list[tuple[Any, str]]:
    """The outputs that are derivatives, and their names."""
    derivatives = [(o, n) for o, n in zip(request.outputs, output_names, strict=True) if o.variables]
    if not derivatives:
        raise MatcalcError("there is no derivative to check", hint='name a variable: mc.code(f, "x", check=True)')
    for o, _ in derivatives:
        for v in o.variables:
            if v.properties & CURVED:
                raise MatcalcError(f"no self-test is written for {v.name}, which is declared {', '.join(v.properties)}")
    return derivatives


def _step(v: Variable, variables: Sequence[Variable], names: Mapping[str, str]) -> str:
    return f" + t * step[{names[v.name]!r}]" if v in variables else ""


def _comparisons(own: Sequence[tuple[Any, str]], names: Mapping[str, str]) -> list[str]:
    """The lines that compare derivatives along the step with differences."""
    lines = ["slope = (moved(1e-6) - moved(-1e-6)) / 2e-6"]
    if any(o.part in ("hessian", "hvp") for o, _ in own):
        lines += [
            "wide, narrow = (moved(h) - 2 * moved(0) + moved(-h) for h in (2e-3, 1e-3))",
            "curvature = (16 * narrow - wide) / 12e-6",
        ]
    for o, n in own:
        step = f"step[{names[o.variables[0].name]!r}]"
        column = f'np.ravel({step}, order="F")'
        formulas = {
            "gradient": (f"np.sum(found[{n!r}] * {step})", "slope"),
            "jacobian": (f"np.reshape(found[{n!r}], (np.size(slope), -1)) @ {column}", 'np.ravel(slope, order="F")'),
            "differential": (f"found[{n!r}]", "slope"),
            "hessian": (f"{column} @ np.reshape(found[{n!r}], (np.size({step}), -1)) @ {column}", "curvature"),
            "hvp": (f"np.sum(found[{n!r}] * {step})", "curvature"),
        }
        claimed, measured = formulas[o.part]
        lines += [
            f"claimed, measured = {claimed}, {measured}",
            f"errors[{n!r}] = np.max(np.abs(claimed - measured)) / max(np.max(np.abs(measured)), 1e-3)",
        ]
    return lines


def small_sizes(arguments: Sequence[Variable]) -> dict[str, int]:
    """Small sizes, all different, those of columns the smaller ones, so that tall matrices are tall."""
    columns = [s.name for v in arguments for s in sorted(v.columns.free_symbols, key=str)]
    rows = [s.name for v in arguments for s in sorted(v.rows.free_symbols, key=str)]
    found: dict[str, int] = {}
    for name in columns:
        found.setdefault(name, FEWEST_COLUMNS + len(found))
    for name in rows:
        found.setdefault(name, max(FEWEST_ROWS, FEWEST_COLUMNS + len(found)))
    return found


def _shape(v: Variable) -> str:
    rows, columns = sstr(v.rows), sstr(v.columns)
    if v.columns is ONE:
        return rows
    return columns if v.rows is ONE else f"({rows}, {columns})"


def has_values_of_both_signs(request: Asked, arguments: Sequence[Variable]) -> bool:
    """Whether the function that is differentiated has values at numbers of both signs, so that kinks are met."""
    if request.question is None:
        return False
    rng = np.random.default_rng(0)
    sizes = small_sizes(arguments)
    for _ in range(SIGNED_TRIALS):
        values = {v.name: _signed_value(v, sizes, rng) for v in arguments}
        try:
            if not np.all(np.isfinite(request.question.evaluate(values, sizes=sizes))):
                return False
        except (MatcalcError, ArithmeticError):
            return False
    return True


def _signed_value(v: Variable, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
    """A value as `_sample` writes it, of both signs."""
    shape = shape_value(v, sizes)
    if v.is_scalar and "integer" in v.properties:
        return 2.0
    value = rng.uniform(0.5, 1.5, shape)
    value = value if "positive" in v.properties else value * rng.choice([-1.0, 1.0], shape)
    if v.is_scalar:
        return float(value[0, 0])
    if shape[0] == shape[1] and v.rows == v.columns and "skew" not in v.properties:
        value = value + shape[0] * np.eye(shape[0])
    for word, project in _PROJECTED.items():
        if word in v.properties:
            return project(value)
    return value


def _sample(v: Variable, signed: bool) -> str:
    """A random value with the properties of the variable, far from singular, of both signs or positive."""
    signed = signed and "positive" not in v.properties
    if v.is_scalar:
        plain = "rng.uniform(0.5, 1.5)" + (" * rng.choice([-1.0, 1.0])" if signed else "")
        return "2.0" if "integer" in v.properties else plain
    shape = _shape(v)
    plain = f"rng.uniform(0.5, 1.5, {shape})" + (f" * rng.choice([-1.0, 1.0], {shape})" if signed else "")
    if v.rows is ONE or v.columns is ONE or v.rows != v.columns:
        return plain
    n = sstr(v.rows)
    if v.properties & {"skew"}:
        return _in_space(v, plain)
    return _in_space(v, f"{plain} + {n} * np.eye({n})")


def _in_space(v: Variable, formula: str) -> str:
    for word, pattern in _PROJECTIONS.items():
        if word in v.properties:
            return pattern.format(formula)
    return formula


_PROJECTED: Mapping[str, Callable[[Any], Any]] = {
    "diagonal": lambda M: np.diag(np.diag(M)),
    "spd": lambda M: M + M.T,
    "symmetric": lambda M: M + M.T,
    "skew": lambda M: M - M.T,
    "lower": np.tril,
    "upper": np.triu,
}
_PROJECTIONS = {
    "diagonal": "np.diag(np.diag({}))",
    "spd": "(lambda M: M + M.T)({})",
    "symmetric": "(lambda M: M + M.T)({})",
    "skew": "(lambda M: M - M.T)({})",
    "lower": "np.tril({})",
    "upper": "np.triu({})",
}


def _direction(v: Variable) -> str:
    if v.is_scalar:
        return "rng.uniform(0.5, 1.5)"
    return _in_space(v, f"rng.standard_normal({_shape(v)})")


TORCH_SETTING = (
    "import numpy as np",
    "import torch",
    "",
    "def run(function, **arguments):",
    f"{INDENT}tensors = {{name: torch.as_tensor(value, dtype=torch.float64) for name, value in arguments.items()}}",
    f"{INDENT}found = function(**tensors)",
    f"{INDENT}return tuple(map(np.asarray, found)) if isinstance(found, tuple) else np.asarray(found)",
    "",
)
"""What stands before a test of PyTorch's code, which takes tensors."""
