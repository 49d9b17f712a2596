"""The identities that an expert's simplification uses: what an expression becomes, and zeros that are hidden in it."""

import pytest

import matcalc as mc

W = (
    "A, B: matrix(n,n), C: matrix(k,k), U: matrix(n,k), V: matrix(k,n), X: matrix(m,n), Y: matrix(m,p), "
    "P: matrix(p,q), F: matrix(q,k), G: matrix(q,n), Q: matrix(m,n) orthogonal, u, v, x: vector(n), y: vector(m), "
    "s, t: scalar"
)

SHORTER = [
    # Kronecker products
    ("kron(X,P)*kron(B,F)", "kron(X*B, P*F)"),
    ("kron(X,P)*vec(G)", "vec(P*G*X')"),
    ("inv(kron(A,C))", "kron(inv(A), inv(C))"),
    ("kron(A,C)'", "kron(A', C')"),
    ("tr(kron(A,C))", "tr(A)*tr(C)"),
    ("det(kron(A,C))/det(A)^k", "det(C)^(n)"),
    ("K(p,m)*kron(X,P)*K(n,q)", "kron(P, X)"),
    ("vec(A)'*vec(B)", "tr(A'*B)"),
    ("norm2(vec(X))", "norm2(X)"),
    # determinants and inverses of sums
    ("det(eye(n) + u*v')", "u'*v + 1"),
    ("logdet(eye(n) + u*v')", "log(u'*v + 1)"),
    ("det(A)*(1 + v'*inv(A)*u)", "det(u*v' + A)"),
    ("det(A)*det(eye(k) + V*inv(A)*U)", "det(U*V + A)"),
    ("logdet(A) + logdet(eye(k) + V*inv(A)*U)", "logdet(U*V + A)"),
    ("inv(A) - inv(A)*u*v'*inv(A)/(1 + v'*inv(A)*u)", "inv(u*v' + A)"),
    ("inv(A) - inv(A)*U*inv(inv(C) + V*inv(A)*U)*V*inv(A)", "inv(U*C*V + A)"),
    ("2*inv(A) - 2*inv(A)*U*inv(eye(k) + U'*inv(A)*U)*U'*inv(A)", "2*inv(U*U' + A)"),
    ("eye(m) - X*inv(eye(n) + X'*X)*X'", "inv(X*X' + eye)"),
    ("inv(A) - inv(A)*B*inv(A + B)", "inv(A + B)"),
    # projections
    ("(X*inv(X'*X)*X')^2", "X*inv(X'*X)*X'"),
    ("(eye - X*inv(X'*X)*X')^2", "eye - X*inv(X'*X)*X'"),
    ("X*inv(X'*X)*X'*X", "X"),
    ("(X*inv(X'*X)*X')'", "X*inv(X'*X)*X'"),
    ("tr(X*inv(X'*X)*X')", "n"),
    # exponentials, logarithms and their relatives
    ("sum(softmax(x))", "1"),
    ("softmax(x)'*ones(n)", "1"),
    ("exp(x - logsumexp(x)*ones)", "softmax(x)"),
    ("exp(x)/sum(exp(x))", "softmax(x)"),
    ("log(sum(exp(x)))", "logsumexp(x)"),
    ("exp(X)./(exp(X)*ones(n)*ones(n)')", "softmax(X, 2)"),
    ("diag(1 ./ sum(exp(X), 2))*exp(X)", "softmax(X, 2)"),
    ("exp(X)./(ones(m)*sum(exp(X), 1))", "softmax(X, 1)"),
    ("exp(X)*diag(1 ./ sum(exp(X), 1)')", "softmax(X, 1)"),
    ("log(sum(exp(X), 2))", "logsumexp(X, 2)"),
    ("log(sum(exp(X), 1))", "logsumexp(X, 1)"),
    ("exp(X - logsumexp(X, 2)*ones(n)')", "softmax(X, 2)"),
    ("exp(X - ones(m)*logsumexp(X, 1))", "softmax(X, 1)"),
    ("softmax(X, 2)*ones(n)", "ones(m)"),
    ("sum(softmax(X, 1), 1)", "ones(n)'"),
    ("sum(softmax(X, 2))", "m"),
    ("x'*softmax(X', 2)*ones(m)", "sum(x)"),
    ("sigmoid(x) + sigmoid(-x)", "ones(n)"),
    ("1 ./ (exp(-x) + ones)", "sigmoid(x)"),
    ("softplus(x) - softplus(-x)", "x"),
    ("log(exp(s)*exp(t))", "s + t"),
    ("exp(x).*exp(-x)", "ones(n)"),
    ("sinh(x)./cosh(x)", "tanh(x)"),
    ("sin(x).^2 + cos(x).^2", "ones(n)"),
    ("expm(A)*expm(-A)", "eye(n)"),
    ("logdet(expm(A))", "tr(A)"),
    ("cosm(A)^2 + sinm(A)^2", "eye(n)"),
    ("relu(x) + relu(-x)", "abs(x)"),
    # norms and diagonals
    ("norm2(Q*x)", "norm2(x)"),
    ("norm2(x/norm2(x))", "1"),
    ("diag(A*diag(x)*B)", "(A.*B')*x"),
]

HIDDEN_ZEROS = [
    "X'*(y - X*inv(X'*X)*X'*y)",
    "X'*(Y - X*inv(X'*X)*X'*Y)",
    "(eye - X*inv(X'*X)*X')*X*inv(X'*X)*X'",
    "X'*(eye - X*inv(X'*X)*X')",
    "U*inv(eye(k) + V*U) - inv(eye(n) + U*V)*U",
    "A*inv(A + B)*B - B*inv(A + B)*A",
    "norm2(x)^2 - x'*x",
    "tr(X'*X) - norm2(X)^2",
    "vec(U*C*V) - kron(V', U)*vec(C)",
    "tr(A*B) - tr(B*A)",
]


@pytest.mark.parametrize(("given", "shorter"), SHORTER)
def test_an_expression_becomes_what_an_expert_writes(given: str, shorter: str) -> None:
    assert str(mc.simplify(mc.parse(given, where=W))) == shorter


@pytest.mark.parametrize("given", HIDDEN_ZEROS)
def test_a_hidden_zero_is_found(given: str) -> None:
    found = str(mc.simplify(mc.parse(given, where=W)))
    assert found == "0" or found.startswith("zeros(")


def test_the_residual_of_least_squares_has_no_gradient() -> None:
    """‖y − X b‖² at b = (X'X)⁻¹X'y is stationary: its gradient there is a hidden zero."""
    gradient = mc.gradient("norm2(y - X*b)^2", "b", where="X: matrix(m,n), y: vector(m), b: vector(n)")
    text = str(gradient).replace("b", "inv(X'*X)*X'*y")
    assert str(mc.simplify(mc.parse(text, where="X: matrix(m,n), y: vector(m)"))) == "zeros(n)"


def test_a_determinant_of_a_kronecker_product_is_not_differentiated_as_one() -> None:
    where = "A: matrix(m,m), X: matrix(n,n)"
    assert str(mc.gradient("logdet(kron(A,X))", "X", where=where)) == "m*inv(X)'"
    assert "kron" not in str(mc.gradient("det(kron(A,X))", "X", where=where))
