"""``mc.code``: one readable, documented function in a programming language, written from a program.

def f_and_gradient(A, x, b):
    r = A @ x - b
    return r @ r, 2 * (A.T @ r)
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matcalc.code_sheets import Sheet, identifiers, shape_in_words
from matcalc.compiled_functions import arguments_of
from matcalc.contexts import Contexts
from matcalc.derivatives import Derivative
from matcalc.differentiation import Names, differentiate, hvp
from matcalc.errors import MatcalcError
from matcalc.expressions import ONE, Expression, Variable
from matcalc.line_breaks import formula_lines
from matcalc.lowering import lower
from matcalc.nested_formulas import Formula, expression_of, formulas_of, is_one
from matcalc.parts import NO_PARTS
from matcalc.programs import Program
from matcalc.reading import Where, read
from matcalc.second_derivatives import Blocks
from matcalc.size_sources import size_sources
from matcalc.tangents import perturbation
from matcalc.target_languages import TARGETS, Target
from matcalc.typical_sizes import Sizes, typical_sizes
from matcalc.writing import text

PARTS = ("f", "gradient", "jacobian", "hessian", "hvp", "differential")
LINE = 96
LONGEST_QUESTION = 60


@dataclass(frozen=True)
class Output:
    """One thing that the function returns: its name, what it is in words, and its formula.

    It is a derivative in the `variables`, of second order in `further` ones as well; `directions` are arguments that
    stand for perturbations of the last of these. The contexts show sizes that the formula only names.
    """

    name: str
    part: str
    words: str
    expression: Expression
    variables: tuple[Variable, ...] = ()
    directions: tuple[Variable, ...] = ()
    further: tuple[Variable, ...] = ()
    contexts: Contexts = ()


@dataclass(frozen=True)
class Request:
    """What code is written for."""

    question: Expression | None
    outputs: Sequence[Output]
    arguments: Sequence[Variable]
    program: Program


def code(
    formula: Formula,
    wrt: Names | None = None,
    *,
    target: str = "numpy",
    with_: Sequence[str] | str | None = None,
    where: Where = None,
    name: str | None = None,
    check: bool = False,
    scipy: bool = True,
    sizes: Sizes = None,
) -> str:
    """Source text of a function that computes the formula, and its derivatives in the variables ``wrt``.

    Of a list, a dict or the blocks of a Hessian it computes all formulas, and returns them in order; what
    `differentiate` returns stands for its value and its gradient (or its Jacobian), unless ``with_`` says otherwise.

    ``with_`` chooses what it returns: f, gradient, jacobian, hessian, hvp (the Hessian times a direction v), or
    differential. ``check`` appends a self-test that is run when the file is. ``sizes`` are typical sizes, which
    decide between orders of multiplication: {"n": 1000, "k": 5}, or "n >> k". Raises MatcalcError for a function that
    has no code in the target language.

    >>> print(code("norm2(A*x - b)^2", "x", with_="gradient"))
    def gradient(A, x, b):
        \"\"\"The gradient in x of norm2(A*x - b)^2.
    <BLANKLINE>
        gradient = 2*A'*(A*x - b)
    <BLANKLINE>
        A: a matrix of shape m×n
        x: a vector of length n
        b: a vector of length m
    <BLANKLINE>
        4*m*n + m + n flops
        \"\"\"
        return 2 * (A.T @ (A @ x - b))
    <BLANKLINE>
    """
    if target not in TARGETS:
        raise MatcalcError(f"there is no target {target!r}", hint=f"targets: {', '.join(TARGETS)}")
    known = ("symmetric",) if target == "numpy" and scipy else ()
    request = requested(formula, wrt, (with_,) if isinstance(with_, str) else with_, where, sizes, known)
    return written(request, TARGETS[target], name, check=check, scipy=scipy)


def requested(
    formula: Formula,
    wrt: Names | None,
    parts: Sequence[str] | None,
    where: Where,
    sizes: Sizes,
    known: Collection[str] = (),
) -> Request:
    """The outputs that are asked for, and their program."""
    sizes = typical_sizes(sizes)
    outputs = _outputs(formula, wrt, parts, where)
    expressions = [o.expression for o in outputs]
    contexts = [o.contexts for o in outputs]
    question = None
    if isinstance(formula, Derivative):
        question = formula.expression
    elif is_one(formula):
        question, _ = expression_of(formula, where)
    used = set(arguments_of(expressions, sizes, contexts))
    directions = list(dict.fromkeys(d for o in outputs for d in o.directions))
    # the formula of the question decides the order of the arguments, as it was typed where it is a text
    ordered = arguments_of(
        expressions if question is None else [question, *expressions],
        sizes,
        contexts if question is None else [contexts[0], *contexts],
    )
    program = formula.program if isinstance(formula, Derivative) else NO_PARTS
    if isinstance(formula, str):
        typed = read(formula, where)
        program, place = typed.program, {v.name: i for i, v in enumerate(typed.variables)}
        ordered = sorted(ordered, key=lambda v: place.get(v.name, len(place)))
    arguments = [v for v in ordered if v in used and v not in directions] + directions
    names = {part.value: part.name for part in program.parts}
    return Request(question, outputs, arguments, lower(expressions, sizes.guesses, known=known, names=names))


def _outputs(formula: Formula, wrt: Names | None, parts: Sequence[str] | None, where: Where) -> list[Output]:
    if isinstance(wrt, Expression) and not isinstance(wrt, Variable):
        hint = "give a list of formulas: mc.code([f, g])"
        raise MatcalcError(f"{text(wrt)} stands where variables are named, and is none", hint=hint)
    if isinstance(formula, Derivative):
        D = formula
    elif not is_one(formula):
        if wrt is not None or parts is not None:
            raise MatcalcError("derivatives are asked for of one formula", hint="give them as formulas of the list")
        found = formulas_of(formula, where)
        part = "hessian" if isinstance(formula, Blocks) else "f"
        labelled = zip(found.labels, found.expressions, found.contexts, strict=True)
        return [Output(name, part, "", e, contexts=contexts) for name, e, contexts in labelled]
    elif wrt is None:
        if parts is not None and tuple(parts) != ("f",):
            raise MatcalcError("the derivatives need a variable", hint='name it: mc.code(f, "x", with_=…)')
        expression, contexts = expression_of(formula, where)
        return [Output("f", "f", "The value", expression, contexts=contexts)]
    else:
        D = differentiate(formula, wrt, where)
    parts = parts or ("f", "gradient" if D.expression.is_scalar else "jacobian")
    outputs: list[Output] = []
    for part in dict.fromkeys(parts):
        if part not in PARTS:
            raise MatcalcError(f"there is no {part!r} to write", hint=f"with_: {', '.join(PARTS)}")
        outputs += _output(D, part)
    return [replace(o, contexts=D.contexts) for o in outputs]


def _output(D: Derivative, part: str) -> list[Output]:
    several = len(D.variables) > 1
    if part == "f":
        return [Output("f", part, "The value", D.expression)]
    if part == "differential":
        names = ", ".join(v.name for v in D.variables)
        steps = tuple(D.perturbations[v] for v in D.variables)
        return [Output("df", part, f"The differential in {names}", D.differential, D.variables, steps)]
    if part == "hvp":
        return _hessian_products(D, several)
    value = getattr(D, part)
    if not several:
        (x,) = D.variables
        further = (x,) if part == "hessian" else ()
        return [Output(part, part, f"The {_word(part)} in {x.name}", value, (x,), further=further)]
    outputs = []
    by_name = {v.name: v for v in D.variables}
    for key, e in value.items():
        keys = key if isinstance(key, tuple) else (key,)
        variables = tuple(by_name[k] for k in keys)
        words = f"The {_word(part)} in {', '.join(keys)}"
        outputs.append(Output("_".join((part, *keys)), part, words, e, variables[:1], further=variables[1:]))
    return outputs


def _hessian_products(D: Derivative, several: bool) -> list[Output]:
    taken = set(D.expression.variables)
    names = [_direction(v, several, taken) for v in D.variables]
    products = hvp(D.expression, [v.name for v in D.variables], names)
    directions = tuple(perturbation(v, name) for v, name in zip(D.variables, names, strict=True))
    if not several:
        (x,) = D.variables
        return [Output("hvp", "hvp", f"The Hessian in {x.name} times {names[0]}", products, (x,), directions, (x,))]
    words = f"the Hessian times ({', '.join(names)})"
    return [
        Output(
            f"hvp_{v.name}", "hvp", f"The part in {v.name} of {words}", products[v.name], (v,), directions, D.variables
        )
        for v in D.variables
    ]


def _word(part: str) -> str:
    return part.capitalize() if part in ("jacobian", "hessian") else part


def _direction(v: Variable, several: bool, taken: set[str]) -> str:
    name = f"v_{v.name}" if several else ("v" if v.columns == 1 else "V")
    while name in taken:
        name += "_"
    taken.add(name)
    return name


# ---- the text ----------------------------------------------------------------------------------------------


def written(request: Request, target: Target, name: str | None, *, check: bool, scipy: bool) -> str:
    """The source text."""
    asked = [] if request.question is None else arguments_of([request.question], contexts=[request.outputs[0].contexts])
    options = {"scipy": scipy, **target.options}
    reserved = set(target.language.reserved)
    clashes: set[str] = {""}
    while clashes:
        # a second time where an argument has the name of a function that the code calls
        reserved |= clashes
        names = identifiers(list(dict.fromkeys([*request.arguments, *asked])), reserved)
        function = target_name(name, request, names, target)
        lines, sheet = function_text(request, target, function, names, description(request, names), options)
        clashes = {*sheet.helpers, *(n for found in sheet.imports.values() for n in found)} & set(names.values())
    test = ""
    if check:
        if request.question is None:
            raise MatcalcError("no self-test is written for several formulas", hint="give one formula, and variables")
        output = Output("f", "f", "The value", request.question)
        of_value = Request(request.question, [output], asked, lower([request.question], names={}))
        value = f"value_for_{function}"
        more, other = function_text(of_value, target, value, names, ["The function that is differentiated."], options)
        sheet.include(other)
        output_names = identifiers_of_outputs(request.outputs, names)
        test = "\n\n\n".join(["\n".join(more), target.self_test(request, asked, function, value, names, output_names)])
    return target.document(sheet, lines, test)


def function_text(
    request: Request,
    target: Target,
    function: str,
    names: Mapping[str, str],
    documentation: Sequence[str],
    options: Mapping[str, Any],
) -> tuple[list[str], Sheet]:
    """The lines of a function, and the sheet that knows what they need."""
    sheet = Sheet(request.program, target.language, options=options)
    output_names = identifiers_of_outputs(request.outputs, {**names, "": function} if target.names_outputs else names)
    own = {v.name: names[v.name] for v in request.arguments}
    sheet.write(own, output_names)
    results = [
        target.result(sheet, v, o.expression.rows == 1 and o.expression.columns != 1)
        for v, o in zip(request.program.outputs, request.outputs, strict=True)
    ]
    sources = size_sources(sheet.sizes, request.arguments)
    sizes = [target.size_line(sheet.sizes[s], own[v.name], v, axis, d) for s, (v, axis, d) in sources.items()]
    # a row is kept as what a column is, with one axis
    rows = [target.row_line.format(own[v.name]) for v in request.arguments if v.rows is ONE and v.columns is not ONE]
    body = [*rows, *sizes, *(line for line, _ in sheet.lines)]
    return target.function(function, list(own.values()), documentation, body, results, output_names), sheet


def identifiers_of_outputs(outputs: Sequence[Output], names: Mapping[str, str]) -> list[str]:
    """Names for the outputs that are not those of arguments."""
    found: list[str] = []
    for o in outputs:
        name = re.sub(r"\W", "_", o.name, flags=re.ASCII)
        while name in names.values() or name in found:
            name += "_"
        found.append(name)
    return found


def target_name(name: str | None, request: Request, names: Mapping[str, str], target: Target) -> str:
    """The name of the function: that which is given, else what it returns."""
    if name is not None:
        if not name.isidentifier() or not name.isascii() or name in target.language.reserved:
            raise MatcalcError(f"{name!r} is no name for a function", hint="use letters, digits and _")
        return name
    parts = list(dict.fromkeys(o.part for o in request.outputs))
    spoken = "_and_".join(["_".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
    while spoken in names.values():
        spoken += "_"
    return spoken


def description(request: Request, names: Mapping[str, str]) -> list[str]:
    """What the function computes, of which arguments, at what cost: the lines of its documentation."""
    outputs = request.outputs
    first, *others = (o.words for o in outputs)
    words = [first, *(w[0].lower() + w[1:] for w in others if w)]
    said = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else first
    question = text(request.question) if request.question is not None else ""
    of = f"of {question}." if 0 < len(question) < LONGEST_QUESTION else ""
    lines = textwrap.wrap(said or "Several formulas at once.", LINE)
    ending = f" {of}" if of else "." * bool(said)
    lines = [*lines[:-1], lines[-1] + ending] if len(lines[-1] + ending) <= LINE else [*lines, of]
    lines += [""]
    for o, name in zip(outputs, identifiers_of_outputs(outputs, names), strict=True):
        first, *more = formula_lines(text(o.expression), LINE - 4, LINE - len(name) - 3)
        lines += [f"{name} = {first}", *(f"    {line}" for line in more)]
    lines += [""]
    for v in request.arguments:
        note = f" ({v.name} in the formula)" if names[v.name] != v.name else ""
        lines += [f"{names[v.name]}: {shape_in_words(v)}{note}"]
    return [*lines, "", *formula_lines(f"{request.program.flops} flops".replace("**", "^"), LINE)]
