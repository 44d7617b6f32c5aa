"""Units of this trade convert exactly, and what cannot be converted is refused."""

import csv
from importlib.resources import files

import pytest

from outfall.errors import UnitError
from outfall.tables import scale_to_canonical
from outfall.units import convert, find_unit
from outfall.vocabulary import parameters

UNITS = list(csv.DictReader(files("outfall").joinpath("units.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("unit", [row["unit"] for row in UNITS])
def test_every_unit_round_trips_through_its_dimension(unit):
    """There and back is the same value."""
    for other in (
        row["unit"] for row in UNITS if row["dimension"] == next(r["dimension"] for r in UNITS if r["unit"] == unit)
    ):
        assert convert(convert(12.5, unit, other), other, unit) == pytest.approx(12.5, rel=1e-12)


@pytest.mark.parametrize("parameter", list(parameters()))
def test_every_parameter_has_a_canonical_unit(parameter):
    """The canonical unit is known, and converting to itself changes nothing."""
    assert scale_to_canonical(parameter, parameters()[parameter].unit) == (1.0, 0.0)


def test_no_spelling_means_two_units():
    """An alias points at one unit only."""
    seen = {}
    for row in UNITS:
        for text in [row["unit"], *filter(None, row["aliases"].split(";"))]:
            assert seen.setdefault(find_unit(text), row["unit"]) == row["unit"], text


def test_the_traps():
    """The values that a slip of a unit makes wrong by a thousand or by 86,400."""
    assert convert(50, "μg/L", "mg/L") == pytest.approx(0.05)
    assert convert(86_400, "m3/d", "m³/s") == pytest.approx(1.0)
    assert convert(1, "万m³/年", "m3/d") == pytest.approx(10_000 / 365, rel=1e-3)
    assert convert(25, "degC", "K") == pytest.approx(298.15)


def test_amount_needs_the_molar_mass():
    """mmol/L becomes mg/L only where we know what it is."""
    assert convert(1, "mmol/L", "mg/L", molar_mass_g=35.45) == pytest.approx(35.45)
    with pytest.raises(UnitError, match="no conversion; correct the unit"):
        convert(1, "mmol/L", "mg/L")


def test_an_unknown_unit_names_the_known_ones():
    """The way out stands in the message."""
    with pytest.raises(UnitError, match=r"'furlong' is not known; write one of mg/L"):
        convert(1, "furlong", "m")
