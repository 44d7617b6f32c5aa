"""How do tables become a few kilobytes that a page can read: columns of small integers in one gzip blob.

The blob is, before gzip: four bytes with the length of a JSON header, the header, then buffers on eight-byte borders.
Coordinates are whole millionths of a degree (at most 0.06 m off), numbers and text come back as they were, moments to the second.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.maps.coding import encode, pack_integers, split_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Blob"]

_FORMAT = 2
_DEGREE = 1_000_000
_MAX_WHOLE = 2**50
_MAX_SINGLE = 2**13
_FEW = 64
_Raw = bytes


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

    def integers(self, values: ArrayLike) -> dict[str, object]:
        """Keep whole numbers below 2**52, in the way that is smallest."""
        how, planes = pack_integers(values)
        return {**self.bytes(planes), **how, "t": "int"}

    def lists(self, lists: Sequence[Sequence[int]]) -> dict[str, object]:
        """Keep one list of row numbers per row."""
        counts = [len(row) for row in lists]
        flat = [item for row in lists for item in row]
        return {"count": self.integers(counts), "flat": self.integers(flat)}

    def words(self, values: ArrayLike | Sequence[object]) -> dict[str, object]:
        """Keep text exactly: numbers into a list of its values, or, where most rows differ, patterns and the numbers in them."""
        texts = ["" if _is_missing(value) else str(value) for value in np.asarray(pd.Series(values, dtype="object"))]
        codes, found = pd.factorize(np.array(texts, dtype=object))
        if len(texts) < _FEW or len(found) < len(texts) / 2:
            return {"type": "text", **self._dictionary(codes, [str(value) for value in found])}
        split = split_numbers(texts)
        if split is not None:
            patterns, numbers, digits = split
            codes, found = pd.factorize(np.array(patterns, dtype=object))
            if len(found) < len(texts) / 2:
                holes = [
                    {"data": self.integers(number), "digits": self.integers(digit)}
                    for number, digit in zip(numbers, digits, strict=True)
                ]
                return {
                    "type": "text",
                    "pattern": self._dictionary(codes, [str(value) for value in found]),
                    "holes": holes,
                }
        return {"type": "text", "rows": texts}

    def _dictionary(self, codes: NDArray[np.intp], found: list[str]) -> dict[str, object]:
        """Keep numbers into a list; 0 is missing."""
        if "" in found:
            empty = found.index("")
            codes = np.where(codes == empty, -1, codes - (codes > empty))
            found = found[:empty] + found[empty + 1 :]
        return {"values": found, "codes": self.integers(codes + 1)}

    def numbers(self, values: ArrayLike) -> dict[str, object]:
        """Keep numbers exactly where they have at most nine decimals; others to seven digits, and never less than thousandths.

        An infinite number is missing. Whole numbers too long for a browser become text.
        """
        series = pd.Series(values)
        if pd.api.types.is_integer_dtype(series.dtype) and (series.abs() >= _MAX_WHOLE).fillna(value=False).any():
            return self.words(series.astype("str").where(series.notna(), None))
        array = np.asarray(series.astype("float64"), dtype=np.float64)
        is_known = np.isfinite(array)
        known = array[is_known]
        for digits in range(10):
            whole = np.rint(known * 10.0**digits)
            if np.abs(whole).max(initial=0) >= _MAX_WHOLE:
                break
            if (whole / 10.0**digits == known).all():
                kept = np.zeros(len(array), np.int64)
                # 0 is missing: everything from zero up is one further.
                kept[is_known] = np.where(whole >= 0, whole + 1, whole).astype(np.int64)
                return {"type": "number", "digits": digits, "data": self.integers(kept)}
        kind = "f4" if np.abs(known).max(initial=0) < _MAX_SINGLE else "f8"
        content = np.where(is_known, array, np.nan).astype(f"<{kind}")
        planes = np.ascontiguousarray(content.view(np.uint8).reshape(len(array), -1).T).tobytes()
        return {"type": "number", "data": {**self.bytes(planes), "n": len(array), "t": kind}}

    def times(self, values: pd.Series) -> dict[str, object]:
        """Keep moments to the second, in steps as long as they allow; a moment that carries no zone is read as UTC."""
        moments = pd.to_datetime(values, utc=True).dt.as_unit("us")
        is_known = moments.notna().to_numpy(bool)
        seconds = moments[is_known].astype("int64").to_numpy() // 1_000_000
        first = int(seconds.min()) if len(seconds) else 0
        step = max(1, int(np.gcd.reduce(seconds - first))) if len(seconds) else 1
        kept = np.zeros(len(moments), np.int64)
        kept[is_known] = (seconds - first) // step + 1
        return {"type": "time", "first": first, "step": step, "data": self.integers(kept)}

    def points(self, lonlat: NDArray[np.float64]) -> dict[str, object]:
        """Keep positions, n x 2 in degrees; a row of NaN has none."""
        is_there = np.isfinite(lonlat).all(axis=1)
        kept = np.rint(lonlat[is_there] * _DEGREE).astype(np.int64)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0])}
        shape["lat"] = self.integers(kept[:, 1])
        shape["row"] = self.integers(np.flatnonzero(is_there))
        return shape

    def lines(self, geometry: NDArray[np.object_]) -> dict[str, object]:
        """Keep lines in degrees; a line of several parts gives several, of the same row."""
        parts, row = shapely.get_parts(geometry, return_index=True)
        is_line = shapely.get_num_coordinates(parts) > 1
        parts, row = parts[is_line], row[is_line]
        lonlat = shapely.get_coordinates(parts)
        kept = np.rint(lonlat * _DEGREE).astype(np.int64)
        counts = shapely.get_num_coordinates(parts)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0])}
        shape["lat"] = self.integers(kept[:, 1])
        return {**shape, "count": self.integers(counts), "row": self.integers(row)}

    def polygons(self, geometry: NDArray[np.object_]) -> dict[str, object]:
        """Keep areas in degrees: every part has its rings, the outer one first, none repeats its first corner."""
        parts, row = shapely.get_parts(geometry, return_index=True)
        is_there = ~shapely.is_empty(parts)
        parts, row = parts[is_there], row[is_there]
        rings, part = shapely.get_rings(parts, return_index=True)
        lonlat, ring = shapely.get_coordinates(rings, return_index=True)
        is_kept = np.append(ring[1:] == ring[:-1], False) if len(ring) else np.empty(0, bool)
        kept = np.rint(lonlat[is_kept] * _DEGREE).astype(np.int64)
        shape: dict[str, object] = {"lon": self.integers(kept[:, 0])}
        shape["lat"] = self.integers(kept[:, 1])
        shape["count"] = self.integers(np.bincount(ring[is_kept], minlength=len(rings)))
        shape["rings"] = self.integers(np.bincount(part, minlength=len(parts)))
        return {**shape, "row": self.integers(row)}

    def content(self) -> _Raw:
        """Return all buffers as they lie behind the header."""
        return b"".join(self._parts)

    def to_text(self, header: Mapping[str, object]) -> str:
        """Return the whole as text that no field can break out of."""
        head = json.dumps({"format": _FORMAT, **header}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        content = head.encode("utf-8", errors="replace")
        content += b" " * (-(len(content) + 4) % 8)
        raw = len(content).to_bytes(4, "little") + content + b"".join(self._parts)
        return encode(gzip.compress(raw, compresslevel=6, mtime=0))


def _is_missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and bool(np.isnan(value))
