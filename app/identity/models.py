"""Tables of accounts, of what they may do, and of what they have been handed after signing in."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, TenantOwned, TenantRow


class AccountRow(TenantRow, Base):
    """A person's account in one county.

    Attributes
    ----------
    roles : list of str
        What is granted now; ``role_grant`` tells who granted it.
    issuer, subject : str
        Of an account that signs in elsewhere (OpenID Connect); empty for one with a password here.
    person : str
        Blind index of the ID card number: equal where one person holds two accounts; empty where unknown.
    """

    __tablename__ = "account"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        UniqueConstraint("tenant_id", "login"),
        Index(
            "uq_account_subject", "tenant_id", "issuer", "subject", unique=True, postgresql_where=text("issuer <> ''")
        ),
        Index("ix_account_person", "tenant_id", "person", postgresql_where=text("person <> ''")),
    )

    login: Mapped[str]
    display_name: Mapped[str]
    password_hash: Mapped[str]
    roles: Mapped[list[object]]
    state: Mapped[str] = mapped_column(default="active")
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    issuer: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    person: Mapped[str] = mapped_column(default="")
    id_card: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    password_changed_at: Mapped[datetime]
    must_change: Mapped[bool] = mapped_column(default=False)
    valid_until: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    unlocked_at: Mapped[datetime | None]


class RoleGrantRow(TenantRow, Base):
    """Who gave whom a role, and who took it away; never deleted."""

    __tablename__ = "role_grant"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"]),
        Index(
            "uq_role_grant_in_force",
            "tenant_id",
            "account_id",
            "role",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    account_id: Mapped[uuid.UUID]
    role: Mapped[str]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]
    removed_by: Mapped[str | None]
    removed_at: Mapped[datetime | None]


class PasswordHistoryRow(TenantRow, Base):
    """A former password, as Argon2id, that may not be taken again."""

    __tablename__ = "password_history"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
        Index("ix_password_history_account", "tenant_id", "account_id", "changed_at"),
    )

    account_id: Mapped[uuid.UUID]
    password_hash: Mapped[str]
    changed_at: Mapped[datetime]


class SecondFactorRow(TenantOwned, Base):
    """The shared secret of an account's authenticator, sealed.

    Attributes
    ----------
    last_counter : int
        Time step of the last code taken; none at or before it is taken again.
    """

    __tablename__ = "second_factor"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_counter: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCodeRow(TenantRow, Base):
    """A code for whoever lost the authenticator, as a keyed digest; each works once."""

    __tablename__ = "recovery_code"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "account_id", "digest"),
    )

    account_id: Mapped[uuid.UUID]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class CredentialRow(TenantRow, Base):
    """A session, access token, refresh token or unfinished sign-in, known by its digest.

    Attributes
    ----------
    session_id : UUID
        What one sign-in led to: tokens and their successors share it.
    signed_in_at : datetime
        When that sign-in was; no successor outlives what it allows.
    factors : str
        What was proved, apart by spaces: ``pwd``, ``otp`` (RFC 8176).
    sid : str
        Session at the OpenID provider.
    refresh : bytes
        The provider's refresh token, sealed.
    renew_at : datetime
        When roles are next taken from the provider.
    refresh_until : datetime
        When the refresh token ends; a provider that is down that long ends the session.
    """

    __tablename__ = "credential"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_credential_expires", "tenant_id", "expires_at"),
        Index("ix_credential_account", "tenant_id", "account_id"),
        Index("ix_credential_sid", "tenant_id", "sid", postgresql_where=text("sid <> ''")),
    )

    account_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    session_id: Mapped[uuid.UUID]
    signed_in_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    factors: Mapped[str]
    client: Mapped[str] = mapped_column(default="")
    device: Mapped[str] = mapped_column(default="")
    sid: Mapped[str] = mapped_column(default="")
    refresh: Mapped[bytes | None] = mapped_column(LargeBinary)
    renew_at: Mapped[datetime | None]
    refresh_until: Mapped[datetime | None]


class SignInSourceRow(TenantOwned, Base):
    """Failed sign-ins from one network address within a window of time."""

    __tablename__ = "sign_in_source"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    address: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    failures: Mapped[int]


class OrganizationRow(TenantOwned, Base):
    """The organization at the provider whose members are this tenant's users; its alias is the tenant's id."""

    __tablename__ = "organization"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    issuer: Mapped[str]
    organization_id: Mapped[str]
    created_at: Mapped[datetime]


class LogoutTokenRow(TenantOwned, Base):
    """A logout token that was taken; it is not taken again while it could be."""

    __tablename__ = "logout_token"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),)

    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
