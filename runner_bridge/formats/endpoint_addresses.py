"""Addresses that are never connected to: those where clouds keep credentials.

An IPv6 address that stands for an IPv4 address, for a translator or a tunnel, is treated as that IPv4 address.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

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


class ForbiddenAddress(OSError):
    """An address that is never connected to, or a name that resolves to one."""


def check_address(address: Address) -> None:
    """Raises ForbiddenAddress for an address that is never connected to."""
    if any(_is_forbidden(one) for one in (address, *_inside(address))) or any(
        one.is_link_local or one in METADATA for one in _possibly_inside(address)
    ):
        raise ForbiddenAddress(
            f"{address} is not asked: link-local, multicast and unspecified addresses are no model's"
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
