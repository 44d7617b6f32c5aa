"""What one test run makes once, however many workers it has."""

from __future__ import annotations

import os
import pickle
import time


def once(tmp_path_factory, name, make, *, patience_s=180):
    """Return what ``make(folder)`` gives: the first worker makes it, the others wait and read it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return make(tmp_path_factory.mktemp(name))
    folder = tmp_path_factory.getbasetemp().parent / f"{name} {run}"
    done = folder / "made.pickle"
    try:
        folder.mkdir()
    except FileExistsError:
        until = time.monotonic() + patience_s
        while not done.exists() and time.monotonic() < until:
            time.sleep(0.2)
        return pickle.loads(done.read_bytes())
    made = make(folder)
    part = folder / "part"
    part.write_bytes(pickle.dumps(made))
    part.replace(done)
    return made
