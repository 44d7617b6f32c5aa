"""What does the XMP packet of a photo say, in whichever form it was written.

Cameras write attributes, photo viewers one long line, editors elements: all three carry the same names.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_gdal_items", "read_number", "read_packet"]

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PACKET = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>|<rdf:RDF.*?</rdf:RDF>", re.DOTALL)
_DEGREES = re.compile(r"^\s*(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*$")


def read_packet(raw: bytes) -> dict[str, str]:
    """Return what the XMP packet says, by our field names.

    Parameters
    ----------
    raw : bytes
        The packet, or any bytes that contain one; empty gives an empty answer.

    Returns
    -------
    dict of str to str
        Only fields of ``tags.csv`` that are there, as text.

    Raises
    ------
    ValueError
        The packet is not well-formed, or declares entities.

    Examples
    --------
    >>> read_packet(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    ...             b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    ...             b'xmlns:d="http://www.dji.com/drone-dji/1.0/" d:RtkFlag="50"/></rdf:RDF></x:xmpmeta>')
    {'rtk_flag': '50'}
    >>> read_packet(b"")
    {}
    """
    from defusedxml import ElementTree

    found = _PACKET.search(raw)
    if found is None:
        return {}
    try:
        root = ElementTree.fromstring(found.group(0))
    except ParseError as error:
        msg = f"the XMP packet is damaged ({error})"
        raise ValueError(msg) from error
    said: dict[str, str] = {}
    for description in root.iter(f"{_RDF}Description"):
        pairs = [*description.attrib.items(), *((child.tag, child.text or "") for child in description)]
        for name, text in pairs:
            field = _fields().get(str(name).rpartition("}")[2])
            if field is not None and text.strip():
                said.setdefault(field, text.strip())
    return said


def read_gdal_items(text: str) -> dict[str, str]:
    """Return the EXIF tags that GDAL keeps as XML in a TIFF, by their names.

    Parameters
    ----------
    text : str
        The value of the tag 42112.

    Returns
    -------
    dict of str to str
        Without the prefix ``EXIF_``.

    Raises
    ------
    ValueError
        The text is not well-formed, or declares entities.

    Examples
    --------
    >>> read_gdal_items('<GDALMetadata><Item name="EXIF_Model">FC6310R</Item></GDALMetadata>')
    {'Model': 'FC6310R'}
    """
    from defusedxml import ElementTree

    try:
        root = ElementTree.fromstring(text.strip("\x00 \n"))
    except ParseError as error:
        msg = f"the GDAL metadata are damaged ({error})"
        raise ValueError(msg) from error
    items = ((str(item.get("name", "")), item.text or "") for item in root.iter("Item"))
    return {name.removeprefix("EXIF_"): value.strip() for name, value in items if name.startswith("EXIF_")}


def read_number(text: object) -> float | None:
    """Return the number a tag holds, or None: ``+39.80``, ``24,40.8167N`` and plain numbers are understood.

    Examples
    --------
    >>> read_number("+39.80"), read_number("24,30.0S"), read_number("Undefined"), read_number("nan")
    (39.8, -24.5, None, None)
    """
    degrees = _DEGREES.match(str(text))
    if degrees is not None:
        whole, minutes, seconds, letter = degrees.groups()
        value = float(whole) + float(minutes) / 60 + float(seconds or 0) / 3600
        return -value if letter in "SW" else value
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


@cache
def _fields() -> Mapping[str, str]:
    text = files("outfall.camera").joinpath("tags.csv").read_text(encoding="utf-8")
    return {row["tag"]: row["field"] for row in csv.DictReader(text.splitlines())}
