"""Mass balance: loads nobody declared."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import TraceError
from outfall.network import build_network
from outfall.tables import check
from outfall.tracing.mass_balance import find_undeclared, undeclared_clues
from tests.laws import shuffled, unchanged

COUNT = 8


@pytest.fixture(scope="module")
def chain():
    """Return eight reaches one after the other."""
    lines = [shapely.LineString([(4e5, 34e5 - 1e3 * at), (4e5, 34e5 - 1e3 * (at + 1))]) for at in range(COUNT)]
    return build_network(gpd.GeoDataFrame({"reach_id": [f"R{at}" for at in range(COUNT)]}, geometry=lines, crs=32650))


def taken(value, flow=2.0):
    """Return samples in the middle of each reach, and their results."""
    ids = [f"S{at}" for at in range(COUNT)]
    reach = [f"R{at}" for at in range(COUNT)]
    samples = pd.DataFrame({"sample_id": ids, "reach_id": reach, "along_m": 500.0, "flow_m3s": flow})
    results = pd.DataFrame({"sample_id": ids, "parameter": "ammonia", "qualifier": "=", "value": value, "unit": "mg/L"})
    return results, samples


def test_planted_load_is_found(chain):
    """A load that enters one stretch stands out there and nowhere else downstream."""
    results, samples = taken([1.0] * 4 + [5.0] * 4)
    found = find_undeclared(results, samples, chain, parameter="ammonia")
    inner = found[~found["is_head"]]
    assert inner.loc[inner["is_significant"], "site_id"].tolist() == ["S4"]
    assert found.set_index("site_id").loc["S4", "undeclared_gs"] == pytest.approx(8.0)


def test_declared_load_explains(chain):
    """What was declared in the stretch is not undeclared."""
    results, samples = taken([1.0] * 4 + [5.0] * 4)
    declared = pd.DataFrame({"reach_id": ["R3"], "load_gs": [8.0], "along_m": [800.0]})
    found = find_undeclared(results, samples, chain, parameter="ammonia", declared=declared).set_index("site_id")
    assert found.loc["S4", "undeclared_gs"] == pytest.approx(0.0)
    assert not found.loc["S4", "is_significant"]


def test_declared_beyond_the_site_counts_below_it(chain):
    """A load declared just above a site counts there; just below it, at the next."""
    results, samples = taken([1.0] * COUNT)
    declared = pd.DataFrame({"reach_id": ["R3", "R3"], "load_gs": [1.0, 2.0], "along_m": [499.0, 501.0]})
    found = find_undeclared(results, samples, chain, parameter="ammonia", declared=declared).set_index("site_id")
    assert found["declared_gs"].to_dict() == pytest.approx({f"S{at}": {3: 1.0, 4: 2.0}.get(at, 0.0) for at in range(8)})


def test_decay_makes_an_equal_load_undeclared(chain):
    """Where load decays, a load that stays the same is fed by something."""
    results, samples = taken([1.0] * COUNT)
    hours = pd.Series(24.0, index=chain.reaches["reach_id"])
    found = find_undeclared(results, samples, chain, parameter="ammonia", rate_per_day=1.0, travel_h=hours)
    assert found.loc[~found["is_head"], "undeclared_gs"].to_numpy() == pytest.approx(2.0 * (1 - np.exp(-1.0)))


def test_false_alarms_are_rare(chain):
    """Where nothing enters, noise of the size stated gives few alarms."""
    rng = np.random.default_rng(1005)
    alarms = 0
    for _ in range(15):
        results, samples = taken(np.exp(0.1 * rng.standard_normal(COUNT)), 2 * np.exp(0.1 * rng.standard_normal(COUNT)))
        found = find_undeclared(results, samples, chain, parameter="ammonia")
        alarms += bool((found["is_significant"] & ~found["is_head"]).any())
    assert alarms <= 5


def test_non_detect_invents_nothing(chain):
    """Non-detects along the river are no source, whatever their limits."""
    results, samples = taken(np.nan)
    results = results.assign(qualifier="<", detection_limit=np.linspace(0.1, 0.2, COUNT))
    found = find_undeclared(results, samples, chain, parameter="ammonia")
    assert not found.loc[~found["is_head"], "is_significant"].any()


def test_shuffle_inputs_and_scale(chain):
    """Row order does not matter, nothing is changed, and µg/L is mg/L."""
    results, samples = taken([1.0] * 4 + [5.0] * 4)
    with unchanged(results, samples):
        one = find_undeclared(results, samples, chain, parameter="ammonia")
    micro = results.assign(value=results["value"] * 1000, unit="µg/L")
    two = find_undeclared(shuffled(micro), shuffled(samples, 2), chain, parameter="ammonia")
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two), rtol=1e-6)


def test_clues_meet_their_contract(chain):
    """Stretches that stand out become clues with reasons in both languages."""
    results, samples = taken([1.0] * 4 + [5.0] * 4)
    clues = undeclared_clues(find_undeclared(results, samples, chain, parameter="ammonia"))
    assert check(clues, "clues")["kind"].tolist() == ["hot_spot"]
    assert "未申报" in clues["reason_zh"].iloc[0]


def test_missing_flow_is_refused(chain):
    """A load needs a flow."""
    results, samples = taken([1.0] * COUNT)
    with pytest.raises(TraceError, match="flow_m3s"):
        find_undeclared(results, samples.drop(columns="flow_m3s"), chain, parameter="ammonia")
