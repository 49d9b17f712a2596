"""Shapes of syntax trees: every part gets a shape by unification over the whole expression."""

from __future__ import annotations

from collections.abc import Callable

from matcalc import collection_shapes, operator_shapes
from matcalc.call_shapes import call_shape
from matcalc.dimensions import Clash, TooLarge, Undecided
from matcalc.expressions import SCALAR, Shape
from matcalc.inferences import Inference
from matcalc.sizes import shape_words, with_article
from matcalc.syntax_trees import Tree
from matcalc.walks import INDEX, RELEASE, VISIT, Step

_SHAPES: dict[str, Callable[[Inference, Tree], Shape]] = {
    "name": operator_shapes.name_shape,
    "number": operator_shapes.number_shape,
    "sum": operator_shapes.sum_shape,
    "product": operator_shapes.product_shape,
    "power": operator_shapes.power_shape,
    **dict.fromkeys(("negate", "let"), operator_shapes.same_shape),
    "transpose": operator_shapes.transpose_shape,
    **dict.fromkeys(("inverse", "inverse_transpose"), operator_shapes.inverse_shape),
    "call": call_shape,
    "row": collection_shapes.row_shape,
    "block": collection_shapes.block_shape,
    "index": collection_shapes.index_shape,
    **dict.fromkeys(("all", "range", "equation"), collection_shapes.no_index),
}


def infer(found: Inference, walk: list[Step], whole: Shape | None = None) -> None:
    """Give every part a shape, the whole that which is given; raises ShapeError with the place and the way out."""
    shapes = found.shapes
    try:
        for place, (action, tree, name) in enumerate(walk):
            found.place = place
            if action == VISIT:
                shapes[tree] = _SHAPES[tree.kind](found, tree)
            elif action == RELEASE:
                found.bound[name].pop()
            else:
                found.bound.setdefault(name, []).append(SCALAR if action == INDEX else shapes[tree])
        if whole is not None:
            _expect(found, tree, whole)
        found.unifier.settle()
    except Clash:
        found.settle_letters()
        hint = "declare the sizes that are to be equal with one name"
        raise found.mistake(f"the sizes do not fit together{found.because(tree)}", tree, hint=hint) from None
    except Undecided:
        raise _undecided(found, tree) from None
    except TooLarge:
        message = "a part of this expression has too many rows or columns"
        raise found.refusal(message, tree, "sizes go up to a million million") from None


def _expect(found: Inference, tree: Tree, whole: Shape) -> None:
    try:
        found.unifier.unify_shapes(found.shapes[tree], whole)
    except Clash:
        found.settle_letters()
        expected = with_article(shape_words(whole))
        message = f"this is {with_article(found.words(tree))}, and {expected} is expected{found.because(tree)}"
        raise found.mistake(message, tree, hint=f"write an expression that is {expected}") from None


def _undecided(found: Inference, tree: Tree) -> Exception:
    found.settle_letters()
    message = f"the sizes do not follow from the expression{found.because(tree)}"
    return found.refusal(message, tree, "declare them: A: matrix(m,n), x: vector(n)")
