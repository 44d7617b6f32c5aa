"""Which boxes did a detector draw on which photos: COCO and YOLO files as a table of finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, ReadError, TableError
from outfall.survey.headings import name_headings
from outfall.tables import name_columns, read_frame
from outfall.vocabulary import find_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["is_boxes", "read_boxes"]

_MAX_BYTES = 500_000_000
# Our default (no standard): the object lies in the middle half of its box, which is this share of its longer side.
_BOX_SIGMA_SHARE = 0.125


def is_boxes(path: Path) -> bool:
    """Tell whether a path is a COCO file (``.json``) or YOLO labels (a folder, or ``.txt``)."""
    return path.is_dir() or path.suffix.casefold() in (".json", ".txt")


def read_boxes(path: Path | str) -> pd.DataFrame:
    """Return the boxes of a COCO file, of YOLO labels, or of a table, one row each.

    Parameters
    ----------
    path : path
        COCO: images and annotations (``bbox`` left, top, width, height in pixels; ``score`` where a detector wrote
        it). YOLO: one ``.txt`` per photo, named like it, with class, centre, width and height as shares and perhaps
        a confidence; ``classes.txt`` may name the classes. CSV: photo, left and top in pixels (``col_px``,
        ``row_px``), ``box_width_px``, ``box_height_px``, perhaps a score.

    Returns
    -------
    DataFrame, n rows
        ``photo``, the centre as ``col_px`` and ``row_px``, or as ``col_share`` and ``row_share`` of the picture,
        ``half_width_px`` and ``half_height_px`` (or ``_share``), ``sigma_px`` or ``sigma_share``,
        ``confidence_share`` as the detector wrote it (a rank, see ``calibrate_scores``), ``outfall_class`` or the
        category in ``note``, ``source_ref``.

    Raises
    ------
    ReadError
        The file is missing, damaged, or none of these.
    TableError
        A CSV has no boxes in it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = file.write_text("0 0.5 0.25 0.1 0.2 0.9")
    >>> read_boxes(file)[["photo", "row_share", "confidence_share"]].to_dict("records")
    [{'photo': 'a', 'row_share': 0.25, 'confidence_share': 0.9}]
    """
    path = Path(path)
    if not path.exists():
        msg = f"{path}: no such file of boxes"
        raise ReadError(msg)
    if path.is_file() and path.stat().st_size > _MAX_BYTES:
        msg = f"{path}: {path.stat().st_size / 1e6:,.0f} MB is no file of boxes; split it"
        raise ReadError(msg)
    if path.suffix.casefold() == ".csv":
        return _csv(path)
    rows = list(_coco(path) if path.suffix.casefold() == ".json" else _yolo(path))
    return (
        pd.DataFrame(rows, columns=_COLUMNS).dropna(axis="columns", how="all")
        if rows
        else pd.DataFrame(columns=["photo", "source_ref"])
    )


_COLUMNS = [
    "photo", "col_px", "row_px", "half_width_px", "half_height_px", "sigma_px", "col_share", "row_share",
    "half_width_share", "half_height_share", "sigma_share", "confidence_share", "outfall_class", "note", "source_ref",
]  # fmt: skip


def _coco(path: Path) -> Iterator[dict[str, object]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8-sig"))
        images = {item["id"]: str(item["file_name"]) for item in held["images"]}
        names = {item["id"]: str(item["name"]) for item in held.get("categories", [])}
        boxes = list(held["annotations"])
        for number, box in enumerate(boxes, start=1):
            left, top, width, height = (float(part) for part in box["bbox"])
            _check(path, number, [left, top, width, height])
            yield {
                "photo": images[box["image_id"]],
                "col_px": left + width / 2,
                "row_px": top + height / 2,
                "half_width_px": width / 2,
                "half_height_px": height / 2,
                "sigma_px": max(width, height) * _BOX_SIGMA_SHARE,
                "confidence_share": None if box.get("score") is None else float(box["score"]),
                **_category(names.get(box.get("category_id"))),
                "source_ref": f"{path.name}#{number}",
            }
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeError, RecursionError) as error:
        msg = f"{path}: is not a COCO file of boxes ({type(error).__name__}: {error})"
        raise ReadError(msg) from error


def _yolo(path: Path) -> Iterator[dict[str, object]]:
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    names: Mapping[str, str] = {}
    listed = path / "classes.txt" if path.is_dir() else path.with_name("classes.txt")
    try:
        if listed.is_file():
            names = {str(at): name.strip() for at, name in enumerate(listed.read_text(encoding="utf-8").splitlines())}
        for file in files:
            if file.name == "classes.txt":
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
                if line.strip():
                    yield _yolo_row(file, number, line.split(), names)
    except (ValueError, UnicodeError, OSError) as error:
        if isinstance(error, ReadError):
            raise
        msg = f"{path}: is not a file of YOLO labels ({error})"
        raise ReadError(msg) from error


def _yolo_row(file: Path, number: int, parts: list[str], names: Mapping[str, str]) -> dict[str, object]:
    if not 5 <= len(parts) <= 6:
        msg = f"{file}: line {number} has {len(parts)} values; class, centre, width and height, and perhaps a confidence are expected"
        raise ReadError(msg)
    shares = [float(part) for part in parts[1:]]
    _check(file, number, shares[:4])
    if max(shares) > 1:
        msg = f"{file}: line {number}: {max(shares):g} is no share of the picture (0 to 1)"
        raise ReadError(msg)
    return {
        "photo": file.stem,
        "col_share": shares[0],
        "row_share": shares[1],
        "half_width_share": shares[2] / 2,
        "half_height_share": shares[3] / 2,
        "sigma_share": max(shares[2:4]) * _BOX_SIGMA_SHARE,
        "confidence_share": shares[4] if len(shares) == 5 else None,
        **_category(names.get(parts[0], parts[0])),
        "source_ref": f"{file.name}#{number}",
    }


def _csv(path: Path) -> pd.DataFrame:
    frame = name_columns(name_headings(read_frame(path, table="sightings"), "drone"), "sightings")
    needed = ["photo", "col_px", "row_px", "box_width_px", "box_height_px"]
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        msg = f"{path.name}: is no table of boxes"
        raise TableError(msg, [Problem(", ".join(missing), "missing", "photo, left, top, width and height in pixels")])
    numbers = frame[needed[1:]].apply(pd.to_numeric, errors="coerce")
    for number, box in enumerate(numbers.to_numpy(dtype=float).tolist(), start=2):
        _check(path, number, box)
    width, height = numbers["box_width_px"], numbers["box_height_px"]
    told = {
        "photo": frame["photo"],
        "col_px": numbers["col_px"] + width / 2,
        "row_px": numbers["row_px"] + height / 2,
        "half_width_px": width / 2,
        "half_height_px": height / 2,
        "sigma_px": np.maximum(width, height) * _BOX_SIGMA_SHARE,
    }
    score = pd.to_numeric(frame["confidence_share"], errors="coerce") if "confidence_share" in frame else np.nan
    kept = [name for name in ("outfall_class", "note", "source_ref") if name in frame.columns]
    return pd.DataFrame({**told, "confidence_share": score}).join(frame[kept])


def _check(path: Path, number: int, box: list[float]) -> None:
    if not np.isfinite(box).all() or min(box[2:]) < 0:
        msg = f"{path}: box {number} is {box}; finite numbers and a width and height of 0 or more are expected"
        raise ReadError(msg)


def _category(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    known = find_word("outfall_class", name)
    return {"note": f"category {name}"} if known is None else {"outfall_class": known}
