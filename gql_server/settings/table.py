"""The table of docs/settings.md: `python -m gql_server.settings.table` prints it."""

from __future__ import annotations

from gql_server.settings.launcher_settings import LauncherSettings
from gql_server.settings.loading import variable_of
from gql_server.settings.settings import Settings


def markdown_table() -> str:
    """The table of docs/settings.md."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    # What is declared in a part of the settings comes after everything else.
    fields = sorted(Settings.model_fields.items(), key=lambda item: item[0] in LauncherSettings.model_fields)
    for name, field in fields:
        lines.append(
            f"| `{variable_of(name, field)}` | {_show_default(field.default)} | {field.description} |"
        )
    return "\n".join(lines) + "\n"


def _show_default(value: object) -> str:
    match value:
        case None | ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`{','.join(str(item) for item in value)}`"
        case _:
            return f"`{value}`"


if __name__ == "__main__":
    print(markdown_table(), end="")
