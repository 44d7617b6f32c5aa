"""Every decision of the builder as one row with the user's own ids: the ``issues`` table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.tables import empty, join_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shapely.geometry.base import BaseGeometry

__all__ = ["Record"]

_MANY = 400  # ids in one row; the rest is counted


@dataclass
class Record:
    """Decisions as they are made.

    Parameters
    ----------
    rows : list of dict
        One per decision.
    """

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        ids: Iterable[object],
        reasons: tuple[str, str],
        *,
        level: str = "note",
        about: str = "reaches",
        decision: str = "",
        at: BaseGeometry | tuple[float, float] | None = None,
        distance_m: float = np.nan,
    ) -> None:
        """Write one decision down.

        Parameters
        ----------
        kind : str
            Word of the list ``issue_kind``.
        ids : iterable
            The user's ids of the rows concerned.
        reasons : (str, str)
            What was found, in English and in Chinese.
        level : {"note", "warning", "error"}, default "note"
            Word of the list ``issue_level``.
        about : str, default "reaches"
            Which input.
        decision : str
            What was done.
        at : geometry or (east, north), optional
            Where.
        distance_m : float, metres, optional
            How far things were apart.
        """
        names = sorted({str(item) for item in ids})
        more = len(names) - _MANY
        where = shapely.Point(at) if isinstance(at, tuple) else at
        self.rows.append(
            {
                "about": about,
                "row_ids": join_ids(names[:_MANY]),
                "kind": kind,
                "level": level,
                "reason": reasons[0] + (f" (and {more:,} more ids)" if more > 0 else ""),
                "reason_zh": reasons[1] + (f"(另有 {more:,} 个编号)" if more > 0 else ""),
                "decision": decision,
                "distance_m": distance_m,
                "source_ref": f"build_network({about})",
                "geometry": where,
            }
        )

    def table(self, crs: object) -> gpd.GeoDataFrame:
        """Return the decisions as the ``issues`` table, in an order that does not depend on that of the lines.

        Parameters
        ----------
        crs : CRS
            Of the places.

        Returns
        -------
        GeoDataFrame
            Contract ``issues``.
        """
        blank = empty("issues", crs=crs)
        if not self.rows:
            return blank
        order = ["kind", "about", "row_ids", "reason", "distance_m"]
        frame = pd.DataFrame(self.rows).sort_values(order, kind="stable", ignore_index=True)
        frame.insert(0, "issue_id", _issue_ids(frame))
        shapes = gpd.GeoSeries(frame.pop("geometry"), crs=crs)
        frame["decision"] = frame["decision"].mask(frame["decision"] == "")
        types = {name: blank[name].dtype for name in frame.columns}
        return gpd.GeoDataFrame(frame.astype(types)[[n for n in blank.columns if n != "geometry"]], geometry=shapes)


def _issue_ids(frame: pd.DataFrame) -> list[str]:
    """Return an id for each issue that only depends on what it is about: its kind, its rows and its place."""
    seen: dict[str, int] = {}
    names = []
    columns = (frame[name] for name in ("kind", "about", "row_ids", "geometry"))
    for kind, about, ids, where in zip(*columns, strict=True):
        at = shapely.get_coordinates(where)[0].round(1).tolist() if where is not None else ""
        digest = hashlib.sha256(f"{kind}|{about}|{ids}|{at}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        names.append(f"{kind}-{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else ""))
    return names
