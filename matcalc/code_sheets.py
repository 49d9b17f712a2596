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
from matcalc.expressions import ONE, SCALAR, Variable
from matcalc.programs import FACTOR, FEW_TERMS, INDEXED_SUM, Program, Value, every_value, refuse

LONGEST_FORMULA = 68
LONGEST_RESULT = 88
ATOM, POSTFIX, POWER, NEGATIVE, TIMES, MATMUL, PLUS = 100, 95, 85, 75, 70, 69, 60

NAMES = {
    FACTOR: ("F",),
    0: ("s", "t", "c", "q"),
    1: ("u", "v", "w", "z", "p", "h"),
    2: ("M", "N", "P", "Q", "R", "S", "T"),
}
INDICES = ("i", "j", "k", "l")
NUMBERS = frozenset({"number", "constant", "add", "sub", "mul", "div", "neg", "pow", "reciprocal", "sqrt"})
LARGEST = Integer(int(float_info.max))
NEVER_NAMED = frozenset({"input", "number", "constant", "as_row"})
VIEWS = frozenset({"input", "transpose", "diagonal", "row", "column", "vec", "unvec", "eye"})


class Text(NamedTuple):
    """A formula, and how strongly its last operation binds."""

    text: str
    binding: int = ATOM


END = Value("end", (), (), SCALAR, 0, -1)

Template = Callable[["Sheet", Value], Text]


@dataclass
class Language:
    """How a programming language writes the operations of a program."""

    operations: Mapping[str, Template]
    assignment: str = "{} = {}"
    repeats: Collection[str] = ()
    reserved: Collection[str] = ()
    statements: Collection[str] = ()
    loop: Callable[[Sheet, str, Value, Value], str] | None = None
    loop_end: str = ""
    zero: str = "0"
    start: Template | None = None


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
    sums: set[Value] = field(default_factory=set)
    numbers: set[Value] = field(default_factory=set)
    loops: list[Value] = field(default_factory=list)
    given: Mapping[Value, str] = field(default_factory=dict)
    overwritten: Mapping[Value, Value] = field(default_factory=dict)
    early: Collection[Value] = ()
    numbered: dict[tuple[str, ...], int] = field(default_factory=dict)

    def write(self, arguments: Mapping[str, str], output_names: Sequence[str]) -> list[str]:
        """Write the lines; the formulas of the outputs are returned."""
        self.taken.update(self.language.reserved, arguments.values(), output_names, self.given.values())
        self.names.update(self.given)
        self.texts.update({v: Text(name) for v, name in self.given.items()})
        for v in self.program.values:
            if v.op == "input":
                self.texts[v] = Text(arguments[v.data[0].name])
        self.uses = self.program.uses()
        named = self._repeated() | self._long_sums() | self._held() | set(self.early)
        levels = [iter(self.program.values)]
        while levels:
            v = next(levels[-1], END)
            if v is END:
                levels.pop()
                if self.loops:
                    self._close_loop()
            elif v.op == INDEXED_SUM:
                self._open_loop(v, self._output_name(v, output_names) or self._name_for(v))
                levels.append(iter(v.terms))
            elif v.op != "input":
                self._write_value(v, named, self._output_name(v, output_names))
        return [self.texts[v].text for v in self.program.outputs]

    def _output_name(self, v: Value, output_names: Sequence[str]) -> str:
        """The name of an output that is returned beside others."""
        outputs = self.program.outputs
        return output_names[outputs.index(v)] if len(outputs) > 1 and v in outputs else ""

    def _write_value(self, v: Value, named: Collection[Value], output_name: str) -> None:
        if v.rank == 0 and v.op in NUMBERS and all(a in self.numbers for a in v.args):
            self.numbers.add(v)
        if v.args and v.args[0] in self.sums and v.op in ("add", "sub") and not output_name:
            name = self.names[v.args[0]]
            self._line(self._added(name, v), v)
            self.names[v], self.texts[v] = name, Text(name)
            return
        if v.op not in self.language.operations:
            raise refuse(v.op, "mc.compile computes it")
        text = self.language.operations[v.op](self, v)
        if v in named or output_name or self._deserves_a_name(v, text):
            self.names[v] = output_name or self._name_for(v)
            self._assign(v, text.text)
        else:
            self.texts[v] = text

    def _assign(self, v: Value, text: str) -> None:
        self._line(self.language.assignment.format(self.names[v], text), v)
        self.texts[v] = Text(self.names[v])

    def _line(self, text: str, v: Value) -> None:
        self.lines.append(("    " * len(self.loops) + text, v))

    # ---- sums over an index ----

    def _open_loop(self, v: Value, name: str) -> None:
        """The total starts at nothing, and the lines that follow are done again for each index."""
        lower, upper = v.args[:2]
        index = v.data[0]
        self.names[v] = name
        zeros = self.language.start or self.language.operations["zeros"]
        self._assign(v, zeros(self, v).text if v.rank or self.language.start else self.language.zero)
        self.texts[index] = Text(self._free(*INDICES))
        self.numbers.add(index)
        assert self.language.loop is not None
        self._line(self.language.loop(self, self.texts[index].text, lower, upper), v)
        self.loops.append(v)

    def _close_loop(self) -> None:
        """The last line of the loop adds the term to the total."""
        name = self.names[v := self.loops[-1]]
        self._line(self.language.assignment.format(name, f"{name} + {self.formula(v.data[1], PLUS + 1)}"), v)
        self.loops.pop()
        self.taken.discard(self.texts[v.data[0]].text)
        if self.language.loop_end:
            self._line(self.language.loop_end, v)

    def _held(self) -> set[Value]:
        """What a loop needs that does not change in it."""
        sums = (v for v in every_value(self.program.values) if v.op == INDEXED_SUM)
        needed = (a for v in sums for a in v.args[2:])
        return {a for a in needed if a.op not in NEVER_NAMED and not (a.op == "transpose" and a.args[0].op == "input")}

    def is_within(self, index: Value, length: Expr) -> bool:
        """Whether the index of a sum is known to lie between 1 and the length."""
        for v in self.loops:
            if v.data[0] is index:
                lower, upper = (a.data[0] if a.op == "number" else ONE / 2 for a in v.args[:2])
                return bool((lower - 1).is_nonnegative and (length - upper).is_nonnegative and upper.is_integer)
        return False

    def _added(self, name: str, v: Value) -> str:
        """The line that adds a term to a sum, in place where the arrays are our own."""
        if self.options.get("in_place"):
            return f"{name} {'+' if v.op == 'add' else '-'}= {self.formula(v.args[1], PLUS + 1)}"
        return self.language.assignment.format(name, self.language.operations[v.op](self, v).text)

    def _repeated(self) -> set[Value]:
        """The operands that a formula writes more than once, inputs apart."""
        found: set[Value] = set()
        for v in every_value(self.program.values):
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
        if v in self.program.names:
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
        given = self.program.names.get(v)
        spoken = identifier(given, self.language.reserved) if given else self._spoken_name(v)
        if spoken and spoken not in self.taken:
            self.taken.add(spoken)
            return spoken
        return self._free(*NAMES[v.rank])

    def _long_sums(self) -> set[Value]:
        """The sums of more than a few terms so far: each has the name of the next, which only adds a term."""
        lengths: dict[Value, int] = {}
        levels = [self.program.values, *(v.terms for v in every_value(self.program.values) if v.terms)]
        for level in levels:
            own = set(level)
            for v in level:
                if v.op in ("add", "sub") and v.rank > 0:
                    a = v.args[0]
                    continues = self.uses[a] == 1 and a.is_full and a.shape == v.shape and a in own
                    lengths[v] = lengths.get(a, 1) + 1 if continues else 2
                    if continues and lengths[v] > FEW_TERMS:
                        self.sums.add(a)
        return self.sums

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
        first = self.numbered.get(names, 0)  # those before are taken
        for number in range(first, first + 1000):
            for name in names:
                candidate = f"{name}{number + 1}" if number else name
                if candidate not in self.taken:
                    self.taken.add(candidate)
                    self.numbered[names] = 0 if names == INDICES else number
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


def called(*patterns: Any) -> set[str]:
    """The functions that are called in patterns of code.

    >>> sorted(called("sort(eig({0}))", "norm({0})"))
    ['eig', 'norm', 'sort']
    """
    return set(re.findall(r"\b[A-Za-z_]\w*(?=\.?\()", " ".join(map(str, patterns))))


def identifiers(variables: Iterable[Variable], reserved: Collection[str]) -> dict[str, str]:
    """An identifier for each variable, no two alike."""
    found: dict[str, str] = {}
    for v in variables:
        name = identifier(v.name, reserved)
        while name in found.values():
            name += "_"
        found[v.name] = name
    return found


def shape_in_words(v: Variable) -> str:
    """The declared shape of an argument."""
    words = ["symmetric positive definite" if w == "spd" else w for w in sorted(v.properties - {"constant"})]
    return declared_shape(v) + (f", {', '.join(words)}" if words else "")
