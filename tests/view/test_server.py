"""The server of the views, on a port of this machine: who may ask, for what, and what comes back.

The secret file lies beside the folder that is served.
"""

from __future__ import annotations

import contextlib
import http.cookies
import json
import logging
import pathlib
import re
import socket
import urllib.request
from urllib.parse import quote

import pytest

from microtome.errors import ConfigError, DataError
from microtome.proto import result_pb2
from microtome.results import ResultsWriter, metrics_for_slice
from microtome.view import server_guard, sources
from microtome.view.server import Server
from microtome.view.server_guard import Guard
from microtome.view.sources import Source
from tests.results import made
from tests.view import hostile
from tests.view.served import Client

pytestmark = pytest.mark.current

SECRET = "the secret beside the folder"
HOSTILE = [
    " blanks at both ends ",
    "a\tb\nc\x00d",
    "100% & more = ?#/..",
    "../../secret.txt",
    # no result file can hold what UTF-8 cannot
    *(text for text in hostile.TEXTS if "\ud800" not in text),
]
SLICES = {
    **made.SLICES,
    **{(("name", text),): {"accuracy": i / 32.0} for i, text in enumerate(HOSTILE)},
}
PAGES = ("/", "/static/page.js", "/api/report", "/api/run?id=day-2", "/nothing")


def plots_of(value: str) -> result_pb2.PlotsForSlice:
    buckets = [
        {"lower_threshold_inclusive": i / 2, "num_weighted_examples": {"value": i + 1.0}}
        for i in range(2)
    ]
    return result_pb2.PlotsForSlice(
        slice_key={"single_slice_keys": [{"column": "name", "bytes_value": value.encode()}]},
        plot_keys_and_values=[{"value": {"calibration_histogram_buckets": {"buckets": buckets}}}],
    )


def write_with_plots(path) -> None:
    with ResultsWriter(path) as writer:
        writer.add_metrics(metrics_for_slice(key, metrics) for key, metrics in SLICES.items())
        writer.add_plots(map(plots_of, HOSTILE))
        writer.finish(made.EVAL_RUN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    parent = tmp_path_factory.mktemp("parent")
    (parent / "secret.txt").write_text(SECRET)
    made.write(parent / "served" / "day-1", SLICES)
    write_with_plots(parent / "served" / "day-2")
    return parent / "served"


@pytest.fixture(scope="module")
def server(folder):
    with Server(Source.open(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def ask(server):
    return Client(server)


def cookie_of(answer) -> http.cookies.Morsel:
    (morsel,) = http.cookies.SimpleCookie(answer.headers["Set-Cookie"]).values()
    return morsel


# the token


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer not-the-token"},
        {"Authorization": "Bearer t\u00f6ken"},
        {"Authorization": "Basic bm90OnRoZS10b2tlbg=="},
        {"Cookie": "microtome-{port}=not-the-token"},
        {"Cookie": "microtome-{port}="},
        {"Cookie": "microtome-1={token}"},
        {"Cookie": "token={token}"},
    ],
)
def test_nothing_without_the_token(server, ask, path, headers):
    filled = {
        name: value.format(port=server.port, token=server.token) for name, value in headers.items()
    }
    answer = ask(path, token="", **filled)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Set-Cookie" not in answer.headers
    assert "microtome-api" not in answer.text
    assert "open the address that `microtome serve` printed" in answer.text
    if path.startswith("/api/"):
        assert answer.error
    else:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_the_token_is_long_and_new(folder, server):
    assert re.fullmatch(r"[\w-]{43}", server.token)
    assert server_guard.new_token() != server_guard.new_token()
    assert server.address == f"http://127.0.0.1:{server.port}/?token={server.token}"


def test_the_address_lets_a_browser_in(server, ask):
    answer = ask(f"/?x=1&token={server.token}&y=a%20%26b", token="")
    assert answer.status == 302
    assert answer.headers["Location"] == "./?x=1&y=a+%26b"
    assert server.token not in answer.text
    cookie = cookie_of(answer)
    assert (cookie.key, cookie.value) == (f"microtome-{server.port}", server.token)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["domain"] == cookie["expires"] == cookie["max-age"] == ""
    sent = {"token": "", "Cookie": f"{cookie.key}={cookie.value}"}
    page = ask("/?x=1", **sent)
    assert page.status == 200
    assert '<meta name="microtome-api" content="api/">' in page.text
    assert server.token not in page.text
    assert ask("/api/report", **sent).report["runs"]


def test_the_token_counts_on_the_page_only(server, ask):
    assert ask(f"/api/report?token={server.token}", token="").status == 401
    assert ask(f"/static/page.js?token={server.token}", token="").status == 401


@pytest.mark.parametrize("wrong", ["", "x", "not-the-token", "%00", "%ff", "t%C3%B6ken"])
def test_a_wrong_token_in_the_address(ask, wrong):
    # whatever else is sent
    for token in ("", None):
        answer = ask(f"/?token={wrong}", token=token)
        assert answer.status in (400, 401) if wrong == "%ff" else answer.status == 401
        assert "Set-Cookie" not in answer.headers


def test_two_servers_on_one_host(folder, server, ask):
    with Server(Source.open(folder)) as other:
        cookies = [
            cookie_of(Client(one)(f"/?token={one.token}", token="")) for one in (server, other)
        ]
        both = "; ".join(f"{cookie.key}={cookie.value}" for cookie in cookies)
        assert ask("/api/report", token="", Cookie=both).status == 200
        assert Client(other)("/api/report", token="", Cookie=both).status == 200
        assert Client(other)("/api/report", token=server.token).status == 401


def test_one_port_forwarded_to_another_has_a_cookie_of_that(server, ask):
    answer = ask(f"/?token={server.token}", token="", host="localhost:9000")
    assert cookie_of(answer).key == "microtome-9000"
    sent = f"microtome-9000={server.token}"
    assert ask("/", token="", host="localhost:9000", Cookie=sent).status == 200


def test_a_link_on_another_site_leads_on_by_a_page_of_ours(server, ask):
    cookie = f"microtome-{server.port}={server.token}"
    first = ask("/?x=1", token="", Sec_Fetch_Site="cross-site")
    assert first.status == 200
    assert "microtome-api" not in first.text
    assert "Set-Cookie" not in first.headers
    (script,) = re.findall("<script>(.*)</script>", first.text)
    assert "location.hash" in script
    policy = first.headers["Content-Security-Policy"]
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+'; frame-ancestors 'none'", policy
    )
    # with the cookie, on to the address as it was; without it, no further
    second = ask("/?x=1&again=1", token="", Sec_Fetch_Site="same-origin", Cookie=cookie)
    assert (second.status, second.headers["Location"]) == (302, "./?x=1")
    assert ask("/?x=1&again=1", token="", Sec_Fetch_Site="same-origin").status == 401
    # numbers are for pages of ours only
    assert ask("/api/report", token="", Sec_Fetch_Site="cross-site").status == 401


# who asks


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST", "127.0.0.2:80"]
)
def test_names_of_this_machine(server, ask, host):
    assert ask("/api/report", host=host.format(port=server.port)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost.evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "evil.localhost:{port}",
        "127.0.0.1@evil.example:{port}",
        "evil.example#127.0.0.1",
        "127.0.0.1:{port}, evil.example",
        "192.168.1.7:{port}",
        "0.0.0.0:{port}",
        "[::2]:{port}",
        "127.0.0.1:port",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/report", "/?token={token}"])
def test_other_names(server, ask, host, path):
    filled = path.format(token=server.token)
    answer = ask(filled, host=host.format(port=server.port))
    assert answer.status in (400, 403)
    assert "Set-Cookie" not in answer.headers
    assert "microtome-api" not in answer.text


def test_a_server_for_other_machines():
    everywhere = Guard("token", "0.0.0.0")
    assert everywhere.is_own_host("192.168.1.7:80")
    assert everywhere.is_own_host(f"{socket.gethostname()}:80")
    assert not everywhere.is_own_host("evil.example:80")
    named = Guard("token", "Box.example")
    assert named.is_own_host("box.example")
    assert not named.is_own_host("192.168.1.7")


def test_its_own_page(server, ask):
    for host in (f"127.0.0.1:{server.port}", "localhost:9000"):
        assert ask("/api/report", host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
    ],
)
def test_other_pages(server, ask, origin):
    answer = ask("/api/report", Origin=origin.format(port=server.port))
    assert answer.status == 403
    assert "origin" in answer.error
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_but_reading(ask, method, path):
    answer = ask(path, method, Content_Length="0")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/api/report", "/nothing"])
def test_head(ask, path):
    whole, head = ask(path), ask(path, "HEAD")
    assert head.body == b""
    assert head.status == whole.status
    for name in ("Content-Type", "Content-Length", "Content-Security-Policy"):
        assert head.headers[name] == whole.headers[name]


# what every answer says to the browser


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/", {}),
        ("/static/page.js", {}),
        ("/api/report", {}),
        ("/api/report", {"token": ""}),
        ("/api/run?id=none", {}),
        ("/api/run", {}),
        ("/nothing", {}),
        ("/", {"host": "evil.example"}),
        ("/", {"method": "POST", "Content_Length": "0"}),
        ("/?token={token}", {}),
    ],
)
def test_headers(server, ask, path, options):
    headers = ask(path.format(token=server.token), **options).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    for name in ("Server", "Etag", "Last-Modified"):
        assert name not in headers


def test_compression(ask):
    for path in ("/static/page.js", "/api/report"):
        plain, compressed = ask(path), ask(path, Accept_Encoding="gzip, deflate")
        assert "Content-Encoding" not in plain.headers
        assert compressed.headers["Content-Encoding"] == "gzip"
        assert compressed.headers["Vary"] == "Accept-Encoding"
        assert len(compressed.body) < len(plain.body)
        at = r'"created":"[^"]*"'
        assert re.sub(at, "", compressed.text) == re.sub(at, "", plain.text)


def test_the_page_is_its_program_alone(ask):
    page = ask("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    # the policy forbids any other
    assert re.findall("<script.*?</script>", page.text) == [
        '<script src="static/page.js"></script>'
    ]
    assert "<noscript>" in page.text
    program = ask("/static/page.js")
    built = pathlib.Path(server_guard.__file__).parent / "static" / "page.js"
    assert program.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert program.body == built.read_bytes()


# questions


def test_the_report(ask):
    report = ask("/api/report").report
    assert [run["id"] for run in report["runs"]] == ["day-1", "day-2"]
    assert list(report["values"]) == ["day-2"]
    assert set(report["on_demand"]) == {"run", "plots", "series"}
    assert report["slices"]["name"][0] == "Overall"
    assert report["values"]["day-2"]["accuracy"]["v"][:3] == [0.75, 0.5, 0.875]


def test_a_run(ask):
    report = ask("/api/run?id=day-1").report
    assert list(report["values"]) == ["day-1"]
    assert len(report["slices"]["name"]) == len(SLICES)
    assert [run["id"] for run in report["runs"]] == ["day-1"]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_slices_of_any_name(ask, number):
    name = f"name:{HOSTILE[number]}"
    report = ask(f"/api/series?slice={quote(name, safe='')}&slice=Overall&metric=accuracy").report
    assert set(report["slices"]["name"]) == {name, "Overall"}
    row = report["slices"]["name"].index(name)
    assert report["slices"]["keys"][row] == [["name", HOSTILE[number]]]
    for day in ("day-1", "day-2"):
        assert report["values"][day]["accuracy"]["v"][row] == number / 32


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_plots_of_any_name(ask, number):
    name = f"name:{HOSTILE[number]}"
    assert name in ask("/api/run?id=day-2").report["plot_slices"]["day-2"]
    (plot,) = ask(f"/api/plots?run=day-2&slice={quote(name, safe='')}").report["plots"]
    assert (plot["run"], plot["slice"], plot["type"]) == ("day-2", name, "calibration")
    assert plot["columns"]["weight"] == [1, 2]
    without = ask(f"/api/plots?run=day-1&slice={quote(name, safe='')}").report
    assert without["plots"] == []


def test_names_that_are_not_there(ask):
    for run in [*HOSTILE, "none", "../day-1", "./day-1", "/etc/passwd", "~", "Day-1", "1"]:
        answer = ask(f"/api/run?id={quote(run, safe='')}")
        assert answer.status == 404
        assert answer.error.startswith("There is no run")
    report = ask("/api/series?slice=name:none&metric=accuracy").report
    assert report["slices"]["name"] == []
    assert report["omitted"][0]["slice"] == "name:none"


@pytest.mark.parametrize(
    "path",
    [
        "/api/run",
        "/api/run?id=day-1&id=day-2",
        "/api/run?id=%ff%fe",
        "/api/plots?run=day-1",
        "/api/plots?slice=Overall",
        "/api/series",
        "/api/series?metric=accuracy",
        "/api/series?slice=%c3",
        "/api/attributions",
    ],
)
def test_questions_without_sense(ask, path):
    answer = ask(path)
    assert answer.status == 400
    assert answer.error


def test_a_head_without_end_is_refused(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    # it may hang up before all is sent
    with connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /?" + b"x" * (3 << 20))
        assert b"200 OK" not in connection.recv(1 << 16)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/static/../../secret.txt",
        "/static/..%2f..%2fsecret.txt",
        "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/..\\..\\secret.txt",
        "/static//etc/passwd",
        "/static/widget.js",
        "/static/page.js/../server.py",
        "/static/page.js%00",
        "/static/",
        "/static",
        "//etc/passwd",
        "/api/../secret.txt",
        "/api/",
        "/api/reports",
        "/api/report/../run?id=day-1",
        "/api/run?id=../secret.txt",
        "/api/run?id=..%2f..%2fsecret.txt",
        "/api/run?id=%2fetc%2fpasswd",
        "/api/run?id=day-1%2f..%2f..%2f",
        "/api/run?id=day-1%00",
        "/api/plots?run=../&slice=Overall",
        "/api/attributions?run=../",
        "/favicon.ico",
    ],
)
def test_nothing_outside(ask, path):
    answer = ask(path)
    assert answer.status == 404
    assert SECRET not in answer.text
    assert "root:" not in answer.text


def test_a_series_has_the_rest_read_ahead(folder, monkeypatch):
    monkeypatch.setattr(sources, "_READING_SECONDS", -1)
    with Server(Source.open(folder)) as server:
        ask = Client(server)
        assert "being read" in ask("/api/series?slice=Overall").report["omitted"][0]["why"]
        # answers are given in order of the questions, between which there is reading
        for _ in range(4):
            last = ask("/api/series?slice=Overall").report
    assert [last["values"][day]["accuracy"]["v"] for day in ("day-1", "day-2")] == [[0.75]] * 2
    assert "omitted" not in last


# running


def test_a_browser_s_way(server):
    """By the standard library's client, which follows the redirect with the cookie."""
    jar = urllib.request.HTTPCookieProcessor()
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
    with browser.open(server.address) as page:
        assert page.url == f"http://127.0.0.1:{server.port}/"
        assert b"microtome-api" in page.read()
    with browser.open(f"http://127.0.0.1:{server.port}/api/report") as answer:
        assert json.load(answer)["schema"] == "report/1"


class Failing:
    """A source that cannot answer."""

    def __init__(self, error: Exception):
        self._error = error

    def report(self):
        raise self._error


def test_failures_are_told_without_secrets(caplog):
    with caplog.at_level(logging.DEBUG), Server(Failing(RuntimeError("inner workings"))) as server:
        ask = Client(server)
        answer = ask("/api/report?x=hidden")
        assert answer.status == 500
        assert answer.error == "The server failed at this; its terminal tells why."
        ask(f"/?token={server.token}", token="")
        ask(f"/?token={server.token}x", token="")
        ask("/nothing")
    told = caplog.text
    assert "GET /api/report failed" in told
    assert "inner workings" in told
    assert "hidden" not in told
    assert server.token not in told


def test_what_cannot_be_read_is_told():
    with Server(Failing(DataError("The file is damaged."))) as server:
        answer = Client(server)("/api/report")
        assert (answer.status, answer.error) == (422, "The file is damaged.")


def test_a_stopped_server_leaves_its_port(folder):
    source = Source.open(folder)
    with Server(source) as server:
        with pytest.raises(ConfigError, match=f"Port {server.port} of 127.0.0.1 is in use"):
            Server(source, port=server.port)
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    # it does not wait for those who have nothing to say
    with connection:
        assert connection.recv(1) == b""
    with Server(source, port=server.port, token="the-same-token") as again:
        assert again.address.endswith(f":{server.port}/?token=the-same-token")
        assert Client(again)("/api/report").status == 200
    again.stop()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"host": ""}, "--host is empty"),
        ({"host": "no.such.host.invalid"}, "There is no host 'no.such.host.invalid'"),
        ({"host": "192.0.2.1"}, "192.0.2.1 is no address of this machine"),
        ({"port": 65536}, "from 0 to 65535"),
        ({"token": "short"}, "8 to 256 letters"),
        ({"token": "with a blank in it"}, "8 to 256 letters"),
        ({"token": "with-ümlaut"}, "8 to 256 letters"),
    ],
)
def test_where_it_cannot_listen(options, complaint):
    with pytest.raises(ConfigError, match=complaint):
        Server(Failing(RuntimeError()), **options)


def test_ipv6(folder):
    try:
        server = Server(Source.open(folder), host="::1")
    except ConfigError as error:
        pytest.skip(str(error))
    assert server.address.startswith("http://[::1]:")
    with (
        server,
        urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor()
        ).open(server.address) as page,
    ):
        assert page.status == 200
