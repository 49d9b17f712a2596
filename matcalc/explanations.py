"""What is wrong with a claim that is not right: a factor, a sign, a transpose, a missing term, a special case.

Each explanation is a hypothesis, such as "claim = 2·right", and is tested in exact arithmetic at random points.
Nothing is said that does not hold there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from time import monotonic
from typing import Any

import numpy as np

from matcalc.applications import apply
from matcalc.computations import Computer
from matcalc.curves import CONSTRAINED
from matcalc.errors import MatcalcError
from matcalc.evaluation import TimeIsUp
from matcalc.exact_tier import ExactTier, RingPlace
from matcalc.expressions import ONE, Expression, Product, Sum, Variable, variables_of
from matcalc.high_precision import NoKernel
from matcalc.leaves import number, variable
from matcalc.mutants import mutants
from matcalc.points import PointSource
from matcalc.prime_fields import NoResidue
from matcalc.products import multiply
from matcalc.sampling import NoPoint, Sampler
from matcalc.substitutions import substitute
from matcalc.sums import add, negate
from matcalc.tangents import projection
from matcalc.transposes import transpose
from matcalc.writing import text

POINTS, TRIES = 4, 40
MOST_TERMS, MOST_MUTANTS, MOST_ENTRIES = 16, 60, 1000
LARGEST_FACTOR = 1000
TIME, PLENTY = 5.0, 60.0


@dataclass(frozen=True)
class Question:
    """A claim, what is right, and the variable that a gradient, Jacobian or Hessian is in."""

    claim: Expression
    right: Expression
    kind: str
    x: Variable


def explanation(question: Question, seed: int) -> str:
    """What is wrong in a sentence, or "" where nothing simple is.

    >>> from matcalc.reading import parse
    >>> where = "A: matrix(n,n), x: vector(n)"
    >>> x = next(v for v in variables_of(parse("A*x", where)) if v.name == "x")
    >>> explanation(Question(parse("2*A*x", where), parse("(A + A')*x", where), "gradient", x), seed=1)
    'the claim is right for symmetric A, but not in general'
    """
    if question.claim.shape != question.right.shape:
        return ""
    deadline = monotonic() + TIME
    try:
        for explain in _EXPLANATIONS:
            found = explain(question, seed)
            if found or monotonic() > deadline:
                return found
    except (NoKernel, NoPoint, TimeIsUp):
        pass
    return ""


def case_of_equality(first: Expression, second: Expression, seed: int) -> str:
    """The case in which two expressions are equal though not in general, or "" where none is found.

    >>> from matcalc.reading import parse
    >>> where = "A: matrix(m,n), B: matrix(n,m)"
    >>> case_of_equality(parse("det(A*B)", where), parse("det(B*A)", where), seed=1)
    'they are equal for square A and B, but not in general'
    """
    try:
        case = _case(first, second, seed)
    except (NoKernel, NoPoint, TimeIsUp):
        return ""
    return f"they are equal for {case}, but not in general" if case else ""


# ---- equality at random points -----------------------------------------------------------------------------


def _places(roots: Sequence[Expression], seed: int, *, of_ones: bool = False) -> Iterator[tuple[RingPlace, Any]]:
    """Random points in a field, with their sizes, at which all roots have values; few may be found, or none."""
    computer = Computer(tuple(dict.fromkeys(roots)), {})
    source = PointSource(Sampler(seed), computer.evaluator(computer.roots), {}, list(variables_of(*roots)))
    tier = ExactTier((), computer, source, seed, monotonic() + PLENTY)
    wanted = max(POINTS, tier.number_of_points())
    before: list[Mapping[str, int]] = []
    for tries in range(1, TRIES * wanted):
        sizes = tier.sizes_of_ones() if of_ones else tier.draw_sizes(before[-POINTS:], tries - len(before))
        if sizes is None or len(before) == wanted or tier.entries(sizes) > MOST_ENTRIES:
            return
        try:
            place = tier.place(sizes)
            for root in computer.roots:
                place.value(root)
        except NoResidue:
            continue
        before.append(sizes)
        yield place, sizes


def same(first: Expression, second: Expression, seed: int, *, of_ones: bool = False) -> bool:
    """Whether two expressions agree at random points, at 1×1 matrices only if so asked."""
    if first is second:
        return True
    if first.shape != second.shape:
        return False
    found = 0
    for place, _ in _places([first, second], seed, of_ones=of_ones):
        if not (place.value(first) - place.value(second)).is_zero:
            return False
        found += 1
    return found >= POINTS


# ---- hypotheses --------------------------------------------------------------------------------------------


def _factor(q: Question, seed: int) -> str:
    """The claim is k times what is right."""
    ratio = _ratio(q.claim, q.right, seed)
    if ratio in (None, "0", "1"):
        return ""
    if ratio == "-1":
        return "the claim has the wrong sign"
    return f"the claim is {ratio} times what is right"


def _ratio(first: Expression, second: Expression, seed: int) -> str | None:
    """The k with first = k·second, a number or a size, or None."""
    ratios: list[tuple[int, Mapping[str, int], int]] = []
    for place, sizes in _places([first, second], seed):
        a, b = place.value(first), place.value(second)
        F = b.field
        pairs = [(u, v) for u, v in zip(_entries(a), _entries(b), strict=True) if v]
        if not pairs:
            return None
        k = pairs[0][0] * F.inverse(pairs[0][1]) % F.p
        ratios.append((k, sizes, F.p))
        if not (a - b * _residue(b, k)).is_zero or _named_ratio(ratios) is None:
            return None
    return _named_ratio(ratios) if len(ratios) >= POINTS else None


def _entries(value: Any) -> list[int]:
    return list(np.asarray(value.a, dtype=object).flat)


def _residue(like: Any, k: int) -> Any:
    return type(like)(like.field, k)


def _named_ratio(ratios: Sequence[tuple[int, Mapping[str, int], int]]) -> str | None:
    """A ratio that is one small fraction everywhere, or everywhere the size of a dimension or its reciprocal."""
    numbers = {_small_fraction(k, p) for k, _, p in ratios}
    if len(numbers) == 1 and None not in numbers:
        return numbers.pop()
    for name in ratios[0][1]:
        if all(k == sizes[name] % p for k, sizes, p in ratios):
            return name
        if all(k * sizes[name] % p == 1 for k, sizes, p in ratios):
            return f"1/{name}"
    return None


def _small_fraction(k: int, p: int) -> str | None:
    """The fraction with a small numerator and denominator that a residue stands for."""
    for denominator in range(1, LARGEST_FACTOR):
        numerator = k * denominator % p
        for n in (numerator, numerator - p):
            if abs(n) <= LARGEST_FACTOR:
                return str(n) if denominator == 1 else f"{n}/{denominator}"
    return None


def _transposed(q: Question, seed: int) -> str:
    if q.claim.is_scalar or not same(transpose(q.claim), q.right, seed):
        return ""
    if q.kind == "jacobian":
        return "the claim is the transpose of the Jacobian: it is right in the denominator layout"
    return "the claim is transposed: its transpose is right"


def _term(q: Question, seed: int) -> str:
    """A term is missing, counted twice, or has a wrong sign or factor."""
    difference = add(q.claim, negate(q.right))
    for term in _terms(q.right):
        k = _ratio(difference, term, seed)
        if k == "-1":
            return f"the term {text(term)} is missing"
        if k == "-2":
            return f"the term {text(term)} has the wrong sign"
        if k is not None and k != "0":
            return f"the term {text(term)} has a wrong factor: the claim has {_one_more(k)} times it"
    for term in _terms(q.claim):
        if _ratio(difference, term, seed) == "1":
            return f"the term {text(term)} is too much"
    return ""


def _one_more(k: str) -> str:
    """1 + k, for a k that is a fraction or the name of a size."""
    try:
        return str(1 + Fraction(k))
    except ValueError:
        return f"(1 + {k})"


def _terms(e: Expression) -> list[Expression]:
    """The terms of a sum, products with one sum as a factor multiplied out; [] where there is one only."""
    terms = [e]
    for _ in range(3):
        found: list[Expression] = []
        for term in terms:
            found += _multiplied_out(term)
        if len(found) > MOST_TERMS or len(found) == len(terms):
            break
        terms = found
    return terms if len(terms) > 1 else []


def _multiplied_out(term: Expression) -> list[Expression]:
    if isinstance(term, Sum):
        return list(term.operands)
    if isinstance(term, Product):
        outer = [number(term.coefficient), *term.scalars]
        for i, factor in enumerate(term.chain):
            if isinstance(factor, Sum):
                return [multiply(*outer, *term.chain[:i], t, *term.chain[i + 1 :]) for t in factor.operands]
    return [term]


def _special_case(q: Question, seed: int) -> str:
    """Right for matrices with a property only, or for one size only."""
    case = _case(q.claim, q.right, seed)
    return f"the claim is right for {case}, but not in general" if case else ""


def _case(first: Expression, second: Expression, seed: int) -> str:
    """The case in which two expressions agree: square, symmetric or diagonal matrices, or sizes of 1."""
    deadline = monotonic() + TIME
    sizes = sorted({s for e in (first, second, *variables_of(first, second)) for s in _sizes(e)}, key=str)
    if len(sizes) > 1:
        alike = dict.fromkeys(sizes, sizes[0])
        if same(substitute(first, {}, alike), substitute(second, {}, alike), seed):
            matrices = [v.name for v in variables_of(first, second) if v.rows != v.columns and ONE not in v.shape]
            return f"square {' and '.join(sorted(matrices))}" if matrices else " = ".join(map(str, sizes))
    square = [v for v in variables_of(first, second) if not v.is_scalar and v.rows == v.columns]
    general = [v for v in square if not v.properties & CONSTRAINED]
    for word in ("symmetric", "diagonal"):
        groups = [*([v] for v in general), general] if len(general) > 1 else [general]
        for group in groups:
            special: dict[Expression, Expression] = {v: variable(v.name, *v.shape, *v.properties, word) for v in group}
            if group and same(substitute(first, special), substitute(second, special), seed):
                return f"{word} {' and '.join(v.name for v in group)}"
            if monotonic() > deadline:
                return ""
    return f"{' = '.join(map(str, sizes))} = 1" if sizes and same(first, second, seed, of_ones=True) else ""


def _sizes(e: Expression) -> set[Any]:
    return {s for d in e.shape for s in d.free_symbols}


def _projected(q: Question, seed: int) -> str:
    """A gradient that sticks out of the tangent space."""
    if q.kind != "gradient" or not q.x.properties & CONSTRAINED or q.claim.shape != q.x.shape:
        return ""
    if not same(projection(q.x, q.claim), q.right, seed):
        return ""
    words = " ".join(sorted(q.x.properties & CONSTRAINED))
    return f"the claim is right up to what leaves the tangent space of {words} matrices: project it"


def _of_free_entries(q: Question, seed: int) -> str:
    """A list of the partial derivatives by the free entries of a symmetric variable in place of its gradient."""
    if q.kind != "gradient" or not q.x.properties & {"symmetric", "spd"} or q.claim.shape != q.x.shape:
        return ""
    listed = add(q.right, q.right, negate(apply("diag", apply("diagonal", q.right))))
    if not same(q.claim, listed, seed):
        return ""
    name = q.x.name
    words = f"the claim is 2*G - diag(diag(G)), the derivatives by the free entries of {name} in a matrix"
    return f"{words}; the gradient, with df = ⟨G, d{name}⟩, is G: {text(q.right)}"


def _one_mistake(q: Question, seed: int) -> str:
    """One change makes the claim right."""
    for mistake, mutant in islice(mutants(q.claim), MOST_MUTANTS):
        try:
            if same(mutant, q.right, seed):
                return f"{mistake}: {text(mutant)} is right"
        except MatcalcError:
            continue
    return ""


def _constant(q: Question, seed: int) -> str:
    """Where the difference lies."""
    if q.claim.is_scalar or q.claim.rows != q.claim.columns:
        return ""
    differences = [(p.value(q.claim) - p.value(q.right)).a for p, _ in _places([q.claim, q.right], seed)]
    if not differences or any(len(d) < 2 for d in differences):
        return ""
    if all(not np.any(d - np.diag(np.diag(d))) for d in differences):
        return "the claim is wrong on the diagonal only"
    if all(not np.any(np.diag(d)) for d in differences):
        return "the claim is wrong off the diagonal only"
    return ""


_EXPLANATIONS: tuple[Callable[[Question, int], str], ...] = (
    _factor,
    _transposed,
    _projected,
    _of_free_entries,
    _term,
    _special_case,
    _one_mistake,
    _constant,
)
