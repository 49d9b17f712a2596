"""What exact arithmetic has to say about some formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """What exact arithmetic shows: whether all tests agreed at all points, None where it cannot tell.

    ``bound`` is the chance that a formula passes that is wrong at the sizes tested, ``why`` what makes that an
    estimate; ``objections`` are the forms that disagreed, with the sizes where they did.
    """

    agreed: bool | None
    sizes: tuple[Mapping[str, int], ...] = ()
    bound: float | None = None
    why: tuple[str, ...] = ()
    objections: Mapping[str, tuple[Mapping[str, int], ...]] = field(default_factory=dict)
    reason: str = ""
    prime: int = 0

    @property
    def refutes(self) -> bool:
        """Whether a disagreement is certain: nothing but rational functions was compared."""
        return self.agreed is False and not self.why


UNDECIDED = Finding(None)
