"""The forms of a derivative over the named parts of a program: differential, gradient, Jacobian, Hessian."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

from matcalc.adjoints import inner_product
from matcalc.entry_sums import with_distances
from matcalc.errors import NotScalar
from matcalc.expansions import multiplied_out
from matcalc.expressions import ONE, Expression, Variable, variables_of
from matcalc.foldings import Folding
from matcalc.free_entries import gradient_on_entries, matrix_on_entries
from matcalc.inner_products import InnerProduct
from matcalc.lazy_properties import lazy_property
from matcalc.leaves import ONE_NODE
from matcalc.lengths import length
from matcalc.operator_matrices import operator_matrix
from matcalc.parts import Program
from matcalc.second_derivatives import (
    Blocks,
    has_kronecker,
    hessian_block,
    hessian_operator_of,
    matrix_of,
    second_differential_of,
    third_differential_of,
)
from matcalc.simplification import simplify
from matcalc.sums import add
from matcalc.sweeps import forward, reverse
from matcalc.tangents import is_constrained, is_curved, on_tangents, perturbation, projection, without_normal
from matcalc.transposes import transpose
from matcalc.writing import text


@dataclass(frozen=True, init=False)
class Forms:
    """The forms, each an expression over the variables, their perturbations and the parts.

    >>> import matcalc as mc
    >>> D = mc.differentiate("let r = A*x - b; s = sigmoid(r) in sum(s)", "x")
    >>> str(D.named.gradient)
    "A'*(s.*(ones - s))"
    """

    program: Program
    variables: tuple[Variable, ...]
    inner: InnerProduct | None
    free: bool

    def __init__(
        self, program: Program, variables: tuple[Variable, ...], inner: InnerProduct | None = None, free: bool = False
    ) -> None:
        self.__dict__.update(program=program, variables=variables, inner=inner, free=free)

    @lazy_property
    def perturbations(self) -> dict[Variable, Variable]:
        """The variable dx for each variable x: the first of dx, delta_x, … that is free with dx_ and dx__."""
        taken = {v.name for v in self._known} | self.program.names
        return {x: perturbation(x, _free_name(x.name, taken)) for x in self.variables}

    @lazy_property
    def second_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx_ for each variable x: the second direction of the second differential."""
        return {x: perturbation(x, dx.name + "_") for x, dx in self.perturbations.items()}

    @lazy_property
    def third_perturbations(self) -> dict[Variable, Variable]:
        """The variable dx__ for each variable x: the third direction of the third differential."""
        return {x: perturbation(x, dx.name + "__") for x, dx in self.perturbations.items()}

    @property
    def _known(self) -> Iterator[Variable]:
        """The variables of the body and of the definitions."""
        return variables_of(self.program.body, *(p.definition for p in self.program.parts))

    @lazy_property
    def printed(self) -> Program:
        """The program, with the names of the question, which no other part of an answer may be given."""
        weights = self.inner.variables if self.inner else ()
        names = {v.name for v in (*self._known, *weights, *self.variables, *self.perturbations.values())}
        sizes = {str(s) for v in (*self._known, *weights, *self.variables) for d in v.shape for s in d.free_symbols}
        return replace(self.program, reserved=frozenset(names | sizes))

    @property
    def parts(self) -> dict[str, Expression]:
        """The definitions of the parts by name, in order, each over the parts before it."""
        return {p.name: p.definition for p in self.program.parts}

    @lazy_property
    def _differentiated(self) -> Program:
        """The program with distances of points: one at a time they are 0/0 where a point meets itself."""
        parts = tuple(p._replace(definition=with_distances(p.definition)) for p in self.program.parts)
        return replace(self.program, parts=parts, body=with_distances(self.program.body))

    @lazy_property
    def _folding(self) -> Folding:
        return Folding(self.program.parts)

    def simplest(self, e: Expression) -> Expression:
        """The expression simplified, with the names of the parts wherever it says what they say."""
        if not self.program.parts:
            return simplify(e)
        return self._named(simplify(self._named(e)))

    def _named(self, e: Expression) -> Expression:
        return self._folding.folded(e)

    def _forward(self, e: Expression, perturbations: Mapping[Variable, Expression]) -> Expression:
        return self._named(forward(self._differentiated.parts, e, perturbations))

    @lazy_property
    def differential(self) -> Expression:
        """f′(x)[dx], linear in the perturbations, without what is 0 for those tangent to a curved domain."""
        ambient = self.ambient_differential
        if not any(map(is_curved, self.variables)):
            return ambient
        forms = [on_tangents(ambient, self.perturbations)]
        if self.program.body.is_scalar:
            kept = {x: without_normal(x, g) for x, g in self.adjoint_of_one.items()}
            forms.append(add(*(inner_product(g, self.perturbations[x]) for x, g in kept.items())))
        return min((ambient, *map(self.simplest, forms)), key=length)

    @lazy_property
    def ambient_differential(self) -> Expression:
        """The differential as if the variables were not on a curved domain."""
        f = self._differentiated.body
        direct = self.simplest(self._forward(f, self.perturbations))
        if not f.is_scalar:
            return direct
        # for a scalar f, ⟨∇f, dx⟩ with the simplified gradient is often shorter
        inner = add(*(inner_product(g, self.perturbations[x]) for x, g in self.adjoint_of_one.items()))
        inner = self.simplest(inner)
        return inner if length(inner) <= length(direct) else direct

    @lazy_property
    def adjoint_of_one(self) -> dict[Variable, Expression]:
        """The adjoint applied to 1, before projection; raises NotScalar where f is not a scalar."""
        f = self._differentiated.body
        if not f.is_scalar:
            raise NotScalar(
                f"only a scalar has a gradient, and {text(f)} is {_shape_words(f)}",
                hint="ask for its jacobian or its differential; or take sum(…), norm2(…)^2 or an inner product",
            )
        pulled = reverse(self._differentiated.parts, f, ONE_NODE, self.variables)
        return {x: self.simplest(pulled[x]) for x in self.variables}

    @lazy_property
    def gradients(self) -> dict[Variable, Expression]:
        """The gradient of a scalar by variable, in the tangent space of a constrained one."""
        pulled = self.adjoint_of_one
        if not any(map(is_constrained, self.variables)):
            return pulled
        return {x: self.simplest(projection(x, g)) if is_constrained(x) else g for x, g in pulled.items()}

    @lazy_property
    def gradients_shown(self) -> dict[Variable, Expression]:
        """The gradients for the inner product, or on the free entries, where that was asked for."""
        if self.inner is None and not self.free:
            return self.gradients
        found = {x: self.gradient_of(x, g) for x, g in self.adjoint_of_one.items()}
        return {x: min((self.simplest(g), self.simplest(multiplied_out(g))), key=length) for x, g in found.items()}

    def gradient_of(self, x: Variable, cotangent: Expression) -> Expression:
        """The gradient in x, as it was asked for, where the adjoint applied to 1 is some cotangent."""
        if self.inner is not None:
            return self.inner.gradient(x, cotangent)
        if self.free:
            return gradient_on_entries(x, cotangent)
        return projection(x, cotangent) if is_constrained(x) else cotangent

    @property
    def gradient(self) -> Any:
        """∇f; a dict by name for several variables."""
        return self._by_name({x.name: g for x, g in self.gradients_shown.items()})

    @lazy_property
    def jacobian(self) -> Any:
        """J with vec(df) = J vec(dX); a dict by name for several variables."""
        return self._by_name({x.name: self._jacobian(x, dx) for x, dx in self.perturbations.items()})

    def _jacobian(self, x: Variable, dx: Variable) -> Expression:
        f = self._differentiated.body
        if self.free:
            return self._named(matrix_on_entries(f, x, dx, self._forward))
        df = self._forward(f, {x: dx})
        forms = dict.fromkeys((self.simplest(df), df))
        return min((self.simplest(operator_matrix(form, dx)) for form in forms), key=length)

    @lazy_property
    def hessian(self) -> Any:
        """H with d²f = vec(dx)′H vec(dx); its blocks by pairs of names for several variables."""
        found: dict[tuple[Variable, Variable], Expression] = {}
        for i, x in enumerate(self.variables):
            found[x, x] = self._hessian_block(x, x)
            for y in self.variables[i + 1 :]:
                found[x, y], found[y, x] = self._hessian_block(x, y), self._hessian_block(y, x)
                if not (is_constrained(x) or is_constrained(y)):
                    found[x, y] = min(found[x, y], simplify(transpose(found[y, x])), key=length)
                    found[y, x] = simplify(transpose(found[x, y]))
        blocks = {(x.name, y.name): self._named(found[x, y]) for x in self.variables for y in self.variables}
        return Blocks(blocks) if len(blocks) > 1 else next(iter(blocks.values()))

    def _hessian_block(self, x: Variable, y: Variable) -> Expression:
        gradients, dy = self.adjoint_of_one, self.perturbations[y]
        if self.free:
            return matrix_on_entries(gradient_on_entries(x, gradients[x]), y, dy, self._forward)
        found = hessian_block(gradients, x, y, dy, self._forward)
        if x.columns is y.columns is ONE and has_kronecker(found) and not (is_curved(x) or is_curved(y)):
            bilinear = self.second_differential
            found = min((found, matrix_of(bilinear, self.perturbations[x], self.second_perturbations[y])), key=length)
        return found

    @lazy_property
    def hessian_operator(self) -> Any:
        """The derivative of the gradient, f″(x)[dx, ·]; a dict by name for several variables."""
        return self.hessian_along(self.perturbations)

    def hessian_along(self, directions: Mapping[Variable, Variable]) -> Any:
        """The derivative of the gradient along a direction for each variable; a dict by name for several."""
        gradients = self.adjoint_of_one
        found = {x: hessian_operator_of(gradients, x, directions, self._forward) for x in self.variables}
        return self._by_name({x.name: self._named(e) for x, e in found.items()})

    @lazy_property
    def second_differential(self) -> Expression:
        """f″(x)[dx, dx_], bilinear and symmetric in the two perturbations."""
        f, first = self._differentiated.body, self.perturbations
        forms = (self.ambient_differential, self._forward(f, first))
        gradients = self.adjoint_of_one if f.is_scalar else None
        return self._named(second_differential_of(f, forms, gradients, first, self.second_perturbations, self._forward))

    @lazy_property
    def third_differential(self) -> Expression:
        """f‴(x)[dx, dx_, dx__], trilinear and symmetric."""
        directions = (self.perturbations, self.second_perturbations, self.third_perturbations)
        return self._named(third_differential_of(self.second_differential, *directions, self._forward))

    def _by_name(self, found: Mapping[Any, Expression]) -> Any:
        return found if len(found) > 1 else next(iter(found.values()))


def _free_name(name: str, taken: set[str]) -> str:
    further = (f"delta_{name}{i}" for i in count(1))
    return next(c for c in chain(("d" + name, "delta_" + name), further) if taken.isdisjoint((c, c + "_", c + "__")))


def _shape_words(f: Expression) -> str:
    rows, columns = f.shape
    if columns == 1:
        return f"a vector of length {rows}"
    return f"a row of length {columns}" if rows == 1 else f"a {rows}×{columns} matrix"
