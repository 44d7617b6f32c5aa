"""What a file is that rows were read from: its content as a name, how its text is written, what read it."""

from __future__ import annotations

import codecs
import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_encoding", "hash_content", "name_reader"]

_CHUNK = 1 << 20


def hash_content(path: Path) -> str:
    """Return what names the content of a file, or of a folder with the names in it."""
    if not path.exists():
        msg = f"{path}: no such file; give the file the rows were read from"
        raise ReadError(msg)
    total = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file()):
        if file != path:
            total.update(
                f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape")
            )
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                total.update(chunk)
    return total.hexdigest()


def find_encoding(path: Path) -> str:
    """Return how a text file writes its characters; empty for other files."""
    if path.suffix.casefold() not in (".csv", ".txt", ".tsv", ".json", ".geojson"):
        return ""
    with path.open("rb") as stream:
        start = stream.read(_CHUNK)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"


def name_reader(rows: object) -> str:
    """Return what read the rows: the name of a function, or that they were given as a frame."""
    if isinstance(rows, pd.DataFrame):
        return "frame"
    return f"{getattr(rows, '__module__', '?')}.{getattr(rows, '__qualname__', type(rows).__name__)}"
