"""`microtome serve`, as its own process: what it prints, how it answers, how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from microtome.cli import main
from tests.results import made
from tests.tracking import recorded

pytestmark = pytest.mark.current

BROWSER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
NUMBERS: recorded.Numbers = {(): (400, {"accuracy": 0.5}), recorded.UA: (100, {"accuracy": 0.25})}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("results")
    for day in (1, 2):
        made.write(path / f"day-{day}")
    return str(path)


@pytest.fixture
def serve():
    """A function that starts the command, and gives the process; it is stopped after the test."""
    started = []

    def start(*args: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "microtome", "serve", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def address_of(process: subprocess.Popen) -> str:
    """The address, from the one line that is printed."""
    line = process.stdout.readline()
    found = re.fullmatch(r"Microtome serves .+ at (http://[^/ ]+:\d+/\?token=[\w~.-]+)\n", line)
    assert found, line + process.stderr.read()
    return found[1]


def asked(address: str, path: str) -> dict:
    base, _, token = address.partition("?token=")
    request = urllib.request.Request(base + path, headers={"Authorization": f"Bearer {token}"})
    with BROWSER.open(request, timeout=60) as answer:
        return json.load(answer)


def ended(process: subprocess.Popen, number: int) -> tuple[str, str]:
    """What else is printed when a signal ends the process, cleanly."""
    process.send_signal(number)
    printed = process.communicate(timeout=60)
    assert process.returncode == 0
    return printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_folder(serve, folder, number):
    process = serve(folder)
    address = address_of(process)
    assert address.startswith("http://127.0.0.1:")
    report = asked(address, "api/report")
    assert [run["id"] for run in report["runs"]] == ["day-1", "day-2"]
    assert asked(address, "api/run?id=day-1")["values"]["day-1"]["accuracy"]["v"][0] == 0.75
    with pytest.raises(urllib.error.HTTPError, match="401"):
        BROWSER.open(address.partition("?")[0] + "?token=wrong-token", timeout=60)
    assert ended(process, number) == ("", "")


def test_one_result(serve, folder):
    process = serve(f"{folder}/day-1", "--no-browser")
    assert len(asked(address_of(process), "api/report")["runs"]) == 1


def test_a_store(serve, tmp_path):
    pytest.importorskip("ml_metadata")
    from ml_metadata.proto import metadata_store_pb2

    from microtome.tracking.stores import open_store

    path = str(tmp_path / "metadata.sqlite")
    launcher = recorded.Launcher(open_store(path, writable=True), metadata_store_pb2)
    for day, pipeline in ((1, "flights"), (2, "taxi"), (3, "taxi")):
        launcher.evaluate(day, NUMBERS, pipeline=pipeline)
    address = address_of(serve(path, "--pipeline", "taxi"))
    report = asked(address, "api/report")
    assert [run["name"] for run in report["runs"]] == ["run-2", "run-3"]
    assert asked(address, "api/series?slice=carrier:UA")["slices"]["name"] == ["carrier:UA"]


def test_a_given_port_and_token(serve, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = serve(folder, "--port", str(port), "--token", "given-token")
    assert address_of(process) == f"http://127.0.0.1:{port}/?token=given-token"
    # the second of the same port
    second = serve(folder, "--port", str(port))
    printed, error = second.communicate(timeout=60)
    assert second.returncode == 2
    assert printed == ""
    assert error.startswith(f"microtome: Port {port} of 127.0.0.1 is in use")
    assert len(error.splitlines()) == 1


def test_other_machines_are_let_in_with_a_warning(serve, folder):
    process = serve(folder, "--host", "0.0.0.0")
    address = address_of(process)
    assert asked(address.replace("0.0.0.0", "127.0.0.1"), "api/report")["runs"]
    printed, error = ended(process, signal.SIGTERM)
    assert printed == ""
    assert "0.0.0.0 can be reached from other machines" in error
    assert len(error.splitlines()) == 1


def test_it_ends_while_it_reads(serve, tmp_path):
    slices = {(("n", i),): {f"m{j}": float(i * j) for j in range(20)} for i in range(3000)}
    made.write(tmp_path / "large", slices)
    process = serve(str(tmp_path))
    base, _, token = address_of(process).partition("?token=")
    host, _, port = base.removeprefix("http://").rstrip("/").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"GET /api/report HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        connection.sendall(head.encode())
        time.sleep(0.2)
        assert ended(process, signal.SIGINT) == ("", "")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["{folder}/none"], "no store of ML Metadata|ml-metadata, which cannot be imported"),
        (["{folder}/day-1/eval_config.json"], "not an SQLite file|cannot be imported"),
        (["{empty}"], "No results: no folder in"),
        (["{folder}", "--pipeline", "none"], ""),
        (["{folder}", "--token", "x"], "8 to 256 letters"),
        (["{folder}", "--host", "no.such.host.invalid"], "There is no host"),
    ],
)
def test_what_cannot_be_served(folder, tmp_path, capfd, monkeypatch, args, complaint):
    from microtome.view.server import Server

    monkeypatch.setattr(Server, "run", lambda self: self.stop())
    filled = [arg.format(folder=folder, empty=tmp_path) for arg in args]
    status = main(["serve", *filled])
    printed = capfd.readouterr()
    if not complaint:
        # nothing of it says which pipeline it is of; a store would
        assert status == 0
        return
    assert status == 2
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert re.search(complaint, printed.err)


def test_no_server_of_that_store(serve):
    process = serve("mysql://reader:secret@127.0.0.1:1/mlmd")
    printed, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert printed == ""
    assert len(error.splitlines()) == 1
    assert re.search("127.0.0.1:1|cannot be imported", error)
    assert "secret" not in error


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ([], "required: WHERE"),
        (["x", "--port", "http"], "must be a whole number"),
        (["x", "--open", "--no-browser"], "not allowed with"),
    ],
)
def test_the_grammar(capsys, args, complaint):
    with pytest.raises(SystemExit):
        main(["serve", *args])
    assert complaint in capsys.readouterr().err


def test_the_browser(folder, monkeypatch, capsys):
    from microtome.view.server import Server

    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Server, "run", lambda self: None)
    assert main(["serve", folder]) == 0
    assert opened == []
    assert main(["serve", folder, "--open", "--token", "given-token"]) == 0
    assert [address.partition("?")[2] for address in opened] == ["token=given-token"]
    assert opened[0] in capsys.readouterr().out


def test_tensorflow_and_beam_stay_out(folder):
    program = (
        "import sys; from microtome.view.server import Server; "
        "from microtome.view.sources import Source; "
        f"source = Source.open({folder!r}); Server(source); source.report(); "
        "print(*sorted({'tensorflow', 'apache_beam', 'tfx', 'ipywidgets'} & set(sys.modules)))"
    )
    args = [sys.executable, "-c", program]
    done = subprocess.run(args, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_without_tornado(folder, capfd, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("tornado")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tornado", None)
    monkeypatch.delitem(sys.modules, "microtome.view.server", raising=False)
    assert main(["serve", folder]) == 2
    assert "pip install 'microtome[serve]'" in capfd.readouterr().err
