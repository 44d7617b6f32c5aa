"""What does the XMP packet of a photo say, in whichever form it was written.

Cameras write attributes, photo viewers one long line, editors elements, phones a second packet: all carry the same
names. The same name means different things at different makers, so the namespace counts where it must.
"""

from __future__ import annotations

import csv
import math
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

__all__ = ["read_gdal_items", "read_number", "read_packet"]

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PACKET = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>|<rdf:RDF.*?</rdf:RDF>", re.DOTALL)
_DEGREES = re.compile(r"^\s*(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*$")
_FRACTION = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
_MAX_BYTES = 8_000_000
_MAX_PACKETS = 16


class _Tag(NamedTuple):
    field: str
    space: str


def read_packet(raw: bytes) -> dict[str, str]:
    """Return what the XMP packets say, by our field names; what an earlier packet says stands.

    Parameters
    ----------
    raw : bytes
        One packet, several, or any bytes that contain some; empty gives an empty answer.

    Returns
    -------
    dict of str to str
        Only fields of ``tags.csv`` that are there, as text.

    Raises
    ------
    ValueError
        A packet is not well-formed, is a trap of 8 MB and more, or declares entities.

    Examples
    --------
    >>> read_packet(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    ...             b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    ...             b'xmlns:d="http://www.dji.com/drone-dji/1.0/" d:RtkFlag="50"/></rdf:RDF></x:xmpmeta>')
    {'rtk_flag': '50'}
    >>> read_packet(b"")
    {}
    """
    if len(raw) > _MAX_BYTES:
        msg = f"its XMP has {len(raw) / 1e6:.0f} MB"
        raise ValueError(msg)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raw = raw.decode("utf-16", "replace").encode()
    said: dict[str, str] = {}
    for number, found in enumerate(_PACKET.finditer(raw)):
        if number < _MAX_PACKETS:
            for field, text in _fields(found.group(0)):
                said.setdefault(field, text)
    return said


def _fields(packet: bytes) -> Iterator[tuple[str, str]]:
    root = _parse(packet, "XMP packet is")
    for description in root.iter(f"{_RDF}Description"):
        for name, text in _pairs(description):
            field = _known(name)
            if field is not None and text.strip():
                yield field, text.strip()


def _pairs(description: Element) -> Iterator[tuple[str, str]]:
    """Return name and text of each statement; a part of a structure has the name of the structure in front."""
    yield from ((str(name), str(value)) for name, value in description.attrib.items())
    for child in description:
        yield str(child.tag), child.text or ""
        outer = str(child.tag).rpartition("}")[2]
        for part in (child, *child.iter(f"{_RDF}Description")):
            inside = [*part.attrib.items(), *((inner.tag, inner.text or "") for inner in part)]
            for name, text in inside:
                space, _, local = str(name).rpartition("}")
                yield f"{space}}}{outer}/{local}", str(text)


def _known(name: str) -> str | None:
    space, _, local = name.rpartition("}")
    known = (tag.field for tag in _tags().get(local, ()) if tag.space in space.casefold())
    return next(known, None)


def _parse(raw: bytes | str, what: str) -> Element:
    from defusedxml import ElementTree

    try:
        root: Element = ElementTree.fromstring(raw)
    except ParseError as error:
        msg = f"the {what} damaged ({error})"
        raise ValueError(msg) from error
    return root


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
    root = _parse(text.strip("\x00 \n"), "GDAL metadata are")
    items = ((str(item.get("name", "")), item.text or "") for item in root.iter("Item"))
    return {name.removeprefix("EXIF_"): value.strip() for name, value in items if name.startswith("EXIF_")}


def read_number(text: object) -> float | None:
    """Return the number a tag holds, or None: ``+39.80``, ``24,40.8167N``, ``1234/100`` and plain numbers are understood.

    Examples
    --------
    >>> read_number("+39.80"), read_number("24,30.0S"), read_number("1234/100")
    (39.8, -24.5, 12.34)
    >>> read_number("Undefined"), read_number("nan"), read_number("1/0")
    (None, None, None)
    """
    written = str(text)
    degrees = _DEGREES.match(written)
    if degrees is not None:
        whole, minutes, seconds, letter = degrees.groups()
        value = float(whole) + float(minutes) / 60 + float(seconds or 0) / 3600
        return -value if letter in "SW" else value
    fraction = _FRACTION.match(written)
    if fraction is not None:
        below = float(fraction.group(2))
        return float(fraction.group(1)) / below if below else None
    try:
        number = float(written)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@cache
def _tags() -> Mapping[str, tuple[_Tag, ...]]:
    text = files("outfall.camera").joinpath("tags.csv").read_text(encoding="utf-8")
    known: dict[str, tuple[_Tag, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        known[row["tag"]] = (*known.get(row["tag"], ()), _Tag(row["field"], row["space"]))
    return known
