"""The committed modules say what the .proto files say."""

import pathlib

import grpc_tools
import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from microtome.proto import config_pb2, result_pb2

PROTO_DIR = pathlib.Path(__file__).parents[2] / "proto"
MODULES = {"config": config_pb2, "result": result_pb2}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """File descriptors by name, of what protoc makes of the .proto files now."""
    out = tmp_path_factory.mktemp("descriptors") / "set.pb"
    status = protoc.main(
        [
            "protoc",
            f"--proto_path=microtome/proto={PROTO_DIR}",
            f"--proto_path={pathlib.Path(grpc_tools.__file__).parent / '_proto'}",
            f"--descriptor_set_out={out}",
            *(f"microtome/proto/{file.name}" for file in PROTO_DIR.glob("*.proto")),
        ]
    )
    assert status == 0
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    return {file.name: file for file in files}


def without_json_names(
    file: descriptor_pb2.FileDescriptorProto,
) -> descriptor_pb2.FileDescriptorProto:
    """A copy without JSON names, which protoc writes or leaves out, by its version."""
    copy = descriptor_pb2.FileDescriptorProto()
    copy.CopyFrom(file)
    stack = list(copy.message_type)
    while stack:
        message = stack.pop()
        stack.extend(message.nested_type)
        for field in message.field:
            field.ClearField("json_name")
    copy.ClearField("source_code_info")
    return copy


def test_every_proto_file_has_a_module(compiled):
    assert sorted(compiled) == sorted(module.DESCRIPTOR.name for module in MODULES.values())


@pytest.mark.parametrize("name", MODULES)
def test_module_matches_proto_file(compiled, name):
    committed = descriptor_pb2.FileDescriptorProto()
    MODULES[name].DESCRIPTOR.CopyToProto(committed)
    wanted = compiled[committed.name]
    assert without_json_names(committed) == without_json_names(wanted)


def test_comparison_sees_an_edit(compiled):
    name = config_pb2.DESCRIPTOR.name
    edited = descriptor_pb2.FileDescriptorProto()
    edited.CopyFrom(compiled[name])
    edited.message_type[0].field[0].number += 50
    assert without_json_names(edited) != without_json_names(compiled[name])


@pytest.mark.parametrize("name", MODULES)
def test_stub_has_every_message_and_field(name):
    stub = (PROTO_DIR / f"{name}_pb2.pyi").read_text()
    for message in MODULES[name].DESCRIPTOR.message_types_by_name.values():
        assert f"class {message.name}(" in stub
        for field in message.fields:
            assert f"{field.name.upper()}_FIELD_NUMBER" in stub
