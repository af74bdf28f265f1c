"""Our server as `reev-gql serve` starts it, except that a page may have 500 items.

    python -m perf.rivals.ours PORT DATABASE_URL

A list of 500 is compared with servers that have no such bound; three pages of ours would be three statements.
"""

from __future__ import annotations

import os
import sys

from schema.contract import pagination

LARGEST_LIST = 500


def main() -> None:
    port, os.environ["DATABASE_URL"] = sys.argv[1:]
    os.environ["REEV_GQL_PORT"] = port
    sys.argv[1:] = ["serve"]
    pagination.LARGEST_PAGE = LARGEST_LIST
    from gql_server.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
