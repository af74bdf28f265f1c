"""An agent with a model: asks it, carries out its tool calls, and returns what they prepared.

Per step the loop ends when the model answers without a call, or at a limit (turns, tool calls, time); what was
prepared by then is executed. The final text is recorded and never parsed. A failed tool call goes back to the
model; a failure of the endpoint ends the execution (AgentError), and a limit does if the settings say so.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner_bridge.formats.agents.agent_settings import PROMPT_VERSION, TOOL_SET_VERSION, OnLimit
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.strict_json import load_json
from runner_bridge.local_runner.agents.anthropic_messages import AnthropicMessages
from runner_bridge.local_runner.agents.chat import (
    ChatProtocol,
    EndpointFailure,
    FailureKind,
    Json,
    Reply,
    ToolCall,
    ToolResult,
    Usage,
)
from runner_bridge.local_runner.agents.endpoint import Endpoint, Tries
from runner_bridge.local_runner.agents.openai_chat import OpenAiChat
from runner_bridge.local_runner.agents.prompt import PromptText, prompt_text
from runner_bridge.local_runner.agents.protocol import AgentRequest
from runner_bridge.local_runner.agents.settings import ConfiguredAgent
from runner_bridge.local_runner.agents.tool_definitions import offered_tools
from runner_bridge.local_runner.agents.toolbox import Toolbox, ToolError
from runner_bridge.local_runner.errors import AgentError
from runner_bridge.local_runner.instructions import Instruction
from runner_bridge.local_runner.tool_log import ToolLog
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets

MAX_ARGUMENTS = 100_000
MAX_NAME = 100
MAX_FINAL_TEXT = 4_000
_PROTOCOLS: dict[str, type[ChatProtocol]] = {"openai": OpenAiChat, "anthropic": AnthropicMessages}
_CUT_SHORT = ("length", "max_tokens")
_LIMITS = ("max_turns", "max_tool_calls", "time_limit")


class LimitReached(AgentError):
    """A step reached a limit, and the settings say that this ends the execution."""


@dataclass(slots=True)
class _Totals:
    """Sums over all steps of an execution, and what the last step left."""

    turns: int = 0
    tool_calls: int = 0
    invalid_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    response_model: str | None = None
    stop_reasons: list[str | None] = field(default_factory=list)
    """Of each step; None where a fault of ours ended it."""
    final_text: str = ""


class LlmAgent:
    """Plays one execution with the model of `agent`."""

    def __init__(
        self,
        agent: ConfiguredAgent,
        secrets: Secrets,
        transcript: Transcript,
        last_moment: float = math.inf,
    ) -> None:
        self._agent = agent
        self._last_moment = last_moment
        self._settings = agent.settings
        self._secrets = secrets
        self._transcript = transcript
        self._protocol = _PROTOCOLS[agent.settings.protocol]()
        self._tools = offered_tools(agent.settings.tool_set, simulate=agent.settings.simulate)
        self._messages: list[Json] = []
        self._totals = _Totals()
        self._tries = Tries()
        self._endpoint = Endpoint(agent, self._protocol, secrets, transcript, self._tries)
        self._prompt_hash: str | None = None

    def act(self, request: AgentRequest, tools: ToolLog) -> Sequence[Instruction]:
        """Plays one step. Raises EndpointFailure and LimitReached, which are AgentErrors."""
        toolbox = Toolbox(request, self._tools)
        prompt = prompt_text(request.prompt, toolbox.accounts, self._settings.tool_set)
        self._prompt_hash = self._prompt_hash or prompt.hash
        tools.prompt([tool.name for tool in self._tools], request.prompt, f"{prompt.system}\n{prompt.user}")
        reason: str | None = None
        try:
            reason = self._play(request, prompt, toolbox, tools)
        except EndpointFailure as failure:
            reason = failure.kind.value
            raise
        finally:
            self._totals.stop_reasons.append(reason)
            self._transcript.write("end", {"reev.step": request.step, **self._sums()})
        if reason in _LIMITS and self._settings.on_limit is OnLimit.FAIL:
            raise LimitReached(f"LIMIT: the step reached {reason}, which fails it by the setting on_limit")
        return toolbox.prepared

    def _play(self, request: AgentRequest, prompt: PromptText, toolbox: Toolbox, tools: ToolLog) -> str:
        """The conversation of one step; returns why it ended."""
        if self._settings.conversation == "per-step":
            self._messages = []
        self._messages.append({"role": "user", "content": prompt.user})
        deadline = min(time.monotonic() + self._time_limit(request), self._last_moment)
        offered = self._offered(toolbox)
        facts = self._first_facts(request, prompt, offered)
        allowed_calls = self._settings.max_tool_calls
        asked = self._settings.model_copy(update={"seed": self._agent.seed})
        for turn in range(1, self._settings.max_turns + 1):
            body = self._protocol.body(asked, prompt.system, self._messages, offered)
            about = {"reev.turn": turn, "reev.request.message_count": len(self._messages), **facts}
            try:
                reply = self._endpoint.ask(body, deadline, about)
            except EndpointFailure as failure:
                if turn > 1 and failure.kind is FailureKind.TIMEOUT and time.monotonic() >= deadline:
                    return "time_limit"
                raise
            facts = {}
            self._take(reply)
            if not reply.calls:
                return "max_tokens" if reply.finish_reason in _CUT_SHORT else "stop"
            self._answer_calls(reply.calls, allowed_calls, toolbox, tools)
            allowed_calls -= len(reply.calls)
            if allowed_calls < 0:
                return "max_tool_calls"
        return "max_turns"

    def _time_limit(self, request: AgentRequest) -> float:
        """Seconds: the settings', or less when the step of the flow says so."""
        limits = [step.timeout for step in request.benchmark.flow if step.step == request.step]
        return min([self._settings.time_limit_ms / 1000, *(limit for limit in limits if limit)])

    def _offered(self, toolbox: Toolbox) -> list[Json]:
        names = toolbox.accounts.names if self._settings.enum_names else ()
        dropped = self._settings.drop_schema_keywords
        return [self._protocol.tool(tool, tool.schema(names, dropped)) for tool in self._tools]

    def _first_facts(self, request: AgentRequest, prompt: PromptText, offered: list[Json]) -> Json:
        """What the record of a step's first request says beside that of the others."""
        user = {"role": "user", "parts": [{"type": "text", "content": prompt.user}]}
        return {
            "gen_ai.agent.name": self._agent.name,
            "reev.step": request.step,
            "reev.prompt.version": PROMPT_VERSION,
            "reev.prompt.hash": prompt.hash,
            "reev.settings.hash": self._settings.hash,
            "reev.request.parameters": self._settings.parameters or None,
            "gen_ai.system_instructions": [{"type": "text", "content": prompt.system}],
            "gen_ai.input.messages": [user],
            "gen_ai.tool.definitions": offered,
        }

    def _take(self, reply: Reply) -> None:
        self._totals.turns += 1
        self._totals.usage += reply.usage
        self._totals.response_model = reply.model or self._totals.response_model
        self._totals.final_text = reply.text
        if reply.message is not None:
            dropped = self._settings.drop_message_fields
            self._messages.append({key: value for key, value in reply.message.items() if key not in dropped})

    def _answer_calls(
        self, calls: Sequence[ToolCall], allowed: int, toolbox: Toolbox, tools: ToolLog
    ) -> None:
        """Carries out the first `allowed` calls. Every call gets a result: endpoints refuse one without."""
        results = []
        for number, call in enumerate(calls):
            if number < allowed:
                results.append(self._carried_out(call, toolbox, tools))
            else:
                content = json.dumps({"error": f"at most {self._settings.max_tool_calls} calls are allowed"})
                results.append(ToolResult(call, content, is_error=True))
        self._messages += self._protocol.results(results)

    def _carried_out(self, call: ToolCall, toolbox: Toolbox, tools: ToolLog) -> ToolResult:
        began = time.monotonic()
        self._totals.tool_calls += 1
        try:
            arguments, problem = _arguments(call.arguments), None
        except ToolError as error:
            arguments, problem = {"arguments": str(call.arguments)[:MAX_ARGUMENTS]}, error
        is_error = False
        try:
            with tools.call(call.name[:MAX_NAME] or "unnamed", arguments) as logged:
                if problem is not None:
                    raise problem
                result = toolbox.call(call.name, arguments)
                logged.update(result)
        except ToolError as error:
            self._totals.invalid_calls += 1
            result, is_error = {"error": str(error)}, True
        content = json.dumps(result, ensure_ascii=False)
        self._record_call(call, content, began, is_error=is_error)
        return ToolResult(call, content, is_error=is_error)

    def _record_call(self, call: ToolCall, content: str, began: float, *, is_error: bool) -> None:
        self._transcript.write(
            "tool",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.name[:MAX_NAME],
                "gen_ai.tool.call.id": call.id,
                "gen_ai.tool.call.arguments": call.arguments,
                "gen_ai.tool.call.result": content,
                "error.type": "tool_error" if is_error else None,
                "reev.duration_ms": round((time.monotonic() - began) * 1000),
            },
        )

    def _sums(self) -> Json:
        totals, usage = self._totals, self._totals.usage
        return {
            "reev.stop_reason": totals.stop_reasons[-1],
            "reev.turns": totals.turns,
            "reev.requests": self._tries.requests,
            "reev.retries": self._tries.retries,
            "reev.tool_calls": totals.tool_calls,
            "reev.invalid_calls": totals.invalid_calls,
            "gen_ai.response.model": totals.response_model,
            "gen_ai.usage.input_tokens": usage.input,
            "gen_ai.usage.output_tokens": usage.output,
            "reev.usage.cached_tokens": usage.cached,
            "reev.usage.reasoning_tokens": usage.reasoning,
            "reev.waited_ms": round(self._tries.waited_s * 1000),
            "reev.tool_set": self._settings.tool_set,
            "reev.cost": self._settings.cost(usage.input, usage.output),
        }

    def report(self) -> dict[str, object]:
        """What the session file says about the model, summed over all steps."""
        settings, totals, usage = self._settings, self._totals, self._totals.usage
        return {
            "protocol": settings.protocol,
            "model": settings.model,
            "response_model": totals.response_model,
            "tool_set": settings.tool_set,
            "tool_set_version": TOOL_SET_VERSION,
            "prompt_version": PROMPT_VERSION,
            "prompt_hash": self._prompt_hash,
            "settings_hash": settings.hash,
            "parameters": self._secrets.removed_from_tree(settings.parameters),
            "turns": totals.turns,
            "requests": self._tries.requests,
            "retries": self._tries.retries,
            "waited_ms": round(self._tries.waited_s * 1000),
            "tool_calls": totals.tool_calls,
            "invalid_calls": totals.invalid_calls,
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cached_tokens": usage.cached,
            "reasoning_tokens": usage.reasoning,
            "cost": settings.cost(usage.input, usage.output),
            "stop_reason": totals.stop_reasons[-1] if totals.stop_reasons else None,
            "stop_reasons": totals.stop_reasons,
            "final_text": totals.final_text[:MAX_FINAL_TEXT],
        }


def _arguments(given: Any) -> Json:
    """The arguments of a call as an object. Raises ToolError."""
    if isinstance(given, str) and given.strip():
        if len(given) > MAX_ARGUMENTS:
            raise ToolError(f"the arguments are longer than {MAX_ARGUMENTS} characters")
        try:
            given = load_json(given.encode(), "arguments")
        except FormatError as error:
            raise ToolError(f"the arguments are no JSON object: {error.message}") from None
    if given is None or given == "":
        return {}
    if not isinstance(given, dict):
        raise ToolError("the arguments are no JSON object")
    return given
