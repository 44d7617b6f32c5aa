"""What the chain knows so far: tables by name, which steps add to and never change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from outfall.errors import Problem
    from outfall.maps import Map
    from outfall.network import Network
    from outfall.project import Input, Project
    from outfall.tracing import Trace
    from outfall.vocabulary import Lang

__all__ = ["Progress", "State", "Step"]

Progress: TypeAlias = Callable[[str, int, int], None]


class State(TypedDict, total=False):
    """Tables and nouns by name; each step says which ones it needs and which ones it adds."""

    project: Project
    lang: Lang
    out: Path
    problems: list[Problem]
    inputs: list[dict[str, object]]
    network: Network
    photos: gpd.GeoDataFrame
    sightings: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    samples: pd.DataFrame
    results: pd.DataFrame
    readings: pd.DataFrame
    links: pd.DataFrame
    scene: Path
    scenes: list[Input]
    seen_scenes: dict[str, xr.Dataset]
    seen_water: dict[str, xr.Dataset]
    contrasts: pd.DataFrame
    clues: pd.DataFrame
    outfalls: gpd.GeoDataFrame
    issues: gpd.GeoDataFrame
    found: Trace
    page: Map
    inventory: pd.DataFrame
    tables: dict[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain.

    Parameters
    ----------
    name : str
        Its key in ``summary.json``.
    zh, en : str
        What a progress display says.
    needs : sequence of str
        Keys of the state without which the step has nothing to do and is left out.
    gives : sequence of str
        Keys it adds; where they are known from the start, the step is not taken.
    do : callable
        From a state to what it adds.
    """

    name: str
    zh: str
    en: str
    needs: Sequence[str]
    gives: Sequence[str]
    do: Callable[[State], State]
