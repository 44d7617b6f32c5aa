"""Doubts travel with the table and never break it."""

import pandas as pd

from outfall.tables import attach_issues, find_problems, issue, list_issues
from tests.laws import unchanged


def test_doubts_of_several_tables_become_one_table():
    """Concatenating tables that carry doubts works, and each doubt is listed once."""
    one = issue("duplicate", "a.csv", "twice", rows=["a.csv#3", "a.csv#2"])
    two = issue("assumption", "b.csv", "times taken as UTC+8", level="note")
    frame = pd.DataFrame({"k": [1]})
    with unchanged(frame):
        left, right = attach_issues(frame, [one]), attach_issues(attach_issues(frame, [one]), [two])
    assert len(pd.concat([left, right])) == 2
    table = list_issues(left, right, frame)
    assert sorted(table["kind"]) == ["assumption", "duplicate"]
    assert find_problems(table, "issues") == []


def test_the_id_of_a_doubt_does_not_depend_on_the_order_of_its_rows():
    """The same doubt found again has the same id."""
    assert issue("loop", "n", "r", rows=["b", "a"]) == issue("loop", "n", "r", rows=["a", "b", "a"])
