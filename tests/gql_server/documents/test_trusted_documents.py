"""Trusted documents: by hash or in full, over every transport; in trusted-only mode nothing else runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gql_server.documents.trusted_documents import (
    ManifestError,
    TrustedDocuments,
    own_documents,
    read_manifest,
    sha256_of,
)
from tests.helpers.command_line import cli
from tests.helpers.site import MakeSite, Site

OURS = "query Ours { health { status } }"
OTHER = "query Other { health { status } }"


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return written(tmp_path / "manifest.json", {f"sha256:{sha256_of(OURS)}": OURS})


async def outcome(site: Site, fields: dict[str, Any]) -> str:
    """The code of the first error, else OK."""
    async with site.client.post(f"{site.base}/graphql", json=fields) as response:
        answer = await response.json()
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "OK"


async def over_socket(site: Site, fields: dict[str, Any]) -> str:
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": fields})
        await socket.receive_json()
        answer = await socket.receive_json()
        return "OK" if answer["type"] == "next" else str(answer["payload"][0]["extensions"]["code"])


def persisted(digest: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


async def test_in_trusted_only_mode_nothing_else_runs(make_site: MakeSite, manifest: Path) -> None:
    site = await make_site(trusted_documents=manifest, trusted_only=True)
    ours, other = sha256_of(OURS), sha256_of(OTHER)
    for fields, expected in (
        ({"documentId": f"sha256:{ours}"}, "OK"),
        ({"documentId": ours.upper()}, "OK"),
        (persisted(ours), "OK"),
        ({"query": OURS}, "OK"),
        ({"query": OURS, **persisted(ours)}, "OK"),
        ({"query": OTHER}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": OURS + " "}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": "{ __schema { types { name } } }"}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": OTHER, **persisted(other)}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": OTHER, **persisted(ours)}, "BAD_REQUEST"),
        ({"documentId": other}, "PERSISTED_QUERY_NOT_FOUND"),
        (persisted(other), "PERSISTED_QUERY_NOT_FOUND"),
    ):
        assert await outcome(site, fields) == expected, fields
        assert await over_socket(site, fields) == expected, fields
    params = {"documentId": ours}
    async with site.client.get(f"{site.base}/graphql", params=params) as response:
        assert (await response.json())["data"]["health"]["status"] == "OK"


async def test_hashes_work_beside_other_documents_in_the_usual_mode(
    make_site: MakeSite, manifest: Path
) -> None:
    site = await make_site(trusted_documents=manifest)
    assert await outcome(site, {"documentId": sha256_of(OURS)}) == "OK"
    # Apollo's clients first send the hash, and the document when they are told that it is not known.
    digest = sha256_of(OTHER)
    assert await outcome(site, persisted(digest)) == "PERSISTED_QUERY_NOT_FOUND"
    assert await outcome(site, {"query": OTHER, **persisted(digest)}) == "OK"


async def test_our_command_line_works_where_only_trusted_documents_run(
    make_site: MakeSite, tmp_path: Path
) -> None:
    site = await make_site(trusted_only=True)
    url = ("--url", f"{site.base}/graphql")
    for command in (("list", "benchmarks"), ("sync", "--json"), ("list", "agents")):
        finished = await cli(*command, *url, cwd=tmp_path)
        assert finished.code == 0, finished.err


def test_our_own_documents_are_many_and_each_is_known_by_its_hash() -> None:
    documents = own_documents()
    assert len(documents) > 15
    assert all(sha256_of(document) == digest for digest, document in documents.items())
    trusted = TrustedDocuments(lambda: documents, only=True)
    assert all(trusted.source(document, None) == document for document in documents.values())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "not a JSON object"),
        ({sha256_of(OURS): OTHER}, "not the SHA-256"),
        ({sha256_of(OURS): 5}, "not the SHA-256"),
        ({sha256_of("{"): "{"}, "no GraphQL document"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        read_manifest(written(tmp_path / "m.json", content))
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "missing.json")
