"""What one store knows and another does not travels whole, or not at all; nothing is lost and nothing is smuggled in."""

from __future__ import annotations

import gzip
import json
import random

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from outfall.errors import StoreError
from outfall.store import append_rows, create_store, list_tables, read_events, read_rows, verify_chain
from outfall.store import log as log_module
from outfall.store.clock import advance, is_stamp
from outfall.store.conflicts import list_conflicts, resolve_conflict
from outfall.store.delta import read_delta, write_delta
from outfall.store.quarantine import list_quarantine
from outfall.store.receipts import acknowledge, list_unacknowledged
from outfall.store.replay import digest_tables, rebuild
from outfall.store.seal import name_event
from outfall.store.sync import export_events, merge_events
from tests.laws import unchanged
from tests.store.rows import draw_rows


@pytest.fixture
def boat(tmp_path):
    return create_store(tmp_path / "boat.outfalldb")


@pytest.fixture
def foot(tmp_path):
    return create_store(tmp_path / "foot.outfalldb")


def sample(key="W1", **cells):
    return pd.DataFrame({"sample_id": [key], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"], **cells})


def save(store, *, actor="Li", **cells):
    return append_rows(store, "samples", sample(**cells), actor=actor)


def both(boat, foot):
    """Let two stores tell each other all they know, until neither learns more."""
    for _ in range(2):
        merge_events(foot, boat, actor="foot")
        merge_events(boat, foot, actor="boat")


def last(store):
    return read_events(store)["seq"].max()


def test_everything_arrives(boat, foot, tmp_path):
    """Every table that travels is the same at the other end, and both chains are whole."""
    for table in ("outfalls", "samples", "results", "reaches"):
        append_rows(boat, table, draw_rows(table), actor="Li")
    done = merge_events(foot, export_events(boat, tmp_path / "a.delta"), actor="Wang")
    assert (done.new_count, done.quarantined_count) == (len(read_events(boat)), 0)
    assert digest_tables(foot) == digest_tables(boat) == rebuild(foot)
    verify_chain(foot)


def test_order_loss_and_repetition_make_no_difference(boat, tmp_path):
    """Deltas that come late, twice, or after one was lost and sent again, end in the same tables."""
    deltas, since = [], 0
    for number in range(6):
        save(boat, key=f"W{number % 3}", team=[f"{number}"])
        deltas.append(export_events(boat, tmp_path / f"{number}.delta", since=since))
        since = int(last(boat))
    for seed in range(4):
        rng = random.Random(seed)
        order = [*deltas, *rng.sample(deltas, 3)]
        rng.shuffle(order)
        store = create_store(tmp_path / f"{seed}.outfalldb")
        for delta in order:
            merge_events(store, delta, actor="Wang")
        assert digest_tables(store) == digest_tables(boat)
        assert len(list_conflicts(store)) == 0


def test_the_same_events_give_the_same_file(boat, tmp_path):
    """A delta is a function of its events, byte by byte, and reads as it was written."""
    append_rows(boat, "samples", draw_rows("samples"), actor="Li")
    one, two = (export_events(boat, tmp_path / name) for name in ("one.delta", "two.delta"))
    assert one.read_bytes() == two.read_bytes()
    about, events = read_delta(one)
    again = write_delta(tmp_path / "c", events, device=about["device"], since=about["since"], until=about["until"])
    assert again.read_bytes() == one.read_bytes()


def test_events_are_kept_until_the_other_side_has_them(boat, foot, tmp_path):
    """What was sent stays open, and is sent again, until a receipt came back; then only what is new is sent."""
    save(boat)
    lost = export_events(boat, tmp_path / "lost.delta")
    again = export_events(boat, tmp_path / "again.delta")
    assert lost.read_bytes() == again.read_bytes()
    done = merge_events(foot, again, actor="Wang")
    assert len(list_unacknowledged(boat)) == 1
    assert acknowledge(boat, done.receipt, actor="Li") == 1
    assert acknowledge(boat, done.receipt, actor="Li") == 1
    assert (len(list_unacknowledged(boat)), len(list_unacknowledged(boat, by="another"))) == (0, 1)
    save(boat, key="W2")
    assert len(read_delta(export_events(boat, tmp_path / "next.delta"))[1]) == 1


def test_a_receipt_must_fit(boat, foot, tmp_path):
    """A receipt of another store, or about other events, confirms nothing."""
    save(boat)
    done = merge_events(foot, export_events(boat, tmp_path / "a.delta"), actor="Wang")
    with pytest.raises(StoreError, match="give it to the store that sent"):
        acknowledge(foot, done.receipt, actor="Wang")
    with pytest.raises(StoreError, match="send them again"):
        acknowledge(boat, {**done.receipt, "ids_sha256": "0" * 64}, actor="Li")
    assert len(list_unacknowledged(boat)) == 1


def test_edits_of_two_teams_meet_field_by_field(boat, foot):
    """Two teams that edit different cells of one row keep both; one cell edited by both is asked about, until decided."""
    save(boat, note=["a"], team=["x"])
    both(boat, foot)
    save(boat, note=["dry"], team=["x"])
    save(foot, note=["wet"], team=["y"], actor="Wang")
    both(boat, foot)
    for store in (boat, foot):
        row = read_rows(store, "samples").iloc[0]
        asked = list_conflicts(store, table="samples")
        assert (row["team"], row["note"]) == ("y", "wet")
        assert asked["column"].tolist() == ["note", "note"]
        assert dict(zip(asked["actor"], asked["value"], strict=True)) == {"Li": "dry", "Wang": "wet"}
        assert asked.loc[asked["is_shown"], "value"].tolist() == ["wet"]
    dry = asked.loc[asked["value"] == "dry", "event_id"].iloc[0]
    resolve_conflict(foot, "samples", "W1", "note", event_id=dry, actor="Zhao", reason="the photo shows it")
    both(boat, foot)
    assert [len(list_conflicts(store)) for store in (boat, foot)] == [0, 0]
    assert read_rows(boat, "samples")["note"].tolist() == ["dry"]
    assert read_events(boat)["reason"].tolist()[-1] == "the photo shows it"


def test_saving_what_is_shown_decides_nothing(boat, foot):
    """A command that saves the tables again as they are does not answer for a person."""
    save(boat, note=["a"])
    both(boat, foot)
    save(boat, note=["b"])
    save(foot, note=["c"])
    both(boat, foot)
    assert append_rows(boat, "samples", read_rows(boat, "samples"), actor="outfall register") == 0
    assert len(list_conflicts(boat)) == 2


def test_an_edit_of_a_deleted_row_is_asked_about(boat, foot):
    """The row stays, and a person can say that it shall go."""
    save(boat)
    both(boat, foot)
    append_rows(boat, "samples", sample().iloc[:0], actor="Li", replace=True)
    save(foot, note=["wet"])
    both(boat, foot)
    asked = list_conflicts(boat)
    assert sorted(asked["value"]) == ["(deleted)", "(kept)"]
    assert len(read_rows(boat, "samples")) == 1
    gone = asked.loc[asked["value"] == "(deleted)", "event_id"].iloc[0]
    resolve_conflict(boat, "samples", "W1", "", event_id=gone, actor="Li", reason="it was a duplicate")
    both(boat, foot)
    assert [list_tables(store) for store in (boat, foot)] == [{}, {}]
    assert len(list_conflicts(foot)) == 0


def test_the_past_stays_what_it_was(boat, foot):
    """What a store knew at a moment is not changed by what it learns later."""
    save(boat, note=["a"])
    save(foot, note=["b"])
    seq = int(last(boat))
    before = read_rows(boat, "samples", as_of=seq)
    both(boat, foot)
    pd.testing.assert_frame_equal(read_rows(boat, "samples", as_of=seq), before)


@pytest.mark.parametrize("year", [1970, 2038])
def test_a_wrong_clock_orders_all_the_same(boat, foot, monkeypatch, year):
    """A device whose clock is half a century off: both stores agree, and what was written after what is seen as later."""
    real = log_module.datetime

    class Clock(real):
        @classmethod
        def now(cls, tz=None):
            return real(year, 1, 19, 3, 14, 8, tzinfo=tz)

    monkeypatch.setattr(log_module, "datetime", Clock)
    save(boat, note=["a"])
    monkeypatch.setattr(log_module, "datetime", real)
    both(boat, foot)
    save(foot, note=["after"])
    both(boat, foot)
    assert read_rows(boat, "samples")["note"].tolist() == ["after"]
    assert digest_tables(boat) == digest_tables(foot)


def test_a_clock_never_stands_or_falls_behind():
    """Each stamp is greater than the one before, also where the counter is full or the clock fell back."""
    now, stamps = pd.Timestamp("1970-01-01", tz="UTC").to_pydatetime(), ["2026-11-21T12:00:00.000000Z|999998"]
    for _ in range(4):
        stamps.append(advance(stamps[-1], now))
    assert stamps == sorted(set(stamps))
    assert all(map(is_stamp, stamps))


def forged(path, target, **changes):
    """Write a delta whose first event was changed and named anew, as somebody who knows the format would."""
    about, events = read_delta(path)
    first = events[0]._replace(**changes)
    if "event_id" not in changes:
        first = first._replace(event_id=name_event(first))
    return write_delta(target, [first, *events[1:]], device=about["device"], since=about["since"], until=about["until"])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"event_id": "0" * 64}, "not the name of what the event says"),
        ({"hlc": "9999-12-31T23:59:59.999999Z|000000"}, "no moment a device can have"),
        ({"hlc": "２026-11-21T12:00:00.000000Z|000000"}, "no moment a device can have"),
        ({"device": "'; DROP TABLE event"}, "no device of ours"),
        ({"device_seq": 0}, "no device of ours"),
        ({"table_name": "sqlite_schema"}, "not a table that travels"),
        ({"table_name": "receipts"}, "not a table that travels"),
        ({"kind": "merge"}, "neither a put"),
        ({"kind": "delete"}, "neither a put"),
        ({"row_key": ""}, "the key or the actor is empty"),
        ({"base": "x"}, "is no event id"),
        ({"valid_from": "yesterday"}, "is no time"),
    ],
)
def test_a_forged_event_is_refused_whole(boat, foot, tmp_path, changes, match):
    """A delta with one event that no store writes is refused with all that is in it."""
    save(boat)
    save(boat, key="W2")
    bad = forged(export_events(boat, tmp_path / "a.delta"), tmp_path / "bad.delta", **changes)
    with pytest.raises(StoreError, match=match):
        merge_events(foot, bad, actor="Wang")
    assert len(read_events(foot)) == 0


def test_an_event_before_its_base_is_refused(boat, foot, tmp_path):
    """A version cannot be older than the one it was edited from."""
    save(boat)
    save(boat, note=["b"])
    about, (first, second) = read_delta(export_events(boat, tmp_path / "a.delta"))
    second = second._replace(hlc="1970-01-01T00:00:00.000000Z|000000")
    events = [first, second._replace(event_id=name_event(second))]
    bad = write_delta(tmp_path / "b.delta", events, device=about["device"], since=0, until=2)
    with pytest.raises(StoreError, match="before the version it was edited from"):
        merge_events(foot, bad, actor="Wang")


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {"sample_id": "W1", "taken_at": "yesterday", "source_ref": "a"}},
        {"columns": {"sample_id": "another", "taken_at": "2026-04-12T08:00:00+00:00", "source_ref": "a"}},
        {"columns": {"sample_id": "W1"}},
        {"columns": []},
        [],
        {"columns": {"sample_id": "W1", "along_m": float("nan")}},
        {"columns": {"sample_id": "W1"}, "geometry": "ff", "crs": "EPSG:4490"},
        {"columns": {"sample_id": "W1"}, "extra": {"a": 1}, "dtypes": {"a": "datetime64[parsec]"}},
    ],
)
def test_a_row_that_meets_no_contract_is_set_apart(boat, foot, tmp_path, change):
    """A received row that is none goes to the quarantine with its reason and all it said; the others enter."""
    save(boat)
    save(boat, key="W2")
    bad = forged(export_events(boat, tmp_path / "a.delta"), tmp_path / "b.delta", body=json.dumps(change))
    done = merge_events(foot, bad, actor="Wang")
    assert (done.read_count, done.new_count, done.quarantined_count) == (2, 1, 1)
    assert read_rows(foot, "samples")["sample_id"].tolist() == ["W2"]
    held = list_quarantine(foot)
    assert json.loads(held["raw"].iloc[0])[11] == json.dumps(change)
    assert held["reason"].iloc[0]
    assert held["reason_zh"].iloc[0]
    assert merge_events(foot, bad, actor="Wang").new_count == 0
    assert len(list_quarantine(foot)) == 1


@pytest.mark.parametrize("cut", [0, 1, 20, -1, -9])
def test_a_damaged_delta_is_refused(boat, foot, tmp_path, cut):
    """A file that was cut off says so, and nothing of it is taken."""
    save(boat)
    raw = export_events(boat, tmp_path / "a.delta").read_bytes()
    (tmp_path / "cut.delta").write_bytes(raw[:cut])
    with pytest.raises(StoreError, match="delta is damaged"):
        merge_events(foot, tmp_path / "cut.delta", actor="Wang")
    assert len(read_events(foot)) == 0


def test_every_flipped_byte_is_seen(boat, foot, tmp_path):
    """No byte of what a delta says can be changed unseen."""
    save(boat)
    plain = gzip.decompress(export_events(boat, tmp_path / "a.delta").read_bytes())
    rng = random.Random(1)
    for at in rng.sample(range(len(plain)), 60):
        changed = bytes([*plain[:at], plain[at] ^ 1 << rng.randrange(7), *plain[at + 1 :]])
        (tmp_path / "b.delta").write_bytes(gzip.compress(changed))
        with pytest.raises(StoreError, match=r"damaged|no delta|of the form"):
            merge_events(foot, tmp_path / "b.delta", actor="Wang")
    assert len(read_events(foot)) == 0


def test_a_bomb_is_not_unpacked(foot, tmp_path):
    """A small file that unpacks without end is refused early."""
    (tmp_path / "bomb.delta").write_bytes(gzip.compress(b"x" * 20_000_000))
    with pytest.raises(StoreError, match="unpacks to more than any delta holds"):
        merge_events(foot, tmp_path / "bomb.delta", actor="Wang")


def test_copies_of_one_store_are_found_out(boat, foot, tmp_path):
    """Two copies of one file that were both written to share a device name; they are not mixed."""
    save(boat, note=["a"])
    twin = tmp_path / "twin.outfalldb"
    twin.write_bytes(boat.read_bytes())
    save(boat, note=["b"])
    save(twin, note=["c"])
    merge_events(foot, boat, actor="Wang")
    with pytest.raises(StoreError, match="copy of a store"):
        merge_events(foot, twin, actor="Wang")
    assert read_rows(foot, "samples")["note"].tolist() == ["b"]


def test_tables_in_two_crs_are_not_mixed(boat, foot):
    """A delta after which a table would lie in two CRS is refused, with what to do."""
    one = gpd.GeoDataFrame(sample(key="W1"), geometry=[shapely.Point(113, 22)], crs=4490)
    append_rows(boat, "samples", one, actor="Li")
    append_rows(foot, "samples", one.assign(sample_id="W2").to_crs(4547), actor="Wang")
    with pytest.raises(StoreError, match="would lie in EPSG:4490 and EPSG:4547"):
        merge_events(foot, boat, actor="Wang")
    assert len(read_rows(foot, "samples")) == 1


def test_nobody_is_no_actor(boat, foot):
    """Who merges, decides or confirms has a name."""
    with pytest.raises(StoreError, match="the actor is empty"):
        merge_events(foot, boat, actor=" ")


def test_the_receipt_is_not_changed(boat, foot, tmp_path):
    """Acknowledging leaves the receipt as it was given."""
    save(boat)
    receipt = dict(merge_events(foot, export_events(boat, tmp_path / "a.delta"), actor="Wang").receipt)
    with unchanged(receipt):
        acknowledge(boat, receipt, actor="Li")


def test_versions_that_arrive_one_by_one_are_all_joined(tmp_path):
    """Edits of four teams from one version arrive one after the other: every step keeps all that came before."""
    names = ("weather", "team", "note", "flow")
    stores = {name: create_store(tmp_path / f"{name}.outfalldb") for name in names}
    county = create_store(tmp_path / "county.outfalldb")
    keys = [f"W{number}" for number in range(6)]
    for key in keys:
        save(county, key=key, **{name: ["-"] for name in names})
    for store in stores.values():
        merge_events(store, county, actor="team")
    for name, store in stores.items():
        append_rows(store, "samples", read_rows(store, "samples").assign(**{name: "new"}), actor=name)
    for at, (name, store) in enumerate(reversed(stores.items()), start=1):
        merge_events(county, store, actor="county")
        assert (read_rows(county, "samples")[list(names[-at:])] == "new").all(axis=None), name
    assert len(list_conflicts(county)) == 0
