"""Is there a file, does it hold something, and is it one of those that make a library open other files."""

from __future__ import annotations

import difflib
from pathlib import Path

from outfall.errors import ReadError, UnsafeInputError

__all__ = ["file_bytes", "neighbours", "raster_driver", "refuse_virtual", "require_file"]

# Rasters that hold their own pixels: GDAL is allowed no driver that opens other files.
_RASTERS = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"EHFA_HEADER_TAG", "HFA"),
    (b"\x00\x00\x00\x0cjP  ", "JP2OpenJPEG"),
    (b"ncols", "AAIGrid"),
)
_HEAD_BYTES = 65_536
_MAX_BYTES = 1_000_000_000
# Files that name other files, under whatever ending: GDAL would follow them.
_VIRTUAL = (
    b"<OGRVRTDataSource",
    b"<OGRVRTLayer",
    b"<VRTDataset",
    b"<GDAL_WMS",
    b"<GDALTileIndexDataset",
    b"<WCS_GDAL",
    b"<WFSDataSource",
    b"<OGRWFSDataSource",
    b"<OGRAPIDataSource",
    b"<GMLASConfiguration",
    b"<SQLResult",
)


def require_file(path: Path | str) -> Path:
    """Return the path of a file that is there and holds something.

    Raises
    ------
    ReadError
        There is no such file (its neighbours are named), it is a folder, or it holds nothing.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "walk.csv").write_text("a", encoding="utf-8")
    >>> require_file(folder / "walk.csv").name
    'walk.csv'
    """
    file = Path(path)
    try:
        is_there, is_folder = file.exists(), file.is_dir()
    except (OSError, ValueError) as error:
        msg = f"{str(file)!r}: not the name of a file ({error}); give the path of the file"
        raise ReadError(msg) from error
    if not is_there:
        msg = f"{file}: no such file; the folder holds {neighbours(file)}"
        raise ReadError(msg)
    if not is_folder and file.stat().st_size == 0:
        msg = f"{file}: the file is empty (0 bytes); export it again"
        raise ReadError(msg)
    return file


def neighbours(file: Path) -> str:
    """Return the files a missing one may have been meant to be, for a message."""
    if not file.parent.is_dir():
        return f"nothing: {file.parent} is no folder"
    names = sorted(item.name for item in file.parent.iterdir())
    near = difflib.get_close_matches(file.name, names, n=3, cutoff=0.5)
    return ", ".join(near or names[:6]) or "nothing"


def file_bytes(path: Path | str, *, max_bytes: int = _MAX_BYTES) -> bytes:
    """Return what a file holds, unless that is too much to be what it says it is.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int, default 1e9
        Most that is read.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    ReadError
        Missing, empty, a folder, or not readable.
    UnsafeInputError
        Too large.
    """
    file = require_file(path)
    if file.is_dir():
        msg = f"{file}: is a folder; give one file"
        raise ReadError(msg)
    if file.stat().st_size > max_bytes:
        msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB are more than the {max_bytes / 1e6:,.0f} MB read at once; split the file"
        raise UnsafeInputError(msg)
    try:
        return file.read_bytes()
    except OSError as error:
        msg = f"{file}: cannot be read ({error}); close it elsewhere, or copy it to a local disk"
        raise ReadError(msg) from error


def refuse_virtual(path: Path, *, is_for_gdal: bool = False) -> bytes:
    r"""Return the first bytes of a file, refusing what would open other files whatever its ending.

    Parameters
    ----------
    path : path
        A file or a folder.
    is_for_gdal : bool, default False
        Whether GDAL will look at it: it finds such words anywhere. Elsewhere only markup is refused, so that a table
        may speak of them.

    Raises
    ------
    UnsafeInputError
        A virtual data source (VRT, WMS, WFS, tile index).

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.shp"
    >>> _ = file.write_bytes(b"\x00\x00\x27\x0a")
    >>> len(refuse_virtual(file))
    4
    """
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    flat = head.replace(b"\x00", b"")  # the same in UTF-16
    is_markup = flat.removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n").startswith(b"<")
    if (is_for_gdal or is_markup) and any(mark in flat for mark in _VIRTUAL):
        msg = f"{path}: the content is a virtual data source that opens other files; it is refused. Export the data itself"
        raise UnsafeInputError(msg)
    return head


def raster_driver(path: Path | str, *, head: bytes | None = None) -> str:
    """Return the one GDAL driver that may open a raster, by its first bytes.

    Parameters
    ----------
    path : path
        The raster, or its name in an archive.
    head : bytes, optional
        First bytes where it does not lie in a file of its own.

    Returns
    -------
    str
        Name of the driver.

    Raises
    ------
    ReadError
        There is no such file, or it is no raster that holds its own pixels.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.tif"
    >>> _ = file.write_bytes(b"II*" + bytes(9))
    >>> raster_driver(file)
    'GTiff'
    """
    file = Path(path) if head is not None else require_file(path)
    if head is None:
        head = b""
        if file.is_file():
            with file.open("rb") as stream:
                head = stream.read(32)
    for mark, driver in _RASTERS:
        if head.startswith(mark) or (driver == "AAIGrid" and head.lstrip().lower().startswith(mark)):
            return driver
    msg = f"{file.name}: cannot be read as a raster; give a GeoTIFF of directions or elevations"
    raise ReadError(msg)
