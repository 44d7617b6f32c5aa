"""Few sightings, one claim each: attributes, codes, reviews, pipes, steps."""

import geopandas as gpd
import pandas as pd
import pytest

from outfall.errors import CoordinateError, TableError
from outfall.network import build_network
from outfall.registry import list_doubtful, register
from outfall.tables import empty, find_problems, list_issues
from tests.laws import unchanged

EAST, NORTH = 500_000.0, 3_400_000.0
CRS = 4547


def lines(**pipes):
    """Return a river of 2 km from west to east, and pipes given by their ends in metres from its upper end."""
    river = gpd.GeoDataFrame(
        {"reach_id": ["R"], "name": ["东沟"]},
        geometry=gpd.GeoSeries.from_wkt([f"LINESTRING ({EAST} {NORTH}, {EAST + 2000} {NORTH})"]),
        crs=CRS,
    )
    if not pipes:
        return build_network(river)
    wkt = [f"LINESTRING ({EAST + a} {NORTH + b}, {EAST + c} {NORTH + d})" for a, b, c, d in pipes.values()]
    drains = gpd.GeoDataFrame(
        {"reach_id": list(pipes), "kind": "gravity_sewer"}, geometry=gpd.GeoSeries.from_wkt(wkt), crs=CRS
    )
    return build_network(river, pipes=drains)


def see(sighting_id, platform, east=None, north=8.0, **columns):
    """Return one sighting, in metres from the upper end of the river."""
    row = {"sighting_id": [sighting_id], "platform": [platform], "survey_id": [columns.pop("survey", platform)]}
    row |= {name: [value] for name, value in columns.items()} | {"source_ref": [f"{platform}.csv#2"]}
    points = gpd.points_from_xy([EAST + east], [NORTH + north]) if east is not None else [None]
    return gpd.GeoDataFrame(row, geometry=gpd.GeoSeries(points, crs=CRS))


def ids(outfalls):
    return sorted(outfalls["sighting_ids"])


def test_two_platforms_at_one_place_are_one_confirmed_outfall():
    """A drone and a walk three metres apart saw one thing; it gets its place, bank and river."""
    seen = [see("D1", "drone", 500), see("F1", "foot", 503)]
    with unchanged(*seen):
        outfalls = register(seen, lines())
    assert ids(outfalls) == ["D1;F1"]
    assert outfalls[["status", "reach_id", "side", "receiving_water"]].values.tolist() == [
        ["confirmed", "R", "left", "东沟"]
    ]
    assert outfalls["along_m"].iloc[0] == pytest.approx(501, abs=3)
    assert outfalls["sigma_m"].iloc[0] < 5.0
    assert find_problems(outfalls, "outfalls") == []


def test_one_look_from_the_air_is_only_suspected():
    """One drone sighting is a suspicion; one on foot is a confirmation."""
    outfalls = register([see("D1", "drone", 500), see("F1", "foot", 900)], lines())
    assert dict(zip(outfalls["sighting_ids"], outfalls["status"], strict=True)) == {
        "D1": "suspected",
        "F1": "confirmed",
    }


def test_the_same_code_on_site_outweighs_distance_and_different_codes_outweigh_nearness():
    """A sign is near proof, either way."""
    far = [see("D1", "document", 500, code="FA-429900-0101-GY-00"), see("F1", "foot", 560, code="FA4299000101GY00")]
    near = [see("D1", "document", 500, code="东沟1#"), see("F1", "foot", 502, code="东沟2#")]
    assert ids(register(far, lines())) == ["D1;F1"]
    assert ids(register(near, lines())) == ["D1", "F1"]


def test_a_code_on_site_becomes_the_id_and_other_ids_stay_when_sightings_are_added():
    """The id is the code, else a hash of the smallest sighting id."""
    first = register(see("A1", "foot", 500), lines())
    more = register([see("A1", "foot", 500), see("B1", "drone", 501), see("C1", "foot", 900, survey="w2")], lines())
    assert first["outfall_id"].iloc[0] in set(more["outfall_id"])
    named = register(see("A1", "foot", 500, code="fa4299000101gy00"), lines())
    assert named[["outfall_id", "code_national"]].values.tolist() == [["FA-429900-0101-GY-00"] * 2]


def test_two_outfalls_under_one_code_keep_two_ids_and_are_listed():
    """One code on two things a kilometre apart is a defect of the data, not one thing."""
    outfalls = register([see("A", "foot", 200, code="K1"), see("B", "foot", 1500, survey="w2", code="K1")], lines())
    assert outfalls["outfall_id"].is_unique
    assert list(list_issues(outfalls)["kind"]) == ["duplicate"]


def test_shape_and_bank_keep_neighbours_apart():
    """Twelve metres apart, with another shape and on the other bank, is another outfall."""
    other = {"outfall_shape": "open_channel", "side": "right"}
    seen = [see("D1", "drone", 500, outfall_shape="pipe", side="left"), see("F1", "foot", 512, **other)]
    assert ids(register(seen, lines())) == ["D1", "F1"]


def test_the_walk_speaks_before_the_drone_and_a_clear_word_before_a_vague_one():
    """Precedence is documented: foot first; undetermined gives way."""
    seen = [
        see("D1", "drone", 500, name="疑似", outfall_class="ind.enterprise"),
        see("F1", "foot", 501, name="东沟3#", outfall_class="undetermined"),
    ]
    outfalls = register(seen, lines())
    assert outfalls[["name", "outfall_class"]].values.tolist() == [["东沟3#", "ind.enterprise"]]


def test_what_people_decided_wins():
    """A review puts together and takes apart against all odds."""
    seen = [see("D1", "drone", 500), see("F1", "foot", 501), see("S1", "satellite", 800)]
    review = pd.DataFrame({"sighting_a": ["D1", "D1"], "sighting_b": ["F1", "S1"], "same": [False, True]})
    with unchanged(*seen, review):
        outfalls = register(seen, lines(), review=review)
    assert ids(outfalls) == ["D1;S1", "F1"]
    assert "decision of people" in outfalls.set_index("sighting_ids").loc["D1;S1", "reason"]


def test_a_review_that_contradicts_itself_is_refused():
    """A is B, B is C, A is not C cannot be followed."""
    seen = [see("A", "drone", 500), see("B", "foot", 501), see("C", "satellite", 502)]
    pairs = {"sighting_a": ["A", "B", "A"], "sighting_b": ["B", "C", "C"], "same": [True, True, False]}
    with pytest.raises(TableError, match="delete one of the decisions"):
        register(seen, lines(), review=pd.DataFrame(pairs))
    with pytest.raises(TableError, match="a review has sighting_a"):
        register(seen, lines(), review=pd.DataFrame({"a": ["A"]}))


def test_a_pair_at_even_odds_is_listed_for_people_and_not_asked_again():
    """The list names both sightings; an answer takes them off it."""
    seen = [see("D1", "drone", 500), see("F1", "foot", 515)]
    doubtful = list_doubtful(seen, lines(), doubt_share=0.01)
    assert doubtful[["kind", "row_ids"]].values.tolist() == [["doubtful_pair", "D1;F1"]]
    assert doubtful["distance_m"].iloc[0] == pytest.approx(15.0)
    review = pd.DataFrame({"sighting_a": ["D1"], "sighting_b": ["F1"], "same": [True]})
    assert len(list_doubtful(seen, lines(), doubt_share=0.01, review=review)) == 0


@pytest.mark.parametrize("options", [{"same_share": 0.0}, {"same_share": 1.2}, {"doubt_share": 0.7}])
def test_impossible_thresholds_are_refused(options):
    """A share is between 0 and 1; nearer than even is not doubt."""
    with pytest.raises(TableError, match="is not between 0 and"):
        register(see("A", "foot", 1), lines(), **options)


def test_nothing_seen_gives_no_outfalls():
    """Empty in, empty out, with every column."""
    outfalls = register(empty("sightings"), lines())
    assert len(outfalls) == 0
    assert find_problems(outfalls, "outfalls") == []
    assert len(register([], lines())) == 0


def test_ids_that_two_surveys_share_are_told_apart():
    """Both files count from 1; the survey is written before the number and an issue says so."""
    outfalls = register([see("1", "drone", 500, survey="f1"), see("1", "drone", 900, survey="f2")], lines())
    assert ids(outfalls) == ["f1/1", "f2/1"]
    assert "renamed" in list(list_issues(outfalls)["decision"])
    twice = pd.concat([see("1", "drone", 500), see("2", "drone", 600)]).assign(sighting_id="1")
    with pytest.raises(TableError, match="stands more than once"):
        register(twice, lines())


def test_a_table_without_a_crs_is_refused():
    """Nobody guesses where points are."""
    bare = gpd.GeoDataFrame(
        pd.DataFrame(see("A", "foot", 1)).drop(columns="geometry"), geometry=gpd.points_from_xy([1], [2])
    )
    with pytest.raises((CoordinateError, TableError), match="no CRS"):
        register(bare, lines())


def test_a_find_inside_a_pipe_is_no_outfall_and_one_at_its_mouth_is():
    """A crawler's connection 20 m up the pipe is listed as unused; the mouth is an outfall placed on that pipe."""
    network = lines(P7=(400, 80, 400, 8))
    seen = [
        see("C1", "crawler", reach_id="P7", along_m=50.0, survey="c1"),
        see("C2", "crawler", reach_id="P7", along_m=71.0, survey="c1"),
        see("C3", "crawler", reach_id="P99", along_m=5.0, survey="c1"),
    ]
    with unchanged(*seen):
        outfalls = register(seen, network)
    assert ids(outfalls) == ["C2"]
    assert outfalls["reach_id"].iloc[0].startswith("P7")
    assert outfalls["receiving_water"].iloc[0] == "东沟"
    assert [row["sighting_id"] for row in outfalls.attrs["unused"]] == ["C1", "C3"]
    issues = list_issues(outfalls).set_index("row_ids")
    assert "1 finds inside pipes are no river outfalls" in issues.loc["C1", "reason"]
    assert "inside pipe P7" in outfalls.attrs["unused"][0]["reason"]
    assert "'P99', which is not in the network" in issues.loc["C3", "reason"]


def test_an_outfall_at_the_end_of_a_mapped_pipe_is_placed_on_that_pipe():
    """What is upstream of it is the pipe, not the river; another one has its place on the river."""
    network = lines(P7=(400, 80, 400, 8))
    outfalls = register([see("F1", "foot", 402, 9), see("F2", "foot", 900, 9, survey="w2")], network)
    place = outfalls.set_index("sighting_ids")
    assert place.loc["F1", "reach_id"].startswith("P7")
    assert place.loc["F2", "reach_id"].startswith("R")
    above = network.upstream(place.loc["F1", "reach_id"], along_m=place.loc["F1", "along_m"])
    assert not any(reach.startswith("R") for reach in above)
    assert place.loc[["F1", "F2"], "chainage_m"].tolist() == pytest.approx([1600 + 8, 1100], abs=15)


def step(sighting_id, east, parameter="conductivity", north=0.0):
    return see(sighting_id, "boat", east, north, survey="tow", step_parameter=parameter, step_value=300.0, sigma_m=20.0)


def test_a_step_goes_to_the_outfall_beside_it_and_moves_nothing():
    """Two parameters that step at one outfall are explained by it; its position stays as the walk measured it."""
    alone = register(see("F1", "foot", 500, 25), lines())
    outfalls = register([see("F1", "foot", 500, 25), step("B1", 510), step("B2", 495, "ammonia")], lines())
    assert ids(outfalls) == ["B1;B2;F1"]
    assert outfalls.geometry.iloc[0].equals(alone.geometry.iloc[0])
    assert outfalls["platforms"].iloc[0] == "foot;boat"
    assert "It explains what a towed sensor saw: B1, B2" in outfalls["reason"].iloc[0]


def test_a_step_nobody_explains_becomes_one_suspected_outfall():
    """Far from every outfall, steps of several parameters at one place are one suspicion."""
    outfalls = register([see("F1", "foot", 500), step("B1", 1200), step("B2", 1210, "ammonia")], lines())
    found = outfalls.set_index("sighting_ids")
    assert sorted(found.index) == ["B1;B2", "F1"]
    assert found.loc["B1;B2", "status"] == "suspected"
    assert "no known outfall explains it" in found.loc["B1;B2", "note"]


def test_a_step_between_two_outfalls_is_left_to_people():
    """Either could explain it: it confirms neither."""
    seen = [see("F1", "drone", 480, survey="f1"), see("F2", "drone", 520, survey="f1"), step("B1", 500)]
    outfalls = register(seen, lines())
    assert ids(outfalls) == ["F1", "F2"]
    assert set(outfalls["status"]) == {"suspected"}
    assert outfalls.attrs["unused"][0]["sighting_id"] == "B1"


def test_a_sighting_without_point_and_reach_is_listed():
    """It cannot be placed, and it is not lost."""
    outfalls = register([see("X1", "foot"), see("F1", "drone", 500)], lines())
    assert ids(outfalls) == ["F1"]
    assert [row["sighting_id"] for row in outfalls.attrs["unused"]] == ["X1"]
