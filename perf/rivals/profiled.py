"""Our server, which profiles itself between SIGUSR1 and SIGUSR2.

python -m perf.rivals.profiled FILE PORT DATABASE_URL
"""

from __future__ import annotations

import cProfile
import signal
import sys

from perf.rivals import ours


def main() -> None:
    file = sys.argv.pop(1)
    profile = cProfile.Profile()

    def stop(*_: object) -> None:
        profile.disable()
        profile.dump_stats(file)

    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    signal.signal(signal.SIGUSR2, stop)
    ours.main()


if __name__ == "__main__":
    main()
