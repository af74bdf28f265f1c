"""The entry point of the `reev-gql` command.

Exit codes: 0 it worked (for `run --watch`: the execution SUCCEEDED), 1 it did not, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import sys

from gql_server.cli.errors import CliError


def main() -> None:
    """Entry point of the console script."""
    try:
        # Imported here, so that Ctrl-C meanwhile ends the command without a traceback.
        from gql_server.cli.commands import app

        app()
    except CliError as error:
        print(f"reev-gql: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has closed the pipe, as `head` does.
        sys.stderr.close()
        sys.exit(1)
