"""How fast compiled formulas run, beside NumPy written by hand.

    python benchmarks/run_time.py                all problems, n around 300 and 1000
    python benchmarks/run_time.py --quick        small sizes only
    python benchmarks/run_time.py a e            some of the problems
    python benchmarks/run_time.py --jax          beside JAX, compiled, in double precision, as well
    python benchmarks/run_time.py --json         the same figures as one document

Each problem is computed by `mc.compile`, by the text that `mc.code` writes, and by hand, in turns; the figures are
medians of `time.perf_counter` over interleaved runs. The values are compared first.
"""

import argparse
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import matcalc as mc

try:
    from scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve

    HAS_SCIPY = True
except ImportError:
    HAS_SCIPY = False

    def cho_factor(S, lower=True):
        return np.linalg.cholesky(S), S

    def cho_solve(factor, B):
        return np.linalg.solve(factor[1], B)

    def lu_factor(A):
        return A, A

    def lu_solve(factor, B, trans=0):
        return np.linalg.solve(factor[1].T if trans else factor[1], B)


SHORTEST = 1e-4
LIMITS = {"geometric mean": 1.10, "largest": 1.35}


class Problem:
    """A formula, the functions written by hand, by part, and the sizes."""

    def __init__(self, name, formula, variable, where, sizes, make, hand, large_hessian=True):
        self.name, self.formula, self.variable, self.where = name, formula, variable, where
        self.sizes, self.make, self.hand = sizes, make, hand
        self.large_hessian = large_hessian


def spd(rng, n):
    X = rng.standard_normal((n, n))
    return X @ X.T / n + np.eye(n)


# ---- written by hand ---------------------------------------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def quadratic():
    def f(A, x):
        return x @ (A @ x)

    def gradient(A, x):
        return A @ x + A.T @ x

    def both(A, x):
        Ax = A @ x
        return x @ Ax, Ax + A.T @ x

    def hvp(A, x, v):
        return A @ v + A.T @ v

    def hessian(A, x):
        return A + A.T

    return locals()


def least_squares():
    def f(A, x, b):
        r = A @ x - b
        return r @ r

    def gradient(A, x, b):
        return 2 * (A.T @ (A @ x - b))

    def both(A, x, b):
        r = A @ x - b
        return r @ r, 2 * (A.T @ r)

    def hvp(A, x, b, v):
        return 2 * (A.T @ (A @ v))

    def hessian(A, x, b):
        return 2 * (A.T @ A)

    return locals()


def logistic():
    def f(X, y, w):
        return np.logaddexp(0, -y * (X @ w)).sum()

    def gradient(X, y, w):
        return -(X.T @ (y * sigmoid(-y * (X @ w))))

    def both(X, y, w):
        z = -y * (X @ w)
        return np.logaddexp(0, z).sum(), -(X.T @ (y * sigmoid(z)))

    def hvp(X, y, w, v):
        s = sigmoid(y * (X @ w))
        return X.T @ (s * (1 - s) * y**2 * (X @ v))

    def hessian(X, y, w):
        s = sigmoid(y * (X @ w))
        Z = np.sqrt(s * (1 - s) * y**2)[:, None] * X
        return Z.T @ Z

    return locals()


def factorization():
    def f(U, V, T):
        R = U @ V.T - T
        return np.vdot(R, R)

    def gradient(U, V, T):
        return 2 * ((U @ V.T - T) @ V)

    def both(U, V, T):
        R = U @ V.T - T
        return np.vdot(R, R), 2 * (R @ V)

    def hvp(U, V, T, v):
        return 2 * (v @ (V.T @ V))

    return locals()


def gaussian_process():
    def f(K, y):
        c = cho_factor(K, lower=True)
        return y @ cho_solve(c, y) / 2 + np.log(np.diag(c[0])).sum()

    def gradient(K, y):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        return 0.5 * (cho_solve(c, np.eye(len(K))) - np.outer(a, a))

    def both(K, y):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        value = y @ a / 2 + np.log(np.diag(c[0])).sum()
        return value, 0.5 * (cho_solve(c, np.eye(len(K))) - np.outer(a, a))

    def hvp(K, y, v):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        P = cho_solve(c, v)
        Pa = P @ a
        aPa = np.outer(a, Pa)
        return 0.5 * (aPa + aPa.T - cho_solve(c, P.T))

    return locals()


def covariance():
    def f(S, C):
        c = cho_factor(S, lower=True)
        return 2 * np.log(np.diag(c[0])).sum() + np.trace(cho_solve(c, C))

    def gradient(S, C):
        c = cho_factor(S, lower=True)
        M = cho_solve(c, np.eye(len(S)))
        return M - M @ C @ M

    def both(S, C):
        c = cho_factor(S, lower=True)
        M = cho_solve(c, np.eye(len(S)))
        value = 2 * np.log(np.diag(c[0])).sum() + np.vdot(M, C)
        return value, M - M @ C @ M

    return locals()


def two_layers():
    def f(W1, W2, X, Y):
        R = W2 @ np.tanh(W1 @ X) - Y
        return np.vdot(R, R)

    def gradient(W1, W2, X, Y):
        H = np.tanh(W1 @ X)
        return 2 * (((W2.T @ (W2 @ H - Y)) * (1 - H**2)) @ X.T)

    def both(W1, W2, X, Y):
        H = np.tanh(W1 @ X)
        R = W2 @ H - Y
        return np.vdot(R, R), 2 * (((W2.T @ R) * (1 - H**2)) @ X.T)

    return locals()


def layers(count):
    def f(W, X, Y):
        H = X
        for _ in range(count):
            H = np.tanh(W @ H)
        return np.vdot(H - Y, H - Y)

    def gradient(W, X, Y):
        return both(W, X, Y)[1]

    def both(W, X, Y):
        H = [X]
        for _ in range(count):
            H.append(np.tanh(W @ H[-1]))
        R = H[-1] - Y
        G = 2 * R
        total = 0
        for i in range(count, 0, -1):
            D = G * (1 - H[i] ** 2)
            total = total + D @ H[i - 1].T
            G = W.T @ D if i > 1 else G
        return np.vdot(R, R), total

    return {"f": f, "gradient": gradient, "both": both}


def adjoint_solve():
    def f(A, p, b, c):
        return c @ lu_solve(lu_factor(A + np.diag(p)), b)

    def gradient(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        return -(lu_solve(F, b) * lu_solve(F, c, trans=1))

    def both(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        u = lu_solve(F, b)
        return c @ u, -(u * lu_solve(F, c, trans=1))

    def hvp(A, p, b, c, v):
        F = lu_factor(A + np.diag(p))
        u, r = lu_solve(F, b), lu_solve(F, c, trans=1)
        return r * lu_solve(F, u * v) + u * lu_solve(F, r * v, trans=1)

    def hessian(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        M = lu_solve(F, np.eye(len(p)))
        H = np.outer(c @ M, M @ b) * M
        return H + H.T

    return locals()


def inverse_gram():
    def f(X, B):
        return np.trace(cho_solve(cho_factor(X.T @ X, lower=True), B))

    def gradient(X, B):
        M = cho_solve(cho_factor(X.T @ X, lower=True), np.eye(len(B)))
        return -X @ (M @ (B + B.T) @ M)

    def both(X, B):
        M = cho_solve(cho_factor(X.T @ X, lower=True), np.eye(len(B)))
        return np.vdot(M, B.T), -X @ (M @ (B + B.T) @ M)

    return locals()


def cross_entropy():
    def f(X, W, Y):
        Z = X @ W
        top = Z.max(axis=1)
        return (np.log(np.exp(Z - top[:, None]).sum(axis=1)) + top).sum() - np.vdot(Y, Z)

    def gradient(X, W, Y):
        Z = X @ W
        E = np.exp(Z - Z.max(axis=1)[:, None])
        return X.T @ (E / E.sum(axis=1)[:, None] - Y)

    def both(X, W, Y):
        Z = X @ W
        top = Z.max(axis=1)
        E = np.exp(Z - top[:, None])
        sums = E.sum(axis=1)
        return (np.log(sums) + top).sum() - np.vdot(Y, Z), X.T @ (E / sums[:, None] - Y)

    def hvp(X, W, Y, v):
        Z = X @ W
        E = np.exp(Z - Z.max(axis=1)[:, None])
        P = E / E.sum(axis=1)[:, None]
        PV = P * (X @ v)
        return X.T @ (PV - P * PV.sum(axis=1)[:, None])

    return locals()


def one_sample():
    def f(W, x, y):
        z = W @ x
        top = z.max()
        return np.log(np.exp(z - top).sum()) + top - y @ z

    def gradient(W, x, y):
        z = W @ x
        e = np.exp(z - z.max())
        return np.outer(e / e.sum() - y, x)

    def both(W, x, y):
        z = W @ x
        top = z.max()
        e = np.exp(z - top)
        s = e.sum()
        return np.log(s) + top - y @ z, np.outer(e / s - y, x)

    def hvp(W, x, y, v):
        z = W @ x
        e = np.exp(z - z.max())
        p = e / e.sum()
        u = v @ x
        return np.outer(p * u - (p @ u) * p, x)

    return locals()


def chain_of_layers(count):
    text = "X"
    for _ in range(count):
        text = f"tanh(W*{text})"
    return f"norm2({text} - Y)^2"


def normal(*names):
    return lambda rng, n: {name: rng.standard_normal([int(n * s) for s in shape]) for name, shape in names}


PROBLEMS = {
    "a": Problem(
        "quadratic", "x'*A*x", "x", "A: matrix(n,n), x: vector(n)", (300, 1000),
        normal(("A", (1, 1)), ("x", (1,))), quadratic(),
    ),
    "b": Problem(
        "least squares", "norm2(A*x - b)^2", "x", "A: matrix(m,n), x: vector(n), b: vector(m)", (300, 1000),
        normal(("A", (2, 1)), ("x", (1,)), ("b", (2,))), least_squares(),
    ),
    "c": Problem(
        "logistic", "sum(softplus(-y.*(X*w)))", "w", "X: matrix(m,n), y: vector(m), w: vector(n)", (300, 1000),
        normal(("X", (2, 1)), ("y", (2,)), ("w", (1,))), logistic(),
    ),
    "d": Problem(
        "factorization", "norm2(U*V' - T)^2", "U", "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)", (300, 1000),
        normal(("U", (1, 0.1)), ("V", (1, 0.1)), ("T", (1, 1))), factorization(),
    ),
    "e": Problem(
        "Gaussian process", "y'*inv(K)*y/2 + logdet(K)/2", "K", "K: matrix(n,n) spd, y: vector(n)", (300, 1000),
        lambda rng, n: {"K": spd(rng, n), "y": rng.standard_normal(n)}, gaussian_process(),
    ),
    "f": Problem(
        "covariance", "logdet(S) + tr(inv(S)*C)", "S", "S: matrix(n,n) spd, C: matrix(n,n) symmetric", (300, 1000),
        lambda rng, n: {"S": spd(rng, n), "C": spd(rng, n)}, covariance(),
    ),
    "g2": Problem(
        "2 layers", "norm2(W2*tanh(W1*X) - Y)^2", "W1",
        "W1: matrix(h,n), W2: matrix(p,h), X: matrix(n,m), Y: matrix(p,m)", (300, 800),
        normal(("W1", (1, 1)), ("W2", (0.1, 1)), ("X", (1, 0.5)), ("Y", (0.1, 0.5))), two_layers(),
    ),
    "g10": Problem(
        "10 layers", chain_of_layers(10), "W", "W: matrix(n,n), X: matrix(n,m), Y: matrix(n,m)", (200, 500),
        lambda rng, n: {
            "W": rng.standard_normal((n, n)) / n**0.5,
            "X": rng.standard_normal((n, n // 2)),
            "Y": rng.standard_normal((n, n // 2)),
        },
        layers(10),
    ),
    "h": Problem(
        "adjoint solve", "c'*inv(A + diag(p))*b", "p", "A: matrix(n,n), b, c, p: vector(n)", (300, 1000),
        lambda rng, n: {
            "A": rng.standard_normal((n, n)) / n**0.5,
            "p": rng.uniform(2, 3, n),
            "b": rng.standard_normal(n),
            "c": rng.standard_normal(n),
        },
        adjoint_solve(),
    ),
    "i": Problem(
        "inverse of a Gram matrix", "tr(inv(X'*X)*B)", "X", "X: matrix(m,n), B: matrix(n,n)", (300, 800),
        normal(("X", (2, 1)), ("B", (1, 1))), inverse_gram(),
    ),
    "j": Problem(
        "cross-entropy", "sum(log(exp(X*W)*ones(k))) - tr(Y'*X*W)", "W",
        "X: matrix(m,n), W: matrix(n,k), Y: matrix(m,k)", (300, 1000),
        lambda rng, n: {
            "X": rng.standard_normal((2 * n, n // 2)) / n**0.5,
            "W": rng.standard_normal((n // 2, n // 10)),
            "Y": rng.uniform(0, 1, (2 * n, n // 10)),
        },
        cross_entropy(),
    ),
    "j1": Problem(
        "cross-entropy of one sample", "logsumexp(W*x) - y'*W*x", "W", "W: matrix(k,n), x: vector(n), y: vector(k)",
        (300, 1000), normal(("W", (1, 1)), ("x", (1,)), ("y", (1,))), one_sample(),
    ),
}  # fmt: skip


# ---- JAX ---------------------------------------------------------------------------------------------------


def values_in_jax() -> dict[str, Callable[..., Any]]:
    """The function of each problem, as one writes it in JAX."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_factor, cho_solve

    def evidence(K, y):
        K = (K + K.T) / 2  # else the gradient is that of the triangle which is read
        c = cho_factor(K, lower=True)
        return y @ cho_solve(c, y) / 2 + jnp.log(jnp.diag(c[0])).sum()

    def likelihood(S, C):
        S = (S + S.T) / 2
        c = cho_factor(S, lower=True)
        return 2 * jnp.log(jnp.diag(c[0])).sum() + jnp.trace(cho_solve(c, C))

    def ten_layers(W, X, Y):
        for _ in range(10):
            X = jnp.tanh(W @ X)
        return jnp.sum((X - Y) ** 2)

    def entropy(X, W, Y):
        Z = X @ W
        return jax.nn.logsumexp(Z, axis=1).sum() - jnp.sum(Y * Z)

    return {
        "a": lambda A, x: x @ (A @ x),
        "b": lambda A, x, b: jnp.sum((A @ x - b) ** 2),
        "c": lambda X, y, w: jnp.sum(jnp.logaddexp(0, -y * (X @ w))),
        "d": lambda U, V, T: jnp.sum((U @ V.T - T) ** 2),
        "e": evidence,
        "f": likelihood,
        "g2": lambda W1, W2, X, Y: jnp.sum((W2 @ jnp.tanh(W1 @ X) - Y) ** 2),
        "g10": ten_layers,
        "h": lambda A, p, b, c: c @ jnp.linalg.solve(A + jnp.diag(p), b),
        "i": lambda X, B: jnp.trace(cho_solve(cho_factor(X.T @ X, lower=True), B)),
        "j": entropy,
        "j1": lambda W, x, y: jax.nn.logsumexp(W @ x) - y @ (W @ x),
    }


def in_jax(name: str, problem: Problem, part: str) -> Callable[[dict[str, Any]], Callable[[], Any]]:
    """From data, the compiled call that computes a part with JAX; of two ways to a Hessian the faster."""
    import jax

    f, variable = values_in_jax()[name], problem.variable

    def prepared(data: dict[str, Any]) -> Callable[[], Any]:
        arrays = {k: jax.numpy.asarray(v) for k, v in data.items() if k != "v"}
        rest = {k: v for k, v in arrays.items() if k != variable}

        def of_variable(x: Any, rest: Any) -> Any:
            return f(**{variable: x}, **rest)

        ways = {
            "f": [of_variable],
            "gradient": [jax.grad(of_variable)],
            "both": [jax.value_and_grad(of_variable)],
            "hvp": [lambda x, rest: jax.jvp(lambda t: jax.grad(of_variable)(t, rest), (x,), (data["v"],))[1]],
            "hessian": [jax.hessian(of_variable), jax.jacrev(jax.grad(of_variable))],
        }[part]
        jitted = [jax.jit(way) for way in ways]
        calls = [lambda way=way: jax.block_until_ready(way(arrays[variable], rest)) for way in jitted]
        for call in calls:
            call()
        return min(calls, key=lambda call: medians([call], 0.05)[0])

    return prepared


# ---- measurement -------------------------------------------------------------------------------------------


def expressions_of(problem: Problem, part: str) -> Any:
    question = mc.parse(problem.formula, where=problem.where)
    D = mc.differentiate(problem.formula, problem.variable, problem.where)
    if part == "both":
        return [question, D.gradient]
    if part == "hvp":
        return mc.hvp(problem.formula, problem.variable, "v", problem.where)
    return question if part == "f" else getattr(D, part)


def generated(problem: Problem, part: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The compiled function, and the function whose text `mc.code` writes."""
    e = expressions_of(problem, part)
    namespace: dict[str, Any] = {}
    exec(mc.code(e, name="generated", scipy=HAS_SCIPY), namespace)
    return mc.compile(e), namespace["generated"]


def medians(calls: list[Callable[[], Any]], budget: float) -> list[float]:
    """The median time of each call, the calls taking turns."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + budget
    gc.disable()
    while len(times[0]) < 7 or (time.perf_counter() < end and len(times[0]) < 2000):
        for call, own in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            own.append(time.perf_counter() - begin)
    gc.enable()
    return [statistics.median(own) for own in times]


def differ(found: Any, expected: Any) -> float:
    if isinstance(expected, tuple):
        return max(map(differ, found, expected))
    return float(np.linalg.norm(np.asarray(found) - expected) / max(np.linalg.norm(expected), 1e-300))


def rows(names: list[str], quick: bool, budget: float, with_jax: bool) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for name in names:
        problem = PROBLEMS[name]
        for part, by_hand in problem.hand.items():
            compiled, written = generated(problem, part)
            prepared = in_jax(name, problem, part) if with_jax else None
            for n in problem.sizes[:1] if quick else problem.sizes:
                data = problem.make(rng, n)
                if part == "hvp":
                    step = rng.standard_normal(np.shape(data[problem.variable]))
                    data["v"] = (step + step.T) / 2 if name in ("e", "f") else step
                for_compiled = {k: data[k] for k in compiled.names}
                for_written = {k: data[k] for k in written.__code__.co_varnames[: written.__code__.co_argcount]}
                expected = by_hand(**data)
                error = max(differ(compiled(**for_compiled), expected), differ(written(**for_written), expected))
                calls = [
                    lambda f=compiled, d=for_compiled: f(**d),
                    lambda f=written, d=for_written: f(**d),
                    lambda f=by_hand, d=data: f(**d),
                ]
                if prepared is not None:
                    calls.append(prepared(data))
                    error = max(error, differ(calls[-1](), expected))
                times = medians(calls, budget)
                yield {"problem": name, "part": part, "n": n, "error": error, "times": times}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=list(PROBLEMS), metavar="problem")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jax", action="store_true")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds for each row")
    options = parser.parse_args()
    if options.jax:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import jax

        jax.config.update("jax_enable_x64", True)
    found = []
    if not options.json:
        print(f"{'problem':28}{'part':10}{'n':>6}{'by hand':>12}{'compiled':>10}{'code':>8}{'error':>10}{'JAX':>8}")
    for row in rows(options.problems, options.quick, options.budget, options.jax):
        found.append(row)
        compiled, written, by_hand, *in_jax_too = row["times"]
        if not options.json:
            print(
                f"{row['problem'] + ' ' + PROBLEMS[row['problem']].name:28}{row['part']:10}{row['n']:6}"
                f"{1e3 * by_hand:9.3f} ms{compiled / by_hand:10.2f}{written / by_hand:8.2f}{row['error']:10.0e}"
                + "".join(f"{t / by_hand:8.2f}" for t in in_jax_too),
                flush=True,
            )
    long = [row for row in found if row["times"][2] > SHORTEST]
    summary = {}
    for i, contender in enumerate(("compiled", "code", "by hand", "JAX")):
        if contender == "by hand" or i >= len(long[0]["times"]):
            continue
        ratios = [row["times"][i] / row["times"][2] for row in long]
        summary[contender] = {"geometric mean": statistics.geometric_mean(ratios), "largest": max(ratios)}
    if options.json:
        print(json.dumps({"rows": found, "summary": summary, "scipy": HAS_SCIPY}))
    else:
        print(f"{len(long)} rows above 0.1 ms; SciPy {'is' if HAS_SCIPY else 'is not'} installed")
        for contender, figures in summary.items():
            print(f"{contender:10}geometric mean {figures['geometric mean']:.2f}, largest {figures['largest']:.2f}")


if __name__ == "__main__":
    main()
