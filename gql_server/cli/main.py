"""The entry point of the `reev-gql` command. Its exit codes: gql_server/cli/errors.py."""

from __future__ import annotations

import errno
import gc
import os
import sys

from gql_server.cli.errors import CliError, ExitCode
from gql_server.cli.views.streams import forget_output, prepare_streams

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}
"""A full disk, and a terminal that is gone."""


def main() -> None:
    """Entry point of the console script."""
    prepare_streams()
    # While modules are imported there is next to nothing to collect.
    gc.disable()
    # Plugins of other packages have nothing to do with our models; looking for them reads all that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        try:
            # Imported here, so that Ctrl-C meanwhile ends the command without a traceback.
            from gql_server.cli.commands import app

            app()
        finally:
            sys.stdout.flush()
    except CliError as error:
        print(f"reev-gql: {error}", file=sys.stderr)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has closed the pipe, as `head` does.
        forget_output()
        sys.exit(ExitCode.NOT_REACHED)
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        forget_output()
        print(f"reev-gql: the output cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(ExitCode.SERVER_FAILED)
