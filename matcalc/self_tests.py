"""The self-test that ``--check`` appends to generated Python: derivatives against differences of the values."""

from __future__ import annotations

import textwrap
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
    directions = along(derivatives)
    arguments = [v for v in dict.fromkeys([*asked, *request.arguments]) if v not in directions]
    moved = [v for v in arguments if any(v in (*o.variables, *o.further) for o, _ in derivatives)]
    sizes = small_sizes(arguments)
    signed = has_values_of_both_signs(request, arguments)
    calls = f"{run}({{}}, {{}})" if run else "{}({})"
    lines = [*setting, "rng = np.random.default_rng(seed)"]
    lines += [f"{', '.join(sizes)} = {', '.join(map(str, sizes.values()))}"] if sizes else []
    lines += _dictionary("point", {names[v.name]: _sample(v, signed) for v in arguments})
    for steps in ("step", "other"):
        lines += _dictionary(steps, {names[v.name]: _direction(v) for v in moved})
    given = [(names[v.name], "other" if v in directions else "point", directions.get(v, v)) for v in request.arguments]
    found = calls.format(function, ", ".join(f"{n}={place}[{names[v.name]!r}]" for n, place, v in given))
    if len(request.outputs) > 1:
        lines += [f"names = {list(output_names)!r}", f"found = dict(zip(names, {found}))"]
    else:
        lines += [f"found = {{{output_names[0]!r}: {found}}}"]
    there = calls.format(value, ", ".join(f"{names[v.name]}=at[{names[v.name]!r}]" for v in asked))
    blocks = ["\n".join(lines), _MOVED.format(there), _SLOPE]
    blocks += [_CURVATURE] if any(o.further for o, _ in derivatives) else []
    blocks += [_COLUMN] if any(o.part in ("jacobian", "hessian") for o, _ in derivatives) else []
    blocks += [_COMPARE, "\n".join(_comparison(o, n, names) for o, n in derivatives), _VERDICT]
    body = textwrap.indent("\n\n".join(block.strip() for block in blocks), INDENT)
    text = f'''def self_test(seed=0):
    """Compare derivatives with central differences at a random point."""
{body}


if __name__ == "__main__":
    raise SystemExit(0 if self_test() else 1)'''
    return text.replace("'", '"')


_MOVED = """
def moved(t, s, first, second):
    at = dict(point)
    for name in first:
        at[name] = at[name] + t * step[name]
    for name in second:
        at[name] = at[name] + s * other[name]
    return {}
"""
_SLOPE = """
def slope(first, second=()):
    return (moved(1e-6, 1e-6, first, second) - moved(-1e-6, -1e-6, first, second)) / 2e-6
"""
_CURVATURE = """
def curvature(first, second):
    wide, narrow = (
        (moved(h, h, first, second) + moved(-h, -h, first, second)
         - moved(h, -h, first, second) - moved(-h, h, first, second)) / (4 * h * h)
        for h in (2e-3, 1e-3)
    )
    return (4 * narrow - wide) / 3
"""
_COLUMN = """
def column(x):
    return np.ravel(x, order="F")
"""
_COMPARE = """
errors = {}

def compare(name, claimed, measured):
    errors[name] = np.max(np.abs(claimed - measured)) / max(np.max(np.abs(measured)), 1e-3)
"""
_VERDICT = f"""
for name, error in errors.items():
    print(f"{{name}}: relative error {{error:.1e}}")
passed = all(error < {LARGEST_ERROR} for error in errors.values())
print("verified" if passed else "REFUTED")
return passed
"""


def _dictionary(name: str, entries: Mapping[str, str]) -> list[str]:
    return [f"{name} = {{", *(f"{INDENT}{key!r}: {formula}," for key, formula in entries.items()), "}"]


def _comparison(o: Any, name: str, names: Mapping[str, str]) -> str:
    """The line that compares a derivative, along one step or two, with differences."""
    first, second = ([names[v.name] for v in variables] for variables in (o.variables, o.further))
    found = f"found[{name!r}]"
    if o.part == "differential":
        claimed, measured = found, f"slope((), {[names[v.name] for v in o.variables]!r})"
    elif o.part == "jacobian":
        size = f"np.size(step[{first[0]!r}])"
        claimed = f"np.reshape({found}, (-1, {size})) @ column(step[{first[0]!r}])"
        measured = f"column(slope({first!r}))"
    elif o.part == "hessian":
        matrix = f"np.reshape({found}, (np.size(step[{first[0]!r}]), -1))"
        claimed = f"column(step[{first[0]!r}]) @ {matrix} @ column(other[{second[0]!r}])"
        measured = f"curvature({first!r}, {second!r})"
    else:
        claimed = f"np.sum({found} * step[{first[0]!r}])"
        measured = f"curvature({first!r}, {second!r})" if o.further else f"slope({first!r})"
    return f"compare({name!r}, {claimed}, {measured})"


def along(derivatives: Sequence[tuple[Any, str]]) -> dict[Variable, Variable]:
    """The variable that each direction among the arguments is a perturbation of."""
    return {d: v for o, _ in derivatives for d, v in zip(o.directions, o.further or o.variables, strict=False)}


def tested(request: Asked, output_names: Sequence[str]) -> list[tuple[Any, str]]:
    """The outputs that are derivatives, and their names."""
    derivatives = [(o, n) for o, n in zip(request.outputs, output_names, strict=True) if o.variables]
    if not derivatives:
        raise MatcalcError("there is no derivative to check", hint='name a variable: mc.code(f, "x", check=True)')
    for o, _ in derivatives:
        for v in (*o.variables, *o.further):
            if v.properties & CURVED:
                raise MatcalcError(f"no self-test is written for {v.name}, which is declared {', '.join(v.properties)}")
    return derivatives


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
