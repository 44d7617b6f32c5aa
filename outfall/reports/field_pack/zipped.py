"""How a pack becomes one archive that is the same for the same content; it only writes, it opens none."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["write_zip", "zip_folder"]

_STORED = (".jpg", ".jpeg", ".png", ".webp", ".kmz", ".xlsx", ".heic")
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, members: Mapping[str, bytes | Path]) -> None:
    """Write an archive of members by name, in the order given; photos are not packed twice."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, date_time=_NO_TIME)
            is_small = name.casefold().endswith(_STORED)
            info.compress_type = zipfile.ZIP_STORED if is_small else zipfile.ZIP_DEFLATED
            archive.writestr(info, content.read_bytes() if isinstance(content, Path) else content)


def zip_folder(folder: Path, path: Path) -> None:
    """Write everything in a folder as an archive, in the order of names."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    write_zip(path, {file.relative_to(folder).as_posix(): file for file in files})
