"""Second derivatives on curved domains: along curves whose acceleration is normal to the domain.

For tangents u, v of the sphere, of matrices with unit columns, or of orthogonal ones, the acceleration that keeps a
curve in the domain is the second fundamental form II(u, v), and f''(x)[u, v] = D²f(x)[u, v] + f'(x)[II(u, v)].

| declared | II(u, v) | its part of the Hessian times v, with g the gradient in the whole space |
|---|---|---|
| unit vector | -x u'v | -(x'g) v |
| unit columns | -X diag(diag(U'V)) | -V diag(diag(X'G)) |
| orthogonal | -Q (U'V + V'U)/2 | -V (Q'G + G'Q)/2, projected |

Source: Absil, Mahony & Sepulchre 2008, Optimization Algorithms on Matrix Manifolds, section 5.3;
Absil, Mahony & Trumpf 2013, An extrinsic look at the Riemannian Hessian.
"""

from __future__ import annotations

from matcalc.applications import apply
from matcalc.expressions import ONE, Expression, Variable
from matcalc.leaves import identity
from matcalc.products import multiply
from matcalc.sums import add, negate, scale
from matcalc.tangents import HALF, projection
from matcalc.transposes import transpose


def acceleration(x: Variable, u: Expression, v: Expression) -> Expression:
    """II(u, v) for a curved domain.

    >>> import matcalc as mc
    >>> x, u, v = mc.variables("x: vector(n) unit, u, v: vector(n)")
    >>> str(acceleration(x, u, v))
    "-u'*v*x"
    """
    return negate(multiply(x, _normal_factor(x, multiply(transpose(u), v))))


def curvature_operator(x: Variable, gradient: Expression, v: Expression) -> Expression:
    """What the curvature adds to the Hessian times v.

    >>> import matcalc as mc
    >>> x, g, v = mc.variables("x: vector(n) unit, g, v: vector(n)")
    >>> str(curvature_operator(x, g, v))
    "-g'*x*v"
    """
    bent = negate(multiply(v, _normal_factor(x, multiply(transpose(x), gradient))))
    return projection(x, bent) if "orthogonal" in x.properties else bent


def curvature_matrix(x: Variable, gradient: Expression) -> Expression:
    """A matrix M with vec(u)'M vec(v) = ⟨g, II(u, v)⟩ for tangents u and v."""
    factor = _normal_factor(x, multiply(transpose(x), gradient))
    if factor.is_scalar:
        return negate(multiply(factor, identity(x.rows)))
    return negate(apply("kron", factor, identity(x.rows)))


def _normal_factor(x: Variable, inner: Expression) -> Expression:
    """What of X'G makes the normal component X·(…) of G: the scalar, the diagonal, or the symmetric part."""
    if "orthogonal" in x.properties:
        return scale(HALF, add(inner, transpose(inner)))
    return inner if x.columns is ONE else apply("diag", apply("diagonal", inner))
