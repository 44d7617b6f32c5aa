"""Which small pictures travel inside a map: thumbnails of the photos its rows name."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Thumbnail", "find_photos", "make_thumbnails"]

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
_SIDE_PX = 320
_QUALITY = 72
_BUDGET_BYTES = 12_000_000
_MAX_FILE_BYTES = 80_000_000
_SHORTEST_HASH = 8


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One small picture.

    Parameters
    ----------
    image : bytes
        WebP, at most 320 pixels on its longer side, upright.
    width_px, height_px : int
        Its size.
    file : str
        Name of the photo it was made from.
    source : Path, optional
        Where that photo lies, for pages with full-size photos beside them.
    beside : str
        Its path from the page, where it lies beside it; empty where it does not.
    """

    image: bytes
    width_px: int
    height_px: int
    file: str
    source: Path | None = None
    beside: str = ""


def find_photos(photo_ids: Iterable[str], folders: Path | str | Sequence[Path | str]) -> dict[str, Path]:
    """Return the file of every photo that can be found.

    A photo is named by the SHA-256 of its file (or its first eight or more digits), or by its file name or path as a
    form writes it.

    Parameters
    ----------
    photo_ids : iterable of str
        As in the columns ``photo_ids``.
    folders : path or sequence of paths
        Searched with all folders inside. A folder that is not there has no photos.

    Returns
    -------
    dict of str to Path
        In the order asked; photos without a file are left out.

    Examples
    --------
    >>> find_photos(["a.jpg"], "no such folder")
    {}
    """
    wanted = list(dict.fromkeys(photo_ids))
    roots = [Path(folders)] if isinstance(folders, (str, Path)) else [Path(folder) for folder in folders]
    files = [
        (root, file)
        for root in roots
        if root.is_dir()
        for file in sorted(root.rglob("*"))
        if file.suffix.lower() in _ENDINGS and file.is_file()
    ]
    by_name: dict[str, Path] = {}
    for root, file in files:
        for name in (file.relative_to(root).as_posix(), file.name, file.stem):
            by_name.setdefault(name.casefold(), file)
    found = {photo: by_name[_plain(photo)] for photo in wanted if _plain(photo) in by_name}
    found |= _find_by_hash([photo for photo in wanted if photo not in found], [file for _, file in files])
    return {photo: found[photo] for photo in wanted if photo in found}


def make_thumbnails(files: Mapping[str, Path]) -> dict[str, Thumbnail]:
    """Return a small upright picture for every photo, within 12 MB in all.

    Parameters
    ----------
    files : mapping of str to Path
        Photo id to file. The first ones win where the budget ends.

    Returns
    -------
    dict of str to Thumbnail
        A file that is damaged, absurdly large or no picture is left out.

    Examples
    --------
    >>> make_thumbnails({})
    {}
    """
    made: dict[str, Thumbnail] = {}
    left = _BUDGET_BYTES
    for photo, file in files.items():
        thumbnail = _thumbnail(file)
        if thumbnail is None or len(thumbnail.image) > left:
            continue
        left -= len(thumbnail.image)
        made[photo] = thumbnail
    return made


def _thumbnail(file: Path) -> Thumbnail | None:
    from PIL import Image, ImageOps

    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                opened.draft("RGB", (2 * _SIDE_PX, 2 * _SIDE_PX))
                small = ImageOps.exif_transpose(opened).convert("RGB")
            small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
            stream = io.BytesIO()
            small.save(stream, "WEBP", quality=_QUALITY, method=4)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    return Thumbnail(stream.getvalue(), small.width, small.height, file.name, file)


def _find_by_hash(photo_ids: Sequence[str], files: Iterable[Path]) -> dict[str, Path]:
    wanted = [
        photo for photo in photo_ids if len(photo) >= _SHORTEST_HASH and set(photo.lower()) <= set("0123456789abcdef")
    ]
    if not wanted:
        return {}
    found: dict[str, Path] = {}
    for file in files:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        found |= {photo: file for photo in wanted if digest.startswith(photo.lower()) and photo not in found}
    return found


def _plain(photo: str) -> str:
    return photo.strip().replace("\\", "/").casefold()
