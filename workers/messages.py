"""Scope in a broker's messages: sealed, since whoever reaches the broker can write there."""

import hashlib
import hmac
from collections.abc import Mapping

from app.kernel.hashes import canonical
from tenants.scope import Principal, Scope, TenantId

HEADER = "lantai_scope"
SEAL = "lantai_seal"


class SealBroken(RuntimeError):
    """A message carries no scope, or one that this installation did not seal."""


def _seal(told: Mapping[str, object], key: bytes) -> str:
    return hmac.new(key, canonical(told), hashlib.sha256).hexdigest()


def sealed(scope: Scope, key: bytes) -> dict[str, object]:
    """Return message headers that carry a scope.

    Parameters
    ----------
    scope : Scope
    key : bytes
        Secret of the installation.
    """
    told: dict[str, object] = {
        "tenant": scope.tenant,
        "principal": scope.principal.id,
        "name": scope.principal.name,
        "roles": sorted(scope.principal.roles),
        "purpose": scope.purpose,
        "request_id": scope.request_id,
    }
    return {HEADER: told, SEAL: _seal(told, key)}


def unsealed(headers: Mapping[str, object] | None, key: bytes) -> Scope:
    """Return the scope a message carries; raises `SealBroken`."""
    told = (headers or {}).get(HEADER)
    seal = (headers or {}).get(SEAL)
    if not isinstance(told, dict) or not isinstance(seal, str) or not hmac.compare_digest(_seal(told, key), seal):
        message = "message without a scope sealed here"
        raise SealBroken(message)
    principal = Principal(str(told["principal"]), str(told["name"]), frozenset(map(str, told["roles"])))
    return Scope(TenantId(str(told["tenant"])), principal, str(told["purpose"]), str(told["request_id"]))
