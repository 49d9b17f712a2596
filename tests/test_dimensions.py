"""Which sizes are equal: what a unifier knows after it has been told."""

import pytest
from sympy import Expr

from matcalc.dimensions import Clash, TooLarge, Undecided, Unifier, expanded, fresh_names, name_unknowns, product
from matcalc.expressions import ONE, dimension

m, n, p = map(dimension, "mnp")


def test_an_unknown_size_becomes_what_it_meets() -> None:
    u = Unifier()
    d, e = u.size(), u.size()
    u.unify(d, e)
    u.unify(e, n)
    assert u.resolve(d) is n


def test_a_size_is_not_one_but_any_may_be() -> None:
    u = Unifier()
    with pytest.raises(Clash):
        u.unify(u.size(), ONE)
    d = u.any()
    u.unify(d, ONE)
    assert u.resolve(d) is ONE


def test_any_becomes_the_size_it_meets_and_not_the_other_way_round() -> None:
    u = Unifier()
    anything, size = u.any(), u.size()
    u.unify(size, anything)
    with pytest.raises(Clash):
        u.unify(anything, ONE)


@pytest.mark.parametrize(("a", "b"), [(m, n), (dimension(2), dimension(3)), (n, ONE), (2 * n, n + 1), (m * n, n)])
def test_rigid_sizes_clash(a: Expr, b: Expr) -> None:
    with pytest.raises(Clash):
        Unifier().unify(a, b)


@pytest.mark.parametrize(
    ("left", "right", "solution"),
    [
        (lambda d: d + m, n + m, n),
        (lambda d: 2 * d, 2 * n + 2, n + 1),
        (lambda d: d * m, m * n, n),
        (lambda d: d * m + m, m * n, n - 1),
        (lambda d: n - d, m, n - m),
        (lambda d: d * (m + 1), m * n + n, n),
    ],
)
def test_an_unknown_inside_a_sum_or_product_is_solved_for(left, right: Expr, solution: Expr) -> None:
    u = Unifier()
    d = u.size()
    u.unify(left(d), right)
    assert u.resolve(d) == solution


@pytest.mark.parametrize("right", [m, dimension(2), m - 1])
def test_a_part_is_not_as_large_as_the_whole(right: Expr) -> None:
    u = Unifier()
    with pytest.raises(Clash):
        u.unify(u.size() + m + 1, right)


def test_an_unknown_cannot_be_half_of_an_odd_size() -> None:
    u = Unifier()
    u.unify(2 * u.size(), n)
    with pytest.raises(Undecided):
        u.settle()


def test_what_is_undecided_is_decided_by_a_later_equation() -> None:
    u = Unifier()
    d, e = u.size(), u.size()
    u.unify(d * e, 6 * n)
    u.unify(e, n)
    u.settle()
    assert u.resolve(d) == 6


def test_products_agree_factor_by_factor_where_nothing_else_decides() -> None:
    u = Unifier()
    d, e = u.size(), u.size()
    u.unify(u.product(d, e), u.product(m, n))
    u.settle()
    assert (u.resolve(d), u.resolve(e)) == (m, n)


def test_nested_products_agree_factor_by_factor() -> None:
    u = Unifier()
    rows, columns = ([u.size() for _ in range(4)] for _ in range(2))
    one, other = rows[0], columns[0]
    for a, b in zip(rows[1:], columns[1:], strict=True):
        one, other = u.product(a, one), u.product(b, other)
    u.unify(one, other)
    u.settle()
    assert [u.resolve(a) for a in rows] == [u.resolve(b) for b in columns]


def test_a_contradiction_between_deferred_equations_is_found() -> None:
    u = Unifier()
    d, e = u.size(), u.size()
    u.unify(d * e, m * n)
    u.unify(d, m)
    u.unify(e, p)
    with pytest.raises(Clash):
        u.settle()


@pytest.mark.parametrize("size", [(n + 1) ** 200, (n + m + p + 1) ** 9, dimension(10**13)])
def test_sizes_beyond_all_use_are_refused_before_they_are_computed(size: Expr) -> None:
    with pytest.raises(TooLarge):
        expanded(size)


def test_a_product_is_multiplied_out() -> None:
    assert product(n + 1, m) == m * n + m
    assert product(ONE, n) is n


def test_fresh_names_leave_out_those_taken() -> None:
    names = fresh_names({"n", "p", "n1"})
    assert [str(next(names)) for _ in range(8)] == ["m", "q", "r", "s", "k", "l", "m1", "p1"]


def test_square_shapes_are_named_first() -> None:
    u = Unifier()
    A, x, S = (u.size(), u.size()), (u.size(), ONE), (u.size(), u.size())
    u.unify(*S)
    name_unknowns(u, [A, x, S], fresh_names(()))
    assert [u.shape(shape) for shape in (A, x, S)] == [(p, m), (dimension("q"), ONE), (n, n)]
