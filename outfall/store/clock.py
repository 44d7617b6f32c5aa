"""When a change was made, so that every device puts the same changes in the same order whatever its clock says.

A hybrid logical clock: the time of the device, never behind what it has already seen, and a counter. As text of fixed
width, ``2026-11-21T12:00:00.000000Z|000000``, so that the order of the texts is the order of the changes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from outfall.errors import StoreError

__all__ = ["LATEST", "advance", "is_stamp", "stamp"]

LATEST = (
    "2200-01-01T00:00:00.000000Z|000000"  # beyond it a clock is not wrong but hostile: it would drag all others along
)
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\|\d{6}", re.ASCII)
_LAST_COUNT = 999_999


def stamp(now: datetime, count: int = 0) -> str:
    """Return a moment and a counter as text that sorts like the moments.

    Parameters
    ----------
    now : datetime with zone
        The moment, to the microsecond.
    count : int, default 0
        0 to 999,999.

    Returns
    -------
    str
        36 characters.

    Raises
    ------
    StoreError
        The moment has no zone.

    Examples
    --------
    >>> stamp(datetime(2026, 11, 21, 12, tzinfo=UTC))
    '2026-11-21T12:00:00.000000Z|000000'
    """
    if now.tzinfo is None:
        msg = f"the time {now.isoformat()} has no zone; give a time with zone, such as datetime.now(UTC)"
        raise StoreError(msg)
    text = now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}Z|{count:06d}"


def advance(last: str, now: datetime) -> str:
    """Return the next stamp of a device: later than any it has made or seen, and its own time where that is later.

    Parameters
    ----------
    last : str
        The greatest stamp made or received so far; empty where there is none.
    now : datetime with zone
        What the clock of the device says, right or wrong.

    Returns
    -------
    str
        A stamp greater than ``last``.

    Raises
    ------
    StoreError
        The last stamp is none.

    Examples
    --------
    >>> advance("2038-01-19T03:14:07.000000Z|000000", datetime(1970, 1, 1, tzinfo=UTC))
    '2038-01-19T03:14:07.000000Z|000001'
    """
    mine = stamp(now)
    if not last or mine > last:
        return mine
    if not is_stamp(last):
        msg = f"{last!r} is not a stamp such as {LATEST}; the store is damaged, restore it from a backup"
        raise StoreError(msg)
    moment, count = datetime.fromisoformat(last[:26]).replace(tzinfo=UTC), int(last[28:])
    if count < _LAST_COUNT:
        return stamp(moment, count + 1)
    return stamp(moment + timedelta(microseconds=1))


def is_stamp(text: str) -> bool:
    """Return whether a text is a stamp a device can have made: well formed, a real moment, before the year 2200.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        False for anything another program may choke on.

    Examples
    --------
    >>> is_stamp("2026-11-21T12:00:00.000000Z|000000"), is_stamp("9999-12-31T23:59:59.999999Z|000000"), is_stamp("")
    (True, False, False)
    """
    if not _FORM.fullmatch(text) or text >= LATEST:
        return False
    try:
        datetime.fromisoformat(text[:26])
    except ValueError:
        return False
    return True
