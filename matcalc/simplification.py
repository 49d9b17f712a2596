"""Simplification: of the equal forms of a result, one with few operations.

Bottom up over the graph, each node once: the identities of the rule book where they shorten it, then sums
factored.  Deterministic, and bounded in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sympy import Integer, Rational

from matcalc.applications import apply
from matcalc.expressions import (
    ONE,
    Apply,
    Constant,
    Expression,
    Hadamard,
    Identity,
    Number,
    Ones,
    Power,
    Product,
    Sum,
    Transpose,
    Unit,
    Variable,
    postorder,
)
from matcalc.leaves import identity, number
from matcalc.matching import rewrite_at
from matcalc.powers import hadamard, power
from matcalc.products import multiply
from matcalc.registries import CONSTRUCTORS
from matcalc.rule_book import Book, Record, Rule, head
from matcalc.substitutions import substitute
from matcalc.sums import add, split_coefficient

MOST_TERMS = 60
MOST_FACTORS = 1_000
HALF = Rational(1, 2)


def simplify(root: Expression) -> Expression:
    """An equal expression, shorter where the identities and common factors make it so.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> str(simplify(A @ x + A.T @ x))
    "(A + A')*x"
    """
    order = postorder(root)
    _collect_identities(order)
    shorter: dict[Expression, Expression] = {}
    for node in order:
        if node.operands:  # a leaf cannot be shorter
            better = _improved(node if shorter.keys().isdisjoint(node.operands) else _rebuilt(node, shorter))
            if better is not node:
                shorter[node] = better
    return shorter.get(root, root)


def _rebuilt(node: Expression, shorter: Mapping[Expression, Expression]) -> Expression:
    args = [shorter.get(a, a) if isinstance(a, Expression) else a for a in node._args]
    if isinstance(node, Apply):
        return apply(node.function, *args[1:])
    return CONSTRUCTORS[type(node).__name__](*args)


def length(node: Expression) -> int:
    """About how many tokens the expression takes to write."""
    stack = [node]
    while stack:
        part = stack[-1]
        waiting = [] if hasattr(part, "_mark") else [o for o in part.operands if not hasattr(o, "_mark")]
        if waiting:
            stack.extend(waiting)
        else:
            part._mark = _own_length(part)
            stack.pop()
    found: int = node._mark
    return found


def _own_length(node: Expression) -> int:
    inner = sum(o._mark for o in node.operands)
    kind = type(node)
    if kind in (Variable, Constant, Number):
        return 1 + (isinstance(node, Number) and isinstance(node.value, Rational) and node.value.q != 1)
    if kind in (Identity, Ones, Unit):
        return 2
    if kind in (Sum, Hadamard, Product):
        return inner + len(node.operands) - 1
    if kind is Power and isinstance(node._args[1], Number) and node._args[1].value in (-1, HALF):
        return inner - node._args[1]._mark + 1
    return inner + 1


def _improved(node: Expression) -> Expression:
    for _ in range(8):
        better = _apply_identities(node)
        if isinstance(better, Sum) or (isinstance(better, Product) and _is_scaled_sum(better)):
            better = factor(better)
        if better is node:
            break
        node = better
    return node


def _is_scaled_sum(node: Product) -> bool:
    return len(node.chain) + len(node.scalars) == 1 and isinstance((*node.chain, *node.scalars)[0], Sum)


# ---- identities ---------------------------------------------------------------------------------------------------


Pair = tuple[Expression, Expression, frozenset[str]]
_identities: dict[str, list[Pair]] = {}
_waiting: list[Record] | None = None
_words: set[str] = set()


def _collect_identities(nodes: Sequence[Expression]) -> None:
    """Read the identities of the book that may be of use for an expression with these functions."""
    global _waiting
    if _waiting is None:
        _waiting = Book.get().identity_records()
    present = {e.function for e in nodes if isinstance(e, Apply)}
    if present <= _words and not any(not r.left_words for r in _waiting):
        return
    _words.update(present)
    found = [r for r in _waiting if r.left_words <= _words]
    while found:
        for record in found:
            _waiting.remove(record)
            _words.update(record.words)
            _add_identity(record.rule)
        found = [r for r in _waiting if r.left_words <= _words]


def _add_identity(rule: Rule) -> None:
    pairs = [(rule.left, rule.right)]
    scalar = _for_scalars(rule.left, rule.right)
    if scalar is not None and scalar[0] is not scalar[1]:
        pairs.append(scalar)
    for left, right in pairs:
        _identities.setdefault(head(left), []).append((left, right, _heads(left)))


def _heads(node: Expression) -> frozenset[str]:
    """The kinds of the operands, variables and numbers left out, and inner products: a quick sieve before matching."""
    operands = [split_coefficient(o)[1] for o in node.operands] if isinstance(node, Sum) else node.operands
    found = [head(o) for o in operands if type(o) not in (Variable, Number, Transpose)]
    if isinstance(node, Product) and (_is_inner(node) or any(_is_inner(s) for s in node.scalars)):
        found.append("inner product")
    return frozenset(found)


def _is_inner(node: Expression) -> bool:
    return isinstance(node, Product) and node.is_scalar and bool(node.chain)


def forget_identities() -> None:
    """Forget what was collected, when the rule book has changed."""
    global _waiting
    _waiting = None
    _words.clear()
    _identities.clear()


def _for_scalars(left: Expression, right: Expression) -> tuple[Expression, Expression] | None:
    """The same identity for 1×1 matrices, where it is an entrywise one."""
    parameters = [e for e in postorder(left) if isinstance(e, Variable)]
    if len(parameters) != 1 or parameters[0].shape != left.shape or left.is_scalar:
        return None
    if any(isinstance(e, Apply) and not CONSTRUCTORS["is_entrywise"](e.function) for e in postorder(left, right)):
        return None
    p = parameters[0]
    one = {s: Integer(1) for d in p.shape for s in d.free_symbols}
    scalar = CONSTRUCTORS["Variable"](p.name)
    return substitute(left, {p: scalar}, one), substitute(right, {p: scalar}, one)


def _apply_identities(node: Expression) -> Expression:
    candidates = _identities.get(head(node), ())
    present = _heads(node) if candidates else frozenset()
    for left, right, needed in candidates:
        if not needed <= present:
            continue
        for result in rewrite_at(left, right, node):
            if length(result) < length(node):
                return result
            break
    if isinstance(node, Power) and isinstance(node._args[1], Number):
        exponent = node._args[1].value
        if exponent.is_Rational and exponent.q == 2 and exponent != HALF:
            root = power(node._args[0], number(HALF))
            better = _apply_identities(root)
            if better is not root:
                return power(better, number(2 * exponent))
    return node


# ---- factoring ----------------------------------------------------------------------------------------------------


def factor(node: Expression) -> Expression:
    """A sum with common factors taken out, as long as that shortens it."""
    c, inner = split_coefficient(node)
    if not isinstance(inner, Sum) or len(inner._args) > MOST_TERMS:
        return node
    if sum(len(t.operands) for t in inner._args) > MOST_FACTORS:
        return node
    terms: list[Expression] = list(inner._args)
    while len(terms) > 1:
        best = _best_group(terms)
        if best is None:
            break
        members, joined = best
        terms = [t for i, t in enumerate(terms) if i not in members]
        terms.append(joined)
        total = add(*terms)
        terms = list(total._args) if isinstance(total, Sum) else [total]
    return multiply(number(c), add(*terms))


Group = tuple[frozenset[int], Expression]


def _best_group(terms: list[Expression]) -> Group | None:
    """The terms with the most valuable common factor, and what they become."""
    groups: dict[tuple[str, Expression], list[int]] = {}
    for i, t in enumerate(terms):
        for key in _factors_of(t):
            members = groups.setdefault(key, [])
            if not members or members[-1] != i:
                members.append(i)
    ranked = sorted(
        ((len(m) - 1) * (length(key[1]) + 1), key[0], key[1].key, key, m) for key, m in groups.items() if len(m) > 1
    )
    for *_, key, members in reversed(ranked):
        joined = _JOINERS[key[0]](key[1], [terms[i] for i in members])
        if joined is not None:
            before = sum(length(terms[i]) for i in members) + len(members) - 1
            if length(joined) < before:
                return frozenset(members), joined
    return None


def _factors_of(term: Expression) -> list[tuple[str, Expression]]:
    """What could be taken out of a term: its first or last factor, a scalar, an entrywise factor, a function."""
    _, rest = split_coefficient(term)
    scalars, chain = _parts(rest)
    found = []
    for s in scalars:
        base, exponent = s._args if isinstance(s, Power) else (s, None)
        down = isinstance(exponent, Number) and exponent.value.is_negative
        found.append(("below" if down else "scalar", base))
    if chain:
        found += [("first", chain[0]), ("last", chain[-1])]
    if len(chain) == 1:
        only = chain[0]
        if isinstance(only, Hadamard):
            found += [("entrywise", f) for f in only._args]
        if isinstance(only, Apply) and only.function == "kron":
            found += [("kron-left", only.operands[0]), ("kron-right", only.operands[1])]
        if isinstance(only, Apply) and only.function in ("diag", "vec") and only.operands:
            found.append((only.function, identity(ONE)))
    if rest.is_scalar and isinstance(rest, Apply) and rest.function == "tr":
        found.append(("tr", identity(ONE)))
    return found


def _parts(rest: Expression) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    if isinstance(rest, Product):
        if rest.is_scalar and rest.chain:
            return (rest,), rest.chain
        return rest.scalars, rest.chain
    return ((rest,), ()) if rest.is_scalar else ((), (rest,))


def _join_end(f: Expression, terms: Sequence[Expression], first: bool) -> Expression | None:
    rests = []
    for t in terms:
        c, rest = split_coefficient(t)
        scalars, chain = _parts(rest)
        outer = () if rest.is_scalar and isinstance(rest, Product) and rest.chain else scalars
        remaining = chain[1:] if first else chain[:-1]
        if not remaining:
            if isinstance(f, Identity):
                rests.append(multiply(number(c), *outer))
                continue
            if f.is_scalar or (f.columns if first else f.rows) is ONE:
                rests.append(multiply(number(c), *outer))
                continue
            remaining = (identity(f.columns if first else f.rows),)
        rests.append(multiply(number(c), *outer, *remaining))
    if len({r.shape for r in rests}) != 1:
        return None
    inner = factor(add(*rests))
    return multiply(f, inner) if first else multiply(inner, f)


def _join_scalar(base: Expression, terms: Sequence[Expression], down: bool) -> Expression | None:
    """The smallest power of a scalar that all terms share, taken out."""
    exponents = []
    for t in terms:
        for s in _parts(split_coefficient(t)[1])[0]:
            b, e = s._args if isinstance(s, Power) else (s, number(1))
            if b is base and (isinstance(e, Number) and e.value.is_negative) == down:
                exponents.append(e)
                break
    if len(exponents) != len(terms) or not all(isinstance(e, Number) and e.value.is_number for e in exponents):
        return None
    least = min((e.value for e in exponents), key=abs)
    inverse = power(base, number(-least))
    return multiply(power(base, number(least)), factor(add(*(multiply(inverse, t) for t in terms))))


def _join_entrywise(f: Expression, terms: Sequence[Expression]) -> Expression | None:
    rests = []
    for t in terms:
        c, rest = split_coefficient(t)
        scalars, chain = _parts(rest)
        factors = list(chain[0]._args)
        factors.remove(f)
        rests.append(multiply(number(c), *scalars, hadamard(*factors)))
    return hadamard(f, factor(add(*rests)))


def _join_kron(left: bool) -> Callable[[Expression, Sequence[Expression]], Expression | None]:
    def join(f: Expression, terms: Sequence[Expression]) -> Expression | None:
        rests = []
        for t in terms:
            c, rest = split_coefficient(t)
            scalars, chain = _parts(rest)
            rests.append(multiply(number(c), *scalars, chain[0].operands[1 if left else 0]))
        if len({r.shape for r in rests}) != 1:
            return None
        inner = factor(add(*rests))
        return apply("kron", f, inner) if left else apply("kron", inner, f)

    return join


def _join_linear(function: str) -> Callable[[Expression, Sequence[Expression]], Expression | None]:
    def join(_: Expression, terms: Sequence[Expression]) -> Expression | None:
        rests = []
        for t in terms:
            c, rest = split_coefficient(t)
            scalars, chain = _parts(rest)
            applied = chain[0] if chain else rest
            rests.append(multiply(number(c), *(scalars if chain else ()), applied.operands[0]))
        if len({r.shape for r in rests}) != 1:
            return None
        return apply(function, factor(add(*rests)))

    return join


_JOINERS: dict[str, Callable[[Expression, Sequence[Expression]], Expression | None]] = {
    "first": partial(_join_end, first=True),
    "last": partial(_join_end, first=False),
    "scalar": partial(_join_scalar, down=False),
    "below": partial(_join_scalar, down=True),
    "entrywise": _join_entrywise,
    "kron-left": _join_kron(True),
    "kron-right": _join_kron(False),
    "diag": _join_linear("diag"),
    "vec": _join_linear("vec"),
    "tr": _join_linear("tr"),
}
