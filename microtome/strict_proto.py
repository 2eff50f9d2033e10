"""Reads messages strictly from what users write: what is not understood is named, with its path.

protobuf's own parsers either drop an unknown field or do not say where it stood.
"""

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf import json_format, text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from microtome.errors import ConfigError

try:
    from google.protobuf import unknown_fields
except ImportError:  # protobuf 3
    unknown_fields = None


M = TypeVar("M", bound=Message)

_WRAPPERS = "google.protobuf."
_KINDS = {
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_STRING: "a string",
    FieldDescriptor.CPPTYPE_INT32: "an integer of 32 bits",
    FieldDescriptor.CPPTYPE_INT64: "an integer of 64 bits",
    FieldDescriptor.CPPTYPE_FLOAT: "a number",
    FieldDescriptor.CPPTYPE_DOUBLE: "a number",
}
_TEXT_ERROR = re.compile(
    r"^(?P<place>\d+:\d+) : .*?(?:Message|Enum) type \"(?P<type>[\w.]+)\" "
    r"has no (?:field named|value named) \"?(?P<name>\w+)",
    re.DOTALL,
)


def parse_message(source: object, message_class: type[M]) -> M:
    """Reads one message from any of the forms in which users hold it.

    Args:
        source: A message of this class; a message of another class of the same name (such as
            TFMA's), which is taken by its fields' numbers; a mapping as in proto3 JSON, with
            camelCase or snake_case names; a string of JSON or of the protobuf text format; bytes of
            such a string or of a serialized message.
        message_class: The class wanted.

    Returns:
        A new message.

    Raises:
        ConfigError: Something in the source is unknown or of a wrong type.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, message_class)
    if isinstance(source, str):
        return _from_text(source, message_class)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(source), message_class)
    if hasattr(source, "SerializeToString") and hasattr(source, "DESCRIPTOR"):
        return _from_message(source, message_class)
    raise ConfigError(
        f"{_name(message_class)} cannot be read from {_shown(source)}. "
        "Give a message, a mapping, a string of JSON or text proto, or serialized bytes."
    )


def without_field(message: M, name: str) -> M:
    """A copy of a message with one of its fields unset."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.ClearField(name)
    return copy


def without_fields_from(message: M, number: int) -> M:
    """A copy of a message without its fields of this number and above, at every depth."""
    copy = type(message)()
    copy.CopyFrom(message)
    _clear_from(copy, number)
    return copy


def walk(message: Message) -> Iterator[tuple[str, str, Any]]:
    """Every field that is set, parents before children.

    Yields:
        The field's path without indices (`slicing_specs.feature_keys`), its path with indices
        (`slicing_specs[0].feature_keys`), and its value.
    """
    for field, value in message.ListFields():
        name = field.name
        yield name, name, value
        for place, inner in _inner_messages(field, value):
            for path, indexed, inner_value in walk(inner):
                yield f"{name}.{path}", f"{place}.{indexed}", inner_value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the known name nearest to a wrong one; empty where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def _name(message_class: type[Message]) -> str:
    name: str = message_class.DESCRIPTOR.name
    return name


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({type(value).__name__})"


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_repeated(field: FieldDescriptor) -> bool:
    # FieldDescriptor.label is deprecated in protobuf 6, is_repeated unknown to 3.20
    is_repeated = getattr(field, "is_repeated", None)
    if is_repeated is None:
        return bool(field.label == FieldDescriptor.LABEL_REPEATED)
    return bool(is_repeated)


def _is_wrapper(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name.startswith(_WRAPPERS)


def _inner_messages(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Message]]:
    """The messages that a set field holds, with their places; wrappers count as plain values."""
    if field.message_type is None or _is_wrapper(field):
        return
    if _is_map(field):
        if field.message_type.fields_by_name["value"].message_type is not None:
            for key in value:
                yield f"{field.name}[{key!r}]", value[key]
    elif _is_repeated(field):
        for index, inner in enumerate(value):
            yield f"{field.name}[{index}]", inner
    else:
        yield field.name, value


def _clear_from(message: Message, number: int) -> None:
    for field, value in message.ListFields():
        if field.number >= number:
            message.ClearField(field.name)
            continue
        for _, inner in _inner_messages(field, value):
            _clear_from(inner, number)


# Messages and bytes


def _unknown_fields(message: Message) -> Any:
    if unknown_fields is None:
        return message.UnknownFields()
    return unknown_fields.UnknownFieldSet(message)


def _from_message(source: Any, message_class: type[M]) -> M:
    if source.DESCRIPTOR.name != _name(message_class):
        raise ConfigError(
            f"{_name(message_class)} was looked for, {source.DESCRIPTOR.full_name} was given."
        )
    return _decoded(source.SerializeToString(), message_class, source.DESCRIPTOR)


def _from_bytes(source: bytes, message_class: type[M]) -> M:
    try:
        return _decoded(source, message_class, message_class.DESCRIPTOR)
    except ConfigError:
        # No text is a message without unknown fields, so binary can be tried first.
        text = _as_text(source)
        if text is None:
            raise
    return _from_text(text, message_class)


def _as_text(source: bytes) -> str | None:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0e-\x1f]", text) else text


def _decoded(source: bytes, message_class: type[M], names: Descriptor) -> M:
    message = message_class()
    what = f"{len(source)} bytes are neither text nor a serialized {_name(message_class)}"
    # protobuf 3 only warns of bytes that it left unread
    with warnings.catch_warnings(record=True) as unread:
        warnings.simplefilter("always")
        try:
            message.ParseFromString(source)
        except (DecodeError, RuntimeError) as error:
            raise ConfigError(f"{what}: {error}") from error
    if unread:
        raise ConfigError(f"{what}: {unread[0].message}")
    unknown = list(_unknown_in(message, names, ""))
    if unknown:
        raise ConfigError(
            f"{_name(message_class)} has fields unknown to Microtome: {', '.join(unknown)}. "
            "They come from another program or a later version; remove them."
        )
    return message


def _unknown_in(message: Message, names: Descriptor | None, path: str) -> Iterator[str]:
    """Paths of unknown fields, named after the descriptor of the message that they came from."""
    for unknown in _unknown_fields(message):
        number = unknown.field_number
        known = names.fields_by_number.get(number) if names is not None else None
        yield path + (known.name if known is not None else f"field {number}")
    for field, value in message.ListFields():
        theirs = names.fields_by_number.get(field.number) if names is not None else None
        inner_names = theirs.message_type if theirs is not None else None
        if _is_map(field) and inner_names is not None:
            inner_names = inner_names.fields_by_name["value"].message_type
        for place, inner in _inner_messages(field, value):
            yield from _unknown_in(inner, inner_names, f"{path}{place}.")


# Strings


def _from_text(source: str, message_class: type[M]) -> M:
    if source.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return _from_json(source, message_class)
    message = message_class()
    try:
        text_format.Parse(source, message)
    except text_format.ParseError as error:
        raise ConfigError(_text_error(str(error), message_class)) from error
    except UnicodeError as error:
        raise ConfigError(f"{_name(message_class)}: {error}") from error
    return message


def _text_error(error: str, message_class: type[Message]) -> str:
    what = f"{_name(message_class)} (as text proto"
    found = _TEXT_ERROR.match(error)
    if not found:
        return f"{what}): {error}"
    line, column = found["place"].split(":")
    where = f"{what}, line {line}, column {column})"
    pool = message_class.DESCRIPTOR.file.pool
    if "has no value named" in error:
        enum = pool.FindEnumTypeByName(found["type"])
        return f"{where}: {_no_such_value(enum, found['name'])}"
    owner = pool.FindMessageTypeByName(found["type"])
    return f"{where}: {_no_such_field(owner, found['name'])}"


def _from_json(source: str, message_class: type[M]) -> M:
    try:
        parsed = json.loads(source.lstrip("\ufeff"), object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{_name(message_class)} is not JSON: {error}") from error
    if not isinstance(parsed, Mapping):
        raise ConfigError(f"{_name(message_class)}: expected a JSON object, got {_shown(parsed)}.")
    return _from_mapping(parsed, message_class)


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"The JSON has the name {twice!r} twice in one object.")
    return result


# Mappings


def _from_mapping(source: Mapping[Any, Any], message_class: type[M]) -> M:
    message = message_class()
    _fill(message, source, "", _name(message_class))
    return message


def _fill(message: Message, source: object, path: str, root: str) -> None:
    """Sets the fields of a message from a mapping by their names."""
    descriptor = message.DESCRIPTOR
    if not isinstance(source, Mapping):
        expected = f"expected the fields of {descriptor.name}"
        raise ConfigError(f"{root}: {path.rstrip('.')}: {expected}, got {_shown(source)}.")
    known = {field.json_name: field for field in descriptor.fields}
    known.update((field.name, field) for field in descriptor.fields)
    filled: dict[str, str] = {}
    for name, value in source.items():
        field = known.get(name)
        if field is None:
            raise ConfigError(f"{root}: {path}{name}: {_no_such_field(descriptor, str(name))}")
        if value is None:
            continue
        slot = field.containing_oneof.name if field.containing_oneof else field.name
        if slot in filled:
            raise ConfigError(f"{root}: {path}{name}: {filled[slot]} is set too; only one can be.")
        filled[slot] = name
        _set_field(message, field, value, path, root)


def _set_field(message: Message, field: FieldDescriptor, value: Any, path: str, root: str) -> None:
    place = f"{path}{field.name}"
    if _is_map(field):
        _require(isinstance(value, Mapping), place, "a mapping", value, root)
        inner = field.message_type.fields_by_name["value"].message_type
        if inner is not None:
            entries = getattr(message, field.name)
            for key, entry in value.items():
                _fill(entries[key], entry, f"{place}[{key!r}].", root)
            return
    elif _is_repeated(field):
        _require(_is_list(value), place, "a list", value, root)
        if field.message_type is not None:
            for index, entry in enumerate(value):
                _fill(getattr(message, field.name).add(), entry, f"{place}[{index}].", root)
            return
        value = list(value)
    elif field.message_type is not None and not _is_wrapper(field):
        inner_message = getattr(message, field.name)
        inner_message.SetInParent()
        _fill(inner_message, value, f"{place}.", root)
        return
    _set_plain(message, field, value, place, root)


def _set_plain(message: Message, field: FieldDescriptor, value: Any, place: str, root: str) -> None:
    """Sets scalars, lists and maps of scalars, and wrappers by protobuf's own JSON rules."""
    enum = field.enum_type
    if enum is not None and isinstance(value, str) and value not in enum.values_by_name:
        raise ConfigError(f"{root}: {place}: {_no_such_value(enum, value)}")
    try:
        json_format.ParseDict({field.json_name: value}, message)
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{root}: {place}: expected {_kind(field)}, got {_shown(value)}."
        ) from error


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _require(fits: bool, place: str, kind: str, value: object, root: str) -> None:
    if not fits:
        raise ConfigError(f"{root}: {place}: expected {kind}, got {_shown(value)}.")


def _kind(field: FieldDescriptor) -> str:
    if _is_map(field):
        key, value = field.message_type.fields
        return f"a mapping from {_kind(key)} to {_kind(value)}"
    if _is_wrapper(field):
        return _kind(field.message_type.fields_by_name["value"])
    if field.enum_type is not None:
        return "one of " + ", ".join(value.name for value in field.enum_type.values)
    kind = _KINDS.get(field.cpp_type, "another type")
    return f"a list, each {kind}" if _is_repeated(field) else kind


def _no_such_field(descriptor: Descriptor, name: str) -> str:
    names = [field.name for field in descriptor.fields]
    snake = re.sub(r"(?<=[a-z0-9])[A-Z]", lambda capital: f"_{capital[0]}", name).lower()
    hint = did_you_mean(snake, names)
    return f"{descriptor.name} has no field {name!r}.{hint} It has: {', '.join(names)}."


def _no_such_value(enum: Any, name: str) -> str:
    names = [value.name for value in enum.values]
    return (
        f"{enum.name} has no value {name!r}.{did_you_mean(name, names)} It has: {', '.join(names)}."
    )
