"""Do the drawn series hold the signal they say they hold, and is it hidden as they say it is."""

from __future__ import annotations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TableError
from outfall.simulate.suspects import make_suspects
from outfall.tables import find_problems


def _series(drawn):
    return drawn.readings.pivot_table(index="read_at", columns="meter_id", values="value").interpolate().bfill()


def test_true_source_leads_by_its_lag():
    """After the daily cycle is taken away the true source explains the outfall at its lag better than at none."""
    better = 0
    for seed in range(12):
        drawn = make_suspects(seed)
        wide = _series(drawn)
        off = wide - wide.groupby(wide.index.hour * 60 + wide.index.minute).transform("mean")
        mine, seen = off[f"LL-{drawn.truth['source_id']}"].to_numpy(), off["DO-1"].to_numpy()
        lag = round((drawn.truth["lag_h"] + 0.7 * drawn.truth["kernel_h"]) * 12)
        better += np.corrcoef(mine[:-lag], seen[lag:])[0, 1] > np.corrcoef(mine, seen)[0, 1]
    assert better >= 11


def test_contract():
    """The series are readings, some of them missing."""
    drawn = make_suspects(2, days=3)
    assert find_problems(drawn.readings.assign(source_ref="simulate"), "readings") == []
    assert 0.01 < 1 - len(drawn.readings) / (7 * 3 * 288) < 0.06


def test_nobody_on_the_list():
    """Where the true source has no meter, the truth names none."""
    assert make_suspects(3, unregistered_share=1.0).truth["source_id"] == ""


def test_again():
    """The same seed gives the same series."""
    assert_frame_equal(make_suspects(5).readings, make_suspects(5).readings)


@pytest.mark.parametrize("options", [{"count": 0}, {"days": 0}, {"unregistered_share": 1.2}])
def test_refuses(options):
    """An option out of range is refused with what was expected."""
    with pytest.raises(TableError, match="1 or more suspects"):
        make_suspects(0, **options)
