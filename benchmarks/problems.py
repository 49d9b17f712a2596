"""The problems of the run-time benchmarks: formulas, data, and the functions that an expert writes by hand.

Parts are f, gradient, both (value and gradient), hvp (the Hessian times a direction), hessian (as a matrix) and
operator: the Hessian in a matrix variable as a function of directions, whose parts are computed beforehand.
"""

import numpy as np

try:
    from scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve

    HAS_SCIPY = True
except ImportError:
    HAS_SCIPY = False

    def cho_factor(S, lower=True):
        return np.linalg.cholesky(S), S

    def cho_solve(factor, B):
        return np.linalg.solve(factor[1], B)

    def lu_factor(A):
        return A, A

    def lu_solve(factor, B, trans=0):
        return np.linalg.solve(factor[1].T if trans else factor[1], B)


class Problem:
    """A formula, the functions written by hand, by part, and the sizes."""

    def __init__(self, name, formula, variable, where, sizes, make, hand, relations=None):
        self.name, self.formula, self.variable, self.where = name, formula, variable, where
        self.sizes, self.make, self.hand, self.relations = sizes, make, hand, relations


def spd(rng, n):
    X = rng.standard_normal((n, n))
    return X @ X.T / n + np.eye(n)


# ---- written by hand ---------------------------------------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def quadratic():
    def f(A, x):
        return x @ (A @ x)

    def gradient(A, x):
        return A @ x + A.T @ x

    def both(A, x):
        Ax = A @ x
        return x @ Ax, Ax + A.T @ x

    def hvp(A, x, v):
        return A @ v + A.T @ v

    def hessian(A, x):
        return A + A.T

    return locals()


def least_squares():
    def f(A, x, b):
        r = A @ x - b
        return r @ r

    def gradient(A, x, b):
        return 2 * (A.T @ (A @ x - b))

    def both(A, x, b):
        r = A @ x - b
        return r @ r, 2 * (A.T @ r)

    def hvp(A, x, b, v):
        return 2 * (A.T @ (A @ v))

    def hessian(A, x, b):
        return 2 * (A.T @ A)

    return locals()


def logistic():
    def f(X, y, w):
        return np.logaddexp(0, -y * (X @ w)).sum()

    def gradient(X, y, w):
        return -(X.T @ (y * sigmoid(-y * (X @ w))))

    def both(X, y, w):
        z = -y * (X @ w)
        return np.logaddexp(0, z).sum(), -(X.T @ (y * sigmoid(z)))

    def hvp(X, y, w, v):
        s = sigmoid(y * (X @ w))
        return X.T @ (s * (1 - s) * y**2 * (X @ v))

    def hessian(X, y, w):
        s = sigmoid(y * (X @ w))
        Z = np.sqrt(s * (1 - s) * y**2)[:, None] * X
        return Z.T @ Z

    return locals()


def factorization():
    def f(U, V, T):
        R = U @ V.T - T
        return np.vdot(R, R)

    def gradient(U, V, T):
        return 2 * ((U @ V.T - T) @ V)

    def both(U, V, T):
        R = U @ V.T - T
        return np.vdot(R, R), 2 * (R @ V)

    def hvp(U, V, T, v):
        return 2 * (v @ (V.T @ V))

    def operator(U, V, T):
        G = 2 * (V.T @ V)
        return lambda v: v @ G

    return locals()


def gaussian_process():
    def f(K, y):
        c = cho_factor(K, lower=True)
        return y @ cho_solve(c, y) / 2 + np.log(np.diag(c[0])).sum()

    def gradient(K, y):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        return 0.5 * (cho_solve(c, np.eye(len(K))) - np.outer(a, a))

    def both(K, y):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        value = y @ a / 2 + np.log(np.diag(c[0])).sum()
        return value, 0.5 * (cho_solve(c, np.eye(len(K))) - np.outer(a, a))

    def hvp(K, y, v):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)
        P = cho_solve(c, v)
        Pa = P @ a
        aPa = np.outer(a, Pa)
        return 0.5 * (aPa + aPa.T - cho_solve(c, P.T))

    def operator(K, y):
        c = cho_factor(K, lower=True)
        a = cho_solve(c, y)

        def times(v):
            P = cho_solve(c, v)
            aPa = np.outer(a, P @ a)
            return 0.5 * (aPa + aPa.T - cho_solve(c, P.T))

        return times

    return locals()


def evidence_in_scalars():
    def kernel(D, a, s, t):
        E = np.exp(-np.exp(-s) * D)
        K = np.exp(a) * E
        K[np.diag_indices_from(K)] += np.exp(t)
        return E, K

    def f(D, y, a, s, t):
        c = cho_factor(kernel(D, a, s, t)[1], lower=True)
        return y @ cho_solve(c, y) / 2 + np.log(np.diag(c[0])).sum()

    def gradient(D, y, a, s, t):
        return both(D, y, a, s, t)[1:]

    def both(D, y, a, s, t):
        E, K = kernel(D, a, s, t)
        c = cho_factor(K, lower=True)
        u = cho_solve(c, y)
        M = cho_solve(c, np.eye(len(D)))
        value = y @ u / 2 + np.log(np.diag(c[0])).sum()
        slopes = [np.exp(a) * E, np.exp(a - s) * (D * E), None]
        found = [(np.vdot(M, S) - u @ (S @ u)) / 2 for S in slopes[:2]]
        return (value, *found, np.exp(t) * (np.trace(M) - u @ u) / 2)

    def hessian(D, y, a, s, t):
        E, K = kernel(D, a, s, t)
        c = cho_factor(K, lower=True)
        u = cho_solve(c, y)
        M = cho_solve(c, np.eye(len(D)))
        DE = D * E
        Ka, Kl, kt = np.exp(a) * E, np.exp(a - s) * DE, np.exp(t)
        second = {(0, 0): Ka, (0, 1): Kl, (1, 1): np.exp(a - s) * (np.exp(-s) * (D * DE) - DE)}
        P = [M @ Ka, M @ Kl, kt * M]
        Su = [Ka @ u, Kl @ u, kt * u]
        H = np.zeros((3, 3))
        for i in range(3):
            for j in range(i, 3):
                h = Su[i] @ (M @ Su[j]) - np.vdot(P[i], P[j].T) / 2
                if (i, j) in second:
                    S = second[i, j]
                    h += (np.vdot(M, S) - u @ (S @ u)) / 2
                H[i, j] = H[j, i] = h
        H[2, 2] += kt * (np.trace(M) - u @ u) / 2
        return tuple(H.ravel())

    return {"f": f, "gradient": gradient, "both": both, "hessian": hessian}


def narrow_evidence():
    def factors(U, y, t):
        s = np.exp(t)
        n, k = U.shape
        C = U.T @ U
        F = cho_factor(C + s * np.eye(k), lower=True)
        u = cho_solve(F, U.T @ y)
        return s, n, k, C, F, u, y - U @ u

    def value(y, t, s, n, k, F, r):
        return (y @ r / s + 2 * np.log(np.diag(F[0])).sum() + (n - k) * t) / 2

    def f(U, y, t):
        s, n, k, _, F, _, r = factors(U, y, t)
        return value(y, t, s, n, k, F, r)

    def both(U, y, t):
        s, n, k, C, F, u, r = factors(U, y, t)
        inverse = cho_solve(F, np.eye(k))
        of_U = U @ inverse - np.outer(r, u / s)
        of_t = (n - np.vdot(C, inverse) - r @ r / s) / 2
        return value(y, t, s, n, k, F, r), of_U, of_t

    def gradient(U, y, t):
        return both(U, y, t)[1:]

    return {"f": f, "gradient": gradient, "both": both}


def kernel_of_pairs():
    def kernel(X, s):
        sq = (X * X).sum(axis=1)
        return np.exp(np.maximum(sq[:, None] + sq - 2 * (X @ X.T), 0) / -s)

    def f(X, s):
        return kernel(X, s).sum()

    def both(X, s):
        K = kernel(X, s)
        u = K.sum(axis=1)
        return u.sum(), 4 / s * (K @ X - u[:, None] * X)

    def gradient(X, s):
        return both(X, s)[1]

    return {"f": f, "gradient": gradient, "both": both}


def covariance():
    def f(S, C):
        c = cho_factor(S, lower=True)
        return 2 * np.log(np.diag(c[0])).sum() + np.trace(cho_solve(c, C))

    def gradient(S, C):
        c = cho_factor(S, lower=True)
        M = cho_solve(c, np.eye(len(S)))
        return M - M @ C @ M

    def both(S, C):
        c = cho_factor(S, lower=True)
        M = cho_solve(c, np.eye(len(S)))
        value = 2 * np.log(np.diag(c[0])).sum() + np.vdot(M, C)
        return value, M - M @ C @ M

    def hvp(S, C, v):
        return operator(S, C)(v)

    def operator(S, C):
        M = cho_solve(cho_factor(S, lower=True), np.eye(len(S)))
        Q = M @ C @ M

        def times(v):
            P = M @ v
            R = P @ Q
            return R + R.T - P @ M

        return times

    return {"f": f, "gradient": gradient, "both": both, "hvp": hvp, "operator": operator}


def two_layers():
    def f(W1, W2, X, Y):
        R = W2 @ np.tanh(W1 @ X) - Y
        return np.vdot(R, R)

    def gradient(W1, W2, X, Y):
        H = np.tanh(W1 @ X)
        return 2 * (((W2.T @ (W2 @ H - Y)) * (1 - H**2)) @ X.T)

    def both(W1, W2, X, Y):
        H = np.tanh(W1 @ X)
        R = W2 @ H - Y
        return np.vdot(R, R), 2 * (((W2.T @ R) * (1 - H**2)) @ X.T)

    return locals()


def layers(count):
    def f(W, X, Y):
        H = X
        for _ in range(count):
            H = np.tanh(W @ H)
        return np.vdot(H - Y, H - Y)

    def gradient(W, X, Y):
        return both(W, X, Y)[1]

    def both(W, X, Y):
        H = [X]
        for _ in range(count):
            H.append(np.tanh(W @ H[-1]))
        R = H[-1] - Y
        G = 2 * R
        total = 0
        for i in range(count, 0, -1):
            D = G * (1 - H[i] ** 2)
            total = total + D @ H[i - 1].T
            G = W.T @ D if i > 1 else G
        return np.vdot(R, R), total

    return {"f": f, "gradient": gradient, "both": both}


def adjoint_solve():
    def f(A, p, b, c):
        return c @ lu_solve(lu_factor(A + np.diag(p)), b)

    def gradient(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        return -(lu_solve(F, b) * lu_solve(F, c, trans=1))

    def both(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        u = lu_solve(F, b)
        return c @ u, -(u * lu_solve(F, c, trans=1))

    def hvp(A, p, b, c, v):
        F = lu_factor(A + np.diag(p))
        u, r = lu_solve(F, b), lu_solve(F, c, trans=1)
        return r * lu_solve(F, u * v) + u * lu_solve(F, r * v, trans=1)

    def hessian(A, p, b, c):
        F = lu_factor(A + np.diag(p))
        M = lu_solve(F, np.eye(len(p)))
        H = np.outer(c @ M, M @ b) * M
        return H + H.T

    return locals()


def inverse_gram():
    def f(X, B):
        return np.trace(cho_solve(cho_factor(X.T @ X, lower=True), B))

    def gradient(X, B):
        M = cho_solve(cho_factor(X.T @ X, lower=True), np.eye(len(B)))
        return -X @ (M @ (B + B.T) @ M)

    def both(X, B):
        M = cho_solve(cho_factor(X.T @ X, lower=True), np.eye(len(B)))
        return np.vdot(M, B.T), -X @ (M @ (B + B.T) @ M)

    def hvp(X, B, v):
        return operator(X, B)(v)

    def operator(X, B):
        M = cho_solve(cho_factor(X.T @ X, lower=True), np.eye(len(B)))
        Q = M @ (B + B.T) @ M

        def times(v):
            N = v.T @ X
            T = M @ (N + N.T) @ Q
            return X @ (T + T.T) - v @ Q

        return times

    return {"f": f, "gradient": gradient, "both": both, "hvp": hvp, "operator": operator}


def cross_entropy():
    def f(X, W, Y):
        Z = X @ W
        top = Z.max(axis=1)
        return (np.log(np.exp(Z - top[:, None]).sum(axis=1)) + top).sum() - np.vdot(Y, Z)

    def gradient(X, W, Y):
        Z = X @ W
        E = np.exp(Z - Z.max(axis=1)[:, None])
        return X.T @ (E / E.sum(axis=1)[:, None] - Y)

    def both(X, W, Y):
        Z = X @ W
        top = Z.max(axis=1)
        E = np.exp(Z - top[:, None])
        sums = E.sum(axis=1)
        return (np.log(sums) + top).sum() - np.vdot(Y, Z), X.T @ (E / sums[:, None] - Y)

    def hvp(X, W, Y, v):
        Z = X @ W
        E = np.exp(Z - Z.max(axis=1)[:, None])
        P = E / E.sum(axis=1)[:, None]
        PV = P * (X @ v)
        return X.T @ (PV - P * PV.sum(axis=1)[:, None])

    def operator(X, W, Y):
        Z = X @ W
        E = np.exp(Z - Z.max(axis=1)[:, None])
        P = E / E.sum(axis=1)[:, None]

        def times(v):
            PV = P * (X @ v)
            return X.T @ (PV - P * PV.sum(axis=1)[:, None])

        return times

    return locals()


def one_sample():
    def f(W, x, y):
        z = W @ x
        top = z.max()
        return np.log(np.exp(z - top).sum()) + top - y @ z

    def gradient(W, x, y):
        z = W @ x
        e = np.exp(z - z.max())
        return np.outer(e / e.sum() - y, x)

    def both(W, x, y):
        z = W @ x
        top = z.max()
        e = np.exp(z - top)
        s = e.sum()
        return np.log(s) + top - y @ z, np.outer(e / s - y, x)

    def hvp(W, x, y, v):
        z = W @ x
        e = np.exp(z - z.max())
        p = e / e.sum()
        u = v @ x
        return np.outer(p * u - (p @ u) * p, x)

    return locals()


def chain_of_layers(count):
    text = "X"
    for _ in range(count):
        text = f"tanh(W*{text})"
    return f"norm2({text} - Y)^2"


def normal(*names):
    return lambda rng, n: {name: rng.standard_normal([int(n * s) for s in shape]) for name, shape in names}


def distances(rng, n):
    # close enough that nothing underflows: products of subnormal numbers take several times as long, unless JAX has
    # been imported, which has them flushed to zero
    x = rng.uniform(0, 10, n)
    return {"D": (x[:, None] - x) ** 2, "y": rng.standard_normal(n), "a": 0.3, "s": -0.2, "t": -1.0}


PROBLEMS = {
    "a": Problem(
        "quadratic", "x'*A*x", "x", "A: matrix(n,n), x: vector(n)", (300, 1000),
        normal(("A", (1, 1)), ("x", (1,))), quadratic(),
    ),
    "b": Problem(
        "least squares", "norm2(A*x - b)^2", "x", "A: matrix(m,n), x: vector(n), b: vector(m)", (300, 1000),
        normal(("A", (2, 1)), ("x", (1,)), ("b", (2,))), least_squares(),
    ),
    "c": Problem(
        "logistic", "sum(softplus(-y.*(X*w)))", "w", "X: matrix(m,n), y: vector(m), w: vector(n)", (300, 1000),
        normal(("X", (2, 1)), ("y", (2,)), ("w", (1,))), logistic(),
    ),
    "d": Problem(
        "factorization", "norm2(U*V' - T)^2", "U", "U: matrix(m,k), V: matrix(n,k), T: matrix(m,n)", (300, 1000),
        normal(("U", (1, 0.1)), ("V", (1, 0.1)), ("T", (1, 1))), factorization(),
    ),
    "e": Problem(
        "Gaussian process", "y'*inv(K)*y/2 + logdet(K)/2", "K", "K: matrix(n,n) spd, y: vector(n)", (300, 1000),
        lambda rng, n: {"K": spd(rng, n), "y": rng.standard_normal(n)}, gaussian_process(),
    ),
    "es": Problem(
        "evidence in scalars",
        "let K = exp(a)*exp(-exp(-s)*D) + exp(t)*eye(n) in y'*inv(K)*y/2 + logdet(K)/2", ("a", "s", "t"),
        "D: matrix(n,n) symmetric, y: vector(n), a, s, t: scalar", (300, 1000), distances, evidence_in_scalars(),
    ),
    "f": Problem(
        "covariance", "logdet(S) + tr(inv(S)*C)", "S", "S: matrix(n,n) spd, C: matrix(n,n) symmetric", (300, 1000),
        lambda rng, n: {"S": spd(rng, n), "C": spd(rng, n)}, covariance(),
    ),
    "g2": Problem(
        "2 layers", "norm2(W2*tanh(W1*X) - Y)^2", "W1",
        "W1: matrix(h,n), W2: matrix(p,h), X: matrix(n,m), Y: matrix(p,m)", (300, 800),
        normal(("W1", (1, 1)), ("W2", (0.1, 1)), ("X", (1, 0.5)), ("Y", (0.1, 0.5))), two_layers(),
    ),
    "g10": Problem(
        "10 layers", chain_of_layers(10), "W", "W: matrix(n,n), X: matrix(n,m), Y: matrix(n,m)", (200, 500),
        lambda rng, n: {
            "W": rng.standard_normal((n, n)) / n**0.5,
            "X": rng.standard_normal((n, n // 2)),
            "Y": rng.standard_normal((n, n // 2)),
        },
        layers(10),
    ),
    "h": Problem(
        "adjoint solve", "c'*inv(A + diag(p))*b", "p", "A: matrix(n,n), b, c, p: vector(n)", (300, 1000),
        lambda rng, n: {
            "A": rng.standard_normal((n, n)) / n**0.5,
            "p": rng.uniform(2, 3, n),
            "b": rng.standard_normal(n),
            "c": rng.standard_normal(n),
        },
        adjoint_solve(),
    ),
    "i": Problem(
        "inverse of a Gram matrix", "tr(inv(X'*X)*B)", "X", "X: matrix(m,n), B: matrix(n,n)", (300, 800),
        normal(("X", (2, 1)), ("B", (1, 1))), inverse_gram(),
    ),
    "j": Problem(
        "cross-entropy", "sum(log(exp(X*W)*ones(k))) - tr(Y'*X*W)", "W",
        "X: matrix(m,n), W: matrix(n,k), Y: matrix(m,k)", (300, 1000),
        lambda rng, n: {
            "X": rng.standard_normal((2 * n, n // 2)) / n**0.5,
            "W": rng.standard_normal((n // 2, n // 10)),
            "Y": rng.uniform(0, 1, (2 * n, n // 10)),
        },
        cross_entropy(),
    ),
    "k": Problem(
        "evidence of narrow factors",
        "let K = exp(t)*eye(n) + U*U' in y'*inv(K)*y/2 + logdet(K)/2", ("U", "t"),
        "U: matrix(n,k), y: vector(n), t: scalar", (1000, 3000),
        lambda rng, n: {"U": rng.standard_normal((n, n // 10)), "y": rng.standard_normal(n), "t": 0.3},
        narrow_evidence(), "n >> k",
    ),
    "p": Problem(
        "sum over pairs of points", "sum(i, 1, n, sum(j, 1, n, exp(-norm2(X[i,:] - X[j,:])^2/s)))", "X",
        "X: matrix(n,d), s: scalar", (300, 1000),
        lambda rng, n: {"X": rng.standard_normal((n, 10)), "s": 8.0}, kernel_of_pairs(),
    ),
    "j1": Problem(
        "cross-entropy of one sample", "logsumexp(W*x) - y'*W*x", "W", "W: matrix(k,n), x: vector(n), y: vector(k)",
        (300, 1000), normal(("W", (1, 1)), ("x", (1,)), ("y", (1,))), one_sample(),
    ),
}  # fmt: skip
