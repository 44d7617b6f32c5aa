"""SWMM input files: every link and node, in metres, with and without coordinates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

from outfall.errors import CoordinateError, ReadError
from outfall.network import read_inp, read_inp_network, read_inp_nodes, read_network

FILE = """[TITLE]
;; a small town
[OPTIONS]
FLOW_UNITS {units}
LINK_OFFSETS {offsets}
[JUNCTIONS]
;;name elevation depth
J1 10 2
J2 9 2 ; a comment
"J 3" 8 3
[OUTFALLS]
O1 5 FREE
O2 5 FREE
[DIVIDERS]
D1 7 over CUTOFF 1.0
[STORAGE]
T1 6 4 0 FUNCTIONAL 1000 0 0
[CONDUITS]
c1 J1 J2 100 0.013 {zero} {one} 0 0
c2 J2 "J 3" 100 0.013 * * 0 0
main "J 3" D1 50 0.013 {zero} {zero} 0 0
over D1 O2 50 0.013 {zero} {zero} 0 0
brook D1 T1 50 0.03 {zero} {zero} 0 0
[PUMPS]
p1 T1 O1 * OFF 2 1
[ORIFICES]
o1 T1 O1 SIDE {one} 0.65 YES 0
[WEIRS]
w1 T1 O1 TRANSVERSE {one} 3.3 NO 0
[OUTLETS]
r1 T1 O1 {one} TABULAR/HEAD curve NO
[XSECTIONS]
c1 CIRCULAR 0.5 0 0 0 1
c2 CIRCULAR 0.5 0 0 0 1 4
main FORCE_MAIN 0.3 100 0 0 1
over EGG 0.9 0 0 0 1
brook TRAPEZOIDAL 1.5 2 1 1 1
[LOSSES]
over 0 0 0 YES
"""
PLACES = """[COORDINATES]
J1 0 0
J2 100 0
"J 3" 200 0
D1 250 0
O2 250 50
T1 300 0
O1 300 0
[VERTICES]
c1 50 20
"""


def write(tmp_path, *, units="CMS", offsets="DEPTH", zero="0", one="1", places=PLACES):
    """Return the path of a written file."""
    path = tmp_path / "town.inp"
    path.write_text(FILE.format(units=units, offsets=offsets, zero=zero, one=one) + places, encoding="utf-8")
    return path


def test_every_kind_of_link(tmp_path):
    """Conduits, pumps, orifices, weirs and outlets become reaches of their kinds, in the order of the file."""
    links = read_inp(write(tmp_path)).set_index("reach_id")
    kinds = {"c1": "gravity_sewer", "c2": "culvert", "main": "pressure_main", "over": "gravity_sewer", "brook": "ditch",
             "p1": "pump", "o1": "gate", "w1": "weir", "r1": "gate"}  # fmt: skip
    assert links["kind"].to_dict() == kinds
    assert list(links.index) == list(kinds)
    assert links.loc["p1", ["state", "start_level_m", "stop_level_m"]].tolist() == ["shut", 8.0, 7.0]
    assert links["forward_reason"].dropna().index.tolist() == ["over", "o1"]
    assert links.loc["c2", ["from_node", "to_node", "diameter_mm"]].tolist() == ["J2", "J 3", 500.0]
    assert links["is_main"].dropna().to_dict() == {"over": False}
    assert links.loc["brook", ["depth_m", "width_m"]].tolist() == [1.5, 2.0]
    assert links.loc["c1", "source_ref"] == "town.inp#19"


def test_offsets_are_levels(tmp_path):
    """Depths over the bottom of a node and elevations say the same."""
    depth = read_inp(write(tmp_path)).set_index("reach_id")
    assert depth.loc["c1", ["invert_from_m", "invert_to_m"]].tolist() == [10.0, 10.0]
    assert depth.loc["c2", ["invert_from_m", "invert_to_m"]].tolist() == [9.0, 8.0]
    level = read_inp(write(tmp_path, offsets="ELEVATION", zero="*", one="10")).set_index("reach_id")
    assert level.loc["c1", ["invert_from_m", "invert_to_m"]].tolist() == [10.0, 10.0]


def test_feet_become_metres(tmp_path):
    """The same figures in units of the United States are 0.3048 times as large, on the map too."""
    metric, feet = (read_inp(write(tmp_path, units=unit)) for unit in ("LPS", "GPM"))
    for column in ("invert_from_m", "stated_length_m", "diameter_mm", "start_level_m"):
        np.testing.assert_allclose(feet[column], metric[column] * 0.3048)
    np.testing.assert_allclose(feet.length[:5], metric.length[:5] * 0.3048)
    nodes = read_inp_nodes(write(tmp_path, units="CFS")).set_index("node_id")
    assert nodes.loc["J1", ["invert_m", "ground_m"]].tolist() == pytest.approx([3.048, 3.6576])


def test_links_on_one_spot_are_kept(tmp_path):
    """Four links between nodes at one place have lengths and shapes of their own, and are all reaches."""
    links = read_inp(write(tmp_path))
    assert (links.length > 0.5).all()
    shapes = links.geometry.to_numpy()
    assert not any(shapely.equals(a, b) for a, b in itertools.combinations(shapes, 2))
    network = read_inp_network(write(tmp_path))
    assert len(network.reaches) == 9
    assert set(network.upstream("p1")) == {"p1", "brook", "main", "c2", "c1"}
    kinds = network.nodes.set_index("node_id")["kind"].to_dict()
    assert kinds == {"J1": "manhole", "J2": "manhole", "J 3": "manhole", "O1": "outfall", "O2": "outfall", "D1": "divergence",
                     "T1": "pump_well"}  # fmt: skip


@pytest.mark.parametrize("places", ["", "[COORDINATES]\nJ2 100 0\n"])
def test_without_coordinates_the_links_are_a_scheme(tmp_path, places):
    """Nodes without places are drawn apart, say so, and the network is joined the same."""
    path = write(tmp_path, places=places)
    assert read_inp(path)["is_schematic"].all()
    nodes = read_inp_nodes(path)
    assert shapely.union_all(nodes.geometry.to_numpy()).geom_type == "MultiPoint"
    assert len(shapely.get_parts(shapely.union_all(nodes.geometry.to_numpy()))) == 7
    network = read_inp_network(path)
    assert set(network.upstream("p1")) == {"p1", "brook", "main", "c2", "c1"}


def test_a_stated_crs_is_kept(tmp_path):
    """Projected coordinates stay where they are; longitudes and latitudes become metres."""
    there = "[COORDINATES]\nJ1 400000 3400000\nJ2 400100 3400000\n"
    links = read_inp(write(tmp_path, places=there), crs=32650)
    assert links.crs.to_epsg() == 32650
    assert links.geometry.iloc[0].coords[0] == (400000.0, 3400000.0)
    degrees = read_inp(write(tmp_path, places="[COORDINATES]\nJ1 120 31\nJ2 120.001 31\n"), crs=4326)
    assert degrees.crs.is_projected
    assert degrees.length.iloc[0] == pytest.approx(95.4, abs=0.5)


def test_a_node_no_link_touches_is_isolated(tmp_path):
    """It is still a node of the network."""
    path = write(tmp_path)
    path.write_text(path.read_text() + "[JUNCTIONS]\nlone 4\n")
    nodes = read_inp_network(path).nodes.set_index("node_id")
    assert nodes.loc["lone", "kind"] == "isolated"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("nothing here", "has no sections"),
        ("[CONDUITS]\nc1 J1\n", "need a name and two nodes"),
        ("[JUNCTIONS]\nJ1 1\n[CONDUITS]\nc1 J1 J9 10 0.01 0 0\n", "name nodes that are in no section of nodes"),
        ("[JUNCTIONS]\nJ1 1\nJ2 1\n[CONDUITS]\nc1 J1 J2 1 1 0 0\n[PUMPS]\nc1 J1 J2 * ON\n", "have the name of another"),
    ],
)
def test_refusals(tmp_path, text, match):
    """What is not a SWMM file, or contradicts itself, is said."""
    path = tmp_path / "bad.inp"
    path.write_text(text)
    with pytest.raises(ReadError, match=match):
        read_inp(path)
    with pytest.raises(ReadError, match="no such file"):
        read_inp(tmp_path / "none.inp")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "links", "nodes"),
    [("CoS-Reduced-Outlets", 153, 144), ("Example1", 13, 14), ("Pump_Control_Model", 33, 34), ("Tuindorp_Right_Part", 353, 318), ("user1", 59, 60)],
)  # fmt: skip
def test_real_models_are_whole(shared_data, name, links, nodes):
    """Every row of every section of links and nodes is a reach or node, and lengths agree where the map has a scale."""
    path = shared_data / "network" / "swmm" / f"{name}.inp"
    section, count = "", {"links": 0, "nodes": 0}
    groups = {"CONDUITS": "links", "PUMPS": "links", "ORIFICES": "links", "WEIRS": "links", "OUTLETS": "links",
              "JUNCTIONS": "nodes", "OUTFALLS": "nodes", "STORAGE": "nodes", "DIVIDERS": "nodes"}  # fmt: skip
    for line in path.read_text().splitlines():
        section = line.strip("[] ") if line.startswith("[") else section
        if section in groups and line.strip() and not line.startswith(("[", ";")) and line.strip()[0] != ";":
            count[groups[section]] += 1
    assert count == {"links": links, "nodes": nodes}
    network = read_inp_network(path)
    assert (len(network.reaches), len(network.nodes)) == (links, nodes)
    assert (read_inp(path)["reach_id"] == network.reaches["reach_id"]).all()
    if name.startswith(("CoS", "Tuindorp")):
        ratio = network.reaches["stated_length_m"] / network.reaches["length_m"]
        assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.001)


def test_a_swmm_file_is_read_as_pipes(tmp_path):
    """The verb that reads every line file reads a SWMM file too, once it is told what its coordinates are."""
    file = tmp_path / "town.inp"
    file.write_text(
        "[OPTIONS]\nFLOW_UNITS CMS\n[JUNCTIONS]\nJ1 4\nJ2 3\n[OUTFALLS]\nO1 2 FREE\n[CONDUITS]\na J1 J2 100 0.013 0 0\nb J2 O1 100 0.013 0 0\n"
        "[COORDINATES]\nJ1 500000 3400000\nJ2 500100 3400000\nO1 500200 3400000\n",
        encoding="utf-8",
    )
    assert read_network(None, pipes=file, crs=4547).upstream("b") == ["b", "a"]
    with pytest.raises(CoordinateError, match="does not say what its coordinates are; give crs="):
        read_network(None, pipes=file)
