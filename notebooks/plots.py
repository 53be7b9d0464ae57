"""Plots in the style of the house: a panel per currency, a title that is a question, and an image with its text."""

from __future__ import annotations

import base64
import html
import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from figures import metric, tick_money
from IPython.display import HTML, display
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from matplotlib.axes import Axes

plt.style.use(Path(__file__).with_name("house.mplstyle"))
BLUE, ORANGE, GREEN, PINK, SKY, GREY = plt.rcParams["axes.prop_cycle"].by_key()["color"]
LIGHT, INK, SOFT = "#b9cadb", "#1b2430", "#5b6776"
SHADES = "Blues"
_DARK = 0.55  # of a scale: darker cells have white words


@contextmanager
def plot(question: str, panels: int = 1, height: float = 3.4) -> Iterator[list[Axes]]:
    """A figure of panels next to each other, shown at the end of the block."""
    figure, axes = plt.subplots(1, panels, figsize=(10, height), squeeze=False, layout="constrained")
    figure.suptitle(question)
    yield list(axes[0])
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    plt.close(figure)
    coded = base64.b64encode(picture.getvalue()).decode()
    display(HTML(f'<img class="plot" alt="{html.escape(question)}" src="data:image/svg+xml;base64,{coded}">'))


@contextmanager
def by_currency(
    question: str, rows: pd.DataFrame, height: float = 3.4
) -> Iterator[list[tuple[str, pd.DataFrame, Axes]]]:
    """A panel per currency, with its rows: amounts of two currencies never share an axis."""
    groups = list(rows.groupby("currency", sort=True))
    with plot(question, len(groups), height) as axes:
        for (currency, _), one in zip(groups, axes, strict=True):
            one.set_title(str(currency))
        yield [(str(currency), mine, one) for (currency, mine), one in zip(groups, axes, strict=True)]


def in_money(axes: Axes, currency: str, axis: str = "y") -> None:
    """Write the values of an axis as amounts."""
    chosen = axes.yaxis if axis == "y" else axes.xaxis
    chosen.set_major_locator(MaxNLocator(4 if axis == "x" else 6))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: tick_money(value, currency)))


def in_unit(axes: Axes, name: str, currency: str) -> None:
    """Write the values of the vertical axis in the unit of a metric."""
    unit = metric(name)["config"]["meta"]["unit"]
    if unit == "money":
        in_money(axes, currency)
    elif unit == "share":
        in_percent(axes)


def in_percent(axes: Axes, axis: str = "y") -> None:
    """Write the values of an axis as percent."""
    (axes.yaxis if axis == "y" else axes.xaxis).set_major_formatter(PercentFormatter(1, decimals=0))


def over_time(axes: Axes) -> None:
    """Write the days of the horizontal axis shortly."""
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def legend_below(axes: Axes, columns: int = 3) -> None:
    """The legend under the plot, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def room_for_labels(axes: Axes, values: pd.Series) -> None:
    """Room for what is written at the ends of horizontal bars, which may point to both sides."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = (high - low or 1) * 0.45
    axes.set_xlim(low - room * (low < 0), high + room * (high > 0))


def heat(axes: Axes, values: pd.DataFrame, write: Any, *, most: float | None = None, size: float = 8) -> None:
    """A heat map with its values written into the cells. Empty cells stay empty."""
    numbers = values.astype(float)
    most = most or float(numbers.max().max()) or 1.0
    axes.pcolormesh(numbers.to_numpy(), cmap=SHADES, vmin=0, vmax=most, edgecolors="white", linewidth=1)
    axes.invert_yaxis()
    axes.set_yticks([place + 0.5 for place in range(len(values.index))], list(values.index))
    axes.set_xticks([place + 0.5 for place in range(len(values.columns))], list(values.columns))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.yaxis.labelpad = axes.xaxis.labelpad = 8
    for down, row in enumerate(numbers.to_numpy()):
        for across, value in enumerate(row):
            if value == value:  # noqa: PLR0124 - not a number is not equal to itself
                color = "white" if value > most * _DARK else INK
                axes.text(across + 0.5, down + 0.5, write(value), ha="center", va="center", fontsize=size, color=color)
