"""Second and third differentials written so that their symmetry is seen: dx and dx_ change places, the text stays.

Of the equal forms of a multilinear expression, the shortest one that is the same object when its directions are
exchanged: -tr(inv(A)*dA*inv(A)*dA_), not what the order of differentiation happened to leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, pairwise, product

from matcalc.applications import apply
from matcalc.common_factors import factor
from matcalc.expressions import ONE, Apply, Expression, Hadamard, Product, Sum, Transpose, depends_on, postorder
from matcalc.leaves import number, ones
from matcalc.lengths import length
from matcalc.powers import hadamard
from matcalc.products import multiply
from matcalc.simplification import simplify, simplify_all
from matcalc.substitutions import substitute
from matcalc.sums import add, product_of, split_coefficient
from matcalc.transposes import transpose

MOST_TERMS = 64
# Forms longer than this are not multiplied out: their symmetry would not be seen either.
LONGEST = 120
# A symmetric form may be so much longer than the shortest one.
LONGER, MORE_TOKENS = Fraction(3, 2), 8
LINEAR = frozenset({"tr", "diag", "diagonal", "vec", "tril", "triu"})

Directions = Sequence[Mapping[Expression, Expression]]
"""For each direction, its perturbation of every variable."""


def symmetric_form(forms: Iterable[Expression], directions: Directions) -> Expression:
    """The shortest of equal multilinear forms that is unchanged, as an object, when directions are exchanged.

    Where there is none, the shortest.

    >>> import matcalc as mc
    >>> A, u, v = mc.variables("A: matrix(n,n), u, v: vector(n)")
    >>> str(symmetric_form([u.T @ A @ v + v.T @ A @ u], [{u: u}, {u: v}]))
    "u'*(A + A')*v"
    """
    forms = list(dict.fromkeys(forms))
    simple = list(dict.fromkeys(simplify_all(forms)))
    shortest = min(simple, key=length)
    limit = LONGER * length(shortest) + MORE_TOKENS
    for candidates in (chain(simple, _spread(simple, directions)), chain(forms, _spread(forms, directions))):
        symmetric = [e for e in candidates if length(e) <= limit and is_symmetric(e, directions)]
        if symmetric:
            return min(symmetric, key=length)
    return shortest


def is_symmetric(e: Expression, directions: Directions) -> bool:
    """Whether exchanging two of the directions leaves the very same expression."""
    return all(_exchanged(e, first, second) is e for first, second in pairwise(directions))


def _exchanged(
    e: Expression, first: Mapping[Expression, Expression], second: Mapping[Expression, Expression]
) -> Expression:
    there = {u: second[x] for x, u in first.items()}
    return substitute(e, there | {v: first[x] for x, v in second.items()})


def _spread(forms: Iterable[Expression], directions: Directions) -> Iterator[Expression]:
    short = (form for form in forms if length(form) <= LONGEST and not is_symmetric(form, directions))
    return (e for form in short for e in _spread_forms(form, directions))


def _spread_forms(e: Expression, directions: Directions) -> Iterator[Expression]:
    """The expression multiplied out over its directions, plain, and with factors taken out that are symmetric."""
    perturbations = {u for names in directions for u in names.values()}
    active = depends_on(postorder(e), perturbations)
    terms = _terms(e, active)
    if terms is None:
        return
    terms = [_as_sum_of_entries(t, perturbations) for t in terms]
    total = add(*terms)
    yield total
    yield factor(total)
    yield simplify(total)
    c, inner = split_coefficient(total)
    if isinstance(inner, Sum):
        yield multiply(number(c), _shared_scalars_out(inner, perturbations))


def _terms(node: Expression, active: set[Expression]) -> list[Expression] | None:
    """The terms of the node, multiplied out over sums with a direction in them; None where there are too many."""
    if node not in active:
        return [node]
    if isinstance(node, Sum):
        inside = [_terms(t, active) for t in node._args]
        found = [t for terms in inside if terms is not None for t in terms]
        return found if len(found) <= MOST_TERMS and None not in inside else None
    if isinstance(node, Apply) and node.function in LINEAR:
        inner = _terms(node.operands[0], active)
        return None if inner is None else [apply(node.function, t) for t in inner]
    if isinstance(node, Hadamard):
        return _products(node._args, active, lambda fs: hadamard(*fs))
    if isinstance(node, Product):
        c = number(node.coefficient)
        count = len(node.scalars)
        return _products(
            (*node.scalars, *node.chain), active, lambda fs: multiply(c, *fs[:count], *_joined(fs[count:]))
        )
    if isinstance(node, Transpose):
        inner = _terms(node._args[0], active)
        return None if inner is None else [transpose(t) for t in inner]
    return [node]


def _joined(factors: Sequence[Expression]) -> list[Expression]:
    return [multiply(*factors)] if factors else []


def _products(factors: Sequence[Expression], active: set[Expression], join: object) -> list[Expression] | None:
    assert callable(join)
    options = []
    size = 1
    for f in factors:
        terms = _terms(f, active)
        size *= len(terms) if terms is not None else MOST_TERMS + 1
        if terms is None or size > MOST_TERMS:
            return None
        options.append(terms)
    return [join(list(choice)) for choice in product(*options)]


def _as_sum_of_entries(term: Expression, perturbations: set[Expression]) -> Expression:
    """(u.*v)'*w as sum(u.*v.*w), and tr((U.*V)'*W) as sum(U.*V.*W), where a direction is in U.*V; back if in W only."""
    c, rest = split_coefficient(term)
    if isinstance(rest, Product) and rest.scalars:
        return multiply(number(c), *(_as_sum_of_entries(s, perturbations) for s in rest.scalars), *_joined(rest.chain))
    factors = _cycle(rest) if rest.is_scalar else ()
    active = depends_on(postorder(*factors), perturbations) if factors else set()
    for i, f in enumerate(factors):
        plain = f._args[0] if isinstance(f, Transpose) else f
        others = factors[i + 1 :] + factors[:i]
        if isinstance(plain, Hadamard) and f in active and others:
            other = multiply(*others)
            entries = hadamard(plain, other if isinstance(f, Transpose) else transpose(other))
            return multiply(number(c), _sum_of(entries, perturbations))
    return term


def _sum_of(entries: Expression, perturbations: set[Expression]) -> Expression:
    """The sum of the entries; an inner product for columns of which one has a direction in it."""
    factors = entries._args if isinstance(entries, Hadamard) else ()
    active = depends_on(postorder(entries), perturbations)
    moving = [f for f in factors if f in active]
    if len(moving) == 1 and entries.columns is ONE:
        others = hadamard(*(f for f in factors if f is not moving[0]))
        return multiply(transpose(others), moving[0])
    return multiply(ones(ONE, entries.rows), entries, ones(entries.columns, ONE))


def _cycle(node: Expression) -> tuple[Expression, ...]:
    """The factors of a trace or of an inner product, which may be turned round."""
    if isinstance(node, Apply) and node.function == "tr":
        inner = node.operands[0]
        return inner.chain if isinstance(inner, Product) and not inner.scalars else (inner,)
    return node.chain if isinstance(node, Product) and not node.scalars else ()


def _shared_scalars_out(node: Sum, perturbations: set[Expression]) -> Expression:
    """The scalar factors that all terms share and that no direction is in, taken out."""
    parts = [split_coefficient(t) for t in node._args]
    scalars = [list(r.scalars) if isinstance(r, Product) and not (r.is_scalar and r.chain) else [] for _, r in parts]
    shared = [s for s in scalars[0] if all(s in other for other in scalars)]
    shared = [s for s in shared if s not in depends_on(postorder(s), perturbations)]
    if not shared:
        return node
    terms = []
    for (c, rest), own in zip(parts, scalars, strict=True):
        left = list(own)
        for s in shared:
            left.remove(s)
        assert isinstance(rest, Product)
        terms.append(product_of(c, tuple(left), rest.chain, rest.shape))
    return multiply(*shared, add(*terms))
