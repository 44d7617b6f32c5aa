"""Is the water below an outfall another water than above it: per outfall, scene and layer, with an interval or a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from outfall.errors import SceneError
from outfall.scenes.along import place_pixels
from outfall.scenes.contrast_layers import read_layers
from outfall.scenes.contrast_rows import Verdict, to_table
from outfall.scenes.controls import Contrasted, Null, Zones, adjust_p, compare, make_null, make_zones, shared_share
from outfall.scenes.observable import LEAST_PIXELS, check_outfalls
from outfall.scenes.outfall_places import place_outfalls
from outfall.scenes.profile import LEFT, RIGHT, WHOLE, Bins, fill_profile, make_bins
from outfall.scenes.robust import block_bootstrap, effective_count, range_bins
from outfall.scenes.scene import grid_of
from outfall.scenes.strands import find_strands
from outfall.scenes.water_mask import BANK_REACH_M, find_water, least_width_m, pure_water
from outfall.scenes.windows import Window, cut_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.contrast_layers import Layer
    from outfall.scenes.strands import Strands

__all__ = ["find_contrasts"]

_SAME_SDS = 2.0  # our default: from so many on the other bank is said to change too


class _Ground(NamedTuple):
    """What all layers of one scene share."""

    places: pd.DataFrame
    seen: pd.DataFrame
    bins: Bins
    strands: Strands
    length_m: NDArray[np.float64]
    cut_by: list[str]
    allowed: NDArray[np.bool_]
    window: Window
    seed: int


class _Study(NamedTuple):
    """One layer along the rivers of one scene, and what is known of its controls."""

    layer: Layer
    ground: _Ground
    medians: NDArray[np.float64]
    counts: NDArray[np.int64]
    width: NDArray[np.float64]
    like: NDArray[np.float64]
    nulls: dict[tuple[str, int, bool, int], tuple[list[NDArray[np.float64]], Null | None]]


def find_contrasts(
    outfalls: gpd.GeoDataFrame,
    scenes: xr.Dataset | Sequence[xr.Dataset],
    network: Network,
    *,
    water: xr.Dataset | Sequence[xr.Dataset] | None = None,
    layers: str | Sequence[str] | Mapping[str, NDArray[np.floating]] = ("turbidity_red",),
    window: Window | None = None,
    control_ids: Sequence[str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how the pure water below each outfall differs from that above it.

    The strip along the outfall's bank is compared below and above, less the difference along the other bank as far as the
    banks of like rivers change together in this scene (``design`` bank; all of it where both change at the outfall); a river too narrow for two strips is compared over its whole width (``design`` width). Each place is
    judged against places of the same scene without an outfall: how often chance gives as much is measured there.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, any CRS
        Contract ``outfalls``.
    scenes : Dataset or sequence of Dataset
        Scenes.
    network : Network
        Rivers and pipes.
    water : Dataset or sequence of Dataset, optional
        One per scene; found by default.
    layers : str, sequence of str, or mapping of str to array
        Bands by role, formulas by name, or your own numbers on the grid (then one scene).
    window : Window, optional
        How far a comparison looks.
    control_ids : sequence of str, optional
        Reaches where control places may lie; all water by default.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame, contract ``contrasts``
        One row per scene, layer and outfall, in this order. Where there is no estimate ``code`` says why (vocabulary
        ``unseen_reason``). ``code`` ``tide`` stands beside numbers: water runs either way, so that they say only that the
        water about the outfall differs.

    Raises
    ------
    SceneError
        No such layer, masks and scenes do not match, or the scene is in degrees.

    Examples
    --------
    >>> import geopandas as gpd, pyproj
    >>> from affine import Affine
    >>> from outfall.network import build_network
    >>> from outfall.scenes import Band, Grid, make_scene
    >>> lines = gpd.GeoDataFrame({"id": ["R"], "width_m": [30.0]}, crs=4549, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3349800, 500600 3349800)"]))
    >>> grid, dry = Grid(40, 60, Affine(10, 0, 500000, 0, -10, 3350000), pyproj.CRS(4549)), np.full((40, 60), 0.2)
    >>> scene = make_scene({"green": Band(dry), "nir": Band(dry)}, grid, quantity="rho_s")
    >>> outfalls = gpd.GeoDataFrame({"outfall_id": ["P1"]}, crs=4549, geometry=gpd.points_from_xy([500300], [3349815]))
    >>> find_contrasts(outfalls, scene, build_network(lines), layers="green")[["outfall_id", "code"]].iloc[0].tolist()
    ['P1', 'width']
    """
    scenes = [scenes] if isinstance(scenes, xr.Dataset) else list(scenes)
    waters = [water] if isinstance(water, xr.Dataset) else [None] * len(scenes) if water is None else list(water)
    if len(waters) != len(scenes):
        msg = f"water: {len(waters)} masks for {len(scenes)} scenes; give one per scene"
        raise SceneError(msg)
    strands, window = find_strands(network), Window() if window is None else window
    allowed = np.ones(len(network.reaches), bool)
    if control_ids is not None:
        allowed = np.isin(np.arange(len(allowed)), network.position(control_ids))
    tables: list[pd.DataFrame] = []
    for scene, given in zip(scenes, waters, strict=True):
        mask = find_water(scene, network) if given is None else given
        pixels = place_pixels(mask, network, strands=strands)
        for read in read_layers(scene, layers, pixels["pixel"].to_numpy()):
            kept, layer = pixels, read
            if layer.gsd_m > float(mask.attrs["gsd_m"]):  # a coarser band needs water farther from the bank
                clean = pure_water(mask, gsd_m=layer.gsd_m).ravel()[pixels["pixel"].to_numpy()]
                kept, layer = pixels[clean], layer._replace(values=layer.values[clean])
            ground = _lay(outfalls, scene, mask, network, (strands, kept, allowed), (window, layer.gsd_m, seed))
            tables.append(to_table(_judge(layer, ground), ground.places, layer, scene))
    return pd.concat(tables, ignore_index=True) if tables else to_table([], pd.DataFrame(), None, None)


def _lay(
    outfalls: gpd.GeoDataFrame,
    scene: xr.Dataset,
    water: xr.Dataset,
    network: Network,
    known: tuple[Strands, pd.DataFrame, NDArray[np.bool_]],
    options: tuple[Window, float, int],
) -> _Ground:
    """Return the steps along the rivers, the places of the outfalls and what each may be compared with."""
    strands, pixels, allowed = known
    window, gsd_m, seed = options
    grid = grid_of(scene)
    step_m = max(grid.pixel_m, gsd_m)
    places = place_outfalls(outfalls, network, strands, grid)
    at = outfalls.assign(reach_id=places["reach_id"].to_numpy())
    seen = check_outfalls(at, scene, water, network, gsd_m=gsd_m)
    pad = int(np.ceil(window.most_m / step_m)) + 2
    bins = make_bins(pixels, strands, step_m=step_m, pad=pad, strip_m=BANK_REACH_M + window.strip_px * step_m)
    length_m, cut_by = cut_windows(
        places["strand"].to_numpy(), places["strand_m"].to_numpy(), places["width_m"].to_numpy(), strands, window
    )
    return _Ground(places, seen, bins, strands, length_m, cut_by, allowed, window, seed)


def _judge(layer: Layer, ground: _Ground) -> list[Verdict]:
    """Return the verdict on each outfall, in the order given."""
    study = _Study(layer, ground, *fill_profile(ground.bins, layer.values), *_widths(ground), {})
    verdicts = []
    for number, row in enumerate(ground.places["row"]):
        unseen, cut = ground.seen["code"].iloc[number], ground.cut_by[number]
        if isinstance(unseen, str):
            said = ground.seen.iloc[number]
            verdicts.append(Verdict(code=unseen, reason=said["reason"], reason_zh=said["reason_zh"]))
        elif row < 0:
            verdicts.append(Verdict(code="no_place"))
        elif ground.length_m[number] < ground.window.least_m:
            verdicts.append(Verdict(code={"edge": "few_pixels"}.get(cut, cut)))
        else:
            verdicts.append(_compare_one(number, study))
    q = adjust_p([verdict.p for verdict in verdicts])
    return [verdict._replace(q=float(one)) for verdict, one in zip(verdicts, q, strict=True)]


def _compare_one(number: int, study: _Study) -> Verdict:
    """Return the verdict on one outfall: by banks where the river is wide enough, else over its width."""
    ground, bins, window = study.ground, study.ground.bins, study.ground.window
    place = ground.places.iloc[number]
    width_m, gsd_m = float(place["width_m"]), study.layer.gsd_m
    two_way = bool(ground.strands.is_two_way[place["strand"]])
    length = int(ground.length_m[number] / bins.step_m)
    zones = make_zones(length, round(window.gap_px), fade=window.fade_m / bins.step_m, is_two_way=two_way)
    centre = bins.at(np.array([place["strand"]]), np.array([place["strand_m"]]))
    has_banks = place["side"] != 0 and width_m >= least_width_m(gsd_m)[1] + 2 * gsd_m
    own = LEFT if place["side"] > 0 else RIGHT
    for design in ("bank", "width") if has_banks else ("width",):
        found, null = _found(study, (design, own), centre, zones, width_m)
        strips = [LEFT, RIGHT] if design == "bank" else [WHOLE]
        pixels = int(study.counts[strips][:, centre[0] + zones.at].sum())
        if np.isfinite(found.estimate[0]) and pixels >= LEAST_PIXELS:
            verdict = _weigh(found, zones, null, window, ground.seed)
            return verdict._replace(
                design=design, pixels=pixels, window_m=length * bins.step_m, cut_by=ground.cut_by[number],
                level=float(np.nanmedian(study.medians[WHOLE, (centre[0] + zones.at)[zones.plume == 0]])),
                is_two_way=two_way, code="tide" if two_way and not verdict.code else verdict.code,
            )  # fmt: skip
    return Verdict(code="few_pixels", pixels=pixels)


def _found(
    study: _Study, seen_as: tuple[str, int], centre: NDArray[np.int64], zones: Zones, width_m: float
) -> tuple[Contrasted, Null | None]:
    """Return the statistic at one outfall and its controls; a change the other bank shares is taken away whole."""
    design, own = seen_as
    at = 0 if design == "width" or own == LEFT else 1
    series, null = _controls(study, design, zones, width_m)
    gamma = np.zeros(2) if null is None else null.gamma
    found = compare(series[at], centre, zones, gamma)
    if design == "bank" and null is not None:
        other = compare(series[1 - at], centre, zones, gamma)
        sure = [null.studentise(float(one.estimate[0]), float(one.sd[0])) for one in (found, other)]
        if abs(sure[1]) > _SAME_SDS and np.sign(sure[0]) == np.sign(sure[1]):
            series, null = _controls(study, "both", zones, width_m)
            found = compare(series[at], centre, zones, gamma if null is None else null.gamma)
    return found, null


def _controls(
    study: _Study, design: str, zones: Zones, width_m: float
) -> tuple[list[NDArray[np.float64]], Null | None]:
    """Return the series as seen from each bank, and what the statistic does on like rivers without outfalls."""
    length = int(np.abs(zones.at).max())
    key = (design, length, bool(zones.plume[0] > 0), round(2 * np.log2(width_m)))
    if key not in study.nulls:
        free = _free(study, width_m, length)
        series = [study.medians[WHOLE]]
        if design != "width":
            banks = (study.medians[LEFT], study.medians[RIGHT])
            share = 1.0 if design == "both" else shared_share(*banks, free, length)
            series = [
                study.medians[own] - share * study.medians[other] for own, other in ((LEFT, RIGHT), (RIGHT, LEFT))
            ]
        study.nulls[key] = (series, make_null(series, free, zones, is_mirrored=design != "width"))
    return study.nulls[key]


def _weigh(found: Contrasted, zones: Zones, null: Null | None, window: Window, seed: int) -> Verdict:
    """Return an estimate with its interval and, where controls allow, its probability by chance."""
    estimate, sd, values = float(found.estimate[0]), float(found.sd[0]), found.values[0]
    gamma = np.zeros(2) if null is None else null.gamma
    left_over = values - estimate * zones.plume
    off = block_bootstrap(left_over - np.nanmedian(left_over), found.weights[0], block=range_bins(gamma), seed=seed)
    parts = (values[zones.plume > 0], values[zones.plume == 0])
    n_eff = sum(effective_count(int(np.isfinite(part).sum()), gamma) for part in parts)
    verdict = Verdict(estimate=estimate, low=estimate + off[0], high=estimate + off[1], effective_n=n_eff)
    if null is None or null.controls < window.least_controls or not sd > 0:
        return verdict._replace(code="few_controls", controls=0 if null is None else null.controls)
    half, studentised = null.half_width(sd), null.studentise(estimate, sd)
    return verdict._replace(
        low=float(np.fmin(verdict.low, estimate - half)),
        high=float(np.fmax(verdict.high, estimate + half)),
        sd=null.scale * sd,
        studentised=studentised,
        freedom=null.freedom,
        natural_sd=float(np.sqrt(np.max(null.gamma))),
        p=null.chance(studentised),
        controls=null.controls,
    )


def _widths(ground: _Ground) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the width of the river and whether controls are allowed, at each step; NaN and 0 between strands."""
    bins, strands = ground.bins, ground.strands
    width, like = np.full(bins.total, np.nan), np.zeros(bins.total)
    order = np.argsort(strands.begin_m, kind="stable")
    for row in order[strands.number[order] >= 0]:
        begin = bins.at(np.array([strands.number[row]]), np.array([strands.begin_m[row]]))[0]
        end = bins.begin[strands.number[row]] + int(np.ceil(strands.length_m[strands.number[row]] / bins.step_m)) + 1
        width[begin:end], like[begin:end] = strands.width_m[row], ground.allowed[row]
    return width, like


def _free(study: _Study, width_m: float, length: int) -> NDArray[np.bool_]:
    """Return the steps on like rivers that no outfall's water is near."""
    ground, ratio = study.ground, study.ground.window.control_ratio
    free = (study.width >= width_m / ratio) & (study.width <= width_m * ratio) & (study.like > 0)
    placed = ground.places[ground.places["strand"] >= 0]
    for step in ground.bins.at(placed["strand"].to_numpy(), placed["strand_m"].to_numpy()):
        free[max(step - 2, 0) : step + length] = False
    return np.asarray(free)
