"""Runs the detectors over a tenant's log, keeps what they find, and has it acknowledged."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Select, Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from app.audit.detectors import (
    DETECTORS,
    SIGNED_IN,
    VIEWS,
    Act,
    Asked,
    Detector,
    Finding,
    started,
)
from app.audit.models import AlertRow, AuditEntryRow, AuditHeadRow, DetectorRow
from app.audit.offline import Entry as Line
from app.audit.types import (
    Alert,
    AlertAcknowledged,
    AlertId,
    AlertRaised,
    AlertRead,
    AlreadyAcknowledged,
    DetectorTuned,
    OwnAlert,
    Severity,
    Threshold,
)
from app.kernel import clock
from app.kernel.errors import Fault, Invalid, NotFound
from app.kernel.ids import derived_id
from app.kernel.paging import Page, PageRequest, encode_cursor
from app.kernel.predicate import Policy, role
from app.platform.work import Work, Works
from tenants.scope import current_scope

ALERTS = Policy(
    {
        "read": role("sec_admin", "audit_admin"),
        "acknowledge": role("sec_admin"),
        "tune": role("sec_admin"),
        "detect": role("system"),
    }
)

MONTH = timedelta(days=30)
HIGHEST = 1_000_000
LONGEST_NOTE = 2000

_TUNABLE = {detector.name: detector for detector in DETECTORS if detector.threshold > 1}
"""The others tell each single case."""
_MOMENT = func.to_char(func.timezone("UTC", AuditEntryRow.at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
_entries = select(AuditEntryRow.seq, AuditEntryRow.at, _MOMENT, AuditEntryRow.leaf, AuditEntryRow.body)


class AlertsService:
    """A tenant's alerts, for its security administrator; its audit administrator reads them too."""

    def __init__(self, works: Works) -> None:
        self._work = works

    def page(self, request: PageRequest, *, waiting: bool = False) -> Page[Alert]:
        """Return alerts, newest first.

        Parameters
        ----------
        request : PageRequest
        waiting : bool
            Only those of which nobody has taken note.
        """
        ALERTS.require("read", current_scope().principal.roles)
        query = select(AlertRow).order_by(AlertRow.raised_at.desc(), AlertRow.id.desc()).limit(request.limit + 1)
        if waiting:
            query = query.where(AlertRow.acknowledged_at.is_(None))
        if request.after:
            moment, last = datetime.fromisoformat(request.after[0]), uuid.UUID(request.after[1])
            query = query.where((AlertRow.raised_at < moment) | ((AlertRow.raised_at == moment) & (AlertRow.id < last)))
        with self._work() as work:
            rows = tuple(map(_value, work.session.scalars(query)))
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(shown, encode_cursor((shown[-1].raised_at.isoformat(), str(shown[-1].id))) if more else None)

    def get(self, alert_id: uuid.UUID) -> tuple[Alert, tuple[Act, ...]]:
        """Return an alert and the entries it stands on, which is recorded; raises `NotFound`."""
        scope = current_scope()
        ALERTS.require("read", scope.principal.roles)
        with self._work() as work:
            row = work.session.get(AlertRow, (scope.tenant, alert_id))
            if row is None:
                raise NotFound("alert")
            alert = _value(row)
            evidence = tuple(_read(work.session, _entries.where(AuditEntryRow.seq.in_(alert.evidence))))
            work.record(AlertRead(alert_id))
            return alert, evidence

    def waiting(self) -> int:
        """Return how many alerts nobody has taken note of."""
        ALERTS.require("read", current_scope().principal.roles)
        query = select(func.count()).select_from(AlertRow).where(AlertRow.acknowledged_at.is_(None))
        with self._work() as work:
            return work.session.scalar(query) or 0

    def acknowledge(self, alert_id: uuid.UUID, note: str) -> Alert:
        """Take note of an alert, saying what was found out; it stays.

        Raises `NotFound`, `Invalid` for an empty note, `AlreadyAcknowledged`, and `OwnAlert` for whom it is about.
        """
        scope = current_scope()
        ALERTS.require("acknowledge", scope.principal.roles)
        note = note.strip()
        if not 0 < len(note) <= LONGEST_NOTE or "\x00" in note:
            raise Invalid((Fault("length", "note", note[:40], allowed=f"1–{LONGEST_NOTE}"),))
        with self._work() as work:
            row = work.session.get(AlertRow, (scope.tenant, alert_id))
            if row is None:
                raise NotFound("alert")
            if row.subject == scope.principal.id:
                raise OwnAlert
            taken = (
                update(AlertRow)
                .where(AlertRow.id == alert_id, AlertRow.acknowledged_at.is_(None))
                .values(acknowledged_at=clock.now(), acknowledged_by=scope.principal.id, note=note)
                .returning(AlertRow)
            )
            row = work.session.scalar(taken.execution_options(populate_existing=True))
            if row is None:
                raise AlreadyAcknowledged
            work.record(AlertAcknowledged(alert_id, detector=row.detector))
            return _value(row)

    def thresholds(self) -> tuple[Threshold, ...]:
        """Return how many it takes until each detector raises an alert."""
        ALERTS.require("read", current_scope().principal.roles)
        with self._work() as work:
            told = {row.name: row.threshold for row in work.session.scalars(select(DetectorRow))}
        return tuple(
            Threshold(
                detector.name,
                detector.severity,
                int(detector.window.total_seconds() // 60),
                told.get(detector.name) or detector.threshold,
                detector.threshold,
            )
            for detector in DETECTORS
        )

    def tune(self, name: str, threshold: int) -> None:
        """Set how many it takes until a detector raises an alert, in this county. Raises `NotFound` and `Invalid`."""
        ALERTS.require("tune", current_scope().principal.roles)
        if name not in _TUNABLE:
            raise NotFound("detector")
        if not 0 < threshold <= HIGHEST:
            raise Invalid((Fault("number", "threshold", str(threshold), allowed=f"1–{HIGHEST}"),))
        with self._work() as work:
            row = _settings(work, _TUNABLE[name])
            former = row.threshold or _TUNABLE[name].threshold
            if former != threshold:
                row.threshold = threshold
                tuned = derived_id(work.scope.tenant, "detector", name)
                work.record(DetectorTuned(tuned, detector=name, former=former, threshold=threshold))

    def detect(self) -> None:
        """Worker's verb: read what was added to the log since the last time, and raise an alert of each finding.

        The same finding raises one alert, however often it is found.
        """
        ALERTS.require("detect", current_scope().principal.roles)
        for detector in DETECTORS:
            with self._work() as work:
                row = _settings(work, detector)
                past = _Past(work.session)
                now = work.session.scalar(select(func.clock_timestamp()))
                acts = tuple(_acts(work.session, detector, row.read_until))
                asked = Asked(row.threshold or detector.threshold, detector.window, past)
                for finding in detector.rule(acts, asked):
                    self._raise(work, detector, finding)
                row.read_until = now

    @staticmethod
    def _raise(work: Work, detector: Detector, finding: Finding) -> None:
        window = started(finding.until, detector.window).isoformat()
        alert_id = derived_id(work.scope.tenant, "alert", detector.name, finding.subject, window)
        values = {
            "tenant_id": work.scope.tenant,
            "id": alert_id,
            "detector": detector.name,
            "severity": detector.severity,
            "subject": finding.subject,
            "since": finding.since,
            "until": finding.until,
            "evidence": list(finding.evidence),
            "raised_at": clock.now(),
        }
        raised = insert(AlertRow).values(values).on_conflict_do_nothing().returning(AlertRow.id)
        if work.session.scalar(raised):
            work.record(AlertRaised(alert_id, detector=detector.name, entries=len(finding.evidence)))


class _Past:
    """What rules ask of the log beyond the acts they are given."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._size = session.scalar(select(AuditHeadRow.size)) or 0

    def size(self) -> int:
        return self._size

    def usual(self, principal: str, before: datetime) -> float:
        told = AuditEntryRow
        item = func.coalesce(cast(told.body, JSONB)["details"]["item"].astext, cast(told.object_id, Text))
        an_hour = (
            select(func.count(item.distinct()).label("opened"))
            .where(told.principal_id == principal, told.action.in_(VIEWS))
            .where(told.at >= before - MONTH, told.at < before)
            .group_by(func.date_trunc("hour", told.at))
            .subquery()
        )
        return float(self._session.scalar(select(func.avg(an_hour.c.opened))) or 0)

    def signed_in_before(self, act: Act) -> datetime | None:
        told = AuditEntryRow
        return self._session.scalar(
            select(told.at)
            .where(told.object_id == uuid.UUID(act.thing), told.action == SIGNED_IN, told.seq < act.seq)
            .order_by(told.seq.desc())
            .limit(1)
        )

    def used(self, principal: str, role: str, since: datetime, until: datetime) -> tuple[int, ...]:
        told = AuditEntryRow
        rows = self._session.execute(
            select(told.seq, told.body)
            .where(told.principal_id == principal, told.at >= since, told.at <= until)
            .order_by(told.seq)
        )
        return tuple(seq for seq, body in rows if role in json.loads(body)["roles"])


def _acts(session: Session, detector: Detector, read_until: datetime | None) -> Iterator[Act]:
    """Return what a detector reads: all since the last time, and as much before as its window is long."""
    told = AuditEntryRow
    since = read_until or func.clock_timestamp() - timedelta(days=1)
    query = _entries.where(told.at >= since - detector.window)
    if detector.actions:
        query = query.where(told.action.in_(detector.actions))
    if detector.result:
        query = query.where(told.result == detector.result)
    return _read(session, query)


def _read(session: Session, query: Select[int, datetime, str, bytes, str]) -> Iterator[Act]:
    rows = session.execute(query.order_by(AuditEntryRow.seq).execution_options(yield_per=1000))
    for seq, at, moment, leaf, body in rows:
        said = json.loads(body)
        line = Line(seq, moment.encode(), leaf, body.encode())
        yield Act(
            seq=seq,
            at=at,
            principal=said["principal"],
            roles=tuple(said["roles"]),
            action=said["action"],
            thing=said["object"],
            client=said["client"],
            request=said["request"],
            result=said["result"],
            reason=said["reason"],
            details=said["details"],
            whole=line.hashed() == leaf,
        )


def _settings(work: Work, detector: Detector) -> DetectorRow:
    """Return the county's row of a detector, locked: two workers do not read for it at once."""
    work.session.execute(
        insert(DetectorRow).values(tenant_id=work.scope.tenant, name=detector.name).on_conflict_do_nothing()
    )
    return work.session.get_one(DetectorRow, (work.scope.tenant, detector.name), with_for_update=True)


def _value(row: AlertRow) -> Alert:
    return Alert(
        id=AlertId(row.id),
        detector=row.detector,
        severity=Severity(row.severity),
        subject=row.subject,
        since=row.since,
        until=row.until,
        evidence=tuple(int(str(seq)) for seq in row.evidence),
        raised_at=row.raised_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
    )
