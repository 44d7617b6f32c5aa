"""Boxes on photos become ground, sightings and one thing each; a score becomes a probability only where people looked."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.camera import Thermal, find_anomalies, look_at
from outfall.errors import CoordinateError, TableError
from outfall.survey import calibrate_scores, compare_boxes, merge_frames, place_boxes, read_boxes, sight_boxes
from outfall.survey.score_fits import combine_shares
from outfall.tables import check, list_issues
from tests.laws import shuffled, unchanged
from tests.survey.flights import CRS, SIZE, links, make_flight, members, project


def _level(**more):
    return {"surface": 0.0, "sigmas": {"surface_m": 0.0, **more}}


def test_a_box_lies_where_its_pixels_were_projected_from():
    """With a pose without errors the middle and all four corners come back to the place they were projected from."""
    photos, _, _, _ = make_flight(1001)
    photo = photos.iloc[[3]].assign(yaw_deg=20.0, pitch_deg=-60.0, roll_deg=0.0, altitude_m=80.0)
    corners = np.array([[-4.0, 50.0], [5.0, 50.5], [5.5, 54.0], [-4.5, 53.0]])
    pixel = project(corners, 80.0, 20.0, -60.0)
    low, high = pixel.min(axis=0), pixel.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    row = {"photo": photo["file"].iloc[0], "col_px": middle[0], "row_px": middle[1]}
    boxes = pd.DataFrame([{**row, "half_width_px": half[0], "half_height_px": half[1], "source_ref": "b#1"}])
    placed = place_boxes(boxes, photo, surface=_level())
    drawn = np.array(placed.to_crs(CRS).geometry.iloc[0].exterior.coords)[:4]
    camera = np.array([photo.geometry.x.iloc[0], photo.geometry.y.iloc[0]])
    box = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    back = project((drawn - camera) / 0.9996, 80.0, 20.0, -60.0)
    assert (
        np.abs(back - np.array(box)).max() < 12
    )  # two pixels of grid north and two of the plane of the map per 0.05 m
    assert placed["area_m2"].iloc[0] == pytest.approx(float(shapely.area(shapely.polygons(drawn))), rel=2e-3)


def test_the_middle_is_where_look_at_puts_it():
    """A box without size has the place of look_at, no outline, and at least its ellipse."""
    photos, boxes, _, _ = make_flight(1002)
    boxes = boxes[boxes["col_px"].between(0, SIZE[0]) & boxes["row_px"].between(0, SIZE[1])].reset_index(drop=True)
    bare = boxes.assign(half_width_px=0.0, half_height_px=0.0, sigma_px=4.0)
    placed = place_boxes(bare, photos, surface=_level(), timing_s=0.0)
    at = photos.set_index("file").index.get_indexer(bare["photo"])
    held = photos.iloc[at].reset_index(drop=True)
    seen = look_at(held, pixels=bare[["col_px", "row_px", "sigma_px"]], **_level())
    assert placed["object_lon"].tolist() == seen.geometry.x.tolist()
    assert placed["sigma_m"].tolist() == pytest.approx(seen["sigma_m"].tolist())
    assert placed.geometry.isna().all()
    moved = place_boxes(bare, photos, surface=_level(), timing_s=1.0)
    assert (moved["sigma_m"] > placed["sigma_m"] + 1).all()


def test_ellipses_cover_the_truth():
    """Over flights with known errors the ellipses of 95 % hold 90 to 99.5 % of the things."""
    inside = []
    for seed in range(1000, 1006):
        photos, boxes, truth, thing = make_flight(seed)
        placed = place_boxes(boxes, photos, surface=_level(), timing_s=0.0)[thing >= 0]
        points = gpd.GeoSeries(gpd.points_from_xy(placed["object_lon"], placed["object_lat"]), crs=4490).to_crs(CRS)
        there = truth.geometry.iloc[thing[thing >= 0]]
        east, north = points.x.to_numpy() - there.x.to_numpy(), points.y.to_numpy() - there.y.to_numpy()
        turn = np.radians(placed["major_azimuth_deg"].to_numpy())
        along, across = east * np.sin(turn) + north * np.cos(turn), east * np.cos(turn) - north * np.sin(turn)
        inside += list(np.hypot(along / placed["sigma_major_m"], across / placed["sigma_minor_m"]) < 2.4477)
    assert 0.90 <= np.mean(inside) <= 0.995


def test_photo_and_object_are_both_kept_with_an_ellipse():
    """Every sighting of a box has the place of the camera, of the object, and an ellipse (pitfall 19)."""
    photos, boxes, _, _ = make_flight(1003)
    with unchanged(photos, boxes):
        placed = place_boxes(boxes, photos, surface=_level())
    with unchanged(placed):
        seen = sight_boxes(placed)
    check(seen, "sightings")
    camera = gpd.GeoSeries(gpd.points_from_xy(seen["photo_lon"], seen["photo_lat"]), crs=4326).to_crs(CRS)
    assert camera.distance(seen.to_crs(CRS).geometry, align=False).between(10, 150).all()
    assert seen[["sigma_major_m", "sigma_minor_m", "major_azimuth_deg"]].notna().all(axis=None)
    assert placed.index.equals(boxes.index)
    assert placed["distance_m"].tolist() == pytest.approx(
        camera.distance(seen.to_crs(CRS).geometry, align=False).tolist(), rel=2e-3
    )


def test_every_box_is_answered():
    """A box of no photo, beside the picture, above the horizon or cut by the edge is kept and said."""
    photos, boxes, _, _ = make_flight(1004)
    photos.loc[1, "pitch_deg"] = -2.0
    one = boxes.iloc[[0, 0, 0, 0]].reset_index(drop=True)
    one["photo"] = [photos["file"][0], "lost.JPG", photos["file"][1], photos["file"][2]]
    one["col_px"], one["row_px"] = [5000.0, 10.0, 2000.0, 2.0], [10.0, 10.0, 1500.0, 1500.0]
    placed = place_boxes(one, photos, surface=0.0)
    assert placed["object_lon"].notna().tolist() == [False, False, False, True]
    assert placed["is_cut"].tolist()[3]
    assert placed["reason"].str.contains("outside|not among|horizon").tolist() == [True, True, True, False]
    assert (placed["reason_zh"] != "").tolist()[:3] == [True] * 3
    assert len(sight_boxes(placed)) == 1
    assert len(list_issues(placed).query("kind == 'no_geometry'")) == 3


def test_no_box_is_no_sighting():
    """Empty boxes, and empty photos, give empty tables."""
    photos, boxes, _, _ = make_flight(1004)
    assert len(sight_boxes(place_boxes(boxes.iloc[:0], photos))) == 0
    lost = place_boxes(boxes.iloc[:2], photos.iloc[:0])
    assert lost["object_lon"].isna().all()


def test_boxes_need_pixels():
    """A table that is no table of boxes is refused with what is missing."""
    photos, boxes, _, _ = make_flight(1004)
    with pytest.raises(TableError, match="col_px and row_px"):
        place_boxes(boxes[["photo", "source_ref"]], photos)
    with pytest.raises(TableError, match="place_boxes returned"):
        sight_boxes(gpd.GeoDataFrame(boxes, geometry=[None] * len(boxes), crs=4490))


def test_a_csv_of_boxes_says_what_coco_says(tmp_path):
    """Left, top, width and height in a table are the same box as in COCO."""
    (tmp_path / "a.csv").write_text("photo,col_px,row_px,box_width_px,box_height_px,score\na.JPG,10,20,8,4,0.5\n")
    coco = '{"images":[{"id":1,"file_name":"a.JPG"}],"annotations":[{"image_id":1,"bbox":[10,20,8,4],"score":0.5}]}'
    (tmp_path / "a.json").write_text(coco)
    one, other = read_boxes(tmp_path / "a.csv"), read_boxes(tmp_path / "a.json")
    columns = ["photo", "col_px", "row_px", "half_width_px", "half_height_px", "sigma_px", "confidence_share"]
    assert one[columns].to_dict("records") == other[columns].to_dict("records")
    (tmp_path / "b.csv").write_text("photo,score\na.JPG,0.5\n")
    with pytest.raises(TableError, match="no table of boxes"):
        read_boxes(tmp_path / "b.csv")


def _merge(seed, **options):
    photos, boxes, _, thing = make_flight(seed, **options)
    merged = merge_frames(sight_boxes(place_boxes(boxes, photos, surface=_level())))
    true = links([np.flatnonzero(thing == one).tolist() for one in sorted(set(thing) - {-1})])
    got = links(members(merged))
    return len(got & true) / len(got), len(got & true) / len(true)


@pytest.mark.parametrize(("options", "least"), [({}, 0.93), ({"sigma_m": 3.0}, 0.8)])
def test_neighbours_four_metres_apart_are_told_apart(options, least):
    """Things closer than their ellipses are wide are merged with themselves: frames share their error."""
    shares = np.array([_merge(seed, **options) for seed in range(1010, 1014)])
    assert shares.mean(axis=0).min() > least


def test_each_frame_gives_one_box_at_most():
    """No thing has two boxes of one photo, no box is lost or used twice, whatever the order of rows."""
    photos, boxes, _, _ = make_flight(1005, sigma_m=3.0)
    seen = sight_boxes(place_boxes(boxes, photos, surface=_level()))
    groups = members(merge_frames(seen))
    assert sorted(row for group in groups for row in group) == list(range(len(boxes)))
    assert all(boxes["photo"].iloc[group].is_unique for group in groups)
    assert sorted(members(merge_frames(shuffled(seen)))) == sorted(groups)


def _checked(seed, count=600, power=2.0, basin="青河"):
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.05, 1, count)
    return pd.DataFrame({"score": score, "is_real": rng.uniform(size=count) < score**power, "basin": basin})


def test_without_a_check_a_score_is_a_rank():
    """No probability is invented: not without a check, not for another basin, not beyond the scores that were checked."""
    photos, boxes, _, _ = make_flight(1006)
    placed = place_boxes(boxes, photos, surface=_level())
    seen = sight_boxes(placed)
    assert seen["confidence_share"].isna().all()
    assert seen["score_is"].eq("rank").all()
    assert seen["note"].str.contains("是排序|仅为排序").all()
    known = calibrate_scores(_checked(1000))
    assert sight_boxes(placed, calibration=known, basin="elsewhere")["confidence_share"].isna().all()
    here = sight_boxes(placed, calibration=known, basin="青河")
    is_within = here["score"].between(known.fits["青河"].least, known.fits["青河"].most)
    assert here["confidence_share"].notna().eq(is_within).all()
    assert "outside" in known.apply([2.0], basins="青河")["reason"].iloc[0]
    with pytest.raises(TableError, match="without a check"):
        calibrate_scores(_checked(1000).assign(is_real=None))


@pytest.mark.parametrize("method", ["isotonic", "logistic", "best"])
def test_probabilities_come_true(method):
    """Among new boxes of the same basin probabilities are off by less than 0.06 on the mean; raw scores by more than 0.1."""
    known, new = calibrate_scores(_checked(1001), method=method), _checked(1002, 4000)
    new = new[new["score"].between(known.fits["青河"].least, known.fits["青河"].most)].reset_index(drop=True)
    share = known.apply(new["score"], basins="青河")["share"]

    def off(said):
        group = pd.qcut(said.rank(method="first"), 10, labels=False)
        told = pd.DataFrame({"said": said, "true": new["is_real"].astype(float)}).groupby(group).mean()
        return float((told["said"] - told["true"]).abs().mean())

    assert off(share) < 0.06
    assert off(new["score"]) > 0.1
    assert share.between(0.0, 1.0, inclusive="neither").all()
    assert share.iloc[np.argsort(new["score"])].is_monotonic_increasing


def test_another_basin_is_held_out_and_said():
    """Where basins differ, probabilities of the others are farther off than those of other boxes here."""
    table = pd.concat([_checked(1003 + n, 300, power, f"b{n}") for n, power in enumerate((0.5, 2.0, 6.0))])
    held = calibrate_scores(table).held_out.groupby("from")["off_share"].mean()
    assert held["others"] > 2 * held["here"]


def test_the_order_of_checked_boxes_does_not_matter():
    """Shuffled rows give the same curve, and the table is unchanged."""
    table = _checked(1004, 200)
    with unchanged(table):
        one = calibrate_scores(table)
    other = calibrate_scores(shuffled(table))
    grid = np.linspace(0.1, 0.9, 9)
    assert one.apply(grid, basins="青河")["share"].tolist() == other.apply(grid, basins="青河")["share"].tolist()
    pd.testing.assert_frame_equal(one.held_out, other.held_out)


def test_a_handful_of_boxes_tells_no_curve():
    """A basin with too few checked boxes, or with one outcome only, is refused with its numbers."""
    known = calibrate_scores(pd.concat([_checked(1005, 10), _checked(1005, 50, 2.0, "b").assign(is_real=True)]))
    assert not known.fits
    told = known.apply([0.5, 0.5], basins=["青河", "b"])
    assert told["share"].isna().all()
    assert told["reason"].str.contains("tell no curve").all()


def test_frames_that_repeat_each_other_add_nothing():
    """Dependence is learned: boxes that copy each other count once, independent ones as often as they are."""
    rng = np.random.default_rng(1006)
    real = rng.uniform(size=400) < 0.5
    evidence = np.where(real, 1.0, -1.0)[:, None] + rng.normal(0, 1.4, (400, 3))
    for is_copy in (True, False):
        told = np.repeat(evidence[:, :1], 3, axis=1) if is_copy else evidence
        table = {"score": told.ravel(), "is_real": real.repeat(3), "basin": "a", "thing_id": np.repeat(range(400), 3)}
        rho = calibrate_scores(pd.DataFrame(table)).dependence_share
        assert (rho > 0.8) if is_copy else (rho < 0.25)
    assert combine_shares(np.array([0.7] * 5), base_share=0.3, dependence_share=1.0) == pytest.approx(0.7)


def test_things_found_are_counted_on_the_ground():
    """Distances are metres, each thing counts once, and a find of another basin does not help."""
    truth = gpd.GeoDataFrame({"basin": ["a", "a", "b"]}, geometry=gpd.points_from_xy([0, 50, 0], [0, 0, 900]), crs=CRS)
    spots = ([1, 2, 53, 0], [0, 0, 0, 0])
    found = gpd.GeoDataFrame({"basin": ["a", "a", "a", "b"], "score": [0.9, 0.8, 0.7, 0.6]},
                             geometry=gpd.points_from_xy(*spots), crs=CRS)  # fmt: skip
    told = compare_boxes(found, truth).set_index("basin")
    assert told.loc["a", ["matched", "precision_share", "recall_share"]].tolist() == [2, 2 / 3, 1.0]
    assert told.loc["a", "ap_share"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert told.loc["b", ["matched", "ap_share"]].tolist() == [0, 0.0]
    assert told["ap50_share"].isna().all()
    assert compare_boxes(found, truth, within_m=2.5).set_index("basin").loc["a", "matched"] == 1
    assert compare_boxes(shuffled(found), shuffled(truth)).equals(compare_boxes(found, truth))
    with pytest.raises(CoordinateError, match="no CRS"):
        compare_boxes(
            gpd.GeoDataFrame(
                found.drop(columns="geometry"), geometry=found.geometry.set_crs(None, allow_override=True)
            ),
            truth,
        )
    with pytest.raises(TableError, match="basin"):
        compare_boxes(found.drop(columns="basin"), truth)


def test_outlines_are_compared_by_overlap():
    """AP50 needs half of the union; a copy of the truth has 1, a copy moved by half its width less than half."""
    truth = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 4, 4), shapely.box(20, 0, 24, 4)], crs=CRS)
    same = truth.assign(score=[0.5, 0.6])
    moved = same.set_geometry(same.translate(2, 0))
    assert compare_boxes(same, truth)["ap50_share"].tolist() == [1.0]
    assert compare_boxes(moved, truth)[["ap50_share", "ap_share"]].values.tolist() == [[0.0, 1.0]]
    assert compare_boxes(same.iloc[:0], truth)[["recall_share", "ap_share"]].values.tolist() == [[0.0, 0.0]]


def test_sizes_of_pictures_are_the_photos_own():
    """Shares of YOLO and pixels of COCO are one box."""
    photos, boxes, _, _ = make_flight(1007)
    shares = boxes.assign(col_share=boxes["col_px"] / SIZE[0], row_share=boxes["row_px"] / SIZE[1],
                          half_width_share=boxes["half_width_px"] / SIZE[0], half_height_share=boxes["half_height_px"] / SIZE[1])  # fmt: skip
    shares = shares.drop(columns=["col_px", "row_px", "half_width_px", "half_height_px"])
    one, other = place_boxes(boxes, photos, surface=0.0), place_boxes(shares, photos, surface=0.0)
    assert one["object_lon"].tolist() == pytest.approx(other["object_lon"].tolist(), abs=1e-10)
    assert one["area_m2"].tolist() == pytest.approx(other["area_m2"].tolist())


@pytest.mark.parametrize("sign", [1, -1])
def test_thermal_places_are_boxes_too(sign):
    """A warm and a cold blob of a raw plane become boxes on the ground with their sign; warm and cold are never merged."""
    photos, _, _, _ = make_flight(1008)
    frame = np.random.default_rng(1008).normal(3000, 5, (300, 400)).astype("float32")
    frame[140:150, 190:210] += sign * 100
    found = find_anomalies(Thermal(frame, "count", SIZE))
    assert found[["half_width_px", "half_height_px"]].round().to_numpy().tolist() == [[100.0, 50.0]]
    one = photos.iloc[[4]].assign(photo_id="t1", file="t1.JPG")
    two = one.assign(photo_id="t2", file="t2.JPG")
    both = pd.concat([found.assign(photo="t1.JPG", source_ref="t1#1"), found.assign(photo="t2.JPG", source_ref="t2#1")])
    table = gpd.GeoDataFrame(pd.concat([one, two], ignore_index=True), crs=CRS)
    placed = place_boxes(both.reset_index(drop=True), table, surface=_level())
    seen = sight_boxes(placed)
    assert (np.sign(seen["thermal_z"]) == sign).all()
    assert seen["thermal_k"].isna().all()
    assert placed["area_m2"].gt(1).all()
    assert len(merge_frames(seen)) == 1
    assert len(merge_frames(seen.assign(thermal_z=[9.0, -9.0]))) == 2


def test_a_thing_on_many_frames_is_as_sure_as_its_frames_are_independent():
    """Repeating frames leave a thing at the mean of its frames, never at the highest; independent ones add up."""
    photos, boxes, _, _ = make_flight(1009)
    placed = place_boxes(boxes, photos, surface=_level())
    known = calibrate_scores(_checked(1007))
    seen = sight_boxes(placed, calibration=known, basin="青河")
    seen = seen[seen["score_is"].eq("probability")].reset_index(drop=True)
    share = dict(zip(seen["source_ref"], seen["confidence_share"], strict=True))
    base = known.base_share["青河"]
    same, free = merge_frames(seen), merge_frames(seen, base_share=base, dependence_share=0.0)
    assert same["source_ref"].tolist() == free["source_ref"].tolist()
    for ref, one, other in zip(same["source_ref"], same["confidence_share"], free["confidence_share"], strict=True):
        own = np.array([value for name, value in share.items() if name in ref])
        assert own.min() - 1e-9 <= one <= own.max() + 1e-9
        if len(own) > 1 and own.min() > base:
            assert other > own.max()
    with pytest.raises(TableError, match="base_share"):
        merge_frames(seen, dependence_share=0.5)
