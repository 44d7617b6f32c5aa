"""What goes on paper: the official table of outfalls, one sheet per outfall, and what a team takes into the field."""

from outfall.reports.brief import write_briefs
from outfall.reports.field_pack import FieldPack, list_losses, write_field_pack
from outfall.reports.files import read_inventory, write_inventory
from outfall.reports.inventory import inventory

__all__ = [
    "FieldPack",
    "inventory",
    "list_losses",
    "read_inventory",
    "write_briefs",
    "write_field_pack",
    "write_inventory",
]
