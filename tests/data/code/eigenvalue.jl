using LinearAlgebra

"""
    eigenvectors(S)

The eigenvectors of ascending eigenvalues, each with its entry of largest absolute value positive.
"""
eigenvectors(S) = reduce(hcat, [v * sign(v[argmax(abs.(v))]) for v in eachcol(eigen(Symmetric(S)).vectors)])

"""
    eigenvalue(S)

The value and the gradient in S of lambda_max(S).

f = lambda_max(S)
gradient = leading_eigvec(S)*leading_eigvec(S)'

S: a matrix of shape n×n, symmetric

20*n^3 + n^2 flops
"""
function eigenvalue(S)
    f = eigmax(Symmetric(S))
    u = eigenvectors(S)[:, end]
    gradient = u * u'
    return f, gradient
end
