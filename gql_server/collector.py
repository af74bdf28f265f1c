"""The garbage collector of a server: off while it starts, and blind afterwards to what starting has made.

Modules, types and the schema are some 120,000 objects that live as long as the process. Walking them at every
full collection kept everybody waiting for 55 to 75 ms, every few hundred requests; without them it takes 2 to
11 ms. While they are made there is next to nothing to collect: 0.1 s of looking for it is saved. The little there
is (1.3 MB) stays with them.
"""

from __future__ import annotations

import gc


def pause() -> None:
    """Before a server imports its parts."""
    gc.disable()


def settle() -> None:
    """When it is ready: from here on only what comes later is looked at."""
    gc.freeze()
    gc.enable()
