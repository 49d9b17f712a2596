function [f, gradient] = eigenvalue(S)
    % The value and the gradient in S of lambda_max(S).
    %
    % f = lambda_max(S)
    % gradient = leading_eigvec(S)*leading_eigvec(S)'
    %
    % S: a matrix of shape n×n, symmetric
    %
    % 20*n^3 + n^2 flops
    f = max(eig(S));
    u = leading_eigvec(S);
    gradient = u * u.';
end

function v = leading_eigvec(S)
    V = eigenvectors(S);
    v = V(:, end);
end

function V = eigenvectors(S)
    % of ascending eigenvalues, each with its entry of largest absolute value positive
    [V, D] = eig(S);
    [~, order] = sort(diag(D));
    V = V(:, order);
    [~, largest] = max(abs(V), [], 1);
    V = V .* sign(V(sub2ind(size(V), largest, 1:size(V, 2))));
end
