"""Analytic functions of matrices that a user names, ``f: analytic``, of which nothing else is known.

A name stands for every analytic function: it has rules and no values. The check takes a random polynomial for it,
the same for the same name.
"""

from __future__ import annotations

from hashlib import blake2b
from math import factorial
from typing import Any

from matcalc.analytic_forms import form_of_derivative, form_of_named
from matcalc.applications import of_arguments, registered_forms
from matcalc.errors import MatcalcError
from matcalc.function_table import ALIASES, FUNCTIONS, of_matrices
from matcalc.matrix_functions import Inverse, identity_like
from matcalc.rule_book import Book, records

DEGREE = 8
DECLARED_BY_USERS = "declared"
_RULES = """{0}: analytic {0}(A)
    for A: matrix(n,n), {0}: analytic

{0}-of-number: d({0}(a)) = d{0}(a, 1)*d(a)
    for a: scalar, {0}: analytic

{0}-derivative-of-number: d(d{0}(a, 1)) = [1, 0]*d{0}([a 1; 0 a], [d(a) 0; 0 d(a)])*[0; 1]
    for a: scalar, {0}: analytic
"""


def declare_function(name: str) -> None:
    """Make f and its derivative df functions of the language; nothing where they are already.

    Raises MatcalcError for the name of a function that has values.

    >>> declare_function("phi")
    >>> import matcalc as mc
    >>> str(mc.gradient("tr(phi(A)*B)", "A", where="phi: analytic"))
    "dphi(A', B')"
    """
    for word in (name, f"d{name}"):
        row = FUNCTIONS.get(ALIASES.get(word, word))
        if row is not None and not row.named:
            raise MatcalcError(f"{word} is a function already", hint="give yours another name")
    if name in FUNCTIONS:
        return
    for row in of_matrices(name, stand_in(name), named=name):
        FUNCTIONS[row.name] = row
    forms = {name: form_of_named(name), f"d{name}": form_of_derivative(name)}
    registered_forms().update({word: of_arguments(form) for word, form in forms.items()})
    Book.get().add_records(records(_RULES.format(name), DECLARED_BY_USERS))


def stand_in(name: str) -> Any:
    """The random polynomial by which a named function is checked, in any arithmetic."""
    digest = blake2b(name.encode(), digest_size=DEGREE + 1).digest()

    def polynomial(A: Any, inverse: Inverse) -> Any:
        power = result = None
        for k, byte in enumerate(digest):
            power = identity_like(A) if power is None else power @ A
            term = power * (byte - 100) / (32 * factorial(k))
            result = term if result is None else result + term
        return result

    return polynomial
