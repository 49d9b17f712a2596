"""Draw the run times of run_time.py, log-log, one line for each contender.

    python benchmarks/run_time.py --jax --sizes 50,100,200,300,500,1000 --json times.json
    python benchmarks/plots.py times.json docs/run-time.png

Needs matplotlib: python -m pip install ".[plot]"
"""

import argparse
import json
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from problems import PROBLEMS

STYLES = {
    "JAX": ("tab:orange", "s"),
    "torch": ("tab:red", "^"),
    "by hand": ("black", "x"),
    "compiled": ("tab:blue", "o"),
}
LABELS = {"by hand": "NumPy by hand", "compiled": "matcalc", "JAX": "JAX (jit)", "torch": "PyTorch"}
PARTS = {"gradient": "gradient", "hvp": "Hessian times vector", "hessian": "Hessian", "operator": "Hessian"}
COLUMNS = 5


def panels(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The rows of each panel: a problem and a part, gradients first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for title in dict.fromkeys(PARTS.values()):
        for row in rows:
            if PARTS.get(row["part"]) == title:
                found.setdefault((row["problem"], title), []).append(row)
    return {key: rows for key, rows in found.items() if len(rows) > 1}


def drawn(rows: list[dict[str, Any]]) -> Figure:
    """The figure."""
    wanted = panels(rows)
    height = -(-len(wanted) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.2 * height), layout="constrained")
    axes = figure.subplots(height, COLUMNS, squeeze=False)
    for place, ((problem, title), own) in zip(axes.flat, wanted.items(), strict=False):
        for contender, (color, marker) in STYLES.items():
            points = [(r["n"], r["times"][contender]) for r in own if contender in r["times"]]
            if points:
                place.loglog(*zip(*points, strict=True), color=color, marker=marker, markersize=3, linewidth=1)
        place.set_title(f"({problem}) {PROBLEMS[problem].name}: {title}", fontsize=7)
        place.tick_params(labelsize=6)
        place.xaxis.set_minor_formatter(NullFormatter())
        place.yaxis.set_minor_formatter(NullFormatter())
        place.grid(visible=True, which="major", linewidth=0.3)
    for place in list(axes.flat)[len(wanted) :]:
        place.set_visible(False)
    for place in axes[:, 0]:
        place.set_ylabel("seconds", fontsize=7)
    for place in axes[-1]:
        place.set_xlabel("n", fontsize=7)
    used = [c for c in STYLES if any(c in r["times"] for r in rows)]
    lines = [axes.flat[0].plot([], [], color=STYLES[c][0], marker=STYLES[c][1], markersize=3)[0] for c in used]
    figure.legend(lines, [LABELS[c] for c in used], loc="outside upper center", ncols=len(used), fontsize=8)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times")
    parser.add_argument("picture")
    options = parser.parse_args()
    with open(options.times, encoding="utf-8") as file:
        figure = drawn(json.load(file)["rows"])
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "matcalc"}):
        figure.savefig(options.picture, metadata={"Date": None} if options.picture.endswith("svg") else None)


if __name__ == "__main__":
    main()
