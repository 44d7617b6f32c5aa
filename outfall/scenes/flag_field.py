"""Why may a pixel not be trusted: one bit field for every sensor, each bit with its reason."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import SceneError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from outfall.vocabulary import Lang

__all__ = ["Flag", "decode_qa_pixel", "decode_scl", "flag_reasons", "flags", "is_usable", "set_flag"]

# Sentinel-2 scene classes (remote.md 3.1): 2 is suspect, never invalid, since dark water lands there; 6 is never required.
_SCL = {
    0: ("fill",), 1: ("saturated",), 2: ("dark",), 3: ("cloud_shadow",), 4: ("land",), 5: ("land",), 6: ("water",),
    7: (), 8: ("cloud",), 9: ("cloud",), 10: ("cirrus",), 11: ("snow",),
}  # fmt: skip
# Landsat Collection 2: bit of QA_PIXEL to our flags.
_QA_PIXEL = {0: "fill", 1: "cloud", 2: "cirrus", 3: "cloud", 4: "cloud_shadow", 5: "snow", 7: "water"}


class Flag(NamedTuple):
    """One bit: its number, its name, whether a pixel that has it is left out, and what people call it."""

    bit: int
    name: str
    is_bad: bool
    zh: str
    en: str

    @property
    def mask(self) -> int:
        """The value of the bit."""
        return 1 << self.bit


@cache
def flags() -> dict[str, Flag]:
    """Return every flag by name, in the order of their bits.

    Returns
    -------
    dict of str to Flag
        Sixteen of them: a field fits ``uint16``.

    Examples
    --------
    >>> flags()["cloud"].mask
    4
    """
    text = files("outfall.scenes").joinpath("flags.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    made = [Flag(int(row["bit"]), row["name"], row["is_bad"] == "yes", row["zh"], row["en"]) for row in rows]
    return {flag.name: flag for flag in made}


def set_flag(field: NDArray[np.uint16], name: str, where: ArrayLike) -> NDArray[np.uint16]:
    """Return a bit field with one flag set where asked.

    Parameters
    ----------
    field : uint16 array
        Flags as they are.
    name : str
        Of a flag.
    where : bool array of the same shape
        Where it is set.

    Returns
    -------
    uint16 array
        A new one.

    Raises
    ------
    SceneError
        There is no such flag.

    Examples
    --------
    >>> set_flag(np.zeros(2, np.uint16), "cloud", [True, False]).tolist()
    [4, 0]
    """
    if name not in flags():
        msg = f"flag: {name!r} is not one of {', '.join(flags())}"
        raise SceneError(msg)
    return np.where(np.asarray(where, dtype=bool), field | np.uint16(flags()[name].mask), field).astype(np.uint16)


def is_usable(field: NDArray[np.uint16], *, allow: tuple[str, ...] = ()) -> NDArray[np.bool_]:
    """Return which pixels have no flag that leaves them out.

    Parameters
    ----------
    field : uint16 array
        Flags.
    allow : tuple of str
        Flags that are let through although they are bad.

    Returns
    -------
    bool array
        Of the same shape.

    Examples
    --------
    >>> is_usable(np.array([0, 4, 64], np.uint16)).tolist()
    [True, False, True]
    """
    bad = sum(flag.mask for flag in flags().values() if flag.is_bad and flag.name not in allow)
    return np.asarray((np.asarray(field, np.uint16) & np.uint16(bad)) == 0)


def flag_reasons(field: NDArray[np.uint16], *, lang: Lang = "en") -> dict[str, float]:
    """Return why pixels are left out: the share of all that has each flag, most frequent first.

    Parameters
    ----------
    field : uint16 array
        Flags of the pixels asked about.
    lang : {"zh", "en"}, default "en"
        Language of the reasons.

    Returns
    -------
    dict of str to float
        Shares from 0 to 1; flags nobody has are left out, and an empty field has no reasons.

    Examples
    --------
    >>> flag_reasons(np.array([4, 4, 0, 8], np.uint16))
    {'cloud': 0.5, 'cloud shadow': 0.25}
    """
    field = np.asarray(field, np.uint16)
    if not field.size:
        return {}
    shares = {flag: float(((field & np.uint16(flag.mask)) != 0).mean()) for flag in flags().values()}
    order = sorted((flag for flag in shares if shares[flag] > 0), key=lambda flag: (-shares[flag], flag.bit))
    return {flag.zh if lang == "zh" else flag.en: shares[flag] for flag in order}


def decode_scl(classes: ArrayLike) -> NDArray[np.uint16]:
    """Return the flags of a Sentinel-2 scene classification (SCL).

    Parameters
    ----------
    classes : integer array
        Classes 0 to 11, resampled by nearest neighbour only.

    Returns
    -------
    uint16 array
        Flags. Class 2 (dark, cast shadow) is suspect, not bad: dark water lands there.

    Raises
    ------
    SceneError
        A class outside 0 to 11: the band was interpolated, or is another one.

    Examples
    --------
    >>> decode_scl([0, 2, 6, 9]).tolist()
    [1, 64, 2048, 4]
    """
    values = np.asarray(classes)
    bad = (values < 0) | (values > 11) | (values != np.round(values))
    if bad.any():
        msg = f"SCL: {values[bad].flat[0]} is no class; expected whole numbers 0 to 11, resampled by nearest neighbour"
        raise SceneError(msg)
    table = np.array([sum(flags()[name].mask for name in _SCL[number]) for number in range(12)], np.uint16)
    return np.asarray(table[values.astype(np.intp)])


def decode_qa_pixel(values: ArrayLike) -> NDArray[np.uint16]:
    """Return the flags of a Landsat Collection 2 QA_PIXEL band.

    Parameters
    ----------
    values : integer array
        QA_PIXEL; its fill is 1, not 0.

    Returns
    -------
    uint16 array
        Flags. Bit 7 off is not taken for land: the product calls bright or shallow water land.

    Examples
    --------
    >>> decode_qa_pixel([1, 21952, 23888]).tolist()
    [1, 2048, 8]
    """
    qa = np.asarray(values).astype(np.uint32)
    out = np.zeros(qa.shape, np.uint16)
    for bit, name in _QA_PIXEL.items():
        out |= (((qa >> bit) & 1) * flags()[name].mask).astype(np.uint16)
    return np.asarray(out)
