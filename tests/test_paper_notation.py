"""Formulas as they stand on paper: norms, fractions, sums with bounds; and hints that work when they are followed."""

import pytest

import matcalc as mc

WHERE = "A: matrix(n,n), B: matrix(m,n), x, y, p: vector(n), a, lambda: scalar"

READ = [
    # norms, with the exponent before the subscript or after it
    *(
        (text, "norm2(B)^2")
        for text in (
            *("‖B‖²_F", "‖B‖_F²", "‖B‖_F^2", "‖B‖^2_F", "||B||_F^2", "||B||^2_F", "‖B‖ ^ 2_F", "‖B‖²_fro"),
            *(r"\|B\|_F^2", r"\|B\|^2_F", r"\lVert B \rVert_F^2", r"\left\| B \right\|_{F}^{2}", "‖B‖²"),
        )
    ),
    ("‖x‖²₂ + ||x||^2_2 + ‖x‖₂²", "3*norm2(x)^2"),
    ("‖x‖³_1 - ‖x‖²₁", "norm1(x)^3 - norm1(x)^2"),
    ("‖x‖^2_inf + ‖x‖²_∞", "2*norminf(x)^2"),
    ("‖B‖_* + ‖B‖²_*", "normnuc(B) + normnuc(B)^2"),
    (r"\|B\|_* + \|B\|_*^2", "normnuc(B) + normnuc(B)^2"),
    ("‖B‖_*x", "normnuc(B)*x"),
    (r"\|x\|²₂ + ‖B‖²_F + \|x\|₁ + \|x\|_{1}^2", "norm2(x)^2 + norm2(B)^2 + norm1(x) + norm1(x)^2"),
    (r"A \circ A", "A.*A"),
    # fractions
    ("½ x'A x", "x'*A*x/2"),
    ("¼x'x - ⅓ x'x", "x'*x/4 - x'*x/3"),
    ("½‖A x - y‖² + ⅛", "norm2(A*x - y)^2/2 + 1/8"),
    ("(x'x)^½", "sqrt(x'*x)"),
    # transposes
    ("x^⊤A*x", "x'*A*x"),
    ("x^' A x", "x'*A*x"),
    ("tr(A^-⊤B'B)", "tr(inv(A)'*B'*B)"),
    # sums with bounds
    (r"\sum_{i=1}^{n} x_i^2", "sum(i, 1, n, x[i]^2)"),
    (r"\sum_{i=1}^n (x_i - y_i)^2", "sum(i, 1, n, (x[i] - y[i])^2)"),
    (r"\sum\limits_{i=1}^n x_i y_i + \lambda x^\top x", "sum(i, 1, n, x[i]*y[i]) + lambda*x'*x"),
    (r"\sum^n_{i = 1} x_i - 1", "sum(i, 1, n, x[i]) - 1"),
    (r"\sum_{i=1}^{n-1} (x_{i+1} - x_i)^2", "sum(i, 1, n-1, (x[i+1] - x[i])^2)"),
    (r"\sum_{i=1}^n \sum_{j=1}^n x_i A_{ij} x_j", "sum(i, 1, n, sum(j, 1, n, x[i]*A[i,j]*x[j]))"),
    (
        r"\sum_{i=1}^n \sum_{j=1}^n A_{i,j}^2 - \sum_{i=1}^n A_{ii}",
        "sum(i,1,n,sum(j,1,n,A[i,j]^2)) - sum(i,1,n,A[i,i])",
    ),
    (r"\frac{1}{n}\sum_{i=1}^n \log(1+\exp(-y_i x_i))", "sum(i, 1, n, log(1 + exp(-y[i]*x[i])))/n"),
    (r"\frac{\sum_{i=1}^n x_i}{n}", "sum(i, 1, n, x[i])/n"),
    (r"-\sum_{i=1}^n y_i \log p_i", "-sum(i, 1, n, y[i]*log(p[i]))"),
    (r"\log \sum_{i=1}^n \exp(x_i) + a", "log(sum(i, 1, n, exp(x[i]))) + a"),
    (r"\left| \sum_{i=1}^n x_i \right|", "abs(sum(i, 1, n, x[i]))"),
    (r"\left(\sum_{i=1}^n |x_i|^3\right)^{1/3}", "sum(i, 1, n, abs(x[i])^3)^(1/3)"),
    (r"\|\sum_{i=1}^n x_i y\|^2", "norm2(sum(i, 1, n, x[i]*y))^2"),
    (r"\sum_{i=1}^n -x_i \cdot -a", "sum(i, 1, n, -x[i]*(-a))"),
    (r"\sum_{i=1}^n e^{-x_i}", "sum(i, 1, n, exp(-x[i]))"),
    ("∑_{i=1}^n x_i² + ‖x‖²", "sum(i, 1, n, x[i]^2) + norm2(x)^2"),
    ("∑ᵢ₌₁ⁿ xᵢ²", "sum(i, 1, n, x[i]^2)"),
    ("∑ⱼ₌₁³ xⱼ", "sum(j, 1, 3, x[j])"),
    ("Σ_{i=1}^n x_i^2", "sum(i, 1, n, x[i]^2)"),
    ("sum_{i=1}^n x_i^2", "sum(i, 1, n, x[i]^2)"),
    # subscripts are entries in sums over them
    ("sum(i, 1, n, x_i*xᵢ)", "sum(i, 1, n, x[i]^2)"),
    ("sum(i, 1, n, A_i1) + sum(i, 1, n, x_i)", "sum(i, 1, n, A[i,1]) + sum(i, 1, n, x[i])"),
    ("let r = sum(i, 1, n, x_i) in r^2", "sum(i, 1, n, x[i])^2"),
    ("sum(i, 0, 2, x[i+1])", "sum(i, 0, 2, x[1+i])"),
    (r"A_{1,2} + \|x\|^2", "A[1,2] + norm2(x)^2"),
    # a Greek letter before a bracket is a factor, but for those that functions are called by
    (r"\lambda(\|x\|_2^2 + \|B\|_F^2)", "lambda*(norm2(x)^2 + norm2(B)^2)"),
    (r"\lambda(1-\lambda)^2", "lambda*(1 - lambda)^2"),
    (r"\mu (x - y) + \alpha(A x)", "mu*(x - y) + alpha*(A*x)"),
    (r"1 - \beta(1-\beta)", "1 - beta*(1 - beta)"),
    (r"\sigma(1-\sigma)", "sigma*(1 - sigma)"),
    (r"\gamma(1-\gamma) + \phi_1(a) - \phi_1", "gamma*(1 - gamma) + phi_1*a - phi_1"),
    (r"\gamma(\|x\|)", "gamma(norm2(x))"),
    (r"\lambda_1(\|x\|)", "lambda_1*norm2(x)"),
    # rows, columns, and entries of brackets
    (r"A_{j,:} x", "A[j,:]*x"),
    (r"x^\top A_{:,k}", "x'*A[:,k]"),
    (r"A_{j,:}^\top + A_{:,j} + x", "A[j,:]' + A[:,j] + x"),
    (r"A_{1,\cdot} x + A_{2,\cdot} x", "A[1,:]*x + A[2,:]*x"),
    (r"A_{1:2,:} x + B_{1:2,:} x", "A[1:2,:]*x + B[1:2,:]*x"),
    (r"\sum_{i=1}^n (A_{i,:} x)^2", "sum(i, 1, n, (A[i,:]*x)^2)"),
    (r"\sum_{i=1}^n \log(1 + \exp(-y_i (Ax)_i))", "sum(i, 1, n, log(1 + exp(-y[i]*(A*x)[i])))"),
    (r"\left(A x\right)_{i} + \|x\|", "(A*x)[i] + norm2(x)"),
    (r"\sum_{i=1}^n (A A)_{ii} + (A A)_{1,2}", "sum(i, 1, n, (A*A)[i,i]) + (A*A)[1,2]"),
    # one sum sign with several indices
    (r"\sum_{i,j=1}^n A_{ij} x_i x_j + 1", "sum(i, 1, n, sum(j, 1, n, A[i,j]*x[i]*x[j])) + 1"),
    (r"\sum_{i, j, k = 1}^{3} x_i x_j x_k", "sum(i,1,3,sum(j,1,3,sum(k,1,3,x[i]*x[j]*x[k])))"),
    # eigenvalues and singular values, and the norms that are named by words
    (r"\lambda_{\max}(B^\top B) - \lambda_\min (B^\top B)", "lambda_max(B'*B) - lambda_min(B'*B)"),
    (r"\lambda_{\mathrm{max}}(B^\top B) + \sigma_{\max}(B)", "lambda_max(B'*B) + sigma_max(B)"),
    (r"\|B\|_\ast + \|B\|_{\ast}^2 + \|B\|_{\mathrm{nuc}}", "2*normnuc(B) + normnuc(B)^2"),
    (r"\|B\|_{\mathrm{op}}^2 + \|B\|_{\text{op}}", "normspec(B)^2 + normspec(B)"),
    ("‖B‖_op", "normspec(B)"),
]


@pytest.mark.parametrize(("text", "plain"), READ)
def test_what_stands_on_paper_is_read(text: str, plain: str) -> None:
    assert mc.parse(text, WHERE) is mc.parse(plain, WHERE)


@pytest.mark.parametrize(
    "text", [r"\sigma(x^\top y)", r"\Gamma(x)", r"\phi(A x)", r"\kappa(A)", r"\lambda(x, y)", r"\tau(2) + \|x\|"]
)
def test_a_greek_letter_that_may_be_a_function_is_refused(text: str) -> None:
    with pytest.raises(mc.UnknownName, match="neither declared nor a function") as caught:
        mc.parse(text)
    assert caught.value.start == 0
    assert caught.value.end == text.index("(")


def test_a_declaration_says_whether_a_greek_letter_is_called() -> None:
    assert mc.parse(r"\sigma(x^\top x)", "sigma: scalar") is mc.parse("sigma*(x'*x)", "sigma: scalar")
    function = "mu: analytic, A: matrix(n,n)"
    assert mc.parse(r"\operatorname{tr}(\mu(A))", function) is mc.parse("tr(mu(A))", function)
    with pytest.raises(mc.ParseError, match="is a call"):
        mc.parse("beta*(1 - a) + beta(1 - a)", "beta: scalar")


def test_a_declared_vector_is_no_column_of_the_identity() -> None:
    found = mc.differentiate(r"\mathbf{e}_1^\top x", "x", "e_1, x: vector(n)")
    assert found.gradient is mc.parse("e_1", "e_1: vector(n)")
    where = "e_1, x: vector(n)"
    assert mc.verify(r"\mathbf{e}_1^\top x", "x", r"\mathbf{e}_1", where=where, seed=1).verdict == "verified"


DATA = "X: matrix(n,d), y: vector(n), w: vector(d), v: vector(n)"


@pytest.mark.parametrize(
    ("text", "plain", "note"),
    [
        (
            r"\sum_{i=1}^n \log(1+\exp(-y_i w^\top x_i))",
            "sum(i, 1, n, log(1 + exp(-y[i]*w'*X[i,:]')))",
            "x_i: the row i of X as a column, X[i,:]'",
        ),
        (
            r"\sum_{i=1}^n (y_i - w^\top \mathbf{x}_i)^2",
            "sum(i, 1, n, (y[i] - w'*X[i,:]')^2)",
            "x_i: the row i of X as a column, X[i,:]'",
        ),
        (r"\sum_{j=1}^d (v^\top x_j)^2", "sum(j, 1, d, (v'*X[:,j])^2)", "x_j: the column j of X, X[:,j]"),
    ],
)
def test_a_letter_with_an_index_is_a_row_or_column_of_the_data(text: str, plain: str, note: str) -> None:
    assert mc.parse(text, DATA) is mc.parse(plain, DATA)
    assert note in mc.differentiate(text, "v" if "v^" in text else "w", DATA).notes


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (r"\sum_{i=1}^n w^\top x_i", "X: matrix(n,n), w: vector(n)"),  # a row or a column
        (r"\sum_{i=1}^k w^\top x_i", DATA),  # neither all rows nor all columns
        (r"\sum_{i=1}^n w^\top x_i + w^\top x_1", DATA),  # x_1 is a name of its own
        (r"\sum_{i=1}^n w^\top x_i + w^\top x", DATA),
        ("sum(i, 1, n, w'*x_i)", DATA),  # no LaTeX
    ],
)
def test_what_may_be_a_row_or_something_else_is_refused(text: str, where: str) -> None:
    with pytest.raises(mc.ParseError, match="x_i is one name here") as caught:
        mc.parse(text, where)
    assert "X[i,:]'" in caught.value.hint
    assert text[caught.value.start : caught.value.end] == "x_i"
    mc.parse(r"\sum_{i=1}^n w^\top X[i,:]'", where)


def test_a_declared_name_with_a_subscript_is_itself_in_a_sum() -> None:
    assert mc.parse("sum(i, 1, 3, x_i)", "x_i: scalar, x: vector(3)") is mc.parse("3*x_i", "x_i: scalar")


def test_a_sum_over_layers_has_one_variable_for_each() -> None:
    layers = "let h[0] = x; h[k] = tanh(W_k*h[k-1]) for k = 1..2 in norm2(h[2])^2 + sum(k, 1, 2, norm2(W_k)^2)"
    plain = "norm2(tanh(W_2*tanh(W_1*x)))^2 + norm2(W_1)^2 + norm2(W_2)^2"
    assert mc.parse(layers, "W_k: matrix(n,n)") is mc.parse(plain, "W_1, W_2: matrix(n,n)")


@pytest.mark.parametrize(
    ("text", "where", "note"),
    [
        ("log(|A|)", WHERE, "the determinant is det(A), its logarithm logdet(A)"),
        (r"\log(|\Sigma|)", "Sigma: matrix(n,n) spd", r"its logarithm logdet(\Sigma)"),
        ("‖B‖_2", WHERE, "‖B‖_2 is the Frobenius norm; the norm that vectors induce is normspec(B)"),
        (r"\|B\|_2^2", WHERE, "normspec(B)"),
        ("‖B‖²₂", WHERE, "normspec(B)"),
        (
            "‖B‖_1",
            WHERE,
            "‖B‖_1 is the sum of the absolute values; the norm that vectors induce is max(sum(abs(B), 1))",
        ),
        ("‖B‖_∞", WHERE, "max(sum(abs(B), 2))"),
        ("x^t", "", "x^t: a power; the transpose is x'"),
    ],
)
def test_what_may_mean_something_else_is_noted(text: str, where: str, note: str) -> None:
    name = "Sigma" if "Sigma" in text else "B" if "B" in text else "A" if "A" in text else "x"
    assert any(note in found for found in mc.differentiate(text, name, where).notes)


@pytest.mark.parametrize("text", ["‖B‖_F^2", "‖B‖²_F", "‖B‖", "|B|", "‖B x‖_2", "norm1(B)", r"\|B\|^2", r"\|B x\|_2^2"])
def test_what_can_mean_one_thing_only_is_not_noted(text: str) -> None:
    assert mc.differentiate(text, "B").notes == ()


# What is typed, what the hint says, and the text when it is followed.
FOLLOWED = [
    ("log|A|", "logdet(A)", "logdet(A)"),
    ("ln|A|", "logdet(A)", "logdet(A)"),
    ("log|x|", "write log(abs(x))", "log(abs(x))"),
    ("ln|x|", "logdet(x)", "log(abs(x))"),
    (r"\log\left|A\right|", "logdet(A)", "logdet(A)"),
    (r"\log \lvert \Sigma\rvert", r"logdet(\Sigma)", r"logdet(\Sigma)"),
    ("(A x)_i", "(A x)[i]", "(A x)[i]"),
    (r"\mathbf{e}_1^\top x", "eye[:,1]", "eye[:,1]'*x"),
    ("(x - y)_+", "relu(x - y)", "relu(x - y)"),
    (r"(x - y)_{+} + \mathbf{y}", "relu(x - y)", r"relu(x - y) + \mathbf{y}"),
    ("‖B‖_q²", "normspec(A)", "normspec(B)^2"),
    (r"\|B\|_{\max}", "normspec", "normspec(B)"),
    (r"\|x\|_{A^{-1}}^2", r"x^\top A^{-1} x", r"x^\top A^{-1} x"),
    (r"\|A x - y\|_A^2", r"(A x - y)^\top A (A x - y)", r"(A x - y)^\top A (A x - y)"),
    (r"\left\|x - y\right\|_{\Sigma}", r"sqrt((x - y)^\top \Sigma (x - y))", r"sqrt((x - y)^\top \Sigma (x - y))"),
    (r"\|x\|_p^p", "sum(abs(x).^p)", "sum(abs(x).^p)"),
    (r"\|x - y\|_3", "sum(abs(x - y).^3)^(1/3)", "sum(abs(x - y).^3)^(1/3)"),
    (r"\|B\|_{2,1}", "sum(sqrt(sum(B.^2, 1)))", "sum(sqrt(sum(B.^2, 1)))"),
    ("norm(B,'fro')", "norm2(B)", "norm2(B)"),
    ('norm(B*inv(A), "fro")^2', "norm2(B*inv(A))", "norm2(B*inv(A))^2"),
    ("norm(A','nuc')", "normnuc(A')", "normnuc(A')"),
    ("norm(B,fro)", "norm2(B)", "norm2(B)"),
    ("norm(B, nuc)", "normnuc(B)", "normnuc(B)"),
    ("norm(B,F)", "norm2(B)", "norm2(B)"),
    ("norm(x,1)", "norm1(x)", "norm1(x)"),
    ("norm(x,2)", "norm2(x)", "norm2(x)"),
    ("norm(x,inf)", "norminf(x)", "norminf(x)"),
    ("norm(B,2)", "normspec(B)", "normspec(B)"),
    ("norm(x,3)", "sum(abs(x).^3)^(1/3)", "sum(abs(x).^3)^(1/3)"),
    ("tr(A[1:k,1:k])", "1:3", "tr(A[1:3,1:3])"),
    (r"\max_i x_i", "max(x)", "max(x)"),
    (r"\min_{i} |x_{i}|", "min(abs(x))", "min(abs(x))"),
    (r"\max_i (A x)_i", "max(x)", "max(A x)"),
    (r"\max_x \|A x\|", "write the function alone", r"\|A x\|"),
    (r"\sum_{i,j} A_{ij}^2", r"\sum_{i,j=1}^n", r"\sum_{i,j=1}^n A_{ij}^2"),
    ("2½*a", "(2 + ½)", "(2 + ½)*a"),
    ("1'x", "ones(n)'", "ones(n)'*x"),
    ("A^+ x", "pinv(A)", "pinv(A)*x"),
    ("A^†x", "pinv(A)", "pinv(A)*x"),
    ("x^H A x", "x'", "x' A x"),
    ("x^* A x", "A'", "x' A x"),
    (r"\sum_i x_i^2", r"\sum_{i=1}^n", r"\sum_{i=1}^n x_i^2"),
    (r"\sum_i x_i^2", "sum(i, 1, n, x[i]^2)", "sum(i, 1, n, x[i]^2)"),
    ("Σ_i x_i", "sum(i, 1, n, x[i])", "sum(i, 1, n, x[i])"),
    ("sum(i, 1, n, x_i) - y_i", "the whole summand in brackets", "sum(i, 1, n, (x_i - y_i))"),
    (r"\sum_{i=1}^n x_i - y_i", "the whole summand in brackets", r"\sum_{i=1}^n (x_i - y_i)"),
    (r"\sum_{i=1}^n z_i^2", "z[i]", r"\sum_{i=1}^n z[i]^2"),
    ("sum(i, 1, n, B_i'*x)", "B[i,:]'", "sum(i, 1, m, B[i,:]*x)"),
    ("A[0,1]", "A[1,2]", "A[1,2]"),
    ("A(1,2)", "A[1,2]", "A[1,2]"),
    ("x(1)", "x[1]", "x[1]"),
    ("x[end]", "x[k]", "x[k]"),
    ("Var(x)", "mean((x .- mean(x)).^2)", "mean((x .- mean(x)).^2)"),
    ("std(x)", "sqrt(mean((x .- mean(x)).^2))", "sqrt(mean((x .- mean(x)).^2))"),
    ("cov(x, y)", "mean((x .- mean(x)).*(y .- mean(y)))", "mean((x .- mean(x)).*(y .- mean(y)))"),
    ("sin^2(x)", "sin(x).^2", "sin(x).^2"),
    ("sin^-1(x)", "1 ./ sin(x)", "1 ./ sin(x)"),
    ("log_2(a)", "log(a)/log(2)", "log(a)/log(2)"),
    ("power(x, 2)", "x.^2", "x.^2"),
    ("multiply(x + y, x)", "(x + y).*x", "(x + y).*x"),
    ("solve(A, x)", "A\\x", "A\\x"),
    ("⟨x, A y⟩", "dot(x, A y)", "dot(x, A y)"),
    ("A:A", "sum(A.*A)", "sum(A.*A)"),
    ("x²", "x.^2", "x.^2"),
    ("λx", "lambda*x", "lambda*x"),
]


@pytest.mark.parametrize(("text", "says", "followed"), FOLLOWED)
def test_a_hint_works_when_it_is_followed(text: str, says: str, followed: str) -> None:
    with pytest.raises(mc.MatcalcError) as caught:
        mc.parse(text, WHERE)
    assert says in caught.value.hint
    mc.parse(followed, WHERE)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (r"\sum_{i,j} A_{ij}", r"\sum_{i,j}", "over i,j without bounds"),
        (r"a + \max_i x_i", r"\max_i", "over the index i"),
        (r"\log|\Sigma|", r"\log", "those of a determinant"),
        (r"\|x\|_{\Sigma^{-1}}^2", r"\|_{\Sigma^{-1}}^2", "this norm"),
        ("norm(B, fro)", "fro", "a norm is named by its function"),
        ("A[1:k,1]", "1:k", "k is none here"),
        ("(A x)_i", "_i", "an index stands in"),
    ],
)
def test_the_heading_says_what_is_wrong_where_it_is(text: str, place: str, message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message) as caught:
        mc.parse(text, WHERE)
    assert text[caught.value.start : caught.value.end] == place
