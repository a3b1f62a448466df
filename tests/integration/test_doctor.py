"""What must not run is named, and does not start."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from pydantic import SecretStr

from app.cli.main import main
from app.doctor import Finding, Unsafe, examine, require
from app.kernel import clock
from app.platform.embedded.postgres import EmbeddedPostgres
from app.platform.messages import LANGUAGES, known
from app.platform.settings import Settings

ROOT = Path(__file__).parents[2]
OWN = "tenant_id = (SELECT app_tenant())"
KEYS = {"secret_key": "0123456789abcdef" * 2, "master_key": "fedcba9876543210" * 2, "audit_key": "02468ace13579bdf" * 2}


@pytest.fixture(scope="module")
def sound(settings: Settings) -> Settings:
    """Return settings in which nothing grave is wrong."""
    return settings.model_copy(update={name: SecretStr(key) for name, key in KEYS.items()})


def told(settings: Settings) -> dict[str, str]:
    return {found.code: found.what for found in examine(settings)}


@contextmanager
def broken(postgres: EmbeddedPostgres, break_it: str, mend: str) -> Iterator[None]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(break_it.encode())
        try:
            yield
        finally:
            connection.execute(mend.encode())


def test_a_sound_installation_starts(sound: Settings) -> None:
    assert {found.code for found in examine(sound)} <= {"same_disk"}
    require(sound, sound.database_url)
    require(sound, sound.dispatcher_database_url)


@pytest.mark.parametrize(
    ("code", "what", "break_it", "mend"),
    [
        (
            "unprotected", "fonds", "ALTER TABLE fonds NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE fonds FORCE ROW LEVEL SECURITY",
        ),
        (
            "unprotected", "fonds", "ALTER TABLE fonds DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE fonds ENABLE ROW LEVEL SECURITY",
        ),
        (
            "without_policy", "fonds", "DROP POLICY tenant ON fonds",
            f"CREATE POLICY tenant ON fonds TO lantai_app USING ({OWN}) WITH CHECK ({OWN})",
        ),
        ("open_policy", "fonds.wide", "CREATE POLICY wide ON fonds USING (true)", "DROP POLICY wide ON fonds"),
        (
            "open_policy", "fonds.wide", "CREATE POLICY wide ON fonds FOR INSERT TO lantai_app WITH CHECK (true)",
            "DROP POLICY wide ON fonds",
        ),
        ("without_county", "loose", "CREATE TABLE loose (id int)", "DROP TABLE loose"),
        ("unprotected", "part", "CREATE TABLE part (tenant_id text) PARTITION BY LIST (tenant_id)", "DROP TABLE part"),
        ("view", "wide", "CREATE VIEW wide AS SELECT * FROM fonds", "DROP VIEW wide"),
        (
            "view", "wide", "CREATE MATERIALIZED VIEW wide AS SELECT id FROM fonds WITH NO DATA",
            "DROP MATERIALIZED VIEW wide",
        ),
        (
            "definer", "wide", "CREATE FUNCTION wide() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "DROP FUNCTION wide()",
        ),
        (
            "definer", "search_match", "GRANT EXECUTE ON FUNCTION search_match(tsquery[]) TO PUBLIC",
            "REVOKE EXECUTE ON FUNCTION search_match(tsquery[]) FROM PUBLIC",
        ),
        ("stranger", "PUBLIC (fonds)", "GRANT SELECT ON fonds TO PUBLIC", "REVOKE SELECT ON fonds FROM PUBLIC"),
        (
            "stranger", "stranger (fonds)", "CREATE ROLE stranger; GRANT SELECT (id) ON fonds TO stranger",
            "DROP OWNED BY stranger; DROP ROLE stranger",
        ),
        (
            "member", "stranger → lantai_app", "CREATE ROLE stranger LOGIN; GRANT lantai_app TO stranger",
            "DROP ROLE stranger",
        ),
        ("role", "lantai_app: bypassrls", "ALTER ROLE lantai_app BYPASSRLS", "ALTER ROLE lantai_app NOBYPASSRLS"),
        ("role", "lantai_app: createrole", "ALTER ROLE lantai_app CREATEROLE", "ALTER ROLE lantai_app NOCREATEROLE"),
        ("role", "lantai_app: member", "GRANT pg_monitor TO lantai_app", "REVOKE pg_monitor FROM lantai_app"),
        ("role", "lantai_app: owner", "GRANT lantai_owner TO lantai_app", "REVOKE lantai_owner FROM lantai_app"),
        ("creator", "PUBLIC", "GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
    ],
    ids=lambda value: value if " " not in str(value) else "",
)  # fmt: skip
def test_a_database_that_lets_counties_meet_is_not_served(
    postgres: EmbeddedPostgres, sound: Settings, code: str, what: str, break_it: str, mend: str
) -> None:
    with broken(postgres, break_it, mend):
        assert told(sound).get(code) == what
        with pytest.raises(Unsafe, match=code):
            require(sound, sound.database_url)
    require(sound, sound.database_url)


def test_neither_superuser_nor_owner_serves(postgres: EmbeddedPostgres, sound: Settings) -> None:
    for role, danger in (("", "superuser"), ("lantai_migrator", "owner")):
        dsn = postgres.dsn(role) if role else postgres.dsn()
        with pytest.raises(Unsafe, match=danger):
            require(sound, SecretStr(dsn))


@pytest.mark.parametrize("stored", ["0001", "9999"])
def test_a_database_of_another_revision_is_not_served(postgres: EmbeddedPostgres, sound: Settings, stored: str) -> None:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        ((real,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        set_to = sql.SQL("UPDATE alembic_version SET version_num = {}")
        connection.execute(set_to.format(sql.Literal(stored)))
        try:
            assert told(sound)["migrations"] == f"{stored} → {real}"
        finally:
            connection.execute(set_to.format(sql.Literal(real)))


def test_clocks_that_differ_are_named(sound: Settings) -> None:
    with clock.fixed(clock.now() - timedelta(minutes=2)):
        assert told(sound)["skew"].startswith("12")
    with clock.fixed(clock.now() + timedelta(seconds=30)):
        assert "skew" not in told(sound)


@pytest.mark.parametrize(
    ("change", "code", "what"),
    [
        ({"master_key": "m" * 40}, "weak_key", "LANTAI_MASTER_KEY"),
        ({"audit_key": KEYS["master_key"]}, "equal_keys", "LANTAI_MASTER_KEY, LANTAI_AUDIT_KEY"),
        ({"site_b": Path("/tmp/one"), "site_a": Path("/tmp/../tmp/one")}, "same_folder", ""),  # noqa: S108
        ({"public_url": "https://archive.example"}, "cookies", ""),
        ({"public_url": "https://archive.example", "secure_cookies": True, "outbox_page": True}, "outbox", ""),
        ({"oidc_issuer": "http://keycloak.example/realms/p"}, "issuer_no_tls", "http://keycloak.example/realms/p"),
    ],
)
def test_settings_that_defeat_themselves_do_not_start(
    sound: Settings, change: dict[str, object], code: str, what: str
) -> None:
    wrapped = {name: SecretStr(str(value)) if name.endswith("_key") else value for name, value in change.items()}
    wrong = sound.model_copy(update=wrapped)
    assert Finding(code, what) in examine(wrong)
    with pytest.raises(Unsafe):
        require(wrong, wrong.database_url)


def test_what_cannot_be_reached_is_named(sound: Settings, tmp_path: Path) -> None:
    nowhere = {
        "database_url": SecretStr(f"postgresql://lantai_app@/lantai?host={tmp_path}"),
        "broker_url": SecretStr(f"redis+socket://{tmp_path}/nothing"),
    }
    found = told(sound.model_copy(update=nowhere))
    assert found["unreachable"] == "lantai_app"
    assert "broker" in found


def test_every_finding_has_words() -> None:
    source = (ROOT / "app/doctor.py").read_text("utf-8")
    codes = {line.split('Finding("')[1].split('"')[0] for line in source.splitlines() if 'Finding("' in line}
    codes |= {line.split("SELECT '")[1].split("'")[0] for line in source.splitlines() if "SELECT '" in line}
    assert len(codes) > 18
    assert [code for code in codes for language in LANGUAGES if not known(f"doctor.{code}", language)] == []


def environment(settings: Settings) -> dict[str, str]:
    def plain(value: object) -> str:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    return {f"LANTAI_{name.upper()}": plain(getattr(settings, name)) for name in Settings.model_fields}


def test_the_command_hides_secrets_and_says_what_is_wrong(
    sound: Settings, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(sound).items():
        monkeypatch.setenv(name, value)
    good = CliRunner().invoke(main, ["doctor"])
    assert good.exit_code == 0, good.output
    assert not [key for key in KEYS.values() if key in good.output]
    monkeypatch.setenv("LANTAI_DATABASE_URL", postgres.dsn())
    bad = CliRunner().invoke(main, ["doctor", "--json"])
    assert bad.exit_code == 1
    answer = json.loads(bad.output)
    assert not answer["safe"]
    assert [found["code"] for found in answer["findings"] if found["grave"]] == ["role"]


@pytest.mark.parametrize(
    "program",
    [
        ("-c", "import app.wsgi; app.wsgi.app"),
        ("-m", "workers.dispatcher"),
        ("-m", "celery", "-A", "workers.main", "worker", "--pool", "solo"),
    ],
    ids=["web", "dispatcher", "worker"],
)
def test_no_process_starts_as_superuser(
    sound: Settings, postgres: EmbeddedPostgres, program: tuple[str, ...], environ: Callable[[], dict[str, str]]
) -> None:
    as_superuser = {
        **environ(),
        **environment(sound),
        "LANTAI_DATABASE_URL": postgres.dsn(),
        "LANTAI_DISPATCHER_DATABASE_URL": postgres.dsn(),
    }
    ended = subprocess.run(
        [sys.executable, *program], env=as_superuser, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert "superuser" in ended.stderr


@pytest.fixture
def environ() -> Callable[[], dict[str, str]]:
    return lambda: {"PATH": os.defpath, "HOME": str(Path.home()), "LANG": "C.UTF-8"}
