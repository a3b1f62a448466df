"""The catalogue of a demo county: seventy items of nine fonds, in four arrangements."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import islice

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Font

from app.demo.chance import chance, pick, pick_some
from app.demo.people import RARE_NAMES, children, couple, person
from app.demo.province import County, authority
from app.demo.texts import EARLY, MODERN


class Form(StrEnum):
    """What a record looks like on paper."""

    NOTICE = "通知"
    REPLY = "批复"
    MINUTES = "会议纪要"
    FILE_LIST = "卷内文件目录"
    MARRIAGE = "结婚登记册"
    LAND = "土地使用证"
    LABOUR = "招工登记表"
    CONTRACT = "劳动合同"
    SENIORITY = "工龄认定表"
    YOUTH = "知识青年登记表"
    LETTER = "来信"
    SCHOOL = "学籍登记表"
    ONE_CHILD = "独生子女父母光荣证"


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One item as the county exports it; `form` and `topic` tell how to draw it and are not exported."""

    fonds_code: str
    fonds_name: str
    category: str
    year: str
    file_no: str
    item_no: str
    ref_code: str
    title: str
    creator: str
    doc_no: str
    date: str
    retention: str
    secrecy: str
    persons: str
    page_count: int
    note: str
    form: Form
    topic: str = ""


# The order of columns in an export; the headings are the county's, not ours.
HEADINGS = {
    "fonds_code": "全宗号",
    "fonds_name": "全宗名称",
    "category": "门类",
    "year": "年度",
    "file_no": "案卷号",
    "item_no": "件号",
    "ref_code": "档号",
    "title": "题名",
    "creator": "责任者",
    "doc_no": "文号",
    "date": "日期",
    "retention": "保管期限",
    "secrecy": "密级",
    "persons": "人名",
    "page_count": "页数",
    "note": "备注",
}


def rows(county: County) -> list[CatalogueRow]:
    """Return the county's catalogue, in the order of its codes within each fonds."""
    return [
        *_government(county),
        *_agriculture(county),
        *_people_s_committee(county),
        *_civil_affairs(county),
        *_land(county),
        *_labour(county),
        *_youth(county),
        *_education(county),
        *_birth_planning(county),
    ]


def _government(county: County) -> Iterator[CatalogueRow]:
    """Yield items arranged by DA/T 22-2015: `Z109-WS·2011-Y-BGS-0001`."""
    classes = {
        "2008": (("永久", "Y", "BGS", Form.MINUTES, 3),),
        "2011": (
            ("永久", "Y", "BGS", Form.NOTICE, 5),
            ("30年", "D30", "BGS", Form.NOTICE, 4),
            ("10年", "D10", "ZHK", Form.NOTICE, 2),
        ),
        "2015": (("永久", "Y", "BGS", Form.NOTICE, 4),),
    }
    for year, groups in classes.items():
        rng = chance(county.tenant, "Z109", year)
        # One pack of topics and of weeks for the year: no topic and no issuing number falls twice.
        topics = iter(rng.permutation(tuple(MODERN)))
        weeks = iter(rng.permutation(50))
        for retention, code, org, form, count in groups:
            for n, week in enumerate(sorted(islice(weeks, count)), 1):
                ref_code, topic = f"Z109-WS·{year}-{code}-{org}-{n:04d}", str(next(topics))
                yield _government_item(county, ref_code, retention, form, int(week), topic)


def _government_item(county: County, ref_code: str, retention: str, form: Form, week: int, topic: str) -> CatalogueRow:
    office = f"{county.name}人民政府办公室"
    minutes = form is Form.MINUTES
    year, item_no = ref_code[8:12], ref_code[-4:]
    return CatalogueRow(
        fonds_code="Z109",
        fonds_name=office,
        category="WS",
        year=year,
        file_no="",
        item_no=item_no,
        ref_code=ref_code,
        title=f"{county.name}人民政府关于{topic}专题会议纪要" if minutes else f"关于做好{year}年{topic}工作的通知",
        creator=f"{county.name}人民政府" if minutes else office,
        doc_no=f"{county.short}政{'纪' if minutes else '办发'}〔{year}〕{week + 1}号",
        date=f"{date(int(year), 1, 5) + timedelta(days=7 * week):%Y%m%d}",
        retention=retention,
        secrecy="内部" if minutes else "公开",
        persons="",
        page_count=2 if minutes or item_no <= "0002" else 1,
        note="",
        form=form,
        topic=topic,
    )


def _agriculture(county: County) -> Iterator[CatalogueRow]:
    """Yield items arranged by DA/T 13-2022, the office in Chinese: `A439-WS·2013·Y·办公室-0001`."""
    bureau = f"{county.name}农业局"
    rng = chance(county.tenant, "A439")
    for retention, code, count in (("永久", "Y", 4), ("30年", "D30", 3)):
        topics = rng.permutation(("农村饮水安全", "春耕生产", "秸秆综合利用", "防汛抗旱"))
        for n in range(1, count + 1):
            town = pick(rng, county.towns)
            number = n * 4 + (code == "Y")
            yield CatalogueRow(
                fonds_code="A439",
                fonds_name=bureau,
                category="WS",
                year="2013",
                file_no="",
                item_no=f"{n:04d}",
                ref_code=f"A439-WS·2013·{code}·办公室-{n:04d}",
                title=f"关于{town}{topics[n - 1]}项目实施方案的批复",
                creator=bureau,
                doc_no=f"{county.short}农字〔2013〕{number}号",
                date=f"{date(2013, 1, 7) + timedelta(days=12 * number):%Y%m%d}",
                retention=retention,
                secrecy="公开",
                persons="",
                page_count=1,
                note="",
                form=Form.REPLY,
                topic=str(topics[n - 1]),
            )


def _people_s_committee(county: County) -> Iterator[CatalogueRow]:
    """Yield items under an old inventory, `C038-001-002-003`; each file opens with its own list."""
    for file_no, year, body, retention, count in (
        ("001", 1952, "人民政府", "长期", 6),
        ("002", 1958, "人民委员会", "永久", 8),
    ):
        rng = chance(county.tenant, "C038", file_no)
        topics = rng.permutation(tuple(EARLY))
        issuer = county.name + body
        # The last papers of a file know their month only, then their year only.
        days = [f"{year}{n + 1:02d}{int(rng.integers(1, 29)):02d}" for n in range(1, count - 1)]
        days = [f"{year}0000", *days[1:], f"{year}{count + 1:02d}00", f"{year}0000"]
        for n, day in enumerate(days, 1):
            is_list, is_last = n == 1, n == count
            topic = "" if is_list else str(topics[(n - 2) % len(topics)])
            yield CatalogueRow(
                fonds_code="C038",
                fonds_name=f"{county.name}人民委员会",
                category="WS",
                year=str(year),
                file_no=file_no,
                item_no=f"{n:03d}",
                ref_code=f"C038-001-{file_no}-{n:03d}",
                title=f"{issuer}{year}年卷内文件目录" if is_list else f"关于{topic}的{'指示' if n % 2 else '通知'}",
                creator=issuer if n % 3 else f"中共{county.name}委员会;{issuer}",
                doc_no="" if is_list or is_last else f"〔{year % 100}〕{county.short}办字第{n * 7}号",
                date=day,
                retention=retention,
                secrecy="公开" if n % 4 else "内部",
                persons="",
                page_count=1,
                note="纸张发黄，字迹褪色" if is_last else "",
                form=Form.FILE_LIST if is_list else Form.NOTICE,
                topic=topic,
            )


def _people_row(
    fonds: tuple[str, str, str], form: Form, ref_code: str, year: int, title: str, persons: str
) -> CatalogueRow:
    """Return one livelihood record: permanent, internal, found by its people."""
    fonds_code, fonds_name, category = fonds
    *_, file_no, item_no = ref_code.split("-")
    return CatalogueRow(
        fonds_code=fonds_code,
        fonds_name=fonds_name,
        category=category,
        year=str(year),
        file_no=file_no if file_no.isdigit() else "",
        item_no=item_no,
        ref_code=ref_code,
        title=title,
        creator=fonds_name,
        doc_no="",
        date=f"{year}0000",
        retention="永久",
        secrecy="内部",
        persons=persons,
        page_count=1,
        note="",
        form=form,
    )


def _some_day(rng: np.random.Generator, year: int) -> str:
    return f"{date(year, 1, 1) + timedelta(days=int(rng.integers(365))):%Y%m%d}"


def _civil_affairs(county: County) -> Iterator[CatalogueRow]:
    """Yield marriage registers, several couples a page."""
    fonds = ("M021", f"{county.name}民政局", "ZY")
    rng = chance(county.tenant, "M021")
    for year, count in ((1987, 4), (1996, 3)):
        for n, town in enumerate(pick_some(rng, county.towns, count), 1):
            couples = [couple(rng, year) for _ in range(8)]
            if n == count:
                couples[0] = (RARE_NAMES[0], couples[0][1])
            people = ";".join(name for pair in couples for name in pair)
            code = f"M021-ZY·HY·{year}·Y-001-{n:03d}"
            row = _people_row(fonds, Form.MARRIAGE, code, year, f"{town}{year}年结婚登记册", people)
            yield replace(row, creator=authority(town), date=f"{year}0101-{year}1231")


def _land(county: County) -> Iterator[CatalogueRow]:
    """Yield homestead certificates; two brothers share the character of their generation."""
    fonds = ("G033", f"{county.name}国土资源局", "ZY")
    rng = chance(county.tenant, "G033")
    father = person(rng, 1945, woman=False)
    holders = [*(person(rng, 1955, woman=False) for _ in range(3)), *children(rng, father, 2), RARE_NAMES[2]]
    for n, holder in enumerate(holders, 1):
        title = f"{county.towns[n % len(county.towns)]}{holder}集体土地建设用地使用证（宅基地）"
        row = _people_row(fonds, Form.LAND, f"G033-ZY·TD·1992·Y-001-{n:03d}", 1992, title, holder)
        number = f"{county.short}集建（92）字第{n * 13 + 299:04d}号"
        yield replace(row, creator=f"{county.name}土地管理局", doc_no=number, date=_some_day(rng, 1992))


def _labour(county: County) -> Iterator[CatalogueRow]:
    """Yield workers' papers, two a file: hiring, contract, years of service."""
    fonds = ("L052", f"{county.name}劳动人事局", "RS")
    rng = chance(county.tenant, "L052")
    papers = (
        (Form.LABOUR, 1976),
        (Form.LABOUR, 1979),
        (Form.LABOUR, 1983),
        (Form.CONTRACT, 1995),
        (Form.CONTRACT, 1998),
        (Form.SENIORITY, 2001),
    )
    for n, (form, year) in enumerate(papers):
        worker = person(rng, year - 20, woman=n % 2 == 1) if (n + 1) % 3 else RARE_NAMES[n + 4]
        code = f"L052-RS-{n // 2 + 1:03d}-{n % 2 + 1:03d}"
        row = _people_row(fonds, form, code, year, f"{worker}{form}", worker)
        yield replace(row, date=_some_day(rng, year))


def _youth(county: County) -> Iterator[CatalogueRow]:
    """Yield papers of the young people sent to the villages, among them a letter."""
    fonds = ("Q045", f"{county.name}知识青年上山下乡办公室", "WS")
    rng = chance(county.tenant, "Q045")
    for n, form in enumerate((Form.YOUTH, Form.YOUTH, Form.LETTER, Form.YOUTH, Form.YOUTH), 1):
        youth = person(rng, 1950, woman=n % 2 == 0)
        row = _people_row(fonds, form, f"Q045-001-001-{n:03d}", 1972, f"{youth}上山下乡知识青年登记表", youth)
        if form is Form.LETTER:
            yield replace(row, title=f"{youth}关于要求回城就业的来信", creator=youth, date="19720600")
        else:
            yield replace(row, date=_some_day(rng, 1972))


def _education(county: County) -> Iterator[CatalogueRow]:
    """Yield pupils' records."""
    fonds = ("J019", f"{county.name}教育局", "ZY")
    rng = chance(county.tenant, "J019")
    school = f"{county.name}第一中学"
    pupils = [*(person(rng, 1963, woman=n % 2 == 1) for n in range(4)), RARE_NAMES[1]]
    for n, pupil in enumerate(pupils, 1):
        code = f"J019-ZY·XJ·1978·Y-001-{n:03d}"
        row = _people_row(fonds, Form.SCHOOL, code, 1978, f"{school}{pupil}学籍登记表", pupil)
        yield replace(row, creator=school, date="19780900")


def _birth_planning(county: County) -> Iterator[CatalogueRow]:
    """Yield certificates of one-child families, arranged by item."""
    fonds = ("W061", f"{county.name}计划生育委员会", "ZY")
    rng = chance(county.tenant, "W061")
    couples = [*(couple(rng, 1984) for _ in range(7)), (RARE_NAMES[8], person(rng, 1958, woman=True))]
    for n, (father, mother) in enumerate(couples, 1):
        child = father[0] + pick(rng, ("佳", "磊", "娜", "超", "倩", "鹏"))
        code, people = f"W061-ZY·DS·1985·Y-{n:04d}", f"{father};{mother};{child}"
        row = _people_row(fonds, Form.ONE_CHILD, code, 1985, f"{father}、{mother}独生子女父母光荣证存根", people)
        yield replace(row, doc_no=f"{county.short}计育字第{n + 420:05d}号", date=_some_day(rng, 1985))


def to_csv(catalogue: list[CatalogueRow], encoding: str = "utf-8-sig") -> bytes:
    """Return the catalogue as a CSV file with Chinese headings.

    Parameters
    ----------
    catalogue : list of CatalogueRow
    encoding : str
        ``utf-8-sig`` as spreadsheets write it, or ``gb18030`` as old programs do.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS.values())
    writer.writerows([getattr(row, field) for field in HEADINGS] for row in catalogue)
    return text.getvalue().encode(encoding)


def to_xlsx(catalogue: list[CatalogueRow]) -> bytes:
    """Return the catalogue as an Excel workbook, codes and dates kept as text."""
    book = Workbook()
    sheet = book.active or book.create_sheet()
    sheet.title = "目录"
    sheet.append(list(HEADINGS.values()))
    for row in catalogue:
        sheet.append([getattr(row, field) for field in HEADINGS])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
