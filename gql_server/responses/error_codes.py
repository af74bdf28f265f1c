"""Every `extensions.code` that a client can meet in `errors`, and what it means.

Expected failures of mutations are data, with an `ErrorCode` of the contract; these are the codes of requests that
could not be answered. `python -m gql_server.responses.error_codes` prints the table of docs/errors.md.
"""

from __future__ import annotations

REQUEST = {
    "BAD_REQUEST": "The request is malformed, is no GraphQL request, or has a value that cannot be used.",
    "EXPECTATION_FAILED": "`Expect` asks for what this server does not do.",
    "METHOD_NOT_ALLOWED": "Another HTTP method is needed; `Allow` says which.",
    "NOT_ACCEPTABLE": "Nothing that `Accept` names can be answered with.",
    "UNSUPPORTED_MEDIA_TYPE": "The body is not JSON in UTF-8, or encoded in a way that is not undone here.",
    "CONTENT_TOO_LARGE": "The body is larger than this server reads.",
    "REQUEST_TIMEOUT": "The body did not arrive in time.",
    "MISDIRECTED_REQUEST": "The server does not answer to that `Host`.",
    "FORBIDDEN": "The origin may not talk to this server, or the token lacks a scope.",
    "UNAUTHORIZED": "A valid token is needed.",
    "TOO_MANY_REQUESTS": "Too many wrong tokens came from this address; `Retry-After` says how long to wait.",
    "TOO_MANY_STREAMS": "Too many websockets and event streams are open.",
    "TOO_MANY_OPERATIONS": "The websocket carries as many operations as it may.",
    "SUBSCRIPTIONS_TOO_LARGE": "Documents and variables of open subscriptions take as much memory as they may.",
    "TOO_MANY_EXPORTS": "As many exports as may be are running.",
    "FORMAT_NOT_INSTALLED": "An export: the server lacks the extra that this format needs.",
    "HTTP_VERSION_NOT_SUPPORTED": "An export: it needs HTTP/1.1.",
    "ANSWERS_UNREAD": "It was executed; too many large answers wait to be read, by this client or by all.",
    "UNPROCESSABLE_ENTITY": "A page: the session file cannot be read.",
    "NOT_FOUND": "There is nothing at this address: no page, no file, no such execution or export.",
    "SERVICE_UNAVAILABLE": "A page: the database cannot be reached now.",
}

DOCUMENT = {
    "GRAPHQL_PARSE_FAILED": "The document is not GraphQL.",
    "GRAPHQL_VALIDATION_FAILED": "The document does not fit the schema.",
    "OPERATION_RESOLUTION_FAILURE": "There is no operation of that name, or several and no name.",
    "BAD_USER_INPUT": "The variables do not fit what the operation declares.",
    "LIMIT_EXCEEDED": "The document is larger, deeper or more expensive than this server executes.",
    "PERSISTED_QUERY_NOT_FOUND": "No trusted document has this hash; send the document.",
    "DOCUMENT_NOT_TRUSTED": "This server executes trusted documents only, and this is none.",
    "OPERATION_TIMEOUT": "The operation took too long and was cancelled.",
}

FIELD = {
    "ANSWER_TOO_LARGE": "The operation was executed; its answer is larger than this server sends.",
    "INVALID_ID": "An argument is not an id of the kind that is asked for.",
    "INVALID_CURSOR": "A cursor is of another list, or of a history that is not here: read anew what you show.",
    "INVALID_FILTER": "A filter contradicts where it stands, or is longer than it may be.",
    "INVALID_ARGUMENT": "An argument has a value that cannot be used.",
    "INVALID_TIME": "A time cannot be represented.",
    "PAGE_SIZE": "A page is larger than there are, or asked for from both ends.",
    "EXECUTION_NOT_FOUND": "There is no such execution to watch.",
    "IMPORT_NOT_FOUND": "This server carries out no such import of a reev database.",
    "AGENT_NOT_FOUND": "There is no agent of this name.",
    "BENCHMARK_NOT_FOUND": "There is no such benchmark, or it is archived.",
    "BATCH_NOT_FOUND": "There is no such batch.",
    "NO_ATTEMPTS": "A set to compare has no attempts.",
    "RESULT_UNREADABLE": "The session file of the execution cannot be read.",
    "SERVER_BUSY": "The database has no connection free, or others were in the way; try again.",
    "DATABASE_UNAVAILABLE": "The database cannot be reached, or takes no writes now; try again.",
    "INTERNAL": "Our fault; `errorId` is in the server's log with all there is to know.",
}

REST = {
    "INVALID_INPUT": "A member, a parameter or a header has a value that cannot be used.",
    "INVALID_BENCHMARK": "The text is not a benchmark definition.",
    "BENCHMARK_IN_FILE": "A sync would undo the change: the benchmark's file says otherwise.",
    "BENCHMARKS_DIRECTORY": "The benchmarks directory cannot be read; nothing was changed.",
    "AGENT_CONFIG_NOT_FOUND": "Nothing is saved for this agent.",
    "SECRET_KEY": "The server's secret key is missing, cannot be read, or is another one.",
    "EXECUTION_ALREADY_ENDED": "The execution had ended before; nothing was changed.",
    "EXECUTION_NOT_OURS": "Its runner was started elsewhere and cannot be stopped here.",
    "IDEMPOTENCY_CONFLICT": "The `Idempotency-Key` was used before, with other input.",
    "NOT_IMPLEMENTED": "The old server had this route; what it did is not done here.",
    "ROUTE_REMOVED": "The old server had this route; the message says what to use instead.",
    "REST_SWITCHED_OFF": "The server was started without `REEV_GQL_REST`.",
}
"""Codes that only routes below /api/v1 answer with, as `error`; they answer with the others too."""

CODES = {**REQUEST, **DOCUMENT, **FIELD, **REST}


def markdown() -> str:
    """The tables of docs/errors.md."""
    parts = (
        ("The request could not be read, or may not be made", REQUEST),
        ("The document was not executed", DOCUMENT),
        ("A field could not be answered", FIELD),
        ("Below `/api/v1` alone", REST),
    )
    return "\n".join(
        f"### {title}\n\n| code | meaning |\n|---|---|\n"
        + "".join(f"| `{code}` | {meaning} |\n" for code, meaning in table.items())
        for title, table in parts
    )


if __name__ == "__main__":
    print(markdown(), end="")
