"""What surrounds the lines of a program in Julia: the function, its documentation, and helpers beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import Expr

from matcalc.code_sheets import Sheet
from matcalc.expressions import ONE, Variable
from matcalc.programs import Value

HELPERS: Mapping[str, str] = {
    "kron_times": '''
"""
    kron_times(A, B, X, n)

kron(A, B) * X without the Kronecker product; I stands for an identity; A has n columns.
"""
kron_times(A, B, X, n) = reduce(hcat, [vec(B * reshape(x, :, n) * A') for x in eachcol(X)])
''',
    "commuted": '''
"""
    commuted(X, m, n)

K * X for the commutation matrix K with K * vec(A) = vec(A') for A of size m×n.
"""
commuted(X, m, n) = reduce(hcat, [vec(reshape(x, m, n)') for x in eachcol(X)])
''',
    "adjugate": '''
"""
    adjugate(A)

The adjugate of A from its singular values: right at singular matrices, too.
"""
function adjugate(A)
    U, s, V = svd(A)
    others = [prod(s[1:i-1]) * prod(s[i+1:end]) for i in eachindex(s)]
    return det(U) * det(V) * V * Diagonal(others) * U'
end
''',
    "duplication": '''
"""
    duplication(n)

The D with vec(S) = D * vech(S) for a symmetric n×n matrix S.
"""
function duplication(n)
    places, count = zeros(Int, n, n), 0
    for j in 1:n, i in j:n
        count += 1
        places[i, j] = places[j, i] = count
    end
    return Matrix(1.0I, count, count)[vec(places), :]
end
''',
    "elimination": '''
"""
    elimination(n)

The L with vech(A) = L * vec(A) for an n×n matrix A.
"""
elimination(n) = Matrix(1.0I, n^2, n^2)[[i + n * (j - 1) for j in 1:n for i in j:n], :]
''',
    "matrix_derivative": '''
"""
    matrix_derivative(f, A, E)

The derivative of a function of matrices at A along E.
"""
function matrix_derivative(f, A, E)
    n = size(A, 1)
    return f([A E; zero(A) A])[1:n, n+1:end]
end
''',
    "positive_qr": '''
"""
    positive_qr(A)

The factors of A = Q R, the diagonal of R positive.
"""
function positive_qr(A)
    F = qr(A)
    signs = sign.(diag(F.R))
    return Matrix(F.Q) .* signs', signs .* F.R
end
''',
    "vech": '''
"""
    vech(A)

The columns of the lower triangle, one below the other.
"""
vech(A) = [A[i, j] for j in axes(A, 2) for i in j:size(A, 1)]
''',
    "eigenvectors": '''
"""
    eigenvectors(S)

The eigenvectors of ascending eigenvalues, each with its entry of largest absolute value positive.
"""
eigenvectors(S) = reduce(hcat, [v * sign(v[argmax(abs.(v))]) for v in eachcol(eigen(Symmetric(S)).vectors)])
''',
    "eigenprojection": '''
"""
    eigenprojection(A)

The projection x y' / (y' x) of the eigenvalue with the largest real part.
"""
function eigenprojection(A)
    values, right = eigen(A)
    k = argmax(real(values))
    return real(right[:, k] * transpose(inv(right)[k, :]))
end
''',
    "singular_vectors": '''
"""
    singular_vectors(A)

U and V of the thin singular value decomposition, the largest entries of V's columns positive.
"""
function singular_vectors(A)
    U, _, V = svd(A)
    signs = [sign(v[argmax(abs.(v))]) for v in eachcol(V)]
    return U .* signs', V .* signs'
end
''',
    "polar": '''
"""
    polar(A)

The factor with orthonormal columns in the polar decomposition.
"""
function polar(A)
    F = svd(A)
    return F.U * F.Vt
end
''',
    "inverse_gaps": '''
"""
    inverse_gaps(x)

The matrix of 1 / (x_j - x_i), with 0 on the diagonal.
"""
inverse_gaps(x) = [i == j ? 0.0 : 1 / (x[j] - x[i]) for i in eachindex(x), j in eachindex(x)]
''',
}


def julia_function(
    name: str,
    arguments: Sequence[str],
    description: Sequence[str],
    body: Sequence[str],
    results: Sequence[str],
    output_names: Sequence[str],
) -> list[str]:
    """The lines of a function and of its documentation."""
    call_line = f"{name}({', '.join(arguments)})"
    words = [line.replace("\\", "\\\\").replace("$", "\\$").replace('"', '\\"') for line in description]
    lines = ['"""', f"    {call_line}", "", *words, '"""', f"function {call_line}"]
    return [*lines, *(f"    {line}" for line in body), f"    return {', '.join(results)}", "end"]


def julia_document(sheet: Sheet, function: Sequence[str], test: str) -> str:
    """The text of a file."""
    modules = ["LinearAlgebra", *sorted(sheet.imports)]
    parts = [f"using {', '.join(modules)}", *(HELPERS[name].strip("\n") for name in sheet.helpers), "\n".join(function)]
    parts += [test.replace("\n\n\n", "\n\n")] if test else []
    return "\n\n".join(parts) + "\n"


def julia_result(sheet: Sheet, v: Value, is_row: bool) -> str:
    """What is returned: a row as a 1×n matrix, and a copy of what shares memory with an argument."""
    if is_row:
        return f"permutedims({sheet.texts[v].text})"
    shares = v
    while shares.op in ("transpose", "vec", "unvec") and shares.args:
        shares = shares.args[0]
    if shares.op == "input" and shares.rank:
        return f"copy({sheet.texts[v].text})"
    return sheet.texts[v].text


def size_line(name: str, array: str, v: Variable, axis: int, dimension: Expr, end: str = "") -> str:
    """The line that finds a size."""
    length = f"size({array}, {axis + 1})"
    if v.rows is ONE:
        length = f"length({array})"
    if not dimension.is_Symbol:
        (symbol,) = dimension.free_symbols
        start = dimension.subs(symbol, 0)
        slope = dimension.subs(symbol, 1) - start
        length = f"({length} - {start}) ÷ {slope}" if not end else f"({length} - {start}) / {slope}"
    return f"{name} = {length}{end}"
