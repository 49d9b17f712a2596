"""How time and printed size grow with the depth of a network: tanh layers h ← tanh(W h + b), loss ‖h − y‖².

Once as an expression built in Python, and once as text, a definition a line, whose layers keep their names; of that
text the computational graph is drawn as well.

python benchmarks/depth.py
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matcalc as mc
from matcalc.writing import text

DEPTHS = (250, 500, 1000, 2000, 4000)
ROUNDS = 3


def network(layers: int) -> Any:
    """The loss of a network with that many layers."""
    W, b, x, y = mc.variables("W: matrix(n,n), b, x, y: vector(n)")
    h: Any = x
    for _ in range(layers):
        h = mc.functions.tanh(W @ h + b)
    return mc.functions.norm2(h - y) ** 2


@contextmanager
def no_collection() -> Iterator[None]:
    """Within it no garbage is collected: what earlier rounds have left is, before."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def measured(layers: int) -> tuple[float, float, int]:
    """Seconds for the gradient, seconds to print it, and the printed characters."""
    spent, printing, size = [], [], 0
    for _ in range(ROUNDS):
        loss = network(layers)
        with no_collection():
            begin = time.process_time()
            gradient = mc.gradient(loss, "W")
            middle = time.process_time()
            size = len(str(gradient))
            spent.append(middle - begin)
            printing.append(time.process_time() - middle)
    return statistics.median(spent), statistics.median(printing), size


def program(layers: int) -> str:
    """The same network as text, a layer a line."""
    lines = ["h0 = x", *(f"h{k} = tanh(W*h{k - 1} + b)" for k in range(1, layers + 1))]
    return "\n".join([*lines, f"norm2(h{layers} - y)^2"])


def measured_as_text(layers: int) -> tuple[float, float, int, float]:
    """Seconds to read the text and find the gradient, to print it, the characters, and seconds for the graph."""
    spent, printing, drawing, size = [], [], [], 0
    for _ in range(ROUNDS):
        with no_collection():
            begin = time.process_time()
            D = mc.differentiate(program(layers), "W", "W: matrix(n,n), b, x, y: vector(n)")
            gradient = D.named.gradient
            middle = time.process_time()
            size = len(text(gradient, D.named.printed))
            end = time.process_time()
            str(D.graph)
            spent.append(middle - begin)
            printing.append(end - middle)
            drawing.append(time.process_time() - end)
    return statistics.median(spent), statistics.median(printing), size, statistics.median(drawing)


def main() -> None:
    """Print a row for each depth, and what doubling the depth costs."""
    measured(50)
    rows = {layers: measured(layers) for layers in DEPTHS}
    named = {layers: measured_as_text(layers) for layers in DEPTHS}
    if "--json" in sys.argv:
        print(json.dumps({"built": rows, "text": named}))
        return
    print(f"{'layers':>7} {'gradient':>10} {'printing':>10} {'characters':>11}")
    for layers, (spent, printing, size) in rows.items():
        print(f"{layers:7} {spent:9.2f}s {printing:9.2f}s {size:11}")
    for i, what in enumerate(("gradient", "printing", "characters")):
        print(f"{what}: 2,000 layers cost {rows[2000][i] / rows[1000][i]:.2f} times 1,000")
    print(f"\nas text\n{'layers':>7} {'gradient':>10} {'printing':>10} {'characters':>11} {'graph':>10}")
    for layers, (spent, printing, size, drawing) in named.items():
        print(f"{layers:7} {spent:9.2f}s {printing:9.2f}s {size:11} {drawing:9.2f}s")
    for i, what in enumerate(("gradient", "printing", "characters", "graph")):
        print(f"{what}: 2,000 layers cost {named[2000][i] / named[1000][i]:.2f} times 1,000")


if __name__ == "__main__":
    main()
