"""The unit of work: one transaction in one scope, whose events and jobs commit with its changes."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.kernel.events import Event
from app.platform.database import Database
from app.platform.jobs import Jobs
from tenants.scope import Scope, current_scope


class Work:
    """What a service method may do inside its transaction.

    Attributes
    ----------
    session : Session
    scope : Scope
    jobs : Jobs
        Work asked for here is handed out once this transaction has committed.
    """

    def __init__(self, session: Session, scope: Scope, sinks: "tuple[Sink, ...]") -> None:
        self.session = session
        self.scope = scope
        self.jobs = Jobs(session, scope)
        self._sinks = sinks
        self._events: list[Event] = []

    def record(self, *events: Event) -> None:
        """Emit events: audit entries, and the jobs that subscribers ask for, in this transaction."""
        self._events.extend(events)

    def finish(self) -> None:
        """Hand the recorded events to the sinks; called once, just before the commit."""
        self.session.flush()
        events, self._events = self._events, []
        for sink in self._sinks:
            sink(self, events)


Sink = Callable[[Work, list[Event]], None]
_open: ContextVar[Work | None] = ContextVar("work", default=None)


class Works:
    """Opens units of work. A service called inside another's joins it; the outermost commits."""

    def __init__(self, database: Database, sinks: tuple[Sink, ...]) -> None:
        self._database = database
        self._sinks = sinks

    @contextmanager
    def __call__(self) -> Generator[Work]:
        """Open, or join, the unit of work of the scope in force."""
        scope = current_scope()
        outer = _open.get()
        if outer is not None:
            if outer.scope.tenant != scope.tenant:
                message = "a unit of work cannot change tenant"
                raise RuntimeError(message)
            yield outer
            return
        with self._database.scoped(scope) as session:
            work = Work(session, scope, self._sinks)
            token = _open.set(work)
            try:
                yield work
                work.finish()
            finally:
                _open.reset(token)

    def glance(self) -> AbstractContextManager[Connection]:
        """Open a connection for one short read whose single statement binds its tenant itself."""
        return self._database.glance()

    @contextmanager
    def apart(self) -> Generator[Work]:
        """Open a unit of work of its own while another is open: progress that must be seen at once."""
        token = _open.set(None)
        try:
            with self() as work:
                yield work
        finally:
            _open.reset(token)
