"""Answers: what is told of a derivative, as text for people and as one JSON document for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from matcalc.conventions import conventions_of
from matcalc.derivation_steps import Step
from matcalc.derivatives import Derivative
from matcalc.expressions import ONE, Expression, Variable
from matcalc.lazy_properties import lazy_property
from matcalc.notations import Notation, in_words
from matcalc.parts import NO_PARTS, Program
from matcalc.registries import method
from matcalc.reports import Report
from matcalc.text import size_text
from matcalc.writing import Naming, declaration, naming_of, text, variables_in_order, whole, writer, written

SECOND_ORDER = ("hessian", "hessian_operator", "second_differential")


@dataclass(frozen=True)
class Answer:
    """A derivative with the forms asked for and the report of their check."""

    derivative: Derivative
    forms: tuple[str, ...]
    report: Report | None = None
    layout: str = "numerator"

    @property
    def program(self) -> Program:
        """The expression with the parts that the user named."""
        return self.derivative.named.printed

    @lazy_property
    def naming(self) -> Naming:
        """The names of shared parts, in the order in which the formulas are printed."""
        return naming_of(self.program, [e for _, _, e in self.entries()])

    def entries(self) -> Iterator[tuple[str, tuple[str, ...], Expression]]:
        """Each form over the named parts, with the variables it is in, where there are several."""
        for form in self.forms:
            found = getattr(self.derivative.named, form)
            for key, e in found.items() if isinstance(found, dict) else [((), found)]:
                turned = self.layout == "denominator" and form == "jacobian"
                yield form, (key,) if isinstance(key, str) else key, e.T if turned else e

    def notes(self) -> Iterator[str]:
        """What is said about the question, and about the conventions of the answer."""
        yield from self.derivative.notes
        yield from conventions_of(self.derivative, self.forms)

    def document(self) -> dict[str, Any]:
        """Everything as JSON data."""
        D = self.derivative
        variables = {
            v.name: {
                "rows": size_text(v.rows),
                "columns": size_text(v.columns),
                "properties": sorted(v.properties),
            }
            for v in self.variables()
        }
        return {
            "expression": text(self.program.body, self.program, self.naming),
            "parts": {p.name: self._document_of(p.definition) for p in self.program.parts},
            "variables": variables,
            "with_respect_to": [v.name for v in D.variables],
            "notes": list(self.notes()),
            "conditions": list(self.conditions()),
            "inner_product": str(D.inner) if D.inner else None,
            "free_entries": D.free,
            "layout": self.layout,
            "forms": {form + in_words(names): self._document_of(e, self.program) for form, names, e in self.entries()},
            "report": self.report.to_json() if self.report else None,
        }

    def _document_of(self, e: Expression, program: Program = NO_PARTS) -> dict[str, str]:
        """An expression as JSON data, in every notation."""
        return {
            "text": text(e, program, self.naming),
            "unicode": whole(written(e, program, self.naming), writer("unicode"), ", "),
            "latex": method("latex")(e, program, self.naming),
            "rows": size_text(e.rows),
            "columns": size_text(e.columns),
        }

    def _label(self, form: str, names: tuple[str, ...], style: str) -> str:
        """The label of a form: "gradient in x", "∇f in x", "\\nabla_{x} f"."""
        directions = [Notation("name", (), dx.name) for dx in self.derivative.perturbations.values()]
        among = [Notation("name", (), n) for n in names]
        return writer(style)(Notation("form", [*directions, *among], (form, len(directions))))

    def variables(self) -> list[Variable]:
        """The variables of the expression, and those asked for that do not occur."""
        found = variables_in_order(self.derivative.expression)
        return list((found | {v.name: v for v in self.derivative.known_variables}).values())

    def conditions(self) -> tuple[str, ...]:
        """The conditions of the rules that were used, of the formulas, and of the weights of an inner product."""
        return self.derivative.conditions_of(*self.forms)

    def lines(self, style: str) -> Iterator[tuple[str, str]]:
        """Label and content of each line, in unicode, ascii or latex; what the user named stands under f, once."""
        write: Callable[[Notation], str] = writer(style)
        f = written(self.program.body, self.program, self.naming)
        named = self.program.names
        yield "f", write(f.answer) if named else whole(f, write, "; ")
        yield from _definitions(f.parts if named else (), write)
        yield "where", ", ".join(_shape(v, style) for v in self.variables())
        for note in self.notes():
            yield "note", note
        for form, names, e in self.entries():
            label = self._label(form, names, style)
            found = written(e, self.program, self.naming)
            yield label, write(found.answer)
            yield from _definitions((part for part in found.parts if part[0] not in named), write)
        found_conditions = self.conditions()
        if found_conditions:
            yield "for", ", ".join(found_conditions)

    @lazy_property
    def derivation(self) -> tuple[Step, ...]:
        """The steps to the forms."""
        return self.derivative.derivation_of(*self.forms, naming=self.naming, layout=self.layout)

    def steps(self, style: str) -> Iterator[tuple[str, str, str]]:
        """Both sides of each step, and its rule, with the source where that comes first."""
        seen: set[str] = set()
        for step in self.derivation:
            yield *step.sides(style), step.words(style, with_source=step.source not in seen)
            seen.add(step.source)


def _definitions(parts: Iterable[tuple[str, Notation]], write: Callable[[Notation], str]) -> Iterator[tuple[str, str]]:
    """A line for each named part."""
    for name, definition in parts:
        yield "", f"where {write(Notation('name', (), name))} = {write(definition)}"


def _shape(v: Variable, style: str) -> str:
    if style != "unicode":
        return declaration(v)
    rows, columns = size_text(v.rows), size_text(v.columns)
    space = "ℝ" if v.is_scalar else _power(rows) if v.columns is ONE else _power(f"{rows}×{columns}")
    words = "".join(f" {p}" for p in sorted(v.properties))
    label = writer(style)(Notation("name", (), v.name))
    return f"{label} ∈ {space}{words}"


_SUPERSCRIPTS = str.maketrans("0123456789+-()×nmpkijrsl", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ˣⁿᵐᵖᵏⁱʲʳˢˡ")


def _power(sizes: str) -> str:
    raised = sizes.translate(_SUPERSCRIPTS)
    plain = any(a == b for a, b in zip(sizes, raised, strict=True))
    return f"ℝ^({sizes})" if plain else f"ℝ{raised}"
