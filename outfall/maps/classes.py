"""Which few classes does a column of numbers fall into, in which colour each, and in which unit."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["breaks_of", "classify", "number_looks", "unit_of", "viridis"]

# Nine stops of viridis from dark to light (matplotlib's table, CC0).
_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_LIGHTEST = 0.94
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_CLASSES = (5, 6, 7)
_CROWDED_SHARE = 0.55
_EDGE = "#4d5a64"
_UNITS = {
    "mgl": "mg/L",
    "ugl": "µg/L",
    "m3s": "m³/s",
    "m3d": "m³/d",
    "m3": "m³",
    "m2": "m²",
    "km2": "km²",
    "km": "km",
    "m": "m",
    "cm": "cm",
    "mm": "mm",
    "ms": "m/s",
    "h": "h",
    "d": "d",
    "s": "s",
    "deg": "°",
    "degc": "°C",
    "k": "K",
    "kwh": "kWh",
    "uscm": "µS/cm",
    "ntu": "NTU",
    "mv": "mV",
    "share": "%",
}


def breaks_of(values: pd.Series) -> tuple[float, ...]:
    """Return the borders between 5 to 7 classes: even and round ones, or round quantiles where values crowd.

    Parameters
    ----------
    values : Series of numbers, n rows
        Missing and infinite ones take no part.

    Returns
    -------
    tuple of float
        Rising; k classes have k + 1 borders, the first at most the least and the last at least the greatest value.
        Fewer classes where there are few different values; one border for one value, none for no value.

    Examples
    --------
    >>> import pandas as pd
    >>> breaks_of(pd.Series([0.0, 12.0, 31.0, 44.0, 58.0]))
    (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
    >>> breaks_of(pd.Series([1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 400.0, 9000.0]))
    (1.0, 2.0, 3.0, 400.0, 9000.0)
    >>> breaks_of(pd.Series([], dtype="float64"))
    ()
    """
    known = _known(values)
    if not len(known):
        return ()
    least, most = float(known.min()), float(known.max())
    if least == most:
        return (least,)
    even = min((_even(least, most, count) for count in _CLASSES), key=lambda found: abs(len(found) - 7))
    counts = np.bincount(_place(known, even), minlength=len(even) - 1)
    if counts.max() <= _CROWDED_SHARE * len(known) or len(np.unique(known)) < 4:
        return even
    return _quantiles(known)


def classify(values: pd.Series, breaks: tuple[float, ...]) -> NDArray[np.int64]:
    """Return the class of each value: from its lower border, below the next; the last class holds its upper border.

    Parameters
    ----------
    values : Series of numbers, n rows
        Missing ones belong to a class of their own, the last.
    breaks : tuple of float
        From breaks_of.

    Returns
    -------
    array of int, n
        0 to k - 1, and k for a missing value.

    Examples
    --------
    >>> import pandas as pd
    >>> classify(pd.Series([0.0, 5.0, 10.0, None]), (0.0, 5.0, 10.0)).tolist()
    [0, 1, 1, 2]
    """
    numbers = values.astype("float64").to_numpy(dtype=float, na_value=np.nan)
    is_known = np.isfinite(numbers)
    found = np.full(len(numbers), max(1, len(breaks) - 1) if breaks else 0, dtype=np.int64)
    found[is_known] = _place(numbers[is_known], breaks)
    return found


def number_looks(values: pd.Series, *, kind: str, missing: Mapping[str, object]) -> list[dict[str, object]]:
    """Return one look per class of a column of numbers, from low and light to high and dark, then the missing.

    Parameters
    ----------
    values : Series of numbers, n rows
        The column that picks the colour.
    kind : str
        Kind of the layer: lines are drawn as lines.
    missing : dict
        Look of rows without a value.

    Returns
    -------
    list of dict
        Each with ``from`` and ``to`` beside what a look of a word has.

    Examples
    --------
    >>> import pandas as pd
    >>> looks = number_looks(pd.Series([1.0, 2.0, None]), kind="points", missing={"value": "", "colour": "#8b949e"})
    >>> looks[0]["from"], looks[-1]["colour"]
    (1.0, '#8b949e')
    """
    breaks = breaks_of(values)
    pairs = list(pairwise(breaks)) or [(edge, edge) for edge in breaks]
    colours = viridis(len(pairs))
    shape = {"lines": "line", "polygons": "area"}.get(kind, "circle")
    looks: list[dict[str, object]] = [
        {
            "value": f"{low:g}",
            "from": low,
            "to": high,
            "zh": _range_text(low, high),
            "en": _range_text(low, high),
            "colour": colour,
            "edge": _EDGE if shape == "circle" else "#ffffff",
            "shape": shape,
            "letter": "",
            "letter_zh": "",
            "width": 2.4 + 1.8 * at / max(1, len(pairs) - 1),
        }
        for at, ((low, high), colour) in enumerate(zip(pairs, colours, strict=True))
    ]
    if len(_known(values)) < len(values) or not looks:
        looks.append({**missing, "shape": shape})
    return looks


def unit_of(name: str, declared: str = "") -> str:
    """Return the unit of a column: what its contract says, else what its name ends with.

    Examples
    --------
    >>> unit_of("cod_mgl"), unit_of("diameter_mm", "mm"), unit_of("name")
    ('mg/L', 'mm', '')
    """
    if declared:
        return _UNITS.get(declared.lower().replace("/", ""), declared)
    return _UNITS.get(name.rsplit("_", 1)[-1].lower(), "") if "_" in name else ""


def viridis(count: int) -> list[str]:
    """Return colours of viridis from light to dark, evenly apart.

    Examples
    --------
    >>> viridis(2)
    ['#d7e22a', '#440154']
    """
    places = np.linspace(_LIGHTEST, 0.0, count) if count > 1 else np.full(count, 0.45)
    stops = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in _VIRIDIS], dtype=float)
    at = places * (len(stops) - 1)
    mixed = np.column_stack([np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)])
    return ["#" + "".join(f"{round(part):02x}" for part in row) for row in mixed.tolist()]


def _known(values: pd.Series) -> NDArray[np.float64]:
    numbers = values.astype("float64").to_numpy(dtype=float, na_value=np.nan)
    return numbers[np.isfinite(numbers)]


def _place(numbers: NDArray[np.float64], breaks: tuple[float, ...]) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(breaks, numbers, side="right") - 1, 0, max(0, len(breaks) - 2))


def _even(least: float, most: float, count: int) -> tuple[float, ...]:
    rough = (most - least) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min(_STEPS, key=lambda part: (part * power < rough * 0.999, part))
    first, last = np.floor(least / step + 1e-9), np.ceil(most / step - 1e-9)
    first -= _round(first * step, 12) > least
    last += _round(last * step, 12) < most
    return tuple(_round(at * step, 12) for at in np.arange(first, last + 1))


def _quantiles(known: NDArray[np.float64]) -> tuple[float, ...]:
    least, most = float(known.min()), float(known.max())
    finest = int(2 - np.floor(np.log10(most - least)))
    inner = [_finer(float(edge), finest) for edge in np.quantile(known, np.arange(1, 6) / 6, method="inverted_cdf")]
    edges = sorted({edge for edge in inner if least < edge < most})
    return (_outwards(least, -1), *edges, _outwards(most, 1))


def _finer(value: float, decimals: int) -> float:
    """Return a value of two digits, or of more where a hundredth of the range asks for them."""
    own = 1 - int(np.floor(np.log10(abs(value)))) if value else decimals
    return round(value, max(own, decimals - 1))


def _outwards(value: float, sign: int) -> float:
    """Return a value of three digits that does not lie inside."""
    rounded = _round(value, 3)
    if (rounded - value) * sign >= 0:
        return rounded
    return _round(rounded + sign * 10.0 ** (np.floor(np.log10(abs(value))) - 2), 3)


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _range_text(low: float, high: float) -> str:
    return f"{_text(low)} – {_text(high)}" if high > low else _text(low)


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:.6g}"
