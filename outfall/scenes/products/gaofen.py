"""What does a product of GF-1, GF-2, GF-6, HJ-2 or ZY-3 hold: images in sensor geometry, their metadata and polynomials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import Problem, ReadError, SceneError
from outfall.scenes.open_pixels import RasterPixels
from outfall.scenes.orthorectify import read_rpc
from outfall.scenes.products.plain import local_moment
from outfall.scenes.products.plan import BandPlan, Found, Product, ScenePlan, Stack
from outfall.scenes.products.sensor_bands import SensorBand, find_gains, gain_years, sensor_bands

if TYPE_CHECKING:
    import pandas as pd

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Options

__all__ = ["GAOFEN"]

_PART = re.compile(
    r"^((?:GF[126][A-D]?|HJ2[AB]|ZY3(?:[-_]?0?[123])?)_[A-Z0-9]+_.*?L[1-4][A-Z]?\d+)(?:[-_](.+?))?\.(tiff?|xml|rpb|rpc|txt)$",
    re.IGNORECASE,
)
_CLOCK = "Asia/Shanghai"  # our default: the metadata name no zone
_NOTES = {
    "GF-6 WFV": "B5 at 700.5 nm is taken for red_edge_1 (705 nm within 10)",
    "HJ-2A CCD": "B5 at 720.5 nm is red_edge_2: no red edge near 705 nm, so no NDCI",
    "HJ-2B CCD": "B5 at about 720 nm is red_edge_2: no red edge near 705 nm, so no NDCI",
}


class _Said(NamedTuple):
    """What the metadata says about a scene."""

    satellite: str
    sensor: str
    clock: str
    zone: str = ""

    @property
    def name(self) -> str:
        """Platform and instrument."""
        return f"{self.satellite} {self.sensor}"


def _split(bundle: Bundle) -> list[list[str]]:
    scenes: dict[str, list[str]] = {}
    for name in bundle.names:
        hit = _PART.match(name.rpartition("/")[2])
        if hit:
            scenes.setdefault(hit.group(1).upper(), []).append(name)
    return [names for _, names in sorted(scenes.items()) if any(_is_image(name) for name in names)]


def _is_image(name: str) -> bool:
    return name.casefold().endswith((".tif", ".tiff"))


def _part(name: str) -> str:
    """Return which part of a scene a file is: ``MSS1``, ``PAN1``, ``2`` …; empty for the whole."""
    hit = _PART.match(name.rpartition("/")[2])
    return (hit.group(2) or "").upper() if hit else ""


def _read_said(bundle: Bundle) -> _Said:
    texts: dict[str, str] = {}
    documents = [name for name in bundle.names if name.casefold().endswith(".xml")]
    documents.sort(key=lambda name: ("PAN" in _part(name), name))
    for name in documents:
        for item in bundle.xml(name).iter():
            texts.setdefault(item.tag.rpartition("}")[2], (item.text or "").strip())
    if not documents or not texts.get("SatelliteID") or not texts.get("SensorID"):
        lacks = "no .xml beside the images" if not documents else "the .xml names no SatelliteID or SensorID"
        msg = f"{bundle.path}: {lacks}; without it nobody knows satellite, sensor and time. Add the .xml of the scene"
        raise ReadError(msg)
    clock = next((texts[key] for key in ("CenterTime", "StartTime", "EndTime", "ReceiveTime") if texts.get(key)), "")
    return _Said(_satellite(texts["SatelliteID"]), texts["SensorID"].upper(), clock)


def _satellite(text: str) -> str:
    plain = text.upper().replace("-", "").replace("_", "")
    number = re.fullmatch(r"ZY3(?:0?([123]))?", plain)
    if number:
        return f"ZY3-{number.group(1) or 1}"
    return re.sub(r"^(GF|HJ)(\d)", r"\1-\2", plain)


def _bands_of(said: _Said) -> dict[str, SensorBand]:
    """Return the bands of a sensor: its own, else those of its kind, whose wavelengths are then not said."""
    kind = re.sub(r"\d+$", "", said.sensor)
    family = {"GF-1B": "GF-1", "GF-1C": "GF-1", "HJ-2A": "HJ-2", "HJ-2B": "HJ-2"}.get(said.satellite, said.satellite)
    family = "ZY-3" if family.startswith("ZY3") else family
    for name in (said.name, f"{said.satellite} {kind}", f"{family} {kind}"):
        if sensor_bands(name):
            return sensor_bands(name)
    msg = f"sensor: {said.name} is not in the table of sensors; open its GeoTIFF with roles="
    raise SceneError(msg)


def _describe(bundle: Bundle) -> Found:
    said = _read_said(bundle)
    moment = _moment(said, None)[0]
    images = tuple(_part(name) or "image" for name in bundle.names if _is_image(name))
    years = gain_years(said.satellite, said.sensor)
    note = f"gains known for {', '.join(map(str, years)) or 'no year'}"
    return Found(bundle.names[0].rpartition("/")[2], said.name, str(moment or ""), "radiance", images, note)


def _moment(said: _Said, options: Options | None) -> tuple[pd.Timestamp | None, str]:
    from outfall.scenes.products.plan import Options as Given

    if options is not None and options.taken_at is not None:
        return local_moment(said.clock, options)
    moment, origin = local_moment(said.clock, Given(taken_at=_CLOCK))
    return moment, origin.replace(f"taken to be in {_CLOCK}", "taken for China Standard Time (our default)")


def _plan(bundle: Bundle, options: Options) -> ScenePlan:
    said = _read_said(bundle)
    known = _bands_of(said)
    moment, clock = _moment(said, options)
    images = [name for name in bundle.names if _is_image(name)]
    used = [name for name in images if "PAN" not in _part(name)] or images
    tiles, problems = _tiles(bundle, used)
    is_pan = "PAN" in _part(used[0])
    names = [name for name in known if (name == "PAN") == is_pan]
    problems += _misfits(said, tiles, names, options)
    gains, sources = _gains(said, names, known, moment, options, problems)
    if problems:
        msg = f"{bundle.path}: the {said.name} product cannot be opened like this"
        raise SceneError(msg, problems)
    bands = tuple(_band(known[name], at, gains[name]) for at, name in enumerate(names))
    is_told = all(np.isfinite(one.centre_nm) for one in bands)
    notes: dict[str, str | int | float] = {
        "product": "cresda",
        "taken_at_from": clock,
        "gain_source": sources,
        "offset_applied": bands[0].offset,
        "offset_from": "" if options.quantity == "dn" else "user" if options.scales is not None else "table of gains",
        "band_note": next((text for start, text in _NOTES.items() if said.name.startswith(start)), ""),
        "left_out": " ".join(name.rpartition("/")[2] for name in images if name not in used),
        "assumed_from": "" if is_told else "centre wavelengths of this sensor are not in the table: bands by role only",
    }
    return ScenePlan(
        (Stack(tuple(tiles), zero_is_fill=True),), bands, "dn" if options.quantity == "dn" else "radiance", taken_at=moment,
        sensor=said.name, source_ref=str(bundle.path), notes={key: text for key, text in notes.items() if text != ""},
    )  # fmt: skip


def _band(about: SensorBand, at: int, gain: tuple[float, float]) -> BandPlan:
    return BandPlan(
        about.role, about.band, 0, at, *gain, fills=(0.0,), centre_nm=about.centre_nm, width_nm=about.width_nm, gsd_m=about.gsd_m
    )  # fmt: skip


def _misfits(said: _Said, tiles: list[RasterPixels], names: list[str], options: Options) -> list[Problem]:
    """Return what of images and options does not fit the sensor."""
    problems = []
    if any(tile.count != len(names) for tile in tiles):
        counts = ", ".join(str(tile.count) for tile in tiles)
        problems.append(
            Problem("bands", f"{counts} in the images; {said.name} has {len(names)}", "fetch the product again")
        )
    if options.quantity not in {None, "dn", "radiance"}:
        what = f"{options.quantity!r}; the product holds numbers that become radiance"
        problems.append(Problem("quantity", what, "correct the atmosphere first, or leave it out"))
    return problems


def _tiles(bundle: Bundle, images: list[str]) -> tuple[list[RasterPixels], list[Problem]]:
    """Return the images of a scene, each with its polynomials where it is not on the ground yet."""
    tiles, problems = [], []
    for name in images:
        tile = RasterPixels(bundle.raster(name), where=bundle.where(name))
        stem = name.rpartition(".")[0]
        beside = [
            one for one in bundle.names if one.rpartition(".")[0] in {stem, f"{stem}_rpc"} and _is_polynomial(one)
        ]
        if tile.crs is None and beside:
            tile.rpc = read_rpc(bundle.read(beside[0]).decode("ascii", errors="replace"), where=bundle.where(beside[0]))
        if tile.crs is None and tile.rpc is None:
            problems.append(
                Problem(name, "is not orthorectified (L1A) and has no .rpb beside it", "add the .rpb of the scene")
            )
        tiles.append(tile)
    return tiles, problems


def _is_polynomial(name: str) -> bool:
    return name.casefold().endswith((".rpb", ".rpc", "_rpc.txt"))


def _gains(
    said: _Said,
    names: list[str],
    known: dict[str, SensorBand],
    moment: pd.Timestamp | None,
    options: Options,
    problems: list[Problem],
) -> tuple[dict[str, tuple[float, float]], str]:
    """Return gain and bias by band: as stored, as the user says, or of exactly this satellite, sensor and year."""
    if options.quantity == "dn":
        return dict.fromkeys(names, (1.0, 0.0)), ""
    given = options.scales
    if given is not None:
        by_name = dict.fromkeys(names, given) if isinstance(given, tuple) else given
        found = {name: by_name.get(name, by_name.get(known[name].role)) for name in names}
        lacks = [name for name, one in found.items() if one is None]
        if lacks:
            problems.append(Problem("scales", f"no gain for {', '.join(lacks)}", "give (gain, bias) for every band"))
        return {name: (float(one[0]), float(one[1])) for name, one in found.items() if one is not None}, "user"
    year = moment.tz_convert(_CLOCK).year if moment is not None else 0
    table = find_gains(said.satellite, said.sensor, year)
    lacks = [name for name in names if name not in table]
    if lacks:
        years = ", ".join(map(str, gain_years(said.satellite, said.sensor))) or "none"
        problems.append(
            Problem(
                "gains",
                f"no sourced gain of {said.name} in {year or 'an unknown year'} for {', '.join(lacks)} (years with some: {years}); gains of another year are never used",
                "give scales={'B1': (gain, bias), …} from the bulletin of that year, or quantity='dn'",
            )
        )
    return {name: one[:2] for name, one in table.items()}, "; ".join(sorted({one[2] for one in table.values()}))


GAOFEN = Product(
    "cresda", "高分一号/二号/六号、环境二号、资源三号（目录或 tar.gz，含 XML 与 RPB）",
    "GF-1, GF-2, GF-6, HJ-2 and ZY-3 with their XML and .rpb (folder or tar.gz)",
    _split, _describe, _plan,
)  # fmt: skip
