"""When was a photo taken, by which of its clocks, and how far is the camera's clock from the satellites'."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from outfall.camera.packet import read_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

__all__ = ["numbers", "read_clock", "text_of"]

_CLOCK = re.compile(r"^(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_OFFSET = re.compile(r"^([+-])(\d\d):?(\d\d)$")
# Counters of clocks that were never set, or ran over, begin and end outside these years.
_YEARS = range(2000, 2038)


def read_clock(
    tags: Mapping[str, object], said: Mapping[str, str], zone: ZoneInfo | None
) -> dict[str, dt.datetime | str | float]:
    """Return the time of exposure in UTC, which clock it is from, and how far the camera's clock is ahead.

    Parameters
    ----------
    tags : mapping
        EXIF tags by name.
    said : mapping
        What the XMP packet says.
    zone : ZoneInfo, optional
        Zone of camera clocks that do not write theirs.

    Returns
    -------
    dict
        ``taken_at`` (UTC) and ``clock``: "xmp" (UTC in the packet), "offset" (zone in EXIF), "zone" (given by the
        caller) or "satellite"; ``clock_ahead_s`` where camera and satellites both say; ``clock`` alone where there
        is no time: "naive" (no zone) or "unset" (a year no flight is from).

    Examples
    --------
    >>> read_clock({"DateTimeOriginal": "2026:04:12 08:30:00", "OffsetTimeOriginal": "+08:00"}, {}, None)
    {'taken_at': datetime.datetime(2026, 4, 12, 0, 30, tzinfo=datetime.timezone.utc), 'clock': 'offset'}
    >>> read_clock({"DateTimeOriginal": "1970:01:01 00:00:00"}, {}, None)
    {'clock': 'unset'}
    """
    written = {
        "xmp": _moment(said.get("utc", ""), dt.UTC),
        **_camera(tags, zone),
        "satellite": _satellite(tags),
    }
    usable = {name: at for name, at in written.items() if at is not None and at.year in _YEARS}
    first = next(iter(usable), None)
    if first is None:
        if any(at is not None for at in written.values()) or _is_unset(tags):
            return {"clock": "unset"}
        return {"clock": "naive"} if _local(tags) else {}
    row: dict[str, dt.datetime | str | float] = {"taken_at": usable[first], "clock": first}
    by_camera = usable.get("offset") or usable.get("zone")
    if by_camera is not None and "satellite" in usable:
        row["clock_ahead_s"] = (by_camera - usable["satellite"]).total_seconds()
    return row


def _local(tags: Mapping[str, object]) -> str:
    name = "DateTimeOriginal" if _CLOCK.match(text_of(tags.get("DateTimeOriginal"))) else "DateTime"
    local = text_of(tags.get(name))
    part = text_of(tags.get("SubSecTimeOriginal"))
    return f"{local}.{part}" if local and re.fullmatch(r"\d{1,6}", part) and "." not in local else local


def _is_unset(tags: Mapping[str, object]) -> bool:
    found = _CLOCK.match(_local(tags))
    return found is not None and int(found.group(1)) not in _YEARS


def _camera(tags: Mapping[str, object], zone: ZoneInfo | None) -> dict[str, dt.datetime | None]:
    offset = _OFFSET.match(text_of(tags.get("OffsetTimeOriginal")) or text_of(tags.get("OffsetTime")))
    if offset is not None:
        sign, hours, minutes = offset.groups()
        shift = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
        if abs(shift) < dt.timedelta(hours=24):
            return {"offset": _moment(_local(tags), dt.timezone(shift))}
    return {"zone": _moment(_local(tags), zone)} if zone is not None else {}


def _satellite(tags: Mapping[str, object]) -> dt.datetime | None:
    parts = numbers(tags.get("GPSTimeStamp"))
    if len(parts) != 3 or not all(0 <= part < 61 for part in parts):
        return None
    seconds, fraction = divmod(parts[2], 1)
    clock = f"{int(parts[0]):02d}:{int(parts[1]):02d}:{int(seconds):02d}.{int(fraction * 1e6):06d}"
    return _moment(f"{text_of(tags.get('GPSDateStamp'))} {clock}", dt.UTC)


def _moment(text: str, zone: dt.tzinfo) -> dt.datetime | None:
    found = _CLOCK.match(text)
    if found is None:
        return None
    *parts, fraction = found.groups()
    year, month, day, hour, minute, second = (int(part) for part in parts)
    micro = int((fraction or "0").ljust(6, "0"))
    try:
        return dt.datetime(year, month, day, hour, minute, second, micro, tzinfo=zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def numbers(value: object) -> list[float]:
    """Return the numbers of a tag: one, or the three parts of an angle or a clock; none where one is not a number.

    Examples
    --------
    >>> numbers((8, 30, 1.5)), numbers("(24) (40) (49)"), numbers(None)
    ([8.0, 30.0, 1.5], [24.0, 40.0, 49.0], [])
    """
    if value is None:
        return []
    if isinstance(value, str):
        parts: list[object] = list(re.findall(r"[-+]?\d+(?:\.\d+)?", value))
    else:
        parts = list(value) if isinstance(value, tuple | list) else [value]
    found = [read_number(part) for part in parts]
    return [number for number in found if number is not None] if None not in found else []


def text_of(value: object) -> str:
    r"""Return a tag as text up to its first zero byte.

    Examples
    --------
    >>> text_of(b"N\x00"), text_of(None)
    ('N', '')
    """
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.split("\x00")[0].strip()
