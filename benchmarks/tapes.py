"""The problems as one writes them for JAX (compiled) and PyTorch, which differentiate what is recorded on a tape."""

from collections.abc import Callable, Mapping
from typing import Any

LARGEST_HESSIAN = 7e8  # bytes; what is larger is not tried


class Tape:
    """What the functions below need of a library, and how it takes derivatives of `f(x, rest)`."""

    name: str

    def values(self) -> dict[str, Callable[..., Any]]:
        """The function of each problem."""
        xp = self

        def evidence(K, y):
            K = (K + K.T) / 2  # else the gradient is that of the triangle which is read
            L = xp.cholesky(K)
            return y @ xp.cholesky_solve(L, y) / 2 + xp.log(xp.diag(L)).sum()

        def in_scalars(D, y, a, s, t):
            K = xp.exp(a) * xp.exp(-xp.exp(-s) * D) + xp.exp(t) * xp.eye(len(D))
            L = xp.cholesky(K)
            return y @ xp.cholesky_solve(L, y) / 2 + xp.log(xp.diag(L)).sum()

        def likelihood(S, C):
            S = (S + S.T) / 2
            L = xp.cholesky(S)
            return 2 * xp.log(xp.diag(L)).sum() + xp.trace(xp.cholesky_solve(L, C))

        def ten_layers(W, X, Y):
            for _ in range(10):
                X = xp.tanh(W @ X)
            return ((X - Y) ** 2).sum()

        def entropy(X, W, Y):
            Z = X @ W
            return xp.logsumexp(Z, 1).sum() - (Y * Z).sum()

        def narrow_evidence(U, y, t):
            n, k = U.shape
            L = xp.cholesky(U.T @ U + xp.exp(t) * xp.eye(k))
            r = y - U @ xp.cholesky_solve(L, U.T @ y)
            return (y @ r / xp.exp(t) + 2 * xp.log(xp.diag(L)).sum() + (n - k) * t) / 2

        def pairs(X, s):
            sq = (X * X).sum(1)
            return xp.exp((2 * X @ X.T - sq[:, None] - sq) / s).sum()

        return {
            "a": lambda A, x: x @ (A @ x),
            "b": lambda A, x, b: ((A @ x - b) ** 2).sum(),
            "c": lambda X, y, w: xp.softplus(-y * (X @ w)).sum(),
            "d": lambda U, V, T: ((U @ V.T - T) ** 2).sum(),
            "e": evidence,
            "es": in_scalars,
            "f": likelihood,
            "g2": lambda W1, W2, X, Y: ((W2 @ xp.tanh(W1 @ X) - Y) ** 2).sum(),
            "g10": ten_layers,
            "h": lambda A, p, b, c: c @ xp.solve(A + xp.diag(p), b),
            "i": lambda X, B: xp.trace(xp.cholesky_solve(xp.cholesky(X.T @ X), B)),
            "j": entropy,
            "k": narrow_evidence,
            "p": pairs,
            "j1": lambda W, x, y: xp.logsumexp(W @ x, 0) - y @ (W @ x),
        }

    def call(
        self, name: str, variables: tuple[str, ...], part: str, data: Mapping[str, Any], repeats: Callable[..., float]
    ) -> Callable[[], Any] | None:
        """The call that computes a part, of two ways to a Hessian the faster one; None where it does not fit."""
        raise NotImplementedError


class Jax(Tape):
    """JAX in double precision, on one processor."""

    name = "JAX"

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.np = jax, jax.numpy
        for function in ("exp", "log", "tanh", "diag", "eye", "trace"):
            setattr(self, function, getattr(jax.numpy, function))
        self.cholesky, self.solve = jax.numpy.linalg.cholesky, jax.numpy.linalg.solve
        self.logsumexp, self.softplus = jax.nn.logsumexp, jax.nn.softplus

    def cholesky_solve(self, L, B):
        return self.jax.scipy.linalg.cho_solve((L, True), B)

    def call(self, name, variables, part, data, repeats):
        jax, f = self.jax, self.values()[name]
        arrays = {k: self.np.asarray(v) for k, v in data.items() if k != "v"}
        rest = {k: v for k, v in arrays.items() if k not in variables}
        x = tuple(arrays[v] for v in variables)
        x = x[0] if len(x) == 1 else x

        def of(x, rest):
            return f(**dict(zip(variables, (x,) if len(variables) == 1 else x, strict=True)), **rest)

        ways = {
            "f": [of],
            "gradient": [jax.grad(of)],
            "both": [jax.value_and_grad(of)],
            "hvp": [lambda x, rest: jax.jvp(lambda s: jax.grad(of)(s, rest), (x,), (data["v"],))[1]],
            "hessian": [jax.hessian(of), jax.jacrev(jax.grad(of))],
        }[part]
        if part == "hessian" and 8 * (sum(v.size for v in jax.tree_util.tree_leaves(x)) ** 2) > LARGEST_HESSIAN:
            return None
        compiled = [jax.jit(way) for way in ways]
        return fastest([lambda way=way: jax.block_until_ready(way(x, rest)) for way in compiled], repeats)


class Torch(Tape):
    """PyTorch in double precision, on one processor."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        for function in ("exp", "log", "tanh", "diag", "trace", "logsumexp"):
            setattr(self, function, getattr(torch, function))
        self.cholesky, self.solve = torch.linalg.cholesky, torch.linalg.solve

    def eye(self, n):
        return self.torch.eye(n, dtype=self.torch.float64)

    def softplus(self, z):
        return self.torch.logaddexp(z, self.torch.zeros_like(z))

    def cholesky_solve(self, L, B):
        return self.torch.cholesky_solve(B[:, None], L)[:, 0] if B.ndim == 1 else self.torch.cholesky_solve(B, L)

    def call(self, name, variables, part, data, repeats):
        torch, f = self.torch, self.values()[name]
        arrays = {k: torch.tensor(v, dtype=torch.float64) for k, v in data.items()}
        direction = arrays.pop("v", None)
        rest = {k: v for k, v in arrays.items() if k not in variables}
        x = tuple(arrays[v] for v in variables)
        places = tuple(range(len(x)))

        def of(*x):
            return f(**dict(zip(variables, x, strict=True)), **rest)

        func = torch.func
        if part == "hessian" and 8 * (sum(v.numel() for v in x) ** 2) > LARGEST_HESSIAN:
            return None
        ways = {
            "f": [of],
            "gradient": [func.grad(of, places)],
            "both": [func.grad_and_value(of, places)],
            "hvp": [lambda x: func.jvp(func.grad(of), (x,), (direction,))[1]],
            "hessian": [func.hessian(of, places), func.jacrev(func.grad(of, places), places)],
        }[part]
        return fastest([lambda way=way: way(*x) for way in ways], repeats)


def fastest(calls: list[Callable[[], Any]], seconds: Callable[..., float]) -> Callable[[], Any] | None:
    """The fastest of several calls, each called once before; None where all are out of memory."""
    found: list[tuple[float, Callable[[], Any]]] = []
    for call in calls:
        try:
            call()
            found.append((seconds(call) if len(calls) > 1 else 0.0, call))
        except (MemoryError, RuntimeError):
            continue
    return min(found, key=lambda pair: pair[0])[1] if found else None


def flat(found: Any) -> list[float]:
    """All numbers of an answer, in order."""
    import numpy as np

    if isinstance(found, (tuple, list)):
        return [number for part in found for number in flat(part)]
    return np.asarray(found, dtype=float).ravel().tolist()
