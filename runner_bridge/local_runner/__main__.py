"""`python -m runner_bridge.local_runner`."""

import sys

from runner_bridge.local_runner.cli import main

if __name__ == "__main__":
    sys.exit(main())
