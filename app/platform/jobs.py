"""The jobs table: outbox, fair queue and progress ledger in one.

A row is written in the transaction that asks for the work. The dispatcher hands rows on, county by
county in turn; a worker claims a row, keeps its lease alive, and writes the outcome to the same row.
A broker may lose or repeat messages: the row decides.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kernel import clock
from app.kernel.errors import NotFound
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.platform.database import Base, TenantRow
from tenants.scope import Principal, Scope, TenantId

JobId = NewType("JobId", uuid.UUID)

QUEUES = ("default", "pages")
"""Short work and long: each has workers of its own."""

RUNNING = 50
"""Most jobs of one county handed out and unfinished, where its quota says nothing else."""

ATTEMPTS = 4
"""Runs before a job goes to the dead-letter shelf."""


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    SENT = "sent"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"


class JobRow(TenantRow, Base):
    """One piece of work asked for."""

    __tablename__ = "job"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenant.id"]),
        UniqueConstraint("tenant_id", "key"),
        Index("ix_job_waiting", "tenant_id", "queue", "priority", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_job_leased", "lease_until", postgresql_where=text("state IN ('sent', 'running')")),
        Index("ix_job_subject", "tenant_id", "subject_id"),
    )

    task: Mapped[str]
    key: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    args: Mapped[dict[str, object]]
    queue: Mapped[str]
    priority: Mapped[int] = mapped_column(default=5)
    principal: Mapped[dict[str, object]]
    request_id: Mapped[str]
    state: Mapped[str] = mapped_column(default=JobState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    error: Mapped[dict[str, object] | None]
    created_at: Mapped[datetime]
    run_after: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the portal shows it and a worker runs it.

    Attributes
    ----------
    done, total : int
        Progress in the task's own units; total 0 means not yet known.
    error : mapping or None
        ``code`` of the catalogue and its facts, of the last failure.
    """

    id: JobId
    tenant: TenantId
    task: str
    subject_id: uuid.UUID
    args: Mapping[str, object]
    queue: str
    principal: Principal
    request_id: str
    state: JobState
    attempts: int
    done: int
    total: int
    error: Mapping[str, object] | None
    created_at: datetime
    finished_at: datetime | None


def _value(row: JobRow) -> Job:
    who = row.principal
    roles = who["roles"]
    if not isinstance(roles, list):
        raise TypeError
    return Job(
        id=JobId(row.id),
        tenant=TenantId(row.tenant_id),
        task=row.task,
        subject_id=row.subject_id,
        args=row.args,
        queue=row.queue,
        principal=Principal(str(who["id"]), str(who["name"]), frozenset(map(str, roles))),  # pyright: ignore[reportUnknownArgumentType]  # JSON
        request_id=row.request_id,
        state=JobState(row.state),
        attempts=row.attempts,
        done=row.done,
        total=row.total,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


class Jobs:
    """The jobs of the tenant in scope."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self._session = session
        self._scope = scope

    def ask(  # noqa: PLR0913  # a job's envelope
        self,
        task: str,
        subject: uuid.UUID,
        *,
        key: str = "",
        queue: str = "default",
        priority: int = 5,
        total: int = 0,
        after: timedelta = timedelta(),
        **args: str | int,
    ) -> JobId:
        """Ask for work once: the same task, subject and key lead to the same job.

        Parameters
        ----------
        task : str
            Name in the workers' register.
        subject : UUID
            What the work is about; jobs are found by it.
        key : str
            Tells repetitions that are meant apart, for instance a version number.
        total : int
            Units of progress, where known.
        after : timedelta
            How long it waits before it may run.
        """
        who = self._scope.principal
        now = clock.now()
        full_key = f"{task}:{subject}:{key}"
        job_id = derived_id(self._scope.tenant, "job", full_key)
        self._session.execute(
            insert(JobRow)
            .values(
                tenant_id=self._scope.tenant,
                id=job_id,
                task=task,
                key=full_key,
                subject_id=subject,
                args=args,
                queue=queue,
                priority=priority,
                principal={"id": who.id, "name": who.name, "roles": sorted(who.roles)},
                request_id=self._scope.request_id,
                state=JobState.WAITING,
                total=total,
                created_at=now,
                run_after=now + after,
            )
            .on_conflict_do_nothing()
        )
        return JobId(job_id)

    def get(self, job_id: JobId) -> Job:
        """Return a job; raises `NotFound`."""
        row = self._session.get(JobRow, (self._scope.tenant, job_id))
        if row is None:
            raise NotFound("job")
        return _value(row)

    def about(self, subject: uuid.UUID) -> tuple[Job, ...]:
        """Return the jobs about a subject, oldest first."""
        query = select(JobRow).where(JobRow.subject_id == subject).order_by(JobRow.id)
        return tuple(map(_value, self._session.scalars(query)))

    def page(self, request: PageRequest, *, state: JobState | None = None) -> Page[Job]:
        """Return jobs, newest first."""
        query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(request.limit + 1)
        if state is not None:
            query = query.where(JobRow.state == state)
        if request.after:
            moment, last = datetime.fromisoformat(request.after[0]), uuid.UUID(request.after[1])
            query = query.where((JobRow.created_at < moment) | ((JobRow.created_at == moment) & (JobRow.id < last)))
        rows = tuple(map(_value, self._session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        last_row = (shown[-1].created_at.isoformat(), str(shown[-1].id)) if more else ("", "")
        return Page(shown, encode_cursor(last_row) if more else None)

    def counts(self) -> dict[str, int]:
        """Return how many jobs stand in each state."""
        query = select(JobRow.state, func.count()).group_by(JobRow.state)
        return dict(self._session.execute(query).all())

    def in_flight(self) -> int:
        """Return how many jobs are handed out and unfinished."""
        query = select(func.count()).where(JobRow.state.in_([JobState.SENT, JobState.RUNNING]))
        return self._session.scalar(query) or 0

    def claim(self, job_id: JobId, lease: timedelta) -> Job | None:
        """Take a job for running; None when it is done, dead or in another worker's hands."""
        now = clock.now()
        row = self._session.scalar(
            update(JobRow)
            .where(JobRow.id == job_id, JobRow.state == JobState.SENT)
            .values(state=JobState.RUNNING, attempts=JobRow.attempts + 1, lease_until=now + lease, error=None)
            .returning(JobRow)
        )
        return None if row is None else _value(row)

    def advance(self, job_id: JobId, lease: timedelta, *, done: int | None = None, total: int | None = None) -> None:
        """Note progress, and keep the lease alive."""
        values: dict[str, object] = {"lease_until": clock.now() + lease}
        if done is not None:
            values["done"] = done
        if total is not None:
            values["total"] = total
        self._session.execute(update(JobRow).where(JobRow.id == job_id).values(values))

    def finish(self, job_id: JobId) -> None:
        """Note that the work is done; once."""
        self._session.execute(
            update(JobRow)
            .where(JobRow.id == job_id, JobRow.state == JobState.RUNNING)
            .values(state=JobState.DONE, finished_at=clock.now(), lease_until=None, done=JobRow.total)
        )

    def fail(self, job_id: JobId, error: Mapping[str, object], *, again: bool) -> None:
        """Note a failure: tried again after a pause while attempts last, else shelved.

        Parameters
        ----------
        error : mapping
            ``code`` of the catalogue, and facts.
        again : bool
            Whether trying again could help; a fault of the input is final.
        """
        row = self._session.get(JobRow, (self._scope.tenant, job_id), with_for_update=True)
        if row is None:
            raise NotFound("job")
        row.error = dict(error)
        row.lease_until = None
        if again and row.attempts < ATTEMPTS:
            row.state = JobState.WAITING
            row.run_after = clock.now() + timedelta(seconds=2**row.attempts)
        else:
            row.state = JobState.DEAD if again else JobState.FAILED
            row.finished_at = clock.now()

    def retry(self, job_id: JobId) -> Job:
        """Put a failed or dead job back in the queue at a person's wish; others stay as they are."""
        row = self._session.get(JobRow, (self._scope.tenant, job_id), with_for_update=True)
        if row is None:
            raise NotFound("job")
        if row.state in (JobState.FAILED, JobState.DEAD):
            row.state, row.attempts, row.error, row.finished_at = JobState.WAITING, 0, None, None
            row.run_after = clock.now()
        return _value(row)


@dataclass(frozen=True, slots=True)
class Handed:
    """What the broker needs to know of a job."""

    id: JobId
    tenant: TenantId
    queue: str
    principal: Principal
    request_id: str


_RELEASE = text("""
    UPDATE job SET state = CASE WHEN attempts >= :attempts THEN 'dead' ELSE 'waiting' END,
        error = CASE WHEN state = 'running' THEN '{"code": "job.worker_lost"}'::jsonb ELSE error END,
        finished_at = CASE WHEN attempts >= :attempts THEN now() END, lease_until = NULL
    WHERE state IN ('sent', 'running') AND lease_until < :now
""")

_CLAIM = text("""
    WITH flight AS (
        SELECT tenant_id, count(*) FILTER (WHERE queue = :queue) AS n, count(*) AS running FROM job
        WHERE state IN ('sent', 'running') GROUP BY tenant_id
    ), county AS (
        SELECT t.id, coalesce(f.n, 0) AS n, greatest(coalesce(q.hard, :most) - coalesce(f.running, 0), 0) AS room
        FROM tenant t LEFT JOIN flight f ON f.tenant_id = t.id
        LEFT JOIN quota q ON q.tenant_id = t.id AND q.kind = 'jobs'
        WHERE t.state = 'active'
    ), turn AS (
        SELECT w.tenant_id, w.id, w.rank + t.n AS place, w.priority
        FROM county t
        CROSS JOIN LATERAL (
            SELECT j.tenant_id, j.id, j.priority, row_number() OVER (ORDER BY j.priority, j.id) AS rank
            FROM (SELECT tenant_id, id, priority FROM job
                  WHERE tenant_id = t.id AND state = 'waiting' AND queue = :queue AND run_after <= :now
                  ORDER BY priority, id LIMIT least(:free, t.room)) j
        ) w
        ORDER BY place, w.priority, w.id LIMIT :free
    )
    SELECT j.tenant_id, j.id FROM job j JOIN turn USING (tenant_id, id)
    WHERE j.state = 'waiting' FOR UPDATE OF j SKIP LOCKED
""")


class Ledger:
    """The dispatcher's view: every county's jobs, and nothing but jobs.

    Parameters
    ----------
    session : Session
        Under the role ``lantai_dispatcher``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def release_lost(self) -> None:
        """Put back jobs whose message or worker was lost; after the last attempt, shelve them."""
        self._session.execute(_RELEASE, {"attempts": ATTEMPTS, "now": clock.now()})

    def take(self, queue: str, in_flight: int, lease: timedelta) -> tuple[Handed, ...]:
        """Mark the next jobs of a queue as sent: the county with the fewest jobs in flight first.

        A row that cannot be read is shelved; it holds up nobody else.

        Parameters
        ----------
        queue : str
            Queues do not wait for one another: an accepted item is found while pages are being read.
        in_flight : int
            Most jobs handed out and unfinished at one time, over all counties.
        lease : timedelta
            How long a message may stay unclaimed before the job is handed out again.
        """
        now = clock.now()
        busy = self._session.scalar(
            select(func.count()).where(JobRow.queue == queue, JobRow.state.in_([JobState.SENT, JobState.RUNNING]))
        )
        free = in_flight - (busy or 0)
        if free <= 0:
            return ()
        ids = self._session.execute(_CLAIM, {"queue": queue, "free": free, "most": RUNNING, "now": now}).all()
        handed: list[Handed] = []
        for tenant_id, job_id in ids:
            row = self._session.get_one(JobRow, (tenant_id, job_id))
            try:
                job = _value(row)
            except (KeyError, TypeError, ValueError):
                row.state, row.error, row.finished_at = JobState.DEAD, {"code": "job.unreadable"}, now
                continue
            row.state, row.lease_until = JobState.SENT, now + lease
            handed.append(Handed(job.id, job.tenant, job.queue, job.principal, job.request_id))
        return tuple(handed)
