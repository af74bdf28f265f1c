"""The entry point of the `reev-gql` command. Its exit codes: gql_server/cli/errors.py."""

from __future__ import annotations

import sys

from gql_server.cli.errors import CliError, ExitCode


def main() -> None:
    """Entry point of the console script."""
    try:
        # Imported here, so that Ctrl-C meanwhile ends the command without a traceback.
        from gql_server.cli.commands import app

        app()
    except CliError as error:
        print(f"reev-gql: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has closed the pipe, as `head` does.
        sys.stderr.close()
        sys.exit(ExitCode.NOT_REACHED)
