"""Reports on real endpoints on loopback, which behave in every way that endpoints do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from runner_bridge.agents.configurations import Endpoint
from runner_bridge.agents.connection_test import ConnectionReport, check
from runner_bridge.formats.agents.agent_settings import ModelProtocol, ModelSettings
from runner_bridge.formats.agents.endpoint_addresses import check_address
from runner_bridge.outgoing import ConnectionProblemKind
from tests.helpers.llm import FakeLlm, fake_llm
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint

CANARY = "canary-key-of-an-agent-0123456789"


async def ask(mode: str, api_key: str = CANARY) -> ConnectionReport:
    async with fake_llm(mode) as llm:
        return await check(Endpoint(llm.url, api_key=api_key), timeout_s=5)


@pytest.fixture
async def llm() -> AsyncIterator[FakeLlm]:
    async with fake_llm() as endpoint:
        yield endpoint


async def test_without_a_model_the_list_of_models_is_asked_for(llm: FakeLlm) -> None:
    report = await check(Endpoint(llm.url + "/", api_key=CANARY))
    request = await llm.request()
    assert (request["method"], request["path"]) == ("GET", "/v1/models")
    assert request["headers"]["Authorization"] == f"Bearer {CANARY}"
    assert (report.problem, report.http_status, report.url) == (None, 200, f"{llm.url}/models")
    assert 0 <= report.latency_ms < 5000


async def test_with_a_model_one_token_of_it_is_asked_for(llm: FakeLlm) -> None:
    report = await check(Endpoint(llm.url + "/chat/completions", "a-model"))
    request = await llm.request()
    assert (request["method"], request["path"]) == ("POST", "/v1/chat/completions")
    assert (request["body"]["model"], request["body"]["max_tokens"]) == ("a-model", 1)
    assert "Authorization" not in request["headers"]
    assert report.problem is None


async def test_a_model_is_asked_as_its_agent_asks_it(llm: FakeLlm) -> None:
    """With a tool, its sampling and its extra parameters: what the endpoint refuses of them is said here."""
    settings = ModelSettings(temperature=0.0, seed=3, parameters={"max_completion_tokens": 5})
    await check(Endpoint(llm.url, "a-model", settings=settings))
    body = (await llm.request())["body"]
    assert (body["temperature"], body["seed"], body["max_completion_tokens"]) == (0, 3, 5)
    assert "max_tokens" not in body
    assert body["tools"][0]["function"]["name"] == "ping"


@pytest.mark.parametrize("protocol", list(ModelProtocol))
def test_the_request_is_what_the_interface_publishes(protocol: ModelProtocol, tmp_path: Path) -> None:
    with scripted_endpoint(tmp_path, [{"text": "p"}], protocol) as endpoint:
        asked = Endpoint(
            endpoint.url, "m", API_KEY, ModelSettings(protocol=protocol, temperature=0.5, seed=1)
        )
        report = asyncio.run(check(asked))
        [request] = endpoint.requests
    assert report.problem is None, report.problem
    assert request["problem"] is None
    assert report.url.endswith("/v1/chat/completions" if protocol == "openai" else "/v1/messages")


@pytest.mark.parametrize("protocol", list(ModelProtocol))
def test_an_error_with_status_200_is_no_answer(protocol: ModelProtocol, tmp_path: Path) -> None:
    script = [{"status": 200, "body": {"error": {"message": "no such model"}}}]
    with scripted_endpoint(tmp_path, script, protocol) as endpoint:
        asked = Endpoint(endpoint.url, "m", API_KEY, ModelSettings(protocol=protocol))
        report = asyncio.run(check(asked))
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.REJECTED
    assert "no such model" in report.problem.message


async def test_reevs_agent_service_is_asked_for_its_health(llm: FakeLlm) -> None:
    report = await check(Endpoint(f"http://127.0.0.1:{llm.port}/gen/tx", "a-model", CANARY))
    request = await llm.request()
    assert (request["method"], request["path"]) == ("GET", "/health")
    assert request["headers"]["X-API-Key"] == CANARY
    assert report.problem is None


@pytest.mark.parametrize(
    ("mode", "kind", "status", "word"),
    [
        ("unauthorized", "UNAUTHORIZED", 401, "API key"),
        ("forbidden", "UNAUTHORIZED", 403, "API key"),
        ("not-found", "NOT_FOUND", 404, "path or model"),
        ("rejected", "REJECTED", 422, "422"),
        ("rate-limited", "RATE_LIMITED", 429, "429"),
        ("broken", "SERVER_ERROR", 500, "500"),
        ("redirect", "REDIRECT", 302, "not followed"),
        ("html", "BAD_ANSWER", 200, "not JSON"),
        ("other-json", "BAD_ANSWER", 200, "openai"),
        ("endless", "BAD_ANSWER", 200, "longer"),
        ("garbage", "BAD_ANSWER", None, "HTTP"),
        ("close", "BAD_ANSWER", None, "closed"),
    ],
)
async def test_each_bad_answer_has_a_kind_and_words_and_never_the_key(
    mode: str, kind: str, status: int | None, word: str
) -> None:
    report = await ask(mode)
    assert report.problem is not None
    assert (report.problem.kind, report.http_status) == (kind, status)
    assert word in report.problem.message
    assert CANARY not in repr(report)
    assert report.problem.message.isprintable()


async def test_a_long_answer_is_cut_where_no_part_of_the_key_is_left() -> None:
    for length in range(230, 300, 7):
        report = await ask("unauthorized", api_key="k" * length)
        assert report.problem is not None and "kkk" not in report.problem.message


async def test_no_answer_ends_at_the_limit() -> None:
    async with fake_llm("hang") as llm:
        report = await check(Endpoint(llm.url), timeout_s=0.3)
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.TIMEOUT
    assert 300 <= report.latency_ms < 3000


async def test_a_certificate_that_nobody_signed_is_not_trusted() -> None:
    async with fake_llm("tls") as llm:
        report = await check(Endpoint(f"https://localhost:{llm.port}/v1", api_key=CANARY))
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.TLS
    assert "certificate" in report.problem.message


async def test_tls_where_there_is_none_is_said_so(llm: FakeLlm) -> None:
    report = await check(Endpoint(f"https://127.0.0.1:{llm.port}/v1"))
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.TLS


async def test_where_nothing_listens_it_says_so() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        report = await check(Endpoint(f"http://127.0.0.1:{port}/v1"))
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.REFUSED
    assert str(port) in report.problem.message


async def test_a_name_that_is_none_is_said_so() -> None:
    report = await check(Endpoint("http://no-such-name.invalid/v1"))
    assert report.problem is not None and report.problem.kind is ConnectionProblemKind.NAME_NOT_FOUND
    assert "no-such-name.invalid" in report.problem.message


STANDING_FOR_IT = (
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[64:ff9b::169.254.169.254]"),
    *("[2002:a9fe:a9fe::1]", "[2001:0:c000:201:0:0:5601:5601]", "[2001:0:a9fe:a9fe:0:0:f5ff:fffe]"),
    *("[64:ff9b:1::169.254.169.254]", "[64:ff9b:1:2:3:4:169.254.169.254]"),
    # With prefixes of 48, 56 and 64 bits: the address stands around the ninth byte (RFC 6052, §2.4).
    *("[64:ff9b:1:a9fe:a9:fe00::]", "[64:ff9b:1:33a9:fe:a9fe::]", "[64:ff9b:1:2233:a9:fea9:fe00:0]"),
    *("[::ffff:0.0.0.0]", "[64:ff9b::224.0.0.1]", "[64:ff9b::100.100.100.200]"),
)
"""IPv6 addresses that stand for 169.254.169.254 or another forbidden address, for a translator or a tunnel."""


@pytest.mark.parametrize(
    "address",
    [
        *(
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.1.5",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "fd00::5",
        ),
        *("64:ff9b:1:808:8:800::", "2002:808:808::1", "2001:db8::1", "10.0.0.1", "127.0.0.1", "100.64.0.1"),
    ],
)
def test_other_addresses_are_asked(address: str) -> None:
    check_address(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        *("169.254.169.254", "[fe80::1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "[fd20:ce::254]", "[::]"),
        *("0xa9fea9fe", "224.0.0.1", "[ff02::1]", "100.100.100.200", "168.63.129.16"),
        *STANDING_FOR_IT,
    ],
)
async def test_link_local_addresses_are_never_asked_however_they_are_written(host: str) -> None:
    report = await check(Endpoint(f"http://{host}/v1", api_key=CANARY))
    assert report.problem is not None
    assert report.problem.kind is ConnectionProblemKind.FORBIDDEN_ADDRESS, report.problem


@pytest.mark.parametrize("host", ["2852039166", "169.254.43518"])
async def test_addresses_in_forms_of_old_are_no_way_around(host: str) -> None:
    report = await check(Endpoint(f"http://{host}/v1", api_key=CANARY))
    assert report.problem is not None
    assert report.problem.kind is ConnectionProblemKind.NAME_NOT_FOUND


async def test_a_name_is_judged_by_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to an address where clouds keep credentials."""
    loop = asyncio.get_running_loop()

    async def lead_astray(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(loop, "getaddrinfo", lead_astray)
    report = await check(Endpoint("http://models.example.org/v1", api_key=CANARY))
    assert report.problem is not None
    assert report.problem.kind is ConnectionProblemKind.FORBIDDEN_ADDRESS
