"""From a program to a function of arrays.

The function is made of text that is written from a program of known operations, in which every name is ours; what
a user typed is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcalc.code_sheets import Sheet, size_sources
from matcalc.expressions import Expression, Variable
from matcalc.function_table import FUNCTIONS
from matcalc.linear_solves import (
    LU,
    Cholesky,
    Triangular,
    add_diagonal,
    adjugate,
    duplication,
    elimination,
    indices,
    kron_times,
    log_determinant,
    position,
    symmetric_factor,
    times,
    weighted_gram,
)
from matcalc.numpy_code import NUMPY, result
from matcalc.operations import FLOAT, compiled, operands_of
from matcalc.programs import Program, Value, every_value

FUSED = frozenset({"weighted_gram", "symmetric"})
RUNTIME: Mapping[str, Any] = {
    "np": np,
    "Cholesky": Cholesky,
    "LU": LU,
    "Triangular": Triangular,
    "add_diagonal": add_diagonal,
    "adjugate": adjugate,
    "duplication": duplication,
    "elimination": elimination,
    "indices": indices,
    "kron_times": kron_times,
    "log_determinant": log_determinant,
    "position": position,
    "symmetric_factor": symmetric_factor,
    "times": times,
    "weighted_gram": weighted_gram,
}


@dataclass
class Routine:
    """A function made of generated text, and the value that each of its lines computes."""

    run: Callable[..., tuple[Any, ...]]
    source: str
    steps: Mapping[int, Value]
    filename: str


def routine_of(
    program: Program, arguments: Sequence[Variable], sizes: Mapping[str, int], *, is_complex: bool
) -> Routine:
    """The program as a function of the type of its numbers, and of arrays in this order."""
    return _routine(program, arguments, sizes, is_complex, {})


def staged_routines(
    before: Program, after: Program, arguments: Sequence[Variable], sizes: Mapping[str, int], *, is_complex: bool
) -> tuple[Routine, Routine]:
    """The two parts of a program as functions of its arguments; the second takes the values of the first after them."""
    given = {v: f"p{i}" for i, v in enumerate(before.outputs)}
    first = _routine(before, arguments, sizes, is_complex, {})
    return first, _routine(after, arguments, sizes, is_complex, given)


def _routine(
    program: Program,
    arguments: Sequence[Variable],
    sizes: Mapping[str, int],
    is_complex: bool,
    given: Mapping[Value, str],
) -> Routine:
    sheet = Sheet(program, NUMPY, options={"runtime": True, "complex": is_complex}, given=given)
    names = {v.name: f"a{i}" for i, v in enumerate(arguments)}
    formulas = sheet.write(names, [f"y{i}" for i in range(len(program.outputs))])
    if program.expressions:
        formulas = [
            result(sheet, v, e.rows == 1 and e.columns != 1)
            for v, e in zip(program.outputs, program.expressions, strict=True)
        ]
    lines = [f"def run({', '.join(['dtype', *names.values(), *given.values()])}):"]
    for size in sheet.sizes.keys() & sizes.keys():
        lines.append(f"    {sheet.sizes[size]} = {int(sizes[size])}")
    shown = [size for size in sheet.sizes if size not in sizes]
    for size, (v, axis, dimension) in size_sources(shown, arguments).items():
        lines.append(f"    {sheet.sizes[size]} = {size_formula(names[v.name], v, axis, dimension)}")
    steps: dict[int, Value] = {}
    for text, value in sheet.lines:
        lines.append(f"    {text}")
        steps[len(lines)] = value
    lines.append(f"    return ({''.join(f'{formula}, ' for formula in formulas)})")
    if program.outputs:
        steps.setdefault(len(lines), program.outputs[0])
    source = "\n".join(lines) + "\n"
    namespace: dict[str, Any] = dict(RUNTIME)
    for step in every_value(program.values):
        if step.op == "apply":
            namespace[f"kernel_{step.index}"] = FUNCTIONS[step.data[0]].kernel
        elif step.op == "opaque":
            namespace[f"operation_{step.index}"] = _operation(step)
    filename = f"<matcalc {hash(source):x}>"
    exec(compile(source, filename, "exec"), namespace)
    return Routine(namespace["run"], source, steps, filename)


def size_formula(array: str, v: Variable, axis: int, dimension: Any) -> str:
    """The size as a formula in the length of an axis of an argument."""
    is_flat = v.rows == 1 or v.columns == 1
    length = f"{array}.shape[{0 if is_flat else axis}]"
    if dimension.is_Symbol:
        return length
    (symbol,) = dimension.free_symbols
    slope = dimension.subs(symbol, 1) - dimension.subs(symbol, 0)
    return f"({length} - {dimension.subs(symbol, 0)}) // {slope}"


def _operation(v: Value) -> Callable[..., Any]:
    """An operation as `evaluate` computes it, between arrays whose columns and rows have one axis."""
    node: Expression = v.data[0]
    operation, order = compiled(node, FLOAT, ())
    operands = list(operands_of(node))
    places = [operands.index(o) for o in order]
    shapes = [_flat_axes(o) for o in operands]
    is_flat = _flat_axes(node) is not None

    def run(*values: Any) -> Any:
        full = [x if shape is None else np.reshape(x, shape) for x, shape in zip(values, shapes, strict=True)]
        found = operation(*[full[i] for i in places])
        return np.ravel(found) if is_flat else found

    return run


def _flat_axes(node: Expression) -> tuple[int, int] | None:
    """The shape in which a flat array is a column or a row; None for a scalar or a matrix."""
    if node.is_scalar or (node.rows != 1 and node.columns != 1):
        return None
    return (-1, 1) if node.columns == 1 else (1, -1)


def quick_check(arguments: Sequence[Variable]) -> Callable[..., bool] | None:
    """A check that arguments are float64 arrays and floats of the right shapes, which nothing need be done to.

    None where a size is a formula, such as 2n + 1.
    """
    sizes: dict[str, str] = {}
    kinds: list[str] = []
    shapes: list[str] = []
    for i, v in enumerate(arguments):
        dimensions = [d for d in v.shape if d != 1]
        if not all(d.is_Symbol or d.is_Integer for d in dimensions):
            return None
        if not dimensions:
            kinds.append(f"type(a{i}) is float and a{i} == a{i}")
            continue
        kinds.append(f"type(a{i}) is ndarray and a{i}.dtype is double and a{i}.ndim == {len(dimensions)}")
        for axis, d in enumerate(dimensions):
            length = f"a{i}.shape[{axis}]"
            if d.is_Integer:
                shapes.append(f"{length} == {int(d)}")
            elif d.name in sizes:
                shapes.append(f"{length} == {sizes[d.name]}")
            else:
                sizes[d.name] = length
                shapes.append(f"{length} > 0")
    text = " and ".join([*kinds, *shapes]) or "True"
    namespace: dict[str, Any] = {"ndarray": np.ndarray, "double": np.dtype(float)}
    exec(f"def check({', '.join(f'a{i}' for i in range(len(arguments)))}):\n    return {text}\n", namespace)
    check: Callable[..., bool] = namespace["check"]
    return check
