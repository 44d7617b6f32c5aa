"""What is in the store after the disk has failed, or the process has ended, at every write and sync of the script.

    python -m tests.store.faults.points FOLDER '{"kinds": ["exit"], "stride": 1}'

One process is warmed and forked for every point, so that a point costs milliseconds. Before each one the files are put
back to what they were before the save; afterwards the store must hold all of the save or nothing of it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import apsw

from outfall.errors import StoreError
from outfall.store import create_store, open_store, verify_chain
from outfall.store.check import check_store
from tests.store.faults.disk import ERRORS, EXIT_CODE, EXITS, Disk, Plan
from tests.store.faults.script import Step, make_steps

_PARTS = ("", "-wal", "-shm", "-journal")
_EVENTS = (
    "SELECT seq, device, device_seq, actor, kind, table_name, row_key, body, reason, source_ref FROM event ORDER BY seq"
)


@dataclass
class Found:
    """How many points were tried, and everything that was not as it must be."""

    points: int = 0
    events: int = 0
    kept: int = 0
    undone: int = 0
    refused: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def look(store: Path) -> list[tuple]:
    """Return all that is in the store but times and what is made of times; refuse a damaged file."""
    connection = apsw.Connection(str(store), vfs="unix", flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        rows: list[tuple] = connection.execute(_EVENTS).fetchall()
        for (name,) in connection.execute("SELECT table_name FROM gpkg_contents ORDER BY 1").fetchall():
            rows += [(name, *row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY fid').fetchall()]
        for (name,) in connection.execute("SELECT table_name FROM gpkg_geometry_columns ORDER BY 1").fetchall():
            tree = f"rtree_{name}_geom"
            assert connection.execute("SELECT rtreecheck(?)", (tree,)).get == "ok"
            rows += [(tree, *row) for row in connection.execute(f'SELECT * FROM "{tree}" ORDER BY 1').fetchall()]
        return rows
    finally:
        connection.close()


def fail_everywhere(
    folder: Path | str,
    *,
    kinds: list[str],
    stride: int = 1,
    offset: int = 0,
    every_step: int = 1,
    is_kept_open: bool = False,
) -> Found:
    """Try every ``stride``-th write and sync of every ``every_step``-th save of the script, with every kind of failure."""
    found, plan = Found(), Plan()
    disk = Disk(plan)  # unregistered once nobody holds it
    store = create_store(Path(folder) / "town.outfalldb")
    passed = offset
    for number, step in enumerate(make_steps(), start=1):
        if number % every_step:
            found.events += step.save(store)
            continue
        files, before = _take(store), look(store)
        counted = _save(store, step, plan, at=0, kind="exit", is_kept_open=is_kept_open)
        assert counted.code == 0, counted
        done, after = _take(store), look(store)
        check_store(store)
        found.events += step.events
        for kind in kinds:
            for at in range(1, counted.done + 1):
                passed += 1
                if passed % stride or (kind in ("exit_half", "short") and counted.seen[at - 1][0] != "w"):
                    continue
                _put(store, files)
                ended = _save(store, step, plan, at=at, kind=kind, is_kept_open=is_kept_open)
                _judge(found, store, ended, before, after)
        _put(store, done)
    assert disk is not None
    return found


@dataclass
class _Ended:
    point: str
    code: int
    said: str = ""
    done: int = 0
    seen: list[str] = field(default_factory=list)


def _save(store: Path, step: Step, plan: Plan, *, at: int, kind: str, is_kept_open: bool) -> _Ended:
    """Save a step in a child process that meets the failure; what it says comes back through a pipe."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        plain = kind.removesuffix("_stays").removesuffix("_cut")
        plan.reset(at, plain, stays=kind.endswith("_stays"), is_power_cut=kind.endswith("_cut"))
        os._exit(_in_child(store, step, plan, write, is_kept_open=is_kept_open))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = json.loads(pipe.read() or b"{}")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _Ended(f"{kind} at {at} of {step.table}", code, **said)


def _in_child(store: Path, step: Step, plan: Plan, write: int, *, is_kept_open: bool) -> int:
    sys.unraisablehook = lambda _: None  # what fails while a file is closed has nobody to tell
    code, said = 0, "saved"
    try:
        if is_kept_open:
            with open_store(store) as kept:
                step.save(kept)
                os.write(write, json.dumps({"said": "saved", "done": plan.done, "seen": plan.seen}).encode())
                return 0
        step.save(store)
    except StoreError as error:
        code, said = 3, str(error)
    except BaseException as error:  # noqa: BLE001  (whatever it is, it is a finding)
        code, said = 4, repr(error)
    os.write(write, json.dumps({"said": said, "done": plan.done, "seen": plan.seen}).encode())
    return code


def _judge(found: Found, store: Path, ended: _Ended, before: list[tuple], after: list[tuple]) -> None:
    """Compare what is in the store with what was said."""
    found.points += 1
    kind = ended.point.split()[0]
    found.kinds[kind] = found.kinds.get(kind, 0) + 1
    try:
        now = look(store)
        verify_chain(store)
    except (StoreError, AssertionError, apsw.Error) as error:
        found.wrong.append(f"{ended.point}: damaged: {error!r}")
        return
    found.kept, found.undone = found.kept + (now == after), found.undone + (now == before)
    found.refused += ended.code == 3
    if now not in (before, after):
        found.wrong.append(f"{ended.point}: neither all nor nothing of the save")
    if ended.said == "saved" and now != after:
        found.wrong.append(f"{ended.point}: reported as saved and lost")
    if ended.code == 3 and "othing was written" in ended.said and now != before:
        found.wrong.append(f"{ended.point}: said that nothing was written, and it was: {ended.said}")
    if ended.code not in (0, 3, EXIT_CODE):
        found.wrong.append(f"{ended.point}: no error of ours: {ended.said}")


def _take(store: Path) -> dict[str, bytes]:
    files = {part: Path(f"{store}{part}") for part in _PARTS}
    return {part: file.read_bytes() for part, file in files.items() if file.exists()}


def _put(store: Path, files: dict[str, bytes]) -> None:
    for part in _PARTS:
        file = Path(f"{store}{part}")
        file.unlink(missing_ok=True)
        if part in files:
            file.write_bytes(files[part])


if __name__ == "__main__":
    assert {*EXITS, *ERRORS}
    print(json.dumps(asdict(fail_everywhere(Path(sys.argv[1]), **json.loads(sys.argv[2])))))
