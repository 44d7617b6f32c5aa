"""Between which places on the network water was followed: rows of ``links`` as nodes and reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import NetworkError, Problem

if TYPE_CHECKING:
    from outfall.network.graph import Network

__all__ = ["find_ways"]

_COLUMNS = ("from_ends", "to_ends", "from_reach", "to_reach", "exists_share")


def find_ways(network: Network, links: pd.DataFrame | None) -> pd.DataFrame:
    """Return the links that join two places of the network.

    Parameters
    ----------
    network : Network
        Where they lie.
    links : DataFrame or None
        Contract ``links``; only rows whose two tables are ``reaches`` or ``nodes`` are taken.

    Returns
    -------
    DataFrame
        ``from_ends``, ``to_ends`` (tuples of node rows), ``from_reach``, ``to_reach`` (rows, -1 for a node),
        ``exists_share``; sorted, so that the order of the links does not count.

    Raises
    ------
    NetworkError
        A link names a reach or node that is not there.
    """
    ways: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    problems = []
    if links is not None:
        ours = links["from_table"].isin(("reaches", "nodes")) & links["to_table"].isin(("reaches", "nodes"))
        for link in links[ours].sort_values("link_id").to_dict("records"):
            for end in ("from", "to"):
                found = _find_end(network, str(link[f"{end}_table"]), str(link[f"{end}_id"]))
                if found is None:
                    what = f"link {link['link_id']} names {link[f'{end}_id']!r}, which is not in {link[f'{end}_table']}"
                    problems.append(Problem(f"{end}_id", what, "give ids of this network", (str(link["link_id"]),)))
                ways[f"{end}_ends"].append(found[0] if found else ())
                ways[f"{end}_reach"].append(found[1] if found else -1)
            ways["exists_share"].append(float(link["exists_share"]))
    if problems:
        raise NetworkError("links", problems)
    return pd.DataFrame(ways)


def _find_end(network: Network, table: str, name: str) -> tuple[tuple[int, ...], int] | None:
    arrays = network.arrays
    if table == "nodes":
        row = int(pd.Index(network.nodes["node_id"]).get_indexer([name])[0])
        return ((row,), -1) if row >= 0 else None
    try:
        row = int(network.position([name])[0])
    except NetworkError:
        return None
    return (int(arrays.from_node[row]), int(arrays.to_node[row])), row
