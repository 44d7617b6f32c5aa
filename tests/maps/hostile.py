"""Text that tries to be more than text, and a town whose every field holds it."""

from __future__ import annotations

from importlib.util import find_spec

import pandas as pd

from tests.maps.town import make_town

# Half a character reaches a table only where pandas keeps text without Arrow, which cannot hold one.
HALF = "" if find_spec("pyarrow") else "\ud800"
HOSTILE = [
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "${document.title='ran'}",
    "${7*7}",
    "`${alert(1)}`",
    "=cmd|' /C calc'!A0",
    "D:\\照片\\2019\\1.jpg",
    "</script><script>document.title='ran'</script>",
    "</iframe><b>'\"&amp;",
    "\u202eגירסה \u2028\u2029 🐟",
    "{{ 7*7 }} {% raw %}",
    f"\x00\x07 zero{HALF} lone",
    "长" * 10_000,
]


def hostile_town():
    town = make_town(outfall_count=len(HOSTILE), source_count=len(HOSTILE))
    texts = pd.Series(HOSTILE, dtype="object")
    town.outfalls = town.outfalls.assign(
        **dict.fromkeys(
            ("name", "outfall_id", "note", "address", "receiving_water", "outfall_class", "sighting_ids"), texts
        ),
        怪列=texts,
    )
    town.sources = town.sources.assign(name=texts, source_id=texts, kind=texts, note=texts)
    names = [HOSTILE[k % len(HOSTILE)] for k in range(len(town.network.reaches))]
    town.network.reaches["name"] = pd.Series(names, index=town.network.reaches.index, dtype="object")
    rows = [(outfall, source) for outfall in HOSTILE for source in [*HOSTILE[:4], "unregistered"]]
    town.found.candidates = pd.DataFrame(rows, columns=["outfall_id", "source_id"], dtype="object").assign(
        posterior_share=0.2, path_ids="river-1;river-2", reason=HOSTILE[0], reason_zh=HOSTILE[2], prior_share=0.2
    )
    town.found.evidence = town.found.candidates[["outfall_id", "source_id"]].assign(
        line=HOSTILE[1], log_lr=1.0, reason=HOSTILE[2], reason_zh=HOSTILE[7], refs=HOSTILE[6]
    )
    return town
