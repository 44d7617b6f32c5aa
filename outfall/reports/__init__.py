"""What goes on paper: the official table of outfalls and one sheet per outfall."""

from outfall.reports.brief import write_briefs
from outfall.reports.files import read_inventory, write_inventory
from outfall.reports.inventory import inventory

__all__ = ["inventory", "read_inventory", "write_briefs", "write_inventory"]
