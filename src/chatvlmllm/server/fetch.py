"""Fetching what a request names by its http address: only when allowed, only from public hosts, within bounds.

The name is resolved once, every address that it has must be public, and the connection goes to the very address that
was looked at, so that a second answer of the name server changes nothing (DNS rebinding). Every redirect begins anew.
"""

import ipaddress
import socket
import time
from urllib.parse import urljoin, urlsplit

import httpx

from chatvlmllm.config import Settings
from chatvlmllm.errors import FileTooLarge, OfflineForbidden, UrlFailed, UrlForbidden

_REDIRECTS = 4
_SECONDS = 30.0
#: NAT64 and 6to4 carry an IPv4 address inside an IPv6 one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def fetch(url: str, settings: Settings) -> bytes:
    """What is at `url`; raises UrlForbidden, UrlFailed, FileTooLarge or OfflineForbidden."""
    if not settings.server.allow_urls:
        raise UrlForbidden(url=_shown(url), reason="fetching is switched off")
    if settings.offline:
        raise OfflineForbidden(target=_shown(url))
    until = time.monotonic() + _SECONDS
    for _ in range(_REDIRECTS + 1):
        found = _get(url, int(settings.limits.file_mb * 1e6), until)
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found)
    raise UrlFailed(url=_shown(url), reason=f"more than {_REDIRECTS} redirects")


def _get(url: str, most: int, until: float) -> bytes | str:
    """The content, or where a redirect leads."""
    host, address = _public(url)
    parts = urlsplit(url)
    literal = f"[{address}]" if ":" in address else address
    pinned = parts._replace(netloc=f"{literal}:{parts.port}" if parts.port else literal).geturl()
    headers = {"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "identity", "User-Agent": "ChatVLMLLM"}
    try:
        with (
            httpx.Client(trust_env=False, follow_redirects=False, timeout=10.0) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": host}) as response,
        ):
            if response.is_redirect:
                return str(response.headers.get("location", ""))
            if response.is_error:
                raise UrlFailed(url=_shown(url), reason=f"HTTP {response.status_code}")
            return _read(response, url, most, until)
    except httpx.HTTPError as error:
        raise UrlFailed(url=_shown(url), reason=str(error) or type(error).__name__) from error


def _read(response: httpx.Response, url: str, most: int, until: float) -> bytes:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > most:
            raise FileTooLarge(name=_shown(url), megabytes=round(len(content) / 1e6, 1), limit=round(most / 1e6, 1))
        if time.monotonic() > until:
            raise UrlFailed(url=_shown(url), reason=f"it took more than {_SECONDS:g} s")
    return bytes(content)


def _public(url: str) -> tuple[str, str]:
    """The host of `url` and the address to connect to; raises UrlForbidden unless all its addresses are public."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UrlForbidden(url=_shown(url), reason="it is no address") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UrlForbidden(url=_shown(url), reason="only http and https are fetched")
    try:
        found = socket.getaddrinfo(host, port or (443 if parts.scheme == "https" else 80), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UrlFailed(url=_shown(url), reason="its name is unknown") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise UrlForbidden(url=_shown(url), reason="it does not lead to the public internet")
    return host, addresses[0]


def is_public(address: str) -> bool:
    """Is this a host of the public internet? Addresses that hide another one are judged by that one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast


def _shown(url: str) -> str:
    """The address without its query and without a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.hostname or '?'}{parts.path}"[:200]
