"""What a text is read as: the kinds of its names, the expression, and what is said of it."""

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import expressions

import matcalc as mc
from matcalc.declarations import common_declarations, declared_names
from matcalc.errors import ParseError, ShapeError
from matcalc.reading import Declared, declarations, parse, read
from matcalc.sizes import declaration_text
from matcalc.syntax import parse_declarations, parse_expression
from matcalc.syntax_trees import Tree

WHERE = (
    "a, b: scalar, k: scalar integer, x, y: vector(n), z: vector(m), r: row(n), A: matrix(m,n), B: matrix(m,n), "
    "S: matrix(n,n), T: matrix(n,n), P: matrix(m,m)"
)


VARIABLES = {v.name: v for v in mc.variables(WHERE)}


def declared(text: str, where: str = "") -> dict[str, str]:
    """The names of a text with their declarations, in order of appearance."""
    return {v.name: declaration_text(v.shape) for v in read(text, where).variables}


# ---- kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "scalar") for name in ("a", "g", "c1", "beta", "λ", "mu_1", "alpha2", "é", "delta_x")),
        *((name, "vector(n)") for name in ("h", "x", "z", "w_1", "weights", "nu_x1y", "öl")),
        *((name, "matrix(m,n)") for name in ("A", "Z", "Sigma", "Σ₁", "Data", "Ä")),
    ],
)
def test_a_name_that_is_not_declared_goes_by_its_first_letter(name: str, kind: str) -> None:
    if name == "nu_x1y":
        kind = "scalar"  # an index after a Greek letter
    assert list(declared(name).values()) == [kind]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("c'*x", {"c": "vector(n)"}),
        ("λᵀ x", {"lambda": "vector(n)"}),
        ("norm2(A*x - b)^2", {"b": "vector(m)"}),
        ("x + 1", {"x": "scalar"}),
        ("x^2", {"x": "scalar"}),
        ("x/s", {"s": "scalar"}),
        ("A\\b", {"b": "vector(n)"}),
        ("A + c", {"c": "matrix(m,n)"}),
        ("x + A", {"A": "vector(n)"}),
        ("A + t*B", {"t": "scalar"}),
        ("det(x*eye - A)", {"x": "scalar"}),
        ("c + A*x + b", {"c": "vector(m)", "b": "vector(m)"}),
        ("relu(W*relu(V*x + b) + c)", {"b": "vector(n)", "c": "vector(m)"}),
        ("(x - mu)'*inv(Sigma)*(x - mu)", {"mu": "vector(n)"}),
        ("norm2(x - c)", {"c": "vector(n)"}),
        ("diag(d)*x", {"d": "vector(n)"}),
        ("dot(c, x)", {"c": "vector(n)"}),
        ("sum(a)", {"a": "vector(n)"}),
        ("det(k)", {"k": "matrix(n,n)"}),
        ("b[2]", {"b": "vector(n)"}),
        ("b[1,2]", {"b": "matrix(m,n)"}),
        ("let r = A*x in r - b", {"b": "vector(m)"}),
        ("x^N", {"x": "scalar", "N": "scalar"}),
        ("A^k", {"k": "scalar"}),
        ("A[i,j]", {"i": "scalar", "j": "scalar"}),
        ("sum(i, 1, N, x[i])", {"N": "scalar"}),
    ],
)
def test_the_convention_is_a_preference(text: str, names: Mapping[str, str]) -> None:
    found = read(text)
    shapes = {v.name: declaration_text(v.shape) for v in found.variables}
    assert names.items() <= shapes.items()
    assert {note.split(":")[0] for note in found.notes} == set(names)


def test_a_reading_against_the_convention_is_said_with_its_reason() -> None:
    assert read("norm2(A*x - b)^2").notes == ("b: vector(m), since A*x - b needs it",)
    assert read("A^k").notes == ("k: scalar integer, since A^k needs it",)
    assert read("log(1 + exp(-c'*x))").notes == ("c: vector(n), since c' needs it",)


def test_many_names_are_read_against_the_convention_each_in_its_place() -> None:
    text = " + ".join(f"norm2(A{i}*x{i} - b{i})" for i in range(12))
    assert all(declared(text)[f"b{i}"].startswith("vector") for i in range(12))


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("x*y", "x: scalar or y: scalar"),
        ("Y - X*w", "Y: vector(n) or w: scalar"),
        ("x*y*z", "x: scalar, z: scalar; or"),
    ],
)
def test_several_readings_are_listed(text: str, ways: str) -> None:
    with pytest.raises(ShapeError) as caught:
        read(text)
    assert ways in caught.value.hint


@pytest.mark.parametrize("text", ["x + 1", "x^2", "x*y", "A + c", "sum(a*x) + b"])
def test_a_declared_name_is_never_taken_otherwise(text: str) -> None:
    where = "x, y: vector(n), c: scalar, A: matrix(n,n), a: scalar, b: vector(n)"
    with pytest.raises(ShapeError):
        read(text, where)


def test_only_integers_stand_in_exponents_of_matrices_indices_and_bounds() -> None:
    found = {v.name: "integer" in v.properties for v in read("tr(A^p)*x[i]*y^q*sum(j, 1, N, x[j])").variables}
    assert found == {"A": False, "p": True, "x": False, "i": True, "y": False, "q": False, "N": True}


# ---- names


def test_variables_stand_in_order_of_appearance() -> None:
    where = "x: vector(n), A: matrix(n,n), unused: scalar, b: vector(n)"
    assert list(declared("let r = b - A*x in r'*r + x'*b", where)) == ["b", "A", "x"]


def test_properties_are_those_declared() -> None:
    (S,) = read("S*S", "S: matrix(n,n) spd constant").variables
    assert S.properties == {"spd", "constant"}
    names, sizes = declarations("S: matrix(n,n) spd, x: R^(m×2), K: size")
    assert names["S"] == Declared((S.rows, S.rows), ("spd",))
    assert sizes == {"n", "m", "K"}


BLANKS = st.sampled_from(["", "", " ", "  "])
NAMES = st.sampled_from(["A", "x", "y_1", "B2", "let", "in", "eye", "R", "T", "lambda", "e5", "n", "σ", "x₁"])
LENGTHS = st.sampled_from(["n", "n", "m", "3", "1", "x", "pi", "007", "0", "99999", "1000000", "2n", "n+1", ""])
KINDS = st.sampled_from(["scalar", "vector(%s)", "row(%s)", "matrix(%s,%s)", "matrix(%s,%s)", "vector", "size", "R^%s"])
PROPERTIES = st.sampled_from(["symmetric", "spd", "positive", "integer", "unit", "lower", "odd"])


@st.composite
def declaration_texts(draw: st.DrawFn) -> str:
    """Declarations in many forms, right and wrong, some with a slip of the pen."""
    words = []
    for i in range(draw(st.integers(1, 3))):
        words += [draw(st.sampled_from([", ", ",", " ; ", "\n"])) if i else draw(BLANKS)]
        words += [draw(st.sampled_from([", ", ","])).join(draw(st.lists(NAMES, min_size=1, max_size=2))), draw(BLANKS)]
        words += [draw(st.sampled_from([":", ":", ":", " in "])), draw(BLANKS)]
        kind = draw(KINDS)
        words += [kind % tuple(draw(BLANKS) + draw(LENGTHS) + draw(BLANKS) for _ in range(kind.count("%")))]
        words += [" " + p for p in draw(st.lists(PROPERTIES, max_size=2))] + [draw(BLANKS)]
    text = "".join(words) + draw(st.sampled_from(["", "", ",", "; ", " # done"]))
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(text)))
        slip = draw(st.sampled_from(["", "(", ")", ",", " ", "'", "2"]))
        text = text[:place] + slip + text[place + draw(st.integers(0, 1)) :]
    return text


@settings(max_examples=1000)
@given(declaration_texts())
def test_common_declarations_are_what_the_grammar_makes_of_them(text: str) -> None:
    common = common_declarations(text)
    if common is not None:
        names, sizes = declared_names(parse_declarations(text), text)
        assert (list(common[0].items()), common[1]) == (list(names.items()), sizes)


def test_declarations_of_the_corpus_need_no_grammar() -> None:
    cases = json.loads((Path(__file__).parent / "data" / "corpus" / "public.json").read_text(encoding="utf-8"))
    texts = {case["where"] for case in cases}
    common = {text for text in texts if common_declarations(text) is not None}
    assert len(common) >= 0.9 * len(texts)
    for text in common:
        names, sizes = declared_names(parse_declarations(text), text)
        assert common_declarations(text) == (names, sizes)


@pytest.mark.parametrize(
    "text",
    [
        "A: R^(m×n)",
        "A: matrix(2n,n)",
        "x: vector",
        "n: size",
        "x: vector(n), x: scalar",
        "x: vector(n), n: scalar",
        "A: matrix(m,n) symmetric",
        "a: scalar odd",
        "A: matrix(pi,n)",
        "x: vector(0)",
        "x: vector(1000000)",
        "x: vector(n),, y: vector(n)",
        "σ: scalar",
        "a: scalar # one",
        ", ".join(f"x{i}: vector(n)" for i in range(1000)),
    ],
)
def test_other_declarations_are_left_to_the_grammar(text: str) -> None:
    assert common_declarations(text) is None


@pytest.mark.parametrize(
    ("text", "where", "same"),
    [
        ("I*x", "x: vector(n)", "x"),
        ("I*x", "I: matrix(n,n), x: vector(n)", "I@x"),
        ("sum(x)/n", "x: vector(n)", "mean(x)"),
        ("n*pi", "x: vector(n)", "pi*n"),
        ("ones(n)'*x", WHERE, "sum(x)"),
        ("x + vector(2)", WHERE, "x .+ 2"),
        ("S + 2*I", WHERE, "S + 2*eye(n)"),
        ("x.*ones", WHERE, "x"),
        ("max(x, 0)", WHERE, "max(x, zeros(n))"),
        ("A*x + zeros", WHERE, "A*x"),
        ("softmax(x, 1)", WHERE, "softmax(x)"),
        ("softmax(x', 2)", WHERE, "softmax(x)'"),
        ("softmax(x, 2)", WHERE, "ones(n)"),
        ("logsumexp(x, 1)", WHERE, "logsumexp(x)"),
        ("lse(x', 1)", WHERE, "x'"),
        ("softmax(A', 1)", WHERE, "softmax(A, 2)'"),
        ("softmax(A', 2)'", WHERE, "softmax(A, 1)"),
        ("softmax(S'*A', 1)'", WHERE, "softmax(A*S, 2)"),
        ("logsumexp(A', 2)", WHERE, "logsumexp(A, 1)'"),
    ],
)
def test_constants_and_sizes(text: str, where: str, same: str) -> None:
    assert parse(text, where) is parse(same, where)


def test_a_size_in_the_text_is_a_number_elsewhere_in_it() -> None:
    assert str(parse("tr(eye(n)) + n", "")) == "2*n"
    assert declared("n*ones(n)'*x") == {"x": "vector(n)"}


@pytest.mark.parametrize("name", ["K", "I", "eye", "ones", "pi", "sum", "exp", "vector", "i", "let", "T"])
def test_any_name_can_be_declared(name: str) -> None:
    assert declared(f"{name} + {name}", f"{name}: vector(3)") == {name: "vector(3)"}


# ---- operators and constructions


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("S\\x", "inv(S)*x"),
        ("S\\T\\x", "inv(T)*S*x"),
        ("S\\T\\S\\x", "inv(S)*inv(S)*T*x"),
        ("2\\x", "x/2"),
        ("x.*y./x", "y"),
        ("a/b/a", "1/b"),
        ("A*x.*z", "(A*x).*z"),
        ("x .+ 1 .- y", "x + ones(n) - y"),
        ("1 .+ 2 .+ x", "x + 3*ones(n)"),
        ("S^2", "S*S"),
        ("S⁻ᵀ", "inv(S)'"),
        ("x'[2]", "x[2]"),
        ("r[2]", "r*eye(n)[:,2]"),
        ("A[1:2,:]", "[A[1,:]; A[2,:]]"),
        ("A[2,1]", "A[2,:][1]"),
        ("sum(A, 1)", "ones(m)'*A"),
        ("sum(A, 2)", "A*ones(n)"),
        ("sum(i, 1, 3, x[i]^i)", "x[1] + x[2]^2 + x[3]^3"),
        ("sum(i, 1, n, a*x[i])", "a*sum(j, 1, n, x[j])"),
        ("sum(i, 1, 2, sum(j, 1, 2, A[i,j]))", "A[1,1] + A[1,2] + A[2,1] + A[2,2]"),
        ("reshape(A, m*n, 1)", "vec(A)"),
        ("unvec(vec(A), m, n)", "A"),
        ("[S, T][1,:]", "[S[1,:], T[1,:]]"),
        ("diag(S*T)", "diag(S*T)"),
        ("let q = A*x; s = sum(q) in s*q", "sum(A*x)*A*x"),
        ("q = A*x\ns = sum(q)\ns*q", "sum(A*x)*A*x"),
        ("(let q = x in q'*q) + (let q = y in q'*q)", "x'*x + y'*y"),
        ("let e = x in e'*e", "x'*x"),
    ],
)
def test_texts_that_mean_the_same(text: str, same: str) -> None:
    values = {v.name: _sample(v.shape, seed) for seed, v in enumerate(read(f"sum([{_all_names()}])", WHERE).variables)}
    one, other = parse(text, WHERE), parse(same, WHERE)
    assert one is other or np.allclose(_value(one, values), _value(other, values), rtol=1e-12)


def _all_names() -> str:
    return "a*b*k*x'*y*z'*A*B'*z*r*S*T*x*sum(P)"


def _sample(shape: Any, seed: int) -> np.ndarray:
    sizes = tuple(int(d.subs({"n": 3, "m": 2})) if d.is_number else {"n": 3, "m": 2}[str(d)] for d in shape)
    return np.random.default_rng(seed).uniform(1, 2, sizes) + 3 * np.eye(*sizes)


def _value(e: mc.Expression, values: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.asarray(e.evaluate({name: values[name] for name in e.variables}))


@pytest.mark.parametrize(
    ("text", "note"),
    [("exp(S)", "expm"), ("log(S*T)", "logm"), ("sqrt(S)", "sqrtm"), ("exp(A)", ""), ("exp(x)", ""), ("exp(a)", "")],
)
def test_a_function_of_a_square_matrix_names_the_matrix_function(text: str, note: str) -> None:
    notes = read(text, WHERE).notes
    assert (note in notes[0]) if note else (notes == ())


# ---- names defined by the text


@pytest.mark.parametrize(
    "text",
    ["let x = A*x in x", "let r = A*x in (let r = x in r)", "(let r = A*x in r) + r", "i*sum(i, 1, 2, x[i])",
     "sum(i, 1, 2, sum(i, 1, 2, A[i,i]))", "let n = x in eye(n)*n", "sum(i, 1, 3, ones(i)'*x)"],
)  # fmt: skip
def test_a_name_has_one_meaning(text: str) -> None:
    with pytest.raises(ParseError):
        read(text)


def test_a_declared_name_may_be_the_index_of_a_sum_where_it_is_not_used_otherwise() -> None:
    assert declared("sum(i, 1, n, x[i])", "i: scalar integer, x: vector(n)").keys() == {"x"}


# ---- everything


def test_readings_in_many_threads_are_the_same() -> None:
    texts = ["[A B; C D]*x", "norm2(A*x - b)^2", "kron(A, B)*vec(X)", "x'*A*x"] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(parse, texts))
    assert all(e is parse(text) for e, text in zip(found, texts, strict=True))


@given(expressions())
def test_what_is_printed_is_read_back(e: mc.Expression) -> None:
    assert parse(str(e), where=e.where) is e


# ---- values, against NumPy

SIZES = {"n": 2, "m": 3}
NAMED = {("1", "1"): "ab", ("n", "1"): "xy", ("m", "1"): "z", ("1", "n"): "r", ("m", "n"): "AB", ("n", "n"): "ST"}
# Parts are written {rows columns}, names of the text's own {letter}; FORMS are for any shape {rc}.
FORMS = ["{rc} + {rc} - {rc}", "{rk}*{kc}", "{rk} {kc}", "{rc}.*{rc}./(2 .+ sin({rc}))", "{11}*{rc}/4", "-{cr}'"]
FORMS += [
    "let {q} = {rc}; {s} = {q} in {q} - 2*{s}",
    "{rc} .+ {11}",
    "max({rc}, 0.5)",
    "sum({i}, 1, 3, {i}*{rc})",
    "sin({rc}).^2",
]
FORMS_OF = {
    "n.": ["({nn}.^2 + 9*eye(n))\\{rc}", "A'*{mc}"],
    "m.": ["A*{nc}"],
    ".1": ["{rk}[:,2]", "sum({rk}, 2)", "{rk}*ones({k},1)"],
    "n1": ["diag({nn})", "diag({n1})*x"],
    "11": [
        *("{nm}[2,1]", "tr({kk})", "norm2({kn})", "n*{11}", "sum({n1} ⊗ {mn})", "[{11}, {1n}]*[{11}; {n1}]"),
        *("sum([{nn} {nm}; {mn}, {mm}])", "sum([{nk}; {mk}][2:4,:])", "sum([{mn}, z*{1m}][:,2:4])"),
        *("sum({i}, 1, {k}, {k1}[{i}])", "sum({i}, 1, {k}, sum({j}, 1, 2, {kn}[{i},{j}]))"),
    ],
}


@st.composite
def texts(draw: Callable[[st.SearchStrategy[Any]], Any], shape: str, depth: int) -> str:
    """A text of the given shape over the names of WHERE, in brackets."""
    rows, columns = shape
    leaves = [*NAMED.get((rows, columns), "")]
    leaves += [f"{v}'" for v in NAMED.get((columns, rows), "")] or [f"ones({rows},{columns})"]
    if depth == 0:
        return draw(st.sampled_from(leaves))  # type: ignore[no-any-return]
    own = [
        form for key, forms in FORMS_OF.items() if key[0] in (rows, ".") and key[1] in (columns, ".") for form in forms
    ]
    form, k = draw(st.sampled_from([*FORMS, *own])), draw(st.sampled_from("nm"))
    letters = {"r": rows, "c": columns, "k": k, **{name: f"{name}{depth}" for name in "ijqs"}}
    pieces = re.split(r"\{(\w+)\}", form)
    for i in range(1, len(pieces), 2):
        wanted = [letters.get(letter, letter) for letter in pieces[i]]
        pieces[i] = draw(texts("".join(wanted), depth - 1)) if len(wanted) == 2 else wanted[0]
    return f"({''.join(pieces)})"


@given(texts("11", 3))
def test_the_expression_has_the_value_that_numpy_gives_the_text(text: str) -> None:
    generator = np.random.default_rng(0)
    e = parse(text, WHERE)
    values = {name: generator.uniform(-1, 1, [SIZES.get(str(d), 1) for d in v.shape]) for name, v in VARIABLES.items()}
    expected = evaluated(parse_expression(text), values).item()
    found = e.evaluate({name: values[name] for name in e.variables}, sizes=SIZES)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


def evaluated(tree: Tree, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The value of a tree, in NumPy and without this project's expressions."""
    parts: tuple[Any, ...] = tree.children
    if tree.kind == "let":
        for name, part in zip(tree.value, parts[:-1], strict=True):  # type: ignore[arg-type]
            values = {**values, name: evaluated(part, values)}
        return evaluated(parts[-1], values)
    if tree.kind == "call" and len(parts) == 4:
        last = int(evaluated(parts[2], values).item())
        indices = (np.array([[i]]) for i in range(1, last + 1))
        return np.sum([evaluated(parts[3], {**values, parts[0].value: i}) for i in indices], axis=0)
    if tree.kind == "name":
        return values[tree.value] if tree.value in values else np.array([[SIZES[tree.value]]])  # type: ignore[index]
    if tree.kind == "number":
        return np.array([[float(tree.value)]])  # type: ignore[arg-type]
    if tree.kind == "block":
        return np.block([[evaluated(entry, values) for entry in row.children] for row in parts])
    if tree.kind == "index":
        base = evaluated(parts[0], values)
        return base[np.ix_(*(_picked(item, n, values) for item, n in zip(parts[1:], base.shape, strict=False)))]
    operands = [evaluated(part, values) for part in parts]
    if tree.kind in ("sum", "product"):
        total = operands[0]
        for operator, operand in zip(tree.value, operands[1:], strict=True):  # type: ignore[arg-type]
            total = OPERATORS[operator](total, operand)
        return total
    return FUNCTIONS[str(tree.value) if tree.kind == "call" else tree.kind](*operands)


def _picked(item: Any, n: int, values: Mapping[str, np.ndarray]) -> list[int]:
    if item.kind == "all":
        return list(range(n))
    if item.kind == "range":
        return list(range(item.children[0].value - 1, item.children[1].value))
    return [int(evaluated(item, values).item()) - 1]


OPERATORS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "+": np.add, ".+": np.add, "-": np.subtract, ".-": np.subtract, ".*": np.multiply, "/": np.divide, "./": np.divide,
    "*": lambda a, b: a * b if 1 in (a.size, b.size) else a @ b,
    "\\": np.linalg.solve,
    "kron": np.kron,
}  # fmt: skip
FUNCTIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "negate": np.negative,
    "transpose": np.transpose,
    "power": np.power,
    "sin": np.sin,
    "max": np.maximum,
    "tr": lambda a: np.array([[np.trace(a)]]),
    "norm2": lambda a: np.array([[np.linalg.norm(a)]]),
    "diag": lambda a: np.diag(a[:, 0]) if a.shape[1] == 1 else np.diag(a)[:, None],
    "sum": lambda a, *axis: a.sum(1, keepdims=True) if axis else np.array([[a.sum()]]),
    "ones": lambda m, n: np.ones((int(m.item()), int(n.item()))),
    "eye": lambda n: np.eye(int(n.item())),
}


@pytest.mark.parametrize(
    ("text", "shape", "note"),
    [
        ("a'*X*b", (1, 1), "b: vector(n), as a is one; if it is a number, declare b: scalar"),
        ("a^T inv(X) b", (1, 1), "b: vector(n), as a is one; if it is a number, declare b: scalar"),
        ("b*a'*X", None, ""),
        ("a'*X", None, ""),
        ("x'*A*b", None, "b: a scalar by convention; if it is a vector, declare b: vector(n)"),
    ],
)
def test_a_letter_at_the_end_is_a_vector_where_the_first_one_is(text: str, shape: Any, note: str) -> None:
    found = read(text)
    assert (found.expression.shape == (1, 1)) is (shape == (1, 1))
    assert note in " ".join(found.notes)
