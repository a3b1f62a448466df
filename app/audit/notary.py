"""Signs how large a log is and what its root is, and lays the note where nobody writes twice."""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gmssl.sm2 import CryptSM2  # pyright: ignore[reportMissingTypeStubs]

from app.audit.offline import ED25519, SM2, Checkpoint, Key, note, sealed, sm2_public
from app.platform.objectstore import LocalSite
from tenants.scope import TenantId

NAME = "lantai"
FOLDER = "audit/checkpoints"

_SM2_SECRETS = 2**255
"""All below are secret keys: the order of the curve lies above."""


class Notary:
    """Keeps the signed checkpoints of all logs.

    Both keys come of one secret, and a note is the same whenever it is signed again, so that a repetition cannot
    collide with what was written once.

    Parameters
    ----------
    secret : str
        Of the installation, 32 characters or more.
    signature : "ed25519" or "sm2"
        For new notes; both are verified. SM2 is with SM3.
    sites : sequence of LocalSite
        Each keeps every note.
    """

    def __init__(self, secret: str, signature: Literal["ed25519", "sm2"], sites: Sequence[LocalSite]) -> None:
        self._seed = hashlib.sha256(b"lantai audit key\n" + secret.encode()).digest()
        self._private = Ed25519PrivateKey.from_private_bytes(self._seed)
        self._sm2 = int.from_bytes(self._derived(b"SM2"), "big") % (_SM2_SECRETS - 1) + 1
        self._sites = sites
        ed25519 = Key(NAME, ED25519, self._private.public_key().public_bytes_raw())
        sm2 = Key(NAME, SM2, sm2_public(self._sm2))
        self.keys = (ed25519, sm2) if signature == "ed25519" else (sm2, ed25519)
        """Public keys; the first is the one that signs."""
        self.sites = tuple(site.name for site in sites)

    def signed(self, checkpoint: Checkpoint) -> str:
        """Return a checkpoint as a signed note."""
        return note(checkpoint, self.keys[0], self._signature(checkpoint.text()))

    def sealed(self, text: str) -> str:
        """Return any text, of whole lines, as a signed note."""
        return sealed(text, self.keys[0], self._signature(text))

    def keep(self, tenant: TenantId, size: int, written: str) -> None:
        """Lay a note on all sites, for good; again is harmless."""
        for site in self._sites:
            site.put_once(written.encode(), tenant, f"{FOLDER}/{size:012d}.note")

    def kept(self, tenant: TenantId) -> Iterator[tuple[str, str, bytes]]:
        """Yield every note of every site: name of the site, key, content."""
        for site in self._sites:
            for key in site.keys(tenant, FOLDER):
                with site.open(tenant, key) as file:
                    yield site.name, key, file.read()

    def _signature(self, text: str) -> bytes:
        return self._private.sign(text.encode()) if self.keys[0].kind == ED25519 else self._signed_sm2(text.encode())

    def _signed_sm2(self, text: bytes) -> bytes:
        public = self.keys[0].public[1:].hex()
        signer = CryptSM2(private_key=f"{self._sm2:064x}", public_key=public)
        signer.public_key = public  # the constructor eats leading zeros and fours of some keys
        once = int.from_bytes(self._derived(b"once\n" + text), "big") % (_SM2_SECRETS - 1) + 1
        return bytes.fromhex(str(signer.sign_with_sm3(text, f"{once:064x}")))  # pyright: ignore[reportUnknownMemberType]

    def _derived(self, use: bytes) -> bytes:
        return hmac.new(self._seed, use, hashlib.sha256).digest()
