"""What did the camera write into this one file: position, time, attitude, lens and size, without decoding the picture."""

from __future__ import annotations

import io
import math
import struct
import warnings
from typing import TYPE_CHECKING

from outfall.camera.clock import numbers, read_clock, text_of
from outfall.camera.lens import lens_of_dewarp
from outfall.camera.packet import read_gdal_items, read_number, read_packet
from outfall.camera.quick import read_quick
from outfall.camera.segments import is_complete, join_extension, list_segments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from PIL.Image import Exif, Image

    from outfall.camera.segments import Segment

__all__ = ["MAX_PIXELS", "NotAPhotoError", "read_shot", "read_shot_quickly"]

MAX_PIXELS = 100_000_000
_FORMATS = ("JPEG", "TIFF")
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_MAGIC = {b"\x89PNG": "PNG", b"GIF8": "GIF", b"RIFF": "WebP", b"BM": "BMP", b"%PDF": "PDF", b"PK\x03\x04": "zip"}
_GPS_IFD, _EXIF_IFD = 0x8825, 0x8769
_GEOTIFF_TAGS = (33550, 33922, 34264)
_TAGS = {
    0x010F: "Make",
    0x0110: "Model",
    0x0132: "DateTime",
    0x9003: "DateTimeOriginal",
    0x9011: "OffsetTimeOriginal",
    0x9010: "OffsetTime",
    0x9291: "SubSecTimeOriginal",
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
_GDAL_TAG = 42112
_WANTED = frozenset({*_TAGS, *_GPS_TAGS, *_GEOTIFF_TAGS, _GDAL_TAG})


class NotAPhotoError(ValueError):
    """A file is not a photo that can be used; the message says why."""


def read_shot(raw: bytes, *, zone: ZoneInfo | None = None, max_pixels: int = MAX_PIXELS) -> dict[str, object]:
    """Return what a photo says about itself; fields it does not say are missing from the answer.

    Parameters
    ----------
    raw : bytes
        The whole file. Only its header is interpreted; the picture is never decoded.
    zone : ZoneInfo, optional
        Zone of camera clocks that do not write theirs.
    max_pixels : int, pixels, default 100 million
        Pictures that claim more are refused.

    Returns
    -------
    dict of str to object
        ``lon``, ``lat``, ``xmp_lon``, ``xmp_lat``, ``has_no_hemisphere``, ``taken_at`` (UTC), ``clock``,
        ``clock_ahead_s``, ``altitude_m``, ``relative_altitude_m``, ``yaw_deg``, ``is_flight_yaw``, ``pitch_deg``,
        ``roll_deg``, ``rtk_flag``, ``rtk_sigma_m``, ``rtk_height_sigma_m``, ``accuracy_m``, ``height_accuracy_m``,
        ``focal_px``, ``lens``, ``width_px``, ``height_px``, ``camera``, ``format``, ``xmp_damage``.

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
                _refuse(image, raw, max_pixels)
                tags, packets = _tags(image.getexif()), _packets(image, raw)
                width, height = image.size
                form = "TIFF" if image.format == "TIFF" else "JPEG"
        except UnidentifiedImageError as error:
            held = next((name for magic, name in _MAGIC.items() if raw.startswith(magic)), None)
            msg = f"it is not a JPEG or TIFF image{f' but a {held} file' if held else ''}"
            raise NotAPhotoError(msg) from error
        except Image.DecompressionBombError as error:
            msg = f"it claims to hold more than {max_pixels / 1e6:.0f} million pixels"
            raise NotAPhotoError(msg) from error
        except (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error, OverflowError) as error:
            if isinstance(error, NotAPhotoError):
                raise
            msg = f"its header is damaged ({error})"
            raise NotAPhotoError(msg) from error
    return _row(tags, packets, (width, height, form), zone)


def read_shot_quickly(raw: bytes, *, zone: ZoneInfo | None = None, max_pixels: int = MAX_PIXELS) -> dict[str, object]:
    """Return what ``read_shot`` returns, several times faster for common JPEGs and the same way for all others.

    Parameters
    ----------
    raw : bytes
        The file, or its header and its end.
    zone : ZoneInfo, optional
        Zone of camera clocks that do not write theirs.
    max_pixels : int, pixels, default 100 million
        Pictures that claim more are refused.

    Returns
    -------
    dict of str to object
        As ``read_shot``.

    Raises
    ------
    NotAPhotoError
        As ``read_shot``.

    Examples
    --------
    >>> read_shot_quickly(b"hello")
    Traceback (most recent call last):
    ...
    outfall.camera.exif.NotAPhotoError: it is not a JPEG or TIFF image
    """
    segments = list_segments(raw)
    quick = read_quick(segments, _WANTED) if segments else None
    is_plain = quick is not None and quick.width_px * quick.height_px <= max_pixels and is_complete(raw, segments)
    if quick is None or not is_plain or any(tag in quick.main for tag in (*_GEOTIFF_TAGS, _GDAL_TAG)):
        return read_shot(raw, zone=zone, max_pixels=max_pixels)
    tags = _named(quick.main, quick.exif, quick.gps)
    return _row(tags, _join(segments), (quick.width_px, quick.height_px, "JPEG"), zone)


def _row(
    tags: dict[str, object], packets: bytes, size: tuple[int, int, str], zone: ZoneInfo | None
) -> dict[str, object]:
    width, height, form = size
    said, damage = _say(packets)
    row = {"width_px": width, "height_px": height, "format": form, **_describe(tags, said, width, height)}
    return {**row, **read_clock(tags, said, zone), **damage}


def _say(packets: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the packets say; a packet that is merely damaged says nothing, one with entities ends the photo."""
    from defusedxml import DefusedXmlException

    try:
        return read_packet(packets), {}
    except DefusedXmlException as error:
        msg = f"its XMP declares entities and is refused as unsafe ({type(error).__name__})"
        raise NotAPhotoError(msg) from error
    except (ValueError, RecursionError) as error:
        return {}, {"xmp_damage": str(error)}


def _packets(image: Image, raw: bytes) -> bytes:
    """Return all XMP packets of a file, one after the other: those of a JPEG in their order, then the extended one."""
    joined = _join(list_segments(raw))
    if joined:
        return joined
    held = image.info.get("xmp", b"")
    return held if isinstance(held, bytes) else str(held).encode()


def _join(segments: list[Segment]) -> bytes:
    parts = [segment.body for segment in segments if segment.marker == 0xE1 and segment.body.startswith(_XMP)]
    return b"\n".join(part.removeprefix(_XMP) for part in [*parts, join_extension(segments)] if part)


def _refuse(image: Image, raw: bytes, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        msg = (
            f"it claims {width} x {height} pixels, above {max_pixels / 1e6:.0f} million; raise max_pixels if it is real"
        )
        raise NotAPhotoError(msg)
    if any(tag in image.getexif() for tag in _GEOTIFF_TAGS):
        msg = "it is a map sheet (GeoTIFF), not a photo"
        raise NotAPhotoError(msg)
    if raw.startswith(b"\xff\xd8") and not is_complete(raw, list_segments(raw)):
        msg = "the picture is cut short"
        raise NotAPhotoError(msg)


def _tags(exif: Exif) -> dict[str, object]:
    tags: dict[str, object] = {}
    sheet = exif.get(_GDAL_TAG)
    if isinstance(sheet, str):
        tags.update(read_gdal_items(sheet))
    return {**tags, **_named(exif, exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD))}


def _named(*directories: Mapping[int, object] | Exif) -> dict[str, object]:
    """Return the tags of the main, the EXIF and the GPS directory by name; what a later one says stands."""
    pairs = zip((_TAGS, _TAGS, _GPS_TAGS), directories, strict=True)
    return {name: ifd[tag] for names, ifd in pairs for tag, name in names.items() if tag in ifd}


def _describe(tags: Mapping[str, object], said: Mapping[str, str], width: int, height: int) -> dict[str, object]:
    xmp = {field: number for field, text in said.items() if (number := read_number(text)) is not None}
    camera = " ".join(dict.fromkeys(text_of(tags.get(name)) for name in ("Make", "Model") if text_of(tags.get(name))))
    rtk = [xmp[name] for name in ("rtk_lon_m", "rtk_lat_m") if name in xmp]
    gimbal = _first(xmp.get("yaw_deg"))
    row: dict[str, object | None] = {
        **_position(tags, xmp),
        "altitude_m": _first(xmp.get("altitude_m"), _altitude_m(tags)),
        "relative_altitude_m": xmp.get("relative_altitude_m"),
        "yaw_deg": _first(gimbal, xmp.get("flight_yaw_deg"), _single(tags.get("GPSImgDirection"))),
        "is_flight_yaw": gimbal is None or None,
        "pitch_deg": _first(xmp.get("pitch_deg"), _turn(xmp["down_pitch_deg"]) if "down_pitch_deg" in xmp else None),
        "roll_deg": xmp.get("roll_deg"),
        "rtk_flag": int(xmp["rtk_flag"]) if abs(xmp.get("rtk_flag", 1e9)) < 1000 else None,
        "rtk_sigma_m": math.hypot(*rtk) / math.sqrt(len(rtk)) if rtk else None,
        "rtk_height_sigma_m": xmp.get("rtk_height_m"),
        "accuracy_m": _first(xmp.get("gnss_m"), _single(tags.get("GPSHPositioningError"))),
        "height_accuracy_m": xmp.get("gnss_height_m"),
        "focal_px": _focal_px(tags, xmp, width, height),
        "lens": _lens(said, xmp),
        "camera": camera or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _position(tags: Mapping[str, object], xmp: Mapping[str, float]) -> dict[str, object | None]:
    """Return where EXIF and where XMP put the photo; a latitude without its hemisphere is no place."""
    row: dict[str, object | None] = {"xmp_lon": xmp.get("lon"), "xmp_lat": xmp.get("lat")}
    lon, lat = _angle(tags, "GPSLongitude", "EW"), _angle(tags, "GPSLatitude", "NS")
    if lon is None and lat is None and ("GPSLatitude" in tags or "GPSLongitude" in tags):
        row["has_no_hemisphere"] = bool(numbers(tags.get("GPSLatitude")) and numbers(tags.get("GPSLongitude"))) or None
    return {**row, "lon": lon, "lat": lat}


def _turn(down_deg: float) -> float:
    """Return the pitch of a camera that counts 0 as straight down, counted as -90."""
    return (down_deg - 90 + 180) % 360 - 180


def _lens(said: Mapping[str, str], xmp: Mapping[str, float]) -> str | None:
    if "dewarp" not in said or xmp.get("dewarp_flag", 0) == 1:
        return None
    lens = lens_of_dewarp(said["dewarp"], xmp.get("centre_px", 0.0), xmp.get("centre_row_px", 0.0))
    return None if lens is None else str(lens)


def _focal_px(tags: Mapping[str, object], xmp: Mapping[str, float], width: int, height: int) -> float | None:
    focal, centre = xmp.get("focal_px"), xmp.get("centre_px")
    if focal and centre and focal > 0 and centre > 0:
        return focal * width / (2 * centre)
    full_frame_mm = _single(tags.get("FocalLengthIn35mmFilm"))
    return full_frame_mm / 36 * max(width, height) if full_frame_mm and full_frame_mm > 0 else None


def _angle(tags: Mapping[str, object], name: str, letters: str) -> float | None:
    parts = numbers(tags.get(name))
    if not 1 <= len(parts) <= 3:
        return None
    letter = text_of(tags.get(f"{name}Ref")).upper()[:1]
    value = sum(abs(part) / 60**power for power, part in enumerate(parts))
    if letter in letters and letter:
        return -value if letter in "SW" else value
    return -value if parts[0] < 0 else None


def _altitude_m(tags: Mapping[str, object]) -> float | None:
    value = _single(tags.get("GPSAltitude"))
    below = tags.get("GPSAltitudeRef") in (b"\x01", 1, "0x01")
    return -value if value is not None and below else value


def _single(value: object) -> float | None:
    found = numbers(value)
    return found[0] if found else None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
