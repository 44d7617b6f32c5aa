"""Which doubts a reader of water tables wrote down, before they travel with the table as issues."""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003 (a NamedTuple needs it)
from typing import TYPE_CHECKING, NamedTuple

from outfall.tables import attach_issues, issue

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Note", "attach_notes"]


class Note(NamedTuple):
    """One doubt about the file that is being read."""

    kind: str
    reason: str
    reason_zh: str
    rows: Iterable[object] = ()
    decision: str = ""
    level: str = "warning"


def attach_notes(frame: pd.DataFrame, notes: Iterable[Note], *, about: str) -> pd.DataFrame:
    """Return the frame with the doubts as issues about one file."""
    return attach_issues(frame, [issue(about=about, **doubt._asdict()) for doubt in notes])
