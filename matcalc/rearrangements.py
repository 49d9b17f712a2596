"""Products that fit, near one that does not: a factor transposed, or two factors exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from matcalc.expressions import ONE, SCALAR, Shape
from matcalc.inferences import Inference
from matcalc.syntax_trees import Tree

MOST_FACTORS = 8
MOST_OFFERED = 2
LONGEST_OFFERED = 60


class Factor(NamedTuple):
    """A factor as it is written, its shape, and its transpose as it would be written."""

    text: str
    shape: Shape
    transposed: str

    @property
    def turned(self) -> Factor:
        return Factor(self.transposed, self.shape[::-1], self.text)


def rearranged(found: Inference, tree: Tree, changes: int) -> list[str]:
    """The products with at most so many changes that fit, the nearest first; of the wanted shape, if any are.

    There are none where the product has other operators than * and the division by a scalar.
    """
    operators: tuple[str, ...] = tree.value  # type: ignore[assignment]
    factors = [Factor(found.quote(t), found.shape(t), found.transposed(t)) for t in tree.children]
    divided = {i + 1 for i, operator in enumerate(operators) if operator == "/"}
    if len(factors) > MOST_FACTORS or not set(operators) <= {"*", "/"}:
        return []
    if any(factors[i].shape != SCALAR for i in divided):
        return []
    fitting: dict[str, Shape] = {}
    for count in range(1, changes + 1):
        for changed in _changed(factors, count):
            shape = product_of([f.shape for f in changed])
            text = "".join(f"{o}{f.text}" for o, f in zip(("", *operators), changed, strict=True))
            if shape is not None and "…" not in text and len(text) <= LONGEST_OFFERED:
                fitting.setdefault(text, shape)
    asked = [text for text, shape in fitting.items() if shape == found.wanted]
    return (asked or list(fitting))[:MOST_OFFERED]


def _changed(factors: Sequence[Factor], count: int) -> Iterator[list[Factor]]:
    """The factors after so many changes."""
    if count == 0:
        yield list(factors)
        return
    places = [i for i, f in enumerate(factors) if f.shape != SCALAR]
    for before in _changed(factors, count - 1):
        for i in places:
            if before[i].shape[0] != before[i].shape[1]:
                yield [*before[:i], before[i].turned, *before[i + 1 :]]
        for i, j in combinations(places, 2):
            swapped = list(before)
            swapped[i], swapped[j] = before[j], before[i]
            yield swapped


def product_of(shapes: Sequence[Shape]) -> Shape | None:
    """The shape of a product, None where there is none; an outer product of two vectors is not meant."""
    total: Shape = SCALAR
    for shape in shapes:
        if total == SCALAR or shape == SCALAR:
            total = shape if total == SCALAR else total
        elif total[1] != shape[0] or total[1] is ONE:
            return None
        else:
            total = total[0], shape[1]
    return total
