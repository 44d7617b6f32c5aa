"""The ranked sources of one outfall, as a small table that draws itself."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import TraceError

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["Ranking", "require_outfall"]

_SHOWN = 8
_LATER = ("inclusion_share", "contribution_share", "contribution_low_share", "contribution_high_share")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sources of one outfall, most probable first.

    Parameters
    ----------
    outfall_id : str
        The outfall.
    table : DataFrame
        ``rank``, ``source_id``, ``name``, ``posterior_share``, ``prior_share``, ``reach_share``, ``distance_m``,
        ``travel_h``, ``reason``, ``reason_zh``, ``inclusion_share`` (and contributions where they were estimated);
        then one column per line with its log likelihood ratio.
    """

    outfall_id: str
    table: pd.DataFrame

    @classmethod
    def build(cls, outfall_id: str, rows: pd.DataFrame, evidence: pd.DataFrame, sources: gpd.GeoDataFrame) -> Ranking:
        """Return the ranking from the candidate and evidence rows of one outfall."""
        names = sources.set_index("source_id")["name"]
        columns = [
            "rank",
            "source_id",
            "posterior_share",
            "prior_share",
            "reach_share",
            "distance_m",
            "travel_h",
            "reason",
            "reason_zh",
        ]
        columns += [name for name in _LATER if name in rows.columns and rows[name].notna().any()]
        table = pd.DataFrame(rows[columns])
        table.insert(2, "name", rows["source_id"].map(names))
        lines = evidence.pivot_table(index="source_id", columns="line", values="log_lr", aggfunc="sum")
        lines = lines.reindex(columns=list(dict.fromkeys(evidence["line"])))
        return cls(outfall_id, table.join(lines, on="source_id"))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, column: str) -> pd.Series:
        return self.table[column]

    def __repr__(self) -> str:
        lines = [f"{self.outfall_id}: {len(self.table)} candidates"]
        for row in self.table.head(_SHOWN).itertuples(index=False):
            bar = "█" * round(20 * float(row.posterior_share))
            name = row.name if isinstance(row.name, str) else ""
            lines.append(f"  {row.posterior_share:5.2f} {bar:<20} {row.source_id} {name}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for row in self.table.head(_SHOWN).itertuples(index=False):
            name = html.escape(row.name) if isinstance(row.name, str) else ""
            bar = f'<div style="background:#2a78b5;height:10px;width:{160 * float(row.posterior_share):.0f}px"></div>'
            rows.append(
                f"<tr><td>{row.rank}</td><td>{html.escape(str(row.source_id))}</td><td>{name}</td>"
                f"<td>{row.posterior_share:.2f}</td><td>{bar}</td>"
                f'<td style="text-align:left">{html.escape(str(row.reason))}</td></tr>'
            )
        head = "".join(f"<th>{text}</th>" for text in ("", "source", "name", "probability", "", "way"))
        return f"<table><caption>{html.escape(self.outfall_id)}</caption><tr>{head}</tr>{''.join(rows)}</table>"


def require_outfall(outfalls: pd.DataFrame, outfall_id: str) -> None:
    """Refuse an outfall that is not in a trace.

    Parameters
    ----------
    outfalls : DataFrame
        Contract ``outfalls``.
    outfall_id : str
        What was asked for.

    Raises
    ------
    TraceError
        It is not there; the message names some that are.
    """
    if not (outfalls["outfall_id"] == outfall_id).any():
        some = ", ".join(outfalls["outfall_id"].astype("str").head(3))
        msg = (
            f"trace: no outfall {outfall_id!r}; it has {len(outfalls)} outfalls, such as {some}; trace.best() lists all"
        )
        raise TraceError(msg)
