"""What people open in QGIS or Excel: a copy of every table at one moment, never the live file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import StoreError
from outfall.store.aside import write_aside
from outfall.store.connection import ENDING
from outfall.store.log import read_events
from outfall.store.rows import list_tables, read_rows

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["take_snapshot"]


def take_snapshot(path: Path | str, target: Path | str, *, as_of: datetime | int | None = None) -> Path:
    """Write every table that holds rows as one layer of a GeoPackage, aside and then moved into place.

    The layer ``snapshot`` says which event was the last one and its hash; ``verify_chain(path, head=...)`` takes it.

    Parameters
    ----------
    path : path
        The live store; it is read through its own SQLite build only.
    target : path
        Ends in ``.gpkg``. An older snapshot is replaced.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event. Now by default.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    StoreError
        The target is the live file or another live store, or does not end in ``.gpkg``.
    ProjectError
        The older snapshot is open in another program, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> take_snapshot(create_store(folder / "county.outfalldb"), folder / "county.gpkg").name
    'county.gpkg'
    """
    file = Path(target)
    _refuse_live(Path(path), file)
    events = read_events(path).drop(columns="body")
    if isinstance(as_of, int) and not isinstance(as_of, bool):
        events = events[events["seq"] <= as_of]
    elif as_of is not None and len(events):
        list_tables(path, as_of=as_of)  # refuses a moment without a zone
        events = events[events["recorded_at"] <= pd.Timestamp(as_of)]
    seq = int(events["seq"].max()) if len(events) else 0
    tables = {name: read_rows(path, name, as_of=seq) for name in list_tables(path, as_of=seq)}
    about = events.tail(1)[["seq", "recorded_at", "hash"]].reset_index(drop=True)
    return write_aside(file, lambda aside: _write({**tables, "snapshot": about}, aside))


def _write(tables: dict[str, pd.DataFrame], aside: Path) -> None:
    import pyogrio

    for name, frame in tables.items():
        ready = _named_apart(frame)
        if isinstance(ready, gpd.GeoDataFrame) and ready.crs is not None:
            pyogrio.write_dataframe(ready, aside, layer=name, driver="GPKG", geometry_type=_geometry_type(ready))
        else:
            plain = pd.DataFrame(ready).drop(columns="geometry", errors="ignore")
            pyogrio.write_dataframe(plain, aside, layer=name, driver="GPKG")


def _named_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with names that GeoPackage keeps apart: it has its own fid and geom, and ignores case."""
    taken, new = {"fid", "geom"}, {}
    for name in frame.columns:
        free = str(name)
        while free.casefold() in taken:
            free = f"{free}_"
        taken.add(free.casefold())
        new[name] = free
    objects = {name: "str" for name in frame.columns if frame[name].dtype == object}
    return frame.astype(objects).rename(columns=new)


def _geometry_type(frame: gpd.GeoDataFrame) -> str:
    kinds = set(frame.geometry.dropna().geom_type)
    if len(kinds) != 1:
        return "Unknown"
    return kinds.pop() + (" Z" if frame.geometry.has_z.any() else "")


def _refuse_live(live: Path, target: Path) -> None:
    real = target.resolve()
    is_same = real == live.resolve() or (target.exists() and live.exists() and target.samefile(live))
    if is_same or ENDING in real.name.casefold():
        msg = f"{target}: this is a live store; a second program that opens it can lose committed rows. Write the snapshot to another file"
        raise StoreError(msg)
    if target.suffix.casefold() != ".gpkg":
        msg = f"{target}: a snapshot is a GeoPackage; end its name in .gpkg"
        raise StoreError(msg)
