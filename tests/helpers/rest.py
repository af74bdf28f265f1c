"""A client of /api/v1 that holds every answer against the OpenAPI document that the server itself gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.json_schema import check
from tests.helpers.site import Site


@dataclass
class RestAnswer:
    """An answer; `body` is its JSON, None where it has none."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class RestClient:
    """`seen` has the operations that were answered with a success."""

    site: Site
    document: dict[str, Any]
    seen: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    async def of(cls, site: Site) -> RestClient:
        async with site.client.get(f"{site.base}/api/v1/openapi.json") as response:
            return cls(site, await response.json())

    async def get(self, path: str, **headers: str) -> RestAnswer:
        return await self.ask("GET", path, None, headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> RestAnswer:
        return await self.ask("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> RestAnswer:
        """Asks below /api/v1, as the old page does: with the type of JSON even where there is no body."""
        sent = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        data = None if body is None else json.dumps(body)
        async with self.site.client.request(
            method, f"{self.site.base}/api/v1{path}", data=data, headers=sent
        ) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            answer = RestAnswer(
                response.status, response.headers, json.loads(text) if is_json else text or None
            )
        self._check(method, f"/api/v1{path.partition('?')[0]}", answer)
        return answer

    def _check(self, method: str, path: str, answer: RestAnswer) -> None:
        found = [
            (known, operations[method.lower()])
            for known, operations in self.document["paths"].items()
            if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path)
        ]
        if not found:
            schema: Any = {"$ref": "#/components/schemas/ErrorAnswer"}
            assert answer.status >= 400
            return check(answer.body, schema, self.document)
        known, operation = min(found, key=lambda one: one[0].count("{"))
        described = operation["responses"].get(str(answer.status))
        if described is None:
            assert answer.status >= 400, f"{method} {path}: {answer.status} is not in the document"
            described = operation["responses"]["default"]
        else:
            self.seen.add((method, known))
        if answer.status == 304:
            assert answer.body is None
        elif isinstance(answer.body, str):
            assert answer.headers["Content-Type"].partition(";")[0] in described["content"]
        else:
            check(answer.body, described["content"]["application/json"]["schema"], self.document)
        return None
