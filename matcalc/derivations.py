"""Derivations: how each form of a derivative is found, step by step, each step with the rule it uses.

The differential is found node by node from the outside in; the lines are put into each other, and the terms
collected; the inner product with dx shows the gradient, and vec of the whole the Jacobian. The second derivative
is the same once more: the differential of the gradient, and its vec.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from matcalc.applications import apply
from matcalc.derivation_steps import Reason, Sides, Step, names_of, vec_of, with_parts
from matcalc.differential_steps import differential_steps, simpler
from matcalc.expressions import ONE, Apply, Expression, Identity, Transpose, Variable, postorder
from matcalc.forms import Forms
from matcalc.free_entries import described, entries_matrix
from matcalc.leaves import ONE_NODE, is_zero
from matcalc.notations import Notation, call, differential, joined_product, joined_sum, name, product, transposed
from matcalc.operator_matrices import operator_matrix
from matcalc.operator_steps import operator_steps
from matcalc.products import multiply
from matcalc.sheets import Written
from matcalc.sums import add
from matcalc.sweeps import forward
from matcalc.tangents import is_curved
from matcalc.text import text_of
from matcalc.transposes import transpose
from matcalc.writing import Naming, whole

INNER_SOURCE = "Course notes, section 7.1"
SECOND_SOURCE = "Course notes, section 14"
CURVED_SOURCE = "Absil, Mahony & Sepulchre 2008, section 5.3"
_A, _B = name("A"), name("B")
_CYCLIC: Reason = (call("tr", product([_A, _B])), " = ", call("tr", product([_B, _A])))
_TURNED: Reason = (call("tr", transposed(_A)), " = ", call("tr", _A))
_SCALAR: Reason = ("a scalar is its own transpose",)


def derivation_of(forms: Forms, wanted: Collection[str], naming: Naming, layout: str = "numerator") -> tuple[Step, ...]:
    """The steps to the differential and to each form that is wanted.

    >>> import matcalc as mc
    >>> for step in mc.differentiate("tr(A^2)", "A").derivation: print(step)
    d(tr(A^2)) = tr(d(A^2))    [tr is linear; Course notes, example 14]
    d(A^2) = dA*A + A*dA    [product rule for a power; Course notes, example 15]
    d(tr(A^2)) = tr(dA*A + A*dA)    [the lines above put in]
    d(tr(A^2)) = 2*tr(A*dA)    [collect; tr(A*B) = tr(B*A)]
    d(tr(A^2)) = dot(2*A', dA)    [inner product; tr(G'*dA) = dot(G, dA); Course notes, section 7.1]
    gradient = 2*A'    [gradient; df = dot(gradient, dA)]
    """
    return tuple(_Derivation(forms, naming, layout).steps(wanted))


class _Derivation:
    """The steps of one derivation; nothing is told twice."""

    def __init__(self, forms: Forms, naming: Naming, layout: str) -> None:
        self.forms = forms
        self.layout = layout
        self.f = forms.program.body
        roots = [self.f, *(p.definition for p in forms.program.parts)]
        self.sides = Sides(naming, names_of(roots, forms.perturbations) | forms.printed.reserved)
        self.told: set[tuple[int, str]] = set()

    def steps(self, wanted: Collection[str]) -> Iterator[Step]:
        """The steps to the differential, then to the other forms."""
        second = {"hessian", "hessian_operator", "second_differential", "third_differential"} & set(wanted)
        yield from self._first_order("gradient" in wanted or bool(second))
        if "jacobian" in wanted:
            yield from self._jacobian()
        if second:
            yield from self._second_order(second)

    # ---- the first order

    def _first_order(self, with_gradient: bool) -> Iterator[Step]:
        forms, f = self.forms, self.f
        ambient = forms.ambient_differential
        yield from self._differential(f, ambient, forms.perturbations, 0)
        left = self.sides.differential(f, 0)
        if forms.differential is not ambient:
            yield Step(left, self.sides.written(forms.differential), "tangents", "tangents", reasons=self._tangents())
        if not (with_gradient and f.is_scalar):
            return
        flat = forms.adjoint_of_one
        if not all(x.is_scalar for x in forms.variables):
            source = INNER_SOURCE
            yield Step(left, self._inner(flat), "inner-product", "inner product", _INNER, source, self._products())
        if forms.gradients != flat:
            yield Step(left, self._inner(forms.gradients), "projection", "projection", reasons=_PROJECTED)
        for x, g in forms.gradients_shown.items():
            reasons = self._weighted(x) or self._on_entries(x) or self._read_off("gradient", x)
            yield Step(self._form("gradient", x), self.sides.written(g), "gradient", "gradient", _GRADIENT, "", reasons)

    def _form(self, form: str, *variables: Variable) -> Written:
        """The sign of a form, with the variables it is in where there are several."""
        directions = [self.sides.plain(dx) for dx in self.forms.perturbations.values()]
        among = [self.sides.plain(x) for x in variables] if len(self.forms.variables) > 1 else []
        return Written((), Notation("form", [*directions, *among], (form, len(directions))))

    def _differential(
        self, root: Expression, result: Expression, along: Mapping[Variable, Variable], direction: int
    ) -> Iterator[Step]:
        """The steps to the differential of an expression over the parts, ending with a result."""
        sides, parts = self.sides, self.forms.program.parts
        found: dict[str, Notation] = {}
        count, last = 0, None
        for step in differential_steps(parts, root, along, direction, sides):
            key = text_of(step.left.answer)
            count, last = count + 1, step.right
            if not step.right.parts:
                found[key] = step.right.answer
            if (direction, key) not in self.told:
                self.told.add((direction, key))
                yield step
        left, final = sides.differential(root, direction), sides.written(result)
        raw, twin = self._raw(root, along), simpler(root, sides)
        if count != 1 or last is None or twin is not root:
            put_in = sides.put_in(sides.differential(twin, direction).answer, found)
            turned = put_in if twin is root or put_in is None else transposed(put_in)
            last = sides.written(raw) if turned is None else Written((), turned)
            title = "the lines above put in" if count > 1 else "transposed" if twin is not root else "constant"
            if root in along:
                title = "by definition"
            yield Step(left, last, "substitute", title)
        if _differ(last, final):
            yield Step(left, final, "collect", "collect", reasons=self._used(raw, along))

    def _raw(self, root: Expression, along: Mapping[Variable, Variable]) -> Expression:
        return forward(self.forms.program.parts, root, along)

    def _used(self, raw: Expression, along: Mapping[Variable, Variable]) -> tuple[Reason, ...]:
        """What collecting the terms of a scalar rests on."""
        if not raw.is_scalar:
            return ()
        nodes = postorder(raw)
        turned = any(isinstance(e, Transpose) and e._args[0] in along.values() for e in nodes)
        if any(isinstance(e, Apply) and e.function == "tr" for e in nodes):
            return (_CYCLIC, _TURNED) if turned else (_CYCLIC,)
        return (_SCALAR,) if turned else ()

    def _tangents(self) -> tuple[Reason, ...]:
        """What is so for tangents of the curved domains."""
        found = [_tangency(x, dx) for x, dx in self.forms.perturbations.items() if is_curved(x)]
        return tuple((self.sides.plain(e), word) for e, word in found)

    def _inner(self, factors: Mapping[Variable, Expression], by: Mapping[Variable, Variable] | None = None) -> Written:
        """The sum of the inner products of gradients with perturbations; for scalars, of the products."""
        perturbations = by or self.forms.perturbations
        terms: list[Notation] = []
        parts: dict[str, Notation] = {}
        for x, g in factors.items():
            dx = perturbations[x]
            if x.is_scalar:
                found = self.sides.written(multiply(g, dx))
                terms.append(found.answer)
            else:
                found = self.sides.written(g)
                terms.append(Notation("inner_product", (found.answer, self.sides.plain(dx))))
            parts.update(found.parts)
        return with_parts(joined_sum(terms, "+" * len(terms)), parts)

    def _products(self) -> tuple[Reason, ...]:
        """Why a differential is an inner product, for the shapes of the variables."""
        found: dict[str, Reason] = {}
        for x, dx in self.forms.perturbations.items():
            kind = "scalar" if x.is_scalar else "vector" if 1 in x.shape else "matrix"
            d, G = self.sides.plain(dx), name("G" if kind == "matrix" else "g")
            inner = Notation("inner_product", (G, d))
            if kind != "scalar":
                plain = product([transposed(G), d])
                found.setdefault(kind, (call("tr", plain) if kind == "matrix" else plain, " = ", inner))
        return tuple(found.values())

    def _read_off(self, form: str, x: Variable) -> tuple[Reason, ...]:
        """The equation from which a form is read off, where there is one variable."""
        forms = self.forms
        other = forms.free or forms.inner is not None  # then the gradient is not the one that is differentiated
        if len(forms.variables) > 1 or (other and form in ("hessian", "hessian_operator")):
            return ()
        dx = self.sides.plain(self.forms.perturbations[x])
        df, gradient, sign = (Notation("form", (), (f, 0)) for f in ("differential", "gradient", form))
        if form == "gradient":
            right = product([sign, dx]) if x.is_scalar else Notation("inner_product", (gradient, dx))
            return ((df, " = ", right),)
        if form == "hessian_operator":
            return ((self._form(form, x).answer, " = ", differential(gradient)),)
        left, of = (df, self.f) if form == "jacobian" else (differential(gradient), x)
        if form == "jacobian" and self.layout == "denominator":
            sign = transposed(sign)
        return ((vec_of(of)(left), " = ", product([sign, vec_of(x)(dx)])),)

    def _once_more(self) -> tuple[Reason, ...]:
        """Where the second differential comes from, where there is one variable."""
        if len(self.forms.variables) > 1 or self.forms.free or self.forms.inner is not None:
            return ()
        ((x, dx_),) = self.forms.second_perturbations.items()
        df, gradient = (Notation("form", (), (f, 0)) for f in ("differential", "gradient"))
        factors = differential(gradient), self.sides.plain(dx_)
        right = product(factors) if x.is_scalar else Notation("inner_product", factors)
        return ((differential(df, 1), " = ", right),)

    # ---- matrices

    def _jacobian(self) -> Iterator[Step]:
        forms = self.forms
        J = forms.jacobian
        linear = {x: self._part(self.f, x) for x in forms.variables}
        matrices = {x: J[x.name] if isinstance(J, dict) else J for x in forms.variables}
        yield from self._matrix(self.f, linear, self._plain_matrices(linear) if forms.free else matrices)
        for x, M in matrices.items():
            shown = transpose(M) if self.layout == "denominator" else M
            left, right = self._form("jacobian", x), self.sides.written(shown)
            title = "Jacobian, transposed for the denominator layout" if shown is not M else "Jacobian"
            reasons = self._on_entries(x) or self._read_off("jacobian", x)
            yield Step(left, right, "jacobian", title, _JACOBIAN, "", reasons)

    def _part(self, e: Expression, x: Variable) -> Expression:
        """The differential in one variable only."""
        forms = self.forms
        if len(forms.variables) == 1 and e is self.f:
            return forms.ambient_differential
        return forms.simplest(self._raw(e, {x: forms.perturbations[x]}))

    def _plain_matrices(self, linear: Mapping[Variable, Expression]) -> dict[Variable, Expression]:
        """The matrices that act on vec(dx), where those that were asked for act on its free entries."""
        dx = self.forms.perturbations
        return {x: self.forms.simplest(operator_matrix(form, dx[x])) for x, form in linear.items()}

    def _on_entries(self, x: Variable) -> tuple[Reason, ...]:
        """How vec(dx) is made of the free entries, where forms on these were asked for."""
        dx = self.forms.perturbations[x]
        function, is_call, argument = described(dx).partition("(")
        M = entries_matrix(x)
        if not self.forms.free or isinstance(M, Identity) or not is_call:
            return ()
        d = self.sides.plain(dx)
        entries = call(function, transposed(d) if argument.endswith("')") else d)
        return ((vec_of(x)(d), " = ", joined_product([self.sides.plain(M), entries])),)

    def _weighted(self, x: Variable) -> tuple[Reason, ...]:
        """The differential as the inner product that was asked for, with the gradient."""
        inner = self.forms.inner
        if inner is None:
            return ()
        dx = self.sides.plain(self.forms.perturbations[x])
        weights = [None if _is_one(W) else self.sides.plain(W) for W in (inner.left, inner.right)]
        gradient = transposed(self._form("gradient", x).answer)
        plain = joined_product([n for n in (gradient, weights[0], dx, weights[1]) if n is not None])
        right = plain if x.columns is ONE else call("tr", plain)
        return ((Notation("form", (), ("differential", 0)), " = ", right),)

    def _matrix(
        self, e: Expression, linear: Mapping[Variable, Expression], matrices: Mapping[Variable, Expression]
    ) -> Iterator[Step]:
        """The steps from a differential to the matrices that take vec(dx) to its vec."""
        sides, forms = self.sides, self.forms
        last = Written((), name(""))
        for x, form in linear.items():
            for step in operator_steps(form, forms.perturbations[x], sides):
                yield step
                last = step.right
        d = sides.differential(e, 0)
        left = Written(d.parts, vec_of(e)(d.answer))
        vecs = [(M, sides.vec(forms.perturbations[x])) for x, M in matrices.items() if not is_zero(M)]
        if vecs:
            right = sides.combination(vecs)
            if _differ(right, last) and _differ(right, sides.written(add(*linear.values()))):
                yield Step(left, right, "collect", "collect")

    # ---- the second order

    def _second_order(self, wanted: Collection[str]) -> Iterator[Step]:
        forms, f = self.forms, self.f
        if f.is_scalar:
            yield from self._from_gradient(wanted)
        elif "second_differential" in wanted or "third_differential" in wanted:
            first = forms.differential
            yield from self._again(first, forms.second_differential, forms.second_perturbations, 1)
        if "third_differential" in wanted:
            yield from self._again(forms.second_differential, forms.third_differential, forms.third_perturbations, 2)

    def _again(
        self, form: Expression, result: Expression, along: Mapping[Variable, Variable], direction: int
    ) -> Iterator[Step]:
        """The differential of a form along a further direction, the ones before it held constant."""
        yield from self._differential(form, self._raw(form, along), along, direction)
        yield Step(
            self._higher(direction), self.sides.written(result), "collect", "collect, symmetric in the directions"
        )

    def _higher(self, direction: int) -> Written:
        """``d_(d(f))``: the differential of order ``direction + 1``."""
        found = self.sides.differential(self.f, 0)
        answer = found.answer
        for k in range(1, direction + 1):
            answer = differential(answer, k)
        return Written(found.parts, answer)

    def _from_gradient(self, wanted: Collection[str]) -> Iterator[Step]:
        forms, sides = self.forms, self.sides
        operators = forms.hessian_operator
        curved = any(map(is_curved, forms.variables))
        gradients = forms.adjoint_of_one if curved or forms.free else forms.gradients
        along = forms.perturbations
        stand_ins: dict[Variable, Expression] = {}
        for x, g in gradients.items():
            operator = operators[x.name] if isinstance(operators, dict) else operators
            moved = forms.simplest(self._raw(g, along)) if curved else operator
            yield from self._differential(g, moved, along, 0)
            stand_ins[x] = sides.standing_for(sides.differential(g, 0), g.shape)
            if curved:
                left = self._form("hessian_operator", x)
                right = sides.written(operator)
                yield Step(left, right, "curvature", "projected, with the curvature", "", CURVED_SOURCE)
                stand_ins[x] = sides.standing_for(left, g.shape)
            elif "hessian_operator" in wanted:
                left, reasons = self._form("hessian_operator", x), self._read_off("hessian_operator", x)
                yield Step(left, sides.written(operator), "operator", "Hessian operator", _OPERATOR, "", reasons)
        if {"second_differential", "third_differential"} & set(wanted):
            left, right = self._higher(1), self._inner(stand_ins, forms.second_perturbations)
            reasons = () if curved else self._once_more()
            yield Step(left, right, "second-differential", "second differential", _SECOND, SECOND_SOURCE, reasons)
            final = sides.written(forms.second_differential)
            if _differ(right, final):
                yield Step(left, final, "collect", "collect")
        if "hessian" in wanted:
            yield from self._hessian(gradients, curved)

    def _hessian(self, gradients: Mapping[Variable, Expression], curved: bool) -> Iterator[Step]:
        forms = self.forms
        H = forms.hessian
        for x, g in gradients.items():
            matrices = {y: H[x.name, y.name] if isinstance(H, dict) else H for y in forms.variables}
            if not curved:
                linear = {y: self._part(g, y) for y in forms.variables}
                yield from self._matrix(g, linear, self._plain_matrices(linear) if forms.free else matrices)
            for y, M in matrices.items():
                reasons = self._as_form(x) if curved else self._on_entries(x) or self._read_off("hessian", x)
                left, right = self._form("hessian", x, y), self.sides.written(M)
                yield Step(left, right, "hessian", "Hessian", _HESSIAN, "", reasons)

    def _as_form(self, x: Variable) -> tuple[Reason, ...]:
        """The Hessian as the matrix of the second differential on tangents, where there is one variable."""
        if len(self.forms.variables) > 1:
            return ()
        second, first = self.forms.second_perturbations[x], self.forms.perturbations[x]
        d, d_ = (vec_of(x)(self.sides.plain(v)) for v in (first, second))
        df, H = (Notation("form", (), (form, 0)) for form in ("differential", "hessian"))
        return ((differential(df, 1), " = ", product([transposed(d_), H, d])),)


_INNER = "tr(G'*dX) = dot(G, dX)"
_GRADIENT = "df = dot(gradient, dx)"
_SECOND = "d2f = dot(d(gradient), dx_)"
_JACOBIAN = "vec(df) = J*vec(dx)"
_OPERATOR = "H[dx] = d(gradient)"
_HESSIAN = "vec(d(gradient)) = H*vec(dx)"
_PROJECTED: tuple[Reason, ...] = (("onto the tangent space",),)


def _differ(first: Written, second: Written) -> bool:
    return whole(first, text_of, ", ") != whole(second, text_of, ", ")


def _is_one(W: Expression) -> bool:
    return W is ONE_NODE or isinstance(W, Identity)


def _tangency(x: Variable, dx: Variable) -> tuple[Expression, str]:
    """What is so for a tangent of a curved domain."""
    inner = multiply(transpose(x), dx)
    if "orthogonal" in x.properties:
        return inner, " is skew"
    return (inner if inner.is_scalar else apply("diagonal", inner)), " is 0"
