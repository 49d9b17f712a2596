"""What an answer says of its conventions: tangents of structured variables, and what their gradients are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from matcalc.derivatives import Derivative
from matcalc.expressions import ONE, Variable
from matcalc.free_entries import described
from matcalc.tangents import is_constrained, is_curved, tangency

FIRST_ORDER = frozenset({"differential", "gradient", "jacobian"})
SECOND_ORDER = frozenset({"hessian", "hessian_operator", "second_differential"})
_ON_ENTRIES = {"gradient": "df = g'*{p}", "jacobian": "vec(df) = J*{p}", "hessian": "d2f = {p}'*H*{p}"}


def conventions_of(D: Derivative, forms: Collection[str]) -> Iterator[str]:
    """A line on each variable whose perturbations are not all matrices of its shape.

    >>> import matcalc as mc
    >>> D = mc.differentiate("tr(B'*Q)", "Q", where="B: matrix(m,n), Q: matrix(m,n) orthogonal")
    >>> list(conventions_of(D, ("differential", "gradient")))
    ["Q'*dQ is skew, and so is Q'*G for the gradient G"]
    """
    for x, dx in D.perturbations.items():
        if D.free:
            yield from _of_entries(x, dx, forms)
        elif is_constrained(x) and not x.is_scalar and not FIRST_ORDER.isdisjoint(forms):
            yield from _of_tangents(x, dx.name, "gradient" in forms, D.inner is None)
        if is_curved(x) and not SECOND_ORDER.isdisjoint(forms):
            word = "orthogonal" if "orthogonal" in x.properties else "unit"
            yield f"{x.name} is {word}: second derivatives are along its domain, for tangents {dx.name}"


def _of_entries(x: Variable, dx: Variable, forms: Collection[str]) -> Iterator[str]:
    p = described(dx)
    shown = [form.format(p=p) for kind, form in _ON_ENTRIES.items() if kind in forms]
    if shown:
        yield f"on the free entries of {x.name}: {', '.join(shown)}"
    if "gradient" in forms and x.properties & {"symmetric", "spd"} and p.startswith("vech"):
        yield f"g is vech(2*G - diag(diag(G))) for the symmetric gradient G with df = ⟨G, {dx.name}⟩"


def _of_tangents(x: Variable, dx: str, has_gradient: bool, is_plain: bool) -> Iterator[str]:
    words = x.properties
    on_curve = tangency(x, dx)
    if on_curve:
        g = "g" if x.columns is ONE else "G"
        of_gradient = tangency(x, g).removesuffix(" is skew").removesuffix(" is 0")
        yield on_curve + (f", and so is {of_gradient} for the gradient {g}" if has_gradient else "")
    elif has_gradient and is_plain and words & {"symmetric", "spd"} and not words & {"diagonal", "lower", "upper"}:
        yield (
            f"the gradient is the symmetric G with df = ⟨G, {dx}⟩; the derivatives by the free entries"
            " are those of 2*G - diag(diag(G)): --free"
        )
    elif has_gradient:
        word = next((w for w in ("diagonal", "skew", "symmetric", "spd", "lower", "upper") if w in words), "diagonal")
        word = {"spd": "symmetric"}.get(word, word)
        shape = f"{word} triangular" if word in ("lower", "upper") else word
        yield f"{dx} is {shape}, and so is the gradient"
