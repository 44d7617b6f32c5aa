"""What travels between two stores: a file of events that is whole, unchanged and harmless, or refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.aside import write_aside
from outfall.store.log import NewEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FORMAT", "head_of", "read_delta", "write_delta"]

FORMAT = "outfall delta 1"
_MAX_LINE_BYTES = 64_000_000
_MAX_BYTES = 4_000_000_000
_MAX_RATIO = 400
_SMALL_BYTES = 10_000_000


_OPTIONAL = {"valid_from", "valid_to", "body"}


def head_of(events: Iterable[NewEvent]) -> str:
    """Return what names a set of events: SHA-256 over their ids, whatever their order.

    Parameters
    ----------
    events : iterable of NewEvent
        Any events.

    Returns
    -------
    str
        64 hex digits.

    Examples
    --------
    >>> head_of([])[:8]
    'e3b0c442'
    """
    return hashlib.sha256("\n".join(sorted(event.event_id for event in events)).encode()).hexdigest()


def write_delta(target: Path | str, events: Iterable[NewEvent], *, device: str, since: int, until: int) -> Path:
    """Write events to a delta file, aside and then moved into place.

    The file is JSON lines in gzip: a first line about it, one per event, a last one with their number and the SHA-256
    of all lines before it. The same events give the same file, byte by byte.

    Parameters
    ----------
    target : path
        Where the file shall be.
    events : iterable of NewEvent
        In the order they came into the store.
    device : str
        Name of the store that sends.
    since, until : int
        The seqs between which the events lie in the store that sends.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    ProjectError
        The folder cannot be written.
    StoreError
        The target is a live store.

    Examples
    --------
    >>> import tempfile
    >>> file = write_delta(Path(tempfile.mkdtemp()) / "to_county.delta", [], device="a", since=0, until=0)
    >>> read_delta(file)[0]["device"]
    'a'
    """

    def write(aside: Path) -> None:
        lines = hashlib.sha256()
        with aside.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:

            def put(item: object) -> None:
                line = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
                lines.update(line)
                file.write(line)

            put({"format": FORMAT, "device": device, "since": since, "until": until})
            count = 0
            for count, event in enumerate(events, start=1):  # noqa: B007
                put(list(event))
            put({"count": count, "sha256": lines.hexdigest()})

    return write_aside(target, write)


def read_delta(path: Path | str) -> tuple[dict[str, str | int], list[NewEvent]]:
    """Return what a delta file says about itself, and its events, once all of it was found whole and unchanged.

    Parameters
    ----------
    path : path
        As ``write_delta`` wrote it.

    Returns
    -------
    dict, list of NewEvent
        ``device``, ``since``, ``until`` and ``sha256``; the events in the order they were written.

    Raises
    ------
    StoreError
        There is no such file, it is cut off, changed, not a delta, of a newer version, or unpacks to far too much.

    Examples
    --------
    >>> import tempfile
    >>> file = write_delta(Path(tempfile.mkdtemp()) / "to_county.delta", [], device="a", since=0, until=0)
    >>> read_delta(file)[1]
    []
    """
    file = Path(path)
    try:
        found = list(_lines(file))
    except FileNotFoundError as error:
        msg = f"{file}: there is no such delta; look for it, or send it again with export_events"
        raise StoreError(msg) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(file, f"it does not unpack ({error})") from error
    except OSError as error:
        msg = f"{file}: it cannot be read ({error.strerror}); copy it to a folder you may read"
        raise StoreError(msg) from error
    if len(found) < 2:
        raise _damaged(file, "it ends before its first event")
    about, last = _about(file, found[0]), _parse(file, found[-1])
    seen = hashlib.sha256(b"".join(found[:-1])).hexdigest()
    if not isinstance(last, dict) or last.get("sha256") != seen or last.get("count") != len(found) - 2:
        raise _damaged(file, "its last line does not fit the ones before it: it was cut off or changed")
    return {**about, "sha256": seen}, [_event(file, line, at) for at, line in enumerate(found[1:-1], start=2)]


def _lines(file: Path) -> Iterator[bytes]:
    allowed = min(_MAX_BYTES, max(_SMALL_BYTES, file.stat().st_size * _MAX_RATIO))
    with gzip.open(file, "rb") as stream:
        total = 0
        while line := stream.readline(_MAX_LINE_BYTES + 1):
            total += len(line)
            if total > allowed or len(line) > _MAX_LINE_BYTES:
                msg = f"{file}: it unpacks to more than any delta holds ({total:,} bytes and more); it was not read. Ask who sent it"
                raise StoreError(msg)
            yield line


def _about(file: Path, line: bytes) -> dict[str, str | int]:
    head = _parse(file, line)
    if not isinstance(head, dict) or not str(head.get("format", "")).startswith("outfall delta "):
        msg = f"{file}: this is no delta; give a file that export_events wrote"
        raise StoreError(msg)
    if head["format"] != FORMAT:
        msg = f"{file}: it is of the form {head['format']!r}, this program reads {FORMAT!r}; run: python -m pip install -U outfall"
        raise StoreError(msg)
    device, since, until = head.get("device"), head.get("since"), head.get("until")
    if not isinstance(device, str) or type(since) is not int or type(until) is not int:
        raise _damaged(file, "its first line does not say who sent which events")
    return {"device": device, "since": since, "until": until}


def _event(file: Path, line: bytes, at: int) -> NewEvent:
    cells = _parse(file, line)
    if not isinstance(cells, list) or len(cells) != len(NewEvent._fields):
        raise _damaged(file, f"line {at} is no event")
    for name, cell in zip(NewEvent._fields, cells, strict=True):
        wanted = int if name == "device_seq" else str
        if type(cell) is not wanted and not (cell is None and name in _OPTIONAL):
            raise _damaged(file, f"line {at} has {str(cell)[:40]!r} as its {name}")
    return NewEvent(*cells)


def _parse(file: Path, line: bytes) -> object:
    try:
        parsed: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(file, "a line is not JSON") from error
    return parsed


def _damaged(file: Path, why: str) -> StoreError:
    return StoreError(f"{file}: the delta is damaged: {why}. Nothing was taken from it; have it sent again")
