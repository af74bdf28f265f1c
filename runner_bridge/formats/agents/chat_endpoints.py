"""Where requests to a model's endpoint go, and how they carry the API key: for the runner and for a test."""

from __future__ import annotations

from runner_bridge.formats.agents.agent_settings import ModelProtocol

ANTHROPIC_VERSION = "2023-06-01"
_OPENAI_PATH, _ANTHROPIC_PATH = "/chat/completions", "/messages"


def base_url(protocol: ModelProtocol, url: str) -> str:
    """The address below which the interface's paths are.

    For OpenAI `url` usually ends in /v1; for Anthropic it may be the host alone. The whole path is accepted too.
    """
    url = url.rstrip("/")
    if protocol is ModelProtocol.OPENAI:
        return url.removesuffix(_OPENAI_PATH)
    return url.removesuffix(_ANTHROPIC_PATH).removesuffix("/v1") + "/v1"


def chat_url(protocol: ModelProtocol, url: str) -> str:
    """Where a chat's requests go."""
    path = _OPENAI_PATH if protocol is ModelProtocol.OPENAI else _ANTHROPIC_PATH
    return base_url(protocol, url) + path


def headers(protocol: ModelProtocol, api_key: str | None) -> dict[str, str]:
    """What a request carries beside its body."""
    if protocol is ModelProtocol.OPENAI:
        return {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {"anthropic-version": ANTHROPIC_VERSION, **({"x-api-key": api_key} if api_key else {})}
