"""What an administrator may say of a client, and from where it may call. Pure functions."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from app.clients.types import PURPOSES, SCOPES, Calling, Told
from app.kernel.errors import Fault, Invalid

LONGEST_LIFE = timedelta(days=366)
LONGEST_OVERLAP = timedelta(days=30)
LONGEST_NAME = 60
MOST_NETWORKS = 20

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def fingerprint(written: str) -> str:
    """Return a certificate's SHA-256 in one spelling: lower case, without colons."""
    return written.strip().replace(":", "").lower()


def check(told: Told, now: datetime) -> None:
    """Raise `Invalid` with everything that is wrong with what is said of a client."""
    if faults := tuple(_faults(told, now)):
        raise Invalid(faults)


def _faults(told: Told, now: datetime) -> Iterator[Fault]:
    if not 1 <= len(told.name.strip()) <= LONGEST_NAME or not told.name.isprintable():
        yield Fault("length", "name", ascii(told.name[:40]), allowed=f"1–{LONGEST_NAME}")
    if not told.purposes:
        yield Fault("required", "purposes")
    for purpose in told.purposes:
        if purpose not in PURPOSES:
            yield Fault("choice", "purposes", purpose[:40], allowed=", ".join(PURPOSES))
    if not now < told.expires_at <= now + LONGEST_LIFE:
        latest = f"{now + timedelta(days=1):%Y-%m-%d}–{now + LONGEST_LIFE:%Y-%m-%d}"
        yield Fault("number", "expires_at", f"{told.expires_at:%Y-%m-%d}", allowed=latest)
    if len(told.networks) > MOST_NETWORKS:
        yield Fault("number", "networks", str(len(told.networks)), allowed=f"0–{MOST_NETWORKS}")
    for network in told.networks:
        try:
            ip_network(network)
        except ValueError:
            yield Fault("pattern", "networks", ascii(network[:50]), allowed="203.0.113.0/24")
    if told.certificate and not _FINGERPRINT.fullmatch(told.certificate):
        yield Fault("pattern", "certificate", ascii(told.certificate[:40]), allowed="SHA-256")


def check_scopes(scopes: Sequence[str], *, bound: bool) -> tuple[str, ...]:
    """Return scopes in their order; raises `Invalid` for one that is none, or that a bound client cannot have.

    Parameters
    ----------
    bound : bool
        The client is bound to an agreement, under which it may do nothing but look up.
    """
    allowed = ("lookup:ask",) if bound else SCOPES
    faults = [
        Fault("choice", "scopes", each[:40], allowed=", ".join(allowed)) for each in scopes if each not in allowed
    ]
    if faults:
        raise Invalid(tuple(faults))
    return tuple(each for each in SCOPES if each in scopes)


def may_call(networks: Sequence[str], certificate: str, calling: Calling) -> bool:
    """Say whether a call comes from where the client calls from, with the certificate it must have."""
    if certificate and fingerprint(calling.certificate) != certificate:
        return False
    if not networks:
        return True
    try:
        address = ip_address(calling.address)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)
