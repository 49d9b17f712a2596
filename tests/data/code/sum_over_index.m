function [f, gradient, hvp] = sum_over_index(A, x, B, v)
    % The value, the gradient in x and the Hessian in x times v
    % of sum(i, 1, n, 2^(-i)*logdet(A + x[i]*B)).
    %
    % f = sum(i, 1, n, 2^(-i)*logdet(A + x[i]*B))
    % gradient = sum(i, 1, n, 2^(-i)*tr(B*inv(A + x[i]*B))*eye(n)[:,i])
    % hvp = -sum(i, 1, n, 2^(-i)*tr(B*inv(A + x[i]*B)*B*inv(A + x[i]*B))*v[i]*eye(n)[:,i])
    %
    % A: a matrix of shape n×n
    % x: a vector of length n
    % B: a matrix of shape n×n
    % v: a vector of length n
    %
    % 20*n^4/3 + 10*n^3 + 4*n^2 + 12*n flops
    n = size(x, 1);
    f = 0;
    for i = 1:n
        M = A + x(i) * B;
        s = 2 ^ (-i);
        f = f + log_determinant(M) * s;
    end
    gradient = zeros(n, 1);
    for i = 1:n
        N = A + x(i) * B;
        N_factor = lu_factor(N);
        N_inverse = lu_solve(N_factor, eye(n));
        t = 2 ^ (-i);
        u = double((1:n).' == i);
        gradient = gradient + sum(sum(N_inverse .* B.')) * t * u;
    end
    w = zeros(n, 1);
    for i = 1:n
        P = A + x(i) * B;
        P_factor = lu_factor(P);
        P_inverse = lu_solve(P_factor, eye(n));
        Q = P_inverse * B;
        c = 2 ^ (-i);
        z = double((1:n).' == i);
        w = w + v(i) * sum(sum(Q .* Q.')) * c * z;
    end
    hvp = -w;
end

function d = log_determinant(A)
    % nan where the determinant is negative
    [~, U, P] = lu(A);
    u = diag(U);
    d = sum(log(abs(u)));
    if prod(sign(u)) * det(P) < 0, d = nan; end
end

function F = lu_factor(A)
    [F.L, F.U, F.p] = lu(A, 'vector');
end

function X = lu_solve(F, B)
    X = F.U \ (F.L \ B(F.p, :));
end
