"""What a team carries into the field and can give back: one pack, many formats, every row known by its uuid."""

from outfall.reports.field_pack.formats import FORMATS, Format, list_losses
from outfall.reports.field_pack.packed import FieldPack
from outfall.reports.field_pack.write import write_field_pack

__all__ = ["FORMATS", "FieldPack", "Format", "list_losses", "write_field_pack"]
