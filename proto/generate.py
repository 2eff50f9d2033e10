"""Generates the Python modules of the .proto files beside this script.

Run it after a change to a .proto file, in an environment of `requirements/proto.txt`. What
grpcio-tools 1.51.3 generates runs on protobuf 3.20.3, which TFX 1.15 needs, and on every later one
up to 6.
"""

from __future__ import annotations

import importlib.metadata
import pathlib
import sys

import grpc_tools
from grpc_tools import protoc

PROTO_DIR = pathlib.Path(__file__).resolve().parent
# Where the files stand for each other's imports: the import path of the generated modules.
VIRTUAL_DIR = "microtome/proto"
GENERATOR = "1.51.3"


def protoc_arguments(*outputs: str) -> list[str]:
    """Arguments that make protoc read every .proto file of this folder under its import path."""
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(PROTO_DIR.glob("*.proto"))
    return [
        "protoc",
        f"--proto_path={VIRTUAL_DIR}={PROTO_DIR}",
        f"--proto_path={well_known}",
        *outputs,
        *(f"{VIRTUAL_DIR}/{file.name}" for file in files),
    ]


def generate(into: pathlib.Path) -> list[pathlib.Path]:
    """Writes a module and a stub for each .proto file into a folder and returns their paths.

    protoc lays the files out by their import path, so they are moved up from there.
    """
    status = protoc.main(protoc_arguments(f"--python_out={into}", f"--pyi_out={into}"))
    if status != 0:
        raise SystemExit(f"protoc failed with status {status}")
    moved = []
    for file in sorted((into / VIRTUAL_DIR).iterdir()):
        moved.append(file.replace(into / file.name))
    (into / VIRTUAL_DIR).rmdir()
    (into / VIRTUAL_DIR).parent.rmdir()
    return moved


def main() -> None:
    """Generates into this folder, with the one version whose code runs everywhere."""
    version = importlib.metadata.version("grpcio-tools")
    if version != GENERATOR:
        raise SystemExit(
            f"grpcio-tools {version} is installed, {GENERATOR} is needed: "
            "run this in an environment of requirements/proto.txt"
        )
    for file in generate(PROTO_DIR):
        print(file.name, file=sys.stderr)


if __name__ == "__main__":
    main()
