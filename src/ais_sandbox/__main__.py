"""`python -m ais_sandbox`, the same program as the console script `ais-sandbox`."""

import sys

from ais_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
