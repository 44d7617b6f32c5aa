"""Which offset, baseline, moment and wavelengths does the XML of a Sentinel-2 product state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import SceneError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

__all__ = ["BANDS", "FIRST_WITH_OFFSET", "Metadata", "offset_of_baseline", "read_metadata"]

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
FIRST_WITH_OFFSET = 4.0
_OFFSET = -1000.0
_QUANTIFICATION = 10_000.0
_SATURATED = 65_535.0
_BASELINE_IN_ID = re.compile(r"_N(\d\d)\.?(\d\d)(?:_|$)")
_ROOT = re.compile(r"Level-(1C|2A)_(User_Product|Tile_ID)$")
_PLATFORM = re.compile(r"(?:S|Sentinel-)2([ABCD])", re.IGNORECASE)


class Metadata(NamedTuple):
    """What the XML of a product says: offsets as it states them, or as its processing baseline implies."""

    level: str
    baseline: str
    offsets: Mapping[str, float]
    offset_from: str
    quantification: float = _QUANTIFICATION
    saturated: tuple[float, ...] = (_SATURATED,)
    fills: tuple[float, ...] = (0.0,)
    sensing: str = ""
    platform: str = ""
    centres: Mapping[str, tuple[float, float]] = {}
    name: str = ""


def offset_of_baseline(baseline: str) -> float:
    """Return what a processing baseline adds to the numbers before it stores them, with the sign of the metadata.

    Raises
    ------
    SceneError
        It is no baseline.

    Examples
    --------
    >>> offset_of_baseline("02.14"), offset_of_baseline("05.00")
    (0.0, -1000.0)
    """
    try:
        number = float(baseline)
    except ValueError as error:
        msg = f"processing baseline: {baseline!r} is none; expected two numbers such as 05.09"
        raise SceneError(msg) from error
    return _OFFSET if number >= FIRST_WITH_OFFSET else 0.0


def read_metadata(root: Element, *, where: str) -> Metadata | None:
    """Return what one XML of a product says; None where it is another document.

    Parameters
    ----------
    root : Element
        Of ``MTD_MSIL2A.xml``, ``MTD_MSIL1C.xml`` or ``MTD_TL.xml``.
    where : str
        Name for messages.

    Returns
    -------
    Metadata or None
        Offsets by band.

    Raises
    ------
    SceneError
        It names neither an offset nor a baseline.
    """
    found = _ROOT.search(root.tag)
    if found is None:
        return None
    texts: dict[str, str] = {}
    for item in root.iter():
        texts.setdefault(item.tag.rpartition("}")[2], (item.text or "").strip())
    named = _BASELINE_IN_ID.search(texts.get("TILE_ID", "") + "_")
    baseline = texts.get("PROCESSING_BASELINE") or (f"{named.group(1)}.{named.group(2)}" if named else "")
    is_surface = found.group(1) == "2A"
    offsets = _offsets(root, "BOA_ADD_OFFSET" if is_surface else "RADIO_ADD_OFFSET", where)
    if not offsets and not baseline:
        msg = f"{where}: names neither an offset nor a processing baseline; fetch the metadata of the product again"
        raise SceneError(msg)
    said = f"{'BOA' if is_surface else 'RADIO'}_ADD_OFFSET" if offsets else f"baseline {baseline}"
    special = _special_values(root)
    stated = texts.get("BOA_QUANTIFICATION_VALUE" if is_surface else "QUANTIFICATION_VALUE", "")
    platform = _PLATFORM.search(texts.get("SPACECRAFT_NAME", "") or texts.get("TILE_ID", ""))
    return Metadata(
        level=found.group(1),
        baseline=baseline,
        offsets=offsets or dict.fromkeys(BANDS, offset_of_baseline(baseline)),
        offset_from=said,
        quantification=_positive(stated, where),
        saturated=special.get("SATURATED", (_SATURATED,)),
        fills=special.get("NODATA", (0.0,)),
        sensing=texts.get("SENSING_TIME") or texts.get("PRODUCT_START_TIME", ""),
        platform=f"S2{platform.group(1).upper()}" if platform else "S2",
        centres=_centres(root),
        name=texts.get("PRODUCT_URI", "") or texts.get("TILE_ID", ""),
    )


def _positive(text: str, where: str) -> float:
    try:
        number = float(text or _QUANTIFICATION)
    except ValueError:
        number = np.nan
    if not number > 0:
        msg = f"{where}: a quantification value of {text!r} is none; expected 10000. Fetch the metadata again"
        raise SceneError(msg)
    return number


def _offsets(root: Element, tag: str, where: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in root.iter():
        if item.tag.rpartition("}")[2] == tag:
            try:
                found[BANDS[int(item.get("band_id", ""))]] = float(item.text or "")
            except (ValueError, IndexError) as error:
                msg = f"{where}: {tag} {item.text!r} of band {item.get('band_id')!r} is none; fetch the metadata again"
                raise SceneError(msg) from error
    return found


def _special_values(root: Element) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for item in root.iter():
        if item.tag.rpartition("}")[2] == "Special_Values":
            said = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in item}
            value = said.get("SPECIAL_VALUE_INDEX", "")
            if value.lstrip("-").isdigit():
                found[said.get("SPECIAL_VALUE_TEXT", "")] = (float(value),)
    return found


def _centres(root: Element) -> dict[str, tuple[float, float]]:
    """Return centre and width of the response by band, as the product states them."""
    found: dict[str, tuple[float, float]] = {}
    for item in root.iter():
        if item.tag.rpartition("}")[2] != "Spectral_Information":
            continue
        said = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in item.iter()}
        name, centre = _padded(item.get("physicalBand", "")), said.get("CENTRAL", "")
        if name in BANDS and re.fullmatch(r"\d+(\.\d+)?", centre):
            found[name] = (float(centre), np.nan)
    return found


def _padded(name: str) -> str:
    return f"B0{name[1:]}" if re.fullmatch(r"B\d", name) else name
