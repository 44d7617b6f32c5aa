"""Three devices that observe, edit, merge, split, undo, crash and meet in any order hold the same rows in the end."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import apsw
import geopandas as gpd
import pytest
import shapely
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from outfall.errors import StoreError
from outfall.store import append_rows, create_store, read_events, read_rows, verify_chain
from outfall.store import log as log_module
from outfall.store.conflicts import list_conflicts, resolve_conflict
from outfall.store.receipts import acknowledge, list_unacknowledged
from outfall.store.replay import digest_tables, rebuild
from outfall.store.sync import export_events, merge_events
from outfall.store.undo import undo

DEVICES = ("boat", "drone", "foot")
KEYS = [f"P-{number}" for number in range(4)]
PLACES = st.integers(0, 40).map(lambda step: round(113.0 + step / 1000, 3))
EXAMPLES = int(os.environ.get("OUTFALL_MACHINE_EXAMPLES", "12"))
CLOCKS = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 20, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
)


class Clock(datetime):
    """A clock that says what the device says, and never moves."""

    at = CLOCKS[1]

    @classmethod
    def now(cls, tz=None):
        return cls.at.astimezone(tz)


def outfalls(key, lon, **cells):
    row = {"outfall_id": [key], "status": ["suspected"], "name": ["口"], "source_ref": ["walk.csv#2"]}
    return gpd.GeoDataFrame(
        {**row, **{name: [value] for name, value in cells.items()}}, geometry=[shapely.Point(lon, 22)], crs=4490
    )


def content(store, **when):
    frame = read_rows(store, "outfalls", **when)
    frame = frame.assign(where=[shape.wkb_hex for shape in frame.geometry]).drop(columns="geometry")
    return frame.sort_values("outfall_id").reset_index(drop=True).astype("str").to_dict("records")


def questions(store):
    frame = list_conflicts(store)
    return sorted(map(tuple, frame.astype("str").to_numpy().tolist()))


class Devices(RuleBasedStateMachine):
    """Three stores, the deltas that lie about, and what each store once answered."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = {name: create_store(self.folder / f"{name}.outfalldb") for name in DEVICES}
        self.deltas = []
        self.answers = []
        self.acknowledged = {name: {} for name in DEVICES}
        self.real = log_module.datetime
        log_module.datetime = Clock

    def teardown(self):
        self.meet()
        log_module.datetime = self.real
        shutil.rmtree(self.folder, ignore_errors=True)

    def merge_into(self, device, delta):
        done = merge_events(self.stores[device], delta, actor=device)
        assert done.read_count == done.new_count + done.known_count + done.quarantined_count
        assert done.quarantined_count == 0
        return done

    @rule(device=st.sampled_from(DEVICES), at=st.sampled_from(CLOCKS))
    def set_the_clock(self, device, at):
        """Set a clock that may be wrong by half a century."""
        Clock.at = at

    @rule(device=st.sampled_from(DEVICES), key=st.sampled_from(KEYS), lon=PLACES)
    def observe(self, device, key, lon):
        """Write a row whole, new or over an old one."""
        append_rows(self.stores[device], "outfalls", outfalls(key, lon), actor=device)

    @rule(device=st.sampled_from(DEVICES), seed=st.integers(0, 99), name=st.sampled_from("甲乙丙"))
    def edit(self, device, seed, name):
        """Change one cell of a row."""
        rows = read_rows(self.stores[device], "outfalls")
        if len(rows):
            one = rows.iloc[[seed % len(rows)]].copy()
            one[("name", "note", "address")[seed % 3]] = name
            append_rows(self.stores[device], "outfalls", one, actor=device, reason="seen again")

    @rule(device=st.sampled_from(DEVICES))
    def merge_two(self, device):
        """Make two outfalls one: the id of the other stays, as merged."""
        rows = read_rows(self.stores[device], "outfalls")
        live = rows[rows["status"] != "merged"]
        if len(live) >= 2:
            pair = live.iloc[:2].copy()
            pair["status"] = ["confirmed", "merged"]
            pair["note"] = ["", f"merged_into {pair['outfall_id'].iloc[0]}"]
            append_rows(self.stores[device], "outfalls", pair, actor=device, reason="merge")

    @rule(device=st.sampled_from(DEVICES))
    def split(self, device):
        """Make a merged outfall one of its own again."""
        rows = read_rows(self.stores[device], "outfalls")
        merged = rows[rows["status"] == "merged"].assign(status="suspected", note="")
        append_rows(self.stores[device], "outfalls", merged, actor=device, reason="split")

    @rule(device=st.sampled_from(DEVICES), seed=st.integers(0, 3))
    def delete(self, device, seed):
        """Delete a row."""
        rows = read_rows(self.stores[device], "outfalls")
        if len(rows):
            kept = rows.drop(index=rows.index[seed % len(rows)])
            append_rows(self.stores[device], "outfalls", kept, actor=device, replace=True)

    @rule(device=st.sampled_from(DEVICES), seed=st.integers(0, 99), keep_later=st.booleans())
    def take_back(self, device, seed, keep_later):
        """Undo a stretch of the log, or refuse where later edits stand on it."""
        last = len(read_events(self.stores[device]))
        if last:
            first = seed % last + 1
            before = content(self.stores[device], as_of=first - 1)
            is_all = first == 1
            try:
                undo(self.stores[device], (first, last), actor=device, reason="no", keep_later=keep_later)
            except StoreError as error:
                if not error.problems:
                    raise
            else:
                assert not is_all or content(self.stores[device]) == before == []

    @rule(device=st.sampled_from(DEVICES), seed=st.integers(0, 99))
    def decide(self, device, seed):
        """Decide one contradiction; it is gone."""
        asked = list_conflicts(self.stores[device])
        if len(asked):
            one = asked.iloc[seed % len(asked)]
            where = (one["table"], one["key"], one["column"])
            resolve_conflict(self.stores[device], *where, event_id=one["event_id"], actor=device, reason="asked")
            left = list_conflicts(self.stores[device])
            assert where not in set(zip(left["table"], left["key"], left["column"], strict=True))

    @rule(sender=st.sampled_from(DEVICES), share=st.integers(0, 3))
    def send(self, sender, share):
        """Write a delta, of all or of the later part; it may never arrive."""
        last = len(read_events(self.stores[sender]))
        target = self.folder / f"{len(self.deltas)}.delta"
        export_events(self.stores[sender], target, since=None if share == 0 else last * (share - 1) // 3)
        self.deltas.append((sender, target))

    @rule(taker=st.sampled_from(DEVICES), seed=st.integers(0, 99), is_twice=st.booleans())
    def take(self, taker, seed, is_twice):
        """Any delta arrives, late, out of order, or twice; the receipt goes back."""
        if self.deltas:
            sender, delta = self.deltas[seed % len(self.deltas)]
            done = self.merge_into(taker, delta)
            if is_twice:
                assert self.merge_into(taker, delta).new_count == 0
            if sender != taker:
                acknowledge(self.stores[sender], done.receipt, actor=sender)
                known = set(read_events(self.stores[taker])["event_id"])
                waiting = set(list_unacknowledged(self.stores[sender], by=done.receipt["by"])["event_id"])
                mine = set(
                    read_events(self.stores[sender]).query("device < '~' and table_name != 'receipts'")["event_id"]
                )
                assert mine - waiting <= known

    @rule(device=st.sampled_from(DEVICES), seed=st.integers(0, 99))
    def ask(self, device, seed):
        """Note an answer about a moment; it must stay."""
        seq = seed % (len(read_events(self.stores[device])) + 1)
        self.answers = [*self.answers[-4:], (device, seq, content(self.stores[device], as_of=seq))]

    @rule(device=st.sampled_from(DEVICES))
    def crash(self, device):
        """Die inside a transaction, and open the file anew."""
        before = content(self.stores[device])
        connection = apsw.Connection(str(self.stores[device]))
        connection.execute("BEGIN IMMEDIATE").fetchall()
        connection.execute(
            "INSERT INTO event SELECT seq + 1000000, 'x', recorded_at, valid_from, valid_to, hlc, 'dead', 1, actor, kind, "
            "table_name, row_key, base, body, reason, source_ref, prev_hash, hash FROM event LIMIT 1"
        ).fetchall()
        connection.close()
        assert content(self.stores[device]) == before

    @invariant()
    def what_was_answered_stays(self):
        """Give one answer for ever to a question about the past."""
        for device, seq, answer in self.answers[-1:]:
            assert content(self.stores[device], as_of=seq) == answer

    def meet(self):
        """Send all to all, in an order drawn anew, until nobody learns anything: they are equal, and whole."""
        rng = random.Random(len(self.deltas))
        for _ in range(4):
            pairs = [(one, other) for one in DEVICES for other in DEVICES if one != other]
            rng.shuffle(pairs)
            for one, other in pairs:
                self.merge_into(other, self.stores[one])
        rows = {name: content(store) for name, store in self.stores.items()}
        asked = {name: questions(store) for name, store in self.stores.items()}
        assert rows["boat"] == rows["drone"] == rows["foot"]
        assert asked["boat"] == asked["drone"] == asked["foot"]
        for device, seq, answer in self.answers:
            assert content(self.stores[device], as_of=seq) == answer
        fresh = create_store(self.folder / "fresh.outfalldb")
        merge_events(fresh, self.stores["boat"], actor="fresh")
        assert content(fresh) == rows["boat"]
        for store in self.stores.values():
            verify_chain(store)
            assert digest_tables(store) == rebuild(store) == digest_tables(store, as_of=10**9) == digest_tables(fresh)


@pytest.mark.filterwarnings("default")
def test_three_devices():
    """Whatever three devices do and however they meet, they agree, keep everything, and their chains are whole."""
    run_state_machine_as_test(
        Devices,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=18,
            deadline=None,
            derandomize="OUTFALL_MACHINE_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
