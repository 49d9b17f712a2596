"""The arguments of a compiled function: which there are, their shapes, and which of them hold a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sympy import Expr

from matcalc.bindings import (
    OF_ENTRIES,
    PROPERTY_TOLERANCE,
    Array,
    as_array,
    bind,
    declared_shape,
    entries_have,
    size_value,
)
from matcalc.errors import EvaluationError, MatcalcError, ShapeError
from matcalc.expressions import Variable

BatchNames: TypeAlias = bool | str | Iterable[str] | None
OF_COLUMNS = frozenset({"orthogonal", "unit"})
CHECKED = frozenset({"symmetric", "spd", "skew", "diagonal", "lower", "upper"}) | OF_COLUMNS | OF_ENTRIES
# The types of numbers that LAPACK knows; others, and integers, are computed in double precision.
TYPES = {letter: np.dtype(letter) for letter in "fdFD"}
LARGEST_DEVIATION = 1e3 * PROPERTY_TOLERANCE


class Argument(NamedTuple):
    """An argument: the axes of its array, and whether it is a batch; None where the number of axes tells."""

    variable: Variable
    rank: int
    axes: Sequence[tuple[int, str | None, Expr]]
    is_batch: bool | None


class Bound(NamedTuple):
    """Arguments that fit: numbers and arrays of one type, which of them are stacks of how many items, the sizes."""

    arrays: list[Any]
    dtype: np.dtype[Any]
    batched: frozenset[str]
    length: int
    sizes: Mapping[str, int]

    def item(self, names: Sequence[str], index: Any) -> list[Any]:
        """The arguments of one item of the batch."""
        pairs = zip(names, self.arrays, strict=True)
        return [_item(x, index) if name in self.batched else x for name, x in pairs]


class Signature:
    """The arguments of a function by name and in order; `fixed` are sizes that no argument shows.

    >>> from matcalc.leaves import variable
    >>> Signature([variable("x", "n")], {}, None).bound([[[1, 2], [3, 4], [5, 6]]]).length
    3
    """

    def __init__(self, arguments: Sequence[Variable], fixed: Mapping[str, int], batch: BatchNames) -> None:
        self.arguments = arguments
        self.names = tuple(v.name for v in arguments)
        self.fixed = fixed
        declared = self._declared(batch)
        self.plan: list[Argument] = []
        for v in arguments:
            axes = _axes(v)
            self.plan.append(Argument(v, len(axes), axes, None if declared is None else v.name in declared))
        words = {v: v.properties & (OF_ENTRIES if v.is_scalar else CHECKED) for v in arguments}
        self.checked = [(i, v) for i, v in enumerate(arguments) if words[v]]

    def _declared(self, batch: BatchNames) -> Sequence[str] | None:
        """The names of the arguments that are always batches; None where their arrays tell."""
        if batch is None or isinstance(batch, bool):
            return None if batch is None else self.names if batch else ()
        found = [batch] if isinstance(batch, str) else list(batch)
        for name in found:
            if name not in self.names:
                known = ", ".join(self.names) or "none"
                raise MatcalcError(f"there is no argument {name} to be a batch", hint=f"the arguments are {known}")
        return found

    @property
    def has_batches(self) -> bool:
        """Whether some argument is declared to be a batch."""
        return any(a.is_batch for a in self.plan)

    def named(self, values: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; raises EvaluationError for one that is missing, unknown or given twice."""
        known = ", ".join(self.names) or "none"
        if len(values) > len(self.names):
            raise EvaluationError(f"{len(values)} arguments are given for {len(self.names)}", hint=f"they are {known}")
        found = dict(zip(self.names, values, strict=False))
        for name, value in named.items():
            if name in found:
                raise EvaluationError(f"{name} is given twice")
            if name not in self.names:
                hint = f"the arguments are {known}"
                raise EvaluationError(f"there is no argument {name}", hint=hint)
            found[name] = value
        for v in self.arguments:
            if v.name not in found:
                raise EvaluationError(f"{v.name} has no value", hint=f"give {declared_shape(v)} as {v.name}=…")
        return found

    def bound(self, values: Sequence[Any]) -> Bound:
        """The values as numbers, flat arrays, matrices and stacks of them, of one type, their shapes checked."""
        found: list[Any] = []
        sizes: dict[str, int] = dict(self.fixed)
        dtypes = set()
        late: list[tuple[Expr, int]] = []
        stacks: dict[str, Array] = {}
        fits = True
        for argument, value in zip(self.plan, values, strict=True):
            v, rank, axes, is_batch = argument
            if rank == 0 and isinstance(value, (float, int, complex)) and not is_batch:
                found.append(_number(v, value))
                continue
            array = value if type(value) is np.ndarray else as_array(v, value)
            if array.dtype.kind not in "biufc":
                found.append(None)
                fits = False
                continue
            is_stack = False
            if array.ndim != rank or is_batch:
                array, is_stack = _read(argument, array)
            lengths: Sequence[int] = array.shape
            if is_stack:
                stacks[v.name] = array
                lengths = lengths[1:]
            elif is_batch:
                raise _no_batch(v, array)
            elif rank == 0:
                fits = fits and array.size == 1
                found.append(array.reshape(-1)[0].item() + 0.0 if array.size == 1 else array)
                continue
            fits = fits and len(lengths) == rank
            for length, (_, symbol, dimension) in zip(lengths, axes, strict=False):
                if symbol is None:
                    late.append((dimension, length))
                elif sizes.setdefault(symbol, length) != length:
                    fits = False
            dtypes.add(TYPES.get(array.dtype.char) or np.dtype(complex if array.dtype.kind == "c" else float))
            found.append(array)
        count = self._count(stacks)
        if fits and any(s.name not in sizes for dimension, _ in late for s in dimension.free_symbols):
            sizes = bind(self.arguments, self._of_item(values, stacks, 0), self.fixed)[1]
        fits = fits and all(size_value(dimension, sizes) == length for dimension, length in late)
        fits = fits and all(has_properties(v, found[i]) for i, v in self.checked)
        if not fits or 0 in sizes.values():
            raise self._misfit(values, found, stacks, count)
        is_complex = any(isinstance(x, complex) for x in found)
        dtype = (
            np.result_type(*dtypes, *([np.complex64] if is_complex else []))
            if dtypes
            else np.dtype(complex if is_complex else float)
        )
        if len(dtypes) > 1 or is_complex or any(isinstance(x, np.ndarray) and x.dtype != dtype for x in found):
            found = [x.astype(dtype) if isinstance(x, np.ndarray) else x for x in found]
        return Bound(found, dtype, frozenset(stacks), count, sizes)

    def _count(self, stacks: Mapping[str, Array]) -> int:
        """The number of items of the batch."""
        counts = {name: len(stack) for name, stack in stacks.items()}
        for name, count in counts.items():
            first = next(iter(counts))
            if count != counts[first]:
                v, w = (next(v for v in self.arguments if v.name == n) for n in (first, name))
                raise ShapeError(
                    f"{first} holds a batch of {counts[first]} and {name} a batch of {count}",
                    hint=f"one item of {first} is {declared_shape(v)}, one of {name} {declared_shape(w)}",
                )
        return next(iter(counts.values()), 1)

    def _of_item(self, values: Sequence[Any], stacks: Mapping[str, Array], index: int) -> dict[str, Any]:
        """The values by name, one item of each batch; zeros of its shape where there is none."""
        items = {name: x[index] if len(x) else np.zeros(x.shape[1:]) for name, x in stacks.items()}
        return dict(zip(self.names, values, strict=True)) | items

    def _misfit(
        self, values: Sequence[Any], found: Sequence[Any], stacks: Mapping[str, Array], count: int
    ) -> MatcalcError:
        """What is wrong with the arguments, as `evaluate` says it, of the first item for which something is."""
        for index in range(max(count, 1)):
            try:
                bind(self.arguments, self._of_item(values, stacks, index), self.fixed)
            except MatcalcError as error:
                if isinstance(error, ShapeError) and not error.hint:
                    error.hint = self._other_reading(values, error)
                return at_index(error, index, stacks) if stacks else error
        for i, v in self.checked:
            if not has_properties(v, found[i]):
                words = " and ".join(sorted(v.properties & CHECKED))
                return EvaluationError(f"{v.name} is declared {words}, but the value given is not")
        hint = "; ".join(f"{v.name}: {declared_shape(v)}" for v in self.arguments)
        return ShapeError("the shapes of the arguments do not fit", hint=hint)

    def _other_reading(self, values: Sequence[Any], error: ShapeError) -> str:
        """How a vector that has the shape of a matrix may be read as a batch."""
        for argument, value in zip(self.plan, values, strict=True):
            shape, name = np.shape(value), argument.variable.name
            is_thin = argument.rank == 1 and len(shape) == 2 and shape[argument.axes[0][0] - 1] == 1
            if is_thin and argument.is_batch is None and error.message.startswith(f"{name} must be"):
                return f"{name} is read as one vector; with batch={name!r} it holds {shape[0]}"
        return ""


def at_index(error: MatcalcError, index: int, names: Iterable[str]) -> MatcalcError:
    """The error of one item of a batch."""
    read = f"the first axis of {' and '.join(names)} counts the items of the batch"
    hint = f"{error.hint}; {read}" if error.hint else read
    return type(error)(f"{error.message}, at index {index} of the batch", hint=hint)


def _no_batch(v: Variable, array: Array) -> ShapeError:
    shown = "×".join(map(str, array.shape)) if array.ndim > 1 else f"of length {len(array)}" if array.ndim else "one"
    what = "number" if not array.ndim else "array"
    return ShapeError(
        f"{v.name} is declared a batch, but the {what} given is {shown}",
        hint=f"give an array whose first axis counts the items; an item is {declared_shape(v)}",
    )


def _number(v: Variable, value: Any) -> Any:
    try:
        return value + 0.0
    except OverflowError:
        raise EvaluationError(f"{v.name} is too large a number") from None


def _item(stack: Array, index: Any) -> Any:
    return stack[index].item() if stack.ndim == 1 else stack[index]


def _read(argument: Argument, array: Array) -> tuple[Array, bool]:
    """The array with the axes that its argument has, or with one more where it is a stack; and whether it is one."""
    _, rank, axes, is_batch = argument
    shape = array.shape
    is_stack = array.ndim == rank + 1 and is_batch is not False
    if rank == 0 and array.ndim > 0 and all(n == 1 for n in shape[1:]):
        # an array of one number is that number, unless it is declared a batch
        return array.reshape(-1), is_batch or (is_batch is None and len(array) != 1)
    if rank == 1 and array.ndim > 1:
        thin = axes[0][0] - 1  # where one column or one row has its one entry: the last axis, or the one before
        if array.ndim == 2 and shape[thin] == 1 and not is_batch:
            return array.reshape(-1), False
        if array.ndim == 3 and shape[1:][thin] == 1 and is_batch is not False:
            return array.reshape(shape[0], -1), True
    return array, is_stack


def _axes(v: Variable) -> list[tuple[int, str | None, Expr]]:
    """The axes of an argument's array: the axis, and the symbol or the formula of its length."""
    kept = [(axis, d) for axis, d in enumerate(v.shape) if d != 1]
    return [(axis, d.name if d.is_Symbol else None, d) for axis, d in kept]


def has_properties(v: Variable, A: Array) -> bool:
    """Whether all entries have what is declared of them, and three rows or columns the other properties of `CHECKED`.

    A value without those hardly passes.

    Of a stack, those of all items.
    """
    words = v.properties & CHECKED
    if words & OF_ENTRIES:
        if not entries_have(words, A):
            return False
        words = frozenset() if v.is_scalar else words - OF_ENTRIES
        if not words:
            return True
    if words & OF_COLUMNS and not _has_unit_columns(A if v.columns != 1 else A[..., None], "orthogonal" in words):
        return False
    return words <= OF_COLUMNS or _has_structure(words, A)


def _has_unit_columns(X: Array, is_orthogonal: bool) -> bool:
    if X.ndim < 2 or not X.size:
        return bool(X.ndim > 1)
    k = X.shape[-1]
    chosen = X[..., sorted({0, k // 2, k - 1})]
    deviation = chosen.swapaxes(-1, -2) @ (chosen if is_orthogonal else chosen.conj()) - np.eye(chosen.shape[-1])
    if not is_orthogonal:
        deviation = np.diagonal(deviation, axis1=-2, axis2=-1)
    return bool(np.abs(deviation).max() <= LARGEST_DEVIATION)


def _has_structure(words: frozenset[str], A: Array) -> bool:
    if A.ndim == 3:
        A = np.moveaxis(A, 0, -1)
    n = len(A)
    if A.ndim < 2 or A.shape[1] != n:
        return False
    if not A.size:
        return True
    for i in {0, n // 2, n - 1}:
        row, column = A[i], A[:, i]
        if "skew" in words:
            deviation = row + column
        elif "lower" in words:
            deviation = row[i + 1 :]
        elif "upper" in words:
            deviation = row[:i]
        elif "diagonal" in words:
            deviation = np.concatenate([row[:i], row[i + 1 :]])
        else:
            deviation = row - column
        if not deviation.size:
            continue
        if A.ndim == 3:
            largest = np.maximum(1.0, np.abs(row).max(axis=0))
            if not np.all(np.abs(deviation).max(axis=0) <= LARGEST_DEVIATION * largest):
                return False
        elif not np.abs(deviation).max() <= LARGEST_DEVIATION * max(1.0, float(np.abs(row).max())):
            return False
    return True
