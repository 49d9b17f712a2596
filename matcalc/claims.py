"""What a text claims about a derivative: which form it is, in which variable, and the expression it stands for."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from matcalc.definitions import definitions_of
from matcalc.derivative_tests import Claim
from matcalc.derivatives import Derivative
from matcalc.errors import MatcalcError, ParseError, ShapeError, UnknownName
from matcalc.expressions import ONE, Expression, Variable, variables_of
from matcalc.free_entries import count
from matcalc.reading import read
from matcalc.sizes import shape_words, size_text
from matcalc.syntax import parse_expression
from matcalc.syntax_trees import postorder
from matcalc.transposes import transpose
from matcalc.walks import survey, walk_of
from matcalc.writing import declarations_of, text


@dataclass(frozen=True)
class Reading:
    """What a claim may mean; `transposed` where it is the transpose of what was typed."""

    claim: Claim
    transposed: bool = False


def readings_of(D: Derivative, claim: str) -> list[Reading]:
    """What a text may claim about a derivative, by its content and shape; what is likelier first.

    Raises ShapeError for a text that is no derivative by its shape, nor the transpose of one.
    """
    x = D.variables[0]
    known = {v.name: v for v in D.known_variables}
    perturbations = {v.name: v for v in D.perturbations.values()}
    second = {v.name: v for v in D.second_perturbations.values()}
    third = {v.name: v for v in D.third_perturbations.values()}
    program = D.named.printed
    defined = definitions_of(parse_expression(claim)).values()
    parts = {p.name: p.variable for p in program.parts if p.name not in defined}
    declared = declarations_of((known | perturbations | second | third | parts).values(), [D.expression])
    e = program.unfolded(_read_claim(D, claim, declared))
    used = {v.name for v in variables_of(e)}
    strangers = sorted(used - {*known, *perturbations, *second, *third})
    if strangers:
        hint = f"the variables are {', '.join([*known, *perturbations])}"
        raise UnknownName(f"there is no variable {strangers[0]} in the question", text=claim, start=0, hint=hint)
    size, entries = count(x) if D.free else x.rows * x.columns, D.expression.rows * D.expression.columns
    if len(D.variables) > 1 and not used & {*third, *second, *perturbations} and not is_zero_claim(e):
        raise _without_variable(D)
    is_operator = D.expression.is_scalar and len(D.variables) == 1 and e.shape == x.shape
    if is_operator and used & set(perturbations) and not used & {*second, *third}:
        operator = [Reading(Claim("hessian_operator", e, x))]
        return [Reading(Claim("differential", e)), *operator] if x.is_scalar else operator
    if used & {*third, *second, *perturbations} and e.shape != D.expression.shape:
        message = f"{claim} is {_words(e)}: a differential of {text(D.expression)} is {_words(D.expression)}"
        raise ShapeError(message, text=claim, start=0, end=len(claim))
    if used & set(third):
        return [Reading(Claim("third_differential", e))]
    if used & set(second):
        return [Reading(Claim("second_differential", e))]
    if used & set(perturbations):
        return [Reading(Claim("differential", e))]
    shape = (size, ONE) if D.free else x.shape
    shapes = {"gradient": shape, "jacobian": (entries, size), "hessian": (size, size)}
    if not D.expression.is_scalar:
        shapes = {"jacobian": shapes["jacobian"]}
    found = [Reading(claim_of(D, kind, e)) for kind, shape in shapes.items() if e.shape == shape]
    turned = [kind for kind, shape in shapes.items() if e.shape == shape[::-1] and kind != "hessian"]
    found += [Reading(claim_of(D, kind, transpose(e)), True) for kind in turned]
    if found:
        return found
    if is_zero_claim(e):
        return [Reading(Claim("differential", e))]
    dx = D.perturbations[x].name
    wanted = [f"a gradient is {shape_words(shape)}"] if D.expression.is_scalar else []
    wanted += [
        f"a Jacobian {size_text(entries)}×{size_text(size)}",
        f"a differential {_words(D.expression)} with {dx} in it",
    ]
    message = f"{claim} is {_words(e)}: it is no derivative of {text(D.expression)} with respect to {x.name}"
    raise ShapeError(message, text=claim, start=0, end=len(claim), hint="; ".join(wanted))


def names_defined(claim: str) -> Set[str]:
    """The names that a claim defines itself, which the sizes of the question cannot have.

    >>> sorted(names_defined("let m = A*x in 2*A'*m"))
    ['m']
    """
    return survey(walk_of(parse_expression(claim))).bound.keys()


def refuse_without_variable(D: Derivative, claim: str) -> None:
    """Refuse a claim of which is not said what it is about, unless it has the perturbations of all variables."""
    used = {str(tree.value) for tree in postorder(parse_expression(claim)) if tree.kind == "name"}
    if len(D.variables) > 1 and not {dx.name for dx in D.perturbations.values()} <= used:
        raise _without_variable(D)


def _without_variable(D: Derivative) -> UnknownName:
    names = ", ".join(x.name for x in D.variables)
    together = " and ".join(dx.name for dx in D.perturbations.values())
    hint = f"one of {names}; a claim about all of them is a differential, with {together} in it"
    return UnknownName("name the variable that the claim is about", hint=hint)


def claim_of(D: Derivative, kind: str, e: Expression, *variables: Variable) -> Claim:
    """A claim about a form in the variables, or in the first one; a gradient is for the inner product asked for."""
    weights = (D.inner.left, D.inner.right) if D.inner and kind == "gradient" else None
    first, second = (*(variables or D.variables[:1]), None)[:2]
    return Claim(kind, e, first, second, weights, D.free)  # type: ignore[arg-type]


def _read_claim(D: Derivative, claim: str, declared: str) -> Expression:
    """The claim; where it is a bare eye or ones, its size is that of a gradient."""
    x, f = D.variables[0], D.expression
    size = count(x) if D.free else x.rows * x.columns
    shape = (size, ONE) if D.free else x.shape
    wanted = shape if f.is_scalar else (f.rows * f.columns, size)
    try:
        return read(claim, declared, wanted=wanted).expression
    except ParseError as error:
        for whole in (shape, D.expression.shape):
            try:
                return read(claim, declared, shape=whole).expression
            except MatcalcError:
                continue
        raise error from None


def is_zero_claim(e: Expression) -> bool:
    """Whether the claim is a zero, which is a differential of any function."""
    return e.is_scalar and text(e) == "0"


def _words(e: Expression) -> str:
    return f"{size_text(e.rows)}×{size_text(e.columns)}"
