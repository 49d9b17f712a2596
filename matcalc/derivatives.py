"""Derivatives: everything known about f′(x), from one forward and one reverse pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any

from matcalc.adjoints import inner_product, pullback
from matcalc.contexts import remember
from matcalc.derivations import Step, derivation_of
from matcalc.differentials import differential_of
from matcalc.errors import NotScalar
from matcalc.expansions import multiplied_out
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.free_entries import gradient_on_entries, matrix_on_entries
from matcalc.inner_products import InnerProduct
from matcalc.leaves import number
from matcalc.lengths import length
from matcalc.operator_matrices import operator_matrix
from matcalc.registries import method
from matcalc.second_derivatives import (
    Blocks,
    hessian_block,
    hessian_operator_of,
    second_differential_of,
    third_differential_of,
)
from matcalc.simplification import simplify
from matcalc.sums import add
from matcalc.tangents import is_constrained, is_curved, on_tangents, perturbation, projection, without_normal
from matcalc.writing import text

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
    inner: InnerProduct | None = None
    free: bool = False

    @cached_property
    def known_variables(self) -> tuple[Variable, ...]:
        """The variables of the question: of the expression, of the weights of an inner product, and those asked for."""
        weights = self.inner.variables if self.inner else ()
        return tuple(dict.fromkeys((*variables_of(self.expression), *weights, *self.variables)))

    @cached_property
    def perturbations(self) -> dict[Variable, Variable]:
        """The variable dx for each variable x; its name is the first free one of dx, delta_x, …"""
        taken = {v.name for v in variables_of(self.expression)}
        return {x: perturbation(x, _free_name(x.name, taken)) for x in self.variables}

    @cached_property
    def second_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx_ for each variable x: the second direction of the second differential."""
        return {x: perturbation(x, dx.name + "_") for x, dx in self.perturbations.items()}

    @cached_property
    def third_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx__ for each variable x: the third direction of the third differential."""
        return {x: perturbation(x, dx.name + "__") for x, dx in self.perturbations.items()}

    @cached_property
    def differential(self) -> Expression:
        """f′(x)[dx], linear in the perturbations."""
        return self._answer(self._on_tangents(self._ambient_differential))

    def _on_tangents(self, ambient: Expression) -> Expression:
        """The differential without what is 0 for perturbations tangent to a curved domain."""
        if not any(map(is_curved, self.variables)):
            return ambient
        forms = [on_tangents(ambient, self.perturbations)]
        if self.expression.is_scalar:
            kept = {x: without_normal(x, g) for x, g in self._adjoint_of_one.items()}
            forms.append(add(*(inner_product(g, self.perturbations[x]) for x, g in kept.items())))
        return min((ambient, *map(simplify, forms)), key=length)

    @cached_property
    def _ambient_differential(self) -> Expression:
        """The differential as if the variables were not on a curved domain."""
        direct = simplify(differential_of(self.expression, self.perturbations))
        if not self.expression.is_scalar:
            return direct
        # for a scalar f, ⟨∇f, dx⟩ with the simplified gradient is often shorter
        inner = add(*(inner_product(g, self.perturbations[x]) for x, g in self._adjoint_of_one.items()))
        inner = simplify(inner)
        return inner if length(inner) <= length(direct) else direct

    @cached_property
    def _adjoint_of_one(self) -> dict[Variable, Expression]:
        """The adjoint applied to 1, before projection."""
        pulled = pullback(self.expression, number(1), self.variables)
        return {x: simplify(pulled[x]) for x in self.variables}

    @cached_property
    def whole_space_gradients(self) -> dict[Variable, Expression]:
        """The gradient by variable, not projected onto tangent spaces; raises NotScalar where f is not a scalar."""
        f = self.expression
        if not f.is_scalar:
            raise NotScalar(
                f"only a scalar has a gradient, and {text(f)} is {_shape_words(f)}",
                hint="ask for its jacobian or its differential; or take sum(…), norm2(…)^2 or an inner product",
            )
        return self._adjoint_of_one

    @cached_property
    def gradients(self) -> dict[Variable, Expression]:
        """The gradient by variable; raises NotScalar where f is not a scalar."""
        found = self.whole_space_gradients
        return {x: simplify(projection(x, g)) if is_constrained(x) else g for x, g in found.items()}

    @cached_property
    def _gradients_shown(self) -> dict[Variable, Expression]:
        """The gradients for the inner product, or on the free entries, where that was asked for."""
        if self.inner is None and not self.free:
            return self.gradients
        plain = self._adjoint_of_one
        own = gradient_on_entries if self.inner is None else self.inner.gradient
        found = {x: own(x, plain[x]) for x in self.gradients}
        return {x: min((simplify(g), simplify(multiplied_out(g))), key=length) for x, g in found.items()}

    @property
    def gradient(self) -> Any:
        """∇f with the shape of x: df = ⟨∇f, dx⟩; a dict by name for several variables."""
        return self.by_name({x: self._answer(g) for x, g in self._gradients_shown.items()})

    @cached_property
    def jacobian(self) -> Any:
        """J with vec(df) = J vec(dx), column-major; a dict by name for several variables."""
        return self.by_name({x: self._answer(self._jacobian(x)) for x in self.variables})

    def _jacobian(self, x: Variable) -> Expression:
        dx = self.perturbations[x]
        if self.free:
            return matrix_on_entries(self.expression, x, dx)
        df = differential_of(self.expression, {x: dx})
        candidates = [simplify(operator_matrix(form, dx)) for form in dict.fromkeys((simplify(df), df))]
        return min(candidates, key=length)

    @cached_property
    def hessian(self) -> Any:
        """H with d²f = vec(dx)′H vec(dx); its blocks by pairs of names for several variables."""
        blocks = {
            (x.name, y.name): self._answer(self._hessian_block(x, y, dy))
            for x in self.variables
            for y, dy in self.perturbations.items()
        }
        return Blocks(blocks) if len(self.variables) > 1 else next(iter(blocks.values()))

    def _hessian_block(self, x: Variable, y: Variable, dy: Variable) -> Expression:
        if self.free:
            return matrix_on_entries(gradient_on_entries(x, self.whole_space_gradients[x]), y, dy)
        return hessian_block(self.whole_space_gradients, x, y, dy)

    @cached_property
    def hessian_operator(self) -> Any:
        """The derivative of the gradient, f″(x)[dx, ·] as an element of x's space; a dict by name for several."""
        found = {x: hessian_operator_of(self.whole_space_gradients, x, self.perturbations) for x in self.variables}
        return self.by_name({x: self._answer(e) for x, e in found.items()})

    @cached_property
    def second_differential(self) -> Expression:
        """f″(x)[dx, dx_], bilinear and symmetric in the two perturbations, and written so where that is not long."""
        f, first = self.expression, self.perturbations
        forms = (self._ambient_differential, differential_of(f, first))
        gradients = self._adjoint_of_one if f.is_scalar else None
        return self._answer(second_differential_of(f, forms, gradients, first, self.second_perturbations))

    @cached_property
    def third_differential(self) -> Expression:
        """f‴(x)[dx, dx_, dx__], trilinear and symmetric."""
        directions = (self.perturbations, self.second_perturbations, self.third_perturbations)
        return self._answer(third_differential_of(self.second_differential, *directions))

    def _answer(self, e: Expression) -> Expression:
        """An answer, remembering what it is an answer to."""
        weights = (self.inner.left, self.inner.right) if self.inner else ()
        return remember(e, (self.expression, *weights, *self.variables, *self.perturbations.values()))

    @cached_property
    def derivation(self) -> tuple[Step, ...]:
        """The steps to the differential, each with the rule it uses."""
        return derivation_of(self.expression, self.perturbations, self._ambient_differential, self.differential)

    def by_name(self, found: Mapping[Variable, Expression]) -> Any:
        if len(found) == 1:
            return next(iter(found.values()))
        return {x.name: e for x, e in found.items()}

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
        found = [f"{d} = {write(self.differential)}"]
        if self.expression.is_scalar:
            for x, g in self._gradients_shown.items():
                label = nabla if len(self.variables) == 1 else f"{nabla}_{x.name}"
                found.append(f"{label} = {write(g)}")
        return comma.join(found)

    def __str__(self) -> str:
        return f"d({text(self.expression)}) = {text(self.differential)}"


def _free_name(name: str, taken: set[str]) -> str:
    further = (f"delta_{name}{i}" for i in count(1))
    return next(c for c in chain(("d" + name, "delta_" + name), further) if c not in taken)


def _shape_words(f: Expression) -> str:
    rows, columns = f.shape
    if columns == 1:
        return f"a vector of length {rows}"
    return f"a row of length {columns}" if rows == 1 else f"a {rows}×{columns} matrix"
