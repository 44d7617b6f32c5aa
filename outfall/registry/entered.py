"""How what came back from the field enters the register: only what people changed, on the version they took along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates import to_crs
from outfall.errors import Problem, TableError
from outfall.registry.returned import compare_returned
from outfall.store import append_edits, read_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from outfall.store.backend import Store

__all__ = ["enter_returned"]


def enter_returned(
    store: Store,
    returned: gpd.GeoDataFrame,
    *,
    actor: str,
    since: int | None = None,
    reason: str = "",
    deleted: Collection[str] = (),
) -> pd.DataFrame:
    """Take what a team changed in its pack into the store, and return what that was.

    The rows are compared with the register as it was when the pack was taken, so that a field nobody touched never
    overwrites what others wrote meanwhile. Where two teams changed one field, ``list_conflicts`` keeps both values
    until a person decides. Rows that are missing stay, unless they are named in ``deleted``; rows without an
    ``outfall_id`` are new and enter through ``register``, as sightings.

    Parameters
    ----------
    store : path, URL or open store
        The live store.
    returned : GeoDataFrame
        As ``read_returned`` gives it. Not changed.
    actor : str
        Who was in the field, or who accepts it.
    since : int, optional
        The seq of the last event the pack knew; what ``pack_register`` says by default.
    reason : str, default ""
        Why.
    deleted : collection of str
        Ids of outfalls that are to be deleted, as people decided.

    Returns
    -------
    DataFrame
        As ``compare_returned`` gives it, against the version the pack was taken from.

    Raises
    ------
    TableError
        The rows do not say the version they were taken from, or do not meet the contract.
    StoreError
        The store is another one, or nobody is named.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import append_rows, create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> one = gpd.GeoDataFrame({"outfall_id": ["P-1"], "status": ["suspected"], "source_ref": ["x"]},
    ...     geometry=gpd.points_from_xy([114.3], [30.6]), crs=4490)
    >>> _ = append_rows(store, "outfalls", one, actor="office")
    >>> back = one.assign(status="confirmed", pack_register="1:ab")
    >>> enter_returned(store, back, actor="team 1")[["column", "after"]].values.tolist()
    [['status', 'confirmed']]
    >>> read_rows(store, "outfalls")["status"].tolist()
    ['confirmed']
    """
    seq = since if since is not None else _taken_at(returned)
    then = gpd.GeoDataFrame(read_rows(store, "outfalls", as_of=seq))
    home = _with_notes(then, returned)
    found = compare_returned(then, home)
    edited = _edited(then, home, found)
    append_edits(store, "outfalls", edited, since=seq, actor=actor, reason=reason, deleted=deleted)
    return found


def _taken_at(returned: pd.DataFrame) -> int:
    said = returned["pack_register"].dropna().astype(str).unique() if "pack_register" in returned.columns else []
    numbers = {text.partition(":")[0] for text in said}
    if len(numbers) == 1 and (number := numbers.pop()).isdigit():
        return int(number)
    problem = Problem("pack_register", f"{', '.join(sorted(numbers)) or 'nothing'} is not one event", "give since=")
    msg = "returned: the rows do not say which version of the register they were taken from"
    raise TableError(msg, [problem])


def _with_notes(then: gpd.GeoDataFrame, returned: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return rows with what people typed over a shown text behind their note."""
    if "field_note" not in returned.columns or returned["field_note"].isna().all():
        return returned
    known = then.set_index(then["outfall_id"].astype(str))["note"]
    notes = returned["note"] if "note" in returned.columns else returned["outfall_id"].map(known)
    both = [
        "；".join(str(part) for part in pair if pd.notna(part) and str(part).strip()) or None
        for pair in zip(notes, returned["field_note"], strict=True)
    ]
    return gpd.GeoDataFrame(returned.assign(note=pd.Series(both, index=returned.index, dtype="str")))


def _edited(then: gpd.GeoDataFrame, returned: gpd.GeoDataFrame, found: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return whole rows of the old version with the fields that people changed."""
    changes = found[found["change"] == "changed"]
    rows = then[then["outfall_id"].isin(changes["outfall_id"])].copy()
    at = dict(zip(rows["outfall_id"], rows.index, strict=True))
    home = returned.set_index("outfall_id")
    there = to_crs(returned, then.crs, where="returned").set_index("outfall_id").geometry if len(returned) else None
    for name, column in zip(changes["outfall_id"], changes["column"], strict=True):
        if column == "geometry":
            assert there is not None
            rows.loc[at[name], "geometry"] = there[name]
        else:
            rows[column] = _put(rows[column], at[name], home.loc[name, column])
    refs = [f"{ref};field" if ref else "field" for ref in rows["source_ref"].fillna("")]
    return gpd.GeoDataFrame(rows.assign(source_ref=refs))


def _put(values: pd.Series, at: object, value: object) -> pd.Series:
    new = values.astype("object").copy()
    new[at] = None if pd.isna(value) else value
    return pd.Series(new.to_numpy(), index=values.index, dtype=values.dtype)
