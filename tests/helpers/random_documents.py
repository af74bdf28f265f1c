"""Documents made at random for any schema, valid and as tangled as they may be.

Fields are repeated, renamed, put into fragments with and without names and type conditions, and bound to
conditions; arguments are written out or come from variables, which have defaults, are left out, or are null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)

Pools = Mapping[str, Sequence[Any]]
"""Values for arguments and scalars, by `Type.field.argument`, by `argument`, or by the type's name."""

SCALARS: dict[str, Sequence[Any]] = {
    "Int": (0, 1, 2, 3),
    "Float": (0.5, 2),
    "String": ("", "text", "é\n"),
    "Boolean": (True, False),
    "ID": ("1", "x"),
}


@dataclass
class Asked:
    """A document and the variables it is sent with."""

    source: str
    variables: dict[str, Any]


@dataclass
class Maker:
    """Makes one document. `left_out` are fields whose values differ whenever they are asked for."""

    random: Random
    schema: GraphQLSchema
    pools: Pools = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    depth: int = 4
    fields_left: int = 40
    may_vary: bool = True
    definitions: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    fragments: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    fragment_names: int = 0
    texts: list[str] = field(default_factory=list)
    arguments: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def make(self, kind: str = "query") -> Asked:
        root = getattr(self.schema, f"{kind}_type")
        selections = self._selections(root, self.depth)
        definitions = ", ".join(f"${name}: {text}" for name, text in self.definitions.items())
        head = f"{kind} Made({definitions})" if definitions else kind
        return Asked("\n".join([f"{head} {selections}", *self.texts]), self.values)

    def selections(self, type_: str) -> str:
        """What to select of an object, without a variable."""
        self.may_vary = False
        return self._selections(self.schema.type_map[type_], self.depth, True)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _selections(self, type_: Any, depth: int, conditioned: bool = False) -> str:
        many = self.random.randint(1, 5) if self.fields_left > 0 else 1
        self.fields_left -= many
        parts = [self._part(type_, depth, conditioned) for _ in range(many)]
        if self._chance(0.2):
            parts.append(self.random.choice(parts))
        return "{ " + " ".join(parts) + " }"

    def _part(self, type_: Any, depth: int, conditioned: bool) -> str:
        dice = self.random.random()
        if dice < 0.1:
            return "__typename" + self._condition()
        depth = depth if self.fields_left > 0 else 1
        if (depth > 1 and dice < 0.3) or not hasattr(type_, "fields"):
            return self._fragment(type_, depth - 1)
        names = [
            name
            for name, definition in type_.fields.items()
            if f"{type_.name}.{name}" not in self.left_out
            and (depth > 1 or is_leaf_type(get_named_type(definition.type)))
        ]
        if not names:
            return "__typename"
        return self._field(type_, self.random.choice(names), depth, conditioned)

    def _field(self, type_: Any, name: str, depth: int, conditioned: bool) -> str:
        definition: GraphQLField = type_.fields[name]
        given = self._arguments(f"{type_.name}.{name}", definition)
        # What has another type or other arguments needs another name.
        key = f"{type_.name}_{name}" if conditioned else name
        if given:
            known = self.arguments.setdefault((type_.name, name, given), f"{key}_{len(self.arguments)}")
            key = known if known.startswith(key) else f"{key}_of_{known}"
        elif self._chance(0.15):
            key = f"{key}_again"
        below = ""
        named = get_named_type(definition.type)
        if is_composite_type(named):
            below = " " + self._selections(named, depth - 1)
        head = name if key == name else f"{key}: {name}"
        return f"{head}{given}{self._condition()}{below}"

    def _fragment(self, type_: Any, depth: int) -> str:
        on = type_
        if is_abstract_type(type_):
            possible = self.schema.get_possible_types(type_)
            on = self.random.choice([*possible, *([type_] if hasattr(type_, "fields") else [])])
        conditioned = on is not type_ or not is_abstract_type(on)
        if self.may_vary and self._chance(0.4):
            return f"...{self._named_fragment(on, depth, conditioned)}{self._condition()}"
        name = f" on {on.name}" if on is not type_ or self._chance(0.5) else ""
        return f"...{name}{self._condition()} {self._selections(on, depth, conditioned)}"

    def _named_fragment(self, on: Any, depth: int, conditioned: bool) -> str:
        known = self.fragments.setdefault((on.name, conditioned), [])
        if known and self._chance(0.4):
            return self.random.choice(known)
        self.fragment_names += 1
        name = f"F{self.fragment_names}"
        self.texts.append(f"fragment {name} on {on.name} {self._selections(on, depth, conditioned)}")
        # Known from here on only: a fragment must not be inside itself.
        known.append(name)
        return name

    def _condition(self) -> str:
        if not self._chance(0.15):
            return ""
        return f" @{self.random.choice(('skip', 'include'))}(if: {self._boolean()})"

    def _boolean(self) -> str:
        dice = self.random.random()
        if dice < 0.3 or not self.may_vary:
            return self.random.choice(("true", "false"))
        if dice < 0.6:
            self.definitions["always"] = "Boolean!"
            self.values.setdefault("always", self._chance(0.5))
            return "$always"
        if "sometimes" not in self.definitions:
            self.definitions["sometimes"] = "Boolean = " + self.random.choice(("true", "false"))
            if self._chance(0.6):
                self.values["sometimes"] = self.random.choice((True, True, False, False, None))
        return "$sometimes"

    def _arguments(self, where: str, definition: GraphQLField) -> str:
        given = {
            name: self._argument(f"{where}.{name}", name, argument)
            for name, argument in definition.args.items()
            if is_required_argument(argument) or self._chance(0.4)
        }
        return "(" + ", ".join(f"{name}: {text}" for name, text in given.items()) + ")" if given else ""

    def _argument(self, where: str, name: str, argument: GraphQLArgument) -> str:
        value = self._value(argument.type, where, name)
        if not (self.may_vary and self._chance(0.4)):
            return _literal(value, argument.type)
        variable = f"v{len(self.definitions)}"
        self.definitions[variable] = str(argument.type)
        if not is_non_null_type(argument.type) and self._chance(0.3):
            self.definitions[variable] += " = " + _literal(value, argument.type)
        if is_required_argument(argument) or self._chance(0.7):
            self.values[variable] = value
        return f"${variable}"

    def _value(self, type_: Any, where: str, name: str) -> Any:
        if is_non_null_type(type_):
            return self._value(type_.of_type, where, name)
        pool = self.pools.get(where) or self.pools.get(name)
        if pool is not None:
            return self.random.choice(pool)
        if is_list_type(type_):
            return [self._value(type_.of_type, where, name) for _ in range(self.random.randint(0, 2))]
        if is_input_object_type(type_):
            return {
                key: self._value(below.type, f"{type_.name}.{key}", key)
                for key, below in type_.fields.items()
                if is_non_null_type(below.type) or self._chance(0.2)
            }
        if is_enum_type(type_):
            return self.random.choice([*type_.values])
        return self.random.choice(self.pools.get(type_.name) or SCALARS[type_.name])


def _literal(value: Any, type_: Any) -> str:
    if is_non_null_type(type_):
        return _literal(value, type_.of_type)
    if value is None:
        return "null"
    if is_list_type(type_):
        items = value if isinstance(value, list) else [value]
        return "[" + ", ".join(_literal(item, type_.of_type) for item in items) + "]"
    if is_input_object_type(type_):
        fields = (f"{key}: {_literal(below, type_.fields[key].type)}" for key, below in value.items())
        return "{" + ", ".join(fields) + "}"
    if is_enum_type(type_):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)
