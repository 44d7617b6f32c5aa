"""What only pairs can say: the same name, the same code on a sign, the same photo."""

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

__all__ = ["PROOFS", "canonical_code", "is_national", "read_proofs"]

PROOFS = ("name", "code", "photo_ids")
# Our defaults: how often a name is written the same way twice, how often a code on a sign is read right twice.
_SAME_NAME, _SAME_CODE = 0.6, 0.97
_PROOF = 8.0
_CODE = re.compile(r"^([A-Z]{2})-?(\d{6})-?(\d{4})-?([A-Z]{2})-?(\d{2})$")


def read_proofs(
    seen: pd.DataFrame, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return for pairs the log likelihood ratio of name, code and photo, and whether both speak.

    Parameters
    ----------
    seen : DataFrame, n rows
        Contract ``sightings``.
    left, right : ndarray of int, m
        Rows of each pair.

    Returns
    -------
    tuple of ndarray and ndarray of bool, m by 3
        In the order of PROOFS.
    """
    found = [_names(seen["name"], left, right), _codes(seen["code"], left, right), _photos(seen, left, right)]
    return np.stack([gain for gain, _ in found], axis=1), np.stack([speaks for _, speaks in found], axis=1)


def canonical_code(text: object) -> str:
    """Return a code as it is stored: hyphens set, upper case, full width folded.

    Examples
    --------
    >>> canonical_code("fa4299000101gy00"), canonical_code("东沟 3#")
    ('FA-429900-0101-GY-00', '东沟3#')
    """
    folded = plain(text).upper()
    found = _CODE.match(folded)
    return "-".join(found.groups()) if found else folded


def is_national(code: str) -> bool:
    """Return whether a canonical code has the observed structure of the national code (system-county-serial-type-00)."""
    return bool(_CODE.match(code))


def _names(
    values: pd.Series, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    texts = [plain(value) if isinstance(value, str) else "" for value in values.tolist()]
    counts = Counter(text for text in texts if text)
    total = sum(counts.values()) + len(counts) + 1.0
    number = {text: at for at, text in enumerate(sorted(counts))}
    code = np.array([number.get(text, -1) for text in texts], dtype=np.int64)
    often = np.array([(counts[text] + 1.0) / total for text in sorted(counts)] or [1.0])
    speaks = (code[left] >= 0) & (code[right] >= 0)
    same = np.minimum(np.log(_SAME_NAME / often), 5.0)[np.maximum(code[left], 0)]
    return np.where(speaks, np.where(code[left] == code[right], same, -0.5), 0.0), speaks


def _codes(
    values: pd.Series, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Two codes of one system are proof or disproof; a national and a local code of one outfall differ by nature."""
    codes = [canonical_code(value) if isinstance(value, str) else "" for value in values.tolist()]
    systems = [found[1] if (found := _CODE.match(code)) else "local" for code in codes]
    code, kind = np.unique(codes, return_inverse=True)[1], np.unique(systems, return_inverse=True)[1]
    there = np.array([bool(text) for text in codes], dtype=bool)
    same = code[left] == code[right]
    speaks = there[left] & there[right] & (same | (kind[left] == kind[right]))
    return np.where(speaks, np.where(same, _PROOF, np.log(1.0 - _SAME_CODE)), 0.0), speaks


def _photos(
    seen: pd.DataFrame, left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return proof for pairs that share a photo, by its id (a hash where the reader made one)."""
    photos = [
        frozenset(split_ids(value)) if isinstance(value, str) else frozenset() for value in seen["photo_ids"].tolist()
    ]
    there = np.array([bool(some) for some in photos], dtype=bool)
    both = np.flatnonzero(there[left] & there[right]) if there.any() else np.zeros(0, dtype=np.int64)
    speaks = np.zeros(len(left), dtype=bool)
    speaks[both] = [bool(photos[a] & photos[b]) for a, b in zip(left[both].tolist(), right[both].tolist(), strict=True)]
    return np.where(speaks, _PROOF, 0.0), speaks
