"""Derivations: every printed step is a true equation, in numbers, and says what a student expects."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import matcalc as mc
from matcalc.commands import main
from matcalc.derivation_steps import Step
from matcalc.derivatives import Derivative
from matcalc.leaves import variable
from matcalc.reading import parse
from matcalc.tokens import SECOND, THIRD
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
            rest = re.sub(r"^ (?=\()", "*", text[end + 1 :])  # a name before a bracket would be called
            text = text[: found.start()] + fresh + rest
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


@pytest.mark.parametrize(("f", "wrt", "where"), QUESTIONS, ids=[q[0] for q in QUESTIONS])
def test_the_steps_in_unicode_say_the_same(f: str, wrt: str, where: str) -> None:
    D = mc.differentiate(f, tuple(wrt.split(", ")), where or None)
    meaning = Meaning(D)
    for step in D.derivation:
        _, right = step.sides("unicode")
        value, _, parts = right.partition("  where ")
        if not parts:  # with parts it is a where-clause, which text has as let
            assert np.allclose(meaning.of(as_text(value)), meaning.of(step.after)), right


def as_text(unicode: str) -> str:
    """The signs of steps that the language has as words."""
    words = {"⟨": "dot(", "⟩": ")", f"d{SECOND}(": "d_(", f"d{THIRD}(": "d__("}
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], unicode)


@pytest.mark.parametrize(("f", "wrt", "where"), QUESTIONS[::3], ids=[q[0] for q in QUESTIONS[::3]])
def test_the_steps_in_latex_compile(f: str, wrt: str, where: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    D = mc.differentiate(f, tuple(wrt.split(", ")), where or None)
    forms = ("hessian", "second_differential") if D.expression.is_scalar else ("jacobian", "second_differential")
    for step in D.derivation_of(*forms):
        equation = " = ".join(step.sides("latex"))
        assert "'" not in equation
        if "bmatrix" not in equation:
            mathtext.parse(rf"${equation} \quad {step.words('latex')}$")


def test_a_wrong_step_is_refused() -> None:
    D = mc.differentiate("A^2", "A")
    right = D.derivation[0]
    wrong = replace(right, right=mc.differentiate("2*A", "A").derivation[0].right)
    assert_true(D, (right,))
    with pytest.raises(AssertionError):
        assert_true(D, (wrong,))


def lines(*arguments: str) -> list[str]:
    return run_lines("diff", *arguments, "--steps", "--no-verify", "--format", "ascii")


def run_lines(*arguments: str) -> list[str]:
    output = CliRunner().invoke(main, arguments).output
    return [line.strip() for line in output.split("\n\n", 1)[1].splitlines()]


def test_a_jacobian_is_read_off_vec() -> None:
    assert lines("A*X*B", "X") == [
        "d(A*X*B) = A*dX*B  (product rule; A, B constant; Course notes, theorem 2)",
        "vec(A*dX*B) = kron(B', A)*vec(dX)  (vec of a product; Course notes, proposition 21)",
        "jacobian = kron(B', A)  (Jacobian; vec(df) = jacobian*vec(dX))",
    ]


def test_a_hessian_is_the_differential_of_the_gradient() -> None:
    found = lines("x'*A*x", "x", "--order", "2")
    assert found[3:] == [
        "gradient = (A + A')*x  (gradient; df = dot(gradient, dx))",
        "d((A + A')*x) = (A + A')*dx  (product rule; A constant)",
        "d_(d(x'*A*x)) = dot(d((A + A')*x), dx_)  "
        "(second differential; d_(df) = dot(d(gradient), dx_); Course notes, section 14)",
        "d_(d(x'*A*x)) = dx'*(A + A')*dx_  (collect)",
        "hessian = A + A'  (Hessian; d(gradient) = hessian*dx)",
    ]


def test_the_hessian_of_a_matrix_is_read_off_vec() -> None:
    found = lines("logdet(A)", "A", "--form", "hessian")
    assert "vec(dA') = K(n,n)*vec(dA)  (commutation matrix; Magnus & Neudecker 1979)" in found
    assert found[-1].startswith(
        "hessian = -kron(inv(A), inv(A)')*K(n,n)  (Hessian; vec(d(gradient)) = hessian*vec(dA))"
    )


def test_the_product_of_hessian_and_direction_ends_its_derivation() -> None:
    found = lines("norm2(A*x - b)^2", "x", "--form", "hessian-operator")
    assert found[-1] == "hessian operator = 2*A'*A*dx  (Hessian operator; hessian operator = d(gradient))"


def test_along_a_sphere_the_curvature_is_named() -> None:
    where = ("-w", "A: matrix(n,n) symmetric, u: vector(n) unit")
    found = lines("u'*A*u", "u", *where, "--form", "hessian-operator")
    assert found[-1].endswith("(projected, with the curvature; Absil, Mahony & Sepulchre 2008, section 5.3)")


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("unicode", "d(xᵀ A x) = ⟨(A + Aᵀ)x, dx⟩  (inner product; gᵀ dx = ⟨g, dx⟩;"),
        ("ascii", "d(x'*A*x) = dot((A + A')*x, dx)  (inner product; g'*dx = dot(g, dx);"),
        (
            "latex",
            r"\mathrm{d}(x^\top A x) = \langle (A + A^\top) x, \mathrm{d}x \rangle \quad \text{(inner product; }",
        ),
    ],
)
def test_the_steps_are_in_the_notation_that_is_asked_for(style: str, shown: str) -> None:
    found = run_lines("diff", "x'*A*x", "x", "--steps", "--no-verify", "--format", style)
    assert any(line.startswith(shown) for line in found), found


def test_constants_and_rules_have_their_usual_names() -> None:
    text = "\n".join(lines("norm2(A*x - b)^2", "x"))
    for words in ("(power rule)", "(sum rule; b constant", "(product rule; A constant", "(derivative of the norm"):
        assert words in text
    assert "(chain rule; derivative of cos)" in "\n".join(lines("cos(x'*x)", "x"))
    assert "tr(A*B) = tr(B*A)" in "\n".join(lines("tr(A^3)", "A"))


def test_a_transpose_goes_with_what_it_is_the_transpose_of() -> None:
    text = "\n".join(lines("tr(inv(Y - X*B)'*C*inv(Y - X*B))", "B"))
    assert "d(inv(Y - X*B)')" not in text
    assert "d(inv(Y - X*B)) = " in text


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (
            ("x'*A*x", "x", "--inner", "W", "-w", "W: matrix(n,n) spd"),
            "gradient = inv(W)*(A + A')*x  (gradient; df = gradient'*W*dx)",
        ),
        (
            ("logdet(S)", "S", "--free", "-w", "S: matrix(n,n) symmetric"),
            "gradient = duplication(n)'*vec(inv(S))  (gradient; vec(dS) = duplication(n)*vech(dS))",
        ),
        (
            ("inv(S)", "S", "--free", "-w", "S: matrix(n,n) symmetric"),
            "jacobian = -kron(inv(S), inv(S))*duplication(n)  (Jacobian; vec(dS) = duplication(n)*vech(dS))",
        ),
        (
            ("A*x", "x", "--layout", "denominator"),
            "jacobian = A'  (Jacobian, transposed for the denominator layout; df = jacobian'*dx)",
        ),
        (
            ("tr(A*S)", "S", "-w", "A: matrix(n,n), S: matrix(n,n) symmetric"),
            "gradient = (A + A')/2  (gradient; df = dot(gradient, dS))",
        ),
    ],
    ids=["inner", "free", "free Jacobian", "denominator", "symmetric"],
)
def test_a_derivation_ends_with_the_form_that_is_printed(arguments: tuple[str, ...], last: str) -> None:
    assert lines(*arguments)[-1] == last
    printed = CliRunner().invoke(main, ("diff", *arguments, "--no-verify")).output
    assert last.split("  ")[0] in printed


def test_the_third_differential_is_told_too() -> None:
    D = mc.differentiate("tr(X^3)", "X")
    steps = D.derivation_of("third_differential")
    assert steps[-1].before == "d__(d_(d(tr(X^3))))"
    assert_true(D, steps)


def test_a_document_has_the_steps_in_every_notation() -> None:
    asked = ("diff", "x'*A*x", "x", "--steps", "--no-verify", "--format", "json")
    step = json.loads(CliRunner().invoke(main, asked).output)["derivation"][-1]
    assert step["unicode"] == "∇f = (A + Aᵀ)x"
    assert step["latex"] == r"\nabla f = (A + A^\top) x"
    assert (step["before"], step["after"], step["rule"]) == ("gradient", "(A + A')*x", "gradient")
