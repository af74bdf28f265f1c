"""Reads the settings of this process, and says in one line what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gql_server.settings.settings import PREFIX, Settings


class SettingsError(Exception):
    """The settings cannot be used; the message is one line and names the variable."""


def variable_of(name: str, field: FieldInfo | None = None) -> str:
    """The environment variable of a field."""
    alias = field.validation_alias if field is not None else None
    return alias if isinstance(alias, str) else PREFIX + name.upper()


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
