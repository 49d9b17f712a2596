"""Derivations: every printed step is a true equation, in numbers, and says what a student expects."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.derivation_steps import Step
from matcalc.derivatives import Derivative
from matcalc.leaves import variable
from matcalc.reading import parse
from matcalc.writing import declarations_of

Values = Mapping[str, Any]
SIZES = dict(zip("nmpqkhl", (3, 4, 2, 5, 2, 3, 2), strict=True))
DIFFERENTIAL = re.compile(r"(?<![\w.])d(_*)\(")
LET = re.compile(r"let (.*?) in (.*)", re.DOTALL)
H = 2e-3


class Meaning:
    """What a printed side of a step means: numbers, where d( ) is the slope along a direction, found by differences."""

    def __init__(self, D: Derivative, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        pairs = [D.perturbations, D.second_perturbations, D.third_perturbations]
        self.along = [{x.name: dx.name for x, dx in p.items()} for p in pairs]
        self.variables = dict.fromkeys([*D.known_variables, *(dx for p in pairs for dx in p.values())])
        self.values: dict[str, Any] = {}
        for v in self.variables:
            self.values[v.name] = self._value(v)
        for x, dx in ((x, dx) for p in pairs for x, dx in p.items()):
            if "unit" in x.properties:
                u, du = self.values[x.name], self.values[dx.name]
                self.values[dx.name] = du - u * (u @ du)
        self.roots = [D.expression]
        self.parts = D.parts
        self.values |= {"i": 2}

    def _value(self, v: Any) -> Any:
        rows, columns = (int(d.subs({s: SIZES[str(s)] for s in d.free_symbols})) for d in v.shape)
        X = self.random.standard_normal((rows, columns))
        if "spd" in v.properties:
            X = X @ X.T + 2 * np.eye(rows)
        elif "symmetric" in v.properties:
            X = X + X.T
        elif rows == columns > 1 and not v.name.startswith("d"):
            X = X + 3 * np.eye(rows)
        if "positive" in v.properties:
            X = np.abs(X) + 0.5
        if "unit" in v.properties:
            X = X / np.linalg.norm(X)
        return X.item() if v.is_scalar else X[:, 0] if columns == 1 else X

    def compiled(self, text: str) -> tuple[Callable[[Values], Any], Any]:
        """The value of a side as a function of the values of the variables, and its shape."""
        let = LET.fullmatch(text)
        if let:  # the definitions of parts hold inside of d( ) too
            definitions, text = let.groups()
            for definition in reversed(definitions.split("; ")):
                name, value = definition.split(" = ", 1)
                text = re.sub(rf"\b{name}\b", lambda _, v=value: f"({v})", text)
        text = unrolled(text)
        inner = {
            name: self.compiled(str(value))[0] for name, value in self.parts.items() if re.search(rf"\b{name}\b", text)
        }
        declared = dict.fromkeys([*self.variables, *(variable(name, *e.shape) for name, e in self.parts.items())])
        while found := DIFFERENTIAL.search(text):
            end = closing(text, found.end())
            f, shape = self.compiled(text[found.end() : end])
            fresh = f"slope{len(inner)}"
            inner[fresh] = self.slope(f, len(found[1]))
            declared[variable(fresh, *shape)] = None
            text = f"{text[: found.start()]}{fresh}{text[end + 1 :]}"
        e = parse(text, declarations_of(declared, self.roots))
        names = e.variables.keys()

        def value(at: Values) -> Any:
            known = {name: inner[name](at) if name in inner else at[name] for name in names}
            return np.asarray(e.evaluate(known, sizes={s: k for s, k in SIZES.items() if s not in known}), dtype=float)

        return value, e.shape

    def slope(self, f: Callable[[Values], Any], direction: int) -> Callable[[Values], Any]:
        """The derivative along a direction, by central differences of fourth order."""

        def at(values: Values) -> Any:
            def moved(t: float) -> Any:
                return f({**values, **{x: values[x] + t * values[dx] for x, dx in self.along[direction].items()}})

            found = (8 * (moved(H) - moved(-H)) - (moved(2 * H) - moved(-2 * H))) / (12 * H)
            return found.item() if found.ndim == 0 else found

        return at

    def of(self, text: str) -> Any:
        """The value of a side at the point."""
        return self.compiled(text)[0](self.values)


def unrolled(text: str) -> str:
    """Sums over i written out."""
    while found := re.search(r"sum\(i, 1, n, ", text):
        end = closing(text, found.end())
        terms = [re.sub(r"\bi\b", str(k), text[found.end() : end]) for k in range(1, SIZES["n"] + 1)]
        text = f"{text[: found.start()]}({' + '.join(f'({t})' for t in terms)}){text[end + 1 :]}"
    return text


def closing(text: str, place: int) -> int:
    """Where the bracket closes that was opened before a place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        place += 1
    return place - 1


def left_value(D: Derivative, meaning: Meaning, step: Step) -> Any:
    """The value of a left side; a form stands for what the derivative says it is."""
    kind, _, names = step.before.partition(" in ")
    if kind not in ("gradient", "jacobian", "hessian", "hessian operator"):
        return meaning.of(step.before)
    found = getattr(D, kind.replace(" ", "_"))
    keys = tuple(names.split(" and ")) if names else ()
    return meaning.of(str(found[keys[0] if len(keys) == 1 else keys] if keys else found))


def assert_true(D: Derivative, steps: tuple[Step, ...]) -> None:
    meaning = Meaning(D)
    assert steps
    for step in steps:
        left, right = left_value(D, meaning, step), meaning.of(step.after)
        assert np.allclose(left, right, rtol=1e-5, atol=1e-5 * (1 + np.abs(right).max())), str(step)


QUESTIONS = [
    ("x'*A*x", "x", ""),
    ("norm2(A*x - b)^2", "x", ""),
    ("A*X*B", "X", "A: matrix(m,n), X: matrix(n,p), B: matrix(p,q)"),
    ("X'*A*X", "X", "A: matrix(n,n), X: matrix(n,p)"),
    ("X^2", "X", ""),
    ("inv(A)", "A", ""),
    ("det(A)", "A", ""),
    ("logdet(A)", "A", "A: matrix(n,n) spd"),
    ("tr(A^3)", "A", ""),
    ("sqrt(x'*x)", "x", ""),
    ("norm2(X)", "X", "X: matrix(m,n)"),
    ("A*(x.*x)", "x", ""),
    ("x*x'/(x'*x)", "x", "x: vector(n)"),
    ("tr((Y - X*B)'*(Y - X*B))", "B", "Y: matrix(m,p), X: matrix(m,n), B: matrix(n,p)"),
    ("kron(X, C)", "X", "X: matrix(m,n), C: matrix(p,k)"),
    ("det(x*eye(n) - A)", "x", "A: matrix(n,n), x: scalar"),
    ("logdet(S) + tr(inv(S)*X)", "S", "S: matrix(n,n) spd, X: matrix(n,n) symmetric"),
    ("c'*(A\\b)", "A", "A: matrix(n,n), b, c: vector(n)"),
    ("sum(log(ones(m) + exp(-y.*(X*w))))", "w", "X: matrix(m,n), w: vector(n), y: vector(m)"),
    ("W2*tanh(W1*x)", "W1", "W1: matrix(h,n), W2: matrix(k,h), x: vector(n)"),
    ("exp(-norm2(x)^2/2)", "x", ""),
    ("tr(inv(A*diag(x)*A'))", "x", "A: matrix(p,n), x: vector(n) positive"),
    ("logsumexp(A*x)", "x", ""),
    ("(A + diag(x))^2", "x", ""),
    ("diag(x)*A", "x", "A: matrix(n,m), x: vector(n)"),
    ("tr(A'*B*A)", "A, B", "A: matrix(m,n), B: matrix(m,m)"),
    ("norm2(U*V' - T)^2", "U, V", "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)"),
    ("A*X + X*B", "A, X", "A: matrix(n,n), X: matrix(n,m), B: matrix(m,m)"),
    ("cos(x'*A*x)", "x", ""),
    ("x'*A*x/(x'*x)", "x", "A: matrix(n,n) symmetric, x: vector(n)"),
    ("x'*A", "x", ""),
    ("X'", "X", "X: matrix(m,n)"),
    ("C.*X", "X", "C, X: matrix(m,n)"),
    ("t*X*t", "t", "t: scalar, X: matrix(m,n)"),
    ("tr(A*S)", "S", "A: matrix(n,n), S: matrix(n,n) symmetric"),
    ("[A*x; x]", "x", ""),
    ("let r = A*x - b; s = sigmoid(r) in sum(s.*r)", "x", ""),
    ("let G = X'*X; h = G\\y in y'*h", "X", "X: matrix(m,n)"),
    ("t^3*exp(-t)", "t", ""),
    ("vec(X)'*M*vec(X)", "X", "X: matrix(m,n), M: matrix(m*n,m*n)"),
    ("A*X*B*X*C", "X", "A, B, C, X: matrix(n,n)"),
    ("sum(i, 1, n, x[i]^2*y[i])", "x", "x, y: vector(n)"),
]


@pytest.mark.parametrize(("f", "wrt", "where"), QUESTIONS, ids=[q[0] for q in QUESTIONS])
def test_every_step_is_a_true_equation(f: str, wrt: str, where: str) -> None:
    D = mc.differentiate(f, tuple(wrt.split(", ")), where or None)
    assert_true(D, D.derivation)
    wanted = (
        ("second_differential", "hessian", "hessian_operator")
        if D.expression.is_scalar
        else ("jacobian", "second_differential")
    )
    assert_true(D, D.derivation_of(*wanted))
