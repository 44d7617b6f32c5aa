"""A pixel goes back through the lens the way it came."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.camera import read_lens
from outfall.camera.lens import Lens, find_slopes, parse_lens
from outfall.errors import ReadError

_REAL = Lens(0.6665, 0.6665, -0.0015, 0.0048, -0.264, 0.1019, 0.0007, 0.0003, -0.0258)


def _project(lens, right, down, width, height):
    """Return the pixel of a direction, by the published Brown-Conrady formula."""
    square = right**2 + down**2
    radial = 1 + lens.k1 * square + lens.k2 * square**2 + lens.k3 * square**3
    bent_right = right * radial + 2 * lens.p1 * right * down + lens.p2 * (square + 2 * right**2)
    bent_down = down * radial + lens.p1 * (square + 2 * down**2) + 2 * lens.p2 * right * down
    side = max(width, height)
    return (
        (lens.fx * bent_right + lens.cx) * side + width / 2,
        (lens.fy * bent_down + lens.cy) * side + height / 2,
    )


@settings(max_examples=80, deadline=None)
@given(right=st.floats(-0.7, 0.7), down=st.floats(-0.5, 0.5), is_upright=st.booleans())
def test_a_direction_survives_the_lens(right, down, is_upright):
    """Bent by the formula and straightened again, a direction is the same to a hundredth of a milliradian."""
    width, height = (3648, 5472) if is_upright else (5472, 3648)
    col, row = _project(_REAL, right, down, width, height)
    size = (np.array([float(width)]), np.array([float(height)]))
    back, up = find_slopes(np.array([_REAL]), np.array([col]), np.array([row]), size)
    assert (back[0], -up[0]) == pytest.approx((right, down), abs=1e-4)


def test_a_pixel_the_model_cannot_reach_has_no_direction():
    """Where the radial polynomial turns back no direction is invented."""
    lens = np.array([Lens(0.3, 0.3, k1=-0.5)])
    right, _ = find_slopes(lens, np.array([4000.0]), np.array([3000.0]), (np.array([4000.0]), np.array([3000.0])))
    assert np.isnan(right[0])


def test_a_lens_survives_its_text():
    """The text in the photo table gives the lens back."""
    assert parse_lens(str(_REAL)) == pytest.approx(_REAL)


@pytest.mark.parametrize(
    ("held", "word"),
    [
        ("[]", "not a cameras.json"),
        ("{", "not a cameras.json"),
        ("[" * 3000, "not a cameras.json"),
        ("{}", "holds 0 cameras"),
        (json.dumps({"a": {"projection_type": "fisheye", "focal": 0.5}}), "fisheye"),
        (json.dumps({"a": {"focal": -1}}), "no lens"),
        (json.dumps({"a": {"focal": "NaN"}}), "no lens"),
        (json.dumps({"a": {"focal": 0.7}, "b": {"focal": 0.7}}), "holds 2 cameras"),
    ],
)
def test_what_is_no_lens_is_refused(tmp_path, held, word):
    """Each kind of wrong lens file is named with its reason."""
    (tmp_path / "cameras.json").write_text(held, encoding="utf-8")
    with pytest.raises(ReadError, match=word):
        read_lens(tmp_path / "cameras.json")


def test_the_old_perspective_model_is_read(tmp_path):
    """A camera with one focal length and two radial terms is a lens too."""
    told = {"v2 dji": {"projection_type": "perspective", "focal": 0.7, "k1": -0.01, "k2": 0.02, "width": 4000}}
    (tmp_path / "cameras.json").write_text(json.dumps(told), encoding="utf-8")
    assert read_lens(tmp_path / "cameras.json") == Lens(0.7, 0.7, k1=-0.01, k2=0.02)
