"""How fast compiled formulas run, beside NumPy written by hand, JAX and PyTorch.

    python benchmarks/run_time.py                  all problems, n around 300 and 1000
    python benchmarks/run_time.py --quick          small sizes only
    python benchmarks/run_time.py a e              some of the problems
    python benchmarks/run_time.py --jax --torch    beside JAX, compiled, and PyTorch, in double precision, as well
    python benchmarks/run_time.py --sizes 100,300  other sizes
    python benchmarks/run_time.py --json FILE      the same figures as a document, for plots.py
    python benchmarks/run_time.py --deep           tanh networks of up to 1,000 layers
    python benchmarks/run_time.py --memory         the peak memory of Hessians

Each problem is computed by `mc.compile`, by the text that `mc.code` writes, and by hand, in turns, on one core; the
figures are medians of `time.perf_counter` over interleaved runs. The values are compared first. A Hessian in a
matrix variable is a linear operator (`mc.linear_operator`), made with all that its products need; JAX and PyTorch
make the matrix, where it takes less than 700 MB.
"""

import argparse
import gc
import json
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np
from problems import HAS_SCIPY, PROBLEMS, Problem, chain_of_layers, layers
from tapes import Jax, Tape, Torch, flat

import matcalc as mc

SHORTEST = 1e-4
FEWEST, MOST = 7, 2000


def variables_of(problem: Problem) -> tuple[str, ...]:
    return problem.variable if isinstance(problem.variable, tuple) else (problem.variable,)


def expressions_of(problem: Problem, part: str) -> Any:
    question = mc.parse(problem.formula, where=problem.where)
    D = mc.differentiate(problem.formula, problem.variable, problem.where)
    gradient = list(D.gradient.values()) if isinstance(D.gradient, dict) else [D.gradient]
    if part == "both":
        return [question, *gradient]
    if part == "hvp":
        return mc.hvp(problem.formula, problem.variable, "v", problem.where)
    if part == "hessian":
        return list(D.hessian.values()) if isinstance(D.hessian, dict) else D.hessian
    return question if part == "f" else gradient if len(gradient) > 1 else gradient[0]


def contenders(problem: Problem, part: str) -> list[Callable[..., Any]]:
    """The compiled function, and the function whose text `mc.code` writes."""
    if part == "operator":
        operator = mc.linear_operator(problem.formula, problem.variable, where=problem.where)
        return [lambda **data: operator(**{name: data[name] for name in operator.names}).prepared()]
    e = expressions_of(problem, part)
    compiled = mc.compile(e)
    namespace: dict[str, Any] = {}
    exec(mc.code(e, name="generated", scipy=HAS_SCIPY, sizes=problem.relations), namespace)
    written = namespace["generated"]
    names = written.__code__.co_varnames[: written.__code__.co_argcount]
    return [
        lambda **data: compiled(**{name: data[name] for name in compiled.names}),
        lambda **data: written(**{name: data[name] for name in names}),
    ]


def medians(calls: list[Callable[[], Any]], budget: float) -> list[float]:
    """The median time of each call, the calls taking turns; a call that is much slower takes fewer."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + budget
    gc.disable()
    for turn in range(MOST):
        if turn >= FEWEST and time.perf_counter() > end:
            break
        for call, own in zip(calls, times, strict=True):
            if len(own) >= 3 and own[0] > budget:
                continue
            begin = time.perf_counter()
            call()
            own.append(time.perf_counter() - begin)
    gc.enable()
    return [statistics.median(own) for own in times]


def differ(found: Any, expected: Any) -> float:
    a, b = np.array(flat(found)), np.array(flat(expected))
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300))


def rows(names: list[str], sizes: list[int] | None, budget: float, tapes: list[Tape]) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for name in names:
        problem = PROBLEMS[name]
        for part, by_hand in problem.hand.items():
            ours = contenders(problem, part)
            value = contenders(problem, "f")[0]
            for n in sizes or problem.sizes:
                data = problem.make(rng, n)
                variables = variables_of(problem)
                step = rng.standard_normal(np.shape(data[variables[0]]))
                step = (step + step.T) / 2 if name in ("e", "f") else step
                if part == "hvp":
                    data["v"] = step
                calls = [lambda f=f, d=data: f(**d) for f in (by_hand, *ours)]
                expected = calls[0]()
                if part == "operator":
                    error = max(differ(call() @ step, expected(step)) for call in calls[1:])
                else:
                    error = max(differ(call(), expected) for call in calls[1:])
                others = {}
                for tape in tapes:
                    wanted = "hessian" if part == "operator" else part
                    call = tape.call(name, variables, wanted, data, lambda c: medians([c], 0.05)[0])
                    if call is not None:
                        others[tape.name] = call
                        if part not in ("operator", "hessian", "both"):
                            error = max(error, differ(call(), expected))
                labels = ["by hand", "compiled", "code"][: len(calls)] + list(others)
                calls += others.values()
                if part == "both":
                    # beside the value and the gradient in the same run, which their ratio asks for
                    labels.append("value")
                    calls.append(lambda f=value, d=data: f(**d))
                times = medians(calls, budget)
                yield {
                    "problem": name,
                    "part": part,
                    "n": n,
                    "error": error,
                    "times": dict(zip(labels, times, strict=True)),
                }


# ---- tables ------------------------------------------------------------------------------------------------


def table(options: argparse.Namespace, tapes: list[Tape]) -> None:
    found = []
    sizes = [int(n) for n in options.sizes.split(",")] if options.sizes else None
    columns = ["compiled", "code", *(tape.name for tape in tapes)]
    print(f"{'problem':30}{'part':10}{'n':>6}{'by hand':>12}" + "".join(f"{c:>10}" for c in columns) + f"{'error':>10}")
    for row in rows(options.problems, sizes, options.budget, tapes):
        found.append(row)
        times, by_hand = row["times"], row["times"]["by hand"]
        ratios = [f"{times[c] / by_hand:10.2f}" if c in times else f"{'-':>10}" for c in columns]
        print(
            f"{row['problem'] + ' ' + PROBLEMS[row['problem']].name:30}{row['part']:10}{row['n']:6}"
            f"{1e3 * by_hand:9.3f} ms" + "".join(ratios) + f"{row['error']:10.0e}",
            flush=True,
        )
    long = [row for row in found if row["times"]["by hand"] > SHORTEST]
    summary = {}
    print(
        f"\n{len(long)} rows above 0.1 ms; SciPy {'is' if HAS_SCIPY else 'is not'} installed; times of those by hand:"
    )
    for c in columns:
        ratios = [row["times"][c] / row["times"]["by hand"] for row in long if c in row["times"]]
        summary[c] = {"geometric mean": statistics.geometric_mean(ratios), "largest": max(ratios)}
        print(f"{c:10}geometric mean {summary[c]['geometric mean']:.2f}, largest {summary[c]['largest']:.2f}")
    for tape in tapes:
        against(found, tape.name)
    both = {
        f"{r['problem']}/{r['n']}": r["times"]["compiled"] / r["times"]["value"] for r in found if r["part"] == "both"
    }
    if both:
        largest = sorted(both, key=lambda name: -both[name])[:6]
        print(f"value and gradient over value, largest: {', '.join(f'{name} {both[name]:.2f}' for name in largest)}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rows": found, "summary": summary, "scipy": HAS_SCIPY}, file)


def against(found: list[dict[str, Any]], tape: str) -> None:
    """How many times as long as ours a library takes, by part."""
    print(f"\n{tape} over ours (compiled), n of at least 200")
    for part in ("f", "gradient", "both", "hvp", "hessian", "operator"):
        ratios = {
            f"{r['problem']}/{r['n']}": r["times"][tape] / r["times"]["compiled"]
            for r in found
            if r["part"] == part and tape in r["times"] and r["n"] >= 200
        }
        if ratios:
            listed = ", ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items())
            print(f"{part:10}geometric mean {statistics.geometric_mean(ratios.values()):.1f}: {listed}")


# ---- deep networks and memory ------------------------------------------------------------------------------


def deep() -> None:
    print(f"{'layers':>8}{'compile':>12}{'lines':>8}{'by hand':>12}{'compiled':>10}")
    rng = np.random.default_rng(0)
    n, m = 60, 40
    data = {
        "W": rng.standard_normal((n, n)) / n**0.5,
        "X": rng.standard_normal((n, m)),
        "Y": rng.standard_normal((n, m)),
    }
    for count in (10, 250, 500, 1000):
        hand = layers(count)["both"]
        f = network(count)
        begin = time.perf_counter()
        both = mc.compile([f, mc.gradient(f, "W")])
        seconds = time.perf_counter() - begin
        assert differ(both(**{k: data[k] for k in both.names}), hand(**data)) < 1e-9
        ours, by_hand = medians([lambda b=both: b(**{k: data[k] for k in b.names}), lambda h=hand: h(**data)], 2.0)
        lines = both.source.count("\n")
        print(f"{count:8}{seconds:10.3f} s{lines:8}{1e3 * by_hand:9.2f} ms{ours / by_hand:10.2f}", flush=True)


def network(count: int) -> Any:
    """A tanh network of that many layers with one matrix of weights, and the squared error of what it gives."""
    if count <= 10:
        return mc.parse(chain_of_layers(count), where=PROBLEMS["g10"].where)
    W, X, Y = mc.variables("W: matrix(n,n); X: matrix(n,m); Y: matrix(n,m)")
    H = X
    for _ in range(count):
        H = mc.functions.tanh(W @ H)
    return mc.functions.norm2(H - Y) ** 2


def memory() -> None:
    """Input and all that a call allocates at its peak, over input and output."""
    print(f"{'problem':30}{'n':>6}{'compiled':>12}{'by hand':>12}   (input + peak) / (input + output)")
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "h"):
        problem = PROBLEMS[name]
        ours = contenders(problem, "hessian")[0]
        for n in (300, 1000, 2000):
            data = problem.make(rng, n)
            given = sum(np.asarray(v).nbytes for v in data.values())
            found = []
            for call in (ours, problem.hand["hessian"]):
                size = call(**data).nbytes
                tracemalloc.start()
                kept = call(**data)
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                del kept
                found.append((given + peak) / (given + size))
            print(f"{name + ' ' + problem.name:30}{n:6}{found[0]:12.2f}{found[1]:12.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=list(PROBLEMS), metavar="problem")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--jax", action="store_true")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds for each row")
    options = parser.parse_args()
    if options.quick:
        options.sizes = "200"
    if options.deep:
        deep()
    elif options.memory:
        memory()
    else:
        tapes: list[Tape] = [Jax()] if options.jax else []
        table(options, tapes + ([Torch()] if options.torch else []))


if __name__ == "__main__":
    main()
