"""A benchmark definition: what is set up, what the agent is asked, and the ground truth.

Tolerant where files in the wild are (unknown keys, unknown assertion types and missing amounts are kept, and
named in `remarks`), exact otherwise: a FormatError has file, line and column. `definition` is the file's own
tree; nothing in it is dropped or changed.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from runner_bridge.formats.benchmarks.ground_truth import (
    AddressDerivation,
    Assertion,
    ExpectedAccount,
    ExpectedInstruction,
    GroundTruth,
)
from runner_bridge.formats.benchmarks.remarks import Remark, remarks_on
from runner_bridge.formats.errors import FormatError, path_text
from runner_bridge.formats.ids import check_id
from runner_bridge.formats.models import Lamports, Model, Path, Tuple, first_problem
from runner_bridge.formats.strict_json import load_json

__all__ = [
    "AccountData",
    "AddressDerivation",
    "Assertion",
    "Benchmark",
    "ExpectedAccount",
    "ExpectedInstruction",
    "FlowStep",
    "GroundTruth",
    "InitialAccount",
    "Remark",
    "parse_benchmark",
]

DYNAMIC = "dynamic"
STATIC = "static"


def _as_account_data(value: Any) -> Any:
    """Old files hold the data as a JSON text, and the amount as a number."""
    if isinstance(value, str):
        try:
            value = load_json(value.encode("utf-8", "surrogatepass"), "data")
        except FormatError as error:
            raise ValueError(f"must be a map, or the JSON text of one ({error.message})") from None
    if isinstance(value, dict) and type(value.get("amount")) is int:
        value = {**value, "amount": str(value["amount"])}
    return value


def _none_as_empty(value: Any) -> Any:
    return () if value is None else value


class AccountData(Model):
    """A token account to set up. The first three are there when it is one; `amount` is decimal, in base units."""

    mint: str | None = None
    owner: str | None = None
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = None
    memo_required: bool = False
    """Whether Token-2022 lets tokens in only right after a memo. Ours, not upstream's."""


class InitialAccount(Model):
    """An account as it stands before the agent acts; `pubkey` is a placeholder or an address."""

    pubkey: str
    owner: str
    lamports: Lamports | None = None
    data: Annotated[AccountData | None, BeforeValidator(_as_account_data)] = None


class FlowStep(Model):
    """One step of a benchmark that prompts the agent several times; `timeout` in seconds."""

    step: Annotated[int, Field(ge=0, le=2**32 - 1)]
    description: str
    prompt: str
    critical: bool = False
    timeout: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    depends_on: Tuple[str] = ()


class Benchmark(Model):
    """A benchmark definition. `flow_type` is the effective one: the tag `dynamic` decides before the key."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    id: str
    description: str
    prompt: str
    tags: Tuple[str]
    flow_type: str = STATIC
    initial_state: Tuple[InitialAccount]
    flow: Annotated[Tuple[FlowStep], BeforeValidator(_none_as_empty)] = ()
    ground_truth: GroundTruth
    definition: Any
    remarks: Tuple[Remark] = ()
    source_text: str
    content_hash: str

    @property
    def is_dynamic(self) -> bool:
        return self.flow_type == DYNAMIC

    @property
    def is_flow(self) -> bool:
        return bool(self.flow)


_KEYS = ("id", "description", "prompt", "tags", "flow_type", "initial_state", "flow", "ground_truth")


def parse_benchmark(data: bytes, source: str) -> Benchmark:
    """The benchmark in a YAML file; `source` is the file's name, for errors and remarks."""
    # Servers and workers that find all definitions parsed never import a reader of YAML.
    from runner_bridge.formats.strict_yaml import decode_text, load_yaml

    tree = load_yaml(data, source)
    if not isinstance(tree, dict):
        raise FormatError("not a benchmark: the file must be a map of keys", source=source, line=1, column=1)
    fields = _pick(tree, _KEYS)
    if DYNAMIC in _list(tree.get("tags")):
        fields["flow_type"] = DYNAMIC
    fields["definition"] = tree
    fields["remarks"] = remarks_on(tree, source)
    fields["source_text"] = decode_text(data, source)
    fields["content_hash"] = hashlib.sha256(data).hexdigest()
    try:
        benchmark = Benchmark.model_validate(fields)
        check_id(benchmark.id, "benchmark id")
    except ValidationError as error:
        path, message = first_problem(error)
        if message == "must be a text":
            message += "; put it in quotes"
        raise _error_at(data, source, path, f"not a benchmark: {path_text(path)} {message}") from None
    except FormatError as error:
        raise _error_at(data, source, ("id",), error.message) from None
    return benchmark


def _pick(raw: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: raw[key] for key in keys if key in raw}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _error_at(data: bytes, source: str, path: Path, message: str) -> FormatError:
    from runner_bridge.formats.strict_yaml import load_yaml_document

    # Reading once more costs only the failing file; recording places always would cost every file.
    line, column = load_yaml_document(data, source, with_places=True).locate(path) or (1, 1)
    return FormatError(message, source=source, line=line, column=column)
