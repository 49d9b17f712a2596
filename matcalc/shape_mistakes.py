"""What is said where shapes do not fit: the two parts, their shapes, where these come from, what to write instead."""

from __future__ import annotations

import unicodedata

from matcalc.dimensions import Clash, is_unknown
from matcalc.errors import ShapeError
from matcalc.expressions import ONE, SCALAR, Shape
from matcalc.inferences import Inference
from matcalc.rearrangements import product_of, rearranged
from matcalc.sizes import shape_words, size_text, with_article
from matcalc.syntax_trees import Tree

_VERBS = {
    "*": ("multiply", "by"),
    ".*": ("multiply entry by entry", "and"),
    "./": ("divide entry by entry", "by"),
}


def cannot_add(found: Inference, tree: Tree, i: int, left: Shape, operator: str) -> ShapeError:
    """The error for a sum whose terms up to i have another shape than the next one."""
    first, last, second = tree.children[0], tree.children[i], tree.children[i + 1]
    left, right = found.unifier.shape(left), found.shape(second)
    if left[1] is right[0] is ONE or left[0] is right[1] is ONE:
        _would_agree(found, left[0] * left[1], right[0] * right[1])
    found.settle_letters()
    text, left, right = found.quote(first, last), found.unifier.shape(left), found.shape(second)
    words = shape_words(left)
    verb, joiner = ("add", "and") if "+" in operator else ("subtract", "from")
    sides = [f"{text} ({words})", found.described(second)]
    sides = sides if verb == "add" else sides[::-1]
    terms = tree.children[: i + 1]
    sources = [*terms, second]
    if found.unifier.is_scalar(left) or found.unifier.is_scalar(right):
        sources = [second] if found.unifier.is_scalar(left) else [*terms]
    message = f"cannot {verb} {sides[0]} {joiner} {sides[1]}{found.because(*sources)}"
    hint = _instead_of_sum(found, tree, i, left, right, operator)
    return found.mistake(message, *terms, second, hint=hint)


def _instead_of_sum(found: Inference, tree: Tree, i: int, left: Shape, right: Shape, operator: str) -> str:
    first, last, second = tree.children[0], tree.children[i], tree.children[i + 1]
    text, other = found.quote(first, last), found.quote(second)
    sign = operator.strip(".")
    if found.unifier.is_scalar(left):
        filled, diagonal = _filled(text, i > 0, right), _diagonal(text, i > 0, right)
        also = f", or {diagonal} {sign} {other} for the diagonal alone" if diagonal else ""
        return f"write {filled} {sign} {other} or {text} .{sign} {other}{also}"
    if found.unifier.is_scalar(right):
        filled, diagonal = _filled(other, False, left), _diagonal(other, False, left)
        also = f", or {text} {sign} {diagonal} for the diagonal alone" if diagonal else ""
        return f"write {text} {sign} {filled} or {text} .{sign} {other}{also}"
    if left == right[::-1]:
        return f"did you mean {text} {sign} {found.transposed(second)}?"
    return found.redeclared(second, left) or found.redeclared(last, right) or "all terms need one shape"


def _filled(scalar: str, is_sum: bool, shape: Shape) -> str:
    """A scalar as a matrix with that entry everywhere."""
    rows, columns = map(size_text, shape)
    ones = "ones" if "?" in (rows, columns) else f"ones({rows})" if columns == "1" else f"ones({rows},{columns})"
    return _multiple(scalar, is_sum, ones)


def _multiple(scalar: str, is_sum: bool, matrix: str) -> str:
    return matrix if scalar == "1" else f"({scalar})*{matrix}" if is_sum else f"{scalar}*{matrix}"


def _diagonal(scalar: str, is_sum: bool, shape: Shape) -> str:
    """A scalar as a multiple of the identity, if that can be meant."""
    return _multiple(scalar, is_sum, "eye") if shape[0] == shape[1] and not is_unknown(shape[0]) else ""


def cannot_multiply(found: Inference, tree: Tree, i: int, operator: str, left: Shape) -> ShapeError:
    """The error for factors up to i whose product does not take the next one."""
    first, last, second = tree.children[0], tree.children[i], tree.children[i + 1]
    if left[1] is ONE and found.shape(second)[1] is ONE:
        _would_agree(found, left[0], found.shapes[second][0])
    found.settle_letters()
    left, right = found.unifier.shape(left), found.shape(second)
    text, other = found.quote(first, last), found.quote(second)
    verb, joiner = _VERBS[operator]
    described = f"{text} ({shape_words(left)})"
    message = f"cannot {verb} {described} {joiner} {found.described(second)}"
    hint = ""
    if operator == "*" and left == right and left[1] is ONE:
        hint = f"write {found.transposed(last)}*{other} for the inner product" if i == 0 else ""
        hint += f"{', ' if hint else 'write '}{text}.*{other} for the entrywise product"
    elif operator == "*" and left == right:
        hint = f"write {text}.*{other} for the entrywise product, or {text}*{found.transposed(second)}"
    elif operator == "*":
        hint = _other_order(found, tree) or found.redeclared(second, (left[1], right[1]))
        hint = hint or f"the second factor needs as many rows as the first has columns, {size_text(left[1])}"
    elif left == right[::-1]:
        hint = f"did you mean {text}{operator}{found.transposed(second)}?"
    else:
        hint = _scaling(found, tree, i, left, right)
        hint = hint or found.redeclared(second, left) or found.redeclared(last, right) or "both need one shape"
    terms = tree.children[: i + 1]
    return found.mistake(message + found.because(*terms, second), *terms, second, hint=hint)


def _other_order(found: Inference, tree: Tree) -> str:
    """The proposal of an order or a transpose with which a product fits."""
    ways = rearranged(found, tree, 1 if found.wanted is None else 2)
    return f"did you mean {' or '.join(ways)}?" if ways else ""


def _scaling(found: Inference, tree: Tree, i: int, left: Shape, right: Shape) -> str:
    """What multiplies the rows or columns of a matrix by the entries of a vector, where that is meant by .*"""
    vector, matrix = tree.children[i + 1], tree.children[i]
    if left[1] is ONE or left[0] is ONE:
        vector, matrix, left, right = matrix, vector, right, left
    if i or tree.value[i] != ".*" or ONE not in right:  # type: ignore[index]
        return ""
    if right[1] is ONE and left[0] == right[0]:
        return f"write diag({found.bare(vector)})*{found.quote(matrix)} to scale each row"
    if right[0] is ONE and left[1] == right[1]:
        return f"write {found.quote(matrix)}*diag({found.transposed(vector)}) to scale each column"
    return ""


def cannot_divide(found: Inference, tree: Tree, i: int, left: Shape) -> ShapeError:
    """The error for a division by a vector or matrix."""
    first, last, second = tree.children[0], tree.children[i], tree.children[i + 1]
    text, other, bare = found.quote(first, last), found.quote(second), found.bare(second)
    right = found.shapes[second]
    ways = []
    rest = tree.children[i + 1 :]
    following: tuple[str, ...] = tree.value[i + 1 :]  # type: ignore[index,assignment]
    if set(following) == {"*"} and product_of([found.shape(t) for t in rest]) == SCALAR:
        ways.append(f"{text}/({found.quote(second, rest[-1])}) to divide by the product")
    if _would_agree(found, *right) and found.unifier.resolve(right[1]) is not ONE:
        if text == "1":
            ways.append(f"inv({bare}) for the inverse")
        elif found.unifier.is_scalar(left) or _would_agree(found, left[1], right[0]):
            ways.append(f"{text}*inv({bare})")
        elif _would_agree(found, left[0], right[0]):
            ways.append(f"{other}\\{text}")
    if found.unifier.is_scalar(left) or found.unifier.shape(left) == found.unifier.shape(right):
        ways.append(f"{text} ./ {other} to divide entry by entry")
    name = str(second.value)
    if second.kind == "name" and name not in found.declared and not found.bound.get(name):
        ways.append(f"declare {name}: scalar")
    found.settle_letters()
    message = f"cannot divide by {found.described(second)}{found.because(second)}"
    hint = f"write {', or '.join(ways)}" if ways else "a division is by a scalar; ./ divides entry by entry"
    return found.mistake(message, *tree.children[: i + 1], second, hint=hint)


def _would_agree(found: Inference, a: object, b: object) -> bool:
    """Whether two sizes can be equal; from here on they are, since nothing but words is to come."""
    try:
        found.unifier.unify(a, b)
    except Clash:
        return False
    return True


def cannot_solve(found: Inference, tree: Tree, i: int) -> ShapeError:
    """The error for A\\b where A is not square or b too long."""
    found.settle_letters()
    left, right = tree.children[i], tree.children[i + 1]
    message = f"cannot solve {found.quote(left)}\\{found.quote(right)}: "
    message += f"{found.quote(left)} is {with_article(found.words(left))}, "
    message += f"{found.quote(right)} {with_article(found.words(right))}{found.because(left, right)}"
    hint = "A\\b needs a square A with as many rows as b; least squares: inv(A'*A)*A'*b"
    return found.mistake(message, *tree.children[: i + 1], right, hint=hint)


def not_square(found: Inference, tree: Tree, operand: Tree, problem: str, hint: str) -> ShapeError:
    """The error for a matrix that has to be square."""
    found.settle_letters()
    words = with_article(found.words(operand))
    message = f"{found.bare(operand)} is {words}, {problem}{found.because(operand)}"
    return found.mistake(message, operand, hint=hint, at=tree)


def no_power(found: Inference, tree: Tree) -> ShapeError:
    """The error for x^2 and for A^2 with A not square."""
    base, exponent = tree.children
    text = found.quote(base)
    if found.quote(exponent) in ("-1", "(-1)"):
        return no_inverse(found, tree, base)
    hint = f"write {text}.^{_exponent(found, exponent)} for the power of every entry"
    if _without_superscripts(found.quote(exponent)) == "2":
        name = found.transposed(base)
        hint += f", {name}*{text} for the square of the norm" if found.shape(base)[1] is ONE else f", or {name}*{text}"
    return not_square(found, tree, base, "and only scalars and square matrices have powers", hint)


def no_inverse(found: Inference, tree: Tree, operand: Tree) -> ShapeError:
    """The error for the inverse of a vector or of a matrix that is not square."""
    hint = f"write 1 ./ {found.quote(operand)} for the reciprocal of every entry"
    return not_square(found, tree, operand, "not square, and has no inverse", hint)


def _exponent(found: Inference, tree: Tree) -> str:
    text = _without_superscripts(found.quote(tree))
    plain = tree.children[0] if tree.kind == "negate" else tree
    simple = plain.kind in ("name", "number") or text.startswith("(")
    return text if simple else f"({text})"


def _without_superscripts(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("−", "-") if text[:1] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁱᵏᵐⁿᵖ" else text


def not_an_exponent(found: Inference, tree: Tree) -> ShapeError:
    """The error for 2^A."""
    found.settle_letters()
    base, exponent = tree.children
    message = f"the exponent {found.described(exponent)} is not a scalar{found.because(exponent)}"
    ways = f"write {found.quote(base)}.^{_exponent(found, exponent)} for a power with each of its entries"
    if base.kind == "name" and base.value == "e" and base.value not in found.declared:
        ways = f"write exp({found.bare(exponent)}) for the exponential of every entry"
    if exponent.kind == "name" and exponent.value not in found.declared:
        ways += f", or declare {exponent.value}: scalar"
    return found.mistake(message, base, exponent, hint=ways)
