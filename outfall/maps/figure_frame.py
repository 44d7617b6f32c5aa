"""What stands round a static map: title, ticks in degrees, scale bar, north, legend, and a font that has the characters."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from outfall.errors import MapError
from outfall.maps.figure_layers import Entry, mercator
from outfall.maps.header import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from outfall.vocabulary import Lang

__all__ = ["draw_frame", "draw_legend", "find_font"]

_FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB",
          "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "SimSun", "Noto Sans SC", "Noto Serif CJK SC", "Arial Unicode MS",
          "Noto Sans CJK JP", "Noto Sans CJK TC")  # fmt: skip
_PAPER, _INK, _GRID = "#fbfaf5", "#1d2b36", "#d8d4c6"
_STEPS_DEG = (10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_RADIUS_M = 6_378_137.0


def find_font(name: str | None = None) -> str | None:
    """Return an installed font with Chinese characters.

    Parameters
    ----------
    name : str, optional
        Of a font that must be there.

    Returns
    -------
    str or None
        Its name; None where no font was found, after a warning that says how to get one.

    Raises
    ------
    MapError
        The font asked for is not installed.
    """
    installed = _installed()
    if name is not None:
        if name in installed:
            return name
        near = ", ".join(sorted(known for known in installed if name.split()[0].casefold() in known.casefold())[:5])
        msg = f"font: {name!r} is not installed" + (f"; similar ones are {near}" if near else "")
        raise MapError(msg)
    found = next((font for font in _FONTS if font in installed), None)
    if found is None:
        warnings.warn(
            "no font with Chinese characters is installed: Chinese labels will be boxes. Install one (Debian: apt-get install "
            "fonts-noto-cjk; Windows and macOS bring one) or pass font='its name'",
            UserWarning,
            stacklevel=3,
        )
    return found


@cache
def _installed() -> frozenset[str]:
    from matplotlib import font_manager

    return frozenset(entry.name for entry in font_manager.fontManager.ttflist)


def draw_frame(ax: Axes, *, title: str, lang: Lang, family: str | None, is_small: bool) -> None:
    """Draw paper, ticks, title, north and scale bar."""
    size = 6 if is_small else 8
    ax.set_facecolor(_PAPER)
    for side in ax.spines.values():
        side.set_color(_INK)
        side.set_linewidth(0.8)
    _draw_ticks(ax, size)
    if title:
        ax.set_title(title, fontsize=size * 1.8, color=_INK, loc="left", family=family, pad=8, parse_math=False)
    _draw_north(ax, phrases(lang)["north"], size, family)
    _draw_scale(ax, size, family)


def draw_legend(ax: Axes, entries: Sequence[Entry], *, family: str | None, is_small: bool) -> None:
    """Draw the legend: words beside what they look like, headings in bold."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.lines import Line2D

    if not entries:
        return
    blank = Line2D([], [], linestyle="none")
    font = FontProperties(family=family, size=5.5 if is_small else 7.5)
    made = ax.legend(
        [blank if entry.is_heading else entry.handle for entry in entries], [entry.text for entry in entries], prop=font,
        loc="upper left" if is_small else "center left", bbox_to_anchor=None if is_small else (1.005, 0.5), frameon=is_small,
        labelcolor=_INK, handlelength=1.8, borderaxespad=0.6,
    )  # fmt: skip
    for entry, text in zip(entries, made.get_texts(), strict=True):
        text.set_parse_math(False)
        if entry.is_heading:
            text.set(fontweight="bold")


def _draw_ticks(ax: Axes, size: float) -> None:
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    lon = np.degrees(np.array([west, east]) / _RADIUS_M)
    lat = np.degrees(2 * np.arctan(np.exp(np.array([south, north]) / _RADIUS_M)) - np.pi / 2)
    across, up = _round(lon), _round(lat)
    ax.set_xticks(mercator(across, np.zeros_like(across))[0], [_degrees(value, "E", "W") for value in across])
    ax.set_yticks(mercator(np.zeros_like(up), up)[1], [_degrees(value, "N", "S") for value in up])
    ax.tick_params(labelsize=size * 0.85, colors=_INK, width=0.6, length=3)
    ax.tick_params(axis="y", labelrotation=90)
    for label in ax.get_yticklabels():
        label.set_verticalalignment("center")
    ax.grid(visible=True, color=_GRID, linewidth=0.5, zorder=0)
    ax.set_axisbelow(True)


def _round(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return three to six round numbers between two edges."""
    step = next((step for step in _STEPS_DEG if (edges[1] - edges[0]) / step >= 3), _STEPS_DEG[-1])
    return np.round(np.arange(np.ceil(edges[0] / step), np.floor(edges[1] / step) + 1) * step, 6)


def _degrees(value: float, plus: str, minus: str) -> str:
    return f"{abs(value):.3f}".rstrip("0").rstrip(".") + f"°{plus if value >= 0 else minus}"


def _draw_north(ax: Axes, word: str, size: float, family: str | None) -> None:
    ax.annotate(
        word, xy=(0.97, 0.97), xytext=(0.97, 0.885), xycoords="axes fraction", ha="center", va="center", fontsize=size, color=_INK,
        family=family, arrowprops={"arrowstyle": "-|>", "color": _INK, "linewidth": 1.1}, zorder=99,
    )  # fmt: skip


def _draw_scale(ax: Axes, size: float, family: str | None) -> None:
    """Draw a bar that is true at the middle of the sheet: Mercator stretches by the cosine of the latitude."""
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    shrink = 1 / np.cosh((south + north) / 2 / _RADIUS_M)
    most_m = (east - west) * shrink * 0.25
    power = 10.0 ** np.floor(np.log10(most_m))
    length_m = next(part * power for part in (5, 2, 1) if part * power <= most_m)
    left, bottom = west + 0.03 * (east - west), south + 0.035 * (north - south)
    high, wide = 0.008 * (north - south), length_m / shrink
    for quarter in range(4):
        ax.add_patch(_box(left + quarter * wide / 4, bottom, wide / 4, high, is_dark=quarter % 2 == 0))
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    ax.text(
        left + wide,
        bottom + 1.6 * high,
        text,
        fontsize=size,
        color=_INK,
        ha="right",
        va="bottom",
        family=family,
        zorder=99,
    )


def _box(left: float, bottom: float, wide: float, high: float, *, is_dark: bool):  # type: ignore[no-untyped-def] # noqa: ANN202
    from matplotlib.patches import Rectangle

    return Rectangle(
        (left, bottom), wide, high, facecolor=_INK if is_dark else "#ffffff", edgecolor=_INK, linewidth=0.5, zorder=99
    )
