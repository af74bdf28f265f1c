"""The types of settings: lists with commas, names, commands, patterns; each is checked when it is read."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from runner_bridge.errors import CommandTemplateError
from runner_bridge.formats.agents.endpoint_addresses import check_url
from runner_bridge.launchers.command_template import parse_template
from store.errors import DatabaseUrlInvalid
from store.postgres.database_url import parse

MAX_AGENT_LIMIT = 256

_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
_HOST_PATTERN = re.compile(_HOST, re.IGNORECASE)
_ORIGIN_PATTERN = re.compile(rf"https?://{_HOST}", re.IGNORECASE)


def _split(value: object) -> object:
    """Lists are written with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _port(value: object) -> object:
    if isinstance(value, str) and value.startswith("tcp://"):
        raise ValueError(
            f"{value!r} was set by Kubernetes, for a Service named reev-gql: set `enableServiceLinks: false` in "
            "the pod, or this variable to a number"
        )
    return value


def _host_name(value: str) -> str:
    if _HOST_PATTERN.fullmatch(value) is None:
        raise ValueError(f"{value!r} is not a host name, as in gql.example.org or gql.example.org:3001")
    return value.lower()


def _origin(value: str) -> str:
    if _ORIGIN_PATTERN.fullmatch(value) is None:
        raise ValueError(
            f"{value!r} is not an origin, as in https://app.example.org (no path, never * or null)"
        )
    return value.lower()


def _public_url(value: str) -> str:
    return check_url(value).rstrip("/")


def _command(value: str) -> str:
    try:
        parse_template(value)
    except CommandTemplateError as error:
        raise ValueError(str(error)) from error
    return value


def _agent_limit(value: str) -> str:
    agent, equals, limit = value.partition("=")
    if not (agent and equals and limit.isdecimal() and 1 <= int(limit) <= MAX_AGENT_LIMIT):
        raise ValueError(f"{value!r} is not an agent's limit, as in glm-4.6=1")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"it is not a regular expression: {error}") from error
    return value


def _database_url(value: SecretStr) -> SecretStr:
    try:
        parse(value.get_secret_value())
    except DatabaseUrlInvalid as error:
        raise ValueError(str(error)) from error
    return value


Port = Annotated[int, BeforeValidator(_port), Field(ge=0, le=65535)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split)]
HostNames = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...], NoDecode, BeforeValidator(_split)
]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_split)]
Names = Annotated[Annotated[tuple[str, ...], Field(min_length=1)] | None, NoDecode, BeforeValidator(_split)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
Command = Annotated[str, AfterValidator(_command)]
AgentLimits = Annotated[
    tuple[Annotated[str, AfterValidator(_agent_limit)], ...], NoDecode, BeforeValidator(_split)
]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
RegularExpression = Annotated[str, AfterValidator(_pattern)]
