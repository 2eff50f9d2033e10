"""Who may ask the server of the views, and what every answer of it says to the browser.

The server shows what may be secret, on a machine that may have other users, to a browser in which
other sites are open. A request must bear the token; it must name the server by a name that is its
own, so that no other site's name can be made to point here (DNS rebinding); and where it says which
page sent it, that must be the server's own.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from urllib.parse import urlsplit

from microtome.errors import ConfigError

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
        "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{8,256}")


def new_token() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(32)


def check_token(token: str) -> str:
    """The token, if it can be one.

    Raises:
        ConfigError: It is too short, or does not fit in an address as it is.
    """
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            "A token is 8 to 256 letters, digits and - . _ ~; leave --token out for one that "
            "cannot be guessed."
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether a name or address is of this machine only."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


class Guard:
    """Says of requests whether they are answered."""

    def __init__(self, token: str, host: str):
        """Keeps what is asked for.

        Args:
            token: The secret that a request must bear.
            host: The name or address that the server listens at.
        """
        self._token = token.encode()
        self._host = host.lower()

    def is_token(self, given: str | None) -> bool:
        """Whether this is the token; takes as long whatever is wrong with it."""
        return given is not None and hmac.compare_digest(given.encode(), self._token)

    def bears_token(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether the cookie, or the header `Authorization: Bearer …`, is the token."""
        scheme, _, given = (authorization or "").partition(" ")
        bearer = given.strip() if scheme.lower() == "bearer" else None
        return self.is_token(cookie) or self.is_token(bearer)

    def is_own_host(self, header: str | None) -> bool:
        """Whether a request's Host is this machine or what the server listens at.

        A server that listens at all addresses of its machine goes by any address, since only
        names can be made to point elsewhere, and by the machine's name.
        """
        host = _host_of(header)
        if host is None:
            return False
        if is_loopback(host) or host == self._host:
            return True
        listens = _address(self._host)
        if listens is None or not listens.is_unspecified:
            return False
        return _address(host) is not None or host in (
            socket.gethostname().lower(),
            socket.getfqdn().lower(),
        )

    @staticmethod
    def is_own_origin(origin: str | None, host: str | None) -> bool:
        """Whether the page that sent a request, if the browser says which, is the server's own."""
        return origin is None or origin.lower() == f"http://{host}".lower()


def cookie_name(host: str | None) -> str:
    """The name of the token's cookie.

    Browsers hold cookies by host, whatever the port: the name tells servers on one host apart.
    """
    try:
        port = urlsplit(f"//{host}").port
    except ValueError:
        port = None
    return f"microtome-{port or 80}"


def _host_of(header: str | None) -> str | None:
    """The name or address in a Host header; None where it is no such header."""
    if not header or not re.fullmatch(r"[\w.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", header):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
