"""The shapes of blocks and of entries, rows and columns."""

from __future__ import annotations

from matcalc.dimensions import Clash, total
from matcalc.errors import ParseError
from matcalc.expressions import ONE, Dimension, Shape, dimension
from matcalc.inferences import Inference
from matcalc.sizes import size_text
from matcalc.syntax_trees import Tree

LONGEST_RANGE = 100


def row_shape(found: Inference, tree: Tree) -> Shape:
    """Entries side by side, all with as many rows."""
    first, *others = tree.children
    rows, _ = found.shapes[first]
    for other in others:
        right = found.shapes[other]
        try:
            found.unifier.unify(rows, right[0])
        except Clash:
            found.settle_letters()
            message = f"{found.described(other)} cannot stand beside {found.described(first)}"
            hint = "what stands side by side has as many rows; a semicolon begins a new row"
            hint = _did_you_mean(found, first, found.shape(other)[0], side=1) or hint
            hint = _did_you_mean(found, other, found.shape(first)[0], side=1) or hint
            raise found.mistake(message + found.because(first, other), first, other, hint=hint) from None
    return rows, total(found.shapes[entry][1] for entry in tree.children)


def block_shape(found: Inference, tree: Tree) -> Shape:
    """Rows of blocks, one below the other, columns aligned."""
    first, *others = tree.children
    for other in others:
        if len(other.children) != len(first.children):
            counts = f"{_entries(other)}, the first row {_entries(first)}"
            raise found.refusal(f"this row has {counts}", other, "write as many in every row, zeros included")
        for above, below in zip(first.children, other.children, strict=True):
            _stack(found, above, below)
    return total(found.shapes[row][0] for row in tree.children), found.shapes[first][1]


def _entries(row: Tree) -> str:
    return "1 entry" if len(row.children) == 1 else f"{len(row.children)} entries"


def _stack(found: Inference, above: Tree, below: Tree) -> None:
    try:
        found.unifier.unify(found.shapes[above][1], found.shapes[below][1])
    except Clash:
        found.settle_letters()
        message = f"{found.described(below)} cannot stand below {found.described(above)}"
        hint = "what stands one below the other has as many columns; a comma sets it side by side"
        hint = _did_you_mean(found, below, found.shape(above)[1], side=0) or hint
        hint = _did_you_mean(found, above, found.shape(below)[1], side=0) or hint
        raise found.mistake(message + found.because(above, below), above, below, hint=hint) from None


def _did_you_mean(found: Inference, part: Tree, size: Dimension, side: int) -> str:
    """The transpose of a part, if that would have the size that is needed at a side."""
    return f"did you mean {found.transposed(part)}?" if found.shape(part)[side] == size else ""


def index_shape(found: Inference, tree: Tree) -> Shape:
    """A[i,j] is a scalar, A[i,:] a row, A[:,j] a column, x[1:3] a vector of length 3."""
    base, *items = tree.children
    if found.is_scalar(base):
        message = f"{found.bare(base)} is a scalar and has no entries{found.because(base)}"
        raise found.mistake(message, base, hint="leave out the index, or declare a vector or matrix", at=tree)
    rows, columns = found.shape(base)
    if any(_is_zero(item) for item in items) and len(items) == (1 if ONE in (rows, columns) else 2):
        raise _counted_from_zero(found, tree)
    if len(items) == 2:
        return _extent(found, items[0], rows), _extent(found, items[1], columns)
    if columns is ONE:
        return _extent(found, items[0], rows), ONE
    if rows is ONE:
        return ONE, _extent(found, items[0], columns)
    found.settle_letters()
    text = found.quote(base)
    message = f"{found.described(base)} has two indices, not one{found.because(base)}"
    hint = f"write {text}[i,j] for an entry, {text}[i,:] for a row, {text}[:,j] for a column"
    raise found.mistake(message, base, hint=hint, at=tree)


def _is_zero(item: Tree) -> bool:
    ends = item.children if item.kind == "range" else (item,)
    return any(end.kind == "number" and end.value == 0 for end in ends)


def _counted_from_zero(found: Inference, tree: Tree) -> ParseError:
    """The error for A[0,1], which is A[1,2] here; a range in Python ends before its last."""
    base, *items = tree.children
    place = next(item for item in items if _is_zero(item))
    shifted = []
    for item in items:
        texts = [_shifted(found, end) for end in item.children or (item,)]
        if item.kind == "range":
            texts[1] = found.quote(item.children[1])
        shifted.append(":".join(texts))
    return found.refusal("indices count from 1", place, f"write {found.quote(base)}[{','.join(shifted)}]")


def _shifted(found: Inference, item: Tree) -> str:
    return str(item.value + 1) if isinstance(item.value, int) else found.quote(item)


def _extent(found: Inference, item: Tree, size: Dimension) -> Dimension:
    """How many rows or columns an item picks out of so many."""
    if item.kind == "all":
        return size
    if item.kind == "range":
        return _length(found, item, size)
    if not found.is_scalar(item):
        found.settle_letters()
        message = f"the index {found.described(item)} is not a number{found.because(item)}"
        raise found.mistake(message, item, hint="indices are the integers 1, 2, …, or names of integers")
    if item.kind == "number":
        _within(found, item, item.value, size)
    elif item.kind == "negate" and item.children[0].kind == "number":
        last = f", the last is {size_text(size)}" if size.is_Integer else ""
        raise found.refusal("indices do not count from the end", item, f"they go up from 1{last}; write x[k] for any")
    return ONE


def _within(found: Inference, item: Tree, value: object, size: Dimension) -> None:
    if not isinstance(value, int):
        raise found.refusal(f"{found.quote(item)} is not an index", item, "indices are the integers 1, 2, …")
    if value < 1:
        raise found.refusal("indices count from 1", item, "write 1 for the first")
    if size.is_Integer and value > size:
        raise found.refusal(f"the index {value} is beyond {size}", item, f"indices here go from 1 to {size}")


def _length(found: Inference, item: Tree, size: Dimension) -> Dimension:
    low, high = (end.value if end.kind == "number" else None for end in item.children)
    if not isinstance(low, int) or not isinstance(high, int):
        end = next(end for end in item.children if end.kind != "number" or not isinstance(end.value, int))
        hint = "write a range like 1:3, or : for all; a part of any size is a variable of its own"
        raise found.refusal(f"the ends of a range are integers, and {found.quote(end)} is none here", item, hint)
    for end in item.children:
        _within(found, end, end.value, size)
    if low > high:
        raise found.refusal(f"the range {low}:{high} is empty", item, f"write {high}:{low}")
    if high - low >= LONGEST_RANGE:
        message = f"a range has at most {LONGEST_RANGE} entries"
        raise found.refusal(message, item, "declare the parts, and write [y; z] for the whole")
    return dimension(high - low + 1)


def no_index(found: Inference, tree: Tree) -> Shape:
    """A colon or a range; what it stands for is known where it stands."""
    return ONE, ONE
