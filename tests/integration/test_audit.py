"""The log of a tenant: every act in it, in order, and no change of it unnoticed."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import text

from app.audit import merkle
from app.audit.notary import FOLDER, Notary
from app.audit.offline import examine_export, read_keys, read_note
from app.audit.service import AuditService, ClockJumped, EntryFilter, Verdict, Writer, log_id
from app.kernel import clock
from app.kernel.errors import NotFound, Refused
from app.kernel.events import Event
from app.kernel.paging import PageRequest
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.jobs import JobState
from app.platform.objectstore import LocalSite, WrittenBefore
from app.platform.settings import Settings
from app.platform.work import Works
from app.services import Services
from tenants.directory import Tenant
from tenants.scope import Principal, ProvinceScope, Scope, TenantId, entered
from tests.conftest import SYSTEM

Superuser = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something of no consequence."""

    action: ClassVar[str] = "tests:thing:noted"
    number: int


@dataclass(frozen=True, slots=True)
class Turned(Event):
    """Something was refused."""

    action: ClassVar[str] = "tests:thing:refused"
    result: ClassVar[str] = "refused"
    reason: str


@dataclass(frozen=True)
class Log:
    """The log of a tenant without accounts: what is tested here is below them."""

    tenant: TenantId

    def acting(self, role: str) -> AbstractContextManager[Scope]:
        """Enter the tenant's scope in a role."""
        return entered(Scope(self.tenant, Principal(f"account:{role}", roles=frozenset({role})), "test", "r"))


def note(services: Services, county: Log, many: int, *, login: str = "archivist") -> None:
    """Write entries in one transaction."""
    with county.acting(login), services.works() as work:
        work.record(*(Noted(log_id(county.tenant), number) for number in range(many)))


def begun(services: Services) -> Log:
    """Return the log of a new tenant, as it is after the tenant was made."""
    serial = uuid.uuid4().int
    tenant = Tenant(TenantId(f"t{serial % 10**12:012d}"), "某县档案馆", "990121", f"{serial // 7 % 10**6:06d}")
    services.directory.create(tenant, ProvinceScope(SYSTEM, "test"))
    return Log(tenant.id)


def half_signed(services: Services) -> Log:
    log = begun(services)
    note(services, log, 280 - verdict(services, log).entries)
    with log.acting("audit_admin"):
        services.audit.checkpoint()
    note(services, log, 20)
    return log


@pytest.fixture
def written(services: Services) -> Log:
    """Return a log of 300 entries, of which 280 are signed: one tile, and some."""
    return half_signed(services)


@pytest.fixture(scope="module")
def read(services: Services) -> Log:
    """Return a log like `written`, which tests only read."""
    return half_signed(services)


@pytest.fixture
def superuser(postgres: EmbeddedPostgres) -> Iterator[Superuser]:
    """Return a connection past all grants and row security."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        yield connection


def verdict(services: Services, county: Log) -> Verdict:
    """Return what verifying finds, without the entry that tells who verified."""
    with county.acting("audit_admin"):
        return services.audit._examined()


def test_an_untouched_log_holds(services: Services, written: Log) -> None:
    told = verdict(services, written)
    assert (told.entries, told.checkpoints, told.broken_at, told.findings) == (300, 1, None, ())


REHASHED = (
    "leaf = sha256('\\x00'::bytea || convert_to(seq || E'\\n' || to_char({at} AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || E'\\n' || {body}, 'UTF8'))"
)
ENTRY = "UPDATE audit_entry SET {} WHERE tenant_id = %s AND seq = {}"
BODY = "replace(body, '\"number\":', '\"number\":1')"
TAMPERING = {
    "a detail": (ENTRY.format(f"body = {BODY}", 100), "altered", 100),
    "a detail and its leaf": (
        ENTRY.format(f"body = {BODY}, {REHASHED.format(at='at', body=BODY)}", 100), "altered", 100,
    ),
    "a detail and its leaf, past the tile": (
        ENTRY.format(f"body = {BODY}, {REHASHED.format(at='at', body=BODY)}", 270), "root", 1,
    ),
    "a detail and its leaf, not yet signed": (
        ENTRY.format(f"body = {BODY}, {REHASHED.format(at='at', body=BODY)}", 290), "head", 301,
    ),
    "its leaf": (ENTRY.format("leaf = sha256('x')", 100), "altered", 100),
    "when": (ENTRY.format("at = at + interval '1 microsecond'", 100), "altered", 100),
    "when, to before": (
        ENTRY.format("at = at - interval '1 day', " + REHASHED.format(at="(at - interval '1 day')", body="body"), 100),
        "back-dated", 100,
    ),
    "left out": ("DELETE FROM audit_entry WHERE tenant_id = %s AND seq = 100", "removed", 100),
    "last left out": ("DELETE FROM audit_entry WHERE tenant_id = %s AND seq = 300", "removed", 300),
    "renumbered": (
        ("UPDATE audit_entry SET seq = CASE seq WHEN 100 THEN 10100 ELSE 10101 END WHERE tenant_id = %s"
        " AND seq IN (100, 101); UPDATE audit_entry SET seq = 10201 - seq WHERE tenant_id = %s AND seq > 10000"),
        "altered", 100,
    ),
    "one more": (
        ("INSERT INTO audit_entry (tenant_id, seq, at, leaf, body) SELECT tenant_id, 301, at, leaf, body"
        " FROM audit_entry WHERE tenant_id = %s AND seq = 300"), "head", 301,
    ),
    "the head": ("UPDATE audit_head SET roots = sha256('x') WHERE tenant_id = %s", "head", 301),
    "the tile": ("UPDATE audit_tile SET hashes = set_byte(hashes, 3200, 7) WHERE tenant_id = %s", "tile", 101),
    "no tile": ("DELETE FROM audit_tile WHERE tenant_id = %s", "tile", 1),
    "a root": ("UPDATE audit_checkpoint SET note = replace(note, '280', '279') WHERE tenant_id = %s", "signature", 1),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_past_the_application_is_found(
    services: Services, superuser: Superuser, written: Log, how: str
) -> None:
    statements, kind, first = TAMPERING[how]
    for statement in statements.split("; "):
        assert superuser.execute(statement.encode(), (written.tenant,) * statement.count("%s")).rowcount
    told = verdict(services, written)
    assert (told.kind, told.broken_at) == (kind, first)


class TestCheckpoints:
    """Signed notes on both sites."""

    @pytest.fixture
    def notes(self, settings: Settings, written: Log) -> list[Path]:
        name = f"{FOLDER}/{280:012d}.note"
        return [site / written.tenant / name for site in (settings.site_a, settings.site_b)]

    def test_a_note_lies_on_both_sites_and_is_signed(self, services: Services, written: Log, notes: list[Path]) -> None:
        first, second = (path.read_bytes() for path in notes)
        assert first == second
        told = read_note(first, read_keys("\n".join(services.audit.keys())))
        assert told is not None
        assert (told.origin, told.size) == (f"lantai/{written.tenant}", 280)
        with written.acting("audit_admin"):
            assert [(row.size, row.root) for row in services.audit.checkpoints(PageRequest()).rows] == [
                (280, told.root.hex())
            ]

    def test_it_is_written_once(self, written: Log, settings: Settings, notes: list[Path]) -> None:
        assert [path.stat().st_mode & 0o777 for path in notes] == [0o444, 0o444]
        site, key = LocalSite("a", settings.site_a), f"{FOLDER}/{280:012d}.note"
        site.put_once(notes[0].read_bytes(), written.tenant, key)
        with pytest.raises(WrittenBefore):
            site.put_once(b"another", written.tenant, key)
        assert notes[0].read_bytes() == notes[1].read_bytes()

    def test_signing_again_changes_nothing(self, services: Services, written: Log) -> None:
        with written.acting("audit_admin"):
            assert services.audit.checkpoint() == services.audit.checkpoint()
        assert verdict(services, written).checkpoints == 2

    @pytest.mark.parametrize("site", [0, 1])
    def test_one_that_is_gone_or_changed_is_named(
        self, services: Services, written: Log, notes: list[Path], site: int
    ) -> None:
        signed = notes[site].read_bytes()
        notes[site].unlink()
        gone = verdict(services, written)
        assert [(f.kind, f.where.split()[0]) for f in gone.findings] == [("missing", "ab"[site])]
        notes[site].write_bytes(signed.replace(b"280", b"281"))
        changed = verdict(services, written)
        assert [f.kind for f in changed.findings] == ["signature", "missing"]

    def test_a_log_rewritten_as_a_whole_is_found_by_what_was_signed(
        self, services: Services, superuser: Superuser, written: Log
    ) -> None:
        """Entries, tiles, head and table agree with one another again, made anew by their owner."""
        with superuser.transaction():
            superuser.execute(
                "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT seq, at, body FROM audit_entry WHERE tenant_id = %s",
                (written.tenant,),
            )
            for table in ("audit_checkpoint", "audit_tile", "audit_entry"):
                superuser.execute(f"DELETE FROM {table} WHERE tenant_id = %s".encode(), (written.tenant,))
            superuser.execute("UPDATE kept SET body = replace(body, 'archivist', 'director') WHERE seq = 200")
            superuser.execute(
                "UPDATE audit_head h SET size = g.reached, roots = g.roots FROM audit_grow(%s, 0, '',"
                " (SELECT array_agg(body ORDER BY seq) FROM kept), (SELECT array_agg(at ORDER BY seq) FROM kept)) g"
                " WHERE h.tenant_id = %s",
                (written.tenant, written.tenant),
            )
        told = verdict(services, written)
        assert (told.kind, told.broken_at, told.findings[0].until) == ("root", 1, 280)

    def test_both_kinds_of_signature_hold(self, services: Services, settings: Settings, written: Log) -> None:
        sites = (LocalSite("a", settings.site_a), LocalSite("b", settings.site_b))
        chinese = AuditService(services.works, Notary(settings.audit_key.get_secret_value(), "sm2", sites))
        with written.acting("audit_admin"):
            chinese.checkpoint()
            assert chinese.verify().checkpoints == 2
        told = verdict(services, written)
        assert (told.checkpoints, told.findings) == (2, ())
        with written.acting("audit_admin"):
            stranger = AuditService(services.works, Notary("another secret", "ed25519", sites)).verify()
        assert {finding.kind for finding in stranger.findings} == {"signature"}


class TestDue:
    """When a checkpoint is asked for."""

    def asked(self, superuser: Superuser, county: Log) -> list[tuple[object, ...]]:
        return superuser.execute(
            "SELECT split_part(key, ':', 3), run_after - created_at FROM job WHERE tenant_id = %s"
            " AND task = 'audit.checkpoint' ORDER BY created_at",
            (county.tenant,),
        ).fetchall()

    def works(self, services: Services, entries: int, minutes: int) -> Works:
        return Works(services.works._database, (Writer(entries=entries, minutes=minutes),))

    def test_the_first_entry_asks_for_later_and_the_next_ones_do_not(self, superuser: Superuser, written: Log) -> None:
        assert [after for _, after in self.asked(superuser, written)] == [timedelta(days=1)]

    def test_it_asks_at_once_after_so_many_entries(
        self, services: Services, superuser: Superuser, written: Log
    ) -> None:
        before = self.asked(superuser, written)
        works = self.works(services, 310, 5)
        for number in range(25):
            with written.acting("archivist"), works() as work:
                work.record(Noted(log_id(written.tenant), number))
        assert self.asked(superuser, written)[len(before) :] == [("310", timedelta())]

    def test_it_asks_again_after_so_much_time(self, services: Services, superuser: Superuser, written: Log) -> None:
        superuser.execute(
            "UPDATE audit_head SET timed = timed - interval '1 day' WHERE tenant_id = %s", (written.tenant,)
        )
        note(services, written, 2)
        note(services, written, 2)
        assert [size for size, _ in self.asked(superuser, written)][1:] == ["302"]

    def test_the_job_signs_all_that_was_written_meanwhile(
        self, services: Services, superuser: Superuser, written: Log, work_off: Callable[[], int]
    ) -> None:
        superuser.execute("UPDATE job SET run_after = now() WHERE tenant_id = %s", (written.tenant,))
        work_off()
        states = superuser.execute(
            "SELECT state FROM job WHERE tenant_id = %s AND task = 'audit.checkpoint'", (written.tenant,)
        )
        assert states.fetchall() == [(JobState.DONE,)]
        with written.acting("audit_admin"):
            assert [row.size for row in services.audit.checkpoints(PageRequest()).rows] == [300, 280]


def test_what_was_written_is_on_the_disk_before_anybody_is_told(services: Services, written: Log) -> None:
    """The commit itself does not wait, so that the log is free for the next; whoever wrote does."""
    for _ in range(20):
        with written.acting("archivist"), services.works() as work:
            work.record(Noted(log_id(written.tenant), 1))
            work.finish()
            reached = work.session.execute(text("SELECT pg_current_wal_insert_lsn()::text")).scalar_one()
        with services.works.glance() as connection:
            on_disk = text("SELECT pg_current_wal_flush_lsn() >= CAST(:reached AS pg_lsn)")
            assert connection.execute(on_disk, {"reached": reached}).scalar_one()


def test_many_writers_leave_one_log(services: Services, written: Log) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: note(services, written, 3), range(40)))
    told = verdict(services, written)
    assert (told.entries, told.broken_at) == (420, None)


def test_an_act_undone_leaves_no_entry(services: Services, written: Log) -> None:
    before = verdict(services, written)
    with suppress(RuntimeError), written.acting("archivist"), services.works():
        services.records.create_fonds("Z999", "丙")
        raise RuntimeError
    assert verdict(services, written) == before


def test_a_refusal_is_noted_whatever_becomes_of_the_work_around_it(services: Services, written: Log) -> None:
    with suppress(RuntimeError), written.acting("archivist"), services.works():
        services.audit.note(Turned(log_id(written.tenant), "not_yours"))
        raise RuntimeError
    with written.acting("audit_admin"):
        (entry,) = services.audit.page(PageRequest(), EntryFilter(result="refused")).rows
    assert (entry.action, entry.reason, entry.details) == ("tests:thing:refused", "not_yours", {})


@pytest.mark.parametrize("seconds", [-90, 90])
def test_a_clock_that_jumped_stops_all_writing(
    services: Services, written: Log, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    before, now = verdict(services, written), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=seconds))
    with pytest.raises(ClockJumped):
        note(services, written, 1)
    monkeypatch.undo()
    assert verdict(services, written) == before


def test_a_database_whose_clock_ran_back_stops_all_writing(
    services: Services, superuser: Superuser, written: Log
) -> None:
    superuser.execute("UPDATE audit_head SET at = at + interval '2 minutes' WHERE tenant_id = %s", (written.tenant,))
    with pytest.raises(ClockJumped):
        note(services, written, 1)


def test_time_never_runs_back(services: Services, superuser: Superuser, written: Log) -> None:
    superuser.execute("UPDATE audit_head SET at = at + interval '30 s' WHERE tenant_id = %s", (written.tenant,))
    note(services, written, 1)
    with written.acting("audit_admin"):
        last, before = services.audit.page(PageRequest(2), EntryFilter()).rows
    assert last.at > before.at + timedelta(seconds=29)


def test_an_entry_says_who_what_and_in_which_request(services: Services, written: Log) -> None:
    with written.acting("archivist") as scope:
        fonds = services.records.create_fonds("Z555", "丁")
    with written.acting("audit_admin"):
        (entry,) = services.audit.page(PageRequest(), EntryFilter(object_id=fonds.id)).rows
    assert (entry.action, entry.principal_id, entry.request_id, entry.result) == (
        "records:fonds:created", scope.principal.id, scope.request_id, "done",
    )  # fmt: skip
    assert entry.details == {"fonds_code": "Z555"}


def test_a_listing_is_narrowed_and_paged(services: Services, written: Log) -> None:
    since = clock.now()
    note(services, written, 5, login="director")
    with written.acting("audit_admin"):
        first = services.audit.page(PageRequest(2), EntryFilter(action="tests:thing", since=since))
        rest = services.audit.page(PageRequest(50, (str(first.rows[-1].seq),)), EntryFilter(since=since))
        assert first.next_cursor is not None
        assert [e.details["number"] for e in first.rows + rest.rows] == [4, 3, 2, 1, 0]
        for nobody in (
            EntryFilter(object_id=uuid.uuid4()), EntryFilter(until=since, principal=first.rows[0].principal_id),
            EntryFilter(session="another"), EntryFilter(result="refused"), EntryFilter(action="tests:thingy"),
        ):  # fmt: skip
            assert services.audit.page(PageRequest(), nobody).rows == ()


@pytest.mark.parametrize("login", ["archivist", "director", "sys_admin", "sec_admin", "desk", "scan_op"])
def test_only_the_auditor_reads_it(services: Services, read: Log, login: str) -> None:
    asks: list[Callable[[], object]] = [
        services.audit.verify,
        lambda: services.audit.page(PageRequest(), EntryFilter()),
        lambda: services.audit.checkpoints(PageRequest()),
        lambda: services.audit.inclusion(1),
        lambda: services.audit.consistency(1),
        lambda: services.audit.export(io.BytesIO()),
        lambda: services.audit.take(io.BytesIO(), EntryFilter()),
        lambda: services.audit.take_proved(io.BytesIO(), EntryFilter()),
        lambda: services.audit.count(30),
    ]
    with read.acting(login):
        for ask in asks:
            with pytest.raises(Refused):
                ask()


class TestProofs:
    """What convinces somebody who holds two roots and nothing else."""

    @pytest.mark.parametrize("size", [1, 2, 100, 255, 256, 257, 280, 300])
    def test_every_entry_is_proved_to_be_in_the_log(self, services: Services, read: Log, size: int) -> None:
        with read.acting("audit_admin"):
            for seq in {1, size // 2 + 1, size}:
                proof = services.audit.inclusion(seq, size)
                hashed = merkle.leaf(f"{seq}\n{proof.at}\n{proof.body}".encode())
                path = [bytes.fromhex(step) for step in proof.path]
                assert hashed.hex() == proof.leaf
                assert merkle.included(seq - 1, size, hashed, path, bytes.fromhex(proof.root))

    def test_a_checkpoint_is_proved_to_lead_the_log(self, services: Services, read: Log) -> None:
        with read.acting("audit_admin"):
            (signed,) = services.audit.checkpoints(PageRequest()).rows
            proof = services.audit.consistency(280)
        head = verdict(services, read).head
        assert (proof.first_root, proof.second_root) == (signed.root, head)
        path = [bytes.fromhex(step) for step in proof.path]
        assert merkle.grown(280, proof.second, bytes.fromhex(signed.root), bytes.fromhex(head), path)

    @pytest.mark.parametrize(("seq", "size"), [(0, None), (9_999, None), (281, 280), (1, 9_999), (1, 0)])
    def test_what_is_not_in_the_log_is_not_proved(
        self, services: Services, read: Log, seq: int, size: int | None
    ) -> None:
        with read.acting("audit_admin"):
            with pytest.raises(NotFound):
                services.audit.inclusion(seq, size)
            with pytest.raises(NotFound):
                services.audit.consistency(seq, size)

    def test_a_log_of_many_tiles(self, services: Services) -> None:
        log = begun(services)
        note(services, log, 66_000 - verdict(services, log).entries)
        told = verdict(services, log)
        with log.acting("audit_admin"):
            proof = services.audit.inclusion(65_000, 66_000)
            assert (told.entries, told.broken_at, proof.root) == (66_000, None, told.head)
            path = [bytes.fromhex(step) for step in proof.path]
            assert merkle.included(64_999, 66_000, bytes.fromhex(proof.leaf), path, bytes.fromhex(told.head))


def test_an_export_is_whole_and_ends_with_a_checkpoint(services: Services, written: Log, tmp_path: Path) -> None:
    file = tmp_path / "log.zip"
    with written.acting("audit_admin"), file.open("wb") as out:
        services.audit.export(out)
    keys = read_keys("\n".join(services.audit.keys()))
    report = examine_export(file, keys)
    assert (report.tree.size, [c.size for c in report.checkpoints], report.findings) == (300, [280, 300], [])
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "log")
        lines = archive.read("entries.jsonl").splitlines()
    unpacked = examine_export(tmp_path / "log", keys)
    assert (unpacked.tree.root(), unpacked.findings) == (report.tree.root(), [])
    assert json.loads(lines[-1])["body"]["action"] == "tests:thing:noted"
    with written.acting("audit_admin"):
        (entry,) = services.audit.page(PageRequest(1), EntryFilter()).rows
    assert (entry.action, entry.details["entries"]) == ("audit:log:exported", 300)


class TestGrants:
    """What the application's role can do to the log besides adding to it: nothing."""

    @pytest.mark.parametrize("table", ["audit_entry", "audit_head", "audit_tile", "audit_checkpoint"])
    @pytest.mark.parametrize(
        "words", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}", "LOCK {} IN EXCLUSIVE MODE"]
    )
    def test_it_changes_nothing(self, postgres: EmbeddedPostgres, read: Log, table: str, words: str) -> None:
        with psycopg.connect(postgres.dsn("lantai_app")) as connection:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (read.tenant,))
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(sql.SQL(words).format(sql.Identifier(table)))  # pyright: ignore[reportArgumentType]

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO audit_entry (tenant_id, seq, at, leaf, body) VALUES (app_tenant(), 999, now(), '', '{}')",
            "INSERT INTO audit_tile VALUES (app_tenant(), 0, 9, '', '')",
            "INSERT INTO audit_head VALUES (app_tenant(), 0, '', now(), 0, NULL)",
            "SELECT audit_grow(app_tenant(), 0, '', ARRAY['{}'], ARRAY[now()])",
        ],
    )
    @pytest.mark.parametrize("role", ["lantai_app", "lantai_province", "lantai_dispatcher"])
    def test_nobody_writes_past_the_function(
        self, postgres: EmbeddedPostgres, read: Log, role: str, statement: str
    ) -> None:
        with psycopg.connect(postgres.dsn(role)) as connection:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (read.tenant,))
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())

    def test_without_a_tenant_nothing_is_added(self, postgres: EmbeddedPostgres) -> None:
        with (
            pytest.raises(psycopg.DatabaseError) as refusal,
            psycopg.connect(postgres.dsn("lantai_app")) as connection,
        ):
            connection.execute("SELECT audit_append(ARRAY['{}'], NULL, 1, '1 min')")
        assert refusal.value.sqlstate == "LT001"
