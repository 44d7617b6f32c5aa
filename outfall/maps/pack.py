"""How do tables become a few kilobytes that a page can read: columns of small integers in one gzip blob.

The blob is, before gzip: four bytes with the length of a JSON header, the header, then buffers on eight-byte borders.
Coordinates are differences in millionths of a degree (at most 0.06 m off), words are numbers into a list, and bytes of equal weight
lie together, which gzip likes.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Blob"]

_FORMAT = 1
_DEGREE = 1_000_000
_MISSING = -(2**31)
_CODES = {"u1": np.uint8, "u2": np.uint16, "u4": np.uint32}


class Blob:
    """Buffers that grow, and the bytes they become.

    Examples
    --------
    >>> blob = Blob()
    >>> blob.words(["river", None, "river"])["values"]
    ['river']
    >>> len(blob.to_text({"layers": []})) < 200
    True
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def bytes(self, content: bytes) -> dict[str, object]:
        """Keep bytes as they are and return where they lie."""
        at = self._length
        padding = -len(content) % 8
        self._parts.append(content + b"\0" * padding)
        self._length += len(content) + padding
        return {"o": at, "n": len(content), "t": "raw"}

    def integers(self, values: ArrayLike, *, is_delta: bool = False) -> dict[str, object]:
        """Keep 32-bit integers, as differences where neighbours are alike."""
        array = np.asarray(values, dtype=np.int64)
        if is_delta:
            array = np.diff(array, prepend=np.int64(0))
        folded = ((array << 1) ^ (array >> 63)).astype(np.uint32)
        planes = np.ascontiguousarray(folded.view(np.uint8).reshape(-1, 4).T).tobytes()
        return {**self.bytes(planes), "n": len(folded), "t": "delta" if is_delta else "int"}

    def codes(self, values: ArrayLike) -> dict[str, object]:
        """Keep small whole numbers from 0 in as few bytes as hold them."""
        array = np.asarray(values, dtype=np.int64)
        top = int(array.max()) if len(array) else 0
        kind = "u1" if top < 2**8 else "u2" if top < 2**16 else "u4"
        content = array.astype(_CODES[kind]).tobytes()
        return {**self.bytes(content), "n": len(array), "t": kind}

    def lists(self, lists: Sequence[Sequence[int]]) -> dict[str, object]:
        """Keep one list of row numbers per row."""
        counts = [len(row) for row in lists]
        flat = [item for row in lists for item in row]
        return {"count": self.codes(counts), "flat": self.integers(flat, is_delta=True)}

    def words(self, values: ArrayLike | Sequence[object]) -> dict[str, object]:
        """Keep text as numbers into the list of its values; 0 is missing."""
        series = pd.Series(values, dtype="object").map(lambda value: None if _is_missing(value) else str(value))
        codes, found = pd.factorize(series, use_na_sentinel=True)
        return {"type": "text", "values": [str(value) for value in found], "codes": self.codes(codes + 1)}

    def numbers(self, values: ArrayLike) -> dict[str, object]:
        """Keep numbers as scaled integers where that is exact, as six significant digits where it is not."""
        array = np.asarray(pd.Series(values).astype("float64"), dtype=np.float64)
        is_known = np.isfinite(array)
        for digits in range(4):
            scaled = np.where(is_known, array, 0.0) * 10**digits
            whole = np.rint(scaled)
            if np.abs(whole).max(initial=0) >= 2**30:
                break
            if np.allclose(scaled, whole, rtol=0, atol=1e-6):
                kept = np.where(is_known, whole, _MISSING).astype(np.int64)
                return {"type": "number", "digits": digits, "data": self.integers(_shift(kept))}
        content = np.where(is_known, array, np.nan).astype("<f4")
        planes = np.ascontiguousarray(content.view(np.uint8).reshape(-1, 4).T).tobytes()
        return {"type": "number", "data": {**self.bytes(planes), "n": len(array), "t": "f4"}}

    def times(self, values: pd.Series) -> dict[str, object]:
        """Keep moments as seconds after the first one; a moment that carries no zone is read as UTC."""
        moments = pd.to_datetime(values, utc=True)
        seconds = (moments - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
        first = int(seconds.min()) if moments.notna().any() else 0
        relative = np.where(moments.notna(), seconds.fillna(first).to_numpy(float) - first, -1).astype(np.int64)
        return {"type": "time", "first": first, "data": self.integers(relative + 1)}

    def points(self, lonlat: NDArray[np.float64]) -> dict[str, object]:
        """Keep positions, n x 2 in degrees; a row of NaN has none."""
        is_there = np.isfinite(lonlat).all(axis=1)
        kept = np.rint(lonlat[is_there] * _DEGREE).astype(np.int64)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0], is_delta=True)}
        shape["lat"] = self.integers(kept[:, 1], is_delta=True)
        shape["row"] = self.integers(np.flatnonzero(is_there), is_delta=True)
        return shape

    def lines(self, geometry: NDArray[np.object_]) -> dict[str, object]:
        """Keep lines in degrees; a line of several parts gives several, of the same row."""
        parts, row = shapely.get_parts(geometry, return_index=True)
        is_line = shapely.get_num_coordinates(parts) > 1
        parts, row = parts[is_line], row[is_line]
        lonlat = shapely.get_coordinates(parts)
        kept = np.rint(lonlat * _DEGREE).astype(np.int64)
        counts = shapely.get_num_coordinates(parts)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0], is_delta=True)}
        shape["lat"] = self.integers(kept[:, 1], is_delta=True)
        return {**shape, "count": self.codes(counts), "row": self.integers(row, is_delta=True)}

    def polygons(self, geometry: NDArray[np.object_]) -> dict[str, object]:
        """Keep areas in degrees: every part has its rings, the outer one first, none repeats its first corner."""
        parts, row = shapely.get_parts(geometry, return_index=True)
        is_there = ~shapely.is_empty(parts)
        parts, row = parts[is_there], row[is_there]
        rings, part = shapely.get_rings(parts, return_index=True)
        lonlat, ring = shapely.get_coordinates(rings, return_index=True)
        is_kept = np.append(ring[1:] == ring[:-1], False) if len(ring) else np.empty(0, bool)
        kept = np.rint(lonlat[is_kept] * _DEGREE).astype(np.int64)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0], is_delta=True)}
        shape["lat"] = self.integers(kept[:, 1], is_delta=True)
        shape["count"] = self.codes(np.bincount(ring[is_kept], minlength=len(rings)))
        shape["rings"] = self.codes(np.bincount(part, minlength=len(parts)))
        return {**shape, "row": self.integers(row, is_delta=True)}

    def to_text(self, header: Mapping[str, object]) -> str:
        """Return the whole as base64 text, which no field can break out of."""
        head = json.dumps({"format": _FORMAT, **header}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        content = head.encode("utf-8", errors="replace")
        content += b" " * (-(len(content) + 4) % 8)
        raw = len(content).to_bytes(4, "little") + content + b"".join(self._parts)
        return base64.b64encode(gzip.compress(raw, compresslevel=6, mtime=0)).decode("ascii")


def _shift(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Make room for a missing value at 0: everything known is one further from it."""
    return np.where(values == _MISSING, 0, np.where(values >= 0, values + 1, values))


def _is_missing(value: object) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and np.isnan(value))
        or value == ""
    )
