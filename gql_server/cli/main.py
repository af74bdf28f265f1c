"""The entry point of the `reev-gql` command. Its exit codes: gql_server/cli/errors.py."""

from __future__ import annotations

import errno
import os
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
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # What is still buffered cannot be written either, and would be a second complaint at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"reev-gql: the output cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(ExitCode.SERVER_FAILED)
