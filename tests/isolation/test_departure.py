"""A county leaves with everything it owns, and with nothing of another; elsewhere it answers as it did."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import bagit
import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text

from app.audit.service import EntryFilter
from app.bootstrap import build
from app.identity.types import RoleElsewhere
from app.kernel.paging import PageRequest
from app.leaving import CountyLog
from app.platform.database import tenant_tables
from app.platform.embedded.postgres import EmbeddedPostgres, running
from app.platform.roles import LOGINS, establish
from app.platform.settings import Settings
from app.platform.vault import WrongPassphrase
from app.records.types import ItemQuery
from app.services import Services
from migrations.metadata import METADATA
from migrations.run import migrate
from search.types import Query
from tenants.arrival import KeyMissing, RevisionDiffers, SenderUnknown
from tenants.bags import BagBroken, digest
from tenants.departure import LEFT_BEHIND, Departures, Export, office, verify
from tenants.directory import Tenant, TenantTaken
from tenants.scope import Principal, ProvinceScope, Scope, entered, new_request_id
from tests.conftest import PASSWORD, SYSTEM, County
from tests.halting import killed
from tests.isolation.conftest import WORD, Lived, Superuser

AUDITOR = Principal("system:test", roles=frozenset({"audit_admin"}))
SHA256SUM = "/usr/bin/sha256sum"
PASSPHRASE = "柳荫渡口的口令一二三四五"
INSTALLER = ProvinceScope(SYSTEM, "test", "r1")


def sent(folder: Path) -> str:
    """Return what the sender tells of an export."""
    return digest(folder / "manifest-sha256.txt")


def ignored(_done: int, _total: int) -> None:
    """Take no notice of progress."""


def exported(services: Services, county: County, passphrase: str = "", to: Path | None = None) -> Export:
    """Return a county's export, made here and now."""
    begun = services.departures.begin(county.tenant, INSTALLER, passphrase=passphrase, to=to, job=False)
    with entered(office(INSTALLER)):
        return services.departures.run(begun.id, ignored)


@pytest.fixture(scope="module")
def left(services: Services, lived: Lived, neighbour: County) -> Export:
    """Return the export of a county that lived, beside one that did too."""
    assert neighbour
    return exported(services, lived.county, passphrase=PASSPHRASE)


@pytest.fixture
def bags(left: Export, tmp_path: Path) -> Path:
    """Return a copy of the export that may be spoilt."""
    return shutil.copytree(left.folder, tmp_path / "bags")


@dataclass(frozen=True)
class Elsewhere:
    """A second installation, empty at first."""

    postgres: EmbeddedPostgres
    services: Services
    settings: Settings


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """Return an installation with secrets of its own."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with running(tmp_path_factory.mktemp("pg2") / "data") as postgres:
        postgres.admit(LOGINS)
        establish(postgres.dsn())
        migrate(postgres.dsn("lantai_migrator"))
        settings = Settings.model_validate(
            {
                "data": folder,
                "database_url": postgres.dsn("lantai_app"),
                "dispatcher_database_url": postgres.dsn("lantai_dispatcher"),
                "province_database_url": postgres.dsn("lantai_province"),
                "broker_url": "memory://",
                "secret_key": "x" * 40,
                "master_key": "y" * 40,
                "audit_key": "z" * 40,
                "site_a": folder / "site-a",
                "site_b": folder / "site-b",
            }
        )
        built = build(settings)
        yield Elsewhere(postgres, built, settings)
        built.digitisation._receiving._sandbox.close()
        built.works._database.close()
        built.province._database.close()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give every byte of an export, those inside the audit log's ZIP file too."""
    for path in files(folder):
        yield path.name, path.read_bytes()
        if path.suffix == ".zip":
            with ZipFile(path) as inside:
                yield from ((name, inside.read(name)) for name in inside.namelist())


def test_any_tool_can_verify_the_bags(left: Export) -> None:
    made = sorted((Path(left.folder) / "bags").iterdir())
    assert made
    for number, bag in enumerate(made, 1):
        opened = bagit.Bag(str(bag))
        opened.validate()
        assert opened.info["Bag-Count"] == f"{number} of {len(made)}"
        assert opened.info["Bag-Group-Identifier"] == str(left.id)
        for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
            subprocess.run([SHA256SUM, "-c", "--quiet", manifest], cwd=bag, check=True)
    subprocess.run([SHA256SUM, "-c", "--quiet", "manifest-sha256.txt"], cwd=left.folder, check=True)


def test_bags_are_of_bounded_size(services: Services, lived: Lived, left: Export, tmp_path: Path) -> None:
    departures = services.departures
    small = Departures(
        departures._works, departures._province, departures._directory, departures._ports, tmp_path, bag_bytes=100_000
    )
    begun = small.begin(lived.county.tenant, INSTALLER, job=False)
    with entered(office(INSTALLER)):
        made = small.run(begun.id, ignored)
    bags = sorted((Path(made.folder) / "bags").iterdir())
    assert len(bags) > len(list((Path(left.folder) / "bags").iterdir()))
    for bag in bags:
        opened = bagit.Bag(str(bag))
        opened.validate()
        octets, count = map(int, opened.info["Payload-Oxum"].split("."))
        assert octets <= 100_000 or count == 1
    assert made.facts["tables"]["item"] == left.facts["tables"]["item"]


def test_everything_the_county_owns_is_there(left: Export, lived: Lived, superuser: Superuser) -> None:
    contents = verify(Path(left.folder), CountyLog.verify)
    assert left.verified_at
    assert contents.digest == left.digest
    tables = [t for t in tenant_tables() if t not in LEFT_BEHIND and not t.startswith("audit_")]
    assert sorted(contents.facts["tables"]) == sorted(tables)
    for table in ("item", "item_revision", "account", "stored_object", "page_text", "component", "upload_file"):
        counted = superuser.rows(f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", lived.county.tenant)
        assert contents.facts["tables"][table] == counted[0]["n"] != 0
    assert contents.objects == contents.facts["tables"]["stored_object"]
    assert any(WORD.encode() in path.read_bytes() for path in contents.rows["item"])


def test_nothing_of_another_county_is_in_it(
    services: Services, lived: Lived, neighbour: County, tmp_path: Path
) -> None:
    """Neither id nor word of the county that lived stands in any byte of its neighbour's export."""
    made = exported(services, neighbour, to=tmp_path / "neighbour")
    ids = [str(value).encode() for value in lived.ids.values()]
    for name, content in contents_of(Path(made.folder)):
        for word in (WORD.encode(), lived.county.tenant.encode(), *ids):
            assert word not in content, name


def test_no_session_token_or_secret_leaves(left: Export, lived: Lived, superuser: Superuser) -> None:
    digests = superuser.rows("SELECT digest FROM credential WHERE tenant_id = %s", lived.county.tenant)
    keys = superuser.rows(
        "SELECT encode(wrapped, 'hex') AS k FROM tenant_key WHERE tenant_id = %s", lived.county.tenant
    )
    assert digests
    assert keys
    everything = b"".join(content for _, content in contents_of(Path(left.folder)))
    for secret in (*(row["digest"] for row in digests), *(row["k"] for row in keys), PASSPHRASE):
        assert str(secret).encode() not in everything


@pytest.mark.parametrize("place", ["payload", "ledger", "manifest", "tag", "beside", "added", "removed", "log"])
def test_one_changed_byte_is_found_and_named(bags: Path, elsewhere: Elsewhere, place: str) -> None:
    payload = bags / "bags" / "0001" / "data"
    spoilt = {
        "payload": next(path for path in files(bags) if "/objects/originals/" in path.as_posix()),
        "ledger": next(path for path in files(payload) if "/rows/item/" in path.as_posix()),
        "manifest": bags / "bags" / "0001" / "manifest-sha256.txt",
        "tag": bags / "bags" / "0001" / "bag-info.txt",
        "beside": bags / "export.json",
        "added": payload / "rows" / "item" / "9999.jsonl",
        "removed": next(path for path in files(payload) if "/rows/account/" in path.as_posix()),
        "log": next(path for path in files(payload) if path.name == "log.zip"),
    }[place]
    if place == "added":
        spoilt.write_text("{}\n")
    elif place == "removed":
        spoilt.unlink()
    else:
        content = bytearray(spoilt.read_bytes())
        content[len(content) // 2] ^= 1
        spoilt.write_bytes(content)
    before = elsewhere.services.directory.all()
    with pytest.raises(BagBroken) as refusal:
        elsewhere.services.arrivals.bring(bags, INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(bags))
    assert refusal.value.file == spoilt.relative_to(bags).as_posix()
    assert elsewhere.services.directory.all() == before
    assert not files(elsewhere.settings.site_a)


@pytest.mark.parametrize("link", ["bags/0001/data/rows", "README.txt"])
def test_a_link_leads_nowhere(bags: Path, tmp_path: Path, link: str) -> None:
    moved = tmp_path / "moved"
    (bags / link).rename(moved)
    (bags / link).symlink_to(moved)
    with pytest.raises(BagBroken):
        verify(bags, CountyLog.verify)


def test_the_key_opens_with_the_countys_passphrase_alone(left: Export, elsewhere: Elsewhere) -> None:
    folder = Path(left.folder)
    for passphrase, refusal in (("", KeyMissing), ("口令不对口令不对口令不对", WrongPassphrase)):
        with pytest.raises(refusal):
            elsewhere.services.arrivals.bring(
                folder, INSTALLER, passphrase=passphrase, progress=ignored, told=sent(folder)
            )
    assert not elsewhere.services.directory.all()


def test_an_export_killed_midway_leaves_nothing_and_is_made_again(
    services: Services, settings: Settings, lived: Lived
) -> None:
    begun = services.departures.begin(lived.county.tenant, INSTALLER, job=False)
    killed(settings, "export", str(begun.id))
    assert not Path(begun.folder).exists()
    assert services.departures.of(lived.county.tenant, INSTALLER)[0].verified_at is None
    with entered(office(INSTALLER)):
        made = services.departures.run(begun.id, ignored)
    assert verify(Path(made.folder), CountyLog.verify).digest == made.digest
    assert [path for path in Path(made.folder).parent.iterdir() if str(begun.id) in path.name] == []


@pytest.mark.parametrize("moment", ["place", "rows"])
def test_an_import_killed_midway_leaves_no_county(left: Export, elsewhere: Elsewhere, moment: str) -> None:
    killed(elsewhere.settings, moment, left.folder, PASSPHRASE)
    assert elsewhere.services.directory.all() == ()
    with psycopg.connect(elsewhere.postgres.dsn()) as connection:
        for table in tenant_tables():
            counted = connection.execute(f"SELECT count(*) FROM {table} WHERE tenant_id <> 'province'".encode())
            assert counted.fetchone() == (0,), table
    for path in files(elsewhere.settings.site_a / left.county / "originals"):
        assert digest(path) == path.name


def test_an_import_that_fails_leaves_nothing(bags: Path, elsewhere: Elsewhere) -> None:
    """A row that is none ends in words; objects placed before it are removed."""
    rewritten(bags, "item", id="nope")
    with pytest.raises(BagBroken) as refusal:
        elsewhere.services.arrivals.bring(bags, INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(bags))
    assert refusal.value.file == "rows/item"
    assert elsewhere.services.directory.all() == ()
    assert not files(elsewhere.settings.site_a)


def test_bags_of_another_version_are_refused(bags: Path, elsewhere: Elsewhere) -> None:
    facts = json.loads((bags / "export.json").read_text("utf-8"))
    facts |= {"revision": "0001"}
    (bags / "export.json").write_text(json.dumps(facts), "utf-8")
    resealed(bags)
    with pytest.raises(RevisionDiffers):
        elsewhere.services.arrivals.bring(bags, INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(bags))


def test_a_code_of_another_county_is_taken(left: Export, elsewhere: Elsewhere) -> None:
    code = "UPDATE tenant SET archive_code = %s WHERE id = 'province' RETURNING archive_code"
    with psycopg.connect(elsewhere.postgres.dsn(), autocommit=True) as connection:
        (own,) = connection.execute("SELECT archive_code FROM tenant WHERE id = 'province'").fetchone() or ("",)
        connection.execute(code, (left.facts["county"]["archive_code"],))
        try:
            with pytest.raises(TenantTaken):
                bring(elsewhere, left)
        finally:
            connection.execute(code, (own,))
    assert elsewhere.services.directory.all() == ()


def test_an_account_with_a_role_of_the_province_is_refused(bags: Path, elsewhere: Elsewhere) -> None:
    rewritten(bags, "account", roles=["province_admin"])
    with pytest.raises(RoleElsewhere):
        elsewhere.services.arrivals.bring(bags, INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(bags))
    assert elsewhere.services.directory.all() == ()


def answers(services: Services, lived: Lived) -> dict[str, object]:
    """Return what a county's people are told when they ask."""
    county = lived.county
    with entered(Scope(county.tenant, SYSTEM)):
        account = next(a for a in services.identity.accounts() if a.login == "archivist")
    who = services.identity.sign_in(county.tenant, "archivist", PASSWORD, ("access",))[0].principal
    assert who.id == str(account.id)
    with entered(Scope(county.tenant, who, "test", new_request_id())):
        items = services.records.items(ItemQuery(), PageRequest(200))
        item = lived.ids["item_id"]
        found = services.search.search(Query(WORD), PageRequest())
        page = lived.ids["page_id"]
        return {
            "items": items,
            "item": services.records.get(item),
            "revisions": services.records.revisions(item),
            "hits": found,
            "page": services.digitisation.page(page),
            "image": services.digitisation.thumbnail(page),
            "pages": services.digitisation.pages_of_item(item),
            "sealed": services.vault.blind(WORD, context="test"),
        }


def test_elsewhere_the_county_answers_as_it_did(
    services: Services, lived: Lived, left: Export, elsewhere: Elsewhere
) -> None:
    here = answers(services, lived)
    there = elsewhere.services
    tenant = there.arrivals.bring(
        Path(left.folder), INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(Path(left.folder))
    )
    assert tenant == there.directory.get(lived.county.tenant)
    assert tenant.state == "active"
    with entered(Scope(tenant.id, AUDITOR)), there.works() as work:
        verdict = there.audit.verify()
        (told,) = there.audit.page(PageRequest(), EntryFilter(action="departure:county")).rows
        assert work.session.scalar(text("SELECT count(*) FROM replica")) == left.facts["tables"]["replica"]
    assert verdict.broken_at is None
    assert verdict.entries == left.facts["audit"]["size"] + 1
    assert told.seq == verdict.entries
    assert told.details["digest"] == left.digest
    assert answers(there, lived) == here


def test_the_log_is_the_same_tree(lived: Lived, left: Export, elsewhere: Elsewhere) -> None:
    """The root as exported is that of the imported log at that size: the old log is the beginning of the new."""
    bring(elsewhere, left)
    with entered(Scope(lived.county.tenant, AUDITOR)):
        proof = elsewhere.services.audit.consistency(left.facts["audit"]["size"])
    assert proof.first_root == left.facts["audit"]["root"]


def bring(elsewhere: Elsewhere, left: Export) -> Tenant:
    arrivals = elsewhere.services.arrivals
    return arrivals.bring(
        Path(left.folder), INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(Path(left.folder))
    )


def state(elsewhere: Elsewhere) -> object:
    """Return a digest of everything an installation holds."""
    with psycopg.connect(elsewhere.postgres.dsn()) as connection:
        rows = [
            connection.execute(
                f"SELECT '{table}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t".encode()
            ).fetchone()
            for table in sorted(METADATA.tables)
        ]
    return rows, [(path, path.stat().st_mtime_ns) for path in files(elsewhere.settings.site_a)]


def test_again_nothing_changes(left: Export, elsewhere: Elsewhere) -> None:
    bring(elsewhere, left)
    before = state(elsewhere)
    bring(elsewhere, left)
    assert state(elsewhere) == before


def test_a_county_that_is_there_is_not_overwritten(
    services: Services, lived: Lived, left: Export, elsewhere: Elsewhere
) -> None:
    """Neither where it came from, nor by a second export of it, nor under another name."""
    with pytest.raises(TenantTaken):
        services.arrivals.bring(
            Path(left.folder), INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(Path(left.folder))
        )
    bring(elsewhere, left)
    later = exported(services, lived.county, passphrase=PASSPHRASE)
    before = state(elsewhere)
    with pytest.raises(TenantTaken):
        bring(elsewhere, later)
    assert state(elsewhere) == before


def resealed(bags: Path, bag: str = "") -> None:
    """Make the lists of a spoilt export agree with it again, as whoever forges one would."""
    if bag:
        tags = bags / "bags" / bag
        relist(tags, "manifest-sha256.txt", [path.relative_to(tags).as_posix() for path in files(tags / "data")])
        count = len(files(tags / "data"))
        octets = sum(path.stat().st_size for path in files(tags / "data"))
        info = re.sub(
            r"Payload-Oxum: .*", f"Payload-Oxum: {octets}.{count}", (tags / "bag-info.txt").read_text("utf-8")
        )
        (tags / "bag-info.txt").write_text(info, "utf-8")
        relist(tags, "tagmanifest-sha256.txt", ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"])
    relist(bags, "manifest-sha256.txt", [line[66:] for line in (bags / "manifest-sha256.txt").read_text().splitlines()])


def relist(folder: Path, manifest: str, names: list[str]) -> None:
    (folder / manifest).write_text("".join(f"{digest(folder / name)}  {name}\n" for name in names), "utf-8")


@pytest.mark.parametrize("forgery", ["credential", "fewer", "entry"])
def test_a_forged_export_contradicts_itself(bags: Path, forgery: str) -> None:
    """Lists made to agree do not help: sessions are never taken; counts and the signatures of the log must hold."""
    data = bags / "bags" / "0001" / "data"
    if forgery == "credential":
        (data / "rows" / "credential").mkdir()
        (data / "rows" / "credential" / "0001.jsonl").write_text("{}\n")
    elif forgery == "fewer":
        part = data / "rows" / "item" / "0001.jsonl"
        part.write_bytes(part.read_bytes().split(b"\n", 1)[1])
    else:
        log = data / "audit" / "log.zip"
        with ZipFile(log) as whole:
            inside = {name: whole.read(name) for name in whole.namelist()}
        with ZipFile(log, "w") as forged:
            for name, content in inside.items():
                forged.writestr(name, content.replace(b'"result":"done"', b'"result":"gone"', 1))
    resealed(bags, "0001")
    with pytest.raises(BagBroken):
        verify(bags, CountyLog.verify)


def test_every_table_of_a_county_is_within_reach(superuser: Superuser) -> None:
    """A table that a later revision makes must be told of: ``SELECT departure_reach()``."""
    reached = superuser.rows("SELECT tablename AS name FROM pg_policies WHERE policyname = 'departure'")
    assert {row["name"] for row in reached} == set(tenant_tables())


RESTORED = "SELECT county_restore(%s, 'fonds', '[]')"
RESTORED_LOG = "SELECT county_restore_audit(%s, ARRAY['{}'], ARRAY[now()])"
DESTROYED = "SELECT county_destroy(%s, gen_random_uuid())"


@pytest.mark.parametrize("role", ["lantai_app", "lantai_dispatcher"])
@pytest.mark.parametrize("statement", [RESTORED, RESTORED_LOG, DESTROYED])
def test_the_doors_are_the_provinces(postgres: EmbeddedPostgres, lived: Lived, role: str, statement: str) -> None:
    with psycopg.connect(postgres.dsn(role)) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (lived.county.tenant,))
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode(), (lived.county.tenant,))


@pytest.mark.parametrize("statement", [RESTORED, RESTORED_LOG, DESTROYED])
def test_a_county_that_lives_is_out_of_reach(postgres: EmbeddedPostgres, lived: Lived, statement: str) -> None:
    """Not even with the province's role, and not after setting its state back."""
    with psycopg.connect(postgres.dsn("lantai_province")) as connection:
        for state in ("active", "provisioning"):
            connection.execute("UPDATE tenant SET state = %s WHERE id = %s", (state, lived.county.tenant))
            with (
                pytest.raises(psycopg.DatabaseError, match=r"new county only|may not be destroyed"),
                connection.transaction(),
            ):
                connection.execute(statement.encode(), (lived.county.tenant,))
        connection.rollback()


def rewritten(bags: Path, table: str, **columns: object) -> None:
    """Spoil the first row of a table, and make the lists agree."""
    part = bags / "bags" / "0001" / "data" / "rows" / table / "0001.jsonl"
    first, *rest = part.read_text("utf-8").splitlines()
    part.write_text("\n".join([json.dumps(json.loads(first) | columns), *rest, ""]), "utf-8")
    relisted(bags)


def relisted(bags: Path) -> None:
    tags = bags / "bags" / "0001"
    names = [line[66:] for line in (tags / "manifest-sha256.txt").read_text().splitlines()]
    octets = sum((tags / name).stat().st_size for name in names)
    info = re.sub(r"Payload-Oxum: [0-9]+", f"Payload-Oxum: {octets}", (tags / "bag-info.txt").read_text("utf-8"))
    (tags / "bag-info.txt").write_text(info, "utf-8")
    relist(tags, "manifest-sha256.txt", names)
    relist(tags, "tagmanifest-sha256.txt", ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"])
    resealed(bags)


def refaced(bags: Path, **county: object) -> None:
    """Rewrite what an export tells of its county."""
    facts = json.loads((bags / "export.json").read_text("utf-8"))
    (bags / "export.json").write_text(json.dumps(facts | {"county": facts["county"] | county}), "utf-8")
    resealed(bags)


def test_bags_of_nobody_are_refused(services: Services, left: Export, elsewhere: Elsewhere) -> None:
    """Without a word of the sender, with another's keys, with another digest; by the sender's own keys they hold."""
    arrivals, folder = elsewhere.services.arrivals, Path(left.folder)
    with pytest.raises(SenderUnknown):
        arrivals.bring(folder, INSTALLER, passphrase=PASSPHRASE, progress=ignored)
    for words in ({"keys": "\n".join(elsewhere.services.audit.keys())}, {"told": "0" * 64}):
        with pytest.raises(BagBroken):
            arrivals.bring(folder, INSTALLER, passphrase=PASSPHRASE, progress=ignored, **words)
    assert verify(folder, CountyLog.verify, "\n".join(services.audit.keys())).digest == left.digest


def test_the_log_of_another_county_is_refused(left: Export) -> None:
    log = next(path for path in files(Path(left.folder)) if path.name == "log.zip")
    with pytest.raises(BagBroken):
        CountyLog.verify(log, "another", "")


@pytest.mark.parametrize(
    "county", [{"name": 5}, {"home_site": "q"}, {"home_site": "../x"}, {"second_site": "a"}, {"id": ["x"]}]
)
def test_a_county_that_cannot_be_is_refused(bags: Path, elsewhere: Elsewhere, county: dict[str, object]) -> None:
    refaced(bags, **county)
    with pytest.raises(BagBroken) as refusal:
        elsewhere.services.arrivals.bring(bags, INSTALLER, passphrase=PASSPHRASE, progress=ignored, told=sent(bags))
    assert refusal.value.file == "export.json"


@pytest.mark.parametrize("words", ["[" * 200_000, "[]", '{"format": 1}'])
def test_facts_that_are_none_are_refused(bags: Path, words: str) -> None:
    (bags / "export.json").write_text(words)
    resealed(bags)
    with pytest.raises(BagBroken):
        verify(bags, CountyLog.verify)
