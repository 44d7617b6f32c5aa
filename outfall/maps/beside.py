"""What lies beside a page that is more than one file: its data in pieces, its photos under names any disk accepts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["name_photos", "shards_of"]

_SHARD_CHARACTERS = 8_000_000
_RESERVED = {"con", "prn", "aux", "nul", *(f"{word}{k}" for word in ("com", "lpt") for k in range(10))}


def shards_of(text: str, *, folder: str) -> tuple[dict[str, str], list[dict[str, object]]]:
    """Return scripts that hand a long text to the page in pieces, and the list by which the page checks each.

    Parameters
    ----------
    text : str
        The packed data, of letters that mean nothing to scripts.
    folder : str
        Name of the folder they will lie in, as the page refers to it.

    Returns
    -------
    tuple
        File name to script, and rows of ``file``, ``name``, ``characters`` and ``sha256``.

    Examples
    --------
    >>> files, rows = shards_of("QUJD", folder="map_files")
    >>> [row["characters"] for row in rows], list(files)
    ([4], ['data-000-d9cae0dbdbf0.js'])
    """
    files: dict[str, str] = {}
    rows: list[dict[str, object]] = []
    for k, at in enumerate(range(0, len(text), _SHARD_CHARACTERS)):
        part = text[at : at + _SHARD_CHARACTERS]
        digest = hashlib.sha256(part.encode("ascii")).hexdigest()
        name = f"data-{k:03d}-{digest[:12]}"
        files[f"{name}.js"] = f'outfallShard("{name}", "{part}");\n'
        href = f"{quote(folder)}/{name}.js"
        rows.append({"file": href, "name": name, "characters": len(part), "sha256": digest})
    return files, rows


def name_photos(sources: Mapping[str, Path]) -> dict[str, str]:
    """Return a name for every photo that any disk accepts, each file under one name.

    Parameters
    ----------
    sources : mapping of str to Path
        Photo id to file.

    Returns
    -------
    dict of str to str
        Photo id to ``photos/<name>``.

    Examples
    --------
    >>> from pathlib import Path
    >>> name_photos({"a": Path("x/DJI?1.JPG"), "b": Path("y/DJI?1.JPG"), "c": Path("x/DJI?1.JPG")})
    {'a': 'photos/DJI_1.JPG', 'b': 'photos/DJI_1-2.JPG', 'c': 'photos/DJI_1.JPG'}
    """
    taken: set[str] = set()
    known: dict[Path, str] = {}
    for path in sources.values():
        if path in known:
            continue
        stem, ending = _plain_name(path)
        name, k = f"{stem}{ending}", 1
        while name.casefold() in taken:
            k += 1
            name = f"{stem}-{k}{ending}"
        taken.add(name.casefold())
        known[path] = f"photos/{name}"
    return {photo: known[path] for photo, path in sources.items()}


def _plain_name(path: Path) -> tuple[str, str]:
    text = unicodedata.normalize("NFC", path.name.encode("utf-8", errors="replace").decode("utf-8"))
    text = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*#%\u202a-\u202e\u2066-\u2069]', "_", text)
    stem, dot, ending = text.rpartition(".")
    stem, ending = (stem, f".{ending}") if dot and stem and len(ending) <= 5 else (text, "")
    stem = stem.strip(" .")[:80] or "photo"
    return (f"{stem}_" if stem.casefold() in _RESERVED else stem), ending
