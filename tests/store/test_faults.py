"""Nothing acknowledged is lost, nothing is half written, and every failure is said in our words, whatever the disk does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import outfall
from outfall.errors import StoreError
from outfall.store import append_rows, create_store, digest_tables, read_events, rebuild, verify_chain
from outfall.store.check import check_store
from outfall.store.live import open_live
from outfall.store.sync import merge_events
from tests.store.faults.disk import ERRORS, EXITS
from tests.store.faults.script import outfalls, samples

_ROOT = Path(outfall.__file__).parents[1]


def run(module, *arguments, **options):
    """Run a part of the fault suite in a process of its own, since it forks, kills and replaces the disk."""
    command = [sys.executable, "-m", f"tests.store.faults.{module}", *map(str, arguments), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, timeout=3_000, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("kinds", "is_kept_open"), [([*EXITS, "exit_cut"], False), ([*ERRORS, "io_stays", "full_stays"], True)]
)
def test_some_points(tmp_path, kinds, is_kept_open):
    """After an exit, a power cut or an error at some writes and syncs of the script the store holds all of a save or nothing."""
    found = run("points", tmp_path, kinds=kinds, stride=17, every_step=28, is_kept_open=is_kept_open)
    assert found["wrong"] == []
    assert found["events"] == 200
    assert found["points"] > 8
    assert found["undone"] > 0


@pytest.mark.patient
@pytest.mark.parametrize("kind", [*EXITS, "exit_cut", *ERRORS])
def test_every_point(tmp_path, kind):
    """After a failure at every single write and sync of the script the store holds all of a save or nothing."""
    found = run("points", tmp_path, kinds=[kind])
    assert found["wrong"] == []
    assert found["points"] > 1_000


@pytest.mark.parametrize("rounds", [12, pytest.param(200, marks=pytest.mark.patient)])
def test_killed_again_and_again(rounds):
    """A writer killed at random moments, on one file that grows, loses nothing; a second SQLite reads the same from a copy."""
    found = run("kills", "kill_file", rounds=rounds)
    assert (found["rounds"], found["lost"], found["halves"], found["wrong"]) == (rounds, 0, 0, [])
    assert found["acked"] > 0


@pytest.mark.postgis
@pytest.mark.usefixtures("postgis_server")
@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.patient)])
def test_killed_server(rounds):
    """A server killed in the middle of COPY, whole or one backend, comes back with every acknowledged row and the chain."""
    found = run("kills", "kill_postgis", rounds=rounds)
    assert (found["rounds"], found["lost"], found["halves"]) == (rounds, 0, 0)
    assert found["acked"] > 0


@pytest.mark.parametrize(
    ("writers", "events"), [(4, 20), *(pytest.param(count, 1_000, marks=pytest.mark.patient) for count in (2, 4, 8))]
)
def test_many_writers(writers, events):
    """Processes that write to one file at the same time lose nothing, and none waits for half a minute."""
    found = run("kills", "write_together", writers=writers, events=events)
    assert (found["lost"], found["events"]) == (0, writers * events)
    assert found["slowest_s"] < 30


@pytest.mark.parametrize("rounds", [16, pytest.param(2_000, marks=pytest.mark.patient)])
def test_harmed_log(rounds):
    """A write-ahead log that was cut, zeroed, flipped or lacks a page leaves an exact prefix of the saves, the longest whole one."""
    found = run("decay", "cut_log", rounds=rounds)
    assert (found["rounds"], found["wrong"]) == (rounds, [])
    assert found["prefixes"] > rounds / 2


@pytest.mark.parametrize("flips", [25, pytest.param(500, marks=pytest.mark.patient)])
def test_flipped_bits(flips):
    """Every flipped bit that changes what anybody reads is reported, as our error."""
    found = run("decay", "flip_bits", flips=flips)
    assert found["missed"] == []
    assert found["reported"] == found["changed"] > flips / 5


@pytest.fixture
def store(tmp_path):
    store = create_store(tmp_path / "town.outfalldb")
    append_rows(store, "outfalls", outfalls(range(9)), actor="test")
    append_rows(store, "samples", samples(range(9)), actor="test")
    return store


@pytest.mark.parametrize(
    ("tamper", "match"),
    [
        ("UPDATE outfalls SET name = 'x' WHERE outfall_id = 'P-0003'", "row 'P-0003' is not what event 4 says"),
        ("UPDATE outfalls SET sighting_count = 2 WHERE fid = 5", "row 'P-0004' is not what event 5 says"),
        (
            "UPDATE samples SET taken_at = '2026-04-12T08:00:01.000Z' WHERE fid = 10",
            "row 'W0' is not what event 10 says",
        ),
        (
            "UPDATE outfalls SET geom = (SELECT geom FROM outfalls WHERE fid = 1) WHERE fid = 2",
            "row 'P-0001' is not what event 2",
        ),
        ("DELETE FROM samples WHERE sample_id = 'W7'", "row 'W7' of event 17 is missing"),
        ("UPDATE samples SET sample_id = 'W99' WHERE sample_id = 'W7'", "row 'W99' is in no event"),
        ("UPDATE samples SET event_seq = 11 WHERE sample_id = 'W7'", "row 'W7' is not what event 17 says"),
        ("DELETE FROM rtree_outfalls_geom WHERE id = 3", "row 'P-0002' of event 3 is not found by its box"),
        (
            "UPDATE rtree_outfalls_geom SET minx = 113.5, maxx = 114 WHERE id = 3",
            "row 'P-0002' of event 3 is not found",
        ),
        ("INSERT INTO rtree_outfalls_geom VALUES (77, 1, 2, 1, 2)", "index has a row 77 that the table has not"),
    ],
)
def test_changed_tables_are_found(store, tamper, match):
    """A table or index that somebody changed past the log is found, with row and event; a rebuild mends it."""
    head, digest = check_store(store), digest_tables(store)
    with open_live(store) as connection:
        connection.execute(tamper).fetchall()
    verify_chain(store)
    with pytest.raises(StoreError, match=match):
        check_store(store)
    assert rebuild(store) == digest
    assert check_store(store, head=head) == head


@pytest.mark.parametrize("mode", ["file", "folder"])
def test_read_only(store, mode):
    """Where file or folder may not be written the error is ours and says so, and nothing is changed."""
    if os.name == "nt":
        pytest.skip("rights are others on Windows")
    code = """
import os, sys
from pathlib import Path
from outfall.errors import OutfallError
from outfall.store import append_rows, create_store, read_events
from tests.store.faults.script import samples
store, spare = Path(sys.argv[1]), Path(sys.argv[1]).parent / "spare.outfalldb"
append_rows(create_store(spare), "samples", samples([1]), actor="warm"); read_events(spare)
store.chmod(0o444); store.parent.chmod(0o555 if sys.argv[2] == "folder" else 0o777)
for folder in store.parents:
    if folder.stat().st_uid == os.getuid() and str(folder) not in ("/", "/tmp") and folder != store.parent: folder.chmod(folder.stat().st_mode | 0o055)
if os.getuid() == 0: os.setgid(65534); os.setuid(65534)
try:
    append_rows(store, "samples", samples([50]), actor="guest")
except OutfallError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(store), mode], capture_output=True, text=True, cwd=_ROOT, check=True
    )
    store.parent.chmod(0o755)
    store.chmod(0o644)
    assert done.stdout.startswith("StoreError")
    assert "cannot be written" in done.stdout
    assert len(read_events(store)) == 18
    check_store(store)


_CLOCKS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
    datetime.now(UTC) - timedelta(days=1),
    datetime.now(UTC) + timedelta(days=1),
]


def _set_clock(monkeypatch, now):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    monkeypatch.setattr("outfall.store.log.datetime", Clock)


def test_clocks_that_jump(store, monkeypatch):
    """Whatever the clock says, the log's times and stamps never run backwards, and the later save is the one shown."""
    for number, now in enumerate([*_CLOCKS, *reversed(_CLOCKS)]):
        _set_clock(monkeypatch, now)
        append_rows(store, "samples", samples([1], lab=f"{number}"), actor="test")
        assert digest_tables(store) == rebuild(store)
    events = read_events(store)
    assert events["recorded_at"].is_monotonic_increasing
    assert events["hlc"].is_monotonic_increasing
    assert events["source_ref"].iloc[-1] == "lab.csv#W17"
    check_store(store)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (2, 3), (3, 0), (1, 2)])
def test_clocks_that_differ(tmp_path, monkeypatch, one, other):
    """Two devices whose clocks are decades apart agree on every row, whoever merges first."""
    stores = [create_store(tmp_path / f"{name}.outfalldb") for name in "ab"]
    for number, (store, clock) in enumerate(zip(stores, (one, other), strict=True)):
        _set_clock(monkeypatch, _CLOCKS[clock])
        for save in range(3):
            append_rows(store, "samples", samples(range(save, save + 3), lab=f"{number}.{save}"), actor="test")
    deltas = [create_store(tmp_path / f"copy{name}.outfalldb") for name in "ab"]
    for delta, store in zip(deltas, stores, strict=True):
        merge_events(delta, store, actor="test")
    merge_events(stores[0], deltas[1], actor="test")
    merge_events(stores[1], deltas[0], actor="test")
    assert len({digest_tables(store) for store in stores}) == 1
    assert len({rebuild(store) for store in stores}) == 1
