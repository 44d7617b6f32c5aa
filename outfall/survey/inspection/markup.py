"""How is an XML file opened that may lie about its encoding or be an attack."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from outfall.errors import ReadError
from outfall.tables import issue
from outfall.tables.safe import parse_xml

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["child", "children", "descendants", "open_markup", "says"]

_LARGEST_BYTES = 200_000_000
_DEEPEST = 200
_HEAD = re.compile(rb"<\?xml[^>]{0,300}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"'][^>]{0,200}\?>")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}\?>")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Only encodings whose decoders are plain tables: the name comes from the file.
_KNOWN = re.compile(r"utf-(8|16|16-le|16-be)|ascii|iso8859-\d+|cp(125\d|437|850|936|950)|gb2312|gbk|gb18030|big5")


def open_markup(file: Path, *, issues: list[dict[str, object]]) -> Element:
    """Return the root of an XML file without its namespaces.

    Parameters
    ----------
    file : Path
        The file.
    issues : list
        Gets a row where the encoding had to be guessed.

    Returns
    -------
    Element
        Tags are local names.

    Raises
    ------
    ReadError
        The file is damaged, too large or too deep, or declares a document type or entities.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.xml"
    >>> _ = file.write_bytes("<?xml version='1.0'?><a xmlns='urn:x'><b>Stra\u00dfe</b></a>".encode("cp1252"))
    >>> doubts = []
    >>> says(open_markup(file, issues=doubts), "b"), doubts[0]["kind"]
    ('Straße', 'assumption')
    """
    if file.stat().st_size > _LARGEST_BYTES:
        msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB; expected at most {_LARGEST_BYTES / 1e6:,.0f} MB. Export fewer pipes"
        raise ReadError(msg)
    text = _text(file, issues)
    root = parse_xml(file, _DECLARATION.sub("", text, count=1).lstrip().encode("utf-8", errors="replace"))
    _strip(root, file)
    return root


def says(element: Element | None, *names: str) -> str | None:
    """Return the text of the first child that has one of the names and says something."""
    for name in names:
        found = element.findtext(name) if element is not None else None
        if found is not None and found.strip():
            return found.strip()
    return None


def child(element: Element | None, name: str) -> Element | None:
    """Return the first child of that name, or None."""
    return element.find(name) if element is not None else None


def children(element: Element | None, name: str) -> list[Element]:
    """Return the children of that name."""
    return element.findall(name) if element is not None else []


def descendants(element: Element, name: str) -> list[Element]:
    """Return all elements of that name below one, in the order of the file."""
    return list(element.iter(name))


def _text(file: Path, issues: list[dict[str, object]]) -> str:
    raw = file.read_bytes()
    mark = next((name for start, name in _MARKS if raw.startswith(start)), None)
    head = _HEAD.search(raw[:1000])
    said = mark or (head.group(1).decode("ascii") if head else "utf-8")
    try:
        known = codecs.lookup(said).name if mark is None else said
    except (LookupError, ValueError):
        known = ""
    for name in (known, "utf-8", "cp1252"):
        if name and (mark or _KNOWN.fullmatch(name)):
            try:
                text = raw.decode(name)
            except (UnicodeDecodeError, LookupError):
                continue
            if name != known:
                reason = f"the encoding {said} does not hold; read as {name}"
                issues.append(issue("assumption", file.name, reason, reason_zh=f"编码 {said} 不符, 按 {name} 读取"))
            return text
    msg = f"{file}: the text is not {said} and not UTF-8; export it again as UTF-8"
    raise ReadError(msg)


def _strip(root: Element, file: Path) -> None:
    level = [root]
    depth = 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            msg = f"{file}: elements lie more than {_DEEPEST} deep; that is no inspection. Export it again"
            raise ReadError(msg)
        for element in level:
            element.tag = str(element.tag).rpartition("}")[2]
        level = [below for element in level for below in element]
