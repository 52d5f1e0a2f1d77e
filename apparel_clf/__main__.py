"""Runs the command line as ``python -m apparel_clf``."""

import sys

from apparel_clf.cli import main

if __name__ == "__main__":
    sys.exit(main())
