"""The forward and the reverse sweep through a program: each part once, in order and in reverse order.

Forward, the perturbation of a part is its definition's differential; in reverse, its cotangent is the sum of what
the adjoints of its uses send back. That is forward and back substitution with a triangular matrix of operators.
Source: course notes, section 10.2; Griewank & Walther, Evaluating Derivatives, chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matcalc.adjoints import pullback
from matcalc.differentials import differential_of
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.leaves import is_zero, zero
from matcalc.parts import Part
from matcalc.sums import add


def active_parts(parts: Iterable[Part], variables: Iterable[Expression]) -> list[Part]:
    """The parts that depend on some variables, directly or by other parts, in order."""
    active = set(variables)
    found = []
    for part in parts:
        if not active.isdisjoint(variables_of(part.definition)):
            active.add(part.variable)
            found.append(part)
    return found


def forward(parts: Sequence[Part], root: Expression, perturbations: Mapping[Variable, Expression]) -> Expression:
    """The differential of an expression over parts, with the perturbations of the parts put in.

    >>> from matcalc.reading import read
    >>> f, (A, x) = read("let r = A*x in r'*r").program, read("A*x").variables
    >>> dx = read("dx", "dx: vector(n)").expression
    >>> str(forward(f.parts, f.body, {x: dx}))
    "2*r'*A*dx"
    """
    if not parts:
        return differential_of(root, perturbations)
    tangents: dict[Expression, Expression] = dict(perturbations)
    for part in active_parts(parts, perturbations):
        tangents[part.variable] = _differential(part.definition, tangents)
    return _differential(root, tangents)


def _differential(e: Expression, tangents: Mapping[Expression, Expression]) -> Expression:
    return differential_of(e, {v: tangents[v] for v in variables_of(e) if v in tangents})


def reverse(
    parts: Sequence[Part], root: Expression, cotangent: Expression, targets: Iterable[Expression]
) -> dict[Expression, Expression]:
    """The adjoint of the derivative at a cotangent, for each target, with the cotangents of the parts put in.

    >>> from matcalc.reading import read
    >>> f, (A, x) = read("let r = A*x in r'*r").program, read("A*x").variables
    >>> str(reverse(f.parts, f.body, read("1").expression, [x])[x])
    "2*A'*r"
    """
    if not parts:
        return pullback(root, cotangent, targets)
    targets = list(dict.fromkeys(targets))
    wanted = active_parts(parts, targets)
    active = {*targets, *(p.variable for p in wanted)}
    received: dict[Expression, list[Expression]] = {v: [] for v in active}
    _send_back(root, cotangent, active, received)
    for part in reversed(wanted):
        pieces = received[part.variable]
        if pieces:
            _send_back(part.definition, _total(pieces), active, received)
    return {t: _total(received[t]) if received[t] else zero(*t.shape) for t in targets}


def _total(pieces: list[Expression]) -> Expression:
    return pieces[0] if len(pieces) == 1 else add(*pieces)


def _send_back(
    e: Expression, cotangent: Expression, active: set[Expression], received: dict[Expression, list[Expression]]
) -> None:
    """Give every active variable of an expression what the adjoint of its derivative makes of a cotangent."""
    operands = [v for v in variables_of(e) if v in active]
    for v, piece in pullback(e, cotangent, operands).items():
        if not is_zero(piece):
            received[v].append(piece)
