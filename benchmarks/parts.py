"""Several parts of one benchmark, two at a time, into one flat object.

Every part is a module with ``measure(quick=...)``. Parts of one group run one after another in a process of their own,
so that a figure of one never rests on the memory of another; groups run beside each other, one per core.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path


def run(groups: list[list[str]], keys: tuple[str, ...], script: str, description: str | None) -> None:
    """Take every figure, print the object and write it where asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer cases, under 50 s on two free cores")
    parser.add_argument("--json", type=Path, help="write the object to this file too")
    parser.add_argument("--part", action="append", help="only these parts, in this process")
    options = parser.parse_args()
    if options.part:
        out: dict[str, object] = {}
        for part in options.part:
            out |= _one(part, quick=options.quick)
    else:
        out = _beside(groups, script, quick=options.quick)
    for key in keys if not options.part else ():
        if key not in out:
            out[key] = None
            out.setdefault(f"{key}_why", "its part failed: see above")
    text = json.dumps(out, indent=1, ensure_ascii=False, default=float)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


def _one(part: str, *, quick: bool) -> dict[str, object]:
    begun = time.perf_counter()
    try:
        found = importlib.import_module(part).measure(quick=quick)
    except Exception:
        traceback.print_exc()
        return {f"{part}_failed": True}
    print(f"{part}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    return dict(found)


def _beside(groups: list[list[str]], script: str, *, quick: bool) -> dict[str, object]:
    out: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for number, group in enumerate(groups):
            file = Path(folder) / f"{number}.json"
            command = [sys.executable, script, "--json", str(file), *(["--quick"] if quick else [])]
            command += [word for part in group for word in ("--part", part)]
            running.append((subprocess.Popen(command, stdout=subprocess.DEVNULL), file))
        for process, file in running:
            if process.wait() == 0 and file.exists():
                out |= json.loads(file.read_text(encoding="utf-8"))
    return out
