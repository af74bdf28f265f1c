"""JSON read exactly: no NaN, no duplicate keys, no number that changes its value, bounded depth and size.

The normal case is fast: orjson parses, and when writing the result gives the input back byte for byte
(compact or with serde's two-space indent), nothing can have been lost. Everything else goes through the
standard library with hooks that refuse; a refusal is then explained with the byte offset of the fault. NUL
and lone surrogates in strings are JSON and are kept; the store escapes them.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import orjson

from runner_bridge.formats.errors import FormatError, shown

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 128
MAX_INT_DIGITS = 128


class _Refused(Exception):
    """The standard parser met something that JSON allows and we do not."""


def load_json(data: bytes, source: str, *, max_bytes: int = MAX_BYTES) -> object:
    """The JSON value in `data`; FormatError with the byte offset when it is not exactly one."""
    if len(data) > max_bytes:
        raise FormatError(f"{len(data)} bytes are more than the {max_bytes} allowed", source=source)
    if not data.strip():
        raise FormatError("the file is empty" if not data else "the file is blank", source=source, offset=0)
    found, value = _load_canonical(data)
    if not found:
        value = _load_checked(data, source)
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and is_deeper(value, MAX_DEPTH):
        _explain(data.decode(), source, f"nested deeper than {MAX_DEPTH} levels")
    return value


def _load_canonical(data: bytes) -> tuple[bool, object]:
    try:
        value = orjson.loads(data)
        written = orjson.dumps(value, option=orjson.OPT_INDENT_2 if data[1:2] == b"\n" else None)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False, None
    return written == data.rstrip(b"\r\n"), value


def _load_checked(data: bytes, source: str) -> object:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise FormatError(problem, source=source, offset=error.start) from None
    if text.startswith("\ufeff"):
        raise FormatError("not JSON: begins with a byte order mark", source=source, offset=0)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode("utf-8"))
        message = error.msg[:1].lower() + error.msg[1:]
        raise FormatError(f"not JSON: {message}", source=source, offset=offset) from None
    except (_Refused, RecursionError) as error:
        _explain(text, source, str(error))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _Refused("a key appears twice in one object")
    return built


def _integer(digits: str) -> int:
    if len(digits) > MAX_INT_DIGITS:
        raise _Refused(f"an integer has more than {MAX_INT_DIGITS} digits")
    return int(digits)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("a number is too big")
    return number


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def is_deeper(value: object, limit: int) -> bool:
    """Whether containers are nested more than `limit` deep; walks level by level, never recursing."""
    level = [value]
    for _ in range(limit):
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        level = [node for node in below if isinstance(node, dict | list)]
        if not level:
            return False
    return True


_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>[ \t\r\n]*:)?'
    r"|(?P<open>[\[{])|(?P<close>[\]}])"
    r"|(?P<word>-?(?:NaN|Infinity))|(?P<number>-?[0-9][-+0-9.eE]*)",
    re.DOTALL,
)


def _explain(text: str, source: str, otherwise: str) -> NoReturn:
    """Raises FormatError at the first thing in `text` that strictness refuses, found token by token."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        problem = _token_problem(token, keys)
        if problem:
            offset = len(text[: token.start()].encode("utf-8", "surrogatepass"))
            raise FormatError(problem, source=source, offset=offset)
    raise FormatError(otherwise, source=source)


def _token_problem(token: re.Match[str], keys: list[set[str]]) -> str | None:
    if token["open"]:
        keys.append(set())
        return f"nested deeper than {MAX_DEPTH} levels" if len(keys) > MAX_DEPTH else None
    if token["close"] and keys:
        keys.pop()
    elif token["word"]:
        return f"{token['word']} is not a JSON value"
    elif token["number"]:
        return _number_problem(token["number"])
    elif token["colon"] and keys:
        try:
            key = json.loads(token["string"])
        except ValueError:
            return "not JSON: malformed key"
        if key in keys[-1]:
            return f"key {shown(key)} appears twice in one object"
        keys[-1].add(key)
    return None


def _number_problem(text: str) -> str | None:
    if text.lstrip("-").isdigit():
        return f"an integer has more than {MAX_INT_DIGITS} digits" if len(text) > MAX_INT_DIGITS else None
    try:
        return None if math.isfinite(float(text)) else f"number {shown(text)} is too big"
    except ValueError:
        return None
