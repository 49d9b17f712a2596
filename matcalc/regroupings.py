"""Other common factors: (X*A*M + (X*B - V)*A)*M as X*(A*M + B*A)*M - V*A*M, where that is cheaper."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.expressions import ONE, Expression, Sum
from matcalc.leaves import identity, number
from matcalc.product_orders import MOST_TERMS, ProductOrders, Term, spliced
from matcalc.products import multiply
from matcalc.sums import add

WORTHWHILE = 0.97


def regrouped(orders: ProductOrders, factors: Sequence[Expression]) -> Expression | None:
    """The product as F*(A + B) + C or (A + B)*F + C; None where that is not cheaper."""
    if not any(_is_opened(orders, f) for f in factors) or factors[0].rows is ONE:
        return None
    terms = _terms(orders, factors)
    if len(terms) < 3:
        return None
    place = orders.multiplied_out(factors)
    least = orders.chain(factors).cost if place is None else orders.cost_multiplied_out(factors, place)
    least, best = least * WORTHWHILE, None
    for is_first in (True, False):
        groups: dict[Expression, list[Term]] = {}
        for term in terms:
            groups.setdefault(term[2][0 if is_first else -1], []).append(term)
        for common, members in groups.items():
            if 2 <= len(members) < len(terms) and common.rows is not ONE and common.columns is not ONE:
                others = [_product(t) for t in terms if t not in members]
                total = add(_joined(common, members, is_first), *others)
                cost = orders.forming_sum(total.operands) if isinstance(total, Sum) else least
                if cost < least:
                    least, best = cost, total
    return best


def _is_opened(orders: ProductOrders, node: Expression) -> bool:
    """Whether the node is a sum that only one product uses."""
    return isinstance(node, Sum) and node not in orders.dense and orders.uses.get(node) == 1


def _product(term: Term) -> Expression:
    coefficient, scalars, chain = term
    return multiply(number(coefficient), *scalars, *chain)


def _joined(common: Expression, members: Sequence[Term], is_first: bool) -> Expression:
    rests = []
    for coefficient, scalars, chain in members:
        rest = chain[1:] if is_first else chain[:-1]
        rests.append(_product((coefficient, scalars, rest or (identity(common.columns if is_first else common.rows),))))
    inner = add(*rests)
    return multiply(common, inner) if is_first else multiply(inner, common)


def _terms(orders: ProductOrders, factors: Sequence[Expression]) -> list[Term]:
    """The product with all sums multiplied out; nothing where that makes too many terms."""
    found: list[Term] = [(ONE, (), tuple(factors))]
    place = 0
    while place < len(found):
        coefficient, scalars, chain = found[place]
        i = next((i for i, f in enumerate(chain) if _is_opened(orders, f)), None)
        if i is None:
            place += 1
            continue
        inner = [spliced(chain[:i], term, chain[i + 1 :]) for term in chain[i].operands]
        found[place : place + 1] = [(coefficient * c, (*scalars, *s), rest) for c, s, rest in inner]
        if len(found) > MOST_TERMS:
            return []
    return found
