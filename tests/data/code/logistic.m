function [f, gradient, hvp] = logistic(y, X, w, v)
    % The value, the gradient in w and the Hessian in w times v of sum(softplus(-y.*(X*w))).
    %
    % f = sum(softplus(-y.*(X*w)))
    % gradient = -X'*(y.*sigmoid(-y.*(X*w)))
    % hvp = X'*(sigmoid(y.*(X*w)).*sigmoid(-y.*(X*w)).*y.^2.*(X*v))
    %
    % y: a vector of length m
    % X: a matrix of shape m×n
    % w: a vector of length n
    % v: a vector of length n
    %
    % 8*m*n + 17*m + n flops
    u = (X * w) .* y;
    z = -u;
    f = sum(max(z, 0) + log1p(exp(-abs(z))));
    p = 1 ./ (1 + exp(-z));
    gradient = -(X.' * (y .* p));
    hvp = X.' * (1 ./ (1 + exp(-u)) .* y .^ 2 .* (X * v) .* p);
end
