"""Reads the settings of this process, and says in one line what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gql_server.settings.settings import PREFIX, Settings

NOT_SETTINGS = frozenset(
    PREFIX + name for name in ("URL", "AGENT_KEY", "AGENT", "EXECUTION_ID", "TIME_LIMIT_MS", "TRIAL")
)
"""Variables of commands, and those that a runner is given."""


class SettingsError(Exception):
    """The settings cannot be used; the message is one line and names the variable."""


def variable_of(name: str, field: FieldInfo | None = None) -> str:
    """The environment variable of a field."""
    alias = field.validation_alias if field is not None else None
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """Those that look like settings and are none, each with the setting that may have been meant."""
    known = {variable_of(name, field) for name, field in Settings.model_fields.items()} | NOT_SETTINGS
    unknown = sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in known)
    if not unknown:
        return {}
    from difflib import get_close_matches

    return {
        name: next(iter(get_close_matches(name.upper(), known, n=1, cutoff=0.8)), None) for name in unknown
    }


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of this process; `overrides` (command line options) win. Raises SettingsError."""
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        Path.cwd()
    except OSError as error:
        raise SettingsError("the working directory is gone: change to one that exists") from error
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    name = str(first["loc"][0])
    return f"{variable_of(name) if name in Settings.model_fields else name}: {reason}"
