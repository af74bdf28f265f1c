"""Holds a value against a JSON Schema of an OpenAPI document. A keyword that it does not know is an error."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

TELLS_NOTHING = {"title", "description", "default", "examples"}
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class Mismatch(Exception):
    """The value is not what the schema says; the message begins with its place."""


def check(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any], place: str = "$") -> None:
    """Raises Mismatch, or NotImplementedError for a keyword that is not known here."""
    for keyword, wanted in schema.items():
        match keyword:
            case "$ref":
                target: Any = document
                for part in wanted.removeprefix("#/").split("/"):
                    target = target[part]
                check(value, target, document, place)
            case "type":
                is_bool = isinstance(value, bool) and wanted != "boolean"
                _require(isinstance(value, TYPES[wanted]) and not is_bool, place, f"{value!r} is no {wanted}")
            case "anyOf":
                _check_any(value, wanted, document, place)
            case "const":
                _require(value == wanted, place, f"{value!r} is not {wanted!r}")
            case "enum":
                _require(value in wanted, place, f"{value!r} is none of {wanted}")
            case "minimum":
                _require(value >= wanted, place, f"{value} is below {wanted}")
            case "maximum":
                _require(value <= wanted, place, f"{value} is above {wanted}")
            case "format" if wanted == "date-time":
                _require(dt.datetime.fromisoformat(value).tzinfo is not None, place, "a time without a zone")
            case "items":
                for index, item in enumerate(value):
                    check(item, wanted, document, f"{place}[{index}]")
            case "required":
                missing = set(wanted) - value.keys()
                _require(not missing, place, f"{missing} are missing")
            case "properties":
                for name, part in wanted.items():
                    if name in value:
                        check(value[name], part, document, f"{place}.{name}")
            case "additionalProperties" if wanted is False:
                more = value.keys() - schema["properties"].keys()
                _require(not more, place, f"{more} are not in the document")
            case _ if keyword not in TELLS_NOTHING:
                raise NotImplementedError(f"{place}: {keyword}")


def _check_any(value: Any, schemas: list[Mapping[str, Any]], document: Mapping[str, Any], place: str) -> None:
    reasons = []
    for one in schemas:
        try:
            return check(value, one, document, place)
        except (Mismatch, TypeError, AttributeError) as error:
            reasons.append(str(error))
    raise Mismatch(f"{place}: {'; '.join(reasons)}")


def _require(holds: bool, place: str, what: str) -> None:
    if not holds:
        raise Mismatch(f"{place}: {what}")
