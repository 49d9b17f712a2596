using LinearAlgebra

"""
    largest_residual(A, x, b, v)

The value, the gradient in x and the Hessian in x times v of max(abs(A*x - b))^2.

f = max(abs(A*x - b))^2
gradient = let r = abs(A*x - b) in 2*max(r)*A'*(hardmax(r).*sign(A*x - b))
hvp = let r = hardmax(abs(A*x - b)); u = sign(A*x - b) in 2*r'*(u.*(A*v))*A'*(r.*u)

A: a matrix of shape m×n
x: a vector of length n
b: a vector of length m
v: a vector of length n

6*m*n + 11*m + 2*n + 3 flops
"""
function largest_residual(A, x, b, v)
    r = A * x - b
    u = abs.(r)
    s = maximum(u)
    f = s ^ 2
    w = (u .== s)
    z = w / sum(w)
    p = sign.(r)
    h = A' * (z .* p)
    gradient = 2 * s * h
    hvp = 2 * dot(z, (A * v) .* p) * h
    return f, gradient, hvp
end
