"""What a TFX pipeline is given as its connection to ML Metadata, made of a path or a URL."""

from __future__ import annotations

import pathlib

import pytest

pytest.importorskip("ml_metadata")

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from microtome.errors import ConfigError
from microtome.tracking.stores import connection_config
from tests.tracking import servers


def test_a_file_is_made_by_who_opens_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "folder" / "runs.sqlite"
    config = connection_config(f"sqlite:///{path}")
    assert isinstance(config, metadata_store_pb2.ConnectionConfig)
    assert not path.exists()
    store = metadata_store.MetadataStore(config)
    assert store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model"))
    assert path.is_file()
    assert connection_config(path) == config


@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_a_url_names_all_of_a_server(scheme: str) -> None:
    server = servers.Server(scheme, 5433, process=None)  # type: ignore[arg-type]
    config = getattr(connection_config(server.url("flights")), scheme)
    assert (config.host, str(config.port), config.user) == (servers.HOST, "5433", servers.USER)
    assert {config.database if scheme == "mysql" else config.dbname} == {"flights"}
    assert not config.skip_db_creation


def test_a_grpc_server_may_send_messages_of_any_size() -> None:
    config = connection_config("grpc://metadata:8080")
    assert isinstance(config, metadata_store_pb2.MetadataStoreClientConfig)
    assert (config.host, config.port) == ("metadata", 8080)
    assert config.channel_arguments.max_receive_message_length == -1


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("postgresql://user:secret@host", "names no database"),
        ("postgres://user:secret@host/flights", "did you mean 'postgresql'"),
        ("sqlite://", "names no file"),
    ],
)
def test_what_is_no_store_is_refused(where: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        connection_config(where)
    assert "secret" not in str(caught.value)
