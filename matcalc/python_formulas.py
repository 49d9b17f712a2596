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

from matcalc.declarations import Declared
from matcalc.errors import MatcalcError, ParseError
from matcalc.expressions import ONE, SCALAR, Variable
from matcalc.kinds import convention
from matcalc.python_terms import (
    ATOM,
    OF_TWO,
    OPERATORS,
    POWER,
    PRODUCT,
    WITH_OPTIONS,
    Term,
    Unclear,
    called,
    function,
    inner,
    product,
    transposed,
    within,
)
from matcalc.tokens import spelled

LONGEST, DEEPEST = 500, 50
MODULES = frozenset(
    [
        *("np", "numpy", "jnp", "jax", "anp", "onp", "cp", "torch", "nn", "tf", "tensorflow"),
        *("sp", "scipy", "sympy", "math", "la", "LA", "linalg", "special"),
    ]
)
_LOWER = frozenset(["np", "numpy", "jnp", "torch", "tf"])  # where cholesky gives the lower factor
_FUNCTIONAL = frozenset(["relu", "sigmoid", "softmax", "softplus", "tanh", "logsigmoid"])
_CALLED = re.compile(r"\.\s*[A-Za-z_]\w*\s*\(|\b(?:np|numpy|jnp|torch|math)\s*\.")


def in_the_language(source: str, declared: Mapping[str, Declared]) -> tuple[str, Collection[str]]:
    """A formula in Python with calls of a library, written in the language, and the names that must be vectors in it.

    The text is empty where its meaning is not clear.

    >>> in_the_language("np.linalg.norm(A @ x - y)**2 + 0.5*np.sum(x**2)", {})
    ('norm2(A*x - y)^2 + 0.5*sum(x.^2)', ())
    >>> in_the_language("A.dot(b)", {}), in_the_language("np.log(x) @ x.T", {})
    (('A*b', ('b',)), ('', ()))
    """
    if len(source) > LONGEST or "\\" in source or not _CALLED.search(source):
        return "", ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.strip(), mode="eval")
        found = _Translation(declared)
        return found.of(tree.body, 0).text, tuple(found.vectors)
    except (SyntaxError, ValueError, MemoryError, RecursionError, Unclear):
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

    def of(self, node: ast.expr, depth: int) -> Term:
        """The part that a node of Python's tree stands for."""
        if depth > DEEPEST:
            raise Unclear
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return Term(repr(node.value), ATOM, "scalar")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            operand = self.of(node.operand, depth + 1)
            sign = "-" if isinstance(node.op, ast.USub) else ""
            return operand._replace(text=f"{sign}{within(operand, POWER)}", level=min(operand.level, PRODUCT))
        if isinstance(node, ast.BinOp):
            operator = OPERATORS.get(type(node.op))
            if operator is not None:
                left, right = self.of(node.left, depth + 1), self.of(node.right, depth + 1)
                if operator is product:
                    self._note_vectors(left, right)
                return operator(left, right)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise Unclear

    def _note_vectors(self, *terms: Term) -> None:
        self.vectors |= dict.fromkeys(t.text.rstrip("'") for t in terms if t.kind == "letter" and t.level == ATOM)

    def _name(self, word: str) -> Term:
        name = spelled(word)
        if name in self.declared:
            shape = self.declared[name].shape
            kind = (
                "scalar" if shape == SCALAR else "vector" if shape[1] == ONE else "row" if shape[0] == ONE else "matrix"
            )
        else:
            kind = "matrix" if convention(name) == "matrix" else "letter"
            kind = "vector" if convention(name) == "vector" and len(name.split("_")[0]) == 1 else kind
        return Term(word, ATOM, kind)

    def _module(self, node: ast.expr) -> str:
        """The name of a library's module, with dots; nothing for another part."""
        parts = list[str]()
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in MODULES and node.id not in self.declared:
            return ".".join([node.id, *reversed(parts)])
        return ""

    def _attribute(self, node: ast.Attribute, depth: int) -> Term:
        if self._module(node.value):
            if node.attr == "pi":
                return Term("pi", ATOM, "scalar")
            raise Unclear
        if node.attr == "logabsdet":
            return self._subscript(ast.Subscript(node.value, ast.Constant(1), ast.Load()), depth)
        if node.attr in ("T", "mT", "H"):
            return transposed(self.of(node.value, depth + 1))
        raise Unclear

    def _subscript(self, node: ast.Subscript, depth: int) -> Term:
        base, where = node.value, node.slice
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute) and base.func.attr == "slogdet":
            if isinstance(where, ast.Constant) and where.value == 1:
                return called("logabsdet", [self.of(arg, depth + 1) for arg in base.args], "scalar")
            raise Unclear
        items = where.elts if isinstance(where, ast.Tuple) else [where]
        whole = self.of(base, depth + 1)
        if len(items) != {"vector": 1, "matrix": 2}.get(whole.kind) or whole.level != ATOM:
            raise Unclear
        texts = [self._index(item) for item in items]
        kind = "scalar" if ":" not in texts else "vector" if texts[0] == ":" else "row"
        return Term(f"{whole.text}[{','.join(texts)}]", ATOM, kind)

    def _index(self, item: ast.expr) -> str:
        if isinstance(item, ast.Constant) and type(item.value) is int:
            return str(item.value + 1)
        if isinstance(item, ast.Name):
            return item.id
        if isinstance(item, ast.Slice) and item.lower is None and item.upper is None and item.step is None:
            return ":"
        raise Unclear

    def _call(self, node: ast.Call, depth: int) -> Term:
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
                raise Unclear
            if name in ("max", "min", "amax", "amin") and len(arguments) > 1:
                raise Unclear
        else:
            raise Unclear
        name = name.removeprefix("reduce_")
        of_matrices = module.endswith(("linalg", "LA", "la")) and name != "vector_norm"
        options = {word.arg or "": _value(word.value) for word in node.keywords}
        while len(arguments) > 1 and name in WITH_OPTIONS:
            options[WITH_OPTIONS[name]] = _value(arguments.pop())
        if name in ("ones", "zeros", "eye", "identity"):
            sizes = arguments[0].elts if len(arguments) == 1 and isinstance(arguments[0], ast.Tuple) else arguments
            texts = [self.of(size, depth + 1).text for size in sizes]
            kind = "matrix" if len(texts) == 2 or name in ("eye", "identity") else "vector"
            return Term(f"{'eye' if name == 'identity' else name}({','.join(texts)})", ATOM, kind)
        terms = [self.of(argument, depth + 1) for argument in arguments]
        if OF_TWO.get(name) in (product, inner):
            self._note_vectors(*terms)
        if "ord" in options and terms[0].kind == "matrix" and options["ord"] not in ("fro", "nuc") and not of_matrices:
            raise Unclear
        return function(name, terms, options)


def _value(node: ast.expr) -> object:
    """An option of a call: a number, a word, inf, or the negative of a number."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Attribute) and node.attr == "inf":
        return "inf"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    raise Unclear
