"""Addresses of endpoints: how they are written, and which are never connected to, where clouds keep credentials.

An IPv6 address that stands for an IPv4 address, for a translator or a tunnel, is treated as that IPv4 address.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address

METADATA = frozenset(
    map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16")),
)
"""Metadata services of Amazon, Google, Alibaba and Azure that are not link-local."""

IPV4_COMPATIBLE = IPv6Network("::/96")
"""RFC 4291, §2.5.5.1."""

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052, §2.1: the last 32 bits are the IPv4 address."""

NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
"""RFC 8215: the operator chooses the length of the prefix, and so the position of the IPv4 address."""


MAX_URL_LENGTH = 2_000


class ForbiddenAddress(OSError):
    """An address that is never connected to, or a name that resolves to one."""


def check_url(url: str) -> str:
    """The URL of an endpoint as it is; ValueError when it cannot be one, or would show a secret."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host, in at most 2000 ASCII characters")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user and no password: the API key is given apart")
    if parts.query or parts.fragment:
        raise ValueError("must hold no ? and no #: a key in it would be shown")
    return url


def check_host(url: str) -> None:
    """Raises ForbiddenAddress when the host is a forbidden address; a name is checked when it is resolved."""
    host = (urlsplit(url).hostname or "").partition("%")[0]
    try:
        address = ip_address(host)
    except ValueError:
        try:
            # As resolvers read it too: one number, octal, hexadecimal, or fewer than four parts.
            address = IPv4Address(socket.inet_aton(host))
        except OSError:
            return
    check_address(address)


def _split(url: str) -> SplitResult | None:
    # isprintable refuses what urlsplit would silently drop, such as newlines.
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def checked_socket(address: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    """A socket for an address as getaddrinfo gives it. Raises ForbiddenAddress."""
    family, kind, protocol, _, place = address
    check_address(ip_address(str(place[0]).partition("%")[0]))
    return socket.socket(family, kind, protocol)


def check_address(address: Address) -> None:
    """Raises ForbiddenAddress for an address that is never connected to."""
    if any(_is_forbidden(one) for one in (address, *_inside(address))) or any(
        one.is_link_local or one in METADATA for one in _possibly_inside(address)
    ):
        raise ForbiddenAddress(
            f"{address} is not asked: link-local, multicast and unspecified addresses are never connected to"
        )


def _is_forbidden(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA


def _inside(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return
    if address in IPV4_COMPATIBLE or address in NAT64:
        yield IPv4Address(address.packed[12:])
    yield from (one for one in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if one)


def _possibly_inside(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that it may stand for, for each possible length of the prefix (RFC 6052, §2.2)."""
    if isinstance(address, IPv6Address) and address in NAT64_LOCAL:
        yield IPv4Address(address.packed[12:])
        # The ninth byte is zero, and no part of the address.
        packed = address.packed[:8] + address.packed[9:]
        for prefix_bytes in (6, 7, 8):
            yield IPv4Address(packed[prefix_bytes : prefix_bytes + 4])
