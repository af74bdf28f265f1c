"""`reev-gql init`: writes a benchmarks directory to begin with."""

from __future__ import annotations

from gql_server.cli.errors import CliError, wrong_use
from gql_server.cli.views.json_lines import emit
from gql_server.settings.loading import SettingsError, load_settings
from runner_bridge.benchmarks.shipped import copy_shipped_benchmarks


def init(*, as_json: bool) -> int:
    """Copies the benchmarks that come with the program, and says what was written; the exit code."""
    try:
        directory = load_settings().runner.benchmarks_dir
        copied = copy_shipped_benchmarks(directory)
    except SettingsError as error:
        raise wrong_use(str(error)) from error
    except OSError as error:
        raise CliError(f"{error.filename} cannot be written: {error.strerror}") from error
    if as_json:
        for outcome, names in (("WRITTEN", copied.written), ("KEPT", copied.kept)):
            for name in names:
                emit({"file": str(directory / name), "outcome": outcome})
        return 0
    print(
        f"{directory}: {len(copied.written)} benchmarks written, {len(copied.kept)} were there and are kept"
    )
    print("Next: `reev-gql serve`")
    return 0
