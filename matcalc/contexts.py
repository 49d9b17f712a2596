"""Where an answer comes from: the question, whose variables show the sizes that the answer only names.

The gradient of tr(X) is eye(n), in which X does not occur; given a value of X it can still be evaluated, since
the node remembers that it was an answer about X.  Nothing but the sizes is taken from there.

Equal expressions are one node, which remembers all the questions it answers.  A text is about what is declared with it
and about no earlier question, so its context is kept beside the node by what reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from matcalc.errors import MatcalcError
from matcalc.evaluation import evaluate
from matcalc.expressions import Expression, Variable, postorder, variables_of

MOST_CONTEXTS = 8
Contexts: TypeAlias = tuple[tuple[Expression, ...], ...]
"""Questions, each as expressions whose variables may show sizes; the first that shows one is asked."""


def remember(answer: Expression, question: Iterable[Expression]) -> Expression:
    """The answer, remembering the question it answers, whose variables show the sizes it only names.

    What was asked last comes first.
    """
    context = tuple(question)
    known = answer._contexts
    if context and known[:1] != (context,):
        answer._contexts = (context, *(c for c in known if c != context))[:MOST_CONTEXTS]
    return answer


def evaluate_answer(answer: Expression, values: Mapping[str, Any], *, sizes: Mapping[str, int] | None = None) -> Any:
    """The value of an expression; sizes that no variable of it shows come from the question's variables."""
    if sizes is None and answer._contexts and _has_own_sizes(answer):
        for context in answer._contexts:
            declared = [v for v in variables_of(*context) if v.name in values]
            try:
                return evaluate(answer, values, declared=declared)
            except MatcalcError:
                continue
    return evaluate(answer, values, sizes=sizes)


def _has_own_sizes(answer: Expression) -> bool:
    """Whether there are dimensions that no variable of the expression shows."""
    shown = {s for e in postorder(answer) if isinstance(e, Variable) for d in e.shape for s in d.free_symbols}
    named = {s for e in postorder(answer) for a in e._args for s in _symbols(a)}
    return not named <= shown


def _symbols(argument: Any) -> Iterable[Any]:
    # those of an expression would be collected from its tree, whose size may be exponential in that of the graph
    return () if isinstance(argument, Expression) else getattr(argument, "free_symbols", ())
