"""Photos as drones write them, small enough to make in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTES = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {}/></rdf:RDF></x:xmpmeta>'
)
_ELEMENTS = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/">{}</rdf:Description></rdf:RDF></x:xmpmeta>'
)


def packet(fields, *, form="attributes"):
    """Return an XMP packet in one of its forms."""
    if form == "attributes":
        return _ATTRIBUTES.format(" ".join(f'drone-dji:{name}="{value}"' for name, value in fields.items())).encode()
    inside = "".join(f"<drone-dji:{name}>{value}</drone-dji:{name}>" for name, value in fields.items())
    return _ELEMENTS.format(inside).encode()


def degrees(value):
    """Return degrees, minutes, seconds as EXIF keeps them."""
    whole, rest = divmod(abs(value), 1)
    minutes, rest = divmod(rest * 60, 1)
    return IFDRational(int(whole)), IFDRational(int(minutes)), IFDRational(round(rest * 60 * 10**5), 10**5)


@pytest.fixture
def take():
    """Return a function that writes one photo."""

    def write(
        file: Path,
        *,
        lon=114.3,
        lat=30.6,
        taken="2026:04:12 08:30:00",
        offset=None,
        fields=None,
        form="attributes",
        seed=0,
    ) -> Path:
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "DJI", "M3E"
        lens = exif.get_ifd(0x8769)
        lens[0xA405] = 24
        if taken:
            lens[0x9003] = taken
        if offset:
            lens[0x9011] = offset
        if lon is not None:
            gps = exif.get_ifd(0x8825)
            gps[1], gps[2], gps[3], gps[4] = (
                "N" if lat >= 0 else "S",
                degrees(lat),
                "E" if lon >= 0 else "W",
                degrees(lon),
            )
        picture = Image.new("RGB", (72, 48), (seed % 256, seed // 256 % 256, 90))
        extra = {"xmp": packet(fields, form=form)} if fields is not None else {}
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file, exif=exif, **extra)
        return file

    return write
