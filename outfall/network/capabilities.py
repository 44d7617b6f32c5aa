"""What a network can be asked, and what its file does not say: one plain sentence for each."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.network.boundary import boundary_inflows
from outfall.network.published import find_column, find_total_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["describe_capabilities"]

_PIPES = ("gravity_sewer", "pressure_main")
_ACTIVE = ("pump", "gate", "weir")
_SAID = ("is_main", "divergence attribute", "fraction")


class _Fact(NamedTuple):
    """How many of how many fall short."""

    short: int
    of: int
    more: str = ""
    more_zh: str = ""


def describe_capabilities(network: Network) -> pd.DataFrame:
    """Return what a network supports and what it does not, each with a sentence in English and Chinese.

    Sums, traces, stream orders and travel times can be asked of any network; this says which of the answers rest on
    what the file says and which on our defaults.

    Parameters
    ----------
    network : Network
        Any network.

    Returns
    -------
    DataFrame, one row per capability
        ``capability`` (``dendritic``, ``main_paths``, ``fractions``, ``directions``, ``loops``, ``mouths``,
        ``boundary``, ``connected``, ``names``, ``areas``, ``velocities``, ``inverts``, ``interfaces``, ``states``),
        ``label``, ``label_zh``, ``is_supported``, ``count`` of what falls short, ``of`` how many, ``text``,
        ``text_zh``. Capabilities that do not arise, such as inverts of a network without pipes, have no row.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> said = describe_capabilities(build_network(lines)).set_index("capability")
    >>> said.loc["areas", "text"]
    'the own catchment of 2 of 2 reaches is missing: sums of area are too small there'
    """
    facts = {**_graph_facts(network), **_edge_facts(network), **_column_facts(network)}
    rows = []
    for said in _sentences():
        fact = facts.get(said["capability"])
        if fact is None:
            continue
        good = fact.short == 0
        numbers = {"count": f"{fact.short:,}", "of": f"{fact.of:,}"}
        text = said["yes" if good else "no"].format(**numbers, more=fact.more)
        text_zh = said["yes_zh" if good else "no_zh"].format(**numbers, more=fact.more_zh or fact.more)
        rows.append(
            (said["capability"].rstrip("?"), said["label"], said["label_zh"], good, fact.short, fact.of, text, text_zh)
        )
    names = ["capability", "label", "label_zh", "is_supported", "count", "of", "text", "text_zh"]
    return pd.DataFrame(rows, columns=names).astype({"is_supported": "bool", "count": "int64", "of": "int64"})


def _graph_facts(network: Network) -> dict[str, _Fact | None]:
    reaches, arrays = network.reaches, network.arrays
    several = np.bincount(arrays.from_node, minlength=arrays.node_count) > 1
    forks = int(several.sum())
    two_way = int(arrays.two_way.sum())
    why = _count_words(reaches["forward_reason"]) if "forward_reason" in reaches.columns else ""
    pieces = int(network.pieces().nunique()) if len(reaches) else 0
    ours, by = _main_choices(network, several)
    return {
        "dendritic": _Fact(forks, len(network.nodes)),
        "main_paths": _Fact(ours, forks, by) if forks else None,
        "fractions": _Fact(_bad_splits(network, several), forks) if forks else None,
        "directions": _Fact(two_way, len(reaches), why or "as drawn", why or "按绘制方向"),
        "loops": _Fact(network.loops()["reach_id"].nunique(), len(reaches)),
        "connected": _Fact(pieces if pieces > 1 else 0, len(reaches)),
    }


def _edge_facts(network: Network) -> dict[str, _Fact | None]:
    inflows = boundary_inflows(network)
    known = inflows["inflow"].dropna()
    much = f"{known.sum():,.6g} km2 in all" if len(known) else "how much is not said"
    much_zh = f"合计 {known.sum():,.6g} km2" if len(known) else "水量不明"
    asked = find_total_column(network.reaches) or find_column(network.reaches, "startflag", "uphydroseq")
    if not len(inflows):
        much, much_zh = f"checked by {asked}", f"依据 {asked}"
    ends, real, why, why_zh = _mouth_words(network)
    return {
        "boundary": _Fact(len(inflows), len(network.nodes), much, much_zh) if asked or len(inflows) else None,
        "boundary?": None if asked or len(inflows) else _Fact(1, len(network.nodes)),
        "mouths": _Fact(ends - real, ends, why, why_zh) if ends else None,
    }


def _column_facts(network: Network) -> dict[str, _Fact | None]:
    reaches, kind = network.reaches, network.reaches["kind"]
    water = ~kind.isin(["interface", *_ACTIVE])
    joints, pipes, active = int((kind == "interface").sum()), kind.isin(_PIPES), kind.isin(_ACTIVE)
    mixed = bool(pipes.any()) and not kind.isin([*_PIPES, *_ACTIVE]).all()
    inverts = ["invert_from_m", "invert_to_m"]
    return {
        "names": _missing(reaches[water], ["name"]),
        "areas": _missing(reaches[water & ~pipes], ["area_km2"]),
        "velocities": _missing(reaches[water], ["velocity_ms"]),
        "inverts": _missing(reaches[pipes], inverts),
        "interfaces": _Fact(int(joints == 0), joints) if joints or mixed else None,
        "states": _missing(reaches[active], ["state"]),
    }


def _missing(frame: pd.DataFrame, columns: Sequence[str]) -> _Fact | None:
    if not len(frame):
        return None
    there = [name for name in columns if name in frame.columns]
    whole = frame[there].notna().all(axis=1).sum() if len(there) == len(columns) else 0
    return _Fact(len(frame) - int(whole), len(frame))


def _main_choices(network: Network, several: NDArray[np.bool_]) -> tuple[int, str]:
    """Return at how many divergences the main path is our choice, and what decided how often."""
    issues = network.issues
    if issues is None or not (issues["kind"] == "divergence").any():
        return int(several.sum()), "nothing says why"
    why = issues.loc[issues["kind"] == "divergence", "decision"].str.extract(r"by ([\w ]+)$")[0]
    said = int(why.isin(_SAID).sum())
    return max(int(several.sum()) - said, 0), _count_words(why)


def _bad_splits(network: Network, several: NDArray[np.bool_]) -> int:
    arrays = network.arrays
    if "fraction_share" not in network.reaches.columns:
        return int(several.sum())
    share = network.reaches["fraction_share"].to_numpy(float)
    total = np.bincount(arrays.from_node, weights=share, minlength=arrays.node_count)
    return int((several & ~(np.abs(total - 1.0) < 1e-6)).sum())


def _mouth_words(network: Network) -> tuple[int, int, str, str]:
    """Return the number of mouths, how many the file calls real ends, and what it says of the others."""
    reaches, arrays = network.reaches, network.arrays
    ends = np.flatnonzero(arrays.is_mouth)
    last = np.flatnonzero(arrays.is_mouth[arrays.to_node])
    flag = find_column(reaches, "terminalfl")
    if flag is None:
        return len(ends), 0, "no column says so", "文件无相关字段"
    real = pd.to_numeric(reaches[flag], errors="coerce").to_numpy(float)[last] == 1
    count = len(np.unique(arrays.to_node[last][real]))
    return len(ends), count, f"by {flag}", f"依据 {flag}"


def _count_words(values: pd.Series) -> str:
    counts = values.dropna().value_counts()
    shown = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{word} {count:,}" for word, count in shown[:4]) + (" …" if len(shown) > 4 else "")


@cache
def _sentences() -> tuple[Mapping[str, str], ...]:
    stream = files(__package__).joinpath("capabilities.csv").read_text(encoding="utf-8").splitlines()
    return tuple(csv.DictReader(stream))
