using LinearAlgebra

"""
    sum_over_index(A, x, B, v)

The value, the gradient in x and the Hessian in x times v
of sum(i, 1, n, 2^(-i)*logdet(A + x[i]*B)).

f = sum(i, 1, n, 2^(-i)*logdet(A + x[i]*B))
gradient = sum(i, 1, n, 2^(-i)*tr(B*inv(A + x[i]*B))*eye(n)[:,i])
hvp = -sum(i, 1, n, 2^(-i)*tr(B*inv(A + x[i]*B)*B*inv(A + x[i]*B))*v[i]*eye(n)[:,i])

A: a matrix of shape n×n
x: a vector of length n
B: a matrix of shape n×n
v: a vector of length n

20*n^4/3 + 10*n^3 + 4*n^2 + 12*n flops
"""
function sum_over_index(A, x, B, v)
    n = size(x, 1)
    f = 0.0
    for i in 1:n
        M = A + x[i] * B
        s = float(2) ^ (-i)
        f = f + logdet(M) * s
    end
    gradient = zeros(n)
    for i in 1:n
        N = A + x[i] * B
        N_factor = lu(N)
        N_inverse = Matrix(inv(N_factor))
        t = float(2) ^ (-i)
        u = Matrix(1.0I, n, n)[:, i]
        gradient = gradient + dot(N_inverse, B') * t * u
    end
    w = zeros(n)
    for i in 1:n
        P = A + x[i] * B
        P_factor = lu(P)
        P_inverse = Matrix(inv(P_factor))
        Q = P_inverse * B
        c = float(2) ^ (-i)
        z = Matrix(1.0I, n, n)[:, i]
        w = w + v[i] * dot(Q, Q') * c * z
    end
    hvp = -w
    return f, gradient, hvp
end
