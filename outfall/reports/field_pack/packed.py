"""What one pack holds before any format writes it: rows with their ids, photos by content, and where it was taken from."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.errors import Problem, TableError
from outfall.reports.photos import index_photos
from outfall.survey.packed import PACK_HEADINGS
from outfall.tables import check, contract, join_ids, split_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from outfall.tables import Column
    from outfall.vocabulary import Lang

__all__ = ["FieldPack", "Packed", "pack_rows"]

Progress = "Callable[[str, int, int], None]"
_CGCS2000 = 4490
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "outfall:outfall_id")
_SHORT = 16
_KEPT = ("uuid", "pack_id", "pack_day", "pack_team", "pack_register", "pack_photos", "register_ref")
_CHOICES = {
    "lang": ("zh", "en"),
    "shift": ("", "gcj02", "bd09"),
    "angle": ("degrees", "minutes", "seconds"),
    "encoding": ("utf-8", "utf-8-sig", "gb18030"),
}


@dataclass(frozen=True, slots=True)
class FieldPack:
    """How a pack is made, and for whom.

    Parameters
    ----------
    team : str
        Who takes it along.
    day : date or str, optional
        The day in the field, as ``2026-04-12``.
    register : str
        Version of the register the pack is taken from: ``seq:hash`` of the last event of its store.
    lang : {"zh", "en"}, default "zh"
        Language of headings and legends; ids and words are the same in both.
    formats : tuple of str
        Names of ``FORMATS``; all of them where none is said.
    photos_folder : path, optional
        Where the photos named in ``photo_ids`` lie.
    base_map : path, optional
        A GeoTIFF or MBTiles that goes along in the QField folder.
    shift : {"", "gcj02", "bd09"}, default ""
        What the OVITAL list is written in; CGCS2000 by default.
    angle : {"degrees", "minutes", "seconds"}, default "degrees"
        How the OVITAL list writes angles.
    encoding : {"utf-8-sig", "utf-8", "gb18030"}, default "utf-8-sig"
        Of the OVITAL list; ``utf-8-sig`` has a byte order mark.
    is_replaced : bool, default False
        Whether a pack that is there already is replaced.

    Raises
    ------
    TableError
        A choice is none of those named; all problems are listed.

    Examples
    --------
    >>> FieldPack(team="一组", day="2026-04-12").lang
    'zh'
    """

    team: str = ""
    day: date | str | None = None
    register: str = ""
    lang: Lang = "zh"
    formats: tuple[str, ...] = ()
    photos_folder: Path | str | None = None
    base_map: Path | str | None = None
    shift: Literal["", "gcj02", "bd09"] = ""
    angle: Literal["degrees", "minutes", "seconds"] = "degrees"
    encoding: Literal["utf-8", "utf-8-sig", "gb18030"] = "utf-8-sig"
    is_replaced: bool = False

    def __post_init__(self) -> None:
        """Refuse what no format can follow, with every reason at once."""
        problems = [
            Problem(name, f"{getattr(self, name)!r} is not one of {', '.join(repr(one) for one in known)}")
            for name, known in _CHOICES.items()
            if getattr(self, name) not in known
        ]
        if self.day is not None and not _is_day(str(self.day)):
            problems.append(Problem("day", f"{self.day!r} is not a day", "write it as 2026-04-12"))
        if problems:
            msg = f"field pack: {len(problems)} option{'s' if len(problems) > 1 else ''} cannot be used"
            raise TableError(msg, problems)


@dataclass(frozen=True, slots=True)
class Packed:
    """The rows of one pack and what goes with them; all geometry in EPSG:4490.

    Parameters
    ----------
    rows : GeoDataFrame
        Contract ``outfalls`` with the columns that come back, point or none; ``photo_ids`` as file names.
    own : tuple of str
        Columns of the user's own, as text.
    photos : mapping of str to path
        File name in the pack to the file it is a copy of.
    settings : FieldPack
        For whom.
    pack_id : str
        Digest of the rows and of the version they were taken from.
    reaches, sources, sightings : GeoDataFrame, optional
        What goes along to be looked at.
    """

    rows: gpd.GeoDataFrame
    own: tuple[str, ...]
    photos: Mapping[str, Path]
    settings: FieldPack
    pack_id: str
    reaches: gpd.GeoDataFrame | None = None
    sources: gpd.GeoDataFrame | None = None
    sightings: gpd.GeoDataFrame | None = None
    labels: tuple[str, ...] = field(default=())

    @property
    def columns(self) -> list[str]:
        """Columns that travel, in the order of the contract."""
        return [str(name) for name in self.rows.columns if name != "geometry"]

    def heading(self, name: str) -> str:
        """Return what people read over a column."""
        declared = contract("outfalls").columns.get(name)
        if declared is not None:
            return declared.heading(self.settings.lang)
        zh, en = PACK_HEADINGS.get(name, (name, name))
        return zh if self.settings.lang == "zh" else en

    def declared(self, name: str) -> Column | None:
        """Return the declaration of a column, None where it is the user's own or the pack's."""
        return contract("outfalls").columns.get(name)

    def texts(self, *, photo_folder: str = "DCIM") -> pd.DataFrame:
        """Return every cell as text that reads back as it was; missing ones are None."""
        return pd.DataFrame(
            {
                name: self.photo_cells(photo_folder) if name == "photo_ids" else [spell(value) for value in values]
                for name, values in self.rows.drop(columns="geometry").items()
            },
            dtype="object",
        )

    def photo_cells(self, folder: str) -> list[str | None]:
        """Return the photos of each row, those that travel with the folder they lie in."""
        return [
            join_ids(f"{folder}/{one}" if one in self.photos else one for one in split_ids(cell)) or None
            for cell in self.rows["photo_ids"]
        ]


def pack_rows(
    outfalls: gpd.GeoDataFrame, settings: FieldPack, *, progress: Callable[[str, int, int], None] | None = None
) -> Packed:
    """Return the rows of a pack: checked, in EPSG:4490, each with its uuid and the version it was taken from.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, any CRS
        Contract ``outfalls``; rows without a position are packed too. Not changed.
    settings : FieldPack
        For whom.
    progress : callable, optional
        Told how many photos were looked up.

    Returns
    -------
    Packed
        Without the tables that go along.
    """
    table = _checked(outfalls)
    own = tuple(str(name) for name in table.columns if name not in contract("outfalls").columns and name != "geometry" and name not in PACK_HEADINGS)  # fmt: skip
    cells, names, photos = _photos(table["photo_ids"], settings, progress)
    given = outfalls["uuid"] if "uuid" in outfalls.columns else pd.Series(None, index=table.index, dtype="str")
    ids = [str(uuid.uuid5(_NAMES, str(name))) for name in table["outfall_id"]]
    made = {
        "uuid": given.astype("str").where(given.notna().to_numpy(), pd.Series(ids, index=table.index, dtype="str")),
        "pack_id": "",
        "pack_day": "" if settings.day is None else str(settings.day),
        "pack_team": settings.team,
        "pack_register": settings.register,
        "pack_photos": pd.Series(names, index=table.index, dtype="str"),
        "register_ref": table["source_ref"],
    }
    texts = {
        name: pd.Series([_stripped(value) for value in table[name]], index=table.index, dtype="str") for name in own
    }
    bare = table[[name for name in contract("outfalls").columns if name != "source_ref"]]
    rows = bare.assign(photo_ids=pd.Series(cells, index=table.index, dtype="str"), **made, **texts)
    pack_id = _digest(rows, table.geometry)
    front = ["uuid", "outfall_id"]
    order = [*front, *(name for name in rows.columns if name not in front)]
    frame = gpd.GeoDataFrame(rows[order].assign(pack_id=pack_id), geometry=table.geometry).reset_index(drop=True)
    labels = [f"{one} {name}".strip() for one, name in zip(frame["outfall_id"], frame["name"].fillna(""), strict=True)]
    return Packed(frame, own, photos, settings, pack_id, labels=tuple(labels))


def spell(value: object) -> str | None:
    """Return a cell as text that reads back as the same cell; None where it is missing.

    Examples
    --------
    >>> spell(600.0), spell(True), spell(None), spell("<0.05")
    ('600.0', 'yes', None, '<0.05')
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(value)


def _stripped(value: object) -> str | None:
    """Return a cell of a user's own column as text without blanks around it, which no format keeps."""
    return (spell(value) or "").strip() or None


def _checked(outfalls: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the contract's rows in EPSG:4490; the one thing a pack forgives is a row without a position."""
    lost = (outfalls.geometry.isna() | outfalls.geometry.is_empty).to_numpy(bool)
    points = np.array(outfalls.geometry, dtype=object)
    points[lost] = shapely.Point(0, 0)
    table = check(outfalls.set_geometry(gpd.GeoSeries(points, index=outfalls.index, crs=outfalls.crs)), "outfalls")
    if not len(table):
        return gpd.GeoDataFrame(table.set_geometry(gpd.GeoSeries([], index=table.index, crs=_CGCS2000)))
    moved = np.array(to_crs(table, _CGCS2000, where="outfalls").geometry, dtype=object)
    moved[lost] = None
    return gpd.GeoDataFrame(table.set_geometry(gpd.GeoSeries(moved, index=table.index, crs=_CGCS2000)))


def _photos(
    ids: pd.Series, settings: FieldPack, progress: Callable[[str, int, int], None] | None
) -> tuple[list[str | None], list[str | None], dict[str, Path]]:
    """Return file names per row, what they were called before, and the files; a photo that is not there keeps its id."""
    index = index_photos(settings.photos_folder)
    wanted = list(dict.fromkeys(one for cell in ids for one in split_ids(cell)))
    known, photos = dict[str, tuple[str, str]](), dict[str, "Path"]()
    for at, one in enumerate(wanted):
        if progress is not None and at % max(1, len(wanted) // 20) == 0:
            progress("照片 photos", at, len(wanted))
        file = index.find(one)
        if file is not None:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            name = f"{digest[:_SHORT]}{file.suffix.casefold()}"
            known[one], photos[name] = (name, digest), file
    cells, former = list[str | None](), list[str | None]()
    for cell in ids:
        parts = split_ids(cell)
        cells.append(join_ids(known[one][0] if one in known else one for one in parts) or None)
        renamed = [f"{known[one][1][:_SHORT]}={one}" for one in parts if one in known and known[one][1] != one]
        former.append(join_ids(renamed) or None)
    return cells, former, photos


def _digest(rows: pd.DataFrame, points: gpd.GeoSeries) -> str:
    total = hashlib.sha256()
    for row, point in zip(rows.itertuples(index=False), points, strict=True):
        cells = [spell(value) or "" for value in row]
        total.update("\x1f".join([*cells, "" if point is None else point.wkt, "\x1e"]).encode())
    return total.hexdigest()[:12]


def _is_day(text: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
