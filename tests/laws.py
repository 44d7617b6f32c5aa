"""Laws that every verb keeps; tests call them instead of repeating them."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import pandas as pd
from pandas.testing import assert_frame_equal, assert_series_equal


@contextmanager
def unchanged(*inputs):
    """Fail if a table given to a verb is not the same afterwards."""
    before = [copy.deepcopy(item) for item in inputs]
    yield
    for was, now in zip(before, inputs, strict=True):
        if isinstance(now, pd.DataFrame):
            assert_frame_equal(pd.DataFrame(was), pd.DataFrame(now))
        elif isinstance(now, pd.Series):
            assert_series_equal(was, now)
        else:
            assert was == now


def shuffled(frame, seed=1):
    """Return the same rows in another order."""
    return frame.sample(frac=1.0, random_state=seed)
