"""What a store holds after kill -9 at any moment, round after round on one and the same store, and after many writers.

python -m tests.store.faults.kills kill_file '{"rounds": 5}'
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import apsw

from outfall.store import append_rows, create_store, open_store, read_events, read_rows
from outfall.store.check import check_store
from tests.store.faults.script import outfalls, samples
from tests.store.server import run_server


def kill_file(*, rounds: int, seed: int = 0, check_each: int = 10) -> dict[str, object]:
    """Kill a writer on a file again and again; the six checks of Turso's crash harness each round, and ours."""
    rng = random.Random(seed)
    acked: set[str] = set()
    found: dict[str, object] = {"rounds": 0, "lost": 0, "halves": 0, "wrong": []}
    with tempfile.TemporaryDirectory() as folder:
        store = create_store(Path(folder) / "town.outfalldb")
        for number in range(rounds):
            new = _write_and_kill(store, f"r{number}", wait_s=rng.uniform(0, 0.25), size=3)
            acked |= new
            wrong = _six_checks(store) if number % check_each < 2 else []
            _count(found, store, acked, size=3, wrong=wrong)
            if number % check_each == 0 or number == rounds - 1:
                check_store(store)
    return found | {"acked": len(acked)}


def kill_postgis(*, rounds: int, seed: int = 0) -> dict[str, object]:
    """Kill a server in the middle of COPY: the postmaster with all backends, or in every third round one backend."""
    import psycopg

    rng = random.Random(seed)
    acked: set[str] = set()
    found: dict[str, object] = {"rounds": 0, "lost": 0, "halves": 0, "wrong": []}
    slowest = 0.0
    with run_server() as server:
        url = create_store(server.make_database())
        for number in range(rounds):
            writer, pipe = _start(url, f"r{number}", size=200)
            is_backend_only = number % 3 == 2
            select.select([pipe], [], [], 20)
            time.sleep(rng.uniform(0, 0.4))
            if is_backend_only:
                for one in server.backends():
                    if b"keeper" in Path(f"/proc/{one}/cmdline").read_bytes():
                        os.kill(one, signal.SIGKILL)
            else:
                server.kill()
            os.kill(writer, signal.SIGKILL)
            acked |= _read_acks(writer, pipe)
            begun = time.monotonic()
            while is_backend_only:  # the postmaster restarts what is left by itself
                try:
                    psycopg.connect(url, connect_timeout=10).close()
                    break
                except psycopg.OperationalError:
                    time.sleep(0.02)
            slowest = max(slowest, time.monotonic() - begun if is_backend_only else server.start())
            _count(found, url, acked, size=200, wrong=[])
            check_store(url)
    return found | {"acked": len(acked), "slowest_restart_s": round(slowest, 2)}


def write_together(*, writers: int, events: int) -> dict[str, object]:
    """Let processes write to one file at the same time; each event is a save of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = create_store(Path(folder) / "town.outfalldb")
        started = [_start(store, f"w{number}", size=1, count=events) for number in range(writers)]
        slowest, acked = 0.0, set()
        for writer, pipe in started:
            acked |= _read_acks(writer, pipe)
        log = read_events(store)
        stored = set(read_rows(store, "samples")["sample_id"])
        for _, ours in log.groupby("actor"):
            times = ours["recorded_at"].diff().dt.total_seconds()
            slowest = max(slowest, float(times.max()))
        check_store(store)
    lost = writers * events - len(stored & acked)
    return {"writers": writers, "lost": lost, "events": len(log), "slowest_s": round(slowest, 2)}


def _write_and_kill(store, name: str, *, wait_s: float, size: int) -> set[str]:
    writer, pipe = _start(store, name, size=size)
    if wait_s > 0.015:  # else it dies while it opens the store
        select.select([pipe], [], [], 10)
    time.sleep(wait_s)
    os.kill(writer, signal.SIGKILL)
    return _read_acks(writer, pipe)


def _start(store, name: str, *, size: int, count: int = 1_000_000) -> tuple[int, int]:
    """Fork a writer; it says which rows are saved, after they are."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.close(read)
    try:
        rows, points = samples(range(size)), outfalls(range(size))
        with open_store(store) as kept:
            for number in range(count):
                names = [f"{name}.{number}.{row}" for row in range(size)]
                append_rows(kept, "samples", rows.assign(sample_id=names), actor=name)
                os.write(write, ("\n".join(names) + "\n").encode())
                if size > 1:
                    append_rows(kept, "outfalls", points.assign(outfall_id=[f"P{one}" for one in names]), actor=name)
    finally:
        os._exit(0)


def _read_acks(writer: int, pipe: int) -> set[str]:
    with os.fdopen(pipe, "rb") as said:
        lines = said.read().decode().split("\n")
    os.waitpid(writer, 0)
    return set(lines[:-1])  # a line without its end was not said


def _count(found: dict, store, acked: set[str], *, size: int, wrong: list[str]) -> None:
    stored = read_rows(store, "samples")["sample_id"]
    saves = stored.str.rsplit(".", n=1).str[0].value_counts()
    found["rounds"] += 1
    found["lost"] = max(found["lost"], len(acked - set(stored)))
    found["halves"] += int((saves != size).sum())
    found["wrong"] += wrong


def _six_checks(store: Path) -> list[str]:
    """Reopen, integrity, count, checkpoint twice to the same bytes, and a second SQLite on a copy."""
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
    wrong = []
    try:
        if connection.execute("PRAGMA integrity_check").get != "ok":
            wrong.append("integrity")
        count = connection.execute("SELECT count(*), coalesce(max(seq), 0) FROM event").get
        hashes = []
        for _ in range(2):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "copy.db"
                connection.execute("VACUUM INTO ?", (str(copy),)).fetchall()
                hashes.append(hashlib.sha256(copy.read_bytes()).hexdigest())
        if hashes[0] != hashes[1] or count[0] != count[1]:
            wrong.append("checkpoint" if hashes[0] != hashes[1] else "gap")
    finally:
        connection.close()
    with tempfile.TemporaryDirectory() as folder:  # no connection of ours is open: a plain copy drops no lock
        copy = shutil.copy(store, folder)
        other = sqlite3.connect(copy)
        if other.execute("SELECT count(*), coalesce(max(seq), 0) FROM event").fetchone() != tuple(count):
            wrong.append("second SQLite counts differently")
        if other.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            wrong.append("second SQLite finds damage")
        other.close()
    return wrong


if __name__ == "__main__":
    verbs = {verb.__name__: verb for verb in (kill_file, kill_postgis, write_together)}
    print(json.dumps(verbs[sys.argv[1]](**json.loads(sys.argv[2]))))
