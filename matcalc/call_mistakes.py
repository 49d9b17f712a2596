"""What is said of a function call that cannot be right: the function, its arguments, and what it takes."""

from __future__ import annotations

from matcalc.applications import signature
from matcalc.dimensions import product
from matcalc.errors import ParseError, ShapeError, UnknownName
from matcalc.expressions import ONE, Dimension, dimension
from matcalc.function_table import ALIASES, ALONG_AXES, AXIS_CALLS, FUNCTIONS, LATER, nearest_names
from matcalc.inferences import Inference
from matcalc.mistakes import RANDOM
from matcalc.sizes import shape_words, size_text, with_article
from matcalc.syntax_trees import Tree, postorder
from matcalc.walks import EXTREMES, names_in_size

_FORMS = {
    "eye": "eye(n), or eye alone where its size follows from its place",
    "ones": "ones(n) or ones(m,n)",
    "zeros": "zeros(n) or zeros(m,n)",
    "vector": "vector(c) or vector(c, n): n entries, all equal to c",
    "matrix": "matrix(c) or matrix(c, m, n): all entries equal to c",
    "K": "K(m,n), which takes vec(A) to vec(A') for A with m rows and n columns",
    "commutation": "commutation(m,n), which takes vec(A) to vec(A') for A with m rows and n columns",
    "duplication": "duplication(n), which takes vech(S) to vec(S) for S symmetric with n rows",
    "elimination": "elimination(n), which takes vec(A) to vech(A) for A with n rows and columns",
    "sum": "sum(A), sum(A,1), sum(A,2), or sum(i, 1, n, x[i]) over an index",
    **{name: f"{name}(x), {name}(X, 1) for every column or {name}(X, 2) for every row" for name in AXIS_CALLS},
    "reshape": "reshape(A, m, n)",
    "unvec": "unvec(x, m, n)",
    "diag": "diag(x) or diag(A)",
    **{name: f"{name}(x), {name}(x, y) or {name}(x, 0)" for name in EXTREMES},
}
_TAKES = {
    "(n,n)": "a square matrix", "(n,1)": "a vector", "(m,1)": "a vector", "(1,1)": "a scalar",
    "(m*n,1)": "a vector",
}  # fmt: skip


# Other names of functions than the nearest by their letters.
_MEANT = {"sigma": "sigmoid", "slogdet": "logabsdet", "Norm": "norm2", "L2": "norm2", "L1": "norm1"}
_ASKED = frozenset(["grad", "gradient", "diff", "derivative", "jacobian", "hessian", "jac", "hess"])
_CHOSEN = "what is asked of it is chosen by the command"
_WRITTEN = {
    "I": "eye({})",
    **dict.fromkeys(("matmul", "mm", "mv", "mtimes"), "{}*{}"),
    **dict.fromkeys(("multiply", "mul", "times", "hadamard"), "{}.*{}"),
    **dict.fromkeys(("divide", "rdivide"), "{} ./ {}"),
    **dict.fromkeys(("power", "pow"), "{0}.^{1}, or {0}^{1} for a scalar or a square matrix"),
    **dict.fromkeys(("mldivide", "linsolve"), "{}\\{}"),
}
"""Functions of other languages that are operators here."""
_INDUCED = {"1": "max(sum(abs({}), 1))", "2": "normspec({})", "inf": "max(sum(abs({}), 2))"}
"""The norms of matrices that those of vectors induce, as norm(A, 1) is elsewhere."""
_DOCUMENTED_ALIASES = ("trace", "norm", "fro", "inner", "inverse", "asin")
_NOT_DOCUMENTED = ("diagonal", "rearrange", "unrearrange", *ALONG_AXES)


_REAL = "all numbers are real: give the real and the imaginary part as two variables"
_OF_ENTRIES = "of the entries of a vector: "
_VARIANCE = f"{_OF_ENTRIES}write mean((x .- mean(x)).^2)"
_OUTSIDE = {
    **dict.fromkeys(("Re", "re", "real", "Im", "im", "imag", "conj", "arg", "angle"), ("complex numbers", _REAL)),
    **dict.fromkeys(("E", "expectation", "bernoulli", "Bernoulli", "Pr"), ("random variables", RANDOM)),
    **dict.fromkeys(("Var", "var", "variance"), ("random variables", _VARIANCE)),
    **dict.fromkeys(("std", "Std", "stdev"), ("random variables", _VARIANCE.replace("write ", "write sqrt(") + ")")),
    **dict.fromkeys(
        ("Cov", "cov", "covariance"),
        ("random variables", f"{_OF_ENTRIES}write mean((x .- mean(x)).*(y .- mean(y)))"),
    ),
    **dict.fromkeys(("int", "integral", "integrate"), ("integrals", "write a sum over an index: sum(i, 1, n, x[i])")),
}
"""Functions of a subject that is not covered, and what can be done instead."""


def offered_names() -> list[str]:
    """The functions that a message may offer: those of docs/language.md and the user's own."""
    matrices = ("K", "commutation", "duplication", "elimination")
    builders = ("eye", "ones", "zeros", "vector", "matrix", "sum", *matrices, "reshape")
    derivatives = {name for name in FUNCTIONS if name[0] == "d" and name[1:] in FUNCTIONS}
    derivatives |= {name for name, row in FUNCTIONS.items() if row.named}
    return sorted({*FUNCTIONS, *_DOCUMENTED_ALIASES, *builders} - derivatives - {*_NOT_DOCUMENTED, *LATER})


def variable_called(found: Inference, tree: Tree) -> ParseError:
    """The error for a(b + c), where a is a variable."""
    name = str(tree.value)
    if name in found.declared and found.wanted is None:
        message = f"{name} is declared as a variable, and {name}(…) is a call"
    else:
        message = f"{name} is a variable here, and {name}(…) is a call"
    hint = f"write {name}*({_arguments(found, tree)}) for the product"
    if entry := _as_entry(tree):
        hint = f"write {entry} for an entry" + (f", {hint.removeprefix('write ')}" if len(tree.children) == 1 else "")
        return found.refusal(message, tree, hint)
    if len(tree.children) > 1:
        hint = f"a product is {name}*(…); no function can have the name of a variable"
    if name == "K" and len(tree.children) == 2:
        hint = f"write commutation({_arguments(found, tree)}) for the commutation matrix"
    elif FUNCTIONS.get(ALIASES.get(name, name)) is not None:
        hint += f"; for the function {name} give the variable another name"
    return found.refusal(message, tree, hint)


def _as_entry(tree: Tree) -> str:
    """A[1,2] for A(1,2); nothing where the arguments are no integers."""
    if all(child.kind == "number" and isinstance(child.value, int) for child in tree.children):
        return f"{tree.value}[{','.join(str(child.value) for child in tree.children)}]"
    return ""


def _arguments(found: Inference, tree: Tree) -> str:
    return found.quote(tree.children[0], tree.children[-1]) if tree.children else "…"


def equation_given(found: Inference, equation: Tree, tree: Tree) -> ParseError:
    """The error for sum(A, axis=0) and sin(x = y)."""
    message = f"{tree.value} takes no equation {found.quote(equation)}"
    left = equation.children[0]
    if left.value in ("axis", "dim", "dims") and tree.value in ("sum", "mean"):
        hint = _axes("sum", "A")
    elif left.value in ("axis", "dim", "dims") and tree.value in AXIS_CALLS:
        hint = _axes(str(tree.value), found.bare(tree.children[0]))
    elif tree.value == "sum" and left.kind == "name" and len(tree.children) == 3:
        others = [found.quote(child) for child in tree.children if child is not equation]
        hint = f"write sum({found.quote(left)}, {found.quote(equation.children[1])}, {', '.join(others)})"
    else:
        hint = "write the value alone, without the name and the ="
    return found.refusal(message, equation, hint)


def check_count(found: Inference, tree: Tree, *counts: int) -> None:
    """Raise ParseError if the number of arguments is none of these."""
    if len(tree.children) in counts:
        return
    wanted = " or ".join(map(str, counts))
    plural = "" if counts == (1,) else "s"
    message = f"{tree.value} takes {wanted} argument{plural}, not {len(tree.children)}"
    name = str(tree.value)
    form = _FORMS.get(name) or _form(name)
    if len(tree.children) == 2:
        text, which = found.quote(tree.children[0]), str(tree.children[1].value).lower()
        if ALIASES.get(name, name) == "norm2" and which in _INDUCED:
            is_vector = ONE in found.shape(tree.children[0])
            form = f"norm{which}({text})" if is_vector else f"{_INDUCED[which].format(text)} for the norm induced"
        elif ALIASES.get(name, name) == "norm2" and which in ("f", "frobenius"):
            form = f"norm2({text})"
        elif ALIASES.get(name, name) == "norm2":
            is_short = tree.children[1].kind in ("name", "number") and ONE in found.shape(tree.children[0])
            p = found.quote(tree.children[1])
            form = f"sum(abs({text}).^{p})^(1/{p})" if is_short else "norm2, norm1, norminf, normspec or normnuc"
    raise found.refusal(message, tree, f"write {form}" if form else "")


def _form(name: str) -> str:
    """How a function is called, from its signature: det(A), kron(A, B), logsumexp(x)."""
    row = FUNCTIONS.get(ALIASES.get(name, name))
    if row is None:
        return ""
    inputs = row.signature.split("->")[0].split()
    letters = iter("ABCD" if inputs[-1] not in ("(n,1)", "(m,1)") else "xyzw")
    return f"{name}({', '.join(next(letters) for _ in inputs)})"


def checked_size(found: Inference, tree: Tree, argument: Tree) -> Dimension:
    """The size that an argument is; raises ParseError if it contains a variable."""
    for name in names_in_size(argument):
        word = str(name.value)
        if word in found.names or word in found.declared or found.bound.get(word):
            message = f"{tree.value} needs a size here, and {word} is a variable"
            form = _FORMS.get(str(tree.value), "")
            raise found.refusal(message, name, f"write {form}" if form else "write a size such as n, 3 or 2n")
    return found.size(argument)


def not_an_entry(found: Inference, tree: Tree) -> ShapeError:
    """The error for vector(x), where x is no scalar."""
    found.settle_letters()
    argument = tree.children[0]
    message = f"{tree.value}(c) makes equal entries of a scalar c, and {found.described(argument)} is none"
    kind = "x: vector(n)" if tree.value == "vector" else "A: matrix(m,n)"
    hint = f"write {found.bare(argument)} itself; variables are not declared here, but beside the text: {kind}"
    return found.mistake(message + found.because(argument), argument, hint=hint, at=tree)


def wrong_axis(found: Inference, tree: Tree) -> ParseError:
    """The error for sum(A,0)."""
    name = str(tree.value)
    message = f"the axis of {'a sum' if name == 'sum' else name} is 1 or 2"
    hint = _axes(name, found.quote(tree.children[0]))
    first, second = ({part.value for part in postorder(child) if part.kind == "name"} for child in tree.children)
    if name == "sum" and first & second:
        hint = "write sum(A,1) or sum(A,2) for columns or rows, sum(i, 1, n, x[i]) over an index"
    return found.refusal(message, tree.children[1], hint)


def _axes(name: str, text: str) -> str:
    """What to write for a function along an axis of a matrix."""
    if name == "sum":
        return f"write sum({text},1) to add up each column, sum({text},2) to add up each row"
    return f"write {name}({text},1) for every column, {name}({text},2) for every row"


def no_index_name(found: Inference, tree: Tree) -> ParseError:
    """The error for sum(2, 1, n, x[2])."""
    message = "a sum over an index begins with the name of the index"
    return found.refusal(message, tree.children[0], "write sum(i, 1, n, x[i])")


def wrong_bound(found: Inference, tree: Tree) -> ShapeError:
    """The error for sum(i, 1, x, …), where x is a vector."""
    found.settle_letters()
    message = f"the bounds of a sum are integers, and {found.described(tree)} is none{found.because(tree)}"
    return found.mistake(message, tree, hint="write sum(i, 1, n, x[i]), n being a size or an integer")


def wrong_count_of_entries(found: Inference, tree: Tree, m: Dimension, n: Dimension) -> ShapeError:
    """The error for reshape(A, m, n) and unvec(x, m, n) of something with more or fewer entries."""
    found.settle_letters()
    argument, size = tree.children[0], size_text(product(*found.unifier.shape((m, n))))
    text, words = found.bare(argument), with_article(found.words(argument))
    if tree.value == "unvec" and found.shape(argument)[1] is not ONE:
        message = f"unvec takes a vector, and {text} is {words}"
        hint = f"write reshape({text}, {size_text(m)}, {size_text(n)})"
    else:
        message = f"{found.quote(tree)} needs {size} entries, and {text} is {words}"
        hint = found.redeclared(argument, (product(m, n), ONE)) if tree.value == "unvec" else ""
        hint = hint or "the number of entries stays the same, whatever the shape"
    return found.mistake(message + found.because(argument), argument, hint=hint, at=tree)


def misfit(found: Inference, tree: Tree, child: Tree, signature: str) -> ShapeError:
    """The error for an argument of another shape than the function takes."""
    found.settle_letters()
    inputs = signature.split("->")[0].split()
    place = next((i for i, other in enumerate(tree.children) if other is child), 0)
    words, text = with_article(found.words(child)), found.bare(child)
    takes = _taken(inputs[place]) if inputs else "a vector or a square matrix"
    if takes == "a vector" and place and found.shape(child)[1] is ONE and not found.is_scalar(child):
        takes, first = "", tree.children[0]
        message = f"the arguments of {tree.value} do not fit together: {found.bare(first)} is "
        message += f"{with_article(found.words(first))}, {text} {words}"
    elif takes:
        message = f"{tree.value} takes {takes}, and {text} is {words}"
    else:
        first = tree.children[0]
        message = f"{tree.value} takes two arguments of one shape: {found.bare(first)} is "
        message += f"{with_article(found.words(first))}, {text} {words}"
    hint = _instead(found, tree, child, takes)
    return found.mistake(message + found.because(*tree.children), *tree.children, hint=hint)


def _taken(pattern: str) -> str:
    """What a function takes, in words, where its signature has that pattern; nothing for any shape."""
    rows, columns = signature(f"{pattern} -> (1,1)")[0][0] or (ONE, ONE)
    if rows.is_Integer and columns.is_Integer and pattern != "(1,1)":
        return with_article(shape_words((rows, columns)))
    return _TAKES.get(pattern, "a vector" if columns is ONE else "a row" if rows is ONE else "")


def _instead(found: Inference, tree: Tree, child: Tree, takes: str) -> str:
    rows, columns = found.shape(child)
    name, text = tree.value, found.bare(child)
    if name in ("tr", "trace") and columns is ONE:
        return f"write sum({text}) for the sum of the entries of a vector"
    if takes == "a square matrix":
        if name in ("inv", "inverse"):
            return f"write 1 ./ {text} for the reciprocal of every entry"
        if columns is not ONE and rows is not ONE and child.kind == "name":
            return f"for a matrix that is not square, {name}({text}'*{text}) has a value"
        if child.kind == "name":
            return f"if {text} is a matrix, declare it: {text}: matrix(n,n)"
        return "a square matrix has as many rows as columns: A: matrix(n,n)"
    if takes == "a scalar":
        return f"write a scalar in place of {text}"
    if rows is ONE and columns is ONE and takes == "a vector":
        return f"write vector({text}) for a vector with that entry everywhere"
    if rows is ONE and columns is not ONE:
        return f"write {found.transposed(child)} in place of {text}"
    if takes.startswith("a vector of"):
        return found.redeclared(child, (dimension(int(takes.split()[-1])), ONE)) or f"write {takes} in place of {text}"
    if name in AXIS_CALLS:
        return _axes(str(name), text)
    if takes:
        return f"write vec({text}) for all entries of {text}"
    if not takes and tree.children[0] is not child:
        first = tree.children[0]
        if found.is_scalar(child) or found.is_scalar(first):
            return "write vector(c) or matrix(c) for a scalar c in every entry"
        redeclared = found.redeclared(child, found.shape(first))
        return redeclared or found.redeclared(first, (rows, columns)) or "both need one shape"
    return ""


def unknown_function(found: Inference, tree: Tree) -> UnknownName:
    """The error for a name before ( that is neither a variable nor a function."""
    name = str(tree.value)
    opening = found.text.find("(", tree.start, tree.end)
    end = tree.start + len(found.text[tree.start : opening].rstrip()) if opening > 0 else tree.end
    place = {"text": found.text, "start": tree.start, "end": end}
    if name in LATER:
        message = f"{name} is not supported yet: this version has no rules for {LATER[name]}"
        return UnknownName(message, hint="`matcalc rules` lists what it can derive", **place)  # type: ignore[arg-type]
    if name in _OUTSIDE:
        subject, hint = _OUTSIDE[name]
        product = len(tree.children) == 1 and len(name) == 1
        hint += f"; for a product write {name}*({_arguments(found, tree)})" if product else ""
        message = f"{name} is neither declared nor a function: {subject} are not supported"
        return UnknownName(message, hint=hint, **place)  # type: ignore[arg-type]
    if (entry := _as_entry(tree)) and len(tree.children) <= 2:
        message = f"{name} is neither declared nor a function"
        return UnknownName(message, hint=f"for an entry write {entry}", **place)  # type: ignore[arg-type]
    if name in _WRITTEN:
        texts = [found.factor(child) for child in tree.children]
        fits = len(texts) == (1 if name == "I" else 2)
        hint = f"write {_WRITTEN[name].format(*(texts if fits else 'xy'))}"
        return UnknownName(f"{name} is neither declared nor a function", hint=hint, **place)  # type: ignore[arg-type]
    if name in _ASKED:
        message = f"{name} is no function here"
        return UnknownName(message, hint=f"write {found.quote(tree.children[0])} alone: {_CHOSEN}", **place)  # type: ignore[arg-type]
    base = name.removeprefix("log").removeprefix("_")
    if name.startswith("log") and base.isdigit() and len(tree.children) == 1:
        message = f"{name} is neither declared nor a function"
        hint = f"write log({found.bare(tree.children[0])})/log({base})"
        return UnknownName(message, hint=hint, **place)  # type: ignore[arg-type]
    near = [_MEANT[name]] if name in _MEANT else nearest_names(name, offered_names())
    single = len(tree.children) == 1
    times = f"for a product write {name}*({_arguments(found, tree)})"
    if len(name) > 1 and near:
        hint = f"did you mean {' or '.join(near)}?"
        hint = f"{hint} F{times[1:]}" if single else hint
    elif single:
        hint = f"{times}, or name one of the functions: tr, det, inv, exp, log, norm2, sum, diag, …"
    else:
        hint = "the functions of two are dot, kron, outer, max, min, …; for an entry write [ ]: A[i,j]"
    message = f"{name} is neither declared nor a function"
    return UnknownName(message, hint=hint, **place)  # type: ignore[arg-type]
