"""What contrasts become: clues that raise and lower, plumes with a shape, anomalies of a season, honest kelvins."""

import numpy as np
import pandas as pd
import pytest

from outfall.camera import read_thermal
from outfall.camera.thermal import Thermal
from outfall.errors import ReadError, SceneError
from outfall.scenes import grid_of
from outfall.scenes.contrast_clues import contrast_clues
from outfall.scenes.contrasts import find_contrasts
from outfall.scenes.plume_shapes import plume_polygons
from outfall.scenes.series import before_after, season_anomalies
from outfall.scenes.thermal import find_frame_contrast, find_thermal_contrasts
from outfall.scenes.windows import Window
from outfall.tables import check
from tests.laws import unchanged
from tests.scenes.river import network_of, outfalls_on, scene_of
from tests.scenes.test_contrasts import planted


@pytest.fixture(scope="module")
def contrasts():
    scene, network, outfalls = planted(along_m=(1000.0, 2000.0))
    return find_contrasts(outfalls, scene, network, layers="red", window=Window(least_controls=2, most_m=200.0))


def test_clues_raise_and_lower(contrasts):
    """A plume raises the odds, clear water lowers them a little, and the rows keep the contract."""
    with unchanged(contrasts):
        clues = check(contrast_clues(contrasts), "clues").set_index("outfall_id")
    assert clues["log_lr"]["P1"] > 1
    assert -np.log(2) < clues["log_lr"]["P0"] < 0
    assert (clues["kind"] == "plume").all()
    assert clues["source_id"].isna().all()
    assert clues["reach_id"].notna().all()
    assert clues["reason"].str.contains("lowers|raises").all()
    assert clues["reason_zh"].str.contains("上升|下降").all()


def test_no_clue_where_nothing_can_be_seen():
    """A river too narrow says nothing, in either direction."""
    network = network_of(30)
    found = find_contrasts(outfalls_on(network, width_m=30), scene_of(30)[0], network, layers="red")
    assert contrast_clues(found).empty


def test_clues_are_bounded_and_layers_do_not_add_up(contrasts):
    """No clue is stronger than the cap, and the same layer twice says no more than once."""
    assert contrast_clues(contrasts, cap_lr=3)["log_lr"].abs().max() <= np.log(3) + 1e-12
    twice = pd.concat([contrasts, contrasts.assign(layer="again", contrast_id=contrasts["contrast_id"] + "b")])
    assert np.allclose(contrast_clues(twice)["log_lr"], contrast_clues(contrasts)["log_lr"])
    with pytest.raises(SceneError, match="shown_share"):
        contrast_clues(contrasts, shown_share=1.0)


def test_surer_emptiness_lowers_more(contrasts):
    """The same lack of contrast says more where a plume would have shown more surely."""
    row = contrasts[contrasts["outfall_id"] == "P0"].assign(studentised=0.0)
    sharp, blunt = (contrast_clues(row.assign(sd=row["sd"] * k))["log_lr"].iloc[0] for k in (0.5, 5.0))
    assert sharp < blunt < 0


def test_a_plume_has_its_shape():
    """The polygon begins at the outfall, lies downstream along its bank, and fades as it was made to."""
    scene, network, outfalls = planted(excess=0.03, along_m=(1000.0, 2000.0))
    found = plume_polygons(outfalls, scene, network, layer="red").set_index("outfall_id")
    assert found["code"].to_dict()["P0"] == "no_plume"
    plume = found.loc["P1"]
    assert plume["sign"] == 1
    assert plume["attached_m"] < 40
    assert 200 < plume["length_m"] < 1900
    assert plume["area_m2"] == pytest.approx(plume.geometry.area)
    assert plume["area_m2"] == plume["pixels"] * grid_of(scene).pixel_m ** 2
    assert 0.2 < plume["decay_per_km"] < 3
    assert plume.geometry.centroid.x > outfalls.geometry.iloc[1].x
    assert found.crs == grid_of(scene).crs


def many(change=0.0, *, seed=0, count=24):
    rng = np.random.default_rng(seed)
    times = pd.date_range("2024-01-10", periods=count, freq="30D", tz="UTC")
    season = 0.02 * np.sin(2 * np.pi * times.day_of_year / 365.25)
    value = season + rng.normal(0, 0.002, count) + np.where(np.arange(count) >= count // 2, change, 0)
    return pd.DataFrame(
        {"contrast_id": [f"c{i}" for i in range(count)], "outfall_id": "P1", "layer": "red", "taken_at": times,
         "estimate": value, "sd": 0.002, "code": pd.Series([None] * count, dtype="str"), "source_ref": "made"}
    )  # fmt: skip


def test_a_season_is_no_anomaly_and_a_spill_is():
    """What comes every year is usual; what does not is not; too few scenes have a code."""
    table = many(count=48)
    found = season_anomalies(table)
    assert found["anomaly"].abs().max() < 6
    spilled = table.assign(estimate=table["estimate"].where(table.index != 20, 0.08))
    assert season_anomalies(spilled)["anomaly"].abs().idxmax() == 20
    few = season_anomalies(table.iloc[:4])
    assert (few["code"] == "few_scenes").all()
    assert few["anomaly"].isna().all()


def test_a_change_is_dated_with_its_interval():
    """After a repair the contrast falls by what was made; without one the interval holds zero."""
    at = pd.Timestamp("2025-01-01", tz="UTC")
    flat = many().assign(
        estimate=lambda t: t["estimate"] - 0.02 * np.sin(2 * np.pi * t["taken_at"].dt.day_of_year / 365.25)
    )
    fell = flat.assign(estimate=flat["estimate"] - 0.01 * (flat["taken_at"] >= at))
    one, none = before_after(fell, at=at).iloc[0], before_after(flat, at=at).iloc[0]
    assert one["change"] == pytest.approx(-0.01, abs=0.003)
    assert one["high"] < 0
    assert one["p"] < 0.01
    assert none["p"] > 0.01
    assert before_after(flat, at={"P9": at})["code"].tolist() == ["few_scenes"]
    with pytest.raises(SceneError, match="no time zone"):
        before_after(flat, at=pd.Timestamp("2025-01-01"))


def warm(excess_k):
    scene, network, outfalls = planted(300, excess=0.0)
    plumed = planted(300, excess=1.0)[0]["red"] - scene["red"]
    noise = np.random.default_rng(5).normal(0, 0.15, scene["red"].shape)
    scene["thermal"] = (("y", "x"), (292 + excess_k * plumed.to_numpy() + noise).astype("float32"))
    scene["thermal"].attrs = {"quantity": "temperature", "gsd_m": 10.0}
    return scene, network, outfalls


@pytest.mark.parametrize("excess_k", [2.0, -2.0])
def test_four_kelvin_of_doubt_make_two_kelvin_nothing(excess_k):
    """A difference seen within the scene is significant of either sign, and not with the sigma of its product."""
    scene, network, outfalls = warm(excess_k)
    sure = find_thermal_contrasts(outfalls, scene, network, footprint_m=0).iloc[0]
    unsure = find_thermal_contrasts(outfalls, scene, network, sigma_k=4.0).iloc[0]
    assert sure["p"] < 0.01
    assert np.sign(sure["estimate"]) == np.sign(excess_k)
    assert unsure["p"] > 0.05
    assert unsure["low"] < 0 < unsure["high"]
    assert unsure["estimate"] == sure["estimate"]
    assert unsure["effective_n"] <= unsure["pixels"] / 50
    assert "4.0 K" in unsure["reason"]
    assert sure["unit"] == "K"


def test_reflectance_is_no_temperature():
    """A scene without a temperature is refused."""
    scene, network, outfalls = planted()
    with pytest.raises(SceneError, match="no band thermal"):
        find_thermal_contrasts(outfalls, scene, network)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_drone_frame_has_warm_and_cold(sign):
    """Counts give a sign and a size in the ring's own spread, never degrees."""
    plane = np.random.default_rng(1).normal(3000, 4, (100, 120)).astype(np.float32)
    plane[45:55, 55:65] += sign * 50
    found = find_frame_contrast(Thermal(plane, "count", (120, 100)), 60, 50, radius_px=4)
    assert found["unit"] == "count"
    assert np.sign(found["sds"]) == sign
    assert abs(found["sds"]) > 5
    with pytest.raises(SceneError, match="no surroundings"):
        find_frame_contrast(Thermal(plane, "count", (120, 100)), 500, 50)


def test_a_palette_is_no_temperature(tmp_path):
    """A picture without its raw plane is refused before any contrast."""
    from PIL import Image

    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "palette.jpg")
    with pytest.raises(ReadError, match="palette"):
        read_thermal(tmp_path / "palette.jpg")
