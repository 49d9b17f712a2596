"""Derivatives of formulas as they are given: text, expressions or SymPy's, with names for what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sympy import Basic

from matcalc.adjoints import pullback
from matcalc.declarations import Where, declarations, unused, variables_among
from matcalc.derivatives import ORDERS, Derivative
from matcalc.differentials import differential_of
from matcalc.entry_sums import with_distances
from matcalc.errors import NotDifferentiable, ShapeError, UnknownName
from matcalc.expressions import Expression, Variable, variables_of
from matcalc.free_entries import refuse_without_entries
from matcalc.function_table import nearest_names
from matcalc.inner_products import Weights, read_inner_product, read_together
from matcalc.leaves import variable
from matcalc.names import spelled_out
from matcalc.parts import Program
from matcalc.reading import Reading, read
from matcalc.registries import method
from matcalc.simplification import simplify
from matcalc.syntax import parse_expression
from matcalc.tangents import perturbation, projection
from matcalc.tokens import spelled
from matcalc.writing import declarations_of, text

Formula: TypeAlias = "str | Expression | Basic"
Names: TypeAlias = "str | Variable | Sequence[str | Variable]"


def differentiate(
    f: Formula,
    wrt: Names,
    where: Where = None,
    *,
    inner: Weights | None = None,
    free: bool = False,
    avoiding: Iterable[str] = (),
) -> Derivative:
    """The derivative of f with respect to one variable or several.

    f is text, an expression or a SymPy matrix expression.  A declared name that does not occur is noted.
    ``inner="W"`` asks for the gradient with df = ⟨∇f, dx⟩ for ⟨u, v⟩ = u′Wv.
    ``free=True`` gives gradient, Jacobian and Hessian on the free entries of structured variables, vech(S) for S
    symmetric.  No size that is inferred gets a name among ``avoiding``.
    Raises UnknownName where a variable does not occur.

    >>> str(differentiate("A^3", "A"))
    'd(A^3) = dA*A^2 + A*dA*A + A^2*dA'
    """
    names = [wrt] if isinstance(wrt, (str, Variable)) else list(wrt)
    reading = _read(f, where, inner, names, avoiding)
    expression, occurring, notes = reading.expression, {v.name: v for v in reading.variables}, reading.notes
    declared = declarations(where)[0]
    others = {n: d for n, d in declared.items() if n not in occurring} if declared.keys() - occurring.keys() else {}
    known = variables_among(others) | occurring if others else occurring
    variables = tuple(dict.fromkeys([_variable(n, known, reading) for n in names]))
    product = None
    if inner is not None:
        product, more = read_inner_product(inner, expression, variables, where, known)
        notes = (*notes, *more)
    if free:
        refuse_without_entries(variables, inner is not None)
    if others:
        weights = product.variables if product is not None else ()
        asked = {name for x in variables for name in (x.name, f"d{x.name}")} | {v.name for v in weights}
        notes = (*notes, *unused(where, asked | occurring.keys()))
    return Derivative(expression, variables, notes, product, free, reading.program, reading.contexts)


def _read(
    f: Formula, where: Where, inner: Weights | None, names: Sequence[str | Variable], avoiding: Iterable[str]
) -> Reading:
    """The formula as it was given, its variables in the order in which they occur in it."""
    if not isinstance(f, str):
        expression = f if isinstance(f, Expression) else method("from_sympy")(f)
        return Reading(
            expression, tuple(variables_of(expression)), (), "", Program((), expression), expression._contexts
        )
    together = None if inner is None or len(names) > 1 else read_together(f, inner, str(names[0]), where)
    if together is None:
        return read(f, where, avoiding=avoiding)
    if parse_expression(f).kind != "let":
        return together
    declared = declarations_of(together.variables, [together.expression])
    return together._replace(program=read(f, declared).program)


def _variable(name: str | Variable, known: Mapping[str, Variable], f: Reading) -> Variable:
    x = name if isinstance(name, Variable) else _known(spelled(name), known, f)
    if not x.properties.isdisjoint(("constant", "integer")):
        word = "constant" if "constant" in x.properties else "integer"
        raise ShapeError(f"{x.name} is declared {word}: there is no derivative with respect to it")
    if len(x.properties) > 1 and {"orthogonal", "symmetric"} <= x.properties:
        what = f"a matrix that is orthogonal and symmetric, as {x.name}"
        message = f"derivatives with respect to {what}, are not supported"
        raise NotDifferentiable(message, hint="declare one of the two")
    return x


def _known(name: str, known: Mapping[str, Variable], f: Reading) -> Variable:
    if name not in known:
        names = ", ".join(known) or "none"
        near = nearest_names(name, list(known))
        hint = f"did you mean {near[0]}?" if near else f"its variables are {names}"
        for other in known:
            parts = spelled_out(other, {name, *known} - {other})
            if other.startswith(f"{name}T") and other[len(name) + 1 :].isalpha():
                hint = f"{other} is one name: write {name}'*{'*'.join(other[len(name) + 1 :])} for the product"
            elif name in parts:
                hint = f"{other} is one name: write {'*'.join(parts)} for the product"
        if name in f.program.names:
            message = f"{name} is a part that the text defines, and no variable"
            raise UnknownName(message, hint=f"differentiate with respect to one of {names}")
        raise UnknownName(f"there is no variable {name} in {text(f.expression)}", hint=hint)
    return known[name]


def gradient(f: Formula, wrt: Names, where: Where = None, *, inner: Weights | None = None, free: bool = False) -> Any:
    """∇f, of the shape of the variable, in an inner product if one is given; a dict by name for several variables.

    >>> str(gradient("sum(log(exp(-y.*(X*w)) + vector(1)))", "w"))
    "-X'*(y.*sigmoid(-y.*(X*w)))"
    """
    return differentiate(f, wrt, where, inner=inner, free=free).gradient


def differential(f: Formula, wrt: Names, where: Where = None, *, order: int = 1) -> Expression:
    """df = f′(x)[dx]; of order 2 f″(x)[dx, dx_], of order 3 f‴(x)[dx, dx_, dx__].

    >>> str(differential("inv(A)", "A"))
    '-inv(A)*dA*inv(A)'
    >>> str(differential("logdet(A)", "A", order=2))
    '-tr(inv(A)*dA*inv(A)*dA_)'
    """
    D = differentiate(f, wrt, where)
    if order not in ORDERS:
        raise NotDifferentiable(f"differentials are of order 1, 2 or 3, not {order}")
    found: Expression = getattr(D, ORDERS[order])
    return found


def jacobian(f: Formula, wrt: Names, where: Where = None, *, free: bool = False) -> Any:
    """J with vec(df) = J vec(dX).

    >>> str(jacobian("X^2", "X"))
    "kron(eye(n), X) + kron(X', eye(n))"
    """
    return differentiate(f, wrt, where, free=free).jacobian


def hessian(f: Formula, wrt: Names, where: Where = None, *, free: bool = False) -> Any:
    """H with d²f = vec(dX)′H vec(dX); for several variables its blocks, by pairs of names.

    >>> str(hessian("norm2(A*x - b)^2", "x"))
    "2*A'*A"
    >>> print(hessian("x'*A*y", ("x", "y")))
    x, x: zeros(m,m)
    x, y: A
    y, x: A'
    y, y: zeros(n,n)
    """
    return differentiate(f, wrt, where, free=free).hessian


def hessian_operator(f: Formula, wrt: Names, where: Where = None) -> Any:
    """The Hessian as the operator dX ↦ H[dX] on matrices, without the matrix H; a dict by name for several.

    >>> str(hessian_operator("logdet(A)", "A"))
    "-(inv(A)*dA*inv(A))'"
    """
    return differentiate(f, wrt, where).hessian_operator


def directional(f: Formula, wrt: str | Variable, direction: str, where: Where = None) -> Expression:
    """f′(x)[v] for a direction named v.

    >>> str(directional("A*x", "x", "v"))
    'A*v'
    """
    D = differentiate(f, wrt, where, avoiding=[direction])
    (x,) = D.variables
    return simplify(differential_of(D.expression, {x: perturbation(x, direction)}))


def hvp(f: Formula, wrt: Names, direction: str | Sequence[str], where: Where = None) -> Any:
    """The Hessian times a direction, without the Hessian: the derivative of the gradient along v.

    With several variables there is a direction for each, and a part of the answer for each, by name.

    >>> str(hvp("norm2(A*x - b)^2", "x", "v"))
    "2*A'*A*v"
    >>> str(hvp("x'*A*y", ("x", "y"), ("u", "v"))["x"])
    'A*v'
    """
    names = [direction] if isinstance(direction, str) else list(direction)
    D = differentiate(f, wrt, where, avoiding=names)
    if len(names) != len(D.variables):
        count = f"{len(D.variables)} variable{'s' * (len(D.variables) != 1)}"
        raise ShapeError(f"{len(names)} directions are given for {count}", hint="give one for each variable")
    along = {x: perturbation(x, name) for x, name in zip(D.variables, names, strict=True)}
    return D.hessian_along(along)


def pullback_of(f: Formula, wrt: str | Variable, cotangent: str, where: Where = None) -> Expression:
    """The adjoint of f′(x) at a cotangent named y: ⟨y, f′(x)[dx]⟩ = ⟨pullback, dx⟩.

    >>> str(pullback_of("A*x", "x", "y"))
    "A'*y"
    """
    D = differentiate(f, wrt, where, avoiding=[cotangent])
    (x,) = D.variables
    y = variable(cotangent, *D.expression.shape)
    return simplify(projection(x, pullback(with_distances(D.expression), y, [x])[x]))


def names_of(variables: Iterable[Variable]) -> tuple[str, ...]:
    """The names of the variables."""
    return tuple(v.name for v in variables)
