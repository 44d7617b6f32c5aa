"""Does the simulator's water keep the laws of transport."""

from __future__ import annotations

import numpy as np
import pytest

from outfall.simulate._boat import plume
from outfall.simulate._data import tracers
from outfall.simulate._sketch import Line, Sketch
from outfall.simulate._transport import STEP_S, STEPS, move

_NAMES = [t["parameter"] for t in tracers()]
_LIKE = Line("", "", "", "", np.zeros((0, 2)), width_m=10.0, depth_m=1.0, velocity_ms=0.4, flow_m3s=1.0)


def _sketch(length_m=4000.0, *, share=None):
    sketch = Sketch(np.random.default_rng(0))
    for name, point in (
        ("A", (0, 0)),
        ("B", (length_m, 0)),
        ("C", (length_m + 900, 300)),
        ("D", (length_m + 900, -300)),
    ):
        sketch.node(name, point)
    sketch.line("HC-1", "river", ("A", "B"), like=_LIKE)
    if share is not None:
        for line_id, end, part in (("HC-2", "C", share), ("HC-3", "D", 1 - share)):
            sketch.line(
                line_id,
                "river",
                ("B", end),
                like=Line("", "", "", "", np.zeros((0, 2)), velocity_ms=0.3, split_share=part),
            )
    return sketch


def _pulse(at=100, width=6):
    flow = np.full(STEPS, 0.01)
    flow += 0.02 * np.exp(-(((np.arange(STEPS) - at) / width) ** 2))
    return flow


def _water(value=50.0):
    return np.full((len(_NAMES), STEPS), value)


def test_conserves():
    """A conservative load arrives whole: what enters leaves."""
    flow = _pulse()
    moved = move(_sketch(), [("A", "x", flow, _water())], keep=["B"])
    assert moved.load["B"][_NAMES.index("chloride")].sum() == pytest.approx((flow * 50).sum(), rel=1e-9)
    assert moved.flow_m3s["B"].sum() == pytest.approx(flow.sum(), rel=1e-6)


def test_splits():
    """At a divergence the parts add up to the whole, in the shares given."""
    moved = move(_sketch(share=0.3), [("A", "x", _pulse(), _water())], keep=["B", "C", "D"])
    totals = {node: moved.flow_m3s[node].sum() for node in "BCD"}
    assert totals["C"] == pytest.approx(0.3 * totals["B"], rel=1e-6)
    assert totals["C"] + totals["D"] == pytest.approx(totals["B"], rel=1e-6)


def test_travels():
    """The centroid of a pulse moves with the velocity."""
    flow = _pulse()
    moved = move(_sketch(7200.0), [("A", "x", flow, _water())], keep=["B"])
    steps = np.arange(STEPS)
    before = ((flow - 0.01) * steps).sum() / (flow - 0.01).sum()
    rest = moved.flow_m3s["B"] - 0.01
    assert (rest * steps).sum() / rest.sum() - before == pytest.approx(7200 / 0.4 / STEP_S, abs=0.1)


def test_disperses():
    """The peak falls on the way."""
    moved = move(_sketch(12000.0), [("A", "x", _pulse(width=3), _water())], keep=["B"])
    assert moved.flow_m3s["B"].max() < 0.97 * _pulse(width=3).max()


def test_decays():
    """A decaying parameter loses what first-order decay takes; a conservative one nothing."""
    moved = move(_sketch(8000.0), [("A", "x", np.full(STEPS, 0.01), _water())], keep=["B"])
    rate = float(tracers()[_NAMES.index("suspended_solids")]["decay_per_d"])
    expected = 50 * np.exp(-rate * 8000 / 0.4 / 86400)
    found = moved.concentration("B")
    assert found[_NAMES.index("suspended_solids")].mean() == pytest.approx(expected, rel=2e-3)
    assert found[_NAMES.index("sodium")].mean() == pytest.approx(50.0)


def test_superposes():
    """Two sources together give the sum of each alone, and the parts know whose water it is."""
    one, two = ("A", "x", _pulse(80), _water(10)), ("A", "y", _pulse(300), _water(90))
    both = move(_sketch(), [one, two], keep=["B"])
    alone = [move(_sketch(), [each], keep=["B"]) for each in (one, two)]
    assert np.allclose(both.load["B"], alone[0].load["B"] + alone[1].load["B"])
    assert np.allclose(both.parts_m3s["B"]["x"] + both.parts_m3s["B"]["y"], both.flow_m3s["B"])


def test_plume_conserves():
    """Across the whole width the plume carries the whole release."""
    off = np.linspace(0.05, 29.95, 300)
    rise = np.array([plume(2.0, np.array([600.0]), o, speed_ms=0.3, depth_m=1.2, width_m=30.0)[0] for o in off])
    assert rise.mean() * 30.0 * 1.2 * 0.3 == pytest.approx(2.0, rel=0.02)


def test_plume_is_below_only():
    """Above the release the water does not know of it."""
    assert plume(2.0, np.array([-50.0, 0.0]), 3.0, speed_ms=0.3, depth_m=1.2, width_m=30.0).tolist() == [0.0, 0.0]
