"""Several parts of the fault suite one after the other in one process, since most of a short one is its start.

python -m tests.store.faults.jobs '[["kill_file", {"rounds": 5}], ["flip_bits", {"flips": 20}]]'
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict

from tests.store.faults.decay import cut_log, flip_bits
from tests.store.faults.kills import kill_file, kill_postgis, write_together
from tests.store.faults.points import fail_everywhere


def fail_points(**options):
    """Fail the disk at the points asked for, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asdict(fail_everywhere(folder, **options))


VERBS = {verb.__name__: verb for verb in (cut_log, fail_points, flip_bits, kill_file, kill_postgis, write_together)}

if __name__ == "__main__":
    print(json.dumps([VERBS[name](**options) for name, options in json.loads(sys.argv[1])]))
