"""What a text claims about a derivative: which form it is, in which variable, and the expression it stands for."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from types import FunctionType
from typing import NamedTuple

from matcalc.definitions import definitions_of
from matcalc.derivative_tests import Claim
from matcalc.derivatives import Derivative
from matcalc.errors import MatcalcError, ParseError, ShapeError, UnknownName
from matcalc.expressions import ONE, Dimension, Expression, Shape, Variable, variables_of
from matcalc.free_entries import count
from matcalc.reading import read
from matcalc.sizes import shape_words, size_text, with_article
from matcalc.syntax import parse_expression
from matcalc.syntax_trees import postorder
from matcalc.tokens import spelled
from matcalc.transposes import transpose
from matcalc.walks import survey, walk_of
from matcalc.writing import declarations_of, text

WORDS = {
    "differential": "differential",
    "second_differential": "second differential",
    "gradient": "gradient",
    "jacobian": "Jacobian",
    "hessian": "Hessian",
    "hessian_operator": "Hessian operator",
    "third_differential": "third differential",
}


@dataclass(frozen=True)
class Reading:
    """What a claim may mean; `transposed` where it is the transpose of what was typed."""

    claim: Claim
    transposed: bool = False


class Label(NamedTuple):
    """The left side of a claim, as answers have it: ∇f, H in x and y; the form it names, and the variables."""

    words: str
    kind: str
    names: tuple[str, ...]


_BELOW = r"_\{[\w, ]+\}"
_LABELS = {
    "differential": r"df|differential|\\mathrm\{d\}f",
    "gradient": rf"∇\s*f|(?:grad|nabla)\s+f|gradient|grad|\\nabla(?:{_BELOW})?\s*f",
    "jacobian": rf"J(?:{_BELOW})?|jacobian",
    "hessian": rf"H(?:{_BELOW})?|hessian|∇²\s*f",
    "hessian_operator": r"hessian operator|H\[[^]=]*\]",
    "second_differential": r"d2f|d²f|d\^2\s*f|second differential|\\mathrm\{d\}\^2\s*f",
    "third_differential": r"d3f|d³f|d\^3\s*f|third differential|\\mathrm\{d\}\^3\s*f",
}
_FORMS = "|".join(f"(?P<{kind}>{words})" for kind, words in _LABELS.items())
_LABEL = re.compile(rf"\s*(?P<label>(?:{_FORMS})(?:\s+in\s+(?P<first>\w+)(?:\s+and\s+(?P<second>\w+))?)?)\s*=(?!=)\s*")


_OF_FUNCTIONS = "for functions there is mc.verify_function(f, df, at)"


def claim_text(claim: object) -> str:
    """The text of a claim, which is one or an expression; raises MatcalcError for what is neither.

    >>> claim_text(lambda x: 2 * x)
    Traceback (most recent call last):
        ...
    matcalc.errors.MatcalcError: a claim is a text or an expression, and a function is neither
    for functions there is mc.verify_function(f, df, at)
    """
    if isinstance(claim, str):
        return claim
    if isinstance(claim, Expression):
        return text(claim)
    what = "a function" if callable(claim) else f"{claim!r:.40}"
    hint = _OF_FUNCTIONS if callable(claim) else 'write it in quotes: "2*A*x"'
    raise MatcalcError(f"a claim is a text or an expression, and {what} is neither", hint=hint)


def refuse_functions(*given: object) -> None:
    """Raise MatcalcError where a Python function stands in the place of a formula or of names."""
    if any(isinstance(one, FunctionType) for one in given):
        raise MatcalcError("a formula is a text, and no Python function", hint=_OF_FUNCTIONS)


def labelled(claim: str) -> tuple[str, Label | None]:
    """A claim with blanks in the place of its left side, and what that says.

    >>> labelled("∇f in x = 2*A*x")
    ('          2*A*x', Label(words='∇f in x', kind='gradient', names=('x',)))
    """
    found = _LABEL.match(claim)
    if found is None or _is_formula(claim):
        return claim, None
    kind = next(kind for kind in _LABELS if found[kind])
    below = re.search(_BELOW, found["label"])
    words = re.findall(r"\w+", below[0][1:]) if below else [found["first"], found["second"]]
    names = tuple(spelled(name) for name in words if name)
    return " " * found.end() + claim[found.end() :], Label(found["label"], kind, names)


def _is_formula(text: str) -> bool:
    """Whether a text reads as it is: H = A'*A in one line and 2*H*x in the next."""
    try:
        parse_expression(text)
    except ParseError:
        return False
    return True


def readings_of(D: Derivative, claim: str) -> list[Reading]:
    """What a text may claim about a derivative, by its left side, content and shape; what is likelier first.

    Raises ShapeError for a text that is no derivative by its shape, nor the transpose of one.
    """
    formula, label = labelled(claim)
    if label is not None:
        _refuse_label(D, label, claim)
    variables = D.variables
    if label is not None and label.names:
        by_name = {x.name: x for x in D.variables}
        variables = tuple(by_name[name] for name in label.names)
    try:
        return _Question(D, formula, label, variables).readings()
    except MatcalcError as error:
        if error.text == formula:
            error.text = claim
        raise


def _refuse_label(D: Derivative, label: Label, claim: str) -> None:
    """Refuse a left side that has another meaning in the question, or is about what the question has not."""
    place = {"text": claim, "start": claim.index(label.words), "end": claim.index(label.words) + len(label.words)}
    known = {v.name for v in (*D.known_variables, *D.perturbations.values())} | D.named.program.names
    form = WORDS[label.kind]
    if label.words in known:
        message = f"{label.words} is a name of the question, and a claim is no equation"
        raise ParseError(message, **place, hint=f"leave out {label.words} = for a claim about the {form}")  # type: ignore[arg-type]
    if not D.expression.is_scalar and label.kind in ("gradient", "hessian", "hessian_operator"):
        message = f"only a scalar has a {form}, and {text(D.expression)} is {with_article(_words(D.expression))} matrix"
        raise ShapeError(message, **place, hint="claim its Jacobian or its differential")  # type: ignore[arg-type]
    names = [x.name for x in D.variables]
    for name in label.names:
        if name not in names:
            message = f"the question has no derivative in {name}"
            raise UnknownName(message, **place, hint=f"it is differentiated in {', '.join(names)}")  # type: ignore[arg-type]
    if len(label.names) > (2 if label.kind == "hessian" else 1):
        raise ParseError(f"a {form} is in one variable", **place, hint="name one")  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Question:
    """A claim without its left side, and the variables that it is about."""

    D: Derivative
    formula: str
    label: Label | None
    variables: tuple[Variable, ...]

    def readings(self) -> list[Reading]:
        """What the claim may be, restricted to what its left side says."""
        D, label = self.D, self.label
        e = self._expression()
        found = self._by_content(e)
        if label is None or is_zero_claim(e):
            return found
        fitting = [reading for reading in found if reading.claim.kind == label.kind]
        if not fitting:
            message = f"{self.formula.strip()} is no {WORDS[label.kind]} of {text(D.expression)}"
            hint = f"it may be the {WORDS[found[0].claim.kind]}: leave out {label.words} ="
            raise self._mistake(message, hint)
        return fitting

    def _mistake(self, message: str, hint: str = "") -> ShapeError:
        blanks = len(self.formula) - len(self.formula.lstrip())
        return ShapeError(message, text=self.formula, start=blanks, end=len(self.formula), hint=hint)

    def _expression(self) -> Expression:
        """The claim as an expression in the variables and the perturbations."""
        D, formula = self.D, self.formula
        moving = [*D.perturbations.values(), *D.second_perturbations.values(), *D.third_perturbations.values()]
        known = dict.fromkeys((*D.known_variables, *moving))
        program = D.named.printed
        tree = parse_expression(formula)
        defined = definitions_of(tree).values()
        parts = [p.variable for p in program.parts if p.name not in defined]
        e = program.unfolded(self._read(declarations_of([*known, *parts], [D.expression])))
        names = [v.name for v in known]
        strangers = sorted({v.name for v in variables_of(e)} - {*names})
        if strangers:
            places = (t for t in postorder(tree) if t.kind == "name" and t.value == strangers[0])
            place = min(places, key=lambda t: t.start, default=tree)
            hint = f"the variables are {', '.join(names[: len(names) - len(moving) + len(D.variables)])}"
            message = f"there is no variable {strangers[0]} in the question"
            raise UnknownName(message, text=formula, start=place.start, end=place.end, hint=hint)
        return e

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of the forms without perturbations."""
        D, x, y = self.D, self.variables[0], self.variables[-1]
        entries, size = D.expression.rows * D.expression.columns, self._size(x)
        if not D.expression.is_scalar:
            return {"jacobian": (entries, size)}
        other = self._size(y) if len(self.variables) == 2 and self.label is not None else size
        return {
            "gradient": (size, ONE) if D.free else x.shape,
            "jacobian": (entries, size),
            "hessian": (size, other),
        }

    def _size(self, x: Variable) -> Dimension:
        return count(x) if self.D.free else x.rows * x.columns

    def _read(self, declared: str) -> Expression:
        """The claim; where it has a bare eye or ones, its size follows from the shape that such a form has."""
        shapes, f = self.shapes, self.D.expression.shape
        kind = self.label.kind if self.label is not None else ""
        wanted = shapes.get(kind, shapes.get("gradient", shapes["jacobian"]))
        try:
            return read(self.formula, declared, wanted=wanted).expression
        except ParseError as error:
            likely = dict.fromkeys([wanted, f, *shapes.values(), shapes["jacobian"][::-1]])
            for whole in likely:
                try:
                    return read(self.formula, declared, shape=whole).expression
                except MatcalcError:
                    continue
            raise error from None

    def _by_content(self, e: Expression) -> list[Reading]:
        """What an expression may claim, by the perturbations in it and its shape."""
        D, x = self.D, self.variables[0]
        f, used = D.expression, {v.name for v in variables_of(e)}
        orders = (D.third_perturbations, D.second_perturbations, D.perturbations)
        third, second, first = ({dx.name for dx in found.values()} for found in orders)
        single = len(self.variables) == 1
        if not used & (third | second | first):
            return self._by_shape(e)
        if f.is_scalar and single and e.shape == x.shape and not used & (second | third):
            operator = [Reading(Claim("hessian_operator", e, x))]
            return [Reading(Claim("differential", e)), *operator] if x.is_scalar else operator
        if e.shape != f.shape:
            message = f"{self.formula.strip()} is {_words(e)}: a differential of {text(f)} is {_words(f)}"
            raise self._mistake(message)
        kind = "third_differential" if used & third else "second_differential" if used & second else "differential"
        return [Reading(Claim(kind, e))]  # type: ignore[arg-type]

    def _by_shape(self, e: Expression) -> list[Reading]:
        """What an expression without perturbations may claim."""
        D, shapes = self.D, self.shapes
        about = self.variables if self.label is not None and self.label.names else self.variables[:1]
        if len(self.variables) > len(about) and not is_zero_claim(e):
            raise _without_variable(D)
        found = [Reading(claim_of(D, kind, e, *about)) for kind, shape in shapes.items() if e.shape == shape]
        turned = [kind for kind, shape in shapes.items() if e.shape == shape[::-1] and kind != "hessian"]
        found += [Reading(claim_of(D, kind, transpose(e), *about), True) for kind in turned]
        if found:
            return found
        if is_zero_claim(e):
            return [Reading(Claim("differential", e))]
        x, claimed = self.variables[0], f"{self.formula.strip()} is {_words(e)}"
        if self.label is not None and self.label.kind in shapes:
            shape = shape_words(shapes[self.label.kind])
            raise self._mistake(f"{claimed}, and {self.label.words} is {with_article(shape)}")
        rows, columns = map(size_text, shapes["jacobian"])
        wanted = [f"a gradient is {shape_words(shapes['gradient'])}"] if D.expression.is_scalar else []
        wanted.append(f"a Jacobian {rows}×{columns}")
        wanted.append(f"a differential {_words(D.expression)} with {D.perturbations[x].name} in it")
        message = f"{claimed}: it is no derivative of {text(D.expression)} with respect to {x.name}"
        raise self._mistake(message, "; ".join(wanted))


def names_defined(claim: str) -> Set[str]:
    """The names that a claim defines itself, which the sizes of the question cannot have.

    >>> sorted(names_defined("let m = A*x in 2*A'*m"))
    ['m']
    """
    formula, _ = labelled(claim)
    return survey(walk_of(parse_expression(formula))).bound.keys() if _is_formula(formula) else frozenset()


def refuse_without_variable(D: Derivative, claim: str) -> None:
    """Refuse a claim of which is not said what it is about, unless it has the perturbations of all variables.

    What does not read is left to ``readings_of``.
    """
    formula, label = labelled(claim)
    if not _is_formula(formula):
        return
    used = {str(tree.value) for tree in postorder(parse_expression(formula)) if tree.kind == "name"}
    about = label is not None and label.names
    if len(D.variables) > 1 and not about and not {dx.name for dx in D.perturbations.values()} <= used:
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


def is_zero_claim(e: Expression) -> bool:
    """Whether the claim is a zero, which is a differential of any function."""
    return e.is_scalar and text(e) == "0"


def _words(e: Expression) -> str:
    return f"{size_text(e.rows)}×{size_text(e.columns)}"
