"""What a batch of `mc.compile` takes beside a loop of calls in Python, for a batch of a thousand.

python benchmarks/batches.py

Each time is of the processor, and the least of several; the answers of both are compared.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import matcalc as mc

ITEMS = 1000
ROUNDS = 7
LOGISTIC = ("sum(log(1 .+ exp(-y.*(X*w))))", "w"), "X: matrix(m,n), y: vector(m), w: vector(n)"
SAMPLE = ("log(1 + exp(-y*(x'*w)))", "w"), "x, w: vector(n), y: scalar"
SOLVE = "inv(A)*b", "A: matrix(n,n), b: vector(n)"
PROCESS = ("logdet(S) + y'*inv(S)*y", "S"), "S: matrix(n,n) spd, y: vector(n)"


def problems() -> dict[str, tuple[mc.CompiledFunction, dict[str, Any], set[str]]]:
    """The functions, their arguments, and the names of those that are batches."""
    rng = np.random.default_rng(0)
    (logistic, where), (sample, of_sample), (process, of_process) = LOGISTIC, SAMPLE, PROCESS
    X, y, w = rng.standard_normal((100, 20)), np.sign(rng.standard_normal(100)), rng.standard_normal((ITEMS, 20))
    M = rng.standard_normal((ITEMS, 10, 10))
    b = rng.standard_normal((ITEMS, 10))
    A, S = M + 10 * np.eye(10), M @ M.swapaxes(1, 2) + np.eye(10)
    x, labels = rng.standard_normal((ITEMS, 20)), np.sign(rng.standard_normal(ITEMS))
    solve = mc.compile(SOLVE[0], where=SOLVE[1])
    of_logistic = mc.compile(mc.gradient(*logistic, where=where))
    return {
        "logistic gradient, 100 samples, n = 20": (of_logistic, {"X": X, "y": y, "w": w}, {"w"}),
        "logistic gradient of each sample, n = 20": (
            mc.compile(mc.gradient(*sample, where=of_sample)),
            {"x": x, "y": labels, "w": w[0]},
            {"x", "y"},
        ),
        "system of size 10": (solve, {"A": A, "b": b}, {"A", "b"}),
        "system of size 10, matrix shared": (solve, {"A": A[0], "b": b}, {"b"}),
        "Gaussian process gradient, size 10": (
            mc.compile(mc.gradient(*process, where=of_process)),
            {"S": S, "y": b[0]},
            {"S"},
        ),
    }


def milliseconds(run: Callable[[], Any]) -> float:
    """The least processor time of several runs."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        run()
        times.append(time.process_time() - begin)
    return 1e3 * min(times)


def main() -> None:
    """Print the times."""
    print(f"{'':42}{'batch':>10}{'loop':>10}{'ratio':>8}")
    for name, (f, values, batched) in problems().items():

        def loop(f: mc.CompiledFunction = f, values: Any = values, batched: set[str] = batched) -> Any:
            items = ({n: v[i] if n in batched else v for n, v in values.items()} for i in range(ITEMS))
            return np.stack([f(**item) for item in items])

        def batch(f: mc.CompiledFunction = f, values: Any = values) -> Any:
            return f(**values)

        assert np.allclose(batch(), loop())
        ours, theirs = milliseconds(batch), milliseconds(loop)
        print(f"{name:42}{ours:7.2f} ms{theirs:7.1f} ms{theirs / ours:8.0f}")


if __name__ == "__main__":
    main()
