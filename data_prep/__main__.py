"""Stage 1, `python -m data_prep`: the same command as `frcnn prep`."""

import sys

from frcnn_keras.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["prep", *sys.argv[1:]]))
