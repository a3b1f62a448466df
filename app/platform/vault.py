"""Personal identifiers and secrets in the database: sealed with the tenant's own key, found again by a keyed digest.

The key is drawn when first needed, wrapped by the installation's master key, and lies in ``tenant_key``.
Destroying it makes everything sealed with it unreadable for good, in every backup too.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from sqlalchemy import ForeignKeyConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped

from app.kernel import clock
from app.kernel.errors import DomainError
from app.platform.database import Base, TenantOwned
from app.platform.work import Works
from tenants.scope import current_scope

_NONCE = 12
_TAG = 16
_KEY = 32
_SALT = 16
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""Source: RFC 7914; OWASP, Password Storage."""
_CIPHERS = {"aes": (b"\x01", algorithms.AES, 32), "sm4": (b"\x02", algorithms.SM4, 16)}
"""First byte of what is sealed, algorithm, bytes of key. Source: handbook security.md, 5."""


class TenantKeyRow(TenantOwned, Base):
    """A tenant's key, wrapped; without it once destroyed."""

    __tablename__ = "tenant_key"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    wrapped: Mapped[bytes | None]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


@dataclass(eq=False)
class KeyDestroyed(DomainError):
    """The tenant's key is gone; what it sealed cannot be read any more."""

    code: ClassVar[str] = "vault.key_destroyed"
    status: ClassVar[int] = 410


@dataclass(eq=False)
class WrongPassphrase(DomainError):
    """The passphrase is not the one under which the key left, or the key belongs to another tenant."""

    code: ClassVar[str] = "vault.wrong_passphrase"


class SealBroken(RuntimeError):
    """Sealed bytes were altered, or sealed for another place: a defect or an attack, never a user's fault."""


class Vault:
    """Seals values for the tenant in scope.

    Parameters
    ----------
    works : Works
    master : str
        Secret of the installation, 32 characters or more.
    cipher : "aes" or "sm4"
        For new seals; both are opened.
    """

    def __init__(self, works: Works, master: str, *, cipher: Literal["aes", "sm4"] = "aes") -> None:
        self._work = works
        self._master = hashlib.sha256(b"lantai master key\n" + master.encode()).digest()
        self._cipher = cipher

    def seal(self, plain: str, *, context: str) -> bytes:
        """Encrypt a value for one place.

        Parameters
        ----------
        plain : str
        context : str
            Where it is kept, e.g. ``account.phone``; it opens nowhere else, nor for another tenant.
        """
        mark, algorithm, length = _CIPHERS[self._cipher]
        nonce = secrets.token_bytes(_NONCE)
        encryptor = Cipher(algorithm(self._derived(f"seal {self._cipher}")[:length]), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(mark + _place(context))
        return mark + nonce + encryptor.update(plain.encode()) + encryptor.finalize() + encryptor.tag

    def open(self, sealed: bytes, *, context: str) -> str:
        """Decrypt a value; raises `SealBroken` where it was altered or belongs elsewhere, and `KeyDestroyed`."""
        for name, (mark, algorithm, length) in _CIPHERS.items():
            if sealed[:1] == mark:
                nonce, body, tag = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE : -_TAG], sealed[-_TAG:]
                key = self._derived(f"seal {name}")[:length]
                decryptor = Cipher(algorithm(key), modes.GCM(nonce, tag)).decryptor()
                decryptor.authenticate_additional_data(mark + _place(context))
                try:
                    return (decryptor.update(body) + decryptor.finalize()).decode()
                except InvalidTag as error:
                    raise SealBroken(context) from error
        raise SealBroken(context)

    def blind(self, value: str, *, context: str) -> str:
        """Return a keyed digest by which equal values are found without being read: HMAC-SHA-256, hexadecimal.

        It differs from tenant to tenant and from place to place.
        """
        return hmac.new(self._derived("blind"), _place(context) + value.encode(), hashlib.sha256).hexdigest()

    def destroy(self) -> None:
        """Destroy the key of the tenant in scope; what it sealed is unreadable from now on."""
        self._key()
        with self._work() as work:
            row = work.session.get_one(TenantKeyRow, current_scope().tenant)
            row.wrapped, row.destroyed_at = None, clock.now()

    def leave(self, passphrase: str) -> str:
        """Return the key of the tenant in scope under a passphrase of the tenant's own, as JSON to take along."""
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, self._key(), current_scope().tenant.encode())
        told = {"kdf": "scrypt", **_SCRYPT, "cipher": "AES-256-GCM"}
        parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
        return json.dumps(told | {name: part.hex() for name, part in parts.items()}) + "\n"

    def arrive(self, told: str, passphrase: str) -> bytes:
        """Return a key that `leave` gave elsewhere, wrapped for ``tenant_key`` of the tenant in scope here.

        Raises `WrongPassphrase`.
        """
        tenant = current_scope().tenant
        try:
            parts = json.loads(told)
            salt, nonce, sealed = (bytes.fromhex(parts[name]) for name in ("salt", "nonce", "sealed"))
            key = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, sealed, tenant.encode())
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise WrongPassphrase from error
        return self._wrap(key, tenant)

    def _derived(self, use: str) -> bytes:
        return hmac.new(self._key(), use.encode(), hashlib.sha256).digest()

    def _key(self) -> bytes:
        tenant = current_scope().tenant
        with self._work() as work:
            found = work.session.scalars(select(TenantKeyRow.wrapped)).all()
            if not found:
                fresh = self._wrap(secrets.token_bytes(_KEY), tenant)
                values = {"tenant_id": tenant, "wrapped": fresh, "created_at": clock.now()}
                work.session.execute(insert(TenantKeyRow).values(values).on_conflict_do_nothing())
                found = work.session.scalars(select(TenantKeyRow.wrapped)).all()
            (wrapped,) = found
            if wrapped is None:
                raise KeyDestroyed
            return self._unwrap(wrapped, tenant)

    def _wrap(self, key: bytes, tenant: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        encryptor = Cipher(algorithms.AES(self._master), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(tenant.encode())
        return nonce + encryptor.update(key) + encryptor.finalize() + encryptor.tag

    def _unwrap(self, wrapped: bytes, tenant: str) -> bytes:
        nonce, body, tag = wrapped[:_NONCE], wrapped[_NONCE:-_TAG], wrapped[-_TAG:]
        decryptor = Cipher(algorithms.AES(self._master), modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(tenant.encode())
        try:
            return decryptor.update(body) + decryptor.finalize()
        except InvalidTag as error:
            message = "the tenant's key was not wrapped by this installation's LANTAI_MASTER_KEY"
            raise SealBroken(message) from error


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt, length=_KEY, **_SCRYPT).derive(passphrase.encode())


def _place(context: str) -> bytes:
    return f"{current_scope().tenant}\x1f{context}\x1f".encode()
