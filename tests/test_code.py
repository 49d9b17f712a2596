"""Generated code: it computes what the formula says, reads well, and tests itself."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import matcalc as mc
from matcalc.commands import main

HAS_SCIPY = importlib.util.find_spec("scipy") is not None

# What has no code of its own in a language is refused by name.
UNWRITTEN = "no code is written for"


def function_of(source: str, name: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated", "exec"), namespace)
    return namespace[name]


def test_code_is_what_an_expert_writes() -> None:
    source = mc.code(
        "logdet(K) + y'*inv(K)*y",
        "K",
        where="K: matrix(n,n) spd, y: vector(n)",
        with_=("f", "gradient"),
        name="evidence",
    )
    body = source[source.rindex('"""') + 4 :]
    assert body == (
        "    n = y.shape[0]\n"
        "    K_factor = cho_factor(K, lower=True)\n"
        "    u = cho_solve(K_factor, y)\n"
        "    f = y @ u + 2 * np.log(np.diag(K_factor[0])).sum()\n"
        "    gradient = cho_solve(K_factor, np.eye(n)) - np.outer(u, u)\n"
        "    return f, gradient\n"
    )


@pytest.mark.parametrize(
    ("formula", "variables", "where", "parts"),
    [
        ("norm2(A*x - b)^2", "x", None, ("f", "gradient", "hessian", "hvp")),
        (
            "logdet(S) + tr(inv(S)*C)",
            "S",
            "S: matrix(n,n) spd, C: matrix(n,n) symmetric",
            ("gradient", "hvp", "hessian"),
        ),
        ("c'*inv(A + diag(p))*b", ("p", "A"), "b, c, p: vector(n), A: matrix(n,n)", ("f", "gradient")),
        ("norm2(U*V' - T)^2", ("U", "V"), "U: matrix(m,k), V: matrix(n,k)", ("f", "gradient", "hvp")),
        ("tanh(A*x + b)", "x", "A: matrix(m,n), x: vector(n), b: vector(m)", ("f", "jacobian", "differential")),
        ("sum(softplus(-y.*(X*w)))", "w", "X: matrix(m,n), y: vector(m)", ("f", "gradient", "hessian", "hvp")),
    ],
)
def test_the_self_test_passes(
    tmp_path: Path, formula: str, variables: Any, where: str | None, parts: tuple[str, ...]
) -> None:
    source = mc.code(formula, variables, where=where, with_=parts, check=True, scipy=HAS_SCIPY)
    file = tmp_path / "generated.py"
    file.write_text(source, encoding="utf-8")
    run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("verified\n")


@pytest.mark.parametrize("target", ["numpy", "matlab"])
def test_the_self_test_meets_kinks(tmp_path: Path, target: str) -> None:
    """Where a function takes numbers of both signs, the points have both: a gradient without its kinks is refuted."""
    source = mc.code("sum(relu(W*x + b))", "W", where="b: vector(m)", with_="gradient", check=True, target=target)
    assert ("rng.choice([-1.0, 1.0]" if target == "numpy" else "sign(rand(") in source
    logarithm = mc.code("sum(log(x))", "x", with_="gradient", check=True, target=target)
    assert ("rng.choice" if target == "numpy" else "sign(") not in logarithm
    if target == "numpy":
        file = tmp_path / "generated.py"
        wrong = source.replace("np.heaviside(W @ x + b, 0.5)", "np.ones(len(b))")
        assert wrong != source
        for text, verdict in ((source, "verified"), (wrong, "REFUTED")):
            file.write_text(text, encoding="utf-8")
            run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
            assert run.stdout.endswith(f"{verdict}\n"), run.stdout + run.stderr


def test_code_keeps_the_names_and_the_order_of_the_text() -> None:
    source = mc.code("let z = W*x + b; h = relu(z) in norm2(h - y)^2", ["W", "b"], where="b: vector(m)", name="loss")
    assert "def loss(W, x, b, y):" in source
    assert "    z = W @ x + b\n    h = np.maximum(z, 0)\n" in source
    D = mc.differentiate("let r = A*x - b in norm2(r)^2", "x")
    assert "\n    r = A @ x - b\n" in mc.code(D)


def test_derivatives_on_free_entries() -> None:
    hessian = mc.differentiate("logdet(S)", "S", "S: matrix(n,n) spd", free=True).hessian
    S = np.array([[2.0, 1.0], [1.0, 3.0]])
    found = function_of(mc.code(hessian, name="f", scipy=False), "f")(S)
    assert np.allclose(found, hessian.evaluate({"S": S}))


def test_the_self_test_refutes_a_wrong_derivative(tmp_path: Path) -> None:
    source = mc.code("norm2(A*x - b)^2", "x", with_="gradient", check=True)
    file = tmp_path / "generated.py"
    file.write_text(source.replace("return 2 * (A.T", "return 3 * (A.T"), encoding="utf-8")
    run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stdout.endswith("REFUTED\n")


MISTAKES = [
    ("norm2(U*V' - T)^2", ("U", "V"), "hvp", "hvp_U", "7 * U"),
    ("norm2(U*V' - T)^2", ("U", "V"), "hvp", "hvp_V", "0 * V"),
    ("norm2(U*V' - T)^2", ("U", "V"), "hessian", "hessian_U_V", "0 * hessian_U_V"),
    ("norm2(U*V' - T)^2", ("U", "V"), "hessian", "hessian_V_U", "1.01 * hessian_V_U"),
    ("sum(log(1 .+ x.^4)) + x'*A*x", "x", "hessian", "hessian", "hessian + np.tri(len(x)) - np.tri(len(x)).T"),
    ("sum(log(1 .+ x.^4)) + x'*A*x", "x", "hvp", "hvp", "hvp + np.roll(x, 1) * np.mean(v) - x * np.mean(v) / 2"),
    ("x.^2", "x", "jacobian", "jacobian", "jacobian + np.eye(len(x), k=1)"),
    ("x'*y", ("x", "y"), "differential", "df", "1.001 * df"),
    ("x'*y", ("x", "y"), "gradient", "gradient_y", "gradient_y * np.nan"),
]


@pytest.mark.parametrize(("formula", "variables", "part", "name", "wrong"), MISTAKES)
def test_the_self_test_sees_every_derivative(
    tmp_path: Path, formula: str, variables: Any, part: str, name: str, wrong: str
) -> None:
    where = "A: matrix(n,n), x, y: vector(n), U: matrix(m,k), V: matrix(n,k)"
    source = mc.code(formula, variables, where=where, with_=("f", part), check=True, name="checked")
    head, _, test = source.partition("\n\n\ndef value_for")
    *lines, last = head.splitlines()
    outputs = re.findall(r"names = \[(.*)\]", test)[0].replace('"', "").split(", ")
    values = f"    {', '.join(outputs)} = {last.removeprefix('    return ')}"
    file = tmp_path / "generated.py"
    for change, verdict in (("", "verified"), (f"    {name} = {wrong}", "REFUTED")):
        text = "\n".join([*lines, values, change, f"    return {', '.join(outputs)}"])
        file.write_text(f"{text}\n\n\ndef value_for{test}", encoding="utf-8")
        run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
        assert run.stdout.endswith(f"{verdict}\n"), run.stdout + run.stderr


def test_names_of_users_become_identifiers() -> None:
    source = mc.code("lambda*x'*x", "x", where="lambda: scalar, x: vector(n)")
    assert "def f_and_gradient(lambda_, x):" in source
    f, gradient = function_of(source, "f_and_gradient")(2.0, np.array([1.0, 2.0]))
    assert f == 10
    assert gradient.tolist() == [4, 8]


def test_no_argument_is_called_like_a_function_of_the_code() -> None:
    source = mc.code("oriented'*leading_eigvec(S)", where="oriented: vector(n), S: matrix(n,n) symmetric", name="f")
    assert abs(function_of(source, "f")(oriented_=np.array([1.0, 2.0]), S=np.diag([1.0, 3.0])) - 2) < 1e-12


def test_rows_are_taken_in_either_form() -> None:
    f = function_of(mc.code("r*r'", where="r: row(n)", name="f"), "f")
    assert f(np.array([1.0, 2.0])) == f(np.array([[1.0, 2.0]])) == 5


def test_nothing_that_is_returned_shares_memory_with_an_argument() -> None:
    for text in ("A'", "A", "vec(A)", "diagonal(A)", "A[1,:]'"):
        A = np.ones((3, 3))
        found = function_of(mc.code(text, where="A: matrix(n,n)", name="g"), "g")(A)
        assert not np.shares_memory(found, A), text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x'*x", "x", "--target", "fortran"], "'fortran' is not one of"),
        (["x'*x", "x", "--with", "hessain"], "there is no 'hessain' to write"),
        (["x'*x", "--with", "gradient"], "the derivatives need a variable"),
        (["x'*x", "x", "--name", "2f"], "'2f' is no name for a function"),
        (["eigvecs(S)", "-w", "S: matrix(n,n) symmetric", "--target", "numpy", "--check"], "no derivative to check"),
        (["x'*x", "x", "-o", "/no/such/place/f.py"], "cannot write"),
    ],
)
def test_bad_requests_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["code", *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "loss.py"
    result = CliRunner().invoke(main, ["code", "norm2(A*x-b)^2", "x", "--with", "f,gradient", "-o", str(file)])
    assert (result.exit_code, result.output) == (0, "")
    f, gradient = function_of(file.read_text(encoding="utf-8"), "f_and_gradient")(np.eye(2), np.ones(2), np.zeros(2))
    assert (f, gradient.tolist()) == (2, [2, 2])


# ---- other languages ---------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "data" / "code"
ENDINGS = {"julia": "jl", "matlab": "m", "torch": "torch.txt", "jax": "jax.txt"}
CHECKED = "S: matrix(n,n) spd, C: matrix(n,n) symmetric"
PROBLEMS = {
    "least_squares": ("norm2(A*x - b)^2", "x", "A: matrix(m,n), x: vector(n), b: vector(m)"),
    "logistic": ("sum(softplus(-y.*(X*w)))", "w", "X: matrix(m,n), y: vector(m), w: vector(n)"),
    "evidence": ("(y'*inv(K)*y + logdet(K))/2", "K", "K: matrix(n,n) spd, y: vector(n)"),
    "adjoint_solve": ("c'*inv(A + diag(p))*b", "p", "A: matrix(n,n), b, c, p: vector(n)"),
    "cross_entropy": ("logsumexp(W*x) - y'*W*x", "W", "W: matrix(k,n), x: vector(n), y: vector(k)"),
    "sum_over_index": ("sum(i, 1, n, 2^(-i)*logdet(A + x[i]*B))", "x", "A, B: matrix(n,n), x: vector(n)"),
    "row": ("norm2(A - b*r)^2", "r", "A: matrix(m,n), b: vector(m), r: row(n)"),
    "eigenvalue": ("lambda_max(S)", "S", "S: matrix(n,n) symmetric"),
    "largest_residual": ("norminf(A*x - b)^2", "x", "A: matrix(m,n), x: vector(n), b: vector(m)"),
    "determinant": ("logdet(A) + det(A) + x'*inv(A)*x", "A", "A: matrix(n,n), x: vector(n)"),
}


def written(problem: str, target: str) -> str:
    formula, variable, where = PROBLEMS[problem]
    parts = ("f", "gradient") if problem == "eigenvalue" else ("f", "gradient", "hvp")
    return mc.code(formula, variable, where=where, target=target, with_=parts, name=problem)


def checked(target: str) -> str:
    parts = ("f", "gradient", "hessian", "hvp")
    return mc.code("logdet(S)/2 + tr(inv(S)*C)", "S", where=CHECKED, target=target, with_=parts, check=True)


@pytest.mark.parametrize("target", ENDINGS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_other_languages_are_written_as_they_were(problem: str, target: str) -> None:
    # After a change: python tests/test_code.py writes the files again, to be read before they are committed.
    assert written(problem, target) == (GOLDEN / f"{problem}.{ENDINGS[target]}").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ENDINGS)
def test_self_tests_are_written_as_they_were(target: str) -> None:
    assert checked(target) == (GOLDEN / f"checked.{ENDINGS[target]}").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["numpy", "julia"])
def test_no_line_of_the_documentation_is_too_long(target: str) -> None:
    text = "sum(exp(A*B*x + C*D*y)) + logdet(A*A' + B'*B + eye) + norm2(C*D*y - x)^2*tr(A*B*C*D)"
    where = "A: matrix(n,k), B: matrix(k,n), C: matrix(n,m), D: matrix(m,n), x, y: vector(n)"
    source = mc.code(text, ("A", "B", "C", "D", "x"), where=where, target=target, with_=("f", "gradient"))
    head = source.partition("flops")[0].splitlines()
    assert len(head) > 15
    assert max(map(len, head)) <= 104, max(head, key=len)


def test_the_code_of_a_deep_network_is_linear_in_its_depth() -> None:
    def lines(depth: int) -> int:
        W, x = mc.variables("W: matrix(n,n), x: vector(n)")
        for _ in range(depth):
            x = mc.functions.tanh(W @ x)
        return len(mc.code(mc.gradient(x.T @ x, "W")).splitlines())

    assert lines(80) < 2.2 * lines(40)


if __name__ == "__main__":
    for one in PROBLEMS:
        for language, ending in ENDINGS.items():
            (GOLDEN / f"{one}.{ending}").write_text(written(one, language), encoding="utf-8")
    for language, ending in ENDINGS.items():
        (GOLDEN / f"checked.{ending}").write_text(checked(language), encoding="utf-8")
