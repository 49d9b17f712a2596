"""The Python API: derivatives of every form, several variables, and what is refused."""

import pickle

import numpy as np
import pytest

import matcalc as mc


@pytest.mark.parametrize(
    ("f", "x", "form", "expected"),
    [
        ("x'*A*x", "x", "differential", "x'*(A + A')*dx"),
        ("x'*A*x", "x", "gradient", "(A + A')*x"),
        ("x'*A*x", "x", "hessian", "A + A'"),
        ("inv(A)", "A", "differential", "-inv(A)*dA*inv(A)"),
        ("X^2", "X", "jacobian", "kron(eye(n), X) + kron(X', eye(n))"),
        ("det(A)", "A", "gradient", "cof(A)"),
        ("logdet(A)", "A", "gradient", "inv(A)'"),
        ("tr(A^k)", "A", "gradient", "k*(A^(k - 1))'"),
        ("A^k", "A", "differential", "sum(i, 0, k - 1, A^i*dA*A^(k - i - 1))"),
        ("norm2(A*x - b)^2", "x", "gradient", "2*A'*(A*x - b)"),
        ("softmax(x)", "x", "jacobian", "diag(softmax(x)) - softmax(x)*softmax(x)'"),
        ("softmax(X, 2)", "X", "differential", "softmax(X, 2).*dX - diag(sum(softmax(X, 2).*dX, 2))*softmax(X, 2)"),
        ("softmax(X, 1)", "X", "differential", "softmax(X, 1).*(dX - ones(m)*sum(softmax(X, 1).*dX, 1))"),
        (
            *("softmax(X, 1)", "X", "jacobian"),
            "diag(vec(softmax(X, 1)))*(eye - kron(eye(n), ones(m,m))*diag(vec(softmax(X, 1))))",
        ),
        ("logsumexp(X, 1)", "X", "differential", "sum(softmax(X, 1).*dX, 1)"),
        ("logsumexp(X, 2)", "X", "jacobian", "kron(ones(n)', eye(m))*diag(vec(softmax(X, 2)))"),
        ("diag(x)*A", "x", "jacobian", "diag(vec(A))*kron(ones(n), eye(m))"),
        ("A*diag(x)", "x", "jacobian", "diag(vec(A))*kron(eye(n), ones(m))"),
        ("-x.*(y - z)", "x", "differential", "(z - y).*dx"),
        ("A\\b", "b", "jacobian", "inv(A)"),
    ],
)
def test_the_form_is_the_textbook_one(f: str, x: str, form: str, expected: str) -> None:
    assert str(getattr(mc.differentiate(f, x), form)) == expected


@pytest.mark.parametrize("words", ["symmetric", "skew", "diagonal", "spd", "lower", "upper", "orthogonal"])
def test_the_gradient_of_a_constrained_matrix_is_verified_in_its_tangent_space(words: str) -> None:
    D = mc.differentiate("tr(B'*S*C) + norm2(S - B)^2", "S", where=f"S: matrix(n,n) {words}, B, C: matrix(n,n)")
    assert D.verify(seed=3).passed


def test_the_gradient_on_the_sphere_is_tangent() -> None:
    D = mc.differentiate("x'*A*x/2", "x", where="A: matrix(n,n) symmetric, x: vector(n) unit")
    assert D.verify(seed=3).passed
    assert mc.equal(D.gradient, mc.parse("(eye - x*x')*A*x", D.expression.where), seed=3).passed


def test_several_variables_are_answered_by_name() -> None:
    found = mc.gradient("tr(A'*B*A)", ("A", "B"), where="A, B: matrix(n,n)")
    assert {name: str(g) for name, g in found.items()} == {"A": "(B + B')*A", "B": "A*A'"}
    assert str(mc.differential("A*B", ("A", "B"))) == "dA*B + A*dB"


def test_directional_derivative_hessian_product_and_pullback() -> None:
    assert str(mc.directional("x'*A*x", "x", "v")) == "v'*(A + A')*x" or "v" in str(mc.directional("x'*A*x", "x", "v"))
    assert str(mc.hvp("x'*A*x", "x", "v")) == "(A + A')*v"
    assert str(mc.pullback("A*x", "A", "y", where="A: matrix(m,n), x: vector(n)")) == "y*x'"


def test_only_a_scalar_has_a_gradient() -> None:
    with pytest.raises(mc.NotScalar, match="only a scalar has a gradient") as caught:
        mc.gradient("A*x", "x")
    assert "jacobian" in caught.value.hint


def test_an_unknown_variable_is_refused_with_a_suggestion() -> None:
    with pytest.raises(mc.UnknownName, match="there is no variable X") as caught:
        mc.gradient("x'*x", "X")
    assert "x" in caught.value.hint


def test_a_variable_that_does_not_occur_has_a_zero_gradient() -> None:
    assert str(mc.gradient("x'*x", "y", where="x: vector(n), y: vector(m)")) == "zeros(m)"


def test_a_perturbation_whose_name_is_taken_gets_another() -> None:
    D = mc.differentiate("x'*dx", "x", where="x, dx: vector(n)")
    assert str(D.differential) == "dx'*delta_x"


def test_the_gradient_of_det_is_right_at_a_singular_matrix() -> None:
    gradient = mc.gradient("det(A)", "A").evaluate({"A": np.array([[1.0, 2.0], [2.0, 4.0]])})
    np.testing.assert_allclose(gradient, [[4, -2], [-2, 1]], atol=1e-12)


def test_an_answer_is_evaluated_at_the_sizes_of_the_question() -> None:
    np.testing.assert_array_equal(mc.gradient("tr(X)", "X").evaluate({"X": np.ones((3, 3))}), np.eye(3))


def test_expressions_pickle_to_the_same_object() -> None:
    e = mc.gradient("sum(log(exp(-y.*(X*w)) + vector(1)))", "w")
    assert pickle.loads(pickle.dumps(e)) is e


def test_a_deep_network_is_differentiated_printed_and_read_back() -> None:
    W, b, x = mc.variables("W: matrix(n,n), b, x: vector(n)")
    h = x
    for _ in range(1000):
        h = mc.functions.tanh(W @ h + b)
    gradient = mc.gradient(mc.functions.norm2(h) ** 2, W)
    printed = str(gradient)
    assert len(printed) < 200 * 1000
    from_text = mc.reading.read(printed, gradient.where, limits=False).expression
    assert from_text is gradient
    assert pickle.loads(pickle.dumps(gradient)) is gradient


def test_the_derivation_names_each_rule_and_ends_in_the_answer() -> None:
    steps = mc.differentiate("logdet(X'*X)", "X").derivation
    assert steps[0].before == "d(logdet(X'*X))"
    assert steps[0].rule == "logdet"
    assert steps[-3].after == str(mc.differential("logdet(X'*X)", "X"))
    assert steps[-2].after == "dot(2*X*inv(X'*X), dX)"
    assert (steps[-1].before, steps[-1].after) == ("gradient", str(mc.gradient("logdet(X'*X)", "X")))


def test_every_form_is_verified() -> None:
    D = mc.differentiate("log(sum(exp(A*x)))", "x")
    forms = ("differential", "gradient", "jacobian", "hessian", "second_differential")
    assert mc.verdicts.verify_derivative(D, forms, seed=5).passed


def test_printing_does_not_depend_on_what_was_done_before() -> None:
    first = str(mc.gradient("tr(inv(X'*C*X)*A)", "X", where="X: matrix(n,m), C: matrix(n,n), A: matrix(m,m)"))
    for noise in ("A'*X + X'*A", "C*X*inv(X'*C*X)", "inv(X'*C'*X)*A'"):
        mc.parse(noise, where="X: matrix(n,n), C, A: matrix(n,n)")
    assert first == str(mc.gradient("tr(A*inv(X'*C*X))", "X", where="X: matrix(n,m), C: matrix(n,n), A: matrix(m,m)"))


def test_products_that_are_too_long_are_refused() -> None:
    f = "*".join(f"(a + {i})" for i in range(1, 400))
    with pytest.raises(mc.MatcalcError, match="products of 159,201 factors"):
        mc.gradient(f, "a")
    tower = "a"
    for _ in range(190):
        tower = f"a/(1 + {tower})"
    with pytest.raises(mc.MatcalcError, match="are not written out"):
        mc.hessian(tower, "a")


def test_the_jacobian_of_many_blocks_has_a_part_for_each() -> None:
    J = mc.jacobian(f"[{';'.join(['x'] * 30)}]", "x")
    assert J.evaluate({}, sizes={"n": 2}).tolist() == np.tile(np.eye(2), (30, 1)).tolist()


# ---- in a Python shell


def test_answers_are_shown_as_they_are_printed() -> None:
    D = mc.differentiate("x'*A*x", "x")
    assert repr(D) == str(D) == "d(x'*A*x) = x'*(A + A')*dx"
    assert repr(D.derivation[0]) == str(D.derivation[0])
    assert repr(mc.taylor("t^2", "t")) == "t^2 + 2*t*dt + dt^2"
    report = D.verify(seed=1)
    assert repr(report) == str(report)


def test_an_expression_is_no_array_of_numbers() -> None:
    e = mc.parse("x'*A*x")
    with pytest.raises(TypeError, match=r"x'\*A\*x has no numbers: evaluate"):
        np.asarray(e)
    with pytest.raises(TypeError, match="has no numbers"):
        np.array([e, e])
