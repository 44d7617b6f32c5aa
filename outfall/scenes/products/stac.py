"""What does a STAC item promise about its assets, and does it contradict itself about the offset."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from outfall.errors import Problem, SceneError
from outfall.scenes.flag_field import decode_scl
from outfall.scenes.open_pixels import ArrayPixels, RasterPixels
from outfall.scenes.products.bundle import Member
from outfall.scenes.products.plan import BandPlan, FlagPlan, ScenePlan, Stack
from outfall.scenes.products.sensor_bands import sensor_bands
from outfall.scenes.products.sentinel2_metadata import offset_of_baseline
from outfall.tables.safe import raster_driver, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.scenes.open_pixels import Pixels
    from outfall.scenes.products.plan import Options

__all__ = ["ABOUT", "offset_left", "plan_item"]

ABOUT = {
    "zh": "STAC 条目（哨兵二号；远程文件通过 odc-stac 读取）",
    "en": "a STAC item of Sentinel-2 as a mapping or .json; remote files are read through odc-stac",
}
# Asset keys of the large catalogues, beside the names of the bands themselves.
_KEYS = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "nir": "B08", "nir08": "B8A", "swir16": "B11", "swir22": "B12", "scl": "SCL",
}  # fmt: skip
_SCALE = 1e-4
_REMOTE = re.compile(r"^(https?|s3|gs|az|abfs)://")


def offset_left(item: Mapping[str, Any], *, where: str) -> tuple[str, float, list[Problem]]:
    """Return the baseline of an item, the offset its stored numbers still need, and what in it is contradictory.

    The baseline says which offset the agency put in. The catalogue may have taken it out; where it says so, and where
    its assets state an offset, both must agree.

    Parameters
    ----------
    item : mapping
        STAC item.
    where : str
        Name for messages.

    Returns
    -------
    str, float, list of Problem
        Baseline, offset in reflectance, contradictions.

    Examples
    --------
    >>> item = {"properties": {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": True}}
    >>> offset_left(item, where="item")[:2]
    ('05.09', 0.0)
    """
    said: Mapping[str, Any] = item.get("properties") or {}
    baseline = str(said.get("s2:processing_baseline") or said.get("processing:version") or _named_baseline(said))
    if not baseline:
        return (
            "",
            0.0,
            [
                Problem(
                    f"{where}: s2:processing_baseline",
                    "missing: nobody knows the offset",
                    "give scales= yourself, or another catalogue's item",
                )
            ],
        )
    inside = offset_of_baseline(baseline) * _SCALE
    claims = [bool(said[key]) for key in said if key.rpartition(":")[2] == "boa_offset_applied"]
    left = 0.0 if any(claims) else inside
    problems = []
    named = _named_baseline(said)
    if named and float(named) != float(baseline):
        problems.append(Problem(f"{where}: s2:processing_baseline", f"{baseline}, but the product is named {named}"))
    for key, asset in (item.get("assets") or {}).items():
        band = _KEYS.get(key.casefold(), key.upper())
        stated = [one.get("offset") for one in asset.get("raster:bands") or [asset] if "offset" in one]
        if band.startswith("B") and stated and not np.isclose(float(stated[0]), left, atol=1e-9):
            taken = "already taken out" if any(claims) else "still in"
            problems.append(
                Problem(
                    f"{where}: asset {key}",
                    f"states offset {float(stated[0]):g}; by baseline {baseline} with the offset {taken} it is {left:g}",
                    "look at dark water in the file, then give scales=(0.0001, -0.1) or (0.0001, 0)",
                )
            )
    return baseline, left, problems


def _named_baseline(said: Mapping[str, Any]) -> str:
    for key in ("s2:product_uri", "s2:granule_id", "s2:product_id"):
        hit = re.search(r"_N(\d\d)\.?(\d\d)(?:_|\.|$)", str(said.get(key, "")))
        if hit:
            return f"{hit.group(1)}.{hit.group(2)}"
    return ""


def plan_item(given: object, options: Options) -> ScenePlan:
    """Return what must be read for a STAC item.

    Parameters
    ----------
    given : mapping or path
        Item, or its ``.json``.
    options : Options
        What the user says.

    Returns
    -------
    ScenePlan
        Numbers are read raw; the scale is applied here and nowhere else.

    Raises
    ------
    SceneError
        Not an item of Sentinel-2, or one that contradicts itself.
    """
    is_file = isinstance(given, (str, Path))
    item: Any = read_json(Path(str(given))) if is_file else given
    home = Path(str(given)).parent if is_file else None
    where = str(given) if is_file else f"STAC item {item.get('id', '')}"
    if not isinstance(item, dict) and hasattr(item, "items"):
        item = dict(item)
    if (
        not isinstance(item, dict)
        or not isinstance(item.get("assets"), dict)
        or not isinstance(item.get("properties"), dict)
    ):
        msg = f"{where}: is no STAC item (it has no assets and properties); give the item itself"
        raise SceneError(msg)
    platform = re.search(r"2([abcd])$", str(item["properties"].get("platform", "")).casefold())
    if platform is None:
        msg = f"{where}: platform {item['properties'].get('platform')!r}; only items of Sentinel-2 are read, others by their files"
        raise SceneError(msg)
    baseline, left, problems = offset_left(item, where=where)
    scale, offset = (_SCALE, left)
    if options.scales is not None and not hasattr(options.scales, "items"):
        (scale, offset), problems = (float(options.scales[0]), float(options.scales[1])), []
    files = _files(item, home)
    if not set(files) - {"SCL"}:
        problems.append(Problem(f"{where}: assets", "none is a band of Sentinel-2", "give an item of Level 2A"))
    if problems:
        msg = f"{where}: the item makes no scene"
        raise SceneError(msg, problems)
    if options.quantity == "dn":
        scale, offset = 1.0, 0.0
    notes: dict[str, str | int | float] = {
        "product": "stac",
        "baseline": baseline,
        "offset_applied": offset,
        "offset_from": "user" if options.scales else f"baseline {baseline}",
        "name": str(item.get("id", "")),
    }
    is_toa = "1c" in str(item.get("collection", "")).casefold()
    quantity = "dn" if options.quantity == "dn" else "rho_toa" if is_toa else "rho_s"
    return _plan_of(files, item, (scale, offset), where, notes, quantity, f"S2{platform.group(1).upper()} MSI")


def _plan_of(
    files: Mapping[str, tuple[str, str]],
    item: Mapping[str, Any],
    scale: tuple[float, float],
    where: str,
    notes: Mapping[str, str | float],
    quantity: str,
    sensor: str,
) -> ScenePlan:
    known = sensor_bands("S2 MSI")
    remote = {name: key for name, (key, href) in files.items() if _REMOTE.match(href)}
    loaded = _load(item, remote, where) if remote else {}
    stacks, bands, classes = [], [], []
    for name, (_, href) in files.items():
        tile: Pixels = (
            loaded[name] if name in loaded else RasterPixels(Member(href, raster_driver(href)), bands=(1,), where=href)
        )
        stacks.append(Stack((tile,)))
        if name == "SCL":
            classes.append(FlagPlan(len(stacks) - 1, decode_scl))
            continue
        about = known[name]
        gsd_m = max(about.gsd_m, abs(tile.transform.a))
        bands.append(
            BandPlan(
                about.role,
                name,
                len(stacks) - 1,
                0,
                *scale,
                (0.0,),
                (65_535.0,),
                about.centre_nm,
                about.width_nm,
                gsd_m,
            )
        )
    said = item["properties"].get("datetime")
    moment = pd.to_datetime(str(said), utc=True) if said else None
    return ScenePlan(
        tuple(stacks),
        tuple(bands),
        quantity,
        tuple(classes),
        taken_at=moment,
        sensor=sensor,
        source_ref=where,
        notes=notes,
    )


def _files(item: Mapping[str, Any], home: Path | None) -> dict[str, tuple[str, str]]:
    """Return asset key and address by band."""
    found: dict[str, tuple[str, str]] = {}
    wanted = {*sensor_bands("S2 MSI"), "SCL"}
    for key, asset in item["assets"].items():
        short = key.casefold()
        if short.endswith("-jp2") or not isinstance(asset, dict):
            continue
        band = _KEYS.get(short, re.sub(r"_\d0M$", "", key.upper()))
        if band in wanted and band not in found:
            href = str(asset.get("href", "")).removeprefix("file://")
            is_local = not _REMOTE.match(href)
            found[band] = (
                key,
                str(home / href) if is_local and home is not None and not Path(href).is_absolute() else href,
            )
    return dict(sorted(found.items()))


def _load(item: Mapping[str, Any], remote: Mapping[str, str], where: str) -> dict[str, Pixels]:
    """Return the remote bands as odc-stac loads them: raw, lazily, each on its own grid."""
    try:
        import odc.stac
        import pystac
    except ImportError as error:
        msg = f"{where}: remote files are read through odc-stac; install outfall[stac], or fetch the files"
        raise SceneError(msg) from error
    import pyproj

    one = pystac.Item.from_dict(dict(item))
    found: dict[str, Pixels] = {}
    for name, key in remote.items():
        try:
            layer = odc.stac.load([one], bands=[key], chunks={}, resampling="nearest")[key].isel(time=0)
        except Exception as error:  # what a catalogue lacks arrives as one of many classes
            msg = f"{where}: odc-stac cannot place asset {key} ({error}); its proj:code, proj:shape and proj:transform must be stated"
            raise SceneError(msg) from error
        box = layer.odc.geobox
        place = pyproj.CRS(str(box.crs))
        found[name] = ArrayPixels((layer.data,), box.transform, place, nodata=(0.0,), where=f"{where}: {key}")
    return found
