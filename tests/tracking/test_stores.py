"""Stores of every kind are opened, read and written; what is wrong with one is told."""

from __future__ import annotations

import base64
import os
import pathlib
import sqlite3
import subprocess
import sys

import pytest

pytest.importorskip("ml_metadata")

from google.protobuf import text_format, wrappers_pb2
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from microtome.errors import ConfigError
from microtome.tracking.stores import describe_store, open_store
from tests.tracking import servers

Store = metadata_store.MetadataStore
SECRETS = (servers.PASSWORD, "ss/w:rd", "p%40ss", "w%3Ard")


def run(store: Store, name: str = "run") -> metadata_store_pb2.Artifact:
    """Publishes one execution with an artifact that has custom properties of every kind."""
    type_id = store.put_artifact_type(
        metadata_store_pb2.ArtifactType(
            name="Evaluation", properties={"split": metadata_store_pb2.STRING}
        )
    )
    artifact = metadata_store_pb2.Artifact(type_id=type_id, uri=f"runs/{name}")
    artifact.state = artifact.LIVE
    artifact.properties["split"].string_value = "eval"
    custom = artifact.custom_properties
    custom["text"].string_value = "0.30000000000000004 é😀 'it''s' \"%s\"\n\t " + noise(2500)
    custom["tracked"].proto_value.Pack(wrappers_pb2.BytesValue(value=os.urandom(100_000)))
    custom["numbers"].struct_value["mean"] = 0.1 + 0.2
    custom["numbers"].struct_value.get_or_create_struct("back\\slash")["é"] = None
    custom["rows"].int_value = 2**31 - 1
    custom["coarse"].double_value = 0.5
    custom["blessed"].bool_value = True
    execution = metadata_store_pb2.Execution(
        type_id=store.put_execution_type(metadata_store_pb2.ExecutionType(name="Evaluator")),
        last_known_state=metadata_store_pb2.Execution.COMPLETE,
    )
    context = metadata_store_pb2.Context(
        type_id=store.put_context_type(metadata_store_pb2.ContextType(name="pipeline")), name=name
    )
    event = metadata_store_pb2.Event(type=metadata_store_pb2.Event.OUTPUT)
    _, (artifact_id,), _ = store.put_execution(execution, [(artifact, event)], [context])
    artifact.id = artifact_id
    return artifact


def noise(length: int) -> str:
    """Text that no server can compress."""
    return base64.b64encode(os.urandom(length)).decode()[:length]


def same(found: metadata_store_pb2.Artifact, put: metadata_store_pb2.Artifact) -> bool:
    bare = metadata_store_pb2.Artifact()
    bare.CopyFrom(found)
    for field in ("create_time_since_epoch", "last_update_time_since_epoch", "type"):
        bare.ClearField(field)
    return bare == put


def test_what_is_put_is_got(store_url: str) -> None:
    put = run(open_store(store_url, writable=True))
    reader = open_store(store_url)
    (found,) = reader.get_artifacts_by_type("Evaluation")
    assert same(found, put)
    (context,) = reader.get_contexts_by_type("pipeline")
    (execution,) = reader.get_executions_by_context(context.id)
    (event,) = reader.get_events_by_execution_ids([execution.id])
    assert event.artifact_id == put.id
    assert same(reader.get_artifacts_by_id([put.id])[0], put)
    assert [a.id for a in reader.get_artifacts_by_context(context.id)] == [put.id]
    assert [e.execution_id for e in reader.get_events_by_artifact_ids([put.id])] == [execution.id]
    assert reader.get_contexts_by_artifact(put.id) == [context]
    assert reader.get_contexts_by_execution(execution.id) == [context]
    assert reader.get_parent_contexts_by_context(context.id) == []
    assert reader.get_executions_by_id([execution.id]) == [execution]
    assert reader.get_executions_by_type("Evaluator") == [execution]


def test_two_databases_do_not_mix(store_url: str) -> None:
    # a second run of this test finds nothing of the first
    assert open_store(store_url, writable=True).get_artifacts() == []


def test_long_strings(store_url: str) -> None:
    store = open_store(store_url, writable=True)
    artifact = run(store)
    artifact.custom_properties["tracked"].string_value = noise(100_000)
    if store_url.startswith("postgresql:"):
        # what `stores` says of it; should this change, so may what Microtome writes
        with pytest.raises(errors.InternalError, match="index row"):
            store.put_artifacts([artifact])
        assert len(store.get_artifacts()) == 1
    else:
        store.put_artifacts([artifact])
        assert same(open_store(store_url).get_artifacts()[0], artifact)


def test_numbers_beyond_what_columns_hold(store_url: str) -> None:
    store = open_store(store_url, writable=True)
    artifact = run(store)
    artifact.custom_properties["coarse"].double_value = 0.1 + 0.2
    store.put_artifacts([artifact])
    (found,) = store.get_artifacts()
    assert found.custom_properties["coarse"].double_value == 0.3
    for field, value in (("double_value", float("nan")), ("double_value", float("inf"))):
        setattr(artifact.custom_properties["coarse"], field, value)
        with pytest.raises(errors.InternalError, match="column"):
            store.put_artifacts([artifact])
    artifact.custom_properties["coarse"].int_value = 2**31
    if store_url.startswith(("mysql:", "postgresql:")):
        with pytest.raises(errors.InternalError, match=r"(?i)out of range"):
            store.put_artifacts([artifact])
    else:
        store.put_artifacts([artifact])
        assert same(store.get_artifacts()[0], artifact)


def test_backslashes(store_url: str) -> None:
    store = open_store(store_url, writable=True)
    artifact = run(store)
    artifact.custom_properties["text"].string_value = "back\\slash"
    if store_url.startswith("postgresql:"):
        with pytest.raises(errors.InternalError, match="syntax error"):
            store.put_artifacts([artifact])
    else:
        store.put_artifacts([artifact])
        assert same(store.get_artifacts()[0], artifact)


def test_a_message_may_be_larger_than_grpc_likes(store_url: str) -> None:
    store = open_store(store_url, writable=True)
    blob = os.urandom(1_000_000)
    for number in range(6):
        artifact = run(store, f"run {number}")
        artifact.custom_properties["tracked"].proto_value.Pack(wrappers_pb2.BytesValue(value=blob))
        store.put_artifacts([artifact])
    found = open_store(store_url).get_artifacts_by_type("Evaluation")
    sizes = [artifact.custom_properties["tracked"].ByteSize() for artifact in found]
    assert len(sizes) == 6
    assert min(sizes) > 1_000_000


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_a_reader_cannot_write(store_url: str) -> None:
    artifact = run(open_store(store_url, writable=True))
    reader = open_store(store_url)
    with pytest.raises(errors.InternalError, match=r"readonly database|read-only transaction"):
        reader.put_artifacts([artifact])
    artifact.custom_properties["text"].string_value = "later"
    open_store(store_url, writable=True).put_artifacts([artifact])
    assert same(reader.get_artifacts_by_id([artifact.id])[0], artifact)


@pytest.mark.parametrize("store_url", ["sqlite", "mariadb", "postgresql"], indirect=True)
def test_reading_makes_no_store(store_url: str) -> None:
    for _ in range(2):
        with pytest.raises(
            ConfigError, match=r"no store of ML Metadata at|cannot be opened"
        ) as told:
            open_store(store_url)
        assert not any(secret in str(told.value) for secret in SECRETS)
    assert describe_store(store_url) in str(told.value)


def test_an_empty_postgresql_database_stays_empty(postgresql: servers.Server) -> None:
    servers.psql(postgresql, "CREATE DATABASE empty")
    with pytest.raises(ConfigError, match="no tables of ML Metadata"):
        open_store(postgresql.url("empty"))
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert servers.psql(postgresql, tables, "empty") == "0\n"


def test_an_empty_mysql_database_stays_empty_for_who_may_only_read(mariadb: servers.Server) -> None:
    servers.mysql(mariadb, "CREATE DATABASE empty")
    with pytest.raises(ConfigError, match="no tables of ML Metadata"):
        open_store(mariadb.url("empty", servers.READER))
    assert servers.mysql(mariadb, "SHOW TABLES IN empty") == ""


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_an_account_that_may_only_read_is_enough(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    put = run(open_store(server.url("shared"), writable=True))
    if kind == "postgresql":
        assert "reader" in servers.psql(server, "SELECT rolname FROM pg_roles")
    reader = open_store(server.url("shared", servers.READER))
    assert same(reader.get_artifacts_by_id([put.id])[0], put)
    with pytest.raises(errors.InternalError):
        reader.put_artifact_type(metadata_store_pb2.ArtifactType(name="New"))


def test_a_mysql_database_may_have_any_name_and_host_may_be_localhost(
    mariadb: servers.Server,
) -> None:
    url = mariadb.url("mlmd-runs%20of%20May").replace(servers.HOST, "localhost")
    put = run(open_store(url, writable=True))
    assert same(open_store(url).get_artifacts()[0], put)
    assert "mlmd-runs of May" in servers.mysql(mariadb, "SHOW DATABASES")
    with pytest.raises(ConfigError, match="backtick"):
        open_store(mariadb.url("a%60b"))


def test_a_postgresql_database_with_capitals_must_be_there(postgresql: servers.Server) -> None:
    with pytest.raises(ConfigError, match="whether there is a database 'Runs-May'"):
        open_store(postgresql.url("Runs-May"), writable=True)
    assert "runs" not in servers.psql(postgresql, "SELECT datname FROM pg_database").lower()
    servers.psql(postgresql, 'CREATE DATABASE "Runs-May"')
    put = run(open_store(postgresql.url("Runs-May"), writable=True))
    assert same(open_store(postgresql.url("Runs-May")).get_artifacts()[0], put)


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_wrong_password_is_told_and_not_repeated(
    kind: str, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    url = request.getfixturevalue(kind).url("any", password="tell' nobody\\")
    with pytest.raises(ConfigError, match=r"The server answers, and refuses: .*'tracker'") as told:
        open_store(url)
    printed = capfd.readouterr()
    for text in (str(told.value), describe_store(url), printed.out, printed.err):
        assert "nobody" not in text
    # nor in a traceback
    assert told.value.__cause__ is None
    assert told.value.__context__ is None


@pytest.mark.parametrize("scheme", ["mysql", "postgresql", "grpc"])
def test_no_server(scheme: str) -> None:
    port = servers.free_port()
    login = "" if scheme == "grpc" else "me:secret@"
    with pytest.raises(ConfigError, match=rf"answers at 127.0.0.1:{port} \(Connection refused\)"):
        open_store(f"{scheme}://{login}127.0.0.1:{port}{'/mlmd' if login else ''}")


def test_a_grpc_server_of_something_else(postgresql: servers.Server) -> None:
    with pytest.raises(ConfigError, match=r"answers at 127\.0\.0\.1"):
        open_store(f"grpc://127.0.0.1:{postgresql.port}")


def test_a_missing_file_is_told_with_the_nearest_that_is_there(tmp_path: pathlib.Path) -> None:
    (tmp_path / "metadata.db").touch()
    with pytest.raises(ConfigError, match=r"metadta\.db \(did you mean 'metadata\.db'\?\)"):
        open_store(tmp_path / "metadta.db")
    with pytest.raises(ConfigError, match="nor its folder"):
        open_store(f"sqlite:///{tmp_path}/runs/metadata.db")
    with pytest.raises(ConfigError, match="is a folder"):
        open_store(tmp_path, writable=True)
    assert [path.name for path in tmp_path.iterdir()] == ["metadata.db"]


# writes more than SQLite keeps in memory, and is killed before it commits
KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
for number in range(400):
    row = (f"half-done-{number}", 1, "x" * 4000)
    connection.execute("INSERT INTO Type(name, type_kind, description) VALUES (?, ?, ?)", row)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reader_finds_what_stood_before_a_writer_was_killed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "metadata.sqlite"
    run(open_store(path, writable=True))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert killed.returncode < 0
    assert (tmp_path / "metadata.sqlite-journal").stat().st_size > 0
    store = open_store(path)
    assert [one.name for one in store.get_artifact_types()] == ["Evaluation"]
    assert len(store.get_artifacts()) == 1


def test_writing_makes_file_and_folder(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "runs of May" / "a?b#c%20.db"
    run(open_store(path, writable=True))
    assert len(open_store(str(path)).get_artifacts()) == 1


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "no tables of ML Metadata"), (b"text" * 999, "not an SQLite file")]
)
def test_a_file_that_is_no_store(content: bytes, words: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "metadata.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        open_store(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("version", "words"), [(9, "Upgrade its schema once"), (99, "A newer")])
@pytest.mark.parametrize("writable", [False, True])
def test_a_schema_of_another_version_is_left_as_it_is(
    version: int, words: str, writable: bool, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "metadata.db"
    open_store(path, writable=True)
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE MLMDEnv SET schema_version = ?", [version])
    with pytest.raises(ConfigError, match=words):
        open_store(path, writable=writable)
    assert database.execute("SELECT schema_version FROM MLMDEnv").fetchall() == [(version,)]
    database.close()


def test_configs_and_open_stores_are_taken_too(tmp_path: pathlib.Path) -> None:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.db")
    config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
    with pytest.raises(ConfigError, match="There is no store"):
        open_store(config)
    store = open_store(config, writable=True)
    put = run(store)
    reader = open_store(config)
    assert same(reader.get_artifacts()[0], put)
    with pytest.raises(errors.InternalError, match="readonly"):
        reader.put_artifacts([put])
    assert config.sqlite.connection_mode == config.sqlite.READWRITE_OPENCREATE
    assert open_store(store) is store
    assert describe_store(store) == describe_store(config) == str(tmp_path / "metadata.db")


def test_a_client_config_is_taken_too(tmp_path: pathlib.Path) -> None:
    with servers.metadata_server(tmp_path / "metadata.db") as url:
        port = int(url.rpartition(":")[2])
        config = metadata_store_pb2.MetadataStoreClientConfig(host=servers.HOST, port=port)
        put = run(open_store(config, writable=True))
        assert same(open_store(config).get_artifacts()[0], put)
        assert not config.HasField("channel_arguments")
        assert describe_store(config) == url


def test_a_server_config_is_taken_too(mariadb: servers.Server) -> None:
    config = metadata_store_pb2.ConnectionConfig()
    mysql = config.mysql
    mysql.host, mysql.port, mysql.database = servers.HOST, mariadb.port, "configured"
    mysql.user, mysql.password = servers.USER, servers.PASSWORD
    store = open_store(config, writable=True)
    put = run(store)
    assert same(open_store(config).get_artifacts()[0], put)
    assert not mysql.HasField("skip_db_creation")
    assert describe_store(store) == f"mysql://tracker:***@127.0.0.1:{mariadb.port}/configured"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no store"),
        ("fake_database {}", "names no store"),
        ("sqlite {}", "filename_uri"),
        ("mysql { host: 'db' }", "lacks database"),
        ("mysql { database: 'mlmd' }", "lacks host"),
        ("mysql { host: 'db' socket: '/s' database: 'mlmd' }", "both host and socket"),
        ("postgresql { host: 'db' user: 'me' dbname: 'mlmd' }", "lacks port"),
        ("postgresql { host: 'db' port: '1' dbname: 'mlmd' }", "lacks user"),
        ("postgresql { host: 'db' port: '1' user: 'me' dbname: 'ml md' }", "blanks"),
    ],
)
def test_configs_that_end_the_process_are_refused(text: str, words: str) -> None:
    config = text_format.Parse(text, metadata_store_pb2.ConnectionConfig())
    with pytest.raises(ConfigError, match=words):
        open_store(config)


@pytest.mark.parametrize("where", [None, 3, {"sqlite": "x"}])
def test_other_things_are_no_store(where: object) -> None:
    with pytest.raises(ConfigError, match=f"this is a {type(where).__name__}"):
        open_store(where)
    assert describe_store(where) == f"a {type(where).__name__}"


def test_ml_metadata_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setitem(sys.modules, "ml_metadata", None)
    with pytest.raises(ConfigError, match=r"pip install 'microtome\[mlmd\]'"):
        open_store(tmp_path / "metadata.db")


def test_the_environment_of_postgresql_is_left_as_it_was(
    postgresql: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.url("environment")
    for before in (None, "-c application_name=mine"):
        monkeypatch.delenv("PGOPTIONS", raising=False)
        if before:
            monkeypatch.setenv("PGOPTIONS", before)
        open_store(url, writable=True)
        open_store(url)
        assert os.environ.get("PGOPTIONS") == before
