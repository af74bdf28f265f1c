"""`ray start`, which waits for its node as long as a busy machine needs, or until that has aborted.

By itself it gives up after 30 s.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
from ray._private import services
from ray.scripts.scripts import main

LOOK_S = 0.1

_get_node = services.get_node


def get_node(*arguments: Any) -> Any:
    """As Ray's, which raises RuntimeError where the node has not registered yet. Who started us ends the wait."""
    while True:
        try:
            return _get_node(*arguments)
        except RuntimeError:
            if any(
                child.name() == "raylet" and child.status() == psutil.STATUS_ZOMBIE
                for child in psutil.Process().children()
            ):
                sys.exit("the node has aborted")
            time.sleep(LOOK_S)


if __name__ == "__main__":
    services.get_node = get_node
    main()
