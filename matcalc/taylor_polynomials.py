"""Taylor polynomials: f(x + dx) ≈ f + f′[dx] + ½ f″[dx, dx] + …, each order an expression, verified as printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np
from sympy import Integer, Rational

from matcalc.adjoints import inner_product
from matcalc.applications import apply
from matcalc.bindings import bind
from matcalc.declarations import Where
from matcalc.derivatives import ORDERS, Derivative
from matcalc.differentiation import Formula, Names, differentiate
from matcalc.errors import EvaluationError, NotDifferentiable
from matcalc.evaluation import evaluate
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.leaves import is_zero, number, variable
from matcalc.lengths import length
from matcalc.notations import Notation
from matcalc.powers import block
from matcalc.products import multiply
from matcalc.reading import read
from matcalc.registries import method
from matcalc.remainders import verify_remainder
from matcalc.reports import Report
from matcalc.sheets import Written
from matcalc.simplification import simplify
from matcalc.substitutions import substitute
from matcalc.sums import add, scale
from matcalc.text import text_of
from matcalc.transposes import transpose
from matcalc.typed_numbers import typed_numbers
from matcalc.writing import declarations_of, text, written

MOST_UNKNOWNS = 40


class InOrder:
    """A sum of expressions that is written term by term, as they come."""

    terms: tuple[Expression, ...]

    @property
    def polynomial(self) -> Expression:
        """The sum of the terms."""
        return add(*self.terms)

    @property
    def written(self) -> Written:
        """The sum as written: its terms in order, where no part of them needs a name."""
        parts = [written(t) for t in self.terms if not is_zero(t)] or [written(self.polynomial)]
        if any(p.parts for p in parts):
            return written(self.polynomial)
        notations: list[Notation] = []
        signs: list[str] = []
        for p in parts:
            n = p.answer
            if n.kind == "sum":
                notations += n.parts
                signs += n.value  # type: ignore[arg-type]
            else:
                negative = n.kind == "negative"
                notations.append(n.parts[0] if negative else n)
                signs.append("-" if negative else "+")
        return Written((), Notation("sum", notations, tuple(signs)))

    def __str__(self) -> str:
        found = self.written
        return text(self.polynomial) if found.parts else text_of(found.answer)

    __repr__ = __str__

    def latex(self) -> str:
        """The sum as LaTeX."""
        return self._in("latex")

    def unicode(self) -> str:
        """The sum in Unicode."""
        return self._in("unicode")

    def _in(self, style: str) -> str:
        found = self.written
        answer: str = method(style)(self.polynomial) if found.parts else method(f"notation in {style}")(found.answer)
        return answer

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


@dataclass(frozen=True)
class NumericTaylor(InOrder):
    """A Taylor polynomial with numbers for all variables: a sum of terms in dx."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, repr=False)
class TaylorPolynomial(InOrder):
    """The Taylor polynomial of f at x in the perturbation dx; `terms` are its homogeneous parts, from f(x) on.

    On a curved domain x + dx stands for the member of the domain that is closest to it.

    >>> import matcalc as mc
    >>> T = mc.taylor("logdet(A)", "A")
    >>> print(T)
    logdet(A) + tr(inv(A)*dA) - tr(inv(A)*dA*inv(A)*dA)/2
    >>> print(f"{T.verify(seed=1).observed_order:.2f}")
    3.00
    """

    derivative: Derivative
    order: int

    @cached_property
    def terms(self) -> tuple[Expression, ...]:  # type: ignore[override]
        """f(x), f′(x)[dx], f″(x)[dx, dx]/2, …"""
        return (self.derivative.expression, *(self._term(k) for k in range(1, self.order + 1)))

    def _term(self, k: int) -> Expression:
        D = self.derivative
        if k == 1:
            return D.differential
        others = (D.second_perturbations, D.third_perturbations)
        same = {names[x]: dx for names in others for x, dx in D.perturbations.items()}
        forms = [substitute(getattr(D, ORDERS[k]), same)]
        if k == 2 and D.expression.is_scalar:
            operators = D.hessian_operator
            by_name = operators if isinstance(operators, dict) else {D.variables[0].name: operators}
            forms.append(add(*(inner_product(by_name[x.name], dx) for x, dx in D.perturbations.items())))
        share = Rational(1, factorial(k))
        return min((simplify(scale(share, form)) for form in forms), key=length)

    def verify(self, trials: int | None = None, seed: int | None = None) -> Report:
        """Check the polynomial as printed: its remainder falls as the step to the power of the order plus one."""
        D = self.derivative
        known = (*variables_of(D.expression), *D.variables, *D.perturbations.values())
        printed = read(str(self), declarations_of(known, [D.expression]), limits=False).expression
        return verify_remainder(D.expression, printed, self.order, D.perturbations, trials=trials, seed=seed)

    def at(self, values: str | Mapping[str, Any]) -> NumericTaylor:
        """The polynomial with numbers for all variables, in dx alone, six digits of each coefficient.

        Raises NotScalar where f is not a scalar, EvaluationError for improper numbers.

        >>> import matcalc as mc
        >>> print(mc.taylor("x[1]^2*x[2]", "x", "x: vector(2)").at("x = [1, 3]"))
        3 + [6, 1]*dx + dx'*[6, 2; 2, 0]*dx/2
        """
        D = self.derivative
        if self.order > 2:
            message = "numbers are put into Taylor polynomials of order 1 and 2 only"
            raise NotDifferentiable(message, hint="ask for order 2")
        known = list(dict.fromkeys((*variables_of(D.expression), *D.variables)))
        gradients = D.gradients
        arrays, sizes = bind(known, typed_numbers(values, known) if isinstance(values, str) else values, {})
        if sum(np.size(arrays[x.name]) for x in D.variables) > MOST_UNKNOWNS:
            raise EvaluationError("these are too many numbers to write out", hint=f"at most {MOST_UNKNOWNS} unknowns")
        moves = {x: _entries_of(dx, arrays[x.name]) for x, dx in D.perturbations.items()}

        def value(e: Expression, rows: Any, columns: Any) -> Expression:
            entries = np.asarray(evaluate(e, arrays, sizes=sizes), dtype=float)
            return _numbers(entries.reshape((int(rows), int(columns)), order="F"))

        terms = [value(D.expression, 1, 1)]
        terms += [multiply(value(g, 1, moves[x].rows), moves[x]) for x, g in gradients.items()]
        if self.order == 2:
            blocks = D.hessian if len(moves) > 1 else {(x.name, x.name): D.hessian for x in moves}
            for i, (x, u) in enumerate(moves.items()):
                for y, v in list(moves.items())[i:]:
                    H = value(blocks[x.name, y.name], u.rows, v.rows)
                    share = Rational(1, 2) if x is y else Integer(1)
                    terms.append(scale(share, multiply(transpose(u), H, v)))
        return NumericTaylor(tuple(terms))


def taylor(f: Formula, wrt: Names, where: Where = None, *, order: int = 2) -> TaylorPolynomial:
    """The Taylor polynomial of f in the perturbations of one variable or several, of order 1, 2 or 3.

    >>> print(taylor("x'*A*x", "x", "A: matrix(n,n) symmetric, x: vector(n)"))
    x'*A*x + 2*x'*A*dx + dx'*A*dx
    >>> print(taylor("a^3", "a", order=3))
    a^3 + 3*a^2*da + 3*a*da^2 + da^3
    """
    if order not in ORDERS:
        raise NotDifferentiable(f"Taylor polynomials are of order 1, 2 or 3, not {order}")
    return TaylorPolynomial(differentiate(f, wrt, where), order)


def _entries_of(dx: Variable, value: Any) -> Expression:
    """The entries of a perturbation as a column, its sizes those of a value."""
    rows, columns = np.shape(value) or (1, 1)
    sized = variable(dx.name, Integer(rows), Integer(columns), *dx.properties)
    return sized if columns == 1 else apply("vec", sized)


def _numbers(value: Any) -> Expression:
    """A number, or a matrix of numbers, to six digits."""
    cells = [number(Rational(f"{entry:.6g}")) for row in value for entry in row]
    return block(len(value), *cells) if value.size > 1 else cells[0]
