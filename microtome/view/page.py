"""The views as one HTML file, which needs nothing else: no network, no server."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import html
import os
from typing import Any

from microtome.errors import OutputError
from microtome.view import budget, static_table

MAX_BYTES = 5_000_000

_STATIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static")
# Unpacked where it is read, the script takes a third of the room.
_LOADER = (
    "(async()=>{"
    "const packed=document.getElementById('microtome-app').textContent;"
    "const bytes=Uint8Array.from(atob(packed),c=>c.charCodeAt(0));"
    "const stream=new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));"
    "const script=document.createElement('script');"
    "script.textContent=await new Response(stream).text();"
    "document.body.append(script)"
    "})()"
)
_STYLE = (
    "body{margin:0;font:14px/1.4 system-ui,sans-serif}"
    "table{border-collapse:collapse}th,td{padding:2px 8px}"
)


def bundle(name: str) -> str:
    """A built script of the views.

    Args:
        name: `page.js` or `widget.js`.

    Raises:
        OutputError: It has not been built.
    """
    path = os.path.join(_STATIC, name)
    try:
        return _read(path, os.stat(path).st_mtime_ns)
    except FileNotFoundError:
        raise OutputError(
            f"The views' script {name} is missing in {_STATIC}. In a checkout, build it with "
            "`make frontend`; an installed package has it: install Microtome anew."
        ) from None


@functools.lru_cache(maxsize=4)
def _read(path: str, _: int) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def to_page(report: dict[str, Any], max_bytes: int = MAX_BYTES) -> str:
    """The report as an HTML page.

    The page holds the report and the script that shows it; it may not load anything, nor run any
    other script. Without JavaScript it shows a table.

    Args:
        report: What it shows.
        max_bytes: The most that the page may have; what does not fit is left out and told.

    Raises:
        OutputError: The script has not been built.
    """
    script, digest = _packed_script()
    table = static_table.to_html(report)
    room = max_bytes - len(script) - len(table.encode()) - 4_000
    text, is_compressed = budget.embedded(budget.encode(budget.fit(report, max(room, 20_000))))
    kind = (
        'type="application/octet-stream;base64" data-encoding="gzip"'
        if is_compressed
        else 'type="application/json"'
    )
    policy = (
        f"default-src 'none'; script-src '{_digest(_LOADER)}' '{digest}'; "
        "style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{html.escape(report['title'])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<main id="microtome">{table}</main>\n'
        f'<script {kind} id="microtome-report">{text}</script>\n'
        f'<script type="application/octet-stream;base64" id="microtome-app">{script}</script>\n'
        f"<script>{_LOADER}</script>\n</body>\n</html>\n"
    )


def _packed_script() -> tuple[str, str]:
    """The page's script, compressed, and its digest for the page's policy."""
    # a browser takes the digest of a script whose line ends are \n
    return _packed(bundle("page.js").replace("\r\n", "\n").replace("\r", "\n"))


@functools.lru_cache(maxsize=2)
def _packed(script: str) -> tuple[str, str]:
    packed = gzip.compress(script.encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode(), _digest(script)


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
