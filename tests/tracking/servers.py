"""Real servers for tests, on loopback: MariaDB, PostgreSQL, and MLMD's gRPC service.

A database is made by the first who opens it for writing, so a fresh one costs only a new name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent import futures
from typing import Any
from urllib.parse import quote

from tests.processes import HOST, NotInstalledError, as_account, free_port, serving

USER = "tracker"
# with all that has a meaning in URLs, in SQL and in PostgreSQL's connection strings
PASSWORD = "p@ss/w:rd 'x\\%?#é"
READER = "reader"


@dataclasses.dataclass
class Server:
    """A running database server.

    Attributes:
        scheme: of its URLs.
        port: that it listens on.
        process: its own, for tests that end it or look at it.
        environment: variables for clients of the shell, with the password.
    """

    scheme: str
    port: int
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """The URL of a database on it; `reader` may only read."""
        return f"{self.scheme}://{user}:{quote(password, safe='')}@{HOST}:{self.port}/{database}"


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """Runs MariaDB with its default settings.

    Raises:
        NotInstalledError: it is not installed.
    """
    install = _program("mariadb-install-db", "mariadb-server")
    program = _program("mariadbd", "mariadb-server")
    with _folder() as folder:
        # refused to root unless asked for
        user = ["--user=root"] if os.geteuid() == 0 else []
        data = [f"--datadir={folder}/data", *user]
        normal = "--auth-root-authentication-method=normal"
        _run([install, "--no-defaults", *data, normal, "--skip-test-db"], folder)
        password = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        statements = folder / "accounts.sql"
        statements.write_text(
            f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%';\n"
            f"CREATE USER '{READER}'@'%' IDENTIFIED BY '{password}';\n"
            f"GRANT SELECT ON *.* TO '{READER}'@'%';\n",
            encoding="utf-8",
        )
        port = free_port()
        command = [
            program,
            "--no-defaults",
            *data,
            f"--port={port}",
            f"--bind-address={HOST}",
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--tmpdir={folder}",
            f"--init-file={statements}",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
        ]
        with serving(command, folder, port) as process:
            yield Server("mysql", port, process, {"MYSQL_PWD": PASSWORD})


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """Runs PostgreSQL with its default settings; as another user where this one is root.

    Raises:
        NotInstalledError: it is not installed.
    """
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda f: int(f.split("/")[-2]))
    initdb = _program("initdb", "postgresql", *reversed(folders))
    program = _program("postgres", "postgresql", str(pathlib.Path(initdb).resolve().parent))
    account = _account()
    with _folder(account) as folder:
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        _run(
            [
                *(initdb, "-D", f"{folder}/data", "-U", USER, f"--pwfile={secret}", "-E", "UTF8"),
                *("--auth=scram-sha-256", "--locale=C", "--no-sync"),
            ],
            folder,
            account,
        )
        port = free_port()
        settings = [
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            "fsync=off",
        ]
        command = [program, "-D", f"{folder}/data", "-p", str(port)]
        command += [argument for setting in settings for argument in ("-c", setting)]
        # SIGTERM would wait for clients, and ml_metadata closes no connection
        with serving(command, folder, port, account=account, stop=signal.SIGINT) as process:
            server = Server("postgresql", port, process, {"PGPASSWORD": PASSWORD})
            _wait_until_ready(server)
            password = PASSWORD.replace("'", "''")
            psql(server, f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'")
            psql(server, f"GRANT pg_read_all_data TO {READER}")
            yield server


def _wait_until_ready(server: Server) -> None:
    """PostgreSQL takes connections, and refuses them, while it is starting up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            psql(server, "SELECT 1")
        except RuntimeError as error:
            if "starting up" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def psql(server: Server, statement: str, database: str = "postgres") -> str:
    """What PostgreSQL's own client prints for a statement; it comes with the server."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    command = [_program("psql", "postgresql", *reversed(folders)), "-h", HOST, "-U", USER]
    command += ["-p", str(server.port), "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1"]
    environment = {**os.environ, **server.environment}
    return _output([*command, "-c", statement], env=environment)


def mysql(server: Server, statement: str) -> str:
    """What MariaDB's own client prints for a statement; it comes with the server."""
    command = [_program("mariadb", "mariadb-server"), "--no-defaults", "-h", HOST, "-u", USER]
    environment = {**os.environ, **server.environment}
    return _output([*command, f"-P{server.port}", "-N", "-e", statement], env=environment)


@contextlib.contextmanager
def metadata_server(path: pathlib.Path) -> Iterator[str]:
    """Runs MLMD's service over an SQLite file, and yields its URL.

    The wheel holds the service's C++ code, which takes and returns serialized messages; what
    stands in front of it here is gRPC's own server, with its default limit of 4 MiB a request.
    """
    import grpc
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
    service = metadata_store.metadata_store_serialized
    store = service.CreateMetadataStore(
        config.SerializeToString(), metadata_store_pb2.MigrationOptions().SerializeToString()
    )
    codes = {code.value[0]: code for code in grpc.StatusCode}

    class Bridge(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            method = getattr(service, details.method.rsplit("/", 1)[1])

            def call(request: bytes, context: Any) -> bytes:
                response, message, code = method(store, request)
                if code:
                    context.abort(codes[code], message.decode())
                return response

            return grpc.unary_unary_rpc_method_handler(call)

    # one thread: as MLMD's server does, it serves one request of an SQLite file after another
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), handlers=[Bridge()])
    port = server.add_insecure_port(f"{HOST}:0")
    server.start()
    try:
        yield f"grpc://{HOST}:{port}"
    finally:
        server.stop(grace=None).wait()


def _program(name: str, package: str, *folders: str) -> str:
    # Debian's administrators' programs are not on everybody's PATH
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    program = shutil.which(name, path=path)
    if program is None:
        raise NotInstalledError(f"no {name} here: it is in Debian's package {package}")
    return program


def _account() -> pwd.struct_passwd | None:
    """Whom to run as what refuses to run as root; None: as this very user."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name: account for account in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


@contextlib.contextmanager
def _folder(account: pwd.struct_passwd | None = None) -> Iterator[pathlib.Path]:
    # not below pytest's, which others may not enter, and whose names are too long for a socket
    with tempfile.TemporaryDirectory(prefix="microtome-server-") as name:
        if account is not None:
            os.chown(name, account.pw_uid, account.pw_gid)
        yield pathlib.Path(name)


def _run(
    command: list[str], folder: pathlib.Path, account: pwd.struct_passwd | None = None
) -> None:
    _output(command, cwd=folder, **as_account(account))


def _output(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
