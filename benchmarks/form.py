"""How long the printed answers are, beside the answers an expert writes.

    python benchmarks/form.py            the table
    python benchmarks/form.py --json     the same figures as one document

Counted are the cases of the public corpus that are answered right; the lengths are in tokens.
"""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import matcalc as mc

CORPUS = Path(__file__).parent.parent / "tests" / "data" / "corpus"
TOKEN = re.compile(r"\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\w+|\.[*/^]|[-+*/\\^']")
KEYWORDS = {"let", "in"}
DERIVE = {
    "differential": mc.differential,
    "gradient": mc.gradient,
    "jacobian": mc.jacobian,
    "hessian": mc.hessian,
}


def length(text: str) -> int:
    """How many names, numbers and operators a printed answer has; a named part costs two, brackets nothing.

    >>> length("(A + A')*x"), length("-X'*(y.*sigmoid(-y.*(X*w)))"), length("0.5*x.^2")
    (6, 13, 5)
    >>> length("let M = A + t*B in det(M)*tr(inv(M)*B)")
    15
    """
    tokens = [token for token in TOKEN.findall(text) if token not in KEYWORDS]
    return len(tokens) + text.count("=")


def golden_text(golden: dict[str, Any]) -> str:
    """The answer of an expert as one text, its named parts in front.

    >>> golden_text({"let": [["s", "softmax(x)"]], "answer": "diag(s) - s*s'"})
    "let s = softmax(x) in diag(s) - s*s'"
    """
    parts = "; ".join(f"{name} = {definition}" for name, definition in golden["let"])
    return f"let {parts} in {golden['answer']}" if parts else golden["answer"]


def goldens() -> dict[str, dict[str, Any]]:
    """The answers of an expert by case; they are counted by the same rule.

    >>> [name for name, golden in goldens().items() if length(golden_text(golden)) != golden["tokens"]]
    []
    """
    return json.loads((CORPUS / "golden.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Comparison:
    """One answer beside the expert's."""

    name: str
    ours: str
    expert: str

    @property
    def ratio(self) -> float:
        return length(self.ours) / length(self.expert)


def agrees(case: dict[str, Any], answer: mc.Expression, frozen: dict[str, np.ndarray]) -> bool:
    """Whether the answer has the frozen value at the first draw."""
    start = f"{case['id']}|0|in|"
    inputs = {key.removeprefix(start): value for key, value in frozen.items() if key.startswith(start)}
    if case["want"] != "differential":
        inputs.pop("d" + case["wrt"], None)
    found, expected = np.asarray(answer.evaluate(inputs)), frozen[f"{case['id']}|0|out"]
    return found.size == expected.size and bool(
        np.linalg.norm(found.reshape(expected.shape) - expected) <= 1e-8 * np.linalg.norm(expected)
    )


def compare() -> tuple[list[Comparison], dict[str, str]]:
    """The right answers beside the expert's, and for every other case why it is not among them."""
    cases = json.loads((CORPUS / "public.json").read_text(encoding="utf-8"))
    with np.load(CORPUS / "public.npz") as arrays:
        frozen = dict(arrays)
    experts, comparisons, missing = goldens(), [], {}
    for case in cases:
        try:
            answer = DERIVE[case["want"]](case["expr"], case["wrt"], where=case["where"])
            right = agrees(case, answer, frozen)
        except mc.MatcalcError as error:
            missing[case["id"]] = str(error).splitlines()[-1]
            continue
        if right:
            comparisons.append(Comparison(case["id"], str(answer), golden_text(experts[case["id"]])))
        else:
            missing[case["id"]] = "wrong"
    return comparisons, missing


def figures(comparisons: list[Comparison]) -> dict[str, float]:
    """The distribution of our length over the expert's, and how many answers are longer or shorter."""
    ratios = np.array([comparison.ratio for comparison in comparisons])
    return {
        "cases": len(ratios),
        "median": float(np.median(ratios)),
        "p90": float(np.percentile(ratios, 90)),
        "max": float(ratios.max()),
        "longer": int((ratios > 1).sum()),
        "shorter": int((ratios < 1).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON document")
    parser.add_argument("--worst", type=int, default=20, metavar="N", help="how many of the longest to show")
    options = parser.parse_args()
    comparisons, missing = compare()
    comparisons.sort(key=lambda comparison: (-comparison.ratio, comparison.name))
    if options.json:
        rows = [
            {"id": c.name, "ours": c.ours, "expert": c.expert, "tokens": [length(c.ours), length(c.expert)]}
            for c in comparisons
        ]
        print(json.dumps({"figures": figures(comparisons), "missing": missing, "answers": rows}, indent=2))
        return
    for name, value in figures(comparisons).items():
        print(f"{name:8} {value:g}")
    for name, reason in missing.items():
        print(f"missing  {name}: {reason}")
    for c in comparisons[: options.worst]:
        print(f"\n{c.name}: {length(c.ours)} against {length(c.expert)}")
        print(f"    ours    {c.ours}\n    expert  {c.expert}")


if __name__ == "__main__":
    main()
