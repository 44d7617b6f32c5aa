"""What does a Sentinel-2 product hold: SAFE folder or zip, or band files beside their metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, ReadError, SceneError
from outfall.scenes.flag_field import decode_scl
from outfall.scenes.open_pixels import RasterPixels
from outfall.scenes.products.plan import BandPlan, FlagPlan, Found, Product, ScenePlan, Stack
from outfall.scenes.products.sensor_bands import sensor_bands
from outfall.scenes.products.sentinel2_metadata import Metadata, read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Options

__all__ = ["SENTINEL2"]

_BAND = re.compile(r"(?:^|[/_.-])(B(?:0[1-9]|1[0-2]|8A)|SCL)(?:_(10|20|60)m)?\.(?:jp2|tiff?)$", re.IGNORECASE)


def _split(bundle: Bundle) -> list[list[str]]:
    """Return the files of each product: one per folder with a product document, else one per folder of bands."""
    bands = [name for name in bundle.names if _BAND.search(name)]
    documents = [name for name in bundle.names if name.casefold().endswith(".xml") and _is_document(bundle, name)]
    if not bands or not documents:
        return [documents] if documents and all("/" not in name for name in documents[:1]) and not bands else []
    homes = sorted({_home(name) for name in documents if "GRANULE" not in name} or {_home(documents[0])})
    parts = []
    for home in homes:
        mine = [name for name in bundle.names if not home or name.startswith(home + "/")]
        has = [name for name in mine if _BAND.search(name)]
        if has:
            parts.append([name for name in mine if _BAND.search(name) or name in documents])
    return parts


def _home(name: str) -> str:
    return name.rpartition("/")[0]


def _is_document(bundle: Bundle, name: str) -> bool:
    short = name.rpartition("/")[2].casefold()
    if not (
        short.startswith(("mtd_", "s2", "esa_s2", "metadata", "granule_metadata", "product_metadata")) or "mtd" in short
    ):
        return False
    head = bundle.read(name)[:2000]
    return any(mark in head for mark in (b"Level-2A_", b"Level-1C_"))


def _metadata(bundle: Bundle) -> Metadata:
    """Return what the documents of a product say together; the product's speaks before its tile's."""
    found = []
    for name in bundle.names:
        if name.casefold().endswith(".xml"):
            one = read_metadata(bundle.xml(name), where=bundle.where(name))
            if one is not None:
                found.append((name, one))
    if not found:
        msg = f"{bundle.path}: no MTD_MSIL2A.xml or MTD_TL.xml beside the bands; without it nobody knows the offset. Add it"
        raise ReadError(msg)
    found.sort(key=lambda item: (not item[1].offset_from.endswith("OFFSET"), item[0]))
    first = found[0][1]
    others = {one.baseline for _, one in found if one.baseline} - {first.baseline or found[-1][1].baseline}
    if others:
        problems = [Problem(bundle.where(name), f"baseline {one.baseline}") for name, one in found]
        msg = f"{bundle.path}: the metadata contradict each other about the processing baseline"
        raise SceneError(msg, problems, fix="keep the documents of one product")
    tile = next((one.sensing for _, one in found if "T" in one.sensing and one.offset_from.startswith("baseline")), "")
    return first._replace(sensing=tile or first.sensing, centres=first.centres or found[-1][1].centres)


def _best_files(bundle: Bundle) -> dict[str, str]:
    """Return the file of each band at its finest size."""
    found: dict[str, tuple[int, str]] = {}
    for name in bundle.names:
        hit = _BAND.search(name)
        if hit:
            rank = int(hit.group(2) or 0)
            band = hit.group(1).upper()
            if band not in found or rank < found[band][0]:
                found[band] = (rank, name)
    return {band: name for band, (_, name) in sorted(found.items())}


def _describe(bundle: Bundle) -> Found:
    said = _metadata(bundle)
    bands = tuple(_best_files(bundle))
    note = f"baseline {said.baseline}, offset {said.offsets.get('B04', 0.0):+g} from {said.offset_from}"
    quantity = "rho_s" if said.level == "2A" else "rho_toa"
    return Found(said.name or bundle.path.name, f"{said.platform} MSI", said.sensing, quantity, bands, note)


def _plan(bundle: Bundle, options: Options) -> ScenePlan:
    said, files = _metadata(bundle), _best_files(bundle)
    known = sensor_bands("S2 MSI")
    _refuse_options(bundle, options, files)
    as_stored = options.quantity == "dn"
    stacks: list[Stack] = []
    bands: list[BandPlan] = []
    classes: list[FlagPlan] = []
    for name, file in files.items():
        if name not in known and name != "SCL":
            continue
        tile = RasterPixels(bundle.raster(file), bands=(1,), where=bundle.where(file))
        stacks.append(Stack((tile,)))
        if name == "SCL":
            classes.append(FlagPlan(len(stacks) - 1, decode_scl))
            continue
        about = known[name]
        centre = said.centres.get(name, (about.centre_nm, about.width_nm))[0]
        scale, offset = 1 / said.quantification, said.offsets.get(name, 0.0) / said.quantification
        bands.append(
            BandPlan(
                about.role, name, len(stacks) - 1, 0, 1.0 if as_stored else scale, 0.0 if as_stored else offset,
                said.fills, said.saturated, centre, about.width_nm, max(about.gsd_m, abs(tile.transform.a)),
            )
        )  # fmt: skip
    quantity = "dn" if as_stored else "rho_s" if said.level == "2A" else "rho_toa"
    notes: dict[str, str | int | float] = {
        "product": "sentinel2",
        "baseline": said.baseline,
        "offset_applied": 0.0 if as_stored else said.offsets.get("B04", 0.0),
        "offset_from": said.offset_from,
        "name": said.name,
    }
    moment = pd.to_datetime(said.sensing, utc=True) if said.sensing else None
    return ScenePlan(
        tuple(stacks), tuple(bands), quantity, tuple(classes),
        taken_at=moment, sensor=f"{said.platform} MSI", source_ref=str(bundle.path), notes=notes,
    )  # fmt: skip


def _refuse_options(bundle: Bundle, options: Options, files: Mapping[str, str]) -> None:
    problems = []
    if options.scales is not None:
        problems.append(
            Problem("scales", "the product states its own; numbers would be scaled twice", "leave scales out")
        )
    if options.quantity not in {None, "dn", "rho_s", "rho_toa"}:
        problems.append(
            Problem(
                "quantity", f"{options.quantity!r}; the product holds reflectance", "leave it out, or use as_quantity"
            )
        )
    if options.roles is not None and not isinstance(options.roles, tuple):
        problems.append(Problem("roles", "the product names its bands", "give a list of the roles you want"))
    if not set(files) - {"SCL"}:
        problems.append(Problem("bands", "no band file (B02 … B12)", "fetch the product again"))
    if problems:
        msg = f"{bundle.path}: the Sentinel-2 product cannot be opened like this"
        raise SceneError(msg, problems)


SENTINEL2 = Product(
    "sentinel2", "哨兵二号 SAFE 目录、zip 或波段文件加元数据 XML", "Sentinel-2 SAFE folder or zip, or band files with their metadata XML",
    _split, _describe, _plan,
)  # fmt: skip
