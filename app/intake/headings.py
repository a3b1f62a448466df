"""What counties write over their columns, and which element each of these words means."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from app.kernel.hashes import Digest, canonical, sha256

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "fonds_code": ("全宗号", "全宗编号", "全宗代码", "fonds", "fonds code", "fonds no"),
    "fonds_name": ("全宗名称", "全宗名", "立档单位", "立档单位名称", "fonds name", "fonds title"),
    "category_code": ("门类", "门类代码", "档案门类", "类别", "类别号", "档案类别", "category", "category code"),
    "catalogue_no": ("目录号", "目录编号", "catalogue no", "catalog no", "inventory no"),
    "year": ("年度", "归档年度", "档案年度", "形成年度", "year"),
    "org_or_question": ("机构或问题", "机构问题", "机构(问题)", "机构", "问题", "organisation", "organization"),
    "archive_file_no": ("案卷号", "馆编案卷号", "卷号", "file", "file no", "file number"),
    "archive_item_no": ("件号", "馆编件号", "卷内顺序号", "顺序号", "item", "item no", "item number"),
    "ref_code": ("档号", "档案号", "文件档号", "电子档号", "reference code", "ref code", "reference"),
    "title": ("题名", "标题", "文件题名", "文件标题", "正题名", "文件名称", "title"),
    "creator": ("责任者", "第一责任者", "作者", "发文单位", "发文机关", "responsible party", "creator", "author"),
    "doc_no": ("文号", "文件编号", "发文字号", "文件字号", "document number", "document no", "doc no"),
    "date": ("日期", "成文日期", "形成日期", "文件日期", "成文时间", "形成时间", "date"),
    "retention": ("保管期限", "期限", "保存期限", "retention", "retention period"),
    "secrecy": ("密级", "保密等级", "密级程度", "secrecy", "security level", "classification"),
    "persons": ("人名", "姓名", "人员", "涉及人员", "当事人", "people", "persons", "names"),
    "keywords": ("关键词", "主题词", "keywords", "subject"),
    "abstract": ("摘要", "内容摘要", "内容提要", "提要", "abstract", "summary"),
    "doc_type": ("文种", "文件类型", "document type", "doc type"),
    "language": ("语种", "语言", "language"),
    "page_count": ("页数", "总页数", "张数", "pages", "page count"),
    "note": ("备注", "附注", "说明", "note", "notes", "remarks"),
}
"""Element to the headings it is known under; the first is the template's."""

ELEMENTS = tuple(SYNONYMS)

_BRACKETED = re.compile(r"[(\[【][^)\]】]*[)\]】]")
_MARKS = re.compile(r"[\W_]+")


def _plain(heading: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKC", heading).casefold())


_ELEMENT_OF = {_plain(word): element for element, words in SYNONYMS.items() for word in words}


def element_of(heading: str) -> str:
    """Return the element a heading means, or nothing; marks, spaces and hints in brackets do not count."""
    whole = unicodedata.normalize("NFKC", heading)
    return _ELEMENT_OF.get(_plain(whole)) or _ELEMENT_OF.get(_plain(_BRACKETED.sub("", whole)), "")


def proposed(columns: Sequence[str]) -> dict[str, str]:
    """Return an element for each column that is understood; the first of two columns has it."""
    mapping: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        element = element_of(column)
        mapping[column] = "" if element in taken else element
        taken.add(element)
    return mapping


def digest_of(columns: Sequence[str]) -> Digest:
    """Return what a row of headings is remembered by."""
    return sha256(canonical(list(columns)))
