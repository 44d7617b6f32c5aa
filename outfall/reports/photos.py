"""Which file is a photo, and how it looks small, whatever the file is.

Ids from field data are never used as paths: a photo is found in an index of the files that are there, by its digest,
its path inside the folder or its name. A picture is opened only after its header says it is of a sane size.
"""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PhotoIndex", "Thumbnail", "index_photos"]

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_MAX_PIXELS = 100_000_000
_MAX_BYTES = 200_000_000
_DIGEST_CHARS = 64
_QUALITY = 72


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A photo made small, or why it cannot be shown: a key of the page's words, and a detail for it."""

    name: str
    data_uri: str
    width_px: int
    height_px: int
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PhotoIndex:
    """The photo files of a folder by path, name and digest."""

    by_name: Mapping[str, Path]
    files: tuple[Path, ...]
    _digests: dict[str, Path] = field(default_factory=dict)

    def find(self, photo_id: str) -> Path | None:
        """Return the file a photo id means, or None."""
        found = self.by_name.get(photo_id.replace("\\", "/").casefold())
        if found is not None or len(photo_id) != _DIGEST_CHARS:
            return found
        if not self._digests:
            self._digests.update({_digest(file): file for file in reversed(self.files)})
        return self._digests.get(photo_id.casefold())

    def thumbnail(self, photo_id: str, *, side_px: int = 640) -> Thumbnail:
        """Return a photo made small enough for a page, or the reason there is none."""
        file = self.find(photo_id)
        if file is None:
            shown = photo_id if len(photo_id) != _DIGEST_CHARS else photo_id[:12]
            return Thumbnail(shown, "", 0, 0, "photo_missing")
        return _shrink(file, side_px)


def index_photos(folder: Path | str | None) -> PhotoIndex:
    """Return the photos of a folder and its subfolders; no folder gives an index that finds nothing."""
    if folder is None:
        return PhotoIndex({}, ())
    root = Path(folder)
    files = sorted(file for file in root.rglob("*") if file.suffix.casefold() in _ENDINGS and file.is_file())
    names: dict[str, Path] = {}
    repeated: set[str] = set()
    for file in files:
        short = file.name.casefold()
        repeated |= {short} & names.keys()
        names[short] = file
    for short in repeated:  # two flights may both have a DJI_0001.JPG: the name alone does not say which
        del names[short]
    names.update({file.relative_to(root).as_posix().casefold(): file for file in files})
    return PhotoIndex(names, tuple(files))


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _shrink(file: Path, side_px: int) -> Thumbnail:
    from PIL import Image, ImageOps

    try:
        if file.stat().st_size > _MAX_BYTES:
            return Thumbnail(file.name, "", 0, 0, "photo_bytes", f"{file.stat().st_size / 1e6:,.0f}")
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=_FORMATS) as picture:
            wide, high = picture.size
            if wide * high > _MAX_PIXELS:
                return Thumbnail(file.name, "", wide, high, "photo_pixels", f"{wide} × {high}")
            picture.draft("RGB", (side_px, side_px))
            small = ImageOps.exif_transpose(picture).convert("RGB")
            small.thumbnail((side_px, side_px))
            stream = io.BytesIO()
            small.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    except Image.DecompressionBombError:
        return Thumbnail(file.name, "", 0, 0, "photo_pixels", f"> {_MAX_PIXELS:,}")
    except (OSError, ValueError, SyntaxError):
        return Thumbnail(file.name, "", 0, 0, "photo_damaged")
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return Thumbnail(file.name, f"data:image/jpeg;base64,{text}", small.width, small.height)
