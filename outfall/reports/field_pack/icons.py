"""How the look of a status becomes a small picture: shape, colour and letter, drawn large and made small."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_icon"]

_SIDE_PX, _TIMES = 48, 8
_EDGE_SHARE, _LETTER_SHARE, _STROKE_SHARE = 0.06, 0.5, 0.085
# Letters drawn as strokes, since not every machine has a font with them: points in the square -1 … 1.
_STROKES: Mapping[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "✓": (((-0.62, 0.02), (-0.16, 0.48), (0.66, -0.46)),),
    "×": (((-0.5, -0.5), (0.5, 0.5)), ((-0.5, 0.5), (0.5, -0.5))),
    "=": (((-0.6, -0.26), (0.6, -0.26)), ((-0.6, 0.26), (0.6, 0.26))),
    "–": (((-0.6, 0.0), (0.6, 0.0)),),
}


def draw_icon(look: Mapping[str, object], *, side_px: int = _SIDE_PX) -> bytes:
    r"""Return the icon of a look as a PNG with a clear ground.

    Parameters
    ----------
    look : mapping
        ``shape``, ``colour``, ``edge`` and ``letter``, as ``list_looks`` gives them.
    side_px : int, default 48
        Side of the picture.

    Returns
    -------
    bytes
        The PNG.

    Examples
    --------
    >>> draw_icon({"shape": "circle", "colour": "#009E73", "edge": "#ffffff", "letter": "✓"})[:4]
    b'\x89PNG'
    """
    from PIL import Image, ImageDraw

    side = side_px * _TIMES
    picture = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    pen = ImageDraw.Draw(picture)
    shape = str(look["shape"])
    _fill(pen, shape, side, side * 0.49, "#20303a66")
    _fill(pen, shape, side, side * 0.475, str(look["edge"]))
    _fill(pen, shape, side, side * (0.475 - _EDGE_SHARE), str(look["colour"]))
    _write(pen, str(look.get("letter") or ""), side, shape)
    stream = io.BytesIO()
    picture.resize((side_px, side_px), Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _fill(pen: ImageDraw, shape: str, side: float, reach: float, colour: str) -> None:
    middle = side / 2
    box = (middle - reach, middle - reach, middle + reach, middle + reach)
    if shape in ("square", "tile"):
        inset = reach * 0.12
        inner = (box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset)
        pen.rounded_rectangle(inner, radius=reach * 0.2, fill=colour)
    elif shape == "diamond":
        pen.polygon([(middle, box[1]), (box[2], middle), (middle, box[3]), (box[0], middle)], fill=colour)
    elif shape == "triangle":
        pen.polygon([(middle, box[1]), (box[2], box[3] - reach * 0.15), (box[0], box[3] - reach * 0.15)], fill=colour)
    else:
        pen.ellipse(box, fill=colour)


def _write(pen: ImageDraw, letter: str, side: float, shape: str) -> None:
    reach = side * _LETTER_SHARE / 2 * (0.8 if shape in ("diamond", "triangle") else 1.0)
    middle, wide = side / 2, int(side * _STROKE_SHARE)
    if letter in _STROKES:
        for line in _STROKES[letter]:
            places = [(middle + east * reach, middle + south * reach) for east, south in line]
            pen.line(places, fill="#ffffff", width=wide, joint="curve")
            for east, south in (places[0], places[-1]):
                pen.ellipse((east - wide / 2, south - wide / 2, east + wide / 2, south + wide / 2), fill="#ffffff")
    elif letter:
        from PIL import ImageFont

        font = ImageFont.load_default(reach * 2.2)
        pen.text(
            (middle, middle),
            letter,
            fill="#ffffff",
            anchor="mm",
            font=font,
            stroke_width=wide // 4,
            stroke_fill="#ffffff",
        )
