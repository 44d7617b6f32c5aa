"""What does a Landsat Collection 2 Level 2 product hold: surface reflectance, surface temperature and their quality."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, ReadError, SceneError
from outfall.scenes.flag_field import decode_qa_pixel, flags
from outfall.scenes.open_pixels import RasterPixels
from outfall.scenes.products.plan import BandPlan, ExtraPlan, FlagPlan, Found, Product, ScenePlan, Stack
from outfall.scenes.products.sensor_bands import sensor_bands

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Options

__all__ = ["LANDSAT", "read_mtl"]

# Collection 2 Level 2, where the metadata says nothing.
_REFLECTANCE = (2.75e-5, -0.2)
_TEMPERATURE = (0.00341802, 149.0)
_HUNDREDTH = 0.01
_MISSING = -9999.0
_PART = re.compile(r"^(L[COTEM]\d\d_L\d\w\w_\d{6}_\d{8}_\d{8}_\d\d_\w\w)_(.+)\.(TIFF?|txt|xml)$", re.IGNORECASE)
_SENSORS = {8: "OLI", 9: "OLI", 7: "ETM", 5: "TM", 4: "TM"}
_LINE = re.compile(r"^\s*([A-Z0-9_]+)\s*=\s*\"?(.*?)\"?\s*$")


def read_mtl(bundle: Bundle) -> dict[str, str]:
    """Return what the metadata says, by name; the first of a name counts, which is that of Level 2.

    Parameters
    ----------
    bundle : Bundle
        Files of one scene, with ``_MTL.txt`` or ``_MTL.xml``.

    Returns
    -------
    dict of str to str
        Values as they are written.

    Raises
    ------
    ReadError
        No metadata, or none of a Landsat scene.
    """
    names = [name for name in bundle.names if re.search(r"_MTL\.(txt|xml)$", name, re.IGNORECASE)]
    if not names:
        msg = f"{bundle.path}: no _MTL.txt or _MTL.xml beside the bands; without it nobody knows their scale. Add it"
        raise ReadError(msg)
    found: dict[str, str] = {}
    name = min(names)
    if name.casefold().endswith(".xml"):
        for item in bundle.xml(name).iter():
            if not len(item):
                found.setdefault(item.tag, (item.text or "").strip())
    else:
        for line in bundle.read(name).decode("utf-8", errors="replace").splitlines():
            hit = _LINE.match(line)
            if hit and hit.group(1) not in {"GROUP", "END_GROUP"}:
                found.setdefault(hit.group(1), hit.group(2))
    if "SPACECRAFT_ID" not in found:
        msg = f"{bundle.where(name)}: names no SPACECRAFT_ID; the metadata is damaged, fetch it again"
        raise ReadError(msg)
    return found


def _split(bundle: Bundle) -> list[list[str]]:
    scenes: dict[str, list[str]] = {}
    for name in bundle.names:
        hit = _PART.match(name.rpartition("/")[2])
        if hit:
            scenes.setdefault(name.rpartition("/")[0] + "/" + hit.group(1), []).append(name)
    return [names for names in scenes.values() if any(name.casefold().endswith((".tif", ".tiff")) for name in names)]


def _rasters(bundle: Bundle) -> dict[str, str]:
    found = {}
    for name in bundle.names:
        hit = _PART.match(name.rpartition("/")[2])
        if hit and hit.group(3).casefold().startswith("tif"):
            found[hit.group(2).upper()] = name
    return found


def _satellite(said: Mapping[str, str]) -> int:
    hit = re.search(r"(\d)$", said["SPACECRAFT_ID"])
    number = int(hit.group(1)) if hit else 0
    if number not in _SENSORS:
        msg = f"SPACECRAFT_ID: {said['SPACECRAFT_ID']!r} is not known; expected LANDSAT_4, 5, 7, 8 or 9"
        raise SceneError(msg)
    return number


def _sensor(said: Mapping[str, str]) -> str:
    number = _satellite(said)
    return f"L{number} {_SENSORS[number]}"


def _moment(said: Mapping[str, str]) -> pd.Timestamp | None:
    text = f"{said.get('DATE_ACQUIRED', '')}T{said.get('SCENE_CENTER_TIME', '')}"
    try:
        return pd.to_datetime(text, utc=True)
    except ValueError:
        return None


def _describe(bundle: Bundle) -> Found:
    said = read_mtl(bundle)
    moment = _moment(said)
    bands = tuple(_rasters(bundle))
    level = said.get("PROCESSING_LEVEL", "")
    note = "" if level.startswith("L2") else f"{level} is not opened: order Level 2"
    return Found(said.get("LANDSAT_PRODUCT_ID", ""), _sensor(said), str(moment or ""), "rho_s", bands, note)


def _plan(bundle: Bundle, options: Options) -> ScenePlan:
    said = read_mtl(bundle)
    files = _rasters(bundle)
    _refuse(bundle, said, options, files)
    stacks: list[Stack] = []

    def lay(name: str) -> int:
        stacks.append(Stack((RasterPixels(bundle.raster(files[name]), bands=(1,), where=bundle.where(files[name])),)))
        return len(stacks) - 1

    bands, as_stored = [], options.quantity == "dn"
    for name, about in sensor_bands(_SENSORS[_satellite(said)]).items():
        key = name if name.startswith("ST_") else f"SR_{name}"
        if key in files:
            at = lay(key)
            scale, offset = (1.0, 0.0) if as_stored else _scale(said, name, bundle)
            gsd_m = max(about.gsd_m, abs(stacks[at].tiles[0].transform.a))
            bands.append(
                BandPlan(
                    about.role, key, at, 0, scale, offset, (0.0,), (), about.centre_nm, about.width_nm, gsd_m,
                    "temperature" if about.role == "thermal" and not as_stored else "",
                )
            )  # fmt: skip
    decoders = {"QA_PIXEL": (decode_qa_pixel, 1), "QA_RADSAT": (_saturated, 0), "SR_QA_AEROSOL": (_aerosol, 0)}
    classes = [FlagPlan(lay(name), *how) for name, how in decoders.items() if name in files]
    extras = [_extra(name, lay(name)) for name in ("ST_QA", "ST_CDIST") if name in files]
    notes: dict[str, str | int | float] = {
        "product": "landsat",
        "baseline": f"Collection {said.get('COLLECTION_NUMBER', '02')} {said.get('PROCESSING_LEVEL', '')}",
        "offset_applied": 0.0 if as_stored else _REFLECTANCE[1],
        "offset_from": "MTL",
        "name": said.get("LANDSAT_PRODUCT_ID", ""),
    }
    return ScenePlan(
        tuple(stacks), tuple(bands), "dn" if as_stored else "rho_s", tuple(classes), tuple(extras),
        _moment(said), _sensor(said), str(bundle.path), notes,
    )  # fmt: skip


def _refuse(bundle: Bundle, said: Mapping[str, str], options: Options, files: Mapping[str, str]) -> None:
    problems = []
    level = said.get("PROCESSING_LEVEL", "")
    if not level.startswith("L2"):
        problems.append(Problem("PROCESSING_LEVEL", f"{level!r}", "order the Level 2 product (surface reflectance)"))
    if said.get("COLLECTION_NUMBER", "02").lstrip("0") != "2":
        problems.append(Problem("COLLECTION_NUMBER", said["COLLECTION_NUMBER"], "fetch the scene of Collection 2"))
    if options.scales is not None:
        problems.append(
            Problem("scales", "the product states its own; numbers would be scaled twice", "leave scales out")
        )
    if options.quantity not in {None, "dn", "rho_s"}:
        problems.append(
            Problem("quantity", f"{options.quantity!r}; the product holds surface reflectance", "leave it out")
        )
    if options.roles is not None and not isinstance(options.roles, tuple):
        problems.append(Problem("roles", "the product names its bands", "give a list of the roles you want"))
    if "QA_PIXEL" not in files:
        problems.append(Problem("QA_PIXEL", "missing: clouds and fill would not be known", "add the file"))
    if not any(name.startswith(("SR_B", "ST_B")) for name in files):
        problems.append(Problem("bands", "no SR_B… or ST_B… file", "add the band files"))
    if problems:
        msg = f"{bundle.path}: the Landsat product cannot be opened like this"
        raise SceneError(msg, problems)


def _scale(said: Mapping[str, str], name: str, bundle: Bundle) -> tuple[float, float]:
    """Return scale and offset of a band from the metadata; those of Collection 2 where it is silent."""
    if name.startswith("ST_"):
        keys, default = (f"TEMPERATURE_MULT_BAND_{name}", f"TEMPERATURE_ADD_BAND_{name}"), _TEMPERATURE
    else:
        keys = f"REFLECTANCE_MULT_BAND_{name[1:]}", f"REFLECTANCE_ADD_BAND_{name[1:]}"
        default = _REFLECTANCE
    if keys[0] not in said or keys[1] not in said:
        return default
    try:
        stated = float(said[keys[0]]), float(said[keys[1]])
    except ValueError as error:
        msg = f"{bundle.path}: {keys[0]} = {said[keys[0]]!r}, {keys[1]} = {said[keys[1]]!r} are no numbers; fetch the MTL again"
        raise SceneError(msg) from error
    if not np.allclose(stated, default, rtol=0.01):
        msg = f"{bundle.path}: {keys[0]} = {stated[0]:g}, {keys[1]} = {stated[1]:g}; Collection 2 Level 2 has {default[0]:g}, {default[1]:g}: the MTL belongs to another level"
        raise SceneError(msg)
    return stated


def _saturated(bits: np.ndarray) -> np.ndarray:
    return np.where(bits & 0x7F, flags()["saturated"].mask, 0).astype(np.uint16)


def _aerosol(bits: np.ndarray) -> np.ndarray:
    return np.where((bits >> 6) & 3 == 3, flags()["aerosol"].mask, 0).astype(np.uint16)


def _extra(name: str, at: int) -> ExtraPlan:
    if name == "ST_QA":
        about = {"band": name, "units": "K", "long_name": "standard uncertainty of surface temperature"}
        return ExtraPlan(
            "thermal_sigma_k", BandPlan("", name, at, 0, _HUNDREDTH, 0.0, (_MISSING,), quantity="dn"), about
        )
    about = {"band": name, "units": "km", "long_name": "distance to the nearest cloud"}
    return ExtraPlan("cloud_distance_km", BandPlan("", name, at, 0, _HUNDREDTH, 0.0, (_MISSING,), quantity="dn"), about)


LANDSAT = Product(
    "landsat", "Landsat 4-9 Collection 2 二级产品（含 MTL 的目录、tar）", "Landsat 4-9 Collection 2 Level 2 with its MTL (folder or tar)",
    _split, _describe, _plan,
)  # fmt: skip
