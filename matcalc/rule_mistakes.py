"""What is said of a rule in a user's file that cannot be right, before it is read as mathematics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matcalc.declarations import Declared, declared_names
from matcalc.dimensions import is_unknown
from matcalc.errors import MatcalcError, RuleError
from matcalc.expressions import ONE, Variable, variables_of
from matcalc.function_table import ALIASES, FUNCTIONS, LATER, function_names
from matcalc.kinds import convention
from matcalc.leaves import CONSTANTS
from matcalc.names import BARE_NAMES
from matcalc.reading import read_tree
from matcalc.sizes import declaration_text
from matcalc.syntax_trees import RuleText, Tree, postorder
from matcalc.walks import Survey, survey, walk_of

_TAKEN = {*BARE_NAMES, *CONSTANTS, "d", "let", "in"}
_BY_CONVENTION = {"scalar": "scalar", "vector": "vector(n)", "matrix": "matrix(m,n)"}


class RuleMistakes:
    """The mistakes of one rule; every method raises RuleError with the place in the file, or returns."""

    def __init__(self, text: RuleText, whole: str) -> None:
        self.text = text
        self.whole = whole

    def error(self, message: str, hint: str, place: Tree | None = None) -> RuleError:
        """The error about a part of the rule, its left side if no other is named."""
        tree = place or self.text.left
        where: dict[str, Any] = {"file": self.text.file, "text": self.whole, "start": tree.start, "end": tree.end}
        return RuleError(f"{self.text.name}: {message}", hint=hint, **where)

    def refuse_undeclared(self) -> None:
        """Refuse a name in a rule that its `for` line does not declare."""
        declared, sizes = self._declared()
        for side in filter(None, (self.text.left, self.text.right)):
            found = survey(walk_of(side))
            strangers = _strangers(found.names, {*declared, *sizes, *found.sizes, *found.defined})
            if strangers:
                hint = f"write for {self._guesses(strangers)}"
                raise self.error(f"{_not_declared(strangers)} in a rule", hint, found.names[strangers[0]])

    def _declared(self) -> tuple[dict[str, Declared], frozenset[str]]:
        try:
            names, sizes = declared_names(self.text.declarations, self.whole)
        except MatcalcError as error:
            place = {"text": self.whole, "start": error.start, "end": error.end, "file": self.text.file}
            raise RuleError(f"{self.text.name}: {error.message}", hint=error.hint, **place) from None  # type: ignore[arg-type]
        return dict(names), sizes

    # ---- definitions

    def parameters(self) -> tuple[str, ...]:
        """The parameters of a definition, in the order of its head, each declared and used."""
        name, parameters = self._head()
        declared, _ = self._declared()
        missing = [p for p in parameters if p not in declared]
        if missing:
            parts = "parameter" if len(missing) == 1 else "parameters"
            raise self.error(f"the {parts} {_not_declared(missing)}", f"write for {self._guesses(missing)}")
        for other in declared:
            if other not in parameters:
                hint = f"write {name}({', '.join([*parameters, other])}), or leave the declaration out"
                raise self.error(f"{other} is declared, and is no parameter of {name}", hint)
        sizes = {d for p in parameters for d in declared[p].shape if d is not ONE}
        for p in parameters:
            if not all(d.is_Atom and not is_unknown(d) for d in declared[p].shape):
                hint = f"write a letter or a number for each: {p}: vector(n)"
                raise self.error(f"the sizes of the parameter {p} are no letters", hint)
        self._refuse_right_side(name, parameters, {str(d) for d in sizes})
        return parameters

    def _head(self) -> tuple[str, tuple[str, ...]]:
        left = self.text.left
        wrong = next((c for c in left.children if c.kind != "name"), None)
        if left.kind != "call" or not left.children or wrong is not None:
            name = str(left.value) if left.kind in ("call", "name") else "f"
            message = f"a definition begins with a function and the names of its parameters, as {name}(x)"
            raise self.error(message, f'write {name}(x) = …, and in the next line "for x: vector(n)"', wrong)
        name, parameters = str(left.value), tuple(str(c.value) for c in left.children)
        known = {*FUNCTIONS, *ALIASES, *function_names()} - (set(LATER) - set(FUNCTIONS))
        if name in known or name in _TAKEN:
            raise self.error(f"{name} is a function already" if name in known else f"{name} has a meaning already",
                             "give the function another name")  # fmt: skip
        if name in parameters:
            raise self.error(f"{name} is the function and its own parameter", "give one of the two another name")
        for i, p in enumerate(parameters):
            if p in parameters[:i]:
                raise self.error(f"{p} is a parameter twice", "give each parameter its own name", left.children[i])
            if p in BARE_NAMES or p in CONSTANTS:
                raise self.error(f"{p} has a meaning already", "give the parameter another name", left.children[i])
        return name, parameters

    def _refuse_right_side(self, name: str, parameters: tuple[str, ...], sizes: set[str]) -> None:
        right = self.text.right
        assert right is not None
        for tree in postorder(right):
            if tree.kind == "call" and tree.value == name:
                raise self.error(f"{name} is defined by itself", "write it with other functions", tree)
            if tree.kind == "call" and tree.value == "d":
                raise self.error("there is no differential in a definition", "write the value alone", tree)
        found: Survey = survey(walk_of(right))
        strangers = _strangers(found.names, {*parameters, *sizes, *found.sizes, *found.defined})
        if strangers:
            hint = f"write {name}({', '.join([*parameters, *strangers])}), and for … {self._guesses(strangers)}"
            raise self.error(f"{_no_parameter(strangers, name)}", hint, found.names[strangers[0]])
        for size, place in found.sizes.items():
            if size not in sizes:
                hint = f"write a size of the parameters: {', '.join(sorted(sizes)) or 'none has a size'}"
                raise self.error(f"the size {size} does not follow from the parameters", hint, place)
        for p in parameters:
            if p not in found.names:
                raise self.error(f"{p} does not occur on the right side", f"use {p}, or leave it out")

    def _guesses(self, names: Iterable[str]) -> str:
        """Declarations of names as the right side needs them, or else by convention."""
        names = list(names)
        guessed = {n: f"{n}: {_BY_CONVENTION[convention(n)]}" for n in names}
        try:
            declared, sizes = self._declared()
            value = read_tree(self.whole, self.text.right or self.text.left, declared, sizes, True)
        except MatcalcError:
            return ", ".join(guessed.values())
        needed: dict[str, Variable] = {v.name: v for v in variables_of(value)}
        guessed |= {n: f"{n}: {declaration_text(needed[n].shape)}" for n in names if n in needed}
        return ", ".join(guessed.values())


def _strangers(names: Iterable[str], known: Iterable[str]) -> list[str]:
    others = {*known, *BARE_NAMES, *CONSTANTS}
    return [n for n in names if n not in others]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _not_declared(names: list[str]) -> str:
    return f"{_listed(names)} {'is' if len(names) == 1 else 'are'} not declared"


def _no_parameter(names: list[str], function: str) -> str:
    return f"{_listed(names)} {'is no parameter' if len(names) == 1 else 'are no parameters'} of {function}"
