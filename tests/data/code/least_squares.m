function [f, gradient, hvp] = least_squares(A, x, b, v)
    % The value, the gradient in x and the Hessian in x times v of norm2(A*x - b)^2.
    %
    % f = norm2(A*x - b)^2
    % gradient = 2*A'*(A*x - b)
    % hvp = 2*A'*A*v
    %
    % A: a matrix of shape m×n
    % x: a vector of length n
    % b: a vector of length m
    % v: a vector of length n
    %
    % 8*m*n + 3*m + 2*n flops
    r = A * x - b;
    f = r.' * r;
    gradient = 2 * (A.' * r);
    hvp = 2 * (A.' * (A * v));
end
