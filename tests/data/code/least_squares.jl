using LinearAlgebra

"""
    least_squares(A, x, b, v)

The value, the gradient in x and the Hessian in x times v of norm2(A*x - b)^2.

f = norm2(A*x - b)^2
gradient = 2*A'*(A*x - b)
hvp = 2*A'*A*v

A: a matrix of shape m×n
x: a vector of length n
b: a vector of length m
v: a vector of length n

8*m*n + 3*m + 2*n flops
"""
function least_squares(A, x, b, v)
    r = A * x - b
    f = dot(r, r)
    gradient = 2 * (A' * r)
    hvp = 2 * (A' * (A * v))
    return f, gradient, hvp
end
