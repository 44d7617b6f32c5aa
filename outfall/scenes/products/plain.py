"""What does a raster without a product hold: names, scales and colours in the file, or what the user says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.errors import Problem, SceneError
from outfall.scenes.open_grid import crs_note
from outfall.scenes.open_pixels import RasterPixels
from outfall.scenes.products.plan import BandPlan, Found, Product, ScenePlan, Stack
from outfall.scenes.products.sensor_bands import sensor_bands
from outfall.scenes.scene import QUANTITIES, ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Options

__all__ = ["GEOTIFF", "local_moment", "pick_bands", "scale_of"]

_ENDINGS = (".tif", ".tiff", ".jp2", ".img")
_PICTURES = (".png", ".jpg", ".jpeg")
_SENTINEL = re.compile(r"(?:^|[^a-z0-9])(s2[abcd]?|sentinel-?2[abcd]?)(?:[^a-z0-9]|$)", re.IGNORECASE)
_COLOURS = {"red": "red", "green": "green", "blue": "blue"}
_WORDS = {"nir1": "nir", "nir08": "nir", "near infrared": "nir", "swir1": "swir_1", "swir16": "swir_1", "swir2": "swir_2",
          "swir22": "swir_2", "rededge1": "red_edge_1", "rededge2": "red_edge_2", "rededge3": "red_edge_3",
          "蓝": "blue", "绿": "green", "红": "red", "近红外": "nir", "短波红外1": "swir_1", "短波红外2": "swir_2"}  # fmt: skip


def _split(bundle: Bundle) -> list[list[str]]:
    """Return each raster as a scene of its own, unless the files were named; pictures beside others are photos."""
    if bundle.is_list:
        return [bundle.names] if bundle.names else []
    endings = _ENDINGS + (_PICTURES if len(bundle.names) == 1 else ())
    return [[name] for name in bundle.names if name.casefold().endswith(endings)]


def _describe(bundle: Bundle) -> Found:
    name = bundle.names[0]
    sensor = "S2 MSI" if _SENTINEL.search(name.rpartition("/")[2]) else ""
    return Found(name.rpartition("/")[2], sensor, "", "", (), "its bands are told when it is opened")


def pick_bands(
    names: tuple[str, ...], colours: tuple[str, ...], options: Options, *, is_sentinel: bool
) -> tuple[dict[str, int], list[Problem]]:
    """Return which band (from 0) has which role, by what the user says, else by its name, else by its colour.

    Parameters
    ----------
    names, colours : tuple of str
        Of the bands; empty where the file says none.
    options : Options
        What the user says.
    is_sentinel : bool
        Whether names such as ``B08`` are those of Sentinel-2.

    Returns
    -------
    dict of str to int, list of Problem
        Roles in the order of the bands; what is wrong.
    """
    if hasattr(options.roles, "items"):
        return _said(names, options.roles)  # type: ignore[arg-type]
    found: dict[str, int] = {}
    known = sensor_bands("S2 MSI") if is_sentinel else {}
    for at, name in enumerate(names):
        word = name.strip().casefold()
        role = known[name].role if name in known else word if word in ROLES else _WORDS.get(word, "")
        role = role or (_COLOURS.get(colours[at], "") if at < len(colours) else "")
        if role:
            found.setdefault(role, at)
    problems = []
    if not found:
        shown = ", ".join(repr(name) for name in names if name) or "no names"
        problems.append(
            Problem(
                "roles",
                f"{len(names)} bands with {shown}: nobody knows which is which",
                "give roles={'green': 2, 'nir': 4}",
            )
        )
    return found, problems


def _said(names: tuple[str, ...], roles: Mapping[str, str | int]) -> tuple[dict[str, int], list[Problem]]:
    found, problems = {}, []
    for role, band in roles.items():
        at = names.index(band) if band in names else band - 1 if isinstance(band, int) else -1
        if not 0 <= at < len(names):
            offered = ", ".join(name for name in names if name) or f"1 to {len(names)}"
            problems.append(Problem(f"roles[{role!r}]", f"no band {band!r}", f"the bands are {offered}"))
        elif role not in ROLES:
            problems.append(Problem(f"roles[{role!r}]", "is no role of a band", f"use one of {', '.join(ROLES)}"))
        else:
            found[role] = at
    return found, problems


def scale_of(options: Options, role: str, name: str, stated: tuple[float, float]) -> tuple[float, float]:
    """Return scale and offset of a band: what the user says, else what the file states."""
    if options.quantity == "dn":
        return 1.0, 0.0
    if options.scales is None:
        return stated
    if not isinstance(options.scales, tuple):
        given = options.scales.get(role, options.scales.get(name, stated))
        return float(given[0]), float(given[1])
    return float(options.scales[0]), float(options.scales[1])


def local_moment(text: str, options: Options) -> tuple[pd.Timestamp | None, str]:
    """Return the moment of sensing in UTC, and where it comes from.

    A time without a zone is no moment: it counts where the user names the zone of the clock.

    Parameters
    ----------
    text : str
        Of the file; empty where it says none.
    options : Options
        ``taken_at`` may be a moment, or the name of a zone.

    Returns
    -------
    Timestamp or None, str
        The moment, and its origin.

    Raises
    ------
    SceneError
        A moment without zone, or no zone and no moment.
    """
    said = options.taken_at
    own = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text.strip())
    own_moment = pd.to_datetime(own, errors="coerce") if own else pd.NaT
    if said is None:
        is_known = not pd.isna(own_moment) and own_moment.tzinfo is not None
        return (own_moment.tz_convert("UTC"), "file") if is_known else (None, "")
    if isinstance(said, str) and not re.match(r"\d{4}", said):
        if pd.isna(own_moment) or own_moment.tzinfo is not None:
            return (None, "") if pd.isna(own_moment) else (own_moment.tz_convert("UTC"), "file")
        try:
            return own_moment.tz_localize(said).tz_convert("UTC"), f"the file's clock, taken to be in {said}"
        except (KeyError, TypeError, ValueError) as error:
            msg = (
                f"taken_at: {said!r} is no time zone; expected a name such as Asia/Shanghai, or a moment with its zone"
            )
            raise SceneError(msg) from error
    moment = pd.to_datetime(said, errors="coerce")
    if pd.isna(moment) or moment.tzinfo is None:
        msg = f"taken_at: {said!r} is no moment with a zone; write 2026-04-12T11:08+08:00, or the zone of the file's clock"
        raise SceneError(msg)
    return moment.tz_convert("UTC"), "user"


class _Layer(NamedTuple):
    """One band of one of the files."""

    stack: int
    at: int
    name: str
    tile: RasterPixels


def _plan(bundle: Bundle, options: Options) -> ScenePlan:
    tiles = [RasterPixels(bundle.raster(name), where=bundle.where(name)) for name in bundle.names]
    where = str(bundle.path) if len(tiles) > 1 else bundle.where(bundle.names[0])
    is_sentinel = any(_SENTINEL.search(name.rpartition("/")[2]) for name in bundle.names)
    layers = [
        _Layer(stack, at, name or (_stem(bundle.names[stack]) if tile.count == 1 and len(tiles) > 1 else ""), tile)
        for stack, tile in enumerate(tiles)
        for at, name in enumerate(tile.names)
    ]
    colours = tiles[0].colours if len(tiles) == 1 else ()
    roles, problems = pick_bands(tuple(one.name for one in layers), colours, options, is_sentinel=is_sentinel)
    used = [layers[at].tile for at in roles.values()] or tiles[:1]
    quantity, assumed = _quantity(used, options, problems, is_sentinel=is_sentinel)
    if any(tile.crs is None and tile.rpc is None for tile in tiles):
        problems.append(Problem("crs", "the raster says none", "assign it (gdal_edit -a_srs EPSG:…)"))
    if problems:
        msg = f"{where}: the raster makes no scene"
        raise SceneError(msg, problems)
    moment, clock = local_moment(tiles[0].tags.get("TIFFTAG_DATETIME", ""), options)
    if any(_is_silent(tile) for tile in used):
        assumed.append("0 in every band is taken for no data: the file states none")
    bands = [_band(role, layers[at], options, is_sentinel=is_sentinel) for role, at in roles.items()]
    crs = tiles[0].crs
    notes: dict[str, str | int | float] = {
        "product": "geotiff",
        "offset_applied": bands[0].offset,
        "offset_from": "user" if options.scales is not None else "file",
        "taken_at_from": clock,
        "clock_of_file": tiles[0].tags.get("TIFFTAG_DATETIME", ""),
        "assumed_from": "; ".join(assumed),
        "crs_note": crs_note(tiles[0]),
        "reprojected_from": crs.to_string()[:80] if crs is not None and crs.is_geographic else "",
    }
    return ScenePlan(
        tuple(Stack((tile,), zero_is_fill=_is_silent(tile)) for tile in tiles), tuple(bands), quantity, taken_at=moment,
        sensor="S2 MSI" if is_sentinel else "", source_ref=where, notes={key: v for key, v in notes.items() if v != ""},
    )  # fmt: skip


def _is_silent(tile: RasterPixels) -> bool:
    """Return whether a raster does not say what stands for no data."""
    return all(one is None for one in tile.nodata)


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _band(role: str, layer: _Layer, options: Options, *, is_sentinel: bool) -> BandPlan:
    tile, at = layer.tile, layer.at
    scale, offset = scale_of(options, role, layer.name, (tile.scales[at], tile.offsets[at]))
    about = sensor_bands("S2 MSI").get(layer.name) if is_sentinel else None
    nodata, pixel_m = tile.nodata[at], _pixel_m(tile)
    return BandPlan(
        role, layer.name or str(at + 1), layer.stack, at, scale, offset, () if nodata is None else (float(nodata),), (),
        about.centre_nm if about else np.nan, about.width_nm if about else np.nan,
        max(pixel_m, about.gsd_m) if about else pixel_m,
    )  # fmt: skip


def _pixel_m(tile: RasterPixels) -> float:
    """Return the coarser side of a pixel in metres."""
    step = tile.transform
    sides = float(np.hypot(step.a, step.d)), float(np.hypot(step.b, step.e))
    if tile.crs is not None and tile.crs.is_geographic:
        lat = (step @ (tile.width / 2, tile.height / 2))[1]
        sides = sides[0] * 111_320.0 * float(np.cos(np.radians(lat))), sides[1] * 110_574.0
    return max(sides)


def _quantity(
    tiles: list[RasterPixels], options: Options, problems: list[Problem], *, is_sentinel: bool
) -> tuple[str, list[str]]:
    """Return what the numbers are: as said, else from the file's own scale, else numbers as stored."""
    scales = [scale for tile in tiles for scale in tile.scales]
    is_scaled = any(scale != 1.0 for scale in scales) or any(any(tile.offsets) for tile in tiles)
    said = options.quantity
    if said is not None and said not in QUANTITIES:
        problems.append(Problem("quantity", f"{said!r} is not one of {', '.join(QUANTITIES)}"))
    if options.scales is not None and is_scaled:
        problems.append(
            Problem(
                "scales", "the file states its own; numbers would be scaled twice", "leave scales out, or quantity='dn'"
            )
        )
    is_whole = any(tile.dtype.kind in "ui" for tile in tiles)
    if said in {"rho_s", "rho_toa", "rho_w", "Rrs"} and is_whole and not is_scaled and options.scales is None:
        way = "(0.0001, -0.1) from baseline 04.00 on, (0.0001, 0) before" if is_sentinel else "such as (0.0001, 0)"
        problems.append(
            Problem("scales", f"whole numbers of type {tiles[0].dtype} are no reflectance", f"give scales= {way}")
        )
    if said is not None:
        return said, []
    if is_sentinel and is_scaled and np.allclose(scales, 1e-4):
        return "rho_s", ["surface reflectance: a Sentinel-2 name and a scale of 0.0001"]
    if options.scales is not None or is_scaled:
        problems.append(
            Problem("quantity", "the file does not say what its scaled numbers are", "give quantity='rho_s' or another")
        )
    return "dn", []


GEOTIFF = Product(
    "geotiff", "普通 GeoTIFF 等栅格（波段名、比例或 roles）", "GeoTIFF or another plain raster, by band names, scales or a role map",
    _split, _describe, _plan,
)  # fmt: skip
