using LinearAlgebra

"""
    adjugate(A)

The adjugate of A from its singular values: right at singular matrices, too.
"""
function adjugate(A)
    U, s, V = svd(A)
    others = [prod(s[1:i-1]) * prod(s[i+1:end]) for i in eachindex(s)]
    return det(U) * det(V) * V * Diagonal(others) * U'
end

"""
    determinant(A, x, V)

The value, the gradient in A and the Hessian in A times V of x'*inv(A)*x + det(A) + logdet(A).

f = x'*inv(A)*x + det(A) + logdet(A)
gradient = (eye - inv(A)'*x*x')*inv(A)' + cof(A)
hvp = (inv(A)*((x*x'*inv(A)*V + V*(inv(A)*x*x' - (det(A) + 1)*eye))*inv(A) +
        det(A)*tr(inv(A)*V)*eye))'

A: a matrix of shape n×n
x: a vector of length n
V: a matrix of shape n×n

10*n^3 + 22*n^2 + 5*n + 4 flops
"""
function determinant(A, x, V)
    A_factor = lu(A)
    u = A_factor' \ x
    s = det(A_factor)
    f = dot(x, u) + s + logdet(A_factor)
    A_inverse = Matrix(inv(A_factor))
    gradient = A_inverse' - u * (A_factor \ x)' + adjugate(A')
    M = V' * A_inverse'
    N = (V' * u) * (A_inverse * x)' + x * ((A_inverse' * M)' * x)' - (s + 1) * M
    hvp = A_inverse' * N + s * dot(V, A_inverse') * A_inverse'
    return f, gradient, hvp
end
