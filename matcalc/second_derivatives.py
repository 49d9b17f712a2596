"""Second and third derivatives: bilinear and trilinear forms, Hessians as matrices and as operators.

All of it is differentials of differentials and of gradients. On curved domains the curvature has its part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt

from matcalc.adjoints import inner_product, pullback
from matcalc.curvature import (
    acceleration,
    curvature_matrix,
    curvature_operator,
)
from matcalc.errors import NotDifferentiable
from matcalc.expressions import Apply, Expression, Variable, postorder
from matcalc.leaves import ONE_NODE
from matcalc.lengths import length
from matcalc.multilinear_forms import symmetric_form
from matcalc.operator_matrices import operator_matrix
from matcalc.powers import block
from matcalc.simplification import collected, simplify
from matcalc.sums import add
from matcalc.tangents import is_constrained, is_curved, projection


class Blocks(dict[tuple[str, str], Expression]):
    """The blocks of a Hessian by pairs of names; printed one a line.

    >>> import matcalc as mc
    >>> mc.hessian("x'*A*y", ("x", "y"))["x", "y"]
    A
    >>> mc.hessian("x'*A*y", ("x", "y")).matrix
    [zeros(m,m), A; A', zeros(n,n)]
    """

    @property
    def matrix(self) -> Expression:
        """The whole Hessian, a matrix of blocks."""
        return block(isqrt(len(self)), *self.values())

    def __str__(self) -> str:
        return "\n".join(f"{x}, {y}: {e}" for (x, y), e in self.items())


Perturbations = Mapping[Variable, Variable]
Gradients = Mapping[Variable, Expression]
Differential = Callable[[Expression, Mapping[Variable, Expression]], Expression]
"""What takes the differential of an expression along perturbations: by itself, or through the parts it names."""


def second_differential_of(
    f: Expression,
    forms: Sequence[Expression],
    gradients: Gradients | None,
    first: Perturbations,
    second: Perturbations,
    differential: Differential,
) -> Expression:
    """f″(x)[dx, dx_], from forms of the differential and, for a scalar f, from its gradients in the whole space."""
    bends = {x: acceleration(x, dx, second[x]) for x, dx in first.items() if is_curved(x)}
    bent = differential(f, bends) if bends else None
    found = [differential(form, second) for form in forms]
    if gradients:
        found.append(add(*(inner_product(differential(g, second), first[x]) for x, g in gradients.items())))
    return symmetric_form([add(e, bent) if bent is not None else e for e in found], (first, second))


def third_differential_of(
    bilinear: Expression,
    first: Perturbations,
    second: Perturbations,
    third: Perturbations,
    differential: Differential,
) -> Expression:
    """f‴(x)[dx, dx_, dx__], the differential of the second differential."""
    for x in first:
        if is_curved(x):
            words = " ".join(sorted(x.properties))
            message = f"the third differential for the {words} variable {x.name} is not supported: its domain is curved"
            raise NotDifferentiable(
                message, hint=f"declare {x.name} without {words} for the derivative in the whole space"
            )
    return symmetric_form([differential(bilinear, third)], (first, second, third))


def hessian_block(
    gradients: Gradients, x: Variable, y: Variable, dy: Variable, differential: Differential
) -> Expression:
    """The matrix H with d²f = vec(dx)′H vec(dy); on curved domains for tangents, which is where it is symmetric."""
    g = gradients[x]
    flat = g if is_curved(x) or not is_constrained(x) else projection(x, g)
    bend = curvature_matrix(x, g) if x is y and is_curved(x) else None
    moved = differential(flat, {y: dy})
    matrices = [operator_matrix(form, dy) for form in dict.fromkeys((collected(moved), moved))]
    return min((simplify(M if bend is None else add(M, bend)) for M in matrices), key=length)


def has_kronecker(H: Expression) -> bool:
    """Whether a matrix is written by Kronecker products, which that of a function of a vector need not be."""
    return any(isinstance(e, Apply) and e.function == "kron" for e in postorder(H))


def matrix_of(bilinear: Expression, dx: Variable, dy: Variable) -> Expression:
    """The matrix H with dx′H dy in a bilinear form of vectors: the derivative in dy of the gradient in dx.

    >>> import matcalc as mc
    >>> where = "A: matrix(n,n), dx, dy: vector(n)"
    >>> _, dx, dy = mc.variables(where)
    >>> str(matrix_of(mc.parse("2*sum(dx.*(A*dy))", where=where), dx, dy))
    '2*A'
    """
    gradient = simplify(pullback(bilinear, ONE_NODE, [dx])[dx])
    return simplify(operator_matrix(gradient, dy))


def hessian_operator_of(
    gradients: Gradients, x: Variable, directions: Perturbations, differential: Differential
) -> Expression:
    """The derivative of the gradient in x along the directions of all variables, in the tangent space at x."""
    g = gradients[x]
    moved = projection(x, differential(g, directions))
    if is_curved(x) and x in directions:
        moved = add(moved, curvature_operator(x, g, directions[x]))
    return simplify(moved)
