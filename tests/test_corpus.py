"""The public corpus: 139 derivatives with frozen numbers, and the same answers as an expert writes them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.reading import read

Case = dict[str, Any]
Inputs = dict[str, np.ndarray]

CORPUS = Path(__file__).parent / "data" / "corpus"
CASES: list[Case] = json.loads((CORPUS / "public.json").read_text(encoding="utf-8"))
GOLDEN: dict[str, Case] = json.loads((CORPUS / "golden.json").read_text(encoding="utf-8"))
with np.load(CORPUS / "public.npz") as arrays:
    FROZEN: Inputs = dict(arrays)

DERIVE = {
    "differential": mc.differential,
    "gradient": mc.gradient,
    "jacobian": mc.jacobian,
    "hessian": mc.hessian,
}

# The corpus states its answers to this relative error; they come from another program in double precision.
TOLERANCE = 1e-8

every_case = pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])


def derivative(case: Case) -> mc.Expression:
    return DERIVE[case["want"]](case["expr"], case["wrt"], where=case["where"])


def draws(case: Case) -> Iterator[tuple[Inputs, np.ndarray]]:
    """The inputs and the answer of both frozen draws; the direction only where a differential uses it."""
    for draw in "01":
        start = f"{case['id']}|{draw}|in|"
        inputs = {key.removeprefix(start): value for key, value in FROZEN.items() if key.startswith(start)}
        if case["want"] != "differential":
            inputs.pop("d" + case["wrt"], None)
        yield inputs, FROZEN[f"{case['id']}|{draw}|out"]


def relative_error(found: object, expected: np.ndarray) -> float:
    """‖found − expected‖ / ‖expected‖, a vector being a column and a number a 1×1 matrix."""
    found, expected = (a.reshape(-1, 1) if a.ndim < 2 else a for a in map(np.asarray, (found, expected)))
    assert found.shape == expected.shape
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@every_case
def test_the_derivative_agrees_with_the_frozen_numbers(case: Case) -> None:
    answer = derivative(case)
    for inputs, expected in draws(case):
        assert relative_error(answer.evaluate(inputs), expected) < TOLERANCE, str(answer)


@every_case
def test_the_printed_answer_is_read_back(case: Case) -> None:
    answer = derivative(case)
    again = mc.parse(str(answer), where=answer.where)
    for inputs, expected in draws(case):
        assert relative_error(again.evaluate(inputs), expected) < TOLERANCE, str(answer)


def direction(case: Case) -> str:
    """The declaration of the direction, where the answer is a differential."""
    declared = re.search(rf"\b{case['wrt']}(?:, \w+)*: (\w+(?:\([^)]*\))?)", case["where"])
    return f", d{case['wrt']}: {declared[1]}" if declared and case["want"] == "differential" else ""


@every_case
def test_the_answer_of_an_expert_is_read_and_agrees(case: Case) -> None:
    golden = GOLDEN[case["id"]]
    parts = "; ".join(f"{name} = {definition}" for name, definition in golden["let"])
    text = f"let {parts} in {golden['answer']}" if parts else golden["answer"]
    ours = derivative(case)
    answer = read(text, case["where"] + direction(case), shape=ours.shape).expression
    for inputs, expected in draws(case):
        assert relative_error(answer.evaluate(inputs), expected) < TOLERANCE
