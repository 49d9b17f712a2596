using LinearAlgebra

"""
    adjoint_solve(c, A, p, b, v)

The value, the gradient in p and the Hessian in p times v of c'*inv(A + diag(p))*b.

f = c'*inv(A + diag(p))*b
gradient = -(inv(A + diag(p))*b).*(inv(A + diag(p))'*c)
hvp = let M = inv(A + diag(p)); r = M'*c; u = M*b in r.*(M*(u.*v)) + u.*(M'*(r.*v))

c: a vector of length n
A: a matrix of shape n×n
p: a vector of length n
b: a vector of length n
v: a vector of length n

2*n^3/3 + 8*n^2 + 10*n flops
"""
function adjoint_solve(c, A, p, b, v)
    F = lu(A + Diagonal(p))
    u = F' \ c
    f = dot(b, u)
    w = F \ b
    gradient = -(w .* u)
    hvp = F' \ (v .* u) .* w + F \ (v .* w) .* u
    return f, gradient, hvp
end
