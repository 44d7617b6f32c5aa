"""Which of many photos are where: an index on disk that is made once, kept up to date, and never held in memory.

Rows lie in the order of the folder, so that an old index is compared with the folder in one pass, row by row.
"""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from outfall.camera.exif import NotAPhotoError, read_shot_quickly
from outfall.camera.photos import find_zone, is_picture, photo_size
from outfall.camera.segments import is_complete, list_segments
from outfall.camera.trust import Doubts, trust_shot
from outfall.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

__all__ = ["COLUMNS", "PhotoIndex", "index_photos", "read_rows"]

COLUMNS = (
    "file", "size_bytes", "mtime_ns", "head_sha256", "made_by", "status", "reason", "reason_zh", "lon", "lat", "sigma_m",
    "taken_at", "clock_by", "altitude_m", "altitude_sigma_m", "relative_altitude_m", "yaw_deg", "yaw_by", "pitch_deg",
    "roll_deg", "rtk_flag", "width_px", "height_px", "focal_px", "lens", "camera",
)  # fmt: skip
_FORM = "1"
_HEAD, _TAIL, _MAX_HEAD = 262_144, 65_536, 8_000_000
_BATCH = 1000
_FORMULA = ("=", "+", "-", "@")


class PhotoIndex(NamedTuple):
    """What an index holds, and what it took: files by what happened to them, and where it lies."""

    path: Path
    photos: int
    broken: int
    unchanged: int
    read: int
    gone: int


class _Seen(NamedTuple):
    """A picture in the folder as the file system tells it."""

    name: str
    size: int
    mtime_ns: int
    why: str = ""


def index_photos(
    folder: Path | str,
    *,
    to: Path | str,
    tz: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> PhotoIndex:
    """Write an index of all photos in a folder and below, however many there are; read it with ``read_photo_index``.

    Only the first 256 KiB of a JPEG are read (more where a thermal plane lies before the picture), and its end, to see
    that it is whole. Files of known size and time are not opened again; of those with another time but the same head
    only the time is noted. Damaged files are listed with their reason. One row is in memory at a time, and the names
    of one folder. When it is stopped, the next call goes on where it was.

    Parameters
    ----------
    folder : path
        Photos of any number of flights.
    to : path
        The index, a CSV; an older one is brought up to date.
    tz : str, optional
        Zone of camera clocks that do not write theirs; another one than before reads all photos again.
    progress : callable, optional
        Called with what is done, how many are done and how many there are.

    Returns
    -------
    PhotoIndex
        ``path``, ``photos`` (usable), ``broken``, ``unchanged`` (not opened), ``read``, ``gone`` (left the folder).

    Raises
    ------
    ReadError
        There is no such folder, or ``to`` is something else than an index of photos.
    TableError
        The zone is not known.

    Examples
    --------
    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> index_photos(home, to=home / "index.csv")._replace(path=None)
    PhotoIndex(path=None, photos=0, broken=0, unchanged=0, read=0, gone=0)
    """
    root, target, zone = Path(folder), Path(to), find_zone(tz)
    if not root.is_dir():
        msg = f"{root}: no such folder; give the folder that holds the photos"
        raise ReadError(msg)
    if target.exists():
        next(read_rows(target), None)  # something else of that name is not overwritten
    total = 0 if progress is None else sum(1 for _ in _walk(root, ""))
    part, done = target.with_name(target.name + ".part"), target.with_name(target.name + ".done")
    if part.exists() and (not done.exists() or part.stat().st_size > done.stat().st_size):
        part.replace(done)
    old = [_Held(done), _Held(target)]
    count = {"ok": 0, "broken": 0, "unchanged": 0, "read": 0}
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
        write = csv.writer(out)
        write.writerow(COLUMNS)
        for number, seen in enumerate(_walk(root, ""), start=1):
            row, is_read = _row(root, seen, [held.at(seen.name) for held in old], (zone, f"{_FORM} {tz or ''}".strip()))
            write.writerow([row.get(name, "") for name in COLUMNS])
            count["read" if is_read else "unchanged"] += 1
            count[row["status"]] += 1
            if number % _BATCH == 0:
                out.flush()
            if progress is not None:
                progress("photos", number, max(total, number))
    for held in old:
        held.close()
    part.replace(target)
    done.unlink(missing_ok=True)
    return PhotoIndex(target, count["ok"], count["broken"], count["unchanged"], count["read"], old[1].gone)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Return the rows of an index one by one, as text.

    Raises
    ------
    ReadError
        The file is missing, damaged, or no index of photos.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as held:
            lines = csv.reader(held, strict=True)
            if tuple(next(lines, ())) != COLUMNS:
                msg = f"{path}: is no index of photos; give another path, or move that file away"
                raise ReadError(msg)
            for number, values in enumerate(lines, start=2):
                if len(values) != len(COLUMNS):
                    msg = f"{path}: row {number} has {len(values)} of {len(COLUMNS)} values; make the index again"
                    raise ReadError(msg)
                row = dict(zip(COLUMNS, values, strict=True))
                row["file"] = row["file"].removeprefix("./")
                yield row
    except (OSError, csv.Error, UnicodeError) as error:
        if isinstance(error, ReadError):
            raise
        msg = f"{path}: cannot be read as an index of photos ({error})"
        raise ReadError(msg) from error


class _Held:
    """The rows of an older index, asked for in the order of the folder; damaged ones are as good as none."""

    def __init__(self, path: Path) -> None:
        self._rows = read_rows(path) if path.exists() else iter(())
        self._next: dict[str, str] | None = None
        self.gone = 0
        self._step()

    def _step(self) -> None:
        try:
            self._next = next(self._rows, None)
        except ReadError:
            self._next = None

    def at(self, name: str) -> dict[str, str] | None:
        """Return the row of a file; rows before it left the folder."""
        key = _key(name)
        while self._next is not None and _key(self._next["file"]) < key:
            self.gone += 1
            self._step()
        if self._next is None or self._next["file"] != name:
            return None
        row = self._next
        self._step()
        return row

    def close(self) -> None:
        """Count the rows behind the last file as gone."""
        while self._next is not None:
            self.gone += 1
            self._step()


def _key(name: str) -> list[str]:
    return name.split("/")


def _walk(root: Path, inside: str) -> Iterator[_Seen]:
    """Return every picture below a folder, in the order of the parts of their paths; links to folders are not followed."""
    names: list[str] = []
    folders: set[str] = set()
    try:
        with os.scandir(os.path.join(root, inside)) as found:  # noqa: PTH118 - a Path per file doubles the time
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    folders.add(item.name)
                elif not is_picture(item.name):
                    continue
                names.append(item.name)
    except OSError as error:
        yield _Seen(inside, 0, 0, f"the folder cannot be read ({error.strerror})")
        return
    names.sort()
    for name in names:
        path = f"{inside}/{name}" if inside else name
        if name in folders:
            yield from _walk(root, path)
        else:
            try:
                told = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118
                yield _Seen(path, told.st_size, told.st_mtime_ns)
            except OSError as error:
                yield _Seen(path, 0, 0, f"the file cannot be read ({error.strerror})")


def _row(
    root: Path, seen: _Seen, old: list[dict[str, str] | None], how: tuple[ZoneInfo | None, str]
) -> tuple[dict[str, str], bool]:
    """Return the row of a file, and whether the file was opened for it."""
    zone, made_by = how
    told = {"size_bytes": str(seen.size), "mtime_ns": str(seen.mtime_ns), "made_by": made_by}
    known = [
        row for row in old if row is not None and row["size_bytes"] == told["size_bytes"] and row["made_by"] == made_by
    ]
    name = f"./{seen.name}" if seen.name.startswith(_FORMULA) else seen.name
    for row in known:
        if row["mtime_ns"] == told["mtime_ns"] and not seen.why:
            return {**row, "file": name}, False
    told["file"] = name
    try:
        if seen.why:
            raise NotAPhotoError(seen.why)  # noqa: TRY301
        raw, told["head_sha256"] = _head(root / seen.name)
        same = next((row for row in known if row["head_sha256"] == told["head_sha256"]), None)
        if same is not None:
            return {**same, **told}, True
        doubts = Doubts()
        shot = trust_shot(read_shot_quickly(raw, zone=zone), seen.name, doubts)
    except Exception as error:  # noqa: BLE001 - Pillow raises a dozen unrelated classes for one situation: a damaged file
        why = str(error) if isinstance(error, NotAPhotoError | OSError) else f"its header is damaged ({error})"
        return {**told, "status": "broken", "reason": why, "reason_zh": f"照片无法使用: {why}"}, True
    issues = doubts.issues()
    reasons = {key: "; ".join(_bare(row[key], seen.name) for row in issues) for key in ("reason", "reason_zh")}
    return {**told, "status": "ok", **reasons, **{key: _text(value) for key, value in shot.items()}}, True


def _head(file: Path) -> tuple[bytes, str]:
    """Return as much of a photo as its header needs, with its end, and a hash of its size and first 256 KiB."""
    size = photo_size(file)
    with file.open("rb") as held:
        raw = held.read(_HEAD)
        mark = hashlib.sha256(raw + f" {size}".encode()).hexdigest()
        if not raw.startswith(b"\xff\xd8"):
            return raw + held.read(), mark  # the tags of a TIFF may lie anywhere
        segments = list_segments(raw)
        while (not segments or segments[-1].marker != 0xDA) and len(raw) < min(size, _MAX_HEAD):
            raw += held.read(len(raw))
            segments = list_segments(raw)
        if len(raw) < size and not is_complete(raw, segments):
            held.seek(max(len(raw), size - _TAIL))
            raw += held.read(_TAIL)
    return raw, mark


def _bare(reason: object, name: str) -> str:
    return str(reason).removeprefix(f"{name}: ")


def _text(value: object) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else repr(value) if isinstance(value, float) else str(value)
    is_formula = isinstance(value, str) and text.startswith(_FORMULA)
    return f" {text}" if is_formula else text
