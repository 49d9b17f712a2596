"""What is said of definitions that cannot be right: names with another meaning, parts used before they are defined."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from matcalc.errors import ParseError
from matcalc.function_table import ALIASES, FUNCTIONS
from matcalc.kinds import GREEK
from matcalc.syntax_trees import Tree, postorder
from matcalc.tokens import spelled
from matcalc.walks import Survey

_WORD = re.compile(r"[^\W\d]\w*")


def refuse_definitions(found: Survey, declared: Collection[str], functions: Collection[str], text: str) -> None:
    """Raise ParseError for a part that has the name of something else, or is used where it is not defined yet."""
    for name, meaning in found.defined.items():
        if name in declared:
            message = f"{name} is declared, and the text defines it as well"
            hint = f"leave {name} out of the declarations, or give the part another name"
            raise _refused(message, _defined_name(name, meaning, text), text, hint)
        row = FUNCTIONS.get(name)
        function = name in ALIASES or name in functions or (row is not None and not row.named)
        if function and len(name) > 1 and name not in GREEK:
            message = f"{name} is a function, and cannot be the name of a part"
            raise _refused(message, _defined_name(name, meaning, text), text, f"write {name}_1 = …, or another name")
        if name in found.names:
            message, hint = _misplaced(name, found.names[name], found.defined)
            raise _refused(message, found.names[name], text, hint)


def _misplaced(name: str, place: Tree, defined: Mapping[str, Tree]) -> tuple[str, str]:
    """What is wrong with a name that stands where it is not defined."""
    around = [other for other, tree in defined.items() if tree.start <= place.start < tree.end]
    if not around:
        return f"{name} is defined by let, and used outside of its body", "give one of the two another name"
    other = around[-1]
    if other == name:
        return f"{name} is defined by itself", "give one of the two another name: a definition uses earlier ones only"
    if _leads_to(name, other, defined):
        hint = f"write {other} without {name}: a definition uses earlier ones only"
        return f"{other} and {name} are defined by each other", hint
    hint = f"put {name} = … before {other} = …: a definition uses earlier ones only"
    return f"{name} is used before it is defined", hint


def _leads_to(name: str, goal: str, defined: Mapping[str, Tree]) -> bool:
    """Whether the definition of a name uses another one, directly or by other definitions."""
    pending, seen = [name], {name}
    while pending:
        for tree in postorder(defined[pending.pop()]):
            word = str(tree.value)
            if tree.kind == "name" and word == goal:
                return True
            if tree.kind == "name" and word in defined and word not in seen:
                seen.add(word)
                pending.append(word)
    return False


def _defined_name(name: str, meaning: Tree, text: str) -> Tree:
    """Where the name of a definition stands: before its =."""
    words = [m for m in _WORD.finditer(text, 0, meaning.start) if spelled(m[0]) == name]
    return Tree("name", (), name, *words[-1].span()) if words else meaning


def _refused(message: str, place: Tree, text: str, hint: str) -> ParseError:
    return ParseError(message, text=text, start=place.start, end=place.end, hint=hint)
