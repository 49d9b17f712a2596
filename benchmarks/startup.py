"""What starting costs: `matcalc diff` as a whole process beside `python -c "import sympy"`, in turns.

python benchmarks/startup.py
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 15
OURS = [sys.executable, "-m", "matcalc", "diff", "sum(log(exp(-y.*(X*w)) + vector(1)))", "w"]
SYMPY = [sys.executable, "-c", "import sympy"]


def seconds(command: list[str]) -> float:
    """The wall time of one process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print both medians and their ratio."""
    for command in (OURS, SYMPY):
        seconds(command)
    pairs = [(seconds(OURS), seconds(SYMPY)) for _ in range(ROUNDS)]
    ours, sympy = (statistics.median(column) for column in zip(*pairs, strict=True))
    if "--json" in sys.argv:
        print(json.dumps({"matcalc_s": ours, "sympy_s": sympy, "ratio": ours / sympy}))
        return
    print(f"matcalc diff   {1e3 * ours:6.0f} ms")
    print(f"import sympy   {1e3 * sympy:6.0f} ms")
    print(f"ratio          {ours / sympy:6.2f}")


if __name__ == "__main__":
    main()
