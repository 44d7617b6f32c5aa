"""A plume is found where it is, chance is measured, and what cannot be judged has a reason."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.scenes_made import make_case
from outfall.errors import SceneError
from outfall.network import build_network
from outfall.scenes import find_water
from outfall.scenes.contrasts import find_contrasts
from outfall.scenes.controls import adjust_p
from outfall.scenes.windows import Window
from outfall.tables import check
from outfall.vocabulary import words
from tests.laws import shuffled, unchanged
from tests.scenes.river import NORTH, WEST, network_of, outfalls_on, scene_of


def planted(width_m=200, *, excess=0.012, at_m=2000.0, kind="river", seed=3, along_m=(2000.0,)):
    """Return a scene with a plume along the left bank from one outfall on, its network and its outfalls."""
    network = network_of(width_m, kind=kind)
    scene, _ = scene_of(width_m, noise=0.002, seed=seed)
    east, north = np.meshgrid(scene["x"], scene["y"])
    along, from_bank = east - WEST - 50 - at_m, NORTH - 1000 + width_m / 2 - north
    plume = excess * (along > 0) * np.exp(-np.clip(along, 0, None) / 800) * np.exp(-np.clip(from_bank, 0, None) / 60)
    scene["red"] = scene["red"] + (plume * (np.abs(north - NORTH + 1000) < width_m / 2)).astype("float32")
    return scene, network, outfalls_on(network, along_m=along_m, width_m=width_m)


@pytest.mark.parametrize("excess", [0.012, -0.012])
@pytest.mark.parametrize("width_m", [80, 200])
def test_a_plume_is_found_with_its_sign(width_m, excess):
    """Brighter and darker water below an outfall are both found, by banks and over the width."""
    scene, network, outfalls = planted(width_m, excess=excess)
    found = find_contrasts(outfalls, scene, network, layers="red").iloc[0]
    assert found["p"] < 0.05
    assert np.sign(found["estimate"]) == np.sign(excess)
    assert found["low"] < found["estimate"] < found["high"]
    assert found["low"] * found["high"] > 0


def test_upstream_and_downstream_are_not_the_same():
    """Turning the flow turns the sign."""
    scene, network, outfalls = planted()
    lines = network.reaches[["reach_id", "kind", "width_m", "geometry"]].rename(columns={"reach_id": "id"})
    turned = build_network(lines.assign(geometry=lines.geometry.reverse()))
    back = outfalls.drop(columns=["reach_id", "along_m"])
    one = find_contrasts(back, scene, network, layers="red").iloc[0]
    other = find_contrasts(back, scene, turned, layers="red").iloc[0]
    assert one["estimate"] > 0.003
    assert other["estimate"] < 0


def test_the_other_bank_takes_away_what_happens_everywhere():
    """Water that changes across the whole river at the outfall is no plume of one bank."""
    scene, network, outfalls = planted(excess=0.0)
    step = (scene["x"] > WEST + 2050).astype("float32") * np.float32(0.01)
    scene["red"] = scene["red"] + step * (np.abs(scene["y"] - NORTH + 1000) < 100)
    ways = (network.reaches["reach_id"].tolist(), None)
    found = pd.concat([find_contrasts(outfalls, scene, network, layers="red", control_ids=one) for one in ways])
    assert (found["design"] == "bank").all()
    assert (found["estimate"].abs() < 0.004).all()


def test_tide_is_said_and_looked_at_on_both_sides():
    """Where water runs either way there is a figure, and the code says that it is of no direction."""
    scene, network, outfalls = planted(kind="tidal")
    found = find_contrasts(outfalls, scene, network, layers="red").iloc[0]
    assert found["code"] == "tide"
    assert found["is_two_way"]
    assert np.isfinite(found["estimate"])


def test_neighbours_are_confounded_and_named():
    """Two outfalls nearer than the least window cannot be told apart; those farther off cut it short."""
    scene, network, outfalls = planted(along_m=(2000.0, 2060.0, 2300.0))
    found = find_contrasts(outfalls, scene, network, layers="red")
    assert found["code"].iloc[:2].tolist() == ["neighbour", "neighbour"]
    assert found["cut_by"].iloc[2] == "neighbour"
    assert found["window_m"].iloc[2] <= 240
    assert "Another outfall" in found["reason"].iloc[2]


def test_a_confluence_inside_the_window_is_named():
    """Another river that enters next to the outfall spoils it."""
    case = make_case(1501)
    lines = case.network.reaches.set_index("reach_id")
    outfalls = case.outfalls.iloc[[0]].assign(reach_id="main.1", along_m=float(lines.loc["main.1", "length_m"]) - 50)
    found = find_contrasts(outfalls, case.scene, case.network, layers="red")
    assert found["code"].tolist() == ["confluence"]
    assert found["reason_zh"].iloc[0]


@pytest.mark.parametrize("width_m", [12, 30, 44])
def test_narrow_rivers_have_a_reason_and_no_number(width_m):
    """Below the least width there is no estimate, and the reason says the widths."""
    network = network_of(width_m)
    found = find_contrasts(outfalls_on(network, width_m=width_m), scene_of(width_m)[0], network, layers="red")
    assert (found["code"] == "width").all()
    assert found["estimate"].isna().all()
    assert found["reason"].str.contains("44.6 m").all()


def test_no_number_without_a_code():
    """Every row has an estimate or a code of the vocabulary, and the contract holds."""
    case = make_case(1502)
    found = check(find_contrasts(case.outfalls, case.scene, case.network, layers=("red", "turbidity_red")), "contrasts")
    assert found["code"].notna()[found["estimate"].isna()].all()
    assert found["code"].dropna().isin(words("unseen_reason")).all()
    assert len(found) == 2 * len(case.outfalls)
    assert found["reason"].str.contains("rho_s taken").sum() > 3


def test_chance_is_chance():
    """On scenes without any plume few outfalls are called; a t-test of pixels calls most of them."""
    from benchmarks.scenes_plume import _t_test

    p, q, naive = [], [], []
    for seed in range(1600, 1603):
        case = make_case(seed, is_null=True)
        water = find_water(case.scene, case.network)
        found = find_contrasts(case.outfalls, case.scene, case.network, water=water)
        judged = found["p"].notna().to_numpy()
        p.append(found["p"][judged])
        q.append(found["q"][judged])
        naive.append(_t_test(case, water, found)[judged])
    assert (np.concatenate(naive) <= 0.05).mean() > 0.5
    assert (np.concatenate(p) < 0.05).mean() <= 0.15
    assert (np.concatenate(q) <= 0.05).mean() <= 0.05


def test_order_of_outfalls_changes_nothing_and_inputs_stay():
    """Rows follow the order given; each outfall's verdict is its own."""
    case = make_case(1503)
    with unchanged(case.outfalls):
        straight = find_contrasts(case.outfalls, case.scene, case.network, layers="red")
    mixed = find_contrasts(shuffled(case.outfalls), case.scene, case.network, layers="red")
    assert mixed["outfall_id"].tolist() == shuffled(case.outfalls)["outfall_id"].tolist()
    pd.testing.assert_frame_equal(
        straight.sort_values("outfall_id", ignore_index=True), mixed.sort_values("outfall_id", ignore_index=True)
    )


def test_the_unit_of_a_layer_does_not_decide():
    """A layer in thousandths gives the same probabilities."""
    scene, network, outfalls = planted()
    red = scene["red"].to_numpy()
    one, other = (find_contrasts(outfalls, scene, network, layers={"own": red * k}).iloc[0] for k in (1.0, 1000.0))
    assert one["p"] == pytest.approx(other["p"], rel=0.02)
    assert one["estimate"] * 1000 == pytest.approx(other["estimate"], rel=0.01)


def test_few_controls_give_an_estimate_without_a_probability():
    """Chance that cannot be measured is not guessed."""
    scene, network, outfalls = planted()
    found = find_contrasts(outfalls, scene, network, layers="red", window=Window(least_controls=500)).iloc[0]
    assert found["code"] == "few_controls"
    assert np.isfinite(found["estimate"])
    assert np.isnan(found["p"])


def test_a_layer_nobody_knows_is_refused():
    """The message names the bands there are."""
    scene, network, outfalls = planted()
    with pytest.raises(SceneError, match="neither a band"):
        find_contrasts(outfalls, scene, network, layers="soup")
    with pytest.raises(SceneError, match="one per scene"):
        find_contrasts(outfalls, [scene], network, water=[], layers="red")


def test_adjusted_p_never_falls_below_p():
    """Q is at least p, and keeps their order."""
    p = np.random.default_rng(0).random(50)
    q = adjust_p(p)
    assert (q >= p - 1e-12).all()
    assert (np.diff(q[np.argsort(p)]) >= 0).all()


def test_a_scene_without_a_date_is_compared():
    """Nobody said when it was taken: the row has no moment."""
    scene, network, outfalls = planted()
    scene.attrs["taken_at"] = ""
    assert find_contrasts(outfalls, scene, network, layers="red")["taken_at"].isna().all()
