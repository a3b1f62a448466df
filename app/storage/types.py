"""Objects as other rooms know them."""

import uuid
from dataclasses import dataclass
from typing import ClassVar, NewType

from app.kernel.errors import DomainError

ObjectId = NewType("ObjectId", uuid.UUID)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Bytes that are kept.

    Attributes
    ----------
    sha256 : str
        Digest of the bytes as they arrived, lower-case hexadecimal.
    size : int
        Bytes.
    """

    id: ObjectId
    key: str
    sha256: str
    size: int
    media_type: str


@dataclass(eq=False)
class TooLarge(DomainError):
    """More bytes than the county takes in one file."""

    code: ClassVar[str] = "storage.too_large"
    status: ClassVar[int] = 413
    limit_bytes: int


@dataclass(eq=False)
class DigestMismatch(DomainError):
    """The bytes that arrived are not the bytes that were announced."""

    code: ClassVar[str] = "storage.digest_mismatch"
    expected: str
    found: str
