"""A row that was found, whole but light: its cells are put into words only when somebody asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from outfall.store.backend import Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Found", "Reader"]

Reader = tuple[int, "Callable[[object], Cell | bytes] | None"]  # where a cell stands, and what makes it a value


class Found(Mapping[str, Cell | bytes]):
    """The cells of one row by column, and its ``geometry`` as WKB; equal to the dict that says the same.

    Parameters
    ----------
    cells : sequence
        As a database gave them.
    readers : mapping of str to (int, callable or None)
        Of every column: where it stands, and what makes it a value; in the order of the contract, shared by all rows.

    Examples
    --------
    >>> row = Found(("P-1", 1), {"outfall_id": (0, None), "is_discharging": (1, bool)})
    >>> row["is_discharging"], row == {"outfall_id": "P-1", "is_discharging": True}
    (True, True)
    """

    __slots__ = ("_cells", "_readers")

    def __init__(self, cells: Sequence[object], readers: Mapping[str, Reader]) -> None:
        self._cells = cells
        self._readers = readers

    def __getitem__(self, name: str) -> Cell | bytes:
        """Return the cell of a column; None where it is missing."""
        at, read = self._readers[name]
        cell: Cell | bytes = self._cells[at]  # type: ignore[assignment]
        return cell if read is None or cell is None else read(cell)

    def __iter__(self) -> Iterator[str]:
        """Yield the columns in the order of the contract."""
        return iter(self._readers)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._readers)

    def __repr__(self) -> str:
        """Return the row as the dict it reads like."""
        return repr(dict(self))
