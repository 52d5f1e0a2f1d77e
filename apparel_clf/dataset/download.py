"""Fetches the bytes of one address that somebody else wrote down, with everything bounded.

Only public addresses are connected to, and what is judged is the address of the connection
itself: neither a redirect nor a name that is looked up differently the second time leads to this
machine or into its network.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import quote, urljoin, urlsplit

from apparel_clf._version import __version__

USER_AGENT = f"apparel-clf/{__version__} (fetches the images of a shared dataset)"

_USUAL_PORTS = {"http": 80, "https": 443}
# Below this, other services than web servers listen.
_FREE_PORTS = 1024
_REDIRECTS = 5
_REDIRECTED = (301, 302, 303, 307, 308)
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
# No operation on a socket may wait longer, whatever the time for the whole.
_SILENCE = 20.0
# The rest of an answer that nobody wants: read, so that the connection can be used again.
_SMALL = 1 << 16
_KEPT = "%/:@!$&'()*+,;=~-._"
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class DownloadFailed(Exception):  # noqa: N818 - an outcome, not a mistake of the caller's
    """The bytes could not be had.

    Args:
        reason: why, for a person.
        again: whether another try may succeed.
        wait: seconds after which the host asked to be tried again, or None.
    """

    def __init__(self, reason: str, *, again: bool = False, wait: float | None = None) -> None:
        self.reason = reason
        self.again = again
        self.wait = wait
        super().__init__(reason)


@dataclass(frozen=True)
class Address:
    """An http(s) address, taken apart and checked.

    Args:
        scheme: ``"http"`` or ``"https"``.
        host: name or number, in ASCII.
        port: where to connect to.
        target: path and query, in ASCII.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What one connection is to."""
        return self.scheme, self.host, self.port


def parse_address(url: str) -> Address:
    """Take an address apart.

    Raises:
        DownloadFailed: it is not an http(s) address that may be asked for.

    Example:
        >>> parse_address("https://shop.example/a b.jpg").target
        '/a%20b.jpg'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
        target = quote(parts.path or "/", _KEPT) + (
            f"?{quote(parts.query, _KEPT + '?')}" if parts.query else ""
        )
    except ValueError as error:  # among them names that are no text and ports that are no number
        raise DownloadFailed("its address cannot be read") from error
    if parts.scheme not in _USUAL_PORTS or not host or "@" in parts.netloc:
        raise DownloadFailed("its address is not an http or https one")
    port = port or _USUAL_PORTS[parts.scheme]
    if port < _FREE_PORTS and port not in _USUAL_PORTS.values():
        raise DownloadFailed(f"its address is of port {port}, which is not a web server's")
    return Address(parts.scheme, host, port, target)


def is_public(number: str) -> bool:
    """Whether the number of an address is one that everybody can reach.

    Example:
        >>> is_public("127.0.0.1"), is_public("::ffff:10.0.0.1"), is_public("8.8.8.8")
        (False, False, True)
    """
    address = ipaddress.ip_address(number)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None or address.is_site_local:
            return False
        embedded = (
            ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if address in _TRANSLATED or address in _COMPATIBLE
            else address.ipv4_mapped or address.sixtofour
        )
        address = embedded or address
    return address.is_global and not (address.is_multicast or address.is_reserved)


class Client:
    """Asks one host after the other for files, over one connection at a time. For one thread.

    Args:
        timeout: seconds that one file may take in all.
        allow_private: connect to private addresses too.
        turn: given a host, a context that one request is made within.
    """

    def __init__(
        self,
        timeout: float,
        *,
        allow_private: bool = False,
        turn: Callable[[str], AbstractContextManager[object]] = lambda host: contextlib.nullcontext(
            host
        ),
    ) -> None:
        self._timeout = timeout
        self._allow_private = allow_private
        self._turn = turn
        self._connection: _Connection | None = None
        self._origin: tuple[str, str, int] | None = None

    def get(self, url: str, size: int) -> bytes:
        """Return the bytes at an address, which have to be `size` in number.

        Raises:
            DownloadFailed: they can't be had.
        """
        deadline = time.monotonic() + self._timeout
        for _ in range(_REDIRECTS + 1):
            address = parse_address(url)
            with self._turn(address.host):
                answer = self._ask(address, size, deadline)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
        raise DownloadFailed(f"redirects more than {_REDIRECTS} times")

    def close(self) -> None:
        """Close the connection. Another request opens a new one."""
        if self._connection is not None:
            self._connection.http.close()
        self._connection = None

    def abort(self) -> None:
        """End a request that another thread is waiting for."""
        if self._connection is not None:
            self._connection.abort()

    def _ask(self, address: Address, size: int, deadline: float) -> bytes | str:
        """Ask once; return the bytes, or where they are to be found."""
        connection = self._connected(address)
        used = connection.opened
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), connection.abort)
        timer.daemon = True
        timer.start()
        response: HTTPResponse | None = None
        try:
            # Hosts that choose a format by what is accepted have to send the original's.
            headers = {"User-Agent": USER_AGENT, "Accept": "*/*"}
            connection.http.request("GET", address.target, headers=headers)
            response = connection.http.getresponse()
            answer = _answer(response, size)
            if not response.isclosed():
                self.close()
            return answer
        except (DownloadFailed, OSError, HTTPException, AttributeError, ValueError) as error:
            refused = isinstance(error, DownloadFailed)
            if not refused or response is None or not response.isclosed():
                self.close()
            # A socket that is shut down by the timer makes its reader trip over anything.
            if connection.aborted:
                self.close()
                raise DownloadFailed(f"took longer than {self._timeout:g} s", again=True) from error
            if refused:
                raise
            if used and isinstance(error, ConnectionError):  # closed while nobody asked
                return self._ask(address, size, deadline)
            raise _failed(error) from error
        finally:
            timer.cancel()

    def _connected(self, address: Address) -> _Connection:
        if self._connection is None or self._origin != address.origin:
            self.close()
            silence = min(_SILENCE, self._timeout)
            self._connection = _Connection(address, silence, self._allow_private)
            self._origin = address.origin
        return self._connection


class _Connection:
    """A connection that can be ended from another thread, at any point of a request."""

    def __init__(self, address: Address, silence: float, allow_private: bool) -> None:
        self.opened = False
        self.aborted = False
        self._silence = silence
        self._allow_private = allow_private
        self._socket: socket.socket | None = None
        kind = _Https if address.scheme == "https" else _Http
        self.http = kind(address.host, address.port, self)

    def open(self, host: str, port: int) -> socket.socket:
        """Connect to a host by one of its public addresses."""
        failure: OSError = OSError("it has no address")
        for family, kind, protocol, _, place in self._places(host, port):
            connecting = socket.socket(family, kind, protocol)
            self.hold(connecting)
            try:
                connecting.settimeout(self._silence)
                connecting.connect(place)
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connecting.close()
                failure = error
            else:
                return connecting
        raise failure

    def hold(self, connected: socket.socket) -> None:
        """Take note of the socket that `abort` has to reach."""
        self._socket, self.opened = connected, True
        if self.aborted:
            raise TimeoutError("aborted")

    def abort(self) -> None:
        """Shut the connection down: whoever reads from it finds its end."""
        self.aborted = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not the method of an SSL socket, which changes what its reader is using.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _places(self, host: str, port: int) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        allowed = [f for f in found if self._allow_private or is_public(str(f[4][0]))]
        if found and not allowed:
            raise DownloadFailed(f"{host} is a private address, {found[0][4][0]}")
        return [(f[0], f[1], f[2], f[3], tuple(f[4])) for f in allowed]


class _Http(HTTPConnection):
    def __init__(self, host: str, port: int, owner: _Connection) -> None:
        super().__init__(host, port)
        self._owner = owner

    def connect(self) -> None:
        self.sock = self._owner.open(self.host, self.port)


class _Https(HTTPSConnection):
    def __init__(self, host: str, port: int, owner: _Connection) -> None:
        super().__init__(host, port)
        self._owner = owner

    def connect(self) -> None:
        plain = self._owner.open(self.host, self.port)
        secure = _tls().wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = secure
        self._owner.hold(secure)
        secure.do_handshake()


@functools.cache
def _tls() -> ssl.SSLContext:
    """How certificates are checked; reading the trusted ones takes longer than a small file."""
    return ssl.create_default_context()


def _answer(response: HTTPResponse, size: int) -> bytes | str:
    location = response.getheader("Location")
    if response.status in _REDIRECTED and location:
        response.read(_SMALL)
        return location
    if response.status != 200:
        response.read(_SMALL)
        raise DownloadFailed(
            f"HTTP status {response.status}",
            again=response.status in _TRY_AGAIN,
            wait=_wait(response.getheader("Retry-After")),
        )
    announced = response.length
    if announced is not None and announced > size:
        raise DownloadFailed(f"has {announced:,} bytes in place of {size:,}, it has changed")
    data = response.read(size + 1)
    if announced is not None and len(data) < announced:
        raise DownloadFailed("the connection ended too early", again=True)
    if len(data) != size:
        more = "more than" if len(data) > size else f"{len(data):,} bytes in place of"
        raise DownloadFailed(f"has {more} {size:,} bytes, it has changed")
    return data


def _wait(header: str | None) -> float | None:
    """Seconds that a host asks to be left alone for."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _failed(error: Exception) -> DownloadFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DownloadFailed(f"its host's certificate is not valid ({error.verify_message})")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return DownloadFailed("its host does not exist")
    what = "did not answer in time" if isinstance(error, TimeoutError) else str(error)
    return DownloadFailed(what or type(error).__name__, again=True)
