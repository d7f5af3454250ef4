"""The entry: `python -m sluice_package`."""

import sys

from .main import main

sys.exit(main(sys.argv[1:]))
