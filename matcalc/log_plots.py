"""Plots on log–log axes: in letters for a terminal, and as files through matplotlib, which is optional."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from matcalc.errors import MatcalcError
from matcalc.tokens import spelled

WIDTH, MOST_ROWS = 78, 14
COLUMNS_FOR_LABELS = 8
SUFFIXES = (".svg", ".png")
COLOURS = ("#0b62a4", "#c2410c")
# Large and hollow, small and full, so that both are seen where they coincide.
MARKERS: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markersize": 6, "markerfacecolor": "none"},
    {"marker": "s", "markersize": 3.5},
)
DECADES_BETWEEN_LABELS = 2, 3
# So few decades of errors at least, so that errors that stay alike are seen to do so.
FEWEST_DECADES = 8


@dataclass(frozen=True)
class Glyphs:
    """The letters that a plot in a terminal is made of."""

    marks: tuple[str, str]
    both: str
    vertical: str
    tick: str
    corner: str
    horizontal: str
    under: str
    ellipsis: str
    unicode: bool

    def power(self, exponent: int) -> str:
        """A power of ten.

        >>> GLYPHS["unicode"].power(-12), GLYPHS["ascii"].power(-12)
        ('10⁻¹²', '1e-12')
        """
        return "10" + str(exponent).translate(_RAISED) if self.unicode else f"1e{exponent}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
GLYPHS: Mapping[str, Glyphs] = {
    "unicode": Glyphs(("○", "●"), "◉", "│", "┤", "└", "─", "┬", "…", True),
    "ascii": Glyphs(("o", "x"), "*", "|", "+", "+", "-", "+", "...", False),
}


@dataclass(frozen=True)
class Series:
    """Points (x, y) with positive coordinates, and straight lines given by their two ends."""

    label: str
    points: tuple[tuple[float, float], ...]
    lines: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()


@dataclass(frozen=True)
class Plot:
    """One or two series, with what is written above and below, the names of the axes, and what x spans at least."""

    title: str
    series: tuple[Series, ...]
    x: str
    y: str
    notes: tuple[str, ...] = ()
    span: tuple[float, ...] = ()

    def text(self, style: str = "unicode") -> str:
        """The plot in letters, "unicode" or "ascii": at most 78 columns, and 14 rows beside titles and legend.

        Raises MatcalcError for another style.

        >>> line = Series("y = x^3", tuple((10.0**k, 1000.0**k) for k in range(-4, 1)))
        >>> print(Plot("f", (line,), "x", "y").text("ascii"))
        f
                y against the x
           1e0 +                                                                    o
               ...
           o  y = x^3
        """
        if style not in GLYPHS:
            raise MatcalcError(f"a plot is drawn in unicode or ascii, not in {style!r}")
        return "\n".join(line.rstrip() for line in _lines(self, GLYPHS[style]))

    def save(self, path: str | Path) -> None:
        """Write the plot to a file that ends in .svg or .png; the same plot is written alike each time.

        Raises MatcalcError for other files, where matplotlib is missing, and where the file cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise MatcalcError(f"a plot is written to .svg or .png, and {path} is neither")
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError:
            hint = 'python -m pip install "matcalc-differential[plot]"'
            raise MatcalcError(f"matplotlib, which writes {suffix} files, is not installed", hint=hint) from None
        with rc_context({"svg.hashsalt": "matcalc", "svg.fonttype": "none"}):
            figure = _figure(self, Figure)
            try:
                figure.savefig(path, dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
            except OSError as error:
                raise MatcalcError(f"{path} cannot be written: {error.strerror or error}") from None


# ---- in letters --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """Whole decades, from low to high, on so many places."""

    low: int
    high: int
    places: int

    def place(self, value: float) -> int:
        """The place of a value, from 0 at the low end."""
        return round((log10(value) - self.low) / (self.high - self.low) * (self.places - 1))

    def ticks(self, apart: int) -> Iterator[tuple[int, int]]:
        """The places of every so many decades, down from the highest, and their exponents."""
        for exponent in range(self.high, self.low - 1, -apart):
            yield self.place(10.0**exponent), exponent


def _decades(values: Sequence[float], fewest: int = 1) -> tuple[int, int]:
    """The whole decades that hold all values, at least so many, up to the largest."""
    logs = [log10(v) for v in values] or [-1.0, 0.0]
    low, high = floor(min(logs) + 1e-9), ceil(max(logs) - 1e-9)
    return min(low, high - fewest), high


def _lines(plot: Plot, glyphs: Glyphs) -> Iterator[str]:
    points = [point for series in plot.series for point in series.points]
    width = WIDTH - COLUMNS_FOR_LABELS - 1
    x = Scale(*_decades([*plot.span, *(p[0] for p in points)]), width)
    low, high = _decades([p[1] for p in points], FEWEST_DECADES)
    y = Scale(low, high, min(high - low + 1, MOST_ROWS))
    if plot.title:
        yield _cut(plot.title, glyphs)
    yield " " * COLUMNS_FOR_LABELS + f"{plot.y} against the {plot.x}"
    labels = dict(y.ticks(DECADES_BETWEEN_LABELS[1]))
    grid = _grid(plot, x, y, glyphs)
    for row in reversed(range(y.places)):
        label = glyphs.power(labels[row]) if row in labels else ""
        yield f"{label:>{COLUMNS_FOR_LABELS - 2}} {glyphs.tick if label else glyphs.vertical}" + "".join(grid[row])
    yield from _axis(x, glyphs)
    for mark, series in zip(glyphs.marks, plot.series, strict=False):
        yield _cut(f"   {mark}  {series.label}", glyphs)
    yield from (_cut(f"   {note}", glyphs) for note in plot.notes)


def _grid(plot: Plot, x: Scale, y: Scale, glyphs: Glyphs) -> list[list[str]]:
    """The marks, by rows from the bottom."""
    grid = [[" "] * x.places for _ in range(y.places)]
    for mark, series in zip(glyphs.marks, plot.series, strict=False):
        for a, b in series.points:
            row, column = y.place(b), x.place(a)
            grid[row][column] = mark if grid[row][column] in (" ", mark) else glyphs.both
    return grid


def _axis(x: Scale, glyphs: Glyphs) -> Iterator[str]:
    """The line under the grid and the powers of ten under it."""
    ticks = dict(x.ticks(DECADES_BETWEEN_LABELS[0]))
    start = " " * (COLUMNS_FOR_LABELS - 1)
    yield start + glyphs.corner + "".join(glyphs.under if i in ticks else glyphs.horizontal for i in range(x.places))
    labels = [" "] * WIDTH
    for place, exponent in ticks.items():
        label = glyphs.power(exponent)
        begin = min(COLUMNS_FOR_LABELS + place - len(label) // 2, WIDTH - len(label))
        labels[begin : begin + len(label)] = label
    yield "".join(labels)


def _cut(line: str, glyphs: Glyphs) -> str:
    """A line that is not too long, and in ASCII where the glyphs are."""
    line = line if glyphs.unicode else spelled(line).encode("ascii", "replace").decode("ascii")
    return line if len(line) <= WIDTH else line[: WIDTH - len(glyphs.ellipsis)] + glyphs.ellipsis


# ---- through matplotlib ------------------------------------------------------------------------------------


def _figure(plot: Plot, figure_class: Any) -> Any:
    """The plot as a matplotlib figure; no window is opened."""
    figure = figure_class(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for colour, marker, series in zip(COLOURS, MARKERS, plot.series, strict=False):
        xs, ys = zip(*series.points, strict=True) if series.points else ((), ())
        axes.loglog(xs, ys, linestyle="none", **marker, color=colour, label=series.label.replace("; ", "\n"))
        for (a, b), (c, d) in series.lines:
            axes.loglog([a, c], [b, d], "-", color=colour, linewidth=1, alpha=0.7)
    low, high = _decades([p[1] for series in plot.series for p in series.points], FEWEST_DECADES)
    axes.set_ylim(10.0 ** (low - 0.2), 10.0 ** (high + 0.2))
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.set_title(plot.title, fontsize="medium", wrap=True)
    axes.grid(True, which="major", alpha=0.3)
    figure.supxlabel("\n".join(plot.notes), fontsize="medium")
    axes.legend(fontsize="small")
    return figure
