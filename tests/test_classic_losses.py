"""The gradients and Hessians of well-known losses, in the form in which they are written by hand."""

import pytest

import matcalc as mc
from matcalc.conditions import conditions_of

SCALARS = "w, x: vector(n), y, b: scalar"
CROSS_ENTROPY = "y.*log(sigmoid(X*w)) + (1 .- y).*log(1 .- sigmoid(X*w))"
CURVATURE = "X'*diag(sigmoid(-X*w).*sigmoid(X*w))*X"
GAUSS = "K: matrix(n,n) spd, y: vector(n), s: scalar"
PROJECTION = "X: matrix(m,n), W: matrix(n,k) orthogonal"

LABELS = "X: matrix(m,n), W: matrix(n,k), Y: matrix(m,k)"
QUERIES = "Q: matrix(m,d), K: matrix(n,d), V: matrix(n,p), Y: matrix(m,p)"
ATTENTION = "norm2(softmax(Q*K'/sqrt(d), 2)*V - Y)^2"
WEIGHTS = "M = softmax(Q*K'/sqrt(d), 2); N = M.*((M*V - Y)*V')"

POINTS = (
    "X: matrix(n,d), Y: matrix(m,d), A, D: matrix(n,n), R: matrix(n,m), B: matrix(d,d) spd, a: vector(n), s: scalar"
)
CAUCHY = "sum(i, 1, n, sum(j, 1, n, log(1 + norm2(X[i,:] - X[j,:])^2)))"
STRESS = "sum(i, 1, n, sum(j, 1, n, (norm2(X[i,:] - X[j,:])^2 - D[i,j])^2))"
MIXTURE = "-sum(i, 1, n, log(sum(j, 1, m, exp(-norm2(X[i,:] - Y[j,:])^2/2))))"

GRADIENTS = [
    ("-y'*log(sigmoid(X*w)) - (1 .- y)'*log(1 .- sigmoid(X*w))", "w", None, "X'*(sigmoid(X*w) - y)"),
    (f"-sum({CROSS_ENTROPY})", "w", None, "X'*(sigmoid(X*w) - y)"),
    (f"-mean({CROSS_ENTROPY})", "w", None, "X'*(sigmoid(X*w) - y)/m"),
    ("-y'*log(sigmoid(X*w)) - (1 .- y)'*log(sigmoid(-X*w))", "w", None, "X'*(sigmoid(X*w) - y)"),
    ("-sum(log(sigmoid(y.*(X*w))))", "w", None, "-X'*(y.*sigmoid(-y.*(X*w)))"),
    ("log(sigmoid(w'*x + b))", "w", SCALARS, "sigmoid(-w'*x - b)*x"),
    ("-y*log(sigmoid(w'*x)) - (1 - y)*log(1 - sigmoid(w'*x))", "w", SCALARS, "(sigmoid(w'*x) - y)*x"),
    ("log(1 + exp(-y*w'*x))", "w", SCALARS, "-y*sigmoid(-y*w'*x)*x"),
    ("1/(1 + exp(-w'*x))", "w", SCALARS, "sigmoid(-w'*x)*sigmoid(w'*x)*x"),
    ("exp(-t)*sigmoid(t)", "t", "t: scalar", "-sigmoid(-t)*sigmoid(t)"),
    ("sum(max(0, 1 .- y.*(X*w)))", "w", None, "-X'*(y.*heaviside(ones - y.*(X*w)))"),
    ("max(0, 1 - y*w'*x)", "w", SCALARS, "-y*heaviside(1 - y*w'*x)*x"),
    ("sum(max(0, x).^2)", "x", None, "2*relu(x)"),
    ("sum(abs(x).^2)", "x", None, "2*x"),
    ("abs(t)^3", "t", "t: scalar", "3*t*abs(t)"),
    ("sum(i, 1, n, x[i]^2)", "x", "x: vector(n)", "2*x"),
    ("sum(i, 1, n, log(x[i]))", "x", "x: vector(n)", "1./x"),
    ("sum(i, 1, m, (A[i,:]*x - b[i])^2)", "x", "A: matrix(m,n), b: vector(m), x: vector(n)", "2*A'*(A*x - b)"),
    ("norm(x - mean(x)*ones(n))^2", "x", "x: vector(n)", "2*(x - sum(x)*ones/n)"),
    ("norm(X - X*W*W')^2", "W", PROJECTION, "2*(W*W'*X' - X')*X*W"),
    ("y'*inv(K)*y + logdet(K)", "K", GAUSS, "inv(K) - inv(K)*y*y'*inv(K)"),
    ("tr(inv(K + s*eye(n))*y*y')", "K", GAUSS, "let M = inv(K + s*eye) in -M*y*y'*M"),
    ("sum(logsumexp(X*W, 2)) - tr(Y'*X*W)", "W", LABELS, "X'*(softmax(X*W, 2) - Y)"),
    ("sum(log(exp(X*W)*ones(k))) - tr(Y'*X*W)", "W", LABELS, "X'*(softmax(X*W, 2) - Y)"),
    ("sum(logsumexp(W'*X', 1)) - tr(Y'*X*W)", "W", LABELS, "X'*(softmax(X*W, 2) - Y)"),
    ("-sum(Y.*log(softmax(X*W, 2)))", "W", LABELS, "X'*(diag(sum(Y, 2))*softmax(X*W, 2) - Y)"),
    ("sum(i, 1, m, logsumexp(W'*X[i,:]') - Y[i,:]*W'*X[i,:]')", "W", LABELS, "X'*(softmax(X*W, 2) - Y)"),
    ("-sum(i, 1, m, log(softmax(W'*X[i,:]'))'*Y[i,:]')", "W", LABELS, "X'*(diag(sum(Y, 2))*softmax(X*W, 2) - Y)"),
    (ATTENTION, "V", QUERIES, "let M = softmax(Q*K'/sqrt(d), 2) in 2*M'*(M*V - Y)"),
    (ATTENTION, "Q", QUERIES, f"let {WEIGHTS} in 2*(N - diag(sum(N, 2))*M)*K/sqrt(d)"),
    (ATTENTION, "K", QUERIES, f"let {WEIGHTS} in 2*(N' - M'*diag(sum(N, 2)))*Q/sqrt(d)"),
    ("sum(i, 1, n, sum(j, 1, n, A[i,j]*norm2(X[i,:] - X[j,:])^2))", "X", POINTS, "2*(diag(sum(A + A', 2)) - A - A')*X"),
    ("sum(i, 1, n, sum(j, 1, n, A[i,j]*(a[i] - a[j])^2))", "a", POINTS, "2*(a.*sum(A + A', 2) - (A + A')*a)"),
    (CAUCHY, "X", POINTS, "let M = 1./(sqdist(X, X) + ones) in 4*(diag(sum(M, 2)) - M)*X"),
    (STRESS, "X", POINTS, "let M = -2*sqdist(X, X) in 4*(D + D' + M - diag(sum(D + D' + M, 2)))*X"),
    ("sum(i, 1, n, sum(j, 1, n, (X[i,:]*X[j,:]' - D[i,j])^2))", "X", POINTS, "2*(2*X*X' - D - D')*X"),
    ("sum(i, 1, n, sum(j, 1, m, R[i,j]*norm2(X[i,:] - Y[j,:])^2))", "Y", POINTS, "2*(diag(sum(R', 2))*Y - R'*X)"),
    (
        *("sum(i, 1, n, sum(j, 1, n, a[i]*a[j]*exp(-norm2(X[i,:] - X[j,:])^2/s)))", "a", POINTS),
        "2*exp(-sqdist(X, X)/s)*a",
    ),
    (MIXTURE, "Y", POINTS, "let M = -sqdist(Y, X)/2; N = exp(M) in diag(N*(1./sum(N', 2)))*Y - softmax(M, 1)*X"),
    ("sum(i, 1, n, log(X[i,:]*B*X[i,:]'))", "X", POINTS, "2*diag(1./diag(X*B*X'))*X*B"),
    ("sum(i, 1, n, sum(j, 1, n, sum(k, 1, n, A[i,j]*D[j,k]*A[k,i])))", "A", POINTS, "(A*D + D*A)'"),
    ("tr(sqdist(X, X)*A)", "X", POINTS, "2*(diag(sum(A + A', 2)) - A - A')*X"),
    ("sum(X*w)", "w", None, "sum(X', 2)"),
    ("norminf(A*x - b)", "x", None, "A'*(hardmax(abs(A*x - b)).*sign(A*x - b))"),
    ("‖X‖_∞", "X", None, "hardmax(abs(X)).*sign(X)"),
    ("max(A*x + b)", "x", None, "A'*hardmax(A*x + b)"),
    ("min(x)", "x", None, "hardmax(-x)"),
    ("max(S)", "S", "S: matrix(n,n) symmetric", "hardmax(S)"),
    ("max(A*A')", "A", "A: matrix(m,n)", "2*hardmax(A*A')*A"),
    ("max(sum(abs(A), 2))", "A", "A: matrix(m,n)", "diag(hardmax(sum(abs(A), 2)))*sign(A)"),
]

HESSIANS = [
    (f"-sum({CROSS_ENTROPY})", "w", None, CURVATURE),
    (f"-mean({CROSS_ENTROPY})", "w", None, f"{CURVATURE}/m"),
    ("sum(max(0, x).^2)", "x", None, "2*diag(heaviside(x))"),
    (
        *("sum(logsumexp(X, 2))", "X", None),
        "diag(vec(softmax(X, 2)))*(eye - kron(ones(n,n), eye(m))*diag(vec(softmax(X, 2))))",
    ),
    ("logdet(X'*diag(w)*X)", "w", "X: matrix(m,n), w: vector(m)", "-(X*inv(X'*diag(w)*X)*X').^2"),
    (
        *("a'*logsumexp((ones(m)*g' - C)/s, 2)", "g", "a: vector(m), C: matrix(m,n), g: vector(n), s: scalar"),
        "let M = softmax((ones(m)*g' - C)/s, 2) in (diag(M'*a) - M'*diag(a)*M)/s^2",
    ),
    (
        *("sum(logsumexp(ones(m)*g' + C, 2))", "g", "C: matrix(m,n), g: vector(n)"),
        "let M = softmax(ones(m)*g' + C, 2) in diag(sum(M', 2)) - M'*M",
    ),
    ("max(A*x)^2", "x", None, "2*A'*hardmax(A*x)*hardmax(A*x)'*A"),
    ("sum(i, 1, n, x[i]^4)", "x", "x: vector(n)", "12*diag(x.^2)"),
]

CONDITIONS = [
    (f"sum({CROSS_ENTROPY})", "w", None, ()),
    ("sum(abs(x).^2)", "x", None, ()),
    ("sum(max(0, x))", "x", None, ("entries of x nonzero",)),
    ("norminf(x)", "x", None, ("one entry of abs(x) larger than all others",)),
    ("norminf(x) + norm1(x)", "x", None, ("entries of x nonzero", "one entry of abs(x) larger than all others")),
    ("logdet(K) + y'*inv(K)*y", "K", None, ("det(K) positive",)),
    ("x'*inv(A)'*x", "A", None, ("A invertible",)),
]

table = pytest.mark.parametrize(("f", "x", "where", "expected"), GRADIENTS)


@table
def test_the_gradient_is_the_one_written_by_hand(f: str, x: str, where: str | None, expected: str) -> None:
    assert str(mc.gradient(f, x, where)) == expected


@table
def test_the_gradient_is_verified(f: str, x: str, where: str | None, expected: str) -> None:
    assert mc.differentiate(f, x, where).verify(seed=1).passed


@pytest.mark.parametrize(("f", "x", "where", "expected"), HESSIANS)
def test_the_hessian_is_the_one_written_by_hand(f: str, x: str, where: str | None, expected: str) -> None:
    D = mc.differentiate(f, x, where)
    assert str(D.hessian) == expected
    assert mc.verdicts.verify_derivative(D, ("hessian",), seed=1).passed


@pytest.mark.parametrize(("f", "x", "where", "expected"), CONDITIONS)
def test_a_condition_is_stated_once_and_only_where_it_is_needed(
    f: str, x: str, where: str | None, expected: tuple[str, ...]
) -> None:
    D = mc.differentiate(f, x, where)
    assert conditions_of(D.expression, D.variables) == expected


SECOND_ORDER_CONDITIONS = [
    ("det(A)", "A", None, (), ("A invertible",)),
    ("det(A'*A)", "A", None, (), ("A'*A invertible",)),
    ("det(t*A + eye(n))", "A", "t: scalar, A: matrix(n,n)", (), ("t*A + eye invertible",)),
    ("norm2(x)^3", "x", None, ("x nonzero",), ("x nonzero",)),
    ("norm2(A*x - b)^4", "x", None, (), ()),
    ("cbrt(s)", "s", "s: scalar", ("s nonzero",), ("s nonzero",)),
    ("s^t", "s", "s, t: scalar", ("s positive",), ("s positive",)),
    ("s^3", "s", "s: scalar", (), ()),
    ("arcsin(s)", "s", "s: scalar", ("|s| < 1",), ("|s| < 1",)),
    ("sum(arccos(x))", "x", None, ("|x| < 1",), ("|x| < 1",)),
    (
        "sum(i, 2, n, sqrt(x[i] - x[i-1]))",
        "x",
        "x: vector(n)",
        ("x[i] - x[i - 1] positive for all i from 2 to n",),
        ("x[i] - x[i - 1] positive for all i from 2 to n",),
    ),
    ("log(s)/s", "s", "s: scalar", ("s positive",), ("s positive",)),
    ("tr(chol(A'*A + eye))", "A", None, ("A'*A + eye spd",), ("A'*A + eye spd",)),
    ("let M = A*B in det(M)", "A", "A, B: matrix(n,n)", (), ("A invertible",)),
]


@pytest.mark.parametrize(("f", "x", "where", "first", "second"), SECOND_ORDER_CONDITIONS)
def test_a_formula_is_printed_with_the_conditions_under_which_it_has_a_value(
    f: str, x: str, where: str | None, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    D = mc.differentiate(f, x, where)
    assert D.conditions == first
    assert D.conditions_of("differential", "second_differential", "hessian") == second


def test_the_form_does_not_depend_on_the_order_of_what_was_typed() -> None:
    turned = "(ones(m) - y)'*log(ones(m) - sigmoid(X*w)) + log(sigmoid(X*w))'*y"
    assert str(mc.gradient(f"-({turned})", "w", "X: matrix(m,n), y: vector(m), w: vector(n)")) == GRADIENTS[0][3]
    assert mc.parse("max(x, y)", "x, y: vector(n)") is mc.parse("max(y, x)", "x, y: vector(n)")


FOLDED = [
    ("sum(i, 1, N, norm2(A*X[i,:]' - b)^2)", "A", "X: matrix(N,k), b: vector(p)", "2*(A*X' - b*ones(N)')*X"),
    ("sum(i, 1, n, sum(j, 1, n, A[i,j]*x[i]*x[j]))", "x", "A: matrix(n,n), x: vector(n)", "(A + A')*x"),
    ("sum(i, 1, n, sum(j, 1, n, (x[i] - x[j])^2))", "x", "x: vector(n)", "4*(n*x - sum(x)*ones(n))"),
    (
        "sum(i, 1, N, exp(-norm2(X[i,:]' - m)^2))",
        "m",
        "X: matrix(N,k), m: vector(k)",
        "let M = X' - m*ones(N)' in 2*M*exp(-sum((M.^2)', 2))",
    ),
    (
        "sum(i, 1, N, log(1 + exp(-y[i]*X[i,:]*w)))",
        "w",
        "X: matrix(N,k), y: vector(N), w: vector(k)",
        "-X'*(y.*sigmoid(-y.*(X*w)))",
    ),
]


@pytest.mark.parametrize(("expr", "x", "where", "expected"), FOLDED, ids=[f[0] for f in FOLDED])
def test_sums_over_data_points_are_folded(expr: str, x: str, where: str, expected: str) -> None:
    D = mc.differentiate(expr, x, where=where)
    assert "sum(i" not in str(D.gradient)
    assert mc.equal(D.gradient, expected, where=D.gradient.where, seed=1).verdict == "verified"
    assert len(str(D.gradient)) <= len(expected) + 8
    assert D.verify(seed=1).verdict == "verified"


NESTED = [
    ("sum(i, 1, n, (sum(j, 1, n, A[i,j]*x[j]) - y[i])^2)", "x"),
    ("sum(i, 1, n, log(sum(j, 1, n, exp(A[i,j]*x[j]))))", "x"),
    ("sum(i, 1, n, exp(x[i])/sum(j, 1, n, exp(x[j])))", "x"),
    ("sum(i, 1, n, sum(j, 1, i, x[j]))", "x"),
    ("sum(i, 1, n, sum(j, 1, n, A[j,j]*x[i]))", "A"),
    ("sum(i, 1, n, sum(j, 1, n, (x[i] - y[j])^2))", "y"),
]


@pytest.mark.parametrize(("expr", "x"), NESTED, ids=[e for e, _ in NESTED])
def test_a_variable_may_carry_the_index_of_an_inner_sum(expr: str, x: str) -> None:
    D = mc.differentiate(expr, x, where="A: matrix(n,n), x, y: vector(n)")
    assert D.verify(seed=1).verdict == "verified"


@pytest.mark.parametrize(
    ("expr", "x", "order"),
    [
        ("norm2(A.*A' - eye)^2", "A", 1),
        ("norm2(diag(d)*A*diag(d) - eye)^2", "d", 2),
        ("(A'.*B^2).^2", "B", 1),
        ("norm2(A.*A')^2", "A", 2),
        ("sum(exp(A.*A'))", "A", 2),
    ],
)
def test_entrywise_products_with_a_transpose_end(expr: str, x: str, order: int) -> None:
    D = mc.differentiate(expr, x, where="A, B: matrix(n,n), d: vector(n)")
    assert (D.second_differential if order == 2 else D.differential) is not None
    assert D.verify(seed=1).verdict == "verified"


@pytest.mark.parametrize(("expr", "x"), [("A*x", "A"), ("tr(A*B*A')", "A")])
def test_composite_sizes_are_one_size_in_any_form(expr: str, x: str) -> None:
    D = mc.differentiate(expr, x, where="A: matrix(n+1,n), B: matrix(n,n), x: vector(n)")
    assert D.verify(seed=1).verdict == "verified"
    assert (D.hessian if D.expression.is_scalar else D.jacobian) is not None
