"""Checkers of derivatives side by side, on right derivatives that get rejected and wrong ones that get accepted.

    python benchmarks/checkers.py                 the table; the others are installed into a temporary directory
    python benchmarks/checkers.py --into DIR      the same, into DIR, which is used again if it is there
    python benchmarks/checkers.py --json          the counts as one document

Of the eight cases the first five are those that the project's requirements state; the last three are added: a right
derivative of a function that changes fast, a direction that hides a mistake, and a constrained variable. Every
checker is asked at the same ten random points with its own defaults, in double precision:

* jax.test_util.check_grads(f, (x,), order=1), both modes; the claim is f's custom_jvp
* torch.autograd.gradcheck(f, (x,)), slow and fast mode; the claim is the backward pass of an autograd.Function
* scipy.optimize.check_grad(f, gradient, x), which returns ‖gradient − differences‖ and has no verdict. The rule used
  here: it accepts if that is at most 1e-6 max(1, ‖gradient‖). A matrix function is made a number, ⟨W, f(X)⟩, W random.
* matcalc by formula, mc.verify, at points of its own with ten seeds, and by callables, mc.verify_function

In the last case the variable is symmetric, so that the gradient must be. Only matcalc is told: the others have no
constrained variables, and for them the claim is the gradient of the same function of all matrices. That is
counted as wrong since it is the wrong answer to the question that was asked.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ["numpy", "scipy", "jax", "torch==2.13.0"]
POINTS = 10
OTHERS = {"jax": ["jax"], "torch": ["torch slow", "torch fast"], "scipy": ["scipy"]}
OURS = ["mc.verify", "verify_function"]
CHECKERS = [name for names in OTHERS.values() for name in names] + OURS
SCIPY_RULE = 1e-6
C = np.random.default_rng(7).standard_normal((4, 4))


@dataclass(frozen=True)
class Case:
    """A function and a claim about its derivative, for each module with NumPy's names, and as formulas.

    `jvp` is the claimed differential, `vjp` its adjoint; both take the module, the point and one more array.
    """

    name: str
    right: bool
    f: Callable[[Any, Any], Any]
    jvp: Callable[[Any, Any, Any], Any]
    vjp: Callable[[Any, Any, Any], Any]
    shape: tuple[int, ...]
    formula: str
    variable: str
    claim: str
    where: str | None = None
    scale: float = 1.0
    symmetric: bool = False

    def point(self, k: int) -> Any:
        """The k-th random point."""
        x = np.asarray(np.random.default_rng((k, *self.shape)).standard_normal(self.shape) * self.scale)
        return (x + x.T) / 2 if self.symmetric else x


def minus_inverse_on_both_sides(inverse: Any, D: Any) -> Any:
    """−A⁻¹ dA A⁻¹; its adjoint is the same with A⁻ᵀ."""
    return -inverse @ D @ inverse


CASES = [
    Case(
        "inv(A), A of size 1e-6: −inv(A) dA inv(A)",
        True,
        f=lambda xp, A: xp.linalg.inv(A),
        jvp=lambda xp, A, D: minus_inverse_on_both_sides(xp.linalg.inv(A), D),
        vjp=lambda xp, A, W: minus_inverse_on_both_sides(xp.linalg.inv(A).T, W),
        shape=(4, 4),
        scale=1e-6,
        formula="inv(1e-6*A)",
        variable="A",
        claim="-1e6*inv(A)*dA*inv(A)",
    ),
    Case(
        "1e8 + x'x: 2x",
        True,
        f=lambda xp, x: 1e8 + x @ x,
        jvp=lambda xp, x, d: 2 * x @ d,
        vjp=lambda xp, x, w: w * 2 * x,
        shape=(5,),
        formula="100000000 + x'*x",
        variable="x",
        claim="2*x",
    ),
    Case(
        "x'x: 2.00002 x, off by 1e-5",
        False,
        f=lambda xp, x: x @ x,
        jvp=lambda xp, x, d: 2.00002 * x @ d,
        vjp=lambda xp, x, w: w * 2.00002 * x,
        shape=(5,),
        formula="x'*x",
        variable="x",
        claim="2.00002*x",
    ),
    Case(
        "1e-9 x'x: 0",
        False,
        f=lambda xp, x: 1e-9 * (x @ x),
        jvp=lambda xp, x, d: 0 * x @ d,
        vjp=lambda xp, x, w: w * 0 * x,
        shape=(5,),
        formula="1e-9*x'*x",
        variable="x",
        claim="0*x",
    ),
    Case(
        "A², 30×30: A dA + dA A, off by 0.5 %",
        False,
        f=lambda xp, A: A @ A,
        jvp=lambda xp, A, D: 1.005 * (A @ D + D @ A),
        vjp=lambda xp, A, W: 1.005 * (A.T @ W + W @ A.T),
        shape=(30, 30),
        formula="A^2",
        variable="A",
        claim="1.005*(A*dA + dA*A)",
        where="A: matrix(30,30)",
    ),
    Case(
        "sin(1000 s): 1000 cos(1000 s)",
        True,
        f=lambda xp, s: xp.sin(1000 * s),
        jvp=lambda xp, s, d: 1000 * xp.cos(1000 * s) * d,
        vjp=lambda xp, s, w: 1000 * xp.cos(1000 * s) * w,
        shape=(),
        formula="sin(1000*s)",
        variable="s",
        claim="1000*cos(1000*s)",
        where="s: scalar",
    ),
    Case(
        "A²: 2 A dA",
        False,
        f=lambda xp, A: A @ A,
        jvp=lambda xp, A, D: 2 * A @ D,
        vjp=lambda xp, A, W: 2 * A.T @ W,
        shape=(4, 4),
        formula="A^2",
        variable="A",
        claim="2*A*dA",
    ),
    Case(
        "tr(C S), S symmetric: C'",
        False,
        f=lambda xp, S: (same_kind(xp, C.T) * S).sum(),
        jvp=lambda xp, S, D: (same_kind(xp, C.T) * D).sum(),
        vjp=lambda xp, S, w: w * same_kind(xp, C.T),
        shape=(4, 4),
        symmetric=True,
        formula="tr(C*S)",
        variable="S",
        claim="C'",
        where="C: matrix(n,n), S: matrix(n,n) symmetric",
    ),
]
STATED = 5


def same_kind(xp: Any, array: Any) -> Any:
    """A constant as the module's own array; NumPy's serve JAX."""
    return xp.tensor(array) if hasattr(xp, "tensor") else array


# ---- the checkers: each returns, by checker and case, whether it accepts at each point --------------------------

Answers = dict[str, list[list[bool | None]]]


def jax_answers() -> Answers:
    """JAX's check_grads, in double precision."""
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def accepts(case: Case, x: Any) -> bool:
        f = jax.custom_jvp(lambda x: case.f(jnp, x))
        f.defjvp(lambda primals, tangents: (f(*primals), case.jvp(jnp, *primals, *tangents)))
        try:
            check_grads(f, (jnp.asarray(x),), order=1)
        except AssertionError:
            return False
        return True

    return {"jax": [[accepts(case, case.point(k)) for k in range(POINTS)] for case in CASES]}


def torch_answers() -> Answers:
    """PyTorch's gradcheck, in both modes."""
    import torch
    from torch.autograd import gradcheck
    from torch.autograd.gradcheck import GradcheckError

    def accepts(case: Case, x: Any, fast: bool) -> bool:
        class Claimed(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return case.f(torch, x)

            @staticmethod
            def backward(ctx: Any, w: Any) -> Any:
                return case.vjp(torch, *ctx.saved_tensors, w)

        torch.manual_seed(0)
        try:
            return bool(gradcheck(Claimed.apply, (torch.tensor(x, requires_grad=True),), fast_mode=fast))
        except GradcheckError:
            return False

    return {
        name: [[accepts(case, case.point(k), fast) for k in range(POINTS)] for case in CASES]
        for name, fast in (("torch slow", False), ("torch fast", True))
    }


def scipy_answers() -> Answers:
    """SciPy's check_grad with the rule stated above."""
    from scipy.optimize import check_grad

    def accepts(case: Case, x: Any) -> bool:
        W = np.random.default_rng(1).standard_normal(np.shape(case.f(np, x)))

        def number(flat: Any) -> float:
            return float(np.sum(W * case.f(np, flat.reshape(case.shape))))

        def gradient(flat: Any) -> Any:
            return np.ravel(case.vjp(np, flat.reshape(case.shape), W))

        error = check_grad(number, gradient, np.ravel(x))
        return bool(error <= SCIPY_RULE * max(1.0, np.linalg.norm(gradient(np.ravel(x)))))

    return {"scipy": [[accepts(case, case.point(k)) for k in range(POINTS)] for case in CASES]}


def our_answers() -> Answers:
    """matcalc's two checks; an inconclusive one is None."""
    import matcalc as mc

    answers = {"verified": True, "refuted": False, "inconclusive": None}

    def by_formula(case: Case, k: int) -> bool | None:
        report = mc.verify(case.formula, case.variable, claim=case.claim, where=case.where, seed=k)
        return answers[report.verdict]

    def by_callables(case: Case, k: int) -> bool | None:
        def symmetric(X: Any, V: Any) -> Any:
            return (V + V.T) / 2

        report = mc.verify_function(
            lambda x: case.f(np, x),
            lambda x, w: case.vjp(np, x, w),
            case.point(k),
            kind="vjp",
            tangent=symmetric if case.symmetric else None,
            seed=k,
        )
        return answers[report.verdict]

    return {
        name: [[accepts(case, k) for k in range(POINTS)] for case in CASES]
        for name, accepts in zip(OURS, (by_formula, by_callables), strict=True)
    }


WORKERS = {"jax": jax_answers, "torch": torch_answers, "scipy": scipy_answers, "matcalc": our_answers}


# ---- the table -----------------------------------------------------------------------------------------------


def environment(folder: Path) -> Path:
    """The interpreter of an environment of its own with the other checkers, made if it is not there."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def ask(python: Path, worker: str) -> Any:
    """What a process with that interpreter answers for a worker."""
    command = [str(python), __file__, "--worker", worker]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def all_answers(folder: Path) -> tuple[Answers, dict[str, str]]:
    """The answers of all checkers, and the versions of the packages."""
    python = environment(folder)
    answers: Answers = {}
    for worker in OTHERS:
        answers |= ask(python, worker)
    answers |= ask(Path(sys.executable), "matcalc")
    return answers, ask(python, "versions")


def versions() -> dict[str, str]:
    """The versions of the other checkers' packages."""
    from importlib.metadata import version

    return {name: version(name) for name in OTHERS}


def cell(answers: list[bool | None], right: bool) -> str:
    """What a checker says most often, and at how many points that is right."""
    words = {True: "accepts", False: "rejects", None: "open"}
    most = max(words, key=answers.count)
    count = answers.count(right)
    return f"{words[most]} {'✓' if count == len(answers) else '✗'} {count}/{len(answers)}"


def table(answers: Answers) -> list[str]:
    """The rows of the table, in Markdown."""
    rows = ["| case: claim | is | " + " | ".join(CHECKERS) + " |", "|---" * (len(CHECKERS) + 2) + "|"]
    for i, case in enumerate(CASES):
        cells = [cell(answers[name][i], case.right) for name in CHECKERS]
        rows.append(f"| {case.name} | {'right' if case.right else 'wrong'} | " + " | ".join(cells) + " |")
    totals = [sum(set(answers[name][i]) == {case.right} for i, case in enumerate(CASES)) for name in CHECKERS]
    rows.append(f"| right at all {POINTS} points | | " + " | ".join(f"{n} of {len(CASES)}" for n in totals) + " |")
    return rows


def main() -> None:
    """Print the table, or one document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, help="the directory of the environment for the other checkers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=[*WORKERS, "versions"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(versions() if options.worker == "versions" else WORKERS[options.worker]()))
        return
    if options.into:
        answers, known = all_answers(options.into)
    else:
        with tempfile.TemporaryDirectory() as folder:
            answers, known = all_answers(Path(folder))
    if options.json:
        print(json.dumps({"answers": answers, "versions": known}))
        return
    print(*table(answers), sep="\n")
    print(f"\nThe first {STATED} cases are stated in the requirements, the others added; each at {POINTS} points.")
    print("In the last case only matcalc is told that S is symmetric.")
    print(", ".join(f"{name} {number}" for name, number in known.items()))


if __name__ == "__main__":
    main()
