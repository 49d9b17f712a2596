function [f, gradient, hvp] = adjoint_solve(c, A, p, b, v)
    % The value, the gradient in p and the Hessian in p times v of c'*inv(A + diag(p))*b.
    %
    % f = c'*inv(A + diag(p))*b
    % gradient = -(inv(A + diag(p))*b).*(inv(A + diag(p))'*c)
    % hvp = let M = inv(A + diag(p)); r = M'*c; u = M*b in r.*(M*(u.*v)) + u.*(M'*(r.*v))
    %
    % c: a vector of length n
    % A: a matrix of shape n×n
    % p: a vector of length n
    % b: a vector of length n
    % v: a vector of length n
    %
    % 2*n^3/3 + 8*n^2 + 10*n flops
    F = lu_factor(A + diag(p));
    u = lu_solve_transposed(F, c);
    f = b.' * u;
    w = lu_solve(F, b);
    gradient = -(w .* u);
    hvp = lu_solve_transposed(F, v .* u) .* w + lu_solve(F, v .* w) .* u;
end

function F = lu_factor(A)
    [F.L, F.U, F.p] = lu(A, 'vector');
end

function X = lu_solve_transposed(F, B)
    X(F.p, :) = F.L.' \ (F.U.' \ B);
end

function X = lu_solve(F, B)
    X = F.U \ (F.L \ B(F.p, :));
end
