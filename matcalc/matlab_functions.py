"""What surrounds the lines of a program in MATLAB: the function, its documentation, and helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from matcalc.code_sheets import POSTFIX, Sheet
from matcalc.julia_functions import size_line
from matcalc.programs import Value

HELPERS: Mapping[str, str] = {
    "kron_times": """
function Y = kron_times(A, B, X, n)
    % kron(A, B) * X without the Kronecker product; [] stands for an identity; A has n columns.
    Y = [];
    for j = 1:size(X, 2)
        Z = reshape(X(:, j), [], n);
        if ~isempty(B), Z = B * Z; end
        if ~isempty(A), Z = Z * A.'; end
        Y(:, j) = Z(:);
    end
end
""",
    "commuted": """
function Y = commuted(X, m, n)
    % K * X for the commutation matrix K with K * vec(A) = vec(A') for A of size m x n.
    order = reshape(1:m * n, m, n).';
    Y = X(order(:), :);
end
""",
    "lu_factor": """
function F = lu_factor(A)
    [F.L, F.U, F.p] = lu(A, 'vector');
end
""",
    "lu_solve": """
function X = lu_solve(F, B)
    X = F.U \\ (F.L \\ B(F.p, :));
end
""",
    "lu_solve_transposed": """
function X = lu_solve_transposed(F, B)
    X(F.p, :) = F.L.' \\ (F.U.' \\ B);
end
""",
    "lu_det": """
function d = lu_det(F)
    P = eye(numel(F.p));
    d = prod(diag(F.U)) * det(P(F.p, :));
end
""",
    "lu_logdet": """
function d = lu_logdet(F)
    % nan where the determinant is negative
    P = eye(numel(F.p));
    u = diag(F.U);
    d = sum(log(abs(u)));
    if prod(sign(u)) * det(P(F.p, :)) < 0, d = nan; end
end
""",
    "log_determinant": """
function d = log_determinant(A)
    % nan where the determinant is negative
    [~, U, P] = lu(A);
    u = diag(U);
    d = sum(log(abs(u)));
    if prod(sign(u)) * det(P) < 0, d = nan; end
end
""",
    "adjugate": """
function B = adjugate(A)
    % from the singular values: right at singular matrices, too
    [U, S, V] = svd(A);
    s = diag(S);
    others = arrayfun(@(i) prod(s([1:i - 1, i + 1:end])), (1:numel(s)).');
    B = det(U) * det(V) * V * diag(others) * U.';
end
""",
    "duplication": """
function D = duplication(n)
    % vec(S) = D * vech(S) for a symmetric n x n matrix S
    places = zeros(n);
    places(tril(true(n))) = 1:n * (n + 1) / 2;
    places = places + tril(places, -1).';
    D = eye(n * (n + 1) / 2);
    D = D(places(:), :);
end
""",
    "elimination": """
function L = elimination(n)
    % vech(A) = L * vec(A) for an n x n matrix A
    L = eye(n ^ 2);
    L = L(find(tril(true(n))), :);
end
""",
    "matrix_derivative": """
function D = matrix_derivative(f, A, E)
    % the derivative of a function of matrices at A along E
    n = size(A, 1);
    whole = f([A, E; zeros(n), A]);
    D = whole(1:n, n + 1:end);
end
""",
    "positive_qr": """
function [Q, R] = positive_qr(A)
    % the factors of A = Q * R, the diagonal of R positive
    [Q, R] = qr(A, 0);
    signs = sign(diag(R));
    Q = Q .* signs.';
    R = signs .* R;
end
""",
    "qr_r": """
function R = qr_r(A)
    [~, R] = positive_qr(A);
end
""",
    "plain_lu": """
function [L, U] = plain_lu(A)
    % the factors of A = L * U, the diagonal of L being 1; no rows are exchanged
    n = size(A, 1);
    L = eye(n);
    for k = 1:n
        below = k + 1:n;
        L(below, k) = A(below, k) / A(k, k);
        A(below, :) = A(below, :) - L(below, k) * A(k, :);
    end
    U = triu(A);
end
""",
    "lu_u": """
function U = lu_u(A)
    [~, U] = plain_lu(A);
end
""",
    "vech": """
function x = vech(A)
    % the columns of the lower triangle, one below the other
    x = A(tril(true(size(A))));
end
""",
    "eigenvectors": """
function V = eigenvectors(S)
    % of ascending eigenvalues, each with its entry of largest absolute value positive
    [V, D] = eig(S);
    [~, order] = sort(diag(D));
    V = V(:, order);
    [~, largest] = max(abs(V), [], 1);
    V = V .* sign(V(sub2ind(size(V), largest, 1:size(V, 2))));
end
""",
    "leading_eigvec": """
function v = leading_eigvec(S)
    V = eigenvectors(S);
    v = V(:, end);
end
""",
    "trailing_eigvec": """
function v = trailing_eigvec(S)
    V = eigenvectors(S);
    v = V(:, 1);
end
""",
    "eigenprojection": """
function P = eigenprojection(A)
    % the projection x * y' / (y' * x) of the eigenvalue with the largest real part
    [right, D] = eig(A);
    left = inv(right);
    [~, k] = max(real(diag(D)));
    P = real(right(:, k) * left(k, :));
end
""",
    "singular_vectors": """
function [U, V] = singular_vectors(A)
    % the thin singular value decomposition, the largest entries of the columns of V positive
    [U, ~, V] = svd(A, 'econ');
    [~, largest] = max(abs(V), [], 1);
    signs = sign(V(sub2ind(size(V), largest, 1:size(V, 2))));
    U = U .* signs;
    V = V .* signs;
end
""",
    "svd_v": """
function V = svd_v(A)
    [~, V] = singular_vectors(A);
end
""",
    "leading_svd_u": """
function u = leading_svd_u(A)
    U = singular_vectors(A);
    u = U(:, 1);
end
""",
    "leading_svd_v": """
function v = leading_svd_v(A)
    [~, V] = singular_vectors(A);
    v = V(:, 1);
end
""",
    "polar": """
function Q = polar(A)
    % the factor with orthonormal columns in the polar decomposition
    [U, ~, V] = svd(A, 'econ');
    Q = U * V.';
end
""",
    "inverse_gaps": """
function G = inverse_gaps(x)
    % the matrix of 1 / (x_j - x_i), with 0 on the diagonal
    eyes = eye(numel(x));
    G = (1 - eyes) ./ (x.' - x + eyes);
end
""",
}


matlab_size_line = partial(size_line, end=";")


def matlab_function(
    name: str,
    arguments: Sequence[str],
    description: Sequence[str],
    body: Sequence[str],
    results: Sequence[str],
    output_names: Sequence[str],
) -> list[str]:
    """The lines of a function, its help below its first line."""
    returned = output_names[0] if len(output_names) == 1 else f"[{', '.join(output_names)}]"
    last = [f"{n} = {r};" for n, r in zip(output_names, results, strict=True) if n != r]
    return [
        f"function {returned} = {name}({', '.join(arguments)})",
        *(f"    % {line}".rstrip() for line in description),
        *(f"    {line}" for line in (*body, *last)),
        "end",
    ]


def matlab_document(sheet: Sheet, function: Sequence[str], test: str) -> str:
    """The text of a file."""
    parts = [
        # a file that begins with a function is no script for Octave
        *(["1;  % a script: run it to test the function"] if test else []),
        "\n".join(function),
        *(HELPERS[name].strip("\n") for name in sheet.helpers),
        *([test.replace("\n\n\n", "\n\n")] if test else []),
    ]
    return "\n\n".join(parts) + "\n"


def matlab_result(sheet: Sheet, v: Value, is_row: bool) -> str:
    """What is returned: a row as it is."""
    return sheet.formula(v, POSTFIX) + ".'" if is_row else sheet.texts[v].text
