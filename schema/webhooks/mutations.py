"""Mutations on webhooks: saved, deleted, and tested with a request."""

from typing import Annotated

import strawberry

from runner_bridge.errors import InvalidInput, SecretKeyError, WebhookNotFound
from runner_bridge.webhooks import managing
from schema.agents.mutations import ConnectionProblem, SecretKeyUnusableError
from schema.contract.context import Info
from schema.contract.enums import WebhookEvent
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.contract.ids import parse_execution_id
from schema.webhooks.webhook import Webhook
from store.webhooks import webhooks as stored
from store.webhooks.webhooks import WebhookId


@strawberry.type(description="There is no webhook of this id.")
class WebhookNotFoundError(Error):
    pass


@strawberry.input(description="A new webhook without `id`; else what is left out or null stays as it is.")
class SaveWebhookInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="Which webhook to change. It is enabled again if it was disabled."
    )
    url: str | None = strawberry.field(
        default=None,
        description="Where requests are sent: http or https, without user and password. A new webhook needs it.",
    )
    events: list[WebhookEvent] | None = strawberry.field(
        default=None,
        description="What it is told of; a new webhook is told of everything when nothing is given.",
    )


@strawberry.input(description="Which webhook to delete.")
class DeleteWebhookInput:
    id: strawberry.ID = strawberry.field(description="Its UUID.")


@strawberry.input(description="Which webhook to test.")
class TestWebhookInput:
    id: strawberry.ID = strawberry.field(description="Its UUID.")


@strawberry.type(description="The webhook is stored; it is told of what ends from now on.")
class SaveWebhookSuccess:
    webhook: Webhook = strawberry.field(description="The webhook as it is now.")
    secret: str | None = strawberry.field(
        description="What its requests are signed with, for the receiver: `whsec_…`. Only here, and only of a new "
        "webhook; null otherwise."
    )


@strawberry.type(description="The webhook was deleted, with what it had not been told.")
class DeleteWebhookSuccess:
    id: strawberry.ID = strawberry.field(description="The webhook that was deleted.")


@strawberry.type(description="A signed message of type `webhook.test` was sent; `ok` says how it went.")
class TestWebhookSuccess:
    ok: bool = strawberry.field(description="Whether the receiver accepted it.")
    url: str = strawberry.field(description="Where it was sent.")
    latency_ms: int = strawberry.field(description="Milliseconds until the answer, or the end of trying.")
    http_status: int | None = strawberry.field(description="The HTTP status; null without an HTTP answer.")
    problem: ConnectionProblem | None = strawberry.field(description="What went wrong; null when `ok`.")


SaveWebhookResult = Annotated[
    SaveWebhookSuccess | WebhookNotFoundError | InvalidInputError | SecretKeyUnusableError,
    strawberry.union("SaveWebhookResult", description="The webhook, or why nothing was saved."),
]

DeleteWebhookResult = Annotated[
    DeleteWebhookSuccess | WebhookNotFoundError,
    strawberry.union("DeleteWebhookResult", description="The deletion, or that there was no such webhook."),
]

TestWebhookResult = Annotated[
    TestWebhookSuccess | WebhookNotFoundError | SecretKeyUnusableError,
    strawberry.union("TestWebhookResult", description="What the receiver did, or why nothing was sent."),
]


async def save_webhook(
    info: Info, input: Annotated[SaveWebhookInput, strawberry.argument(description="What to save.")]
) -> SaveWebhookResult:
    context = info.context
    try:
        if input.id is not None:
            changed = await managing.change(context.db, _id(input.id), input.url, input.events)
            return SaveWebhookSuccess(webhook=Webhook.of(changed), secret=None)
        if input.url is None:
            raise InvalidInput("url", "url is missing: a new webhook needs one")
        events = list(WebhookEvent) if input.events is None else input.events
        added, secret = await managing.add(context.db, context.runner.secret_key, input.url, events)
        return SaveWebhookSuccess(webhook=Webhook.of(added), secret=secret)
    except WebhookNotFound as error:
        return _not_found(error)
    except InvalidInput as error:
        return InvalidInputError.of(error.field, str(error))
    except SecretKeyError as error:
        return SecretKeyUnusableError(message=str(error), code=ErrorCode.SECRET_KEY)


async def delete_webhook(
    info: Info, input: Annotated[DeleteWebhookInput, strawberry.argument(description="Which.")]
) -> DeleteWebhookResult:
    try:
        if not await stored.delete(info.context.db, _id(input.id)):
            raise managing.not_found(input.id)
    except WebhookNotFound as error:
        return _not_found(error)
    return DeleteWebhookSuccess(id=input.id)


async def test_webhook(
    info: Info, input: Annotated[TestWebhookInput, strawberry.argument(description="Which.")]
) -> TestWebhookResult:
    context = info.context
    try:
        url, attempt = await managing.test(context.db, context.runner.secret_key, _id(input.id))
    except WebhookNotFound as error:
        return _not_found(error)
    except SecretKeyError as error:
        return SecretKeyUnusableError(message=str(error), code=ErrorCode.SECRET_KEY)
    problem = attempt.problem
    return TestWebhookSuccess(
        ok=problem is None,
        url=url,
        latency_ms=attempt.latency_ms,
        http_status=attempt.http_status,
        problem=None if problem is None else ConnectionProblem(kind=problem.kind, message=problem.message),
    )


def _id(text: str) -> WebhookId:
    """Raises WebhookNotFound."""
    parsed = parse_execution_id(text)
    if parsed is None:
        raise managing.not_found(f"{text[:80]!r}")
    return WebhookId(parsed)


def _not_found(error: WebhookNotFound) -> WebhookNotFoundError:
    return WebhookNotFoundError(message=str(error), code=ErrorCode.WEBHOOK_NOT_FOUND)
