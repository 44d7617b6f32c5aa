"""What is a river town whose truth is known: the truth, and everything a survey of it would bring home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from outfall.errors import TableError
from outfall.simulate._boat import tow
from outfall.simulate._data import errors, town_rules
from outfall.simulate._draw import CRS
from outfall.simulate._laboratory import analyse, take_samples
from outfall.simulate._photos import plan_photos
from outfall.simulate._region import check_width, count_towns, draw_sceneries, join_towns
from outfall.simulate._registers import list_meters, list_permits, list_pipes, list_rivers
from outfall.simulate._scene import Scene, see_from_space
from outfall.simulate._survey import fly, inspect, walk
from outfall.simulate._truth import list_discharges, list_outfalls, list_sources, list_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

    from outfall.simulate._draw import Scenery

__all__ = ["Town", "make_town"]


@dataclass(frozen=True, slots=True)
class Town:
    """An invented river town: what is true, and what was observed of it.

    Parameters
    ----------
    seed : int
        The seed it was drawn from.
    crs : str
        CRS of the geometries, metric.
    rivers, pipes : GeoDataFrame, lines
        The layers a survey team is given; pipes with their mistakes (``is_reversed`` is truth and is not written).
    sources, outfalls_true : GeoDataFrame, points
        The truth: every discharger and every outfall at its true place.
    discharges : DataFrame
        The truth: one row per outfall and source, with the share of the source in the foul flow of the outfall.
    drone, boat, crawler, walk : DataFrame
        What four platforms brought home; ``mouth_id`` is truth and is not written.
    photos : DataFrame
        What each photo of the flight shows and where its camera was.
    permits : DataFrame
        The permit list, in the columns of the contract ``sources``.
    samples, results, readings : DataFrame
        In the columns of the contracts of the same names.
    scene : Scene or None
        A small multi-band image; none of a region or where it was not wanted.
    truth : DataFrame
        One row per true outfall: place, code on site, responsible sources, whether it flows and was sampled.
    settings : mapping of str to float
        Sizes of the errors made on purpose.
    size : str or int
        As asked for.
    """

    seed: int
    crs: str
    rivers: gpd.GeoDataFrame
    pipes: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    outfalls_true: gpd.GeoDataFrame
    discharges: pd.DataFrame
    drone: pd.DataFrame
    boat: pd.DataFrame
    crawler: pd.DataFrame
    walk: pd.DataFrame
    photos: pd.DataFrame
    permits: pd.DataFrame
    samples: pd.DataFrame
    results: pd.DataFrame
    readings: pd.DataFrame
    scene: Scene | None
    truth: pd.DataFrame
    settings: Mapping[str, float]
    size: str | int = "small"

    def __repr__(self) -> str:
        """Return what there is, in one line."""
        return (
            f"<Town seed {self.seed}: {len(self.rivers)} river lines, {len(self.pipes)} pipes, "
            f"{len(self.sources)} sources ({int((~self.sources['is_registered']).sum())} unregistered), {len(self.outfalls_true)} outfalls "
            f"({int(self.truth['is_flowing'].sum())} flowing, {int(self.truth['is_sampled'].sum())} sampled)>"
        )


def make_town(
    seed: int = 0,
    *,
    size: Literal["small", "medium", "large"] | int = "small",
    scene: bool = True,
    photos: bool = True,
    river_width_m: float | None = None,
) -> Town:
    """Draw a river town whose truth is known, or a region of several, and survey it with honest errors.

    A main river with a braid and a backwater mouth, tributaries, ditches and a culvert; separate storm and foul
    sewers, an old quarter with combined ones, pumps, pressure mains and a treatment works; sources of the usual
    kinds, wrong connections, and one to three dischargers nobody registered. Its water moves by the simulator's own
    unsteady transport. Everything is invented; the same seed gives the same town.

    Parameters
    ----------
    seed : int, default 0
        Not negative. Seed 0 is the town of ``sample_data/rivertown``.
    size : {"small", "medium", "large"} or int, default "small"
        ``small`` is one town of about 70 sources and 65 outfalls; ``medium`` are 4 towns and ``large`` 16, five on a
        river, each in the water of those above it. A number is about how many outfalls are wanted, in whole towns.
    scene : bool, default True
        Whether a satellite image is drawn; never of a region.
    photos : bool, default True
        Whether the flight brings photos home. Both change nothing else and take half the time.
    river_width_m : float, optional
        Width of the main river, 40 to 150; by default 30 to 36, drawn. A wider river is deeper, faster and carries more,
        and works and plants discharge more in proportion, so that their water is diluted as in a small town.

    Returns
    -------
    Town
        The truth and the observations.

    Raises
    ------
    TableError
        The seed is negative or the size is not known.

    Examples
    --------
    >>> town = make_town(0)
    >>> len(town.sources) >= 30, len(town.outfalls_true) >= 60, int((~town.sources["is_registered"]).sum())
    (True, True, 1)
    """
    count = count_towns(size)
    if seed < 0 or count is None:
        msg = (
            f"make_town: seed {seed} and size {size!r} were given; expected a seed of 0 or more and size 'small', "
            "'medium', 'large' or a number of outfalls"
        )
        raise TableError(msg)
    check_width(river_width_m)
    sceneries = draw_sceneries(seed, count, river_width_m=river_width_m)
    towns = [_look_at(scenery, scene=scene and count == 1, photos=photos) for scenery in sceneries]
    return towns[0] if count == 1 else join_towns(towns, seed=seed, size=size)


def _look_at(scenery: Scenery, *, scene: bool, photos: bool) -> Town:
    """Survey one town."""
    drone, walked = fly(scenery), walk(scenery)
    samples = take_samples(scenery, walked)
    results = analyse(scenery, samples)
    discharges = list_discharges(scenery, samples)
    planned = plan_photos(scenery, drone)
    return Town(
        seed=scenery.seed,
        crs=CRS,
        rivers=list_rivers(scenery),
        pipes=list_pipes(scenery),
        sources=list_sources(scenery),
        outfalls_true=list_outfalls(scenery),
        discharges=discharges,
        drone=drone,
        boat=tow(scenery),
        crawler=inspect(scenery),
        walk=walked,
        photos=planned if photos else planned.iloc[:0],
        permits=list_permits(scenery),
        samples=samples,
        results=results,
        readings=list_meters(scenery),
        scene=see_from_space(scenery) if scene else None,
        truth=list_truth(scenery, discharges, walked, samples),
        settings={**errors(), **town_rules()},
    )
