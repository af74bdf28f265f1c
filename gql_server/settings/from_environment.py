"""A model whose values are read from environment variables: a prefix and the field's name in capitals.

What the constructor is given wins. An empty variable is one that is not set: environment files write `NAME=`.
"""

from __future__ import annotations

import json
import os
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class FromEnvironment(BaseModel):
    """Its constructor reads the environment."""

    model_config = ConfigDict(defer_build=True)
    prefix: ClassVar[str]
    variables: ClassVar[dict[str, str]] = {}
    """Those without the prefix, by field."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**self.environment(), **given})

    @classmethod
    def variable_of(cls, field: str) -> str:
        """The environment variable of a field."""
        return cls.variables.get(field) or cls.prefix + field.upper()

    @classmethod
    def environment(cls) -> dict[str, object]:
        """What the environment says, by field; names in small letters are accepted too."""
        found = {name.upper(): value for name, value in os.environ.items() if value}
        named = ((name, field, found.get(cls.variable_of(name))) for name, field in cls.model_fields.items())
        return {name: _value(field, text) for name, field, text in named if text is not None}


def _value(field: FieldInfo, text: str) -> object:
    """Objects are written as JSON; a text that is none is refused as one, with the name of its variable."""
    if not isinstance(field.default, dict):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
