"""The formulas that programs compute in the place of those that are printed.

Quotients and logarithms of exponentials neither overflow nor lose digits: exp(z)/(1 + exp(z)) is sigmoid(z),
exp(x)/sum(exp(x)) is softmax(x); as typed they are nan where |z| is a few hundred. A sum over data points handles
all of them at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sympy import Expr, Integer, Rational

from matcalc.applications import apply
from matcalc.comparisons import is_odd
from matcalc.entry_sums import sums_at_once
from matcalc.expressions import (
    ONE,
    Apply,
    EntrywisePower,
    Expression,
    Hadamard,
    IndexedSum,
    Number,
    Power,
    Product,
    Sum,
    postorder,
)
from matcalc.leaves import number, ones
from matcalc.powers import hadamard, power
from matcalc.products import multiply
from matcalc.stable_logarithms import (
    MOST_LEVELS,
    MOST_TERMS,
    SOFTMAX,
    constant,
    constant_log,
    is_constant,
    logarithm_of,
    raised,
    summed_exponential,
)
from matcalc.substitutions import rebuilt, substitute_all
from matcalc.sums import add, negate, scale, split_coefficient
from matcalc.transposes import transpose

_REWRITTEN = frozenset({"exp", "cosh", "sigmoid", "tanh", "sqdist", *SOFTMAX})


def stable_forms(
    roots: Sequence[Expression],
    kept: Collection[str] = (),
    *,
    is_complex: bool = False,
    keeps_distances: bool = False,
) -> dict[Expression, Expression]:
    """The parts of expressions that are better computed from another formula, and that formula.

    Functions that are kept are computed as they are. Distances of complex points are no sums of squares; those of
    others are written as products unless they are kept.

    >>> import matcalc as mc
    >>> f = mc.parse("-y'*log(ones(n) - sigmoid(z))", where="y, z: vector(n)")
    >>> str(stable_forms([f])[f])
    "softplus(z)'*y"
    >>> f = mc.parse("sum(i, 1, m, log(1 + exp(X[i,:]*w)))", where="X: matrix(m,n), w: vector(n)")
    >>> str(stable_forms([f])[f])
    'sum(softplus(X*w))'
    """
    order = postorder(*roots)
    if any(type(e) is IndexedSum for e in order):
        at_once = sums_at_once(order, is_complex=is_complex)
        forms = _stable_forms(postorder(*roots, *at_once.values()), kept, is_complex, keeps_distances)
        return {**forms, **{e: forms.get(other, other) for e, other in at_once.items()}}
    return _stable_forms(order, kept, is_complex, keeps_distances)


def _stable_forms(
    order: Sequence[Expression], kept: Collection[str], is_complex: bool, keeps_distances: bool
) -> dict[Expression, Expression]:
    if not any(isinstance(e, Apply) and e.function in _REWRITTEN for e in order):
        return {}
    forms: dict[Expression, Expression] = {}
    divisors: dict[Expression, Expression] = {}  # as they are beside other factors, with which they are seen to
    for node in order:
        new = node
        if not forms.keys().isdisjoint(node.operands):
            factors = node.scalars if isinstance(node, Product) else node._args if isinstance(node, Hadamard) else ()
            beside = {f: divisors[f] for f in factors if f in divisors}
            new = rebuilt(node, [beside.get(a) or forms.get(a, a) for a in node._args])
        if _is_divisor(new):
            divisors[node] = new
        if isinstance(new, Apply) and new.function in kept:
            pass
        elif isinstance(new, Apply) and new.function == "sqdist":
            new = new if is_complex else _squared_distances(*new.operands, are_kept=keeps_distances) or new
        else:
            new = _stable(new) or new
        if new is not node:
            forms[node] = new
    return forms


def evaluated_forms(roots: Sequence[Expression]) -> list[Expression]:
    """The expressions in their stable forms, for evaluation node by node: without the operations of programs.

    >>> import matcalc as mc
    >>> [str(e) for e in evaluated_forms([mc.parse("log(1 + exp(s))", where="s: scalar")])]
    ['softplus(s)']
    """
    forms = stable_forms(roots, kept={"sqdist"})  # which is quicker from products, and less precise
    stable = [forms.get(e, e) for e in roots]
    logarithms: dict[Expression, Expression] = {}
    for node in postorder(*stable):
        if isinstance(node, Apply) and node.function == "log":
            inner = node.operands[0]
            if isinstance(inner, Apply) and inner.function in SOFTMAX:
                (logarithms[node],) = substitute_all([_log_softmax(inner)], logarithms)
    return substitute_all(stable, logarithms) if logarithms else stable


def _log_softmax(node: Apply) -> Expression:
    """X − logsumexp(X), which is not positive, in every line, and once more: so the rounding of a large X is taken off.

    Within relu, which changes nothing, the first difference is computed before the second.
    """
    axis = SOFTMAX[node.function]
    X = node.operands[0]
    shifted = negate(apply("relu", add(_log_totals(X, axis), negate(X))))
    return add(shifted, negate(_log_totals(shifted, axis)))


def _log_totals(X: Expression, axis: int) -> Expression:
    """The logsumexp of all entries, of the columns (1) or of the rows (2), at each of their entries."""
    if axis == 0:
        return multiply(apply("logsumexp", X), ones(*X.shape))
    if axis == 1:
        return multiply(ones(X.rows, ONE), apply("logsumexp_columns", X))
    return multiply(apply("logsumexp_rows", X), ones(ONE, X.columns))


def _stable(node: Expression) -> Expression | None:
    if isinstance(node, Apply):
        return logarithm_of(node.operands[0]) if node.function == "log" else None
    if isinstance(node, (Product, Hadamard, Power, EntrywisePower)):
        return _Quotient.of(node)
    return None


def _squared_distances(X: Expression, Y: Expression, *, are_kept: bool) -> Expression | None:
    """Squared distances of numbers, or of one point, from differences; others from products unless they are kept.

    The points are moved to where the second ones are, and no square is negative.
    """
    if X.rows is ONE or Y.rows is ONE or X.columns is ONE:
        return _from_differences(X, Y)
    if are_kept:
        return None
    center = scale(1 / Y.rows, multiply(ones(ONE, Y.rows), Y))
    X, Y = (add(Z, negate(multiply(ones(Z.rows, ONE), center))) for Z in (X, Y))
    squares = [multiply(hadamard(Z, Z), ones(Z.columns, ONE)) for Z in (X, Y)]
    left, right = multiply(squares[0], ones(ONE, Y.rows)), multiply(ones(X.rows, ONE), transpose(squares[1]))
    return apply("relu", add(left, right, scale(Integer(-2), multiply(X, transpose(Y)))))


def _from_differences(X: Expression, Y: Expression) -> Expression:
    if Y.columns is ONE:
        differences = add(multiply(X, ones(ONE, Y.rows)), negate(multiply(ones(X.rows, ONE), transpose(Y))))
        return hadamard(differences, differences)
    if X.rows is ONE:
        return transpose(_from_differences(Y, X))
    differences = add(X, negate(multiply(ones(X.rows, ONE), Y)))
    return multiply(hadamard(differences, differences), ones(X.columns, ONE))


class _Exponential(NamedTuple):
    """c·exp(a)."""

    coefficient: Expr
    argument: Expression


class _Quotient:
    """Factors of an entrywise product, or scalar ones, some of them divisors that are sums of exponentials."""

    def __init__(self, factors: list[Expression]) -> None:
        self.factors = factors

    @classmethod
    def of(cls, node: Expression) -> Expression | None:
        """The product with sigmoids in the place of quotients, or None."""
        if isinstance(node, Power) and isinstance(node._args[0], Sum) and node.is_scalar:
            opposite = power(negate(node._args[0]), node._args[1])
            if _is_divisor(opposite) and opposite is not node and is_odd(node._args[1].value):
                form = cls.of(opposite)
                return None if form is None else negate(form)
        chain: tuple[Expression, ...] = ()
        c: Expr = ONE
        if isinstance(node, Product):
            if node.is_scalar and node.chain:
                return None
            c, chain, factors = node.coefficient, node.chain, list(node.scalars)
        else:
            factors = list(node._args) if isinstance(node, Hadamard) else [node]
        divisors = [f for f in factors if _is_divisor(f)]
        if not divisors:
            return None
        quotient = cls([f for f in factors if f not in divisors])
        chain_left = list(chain)
        found = [quotient.divide(d, chain_left) for d in divisors]
        if True not in found:
            return None
        if isinstance(node, Product):
            return multiply(number(c), *quotient.factors, *chain_left)
        return multiply(*quotient.factors) if node.is_scalar else hadamard(*quotient.factors)

    def divide(self, divisor: Expression, chain: list[Expression]) -> bool:
        """Divide by a sum of exponentials as often as the divisor says; whether a better way was found."""
        base, exponent = divisor._args
        found = False
        for left in range(-int(exponent.value), 0, -1):
            if not (self._divided(base) if isinstance(base, Sum) else self._normalized(base, chain)):
                self.factors.append(raised(base, Integer(-left)))
                return found
            found = True
        return found

    def _divided(self, base: Sum) -> bool:
        terms = [_exponential(t) for t in base._args]
        below = [t for t in terms if t is not None]
        for i, f in enumerate(self.factors):
            value = _divided_by(f, below)
            if value is not None:
                self.factors[i] = value
                return True
        for first, second in (below, below[::-1]) if len(below) == 2 else ():
            if _is_constant_exponential(first):
                self.factors.append(_share(first, second))
                return True
        return False

    def _normalized(self, base: Product, chain: list[Expression]) -> bool:
        """exp(x)/sum(exp(x)) is softmax(x)."""
        exponential = summed_exponential(base)
        assert exponential is not None
        softmax = _softmax(exponential.operands[0])
        for value, wanted in ((softmax, exponential), (transpose(softmax), transpose(exponential))):
            if wanted in chain:
                chain[chain.index(wanted)] = value
                return True
            for i, f in enumerate(self.factors):
                if isinstance(f, Product) and wanted in f.chain:
                    place = f.chain.index(wanted)
                    self.factors[i] = multiply(*f.chain[:place], value, *f.chain[place + 1 :])
                    return True
        return False


def _softmax(X: Expression) -> Expression:
    """exp(X)/sum(exp(X)), X a column or a matrix."""
    if X.columns is ONE:
        return apply("softmax", X)
    return apply("unvec", apply("softmax", apply("vec", X)), number(X.rows), number(X.columns))


def _is_divisor(f: Expression) -> bool:
    """Whether a factor is a negative whole power of a sum of exponentials, all of them positive."""
    if not isinstance(f, (Power, EntrywisePower)) or f._args[0].shape != f.shape:
        return False
    base, exponent = f._args
    if not isinstance(exponent, Number) or not exponent.value.is_Integer or not -MOST_LEVELS <= exponent.value < 0:
        return False
    if isinstance(base, Product) and base.is_scalar and not base.scalars and base.coefficient is ONE:
        return summed_exponential(base) is not None
    if not isinstance(base, Sum) or len(base._args) > MOST_TERMS or (isinstance(f, Power) and not f.is_scalar):
        return False
    terms = [_exponential(t) for t in base._args]
    return all(t is not None and t.coefficient.is_positive for t in terms)


def _exponential(term: Expression) -> _Exponential | None:
    c, rest = split_coefficient(term)
    if is_constant(term):
        return _Exponential(c, constant(Integer(0), term))
    if isinstance(rest, Apply) and rest.function == "exp":
        return _Exponential(c, rest.operands[0])
    return None


def _is_constant_exponential(term: _Exponential) -> bool:
    return term.argument is constant(Integer(0), term.argument)


def _divided_by(node: Expression, below: Sequence[_Exponential]) -> Expression | None:
    """A sum of exponentials divided by another one: a sum of shares, or a hyperbolic tangent."""
    terms = [_exponential(t) for t in (node._args if isinstance(node, Sum) else (node,))]
    above = [t for t in terms if t is not None]
    if len(above) < len(terms) or len(above) > MOST_TERMS or all(map(_is_constant_exponential, above)):
        return None
    if len(below) == 2 and len(above) == 2 and {t.argument for t in above} == {t.argument for t in below}:
        first, second = below
        ratios = [next(t.coefficient for t in above if t.argument is b.argument) / b.coefficient for b in below]
        if ratios[0] == -ratios[1] and first.coefficient == second.coefficient:
            half = scale(Rational(1, 2), add(first.argument, negate(second.argument)))
            return scale(ratios[0], apply("tanh", half))
    return add(*(_part_of(t, below) for t in above))


def _part_of(term: _Exponential, below: Sequence[_Exponential]) -> Expression:
    """c·exp(a) divided by a sum of exponentials."""
    if len(below) == 2:
        for first, second in (below, below[::-1]):
            if first.argument is term.argument:
                return scale(term.coefficient, _share(first, second))
    log = logarithm_of(add(*(scale(t.coefficient, apply("exp", t.argument)) for t in below)))
    assert log is not None
    return scale(term.coefficient, apply("exp", add(term.argument, negate(log))))


def _share(first: _Exponential, second: _Exponential) -> Expression:
    """exp(a) divided by c·exp(a) + d·exp(b)."""
    difference = add(first.argument, negate(second.argument))
    ratio = first.coefficient / second.coefficient
    if ratio != 1:
        difference = add(difference, constant_log(ratio, difference))
    return scale(1 / first.coefficient, apply("sigmoid", difference))
