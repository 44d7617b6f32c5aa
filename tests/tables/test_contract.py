"""The contracts are complete, bilingual and consistent with the vocabulary."""

import pytest

from outfall.tables import contracts
from outfall.vocabulary import parameters, words

EIGHTEEN = [
    "reaches",
    "nodes",
    "issues",
    "places",
    "photos",
    "sightings",
    "outfalls",
    "links",
    "sources",
    "samples",
    "results",
    "readings",
    "limits",
    "candidates",
    "evidence",
    "clues",
    "cases",
    "contrasts",
]


def test_there_are_the_eighteen_tables_of_the_design():
    """The joints of the package are these tables and no others."""
    assert list(contracts()) == EIGHTEEN


@pytest.mark.parametrize("table", EIGHTEEN)
def test_every_column_is_called_something_in_both_languages(table):
    """Labels are data: no column without a Chinese and an English one."""
    for column in contracts()[table].columns.values():
        assert column.zh, column.name
        assert column.en, column.name


@pytest.mark.parametrize("table", EIGHTEEN)
def test_every_table_says_where_its_rows_come_from(table):
    """Provenance is a required column, not a log."""
    assert contracts()[table].columns["source_ref"].is_required
    assert contracts()[table].columns[contracts()[table].key].is_required


@pytest.mark.parametrize("table", EIGHTEEN)
def test_every_vocabulary_a_column_names_exists(table):
    """A column cannot allow words of a list that is not there."""
    for column in contracts()[table].columns.values():
        if column.allowed:
            assert parameters() if column.allowed == "parameter" else words(column.allowed)


@pytest.mark.parametrize("table", EIGHTEEN)
def test_a_dimensioned_number_carries_its_unit_in_its_name(table):
    """A real column with a unit ends in that unit; a value column has a unit column beside it."""
    endings = {
        "m": "_m", "m3/s": "_m3s", "m3/d": "_m3d", "mm": "_mm", "share": "_share", "h": "_h", "km2": "_km2",
        "deg": "_deg", "m/s": "_ms", "m/m": "_share", "px": "_px", "nat": "log_lr", "K": "_k",
    }  # fmt: skip
    for column in contracts()[table].columns.values():
        if column.unit:
            assert column.name.endswith(endings[column.unit]), column.name


@pytest.mark.parametrize("table", EIGHTEEN)
def test_no_heading_means_two_columns(table):
    """A label or name points at one column only."""
    declared = contracts()[table]
    for column in declared.columns.values():
        for text in (column.name, column.zh, column.heading("zh"), column.heading("en")):
            assert declared.find_column(text) == column.name, text


def test_a_contract_draws_itself():
    """In Jupyter a contract is a table of its columns."""
    assert "沿程距离" in contracts()["candidates"]._repr_html_()
