"""How do whole numbers and texts become bytes that compress well, and bytes a text that no markup can hold.

Integers are kept as they are, as differences or as differences of differences, whichever a sample shows to be smallest; bytes of equal
weight lie together, which gzip likes. Texts that differ in their numbers only (codes run on along a river) are kept as a pattern and
columns of integers. The whole is written in base 85 with letters that mean nothing to HTML, JavaScript or templates.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ALPHABET", "decode", "encode", "pack_integers", "split_numbers", "unpack_integers"]

_SAMPLE = 4096
_NUMBER = re.compile("[0-9]+")
_HOLE = "\x01"
_MAX_NUMBERS = 6
_MAX_DIGITS = 9

# Printable ASCII without < > & " ' ` \ $ {: safe in a script element, an attribute, a string literal and a template.
ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in "<>&\"'`\\${")
_LETTER = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)
_POWERS = 85 ** np.arange(4, -1, -1, dtype=np.uint64)


def encode(content: bytes) -> str:
    """Write bytes as text, five letters for four bytes.

    Parameters
    ----------
    content : bytes
        Anything. Empty gives a length alone.

    Returns
    -------
    str
        The number of bytes, a blank, and letters of ``ALPHABET``.

    Examples
    --------
    >>> decode(encode(b"outfall"))
    b'outfall'
    >>> encode(b"")
    '0 '
    """
    words = np.frombuffer(content + b"\0" * (-len(content) % 4), "<u4")
    letters = np.empty((len(words), 5), np.uint8)
    for place in range(5):
        words, digit = np.divmod(words, np.uint32(85))
        letters[:, place] = _LETTER[digit]
    return f"{len(content)} {letters.tobytes().decode('ascii')}"


def decode(text: str) -> bytes:
    """Return the bytes that ``encode`` wrote.

    Parameters
    ----------
    text : str
        As written; blanks around it do not matter.

    Returns
    -------
    bytes
        The content.

    Examples
    --------
    >>> decode(encode(b"")) == b""
    True
    """
    length, _, letters = text.strip().partition(" ")
    digit_of = np.zeros(128, np.uint64)
    digit_of[_LETTER] = np.arange(85)
    digits = digit_of[np.frombuffer(letters.encode("ascii"), np.uint8)].reshape(-1, 5)
    words = (digits * _POWERS[::-1]).sum(axis=1).astype("<u4")
    return words.tobytes()[: int(length)]


def pack_integers(values: ArrayLike) -> tuple[dict[str, int], bytes]:
    r"""Return how whole numbers are kept, and the bytes.

    Parameters
    ----------
    values : array of int, n
        Below 2**52 in size, differences too.

    Returns
    -------
    dict
        ``n`` numbers in ``w`` planes of bytes, differences taken ``d`` times; ``z`` is 1 where the sign is folded in.
    bytes
        The planes, the lowest first.

    Examples
    --------
    >>> pack_integers([7, 8, 9])
    ({'n': 3, 'w': 1, 'd': 0, 'z': 0}, b'\x07\x08\t')
    >>> pack_integers(range(1000))[0]
    {'n': 1000, 'w': 1, 'd': 1, 'z': 0}
    """
    array = np.asarray(values, dtype=np.int64).ravel()
    middle = max(0, len(array) // 2 - _SAMPLE // 2)
    order = _best_order(array[middle : middle + _SAMPLE])
    planes, width, is_folded = _planes(_differences(array, order))
    return {"n": len(array), "w": width, "d": order, "z": int(is_folded)}, planes


def unpack_integers(how: dict[str, int], planes: bytes) -> NDArray[np.int64]:
    """Return the whole numbers ``pack_integers`` kept.

    Parameters
    ----------
    how : dict
        As returned by ``pack_integers``.
    planes : bytes
        The bytes.

    Returns
    -------
    array of int, n
        The numbers.

    Examples
    --------
    >>> unpack_integers(*pack_integers([5, -3, 2**40])).tolist()
    [5, -3, 1099511627776]
    """
    width, n = how["w"], how["n"]
    stacked = np.zeros((n, 8), np.uint8)
    stacked[:, :width] = np.frombuffer(planes, np.uint8, n * width).reshape(width, n).T
    values = stacked.view("<i8").ravel()
    if how["z"]:
        values = (values >> 1) ^ -(values & 1)
    for _ in range(how["d"]):
        values = np.cumsum(values)
    return values


def split_numbers(texts: Sequence[str]) -> tuple[list[str], list[list[int]], list[list[int]]] | None:
    r"""Take the numbers out of texts: patterns with holes, and for each hole its number and how many digits it is written with.

    Parameters
    ----------
    texts : sequence of str, n
        Codes or names; an empty one stays empty.

    Returns
    -------
    tuple or None
        n patterns, then per hole n numbers, and per hole n digits (0: without leading zeros). None where texts do not split:
        more than six numbers in one, one longer than nine digits, or a character that would be taken for a hole or a line end.

    Examples
    --------
    >>> split_numbers(["FD-007-12", "FD-008-3"])
    (['FD-\x01-\x01', 'FD-\x01-\x01'], [[7, 8], [12, 3]], [[3, 3], [0, 0]])
    >>> split_numbers(["a\nb"]) is None
    True
    """
    joined = "\n".join(texts)
    if _HOLE in joined or joined.count("\n") != max(0, len(texts) - 1):
        return None
    patterns = _NUMBER.sub(_HOLE, joined).split("\n") if texts else []
    runs = _NUMBER.findall(joined)
    counts = np.array([pattern.count(_HOLE) for pattern in patterns], dtype=np.int64)
    if counts.max(initial=0) > _MAX_NUMBERS or max(map(len, runs), default=0) > _MAX_DIGITS:
        return None
    if counts.sum() != len(runs):
        return None
    found = np.array([int(run) for run in runs], dtype=np.int64)
    digits = np.array([len(run) if run[0] == "0" and len(run) > 1 else 0 for run in runs], dtype=np.int64)
    widths = np.array([len(run) for run in runs], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else counts
    numbers, padded = [], []
    for hole in range(int(counts.max(initial=0))):
        has_one = counts > hole
        at = np.where(has_one, first + hole, 0)
        is_even = digits[at][has_one].any() and len(set(widths[at][has_one].tolist())) == 1
        numbers.append(np.where(has_one, found[at], 0).tolist())
        padded.append(np.where(has_one, (widths if is_even else digits)[at], 0).tolist())
    return patterns, numbers, padded


def _best_order(sample: NDArray[np.int64]) -> int:
    sizes = [len(zlib.compress(_planes(_differences(sample, order))[0], 6)) for order in range(3)]
    return int(np.argmin(sizes))


def _differences(values: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    for _ in range(order):
        values = np.diff(values, prepend=np.int64(0))
    return values


def _planes(values: NDArray[np.int64]) -> tuple[bytes, int, bool]:
    is_folded = bool(values.min(initial=0) < 0)
    if is_folded:
        values = (values << 1) ^ (values >> 63)
    width = max(1, (int(values.max(initial=0)).bit_length() + 7) // 8)
    stacked = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(stacked[:, :width].T).tobytes(), width, is_folded
