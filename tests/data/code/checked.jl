using LinearAlgebra

"""
    f_gradient_hessian_and_hvp(S, C, V)

The value, the gradient in S, the Hessian in S and the Hessian in S times V
of logdet(S)/2 + tr(C*inv(S)).

f = logdet(S)/2 + tr(C*inv(S))
gradient = inv(S)/2 - inv(S)*C*inv(S)
hessian = kron(2*inv(S)*C*inv(S) - inv(S), inv(S))/2 + kron(inv(S), inv(S)*C*inv(S))
hvp = let M = 2*V*inv(S)*C in inv(S)*(M + M' - V)*inv(S)/2

S: a matrix of shape n×n, symmetric positive definite
C: a matrix of shape n×n, symmetric
V: a matrix of shape n×n, symmetric

5*n^4 + 35*n^3/3 + 11*n^2 + 2*n + 3 flops
"""
function f_gradient_hessian_and_hvp(S, C, V)
    S_factor = cholesky(Symmetric(S))
    S_inverse = Matrix(inv(S_factor))
    f = (logdet(S_factor) + 2 * dot(S_inverse, C)) / 2
    M = C * S_inverse
    N = S_inverse * M
    P = S_inverse - 2 * N
    gradient = P / 2
    hessian = (kron(-P, S_inverse) + 2 * kron(S_inverse, N)) / 2
    MV = M * V
    hvp = (S_inverse * ((2 * MV + 2 * MV' - V) * S_inverse)) / 2
    return f, gradient, hessian, hvp
end

"""
    value_for_f_gradient_hessian_and_hvp(S, C)

The function that is differentiated.
"""
function value_for_f_gradient_hessian_and_hvp(S, C)
    S_factor = cholesky(Symmetric(S))
    return (logdet(S_factor) + 2 * dot(Matrix(inv(S_factor)), C)) / 2
end

"""
    self_test()

Compare derivatives with central differences at a random point.
"""
function self_test()
    symmetric(M) = M + M'
    column(x) = x isa Number ? [x] : vec(x)
    point, step, other = Dict{Symbol,Any}(), Dict{Symbol,Any}(), Dict{Symbol,Any}()
    passed = true
    point[:S] = symmetric((0.5 .+ rand(3, 3)) .* sign.(rand(3, 3) .- 0.5) + 3 * I)
    point[:C] = symmetric((0.5 .+ rand(3, 3)) .* sign.(rand(3, 3) .- 0.5) + 3 * I)
    step[:S] = symmetric(-0.5 .+ rand(3, 3))
    other[:S] = symmetric(-0.5 .+ rand(3, 3))
    found = f_gradient_hessian_and_hvp(point[:S], point[:C], other[:S])
    moved = (t, s) -> value_for_f_gradient_hessian_and_hvp(point[:S] + t * step[:S], point[:C])
    slope = (moved(1e-6, 1e-6) - moved(-1e-6, -1e-6)) / 2e-6
    claimed, measured = column(sum(found[2] .* step[:S])), column(slope)
    relative_error = maximum(abs.(claimed - measured)) / max(maximum(abs.(measured)), 1e-3)
    println("gradient: relative error ", relative_error)
    passed = passed && relative_error < 0.0001
    moved = (t, s) -> value_for_f_gradient_hessian_and_hvp(point[:S] + t * step[:S] + s * other[:S], point[:C])
    bend = h -> (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h^2)
    curvature = (4 * bend(1e-3) - bend(2e-3)) / 3
    claimed, measured = column(column(step[:S])' * reshape(column(found[3]), length(step[:S]), :) * column(other[:S])), column(curvature)
    relative_error = maximum(abs.(claimed - measured)) / max(maximum(abs.(measured)), 1e-3)
    println("hessian: relative error ", relative_error)
    passed = passed && relative_error < 0.0001
    moved = (t, s) -> value_for_f_gradient_hessian_and_hvp(point[:S] + t * step[:S] + s * other[:S], point[:C])
    bend = h -> (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h^2)
    curvature = (4 * bend(1e-3) - bend(2e-3)) / 3
    claimed, measured = column(sum(found[4] .* step[:S])), column(curvature)
    relative_error = maximum(abs.(claimed - measured)) / max(maximum(abs.(measured)), 1e-3)
    println("hvp: relative error ", relative_error)
    passed = passed && relative_error < 0.0001
    println(passed ? "verified" : "REFUTED")
    return passed
end

if abspath(PROGRAM_FILE) == @__FILE__
    exit(self_test() ? 0 : 1)
end
