"""Derivatives: everything known about f′(x), from one forward and one reverse pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any, TypeAlias

from sympy import Basic

from matcalc.adjoints import pullback
from matcalc.contexts import remember
from matcalc.declarations import Declared, Where, declarations, unused
from matcalc.derivations import Step, derivation_of
from matcalc.differentials import differential_of
from matcalc.errors import NotDifferentiable, ShapeError, UnknownName
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.forms import Forms
from matcalc.function_table import nearest_names
from matcalc.leaves import variable
from matcalc.names import spelled_out
from matcalc.parts import Program
from matcalc.reading import Reading, read
from matcalc.registries import method
from matcalc.simplification import simplify
from matcalc.tangents import perturbation, projection
from matcalc.tokens import spelled
from matcalc.writing import text

Formula: TypeAlias = "str | Expression | Basic"
Names: TypeAlias = "str | Variable | Sequence[str | Variable]"
ORDERS = {1: "differential", 2: "second_differential", 3: "third_differential"}


@dataclass(frozen=True)
class Derivative:
    """Everything known about f′(x), as a linear operator on perturbations dx.

    ``differential`` is f′(x)[dx]; ``gradient`` its adjoint applied to 1, of the shape of x, in the tangent
    space of a constrained variable; ``jacobian`` its matrix on column-major vec; ``hessian`` the H with
    d²f = vec(dx)′H vec(dx).  With several variables the last three are dicts by name.

    >>> import matcalc as mc
    >>> D = mc.differentiate("x'*A*x", "x", where="A: matrix(n,n), x: vector(n)")
    >>> str(D.differential), str(D.gradient), str(D.hessian)
    ("x'*(A + A')*dx", "(A + A')*x", "A + A'")
    """

    expression: Expression
    variables: tuple[Variable, ...]
    notes: tuple[str, ...] = ()
    program: Program | None = None

    @cached_property
    def perturbations(self) -> dict[Variable, Variable]:
        """The variable dx for each variable x; its name is the first free one of dx, delta_x, …"""
        return {x: perturbation(x, _free_name(x.name, self._taken)) for x in self.variables}

    @cached_property
    def _taken(self) -> set[str]:
        """The names of the expression, those of its parts included."""
        return {v.name for v in variables_of(self.expression)} | self._program.names

    @cached_property
    def second_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx_ for each variable x: the second direction of the second differential."""
        return {x: perturbation(x, dx.name + "_") for x, dx in self.perturbations.items()}

    @cached_property
    def third_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx__ for each variable x: the third direction of the third differential."""
        return {x: perturbation(x, dx.name + "__") for x, dx in self.perturbations.items()}

    @cached_property
    def named(self) -> Forms:
        """The forms over the named parts of the expression, as they are printed.

        >>> import matcalc as mc
        >>> D = mc.differentiate("let r = A*x - b in norm2(r)^2", "x")
        >>> str(D.named.gradient), str(D.gradient)
        ("2*A'*r", "2*A'*(A*x - b)")
        """
        return Forms(self._program, self.perturbations, self.second_perturbations, self.third_perturbations)

    @property
    def _program(self) -> Program:
        return self.program or Program((), self.expression)

    @property
    def parts(self) -> dict[str, Expression]:
        """The parts that the user named, in order, each without the names of the others.

        >>> import matcalc as mc
        >>> D = mc.differentiate("let r = A*x - b; s = sigmoid(r) in sum(s)", "x")
        >>> str(D.parts["s"]), str(D.named.parts["s"])
        ('sigmoid(A*x - b)', 'sigmoid(r)')
        """
        return {p.name: p.value for p in self._program.parts}

    @cached_property
    def differential(self) -> Expression:
        """f′(x)[dx], linear in the perturbations."""
        return self._answer(self.named.differential)

    @cached_property
    def gradients(self) -> dict[Variable, Expression]:
        """The gradient by variable; raises NotScalar where f is not a scalar."""
        return {x: self._answer(g) for x, g in self.named.gradients.items()}

    @cached_property
    def gradient(self) -> Any:
        """∇f with the shape of x: df = ⟨∇f, dx⟩; a dict by name for several variables."""
        return self._answers(self.named.gradient)

    @cached_property
    def jacobian(self) -> Any:
        """J with vec(df) = J vec(dX), column-major; a dict by name for several variables."""
        return self._answers(self.named.jacobian)

    @cached_property
    def hessian(self) -> Any:
        """H with d²f = vec(dx)′H vec(dx); its blocks by pairs of names for several variables."""
        return self._answers(self.named.hessian)

    @cached_property
    def hessian_operator(self) -> Any:
        """The derivative of the gradient, f″(x)[dx, ·] as an element of x's space; a dict by name for several."""
        return self.hessian_along(self.perturbations)

    def hessian_along(self, directions: Mapping[Variable, Variable]) -> Any:
        """The derivative of the gradient along a direction for each variable; a dict by name for several."""
        return self._answers(self.named.hessian_along(directions))

    @cached_property
    def second_differential(self) -> Expression:
        """f″(x)[dx, dx_], bilinear and symmetric in the two perturbations, and written so where that is not long."""
        return self._answer(self.named.second_differential)

    @cached_property
    def third_differential(self) -> Expression:
        """f‴(x)[dx, dx_, dx__], trilinear and symmetric."""
        return self._answer(self.named.third_differential)

    def _answer(self, e: Expression) -> Expression:
        """An answer without the names of parts, remembering what it is an answer to."""
        e = self._program.unfolded(e)
        return remember(e, (self.expression, *self.variables, *self.perturbations.values()))

    def _answers(self, found: Any) -> Any:
        if isinstance(found, dict):
            return type(found)({key: self._answer(e) for key, e in found.items()})
        return self._answer(found)

    @cached_property
    def derivation(self) -> tuple[Step, ...]:
        """The steps to the differential, each with the rule it uses."""
        return derivation_of(self._program, self.perturbations, self.named.differential)

    @cached_property
    def graph(self) -> Any:
        """The computational graph of the named parts, with a forward and a reverse sweep through it."""
        return method("graph")(self)

    def verify(self, trials: int | None = None, seed: int | None = None) -> Any:
        """Check the printed forms on random data; a Report."""
        return method("verify")(self, trials=trials, seed=seed)

    def latex(self) -> str:
        """LaTeX of the differential, and of the gradient where there is one."""
        return self._written("latex", r"\mathrm{d}f", r"\nabla f", r",\qquad ")

    def unicode(self) -> str:
        """Unicode of the differential, and of the gradient where there is one."""
        return self._written("unicode", "df", "∇f", ", ")

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _written(self, style: str, d: str, nabla: str, comma: str) -> str:
        write = method(style)
        found = [f"{d} = {write(self.named.differential, self.named.printed)}"]
        if self.expression.is_scalar:
            for x, g in self.named.gradients.items():
                label = nabla if len(self.variables) == 1 else f"{nabla}_{x.name}"
                found.append(f"{label} = {write(g, self.named.printed)}")
        return comma.join(found)

    def __str__(self) -> str:
        program = self.named.printed
        return f"d({text(program.body, program)}) = {text(self.named.differential, program)}"


def _free_name(name: str, taken: set[str]) -> str:
    further = (f"delta_{name}{i}" for i in count(1))
    return next(c for c in chain(("d" + name, "delta_" + name), further) if c not in taken)


# ---- functions ----------------------------------------------------------------------------------------------------


def differentiate(f: Formula, wrt: Names, where: Where = None) -> Derivative:
    """The derivative of f with respect to one variable or several.

    f is text, an expression or a SymPy matrix expression.  A declared name that does not occur is noted.
    Raises UnknownName where a variable does not occur.

    >>> str(differentiate("A^3", "A"))
    'd(A^3) = dA*A^2 + A*dA*A + A^2*dA'
    """
    reading = _read(f, where)
    occurring = {v.name: v for v in reading.variables}
    names = [wrt] if isinstance(wrt, (str, Variable)) else list(wrt)
    declared = declarations(where)[0]
    variables = tuple([_variable(n, occurring, declared, reading) for n in names])
    notes = reading.notes
    if not declared.keys() <= occurring.keys():
        asked = {name for x in variables for name in (x.name, f"d{x.name}")}
        notes = (*notes, *unused(where, asked | occurring.keys()))
    return Derivative(reading.expression, variables, notes, reading.program)


def _read(f: Formula, where: Where) -> Reading:
    """The formula as it was given, its variables in the order in which they occur in it."""
    if isinstance(f, str):
        return read(f, where)
    expression = f if isinstance(f, Expression) else method("from_sympy")(f)
    return Reading(expression, tuple(variables_of(expression)), (), "", Program((), expression))


def _variable(
    name: str | Variable, occurring: Mapping[str, Variable], declared: Mapping[str, Declared], f: Reading
) -> Variable:
    x = name if isinstance(name, Variable) else _known(spelled(name), occurring, declared, f)
    if "constant" in x.properties or "integer" in x.properties:
        word = "constant" if "constant" in x.properties else "integer"
        raise ShapeError(f"{x.name} is declared {word}: there is no derivative with respect to it")
    if {"orthogonal", "symmetric"} <= x.properties:
        what = f"a matrix that is orthogonal and symmetric, as {x.name}"
        message = f"derivatives with respect to {what}, are not supported"
        raise NotDifferentiable(message, hint="declare one of the two")
    return x


def _known(name: str, occurring: Mapping[str, Variable], declared: Mapping[str, Declared], f: Reading) -> Variable:
    """The variable of that name, which may be declared only."""
    x = occurring.get(name)
    if x is None and name in declared:
        shape, properties = declared[name]
        x = variable(name, *shape, *properties)
    if x is None:
        known = {**declared, **occurring}
        names = ", ".join(known) or "none"
        near = nearest_names(name, list(known))
        hint = f"did you mean {near[0]}?" if near else f"its variables are {names}"
        for other in known:
            parts = spelled_out(other, {name, *known} - {other})
            if name in parts:
                hint = f"{other} is one name: write {'*'.join(parts)} for the product"
        if name in f.program.names:
            message = f"{name} is a part that the text defines, and no variable"
            raise UnknownName(message, hint=f"differentiate with respect to one of {names}")
        raise UnknownName(f"there is no variable {name} in {text(f.expression)}", hint=hint)
    return x


def gradient(f: Formula, wrt: Names, where: Where = None) -> Any:
    """∇f, of the shape of the variable; a dict by name for several variables.

    >>> str(gradient("sum(log(exp(-y.*(X*w)) + vector(1)))", "w"))
    "-X'*(y.*sigmoid(-y.*(X*w)))"
    """
    return differentiate(f, wrt, where).gradient


def differential(f: Formula, wrt: Names, where: Where = None, *, order: int = 1) -> Expression:
    """df = f′(x)[dx]; of order 2 f″(x)[dx, dx_], of order 3 f‴(x)[dx, dx_, dx__].

    >>> str(differential("inv(A)", "A"))
    '-inv(A)*dA*inv(A)'
    >>> str(differential("logdet(A)", "A", order=2))
    '-tr(inv(A)*dA*inv(A)*dA_)'
    """
    D = differentiate(f, wrt, where)
    if order not in ORDERS:
        raise NotDifferentiable(f"differentials are of order 1, 2 or 3, not {order}")
    found: Expression = getattr(D, ORDERS[order])
    return found


def jacobian(f: Formula, wrt: Names, where: Where = None) -> Any:
    """J with vec(df) = J vec(dX).

    >>> str(jacobian("X^2", "X"))
    "kron(eye(n), X) + kron(X', eye(n))"
    """
    return differentiate(f, wrt, where).jacobian


def hessian(f: Formula, wrt: Names, where: Where = None) -> Any:
    """H with d²f = vec(dX)′H vec(dX); for several variables its blocks, by pairs of names.

    >>> str(hessian("norm2(A*x - b)^2", "x"))
    "2*A'*A"
    >>> print(hessian("x'*A*y", ("x", "y")))
    x, x: zeros(m,m)
    x, y: A
    y, x: A'
    y, y: zeros(n,n)
    """
    return differentiate(f, wrt, where).hessian


def hessian_operator(f: Formula, wrt: Names, where: Where = None) -> Any:
    """The Hessian as the operator dX ↦ H[dX] on matrices, without the matrix H; a dict by name for several.

    >>> str(hessian_operator("logdet(A)", "A"))
    "-(inv(A)*dA*inv(A))'"
    """
    return differentiate(f, wrt, where).hessian_operator


def directional(f: Formula, wrt: str | Variable, direction: str, where: Where = None) -> Expression:
    """f′(x)[v] for a direction named v.

    >>> str(directional("A*x", "x", "v"))
    'A*v'
    """
    D = differentiate(f, wrt, where)
    (x,) = D.variables
    return simplify(differential_of(D.expression, {x: perturbation(x, direction)}))


def hvp(f: Formula, wrt: Names, direction: str | Sequence[str], where: Where = None) -> Any:
    """The Hessian times a direction, without the Hessian: the derivative of the gradient along v.

    With several variables there is a direction for each, and a part of the answer for each, by name.

    >>> str(hvp("norm2(A*x - b)^2", "x", "v"))
    "2*A'*A*v"
    >>> str(hvp("x'*A*y", ("x", "y"), ("u", "v"))["x"])
    'A*v'
    """
    D = differentiate(f, wrt, where)
    names = [direction] if isinstance(direction, str) else list(direction)
    if len(names) != len(D.variables):
        count = f"{len(D.variables)} variable{'s' * (len(D.variables) != 1)}"
        raise ShapeError(f"{len(names)} directions are given for {count}", hint="give one for each variable")
    along = {x: perturbation(x, name) for x, name in zip(D.variables, names, strict=True)}
    return D.hessian_along(along)


def pullback_of(f: Formula, wrt: str | Variable, cotangent: str, where: Where = None) -> Expression:
    """The adjoint of f′(x) at a cotangent named y: ⟨y, f′(x)[dx]⟩ = ⟨pullback, dx⟩.

    >>> str(pullback_of("A*x", "x", "y"))
    "A'*y"
    """
    D = differentiate(f, wrt, where)
    (x,) = D.variables
    y = variable(cotangent, *D.expression.shape)
    return simplify(projection(x, pullback(D.expression, y, [x])[x]))
