"""The error of finite differences against their step: slopes, plateaus, and the pictures of them."""

import json
import sys
from math import isfinite
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import matcalc as mc
from matcalc.commands import main
from matcalc.error_branches import Quotients
from matcalc.error_curves import ErrorCurve, Scheme, error_curve
from matcalc.errors import MatcalcError, ShapeError
from matcalc.log_plots import MOST_ROWS, WIDTH, Plot, Series
from matcalc.sampling import NoPoint

SEEDS = (1, 2, 3)

# The next term of the Taylor series changes the slope by about h, which is small where truncation is measured last.
TRUNCATION = 0.02
# Rounding is erratic: over 274 curves of the corpus the slope is between -1.10 and -0.81.
ROUNDING = 0.3
# Rounding alone, and the rounding of a determinant or inverse, beside 1.
BEST_FORWARD, BEST_CENTRAL = 1e-5, 1e-7

SMOOTH = ["sum(exp(A*x))", "sum(sin(x))", "logdet(eye(n) + x*x')", "exp(x'*x)", "sum(x.^3)*sum(x)"]
QUADRATIC = [("A^2", "A"), ("x'*A*x", "x"), ("tr(X'*X)", "X"), ("(A*x)*(x'*b)", "x")]
LINEAR = [("A*x", "x"), ("tr(A*X)", "X"), ("X'", "X")]
each_seed = pytest.mark.parametrize("seed", SEEDS)


def rises(scheme: Scheme) -> bool:
    """Whether rounding rises as 1/h."""
    return scheme.rounding_slope is not None and abs(scheme.rounding_slope + 1) < ROUNDING


# ---- slopes ------------------------------------------------------------------------------------------------


@each_seed
@pytest.mark.parametrize("f", SMOOTH)
def test_the_slopes_are_one_and_two_and_then_minus_one(f: str, seed: int) -> None:
    curve = error_curve(f, "x", seed=seed)
    assert curve.forward.truncation_slope == pytest.approx(1, abs=TRUNCATION)
    assert curve.central.truncation_slope == pytest.approx(2, abs=TRUNCATION)
    assert rises(curve.forward) and rises(curve.central)
    assert (curve.outcome, curve.plateau) == ("falls", None)


def test_the_best_steps_are_near_the_square_and_the_cube_root_of_epsilon() -> None:
    # sin and cos are of order one, and so are all their derivatives
    epsilon = float(np.finfo(float).eps)
    for seed in SEEDS:
        curve = error_curve("sin(s)", "s", seed=seed)
        assert curve.forward.best_step is not None and curve.central.best_step is not None
        # one lucky error of rounding may lie two decades away
        assert 1e-2 < curve.forward.best_step / epsilon ** (1 / 2) < 1e2
        assert 1e-2 < curve.central.best_step / epsilon ** (1 / 3) < 1e2


@each_seed
@pytest.mark.parametrize(("f", "x"), QUADRATIC)
def test_central_differences_of_a_quadratic_function_have_no_truncation(f: str, x: str, seed: int) -> None:
    curve = error_curve(f, x, seed=seed)
    assert curve.forward.truncation_slope == pytest.approx(1, abs=TRUNCATION)
    assert curve.central.truncation is None
    assert rises(curve.central)
    assert "slopes n/a (truncation)" in str(curve)


@each_seed
@pytest.mark.parametrize(("f", "x"), LINEAR)
def test_differences_of_a_linear_function_have_no_truncation(f: str, x: str, seed: int) -> None:
    curve = error_curve(f, x, seed=seed)
    assert curve.forward.truncation is curve.central.truncation is None
    assert curve.outcome == "falls"


def test_kinks_within_large_steps_are_no_branch() -> None:
    # d(sum(relu(A*x))): beyond the next kink the function is another one, before it linear
    curve = error_curve("sum(relu(A*x))", "x", seed=1)
    assert curve.forward.truncation is curve.central.truncation is None
    assert curve.outcome == "falls"


@pytest.mark.parametrize(
    ("f", "x", "where"),
    [
        ("tr(Q'*A*Q)", "Q", "Q: matrix(n,p) orthogonal"),
        ("logdet(S)", "S", "S: matrix(n,n) spd"),
        ("sum(log(x))", "x", None),
        ("tr(A'*B*A)", ("A", "B"), "A, B: matrix(n,n)"),
    ],
)
def test_constrained_and_several_variables_move_in_their_domains(f: str, x: str, where: str | None) -> None:
    curve = error_curve(f, x, where=where, seed=1)
    assert curve.outcome == "falls"
    assert min(e for e in curve.central.errors if e is not None) < BEST_CENTRAL


def test_steps_at_which_the_function_has_no_value_are_left_out() -> None:
    # log(s - h ds) for s < h ds: so at some of the points, which have s between 0.4 and 2
    curves = [error_curve("log(s)", "s", seed=seed) for seed in range(10)]
    errors = [e for curve in curves for e in (*curve.forward.errors, *curve.central.errors)]
    assert any(curve.central.errors[0] is None for curve in curves)
    assert all(e is None or isfinite(e) for e in errors)
    assert all(curve.central.truncation_slope == pytest.approx(2, abs=TRUNCATION) for curve in curves)


# ---- claims ------------------------------------------------------------------------------------------------

RIGHT = [
    ("A^2", "A", "A*dA + dA*A", "claimed differential"),
    ("sum(x.^3)", "x", "3*x.^2", "claimed gradient"),
    ("exp(A*x)", "x", "diag(exp(A*x))*A", "claimed Jacobian"),
    ("sum(x.^3)", "x", "6*diag(x)", "claimed Hessian"),
    ("sum(x.^3)", "x", "6*sum(x.*dx.*dx_)", "claimed second differential"),
    ("A*x", "x", "A'", "transpose of the claimed Jacobian"),
    ("s^3", "s", "6*s", "claimed Hessian"),
]
WRONG = [
    ("A^2", "A", "2*A*dA"),
    ("x'*A*x", "x", "2*A*x"),
    ("sum(exp(x))", "x", "-exp(x)"),
    ("x'*x", "x", "0*x"),
    ("det(X)", "X", "2*tr(adj(X)*dX)"),
    ("exp(A*x)", "x", "diag(exp(x))*A"),
    ("sum(x.^3)", "x", "5*diag(x)"),
    ("norm1(A*x - y)", "x", "-sign(y)'*A*dx"),
]


@pytest.mark.parametrize(("f", "x", "claim", "form"), RIGHT)
def test_the_error_beside_a_right_claim_falls(f: str, x: str, claim: str, form: str) -> None:
    where = "A: matrix(n,n)" if f == "exp(A*x)" else None
    curve = error_curve(f, x, claim, where=where, seed=1)
    assert (curve.form, curve.outcome) == (form, "falls")


@each_seed
@pytest.mark.parametrize(("f", "x", "claim"), WRONG)
def test_the_error_beside_a_wrong_claim_does_not_fall(f: str, x: str, claim: str, seed: int) -> None:
    where = "A: matrix(n,n), x: vector(n)" if f == "exp(A*x)" else None
    curve = error_curve(f, x, claim, where=where, seed=seed)
    assert curve.outcome == "plateau"
    assert curve.plateau is not None and curve.plateau > 1e-3
    assert curve.central.truncation is None
    assert "plateau at" in str(curve) and "best h = n/a" in str(curve)


@pytest.mark.parametrize("exponent", [-3, -5, -7])
def test_the_plateau_is_as_high_as_the_claim_is_wrong(exponent: int) -> None:
    # half of 2.00001 x is 5e-6 off
    wrong = 10.0**exponent
    curve = error_curve("x'*x", "x", f"{2 + 2 * wrong!r}*x", seed=1)
    assert curve.plateau == pytest.approx(wrong, rel=0.1)


def test_rounding_may_hide_whether_the_error_falls() -> None:
    # 1e20 + x'x is 1e20 in double precision
    curve = error_curve("1e20 + x'*x", "x", seed=1)
    assert (curve.outcome, curve.plateau) == ("hidden", None)
    assert curve.forward.rounding is curve.central.rounding is None
    assert "rounding hides" in str(curve)


def test_a_derivative_of_zero_has_absolute_errors() -> None:
    curve = error_curve("3 + 0*sum(x)", "x", where="x: vector(n)", seed=1)
    assert not curve.relative
    assert not any(curve.forward.errors)
    assert "there is no error" in str(curve)


def test_a_claim_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"must be \d×1, but the formula is 1×1"):
        error_curve("A*x", "x", "0", seed=1)


def test_a_function_that_is_nowhere_defined_has_no_curve() -> None:
    with pytest.raises(NoPoint):
        error_curve("log(-x'*x)", "x", seed=1)


# ---- branches of given numbers -----------------------------------------------------------------------------


def quotients(error: "np.ndarray[tuple[int], np.dtype[np.float64]]", noise: float = 0.0) -> Quotients:
    """Errors at h = 1, 1/2, …, as if the quotients changed by them, with noise/h of rounding."""
    h = np.ldexp(1.0, -np.arange(len(error)))
    changes = np.append(np.nan, np.abs(np.diff(error)))
    return Quotients(h, error + noise / h, changes + noise / h, noise / h)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_branches_of_exact_powers(order: int) -> None:
    h = np.ldexp(1.0, -np.arange(51))
    truncation, rounding = quotients(h**order, 1e-16).branches(None)
    assert truncation is not None and rounding is not None
    # a thirtieth of the last error is rounding
    assert truncation.slope == pytest.approx(order, abs=0.01)
    assert rounding.slope == pytest.approx(-1, abs=0.01)
    assert truncation.error(truncation.largest) == pytest.approx(truncation.largest**order, rel=0.05)
    assert rounding.largest < truncation.smallest


def test_errors_that_jump_to_rounding_are_no_truncation() -> None:
    h = np.ldexp(1.0, -np.arange(51))
    assert quotients(np.where(h > 1e-3, h, 0), 1e-16).branches(None)[0] is None


# ---- the same again ----------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_curve_bit_for_bit() -> None:
    first, second = (error_curve("sum(exp(A*x))", "x", seed=7) for _ in range(2))
    assert first == second
    assert first.to_json() == second.to_json()
    assert first != error_curve("sum(exp(A*x))", "x", seed=8)


def test_a_fresh_seed_replays_the_curve() -> None:
    curve = error_curve("A^2", "A", "2*A*dA")
    assert error_curve("A^2", "A", "2*A*dA", seed=curve.seed) == curve


def test_the_document_holds_every_error_and_slope() -> None:
    curve = error_curve("log(s)", "s", seed=1)
    document = json.loads(json.dumps(curve.to_json(), allow_nan=False))
    assert document["steps"][:3] == [1.0, 0.5, 0.25]
    assert document["steps"][-1] == 2.0**-50
    assert tuple(document["central"]["errors"]) == curve.central.errors
    assert document["forward"]["truncation_slope"] == curve.forward.truncation_slope
    assert (document["outcome"], document["seed"]) == ("falls", 1)


# ---- pictures ----------------------------------------------------------------------------------------------


def pictured() -> list[ErrorCurve]:
    long = "sum(log(exp(-y.*(X*w)) + vector(1))) + s*w'*w + tr(X'*X)*sum(sin(w))*sum(cos(w))"
    return [
        error_curve(long, "w", seed=1),
        *(error_curve(f, x, claim, seed=1) for f, x, claim in WRONG[:3]),
        *(error_curve(f, x, seed=1) for f, x in [*QUADRATIC, *LINEAR, ("det(A)", "A"), ("3 + 0*s", "s")]),
    ]


@pytest.mark.parametrize("style", ["unicode", "ascii"])
def test_the_picture_fits_a_terminal(style: str) -> None:
    for curve in pictured():
        lines = curve.text(style).split("\n")
        assert max(map(len, lines)) <= WIDTH == 78
        assert len(lines) <= MOST_ROWS + 8 <= 23
        assert lines == [line.rstrip() for line in lines]


def test_the_picture_in_ascii_is_in_ascii() -> None:
    text = error_curve("sum(sin(λ*x))", "x", seed=1).text("ascii")
    assert text.isascii()
    assert "sin(lambda*x)" in text


def test_the_picture_has_axes_and_a_legend() -> None:
    curve = error_curve("sum(exp(A*x))", "x", seed=1)
    text = str(curve)
    assert text.startswith("f = sum(exp(A*x)), differential: exp(A*x)'*A*dx\n")
    assert "relative error against the step h" in text
    assert "10⁻¹⁶" in text and text.count("┤") >= 3
    assert f"○  forward: slopes 1.00 (truncation), {curve.forward.rounding_slope:.2f} (rounding)" in text
    assert f"●  central: slopes 2.00 (truncation), {curve.central.rounding_slope:.2f} (rounding)" in text
    assert "seed 1" in text


def test_marks_stand_where_their_powers_of_ten_are() -> None:
    # y = x^2 from 1e-6 to 1: the ends are in the corners, and the middle is in the middle
    points = tuple((10.0**k, 10.0 ** (2 * k)) for k in (-6, -3, 0))
    lines = Plot("", (Series("y = x^2", points),), "x", "y").text("ascii").split("\n")
    rows = [line[8:] for line in lines[1:14]]
    assert rows[0].rstrip() == " " * 68 + "o"
    assert rows[6].rstrip() == " " * 34 + "o"
    assert rows[12].rstrip() == "o"
    assert lines[1].startswith("   1e0 +")
    assert lines[13].startswith(" 1e-12 +")


def test_another_style_is_refused() -> None:
    with pytest.raises(MatcalcError, match="unicode or ascii"):
        error_curve("A^2", "A", seed=1).text("latex")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MatcalcError, match=r"\.svg or \.png"):
        error_curve("A^2", "A", seed=1).save(tmp_path / "curve.gif")


def test_without_matplotlib_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MatcalcError, match="not installed") as error:
        error_curve("A^2", "A", seed=1).save(tmp_path / "curve.png")
    assert error.value.hint == 'python -m pip install "matcalc-differential[plot]"'


def test_a_vector_image_holds_the_words_and_is_written_alike(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    curve = error_curve("sum(exp(A*x))", "x", seed=1)
    first, second = tmp_path / "first.svg", tmp_path / "second.SVG"
    curve.save(first)
    curve.save(second)
    image = first.read_text(encoding="utf-8")
    assert image == second.read_text(encoding="utf-8")
    for words in ("step h", "relative error", "forward: slopes 1.00 (truncation)", "central: slopes 2.00", "seed 1"):
        assert words in image


def test_a_pixel_image_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    path = tmp_path / "curve.png"
    error_curve("3 + 0*s", "s", seed=1).save(str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(MatcalcError, match="cannot be written"):
        error_curve("A^2", "A", seed=1).save(tmp_path / "nowhere" / "curve.png")


def test_the_package_offers_it() -> None:
    assert mc.error_curve is error_curve
    assert mc.ErrorCurve is ErrorCurve


# ---- the command line --------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


def test_the_plot_follows_the_report() -> None:
    result = run("A^2", "A", "--claim", "2*A*dA", "--plot", "--seed", "1")
    report, _, plot = result.output.partition("\n\n")
    assert result.exit_code == 1
    assert report.startswith("refuted")
    assert plot == error_curve("A^2", "A", "2*A*dA", seed=1).text("ascii") + "\n"


def test_the_document_has_the_curve() -> None:
    document = json.loads(run("A^2", "A", "--plot", "--seed", "1", "--format", "json").output)
    assert document["verdict"] == "verified"
    assert document["error_curve"] == json.loads(json.dumps(error_curve("A^2", "A", seed=1).to_json()))


def test_the_plot_is_written_to_a_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    path = tmp_path / "curve.svg"
    result = run("A^2", "A", "--plot-file", str(path))
    assert (result.exit_code, path.exists()) == (0, True)
    assert "relative error against" not in result.output


def test_a_plot_that_cannot_be_drawn_leaves_the_verdict() -> None:
    result = run("log(-x'*x)", "x", "--plot")
    assert result.exit_code == 3
    assert "no plot: no point was found" in result.output


@pytest.mark.parametrize("arguments", [("--plot",), ("--plot-file", "curve.svg")])
def test_a_plot_needs_an_expression(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "--plot needs an expression" in result.output


def test_a_file_of_another_kind_is_bad_input() -> None:
    result = run("A^2", "A", "--plot-file", "curve.gif")
    assert result.exit_code == 2
    assert ".svg or .png" in result.output
