"""Shapes of syntax trees: every part gets a shape by unification over the whole expression.

The walk is over a flat list of steps, children first, so that no input can exhaust the stack.  Where shapes do
not fit, the message names the two parts, their shapes and the declarations they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from sympy import Dummy, Expr, Rational, expand

from matcalc.applications import signature
from matcalc.dimensions import Clash, Unifier, unknown_any, unknown_size
from matcalc.errors import ParseError, ShapeError, UnknownName
from matcalc.expressions import ONE, SCALAR, Dimension, Shape, dimension
from matcalc.functions import ALIASES, FUNCTIONS, LATER, function_names, nearest_names
from matcalc.syntax_trees import Tree

IDENTITY_NAMES = ("eye", "I")
BARE_NAMES = {"eye": "eye", "I": "eye", "ones": "ones", "zeros": "zeros"}
BUILDERS = {"eye", "ones", "zeros", "K", "commutation", "vector", "matrix"}


class Step(NamedTuple):
    """One step of the walk: visit a tree, or bind or release a name defined by ``let``."""

    action: str
    tree: Tree
    name: str = ""


def steps(root: Tree) -> list[Step]:
    """The walk over a tree, children first, definitions bound before the body that uses them."""
    found: list[Step] = []
    stack: list[Step] = [Step("open", root)]
    while stack:
        step = stack.pop()
        if step.action != "open":
            found.append(step)
            continue
        tree = step.tree
        stack.append(Step("visit", tree))
        if tree.kind == "let":
            names: tuple[str, ...] = tree.value  # type: ignore[assignment]
            stack.extend(Step("release", tree, name) for name in names)
            stack.append(Step("open", tree.children[-1]))
            for name, definition in zip(reversed(names), reversed(tree.children[:-1]), strict=True):
                stack.append(Step("bind", definition, name))
                stack.append(Step("open", definition))
        else:
            sizes = _size_arguments(tree)
            stack.extend(Step("open", c) for i, c in reversed(list(enumerate(tree.children))) if i not in sizes)
    return found


def _size_arguments(tree: Tree) -> set[int]:
    """Which children are dimensions and not expressions: in eye(n), ones(m,n), unvec(x,m,n), sum(A,1) …"""
    if tree.kind != "call":
        return set()
    count = len(tree.children)
    if tree.value in ("eye", "ones", "zeros", "K", "commutation"):
        return set(range(count))
    if tree.value in ("vector", "matrix", "unvec", "reshape", "rearrange", "unrearrange"):
        return set(range(1, count))
    if tree.value == "sum" and count == 2:
        return {1}
    return {0} if tree.value == "sum" and count == 4 else set()


def size_value(tree: Tree, text: str, unifier: Unifier | None = None) -> Dimension:
    """The dimension that a tree such as ``n``, ``2n`` or ``n + 1`` stands for.

    Raises ParseError where it is not one.
    """
    todo, values = [(tree, False)], []
    while todo:
        t, ready = todo.pop()
        if not ready and t.kind in ("sum", "product", "negate"):
            todo.append((t, True))
            todo.extend((c, False) for c in reversed(t.children))
        elif t.kind == "name":
            values.append(dimension(str(t.value)))
        elif t.kind == "number":
            values.append(Rational(t.value))
        elif ready:
            parts = [values.pop() for _ in t.children][::-1]
            values.append(_combine_sizes(t, parts, text))
        else:
            raise ParseError("this is not a dimension", text=text, start=t.start, end=t.end, hint=_SIZE_HINT)
    result = expand(values[0])
    if result.is_number and not (result.is_Integer and 1 <= result <= 10**6):
        message = f"a dimension is a positive integer up to a million, not {result}"
        raise ParseError(message, text=text, start=tree.start, end=tree.end)
    return result


_SIZE_HINT = "dimensions are integers, names, and their sums and products: n, 3, 2n, n + 1"


def _combine_sizes(tree: Tree, parts: list[Expr], text: str) -> Expr:
    total = -parts[0] if tree.kind == "negate" else parts[0]
    operators = tree.value if isinstance(tree.value, tuple) else ()
    for operator, part in zip(operators, parts[1:], strict=False):
        if operator not in ("+", "-", "*"):
            raise ParseError(
                "this is not a dimension", text=text, start=tree.start, end=tree.end, hint=_SIZE_HINT
            )
        total = total + part if operator == "+" else total - part if operator == "-" else total * part
    return total


@dataclass
class Inference:
    """One attempt to give every part of a text a shape, for one reading of its undeclared names."""

    text: str
    names: Mapping[str, Shape]
    sizes: frozenset[str] = frozenset()
    perturbations: bool = False
    unifier: Unifier = field(default_factory=Unifier)
    shapes: dict[Tree, Shape] = field(default_factory=dict)
    bound: dict[str, list[Shape]] = field(default_factory=dict)
    squares: list[tuple[Tree, Shape]] = field(default_factory=list)

    def run(self, walk: list[Step]) -> dict[Tree, Shape]:
        """The shapes of all trees of the walk; raises ShapeError with the place and the way out."""
        for step in walk:
            if step.action == "visit":
                self.shapes[step.tree] = self._visit(step.tree)
            elif step.action == "bind":
                self._bind(step)
            else:
                self.bound[step.name].pop()
        try:
            self.unifier.settle()
        except Clash:
            root = walk[-1].tree
            raise self.error(root, "the dimensions of this expression do not fit together") from None
        return self.shapes

    def _bind(self, step: Step) -> None:
        if step.name in self.names or self.bound.get(step.name):
            message = f"{step.name} is declared already and cannot be defined again"
            raise ParseError(
                message, text=self.text, start=step.tree.start, end=step.tree.end, hint="choose another name"
            )
        self.bound.setdefault(step.name, []).append(self.shapes[step.tree])

    def error(self, tree: Tree, message: str, hint: str = "") -> ShapeError:
        """A ShapeError at the tree's place."""
        return ShapeError(message, text=self.text, start=tree.start, end=tree.end, hint=hint)

    def source(self, *trees: Tree) -> str:
        """The text of the trees, as typed."""
        return self.text[trees[0].start : trees[-1].end]

    def words(self, shape: Shape) -> str:
        """A shape in words: "vector of length n"."""
        rows, columns = (_size_text(d) for d in self.unifier.shape(shape))
        if rows == columns == "1":
            return "scalar"
        if columns == "1":
            return f"vector of length {rows}"
        return f"row of length {columns}" if rows == "1" else f"{rows}×{columns} matrix"

    def is_scalar(self, shape: Shape) -> bool:
        """Whether the shape is known to be 1×1."""
        return shape is SCALAR or self.unifier.shape(shape) == SCALAR

    def _visit(self, tree: Tree) -> Shape:
        return getattr(self, "_" + tree.kind)(tree)  # type: ignore[no-any-return]

    def _of(self, tree: Tree) -> Shape:
        return self.shapes[tree]

    # ---- leaves

    def _number(self, tree: Tree) -> Shape:
        return SCALAR

    def _name(self, tree: Tree) -> Shape:
        name = str(tree.value)
        if self.bound.get(name):
            return self.bound[name][-1]
        if name in self.names:
            return self.names[name]
        if name in ("eye", "I"):
            d = unknown_size()
            return d, d
        if name in BARE_NAMES:
            return unknown_any(), unknown_any()
        return SCALAR  # π, or a dimension used as a number

    # ---- operators

    def _sum(self, tree: Tree) -> Shape:
        total, first = self._of(tree.children[0]), tree.children[0]
        for operator, child in zip(tree.value or (), tree.children[1:], strict=True):  # type: ignore[arg-type]
            shape = self._of(child)
            if operator.startswith(".") and (self.is_scalar(total) or self.is_scalar(shape)):
                total = shape if self.is_scalar(total) else total
                continue
            try:
                self.unifier.unify_shapes(total, shape)
            except Clash:
                raise self._cannot_add(tree, first, total, child, shape, operator) from None
        return total

    def _cannot_add(self, tree: Tree, first: Tree, a: Shape, second: Tree, b: Shape, operator: str) -> ShapeError:
        before = self.text[tree.start : second.start].rstrip().rstrip("+-.").rstrip()
        left = before if second is not tree.children[1] else self.source(first)
        right = self.source(second)
        verb = "add" if "+" in operator else "subtract"
        if self.is_scalar(a) != self.is_scalar(b):
            scalar, other, shape = (left, right, b) if self.is_scalar(a) else (right, left, a)
            rows, columns = (_size_text(d) for d in self.unifier.shape(shape))
            same = f"ones({rows})" if columns == "1" else f"ones({rows},{columns})"
            times = same if scalar == "1" else f"{scalar}*{same}"
            square = f", or {scalar}*eye for a multiple of the identity" if rows == columns else ""
            hint = f"write {times} to add it to every entry (or .{operator.strip('.')} for short){square}"
            return self.error(
                tree, f"cannot {verb} the scalar {scalar} and {other} ({self.words(shape)})", hint
            )
        message = f"cannot {verb} {left} ({self.words(a)}) and {right} ({self.words(b)})"
        hint = self.declared(first, second)
        if self.unifier.shape(a) == self.unifier.shape(b)[::-1]:
            hint = f"did you mean {left} {operator} ({right})'? " + hint
        return self.error(tree, message, hint.strip())

    def declared(self, *trees: Tree) -> str:
        """The declarations of the names below the trees, for a message."""
        seen: dict[str, str] = {}
        for tree in trees:
            for step in steps(tree):
                if step.tree.kind == "name" and step.tree.value in self.names:
                    name = str(step.tree.value)
                    seen[name] = f"{name}: {_declaration(self.unifier.shape(self.names[name]))}"
        return "declared " + ", ".join(list(seen.values())[:6]) if seen else ""

    def _product(self, tree: Tree) -> Shape:
        total = self._of(tree.children[0])
        for i, operator in enumerate(tree.value or ()):  # type: ignore[arg-type]
            total = self._binary(tree, i, operator, total, self._of(tree.children[i + 1]))
        return total

    def _binary(self, tree: Tree, i: int, operator: str, a: Shape, b: Shape) -> Shape:
        one, other = self.is_scalar(a), self.is_scalar(b)
        if operator == "kron":
            return a[0] * b[0], a[1] * b[1]
        if operator == "/" and not other:
            raise self._cannot_divide(tree, i, a, b)
        if operator == "\\" and not one:
            return self._solve(tree, i, a, b)
        if one or other:
            return b if one else a
        try:
            if operator in (".*", "./"):
                self.unifier.unify_shapes(a, b)
                return a
            self.unifier.unify(a[1], b[0])
        except Clash:
            raise self._cannot_multiply(tree, i, operator, a, b) from None
        return a[0], b[1]

    def _sides(self, tree: Tree, i: int) -> tuple[Tree, Tree, str, str]:
        left, right = tree.children[i], tree.children[i + 1]
        return left, right, self.text[tree.children[0].start : left.end], self.source(right)

    def _cannot_divide(self, tree: Tree, i: int, a: Shape, b: Shape) -> ShapeError:
        _, _, left, right = self._sides(tree, i)
        rows, columns = self.unifier.shape(b)
        hint = f"write {left}*inv({right})" if rows == columns else f"write {left}./{right} to divide entry by entry"
        if rows == columns:
            hint += f", or {left}./{right} to divide entry by entry"
        return self.error(tree, f"cannot divide by {right} ({self.words(b)})", hint)

    def _solve(self, tree: Tree, i: int, a: Shape, b: Shape) -> Shape:
        left, _, _, right = self._sides(tree, i)
        try:
            self.unifier.unify(a[0], a[1])
            self.unifier.unify(a[1], b[0])
        except Clash:
            message = f"cannot solve {self.source(left)}\\{right}: {self.source(left)} is a {self.words(a)}"
            hint = f"A\\b needs a square A with as many rows as {right} ({self.words(b)})"
            raise self.error(tree, message, hint) from None
        return a[1], b[1]

    def _cannot_multiply(self, tree: Tree, i: int, operator: str, a: Shape, b: Shape) -> ShapeError:
        first, second, left, right = self._sides(tree, i)
        name = "multiply entrywise" if operator == ".*" else "divide entrywise" if operator == "./" else "multiply"
        joiner = "and" if operator == ".*" else "by"
        message = f"cannot {name} {left} ({self.words(a)}) {joiner} {right} ({self.words(b)})"
        a, b = self.unifier.shape(a), self.unifier.shape(b)
        hints = []
        if operator == "*":
            if a == b:
                hints.append(f"write {left}'*{right} for the inner product" if a[1] is ONE else "")
                hints.append(f"{left}.*{right} for the entrywise product")
            elif a[1] == b[1]:
                hints.append(f"did you mean {left}*{right}'?")
            elif a[0] == b[0]:
                hints.append(f"did you mean {left}'*{right}?")
        hints.append(self.declared(first, second))
        return self.error(tree, message, "; ".join(h for h in hints if h))

    def _negate(self, tree: Tree) -> Shape:
        return self._of(tree.children[0])

    def _transpose(self, tree: Tree) -> Shape:
        rows, columns = self._of(tree.children[0])
        return columns, rows

    def _inverse(self, tree: Tree) -> Shape:
        return self._square(tree, tree.children[0], "has no inverse", "a vector's reciprocals are 1 ./ x")

    def _inverse_transpose(self, tree: Tree) -> Shape:
        return self._square(tree, tree.children[0], "has no inverse", "a vector's reciprocals are 1 ./ x")

    def _square(self, tree: Tree, operand: Tree, problem: str, hint: str) -> Shape:
        shape = self._of(operand)
        try:
            self.unifier.unify(*shape)
        except Clash:
            message = f"{self.source(operand)} is a {self.words(shape)}: it is not square and {problem}"
            raise self.error(tree, message, hint) from None
        return shape

    def _power(self, tree: Tree) -> Shape:
        base, exponent = tree.children
        a, b = self._of(base), self._of(exponent)
        if tree.value == ".^":
            if self.is_scalar(a) or self.is_scalar(b):
                return b if self.is_scalar(a) else a
            try:
                self.unifier.unify_shapes(a, b)
            except Clash:
                message = f"cannot raise {self.source(base)} ({self.words(a)}) entrywise to {self.source(exponent)}"
                raise self.error(tree, f"{message} ({self.words(b)})") from None
            return a
        if not self.is_scalar(b):
            message = f"the exponent {self.source(exponent)} is a {self.words(b)}; an exponent of ^ is a scalar"
            raise self.error(tree, message, f"write {self.source(base)}.^{self.source(exponent)} for entrywise powers")
        if self.is_scalar(a):
            return SCALAR
        hint = f"write {self.source(base)}.^{self.source(exponent)} for the power of every entry"
        return self._square(tree, base, "has no powers", hint)

    # ---- calls

    def _call(self, tree: Tree) -> Shape:
        name = str(tree.value)
        if name in self.names or self.bound.get(name):
            argument = self.text[tree.children[0].start : tree.children[-1].end] if tree.children else "…"
            raise ParseError(
                f"{name} is a variable, and {name}(…) would call it as a function",
                text=self.text,
                start=tree.start,
                end=tree.end,
                hint=f"write {name}*({argument})",
            )
        special: Callable[[Tree], Shape] | None = getattr(self, f"_call_{name}", None)
        if special is not None:
            return special(tree)
        return self._function(tree, ALIASES.get(name, name))

    def _arity(self, tree: Tree, *counts: int) -> None:
        if len(tree.children) not in counts:
            wanted = " or ".join(map(str, counts))
            message = f"{tree.value} takes {wanted} argument{'s' if wanted != '1' else ''}, not {len(tree.children)}"
            raise self.error(tree, message)

    def _size(self, tree: Tree, i: int) -> Dimension:
        return size_value(tree.children[i], self.text)

    def _call_eye(self, tree: Tree) -> Shape:
        self._arity(tree, 1)
        return self._size(tree, 0), self._size(tree, 0)

    def _call_ones(self, tree: Tree) -> Shape:
        self._arity(tree, 1, 2)
        return self._size(tree, 0), (self._size(tree, 1) if len(tree.children) == 2 else ONE)

    _call_zeros = _call_ones

    def _call_vector(self, tree: Tree) -> Shape:
        self._arity(tree, 1, 2)
        self._scalar_argument(tree, 0)
        return (self._size(tree, 1) if len(tree.children) == 2 else unknown_size()), ONE

    def _call_matrix(self, tree: Tree) -> Shape:
        self._arity(tree, 1, 3)
        self._scalar_argument(tree, 0)
        sized = len(tree.children) == 3
        return (self._size(tree, 1), self._size(tree, 2)) if sized else (unknown_any(), unknown_any())

    def _scalar_argument(self, tree: Tree, i: int) -> None:
        shape = self._of(tree.children[i])
        if not self.is_scalar(shape):
            message = f"{tree.value}(c) needs a scalar, and {self.source(tree.children[i])} is a {self.words(shape)}"
            raise self.error(tree, message)

    def _call_K(self, tree: Tree) -> Shape:
        self._arity(tree, 2)
        size = self._size(tree, 0) * self._size(tree, 1)
        return size, size

    _call_commutation = _call_K

    def _call_d(self, tree: Tree) -> Shape:
        if not self.perturbations:
            return self._function(tree, "d")
        self._arity(tree, 1)
        return self._of(tree.children[0])

    def _call_sum(self, tree: Tree) -> Shape:
        self._arity(tree, 1, 2, 4)
        if len(tree.children) == 4:
            return self._of(tree.children[3])
        if len(tree.children) == 2:
            axis, (rows, columns) = tree.children[1].value, self._of(tree.children[0])
            if axis not in (1, 2):
                raise self.error(tree, "the axis of a sum is 1 (over rows) or 2 (over columns)", "write sum(A,1)")
            return (ONE, columns) if axis == 1 else (rows, ONE)
        return SCALAR

    def _call_reshape(self, tree: Tree) -> Shape:
        self._arity(tree, 3)
        m, n = self._size(tree, 1), self._size(tree, 2)
        rows, columns = self._of(tree.children[0])
        try:
            self.unifier.unify(rows * columns, m * n)
        except Clash:
            shape = self.words((rows, columns))
            message = f"cannot reshape {self.source(tree.children[0])} ({shape}) into {m}×{n}"
            raise self.error(tree, message, "the number of entries must stay the same") from None
        return m, n

    def _call_unvec(self, tree: Tree) -> Shape:
        self._arity(tree, 3)
        m, n = self._size(tree, 1), self._size(tree, 2)
        try:
            self.unifier.unify_shapes(self._of(tree.children[0]), (m * n, ONE))
        except Clash:
            words = self.words(self._of(tree.children[0]))
            message = f"unvec(x,{m},{n}) needs a vector of length {m * n}, not {self.source(tree.children[0])} ({words})"
            raise self.error(tree, message) from None
        return m, n

    def _call_rearrange(self, tree: Tree) -> Shape:
        m, n = self._size(tree, 1), self._size(tree, 2)
        p, q = unknown_any(), unknown_any()
        self.unifier.unify_shapes(self._of(tree.children[0]), (m * p, n * q))
        return m * n, p * q

    def _call_unrearrange(self, tree: Tree) -> Shape:
        m, n, p, q = (self._size(tree, i) for i in (1, 2, 3, 4))
        self.unifier.unify_shapes(self._of(tree.children[0]), (m * n, p * q))
        return m * p, n * q

    def _call_diag(self, tree: Tree) -> Shape:
        self._arity(tree, 1)
        rows, columns = self.unifier.shape(self._of(tree.children[0]))
        if columns is ONE:
            return rows, rows
        shape = self._square(tree, tree.children[0], "has no diagonal", "diag takes a vector or a square matrix")
        return shape[0], ONE

    def _call_max(self, tree: Tree) -> Shape:
        self._arity(tree, 2)
        shapes = [self._of(c) for c in tree.children]
        if self.is_scalar(shapes[0]) or self.is_scalar(shapes[1]):
            return shapes[1] if self.is_scalar(shapes[0]) else shapes[0]
        return self._function(tree, str(tree.value))

    _call_min = _call_max

    def _function(self, tree: Tree, name: str) -> Shape:
        row = FUNCTIONS.get(name)
        if row is None or name in ("rearrange", "unrearrange"):
            raise self._unknown(tree, name)
        inputs, output = signature(row.signature)
        self._arity(tree, len(inputs))
        bound: dict[Expr, Dimension] = {ONE: ONE}
        for child, pattern in zip(tree.children, inputs, strict=True):
            for size, letter in zip(self._of(child), pattern or (), strict=False):
                try:
                    self.unifier.unify(bound.setdefault(letter, size), size)
                except Clash:
                    raise self._misfit(tree, child, row.signature) from None
        if output in inputs and tree.children:
            return self._of(tree.children[inputs.index(output)])
        return tuple(bound[p] if p in bound else p.xreplace(bound) for p in output)  # type: ignore[return-value]

    def _misfit(self, tree: Tree, child: Tree, signature_text: str) -> ShapeError:
        words = {"(n,n)": "a square matrix", "(n,1)": "a vector", "(1,1)": "a scalar", "(m,1)": "a vector"}
        wanted = signature_text.split("->")[0].split()
        expected = words.get(wanted[tree.children.index(child)], "matrices of one shape")
        message = f"{tree.value} takes {expected}, and {self.source(child)} is a {self.words(self._of(child))}"
        return self.error(tree, message, self.declared(tree))

    def _unknown(self, tree: Tree, name: str) -> UnknownName:
        where = {"text": self.text, "start": tree.start, "end": tree.start + len(str(tree.value))}
        if name in LATER:
            message = f"{name} ({LATER[name]}) is not supported yet: this version has no rule for {name}"
            return UnknownName(message, hint="`matcalc rules` lists what it knows", **where)  # type: ignore[arg-type]
        near = nearest_names(name, function_names())
        hint = f"did you mean {' or '.join(near)}?" if near else ""
        if len(name) == 1 or not near:
            arguments = self.text[tree.children[0].start : tree.children[-1].end] if tree.children else "…"
            hint = (hint + " " if hint else "") + f"For a product write {name}*({arguments})."
        message = f"{name} is neither declared nor a function"
        return UnknownName(message, hint=hint, **where)  # type: ignore[arg-type]

    # ---- collections

    def _let(self, tree: Tree) -> Shape:
        return self._of(tree.children[-1])

    def _all(self, tree: Tree) -> Shape:
        return SCALAR

    def _range(self, tree: Tree) -> Shape:
        return SCALAR

    def _equation(self, tree: Tree) -> Shape:
        return SCALAR

    def _row(self, tree: Tree) -> Shape:
        rows, columns = self._of(tree.children[0])
        for child in tree.children[1:]:
            other = self._of(child)
            try:
                self.unifier.unify(rows, other[0])
            except Clash:
                message = f"{self.source(child)} ({self.words(other)}) does not stand beside "
                message += f"{self.source(tree.children[0])} ({self.words((rows, columns))})"
                raise self.error(tree, message, "entries of one block row have the same number of rows") from None
            columns = columns + other[1]
        return rows, columns

    def _block(self, tree: Tree) -> Shape:
        rows, columns = self._of(tree.children[0])
        width = len(tree.children[0].children)
        for child in tree.children[1:]:
            if len(child.children) != width:
                raise self.error(child, f"this block row has {len(child.children)} entries, the first has {width}")
            for above, below in zip(tree.children[0].children, child.children, strict=True):
                try:
                    self.unifier.unify(self._of(above)[1], self._of(below)[1])
                except Clash:
                    message = f"{self.source(below)} ({self.words(self._of(below))}) does not stand below "
                    message += f"{self.source(above)} ({self.words(self._of(above))})"
                    hint = "entries of one block column have the same number of columns"
                    raise self.error(tree, message, hint) from None
            rows = rows + self._of(child)[0]
        return rows, columns

    def _index(self, tree: Tree) -> Shape:
        base, *items = tree.children
        rows, columns = self._of(base)
        if len(items) == 1 and self.unifier.resolve(columns) is not ONE:
            message = f"{self.source(base)} is a {self.words((rows, columns))}: an entry needs two indices"
            raise self.error(tree, message, f"write {self.source(base)}[i,j], or [i,:] for a row")
        result = [self._extent(i, d) for i, d in zip(items, (rows, columns), strict=False)]
        return (result[0], result[1] if len(result) == 2 else ONE)

    def _extent(self, item: Tree, size: Dimension) -> Dimension:
        if item.kind == "all":
            return size
        if item.kind == "range":
            lo, hi = (c.value if c.kind == "number" else None for c in item.children)
            if not (isinstance(lo, int) and isinstance(hi, int) and 1 <= lo <= hi):
                raise self.error(item, "a range is written with integers that count from 1, such as 1:3")
            return dimension(hi - lo + 1)
        if not self.is_scalar(self._of(item)):
            raise self.error(item, f"{self.source(item)} is not an index", "indices are the integers 1, 2, …")
        return ONE


def _size_text(d: Dimension) -> str:
    return "?" if any(isinstance(s, Dummy) for s in d.free_symbols) else str(d)


def _declaration(shape: Shape) -> str:
    rows, columns = map(_size_text, shape)
    if rows == columns == "1":
        return "scalar"
    return f"vector({rows})" if columns == "1" else f"matrix({rows},{columns})"


def exact(value: object) -> Rational:
    """A number of a tree as a SymPy rational."""
    return Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else Rational(value)
