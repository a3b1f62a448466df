"""The province's unit of work: one transaction as ``lantai_province``, events in the logs of whom they concern."""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.kernel.events import Event
from app.platform.database import Database
from app.platform.jobs import JobId, Jobs
from app.platform.work import Sink, Work
from tenants.scope import PROVINCE, ProvinceScope, Scope, TenantId, entered


class ProvinceWork:
    """What the province may do inside its transaction.

    Attributes
    ----------
    session : Session
        Under ``lantai_province``: the directory and what policies open to the province, no county's records.
    scope : ProvinceScope
    """

    def __init__(self, session: Session, scope: ProvinceScope) -> None:
        self.session = session
        self.scope = scope
        self._events: dict[TenantId, list[Event]] = {}

    def record(self, tenant: TenantId, *events: Event) -> None:
        """Emit events into a tenant's audit log; a county sees there whatever the province did to it."""
        self._events.setdefault(tenant, []).extend(events)

    def ask(self, task: str, subject: uuid.UUID, *, key: str, total: int, tenant: TenantId) -> JobId:
        """Ask for a job of the province's own office about a tenant, in this transaction."""
        self._bind(PROVINCE)
        return Jobs(self.session, self._as(PROVINCE)).ask(task, subject, key=key, total=total, tenant=tenant)

    def finish(self, audit: Sink) -> None:
        """Append the events, tenant by tenant in one order, so that two such works cannot wait for each other."""
        for tenant in sorted(self._events):
            scope = self._as(tenant)
            with entered(scope):
                self._bind(tenant)
                audit(Work(self.session, scope, ()), self._events[tenant])

    def _as(self, tenant: TenantId) -> Scope:
        who = self.scope
        return Scope(tenant, who.principal, who.purpose, who.request_id, who.client, who.session)

    def _bind(self, tenant: TenantId) -> None:
        self.session.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": tenant})


class ProvinceWorks:
    """Opens the province's units of work.

    Parameters
    ----------
    database : Database
        As ``lantai_province``.
    audit : callable
        `app.audit.service.write`.
    """

    def __init__(self, database: Database, audit: Callable[[Work, list[Event]], None]) -> None:
        self._database = database
        self._audit = audit

    @contextmanager
    def __call__(self, scope: ProvinceScope) -> Generator[ProvinceWork]:
        """Open a unit of work; commits unless the block raises."""
        with self._database.unscoped() as session:
            work = ProvinceWork(session, scope)
            yield work
            session.flush()
            work.finish(self._audit)
