"""Laws of a sampling plan: every outfall once, days not too long, nothing beyond the next discharge."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import TableError
from outfall.network import build_network
from outfall.tables import list_issues, read_frame
from outfall.water import find_brackets, list_bottles, plan_sampling, write_plan
from outfall.water.plan_route import order_stops, split_days
from tests.laws import shuffled, unchanged

CRS = 32650
START = datetime(2026, 4, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def network():
    """Return a river of 20 km, narrow and steep enough to mix soon, with a tributary at 10 km."""
    lines = gpd.GeoDataFrame(
        {"reach_id": ["A", "T", "B"], "width_m": 4.0, "depth_m": 0.5, "slope_share": 0.002},
        geometry=gpd.GeoSeries.from_wkt(
            [
                "LINESTRING (500000 3400000, 510000 3400000)",
                "LINESTRING (510000 3405000, 510000 3400000)",
                "LINESTRING (510000 3400000, 520000 3400000)",
            ]
        ),
        crs=CRS,
    )
    return build_network(lines)


def mouths(along, reach="A"):
    """Return outfalls on a reach."""
    along = np.asarray(along, dtype=float)
    return gpd.GeoDataFrame(
        {
            "outfall_id": [f"{reach}{at:.0f}" for at in along], "status": "confirmed", "reach_id": reach, "along_m": along,
            "side": "left", "is_discharging": [None, True, False][len(along) % 3], "name": "=东沟",
        },
        geometry=shapely.points(500000 + along + (10000 if reach == "B" else 0), 3400004.0), crs=CRS,
    )  # fmt: skip


def test_brackets_stand_on_both_sides(network):
    """The upper point lies above, the lower one below, each where its distance says."""
    found = find_brackets(mouths([1000, 4000]), network).set_index(["outfall_id", "role"])
    for name, along in (("A1000", 1000.0), ("A4000", 4000.0)):
        assert along - found.loc[(name, "upstream"), "along_m"] == pytest.approx(30.0)
        down = found.loc[(name, "downstream")]
        assert down["along_m"] - along == pytest.approx(down["distance_m"], abs=0.01)
        assert down["is_mixed"]
        assert down["distance_m"] == pytest.approx(down["mixing_m"], abs=0.01)


def test_a_bracket_never_passes_another_discharge(network):
    """Between an outfall and its points lies no other outfall."""
    rng = np.random.default_rng(2)
    table = mouths(np.sort(rng.uniform(50, 9900, 60)))
    found = find_brackets(table, network)
    own = found["outfall_id"].map(table.set_index("outfall_id")["along_m"]).to_numpy()
    for point, start, reach in zip(found["along_m"], own, found["reach_id"], strict=True):
        low, high = sorted((point, start))
        between = table["along_m"].between(low + 1e-6, high - 1e-6)
        assert reach != "A" or not between.any()
    stopped = found[found["reason"].str.contains("another discharge")]
    assert len(stopped)
    assert not stopped["is_mixed"].fillna(value=False).all()


def test_a_bracket_never_passes_a_confluence(network):
    """Water of a tributary is not sampled as if it were the outfall's."""
    found = find_brackets(mouths([9960]), network).set_index("role")
    assert found.loc["downstream", "reach_id"] == "A"
    assert "confluence" in found.loc["downstream", "reason"]


def test_every_outfall_is_visited_once(network):
    """No outfall is lost or doubled; shuffled outfalls give the same plan; the table is left as it was."""
    table = pd.concat([mouths(np.arange(200, 9800, 400)), mouths(np.arange(300, 9000, 700), "B")], ignore_index=True)
    with unchanged(table):
        plan = plan_sampling(table, network, parameters=["cod", "氨氮"], starts_at=START, crews=2)
    routine = plan[(plan["role"] == "outfall")]
    assert sorted(routine["outfall_id"]) == sorted(table["outfall_id"])
    assert plan["sample_id"].is_unique
    again = plan_sampling(shuffled(table), network, parameters=["cod", "氨氮"], starts_at=START, crews=2)
    pd.testing.assert_frame_equal(pd.DataFrame(plan), pd.DataFrame(again))


def test_no_day_is_too_long(network):
    """Every crew comes home within its hours, and has a duplicate and a blank."""
    table = mouths(np.arange(200, 9800, 150))
    base = gpd.GeoSeries([shapely.Point(505000, 3400100)], crs=CRS)
    plan = plan_sampling(table, network, parameters=["cod"], starts_at=START, crews=2, base=base)
    for _, day in plan.groupby(["day", "crew"]):
        minutes = (day["planned_at"].max() - day["planned_at"].min()).total_seconds() / 60
        assert minutes + 20 <= 8 * 60
        assert {"duplicate", "field_blank"} <= set(day["kind"])
        assert day["planned_at"].is_monotonic_increasing


def test_priority_decides_who_comes_first(network):
    """The outfalls of the greatest number are sampled on the first day, and only those named."""
    table = mouths(np.arange(200, 9800, 150))
    wanted = pd.Series({"A9500": 9.0, "A200": 1.0, "A5000": 2.0})
    plan = plan_sampling(table, network, parameters=["cod"], starts_at=START, priority=wanted, rules={"day_h": 1.2})
    assert set(plan["outfall_id"].dropna()) <= set(wanted.index)
    assert plan.sort_values("planned_at").loc[plan["role"] == "outfall", "outfall_id"].iloc[0] == "A9500"


def test_a_round_is_short():
    """The tour visits every stop once, is never longer than nearest neighbour, and near the best of small cases."""
    from itertools import permutations

    for seed in range(8):
        points = np.random.default_rng(seed).uniform(0, 1000, (7, 2))
        tour = order_stops(points)

        def length(order, points=points):
            return np.hypot(*np.diff(points[list(order)], axis=0).T).sum()

        assert sorted(tour) == list(range(7))
        assert length(tour) <= 1.2 * min(length(order) for order in permutations(range(7)))


def test_days_hold_every_stop_once():
    """Cutting a tour loses nothing, and a stop that overfills a day stands alone."""
    rng = np.random.default_rng(3)
    points, stay = rng.uniform(0, 40000, (60, 2)), rng.uniform(10, 90, 60)
    stay[7] = 900.0
    days = split_days(order_stops(points), points, stay, base=np.zeros(2), metres_per_min=300.0, most_min=480.0)
    assert sorted(stop for stops, _ in days for stop in stops) == list(range(60))
    assert [7] in [stops for stops, _ in days]


def test_bottles_hold_every_parameter_once():
    """What is planned is in exactly one bottle; what is measured on site in none."""
    plan = pd.DataFrame({"sample_id": ["a", "b"], "parameters": ["cod;bod5;copper;zinc;temperature", "benzo_a_pyrene"]})
    bottles = list_bottles(plan)
    held = bottles.groupby("sample_id")["parameters"].agg(";".join).str.split(";").map(sorted).to_dict()
    assert held == {"a": ["bod5", "cod", "copper", "zinc"], "b": ["benzo_a_pyrene"]}
    assert bottles.set_index("sample_id").loc["b", "agent"] is None or pd.isna(
        bottles.set_index("sample_id").loc["b", "agent"]
    )


def test_what_does_not_keep_is_said(network):
    """Coliforms keep six hours: a day of eight needs a courier, and the plan says so."""
    plan = plan_sampling(mouths([1000]), network, parameters=["faecal_coliform"], starts_at=START)
    assert "6 h" in list_issues(plan)["reason"].iloc[0]


def test_a_workbook_holds_text_and_every_sample(network, tmp_path):
    """The sheets give back every sample; a name that looks like a formula stays a name."""
    plan = plan_sampling(mouths([1000, 3000]), network, parameters=["cod"], starts_at=START)
    file = write_plan(plan, tmp_path / "plan.xlsx")
    back = read_frame(file)
    assert back["样品编号"].tolist() == plan["sample_id"].tolist()
    assert back["点位名称"].dropna().str.startswith("=东沟").sum() >= 6


def test_a_route_holds_every_stop(network, tmp_path):
    """The phone gets every stop in order at its place."""
    plan = plan_sampling(mouths([1000, 3000]), network, parameters=["cod"], starts_at=START)
    root = ET.parse(write_plan(plan, tmp_path / "plan.gpx")).getroot()
    names = [node.text for node in root.iter("{http://www.topografix.com/GPX/1/1}name")][1:]
    assert names == plan["sample_id"].tolist()
    place = next(root.iter("{http://www.topografix.com/GPX/1/1}rtept"))
    assert float(place.get("lon")) == pytest.approx(plan.to_crs(4326).geometry.x.iloc[0], abs=1e-6)


def test_all_problems_are_listed_at_once(network):
    """Unknown parameters, a naive time and no crew come in one list."""
    with pytest.raises(TableError, match="3 problems"):
        plan_sampling(mouths([1]), network, parameters=["unobtainium"], starts_at=datetime(2026, 4, 12), crews=0)  # noqa: DTZ001
    with pytest.raises(TableError, match="no rule is called"):
        plan_sampling(mouths([1]), network, parameters=["cod"], starts_at=START, rules={"nap_min": 20.0})


def test_no_outfalls_make_no_plan(network):
    """An empty table has an answer."""
    assert len(plan_sampling(mouths([1]).iloc[:0], network, parameters=["cod"], starts_at=START)) == 0
