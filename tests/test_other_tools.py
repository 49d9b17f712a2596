"""What other tools state of derivatives: SymPy's own tests and the examples that five more tools document."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_course import Case, declarations, derivative, draw

import matcalc as mc

ROWS: list[Case] = json.loads((Path(__file__).parent / "data" / "other_tools.json").read_text(encoding="utf-8"))
ANSWERED = [row for row in ROWS if "refused" not in row]
REFUSED = [row for row in ROWS if "refused" in row]

# Inputs and results are of the order of 1; a derivative that is 0 has rounding in its place.
TOLERANCE = 1e-9


def parameters(rows: list[Case]) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in rows]


def differ(found: object, wanted: object) -> bool:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    return bool(np.linalg.norm(found - wanted) > TOLERANCE * max(float(np.linalg.norm(wanted)), 1.0))


def test_each_statement_has_a_name() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", parameters(ANSWERED))
def test_the_derivative_is_what_the_tool_states(row: Case) -> None:
    answer = derivative(row)
    expected = mc.parse(row["expected"], where=declarations(row))
    inputs = draw(row)
    found, wanted = (e.evaluate(inputs, sizes=row["dims"]) for e in (answer, expected))
    assert not differ(found, wanted), str(answer)


@pytest.mark.parametrize("row", parameters(ANSWERED))
def test_the_printed_derivative_equals_it_at_other_points(row: Case) -> None:
    report = mc.equal(str(derivative(row)), row["expected"], where=declarations(row), seed=1)
    assert report.verdict == "verified", str(report)


@pytest.mark.parametrize("row", parameters(REFUSED))
def test_what_is_beyond_the_language_is_refused_by_name(row: Case) -> None:
    with pytest.raises(mc.MatcalcError, match=row["refused"]):
        derivative(row)
