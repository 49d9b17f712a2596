"""Formulas written for NumPy, SciPy, PyTorch or JAX, in the language: what a message proposes.

The text is taken apart by Python's own parser and is never run.  There ``*`` and ``**`` act entry by entry, and a
vector is neither a row nor a column; what has no one meaning here, such as ``x @ x.T``, is not translated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from matcalc.declarations import Declared
from matcalc.errors import MatcalcError, ParseError
from matcalc.expressions import ONE, SCALAR, Variable
from matcalc.function_table import ALIASES, FUNCTIONS
from matcalc.kinds import convention
from matcalc.tokens import spelled

LONGEST, DEEPEST = 500, 50
MODULES = frozenset(
    "np numpy jnp jax torch tf tensorflow sp scipy sympy math anp la LA linalg special nn cp onp autograd".split()
)
_LOWER = frozenset("np numpy jnp torch tf".split())  # where cholesky gives the lower factor
_FUNCTIONAL = frozenset("relu sigmoid softmax softplus tanh logsigmoid".split())
_CALLED = re.compile(r"\.\s*[A-Za-z_]\w*\s*\(|\b(?:np|numpy|jnp|torch|math)\s*\.")

SUM, PRODUCT, POWER, ATOM = range(4)
_LIKE_SCALARS = ("scalar", "letter")


class _Term(NamedTuple):
    """A part in the language: its text, how tightly it binds, and its kind.

    A letter is a name that may be a scalar or a vector: b, lam, theta.
    """

    text: str
    level: int
    kind: str


class _Unknown(Exception):
    """There is no translation that is sure."""


def in_the_language(source: str, declared: Mapping[str, Declared]) -> tuple[str, Collection[str]]:
    """A formula in Python with calls of a library, written in the language, and the names that must be vectors in it.

    The text is empty where its meaning is not clear.

    >>> in_the_language("np.linalg.norm(A @ x - y)**2 + 0.5*np.sum(x**2)", {})
    ('norm2(A*x - y)^2 + 0.5*sum(x.^2)', ())
    >>> in_the_language("A.dot(b)", {}), in_the_language("np.log(x) @ x.T", {})
    (('A*b', ('b',)), ('', ()))
    """
    if len(source) > LONGEST or "\\\\" in source or not _CALLED.search(source):
        return "", ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.strip(), mode="eval")
        found = _Translation(declared)
        return found.of(tree.body, 0).text, tuple(found.vectors)
    except (SyntaxError, ValueError, MemoryError, RecursionError, _Unknown):
        return "", ()


def advised(
    error: ParseError, declared: Mapping[str, Declared], read: Callable[[str], Iterable[Variable]]
) -> ParseError:
    """The error, with the whole formula as its hint where it is one for a library that can be read in the language."""
    proposal, vectors = in_the_language(error.text, declared)
    if proposal:
        with suppress(MatcalcError):
            scalars = [v.name for v in read(proposal) if v.is_scalar and v.name in vectors]
            error.hint = f"write {proposal}" + "".join(f"; declare {name}: vector(n)" for name in scalars)
    return error


class _Translation:
    def __init__(self, declared: Mapping[str, Declared]) -> None:
        self.declared = declared
        self.vectors: dict[str, None] = {}

    def of(self, node: ast.expr, depth: int) -> _Term:
        """The part that a node of Python's tree stands for."""
        if depth > DEEPEST:
            raise _Unknown
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return _Term(repr(node.value), ATOM, "scalar")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            operand = self.of(node.operand, depth + 1)
            sign = "-" if isinstance(node.op, ast.USub) else ""
            return operand._replace(text=f"{sign}{_within(operand, POWER)}", level=min(operand.level, PRODUCT))
        if isinstance(node, ast.BinOp):
            operator = _OPERATORS.get(type(node.op))
            if operator is not None:
                left, right = self.of(node.left, depth + 1), self.of(node.right, depth + 1)
                if operator is _product:
                    self._note_vectors(left, right)
                return operator(left, right)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise _Unknown

    def _note_vectors(self, *terms: _Term) -> None:
        self.vectors |= dict.fromkeys(t.text.rstrip("'") for t in terms if t.kind == "letter" and t.level == ATOM)

    def _name(self, word: str) -> _Term:
        name = spelled(word)
        if name in self.declared:
            shape = self.declared[name].shape
            kind = (
                "scalar" if shape == SCALAR else "vector" if shape[1] == ONE else "row" if shape[0] == ONE else "matrix"
            )
        else:
            kind = "matrix" if convention(name) == "matrix" else "letter"
            kind = "vector" if convention(name) == "vector" and len(name.split("_")[0]) == 1 else kind
        return _Term(word, ATOM, kind)

    def _module(self, node: ast.expr) -> str:
        """The name of a library's module, with dots; nothing for another part."""
        parts = list[str]()
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in MODULES and node.id not in self.declared:
            return ".".join([node.id, *reversed(parts)])
        return ""

    def _attribute(self, node: ast.Attribute, depth: int) -> _Term:
        if self._module(node.value):
            if node.attr == "pi":
                return _Term("pi", ATOM, "scalar")
            raise _Unknown
        if node.attr == "logabsdet":
            return self._subscript(ast.Subscript(node.value, ast.Constant(1), ast.Load()), depth)
        if node.attr in ("T", "mT", "H"):
            return _transposed(self.of(node.value, depth + 1))
        raise _Unknown

    def _subscript(self, node: ast.Subscript, depth: int) -> _Term:
        base, where = node.value, node.slice
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr == "slogdet":
            if isinstance(where, ast.Constant) and where.value == 1:
                return _called("logabsdet", [self.of(arg, depth + 1) for arg in base.args], "scalar")
            raise _Unknown
        items = where.elts if isinstance(where, ast.Tuple) else [where]
        whole = self.of(base, depth + 1)
        if len(items) != {"vector": 1, "matrix": 2}.get(whole.kind) or whole.level != ATOM:
            raise _Unknown
        texts = [self._index(item) for item in items]
        kind = "scalar" if ":" not in texts else "vector" if texts[0] == ":" else "row"
        return _Term(f"{whole.text}[{','.join(texts)}]", ATOM, kind)

    def _index(self, item: ast.expr) -> str:
        if isinstance(item, ast.Constant) and type(item.value) is int:
            return str(item.value + 1)
        if isinstance(item, ast.Name):
            return item.id
        if isinstance(item, ast.Slice) and item.lower is None and item.upper is None and item.step is None:
            return ":"
        raise _Unknown

    def _call(self, node: ast.Call, depth: int) -> _Term:
        arguments, module = list(node.args), ""
        if isinstance(node.func, ast.Name):
            name = node.func.id
        elif isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            functional = isinstance(owner, ast.Name) and owner.id == "F" and name in _FUNCTIONAL
            module = self._module(owner)
            if not module and not functional:
                arguments = [owner, *arguments]
            if name == "cholesky" and module.split(".")[0] not in _LOWER:
                raise _Unknown
            if name in ("max", "min", "amax", "amin") and len(arguments) > 1:
                raise _Unknown
        else:
            raise _Unknown
        name = name.removeprefix("reduce_")
        of_matrices = module.endswith(("linalg", "LA", "la")) and name != "vector_norm"
        options = {word.arg or "": _value(word.value) for word in node.keywords}
        while len(arguments) > 1 and name in _WITH_OPTIONS:
            options[_WITH_OPTIONS[name]] = _value(arguments.pop())
        if name in ("ones", "zeros", "eye", "identity"):
            sizes = arguments[0].elts if len(arguments) == 1 and isinstance(arguments[0], ast.Tuple) else arguments
            texts = [self.of(size, depth + 1).text for size in sizes]
            kind = "matrix" if len(texts) == 2 or name in ("eye", "identity") else "vector"
            return _Term(f"{'eye' if name == 'identity' else name}({','.join(texts)})", ATOM, kind)
        terms = [self.of(argument, depth + 1) for argument in arguments]
        if _OF_TWO.get(name) in (_product, _inner):
            self._note_vectors(*terms)
        if "ord" in options and terms[0].kind == "matrix" and options["ord"] not in ("fro", "nuc") and not of_matrices:
            raise _Unknown
        return _function(name, terms, options)


def _value(node: ast.expr) -> object:
    """An option of a call: a number, a word, inf, or the negative of a number."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute) and node.attr == "inf":
        return "inf"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    raise _Unknown


def _within(term: _Term, level: int) -> str:
    return term.text if term.level >= level else f"({term.text})"


def _transposed(term: _Term) -> _Term:
    kind = {"vector": "row", "row": "vector", "letter": "row"}.get(term.kind, term.kind)
    if term.text.endswith("'") and term.level == ATOM:
        return _Term(term.text[:-1], ATOM, kind)
    return _Term(f"{_within(term, ATOM)}'" if term.kind != "scalar" else term.text, ATOM, kind)


def _joined(left: _Term, operator: str, right: _Term, kind: str) -> _Term:
    return _Term(f"{_within(left, PRODUCT)}{operator}{_within(right, POWER)}", PRODUCT, kind)


def _wider(left: _Term, right: _Term) -> str:
    """The kind of what is done entry by entry to both."""
    kinds = ("scalar", "letter", "row", "vector", "matrix")
    return max(left.kind, right.kind, key=kinds.index)


def _added(sign: str) -> Callable[[_Term, _Term], _Term]:
    def write(left: _Term, right: _Term) -> _Term:
        alike = (left.kind == "scalar") == (right.kind == "scalar") or "letter" in (left.kind, right.kind)
        operator = sign if alike else f".{sign}"
        return _Term(f"{left.text} {operator} {_within(right, PRODUCT)}", SUM, _wider(left, right))

    return write


def _multiplied(left: _Term, right: _Term) -> _Term:
    operator = "*" if "scalar" in (left.kind, right.kind) else ".*"
    return _joined(left, operator, right, _wider(left, right))


def _divided(left: _Term, right: _Term) -> _Term:
    return _joined(left, "/" if right.kind in _LIKE_SCALARS else "./", right, _wider(left, right))


def _product(left: _Term, right: _Term) -> _Term:
    """The matrix product, in which a vector at the left stands for a row."""
    first, second = ("vector" if term.kind == "letter" else term.kind for term in (left, right))
    if "scalar" in (first, second):
        raise _Unknown
    if first == "vector":
        if second == "row":
            raise _Unknown
        if second == "matrix":
            return _joined(_transposed(right), "*", left, "vector")
        left, first = _transposed(left), "row"
    kind = {("row", "vector"): "scalar", ("row", "matrix"): "row", ("matrix", "vector"): "vector"}
    if (first, second) in (("row", "row"), ("matrix", "row")):
        raise _Unknown
    return _joined(left, "*", right, kind.get((first, second), "matrix"))


def _inner(left: _Term, right: _Term) -> _Term:
    """inner and vdot, which are another product for matrices."""
    if not {left.kind, right.kind} <= {"vector", "letter"}:
        raise _Unknown
    return _product(left, right)


def _raised(base: _Term, exponent: _Term) -> _Term:
    if exponent.kind not in _LIKE_SCALARS:
        raise _Unknown
    operator = "^" if base.kind == "scalar" else ".^"
    return _Term(f"{_within(base, ATOM)}{operator}{_within(exponent, ATOM)}", POWER, base.kind)


_OPERATORS: Mapping[type[ast.operator], Callable[[_Term, _Term], _Term]] = {
    ast.Add: _added("+"),
    ast.Sub: _added("-"),
    ast.Mult: _multiplied,
    ast.Div: _divided,
    ast.MatMult: _product,
    ast.Pow: _raised,
}
_OF_TWO: Mapping[str, Callable[[_Term, _Term], _Term]] = {
    **dict.fromkeys(("dot", "matmul", "mm", "mv"), _product),
    **dict.fromkeys(("inner", "vdot"), _inner),
    **dict.fromkeys(("multiply", "mul"), _multiplied),
    **dict.fromkeys(("divide", "div", "true_divide"), _divided),
    **dict.fromkeys(("power", "pow", "float_power"), _raised),
    "add": _added("+"),
    **dict.fromkeys(("subtract", "sub"), _added("-")),
    "solve": lambda left, right: _joined(left, "\\", right, right.kind),
}
_NAMES = {
    "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min", "negative": "-", "cholesky": "chol",
    "gammaln": "loggamma", "expit": "sigmoid", "eigvalsh": "eigvals", "diagonal": "diag", "trace": "tr",
    "inverse": "inv", "matrix_exp": "expm", "fmax": "max", "fmin": "min", "maximum": "max", "minimum": "min",
    "lgamma": "loggamma",
}  # fmt: skip
_WITH_OPTIONS = {
    "norm": "ord",
    "vector_norm": "ord",
    "matrix_norm": "ord",
    "sum": "axis",
    "mean": "axis",
    "softmax": "axis",
    "logsumexp": "axis",
}
_NORMS = {None: "norm2", "fro": "norm2", "nuc": "normnuc"}
_OF_VECTORS = {2: "norm2", 1: "norm1", "inf": "norminf"}
_OF_MATRICES = {2: "normspec({})", 1: "max(sum(abs({}),1))", "inf": "max(sum(abs({}),2))"}


def _called(name: str, arguments: list[_Term], kind: str, more: str = "") -> _Term:
    return _Term(f"{name}({', '.join(term.text for term in arguments)}{more})", ATOM, kind)


def _function(name: str, arguments: list[_Term], options: Mapping[str, object]) -> _Term:
    """A call of a library's function."""
    if not arguments:
        raise _Unknown
    first = arguments[0]
    if name in ("transpose", "t", "adjoint") and len(arguments) == 1 and not options:
        return _transposed(first)
    if name in ("norm", "vector_norm", "matrix_norm") and options.keys() <= {"ord", "p"}:
        return _norm(first, options.get("ord", options.get("p")))
    if name in _OF_TWO and len(arguments) == 2 and not options:
        return _OF_TWO[name](*arguments)
    name = _NAMES.get(name, name)
    axis = options.get("axis", options.get("dim"))
    if options.keys() - {"axis", "dim", "keepdims", "keepdim"} or (
        options and name not in ("sum", "softmax", "logsumexp")
    ):
        raise _Unknown
    if axis is not None and first.kind == "matrix" and name in ("sum", "softmax", "logsumexp"):
        along = {0: 1, 1: 2, -1: 2, -2: 1}.get(axis) if isinstance(axis, int) else None
        if along is None:
            raise _Unknown
        kind = "matrix" if name == "softmax" else "row" if along == 1 else "vector"
        return _called(name, [first], kind, f", {along}")
    row = FUNCTIONS.get(ALIASES.get(name, name))
    if name == "-" and len(arguments) == 1:
        return _Term(f"-{_within(first, POWER)}", PRODUCT, first.kind)
    if row is None and name not in ("sum", "max", "min", "diag"):
        raise _Unknown
    return _called(name, arguments, _kind(name, row.signature if row else "", arguments))


def _kind(name: str, signature: str, arguments: list[_Term]) -> str:
    """The kind of a function's value."""
    first = arguments[0].kind
    if name == "diag":
        return "vector" if first == "matrix" else "matrix"
    if name in ("sum", "max", "min"):
        return "scalar" if len(arguments) == 1 else _wider(*arguments[:2])
    output = signature.split("->")[1].strip()
    if output == "(1,1)":
        return "scalar"
    return first if output in signature.split("->")[0] else "vector" if output.endswith(",1)") else "matrix"


def _norm(argument: _Term, kind: object) -> _Term:
    if kind in _NORMS:
        return _called(_NORMS[kind], [argument], "scalar")  # type: ignore[index]
    if argument.kind == "matrix":
        form = _OF_MATRICES.get(kind)  # type: ignore[call-overload]
    else:
        form = f"{_OF_VECTORS[kind]}({{}})" if kind in _OF_VECTORS else None  # type: ignore[index]
    if form is None:
        raise _Unknown
    return _Term(form.format(argument.text), ATOM, "scalar")
