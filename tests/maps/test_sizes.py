"""What a map says of its size is what its page has."""

from __future__ import annotations

from outfall.maps import Map
from outfall.maps.bundle import pack_layers


def test_sizes_name_every_column(drawn):
    """Every layer has its shape, its columns and its rest listed once, the largest first."""
    sizes = drawn.sizes()
    for layer in drawn.layers:
        columns = [name for name in layer.table.columns if name != layer.table.geometry.name]
        assert sorted(sizes.loc[sizes["layer"] == layer.name, "part"]) == sorted(["", "shape", *columns])
    assert sizes["page_bytes"].is_monotonic_decreasing


def test_sizes_sum_to_the_page(drawn):
    """The sum is the packed text of the layers, up to what compressing parts by themselves costs."""
    without_rest = len(pack_layers(drawn.layers)) - len(pack_layers(()))
    assert 0.9 < drawn.sizes()["page_bytes"].sum() / without_rest < 2.2


def test_an_empty_map_has_no_sizes():
    """A map without layers gives an empty table."""
    assert Map(()).sizes().empty
