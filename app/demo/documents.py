"""Letters and documents of the demo, page by page; `draw` is the way in to every form."""

import numpy as np

from app.demo import forms, texts
from app.demo.catalogue import CatalogueRow, Form
from app.demo.chance import chance, pick, pick_some
from app.demo.dates import spelled, written
from app.demo.fonts import Face, Fonts
from app.demo.people import person
from app.demo.province import County, authority
from app.demo.sheet import A4_MM, BLACK, BLUE_BLACK, MARGIN_MM, RED, STENCIL, TEXT_MM, Cell, Drawn, Ink, Pen, Sheet

_MIDDLE = A4_MM[0] / 2
_RIGHT = MARGIN_MM + TEXT_MM
_RED_HEADS_SINCE = 1980
_ORDINALS = "一二三四五六七八"
_OPENINGS = (
    "为切实做好今年的{topic}工作，保障人民群众生产生活，根据省人民政府有关会议精神，现将有关事项通知如下：",
    "{topic}事关全县经济社会发展大局。经县人民政府同意，现就做好{year}年{topic}工作通知如下，请认真贯彻执行。",
    "近期县人民政府办公室对各乡镇{topic}情况进行了检查。为巩固成果、改进不足，现提出如下要求：",
)
_LETTER = (
    "我是一九六八年冬天来到{town}插队的知识青年，至今已在生产队劳动了三年又六个月。",
    "刚来时不会使锄头，手上磨出许多血泡，是队里的老乡一样一样教会了我。",
    "这几年我种过水稻，修过水渠，也当过记工员和夜校教员，年年都是满工分。",
    "去年秋天家父在厂里因工受伤，右腿不能行走，家中只有年迈的母亲照料。",
    "弟弟妹妹都在读书，全家的生活只靠母亲糊纸盒的收入，十分困难。",
    "听说{town2}农机修配厂今年招收工人{n}名，我曾在公社农机站学过半年钳工。",
    "现恳请组织上考虑我家的实际情况，准予招工回城，以便就近照顾双亲。",
    "大队和公社都已签署意见，证明材料随信寄上，请领导审查。",
    "如一时没有名额，我愿意安心等待，继续参加队里的劳动，绝不给组织添麻烦。",
)


def draw(county: County, row: CatalogueRow, fonts: Fonts, *, dpi: int = 200) -> list[Drawn]:
    """Draw every page of a catalogued item, clean and upright.

    Parameters
    ----------
    county : County
    row : CatalogueRow
        One of `catalogue.rows(county)`; the page says what the entry says.
    fonts : Fonts
    dpi : int
        Pixels per inch of the A4 page.
    """
    pages: list[Drawn] = []
    for number in range(row.page_count):
        rng = chance(county.tenant, row.ref_code, str(number))
        sheet = Sheet(fonts, rng, dpi)
        _page(county, row, sheet, rng, number)
        sheet.write(f"{number + 1:03d}", 196, 10, Pen(13, Face.HEI, BLUE_BLACK), align="r")
        pages.append(sheet.drawn())
    return pages


def _page(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator, number: int) -> None:
    first = number == 0
    match row.form:
        case Form.NOTICE if int(row.year) < _RED_HEADS_SINCE:
            _early_notice(county, row, sheet, rng)
        case Form.NOTICE:
            (_notice if first else _annex)(county, row, sheet, rng)
        case Form.REPLY:
            _reply(county, row, sheet, rng)
        case Form.MINUTES:
            (_minutes if first else _minutes_end)(county, row, sheet, rng)
        case Form.LETTER:
            _letter(county, row, sheet, rng)
        case _:
            forms.fill(county, row, sheet, rng)


def _red_head(sheet: Sheet, name: str, row: CatalogueRow) -> None:
    """Write issuer, number and red line (GB/T 9704-2012, 7.2), and the filing stamp (DA/T 22-2015)."""
    size = min(40, TEXT_MM / len(name) * 72 / 25.4)
    sheet.write(name, _MIDDLE, 48, Pen(size, Face.SONG_BOLD, RED), align="m")
    sheet.write(row.doc_no, _MIDDLE, 66, align="m")
    sheet.rule(MARGIN_MM, 71, _RIGHT, 71, width=0.8, ink=RED)
    organ = row.ref_code.split("-")[-2].rsplit("·", 1)[-1]
    above = (row.fonds_code, row.year, str(int(row.item_no)))
    below = ({"BGS": "办公室", "ZHK": "综合科"}.get(organ, organ), row.retention, str(row.page_count))
    for n, cells in enumerate((above, below)):
        widths = zip(cells, (20, 14, 14), strict=True)
        sheet.row([Cell(text, width) for text, width in widths], 14 + n * 8, 8, x=81, size=11, ink=(150, 30, 60))


def _sign(sheet: Sheet, issuer: str, day: str, y: float, *, x: float = 150, ink: Ink = BLACK) -> None:
    """Write issuer and date, the seal pressed over both."""
    sheet.write(issuer, x, y, Pen(ink=ink), align="m")
    sheet.write(day, x, y + 10, Pen(ink=ink), align="m")
    sheet.seal(issuer, x, y + 4)


def _imprint(sheet: Sheet, row: CatalogueRow, copies: str) -> None:
    for y in (266, 275, 284):
        sheet.rule(MARGIN_MM, y, _RIGHT, y)
    sheet.write(copies, MARGIN_MM + 3, 270.5, Pen(12.5))
    sheet.write(row.fonds_name, MARGIN_MM + 3, 279.5, Pen(12.5))
    sheet.write(f"{written(row.date)}印发", _RIGHT - 3, 279.5, Pen(12.5), align="r")


def _numbered(sheet: Sheet, sentences: list[str], y: float) -> float:
    for n, sentence in enumerate(sentences):
        y = sheet.paragraph(f"{_ORDINALS[n]}、{sentence}", y)
    return y


def _notice(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    _red_head(sheet, f"{row.creator}文件", row)
    y = sheet.title(f"{row.creator}{row.title}", 84) + 2
    y = sheet.paragraph("各乡镇人民政府、街道办事处，县政府各工作部门：", y, indent=0)
    y = sheet.paragraph(pick(rng, _OPENINGS).format(topic=row.topic, year=row.year), y)
    y = _numbered(sheet, texts.body(county, row.topic, rng, count=4 if row.page_count > 1 else 5), y)
    if row.page_count > 1:
        y = sheet.paragraph(f"附件：{row.year}年{row.topic}工作任务分解表", y)
    _sign(sheet, row.creator, written(row.date), min(y + 8, 244))
    _imprint(sheet, row, "抄送：县委办公室，县人大办公室，县政协办公室。")


def _annex(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    sheet.write("附件", MARGIN_MM, 32, Pen(face=Face.HEI))
    y = sheet.title(f"{row.year}年{row.topic}工作任务分解表", 48, Pen(20, Face.SONG_BOLD)) + 4
    widths = (12, 30, 62, 26, 26)
    heads = ("序号", "责任单位", "主要任务", "完成时限", "责任人")
    y = sheet.row([Cell(head, width) for head, width in zip(heads, widths, strict=True)], y, 11)
    tasks = texts.body(county, row.topic, rng, count=6)
    for n, (town, task) in enumerate(zip(county.towns, tasks, strict=True), 1):
        cells = (str(n), town, task, f"{rng.integers(3, 12)}月底前", person(rng, 1970, woman=n % 3 == 0))
        y = sheet.row([Cell(cell, width) for cell, width in zip(cells, widths, strict=True)], y, 26, size=11)
    y = sheet.paragraph("注：各责任单位应于每月二十五日前将进展情况书面报送县人民政府办公室。", y + 8, Pen(12))
    sheet.paragraph(f"本表由{row.creator}负责解释，任务有调整的另行通知。", y, Pen(12))


def _reply(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    town = next(town for town in county.towns if town in row.title)
    _red_head(sheet, f"{row.creator}文件", row)
    y = sheet.title(row.title, 86) + 2
    y = sheet.paragraph(f"{authority(town)}：", y, indent=0)
    asked = f"你单位《关于呈报{row.topic}项目实施方案的请示》（{town[0]}政〔{row.year}〕{rng.integers(3, 30)}号）收悉。"
    y = sheet.paragraph(f"{asked}经局务会议研究，原则同意该实施方案，现批复如下：", y)
    y = _numbered(sheet, texts.body(county, row.topic, rng, count=4), y)
    y = sheet.paragraph(f"五、项目总投资{rng.integers(40, 400)}万元，其中省级补助六成，其余由你单位自筹。", y)
    y = sheet.paragraph("此复。", y)
    _sign(sheet, row.creator, written(row.date), min(y + 8, 244))
    _imprint(sheet, row, f"抄送：县财政局，县审计局，{town}财政所。")


def _minutes(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    _red_head(sheet, "专题会议纪要", row)
    sheet.write(row.fonds_name, MARGIN_MM, 79)
    sheet.write(written(row.date), _RIGHT, 79, align="r")
    y = sheet.title(row.title, 94) + 2
    chair = person(rng, 1958, woman=False)
    opening = (
        f"{written(row.date)}上午，副县长{chair}在县政府第二会议室主持召开会议，专题研究{row.topic}工作，"
        f"听取了有关部门和{county.towns[0]}、{county.towns[1]}的汇报。现将会议议定事项纪要如下："
    )
    y = sheet.paragraph(opening, y)
    leads = ("会议认为，", "会议指出，", "会议议定，", "会议要求，", "会议强调，")
    for lead, sentence in zip(leads, texts.body(county, row.topic, rng), strict=True):
        y = sheet.paragraph(lead + sentence, y)
    sheet.write("— 1 —", _RIGHT, 284, Pen(13), align="r")


def _minutes_end(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    topic = pick(rng, tuple(other for other in texts.MODERN if other != row.topic))
    y = sheet.paragraph(f"会议还研究了{topic}的有关问题，意见如下：", 38)
    y = _numbered(sheet, texts.body(county, topic, rng, count=5), y)
    people = [person(rng, 1960, woman=n % 3 == 0) for n in range(9)]
    y = sheet.paragraph(f"出席：{'、'.join(people[:4])}", y + 6, indent=0)
    y = sheet.paragraph(f"列席：{'、'.join(people[4:8])}", y, indent=0)
    y = sheet.paragraph(f"记录：{people[8]}", y, indent=0)
    _sign(sheet, row.fonds_name, written(row.date), min(y + 12, 244))
    _imprint(sheet, row, "分送：县长、副县长，参加会议的单位。")
    sheet.write("— 2 —", MARGIN_MM, 289.5, Pen(13))


def _early_notice(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw a stencilled paper of the nineteen-fifties: violet ink, dates spelled out."""
    issuers = row.creator.split(";")
    y = 36.0
    for issuer in issuers:
        sheet.write(issuer, _MIDDLE, y, Pen(26, Face.SONG_BOLD, RED), align="m", spacing=2)
        y += 13
    sheet.rule(MARGIN_MM, y - 4, _RIGHT, y - 4, width=0.5, ink=RED)
    if row.doc_no:
        sheet.write(row.doc_no, _RIGHT, y + 3, Pen(13, ink=STENCIL), align="r")
    y = sheet.title(row.title, y + 17, Pen(20, Face.SONG_BOLD, STENCIL)) + 3
    y = sheet.paragraph("各区、乡，县直各单位：", y, Pen(ink=STENCIL), indent=0)
    sentences = texts.body(county, row.topic, rng, count=4)
    opening = f"{row.topic}是当前一项重要工作。据各乡报告，运动开展以来成绩很大，但发展尚不平衡，特作如下规定："
    for sentence in (opening, *sentences, "以上各点，希即研究执行，并将执行情况于月底前书面报告。"):
        y = sheet.paragraph(sentence, y, Pen(ink=STENCIL))
    y = min(y + 12, 250)
    for issuer, x in zip(reversed(issuers), (150, 78), strict=False):
        _sign(sheet, issuer, spelled(row.date), y, x=x, ink=STENCIL)


def _letter(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw a letter by hand on red-ruled paper."""
    sheet.write(f"{county.name}革命委员会信笺", _MIDDLE, 24, Pen(18, ink=RED), align="m", spacing=2)
    hand = Pen(22, Face.BRUSH, BLUE_BLACK, leading=12.5)
    for n in range(21):
        line = 36 + n * hand.leading
        sheet.rule(22, line, 190, line, ink=(226, 120, 118))
    y = 42.5
    y = sheet.paragraph("县知识青年办公室负责同志：", y, hand, x=24, width=160, indent=0)
    sentences = (_LETTER[0], *pick_some(rng, _LETTER[1:], 7))
    told = "".join(texts.filled(county, sentence, rng) for sentence in sentences)
    for part in (told, "此致"):
        y = sheet.paragraph(part, y, hand, x=24, width=160)
    sheet.write("敬礼", 24, y, hand)
    for words in (f"知识青年：{row.persons}", spelled(row.date)):
        y += hand.leading
        sheet.write(words, 182, y, hand, align="r")
