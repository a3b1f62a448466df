"""Registers, certificates and forms of the demo: printed cells, filled in by hand."""

from collections.abc import Sequence

import numpy as np

from app.demo import catalogue
from app.demo.catalogue import CatalogueRow, Form
from app.demo.chance import pick
from app.demo.dates import spelled, written
from app.demo.fonts import Face
from app.demo.people import is_woman, person
from app.demo.province import County
from app.demo.sheet import A4_MM, BLUE_BLACK, MARGIN_MM, RED, TEXT_MM, Cell, Ink, Pen, Sheet

_MIDDLE = A4_MM[0] / 2
_RIGHT = MARGIN_MM + TEXT_MM
_LEFT = MARGIN_MM - 6  # of forms wider than the text area
_GREEN: Ink = (24, 96, 62)


def fill(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    """Fill in the form that belongs to the record."""
    match row.form:
        case Form.FILE_LIST:
            _file_list(county, row, sheet)
        case Form.MARRIAGE:
            _marriages(county, row, sheet, rng)
        case Form.LAND:
            _land(county, row, sheet, rng)
        case Form.ONE_CHILD:
            _one_child(county, row, sheet, rng)
        case Form.CONTRACT:
            _contract(county, row, sheet, rng)
        case _:
            _personal(county, row, sheet, rng)


def _cells(texts: Sequence[str], widths: Sequence[float], *, by_hand: bool = False) -> list[Cell]:
    return [Cell(text, width, by_hand) for text, width in zip(texts, widths, strict=True)]


def _asked(*pairs: tuple[str, str, float, float]) -> list[Cell]:
    """Return printed questions with written answers: label, answer and the widths of both."""
    return [
        cell
        for label, answer, label_width, answer_width in pairs
        for cell in (Cell(label, label_width), Cell(answer, answer_width, by_hand=True))
    ]


def _questions(sheet: Sheet, y: float, *rows: Sequence[tuple[str, str, float, float]], x: float = MARGIN_MM) -> float:
    """Draw rows of questions and answers, and return where the form goes on."""
    for pairs in rows:
        y = sheet.row(_asked(*pairs), y, 14, x=x)
    return y


def _file_list(county: County, row: CatalogueRow, sheet: Sheet) -> None:
    """List what stands in the file, from the same catalogue (DA/T 22 style columns)."""
    sheet.write("卷内文件目录", _MIDDLE, 28, Pen(24, Face.SONG_BOLD), align="m", spacing=4)
    sheet.write(f"全宗号：{row.fonds_code}　　目录号：001　　案卷号：{row.file_no}", MARGIN_MM - 8, 40, Pen(12))
    widths = (14, 42, 32, 44, 23, 11, 10)
    y = sheet.row(_cells(("顺序号", "文号", "责任者", "题名", "日期", "页号", "备注"), widths), 46, 12, x=18, size=11)
    kept = [one for one in catalogue.rows(county) if one.ref_code.startswith(row.ref_code[:-3]) and one != row]
    for n, one in enumerate(kept, 1):
        cells = (str(n), one.doc_no, one.creator.replace(";", "、"), one.title, one.date, str(n), "")
        y = sheet.row(_cells(cells, widths), y, 21, x=18, size=11)
    for _ in range(int((282 - y) // 21)):
        y = sheet.row(_cells(("",) * 7, widths), y, 21, x=18)


def _marriages(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    sheet.write("结婚登记册", _MIDDLE, 26, Pen(26, Face.SONG_BOLD), align="m", spacing=6)
    sheet.write(f"登记机关：{county.name}{row.creator}", 18, 39, Pen(12))
    sheet.write(f"{row.year}年度", 192, 39, Pen(12), align="r")
    widths = (11, 23, 21, 11, 21, 11, 40, 36)
    heads = ("编号", "登记日期", "男方姓名", "年龄", "女方姓名", "年龄", "结婚证字号", "住址")
    y = sheet.row(_cells(heads, widths), 45, 12, x=18, size=11)
    names = row.persons.split(";")
    months = sorted(rng.integers(1, 13, len(names) // 2))
    for n, month in enumerate(months):
        man, woman = names[2 * n : 2 * n + 2]
        age = int(rng.integers(22, 29))
        number = f"{county.short}婚字第{int(row.year) % 100}{n * 7 + 113:04d}号"
        ages = str(age), str(age - int(rng.integers(0, 3)))
        day = f"{month}月{rng.integers(1, 29)}日"
        cells = (str(n + 1), day, man, ages[0], woman, ages[1], number, _village(county, rng))
        y = sheet.row(_cells(cells, widths, by_hand=True), y, 20, x=18, size=11)
    note = Pen(11.5, leading=7.5)
    y = sheet.paragraph("说明：一、本册由婚姻登记机关逐项填写，一对一行，不得涂改。", y + 9, note, x=18, indent=0)
    y = sheet.paragraph("二、年龄按周岁填写，住址填写登记时的常住户口所在地。", y, note, x=18, indent=3)
    sheet.write(f"登记员：{person(rng, 1950, woman=True)}", 24, y + 14, Pen(13))
    sheet.seal(f"{county.name}{row.creator}婚姻登记专用章", 160, y + 14, radius=19)


def _land(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw a homestead certificate: double green border, particulars, and the plot."""
    sheet.frame(12, 14, 186, 269, line=1.6, ink=_GREEN)
    sheet.frame(15, 17, 180, 263, line=0.5, ink=_GREEN)
    sheet.write("集体土地建设用地使用证", _MIDDLE, 36, Pen(30, Face.SONG_BOLD, RED), align="m", spacing=2)
    sheet.write(row.doc_no, _RIGHT, 52, Pen(14), align="r")
    area = int(rng.integers(120, 260))
    town = next(town for town in county.towns if row.title.startswith(town))
    sides = [*(f"{person(rng, 1950, woman=False)}宅" for _ in range(2)), "村道", pick(rng, ("水渠", "菜地", "晒场"))]
    owner = f"{town}第{rng.integers(2, 12)}村民小组"
    y = _questions(
        sheet,
        60,
        (("土地使用者", row.persons, 34, 48), ("所有者", owner, 26, 48)),
        (("土地坐落", f"{county.name}{town}", 34, 48), ("用途", "宅基地", 26, 48)),
        (("用地面积", f"{area}平方米", 34, 48), ("建筑占地", f"{area // 2}平方米", 26, 48)),
        (("东至", sides[0], 18, 60), ("西至", sides[1], 18, 60)),
        (("南至", sides[2], 18, 60), ("北至", sides[3], 18, 60)),
    )
    law = "根据《中华人民共和国土地管理法》，由土地使用者申请，经调查审定，准予登记，发给此证，其合法权益受法律保护。"
    y = sheet.paragraph(law, y + 10, Pen(13, leading=8))
    y = sheet.paragraph("未经批准不得改变用途，不得买卖或者以其他形式非法转让。", y, Pen(13, leading=8))
    _plot(sheet, rng, y + 4, sides)
    sheet.write(row.creator, 150, 252, Pen(14), align="m")
    sheet.write(spelled(row.date), 150, 262, Pen(14), align="m")
    sheet.seal(row.creator, 150, 256)


def _plot(sheet: Sheet, rng: np.random.Generator, y: float, sides: Sequence[str]) -> None:
    """Sketch the plot with its neighbours, north up."""
    left, width, height = 60.0, float(rng.integers(56, 76)), float(rng.integers(38, 50))
    sheet.write("宗地图", 30, y + 4, Pen(12))
    top = y + 10
    sheet.frame(left, top, width, height, line=0.6)
    sheet.frame(left + 8, top + 6, width - 16, height * 0.4)
    sheet.write("房屋", left + width / 2, top + 6 + height * 0.2, Pen(11), align="m")
    sheet.write(f"{width / 4:.1f}米", left + width / 2, top + height - 4, Pen(10), align="m")
    sheet.write(sides[3], left + width / 2, top - 5, Pen(10), align="m")
    sheet.write(sides[2], left + width / 2, top + height + 5, Pen(10), align="m")
    sheet.write(sides[1], left - 4, top + height / 2, Pen(10), align="r")
    sheet.write(sides[0], left + width + 4, top + height / 2, Pen(10))
    sheet.rule(176, top + 22, 176, top + 2, width=0.5)
    sheet.rule(173, top + 8, 176, top + 2, width=0.5)
    sheet.rule(179, top + 8, 176, top + 2, width=0.5)
    sheet.write("北", 176, top - 3, Pen(12), align="m")


def _one_child(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    father, mother, child = row.persons.split(";")
    sheet.frame(16, 20, 178, 250, line=2.0, ink=RED)
    sheet.frame(19.5, 23.5, 171, 243, line=0.4, ink=RED)
    sheet.write("独生子女父母光荣证", _MIDDLE, 52, Pen(34, Face.SONG_BOLD, RED), align="m", spacing=2)
    sheet.write("（存根）", _MIDDLE, 68, Pen(16, ink=RED), align="m")
    sheet.write(row.doc_no, _RIGHT - 4, 84, Pen(14), align="r")
    born = f"{int(row.year) - 1}年{rng.integers(1, 13)}月"
    y = _questions(
        sheet,
        92,
        (("父亲姓名", father, 30, 48), ("工作单位", _works(county, rng), 30, 48)),
        (("母亲姓名", mother, 30, 48), ("工作单位", f"{pick(rng, county.towns)}供销社", 30, 48)),
        (("子女姓名", child, 30, 48), ("出生日期", born, 30, 48)),
    )
    pen = Pen(16, leading=11)
    y = sheet.paragraph("为了国家的富强和家庭的幸福，自愿终身只生育一个孩子，特发此证，以资鼓励。", y + 14, pen)
    y = sheet.paragraph("持证者按规定领取独生子女保健费至十四周岁，入托、入学、就医时给予照顾。", y, pen)
    sheet.paragraph("保健费由父母双方所在单位各负担一半，每月五元，凭本证领取。", y, pen)
    sheet.write(row.creator, 145, 232, Pen(16), align="m")
    sheet.write(spelled(row.date), 145, 243, Pen(16), align="m")
    sheet.seal(row.creator, 145, 236)


def _contract(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    works = _works(county, rng)
    y = sheet.title("劳动合同书", 34, Pen(28, Face.SONG_BOLD)) + 6
    y = sheet.paragraph(f"甲方（用人单位）：{works}", y, indent=0)
    y = sheet.paragraph(f"乙方（劳动者）：{row.persons}", y, indent=0)
    months = int(rng.integers(36, 61))
    for clause in (
        "根据《中华人民共和国劳动法》，甲乙双方经平等协商，自愿签订本合同，共同遵守。",
        f"一、合同期限自{written(row.date)}起，共{months}个月，其中试用期三个月。",
        f"二、乙方在甲方从事{_trade(rng)}工作，应当按时完成规定的数量，达到规定的质量标准。",
        "三、甲方实行每日工作八小时、每周工作四十四小时的工时制度，加班另付加班工资。",
        f"四、乙方月工资为{rng.integers(280, 460)}元，甲方每月十日以货币形式支付，不得克扣或者拖欠。",
        "五、双方按照规定参加养老、失业、工伤保险，个人缴纳部分由甲方代扣代缴。",
        "六、因履行本合同发生争议，可以向县劳动争议仲裁委员会申请仲裁。",
        "本合同一式三份，甲乙双方各执一份，鉴证机关存一份，自签字盖章之日起生效。",
    ):
        y = sheet.paragraph(clause, y)
    sheet.write("甲方（盖章）", 40, 240)
    sheet.write("乙方（签字）", 120, 240)
    sheet.write(row.persons, 160, 241, Pen(24, Face.BRUSH, BLUE_BLACK))
    sheet.write(written(row.date), 120, 254)
    sheet.seal(works, 58, 246)


def _personal(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw a form about one person: particulars, photograph, years gone by, opinions and a seal."""
    sheet.title(row.form, 26, Pen(26, Face.SONG_BOLD))
    sheet.write(f"{county.name}　编号：{row.item_no}", _LEFT, 39, Pen(12))
    sheet.write(f"填表日期：{written(row.date)}", 188, 39, Pen(12), align="r")
    born = int(row.year) - (15 if row.form in {Form.SCHOOL, Form.YOUTH} else 24)
    learnt = "小学" if row.form is Form.SCHOOL else pick(rng, ("初中", "高中"))
    sex = "女" if is_woman(row.persons) else "男"
    place, trade = _station(county, row, rng)
    sheet.row([Cell("照片", 32)], 45, 42, x=_LEFT + 134)
    y = _questions(
        sheet,
        45,
        (("姓名", row.persons, 20, 38), ("性别", sex, 18, 18), ("民族", "汉族", 18, 22)),
        (("出生年月", f"{born}年{rng.integers(1, 13)}月", 20, 38), ("籍贯", county.name, 18, 58)),
        (("文化程度", learnt, 20, 38), ("住址", _village(county, rng), 18, 58)),
        ((*place, 20, 74), (*trade, 22, 50)),
        x=_LEFT,
    )
    y = _history(county, row, sheet, rng, y, born)
    for label, opinion in (
        ("基层单位意见", f"经审查，{row.persons}的情况属实，同意上报。"),
        ("主管部门意见", f"经研究，同意按照{row.form[:-3]}有关规定办理，存入本人档案。"),
    ):
        sheet.row([Cell(label, 28), Cell("", 138)], y, 34, x=_LEFT)
        sheet.paragraph(opinion, y + 9, Pen(17, Face.BRUSH, BLUE_BLACK), x=_LEFT + 32, width=128, indent=0)
        sheet.write(written(row.date), _LEFT + 160, y + 28, Pen(13), align="r")
        y += 34
    sheet.seal(row.fonds_name, 158, y - 14, radius=18)


def _station(county: County, row: CatalogueRow, rng: np.random.Generator) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the questions about place and post that this form asks, with answers."""
    match row.form:
        case Form.SCHOOL:
            return ("现读学校", row.creator), ("班级", f"初一（{rng.integers(1, 7)}）班")
        case Form.YOUTH:
            team = f"{pick(rng, county.towns)}红旗大队第{rng.integers(2, 9)}生产队"
            return ("插队地点", team), ("家庭出身", pick(rng, ("工人", "职员", "店员", "教员")))
        case _:
            return ("招收单位", _works(county, rng)), ("工种", _trade(rng))


def _history(county: County, row: CatalogueRow, sheet: Sheet, rng: np.random.Generator, y: float, born: int) -> float:
    """Write the years gone by and the family, and return where the form goes on."""
    widths = (46, 86, 34)
    y = sheet.row(_cells(("起止年月", "在何地何单位学习或工作", "证明人"), widths), y, 11, x=_LEFT)
    for start, stop, where in _years(county, born, int(row.year), rng):
        cells = (f"{start}年至{stop}年", where, person(rng, born - 15, woman=False))
        y = sheet.row(_cells(cells, widths, by_hand=True), y, 13, x=_LEFT)
    y = sheet.row(_cells(("家庭成员", "姓名、年龄、工作单位", "关系"), widths), y, 11, x=_LEFT)
    father = row.persons[0] + person(rng, born - 25, woman=False)[1:]
    for relation, name in (("父亲", father), ("母亲", person(rng, born - 24, woman=True))):
        age = int(row.year) - born + int(rng.integers(22, 32))
        cells = ("", f"{name}，{age}岁，{pick(rng, county.towns)}务农", relation)
        y = sheet.row(_cells(cells, widths, by_hand=True), y, 13, x=_LEFT)
    return y


def _years(county: County, born: int, until: int, rng: np.random.Generator) -> list[tuple[int, int, str]]:
    """Return the stations of a life so far: years from and to, and the place."""
    stations = [(born + 7, min(born + 13, until), f"{pick(rng, county.towns)}中心小学读书")]
    if until > born + 13:
        stations.append((born + 13, min(born + 16, until), f"{county.name}第一中学读书"))
    if until > born + 16:
        stations.append((born + 16, until, f"{pick(rng, county.towns)}生产队劳动"))
    return stations


def _village(county: County, rng: np.random.Generator) -> str:
    return f"{pick(rng, county.towns)}第{rng.integers(2, 12)}村"


def _works(county: County, rng: np.random.Generator) -> str:
    return county.name + pick(rng, ("棉纺织厂", "化肥厂", "农机修造厂", "水泥厂", "印刷厂", "酿酒厂"))


def _trade(rng: np.random.Generator) -> str:
    return pick(rng, ("车工", "钳工", "挡车工", "电工", "保管员", "司炉工"))
