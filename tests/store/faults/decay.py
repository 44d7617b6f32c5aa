"""What a store says when its write-ahead log is cut, emptied, flipped or lacks a page, and when bits of the file flip.

python -m tests.store.faults.decay flip_bits '{"flips": 50}'
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import apsw
import pandas as pd

from outfall.errors import OutfallError
from outfall.store import create_store, find_rows, list_tables, open_store, read_events, read_rows, verify_chain
from outfall.store.check import check_store
from tests.store.faults.script import make_steps

_FRAME_HEAD, _WAL_HEAD = 24, 32
_TABLES = ("outfalls", "samples", "sources")
_BOXES = ((113.0, 22.0, 113.05, 22.05), (113.4, 22.4, 114.0, 23.0), (113.005, 22.0, 113.1, 22.2))


def flip_bits(*, flips: int, seed: int = 1) -> dict[str, object]:
    """Flip single bits of a store's file; whatever changes a value anybody reads must be reported as our error."""
    rng = random.Random(seed)
    found: dict[str, object] = {"flips": 0, "changed": 0, "reported": 0, "missed": [], "named": 0}
    with tempfile.TemporaryDirectory() as folder:
        store = _fill(Path(folder))
        whole, truth = store.read_bytes(), _answers(store)
        copy = Path(folder) / "copy.outfalldb"
        for _ in range(flips):
            at, bit = rng.randrange(len(whole)), rng.randrange(8)
            for part in ("-wal", "-shm"):
                Path(f"{copy}{part}").unlink(missing_ok=True)
            copy.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            said = _report(copy)
            try:
                is_changed = _answers(copy) != truth
            except Exception:  # noqa: BLE001  (what cannot be read any more is a change too)
                is_changed = True
            found["flips"] += 1
            found["changed"] += is_changed
            found["reported"] += is_changed and said is not None and not said.startswith("!")
            found["named"] += is_changed and bool(said) and ("event " in said or "row " in said)
            if (said or "").startswith("!") or (is_changed and said is None):
                found["missed"].append(f"bit {bit} of byte {at}: {said}")
    return found


def cut_log(*, rounds: int, seed: int = 2) -> dict[str, object]:
    """Harm the write-ahead log as a power cut may; the store must be what it was after one of its saves."""
    rng = random.Random(seed)
    found: dict[str, object] = {"rounds": 0, "prefixes": 0, "wrong": []}
    with tempfile.TemporaryDirectory() as folder:
        store = create_store(Path(folder) / "town.outfalldb")
        ends, kinds = [0], ("cut", "zero", "flip", "drop")
        with open_store(store) as kept:
            for step in make_steps()[:40]:
                ends.append(ends[-1] + step.save(kept))
            base, log = (_read_apart(Path(f"{store}{part}")) for part in ("", "-wal"))
        for number in range(rounds):
            copy = Path(folder) / f"copy{number}.outfalldb"
            copy.write_bytes(base)
            harmed, whole = _harm(log, kinds[number % 4], rng)
            Path(f"{copy}-wal").write_bytes(harmed)
            try:
                check_store(copy)
                count = len(read_events(copy))
            except OutfallError as error:
                # so early a cut that not even the making of the store is left: said as such
                if "run create_store again" not in str(error) and "not a store" not in str(error):
                    found["wrong"].append(f"{kinds[number % 4]}: {error}")
                found["rounds"] += 1
                continue
            found["rounds"] += 1
            found["prefixes"] += count in ends
            if count not in ends or count < _least(base, log[:whole], Path(folder)):
                found["wrong"].append(f"{kinds[number % 4]}: {count} events")
            for part in ("", "-wal", "-shm"):
                Path(f"{copy}{part}").unlink(missing_ok=True)
    return found


def _read_apart(file: Path) -> bytes:
    """Return a file as another process reads it, so that this one keeps its locks."""
    return subprocess.run(["cat", str(file)], capture_output=True, check=True).stdout


def _harm(log: bytes, kind: str, rng: random.Random) -> tuple[bytes, int]:
    """Return the log harmed, and how many of its bytes before that are whole."""
    page = int.from_bytes(log[8:12], "big") + _FRAME_HEAD
    at = rng.randrange(_WAL_HEAD, len(log))
    if kind == "cut":
        return log[:at], at
    if kind == "zero":
        return log[:at] + bytes(len(log) - at), at
    if kind == "flip":
        return log[:at] + bytes([log[at] ^ 1 << rng.randrange(8)]) + log[at + 1 :], at
    first = _WAL_HEAD + (at - _WAL_HEAD) // page * page
    return log[:first] + log[first + page :], first


def _least(base: bytes, log: bytes, folder: Path) -> int:
    """Return how many events the whole part of a log holds, as SQLite itself counts them."""
    file = folder / "least.db"
    for part in ("", "-wal", "-shm"):
        Path(f"{file}{part}").unlink(missing_ok=True)
    file.write_bytes(base)
    Path(f"{file}-wal").write_bytes(log)
    connection = apsw.Connection(str(file))
    try:
        return int(connection.execute("SELECT count(*) FROM event").get)
    finally:
        connection.close()


def _fill(folder: Path) -> Path:
    store = create_store(folder / "town.outfalldb")
    with open_store(store) as kept:
        for step in make_steps():
            step.save(kept)
    return store


def _report(store: Path) -> str | None:
    """Return what the check says, ``!`` before an error that is not ours, None where it is content."""
    try:
        check_store(store)
    except OutfallError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001
        return f"!{error!r}"
    return None


def _answers(store: Path) -> list[object]:
    """Return all that anybody can ask of a store."""
    frames = [read_rows(store, table) for table in _TABLES]
    boxes = [find_rows(store, table, box=box) for table in ("outfalls", "sources") for box in _BOXES]
    events = read_events(store)
    return [
        list_tables(store),
        events.astype(str).to_json(),
        boxes,
        *(pd.DataFrame(frame).astype(str).to_json() for frame in frames),
        *(str(f.crs) for f in frames if hasattr(f, "crs")),
    ]


if __name__ == "__main__":
    assert verify_chain
    verbs = {verb.__name__: verb for verb in (flip_bits, cut_log)}
    print(json.dumps(verbs[sys.argv[1]](**json.loads(sys.argv[2]))))
