using LinearAlgebra

"""
    row(A, b, r, V)

The value, the gradient in r and the Hessian in r times V of norm2(A - b*r)^2.

f = norm2(A - b*r)^2
gradient = 2*b'*(b*r - A)
hvp = 2*b'*b*V

A: a matrix of shape m×n
b: a vector of length m
r: a row of length n
V: a row of length n

6*m*n + 2*m + 3*n + 1 flops
"""
function row(A, b, r, V)
    r = vec(r)
    V = vec(V)
    M = A - b * r'
    f = dot(M, M)
    gradient = -(2 * (M' * b))
    hvp = 2 * dot(b, b) * V
    return f, permutedims(gradient), permutedims(hvp)
end
