"""Numbers for expressions: every node once, operands first, without recursion.

An `Evaluator` is made once for some expressions and run at many points; checks use it, and it computes what is written.
`evaluate` is the door for users: every argument is checked, vectors have shape (n,), exponentials are computed from
stable forms, and a result that is not finite is an error that names the operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Overflow
from functools import lru_cache
from time import monotonic
from typing import Any

import numpy as np

from matcalc.bindings import bind
from matcalc.equations import Implicit
from matcalc.errors import EvaluationError
from matcalc.expressions import Apply, EntrywisePower, Expression, Power, Product, Unit, Variable
from matcalc.function_table import FUNCTIONS
from matcalc.operations import (
    CONSTANTS,
    FLOAT,
    OPERATIONS,
    Arithmetic,
    Operation,
    Sizes,
    compiled,
    evaluation_order,
    is_minus_one,
    shape_value,
    solved_inverses,
)
from matcalc.registries import method


class TimeIsUp(Exception):
    """The deadline of an evaluation has passed."""


def evaluate(
    expression: Expression,
    values: Mapping[str, Any],
    *,
    sizes: Sizes | None = None,
    declared: Iterable[Variable] = (),
) -> Any:
    """The value of the expression: a float, an array of shape (n,) for a column, or a 2-D array.

    ``values`` maps names to numbers and arrays, vectors as (n,) or (n, 1). Names that the expression does not
    use are ignored, but for ``declared`` variables: their values show sizes, such as the n of eye(n).
    ``sizes`` gives the dimensions that no value shows.

    Raises EvaluationError for a missing or improper value and where the result is not finite, ShapeError for
    a value that does not have its declared shape.

    >>> from matcalc.reading import parse
    >>> f = parse("x'*A*x", where="A: matrix(n,n), x: vector(n)")
    >>> evaluate(f, {"A": [[1, 2], [3, 4]], "x": [1, 1]})
    10.0
    """
    return evaluate_all([expression], values, sizes=sizes, declared=declared)[0]


def evaluate_all(
    expressions: Sequence[Expression],
    values: Mapping[str, Any],
    *,
    sizes: Sizes | None = None,
    declared: Iterable[Variable] = (),
) -> list[Any]:
    """``evaluate`` for several expressions that share work.

    >>> from matcalc.reading import parse
    >>> evaluate_all([parse(f, "s: scalar") for f in ("log(1 + exp(s))", "exp(s)/(1 + exp(s))")], {"s": 1000})
    [1000.0, 1.0]
    """
    evaluator = _evaluator(tuple(expressions))
    used = {v.name for v in evaluator.inputs}
    others = [v for v in declared if v.name in values and v.name not in used]
    arrays, known = bind([*evaluator.inputs, *others], values, sizes or {})
    if not any(map(np.iscomplexobj, arrays.values())):  # a logarithm that is complex has branches
        evaluator = _stable_evaluator(tuple(expressions))
    memory = evaluator.memory(arrays, known)
    found = [memory[slot] for slot in evaluator.roots]
    if not all(np.all(np.isfinite(value)) for value in found):
        node, operands = evaluator.first_undefined(memory)
        raise EvaluationError(f"the value is not finite: {complaint(node, operands)}")
    for name, A in evaluator.inverted(memory):
        if _is_singular(A):
            raise EvaluationError(
                f"the value has no correct digit: {name} of a matrix that is singular but for rounding"
            )
    return [_as_given(value, e) for value, e in zip(found, expressions, strict=True)]


def _is_singular(A: Any) -> bool:
    """Whether the condition number is beyond the digits of a double, whatever units the rows and columns have."""
    rows = np.max(np.abs(A), axis=1, keepdims=True)
    A = A / np.where(rows == 0, 1, rows)
    columns = np.max(np.abs(A), axis=0, keepdims=True)
    A = A / np.where(columns == 0, 1, columns)
    try:
        condition = np.linalg.norm(A, 1) * np.linalg.norm(np.linalg.inv(A), 1)
    except np.linalg.LinAlgError:
        return True
    return bool(condition * np.finfo(float).eps > 1)


def _as_given(value: Any, expression: Expression) -> Any:
    """The value as users see it: Python numbers and 1-D columns, nothing shared with their arguments."""
    if expression.is_scalar:
        return value.item() if isinstance(value, np.generic) else value
    return np.array(value[:, 0] if expression.columns == 1 else value)


@lru_cache(maxsize=32)
def _stable_evaluator(expressions: tuple[Expression, ...]) -> Evaluator:
    return _evaluator(tuple(method("stable forms")(expressions)))


@lru_cache(maxsize=32)
def _evaluator(expressions: tuple[Expression, ...]) -> Evaluator:
    """The evaluator for users' values, which a declared function has not."""
    evaluator = Evaluator(expressions)
    for name in (FUNCTIONS[n.function].named for n in evaluator.nodes if isinstance(n, Apply)):
        if name:
            raise EvaluationError(f"{name} has no values: it was declared as any analytic function")
    return evaluator


class Evaluator:
    """Expressions made ready to be computed at many points.

    >>> from matcalc.reading import parse
    >>> f = parse("tr(A)", where="A: matrix(n,n)")
    >>> Evaluator([f])({"A": np.eye(3)}, {"n": 3})
    [np.float64(3.0)]
    """

    def __init__(self, expressions: Sequence[Expression], arithmetic: Arithmetic = FLOAT) -> None:
        self.arithmetic = arithmetic
        self.nodes = evaluation_order(expressions)
        slots = {node: i for i, node in enumerate(self.nodes)}
        self.roots = [slots[e] for e in expressions]
        self.inputs = [node for node in self.nodes if isinstance(node, Variable)]
        self._arguments = [(slots[node], node.name) for node in self.inputs]
        self._constants = [(slots[node], node) for node in self.nodes if type(node) in CONSTANTS]
        solved = solved_inverses(self.nodes, set(expressions))
        self._steps: list[tuple[int, Operation, list[int]]] = []
        for node in self.nodes:
            if type(node) in OPERATIONS and node not in solved:
                operation, operands = compiled(node, arithmetic, solved)
                self._steps.append((slots[node], operation, [slots[o] for o in operands]))
        self._inversions: list[tuple[str, int, int | None]] = [
            ("inv", slots[node.args[0]], slots[node.args[1]])
            for node in self.nodes
            if isinstance(node, Power) and not node.is_scalar
        ]
        self._inversions += [
            (node.function, slots[node.operands[0]], None)
            for node in self.nodes
            if isinstance(node, Apply) and node.function in ("logdet", "logabsdet")
        ]
        self._templates: dict[tuple[tuple[str, int], ...], list[Any]] = {}

    def __call__(self, values: Mapping[str, Any], sizes: Sizes, deadline: float | None = None) -> list[Any]:
        """The values of the expressions, nan where they are not defined.

        ``values`` holds scalars and 2-D arrays of this arithmetic. Raises TimeIsUp after the deadline.
        """
        memory = self.memory(values, sizes, deadline)
        return [memory[slot] for slot in self.roots]

    def memory(self, values: Mapping[str, Any], sizes: Sizes, deadline: float | None = None) -> list[Any]:
        """The value of every one of `nodes`, None for an inverse that was not needed."""
        memory = self._template(sizes)[:]
        for slot, name in self._arguments:
            memory[slot] = values[name]
        with np.errstate(all="ignore"):
            for slot, operation, operands in self._steps:
                try:
                    memory[slot] = operation(*[memory[o] for o in operands])
                except Overflow:
                    raise  # beyond sixty digits' range nothing is known, which is not to say undefined
                except MemoryError:
                    raise Overflow from None
                except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                    memory[slot] = self._undefined(slot, sizes)
                if deadline is not None and monotonic() > deadline:
                    raise TimeIsUp
        return memory

    def inverted(self, memory: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """The matrices that must not be singular, and what is taken of them."""
        for name, slot, exponent in self._inversions:
            if exponent is None or memory[exponent] < 0:
                yield name, memory[slot]

    def _template(self, sizes: Sizes) -> list[Any]:
        """A memory that holds the constants only."""
        key = tuple(sorted(sizes.items()))
        if key not in self._templates:
            template: list[Any] = [None] * len(self.nodes)
            for slot, node in self._constants:
                template[slot] = CONSTANTS[type(node)](node, self.arithmetic, sizes)
            self._templates[key] = template
        return self._templates[key]

    def _undefined(self, slot: int, sizes: Sizes) -> Any:
        node = self.nodes[slot]
        nans = self.arithmetic.array(np.full(shape_value(node, sizes), np.nan))
        return nans[0, 0] if node.is_scalar else nans

    def first_undefined(self, memory: Sequence[Any]) -> tuple[Expression, list[Any]]:
        """The first node whose value is not finite, and the values of its operands."""
        by_node = dict(zip(self.nodes, memory, strict=True))
        for node, value in by_node.items():
            if value is not None and not np.all(np.isfinite(value)):
                return node, [by_node.get(o) for o in node.operands]
        raise AssertionError("every value is finite")


# ---- what went wrong ---------------------------------------------------------------------------------------


def complaint(node: Expression, operands: Sequence[Any]) -> str:
    """What is wrong at the first node without a finite value, in words: "log of a negative number"."""
    argument = operands[-1] if operands else None
    if isinstance(node, Apply):
        return _named(node.function, argument)
    if isinstance(node, Power) and is_minus_one(node.args[1]):
        return _division(node.args[0]) if node.is_scalar else "inv of a singular matrix"
    if isinstance(node, (Power, EntrywisePower)):
        base = operands[0]
        if not node.is_scalar and isinstance(node, Power):
            if int(operands[1]) != operands[1]:
                return "a power of a matrix whose exponent is no integer"
            return "inv of a singular matrix" if operands[1] < 0 else "a power is too large"
        if base is not None and np.isrealobj(base) and np.any(np.asarray(base) < 0):
            return "a power of a negative number whose exponent is no integer"
        return "division by zero" if base is not None and np.any(np.asarray(base) == 0) else "a power is too large"
    if isinstance(node, Implicit):
        return f"no solution of {node} was found"
    if isinstance(node, Unit):
        return "an index is out of range"
    if isinstance(node, Product) and any(o is None for o in operands):
        return "inv of a singular matrix"
    return "a number is too large"


def _division(divisor: Expression) -> str:
    if isinstance(divisor, Apply) and divisor.function == "norm2":
        return f"division by zero: {divisor} is 0, where a norm has no derivative"
    return "division by zero"


def _named(function: str, argument: Any) -> str:
    if argument is None or not np.isrealobj(argument):
        return f"{function} is not defined, or too large, here"
    entries = np.asarray(argument)
    if function in ("logdet", "logabsdet"):
        singular = function == "logabsdet" or np.linalg.det(entries) == 0
        return f"{function} of a {'singular matrix' if singular else 'matrix with a negative determinant'}"
    if function in _UNDETERMINED:
        return _UNDETERMINED[function].format(function)
    if function == "log":
        return "log of 0" if np.all(entries >= 0) else "log of a negative number"
    return f"{function} is not defined, or too large, at {entries.flat[np.argmax(np.abs(entries))]:.6g}"


_NOT_SIMPLE = "is not simple, and has no derivative here; one-sided derivatives are"
_NOT_REAL = "the eigenvalue with the largest real part is not real, or not simple"
_UNDETERMINED = {
    "chol": "{} of a matrix that is not positive definite",
    **dict.fromkeys(("lu_l", "lu_u"), "{} of a matrix with a zero pivot"),
    **dict.fromkeys(("qr_q", "qr_r"), "{} of a matrix whose columns are not independent"),
    "polar": "{} of a matrix whose columns are not independent; where it is wider than tall, declare its sizes",
    **dict.fromkeys(("logm", "sqrtm", "dlogm", "dsqrtm"), "{} at a matrix with an eigenvalue that is 0 or negative"),
    "sylvester": "{}(A, B, C) has no single solution: an eigenvalue of A is the negative of one of B",
    "inverse_gaps": "two entries coincide, and {} has no value: eigenvectors have no derivative here",
    "eigvecs": "eigenvalues coincide, and their eigenvectors are not determined",
    "leading_eigvec": f"the largest eigenvalue {_NOT_SIMPLE} the eigenvalues of U'*dS*U, U a basis of its eigenspace",
    "trailing_eigvec": f"the smallest eigenvalue {_NOT_SIMPLE} the eigenvalues of U'*dS*U, U a basis of its eigenspace",
    "spectral_abscissa": _NOT_REAL,
    "eigenprojection": f"{_NOT_REAL}, and has no derivative here: where two coincide they grow like a square root",
    **dict.fromkeys(("svd_u", "svd_v"), "singular values coincide, and their singular vectors are not determined"),
    **dict.fromkeys(
        ("leading_svd_u", "leading_svd_v"),
        f"the largest singular value {_NOT_SIMPLE} the eigenvalues of (U'*dA*V + V'*dA'*U)/2, "
        "U and V bases of its singular spaces",
    ),
}
"""What is wrong where a factor or a vector of a spectrum has no value."""
