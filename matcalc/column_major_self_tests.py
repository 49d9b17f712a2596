"""The self-tests that ``--check`` appends to Julia and MATLAB: derivatives against differences of the values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matcalc.expressions import Variable
from matcalc.operations import shape_value
from matcalc.self_tests import LARGEST_ERROR, Asked, along, has_values_of_both_signs, small_sizes, tested

INDENT = "    "
SHORT = ("symmetric", "skew", "column")
"""The functions at the start of a test, each left out where it is not called."""


@dataclass(frozen=True)
class Syntax:
    """How a language writes what a test needs; a place for each part."""

    random: Callable[[int, int], str]
    """Numbers between 0 and 1 in an array of that shape."""
    place: str
    """Where the value of an argument is kept: {0} is point, step or other."""
    shifted: str
    signed: str
    """{0} times random signs, {1} being numbers between 0 and 1."""
    projections: Mapping[str, str]
    identity: str
    start: str
    assignment: str
    call: Callable[[str, Sequence[str], int], str]
    output: str
    moved: str
    slope: str
    curvature: str
    claims: Mapping[str, str]
    """What is compared, by kind of derivative: {0} the derivative, {1} the step, {2} the other step."""
    compare: str
    end: Sequence[str]


def column_major_self_test(syntax: Syntax) -> Callable[..., str]:
    """A writer of tests in a language."""

    def write(
        request: Asked,
        asked: Sequence[Variable],
        function: str,
        value: str,
        names: Mapping[str, str],
        output_names: Sequence[str],
    ) -> str:
        return _SelfTest(syntax, request, asked, names).text(function, value, output_names)

    return write


@dataclass
class _SelfTest:
    syntax: Syntax
    request: Asked
    asked: Sequence[Variable]
    names: Mapping[str, str]
    sizes: dict[str, int] = field(default_factory=dict)
    signed: bool = False

    def text(self, function: str, value: str, output_names: Sequence[str]) -> str:
        syntax, request = self.syntax, self.request
        derivatives = tested(request, output_names)
        directions = along(derivatives)
        arguments = [v for v in dict.fromkeys([*self.asked, *request.arguments]) if v not in directions]
        self.sizes = small_sizes(arguments)
        self.signed = has_values_of_both_signs(request, arguments)
        lines = syntax.start.splitlines()
        lines += [INDENT + syntax.assignment.format(self._kept("point", v), self._sample(v)) for v in arguments]
        moved = [v for v in arguments if any(v in (*o.variables, *o.further) for o, _ in derivatives)]
        for where in ("step", "other"):
            lines += [INDENT + syntax.assignment.format(self._kept(where, v), self._direction(v)) for v in moved]
        given = [
            self._kept("other", directions[v]) if v in directions else self._kept("point", v) for v in request.arguments
        ]
        lines += [INDENT + syntax.call(function, given, len(output_names))]
        for o, n in derivatives:
            first, second = ((), o.variables) if o.part == "differential" else (o.variables, o.further)
            places = [self._place(v, first, second) for v in self.asked]
            found = syntax.output.format(list(output_names).index(n) + 1)
            last = o.further[0] if o.further else o.variables[0]
            claim = syntax.claims[o.part].format(found, self._kept("step", o.variables[0]), self._kept("other", last))
            measured = syntax.curvature.splitlines() if o.further else [syntax.slope]
            compared = syntax.compare.format(n, claim, "curvature" if o.further else "slope").splitlines()
            moving = syntax.moved.format(f"{value}({', '.join(places)})")
            lines += [INDENT + line for line in (moving, *measured, *compared)]
        whole = "\n".join(lines)
        unused = [name for name in SHORT if len(re.findall(rf"\b{name}\b", whole)) == 1]
        kept = [line for line in lines if not any(re.match(rf" *{name}\b", line) for name in unused)]
        return "\n".join([*kept, *syntax.end])

    def _place(self, v: Variable, first: Sequence[Variable], second: Sequence[Variable]) -> str:
        steps = [f"t * {self._kept('step', v)}"] if v in first else []
        steps += [f"s * {self._kept('other', v)}"] if v in second else []
        return " + ".join([self._kept("point", v), *steps])

    def _kept(self, where: str, v: Variable) -> str:
        return self.syntax.place.format(where, self.names[v.name])

    def _shape(self, v: Variable) -> tuple[int, int]:
        return shape_value(v, self.sizes)

    def _sample(self, v: Variable) -> str:
        """A random value with the properties of the variable, far from singular."""
        if v.is_scalar and "integer" in v.properties:
            return "2"
        m, n = self._shape(v)
        plain = self.syntax.shifted.format("0.5", self.syntax.random(m, n))
        if self.signed and "positive" not in v.properties:
            plain = self.syntax.signed.format(plain, self.syntax.random(m, n))
        if m != n or m == 1:
            return plain
        return self._in_space(v, plain if "skew" in v.properties else f"{plain} + {self.syntax.identity.format(n)}")

    def _direction(self, v: Variable) -> str:
        return self._in_space(v, self.syntax.shifted.format("-0.5", self.syntax.random(*self._shape(v))))

    def _in_space(self, v: Variable, formula: str) -> str:
        for word, pattern in self.syntax.projections.items():
            if word in v.properties:
                return pattern.format(formula)
        return formula


# ---- MATLAB and Octave -------------------------------------------------------------------------------------


def _matlab_call(function: str, given: Sequence[str], count: int) -> str:
    return f"found = cell(1, {count}); [found{{:}}] = {function}({', '.join(given)});"


MATLAB_TEST = Syntax(
    place="{0}.{1}",
    random=lambda m, n: "rand()" if m == n == 1 else f"rand({m}, {n})",
    shifted="{0} + {1}",
    signed="({0}) .* sign({1} - 0.5)",
    projections={
        "diagonal": "diag(diag({}))",
        "spd": "symmetric({})",
        "symmetric": "symmetric({})",
        "skew": "skew({})",
        "lower": "tril({})",
        "upper": "triu({})",
    },
    identity="{0} * eye({0})",
    start="""function passed = self_test()
    % Compare derivatives with central differences at a random point.
    rand('twister', 0);
    symmetric = @(M) M + M.';
    skew = @(M) M - M.';
    column = @(x) x(:);
    passed = true;""",
    assignment="{} = {};",
    call=_matlab_call,
    output="found{{{}}}",
    moved="moved = @(t, s) {};",
    slope="slope = (moved(1e-6, 1e-6) - moved(-1e-6, -1e-6)) / 2e-6;",
    curvature="""bend = @(h) (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h ^ 2);
curvature = (4 * bend(1e-3) - bend(2e-3)) / 3;""",
    claims={
        **dict.fromkeys(("gradient", "hvp"), "sum(sum({0} .* {1}))"),
        "jacobian": "{0} * column({1})",
        "differential": "{0}",
        "hessian": "column({1}).' * {0} * column({2})",
    },
    compare=f"""claimed = column({{1}}); measured = column({{2}});
relative_error = max(abs(claimed - measured)) / max(max(abs(measured)), 1e-3);
fprintf('{{0}}: relative error %.1e\\n', relative_error);
passed = passed && all(isfinite(claimed)) && relative_error < {LARGEST_ERROR};""",
    end=(
        "end",
        "",
        "if self_test()",
        f"{INDENT}disp('verified')",
        "else",
        f"{INDENT}disp('REFUTED')",
        f"{INDENT}exit(1)",
        "end",
    ),
)


# ---- Julia -------------------------------------------------------------------------------------------------


def _julia_call(function: str, given: Sequence[str], count: int) -> str:
    called = f"{function}({', '.join(given)})"
    return f"found = {called}" if count > 1 else f"found = ({called},)"


def _julia_random(m: int, n: int) -> str:
    if m == n == 1:
        return "rand()"
    return f"rand({m})" if n == 1 else f"rand({m}, {n})"


JULIA_TEST = Syntax(
    place="{0}[:{1}]",
    random=_julia_random,
    shifted="{0} .+ {1}",
    signed="({0}) .* sign.({1} .- 0.5)",
    projections={
        "diagonal": "diagm(diag({}))",
        "spd": "symmetric({})",
        "symmetric": "symmetric({})",
        "skew": "skew({})",
        "lower": "tril({})",
        "upper": "triu({})",
    },
    identity="{0} * I",
    start="""\"\"\"
    self_test()

Compare derivatives with central differences at a random point.
\"\"\"
function self_test()
    symmetric(M) = M + M'
    skew(M) = M - M'
    column(x) = x isa Number ? [x] : vec(x)
    point, step, other = Dict{Symbol,Any}(), Dict{Symbol,Any}(), Dict{Symbol,Any}()
    passed = true""",
    assignment="{} = {}",
    call=_julia_call,
    output="found[{}]",
    moved="moved = (t, s) -> {}",
    slope="slope = (moved(1e-6, 1e-6) - moved(-1e-6, -1e-6)) / 2e-6",
    curvature="""bend = h -> (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h^2)
curvature = (4 * bend(1e-3) - bend(2e-3)) / 3""",
    claims={
        **dict.fromkeys(("gradient", "hvp"), "sum({0} .* {1})"),
        "jacobian": "reshape(column({0}), length(slope), :) * column({1})",
        "differential": "{0}",
        "hessian": "column({1})' * reshape(column({0}), length({1}), :) * column({2})",
    },
    compare=f"""claimed, measured = column({{1}}), column({{2}})
relative_error = maximum(abs.(claimed - measured)) / max(maximum(abs.(measured)), 1e-3)
println("{{0}}: relative error ", relative_error)
passed = passed && relative_error < {LARGEST_ERROR}""",
    end=(
        f'{INDENT}println(passed ? "verified" : "REFUTED")',
        f"{INDENT}return passed",
        "end",
        "",
        "if abspath(PROGRAM_FILE) == @__FILE__",
        f"{INDENT}exit(self_test() ? 0 : 1)",
        "end",
    ),
)
