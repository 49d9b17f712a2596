"""Computational graphs: the operators on the edges, and the sweeps as algorithms."""

import json
import re
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from strategies import program_values, programs

import matcalc as mc
from matcalc.commands import main

PROBLEM = "let a = (x'*y)*z; b = sin.(a) + x.*exp.(z); c = log.(b); d = (b'*b)*b; w = b*sin(c'*d) in w"
NAMES = "x, y, z, a, b, c, d, w: vector(n)"


def edges(D: Any) -> dict[tuple[str, str], Any]:
    return {(e.source.name, e.target.name): e for e in D.graph.edges}


@pytest.mark.parametrize(
    ("source", "target", "operator"),
    [
        ("x", "a", "z*y'"),
        ("y", "a", "z*x'"),
        ("z", "a", "(x'*y)*eye(n)"),
        ("a", "b", "diag(cos.(a))"),
        ("x", "b", "diag(exp.(z))"),
        ("z", "b", "diag(x.*exp.(z))"),
        ("b", "c", "diag(1./b)"),
        ("b", "d", "(b'*b)*eye(n) + 2*b*b'"),
        ("c", "w", "cos(c'*d)*b*d'"),
        ("d", "w", "cos(c'*d)*b*c'"),
        ("b", "w", "sin(c'*d)*eye(n)"),
    ],
)
def test_the_edges_of_a_graph_carry_partial_derivatives(source: str, target: str, operator: str) -> None:
    # P25-2.5: problem set 2 of 2025, problem 5
    found = edges(mc.differentiate(PROBLEM, ("x", "y", "z")))
    assert len(found) == 11
    edge = found[source, target]
    assert edge.jacobian is mc.parse(operator, NAMES)
    perturbed = mc.parse(f"({operator})*{edge.perturbation.name}", f"{NAMES}, {edge.perturbation.name}: vector(n)")
    assert mc.equal(edge.differential, perturbed, seed=1).verdict == "verified"


def test_an_edge_between_matrices_is_a_linear_map() -> None:
    D = mc.differentiate("let H = tanh(W*X); Z = V*H in norm2(Z - Y)^2", "W")
    expected = {"H": "(dW*X).*(ones - H.^2)", "Z": "V*dH", "f": "2*tr((Z - Y)'*dZ)"}
    sizes = {v.name: v.shape for e in D.graph.edges for v in e.differential.variables.values()}
    declared = ", ".join(f"{name}: matrix({rows},{columns})" for name, (rows, columns) in sizes.items())
    for edge in D.graph.edges:
        assert edge.jacobian is None
        assert edge.differential is mc.parse(expected[edge.target.name], declared)
    assert "  H -> Z: dH -> V*dH\n" in str(D.graph)


def test_the_reverse_sweep_of_layers_is_the_recurrence_of_their_cotangents() -> None:
    # P26-2.5: w_3 = grad L, w_k = (F_k)_v' w_(k+1), with a term for the hidden layer that the loss weighs
    layers = "; ".join(f"v{k} = tanh(P{k}*v{k - 1})" for k in range(1, 5))
    D = mc.differentiate(f"let {layers} in norm2(v4 - y)^2 + alpha*norm2(v3)^2", tuple(f"P{k}" for k in range(1, 5)))
    reverse = {line.name: line.value for line in D.graph.reverse}
    assert list(reverse) == ["v4_bar", "v3_bar", "v2_bar", "v1_bar", *(f"gradient in P{k}" for k in range(1, 5))]
    expected = {
        "v4_bar": "2*(v4 - y)",
        "v3_bar": "P4'*(v4_bar.*(ones - v4.^2)) + 2*alpha*v3",
        "v2_bar": "P3'*(v3_bar.*(ones - v3.^2))",
        "gradient in P2": "(v2_bar.*(ones - v2.^2))*v1'",
    }
    for name, formula in expected.items():
        assert reverse[name] is mc.parse(formula, reverse[name].where)
    assert D.verify(seed=1).verdict == "verified"


def test_a_shared_weight_collects_what_every_layer_sends_back() -> None:
    # P22-1.2: one matrix for all layers
    layers = "; ".join(f"x{k} = tanh(P*x{k - 1})" for k in range(1, 6))
    D = mc.differentiate(f"let {layers} in norm2(x5 - y)^2", "P")
    (*_, last) = D.graph.reverse
    assert last.name == "gradient"
    assert len([e for e in D.graph.edges if e.source.name == "P"]) == 5
    assert {v.name for v in last.value.variables.values()} >= {f"x{k}_bar" for k in range(1, 6)}


def test_an_adjoint_problem_is_two_solves() -> None:
    D = mc.differentiate("let x = A\\b in (c'*x)^2", ("A", "b"))
    assert [f"{line.name} = {line.value}" for line in D.graph.reverse] == [
        "x_bar = 2*c'*x*c",
        "gradient in A = -inv(A)'*x_bar*x'",
        "gradient in b = inv(A)'*x_bar",
    ]


def test_the_gradient_in_a_constrained_variable_is_projected_last() -> None:
    D = mc.differentiate("let T = S*B in tr(T*S)", "S", "S: matrix(n,n) symmetric")
    *_, bar, gradient = D.graph.reverse
    assert (bar.name, gradient.name, str(gradient.value)) == ("S_bar", "gradient", "(S_bar + S_bar')/2")


def test_the_gradient_for_an_inner_product_or_on_free_entries_is_made_of_the_cotangent() -> None:
    D = mc.differentiate("let r = A*x - b in norm2(r)^2", "x", inner="W")
    assert [f"{line.name} = {line.value}" for line in D.graph.reverse][1:] == [
        "x_bar = A'*r_bar",
        "gradient = inv(W)*x_bar",
    ]
    D = mc.differentiate("let T = S*B in tr(T*S)", "S", "S: matrix(n,n) symmetric", free=True)
    assert str(D.graph.reverse[-1].value) == "duplication(n)'*vec(S_bar)"


def test_without_names_the_nodes_are_the_parts_that_are_shared() -> None:
    D = mc.differentiate("inv(A*B + C)*x*x'*inv(A*B + C)", "x")
    assert [f"{line.name} = {line.value}" for line in D.graph.forward][:2] == ["M = inv(A*B + C)", "f = M*x*x'*M"]
    assert [edge.target.name for edge in D.graph.edges] == ["f"]
    assert "  f_bar: matrix(n,n), given" in str(D.graph)


def test_new_names_are_none_of_the_question() -> None:
    D = mc.differentiate("let r = A*x; dr = 2*r; r_bar = dr.*r in f*sum(r_bar.*dr)", "x")
    assert {v.name for v in D.graph.perturbations.values()} == {"dx", "dr1", "ddr", "dr_bar", "df1"}
    assert [line.name for line in D.graph.reverse] == ["r_bar_bar", "dr_bar1", "r_bar1", "gradient"]


def swept(lines: Any, known: dict[str, np.ndarray]) -> dict[str, Any]:
    """The values of the lines of a sweep, computed one after the other."""
    found: dict[str, Any] = dict(known)
    for line in lines:
        found[line.name] = line.value.evaluate({v: found[v] for v in line.value.variables}, sizes={"n": 3})
    return found


@given(programs())
def test_the_sweeps_compute_the_differential_and_the_gradient(source: str) -> None:
    D = mc.differentiate(source, "x", "A: matrix(n,n), x, y: vector(n)")
    point = {**program_values(np.random.default_rng(1)), "dx": np.array([0.4, -0.7, 0.2])}
    forward = swept(D.graph.forward, point)
    output = D.graph.parts[-1].variable
    tangent = forward[D.graph.perturbations[output].name]
    assert np.allclose(tangent, D.differential.evaluate(point), rtol=1e-9, atol=1e-12)
    seed = {} if D.expression.is_scalar else {D.graph.cotangents[output].name: np.array([1.0, -2.0, 0.5])}
    reverse = swept(D.graph.reverse, {**forward, **seed})
    back = reverse["gradient" if D.expression.is_scalar else "x_bar"]
    bar = next(iter(seed.values()), 1.0)
    assert np.allclose(np.sum(bar * np.asarray(tangent)), back @ point["dx"], rtol=1e-8, atol=1e-10)


# ---- as text

STRING = r'"(?:[^"\\]|\\["\\])*"'
DOT_LINE = re.compile(
    rf"  (?:rankdir=LR;|node \[shape=box\];|{STRING} \[(?:shape=ellipse|label={STRING})\];"
    rf"|{STRING} -> {STRING} \[label={STRING}\];)"
)


@pytest.mark.parametrize("source", [PROBLEM, "let x = A\\b in (c'*x)^2", "norm2(A*x - b)^2", "let H = W*X in H'*H"])
@pytest.mark.parametrize("style", ["ascii", "unicode", "latex"])
def test_dot_is_a_graph_of_quoted_names(source: str, style: str) -> None:
    D = mc.differentiate(source, tuple(mc.parse(source).variables)[:1])
    first, *rows, last = D.graph.dot(style).split("\n")
    assert (first, last) == ("digraph {", "}")
    assert [row for row in rows if not DOT_LINE.fullmatch(row)] == []
    assert sum(" -> " in re.sub(rf"label={STRING}", "", row) for row in rows) == len(D.graph.edges)


def test_the_command_prints_the_graph() -> None:
    arguments = ("diff", "let r = A*x - b in norm2(r)^2", "x", "--no-verify")
    output = CliRunner().invoke(main, [*arguments, "--graph", "--format", "unicode"]).output
    assert "\ngraph\n  x → r: A\n  r → f: 2rᵀ\nforward\n" in output
    assert output.endswith("reverse\n  r_bar = 2r\n  gradient = Aᵀ r_bar\n")
    before = CliRunner().invoke(main, ["diff", "--graph", *arguments[1:]])
    assert "  x -> r: A\n" in before.output
    dot = CliRunner().invoke(main, [*arguments, "--graph", "dot"]).output
    assert dot.startswith("digraph {\n")
    assert '"r" [label="r = A*x - b"];' in dot
    document = json.loads(CliRunner().invoke(main, [*arguments, "--graph", "--format", "json"]).output)
    assert document["graph"]["edges"][0] == {"from": "x", "to": "r", "differential": "A*dx", "jacobian": "A"}
    assert document["graph"]["reverse"][-1] == {"name": "gradient", "text": "A'*r_bar"}
