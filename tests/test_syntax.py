"""What tree a text has, and what is said of a text that has none."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcalc.errors import ParseError
from matcalc.syntax import Tree, parse_declarations, parse_expression, parse_rulebook, postorder


def form(tree: Tree) -> str:
    """The tree in one line: operators between their operands, everything bracketed."""
    done: list[str] = []
    for node in postorder(tree):
        kept = len(done) - len(node.children)
        done[kept:] = [_form_of(node, done[kept:])]
    return done[0]


def _form_of(node: Tree, parts: list[str]) -> str:
    if node.kind in ("name", "number"):
        return str(node.value)
    if node.kind in ("sum", "product"):
        return "(" + parts[0] + "".join(f" {o} {p}" for o, p in zip(node.value, parts[1:], strict=True)) + ")"
    if node.kind == "power":
        return f"({parts[0]} {node.value} {parts[1]})"
    value = ",".join(node.value) if isinstance(node.value, tuple) else node.value
    return "(" + " ".join([node.kind, *([value] if value else []), *parts]) + ")"


TREES = [
    # precedence
    ("a + b*c", "(a + (b * c))"),
    ("a - b + c", "(a - b + c)"),
    ("a - (b + c)", "(a - (b + c))"),
    ("a/b*c", "(a / b * c)"),
    ("1/2x", "(1 / 2 * x)"),
    ("-a*b", "((negate a) * b)"),
    ("a*-b", "(a * (negate b))"),
    ("--x", "(negate (negate x))"),
    ("+x", "x"),
    ("-x'^2", "(negate ((transpose x) ^ 2))"),
    ("-x^2", "(negate (x ^ 2))"),
    ("2^-n", "(2 ^ (negate n))"),
    ("2^n^m", "(2 ^ (n ^ m))"),
    ("2^-n^m", "(2 ^ (negate (n ^ m)))"),
    ("x.^2.^y", "(x .^ (2 .^ y))"),
    ("A*B'", "(A * (transpose B))"),
    ("x'*A^2*x", "((transpose x) * (A ^ 2) * x)"),
    ("2x^2", "(2 * (x ^ 2))"),
    ("x''", "(transpose (transpose x))"),
    # operators and their signs
    ("A @ x", "(A * x)"),
    ("A·x⋅y", "(A * x * y)"),
    ("x.*y./z", "(x .* y ./ z)"),
    ("x ⊙ y ⊘ z", "(x .* y ./ z)"),
    ("A ⊗ B", "(A kron B)"),
    ("A\\b", "(A \\ b)"),
    ("x .+ 1 .- y", "(x .+ 1 .- y)"),
    ("a − b", "(a - b)"),
    # side by side
    ("x' A x", "((transpose x) * A * x)"),
    ("xᵀ A x", "((transpose x) * A * x)"),
    ("(A + B)x", "((A + B) * x)"),
    ("(A+B)(C+D)", "((A + B) * (C + D))"),
    ("2(x+y)", "(2 * (x + y))"),
    ("2A'", "(2 * (transpose A))"),
    ("2 sin(x) y", "(2 * (call sin x) * y)"),
    ("f(x)(y)", "((call f x) * y)"),
    # transpose and inverse
    *((text, "(transpose A)") for text in ("A'", "A.T", "A^T", "Aᵀ", "A^⊤", "A⊤", "A.'", "A′", "A’", "A^(T)")),
    *((text, "(inverse_transpose A)") for text in ("A^-T", "A^(-T)", "A⁻ᵀ", "A^−T")),
    ("A⁻¹b", "((inverse A) * b)"),
    ("A^-1", "(A ^ (negate 1))"),
    ("A^(-1)", "(A ^ (negate 1))"),
    ("A⁻²", "(A ^ (negate 2))"),
    ("x²", "(x ^ 2)"),
    ("Aⁿ", "(A ^ n)"),
    ("A²'", "(transpose (A ^ 2))"),
    ("x^Ty", "(x ^ Ty)"),
    # numbers
    ("0.5", "1/2"),
    ("2.0", "2"),
    ("1e-3", "1/1000"),
    ("1e3", "1000"),
    ("2e", "(2 * e)"),
    ("3.*x", "(3 .* x)"),
    (".5x", "(1/2 * x)"),
    # names
    ("Σ₁*λ", "(Sigma_1 * lambda)"),
    ("lambda", "lambda"),
    ("in", "in"),
    # functions, norms, absolute values
    ("f(x, y)", "(call f x y)"),
    ("sin.(x)", "(call sin x)"),
    ("σ(x)", "(call sigma x)"),
    ("solve(g = 0, x)", "(call solve (equation g 0) x)"),
    ("|a|", "(call abs a)"),
    ("||x||", "(call norm2 x)"),
    ("‖A*x - b‖²", "((call norm2 ((A * x) - b)) ^ 2)"),
    ("‖x‖_1 + ‖x‖₂ + ‖x‖_∞", "((call norm1 x) + (call norm2 x) + (call norminf x))"),
    ("‖A‖_F", "(call norm2 A)"),
    ("‖x‖_2² + ‖A‖_F²", "(((call norm2 x) ^ 2) + ((call norm2 A) ^ 2))"),
    ("|x|'|y|", "((transpose (call abs x)) * (call abs y))"),
    # blocks and indices
    ("[A, B; C D]", "(block (row A B) (row C D))"),
    ("[A -B]", "(block (row A (negate B)))"),
    ("[A - B]", "(block (row (A - B)))"),
    ("[A\nB]", "(block (row A) (row B))"),
    ("[[A B]; C]", "(block (row (block (row A B))) (row C))"),
    ("A[i,j]", "(index A i j)"),
    ("A[i,:]'", "(transpose (index A i (all)))"),
    ("A[1:3,:]", "(index A (range 1 3) (all))"),
    ("x[n-1]", "(index x (n - 1))"),
    ("a^x[1]", "(a ^ (index x 1))"),
    ("f(x)[1]", "(index (call f x) 1)"),
    # named parts
    ("let r = A*x in r'*r", "(let r (A * x) ((transpose r) * r))"),
    ("let r = a; s = r in r + s", "(let r,s a r (r + s))"),
    ("let\n r = a\n s = r\nin\n r", "(let r,s a r r)"),
    ("1 + (let r = a in r)", "(1 + (let r a r))"),
    ("r = a\ns = 2r\nsum(s)", "(let r,s a (2 * r) (call sum s))"),
    ("r = a +\n  b\n\n-r # last", "(let r (a + b) (negate r))"),
]


@pytest.mark.parametrize(("text", "expected"), TREES)
def test_tree(text: str, expected: str) -> None:
    assert form(parse_expression(text)) == expected


def test_numbers_are_exact() -> None:
    half, two = parse_expression("0.5"), parse_expression("2.0")
    assert (half.value, type(half.value)) == (Fraction(1, 2), Fraction)
    assert (two.value, type(two.value)) == (2, int)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (" (a + b) * c ", ["a", "b", "(a + b)", "c", "(a + b) * c"]),
        ("-A.T x", ["A", "A.T", "-A.T", "x", "-A.T x"]),
        ("f( x )", ["x", "f( x )"]),
        ("‖x‖²", ["x", "‖x‖", "²", "‖x‖²"]),
        ("[a b]", ["a", "b", "a b", "[a b]"]),
        ("A[1,:]", ["A", "1", ":", "A[1,:]"]),
        ("r = a\nr", ["a", "r", "r = a\nr"]),
    ],
)
def test_trees_know_their_place(text: str, places: list[str]) -> None:
    assert [text[node.start : node.end] for node in postorder(parse_expression(text))] == places


LONG = {
    "sum": ("+".join(["a"] * 5000), 5001),
    "product": ("*".join(["a"] * 5000), 5001),
    "side-by-side": (" ".join(["a"] * 5000), 5001),
    "power": ("^".join(["a"] * 5000), 9999),
    "transposes": ("x" + "'" * 9999, 10_000),
    "negatives": ("-" * 9999 + "x", 10_000),
    "parentheses": ("(" * 200 + "x" + ")" * 200, 1),
    "calls": ("f(" * 200 + "x" + ")" * 200, 201),
    "entries": ("[" + "a " * 4000 + "]", 4002),
}


@pytest.mark.parametrize("kind", LONG)
def test_length_and_depth_need_no_recursion(kind: str) -> None:
    text, nodes = LONG[kind]
    assert len(postorder(parse_expression(text))) == nodes


def test_limits_can_be_lifted() -> None:
    text = "(" * 3000 + "+".join(["a"] * 5000) + ")" * 3000
    assert len(parse_expression(text, limits=False).children) == 5000


def test_parsing_is_thread_safe() -> None:
    texts = [text for text, _ in TREES] * 5
    with ThreadPoolExecutor(8) as pool:
        assert (
            list(pool.map(lambda text: form(parse_expression(text)), texts)) == [expected for _, expected in TREES] * 5
        )


# (text, the part of it under the carets, a part of the message, a part of the hint)
WRONG = [
    ("", "", "no expression", "x'*A*x"),
    ("# note", "", "no expression", ""),
    ("a +", "+", "+ needs something after it", "write an expression after it"),
    ("* b", "*", "* needs something before it", "write a name"),
    ("a * / b", "/", "* and / stand side by side", "leave one out"),
    ("(+)", "+", "+ needs something after it", ""),
    ("()", ")", "nothing is in the brackets", "write an expression between ( and )"),
    ("f()", ")", "a function needs an argument", "between ( and )"),
    ("f(,)", ",", "missing between ( and ,", ""),
    ("f(a,)", ")", "missing between , and )", ""),
    ("[1,,2]", ",", "missing between , and ,", ""),
    ("(a", "(", "( is never closed", "write )"),
    ("[a)", "[", "[ is never closed", "write ]"),
    ("a)", ")", "never opened", "leave out )"),
    ("|x", "|", "| is never closed", "write |"),
    ("‖x", "‖", "‖ is never closed", "write ‖"),
    ("a**b", "**", "** is not an operator", "write ^"),
    ("x.**2", ".**", ".** is not an operator", "write .^"),
    ("a//b", "//", "// is not an operator", "write /"),
    ("a *. b", "*.", "dot of an entrywise operator comes first", "write .*"),
    ("a == b", "==", "== compares", "write one side alone"),
    ("f(a == b)", "==", "== compares", "write one side alone"),
    ("a < b", "<", "< compares", "max(x, c)"),
    ("a & b", "&", "& is not an operator", "write .*"),
    ("n!", "!", "! is not an operator", "gamma(n + 1)"),
    ("a % b", "%", "% begins no comment", "write #"),
    ("a = b", "=", "an equation is not an expression", "leave out a ="),
    ("A*x = b", "=", "an equation is not an expression", "difference of both sides"),
    ("f(x) = x", "=", "functions cannot be defined", "name a part"),
    ("(a = b)", "=", "an equation cannot stand here", "write one side alone"),
    ("r = a\ns = r", "s", "the last line is to be an expression", "leave out s ="),
    ("r = a\nr = b\nr", "r", "r is defined twice", "its own name"),
    ("a\nb", "a", "this line ends before the expression does", "name = …"),
    ("a;", ";", "; separates rows", "leave it out"),
    ("r = a; r", ";", "; separates rows", "let r = …"),
    ("a, b", ",", "one expression is expected", "[a; b]"),
    ("(a, b)", ",", "a comma separates", "f(a, b)"),
    ("a : b", ":", ": stands in indices", "A[1:3,:]"),
    ("A: matrix(n,n)", ": matrix", "a declaration is not part of an expression", "among the declarations"),
    ("let r = a", "let", "let is not complete", "let r = A*x - b"),
    ("let r in r", "let", "let is not complete", ""),
    ("A^2'", "'", "' after an exponent is unclear", "write (A^2)'"),
    ("A^n^T", "^T", "^T after an exponent is unclear", ""),
    ("A^*", "*", "^* is not an operator", "write A'"),
    ("A^+", "^+", "^+ is not an operator", "write pinv(A)"),
    ("A.t()", ".t()", ".t() is not part of the language", "write A'"),
    ("A.T()", ".T()", "the transpose takes no ()", "write A'"),
    ("A.inv()", ".inv()", ".inv() is not part of the language", "inv(A)"),
    ("A.dot(B)", ".dot", ".dot is not part of the language", "A*B"),
    ("A.trace", ".trace", "nothing has attributes", "trace(A)"),
    ("np.linalg.norm(x)", "np.linalg.norm", "functions have no module", "write norm(…)"),
    ("x.shape", ".shape", ".shape is not part of the language", "A: matrix(m,n)"),
    ("lambda x: x", "lambda x:", "lambda makes no functions", ""),
    ("'abc'", "'abc'", "text in quotes", "without quotes"),
    ('"abc"', '"', "text in quotes", "without quotes"),
    ("[a 'b']", "'", "' after a blank inside [ ] is unclear", "write A'"),
    ("x 2", "2", "the number 2 cannot follow x", "write a *"),
    ("2 3", "3", "two numbers side by side", ""),
    ("‖x‖2", "2", "the number 2 cannot follow ‖", "‖…‖_2"),
    ("‖x‖_7", "‖_7", "names no norm", "norm1(x)"),
    ("|x|_1", "_1", "below a single bar", "norm1(x)"),
    ("2.x", ".x", "a number ends with a digit", "2*x"),
    ("_x", "_x", "a name begins with a letter", "write x"),
    ("x -> y", "->", "-> is not used", "alone"),
    ("A×B", "×", "× is not an operator", "write *"),
    ("A ∘ B", "∘", "∘ is not an operator", "write .*"),
    ("a – b", "–", "– is not a minus sign", "write -"),
    ("√x", "√", "√ is not read", "sqrt(x)"),
    ("∑x", "∑", "∑ without both bounds", "sum(x)"),
    ("∇f", "∇", "∇ is not part of an expression", "command"),
    ("A†", "†", "† is not read", "write pinv(A)"),
    ("x`", "`", "` is not a transpose sign", "write '"),
    ("x\u0302", "\u0302", "accents", "x_hat"),
    ("x\u0430", "\u0430", "cyrillic small letter a, U+0430", "write a"),
    ("\u0391", "\u0391", "greek capital letter alpha", "write A"),
    ("（x", "（", "fullwidth left parenthesis", "write ("),
    ("𝐀", "𝐀", "mathematical bold capital a", "write A"),
    ("ſ", "ſ", "long s", "write s"),
    ("你", "你", "cannot be part of a name", "Latin and Greek"),
    ("x\x07", "\x07", "invisible character (U+0007)", "leave it out"),
    ("[[1,2],[3,4]]", "[[1,2],[3,4]]", "rows in brackets of their own", "[1, 2; 3, 4]"),
    ("[]", "]", "nothing is in the brackets", ""),
    ("A[1,2,3]", "3", "at most two indices", "A[i,j]"),
    ("A[1:]", ":]", "the last index of a range is missing", "write both"),
    ("A[1:2:3]", ":", "no step", "A[1:3,:]"),
    ("(x).(y)", ".(", "a dot before (", "sin.(x)"),
    ("x ∈ A", "∈", "declarations only", "x: R^n"),
    ("Aᵐˣⁿ", "ᵐˣⁿ", "is not an exponent", "write ^(...)"),
    ("1e999", "1e999", "beyond 400", "give it a name"),
    ("1e9999999999", "1e9999999999", "beyond 400", ""),
    ("1" * 1001, "1" * 1001, "more than 1,000 digits", "give it a name"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), WRONG, ids=[row[0][:20] for row in WRONG])
def test_wrong_text_is_explained(text: str, place: str, message: str, hint: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression(text)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert text[error.start : error.end] == place


def test_an_error_shows_line_place_message_and_remedy() -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression("r = a**2\nsum(r)")
    assert str(caught.value).splitlines() == [
        "r = a**2",
        "     ^^",
        "** is not an operator here",
        "write ^ for a power: x^2, A^-1, x.^2 entry by entry",
    ]


DECLARATIONS = [
    ("A: matrix(n,n) symmetric", "A matrix n,n symmetric"),
    ("x: vector(n), y: row(m)", "x vector n ; y row m "),
    ("a, b: scalar positive; K: matrix(3,4)", "a scalar  positive; b scalar  positive; K matrix 3,4 "),
    ("S: matrix(n,n) spd constant", "S matrix n,n spd constant"),
    ("A: matrix, x: vector", "A matrix  ; x vector  "),
    (
        "x: vector(2n), y: vector(n+1), z: vector(2*n)",
        "x vector (2 * n) ; y vector (n + 1) ; z vector (2 * n) ",
    ),
    ("A: matrix(2n, n+1)", "A matrix (2 * n),(n + 1) "),
    ("A: R^(m×n), B: R^(m x n), C: R^(m, n)", "A matrix m,n ; B matrix m,n ; C matrix m,n "),
    ("x: R^n, y ∈ R^3, z in Rⁿ, a: R", "x vector n ; y vector 3 ; z vector n ; a scalar  "),
    ("D ∈ ℝᵐˣⁿ, e ∈ ℝ, f: R³", "D matrix m,n ; e scalar  ; f vector 3 "),
    ("x: R^(2n) unit", "x vector (2 * n) unit"),
    ("Σ₁: matrix(n,n), λ: scalar", "Sigma_1 matrix n,n ; lambda scalar  "),
    ("A: matrix(n,n)\nx: vector(n) # the state\n", "A matrix n,n ; x vector n "),
    ("in: scalar, for: scalar", "in scalar  ; for scalar  "),
    ("a: scalar,", "a scalar  "),
    ("", ""),
    (" \n # nothing", ""),
]


@pytest.mark.parametrize(("text", "expected"), DECLARATIONS)
def test_declarations(text: str, expected: str) -> None:
    found = (
        f"{one.name} {one.kind} {','.join(map(form, one.dims))} {' '.join(one.properties)}"
        for one in parse_declarations(text)
    )
    assert "; ".join(found) == expected


def test_a_declaration_knows_its_place() -> None:
    text = "a: R, b, c: vector(n) unit"
    assert [text[one.start : one.end] for one in parse_declarations(text)] == [
        "a: R",
        "b, c: vector(n) unit",
        "c: vector(n) unit",
    ]


WRONG_DECLARATIONS = [
    ("A", "A", "A has no kind", "A: scalar"),
    ("A:", "", "the kind is missing", "matrix(m,n)"),
    ("A matrix(n,n)", "A matrix(n,n)", "a colon is missing", "write A: matrix(n,n)"),
    ("A = matrix(n,n)", "A = matrix(n,n)", "a colon is missing", "write A: matrix(n,n)"),
    ("matrix A(n,n)", "matrix A(n,n)", "the name comes first", "write A: matrix(n,n)"),
    ("a = 3", "a =", "a is declared, not defined", "a: scalar"),
    ("A: matrx(n,n)", "matrx", "matrx is not a kind of variable", "did you mean matrix?"),
    ("x: real", "real", "real is not a kind of variable", "did you mean scalar?"),
    ("S: symmetric", "symmetric", "is not a kind of variable", "matrix(n,n) symmetric"),
    ("S: symmetric matrix(n,n)", "symmetric matrix(n,n)", "comes after the kind", "matrix(n,n) symmetric"),
    ("x: vector(n) symetric", "symetric", "symetric is not a property", "did you mean symmetric?"),
    ("x: vector(n) antisymmetric", "antisymmetric", "is not a property", "did you mean skew?"),
    ("x: vector(n) blue", "blue", "blue is not a property", "symmetric, skew"),
    ("A: matrix(n)", "matrix(n)", "matrix does not take 1 size", "matrix(m,n)"),
    ("x: vector(m,n)", "vector(m,n)", "vector does not take 2 sizes", "vector(n)"),
    ("a: scalar(n)", "scalar(n)", "scalar does not take 1 size", "scalar"),
    ("A: matrix()", "matrix()", "there is no size in ()", "write matrix alone"),
    ("A: matrix[n,n]", "matrix[", "sizes stand in parentheses", "matrix(m,n)"),
    ("x: vector(sin(n))", "sin(n)", "cannot be a size", "2n"),
    ("x: vector(n.*2)", "n.*2", "cannot be a size", "2n"),
    ("x: vector(0)", "0", "a size is a positive integer", ""),
    ("x: vector(2.5)", "2.5", "a size is a positive integer", ""),
    ("x: S^n", "S", "S is not a kind of variable", "vector"),
    ("A: R^mxn", "mxn", "mxn is one name", "write R^(m×n)"),
    ("A: R^(l×m×n)", "×", "a matrix has two sizes", "R^(m×n)"),
    ("x: R, x: R", "x: R", "x is declared twice", "once"),
    ("λ: R, lambda: R", "lambda: R", "lambda is declared twice", "once"),
    ("x: vector(n) y: scalar", ":", "a comma is missing", "before y"),
    ("x, y", "y", "y has no kind", "y: scalar"),
    ("3: scalar", "3", "a declaration begins with a name", "A: matrix(m,n)"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), WRONG_DECLARATIONS)
def test_wrong_declarations_are_explained(text: str, place: str, message: str, hint: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_declarations(text)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert place in text[error.start : error.end]


RULES = """# The inverse.
inverse: d(inv(A)) = -inv(A)*d(A)*inv(A)
    for A: matrix(n,n)
    where A invertible
    from "Course notes, example 16"

left: dot(G, A*X) = dot(A'*G, X)            # an adjoint rule
    for G: matrix(m,p), A: matrix(m,n), X: matrix(n,p)

power-2: x^k = x*x^(k - 1)
    for x: scalar, k: scalar integer
    where x nonzero, k nonnegative
trace: linear tr(X)
    for X: matrix(n,n)
tanh: entrywise tanh
log1p: definition log1p(x) = log(1 + x)
"""


class TestRulebook:
    rules = parse_rulebook(RULES, "test.rules")

    def test_names_and_families(self) -> None:
        assert [(rule.name, rule.family) for rule in self.rules] == [
            ("inverse", ""),
            ("left", ""),
            ("power-2", ""),
            ("trace", "linear"),
            ("tanh", "entrywise"),
            ("log1p", "definition"),
        ]

    def test_sides(self) -> None:
        inverse, *_, trace, tanh, _ = self.rules
        assert form(inverse.left) == "(call d (call inv A))"
        assert inverse.right is not None
        assert form(inverse.right) == "((negate (call inv A)) * (call d A) * (call inv A))"
        assert (form(trace.left), trace.right) == ("(call tr X)", None)
        assert form(tanh.left) == "tanh"

    def test_clauses(self) -> None:
        inverse, left, power, *_ = self.rules
        assert inverse.conditions == (("A", "invertible"),)
        assert inverse.source == "Course notes, example 16"
        assert [one.name for one in left.declarations] == ["G", "A", "X"]
        assert power.conditions == (("x", "nonzero"), ("k", "nonnegative"))

    def test_text_and_line(self) -> None:
        assert [rule.line for rule in self.rules] == [2, 7, 10, 13, 15, 16]
        assert {rule.file for rule in self.rules} == {"test.rules"}
        assert self.rules[3].text == "trace: linear tr(X)\n    for X: matrix(n,n)"
        inverse = self.rules[0]
        assert RULES[inverse.left.start : inverse.left.end] == "d(inv(A))"

    def test_an_empty_book(self) -> None:
        assert parse_rulebook("# nothing\n", "empty.rules") == ()

    @pytest.mark.parametrize(
        ("text", "line", "message"),
        [
            ("\na: ( = c", 2, "( is never closed"),
            ("b = c", 1, "begins in the first column with its name and a colon"),
            ("a: b", 1, "is left = right"),
            ("a: b = c = d", 1, "a rule has one ="),
            ("a: linear f(X) = X", 1, "has a left side only"),
            ("a: b = c\n  for A: matrx(n,n)", 2, "matrx is not a kind"),
            ("a: b = c\n  for A: R, A: R", 2, "A is declared twice"),
            ("a: b = c\n  for A: R\n  for A: R", 3, "A is declared twice"),
            ("a: b = c\n  where A", 2, "cannot stand here after A"),
            ("a: b = c\n  from course", 2, "course cannot stand here after from"),
            ("a: b = c\n\na: c = d", 3, "rule a stands in line 1 already"),
        ],
    )
    def test_errors_name_file_and_line(self, text: str, line: int, message: str) -> None:
        with pytest.raises(ParseError) as caught:
            parse_rulebook(text, "test.rules")
        assert f"test.rules:{line}: " in str(caught.value)
        assert message in caught.value.message


WORDS = (
    'a A x 2 0.5 1e3 .5 3. α ₁ _ _F é а \x00 ( ) [ ] { } | || ‖ f( sin.( , ; : = == ... # $ " '
    "' .T ^T ^-T ⁻¹ ᵀ ² ⁿ + - .+ .* * / \\ ** .^ ^ @ × ∈ np. .inv() let in x= "
    "r: for where from linear R^ matrix(n) scalar symmetric"
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from([*WORDS.split(), " ", "\n"]), max_size=16).map("".join),
    st.binary(max_size=30).map(lambda bytes_: bytes_.decode("latin-1")),
    st.binary(max_size=30).map(lambda bytes_: bytes_.decode("utf-8", "surrogateescape")),
)


@given(TEXTS)
@example("\ud800")
@example("x^{" + "{" * 50)
@example("1" * 5000)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_expression, parse_declarations, lambda text: parse_rulebook(text, "f.rules")):
        try:
            read(text)
        except ParseError as error:
            assert error.message
            assert error.start is not None
            assert 0 <= error.start <= len(text)
            assert error.end is not None
            assert error.start <= error.end <= len(text) + 1
            assert error.message in str(error)
