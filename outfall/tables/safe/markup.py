"""What does an XML file of a stranger say, without following anything it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe.start import file_bytes, refuse_virtual

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["parse_xml"]

_MAX_BYTES = 200_000_000
_MAX_DEPTH = 200
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9_.-]+)["'][^>]*\?>""")
_CHINESE = {"gbk", "gb2312", "gb18030", "gb_2312-80", "cp936", "hz", "hz-gb-2312"}


def parse_xml(path: Path, raw: bytes | None = None) -> Element:
    """Return the root of an XML file; documents that declare a DTD or entities are refused.

    Parameters
    ----------
    path : path
        The file, or the archive the bytes come from, for messages.
    raw : bytes, optional
        The content where it does not lie in a file of its own.

    Returns
    -------
    Element
        Names keep their namespaces: ``{http://…}Placemark``.

    Raises
    ------
    UnsafeInputError
        A DTD, an entity, a virtual data source, or nesting deeper than 200.
    ReadError
        Not XML.

    Examples
    --------
    >>> import pathlib
    >>> parse_xml(pathlib.Path("a.kml"), b"<kml><Document/></kml>")[0].tag
    'Document'
    >>> parse_xml(pathlib.Path("a.kml"), b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///c'>]><a>&b;</a>")
    Traceback (most recent call last):
    ...
    outfall.errors.UnsafeInputError: a.kml: the file declares a DTD or entities, which may open other files or grow without end; refused as unsafe. Export it again
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    if raw is None:
        refuse_virtual(path)
        raw = file_bytes(path, max_bytes=_MAX_BYTES)
    parser = DefusedXMLParser(target=_Shallow(path), forbid_dtd=True)
    try:
        parser.feed(_readable(raw))
        root: Element = parser.close()
    except DefusedXmlException as error:
        msg = f"{path}: the file declares a DTD or entities, which may open other files or grow without end; refused as unsafe. Export it again"
        raise UnsafeInputError(msg) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        msg = f"{path}: damaged as XML ({error}); export it again"
        raise ReadError(msg) from error
    return root


def _readable(raw: bytes) -> bytes:
    """Return Chinese encodings as UTF-8, which is all the parser knows besides UTF-16."""
    found = _DECLARED.match(raw[:400].removeprefix(b"\xef\xbb\xbf"))
    if found is None or found.group(1).decode("ascii").casefold() not in _CHINESE:
        return raw
    return raw[found.end() :].decode("gb18030", errors="replace").encode("utf-8")


class _Shallow:
    """A tree builder that stops at a depth no file of this trade has."""

    def __init__(self, path: Path) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self._path, self._depth, self._tree = path, 0, TreeBuilder()
        self.data, self.close = self._tree.data, self._tree.close

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        """Open an element."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            msg = f"{self._path}: elements lie more than {_MAX_DEPTH} deep in one another; refused as unsafe. Export it again"
            raise UnsafeInputError(msg)
        self._tree.start(tag, attrs)

    def end(self, tag: str) -> None:
        """Close an element."""
        self._depth -= 1
        self._tree.end(tag)
