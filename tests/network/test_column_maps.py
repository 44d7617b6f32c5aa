"""Files of known data sets are read without a word about their columns."""

import csv
from importlib.resources import files

import geopandas as gpd
import pytest

from outfall.errors import NetworkError
from outfall.network import read_network
from outfall.network.column_maps import column_map, column_maps
from outfall.vocabulary import find_word, plain

SHAPES = ["LINESTRING (120 31, 120.01 31)", "LINESTRING (120.01 31, 120.02 31)", "LINESTRING (120.01 31.01, 120.01 31)"]
TABLES = {
    "nhdplus": (
        {"COMID": [1, 2, 3], "GNIS_NAME": "Oak", "FTYPE": "ArtificialPath", "FromNode": [5, 6, 7], "ToNode": [6, 8, 6], "VE_MA": [1.0, 2.0, -9998.0], "QE_MA": 35.3147},
        {"reach_id": "1", "name": "Oak", "kind": "river", "from_node": "5", "velocity_ms": 0.3048, "flow_m3s": 1.0},
    ),
    "nhdplushr": (
        {"NHDPlusID": [1.0, 2.0, 3.0], "FType": [558, 460, 336], "FromNode": [5, 6, 7], "ToNode": [6, 8, 6], "VEMA": 1.0, "QEMA": 35.3147, "Slope": [0.01, 0.01, -9998.0]},
        {"reach_id": "1", "kind": "river", "velocity_ms": 0.3048, "flow_m3s": 1.0, "slope_share": 0.01},
    ),
    "hydrorivers": (
        {"HYRIV_ID": [1, 2, 3], "NEXT_DOWN": [2, 0, 2], "CATCH_SKM": 4.5, "UPLAND_SKM": [4.5, 13.5, 4.5], "DIS_AV_CMS": 0.3},
        {"reach_id": "1", "area_km2": 4.5, "upstream_km2": 4.5, "flow_m3s": 0.3},
    ),
    "meritbasins": (
        {"COMID": [1, 2, 3], "NextDownID": [2, 0, 2], "unitarea": 7.0, "uparea": [7.0, 21.0, 7.0], "slope": 0.002},
        {"reach_id": "1", "area_km2": 7.0, "upstream_km2": 7.0, "slope_share": 0.002},
    ),
    "grit": (
        {"global_id": [1, 2, 3], "upstream_node_id": [5, 6, 7], "downstream_node_id": [6, 8, 6], "is_mainstem": [1, 1, 0], "width_adjusted": 55.0, "drainage_area_out": 9.0},
        {"reach_id": "1", "from_node": "5", "to_node": "6", "width_m": 55.0, "upstream_km2": 9.0},
    ),
    "osm": (
        {"osm_id": ["11", "12", "13"], "waterway": ["stream", "canal", "drain"], "name": "清河", "width": ["3", None, "1.5"]},
        {"reach_id": "11", "kind": "river", "name": "清河", "width_m": 3.0},
    ),
    "euhydro": (
        {"OBJECT_ID": ["RL1", "RL2", "RL3"], "FNODE": ["a", "b", "c"], "TNODE": ["b", "d", "b"], "NAMETEXT": "Isar", "NEXTDOWNID": ["RL2", None, "RL2"]},
        {"reach_id": "RL1", "from_node": "a", "to_node": "b", "name": "Isar"},
    ),
    "nhn": (
        {"nid": ["x1", "x2", "x3"], "name_1": "Pembina", "flow_direction": ["1", "1", "1"]},
        {"reach_id": "x1", "name": "Pembina"},
    ),
    "shuixi": (
        {"GB": [210101, 220200, 230101], "HYDC": ["KHHA", "KHHA", "KHHB"], "NAME": ["清河", "清河", "东渠"], "流向": "顺向", "河宽": 12.0},
        {"kind": "river", "river_code": "KHHA", "name": "清河", "width_m": 12.0},
    ),
    "paishui": (
        {"管线段编号": ["P1", "P2", "P3"], "起点点号": ["a", "b", "c"], "连接点号": ["b", "d", "b"], "管径": [300, 400, 300], "管材": "砼", "起点管底高程": 3.0, "终点管底高程": 2.0},
        {"reach_id": "P1", "from_node": "a", "to_node": "b", "diameter_mm": 300.0, "material": "砼", "invert_from_m": 3.0},
    ),
    "utility": (
        {"PIPE_ID": ["P1", "P2", "P3"], "US_NODE": ["a", "b", "c"], "DS_NODE": ["b", "d", "b"], "Diameter_mm": 300, "Material": "PVC", "Mannings_n": 0.011},
        {"reach_id": "P1", "from_node": "a", "to_node": "b", "diameter_mm": 300.0, "material": "PVC", "roughness": 0.011},
    ),
    "delft3dfm": (
        {"BRANCH_ID": ["B1", "B2", "B3"], "BR_TYPE": "pipe", "MANHOLE_UP": ["a", "b", "c"], "MANHOLE_DN": ["b", "d", "b"], "INVLEV_UP": 3.0, "INVLEV_DN": 2.0, "PIPE_TYPE": "storm"},
        {"reach_id": "B1", "kind": "gravity_sewer", "from_node": "a", "to_node": "b", "invert_from_m": 3.0, "system": "storm"},
    ),
    "hydroloom": (
        {"id": ["1", "2", "3"], "toid": ["2", "0", "2"], "divergence_fraction": [None, None, None]},
        {"reach_id": "1"},
    ),
}  # fmt: skip


def table(name):
    """Return a made table of three lines, two of which run into the third, as a data set heads it."""
    return gpd.GeoDataFrame(TABLES[name][0], geometry=gpd.GeoSeries.from_wkt(SHAPES), crs=4490)


@pytest.mark.parametrize("name", column_maps())
def test_a_table_of_each_data_set_is_understood(name):
    """Ids, nodes, kinds and numbers with their units are there, and the two upper lines run into the lower one."""
    network = read_network(table(name))
    first = network.reaches.iloc[0]
    for column, value in TABLES[name][1].items():
        assert first[column] == pytest.approx(value) if isinstance(value, float) else first[column] == value, column
    lower = network.reaches["reach_id"].iloc[1]
    assert len(network.upstream(lower)) == 3


@pytest.mark.parametrize("name", ["shuixi", "hydrorivers", "osm"])
def test_a_table_without_ids_of_its_own_or_shuffled_is_the_same_network(name):
    """The order of the lines does not matter."""
    one, other = read_network(table(name)), read_network(table(name).iloc[::-1])
    assert sorted(one.reaches["length_m"]) == pytest.approx(sorted(other.reaches["length_m"]))


def test_no_heading_means_two_things():
    """Maps are applied together, so a heading has one meaning in all of them."""
    rows = list(
        csv.DictReader(files("outfall.network").joinpath("column_maps.csv").read_text(encoding="utf-8").splitlines())
    )
    meanings = {}
    for row in rows:
        meanings.setdefault(plain(row["heading"]), set()).add((row["column"], row["factor"]))
    assert {heading: found for heading, found in meanings.items() if len(found) > 1} == {}


def test_every_map_has_a_table_here():
    """A map that is added is tested by existing."""
    assert set(column_maps()) == set(TABLES)
    assert column_map("grit")["global_id"] == "reach_id"
    with pytest.raises(NetworkError, match="'nowhere' is no column map"):
        column_map("nowhere")


@pytest.mark.parametrize(("word", "kind"), [("ArtificialPath", "river"), ("558", "river"), ("55800", "river"), ("LakePond", "lake"),
    ("Coastline", "coast"), ("canal", "ditch"), ("运河", "ditch"), ("250200", "coast")])  # fmt: skip
def test_the_centre_line_of_a_wide_river_is_a_river(word, kind):
    """NHD's artificial path is the line of a wide river as often as that of a lake; lakes are said so."""
    assert find_word("reach_kind", word) == kind
