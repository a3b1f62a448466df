"""``import_rate``: catalogue rows a second, from a CSV file to records, audit log and index."""

import csv
import io
import time
from collections.abc import Sequence
from itertools import pairwise

import click

from app.cli.bench.engine import county, installation, machine, verdict
from app.intake.service import IntakeService
from app.intake.types import CatalogueImport, ImportState
from app.kernel.paging import PageRequest
from app.services import Services
from search.types import Query
from tenants.scope import entered

GOAL, FLAT = 1000.0, 0.8
ROWS, FONDS = 130_000, 10_000
HEADINGS = (
    "全宗号", "全宗名称", "门类", "年度", "档号", "题名", "责任者", "文号", "日期", "保管期限", "密级", "人名",
    "页数", "备注",
)  # fmt: skip
SUBJECTS = (
    "宅基地审批", "婚姻登记", "水利兴修", "教师调动", "防疫物资", "林权确认", "户籍迁移", "招工安置", "救济发放",
    "公路养护",
)  # fmt: skip

Mark = tuple[float, int]
"""When, and how many rows were done."""


def _catalogue() -> bytes:
    """Return the county's whole catalogue as its old program exports it: dates to be normalised, GB18030."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for number in range(ROWS):
        unit, item = divmod(number, FONDS)
        fonds, year, subject = f"Z{unit + 100}", 1980 + number % 40, SUBJECTS[number % 10]
        writer.writerow(
            [
                fonds, f"某县第{unit + 1}局", "文书", year, f"{fonds}-WS·{year}-Y-BGS-{item + 1:05d}",
                f"关于{number % 971}号村民小组{subject}事项的第{number}号批复", "某县人民政府办公室",
                f"县政批〔{year}〕{item}号", f"{year}-{number % 12 + 1:02}-{number % 28 + 1:02}", "永久", "内部",
                f"张{number % 997}、李{number % 991}", number % 9 + 1, "",
            ]
        )  # fmt: skip
    return text.getvalue().encode("gb18030")


def _imported(intake: IntakeService, file: bytes) -> tuple[CatalogueImport, list[Mark]]:
    marks: list[Mark] = []
    begun = intake.begin(io.BytesIO(file), "全部目录.csv")
    intake.read(begun.id, lambda _done, _total: None)
    intake.confirm(begun.id)
    intake.write(begun.id, lambda done, _total: marks.append((time.perf_counter(), done)))
    return intake.get(begun.id), marks


def _flatness(marks: Sequence[Mark]) -> float:
    """Return the rate of the last tenth of the rows against that of the first."""
    tenth = len(marks) // 10
    first, last = marks[: tenth + 1], marks[-tenth - 1 :]
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in ((first[0], first[-1]), (last[0], last[-1]))]
    return rates[1] / rates[0]


def _check(services: Services, first: CatalogueImport, again: CatalogueImport) -> None:
    found = services.search.search(Query(f"第{ROWS - 1}号批复"), PageRequest(5))
    log = services.audit.verify()
    right = {
        "every row was written": (first.state, first.created, first.fault_count) == (ImportState.DONE, ROWS, 0),
        "a second import changed nothing": (again.created, again.unchanged) == (0, ROWS),
        "the last row is found": f"第{ROWS - 1}号批复" in found.hits[0].title if found.hits else False,
        "the audit log is whole": log.broken_at is None and log.entries >= ROWS,
    }
    for what, holds in right.items():
        click.echo(f"{what}: {holds}")
        if not holds:
            raise click.ClickException(what)


def run() -> bool:
    """Measure one import of a whole county, check what it left, and say whether the goals hold."""
    machine()
    file = _catalogue()
    click.echo(f"data: {ROWS} rows, {len(file) / 2**20:.0f} MiB of CSV in GB18030; one run, preview and writing")
    with installation() as (services, _), entered(county(services, 1)):
        start = time.perf_counter()
        first, marks = _imported(services.intake, file)
        seconds = time.perf_counter() - start
        slowest = min((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(marks))
        again, _ = _imported(services.intake, file)
        _check(services, first, again)
    flat = _flatness(marks)
    click.echo(f"writing: slowest thousand {slowest:.0f} rows/s; last tenth ÷ first tenth {flat:.2f} (goal ≥ {FLAT:g})")
    return verdict("import_rate", ROWS / seconds, GOAL, at_least=True, unit=" rows/s") and flat >= FLAT
