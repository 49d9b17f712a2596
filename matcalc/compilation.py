"""From a program to a function of arrays.

The function is made of text that is written from a program of known operations, in which every name is ours; what
a user typed is never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from sympy import Symbol, sstr

from matcalc.array_reuse import Reuse, reuse_of
from matcalc.batched_arrays import (
    DefiniteStack,
    Stack,
    TriangularStack,
    add_diagonals,
    blocks,
    diagonal_matrices,
    item_by_item,
    kron_products,
    kron_times_each,
    log_determinants,
    repeated,
    scaled_eyes,
    solved_columns,
    weighted_grams,
)
from matcalc.batched_code import BATCHED, Layout, batched_result, layout_of
from matcalc.code_sheets import Sheet
from matcalc.dense_kernels import (
    add_diagonal,
    inverse_times_part,
    keep_freed_pages,
    outer,
    overwritten,
    rank_one_update,
    symmetric_product,
    times,
    weighted_gram,
)
from matcalc.distances import from_products
from matcalc.errors import EvaluationError
from matcalc.expressions import Expression, Variable
from matcalc.function_table import FUNCTIONS
from matcalc.linear_solves import (
    LU,
    Cholesky,
    Triangular,
    adjugate,
    duplication,
    elimination,
    indices,
    kron_times,
    log_determinant,
    position,
    symmetric_factor,
)
from matcalc.lowering import WORTHWHILE
from matcalc.numpy_code import NUMPY, result, seen_through
from matcalc.operations import FLOAT, compiled, operands_of
from matcalc.programs import FACTOR, Program, Value, every_value
from matcalc.size_sources import size_formula, size_sources

IDENTIFIER = re.compile(r"(?<![\w.\"])[A-Za-z_]\w*", re.ASCII)
FUSED = frozenset({"weighted_gram", "symmetric", "inverse_times_part", "symmetric_product", "squared_distances"})


def _by_name(*functions: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return {f.__name__: f for f in functions}


RUNTIME: Mapping[str, Any] = {
    "np": np,
    **_by_name(Cholesky, LU, Triangular, add_diagonal, adjugate, duplication, elimination, indices, inverse_times_part),
    **_by_name(kron_times, log_determinant, outer, overwritten, position, rank_one_update, symmetric_factor),
    **_by_name(symmetric_product, times, weighted_gram),
    "squared_distances": from_products,
}
RUNTIME_OF_BATCHES: Mapping[str, Any] = {
    **_by_name(DefiniteStack, Stack, TriangularStack, add_diagonals, blocks, diagonal_matrices, item_by_item),
    **_by_name(kron_products, kron_times_each, log_determinants, repeated, scaled_eyes, solved_columns, weighted_grams),
}


@dataclass
class Routine:
    """A function made of generated text, the value that each of its lines computes, and those with a leading axis."""

    run: Callable[..., tuple[Any, ...]]
    source: str
    steps: Mapping[int, Value]
    filename: str
    batched: Collection[Value] = ()
    returned: Sequence[Value] = ()


def routine_of(
    program: Program,
    arguments: Sequence[Variable],
    sizes: Mapping[str, int],
    *,
    is_complex: bool,
    batched: Collection[str] = (),
    traced: bool = False,
) -> Routine:
    """The program as a function of the type of its numbers, and of arrays in this order.

    The arguments in `batched` have one leading axis more, and so has all that is returned. A traced one returns
    the value of every step in place of the outputs.
    """
    return _routine(program, arguments, sizes, {"complex": is_complex, "traced": traced}, batched=batched)


def staged_routines(
    before: Program, after: Program, arguments: Sequence[Variable], sizes: Mapping[str, int], *, is_complex: bool
) -> tuple[Routine, Routine]:
    """The two parts of a program as functions of its arguments; the second takes the values of the first after them."""
    given = {v: f"p{i}" for i, v in enumerate(before.outputs)}
    options = {"complex": is_complex}
    first = _routine(before, arguments, sizes, options)
    return first, _routine(after, arguments, sizes, options, given=given)


def _routine(
    program: Program,
    arguments: Sequence[Variable],
    sizes: Mapping[str, int],
    options: Mapping[str, bool],
    given: Mapping[Value, str] = MappingProxyType({}),
    batched: Collection[str] = (),
) -> Routine:
    layout = layout_of(program, batched) if batched else Layout((), {})
    is_traced = bool(options.get("traced"))
    in_place = not (options["complex"] or batched or is_traced)
    more = {"runtime": True, "in_place": in_place, "layout": layout}
    keep_freed_pages()
    reuse = reuse_of(program) if in_place else Reuse(program)
    language = BATCHED if batched else NUMPY
    sheet = Sheet(
        reuse.program,
        language,
        options={**options, **more},
        given=given,
        overwritten=reuse.overwritten,
        early=reuse.early,
    )
    names = {v.name: f"a{i}" for i, v in enumerate(arguments)}
    formulas = sheet.write(names, [f"y{i}" for i in range(len(program.outputs))])
    outputs = program.outputs
    if is_traced:
        steps_outside_sums = set(program.values)
        outputs = [v for _, v in sheet.lines if v.rank != FACTOR and v in steps_outside_sums]
        formulas = [sheet.names[v] for v in outputs]
    elif program.expressions:
        formulas, write, returned = [], batched_result if batched else result, set[Value]()
        for v, e in zip(outputs, program.expressions, strict=True):
            formulas.append(write(sheet, v, e.rows == 1 and e.columns != 1, returned))
            returned.update(seen_through(v))
    lines = [f"def run({', '.join(['dtype', *names.values(), *given.values()])}):"]
    if batched:
        lines.append(f"    batch = {next(names[v.name] for v in arguments if v.name in batched)}.shape[0]")
    for size in sheet.sizes.keys() & sizes.keys():
        lines.append(f"    {sheet.sizes[size]} = {int(sizes[size])}")
    shown = [size for size in sheet.sizes if size not in sizes]
    for size, (v, axis, dimension) in size_sources(shown, arguments).items():
        formula = size_formula(names[v.name], v, axis, dimension, leading=int(v.name in batched))
        lines.append(f"    {sheet.sizes[size]} = {formula}")
    steps: dict[int, Value] = {}
    for text, value in sheet.lines if is_traced else _with_releases(sheet, formulas):
        lines.append(f"    {text}")
        steps[len(lines)] = value
    lines.append(f"    return ({''.join(f'{formula}, ' for formula in formulas)})")
    if program.outputs:
        steps.setdefault(len(lines), program.outputs[0])
    source = "\n".join(lines) + "\n"
    namespace: dict[str, Any] = {**RUNTIME, **(RUNTIME_OF_BATCHES if batched else {})}
    for step in every_value(program.values):
        if step.op == "apply":
            namespace[f"kernel_{step.index}"] = FUNCTIONS[step.data[0]].kernel
        elif step.op == "opaque":
            namespace[f"operation_{step.index}"] = _operation(step)
    filename = f"<matcalc {hash(source):x}>"
    return Routine(_function(source, namespace, filename), source, steps, filename, layout.batched, outputs)


def _function(source: str, namespace: dict[str, Any], filename: str = "<matcalc>") -> Callable[..., Any]:
    """The function `run` of a text that is all ours; nothing else runs text."""
    exec(compile(source, filename, "exec"), namespace)
    found: Callable[..., Any] = namespace["run"]
    return found


def _with_releases(sheet: Sheet, formulas: Sequence[str]) -> Iterator[tuple[str, Value]]:
    """The lines, each followed by one that lets go of the arrays that no later line needs.

    What is released is used again while it is in the processor's cache, and the memory at the peak is an expert's.
    """
    arrays = {name for v, name in sheet.names.items() if v.rank in (2, FACTOR) and v not in sheet.given}
    arrays.difference_update(*(IDENTIFIER.findall(formula) for formula in formulas))
    depths = [len(text) - len(text.lstrip()) for text, _ in sheet.lines]
    spans: dict[str, tuple[int, int]] = {}
    for i, (text, _) in enumerate(sheet.lines):
        for name in filter(arrays.__contains__, IDENTIFIER.findall(text)):
            spans[name] = spans.get(name, (i, i))[0], i
    released: dict[int, dict[int, list[str]]] = {}
    for name, (first, last) in spans.items():
        # after the loops that use it, but within the loop that makes it, which may not run
        while last + 1 < len(depths) and depths[last + 1] > depths[first]:
            last += 1
        released.setdefault(last, {}).setdefault(depths[first], []).append(name)
    for i, (text, value) in enumerate(sheet.lines):
        yield text, value
        found = released.get(i, {}) if i < len(sheet.lines) - 1 else {}
        for depth in sorted(found, reverse=True):
            yield f"{' ' * depth}del {', '.join(found[depth])}", value


def chooser(programs: Sequence[Program], arguments: Sequence[Variable]) -> Callable[..., int] | None:
    """The number of the program that takes the least effort, as a function of the arrays.

    The first is taken where others are hardly better. None where there is one, or no argument shows the sizes.
    """
    if len(programs) < 2:
        return None
    counts = [p.effort for p in programs]
    symbols = sorted({s.name for c in counts for s in c.free_symbols})
    try:
        sources = size_sources(symbols, arguments)
    except EvaluationError:
        return None
    names = {v.name: f"a{i}" for i, v in enumerate(arguments)}
    lines = [f"    s{i} = {size_formula(names[sources[s][0].name], *sources[s])}" for i, s in enumerate(symbols)]
    renamed = {s: Symbol(f"s{i}") for i, s in enumerate(symbols)}
    first, *others = (sstr(c.xreplace({s: renamed[s.name] for s in c.free_symbols})) for c in counts)
    lines.append(f"    counts = ({WORTHWHILE} * ({first}), {', '.join(others)})")
    lines.append("    return counts.index(min(counts))")
    return _function("\n".join([f"def run({', '.join(names.values())}):", *lines]), {})


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
            kinds.append(f"type(a{i}) is float")
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
    names = ", ".join(f"a{i}" for i in range(len(arguments)))
    return _function(f"def run({names}):\n    return {text}\n", {"ndarray": np.ndarray, "double": np.dtype(float)})
