"""The derivatives of the MIT course: equal to what it says, and written as it writes the short ones."""

import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc

Case = dict[str, Any]
Inputs = dict[str, np.ndarray]

CASES: list[Case] = json.loads((Path(__file__).parent / "data" / "course.json").read_text(encoding="utf-8"))

DERIVE = {
    "differential": mc.differential,
    "gradient": mc.gradient,
    "jacobian": mc.jacobian,
    "hessian": mc.hessian,
    "second_differential": lambda f, x, where: mc.differentiate(f, x, where=where).second_differential,
}

# At these inputs `expected` agrees with complex-step derivatives of `expr` to 1e-11 in double precision.
TOLERANCE = 1e-9

DECLARATION = re.compile(r"(\w+): (scalar|vector|matrix)(?:\((\w+)(?:,(\w+))?\))?((?: \w+)*)")

# The properties that bind a perturbation too: what is spd stays symmetric, what is positive is free.
PROPERTIES_OF_PERTURBATIONS = {
    "symmetric": "symmetric",
    "spd": "symmetric",
    "skew": "skew",
    "diagonal": "diagonal",
}


def names(case: Case) -> tuple[str, ...]:
    return (case["wrt"],) if isinstance(case["wrt"], str) else tuple(case["wrt"])


def derivative(case: Case) -> mc.Expression:
    wrt = names(case)
    return DERIVE[case["want"]](case["expr"], wrt if len(wrt) > 1 else wrt[0], where=case["where"])


def declarations(case: Case) -> str:
    """The declarations of the case and those of the perturbations in its answer.

    >>> declarations({"where": "S: matrix(n,n) spd", "wrt": "S", "want": "second_differential"})
    'S: matrix(n,n) spd, dS: matrix(n,n) symmetric, dS_: matrix(n,n) symmetric'
    """
    marks = {"differential": [""], "second_differential": ["", "_"]}.get(case["want"], [])
    texts = [case["where"]]
    for match in DECLARATION.finditer(case["where"]):
        name, declaration = match[0].split(": ", 1)
        shape, *properties = declaration.split()
        kept = [PROPERTIES_OF_PERTURBATIONS[p] for p in properties if p in PROPERTIES_OF_PERTURBATIONS]
        if name in names(case):
            texts += [f"d{name}{mark}: {' '.join([shape, *kept])}" for mark in marks]
    return ", ".join(texts)


def draw(case: Case) -> Inputs:
    """Inputs from the domain of the case, perturbations included, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(label(case).encode()))
    inputs = {}
    for name, _, rows, columns, properties in DECLARATION.findall(declarations(case)):
        shape = tuple(int(case["dims"].get(size, size)) for size in (rows, columns) if size)
        hints = {*properties.split(), case.get("domain", {}).get(name)}
        inputs[name] = np.array(case.get("at", {}).get(name, sample(rng, shape, hints)), dtype=float)
    return inputs


def sample(rng: np.random.Generator, shape: tuple[int, ...], hints: set[str]) -> np.ndarray:
    entries = rng.uniform(0.5, 2, shape) if "positive" in hints else rng.standard_normal(shape)
    if "small" in hints:
        entries = 0.3 * entries
    if "near_eye" in hints:
        entries = np.eye(*shape) + 0.2 * entries
    if "unit" in hints:
        return entries / np.linalg.norm(entries, axis=0)
    if "orthogonal" in hints:
        return np.asarray(np.linalg.qr(entries)[0])
    if "spd" in hints:
        return entries @ entries.T / len(entries) + np.eye(len(entries))
    if "symmetric" in hints:
        return entries + entries.T
    if "skew" in hints:
        return entries - entries.T
    if "diagonal" in hints:
        return np.diag(np.diag(entries))
    return entries


def label(case: Case) -> str:
    return f"{case['id']}{case.get('part', '')}-{case['want']}"


def parameters(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=label(case)) for case in cases]


def test_the_cases_have_names_of_their_own() -> None:
    assert len({label(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", parameters(CASES))
def test_the_derivative_is_what_the_course_says(case: Case) -> None:
    answer = derivative(case)
    expected = mc.parse(case["expected"], where=declarations(case))
    inputs = draw(case)
    found, wanted = (np.asarray(e.evaluate(inputs)) for e in (answer, expected))
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= TOLERANCE * np.linalg.norm(wanted), str(answer)


@pytest.mark.parametrize("case", parameters([case for case in CASES if case.get("exact_form")]))
def test_the_derivative_reads_as_in_the_course(case: Case) -> None:
    readings = [case["expected"], *case.get("also", [])]
    assert str(derivative(case)).replace(" ", "") in [reading.replace(" ", "") for reading in readings]


@pytest.mark.parametrize("case", parameters(CASES))
def test_the_printed_derivative_is_read_back(case: Case) -> None:
    answer = derivative(case)
    again = mc.parse(str(answer), where=answer.where)
    inputs = draw(case)
    found, wanted = (np.asarray(e.evaluate(inputs)) for e in (again, answer))
    assert np.linalg.norm(found - wanted) <= TOLERANCE * np.linalg.norm(wanted), str(answer)


# ---- which statements are tests

UNTESTED = {
    # two ordinary differential equations solved by numbers alone
    "P25-2.4": "N", "N11.4": "N",
    # calculus of variations
    "N12.1": "X1", "N12.2": "X1", "N12.3": "X1", "N12.4": "X1",
    # discrete random variables, and a difference that fails; distributions
    "N13.3": "X3", "N13.4": "X3", "N13.5": "X2", "N17.5": "X3",
}  # fmt: skip


def test_every_statement_of_the_course_is_a_test_but_for_a_few_outside_its_core() -> None:
    folder = Path(__file__).parent
    tiers = json.loads((folder / "data" / "course_tiers.json").read_text(encoding="utf-8"))
    statements = (folder / "test_course_statements.py").read_text(encoding="utf-8")
    named = " ".join(re.findall(r"^def test_\w+|^    \(?\s*\"[NP][\d.-]+\w*", statements, re.MULTILINE)).lower()
    words = re.sub(r"[.-]", "_", named)
    tested = {case["id"] for case in CASES}
    tested |= {i for i in tiers if re.search(rf"(?<![a-z0-9]){re.sub('[.-]', '_', i.lower())}(?![a-z0-9])", words)}
    assert {i: tier for i, tier in tiers.items() if i not in tested} == UNTESTED
    assert "C" not in UNTESTED.values()
