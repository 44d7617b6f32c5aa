"""How a pack becomes a folder or a zip that a team takes along: written aside, listed, never over another one."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import Problem, ProjectError, TableError
from outfall.reports.field_pack.formats import FORMATS
from outfall.reports.field_pack.packed import FieldPack, pack_rows
from outfall.reports.field_pack.zipped import zip_folder
from outfall.store import write_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import geopandas as gpd

    from outfall.network import Network
    from outfall.reports.field_pack.formats import Format
    from outfall.reports.field_pack.packed import Packed
    from outfall.tracing import Trace

__all__ = ["write_field_pack"]

_BESIDE = {"gpx", "geojson", "xlsx", "gpkg"}


def write_field_pack(
    outfalls: gpd.GeoDataFrame,
    target: Path | str,
    *,
    network: Network | None = None,
    found: Trace | None = None,
    sources: gpd.GeoDataFrame | None = None,
    sightings: gpd.GeoDataFrame | None = None,
    settings: FieldPack | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Write what a team takes into the field and can give back: one pack in many formats.

    Every row carries its ``uuid``, the day, the team and the version of the register it was taken from. What comes
    back is read by ``read_returned`` (rows of the register) or ``read_ground`` (sightings) and compared by
    ``compare_returned``.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, Point, any CRS
        Contract ``outfalls``, in the order of the map; rows without a position are packed where a format can hold
        them. Not changed.
    target : path
        A folder, or a file that ends in ``.zip``.
    network : Network, optional
        Rivers and pipes to look at.
    found : Trace, optional
        Its sources go along where ``sources`` is not given.
    sources, sightings : GeoDataFrame, optional
        Contracts ``sources`` and ``sightings``, to look at.
    settings : FieldPack, optional
        For whom, in which formats, with which photos.
    progress : callable, optional
        Called with what begins, how many were done before it, and of how many.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    TableError
        The outfalls do not meet their contract, or a format is not known.
    ProjectError
        A pack is there already, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import geopandas as gpd
    >>> one = gpd.GeoDataFrame({"outfall_id": ["P-1"], "status": ["suspected"], "source_ref": ["x"]},
    ...     geometry=gpd.points_from_xy([114.3], [30.6]), crs=4490)
    >>> pack = write_field_pack(one, Path(tempfile.mkdtemp()) / "一组", settings=FieldPack(formats=("kmz",)))
    >>> sorted(file.name for file in pack.iterdir())
    ['README.txt', 'outfalls.kmz', 'pack.json']
    """
    path, settings = Path(target), settings or FieldPack()
    chosen = _chosen(settings)
    if path.exists() and not settings.is_replaced:
        msg = f"{path}: is there already, and people may have written into it; give another name, or is_replaced=True"
        raise ProjectError(msg)
    if settings.base_map is not None and not Path(settings.base_map).is_file():
        msg = f"{settings.base_map}: there is no such base map; give a GeoTIFF or MBTiles, or leave it out"
        raise ProjectError(msg)
    packed = replace(
        pack_rows(outfalls, settings, progress=progress),
        reaches=None if network is None else network.reaches,
        sources=sources if sources is not None else getattr(found, "sources", None),
        sightings=sightings,
    )

    def make(aside: Path) -> None:
        if path.suffix.casefold() != ".zip":
            _write_folder(packed, chosen, aside, progress)
            return
        with tempfile.TemporaryDirectory() as folder:
            _write_folder(packed, chosen, Path(folder) / "pack", progress)
            zip_folder(Path(folder) / "pack", aside)

    return write_aside(path, make)


def _chosen(settings: FieldPack) -> list[Format]:
    names = settings.formats or tuple(FORMATS)
    unknown = [Problem("formats", f"{one!r} is not one of {', '.join(FORMATS)}") for one in names if one not in FORMATS]
    if unknown:
        msg = f"field pack: {len(unknown)} format{'s are' if len(unknown) > 1 else ' is'} not known"
        raise TableError(msg, unknown)
    return [FORMATS[one] for one in dict.fromkeys(names)]


def _write_folder(
    packed: Packed, chosen: Sequence[Format], folder: Path, progress: Callable[[str, int, int], None] | None
) -> None:
    folder.mkdir(parents=True)
    if packed.photos and _BESIDE & {one.name for one in chosen}:
        (folder / "DCIM").mkdir()
        for name, file in packed.photos.items():
            shutil.copyfile(file, folder / "DCIM" / name)
    for at, one in enumerate(chosen):
        if progress is not None:
            progress(one.name, at, len(chosen))
        file = folder / one.file
        file.parent.mkdir(exist_ok=True)
        one.write(packed, file)
    (folder / "README.txt").write_text(_read_me(packed, chosen), encoding="utf-8-sig", newline="\r\n")
    (folder / "pack.json").write_text(json.dumps(_manifest(packed, chosen, folder), ensure_ascii=False, indent=1), encoding="utf-8")  # fmt: skip


def _read_me(packed: Packed, chosen: Sequence[Format]) -> str:
    """Return what stands beside the files, in both languages."""
    settings = packed.settings
    text = files("outfall.reports.field_pack").joinpath("readme.txt").read_text(encoding="utf-8")
    zh = "\n".join(f"  {one.file}  {one.zh}{_lost(one, 1)}" for one in chosen)
    en = "\n".join(f"  {one.file}  {one.en}{_lost(one, 2)}" for one in chosen)
    said = {"@team@": settings.team or "-", "@day@": str(settings.day or "-"), "@register@": settings.register or "-"}
    said |= {"@pack@": packed.pack_id, "@count@": f"{len(packed.rows):,}", "@photos@": f"{len(packed.photos):,}"}
    for mark, value in {**said, "@files_zh@": zh, "@files_en@": en}.items():
        text = text.replace(mark, value)
    return text


def _lost(one: Format, lang: int) -> str:
    said = ["；", "; "][lang - 1].join(loss[lang] for loss in one.losses)
    return f"（不含：{said}）" if said and lang == 1 else f" (does not hold: {said})" if said else ""


def _manifest(packed: Packed, chosen: Sequence[Format], folder: Path) -> dict[str, object]:
    settings = packed.settings
    digests = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    return {
        "pack_id": packed.pack_id,
        "team": settings.team,
        "day": None if settings.day is None else str(settings.day),
        "register": settings.register,
        "crs": "EPSG:4490",
        "outfalls": len(packed.rows),
        "photos": len(packed.photos),
        "formats": {one.name: {"file": one.file, "losses": [loss[2] for loss in one.losses]} for one in chosen},
        "files": digests,
    }
