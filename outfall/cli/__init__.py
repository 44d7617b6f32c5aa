"""The command line: one command per verb, each a thin layer over the function of the same name."""

from outfall.cli.main import cli, main

__all__ = ["cli", "main"]
