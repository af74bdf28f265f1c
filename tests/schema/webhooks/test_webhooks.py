"""Webhooks over GraphQL: the secret is told once, and everything wrong is data."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import strawberry

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.context import Context
from schema.contract.permissions import Principal, Scope
from store.executions import state_machine
from store.postgres.database import Database
from tests.helpers.statements import statements_sent
from tests.helpers.stored_rows import ending, running
from tests.helpers.webhook_receiver import webhook_receiver

SAVE = """
mutation ($input: SaveWebhookInput!) {
  saveWebhook(input: $input) {
    __typename
    ... on SaveWebhookSuccess { secret webhook { id url events pending disabledAt lastError } }
    ... on InvalidInputError { field }
    ... on Error { message code }
  }
}
"""
TEST = """
mutation ($id: ID!) {
  testWebhook(input: {id: $id}) {
    __typename
    ... on TestWebhookSuccess { ok url latencyMs httpStatus problem { kind message } }
    ... on Error { message code }
  }
}
"""
DELETE = (
    "mutation ($id: ID!) { deleteWebhook(input: {id: $id}) { __typename ... on Error { message code } } }"
)
WEBHOOKS = "{ webhooks { id url events createdAt pending deliveredAt failingSince lastError disabledAt } }"


@pytest.fixture
def runner(runner: RunnerConfig, tmp_path: Path) -> RunnerConfig:
    return replace(runner, secret_key=SecretKey(file=tmp_path / "secret.key"))


async def test_the_secret_is_told_once_and_stored_encrypted(db: Database, ask: Any) -> None:
    url = "https://ci.example.org/hook?job=7"
    made = (await ask(SAVE, input={"url": url}))["saveWebhook"]
    secret, webhook = made["secret"], made["webhook"]
    assert secret.startswith("whsec_")
    assert (webhook["url"], webhook["events"]) == (url, ["EXECUTION_ENDED", "BATCH_ENDED"])
    changed = {"id": webhook["id"], "events": ["BATCH_ENDED", "BATCH_ENDED"]}
    saved = (await ask(SAVE, input=changed))["saveWebhook"]
    assert (saved["secret"], saved["webhook"]["url"]) == (None, url)
    assert saved["webhook"]["events"] == ["BATCH_ENDED"]
    listed = await ask(WEBHOOKS)
    assert [each["id"] for each in listed["webhooks"]] == [webhook["id"]]
    row = await db.fetchrow("SELECT encrypted_secret, webhooks::text AS whole FROM webhooks")
    assert secret not in str(listed) + str(saved) + row["whole"]
    assert secret.encode() not in row["encrypted_secret"]


async def test_what_waits_is_counted_in_one_statement(db: Database, ask: Any) -> None:
    for number in range(3):
        await ask(SAVE, input={"url": f"http://127.0.0.1:{number + 1}/"})
    await state_machine.finish(db, await running(db), ending())
    with statements_sent() as statements:
        listed = await ask(WEBHOOKS)
    assert [each["pending"] for each in listed["webhooks"]] == [1, 1, 1]
    assert len(statements) == 1


async def test_saving_enables_a_webhook_again(db: Database, ask: Any) -> None:
    webhook = (await ask(SAVE, input={"url": "http://127.0.0.1:1/"}))["saveWebhook"]["webhook"]
    await db.execute(
        "UPDATE webhooks SET disabled_at = now(), failing_since = now(), last_error = 'HTTP 500'"
    )
    [disabled] = (await ask(WEBHOOKS))["webhooks"]
    assert disabled["disabledAt"] is not None and disabled["lastError"] == "HTTP 500"
    saved = (await ask(SAVE, input={"id": webhook["id"]}))["saveWebhook"]["webhook"]
    assert (saved["disabledAt"], saved["lastError"]) == (None, None)


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        ({}, "INVALID_INPUT", "url is missing"),
        ({"url": ""}, "INVALID_INPUT", "http://"),
        ({"url": "file:///etc/passwd"}, "INVALID_INPUT", "http://"),
        ({"url": "http://169.254.169.254/latest"}, "INVALID_INPUT", "169.254.169.254"),
        ({"url": "http://host/", "events": []}, "INVALID_INPUT", "at least one"),
        ({"id": str(uuid.uuid4()), "url": "http://host/"}, "WEBHOOK_NOT_FOUND", "webhooks list"),
        ({"id": "x\x00y"}, "WEBHOOK_NOT_FOUND", "webhooks list"),
    ],
)
async def test_what_cannot_be_saved_is_data(
    db: Database, ask: Any, given: dict[str, Any], code: str, word: str
) -> None:
    answer = (await ask(SAVE, input=given))["saveWebhook"]
    assert answer["code"] == code and word in answer["message"]
    assert await db.fetchval("SELECT count(*) FROM webhooks") == 0


async def test_only_administrators_see_them(schema: strawberry.Schema, context: Context) -> None:
    """An address may hold a secret of its receiver."""
    caller = replace(context, principal=Principal("somebody", Scope.RUN))
    for document in (WEBHOOKS, DELETE.replace("$id: ID!", '$id: ID! = "x"')):
        result = await schema.execute(document, context_value=caller)
        assert result.errors is not None and result.errors[0].extensions == {"code": "FORBIDDEN"}


async def test_a_secret_key_that_cannot_be_used_is_an_answer(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("readable by everybody, and long enough")
    answer = (await ask(SAVE, input={"url": "http://127.0.0.1:1/"}))["saveWebhook"]
    assert answer["code"] == "SECRET_KEY" and "chmod" in answer["message"]


async def test_a_test_message_is_signed_and_its_result_told(ask: Any) -> None:
    async with webhook_receiver() as receiver:
        made = (await ask(SAVE, input={"url": receiver.url}))["saveWebhook"]
        receiver.secret, webhook_id = made["secret"], made["webhook"]["id"]
        accepted = (await ask(TEST, id=webhook_id))["testWebhook"]
        assert (accepted["ok"], accepted["httpStatus"], accepted["url"]) == (True, 204, receiver.url)
        assert receiver.received[0].payload["type"] == "webhook.test"
        assert receiver.received[0].payload["data"] == {"webhookId": webhook_id}
        receiver.status = 500
        failed = (await ask(TEST, id=webhook_id))["testWebhook"]
    assert (failed["ok"], failed["problem"]["kind"]) == (False, "SERVER_ERROR")
    assert made["secret"] not in str(failed)
    assert (await ask(TEST, id=str(uuid.uuid4())))["testWebhook"]["code"] == "WEBHOOK_NOT_FOUND"


async def test_a_deleted_webhook_is_gone_with_what_waited(db: Database, ask: Any) -> None:
    webhook = (await ask(SAVE, input={"url": "http://127.0.0.1:1/"}))["saveWebhook"]["webhook"]
    await state_machine.finish(db, await running(db), ending())
    assert (await ask(DELETE, id=webhook["id"]))["deleteWebhook"]["__typename"] == "DeleteWebhookSuccess"
    assert (await ask(DELETE, id=webhook["id"]))["deleteWebhook"]["code"] == "WEBHOOK_NOT_FOUND"
    assert (await ask(WEBHOOKS))["webhooks"] == []
    assert await db.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
