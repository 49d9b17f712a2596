"""The kinds of names that are not declared: the convention, and what else a name may be.

a…g and lower-case Greek letters are scalars, h…z vectors, upper-case letters matrices; a longer name goes by its
first letter.  Each kind has a cost, how far it is from the convention; a kind that is not listed is never taken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from matcalc.dimensions import Unifier
from matcalc.expressions import ONE, SCALAR, Shape
from matcalc.syntax_trees import Tree
from matcalc.tokens import GREEK_LETTERS
from matcalc.walks import Survey

Kind = str
GREEK = frozenset(GREEK_LETTERS.values()) | frozenset(
    ("omicron", "varepsilon", "vartheta", "varphi", "varsigma", "varrho")
)
_SMALL_GREEK = frozenset(word for word in GREEK if word.islower())


def convention(name: str) -> Kind:
    """The kind of a name that is not declared.

    >>> [convention(name) for name in ("a", "x", "b_1", "weights", "A", "theta", "Sigma")]
    ['scalar', 'vector', 'scalar', 'vector', 'matrix', 'scalar', 'matrix']
    """
    if name[0].isupper():
        return "matrix"
    if is_greek(name):
        return "scalar"
    letter = unicodedata.normalize("NFD", name[0])[0]
    return "scalar" if letter < "h" else "vector"


def is_greek(name: str) -> bool:
    """Whether the name is a lower-case Greek letter, with or without an index: lambda, mu_1."""
    return name.split("_")[0].rstrip("0123456789") in _SMALL_GREEK


def kind_costs(name: str, found: Survey) -> Mapping[Kind, int]:
    """The kinds that a name may have, the preferred one first, with their distances from it.

    >>> kind_costs("x", Survey())
    {'vector': 0, 'scalar': 1, 'matrix': 2}
    """
    usual = convention(name)
    if _only_scalar(name, found):
        return {"scalar": 0}
    if name in found.matrices:
        return {"matrix": 0, "vector": 1}
    if usual == "matrix":
        return {"matrix": 0, "vector": 1}
    if name in found.not_scalars:
        return {"vector": 0, "matrix": 2}
    return {usual: 0, "vector" if usual == "scalar" else "scalar": 1, "matrix": 2}


def _only_scalar(name: str, found: Survey) -> bool:
    if name in found.not_scalars or name in found.matrices:
        return False
    if name in found.scalars:
        return True
    return any(_has_power_base(power, found) for power in found.exponents.get(name, ()))


def _has_power_base(power: Tree, found: Survey) -> bool:
    """Whether the base of a power is not a scalar by convention: 2^A and e^A may be meant as functions of a matrix."""
    base = power.children[0]
    return base.kind != "name" or convention(str(base.value)) != "scalar" or base.value in found.not_scalars


def kind_reason(name: str, found: Survey) -> Tree:
    """The place in the text for which a name has not the kind of the convention."""
    for places in (found.not_scalars, found.matrices, found.scalars):
        if name in places:
            return places[name]
    return found.exponents[name][0]


def shape_of_kind(kind: Kind, unifier: Unifier) -> Shape:
    """The shape of a name of that kind, its sizes unknown."""
    if kind == "scalar":
        return SCALAR
    return (unifier.size(), ONE) if kind == "vector" else (unifier.size(), unifier.size())
