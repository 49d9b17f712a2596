function [f, gradient, hvp] = determinant(A, x, V)
    % The value, the gradient in A and the Hessian in A times V of x'*inv(A)*x + det(A) + logdet(A).
    %
    % f = x'*inv(A)*x + det(A) + logdet(A)
    % gradient = (eye - inv(A)'*x*x')*inv(A)' + cof(A)
    % hvp = (inv(A)*((x*x'*inv(A)*V + V*(inv(A)*x*x' - (det(A) + 1)*eye))*inv(A) +
    %         det(A)*tr(inv(A)*V)*eye))'
    %
    % A: a matrix of shape n×n
    % x: a vector of length n
    % V: a matrix of shape n×n
    %
    % 10*n^3 + 22*n^2 + 5*n + 4 flops
    n = size(x, 1);
    A_factor = lu_factor(A);
    u = lu_solve_transposed(A_factor, x);
    s = lu_det(A_factor);
    f = x.' * u + s + lu_logdet(A_factor);
    A_inverse = lu_solve(A_factor, eye(n));
    gradient = A_inverse.' - u * lu_solve(A_factor, x).' + adjugate(A.');
    M = V.' * A_inverse.';
    N = (V.' * u) * (A_inverse * x).' + x * ((A_inverse.' * M).' * x).' - (s + 1) * M;
    hvp = A_inverse.' * N + s * sum(sum(V .* A_inverse.')) * A_inverse.';
end

function F = lu_factor(A)
    [F.L, F.U, F.p] = lu(A, 'vector');
end

function X = lu_solve_transposed(F, B)
    X(F.p, :) = F.L.' \ (F.U.' \ B);
end

function d = lu_det(F)
    P = eye(numel(F.p));
    d = prod(diag(F.U)) * det(P(F.p, :));
end

function d = lu_logdet(F)
    % nan where the determinant is negative
    P = eye(numel(F.p));
    u = diag(F.U);
    d = sum(log(abs(u)));
    if prod(sign(u)) * det(P(F.p, :)) < 0, d = nan; end
end

function X = lu_solve(F, B)
    X = F.U \ (F.L \ B(F.p, :));
end

function B = adjugate(A)
    % from the singular values: right at singular matrices, too
    [U, S, V] = svd(A);
    s = diag(S);
    others = arrayfun(@(i) prod(s([1:i - 1, i + 1:end])), (1:numel(s)).');
    B = det(U) * det(V) * V * diag(others) * U.';
end
