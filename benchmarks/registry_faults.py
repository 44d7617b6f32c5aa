"""What the store loses when processes are killed, disks fail, logs are cut and bits flip: nothing, counted.

    python benchmarks/registry_faults.py [--quick]

The harness is the one of ``tests/store/faults``; here it runs in full: every write and sync of the 200-event script,
200 kills of the file and of the server, 8 writers of 1,000 events, 500 flipped bits, 2,000 harmed logs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def start(*jobs: tuple[str, dict[str, object]]) -> subprocess.Popen[str]:
    """Start some parts of the fault suite, one after the other, in a process of its own."""
    path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    command = [sys.executable, "-m", "tests.store.faults.jobs", json.dumps(jobs)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )


def finish(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """Return what the parts found."""
    out, said = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(said[-3000:])
    return json.loads(out)


def why_no_server() -> str:
    """Return why PostgreSQL cannot be killed here, empty where it can."""
    sys.path.insert(0, str(ROOT))
    from tests.store.server import find_programs

    if find_programs() is None:
        return "PostgreSQL with PostGIS is not installed"
    return "" if importlib.util.find_spec("psycopg") else "psycopg is not installed"


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of the fault suite; ``*_lost``, ``*_missed`` and ``*_wrong`` must be 0."""
    begun, why = time.perf_counter(), why_no_server()
    crowds = [(4, 10)] if quick else [(2, 1_000), (4, 1_000), (8, 1_000)]
    kinds = ["exit", "exit_half", "exit_cut", "full", "short", "io", "fsync"]
    pace = {"stride": 41, "every_step": 61} if quick else {}
    killers = start(
        ("kill_file", {"rounds": 5 if quick else 200}),
        *(("write_together", {"writers": writers, "events": events}) for writers, events in crowds),
        *([] if why else [("kill_postgis", {"rounds": 1 if quick else 200})]),
    )
    spoilers = start(
        ("flip_bits", {"flips": 12 if quick else 500}),
        ("cut_log", {"rounds": 4 if quick else 2_000}),
        ("fail_points", {"kinds": kinds, **pace}),
    )
    killed, *together = finish(killers)
    server = {} if why else together.pop()
    flipped, harmed, failed = finish(spoilers)
    exits = sum(count for kind, count in failed["kinds"].items() if kind.startswith("exit"))
    return {
        "kill_rounds": killed["rounds"],
        "kill_acked": killed["acked"],
        "kill_lost": killed["lost"] + killed["halves"] + len(killed["wrong"]),
        "writers_most": max(one["writers"] for one in together),
        "writers_events": sum(one["events"] for one in together),
        "writers_lost": sum(one["lost"] for one in together),
        "writers_slowest_s": max(one["slowest_s"] for one in together),
        "flips": flipped["flips"],
        "flips_changing": flipped["changed"],
        "flips_named": flipped["named"],
        "flips_missed": len(flipped["missed"]),
        "wal_rounds": harmed["rounds"],
        "wal_wrong": len(harmed["wrong"]),
        "faults_points": exits,
        "faults_error_points": failed["points"] - exits,
        "faults_wrong": len(failed["wrong"]),
        "pg_kill_rounds": server.get("rounds"),
        "pg_kill_lost": None if why else server["lost"] + server["halves"],
        "pg_kill_acked": server.get("acked"),
        "pg_slowest_restart_s": server.get("slowest_restart_s"),
        **({"pg_kill_why": why} if why else {}),
        "faults_s": round(time.perf_counter() - begun, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measure(quick=parser.parse_args().quick), indent=2))
