"""The settings of a model as types of the API, made from their one declaration."""

from types import GenericAlias, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from strawberry.scalars import JSON

from runner_bridge.formats.agents import agent_settings
from schema.contract.enums import ConversationMode, ModelProtocol, OnLimit, ToolSet

_LEAVES = (str, int, float, bool, ModelProtocol, ToolSet, ConversationMode, OnLimit)


def _type_of(annotation: Any) -> Any:
    """The type in the API of a setting's type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _LEAVES:
        return annotation
    if origin is Annotated:
        return _type_of(arguments[0])
    if origin in (Union, UnionType):
        return _type_of(arguments[0]) | None
    if origin is tuple:
        return GenericAlias(list, _type_of(arguments[0]))
    if origin is dict:
        return JSON
    raise TypeError(f"no type of the API for {annotation}")


def _members(*, is_input: bool) -> dict[str, Any]:
    members: dict[str, Any] = {"__annotations__": {}}
    for name, field in agent_settings.ModelSettings.model_fields.items():
        type_, description = _type_of(field.annotation), field.description
        if is_input:
            members["__annotations__"][name] = type_ | None
            members[name] = strawberry.field(default=strawberry.UNSET, description=description)
        else:
            members["__annotations__"][name] = type_
            members[name] = strawberry.field(description=description)
    return members


ModelSettings: Any = strawberry.type(
    type("ModelSettings", (), _members(is_input=False)), description="How a model is asked."
)
ModelSettingsInput: Any = strawberry.input(
    type("ModelSettingsInput", (), _members(is_input=True)),
    description="How a model is asked. What is left out stays as it is; null is the default.",
)


def given(settings: Any) -> dict[str, Any]:
    """What a ModelSettingsInput sets; None is the default."""
    return {name: value for name, value in vars(settings).items() if value is not strawberry.UNSET}
