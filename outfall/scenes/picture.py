"""How does the water about one outfall look in a scene: a map of a layer and its course along the river, as one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from outfall.errors import SceneError
from outfall.scenes.along import place_pixels
from outfall.scenes.contrast_layers import read_layers
from outfall.scenes.outfall_places import place_outfalls
from outfall.scenes.scene import grid_of
from outfall.scenes.strands import find_strands
from outfall.scenes.water_mask import find_water
from outfall.scenes.windows import Window, cut_windows

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.scene import Grid

__all__ = ["plot_scene"]

_OWN, _OTHER, _ABOVE, _BELOW = "#D55E00", "#0072B2", "#56B4E9", "#E69F00"


class _Drawn(NamedTuple):
    """What both halves of the figure show."""

    name: str
    unit: str
    values: NDArray[np.float64]
    pixels: pd.DataFrame
    place: pd.Series
    length_m: float
    gap_m: float
    step_m: float


def plot_scene(
    scene: xr.Dataset,
    outfalls: gpd.GeoDataFrame,
    network: Network,
    *,
    outfall_id: str,
    layer: str = "turbidity_red",
    water: xr.Dataset | None = None,
    contrasts: pd.DataFrame | None = None,
    window: Window | None = None,
) -> Figure:
    """Return a figure of one outfall: a map of the pure water, and the layer along the river on both banks.

    Parameters
    ----------
    scene : Dataset
        A scene.
    outfalls : GeoDataFrame
        Contract ``outfalls``.
    network : Network
        Rivers and pipes.
    outfall_id : str
        The outfall that is drawn.
    layer : str
        A band by role, or a formula.
    water : Dataset, optional
        Of :func:`find_water`; found by default.
    contrasts : DataFrame, optional
        Of :func:`find_contrasts`: the estimate with its interval, or the reason why there is none, is written above.
    window : Window, optional
        As the comparison had it.

    Returns
    -------
    matplotlib.figure.Figure
        Shaded are the stretches above and below that were compared. Needs the extra ``plot``.

    Raises
    ------
    SceneError
        The outfall is not in the table, the layer is not there, or matplotlib is not installed.

    Examples
    --------
    >>> from tests.scenes.river import network_of, outfalls_on, scene_of
    >>> network = network_of(120)
    >>> figure = plot_scene(scene_of(120)[0], outfalls_on(network, width_m=120), network, outfall_id="P1", layer="red")
    >>> [axes.get_xlabel() for axes in figure.axes[:2]]
    ['east, m', 'metres along the river, outfall at 0']
    """
    ids = outfalls["outfall_id"].astype("str").tolist()
    if outfall_id not in ids:
        msg = f"plot_scene: outfall {outfall_id!r} is none of the {len(ids)} outfalls"
        raise SceneError(msg)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = "plot_scene: matplotlib is not installed; pip install 'outfall[plot]'"
        raise SceneError(msg) from error
    window = Window() if window is None else window
    mask = find_water(scene, network) if water is None else water
    drawn = _gather(scene, mask, outfalls, network, (ids.index(outfall_id), layer, window))
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    centre = _draw_map(left, figure, scene, drawn, outfalls, ids.index(outfall_id))
    _draw_lines(left, network, scene, centre, drawn)
    _draw_profile(right, drawn)
    right.set_title(_verdict(contrasts, outfall_id, layer), fontsize=9, wrap=True)
    taken = str(scene.attrs.get("taken_at", ""))[:16].replace("T", " ")
    figure.suptitle(f"{outfall_id} · {drawn.name} · {scene.attrs.get('sensor', '')} {taken} UTC".replace("  ", " "))
    return figure


def _gather(
    scene: xr.Dataset,
    water: xr.Dataset,
    outfalls: gpd.GeoDataFrame,
    network: Network,
    asked: tuple[int, str, Window],
) -> _Drawn:
    number, name, window = asked
    strands, grid = find_strands(network), grid_of(scene)
    pixels = place_pixels(water, network, strands=strands)
    layer = read_layers(scene, name, pixels["pixel"].to_numpy())[0]
    places = place_outfalls(outfalls, network, strands, grid)
    length_m, _ = cut_windows(
        places["strand"].to_numpy(), places["strand_m"].to_numpy(), places["width_m"].to_numpy(), strands, window
    )
    step_m = max(grid.pixel_m, layer.gsd_m)
    own = float(length_m[number]) if np.isfinite(length_m[number]) else window.least_m
    unit = layer.unit if layer.unit != "1" else ""
    return _Drawn(
        name, unit, layer.values.astype(float), pixels, places.iloc[number], own, window.gap_px * step_m, step_m
    )


def _draw_map(
    axes: Axes, figure: Figure, scene: xr.Dataset, drawn: _Drawn, outfalls: gpd.GeoDataFrame, number: int
) -> tuple[float, float]:
    """Draw pure water in colours on the land in grey, and return where the outfall stands."""
    grid = grid_of(scene)
    point = outfalls.geometry.to_crs(grid.crs).iloc[number]
    known = point is not None and not point.is_empty
    first, last = _corner(grid, 0, 0), _corner(grid, grid.width, grid.height)
    centre = (point.x, point.y) if known else ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
    reach = 1.6 * drawn.length_m + 3 * drawn.step_m
    picture = np.full(grid.height * grid.width, np.nan)
    picture[drawn.pixels["pixel"].to_numpy()] = drawn.values
    extent = (first[0], last[0], last[1], first[1])
    axes.set_facecolor("#d9d9d9")
    near = drawn.values[np.isfinite(drawn.values)]
    limits = np.percentile(near, (2, 98)) if near.size else (0.0, 1.0)
    image = axes.imshow(
        picture.reshape(grid.height, grid.width), extent=extent, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    figure.colorbar(image, ax=axes, shrink=0.8, label=f"{drawn.name}{f', {drawn.unit}' if drawn.unit else ''}")
    axes.plot(*centre, marker="^", markersize=9, color=_OWN, markeredgecolor="white")
    axes.set_xlim(centre[0] - reach, centre[0] + reach)
    axes.set_ylim(centre[1] - reach, centre[1] + reach)
    axes.set_xlabel("east, m")
    axes.set_ylabel("north, m")
    axes.tick_params(labelsize=7)
    return centre


def _corner(grid: Grid, column: int, row: int) -> tuple[float, float]:
    step = grid.transform
    return step.c + step.a * column + step.b * row, step.f + step.d * column + step.e * row


def _draw_lines(axes: Axes, network: Network, scene: xr.Dataset, centre: tuple[float, float], drawn: _Drawn) -> None:
    """Draw the lines of the network near the outfall."""
    lines = network.reaches.geometry.to_crs(grid_of(scene).crs)
    reach = 2.5 * drawn.length_m
    box = shapely.box(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
    for line in lines[lines.intersects(box)]:
        for part in getattr(line, "geoms", [line]):
            axes.plot(*shapely.get_coordinates(part).T, color="#333333", linewidth=0.6)


def _draw_profile(axes: Axes, drawn: _Drawn) -> None:
    """Draw medians along the river on both banks, and shade what was compared."""
    pixels, place = drawn.pixels, drawn.place
    if place["row"] >= 0:
        mine = (pixels["strand"] == place["strand"]).to_numpy()
        gone = pixels["strand_m"].to_numpy(dtype=float) - float(place["strand_m"])
        mine = mine & (np.abs(gone) <= 1.6 * drawn.length_m + 3 * drawn.step_m)
        own_side = "right" if place["side"] < 0 else "left"
        for label, colour, side in (("bank of the outfall", _OWN, True), ("other bank", _OTHER, False)):
            chosen = mine & ((pixels["side"] == own_side).to_numpy() == side)
            at, value = _medians(gone[chosen], drawn.values[chosen], drawn.step_m)
            axes.plot(at, value, color=colour, marker="o", markersize=3, linewidth=1.0, label=label)
        axes.axvspan(-drawn.length_m, -drawn.gap_m, color=_ABOVE, alpha=0.15, label="above (U)")
        axes.axvspan(drawn.gap_m, drawn.length_m, color=_BELOW, alpha=0.2, label="below (D)")
        axes.axvline(0, color="#555555", linewidth=0.8)
        axes.legend(fontsize=7, ncols=2)
    axes.set_xlabel("metres along the river, outfall at 0")
    axes.set_ylabel(f"{drawn.name}{f', {drawn.unit}' if drawn.unit else ''}")


def _medians(
    gone_m: NDArray[np.float64], values: NDArray[np.float64], step_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = np.isfinite(values)
    steps = np.floor(gone_m[known] / step_m).astype(np.int64)
    found = np.unique(steps)
    middle = np.array([np.median(values[known][steps == one]) for one in found], dtype=np.float64)
    return np.asarray((found + 0.5) * step_m, dtype=np.float64), middle


def _verdict(contrasts: pd.DataFrame | None, outfall_id: str, layer: str) -> str:
    """Return what the table says of the outfall, figures or reason."""
    if contrasts is None:
        return ""
    rows = contrasts[(contrasts["outfall_id"] == outfall_id) & (contrasts["layer"] == layer)]
    return "" if rows.empty else str(rows["reason"].iloc[0])
