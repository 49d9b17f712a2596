"""The names of a text: which are declared, which are sizes or constants, and which the text gets wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from matcalc.declarations import ANALYTIC, Declared
from matcalc.definition_mistakes import refuse_definitions
from matcalc.errors import ParseError, UnknownName
from matcalc.function_table import ALIASES, FUNCTIONS, LATER
from matcalc.kinds import GREEK
from matcalc.leaves import CONSTANTS
from matcalc.mistakes import RANDOM
from matcalc.syntax_trees import Tree
from matcalc.walks import DEEPEST_SUMS, Survey

EXPECTATIONS = ("E", "Var", "Cov", "Pr")
BARE_NAMES = {"eye": "eye", "I": "eye", "ones": "ones", "zeros": "zeros"}
_FUNCTION_WORDS = {*LATER, "vector", "matrix", "sum", "reshape", "commutation", "duplication", "elimination"}
LONGEST_GLUED = 8
MOST_LETTERS = 4
_BRACKET = re.compile(r" *(\([^()]*\))")
_BAR = r"(?:\|(?!\|)|\\[lr]?vert(?![A-Za-z]))"
_BARS = re.compile(rf"(?:\s|\\left)*{_BAR}\s*([^|]+?)\s*(?:\\right\s*)?{_BAR}")
_NORM_OF = re.compile(r"\bnorm2?\(\s*((?:[^()]|\([^()]*\))*?)\s*,\s*\Z")
_POWER = re.compile(r" *\^ *[({]? *([-−]?\w+) *[)}]? *\(([^()]*)\)")
_EXPONENT = re.compile(r" *\^ *[({]? *(\w+)")
_D_BY_D = re.compile(r"\bd *\d* */ *d|frac *\{ *d(?:\^\w)? *\} *\{ *d")
_ASKED = frozenset(["derivative", "gradient", "grad", "hessian", "jacobian", "minimize", "maximize", "return"])
_SOUGHT = frozenset(["min", "max", "argmin", "argmax", "minimize", "maximize"])
FUNCTION_ALONE = "write the function alone: what is asked of it is chosen by the command"
OPTIMUM_ALONE = "write the function alone: its gradient is 0 at an optimum"
_ARGUMENT = re.compile(r"[ *·]*([^\W\d]\w*'?)")


def is_variable(declared: Mapping[str, Declared], name: str) -> bool | None:
    """Whether a name is a variable, by its declaration or as no name of a function; None for what may be either."""
    if name in declared:
        return ANALYTIC not in declared[name].properties
    return False if any(name in table for table in (FUNCTIONS, ALIASES, _FUNCTION_WORDS)) else None


def undeclared(found: Survey, declared: Collection[str], sizes: Collection[str], text: str) -> list[str]:
    """The names that are neither declared nor defined, nor constants, nor sizes, in order of appearance.

    Raises ParseError for a name with two meanings, and for one that spells out others.
    """
    if found.defined:
        refuse_definitions(found, declared, _FUNCTION_WORDS, text)
    _refuse_two_meanings(found, declared, sizes, text)
    known = (declared, sizes, found.sizes, BARE_NAMES, CONSTANTS)
    unknown = [name for name in found.names if name not in declared and not any(name in names for names in known)]
    for name in unknown:
        if name in found.exponents and (name == "H" or (name[0] in "TH" and len(name) > 1)):
            _refuse_transposed(name, found.exponents[name][0], text)
        _refuse_function(name, found.names[name], text)
        _refuse_asked(name, {*found.names, *declared}, found.names[name], text)
        _refuse_indexed(name, found, text)
        _refuse_sum(name, unknown, found.names[name], text)
        _refuse_perturbation(name, {*found.names, *declared}, found.names[name], text)
        _refuse_glued(name, {*found.names, *found.bound, *declared} - {name}, found.names[name], text)
    return unknown


def _refuse_two_meanings(found: Survey, declared: Collection[str], sizes: Collection[str], text: str) -> None:
    for name, tree in found.bound.items():
        if name in found.names:
            place = found.names[name]
            message = f"{name} is the index of a sum, and used outside of it"
            raise _refused(message, place, text, "give one of the two another name")
        if name in sizes or name in found.sizes:
            place = found.sizes.get(name, tree)
            message = f"{name} is a size, and the text defines it as well"
            raise _refused(
                message, place, text, "give the definition another name; write a size itself, such as eye(2)"
            )
    for name, place in found.unknowns.items():
        message = f"{name} is the unknown of solve, and used outside of it"
        raise _refused(message, place, text, "give one of the two another name")
    for tree in found.sums:
        message = f"sums over an index are nested deeper than {DEEPEST_SUMS}"
        raise _refused(message, tree, text, "write products in place of some: A*B, x'*y, sum(A)")
    for name, tree in found.rebound.items():
        message = f"{name} is defined again where it is defined already"
        raise _refused(message, tree, text, "give one of the two another name")
    for name, tree in found.sizes.items():
        if name in found.names and name not in declared and (name in found.not_scalars or name in found.matrices):
            message = f"{name} is a size here, and a vector or matrix elsewhere"
            raise _refused(
                message, tree, text, "a size is a number: write n, 3 or 2n; eye alone takes its size from its place"
            )


def _refuse_function(name: str, place: Tree, text: str) -> None:
    """Refuse sin x and log without an argument; a Greek letter or a single one may be a variable all the same."""
    functions = (FUNCTIONS, ALIASES, _FUNCTION_WORDS)
    declared = name in FUNCTIONS and FUNCTIONS[name].named  # elsewhere
    if len(name) > 1 and name not in GREEK and not declared and any(name in table for table in functions):
        message = f"{name} is a function, and here it has no argument"
        words, end = list[str](), place.end
        while (following := _ARGUMENT.match(text, end)) and not (words and words[-1] not in FUNCTIONS):
            words, end = [*words, following[1]], following.end()
        applied = f"{'('.join(words) or '…'}{')' * len(words)}" if len(words) > 1 else f"{(words or ['…'])[0]})"
        if words and words[-1] in FUNCTIONS and (bracket := _BRACKET.match(text, end)):
            applied = f"{'('.join(words)}{bracket[1]}{')' * len(words)}"
        hint = f"write {name}({applied}, or declare {name} if it is to be a variable"
        if bars := _BARS.match(text, place.end):
            absolute = f"{name}(abs({bars[1]})) for the absolute value"
            hint = f"write {absolute}"
            message = f"{name} is a function, and its argument stands in brackets"
            if name in ("log", "ln"):
                message = f"bars after {name} may be those of a determinant or of an absolute value"
                hint = f"write logdet({bars[1]}) for the determinant, {absolute}"
                if bars[1].strip().islower() and bars[1].strip().isalpha():
                    hint = f"write {absolute}; of a matrix logdet({bars[1]}) for the determinant"
        elif norm := _NORM_OF.search(text[max(0, place.start - 60) : place.start]):
            message = f"a norm is named by its function, not by {name} beside its argument"
            hint = f"write {ALIASES.get(name, name)}({norm[1]})"
        elif power := _POWER.match(text, place.end):
            hint = f"write {name}({power[2]}).^{power[1]} for the power of the function"
            if power[1] in ("-1", "−1") and f"arc{name}" in FUNCTIONS:
                hint = f"write arc{name}({power[2]}) for the inverse function, 1 ./ {name}({power[2]}) for 1 by it"
        elif name == "exp" and (exponent := _EXPONENT.match(text, place.end)):
            hint = f"write exp({exponent[1]})"
        elif name in _SOUGHT and not words:
            hint = f"write {name}(x) for an entry of x; to {name}imize a function, write it alone"
        raise _refused(message, place, text, hint)


def _refuse_asked(name: str, others: Collection[str], place: Tree, text: str) -> None:
    """Refuse "gradient of f" and min_x f: what is asked is no part of the function."""
    stem, _, below = name.rpartition("_")
    if name in ("argmin", "argmax") or (stem in _SOUGHT and below in others):
        message = f"{name} is not read: no optimum is sought here"
        raise _refused(message, place, text, f"{OPTIMUM_ALONE}; or declare {name}")
    if name in ("for", "in"):
        message = f"{name} is not declared, and no word of a formula"
        raise _refused(message, place, text, f"write sum(i, 1, n, x[i]) for a sum over i; or declare {name}")
    if name in _ASKED:
        message = f"{name} is not declared, and no part of a function"
        raise _refused(message, place, text, f"{FUNCTION_ALONE}; or declare {name}")


def _refuse_indexed(name: str, found: Survey, text: str) -> None:
    """Refuse A[end] and E[x]: the last entry of MATLAB, and what would be an entry of a vector E."""
    where = found.integers.get(name)
    if name == "end" and where is not None and where.kind == "index":
        hint = "write the number of the last, such as x[3], or a letter for any, x[k]"
        raise _refused("end is no index here", found.names[name], text, hint)
    place = found.not_scalars.get(name)
    if name in EXPECTATIONS and place is not None and place.kind == "index" and place.children[1].kind != "number":
        message = f"{name} is not declared, and {name}[…] would be an entry of it: random variables are not supported"
        hint = f"{RANDOM}; for an entry declare {name}: vector(n)"
        raise UnknownName(message, text=text, start=place.start, end=place.end, hint=hint)


def _refuse_sum(name: str, unknown: Collection[str], place: Tree, text: str) -> None:
    """Refuse Σ_i x_i and sum_i x_i, where Σ_i would be a name."""
    stem, _, index = name.rpartition("_")
    others = [other for other in unknown if other != name and other.rpartition("_")[2] == index]
    if stem in ("sum", "Sum") or (stem == "Sigma" and len(index) == 1 and index.isalpha() and others):
        entry = others[0].replace(f"_{index}", f"[{index}]") if others else f"x[{index}]"
        message = f"{text[place.start : place.end]} is a name here, no sum over {index}"
        hint = f"write sum({index}, 1, n, {entry}) for a sum over {index}, sum(x) for the sum of all entries"
        raise _refused(message, place, text, hint)


def _refuse_transposed(name: str, power: Tree, text: str) -> None:
    """Refuse X^TAX, where ^T was meant, and X^H; a number has no transpose."""
    base = power.children[0]
    if base.kind == "number":
        return
    written, rest = text[base.start : base.end], name[1:]
    rest = "*".join(rest) if rest.isalpha() and len(rest) <= MOST_LETTERS else rest
    transposed = f"write {written}'*{rest}" if rest else f"write {written}'"
    if name == "H":
        message, why = f"{written}^H is not read", "everything is real: "
    else:
        message, why = f"{name} is one name here, the exponent of {written}", ""
    raise _refused(message, power, text, f"{why}{transposed} for the transpose, or declare {name}")


def _refuse_perturbation(name: str, others: set[str], place: Tree, text: str) -> None:
    word = name[1:].rstrip("_")
    if name[0] == "d" and word in others:
        if _D_BY_D.search(text):
            raise _refused(f"d/{name} is no part of a function", place, text, FUNCTION_ALONE)
        message = f"{name} is not declared, and it may be d*{word} or the perturbation of {word}"
        hint = f"write d*{word} for the product, or declare {name} with the shape of {word}"
        raise _refused(message, place, text, hint)


def _refuse_glued(name: str, others: set[str], place: Tree, text: str) -> None:
    parts = spelled_out(name, others, greek=not text[place.start : place.end].isascii())
    if parts:
        message = f"{name} is not declared, and it spells out {' and '.join(parts)}"
        raise _refused(message, place, text, f"write {_joined(parts)}, or declare {name}")


def _joined(parts: list[str]) -> str:
    if parts[0] in FUNCTIONS or parts[0] in ALIASES:
        return f"{parts[0]}({'*'.join(parts[1:])}) for the function"
    return f"{'*'.join(parts)} for the product"


def spelled_out(name: str, others: set[str], greek: bool = False) -> list[str]:
    """The names that a longer name spells out, at most one of them a letter that is not a name itself.

    Of capital letters, as in X'AXB, it takes one that is a name.  The names of Greek letters are letters where they
    were typed as such: Σx.

    >>> spelled_out("Ax", {"x"}), spelled_out("sinx", {"x"}), spelled_out("Ab", {"x"}), spelled_out("AXB", {"X"})
    (['A', 'x'], ['sin', 'x'], [], ['A', 'X', 'B'])
    """
    if not 2 <= len(name) <= LONGEST_GLUED or name in GREEK or not name.isalpha() or not name.isascii():
        return []
    best: list[list[str]] = []
    pending: list[tuple[int, list[str], int]] = [(0, [], 0)]
    while pending:
        start, parts, strangers = pending.pop()
        if start == len(name):
            if len(parts) > 1 and strangers < len(parts):
                best.append(parts)
            continue
        for end in range(start + 1, len(name) + 1):
            part = name[start:end]
            function = start == 0 and len(part) > 1 and (part in FUNCTIONS or part in ALIASES)
            if part in others:
                pending.append((end, [*parts, part], strangers))
            elif function or (len(part) == 1 and (strangers == 0 or name.isupper())) or (greek and part in GREEK):
                pending.append((end, [*parts, part], strangers + 1))
    return min(best, key=len, default=[])


def _refused(message: str, place: Tree, text: str, hint: str) -> ParseError:
    return ParseError(message, text=text, start=place.start, end=place.end, hint=hint)
