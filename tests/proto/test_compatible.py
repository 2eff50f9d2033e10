"""What Microtome's messages have in common with TFMA's is the same on the wire and in JSON."""

import pytest
from google.protobuf import descriptor

from microtome.proto import config_pb2, result_pb2

tfma_config = pytest.importorskip("tensorflow_model_analysis.proto.config_pb2")
tfma_metrics = pytest.importorskip("tensorflow_model_analysis.proto.metrics_for_slice_pb2")
tfma_validation = pytest.importorskip("tensorflow_model_analysis.proto.validation_result_pb2")

OURS_FROM = 100
PAIRS = [(config_pb2, tfma_config), (result_pb2, tfma_metrics), (result_pb2, tfma_validation)]
# Read by no release that reads what Microtome writes.
LEFT_OUT = {"EvalConfigAndVersion"}


def type_name(field: descriptor.FieldDescriptor) -> str:
    """The type's name without its package."""
    of = field.message_type or field.enum_type
    return of.full_name.replace("tensorflow_model_analysis.", "microtome.") if of else ""


def fields(message: descriptor.Descriptor) -> dict[str, tuple]:
    return {
        field.name: (
            field.number,
            field.type,
            field.label,
            field.json_name,
            type_name(field),
            field.containing_oneof.name if field.containing_oneof else None,
        )
        for field in message.fields
        if field.number < OURS_FROM
    }


def enums(message: descriptor.Descriptor) -> dict[str, dict[str, int]]:
    return {enum.name: {v.name: v.number for v in enum.values} for enum in message.enum_types}


def all_messages(messages):
    for message in messages:
        yield message
        yield from all_messages(message.nested_types)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_messages_have_the_same_fields(ours, theirs):
    mine = {
        message.full_name: message
        for message in all_messages(ours.DESCRIPTOR.message_types_by_name.values())
    }
    compared = 0
    for message in all_messages(theirs.DESCRIPTOR.message_types_by_name.values()):
        if message.name in LEFT_OUT:
            continue
        our = mine[message.full_name.replace("tensorflow_model_analysis.", "microtome.")]
        assert fields(our) == fields(message), message.full_name
        assert enums(our) == enums(message), message.full_name
        compared += 1
    assert compared >= 5
