"""How long a gradient takes, from text to answer, beside SymPy's derivative of the same expression.

    python benchmarks/speed.py            the table
    python benchmarks/speed.py --json     the same figures as one document
    python benchmarks/speed.py --all      the slowest of all 139: the answer asked for, Hessian and second differential

Ours is the time of `mc.gradient(text, …)`, declarations, parsing, simplification and all, and beside it that of
`mc.gradient(expression, …)`, which is what SymPy's `.diff` does on the expression built before. SymPy is counted
only where its answer is right, and not for building the expression. The time of `mc.hessian(text, …)` is told too.

Each figure is the median over fresh processes in which every case is seen once. So a case is new to both programs:
no answer, no expression and no text of declarations (each gets blanks of its own) can be remembered. Warm is what
any session has after its first questions: both programs have differentiated the same four expressions, which are
not in the corpus, and have in their caches what earlier cases had in common with this one (names, sizes, the rules
of the book that were needed; SymPy's cache is not cleared). Nothing is repeated to find the fastest time. All times
are of the processor, since on a busy machine SymPy's, the longer ones, would be interrupted more often.
"""

import argparse
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent.parent / "tests" / "data" / "corpus"
ROUNDS = 5
ROUND_OPTIONS = ("--round", "--derivation-round", "--hessian-round")
WARM_UP = ("tr(inv(X'*X)*B)", "sum(log(exp(X*w) + vector(1)))", "norm2(tanh(W*x + b))^2", "logdet(S + x*x')")


def cases() -> list[dict[str, Any]]:
    """The gradients of the public corpus."""
    found = json.loads((CORPUS / "public.json").read_text(encoding="utf-8"))
    return [case for case in found if case["want"] == "gradient"]


def warm_up(mc: Any) -> None:
    """Differentiate a few expressions, as a session has before long."""
    for text in WARM_UP:
        expression = mc.parse(text)
        mc.gradient(expression, next(iter(expression.variables)))


def one_round() -> dict[str, list[float | None]]:
    """Our time and SymPy's (None where it fails) for each case, in milliseconds, in this process."""
    import sympy

    import matcalc as mc

    warm_up(mc)
    times: dict[str, list[float | None]] = {}
    for number, case in enumerate(cases()):
        where = case["where"] + number * " "
        begin = time.process_time()
        try:
            mc.gradient(case["expr"], case["wrt"], where=where)
        except mc.MatcalcError:
            continue
        times[case["id"]] = [1e3 * (time.process_time() - begin)]
    for text in WARM_UP:
        expression = mc.parse(text)
        with contextlib.suppress(Exception):
            expression.to_sympy().diff(next(iter(expression.variables.values())).to_sympy())
    for case in cases():
        if case["id"] in times:
            times[case["id"]].append(sympy_time(mc, sympy, case))
    return times


def derivation_round() -> dict[str, list[float | None]]:
    """The time from an expression to its gradient for each case, in a process of its own."""
    import matcalc as mc

    warm_up(mc)
    times: dict[str, list[float | None]] = {}
    for case in cases():
        try:
            expression = mc.parse(case["expr"], case["where"])
        except mc.MatcalcError:
            continue
        variable = expression.variables[case["wrt"]]
        begin = time.process_time()
        mc.gradient(expression, variable)
        times[case["id"]] = [1e3 * (time.process_time() - begin)]
    return times


def hessian_round() -> dict[str, list[float | None]]:
    """The time from text to Hessian for each case, in a process of its own."""
    import matcalc as mc

    for text in WARM_UP:
        mc.hessian(text, next(iter(mc.parse(text).variables)))
    times: dict[str, list[float | None]] = {}
    for case in cases():
        begin = time.perf_counter()
        try:
            mc.hessian(case["expr"], case["wrt"], where=case["where"])
        except mc.MatcalcError:
            continue
        times[case["id"]] = [1e3 * (time.perf_counter() - begin)]
    return times


def whole_corpus() -> list[tuple[float, str, str]]:
    """The time of every answer of the corpus, and of its second derivatives, from text, in milliseconds."""
    import matcalc as mc

    warm_up(mc)
    found = []
    for case in json.loads((CORPUS / "public.json").read_text(encoding="utf-8")):
        is_scalar = mc.parse(case["expr"], case["where"]).is_scalar
        for part in dict.fromkeys((case["want"], "second_differential", *(["hessian"] if is_scalar else []))):
            gc.collect()  # what earlier cases left is not counted
            begin = time.process_time()
            try:
                getattr(mc.differentiate(case["expr"], case["wrt"], where=case["where"]), part)
            except mc.MatcalcError:
                continue
            found.append((1e3 * (time.process_time() - begin), case["id"], part))
    return sorted(found, reverse=True)


def sympy_time(mc: Any, sympy: Any, case: dict[str, Any]) -> float | None:
    """The time of SymPy's derivative in milliseconds, None where it has no answer."""
    expression = mc.parse(case["expr"], case["where"])
    try:
        written = one_by_one(sympy, expression.to_sympy())
        symbol = expression.variables[case["wrt"]].to_sympy()
        begin = time.process_time()
        derivative = written.diff(symbol)
        spent = 1e3 * (time.process_time() - begin)
    except Exception:
        return None
    return spent if is_right(sympy, derivative, case) else None


def one_by_one(sympy: Any, written: Any) -> Any:
    """Inner products as 1×1 matrices, as SymPy's users write them: it takes the entry of one for a constant."""
    if isinstance(written, sympy.matrices.expressions.matexpr.MatrixElement):
        return written.parent
    if written.is_Mul:
        factors = [one_by_one(sympy, f) for f in written.args]
        if sum(f.is_Matrix for f in factors) == 1 and all(f.is_Matrix or f.is_number for f in factors):
            return sympy.MatMul(*factors)
    if written.is_Add:
        terms = [one_by_one(sympy, t) for t in written.args]
        if all(t.is_Matrix for t in terms):
            return sympy.MatAdd(*terms)
    return written


def is_right(sympy: Any, derivative: Any, case: dict[str, Any]) -> bool:
    """Whether SymPy's derivative has the frozen value of the corpus."""
    import numpy as np

    frozen = np.load(CORPUS / "public.npz")
    prefix = f"{case['id']}|0|"
    values = {k.removeprefix(prefix + "in|"): frozen[k] for k in frozen.files if k.startswith(prefix + "in|")}
    wanted = np.asarray(frozen[prefix + "out"], dtype=float)
    try:
        sizes = {}
        for symbol in derivative.atoms(sympy.MatrixSymbol):
            array = np.asarray(values[symbol.name])
            sizes |= dict(zip(symbol.shape, array.reshape(array.shape[0], -1).shape, strict=True))
        derivative = derivative.subs(sizes)
        for symbol in derivative.atoms(sympy.MatrixSymbol):
            array = np.asarray(values[symbol.name])
            derivative = derivative.subs(symbol, sympy.ImmutableMatrix(array.reshape(array.shape[0], -1).tolist()))
        derivative = derivative.subs({s: float(values[s.name]) for s in derivative.free_symbols if s.name in values})
        value = np.array(sympy.Matrix([derivative.doit()]).tolist(), dtype=float)
    except Exception:
        return False
    value = value.reshape(wanted.shape) if value.size == wanted.size else value
    return value.shape == wanted.shape and bool(np.linalg.norm(value - wanted) <= 1e-8 * np.linalg.norm(wanted))


def measured(rounds: int = ROUNDS) -> dict[str, list[float | None]]:
    """The medians over fresh processes, by case: text to answer, SymPy's derivative, expression to answer, Hessian."""
    found: list[dict[str, list[float | None]]] = []
    for _ in range(rounds):
        whole, derivation, hessian = (
            json.loads(subprocess.run([sys.executable, __file__, o], capture_output=True, text=True, check=True).stdout)
            for o in ROUND_OPTIONS
        )
        found.append({n: [*times, *derivation[n], *hessian.get(n, [None])] for n, times in whole.items()})
    return {name: [_median([r[name][i] for r in found]) for i in range(4)] for name in found[0]}


def _median(values: list[float | None]) -> float | None:
    present = [v for v in values if v is not None]
    return statistics.median(present) if len(present) == len(values) else None


def main() -> None:
    """Print the table, or one document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true")
    for option in ROUND_OPTIONS:
        parser.add_argument(option, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds = {"round": one_round, "derivation_round": derivation_round, "hessian_round": hessian_round}
    for name, function in rounds.items():
        if getattr(options, name):
            print(json.dumps(function()))
            return
    if options.all:
        found = whole_corpus()
        for milliseconds, name, part in found[:10]:
            print(f"{name:24} {part:20} {milliseconds:8.2f} ms")
        print(f"{len(found)} answers, median {statistics.median([t for t, *_ in found]):.2f} ms")
        return
    times = measured()
    rows = [(our, theirs, derived) for our, theirs, derived, _ in times.values() if our and derived]
    hessians = [hessian for *_, hessian in times.values() if hessian]
    both = [(our, theirs, derived) for our, theirs, derived in rows if theirs]
    figures = {
        "cases": len(rows),
        "median_ms": statistics.median([our for our, _, _ in rows]),
        "slowest_ms": max(our for our, _, _ in rows),
        "derivation_median_ms": statistics.median([derived for _, _, derived in rows]),
        "hessian_median_ms": statistics.median(hessians),
        "hessian_slowest_ms": max(hessians),
        "sympy_right": len(both),
        "sympy_median_ms": statistics.median([theirs for _, theirs, _ in both]),
        "sympy_over_ours_from_text": statistics.median([theirs / our for our, theirs, _ in both]),
        "sympy_over_our_derivation": statistics.median([theirs / derived for _, theirs, derived in both]),
    }
    if options.json:
        print(json.dumps({"figures": figures, "times_ms": times}, indent=1))
        return
    for name, (our, theirs, *_) in sorted(times.items(), key=lambda item: -(item[1][0] or 0)):
        beside = f"{theirs:8.1f} ms {theirs / our:6.0f} x" if our and theirs else "SymPy: none or wrong"
        print(f"{name:24} {our:8.2f} ms   {beside}")
    print()
    for name, figure in figures.items():
        print(f"{name:26} {figure:.3g}" if isinstance(figure, float) else f"{name:26} {figure}")


if __name__ == "__main__":
    main()
