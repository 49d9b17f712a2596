"""Derivatives: everything known about f′(x), from one forward and one reverse pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matcalc.conditions import conditions_of
from matcalc.contexts import Contexts, remember
from matcalc.derivation_steps import Step
from matcalc.derivations import derivation_of
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.forms import Forms
from matcalc.inner_products import InnerProduct
from matcalc.lazy_properties import lazy_property
from matcalc.parts import Program
from matcalc.registries import method
from matcalc.writing import Naming, naming_of, text

ORDERS = {1: "differential", 2: "second_differential", 3: "third_differential"}


@dataclass(frozen=True, init=False)
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
    notes: tuple[str, ...]
    inner: InnerProduct | None
    free: bool
    program: Program
    question: Contexts = field(compare=False, repr=False)
    """The contexts of what was differentiated."""

    def __init__(
        self,
        expression: Expression,
        variables: tuple[Variable, ...],
        notes: tuple[str, ...] = (),
        inner: InnerProduct | None = None,
        free: bool = False,
        program: Program | None = None,
        question: Contexts = (),
    ) -> None:
        program = program or Program((), expression)
        self.__dict__.update(
            expression=expression, variables=variables, notes=notes, inner=inner, free=free, program=program
        )
        self.__dict__["question"] = question

    @lazy_property
    def known_variables(self) -> tuple[Variable, ...]:
        """The variables of the question: of the expression, of the weights of an inner product, and those asked for."""
        weights = self.inner.variables if self.inner else ()
        return tuple(dict.fromkeys((*variables_of(self.expression), *weights, *self.variables)))

    @property
    def contexts(self) -> Contexts:
        """The variables of the question, and those that were declared with it."""
        return self.known_variables, *self.question

    @property
    def perturbations(self) -> dict[Variable, Variable]:
        """The variable dx for each variable x; its name is the first free one of dx, delta_x, …"""
        return self.named.perturbations

    @property
    def second_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx_ for each variable x: the second direction of the second differential."""
        return self.named.second_perturbations

    @property
    def third_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx__ for each variable x: the third direction of the third differential."""
        return self.named.third_perturbations

    @lazy_property
    def named(self) -> Forms:
        """The forms over the named parts of the expression, as they are printed.

        >>> import matcalc as mc
        >>> D = mc.differentiate("let r = A*x - b in norm2(r)^2", "x")
        >>> str(D.named.gradient), str(D.gradient)
        ("2*A'*r", "2*A'*(A*x - b)")
        """
        return Forms(self.program, self.variables, self.inner, self.free)

    @property
    def parts(self) -> dict[str, Expression]:
        """The parts that the user named, in order, each without the names of the others.

        >>> import matcalc as mc
        >>> D = mc.differentiate("let r = A*x - b; s = sigmoid(r) in sum(s)", "x")
        >>> str(D.parts["s"]), str(D.named.parts["s"])
        ('sigmoid(A*x - b)', 'sigmoid(r)')
        """
        return {p.name: p.value for p in self.program.parts}

    @lazy_property
    def differential(self) -> Expression:
        """f′(x)[dx], linear in the perturbations."""
        return self._answer(self.named.differential)

    @lazy_property
    def gradients(self) -> dict[Variable, Expression]:
        """The gradient by variable; raises NotScalar where f is not a scalar."""
        return {x: self._answer(g, perturbed=False) for x, g in self.named.gradients.items()}

    @lazy_property
    def gradient(self) -> Any:
        """∇f with the shape of x: df = ⟨∇f, dx⟩; a dict by name for several variables."""
        return self._answers(self.named.gradient, perturbed=False)

    @lazy_property
    def jacobian(self) -> Any:
        """J with vec(df) = J vec(dx), column-major; a dict by name for several variables."""
        return self._answers(self.named.jacobian)

    @lazy_property
    def hessian(self) -> Any:
        """H with d²f = vec(dx)′H vec(dx); its blocks by pairs of names for several variables."""
        return self._answers(self.named.hessian)

    @lazy_property
    def hessian_operator(self) -> Any:
        """The derivative of the gradient, f″(x)[dx, ·] as an element of x's space; a dict by name for several."""
        return self._answers(self.named.hessian_operator)

    def hessian_along(self, directions: Mapping[Variable, Variable]) -> Any:
        """The derivative of the gradient along a direction for each variable; a dict by name for several."""
        return self._answers(self.named.hessian_along(directions))

    @lazy_property
    def second_differential(self) -> Expression:
        """f″(x)[dx, dx_], bilinear and symmetric in the two perturbations, and written so where that is not long."""
        return self._answer(self.named.second_differential)

    @lazy_property
    def third_differential(self) -> Expression:
        """f‴(x)[dx, dx_, dx__], trilinear and symmetric."""
        return self._answer(self.named.third_differential)

    def _answer(self, e: Expression, perturbed: bool = True) -> Expression:
        """An answer without the names of parts, remembering what it is an answer to."""
        directions = tuple(self.perturbations.values()) if perturbed else ()
        e = self.program.unfolded(e)
        return remember(e, (self.expression, *self._weights, *self.variables, *directions))

    @property
    def _weights(self) -> tuple[Expression, ...]:
        """The matrices of the inner product that was asked for."""
        return (self.inner.left, self.inner.right) if self.inner else ()

    def _answers(self, found: Any, perturbed: bool = True) -> Any:
        if isinstance(found, dict):
            return type(found)({key: self._answer(e, perturbed) for key, e in found.items()})
        return self._answer(found, perturbed)

    @lazy_property
    def conditions(self) -> tuple[str, ...]:
        """The conditions under which the differential, and the gradient of a scalar, hold, in words.

        >>> import matcalc as mc
        >>> mc.differentiate("logdet(A) + norm2(x)", ("A", "x")).conditions
        ('det(A) positive', 'x nonzero')
        """
        return self.conditions_of("differential", *(["gradient"] if self.expression.is_scalar else []))

    def conditions_of(self, *forms: str) -> tuple[str, ...]:
        """The conditions under which forms hold; those of second order may need more than those of first order.

        >>> import matcalc as mc
        >>> D = mc.differentiate("det(A)", "A")
        >>> D.conditions_of("gradient"), D.conditions_of("hessian")
        ((), ('A invertible',))
        """
        found = [getattr(self.named, form) for form in forms]
        formulas = [self.program.unfolded(e) for f in found for e in (f.values() if isinstance(f, dict) else [f])]
        conditions = conditions_of(self.expression, self.variables, self.named.printed.parts, formulas)
        return tuple(dict.fromkeys((*conditions, *(self.inner.conditions() if self.inner else ()))))

    @lazy_property
    def derivation(self) -> tuple[Step, ...]:
        """The steps to the differential and the gradient, or else the Jacobian, each with the rule it uses."""
        return self.derivation_of("gradient" if self.expression.is_scalar else "jacobian")

    def derivation_of(self, *forms: str, naming: Naming | None = None, layout: str = "numerator") -> tuple[Step, ...]:
        """The steps to the differential and to further forms: "gradient", "jacobian", "hessian", "second_differential".

        >>> import matcalc as mc
        >>> for step in mc.differentiate("A*X*B", "X").derivation_of("jacobian"): print(step)
        d(A*X*B) = A*dX*B    [product rule; A, B constant; Course notes, theorem 2]
        vec(A*dX*B) = kron(B', A)*vec(dX)    [vec of a product; Course notes, proposition 21]
        jacobian = kron(B', A)    [Jacobian; vec(df) = jacobian*vec(dX)]
        """
        known = [getattr(self.named, form) for form in ("differential", *forms)]
        formulas = [e for found in known for e in (found.values() if isinstance(found, dict) else [found])]
        return derivation_of(self.named, forms, naming or naming_of(self.named.printed, formulas), layout)

    @lazy_property
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
        program, gradients = self.named.printed, self.named.gradients_shown if self.expression.is_scalar else {}
        naming = Naming([self.named.differential, *gradients.values()], program)
        found = [f"{d} = {write(self.named.differential, program, naming)}"]
        for x, g in gradients.items():
            label = nabla if len(self.variables) == 1 else f"{nabla}_{x.name}"
            found.append(f"{label} = {write(g, program, naming)}")
        return comma.join(found)

    def __str__(self) -> str:
        program = self.named.printed
        return f"d({text(program.body, program)}) = {text(self.named.differential, program)}"

    __repr__ = __str__
