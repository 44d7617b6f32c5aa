"""Is the answer of a province the same however it is cut up, and the same as that of one trace."""

from __future__ import annotations

import geopandas as gpd
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TraceError
from outfall.network import read_network
from outfall.registry import register
from outfall.simulate import make_town, write_town
from outfall.sources import read_sources
from outfall.survey import read_drone, read_ground
from outfall.tables import empty
from outfall.tracing import trace
from outfall.tracing.basins import trace_basins
from outfall.water import read_readings, read_results, read_samples
from tests.laws import unchanged

_TZ = "Asia/Shanghai"


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    """Return the tables of an invented town."""
    folder = tmp_path_factory.mktemp("province")
    write_town(make_town(1007, scene=False, photos=False), folder)
    network = read_network(folder / "rivers.gpkg", pipes=folder / "sewers.gpkg")
    seen = [read_drone(folder / "flight_0412", tz=_TZ), read_ground(folder / "walk.xlsx", tz=_TZ, crs=4490)]
    outfalls = register(seen, network)
    links = empty("links")
    tables = {
        "samples": read_samples(folder / "lab.xlsx", tz=_TZ, crs=4490, layer="采样记录"),
        "results": read_results(folder / "lab.xlsx", tz=_TZ, layer="检测结果"),
        "readings": read_readings(folder / "meters.csv", tz=_TZ),
        "links": links,
    }
    sources = read_sources(folder / "permits.xlsx", crs=4490)
    return outfalls, network, sources, tables


@pytest.fixture(scope="module")
def one(province):
    """Return the province traced in one part."""
    *whole, tables = province
    return trace_basins(*whole, tables=tables, parts=1)


def _same(found, expected):
    assert_frame_equal(found.candidates, expected.candidates, check_exact=True)
    assert_frame_equal(found.evidence, expected.evidence, check_exact=True)
    assert_frame_equal(found.context.candidates, expected.context.candidates, check_exact=True)


def test_same_as_trace(province, one):
    """Basin by basin the answer is that of `trace`, up to rounding of travel times."""
    *whole, tables = province
    found = trace(*whole, **tables)
    assert_frame_equal(one.candidates, found.candidates, rtol=1e-9)
    assert_frame_equal(one.evidence, found.evidence, rtol=1e-9)
    assert len(one.candidates) > 5 * len(one.outfalls)


@pytest.mark.parametrize("parts", [2, 7, pytest.param(64, marks=pytest.mark.slow)])
def test_same_in_any_parts(province, one, parts):
    """The tables are identical to the last bit in any number of parts."""
    *whole, tables = province
    _same(trace_basins(*whole, tables=tables, parts=parts), one)


def test_same_by_two_processes(province, one):
    """Two processes give the tables of one."""
    *whole, tables = province
    told = []
    found = trace_basins(*whole, tables=tables, parts=3, workers=2, progress=lambda *args: told.append(args))
    _same(found, one)
    assert told == [("trace", 1, 3), ("trace", 2, 3), ("trace", 3, 3)]


@pytest.mark.slow
def test_same_by_two_dask_workers(province, one):
    """Two Dask workers give the tables of one process."""
    distributed = pytest.importorskip("distributed")
    *whole, tables = province
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        _same(trace_basins(*whole, tables=tables, parts=4, workers=client), one)


def test_order_of_rows(province, one):
    """Shuffled tables give the same rows, outfalls in the order given."""
    outfalls, network, sources, tables = province
    mixed = outfalls.sample(frac=1.0, random_state=3, ignore_index=True)
    found = trace_basins(mixed, network, sources.sample(frac=1.0, random_state=4), tables=tables, parts=2)
    assert found.candidates["outfall_id"].drop_duplicates().tolist() == mixed["outfall_id"].tolist()
    by_id = found.candidates.set_index("candidate_id").loc[one.candidates["candidate_id"]].reset_index()
    assert_frame_equal(by_id[one.candidates.columns.tolist()], one.candidates, check_exact=True)


def test_edge_between_basins():
    """An outfall across the edge of a basin takes its part of a source on this side, in parts as in one."""
    from outfall.network import build_network

    rivers = gpd.GeoDataFrame(
        {"reach_id": ["A", "B"]}, crs=32650,
        geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400000, 402000 3400000)", "LINESTRING (400000 3400200, 402000 3400200)"]),
    )  # fmt: skip
    points = gpd.points_from_xy([401000, 401020], [3400010, 3400190])
    outfalls = gpd.GeoDataFrame(
        {"outfall_id": ["P1", "P2"], "status": "confirmed", "source_ref": "x"}, geometry=points, crs=32650
    )
    sources = gpd.GeoDataFrame(
        {"source_id": ["S1"], "source_ref": ["y"]}, geometry=gpd.points_from_xy([401010], [3400100]), crs=32650
    )
    network = build_network(rivers)
    assert network.pieces().nunique() == 2
    single, double = (trace_basins(outfalls, network, sources, parts=parts) for parts in (1, 2))
    assert_frame_equal(single.candidates, double.candidates, check_exact=True)
    alone = trace(outfalls.iloc[:1], network, sources)
    share = single.candidates.set_index("candidate_id")["exit_share"]
    assert share["P1/S1"] < alone.candidates.set_index("candidate_id")["exit_share"]["P1/S1"]


def test_inputs_unchanged(province):
    """No table given is changed."""
    outfalls, network, sources, tables = province
    few = outfalls.head(5)
    with unchanged(few, sources, *tables.values()):
        trace_basins(few, network, sources, tables=tables, parts=2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"parts": 0}, "parts is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"tables": {"sample": None}}, "tables has 'sample'"),
    ],
)
def test_refuses(options, text):
    """A number of parts or workers below 1, or a table of another name, is refused."""
    with pytest.raises(TraceError, match=text):
        trace_basins(empty("outfalls", crs=32650), None, empty("sources", crs=32650), **options)
