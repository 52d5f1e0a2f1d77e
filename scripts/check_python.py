"""Says clearly that a Python is too old or too new, before pip says it at length."""

import sys

LOWEST, HIGHEST = (3, 11), (3, 13)

if __name__ == "__main__":
    if not LOWEST <= sys.version_info[:2] <= HIGHEST:
        sys.exit(
            "error: TensorFlow and Keras 3.13.1 need Python {}.{} to {}.{}, this is {}.{}. "
            "Choose another: make setup PYTHON=python3.12".format(
                *LOWEST, *HIGHEST, *sys.version_info[:2]
            )
        )
