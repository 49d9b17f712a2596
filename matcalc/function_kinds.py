"""What a callable may claim to be: a differential, a gradient, a vjp, a Jacobian; recognised and compared.

Each kind is compared with the slope of f in a space of its own: a differential entry by entry, a gradient by
⟨∇f, v⟩, a vjp by ⟨G, v⟩ = ⟨w, slope⟩, a Jacobian by J vec(v). vec stacks columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from matcalc.errors import MatcalcError, NotScalar, ShapeError
from matcalc.given_functions import GivenFunction, Point
from matcalc.operations import Array

Kind: TypeAlias = Literal["differential", "jvp", "gradient", "vjp", "jacobian"]
KINDS = get_args(Kind)
CALLS = {"differential": "df(x, dx)", "jvp": "df(x, dx)", "gradient": "df(x)", "vjp": "df(x, w)", "jacobian": "df(x)"}
HINT = "kind= is one of " + ", ".join(f'"{kind}"' for kind in KINDS)


@dataclass(frozen=True)
class Comparison:
    """Numbers that should be equal, and for each the size beside which a difference is small."""

    found: Any
    expected: Any
    sizes: Any


@dataclass(frozen=True)
class Claim:
    """A callable that is said to be the derivative of a function, of a kind, at points of these shapes."""

    kind: Kind
    df: GivenFunction
    x_shapes: tuple[tuple[int, ...], ...]
    f_shape: tuple[int, ...]

    @property
    def words(self) -> str:
        """The kind as it stands in a sentence."""
        return "Jacobian" if self.kind == "jacobian" else self.kind

    @property
    def is_forward(self) -> bool:
        """Whether it takes a direction."""
        return self.kind in ("differential", "jvp")

    @property
    def parts(self) -> int | None:
        """How many arrays it returns, None for one that is not in a tuple."""
        return None if self.is_forward or len(self.x_shapes) == 1 else len(self.x_shapes)

    def arguments(self, xs: Point, vs: Point, w: Array) -> Point:
        """What it is called with at a point, for a direction and a cotangent."""
        return (*xs, *vs) if self.is_forward else (*xs, w) if self.kind == "vjp" else xs

    def required(self) -> tuple[tuple[int, ...], ...]:
        """The shapes it must return."""
        if self.is_forward:
            return (self.f_shape,)
        if self.kind == "jacobian":
            return tuple((_size(self.f_shape), _size(shape)) for shape in self.x_shapes)
        return self.x_shapes

    def shape_mistake(self, values: Point) -> str:
        """What is wrong with the shapes of what was returned, empty if nothing is."""
        for i, (value, wanted) in enumerate(zip(values, self.required(), strict=True), 1):
            flat = max(len(self.f_shape), len(self.x_shapes[i - 1])) < 2
            loose = self.kind == "jacobian" and flat and 1 in wanted and value.shape == (_size(wanted),)
            if value.shape != wanted and not loose and not value.size == _size(wanted) == 1:
                part = f" for argument {i}" if len(values) > 1 else ""
                return f"the {self.words}{part} must have shape {wanted}, but df returns shape {value.shape}"
        return ""

    def view(self, value: Any, w: Any) -> Any:
        """A value of f, or its slope, in the space where the two sides are compared."""
        if self.is_forward:
            return np.asarray(value)
        if self.kind == "vjp":
            return np.asarray(np.sum(w * np.asarray(value).reshape(np.shape(w))))
        return np.asarray(value).reshape(-1, order="F")

    def found(self, values: Sequence[Any], vs: Sequence[Any]) -> Any:
        """What the claim says that the slope along vs is."""
        if self.is_forward:
            return np.asarray(values[0]).reshape(self.f_shape)
        pairs = list(zip(values, vs, strict=True))
        if self.kind == "jacobian":
            terms = [np.asarray(J).reshape(-1, np.size(v)) @ np.reshape(v, -1, order="F") for J, v in pairs]
            return sum(terms[1:], terms[0])
        products = [np.sum(np.asarray(G).reshape(np.shape(v)) * v) for G, v in pairs]
        total = np.asarray(sum(products[1:], products[0]))
        return total if self.kind == "vjp" else total.reshape(1)

    def scale(self, values: Sequence[Any], vs: Sequence[Any], slope: Any, w: Any) -> Any:
        """How large the terms are of which the two sides are made; both may be small by chance."""
        if self.is_forward:
            return np.zeros(self.f_shape)
        pairs = list(zip(values, vs, strict=True))
        if self.kind == "jacobian":
            rows = [_row_norms(np.asarray(J).reshape(-1, np.size(v))) * _typical(v) for J, v in pairs]
            return sum(rows[1:], rows[0])
        largest = max(_norm(G) * _typical(v) for G, v in pairs)
        if self.kind == "gradient":
            return np.asarray([largest])
        return np.asarray(max(largest, _norm(slope) * _typical(w)))


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=int))


def _norm(A: Any) -> float:
    return float(np.linalg.norm(np.asarray(A, dtype=float)))


def _typical(v: Any) -> float:
    """The size of a typical entry."""
    return _norm(v) / float(np.sqrt(np.size(v)))


def _row_norms(J: Any) -> Any:
    return np.linalg.norm(np.asarray(J, dtype=float), axis=1)


# ---- recognition -------------------------------------------------------------------------------------------


def claim_of(kind: Kind | None, df: GivenFunction, xs: Point, y: Array, vs: Point, w: Array) -> Claim:
    """The claim that df makes about a function with value y at xs.

    Raises MatcalcError where the kind is unknown, or not given and cannot be told, ShapeError where what df returns
    has the shape of no derivative, and NotScalar for the gradient of what is not one number.

    >>> x, y = np.ones(3), np.array(3.0)
    >>> claim_of(None, GivenFunction("df", lambda x, dx: 2 * x @ dx), (x,), y, (x,), y).kind
    'differential'
    """
    if kind is not None and kind not in KINDS:
        raise MatcalcError(f"there is no kind {kind!r}", hint=HINT)
    shapes = tuple(x.shape for x in xs)
    if kind == "gradient" and y.size != 1:
        hint = f'kind="jacobian" for a matrix of shape ({y.size}, {sum(x.size for x in xs)}), kind="vjp" for df(x, w)'
        raise NotScalar(f"a gradient is that of one number, but f returns shape {y.shape}", hint=hint)
    if kind is not None:
        return Claim(kind, df, shapes, y.shape)
    candidates = [Claim(k, df, shapes, y.shape) for k in _by_signature(df, len(xs)) if k != "gradient" or y.size == 1]
    mistakes = {c.kind: _mistake(c, xs, vs, w) for c in candidates}
    fitting = [c for c in candidates if not mistakes[c.kind]]
    if not fitting:
        raise _misfit(candidates, mistakes)
    # kinds that are the same numbers: a gradient and a Jacobian of one row, or all where everything is one number
    same = len(xs) == 1 and (fitting[0].kind == "gradient" or xs[0].size == y.size == 1)
    if len(fitting) == 1 or same:
        return fitting[0]
    words = " or ".join(f"a {c.words} {CALLS[c.kind]}" for c in fitting)
    raise MatcalcError(f"what kind of derivative df is cannot be told: it may be {words}", hint=HINT)


def _mistake(claim: Claim, xs: Point, vs: Point, w: Array) -> MatcalcError | str:
    """Why df is not such a derivative: what is raised when it is called so, or what is wrong with the shapes."""
    try:
        return claim.shape_mistake(claim.df.values(claim.arguments(xs, vs, w), claim.parts))
    except MatcalcError as error:
        return error


def _misfit(candidates: Sequence[Claim], mistakes: dict[Kind, MatcalcError | str]) -> MatcalcError:
    errors = [m for m in mistakes.values() if isinstance(m, MatcalcError)]
    if len(errors) == len(mistakes):
        return errors[0]
    words = [m for m in mistakes.values() if isinstance(m, str)]
    hint = "" if len(candidates) > 1 else "an entrywise derivative is the differential lambda x, dx: df(x) * dx"
    return ShapeError("; ".join(words), hint=hint)


def _by_signature(df: GivenFunction, count: int) -> list[Kind]:
    """The kinds that take as many arguments as df does."""
    names = df.parameters()
    if names is None:
        raise MatcalcError("what kind of derivative df is cannot be told from its signature", hint=HINT)
    found: list[Kind] = []
    found += ["gradient", "jacobian"] if len(names) == count else []
    found += ["differential"] if len(names) == 2 * count else []
    found += ["vjp"] if len(names) == count + 1 else []
    if not found:
        wanted = {1: "one or two"}.get(count, f"{count}, {count + 1} or {2 * count}")
        raise MatcalcError(f"df must take {wanted} arguments, but takes {len(names)}: {', '.join(names)}", hint=HINT)
    return found
