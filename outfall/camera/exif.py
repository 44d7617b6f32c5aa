"""What did the camera write into this one file: position, time, attitude, lens and size, without decoding the picture."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
from typing import TYPE_CHECKING

from outfall.camera.packet import read_gdal_items, read_number, read_packet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from PIL.Image import Exif

__all__ = ["NotAPhotoError", "read_shot"]

# The largest drone cameras in use have 102 million pixels; more is a map sheet or a trap.
_MAX_PIXELS = 120_000_000
_FORMATS = ("JPEG", "TIFF")
_GPS_IFD, _EXIF_IFD = 0x8825, 0x8769
_GEOTIFF_TAGS = (33550, 33922, 34264)
_TAGS = {
    0x010F: "Make",
    0x0110: "Model",
    0x0132: "DateTime",
    0x9003: "DateTimeOriginal",
    0x9011: "OffsetTimeOriginal",
    0x9010: "OffsetTime",
    0xA405: "FocalLengthIn35mmFilm",
}
_GPS_TAGS = {
    1: "GPSLatitudeRef",
    2: "GPSLatitude",
    3: "GPSLongitudeRef",
    4: "GPSLongitude",
    5: "GPSAltitudeRef",
    6: "GPSAltitude",
    7: "GPSTimeStamp",
    17: "GPSImgDirection",
    29: "GPSDateStamp",
    31: "GPSHPositioningError",
}
_CLOCK = re.compile(r"^(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")


class NotAPhotoError(ValueError):
    """A file is not a photo that can be used; the message says why."""


def read_shot(raw: bytes, *, zone: ZoneInfo | None = None) -> dict[str, object]:
    """Return what a photo says about itself; fields it does not say are missing from the answer.

    Parameters
    ----------
    raw : bytes
        The whole file. Only its header is interpreted.
    zone : ZoneInfo, optional
        Zone of camera clocks that do not write theirs.

    Returns
    -------
    dict of str to object
        ``lon``, ``lat``, ``taken_at`` (UTC), ``has_naive_time``, ``altitude_m``, ``relative_altitude_m``, ``yaw_deg``,
        ``pitch_deg``, ``rtk_flag``, ``rtk_sigma_m``, ``accuracy_m``, ``focal_px``, ``width_px``, ``height_px``,
        ``camera``.

    Raises
    ------
    NotAPhotoError
        Not an image, too large, cut short, or a map sheet.

    Examples
    --------
    >>> read_shot(b"hello")
    Traceback (most recent call last):
    ...
    outfall.camera.exif.NotAPhotoError: it is not a JPEG or TIFF image
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
                width, height = image.size
                packet, exif = image.info.get("xmp", b""), image.getexif()
                _refuse(width, height, exif, raw)
                tags = _tags(exif)
        except UnidentifiedImageError as error:
            msg = "it is not a JPEG or TIFF image"
            raise NotAPhotoError(msg) from error
        except Image.DecompressionBombError as error:
            msg = f"it claims to hold more than {_MAX_PIXELS / 1e6:.0f} million pixels"
            raise NotAPhotoError(msg) from error
    said = read_packet(packet if isinstance(packet, bytes) else str(packet).encode())
    return {"width_px": width, "height_px": height, **_describe(tags, said, width, zone)}


def _refuse(width: int, height: int, exif: Exif, raw: bytes) -> None:
    if width * height > _MAX_PIXELS:
        msg = f"it claims {width} x {height} pixels; photos have at most {_MAX_PIXELS / 1e6:.0f} million"
        raise NotAPhotoError(msg)
    if any(tag in exif for tag in _GEOTIFF_TAGS):
        msg = "it is a map sheet (GeoTIFF), not a photo"
        raise NotAPhotoError(msg)
    if raw.startswith(b"\xff\xd8") and not _is_complete(raw):
        msg = "the picture is cut short"
        raise NotAPhotoError(msg)


def _is_complete(raw: bytes) -> bool:
    """Tell whether a JPEG has its end mark behind the start of the picture data (earlier ones belong to thumbnails)."""
    at = 2
    while at + 4 <= len(raw) and raw[at] == 0xFF:
        if raw[at + 1] == 0xDA:
            return raw.find(b"\xff\xd9", at) >= 0
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return False


def _tags(exif: Exif) -> dict[str, object]:
    tags: dict[str, object] = {}
    sheet = exif.get(42112)
    if isinstance(sheet, str):
        tags.update(read_gdal_items(sheet))
    for names, ifd in ((_TAGS, exif), (_TAGS, exif.get_ifd(_EXIF_IFD)), (_GPS_TAGS, exif.get_ifd(_GPS_IFD))):
        tags.update({name: ifd[tag] for tag, name in names.items() if tag in ifd})
    return tags


def _describe(
    tags: Mapping[str, object], said: Mapping[str, str], width: int, zone: ZoneInfo | None
) -> dict[str, object]:
    xmp = {field: number for field, text in said.items() if (number := read_number(text)) is not None}
    taken_at, has_naive_time = _taken_at(tags, said, zone)
    camera = " ".join(dict.fromkeys(_text(tags.get(name)) for name in ("Make", "Model") if _text(tags.get(name))))
    rtk = [xmp[name] for name in ("rtk_lon_m", "rtk_lat_m") if name in xmp]
    row: dict[str, object | None] = {
        "lon": _first(_angle(tags, "GPSLongitude"), xmp.get("lon")),
        "lat": _first(_angle(tags, "GPSLatitude"), xmp.get("lat")),
        "taken_at": taken_at,
        "has_naive_time": has_naive_time,
        "altitude_m": _first(xmp.get("altitude_m"), _altitude_m(tags)),
        "relative_altitude_m": xmp.get("relative_altitude_m"),
        "yaw_deg": _first(xmp.get("yaw_deg"), xmp.get("flight_yaw_deg"), _single(tags.get("GPSImgDirection"))),
        "pitch_deg": xmp.get("pitch_deg"),
        "rtk_flag": int(xmp["rtk_flag"]) if "rtk_flag" in xmp else None,
        "rtk_sigma_m": (sum(value**2 for value in rtk) / len(rtk)) ** 0.5 if rtk else None,
        "accuracy_m": _single(tags.get("GPSHPositioningError")),
        "focal_px": _focal_px(tags, xmp, width),
        "camera": camera or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _focal_px(tags: Mapping[str, object], xmp: Mapping[str, float], width: int) -> float | None:
    focal, centre = xmp.get("focal_px"), xmp.get("centre_px")
    if focal and centre and focal > 0 and centre > 0:
        return focal * width / (2 * centre)
    full_frame_mm = _single(tags.get("FocalLengthIn35mmFilm"))
    return full_frame_mm / 36 * width if full_frame_mm and full_frame_mm > 0 else None


def _taken_at(
    tags: Mapping[str, object], said: Mapping[str, str], zone: ZoneInfo | None
) -> tuple[dt.datetime | None, bool]:
    exposed = _CLOCK.match(said.get("utc", ""))
    if exposed is not None:
        return _moment(exposed, dt.UTC), False
    local = _CLOCK.match(_text(tags.get("DateTimeOriginal"))) or _CLOCK.match(_text(tags.get("DateTime")))
    if local is None:
        return None, False
    offset = _OFFSET.match(_text(tags.get("OffsetTimeOriginal")) or _text(tags.get("OffsetTime")))
    if offset is not None:
        sign, hours, minutes = offset.groups()
        shift = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
        return _moment(local, dt.timezone(shift)), False
    if zone is not None:
        return _moment(local, zone), False
    satellite = _numbers(tags.get("GPSTimeStamp"))
    day = _text(tags.get("GPSDateStamp"))
    clock = ":".join(f"{int(value):02d}" for value in satellite) if len(satellite) == 3 else ""
    stamp = _CLOCK.match(f"{day} {clock}")
    return (_moment(stamp, dt.UTC), False) if stamp is not None else (None, True)


def _moment(found: re.Match[str], zone: dt.tzinfo) -> dt.datetime | None:
    try:
        return dt.datetime(*(int(part) for part in found.groups()), tzinfo=zone).astimezone(dt.UTC)  # type: ignore[misc, arg-type]
    except (ValueError, OverflowError):
        return None


def _angle(tags: Mapping[str, object], name: str) -> float | None:
    parts = _numbers(tags.get(name))
    if not 1 <= len(parts) <= 3:
        return None
    value = sum(part / 60**power for power, part in enumerate(parts))
    return -value if _text(tags.get(f"{name}Ref")).upper() in ("S", "W") else value


def _altitude_m(tags: Mapping[str, object]) -> float | None:
    value = _single(tags.get("GPSAltitude"))
    below = tags.get("GPSAltitudeRef") in (b"\x01", 1, "0x01")
    return -value if value is not None and below else value


def _numbers(value: object) -> list[float]:
    if isinstance(value, str):
        parts: list[object] = list(re.findall(r"[-+]?\d+(?:\.\d+)?", value))
    else:
        parts = list(value) if isinstance(value, tuple | list) else [value]
    numbers = [read_number(part) for part in parts]
    return [number for number in numbers if number is not None] if None not in numbers else []


def _single(value: object) -> float | None:
    found = _numbers(value) if value is not None else []
    return found[0] if found else None


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.split("\x00")[0].strip()


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
