1;  % a script: run it to test the function

function [f, gradient, hessian, hvp] = f_gradient_hessian_and_hvp(S, C, V)
    % The value, the gradient in S, the Hessian in S and the Hessian in S times V
    % of logdet(S)/2 + tr(C*inv(S)).
    %
    % f = logdet(S)/2 + tr(C*inv(S))
    % gradient = inv(S)/2 - inv(S)*C*inv(S)
    % hessian = kron(2*inv(S)*C*inv(S) - inv(S), inv(S))/2 + kron(inv(S), inv(S)*C*inv(S))
    % hvp = let M = 2*V*inv(S)*C in inv(S)*(M + M' - V)*inv(S)/2
    %
    % S: a matrix of shape n×n, symmetric positive definite
    % C: a matrix of shape n×n, symmetric
    % V: a matrix of shape n×n, symmetric
    %
    % 5*n^4 + 35*n^3/3 + 11*n^2 + 2*n + 3 flops
    n = size(S, 1);
    S_factor = chol(S);
    S_inverse = S_factor \ (S_factor.' \ eye(n));
    f = (2 * sum(log(diag(S_factor))) + 2 * sum(sum(S_inverse .* C))) / 2;
    M = C * S_inverse;
    N = S_inverse * M;
    P = S_inverse - 2 * N;
    gradient = P / 2;
    hessian = (kron(-P, S_inverse) + 2 * kron(S_inverse, N)) / 2;
    MV = M * V;
    hvp = (S_inverse * ((2 * MV + 2 * MV.' - V) * S_inverse)) / 2;
end

function f = value_for_f_gradient_hessian_and_hvp(S, C)
    % The function that is differentiated.
    n = size(S, 1);
    S_factor = chol(S);
    s = 2 * sum(log(diag(S_factor))) + 2 * sum(sum(S_factor \ (S_factor.' \ eye(n)) .* C));
    f = s / 2;
end

function passed = self_test()
    % Compare derivatives with central differences at a random point.
    rand('twister', 0);
    symmetric = @(M) M + M.';
    column = @(x) x(:);
    passed = true;
    point.S = symmetric((0.5 + rand(3, 3)) .* sign(rand(3, 3) - 0.5) + 3 * eye(3));
    point.C = symmetric((0.5 + rand(3, 3)) .* sign(rand(3, 3) - 0.5) + 3 * eye(3));
    step.S = symmetric(-0.5 + rand(3, 3));
    other.S = symmetric(-0.5 + rand(3, 3));
    found = cell(1, 4); [found{:}] = f_gradient_hessian_and_hvp(point.S, point.C, other.S);
    moved = @(t, s) value_for_f_gradient_hessian_and_hvp(point.S + t * step.S, point.C);
    slope = (moved(1e-6, 1e-6) - moved(-1e-6, -1e-6)) / 2e-6;
    claimed = column(sum(sum(found{2} .* step.S))); measured = column(slope);
    relative_error = max(abs(claimed - measured)) / max(max(abs(measured)), 1e-3);
    fprintf('gradient: relative error %.1e\n', relative_error);
    passed = passed && all(isfinite(claimed)) && relative_error < 0.0001;
    moved = @(t, s) value_for_f_gradient_hessian_and_hvp(point.S + t * step.S + s * other.S, point.C);
    bend = @(h) (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h ^ 2);
    curvature = (4 * bend(1e-3) - bend(2e-3)) / 3;
    claimed = column(column(step.S).' * found{3} * column(other.S)); measured = column(curvature);
    relative_error = max(abs(claimed - measured)) / max(max(abs(measured)), 1e-3);
    fprintf('hessian: relative error %.1e\n', relative_error);
    passed = passed && all(isfinite(claimed)) && relative_error < 0.0001;
    moved = @(t, s) value_for_f_gradient_hessian_and_hvp(point.S + t * step.S + s * other.S, point.C);
    bend = @(h) (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h ^ 2);
    curvature = (4 * bend(1e-3) - bend(2e-3)) / 3;
    claimed = column(sum(sum(found{4} .* step.S))); measured = column(curvature);
    relative_error = max(abs(claimed - measured)) / max(max(abs(measured)), 1e-3);
    fprintf('hvp: relative error %.1e\n', relative_error);
    passed = passed && all(isfinite(claimed)) && relative_error < 0.0001;
end

if self_test()
    disp('verified')
else
    disp('REFUTED')
    exit(1)
end
