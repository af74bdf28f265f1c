"""The `reev-gql` command: starts the server and its parts, and asks a running one over GraphQL.

Exit codes: 0 it worked (for `run --watch`: the execution SUCCEEDED), 1 it did not, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import sys

from gql_server.cli.errors import CliError


def main() -> None:
    """Entry point of the console script."""
    try:
        # Here, where an impatient Ctrl-C ends it without a traceback.
        from gql_server.cli.commands import app

        app()
    except CliError as error:
        print(f"reev-gql: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does.
        sys.stderr.close()
        sys.exit(1)
