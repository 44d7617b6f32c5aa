"""What side, shape, class, diameter, code, name and photos say about whether two sightings are one thing."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from outfall.tables import split_ids
from outfall.vocabulary import plain

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["WORDS", "attribute_log_lr", "canonical_code", "is_national"]

# How often two sightings of one outfall agree; our defaults. How often two different outfalls agree is counted.
_AGREE_SHARE = {"side": 0.95, "outfall_shape": 0.85, "outfall_class": 0.75, "name": 0.6}
_PROOF = 8.0  # the same code on a sign, the same photo; different codes of one system
_LOG_DIAMETER_SIGMA = 0.25
_CODE = re.compile(r"^([A-Z]{2})-?(\d{6})-?(\d{4})-?([A-Z]{2})-?(\d{2})$")
_NO_WORD = {"", "undetermined", "other", "oth.other"}

WORDS = {
    "side": ("bank", "岸别"),
    "outfall_shape": ("shape", "口门形态"),
    "outfall_class": ("class", "类型"),
    "name": ("name", "名称"),
    "diameter_mm": ("diameter", "口径"),
    "code": ("code", "编码"),
    "photo_ids": ("photo", "照片"),
}


def attribute_log_lr(
    seen: pd.DataFrame, left: NDArray[np.int64], right: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return by attribute the log likelihood ratio that pairs of sightings are one thing; 0 where one is silent.

    Agreement on a rare value says more than on a common one: how often different outfalls agree is counted in the
    table itself.

    Parameters
    ----------
    seen : DataFrame, n rows
        Contract ``sightings``.
    left, right : ndarray of int, m
        Rows of each pair.

    Returns
    -------
    mapping of str to ndarray, m
        Natural log.
    """
    found = {name: _words(seen[name], share, left, right) for name, share in _AGREE_SHARE.items()}
    found["name"] = np.clip(found["name"], -0.5, 5.0)
    found["diameter_mm"] = _diameters(seen["diameter_mm"].to_numpy(dtype=float), left, right)
    found["code"] = _codes(seen["code"], left, right)
    found["photo_ids"] = _photos(seen["photo_ids"], left, right)
    return found


def canonical_code(text: object) -> str:
    """Return a code as it is stored: hyphens set, upper case, full width folded.

    Examples
    --------
    >>> canonical_code("fa4299000101GY00"), canonical_code("东沟 3#")
    ('FA-429900-0101-GY-00', '东沟3#')
    """
    folded = plain(text).upper()
    found = _CODE.match(folded)
    return "-".join(found.groups()) if found else folded


def is_national(code: str) -> bool:
    """Return whether a canonical code has the observed structure of the national code (system-county-serial-type-00)."""
    return bool(_CODE.match(code))


def _words(values: pd.Series, share: float, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    texts = [plain(value) if isinstance(value, str) else "" for value in values]
    texts = ["" if text in _NO_WORD else text for text in texts]
    counts = Counter(text for text in texts if text)
    total = sum(counts.values())
    if total == 0:
        return np.zeros(len(left))
    # One more unseen value keeps a table with one value from proving anything.
    often = {text: (count + 1.0) / (total + len(counts) + 1.0) for text, count in counts.items()}
    chance = min(sum(value**2 for value in often.values()), 0.99)
    codes = {text: at for at, text in enumerate(sorted(counts))}
    code = np.array([codes.get(text, -1) for text in texts])
    same = np.log(share / np.array([often[text] for text in sorted(counts)]))
    differ = np.log((1.0 - share) / (1.0 - chance))
    one, two = code[left], code[right]
    both = (one >= 0) & (two >= 0)
    return np.where(both, np.where(one == two, same[one], differ), 0.0)


def _diameters(values: NDArray[np.float64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(values > 0, values, np.nan))
    if np.isfinite(logs).sum() < 2:
        return np.zeros(len(left))
    spread = max(float(np.nanstd(logs)), 0.4) * np.sqrt(2.0)
    same = _LOG_DIAMETER_SIGMA * np.sqrt(2.0)
    gap = logs[left] - logs[right]
    found = np.log(spread / same) - gap**2 / 2 * (1 / same**2 - 1 / spread**2)
    return np.nan_to_num(np.clip(found, -3.0, 3.0), nan=0.0)


def _codes(values: pd.Series, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two codes of one system are proof or disproof; a national and a local code of one outfall differ by nature."""
    codes = [canonical_code(value) if isinstance(value, str) else "" for value in values]
    systems = [found[1] if (found := _CODE.match(code)) else "local" for code in codes]
    number = {code: at for at, code in enumerate(dict.fromkeys(codes))}
    system = {name: at for at, name in enumerate(dict.fromkeys(systems))}
    code, kind = np.array([number[text] for text in codes]), np.array([system[name] for name in systems])
    there = np.array([bool(text) for text in codes], dtype=bool)
    both = there[left] & there[right]
    apart = np.where(kind[left] == kind[right], -_PROOF, 0.0)
    return np.where(both, np.where(code[left] == code[right], _PROOF, apart), 0.0)


def _photos(values: pd.Series, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    photos = [frozenset(split_ids(value)) if isinstance(value, str) else frozenset() for value in values]
    if not any(photos):
        return np.zeros(len(left))
    shared = [bool(photos[one] & photos[two]) for one, two in zip(left, right, strict=True)]
    return np.where(shared, _PROOF, 0.0)
