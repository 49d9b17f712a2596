"""From text to expressions: the kinds of undeclared names, the shapes of all parts, and the nodes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any

from sympy import Dummy

from matcalc.applications import apply, signature
from matcalc.dimensions import Unifier, fresh_names, unknown_any, unknown_size
from matcalc.errors import MatcalcError, ParseError, ShapeError
from matcalc.expressions import CONSTRUCTORS, ONE, SCALAR, Dimension, Expression, Shape, Variable
from matcalc.functions import FUNCTIONS, Function
from matcalc.leaves import CONSTANTS, MINUS_ONE, commutation, identity, number, ones, unit, variable, zero
from matcalc.normal_forms import add, multiply, negate, transpose
from matcalc.powers import block, entrywise_power, hadamard, indexed_sum, power
from matcalc.shapes import BARE_NAMES, Inference, Step, exact, size_value, steps
from matcalc.substitutions import substitute
from matcalc.syntax import parse_declarations, parse_expression
from matcalc.syntax_trees import Declaration, Tree

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
    "chi psi omega varepsilon vartheta varphi varsigma varrho".split()
)
MOST_CHANGED_KINDS = 3
MOST_ATTEMPTS = 400


@dataclass(frozen=True)
class Reading:
    """What a text was read as: the expression, its variables in order of appearance, and what was inferred."""

    expression: Expression
    variables: tuple[Variable, ...]
    notes: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Declared:
    """The shape and properties of a declared name."""

    shape: Shape
    properties: tuple[str, ...]


def parse(text: str, where: str | None = None) -> Expression:
    """The expression that a text stands for, in normal form.

    ``where`` declares names: ``"A: matrix(n,n) symmetric, x: vector(n), t: scalar"``; names that are not
    declared get their kinds by convention and their dimensions by unification.

    Raises ParseError, ShapeError or UnknownName, each with the place in the text and the way out.

    >>> parse("x'*A*x", where="A: matrix(n,n), x: vector(n)").shape
    (1, 1)
    """
    return read(text, where).expression


def read(text: str, where: str | None = None, *, limits: bool = True) -> Reading:
    """``parse`` with the variables in order of appearance and the notes on what was inferred."""
    tree = parse_expression(text, limits=limits)
    declared, sizes = declarations(where or "")
    return _Reader(text, declared, sizes).read(tree)


@lru_cache(maxsize=512)
def declarations(where: str) -> tuple[Mapping[str, Declared], frozenset[str]]:
    """The declared names and the names of the dimensions in a declaration text."""
    return declared_names(parse_declarations(where), where) if where.strip() else ({}, frozenset())


def declared_names(
    found: Iterable[Declaration], text: str
) -> tuple[Mapping[str, Declared], frozenset[str]]:
    """The shapes and properties of parsed declarations, and the names of their dimensions."""
    names: dict[str, Declared] = {}
    for d in found:
        try:
            shape = _declared_shape(d, text)
            variable(d.name, *shape, *d.properties)
        except MatcalcError as error:
            raise error.located(text, d.start, d.end) from None
        names[d.name] = Declared(shape, d.properties)
    sizes = {str(s) for d in names.values() for size in d.shape for s in size.free_symbols}
    return names, frozenset(s for s in sizes if not s.startswith("_"))


def _declared_shape(d: Declaration, text: str) -> Shape:
    dims = [size_value(t, text) for t in d.dims]
    counts = {"scalar": (0,), "vector": (0, 1), "row": (0, 1), "matrix": (0, 1, 2)}[d.kind]
    if len(dims) not in counts:
        hint = "write x: vector(n) or A: matrix(m,n)"
        raise ShapeError(f"{d.name}: a {d.kind} has {counts[-1]} dimension{'s'[: counts[-1] != 1]}", hint=hint)
    if d.kind == "scalar":
        return SCALAR
    if d.kind == "matrix":
        square = len(dims) == 1 or set(d.properties) & {"symmetric", "skew", "diagonal", "spd", "lower", "upper"}
        if not dims and square:
            dims = [unknown_size()]
        rows = dims[0] if dims else unknown_size()
        return rows, (dims[1] if len(dims) == 2 else rows if square else unknown_size())
    length = dims[0] if dims else unknown_size()
    return (length, ONE) if d.kind == "vector" else (ONE, length)


class _Reader:
    """Reads one text under one set of declarations."""

    def __init__(
        self, text: str, declared: Mapping[str, Declared], sizes: frozenset[str], perturbations: bool = False
    ) -> None:
        self.text = text
        self.declared = declared
        self.sizes = sizes
        self.perturbations = perturbations

    def read(self, tree: Tree) -> Reading:
        walk = steps(tree)
        names = list(dict.fromkeys(self._used_names(walk)))
        indices = {n: Declared(SCALAR, ("integer",)) for n in _index_names(walk)}
        known = {**indices, **{n: self.declared[n] for n in names if n in self.declared}}
        unknown = [n for n in names if n not in known and not self._is_constant(n)]
        self._refuse_glued(unknown, names, walk)
        inference, kinds, notes = self._infer(walk, {n: d.shape for n, d in known.items()}, unknown)
        shapes = self._settle_sizes(inference, walk, names)
        properties = {n: known[n].properties if n in known else () for n in (*known, *kinds)}
        properties |= {n: ("integer",) for n in _matrix_exponents(walk, inference) if n in kinds}
        table = {n: variable(n, *shapes[n], *properties[n]) for n in (*known, *kinds)}
        builder = Builder(self.text, inference, table, self.sizes)
        expression = builder.build(walk)
        in_order = tuple(table[n] for n in names if n in table and n not in indices)
        for n in notes:
            rows, columns = shapes[n]
            kind = "scalar" if (rows, columns) == SCALAR else f"vector({rows})"
            kind = f"matrix({rows},{columns})" if columns is not ONE else kind
            builder.notes.append(f"{n}: {kind}, since {notes[n]} needs it")
        return Reading(expression, in_order, tuple(dict.fromkeys(builder.notes)), self.text)

    def _used_names(self, walk: list[Step]) -> Iterator[str]:
        bound: list[str] = []
        for step in walk:
            if step.action == "bind":
                bound.append(step.name)
            elif step.action == "release":
                bound.remove(step.name)
            elif step.tree.kind == "name" and step.tree.value not in bound:
                yield str(step.tree.value)

    def _is_constant(self, name: str) -> bool:
        return name in BARE_NAMES or name in CONSTANTS or name in self.sizes

    def _refuse_glued(self, unknown: list[str], names: list[str], walk: list[Step]) -> None:
        for name in unknown:
            others = {*names, *self.declared} - {name}
            parts = _spelled(name, others)
            if parts:
                place = next(s.tree for s in walk if s.tree.kind == "name" and s.tree.value == name)
                raise ParseError(
                    f"{name} is not declared, and it spells out {' and '.join(parts)}",
                    text=self.text,
                    start=place.start,
                    end=place.end,
                    hint=f"write {'*'.join(parts)} for the product, or declare {name}",
                )

    def _infer(
        self, walk: list[Step], known: Mapping[str, Shape], unknown: list[str]
    ) -> tuple[Inference, dict[str, str], dict[str, str]]:
        """The first reading of the undeclared names that fits, the convention's before all others."""
        transposed = {s.tree.children[0].value for s in walk if s.tree.kind == "transpose"}
        options = {n: _kinds(n, n in transposed) for n in unknown}
        kinds = {n: o[0] for n, o in options.items()}
        try:
            return self._attempt(walk, known, kinds), kinds, {}
        except ShapeError as error:
            if not unknown:
                raise
            first = error
        found: list[dict[str, str]] = []
        attempts = 0
        for count in range(1, min(MOST_CHANGED_KINDS, len(unknown)) + 1):
            for changed in combinations(unknown, count):
                for choice in product(*(options[n][1:] for n in changed)):
                    attempts += 1
                    if attempts > MOST_ATTEMPTS:
                        raise first
                    trial = {**kinds, **dict(zip(changed, choice, strict=True))}
                    try:
                        self._attempt(walk, known, trial)
                    except MatcalcError:
                        continue
                    found.append(trial)
            if found:
                break
        if not found:
            raise first
        if len(found) > 1:
            raise self._several(first, kinds, found)
        place = self.text[first.start : first.end] if first.start is not None else self.text
        reasons = {n: place for n in unknown if found[0][n] != kinds[n]}
        return self._attempt(walk, known, found[0]), found[0], reasons

    def _several(self, first: ShapeError, kinds: dict[str, str], found: list[dict[str, str]]) -> ShapeError:
        readings = [
            " and ".join(f"{n}: {_KIND_WORDS[k]}" for n, k in trial.items() if k != kinds[n]) for trial in found[:6]
        ]
        message = f"{first.message}; it could be read in {len(found)} ways: {'; '.join(readings)}"
        start = first.start or 0
        hint = f"declare which, for example -w '{readings[0].replace(' and ', ', ')}'"
        return ShapeError(message, text=self.text, start=start, end=first.end, hint=hint)

    def _attempt(self, walk: list[Step], known: Mapping[str, Shape], kinds: Mapping[str, str]) -> Inference:
        shapes = {**known, **{n: _shape_of_kind(k) for n, k in kinds.items()}}
        inference = Inference(self.text, shapes, self.sizes, self.perturbations)
        inference.run(walk)
        return inference

    def _settle_sizes(self, inference: Inference, walk: list[Step], names: list[str]) -> dict[str, Shape]:
        """Name the dimensions that stayed unknown, square matrices first: n, m, p, …"""
        unifier = inference.unifier
        shapes = {n: unifier.shape(s) for n, s in inference.names.items()}
        taken = {*names, *self.sizes, *(str(s) for sh in shapes.values() for d in sh for s in d.free_symbols)}
        fresh = fresh_names(taken)
        matrices = sorted((n for n in names if n in shapes), key=lambda n: shapes[n][0] != shapes[n][1])
        for name in matrices:
            for d in (inference.names[name][1], inference.names[name][0]):
                _name_size(unifier, d, fresh)
        for step in walk:
            tree = step.tree
            if tree.kind in ("name", "call") and (tree.value in BARE_NAMES or tree.value in ("vector", "matrix")):
                for d in unifier.shape(inference.shapes[tree]):
                    if any(isinstance(s, Dummy) for s in d.free_symbols):
                        raise self._unsized(tree)
        return {n: unifier.shape(s) for n, s in inference.names.items()}

    def _unsized(self, tree: Tree) -> ShapeError:
        name = str(tree.value)
        full = {"eye": "eye(n)", "I": "eye(n)", "ones": "ones(n) or ones(m,n)", "zeros": "zeros(n) or zeros(m,n)"}
        hint = f"write {full.get(name, f'{name}(c, n)' if name == 'vector' else 'matrix(c, m, n)')}"
        message = f"the size of {self.text[tree.start : tree.end]} does not follow from its place"
        return ShapeError(message, text=self.text, start=tree.start, end=tree.end, hint=hint)


_KIND_WORDS = {"scalar": "scalar", "vector": "vector(n)", "matrix": "matrix(m,n)"}


def _name_size(unifier: Unifier, d: Dimension, fresh: Iterator[Dimension]) -> None:
    for symbol in sorted(unifier.resolve(d).free_symbols, key=lambda s: s.sort_key()):
        if isinstance(symbol, Dummy):
            unifier.unify(symbol, next(fresh))


def _kinds(name: str, transposed: bool) -> tuple[str, ...]:
    """The kinds a name may have when it is not declared, the convention's first."""
    if name[0].isupper():
        return ("matrix", "vector")
    scalar_first = name.split("_")[0].rstrip("0123456789") in GREEK or name[0] in "abcdefg"
    if transposed:
        return ("vector",)
    return ("scalar", "vector") if scalar_first else ("vector", "scalar")


def _shape_of_kind(kind: str) -> Shape:
    if kind == "scalar":
        return SCALAR
    return (unknown_size(), ONE) if kind == "vector" else (unknown_size(), unknown_size())


def _spelled(name: str, others: set[str]) -> list[str]:
    """The names that a longer name spells out, at most one of them a letter that is not a name itself."""
    if len(name) < 2 or name in GREEK or not name.isalpha() or not name.isascii():
        return []
    best: list[list[str]] = []

    def extend(i: int, parts: list[str], strangers: int) -> None:
        if i == len(name):
            if len(parts) > 1 and strangers < len(parts):
                best.append(parts)
            return
        for j in range(i + 1, min(len(name), i + 8) + 1):
            part = name[i:j]
            if part in others:
                extend(j, [*parts, part], strangers)
            elif j == i + 1 and strangers == 0:
                extend(j, [*parts, part], 1)

    if len(name) <= 8:
        extend(0, [], 0)
    return min(best, key=len) if best else []


def _index_names(walk: list[Step]) -> list[str]:
    calls = [s.tree for s in walk if s.action == "visit" and s.tree.kind == "call" and s.tree.value == "sum"]
    return [str(t.children[0].value) for t in calls if len(t.children) == 4 and t.children[0].kind == "name"]


def _matrix_exponents(walk: list[Step], inference: Inference) -> Iterator[str]:
    """The names in exponents of matrices, which are integers."""
    for step in walk:
        tree = step.tree
        if step.action == "visit" and tree.kind == "power" and tree.value == "^":
            if not inference.is_scalar(inference.shapes[tree]):
                yield from (str(s.tree.value) for s in steps(tree.children[1]) if s.tree.kind == "name")


class Builder:
    """Builds the expression of a walk whose shapes are known."""

    def __init__(
        self, text: str, inference: Inference, names: Mapping[str, Expression], sizes: frozenset[str]
    ) -> None:
        self.text = text
        self.inference = inference
        self.names = names
        self.sizes = sizes
        self.values: dict[Tree, Expression] = {}
        self.bound: dict[str, list[Expression]] = {}
        self.notes: list[str] = []

    def build(self, walk: list[Step]) -> Expression:
        """The expression of the last step."""
        for step in walk:
            if step.action == "visit":
                try:
                    self.values[step.tree] = getattr(self, "_" + step.tree.kind)(step.tree)
                except MatcalcError as error:
                    raise error.located(self.text, step.tree.start, step.tree.end) from None
            elif step.action == "bind":
                self.bound.setdefault(step.name, []).append(self.values[step.tree])
            else:
                self.bound[step.name].pop()
        return self.values[walk[-1].tree]

    def _shape(self, tree: Tree) -> Shape:
        return self.inference.unifier.shape(self.inference.shapes[tree])

    def _children(self, tree: Tree) -> list[Expression]:
        return [self.values[c] for c in tree.children if c in self.values]

    def _number(self, tree: Tree) -> Expression:
        return number(exact(tree.value))

    def _name(self, tree: Tree) -> Expression:
        name = str(tree.value)
        if self.bound.get(name):
            return self.bound[name][-1]
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name][0]
        if name in self.sizes:
            return number(size_value(tree, self.text))
        return self._bare(BARE_NAMES[name], self._shape(tree))

    def _bare(self, name: str, shape: Shape) -> Expression:
        if name == "eye":
            return identity(shape[0])
        return ones(*shape) if name == "ones" else zero(*shape)

    def _sum(self, tree: Tree) -> Expression:
        terms = self._children(tree)
        operators: Any = tree.value
        shape = next((t.shape for t in terms if not t.is_scalar), SCALAR)
        signed = [terms[0]] + [negate(t) if "-" in o else t for o, t in zip(operators, terms[1:], strict=True)]
        return add(*(multiply(t, ones(*shape)) if t.is_scalar and shape != SCALAR else t for t in signed))

    def _product(self, tree: Tree) -> Expression:
        first, *rest = self._children(tree)
        pending = [first]
        operators: Any = tree.value
        for operator, right in zip(operators, rest, strict=True):
            if operator == "*":
                pending.append(right)
            elif operator == "/" or (operator == "./" and right.is_scalar):
                pending.append(power(right, MINUS_ONE))
            else:
                pending = [_join(operator, multiply(*pending), right)]
        return multiply(*pending)

    def _negate(self, tree: Tree) -> Expression:
        return negate(self._children(tree)[0])

    def _transpose(self, tree: Tree) -> Expression:
        return transpose(self._children(tree)[0])

    def _inverse(self, tree: Tree) -> Expression:
        return power(self._children(tree)[0], MINUS_ONE)

    def _inverse_transpose(self, tree: Tree) -> Expression:
        return transpose(power(self._children(tree)[0], MINUS_ONE))

    def _power(self, tree: Tree) -> Expression:
        base, exponent = self._children(tree)
        return power(base, exponent) if tree.value == "^" else entrywise_power(base, exponent)

    def _let(self, tree: Tree) -> Expression:
        return self.values[tree.children[-1]]

    def _row(self, tree: Tree) -> Expression:
        return block(1, *self._children(tree))

    def _block(self, tree: Tree) -> Expression:
        entries = [self.values[entry] for row in tree.children for entry in row.children]
        return block(len(tree.children), *entries)

    def _all(self, tree: Tree) -> Expression:
        return number(0)

    _range = _equation = _all

    def _index(self, tree: Tree) -> Expression:
        base, *items = tree.children
        value = self.values[base]
        left = self._selection(items[0], value.rows)
        right = self._selection(items[1], value.columns) if len(items) == 2 else None
        factors = [*([transpose(left)] if left is not None else []), value, *([right] if right is not None else [])]
        return multiply(*factors)

    def _selection(self, item: Tree, size: Dimension) -> Expression | None:
        """The columns of the identity that pick out an item, or None for all of them."""
        if item.kind == "all":
            return None
        if item.kind == "range":
            lo, hi = (int(c.value) for c in item.children)  # type: ignore[arg-type]
            if size.is_Integer and hi > size:
                raise ShapeError(f"the range {lo}:{hi} goes beyond {size}", hint="indices count from 1")
            return block(1, *(unit(number(i), size) for i in range(lo, hi + 1)))
        return unit(self.values[item], size)

    # ---- calls

    def _call(self, tree: Tree) -> Expression:
        name = str(tree.value)
        special = getattr(self, f"_call_{name}", None)
        if special is not None:
            result: Expression = special(tree)
            return result
        arguments = self._children(tree)
        if name == "diag" and arguments[0].columns is not ONE:
            name = "diagonal"
        if name in ("exp", "log", "sqrt", "sin", "cos") and arguments[0].rows == arguments[0].columns is not ONE:
            matrix_function = {"exp": "expm", "log": "logm", "sqrt": "sqrtm", "sin": "sinm", "cos": "cosm"}[name]
            self.notes.append(f"{name} of a matrix acts entry by entry; the matrix function is {matrix_function}")
        return apply(name, *arguments)

    def _size(self, tree: Tree, i: int) -> Dimension:
        return size_value(tree.children[i], self.text)

    def _call_eye(self, tree: Tree) -> Expression:
        return identity(self._size(tree, 0))

    def _call_ones(self, tree: Tree) -> Expression:
        return ones(*self._shape(tree))

    def _call_zeros(self, tree: Tree) -> Expression:
        return zero(*self._shape(tree))

    def _call_vector(self, tree: Tree) -> Expression:
        return multiply(self.values[tree.children[0]], ones(*self._shape(tree)))

    _call_matrix = _call_vector

    def _call_K(self, tree: Tree) -> Expression:
        return commutation(self._size(tree, 0), self._size(tree, 1))

    _call_commutation = _call_K

    def _call_d(self, tree: Tree) -> Expression:
        operand = self.values[tree.children[0]]
        return variable(f"d({tree.children[0].value})", *operand.shape)

    def _call_sum(self, tree: Tree) -> Expression:
        if len(tree.children) == 4:
            index, lower, upper, body = (self.values.get(c) for c in tree.children)
            named = self.names[str(tree.children[0].value)]
            return indexed_sum(index or named, lower, upper, body)  # type: ignore[arg-type]
        operand = self.values[tree.children[0]]
        axis = tree.children[1].value if len(tree.children) == 2 else 0
        left = [ones(ONE, operand.rows)] if axis in (0, 1) else []
        right = [ones(operand.columns, ONE)] if axis in (0, 2) else []
        return multiply(*left, operand, *right)

    def _call_reshape(self, tree: Tree) -> Expression:
        operand = self.values[tree.children[0]]
        return apply("unvec", apply("vec", operand), *map(number, self._shape(tree)))

    def _call_unvec(self, tree: Tree) -> Expression:
        return self._sized(tree)

    _call_rearrange = _call_unrearrange = _call_unvec

    def _sized(self, tree: Tree) -> Expression:
        sizes = [number(self._size(tree, i)) for i in range(1, len(tree.children))]
        return apply(str(tree.value), self.values[tree.children[0]], *sizes)

    def _call_max(self, tree: Tree) -> Expression:
        shape = self._shape(tree)
        operands = [multiply(v, ones(*shape)) if v.is_scalar else v for v in self._children(tree)]
        return apply(str(tree.value), *operands)

    _call_min = _call_max


def _join(operator: str, left: Expression, right: Expression) -> Expression:
    """One binary operator other than ``*`` and ``/``."""
    if operator == ".*":
        return hadamard(left, right)
    if operator == "./":
        return hadamard(left, entrywise_power(right, MINUS_ONE))
    if operator == "\\":
        return multiply(power(left, MINUS_ONE), right)
    return apply("kron", left, right)


def read_tree(
    text: str, tree: Tree, declared: Mapping[str, Declared], sizes: frozenset[str], perturbations: bool
) -> Expression:
    """The expression of one tree of a larger text, such as a side of a rule."""
    return _Reader(text, declared, sizes, perturbations).read(tree).expression


def _definition(row: Function, arguments: tuple[Expression, ...]) -> Expression:
    """The value of an abbreviation at its arguments."""
    inputs, _ = signature(row.signature)
    if len(arguments) != len(inputs):
        raise ShapeError(f"{row.name} takes {len(inputs)} arguments, not {len(arguments)}")
    template, parameters = _template(row.name)
    values = dict(zip(parameters, arguments, strict=True))
    sizes: dict[Any, Dimension] = {}
    for parameter, argument in values.items():
        for letter, size in zip(parameter.shape, argument.shape, strict=True):
            if letter.is_Symbol and sizes.setdefault(letter, size) != size:
                message = f"{row.name} does not take a {argument.rows}×{argument.columns} argument"
                raise ShapeError(message, hint=f"{row.name}: {row.signature}")
            if letter is ONE and size is not ONE:
                raise ShapeError(f"{row.name} takes a vector, not a {argument.rows}×{argument.columns} matrix")
    return substitute(template, values, sizes)


@lru_cache(maxsize=256)
def _template(name: str) -> tuple[Expression, tuple[Variable, ...]]:
    row = FUNCTIONS[name]
    inputs, _ = signature(row.signature)
    letters = "XYZW"[: len(inputs)]
    where = ", ".join(f"{v}: matrix({p[0]},{p[1]})" for v, p in zip(letters, inputs, strict=True) if p)
    names, sizes = declarations(where)
    expression = _Reader(row.definition, names, sizes).read(parse_expression(row.definition)).expression
    return expression, tuple(variable(v, *names[v].shape) for v in letters)


CONSTRUCTORS["definition"] = _definition

__all__ = ["Builder", "Declared", "Reading", "declarations", "declared_names", "parse", "read", "read_tree"]
_ = unknown_any
