"""From text to expressions: the kinds of undeclared names, the shapes of all parts, and the nodes themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from matcalc.applications import signature
from matcalc.call_constructions import call
from matcalc.constructions import CONSTRUCTIONS, Construction, Constructor, construct
from matcalc.contexts import Contexts, remember
from matcalc.declarations import ANALYTIC, Declared, Where, declarations, declared_names, of_families
from matcalc.definitions import program_of, unused_names
from matcalc.dimensions import any_unknown, fresh_names, is_unknown, name_unknowns
from matcalc.errors import MatcalcError, ParseError, ShapeError
from matcalc.expressions import ONE, SCALAR, Dimension, Expression, Shape, Variable
from matcalc.function_table import FUNCTIONS, Function
from matcalc.inferences import Inference
from matcalc.kinds import Kind, convention, kind_costs, kind_reason, shape_of_kind
from matcalc.leaves import variable
from matcalc.names import is_variable, undeclared
from matcalc.parts import Program
from matcalc.python_formulas import advised
from matcalc.registries import CONSTRUCTORS
from matcalc.revisions import Outcome, Revision, Revisions, several
from matcalc.shapes import infer
from matcalc.sizes import declaration_text
from matcalc.subscripts import entries_below
from matcalc.substitutions import substitute
from matcalc.syntax import parse_expression
from matcalc.syntax_trees import Tree, Unrolled
from matcalc.walks import VISIT, Step, Survey, survey, walk_of

__all__ = ["Declared", "Reading", "Where", "declarations", "declared_names", "parse", "read", "read_tree"]

_CONSTRUCTORS: Mapping[str, Constructor] = {**CONSTRUCTIONS, "call": call}


class Reading(NamedTuple):
    """What a text was read as: the expression, its variables in order of appearance, and what was inferred.

    The program is the expression with the parts that the text names; the contexts hold the variables declared with it.
    """

    expression: Expression
    variables: tuple[Variable, ...]
    notes: tuple[str, ...]
    text: str
    program: Program
    contexts: Contexts = ()


def parse(text: str, where: Where = None) -> Expression:
    """The expression that a text stands for, in normal form.

    ``where`` declares names: ``"A: matrix(n,n) symmetric, x: vector(n), t: scalar"``, or a mapping from each name to
    what stands after its colon; other names get their kinds by convention, their dimensions by unification.

    Raises ParseError, ShapeError or UnknownName, each with the place in the text and the way out.

    >>> parse("x'*A*x", where="A: matrix(n,n), x: vector(n)").shape
    (1, 1)
    """
    return read(text, where).expression


def read(
    text: str,
    where: Where = None,
    *,
    limits: bool = True,
    shape: Shape | None = None,
    wanted: Shape | None = None,
    avoiding: Iterable[str] = (),
) -> Reading:
    """``parse`` with the variables in order of appearance and the notes on what was inferred.

    A shape is that of the whole, where it is known beforehand: ``2*eye`` has its size from it.  With a wanted shape
    the text is about variables that are known, and an error proposes what has that shape, no declaration.  No size
    that is inferred gets a name that is to be avoided.

    >>> read("norm2(A*x - b)^2").notes
    ('b: vector(m), since A*x - b needs it',)
    """
    if not isinstance(text, str):
        raise MatcalcError(f"an expression is a text, and {text!r:.40} is none", hint='write it in quotes: "x\'*A*x"')
    declared, sizes = declarations(where)
    try:
        tree = parse_expression(text, limits=limits, is_variable=partial(is_variable, declared))
    except ParseError as error:
        raise advised(error, declared, lambda proposal: read(proposal, where).variables) from None
    if type(tree) is Unrolled:
        declared = of_families(declared, tree, text)
    taken: list[str] = []
    tree = entries_below(tree, declared, text, taken)
    reading = _Reader(text, declared, sizes, shape=shape, wanted=wanted, avoiding=avoiding).read(tree)
    if taken:
        reading = reading._replace(notes=(*taken, *reading.notes))
    if not declared:
        return reading
    context = _context(declared, reading)
    remember(reading.expression, context)
    return reading._replace(contexts=(context,))


def _context(declared: Mapping[str, Declared], reading: Reading) -> tuple[Variable, ...]:
    """The declared variables, with the sizes that were found where none were declared."""
    found = {v.name: v for v in reading.variables}
    if not declared.keys() <= found.keys():
        unused = {n: d for n, d in declared.items() if n not in found and ANALYTIC not in d.properties}
        found |= {
            n: variable(n, *d.shape, *d.properties) for n, d in unused.items() if not any(map(is_unknown, d.shape))
        }
    return tuple([found[n] for n in declared if n in found])


def read_tree(
    text: str,
    tree: Tree,
    declared: Mapping[str, Declared],
    sizes: frozenset[str],
    perturbations: bool,
    shape: Shape | None = None,
) -> Expression:
    """The expression of one tree of a larger text, such as a side of a rule."""
    return _Reader(text, declared, sizes, perturbations=perturbations, shape=shape).read(tree).expression


class _Reader:
    """Reads one text under one set of declarations."""

    def __init__(
        self,
        text: str,
        declared: Mapping[str, Declared],
        sizes: frozenset[str],
        *,
        perturbations: bool = False,
        shape: Shape | None = None,
        wanted: Shape | None = None,
        avoiding: Iterable[str] = (),
    ) -> None:
        self.text = text
        self.wanted = wanted
        self.declared = declared
        self.sizes = sizes | {str(s) for d in shape for s in d.free_symbols} if shape else sizes
        self.perturbations = perturbations
        self.shape = shape
        self.reserved = frozenset(avoiding)
        self.likened: Mapping[str, str] = {}
        self.functions = frozenset([n for n, d in declared.items() if d.properties and ANALYTIC in d.properties])

    def read(self, tree: Tree) -> Reading:
        """The reading of a tree of the text."""
        walk = walk_of(tree)
        found = survey(walk)
        for name, place in found.names.items() if self.functions else ():
            if name in self.functions:
                message = f"{name} is declared as a function, and here it has no argument"
                raise ParseError(message, text=self.text, start=place.start, end=place.end, hint=f"write {name}(A)")
        unknown = undeclared(found, self.declared, self.sizes, self.text)
        if found.sizes:
            self.sizes = self.sizes | (found.sizes.keys() - self.declared.keys())
        self.reserved |= found.bound.keys()
        known = {n: self.declared[n].shape for n in found.names if n in self.declared}
        chosen = self._chosen(walk, found, known, unknown)
        chosen = self._likened(chosen, tree, walk, known, unknown)
        inference = chosen.found
        self._name_sizes(inference, walk)
        variables = self._variables(inference, found)
        made = Construction(inference, variables)
        expression = construct(made, walk, _CONSTRUCTORS)
        notes = [*made.notes, *_kind_notes(chosen, variables, inference, self.likened)]
        if self.functions:
            notes += self._function_notes(walk)
        if unknown:
            notes += _doubtful_names(unknown, walk, inference, variables)
        if tree.kind == "let":
            notes += [f"{n} is defined, and not used" for n in unused_names(tree)]
            program = program_of(tree, walk, made, _CONSTRUCTORS)
        else:
            program = Program((), expression)
        found_notes = tuple(dict.fromkeys(notes)) if notes else ()
        return Reading(expression, tuple(variables.values()), found_notes, self.text, program)

    def _function_notes(self, walk: list[Step]) -> list[str]:
        called = {tree.value for _, tree, _ in walk if tree.kind == "call"}
        used = [name for name in sorted(self.functions) if name in called or f"d{name}" in called]
        return [f"{name}: any analytic function, in the check a random polynomial" for name in used]

    def _chosen(self, walk: list[Step], found: Survey, known: Mapping[str, Shape], unknown: list[str]) -> Revision:
        """The reading of the undeclared names that fits, the convention's before all others."""
        if not unknown:
            only = self._attempt(walk, known, {})
            if only.error is not None:
                raise only.error
            return Revision({}, {}, only.found)
        costs = {n: kind_costs(n, found) for n in unknown}
        kinds: dict[str, Kind] = {n: next(iter(costs[n])) for n in unknown}

        def attempt(kinds: Mapping[str, Kind]) -> Outcome:
            return self._attempt(walk, known, kinds, quiet=True)

        first = self._attempt(walk, known, kinds)
        reasons = {n: kind_reason(n, found) for n in unknown if kinds[n] != convention(n)}
        if first.error is None:
            return Revision(kinds, reasons, first.found)
        revisions = Revisions(walk, costs, attempt)
        readings = revisions.nearest(kinds, first)
        if not readings:
            # what no reading gets past is wrong, not what is mended where b is a vector
            raise self._attempt(walk, known, revisions.furthest[1]).error or first.error
        if len(readings) > 1:
            raise several(first.error, readings)
        return readings[0]._replace(reasons={**reasons, **readings[0].reasons})

    def _likened(
        self, chosen: Revision, tree: Tree, walk: list[Step], known: Mapping[str, Shape], unknown: list[str]
    ) -> Revision:
        """The reading of a'*X*b as a number: where a is a vector against the convention, so is b at the end."""
        promoted = [n for n in chosen.reasons if convention(n) == "scalar"]
        if not promoted or chosen.found.shape(tree)[0] != ONE or chosen.found.shape(tree)[1] == ONE:
            return chosen
        last = dict(_last_scalars(walk, {n for n in unknown if chosen.kinds[n] == "scalar"}, chosen.found))
        kinds = {**chosen.kinds, **dict.fromkeys(last, "vector")}
        other = self._attempt(walk, known, kinds, quiet=True) if last else None
        if other is None or other.error is not None or other.found.shape(tree) != SCALAR:
            return chosen
        self.likened = dict.fromkeys(last, promoted[0])
        return Revision(kinds, {**chosen.reasons, **last}, other.found)

    def _attempt(
        self, walk: list[Step], known: Mapping[str, Shape], kinds: Mapping[str, Kind], quiet: bool = False
    ) -> Outcome:
        inference = Inference(
            self.text, {}, self.sizes, frozenset(self.declared), self.perturbations, quiet, self.wanted
        )
        inference.reserved = self.reserved
        inference.functions = self.functions
        shapes = {n: shape_of_kind(kind, inference.unifier) for n, kind in kinds.items()}
        inference.names = {**known, **shapes}
        try:
            infer(inference, walk, self.shape)
        except ShapeError as error:
            return Outcome(inference, error)
        return Outcome(inference, None)

    def _name_sizes(self, inference: Inference, walk: list[Step]) -> None:
        """Name the sizes that stayed unknown, those of square matrices first: n, m, p, …"""
        unifier = inference.unifier
        shapes = [unifier.shape(shape) for shape in inference.names.values()]
        if any_unknown(shapes):
            name_unknowns(unifier, shapes, fresh_names(inference.names_taken))
        for tree in [tree for _, tree, _ in walk if tree.value in _UNSIZED]:
            if tree.kind in ("name", "call") and any(map(is_unknown, inference.shape(tree))):
                message = f"the size of {inference.quote(tree)} does not follow from its place"
                entry = inference.quote(tree.children[0]) if tree.children else ""
                raise inference.refusal(message, tree, f"write {_UNSIZED[tree.value].format(entry)}")

    def _variables(self, inference: Inference, found: Survey) -> dict[str, Variable]:
        """The variables in order of appearance."""
        variables = {}
        for n in found.names:
            shape = inference.names.get(n)
            if shape is not None:
                declared = self.declared.get(n)
                if declared is not None:
                    words = declared.properties
                else:
                    words = ("integer",) if self._is_integer(n, inference, found) else ()
                variables[n] = variable(n, *inference.unifier.shape(shape), *words)
        return variables

    def _is_integer(self, name: str, inference: Inference, found: Survey) -> bool:
        """Whether an undeclared name stands where only an integer fits."""
        if name in found.integers:
            return True
        return any(not inference.is_scalar(power.children[0]) for power in found.exponents.get(name, ()))


_UNSIZED: dict[Any, str] = {
    "eye": "eye(n)",
    "I": "eye(n)",
    "ones": "ones(n) or ones(m,n)",
    "zeros": "zeros(n) or zeros(m,n)",
    "vector": "vector({}, n)",
    "matrix": "matrix({}, m, n)",
}


def _kind_notes(
    chosen: Revision, variables: Mapping[str, Variable], inference: Inference, likened: Mapping[str, str]
) -> list[str]:
    notes = []
    for name, reason in chosen.reasons.items():
        v = variables[name]
        words = " ".join([declaration_text(v.shape), *sorted(v.properties)])
        if name in likened:
            notes.append(f"{name}: {words}, as {likened[name]} is one; if it is a number, declare {name}: scalar")
            continue
        notes.append(f"{name}: {words}, since {inference.bare(reason)} needs it")
    return notes


def _doubtful_names(
    unknown: Sequence[str], walk: list[Step], inference: Inference, variables: Mapping[str, Variable]
) -> Iterator[str]:
    """What may have been meant by names that are not declared: a vector at the end of a product, e, a product."""
    scalars = {n for n in unknown if n in variables and variables[n].is_scalar}
    for tree in [tree for action, tree, _ in walk if scalars and action == VISIT and tree.kind in ("product", "power")]:
        last, base = tree.children[-1], tree.children[0]
        if tree.kind == "product" and last.kind == "name" and _is_last_scalar(tree, scalars, inference):
            yield f"{last.value}: a scalar by convention; if it is a vector, declare {last.value}: vector(n)"
        elif tree.kind == "power" and base.kind == "name" and base.value == "e" and "e" in scalars:
            yield "e: a variable; the exponential function is exp(x)"
        elif tree.kind == "power" and base.kind == last.kind == "name" and last.value == "t" in scalars:
            yield f"{base.value}^t: a power; the transpose is {base.value}'"
    for name in unknown:
        if _GLUED.fullmatch(name):
            yield f"{name}: one name; a product is written {'*'.join(name)}"


def _is_last_scalar(tree: Tree, scalars: Collection[str], inference: Inference) -> bool:
    """Whether a product of matrices or rows ends with one of these names."""
    last = tree.children[-1]
    operators: tuple[str, ...] = tree.value or ()  # type: ignore[assignment]
    is_named = tree.kind == "product" and last.kind == "name" and last.value in scalars
    return is_named and set(operators) <= {"*"} and inference.shape(tree)[1] != ONE


def _last_scalars(walk: list[Step], scalars: Collection[str], inference: Inference) -> Iterator[tuple[str, Tree]]:
    for action, tree, _ in walk if scalars else ():
        if action == VISIT and tree.kind == "product" and _is_last_scalar(tree, scalars, inference):
            yield str(tree.children[-1].value), tree


_GLUED = re.compile(r"[A-Z][a-z]|[A-Z]{2,3}")


def _definition(row: Function, arguments: tuple[Expression, ...]) -> Expression:
    """The value of an abbreviation at its arguments."""
    inputs, _ = signature(row.signature)
    if len(arguments) != len(inputs):
        raise ShapeError(f"{row.name} takes {len(inputs)} arguments, not {len(arguments)}")
    template, parameters = row.template or _template(row.name)
    sizes: dict[Any, Dimension] = {}
    for parameter, argument in zip(parameters, arguments, strict=True):
        for letter, size in zip(parameter.shape, argument.shape, strict=True):
            if letter.is_Symbol and sizes.setdefault(letter, size) != size:
                refused = f"{row.name} does not take a {argument.rows}×{argument.columns} argument"
                raise ShapeError(refused, hint=f"{row.name}: {row.signature}")
            if letter.is_Integer and size != letter:
                takes = f"a {parameter.rows}×{parameter.columns} matrix" if letter is not ONE else "a vector"
                raise ShapeError(f"{row.name} takes {takes}, not a {argument.rows}×{argument.columns} matrix")
    return substitute(template, dict(zip(parameters, arguments, strict=True)), sizes)


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
