"""The grammar as tables, and the machine that runs them.

Lark reads `grammar/matcalc.lark` and works out the LALR(1) tables. That takes longer than a whole answer
should, so the tables are kept beside the grammar, in `matcalc.tables.json`, and Lark is imported only when
they do not belong to the grammar's present text. Running such tables is a short loop without recursion: Aho,
Lam, Sethi and Ullman, Compilers, 2nd edition, algorithm 4.44.

After a change of the grammar: `python -m matcalc.grammars`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from matcalc.resources import resource, resource_folder

STARTS = ("expression", "declarations", "rulebook")
END = "$END"

# A rule whose name begins so was made by Lark for a repetition: its value is the list of what was repeated.
_REPETITION = "__"
# Tokens that stand in no rule: the tokeniser reads them to find the tokens that do.
_FOR_THE_TOKENISER = {"NEWLINE", "BROADCAST"}


class Symbol(Protocol):
    """What the machine has to know of a token."""

    kind: str


class Unexpected(Exception):
    """The token at `index` cannot follow those before it; `expected` are the kinds that could."""

    def __init__(self, index: int, expected: frozenset[str]) -> None:
        super().__init__(index, expected)
        self.index = index
        self.expected = expected


class Grammar(NamedTuple):
    """The tables: for each state, what each symbol leads to, and what each rule replaces.

    A move n >= 0 goes to state n; a move n < 0 applies rule -1 - n. A rule is the symbol it makes, the number
    of symbols it takes, and the name of what it builds: "" passes its one child on, "__" makes a list.

    Of all steps most apply a rule that passes its one child on, and they come in runs: a name is a primary, a
    power, a factor, a term. ``chains`` remembers to which state such a run leads, so that it is one step.
    """

    states: Sequence[Mapping[str, int]]
    rules: Sequence[tuple[str, int, str]]
    first: Mapping[str, int]
    last: Mapping[str, int]
    tokens: Mapping[str, str]
    blanks: str
    chains: dict[tuple[int, int, str], int]

    def skip_blanks(self, text: str, place: int) -> int:
        """The first place from there on that is neither blank nor comment."""
        found = re.compile(self.blanks).match(text, place)
        return found.end() if found else place


@cache
def grammar() -> Grammar:
    """The grammar of the matrix language, read on first use."""
    source = resource("grammar", "matcalc.lark")
    try:
        tables = json.loads(resource("grammar", "matcalc.tables.json"))
    except (FileNotFoundError, ValueError):
        tables = {}
    if tables.get("grammar") != _digest(source):
        tables = build_tables(source)
    del tables["grammar"]
    return Grammar(**tables, chains={})


@cache
def scanner(start: str) -> re.Pattern[str]:
    """The pattern of the next token of a text of that kind, named by its group."""
    tables = grammar()
    return re.compile(f"{tables.blanks}(?:{tables.tokens[start]}|(?P<END>\\Z))")


def parse(
    tables: Grammar,
    start: str,
    tokens: Sequence[Symbol],
    builders: Mapping[str, Callable[[list[Any]], Any]],
) -> Any:
    """What the builders make of the tokens, the last of which is of kind END; raises Unexpected."""
    states, rules, chains, last = tables.states, tables.rules, tables.chains, tables.last[start]
    state = tables.first[start]
    path, values = [state], list[Any]()
    for index, token in enumerate(tokens):
        kind = token.kind
        while (move := states[state].get(kind)) is None or move < 0:
            if move is None:
                raise Unexpected(index, frozenset(states[state]))
            made, size, builder = rules[-1 - move]
            if size == 1 and not builder:
                state = chains.get((path[-2], state, kind)) or _chain(tables, path[-2], state, kind)
                path[-1] = state
                continue
            build = _repeated if builder == _REPETITION else builders[builder]
            if size == 1:
                values[-1] = build([values[-1]])
                path.pop()
            else:
                rest = len(values) - size
                children = values[rest:]
                del path[rest + 1 :], values[rest:]
                values.append(build(children))
            state = states[path[-1]][made]
            if state == last and kind == END:
                return values[-1]
            path.append(state)
        path.append(move)
        values.append(token)
        state = move
    raise AssertionError("the tokens do not end with END")


def _chain(tables: Grammar, below: int, first: int, kind: str) -> int:
    """The state to which the rules lead that only pass their child on, from a state that applies such a rule."""
    state = first
    while (move := tables.states[state].get(kind)) is not None and move < 0:
        made, size, builder = tables.rules[-1 - move]
        if builder or size != 1:
            break
        state = tables.states[below][made]
    tables.chains[below, first, kind] = state
    return state


def _repeated(children: list[Any]) -> list[Any]:
    """One list of all repetitions so far; the first child is that list, but for the first time."""
    if children and type(children[0]) is list:
        children[0].extend(children[1:])
        return children[0]
    return children


def build_tables(source: str) -> dict[str, Any]:
    """The tables of a grammar as plain data, the same for the same grammar."""
    from lark import Lark

    lark = Lark(source, parser="lalr", lexer="basic", start=list(STARTS), postlex=_KeepTokens())
    table = lark.parser.parser._parse_table
    rules = sorted(lark.rules, key=repr)
    order = _states_in_order(table)
    number = {state: index for index, state in enumerate(order)}
    rule_number = {rule: index for index, rule in enumerate(rules)}

    def move(action: Any, argument: Any) -> int:
        return number[argument] if action.name == "Shift" else -1 - rule_number[argument]

    return {
        "grammar": _digest(source),
        "states": [
            {symbol: move(*table.states[state][symbol]) for symbol in sorted(table.states[state])} for state in order
        ],
        "rules": [[rule.origin.name, len(rule.expansion), _builder(rule)] for rule in rules],
        "first": {start: number[table.start_states[start]] for start in STARTS},
        "last": {start: number[table.end_states[start]] for start in STARTS},
        "tokens": {start: _token_pattern(lark, start) for start in STARTS},
        "blanks": _blank_pattern(lark),
    }


class _KeepTokens:
    """Tells Lark to keep tokens that no rule names."""

    always_accept = _FOR_THE_TOKENISER

    def process(self, stream: Iterable[Any]) -> Iterable[Any]:
        return stream


def _states_in_order(table: Any) -> list[Any]:
    """The states as a walk finds them: Lark's own numbers may change from run to run."""
    order = [table.start_states[start] for start in STARTS]
    for state in order:
        moves = (table.states[state][symbol] for symbol in sorted(table.states[state]))
        order.extend(target for action, target in moves if action.name == "Shift" and target not in order)
    return order


def _builder(rule: Any) -> str:
    name = str(rule.origin.name)
    if name.startswith("_"):
        return _REPETITION if name.startswith(_REPETITION) else ""
    if rule.alias or not (rule.options.expand1 and len(rule.expansion) == 1):
        return str(rule.alias or name)
    return ""


def _token_pattern(lark: Any, start: str) -> str:
    """One pattern of all tokens that occur from that start, in the order in which Lark would try them."""
    reached = _reachable(lark.rules, start) | _FOR_THE_TOKENISER
    terminals = sorted(
        (terminal for terminal in lark.terminals if terminal.name in reached),
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    return "|".join(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})" for terminal in terminals)


def _blank_pattern(lark: Any) -> str:
    ignored = (terminal for terminal in lark.terminals if terminal.name in lark.ignore_tokens)
    return f"(?:{'|'.join(sorted(terminal.pattern.to_regexp() for terminal in ignored))})*"


def _reachable(rules: Sequence[Any], start: str) -> set[str]:
    found, pending = {start}, [start]
    while pending:
        origin = pending.pop()
        names = {symbol.name for rule in rules if rule.origin.name == origin for symbol in rule.expansion}
        pending.extend(names - found)
        found |= names
    return found


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def tables_text() -> str:
    """The contents that `matcalc.tables.json` should have: one state or rule a line."""
    tables = build_tables(resource("grammar", "matcalc.lark"))
    parts = (f"{json.dumps(key)}: {_lines(value)}" for key, value in tables.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
    return json.dumps(value)


def write_tables() -> None:
    """Write the tables beside the grammar."""
    contents = tables_text()
    with open(str(resource_folder("grammar").joinpath("matcalc.tables.json")), "w", encoding="utf-8") as file:
        file.write(contents)


if __name__ == "__main__":
    write_tables()
