"""How ``python -m outfall.cli`` runs the command line where no script is installed."""

import sys

from outfall.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
