"""Laws of candidates mixed in one outfall: two that were planted share it, and what is no longer there is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tracing import trace
from outfall.tracing.mixture_trace import mix_candidates
from outfall.tracing.profiles import default_profiles
from outfall.tracing.shares import add_shares
from tests.tracing import town


def planted(shares):
    """Return the trace of a town where the water of outfall OA is mixed of kinds of sources."""
    wide = default_profiles().pivot_table(index="kind", columns="parameter", values="median")
    wide = wide.fillna(wide.loc["background"])
    names = ["copper", "nickel", "zinc", "cod", "ammonia", "chloride", "total_phosphorus", "grease", "fluoride"]
    values = sum(share * wide.loc[kind, names] for kind, share in shares.items())
    first = town.make_results()
    row = first.iloc[[0]]
    rows = [
        row.assign(result_id=f"OA-{name}", parameter=name, value=float(values[name]), unit="mg/L", qualifier="=")
        for name in names
    ]
    return trace(
        town.make_outfalls(), town.make_network(), town.make_sources(),
        samples=town.make_samples(), results=pd.concat(rows, ignore_index=True),
    )  # fmt: skip


def test_two_that_share_an_outfall_are_both_seen():
    """Plating and food, half and half: each brings a good part, alone each brings nearly all."""
    both = mix_candidates(planted({"electroplating": 0.5, "food": 0.5}))["OA"].mean()
    one = mix_candidates(planted({"electroplating": 1.0}))["OA"].mean()
    assert both["S1"] > 0.15
    assert both["S2"] > 0.15
    assert one["S1"] > 0.8


def test_draws_are_what_add_shares_takes():
    """Rows sum to 1, columns are candidates, clean water is none of them, and shares move towards the chemistry."""
    found = planted({"electroplating": 0.5, "food": 0.5})
    draws = mix_candidates(found)
    assert np.allclose(draws["OA"].sum(axis=1), 1.0)
    own = found.candidates.loc[found.candidates["outfall_id"] == "OA", "source_id"]
    assert set(draws["OA"].columns) <= set(own)
    told, untold = (
        add_shares(found, chemistry=said, outfall_ids=["OA"]).candidates.set_index(["outfall_id", "source_id"])
        for said in (draws, None)
    )
    target = draws["OA"]["S2"].mean()
    gap = [abs(rows.loc[("OA", "S2"), "contribution_share"] - target) for rows in (told, untold)]
    assert gap[0] < gap[1]


def test_only_outfalls_with_results_are_in_it():
    """Neutral when blind: what nobody sampled has no draws."""
    found = planted({"food": 1.0})
    assert set(mix_candidates(found)) == {"OA"}
    assert mix_candidates(found, outfall_ids=["OB"]) == {}


def test_a_trace_from_a_store_is_refused():
    """Without the results there is nothing to mix."""
    with pytest.raises(TraceError, match="no longer has the results"):
        mix_candidates(dataclasses.replace(planted({"food": 1.0}), context=None))
