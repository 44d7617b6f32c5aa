"""Which blocks does a JPEG file hold in front of its picture: metadata, thermal planes, and is the picture complete."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Segment", "is_complete", "join_extension", "list_segments"]

_START_OF_SCAN = 0xDA
_END = b"\xff\xd9"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\x00"
_MAX_EXTENSION = 8_000_000


class Segment(NamedTuple):
    """One block of a JPEG header: the second byte of its marker, where its content begins, and the content."""

    marker: int
    at: int
    body: bytes


def list_segments(raw: bytes) -> list[Segment]:
    r"""Return the blocks in front of the picture data, the start of scan last; what is cut short is left out.

    Parameters
    ----------
    raw : bytes
        The file, from its first byte.

    Returns
    -------
    list of Segment
        Empty when it is not a JPEG.

    Examples
    --------
    >>> [segment.body for segment in list_segments(b"\xff\xd8\xff\xe1\x00\x05abc\xff\xda\x00\x02")]
    [b'abc', b'']
    >>> list_segments(b"hello")
    []
    """
    found: list[Segment] = []
    if not raw.startswith(b"\xff\xd8"):
        return found
    at = 2
    while at + 4 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        size = int.from_bytes(raw[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(raw):
            break
        found.append(Segment(marker, at + 4, raw[at + 4 : at + 2 + size]))
        if marker == _START_OF_SCAN:
            break
        at += 2 + size
    return found


def is_complete(raw: bytes, segments: list[Segment]) -> bool:
    """Tell whether the picture has its end mark behind the start of its data (earlier ones belong to thumbnails)."""
    if not segments or segments[-1].marker != _START_OF_SCAN:
        return False
    return raw.find(_END, segments[-1].at) >= 0


def join_extension(segments: list[Segment]) -> bytes:
    """Return the extended XMP of a photo, put together from its parts; empty when there is none or a part is missing.

    Examples
    --------
    >>> join_extension([])
    b''
    """
    parts: dict[int, bytes] = {}
    whole = 0
    head = len(_EXTENSION)
    for segment in segments:
        if segment.marker != 0xE1 or not segment.body.startswith(_EXTENSION) or len(segment.body) < head + 40:
            continue
        whole = int.from_bytes(segment.body[head + 32 : head + 36], "big")
        parts[int.from_bytes(segment.body[head + 36 : head + 40], "big")] = segment.body[head + 40 :]
    if not 0 < whole <= _MAX_EXTENSION or sum(map(len, parts.values())) != whole:
        return b""
    return b"".join(parts[at] for at in sorted(parts))
