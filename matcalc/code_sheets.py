"""A program as lines of code in some language: what is written inside another formula, and what gets a name.

A value that is used once is written where it is used, unless the line would become too long. The names are those
an expert would give: Ax for A @ x, r for a residual, K_factor for a factorization.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log10
from sys import float_info
from typing import Any, NamedTuple

from sympy import Expr, Integer, Symbol, sstr

from matcalc.bindings import declared_shape
from matcalc.errors import EvaluationError
from matcalc.expressions import ONE, Variable
from matcalc.programs import FACTOR, Program, Value, refuse

LONGEST_FORMULA = 68
FEW_TERMS = 6
LONGEST_RESULT = 88
ATOM, POSTFIX, POWER, NEGATIVE, TIMES, MATMUL, PLUS = 100, 95, 85, 75, 70, 69, 60

NAMES = {
    FACTOR: ("F",),
    0: ("s", "t", "c", "q"),
    1: ("u", "v", "w", "z", "p", "h"),
    2: ("M", "N", "P", "Q", "R", "S", "T"),
}
LARGEST = Integer(int(float_info.max))
NEVER_NAMED = frozenset({"input", "number", "constant", "as_row"})
VIEWS = frozenset({"input", "transpose", "diagonal", "row", "column", "vec", "unvec", "eye"})


class Text(NamedTuple):
    """A formula, and how strongly its last operation binds."""

    text: str
    binding: int = ATOM


Template = Callable[["Sheet", Value], Text]


@dataclass
class Language:
    """How a programming language writes the operations of a program."""

    operations: Mapping[str, Template]
    assignment: str = "{} = {}"
    repeats: Collection[str] = ()
    reserved: Collection[str] = ()
    statements: Collection[str] = ()


@dataclass
class Sheet:
    """Code that is being written."""

    program: Program
    language: Language
    names: dict[Value, str] = field(default_factory=dict)
    texts: dict[Value, Text] = field(default_factory=dict)
    lines: list[tuple[str, Value]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    sizes: dict[str, str] = field(default_factory=dict)
    helpers: dict[str, None] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    uses: dict[Value, int] = field(default_factory=dict)
    given: Mapping[Value, str] = field(default_factory=dict)

    def write(self, arguments: Mapping[str, str], output_names: Sequence[str]) -> list[str]:
        """Write the lines; the formulas of the outputs are returned."""
        self.taken.update(self.language.reserved, arguments.values(), output_names, self.given.values())
        self.names.update(self.given)
        self.texts.update({v: Text(name) for v, name in self.given.items()})
        for v in self.program.values:
            if v.op == "input":
                self.texts[v] = Text(arguments[v.data[0].name])
        self.uses = self.program.uses()
        repeated = self._repeated()
        sums = self._long_sums()
        results = dict.fromkeys(self.program.outputs)
        single = len(self.program.outputs) == 1
        for v in self.program.values:
            if v.op == "input":
                continue
            is_output = v in results and not single
            if v.args and v.args[0] in sums and v.op in ("add", "sub") and v.args[0] in self.names and not is_output:
                name = self.names[v.args[0]]
                self.lines.append((self._added(name, v), v))
                self.names[v], self.texts[v] = name, Text(name)
                continue
            if v.op not in self.language.operations:
                raise refuse(v.op, "mc.compile computes it")
            text = self.language.operations[v.op](self, v)
            if v in sums or v in repeated or is_output or self._deserves_a_name(v, text):
                name = output_names[self.program.outputs.index(v)] if is_output else self._name_for(v)
                self.lines.append((self.language.assignment.format(name, text.text), v))
                text = Text(name)
                self.names[v] = name
            self.texts[v] = text
        return [self.texts[v].text for v in self.program.outputs]

    def _added(self, name: str, v: Value) -> str:
        """The line that adds a term to a sum, in place where the arrays are our own."""
        if self.options.get("in_place"):
            return f"{name} {'+' if v.op == 'add' else '-'}= {self.formula(v.args[1], PLUS + 1)}"
        return self.language.assignment.format(name, self.language.operations[v.op](self, v).text)

    def _repeated(self) -> set[Value]:
        """The operands that a formula writes more than once, inputs apart."""
        found: set[Value] = set()
        for v in self.program.values:
            if v.op in self.language.repeats:
                found.update(a for a in v.args if a.op not in NEVER_NAMED)
        return found

    def _deserves_a_name(self, v: Value, text: Text) -> bool:
        if v.op in NEVER_NAMED or (v.op == "transpose" and (v.args[0].op == "input" or v.args[0] in self.names)):
            return False
        if v.op in ("lower", "upper") and text.binding == ATOM and text.text.isidentifier():
            return False
        if v.rank == FACTOR or v.op in self.language.statements or self.options.get("traced"):
            return True
        longest = LONGEST_RESULT if self.program.outputs == [v] else LONGEST_FORMULA
        return self.uses[v] > 1 or len(text.text) > longest

    def include(self, other: Sheet) -> None:
        """Need what another sheet needs, too."""
        self.helpers.update(other.helpers)
        for module, names in other.imports.items():
            self.imports.setdefault(module, set()).update(names)

    # ---- formulas ----

    def formula(self, v: Value, binding: int = 0) -> str:
        """The formula of a value, in brackets where it binds less strongly."""
        text, own = self.texts[v]
        return text if own >= binding else f"({text})"

    def size(self, dimension: Expr) -> str:
        """A size as a formula."""
        if dimension.is_Integer:
            return str(dimension)
        numerator, denominator = dimension.as_numer_denom()
        if denominator is not ONE:
            quotient: str = self.options.get("quotient", "({}) // {}")
            return quotient.format(self._renamed(numerator), self._renamed(denominator))
        return self._renamed(numerator)

    def number(self, value: Expr) -> Text:
        """A number, or a formula in sizes."""
        if value.is_Rational and abs(value) > LARGEST:
            raise refuse(f"numbers as large as 10^{int(log10(int(abs(value))))}", "double precision ends at 10^308")
        if value.is_Integer:
            text = str(value) if abs(value) < 2**31 else repr(float(value))
            return Text(text, NEGATIVE if value < 0 else ATOM)
        if value.is_Rational:
            decimal = repr(float(value))
            if len(decimal) <= 8 and "e" not in decimal:
                return Text(decimal, NEGATIVE if value < 0 else ATOM)
            if max(abs(value.p), value.q) < 2**31:
                return Text(f"{value.p} / {value.q}", TIMES)
            return Text(repr(float(value)), NEGATIVE if value < 0 else ATOM)
        return Text(self._renamed(value), ATOM if value.is_Symbol else PLUS)

    def _renamed(self, value: Expr) -> str:
        names = {s: Symbol(self.size_name(s.name)) for s in value.free_symbols}
        return sstr(value.xreplace(names)).replace("**", self.options.get("power", "**"))

    def size_name(self, name: str) -> str:
        """The identifier of a size."""
        if name not in self.sizes:
            self.sizes[name] = self._free(identifier(name, self.language.reserved))
        return self.sizes[name]

    def helper(self, name: str) -> str:
        """The name of a function that is defined beside the code."""
        self.helpers[name] = None
        self.taken.add(name)
        return name

    def imported(self, module: str, name: str) -> str:
        """The name of a function that is imported."""
        self.imports.setdefault(module, set()).add(name)
        self.taken.add(name)
        return name

    # ---- names ----

    def _name_for(self, v: Value) -> str:
        spoken = self._spoken_name(v)
        if spoken and spoken not in self.taken:
            self.taken.add(spoken)
            return spoken
        return self._free(*NAMES[v.rank])

    def _long_sums(self) -> set[Value]:
        """The sums of more than a few terms so far: each has the name of the next, which only adds a term."""
        lengths: dict[Value, int] = {}
        found: set[Value] = set()
        for v in self.program.values:
            if v.op in ("add", "sub") and v.rank > 0:
                a = v.args[0]
                continues = self.uses[a] == 1 and a.is_full and a.shape == v.shape
                lengths[v] = lengths.get(a, 1) + 1 if continues else 2
                if continues and lengths[v] > FEW_TERMS:
                    found.add(a)
        return found

    def _spoken_name(self, v: Value) -> str:
        """The name that says what the value is, where it is short."""
        args = [self.texts[a].text.replace(".T", "t").replace("'", "t") for a in v.args if a in self.texts]
        plain = [a for a in args if a.isidentifier()]
        if v.op in ("matvec", "matmul") and len(plain) == 2 and max(map(len, plain)) <= 3:
            return "".join(plain) if len("".join(plain)) <= 4 else ""
        if v.op == "sub" and v.rank == 1:
            return "r"
        if v.op in ("cholesky", "lu", "symmetric", "lower", "upper") and len(plain) == 1:
            return f"{plain[0]}_factor"
        if v.op == "inverse":
            base = self.texts[v.args[0]].text.removesuffix("_factor")
            return f"{base}_inverse" if base.isidentifier() else ""
        if v.op == "apply" and v.data == ("exp",):
            return "e"
        return ""

    def _free(self, *names: str) -> str:
        for number in range(1000):
            for name in names:
                candidate = f"{name}{number + 1}" if number else name
                if candidate not in self.taken:
                    self.taken.add(candidate)
                    return candidate
        raise AssertionError("a thousand names are taken")


def identifier(name: str, reserved: Collection[str]) -> str:
    """A name that programming languages take, from any name: letters and digits of ASCII.

    >>> identifier("lambda", {"lambda"}), identifier("x'", ()), identifier("d(A)", ())
    ('lambda_', 'x_', 'd_A')
    """
    found = re.sub(r"\W", "_", name, flags=re.ASCII).rstrip("_") + "_" * (len(name) - len(name.rstrip("_'")))
    found = found if found and not found[0].isdigit() and found.strip("_") else f"v_{found}"
    return f"{found}_" if found in reserved else found


def identifiers(variables: Iterable[Variable], reserved: Collection[str]) -> dict[str, str]:
    """An identifier for each variable, no two alike."""
    found: dict[str, str] = {}
    for v in variables:
        name = identifier(v.name, reserved)
        while name in found.values():
            name += "_"
        found[v.name] = name
    return found


def size_sources(sizes: Iterable[str], variables: Sequence[Variable]) -> dict[str, tuple[Variable, int, Expr]]:
    """For each size the variable, the axis and the dimension that show it.

    Raises EvaluationError for a size that no variable shows.

    >>> from matcalc.leaves import variable
    >>> size_sources(["n"], [variable("x", "n")])
    {'n': (x, 0, n)}
    """
    found: dict[str, tuple[Variable, int, Expr]] = {}
    for size in sizes:
        candidates = [
            (v, axis, d)
            for v in variables
            for axis, d in enumerate(v.shape)
            if {s.name for s in d.free_symbols} == {size}
        ]
        candidates.sort(key=lambda c: (not c[2].is_Symbol, c[0].columns is not ONE))
        linear = [c for c in candidates if _is_linear(c[2])]
        if not linear:
            raise EvaluationError(f"no argument shows the size {size}", hint=f"{size} is declared in no shape alone")
        found[size] = linear[0]
    return found


def _is_linear(d: Expr) -> bool:
    (symbol,) = d.free_symbols
    slope = d.subs(symbol, 1) - d.subs(symbol, 0)
    return bool(slope != 0 and d.subs(symbol, 2) - d.subs(symbol, 1) == slope)


def shape_in_words(v: Variable) -> str:
    """The declared shape of an argument."""
    words = ["symmetric positive definite" if w == "spd" else w for w in sorted(v.properties - {"constant"})]
    return declared_shape(v) + (f", {', '.join(words)}" if words else "")
