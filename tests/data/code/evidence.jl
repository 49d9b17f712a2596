using LinearAlgebra

"""
    evidence(y, K, V)

The value, the gradient in K and the Hessian in K times V of (y'*inv(K)*y + logdet(K))/2.

f = (y'*inv(K)*y + logdet(K))/2
gradient = (inv(K) - inv(K)*y*y'*inv(K))/2
hvp = let M = V*inv(K)*y*y' in inv(K)*(M + M' - V)*inv(K)/2

y: a vector of length n
K: a matrix of shape n×n, symmetric positive definite
V: a matrix of shape n×n, symmetric

17*n^3/3 + 13*n^2 + 4*n + 2 flops
"""
function evidence(y, K, V)
    K_factor = cholesky(Symmetric(K))
    u = K_factor \ y
    f = (dot(y, u) + logdet(K_factor)) / 2
    K_inverse = Matrix(inv(K_factor))
    gradient = (K_inverse - u * u') / 2
    M = (K_factor \ (V * u)) * u'
    hvp = (M + M' - K_inverse * (V * K_inverse)) / 2
    return f, gradient, hvp
end
