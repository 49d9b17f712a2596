"""The rule book: text files in the language of the tool, read rule by rule as they are needed.

A rule is one of three statements.  A *differential* ``d(f(A)) = …`` (or ``linear f(X)``), an *adjoint*
``dot(G, L(X)) = dot(…, X)`` of a linear primitive, or an *identity* ``left = right``, oriented left to right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from matcalc.applications import words_called
from matcalc.comparisons import are_equal, is_negative
from matcalc.declarations import variables_among
from matcalc.errors import MatcalcError, RuleError
from matcalc.expressions import Apply, Dimension, Expression, Number, Product, Variable
from matcalc.function_table import ALONG_AXES, FUNCTIONS
from matcalc.leaves import perturbation_of
from matcalc.reading import Declared, declared_names, read_tree
from matcalc.registries import CONSTRUCTORS
from matcalc.resources import resource, resource_names
from matcalc.rule_conditions import CONDITIONS
from matcalc.syntax import parse_rulebook
from matcalc.syntax_trees import RuleText, Tree, body_of, with_body

DIFFERENTIAL, ADJOINT, IDENTITY, DEFINITION = "differential", "adjoint", "identity", "definition"
_START = re.compile(r"^(?P<name>[A-Za-z][\w-]*)[ \t]*:", re.MULTILINE)
_HEAD = re.compile(r"(?:d\(|linear\s+|dot\(\s*\w+\s*,\s*)(?P<head>\w+)\(")
_CLAUSE = re.compile(r"^[ \t]+(?:for|where|from)\b", re.MULTILINE)
_ADJOINT = re.compile(r"dot\(\s*\w+\s*,")


@dataclass(frozen=True, eq=False)
class Rule:
    """One statement of the rule book, with its source and the weakest domain on which it holds."""

    name: str
    kind: str
    statement: str
    conditions: tuple[tuple[str, str], ...]
    source: str
    file: str
    line: int
    left: Expression = field(repr=False)
    right: Expression = field(repr=False)
    parameters: Mapping[str, Variable] = field(repr=False)
    slot: Expression | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """File and line: ``rules/determinant.rules:4``."""
        return f"{self.file}:{self.line}"

    @property
    def domain(self) -> str:
        """The conditions in words: "A invertible"."""
        return ", ".join(CONDITIONS[word].format(name) for name, word in self.conditions)

    @property
    def head(self) -> str:
        """What the rule is about: a function's name or a node's class."""
        return head(self.left)


def head(node: Expression) -> str:
    """The name of a function application, or the class of any other node."""
    return node.function if type(node) is Apply else type(node).__name__


@dataclass(eq=False)
class Record:
    """The text of one rule, read when it is first needed."""

    name: str
    text: str
    file: str
    line: int

    @cached_property
    def statement(self) -> str:
        """The rule without its clauses."""
        return _CLAUSE.split(self.text, maxsplit=1)[0]

    @property
    def hints(self) -> set[str]:
        """What the rule may be about, seen without parsing it."""
        return {_ALIASES.get(m["head"], m["head"]) for m in _HEAD.finditer(self.statement)}

    @property
    def is_adjoint(self) -> bool:
        return bool(_ADJOINT.search(self.text))

    @property
    def is_identity(self) -> bool:
        """Whether the rule looks like an identity: not a differential, an adjoint or a definition."""
        statement = self.text.split(":", 1)[1].lstrip()
        return not (self.is_adjoint or statement.startswith(("d(", "linear ", "definition ", "entrywise ")))

    @property
    def left_words(self) -> frozenset[str]:
        """The functions on the left side, as far as nodes are named after them."""
        return self.words.intersection(words_called(self.text.split("=", 1)[0].split(":", 1)[1]))

    @property
    def words(self) -> frozenset[str]:
        """The functions of the statement, as far as nodes are named after them, and `inv`."""
        found = (FUNCTIONS.get(w) for w in words_called(self.statement.split(":", 1)[1]))
        return frozenset(f.name for f in found if f is not None and (f.name == "inv" or not f.is_defined))

    @cached_property
    def rule(self) -> Rule:
        """The parsed rule; raises RuleError with file and line."""
        try:
            return rule_of(replace(parse_rulebook(self.text, self.file)[0], line=self.line), self.text)
        except MatcalcError:  # for a message that has the line
            padded = "\n" * (self.line - 1) + self.text
            return rule_of(parse_rulebook(padded, self.file)[0], padded)


def _record_of(rule: Rule) -> Record:
    """A record of a rule that is parsed already."""
    record = Record(rule.name, f"{rule.name}: {rule.statement}\n", rule.file, rule.line)
    record.__dict__["rule"] = rule
    return record


_WRITTEN = {"diagonal": "diag", **{node: call for node, (call, _) in ALONG_AXES.items()}}
_ALIASES = {"inv": "Power", "transpose": "Transpose"}


def records(text: str, file: str) -> list[Record]:
    """The rules of a text, cut apart but not parsed."""
    starts = list(_START.finditer(text))
    found = []
    for m, end in zip(starts, [*(m.start() for m in starts[1:]), len(text)], strict=True):
        line = text.count("\n", 0, m.start()) + 1
        found += _members(Record(m["name"], text[m.start() : end].rstrip() + "\n", file, line))
    return found


_ANALYTIC = re.compile(r"(?P<name>[\w-]+): analytic (?P<f>\w+)\(A\)\n(?P<clauses>.*)", re.DOTALL)
_OF_ANALYTIC = (
    ("", "d({f}(A)) = d{f}(A, d(A))", ""),
    (
        "-derivative",
        "d(d{f}(A, E)) = [eye(n) zeros(n,n)]*d{f}([A E; zeros(n,n) A], [d(A) d(E); zeros(n,n) d(A)])"
        "*[zeros(n,n); eye(n)]",
        "    for E: matrix(n,n)\n",
    ),
    ("-adjoint", "dot(G, d{f}(A, X)) = dot(d{f}(A', G), X)", "    for G: matrix(n,n), X: matrix(n,n)\n"),
)
"""What `analytic f(A)` is short for: the differential of f is df(A, E), which is a block of f([A E; 0 A])."""


def _members(record: Record) -> list[Record]:
    """The rule itself, or the rules of a family that it is short for."""
    found = _ANALYTIC.fullmatch(record.text)
    if found is None:
        return [record]
    return [
        Record(
            f"{record.name}{suffix}",
            f"{record.name}{suffix}: {statement.format(f=found['f'])}\n{found['clauses']}{more}",
            record.file,
            record.line,
        )
        for suffix, statement, more in _OF_ANALYTIC
    ]


def rule_of(text: RuleText, whole: str) -> Rule:
    """The rule that a parsed part of a file states; raises RuleError where it states none.

    ``whole`` is the text of the file, to which the places of the parts refer.
    """
    try:
        return _rule_of(text, whole)
    except RuleError:
        raise
    except MatcalcError as error:
        message = f"{text.name}: {error.message}"
        place = {"text": whole, "start": error.start, "end": error.end} if error.start is not None else {}
        raise RuleError(message, hint=error.hint, file=text.file, **place) from None  # type: ignore[arg-type]


def _rule_of(text: RuleText, whole: str) -> Rule:
    names, sizes = declared_names(text.declarations, whole)
    for name, word in text.conditions:
        if word not in CONDITIONS or name not in names:
            message = f"{text.name}: {name} {word} is not a condition on a declared variable"
            hint = f"conditions are {', '.join(CONDITIONS)}"
            raise RuleError(message, text=whole, start=text.left.start, end=text.left.end, hint=hint, file=text.file)
    parameters = variables_among(names)
    kind, left, right, slot = _sides(text, whole, names, sizes)
    statement = " ".join(whole[text.left.start : (text.right or text.left).end].split())
    return Rule(
        text.name,
        kind,
        f"{text.family} {statement}".strip(),
        text.conditions,
        text.source,
        text.file,
        text.line,
        left,
        right,
        parameters,
        slot,
    )


def _sides(
    text: RuleText, whole: str, names: Mapping[str, Declared], sizes: frozenset[str]
) -> tuple[str, Expression, Expression, Expression | None]:
    def value(tree: Tree, like: Expression | None = None) -> Expression:
        return read_tree(whole, tree, names, sizes, True, like.shape if like is not None else None)

    left, right = text.left, text.right
    if text.family == "definition" and right is not None:
        defined = value(right)
        return DEFINITION, defined, defined, None
    if text.family == "linear":
        applied = value(left)
        slot = next(o for o in applied.operands if isinstance(o, Variable))
        return DIFFERENTIAL, applied, CONSTRUCTORS["substitute"](applied, {slot: perturbation_of(slot)}), None
    if right is None:
        raise RuleError(f"{text.name} has no right side", text=whole, start=left.start, end=left.end)
    sent_back = body_of(right)
    if _is_call(left, "dot") and _is_call(sent_back, "dot"):
        slot = value(sent_back.children[1])
        return ADJOINT, value(left.children[1]), value(with_body(right, sent_back.children[0])), slot
    if _is_call(left, "d"):
        applied = value(left.children[0])
        return DIFFERENTIAL, applied, value(right, applied), None
    stated = value(left)
    return IDENTITY, stated, value(right, stated), None


def _is_call(tree: Tree, name: str) -> bool:
    return tree.kind == "call" and tree.value == name


class RuleBook:
    """All rules, found by what they are about."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        for name in resource_names("rules", ".rules"):
            self._records += records(resource("rules", name), f"rules/{name}")
        self._user: list[Rule] = []

    def __iter__(self) -> Iterator[Rule]:
        yield from (r.rule for r in self._records)
        yield from self._user

    def add(self, rules: Sequence[Rule]) -> None:
        """Put a user's rules, already checked, into the book."""
        self._user += rules
        _FOUND.clear()

    def add_records(self, found: Sequence[Record]) -> None:
        """Put rules that need no check, those of a declared function, into the book."""
        self._records += found
        self.__dict__.pop("_places", None)
        _FOUND.clear()

    def remove(self, rules: Sequence[Rule]) -> None:
        """Take a user's rules out again."""
        self._user = [r for r in self._user if r not in rules]
        _FOUND.clear()

    def identity_records(self) -> list[Record]:
        """The identities, not parsed yet."""
        found = [r for r in self._records if r.is_identity]
        return found + [_record_of(r) for r in self._user if r.kind == IDENTITY]

    def about(self, kind: str, name: str) -> list[Rule]:
        """The rules of a kind about a function or class of nodes, in the order of the book."""
        found = _FOUND.get((kind, name))
        if found is None:
            found = [r for r in self._candidates(kind, name) if r.kind == kind and r.head == name]
            _FOUND[kind, name] = found
        return found

    def _candidates(self, kind: str, name: str) -> Iterator[Rule]:
        hints = (name, _WRITTEN.get(name, name)) if name in FUNCTIONS else (name, "")
        places = {i for hint in hints for i in self._places.get(hint, ())}
        for record in (self._records[i] for i in sorted(places)):
            if record.is_adjoint == (kind == ADJOINT):
                yield record.rule
        yield from self._user

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        """Where the rules stand that may be about a function or class of nodes; "" for those without a hint."""
        found: dict[str, list[int]] = {}
        for i, record in enumerate(self._records):
            for hint in record.hints or ("",):
                found.setdefault(hint, []).append(i)
        return found

    def named(self, name: str) -> list[Rule]:
        """The rules of that name, in the order of the book."""
        found = [r.rule for r in self._records if r.name == name]
        return found + [r for r in self._user if r.name == name]

    def one(self, kind: str, name: str) -> Rule:
        """The rule of that kind and name."""
        return next(r for r in self.named(name) if r.kind == kind)


_FOUND: dict[tuple[str, str], list[Rule]] = {}


class Book:
    """The one rule book of the process, made on first use."""

    _book: RuleBook | None = None

    @classmethod
    def get(cls) -> RuleBook:
        """The rule book."""
        if cls._book is None:
            cls._book = RuleBook()
        return cls._book


def match_operands(rule: Rule, node: Expression) -> tuple[dict[Expression, Expression], dict[Any, Dimension]] | None:
    """What the parameters of ``f(A, B, …)`` stand for in a node, or None where shapes or numbers differ."""
    values: dict[Expression, Expression] = {}
    sizes: dict[Any, Dimension] = {}
    pattern_operands, operands = rule.left.operands, node.operands
    if len(pattern_operands) != len(operands):
        return None
    for pattern, operand in zip(pattern_operands, operands, strict=True):
        if not _match_operand(pattern, operand, values, sizes):
            return None
    for name, word in rule.conditions:
        if _contradicts(values.get(rule.parameters[name]), word):
            return None
    return values, sizes


def _contradicts(value: Expression | None, word: str) -> bool:
    """Whether a number, or a negative multiple, is seen not to be nonnegative or positive or nonzero."""
    if isinstance(value, Number) and value.value.is_number:
        sign = value.value
        return bool({"nonnegative": sign < 0, "positive": sign <= 0, "nonzero": sign == 0}.get(word, False))
    return isinstance(value, Product) and is_negative(value.coefficient) and word == "nonnegative"


def _match_operand(
    pattern: Expression,
    operand: Expression,
    values: dict[Expression, Expression],
    sizes: dict[Any, Dimension],
) -> bool:
    if pattern.is_scalar != operand.is_scalar:
        return False
    if isinstance(pattern, Variable):
        if values.setdefault(pattern, operand) is not operand:
            return False
        (rows, columns), (m, n) = pattern.shape, operand.shape
        return _match_size(rows, m, sizes) and _match_size(columns, n, sizes)
    if isinstance(pattern, Number) and pattern.value.free_symbols:
        return isinstance(operand, Number) and _match_size(pattern.value, operand.value, sizes)
    if isinstance(pattern, Product) and pattern.coefficient == -1 and len(pattern.scalars) == 1:
        negated = CONSTRUCTORS["-"](operand)
        if isinstance(negated, Number) and is_negative(negated.value):
            return False
        return _match_operand(pattern.scalars[0], negated, values, sizes)
    return pattern is operand


def _match_size(pattern: Dimension, size: Dimension, sizes: dict[Any, Dimension]) -> bool:
    if pattern.is_Symbol:
        return are_equal(sizes.setdefault(pattern, size), size)
    return not pattern.is_Number or are_equal(pattern, size)
