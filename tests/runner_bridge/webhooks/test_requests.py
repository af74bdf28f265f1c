"""One request to receivers that behave in every way that receivers do."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from runner_bridge.errors import InvalidInput
from runner_bridge.webhooks.managing import checked_url
from runner_bridge.webhooks.requests import Attempt, Message, send
from runner_bridge.webhooks.signing import new_secret, signed_headers
from tests.helpers.webhook_receiver import Receiver, webhook_receiver

BODY = b'{"type":"webhook.test"}'


async def sent_to(receiver: Receiver, timeout_s: float = 15, secret: str | None = None) -> Attempt:
    return await send(Message("msg_1", receiver.url, BODY), secret or receiver.secret, timeout_s=timeout_s)


def test_a_signature_is_what_the_specification_says() -> None:
    """The example of the specification's reference libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_random_and_long() -> None:
    one, other = new_secret(), new_secret()
    assert one != other and one.startswith("whsec_")
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32


def test_the_verifier_refuses_every_change() -> None:
    secret = new_secret()
    right = signed_headers(secret, "msg_1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, right) == json.loads(BODY)
    changes: list[tuple[dict[str, str], bytes]] = [
        ({**right, "webhook-id": "msg_2"}, BODY),
        ({**right, "webhook-timestamp": str(int(right["webhook-timestamp"]) + 1)}, BODY),
        (right, BODY + b" "),
        (signed_headers(new_secret(), "msg_1", int(time.time()), BODY), BODY),
        (signed_headers(secret, "msg_1", int(time.time()) - 3600, BODY), BODY),
    ]
    for headers, body in changes:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


async def test_what_is_accepted_and_what_is_not() -> None:
    async with webhook_receiver(secret=new_secret()) as receiver:
        assert (await sent_to(receiver)).problem is None
        assert [one.payload for one in receiver.received] == [json.loads(BODY)]
        wrong = await sent_to(receiver, secret=new_secret())
        assert (wrong.http_status, wrong.problem and wrong.problem.kind) == (400, "REJECTED")
        kinds = {302: "REDIRECT", 401: "UNAUTHORIZED", 404: "NOT_FOUND", 410: "REJECTED"} | {
            429: "RATE_LIMITED",
            500: "SERVER_ERROR",
        }
        for status, kind in kinds.items():
            receiver.status, receiver.headers = status, {"Location": receiver.url, "Retry-After": "120"}
            attempt = await sent_to(receiver)
            assert attempt.problem is not None and attempt.problem.kind == kind
            assert attempt.is_gone is (status == 410)
            assert attempt.retry_after is not None and attempt.retry_after.total_seconds() == 120
        # One request each: no redirect was followed.
        assert len(receiver.received) == 1 + len(kinds)


async def _hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def _drip(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    while True:
        request.transport.write(b"H")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("answers", [_hang, _drip])
async def test_a_receiver_that_never_answers_is_left(answers: Callable[..., Any]) -> None:
    async with webhook_receiver(secret=new_secret(), answers=answers) as receiver:
        attempt = await sent_to(receiver, timeout_s=0.5)
    assert attempt.problem is not None
    assert attempt.problem.kind in ("TIMEOUT", "BAD_ANSWER")


async def test_an_endless_answer_is_not_read() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    async with webhook_receiver(secret=new_secret(), answers=endless) as receiver:
        assert (await sent_to(receiver)).problem is None


async def test_where_nothing_listens_and_where_nothing_may_be_sent() -> None:
    async with webhook_receiver() as receiver:
        pass
    refused = await send(Message("msg_1", receiver.url, BODY), new_secret())
    assert refused.problem is not None and refused.problem.kind == "REFUSED"
    # As a name may resolve: what is connected to is checked, whatever was checked when it was saved.
    forbidden = await send(Message("msg_1", "http://169.254.169.254/x", BODY), new_secret())
    assert forbidden.problem is not None and forbidden.problem.kind == "FORBIDDEN_ADDRESS"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "host",
        "http://",
        "http://user:password@host/",
        "http://host/#x",
        "http://host/?a b",
        "http://host/?a#b",
        "http://host/?a\n",
        "http://host/" + "x" * 2000,
        "http://host/?" + "x" * 2000,
        "http://169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_url(url)
    assert refusal.value.field == "url"


@pytest.mark.parametrize("url", ["https://host/a?key=b&c=d?", "http://127.0.0.1:1/", "http://10.0.0.1/"])
def test_addresses_that_are_taken(url: str) -> None:
    assert checked_url(url) == url
