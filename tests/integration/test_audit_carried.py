"""A log written as a chain, before there were trees, is carried over by the migration."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command

from app.audit.offline import Entry, examine
from app.platform.embedded.postgres import EmbeddedPostgres, running
from app.platform.roles import LOGINS, establish
from migrations.run import _config, migrate

ENTRIES = 2500


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """Return a database that was at revision 0003, with a chain in it, and is at the newest."""
    with running(Path(tmp_path_factory.mktemp("carried")) / "data") as postgres:
        postgres.admit(LOGINS)
        establish(postgres.dsn())
        command.upgrade(_config(postgres.dsn("lantai_migrator")), "0003")
        with psycopg.connect(postgres.dsn()) as connection:
            connection.execute(
                "INSERT INTO tenant (id, name, division_code, archive_code, state, created_at)"
                " VALUES ('east', '东县档案馆', '990100', '990100', 'active', now()),"
                " ('west', '西县档案馆', '990200', '990200', 'active', now())"
            )
            connection.execute(
                "INSERT INTO audit_entry SELECT t, n, '2026-01-01Z'::timestamptz + n * interval '1 s', 'account:1',"
                " '[\"archivist\"]', 'records:item:created', gen_random_uuid(), 'business', 'r' || n,"
                " jsonb_build_object('number', n), '', md5(n::text)"
                " FROM unnest(ARRAY['east', 'west']) t, generate_series(1, %s) n",
                (ENTRIES,),
            )
            connection.execute(
                "INSERT INTO audit_head SELECT 'east', %s, '' UNION SELECT 'west', %s, ''", (ENTRIES,) * 2
            )
        migrate(postgres.dsn("lantai_migrator"))
        yield postgres


@pytest.mark.parametrize("tenant", ["east", "west"])
def test_every_entry_keeps_its_place_its_time_and_its_old_digest(carried: EmbeddedPostgres, tenant: str) -> None:
    with psycopg.connect(carried.dsn()) as connection:
        rows = connection.execute(
            "SELECT seq, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), leaf, body,"
            " md5(seq::text) FROM audit_entry WHERE tenant_id = %s ORDER BY seq",
            (tenant,),
        ).fetchall()
        tiles = dict(
            connection.execute(
                "SELECT number, hashes FROM audit_tile WHERE tenant_id = %s AND level = 0", (tenant,)
            ).fetchall()
        )
        size, roots = connection.execute(
            "SELECT size, roots FROM audit_head WHERE tenant_id = %s", (tenant,)
        ).fetchall()[0]
    entries = (Entry(seq, at.encode(), leaf, body.encode()) for seq, at, leaf, body, _ in rows)
    report = examine(
        f"lantai/{tenant}", entries, lambda level, number: tiles.get(number, b"") if level == 0 else b"", (), ()
    )
    assert (report.tree.size, report.findings, b"".join(report.tree.roots)) == (size, [], roots)
    assert [(row[0], json.loads(row[3])["details"]["number"]) for row in rows] == [
        (n, n) for n in range(1, ENTRIES + 1)
    ]
    assert all(json.loads(row[3])["details"]["chain"] == row[4] for row in rows)
    assert (rows[0][1], rows[-1][1]) == ("2026-01-01T00:00:01.000000Z", "2026-01-01T00:41:40.000000Z")


def test_the_log_goes_on_after_what_was_carried(carried: EmbeddedPostgres) -> None:
    body = json.dumps(dict.fromkeys(("principal", "action", "session", "result"), "") | {"object": str(uuid.uuid4())})
    with psycopg.connect(carried.dsn("lantai_app")) as connection:
        connection.execute("SELECT set_config('app.tenant', 'east', true)")
        told = connection.execute("SELECT reached FROM audit_append(%s, now(), 10, '5 min')", ([body],)).fetchone()
    assert told == (ENTRIES + 1,)
