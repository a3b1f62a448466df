"""Connections, table bases, and the transaction in which a scope is bound."""

import math
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import psycopg
from psycopg import sql
from sqlalchemy import Connection, DateTime, Engine, MetaData, Text, Uuid, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from tenants.scope import Scope, current_scope

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables; a table is either the province's or led by ``tenant_id``."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's declared hook
        datetime: DateTime(timezone=True),
        uuid.UUID: Uuid(),
        str: Text(),
        dict[str, object]: JSONB(),
        list[object]: JSONB(),
    }


def _tenant_in_scope() -> str:
    return current_scope().tenant


class TenantOwned:
    """Leads a table with ``tenant_id``: first in its key, filled from the scope, held by row security."""

    tenant_id: Mapped[str] = mapped_column(primary_key=True, default=_tenant_in_scope, sort_order=-10)


class TenantRow(TenantOwned):
    """A tenant's row with an id of its own."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-9)


_BEGIN = sql.SQL("BEGIN; SET LOCAL app.tenant = {}")


def bind(session: Session, scope: Scope) -> None:
    """Begin the session's transaction with a scope bound; row security reads it, and it ends with the transaction.

    Both in one message to the server, below the ORM: this stands before every transaction, and as two
    statements of its own it made the shortest queries a third slower.

    Parameters
    ----------
    session : Session
        In which nothing has been asked yet.
    scope : Scope
    """
    _send(session, _BEGIN.format(sql.Literal(scope.tenant)).as_bytes(None))


def _settle(session: Session) -> None:
    """Commit a transaction that was told `COMMIT_AHEAD`, and wait for the disk; the ORM finds nothing left to do."""
    if session.info.get(AHEAD):
        session.flush()
        _send(session, _COMMIT_AND_WAIT)


def _send(session: Session, message: bytes) -> None:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  # the one driver we use
    answer = driver.pgconn.exec_(message)
    if answer.status not in (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK):
        raise psycopg.OperationalError(driver.pgconn.error_message.decode(errors="replace"))


AHEAD = "ahead of the disk"
"""Mark of a session whose commit does not wait for the disk, because its last statement was told `COMMIT_AHEAD`."""

COMMIT_AHEAD = "set_config('synchronous_commit', 'off', true)"
"""Selected by a transaction's last statement: the commit frees its locks at once. Whoever opened the transaction waits
for the disk after that, and those who wait at one time share one write of it."""

_COMMIT_AND_WAIT = b"COMMIT; SELECT pg_logical_emit_message(true, 'lantai', '')"
"""After the commit, in the same message, a transaction that only waits: the disk takes commits in order."""

_RESTED = "rested"
_TRUSTED = 1.0
"""Seconds after which a connection that lay in the pool is asked whether it still stands."""


def _rested(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RESTED] = time.monotonic()


def _awake(engine: Engine, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Replace a connection that broke while it lay in the pool; raises `DisconnectionError`, which does that."""
    if time.monotonic() - record.info.get(_RESTED, math.inf) < _TRUSTED:
        return
    try:
        engine.dialect.do_ping(connection)
    except psycopg.Error as error:
        raise DisconnectionError from error


class Database:
    """Connections to PostgreSQL under one role.

    Parameters
    ----------
    url : str
        ``postgresql://…``; the psycopg driver is chosen here.
    pool_size : int
        Connections kept; as many again may be opened under load.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # names and titles stay out of the log
            connect_args={"connect_timeout": 5, "prepare_threshold": None},
        )
        event.listen(self.engine, "checkin", _rested)
        event.listen(self.engine, "checkout", partial(_awake, self.engine))
        self._sessions = sessionmaker(self.engine, expire_on_commit=False, autoflush=True)

    @contextmanager
    def unscoped(self) -> Generator[Session]:
        """Open a transaction with no tenant bound: tenant tables raise, the province's answer."""
        with self._sessions.begin() as session:
            yield session
            _settle(session)

    @contextmanager
    def glance(self) -> Generator[Connection]:
        """Open a connection whose every statement stands alone: one short read, without a transaction around it."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def scoped(self, scope: Scope) -> Generator[Session]:
        """Open a transaction in which the scope's tenant is bound; commits unless the block raises."""
        with self._sessions.begin() as session:
            bind(session, scope)
            session.info["tenant"] = scope.tenant
            yield session
            _settle(session)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def tenant_tables() -> list[str]:
    """Return the names of all tables led by ``tenant_id``, for row security and its tests."""
    return sorted(t.name for t in Base.metadata.tables.values() if "tenant_id" in t.columns)
