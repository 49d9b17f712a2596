"""The computational graph of an expression: its named parts, with the operator of a derivative on every edge.

An edge from u to v carries the partial derivative of v's definition with respect to u. The sum over all paths of the
products of their operators is the derivative; the sweeps add them up without listing the paths.
Source: course notes, section 10.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Any, NamedTuple

from matcalc.adjoints import pullback
from matcalc.derivatives import Derivative
from matcalc.differentials import differential_of
from matcalc.expressions import ONE, Apply, Expression, Variable, postorder, variables_of
from matcalc.leaves import number, variable, zero
from matcalc.lengths import length
from matcalc.notations import Notation
from matcalc.operator_matrices import operator_matrix
from matcalc.parts import Part, Program, part_of
from matcalc.reading import read
from matcalc.sums import add
from matcalc.sweeps import active_parts
from matcalc.tangents import perturbation
from matcalc.writing import Naming, declaration, declarations_of, text, variables_in_order, whole, writer, written


class Edge(NamedTuple):
    """An edge: two nodes, and the derivative of the second with respect to the first.

    ``differential`` is the operator applied to the perturbation of the first, and ``jacobian`` its matrix where both
    are vectors or scalars, else None.
    """

    source: Variable
    target: Variable
    perturbation: Variable
    differential: Expression
    jacobian: Expression | None


class Line(NamedTuple):
    """A line of a sweep: a name and what it is computed by."""

    name: str
    value: Expression


@dataclass(frozen=True, repr=False)
class Graph:
    """The computational graph of a derivative's expression, with a forward and a reverse sweep through it.

    Without parts that the user named, the nodes are the parts that the expression shares.

    >>> import matcalc as mc
    >>> print(mc.differentiate("let r = A*x - b; s = sigmoid(r) in sum(s.*r)", "x").graph)
    graph
      x -> r: A
      r -> s: diag(s.*(ones - s))
      r -> f: s'
      s -> f: r'
    forward
      r = A*x - b
      dr = A*dx
      s = sigmoid(r)
      ds = s.*(ones - s).*dr
      f = sum(r.*s)
      df = sum(dr.*s + r.*ds)
    reverse
      s_bar = r
      r_bar = s + s.*s_bar.*(ones - s)
      gradient = A'*r_bar
    """

    derivative: Derivative

    @cached_property
    def program(self) -> Program:
        """The parts that the user named, or else those that the expression shares."""
        program = self.derivative.named.program
        return program if program.parts else _shared_program(self.derivative)

    @cached_property
    def _simplest(self) -> Callable[[Expression], Expression]:
        D = self.derivative
        return replace(D.named, program=self.program).simplest

    @cached_property
    def _taken(self) -> set[str]:
        """The names that a new one must differ from."""
        D = self.derivative
        known = [*variables_of(D.expression), *D.variables, *D.perturbations.values()]
        functions = {e.function for e in postorder(D.expression) if isinstance(e, Apply)}
        return {v.name for v in known} | self.program.names | functions

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The nodes that depend on the variables, in order; the last one is the value."""
        found = active_parts(self.program.parts, self.derivative.variables)
        if found and found[-1].variable is self.program.body:
            return tuple(found)
        f = _free("f", self._taken)
        return (*found, part_of(f, self.program.body, self.derivative.expression))

    @cached_property
    def perturbations(self) -> dict[Variable, Variable]:
        """The perturbation of each node: dx of x."""
        found = dict(self.derivative.perturbations)
        taken = self._taken | {p.name for p in self.parts}
        for p in self.parts:
            found[p.variable] = perturbation(p.variable, _free(f"d{p.name}", taken))
            taken.add(found[p.variable].name)
        return found

    @cached_property
    def cotangents(self) -> dict[Variable, Variable]:
        """The cotangent of each node: r_bar of r."""
        taken = self._taken | {v.name for v in self.perturbations.values()} | {p.name for p in self.parts}
        nodes = [*self.derivative.variables, *(p.variable for p in self.parts)]
        return {v: variable(_free(f"{v.name}_bar", taken), *v.shape) for v in nodes}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges, those into the first parts first."""
        return tuple(self._edge(u, part) for part in self.parts for u in self._operands(part))

    def _operands(self, part: Part) -> list[Variable]:
        """The nodes that occur in the definition of a part, in the order in which they are written."""
        return [v for v in variables_in_order(part.definition).values() if v in self.perturbations]

    def _edge(self, u: Variable, part: Part) -> Edge:
        du, simplest = self.perturbations[u], self._simplest
        raw = differential_of(part.definition, {u: du})
        linear = simplest(raw)
        matrix = None
        if ONE in u.shape and ONE in part.variable.shape:
            candidates = [simplest(operator_matrix(form, du)) for form in dict.fromkeys((linear, raw))]
            matrix = min(candidates, key=length)
        return Edge(u, part.variable, du, linear, matrix)

    @cached_property
    def forward(self) -> tuple[Line, ...]:
        """The forward sweep: each part, and its perturbation where it depends on the variables, in order."""
        parts = dict.fromkeys((*self.program.parts, *self.parts))
        return tuple(chain.from_iterable(map(self._forward, parts)))

    def _forward(self, part: Part) -> Iterator[Line]:
        yield Line(part.name, part.definition)
        dv = self.perturbations.get(part.variable)
        if dv is not None:
            tangents = {u: self.perturbations[u] for u in self._operands(part)}
            yield Line(dv.name, self._simplest(differential_of(part.definition, tangents)))

    @cached_property
    def reverse(self) -> tuple[Line, ...]:
        """The reverse sweep: the cotangent of each part, the last one first, and at the end the gradients.

        The cotangent of a scalar value is 1, and that of another is left open.
        """
        *_, last = self.parts
        seed = number(1) if last.variable.is_scalar else self.cotangents[last.variable]
        received: dict[Expression, list[Expression]] = {v: [] for v in self.perturbations}
        self._send_back(last, seed, received)
        lines = []
        for part in reversed(self.parts[:-1]):
            bar = self.cotangents[part.variable]
            lines.append(Line(bar.name, self._total(part.variable, received)))
            self._send_back(part, bar, received)
        for x in self.derivative.variables:
            lines += self._last_lines(x, self._total(x, received))
        return tuple(lines)

    def _send_back(self, part: Part, bar: Expression, received: Mapping[Expression, list[Expression]]) -> None:
        for u, piece in pullback(part.definition, bar, self._operands(part)).items():
            received[u].append(piece)

    def _total(self, v: Variable, received: Mapping[Expression, list[Expression]]) -> Expression:
        pieces = received[v] or [zero(*v.shape)]
        return self._simplest(add(*pieces))

    def _last_lines(self, x: Variable, total: Expression) -> list[Line]:
        """The gradient in a variable; the cotangent first where it is still to be projected or weighted."""
        bar = self.cotangents[x]
        if not self.derivative.expression.is_scalar:
            return [Line(bar.name, total)]
        label = "gradient" if len(self.derivative.variables) == 1 else f"gradient in {x.name}"
        shown = self.derivative.named.gradient_of(x, bar)
        if shown is bar:
            return [Line(label, total)]
        return [Line(bar.name, total), Line(label, self._simplest(shown))]

    # ---- as text

    def _new_naming(self) -> Naming:
        """Names for what the formulas of the graph share, which are none of its nodes."""
        known = [*self.perturbations.values(), *self.cotangents.values()]
        reserved = self.derivative.named.printed.reserved | self._taken | {v.name for v in known}
        return Naming([], replace(self.program, reserved=reserved))

    def lines(self, style: str = "ascii", naming: Naming | None = None) -> Iterator[str]:
        """The edges and the sweeps, in unicode, ascii or latex, shared parts under the names of an answer."""
        naming = naming or self._new_naming()
        write = writer(style)
        arrow = {"unicode": "→", "latex": r"\to"}.get(style, "->")
        yield "graph"
        for edge in self.edges:
            nodes = f" {arrow} ".join(_name(v.name, write) for v in (edge.source, edge.target))
            yield f"  {nodes}: {self._operator(edge, style, naming)}"
        for title, sweep in (("forward", self.forward), ("reverse", self.reverse)):
            yield title
            if title == "reverse" and not self.derivative.expression.is_scalar:
                yield f"  {declaration(self.cotangents[self.parts[-1].variable])}, given"
            for line in sweep:
                label = line.name if line.name.startswith("gradient") else _name(line.name, write)
                yield f"  {label} = {_formula(line.value, write, naming)}"

    def _operator(self, edge: Edge, style: str, naming: Naming) -> str:
        """The matrix of an edge, or for matrices what it maps a perturbation to."""
        write = writer(style)
        if edge.jacobian is not None:
            return _formula(edge.jacobian, write, naming)
        maps = {"unicode": "↦", "latex": r"\mapsto"}.get(style, "->")
        return f"{_name(edge.perturbation.name, write)} {maps} {_formula(edge.differential, write, naming)}"

    def dot(self, style: str = "ascii") -> str:
        """The graph in the language of Graphviz.

        >>> import matcalc as mc
        >>> print(mc.differentiate("let r = A*x in r'*r", "x").graph.dot())
        digraph {
          rankdir=LR;
          node [shape=box];
          "x" [shape=ellipse];
          "r" [label="r = A*x"];
          "f" [label="f = r'*r"];
          "x" -> "r" [label="A"];
          "r" -> "f" [label="2*r'"];
        }
        """
        write, naming = writer(style), self._new_naming()
        rows = ["rankdir=LR;", "node [shape=box];"]
        rows += [f"{_quoted(x.name)} [shape=ellipse];" for x in self.derivative.variables]
        for p in self.parts:
            label = f"{_name(p.name, write)} = {_formula(p.definition, write, naming)}"
            rows.append(f"{_quoted(p.name)} [label={_quoted(label)}];")
        for edge in self.edges:
            ends = f"{_quoted(edge.source.name)} -> {_quoted(edge.target.name)}"
            rows.append(f"{ends} [label={_quoted(self._operator(edge, style, naming))}];")
        return "\n".join(["digraph {", *(f"  {row}" for row in rows), "}"])

    def document(self, naming: Naming | None = None) -> dict[str, Any]:
        """The graph as JSON data, shared parts under the names of an answer."""
        naming = naming or self._new_naming()
        return {
            "nodes": [{"name": p.name, "text": text(p.definition, naming=naming)} for p in self.parts],
            "edges": [
                {
                    "from": edge.source.name,
                    "to": edge.target.name,
                    "differential": text(edge.differential, naming=naming),
                    "jacobian": None if edge.jacobian is None else text(edge.jacobian, naming=naming),
                }
                for edge in self.edges
            ],
            "forward": [{"name": line.name, "text": text(line.value, naming=naming)} for line in self.forward],
            "reverse": [{"name": line.name, "text": text(line.value, naming=naming)} for line in self.reverse],
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__


def _free(name: str, taken: Iterable[str]) -> str:
    return next(n for n in chain([name], (f"{name}{i}" for i in count(1))) if n not in taken)


def _name(name: str, write: Callable[[Notation], str]) -> str:
    return write(Notation("name", (), name))


def _formula(e: Expression, write: Callable[[Notation], str], naming: Naming) -> str:
    return whole(written(e, naming=naming), write, "; ")


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shared_program(D: Derivative) -> Program:
    """The program of the parts that an expression shares, under the names with which it is printed."""
    root = D.expression
    return read(
        text(root, naming=Naming([root], D.named.printed)), declarations_of(variables_of(root), [root]), limits=False
    ).program
