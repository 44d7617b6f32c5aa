"""The eighteen tables: what each holds, whether a frame meets its contract, and how files become frames."""

from outfall.tables.canonical import scale_to_canonical
from outfall.tables.contract import Column, Table, contract, contracts
from outfall.tables.headings import join_ids, label_columns, name_columns, rename_problems, split_ids
from outfall.tables.issues import attach_issues, issue, list_issues
from outfall.tables.problems import check, empty, find_problems
from outfall.tables.read import read_frame

__all__ = [
    "Column",
    "Table",
    "attach_issues",
    "check",
    "contract",
    "contracts",
    "empty",
    "find_problems",
    "issue",
    "join_ids",
    "label_columns",
    "list_issues",
    "name_columns",
    "read_frame",
    "rename_problems",
    "scale_to_canonical",
    "split_ids",
]
