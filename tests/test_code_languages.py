"""Code in every language that is at hand is run, on the corpus, on every operation and on every function.

NumPy is always there. The tests of SciPy, JAX, PyTorch and Octave are skipped where these are not installed;
`.ci/run` installs them.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from test_code import UNWRITTEN, function_of
from test_corpus import CASES, derivative, draws, relative_error

import matcalc as mc
from matcalc.function_table import FUNCTIONS
from matcalc.source_code import requested

# The corpus states its answers to this relative error; evaluate() and the code differ by the condition number's worth.
TOLERANCE = 1e-8
CLOSE = 1e-10

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
INSTALLED = {
    "numpy": True,
    "scipy": importlib.util.find_spec("scipy") is not None,
    "jax": importlib.util.find_spec("jax") is not None,
    "torch": importlib.util.find_spec("torch") is not None,
    "octave": OCTAVE is not None,
}
TARGETS = {"scipy": "numpy", "octave": "matlab"}

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """A function to be written and run: what it is written from, its arguments, and what it must return."""

    name: str
    formula: Any
    request: Mapping[str, Any]
    points: Sequence[Arrays]
    expected: Sequence[Sequence[np.ndarray]]
    frozen: Sequence[np.ndarray] = ()
    variables: Any = None

    def source(self, language: str, name: str) -> str:
        target = TARGETS.get(language, language)
        return mc.code(
            self.formula, self.variables, target=target, name=name, scipy=language != "numpy", **self.request
        )


# ---- the corpus --------------------------------------------------------------------------------------------


def of_the_corpus(case: Any) -> Task:
    answer = derivative(case)
    points, frozen = zip(*draws(case), strict=True)
    expected = [[np.asarray(answer.evaluate(point))] for point in points]
    return Task(f"corpus-{case['id']}", answer, {}, points, expected, frozen)


# ---- every operation, and derivatives together -------------------------------------------------------------

SIZES = {"m": 5, "n": 4, "k": 3}
WHERE = (
    "A: matrix(m,n), B: matrix(m,n), C: matrix(n,n), D: matrix(n,n), P: matrix(n,n) spd, S: matrix(n,n) symmetric, "
    "L: matrix(n,n) lower, R: matrix(n,n) upper, G: matrix(n,n) diagonal, W: matrix(n,k), x: vector(n), y: vector(n), "
    "b: vector(m), r: row(n), s: scalar, t: scalar, p: scalar integer"
)


def point(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    m, n, k = SIZES.values()

    def square() -> np.ndarray:
        return rng.uniform(0.1, 0.9, (n, n)) + np.diag(np.arange(1.0, n + 1))

    P, S = square(), square()
    matrices = {name: rng.uniform(0.1, 0.9, shape) for name, shape in (("A", (m, n)), ("B", (m, n)), ("W", (n, k)))}
    vectors = {name: rng.uniform(0.1, 0.9, shape) for name, shape in (("x", n), ("y", n), ("b", m), ("r", (1, n)))}
    squares = {"C": square(), "D": square(), "P": P @ P.T, "S": S + S.T}
    triangles = {"L": np.tril(square()), "R": np.triu(square()), "G": np.diag(np.diag(square()))}
    return {**matrices, **vectors, **squares, **triangles, "s": 0.7, "t": 1.3, "p": 2.0}


OPERATIONS = (
    "pi*x + exp(pi)*x + log(3)*x",
    "sqrt(2)*x + 2^s*x + s^t*x + (-s)^3*x",
    "x.^p + 2.^x + x.^y + x.^(-2) + x.^(5/2)",
    "ones(m,n)/3 - A",
    "x'*x*eye(n)",
    "diag(x)*C + C*diag(y)",
    "diag(x)*C*diag(y)",
    "(C + s*eye(n))*x + (eye(n) - C)*y",
    "C + diag(x) + eye(n)",
    "x*ones(1,n) + ones(n,1)*y'",
    "(A*x - b)*(A*x - b)'",
    "exp(x*ones(1,n)).*C",
    "A./B + 1./A - A.*B",
    "-s*x - x/t",
    "-(A/3)",
    "sigmoid(C*x).*y",
    "log(1 .+ exp(A))",
    "softplus(-x)",
    "softmax(A'*b)",
    "logsumexp(x)",
    "log(exp(A)*ones(n,1))",
    "softmax(A, 1) + softmax(A, 2)",
    "softmax(C*D', 2)'*C + softmax(A', 1)*A",
    "logsumexp(A, 1)*x + logsumexp(A, 2)'*b",
    "log(softmax(A, 1)) + log(softmax(A, 2))",
    "log(softmax(C*x))",
    "log(1 .+ x) + (exp(y) - ones(n,1))",
    "norm2(x)*norm2(A)*norm2(A - B)^2",
    "tr(A'*B) + tr(C) + tr(C*D) + sum(A)",
    "sum(A.*B.*B) + sum(x) + x'*x + x'*y",
    "sum(A,1)",
    "A*ones(n,1)",
    "diagonal(C*D) + diagonal(C)",
    "vec(A*C)",
    "unvec(vec(A), m, n) + unvec(kron(x, b), m, n)",
    "kron(A, W)",
    "kron(x, A) + kron(x, B)",
    "kron(r, W)",
    "kron(x, y)",
    "kron(C, D')*kron(x, y)",
    "kron(eye(n), C)*kron(D, eye(n))",
    "kron(C, eye(k))*kron(x, W'*C)",
    "kron(eye(k), C)*vec(W)",
    "K(m,n)*sum(A)",
    "K(m,n)*vec(A) + vec(B')",
    "elimination(n)*kron(C, D)*duplication(n)",
    "K(n,n)*kron(C, D)",
    "kron(C, D)*K(n,n)",
    "x[2] + x[p] + A[2,3] + A[p,1]",
    "A[:,2] + A[:,p]",
    "A[1,:] + A[p,:]",
    "C[2,:]*x",
    "[A; x']",
    "[C x; y' s]",
    "[A B; B A]",
    "[x; b; s]",
    "tril(C) + triu(D)",
    "inv(C)*x + inv(C)'*y",
    "inv(C)",
    "inv(C)*D + (inv(C)*D)'",
    "inv(P)*x",
    "inv(P)",
    "inv(W'*W)*W'*x",
    "inv(L)*x + inv(L)'*y",
    "inv(R)*x + inv(R)'*y",
    "inv(L)",
    "inv(G)*x",
    "logdet(P) + x'*inv(P)*x + det(P)",
    "logdet(C) + x'*inv(C)*x + det(C) + logabsdet(C)",
    "logabsdet(C - 7*eye(n))*det(C - 7*eye(n))",
    "logabsdet(C - 7*eye(n)) + x'*inv(C - 7*eye(n))*y + det(C - 7*eye(n))",
    "logdet(C*C) + det(D)",
    "logdet(S) + x'*inv(S)*y + det(S)",
    "logabsdet(S - 9*eye(n)) + x'*inv(S - 9*eye(n))*y",
    "inv(S) + inv(S - 9*eye(n))*D",
    "C^3*x + D^5*y",
    "C^3 + inv(C)^2",
    "C^p",
    "adj(C)",
    "(C*inv(C) - eye(n) + x*y')*D",
    "adj(C - C*x*x'/(x'*x))",
    "sum(i, 1, n, logdet(C + x[i]*P)*2^(-i))",
    "sum(i, 1, n, exp(x[i]*D[i,1])*inv(C + i*eye(n)))",
    "sum(i, 1, n, sum(j, 1, i, sqrt(i + j)*expm(x[i]*x[j]*C/9)*y))",
    "sum(i, 0, p, tr(C^i*D)/gamma(i + 1))",
    "sum(i, 2, n, log(i)*C[i - 1,:]*inv(C + x[i]*P))",
)
TOGETHER = (
    ("norm2(A*x - b)^2", "x"),
    ("logdet(P) + tr(inv(P)*S)", "P"),
    ("x'*inv(C + diag(y))*x", "y"),
    ("sum(softplus(-b.*(A*x)))", "x"),
    ("logsumexp(C*x) - y'*C*x", "x"),
    ("logsumexp(C*x) - y'*C*x", "C"),
    ("sum(logsumexp(A*C, 2)) - tr(B'*A*C)", "C"),
    ("norm2(softmax(A*C, 2)*D - B)^2", "C"),
    ("-sum(abs(A).*log(softmax(A*C, 1)))", "C"),
    ("logdet(C) + det(C) + x'*inv(C)*x", "C"),
    ("norm2(A - b*r)^2/2 + s*norm2(r)^2", "r"),
    ("sum(tanh(W'*tanh(C*x)))", "C"),
    ("tr(expm(C/9))", "C"),
    ("s^4*norm2(x) + t*s", "s"),
    ("sum(i, 1, n, logdet(C + x[i]*P))", "C"),
    ("norm2(A*W*W' - B)^2", "W"),
)


def of_formula(text: str) -> Task:
    formula = mc.parse(text, where=WHERE)
    values = {name: point()[name] for name in formula.variables}
    # the sizes come from the arguments, all of which the function is given
    return Task(f"formula-{text}", formula, {}, [values], [[np.asarray(formula.evaluate(values))]])


def of_derivatives(text: str, variable: str) -> Task:
    parts = ("f", "gradient", "hessian", "hvp")
    wanted = requested(text, variable, parts, WHERE, None)
    values = {v.name: point(1).get(v.name) for v in wanted.arguments}
    for direction in wanted.outputs[-1].directions:
        values[direction.name] = point(2)[variable]
    expected = [np.asarray(o.expression.evaluate(values)) for o in wanted.outputs]
    request = {"where": WHERE, "with_": parts}
    return Task(f"together-{text}-{variable}", text, request, [values], [expected], (), variable)


FREE = (("logdet(S) + tr(S*C*S)", "S"), ("tr(inv(P)*C)", "P"))


def of_free_entries(text: str, variable: str) -> Task:
    """The Hessian in the free entries of a symmetric matrix, with a duplication matrix on either side."""
    hessian = mc.differentiate(text, variable, WHERE, free=True).hessian
    values = {name: point()[name] for name in hessian.variables}
    return Task(f"free-{text}", hessian, {}, [values], [[np.asarray(hessian.evaluate(values))]])


def of_function(name: str) -> Task:
    """A function of arguments that its signature takes."""
    arguments = {"(1,1)": "s", "(n,1)": "x", "(m,n)": "A", "(n,n)": "C", "(m,m)": "D", "(m*n,1)": "vec(A)"}
    words = FUNCTIONS[name].signature.split("->")[0].split()
    takes = FUNCTIONS[name].takes
    if takes in ("symmetric", "spd"):
        arguments["(n,n)"] = {"symmetric": "S", "spd": "P"}[takes]
    special = {
        "arccosh": "arccosh(ones(m,n) + A)",
        "polygamma": "polygamma(2, A)",
        "unvec": "unvec(vec(A), m, n)",
        "sylvester": "sylvester(C, P, D)",
        "outer": "outer(x, b)",
        "dot": "dot(A, B)",
        "kron": "kron(A, W)",
        "max": "max(A, B)",
        "min": "min(A, B)",
    }
    pieces = [arguments.get(w, "C") for w in words]
    return of_formula(special.get(name) or f"{name}({', '.join(pieces)})")


NAMED = [name for name, row in FUNCTIONS.items() if not row.named and not name.endswith("rearrange")]
TASKS: dict[str, Callable[[], Task]] = {
    **{f"corpus-{case['id']}": lambda case=case: of_the_corpus(case) for case in CASES},
    **{f"formula-{text}": lambda text=text: of_formula(text) for text in OPERATIONS},
    **{f"function-{name}": lambda name=name: of_function(name) for name in NAMED},
    **{f"free-{text}": lambda text=text, x=x: of_free_entries(text, x) for text, x in FREE},
    **{f"together-{text}-{x}": lambda text=text, x=x: of_derivatives(text, x) for text, x in TOGETHER},
}


@cache
def task_of(name: str) -> Task:
    return TASKS[name]()


@cache
def source_of(name: str, language: str) -> str:
    """The source text of a task, or what it is refused with."""
    try:
        return task_of(name).source(language, f"answer{list(TASKS).index(name)}")
    except mc.MatcalcError as error:
        assert error.message.startswith(UNWRITTEN)
        return error.message


# What has no code of its own, by language: evaluate() and mc.compile() compute it.
REFUSED = {
    "numpy": {"erf", "gamma", "loggamma", "polygamma", "sqrtm", "dsqrtm", "logm", "dlogm"},
    "scipy": set(),
    "jax": {"logm", "dlogm"},
    "torch": {"sqrtm", "dsqrtm", "logm", "dlogm"},
    "octave": set(),
    "julia": set(),
}


@pytest.mark.parametrize("language", REFUSED)
def test_what_is_refused_is_named(language: str) -> None:
    sources = [source_of(name, language) for name in TASKS]
    messages = [s.removeprefix(UNWRITTEN).removesuffix("in NumPy alone") for s in sources if s.startswith(UNWRITTEN)]
    assert {m.strip() for m in messages} == REFUSED[language]
    assert not any(source_of(f"corpus-{case['id']}", language).startswith(UNWRITTEN) for case in CASES)


@pytest.mark.parametrize("language", INSTALLED)
def test_the_language_is_at_hand(language: str) -> None:
    if not INSTALLED[language]:
        pytest.skip(f"{language} is not installed, and what is written for it is not run")


@pytest.mark.parametrize("language", [language for language, is_there in INSTALLED.items() if is_there])
@pytest.mark.parametrize("name", TASKS)
def test_the_code_computes_what_the_formula_says(name: str, language: str, octave: "Octave") -> None:
    source, task = source_of(name, language), task_of(name)
    if source.startswith(UNWRITTEN):
        pytest.skip(source)
    answers = octave.answers(name) if language == "octave" else answers_in_python(name, language)
    assert len(answers) == len(task.points)
    for found, expected in zip(answers, task.expected, strict=True):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert difference(one, other) < CLOSE, source
    for found, other in zip(answers, task.frozen, strict=False):
        assert relative_error(found[0], other) < TOLERANCE, source


def difference(found: Any, expected: np.ndarray) -> float:
    """The relative error; of what is nothing, the absolute one."""
    if not np.any(expected):
        expected, found = expected + 1, np.asarray(found) + 1
    return relative_error(found, expected)


# ---- Python ------------------------------------------------------------------------------------------------


def answers_in_python(name: str, language: str) -> list[list[np.ndarray]]:
    source = source_of(name, language)
    function = function_of(source, re.search(r"def (answer\d+)\(", source)[1])
    names = signature(function).parameters
    array = importlib.import_module("torch").tensor if language == "torch" else np.asarray
    static = ["p"] if language == "jax" and "p" in names else []  # an index is an integer of Python where JAX compiles
    if language == "jax":
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_disable_most_optimizations", True)  # a compiled function is called once or twice
        function = jax.jit(function, static_argnames=static)
    points = task_of(name).points
    found = [function(**{n: p[n] if n in static else array(np.asarray(p[n])) for n in names}) for p in points]
    return [[np.asarray(one) for one in (several if isinstance(several, tuple) else (several,))] for several in found]


# ---- Octave: one process runs everything, as it takes long to start -------------------------------------------


class Octave:
    """The answers of all tasks, from one script."""

    def __init__(self) -> None:
        self.found: dict[str, list[list[np.ndarray]]] = {}
        self.errors: dict[str, str] = {}
        self.has_run = False

    def answers(self, name: str) -> list[list[np.ndarray]]:
        if not self.has_run:
            self.has_run = True
            self.run()
        assert name not in self.errors, f"{self.errors[name]}\n{source_of(name, 'octave')}"
        return self.found[name]

    def run(self) -> None:
        names = [name for name in TASKS if not source_of(name, "octave").startswith(UNWRITTEN)]
        run = octave_run(script(names))
        for line in run.stdout.splitlines():
            number, draw, output, rows, columns, *words = line.split(" ")
            if rows == "error":
                self.errors[names[int(number)]] = line
                continue
            value = np.array([float(word) for word in words]).reshape(int(rows), int(columns), order="F")
            task = task_of(names[int(number)])
            shape = task.expected[int(draw)][int(output)].shape
            draws = self.found.setdefault(names[int(number)], [[] for _ in task.points])
            draws[int(draw)].append(
                value.reshape(shape) if value.size == np.prod(shape) and 1 in value.shape else value
            )
        assert set(names) == {*self.found, *self.errors}, run.stderr


SHOW = """
function show(label, value)
    printf("%s %d %d", label, rows(value), columns(value));
    printf(" %.17g", value);
    printf("\\n");
end
"""


def octave_run(text: str) -> subprocess.CompletedProcess[str]:
    assert OCTAVE is not None
    with TemporaryDirectory() as folder:
        file = Path(folder) / "generated.m"
        file.write_text(text, encoding="utf-8")
        command = [OCTAVE, "--norc", "--no-gui", "--quiet", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def script(names: Sequence[str]) -> str:
    """The functions, and then their calls."""
    functions, calls = [], []
    for i, name in enumerate(names):
        source = source_of(name, "octave")
        functions.append(source)
        call = re.search(r"function (\[.*\]|\w+) = (answer\d+)\((.*)\)", source)
        arguments = [a for a in call[3].split(", ") if a]
        for draw, point in enumerate(task_of(name).points):
            given = ", ".join(literal(point[a]) for a in arguments)
            count = len(task_of(name).expected[draw])
            lines = [f"[{', '.join(f'y{k}' for k in range(count))}] = {call[2]}({given});"]
            lines += [f"show('{i} {draw} {k}', y{k});" for k in range(count)]
            failure = f"printf(\"%s\\n\", strrep(['{i} {draw} 0 error 0 ' err.message], \"\\n\", ' '));"
            calls.append(f"try, {' '.join(lines)} catch err, {failure} end")
    return "\n".join(["1;", SHOW, *functions, *calls, ""])


def literal(value: Any) -> str:
    """A value as Octave reads it; a vector is a column."""
    value = np.asarray(value, dtype=float)
    if value.ndim == 0:
        return repr(float(value))
    return "[" + "; ".join(", ".join(map(repr, map(float, np.atleast_1d(row)))) for row in value) + "]"


@pytest.fixture(scope="module")
def octave() -> Octave:
    return Octave()


# ---- self-tests --------------------------------------------------------------------------------------------

CHECKED = (
    ("logdet(P) + tr(inv(P)*S)", "P", ("gradient", "hvp", "hessian")),
    ("norm2(A - b*r)^2/t", ("r", "t"), ("f", "gradient", "hvp")),
    ("norm2(A*x - b)^2", "x", ("f", "gradient", "hessian", "hvp")),
    ("t^2*tanh(A*x + b)", "t", ("f", "jacobian", "differential")),
    ("sum(i, 1, n, logdet(L*L' + x[i]*P))", "L", ("f", "gradient")),
)
COMMANDS = {"numpy": [sys.executable], "jax": [sys.executable], "torch": [sys.executable], "octave": [OCTAVE]}


def self_tested(folder: Path, language: str, source: str) -> subprocess.CompletedProcess[str]:
    file = folder / ("generated.m" if language == "octave" else "generated.py")
    file.write_text(source, encoding="utf-8")
    return subprocess.run([*COMMANDS[language], str(file)], capture_output=True, text=True, check=False)


# JAX and PyTorch take seconds to start
RUNS = [(i, language) for language in COMMANDS for i in range(2 if language in ("jax", "torch") else len(CHECKED))]


@pytest.mark.parametrize(("number", "language"), [(i, language) for i, language in RUNS if INSTALLED[language]])
def test_the_self_test_passes(tmp_path: Path, number: int, language: str) -> None:
    formula, variables, parts = CHECKED[number]
    target = TARGETS.get(language, language)
    source = mc.code(formula, variables, where=WHERE, with_=parts, check=True, target=target, scipy=False)
    run = self_tested(tmp_path, language, source)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "verified"


@pytest.mark.parametrize("language", [language for language in COMMANDS if INSTALLED[language]])
def test_the_self_test_refutes_a_wrong_derivative(tmp_path: Path, language: str) -> None:
    target = TARGETS.get(language, language)
    source = mc.code("norm2(A*x - b)^2", "x", with_="gradient", check=True, target=target)
    wrong = source.replace("2 * (A.", "3 * (A.")
    assert wrong != source
    run = self_tested(tmp_path, language, wrong)
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == "REFUTED"
